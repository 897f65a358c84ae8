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
	DB_CONSTRAINT, /* a constraint refused the statement: our mistake, or a twin */
	/* fsync failed, I/O error, corruption: nothing can be trusted any more */
	DB_FATAL,
};

/* One migration: SQL of one or more statements. Old entries never change. */
struct db_migration {
	const char *sql;
};

/*
 * Opens or makes path (":memory:" is fine; 0600, ours, no symbolic link): quick_check,
 * WAL, synchronous=FULL, busy timeout 2 s, then the migrations above user_version, each
 * in one transaction that writes user_version last (foreign keys are off during it and
 * checked at its end), then foreign keys. On NULL err.origin says which kind of failure:
 * "FULL" and "BUSY" are ERR_UNAVAILABLE, "IOERR" (of anything but a read) is ERR_IO, for
 * these may pass; all others are ERR_CONFIG: "CORRUPT" and "UNREADABLE" the contents are
 * lost, "NEWER" a user_version above count.
 */
struct db *db_open(const char *path, const struct db_migration *migrations,
	size_t count, struct err *err);
/* The first step of db_open alone: opens, checks nothing, migrates nothing. */
struct db *db_connect(const char *path, struct err *err);
void db_close(struct db *db);

/*
 * Prepares, or finds the one prepared before; reset and without bindings. Borrowed. sql
 * is a literal.
 */
struct db_stmt *db_stmt(struct db *db, const char *sql);
/* index counts from 1. Text is copied. NULL text is SQL NULL. */
void db_bind_int(struct db_stmt *s, int index, int64_t value);
void db_bind_double(struct db_stmt *s, int index, double value);
void db_bind_text(struct db_stmt *s, int index, const char *text);
void db_bind_null(struct db_stmt *s, int index);
/*
 * err is set by all but DB_ROW and DB_DONE; its origin is the kind of failure ("FULL",
 * "CORRUPT", ...). DB_DONE resets the statement. After DB_FULL or DB_BUSY all that is left
 * of the transaction fails alike, its commit too; after DB_FATAL everything does.
 */
enum db_result db_step(struct db_stmt *s, struct err *err);
/* Ends a loop over rows early. */
void db_reset(struct db_stmt *s);
/* column counts from 0; text is borrowed until the next step and NULL for SQL NULL. */
int64_t db_int(struct db_stmt *s, int column);
double db_double(struct db_stmt *s, int column);
const char *db_text(struct db_stmt *s, int column);
bool db_is_null(struct db_stmt *s, int column);
/* Binds nothing, runs to the end; rows are thrown away. Never DB_ROW. */
enum db_result db_exec(struct db *db, const char *sql, struct err *err);
/* SQL of several statements without bindings and results: for schemas. */
enum db_result db_script(struct db *db, const char *sql, struct err *err);
int64_t db_last_id(struct db *db);

/*
 * One transaction: begin immediately, then commit or roll back; each ends the loops over
 * rows that are open. A begin that waited for a lock in vain is DB_BUSY, and the next ones
 * do not wait until one has succeeded. A commit that fails has rolled back, unless it is
 * DB_FATAL: then it may have happened. Rolling back what is over already is fine.
 */
enum db_result db_begin(struct db *db, struct err *err);
enum db_result db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db);

/*
 * Takes the lock of a state directory (flock on dir/lock), for as long as the descriptor
 * that it returns is open. Makes the directory (0700) if its parent is there. It must be a
 * real directory, ours, and nobody else's to write; what others may read is tightened. -1
 * and ERR_CONFIG with what is wrong (ERR_UNAVAILABLE: another daemon holds it).
 */
int db_lock_dir(const char *dir, struct err *err);

#endif
