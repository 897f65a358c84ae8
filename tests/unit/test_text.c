/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for terminals: what is harmless, how wide it is, where it is cut.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "ctl/progress.h"
#include "ctl/text.h"
#include "unit.h"

#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const struct {
	const char *text, *line, *lines;
	int at;
} cleaned[] = {
	{"plain", "plain", "plain", __LINE__},
	{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", __LINE__},
	{"a\nb\tc", "a\\x0ab\\x09c", "a\nb\tc", __LINE__},
	{"\x1b[31m", "\\x1b[31m", "\\x1b[31m", __LINE__},
	{"a\xe2\x80\xae"
	 "b",
		"a\\xe2\\x80\\xae"
		"b",
		"a\\xe2\\x80\\xae"
		"b",
		__LINE__},
	{"\xc2\x9b", "\\xc2\\x9b", "\\xc2\\x9b", __LINE__},
	{"\xff\xc3", "\\xff\\xc3", "\\xff\\xc3", __LINE__},
	{"\r\x7f", "\\x0d\\x7f", "\\x0d\\x7f", __LINE__},
};

START_TEST(test_cleaned)
{
	AUTO(buf) struct buf line = {.data = NULL};
	AUTO(buf) struct buf lines = {.data = NULL};

	text_add(&line, cleaned[_i].text);
	text_add_lines(&lines, cleaned[_i].text);
	ck_assert_msg(strcmp(buf_str(&line), cleaned[_i].line) == 0, "line %d",
		cleaned[_i].at);
	ck_assert_msg(strcmp(buf_str(&lines), cleaned[_i].lines) == 0, "line %d",
		cleaned[_i].at);
}
END_TEST

static const struct {
	const char *text;
	size_t width;
	const char *rest;
	int line;
} cuts[] = {
	{"", 0, "", __LINE__},
	{"abc", 3, "", __LINE__},
	{"abc", 2, "c", __LINE__},
	{"abc", 0, "abc", __LINE__},
	{"\xc3\xbc\xc3\xbc\xc3\xbc", 2, "\xc3\xbc", __LINE__},
	{"\x1b[31mab\x1b[0mc", 2, "c", __LINE__},
	{"\x1b[31mab\x1b[0mc", 3, "", __LINE__},
	{"\x1b[1;31mab", 1, "b", __LINE__},
	/* No colour: every character takes room. */
	{"\x1b[31", 2, "31", __LINE__},
	{"\x1b", 1, "", __LINE__},
	{"\xff\xff", 1, "\xff", __LINE__},
};

START_TEST(test_cut)
{
	ck_assert_msg(strcmp(text_cut(cuts[_i].text, cuts[_i].width), cuts[_i].rest) ==
			0,
		"line %d", cuts[_i].line);
}
END_TEST

/* All that was written to a terminal of this size by fn. */
static char *
written(struct winsize size, const char *const *lines, size_t count)
{
	int master, slave;
	struct progress p = {.file = NULL};
	struct buf text = {.data = NULL};
	char bytes[4096];
	ssize_t n;

	ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, &size), 0);
	p.file = fdopen(slave, "w");
	progress_draw(&p, lines, count);
	progress_clear(&p);
	progress_clear(&p);
	fputc('.', p.file);
	fflush(p.file);
	/* A terminal hands out what it has so far; the dot is the last of it. */
	while (text.len == 0 || text.data[text.len - 1] != '.') {
		n = read(master, bytes, sizeof(bytes));
		ck_assert_int_gt(n, 0);
		buf_add(&text, bytes, (size_t)n);
	}
	fclose(p.file);
	close(master);
	return buf_take(&text);
}

START_TEST(test_progress)
{
	static const char *const lines[] = {"one", "\x1b[1mtwo and more\x1b[0m", "3",
		"4"};
	static const struct {
		unsigned short rows, columns;
		size_t count;
		const char *text;
		int line;
	} cases[] = {
		{24, 80, 1, "one\x1b[K\r\n\x1b[J\x1b[1A\r\x1b[J.", __LINE__},
		{24, 8, 2,
			"one\x1b[K\r\n\x1b[1mtwo and\x1b[0m\x1b[K\r\n\x1b[J"
			"\x1b[2A\r\x1b[J.",
			__LINE__},
		{4, 80, 4,
			"one\x1b[K\r\n\x1b[1mtwo and more\x1b[0m\x1b[0m\x1b[K\r\n"
			"and 2 lines more\x1b[K\r\n\x1b[J\x1b[3A\r\x1b[J.",
			__LINE__},
		{5, 80, 4, NULL, __LINE__},
		{1, 2, 4, "and 4 lines more\x1b[K\r\n\x1b[J\x1b[1A\r\x1b[J.", __LINE__},
		{0, 0, 0, "\x1b[J.", __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct winsize size = {.ws_row = cases[i].rows,
			.ws_col = cases[i].columns};
		AUTO(free) char *text = written(size, lines, cases[i].count);

		if (cases[i].text != NULL)
			ck_assert_msg(strcmp(text, cases[i].text) == 0, "line %d: %s",
				cases[i].line, text);
		else
			ck_assert_ptr_nonnull(
				strstr(text, "\n4\x1b[K\r\n\x1b[J\x1b[4A"));
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("text");
	TCase *tc = tcase_create("text");

	tcase_add_loop_test(tc, test_cleaned, 0, COUNT_OF(cleaned));
	tcase_add_loop_test(tc, test_cut, 0, COUNT_OF(cuts));
	tcase_add_test(tc, test_progress);
	suite_add_tcase(suite, tc);
	return suite;
}
