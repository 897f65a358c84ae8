/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of any bytes on the daemon's socket, with its real methods as far as their rows
 * decide: each line that comes back is JSON-RPC 2.0, and the next client is served.
 *
 * Parser: src/rpc/command.c src/rpc/rpc.c src/rpc/args.c
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "converse.h"
#include "rpc/access.h"
#include "rpc/rpc.h"
#include "rpc/spec.h"
#include "sys/loop.h"

#include <assert.h>
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

/* The two that may wait do. */
static void
fill_calls(rpc_call **calls)
{
	for (size_t i = 0; i < RPC_METHOD_COUNT; i++)
		calls[i] = call_answered;
	calls[RPC_WORKER_SUBSTANTIATE] = calls[RPC_WORKER_INSUBSTANTIATE] = call_waits;
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

static void
check_served(struct loop *loop, struct rpc *rpc)
{
	static const char call[] =
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"daemon.version\"}\n";
	AUTO(buf) struct buf out = {0};
	int fd = connect_to(rpc);

	converse(loop, fd, call, strlen(call), &out);
	assert(strstr(buf_str(&out), "\"result\"") != NULL);
	assert(converse_check(&out, NULL, NULL) == 1);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct conf_access lists = {.admin = {.items = NULL}};
	rpc_call *calls[RPC_METHOD_COUNT];
	const struct rpc_service service = {.specs = rpc_specs,
		.calls = calls,
		.count = RPC_METHOD_COUNT};
	struct access *access = access_new(&lists, getuid());
	struct loop *loop = loop_new(NULL);
	struct rpc *rpc = rpc_new(loop, &service, &rpc_limits, access);
	AUTO(buf) struct buf out = {0};
	int fd = connect_to(rpc);

	fill_calls(calls);
	log_set_level(LOG_LEVEL_ERROR);
	access_set_partial(access, false);
	converse(loop, fd, (const char *)data, size, &out);
	converse(loop, fd, "\n", 1, &out);
	(void)converse_check(&out, NULL, NULL);
	close(fd);
	check_served(loop, rpc);
	rpc_free(rpc);
	loop_free(loop);
	return 0;
}
