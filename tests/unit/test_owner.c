/* SPDX-License-Identifier: Apache-2.0 */
/* Facts that belong to a session's owner, and how long they outlive it. */
#include "core/owner.h"
#include "base/clock.h"
#include "core/event.h"
#include "core/pool.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "unit.h"
#include "world.h"

#include <string.h>

#define WORKERS                                                                        \
	"  a: { password: x, missing_timeout: 5m, build_wait_timeout: -1 }\n"          \
	"  b: { password: x, missing_timeout: 5m, build_wait_timeout: -1 }\n"
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
/* Longer than a listing takes in the steady state. */
#define A_WHILE (2 * MINUTE)

static const struct cause tester = {"uid 0", "test"};

/* As a handler does it: may, fact, claim. */
static int
attach(struct world *v, struct owner *o, const char *name, struct err *err)
{
	struct worker *w = world_worker(v, name);

	if (owner_may(o, w, err) < 0 || worker_attached(w, 0, NULL, &tester, err) < 0)
		return -1;
	owner_claim(o, w, false);
	world_turn(v);
	return 0;
}

static void
builds(struct world *v, struct owner *o, const char *name, int64_t building)
{
	struct worker *w = world_worker(v, name);
	struct err err;

	ck_assert(owner_may(o, w, &err) == 0);
	if (building > 0)
		ck_assert(
			worker_build_started(w, 0, "b", building, &tester, &err) == 0);
	else
		ck_assert(worker_build_finished(w, 0, "b", 0, &tester, &err) == 0);
	owner_claim(o, w, true);
	world_turn(v);
}

/* Up, and reported by o. */
static void
ready(struct world *v, struct owner *o, const char *name)
{
	struct err err;

	world_up(v, name);
	world_run(v, 30 * SECOND);
	ck_assert_msg(attach(v, o, name, &err) == 0, "%s", err.text);
	world_run(v, 10);
	ck_assert_int_eq(worker_state(world_worker(v, name)), WORKER_SUBSTANTIATED);
}

static bool
is_up(struct world *v, const char *name)
{
	return worker_is_wanted(world_worker(v, name));
}

static void
check_deadline(struct world *v, const char *name, const char *kind)
{
	int64_t at;
	const char *is = worker_next_deadline(world_worker(v, name), &at);

	ck_assert_msg(str_equal(is, kind), "%s", is == NULL ? "none" : is);
}

/* By whom and why its machine was condemned. */
static void
check_condemned(struct world *v, const char *name, const char *by, const char *reason)
{
	const struct worker *w = world_worker(v, name);
	const struct event *e = NULL;

	for (size_t n = 0; n < event_ring_count(w->recent); n++) {
		e = event_ring_get(w->recent, n);
		if (str_equal(e->to, "condemned"))
			break;
	}
	ck_assert_ptr_nonnull(e);
	ck_assert_str_eq(e->by, by);
	ck_assert_str_eq(e->reason, reason);
}

START_TEST(test_a_live_owner_keeps_others_away)
{
	struct world v;
	struct owner *one, *two;
	struct worker *w;
	struct err err;

	world_init(&v, WORKERS);
	one = owner_enter(v.pool, "one");
	two = owner_enter(v.pool, "two");
	w = world_worker(&v, "a");
	ck_assert(owner_may(two, w, &err) == 0);
	ready(&v, one, "a");
	ck_assert_ptr_eq(w->owner, one);
	ck_assert(owner_may(one, w, &err) == 0);
	ck_assert_msg(owner_may(NULL, w, &err) == 0, "an operator may");
	ck_assert(owner_may(two, w, &err) == -1);
	ck_assert_int_eq(err.code, ERR_OWNED);
	ck_assert_str_eq(err.text, "a belongs to one, which has a session");
	ck_assert(attach(&v, two, "a", &err) == -1);
	ck_assert_ptr_eq(w->owner, one);
	ck_assert(owner_may(two, world_worker(&v, "b"), &err) == 0);
	world_fini(&v);
}
END_TEST

START_TEST(test_who_comes_after_takes_over)
{
	struct world v;
	struct owner *one, *two;
	struct worker *w;
	struct err err;

	world_init(&v, WORKERS);
	one = owner_enter(v.pool, "one");
	two = owner_enter(v.pool, "two");
	w = world_worker(&v, "a");
	ready(&v, one, "a");
	owner_leave(one);
	world_turn(&v);
	ck_assert(owner_may(two, w, &err) == 0);
	ck_assert(attach(&v, two, "a", &err) == 0);
	ck_assert_ptr_eq(w->owner, two);
	check_deadline(&v, "a", NULL);
	world_run(&v, 5 * HOUR);
	ck_assert(is_up(&v, "a"));
	HASH_FIND_STR(v.pool->owners, "one", one);
	ck_assert_msg(one == NULL, "nothing refers to it any more");
	world_fini(&v);
}
END_TEST

START_TEST(test_an_idle_worker_goes_after_its_owner)
{
	struct world v;
	struct owner *o;

	world_init(&v, WORKERS);
	o = owner_enter(v.pool, "one");
	ready(&v, o, "a");
	world_run(&v, 24 * HOUR);
	ck_assert_msg(is_up(&v, "a"), "while it has a session, never");
	owner_leave(o);
	world_turn(&v);
	check_deadline(&v, "a", "owner_timeout");
	world_run(&v, 15 * MINUTE - SECOND);
	ck_assert(is_up(&v, "a"));
	world_run(&v, 10 * SECOND);
	ck_assert(!is_up(&v, "a"));
	check_condemned(&v, "a", "owner_timeout", "its owner one is gone");
	world_run(&v, A_WHILE);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	ck_assert_str_eq(v.cloud.violation, "");
	ck_assert_ptr_null(v.pool->owners);
	world_fini(&v);
}
END_TEST

START_TEST(test_a_build_holds_it_longer)
{
	struct world v;
	struct owner *o;

	world_init(&v, WORKERS);
	o = owner_enter(v.pool, "one");
	ready(&v, o, "a");
	ready(&v, o, "b");
	builds(&v, o, "a", 2);
	builds(&v, o, "b", 1);
	builds(&v, o, "b", 0);
	owner_leave(o);
	world_turn(&v);
	check_deadline(&v, "a", "owner_build_timeout");
	world_run(&v, 15 * MINUTE + A_WHILE);
	ck_assert(is_up(&v, "a"));
	ck_assert_msg(!is_up(&v, "b"), "its build had ended");
	world_run(&v, 4 * HOUR - 20 * MINUTE);
	ck_assert(is_up(&v, "a"));
	world_run(&v, 5 * MINUTE);
	ck_assert(!is_up(&v, "a"));
	check_condemned(&v, "a", "owner_build_timeout", "its owner one is gone");
	world_fini(&v);
}
END_TEST

START_TEST(test_an_owner_that_returns_finds_all_as_it_was)
{
	struct world v;
	struct owner *o;
	struct worker *w;

	world_init(&v, WORKERS);
	o = owner_enter(v.pool, "one");
	ready(&v, o, "a");
	owner_leave(o);
	world_run(&v, 14 * MINUTE);
	ck_assert_ptr_eq(owner_enter(v.pool, "one"), o);
	w = world_worker(&v, "a");
	ck_assert(w->attached);
	check_deadline(&v, "a", NULL);
	world_run(&v, HOUR);
	ck_assert(is_up(&v, "a"));
	owner_leave(o);
	world_run(&v, 14 * MINUTE);
	ck_assert_msg(is_up(&v, "a"), "the time begins anew");
	world_run(&v, A_WHILE);
	ck_assert(!is_up(&v, "a"));
	world_fini(&v);
}
END_TEST

START_TEST(test_the_last_session_counts)
{
	struct world v;
	struct owner *o;

	world_init(&v, WORKERS);
	o = owner_enter(v.pool, "one");
	ready(&v, o, "a");
	ck_assert_ptr_eq(owner_enter(v.pool, "one"), o);
	owner_leave(o); /* the old connection, which did not answer any more */
	world_run(&v, HOUR);
	ck_assert(is_up(&v, "a"));
	owner_leave(o);
	world_run(&v, 16 * MINUTE);
	ck_assert(!is_up(&v, "a"));
	world_fini(&v);
}
END_TEST

START_TEST(test_facts_of_nobody_never_lapse)
{
	struct world v;
	struct owner *o;
	struct worker *w;
	struct err err;

	world_init(&v, WORKERS);
	o = owner_enter(v.pool, "one");
	w = world_worker(&v, "a");
	ready(&v, NULL, "a");
	ck_assert_ptr_null(w->owner);
	world_run(&v, 10 * HOUR);
	ck_assert(is_up(&v, "a"));

	builds(&v, NULL, "a", 1);
	ck_assert(attach(&v, o, "a", &err) == 0);
	ck_assert_msg(w->owner == NULL, "the build is still nobody's");
	builds(&v, o, "a", 2);
	ck_assert_ptr_eq(w->owner, o);
	builds(&v, NULL, "a", 1);
	ck_assert_ptr_null(w->owner);
	owner_leave(o);
	world_run(&v, 10 * HOUR);
	ck_assert(is_up(&v, "a"));
	ck_assert_ptr_null(v.pool->owners);
	world_fini(&v);
}
END_TEST

/* The master says so before it asks for the worker. */
START_TEST(test_a_build_before_the_start)
{
	struct world v;
	struct owner *one, *two;
	struct worker *w;
	struct err err;

	world_init(&v, WORKERS);
	one = owner_enter(v.pool, "one");
	two = owner_enter(v.pool, "two");
	w = world_worker(&v, "a");
	builds(&v, one, "a", 1);
	ck_assert(owner_may(two, w, &err) == -1);
	world_up(&v, "a");
	ck_assert_int_eq(w->building, 1);
	ck_assert_ptr_eq(w->owner, one);
	world_down(&v, "a");
	ck_assert_int_eq(w->building, 0);
	ck_assert_ptr_null(w->owner);

	builds(&v, one, "a", 1);
	builds(&v, one, "a", 0);
	ck_assert_msg(w->owner == NULL, "nothing is wanted, nothing builds");
	world_fini(&v);
}
END_TEST

START_TEST(test_what_a_gone_owner_said_of_a_worker_that_is_down)
{
	struct world v;
	struct owner *o;
	struct worker *a, *b;

	world_init(&v, WORKERS);
	o = owner_enter(v.pool, "one");
	a = world_worker(&v, "a");
	b = world_worker(&v, "b");
	builds(&v, o, "a", 1);
	builds(&v, o, "b", 1);
	owner_leave(o);
	world_up(&v, "a");
	ck_assert_msg(a->building == 0 && a->owner == NULL,
		"no build runs on what has just begun to start");
	world_run(&v, 30 * SECOND);
	world_attach(&v, "a");
	world_run(&v, 5 * HOUR);
	ck_assert(is_up(&v, "a"));
	ck_assert_int_eq(b->building, 0);
	ck_assert_ptr_null(b->owner);
	world_fini(&v);
}
END_TEST

/* The daemon's end is the end of all sessions. */
START_TEST(test_a_restart_begins_the_time_of_who_was_there)
{
	struct world v;
	struct owner *o;

	world_init(&v, WORKERS);
	o = owner_enter(v.pool, "one");
	ready(&v, o, "a");
	world_run(&v, HOUR);
	world_restart(&v);
	ck_assert_str_eq(world_worker(&v, "a")->owner->name, "one");
	check_deadline(&v, "a", "owner_timeout");
	world_run(&v, 14 * MINUTE);
	ck_assert(is_up(&v, "a"));
	world_restart(&v);
	world_run(&v, 50 * SECOND);
	ck_assert_msg(is_up(&v, "a"), "what remained is a minute");
	world_run(&v, 20 * SECOND);
	ck_assert(!is_up(&v, "a"));
	world_restart(&v);
	ck_assert_ptr_null(v.pool->owners);
	world_fini(&v);
}
END_TEST

START_TEST(test_a_restart_goes_on_with_what_remains)
{
	struct world v;
	struct owner *o;

	world_init(&v, WORKERS);
	o = owner_enter(v.pool, "one");
	ready(&v, o, "a");
	ready(&v, o, "b");
	builds(&v, o, "b", 1);
	owner_leave(o);
	world_run(&v, 10 * MINUTE);
	world_restart(&v);
	world_run(&v, 4 * MINUTE);
	ck_assert(is_up(&v, "a"));
	world_run(&v, A_WHILE);
	ck_assert(!is_up(&v, "a"));
	ck_assert(is_up(&v, "b"));
	check_deadline(&v, "b", "owner_build_timeout");
	world_run(&v, 4 * HOUR - 10 * MINUTE);
	ck_assert(!is_up(&v, "b"));
	world_fini(&v);
}
END_TEST

/* Nobody could open a session while the daemon was away: it waits for that a moment. */
START_TEST(test_a_time_that_ran_out_while_away)
{
	struct world v;
	struct owner *o;

	world_init(&v, WORKERS);
	o = owner_enter(v.pool, "one");
	ready(&v, o, "a");
	ready(&v, o, "b");
	owner_leave(o);
	world_turn(&v);
	clock_fake_advance(HOUR);
	world_restart(&v);
	world_run(&v, 20 * SECOND);
	ck_assert(is_up(&v, "a"));
	o = owner_enter(v.pool, "one");
	world_run(&v, HOUR);
	ck_assert(is_up(&v, "a"));

	owner_leave(o);
	world_turn(&v);
	clock_fake_advance(HOUR);
	world_restart(&v);
	world_run(&v, 40 * SECOND);
	ck_assert(!is_up(&v, "a"));
	ck_assert(!is_up(&v, "b"));
	world_fini(&v);
}
END_TEST

START_TEST(test_acts_on_fresh_knowledge_only)
{
	struct world v;
	struct owner *o;

	world_init(&v, WORKERS);
	o = owner_enter(v.pool, "one");
	ready(&v, o, "a");
	owner_leave(o);
	v.cloud.faults.fail_read = 1000;
	world_run(&v, HOUR);
	ck_assert_msg(is_up(&v, "a"), "nothing is known of it");
	v.cloud.faults.fail_read = 0;
	world_run(&v, A_WHILE);
	ck_assert(!is_up(&v, "a"));
	world_fini(&v);
}
END_TEST

START_TEST(test_a_reload_keeps_what_has_elapsed)
{
	struct world v;
	struct owner *o;

	world_init(&v, WORKERS "owner_timeout: 1h\n");
	o = owner_enter(v.pool, "one");
	ready(&v, o, "a");
	ready(&v, o, "b");
	builds(&v, o, "b", 1);
	owner_leave(o);
	world_run(&v, 20 * MINUTE);
	world_reload(&v, WORKERS "owner_timeout: 30m\nowner_build_timeout: 1h\n");
	world_run(&v, 8 * MINUTE);
	ck_assert(is_up(&v, "a"));
	world_run(&v, 4 * MINUTE);
	ck_assert(!is_up(&v, "a"));
	ck_assert(is_up(&v, "b"));
	world_run(&v, 30 * MINUTE);
	ck_assert(!is_up(&v, "b"));
	world_fini(&v);
}
END_TEST

/* Kept for a look, whoever is gone; afterwards that counts again. */
START_TEST(test_a_held_worker_stays)
{
	struct world v;
	struct owner *o;
	struct err err;

	world_init(&v, WORKERS);
	o = owner_enter(v.pool, "one");
	ready(&v, o, "a");
	ck_assert(worker_hold(world_worker(&v, "a"), &tester, &err) == 0);
	owner_leave(o);
	world_run(&v, 5 * HOUR);
	ck_assert(is_up(&v, "a"));
	worker_release(world_worker(&v, "a"), &tester);
	world_run(&v, A_WHILE);
	ck_assert(!is_up(&v, "a"));
	world_fini(&v);
}
END_TEST

/* One that is shorter than owner_timeout has no effect. */
START_TEST(test_a_short_build_timeout)
{
	struct world v;
	struct owner *o;

	world_init(&v, WORKERS "owner_build_timeout: 1m\n");
	o = owner_enter(v.pool, "one");
	ready(&v, o, "a");
	builds(&v, o, "a", 1);
	owner_leave(o);
	world_run(&v, 14 * MINUTE);
	ck_assert(is_up(&v, "a"));
	world_run(&v, A_WHILE);
	ck_assert(!is_up(&v, "a"));
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("owner");
	TCase *tc = tcase_create("owner");

	tcase_add_test(tc, test_a_live_owner_keeps_others_away);
	tcase_add_test(tc, test_who_comes_after_takes_over);
	tcase_add_test(tc, test_an_idle_worker_goes_after_its_owner);
	tcase_add_test(tc, test_a_build_holds_it_longer);
	tcase_add_test(tc, test_an_owner_that_returns_finds_all_as_it_was);
	tcase_add_test(tc, test_the_last_session_counts);
	tcase_add_test(tc, test_facts_of_nobody_never_lapse);
	tcase_add_test(tc, test_a_build_before_the_start);
	tcase_add_test(tc, test_what_a_gone_owner_said_of_a_worker_that_is_down);
	tcase_add_test(tc, test_a_restart_begins_the_time_of_who_was_there);
	tcase_add_test(tc, test_a_restart_goes_on_with_what_remains);
	tcase_add_test(tc, test_a_time_that_ran_out_while_away);
	tcase_add_test(tc, test_acts_on_fresh_knowledge_only);
	tcase_add_test(tc, test_a_reload_keeps_what_has_elapsed);
	tcase_add_test(tc, test_a_held_worker_stays);
	tcase_add_test(tc, test_a_short_build_timeout);
	suite_add_tcase(s, tc);
	return s;
}
