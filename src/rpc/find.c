/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From names to what the core has of them.
 */
#include "rpc/find.h"
#include "base/err.h"
#include "core/daemon.h"
#include "core/owner.h"
#include "core/pool.h"
#include "rpc/conn.h"
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

struct owner *
rpc_owner(const struct command *cmd)
{
	return conn_part(rpc_conn(cmd), CONN_SESSION);
}

struct worker *
rpc_own_worker(const struct command *cmd, const char *name, struct err *err)
{
	struct worker *w = rpc_worker(cmd, name, err);

	return w != NULL && owner_may(rpc_owner(cmd), w, err) == 0 ? w : NULL;
}
