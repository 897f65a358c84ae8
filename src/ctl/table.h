/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table on a terminal or in a pipe: columns as wide as their widest cell.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include "ctl/text.h"

struct ctl;

struct column {
	const char *title;
	const char *path; /* "instance.id" inside a row's object */
	bool age;         /* a time, shown as what has passed since */
	enum text_colour (*colour)(const char *value); /* or NULL */
};

/* rows: a list of objects. columns end with a title of NULL. */
void table_add(struct buf *out, const struct column *columns, const json_t *rows,
	bool colour);
/* A member by path; NULL if there is none. Borrowed. */
const json_t *table_member(const json_t *object, const char *path);

#endif
