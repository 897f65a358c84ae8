/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree between a parser and the field tables. Its depth is what the parsers allow, so
 * recursion is bounded by them.
 */
#include "base/node.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

static const char *const kind_names[] = {
	[NODE_NULL] = "null",
	[NODE_BOOL] = "a boolean",
	[NODE_NUMBER] = "a number",
	[NODE_STRING] = "a string",
	[NODE_PLAIN] = "a single value",
	[NODE_LIST] = "a list",
	[NODE_MAP] = "a mapping",
};

static struct node *
node_new(enum node_kind kind, struct mark mark)
{
	struct node *n = NEW(struct node);

	n->kind = kind;
	n->mark = mark;
	return n;
}

struct node *
node_scalar(enum node_kind kind, const char *text, struct mark mark)
{
	struct node *n = node_new(kind, mark);

	n->text = xstrdup(text);
	return n;
}

struct node *
node_list(struct mark mark)
{
	return node_new(NODE_LIST, mark);
}

struct node *
node_map(struct mark mark)
{
	return node_new(NODE_MAP, mark);
}

/* Room for one more; full exactly when count is a power of two (or 0). */
static struct node **
grow(struct node **array, size_t count)
{
	if ((count & (count - 1)) != 0)
		return array;
	return xreallocarray(array, count > 0 ? count * 2 : 1, sizeof(*array));
}

void
node_append(struct node *list, struct node *item)
{
	assert(list->kind == NODE_LIST);
	list->items = grow(list->items, list->count);
	list->items[list->count++] = item;
}

void
node_put(struct node *map, struct node *key, struct node *value)
{
	assert(map->kind == NODE_MAP);
	map->keys = grow(map->keys, map->count);
	map->items = grow(map->items, map->count);
	map->keys[map->count] = key;
	map->items[map->count++] = value;
}

struct node *
node_get(const struct node *map, const char *key)
{
	if (map == NULL || map->kind != NODE_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->keys[i]->text, key) == 0)
			return map->items[i];
	return NULL;
}

struct node *
node_copy(const struct node *node)
{
	struct node *copy = node_new(node->kind, node->mark);

	copy->text = xstrdup_opt(node->text);
	for (size_t i = 0; i < node->count; i++) {
		if (node->kind == NODE_MAP)
			node_put(copy, node_copy(node->keys[i]),
				node_copy(node->items[i]));
		else
			node_append(copy, node_copy(node->items[i]));
	}
	return copy;
}

const char *
node_kind_name(const struct node *node)
{
	if (node_is_null(node))
		return node->text != NULL && node->text[0] == '\0' ? "nothing" : "null";
	return kind_names[node->kind];
}

bool
node_is_null(const struct node *node)
{
	/* The forms of YAML 1.1, whose case is free only in these ways. */
	static const char *const plain[] = {"", "~", "null", "Null", "NULL"};

	if (node->kind != NODE_PLAIN)
		return node->kind == NODE_NULL;
	for (size_t i = 0; i < COUNT_OF(plain); i++)
		if (strcmp(node->text, plain[i]) == 0)
			return true;
	return false;
}

void
node_free(struct node *node)
{
	if (node == NULL)
		return;
	for (size_t i = 0; i < node->count; i++) {
		node_free(node->items[i]);
		if (node->keys != NULL)
			node_free(node->keys[i]);
	}
	free(node->items);
	free(node->keys);
	str_wipe_free(node->text); /* it may be a password */
	free(node);
}
