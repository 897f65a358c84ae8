/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of any bytes on the daemon's socket, with the real methods over a pool whose cloud
 * is in memory. A line that begins with one of these is not sent:
 *
 *     +MS   so much time passes        -N   the Nth instance dies by other hands
 *     /     the other client speaks    !    the daemon is killed and starts again
 *
 * Each reply has the shape and each error a code that the method's rows promise, events
 * have theirs, no promise to the machines is broken, and the next client is served.
 *
 * Parser: src/rpc/command.c src/rpc/args.c src/rpc/find.c src/rpc/wish_rpc.c
 * Parser: src/rpc/worker_rpc.c src/rpc/events_rpc.c
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/node.h"
#include "converse.h"
#include "ec2/reply.h"
#include "rpc/bind.h"
#include "rpc/json.h"
#include "rpc/schema.h"
#include "rpc/spec.h"
#include "rpc_world.h"
#include "unit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS 2
#define LINES_MAX 64
#define STEP_MAX_MS 600000

struct talk {
	struct rpc_world world;
	rpc_call *calls[RPC_METHOD_COUNT];
	int fds[CLIENTS];
	unsigned speaker;
	json_t *asked; /* by number of the call: index of the row; -1: it is not clear */
};

/* The world's own assertions: there is no runner of Check here to tell of one. */
void
_mark_point(const char *file, int line)
{
	(void)file, (void)line;
}

void
_ck_assert_failed(const char *file, int line, const char *expr, const char *msg, ...)
{
	fprintf(stderr, "%s:%d: %s: %s\n", file, line, expr, msg != NULL ? msg : "");
	abort();
}

/* What would reach beyond this world. */
static const struct rpc_result *
call_elsewhere(struct command *cmd, const void *args)
{
	struct err err;

	(void)args;
	err_set(&err, ERR_INTERNAL, "not here");
	return rpc_fail(cmd, &err);
}

/* What was asked */

static int
find_method(const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "method"));

	for (int i = 0; name != NULL && i < RPC_METHOD_COUNT; i++)
		if (strcmp(rpc_specs[i].name, name) == 0)
			return i;
	return -1;
}

static char *
key_of(const json_t *id)
{
	return json_dumps(id, JSON_ENCODE_ANY);
}

static void
note_request(struct talk *t, const json_t *request)
{
	const json_t *id = json_object_get(request, "id");
	AUTO(free) char *key = id != NULL ? key_of(id) : NULL;
	bool twice;

	if (key == NULL)
		return;
	twice = json_object_get(t->asked, key) != NULL;
	(void)json_object_set_new(t->asked, key,
		json_integer(twice ? -1 : find_method(request)));
}

static void
note_line(struct talk *t, const char *line, size_t len)
{
	AUTO(json) json_t *value = json_parse(line, len, NULL);

	for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++)
		note_request(t, json_array_get(value, i));
	if (json_is_object(value))
		note_request(t, value);
}

/* What came */

static void
check_shape(const struct fields *table, const json_t *value)
{
	AUTO(node) struct node *node = json_to_node(value);
	struct err err;

	if (field_match(table, node, &err) != 0) {
		fprintf(stderr, "%s: %s\n", table->name, err.text);
		abort();
	}
}

static bool
is_allowed(const struct rpc_spec *spec, json_int_t code)
{
	if (code == -32700 || code == -32600 || code == -32601)
		return true;
	for (int i = ERR_NONE + 1; i < ERR_COUNT; i++)
		if (rpc_errors[i].code == code && rpc_may_fail(spec, (enum err_code)i))
			return true;
	return false;
}

static void
check_reply(const struct rpc_spec *spec, const json_t *reply)
{
	const json_t *error = json_object_get(reply, "error");
	const json_t *result = json_object_get(reply, "result");

	if (result != NULL)
		check_shape(spec->result, result);
	else
		assert(is_allowed(spec,
			json_integer_value(json_object_get(error, "code"))));
}

static void
on_message(void *arg, const json_t *message)
{
	struct talk *t = arg;
	const json_t *id = json_object_get(message, "id");
	AUTO(free) char *key = id != NULL ? key_of(id) : NULL;
	const json_t *row = key != NULL ? json_object_get(t->asked, key) : NULL;

	if (id == NULL) {
		assert(strcmp(json_string_value(json_object_get(message, "method")),
			       "event") == 0);
		check_shape(&rpc_event_fields, json_object_get(message, "params"));
	} else if (row != NULL && json_integer_value(row) >= 0) {
		check_reply(&rpc_specs[json_integer_value(row)], message);
	}
}

/* Without text: only what comes by itself. */
static void
say(struct talk *t, unsigned client, const char *text, size_t len)
{
	AUTO(buf) struct buf out = {0};

	converse(t->world.world.loop, t->fds[client], text, len, &out);
	(void)converse_check(&out, on_message, t);
}

static void
listen_to_all(struct talk *t)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		say(t, i, NULL, 0);
}

/* What is done */

static void
connect_all(struct talk *t)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		t->fds[i] = server_connect(&t->world.server);
}

static void
close_all(struct talk *t)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		close(t->fds[i]);
}

static void
bind_calls(struct talk *t)
{
	memcpy(t->calls, rpc_calls, sizeof(t->calls));
	t->calls[RPC_DAEMON_RELOAD] = t->calls[RPC_DAEMON_STOP] = call_elsewhere;
	t->calls[RPC_DAEMON_LOG_LEVEL] = call_elsewhere;
	t->world.server.service.calls = t->calls;
}

static void
restart(struct talk *t)
{
	close_all(t);
	rpc_world_restart(&t->world);
	bind_calls(t);
	connect_all(t);
}

static void
kill_instance(struct talk *t, unsigned long n)
{
	struct fake_cloud *cloud = &t->world.world.cloud;

	if (cloud->count > 0 && fake_is_living(&cloud->instances[n % cloud->count]))
		fake_cloud_kill(cloud, &cloud->instances[n % cloud->count],
			EC2_STATE_TERMINATED);
}

static void
pass_time(struct talk *t, unsigned long ms)
{
	world_run(&t->world.world, ms < STEP_MAX_MS ? (int64_t)ms : STEP_MAX_MS);
}

/* line ends with a NUL. */
static void
do_line(struct talk *t, const char *line, size_t len)
{
	switch (line[0]) {
	case '+': pass_time(t, strtoul(line + 1, NULL, 10)); break;
	case '-': kill_instance(t, strtoul(line + 1, NULL, 10)); break;
	case '/': t->speaker = (t->speaker + 1) % CLIENTS; break;
	case '!': restart(t); break;
	default:
		note_line(t, line, len);
		say(t, t->speaker, line, len);
		say(t, t->speaker, "\n", 1);
	}
	listen_to_all(t);
}

static void
do_lines(struct talk *t, const char *text, size_t size)
{
	for (int n = 0; size > 0 && n < LINES_MAX; n++) {
		const char *end = memchr(text, '\n', size);
		size_t len = end != NULL ? (size_t)(end - text) : size;
		AUTO(free) char *line = xcalloc(len + 1, 1);

		memcpy(line, text, len);
		do_line(t, line, len);
		text += len < size ? len + 1 : len;
		size -= len < size ? len + 1 : len;
	}
}

static void
check_served(struct talk *t)
{
	static const char call[] =
		"{\"jsonrpc\":\"2.0\",\"id\":\"last\",\"method\":\"worker.list\"}\n";
	AUTO(buf) struct buf out = {0};
	int fd = server_connect(&t->world.server);

	note_line(t, call, strlen(call));
	converse(t->world.world.loop, fd, call, strlen(call), &out);
	assert(strstr(buf_str(&out), "\"result\"") != NULL);
	assert(converse_check(&out, on_message, t) == 1);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct talk *t = NEW(struct talk);

	log_set_fd(-1);
	rpc_world_init(&t->world,
		"  bot1: { password: sekrit, missing_timeout: 2m }\n"
		"  \"linux-[1-3]\": { password: generated, build_wait_timeout: 1m }\n",
		NULL);
	t->asked = json_object();
	bind_calls(t);
	connect_all(t);
	do_lines(t, (const char *)data, size);
	close_all(t);
	check_served(t);
	assert(t->world.world.cloud.violation[0] == '\0');
	json_decref(t->asked);
	rpc_world_fini(&t->world);
	free(t);
	return 0;
}
