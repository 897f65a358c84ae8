/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ec2/lane.h"
#include "unit.h"

/* AWS's token bucket. */
struct bucket {
	double tokens, refill_a_ms;
	int64_t at_ms;
};

static bool
bucket_take(struct bucket *b, int64_t now_ms)
{
	b->tokens += (double)(now_ms - b->at_ms) * b->refill_a_ms;
	b->at_ms = now_ms;
	if (b->tokens > 5)
		b->tokens = 5;
	if (b->tokens < 1)
		return false;
	b->tokens -= 1;
	return true;
}

START_TEST(test_window_opens_at_five)
{
	struct lane l;

	lane_init(&l, false);
	for (unsigned i = 0; i < LANE_WINDOW_FIRST; i++) {
		ck_assert_int_le(lane_ready_ms(&l), 1000);
		ck_assert_uint_eq(lane_leave(&l, 1000), i);
	}
	ck_assert_int_eq(lane_ready_ms(&l), INT64_MAX);
	lane_answer(&l, 0, LANE_UNCLEAR, 0, 1001);
	ck_assert_int_le(lane_ready_ms(&l), 1001);
	ck_assert_uint_eq(l.window, LANE_WINDOW_FIRST);
}
END_TEST

START_TEST(test_one_more_for_each_clean_answer)
{
	struct lane l;

	lane_init(&l, true);
	for (unsigned i = 0; i < 100; i++)
		lane_answer(&l, lane_leave(&l, i), LANE_CLEAN, 0, i);
	ck_assert_uint_eq(l.window, LANE_WINDOW_MAX);
	ck_assert_uint_eq(l.in_flight, 0);
	ck_assert_int_eq(l.distance_ms, 0);
}
END_TEST

START_TEST(test_a_refused_burst_cuts_once)
{
	uint64_t tickets[40];
	struct lane l;

	lane_init(&l, false);
	while (l.window < 40)
		lane_answer(&l, lane_leave(&l, 0), LANE_CLEAN, 0, 0);
	for (size_t i = 0; i < COUNT_OF(tickets); i++)
		tickets[i] = lane_leave(&l, 1);
	for (size_t i = 0; i < COUNT_OF(tickets); i++)
		lane_answer(&l, tickets[i], LANE_THROTTLED, 0, 2);
	ck_assert_uint_eq(l.window, 20);
	lane_answer(&l, lane_leave(&l, 3), LANE_THROTTLED, 0, 4);
	ck_assert_uint_eq(l.window, 10);
}
END_TEST

START_TEST(test_never_below_one)
{
	struct lane l;

	lane_init(&l, false);
	for (int64_t i = 0; i < 10; i++)
		lane_answer(&l, lane_leave(&l, i), LANE_THROTTLED, 0, i);
	ck_assert_uint_eq(l.window, 1);
	ck_assert_int_le(lane_ready_ms(&l), 10);
}
END_TEST

START_TEST(test_grows_by_one_per_window_after_a_cut)
{
	struct lane l;

	lane_init(&l, false);
	while (l.window < 8)
		lane_answer(&l, lane_leave(&l, 0), LANE_CLEAN, 0, 0);
	lane_answer(&l, lane_leave(&l, 1), LANE_THROTTLED, 0, 1);
	ck_assert_uint_eq(l.window, 4);
	for (unsigned expected = 4; expected < 7; expected++) {
		for (unsigned i = 0; i < expected; i++) {
			ck_assert_uint_eq(l.window, expected);
			lane_answer(&l, lane_leave(&l, 2), LANE_CLEAN, 0, 2);
		}
	}
	ck_assert_uint_eq(l.window, 7);
}
END_TEST

START_TEST(test_pause)
{
	struct lane l;

	lane_init(&l, false);
	lane_answer(&l, lane_leave(&l, 1000), LANE_THROTTLED, 5000, 1100);
	ck_assert_int_eq(lane_ready_ms(&l), 6100);
	/* A shorter one does not end it. */
	lane_answer(&l, lane_leave(&l, 1200), LANE_CLEAN, 10, 1300);
	ck_assert_int_eq(lane_ready_ms(&l), 6100);
}
END_TEST

START_TEST(test_paced_at_the_rate_seen)
{
	uint64_t late;
	struct lane l;

	lane_init(&l, true);
	for (int64_t t = 0; t < 2000; t += 200)
		lane_answer(&l, lane_leave(&l, t), LANE_CLEAN, 0, t + 100);
	late = lane_leave(&l, 2000);
	lane_answer(&l, late, LANE_THROTTLED, 0, 2100);
	ck_assert_int_ge(l.distance_ms, 190);
	ck_assert_int_le(l.distance_ms, 210);
	ck_assert_int_eq(lane_ready_ms(&l), 2000 + l.distance_ms);
}
END_TEST

START_TEST(test_pace_without_knowledge)
{
	struct lane l;

	lane_init(&l, true);
	lane_answer(&l, lane_leave(&l, 0), LANE_CLEAN, 0, 10);
	lane_answer(&l, lane_leave(&l, 60000), LANE_THROTTLED, 0, 60010);
	ck_assert_int_eq(l.distance_ms, 500);
}
END_TEST

START_TEST(test_pace_ends)
{
	struct lane l;
	unsigned clean = 0;

	lane_init(&l, true);
	lane_answer(&l, lane_leave(&l, 0), LANE_THROTTLED, 0, 10);
	for (int64_t t = 1000; l.distance_ms > 0 && clean < 1000; clean++, t += 1000)
		lane_answer(&l, lane_leave(&l, t), LANE_CLEAN, 0, t);
	ck_assert_uint_lt(clean, 100);
}
END_TEST

/* Requests on their way, and those who were told "later" and ask again in a second. */
struct traffic {
	struct lane lane;
	struct bucket bucket;
	int64_t latency_ms;
	struct {
		uint64_t ticket;
		int64_t back_ms;
		bool good;
	} flying[LANE_WINDOW_MAX];
	unsigned flying_count;
	int64_t asking_ms[400];
	unsigned asking_count, done, refused;
};

static void
traffic_land(struct traffic *t, int64_t now)
{
	for (unsigned i = 0; i < t->flying_count;) {
		if (t->flying[i].back_ms > now) {
			i++;
			continue;
		}
		if (t->flying[i].good) {
			t->done++;
			lane_answer(&t->lane, t->flying[i].ticket, LANE_CLEAN, 0, now);
		} else {
			t->refused++;
			lane_answer(&t->lane, t->flying[i].ticket, LANE_THROTTLED, 0,
				now);
			t->asking_ms[t->asking_count++] = now + 1000;
		}
		t->flying[i] = t->flying[--t->flying_count];
	}
}

static void
traffic_leave(struct traffic *t, int64_t now)
{
	for (unsigned i = 0; i < t->asking_count && lane_ready_ms(&t->lane) <= now;) {
		unsigned n = t->flying_count;

		if (t->asking_ms[i] > now) {
			i++;
			continue;
		}
		t->asking_ms[i] = t->asking_ms[--t->asking_count];
		t->flying[n].good = bucket_take(&t->bucket, now);
		t->flying[n].ticket = lane_leave(&t->lane, now);
		t->flying[n].back_ms = now + t->latency_ms;
		t->flying_count++;
	}
}

/*
 * Two hundred launches against the standard bucket (5, then 2 a second): little more than
 * the 98 s that it allows, and few are refused, however fast the answers come.
 */
START_TEST(test_against_the_standard_bucket)
{
	static const int64_t latencies[] = {1, 20, 200, 1000, 1500};

	for (size_t i = 0; i < COUNT_OF(latencies); i++) {
		struct traffic t = {
			.bucket = {.tokens = 5, .refill_a_ms = 0.002},
			.latency_ms = latencies[i],
			.asking_count = 200,
		};
		int64_t now = 0;

		lane_init(&t.lane, true);
		for (; t.done < 200 && now < 600000; now++) {
			traffic_land(&t, now);
			traffic_leave(&t, now);
		}
		ck_assert_uint_eq(t.done, 200);
		ck_assert_msg(now < 108000 && t.refused < 60,
			"latency %d: %d ms, %u refused", (int)latencies[i], (int)now,
			t.refused);
	}
}
END_TEST

/* Without a limit the whole window is in use after a few round trips. */
START_TEST(test_against_a_fast_service)
{
	unsigned done = 0, rounds = 0;
	struct lane l;

	lane_init(&l, true);
	for (; done < 200; rounds++) {
		uint64_t tickets[LANE_WINDOW_MAX];
		unsigned n = 0;

		while (lane_ready_ms(&l) <= rounds)
			tickets[n++] = lane_leave(&l, rounds);
		for (unsigned i = 0; i < n; i++)
			lane_answer(&l, tickets[i], LANE_CLEAN, 0, rounds);
		done += n;
	}
	ck_assert_uint_le(rounds, 6);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("lane");
	TCase *tc = tcase_create("lane");

	tcase_add_test(tc, test_window_opens_at_five);
	tcase_add_test(tc, test_one_more_for_each_clean_answer);
	tcase_add_test(tc, test_a_refused_burst_cuts_once);
	tcase_add_test(tc, test_never_below_one);
	tcase_add_test(tc, test_grows_by_one_per_window_after_a_cut);
	tcase_add_test(tc, test_pause);
	tcase_add_test(tc, test_paced_at_the_rate_seen);
	tcase_add_test(tc, test_pace_without_knowledge);
	tcase_add_test(tc, test_pace_ends);
	tcase_add_test(tc, test_against_the_standard_bucket);
	tcase_add_test(tc, test_against_a_fast_service);
	suite_add_tcase(suite, tc);
	return suite;
}
