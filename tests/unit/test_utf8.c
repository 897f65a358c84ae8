/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"
#include "base/mem.h"
#include "base/rng.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *bytes;
	size_t len; /* of the first character, 0 if there is none */
	uint32_t character;
	int line;
} cases[] = {
	{"a", 1, 'a', __LINE__},
	{"\x7f", 1, 0x7f, __LINE__},
	{"\xc2\x80", 2, 0x80, __LINE__},
	{"\xdf\xbf", 2, 0x7ff, __LINE__},
	{"\xe0\xa0\x80", 3, 0x800, __LINE__},
	{"\xed\x9f\xbf", 3, 0xd7ff, __LINE__},
	{"\xee\x80\x80", 3, 0xe000, __LINE__},
	{"\xef\xbf\xbf", 3, 0xffff, __LINE__},
	{"\xf0\x90\x80\x80", 4, 0x10000, __LINE__},
	{"\xf4\x8f\xbf\xbf", 4, 0x10ffff, __LINE__},
	{"", 0, 0, __LINE__},
	{"\x80", 0, 0, __LINE__},             /* no lead */
	{"\xc0\x80", 0, 0, __LINE__},         /* overlong */
	{"\xc1\xbf", 0, 0, __LINE__},         /* overlong */
	{"\xe0\x9f\xbf", 0, 0, __LINE__},     /* overlong */
	{"\xf0\x8f\xbf\xbf", 0, 0, __LINE__}, /* overlong */
	{"\xed\xa0\x80", 0, 0, __LINE__},     /* surrogate */
	{"\xed\xbf\xbf", 0, 0, __LINE__},     /* surrogate */
	{"\xf4\x90\x80\x80", 0, 0, __LINE__}, /* too high */
	{"\xf5\x80\x80\x80", 0, 0, __LINE__},
	{"\xff", 0, 0, __LINE__},
	{"\xe2\x82", 0, 0, __LINE__}, /* cut */
	{"\xe2\x28\xa1", 0, 0, __LINE__},
	{"\xf0\x9f\x98", 0, 0, __LINE__},
};

START_TEST(test_next)
{
	uint32_t character = 0;
	size_t len = strlen(cases[_i].bytes);
	size_t n = utf8_next(cases[_i].bytes, len, &character);

	ck_assert_msg(n == cases[_i].len && character == cases[_i].character,
		"line %d: %zu bytes, U+%04x", cases[_i].line, n, (unsigned)character);
	ck_assert_uint_eq(utf8_next(cases[_i].bytes, len, NULL), n);
	ck_assert(utf8_valid(cases[_i].bytes, len) == (n == len));
	/* One byte less is a character never, or another one. */
	if (n > 0)
		ck_assert_uint_eq(utf8_next(cases[_i].bytes, n - 1, NULL), 0);
}
END_TEST

static size_t
encode(uint32_t c, char *out)
{
	static const unsigned leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(leads[n] | c);
	return n;
}

/* All there are, and the surrogates that are none. */
START_TEST(test_every_character)
{
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		char bytes[4];
		uint32_t character = 0;
		size_t len = encode(c, bytes), n = utf8_next(bytes, len, &character);

		if (c >= 0xd800 && c <= 0xdfff) {
			ck_assert_uint_eq(n, 0);
			continue;
		}
		if (n != len || character != c)
			ck_abort_msg("U+%04x: %zu bytes", (unsigned)c, n);
	}
}
END_TEST

START_TEST(test_cut)
{
	static const char text[] = "aä日😀z";
	static const size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};

	for (size_t max = 0; max < COUNT_OF(ends) - 1; max++)
		ck_assert_uint_eq(utf8_cut(text, max), ends[max]);
	/* What is no UTF-8 is cut where it was asked. */
	ck_assert_uint_eq(utf8_cut("a\x80\x80\x80\x80\x80\x80", 5), 5);
}
END_TEST

START_TEST(test_controls)
{
	ck_assert(utf8_is_control('\n'));
	ck_assert(utf8_is_control(0x1b));
	ck_assert(utf8_is_control(0x7f));
	ck_assert(utf8_is_control(0x9b));
	ck_assert(!utf8_is_control(' '));
	ck_assert(!utf8_is_control(0xa0));
	ck_assert(!utf8_is_control(0xe4));
	ck_assert(utf8_is_control(0x061c));
	ck_assert(!utf8_is_control(0x200d)); /* joins the parts of one picture */
	ck_assert(utf8_is_control(0x200e) && utf8_is_control(0x200f));
	ck_assert(!utf8_is_control(0x2010) && !utf8_is_control(0x2027));
	ck_assert(utf8_is_control(0x2028) && utf8_is_control(0x202e));
	ck_assert(!utf8_is_control(0x202f) && !utf8_is_control(0x2065));
	ck_assert(utf8_is_control(0x2066) && utf8_is_control(0x2069));
	ck_assert(!utf8_is_control(0x206a));
}
END_TEST

/* Random bytes: steps never leave the text, and agree with the whole. */
START_TEST(test_random)
{
	struct rng r;

	rng_seed(&r, (uint64_t)_i);
	for (int round = 0; round < 20000; round++) {
		char bytes[8];
		size_t len = rng_below(&r, sizeof(bytes) + 1), at = 0;
		bool valid = true;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)(rng_below(&r, 2) ? 0x80 + rng_below(&r, 0x80)
							   : rng_below(&r, 0x100));
		while (at < len) {
			uint32_t character = 0;
			size_t n = utf8_next(bytes + at, len - at, &character);

			ck_assert_uint_le(n, len - at);
			ck_assert_uint_le(character, 0x10ffff);
			valid = valid && n > 0;
			at += n > 0 ? n : 1;
		}
		ck_assert(utf8_valid(bytes, len) == valid);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("utf8");
	TCase *tc = tcase_create("utf8");

	tcase_add_loop_test(tc, test_next, 0, COUNT_OF(cases));
	tcase_add_test(tc, test_every_character);
	tcase_add_test(tc, test_cut);
	tcase_add_test(tc, test_controls);
	tcase_add_loop_test(tc, test_random, 0, 3);
	suite_add_tcase(suite, tc);
	return suite;
}
