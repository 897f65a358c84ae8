/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What db_open and db_lock_dir accept, make and refuse: files and directories of every
 * kind, schemas, damage.
 */
#include "scratch.h"
#include "unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "sys/db.h"
#include "sys/file.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct db_migration schema[] = {
	{"CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);"
	 "INSERT INTO t (name) VALUES ('1');"},
	{"ALTER TABLE t ADD COLUMN n INTEGER DEFAULT 7"},
	/* The way to change what ALTER TABLE cannot: children keep pointing at the name. */
	{"CREATE TABLE c (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t ON DELETE CASCADE);"
	 "INSERT INTO c (t) SELECT id FROM t;"
	 "CREATE TABLE t2 (id INTEGER PRIMARY KEY, name TEXT NOT NULL, n INTEGER);"
	 "INSERT INTO t2 SELECT id, name, n FROM t; DROP TABLE t;"
	 "ALTER TABLE t2 RENAME TO t;"},
};

static struct db *
open_with(size_t migrations)
{
	struct err err = {0};
	struct db *db = db_open("db", schema, migrations, &err);

	ck_assert_msg(db != NULL, "%s", err.text);
	return db;
}

/* The one value of a query as text; the caller frees it. */
static char *
ask(struct db *db, const char *sql)
{
	struct db_stmt *s = db_stmt(db, sql);
	char *text;

	ck_assert_int_eq(db_step(s, NULL), DB_ROW);
	text = xstrdup_opt(db_text(s, 0));
	db_reset(s);
	return text;
}

static void
assert_answer(struct db *db, const char *sql, const char *want)
{
	AUTO(free) char *text = ask(db, sql);

	ck_assert_msg(str_equal(text, want), "%s: %s", sql,
		text != NULL ? text : "NULL");
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

START_TEST(settings)
{
	static const struct {
		const char *sql, *value;
	} cases[] = {
		{"PRAGMA journal_mode", "wal"},
		{"PRAGMA synchronous", "2"},
		{"PRAGMA foreign_keys", "1"},
		{"PRAGMA busy_timeout", "2000"},
		{"PRAGMA journal_size_limit", "4194304"},
		{"PRAGMA locking_mode", "normal"},
		{"PRAGMA user_version", "1"},
		{"PRAGMA trusted_schema", "0"},
	};
	struct db *db = open_with(1);

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_answer(db, cases[i].sql, cases[i].value);
	ck_assert_uint_eq(mode_of("db"), 0600);
	ck_assert_uint_eq(mode_of("db-wal"), 0600);
	ck_assert_uint_eq(mode_of("db-shm"), 0600);
	db_close(db);
	ck_assert_uint_eq(scratch_count(),
		1); /* WAL and shared memory go with the last one */
	ck_assert_uint_eq(umask(022), 022); /* is as it was */
}
END_TEST

START_TEST(migrations_go_on_from_any)
{
	for (size_t from = 0; from <= COUNT_OF(schema); from++) {
		struct db *db;

		(void)unlink("db");
		db_close(open_with(from));
		db = open_with(COUNT_OF(schema));
		assert_answer(db, "PRAGMA user_version", "3");
		assert_answer(db, "SELECT name || n FROM t", "17");
		assert_answer(db, "SELECT count(*) FROM c",
			"1"); /* no cascade on the way */
		db_close(db);
		db_close(open_with(COUNT_OF(schema)));
	}
}
END_TEST

START_TEST(newer_is_refused)
{
	struct err err = {0};

	db_close(open_with(2));
	ck_assert_ptr_null(db_open("db", schema, 1, &err));
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_str_eq(err.origin, "NEWER");
	ck_assert_str_eq(err.text,
		"db: was written by a newer version of this program: its schema is 2, the "
		"newest known here 1");
	db_close(open_with(2));
}
END_TEST

static const struct {
	int line;
	struct db_migration bad;
	const char *words;
} bad_migrations[] = {
	{__LINE__, {"CREATE TABLE u (id INTEGER); nonsense"},
		"schema 2: db: near \"nonsense\""},
	{__LINE__, {"CREATE TABLE t (id INTEGER)"},
		"schema 2: db: table t already exists"},
	{__LINE__,
		{"CREATE TABLE u (t INTEGER REFERENCES t); INSERT INTO u VALUES (99)"},
		"schema 2: db: a row without its parent"},
};

START_TEST(a_bad_migration_changes_nothing)
{
	for (size_t i = 0; i < COUNT_OF(bad_migrations); i++) {
		struct db_migration both[2] = {schema[0], bad_migrations[i].bad};
		struct err err = {0};
		struct db *db;

		ck_assert_ptr_null(db_open("db", both, 2, &err));
		ck_assert_int_eq(err.code, ERR_CONFIG);
		ck_assert_msg(strstr(err.text, bad_migrations[i].words) == err.text,
			"line %d: %s", bad_migrations[i].line, err.text);
		db = open_with(1);
		assert_answer(db, "PRAGMA user_version", "1");
		assert_answer(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'u'",
			"0");
		db_close(db);
	}
}
END_TEST

static void
write_text(const char *path, const char *text, mode_t mode)
{
	ck_assert_int_eq(file_write(path, mode, text, strlen(text), NULL), 0);
}

static void
make_link(void)
{
	write_text("elsewhere", "", 0600);
	ck_assert_int_eq(symlink("elsewhere", "db"), 0);
}

static void
make_dir(void)
{
	ck_assert_int_eq(mkdir("db", 0700), 0);
}

static void
make_fifo(void)
{
	ck_assert_int_eq(mkfifo("db", 0600), 0);
}

static void
make_text(void)
{
	AUTO(buf) struct buf text = {0};

	for (int i = 0; i < 1000; i++)
		buf_puts(&text, "this is no database, it is a diary\n");
	write_text("db", text.data, 0600);
}

static void
make_truncated(void)
{
	struct db *db = open_with(1);

	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(
			db_exec(db,
				"INSERT INTO t (name) VALUES (hex(randomblob(100)))",
				NULL),
			DB_DONE);
	db_close(db);
	ck_assert_int_eq(truncate("db", 4096 * 5 + 100), 0);
}

static void
make_wal_a_dir(void)
{
	db_close(open_with(1));
	ck_assert_int_eq(mkdir("db-wal", 0700), 0);
}

static const struct {
	int line;
	void (*make)(void);
	const char *text, *origin;
} strange_files[] = {
	{__LINE__, make_link, "db: is not a regular file", ""},
	{__LINE__, make_dir, "db: is not a regular file", ""},
	{__LINE__, make_fifo, "db: is not a regular file", ""},
	{__LINE__, make_text, "db: file is not a database (SQLite 26)", "CORRUPT"},
	{__LINE__, make_truncated, "db: database disk image is malformed (SQLite 11)",
		"CORRUPT"},
	{__LINE__, make_wal_a_dir,
		"db: unable to open database file (SQLite 14): Is a directory",
		"CANTOPEN"},
};

START_TEST(strange_file)
{
	struct err err = {0};

	strange_files[_i].make();
	ck_assert_ptr_null(db_open("db", schema, 1, &err));
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_msg(strcmp(err.text, strange_files[_i].text) == 0, "line %d: %s",
		strange_files[_i].line, err.text);
	ck_assert_str_eq(err.origin, strange_files[_i].origin);
	ck_assert_ptr_null(db_open("db", schema, 1, NULL));
}
END_TEST

START_TEST(no_directory)
{
	struct err err = {0};

	ck_assert_ptr_null(db_open("nowhere/db", schema, 1, &err));
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_str_eq(err.text,
		"nowhere/db: unable to open database file (SQLite 14): No such file or "
		"directory");
}
END_TEST

/* An empty file is a new database, and what others could read is closed to them. */
START_TEST(mode_is_tightened)
{
	write_text("db", "", 0644);
	db_close(open_with(1));
	ck_assert_uint_eq(mode_of("db"), 0600);
}
END_TEST

START_TEST(not_ours)
{
	/* Without root nobody can be given a file; root's own is there for all. */
	const char *path = geteuid() == 0 ? "db" : "/etc/passwd";
	struct err err = {0};

	if (geteuid() == 0) {
		write_text("db", "", 0600);
		ck_assert_int_eq(chown("db", 12345, 12345), 0);
	}
	ck_assert_ptr_null(db_open(path, schema, 1, &err));
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "belongs to user "));
}
END_TEST

static void
flip(const char *path, const char *data, size_t len, size_t at, unsigned bit)
{
	AUTO(free) char *copy = xmalloc(len);

	memcpy(copy, data, len);
	copy[at] = (char)(copy[at] ^ (char)(1u << bit));
	ck_assert_int_eq(file_write(path, 0600, copy, len, NULL), 0);
}

/* A flipped bit is found or does no harm; whatever it does, we live and say why. */
START_TEST(flipped_bits)
{
	AUTO(buf) struct buf data = {0};
	struct rng rng;
	struct db *db = open_with(1);
	int refused = 0;

	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(
			db_exec(db, "INSERT INTO t (name) VALUES ('bot' || random())",
				NULL),
			DB_DONE);
	db_close(db);
	ck_assert_int_eq(file_read("db", 1 << 20, true, &data, NULL, NULL), 0);
	rng_seed(&rng, 1);
	for (int i = 0; i < 300; i++) {
		struct err err = {0};
		/* Half of them in the header and the first page, which matter most. */
		size_t at = (size_t)rng_below(&rng, i % 2 == 0 ? 4096 : data.len);

		flip("db", data.data, data.len, at, (unsigned)rng_below(&rng, 8));
		db = db_open("db", schema, 1, &err);
		ck_assert_msg(db != NULL || err.code == ERR_CONFIG, "byte %zu: %s", at,
			err.text);
		refused += db == NULL && strcmp(err.origin, "CORRUPT") == 0;
		db_close(db);
		(void)unlink("db-wal");
		(void)unlink("db-shm");
	}
	ck_assert_int_ge(refused, 10);
}
END_TEST

/* What another process gets that tries: 0, or the code of its error. */
static int
lock_in_child(const char *dir, struct err *err)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(db_lock_dir(dir, err) < 0 ? (int)err->code : 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(lock)
{
	struct err err = {0};
	int fd = db_lock_dir("state", &err);

	ck_assert_msg(fd >= 0, "%s", err.text);
	ck_assert_uint_eq(mode_of("state"), 0700);
	ck_assert_uint_eq(mode_of("state/lock"), 0600);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(lock_in_child("state", &err), ERR_UNAVAILABLE);
	ck_assert_int_eq(db_lock_dir("state", &err), -1); /* nor we ourselves again */
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	ck_assert_str_eq(err.text, "state: in use by another daemon");
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(lock_in_child("state", &err), 0);
	fd = db_lock_dir("state/", &err);
	ck_assert_int_ge(fd, 0); /* the one of before has died with its lock */
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

static void
dir_with_mode(mode_t mode)
{
	ck_assert_int_eq(mkdir("state", 0700), 0);
	ck_assert_int_eq(chmod("state", mode), 0);
}

static void
state_is_open(void)
{
	dir_with_mode(0755);
}

static void
state_is_group_writable(void)
{
	dir_with_mode(0770);
}

static void
state_is_writable(void)
{
	dir_with_mode(0707);
}

static void
state_is_sticky(void)
{
	dir_with_mode(01777);
}

static void
state_is_file(void)
{
	write_text("state", "", 0600);
}

static void
state_is_link(void)
{
	ck_assert_int_eq(mkdir("elsewhere", 0700), 0);
	ck_assert_int_eq(symlink("elsewhere", "state"), 0);
}

static void
lock_is_link(void)
{
	dir_with_mode(0700);
	write_text("victim", "", 0600);
	ck_assert_int_eq(symlink("../victim", "state/lock"), 0);
}

static void
lock_is_dir(void)
{
	dir_with_mode(0700);
	ck_assert_int_eq(mkdir("state/lock", 0700), 0);
}

static const struct {
	int line;
	void (*make)(void);
	const char *dir;
	const char *text; /* of the error, NULL: none */
} dirs[] = {
	{__LINE__, state_is_open, "state", NULL},
	{__LINE__, state_is_group_writable, "state",
		"state: others may write to it (mode 0770); look at what is in it, then chmod "
		"700"},
	{__LINE__, state_is_writable, "state",
		"state: others may write to it (mode 0707); look at what is in it, then chmod "
		"700"},
	{__LINE__, state_is_sticky, "state",
		"state: others may write to it (mode 1777); look at what is in it, then chmod "
		"700"},
	{__LINE__, state_is_file, "state",
		"state: is not a directory, or a symbolic link to one"},
	{__LINE__, state_is_link, "state",
		"state: is not a directory, or a symbolic link to one"},
	{__LINE__, state_is_link, "state//",
		"state: is not a directory, or a symbolic link to one"},
	{__LINE__, lock_is_link, "state",
		"state/lock: Too many levels of symbolic links"},
	{__LINE__, lock_is_dir, "state", "state/lock: Is a directory"},
	{__LINE__, state_is_open, "state/a/b",
		"state/a/b: cannot be made: No such file or directory"},
};

START_TEST(state_dir)
{
	struct err err = {0};
	int fd;

	dirs[_i].make();
	fd = db_lock_dir(dirs[_i].dir, &err);
	if (dirs[_i].text == NULL) {
		ck_assert_msg(fd >= 0, "line %d: %s", dirs[_i].line, err.text);
		ck_assert_uint_eq(mode_of(dirs[_i].dir), 0700);
		ck_assert_int_eq(close(fd), 0);
		return;
	}
	ck_assert_msg(fd == -1, "line %d", dirs[_i].line);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_msg(strcmp(err.text, dirs[_i].text) == 0, "line %d: %s",
		dirs[_i].line, err.text);
}
END_TEST

START_TEST(state_dir_of_another)
{
	struct err err = {0};

	/* "/" is root's, and is there for all. */
	if (geteuid() == 0) {
		dir_with_mode(0700);
		ck_assert_int_eq(chown("state", 12345, 12345), 0);
	}
	ck_assert_int_eq(db_lock_dir(geteuid() == 0 ? "state" : "/", &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "belongs to user "));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("db_open");
	TCase *tc = tcase_create("db_open");

	tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, settings);
	tcase_add_test(tc, migrations_go_on_from_any);
	tcase_add_test(tc, newer_is_refused);
	tcase_add_test(tc, a_bad_migration_changes_nothing);
	tcase_add_loop_test(tc, strange_file, 0, COUNT_OF(strange_files));
	tcase_add_test(tc, no_directory);
	tcase_add_test(tc, mode_is_tightened);
	tcase_add_test(tc, not_ours);
	tcase_add_test(tc, flipped_bits);
	tcase_add_test(tc, lock);
	tcase_add_loop_test(tc, state_dir, 0, COUNT_OF(dirs));
	tcase_add_test(tc, state_dir_of_another);
	suite_add_tcase(suite, tc);
	return suite;
}
