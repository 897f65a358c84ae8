/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A paused pool: nothing new leaves, what may have left is seen to, limits run, and a
 * resume lets all that waits go on at once.
 */
#include "core/pause.h"
#include "base/clock.h"
#include "core/event.h"
#include "core/hold.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/verdict.h"
#include "unit.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define MINUTE 60000
#define WORKERS                                                                        \
	"  a: { password: x, missing_timeout: 5m }\n"                                  \
	"  b: { password: x, missing_timeout: 5m }\n"

static const struct cause tester = {"uid 7", NULL};

static void
pause_it(struct world *v)
{
	pool_pause(v->pool, &tester);
	world_turn(v);
}

static void
resume(struct world *v)
{
	pool_resume(v->pool, &tester);
	world_turn(v);
}

START_TEST(test_waits_in_placing)
{
	struct world v;
	struct worker *w;

	world_init(&v, WORKERS);
	w = world_worker(&v, "a");
	pause_it(&v);
	world_up(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_str_eq(worker_phase_name(w), "placing");
	ck_assert_int_eq(w->last_error.code, ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(w->last_error.text, "paused by uid 7"));
	ck_assert(v.cloud.runs == 0);
	resume(&v);
	world_run(&v, 100);
	ck_assert(v.cloud.runs == 1);
	ck_assert_int_eq(w->last_error.code, ERR_NONE);
	world_fini(&v);
}
END_TEST

/* A paused pool that nobody asks anything of wakes nobody. */
START_TEST(test_waits_without_a_timer)
{
	struct world v;
	struct worker *w;

	world_init(&v, WORKERS);
	w = world_worker(&v, "a");
	pause_it(&v);
	world_up(&v, "a");
	world_run(&v, 1000);
	ck_assert(w->timer.due_ms == w->missing.boot_ms);
	world_fini(&v);
}
END_TEST

START_TEST(test_its_deadline_runs)
{
	struct world v;
	struct worker *w;

	world_init(&v, WORKERS);
	w = world_worker(&v, "a");
	pause_it(&v);
	world_up(&v, "a");
	world_run(&v, 5 * MINUTE + 1000);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert_int_eq(w->last_error.code, ERR_FAILED);
	ck_assert_ptr_nonnull(strstr(w->last_error.text, "never launched"));
	ck_assert_ptr_nonnull(strstr(w->last_error.text, "paused"));
	world_fini(&v);
}
END_TEST

START_TEST(test_over_a_restart)
{
	struct world v;

	world_init(&v, WORKERS);
	pause_it(&v);
	world_up(&v, "a");
	world_restart(&v);
	ck_assert(v.pool->paused_wall != 0);
	ck_assert_str_eq(v.pool->paused_by, "uid 7");
	world_run(&v, MINUTE);
	ck_assert(v.cloud.runs == 0);
	resume(&v);
	world_restart(&v);
	ck_assert(v.pool->paused_wall == 0);
	ck_assert_ptr_null(v.pool->paused_by);
	world_run(&v, MINUTE);
	ck_assert(v.cloud.runs == 1);
	world_fini(&v);
}
END_TEST

/* Sent and not answered: it is asked about, for it may exist. One that is throttled is not. */
START_TEST(test_what_may_exist)
{
	struct world v;

	world_init(&v, WORKERS);
	v.cloud.script[0] = (struct fake_answer){.verdict = VERDICT_REPEAT,
		.effect = true,
		.times = 1};
	world_up(&v, "a");
	world_run(&v, 10);
	pause_it(&v);
	world_run(&v, MINUTE);
	ck_assert_ptr_nonnull(world_living(&v, "a"));
	ck_assert(worker_instance(world_worker(&v, "a")) != NULL);
	world_fini(&v);
}
END_TEST

START_TEST(test_what_does_not_exist)
{
	struct world v;
	uint64_t runs;

	world_init(&v, WORKERS);
	v.cloud.script[0] = (struct fake_answer){.verdict = VERDICT_LATER,
		.class = EC2_CLASS_THROTTLE,
		.times = 1};
	world_up(&v, "a");
	for (int n = 0; n < 1000 && v.cloud.script[0].times > 0; n++)
		world_run(&v, 1);
	pause_it(&v);
	runs = v.cloud.runs;
	world_run(&v, MINUTE);
	ck_assert(v.cloud.runs == runs);
	ck_assert_str_eq(worker_phase_name(world_worker(&v, "a")), "reserved");
	ck_assert_ptr_nonnull(strstr(world_worker(&v, "a")->last_error.text, "paused"));
	resume(&v);
	world_run(&v, MINUTE);
	ck_assert_ptr_nonnull(world_living(&v, "a"));
	world_fini(&v);
}
END_TEST

START_TEST(test_a_stop_while_paused)
{
	struct world v;

	world_init(&v, WORKERS);
	world_ready(&v, "b");
	pause_it(&v);
	world_up(&v, "a");
	world_down(&v, "a");
	world_down(&v, "b");
	world_run(&v, MINUTE);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_NOT_SUBSTANTIATED);
	ck_assert_int_eq(worker_state(world_worker(&v, "b")), WORKER_NOT_SUBSTANTIATED);
	resume(&v);
	world_run(&v, MINUTE);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	world_fini(&v);
}
END_TEST

struct seen {
	size_t count;
	char from[16], to[16], by[16];
};

static void
on_event(void *arg, const struct event *e)
{
	struct seen *s = arg;

	ck_assert_int_eq(e->type, EVENT_POOL);
	ck_assert_ptr_null(e->worker);
	s->count++;
	(void)snprintf(s->from, sizeof(s->from), "%s", e->from);
	(void)snprintf(s->to, sizeof(s->to), "%s", e->to);
	(void)snprintf(s->by, sizeof(s->by), "%s", e->by);
}

START_TEST(test_events_once)
{
	struct world v;
	struct seen seen = {0};
	struct subscriber *s;

	world_init(&v, WORKERS);
	s = event_subscribe(v.pool->events, on_event, &seen);
	resume(&v);
	ck_assert_uint_eq(seen.count, 0);
	pause_it(&v);
	pause_it(&v);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_str_eq(seen.from, "running");
	ck_assert_str_eq(seen.to, "paused");
	ck_assert_str_eq(seen.by, "uid 7");
	resume(&v);
	resume(&v);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_str_eq(seen.from, "paused");
	ck_assert_str_eq(seen.to, "running");
	event_unsubscribe(s);
	world_fini(&v);
}
END_TEST

START_TEST(test_resume_ends_hold)
{
	struct world v;
	struct seen seen = {0};
	struct subscriber *s;

	world_init(&v, WORKERS);
	pool_hold(v.pool, "a test");
	world_turn(&v);
	world_restart(&v);
	ck_assert(v.pool->hold);
	ck_assert_str_eq(v.pool->hold_reason, "a test");
	s = event_subscribe(v.pool->events, on_event, &seen);
	resume(&v);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_str_eq(seen.from, "hold");
	event_unsubscribe(s);
	world_restart(&v);
	ck_assert(!v.pool->hold);
	world_fini(&v);
}
END_TEST

START_TEST(test_why_not)
{
	struct world v;
	struct err err;

	world_init(&v, WORKERS);
	ck_assert_int_eq(pool_may_launch(v.pool, &err), 0);
	pause_it(&v);
	ck_assert_int_eq(pool_may_launch(v.pool, &err), -1);
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	resume(&v);
	v.pool->degraded = true;
	v.pool->degraded_text = xstrdup("no space");
	ck_assert_int_eq(pool_may_launch(v.pool, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "no space"));
	world_up(&v, "a");
	world_run(&v, 1000);
	ck_assert(v.cloud.runs == 0);
	v.pool->degraded = false;
	pool_launches_again(v.pool);
	world_run(&v, 1000);
	ck_assert(v.cloud.runs == 1);
	v.pool->stopping = true;
	ck_assert_int_eq(pool_may_launch(v.pool, &err), -1);
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("pause");
	TCase *tc = tcase_create("pause");

	tcase_add_test(tc, test_waits_in_placing);
	tcase_add_test(tc, test_waits_without_a_timer);
	tcase_add_test(tc, test_its_deadline_runs);
	tcase_add_test(tc, test_over_a_restart);
	tcase_add_test(tc, test_what_may_exist);
	tcase_add_test(tc, test_what_does_not_exist);
	tcase_add_test(tc, test_a_stop_while_paused);
	tcase_add_test(tc, test_events_once);
	tcase_add_test(tc, test_resume_ends_hold);
	tcase_add_test(tc, test_why_not);
	suite_add_tcase(suite, tc);
	return suite;
}
