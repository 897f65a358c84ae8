/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows, and nothing else.
 */
#include "thing.h"
#include "base/err.h"

#include <string.h>

static int
check_title(const char *value, struct err *err)
{
	if (strchr(value, '!') != NULL)
		return err_set(err, ERR_INVALID, "must not shout");
	return 0;
}

static const char *const modes[] = {"keep", "terminate", NULL};

static const struct field part_rows[] = {
	{
		.name = "name",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct part, name, char *),
		.doc = "What it is called.",
	},
	{
		.name = "size",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct part, size, int64_t),
		.def = "8",
		.min = 1,
	},
	{.name = NULL},
};
const struct fields part_fields = {"part", part_rows, sizeof(struct part)};

static const struct field thing_rows[] = {
	{
		.name = "flag",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct thing, flag, bool),
		.def = "yes",
		.doc = "Whether.",
	},
	{
		.name = "count",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct thing, count, int64_t),
	},
	{
		.name = "port",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct thing, port, int64_t),
		.def = "25",
		.min = 1,
		.max = 65535,
		.example = "587",
	},
	{
		.name = "maybe_count",
		.type = FIELD_INT,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct thing, maybe_count, int64_t),
		.def = "5",
	},
	{
		.name = "ratio",
		.type = FIELD_NUMBER,
		.offset = FIELD_AT(struct thing, ratio, double),
		.def = "1.2",
		.min = 0,
		.max = 10,
	},
	{
		.name = "maybe_ratio",
		.type = FIELD_NUMBER,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct thing, maybe_ratio, double),
	},
	{
		.name = "wait",
		.type = FIELD_DURATION,
		.flags = FIELD_NULLABLE | FIELD_NEGATIVE,
		.offset = FIELD_AT(struct thing, wait, int64_t),
		.def = "10m",
	},
	{
		.name = "grace",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct thing, grace, int64_t),
		.def = "1.5s",
		.min = 1000,
		.max = 86400000,
		.example = "5m",
	},
	{
		.name = "linger",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct thing, linger, int64_t),
	},
	{
		.name = "title",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct thing, title, char *),
		.check = check_title,
	},
	{
		.name = "code",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct thing, code, char *),
		.def = "0660",
		.min = 2,
		.max = 5,
	},
	{
		.name = "note",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct thing, note, char *),
		.def = "",
	},
	{
		.name = "password",
		.type = FIELD_SECRET,
		.offset = FIELD_AT(struct thing, password, struct secret),
	},
	{
		.name = "mode",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct thing, mode, int),
		.def = "terminate",
		.choices = modes,
	},
	{
		.name = "other_mode",
		.type = FIELD_ENUM,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct thing, other_mode, int),
		.choices = modes,
	},
	{
		.name = "part",
		.type = FIELD_OBJECT,
		.offset = FIELD_AT(struct thing, part, struct part),
		.sub = &part_fields,
	},
	{
		.name = "names",
		.type = FIELD_STRINGS,
		.offset = FIELD_AT(struct thing, names, struct strings),
		.def = "[a, b]",
		.max = 5,
	},
	{
		.name = "users",
		.type = FIELD_STRINGS,
		.flags = FIELD_MANY | FIELD_NONEMPTY | FIELD_NULLABLE,
		.offset = FIELD_AT(struct thing, users, struct strings),
		.def = "root",
		.check = check_title,
	},
	{
		.name = "parts",
		.type = FIELD_LIST,
		.offset = FIELD_AT(struct thing, parts, struct field_list),
		.sub = &part_fields,
	},
	{
		.name = "volumes",
		.type = FIELD_LIST,
		.flags = FIELD_MANY | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct thing, volumes, struct field_list),
		.sub = &part_fields,
	},
	{
		.name = "tags",
		.type = FIELD_STRMAP,
		.offset = FIELD_AT(struct thing, tags, struct strmap),
		.def = "{}",
		.check = check_title,
	},
	{
		.name = "workers",
		.type = FIELD_STRMAP,
		.flags = FIELD_EXTERN,
		.sub = &part_fields,
	},
	{.name = NULL},
};
const struct fields thing_fields = {"thing", thing_rows, sizeof(struct thing)};
