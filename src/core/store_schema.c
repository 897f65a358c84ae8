/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's schema, as migrations that never change, and the columns of its rows: one
 * table per struct, from which INSERT, UPDATE and SELECT are made.
 */
#include "core/store_priv.h"

#include "core/instance.h"
#include "core/launch.h"
#include "core/owner.h"
#include "core/request.h"
#include "core/worker_priv.h"
#include "ec2/reply.h"

#include <string.h>

const struct db_migration store_migrations[] = {
	{
		"CREATE TABLE meta("
		" one INTEGER PRIMARY KEY CHECK(one = 1), lineage TEXT NOT NULL, epoch INTEGER NOT NULL,"
		" pool TEXT NOT NULL DEFAULT '', hold INTEGER NOT NULL DEFAULT 0, boot TEXT NOT NULL);"
		"CREATE TABLE worker("
		" worker TEXT PRIMARY KEY, phase TEXT NOT NULL, phase_at INTEGER NOT NULL,"
		" generation INTEGER NOT NULL, by TEXT, reason TEXT, owner TEXT,"
		" attached INTEGER NOT NULL, attached_at INTEGER NOT NULL, building INTEGER NOT NULL,"
		" build TEXT, missing_boot INTEGER NOT NULL, missing_at INTEGER NOT NULL,"
		" idle_boot INTEGER NOT NULL, idle_at INTEGER NOT NULL, launched_once INTEGER NOT NULL,"
		" stale INTEGER NOT NULL, error_code INTEGER NOT NULL, error_reason INTEGER NOT NULL,"
		" error_text TEXT, error_aws_code TEXT, error_aws_message TEXT,"
		" error_aws_request_id TEXT) WITHOUT ROWID;"
		"CREATE TABLE launch("
		" launch TEXT PRIMARY KEY, token TEXT NOT NULL UNIQUE, worker TEXT NOT NULL,"
		" generation INTEGER NOT NULL, phase TEXT NOT NULL, phase_at INTEGER NOT NULL,"
		" k INTEGER NOT NULL DEFAULT 1, over INTEGER NOT NULL, unwanted INTEGER NOT NULL,"
		" region TEXT NOT NULL, credentials TEXT NOT NULL, zone TEXT, type TEXT, image TEXT,"
		" market TEXT, body TEXT NOT NULL, user_data TEXT, digest TEXT NOT NULL,"
		" generated INTEGER NOT NULL, holds INTEGER NOT NULL, sends INTEGER NOT NULL,"
		" first_sent_at INTEGER NOT NULL, last_sent_at INTEGER NOT NULL,"
		" watch_boot INTEGER NOT NULL, watch_at INTEGER NOT NULL,"
		" created_at INTEGER NOT NULL) WITHOUT ROWID;"
		"CREATE TABLE member("
		" launch TEXT NOT NULL REFERENCES launch(launch) ON DELETE CASCADE, idx INTEGER NOT NULL,"
		" worker TEXT NOT NULL, generation INTEGER NOT NULL, over INTEGER,"
		" PRIMARY KEY(launch, idx)) WITHOUT ROWID;"
		"CREATE UNIQUE INDEX member_one ON member(worker) WHERE over IS NULL;"
		"CREATE TABLE instance("
		" instance TEXT PRIMARY KEY, launch TEXT NOT NULL REFERENCES launch(launch) ON DELETE CASCADE,"
		" idx INTEGER NOT NULL, phase TEXT NOT NULL, phase_at INTEGER NOT NULL, seen TEXT NOT NULL,"
		" type TEXT, zone TEXT, market TEXT, image TEXT, private_ip TEXT, public_dns TEXT,"
		" launched_at INTEGER NOT NULL, death TEXT, pending_boot INTEGER NOT NULL,"
		" pending_at INTEGER NOT NULL, condemned_by TEXT, condemned_reason TEXT,"
		" condemned_at INTEGER NOT NULL, terminate_accepted INTEGER NOT NULL,"
		" not_found INTEGER NOT NULL, not_found_at INTEGER NOT NULL, proof TEXT) WITHOUT ROWID;"
		"CREATE INDEX instance_launch ON instance(launch);"
		"CREATE TABLE request("
		" uid INTEGER NOT NULL, key TEXT NOT NULL, method TEXT NOT NULL, worker TEXT NOT NULL,"
		" generation INTEGER NOT NULL, at INTEGER NOT NULL, over INTEGER NOT NULL, outcome TEXT,"
		" PRIMARY KEY(uid, key)) WITHOUT ROWID;"
		"CREATE TABLE history("
		" seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, at INTEGER NOT NULL, type TEXT NOT NULL,"
		" worker TEXT, generation INTEGER NOT NULL, launch TEXT, instance TEXT, from_state TEXT,"
		" to_state TEXT, by TEXT, reason TEXT, aws_code TEXT, aws_message TEXT,"
		" aws_request_id TEXT);"
		"CREATE INDEX history_worker ON history(worker, seq);"
		"CREATE INDEX history_at ON history(at);"
		"CREATE TABLE mail("
		" id INTEGER PRIMARY KEY, recipient TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL,"
		" message_id TEXT NOT NULL, created_at INTEGER NOT NULL, next_at INTEGER NOT NULL,"
		" tries INTEGER NOT NULL);",
	},
	{
		"ALTER TABLE meta ADD COLUMN paused_at INTEGER NOT NULL DEFAULT 0;"
		"ALTER TABLE meta ADD COLUMN paused_by TEXT;"
		"ALTER TABLE worker ADD COLUMN held INTEGER NOT NULL DEFAULT 0;"
		"ALTER TABLE worker ADD COLUMN missing_left INTEGER NOT NULL DEFAULT 0;"
		"ALTER TABLE worker ADD COLUMN idle_left INTEGER NOT NULL DEFAULT 0;",
	},
	{
		/* Only owners that are gone have a row: whoever had a session when the daemon
		   ended is gone from its next start on. */
		"CREATE TABLE owner("
		" owner TEXT PRIMARY KEY, idle_boot INTEGER NOT NULL, idle_at INTEGER NOT NULL,"
		" build_boot INTEGER NOT NULL, build_at INTEGER NOT NULL) WITHOUT ROWID;",
	},
	{
		"DROP TABLE request;"
		"CREATE TABLE request("
		" uid INTEGER NOT NULL, key TEXT NOT NULL, method TEXT NOT NULL, worker TEXT NOT NULL,"
		" asked INTEGER NOT NULL, fast INTEGER NOT NULL, generation INTEGER NOT NULL,"
		" at INTEGER NOT NULL, reached INTEGER NOT NULL, over INTEGER NOT NULL,"
		" error_code INTEGER NOT NULL, error_reason INTEGER NOT NULL, error_text TEXT,"
		" error_aws_code TEXT, error_aws_message TEXT, error_aws_request_id TEXT,"
		" PRIMARY KEY(uid, key)) WITHOUT ROWID;",
	},
	{
		"ALTER TABLE launch ADD COLUMN subnet TEXT;",
	},
	{
		"ALTER TABLE launch ADD COLUMN bid TEXT;",
	},
	{
		"ALTER TABLE meta ADD COLUMN hold_at INTEGER NOT NULL DEFAULT 0;"
		"ALTER TABLE meta ADD COLUMN hold_reason TEXT;"
		"ALTER TABLE worker ADD COLUMN adopted INTEGER NOT NULL DEFAULT 0;",
	},
	{
		"ALTER TABLE launch ADD COLUMN elastic_ip TEXT;"
		"ALTER TABLE launch ADD COLUMN volumes TEXT;",
	},
	{
		"ALTER TABLE worker ADD COLUMN failure_told INTEGER NOT NULL DEFAULT 0;",
	},
	{
		/* What an admin has let go on, by its id. */
		"CREATE TABLE accepted("
		" id TEXT PRIMARY KEY, cloud TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;",
	},
	{
		/* A later migration that gives one of these tables another column sets its
		   seals to NULL: they are of the columns that there were. */
		"ALTER TABLE worker ADD COLUMN seal INTEGER;"
		"ALTER TABLE launch ADD COLUMN seal INTEGER;"
		"ALTER TABLE instance ADD COLUMN seal INTEGER;"
		"CREATE TABLE aside("
		" kind TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL,"
		" crashed TEXT, told INTEGER NOT NULL, PRIMARY KEY(kind, id)) WITHOUT ROWID;",
	},
};
const size_t store_migration_count = COUNT_OF(store_migrations);

static const char *
worker_phase_text(int phase)
{
	return worker_stored_phase_name((enum worker_phase)phase);
}

static int
worker_phase_number(const char *name)
{
	enum worker_phase phase = worker_stored_phase_find(name);

	return phase == WORKER_COUNT ? -1 : (int)phase;
}

static const char *
launch_phase_text(int phase)
{
	return launch_phase_name((enum launch_phase)phase);
}

static int
launch_phase_number(const char *name)
{
	enum launch_phase phase = launch_phase_find(name);

	return phase == LAUNCH_COUNT ? -1 : (int)phase;
}

static const char *
instance_phase_text(int phase)
{
	return instance_phase_name((enum instance_phase)phase);
}

static int
instance_phase_number(const char *name)
{
	enum instance_phase phase = instance_phase_find(name);

	return phase == INSTANCE_COUNT ? -1 : (int)phase;
}

static const char *
seen_text(int state)
{
	return ec2_state_name((enum ec2_state)state);
}

static int
seen_number(const char *name)
{
	enum ec2_state state = ec2_state_find(name);

	return strcmp(ec2_state_name(state), name) == 0 ? (int)state : -1;
}

static const char *
what_text(int what)
{
	return request_what_name((enum request_what)what);
}

static int
what_number(const char *name)
{
	enum request_what what = request_what_find(name);

	return what == REQUEST_WHAT_COUNT ? -1 : (int)what;
}

#define WORKER(column, kind, member, ctype)                                            \
	{                                                                              \
		.name = column, .type = COLUMN_##kind,                                 \
		.offset = FIELD_AT(struct worker, member, ctype)                       \
	}
#define LAUNCH(column, kind, member, ctype)                                            \
	{                                                                              \
		.name = column, .type = COLUMN_##kind,                                 \
		.offset = FIELD_AT(struct launch, member, ctype)                       \
	}
#define OWNER(column, kind, member, ctype)                                             \
	{                                                                              \
		.name = column, .type = COLUMN_##kind,                                 \
		.offset = FIELD_AT(struct owner, member, ctype)                        \
	}
#define REQUEST(column, kind, member, ctype)                                           \
	{                                                                              \
		.name = column, .type = COLUMN_##kind,                                 \
		.offset = FIELD_AT(struct request, member, ctype)                      \
	}
#define INSTANCE(column, kind, member, ctype)                                          \
	{                                                                              \
		.name = column, .type = COLUMN_##kind,                                 \
		.offset = FIELD_AT(struct instance, member, ctype)                     \
	}
/* An array of characters inside the struct. */
#define CHARS(column, stype, member)                                                   \
	{                                                                              \
		.name = column, .type = COLUMN_CHARS,                                  \
		.offset = offsetof(stype, member),                                     \
		.size = sizeof(((stype *)0)->member)                                   \
	}
#define NAMED(column, stype, member, to_text, to_number)                               \
	{                                                                              \
		.name = column, .type = COLUMN_NAMED,                                  \
		.offset = offsetof(stype, member), .text = to_text,                    \
		.number = to_number                                                    \
	}

#define SEAL                                                                           \
	{                                                                              \
		.name = "seal", .type = COLUMN_SEAL                                    \
	}

#define NUMBERED(column, stype, member, count)                                         \
	{                                                                              \
		.name = column, .type = COLUMN_ENUM,                                   \
		.offset = offsetof(stype, member), .size = count                       \
	}

/* The first column of each is the primary key; of request_columns the first two. */
const struct column worker_columns[] = {
	WORKER("worker", TEXT, name, char *),
	NAMED("phase", struct worker, phase, worker_phase_text, worker_phase_number),
	WORKER("phase_at", INT64, phase_wall, int64_t),
	WORKER("generation", INT64, generation, int64_t),
	WORKER("by", TEXT, by, char *),
	WORKER("reason", TEXT, reason, char *),
	WORKER("attached", BOOL, attached, bool),
	WORKER("attached_at", INT64, attached_wall, int64_t),
	WORKER("building", INT64, building, int64_t),
	WORKER("build", TEXT, build, char *),
	{.name = "owner",
		.type = COLUMN_NAME_OF,
		.offset = offsetof(struct worker, owner),
		.size = offsetof(struct owner, name)},
	WORKER("missing_boot", INT64, missing.boot_ms, int64_t),
	WORKER("missing_at", INT64, missing.wall_ms, int64_t),
	WORKER("missing_left", INT64, missing.left_ms, int64_t),
	WORKER("idle_boot", INT64, idle.boot_ms, int64_t),
	WORKER("idle_at", INT64, idle.wall_ms, int64_t),
	WORKER("idle_left", INT64, idle.left_ms, int64_t),
	WORKER("held", BOOL, held, bool),
	WORKER("adopted", BOOL, adopted, bool),
	WORKER("launched_once", BOOL, launched_once, bool),
	WORKER("stale", BOOL, stale, bool),
	WORKER("failure_told", BOOL, failure_told, bool),
	NUMBERED("error_code", struct worker, last_error.code, ERR_COUNT),
	NUMBERED("error_reason", struct worker, last_error.reason, REASON_COUNT),
	CHARS("error_text", struct worker, last_error.text),
	CHARS("error_aws_code", struct worker, last_error.origin),
	CHARS("error_aws_message", struct worker, last_error.origin_text),
	CHARS("error_aws_request_id", struct worker, last_error.request_id),
	SEAL,
	{.name = NULL},
};

const struct column launch_columns[] = {
	CHARS("launch", struct launch, id),
	CHARS("token", struct launch, token),
	{.name = "worker",
		.type = COLUMN_NAME_OF,
		.offset = offsetof(struct launch, worker),
		.size = offsetof(struct worker, name)},
	LAUNCH("generation", INT64, generation, int64_t),
	NAMED("phase", struct launch, phase, launch_phase_text, launch_phase_number),
	LAUNCH("phase_at", INT64, phase_wall, int64_t),
	LAUNCH("over", BOOL, over, bool),
	LAUNCH("unwanted", BOOL, unwanted, bool),
	LAUNCH("region", TEXT, region, char *),
	LAUNCH("credentials", TEXT, credentials, char *),
	LAUNCH("zone", TEXT, zone, char *),
	LAUNCH("subnet", TEXT, subnet, char *),
	LAUNCH("type", TEXT, type, char *),
	LAUNCH("image", TEXT, image, char *),
	LAUNCH("market", TEXT, market, char *),
	LAUNCH("bid", TEXT, bid, char *),
	LAUNCH("body", TEXT, body, char *),
	LAUNCH("user_data", TEXT, user_data, char *),
	CHARS("digest", struct launch, digest),
	LAUNCH("generated", BOOL, generated, bool),
	LAUNCH("elastic_ip", TEXT, elastic_ip, char *),
	LAUNCH("volumes", TEXT, volumes, char *),
	LAUNCH("holds", BOOL, holds, bool),
	LAUNCH("sends", UNSIGNED, sends, unsigned),
	LAUNCH("first_sent_at", INT64, first_wall, int64_t),
	LAUNCH("last_sent_at", INT64, last_wall, int64_t),
	LAUNCH("watch_boot", INT64, watch.boot_ms, int64_t),
	LAUNCH("watch_at", INT64, watch.wall_ms, int64_t),
	LAUNCH("created_at", INT64, created_wall, int64_t),
	SEAL,
	{.name = NULL},
};

const struct column instance_columns[] = {
	INSTANCE("instance", TEXT, id, char *),
	{.name = "launch",
		.type = COLUMN_CHARS_OF,
		.offset = offsetof(struct instance, launch),
		.size = offsetof(struct launch, id)},
	INSTANCE("idx", UNSIGNED, idx, unsigned),
	NAMED("phase", struct instance, phase, instance_phase_text,
		instance_phase_number),
	INSTANCE("phase_at", INT64, phase_wall, int64_t),
	NAMED("seen", struct instance, seen, seen_text, seen_number),
	INSTANCE("type", TEXT, type, char *),
	INSTANCE("zone", TEXT, zone, char *),
	INSTANCE("market", TEXT, market, char *),
	INSTANCE("image", TEXT, image, char *),
	INSTANCE("private_ip", TEXT, private_ip, char *),
	INSTANCE("public_dns", TEXT, public_dns, char *),
	INSTANCE("launched_at", INT64, launched_wall, int64_t),
	INSTANCE("death", TEXT, death, char *),
	INSTANCE("pending_boot", INT64, pending.boot_ms, int64_t),
	INSTANCE("pending_at", INT64, pending.wall_ms, int64_t),
	INSTANCE("condemned_by", TEXT, condemned_by, char *),
	INSTANCE("condemned_reason", TEXT, condemned_reason, char *),
	INSTANCE("condemned_at", INT64, condemned_wall, int64_t),
	INSTANCE("terminate_accepted", BOOL, terminate_accepted, bool),
	INSTANCE("not_found", UNSIGNED, not_found, unsigned),
	INSTANCE("not_found_at", INT64, not_found_wall, int64_t),
	INSTANCE("proof", TEXT, proof, char *),
	SEAL,
	{.name = NULL},
};

const struct column owner_columns[] = {
	OWNER("owner", TEXT, name, char *),
	OWNER("idle_boot", INT64, idle.boot_ms, int64_t),
	OWNER("idle_at", INT64, idle.wall_ms, int64_t),
	OWNER("build_boot", INT64, build.boot_ms, int64_t),
	OWNER("build_at", INT64, build.wall_ms, int64_t),
	{.name = NULL},
};

const struct column request_columns[] = {
	REQUEST("uid", INT64, id.uid, int64_t),
	CHARS("key", struct request, id.key),
	NAMED("method", struct request, what, what_text, what_number),
	{.name = "worker",
		.type = COLUMN_NAME_OF,
		.offset = offsetof(struct request, worker),
		.size = offsetof(struct worker, name)},
	REQUEST("asked", INT64, asked, int64_t),
	REQUEST("fast", BOOL, fast, bool),
	REQUEST("generation", INT64, generation, int64_t),
	REQUEST("at", INT64, at_wall, int64_t),
	REQUEST("reached", UNSIGNED, reached, unsigned),
	REQUEST("over", BOOL, over, bool),
	NUMBERED("error_code", struct request, code, ERR_COUNT),
	NUMBERED("error_reason", struct request, reason, REASON_COUNT),
	REQUEST("error_text", TEXT, text, char *),
	REQUEST("error_aws_code", TEXT, origin, char *),
	REQUEST("error_aws_message", TEXT, origin_text, char *),
	REQUEST("error_aws_request_id", TEXT, request_id, char *),
	{.name = NULL},
};
