/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files read once and whole: configuration, secrets, credential files.
 */
#ifndef SYS_FILE_H
#define SYS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;
struct err;

struct file_info {
	bool others_read;  /* group or others may read it */
	bool others_write; /* group or others may write it */
	uid_t uid;
};

/*
 * Appends the file (regular, O_NONBLOCK, O_NOFOLLOW if nofollow, at most max bytes), read
 * between two fstats that agree; one that changes meanwhile is read once more. ERR_CONFIG
 * says what is wrong. ret_info may be NULL; it is of the file that was read.
 */
int file_read(const char *path, size_t max, bool nofollow, struct buf *out,
	struct file_info *ret_info, struct err *err);
/*
 * Makes path with these bytes, or replaces it whole: written beside, fsync, rename, fsync
 * of the directory. A symbolic link is replaced, not followed. ERR_IO; the old file is
 * still there then, unless the very last step failed.
 */
int file_write(const char *path, mode_t mode, const void *data, size_t len,
	struct err *err);
/* A name is durable only when its directory is synced: does that. -1 and errno. */
int file_sync_dir_of(const char *path);

#endif
