/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What field*.c share and nobody else sees: one row of behaviour per type, and the state
 * of a load.
 */
#ifndef BASE_FIELD_TYPE_H
#define BASE_FIELD_TYPE_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct diags;
struct err;
struct field;
struct fields;
struct mark;
struct node;

/* A load under way: where problems go, and the key path to what is being read. */
struct field_load {
	struct diags *ds;
	struct buf path;
};

/*
 * A type. set and load replace what the member held before, unless they fail; a list of
 * structs is empty then.
 */
struct field_ops {
	size_t size; /* of the member; 0: the sub-table knows */
	/* Reads one scalar; the reason why not goes to err. NULL if load is there. */
	int (*set)(const struct field *row, const struct node *node, void *member,
		struct err *err);
	/* Reads what can have several problems inside. NULL if set is there. */
	void (*load)(struct field_load *l, const struct field *row,
		const struct node *node, void *member);
	/* Frees what the member owns; NULL if it owns nothing. */
	void (*fini)(const struct field *row, void *member);
	/* Gives a zeroed member the look of null and of absence; NULL if zero is that. */
	void (*absent)(const struct field *row, void *member);
	bool (*equal)(const struct field *row, const void *a, const void *b);
};

extern const struct field_ops field_bool, field_optbool, field_int, field_number,
	field_duration, field_string, field_secret, field_enum, field_object,
	field_strings, field_list, field_strmap;

/* By enum field_type; NULL for FIELD_ANY. */
extern const struct field_ops *const field_ops[];

/* Frees and zeroes one member. */
void field_member_fini(const struct field *row, void *member);

void field_problem(struct field_load *l, struct mark mark, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Goes down the path by a name or an index; returns what field_leave needs to go back. */
size_t field_enter(struct field_load *l, const char *name);
size_t field_enter_index(struct field_load *l, size_t index);
void field_leave(struct field_load *l, size_t was);
/* obj holds the defaults already. */
void field_load_table(struct field_load *l, const struct fields *table,
	const struct node *map, void *obj);
/* Reads one value, null included. */
void field_load_value(struct field_load *l, const struct field *row,
	const struct node *node, void *member);

/* Defaults and arguments as a node. Caller frees. */
struct node *field_text_node(const struct field *row, const char *text);
/* "expected X, got Y"; without the Y for a scalar that could have been right. Returns -1. */
int field_expected(const struct field *row, const struct node *node, struct err *err);

bool field_has_min(const struct field *row);
bool field_has_max(const struct field *row);
/*
 * "from 1 to 5", "at least 1s", "at most 64 bytes", "from 0s to 30d, or negative: never";
 * nothing if there is no bound.
 */
void field_bounds(const struct field *row, struct buf *out);

#endif
