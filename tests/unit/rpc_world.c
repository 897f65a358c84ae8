/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc_world.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/field.h"
#include "base/node.h"
#include "conf/conf.h"
#include "rpc/access.h"
#include "rpc/bind.h"
#include "rpc/json.h"
#include "rpc/spec.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

static void
serve(struct rpc_world *w, const struct rpc_limits *limits)
{
	static const struct conf_access nobody = {.admin = {.items = NULL}};
	struct access *access = access_new(&nobody, getuid());

	json_use_xalloc();
	access_set_partial(access, false);
	w->daemon = (struct daemon){
		.loop = w->world.loop,
		.conf = w->world.conf,
		.store = w->world.store,
		.pool = w->world.pool,
		.started_wall = clock_wall_ms(),
	};
	w->server.loop = w->world.loop;
	w->server.service = (struct rpc_service){
		.specs = rpc_specs,
		.calls = rpc_calls,
		.count = RPC_METHOD_COUNT,
		.context = &w->daemon,
		.unwritable = rpc_unwritable,
	};
	w->server.rpc = rpc_new(w->world.loop, &w->server.service, limits, access);
}

void
rpc_world_init(struct rpc_world *w, const char *workers,
	const struct rpc_limits *limits)
{
	memset(w, 0, sizeof(*w));
	world_init(&w->world, workers);
	serve(w, limits != NULL ? limits : &rpc_limits);
}

void
rpc_world_restart(struct rpc_world *w)
{
	rpc_free(w->server.rpc);
	world_restart(&w->world);
	serve(w, &rpc_limits);
}

void
rpc_world_fini(struct rpc_world *w)
{
	rpc_free(w->server.rpc);
	world_fini(&w->world);
}

static const struct rpc_spec *
spec_of(const char *method)
{
	for (size_t i = 0; i < RPC_METHOD_COUNT; i++)
		if (strcmp(rpc_specs[i].name, method) == 0)
			return &rpc_specs[i];
	ck_abort_msg("no method %s", method);
	return NULL;
}

/* Whatever a test asks for is held against the row of its method. */
static void
check_result(const char *method, const json_t *result)
{
	struct node *node = json_to_node(result);
	struct err err;

	ck_assert_msg(field_match(spec_of(method)->result, node, &err) == 0, "%s: %s",
		method, err.text);
	node_free(node);
}

json_t *
rpc_world_call(struct rpc_world *w, int fd, const char *method, const char *params)
{
	AUTO(free)
	char *text = xasprintf(
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}",
		method, params);
	json_t *reply = client_call(&w->server, fd, text);

	ck_assert_msg(reply != NULL, "%s: no reply", method);
	ck_assert_msg(json_object_get(reply, "id") != NULL, "%s: a notification",
		method);
	return reply;
}

json_t *
rpc_world_result(struct rpc_world *w, int fd, const char *method, const char *params)
{
	AUTO(json) json_t *reply = rpc_world_call(w, fd, method, params);
	json_t *result = json_object_get(reply, "result");
	AUTO(free) char *text = json_dumps(reply, 0);

	ck_assert_msg(result != NULL, "%s: %s", method, text);
	check_result(method, result);
	return json_incref(result);
}

int
rpc_world_code(struct rpc_world *w, int fd, const char *method, const char *params,
	const char *text)
{
	AUTO(json) json_t *reply = rpc_world_call(w, fd, method, params);
	const json_t *error = json_object_get(reply, "error");

	ck_assert_msg(error != NULL, "%s succeeded", method);
	if (text != NULL)
		ck_assert_msg(strstr(text_of(error, "message"), text) != NULL, "%s",
			text_of(error, "message"));
	return reply_code(reply);
}

json_t *
rpc_world_event(struct rpc_world *w, int fd)
{
	AUTO(free) char *line = client_line(&w->server, fd);
	AUTO(json) json_t *message = NULL;

	if (line == NULL)
		return NULL;
	message = json_loads(line, 0, NULL);
	ck_assert_msg(json_object_get(message, "id") == NULL, "%s", line);
	ck_assert_str_eq(text_of(message, "method"), "event");
	return json_incref(json_object_get(message, "params"));
}

const char *
text_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	ck_assert_msg(json_is_string(value), "%s is no text", name);
	return json_string_value(value);
}

int64_t
int_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	ck_assert_msg(json_is_integer(value), "%s is no integer", name);
	return json_integer_value(value);
}
