/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of any bytes on the daemon's socket, with its real methods as far as their rows
 * decide: each line that comes back is JSON-RPC 2.0, and the next client is served.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "rpc/access.h"
#include "rpc/json.h"
#include "rpc/rpc.h"
#include "rpc/spec.h"
#include "sys/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct rpc_result *
call_answered(struct command *cmd, const void *args)
{
	(void)args;
	return rpc_reply_take(cmd, json_object());
}

static void
on_gone(void *arg)
{
	(void)arg;
}

static const struct rpc_result *
call_waits(struct command *cmd, const void *args)
{
	(void)args;
	return rpc_pending(cmd, on_gone, NULL);
}

static rpc_call *const calls[RPC_METHOD_COUNT] = {
	[RPC_WORKER_LIST] = call_answered,
	[RPC_WORKER_SHOW] = call_answered,
	[RPC_WORKER_SUBSTANTIATE] = call_waits,
	[RPC_WORKER_INSUBSTANTIATE] = call_waits,
	[RPC_WORKER_ATTACHED] = call_answered,
	[RPC_WORKER_DETACHED] = call_answered,
	[RPC_WORKER_BUILD_STARTED] = call_answered,
	[RPC_WORKER_BUILD_FINISHED] = call_answered,
	[RPC_WORKER_PASSWORD] = call_answered,
	[RPC_WORKER_CHECK] = call_answered,
	[RPC_WORKER_HISTORY] = call_answered,
	[RPC_DAEMON_RELOAD] = call_answered,
	[RPC_DAEMON_VERSION] = call_answered,
	[RPC_DAEMON_STOP] = call_answered,
};
static const struct rpc_service service = {
	.specs = rpc_specs,
	.calls = calls,
	.count = RPC_METHOD_COUNT,
};

/* A reply has a result or an error; what else comes is a notification. */
static bool
is_message(const json_t *value)
{
	const char *version = json_string_value(json_object_get(value, "jsonrpc"));

	if (version == NULL || strcmp(version, "2.0") != 0)
		return false;
	if (json_object_get(value, "method") != NULL)
		return true;
	return json_object_get(value, "id") != NULL &&
		(json_object_get(value, "result") == NULL) !=
		(json_object_get(value, "error") == NULL);
}

static void
check_line(const char *line, size_t len)
{
	AUTO(json) json_t *value = json_parse(line, len, NULL);

	assert(value != NULL);
	if (json_is_object(value)) {
		assert(is_message(value));
		return;
	}
	assert(json_array_size(value) > 0);
	for (size_t i = 0; i < json_array_size(value); i++)
		assert(is_message(json_array_get(value, i)));
}

static int
connect_to(struct rpc *rpc)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		abort();
	rpc_accept(rpc, fds[0]);
	return fds[1];
}

/* Sends all that is taken, turning the loop, and gathers all that comes back. */
static void
converse(struct loop *loop, int fd, const char *text, size_t len, struct buf *out)
{
	for (int idle = 0; idle < 4;) {
		char chunk[4096];
		ssize_t sent = len > 0 ? send(fd, text, len, MSG_NOSIGNAL) : 0;
		ssize_t got;

		if (sent < 0 && errno != EAGAIN)
			sent = (ssize_t)len; /* closed on us: the rest is nobody's */
		if (sent > 0) {
			text += sent;
			len -= (size_t)sent;
		}
		loop_turn(loop, false);
		got = recv(fd, chunk, sizeof(chunk), 0);
		if (got > 0)
			buf_add(out, chunk, (size_t)got);
		idle = sent > 0 || got > 0 ? 0 : idle + 1;
	}
}

static size_t
check_lines(const struct buf *out)
{
	const char *line = buf_str(out), *end;
	size_t count = 0;

	for (; (end = strchr(line, '\n')) != NULL; line = end + 1, count++)
		check_line(line, (size_t)(end - line));
	assert(*line == '\0');
	return count;
}

static void
check_served(struct loop *loop, struct rpc *rpc)
{
	static const char call[] =
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"daemon.version\"}\n";
	AUTO(buf) struct buf out = {0};
	int fd = connect_to(rpc);

	converse(loop, fd, call, strlen(call), &out);
	assert(strstr(buf_str(&out), "\"result\"") != NULL);
	assert(check_lines(&out) == 1);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct conf_access lists = {.admin = {.items = NULL}};
	struct access *access = access_new(&lists, getuid());
	struct loop *loop = loop_new(NULL);
	struct rpc *rpc = rpc_new(loop, &service, &rpc_limits, access);
	AUTO(buf) struct buf out = {0};
	int fd = connect_to(rpc);

	log_set_level(LOG_LEVEL_ERROR);
	access_set_partial(access, false);
	converse(loop, fd, (const char *)data, size, &out);
	converse(loop, fd, "\n", 1, &out);
	(void)check_lines(&out);
	close(fd);
	check_served(loop, rpc);
	rpc_free(rpc);
	loop_free(loop);
	return 0;
}
