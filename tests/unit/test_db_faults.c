/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database on a disk that fails, and in a process that is killed, at every one of its
 * system calls in turn. The calls that SQLite makes are ours here; a child works, tells
 * which transactions were confirmed to it, and fails; then the file is looked at.
 */
#include "scratch.h"
#include "unit.h"

#include "base/err.h"
#include "base/mem.h"
#include "sys/db.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum call {
	CALL_READ = 1,
	CALL_WRITE = 2,
	CALL_SYNC = 4,      /* of WAL, journal, directory */
	CALL_SYNC_MAIN = 8, /* of the database itself */
	CALL_RESIZE = 16,
	CALL_UNLINK = 32,
	CALL_ANY_SYNC = CALL_SYNC | CALL_SYNC_MAIN,
	CALL_ANY_CHANGE = CALL_WRITE | CALL_ANY_SYNC | CALL_RESIZE | CALL_UNLINK,
};

/* What goes wrong: from the nth of these calls on, so many times. */
static struct {
	unsigned calls;
	int nth; /* counts down; 0: nothing goes wrong any more */
	int times;
	int errnum;  /* 0: killed */
	int changes; /* calls that change something, counted all the time */
} fault;

/* Whether this call is to fail; a kill does not return. */
static bool
goes_wrong(enum call call)
{
	if (call != CALL_READ)
		fault.changes++;
	if ((fault.calls & call) == 0 || fault.nth == 0 || fault.times == 0)
		return false;
	if (fault.nth > 1) {
		fault.nth--;
		return false;
	}
	fault.times--;
	return true;
}

/* Half of what was to be written is, then the end. */
static void
die_writing(int fd, const void *data, size_t size, off64_t at)
{
	(void)syscall(SYS_pwrite64, fd, data, size / 2, at);
	(void)raise(SIGKILL);
}

ssize_t
pwrite64(int fd, const void *data, size_t size, off64_t at)
{
	if (!goes_wrong(CALL_WRITE))
		return syscall(SYS_pwrite64, fd, data, size, at);
	if (fault.errnum == 0)
		die_writing(fd, data, size, at);
	errno = fault.errnum;
	return -1;
}

ssize_t
pread64(int fd, void *data, size_t size, off64_t at)
{
	if (!goes_wrong(CALL_READ))
		return syscall(SYS_pread64, fd, data, size, at);
	errno = fault.errnum;
	return -1;
}

static int
fail_or_die(void)
{
	if (fault.errnum == 0)
		(void)raise(SIGKILL);
	errno = fault.errnum;
	return -1;
}

static enum call
kind_of_sync(int fd)
{
	struct stat st, main;
	bool is_main = fstat(fd, &st) == 0 && stat("db", &main) == 0 &&
		st.st_ino == main.st_ino;

	return is_main ? CALL_SYNC_MAIN : CALL_SYNC;
}

int
fdatasync(int fd)
{
	return goes_wrong(kind_of_sync(fd)) ? fail_or_die()
					    : (int)syscall(SYS_fdatasync, fd);
}

int
ftruncate64(int fd, off64_t size)
{
	return goes_wrong(CALL_RESIZE) ? fail_or_die()
				       : (int)syscall(SYS_ftruncate, fd, size);
}

int
unlink(const char *path)
{
	return goes_wrong(CALL_UNLINK) ? fail_or_die() : (int)syscall(SYS_unlink, path);
}

/* Two rows that are equal whenever one looks from outside a transaction. */
static const struct db_migration schema[] = {
	{"CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, filler BLOB);"
	 "INSERT INTO t (n) VALUES (0), (0);"},
	{"UPDATE t SET filler = zeroblob(5000); CREATE INDEX i ON t (n);"},
};

enum { TURNS = 5 };

/* What a child tells while it lives, in shared memory: its end takes nothing away. */
static struct told {
	int opened;           /* db_open was good */
	int begun, committed; /* the last turn of which this can be said */
	enum db_result bad;   /* what ended the work, DB_DONE if nothing did */
	struct err err;       /* of that */
	int changes_after;    /* system calls that changed something after a DB_FATAL */
} * told;

static void
setup(void)
{
	scratch_setup();
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(told, MAP_FAILED);
}

static void
teardown(void)
{
	(void)munmap(told, sizeof(*told));
	scratch_teardown();
}

/* One turn: both rows become n. */
static enum db_result
turn(struct db *db, int n, struct err *err)
{
	enum db_result result = db_begin(db, err);

	if (result != DB_DONE)
		return result;
	told->begun = n;
	for (int id = 1; id <= 2; id++) {
		struct db_stmt *s = db_stmt(db, "UPDATE t SET n = ? WHERE id = ?");

		db_bind_int(s, 1, n);
		db_bind_int(s, 2, id);
		(void)db_step(s, NULL); /* the commit says it again */
	}
	result = db_commit(db, err);
	if (result == DB_DONE)
		told->committed = n;
	return result;
}

static int64_t
value_of(struct db *db, int id)
{
	struct db_stmt *s = db_stmt(db, "SELECT n FROM t WHERE id = ?");
	int64_t n;

	db_bind_int(s, 1, id);
	ck_assert_int_eq(db_step(s, NULL), DB_ROW);
	n = db_int(s, 0);
	db_reset(s);
	return n;
}

/* Opens, works, closes. Whatever goes wrong ends it, as it would end the daemon. */
static void
work(void)
{
	struct err err = {0};
	struct db *db = db_open("db", schema, COUNT_OF(schema), &err);
	int n = db != NULL ? (int)value_of(db, 1) : 0, changes;
	enum db_result result = DB_DONE;

	told->opened = db != NULL;
	for (int i = 0; db != NULL && result == DB_DONE && i < TURNS; i++)
		result = turn(db, ++n, &err);
	changes = fault.changes;
	told->bad = db == NULL ? DB_FATAL : result;
	told->err = err;
	db_close(db);
	told->changes_after = db == NULL ? 0 : fault.changes - changes;
}

/* Runs a function in a child and returns the signal it died of, or 0. */
static int
in_child(void (*run)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		run();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* The file is sound, turns are whole, and what was confirmed is there. */
static void
check_file(int nth)
{
	struct err err = {0};
	struct db *db = db_open("db", schema, COUNT_OF(schema), &err);
	int64_t n;

	ck_assert_msg(db != NULL, "call %d: %s", nth, err.text);
	n = value_of(db, 1);
	ck_assert_msg(n == value_of(db, 2), "call %d: half a turn", nth);
	ck_assert_msg(n >= told->committed, "call %d: %d was confirmed, %d is there",
		nth, told->committed, (int)n);
	ck_assert_msg(n <= told->begun, "call %d: %d was never begun", nth, (int)n);
	db_close(db);
}

static void
start_afresh(void)
{
	(void)syscall(SYS_unlink, "db");
	(void)syscall(SYS_unlink, "db-wal");
	(void)syscall(SYS_unlink, "db-shm");
	memset(told, 0, sizeof(*told));
}

/* The fault of one run of work(). */
static void
arm(unsigned calls, int nth, int times, int errnum)
{
	fault.calls = calls;
	fault.nth = nth;
	fault.times = times;
	fault.errnum = errnum;
}

static void
disarm(void)
{
	arm(0, 0, 0, 0);
}

/* Killed at every change of a file: making it, in a migration, a turn, the close. */
START_TEST(killed_anywhere)
{
	int nth = 0, signal_number = SIGKILL, in_migrations = 0;

	while (signal_number == SIGKILL) {
		start_afresh();
		arm(CALL_ANY_CHANGE, ++nth, 1, 0);
		signal_number = in_child(work);
		disarm();
		check_file(nth);
		in_migrations += !told->opened;
	}
	ck_assert_int_eq(told->committed, TURNS);
	/* The calls of SQLite are really ours, and all parts had their share of them. */
	ck_assert_int_ge(in_migrations, 10);
	ck_assert_int_ge(nth - in_migrations, 3 * TURNS);
}
END_TEST

/* An existing file: recovery after a kill is killed as well, and the next one works. */
START_TEST(killed_while_recovering)
{
	for (int nth = 1, signal_number = SIGKILL; signal_number == SIGKILL; nth++) {
		start_afresh();
		arm(CALL_ANY_SYNC, 12, 1, 0); /* somewhere among the turns */
		ck_assert_int_eq(in_child(work), SIGKILL);
		ck_assert(told->opened);
		arm(CALL_ANY_CHANGE, nth, 1, 0);
		signal_number = in_child(work);
		disarm();
		check_file(nth);
	}
}
END_TEST

/*
 * P18: whatever a failed fsync was for, the process must end: the work stops at once,
 * and nothing is written any more. A later start finds all that was confirmed.
 */
START_TEST(sync_fails)
{
	int nth = 0;

	do {
		start_afresh();
		nth++;
		arm(CALL_ANY_SYNC, nth, 1000, nth % 2 == 0 ? EIO : ENOSPC);
		ck_assert_int_eq(in_child(work), 0);
		disarm();
		if (told->committed < TURNS) {
			ck_assert_msg(told->bad == DB_FATAL, "sync %d: %d", nth,
				told->bad);
			ck_assert_msg(strcmp(told->err.origin, "IOERR") == 0,
				"sync %d: %s", nth, told->err.origin);
			ck_assert_msg(told->changes_after == 0,
				"sync %d: %d changes after it", nth,
				told->changes_after);
		}
		check_file(nth);
	} while (told->committed < TURNS);
	ck_assert_int_ge(nth, TURNS);
}
END_TEST

START_TEST(write_fails)
{
	int nth = 0;

	do {
		start_afresh();
		arm(CALL_WRITE, ++nth, 1, EIO);
		ck_assert_int_eq(in_child(work), 0);
		disarm();
		ck_assert(told->committed == TURNS || told->bad == DB_FATAL);
		check_file(nth);
	} while (told->committed < TURNS);
	ck_assert_int_ge(nth, 3 * TURNS);
}
END_TEST

/* A file that exists already, for faults of reading and of a full disk. */
static void
prepare(void)
{
	struct db *db;

	start_afresh();
	db = db_open("db", schema, COUNT_OF(schema), NULL);
	ck_assert_ptr_nonnull(db);
	db_close(db);
}

/*
 * P19: a file that cannot be read. quick_check tells of it as of damage; both are the
 * loss of the contents.
 */
START_TEST(read_fails)
{
	int nth = 0;

	do {
		prepare();
		arm(CALL_READ, ++nth, 1000, EIO);
		ck_assert_int_eq(in_child(work), 0);
		disarm();
		if (told->committed < TURNS) {
			const char *origin = told->err.origin;

			ck_assert_msg(told->bad == DB_FATAL, "read %d: %d", nth,
				told->bad);
			ck_assert_msg(strcmp(origin, "UNREADABLE") == 0 ||
					strcmp(origin, "CORRUPT") == 0,
				"read %d: %s", nth, origin);
		}
		check_file(nth);
	} while (told->committed < TURNS);
	ck_assert_int_ge(nth, 3);
}
END_TEST

/*
 * P17: the disk is full from the nth write on. A turn says DB_FULL, again as long as it
 * is full, and succeeds as soon as there is room; the process goes on all the time.
 */
static void
work_on_full_disk(void)
{
	int errnum = fault.errnum;
	struct err err = {0};
	struct db *db;

	arm(0, 0, 0, 0);
	db = db_open("db", schema, COUNT_OF(schema), &err);
	arm(CALL_WRITE, told->begun, 1000, errnum);
	told->begun = 0;
	told->bad = DB_DONE;
	for (int n = 1; n <= TURNS; n++) {
		enum db_result result = turn(db, n, &err);

		if (result == DB_DONE)
			continue;
		told->bad = result;
		if (result != DB_FULL || turn(db, n, &err) != DB_FULL)
			_exit(1);
		disarm();
		if (turn(db, n, &err) != DB_DONE)
			_exit(2);
	}
	db_close(db);
}

static void
fill_disk(int errnum)
{
	int nth = 0;

	do {
		prepare();
		arm(0, ++nth, 0, errnum);
		told->begun = nth;
		ck_assert_int_eq(in_child(work_on_full_disk), 0);
		disarm();
		ck_assert_int_eq(told->committed, TURNS);
		check_file(nth);
	} while (told->bad == DB_FULL);
	ck_assert_int_ge(nth, 2 * TURNS);
}

START_TEST(disk_is_full)
{
	fill_disk(ENOSPC);
}
END_TEST

START_TEST(quota_is_used_up)
{
	fill_disk(EDQUOT);
}
END_TEST

/* At the start a full disk is not damage, and what is there stays as it is. */
START_TEST(full_at_the_start)
{
	int nth = 0, refused = 0;

	do {
		start_afresh();
		arm(CALL_WRITE, ++nth, 1000, ENOSPC);
		ck_assert_int_eq(in_child(work), 0);
		disarm();
		if (!told->opened) {
			ck_assert_msg(strcmp(told->err.origin, "FULL") == 0,
				"write %d: %s", nth, told->err.origin);
			refused++;
		}
		check_file(nth);
	} while (!told->opened);
	ck_assert_int_ge(refused, 3);
}
END_TEST

enum { MANY_TURNS = 800 };

/* Enough turns for the WAL to need a checkpoint (1000 pages, several a turn). */
static void
work_long(void)
{
	struct err err = {0};
	struct db *db = db_open("db", schema, COUNT_OF(schema), &err);
	enum db_result result = DB_DONE;

	told->opened = db != NULL;
	for (int n = 1; result == DB_DONE && n <= MANY_TURNS; n++)
		result = turn(db, n, &err);
	told->bad = result;
	told->err = err;
	_exit(0);
}

/* The WAL starts again from its beginning once its pages stand in the file itself. */
START_TEST(checkpoints_bound_the_wal)
{
	struct stat wal, main;

	start_afresh();
	ck_assert_int_eq(in_child(work_long), 0);
	ck_assert_int_eq(told->committed, MANY_TURNS);
	ck_assert_int_eq(stat("db-wal", &wal), 0);
	ck_assert_int_eq(stat("db", &main), 0);
	ck_assert_int_gt(main.st_size, 4096);
	ck_assert_int_lt(wal.st_size, 4096 * 1200);
	check_file(0);
}
END_TEST

/* A sync that fails in a checkpoint is told too, although its turn is on disk. */
START_TEST(sync_of_a_checkpoint_fails)
{
	prepare();
	arm(CALL_SYNC_MAIN, 1, 1, EIO);
	ck_assert_int_eq(in_child(work_long), 0);
	disarm();
	ck_assert_int_eq(told->bad, DB_FATAL);
	ck_assert_str_eq(told->err.origin, "IOERR");
	ck_assert_int_gt(told->begun, 100);
	told->committed = told->begun;
	check_file(0);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("db_faults");
	TCase *tc = tcase_create("db_faults");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 100);
	tcase_add_test(tc, killed_anywhere);
	tcase_add_test(tc, killed_while_recovering);
	tcase_add_test(tc, sync_fails);
	tcase_add_test(tc, write_fails);
	tcase_add_test(tc, read_fails);
	tcase_add_test(tc, disk_is_full);
	tcase_add_test(tc, quota_is_used_up);
	tcase_add_test(tc, full_at_the_start);
	tcase_add_test(tc, checkpoints_bound_the_wal);
	tcase_add_test(tc, sync_of_a_checkpoint_fails);
	suite_add_tcase(suite, tc);
	return suite;
}
