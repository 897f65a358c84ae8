/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value of any text for a row of each type: refused with a reason, or taken and equal to
 * itself taken twice. Durations are printed as they are read.
 *
 * Parser: src/base/field.c src/base/field_value.c src/base/field_duration.c
 * Parser: src/base/field_text.c
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"

#include <assert.h>

struct values {
	bool boolean;
	int64_t integer, duration;
	double number;
	char *string;
	struct secret secret;
	int choice;
};

static const char *const choices[] = {"keep", "terminate", NULL};

static const struct field rows[] = {
	{.name = "boolean",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct values, boolean, bool)},
	{.name = "integer",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct values, integer, int64_t)},
	{.name = "duration",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct values, duration, int64_t)},
	{.name = "number",
		.type = FIELD_NUMBER,
		.offset = FIELD_AT(struct values, number, double)},
	{.name = "string",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct values, string, char *),
		.max = 64},
	{.name = "secret",
		.type = FIELD_SECRET,
		.offset = FIELD_AT(struct values, secret, struct secret)},
	{.name = "choice",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct values, choice, int),
		.choices = choices},
	{.name = NULL},
};
static const struct fields table = {"values", rows, sizeof(struct values)};

static void
check_duration(const char *text)
{
	AUTO(buf) struct buf printed = {0};
	int64_t ms, again;

	if (field_parse_duration(text, &ms) < 0)
		return;
	field_print_duration(ms, &printed);
	assert(field_parse_duration(buf_str(&printed), &again) == 0 && again == ms);
}

static void
check_row(const struct field *row, const char *text)
{
	struct values once = {0}, twice = {0};
	struct err err = {0};
	const char *name = NULL;

	if (field_set(row, &once, text, &err) < 0) {
		assert(err.text[0] != '\0');
	} else {
		assert(field_set(row, &twice, text, &err) == 0);
		assert(field_equal(&table, &once, &twice, &name) && name == NULL);
	}
	field_fini(&table, &once);
	field_fini(&table, &twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *text = xstrndup((const char *)data, size);

	check_duration(text);
	for (const struct field *row = rows; row->name != NULL; row++)
		check_row(row, text);
	return 0;
}
