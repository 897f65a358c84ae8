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

/*
 * The seal is a sum (FNV-1a) of what a reader sees in the columns before it: it tells a row
 * that something else has changed, or half lost, from one that this program has written.
 */
#define SEAL_BASIS UINT64_C(0xcbf29ce484222325)
#define SEAL_PRIME UINT64_C(0x100000001b3)

static uint64_t
seal_bytes(uint64_t seal, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	for (size_t n = 0; n < len; n++)
		seal = (seal ^ p[n]) * SEAL_PRIME;
	return seal;
}

static uint64_t
seal_text(uint64_t seal, const char *text)
{
	seal = seal_bytes(seal, text == NULL ? "0" : "t", 1);
	return text == NULL ? seal : seal_bytes(seal, text, strlen(text) + 1);
}

static uint64_t
seal_int(uint64_t seal, int64_t value)
{
	return seal_bytes(seal_bytes(seal, "i", 1), &value, sizeof(value));
}

static bool
is_number(const struct column *c)
{
	return c->type == COLUMN_INT64 || c->type == COLUMN_UNSIGNED ||
		c->type == COLUMN_ENUM || c->type == COLUMN_BOOL;
}

static int64_t
number_at(const struct column *c, const char *at)
{
	if (c->type == COLUMN_INT64)
		return MEMBER(int64_t, at);
	return c->type == COLUMN_BOOL ? MEMBER(bool, at) : MEMBER(unsigned, at);
}

static const char *
text_at(const struct column *c, const char *at)
{
	const char *pointee;

	switch (c->type) {
	case COLUMN_TEXT: return MEMBER(const char *, at);
	case COLUMN_CHARS: return at;
	case COLUMN_NAMED: return c->text(MEMBER(int, at));
	case COLUMN_NAME_OF:
		pointee = MEMBER(const char *, at);
		return pointee == NULL ? NULL : MEMBER(const char *, pointee + c->size);
	case COLUMN_CHARS_OF: return MEMBER(const char *, at) + c->size;
	case COLUMN_INT64:
	case COLUMN_UNSIGNED:
	case COLUMN_ENUM:
	case COLUMN_BOOL:
	case COLUMN_SEAL: break;
	}
	return NULL;
}

void
columns_bind(struct db_stmt *s, const struct column *columns, const void *row)
{
	uint64_t seal = SEAL_BASIS;
	int index = 1;

	for (const struct column *c = columns; c->name != NULL; c++, index++) {
		const char *at = (const char *)row + c->offset;

		if (c->type == COLUMN_SEAL) {
			db_bind_int(s, index, (int64_t)seal);
		} else if (is_number(c)) {
			db_bind_int(s, index, number_at(c, at));
			seal = seal_int(seal, number_at(c, at));
		} else {
			db_bind_text(s, index, text_at(c, at));
			seal = seal_text(seal, text_at(c, at));
		}
	}
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
check_range(const struct column *c, int64_t number, struct err *err)
{
	int64_t count = c->type == COLUMN_BOOL ? 2
		: c->type == COLUMN_ENUM       ? (int64_t)c->size
					       : INT64_C(1) << 32;

	if (c->type == COLUMN_INT64 || (number >= 0 && number < count))
		return 0;
	return err_set(err, ERR_PARSE, "column %s: %" PRId64 " is none of its values",
		c->name, number);
}

static void
read_text(const char *text, char *at)
{
	char *old = MEMBER(char *, at), *copy = xstrdup_opt(text);

	free(old);
	memcpy(at, &copy, sizeof(copy));
}

static int
read_number(struct db_stmt *s, int column, const struct column *c, char *at,
	struct err *err)
{
	int64_t number = db_int(s, column);
	unsigned u = (unsigned)number;
	bool b = number != 0;

	if (check_range(c, number, err) < 0)
		return -1;
	if (c->type == COLUMN_INT64)
		memcpy(at, &number, sizeof(number));
	else if (c->type == COLUMN_BOOL)
		memcpy(at, &b, sizeof(b));
	else
		memcpy(at, &u, sizeof(u));
	return 0;
}

static void
read_chars(const char *text, const struct column *c, char *at)
{
	assert(c->size > 0);
	memset(at, 0, c->size);
	if (text != NULL)
		memccpy(at, text, '\0', c->size - 1);
}

static int
read_one(struct db_stmt *s, int column, const struct column *c, char *at,
	struct err *err)
{
	switch (c->type) {
	case COLUMN_INT64:
	case COLUMN_UNSIGNED:
	case COLUMN_ENUM:
	case COLUMN_BOOL: return read_number(s, column, c, at, err);
	case COLUMN_TEXT: read_text(db_text(s, column), at); break;
	case COLUMN_CHARS: read_chars(db_text(s, column), c, at); break;
	case COLUMN_NAMED: return read_named(c, db_text(s, column), at, err);
	case COLUMN_NAME_OF:
	case COLUMN_CHARS_OF:
	case COLUMN_SEAL: break;
	}
	return 0;
}

static int
check_seal(struct db_stmt *s, int column, uint64_t seal, struct err *err)
{
	if (db_is_null(s, column) || (uint64_t)db_int(s, column) == seal)
		return 0;
	return err_set(err, ERR_PARSE, "it is not as it was written");
}

int
columns_read(struct db_stmt *s, const struct column *columns, void *row,
	struct err *err)
{
	uint64_t seal = SEAL_BASIS;
	int n = 0;

	for (const struct column *c = columns; c->name != NULL; c++, n++) {
		if (read_one(s, n, c, (char *)row + c->offset, err) < 0)
			return -1;
		if (c->type == COLUMN_SEAL)
			return check_seal(s, n, seal, err);
		seal = is_number(c) ? seal_int(seal, db_int(s, n))
				    : seal_text(seal, db_text(s, n));
	}
	return 0;
}

void
columns_fini(const struct column *columns, void *row)
{
	for (const struct column *c = columns; c->name != NULL; c++)
		if (c->type == COLUMN_TEXT)
			read_text(NULL, (char *)row + c->offset);
}
