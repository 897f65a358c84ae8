/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions behind the methods, for bind.c. What each does and returns stands in its
 * row of spec.c.
 */
#ifndef RPC_CALLS_H
#define RPC_CALLS_H

#include "rpc/rpc.h"

rpc_call call_worker_list, call_worker_show, call_worker_substantiate,
	call_worker_insubstantiate, call_worker_attached, call_worker_detached,
	call_worker_build_started, call_worker_build_finished, call_worker_password,
	call_worker_check, call_worker_history;
rpc_call call_worker_console, call_worker_hold, call_worker_release,
	call_worker_abandon;
rpc_call call_pool_status, call_pool_pause, call_pool_resume, call_pool_orphans;
rpc_call call_session_open;
rpc_call call_events_subscribe, call_events_unsubscribe;
rpc_call call_daemon_reload, call_daemon_version, call_daemon_metrics,
	call_daemon_log_level, call_daemon_stop;
rpc_call call_discover;

#endif
