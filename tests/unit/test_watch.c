/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "sys/watch.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/watch-XXXXXX";

static char *
path_of(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void
make(const char *name)
{
	AUTO(free) char *path = path_of(name);

	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static void
rename_to(const char *from, const char *to)
{
	AUTO(free) char *a = path_of(from);
	AUTO(free) char *b = path_of(to);

	ck_assert_int_eq(rename(a, b), 0);
}

static void
remove_file(const char *name)
{
	AUTO(free) char *path = path_of(name);

	ck_assert_int_eq(unlink(path), 0);
}

static void
append(const char *name)
{
	AUTO(free) char *path = path_of(name);
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	ck_assert_int_eq(write(fd, "x", 1), 1);
	close(fd);
}

static void
count(void *arg)
{
	++*(int *)arg;
}

static int
told(struct loop *loop, int *counter)
{
	int before = *counter;

	for (int i = 0; i < 3; i++)
		loop_turn(loop, false);
	return *counter - before;
}

START_TEST(test_events)
{
	struct loop *loop = loop_new(NULL);
	AUTO(free) char *path = NULL;
	struct watch *w;
	int counter = 0;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = path_of("sock");
	w = watch_new(loop, path, count, &counter, NULL);
	ck_assert_ptr_nonnull(w);
	ck_assert_int_eq(told(loop, &counter), 0);
	make("sock");
	ck_assert_int_ge(told(loop, &counter), 1);
	append("sock");
	ck_assert_int_eq(told(loop, &counter), 0);
	rename_to("sock", "away");
	ck_assert_int_ge(told(loop, &counter), 1);
	rename_to("away", "sock");
	ck_assert_int_ge(told(loop, &counter), 1);
	remove_file("sock");
	ck_assert_int_ge(told(loop, &counter), 1);

	/* Many at once are told of once. */
	for (int i = 0; i < 1000; i++) {
		make("x");
		remove_file("x");
	}
	ck_assert_int_eq(told(loop, &counter), 1);
	watch_free(w);
	make("late");
	ck_assert_int_eq(told(loop, &counter), 0);
	remove_file("late");
	rmdir(dir);
	loop_free(loop);
}
END_TEST

START_TEST(test_no_directory)
{
	struct loop *loop = loop_new(NULL);
	struct err err;

	ck_assert_ptr_null(watch_new(loop, "/nowhere/at/all", count, NULL, &err));
	ck_assert_str_eq(err.text,
		"cannot watch /nowhere/at: No such file or directory");
	ck_assert_int_eq(err.code, ERR_IO);
	watch_free(NULL);
	loop_free(loop);
}
END_TEST

static struct watch *self;

static void
end_it(void *arg)
{
	count(arg);
	watch_free(self);
}

START_TEST(test_freed_within)
{
	struct loop *loop = loop_new(NULL);
	int counter = 0;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	self = watch_new(loop, dir, end_it, &counter, NULL); /* of /tmp: a busy place */
	rmdir(dir);
	loop_turn(loop, false);
	ck_assert_int_eq(counter, 1);
	ck_assert_int_eq(told(loop, &counter), 0);
	loop_free(loop);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("watch");
	TCase *tc = tcase_create("watch");

	tcase_add_test(tc, test_events);
	tcase_add_test(tc, test_no_directory);
	tcase_add_test(tc, test_freed_within);
	suite_add_tcase(suite, tc);
	return suite;
}
