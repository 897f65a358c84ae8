/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions one after the other: a token, then the name of the role and its keys, or the
 * instance's id. A token
 * lives for one conversation only, so none is kept, and a 401 is answered by a new one.
 */
#include "ec2/imds.h"

#include "base/err.h"
#include "ec2/profile.h"
#include "ec2/reply.h"
#include "sys/http.h"
#include "sys/loop.h"

#include <string.h>
#include <strings.h>

/* What AWS's own library allows, EC2.md 10. */
#define CONNECT_MS 2000
#define TOTAL_MS 3000 /* and a second more until all is here */
#define REPLY_MAX 65535u
#define TOKEN_SECONDS "21600"
#define TOKEN_MAX 1024u
#define ROLE_MAX 64u

#define ROLES "/latest/meta-data/iam/security-credentials/"

enum step { STEP_TOKEN, STEP_ROLE, STEP_KEYS, STEP_INSTANCE, STEP_COUNT };

struct imds_call {
	struct http *http; /* borrowed */
	char *endpoint;
	enum step step;
	bool repeated; /* this step, after no answer or a bad one */
	bool renewed;  /* the token, after a 401 */
	struct secret token;
	char *role;
	keyset_done *done;
	imds_instance_done *instance_done; /* in its place, or NULL */
	void *arg;
	struct http_call *flight; /* under way, or NULL */
	struct loop_poke next;
};

static const struct {
	const char *method, *path, *what;
} steps[STEP_COUNT] = {
	[STEP_TOKEN] = {"PUT", "/latest/api/token", "a token"},
	[STEP_ROLE] = {"GET", ROLES, "the role's name"},
	[STEP_KEYS] = {"GET", ROLES, "the role's keys"},
	[STEP_INSTANCE] = {"GET", "/latest/meta-data/instance-id", "the instance's id"},
};

char *
imds_endpoint(const char *configured)
{
	const char *mode = ec2_env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
	bool is_six = mode != NULL && strcasecmp(mode, "IPv6") == 0;
	char *url;

	if (configured == NULL)
		configured = ec2_env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	if (configured == NULL)
		configured = is_six ? "http://[fd00:ec2::254]"
				    : "http://169.254.169.254";
	url = xstrdup(configured);
	for (size_t len = strlen(url); len > 0 && url[len - 1] == '/'; len--)
		url[len - 1] = '\0';
	return url;
}

bool
imds_is_disabled(void)
{
	const char *disabled = ec2_env("AWS_EC2_METADATA_DISABLED");

	return disabled != NULL && strcasecmp(disabled, "true") == 0;
}

static void
call_free(struct imds_call *call)
{
	loop_poke_clear(&call->next);
	secret_fini(&call->token);
	free(call->role);
	free(call->endpoint);
	free(call);
}

void
imds_cancel(struct imds_call *call)
{
	if (call == NULL)
		return;
	http_cancel(call->flight);
	call_free(call);
}

static void
give(struct imds_call *call, enum look look, struct keyset *keys, struct err *err)
{
	if (look != LOOK_FOUND)
		err_wrap(err, "instance metadata at %s", call->endpoint);
	if (call->instance_done != NULL)
		call->instance_done(call->arg, NULL);
	else
		call->done(call->arg, look, keys, err);
	call_free(call);
}

static void
fail(struct imds_call *call, enum err_code code, const char *why)
{
	struct err err;

	err_set(&err, code, "%s", why);
	give(call, LOOK_FAILED, NULL, &err);
}

static void
go_to(struct imds_call *call, enum step step)
{
	call->step = step;
	call->repeated = false;
	loop_poke(&call->next);
}

/* Text that may stand in a header or a path: one word of these. */
static bool
is_word(const char *text, size_t len, size_t max, const char *also)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9');

		if (!plain && (c == '\0' || strchr(also, c) == NULL))
			return false;
	}
	return len > 0 && len <= max;
}

static void
take_token(struct imds_call *call, const struct http_reply *reply)
{
	size_t len = strcspn(reply->body, "\r\n");

	if (!is_word(reply->body, len, TOKEN_MAX, "=+/_-.~:")) {
		fail(call, ERR_SERVICE, "what it gave is no token");
		return;
	}
	secret_fini(&call->token);
	call->token.text = xstrndup(reply->body, len);
	if (call->instance_done != NULL)
		go_to(call, STEP_INSTANCE);
	else
		go_to(call, call->role == NULL ? STEP_ROLE : STEP_KEYS);
}

/* One name a line; there is never more than one. */
static void
take_role(struct imds_call *call, const struct http_reply *reply)
{
	size_t len = strcspn(reply->body, "\r\n");

	if (!is_word(reply->body, len, ROLE_MAX, "+=,.@_-")) {
		fail(call, ERR_SERVICE, "what it gave is no role's name");
		return;
	}
	call->role = xstrndup(reply->body, len);
	go_to(call, STEP_KEYS);
}

static void
take_keys(struct imds_call *call, const struct http_reply *reply)
{
	AUTO(keyset) struct keyset keys = {0};
	struct err err = {0};

	if (keyset_parse_json(reply->body, reply->body_len, &keys, &err) < 0) {
		err_wrap(&err, "role %s", call->role);
		give(call, LOOK_FAILED, NULL, &err);
		return;
	}
	give(call, LOOK_FOUND, &keys, &err);
}

static void
take_instance(struct imds_call *call, const struct http_reply *reply)
{
	AUTO(free)
	char *id = xstrndup(reply->body, strcspn(reply->body, "\r\n"));

	call->instance_done(call->arg, ec2_instance_id_check(id) == 0 ? id : NULL);
	call_free(call);
}

static void
take(struct imds_call *call, const struct http_reply *reply)
{
	switch (call->step) {
	case STEP_TOKEN: take_token(call, reply); return;
	case STEP_ROLE: take_role(call, reply); return;
	case STEP_KEYS: take_keys(call, reply); return;
	case STEP_INSTANCE: take_instance(call, reply); return;
	case STEP_COUNT: break;
	}
}

/* Version 1 would answer without a token; it is never asked. */
static void
refuse(struct imds_call *call, const struct http_reply *reply)
{
	bool is_token = call->step == STEP_TOKEN;
	struct err err;

	if (reply->status == 404 && !is_token) {
		err_set(&err, ERR_CONFIG, "this machine has no role");
		give(call, LOOK_NONE, NULL, &err);
		return;
	}
	err_set(&err, ERR_SERVICE, "HTTP status %ld to %s", reply->status,
		steps[call->step].what);
	if (reply->status == 403)
		err_set(&err, ERR_CONFIG, "it is turned off (HTTP status 403)");
	else if (is_token && (reply->status == 404 || reply->status == 405))
		err_set(&err, ERR_CONFIG,
			"HTTP status %ld to a token: it knows no version 2, and version 1 is "
			"not used",
			reply->status);
	else if (reply->status == 429 || reply->status >= 500)
		err.code = ERR_NETWORK;
	give(call, LOOK_FAILED, NULL, &err);
}

/* Packets with a token have a hop limit, so from a container all else may seem well. */
static void
miss(struct imds_call *call, const struct http_reply *reply)
{
	bool is_token = call->step == STEP_TOKEN;
	struct err err;

	err_set(&err, ERR_NETWORK, "no answer to %s: %s%s", steps[call->step].what,
		reply->error,
		is_token && !reply->never_sent
			? "; from a container this takes a hop limit of 2 or more "
			  "(HttpPutResponseHopLimit)"
			: "");
	give(call, is_token && reply->never_sent ? LOOK_NONE : LOOK_FAILED, NULL, &err);
}

static void
on_reply(void *arg, const struct http_reply *reply)
{
	struct imds_call *call = arg;
	bool is_bad = !reply->complete || reply->status >= 500;

	call->flight = NULL;
	if (is_bad && !call->repeated) {
		call->repeated = true;
		loop_poke(&call->next);
	} else if (!reply->complete) {
		miss(call, reply);
	} else if (reply->status == 401 && call->step != STEP_TOKEN && !call->renewed) {
		call->renewed = true;
		go_to(call, STEP_TOKEN);
	} else if (reply->status != 200) {
		refuse(call, reply);
	} else {
		take(call, reply);
	}
}

static void
on_next(void *arg)
{
	struct imds_call *call = arg;
	bool is_token = call->step == STEP_TOKEN, is_keys = call->step == STEP_KEYS;
	AUTO(free)
	char *url = xasprintf("%s%s%s", call->endpoint, steps[call->step].path,
		is_keys ? call->role : "");
	const struct http_header header = {
		is_token ? "X-aws-ec2-metadata-token-ttl-seconds"
			 : "X-aws-ec2-metadata-token",
		is_token ? TOKEN_SECONDS : call->token.text,
	};
	const struct http_request request = {
		.method = steps[call->step].method,
		.url = url,
		.headers = &header,
		.header_count = 1,
		.plain = true,
		.no_proxy = true,
		.connect_ms = CONNECT_MS,
		.total_ms = TOTAL_MS,
		.reply_max = REPLY_MAX,
	};

	call->flight = http_start(call->http, &request, on_reply, call);
}

static struct imds_call *
call_new(struct loop *loop, struct http *http, const char *endpoint, void *arg)
{
	struct imds_call *call = NEW(struct imds_call);

	call->http = http;
	call->endpoint = xstrdup(endpoint);
	call->arg = arg;
	loop_poke_init(&call->next, loop, on_next, call);
	loop_poke(&call->next);
	return call;
}

struct imds_call *
imds_start(struct loop *loop, struct http *http, const char *endpoint,
	keyset_done *done, void *arg)
{
	struct imds_call *call = call_new(loop, http, endpoint, arg);

	call->done = done;
	return call;
}

struct imds_call *
imds_ask_instance(struct loop *loop, struct http *http, const char *endpoint,
	imds_instance_done *done, void *arg)
{
	struct imds_call *call = call_new(loop, http, endpoint, arg);

	call->instance_done = done;
	return call;
}
