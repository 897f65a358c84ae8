/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types with values inside: objects, lists and maps. Each goes down the key path, and
 * every problem below is reported on its own.
 */
#include "base/field.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/field_type.h"
#include "base/node.h"

#include <string.h>

static void
refuse(struct field_load *l, const struct field *row, const struct node *node)
{
	struct err err;

	(void)field_expected(row, node, &err);
	field_problem(l, node->mark, "%s", err.text);
}

static void *
element(const struct field *row, const struct field_list *list, size_t i)
{
	return (char *)list->items + i * row->sub->size;
}

/* A lone value may stand for a list of one; then it is its own only item. */
static bool
as_items(const struct field *row, const struct node *const *node,
	const struct node *const **ret_items, size_t *ret_count)
{
	if ((*node)->kind == NODE_LIST) {
		*ret_items = (const struct node *const *)(*node)->items;
		*ret_count = (*node)->count;
		return true;
	}
	if ((row->flags & FIELD_MANY) == 0)
		return false;
	*ret_items = node;
	*ret_count = 1;
	return true;
}

static bool
refuse_empty(struct field_load *l, const struct field *row, const struct node *node)
{
	if ((row->flags & FIELD_NONEMPTY) == 0 || node->text != NULL || node->count > 0)
		return false;
	field_problem(l, node->mark, "must not be empty");
	return true;
}

static void
load_object(struct field_load *l, const struct field *row, const struct node *node,
	void *member)
{
	field_load_table(l, row->sub, node, member);
}

static void
fini_object(const struct field *row, void *member)
{
	field_fini(row->sub, member);
}

static void
absent_object(const struct field *row, void *member)
{
	field_defaults(row->sub, member);
}

static bool
equal_object(const struct field *row, const void *a, const void *b)
{
	return field_equal(row->sub, a, b, NULL);
}

const struct field_ops field_object = {
	.load = load_object,
	.fini = fini_object,
	.absent = absent_object,
	.equal = equal_object,
};

/* What each element of a list and each value of a map must be. */
static struct field
string_row(const struct field *row)
{
	return (struct field){
		.name = row->name,
		.type = FIELD_STRING,
		.flags = row->flags & FIELD_NONEMPTY,
		.min = row->min,
		.max = row->max,
		.check = row->check,
	};
}

/* NULL if the node is none; the problem is reported. Caller frees. */
static char *
load_string(struct field_load *l, const struct field *row, const struct node *node)
{
	struct field string = string_row(row);
	char *s = NULL;

	field_load_value(l, &string, node, &s);
	return s;
}

static void
load_strings(struct field_load *l, const struct field *row, const struct node *node,
	void *member)
{
	const struct node *const *items;
	struct strings *list = member;
	size_t count;

	if (!as_items(row, &node, &items, &count) || node->kind == NODE_MAP) {
		refuse(l, row, node);
		return;
	}
	if (refuse_empty(l, row, node))
		return;
	strings_fini(list);
	for (size_t i = 0; i < count; i++) {
		size_t was = items[i] == node ? l->path.len : field_enter_index(l, i);
		AUTO(free) char *s = load_string(l, row, items[i]);

		if (s != NULL)
			strings_add(list, s);
		field_leave(l, was);
	}
}

static void
fini_strings(const struct field *row, void *member)
{
	(void)row;
	strings_fini(member);
}

static bool
equal_strings(const struct field *row, const void *a, const void *b)
{
	const struct strings *x = a, *y = b;

	(void)row;
	if (x->count != y->count)
		return false;
	for (size_t i = 0; i < x->count; i++)
		if (strcmp(x->items[i], y->items[i]) != 0)
			return false;
	return true;
}

const struct field_ops field_strings = {
	.size = sizeof(struct strings),
	.load = load_strings,
	.fini = fini_strings,
	.equal = equal_strings,
};

static void
fini_list(const struct field *row, void *member)
{
	struct field_list *list = member;

	for (size_t i = 0; i < list->count; i++)
		field_fini(row->sub, element(row, list, i));
	free(list->items);
	*list = (struct field_list){.items = NULL};
}

/* Makes room for count elements, without their defaults. */
static void
renew_list(const struct field *row, struct field_list *list, size_t count)
{
	fini_list(row, list);
	list->items = count > 0 ? xcalloc(count, row->sub->size) : NULL;
	list->count = count;
}

/* The other spelling: what would be the first member is the key of the element. */
static void
load_keyed(struct field_load *l, const struct field *row, const struct node *map,
	struct field_list *list)
{
	const struct field *name = row->sub->rows;

	renew_list(row, list, map->count);
	for (size_t i = 0; i < map->count; i++) {
		const struct node *key = map->keys[i], *value = map->items[i];
		size_t was = field_enter(l, key->text);
		char *item = element(row, list, i);

		field_defaults(row->sub, item);
		if (!node_is_null(value))
			field_load_table(l, row->keyed, value, item);
		field_load_value(l, name, key, item + name->offset);
		field_leave(l, was);
	}
}

static size_t
row_count(const struct fields *table)
{
	size_t count = 0;

	while (table->rows[count].name != NULL)
		count++;
	return count;
}

/* "expected [volume_id, device], got a single value" */
static void
refuse_tuple(struct field_load *l, const struct fields *table, const struct node *node)
{
	AUTO(buf) struct buf names = {.data = NULL};

	for (const struct field *row = table->rows; row->name != NULL; row++)
		buf_printf(&names, "%s%s", row == table->rows ? "" : ", ", row->name);
	if (node->kind == NODE_LIST)
		field_problem(l, node->mark, "expected [%s], got a list of %zu",
			buf_str(&names), node->count);
	else
		field_problem(l, node->mark, "expected [%s], got %s", buf_str(&names),
			node_kind_name(node));
}

static void
load_tuple(struct field_load *l, const struct field *row, const struct node *node,
	void *item)
{
	const struct fields *table = row->sub;

	if (node->kind != NODE_LIST || node->count != row_count(table)) {
		refuse_tuple(l, table, node);
		return;
	}
	for (size_t i = 0; i < node->count; i++) {
		size_t was = field_enter(l, table->rows[i].name);

		field_load_value(l, &table->rows[i], node->items[i],
			(char *)item + table->rows[i].offset);
		field_leave(l, was);
	}
}

static void
load_element(struct field_load *l, const struct field *row, const struct node *node,
	void *item)
{
	field_defaults(row->sub, item);
	if ((row->flags & FIELD_TUPLES) != 0)
		load_tuple(l, row, node, item);
	else
		field_load_table(l, row->sub, node, item);
}

static void
load_list(struct field_load *l, const struct field *row, const struct node *node,
	void *member)
{
	const struct node *const *items;
	struct field_list *list = member;
	size_t count;

	/* One of a key that was there before must not stay for one that is refused. */
	fini_list(row, list);
	if (row->keyed != NULL && node->kind == NODE_MAP) {
		if (!refuse_empty(l, row, node))
			load_keyed(l, row, node, list);
		return;
	}
	if (!as_items(row, &node, &items, &count) ||
		(node->kind != NODE_LIST && node->kind != NODE_MAP)) {
		refuse(l, row, node);
		return;
	}
	if (node->kind == NODE_LIST && refuse_empty(l, row, node))
		return;
	renew_list(row, list, count);
	for (size_t i = 0; i < count; i++) {
		size_t was = items[i] == node ? l->path.len : field_enter_index(l, i);

		load_element(l, row, items[i], element(row, list, i));
		field_leave(l, was);
	}
}

static bool
equal_list(const struct field *row, const void *a, const void *b)
{
	const struct field_list *x = a, *y = b;

	if (x->count != y->count)
		return false;
	for (size_t i = 0; i < x->count; i++)
		if (!field_equal(row->sub, element(row, x, i), element(row, y, i),
			    NULL))
			return false;
	return true;
}

const struct field_ops field_list = {
	.size = sizeof(struct field_list),
	.load = load_list,
	.fini = fini_list,
	.equal = equal_list,
};

static void
load_strmap(struct field_load *l, const struct field *row, const struct node *node,
	void *member)
{
	struct strmap *map = member;

	if (node->kind != NODE_MAP) {
		refuse(l, row, node);
		return;
	}
	if (refuse_empty(l, row, node))
		return;
	strmap_fini(map);
	for (size_t i = 0; i < node->count; i++) {
		size_t was = field_enter(l, node->keys[i]->text);
		AUTO(free) char *s = load_string(l, row, node->items[i]);

		if (s != NULL)
			strmap_put(map, node->keys[i]->text, s);
		field_leave(l, was);
	}
}

static void
fini_strmap(const struct field *row, void *member)
{
	(void)row;
	strmap_fini(member);
}

/* The order of a map does not count. */
static bool
equal_strmap(const struct field *row, const void *a, const void *b)
{
	const struct strmap *x = a, *y = b;

	(void)row;
	if (x->count != y->count)
		return false;
	for (size_t i = 0; i < x->count; i++)
		if (!str_equal(x->values[i], strmap_get(y, x->keys[i])))
			return false;
	return true;
}

const struct field_ops field_strmap = {
	.size = sizeof(struct strmap),
	.load = load_strmap,
	.fini = fini_strmap,
	.equal = equal_strmap,
};
