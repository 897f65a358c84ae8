/* SPDX-License-Identifier: Apache-2.0 */
#include "actor.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "unit.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST(test_timers_fire_in_order)
{
	static const int delays[] = {30, 10, 20, 10, 0, 30};
	struct actor actors[COUNT_OF(delays)];

	for (size_t i = 0; i < COUNT_OF(delays); i++) {
		actor_init(&actors[i], (char)('a' + i), NULL);
		loop_timer_in(&actors[i].timer, delays[i]);
	}
	loop_turn(loop, true);
	expect_trail("e");
	ck_assert_int_eq(loop_next_due_ms(loop), clock_ms() + 10);
	loop_turn(loop, true);
	expect_trail("");
	clock_fake_advance(9);
	loop_turn(loop, true);
	expect_trail("");
	clock_fake_advance(1);
	loop_turn(loop, true);
	expect_trail("bd");
	clock_fake_advance(1000);
	loop_turn(loop, true);
	expect_trail("caf");
	ck_assert_int_eq(loop_next_due_ms(loop), INT64_MAX);
}
END_TEST

START_TEST(test_timer_again_and_clear)
{
	struct actor a, b;

	actor_init(&a, 'a', NULL);
	actor_init(&b, 'b', NULL);
	loop_timer_clear(&a.timer);
	ck_assert(!loop_timer_armed(&a.timer));
	loop_timer_in(&a.timer, 10);
	loop_timer_in(&b.timer, 20);
	loop_timer_in(&a.timer, 30);
	ck_assert(loop_timer_armed(&a.timer));
	clock_fake_advance(20);
	loop_turn(loop, true);
	expect_trail("b");
	loop_timer_clear(&a.timer);
	ck_assert(!loop_timer_armed(&a.timer));
	clock_fake_advance(20);
	loop_turn(loop, true);
	expect_trail("");
	loop_timer_in(&a.timer, INT64_MAX);
	ck_assert_int_eq(loop_next_due_ms(loop), INT64_MAX);
	loop_timer_clear(&a.timer);
}
END_TEST

static void
arm_now(struct actor *self)
{
	loop_timer_in(&self->timer, -5);
}

/* Due together: the first clears the second, the third comes again only a turn later. */
START_TEST(test_timers_that_touch_each_other)
{
	struct actor a, b, c;

	actor_init(&a, 'a', actor_clear_other);
	actor_init(&b, 'b', NULL);
	actor_init(&c, 'c', arm_now);
	a.other = &b;
	loop_timer_in(&a.timer, 1);
	loop_timer_in(&b.timer, 1);
	loop_timer_in(&c.timer, 1);
	clock_fake_advance(1);
	loop_turn(loop, true);
	expect_trail("ac");
	ck_assert(!loop_timer_armed(&b.timer));
	loop_turn(loop, true);
	expect_trail("c");
	loop_timer_clear(&c.timer);
}
END_TEST

/* A wild mix of arming, clearing and time against a plain array. */
START_TEST(test_heap_against_a_model)
{
	struct actor actors[50];
	bool armed[50] = {false};
	struct rng rng;

	rng_seed(&rng, (uint64_t)_i);
	for (size_t i = 0; i < 50; i++)
		actor_init(&actors[i], (char)('0' + i), NULL);
	for (int step = 0; step < 2000; step++) {
		size_t i = (size_t)rng_below(&rng, 50);
		int64_t next = INT64_MAX;

		if (rng_below(&rng, 3) == 0) {
			loop_timer_clear(&actors[i].timer);
			armed[i] = false;
		} else {
			loop_timer_in(&actors[i].timer, (int64_t)rng_below(&rng, 100));
			armed[i] = true;
		}
		clock_fake_advance((int64_t)rng_below(&rng, 8));
		loop_turn(loop, false);
		for (size_t k = 0; k < 50; k++) {
			int64_t due = actors[k].timer.due_ms;
			bool fires = armed[k] && due <= clock_ms();
			bool fired = strchr(buf_str(&trail), actors[k].letter) != NULL;

			ck_assert_int_eq(fires, fired);
			armed[k] = armed[k] && !fires;
			ck_assert_int_eq(armed[k], loop_timer_armed(&actors[k].timer));
			if (armed[k] && due < next)
				next = due;
		}
		ck_assert_int_eq(loop_next_due_ms(loop), next);
		for (size_t k = 1; k < trail.len; k++) {
			const struct loop_timer *x =
				&actors[trail.data[k - 1] - '0'].timer;
			const struct loop_timer *y = &actors[trail.data[k] - '0'].timer;

			ck_assert(x->due_ms < y->due_ms ||
				(x->due_ms == y->due_ms && x->order < y->order));
		}
		buf_clear(&trail);
	}
	for (size_t i = 0; i < 50; i++)
		loop_timer_clear(&actors[i].timer);
}
END_TEST

static void
on_readable(void *arg, int fd, unsigned what)
{
	char byte;

	ck_assert_uint_eq(what, LOOP_READ);
	ck_assert_int_eq(read(fd, &byte, 1), 1);
	(*(int *)arg)++;
}

/* FAULTS T4: thousands due at once after a resume, and the socket is served meanwhile. */
START_TEST(test_a_crowd_of_timers_starves_nobody)
{
	enum { CROWD = 10000 };
	struct actor *actors = xcalloc(CROWD, sizeof(*actors));
	int pair[2], reads = 0, turns = 0;
	struct loop_fd *watch;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	watch = loop_fd_new(loop, pair[0], LOOP_READ, on_readable, &reads);
	for (int i = 0; i < CROWD; i++) {
		actor_init(&actors[i], '.', NULL);
		loop_timer_in(&actors[i].timer, i % 1000);
	}
	clock_fake_advance(28800000);
	while (loop_next_due_ms(loop) != INT64_MAX) {
		ck_assert_int_eq(write(pair[1], "x", 1), 1);
		loop_turn(loop, true);
		turns++;
		ck_assert_int_eq(reads, turns);
	}
	ck_assert_uint_eq(trail.len, CROWD);
	ck_assert_int_eq(turns, (CROWD + 255) / 256);
	loop_fd_free(watch);
	close(pair[0]);
	close(pair[1]);
	free(actors);
}
END_TEST

START_TEST(test_timer_waits_on_boottime)
{
	struct actor a;
	int64_t begin = clock_ms();

	actor_init(&a, 'a', NULL);
	loop_timer_in(&a.timer, 30);
	while (trail.len == 0)
		loop_turn(loop, true);
	ck_assert_int_ge(clock_ms() - begin, 30);
	ck_assert_int_lt(clock_ms() - begin, 2000);
	/* A far timer in the way of a near one. */
	buf_clear(&trail);
	loop_timer_in(&a.timer, 1000000);
	loop_turn(loop, false);
	begin = clock_ms();
	loop_timer_in(&a.timer, 20);
	while (trail.len == 0)
		loop_turn(loop, true);
	ck_assert_int_ge(clock_ms() - begin, 20);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("timers");
	TCase *fake = tcase_create("fake"), *real = tcase_create("real");

	tcase_add_checked_fixture(fake, actor_setup_fake, actor_teardown);
	tcase_add_test(fake, test_timers_fire_in_order);
	tcase_add_test(fake, test_timer_again_and_clear);
	tcase_add_test(fake, test_timers_that_touch_each_other);
	tcase_add_loop_test(fake, test_heap_against_a_model, 1, 4);
	tcase_add_test(fake, test_a_crowd_of_timers_starves_nobody);
	suite_add_tcase(suite, fake);
	tcase_add_checked_fixture(real, actor_setup_real, actor_teardown);
	tcase_add_test(real, test_timer_waits_on_boottime);
	suite_add_tcase(suite, real);
	return suite;
}
