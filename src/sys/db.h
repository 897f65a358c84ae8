/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite: opening with migrations, statements, and one transaction per turn. Says which
 * failures may be waited out and which must end the process.
 */
#ifndef SYS_DB_H
#define SYS_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct db_stmt;
struct err;

enum db_result {
	DB_ROW,        /* db_step: a row is there */
	DB_DONE,       /* success */
	DB_FULL,       /* no space on a write, rolled back: may be tried again */
	DB_BUSY,       /* locked by somebody else, rolled back: may be tried again */
	DB_CONSTRAINT, /* a constraint refused it: a mistake of ours, or a twin */
	/* fsync failed, I/O error, corruption: nothing can be trusted any more */
	DB_FATAL,
};

/* One migration: SQL of one or more statements. Old entries never change. */
struct db_migration {
	const char *sql;
};

/*
 * Opens or makes path (":memory:" is fine): WAL, synchronous=FULL, foreign keys, busy
 * timeout 2 s, quick_check, then the migrations above user_version, each in one
 * transaction that writes user_version last. A newer user_version is refused.
 * ERR_CONFIG.
 */
struct db *db_open(const char *path, const struct db_migration *migrations,
	size_t count, struct err *err);
void db_close(struct db *db);

/*
 * Prepares, or finds the one prepared before; reset and without bindings. Borrowed. sql
 * is a literal.
 */
struct db_stmt *db_stmt(struct db *db, const char *sql);
/* index counts from 1. Text and blobs are copied. NULL text is SQL NULL. */
void db_bind_int(struct db_stmt *s, int index, int64_t value);
void db_bind_double(struct db_stmt *s, int index, double value);
void db_bind_text(struct db_stmt *s, int index, const char *text);
void db_bind_null(struct db_stmt *s, int index);
enum db_result db_step(struct db_stmt *s, struct err *err);
/* column counts from 0; text is borrowed until the next step and NULL for SQL NULL. */
int64_t db_int(struct db_stmt *s, int column);
double db_double(struct db_stmt *s, int column);
const char *db_text(struct db_stmt *s, int column);
bool db_is_null(struct db_stmt *s, int column);
/* Binds nothing, steps once, resets: for BEGIN and the like. */
enum db_result db_exec(struct db *db, const char *sql, struct err *err);
int64_t db_last_id(struct db *db);

/* One transaction: begin immediately, commit or roll back. */
enum db_result db_begin(struct db *db, struct err *err);
enum db_result db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db);

/*
 * Takes the lock of a state directory (flock on dir/lock), for the life of the process.
 * The directory must be a real directory, ours, 0700. Returns a descriptor, or -1 and
 * ERR_CONFIG with what is wrong (ERR_UNAVAILABLE: another daemon holds it).
 */
int db_lock_dir(const char *dir, struct err *err);

#endif
