/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turn, descriptors and signals. Timers as such are test_timers.c's.
 */
#include "actor.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void
poke_other(struct actor *self)
{
	loop_poke(&self->other->poke);
}

START_TEST(test_pokes_coalesce_and_come_to_rest)
{
	struct actor a, b, c;

	actor_init(&a, 'a', poke_other);
	actor_init(&b, 'b', poke_other);
	actor_init(&c, 'c', NULL);
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
poke_self(struct actor *self)
{
	loop_poke(&self->poke);
}

START_TEST(test_pokes_are_bounded)
{
	struct actor a;

	actor_init(&a, 'a', poke_self);
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
	struct actor a, b;

	actor_init(&a, 'a', actor_clear_other);
	actor_init(&b, 'b', NULL);
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
put_self(struct actor *self)
{
	loop_outbox_put(&self->outbox);
}

START_TEST(test_order_of_a_turn)
{
	struct actor timer, poke, out;
	int result = 0;

	actor_init(&timer, 't', poke_other);
	actor_init(&poke, 'p', NULL);
	actor_init(&out, 'o', NULL);
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
	struct actor out;
	int result = -1;

	actor_init(&out, 'o', NULL);
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

/* What depends on no change leaves last, and whether there was a commit or not. */
START_TEST(test_outbox_of_what_changed_nothing)
{
	struct actor out, look;
	int result = -1;

	actor_init(&out, 'o', NULL);
	actor_init(&look, 'l', NULL);
	loop_set_commit(loop, on_commit, &result);
	loop_outbox_put_anyway(&look.outbox);
	loop_outbox_put(&out.outbox);
	loop_turn(loop, true);
	expect_trail("?l");
	loop_outbox_put_anyway(&look.outbox);
	result = 0;
	loop_turn(loop, true);
	expect_trail("!ol");
	loop_turn(loop, true);
	expect_trail("!");
}
END_TEST

START_TEST(test_outbox_goes_on_next_turn_without_waiting)
{
	struct actor out, poke;
	int result = 0;

	actor_init(&out, 'o', put_self);
	actor_init(&poke, 'p', NULL);
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
defer_free(struct actor *self)
{
	loop_defer_free(loop, on_free, self);
}

START_TEST(test_frees_come_last)
{
	struct actor a, out;
	int result = 0;

	actor_init(&a, 'a', defer_free);
	actor_init(&out, 'o', NULL);
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
	actor_setup_fake();
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
	struct actor a;
	struct loop_signal *s;

	actor_init(&a, 's', NULL);
	s = loop_signal_new(loop, SIGUSR1, actor_act, &a);
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
stop_loop(struct actor *self)
{
	loop_poke(&self->other->poke);
	loop_stop(loop);
}

START_TEST(test_run_until_stop)
{
	struct actor a, b, out;

	actor_init(&a, 'a', stop_loop);
	actor_init(&b, 'b', NULL);
	actor_init(&out, 'o', NULL);
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
	struct actor a, b;
	struct timespec begin, end;

	actor_init(&a, 'a', stop_loop);
	actor_init(&b, 'b', NULL);
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
	struct actor a, b;
	struct err err;

	actor_init(&a, 'a', NULL);
	second = loop = loop_new(&err);
	actor_init(&b, 'b', NULL);
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

/* In the place of libc's: what the kernel says to each new watch, 0 for what it really says. */
static int refusal;

int
epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
	if (op == EPOLL_CTL_ADD && refusal != 0) {
		errno = refusal;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, set, op, fd, event);
}

/* Whoever is not watched would never be heard again: that is no way to go on. */
START_TEST(test_no_memory_for_a_watch)
{
	struct watcher w = {0};
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	refusal = _i == 0 ? ENOMEM : ENOSPC;
	w.watch = loop_fd_new(loop, pair[0], LOOP_READ, on_watched, &w);
	ck_abort_msg("it goes on");
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("loop");
	TCase *fake = tcase_create("fake"), *real = tcase_create("real");

	tcase_add_checked_fixture(fake, actor_setup_fake, actor_teardown);
	tcase_add_test(fake, test_pokes_coalesce_and_come_to_rest);
	tcase_add_test(fake, test_pokes_are_bounded);
	tcase_add_test(fake, test_clear_within_a_round);
	tcase_add_test(fake, test_order_of_a_turn);
	tcase_add_test(fake, test_failed_commit_keeps_the_outbox);
	tcase_add_test(fake, test_outbox_of_what_changed_nothing);
	tcase_add_test(fake, test_frees_come_last);
	suite_add_tcase(suite, fake);
	tcase_add_checked_fixture(real, actor_setup_real, actor_teardown);
	tcase_add_test(real, test_outbox_goes_on_next_turn_without_waiting);
	tcase_add_test(real, test_descriptor_wants);
	tcase_add_loop_test_raise_signal(real, test_no_memory_for_a_watch, SIGABRT, 0,
		2);
	tcase_add_test(real, test_freed_while_ready);
	tcase_add_test(real, test_signals);
	tcase_add_test(real, test_run_until_stop);
	tcase_add_test(real, test_idle_costs_nothing);
	tcase_add_test(real, test_two_loops);
	suite_add_tcase(suite, real);
	return suite;
}
