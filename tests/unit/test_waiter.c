/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for a worker: when each kind is over, with what answer, and what a callback may do. */
#include "core/waiter.h"
#include "base/clock.h"
#include "base/mem.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "unit.h"
#include "world.h"

#include <string.h>

#define FIXED "  a: { password: x, missing_timeout: 5m }\n"

static struct world v;
static struct worker *w;
static char order[64]; /* who was told, in order */

static void
setup(void)
{
	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	order[0] = '\0';
}

static void
teardown(void)
{
	world_fini(&v);
}

/* A wait that may do something when it is told. */
struct player {
	char name;
	struct waiter *waiter; /* NULL once told */
	struct player *cancels;
	struct player *starts;
	enum wait_for what;
	enum err_code told;
	int calls;
};

static void
on_player(void *arg, struct worker *worker, const struct err *err)
{
	struct player *p = arg;
	size_t len = strlen(order);

	order[len] = p->name;
	order[len + 1] = '\0';
	p->waiter = NULL;
	p->calls++;
	p->told = err == NULL ? ERR_NONE : err->code;
	if (p->cancels != NULL) {
		waiter_cancel(p->cancels->waiter);
		p->cancels->waiter = NULL;
	}
	if (p->starts != NULL)
		p->starts->waiter = worker_wait(worker, p->starts->what, 0, on_player,
			p->starts);
}

static void
play(struct player *p, int64_t timeout_ms)
{
	p->waiter = worker_wait(w, p->what, timeout_ms, on_player, p);
	ck_assert_int_eq(p->calls, 0);
}

/* Each kind is over at its moment, and not before. */
START_TEST(test_each_kind_has_its_moment)
{
	struct player run = {'r', .what = WAIT_RUNNING},
		      attached = {'a', .what = WAIT_ATTACHED},
		      fast = {'f', .what = WAIT_STOPPED_FAST},
		      stopped = {'s', .what = WAIT_STOPPED};
	struct fake_instance *i;

	world_up(&v, "a");
	play(&run, 0);
	play(&attached, 0);
	while (run.calls == 0) {
		ck_assert(w->launch->instance == NULL ||
			!instance_is_up(w->launch->instance));
		world_run(&v, 100);
	}
	ck_assert(instance_is_up(w->launch->instance));
	world_run(&v, 5000);
	ck_assert_str_eq(order, "r");
	world_attach(&v, "a");
	world_turn(&v);
	ck_assert_str_eq(order, "ra");
	play(&stopped, 0);
	play(&fast, 0);
	world_run(&v, 1000);
	ck_assert_str_eq(order, "ra");
	i = world_living(&v, "a");
	world_down(&v, "a");
	while (fast.calls == 0) {
		ck_assert_ptr_nonnull(i);
		world_run(&v, 100);
	}
	ck_assert(!fake_is_living(i));
	while (stopped.calls == 0)
		world_run(&v, 100);
	ck_assert_int_eq(i->state, EC2_STATE_TERMINATED);
	ck_assert_str_eq(order, "rafs");
	ck_assert(run.told == ERR_NONE && attached.told == ERR_NONE &&
		fast.told == ERR_NONE && stopped.told == ERR_NONE);
}
END_TEST

/* What is so already is told in the next turn, never from within the call. */
START_TEST(test_reached_before_it_began)
{
	struct player p[] = {{'s', .what = WAIT_STOPPED},
		{'f', .what = WAIT_STOPPED_FAST}, {'r', .what = WAIT_RUNNING},
		{'a', .what = WAIT_ATTACHED}};

	play(&p[0], 0);
	play(&p[1], 0);
	world_turn(&v);
	ck_assert_str_eq(order, "sf");
	world_ready(&v, "a");
	play(&p[2], 0);
	play(&p[3], 0);
	world_turn(&v);
	ck_assert_str_eq(order, "sfra");
}
END_TEST

/* A detached worker is not attached, and its wait is over when it is again. */
START_TEST(test_attached_once_more)
{
	struct player p = {'a', .what = WAIT_ATTACHED};
	struct err err;

	world_ready(&v, "a");
	ck_assert_int_eq(worker_detached(w, 0, NULL, &(struct cause){"uid 0", NULL},
				 &err),
		0);
	world_turn(&v);
	world_up(&v, "a");
	play(&p, 0);
	world_run(&v, 1000);
	ck_assert_int_eq(p.calls, 0);
	world_attach(&v, "a");
	world_turn(&v);
	ck_assert_int_eq(p.calls, 1);
}
END_TEST

START_TEST(test_time_runs_out)
{
	struct player soon = {'1', .what = WAIT_ATTACHED},
		      late = {'2', .what = WAIT_ATTACHED},
		      never = {'3', .what = WAIT_ATTACHED};

	world_up(&v, "a");
	play(&late, 5000);
	play(&soon, 1000);
	play(&never, 0);
	world_run(&v, 990);
	ck_assert_str_eq(order, "");
	world_run(&v, 20);
	ck_assert_str_eq(order, "1");
	ck_assert_int_eq(soon.told, ERR_TIMEOUT);
	world_run(&v, 5000);
	ck_assert_str_eq(order, "12");
	/* The work goes on. */
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATING);
	world_run(&v, 30000);
	world_attach(&v, "a");
	world_turn(&v);
	ck_assert_str_eq(order, "123");
	ck_assert_int_eq(never.told, ERR_NONE);
}
END_TEST

START_TEST(test_cancelled_is_silent)
{
	struct player gone = {'g', .what = WAIT_RUNNING},
		      timed = {'t', .what = WAIT_ATTACHED};

	world_up(&v, "a");
	play(&gone, 0);
	play(&timed, 1000);
	waiter_cancel(gone.waiter);
	waiter_cancel(timed.waiter);
	waiter_cancel(NULL);
	world_run(&v, 60000);
	ck_assert_str_eq(order, "");
	ck_assert_ptr_null(w->waiters);
}
END_TEST

/* The wish ends: who waits for it to come up hears why, who waits for its end goes on. */
START_TEST(test_the_wish_ends)
{
	struct player up[] = {{'1', .what = WAIT_RUNNING},
		{'2', .what = WAIT_ATTACHED}};
	struct player down = {'3', .what = WAIT_STOPPED};

	world_up(&v, "a");
	world_run(&v, 3000);
	play(&up[0], 0);
	play(&down, 0);
	play(&up[1], 0);
	world_down(&v, "a");
	ck_assert_str_eq(order, "12");
	ck_assert_int_eq(up[0].told, ERR_CANCELLED);
	ck_assert_int_eq(up[1].told, ERR_CANCELLED);
	world_run(&v, 120000);
	ck_assert_str_eq(order, "123");
	ck_assert_int_eq(down.told, ERR_NONE);
}
END_TEST

START_TEST(test_missing_is_told)
{
	struct player p = {'m', .what = WAIT_ATTACHED};

	world_up(&v, "a");
	play(&p, 0);
	world_run(&v, 6 * 60000);
	ck_assert_int_eq(p.calls, 1);
	ck_assert_int_eq(p.told, ERR_MISSING);
}
END_TEST

/* A stop waits for its own generation and those before, not for the next one. */
START_TEST(test_the_end_of_a_generation)
{
	struct player p = {'1', .what = WAIT_STOPPED};

	world_ready(&v, "a");
	world_down(&v, "a");
	play(&p, 0);
	world_up(&v, "a"); /* queued behind it */
	ck_assert(w->generation == 2);
	world_run(&v, 120000);
	ck_assert_int_eq(p.calls, 1);
	ck_assert_int_eq(p.told, ERR_NONE);
	ck_assert(worker_is_wanted(w));
}
END_TEST

/* Three wait, all are over at once, and the middle one cancels one of them. */
static const struct {
	size_t cancelled;
	const char *expected;
	int line;
} cancels[] = {
	{0, "abc", __LINE__}, /* told already: nothing is left to cancel */
	{1, "abc", __LINE__},
	{2, "ab", __LINE__},
};

START_TEST(test_cancelling_another_when_told)
{
	struct player p[] = {{'a', .what = WAIT_ATTACHED}, {'b', .what = WAIT_ATTACHED},
		{'c', .what = WAIT_ATTACHED}};

	world_up(&v, "a");
	p[1].cancels = &p[cancels[_i].cancelled];
	for (size_t n = 0; n < COUNT_OF(p); n++)
		play(&p[n], 60000);
	world_run(&v, 30000);
	world_attach(&v, "a");
	world_turn(&v);
	ck_assert_msg(strcmp(order, cancels[_i].expected) == 0, "line %d: %s",
		cancels[_i].line, order);
	world_run(&v, 120000);
	ck_assert_msg(strcmp(order, cancels[_i].expected) == 0, "line %d: %s",
		cancels[_i].line, order);
	ck_assert_ptr_null(w->waiters);
}
END_TEST

/* The last one to be told waits anew, for something that is not so yet. */
START_TEST(test_waiting_anew_when_told)
{
	struct player second = {'2', .what = WAIT_STOPPED};
	struct player first = {'1', .what = WAIT_RUNNING, .starts = &second};

	world_up(&v, "a");
	play(&first, 0);
	world_run(&v, 30000);
	ck_assert_str_eq(order, "1");
	world_down(&v, "a");
	world_run(&v, 120000);
	ck_assert_str_eq(order, "12");
}
END_TEST

/* A stop that is repeated, for its answer was lost, waits for the same end. */
START_TEST(test_a_repeated_stop_joins)
{
	struct cause cause = {"uid 0", NULL};
	struct err err;
	bool done;

	world_ready(&v, "a");
	ck_assert_int_eq(worker_insubstantiate(w, 0, &cause, &done, &err), 0);
	ck_assert(done);
	world_turn(&v);
	ck_assert_int_eq(worker_insubstantiate(w, 1, &cause, &done, &err), 0);
	ck_assert(done);
	world_up(&v, "a");
	ck_assert_int_eq(worker_insubstantiate(w, 1, &cause, &done, &err), 0);
	ck_assert(!done); /* of an older generation: nothing is done */
	ck_assert(worker_is_wanted(w));
}
END_TEST

START_TEST(test_forgotten_with_the_worker)
{
	struct player p = {'x', .what = WAIT_ATTACHED};

	world_up(&v, "a");
	play(&p, 1000);
	world_restart(&v);
	world_run(&v, 60000);
	ck_assert_int_eq(p.calls, 0);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("waiter");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_each_kind_has_its_moment);
	tcase_add_test(t, test_reached_before_it_began);
	tcase_add_test(t, test_attached_once_more);
	tcase_add_test(t, test_time_runs_out);
	tcase_add_test(t, test_cancelled_is_silent);
	tcase_add_test(t, test_the_wish_ends);
	tcase_add_test(t, test_missing_is_told);
	tcase_add_test(t, test_the_end_of_a_generation);
	tcase_add_loop_test(t, test_cancelling_another_when_told, 0, COUNT_OF(cancels));
	tcase_add_test(t, test_waiting_anew_when_told);
	tcase_add_test(t, test_a_repeated_stop_joins);
	tcase_add_test(t, test_forgotten_with_the_worker);
	suite_add_tcase(s, t);
	return s;
}
