/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Row to function. That the list is complete is asserted here, that no slot is empty by a
 * unit test.
 */
#include "rpc/bind.h"
#include "base/mem.h"
#include "core/daemon.h"
#include "core/pool.h"
#include "rpc/calls.h"
#include "rpc/spec.h"

#include <assert.h>

rpc_call *const rpc_calls[] = {
	[RPC_WORKER_LIST] = call_worker_list,
	[RPC_WORKER_SHOW] = call_worker_show,
	[RPC_WORKER_SUBSTANTIATE] = call_worker_substantiate,
	[RPC_WORKER_INSUBSTANTIATE] = call_worker_insubstantiate,
	[RPC_WORKER_ATTACHED] = call_worker_attached,
	[RPC_WORKER_DETACHED] = call_worker_detached,
	[RPC_WORKER_BUILD_STARTED] = call_worker_build_started,
	[RPC_WORKER_BUILD_FINISHED] = call_worker_build_finished,
	[RPC_WORKER_PASSWORD] = call_worker_password,
	[RPC_WORKER_CHECK] = call_worker_check,
	[RPC_WORKER_HISTORY] = call_worker_history,
	[RPC_WORKER_CONSOLE] = call_worker_console,
	[RPC_WORKER_HOLD] = call_worker_hold,
	[RPC_WORKER_RELEASE] = call_worker_release,
	[RPC_WORKER_ABANDON] = call_worker_abandon,
	[RPC_POOL_STATUS] = call_pool_status,
	[RPC_POOL_PAUSE] = call_pool_pause,
	[RPC_POOL_RESUME] = call_pool_resume,
	[RPC_POOL_ORPHANS] = call_pool_orphans,
	[RPC_SESSION_OPEN] = call_session_open,
	[RPC_EVENTS_SUBSCRIBE] = call_events_subscribe,
	[RPC_EVENTS_UNSUBSCRIBE] = call_events_unsubscribe,
	[RPC_DAEMON_RELOAD] = call_daemon_reload,
	[RPC_DAEMON_VERSION] = call_daemon_version,
	[RPC_DAEMON_METRICS] = call_daemon_metrics,
	[RPC_DAEMON_LOG_LEVEL] = call_daemon_log_level,
	[RPC_DAEMON_STOP] = call_daemon_stop,
	[RPC_DISCOVER] = call_discover,
};
static_assert(COUNT_OF(rpc_calls) == RPC_METHOD_COUNT, "every method has a function");

const char *
rpc_unwritable(void *context)
{
	const struct daemon *d = context;

	if (!d->pool->degraded)
		return NULL;
	return d->pool->degraded_text != NULL ? d->pool->degraded_text
					      : "it is not known why";
}
