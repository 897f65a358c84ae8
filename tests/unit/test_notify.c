/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "sys/notify.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A datagram socket bound to the address as NOTIFY_SOCKET writes it. */
static int
bind_manager(const char *address)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len = strlen(address);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(sun.sun_path, address, len);
	if (address[0] == '@')
		sun.sun_path[0] = '\0';
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
					 len)),
		0);
	return fd;
}

static void
expect_datagram(int fd, const char *expected)
{
	char text[256] = "";
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	ck_assert_msg(n >= 0, "%s", strerror(errno));
	ck_assert_str_eq(text, expected);
	ck_assert_int_eq(recv(fd, text, sizeof(text), MSG_DONTWAIT), -1);
}

START_TEST(test_send)
{
	char dir[] = "/tmp/test_notify.XXXXXX", path[64], abstract[64];
	const char *addresses[] = {path, abstract};

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/notify", dir);
	snprintf(abstract, sizeof(abstract), "@test_notify.%d", (int)getpid());
	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		int fd = bind_manager(addresses[i]);

		setenv("NOTIFY_SOCKET", addresses[i], 1);
		notify_send("READY=1\nSTATUS=up");
		expect_datagram(fd, "READY=1\nSTATUS=up");
		close(fd);
	}
	unlink(path);
	rmdir(dir);
}
END_TEST

START_TEST(test_send_without_a_manager)
{
	char too_long[200] = "@";
	const char *const addresses[] = {"", "/", "@", "relative", "/no/such/socket",
		"vsock:2:1234", too_long};
	int before = dup(0), after;

	memset(too_long + 1, 'a', sizeof(too_long) - 2);
	unsetenv("NOTIFY_SOCKET");
	notify_send("READY=1");
	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		setenv("NOTIFY_SOCKET", addresses[i], 1);
		notify_send("READY=1");
	}
	close(before);
	after = dup(0);
	ck_assert_int_eq(before, after);
	close(after);
}
END_TEST

/* A manager that does not read: we do not wait for it. */
START_TEST(test_send_never_waits)
{
	char abstract[64];
	int fd;

	snprintf(abstract, sizeof(abstract), "@test_notify.%d", (int)getpid());
	fd = bind_manager(abstract);
	setenv("NOTIFY_SOCKET", abstract, 1);
	for (int i = 0; i < 10000; i++)
		notify_send("WATCHDOG=1");
	close(fd);
}
END_TEST

static const struct {
	const char *usec;
	const char *pid; /* "own", or as it stands; NULL: unset */
	int64_t expected;
	int line;
} watchdog_rows[] = {
	{NULL, NULL, 0, __LINE__},
	{"30000000", NULL, 15000, __LINE__},
	{"30000000", "own", 15000, __LINE__},
	{"30000000", "1", 0, __LINE__},
	{"30000000", "x", 0, __LINE__},
	{"1000", "own", 1, __LINE__},
	{"0", "own", 0, __LINE__},
	{"-5", "own", 0, __LINE__},
	{"12x", "own", 0, __LINE__},
	{"", "own", 0, __LINE__},
	{"99999999999999999999999", "own", 0, __LINE__},
};

static void
set_or_unset(const char *name, const char *value)
{
	char own[32];

	snprintf(own, sizeof(own), "%d", (int)getpid());
	if (value == NULL)
		unsetenv(name);
	else
		setenv(name, strcmp(value, "own") == 0 ? own : value, 1);
}

START_TEST(test_watchdog)
{
	set_or_unset("WATCHDOG_USEC", watchdog_rows[_i].usec);
	set_or_unset("WATCHDOG_PID", watchdog_rows[_i].pid);
	ck_assert_msg(notify_watchdog_ms() == watchdog_rows[_i].expected,
		"line %d: %lld", watchdog_rows[_i].line,
		(long long)notify_watchdog_ms());
}
END_TEST

/* What stands at descriptors 3 and 4. */
enum passed { NOTHING, LISTENER, STREAM, DATAGRAM, INET, FILE_THERE };

static void
pass(int at, enum passed what)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = -1;

	close(at);
	switch (what) {
	case NOTHING: return;
	case LISTENER:
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		/* autobind: an abstract name of the kernel's choice */
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sa_family_t)),
			0);
		ck_assert_int_eq(listen(fd, 1), 0);
		break;
	case STREAM: fd = socket(AF_UNIX, SOCK_STREAM, 0); break;
	case DATAGRAM: fd = socket(AF_UNIX, SOCK_DGRAM, 0); break;
	case INET:
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (listen(fd, 1) != 0)
			_exit(99);
		break;
	case FILE_THERE: fd = open("/dev/null", O_RDONLY); break;
	}
	if (fd == at)
		return;
	if (dup2(fd, at) != at)
		_exit(99);
	close(fd);
}

static const struct {
	const char *pid, *fds;
	enum passed third, fourth;
	int expected;
	int line;
} listen_rows[] = {
	{NULL, NULL, LISTENER, NOTHING, -1, __LINE__},
	{"own", NULL, LISTENER, NOTHING, -1, __LINE__},
	{NULL, "1", LISTENER, NOTHING, -1, __LINE__},
	{"1", "1", LISTENER, NOTHING, -1, __LINE__},
	{"own", "0", LISTENER, NOTHING, -1, __LINE__},
	{"own", "x", LISTENER, NOTHING, -1, __LINE__},
	{"own", "-1", LISTENER, NOTHING, -1, __LINE__},
	{"own", "99999999999", LISTENER, NOTHING, -1, __LINE__},
	{"own", "1", LISTENER, NOTHING, 3, __LINE__},
	{"own", "2", LISTENER, LISTENER, 3, __LINE__},
	{"own", "2", FILE_THERE, LISTENER, 4, __LINE__},
	{"own", "1", FILE_THERE, LISTENER, -1, __LINE__},
	{"own", "1", STREAM, NOTHING, -1, __LINE__},
	{"own", "1", DATAGRAM, NOTHING, -1, __LINE__},
	{"own", "1", INET, NOTHING, -1, __LINE__},
	{"own", "1", NOTHING, NOTHING, -1, __LINE__},
};

/* In a process of its own: Check needs its descriptors 3 and 4. Says what is wrong. */
static int
listen_in_child(size_t row)
{
	static const char *const names[] = {"LISTEN_PID", "LISTEN_FDS",
		"LISTEN_FDNAMES"};
	int fd;

	set_or_unset("LISTEN_PID", listen_rows[row].pid);
	set_or_unset("LISTEN_FDS", listen_rows[row].fds);
	setenv("LISTEN_FDNAMES", "rpc", 1);
	pass(3, listen_rows[row].third);
	pass(4, listen_rows[row].fourth);
	fd = notify_listen_fd();
	if (fd != listen_rows[row].expected)
		return 1;
	if (fd >= 0 && fcntl(fd, F_GETFD) != FD_CLOEXEC)
		return 2;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (getenv(names[i]) != NULL)
			return 3;
	return notify_listen_fd() == -1 ? 0 : 4;
}

START_TEST(test_listen_fd)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(listen_in_child((size_t)_i));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "line %d: status %d", listen_rows[_i].line,
		WEXITSTATUS(status));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("notify");
	TCase *tc = tcase_create("notify");

	tcase_add_test(tc, test_send);
	tcase_add_test(tc, test_send_without_a_manager);
	tcase_add_test(tc, test_send_never_waits);
	tcase_add_loop_test(tc, test_watchdog, 0, COUNT_OF(watchdog_rows));
	tcase_add_loop_test(tc, test_listen_fd, 0, COUNT_OF(listen_rows));
	suite_add_tcase(suite, tc);
	return suite;
}
