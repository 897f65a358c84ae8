/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of what results are made of. No offsets: the handlers build replies, and tests
 * hold real replies against these rows.
 */
#include "rpc/schema.h"
#include "base/field.h"
#include "base/log.h"

static const char *const state_words[] = {"not_substantiated", "substantiating",
	"substantiated", "insubstantiating", NULL};
const char *const rpc_event_types[] = {"phase", "state", "attached", "detached",
	"build", "missing", "failed", "lost", "interrupting", "hold", "release",
	"reload", "pool", NULL};

static const struct field none_rows[] = {{.name = NULL}};
const struct fields rpc_none_fields = {.name = "none", .rows = none_rows};

static const struct field instance_rows[] = {
	{.name = "id",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "The instance id."},
	{.name = "state",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "EC2's word for it as last seen: pending, running, shutting-down, "
		       "terminated; unknown before the first sight."},
	{.name = "type",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "Instance type."},
	{.name = "zone",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "Availability zone."},
	{.name = "market",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "on-demand or spot."},
	{.name = "image",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "The id of its image."},
	{.name = "private_ip",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "Address inside the VPC."},
	{.name = "public_dns",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "Public host name."},
	{.name = "launched_at",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "When EC2 launched it; RFC 3339, UTC, as all times."},
	{.name = NULL},
};
static const struct fields instance_fields = {.name = "instance",
	.rows = instance_rows};

static const struct field placement_rows[] = {
	{.name = "type",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "Instance type."},
	{.name = "subnet",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "Subnet; null: of the default network."},
	{.name = "zone",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "Availability zone; null: EC2 chooses."},
	{.name = "market",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "on-demand or spot."},
	{.name = "bid",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "Of spot: the highest price, in dollars an hour."},
	{.name = "image",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "The id of its image."},
	{.name = NULL},
};
static const struct fields placement_fields = {.name = "placement",
	.rows = placement_rows};

static const struct field deadline_rows[] = {
	{.name = "kind",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "What ends: missing_timeout, pending_timeout, build_wait_timeout, "
		       "owner_timeout, owner_build_timeout, watch."},
	{.name = "at", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .doc = "When."},
	{.name = NULL},
};
static const struct fields deadline_fields = {.name = "deadline",
	.rows = deadline_rows};

static const struct field aws_rows[] = {
	{.name = "code",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "AWS's error code."},
	{.name = "message",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "AWS's own sentence."},
	{.name = "request_id",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "AWS's id of the request, for its support."},
	{.name = NULL},
};
static const struct fields aws_fields = {.name = "aws", .rows = aws_rows};

static const struct field error_rows[] = {
	{.name = "kind",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "The word for the error, as in an error's data."},
	{.name = "reason",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "Why: capacity, quota, price, config, auth, throttled, network, "
		       "instance_died, internal."},
	{.name = "message",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "The sentence."},
	{.name = "aws",
		.type = FIELD_OBJECT,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.sub = &aws_fields,
		.doc = "What AWS said."},
	{.name = NULL},
};
const struct fields rpc_error_fields = {.name = "error", .rows = error_rows};

static const struct field event_rows[] = {
	{.name = "seq",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.doc = "Number of the event; rises by one."},
	{.name = "epoch",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.doc = "The ledger's; another one means that seq began anew."},
	{.name = "at", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .doc = "When."},
	{.name = "type",
		.type = FIELD_ENUM,
		.flags = FIELD_REQUIRED,
		.choices = rpc_event_types,
		.doc = "What kind."},
	{.name = "worker",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "Whose; null for reload and pool."},
	{.name = "generation",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "Of the worker; null where there is none."},
	{.name = "launch", .type = FIELD_STRING, .doc = "The launch it is about."},
	{.name = "instance", .type = FIELD_STRING, .doc = "The instance it is about."},
	{.name = "from", .type = FIELD_STRING, .doc = "The phase or state before."},
	{.name = "to", .type = FIELD_STRING, .doc = "The phase or state after."},
	{.name = "by",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "Who did it: uid N, a timer's name, EC2."},
	{.name = "reason",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "Why."},
	{.name = "aws",
		.type = FIELD_OBJECT,
		.sub = &aws_fields,
		.doc = "What AWS said."},
	{.name = NULL},
};
const struct fields rpc_event_fields = {.name = "event", .rows = event_rows};

static const struct field worker_rows[] = {
	{.name = "worker",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "Its name."},
	{.name = "state",
		.type = FIELD_ENUM,
		.flags = FIELD_REQUIRED,
		.choices = state_words,
		.doc = "In Buildbot's words."},
	{.name = "phase",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "How far: placing, reserved, sending, pending, running, ...; null when down."},
	{.name = "queued",
		.type = FIELD_BOOL,
		.flags = FIELD_REQUIRED,
		.doc = "Wanted again, and waits for what is left of the last generation."},
	{.name = "attached",
		.type = FIELD_BOOL,
		.flags = FIELD_REQUIRED,
		.doc = "Connected to its master."},
	{.name = "building",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.doc = "Builds now running on it."},
	{.name = "generation",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.doc = "Number of the latest substantiation; 0: never."},
	{.name = "since",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "When it entered its phase."},
	{.name = "instance",
		.type = FIELD_OBJECT,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.sub = &instance_fields,
		.doc = "Its machine."},
	{.name = "deadline",
		.type = FIELD_OBJECT,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.sub = &deadline_fields,
		.doc = "What ends next."},
	{.name = "last_error",
		.type = FIELD_OBJECT,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.sub = &rpc_error_fields,
		.doc = "The latest trouble of this generation."},
	{.name = "stale",
		.type = FIELD_BOOL,
		.doc = "Its machine was made from an older configuration (worker.show)."},
	{.name = "held",
		.type = FIELD_BOOL,
		.doc = "Kept for a look: its limits stand still (worker.show)."},
	{.name = "owner",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.doc = "Whose session has reported it last (worker.show); null: nobody's."},
	{.name = "placement",
		.type = FIELD_OBJECT,
		.flags = FIELD_NULLABLE,
		.sub = &placement_fields,
		.doc = "What its launch asks for (worker.show); null: it has none."},
	{.name = "timeline",
		.type = FIELD_LIST,
		.sub = &rpc_event_fields,
		.doc = "Events of this generation, oldest first (worker.show)."},
	{.name = "configuration",
		.type = FIELD_ANY,
		.doc = "The configuration in force, without secrets (worker.show)."},
	{.name = NULL},
};
const struct fields rpc_worker_fields = {.name = "worker", .rows = worker_rows};

static const struct field list_rows[] = {
	{.name = "workers",
		.type = FIELD_LIST,
		.flags = FIELD_REQUIRED,
		.sub = &rpc_worker_fields,
		.doc = "In the order of the configuration."},
	{.name = "cursor",
		.type = FIELD_STRING,
		.doc = "Given when there are more: the next call's cursor."},
	{.name = NULL},
};
const struct fields rpc_list_fields = {.name = "worker.list", .rows = list_rows};

static const struct field up_rows[] = {
	{.name = "worker",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "Its name."},
	{.name = "generation",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.doc = "Of the start that runs now."},
	{.name = "instance",
		.type = FIELD_OBJECT,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.sub = &instance_fields,
		.doc = "Its machine, null as long as there is none."},
	{.name = NULL},
};
const struct fields rpc_up_fields = {.name = "worker.substantiate", .rows = up_rows};

static const struct field down_rows[] = {
	{.name = "worker",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "Its name."},
	{.name = "generation",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.doc = "The current one; another than asked for means that nothing was done."},
	{.name = NULL},
};
const struct fields rpc_down_fields = {.name = "worker.insubstantiate",
	.rows = down_rows};

static const struct field password_rows[] = {
	{.name = "password",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "What the worker must say to its master."},
	{.name = "generation",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.doc = "For which it holds."},
	{.name = NULL},
};
const struct fields rpc_password_fields = {.name = "worker.password",
	.rows = password_rows};

static const struct field check_rows[] = {
	{.name = "ok",
		.type = FIELD_BOOL,
		.flags = FIELD_REQUIRED,
		.doc = "Nothing speaks against its machine."},
	{.name = "message",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "What is known."},
	{.name = "at",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "When EC2 was last asked; null: not yet."},
	{.name = NULL},
};
const struct fields rpc_check_fields = {.name = "worker.check", .rows = check_rows};

static const struct field history_rows[] = {
	{.name = "records",
		.type = FIELD_LIST,
		.flags = FIELD_REQUIRED,
		.sub = &rpc_event_fields,
		.doc = "Newest first."},
	{.name = NULL},
};
const struct fields rpc_history_fields = {.name = "worker.history",
	.rows = history_rows};

static const struct field console_rows[] = {
	{.name = "output",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "What EC2 has of it, at most the last 64 KiB; the worker's password "
		       "is shown as asterisks."},
	{.name = "at",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "When it was taken; null: EC2 does not say."},
	{.name = NULL},
};
const struct fields rpc_console_fields = {.name = "worker.console",
	.rows = console_rows};

static const struct field log_level_rows[] = {
	{.name = "level",
		.type = FIELD_ENUM,
		.flags = FIELD_REQUIRED,
		.choices = log_level_names,
		.doc = "The one in force."},
	{.name = NULL},
};
const struct fields rpc_log_level_fields = {.name = "daemon.log_level",
	.rows = log_level_rows};

static const struct field discover_rows[] = {
	{.name = "openrpc",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "Version of OpenRPC."},
	{.name = "info",
		.type = FIELD_ANY,
		.flags = FIELD_REQUIRED,
		.doc = "Title and version."},
	{.name = "methods",
		.type = FIELD_ANY,
		.flags = FIELD_REQUIRED,
		.doc = "Each with its parameters in order, result, errors and x-role."},
	{.name = "components",
		.type = FIELD_ANY,
		.flags = FIELD_REQUIRED,
		.doc = "The errors, and the schema of events."},
	{.name = NULL},
};
const struct fields rpc_discover_fields = {.name = "rpc.discover",
	.rows = discover_rows};

static const struct field subscribe_rows[] = {
	{.name = "seq",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.doc = "Of the newest event: those after `since` up to it follow at once, "
		       "later ones as they happen. Below `since`: that was another ledger's, "
		       "and events follow from now."},
	{.name = "epoch",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.doc = "The ledger's; if it is not that of `since`, read all states anew."},
	{.name = NULL},
};
const struct fields rpc_subscribe_fields = {.name = "events.subscribe",
	.rows = subscribe_rows};

static const struct field session_rows[] = {
	{.name = "version",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "Of the program."},
	{.name = "protocol",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.doc = "Of the socket's language."},
	{.name = "epoch",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.doc = "The ledger's; see events."},
	{.name = "workers",
		.type = FIELD_LIST,
		.flags = FIELD_REQUIRED,
		.sub = &rpc_worker_fields,
		.doc = "All of them: report what is attached or building otherwise."},
	{.name = NULL},
};
const struct fields rpc_session_fields = {.name = "session.open", .rows = session_rows};

static const struct field reload_rows[] = {
	{.name = "added",
		.type = FIELD_STRINGS,
		.flags = FIELD_REQUIRED,
		.doc = "Workers that are new."},
	{.name = "removed",
		.type = FIELD_STRINGS,
		.flags = FIELD_REQUIRED,
		.doc = "Workers that are no longer there."},
	{.name = "changed",
		.type = FIELD_STRINGS,
		.flags = FIELD_REQUIRED,
		.doc = "Workers of which something differs."},
	{.name = "stale",
		.type = FIELD_STRINGS,
		.flags = FIELD_REQUIRED,
		.doc = "Workers whose machine was made from what is now another configuration."},
	{.name = "warnings",
		.type = FIELD_STRINGS,
		.flags = FIELD_REQUIRED,
		.doc = "What the daemon does not like about a file that it takes."},
	{.name = NULL},
};
const struct fields rpc_reload_fields = {.name = "daemon.reload", .rows = reload_rows};

static const struct field version_rows[] = {
	{.name = "version",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "Of the program."},
	{.name = "protocol",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.doc = "Of the socket's language."},
	{.name = "pool",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "Its name."},
	{.name = "epoch",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.doc = "The ledger's; see events."},
	{.name = "configuration",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "SHA-256 of the file in force."},
	{.name = "started_at",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.doc = "When the daemon was started."},
	{.name = NULL},
};
const struct fields rpc_version_fields = {.name = "daemon.version",
	.rows = version_rows};
