/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one request: keys, flight, perhaps again, done. At any time exactly one of
 * a wait for keys, a transfer or a poke will go on with it.
 */
#include "ec2/sender.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/creds.h"
#include "ec2/reply.h"
#include "ec2/sigv4.h"
#include "ec2/verdict.h"
#include "sys/http.h"
#include "sys/loop.h"

#include <stdlib.h>
#include <utlist.h>

#define OFFSET_MIN_MS 300000 /* what the SDKs take for a wrong clock */

struct sender {
	struct loop *loop;       /* borrowed */
	struct http *http;       /* borrowed */
	struct ec2_creds *creds; /* counted */
	struct endpoint endpoint;
	char *region, *service, *content_type, *target, *ca_file;
	int64_t total_ms;
	struct sigv4_cache cache;
	int64_t offset_ms;
	struct sender_call *calls;
};

struct sender_call {
	struct sender *sender; /* borrowed; it ends its calls before it goes */
	struct sender_request request;
	sender_done *done;
	void *arg;
	struct ec2_creds_call *keys; /* waiting for them, or NULL */
	struct http_call *flight;    /* under way, or NULL */
	struct loop_poke again;
	int64_t began_ms;
	int64_t signed_ms;    /* the wall clock that was signed, offset included */
	unsigned keys_serial; /* of the keys that were used */
	bool clock_taken, keys_renewed; /* once each */
	struct sender_call *prev, *next;
};

const char *
sender_ca_file(const char *configured)
{
	if (configured == NULL || configured[0] == '\0')
		configured = getenv("AWS_CA_BUNDLE");
	return configured != NULL && configured[0] != '\0' ? configured : NULL;
}

struct sender *
sender_new(struct loop *loop, struct http *http, struct ec2_creds *creds,
	const struct sender_conf *conf)
{
	struct sender *s = NEW(struct sender);

	s->loop = loop;
	s->http = http;
	s->creds = ec2_creds_ref(creds);
	endpoint_init(&s->endpoint, conf->url);
	s->region = xstrdup(conf->region);
	s->service = xstrdup(conf->service);
	s->content_type = xstrdup(conf->content_type);
	s->target = xstrdup_opt(conf->target);
	s->ca_file = xstrdup_opt(sender_ca_file(conf->ca_file));
	s->total_ms = conf->total_ms;
	return s;
}

void
sender_free(struct sender *s)
{
	struct sender_call *call, *tmp;

	if (s == NULL)
		return;
	DL_FOREACH_SAFE(s->calls, call, tmp)
		sender_cancel(call);
	sigv4_cache_fini(&s->cache);
	ec2_creds_unref(s->creds);
	endpoint_fini(&s->endpoint);
	free(s->region);
	free(s->service);
	free(s->content_type);
	free(s->target);
	free(s->ca_file);
	free(s);
}

int64_t
sender_offset_ms(const struct sender *s)
{
	return s->offset_ms;
}

/* From here on the sender does not know the call any more. */
static void
detach(struct sender_call *call)
{
	DL_DELETE(call->sender->calls, call);
	loop_poke_clear(&call->again);
}

void
sender_cancel(struct sender_call *call)
{
	if (call == NULL)
		return;
	detach(call);
	if (call->keys != NULL)
		ec2_creds_cancel(call->keys);
	if (call->flight != NULL)
		http_cancel(call->flight);
	free(call);
}

/* The callback may free the sender. */
static void
finish(struct sender_call *call, const struct http_reply *reply, const struct err *err)
{
	const struct sender_result result = {
		.reply = reply,
		.err = err,
		.began_ms = call->began_ms,
	};

	detach(call);
	call->done(call->arg, &result);
	free(call);
}

/* A small difference is left to whoever keeps the clock right; a large one to nobody. */
static void
learn_clock(struct sender *s, const struct http_reply *reply)
{
	int64_t off;

	if (reply->date_ms == 0)
		return;
	off = reply->date_ms - clock_wall_ms();
	s->offset_ms = llabs(off) >= OFFSET_MIN_MS ? off : 0;
}

static bool
is_refused_signature(const struct http_reply *reply)
{
	struct err err = {0};

	if (!reply->complete || reply->status < 400)
		return false;
	return ec2_parse_error(reply->body, reply->body_len, &err) == 0 &&
		ec2_classify_code(err.origin) == EC2_CLASS_AUTH_CLOCK;
}

/* Whether there is something new to sign with: another time, or other keys. */
static bool
has_remedy(struct sender_call *call, const struct http_reply *reply)
{
	struct sender *s = call->sender;

	if (!call->clock_taken && reply->date_ms != 0 &&
		llabs(reply->date_ms - call->signed_ms) >= OFFSET_MIN_MS) {
		call->clock_taken = true;
		return true;
	}
	if (!call->keys_renewed && ec2_creds_invalidate(s->creds, call->keys_serial)) {
		call->keys_renewed = true;
		return true;
	}
	return false;
}

static void
on_reply(void *arg, const struct http_reply *reply)
{
	struct sender_call *call = arg;

	call->flight = NULL;
	learn_clock(call->sender, reply);
	if (reply->never_sent && call->request.sends != NULL)
		(*call->request.sends)--;
	if (is_refused_signature(reply) && has_remedy(call, reply))
		loop_poke(&call->again);
	else
		finish(call, reply, NULL);
}

static void
sign(struct sender_call *call, const struct sigv4_keys *keys,
	char date[static SIGV4_DATE_SIZE], struct buf *authorization)
{
	struct sender *s = call->sender;
	const struct sigv4_request r = {
		.method = "POST",
		.host = s->endpoint.host,
		.path = s->endpoint.path,
		.query = "",
		.content_type = s->content_type,
		.target = s->target,
		.body = call->request.body,
		.body_len = call->request.len,
		.region = s->region,
		.service = s->service,
		.wall_ms = call->signed_ms,
	};

	sigv4_sign(&r, keys, &s->cache, date, authorization);
}

static void
leave(struct sender_call *call, const struct sigv4_keys *keys)
{
	struct sender *s = call->sender;
	AUTO(buf) struct buf authorization = {0};
	char date[SIGV4_DATE_SIZE];
	struct http_header headers[6];
	struct http_request r = {
		.method = "POST",
		.url = s->endpoint.url,
		.headers = headers,
		.body = call->request.body,
		.body_len = call->request.len,
		.ca_file = s->ca_file,
		.mutating = call->request.mutating,
		.plain = s->endpoint.plain,
		.total_ms = s->total_ms,
	};

	call->began_ms = clock_ms();
	call->signed_ms = clock_wall_ms() + s->offset_ms;
	sign(call, keys, date, &authorization);
	headers[r.header_count++] = (struct http_header){"Host", s->endpoint.host};
	headers[r.header_count++] = (struct http_header){"Content-Type",
		s->content_type};
	headers[r.header_count++] = (struct http_header){"X-Amz-Date", date};
	if (s->target != NULL)
		headers[r.header_count++] = (struct http_header){"X-Amz-Target",
			s->target};
	if (keys->token != NULL)
		headers[r.header_count++] = (struct http_header){"X-Amz-Security-Token",
			keys->token};
	headers[r.header_count++] = (struct http_header){"Authorization",
		buf_str(&authorization)};
	if (call->request.sends != NULL)
		(*call->request.sends)++;
	call->flight = http_start(s->http, &r, on_reply, call);
}

/* Here a completion does start something: the keys are lent for this moment only. */
static void
on_keys(void *arg, const struct sigv4_keys *keys, const struct err *err)
{
	struct sender_call *call = arg;

	call->keys = NULL;
	if (keys == NULL) {
		finish(call, NULL, err);
		return;
	}
	call->keys_serial = ec2_creds_serial(call->sender->creds);
	leave(call, keys);
}

static void
on_again(void *arg)
{
	struct sender_call *call = arg;

	call->keys = ec2_creds_get(call->sender->creds, on_keys, call);
}

struct sender_call *
sender_start(struct sender *s, const struct sender_request *request, sender_done *done,
	void *arg)
{
	struct sender_call *call = NEW(struct sender_call);

	call->sender = s;
	call->request = *request;
	call->done = done;
	call->arg = arg;
	loop_poke_init(&call->again, s->loop, on_again, call);
	DL_APPEND(s->calls, call);
	call->keys = ec2_creds_get(s->creds, on_keys, call);
	return call;
}
