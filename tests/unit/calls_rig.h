/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's own methods over a socket pair, on a pool with a cloud in memory and a clock
 * that is moved by hand. Every result is held against the rows that document it.
 */
#ifndef CALLS_RIG_H
#define CALLS_RIG_H

#include "base/rng.h"
#include "core/daemon.h"
#include "rpc/spec.h"
#include "rpc_server.h"

struct fake_cloud;

#define RIG_WALL_MS INT64_C(1790000000000) /* the clock's beginning */

/* A daemon without files, signals and network. */
struct rig {
	struct server server; /* its service is the daemon's */
	struct daemon daemon;
	struct fake_cloud *cloud;
	struct rng rng;
	int fd;
};

/* Workers bot1, made (its password generated) and w-1 to w-5. */
void rig_open(struct rig *r);
void rig_close(struct rig *r);
/* Lets so much time pass, in small steps. */
void rig_pass(struct rig *r, int64_t ms);

/* Sends a call; params is JSON. Its reply comes by rig_answer, NULL if there is none yet. */
void rig_ask(struct rig *r, enum rpc_method method, const char *params);
json_t *rig_answer(struct rig *r, enum rpc_method method);
/* Both at once. */
json_t *rig_call(struct rig *r, enum rpc_method method, const char *params);
/* A call that must have a result, or this error. */
void rig_good(struct rig *r, enum rpc_method method, const char *params);
void rig_refused(struct rig *r, enum rpc_method method, const char *params, int code);
/* bot1 up and attached. */
void rig_bring_up(struct rig *r);

/* A member of a reply's result by path ("workers.0.worker"), printed; the caller's. */
char *result_member(const json_t *reply, const char *path);
void check_member(const json_t *reply, const char *path, const char *expected);
/* As check_member, of worker.show for bot1. */
void check_show(struct rig *r, const char *path, const char *expected);

#endif
