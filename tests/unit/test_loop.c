/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "sys/loop.h"
#include "unit.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* What happened, as letters in order. */
static struct buf trail;
static struct loop *loop;

/* Something that leaves its letter, and may do more. */
struct thing {
	char letter;
	struct loop_timer timer;
	struct loop_poke poke;
	struct loop_outbox outbox;
	struct thing *other;
	void (*more)(struct thing *self);
};

static void
on_thing(void *arg)
{
	struct thing *t = arg;

	buf_putc(&trail, t->letter);
	if (t->more != NULL)
		t->more(t);
}

static void
thing_init(struct thing *t, char letter, void (*more)(struct thing *))
{
	memset(t, 0, sizeof(*t));
	t->letter = letter;
	t->more = more;
	loop_timer_init(&t->timer, loop, on_thing, t);
	loop_poke_init(&t->poke, loop, on_thing, t);
	loop_outbox_init(&t->outbox, loop, on_thing, t);
}

static void
setup_fake(void)
{
	struct err err;

	clock_fake(1000000, 1700000000000);
	loop = loop_new(&err);
	ck_assert_ptr_nonnull(loop);
}

static void
setup_real(void)
{
	struct err err;

	clock_real();
	loop = loop_new(&err);
	ck_assert_ptr_nonnull(loop);
}

static void
teardown(void)
{
	loop_free(loop);
	buf_fini(&trail);
	clock_real();
}

static void
expect_trail(const char *expected)
{
	ck_assert_str_eq(buf_str(&trail), expected);
	buf_clear(&trail);
}

static void
clear_other(struct thing *self)
{
	loop_timer_clear(&self->other->timer);
	loop_poke_clear(&self->other->poke);
	loop_outbox_clear(&self->other->outbox);
}

START_TEST(test_timers_fire_in_order)
{
	static const int delays[] = {30, 10, 20, 10, 0, 30};
	struct thing things[COUNT_OF(delays)];

	for (size_t i = 0; i < COUNT_OF(delays); i++) {
		thing_init(&things[i], (char)('a' + i), NULL);
		loop_timer_in(&things[i].timer, delays[i]);
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
	struct thing a, b;

	thing_init(&a, 'a', NULL);
	thing_init(&b, 'b', NULL);
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
arm_now(struct thing *self)
{
	loop_timer_in(&self->timer, -5);
}

/* Due together: the first clears the second, the third comes again only a turn later. */
START_TEST(test_timers_that_touch_each_other)
{
	struct thing a, b, c;

	thing_init(&a, 'a', clear_other);
	thing_init(&b, 'b', NULL);
	thing_init(&c, 'c', arm_now);
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
	struct thing things[50];
	bool armed[50] = {false};
	struct rng rng;

	rng_seed(&rng, (uint64_t)_i);
	for (size_t i = 0; i < 50; i++)
		thing_init(&things[i], (char)('0' + i), NULL);
	for (int step = 0; step < 2000; step++) {
		size_t i = (size_t)rng_below(&rng, 50);
		int64_t next = INT64_MAX;

		if (rng_below(&rng, 3) == 0) {
			loop_timer_clear(&things[i].timer);
			armed[i] = false;
		} else {
			loop_timer_in(&things[i].timer, (int64_t)rng_below(&rng, 100));
			armed[i] = true;
		}
		clock_fake_advance((int64_t)rng_below(&rng, 8));
		loop_turn(loop, false);
		for (size_t k = 0; k < 50; k++) {
			int64_t due = things[k].timer.due_ms;
			bool fires = armed[k] && due <= clock_ms();
			bool fired = strchr(buf_str(&trail), things[k].letter) != NULL;

			ck_assert_int_eq(fires, fired);
			armed[k] = armed[k] && !fires;
			ck_assert_int_eq(armed[k], loop_timer_armed(&things[k].timer));
			if (armed[k] && due < next)
				next = due;
		}
		ck_assert_int_eq(loop_next_due_ms(loop), next);
		for (size_t k = 1; k < trail.len; k++) {
			const struct loop_timer *x =
				&things[trail.data[k - 1] - '0'].timer;
			const struct loop_timer *y = &things[trail.data[k] - '0'].timer;

			ck_assert(x->due_ms < y->due_ms ||
				(x->due_ms == y->due_ms && x->order < y->order));
		}
		buf_clear(&trail);
	}
	for (size_t i = 0; i < 50; i++)
		loop_timer_clear(&things[i].timer);
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
	struct thing *things = xcalloc(CROWD, sizeof(*things));
	int pair[2], reads = 0, turns = 0;
	struct loop_fd *watch;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	watch = loop_fd_new(loop, pair[0], LOOP_READ, on_readable, &reads);
	for (int i = 0; i < CROWD; i++) {
		thing_init(&things[i], '.', NULL);
		loop_timer_in(&things[i].timer, i % 1000);
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
	free(things);
}
END_TEST

START_TEST(test_timer_waits_on_boottime)
{
	struct thing a;
	int64_t begin = clock_ms();

	thing_init(&a, 'a', NULL);
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

static void
poke_other(struct thing *self)
{
	loop_poke(&self->other->poke);
}

START_TEST(test_pokes_coalesce_and_come_to_rest)
{
	struct thing a, b, c;

	thing_init(&a, 'a', poke_other);
	thing_init(&b, 'b', poke_other);
	thing_init(&c, 'c', NULL);
	a.other = &b;
	b.other = &c;
	loop_poke(&a.poke);
	loop_poke(&a.poke);
	loop_poke(&c.poke);
	expect_trail("");
	loop_turn(loop, true);
	expect_trail("acbc");
	loop_turn(loop, true);
	expect_trail("");
}
END_TEST

static void
poke_self(struct thing *self)
{
	loop_poke(&self->poke);
}

START_TEST(test_pokes_are_bounded)
{
	struct thing a;

	thing_init(&a, 'a', poke_self);
	loop_poke(&a.poke);
	loop_turn(loop, true);
	ck_assert_uint_eq(trail.len, 100);
	/* The rest comes next, and nobody waits for a descriptor before. */
	clock_real();
	loop_turn(loop, true);
	ck_assert_uint_eq(trail.len, 200);
	loop_poke_clear(&a.poke);
	loop_turn(loop, false);
	ck_assert_uint_eq(trail.len, 200);
}
END_TEST

START_TEST(test_clear_within_a_round)
{
	struct thing a, b;

	thing_init(&a, 'a', clear_other);
	thing_init(&b, 'b', NULL);
	a.other = &b;
	loop_poke(&a.poke);
	loop_poke(&b.poke);
	loop_outbox_put(&b.outbox);
	loop_turn(loop, true);
	expect_trail("a");
	loop_outbox_put(&a.outbox);
	loop_outbox_put(&b.outbox);
	loop_turn(loop, true);
	expect_trail("a");
	loop_outbox_clear(&b.outbox);
}
END_TEST

static int
on_commit(void *arg)
{
	int *result = arg;

	buf_putc(&trail, *result == 0 ? '!' : '?');
	return *result;
}

static void
put_self(struct thing *self)
{
	loop_outbox_put(&self->outbox);
}

START_TEST(test_order_of_a_turn)
{
	struct thing timer, poke, out;
	int result = 0;

	thing_init(&timer, 't', poke_other);
	thing_init(&poke, 'p', NULL);
	thing_init(&out, 'o', NULL);
	timer.other = &poke;
	loop_set_commit(loop, on_commit, &result);
	loop_outbox_put(&out.outbox);
	loop_timer_in(&timer.timer, 0);
	loop_turn(loop, true);
	expect_trail("tp!o");
	loop_turn(loop, true);
	expect_trail("!");
}
END_TEST

START_TEST(test_failed_commit_keeps_the_outbox)
{
	struct thing out;
	int result = -1;

	thing_init(&out, 'o', NULL);
	loop_set_commit(loop, on_commit, &result);
	loop_turn(loop, true);
	expect_trail("?");
	ck_assert_int_eq(loop_next_due_ms(loop), INT64_MAX);
	loop_outbox_put(&out.outbox);
	loop_turn(loop, true);
	loop_turn(loop, true);
	expect_trail("??");
	/* It comes again by itself, without a rush. */
	ck_assert_int_eq(loop_next_due_ms(loop), clock_ms() + 1000);
	clock_fake_advance(1000);
	loop_turn(loop, true);
	expect_trail("?");
	ck_assert_int_eq(loop_next_due_ms(loop), clock_ms() + 1000);
	result = 0;
	clock_fake_advance(1000);
	loop_turn(loop, true);
	expect_trail("!o");
	ck_assert_int_eq(loop_next_due_ms(loop), INT64_MAX);
}
END_TEST

START_TEST(test_outbox_goes_on_next_turn_without_waiting)
{
	struct thing out, poke;
	int result = 0;

	thing_init(&out, 'o', put_self);
	thing_init(&poke, 'p', NULL);
	loop_set_commit(loop, on_commit, &result);
	loop_outbox_put(&out.outbox);
	loop_turn(loop, true);
	expect_trail("!o");
	loop_turn(loop, true);
	expect_trail("!o");
	loop_outbox_clear(&out.outbox);
	out.more = poke_other;
	out.other = &poke;
	loop_outbox_put(&out.outbox);
	loop_turn(loop, true);
	loop_turn(loop, true);
	expect_trail("!op!");
}
END_TEST

static void
on_free(void *ptr)
{
	buf_putc(&trail, 'f');
	if (ptr != NULL)
		loop_defer_free(loop, on_free, NULL);
}

static void
defer_free(struct thing *self)
{
	loop_defer_free(loop, on_free, self);
}

START_TEST(test_frees_come_last)
{
	struct thing a, out;
	int result = 0;

	thing_init(&a, 'a', defer_free);
	thing_init(&out, 'o', NULL);
	loop_set_commit(loop, on_commit, &result);
	loop_poke(&a.poke);
	loop_outbox_put(&out.outbox);
	loop_turn(loop, true);
	expect_trail("a!off");
	loop_turn(loop, true);
	expect_trail("!");
	/* Nobody turns any more: the loop's own end does it. */
	loop_defer_free(loop, on_free, NULL);
	loop_free(loop);
	expect_trail("f");
	setup_fake();
}
END_TEST

struct watcher {
	struct loop_fd *watch, *victim;
	unsigned seen;
	int calls;
};

static void
on_watched(void *arg, int fd, unsigned what)
{
	struct watcher *w = arg;

	(void)fd;
	w->calls++;
	w->seen = what;
	if (w->victim != NULL)
		loop_fd_free(w->victim);
	w->victim = NULL;
}

START_TEST(test_descriptor_wants)
{
	static const struct {
		unsigned want;
		bool has_data;
		unsigned expected;
		int line;
	} cases[] = {
		{0, true, 0, __LINE__},
		{LOOP_READ, false, 0, __LINE__},
		{LOOP_READ, true, LOOP_READ, __LINE__},
		{LOOP_WRITE, true, LOOP_WRITE, __LINE__},
		{LOOP_READ | LOOP_WRITE, false, LOOP_WRITE, __LINE__},
		{LOOP_READ | LOOP_WRITE, true, LOOP_READ | LOOP_WRITE, __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct watcher w = {0};
		int pair[2];

		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		if (cases[i].has_data)
			ck_assert_int_eq(write(pair[1], "x", 1), 1);
		w.watch = loop_fd_new(loop, pair[0], 0, on_watched, &w);
		loop_turn(loop, false);
		ck_assert_int_eq(w.calls, 0);
		loop_fd_want(w.watch, cases[i].want);
		loop_turn(loop, false);
		ck_assert_msg(w.seen == cases[i].expected, "line %d: %u", cases[i].line,
			w.seen);
		loop_fd_want(w.watch, 0);
		w.calls = 0;
		loop_turn(loop, false);
		ck_assert_int_eq(w.calls, 0);
		loop_fd_free(w.watch);
		close(pair[0]);
		close(pair[1]);
	}
	loop_fd_free(NULL);
}
END_TEST

/* Both ends are writable in the same turn, and each callback frees the other's watch. */
START_TEST(test_freed_while_ready)
{
	struct watcher a = {0}, b = {0};
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	a.watch = loop_fd_new(loop, pair[0], LOOP_WRITE, on_watched, &a);
	b.watch = loop_fd_new(loop, pair[1], LOOP_WRITE, on_watched, &b);
	a.victim = b.watch;
	b.victim = a.watch;
	loop_turn(loop, true);
	ck_assert_int_eq(a.calls + b.calls, 1);
	/* The survivor frees itself in its own callback. */
	if (a.calls == 1)
		a.victim = a.watch;
	else
		b.victim = b.watch;
	loop_turn(loop, true);
	ck_assert_int_eq(a.calls + b.calls, 2);
	loop_turn(loop, false);
	ck_assert_int_eq(a.calls + b.calls, 2);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(test_signals)
{
	struct thing a;
	struct loop_signal *s;

	thing_init(&a, 's', NULL);
	s = loop_signal_new(loop, SIGUSR1, on_thing, &a);
	raise(SIGUSR1);
	loop_turn(loop, true);
	expect_trail("s");
	loop_turn(loop, false);
	expect_trail("");
	loop_signal_free(s);
	loop_signal_free(NULL);
}
END_TEST

static void
stop_loop(struct thing *self)
{
	loop_poke(&self->other->poke);
	loop_stop(loop);
}

START_TEST(test_run_until_stop)
{
	struct thing a, b, out;

	thing_init(&a, 'a', stop_loop);
	thing_init(&b, 'b', NULL);
	thing_init(&out, 'o', NULL);
	a.other = &b;
	loop_timer_in(&a.timer, 5);
	loop_outbox_put(&out.outbox);
	loop_run(loop);
	expect_trail("oab");
	loop_timer_in(&a.timer, 0);
	loop_run(loop);
	expect_trail("ab");
}
END_TEST

/* An idle loop waits for its timer, it does not look for it. */
START_TEST(test_idle_costs_nothing)
{
	struct thing a, b;
	struct timespec begin, end;

	thing_init(&a, 'a', stop_loop);
	thing_init(&b, 'b', NULL);
	a.other = &b;
	loop_timer_in(&a.timer, 300);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	loop_run(loop);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	ck_assert_int_lt((end.tv_sec - begin.tv_sec) * 1000 +
			(end.tv_nsec - begin.tv_nsec) / 1000000,
		100);
}
END_TEST

START_TEST(test_two_loops)
{
	struct loop *first = loop, *second;
	struct thing a, b;
	struct err err;

	thing_init(&a, 'a', NULL);
	second = loop = loop_new(&err);
	thing_init(&b, 'b', NULL);
	loop_poke(&a.poke);
	loop_poke(&b.poke);
	loop_turn(second, true);
	expect_trail("b");
	loop_turn(first, true);
	expect_trail("a");
	loop_free(second);
	loop = first;
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("loop");
	TCase *fake = tcase_create("fake"), *real = tcase_create("real");

	tcase_add_checked_fixture(fake, setup_fake, teardown);
	tcase_add_test(fake, test_timers_fire_in_order);
	tcase_add_test(fake, test_timer_again_and_clear);
	tcase_add_test(fake, test_timers_that_touch_each_other);
	tcase_add_loop_test(fake, test_heap_against_a_model, 1, 4);
	tcase_add_test(fake, test_a_crowd_of_timers_starves_nobody);
	tcase_add_test(fake, test_pokes_coalesce_and_come_to_rest);
	tcase_add_test(fake, test_pokes_are_bounded);
	tcase_add_test(fake, test_clear_within_a_round);
	tcase_add_test(fake, test_order_of_a_turn);
	tcase_add_test(fake, test_failed_commit_keeps_the_outbox);
	tcase_add_test(fake, test_frees_come_last);
	suite_add_tcase(suite, fake);
	tcase_add_checked_fixture(real, setup_real, teardown);
	tcase_add_test(real, test_timer_waits_on_boottime);
	tcase_add_test(real, test_outbox_goes_on_next_turn_without_waiting);
	tcase_add_test(real, test_descriptor_wants);
	tcase_add_test(real, test_freed_while_ready);
	tcase_add_test(real, test_signals);
	tcase_add_test(real, test_run_until_stop);
	tcase_add_test(real, test_idle_costs_nothing);
	tcase_add_test(real, test_two_loops);
	suite_add_tcase(suite, real);
	return suite;
}
