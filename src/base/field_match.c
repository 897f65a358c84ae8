/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds a finished JSON result against the rows that document it. Scalars are judged by the
 * setters that read parameters, so both ways mean the same.
 */
#include "base/field.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/field_type.h"
#include "base/node.h"

static void match_value(struct field_load *l, const struct field *row,
	const struct node *node);

static void
match_scalar(struct field_load *l, const struct field *row, const struct node *node)
{
	union {
		bool flag;
		int choice;
		int64_t whole;
		double number;
		char *string;
		struct secret secret;
	} member = {.string = NULL};
	struct err err;

	if (field_ops[row->type]->set(row, node, &member, &err) == 0)
		field_member_fini(row, &member);
	else
		field_problem(l, node->mark, "%s", err.text);
}

static void
match_table(struct field_load *l, const struct fields *table, const struct node *map,
	bool partial)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct field *row = field_find(table, map->keys[i]->text);
		size_t was = field_enter(l, map->keys[i]->text);

		if (row == NULL)
			field_problem(l, map->mark, "unknown member");
		else
			match_value(l, row, map->items[i]);
		field_leave(l, was);
	}
	for (const struct field *row = table->rows; row->name != NULL && !partial;
		row++)
		if ((row->flags & FIELD_REQUIRED) != 0 &&
			node_get(map, row->name) == NULL) {
			size_t was = field_enter(l, row->name);

			field_problem(l, map->mark, "required");
			field_leave(l, was);
		}
}

/* What an element of a list or a value of a map must be. */
static struct field
element_row(const struct field *row)
{
	bool object = row->type == FIELD_LIST || row->sub != NULL;
	struct field element = *row;

	element.type = object ? FIELD_OBJECT : FIELD_STRING;
	element.flags &= FIELD_PARTIAL | FIELD_NONEMPTY;
	return element;
}

/* Of a list or map; whatever is inside a list without a sub-table is an object. */
static void
match_elements(struct field_load *l, const struct field *row, const struct node *node)
{
	struct field element = element_row(row);

	if (node->count == 0 && (row->flags & FIELD_NONEMPTY) != 0)
		field_problem(l, node->mark, "must not be empty");
	for (size_t i = 0; i < node->count; i++) {
		size_t was = node->kind == NODE_MAP
			? field_enter(l, node->keys[i]->text)
			: field_enter_index(l, i);

		match_value(l, &element, node->items[i]);
		field_leave(l, was);
	}
}

static void
match_container(struct field_load *l, const struct field *row, const struct node *node)
{
	enum node_kind kind = row->type == FIELD_STRINGS || row->type == FIELD_LIST
		? NODE_LIST
		: NODE_MAP;
	struct field element = element_row(row);
	struct err err;

	if (node->kind != kind && (row->flags & FIELD_MANY) != 0) {
		match_value(l, &element, node);
	} else if (node->kind != kind) {
		(void)field_expected(row, node, &err);
		field_problem(l, node->mark, "%s", err.text);
	} else if (row->type != FIELD_OBJECT) {
		match_elements(l, row, node);
	} else if (row->sub != NULL) {
		match_table(l, row->sub, node, (row->flags & FIELD_PARTIAL) != 0);
	}
}

static void
match_value(struct field_load *l, const struct field *row, const struct node *node)
{
	if (row->type == FIELD_ANY ||
		(node_is_null(node) && (row->flags & FIELD_NULLABLE) != 0))
		return;
	if (field_ops[row->type]->set != NULL)
		match_scalar(l, row, node);
	else
		match_container(l, row, node);
}

int
field_match(const struct fields *table, const struct node *map, struct err *err)
{
	AUTO(diags) struct diags ds = {.name = NULL};
	struct field_load l = {.ds = &ds};

	if (map->kind == NODE_MAP)
		match_table(&l, table, map, false);
	else
		field_problem(&l, map->mark, "expected a mapping, got %s",
			node_kind_name(map));
	buf_fini(&l.path);
	return ds.errors == 0 ? 0 : diag_to_err(&ds, ERR_INVALID, err);
}
