/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns as data: SQL text from a table of columns, structs to bindings and back.
 */
#include "core/store_priv.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static size_t
column_count(const struct column *columns)
{
	size_t n = 0;

	while (columns[n].name != NULL)
		n++;
	return n;
}

static void
put_names(struct buf *out, const struct column *columns)
{
	for (const struct column *c = columns; c->name != NULL; c++)
		buf_printf(out, "%s%s", c == columns ? "" : ", ", c->name);
}

char *
columns_upsert(const char *table, const struct column *columns)
{
	return columns_upsert_by(table, columns[0].name, columns);
}

char *
columns_upsert_by(const char *table, const char *key, const struct column *columns)
{
	struct buf sql = {0};
	size_t count = column_count(columns);

	buf_printf(&sql, "INSERT INTO %s(", table);
	put_names(&sql, columns);
	buf_puts(&sql, ") VALUES(");
	for (size_t n = 1; n <= count; n++)
		buf_printf(&sql, "%s?%zu", n == 1 ? "" : ", ", n);
	buf_printf(&sql, ") ON CONFLICT(%s) DO UPDATE SET ", key);
	for (size_t n = 1; n < count; n++)
		buf_printf(&sql, "%s%s = excluded.%s", n == 1 ? "" : ", ",
			columns[n].name, columns[n].name);
	return buf_take(&sql);
}

char *
columns_select(const char *table, const struct column *columns, const char *tail)
{
	struct buf sql = {0};

	buf_puts(&sql, "SELECT ");
	put_names(&sql, columns);
	buf_printf(&sql, " FROM %s %s", table, tail);
	return buf_take(&sql);
}

int
columns_index(const struct column *columns, const char *name)
{
	int n = 0;

	while (strcmp(columns[n].name, name) != 0)
		n++;
	return n;
}

/* A member whose type the column's type stands for. */
#define MEMBER(type, at) (*(type const *)(const void *)(at))

static void
bind_one(struct db_stmt *s, int index, const struct column *c, const char *at)
{
	const char *pointee;

	switch (c->type) {
	case COLUMN_INT64: db_bind_int(s, index, MEMBER(int64_t, at)); break;
	case COLUMN_UNSIGNED:
	case COLUMN_ENUM: db_bind_int(s, index, MEMBER(unsigned, at)); break;
	case COLUMN_BOOL: db_bind_int(s, index, MEMBER(bool, at)); break;
	case COLUMN_TEXT: db_bind_text(s, index, MEMBER(const char *, at)); break;
	case COLUMN_CHARS: db_bind_text(s, index, at); break;
	case COLUMN_NAMED: db_bind_text(s, index, c->text(MEMBER(int, at))); break;
	case COLUMN_NAME_OF:
		pointee = MEMBER(const char *, at);
		db_bind_text(s, index,
			pointee == NULL ? NULL
					: MEMBER(const char *, pointee + c->size));
		break;
	case COLUMN_CHARS_OF:
		pointee = MEMBER(const char *, at);
		db_bind_text(s, index, pointee + c->size);
		break;
	}
}

void
columns_bind(struct db_stmt *s, const struct column *columns, const void *row)
{
	int index = 1;

	for (const struct column *c = columns; c->name != NULL; c++)
		bind_one(s, index++, c, (const char *)row + c->offset);
}

static int
read_named(const struct column *c, const char *text, char *at, struct err *err)
{
	int number = text == NULL ? -1 : c->number(text);

	if (number < 0)
		return err_set(err, ERR_PARSE, "column %s: '%s' is none of its values",
			c->name, text == NULL ? "" : text);
	memcpy(at, &number, sizeof(number));
	return 0;
}

static int
read_enum(const struct column *c, int64_t number, char *at, struct err *err)
{
	unsigned u = (unsigned)number;

	if (number < 0 || number >= (int64_t)c->size)
		return err_set(err, ERR_PARSE,
			"column %s: %" PRId64 " is none of its values", c->name,
			number);
	memcpy(at, &u, sizeof(u));
	return 0;
}

static void
read_text(const char *text, char *at)
{
	char *old = MEMBER(char *, at), *copy = xstrdup_opt(text);

	free(old);
	memcpy(at, &copy, sizeof(copy));
}

static int
read_one(struct db_stmt *s, int column, const struct column *c, char *at,
	struct err *err)
{
	int64_t number = db_int(s, column);
	unsigned u = (unsigned)number;
	bool b = number != 0;

	switch (c->type) {
	case COLUMN_INT64: memcpy(at, &number, sizeof(number)); break;
	case COLUMN_UNSIGNED: memcpy(at, &u, sizeof(u)); break;
	case COLUMN_ENUM: return read_enum(c, number, at, err);
	case COLUMN_BOOL: memcpy(at, &b, sizeof(b)); break;
	case COLUMN_TEXT: read_text(db_text(s, column), at); break;
	case COLUMN_CHARS:
		assert(c->size > 0);
		memset(at, 0, c->size);
		if (db_text(s, column) != NULL)
			memccpy(at, db_text(s, column), '\0', c->size - 1);
		break;
	case COLUMN_NAMED: return read_named(c, db_text(s, column), at, err);
	case COLUMN_NAME_OF:
	case COLUMN_CHARS_OF: break;
	}
	return 0;
}

int
columns_read(struct db_stmt *s, const struct column *columns, void *row,
	struct err *err)
{
	int n = 0;

	for (const struct column *c = columns; c->name != NULL; c++)
		if (read_one(s, n++, c, (char *)row + c->offset, err) < 0)
			return -1;
	return 0;
}

void
columns_fini(const struct column *columns, void *row)
{
	for (const struct column *c = columns; c->name != NULL; c++)
		if (c->type == COLUMN_TEXT)
			read_text(NULL, (char *)row + c->offset);
}
