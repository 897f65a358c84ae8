/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Methods and errors, a row each. A new method is a value of the enum, a row here and a
 * slot in bind.c.
 */
#include "rpc/spec.h"
#include "base/field.h"
#include "rpc/args.h"
#include "rpc/schema.h"

#define BIT(code) (1u << ERR_##code)

/* Of the dispatcher and the system, whatever is called. */
#define ANY_CALL (BIT(INVALID) | BIT(FORBIDDEN) | BIT(LIMIT) | BIT(INTERNAL) | BIT(IO))

const struct rpc_spec rpc_specs[RPC_METHOD_COUNT] = {
	[RPC_WORKER_LIST] =
		{
			.name = "worker.list",
			.role = RPC_OBSERVE,
			.params = &rpc_list_params,
			.result = &rpc_list_fields,
			.doc = "All workers, or those of a pattern and a state, page by page.",
		},
	[RPC_WORKER_SHOW] =
		{
			.name = "worker.show",
			.role = RPC_OBSERVE,
			.params = &rpc_worker_params,
			.result = &rpc_worker_fields,
			.doc = "One worker: what it does, since when, and how it came to that.",
		},
	[RPC_WORKER_SUBSTANTIATE] =
		{
			.name = "worker.substantiate",
			.role = RPC_OPERATE,
			.params = &rpc_up_params,
			.result = &rpc_up_fields,
			.errors = BIT(FAILED) | BIT(CANCELLED) | BIT(MISSING) |
				BIT(UNAVAILABLE) | BIT(OWNED) | BIT(TIMEOUT),
			.writes = true,
			.doc = "Wants a worker up; joins a start that is under way.",
		},
	[RPC_WORKER_INSUBSTANTIATE] =
		{
			.name = "worker.insubstantiate",
			.role = RPC_OPERATE,
			.params = &rpc_down_params,
			.result = &rpc_down_fields,
			.errors = BIT(STALE_GENERATION) | BIT(OWNED) | BIT(TIMEOUT),
			.writes = true,
			.doc = "Wants a worker down; cancels a start that is under way.",
		},
	[RPC_WORKER_ATTACHED] =
		{
			.name = "worker.attached",
			.role = RPC_OPERATE,
			.params = &rpc_attach_params,
			.result = &rpc_none_fields,
			.errors = BIT(STALE_GENERATION) | BIT(UNEXPECTED_ATTACH) |
				BIT(OWNED),
			.writes = true,
			.doc = "Says that the worker has connected to its master.",
		},
	[RPC_WORKER_DETACHED] =
		{
			.name = "worker.detached",
			.role = RPC_OPERATE,
			.params = &rpc_attach_params,
			.result = &rpc_none_fields,
			.errors = BIT(STALE_GENERATION) | BIT(OWNED),
			.writes = true,
			.doc = "Says that the worker's connection has ended.",
		},
	[RPC_WORKER_BUILD_STARTED] =
		{
			.name = "worker.build_started",
			.role = RPC_OPERATE,
			.params = &rpc_build_params,
			.result = &rpc_none_fields,
			.errors = BIT(STALE_GENERATION) | BIT(OWNED),
			.writes = true,
			.doc = "Says that a build has begun on the worker.",
		},
	[RPC_WORKER_BUILD_FINISHED] =
		{
			.name = "worker.build_finished",
			.role = RPC_OPERATE,
			.params = &rpc_build_params,
			.result = &rpc_none_fields,
			.errors = BIT(STALE_GENERATION) | BIT(OWNED),
			.writes = true,
			.doc = "Says that a build on the worker has ended.",
		},
	[RPC_WORKER_PASSWORD] =
		{
			.name = "worker.password",
			.role = RPC_OPERATE,
			.params = &rpc_worker_params,
			.result = &rpc_password_fields,
			.errors = BIT(UNAVAILABLE),
			.doc = "The password in use: a fixed one always, a generated one while a launch has it.",
		},
	[RPC_WORKER_CHECK] =
		{
			.name = "worker.check",
			.role = RPC_OBSERVE,
			.params = &rpc_check_params,
			.result = &rpc_check_fields,
			.errors = BIT(FAILED) | BIT(NETWORK) | BIT(SERVICE),
			.doc = "Whether the worker's machine is well: by the last listing, or as EC2 says now.",
		},
	[RPC_WORKER_HISTORY] =
		{
			.name = "worker.history",
			.role = RPC_OBSERVE,
			.params = &rpc_history_params,
			.result = &rpc_history_fields,
			.doc = "The events of a worker, newest first.",
		},
	[RPC_WORKER_CONSOLE] =
		{
			.name = "worker.console",
			.role = RPC_OPERATE,
			.params = &rpc_console_params,
			.result = &rpc_console_fields,
			.errors = BIT(UNAVAILABLE) | BIT(FAILED) | BIT(NETWORK) |
				BIT(SERVICE),
			.doc = "The console of the worker's machine, as EC2 has it.",
		},
	[RPC_WORKER_HOLD] =
		{
			.name = "worker.hold",
			.role = RPC_OPERATE,
			.params = &rpc_worker_params,
			.result = &rpc_none_fields,
			.errors = BIT(UNAVAILABLE),
			.writes = true,
			.doc = "Keeps the machine for a look: no limit ends it until it is released or stopped.",
		},
	[RPC_WORKER_RELEASE] =
		{
			.name = "worker.release",
			.role = RPC_OPERATE,
			.params = &rpc_worker_params,
			.result = &rpc_none_fields,
			.writes = true,
			.doc = "Ends a hold: the limits go on with what remained of them. Of a worker whose rows "
			       "are set aside: the next start takes them up as they stand.",
		},
	[RPC_WORKER_ABANDON] =
		{
			.name = "worker.abandon",
			.role = RPC_ADMIN,
			.params = &rpc_abandon_params,
			.result = &rpc_none_fields,
			.writes = true,
			.doc = "Ends a launch in `watch` by order, as if it certainly had no effect; or gives up the "
			       "rows of a worker that are set aside, whose instance is then an orphan.",
		},
	[RPC_POOL_STATUS] =
		{
			.name = "pool.status",
			.role = RPC_OBSERVE,
			.params = &rpc_none_params,
			.result = &rpc_status_fields,
			.doc = "The pool at a glance: counts, queues, what is wrong, what was asked of EC2.",
		},
	[RPC_POOL_PAUSE] =
		{
			.name = "pool.pause",
			.role = RPC_ADMIN,
			.params = &rpc_none_params,
			.result = &rpc_none_fields,
			.writes = true,
			.doc = "No new launches until pool.resume; what runs goes on.",
		},
	[RPC_POOL_RESUME] =
		{
			.name = "pool.resume",
			.role = RPC_ADMIN,
			.params = &rpc_none_params,
			.result = &rpc_none_fields,
			.writes = true,
			.doc = "Launches again; ends HOLD too.",
		},
	[RPC_POOL_ORPHANS] =
		{
			.name = "pool.orphans",
			.role = RPC_ADMIN,
			.params = &rpc_orphans_params,
			.result = &rpc_orphans_fields,
			.writes = true,
			.doc = "The instances, unattached volumes and spot requests that have this "
			       "pool's tags and are in no row of the ledger, and why they still "
			       "live.",
		},
	[RPC_SESSION_OPEN] =
		{
			.name = "session.open",
			.role = RPC_OPERATE,
			.params = &rpc_session_params,
			.result = &rpc_session_fields,
			.writes = true,
			.doc = "Facts reported on this connection belong to an owner from now on, "
			       "who outlives it by owner_timeout.",
		},
	[RPC_EVENTS_SUBSCRIBE] =
		{
			.name = "events.subscribe",
			.role = RPC_OBSERVE,
			.params = &rpc_subscribe_params,
			.result = &rpc_subscribe_fields,
			.doc = "Sends each event as a notification `event` on this connection; replaces an earlier subscription of it.",
		},
	[RPC_EVENTS_UNSUBSCRIBE] =
		{
			.name = "events.unsubscribe",
			.role = RPC_OBSERVE,
			.params = &rpc_none_params,
			.result = &rpc_none_fields,
			.doc = "Ends the subscription of this connection, if it has one.",
		},
	[RPC_DAEMON_RELOAD] =
		{
			.name = "daemon.reload",
			.role = RPC_ADMIN,
			.params = &rpc_reload_params,
			.result = &rpc_reload_fields,
			.errors = BIT(CONFIG),
			.doc = "Reads the configuration again; running workers are undisturbed.",
		},
	[RPC_DAEMON_VERSION] =
		{
			.name = "daemon.version",
			.role = RPC_OBSERVE,
			.params = &rpc_none_params,
			.result = &rpc_version_fields,
			.doc = "What runs here.",
		},
	[RPC_DAEMON_METRICS] =
		{
			.name = "daemon.metrics",
			.role = RPC_OBSERVE,
			.params = &rpc_none_fields,
			.result = &rpc_metrics_fields,
			.doc = "Numbers about the whole, for graphs and alarms.",
		},
	[RPC_DAEMON_LOG_LEVEL] =
		{
			.name = "daemon.log_level",
			.role = RPC_ADMIN,
			.params = &rpc_log_level_params,
			.result = &rpc_log_level_fields,
			.doc = "Sets how much is logged, or only says it.",
		},
	[RPC_DISCOVER] =
		{
			.name = "rpc.discover",
			.role = RPC_OBSERVE,
			.params = &rpc_none_params,
			.result = &rpc_discover_fields,
			.doc = "This interface as an OpenRPC document; notifications `event` have components.schemas.event for parameters.",
		},
	[RPC_DAEMON_STOP] =
		{
			.name = "daemon.stop",
			.role = RPC_ADMIN,
			.params = &rpc_none_params,
			.result = &rpc_none_fields,
			.doc = "Ends the daemon as on_stop says.",
		},
};

const struct rpc_error rpc_errors[ERR_COUNT] = {
	[ERR_INTERNAL] =
		{
			.code = -32603,
			.kind = "internal",
			.reason = REASON_INTERNAL,
			.doc = "A mistake of the daemon's; its log says more.",
		},
	[ERR_IO] =
		{
			.code = -32603,
			.kind = "io",
			.reason = REASON_INTERNAL,
			.retryable = true,
			.doc = "The system refused a file, a socket or the ledger.",
		},
	[ERR_CONFIG] =
		{
			.code = -32004,
			.kind = "failed",
			.reason = REASON_CONFIG,
			.doc = "The configuration cannot be used.",
		},
	[ERR_PARSE] =
		{
			.code = -32700,
			.kind = "parse",
			.doc = "The line is not JSON, or is nested too deeply.",
		},
	[ERR_INVALID] =
		{
			.code = -32602,
			.kind = "invalid",
			.doc = "A parameter is unknown, missing or wrong.",
		},
	[ERR_METHOD_UNKNOWN] =
		{
			.code = -32601,
			.kind = "method_unknown",
			.doc = "There is no such method.",
		},
	[ERR_REQUEST] =
		{
			.code = -32600,
			.kind = "request",
			.doc = "JSON, but not a request, or a batch too long.",
		},
	[ERR_NETWORK] =
		{
			.code = -32004,
			.kind = "failed",
			.reason = REASON_NETWORK,
			.retryable = true,
			.doc = "EC2 did not answer.",
		},
	[ERR_SERVICE] =
		{
			.code = -32004,
			.kind = "failed",
			.retryable = true,
			.doc = "EC2 answered with an error.",
		},
	[ERR_WORKER_UNKNOWN] =
		{
			.code = -32001,
			.kind = "worker_unknown",
			.doc = "There is no worker of that name.",
		},
	[ERR_FORBIDDEN] =
		{
			.code = -32002,
			.kind = "forbidden",
			.doc = "The caller's role is too low.",
		},
	[ERR_STALE_GENERATION] =
		{
			.code = -32003,
			.kind = "stale_generation",
			.doc = "Not the generation that runs.",
		},
	[ERR_FAILED] =
		{
			.code = -32004,
			.kind = "failed",
			.retryable = true,
			.doc = "The worker could not be started.",
		},
	[ERR_CANCELLED] =
		{
			.code = -32005,
			.kind = "cancelled",
			.retryable = true,
			.doc = "The wish was withdrawn meanwhile.",
		},
	[ERR_MISSING] =
		{
			.code = -32006,
			.kind = "missing",
			.retryable = true,
			.doc = "Launched, but its worker never attached.",
		},
	[ERR_UNAVAILABLE] =
		{
			.code = -32007,
			.kind = "unavailable",
			.retryable = true,
			.doc = "Not now: stopping, degraded, or nothing there yet.",
		},
	[ERR_UNEXPECTED_ATTACH] =
		{
			.code = -32008,
			.kind = "unexpected_attach",
			.doc = "Attached without a launch of ours.",
		},
	[ERR_LIMIT] =
		{
			.code = -32009,
			.kind = "limit",
			.retryable = true,
			.doc = "A limit of the daemon was reached.",
		},
	[ERR_OWNED] =
		{
			.code = -32010,
			.kind = "owned",
			.doc = "Another live owner reports this worker.",
		},
	[ERR_TIMEOUT] =
		{
			.code = -32011,
			.kind = "timeout",
			.retryable = true,
			.doc = "The caller's own time ran out; the work goes on.",
		},
};

/* What a reason says about trying again; REASON_NONE leaves it to the row. */
static const enum {
	AS_ROW,
	YES,
	NO
} reason_retryable[REASON_COUNT] = {
	[REASON_CAPACITY] = YES,
	[REASON_QUOTA] = YES,
	[REASON_PRICE] = YES,
	[REASON_CONFIG] = NO,
	[REASON_AUTH] = NO,
	[REASON_THROTTLED] = YES,
	[REASON_NETWORK] = YES,
	[REASON_INSTANCE_DIED] = YES,
	[REASON_INTERNAL] = NO,
};

static const char *const role_names[RPC_ROLE_COUNT] = {
	[RPC_NOBODY] = "nobody",
	[RPC_OBSERVE] = "observe",
	[RPC_OPERATE] = "operate",
	[RPC_ADMIN] = "admin",
};

bool
rpc_may_fail(const struct rpc_spec *spec, enum err_code code)
{
	unsigned errors = spec->errors | ANY_CALL;

	if (field_find(spec->params, "worker") != NULL)
		errors |= BIT(WORKER_UNKNOWN);
	if (spec->writes)
		errors |= BIT(UNAVAILABLE); /* with a full disk */
	return (errors & (1u << code)) != 0;
}

const char *
rpc_role_name(enum rpc_role role)
{
	return role_names[role];
}

enum rpc_role
rpc_param_role(const struct rpc_spec *spec, const struct field *row)
{
	bool is_higher = (row->flags & RPC_PARAM_OPERATE) != 0 &&
		spec->role < RPC_OPERATE;

	return is_higher ? RPC_OPERATE : spec->role;
}

bool
rpc_retryable(const struct err *err)
{
	if (reason_retryable[err->reason] != AS_ROW)
		return reason_retryable[err->reason] == YES;
	return rpc_errors[err->code].retryable;
}
