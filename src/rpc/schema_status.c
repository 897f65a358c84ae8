/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of what pool.status says.
 */
#include "base/field.h"
#include "rpc/schema.h"

#define COUNT(member, text)                                                            \
	{                                                                              \
		.name = member, .type = FIELD_INT, .flags = FIELD_REQUIRED,            \
		.doc = text                                                            \
	}
#define TEXT(member, more, text)                                                       \
	{                                                                              \
		.name = member, .type = FIELD_STRING, .flags = FIELD_REQUIRED | more,  \
		.doc = text                                                            \
	}
#define OBJECT(member, more, table, text)                                              \
	{                                                                              \
		.name = member, .type = FIELD_OBJECT, .flags = FIELD_REQUIRED | more,  \
		.sub = table, .doc = text                                              \
	}
#define LIST(member, table, text)                                                      \
	{                                                                              \
		.name = member, .type = FIELD_LIST, .flags = FIELD_REQUIRED,           \
		.sub = table, .doc = text                                              \
	}

static const struct field states_rows[] = {
	COUNT("not_substantiated", "Down."),
	COUNT("substantiating", "On their way up."),
	COUNT("substantiated", "Attached and ready."),
	COUNT("insubstantiating", "On their way down."),
	{.name = NULL},
};
static const struct fields states_fields = {.name = "states", .rows = states_rows};

static const struct field queues_rows[] = {
	COUNT("placing", "Workers that wait for a launch to be chosen or allowed."),
	COUNT("launches",
		"Launches that are not over, those whose instance runs among them."),
	COUNT("instances", "Instances that are not known to be gone."),
	COUNT("waiting", "Calls that wait for a worker to come up or go down."),
	COUNT("mails", "Mails in the spool."),
	{.name = NULL},
};
static const struct fields queues_fields = {.name = "queues", .rows = queues_rows};

static const struct field paused_rows[] = {
	TEXT("by", 0, "Who wanted it."),
	TEXT("at", 0, "Since when."),
	{.name = NULL},
};
static const struct fields paused_fields = {.name = "paused", .rows = paused_rows};

/* Of the core, which the client does not know. */
static const char *const degraded_words[] = {"ledger", "endpoint", "credentials",
	"authorization", "paused", "hold", "aside", "listing", "zone", "renewal",
	"configuration", "quota", "watch", "terminate", "dying", "leases", "clock",
	"mail", "log", "monitor", NULL};
static const char *const health_words[] = {"ok", "degraded", "down", NULL};

static const struct field degraded_rows[] = {
	{.name = "kind",
		.type = FIELD_ENUM,
		.flags = FIELD_REQUIRED,
		.choices = degraded_words,
		.doc = "A word for it; ec2workerd(8) lists them."},
	{.name = "down",
		.type = FIELD_BOOL,
		.flags = FIELD_REQUIRED,
		.doc = "It keeps workers from coming up."},
	TEXT("message", 0, "What was said last."),
	TEXT("since", 0, "When it began."),
	TEXT("cloud", FIELD_NULLABLE, "Which of `clouds`; null: none of them."),
	TEXT("about", FIELD_NULLABLE,
		"The instance, launch, zone, credential set or row of the file; null: none of "
		"these."),
	TEXT("meaning", 0, "What this kind means."),
	TEXT("remedy", 0, "What to do about it, or what is done."),
	{.name = NULL},
};
static const struct fields degraded_fields = {.name = "degraded",
	.rows = degraded_rows};

static const struct field calls_rows[] = {
	TEXT("action", 0, "EC2's name for it."),
	COUNT("count", "Requests that left, repeated ones too."),
	{.name = NULL},
};
static const struct fields calls_fields = {.name = "calls", .rows = calls_rows};

static const struct field lane_rows[] = {
	COUNT("window", "How many RunInstances may be under way at once, as learnt."),
	COUNT("in_flight", "How many are."),
	COUNT("queued", "How many wait for a place."),
	{.name = NULL},
};
static const struct fields lane_fields = {.name = "run_instances", .rows = lane_rows};

static const struct field cloud_rows[] = {
	TEXT("cloud", 0, "Endpoint, region and credential set in one word."),
	TEXT("region", 0, "Its region."),
	TEXT("credentials", 0, "The name of its credential set."),
	TEXT("listed_at", FIELD_NULLABLE,
		"When the last whole listing came; null: none yet."),
	LIST("calls", &calls_fields, "Since the daemon's start, by action."),
	COUNT("throttled", "Answers that asked for fewer."),
	OBJECT("run_instances", 0, &lane_fields, "The launch window."),
	{.name = NULL},
};
static const struct fields cloud_fields = {.name = "cloud", .rows = cloud_rows};

static const struct field status_rows[] = {
	TEXT("pool", 0, "Its name."),
	{.name = "health",
		.type = FIELD_ENUM,
		.flags = FIELD_REQUIRED,
		.choices = health_words,
		.doc = "down: something keeps workers from coming up; degraded: something is "
		       "wrong, but they come."},
	OBJECT("workers", 0, &states_fields, "Counts by state."),
	OBJECT("queues", 0, &queues_fields, "What is under way or waits."),
	OBJECT("paused", FIELD_NULLABLE, &paused_fields,
		"pool.pause is in force; null: it is not."),
	{.name = "hold",
		.type = FIELD_BOOL,
		.flags = FIELD_REQUIRED,
		.doc = "HOLD: what nobody owns is left alone until pool.resume."},
	LIST("degraded", &degraded_fields, "What is wrong; empty when all is well."),
	LIST("clouds", &cloud_fields,
		"Each endpoint, region and credential set in use."),
	{.name = NULL},
};
const struct fields rpc_status_fields = {.name = "pool.status", .rows = status_rows};

/* Of the core, which the client does not know. */
static const char *const verdict_words[] = {"self", "aside", "configured", "copied",
	"untagged", "foreign", "newer", "kept", "young", "once", "held", "reported",
	"ripe", NULL};
static const char *const kind_words[] = {"instance", "volume", "spot_request", NULL};

static const struct field orphan_rows[] = {
	{.name = "kind",
		.type = FIELD_ENUM,
		.flags = FIELD_REQUIRED,
		.choices = kind_words,
		.doc = "What it is; a volume is one that nothing has."},
	TEXT("id", 0, "Its id."),
	TEXT("instance", FIELD_NULLABLE,
		"The instance that it is, or that a spot request has started."),
	TEXT("region", 0, "Where."),
	TEXT("state", 0, "As last listed."),
	TEXT("type", FIELD_NULLABLE, "Its instance type, or that of a volume."),
	TEXT("zone", FIELD_NULLABLE, "Its availability zone."),
	{.name = "size",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "GiB of a volume, all of which are paid for."},
	TEXT("price", FIELD_NULLABLE, "An hour, at most, of a spot request."),
	TEXT("worker", FIELD_NULLABLE, "From its tags, as the next four are."),
	{.name = "generation",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED | FIELD_NULLABLE,
		.doc = "Of that worker."},
	TEXT("launch", FIELD_NULLABLE, "The launch that made it."),
	TEXT("lineage", FIELD_NULLABLE,
		"Of the ledger that made it; null as well where the tags are not whole."),
	TEXT("epoch", FIELD_NULLABLE, "When that ledger was made."),
	TEXT("launched_at", FIELD_NULLABLE, "Or made, as EC2 says."),
	TEXT("seen_at", 0, "First listed by this process."),
	{.name = "verdict",
		.type = FIELD_ENUM,
		.flags = FIELD_REQUIRED,
		.choices = verdict_words,
		.doc = "Why it still lives, in a word."},
	TEXT("reason", 0, "The same as a sentence."),
	{.name = "terminating",
		.type = FIELD_BOOL,
		.flags = FIELD_REQUIRED,
		.doc = "An admin has ordered its end, which takes one more look at it."},
	{.name = NULL},
};
static const struct fields orphan_fields = {.name = "orphan", .rows = orphan_rows};

static const struct field hold_rows[] = {
	TEXT("reason", 0, "What does not fit."),
	TEXT("since", 0, "Since when."),
	{.name = NULL},
};
static const struct fields hold_fields = {.name = "hold", .rows = hold_rows};

static const struct field orphans_rows[] = {
	OBJECT("hold", FIELD_NULLABLE, &hold_fields, "HOLD is on; null: it is not."),
	LIST("orphans", &orphan_fields, "One for each; empty when all is well."),
	{.name = NULL},
};
const struct fields rpc_orphans_fields = {.name = "pool.orphans", .rows = orphans_rows};

/* Of the core, as above. */
static const char *const metric_words[] = {"counter", "gauge", NULL};

static const struct field sample_rows[] = {
	{.name = "labels",
		.type = FIELD_STRMAP,
		.flags = FIELD_REQUIRED,
		.doc = "What this value is of; empty where there is but one."},
	{.name = "value", .type = FIELD_NUMBER, .flags = FIELD_REQUIRED, .doc = "Now."},
	{.name = NULL},
};
static const struct fields sample_fields = {.name = "sample", .rows = sample_rows};

static const struct field metric_rows[] = {
	TEXT("name", 0, "As the metrics page has it; ec2workerd(8) lists them."),
	{.name = "type",
		.type = FIELD_ENUM,
		.flags = FIELD_REQUIRED,
		.choices = metric_words,
		.doc = "counter: it only grows, until the daemon starts anew."},
	TEXT("doc", 0, "What it counts."),
	LIST("samples", &sample_fields, "Its values."),
	{.name = NULL},
};
static const struct fields metric_fields = {.name = "metric", .rows = metric_rows};

static const struct field metrics_rows[] = {
	LIST("metrics", &metric_fields, "All of them."),
	{.name = NULL},
};
const struct fields rpc_metrics_fields = {.name = "daemon.metrics",
	.rows = metrics_rows};
