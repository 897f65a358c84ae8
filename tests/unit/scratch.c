/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory lies in TMPDIR, else in memory, where a sync costs nothing, else in
 * /tmp. A test that fails leaves it behind, to be looked at.
 */
#include "scratch.h"
#include "unit.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_MAX_HERE 16

static char path[PATH_MAX];

static const char *
parent(void)
{
	const char *tmp = getenv("TMPDIR");

	if (tmp != NULL)
		return tmp;
	return access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
}

void
scratch_setup(void)
{
	(void)snprintf(path, sizeof(path), "%s/ec2workerd-test.XXXXXX", parent());
	ck_assert_ptr_nonnull(mkdtemp(path));
	ck_assert_int_eq(chdir(path), 0);
	umask(022);
}

static int
remove_entry(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(name);
}

void
scratch_remove(const char *name)
{
	if (access(name, F_OK) == 0)
		ck_assert_int_eq(nftw(name, remove_entry, OPEN_MAX_HERE,
					 FTW_DEPTH | FTW_PHYS),
			0);
}

void
scratch_teardown(void)
{
	ck_assert_int_eq(chdir("/"), 0);
	scratch_remove(path);
}

const char *
scratch_path(void)
{
	return path;
}

size_t
scratch_count(void)
{
	DIR *d = opendir(".");
	size_t count = 0;

	ck_assert_ptr_nonnull(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	(void)closedir(d);
	return count;
}
