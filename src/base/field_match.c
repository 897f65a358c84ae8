/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds a finished JSON result against the rows that document it. Scalars are judged by the
 * setters that read parameters, so both ways mean the same.
 */
#include "base/field.h"
#include "base/err.h"
#include "base/field_type.h"
#include "base/node.h"

static int match_table(const struct fields *table, const struct node *map, bool partial,
	struct err *err);

static int
match_scalar(const struct field *row, const struct node *node, struct err *err)
{
	union {
		bool flag;
		int choice;
		int64_t whole;
		double number;
		char *string;
		struct secret secret;
	} member = {.string = NULL};
	int result = field_ops[row->type]->set(row, node, &member, err);

	if (result == 0)
		field_member_fini(row, &member);
	return result;
}

/* NULL stands for any mapping. */
static int
match_object(const struct field *row, const struct node *node, struct err *err)
{
	if (node->kind != NODE_MAP)
		return field_expected(row, node, err);
	if (row->sub == NULL)
		return 0;
	return match_table(row->sub, node, (row->flags & FIELD_PARTIAL) != 0, err);
}

static int
match_string(const struct field *row, const struct node *node, struct err *err)
{
	return node->kind == NODE_STRING ? 0 : field_expected(row, node, err);
}

typedef int match_one(const struct field *row, const struct node *node,
	struct err *err);

static int
match_items(const struct field *row, const struct node *node, match_one *match,
	struct err *err)
{
	if (node->kind != NODE_LIST)
		return (row->flags & FIELD_MANY) != 0 ? match(row, node, err)
						      : field_expected(row, node, err);
	if (node->count == 0 && (row->flags & FIELD_NONEMPTY) != 0)
		return err_set(err, ERR_INVALID, "must not be empty");
	for (size_t i = 0; i < node->count; i++)
		if (match(row, node->items[i], err) < 0)
			return err_wrap(err, "[%zu]", i);
	return 0;
}

static int
match_map(const struct field *row, const struct node *node, struct err *err)
{
	if (node->kind != NODE_MAP)
		return field_expected(row, node, err);
	for (size_t i = 0; i < node->count; i++) {
		match_one *match = row->sub != NULL ? match_object : match_string;

		if (match(row, node->items[i], err) < 0)
			return err_wrap(err, "%s", node->keys[i]->text);
	}
	return 0;
}

static int
match_value(const struct field *row, const struct node *node, struct err *err)
{
	if (node_is_null(node) && (row->flags & FIELD_NULLABLE) != 0)
		return 0;
	switch (row->type) {
	case FIELD_BOOL:
	case FIELD_INT:
	case FIELD_NUMBER:
	case FIELD_DURATION:
	case FIELD_STRING:
	case FIELD_SECRET:
	case FIELD_ENUM: return match_scalar(row, node, err);
	case FIELD_OBJECT: return match_object(row, node, err);
	case FIELD_STRINGS: return match_items(row, node, match_string, err);
	case FIELD_LIST: return match_items(row, node, match_object, err);
	case FIELD_STRMAP: return match_map(row, node, err);
	case FIELD_ANY: break;
	}
	return 0;
}

static int
match_table(const struct fields *table, const struct node *map, bool partial,
	struct err *err)
{
	for (size_t i = 0; i < map->count; i++) {
		const char *name = map->keys[i]->text;
		const struct field *row = field_find(table, name);

		if (row == NULL)
			return err_set(err, ERR_INVALID, "%s: unknown member", name);
		if (match_value(row, map->items[i], err) < 0)
			return err_wrap(err, "%s", name);
	}
	for (const struct field *row = table->rows; row->name != NULL && !partial;
		row++)
		if ((row->flags & FIELD_REQUIRED) != 0 &&
			node_get(map, row->name) == NULL)
			return err_set(err, ERR_INVALID, "%s: required", row->name);
	return 0;
}

int
field_match(const struct fields *table, const struct node *map, struct err *err)
{
	if (map->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "expected a mapping, got %s",
			node_kind_name(map));
	return match_table(table, map, false, err);
}
