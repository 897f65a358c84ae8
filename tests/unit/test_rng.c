/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"
#include "base/mem.h"
#include "unit.h"

#include <string.h>

/*
 * The published generator with the state 1, 2, 3, 4. The first follows by hand:
 * rotl(2 * 5, 7) * 9 = 11520.
 */
START_TEST(test_known_stream)
{
	static const uint64_t expected[] = {UINT64_C(11520), UINT64_C(0),
		UINT64_C(1509978240), UINT64_C(1215971899390074240),
		UINT64_C(1216172134540287360), UINT64_C(607988272756665600)};
	struct rng r = {{1, 2, 3, 4}};

	for (size_t i = 0; i < COUNT_OF(expected); i++)
		ck_assert(rng_u64(&r) == expected[i]);
}
END_TEST

/* splitmix64 from 0, as published. */
START_TEST(test_seed)
{
	struct rng r;

	rng_seed(&r, 0);
	ck_assert(r.s[0] == UINT64_C(0xe220a8397b1dcdaf));
	ck_assert(r.s[1] == UINT64_C(0x6e789e6aa1b965f4));
	ck_assert(r.s[2] == UINT64_C(0x06c45d188009454f));
	ck_assert(r.s[3] == UINT64_C(0xf88bb8a8724c81ec));
}
END_TEST

START_TEST(test_seeds_differ_and_repeat)
{
	struct rng a, b, c;
	int equal = 0;

	rng_seed(&a, 7);
	rng_seed(&b, 7);
	rng_seed(&c, 8);
	for (int i = 0; i < 1000; i++) {
		uint64_t x = rng_u64(&a);

		ck_assert(x == rng_u64(&b));
		equal += x == rng_u64(&c);
	}
	ck_assert_int_eq(equal, 0);
}
END_TEST

START_TEST(test_below)
{
	static const uint64_t bounds[] = {1, 2, 3, 10, 1000, UINT64_C(1) << 63,
		(UINT64_C(1) << 63) + 1, UINT64_MAX};
	struct rng r;

	rng_seed(&r, 42);
	for (size_t i = 0; i < COUNT_OF(bounds); i++)
		for (int n = 0; n < 1000; n++)
			ck_assert(rng_below(&r, bounds[i]) < bounds[i]);
}
END_TEST

/* Ten classes, 100,000 draws: each within 5 % is far outside chance for a biased one. */
START_TEST(test_below_is_even)
{
	int hits[10] = {0};
	struct rng r;

	rng_seed(&r, 1);
	for (int i = 0; i < 100000; i++)
		hits[rng_below(&r, 10)]++;
	for (int i = 0; i < 10; i++) {
		ck_assert_int_gt(hits[i], 9500);
		ck_assert_int_lt(hits[i], 10500);
	}
}
END_TEST

START_TEST(test_unit)
{
	double sum = 0, least = 1, most = 0;
	struct rng r;

	rng_seed(&r, 3);
	for (int i = 0; i < 100000; i++) {
		double x = rng_unit(&r);

		ck_assert(x >= 0.0 && x < 1.0);
		sum += x;
		least = x < least ? x : least;
		most = x > most ? x : most;
	}
	ck_assert(sum > 49000 && sum < 51000);
	ck_assert(least < 0.001 && most > 0.999);
}
END_TEST

static const struct {
	unsigned tries;
	int64_t base_ms, cap_ms, most;
	int line;
} backoffs[] = {
	{0, 100, 10000, 100, __LINE__},
	{1, 100, 10000, 200, __LINE__},
	{6, 100, 10000, 6400, __LINE__},
	{7, 100, 10000, 10000, __LINE__},
	{63, 100, 10000, 10000, __LINE__},
	{64, 100, 10000, 10000, __LINE__},
	{4000000000u, 1, INT64_MAX, INT64_MAX, __LINE__},
	{62, 1, INT64_MAX, INT64_C(1) << 62, __LINE__},
	{62, 2, INT64_MAX, INT64_MAX, __LINE__},
	{0, 100, 50, 50, __LINE__},
	{5, 0, 100, 0, __LINE__},
	{5, 100, 0, 0, __LINE__},
	{5, -3, 100, 0, __LINE__},
};

START_TEST(test_backoff)
{
	int64_t most = 0;
	struct rng r;

	rng_seed(&r, 5);
	for (int i = 0; i < 5000; i++) {
		int64_t ms = rng_backoff_ms(&r, backoffs[_i].tries,
			backoffs[_i].base_ms, backoffs[_i].cap_ms);

		ck_assert_msg(ms >= 0 && ms <= backoffs[_i].most, "line %d",
			backoffs[_i].line);
		most = ms > most ? ms : most;
	}
	/* The whole range is used. */
	ck_assert_msg(most >= backoffs[_i].most / 100 * 95, "line %d",
		backoffs[_i].line);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("rng");
	TCase *tc = tcase_create("rng");

	tcase_add_test(tc, test_known_stream);
	tcase_add_test(tc, test_seed);
	tcase_add_test(tc, test_seeds_differ_and_repeat);
	tcase_add_test(tc, test_below);
	tcase_add_test(tc, test_below_is_even);
	tcase_add_test(tc, test_unit);
	tcase_add_loop_test(tc, test_backoff, 0, COUNT_OF(backoffs));
	suite_add_tcase(suite, tc);
	return suite;
}
