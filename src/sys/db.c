/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one user of SQLite. It decides what a failure means, and makes it last: what is left
 * of a failed transaction does nothing, and after a failure that leaves the disk unknown
 * nothing is done at all. Checkpoints are run here and not by SQLite, which would keep
 * their failures to itself.
 */
#include "sys/db.h"

#include "base/err.h"
#include "base/failpoint.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>
#include <uthash.h>

#define BUSY_TIMEOUT_MS 2000
#define CHECKPOINT_PAGES 1000 /* of the WAL, as SQLite's own default */

/* Why nothing more is done: result is DB_DONE while there is no reason. */
struct failure {
	enum db_result result;
	struct err err;
};

struct db {
	sqlite3 *handle;
	char *path;
	struct db_stmt *stmts; /* by their SQL */
	bool in_turn;          /* since db_begin */
	bool patient;          /* waits for a lock */
	int wal_pages;         /* after the last commit */
	struct failure failed; /* of this transaction; DB_FATAL: for good */
};

struct db_stmt {
	struct db *db; /* borrowed: it owns us */
	char *sql;
	sqlite3_stmt *handle;  /* NULL: it could not be prepared */
	struct failure failed; /* of preparing or binding */
	UT_hash_handle hh;
};

/* What a primary result code means. */
struct meaning {
	int code;
	enum db_result result;
	enum err_code err;
	const char *origin;
};

static const struct meaning no_space = {SQLITE_FULL, DB_FULL, ERR_IO, "FULL"};
static const struct meaning our_mistake = {SQLITE_ERROR, DB_FATAL, ERR_INTERNAL, "SQL"};
static const struct meaning meanings[] = {
	{SQLITE_FULL, DB_FULL, ERR_IO, "FULL"},
	{SQLITE_BUSY, DB_BUSY, ERR_IO, "BUSY"},
	{SQLITE_LOCKED, DB_BUSY, ERR_IO, "BUSY"},
	{SQLITE_PROTOCOL, DB_BUSY, ERR_IO, "BUSY"},
	{SQLITE_CONSTRAINT, DB_CONSTRAINT, ERR_INTERNAL, "CONSTRAINT"},
	{SQLITE_CORRUPT, DB_FATAL, ERR_IO, "CORRUPT"},
	{SQLITE_NOTADB, DB_FATAL, ERR_IO, "CORRUPT"},
	{SQLITE_IOERR, DB_FATAL, ERR_IO, "IOERR"},
	{SQLITE_CANTOPEN, DB_FATAL, ERR_IO, "CANTOPEN"},
	{SQLITE_READONLY, DB_FATAL, ERR_IO, "READONLY"},
	{SQLITE_PERM, DB_FATAL, ERR_IO, "CANTOPEN"},
	{SQLITE_AUTH, DB_FATAL, ERR_IO, "CANTOPEN"},
};

/* SQLite asks for the size of a block, so each has it in front. */
enum { BLOCK_HEAD = 16 };

static void *
block_put_size(char *block, int size)
{
	memcpy(block, &size, sizeof(size));
	return block + BLOCK_HEAD;
}

static void *
block_new(int size)
{
	return block_put_size(xmalloc((size_t)size + BLOCK_HEAD), size);
}

static void
block_free(void *ptr)
{
	if (ptr != NULL)
		free((char *)ptr - BLOCK_HEAD);
}

static void *
block_resize(void *ptr, int size)
{
	return block_put_size(xrealloc((char *)ptr - BLOCK_HEAD,
				      (size_t)size + BLOCK_HEAD),
		size);
}

static int
block_size(void *ptr)
{
	int size = 0;

	if (ptr != NULL)
		memcpy(&size, (char *)ptr - BLOCK_HEAD, sizeof(size));
	return size;
}

static int
block_round(int size)
{
	return (size + 7) & ~7;
}

static int
memory_init(void *arg)
{
	(void)arg;
	return SQLITE_OK;
}

static void
memory_shutdown(void *arg)
{
	(void)arg;
}

static void
use_our_memory(void)
{
	static const sqlite3_mem_methods methods = {block_new, block_free, block_resize,
		block_size, block_round, memory_init, memory_shutdown, NULL};

	/* Refused, and not needed again, once SQLite has begun to work. */
	(void)sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static bool
is_out_of_space(int rc, int errnum)
{
	return (rc == SQLITE_IOERR_WRITE || rc == SQLITE_IOERR_SHMSIZE) &&
		(errnum == ENOSPC || errnum == EDQUOT);
}

static const struct meaning *
meaning_of(int rc, int errnum)
{
	if (is_out_of_space(rc, errnum))
		return &no_space;
	for (size_t i = 0; i < COUNT_OF(meanings); i++)
		if (meanings[i].code == (rc & 0xff))
			return &meanings[i];
	return &our_mistake;
}

/* A disk that does not give back what is on it; what fails besides that leaves it there. */
static bool
is_unreadable(int rc)
{
	return rc == SQLITE_IOERR_READ || rc == SQLITE_IOERR_SHORT_READ ||
		rc == SQLITE_IOERR_CORRUPTFS;
}

static void
describe(const struct db *db, int rc, int errnum, struct failure *f)
{
	const struct meaning *m = meaning_of(rc, errnum);
	bool of_system = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;
	const char *text = sqlite3_errmsg(db->handle);

	f->result = m->result;
	if (of_system && errnum != 0)
		(void)err_set_errno(&f->err, m->err, errnum, "%s: %s (SQLite %d)",
			db->path, text, rc);
	else
		(void)err_set(&f->err, m->err, "%s: %s (SQLite %d)", db->path, text,
			rc);
	err_origin(&f->err, is_unreadable(rc) ? "UNREADABLE" : m->origin, text, NULL);
}

/* Repeats a failure to a caller. */
static enum db_result
report(const struct failure *f, struct err *err)
{
	if (err != NULL)
		*err = f->err;
	return f->result;
}

static void
end_rows(struct db *db)
{
	sqlite3_stmt *s = NULL;

	while ((s = sqlite3_next_stmt(db->handle, s)) != NULL)
		if (sqlite3_stmt_busy(s))
			(void)sqlite3_reset(s); /* repeats what its last step said */
}

/*
 * Nothing shall touch the files again, not even the checkpoint of a close. The first
 * reason stays.
 */
static void
give_up(struct db *db, const struct failure *f)
{
	if (db->failed.result == DB_FATAL)
		return;
	db->failed = *f;
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
		(int *)NULL);
}

/* Leaves no transaction open. Most failures have ended it already. */
static void
undo(struct db *db)
{
	struct failure f = {0};
	int rc;

	end_rows(db);
	if (sqlite3_get_autocommit(db->handle))
		return;
	errno = 0;
	rc = sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	if (rc == SQLITE_OK || sqlite3_get_autocommit(db->handle))
		return;
	describe(db, rc, errno, &f);
	f.result = DB_FATAL; /* what could still be waited out is not known any more */
	give_up(db, &f);
}

/*
 * Says what rc means and does what follows from it. errno must be what the call of SQLite
 * left in it, and 0 before: its own record of it misses what fails in a commit.
 */
static enum db_result
fail(struct db *db, int rc, struct err *err)
{
	int errnum = errno;
	struct failure f = {0};

	if ((rc & 0xff) == SQLITE_NOMEM || rc == SQLITE_IOERR_NOMEM)
		mem_exhausted();
	describe(db, rc, errnum, &f);
	if (f.result == DB_FATAL) {
		give_up(db, &f);
	} else if (f.result != DB_CONSTRAINT && db->in_turn) {
		db->failed = f;
		undo(db);
	}
	return report(&f, err);
}

struct db_stmt *
db_stmt(struct db *db, const char *sql)
{
	struct db_stmt *s;
	int rc;

	HASH_FIND_STR(db->stmts, sql, s);
	if (s == NULL) {
		s = NEW(struct db_stmt);
		s->db = db;
		s->sql = xstrdup(sql);
		HASH_ADD_KEYPTR(hh, db->stmts, s->sql, strlen(s->sql), s);
	}
	s->failed.result = DB_DONE;
	if (s->handle != NULL) {
		(void)sqlite3_reset(s->handle); /* repeats what its last step said */
		(void)sqlite3_clear_bindings(s->handle); /* cannot fail */
		return s;
	}
	errno = 0;
	rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
		&s->handle, NULL);
	if (rc != SQLITE_OK)
		s->failed.result = fail(db, rc, &s->failed.err);
	return s;
}

/* A wrong index or a statement in mid-row is our mistake; what is left is a text too long. */
static void
note_bind(struct db_stmt *s, int rc)
{
	assert(rc != SQLITE_RANGE && rc != SQLITE_MISUSE);
	if (rc != SQLITE_OK)
		s->failed.result = fail(s->db, rc, &s->failed.err);
}

void
db_bind_int(struct db_stmt *s, int index, int64_t value)
{
	if (s->handle != NULL)
		note_bind(s, sqlite3_bind_int64(s->handle, index, value));
}

void
db_bind_double(struct db_stmt *s, int index, double value)
{
	if (s->handle != NULL)
		note_bind(s, sqlite3_bind_double(s->handle, index, value));
}

void
db_bind_text(struct db_stmt *s, int index, const char *text)
{
	if (s->handle != NULL)
		note_bind(s,
			sqlite3_bind_text(s->handle, index, text, -1,
				SQLITE_TRANSIENT));
}

void
db_bind_null(struct db_stmt *s, int index)
{
	if (s->handle != NULL)
		note_bind(s, sqlite3_bind_null(s->handle, index));
}

enum db_result
db_step(struct db_stmt *s, struct err *err)
{
	enum db_result result = DB_DONE;
	int rc;

	if (s->db->failed.result != DB_DONE)
		return report(&s->db->failed, err);
	if (s->failed.result != DB_DONE)
		return report(&s->failed, err);
	errno = 0;
	rc = sqlite3_step(s->handle);
	if (rc == SQLITE_ROW)
		return DB_ROW;
	if (rc != SQLITE_DONE)
		result = fail(s->db, rc, err);
	db_reset(s);
	return result;
}

void
db_reset(struct db_stmt *s)
{
	if (s->handle != NULL)
		(void)sqlite3_reset(s->handle); /* repeats what its last step said */
}

int64_t
db_int(struct db_stmt *s, int column)
{
	return sqlite3_column_int64(s->handle, column);
}

double
db_double(struct db_stmt *s, int column)
{
	return sqlite3_column_double(s->handle, column);
}

const char *
db_text(struct db_stmt *s, int column)
{
	return (const char *)sqlite3_column_text(s->handle, column);
}

bool
db_is_null(struct db_stmt *s, int column)
{
	return sqlite3_column_type(s->handle, column) == SQLITE_NULL;
}

enum db_result
db_exec(struct db *db, const char *sql, struct err *err)
{
	struct db_stmt *s = db_stmt(db, sql);
	enum db_result result;

	do
		result = db_step(s, err);
	while (result == DB_ROW);
	return result;
}

enum db_result
db_script(struct db *db, const char *sql, struct err *err)
{
	int rc;

	if (db->failed.result != DB_DONE)
		return report(&db->failed, err);
	errno = 0;
	rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? DB_DONE : fail(db, rc, err);
}

int64_t
db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

/* Who holds the lock for long is waited for once, not in each turn. */
static void
be_patient(struct db *db, bool patient)
{
	if (db->patient != patient)
		(void)sqlite3_busy_timeout(db->handle, patient ? BUSY_TIMEOUT_MS : 0);
	db->patient = patient;
}

enum db_result
db_begin(struct db *db, struct err *err)
{
	enum db_result result;

	assert(!db->in_turn);
	end_rows(db);
	result = db_exec(db, "BEGIN IMMEDIATE", err);
	db->in_turn = result == DB_DONE;
	be_patient(db, result != DB_BUSY);
	return result;
}

static void
end_turn(struct db *db)
{
	undo(db);
	db->in_turn = false;
	if (db->failed.result != DB_FATAL)
		db->failed.result = DB_DONE;
}

/*
 * Whoever holds it up, or a full disk, may do so: what is committed stands in the WAL, and
 * the next commit tries again.
 */
static enum db_result
checkpoint(struct db *db, struct err *err)
{
	int rc;

	FP("ledger.checkpoint");
	errno = 0;
	rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE,
		NULL, NULL);
	if (rc == SQLITE_OK || meaning_of(rc, errno)->result != DB_FATAL)
		return DB_DONE;
	return fail(db, rc, err);
}

enum db_result
db_commit(struct db *db, struct err *err)
{
	enum db_result result;

	assert(db->in_turn);
	end_rows(db);
	if (FP_FAILS("ledger.commit"))
		result = fail(db, SQLITE_IOERR_WRITE, err);
	else
		result = db_exec(db, "COMMIT", err);
	end_turn(db);
	if (result == DB_DONE && db->wal_pages >= CHECKPOINT_PAGES)
		result = checkpoint(db, err);
	return result;
}

void
db_rollback(struct db *db)
{
	end_turn(db);
}

static int
on_commit(void *arg, sqlite3 *handle, const char *name, int pages)
{
	struct db *db = arg;

	(void)handle;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

static int
open_handle(struct db *db, struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	int rc;

	errno = 0;
	rc = sqlite3_open_v2(db->path, &db->handle, flags, NULL);
	if (db->handle == NULL)
		mem_exhausted(); /* not even room for what would hold the reason */
	(void)sqlite3_extended_result_codes(db->handle, 1);
	if (rc != SQLITE_OK) {
		(void)fail(db, sqlite3_extended_errcode(db->handle), err);
		return -1;
	}
	be_patient(db, true);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0,
		(int *)NULL);
	(void)sqlite3_wal_hook(db->handle, on_commit, db);
	return 0;
}

struct db *
db_connect(const char *path, struct err *err)
{
	struct db *db;

	use_our_memory();
	db = NEW(struct db);
	db->path = xstrdup(path);
	db->failed.result = DB_DONE;
	if (open_handle(db, err) == 0)
		return db;
	db_close(db);
	return NULL;
}

void
db_close(struct db *db)
{
	struct db_stmt *s, *next;

	if (db == NULL)
		return;
	HASH_ITER(hh, db->stmts, s, next) {
		HASH_DEL(db->stmts, s);
		(void)sqlite3_finalize(s->handle); /* repeats what its last step said */
		free(s->sql);
		free(s);
	}
	(void)sqlite3_close_v2(
		db->handle); /* no statement is left that could hold it */
	free(db->path);
	free(db);
}
