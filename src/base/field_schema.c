/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table as JSON Schema. Decides nothing about values: it says in another language what
 * the rows say.
 */
#include "base/field.h"
#include "base/buf.h"
#include "base/field_type.h"
#include "base/node.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define DURATION_PATTERN "[0-9]+(\\.[0-9]+)?[smhd]?$"

struct writer {
	struct buf *out;
	bool yaml; /* bare numbers and booleans of a file are strings to us */
};

static void add_table(struct writer *w, const struct fields *table, bool partial);

/* A comma, unless this is the first of an object or list. */
static void
separate(struct writer *w)
{
	char last = w->out->len > 0 ? w->out->data[w->out->len - 1] : '{';

	if (strchr("{[:", last) == NULL)
		buf_putc(w->out, ',');
}

static void
open_with(struct writer *w, char bracket)
{
	separate(w);
	buf_putc(w->out, bracket);
}

static void
add_key(struct writer *w, const char *name)
{
	separate(w);
	buf_json(w->out, name);
	buf_putc(w->out, ':');
}

static void
add_string(struct writer *w, const char *s)
{
	separate(w);
	buf_json(w->out, s);
}

static void
add_member(struct writer *w, const char *name, const char *value)
{
	add_key(w, name);
	buf_json(w->out, value);
}

static void
add_int(struct writer *w, const char *name, int64_t value)
{
	add_key(w, name);
	buf_printf(w->out, "%" PRId64, value);
}

static void
add_bounds(struct writer *w, const struct field *row, const char *min, const char *max)
{
	if ((row->flags & FIELD_POSITIVE) != 0)
		add_int(w, "exclusiveMinimum", 0);
	if (field_has_min(row))
		add_int(w, min, row->min);
	if (field_has_max(row))
		add_int(w, max, row->max);
}

static void
shape_bool(struct writer *w, const struct field *row)
{
	(void)row;
	add_member(w, "type", "boolean");
}

static void
shape_int(struct writer *w, const struct field *row)
{
	add_member(w, "type", "integer");
	add_bounds(w, row, "minimum", "maximum");
}

static void
shape_number(struct writer *w, const struct field *row)
{
	add_member(w, "type", "number");
	add_bounds(w, row, "minimum", "maximum");
}

static void
add_seconds(struct writer *w, const char *name, int64_t ms)
{
	add_key(w, name);
	buf_printf(w->out, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
}

/* Bounds can be told of the seconds alone; a text is checked by its form. */
static void
shape_duration(struct writer *w, const struct field *row)
{
	bool negative = (row->flags & FIELD_NEGATIVE) != 0;

	add_key(w, "type");
	buf_puts(w->out, "[\"number\",\"string\"]");
	add_member(w, "pattern",
		negative ? "^-?" DURATION_PATTERN : "^" DURATION_PATTERN);
	if (!negative)
		add_seconds(w, "minimum",
			field_has_min(row) && row->min > 0 ? row->min : 0);
	if (field_has_max(row))
		add_seconds(w, "maximum", row->max);
}

/* The least length that min and FIELD_NONEMPTY together allow. */
static void
shape_string(struct writer *w, const struct field *row)
{
	int64_t min = field_has_min(row) ? row->min : 0;

	if (w->yaml) {
		add_key(w, "type");
		buf_puts(w->out, "[\"string\",\"number\",\"boolean\"]");
	} else
		add_member(w, "type", "string");
	if (min < 1 && (row->flags & FIELD_NONEMPTY) != 0)
		min = 1;
	if (min > 0)
		add_int(w, "minLength", min);
	if (field_has_max(row))
		add_int(w, "maxLength", row->max);
	if (row->pattern != NULL)
		add_member(w, "pattern", row->pattern);
}

static void
shape_secret(struct writer *w, const struct field *row)
{
	shape_string(w, row);
	add_key(w, "writeOnly");
	buf_puts(w->out, "true");
}

static void
shape_enum(struct writer *w, const struct field *row)
{
	add_key(w, "enum");
	open_with(w, '[');
	for (size_t i = 0; row->choices[i] != NULL; i++)
		add_string(w, row->choices[i]);
	buf_putc(w->out, ']');
}

static void
shape_object(struct writer *w, const struct field *row)
{
	add_member(w, "type", "object");
	if (row->sub != NULL)
		add_table(w, row->sub, (row->flags & FIELD_PARTIAL) != 0);
}

typedef void shape(struct writer *w, const struct field *row);

static void
shape_array(struct writer *w, const struct field *row, shape *item)
{
	add_member(w, "type", "array");
	if ((row->flags & FIELD_NONEMPTY) != 0)
		add_int(w, "minItems", 1);
	add_key(w, "items");
	open_with(w, '{');
	item(w, row);
	buf_putc(w->out, '}');
}

static void
shape_strings(struct writer *w, const struct field *row)
{
	shape_array(w, row, row->choices != NULL ? shape_enum : shape_string);
}

static void add_alternative(struct writer *w, const struct field *row, shape *one);
static void add_shape(struct writer *w, const struct field *row);

/* A list of all values, each at its place. */
static void
shape_tuple(struct writer *w, const struct field *row)
{
	int64_t count = 0;

	add_member(w, "type", "array");
	add_key(w, "prefixItems");
	open_with(w, '[');
	for (const struct field *part = row->sub->rows; part->name != NULL; part++) {
		add_alternative(w, part, add_shape);
		count++;
	}
	buf_putc(w->out, ']');
	add_key(w, "items");
	buf_puts(w->out, "false");
	add_int(w, "minItems", count);
}

static void
shape_list(struct writer *w, const struct field *row)
{
	shape_array(w, row,
		(row->flags & FIELD_TUPLES) != 0 ? shape_tuple : shape_object);
}

/* The other spelling of a list: names to what the rows of keyed say, or to null. */
static void
shape_keyed(struct writer *w, const struct field *row)
{
	struct field value = {.type = FIELD_OBJECT, .sub = row->keyed};

	add_member(w, "type", "object");
	if ((row->flags & FIELD_NONEMPTY) != 0)
		add_int(w, "minProperties", 1);
	add_key(w, "additionalProperties");
	buf_puts(w->out, "{\"anyOf\":[{");
	shape_object(w, &value);
	buf_puts(w->out, "},{\"type\":\"null\"}]}");
}

/* What a name in a map stands for; in a file nothing will do where nothing is required. */
static void
add_named(struct writer *w, const struct field *row)
{
	bool nothing = w->yaml && (row->flags & FIELD_PARTIAL) != 0;

	buf_puts(w->out, nothing ? "{\"anyOf\":[{" : "{");
	if (row->sub != NULL)
		shape_object(w, row);
	else
		shape_string(w, row);
	buf_puts(w->out, nothing ? "},{\"type\":\"null\"}]}" : "}");
}

static void
shape_strmap(struct writer *w, const struct field *row)
{
	add_member(w, "type", "object");
	if ((row->flags & FIELD_NONEMPTY) != 0)
		add_int(w, "minProperties", 1);
	if (row->names != NULL) {
		add_key(w, "additionalProperties");
		buf_puts(w->out, "false");
		add_key(w, "patternProperties");
		open_with(w, '{');
		add_key(w, row->names);
	} else {
		add_key(w, "additionalProperties");
	}
	add_named(w, row);
	if (row->names != NULL)
		buf_putc(w->out, '}');
}

static void
shape_any(struct writer *w, const struct field *row)
{
	(void)w;
	(void)row;
}

static const struct {
	shape *whole;
	shape *lone; /* what stands for a list of one with FIELD_MANY, or NULL */
} shapes[] = {
	[FIELD_BOOL] = {shape_bool, NULL},
	[FIELD_OPTBOOL] = {shape_bool, NULL},
	[FIELD_INT] = {shape_int, NULL},
	[FIELD_NUMBER] = {shape_number, NULL},
	[FIELD_DURATION] = {shape_duration, NULL},
	[FIELD_STRING] = {shape_string, NULL},
	[FIELD_SECRET] = {shape_secret, NULL},
	[FIELD_ENUM] = {shape_enum, NULL},
	[FIELD_OBJECT] = {shape_object, NULL},
	[FIELD_STRINGS] = {shape_strings, shape_string},
	[FIELD_LIST] = {shape_list, shape_object},
	[FIELD_STRMAP] = {shape_strmap, NULL},
	[FIELD_ANY] = {shape_any, NULL},
};

static void
add_alternative(struct writer *w, const struct field *row, shape *one)
{
	open_with(w, '{');
	one(w, row);
	buf_putc(w->out, '}');
}

static void
add_shape(struct writer *w, const struct field *row)
{
	shape *lone = (row->flags & FIELD_MANY) != 0 ? shapes[row->type].lone : NULL;
	bool nullable = (row->flags & FIELD_NULLABLE) != 0 && row->type != FIELD_ANY;

	if (lone == NULL && row->keyed == NULL && !nullable) {
		shapes[row->type].whole(w, row);
		return;
	}
	add_key(w, "anyOf");
	open_with(w, '[');
	if (lone != NULL)
		add_alternative(w, row, lone);
	add_alternative(w, row, shapes[row->type].whole);
	if (row->keyed != NULL)
		add_alternative(w, row, shape_keyed);
	if (nullable)
		buf_puts(w->out, ",{\"type\":\"null\"}");
	buf_putc(w->out, ']');
}

static bool
is_true(const char *text)
{
	return strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0 ||
		strcasecmp(text, "on") == 0;
}

/* In an example a string may be quoted, as in the file. */
static void
add_words(struct writer *w, const char *text)
{
	size_t len = strlen(text);

	separate(w);
	if (len >= 2 && text[0] == '"' && text[len - 1] == '"')
		buf_puts(w->out, text);
	else
		buf_json(w->out, text);
}

/* A default or example, as JSON has it. */
static void
add_text(struct writer *w, const struct field *row, const char *text)
{
	AUTO(node) struct node *node = field_text_node(row, text);

	if (node->kind == NODE_LIST) {
		open_with(w, '[');
		for (size_t i = 0; i < node->count; i++)
			add_words(w, node->items[i]->text);
		buf_putc(w->out, ']');
		return;
	}
	separate(w);
	if (node->kind == NODE_MAP)
		buf_puts(w->out, "{}");
	else if (node_is_null(node))
		buf_puts(w->out, "null");
	else if (row->type == FIELD_BOOL || row->type == FIELD_OPTBOOL)
		buf_puts(w->out, is_true(text) ? "true" : "false");
	else if (row->type == FIELD_INT || row->type == FIELD_NUMBER)
		buf_puts(w->out, text);
	else
		add_words(w, text);
}

/* Not a value but the word that stands for one in usage lines: N, GLOB, WORKER. */
static bool
is_placeholder(const char *example)
{
	return example[strspn(example, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

/* An example of these is YAML of several lines or braces: nothing for a schema. */
static bool
has_plain_example(const struct field *row)
{
	return row->example != NULL && !is_placeholder(row->example) &&
		row->type != FIELD_OBJECT && row->type != FIELD_LIST &&
		row->type != FIELD_STRMAP && row->type != FIELD_ANY;
}

static void
add_row(struct writer *w, const struct field *row)
{
	add_key(w, row->name);
	open_with(w, '{');
	add_shape(w, row);
	if (row->doc != NULL)
		add_member(w, "description", row->doc);
	if (row->def != NULL) {
		add_key(w, "default");
		add_text(w, row, row->def);
	}
	if (has_plain_example(row)) {
		add_key(w, "examples");
		open_with(w, '[');
		add_text(w, row, row->example);
		buf_putc(w->out, ']');
	}
	buf_putc(w->out, '}');
}

static void
add_required(struct writer *w, const struct fields *table)
{
	bool any = false;

	for (const struct field *row = table->rows; row->name != NULL; row++)
		any = any || (row->flags & FIELD_REQUIRED) != 0;
	if (!any)
		return;
	add_key(w, "required");
	open_with(w, '[');
	for (const struct field *row = table->rows; row->name != NULL; row++)
		if ((row->flags & FIELD_REQUIRED) != 0)
			add_string(w, row->name);
	buf_putc(w->out, ']');
}

/* Inside an object whose type is said already. */
static void
add_table(struct writer *w, const struct fields *table, bool partial)
{
	add_key(w, "properties");
	open_with(w, '{');
	for (const struct field *row = table->rows; row->name != NULL; row++)
		add_row(w, row);
	buf_putc(w->out, '}');
	if (!partial)
		add_required(w, table);
	add_key(w, "additionalProperties");
	buf_puts(w->out, "false");
}

static void
add_root(struct writer *w, const struct fields *table)
{
	add_member(w, "title", table->name);
	add_member(w, "type", "object");
	add_table(w, table, false);
	buf_putc(w->out, '}');
}

void
field_schema(const struct fields *table, struct buf *out)
{
	struct writer w = {.out = out, .yaml = false};

	buf_putc(out, '{');
	add_root(&w, table);
}

void
field_schema_yaml(const struct fields *table, struct buf *out)
{
	struct writer w = {.out = out, .yaml = true};

	buf_putc(out, '{');
	add_member(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
	add_root(&w, table);
}
