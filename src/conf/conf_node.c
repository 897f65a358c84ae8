/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small walks over node trees that only the loader needs.
 */
#include "conf/conf_row.h"

#include "base/mem.h"

#include <string.h>

/* Of a key that is there twice, which is an error, the loader takes the last. */
static size_t
find(const struct node *map, const char *key)
{
	size_t i = map != NULL && map->kind == NODE_MAP ? map->count : 0;

	while (i > 0 && strcmp(map->keys[i - 1]->text, key) != 0)
		i--;
	return i;
}

struct node *
map_get(const struct node *map, const char *key)
{
	size_t after = find(map, key);

	return after > 0 ? map->items[after - 1] : NULL;
}

const struct node *
map_key(const struct node *map, const char *key)
{
	size_t after = find(map, key);

	return after > 0 ? map->keys[after - 1] : NULL;
}

void
map_remove(struct node *map, size_t index)
{
	size_t behind = map->count - index - 1;

	tree_wipe_free(map->keys[index]);
	tree_wipe_free(map->items[index]);
	memmove(&map->keys[index], &map->keys[index + 1], behind * sizeof(*map->keys));
	memmove(&map->items[index], &map->items[index + 1],
		behind * sizeof(*map->items));
	map->count--;
}

int
mark_compare(struct mark a, struct mark b)
{
	if (a.line != b.line)
		return a.line < b.line ? -1 : 1;
	return a.col < b.col ? -1 : a.col > b.col;
}

struct mark
tree_end(const struct node *tree)
{
	struct mark end = tree->mark;

	/* Places grow along the text, so the last child has the last one. */
	if (tree->count > 0) {
		struct mark last = tree_end(tree->items[tree->count - 1]);

		if (mark_compare(last, end) > 0)
			end = last;
	}
	return end;
}

static void
wipe(struct node *tree)
{
	if (tree->text != NULL)
		mem_wipe(tree->text, strlen(tree->text));
	for (size_t i = 0; i < tree->count; i++)
		wipe(tree->items[i]);
}

void
tree_wipe_free(struct node *tree)
{
	if (tree == NULL)
		return;
	wipe(tree);
	node_free(tree);
}

char *
path_from(const char *dir, const char *path)
{
	if (path[0] == '/' || dir == NULL)
		return xstrdup(path);
	return xasprintf("%s/%s", dir, path);
}
