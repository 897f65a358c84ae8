/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two containers that rows fill: lists of strings and small maps, in the order of the
 * file.
 */
#include "base/strings.h"

#include <string.h>

bool
strings_contain(const struct strings *list, const char *s)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], s) == 0)
			return true;
	return false;
}

void
strings_add(struct strings *list, const char *s)
{
	list->items = xreallocarray(list->items, list->count + 2, sizeof(*list->items));
	list->items[list->count++] = xstrdup(s);
	list->items[list->count] = NULL;
}

void
strings_fini(struct strings *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct strings){.items = NULL};
}

static size_t
find(const struct strmap *map, const char *key)
{
	size_t i = 0;

	while (i < map->count && strcmp(map->keys[i], key) != 0)
		i++;
	return i;
}

const char *
strmap_get(const struct strmap *map, const char *key)
{
	size_t i = find(map, key);

	return i < map->count ? map->values[i] : NULL;
}

void
strmap_put(struct strmap *map, const char *key, const char *value)
{
	char *copy = xstrdup(value); /* value may be the old one */
	size_t i = find(map, key);

	if (i < map->count) {
		free(map->values[i]);
		map->values[i] = copy;
		return;
	}
	map->keys = xreallocarray(map->keys, i + 1, sizeof(*map->keys));
	map->values = xreallocarray(map->values, i + 1, sizeof(*map->values));
	map->keys[i] = xstrdup(key);
	map->values[i] = copy;
	map->count++;
}

void
strmap_fini(struct strmap *map)
{
	for (size_t i = 0; i < map->count; i++) {
		free(map->keys[i]);
		free(map->values[i]);
	}
	free(map->keys);
	free(map->values);
	*map = (struct strmap){.keys = NULL};
}
