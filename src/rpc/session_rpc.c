/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The method session.open. A session is the connection's: it ends with it.
 */
#include "base/err.h"
#include "core/daemon.h"
#include "core/owner.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker.h"
#include "rpc/args.h"
#include "rpc/calls.h"
#include "rpc/conn.h"
#include "rpc/spec.h"
#include "rpc/view.h"

#include <string.h>

static void
on_end(void *part)
{
	owner_leave(part);
}

static json_t *
view_workers(const struct pool *p)
{
	json_t *list = json_array();
	struct worker *w;

	for (w = pool_first(p); w != NULL; w = pool_next(w))
		(void)json_array_append_new(list, view_worker(w));
	return list;
}

const struct rpc_result *
call_session_open(struct command *cmd, const void *args)
{
	const struct rpc_session_args *a = args;
	const struct daemon *d = rpc_context(cmd);
	struct conn *conn = rpc_conn(cmd);
	const struct owner *owner = conn_part(conn, CONN_SESSION);
	struct err err;

	if (owner != NULL && strcmp(owner->name, a->owner) != 0) {
		err_set(&err, ERR_INVALID,
			"owner: this connection has a session of %s already",
			owner->name);
		return rpc_fail(cmd, &err);
	}
	if (owner == NULL)
		conn_set_part(conn, CONN_SESSION, owner_enter(d->pool, a->owner),
			on_end);
	return rpc_reply_take(cmd,
		json_pack("{s:s,s:i,s:I,s:o}", "version", VERSION, "protocol",
			RPC_PROTOCOL, "epoch", (json_int_t)store_meta(d->store)->epoch,
			"workers", view_workers(d->pool)));
}
