/* SPDX-License-Identifier: Apache-2.0 */
#include "base/field.h"
#include "base/buf.h"
#include "base/rng.h"
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BAD INT64_MIN

static const struct {
	const char *text;
	int64_t ms;
	int line;
} cases[] = {
	{"0", 0, __LINE__},
	{"-0", 0, __LINE__},
	{"5", 5000, __LINE__},
	{"005", 5000, __LINE__},
	{"-1", -1000, __LINE__},
	{"90s", 90000, __LINE__},
	{"20m", 1200000, __LINE__},
	{"2h", 7200000, __LINE__},
	{"1d", 86400000, __LINE__},
	{"-2h", -7200000, __LINE__},
	{"0.5", 500, __LINE__},
	{"1.5h", 5400000, __LINE__},
	{"0.25d", 21600000, __LINE__},
	{"0.001", 1, __LINE__},
	{"0.0009", 0, __LINE__},
	{"0.1", 100, __LINE__},
	{"0.3m", 18000, __LINE__},
	{"1.999999999999999999s", 1999, __LINE__},
	{"0.000000011574074d", 0, __LINE__},
	{"0.0000000115741d", 0, __LINE__},
	{"0.00000002d", 1, __LINE__},
	{"9223372036854775", INT64_C(9223372036854775000), __LINE__},
	{"9223372036854775.807", INT64_MAX, __LINE__},
	{"-9223372036854775.807", -INT64_MAX, __LINE__},
	{"9223372036854775.808", BAD, __LINE__},
	{"-9223372036854775.808", BAD, __LINE__},
	{"9223372036854776", BAD, __LINE__},
	{"106751991167d", INT64_C(9223372036828800000), __LINE__},
	{"106751991168d", BAD, __LINE__},
	{"99999999999999999999", BAD, __LINE__},
	{"", BAD, __LINE__},
	{"-", BAD, __LINE__},
	{"s", BAD, __LINE__},
	{".5", BAD, __LINE__},
	{"5.", BAD, __LINE__},
	{"5.s", BAD, __LINE__},
	{"+5", BAD, __LINE__},
	{"--5", BAD, __LINE__},
	{"5 ", BAD, __LINE__},
	{" 5", BAD, __LINE__},
	{"5 s", BAD, __LINE__},
	{"5S", BAD, __LINE__},
	{"5ms", BAD, __LINE__},
	{"5sec", BAD, __LINE__},
	{"1h30m", BAD, __LINE__},
	{"1.2.3", BAD, __LINE__},
	{"1e3", BAD, __LINE__},
	{"0x10", BAD, __LINE__},
	{"inf", BAD, __LINE__},
	{"nan", BAD, __LINE__},
	{"10 minutes", BAD, __LINE__},
	{"1,5", BAD, __LINE__},
};

START_TEST(test_parse)
{
	int64_t ms = BAD;
	int result = field_parse_duration(cases[_i].text, &ms);

	ck_assert_msg(ms == cases[_i].ms, "line %d: %s: %" PRId64, cases[_i].line,
		cases[_i].text, ms);
	ck_assert_int_eq(result, cases[_i].ms == BAD ? -1 : 0);
}
END_TEST

static const struct {
	int64_t ms;
	const char *text;
} prints[] = {
	{0, "0s"},
	{1, "0.001s"},
	{10, "0.01s"},
	{100, "0.1s"},
	{1500, "1.5s"},
	{1234, "1.234s"},
	{1000, "1s"},
	{60000, "1m"},
	{90000, "90s"},
	{3600000, "1h"},
	{5400000, "90m"},
	{86400000, "1d"},
	{INT64_C(172800000), "2d"},
	{-600000, "-10m"},
	{-1, "-0.001s"},
	{INT64_MAX, "9223372036854775.807s"},
	{-INT64_MAX, "-9223372036854775.807s"},
};

START_TEST(test_print)
{
	AUTO(buf) struct buf out = {.data = NULL};

	field_print_duration(prints[_i].ms, &out);
	ck_assert_str_eq(buf_str(&out), prints[_i].text);
}
END_TEST

/* Of any size, so that all lengths occur. */
static int64_t
some_duration(struct rng *r)
{
	static const int64_t steps[] = {1, 10, 1000, 60000, 3600000, 86400000};
	int64_t ms = (int64_t)(rng_u64(r) >> (1 + rng_below(r, 63)));
	int64_t step = steps[rng_below(r, COUNT_OF(steps))];

	ms -= ms % step;
	return rng_below(r, 2) ? ms : -ms;
}

START_TEST(test_print_reads_back)
{
	struct rng r;

	rng_seed(&r, (uint64_t)_i);
	for (int i = 0; i < 20000; i++) {
		AUTO(buf) struct buf out = {.data = NULL};
		int64_t ms = some_duration(&r), back = BAD;

		field_print_duration(ms, &out);
		ck_assert_msg(field_parse_duration(buf_str(&out), &back) == 0 &&
				back == ms,
			"SEED=%d: %" PRId64 ": %s: %" PRId64, _i, ms, buf_str(&out),
			back);
	}
}
END_TEST

/* A number and a unit mean their product; a fraction adds its share, rounded down. */
START_TEST(test_arithmetic)
{
	static const struct {
		char letter;
		int64_t ms;
	} units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
	struct rng r;

	rng_seed(&r, (uint64_t)_i);
	for (int i = 0; i < 20000; i++) {
		size_t u = rng_below(&r, COUNT_OF(units));
		int64_t whole = (int64_t)rng_below(&r, 100000000);
		int64_t micro = (int64_t)rng_below(&r, 1000000);
		int64_t ms = BAD;
		char text[64];

		snprintf(text, sizeof(text), "%" PRId64 ".%06" PRId64 "%c", whole,
			micro, units[u].letter);
		ck_assert_int_eq(field_parse_duration(text, &ms), 0);
		ck_assert_msg(ms == whole * units[u].ms + micro * units[u].ms / 1000000,
			"SEED=%d: %s: %" PRId64, _i, text, ms);
	}
}
END_TEST

/* Whatever is read is in range, and only what is read is stored. */
START_TEST(test_random_text)
{
	static const char letters[] = "0123456789.-smhd e+";
	struct rng r;

	rng_seed(&r, (uint64_t)_i);
	for (int i = 0; i < 100000; i++) {
		char text[24];
		size_t len = rng_below(&r, sizeof(text));
		int64_t ms = BAD;
		int result;

		for (size_t k = 0; k < len; k++)
			text[k] = letters[rng_below(&r, sizeof(letters) - 1)];
		text[len] = '\0';
		result = field_parse_duration(text, &ms);
		ck_assert_msg((result == 0) == (ms != BAD), "SEED=%d: '%s'", _i, text);
		if (result == 0)
			ck_assert_msg(strspn(text, "0123456789.-smhd") == len,
				"SEED=%d: '%s'", _i, text);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("field_duration");
	TCase *tc = tcase_create("field_duration");

	tcase_add_loop_test(tc, test_parse, 0, COUNT_OF(cases));
	tcase_add_loop_test(tc, test_print, 0, COUNT_OF(prints));
	tcase_add_loop_test(tc, test_print_reads_back, 1, 5);
	tcase_add_loop_test(tc, test_arithmetic, 1, 5);
	tcase_add_loop_test(tc, test_random_text, 1, 5);
	suite_add_tcase(suite, tc);
	return suite;
}
