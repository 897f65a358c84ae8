/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as a whole: what is read is one state of the file and not two, what is written is
 * there completely or not at all, whenever we die.
 */
#include "sys/file.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/failpoint.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One look at a file; the bytes may be a secret. */
struct content {
	char *data; /* owned */
	size_t size;
	struct stat st;
};

static void
content_fini(struct content *c)
{
	if (c->data != NULL)
		mem_wipe(c->data, c->size);
	free(c->data);
	*c = (struct content){0};
}

static inline void
auto_content(struct content *c)
{
	content_fini(c);
}

static inline void
auto_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing was written through it */
}

static bool
is_same_state(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
		a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int
open_file(const char *path, bool nofollow, struct err *err)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd = open(path, nofollow ? flags | O_NOFOLLOW : flags);

	if (fd >= 0)
		return fd;
	if (errno == ELOOP && nofollow)
		return err_set(err, ERR_CONFIG, "%s: is a symbolic link", path);
	return err_set_errno(err, ERR_CONFIG, errno, "%s", path);
}

static int
check_file(const char *path, const struct stat *st, size_t max, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, ERR_CONFIG, "%s: is not a regular file", path);
	if ((uintmax_t)st->st_size > max)
		return err_set(err, ERR_CONFIG, "%s: is larger than %zu bytes", path,
			max);
	return 0;
}

/* Up to size bytes. The number read, or -1 and errno. */
static ssize_t
read_up_to(int fd, char *data, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(fd, data + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* 1: read; 0: it changed meanwhile; -1: err. */
static int
read_once(const char *path, size_t max, bool nofollow, struct content *ret,
	struct err *err)
{
	AUTO(fd) int fd = open_file(path, nofollow, err);
	AUTO(content) struct content c = {0};
	struct stat after;
	ssize_t got;

	if (fd < 0)
		return -1;
	if (fstat(fd, &c.st) < 0)
		return err_set_errno(err, ERR_CONFIG, errno, "%s", path);
	if (check_file(path, &c.st, max, err) < 0)
		return -1;
	/* One byte more, so that a file which has grown shows itself. */
	c.size = (size_t)c.st.st_size + 1;
	c.data = xmalloc(c.size);
	got = read_up_to(fd, c.data, c.size);
	if (got < 0 || fstat(fd, &after) < 0)
		return err_set_errno(err, ERR_CONFIG, errno, "%s", path);
	if (got != c.st.st_size || !is_same_state(&c.st, &after))
		return 0;
	*ret = c;
	c.data = NULL;
	return 1;
}

int
file_read(const char *path, size_t max, bool nofollow, struct buf *out,
	struct file_info *ret_info, struct err *err)
{
	AUTO(content) struct content c = {0};
	int rc = read_once(path, max, nofollow, &c, err);

	if (rc == 0)
		rc = read_once(path, max, nofollow, &c, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(err, ERR_CONFIG, "%s: changes while it is read", path);
	buf_add(out, c.data, (size_t)c.st.st_size);
	if (ret_info != NULL)
		*ret_info = (struct file_info){
			.others_read = (c.st.st_mode & (S_IRGRP | S_IROTH)) != 0,
			.others_write = (c.st.st_mode & (S_IWGRP | S_IWOTH)) != 0,
			.uid = c.st.st_uid,
		};
	return 0;
}

/* All or -1 and errno. */
static int
write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Fills and closes fd. -1 and errno. */
static int
finish_file(int fd, mode_t mode, const void *data, size_t len)
{
	int rc = 0, errnum = 0;

	if (write_all(fd, data, len) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0) {
		errnum = errno;
		rc = -1;
	}
	if (close(fd) < 0 && rc == 0)
		return -1;
	errno = errnum;
	return rc;
}

int
file_sync_dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
	AUTO(free) char *dir = len > 0 ? xstrndup(path, len) : xstrdup(".");
	AUTO(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -1 : fsync(fd);
}

int
file_write(const char *path, mode_t mode, const void *data, size_t len, struct err *err)
{
	AUTO(free) char *beside = xasprintf("%s.XXXXXX", path);
	int fd = mkostemp(beside, O_CLOEXEC);
	int errnum;

	if (fd < 0)
		return err_set_errno(err, ERR_IO, errno, "%s: cannot be written", path);
	FP("file.before_rename");
	if (finish_file(fd, mode, data, len) == 0 && rename(beside, path) == 0) {
		if (file_sync_dir_of(path) == 0)
			return 0;
		return err_set_errno(err, ERR_IO, errno, "%s: directory", path);
	}
	errnum = errno;
	(void)unlink(beside); /* the first failure is what counts */
	return err_set_errno(err, ERR_IO, errnum, "%s: cannot be written", path);
}
