/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl_run.h"
#include "base/buf.h"
#include "base/mem.h"
#include "ctl/ctl.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 16

const char ctl_silence[] = "silence", ctl_hangup[] = "hangup";

/* Copies one line from the client to the log; false at its end. */
static int
read_line(int fd, int log)
{
	char c;

	while (read(fd, &c, 1) == 1) {
		ck_assert_int_eq(write(log, &c, 1), 1);
		if (c == '\n')
			return 1;
	}
	return 0;
}

static void
reply(int fd, const char *line)
{
	if (line == ctl_silence)
		return;
	ck_assert_int_eq(write(fd, line, strlen(line)), (ssize_t)strlen(line));
	ck_assert_int_eq(write(fd, "\n", 1), 1);
}

static void
serve(int listener, int log, const char *const *replies)
{
	int fd = accept(listener, NULL, NULL);

	for (; *replies != NULL; replies++) {
		if (*replies == ctl_hangup) {
			close(fd);
			fd = replies[1] != NULL ? accept(listener, NULL, NULL) : -1;
		} else if (read_line(fd, log)) {
			reply(fd, *replies);
		}
	}
	(void)read_line(fd, log);
	close(fd);
}

static struct sockaddr_un
address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, path, strlen(path) + 1);
	return address;
}

/* A socket, be it connected or not. */
static int
connect_to(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	(void)connect(fd, (struct sockaddr *)&address, sizeof(address));
	return fd;
}

static pid_t
start_server(const char *path, int log, const char *const *replies)
{
	struct sockaddr_un address = address_of(path);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)),
		0);
	ck_assert_int_eq(listen(listener, 1), 0);
	pid = fork();
	if (pid == 0) {
		serve(listener, log, replies);
		_exit(0);
	}
	close(listener);
	return pid;
}

static char *
read_all(int fd)
{
	struct buf text = {.data = NULL};
	char bytes[4096];
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		buf_add(&text, bytes, (size_t)n);
	close(fd);
	return buf_take(&text);
}

static int
run(const char *path, const char *const *args, struct outcome *ret)
{
	char *argv[ARGS_MAX] = {xstrdup("ec2workerctl"), xstrdup("-s"), xstrdup(path)};
	size_t argc = 3, out_size, err_size;
	FILE *out = open_memstream(&ret->out, &out_size);
	FILE *err = open_memstream(&ret->err, &err_size);
	int code;

	for (; *args != NULL; args++) {
		ck_assert_uint_lt(argc, ARGS_MAX - 1);
		argv[argc++] = xstrdup(*args);
	}
	code = (int)ctl_main(argv, out, err);
	fclose(out);
	fclose(err);
	while (argc > 0)
		free(argv[--argc]);
	return code;
}

void
outcome_of(const char *const *args, const char *const *replies, struct outcome *ret)
{
	char dir[] = "/tmp/ctl-XXXXXX";
	AUTO(free) char *path = NULL;
	int log = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	pid_t server = -1;

	ck_assert_int_ge(log, 0);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = xasprintf("%s/sock", dir);
	if (replies != NULL)
		server = start_server(path, log, replies);
	ret->code = run(path, args, ret);
	/* If the server still waits for a connection, this is it: one without a word. */
	if (server > 0)
		close(connect_to(path));
	if (server > 0)
		ck_assert_int_eq(waitpid(server, NULL, 0), server);
	ret->requests = read_all(log);
	unlink(path);
	rmdir(dir);
}

void
outcome_fini(struct outcome *o)
{
	free(o->out);
	free(o->err);
	free(o->requests);
}
