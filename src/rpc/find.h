/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parameters of methods name.
 */
#ifndef RPC_FIND_H
#define RPC_FIND_H

struct command;
struct err;
struct owner;
struct pool;
struct worker;

struct pool *rpc_pool(const struct command *cmd);
/* NULL and ERR_WORKER_UNKNOWN if there is none of that name. */
struct worker *rpc_worker(const struct command *cmd, const char *name, struct err *err);
/* Whose session the call came on, or NULL. */
struct owner *rpc_owner(const struct command *cmd);
/* As rpc_worker, of one that the caller may report, start and stop; else ERR_OWNED. */
struct worker *rpc_own_worker(const struct command *cmd, const char *name,
	struct err *err);

#endif
