/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From names to what the core has of them.
 */
#include "rpc/find.h"
#include "base/err.h"
#include "core/daemon.h"
#include "core/pool.h"
#include "rpc/rpc.h"

struct pool *
rpc_pool(const struct command *cmd)
{
	const struct daemon *d = rpc_context(cmd);

	return d->pool;
}

struct worker *
rpc_worker(const struct command *cmd, const char *name, struct err *err)
{
	struct worker *w = pool_find(rpc_pool(cmd), name);

	if (w == NULL)
		err_set(err, ERR_WORKER_UNKNOWN, "there is no worker '%s'", name);
	return w;
}
