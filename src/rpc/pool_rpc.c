/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods pool.*.
 */
#include "core/pause.h"
#include "rpc/calls.h"
#include "rpc/find.h"
#include "rpc/json.h"

const struct rpc_result *
call_pool_pause(struct command *cmd, const void *args)
{
	const struct cause cause = {.by = rpc_by(cmd)};

	(void)args;
	pool_pause(rpc_pool(cmd), &cause);
	return rpc_reply_take(cmd, json_object());
}

const struct rpc_result *
call_pool_resume(struct command *cmd, const void *args)
{
	const struct cause cause = {.by = rpc_by(cmd)};

	(void)args;
	pool_resume(rpc_pool(cmd), &cause);
	return rpc_reply_take(cmd, json_object());
}
