/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row is told in one way on every page; pages differ in the macro of its name only.
 */
#include "doc/rows.h"

#include "base/buf.h"
#include "base/field.h"
#include "base/mem.h"
#include "doc/mdoc.h"

#include <ctype.h>
#include <string.h>

static const struct kind {
	const char *macro; /* of names */
	bool examples;     /* are values, not names of values */
	const char *required, *optional;
} kinds[] = {
	[ROWS_KEYS] = {"Ic", true, "; required", ""},
	[ROWS_PARAMS] = {"Fa", false, "; required", ""},
	[ROWS_RESULTS] = {"Fa", false, "", "; may be absent"},
};

/* What follows must be punctuation, as one more argument. */
static void
add_value(struct buf *out, const char *word, const char *value)
{
	buf_printf(out, "; %s\n.Ql ", word);
	mdoc_arg(out, value);
	buf_putc(out, ' ');
}

/* "a string" as the beginning of a sentence, without newline. */
static void
add_expects(const struct field *row, struct buf *out)
{
	AUTO(buf) struct buf expects = {.data = NULL};
	AUTO(buf) struct buf line = {.data = NULL};

	field_expects(row, &expects);
	expects.data[0] = (char)toupper((unsigned char)expects.data[0]);
	mdoc_text(&line, buf_str(&expects));
	buf_add(out, line.data, line.len - 1);
}

void
rows_facts(const struct field *row, enum rows_kind kind, struct buf *out)
{
	bool required = (row->flags & FIELD_REQUIRED) != 0;

	add_expects(row, out);
	buf_puts(out, required ? kinds[kind].required : kinds[kind].optional);
	if ((row->flags & FIELD_RESTART) != 0)
		buf_puts(out, "; only a restart changes it");
	if (row->def != NULL)
		add_value(out, "default", row->def);
	else if (row->example != NULL && kinds[kind].examples)
		add_value(out, "for example", row->example);
	buf_puts(out, ".\n");
	if (row->sub != NULL && row->keyed != NULL)
		buf_printf(out, "See\n.Sx %s\nand\n.Sx %s .\n", row->sub->name,
			row->keyed->name);
	else if (row->sub != NULL)
		buf_printf(out, "See\n.Sx %s .\n", row->sub->name);
}

void
rows_list(const struct fields *table, enum rows_kind kind, struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (const struct field *row = table->rows; row->name != NULL; row++) {
		buf_puts(out, ".It ");
		mdoc_line(out, kinds[kind].macro, row->name);
		mdoc_text(out, row->doc);
		rows_facts(row, kind, out);
	}
	buf_puts(out, ".El\n");
}

bool
table_set_has(const struct table_set *set, const struct fields *table)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->items[i] == table)
			return true;
	return false;
}

void
table_set_add(struct table_set *set, const struct fields *table)
{
	if (table_set_has(set, table))
		return;
	set->items = xreallocarray(set->items, set->count + 1, sizeof(set->items[0]));
	set->items[set->count++] = table;
	table_set_add_below(set, table);
}

void
table_set_add_below(struct table_set *set, const struct fields *table)
{
	for (const struct field *row = table->rows; row->name != NULL; row++) {
		if (row->sub != NULL)
			table_set_add(set, row->sub);
		if (row->keyed != NULL)
			table_set_add(set, row->keyed);
	}
}

const struct fields *
table_set_find(const struct table_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->items[i]->name, name) == 0)
			return set->items[i];
	return NULL;
}

void
table_set_fini(struct table_set *set)
{
	free(set->items);
	*set = (struct table_set){.items = NULL};
}
