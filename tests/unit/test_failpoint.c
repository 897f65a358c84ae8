/* SPDX-License-Identifier: Apache-2.0 */
#include "base/failpoint.h"
#include "base/clock.h"
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void
order(const char *text)
{
	ck_assert_int_eq(setenv("EC2WORKERD_FAILPOINTS", text, 1), 0);
}

static bool
pass(void)
{
	return FP_FAILS("here");
}

#ifdef FAILPOINTS

/* How a process ends that passes the point so often; 0: it comes through. */
static int
end_of(const char *orders, unsigned times)
{
	pid_t child;
	int status;

	order(orders);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		for (unsigned n = 0; n < times; n++)
			(void)pass();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

static const struct {
	const char *orders;
	unsigned times;
	int signal, code;
	int line;
} ends[] = {
	{"", 3, 0, 0, __LINE__},
	{"here=kill", 1, SIGKILL, 0, __LINE__},
	{"here=exit", 1, 0, 99, __LINE__},
	{"here=nth:3,kill", 2, 0, 0, __LINE__},
	{"here=nth:3,kill", 3, SIGKILL, 0, __LINE__},
	{"there=kill", 1, 0, 0, __LINE__},
	{"where=kill", 1, 0, 0, __LINE__},
	{"her=kill here.too=kill", 1, 0, 0, __LINE__},
	{"there=kill here=exit", 1, 0, 99, __LINE__},
	{"here=sleep:0.01,exit", 1, 0, 99, __LINE__},
	{"here=err:ENOSPC", 1, 0, 0, __LINE__},
	{"here=err:NONE", 1, SIGABRT, 0, __LINE__},
	{"here=quill", 1, SIGABRT, 0, __LINE__},
	{"there=kill\n\there=exit\n", 1, 0, 99, __LINE__},
};

START_TEST(test_ends)
{
	int status = end_of(ends[_i].orders, ends[_i].times);
	int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

	ck_assert_msg(signal == ends[_i].signal && code == ends[_i].code,
		"line %d: signal %d, code %d", ends[_i].line, signal, code);
}
END_TEST

START_TEST(test_errors)
{
	order("here=nth:2,err:ENOSPC");
	errno = 0;
	ck_assert(!pass() && errno == 0);
	ck_assert(pass() && errno == ENOSPC);
	ck_assert(!pass());
	order("here=err:EIO");
	ck_assert(pass() && errno == EIO);
	ck_assert(pass());
}
END_TEST

/* What is said in a file counts from the moment that it is said. */
START_TEST(test_file)
{
	char path[] = "/tmp/failpoint.XXXXXX";
	static const char text[] = "there=exit\nhere=nth:2,err:EIO\n";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	order(path);
	ck_assert(!pass());
	ck_assert_int_eq(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	ck_assert(!pass());
	ck_assert(pass() && errno == EIO);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(!pass());
}
END_TEST

START_TEST(test_sleeps)
{
	int64_t began = clock_ms();

	order("here=sleep:0.2");
	ck_assert(!pass());
	ck_assert_int_ge(clock_ms() - began, 200);
}
END_TEST

#else

/* Whatever the environment says. */
START_TEST(test_nothing_is_there)
{
	order("here=kill");
	ck_assert(!pass());
	FP("here");
}
END_TEST

#endif

Suite *
test_suite(void)
{
	Suite *s = suite_create("failpoint");
	TCase *t = tcase_create("failpoint");

#ifdef FAILPOINTS
	tcase_add_loop_test(t, test_ends, 0, (int)(sizeof(ends) / sizeof(ends[0])));
	tcase_add_test(t, test_errors);
	tcase_add_test(t, test_file);
	tcase_add_test(t, test_sleeps);
#else
	tcase_add_test(t, test_nothing_is_there);
#endif
	suite_add_tcase(s, t);
	return s;
}
