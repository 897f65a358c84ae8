/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements, transactions, and what the failures mean that need no broken disk: a full
 * file, a lock, a constraint, a mistake.
 */
#include "scratch.h"
#include "unit.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/db.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct db_migration schema[] = {
	{"CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, n INTEGER, x REAL);"
	 "CREATE TABLE child (id INTEGER PRIMARY KEY,"
	 "  t INTEGER NOT NULL REFERENCES t DEFERRABLE INITIALLY DEFERRED);"},
	/* Only where a migration is to be done. */
	{"CREATE TABLE u (id INTEGER)"},
};

static struct db *
open_path(const char *path)
{
	struct err err = {0};
	struct db *db = db_open(path, schema, 1, &err);

	ck_assert_msg(db != NULL, "%s", err.text);
	return db;
}

static enum db_result
insert(struct db *db, const char *name, int64_t n, struct err *err)
{
	struct db_stmt *s = db_stmt(db, "INSERT INTO t (name, n) VALUES (?, ?)");

	db_bind_text(s, 1, name);
	db_bind_int(s, 2, n);
	return db_step(s, err);
}

static int64_t
count_rows(struct db *db)
{
	struct db_stmt *s = db_stmt(db, "SELECT count(*) FROM t");
	int64_t count;

	ck_assert_int_eq(db_step(s, NULL), DB_ROW);
	count = db_int(s, 0);
	ck_assert_int_eq(db_step(s, NULL), DB_DONE);
	return count;
}

START_TEST(values)
{
	static const struct {
		int line;
		const char *name;
		int64_t n;
		double x;
	} rows[] = {
		{__LINE__, "a", 0, 0},
		{__LINE__, "", INT64_MAX, 0.1},
		{__LINE__, NULL, INT64_MIN, -1e300},
		{__LINE__, "gr\xc3\xbc\xc3\x9f\n", -1, 1.0 / 3},
	};
	struct db *db = open_path(":memory:");
	struct db_stmt *s;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		s = db_stmt(db, "INSERT INTO t (name, n, x) VALUES (?, ?, ?)");
		db_bind_text(s, 1, rows[i].name);
		db_bind_int(s, 2, rows[i].n);
		db_bind_double(s, 3, rows[i].x);
		ck_assert_int_eq(db_step(s, NULL), DB_DONE);
		ck_assert_int_eq(db_last_id(db), (int64_t)i + 1);
	}
	s = db_stmt(db, "SELECT name, n, x FROM t ORDER BY id");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		ck_assert_int_eq(db_step(s, NULL), DB_ROW);
		ck_assert_msg(str_equal(db_text(s, 0), rows[i].name), "line %d",
			rows[i].line);
		ck_assert_int_eq(db_is_null(s, 0), rows[i].name == NULL);
		ck_assert_int_eq(db_int(s, 1), rows[i].n);
		ck_assert(db_double(s, 2) == rows[i].x);
		ck_assert(!db_is_null(s, 1));
	}
	ck_assert_int_eq(db_step(s, NULL), DB_DONE);
	db_close(db);
}
END_TEST

START_TEST(text_is_copied)
{
	struct db *db = open_path(":memory:");
	struct db_stmt *s = db_stmt(db, "SELECT ?");
	char text[] = "before";

	db_bind_text(s, 1, text);
	memset(text, 'x', sizeof(text) - 1);
	ck_assert_int_eq(db_step(s, NULL), DB_ROW);
	ck_assert_str_eq(db_text(s, 0), "before");
	db_close(db);
}
END_TEST

START_TEST(a_statement_is_prepared_once)
{
	static const char text[] = "SELECT ?, ?";
	struct db *db = open_path(":memory:");
	AUTO(free) char *copy = xstrdup(text);
	struct db_stmt *s = db_stmt(db, text);

	db_bind_int(s, 1, 7);
	db_bind_null(s, 2);
	ck_assert_int_eq(db_step(s, NULL), DB_ROW);
	ck_assert_int_eq(db_int(s, 0), 7);
	ck_assert_ptr_eq(db_stmt(db, copy),
		s); /* the words count, not where they stand */
	ck_assert_ptr_ne(db_stmt(db, "SELECT ?,  ?"), s);
	ck_assert_int_eq(db_step(s, NULL), DB_ROW);
	ck_assert(db_is_null(s, 0)); /* reset, and without its bindings */
	db_close(db);
}
END_TEST

START_TEST(commit_and_roll_back)
{
	struct db *db = open_path(":memory:");

	ck_assert_int_eq(db_begin(db, NULL), DB_DONE);
	ck_assert_int_eq(insert(db, "a", 1, NULL), DB_DONE);
	ck_assert_int_eq(db_commit(db, NULL), DB_DONE);
	ck_assert_int_eq(db_begin(db, NULL), DB_DONE);
	ck_assert_int_eq(insert(db, "b", 2, NULL), DB_DONE);
	ck_assert_int_eq(count_rows(db), 2);
	db_rollback(db);
	ck_assert_int_eq(count_rows(db), 1);
	db_rollback(db); /* nothing is open */
	ck_assert_int_eq(db_begin(db, NULL), DB_DONE);
	ck_assert_int_eq(db_commit(db, NULL), DB_DONE);
	db_close(db);
	db_close(NULL);
}
END_TEST

START_TEST(closing_rolls_back)
{
	struct db *db = open_path("db");

	ck_assert_int_eq(db_begin(db, NULL), DB_DONE);
	ck_assert_int_eq(insert(db, "a", 1, NULL), DB_DONE);
	db_close(db);
	db = open_path("db");
	ck_assert_int_eq(count_rows(db), 0);
	db_close(db);
}
END_TEST

/* A loop over rows that was left early keeps no transaction open. */
START_TEST(open_loops_end_with_the_transaction)
{
	struct db *db = open_path("db");
	struct db_stmt *s;

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(insert(db, NULL, i, NULL), DB_DONE);
	s = db_stmt(db, "SELECT n FROM t");
	ck_assert_int_eq(db_step(s, NULL), DB_ROW);
	ck_assert_int_eq(db_begin(db, NULL), DB_DONE);
	s = db_stmt(db, "SELECT n FROM t");
	ck_assert_int_eq(db_step(s, NULL), DB_ROW);
	ck_assert_int_eq(db_exec(db, "DELETE FROM t", NULL), DB_DONE);
	db_rollback(db);
	ck_assert_int_eq(count_rows(db), 3);
	s = db_stmt(db, "SELECT n FROM t");
	ck_assert_int_eq(db_step(s, NULL), DB_ROW);
	db_reset(s);
	ck_assert_int_eq(db_step(s, NULL), DB_ROW);
	ck_assert_int_eq(db_int(s, 0), 0);
	db_close(db);
}
END_TEST

START_TEST(constraint)
{
	struct db *db = open_path(":memory:");
	struct err err;

	ck_assert_int_eq(db_begin(db, NULL), DB_DONE);
	ck_assert_int_eq(insert(db, "a", 1, NULL), DB_DONE);
	ck_assert_int_eq(insert(db, "a", 2, &err), DB_CONSTRAINT);
	ck_assert_int_eq(err.code, ERR_INTERNAL);
	ck_assert_str_eq(err.origin, "CONSTRAINT");
	ck_assert_str_eq(err.origin_text, "UNIQUE constraint failed: t.name");
	ck_assert_ptr_nonnull(strstr(err.text, "UNIQUE constraint failed: t.name"));
	/* Only the statement failed; what to do is for the caller to say. */
	ck_assert_int_eq(insert(db, "b", 3, NULL), DB_DONE);
	ck_assert_int_eq(db_commit(db, NULL), DB_DONE);
	ck_assert_int_eq(count_rows(db), 2);
	db_close(db);
}
END_TEST

START_TEST(constraint_at_commit)
{
	struct db *db = open_path(":memory:");
	struct err err;

	ck_assert_int_eq(db_begin(db, NULL), DB_DONE);
	ck_assert_int_eq(insert(db, "a", 1, NULL), DB_DONE);
	ck_assert_int_eq(db_exec(db, "INSERT INTO child (t) VALUES (99)", NULL),
		DB_DONE);
	ck_assert_int_eq(db_commit(db, &err), DB_CONSTRAINT);
	ck_assert_str_eq(err.origin_text, "FOREIGN KEY constraint failed");
	ck_assert_int_eq(count_rows(db), 0);
	ck_assert_int_eq(db_begin(db, NULL), DB_DONE);
	db_rollback(db);
	db_close(db);
}
END_TEST

START_TEST(wrong_sql)
{
	struct db *db = open_path(":memory:");
	struct db_stmt *s = db_stmt(db, "SELECT * FROM nowhere WHERE id = ?");
	struct err err;

	db_bind_int(s, 1, 1);
	db_bind_double(s, 1, 1);
	db_bind_text(s, 1, "");
	db_bind_null(s, 1);
	ck_assert_int_eq(db_step(s, &err), DB_FATAL);
	ck_assert_int_eq(err.code, ERR_INTERNAL);
	ck_assert_str_eq(err.origin_text, "no such table: nowhere");
	db_close(db);
}
END_TEST

/* After a failure that leaves all in doubt nothing is done, and the reason stays. */
START_TEST(fatal_is_for_good)
{
	struct db *db = open_path("db");
	struct err err = {0};

	ck_assert_int_eq(db_begin(db, NULL), DB_DONE);
	ck_assert_int_eq(insert(db, "a", 1, NULL), DB_DONE);
	ck_assert_int_eq(db_exec(db, "nonsense", NULL), DB_FATAL);
	ck_assert_int_eq(insert(db, "b", 1, NULL), DB_FATAL);
	ck_assert_int_eq(db_commit(db, NULL), DB_FATAL);
	db_rollback(db);
	ck_assert_int_eq(db_begin(db, NULL), DB_FATAL);
	ck_assert_int_eq(db_script(db, "SELECT 1", NULL), DB_FATAL);
	ck_assert_int_eq(db_exec(db, "SELECT 1", &err), DB_FATAL);
	ck_assert_ptr_nonnull(strstr(err.text, "nonsense"));
	db_close(db);
	db = open_path("db");
	ck_assert_int_eq(count_rows(db), 0);
	db_close(db);
}
END_TEST

/* A file that may not grow says SQLITE_FULL as a full disk does. */
START_TEST(full)
{
	struct db *db = open_path("db");
	AUTO(free) char *big = xcalloc(1, 100001);
	struct err err = {0};

	memset(big, 'x', 100000);
	ck_assert_int_eq(db_exec(db, "PRAGMA max_page_count=20", NULL), DB_DONE);
	ck_assert_int_eq(db_begin(db, NULL), DB_DONE);
	ck_assert_int_eq(insert(db, "a", 1, NULL), DB_DONE);
	ck_assert_int_eq(insert(db, big, 2, &err), DB_FULL);
	ck_assert_int_eq(err.code, ERR_IO);
	ck_assert_str_eq(err.origin, "FULL");
	/* Rolled back, and what is left of the transaction is not done outside of it. */
	ck_assert_int_eq(insert(db, "b", 3, &err), DB_FULL);
	ck_assert_int_eq(db_commit(db, &err), DB_FULL);
	ck_assert_str_eq(err.origin, "FULL");
	ck_assert_int_eq(count_rows(db), 0);
	ck_assert_int_eq(db_begin(db, NULL), DB_DONE);
	ck_assert_int_eq(insert(db, "c", 4, NULL), DB_DONE);
	ck_assert_int_eq(db_commit(db, NULL), DB_DONE);
	ck_assert_int_eq(insert(db, big, 5, NULL),
		DB_FULL); /* outside of one as well */
	ck_assert_int_eq(count_rows(db), 1);
	db_close(db);
}
END_TEST

/*
 * Another process holds the write lock, for so long or until it is killed. Returns when
 * it has it.
 */
static pid_t
lock_elsewhere(const char *path, useconds_t us)
{
	int ready[2];
	char byte;
	pid_t child;

	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		struct db *db = db_connect(path, NULL);

		if (db_exec(db, "BEGIN EXCLUSIVE", NULL) != DB_DONE ||
			write(ready[1], "", 1) != 1)
			_exit(1);
		if (us == 0)
			(void)pause();
		(void)usleep(us);
		db_close(db);
		_exit(0);
	}
	(void)close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return child;
}

START_TEST(busy_for_a_moment)
{
	struct db *db = open_path("db");
	pid_t child = lock_elsewhere("db", 300000);
	int64_t start = clock_ms();
	int status;

	ck_assert_int_eq(db_begin(db, NULL), DB_DONE);
	ck_assert_int_ge(clock_ms() - start, 100);
	ck_assert_int_eq(insert(db, "a", 1, NULL), DB_DONE);
	ck_assert_int_eq(db_commit(db, NULL), DB_DONE);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	db_close(db);
}
END_TEST

START_TEST(busy_for_long)
{
	struct db *db = open_path("db");
	pid_t child = lock_elsewhere("db", 0);
	int64_t start = clock_ms(), took;
	struct err err;

	ck_assert_int_eq(db_begin(db, &err), DB_BUSY);
	took = clock_ms() - start;
	ck_assert_msg(took >= 1900 && took < 10000, "%d ms", (int)took);
	ck_assert_int_eq(err.code, ERR_IO);
	ck_assert_str_eq(err.origin, "BUSY");
	ck_assert_int_eq(count_rows(db), 0); /* readers do not wait */
	start = clock_ms();
	ck_assert_int_eq(db_begin(db, &err), DB_BUSY);
	took = clock_ms() - start;
	ck_assert_msg(took < 1000, "%d ms again", (int)took);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(db_begin(db, NULL), DB_DONE);
	ck_assert_int_eq(insert(db, "a", 1, NULL), DB_DONE);
	ck_assert_int_eq(db_commit(db, NULL), DB_DONE);
	/* Patient again. */
	child = lock_elsewhere("db", 300000);
	ck_assert_int_eq(db_begin(db, NULL), DB_DONE);
	ck_assert_int_eq(db_commit(db, NULL), DB_DONE);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	db_close(db);
}
END_TEST

START_TEST(busy_at_a_migration)
{
	struct err err = {0};
	pid_t child;

	db_close(open_path("db"));
	child = lock_elsewhere("db", 0);
	ck_assert_ptr_null(db_open("db", schema, 2, &err));
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	ck_assert_str_eq(err.origin, "BUSY");
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	db_close(open_path("db"));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("db");
	TCase *tc = tcase_create("db");

	tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, values);
	tcase_add_test(tc, text_is_copied);
	tcase_add_test(tc, a_statement_is_prepared_once);
	tcase_add_test(tc, commit_and_roll_back);
	tcase_add_test(tc, closing_rolls_back);
	tcase_add_test(tc, open_loops_end_with_the_transaction);
	tcase_add_test(tc, constraint);
	tcase_add_test(tc, constraint_at_commit);
	tcase_add_test(tc, wrong_sql);
	tcase_add_test(tc, fatal_is_for_good);
	tcase_add_test(tc, full);
	tcase_add_test(tc, busy_for_a_moment);
	tcase_add_test(tc, busy_for_long);
	tcase_add_test(tc, busy_at_a_migration);
	suite_add_tcase(suite, tc);
	return suite;
}
