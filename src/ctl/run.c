/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of one call, and the list that comes in pages.
 */
#include "ctl/run.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/nearest.h"

#include <string.h>
#include <time.h>

#define RECONNECT_MS 200

/* What came back; both NULL: nothing yet. Owned. */
struct answer {
	json_t *result, *error;
};

static void
on_answer(void *arg, const json_t *result, const json_t *error)
{
	struct answer *a = arg;

	a->result = json_incref((json_t *)(uintptr_t)result);
	a->error = json_incref((json_t *)(uintptr_t)error);
}

static void
answer_fini(struct answer *a)
{
	json_decref(a->result);
	json_decref(a->error);
}

void
run_show(const struct ctl *c, const struct verb *v, const json_t *result)
{
	AUTO(buf) struct buf text = {.data = NULL};

	if (c->options.json) {
		ctl_print_json(c, result);
	} else if (v->render != NULL) {
		v->render(c, result, &text);
		(void)fputs(buf_str(&text), c->out);
	}
}

int64_t
run_patience(const struct ctl *c, const struct verb *v)
{
	bool waits = v->method < RPC_METHOD_COUNT &&
		field_find(rpc_specs[v->method].params, "timeout") != NULL;

	if (c->options.timeout != FIELD_NULL)
		return c->options.timeout + (waits ? RUN_GRACE_MS : 0);
	return waits ? 0 : RUN_PATIENCE_MS;
}

void
run_lost(struct ctl *c, const struct err *err)
{
	enum ctl_exit code = CTL_NO_DAEMON;

	if (err->code == ERR_TIMEOUT)
		code = CTL_TIMED_OUT;
	else if (err->code == ERR_FORBIDDEN)
		code = CTL_FORBIDDEN;
	c->code = ctl_complain(c, code, "%s", err->text);
}

static int64_t
last_try_ms(const struct ctl *c, int64_t began_ms, int64_t *lost_ms)
{
	int64_t now = clock_ms();

	if (c->options.timeout != FIELD_NULL)
		return began_ms + c->options.timeout;
	if (*lost_ms == 0 || now - *lost_ms > 2 * RUN_PATIENCE_MS)
		*lost_ms = now;
	return *lost_ms + RUN_PATIENCE_MS;
}

bool
run_reconnect(struct ctl *c, int64_t began_ms, int64_t *lost_ms, struct err *err)
{
	static const struct timespec pause = {.tv_nsec = RECONNECT_MS * 1000000};
	int64_t last_ms = last_try_ms(c, began_ms, lost_ms);

	client_free(c->client);
	c->client = NULL;
	while (clock_ms() < last_ms) {
		(void)nanosleep(&pause, NULL); /* a signal makes it shorter */
		if (ctl_connect(c, err) == 0)
			return true;
	}
	return false;
}

/* To a worker that is unknown, which may be meant. */
static enum ctl_exit
show_error(const struct ctl *c, const char *worker, const json_t *error)
{
	struct nearest *n = NULL;
	enum ctl_exit code;
	struct err err;

	if (!c->options.json && worker != NULL && nearest_helps(error)) {
		n = nearest_ask(c->client, worker, NULL, NULL);
		/* Without an answer there is no suggestion, and that is all. */
		(void)client_run(c->client, RUN_PATIENCE_MS, &err);
	}
	code = ctl_show_error(c, worker, error, n != NULL ? nearest_found(n) : NULL);
	nearest_free(n);
	return code;
}

void
run_failed(struct ctl *c, const struct err *err)
{
	if (c->code == CTL_DONE)
		run_lost(c, err);
}

/* Calls and waits. -1 as run_list. */
static int
ask(struct ctl *c, const struct verb *v, const char *method, json_t *params,
	struct answer *a, struct err *err)
{
	const char *worker = json_string_value(json_object_get(params, "worker"));

	client_call(c->client, method, params, on_answer, a);
	if (client_run(c->client, run_patience(c, v), err) != 0)
		return -1;
	if (a->error != NULL)
		c->code = show_error(c, worker, a->error);
	return a->error != NULL ? -1 : 0;
}

void
run_once(struct ctl *c, const struct verb *v)
{
	struct answer a = {NULL, NULL};
	struct err err;

	if (ask(c, v, rpc_specs[v->method].name, c->params, &a, &err) == 0)
		run_show(c, v, a.result);
	else
		run_failed(c, &err);
	answer_fini(&a);
}

void
run_check(struct ctl *c, const struct verb *v)
{
	struct answer a = {NULL, NULL};
	struct err err;

	if (ask(c, v, rpc_specs[v->method].name, c->params, &a, &err) == 0) {
		run_show(c, v, a.result);
		if (!json_is_true(json_object_get(a.result, "ok")))
			c->code = CTL_FAILED;
	} else {
		run_failed(c, &err);
	}
	answer_fini(&a);
}

int
run_list(struct ctl *c, const struct verb *v, json_t *params, json_t *workers,
	struct err *err)
{
	/* A limit that the user sets is for the whole list, and then one page is enough. */
	bool more = true, limited = json_object_get(params, "limit") != NULL;

	while (more) {
		struct answer a = {NULL, NULL};
		json_t *cursor;

		if (ask(c, v, rpc_specs[RPC_WORKER_LIST].name, params, &a, err) != 0) {
			answer_fini(&a);
			return -1;
		}
		(void)json_array_extend(workers, json_object_get(a.result, "workers"));
		cursor = json_object_get(a.result, "cursor");
		more = json_is_string(cursor) && !limited;
		if (more)
			(void)json_object_set(params, "cursor", cursor);
		answer_fini(&a);
	}
	return 0;
}

void
run_pages(struct ctl *c, const struct verb *v)
{
	json_t *result = json_pack("{s:[]}", "workers");
	struct err err;

	if (run_list(c, v, c->params, json_object_get(result, "workers"), &err) == 0)
		run_show(c, v, result);
	else
		run_failed(c, &err);
	json_decref(result);
}

/* call METHOD [JSON] */
void
run_call(struct ctl *c, const struct verb *v)
{
	const struct strings *words = c->words;
	struct answer a = {NULL, NULL};
	json_error_t why;
	json_t *params = json_object();
	struct err err;

	if (words->count == 2) {
		json_decref(params);
		params = json_loads(words->items[1], JSON_REJECT_DUPLICATES, &why);
	}
	if (params == NULL) {
		c->code = ctl_complain(c, CTL_USAGE, "the parameters are not JSON: %s",
			why.text);
		return;
	}
	if (ask(c, v, words->items[0], params, &a, &err) == 0)
		run_show(c, v, a.result);
	else
		run_failed(c, &err);
	json_decref(params);
	answer_fini(&a);
}
