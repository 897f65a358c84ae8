/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger in its directory: who may open it, the key file, the reserve, and a disk that
 * is full for a while, or broken. The calls that write are ours here.
 */
#include "core/store.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/starts.h"
#include "core/store_load.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "scratch.h"
#include "sys/db.h"
#include "sys/file.h"
#include "unit.h"
#include "world.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ONE "  a: { password: x, missing_timeout: 5m }\n"
#define RESERVE "state/reserve"
#define DIED 9

/* What is wrong with the disk. */
static struct {
	bool full;
	bool reserve_helps; /* full only as long as the reserve is there */
	int sync_errno;     /* 0: good */
} disk;

static bool fail_lineage;
static int syncs_left = -1; /* the process dies at that one; negative: never */

static bool
has_no_room(void)
{
	return disk.full && (!disk.reserve_helps || access(RESERVE, F_OK) == 0);
}

ssize_t
pwrite64(int fd, const void *data, size_t size, off64_t at)
{
	if (!has_no_room())
		return syscall(SYS_pwrite64, fd, data, size, at);
	errno = ENOSPC;
	return -1;
}

int
posix_fallocate(int fd, off_t at, off_t size)
{
	return disk.full ? ENOSPC : ftruncate(fd, at + size) < 0 ? errno : 0;
}

int
fdatasync(int fd)
{
	if (syncs_left >= 0 && syncs_left-- == 0)
		_exit(DIED);
	errno = disk.sync_errno;
	return disk.sync_errno == 0 ? (int)syscall(SYS_fdatasync, fd) : -1;
}

int
mkostemp(char *path, int flags)
{
	static int (*real)(char *, int);

	if (fail_lineage && strstr(path, "lineage") != NULL) {
		errno = ENOSPC;
		return -1;
	}
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "mkostemp");
	return real(path, flags);
}

static struct store *
opened(void)
{
	struct err err;
	struct store *s = store_open("state", &err);

	ck_assert_msg(s != NULL, "%s", err.text);
	return s;
}

static void
check_mode(const char *path, mode_t mode)
{
	struct stat st;

	ck_assert_msg(stat(path, &st) == 0, "%s: %s", path, strerror(errno));
	ck_assert_msg((st.st_mode & 07777) == mode, "%s: %o", path,
		(unsigned)st.st_mode & 07777);
}

static void
check_reserve(bool there)
{
	struct stat st;
	int found = stat(RESERVE, &st);

	ck_assert_int_eq(found, there ? 0 : -1);
	if (there)
		ck_assert_int_ge(st.st_size, 256 * 1024);
}

/* The second time everything is as the first time made it. */
START_TEST(test_made_once)
{
	struct store *s;
	struct store_meta first;
	char key[65];

	clock_fake(1000, INT64_C(1790000000000));
	s = opened();
	first = *store_meta(s);
	ck_assert_uint_eq(strlen(store_key(s)), 64);
	(void)snprintf(key, sizeof(key), "%s", store_key(s));
	ck_assert(first.epoch == INT64_C(1790000000000));
	ck_assert_uint_eq(strlen(first.lineage), 36);
	ck_assert_str_eq(first.pool, "");
	ck_assert(first.same_boot && first.last_seq == 0);
	check_mode("state", 0700);
	check_mode("state/key", 0600);
	check_mode("state/ledger.db", 0600);
	check_mode(RESERVE, 0600);
	check_reserve(true);
	store_close(s);
	clock_fake_advance(5000);
	s = opened();
	ck_assert_str_eq(store_meta(s)->lineage, first.lineage);
	ck_assert(store_meta(s)->epoch == first.epoch);
	ck_assert(store_meta(s)->same_boot);
	ck_assert_str_eq(store_key(s), key);
	store_close(s);
	clock_real();
}
END_TEST

/* The next one is of the same lineage and a later epoch, and knows that it knows nothing. */
START_TEST(test_a_lost_ledger)
{
	struct store *s;
	struct store_meta first;
	AUTO(free) char *key = NULL;

	clock_fake(1000, INT64_C(1790000000000));
	s = opened();
	first = *store_meta(s);
	key = xstrdup(store_key(s));
	store_close(s);
	ck_assert_int_eq(unlink("state/ledger.db"), 0);
	(void)unlink("state/ledger.db-wal");
	clock_fake_advance(1);
	s = opened();
	ck_assert_str_eq(store_meta(s)->lineage, first.lineage);
	ck_assert(store_meta(s)->hold && !first.hold);
	ck_assert_ptr_nonnull(strstr(store_meta(s)->hold_reason, "lost"));
	ck_assert(store_meta(s)->epoch > first.epoch);
	ck_assert_str_eq(store_key(s), key);
	store_close(s);
	clock_real();
}
END_TEST

START_TEST(test_another_boot)
{
	struct store *s = opened();

	ck_assert_int_eq(db_exec(s->db, "UPDATE meta SET boot = 'another'", NULL),
		DB_DONE);
	store_close(s);
	s = opened();
	ck_assert(!store_meta(s)->same_boot);
	store_close(s);
	s = opened();
	ck_assert(store_meta(s)->same_boot);
	store_close(s);
}
END_TEST

START_TEST(test_one_daemon_at_a_time)
{
	struct store *s = opened();
	struct err err;

	ck_assert_ptr_null(store_open("state", &err));
	ck_assert_int_eq(err.code, ERR_CONFIG);
	store_close(s);
	store_close(opened());
	store_close(NULL);
	ck_assert_ptr_null(store_open("no/such/place", &err));
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "no/such"));
}
END_TEST

/* Whoever replaced the key file by something else hears of it before anything runs. */
static const struct {
	const char *content;
	const char *says;
	int line;
} keys[] = {
	{"", "should hold 64 hex digits", __LINE__},
	{"0123456789abcdef", "should hold 64 hex digits", __LINE__},
	{"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg",
		"should hold 64 hex digits", __LINE__},
	{"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"should hold 64 hex digits", __LINE__},
	{"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0",
		"should hold 64 hex digits", __LINE__},
};

START_TEST(test_odd_key_file)
{
	struct err err;

	store_close(opened());
	ck_assert_int_eq(file_write("state/key", 0600, keys[_i].content,
				 strlen(keys[_i].content), &err),
		0);
	ck_assert_msg(store_open("state", &err) == NULL, "line %d: taken",
		keys[_i].line);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_msg(strstr(err.text, keys[_i].says) != NULL, "line %d: %s",
		keys[_i].line, err.text);
	ck_assert_ptr_null(strstr(err.text, "0123456789abcdef"));
}
END_TEST

START_TEST(test_damaged_ledger)
{
	struct store *s = opened();
	char lineage[37];
	struct buf kept = {0};
	struct err err;
	char junk[8192];
	glob_t found;

	memcpy(lineage, store_meta(s)->lineage, sizeof(lineage));
	store_close(s);
	memset(junk, 'x', sizeof(junk));
	ck_assert_int_eq(file_write("state/ledger.db", 0600, junk, sizeof(junk), &err),
		0);
	s = store_open("state", &err);
	ck_assert_msg(s != NULL, "%s", err.text);
	ck_assert_str_eq(store_meta(s)->lineage, lineage);
	ck_assert(store_meta(s)->hold);
	store_close(s);
	ck_assert_int_eq(glob("state/ledger.db.damaged-*", 0, NULL, &found), 0);
	ck_assert_uint_eq(found.gl_pathc, 1);
	ck_assert_int_eq(file_read(found.gl_pathv[0], sizeof(junk), true, &kept, NULL,
				 &err),
		0);
	ck_assert_mem_eq(kept.data, junk, sizeof(junk));
	globfree(&found);
	buf_fini(&kept);
}
END_TEST

/* clang-format off */
static const char known_rows[] =
	"PRAGMA foreign_keys=OFF;"
	"INSERT INTO launch(launch, token, worker, generation, phase, phase_at, over, unwanted,"
	" region, credentials, body, digest, generated, holds, sends, first_sent_at,"
	" last_sent_at, watch_boot, watch_at, created_at)"
	" VALUES('l1', 't1', 'w', 1, 'answered', 0, 0, 0, 'r', 'c', '', '', 0, 0, 0, 0, 0, 0, 0, 0),"
	" ('l2', 't2', 'w', 1, 'gone', 0, 1, 0, 'r', 'c', '', '', 0, 0, 0, 0, 0, 0, 0, 0);"
	"INSERT INTO instance(instance, launch, idx, phase, phase_at, seen, launched_at,"
	" pending_boot, pending_at, condemned_at, terminate_accepted, not_found, not_found_at)"
	" VALUES('i-1', 'l1', 0, 'ready', 0, 'running', 0, 0, 0, 0, 0, 0, 0),"
	" ('i-2', 'l2', 0, 'gone', 0, 'terminated', 0, 0, 0, 0, 0, 0, 0);"
	"INSERT INTO history(seq, epoch, at, type, worker, generation, launch, instance)"
	" VALUES(1, 1, 1, 'phase', 'w', 1, 'l3', NULL), (2, 1, 1, 'phase', 'w', 1, 'l3', 'i-3'),"
	" (3, 1, 1, 'phase', 'w', 1, 'l2', 'i-2');";
/* clang-format on */

static const struct {
	const char *launch, *token, *instance;
	enum store_known known;
	int line;
} known[] = {
	{"l1", "t1", "i-1", STORE_KNOWS, __LINE__},
	{"l1", "t9", "i-9", STORE_KNOWS_BETTER, __LINE__},
	{"l9", "t1", "i-9", STORE_KNOWS_BETTER, __LINE__},
	{"l9", "t9", "i-1", STORE_KNOWS, __LINE__},
	{"l9", "t9", "i-9", STORE_KNOWS_NOTHING, __LINE__},
	{"l9", NULL, "i-9", STORE_KNOWS_NOTHING, __LINE__},
	/* Over, and really that launch; then its tags on something else. */
	{"l2", "t2", "i-2", STORE_KNOWS_NOTHING, __LINE__},
	{"l2", "t9", "i-9", STORE_KNOWS_BETTER, __LINE__},
	/* Which of the two it is cannot be told before its token is. */
	{"l2", NULL, "i-9", STORE_KNOWS, __LINE__},
	{"l1", NULL, "i-9", STORE_KNOWS, __LINE__},
	{"l9", "t2", "i-9", STORE_KNOWS_BETTER, __LINE__},
	/* Its row is gone, but not its history. */
	{"l3", "t9", "i-9", STORE_KNOWS_BETTER, __LINE__},
	{"l3", "t9", "i-3", STORE_KNOWS_NOTHING, __LINE__},
};

START_TEST(test_what_the_ledger_knows)
{
	struct store *s = opened();
	struct err err;

	ck_assert_int_eq(db_script(s->db, known_rows, &err), DB_DONE);
	for (size_t n = 0; n < COUNT_OF(known); n++)
		ck_assert_msg(store_knows(s,
				      &(struct store_claim){"w", known[n].launch,
					      known[n].token, known[n].instance},
				      &err) == known[n].known,
			"line %d", known[n].line);
	store_close(s);
}
END_TEST

/* The reserve makes room for this turn; it comes back when the disk has room for it. */
START_TEST(test_reserve_is_given_up)
{
	struct world v;

	world_init_in(&v, "state", ONE);
	v.may_fail = true;
	disk.full = disk.reserve_helps = true;
	world_up(&v, "a");
	ck_assert_int_eq(v.committed, STORE_OK);
	check_reserve(false);
	world_run(&v, 5000);
	ck_assert_int_eq(v.committed, STORE_OK);
	ck_assert(v.cloud.runs == 1);
	disk.full = false;
	world_run(&v, 10000);
	check_reserve(false); /* not at once */
	world_run(&v, 600000);
	check_reserve(true);
	world_fini(&v);
}
END_TEST

/* No room at all: nothing is written, nothing leaves, nothing is lost. */
START_TEST(test_disk_full_for_a_while)
{
	struct world v;

	world_init_in(&v, "state", ONE);
	v.may_fail = true;
	disk.full = true;
	world_up(&v, "a");
	ck_assert_int_eq(v.committed, STORE_LATER);
	ck_assert_ptr_nonnull(strstr(v.commit_text, "full"));
	check_reserve(false);
	for (int n = 0; n < 5; n++) {
		world_run(&v, 10000);
		ck_assert_int_eq(v.committed, STORE_LATER);
		ck_assert(v.cloud.runs == 0);
	}
	disk.full = false;
	world_run(&v, 120000);
	ck_assert_int_eq(v.committed, STORE_OK);
	ck_assert(v.cloud.runs == 1);
	world_attach(&v, "a");
	check_reserve(true);
	world_restart(&v);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_SUBSTANTIATED);
	ck_assert(world_worker(&v, "a")->generation == 1);
	world_fini(&v);
}
END_TEST

/* What is on the disk after this cannot be known. */
START_TEST(test_sync_fails)
{
	struct world v;

	world_init_in(&v, "state", ONE);
	v.may_fail = true;
	disk.sync_errno = _i == 0 ? EIO : ENOSPC;
	world_up(&v, "a");
	ck_assert_int_eq(v.committed, STORE_FATAL);
	disk.sync_errno = 0;
	world_run(&v, 5000);
	ck_assert_int_eq(v.committed, STORE_FATAL);
	ck_assert(v.cloud.runs == 0);
	v.may_fail = false;
	world_restart(&v);
	world_fini(&v);
}
END_TEST

/* No room for the one small file beside the ledger: as for the ledger itself, later. */
START_TEST(test_no_room_for_the_lineage)
{
	struct err err;

	store_close(opened());
	fail_lineage = true;
	ck_assert_ptr_null(store_open("state", &err));
	ck_assert_int_eq(err.code, ERR_IO);
	ck_assert_ptr_nonnull(strstr(err.text, "lineage"));
	fail_lineage = false;
	store_close(opened());
}
END_TEST

/* One event is missing that was committed once; the note of it lies beside the ledger. */
static void
lose_an_event(void)
{
	struct store *s;

	scratch_remove("state");
	s = opened();
	starts_note_seq(s->starts, 77);
	store_close(s);
}

/* P22: whatever the moment at which the start that finds it dies, the next one holds. */
START_TEST(test_an_old_copy_holds_after_a_death)
{
	bool died = true;

	for (int n = 0; died; n++) {
		struct store *s;
		int status;
		pid_t pid;

		lose_an_event();
		pid = fork();
		ck_assert_int_ge(pid, 0);
		if (pid == 0) {
			syncs_left = n;
			_exit(store_open("state", NULL) == NULL);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFEXITED(status));
		died = WEXITSTATUS(status) == DIED;
		ck_assert(died || WEXITSTATUS(status) == 0);
		ck_assert_int_lt(n, 50);
		s = opened();
		ck_assert_msg(store_meta(s)->hold, "died at sync %d", n);
		store_close(s);
	}
}
END_TEST

/* Somebody with a shell holds the ledger: later. */
START_TEST(test_locked_by_another)
{
	struct world v;
	struct db *other;
	struct err err;

	world_init_in(&v, "state", ONE);
	v.may_fail = true;
	other = db_connect("state/ledger.db", &err);
	ck_assert_ptr_nonnull(other);
	ck_assert_int_eq(db_begin(other, &err), DB_DONE);
	world_up(&v, "a");
	ck_assert_int_eq(v.committed, STORE_LATER);
	db_rollback(other);
	world_run(&v, 5000);
	ck_assert_int_eq(v.committed, STORE_OK);
	ck_assert(v.cloud.runs == 1);
	check_reserve(true);
	db_close(other);
	world_fini(&v);
}
END_TEST

static void
teardown(void)
{
	memset(&disk, 0, sizeof(disk));
	scratch_teardown();
}

Suite *
test_suite(void)
{
	Suite *s = suite_create("store_disk");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, scratch_setup, teardown);
	tcase_add_test(t, test_made_once);
	tcase_add_test(t, test_a_lost_ledger);
	tcase_add_test(t, test_another_boot);
	tcase_add_test(t, test_one_daemon_at_a_time);
	tcase_add_loop_test(t, test_odd_key_file, 0, COUNT_OF(keys));
	tcase_add_test(t, test_damaged_ledger);
	tcase_add_test(t, test_what_the_ledger_knows);
	tcase_add_test(t, test_reserve_is_given_up);
	tcase_add_test(t, test_disk_full_for_a_while);
	tcase_add_loop_test(t, test_sync_fails, 0, 2);
	tcase_add_test(t, test_no_room_for_the_lineage);
	tcase_add_test(t, test_an_old_copy_holds_after_a_death);
	tcase_add_test(t, test_locked_by_another);
	suite_add_tcase(s, t);
	return s;
}
