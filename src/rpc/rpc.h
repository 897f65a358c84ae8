/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON-RPC 2.0 over a Unix socket, one message a line: connections, dispatch and replies.
 * Knows methods only as rows and slots, so that a test serves its own. Whatever it answers
 * leaves after the commit of the turn.
 */
#ifndef RPC_RPC_H
#define RPC_RPC_H

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

struct access;
struct command;
struct conn;
struct err;
struct loop;
struct rpc;
struct rpc_spec;

/* Only the functions below make one: who forgets to answer does not compile. */
struct rpc_result;
#define RPC_MUST_RETURN __attribute__((warn_unused_result))

/*
 * A method. args are of the row's params, checked, and the dispatcher's: what is needed
 * after the return must be copied.
 */
typedef const struct rpc_result *rpc_call(struct command *cmd, const void *args);

/* What is served; borrowed, outlives the server. */
struct rpc_service {
	const struct rpc_spec *specs;
	rpc_call *const *calls;
	size_t count;
	void *context; /* for the calls: rpc_context() */
	/* Why nothing can be committed now, or NULL: calls that write are refused. Or NULL. */
	const char *(*unwritable)(void *context);
};

/* Limits of one server; rpc_limits has DESIGN's. */
struct rpc_limits {
	size_t line_max;    /* bytes of a request */
	unsigned batch_max; /* calls in one batch */
	unsigned conns, conns_a_uid;
	unsigned pending;  /* calls of one connection that wait for something */
	size_t out_total;  /* bytes of output held for all */
	size_t out_pause;  /* and for one, above which its requests are not read */
	int64_t unread_ms; /* dropped when it took none of its output for so long */
	int64_t line_ms;   /* or when it left a line unfinished for so long */
};
extern const struct rpc_limits rpc_limits;

/* Serves nobody yet. limits is borrowed. access becomes the server's. */
struct rpc *rpc_new(struct loop *loop, const struct rpc_service *service,
	const struct rpc_limits *limits, struct access *access);
/* Listens at path, see sock_listen; a socket file that is removed comes back. */
int rpc_listen(struct rpc *rpc, const char *path, mode_t mode, const char *group,
	struct err *err);
/* Listens on a socket that systemd passed; fd becomes the server's. */
void rpc_listen_fd(struct rpc *rpc, int fd);
/* Serves one more connection; fd becomes the server's. */
void rpc_accept(struct rpc *rpc, int fd);
/* Other lists: the roles of open connections are worked out anew. */
void rpc_set_access(struct rpc *rpc, struct access *access);
/* Open connections, and calls that wait. */
size_t rpc_conn_count(const struct rpc *rpc);
size_t rpc_pending_count(const struct rpc *rpc);
/* Ends every wait, closes everything. */
void rpc_free(struct rpc *rpc);

/* For methods: */

void *rpc_context(const struct command *cmd);
/* "uid 1000": who asks, for history. Lives as long as the command. */
const char *rpc_by(const struct command *cmd);

/* Its success is told when all that has changed is on disk, though its row does not say so. */
void rpc_changes(struct command *cmd);

/* The connection that the command came on, which outlives it; see conn.h. */
struct conn *rpc_conn(const struct command *cmd);
/* Sends a notification of what is on disk already. params becomes the dispatcher's. */
void rpc_notify_take(struct conn *c, const char *method, json_t *params);

/* Each ends the command. result and data become the dispatcher's. */
const struct rpc_result *rpc_reply_take(struct command *cmd,
	json_t *result) RPC_MUST_RETURN;
const struct rpc_result *rpc_fail(struct command *cmd,
	const struct err *err) RPC_MUST_RETURN;
/* With more members in the error's data. */
const struct rpc_result *rpc_fail_take(struct command *cmd, const struct err *err,
	json_t *data) RPC_MUST_RETURN;
/*
 * Not yet: one of the above follows, from a callback. If the client leaves first, gone is
 * called and nothing may touch the command any more; the work itself goes on.
 */
typedef void rpc_gone(void *arg);
const struct rpc_result *rpc_pending(struct command *cmd, rpc_gone *gone,
	void *arg) RPC_MUST_RETURN;
/* For such a callback, which has nobody to return the result to. */
void rpc_answered(const struct rpc_result *result);

#endif
