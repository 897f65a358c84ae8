/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer: signature, fault rule, throttle, check, action, reply. What
 * a rule's delay holds back waits here, in the simulator's list.
 */
#include "sim/sim_parts.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "sim/action.h"
#include "sim/cloud.h"
#include "sim/fault.h"
#include "sim/journal.h"
#include "sim/params.h"
#include "sim/sigv4.h"
#include "sim/throttle.h"
#include "sim/wire.h"
#include "sys/crypto.h"
#include "sys/httpd.h"
#include "sys/loop.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#define GARBAGE_LEN 512
#define FAILURE "Server.InternalError"

struct sim_exchange {
	struct sim *sim;
	struct httpd_request *request; /* borrowed until it is answered */
	struct sim_params params;
	struct sim_identity identity;
	const struct sim_service *service;
	const struct sim_action *action;
	char name[64]; /* of what is asked, for rules and the journal; "": unknown */
	struct sim_rule *rule; /* the fault that fired, or NULL */
	uint64_t seq;          /* in the journal */
	char id[CRYPTO_UUID_SIZE];
	struct sim_error error; /* code "" when all went well */
	int status;
	const char *type;
	struct buf body;
	bool done;
	struct loop_timer timer;
	struct sim_exchange *prev, *next; /* while it waits */
	bool waits;
};

const struct sim_service *const sim_services[] = {&sim_ec2, &sim_sts, &sim_ssm, NULL};

static const char *
header(void *arg, const char *name)
{
	return httpd_header(arg, name);
}

static void
exchange_free(struct sim_exchange *x)
{
	if (x->waits)
		DL_DELETE(x->sim->exchanges, x);
	loop_timer_clear(&x->timer);
	sim_rule_release(x->rule);
	sim_params_fini(&x->params);
	buf_fini(&x->body);
	free(x);
}

void
sim_exchanges_free(struct sim *sim)
{
	struct sim_exchange *x, *next;

	DL_FOREACH_SAFE(sim->exchanges, x, next) {
		httpd_drop(x->request);
		exchange_free(x);
	}
}

static void
set_error(struct sim_exchange *x)
{
	buf_clear(&x->body);
	sim_wire_error(x->service, &x->error, x->id, &x->body);
	x->status = x->error.status;
	x->type = sim_wire_type(x->service);
}

/* The Date header is the server's clock; only a wrong one needs to be said. */
static void
add_headers(struct sim_exchange *x)
{
	httpd_add_header(x->request, "x-amzn-RequestId", x->id);
	if (x->sim->scenario.clock_offset != 0) {
		time_t now = (time_t)(sim_wall_ms(x->sim) / 1000);
		struct tm tm;
		char text[64];

		gmtime_r(&now, &tm);
		(void)strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		httpd_add_header(x->request, "Date", text);
	}
}

static void
add_retry_after(struct sim_exchange *x)
{
	int64_t ms = x->rule->fault.retry_after;
	char text[24];

	if (ms == 0)
		return;
	(void)snprintf(text, sizeof(text), "%lld", (long long)((ms + 999) / 1000));
	httpd_add_header(x->request, "Retry-After", text);
}

static void
reply(struct sim_exchange *x)
{
	add_headers(x);
	httpd_reply(x->request, x->status, x->type, buf_str(&x->body), x->body.len);
}

static void
run_action(struct sim_exchange *x)
{
	struct sim_call call = {
		.cloud = x->sim->cloud,
		.scenario = &x->sim->scenario,
		.prices = x->sim->prices,
		.bids = x->sim->bids,
		.keys = x->sim->keys,
		.identity = &x->identity,
		.wall_ms = sim_wall_ms(x->sim),
		.action = x->action,
		.params = &x->params,
		.region = x->identity.region,
		.dry_run = sim_params_true(&x->params, "DryRun"),
		.out = &x->body,
	};

	buf_clear(&x->body);
	sim_wire_open(x->service, x->action, x->id, &x->body);
	if (sim_call_permit(&call, x->action->name) != 0 ||
		x->action->run(&call) != 0) {
		x->error = call.error;
		set_error(x);
		return;
	}
	sim_wire_close(x->service, x->action, x->id, &x->body);
	x->status = 200;
	x->type = sim_wire_type(x->service);
	x->done = true;
}

static int
check(struct sim_exchange *x)
{
	const char *version = sim_params_get(&x->params, "Version");

	if (x->service->version != NULL && !str_equal(version, x->service->version))
		return sim_fail(&x->error, SIM_NO_SUCH_VERSION,
			"The requested version (%.40s) is not valid.",
			version != NULL ? version : "");
	if (x->sim->throttle != NULL &&
		sim_throttle_spend(x->sim->throttle, x->identity.region, x->action,
			&x->params, &x->error) != 0)
		return -1;
	return sim_params_check(&x->params, x->action->params, x->service->common,
		&x->error);
}

/* What a rule has in store for the instances that were started since. */
static void
doom(struct sim_exchange *x, size_t since)
{
	const struct sim_fault *f = &x->rule->fault;

	for (size_t n = since; n < sim_cloud_count(x->sim->cloud); n++) {
		struct sim_instance *i = sim_cloud_at(x->sim->cloud, n);

		if (f->effect == SIM_EFFECT_STICK)
			sim_cloud_stick_in(x->sim->cloud, i,
				f->state >= 0 ? (enum sim_state)f->state : SIM_PENDING);
		else if (f->effect == SIM_EFFECT_FAIL)
			sim_cloud_fail(i, f->code != NULL ? f->code : FAILURE);
	}
}

/* Does the action, and fills status and body. */
static void
act(struct sim_exchange *x)
{
	size_t before = sim_cloud_count(x->sim->cloud);

	if (check(x) != 0) {
		set_error(x);
		return;
	}
	run_action(x);
	if (x->rule != NULL && x->rule->fault.effect == SIM_EFFECT_TWICE) {
		x->error = (struct sim_error){0};
		run_action(x);
	}
	if (x->rule != NULL)
		doom(x, before);
}

static void
lie(struct sim_exchange *x, enum sim_code code, const char *message)
{
	const struct sim_fault *f = &x->rule->fault;

	sim_fail(&x->error, code, "%s", f->message != NULL ? f->message : message);
	if (f->code != NULL) {
		(void)snprintf(x->error.code, sizeof(x->error.code), "%s", f->code);
		x->error.status = sim_code_status(f->code);
	}
	if (f->status != FIELD_NULL)
		x->error.status = (int)f->status;
	set_error(x);
	add_retry_after(x);
	reply(x);
}

static void
do_error(struct sim_exchange *x)
{
	lie(x, SIM_INTERNAL_ERROR, "An internal error has occurred");
}

static void
do_throttle(struct sim_exchange *x)
{
	lie(x, SIM_REQUEST_LIMIT_EXCEEDED, "Request limit exceeded.");
}

static void
do_drop(struct sim_exchange *x)
{
	x->status = 0;
	httpd_drop(x->request);
}

static void
do_reset(struct sim_exchange *x)
{
	x->status = 0;
	httpd_reset(x->request);
}

static void
do_cut(struct sim_exchange *x)
{
	size_t at = (size_t)x->rule->fault.at;

	add_headers(x);
	httpd_reply_cut(x->request, x->status, x->type, buf_str(&x->body),
		at < x->body.len ? at : x->body.len, x->body.len);
}

static void
do_length(struct sim_exchange *x)
{
	size_t at = (size_t)x->rule->fault.at;

	add_headers(x);
	httpd_reply_cut(x->request, x->status, x->type, buf_str(&x->body), x->body.len,
		at);
}

static void
set_body(struct sim_exchange *x, int status, const char *type, const char *body,
	size_t len)
{
	const struct sim_fault *f = &x->rule->fault;

	buf_clear(&x->body);
	buf_add(&x->body, body, len);
	x->status = f->status != FIELD_NULL ? (int)f->status : status;
	x->type = type;
	add_retry_after(x);
	reply(x);
}

static void
do_html(struct sim_exchange *x)
{
	static const char page[] =
		"<html><head><title>Service Unavailable</title></head>\n"
		"<body><h1>Service Unavailable</h1><hr></body></html>\n";

	set_body(x, 503, "text/html", page, strlen(page));
}

static void
do_garbage(struct sim_exchange *x)
{
	char body[GARBAGE_LEN];
	struct rng rng;

	/* The same bytes every time: only that they are no XML matters. */
	rng_seed(&rng, 1);
	for (size_t n = 0; n < sizeof(body); n++)
		body[n] = (char)rng_u64(&rng);
	set_body(x, 200, sim_wire_type(x->service), body, sizeof(body));
}

static void
do_empty(struct sim_exchange *x)
{
	set_body(x, 200, sim_wire_type(x->service), "", 0);
}

static void (*const effects[SIM_EFFECT_COUNT])(struct sim_exchange *) = {
	[SIM_EFFECT_ERROR] = do_error,
	[SIM_EFFECT_THROTTLE] = do_throttle,
	[SIM_EFFECT_DROP] = do_drop,
	[SIM_EFFECT_RESET] = do_reset,
	[SIM_EFFECT_CUT] = do_cut,
	[SIM_EFFECT_LENGTH] = do_length,
	[SIM_EFFECT_DELAY] = reply,
	[SIM_EFFECT_TWICE] = reply,
	[SIM_EFFECT_HTML] = do_html,
	[SIM_EFFECT_GARBAGE] = do_garbage,
	[SIM_EFFECT_EMPTY] = do_empty,
	[SIM_EFFECT_STICK] = reply,
	[SIM_EFFECT_FAIL] = reply,
};

/* Sends what there is to send, and writes the outcome down. */
static void
answer(struct sim_exchange *x)
{
	struct sim_record *r;

	if (x->rule != NULL)
		effects[x->rule->fault.effect](x);
	else
		reply(x);
	r = sim_journal_find(x->sim->journal, x->seq);
	if (r != NULL) {
		r->status = x->status;
		r->done = x->done;
		(void)snprintf(r->code, sizeof(r->code), "%.39s", x->error.code);
	}
	exchange_free(x);
}

static void
on_after(void *arg)
{
	answer(arg);
}

static void
wait_for(struct sim_exchange *x, loop_fn *fn)
{
	DL_APPEND(x->sim->exchanges, x);
	x->waits = true;
	loop_timer_init(&x->timer, x->sim->loop, fn, x);
	loop_timer_in(&x->timer, x->rule->fault.delay);
}

static void
serve(struct sim_exchange *x)
{
	const struct sim_fault *f = x->rule != NULL ? &x->rule->fault : NULL;

	if (f == NULL || sim_fault_acts(f))
		act(x);
	if (f != NULL && f->after && f->delay > 0)
		wait_for(x, on_after);
	else
		answer(x);
}

static void
on_before(void *arg)
{
	struct sim_exchange *x = arg;
	struct sim *sim = x->sim;

	DL_DELETE(sim->exchanges, x);
	x->waits = false;
	sim_advance(sim);
	serve(x);
	sim_advance(sim);
}

/* What X-Amz-Target says is JSON; else the form of a POST, the query of anything else. */
static int
read_params(struct sim_exchange *x)
{
	const char *target = httpd_target(x->request);
	const char *operation = httpd_header(x->request, "X-Amz-Target");
	const char *query = strchr(target, '?');
	size_t len;
	const char *body = httpd_body(x->request, &len);

	if (operation != NULL) {
		x->service = &sim_ssm; /* the only one that speaks so, errors too */
		return sim_wire_read_json(operation, body, len, &x->params, &x->error);
	}
	if (strcmp(httpd_method(x->request), "POST") == 0)
		return sim_params_parse(body, len, &x->params, &x->error);
	query = query != NULL ? query + 1 : "";
	return sim_params_parse(query, strlen(query), &x->params, &x->error);
}

static int
authenticate(struct sim_exchange *x)
{
	struct sim_http http = {
		.method = httpd_method(x->request),
		.target = httpd_target(x->request),
		.header = header,
		.arg = x->request,
	};

	if (x->action != NULL && x->action->anonymous &&
		httpd_header(x->request, "Authorization") == NULL) {
		(void)snprintf(x->identity.region, sizeof(x->identity.region),
			"us-east-1");
		(void)snprintf(x->identity.service, sizeof(x->identity.service), "%s",
			x->service->name);
		return 0;
	}
	http.body = httpd_body(x->request, &http.body_len);
	return sim_sigv4_verify(x->sim->keys, &http, sim_wall_ms(x->sim), &x->identity,
		&x->error);
}

/* By its name alone, so that a call counts even if its signature is wrong. */
static void
name_action(struct sim_exchange *x)
{
	const char *name = sim_params_get(&x->params, "Action");

	for (size_t n = 0; name != NULL && sim_services[n] != NULL; n++) {
		x->action = sim_action_find(sim_services[n], name);
		if (x->action != NULL) {
			x->service = sim_services[n];
			return;
		}
	}
}

static int
find_action(struct sim_exchange *x)
{
	const char *name = sim_params_get(&x->params, "Action");

	x->service = NULL;
	for (size_t n = 0; sim_services[n] != NULL; n++)
		if (strcmp(sim_services[n]->name, x->identity.service) == 0)
			x->service = sim_services[n];
	if (x->service == NULL)
		return sim_fail(&x->error, SIM_AUTH_FAILURE,
			"Credential should be scoped to a valid service; '%s' is not one here.",
			x->identity.service);
	if (name == NULL)
		return sim_fail(&x->error, SIM_MISSING_ACTION,
			"The request is missing the parameter Action");
	x->action = sim_action_find(x->service, name);
	if (x->action == NULL)
		return sim_fail(&x->error, SIM_INVALID_ACTION,
			"The action %.100s is not valid for this web service.", name);
	return 0;
}

static void
name_request(struct sim_exchange *x)
{
	if (x->action != NULL)
		(void)snprintf(x->name, sizeof(x->name), "%s%s",
			sim_params_true(&x->params, "DryRun") ? SIM_DRY_RUN : "",
			x->action->name);
}

static int
accept_request(struct sim_exchange *x)
{
	if (read_params(x) != 0)
		return -1;
	name_action(x);
	return authenticate(x) != 0 ? -1 : find_action(x);
}

static void
note(struct sim_exchange *x)
{
	const char *authorization = httpd_header(x->request, "Authorization");
	const char *head[3] = {httpd_method(x->request), httpd_target(x->request),
		authorization != NULL ? authorization : ""};
	struct sim_record *r;
	size_t len;
	const char *body = httpd_body(x->request, &len);

	r = sim_journal_add(x->sim->journal, x->name[0] != '\0' ? x->name : NULL, head,
		body, len);
	x->seq = r->seq;
	(void)snprintf(r->request_id, sizeof(r->request_id), "%s", x->id);
	r->fault = x->rule != NULL ? x->rule->id : 0;
}

void
sim_exchange_begin(struct sim *sim, struct httpd_request *request)
{
	struct sim_exchange *x = NEW(struct sim_exchange);
	bool good;

	x->sim = sim;
	x->request = request;
	crypto_uuid(x->id);
	good = accept_request(x) == 0;
	name_request(x);
	if (good) {
		struct sim_fault_subject subject = {x->name, x->identity.region,
			&x->params, sim->cloud};

		x->rule = sim_faults_pick(sim->faults, &subject);
	}
	note(x);
	if (!good) {
		set_error(x);
		answer(x);
	} else if (x->rule != NULL && !x->rule->fault.after &&
		x->rule->fault.delay > 0) {
		wait_for(x, on_before);
	} else {
		serve(x);
	}
}
