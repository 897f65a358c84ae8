/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server with methods of its own on the real dispatcher, and clients at the other ends of
 * socket pairs; for the tests of the socket's language and limits.
 */
#ifndef TEST_RPC_SERVER_H
#define TEST_RPC_SERVER_H

#include "rpc/rpc.h"
#include "rpc/spec.h"

#include <jansson.h>

#define SERVER_SLOW_MS 4 /* what "slow" takes, by the fake clock; it counts its calls */

/* What the calls of the test server did; the context of its methods. */
struct served {
	struct command *waiting[64]; /* by "wait", oldest first */
	size_t waiting_count;
	size_t gone;     /* waits whose client left */
	size_t slow;     /* calls of it */
	size_t notified; /* calls of update, notify_hello and notify_sum */
};

struct server {
	struct loop *loop;
	struct rpc *rpc;
	struct rpc_service service;
	struct served served;
};

/* Who runs the test is admin; limits NULL: rpc_limits. */
void server_open(struct server *s, const struct rpc_limits *limits);
/* Roles by these lists; self is admin besides root. access becomes the server's. */
void server_open_for(struct server *s, const struct rpc_limits *limits,
	struct access *access);
/* The other end of a new connection, non-blocking. */
int server_connect(struct server *s);
/* As server_connect, for a peer of this uid, which takes root, or its own. */
int server_connect_as(struct server *s, uid_t uid);
/* Turns until nothing more happens at once. */
void server_run(struct server *s);
/* Answers the oldest waiting call with {} or, kind given, with an error. */
void server_finish(struct server *s, const struct err *err);
void server_close(struct server *s);

/* Sends bytes as they are, running the server while the socket is full. */
void client_send(struct server *s, int fd, const char *text, size_t len);
/* The next line without its newline, or NULL: nothing there, or end of file. The caller's. */
char *client_line(struct server *s, int fd);
/* Sends text and a newline; the reply as JSON, or NULL. The caller's. */
json_t *client_call(struct server *s, int fd, const char *text);
/* Whether the connection has ended. */
bool client_at_eof(struct server *s, int fd);
/* The code of an error reply, 0 if it is none. */
int reply_code(const json_t *reply);

#endif
