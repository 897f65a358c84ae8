/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RPC interface as data: a row for each method and for each error. No code and no
 * function pointers, so that the client and the documentation link it without the daemon;
 * bind.c says which function answers a method.
 */
#ifndef RPC_SPEC_H
#define RPC_SPEC_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct field;
struct fields;

/* Of the socket's language; rises when a client of today could not go on. */
#define RPC_PROTOCOL 1

/* Each may do what those before it may. A method without a role admits nobody. */
enum rpc_role {
	RPC_NOBODY,  /* known to no entry of `access` */
	RPC_OBSERVE, /* sees states and numbers */
	RPC_OPERATE, /* brings workers up and down, reports facts */
	RPC_ADMIN,   /* reloads, stops, repairs */
	RPC_ROLE_COUNT
};

enum rpc_method {
	RPC_WORKER_LIST,
	RPC_WORKER_SHOW,
	RPC_WORKER_SUBSTANTIATE,
	RPC_WORKER_INSUBSTANTIATE,
	RPC_WORKER_ATTACHED,
	RPC_WORKER_DETACHED,
	RPC_WORKER_BUILD_STARTED,
	RPC_WORKER_BUILD_FINISHED,
	RPC_WORKER_PASSWORD,
	RPC_WORKER_CHECK,
	RPC_WORKER_HISTORY,
	RPC_WORKER_CONSOLE,
	RPC_WORKER_HOLD,
	RPC_WORKER_RELEASE,
	RPC_WORKER_ABANDON,
	RPC_POOL_STATUS,
	RPC_POOL_PAUSE,
	RPC_POOL_RESUME,
	RPC_POOL_ORPHANS,
	RPC_SESSION_OPEN,
	RPC_EVENTS_SUBSCRIBE,
	RPC_EVENTS_UNSUBSCRIBE,
	RPC_DAEMON_RELOAD,
	RPC_DAEMON_VERSION,
	RPC_DAEMON_METRICS,
	RPC_DAEMON_LOG_LEVEL,
	RPC_DAEMON_STOP,
	RPC_DISCOVER,
	RPC_METHOD_COUNT
};

/* Flag of a parameter's row: giving it, whatever its value, takes RPC_OPERATE. */
#define RPC_PARAM_OPERATE 0x10000u

struct rpc_spec {
	const char *name;
	enum rpc_role role;
	const struct fields
		*params; /* its size is that of the struct in args.h; no rows: none */
	const struct fields *result; /* schema only */
	/*
	 * Bits by enum err_code: what it may say beyond what any call may get, and
	 * worker_unknown, which all that have a parameter `worker` may say.
	 */
	unsigned errors;
	bool writes; /* changes what the ledger keeps: refused while that cannot be written */
	const char *doc;
};

extern const struct rpc_spec rpc_specs[RPC_METHOD_COUNT];

/* What an error of ours is on the wire. */
struct rpc_error {
	int code;               /* JSON-RPC's, or one of ours from -32001 down */
	const char *kind;       /* the word in data.kind */
	enum err_reason reason; /* where the error brings none along */
	bool retryable;         /* the same call may succeed later, unchanged */
	const char *doc;
};

/* By err_code; ERR_NONE's row is empty. */
extern const struct rpc_error rpc_errors[ERR_COUNT];

/* Whether this method may answer with that error. */
bool rpc_may_fail(const struct rpc_spec *spec, enum err_code code);
const char *rpc_role_name(enum rpc_role role);
/* What it takes to give this parameter: the method's role, or a higher one of its own. */
enum rpc_role rpc_param_role(const struct rpc_spec *spec, const struct field *row);
/* Whether it is worth asking again: what the reason says goes before the row. */
bool rpc_retryable(const struct err *err);

#endif
