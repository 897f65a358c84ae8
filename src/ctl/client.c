/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies may come in any order; each id is ours and used once. A reply that is none of
 * ours, or no reply at all, ends the connection: whoever is there does not speak JSON-RPC.
 */
#include "ctl/client.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "sys/sock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#define REPLY_MAX (64u << 20)

struct call {
	int64_t id; /* the hash key */
	client_reply *fn;
	void *arg;
	UT_hash_handle hh;
};

struct client {
	struct loop *loop;
	struct sock_conn *conn; /* NULL once it is over */
	struct call *calls;     /* owned; not answered yet */
	int64_t last_id;
	client_notice *on_notice; /* or NULL */
	void *notice_arg;
	bool listening;
	struct loop_timer deadline;
	struct err err; /* why it is over */
};

static const struct sock_limits limits = {
	.line_max = REPLY_MAX,
	.out_pause = SIZE_MAX,
	.lines_a_turn = 64,
};

static void
give_up(struct client *c, enum err_code code, const char *why)
{
	if (c->err.code == ERR_NONE)
		err_set(&c->err, code, "%s", why);
	loop_stop(c->loop);
}

/* An error without an id is about the connection: no role, too many of us. */
static void
on_farewell(struct client *c, const json_t *error)
{
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *kind = json_string_value(
		json_object_get(json_object_get(error, "data"), "kind"));
	bool forbidden = kind != NULL && strcmp(kind, "forbidden") == 0;

	give_up(c, forbidden ? ERR_FORBIDDEN : ERR_LIMIT,
		message != NULL ? message : "refused");
}

static void
not_json_rpc(struct client *c)
{
	give_up(c, ERR_PARSE, "the other side does not speak JSON-RPC");
}

static void
on_reply(struct client *c, const json_t *reply)
{
	const json_t *error = json_object_get(reply, "error");
	const json_t *result = json_object_get(reply, "result");
	const json_t *id = json_object_get(reply, "id");
	int64_t number = json_integer_value(id);
	struct call *call;

	if (json_is_null(id) && json_is_object(error)) {
		on_farewell(c, error);
		return;
	}
	HASH_FIND(hh, c->calls, &number, sizeof(number), call);
	if (call == NULL || (result == NULL) == !json_is_object(error)) {
		not_json_rpc(c);
		return;
	}
	HASH_DEL(c->calls, call);
	call->fn(call->arg, result, error);
	free(call);
	if (c->calls == NULL && !c->listening)
		loop_stop(c->loop);
}

/* What has a method is a notification: nobody may ask us anything. */
static void
on_message(struct client *c, const json_t *message)
{
	const char *method = json_string_value(json_object_get(message, "method"));

	if (method == NULL)
		on_reply(c, message);
	else if (c->on_notice != NULL)
		c->on_notice(c->notice_arg, method, json_object_get(message, "params"));
}

static void
on_line(void *arg, const char *line, size_t len)
{
	struct client *c = arg;
	json_t *message = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(message))
		on_message(c, message);
	else
		not_json_rpc(c);
	json_decref(message);
}

static void
on_too_long(void *arg)
{
	give_up(arg, ERR_PARSE, "a reply is longer than 64 MiB");
}

static void
on_eof(void *arg)
{
	give_up(arg, ERR_UNAVAILABLE, "the daemon has closed the connection");
}

static void
on_closed(void *arg, enum sock_closed why)
{
	struct client *c = arg;

	(void)why; /* without limits of time it can only be lost */
	sock_conn_free(c->conn);
	c->conn = NULL;
	give_up(c, ERR_UNAVAILABLE, "the daemon has closed the connection");
}

static const struct sock_events events = {
	.on_line = on_line,
	.on_too_long = on_too_long,
	.on_eof = on_eof,
	.on_closed = on_closed,
};

static void
on_deadline(void *arg)
{
	struct client *c = arg;

	if (c->listening)
		loop_stop(c->loop);
	else
		give_up(c, ERR_TIMEOUT,
			"no answer in time; the daemon goes on with it");
}

struct client *
client_open(const char *path, struct err *err)
{
	int fd = sock_connect(path, err);
	struct client *c;

	if (fd < 0) {
		if (access(path, R_OK | W_OK) != 0 && errno == EACCES)
			err->code = ERR_FORBIDDEN;
		return NULL;
	}
	c = NEW(struct client);
	c->loop = loop_new(err);
	if (c->loop == NULL) {
		close(fd);
		free(c);
		return NULL;
	}
	c->conn = sock_conn_new(c->loop, fd, &limits, &events, c);
	loop_timer_init(&c->deadline, c->loop, on_deadline, c);
	return c;
}

void
client_on_notice(struct client *c, client_notice *fn, void *arg)
{
	c->on_notice = fn;
	c->notice_arg = arg;
}

void
client_call(struct client *c, const char *method, json_t *params, client_reply *fn,
	void *arg)
{
	struct call *call = NEW(struct call);
	AUTO(free) char *text = NULL;
	json_t *request;

	call->id = ++c->last_id;
	call->fn = fn;
	call->arg = arg;
	HASH_ADD(hh, c->calls, id, sizeof(call->id), call);
	request = json_pack("{s:s,s:s,s:O,s:I}", "jsonrpc", "2.0", "method", method,
		"params", params, "id", (json_int_t)call->id);
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (c->conn == NULL)
		return; /* client_run says so */
	sock_conn_write(c->conn, text, strlen(text));
	sock_conn_write(c->conn, "\n", 1);
}

int
client_run(struct client *c, int64_t timeout_ms, struct err *err)
{
	if (timeout_ms > 0)
		loop_timer_in(&c->deadline, timeout_ms);
	if (c->calls != NULL && c->err.code == ERR_NONE)
		loop_run(c->loop);
	loop_timer_clear(&c->deadline);
	if (c->calls == NULL && c->err.code != ERR_TIMEOUT)
		return 0;
	*err = c->err;
	return -1;
}

int
client_listen(struct client *c, int64_t timeout_ms, struct err *err)
{
	if (timeout_ms > 0)
		loop_timer_in(&c->deadline, timeout_ms);
	c->listening = true;
	if (c->err.code == ERR_NONE)
		loop_run(c->loop);
	c->listening = false;
	loop_timer_clear(&c->deadline);
	if (c->err.code == ERR_NONE)
		return 0;
	*err = c->err;
	return -1;
}

void
client_stop(struct client *c)
{
	if (c->listening)
		loop_stop(c->loop);
}

struct loop *
client_loop(struct client *c)
{
	return c->loop;
}

void
client_free(struct client *c)
{
	struct call *call, *next;

	if (c == NULL)
		return;
	HASH_ITER(hh, c->calls, call, next) {
		HASH_DEL(c->calls, call);
		free(call);
	}
	loop_timer_clear(&c->deadline);
	sock_conn_free(c->conn);
	loop_free(c->loop);
	free(c);
}
