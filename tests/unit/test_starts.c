/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting starts that die: what a death leaves behind, which row it is laid to, how long
 * the next one waits, and what the file may be full of.
 */
#include "core/starts.h"
#include "base/log.h"
#include "base/mem.h"
#include "scratch.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A start that takes these up, one after the other, and dies. */
static void
die_over(const char *const ids[], size_t count)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct starts *s = starts_open(".");

		for (size_t n = 0; n < count; n++)
			starts_take(s, ids[n] == NULL ? NULL : "worker", ids[n]);
		_exit(0); /* for the file the same as any death */
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void
die(const char *id)
{
	die_over(&id, 1);
}

static void
check_suspect(const char *id, unsigned deaths)
{
	struct starts *s = starts_open(".");
	const struct starts_row *row = starts_suspect(s);

	ck_assert_uint_eq(starts_deaths(s), deaths);
	if (id == NULL) {
		ck_assert_ptr_null(row);
	} else {
		ck_assert_ptr_nonnull(row);
		ck_assert_str_eq(row->kind, "worker");
		ck_assert_str_eq(row->id, id);
	}
	starts_close(s);
}

START_TEST(test_three_deaths_over_one_row)
{
	for (int n = 0; n < STARTS_SUSPECT; n++)
		die_over((const char *[]){"a", "b"}, 2);
	check_suspect("b", STARTS_SUSPECT);
	check_suspect(NULL, 0); /* that one has ended well */
}
END_TEST

START_TEST(test_not_the_same_row)
{
	die("a");
	die("a");
	die("b");
	die("a");
	die("a");
	check_suspect(NULL, 5);
}
END_TEST

/* Over nothing in particular: the rows are not to blame. */
START_TEST(test_no_row_in_hand)
{
	for (int n = 0; n < 5; n++)
		die_over((const char *[]){"a", NULL}, 2);
	check_suspect(NULL, 5);
	die("a");
	die("a");
	die_over(NULL, 0);
	die("a");
	check_suspect(NULL, 4);
}
END_TEST

START_TEST(test_a_start_that_succeeds_ends_the_count)
{
	struct starts *s;

	die("a");
	die("a");
	s = starts_open(".");
	starts_take(s, "worker", "a");
	starts_over(s);
	starts_take(s, "worker", "a"); /* nothing is noted any more */
	starts_close(s);
	die("a");
	check_suspect(NULL, 1);
}
END_TEST

START_TEST(test_acquitted)
{
	struct starts *s;

	for (int n = 0; n < STARTS_SUSPECT; n++)
		die("a");
	s = starts_open(".");
	ck_assert_ptr_nonnull(starts_suspect(s));
	starts_acquit(s);
	ck_assert_ptr_null(starts_suspect(s));
	starts_close(s);
}
END_TEST

START_TEST(test_delays_grow)
{
	static const int64_t wanted[] = {0, 0, 0, 0, 1000, 2000, 4000, 8000, 16000,
		32000, 60000, 60000};
	struct starts *s;

	for (size_t n = 0; n < COUNT_OF(wanted); n++) {
		for (size_t deaths = 0; deaths < n; deaths++)
			die(NULL);
		s = starts_open(".");
		ck_assert_uint_eq(starts_deaths(s), n);
		ck_assert_int_eq(starts_delay_ms(s), wanted[n]);
		starts_close(s);
	}
}
END_TEST

static const struct {
	const char *id;
	bool held;
	int line;
} names[] = {
	{"linux-01.example", true, __LINE__},
	{"with blanks in it", true, __LINE__},
	{"uid/key \xc3\xa4", true, __LINE__},
	{"a23456789b23456789c23456789d23456789e23456789f23456789g23456789h23456789"
	 "a23456789b23456789c23456789d23456789e23456789f2345678",
		true, __LINE__},
	{"a23456789b23456789c23456789d23456789e23456789f23456789g23456789h23456789"
	 "a23456789b23456789c23456789d23456789e23456789f23456789g23456789h23456789",
		false, __LINE__},
	{"", false, __LINE__},
};

START_TEST(test_names)
{
	for (int n = 0; n < STARTS_SUSPECT; n++)
		die(names[_i].id);
	check_suspect(names[_i].held ? names[_i].id : NULL, STARTS_SUSPECT);
}
END_TEST

static const char *const rubbish[] = {"", "3", "x", "4294967296 1\n", "-1 -1\n",
	"99999999999999999999999999 3\nworker a\nworker a\n"};

/* Whatever is in the file, the start goes on, and nothing is laid to any row. */
START_TEST(test_rubbish_in_the_file)
{
	char all[640];
	int fd = open("starts", O_WRONLY | O_CREAT, 0600);

	memset(all, _i % 2 == 0 ? '\0' : '\xff', sizeof(all));
	memcpy(all, rubbish[_i], strlen(rubbish[_i]));
	ck_assert_int_eq(write(fd, all, _i == 0 ? 0 : sizeof(all)),
		_i == 0 ? 0 : (ssize_t)sizeof(all));
	close(fd);
	starts_close(starts_open("."));
	check_suspect(NULL, 0);
}
END_TEST

/* No file to write to: the count is lost, the start is not. */
START_TEST(test_no_file)
{
	log_set_level(LOG_LEVEL_ERROR);
	ck_assert_int_eq(symlink("elsewhere", "starts"), 0);
	die("a");
	check_suspect(NULL, 0);
	ck_assert_int_lt(access("elsewhere", F_OK), 0);
}
END_TEST

START_TEST(test_for_our_own_eyes)
{
	struct stat st;

	starts_close(starts_open("."));
	ck_assert_int_eq(stat("starts", &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("starts");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
	tcase_add_test(t, test_three_deaths_over_one_row);
	tcase_add_test(t, test_not_the_same_row);
	tcase_add_test(t, test_no_row_in_hand);
	tcase_add_test(t, test_a_start_that_succeeds_ends_the_count);
	tcase_add_test(t, test_acquitted);
	tcase_add_test(t, test_delays_grow);
	tcase_add_loop_test(t, test_names, 0, COUNT_OF(names));
	tcase_add_loop_test(t, test_rubbish_in_the_file, 0, COUNT_OF(rubbish));
	tcase_add_test(t, test_no_file);
	tcase_add_test(t, test_for_our_own_eyes);
	suite_add_tcase(s, t);
	return s;
}
