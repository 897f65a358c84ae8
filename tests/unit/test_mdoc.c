/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "doc/mdoc.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *text, *expected;
	int line;
} texts[] = {
	{"", "\n", __LINE__},
	{"word", "word\n", __LINE__},
	{"One.", "One.\n", __LINE__},
	{"One. Two.", "One.\nTwo.\n", __LINE__},
	{"One.  Two.", "One.\nTwo.\n", __LINE__},
	{"By name. linux-01 is one.", "By name.\nlinux-01 is one.\n", __LINE__},
	{"Some, e.g. this. More.", "Some, e.g. this.\nMore.\n", __LINE__},
	{"Is it? (Yes.) No.", "Is it?\n(Yes.)\nNo.\n", __LINE__},
	{".aws is a directory", "\\&.aws is a directory\n", __LINE__},
	{"'a' is a letter", "\\&'a' is a letter\n", __LINE__},
	{"of '.' and '-'", "of '.' and '-'\n", __LINE__},
	{"~/.aws", "\\(ti/.aws\n", __LINE__},
	{"a\\nb ^ `", "a\\enb \\(ha \\(ga\n", __LINE__},
	{"the master's \"word\"", "the master's \"word\"\n", __LINE__},
	{"one\ntwo", "one two\n", __LINE__},
};

START_TEST(test_text)
{
	AUTO(buf) struct buf out = {.data = NULL};

	mdoc_text(&out, texts[_i].text);
	ck_assert_msg(strcmp(buf_str(&out), texts[_i].expected) == 0,
		"line %d: got '%s'", texts[_i].line, buf_str(&out));
}
END_TEST

/* No line is too wide, no word is lost, and no line begins as a request does. */
START_TEST(test_wrapping)
{
	AUTO(buf) struct buf text = {.data = NULL};
	AUTO(buf) struct buf out = {.data = NULL};
	size_t words = 0, column = 0;

	for (int i = 0; i < 200; i++)
		buf_puts(&text, i % 3 == 0 ? ".word " : "longer,word ");
	mdoc_text(&out, buf_str(&text));
	for (const char *p = buf_str(&out); *p != '\0'; p++) {
		if (column == 0)
			ck_assert_int_ne(*p, '.');
		column = *p == '\n' ? 0 : column + 1;
		ck_assert_uint_le(column, 80);
		words += *p == ' ' || *p == '\n';
	}
	ck_assert_uint_eq(words, 200);
	ck_assert_uint_eq(column, 0);
}
END_TEST

static const struct {
	const char *text, *expected;
	int line;
} args[] = {
	{"worker", "\"worker\"", __LINE__},
	{"", "\"\\&\"", __LINE__},
	{"Ar", "\"\\&Ar\"", __LINE__},
	{"up", "\"\\&up\"", __LINE__},
	{".", "\"\\&.\"", __LINE__},
	{"us-west-2", "\"us\\-west\\-2\"", __LINE__},
	{"[\"@adm\"]", "\"\\&[\\(dq@adm\\(dq]\"", __LINE__},
	{"it's", "\"it\\(aqs\"", __LINE__},
	{"a\\b c", "\"a\\eb c\"", __LINE__},
};

START_TEST(test_arg)
{
	AUTO(buf) struct buf out = {.data = NULL};

	mdoc_arg(&out, args[_i].text);
	ck_assert_msg(strcmp(buf_str(&out), args[_i].expected) == 0, "line %d: got %s",
		args[_i].line, buf_str(&out));
}
END_TEST

START_TEST(test_line)
{
	AUTO(buf) struct buf out = {.data = NULL};

	mdoc_line(&out, ".Ss", "worker.list");
	ck_assert_str_eq(buf_str(&out), ".Ss \"worker.list\"\n");
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("mdoc");
	TCase *tc = tcase_create("mdoc");

	tcase_add_loop_test(tc, test_text, 0, COUNT_OF(texts));
	tcase_add_test(tc, test_wrapping);
	tcase_add_loop_test(tc, test_arg, 0, COUNT_OF(args));
	tcase_add_test(tc, test_line);
	suite_add_tcase(suite, tc);
	return suite;
}
