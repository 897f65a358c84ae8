/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What int() of Python takes for an integer, and how such integers compare.
 */
#include "unit.h"

#include "base/mem.h"
#include "core/integer.h"

#include <string.h>

/* "-12" as it is kept; NULL: no integer. */
static char *
canonical(const char *text)
{
	AUTO(integer) struct integer n = {.negative = false};

	if (!integer_parse(text, strlen(text), &n))
		return NULL;
	return xasprintf("%s%s", n.negative ? "-" : "", buf_str(&n.digits));
}

/* 0 is kept as "". */
static const struct {
	int line;
	const char *text, *kept;
} texts[] = {
	{__LINE__, "0", ""}, {__LINE__, "1", "1"}, {__LINE__, "007", "7"},
	{__LINE__, "000", ""}, {__LINE__, "10200", "10200"}, {__LINE__, "-5", "-5"},
	{__LINE__, "+5", "5"}, {__LINE__, "-0", ""}, {__LINE__, "-00_0", ""},
	{__LINE__, "1_000", "1000"}, {__LINE__, "0_1", "1"},
	{__LINE__, "123456789012345678901234567890", "123456789012345678901234567890"},
	/* Blanks around, of all kinds; none inside. */
	{__LINE__, " 1 ", "1"}, {__LINE__, "\t\n\v\f\r1\t\n\v\f\r", "1"},
	{__LINE__,
		"\xc2\x85"
		"1\xc2\xa0",
		"1"},
	{__LINE__, "\xe1\x9a\x80-1\xe2\x80\x80\xe2\x80\x8a", "-1"},
	{__LINE__,
		"\xe2\x80\xa8\xe2\x80\xa9"
		"1\xe2\x80\xaf\xe2\x81\x9f\xe3\x80\x80",
		"1"},
	/* Digits of other scripts, mixed too. */
	{__LINE__, "\xd9\xa1\xd9\xa2", "12"}, {__LINE__, "1\xd9\xa0", "10"},
	{__LINE__, "\xef\xbc\x94\xe0\xa5\xa8", "42"},
	{__LINE__, "-\xd9\xa0\xd9\xa1_\xd9\xa3", "-13"},
	{__LINE__, "\xf0\x9d\x9f\x8e\xf0\x9d\x9f\x97", "9"},
	{__LINE__, "\xf0\x9d\x9f\x98\xf0\x9d\x9f\xbf", "9"},
	{__LINE__, "\xf0\x9e\x97\xb1\xf0\x9e\x97\xba", "9"},
	/* None. */
	{__LINE__, "", NULL}, {__LINE__, " ", NULL}, {__LINE__, "-", NULL},
	{__LINE__, "+", NULL}, {__LINE__, "--1", NULL}, {__LINE__, "+-1", NULL},
	{__LINE__, "- 1", NULL}, {__LINE__, "1 2", NULL}, {__LINE__, "1-", NULL},
	{__LINE__, "_1", NULL}, {__LINE__, "1_", NULL}, {__LINE__, "1__0", NULL},
	{__LINE__, "-_1", NULL}, {__LINE__, "1.0", NULL}, {__LINE__, "1e3", NULL},
	{__LINE__, "0x10", NULL}, {__LINE__, "1a", NULL},
	{__LINE__,
		"\x1c"
		"1",
		NULL},
	{__LINE__, "1\x1f", NULL},
	{__LINE__,
		"\x7f"
		"1",
		NULL},
	{__LINE__,
		"\xe2\x80\x8b"
		"1",
		NULL},                /* zero width space */
	{__LINE__, "\xc2\xb2", NULL}, /* superscript two: a digit, not decimal */
	{__LINE__,
		"\xe2\x88\x92"
		"1",
		NULL},                    /* minus sign */
	{__LINE__, "\xe2\x85\xa7", NULL}, /* Roman eight */
	{__LINE__, "\xe4\xb8\x80", NULL}, /* ideograph one */
	{__LINE__, "1\xd9", NULL},        /* half a character */
	{__LINE__, "/", NULL}, {__LINE__, ":", NULL},
	{__LINE__, "\xd9\x9f", NULL}, /* before the Arabic zero */
	{__LINE__, "\xd9\xaa", NULL}, /* behind the Arabic nine */
};

START_TEST(test_parse)
{
	AUTO(free) char *kept = canonical(texts[_i].text);

	ck_assert_msg(str_equal(kept, texts[_i].kept), "line %d: %s: %s",
		texts[_i].line, texts[_i].text, kept == NULL ? "none" : kept);
}
END_TEST

START_TEST(test_parse_bounds)
{
	AUTO(integer) struct integer n = {.negative = false};

	ck_assert(integer_parse("123456", 3, &n));
	ck_assert_str_eq(buf_str(&n.digits), "123");
	/* A failure changes nothing, a success replaces. */
	ck_assert(!integer_parse("x", 1, &n));
	ck_assert_str_eq(buf_str(&n.digits), "123");
	ck_assert(integer_parse("-1", 2, &n));
	ck_assert_str_eq(buf_str(&n.digits), "1");
	ck_assert(n.negative);
}
END_TEST

/* In order; the integers of a row are equal. */
static const struct {
	int line;
	const char *texts[4];
} ladder[] = {
	{__LINE__, {"-100000000000000000000000000000000000001"}},
	{__LINE__, {"-100000000000000000000000000000000000000"}},
	{__LINE__, {"-9223372036854775809"}},
	{__LINE__, {"-10", "-0010", "-1_0"}},
	{__LINE__, {"-9"}},
	{__LINE__, {"0", "-0", "00", "\xd9\xa0"}},
	{__LINE__, {"1", "01", "+1", " 1 "}},
	{__LINE__, {"2"}},
	{__LINE__, {"9"}},
	{__LINE__, {"10", "010"}},
	{__LINE__, {"99"}},
	{__LINE__, {"18446744073709551615"}},
	{__LINE__, {"18446744073709551616"}},
	{__LINE__, {"99999999999999999999999999999999999999"}},
	{__LINE__, {"100000000000000000000000000000000000000"}},
};

static int
sign_of(const char *a, const char *b)
{
	AUTO(integer) struct integer x = {.negative = false}, y = {.negative = false};
	int order;

	ck_assert(integer_parse(a, strlen(a), &x) && integer_parse(b, strlen(b), &y));
	order = integer_compare(&x, &y);
	return (order > 0) - (order < 0);
}

START_TEST(test_compare)
{
	for (size_t j = 0; j < COUNT_OF(ladder); j++)
		for (size_t a = 0; a < 4 && ladder[_i].texts[a] != NULL; a++)
			for (size_t b = 0; b < 4 && ladder[j].texts[b] != NULL; b++)
				ck_assert_msg(sign_of(ladder[_i].texts[a],
						      ladder[j].texts[b]) ==
						(_i > (int)j) - (_i < (int)j),
					"lines %d and %d", ladder[_i].line,
					ladder[j].line);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("integer");
	TCase *tc = tcase_create("integer");

	tcase_add_loop_test(tc, test_parse, 0, (int)COUNT_OF(texts));
	tcase_add_test(tc, test_parse_bounds);
	tcase_add_loop_test(tc, test_compare, 0, (int)COUNT_OF(ladder));
	suite_add_tcase(suite, tc);
	return suite;
}
