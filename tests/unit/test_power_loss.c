/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power fails while the ledger is made, used, checkpointed and closed. Whatever part
 * of what was not synced is on the disk then, a start finds a sound ledger with all of
 * each commit that was reported, and of the one under way all or nothing.
 */
#include "disk.h"
#include "scratch.h"
#include "unit.h"
#include "world.h"

#include "base/err.h"
#include "base/mem.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/store_load.h"
#include "sys/db.h"
#include "sys/loop.h"

#include <glob.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sqlite3.h>

#define ONE "  a: { password: generated, missing_timeout: 5m }\n"

/* Where the calls below are remembered; NULL: they are not. */
static struct disk *disk;

ssize_t
pwrite64(int fd, const void *data, size_t size, off64_t at)
{
	ssize_t n = syscall(SYS_pwrite64, fd, data, size, at);

	if (disk != NULL && n > 0)
		disk_wrote(disk, fd, data, (size_t)n, at);
	return n;
}

ssize_t
write(int fd, const void *data, size_t size)
{
	ssize_t n = syscall(SYS_write, fd, data, size);

	if (disk != NULL && n > 0)
		disk_wrote(disk, fd, data, (size_t)n, lseek(fd, 0, SEEK_CUR) - n);
	return n;
}

int
ftruncate64(int fd, off64_t size)
{
	int rc = (int)syscall(SYS_ftruncate, fd, size);

	if (disk != NULL && rc == 0)
		disk_resized(disk, fd, size);
	return rc;
}

int
fdatasync(int fd)
{
	int rc = (int)syscall(SYS_fdatasync, fd);

	if (disk != NULL && rc == 0)
		disk_synced(disk, fd);
	return rc;
}

int
fsync(int fd)
{
	int rc = (int)syscall(SYS_fsync, fd);

	if (disk != NULL && rc == 0)
		disk_synced(disk, fd);
	return rc;
}

int
mkdir(const char *path, mode_t mode)
{
	int rc = (int)syscall(SYS_mkdir, path, mode);

	if (disk != NULL && rc == 0)
		disk_made(disk, path);
	return rc;
}

int
rename(const char *from, const char *to)
{
	int rc = (int)syscall(SYS_rename, from, to);

	if (disk != NULL && rc == 0)
		disk_renamed(disk, from, to);
	return rc;
}

int
unlink(const char *path)
{
	int rc = (int)syscall(SYS_unlink, path);

	if (disk != NULL && rc == 0)
		disk_unlinked(disk, path);
	return rc;
}

/* What is in a ledger, as one number */

static uint64_t
mix(uint64_t sum, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t n = 0; n < size; n++)
		sum = (sum ^ bytes[n]) * UINT64_C(1099511628211);
	return sum;
}

static sqlite3_stmt *
prepared(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;

	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK, "%s: %s",
		sql, sqlite3_errmsg(db));
	return s;
}

static uint64_t
sum_of_table(sqlite3 *db, const char *table, uint64_t sum)
{
	AUTO(free) char *sql = xasprintf("SELECT * FROM \"%s\"", table);
	sqlite3_stmt *s = prepared(db, sql);

	sum = mix(sum, table, strlen(table));
	while (sqlite3_step(s) == SQLITE_ROW)
		for (int n = 0; n < sqlite3_column_count(s); n++) {
			int type = sqlite3_column_type(s, n);
			const void *data = sqlite3_column_blob(s, n);
			int size = sqlite3_column_bytes(s, n);

			sum = mix(sum, &type, sizeof(type));
			sum = mix(sum, data, (size_t)size);
		}
	(void)sqlite3_finalize(s);
	return sum;
}

/* Of all but what each start writes anew. */
static uint64_t
sum_of(const char *path)
{
	static const char tables[] =
		"SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'meta'"
		" ORDER BY name";
	uint64_t sum = UINT64_C(14695981039346656037);
	sqlite3 *db = NULL;
	sqlite3_stmt *s;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	s = prepared(db, tables);
	while (sqlite3_step(s) == SQLITE_ROW)
		sum = sum_of_table(db, (const char *)sqlite3_column_text(s, 0), sum);
	(void)sqlite3_finalize(s);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	return sum;
}

/* A life of a ledger, and what was promised in it */

enum { PROMISES_MAX = 500, TEXT_SIZE = 512 };

struct life {
	const char *file;  /* what is looked at */
	const char *again; /* the same in an image */
	/* Whether a start after so many promises finds it; else err says why not. */
	bool (*can_open)(size_t promises, struct err *err);
	uint64_t sums[PROMISES_MAX]; /* after each promise */
	size_t promises;
	size_t broken; /* images in which one of them was */
	char how[TEXT_SIZE];
};

static struct life life;
static struct disk *recorded;
static char key[65], lineage[37];

static void
promise(void)
{
	uint64_t sum;

	disk = NULL; /* what is done here is none of it */
	sum = sum_of(life.file);
	disk = recorded;
	if (life.promises > 0 && life.sums[life.promises - 1] == sum)
		return;
	ck_assert_uint_lt(life.promises, PROMISES_MAX);
	life.sums[life.promises++] = sum;
	disk_promised(recorded);
}

static void
begin(void)
{
	AUTO(free) char *root = xasprintf("%s/disk", scratch_path());

	ck_assert_int_eq(mkdir("disk", 0700), 0);
	recorded = disk_new(root);
	disk = recorded;
}

__attribute__((format(printf, 2, 3))) static void
broken(size_t promises, const char *fmt, ...)
{
	va_list ap;
	int len;

	if (life.broken++ > 0)
		return;
	len = snprintf(life.how, TEXT_SIZE, "after promise %zu: ", promises);
	va_start(ap, fmt);
	(void)vsnprintf(life.how + len, TEXT_SIZE - (size_t)len, fmt, ap);
	va_end(ap);
}

static void
look(void *arg, size_t promises)
{
	struct err err = {.text = ""};
	size_t last = promises == life.promises ? promises - 1 : promises;
	uint64_t sum;
	glob_t found;

	(void)arg;
	if (!life.can_open(promises, &err)) {
		broken(promises, "%s", err.text);
	} else if (glob("image/*/*.damaged-*", 0, NULL, &found) == 0) {
		broken(promises, "%s", found.gl_pathv[0]);
		globfree(&found);
	} else if (promises > 0) {
		sum = sum_of(life.again);
		if (sum != life.sums[promises - 1] && sum != life.sums[last])
			broken(promises, "something else is there");
	}
}

/* The number of images. */
static size_t
fail_everywhere(unsigned stride, unsigned guesses)
{
	size_t images;

	disk = NULL;
	images = disk_replay(recorded,
		&(struct disk_replay){.root = "image",
			.seed = 5,
			.stride = stride,
			.guesses = guesses,
			.look = look});
	disk_free(recorded);
	return images;
}

/* The ledger as the daemon uses it */

static struct world world;

static int
on_commit(void *arg)
{
	struct err err;

	(void)arg;
	ck_assert_int_eq(pool_commit(world.pool, &err), STORE_OK);
	promise();
	return 0;
}

static bool
can_open_ledger(size_t promises, struct err *err)
{
	struct store *s = store_open("image/state", err);
	bool good;

	if (s == NULL)
		return false;
	good = promises == 0 ||
		(strcmp(store_key(s), key) == 0 &&
			strcmp(store_meta(s)->lineage, lineage) == 0);
	store_close(s);
	if (!good)
		(void)err_set(err, ERR_IO, "another key, or another lineage");
	return good;
}

static void
start_promising(const char *pragma)
{
	loop_set_commit(world.loop, on_commit, NULL);
	if (pragma != NULL)
		ck_assert_int_eq(db_exec(world.store->db, pragma, NULL), DB_DONE);
	promise();
}

static void
restart(const char *pragma)
{
	world_restart(&world);
	start_promising(pragma);
}

/* A worker's life, with a restart in each half of it. */
static void
live(const char *pragma)
{
	life = (struct life){.file = "disk/state/ledger.db",
		.again = "image/state/ledger.db",
		.can_open = can_open_ledger};
	begin();
	world_init_in(&world, "disk/state", ONE);
	(void)snprintf(key, sizeof(key), "%s", store_key(world.store));
	(void)snprintf(lineage, sizeof(lineage), "%s",
		store_meta(world.store)->lineage);
	start_promising(pragma);
	world_up(&world, "a");
	world_run(&world, 3000);
	restart(pragma);
	world_run(&world, 60000);
	world_attach(&world, "a");
	world_down(&world, "a");
	restart(pragma);
	world_run(&world, 60000);
	world_fini(&world);
}

START_TEST(test_ledger)
{
	size_t images;

	live(NULL);
	images = fail_everywhere(1, 2);
	ck_assert_msg(life.broken == 0, "%zu of %zu images, the first %s", life.broken,
		images, life.how);
	ck_assert_uint_ge(life.promises, 8);
	ck_assert_uint_ge(images, 500);
}
END_TEST

/* The check has teeth: it finds out who does not sync. */
static const char *const careless[] = {"PRAGMA synchronous=OFF",
	"PRAGMA synchronous=NORMAL"};

START_TEST(test_careless_ledger)
{
	live(careless[_i]);
	(void)fail_everywhere(3, 1);
	ck_assert_uint_ge(life.broken, 20);
}
END_TEST

/* A database whose WAL comes to its end and begins again */

enum { TURNS = 30, TURN_BYTES = 200000 };

static const struct db_migration schema[] = {
	{"CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, filler BLOB);"
	 "INSERT INTO t (n) VALUES (0), (0);"},
};

static bool
can_open_db(size_t promises, struct err *err)
{
	struct db *db = db_open("image/db", schema, COUNT_OF(schema), err);

	(void)promises;
	db_close(db);
	return db != NULL;
}

static void
fill(const char *pragma)
{
	struct err err;
	struct db *db;

	life = (struct life){.file = "disk/db",
		.again = "image/db",
		.can_open = can_open_db};
	begin();
	db = db_open("disk/db", schema, COUNT_OF(schema), &err);
	ck_assert_msg(db != NULL, "%s", err.text);
	if (pragma != NULL)
		ck_assert_int_eq(db_exec(db, pragma, &err), DB_DONE);
	promise();
	for (int n = 1; n <= TURNS; n++) {
		struct db_stmt *s = db_stmt(db,
			"UPDATE t SET n = ?, filler = randomblob(?)");

		ck_assert_int_eq(db_begin(db, &err), DB_DONE);
		db_bind_int(s, 1, n);
		db_bind_int(s, 2, TURN_BYTES / 2);
		ck_assert_int_eq(db_step(s, &err), DB_DONE);
		ck_assert_int_eq(db_commit(db, &err), DB_DONE);
		promise();
	}
	db_close(db);
}

START_TEST(test_checkpoints)
{
	size_t images;

	fill(NULL);
	images = fail_everywhere(41, 2);
	ck_assert_msg(life.broken == 0, "%zu of %zu images, the first %s", life.broken,
		images, life.how);
	ck_assert_uint_ge(images, 200);
}
END_TEST

START_TEST(test_careless_checkpoints)
{
	fill(careless[_i]);
	(void)fail_everywhere(61, 1);
	ck_assert_uint_ge(life.broken, 20);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("power_loss");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 300);
	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
	tcase_add_test(t, test_ledger);
	tcase_add_loop_test(t, test_careless_ledger, 0, COUNT_OF(careless));
	tcase_add_test(t, test_checkpoints);
	tcase_add_loop_test(t, test_careless_checkpoints, 0, COUNT_OF(careless));
	suite_add_tcase(s, t);
	return s;
}
