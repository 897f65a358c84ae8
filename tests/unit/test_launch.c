/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the launch protocol, each by its number. */
#include "core/launch.h"
#include "base/buf.h"
#include "base/clock.h"
#include "core/instance.h"
#include "core/launch_freeze.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/verdict.h"
#include "unit.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define FIXED                                                                                         \
	"  a: { password: geheim, missing_timeout: 2h, user_data: 'p={{ password }} w={{ worker }}'," \
	" tags: { team: ci } }\n"

static const struct cause admin = {"uid 0", "test"};

static void
turns(struct world *v, int count)
{
	while (count-- > 0)
		world_turn(v);
}

/* The n-th row of the script: so many runs are answered so. */
static void
script(struct world *v, size_t n, enum verdict verdict, enum ec2_class class,
	bool effect, unsigned times)
{
	v->cloud.script[n] = (struct fake_answer){(int)verdict, (int)class, effect,
		times};
}

static struct launch *
launch_of(struct world *v)
{
	return world_worker(v, "a")->launch;
}

/* L1: what is frozen holds no secret, and is rebuilt to the same bytes. */
START_TEST(test_l1_frozen)
{
	struct world v;
	struct buf body = {0}, again = {0};
	struct err err;

	world_init(&v, FIXED);
	world_up(&v, "a");
	ck_assert_ptr_null(strstr(launch_of(&v)->body, "geheim"));
	ck_assert_ptr_null(strstr(launch_of(&v)->user_data, "geheim"));
	ck_assert_ptr_nonnull(strstr(launch_of(&v)->body, "MinCount=1&MaxCount=1"));
	ck_assert_ptr_nonnull(strstr(launch_of(&v)->body,
		"InstanceInitiatedShutdownBehavior=terminate"));
	ck_assert_int_eq(launch_thaw(launch_of(&v), &body, &err), 0);
	ck_assert_int_eq(launch_thaw(launch_of(&v), &again, &err), 0);
	ck_assert_str_eq(buf_str(&body), buf_str(&again));
	/* base64 of "p=geheim w=a" */
	ck_assert_ptr_nonnull(strstr(buf_str(&body), "UserData=cD1nZWhlaW0gdz1h"));
	buf_fini(&body);
	buf_fini(&again);
	world_fini(&v);
}
END_TEST

/* L2: nothing leaves in the turn whose commit has not returned. */
START_TEST(test_l2_commit_before_bytes)
{
	struct world v;

	world_init(&v, FIXED);
	world_up(&v, "a");
	while (launch_of(&v)->phase == LAUNCH_RESERVED) {
		ck_assert(v.cloud.runs == 0);
		world_turn(&v);
	}
	ck_assert_int_eq(launch_of(&v)->phase, LAUNCH_SENDING);
	ck_assert_uint_eq(launch_of(&v)->sends, 1);
	ck_assert(launch_of(&v)->first_wall != 0);
	world_restart(&v); /* the row says that bytes may have left */
	ck_assert_int_eq(launch_of(&v)->phase, LAUNCH_UNKNOWN);
	world_run(&v, 60000);
	ck_assert(v.cloud.runs == 1);
	world_fini(&v);
}
END_TEST

/* L5: never sent and throttled keep the token, and cancelling is free. */
START_TEST(test_l5_later)
{
	static const enum ec2_class classes[] = {EC2_CLASS_NEVER_SENT,
		EC2_CLASS_THROTTLE};
	struct world v;
	char token[LAUNCH_ID_SIZE];

	world_init(&v, FIXED);
	script(&v, 0, VERDICT_LATER, classes[_i], false, 1000);
	world_up(&v, "a");
	world_run(&v, 5000);
	snprintf(token, sizeof(token), "%s", launch_of(&v)->token);
	world_run(&v, 20000);
	ck_assert_str_eq(launch_of(&v)->token, token);
	ck_assert_uint_le(launch_of(&v)->sends, 1);
	world_run(&v, 3000);
	while (launch_of(&v)->phase != LAUNCH_RESERVED)
		world_run(&v, 100);
	world_down(&v, "a");
	turns(&v, 3);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_NOT_SUBSTANTIATED);
	ck_assert(v.cloud.runs == 0);
	world_fini(&v);
}
END_TEST

/* L5: a refusal of the first send ends the launch, the next one has another token. */
START_TEST(test_l5_refused)
{
	struct world v;
	char token[LAUNCH_ID_SIZE];

	world_init(&v, FIXED);
	script(&v, 0, VERDICT_REFUSED, EC2_CLASS_CAPACITY, false, 1);
	world_up(&v, "a");
	snprintf(token, sizeof(token), "%s", launch_of(&v)->token);
	world_run(&v, 60000);
	ck_assert(v.cloud.runs == 1);
	ck_assert_str_ne(v.cloud.instances[0].token, token);
	ck_assert_int_eq(world_worker(&v, "a")->generation, 1);
	world_fini(&v);
}
END_TEST

/* L5, L9: a refusal after an unanswered send proves nothing: watch, and the name is taken. */
START_TEST(test_l5_refused_after_doubt)
{
	struct world v;
	struct worker *w;

	world_init(&v, FIXED);
	world_run(&v, 3000);
	v.cloud.faults.fail_read = 1000; /* no listing helps */
	script(&v, 0, VERDICT_REPEAT, EC2_CLASS_PASSING, true, 1);
	script(&v, 1, VERDICT_REFUSED, EC2_CLASS_CAPACITY, false, 1);
	world_up(&v, "a");
	world_run(&v, 40000);
	w = world_worker(&v, "a");
	ck_assert_str_eq(worker_phase_name(w), "watch");
	ck_assert(v.cloud.runs == 1);
	v.cloud.faults.fail_read = 0;
	world_run(&v, 120000); /* seen: condemned, and only then the next */
	ck_assert(v.cloud.runs == 2);
	ck_assert_str_eq(v.cloud.violation, "");
	ck_assert(!fake_is_living(&v.cloud.instances[0]));
	world_fini(&v);
}
END_TEST

/* L7: ambiguous answers are resolved by the same token, wanted or not. */
START_TEST(test_l7_resolve)
{
	struct world v;

	world_init(&v, FIXED);
	world_run(&v, 3000);
	v.cloud.faults.fail_read = 1000;
	script(&v, 0, VERDICT_REPEAT, EC2_CLASS_PASSING, _i % 2 == 0, 3);
	world_up(&v, "a");
	while (launch_of(&v)->phase != LAUNCH_UNKNOWN)
		world_run(&v, 10);
	if (_i >= 2)
		world_down(&v, "a");
	world_run(&v, 120000);
	ck_assert(v.cloud.runs == 1);
	v.cloud.faults.fail_read = 0;
	world_run(&v, 60000);
	ck_assert(fake_cloud_living(&v.cloud) == (_i >= 2 ? 0 : 1));
	world_fini(&v);
}
END_TEST

/* L7, L8: nobody wants it and no answer comes: watched, and found even after 14 minutes. */
START_TEST(test_l8_watch_finds_late_arrivals)
{
	struct world v;

	world_init(&v, FIXED);
	v.cloud.faults.late_effect = 1000;
	world_up(&v, "a");
	turns(&v, 5);
	ck_assert_int_eq(launch_of(&v)->phase, LAUNCH_SENDING);
	world_down(&v, "a");
	script(&v, 0, VERDICT_REPEAT, EC2_CLASS_PASSING, false, 100000);
	v.cloud.faults.late_effect = 0;
	world_run(&v, 15 * 60000);
	ck_assert(v.cloud.runs == 1);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	world_run(&v, 60 * 60000);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_NOT_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* L8: half an hour is half an hour, whatever becomes of the wall clock, and after a restart. */
START_TEST(test_l8_watch_and_the_clock_is_set)
{
	static const int64_t day = 24 * 3600 * 1000;
	struct world v;

	world_init(&v, FIXED);
	script(&v, 0, VERDICT_REPEAT, EC2_CLASS_PASSING, false, 1);
	script(&v, 1, VERDICT_REFUSED, EC2_CLASS_CAPACITY, false, 100);
	world_up(&v, "a");
	while (launch_of(&v)->sends < 2)
		world_run(&v, 10);
	clock_fake_wall_jump(_i == 0 ? day : -day);
	if (_i == 2)
		world_restart(&v);
	world_down(&v, "a");
	while (launch_of(&v)->phase != LAUNCH_WATCH)
		world_run(&v, 10);
	ck_assert_int_ge(launch_of(&v)->watch.boot_ms - clock_ms(), 29 * 60000);
	ck_assert_int_le(launch_of(&v)->watch.boot_ms - clock_ms(), 30 * 60000);
	world_run(&v, 28 * 60000);
	ck_assert_int_eq(launch_of(&v)->phase, LAUNCH_WATCH);
	world_run(&v, 4 * 60000);
	ck_assert_ptr_null(launch_of(&v));
	world_fini(&v);
}
END_TEST

/* L8: the window ends only with a whole listing behind it; an outage makes it longer. */
START_TEST(test_l8_watch_needs_a_listing)
{
	struct world v;
	struct worker *w;

	world_init(&v, FIXED);
	script(&v, 0, VERDICT_REPEAT, EC2_CLASS_MISMATCH, false,
		1); /* L12: a mismatch is watched */
	world_up(&v, "a");
	world_run(&v, 5000);
	w = world_worker(&v, "a");
	ck_assert_int_eq(launch_of(&v)->phase, LAUNCH_WATCH);
	world_down(&v, "a");
	v.cloud.faults.fail_read = 1000;
	world_run(&v, 45 * 60000);
	ck_assert_int_eq(launch_of(&v)->phase, LAUNCH_WATCH);
	ck_assert_int_eq(worker_state(w), WORKER_INSUBSTANTIATING);
	world_up(&v, "a");
	ck_assert(worker_is_queued(w));
	v.cloud.faults.fail_read = 0;
	world_run(&v, 120000);
	ck_assert(v.cloud.runs == 1); /* the queued one */
	ck_assert(!worker_is_queued(w));
	world_fini(&v);
}
END_TEST

/* L9: an admin may end a watch, and nothing else. */
START_TEST(test_l9_abandon)
{
	struct world v;
	struct err err;

	world_init(&v, FIXED);
	script(&v, 0, VERDICT_REPEAT, EC2_CLASS_MISMATCH, false, 1);
	world_up(&v, "a");
	ck_assert_int_eq(launch_abandon(launch_of(&v), &admin, &err), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	world_run(&v, 5000);
	ck_assert_int_eq(launch_abandon(launch_of(&v), &admin, &err), 0);
	world_run(&v, 60000);
	ck_assert(v.cloud.runs == 1);
	world_fini(&v);
}
END_TEST

/* L12: the token's instance is dead: gone, failed, and the next attempt has a new token. */
START_TEST(test_l12_terminated_token)
{
	struct world v;
	struct worker *w;

	world_init(&v, FIXED);
	script(&v, 0, VERDICT_REFUSED, EC2_CLASS_TERMINATED, false, 1);
	world_up(&v, "a");
	w = world_worker(&v, "a");
	world_run(&v, 5000);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert_int_eq(w->last_error.reason, REASON_INSTANCE_DIED);
	world_fini(&v);
}
END_TEST

/* L12: EC2 knows the token with other parameters: something of ours may live, so it is watched for. */
START_TEST(test_l12_mismatch)
{
	struct world v;

	world_init(&v, FIXED);
	script(&v, 0, VERDICT_REPEAT, EC2_CLASS_MISMATCH, false, 1);
	world_up(&v, "a");
	world_run(&v, 5000);
	ck_assert_int_eq(launch_of(&v)->phase, LAUNCH_WATCH);
	ck_assert_uint_eq(v.cloud.runs, 0);
	world_run(&v, 29 * 60 * 1000);
	ck_assert_int_eq(launch_of(&v)->phase, LAUNCH_WATCH);
	ck_assert_uint_eq(v.cloud.runs, 0); /* not with this token, nor with another */
	world_fini(&v);
}
END_TEST

/* L13: of twins the one recorded first is kept. */
START_TEST(test_l13_twin)
{
	struct world v;

	world_init(&v, FIXED);
	v.cloud.force_twin = true;
	world_up(&v, "a");
	world_run(&v, 90000);
	ck_assert(v.cloud.runs == 2);
	ck_assert(fake_cloud_living(&v.cloud) == 1);
	ck_assert_str_eq(launch_of(&v)->instance->id, world_living(&v, "a")->id);
	world_restart(&v);
	world_down(&v, "a");
	world_run(&v, 90000);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	ck_assert_ptr_null(v.pool->launches);
	world_fini(&v);
}
END_TEST

/* L10: condemned is repeated, through failures and restarts, until it works. */
START_TEST(test_l10_terminate_for_ever)
{
	struct world v;

	world_init(&v, FIXED);
	world_ready(&v, "a");
	v.cloud.faults.throttle = 500;
	v.cloud.faults.never_sent = 900;
	world_down(&v, "a");
	for (int n = 0; n < 20; n++) {
		world_run(&v, 20000);
		world_restart(&v);
	}
	memset(&v.cloud.faults, 0, sizeof(v.cloud.faults));
	world_run(&v, 120000);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_NOT_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* P17: what is condemned on disk is terminated though the disk is full; nothing new is launched. */
START_TEST(test_l10_disk_full)
{
	struct world v;

	world_init(&v, FIXED "  b: { password: x }\n");
	world_ready(&v, "a");
	v.cloud.faults.never_sent = 1000;
	world_down(&v, "a");
	world_run(&v, 3000);
	v.disk_full = true;
	v.cloud.faults.never_sent = 0;
	world_up(&v, "b");
	world_run(&v, 120000);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	ck_assert(v.cloud.runs == 1);
	v.disk_full = false;
	world_run(&v, 60000);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_NOT_SUBSTANTIATED);
	ck_assert(v.cloud.runs == 2);
	world_fini(&v);
}
END_TEST

/* What an old machine's end says is not the new generation's error, and success clears it. */
START_TEST(test_last_error_is_of_this_generation)
{
	struct world v;
	struct worker *w;

	world_init(&v,
		"  a: { password: generated, user_data: '{{ password }}', missing_timeout: 2h }\n");
	script(&v, 0, VERDICT_REFUSED, EC2_CLASS_CAPACITY, false, 1);
	world_up(&v, "a");
	w = world_worker(&v, "a");
	world_run(&v, 2500);
	ck_assert_int_eq(w->last_error.code, ERR_FAILED);
	world_run(&v, 60000);
	world_attach(&v, "a");
	world_run(&v, 10);
	ck_assert_int_eq(w->last_error.code, ERR_NONE);
	v.cloud.faults.throttle = 1000;
	world_down(&v, "a");
	world_up(&v, "a");
	world_run(&v, 10000);
	ck_assert_int_eq(w->last_error.code, ERR_NONE);
	world_fini(&v);
}
END_TEST

/* L11: an instance that EC2 does not show at all is gone after 3 times NotFound over 15 minutes. */
START_TEST(test_l11_not_found)
{
	struct world v;
	struct worker *w;

	world_init(&v, FIXED);
	world_ready(&v, "a");
	w = world_worker(&v, "a");
	v.cloud.instances[0].visible_ms = INT64_MAX; /* gone from every answer */
	v.cloud.instances[0].state = EC2_STATE_TERMINATED;
	v.cloud.instances[0].died_ms = clock_ms();
	world_down(&v, "a");
	world_run(&v, 10 * 60000);
	ck_assert_int_eq(worker_state(w), WORKER_INSUBSTANTIATING);
	world_run(&v, 10 * 60000);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* pending for ever: at its limit condemned, and another launch follows in the same generation. */
START_TEST(test_pending_timeout)
{
	struct world v;
	struct worker *w;

	world_init(&v,
		"  a: { password: x, missing_timeout: 2h, pending_timeout: 1m }\n");
	world_up(&v, "a");
	turns(&v, 5);
	v.cloud.instances[0].due_ms = 0; /* never runs */
	world_run(&v, 58000);
	ck_assert_str_eq(worker_phase_name(world_worker(&v, "a")), "pending");
	world_run(&v, 60000);
	w = world_worker(&v, "a");
	ck_assert(v.cloud.runs == 2);
	ck_assert_int_eq(w->generation, 1);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	ck_assert_str_eq(v.cloud.violation, "");
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("launch");
	TCase *t = tcase_create("protocol");

	tcase_add_test(t, test_l1_frozen);
	tcase_add_test(t, test_l2_commit_before_bytes);
	tcase_add_loop_test(t, test_l5_later, 0, 2);
	tcase_add_test(t, test_l5_refused);
	tcase_add_test(t, test_l5_refused_after_doubt);
	tcase_add_loop_test(t, test_l7_resolve, 0, 4);
	tcase_add_test(t, test_l8_watch_finds_late_arrivals);
	tcase_add_loop_test(t, test_l8_watch_and_the_clock_is_set, 0, 3);
	tcase_add_test(t, test_l8_watch_needs_a_listing);
	tcase_add_test(t, test_l9_abandon);
	tcase_add_test(t, test_l10_terminate_for_ever);
	tcase_add_test(t, test_l10_disk_full);
	tcase_add_test(t, test_last_error_is_of_this_generation);
	tcase_add_test(t, test_l11_not_found);
	tcase_add_test(t, test_l12_terminated_token);
	tcase_add_test(t, test_l12_mismatch);
	tcase_add_test(t, test_l13_twin);
	tcase_add_test(t, test_pending_timeout);
	suite_add_tcase(s, t);
	return s;
}
