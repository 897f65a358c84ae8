/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of strings and maps from strings to strings, as configurations and messages have
 * them: few, in the order in which they were given. Zeroed structs are valid empty ones.
 */
#ifndef BASE_STRINGS_H
#define BASE_STRINGS_H

#include "mem.h"

#include <stdbool.h>
#include <stddef.h>

struct strings {
	char **items; /* owned; a NULL follows the last. NULL itself when empty */
	size_t count;
};

struct strmap {
	char **keys;   /* owned */
	char **values; /* owned */
	size_t count;
};

bool strings_contain(const struct strings *list, const char *s);
void strings_add(struct strings *list, const char *s);
void strings_fini(struct strings *list);
const char *strmap_get(const struct strmap *map, const char *key);
void strmap_put(struct strmap *map, const char *key, const char *value); /* replaces */
void strmap_fini(struct strmap *map);

#endif
