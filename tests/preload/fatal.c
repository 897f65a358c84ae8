/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row that is fatal: who notes that it has one in hand whose name is FATAL dies right
 * after. Preloaded into a daemon as it is shipped, which notes that by pwrite.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HAND_AT 320 /* the third line of 160 */

static ssize_t
write_and_die(int fd, const void *data, size_t size, off_t at)
{
	const char *name = getenv("FATAL");
	ssize_t done = syscall(SYS_pwrite64, fd, data, size, at);
	size_t len = name == NULL ? 0 : strlen(name);

	if (at == HAND_AT && len > 0 && size > len && memcmp(data, name, len) == 0 &&
		((const char *)data)[len] == ' ')
		(void)raise(SIGKILL);
	return done;
}

ssize_t
pwrite(int fd, const void *data, size_t size, off_t at)
{
	return write_and_die(fd, data, size, at);
}

ssize_t
pwrite64(int fd, const void *data, size_t size, off64_t at)
{
	return write_and_die(fd, data, size, at);
}
