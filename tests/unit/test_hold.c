/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A held worker: its limits stand still, whatever happens meanwhile, and go on with what
 * remained.
 */
#include "core/worker.h"
#include "core/worker_view.h"
#include "base/clock.h"
#include "core/event.h"
#include "core/pool.h"
#include "unit.h"
#include "world.h"

#include <string.h>

#define MINUTE 60000
#define WORKERS                                                                        \
	"  a: { password: x, missing_timeout: 5m, build_wait_timeout: 2m }\n"          \
	"  z: { password: x, missing_timeout: 5m, build_wait_timeout: 0 }\n"

static const struct cause tester = {"uid 0", "a look"};

static void
hold(struct world *v, const char *name)
{
	struct err err;

	ck_assert_msg(worker_hold(world_worker(v, name), &tester, &err) == 0, "%s",
		err.text);
	world_turn(v);
}

static void
release(struct world *v, const char *name)
{
	worker_release(world_worker(v, name), &tester);
	world_turn(v);
}

static const struct event *
newest(const struct worker *w, enum event_type type)
{
	for (size_t n = 0; n < event_ring_count(w->recent); n++)
		if (event_ring_get(w->recent, n)->type == type)
			return event_ring_get(w->recent, n);
	return NULL;
}

START_TEST(test_idle_stands_still)
{
	struct world v;
	struct worker *w;

	world_init(&v, WORKERS);
	w = world_worker(&v, "a");
	world_ready(&v, "a");
	world_run(&v, MINUTE);
	hold(&v, "a");
	ck_assert(!deadline_is_set(&w->idle));
	world_run(&v, 60 * MINUTE);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATED);
	release(&v, "a");
	world_run(&v, MINUTE - 1000);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATED);
	world_run(&v, 2000);
	ck_assert_int_eq(worker_state(w), WORKER_INSUBSTANTIATING);
	world_fini(&v);
}
END_TEST

START_TEST(test_missing_stands_still)
{
	struct world v;
	struct worker *w;

	world_init(&v, WORKERS);
	w = world_worker(&v, "a");
	world_up(&v, "a");
	world_run(&v, MINUTE);
	hold(&v, "a");
	world_run(&v, 60 * MINUTE);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATING);
	release(&v, "a");
	world_run(&v, 4 * MINUTE - 1000);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATING);
	world_run(&v, 5000);
	ck_assert_int_eq(worker_state(w), WORKER_INSUBSTANTIATING);
	ck_assert_int_eq(w->last_error.code, ERR_MISSING);
	world_fini(&v);
}
END_TEST

/* Limits that begin while it is held stand still from their first moment on. */
START_TEST(test_limits_that_begin_held)
{
	struct world v;
	struct worker *w;
	struct err err;

	world_init(&v, WORKERS);
	w = world_worker(&v, "a");
	world_up(&v, "a");
	hold(&v, "a");
	world_run(&v, 30000);
	world_attach(&v, "a");
	world_run(&v, 60 * MINUTE);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATED);
	ck_assert(w->idle.left_ms == 2 * MINUTE && w->missing.left_ms == 0);
	ck_assert_int_eq(worker_detached(w, 0, NULL, &tester, &err), 0);
	world_up(&v, "a"); /* waits for it again, so it is not idle */
	ck_assert(w->missing.left_ms == 5 * MINUTE && w->idle.left_ms == 0);
	release(&v, "a");
	ck_assert(w->missing.boot_ms == clock_ms() + 5 * MINUTE);
	ck_assert(!deadline_is_set(&w->idle));
	world_fini(&v);
}
END_TEST

START_TEST(test_last_build_of_a_held_one)
{
	struct world v;
	struct worker *w;
	struct err err;

	world_init(&v, WORKERS);
	w = world_worker(&v, "z");
	world_ready(&v, "z");
	ck_assert_int_eq(worker_build_started(w, 0, "b/1", -1, &tester, &err), 0);
	hold(&v, "z");
	ck_assert_int_eq(worker_build_finished(w, 0, "b/1", -1, &tester, &err), 0);
	world_run(&v, 60 * MINUTE);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATED);
	release(&v, "z");
	world_run(&v, 100);
	ck_assert_int_eq(worker_state(w), WORKER_INSUBSTANTIATING);
	world_fini(&v);
}
END_TEST

START_TEST(test_over_a_restart)
{
	struct world v;
	struct worker *w;
	int64_t left;

	world_init(&v, WORKERS);
	world_ready(&v, "a");
	world_run(&v, MINUTE);
	hold(&v, "a");
	left = world_worker(&v, "a")->idle.left_ms;
	ck_assert(left > 0 && left <= MINUTE);
	world_restart(&v);
	w = world_worker(&v, "a");
	ck_assert(w->held);
	world_run(&v, 60 * MINUTE);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATED);
	release(&v, "a");
	ck_assert(w->idle.boot_ms == clock_ms() + left);
	world_restart(&v);
	ck_assert(!world_worker(&v, "a")->held);
	world_fini(&v);
}
END_TEST

START_TEST(test_a_stop_ends_it)
{
	struct world v;
	struct worker *w;

	world_init(&v, WORKERS);
	w = world_worker(&v, "a");
	world_ready(&v, "a");
	hold(&v, "a");
	world_down(&v, "a");
	ck_assert(!w->held);
	ck_assert_ptr_nonnull(newest(w, EVENT_RELEASE));
	world_run(&v, MINUTE);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	world_up(&v, "a");
	ck_assert(!w->held && w->missing.left_ms == 0);
	world_fini(&v);
}
END_TEST

START_TEST(test_death_ends_it)
{
	struct world v;
	struct worker *w;

	world_init(&v, WORKERS);
	w = world_worker(&v, "a");
	world_ready(&v, "a");
	hold(&v, "a");
	fake_cloud_kill(&v.cloud, world_living(&v, "a"), EC2_STATE_SHUTTING_DOWN);
	world_run(&v, 2 * MINUTE);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert(!w->held);
	ck_assert_ptr_nonnull(newest(w, EVENT_LOST));
	world_fini(&v);
}
END_TEST

START_TEST(test_nothing_to_hold)
{
	struct world v;
	struct worker *w;
	struct err err;

	world_init(&v, WORKERS);
	w = world_worker(&v, "a");
	ck_assert_int_eq(worker_hold(w, &tester, &err), -1);
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	release(&v, "a");
	world_ready(&v, "a");
	world_down(&v, "a");
	ck_assert_int_eq(worker_hold(w, &tester, &err), -1);
	ck_assert_ptr_null(newest(w, EVENT_HOLD));
	ck_assert_ptr_null(newest(w, EVENT_RELEASE));
	world_fini(&v);
}
END_TEST

START_TEST(test_events_once)
{
	struct world v;
	struct worker *w;
	const struct event *e;
	size_t count;

	world_init(&v, WORKERS);
	w = world_worker(&v, "a");
	world_ready(&v, "a");
	hold(&v, "a");
	e = newest(w, EVENT_HOLD);
	ck_assert_ptr_nonnull(e);
	ck_assert_str_eq(e->by, "uid 0");
	ck_assert_str_eq(e->reason, "a look");
	ck_assert_ptr_nonnull(e->instance);
	count = event_ring_count(w->recent);
	hold(&v, "a");
	ck_assert_uint_eq(event_ring_count(w->recent), count);
	release(&v, "a");
	release(&v, "a");
	ck_assert_uint_eq(event_ring_count(w->recent), count + 1);
	ck_assert_ptr_nonnull(newest(w, EVENT_RELEASE));
	world_fini(&v);
}
END_TEST

/* A reload that changes the limit changes what is left of it, and no more. */
START_TEST(test_reload_of_a_held_one)
{
	struct world v;
	struct worker *w;

	world_init(&v, WORKERS);
	w = world_worker(&v, "a");
	world_up(&v, "a");
	world_run(&v, MINUTE);
	hold(&v, "a");
	world_reload(&v,
		"  a: { password: x, missing_timeout: 7m, build_wait_timeout: 2m }\n"
		"  z: { password: x, missing_timeout: 5m, build_wait_timeout: 0 }\n");
	ck_assert(w->missing.left_ms == 6 * MINUTE);
	world_reload(&v,
		"  a: { password: x, missing_timeout: 30, build_wait_timeout: 2m }\n"
		"  z: { password: x, missing_timeout: 5m, build_wait_timeout: 0 }\n");
	ck_assert(w->held && w->missing.left_ms == 1);
	release(&v, "a");
	world_run(&v, 10000);
	ck_assert_int_eq(w->last_error.code, ERR_MISSING);
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("hold");
	TCase *tc = tcase_create("hold");

	tcase_add_test(tc, test_idle_stands_still);
	tcase_add_test(tc, test_missing_stands_still);
	tcase_add_test(tc, test_limits_that_begin_held);
	tcase_add_test(tc, test_last_build_of_a_held_one);
	tcase_add_test(tc, test_over_a_restart);
	tcase_add_test(tc, test_a_stop_ends_it);
	tcase_add_test(tc, test_death_ends_it);
	tcase_add_test(tc, test_nothing_to_hold);
	tcase_add_test(tc, test_events_once);
	tcase_add_test(tc, test_reload_of_a_held_one);
	suite_add_tcase(suite, tc);
	return suite;
}
