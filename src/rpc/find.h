/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parameters of methods name.
 */
#ifndef RPC_FIND_H
#define RPC_FIND_H

struct command;
struct err;
struct pool;
struct worker;

struct pool *rpc_pool(const struct command *cmd);
/* NULL and ERR_WORKER_UNKNOWN if there is none of that name. */
struct worker *rpc_worker(const struct command *cmd, const char *name, struct err *err);

#endif
