/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of one server: who is let in, what each may hold of our memory, and when
 * each ends. What a line means is the dispatcher's matter.
 */
#ifndef RPC_CONN_H
#define RPC_CONN_H

#include "rpc/spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct access;
struct command;
struct conn;
struct conns;
struct loop;
struct rpc_limits;

typedef void conn_line_fn(void *arg, struct conn *c, const char *line, size_t len);

/* limits is borrowed; access becomes theirs. */
struct conns *conns_new(struct loop *loop, const struct rpc_limits *limits,
	struct access *access, conn_line_fn *on_line, void *arg);
void conns_free(struct conns *all);
/* Lets the peer in, or tells it why not and closes. fd becomes theirs. */
void conns_accept(struct conns *all, int fd);
/* Works out all roles again; who has none now is told and closed. Takes access. */
void conns_set_access(struct conns *all, struct access *access);
size_t conns_count(const struct conns *all);
/* Whether this turn may serve another call: the first of it always is. */
bool conns_may_serve(struct conns *all);
/* Calls that wait, over all. */
size_t conns_pending(const struct conns *all);

/* What methods leave on a connection, one of each kind. */
enum conn_part {
	CONN_SUBSCRIPTION, /* while there is one, a peer that sends no more is kept */
	CONN_SESSION,      /* the owner of the facts that come this way */
	CONN_BATCH,        /* one whose other calls are for a later turn */
	CONN_PART_COUNT
};
typedef void conn_part_end(void *part);
/* Ends what was there of this kind; part (NULL: nothing) ends with the connection. */
void conn_set_part(struct conn *c, enum conn_part kind, void *part, conn_part_end *end);
/* NULL if there is none. */
void *conn_part(const struct conn *c, enum conn_part kind);

uid_t conn_uid(const struct conn *c);
enum rpc_role conn_role(const struct conn *c);
/* Calls of this one that wait. */
size_t conn_pending(const struct conn *c);

/* Sends one message, without its newline, after the commit of this turn. */
void conn_send(struct conn *c, const char *text, size_t len);
/* As conn_send; but if the commit fails and nothing before it waits for one, it leaves too. */
void conn_send_read(struct conn *c, const char *text, size_t len);
/* Bytes that were sent and have not left this process. */
size_t conn_unsent(const struct conn *c);
/* Calls fn once, when all that is unsent has left; there must be some. NULL: no longer. */
typedef void conn_drained_fn(void *arg);
void conn_when_drained(struct conn *c, conn_drained_fn *fn, void *arg);
/* No line is served until it is let go. */
void conn_hold(struct conn *c, bool hold);
/* Nothing more is read; closed when what was sent so far has left. */
void conn_end(struct conn *c);
/* Ends the connection if this was the last that its peer waits for. */
void conn_settle(struct conn *c);

/* A command waits: it is the connection's, and dropped with it. */
void conn_add_pending(struct conn *c, struct command *cmd);
/* It was answered. */
void conn_del_pending(struct conn *c, struct command *cmd);

/*
 * Whether a reply of len bytes may be held; others that hold more than c are dropped for
 * it. A small one always may: its work is done, and it may come from within the core.
 */
bool conn_make_room(struct conn *c, size_t len);
/* Bytes that a batch gathers (negative: no longer). */
void conn_gather(struct conn *c, ptrdiff_t bytes);

#endif
