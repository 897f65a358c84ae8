/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be true before a database may be used: whose the directory and the file are,
 * that nobody else runs there, that the contents are sound and of this program's schema.
 */
#include "sys/db.h"

#include "base/err.h"
#include "base/failpoint.h"
#include "base/mem.h"
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_in_memory(const char *path)
{
	return strcmp(path, ":memory:") == 0;
}

static int
check_owner(const struct stat *st, const char *path, struct err *err)
{
	if (st->st_uid == geteuid())
		return 0;
	return err_set(err, ERR_CONFIG, "%s: belongs to user %u and not to us (%u)",
		path, (unsigned)st->st_uid, (unsigned)geteuid());
}

/* What lies at path already must be ours alone. */
static int
check_path(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return err_set_errno(err, ERR_CONFIG, errno, "%s", path);
	}
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_CONFIG, "%s: is not a regular file", path);
	if (check_owner(&st, path, err) < 0)
		return -1;
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0 && chmod(path, 0600) < 0)
		return err_set_errno(err, ERR_CONFIG, errno, "%s: chmod", path);
	return 0;
}

/* A text that is one row of one column, copied into ret_text. */
static int
ask(struct db *db, const char *sql, char *ret_text, size_t size, struct err *err)
{
	struct db_stmt *s = db_stmt(db, sql);
	const char *text;

	if (db_step(s, err) != DB_ROW)
		return -1;
	text = db_text(s, 0);
	(void)snprintf(ret_text, size, "%s", text != NULL ? text : "");
	/* What the statement changes is committed at its end, after its row. */
	return db_step(s, err) == DB_DONE ? 0 : -1;
}

static int
check_content(struct db *db, const char *path, struct err *err)
{
	char text[256];

	if (ask(db, "PRAGMA quick_check(1)", text, sizeof(text), err) < 0)
		return -1;
	if (strcmp(text, "ok") == 0)
		return 0;
	(void)err_set(err, ERR_CONFIG, "%s: is damaged: %s", path, text);
	err_origin(err, "CORRUPT", text, NULL);
	return -1;
}

static int
set_up(struct db *db, const char *path, struct err *err)
{
	static const char *const pragmas[] = {
		"PRAGMA synchronous=FULL", "PRAGMA journal_size_limit=4194304",
		"PRAGMA temp_store=MEMORY", "PRAGMA cell_size_check=ON",
		"PRAGMA foreign_keys=OFF", /* for migrations */
	};
	char mode[16];

	if (ask(db, "PRAGMA journal_mode=WAL", mode, sizeof(mode), err) < 0)
		return -1;
	if (strcmp(mode, is_in_memory(path) ? "memory" : "wal") != 0)
		return err_set(err, ERR_CONFIG,
			"%s: its file system has no shared memory, which a WAL needs",
			path);
	for (size_t i = 0; i < COUNT_OF(pragmas); i++)
		if (db_exec(db, pragmas[i], err) != DB_DONE)
			return -1;
	return 0;
}

/* Inside a transaction: the SQL, then no row without its parent, then the version. */
static int
migrate_to(struct db *db, const char *path, size_t version, const char *sql,
	struct err *err)
{
	char set[64];
	enum db_result result;

	if (db_script(db, sql, err) != DB_DONE)
		return -1;
	result = db_step(db_stmt(db, "PRAGMA foreign_key_check"), err);
	if (result == DB_ROW)
		return err_set(err, ERR_INTERNAL, "%s: a row without its parent", path);
	FP("migration.before_version");
	(void)snprintf(set, sizeof(set), "PRAGMA user_version=%zu", version);
	return result == DB_DONE && db_script(db, set, err) == DB_DONE ? 0 : -1;
}

static int
migrate(struct db *db, const char *path, const struct db_migration *migrations,
	size_t count, struct err *err)
{
	char text[16];
	long version;

	if (ask(db, "PRAGMA user_version", text, sizeof(text), err) < 0)
		return -1;
	version = strtol(text, NULL, 10);
	if (version < 0 || (size_t)version > count) {
		(void)err_set(err, ERR_CONFIG,
			"%s: was written by a newer version of this program: its schema is "
			"%ld, the newest known here %zu",
			path, version, count);
		err_origin(err, "NEWER", NULL, NULL);
		return -1;
	}
	for (size_t i = (size_t)version; i < count; i++) {
		if (db_begin(db, err) != DB_DONE)
			return -1;
		if (migrate_to(db, path, i + 1, migrations[i].sql, err) < 0) {
			db_rollback(db);
			return err_wrap(err, "schema %zu", i + 1);
		}
		if (db_commit(db, err) != DB_DONE)
			return -1;
		FP("migration.after_commit");
	}
	return 0;
}

static int
make_ready(struct db *db, const char *path, const struct db_migration *migrations,
	size_t count, struct err *err)
{
	if (check_content(db, path, err) < 0 || set_up(db, path, err) < 0 ||
		migrate(db, path, migrations, count, err) < 0)
		return -1;
	return db_exec(db, "PRAGMA foreign_keys=ON", err) == DB_DONE ? 0 : -1;
}

/* For whoever opens, a failure is no error of a statement but an unusable state. */
static void
recode(struct err *err)
{
	bool may_wait = strcmp(err->origin, "FULL") == 0 ||
		strcmp(err->origin, "BUSY") == 0;

	if (strcmp(err->origin, "IOERR") == 0)
		err->code = ERR_IO;
	else
		err->code = may_wait ? ERR_UNAVAILABLE : ERR_CONFIG;
}

struct db *
db_open(const char *path, const struct db_migration *migrations, size_t count,
	struct err *err)
{
	struct err why = {0};
	struct db *db = NULL;
	mode_t mask = umask(0077); /* the WAL will take the mode of the file itself */
	int rc = -1;

	if (is_in_memory(path) || check_path(path, &why) == 0)
		db = db_connect(path, &why);
	if (db != NULL)
		rc = make_ready(db, path, migrations, count, &why);
	(void)umask(mask);
	if (rc == 0)
		return db;
	recode(&why);
	if (err != NULL)
		*err = why;
	db_close(db);
	return NULL;
}

/* Makes it if need be, and opens it. A "/" at the end would follow a symbolic link. */
static int
open_dir(const char *path, struct err *err)
{
	int fd, made = mkdir(path, 0700);

	if (made < 0 && errno != EEXIST)
		return err_set_errno(err, ERR_CONFIG, errno, "%s: cannot be made",
			path);
	/* All that will be promised lies in it. */
	if (made == 0 && file_sync_dir_of(path) < 0)
		return err_set_errno(err, ERR_CONFIG, errno, "%s: directory", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR)
		return err_set(err, ERR_CONFIG,
			"%s: is not a directory, or a symbolic link to one", path);
	if (fd < 0)
		return err_set_errno(err, ERR_CONFIG, errno, "%s", path);
	return fd;
}

/* What others may read is closed to them; what they could write may be theirs already. */
static int
check_dir(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set_errno(err, ERR_CONFIG, errno, "%s", path);
	if (check_owner(&st, path, err) < 0)
		return -1;
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(err, ERR_CONFIG,
			"%s: others may write to it (mode %04o); look at what is in it, then "
			"chmod 700",
			path, (unsigned)(st.st_mode & 07777));
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0 && fchmod(fd, 0700) < 0)
		return err_set_errno(err, ERR_CONFIG, errno, "%s: chmod", path);
	return 0;
}

static int
take_lock(int dir, const char *path, struct err *err)
{
	int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(dir, "lock", flags, 0600), errnum;

	if (fd < 0)
		return err_set_errno(err, ERR_CONFIG, errno, "%s/lock", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	errnum = errno;
	(void)close(fd); /* nothing was written */
	if (errnum == EWOULDBLOCK)
		return err_set(err, ERR_UNAVAILABLE, "%s: in use by another daemon",
			path);
	return err_set_errno(err, ERR_CONFIG, errnum, "%s/lock", path);
}

int
db_lock_dir(const char *dir, struct err *err)
{
	AUTO(free) char *path = xstrdup(dir);
	int fd, lock = -1;

	for (size_t len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
		path[len - 1] = '\0';
	fd = open_dir(path, err);
	if (fd < 0)
		return -1;
	if (check_dir(fd, path, err) == 0)
		lock = take_lock(fd, path, err);
	(void)close(fd); /* nothing was written */
	return lock;
}
