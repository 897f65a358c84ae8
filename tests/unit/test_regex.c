/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns as Python's re.match takes them: what matches, what the first group holds,
 * where a wrong pattern is wrong, and that none of them costs more than the limits.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "sys/regex.h"

#include <string.h>

/* What there is to say of a match: "-" none, "=" without the group, "=text" with it. */
static char *
outcome(const char *pattern, const char *text)
{
	struct err err = {.code = ERR_NONE};
	AUTO(regex) struct regex *re = regex_compile(pattern, NULL, &err);
	struct regex_group group;
	int rc;

	ck_assert_msg(re != NULL, "%s: %s", pattern, err.text);
	rc = regex_match(re, text, &group, &err);
	ck_assert_msg(rc >= 0, "%s: %s", pattern, err.text);
	if (rc == 0)
		return xstrdup("-");
	if (group.text == NULL)
		return xstrdup("=");
	return xasprintf("=%.*s", (int)group.len, group.text);
}

static const struct {
	int line;
	const char *pattern, *text, *outcome;
} matches[] = {
	/* At the start, not at the end. */
	{__LINE__, "ci-", "ci-1", "="},
	{__LINE__, "ci-", "my/ci-1", "-"},
	{__LINE__, "ci|my", "xmy", "-"},
	{__LINE__, "(?m)^b", "a\nb", "-"},
	{__LINE__, ".*/ci-(\\d+)", "123456789012/ci-17-old", "=17"},
	{__LINE__, "ci-(\\d+)$", "ci-17-old", "-"},
	{__LINE__, "ci-(\\d+)$", "ci-17", "=17"},
	{__LINE__, "a$", "a\n", "="},
	{__LINE__, "", "anything", "="},
	{__LINE__, "", "", "="},
	/* The first group: here, there and nowhere. */
	{__LINE__, "(?:a)(b)(c)", "abc", "=b"},
	{__LINE__, "(?P<build>\\d+)-(?P<minor>\\d+)", "7-3", "=7"},
	{__LINE__, "((a)(b))", "ab", "=ab"},
	{__LINE__, "ci-(\\d+)?", "ci-", "="},
	{__LINE__, "ci-(\\d*)", "ci-", "="},
	{__LINE__, "(a)|(b)", "b", "="},
	{__LINE__, "(?=ci-(\\d+))ci", "ci-9", "=9"},
	{__LINE__, "(a|b)*", "abba", "=a"},
	{__LINE__, "(.)\\1", "xx", "=x"},
	{__LINE__, "(?P<q>.)(?P=q)", "xy", "-"},
	/* The dot takes all but the end of a line, and that is \n alone. */
	{__LINE__, "a.b", "a\nb", "-"},
	{__LINE__, "a(.)b", "a\rb", "=\r"},
	{__LINE__, "(?s)a.b", "a\nb", "="},
	/* Characters, not bytes; classes by Unicode. */
	{__LINE__, "(.)$", "\xc3\xa9", "=\xc3\xa9"},
	{__LINE__, "(\\d+)", "\xd9\xa1\xd9\xa2", "=\xd9\xa1\xd9\xa2"},
	{__LINE__, "(\\w+)", "gr\xc3\xb6\xc3\x9f-", "=gr\xc3\xb6\xc3\x9f"},
	{__LINE__, "(\\s)x", "\xc2\xa0x", "=\xc2\xa0"},
	{__LINE__, "(?i)\xc3\x84(b)",
		"\xc3\xa4"
		"B",
		"=B"},
	{__LINE__, "[^/]+/(.*)", "o/\xf0\x9d\x84\x9e", "=\xf0\x9d\x84\x9e"},
	{__LINE__, "(a{2,3})", "aaaa", "=aaa"},
	{__LINE__, "[{,3}]+(x)", "{,3}x", "=x"},
};

START_TEST(test_match)
{
	AUTO(free) char *got = outcome(matches[_i].pattern, matches[_i].text);

	ck_assert_msg(strcmp(got, matches[_i].outcome) == 0,
		"line %d: %s on %s: %s instead of %s", matches[_i].line,
		matches[_i].pattern, matches[_i].text, got, matches[_i].outcome);
}
END_TEST

START_TEST(test_empty_group_takes_part)
{
	AUTO(regex) struct regex *re = regex_compile("ci-(\\d*)", NULL, NULL);
	struct regex_group group = {.len = 7};

	ck_assert_int_eq(regex_match(re, "ci-", &group, NULL), 1);
	ck_assert_ptr_nonnull(group.text);
	ck_assert_uint_eq(group.len, 0);
	ck_assert_int_eq(regex_match(re, "ci-", NULL, NULL), 1);
}
END_TEST

START_TEST(test_no_match_touches_nothing)
{
	AUTO(regex) struct regex *re = regex_compile("a(b)", NULL, NULL);
	struct regex_group group = {"kept", 4};

	ck_assert_int_eq(regex_match(re, "b", &group, NULL), 0);
	ck_assert_str_eq(group.text, "kept");
}
END_TEST

static const struct {
	int line;
	const char *pattern;
	size_t offset;
	const char *part; /* of the sentence */
} wrong[] = {
	{__LINE__, "ci-(\\d+", 7, "missing closing parenthesis"},
	{__LINE__, "ci)", 2, "unmatched closing parenthesis"},
	{__LINE__, "*ci", 0, "quantifier does not follow"},
	{__LINE__, "[a-", 3, "missing terminating ]"},
	{__LINE__, "[b-a]", 3, "range out of order"},
	{__LINE__, "a{3,2}", 5, "numbers out of order"},
	{__LINE__, "\\u0041", 2, "does not support"},
	{__LINE__, "ci-\\d{,12}$", 5, "{,12} is ambiguous; write {0,12}"},
	{__LINE__, "[]{,1}]x{,2}", 8, "{,2} is ambiguous; write {0,2}"},
	{__LINE__, "[^]\\]{,1}]\\{,2}x{,3}", 16, "{,3} is ambiguous"},
	{__LINE__, "a\\", 2, "\\ at end of pattern"},
	{__LINE__, "\\1", 1, "reference to non-existent subpattern"},
	{__LINE__, "(?P<a>x)(?P<a>y)", 14, "two named subpatterns have the same name"},
	{__LINE__, "\\C", 2, "\\C is disabled"},
	{__LINE__, "\xff", 0, "UTF-8 error"},
	{__LINE__, "\xc3\xa9\xc3", 2, "UTF-8 error"},
};

START_TEST(test_wrong)
{
	struct err err = {.code = ERR_NONE};
	size_t offset = 99;

	ck_assert_ptr_null(regex_compile(wrong[_i].pattern, &offset, &err));
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_msg(offset == wrong[_i].offset && strstr(err.text, wrong[_i].part),
		"line %d: %zu: %s", wrong[_i].line, offset, err.text);
	ck_assert_ptr_null(regex_compile(wrong[_i].pattern, NULL, NULL));
}
END_TEST

/* Deep, and long: refused, and the offset stays within the pattern. */
START_TEST(test_excessive)
{
	AUTO(buf) struct buf deep = {0}, length = {0}, large = {0};
	const struct buf *const patterns[] = {&deep, &length, &large};
	struct err err;
	size_t offset;

	for (int i = 0; i < 200; i++)
		buf_putc(&deep, '(');
	for (unsigned i = 0; i < REGEX_PATTERN_MAX + 1; i++)
		buf_putc(&length, 'a');
	buf_puts(&large, "((((x{99}){99}){99}){99})");
	for (size_t i = 0; i < COUNT_OF(patterns); i++) {
		const char *pattern = buf_str(patterns[i]);

		ck_assert_ptr_null(regex_compile(pattern, &offset, &err));
		ck_assert_uint_le(offset, strlen(pattern));
		ck_assert_str_ne(err.text, "");
	}
	buf_drop(&length, 1);
	regex_unref(regex_compile(buf_str(&length), NULL, NULL));
}
END_TEST

/* Each of these would work for centuries. */
static const struct {
	int line;
	const char *pattern, *unit, *end;
	size_t count;
} catastrophes[] = {
	{__LINE__, "(a+)+$", "a", "b", 60},
	{__LINE__, "(a|aa)+$", "a", "b", 60},
	{__LINE__, "(.*)*[xy]", "ab", "", 60},
	{__LINE__, "(\\w+\\s?)*[:;]", "word ", "", 40},
	{__LINE__, "(?:(a)|b)*[cd]", "ab", "", 60000},
};

START_TEST(test_limit_is_said)
{
	AUTO(regex)
	struct regex *re = regex_compile(catastrophes[_i].pattern, NULL, NULL);
	AUTO(buf) struct buf text = {0};
	struct err err = {.code = ERR_NONE};

	for (size_t i = 0; i < catastrophes[_i].count; i++)
		buf_puts(&text, catastrophes[_i].unit);
	buf_puts(&text, catastrophes[_i].end);
	ck_assert_msg(regex_match(re, buf_str(&text), NULL, &err) == -1, "line %d",
		catastrophes[_i].line);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_ptr_nonnull(strstr(err.text, "limit exceeded"));
	/* The next text is none the worse for it. */
	ck_assert_int_eq(regex_match(re, "=", NULL, &err), 0);
}
END_TEST

START_TEST(test_text_that_is_no_utf8)
{
	AUTO(regex) struct regex *re = regex_compile("a", NULL, NULL);
	struct err err = {.code = ERR_NONE};

	ck_assert_int_eq(regex_match(re, "a\xc3", NULL, &err), -1);
	ck_assert_int_eq(err.code, ERR_PARSE);
	ck_assert_ptr_nonnull(strstr(err.text, "UTF-8"));
}
END_TEST

START_TEST(test_counted)
{
	struct regex *re = regex_compile("a(b)(c)", NULL, NULL);

	ck_assert_ptr_eq(regex_ref(re), re);
	regex_unref(re);
	ck_assert_str_eq(regex_pattern(re), "a(b)(c)");
	ck_assert_uint_eq(regex_groups(re), 2);
	regex_unref(re);
	regex_unref(NULL);
	ck_assert_ptr_null(regex_ref(NULL));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("regex");
	TCase *tc = tcase_create("match");

	tcase_add_loop_test(tc, test_match, 0, (int)COUNT_OF(matches));
	tcase_add_test(tc, test_empty_group_takes_part);
	tcase_add_test(tc, test_no_match_touches_nothing);
	tcase_add_test(tc, test_text_that_is_no_utf8);
	tcase_add_test(tc, test_counted);
	suite_add_tcase(suite, tc);
	tc = tcase_create("limits");
	tcase_add_loop_test(tc, test_wrong, 0, (int)COUNT_OF(wrong));
	tcase_add_test(tc, test_excessive);
	tcase_add_loop_test(tc, test_limit_is_said, 0, (int)COUNT_OF(catastrophes));
	suite_add_tcase(suite, tc);
	return suite;
}
