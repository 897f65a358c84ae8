/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl_run.h"
#include "base/buf.h"
#include "base/mem.h"
#include "ctl/ctl.h"
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 16

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
serve(int listener, int log, const char *const *replies)
{
	int fd = accept(listener, NULL, NULL);

	for (; read_line(fd, log) && *replies != NULL; replies++) {
		ck_assert_int_eq(write(fd, *replies, strlen(*replies)),
			(ssize_t)strlen(*replies));
		ck_assert_int_eq(write(fd, "\n", 1), 1);
	}
	close(fd);
}

static pid_t
start_server(const char *path, int log, const char *const *replies)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	memcpy(address.sun_path, path, strlen(path) + 1);
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
	/* A command line that is wrong never connects. */
	if (server > 0 && ret->code == CTL_USAGE)
		kill(server, SIGKILL);
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
