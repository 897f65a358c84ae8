/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc_server.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"
#include "conf/conf.h"
#include "rpc/access.h"
#include "rpc/json.h"
#include "sys/loop.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_TURNS 8

struct numbers {
	int64_t minuend, subtrahend;
};
static const struct field subtract_rows[] = {
	{.name = "minuend",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct numbers, minuend, int64_t),
		.doc = "From this."},
	{.name = "subtrahend",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct numbers, subtrahend, int64_t),
		.doc = "This."},
	{.name = NULL},
};
static const struct fields subtract_params = {.name = "subtract",
	.rows = subtract_rows,
	.size = sizeof(struct numbers)};

struct sum {
	int64_t a, b, c, d, e;
};
#define ADDEND(member)                                                                 \
	{                                                                              \
		.name = #member, .type = FIELD_INT,                                    \
		.offset = FIELD_AT(struct sum, member, int64_t), .def = "0",           \
		.doc = "An addend."                                                    \
	}
static const struct field sum_rows[] = {ADDEND(a), ADDEND(b), ADDEND(c), ADDEND(d),
	ADDEND(e), {.name = NULL}};
static const struct fields sum_params = {.name = "sum",
	.rows = sum_rows,
	.size = sizeof(struct sum)};

struct big {
	int64_t bytes;
	char *worker;
};
static const struct field big_rows[] = {
	{.name = "bytes",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct big, bytes, int64_t),
		.def = "100000",
		.min = 0,
		.max = 100000000,
		.doc = "Length of the reply."},
	{.name = "worker",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct big, worker, char *),
		.doc = "Comes back in errors."},
	{.name = NULL},
};
static const struct fields big_params = {.name = "big",
	.rows = big_rows,
	.size = sizeof(struct big)};

static const struct field no_rows[] = {{.name = NULL}};
static const struct fields no_params = {.name = "none", .rows = no_rows};

enum {
	SUBTRACT,
	SUM,
	UPDATE,
	NOTIFY_HELLO,
	NOTIFY_SUM,
	GET_DATA,
	SLOW,
	WAIT,
	BIG,
	FAIL,
	NOBODYS,
	COUNT
};

static const struct rpc_spec specs[COUNT] = {
	[SUBTRACT] = {.name = "subtract",
		.role = RPC_OBSERVE,
		.params = &subtract_params},
	[SUM] = {.name = "sum", .role = RPC_OBSERVE, .params = &sum_params},
	[UPDATE] = {.name = "update",
		.role = RPC_OPERATE,
		.params = &sum_params,
		.writes = true},
	[NOTIFY_HELLO] = {.name = "notify_hello",
		.role = RPC_OPERATE,
		.params = &sum_params},
	[NOTIFY_SUM] = {.name = "notify_sum", .role = RPC_ADMIN, .params = &sum_params},
	[GET_DATA] = {.name = "get_data", .role = RPC_OBSERVE, .params = &no_params},
	[SLOW] = {.name = "slow", .role = RPC_OPERATE, .params = &no_params},
	[WAIT] = {.name = "wait", .role = RPC_OBSERVE, .params = &no_params},
	[BIG] = {.name = "big", .role = RPC_OBSERVE, .params = &big_params},
	[FAIL] = {.name = "fail", .role = RPC_ADMIN, .params = &big_params},
	[NOBODYS] = {.name = "nobodys", .params = &no_params},
};

static const struct rpc_result *
call_subtract(struct command *cmd, const void *args)
{
	const struct numbers *n = args;

	return rpc_reply_take(cmd, json_integer(n->minuend - n->subtrahend));
}

static const struct rpc_result *
call_sum(struct command *cmd, const void *args)
{
	const struct sum *s = args;

	return rpc_reply_take(cmd, json_integer(s->a + s->b + s->c + s->d + s->e));
}

static const struct rpc_result *
call_notify(struct command *cmd, const void *args)
{
	struct served *served = rpc_context(cmd);

	(void)args;
	served->notified++;
	return rpc_reply_take(cmd, json_true());
}

static const struct rpc_result *
call_get_data(struct command *cmd, const void *args)
{
	(void)args;
	return rpc_reply_take(cmd, json_pack("[s,i]", "hello", 5));
}

/* By the fake clock. */
static const struct rpc_result *
call_slow(struct command *cmd, const void *args)
{
	struct served *served = rpc_context(cmd);

	(void)args;
	clock_fake_advance(SERVER_SLOW_MS);
	return rpc_reply_take(cmd, json_integer((json_int_t)++served->slow));
}

static void
on_gone(void *arg)
{
	struct served *served = arg;

	served->gone++;
}

static const struct rpc_result *
call_wait(struct command *cmd, const void *args)
{
	struct served *served = rpc_context(cmd);

	(void)args;
	if (served->waiting_count < COUNT_OF(served->waiting))
		served->waiting[served->waiting_count++] = cmd;
	return rpc_pending(cmd, on_gone, served);
}

static const struct rpc_result *
call_big(struct command *cmd, const void *args)
{
	const struct big *big = args;
	AUTO(buf) struct buf text = {0};

	for (int64_t i = 0; i < big->bytes; i++)
		buf_putc(&text, 'x');
	return rpc_reply_take(cmd, json_stringn(buf_str(&text), text.len));
}

static const struct rpc_result *
call_fail(struct command *cmd, const void *args)
{
	struct err err;

	(void)args;
	err_set(&err, ERR_FAILED, "no m5.large is left");
	err.reason = REASON_CAPACITY;
	err_origin(&err, "InsufficientInstanceCapacity", "We have none\x01\xff.",
		"req-1");
	return rpc_fail_take(cmd, &err, json_pack("{s:i,s:s}", "more", 7, "kind", "x"));
}

static const struct rpc_result *
call_nobodys(struct command *cmd, const void *args)
{
	(void)args;
	ck_abort_msg("a method without a role was called");
	return rpc_reply_take(cmd, json_null());
}

static rpc_call *const calls[COUNT] = {
	[SUBTRACT] = call_subtract,
	[SUM] = call_sum,
	[UPDATE] = call_notify,
	[NOTIFY_HELLO] = call_notify,
	[NOTIFY_SUM] = call_notify,
	[GET_DATA] = call_get_data,
	[SLOW] = call_slow,
	[WAIT] = call_wait,
	[BIG] = call_big,
	[FAIL] = call_fail,
	[NOBODYS] = call_nobodys,
};

void
server_open_for(struct server *s, const struct rpc_limits *limits,
	struct access *access)
{
	json_use_xalloc();
	access_set_partial(access, false);
	*s = (struct server){.loop = loop_new(NULL)};
	s->service = (struct rpc_service){.specs = specs,
		.calls = calls,
		.count = COUNT,
		.context = &s->served};
	s->rpc = rpc_new(s->loop, &s->service, limits != NULL ? limits : &rpc_limits,
		access);
}

void
server_open(struct server *s, const struct rpc_limits *limits)
{
	const struct conf_access nobody = {.admin = {.items = NULL}};

	server_open_for(s, limits, access_new(&nobody, getuid()));
}

int
server_connect(struct server *s)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				 0, fds),
		0);
	rpc_accept(s->rpc, fds[0]);
	return fds[1];
}

/* The kernel notes who makes the pair. */
int
server_connect_as(struct server *s, uid_t uid)
{
	uid_t me = geteuid();
	int fd;

	ck_assert_int_eq(seteuid(uid), 0);
	fd = server_connect(s);
	ck_assert_int_eq(seteuid(me), 0);
	return fd;
}

void
server_run(struct server *s)
{
	for (int i = 0; i < IDLE_TURNS; i++)
		loop_turn(s->loop, false);
}

void
server_finish(struct server *s, const struct err *err)
{
	struct command *cmd = s->served.waiting[0];

	ck_assert_uint_gt(s->served.waiting_count, 0);
	s->served.waiting_count--;
	memmove(s->served.waiting, s->served.waiting + 1,
		s->served.waiting_count * sizeof(cmd));
	rpc_answered(
		err == NULL ? rpc_reply_take(cmd, json_object()) : rpc_fail(cmd, err));
	server_run(s);
}

void
server_close(struct server *s)
{
	rpc_free(s->rpc);
	loop_free(s->loop);
}

void
client_send(struct server *s, int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return; /* the test sees what became of the connection */
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
		server_run(s);
	}
}

char *
client_line(struct server *s, int fd)
{
	AUTO(buf) struct buf line = {0};

	for (int idle = 0; idle < 2;) {
		char c;
		ssize_t n = recv(fd, &c, 1, 0);

		if (n == 1 && c == '\n')
			return buf_take(&line);
		if (n == 1) {
			buf_putc(&line, c);
			idle = 0;
			continue;
		}
		if (n == 0)
			break;
		server_run(s);
		idle++;
	}
	ck_assert_msg(line.len == 0, "half a line: %s", buf_str(&line));
	return NULL;
}

json_t *
client_call(struct server *s, int fd, const char *text)
{
	AUTO(free) char *line = NULL;
	json_t *reply;

	client_send(s, fd, text, strlen(text));
	client_send(s, fd, "\n", 1);
	line = client_line(s, fd);
	if (line == NULL)
		return NULL;
	reply = json_loads(line, JSON_DECODE_ANY, NULL);
	ck_assert_msg(reply != NULL, "%s", line);
	return reply;
}

bool
client_at_eof(struct server *s, int fd)
{
	char c;

	server_run(s);
	return recv(fd, &c, 1, 0) == 0;
}

int
reply_code(const json_t *reply)
{
	return (int)json_integer_value(
		json_object_get(json_object_get(reply, "error"), "code"));
}
