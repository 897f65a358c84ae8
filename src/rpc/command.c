/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope of replies and errors. Results are printed at once and kept as text, so that
 * what waits in memory is what will be sent.
 */
#include "rpc/command.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "rpc/conn.h"
#include "rpc/json.h"
#include "rpc/spec.h"

#include <assert.h>
#include <stdio.h>

/* What an answered or waiting command leaves behind: no more than the fact. */
struct rpc_result {
	char is_answered;
};

static const struct rpc_result answered = {.is_answered = 1},
			       waiting = {.is_answered = 0};

struct batch {
	struct buf text; /* replies so far, with commas between */
	size_t left;     /* calls not ended */
	bool waits;      /* one of them tells of a change */
};

struct batch *
batch_new(size_t count)
{
	struct batch *b = NEW(struct batch);

	b->left = count;
	return b;
}

static void
batch_free(struct batch *b)
{
	buf_fini(&b->text);
	free(b);
}

struct command *
command_new(struct conn *conn, struct batch *batch, const json_t *id)
{
	struct command *cmd = NEW(struct command);

	cmd->conn = conn;
	cmd->batch = batch;
	cmd->id = json_incref((json_t *)(uintptr_t)id);
	(void)snprintf(cmd->by, sizeof(cmd->by), "uid %u", conn_uid(conn));
	return cmd;
}

static void
command_free(struct command *cmd)
{
	if (cmd->gone != NULL)
		conn_del_pending(cmd->conn, cmd);
	json_decref(cmd->id);
	free(cmd->worker);
	free(cmd);
}

void
batch_drop(struct conn *conn, struct batch *b, size_t calls)
{
	conn_gather(conn, -(ptrdiff_t)b->text.len);
	buf_fini(&b->text);
	b->left -= calls;
	if (b->left == 0)
		batch_free(b);
}

void
command_drop(struct command *cmd)
{
	if (cmd->gone != NULL)
		cmd->gone(cmd->gone_arg);
	if (cmd->batch != NULL)
		batch_drop(cmd->conn, cmd->batch, 1);
	command_free(cmd);
}

/* waits: it tells of a change, so not before that is on disk. */
static void
send_reply(struct conn *conn, const struct buf *text, bool waits)
{
	(waits ? conn_send : conn_send_read)(conn, text->data, text->len);
}

static void
batch_add(struct conn *conn, struct batch *b, const struct buf *reply, bool waits)
{
	size_t before = b->text.len;

	b->waits |= waits;
	if (reply->len > 0) {
		buf_putc(&b->text, before == 0 ? '[' : ',');
		buf_add(&b->text, reply->data, reply->len);
		conn_gather(conn, (ptrdiff_t)(b->text.len - before));
	}
	if (--b->left > 0)
		return;
	conn_gather(conn, -(ptrdiff_t)b->text.len);
	if (b->text.len > 0) {
		buf_putc(&b->text, ']');
		send_reply(conn, &b->text, b->waits);
	}
	batch_free(b);
}

/* An empty reply is that of a notification. */
static const struct rpc_result *
finish(struct command *cmd, const struct buf *reply, bool waits)
{
	struct conn *conn = cmd->conn;

	if (cmd->batch != NULL)
		batch_add(conn, cmd->batch, reply, waits);
	else if (reply->len > 0)
		send_reply(conn, reply, waits);
	command_free(cmd);
	conn_settle(conn);
	return &answered;
}

static json_t *
error_data(const struct err *err, const char *worker, json_t *more)
{
	const struct rpc_error *row = &rpc_errors[err->code];
	enum err_reason reason = err->reason != REASON_NONE ? err->reason : row->reason;
	json_t *data = json_pack("{s:s,s:o,s:o,s:b,s:o}", "kind", row->kind, "worker",
		json_text(worker), "reason", json_text(err_reason_name(reason)),
		"retryable", rpc_retryable(err), "aws",
		json_aws(err->origin, err->origin_text, err->request_id));

	if (more != NULL)
		(void)json_object_update_missing(data,
			more); /* fails for no object alone */
	json_decref(more);
	return data;
}

static json_t *
id_or_null(const json_t *id)
{
	return id != NULL ? json_incref((json_t *)(uintptr_t)id) : json_null();
}

static void
print_take(json_t *value, struct buf *out)
{
	json_print(value, out);
	json_decref(value);
}

void
command_error_text(const struct err *err, const char *worker, json_t *data,
	const json_t *id, struct buf *out)
{
	json_t *error = json_pack("{s:i,s:o,s:o}", "code", rpc_errors[err->code].code,
		"message", json_text(err->text), "data", error_data(err, worker, data));

	print_take(json_pack("{s:s,s:o,s:o}", "jsonrpc", "2.0", "error", error, "id",
			   id_or_null(id)),
		out);
}

const struct rpc_result *
rpc_reply_take(struct command *cmd, json_t *result)
{
	AUTO(buf) struct buf reply = {0};

	if (cmd->id == NULL)
		json_decref(result);
	else
		print_take(json_pack("{s:s,s:o,s:O}", "jsonrpc", "2.0", "result",
				   result, "id", cmd->id),
			&reply);
	if (!conn_make_room(cmd->conn, reply.len)) {
		struct err err;

		err_set(&err, ERR_LIMIT, "too many replies wait to be read");
		return rpc_fail(cmd, &err);
	}
	return finish(cmd, &reply, cmd->changes);
}

const struct rpc_result *
rpc_fail_take(struct command *cmd, const struct err *err, json_t *data)
{
	AUTO(buf) struct buf reply = {0};

	log_debug(cmd->worker, "%s: %s", cmd->by, err->text);
	if (cmd->id == NULL)
		json_decref(data);
	else
		command_error_text(err, cmd->worker, data, cmd->id, &reply);
	return finish(cmd, &reply, false);
}

const struct rpc_result *
rpc_fail(struct command *cmd, const struct err *err)
{
	return rpc_fail_take(cmd, err, NULL);
}

const struct rpc_result *
rpc_pending(struct command *cmd, rpc_gone *gone, void *arg)
{
	assert(gone != NULL && cmd->gone == NULL);
	cmd->gone = gone;
	cmd->gone_arg = arg;
	conn_add_pending(cmd->conn, cmd);
	return &waiting;
}

void
rpc_answered(const struct rpc_result *result)
{
	assert(result == &answered);
	(void)result; /* without assertions */
}

struct conn *
rpc_conn(const struct command *cmd)
{
	return cmd->conn;
}

void
rpc_notify_take(struct conn *c, const char *method, json_t *params)
{
	AUTO(buf) struct buf text = {0};

	print_take(json_pack("{s:s,s:s,s:o}", "jsonrpc", "2.0", "method", method,
			   "params", params),
		&text);
	conn_send_read(c, text.data, text.len);
}

void *
rpc_context(const struct command *cmd)
{
	return cmd->context;
}

void
rpc_changes(struct command *cmd)
{
	cmd->changes = true;
}

const char *
rpc_by(const struct command *cmd)
{
	return cmd->by;
}
