/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of values that know their place: what YAML and JSON are turned into before
 * struct field reads them. A node owns its text and children.
 */
#ifndef BASE_NODE_H
#define BASE_NODE_H

#include <stdbool.h>
#include <stddef.h>

enum node_kind {
	NODE_NULL,   /* JSON null; YAML ~ or null are NODE_PLAIN */
	NODE_BOOL,   /* JSON true/false, text "true" or "false" */
	NODE_NUMBER, /* JSON number, text as written */
	NODE_STRING, /* quoted: certainly a string */
	NODE_PLAIN,  /* YAML plain scalar: the schema gives the type */
	NODE_LIST,
	NODE_MAP
};

/* A place in a file; both count from 1, 0 is "nowhere". */
struct mark {
	unsigned line;
	unsigned col;
};

struct node {
	enum node_kind kind;
	struct mark mark;
	char *text;          /* scalars: owned, NUL-terminated, without NULs inside */
	struct node **items; /* lists: owned elements; maps: owned values */
	struct node **keys;  /* maps only: owned, NODE_STRING or NODE_PLAIN */
	size_t count;
};

struct node *node_scalar(enum node_kind kind, const char *text, struct mark mark);
struct node *node_list(struct mark mark);
struct node *node_map(struct mark mark);
/* Both take ownership of what they are given. */
void node_append(struct node *list, struct node *item);
void node_put(struct node *map, struct node *key, struct node *value);
/* The value of a key, or NULL. Borrowed. */
struct node *node_get(const struct node *map, const char *key);
struct node *node_copy(const struct node *node);
/* "a string", "a list", ...: for error messages. */
const char *node_kind_name(const struct node *node);
/* True for JSON null and for YAML's plain ~, null and nothing. */
bool node_is_null(const struct node *node);
void node_free(struct node *node);

static inline void
auto_node(struct node **n)
{
	node_free(*n);
}

#endif
