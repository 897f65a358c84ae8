/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and proofs where facts come at odd moments: clocks that jump, answers of the past. */
#include "base/clock.h"
#include "core/event.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/pool.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/reply.h"
#include "ec2/verdict.h"
#include "unit.h"
#include "world.h"

#include <string.h>

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define FIXED                                                                          \
	"  a: { password: x, missing_timeout: 5m, build_wait_timeout: 2m,"             \
	" notify_on_missing: root@localhost }\n"
#define BUSY "  a: { password: x, missing_timeout: 5m, build_wait_timeout: 0 }\n"

static const struct cause tester = {"uid 0", "test"};

static void
script(struct world *v, enum verdict verdict, enum ec2_class class, unsigned times)
{
	v->cloud.script[0] = (struct fake_answer){(int)verdict, (int)class, false,
		times};
}

static bool
has_event(const struct worker *w, enum event_type type)
{
	for (size_t n = 0; n < event_ring_count(w->recent); n++)
		if (event_ring_get(w->recent, n)->type == type)
			return true;
	return false;
}

static void
turns(struct world *v, int count)
{
	while (count-- > 0)
		world_turn(v);
}

/* L11, P25: a quarter of an hour is one of waiting, whatever the wall clock says. */
START_TEST(test_not_found_in_a_clock_jump)
{
	struct world v;

	world_init(&v, FIXED);
	world_ready(&v, "a");
	v.cloud.instances[0].visible_ms = clock_ms() + 10 * 60000;
	world_down(&v, "a");
	world_run(&v, 20000);
	clock_fake_wall_jump(_i * 10 * DAY_MS);
	world_run(&v, 60000);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_INSUBSTANTIATING);
	world_run(&v, 11 * 60000);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_NOT_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* L11: what an earlier life of the daemon saw does not shorten the proof. */
START_TEST(test_not_found_over_a_restart)
{
	struct world v;

	world_init(&v, FIXED);
	world_ready(&v, "a");
	v.cloud.instances[0].visible_ms = INT64_MAX;
	world_down(&v, "a");
	world_run(&v, 60000);
	world_restart(&v);
	world_run(&v, 14 * 60000);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_INSUBSTANTIATING);
	world_run(&v, 3 * 60000);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_NOT_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* L8, P26: nor does a jump between the last send and the watch shorten the watch. */
START_TEST(test_watch_in_a_clock_jump)
{
	struct world v;

	world_init(&v, FIXED);
	script(&v, VERDICT_REPEAT, EC2_CLASS_MISMATCH, 1);
	world_up(&v, "a");
	turns(&v, 5);
	ck_assert_str_eq(worker_phase_name(world_worker(&v, "a")), "sending");
	clock_fake_wall_jump(DAY_MS);
	world_run(&v, 25 * 60000);
	ck_assert_str_eq(worker_phase_name(world_worker(&v, "a")), "watch");
	world_run(&v, 7 * 60000);
	ck_assert_ptr_null(v.pool->launches);
	world_fini(&v);
}
END_TEST

/* L11: the name waits for every instance of the launch, a twin's end included. */
START_TEST(test_name_waits_for_the_twin)
{
	struct world v;
	struct worker *w;

	world_init(&v, FIXED);
	v.cloud.force_twin = true;
	v.cloud.faults.never_sent = 1000; /* so that the twin is not terminated */
	world_up(&v, "a");
	for (int n = 0; n < 2000 && HASH_COUNT(v.pool->instances) < 2; n++)
		world_run(&v, 1);
	w = world_worker(&v, "a");
	ck_assert_uint_eq(HASH_COUNT(v.pool->instances), 2);
	v.cloud.violation[0] = '\0'; /* the two that were forced */
	fake_cloud_kill(&v.cloud, &v.cloud.instances[_i], EC2_STATE_TERMINATED);
	world_down(&v, "a");
	world_up(&v, "a");
	world_run(&v, 20000);
	ck_assert_str_eq(worker_state_name(worker_state(w)), "insubstantiating");
	v.cloud.faults.never_sent = 0;
	world_run(&v, 200000);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	ck_assert_str_eq(v.cloud.violation, "");
	world_fini(&v);
}
END_TEST

/* A fact about a launch that then never was is no fact about the next one. */
START_TEST(test_attached_then_refused)
{
	struct world v;
	struct worker *w;
	struct err err;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	script(&v, VERDICT_REFUSED, EC2_CLASS_CAPACITY, 1);
	world_up(&v, "a");
	turns(&v, 5);
	ck_assert_int_eq(w->launch->phase, LAUNCH_SENDING);
	ck_assert_int_eq(worker_attached(w, 1, NULL, &tester, &err), 0);
	world_run(&v, 60000);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	ck_assert(!w->attached);
	world_run(&v, 5 * 60000);
	ck_assert_int_eq(w->last_error.code, ERR_MISSING);
	world_fini(&v);
}
END_TEST

/* Attached and detached before it ran: it is waited for as before, and not for ever. */
START_TEST(test_detached_before_running)
{
	struct world v;
	struct worker *w;
	struct err err;

	world_init(&v, BUSY);
	w = world_worker(&v, "a");
	world_up(&v, "a");
	turns(&v, 5);
	ck_assert_int_eq(worker_attached(w, 1, NULL, &tester, &err), 0);
	ck_assert_int_eq(worker_detached(w, 1, NULL, &tester, &err), 0);
	world_run(&v, 60000);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	world_run(&v, 5 * 60000);
	ck_assert_int_eq(w->last_error.code, ERR_MISSING);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	world_fini(&v);
}
END_TEST

/* While it is waited for again, it is not idle: the missing timer is the one that counts. */
START_TEST(test_wanted_again_is_not_idle)
{
	struct world v;
	struct worker *w;
	struct err err;

	world_init(&v, FIXED);
	world_ready(&v, "a");
	w = world_worker(&v, "a");
	ck_assert_int_eq(worker_detached(w, 0, NULL, &tester, &err), 0);
	world_run(&v, 110000);
	world_up(&v, "a");
	world_run(&v, 60000);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	world_attach(&v, "a");
	world_run(&v, 100000);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATED);
	world_run(&v, 30000);
	ck_assert_int_ne(worker_state(w), WORKER_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* An idle limit that ran out while nobody looked acts after a fresh listing. */
START_TEST(test_idle_over_at_start)
{
	struct world v;

	world_init(&v, FIXED);
	world_ready(&v, "a");
	v.cloud.faults.fail_read = 1000;
	clock_fake_advance(10 * 60000);
	world_restart(&v);
	world_run(&v, 60000);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_SUBSTANTIATED);
	v.cloud.faults.fail_read = 0;
	world_run(&v, 120000);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_NOT_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* The late answer to a cancelled start says nothing about the start that is queued behind it. */
START_TEST(test_queued_is_not_launched)
{
	struct world v;
	struct worker *w;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	world_up(&v, "a");
	turns(&v, 5);
	ck_assert_int_eq(w->launch->phase, LAUNCH_SENDING);
	world_down(&v, "a");
	world_up(&v, "a");
	turns(&v, 2);
	v.cloud.faults.never_sent = 1000; /* the old one lives on */
	world_run(&v, 6 * 60000);
	ck_assert_int_eq(w->generation, 2);
	ck_assert(worker_state(w) == WORKER_INSUBSTANTIATING && !worker_is_queued(w));
	ck_assert_int_eq(w->last_error.code, ERR_FAILED);
	ck_assert_ptr_null(strstr(notices_rows(v.pool->notices)->subject, "missing"));
	world_fini(&v);
}
END_TEST

/* Nothing of a queued start is in the cloud, so its limit needs no listing. */
START_TEST(test_queued_fails_without_a_listing)
{
	struct world v;
	struct worker *w;

	world_init(&v, FIXED);
	world_ready(&v, "a");
	w = world_worker(&v, "a");
	v.cloud.faults.never_sent = v.cloud.faults.fail_read = 1000;
	world_down(&v, "a");
	world_up(&v, "a");
	world_run(&v, 6 * 60000);
	ck_assert(!worker_is_wanted(w));
	ck_assert_int_eq(w->last_error.code, ERR_FAILED);
	world_fini(&v);
}
END_TEST

/* What may have been sent before a restart may have been launched. */
START_TEST(test_unresolved_is_missing)
{
	struct world v;

	world_init(&v, FIXED);
	world_up(&v, "a");
	turns(&v, 4);
	ck_assert_int_eq(world_worker(&v, "a")->launch->phase, LAUNCH_SENDING);
	script(&v, VERDICT_REPEAT, EC2_CLASS_PASSING, 100000);
	v.cloud.faults.lag = 1000;
	world_restart(&v);
	for (size_t n = 0; n < v.cloud.count; n++)
		v.cloud.instances[n].visible_ms = INT64_MAX;
	world_run(&v, 6 * 60000);
	ck_assert(has_event(world_worker(&v, "a"), EVENT_MISSING));
	ck_assert_ptr_nonnull(notices_rows(v.pool->notices));
	world_fini(&v);
}
END_TEST

/* AWS begins its message with the code; it is said once. */
START_TEST(test_death_is_said_once)
{
	static const struct {
		const char *code, *text, *expected;
	} cases[] = {
		{"Server.InternalError", "Server.InternalError: out of order",
			"Server.InternalError: out of order"},
		{"Server.InternalError", "out of order",
			"Server.InternalError: out of order"},
		{"Server.InternalError", NULL, "Server.InternalError"},
	};
	struct world v;
	struct instance *i;
	struct ec2_instance seen = {.state = EC2_STATE_STOPPING,
		.reason_code = xstrdup(cases[_i].code),
		.reason_text = xstrdup_opt(cases[_i].text)};

	world_init(&v, FIXED);
	world_ready(&v, "a");
	i = world_worker(&v, "a")->launch->instance;
	instance_observe(i, &seen, clock_ms());
	ck_assert_str_eq(i->death, cases[_i].expected);
	ec2_instance_fini(&seen);
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("limits");
	TCase *t = tcase_create("limits");

	tcase_add_loop_test(t, test_not_found_in_a_clock_jump, -1, 2);
	tcase_add_test(t, test_not_found_over_a_restart);
	tcase_add_test(t, test_watch_in_a_clock_jump);
	tcase_add_loop_test(t, test_name_waits_for_the_twin, 0, 2);
	tcase_add_test(t, test_attached_then_refused);
	tcase_add_test(t, test_detached_before_running);
	tcase_add_test(t, test_wanted_again_is_not_idle);
	tcase_add_test(t, test_idle_over_at_start);
	tcase_add_test(t, test_queued_is_not_launched);
	tcase_add_test(t, test_queued_fails_without_a_listing);
	tcase_add_test(t, test_unresolved_is_missing);
	tcase_add_loop_test(t, test_death_is_said_once, 0, 3);
	suite_add_tcase(s, t);
	return s;
}
