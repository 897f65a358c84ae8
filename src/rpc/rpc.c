/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a line to calls: framing of batches, the rules of JSON-RPC 2.0, role, parameters,
 * then the method. Everything that holds for all methods is here, and nothing else.
 */
#include "rpc/rpc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/field.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/node.h"
#include "rpc/command.h"
#include "rpc/conn.h"
#include "rpc/json.h"
#include "rpc/pace.h"
#include "rpc/spec.h"
#include "sys/loop.h"
#include "sys/sock.h"
#include "sys/watch.h"

#include <string.h>

struct rpc {
	const struct rpc_service *service; /* borrowed */
	const struct rpc_limits *limits;   /* borrowed */
	struct conns *conns;               /* owned */
	struct loop *loop;                 /* borrowed */
	struct watch *watch;            /* owned; of the socket's directory, or NULL */
	struct sock_listener *listener; /* owned; NULL before rpc_listen */
	const char **names; /* owned array of the methods' names, for suggestions */
};

const struct rpc_limits rpc_limits = {
	.line_max = 64 * 1024,
	.batch_max = 64,
	.conns = 512,
	.conns_a_uid = 64,
	.pending = 10000,
	.out_total = 64 * 1024 * 1024,
	.out_pause = 256 * 1024,
	.unread_ms = 30 * 1000,
	.line_ms = 10 * 1000,
};

/* One request as it came; borrowed from its line's JSON. */
struct request {
	const char *method;
	const json_t *params; /* or NULL */
	const json_t *id;     /* NULL: a notification */
};

static bool
is_id(const json_t *value)
{
	return json_is_string(value) || json_is_number(value) || json_is_null(value);
}

static const char *const request_members[] = {"jsonrpc", "method", "params", "id",
	NULL};

static int
check_members(const json_t *call, struct err *err)
{
	json_t *object =
		(json_t *)(uintptr_t)call; /* jansson's iterators take no const */

	for (void *i = json_object_iter(object); i != NULL;
		i = json_object_iter_next(object, i)) {
		const char *key = json_object_iter_key(i);
		size_t m = 0;

		while (request_members[m] != NULL &&
			strcmp(request_members[m], key) != 0)
			m++;
		if (request_members[m] == NULL)
			return err_set(err, ERR_REQUEST,
				"'%s' is no member of a request: only jsonrpc, method, "
				"params and id are",
				key);
	}
	return 0;
}

/* What can be told of the request is in ret even when it is refused: errors name the id. */
static int
read_request(const json_t *call, struct request *ret, struct err *err)
{
	const json_t *version = json_object_get(call, "jsonrpc");
	const json_t *id = json_object_get(call, "id");

	*ret = (struct request){0};
	if (!json_is_object(call))
		return err_set(err, ERR_REQUEST, "a request is an object");
	if (id != NULL && !is_id(id))
		return err_set(err, ERR_REQUEST,
			"id: expected a string, a number or null");
	ret->id = id;
	ret->params = json_object_get(call, "params");
	ret->method = json_string_value(json_object_get(call, "method"));
	if (!json_is_string(version) || strcmp(json_string_value(version), "2.0") != 0)
		return err_set(err, ERR_REQUEST, "jsonrpc: expected \"2.0\"");
	if (ret->method == NULL)
		return err_set(err, ERR_REQUEST, "method: expected a string");
	if (ret->params != NULL && !json_is_object(ret->params) &&
		!json_is_array(ret->params))
		return err_set(err, ERR_REQUEST,
			"params: expected an object or a list");
	return check_members(call, err);
}

/* NULL and err if there is none. */
static const struct rpc_spec *
find_method(const struct rpc *rpc, const char *name, struct err *err)
{
	const struct rpc_service *service = rpc->service;
	const char *near;

	for (size_t i = 0; i < service->count; i++)
		if (strcmp(service->specs[i].name, name) == 0)
			return &service->specs[i];
	near = diag_suggest(name, rpc->names);
	err_set(err, ERR_METHOD_UNKNOWN, "there is no method '%s'%s%s%s", name,
		near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
		near != NULL ? "'?" : "");
	return NULL;
}

static int
check_role(const struct conn *c, const struct rpc_spec *spec, struct err *err)
{
	if (spec->role != RPC_NOBODY && conn_role(c) >= spec->role)
		return 0;
	return err_set(err, ERR_FORBIDDEN,
		"%s is for the role %s, and this user has %s", spec->name,
		rpc_role_name(spec->role), rpc_role_name(conn_role(c)));
}

/* Some parameters take more than their method does. */
static int
check_param_roles(const struct conn *c, const struct rpc_spec *spec,
	const struct node *params, struct err *err)
{
	for (const struct field *row = spec->params->rows; row->name != NULL; row++) {
		enum rpc_role needed = rpc_param_role(spec, row);

		if (node_get(params, row->name) != NULL && conn_role(c) < needed)
			return err_set(err, ERR_FORBIDDEN,
				"%s: %s is for the role %s, and this user has %s",
				spec->name, row->name, rpc_role_name(needed),
				rpc_role_name(conn_role(c)));
	}
	return 0;
}

/* The parameters by name, whichever way they came. NULL and err: too many. */
static struct node *
params_node(const struct rpc_spec *spec, const json_t *params, struct err *err)
{
	AUTO(node) struct node *given = params != NULL ? json_to_node(params) : NULL;

	if (given == NULL)
		return node_map((struct mark){0});
	if (given->kind == NODE_LIST)
		return field_positional(spec->params, given, err);
	return TAKE(given);
}

static void
remember_worker(struct command *cmd, const struct node *params)
{
	const struct node *worker = node_get(params, "worker");

	if (worker != NULL && worker->kind == NODE_STRING)
		cmd->worker = xstrdup(worker->text);
}

static const struct rpc_result *
invoke(const struct rpc *rpc, const struct rpc_spec *spec, struct command *cmd,
	const struct node *params)
{
	void *args = xcalloc(1, spec->params->size > 0 ? spec->params->size : 1);
	AUTO(diags) struct diags problems = {0};
	const struct rpc_result *result;
	struct err err;

	if (field_load(spec->params, params, args, NULL, &problems) == 0) {
		result = rpc->service->calls[spec - rpc->service->specs](cmd, args);
	} else {
		diag_to_err(&problems, ERR_INVALID, &err);
		result = rpc_fail(cmd, &err);
	}
	field_fini(spec->params, args);
	free(args);
	return result;
}

static int
check_room(const struct rpc *rpc, const struct conn *c, struct err *err)
{
	if (conn_pending(c) < rpc->limits->pending)
		return 0;
	return err_set(err, ERR_LIMIT, "more than %u calls wait on this connection",
		rpc->limits->pending);
}

/* Refused before it does anything: what is changed in memory alone helps nobody. */
static int
check_writable(const struct rpc *rpc, const struct rpc_spec *spec, struct err *err)
{
	const struct rpc_service *service = rpc->service;
	const char *why = NULL;

	if (spec->writes && service->unwritable != NULL)
		why = service->unwritable(service->context);
	if (why == NULL)
		return 0;
	return err_set(err, ERR_UNAVAILABLE,
		"%s is refused as long as the ledger cannot be written: %s", spec->name,
		why);
}

static const struct rpc_result *
call(const struct rpc *rpc, struct command *cmd, const struct request *request)
{
	AUTO(node) struct node *params = NULL;
	const struct rpc_spec *spec;
	struct err err;

	spec = find_method(rpc, request->method, &err);
	if (spec == NULL || check_role(cmd->conn, spec, &err) != 0 ||
		check_room(rpc, cmd->conn, &err) != 0 ||
		check_writable(rpc, spec, &err) != 0)
		return rpc_fail(cmd, &err);
	params = params_node(spec, request->params, &err);
	if (params == NULL || check_param_roles(cmd->conn, spec, params, &err) != 0)
		return rpc_fail(cmd, &err);
	remember_worker(cmd, params);
	cmd->changes = spec->writes;
	return invoke(rpc, spec, cmd, params);
}

static void
serve_one(struct rpc *rpc, struct conn *c, struct batch *batch, const json_t *value)
{
	AUTO(json) json_t *nobody = json_null();
	const struct rpc_result *result;
	struct request request;
	struct command *cmd;
	struct err err;
	int refused = read_request(value, &request, &err);

	/* Who sends what is no request is told so, notification or not. */
	cmd = command_new(c, batch,
		refused && request.id == NULL ? nobody : request.id);
	cmd->context = rpc->service->context;
	result = refused ? rpc_fail(cmd, &err) : call(rpc, cmd, &request);
	(void)result; /* answered or pending: both are good */
}

static void
refuse_line(struct conn *c, const struct err *err)
{
	AUTO(buf) struct buf text = {0};

	command_error_text(err, NULL, NULL, NULL, &text);
	conn_send_read(c, text.data, text.len);
}

/* A batch of which a turn serves a part; its connection serves no line meanwhile. */
struct batch_run {
	struct rpc *rpc;     /* borrowed */
	struct conn *conn;   /* borrowed: this is a part of it */
	json_t *list;        /* owned */
	size_t next;         /* the first call that is not served yet */
	struct batch *batch; /* borrowed: it ends with its last call */
	struct loop_timer again;
	bool serving; /* whoever serves frees it */
	bool over;    /* the connection ended it */
};

static void
run_free(struct batch_run *run)
{
	size_t left = json_array_size(run->list) - run->next;

	if (left > 0)
		batch_drop(run->conn, run->batch, left);
	loop_timer_clear(&run->again);
	json_decref(run->list);
	free(run);
}

static void
end_run(void *part)
{
	struct batch_run *run = part;

	run->over = true;
	if (!run->serving)
		run_free(run);
}

/* At least one call, and no more than for a slice; returns the first that is left. */
static size_t
serve_slice(struct rpc *rpc, struct conn *c, struct batch *batch, const json_t *list,
	size_t next)
{
	int64_t end_ms = clock_ms() + PACE_SLICE_MS;
	size_t count = json_array_size(list);

	do
		serve_one(rpc, c, batch, json_array_get(list, next++));
	while (next < count && clock_ms() < end_ms && conns_may_serve(rpc->conns));
	return next;
}

/* Whether calls are left for another turn. */
static bool
serve_some(struct batch_run *run)
{
	if (!conns_may_serve(run->rpc->conns)) {
		/* Before those who were served in this turn. */
		loop_timer_at(&run->again, 0);
		return true;
	}
	run->serving = true;
	run->next = serve_slice(run->rpc, run->conn, run->batch, run->list, run->next);
	run->serving = false;
	if (run->over || run->next == json_array_size(run->list))
		return false;
	loop_timer_at(&run->again, clock_ms());
	return true;
}

static void
on_batch(void *arg)
{
	struct batch_run *run = arg;
	struct conn *c = run->conn;

	if (serve_some(run))
		return;
	if (run->over)
		run_free(run);
	else
		conn_set_part(c, CONN_BATCH, NULL, NULL);
	conn_hold(c, false);
	conn_settle(c);
}

/* The calls from next on. */
static void
serve_rest(struct rpc *rpc, struct conn *c, json_t *list, struct batch *batch,
	size_t next)
{
	struct batch_run *run = NEW(struct batch_run);

	*run = (struct batch_run){.rpc = rpc,
		.conn = c,
		.list = json_incref(list),
		.next = next,
		.batch = batch};
	loop_timer_init(&run->again, rpc->loop, on_batch, run);
	loop_timer_at(&run->again, clock_ms());
	conn_set_part(c, CONN_BATCH, run, end_run);
	conn_hold(c, true);
}

static void
serve_batch(struct rpc *rpc, struct conn *c, json_t *list)
{
	size_t count = json_array_size(list), next;
	struct batch *batch;
	struct err err;

	if (count == 0 || count > rpc->limits->batch_max) {
		err_set(&err, ERR_REQUEST,
			"a batch holds 1 to %u calls, and this one %zu",
			rpc->limits->batch_max, count);
		refuse_line(c, &err);
		return;
	}
	batch = batch_new(count);
	next = serve_slice(rpc, c, batch, list, 0);
	if (next < count)
		serve_rest(rpc, c, list, batch, next);
}

static void
on_line(void *arg, struct conn *c, const char *line, size_t len)
{
	struct rpc *rpc = arg;
	AUTO(json) json_t *value = NULL;
	struct err err;

	value = json_parse(line, len, &err);
	if (value == NULL)
		refuse_line(c, &err);
	else if (json_is_array(value))
		serve_batch(rpc, c, value);
	else
		serve_one(rpc, c, NULL, value);
}

struct rpc *
rpc_new(struct loop *loop, const struct rpc_service *service,
	const struct rpc_limits *limits, struct access *access)
{
	struct rpc *rpc = NEW(struct rpc);

	rpc->loop = loop;
	rpc->service = service;
	rpc->limits = limits;
	rpc->names = xcalloc(service->count + 1, sizeof(*rpc->names));
	for (size_t i = 0; i < service->count; i++)
		rpc->names[i] = service->specs[i].name;
	rpc->conns = conns_new(loop, limits, access, on_line, rpc);
	return rpc;
}

static void
on_accept(void *arg, int fd)
{
	struct rpc *rpc = arg;

	conns_accept(rpc->conns, fd);
}

/* Something in the socket's directory came or went; it may have been the socket. */
static void
on_directory(void *arg)
{
	struct rpc *rpc = arg;
	struct err err;

	if (!sock_listener_is_lost(rpc->listener))
		return;
	if (sock_listener_rebind(rpc->listener, &err) == 0)
		log_warning(NULL, "the socket was removed and is there again");
	else
		log_error(NULL, "the socket was removed: %s", err.text);
}

int
rpc_listen(struct rpc *rpc, const char *path, mode_t mode, const char *group,
	struct err *err)
{
	struct sock_where where = {.path = path, .mode = mode, .group = group};
	struct err trouble;

	rpc->listener = sock_listen_at(rpc->loop, &where, on_accept, rpc, err);
	if (rpc->listener == NULL)
		return -1;
	rpc->watch = watch_new(rpc->loop, path, on_directory, rpc, &trouble);
	if (rpc->watch == NULL)
		log_warning(NULL, "%s: a removed socket will not be noticed",
			trouble.text);
	return 0;
}

void
rpc_listen_fd(struct rpc *rpc, int fd)
{
	rpc->listener = sock_listen_fd(rpc->loop, fd, on_accept, rpc);
}

void
rpc_accept(struct rpc *rpc, int fd)
{
	conns_accept(rpc->conns, fd);
}

void
rpc_set_access(struct rpc *rpc, struct access *access)
{
	conns_set_access(rpc->conns, access);
}

size_t
rpc_conn_count(const struct rpc *rpc)
{
	return conns_count(rpc->conns);
}

size_t
rpc_pending_count(const struct rpc *rpc)
{
	return conns_pending(rpc->conns);
}

void
rpc_free(struct rpc *rpc)
{
	if (rpc == NULL)
		return;
	watch_free(rpc->watch);
	sock_listener_free(rpc->listener);
	conns_free(rpc->conns);
	free(rpc->names);
	free(rpc);
}
