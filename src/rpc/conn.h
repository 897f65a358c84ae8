/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of one server: who is let in, what each may hold of our memory, and when
 * each ends. What a line means is the dispatcher's matter.
 */
#ifndef RPC_CONN_H
#define RPC_CONN_H

#include "rpc/spec.h"

#include "base/buf.h"
#include "sys/loop.h"
#include "sys/sock.h"

struct access;
struct command;
struct conn;
struct rpc_limits;

typedef void conn_line_fn(void *arg, struct conn *c, const char *line, size_t len);

struct conns {
	struct loop *loop;               /* borrowed */
	const struct rpc_limits *limits; /* borrowed */
	struct access *access;           /* owned */
	struct sock_limits sock_limits;
	conn_line_fn *on_line;
	void *arg;
	struct conn *list; /* owned */
	size_t count;
	size_t pending; /* calls that wait, over all */
	size_t held;    /* bytes of replies that have not reached a socket's queue */
	struct loop_poke relieve; /* too much is held: somebody must go */
	int64_t refusal_ms;       /* boottime: no refusal is logged before */
	unsigned refusals;        /* not logged since */
};

struct conn {
	struct conns *all;      /* borrowed, outlives us */
	struct sock_conn *sock; /* owned */
	struct sock_peer peer;
	enum rpc_role role;
	struct buf ready; /* replies of this turn, for after its commit */
	size_t gathering; /* bytes of batches under way */
	struct loop_outbox outbox;
	struct command *pending; /* owned: answered later */
	unsigned pending_count;
	bool eof;    /* it sends no more: ends with its last reply */
	bool ending; /* ends with what is ready */
	struct conn *next, *prev;
};

void conns_init(struct conns *all, struct loop *loop, const struct rpc_limits *limits,
	struct access *access, conn_line_fn *on_line, void *arg);
void conns_fini(struct conns *all);
/* Lets the peer in, or tells it why not and closes. fd becomes ours. */
void conns_accept(struct conns *all, int fd);
/* Works out all roles again; who has none now is told and closed. Takes access. */
void conns_set_access(struct conns *all, struct access *access);

/* Sends one message, without its newline, after the commit of this turn. */
void conn_send(struct conn *c, const char *text, size_t len);
/* Nothing more is read; closed when what was sent so far has left. */
void conn_end(struct conn *c);
/* A call has begun to wait, or was answered. */
void conn_add_pending(struct conn *c, struct command *cmd);
void conn_del_pending(struct conn *c, struct command *cmd);
/* Ends the connection if this was the last that its peer waits for. */
void conn_settle(struct conn *c);
/*
 * Whether a reply of len bytes may be held; others that hold more than c are dropped for
 * it. A small one always may: its work is done, and it may come from within the core.
 */
bool conn_make_room(struct conn *c, size_t len);
/* Bytes that a batch gathers (negative: no longer). */
void conn_gather(struct conn *c, ptrdiff_t bytes);

#endif
