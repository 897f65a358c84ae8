/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows in words: what they expect, their bounds, and the short syntax of defaults and
 * arguments.
 */
#include "base/field.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/field_type.h"
#include "base/node.h"

#include <inttypes.h>
#include <string.h>

static const struct {
	const char *one;  /* what is expected */
	const char *many; /* with FIELD_MANY, or NULL if that says nothing */
} words[] = {
	[FIELD_BOOL] = {"true or false", NULL},
	[FIELD_OPTBOOL] = {"true or false", NULL},
	[FIELD_INT] = {"a whole number", NULL},
	[FIELD_NUMBER] = {"a number", NULL},
	[FIELD_DURATION] = {"seconds, or a duration such as 90s, 20m, 2h", NULL},
	[FIELD_STRING] = {"a string", NULL},
	[FIELD_SECRET] = {"a string", NULL},
	[FIELD_ENUM] = {"one of ", NULL},
	[FIELD_OBJECT] = {"a mapping", NULL},
	[FIELD_STRINGS] = {"a list of strings", "a string or a list of strings"},
	[FIELD_LIST] = {"a list of mappings", "a mapping or a list of mappings"},
	[FIELD_STRMAP] = {"a mapping of strings", NULL},
	[FIELD_ANY] = {"any value", NULL},
};

static bool
is_bounded(const struct field *row)
{
	return row->min != 0 || row->max != 0;
}

static bool
has_length(const struct field *row)
{
	return row->type == FIELD_STRING || row->type == FIELD_SECRET ||
		row->type == FIELD_STRINGS || row->type == FIELD_STRMAP;
}

bool
field_has_min(const struct field *row)
{
	if (has_length(row))
		return row->min > 0;
	return is_bounded(row) && row->min != INT64_MIN;
}

bool
field_has_max(const struct field *row)
{
	return is_bounded(row) && row->max >= row->min && row->max != INT64_MAX;
}

static void
add_bound(const struct field *row, int64_t value, struct buf *out)
{
	if (row->type == FIELD_DURATION)
		field_print_duration(value, out);
	else
		buf_printf(out, "%" PRId64, value);
}

void
field_bounds(const struct field *row, struct buf *out)
{
	bool min = field_has_min(row), max = field_has_max(row);

	if ((row->flags & FIELD_POSITIVE) != 0)
		buf_puts(out, min || max ? "above 0, " : "above 0");
	if (!min && !max)
		return;
	if (min && max && !has_length(row))
		buf_puts(out, "from ");
	else if (!min || !max)
		buf_puts(out, min ? "at least " : "at most ");
	if (min)
		add_bound(row, row->min, out);
	if (min && max)
		buf_puts(out, " to ");
	if (max)
		add_bound(row, row->max, out);
	if (has_length(row))
		buf_puts(out, " bytes");
	if ((row->flags & FIELD_NEGATIVE) != 0)
		buf_puts(out, ", or negative: never");
}

static void
add_choices(const struct field *row, struct buf *out)
{
	for (size_t i = 0; row->choices[i] != NULL; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", row->choices[i]);
}

/* "a list of [volume_id, device]" */
static void
add_tuple(const struct field *row, struct buf *out)
{
	buf_putc(out, '[');
	for (const struct field *part = row->sub->rows; part->name != NULL; part++)
		buf_printf(out, "%s%s", part == row->sub->rows ? "" : ", ", part->name);
	buf_putc(out, ']');
}

static const char *
kind_words(const struct field *row)
{
	bool many = (row->flags & FIELD_MANY) != 0 && words[row->type].many != NULL;

	if (row->type == FIELD_STRMAP && row->sub != NULL)
		return "a mapping of names to mappings";
	if ((row->flags & FIELD_TUPLES) != 0)
		return "a list of ";
	return many ? words[row->type].many : words[row->type].one;
}

void
field_expects(const struct field *row, struct buf *out)
{
	buf_puts(out, kind_words(row));
	if ((row->flags & FIELD_TUPLES) != 0)
		add_tuple(row, out);
	if (row->keyed != NULL)
		buf_puts(out, ", or a mapping of names to mappings");
	if (row->type == FIELD_ENUM)
		add_choices(row, out);
	if (field_has_min(row) || field_has_max(row)) {
		buf_puts(out, has_length(row) ? " of " : ", ");
		field_bounds(row, out);
	}
	if ((row->flags & FIELD_NULLABLE) != 0)
		buf_puts(out, ", or null");
}

/* Whether another text of this kind of node could be right. */
static bool
fits(const struct field *row, const struct node *node)
{
	switch (node->kind) {
	case NODE_PLAIN:
		return !node_is_null(node) && field_ops[row->type]->set != NULL;
	case NODE_STRING: return row->type == FIELD_DURATION || row->type == FIELD_ENUM;
	case NODE_NUMBER:
		return row->type == FIELD_DURATION || row->type == FIELD_INT ||
			row->type == FIELD_NUMBER;
	case NODE_NULL:
	case NODE_BOOL:
	case NODE_LIST:
	case NODE_MAP: break;
	}
	return false;
}

int
field_expected(const struct field *row, const struct node *node, struct err *err)
{
	AUTO(buf) struct buf expects = {.data = NULL};

	field_expects(row, &expects);
	if (fits(row, node))
		return err_set(err, ERR_INVALID, "expected %s", buf_str(&expects));
	return err_set(err, ERR_INVALID, "expected %s, got %s", buf_str(&expects),
		node_kind_name(node));
}

/* "a, b" between the brackets; spaces around an element do not count. */
static struct node *
list_node(const char *text, size_t len)
{
	struct node *list = node_list((struct mark){0, 0});
	const char *end = text + len;

	while (text < end) {
		size_t size = strcspn(text, ",]");
		const char *next = text + size + 1;
		AUTO(free) char *item = NULL;

		for (; size > 0 && text[0] == ' '; size--)
			text++;
		while (size > 0 && text[size - 1] == ' ')
			size--;
		item = xstrndup(text, size);
		if (size > 0 || next <= end)
			node_append(list,
				node_scalar(NODE_STRING, item, (struct mark){0, 0}));
		text = next;
	}
	return list;
}

struct node *
field_text_node(const struct field *row, const char *text)
{
	size_t len = strlen(text);
	bool list = len >= 2 && text[0] == '[' && text[len - 1] == ']';

	/* A string is what it says, be it empty or the word null. */
	if (row->type == FIELD_STRING || row->type == FIELD_SECRET)
		return node_scalar(NODE_STRING, text, (struct mark){0, 0});
	if (list && (row->type == FIELD_STRINGS || row->type == FIELD_LIST))
		return list_node(text + 1, len - 2);
	if (strcmp(text, "{}") == 0)
		return node_map((struct mark){0, 0});
	return node_scalar(NODE_PLAIN, text, (struct mark){0, 0});
}
