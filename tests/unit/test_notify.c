/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "sys/notify.h"
#include "unit.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void
set_number(const char *name, long value)
{
	AUTO(free) char *text = xasprintf("%ld", value);

	setenv(name, text, 1);
}

/* Binds a datagram socket at name, "@..." or a path, and tells the environment. */
static int
receiver(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, name, strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
					 strlen(name))),
		0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void
check_datagram(int fd, const char *expected)
{
	char text[64] = "";
	ssize_t len;

	notify_send(expected);
	len = recv(fd, text, sizeof(text) - 1, 0);
	ck_assert_int_eq(len, (ssize_t)strlen(expected));
	ck_assert_str_eq(text, expected);
	close(fd);
}

START_TEST(test_path)
{
	char dir[] = "/tmp/notify-XXXXXX";
	AUTO(free) char *path = NULL;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = xasprintf("%s/notify", dir);
	check_datagram(receiver(path), "READY=1");
	unlink(path);
	/* Nobody there: nothing happens. */
	notify_send("READY=1");
	rmdir(dir);
}
END_TEST

START_TEST(test_abstract)
{
	AUTO(free) char *name = xasprintf("@ec2workerd-test-%d", getpid());

	check_datagram(receiver(name), "WATCHDOG=1");
}
END_TEST

static const char *const useless[] = {"", "/", "@", "relative", "vsock:2:3"};

START_TEST(test_useless_names)
{
	char text[512];

	setenv("NOTIFY_SOCKET", useless[_i], 1);
	notify_send("READY=1");
	memset(text, 'a', sizeof(text) - 1);
	text[0] = '/';
	text[sizeof(text) - 1] = '\0';
	setenv("NOTIFY_SOCKET", text, 1);
	notify_send("READY=1");
	unsetenv("NOTIFY_SOCKET");
	notify_send("READY=1");
}
END_TEST

/* pid: 0 none, 1 ours, 2 another's. */
static const struct {
	const char *usec;
	int pid;
	int64_t ms;
} watchdogs[] = {
	{"30000000", 0, 15000},
	{"30000000", 1, 15000},
	{"30000000", 2, 0},
	{"1000", 0, 1},
	{NULL, 0, 0},
	{"0", 0, 0},
	{"", 0, 0},
	{"-5", 0, 0},
	{" 5", 0, 0},
	{"30s", 0, 0},
	{"99999999999999999999", 0, 0},
};

START_TEST(test_watchdog)
{
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (watchdogs[_i].usec != NULL)
		setenv("WATCHDOG_USEC", watchdogs[_i].usec, 1);
	if (watchdogs[_i].pid != 0)
		set_number("WATCHDOG_PID", getpid() + (watchdogs[_i].pid - 1));
	ck_assert_int_eq(notify_watchdog_ms(), watchdogs[_i].ms);
}
END_TEST

static const struct {
	const char *fds;
	int pid;
	int fd;
} listeners[] = {
	{"1", 1, 3},
	{"1", 2, -1},
	{"1", 0, -1},
	{"2", 1, -1},
	{"0", 1, -1},
	{"x", 1, -1},
	{NULL, 1, -1},
};

START_TEST(test_listen_fd)
{
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	if (listeners[_i].fds != NULL)
		setenv("LISTEN_FDS", listeners[_i].fds, 1);
	if (listeners[_i].pid != 0)
		set_number("LISTEN_PID", getpid() + (listeners[_i].pid - 1));
	setenv("LISTEN_FDNAMES", "rpc", 1);
	ck_assert_int_eq(notify_listen_fd(), listeners[_i].fd);
	/* A program that we start must not take them for its own. */
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
	ck_assert_ptr_null(getenv("LISTEN_PID"));
	ck_assert_ptr_null(getenv("LISTEN_FDNAMES"));
	ck_assert_int_eq(notify_listen_fd(), -1);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("notify");
	TCase *tc = tcase_create("notify");

	tcase_add_test(tc, test_path);
	tcase_add_test(tc, test_abstract);
	tcase_add_loop_test(tc, test_useless_names, 0, COUNT_OF(useless));
	tcase_add_loop_test(tc, test_watchdog, 0, COUNT_OF(watchdogs));
	tcase_add_loop_test(tc, test_listen_fd, 0, COUNT_OF(listeners));
	suite_add_tcase(suite, tc);
	return suite;
}
