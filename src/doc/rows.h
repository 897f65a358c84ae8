/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field rows as mdoc lists: what each is for, what it takes, its default.
 */
#ifndef DOC_ROWS_H
#define DOC_ROWS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct field;
struct fields;

/* What rows describe. */
enum rows_kind {
	ROWS_KEYS,    /* of a file; examples are values */
	ROWS_PARAMS,  /* of a method */
	ROWS_RESULTS, /* what is not required may be absent */
};

/* "A string; required; for example a." and where its rows are described. */
void rows_facts(const struct field *row, enum rows_kind kind, struct buf *out);
/* All rows of a table as one list. */
void rows_list(const struct fields *table, enum rows_kind kind, struct buf *out);

/* Tables, each once; borrowed. */
struct table_set {
	const struct fields **items; /* owned array */
	size_t count;
};
/* A table and those that its rows refer to; those alone. */
void table_set_add(struct table_set *set, const struct fields *table);
void table_set_add_below(struct table_set *set, const struct fields *table);
bool table_set_has(const struct table_set *set, const struct fields *table);
/* NULL if there is none of that name. */
const struct fields *table_set_find(const struct table_set *set, const char *name);
void table_set_fini(struct table_set *set);

#endif
