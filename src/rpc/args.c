/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of the methods' parameters. Their order is that of positional parameters and
 * never changes: new ones go to the end.
 */
#include "rpc/args.h"
#include "base/err.h"
#include "base/log.h"
#include "rpc/schema.h"
#include "rpc/spec.h"

#include <string.h>

static const char *const state_words[] = {"any", "not_substantiated", "substantiating",
	"substantiated", "insubstantiating", NULL};
static const char *const up_words[] = {"accepted", "running", "attached", NULL};
static const char *const down_words[] = {"accepted", "stopped", NULL};

static const struct field none_rows[] = {{.name = NULL}};
const struct fields rpc_none_params = {.name = "none", .rows = none_rows};

static const struct field list_rows[] = {
	{
		.name = "pattern",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct rpc_list_args, pattern, char *),
		.example = "GLOB",
		.doc = "Only workers whose names match this glob.",
	},
	{
		.name = "state",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct rpc_list_args, state, int),
		.def = "any",
		.choices = state_words,
		.example = "STATE",
		.doc = "Only workers in this state.",
	},
	{
		.name = "limit",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct rpc_list_args, limit, int64_t),
		.def = "1000",
		.min = 1,
		.max = 1000,
		.example = "N",
		.doc = "How many at most.",
	},
	{
		.name = "cursor",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_list_args, cursor, char *),
		.example = "CURSOR",
		.doc = "Go on behind the last reply: its cursor.",
	},
	{.name = NULL},
};
const struct fields rpc_list_params = {
	.name = "worker.list",
	.rows = list_rows,
	.size = sizeof(struct rpc_list_args),
};

static const struct field worker_rows[] = {
	{
		.name = "worker",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_worker_args, worker, char *),
		.example = "WORKER",
		.doc = "Its name.",
	},
	{.name = NULL},
};
const struct fields rpc_worker_params = {
	.name = "worker",
	.rows = worker_rows,
	.size = sizeof(struct rpc_worker_args),
};

static const struct field up_rows[] = {
	{
		.name = "worker",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_up_args, worker, char *),
		.example = "WORKER",
		.doc = "Its name.",
	},
	{
		.name = "wait",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct rpc_up_args, wait, int),
		.def = "accepted",
		.choices = up_words,
		.example = "WHEN",
		.doc = "When to reply; running is with its address and volumes.",
	},
	{
		.name = "timeout",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct rpc_up_args, timeout, int64_t),
		.min = 1,
		.max = INT64_MAX,
		.example = "T",
		.doc = "How long to wait for; at its end the call fails with timeout, "
		       "and the work goes on.",
	},
	{
		.name = "build",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct rpc_up_args, build, char *),
		.max = 256,
		.example = "TEXT",
		.doc = "What it is wanted for; for people.",
	},
	{
		.name = "request",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_up_args, request, char *),
		.max = 64,
		.example = "KEY",
		.doc = "The caller's own key of this wish: repeated within a day it is not done "
		       "again, but answered for the generation that it began.",
	},
	{.name = NULL},
};
const struct fields rpc_up_params = {
	.name = "worker.substantiate",
	.rows = up_rows,
	.size = sizeof(struct rpc_up_args),
};

static const struct field down_rows[] = {
	{
		.name = "worker",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_down_args, worker, char *),
		.example = "WORKER",
		.doc = "Its name.",
	},
	{
		.name = "generation",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct rpc_down_args, generation, int64_t),
		.def = "0",
		.min = 0,
		.max = INT64_MAX,
		.example = "N",
		.doc = "Only if it is this generation's; an older one succeeds with nothing done.",
	},
	{
		.name = "fast",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct rpc_down_args, fast, bool),
		.doc = "stopped means: the machine is shutting down; do not wait until "
		       "it is terminated.",
	},
	{
		.name = "wait",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct rpc_down_args, wait, int),
		.def = "accepted",
		.choices = down_words,
		.example = "WHEN",
		.doc = "When to reply.",
	},
	{
		.name = "timeout",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct rpc_down_args, timeout, int64_t),
		.min = 1,
		.max = INT64_MAX,
		.example = "T",
		.doc = "How long to wait for; at its end the call fails with timeout, "
		       "and the work goes on.",
	},
	{
		.name = "reason",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct rpc_down_args, reason, char *),
		.max = 256,
		.example = "TEXT",
		.doc = "For history.",
	},
	{
		.name = "request",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_down_args, request, char *),
		.max = 64,
		.example = "KEY",
		.doc = "The caller's own key of this wish: repeated within a day it is not done "
		       "again, whatever has been started since.",
	},
	{.name = NULL},
};
const struct fields rpc_down_params = {
	.name = "worker.insubstantiate",
	.rows = down_rows,
	.size = sizeof(struct rpc_down_args),
};

static const struct field attach_rows[] = {
	{
		.name = "worker",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_attach_args, worker, char *),
		.example = "WORKER",
		.doc = "Its name.",
	},
	{
		.name = "generation",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct rpc_attach_args, generation, int64_t),
		.def = "0",
		.min = 0,
		.max = INT64_MAX,
		.example = "N",
		.doc = "Only if this is the running generation.",
	},
	{
		.name = "instance_id",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_attach_args, instance_id, char *),
		.example = "ID",
		.doc = "Only if it is this instance.",
	},
	{.name = NULL},
};
const struct fields rpc_attach_params = {
	.name = "worker.attached",
	.rows = attach_rows,
	.size = sizeof(struct rpc_attach_args),
};

static const struct field build_rows[] = {
	{
		.name = "worker",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_build_args, worker, char *),
		.example = "WORKER",
		.doc = "Its name.",
	},
	{
		.name = "generation",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct rpc_build_args, generation, int64_t),
		.def = "0",
		.min = 0,
		.max = INT64_MAX,
		.example = "N",
		.doc = "Only if this is the running generation.",
	},
	{
		.name = "build",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct rpc_build_args, build, char *),
		.max = 256,
		.example = "TEXT",
		.doc = "Which build; for people.",
	},
	{
		.name = "building",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct rpc_build_args, building, int64_t),
		.def = "-1",
		.min = -1,
		.max = 1000000,
		.example = "N",
		.doc = "How many builds run on it now; left out: one more, or one less.",
	},
	{.name = NULL},
};
const struct fields rpc_build_params = {
	.name = "worker.build_started",
	.rows = build_rows,
	.size = sizeof(struct rpc_build_args),
};

static const struct field history_rows[] = {
	{
		.name = "worker",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_history_args, worker, char *),
		.example = "WORKER",
		.doc = "Its name.",
	},
	{
		.name = "limit",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct rpc_history_args, limit, int64_t),
		.def = "100",
		.min = 1,
		.max = 1000,
		.example = "N",
		.doc = "How many records at most.",
	},
	{
		.name = "before",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct rpc_history_args, before, int64_t),
		.def = "0",
		.min = 0,
		.max = INT64_MAX,
		.example = "SEQ",
		.doc = "Only events older than the one of this seq.",
	},
	{.name = NULL},
};
const struct fields rpc_history_params = {
	.name = "worker.history",
	.rows = history_rows,
	.size = sizeof(struct rpc_history_args),
};

static const struct field check_rows[] = {
	{
		.name = "worker",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_check_args, worker, char *),
		.example = "WORKER",
		.doc = "Its name.",
	},
	{
		.name = "fresh",
		.type = FIELD_BOOL,
		.flags = RPC_PARAM_OPERATE,
		.offset = FIELD_AT(struct rpc_check_args, fresh, bool),
		.doc = "Ask EC2 now, instead of telling what the last listing showed.",
	},
	{.name = NULL},
};
const struct fields rpc_check_params = {
	.name = "worker.check",
	.rows = check_rows,
	.size = sizeof(struct rpc_check_args),
};

static const struct field console_rows[] = {
	{
		.name = "worker",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_console_args, worker, char *),
		.example = "WORKER",
		.doc = "Its name.",
	},
	{
		.name = "latest",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct rpc_console_args, latest, bool),
		.doc = "The console of this moment, where the instance type has that; "
		       "else the one that EC2 keeps some time after boot.",
	},
	{.name = NULL},
};
const struct fields rpc_console_params = {
	.name = "worker.console",
	.rows = console_rows,
	.size = sizeof(struct rpc_console_args),
};

static const struct field abandon_rows[] = {
	{
		.name = "worker",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_abandon_args, worker, char *),
		.example = "WORKER",
		.doc = "Its name.",
	},
	{
		.name = "launch",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_abandon_args, launch, char *),
		.example = "LAUNCH",
		.doc = "The launch in `watch`, as its events have it; none for a worker whose rows "
		       "are set aside.",
	},
	{.name = NULL},
};
const struct fields rpc_abandon_params = {
	.name = "worker.abandon",
	.rows = abandon_rows,
	.size = sizeof(struct rpc_abandon_args),
};

static const struct field session_rows[] = {
	{
		.name = "owner",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct rpc_session_args, owner, char *),
		.max = 256,
		.example = "OWNER",
		.doc = "Who speaks on this connection; the same after its restart, and nobody else.",
	},
	{.name = NULL},
};
const struct fields rpc_session_params = {
	.name = "session.open",
	.rows = session_rows,
	.size = sizeof(struct rpc_session_args),
};

static int
check_event_type(const char *value, struct err *err)
{
	for (const char *const *type = rpc_event_types; *type != NULL; type++)
		if (strcmp(*type, value) == 0)
			return 0;
	return err_set(err, ERR_INVALID, "there is no event type '%s'", value);
}

static const struct field subscribe_rows[] = {
	{
		.name = "workers",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct rpc_subscribe_args, workers, char *),
		.example = "GLOB",
		.doc = "Only events of workers whose names match this glob, and those "
		       "that concern the whole pool.",
	},
	{
		.name = "types",
		.type = FIELD_STRINGS,
		.offset = FIELD_AT(struct rpc_subscribe_args, types, struct strings),
		.choices = rpc_event_types,
		.check = check_event_type,
		.example = "TYPE",
		.doc = "Only events of these types.",
	},
	{
		.name = "since",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct rpc_subscribe_args, since, int64_t),
		.min = 0,
		.max = INT64_MAX,
		.example = "SEQ",
		.doc = "First all events after the one of this seq, from the ledger.",
	},
	{.name = NULL},
};
const struct fields rpc_subscribe_params = {
	.name = "events.subscribe",
	.rows = subscribe_rows,
	.size = sizeof(struct rpc_subscribe_args),
};

static const struct field orphans_rows[] = {
	{
		.name = "terminate",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct rpc_orphans_args, terminate, bool),
		.doc = "End those that this ledger has launched, HOLD, age and brake "
		       "notwithstanding.",
	},
	{
		.name = "kept",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct rpc_orphans_args, kept, bool),
		.doc = "With terminate: volumes that do not go by themselves are deleted too, "
		       "with what is on them.",
	},
	{.name = NULL},
};
const struct fields rpc_orphans_params = {
	.name = "pool.orphans",
	.rows = orphans_rows,
	.size = sizeof(struct rpc_orphans_args),
};

static const struct field reload_rows[] = {
	{
		.name = "dry_run",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct rpc_reload_args, dry_run, bool),
		.doc = "Say what would change, and change nothing.",
	},
	{.name = NULL},
};
const struct fields rpc_reload_params = {
	.name = "daemon.reload",
	.rows = reload_rows,
	.size = sizeof(struct rpc_reload_args),
};

static const struct field log_level_rows[] = {
	{
		.name = "level",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct rpc_log_level_args, level, int),
		.choices = log_level_names,
		.example = "LEVEL",
		.doc = "From now until the next reload.",
	},
	{.name = NULL},
};
const struct fields rpc_log_level_params = {
	.name = "daemon.log_level",
	.rows = log_level_rows,
	.size = sizeof(struct rpc_log_level_args),
};
