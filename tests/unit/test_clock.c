/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define BAD INT64_MIN

static const struct {
	const char *text;
	int64_t wall_ms; /* BAD: it is no time */
	int line;
} parses[] = {
	{"1970-01-01T00:00:00Z", 0, __LINE__},
	{"1970-01-01T00:00:00.000Z", 0, __LINE__},
	{"1969-12-31T23:59:59.999Z", -1, __LINE__},
	{"2026-01-31T10:15:00.000Z", INT64_C(1769854500000), __LINE__},
	{"2026-01-31T10:15:00Z", INT64_C(1769854500000), __LINE__},
	{"2026-01-31T10:15:00.5Z", INT64_C(1769854500500), __LINE__},
	{"2026-01-31T10:15:00.123456789Z", INT64_C(1769854500123), __LINE__},
	{"2026-01-31T10:15:00.9999Z", INT64_C(1769854500999), __LINE__},
	{"2026-01-31T12:15:00+02:00", INT64_C(1769854500000), __LINE__},
	{"2026-01-31T04:45:00-0530", INT64_C(1769854500000), __LINE__},
	{"2026-01-31T10:15:00.250+0000", INT64_C(1769854500250), __LINE__},
	{"2000-02-29T00:00:00Z", INT64_C(951782400000), __LINE__},
	{"2016-12-31T23:59:60Z", INT64_C(1483228800000), __LINE__}, /* leap second */
	{"0000-01-01T00:00:00Z", INT64_C(-62167219200000), __LINE__},
	{"9999-12-31T23:59:59.999Z", INT64_C(253402300799999), __LINE__},
	{"", BAD, __LINE__},
	{"2026", BAD, __LINE__},
	{"2026-01-31", BAD, __LINE__},
	{"2026-01-31T10:15:00", BAD, __LINE__},
	{"2026-01-31 10:15:00Z", BAD, __LINE__},
	{"2026-01-31t10:15:00z", BAD, __LINE__},
	{" 2026-01-31T10:15:00Z", BAD, __LINE__},
	{"2026-01-31T10:15:00Z ", BAD, __LINE__},
	{"2026-01-31T10:15:00.Z", BAD, __LINE__},
	{"2026-01-31T10:15:00,5Z", BAD, __LINE__},
	{"2026-1-31T10:15:00Z", BAD, __LINE__},
	{"2026-01-31T1:15:00Z", BAD, __LINE__},
	{"+026-01-31T10:15:00Z", BAD, __LINE__},
	{"20260-01-31T10:15:00Z", BAD, __LINE__},
	{"2026-00-31T10:15:00Z", BAD, __LINE__},
	{"2026-13-31T10:15:00Z", BAD, __LINE__},
	{"2026-01-00T10:15:00Z", BAD, __LINE__},
	{"2026-01-32T10:15:00Z", BAD, __LINE__},
	{"2026-02-29T10:15:00Z", BAD, __LINE__},
	{"1900-02-29T10:15:00Z", BAD, __LINE__},
	{"2026-04-31T10:15:00Z", BAD, __LINE__},
	{"2026-01-31T24:00:00Z", BAD, __LINE__},
	{"2026-01-31T10:60:00Z", BAD, __LINE__},
	{"2026-01-31T10:15:61Z", BAD, __LINE__},
	{"2026-01-31T10:15:00+2:00", BAD, __LINE__},
	{"2026-01-31T10:15:00+24:00", BAD, __LINE__},
	{"2026-01-31T10:15:00+02:60", BAD, __LINE__},
	{"2026-01-31T10:15:00+", BAD, __LINE__},
	{"2026-01-31T10:15:00+02", BAD, __LINE__},
};

START_TEST(test_parse)
{
	int64_t ms = BAD;
	int result = clock_parse(parses[_i].text, &ms);

	ck_assert_msg(ms == parses[_i].wall_ms, "line %d: %s: %lld", parses[_i].line,
		parses[_i].text, (long long)ms);
	ck_assert_int_eq(result, parses[_i].wall_ms == BAD ? -1 : 0);
}
END_TEST

static const struct {
	const char *text;
	int64_t wall_ms;
	int line;
} http[] = {
	{"Sun, 06 Nov 1994 08:49:37 GMT", INT64_C(784111777000), __LINE__},
	{"Thu, 01 Jan 1970 00:00:00 GMT", 0, __LINE__},
	{"Wed, 31 Dec 1969 23:59:59 GMT", -1000, __LINE__},
	{"Tue, 29 Feb 2000 00:00:00 GMT", INT64_C(951782400000), __LINE__},
	{"Sat, 31 Dec 2016 23:59:60 GMT", INT64_C(1483228800000), __LINE__},
	{"", BAD, __LINE__},
	{"Sun, 06 Nov 1994 08:49:37", BAD, __LINE__},
	{"Sun, 06 Nov 1994 08:49:37 UTC", BAD, __LINE__},
	{"Sun, 06 Nov 1994 08:49:37 GMT ", BAD, __LINE__},
	{"sun, 06 Nov 1994 08:49:37 GMT", BAD, __LINE__},
	{"Mon, 06 Nov 1994 08:49:37 GMT", BAD, __LINE__}, /* it was a Sunday */
	{"Sun 06 Nov 1994 08:49:37 GMT", BAD, __LINE__},
	{"Sun, 6 Nov 1994 08:49:37 GMT", BAD, __LINE__},
	{"Sun, 06 nov 1994 08:49:37 GMT", BAD, __LINE__},
	{"Sun, 06 Nov 94 08:49:37 GMT", BAD, __LINE__},
	{"Sunday, 06-Nov-94 08:49:37 GMT", BAD, __LINE__},
	{"Sun Nov  6 08:49:37 1994", BAD, __LINE__},
	{"Sun, 31 Nov 1994 08:49:37 GMT", BAD, __LINE__},
	{"Sun, 06 Nov 1994 24:49:37 GMT", BAD, __LINE__},
	{"Su", BAD, __LINE__},
	{"Sun, 06 No", BAD, __LINE__},
};

START_TEST(test_parse_http)
{
	int64_t ms = BAD;
	int result = clock_parse_http(http[_i].text, &ms);

	ck_assert_msg(ms == http[_i].wall_ms, "line %d: %s: %lld", http[_i].line,
		http[_i].text, (long long)ms);
	ck_assert_int_eq(result, http[_i].wall_ms == BAD ? -1 : 0);
}
END_TEST

/* No prefix of a good text is good, and none is read past its end. */
START_TEST(test_prefixes)
{
	static const char good[] = "2026-01-31T10:15:00.000Z";
	static const char good_http[] = "Sun, 06 Nov 1994 08:49:37 GMT";
	int64_t ms;

	for (size_t len = 0; len < sizeof(good) - 1; len++) {
		AUTO(free) char *text = xstrndup(good, len);

		ck_assert_int_eq(clock_parse(text, &ms), -1);
	}
	for (size_t len = 0; len < sizeof(good_http) - 1; len++) {
		AUTO(free) char *text = xstrndup(good_http, len);

		ck_assert_int_eq(clock_parse_http(text, &ms), -1);
	}
}
END_TEST

static const struct {
	int64_t wall_ms;
	const char *text;
} formats[] = {
	{0, "1970-01-01T00:00:00.000Z"},
	{-1, "1969-12-31T23:59:59.999Z"},
	{INT64_C(1769854500000), "2026-01-31T10:15:00.000Z"},
	{INT64_C(951827696789), "2000-02-29T12:34:56.789Z"},
	{INT64_C(-62167219200001), "0000-01-01T00:00:00.000Z"},
	{INT64_C(253402300800000), "9999-12-31T23:59:59.999Z"},
	{INT64_MAX, "9999-12-31T23:59:59.999Z"},
	{INT64_MIN, "0000-01-01T00:00:00.000Z"},
};

START_TEST(test_format)
{
	char text[CLOCK_TEXT_SIZE];

	ck_assert_str_eq(clock_format(formats[_i].wall_ms, text), formats[_i].text);
}
END_TEST

/* The last counts leap seconds, as gmtime then does too; we never do. */
static const char *const zones[] = {"UTC", "America/New_York", "Asia/Kathmandu",
	"Pacific/Apia", "XYZ+13:17", "right/UTC"};

/* Against the C library's calendar, and back, whatever the zone of the process. */
START_TEST(test_round_trip)
{
	struct rng r;

	setenv("TZ", zones[_i], 1);
	tzset();
	rng_seed(&r, (uint64_t)_i);
	for (int i = 0; i < 5000; i++) {
		/* Years 1 to 9998. */
		int64_t seconds = (int64_t)rng_below(&r, UINT64_C(315500000000)) -
			INT64_C(62130000000);
		int64_t ms = seconds * 1000 + (int64_t)rng_below(&r, 1000), back = 0;
		char text[CLOCK_TEXT_SIZE], expected[64];
		time_t t = (time_t)seconds;
		struct tm tm;

		if ((size_t)_i < COUNT_OF(zones) - 1) {
			ck_assert_ptr_nonnull(gmtime_r(&t, &tm));
			snprintf(expected, sizeof(expected),
				"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
				tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
				tm.tm_hour, tm.tm_min, tm.tm_sec,
				(int)(ms - seconds * 1000));
			ck_assert_str_eq(clock_format(ms, text), expected);
		}
		ck_assert_int_eq(clock_parse(clock_format(ms, text), &back), 0);
		ck_assert_int_eq(back, ms);
	}
}
END_TEST

START_TEST(test_http_round_trip)
{
	struct rng r;

	setenv("TZ", zones[_i], 1);
	tzset();
	rng_seed(&r, (uint64_t)_i + 100);
	for (int i = 0; i < 1000; i++) {
		int64_t seconds = (int64_t)rng_below(&r, UINT64_C(8000000000)), ms = 0;
		time_t t = (time_t)seconds;
		char text[64];
		struct tm tm;

		ck_assert_ptr_nonnull(gmtime_r(&t, &tm));
		strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		ck_assert_int_eq(clock_parse_http(text, &ms), 0);
		ck_assert_int_eq(ms, seconds * 1000);
	}
}
END_TEST

static const struct {
	int64_t ms;
	const char *text;
} spans[] = {
	{0, "0 s"},
	{49, "0 s"},
	{99, "0 s"},
	{100, "0.1 s"},
	{1000, "1 s"},
	{2480, "2.4 s"},
	{9999, "9.9 s"},
	{10900, "10 s"},
	{34000, "34 s"},
	{59999, "59 s"},
	{60000, "1 min"},
	{120000, "2 min"},
	{150000, "2 min 30 s"},
	{3600000, "1 h"},
	{11400000, "3 h 10 min"},
	{11459000, "3 h 10 min"},
	{3601000, "1 h"},
	{86400000, "1 d"},
	{INT64_C(183600000), "2 d 3 h"},
	{-34000, "-34 s"},
	{-99, "0 s"},
	{-2500, "-2.5 s"},
	{INT64_MAX, "106751991167 d 7 h"},
	{INT64_MIN, "-106751991167 d 7 h"},
};

START_TEST(test_span)
{
	char text[CLOCK_TEXT_SIZE];

	ck_assert_str_eq(clock_span(spans[_i].ms, text), spans[_i].text);
}
END_TEST

START_TEST(test_real_clocks)
{
	int64_t boot = clock_ms(), wall = clock_wall_ms();
	struct timespec now;

	ck_assert(!clock_is_fake());
	ck_assert_int_gt(boot, 0);
	ck_assert_int_ge(clock_ms(), boot);
	clock_gettime(CLOCK_REALTIME, &now);
	ck_assert_int_le(wall / 1000, now.tv_sec);
	ck_assert_int_ge(wall / 1000, now.tv_sec - 60);
}
END_TEST

START_TEST(test_fake_clocks)
{
	clock_fake(5000, 1000000);
	ck_assert(clock_is_fake());
	ck_assert_int_eq(clock_ms(), 5000);
	ck_assert_int_eq(clock_ms(), 5000);
	ck_assert_int_eq(clock_wall_ms(), 1000000);
	clock_fake_advance(250);
	ck_assert_int_eq(clock_ms(), 5250);
	ck_assert_int_eq(clock_wall_ms(), 1000250);
	clock_fake_wall_jump(-3600000);
	ck_assert_int_eq(clock_ms(), 5250);
	ck_assert_int_eq(clock_wall_ms(), -2599750);
	clock_real();
	ck_assert(!clock_is_fake());
	ck_assert_int_gt(clock_wall_ms(), 1000250);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("clock");
	TCase *tc = tcase_create("clock");

	tcase_add_loop_test(tc, test_parse, 0, COUNT_OF(parses));
	tcase_add_loop_test(tc, test_parse_http, 0, COUNT_OF(http));
	tcase_add_test(tc, test_prefixes);
	tcase_add_loop_test(tc, test_format, 0, COUNT_OF(formats));
	tcase_add_loop_test(tc, test_round_trip, 0, COUNT_OF(zones));
	tcase_add_loop_test(tc, test_http_round_trip, 0, COUNT_OF(zones) - 1);
	tcase_add_loop_test(tc, test_span, 0, COUNT_OF(spans));
	tcase_add_test(tc, test_real_clocks);
	tcase_add_test(tc, test_fake_clocks);
	suite_add_tcase(suite, tc);
	return suite;
}
