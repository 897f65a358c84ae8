/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides how libcurl is used: its sockets and its timer hang from the loop, finished
 * transfers go to a list before the first completion runs, and what the counters say is
 * turned into "never sent" or not. One multi handle owns the connections and the CA cache.
 */
#include "sys/http.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/http_names.h"
#include "sys/http_setup.h"
#include "sys/loop.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define RUNNING_MAX 128u
#define IDLE_CONNECTIONS_MAX 32L
#define ALL_REPLIES_MAX (64u << 20)
#define RETRY_AFTER_MAX_MS INT64_C(86400000)

enum call_state {
	CALL_WAITING,    /* for one of the RUNNING_MAX places */
	CALL_RUNNING,    /* in the multi */
	CALL_FINISHED,   /* its completion comes with the next poke */
	CALL_COMPLETING, /* its callback runs */
	CALL_KEPT,       /* of http_start_easy: its callback ran, or does */
};

struct http_call {
	struct http *http; /* borrowed, outlives us */
	CURL *easy;
	enum call_state state;
	CURLcode code; /* from CALL_FINISHED on */
	bool in_multi;
	http_done *done;
	void (*easy_done)(void *arg, int curl_code); /* instead of done */
	void *arg;

	struct http_setup setup;
	char *url; /* owned; NULL: of http_start_easy */
	struct loop_timer connect_limit;

	struct buf body;
	char error[CURL_ERROR_SIZE];
	const char *own_error; /* says it better than libcurl's; static */

	struct http_call *prev, *next; /* in the list of its state */
};

struct http {
	struct loop *loop; /* borrowed, outlives us */
	char *user_agent;
	CURLM *multi;
	struct loop_timer timer; /* libcurl's */
	struct loop_poke drain;
	struct http_call *waiting, *running, *finished, *kept;
	struct http_name *names; /* owned; those that hang */
	unsigned running_count;
	size_t count;       /* calls in those lists */
	size_t reply_bytes; /* in the bodies of all calls */
	bool completing;
};

static void
call_unlink(struct http_call *call)
{
	struct http *http = call->http;

	switch (call->state) {
	case CALL_WAITING: DL_DELETE(http->waiting, call); break;
	case CALL_RUNNING:
		DL_DELETE(http->running, call);
		http->running_count--;
		break;
	case CALL_FINISHED: DL_DELETE(http->finished, call); break;
	case CALL_KEPT: DL_DELETE(http->kept, call); break;
	case CALL_COMPLETING: return;
	}
	http->count--;
}

/* The call ends with this code; its callback comes later. */
static void
call_finish(struct http_call *call, CURLcode code)
{
	struct http *http = call->http;

	call_unlink(call);
	loop_timer_clear(&call->connect_limit);
	call->code = code;
	call->state = CALL_FINISHED;
	DL_APPEND(http->finished, call);
	http->count++;
	loop_poke(&http->drain);
}

static void
call_leave_multi(struct http_call *call)
{
	if (call->in_multi)
		curl_multi_remove_handle(call->http->multi, call->easy);
	call->in_multi = false;
}

static void
call_free(struct http_call *call)
{
	call_leave_multi(call);
	loop_timer_clear(&call->connect_limit);
	curl_easy_cleanup(call->easy);
	http_setup_fini(&call->setup);
	free(call->url);
	call->http->reply_bytes -= call->body.len;
	buf_wipe_fini(&call->body); /* it may have held a secret */
	free(call);
}

static long
info_long(struct http_call *call, CURLINFO info)
{
	long value = 0;

	curl_easy_getinfo(call->easy, info, &value);
	return value;
}

static int64_t
info_us(struct http_call *call, CURLINFO info)
{
	curl_off_t value = 0;

	curl_easy_getinfo(call->easy, info, &value);
	return value;
}

static const char *
find_header(struct http_call *call, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &header) !=
		CURLHE_OK)
		return NULL;
	return header->value;
}

/* A count of units, in ms; -1 if it is none. */
static int64_t
parse_count(const char *text, int64_t unit_ms)
{
	int64_t value = 0;

	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		if (value < RETRY_AFTER_MAX_MS)
			value = value * 10 + (*text - '0');
	}
	return value > RETRY_AFTER_MAX_MS / unit_ms ? RETRY_AFTER_MAX_MS
						    : value * unit_ms;
}

/* RFC 9110 10.2.3: seconds or a date; a date counts from the server's own clock. */
static int64_t
parse_retry_after(const char *text, int64_t date_ms)
{
	int64_t ms = parse_count(text, 1000), until_ms;

	if (ms >= 0)
		return ms;
	if (clock_parse_http(text, &until_ms) != 0)
		return 0;
	ms = until_ms - (date_ms != 0 ? date_ms : clock_wall_ms());
	return ms < 0 ? 0 : ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms;
}

static void
read_headers(struct http_call *call, struct http_reply *reply)
{
	const char *date = find_header(call, "Date");
	const char *retry = find_header(call, "Retry-After");
	const char *retry_aws = find_header(call, "x-amz-retry-after");
	const char *type = find_header(call, "Content-Type");
	int64_t ms;

	if (date != NULL && clock_parse_http(date, &ms) == 0)
		reply->date_ms = ms;
	if (retry != NULL)
		reply->retry_after_ms = parse_retry_after(retry, reply->date_ms);
	if (retry_aws != NULL && (ms = parse_count(retry_aws, 1)) >= 0)
		reply->retry_after_ms = ms;
	if (type != NULL)
		(void)snprintf(reply->content_type, sizeof(reply->content_type), "%s",
			type);
}

/*
 * EC2.md 11.2. REQUEST_SIZE counts a CONNECT too; PRETRANSFER_TIME stays 0 until our own
 * request has a connection to leave by.
 */
static bool
is_never_sent(const struct http_call *call, const struct http_reply *reply)
{
	return reply->request_size == 0 ||
		(call->setup.proxied && reply->pretransfer_us == 0);
}

static void
read_outcome(struct http_call *call, struct http_reply *reply)
{
	reply->curl_code = (int)call->code;
	reply->request_size = info_long(call, CURLINFO_REQUEST_SIZE);
	reply->pretransfer_us = info_us(call, CURLINFO_PRETRANSFER_TIME_T);
	reply->total_us = info_us(call, CURLINFO_TOTAL_TIME_T);
	reply->status = info_long(call, CURLINFO_RESPONSE_CODE);
	reply->complete = call->code == CURLE_OK && reply->status != 0;
	reply->never_sent = !reply->complete && is_never_sent(call, reply);
	if (reply->never_sent)
		reply->status = 0; /* it would be the proxy's */
	else
		read_headers(call, reply);
	reply->body = reply->complete ? buf_str(&call->body) : "";
	reply->body_len = reply->complete ? call->body.len : 0;
}

static void
say_error(const struct http_call *call, struct http_reply *reply)
{
	const char *text = curl_easy_strerror(call->code);

	if (call->own_error != NULL)
		text = call->own_error;
	else if (call->error[0] != '\0')
		text = call->error;
	(void)snprintf(reply->error, sizeof(reply->error), "%s", text);
}

/* Given up before there was an address, while a thread of its own went on looking. */
static void
note_name(struct http_call *call)
{
	bool found = info_us(call, CURLINFO_NAMELOOKUP_TIME_T) > 0;

	if (!found && call->code == CURLE_OPERATION_TIMEDOUT)
		http_name_note(&call->http->names, call->url, true);
	else if (found)
		http_name_note(&call->http->names, call->url, false);
}

static void
call_complete(struct http_call *call)
{
	struct http_reply reply = {.body = ""};

	call_unlink(call);
	call->state = CALL_COMPLETING;
	read_outcome(call, &reply);
	if (!reply.complete)
		say_error(call, &reply);
	note_name(call);
	call_leave_multi(call);
	call->done(call->arg, &reply);
	call_free(call);
}

/* Its owner goes on with the connection, and frees the call whenever it likes. */
static void
call_complete_easy(struct http_call *call)
{
	struct http *http = call->http;

	call_unlink(call);
	call->state = CALL_KEPT;
	DL_APPEND(http->kept, call);
	http->count++;
	call->easy_done(call->arg, (int)call->code);
}

static void
call_run(struct http_call *call)
{
	struct http *http = call->http;

	if (call->url != NULL && !http_name_may(&http->names, call->url)) {
		call->own_error = "its name was not found in time lately";
		call_finish(call, CURLE_COULDNT_RESOLVE_HOST);
		return;
	}
	call_unlink(call);
	call->state = CALL_RUNNING;
	DL_APPEND(http->running, call);
	http->running_count++;
	http->count++;
	if (curl_multi_add_handle(http->multi, call->easy) != CURLM_OK) {
		call_finish(call, CURLE_FAILED_INIT);
		return;
	}
	call->in_multi = true;
	if (call->setup.connect_ms > 0)
		loop_timer_in(&call->connect_limit, call->setup.connect_ms);
}

static void
run_waiting(struct http *http)
{
	while (http->waiting != NULL && http->running_count < RUNNING_MAX)
		call_run(http->waiting);
}

/* libcurl's messages first, all of them: a completion may cancel other calls. */
static void
on_drain(void *arg)
{
	struct http *http = arg;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(http->multi, &left)) != NULL) {
		struct http_call *call = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		if (call->state == CALL_RUNNING)
			call_finish(call, msg->data.result);
	}
	http->completing = true;
	while (http->finished != NULL) {
		/* analyze: unix.Malloc: each leaves the list before it is freed */
		if (http->finished->easy_done != NULL)
			call_complete_easy(http->finished);
		else
			call_complete(http->finished);
	}
	http->completing = false;
	run_waiting(http);
}

/* libcurl's own limit has no part of its own for TCP. */
static void
on_connect_limit(void *arg)
{
	struct http_call *call = arg;

	if (info_us(call, CURLINFO_CONNECT_TIME_T) > 0 ||
		info_long(call, CURLINFO_REQUEST_SIZE) > 0)
		return;
	call->own_error = "no connection in time";
	call_finish(call, CURLE_OPERATION_TIMEDOUT);
	call_leave_multi(call);
}

static void
on_socket_ready(void *arg, int fd, unsigned what)
{
	struct http *http = arg;
	int flags = 0, running;

	if (what & LOOP_READ)
		flags |= CURL_CSELECT_IN;
	if (what & LOOP_WRITE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(http->multi, fd, flags, &running);
	loop_poke(&http->drain);
}

static void
on_timer(void *arg)
{
	struct http *http = arg;
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	loop_poke(&http->drain);
}

/* libcurl says which of its sockets to watch, and for what. */
static int
on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	static const unsigned wants[] = {
		[CURL_POLL_NONE] = 0,
		[CURL_POLL_IN] = LOOP_READ,
		[CURL_POLL_OUT] = LOOP_WRITE,
		[CURL_POLL_INOUT] = LOOP_READ | LOOP_WRITE,
	};
	struct http *http = arg;
	struct loop_fd *watch = assigned;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		loop_fd_free(watch);
		curl_multi_assign(http->multi, fd, NULL);
	} else if (watch == NULL) {
		watch = loop_fd_new(http->loop, fd, wants[what], on_socket_ready, http);
		curl_multi_assign(http->multi, fd, watch);
	} else {
		loop_fd_want(watch, wants[what]);
	}
	return 0;
}

static int
on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *http = arg;

	(void)multi;
	if (timeout_ms < 0)
		loop_timer_clear(&http->timer);
	else
		loop_timer_in(&http->timer, timeout_ms);
	return 0;
}

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	size_t len = size * count;

	if (len > call->setup.reply_max - call->body.len)
		call->own_error = "the reply is too long";
	else if (len > ALL_REPLIES_MAX - call->http->reply_bytes)
		call->own_error = "too many replies under way";
	else {
		buf_add(&call->body, data, len);
		call->http->reply_bytes += len;
		return len;
	}
	return CURL_WRITEFUNC_ERROR;
}

static struct http_call *
call_new(struct http *http, CURL *easy, void *arg)
{
	struct http_call *call = NEW(struct http_call);

	call->http = http;
	call->easy = easy;
	call->arg = arg;
	call->state = CALL_WAITING;
	DL_APPEND(http->waiting, call);
	http->count++;
	loop_timer_init(&call->connect_limit, http->loop, on_connect_limit, call);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, call); /* cannot fail: a pointer */
	return call;
}

/* Off it goes, or to the end of the line, or it has failed already. */
static void
call_start(struct http_call *call, int code)
{
	if (code != CURLE_OK)
		call_finish(call, (CURLcode)code);
	else
		run_waiting(call->http);
}

struct http_call *
http_start(struct http *http, const struct http_request *request, http_done *done,
	void *arg)
{
	CURL *easy = curl_easy_init();
	struct http_call *call = call_new(http, easy, arg);

	call->done = done;
	call->url = xstrdup(request->url);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, http->user_agent);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	http_setup_request(&call->setup, easy, request);
	call->own_error = call->setup.error;
	call_start(call, call->setup.code);
	return call;
}

struct http_call *
http_start_easy(struct http *http, void *easy, void (*done)(void *arg, int curl_code),
	void *arg)
{
	struct http_call *call = call_new(http, easy, arg);

	call->easy_done = done;
	call_start(call, http_setup_common(easy));
	return call;
}

struct loop *
http_loop(const struct http *http)
{
	return http->loop;
}

void
http_cancel(struct http_call *call)
{
	struct http *http;

	if (call == NULL || call->state == CALL_COMPLETING)
		return;
	http = call->http;
	call_unlink(call);
	call_free(call);
	loop_poke(&http->drain); /* a place may have become free */
}

size_t
http_in_flight(const struct http *http)
{
	return http->count;
}

static int
http_open(struct http *http, struct err *err)
{
	static const long idle_max = IDLE_CONNECTIONS_MAX;
	CURLM *multi = curl_multi_init();

	http->multi = multi;
	if (multi == NULL ||
		curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket) ||
		curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, http) ||
		curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer) ||
		curl_multi_setopt(multi, CURLMOPT_TIMERDATA, http) ||
		curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) ||
		curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, idle_max))
		return err_set(err, ERR_INTERNAL, "libcurl cannot be set up");
	return 0;
}

struct http *
http_new(struct loop *loop, const char *user_agent, struct err *err)
{
	struct http *http;

	/* Counted: each http has its curl_global_cleanup. */
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, xmalloc, free, xrealloc, xstrdup,
		    xcalloc) != CURLE_OK) {
		err_set(err, ERR_INTERNAL, "libcurl cannot be initialised");
		return NULL;
	}
	http = NEW(struct http);
	http->loop = loop;
	http->user_agent = xstrdup(user_agent);
	loop_timer_init(&http->timer, loop, on_timer, http);
	loop_poke_init(&http->drain, loop, on_drain, http);
	if (http_open(http, err) != 0) {
		http_free(http);
		return NULL;
	}
	return http;
}

static void
cancel_all(struct http_call *list)
{
	struct http_call *call, *next;

	DL_FOREACH_SAFE(list, call, next)
		http_cancel(call);
}

void
http_free(struct http *http)
{
	if (http == NULL)
		return;
	assert(!http->completing);
	cancel_all(http->waiting);
	cancel_all(http->running);
	cancel_all(http->finished);
	cancel_all(http->kept);
	http_names_free(&http->names);
	curl_multi_cleanup(http->multi); /* calls back for its sockets and its timer */
	loop_timer_clear(&http->timer);
	loop_poke_clear(&http->drain);
	free(http->user_agent);
	free(http);
	curl_global_cleanup();
}
