/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A write that is really short: of the N-th call of one function only the first byte is
 * written, and the caller is told so. What is to happen stands in the file that SHORT_IO
 * names: "pwrite64 5" does that once, at the fifth such call from then on, and takes the
 * file away; "count" has the name of each call that could be short put behind it. Only
 * files, pipes and streams take parts; what goes in one piece or not at all is let be.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned passed; /* calls of that function since something was said of it */

static bool
takes_parts(int fd)
{
	struct stat st;
	int type = 0;
	socklen_t size = sizeof(type);

	if (fstat(fd, &st) < 0)
		return false;
	if (S_ISSOCK(st.st_mode))
		return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
			type == SOCK_STREAM;
	return S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode);
}

/* What the file says, up to size; false if it is not there. */
static bool
read_orders(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		(void)close(fd);
	text[got < 0 ? 0 : got] = '\0';
	return got > 0;
}

static void
count(const char *path, const char *name)
{
	char line[32];
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	int len = snprintf(line, sizeof(line), "%s\n", name);

	(void)syscall(SYS_write, fd, line, (size_t)len);
	(void)close(fd);
}

/* Whether this call, of more than a byte, is the one. */
static bool
is_short(const char *name, int fd, size_t len)
{
	const char *path = getenv("SHORT_IO");
	char text[64], wanted[32];
	unsigned which;

	if (path == NULL || len < 2 || !takes_parts(fd))
		return false;
	if (!read_orders(path, text, sizeof(text))) {
		passed = 0;
		return false;
	}
	if (strncmp(text, "count\n", 6) == 0)
		count(path, name);
	if (sscanf(text, "%31s %u", wanted, &which) != 2 || strcmp(wanted, name) != 0 ||
		++passed != which)
		return false;
	passed = 0;
	return unlink(path) == 0;
}

static size_t
length(const struct iovec *parts, size_t count)
{
	size_t sum = 0;

	for (size_t n = 0; n < count; n++)
		sum += parts[n].iov_len;
	return sum;
}

/* The first byte of all. */
static struct iovec
first(const struct iovec *parts)
{
	while (parts->iov_len == 0)
		parts++;
	return (struct iovec){parts->iov_base, 1};
}

ssize_t
write(int fd, const void *data, size_t len)
{
	return syscall(SYS_write, fd, data, is_short("write", fd, len) ? 1 : len);
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	len = is_short("pwrite64", fd, len) ? 1 : len;
	return syscall(SYS_pwrite64, fd, data, len, at);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	return pwrite64(fd, data, len, at);
}

ssize_t
sendto(int fd, const void *data, size_t len, int flags, __CONST_SOCKADDR_ARG to,
	socklen_t size)
{
	len = is_short("sendto", fd, len) ? 1 : len;
	return syscall(SYS_sendto, fd, data, len, flags, to.__sockaddr__, size);
}

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	return sendto(fd, data, len, flags, (const struct sockaddr *)NULL, 0);
}

ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	if (count > 0 && is_short("writev", fd, length(parts, (size_t)count)))
		return syscall(SYS_write, fd, first(parts).iov_base, 1);
	return syscall(SYS_writev, fd, parts, count);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct msghdr cut = *message;
	struct iovec byte;

	if (is_short("sendmsg", fd, length(cut.msg_iov, cut.msg_iovlen))) {
		byte = first(cut.msg_iov);
		cut.msg_iov = &byte;
		cut.msg_iovlen = 1;
	}
	return syscall(SYS_sendmsg, fd, &cut, flags);
}
