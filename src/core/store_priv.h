/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the ledger share: its schema, and columns as data.
 */
#ifndef CORE_STORE_PRIV_H
#define CORE_STORE_PRIV_H

#include "sys/db.h"

#include <stdbool.h>
#include <stddef.h>

struct err;
struct pool;
struct store;

enum column_type {
	COLUMN_INT64,
	COLUMN_UNSIGNED,
	COLUMN_ENUM, /* an enum that is stored by number, below `size` */
	COLUMN_BOOL,
	COLUMN_TEXT,  /* char *, owned */
	COLUMN_CHARS, /* char[size] */
	COLUMN_NAMED, /* an enum or int, stored by name */
	COLUMN_NAME_OF, /* pointer to a struct with a char * at offset `size`, or NULL; not read back */
	COLUMN_CHARS_OF, /* pointer to a struct with a char[] at offset `size`; not read back */
	COLUMN_SEAL, /* of the columns before it; NULL: not sealed. No member */
};

struct column {
	const char *name;
	enum column_type type;
	size_t offset;
	size_t size;
	const char *(*text)(int value);  /* COLUMN_NAMED */
	int (*number)(const char *name); /* -1: no such name */
};

extern const struct db_migration store_migrations[];
extern const size_t store_migration_count;
extern const struct column worker_columns[], launch_columns[], instance_columns[];
extern const struct column owner_columns[], request_columns[];

/* "INSERT … ON CONFLICT(key) DO UPDATE …" for all columns; the caller's. */
char *columns_upsert(const char *table, const struct column *columns);
/* The same where the primary key is not the first column alone: "a, b". */
char *columns_upsert_by(const char *table, const char *key,
	const struct column *columns);
/* "SELECT all columns FROM table tail"; the caller's. */
char *columns_select(const char *table, const struct column *columns, const char *tail);
void columns_bind(struct db_stmt *s, const struct column *columns, const void *row);
/*
 * Fills row; the columns behind pointers are the caller's to resolve. ERR_PARSE: a value is
 * none of its column's, or the row is not as columns_bind has written it.
 */
int columns_read(struct db_stmt *s, const struct column *columns, void *row,
	struct err *err);
/* Frees what the columns own. */
void columns_fini(const struct column *columns, void *row);
/* The place of a column in the table, from 0. */
int columns_index(const struct column *columns, const char *name);

/* What clients leave behind: its dirty rows, inside the turn's transaction; all at start. */
enum db_result store_write_owners(struct store *s, const struct pool *p,
	struct err *err);
enum db_result store_write_requests(struct store *s, const struct pool *p,
	struct err *err);
/* What an admin has let go on. */
enum db_result store_write_accepted(struct store *s, const struct pool *p,
	struct err *err);
/* What the pool says of itself; meta_written once that is committed. */
enum db_result store_write_meta(struct store *s, const struct pool *p, struct err *err);
void store_meta_written(struct store *s, struct pool *p);
/* What is set aside, and what was ordered for it: before the rows of workers. */
enum db_result store_write_asides(struct store *s, const struct pool *p,
	struct err *err);
int store_load_owners(struct store *s, struct pool *p, struct err *err);
int store_load_accepted(struct store *s, struct pool *p, struct err *err);
int store_load_requests(struct store *s, struct pool *p, struct err *err);

#endif
