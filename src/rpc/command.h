/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call from its line to its reply. A command belongs to its connection: it ends when it
 * is answered, or when the connection does, whichever comes first. A batch gathers the
 * replies of its calls and sends them as one array when the last is there.
 */
#ifndef RPC_COMMAND_H
#define RPC_COMMAND_H

#include "rpc/rpc.h"

#include <stdbool.h>

struct batch;
struct buf;
struct conn;

struct command {
	struct conn *conn;   /* borrowed; the owner of this command */
	struct batch *batch; /* or NULL */
	json_t *id;          /* owned; NULL: a notification, which gets no reply */
	char *worker;        /* owned; the parameter of that name, or NULL */
	void *context;
	char by[24];
	bool changes;   /* its success is told when it is on disk */
	rpc_gone *gone; /* set while it is pending */
	void *gone_arg;
	struct command *next, *prev; /* in conn->pending */
};

/* id is referenced, not taken. */
struct command *command_new(struct conn *conn, struct batch *batch, const json_t *id);
/* The client is gone: nothing is sent. */
void command_drop(struct command *cmd);

/* The complete reply for an error: {"jsonrpc": ..., "error": ..., "id": ...}. data is taken. */
void command_error_text(const struct err *err, const char *worker, json_t *data,
	const json_t *id, struct buf *out);

/* For one line that is a list of so many calls; freed with the last of them. */
struct batch *batch_new(size_t count);
/* So many of its calls end without a reply, for the client is gone. */
void batch_drop(struct conn *conn, struct batch *b, size_t calls);

#endif
