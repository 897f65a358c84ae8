/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int ends[2]; /* the pipe that stands for stderr */

static void
setup(void)
{
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_ge(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	log_set_fd(ends[1]);
	clock_fake(0, INT64_C(1769854500000));
}

/* What arrived since the last call. */
static const char *
drain(void)
{
	static char text[1 << 20];
	size_t len = 0;
	ssize_t n;

	while ((n = read(ends[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return text;
}

#define NOW "2026-01-31T10:15:00.000Z "

START_TEST(test_lines)
{
	log_error("bot1", "went %s", "away");
	ck_assert_str_eq(drain(), NOW "error bot1: went away\n");
	log_warning(NULL, "%d%%", 90);
	ck_assert_str_eq(drain(), NOW "warning: 90%\n");
	log_info("l-7", "x");
	ck_assert_str_eq(drain(), NOW "info l-7: x\n");
}
END_TEST

START_TEST(test_journal)
{
	log_set_level(LOG_LEVEL_DEBUG);
	log_set_journal(true);
	log_error("bot1", "a");
	log_warning(NULL, "b");
	log_info("bot1", "c");
	log_debug(NULL, "d");
	ck_assert_str_eq(drain(), "<3>bot1: a\n<4>b\n<6>bot1: c\n<7>d\n");
	log_set_journal(false);
	log_info(NULL, "e");
	ck_assert_str_eq(drain(), NOW "info: e\n");
}
END_TEST

START_TEST(test_levels)
{
	static const char *const expected[] = {"error", "warning", "info", "debug"};

	ck_assert_int_eq(log_get_level(), LOG_LEVEL_INFO);
	for (int level = 0; level < LOG_LEVEL_COUNT; level++) {
		int lines = 0;

		log_set_level((enum log_level)level);
		ck_assert_int_eq(log_get_level(), level);
		log_error(NULL, "x");
		log_warning(NULL, "x");
		log_info(NULL, "x");
		log_debug(NULL, "x");
		for (const char *p = drain(); *p != '\0'; p++)
			lines += *p == '\n';
		ck_assert_int_eq(lines, level + 1);
		ck_assert_str_eq(log_level_names[level], expected[level]);
	}
	ck_assert_ptr_null(log_level_names[LOG_LEVEL_COUNT]);
}
END_TEST

START_TEST(test_nothing_forges_a_line)
{
	log_set_journal(true);
	log_info("bo\nt", "a\n<3>b\tc\r\x1b[31m\x7f\xc2\x9bz\xff ä日 \\");
	ck_assert_str_eq(drain(),
		"<6>bo\\nt: a\\n<3>b\\tc\\x0d\\x1b[31m\\x7f\\x9bz\\xff ä日 \\\n");
}
END_TEST

START_TEST(test_long_lines_are_cut)
{
	char text[6001];

	log_set_journal(true);
	for (size_t pad = 0; pad < 4; pad++) {
		const char *line;
		size_t len;

		memset(text, 'a', sizeof(text));
		for (size_t i = pad; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "日", 3);
		text[sizeof(text) - 1] = '\0';
		log_info(NULL, "%s", text);
		line = drain();
		len = strlen(line);
		ck_assert_uint_le(len, 4096);
		ck_assert_uint_gt(len, 4090);
		ck_assert_str_eq(line + len - 4, "...\n");
		ck_assert(utf8_valid(line, len));
	}
}
END_TEST

/* A full pipe costs lines, not time; the loss is told when there is room again. */
START_TEST(test_drops_and_counts)
{
	char text[1001];
	int written = 0, dropped = 0;
	const char *p;

	log_set_journal(true);
	memset(text, 'x', 1000);
	text[1000] = '\0';
	for (int i = 0; i < 200; i++)
		log_info(NULL, "%s", text);
	for (p = drain(); *p != '\0'; p++)
		written += *p == '\n';
	ck_assert_int_gt(written, 10);
	ck_assert_int_lt(written, 200);
	log_info(NULL, "after");
	p = drain();
	ck_assert_int_eq(sscanf(p, "<4>%d log lines were dropped", &dropped), 1);
	ck_assert_int_eq(written + dropped, 200);
	ck_assert_str_eq(strchr(p, '\n') + 1, "<6>after\n");
	log_info(NULL, "again");
	ck_assert_str_eq(drain(), "<6>again\n"); /* told once */
}
END_TEST

START_TEST(test_flags_of_the_descriptor)
{
	int before = fcntl(ends[1], F_GETFL);

	ck_assert_int_eq(before & O_NONBLOCK, 0);
	log_info(NULL, "x");
	ck_assert_int_eq(fcntl(ends[1], F_GETFL), before);
	ck_assert_int_ge(fcntl(ends[1], F_SETFL, before | O_NONBLOCK), 0);
	log_info(NULL, "y");
	ck_assert_int_eq(fcntl(ends[1], F_GETFL), before | O_NONBLOCK);
}
END_TEST

START_TEST(test_broken_descriptor)
{
	log_set_journal(true);
	log_set_fd(-1);
	log_info(NULL, "lost");
	log_set_fd(ends[1]);
	log_info(NULL, "found");
	ck_assert_str_eq(drain(),
		"<4>1 log line was dropped: the log was not read\n<6>found\n");
}
END_TEST

/* A terminal may take half a line: the next one starts on a line of its own. */
START_TEST(test_torn_lines)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY), slave, whole = 0;
	char text[1001], *line, *rest;
	struct termios raw;

	ck_assert_int_ge(terminal, 0);
	ck_assert_int_eq(grantpt(terminal), 0);
	ck_assert_int_eq(unlockpt(terminal), 0);
	slave = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	ck_assert_int_ge(slave, 0);
	ck_assert_int_eq(tcgetattr(slave, &raw), 0);
	cfmakeraw(&raw);
	ck_assert_int_eq(tcsetattr(slave, TCSANOW, &raw), 0);
	ck_assert_int_ge(fcntl(terminal, F_SETFL, O_NONBLOCK), 0);

	log_set_journal(true);
	log_set_fd(slave);
	memset(text, 'x', 1000);
	text[1000] = '\0';
	for (int i = 0; i < 200; i++)
		log_info(NULL, "%s", text);
	ends[0] = terminal;
	rest = xstrdup(drain());
	log_info(NULL, "after");
	line = xasprintf("%s%s", rest, drain());
	free(rest);
	rest = line;
	for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		/* Whole, or a beginning of one; nothing is glued to it. */
		size_t len = (size_t)(end - line);
		size_t xs = len > 3 ? strspn(line + 3, "x") : 0;

		if (xs > 0 && strncmp(line, "<6>", 3) == 0) {
			ck_assert_uint_eq(len, xs + 3);
			whole += xs == 1000;
		}
	}
	ck_assert_int_gt(whole, 0);
	ck_assert_ptr_nonnull(strstr(rest, " log line"));
	ck_assert_ptr_nonnull(strstr(rest, "\n<6>after\n"));
	free(rest);
}
END_TEST

START_TEST(test_errno_survives)
{
	log_set_fd(-1);
	errno = ENOENT;
	log_info(NULL, "x");
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, test_lines);
	tcase_add_test(tc, test_journal);
	tcase_add_test(tc, test_levels);
	tcase_add_test(tc, test_nothing_forges_a_line);
	tcase_add_test(tc, test_long_lines_are_cut);
	tcase_add_test(tc, test_drops_and_counts);
	tcase_add_test(tc, test_flags_of_the_descriptor);
	tcase_add_test(tc, test_broken_descriptor);
	tcase_add_test(tc, test_torn_lines);
	tcase_add_test(tc, test_errno_survives);
	suite_add_tcase(suite, tc);
	return suite;
}
