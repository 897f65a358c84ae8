/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STS speaks as EC2 does, under another version. What it refuses is told in its own words.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html
 */
#include "ec2/sts.h"

#include "base/buf.h"
#include "base/err.h"
#include "ec2/creds.h"
#include "ec2/endpoint.h"
#include "ec2/plan.h"
#include "ec2/profile.h"
#include "ec2/request.h"
#include "ec2/sender.h"
#include "ec2/verdict.h"
#include "sys/http.h"

#include <string.h>

#define VERSION_PARAM "&Version=2011-06-15"
#define CONTENT_TYPE "application/x-www-form-urlencoded; charset=utf-8"
#define SESSION "ec2workerd"
#define TOTAL_MS 10000
#define REPLY_MAX 65535u

struct sts_call {
	const char *action; /* static */
	char *arn;
	struct buf body;
	struct sender *sender;    /* of a signed call */
	struct http_call *flight; /* of one that is not */
	keyset_done *done;
	void *arg;
};

static struct sts_call *
call_new(const char *action, const struct role *role, keyset_done *done, void *arg)
{
	struct sts_call *call = NEW(struct sts_call);
	struct buf *body = &call->body;
	AUTO(free) char *seconds = xasprintf("%u", role->duration_s);

	call->action = action;
	call->arn = xstrdup(role->arn);
	call->done = done;
	call->arg = arg;
	buf_printf(body, "Action=%s" VERSION_PARAM, action);
	ec2_param(body, "RoleArn", role->arn);
	ec2_param(body, "RoleSessionName",
		role->session != NULL ? role->session : SESSION);
	if (role->duration_s != 0)
		ec2_param(body, "DurationSeconds", seconds);
	return call;
}

static void
call_free(struct sts_call *call)
{
	sender_free(call->sender);
	buf_wipe_fini(&call->body);
	free(call->arn);
	free(call);
}

void
sts_cancel(struct sts_call *call)
{
	if (call == NULL)
		return;
	http_cancel(call->flight);
	call_free(call);
}

static bool
may_pass(const struct err *err, enum ec2_class class)
{
	return class == EC2_CLASS_THROTTLE || class == EC2_CLASS_PASSING ||
		strcmp(err->origin, "IDPCommunicationError") == 0;
}

static int
judge(const struct sts_call *call, const struct http_reply *reply, struct keyset *ret,
	struct err *err)
{
	enum ec2_class class;

	if (!reply->complete)
		return err_set(err, ERR_NETWORK, "%s: %s", call->action, reply->error);
	if (reply->status != 200) {
		class = ec2_judge_error(call->action, reply, err);
		if (may_pass(err, class))
			err->code = ERR_NETWORK;
		return -1;
	}
	if (keyset_parse_sts(call->action, reply->body, reply->body_len, ret, err) == 0)
		return 0;
	/* Something between us and STS speaks, or STS in a way that we do not know. */
	err->code = ERR_NETWORK;
	return err_wrap(err, "%s: an answer that is none", call->action);
}

static void
give(struct sts_call *call, const struct http_reply *reply)
{
	AUTO(keyset) struct keyset keys = {0};
	struct err err = {0};
	bool good = judge(call, reply, &keys, &err) == 0;

	if (!good)
		err_wrap(&err, "role %s", call->arn);
	call->done(call->arg, good ? LOOK_FOUND : LOOK_FAILED, good ? &keys : NULL,
		&err);
	call_free(call);
}

static void
on_reply(void *arg, const struct http_reply *reply)
{
	struct sts_call *call = arg;

	call->flight = NULL;
	give(call, reply);
}

/* The keys it asks with are given, so there always is a reply. */
static void
on_sent(void *arg, const struct sender_result *result)
{
	give(arg, result->reply);
}

static struct sender *
new_sender(const struct sts_conf *conf, const struct keyset *as, const char *url)
{
	const struct ec2_creds_source keys = {
		.identifier = as->id,
		.secret = as->secret.text,
		.session_token = as->token.text,
	};
	const struct sender_conf sender = {
		.url = url,
		.region = conf->region,
		.service = "sts",
		.content_type = CONTENT_TYPE,
		.ca_file = conf->ca_file,
		.total_ms = TOTAL_MS,
	};
	struct ec2_creds *creds = ec2_creds_new(conf->loop, conf->http, &keys);
	struct sender *s = sender_new(conf->loop, conf->http, creds, &sender);

	ec2_creds_unref(creds);
	return s;
}

static char *
url_of(const struct sts_conf *conf)
{
	const char *given = conf->endpoint;

	if (given == NULL)
		given = ec2_env("AWS_ENDPOINT_URL_STS");
	return given != NULL ? xstrdup(given) : endpoint_default("sts", conf->region);
}

struct sts_call *
sts_assume(const struct sts_conf *conf, const struct keyset *as,
	const struct role *role, keyset_done *done, void *arg)
{
	struct sts_call *call = call_new("AssumeRole", role, done, arg);
	AUTO(free) char *url = url_of(conf);
	struct sender_request request = {.mutating = false};

	if (role->external_id != NULL)
		ec2_param(&call->body, "ExternalId", role->external_id);
	request.body = buf_str(&call->body);
	request.len = call->body.len;
	call->sender = new_sender(conf, as, url);
	(void)sender_start(call->sender, &request, on_sent, call); /* ends with it */
	return call;
}

struct sts_call *
sts_web_identity(const struct sts_conf *conf, const struct role *role,
	const char *token, keyset_done *done, void *arg)
{
	struct sts_call *call = call_new("AssumeRoleWithWebIdentity", role, done, arg);
	const struct http_header type = {"Content-Type", CONTENT_TYPE};
	AUTO(free) char *url = url_of(conf);
	struct http_request request = {
		.method = "POST",
		.headers = &type,
		.header_count = 1,
		.ca_file = sender_ca_file(conf->ca_file),
		.total_ms = TOTAL_MS,
		.reply_max = REPLY_MAX,
	};
	struct endpoint endpoint;

	ec2_param(&call->body, "WebIdentityToken", token);
	endpoint_init(&endpoint, url);
	request.url = endpoint.url;
	request.plain = endpoint.plain;
	request.body = buf_str(&call->body);
	request.body_len = call->body.len;
	call->flight = http_start(conf->http, &request, on_reply, call);
	endpoint_fini(&endpoint);
	return call;
}
