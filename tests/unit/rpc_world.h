/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's methods over a small world: the real rows and handlers, a fake cloud and
 * clock, and clients at the other ends of socket pairs.
 */
#ifndef TEST_RPC_WORLD_H
#define TEST_RPC_WORLD_H

#include "core/daemon.h"
#include "rpc_server.h"
#include "world.h"

struct rpc_world {
	struct world world;
	struct daemon daemon; /* only what handlers look at */
	struct server server;
};

/* workers as for world_init; limits NULL: the daemon's. */
void rpc_world_init(struct rpc_world *w, const char *workers,
	const struct rpc_limits *limits);
/* The process ends without a word; every connection with it. */
void rpc_world_restart(struct rpc_world *w);
void rpc_world_fini(struct rpc_world *w);

/* params as JSON text. The whole reply; what comes before it is put aside. The caller's. */
json_t *rpc_world_call(struct rpc_world *w, int fd, const char *method,
	const char *params);
/* The same when it must succeed: the result. */
json_t *rpc_world_result(struct rpc_world *w, int fd, const char *method,
	const char *params);
/* The same when it must fail: the code; its message is compared if text is given. */
int rpc_world_code(struct rpc_world *w, int fd, const char *method, const char *params,
	const char *text);
/* The params of the next notification, or NULL if there is none now. The caller's. */
json_t *rpc_world_event(struct rpc_world *w, int fd);
/* A member that must be a string. Borrowed. */
const char *text_of(const json_t *object, const char *name);
int64_t int_of(const json_t *object, const char *name);

#endif
