/* SPDX-License-Identifier: Apache-2.0 */
/* Candidates in their order, and what follows when one is refused. */
#include "core/place.h"
#include "base/clock.h"
#include "core/event.h"
#include "core/health.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/pool.h"
#include "core/waiter.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/verdict.h"
#include "unit.h"
#include "place_util.h"

#include <stdio.h>
#include <string.h>

#define TYPES "instance_type: [c7i.xlarge, c6i.xlarge]"
#define TWO "  a: { password: x, missing_timeout: 10m, " TYPES " }\n"

START_TEST(test_next_type)
{
	struct world v;
	const struct worker *w;

	world_init(&v, TWO);
	refuse(&v, 0, (struct fake_refusal){NO_CAPACITY, "c7i.xlarge", .times = 99});
	world_up(&v, "a");
	world_run(&v, MINUTE);
	w = world_worker(&v, "a");
	ck_assert_str_eq(asked(&v), "c7i.xlarge; c6i.xlarge");
	check_tokens(&v);
	ck_assert_int_eq(w->generation, 1);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	ck_assert_str_eq(w->launch->type, "c6i.xlarge");
	ck_assert_str_eq(latest(w, EVENT_PHASE, "reserved")->reason,
		"c6i.xlarge, on demand; not c7i.xlarge: InsufficientInstanceCapacity");
	world_fini(&v);
}
END_TEST

/* What one worker was refused, no other asks for three minutes, if it has another choice. */
START_TEST(test_rests_for_all)
{
	struct world v;

	world_init(&v,
		"  a-[1-3]: { password: x, " TYPES " }\n"
		"  b: { password: y, instance_type: [c7i.xlarge, m5.large] }\n");
	refuse(&v, 0, (struct fake_refusal){NO_CAPACITY, "c7i.xlarge", .times = 1});
	world_up(&v, "a-1");
	world_run(&v, 10000);
	ck_assert_str_eq(asked(&v), "c7i.xlarge; c6i.xlarge");
	world_up(&v, "a-2");
	world_up(&v, "b");
	world_run(&v, 10000);
	ck_assert_str_eq(asked(&v), "c6i.xlarge; m5.large");
	world_run(&v, 3 * MINUTE);
	world_up(&v, "a-3");
	world_run(&v, 10000);
	ck_assert_str_eq(asked(&v), "c7i.xlarge");
	world_fini(&v);
}
END_TEST

/* One that is reserved and not sent yet is placed anew: nothing exists of it. */
START_TEST(test_reserved_is_placed_anew)
{
	struct world v;
	const struct worker *w;

	world_init(&v, "  a-[1-2]: { password: x, " TYPES " }\n");
	v.cloud.script[0] = (struct fake_answer){VERDICT_LATER, EC2_CLASS_THROTTLE,
		.times = 1000};
	w = world_worker(&v, "a-1");
	world_up(&v, "a-1");
	while (w->launch->phase != LAUNCH_RESERVED ||
		w->launch->try_ms < clock_ms() + 5000)
		world_run(&v, 100);
	v.cloud.script[0].times = 0;
	refuse(&v, 0, (struct fake_refusal){NO_CAPACITY, "c7i.xlarge", .times = 99});
	(void)asked(&v);
	world_up(&v, "a-2");
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "c7i.xlarge; c6i.xlarge; c6i.xlarge");
	ck_assert_str_eq(w->launch->type, "c6i.xlarge");
	ck_assert_ptr_nonnull(latest(w, EVENT_PHASE, "gone"));
	world_fini(&v);
}
END_TEST

/* With no other choice it goes on trying, at its own pace, and says so. */
START_TEST(test_all_rest)
{
	struct world v;
	struct world_told t = {0};
	struct worker *w;
	size_t tries;

	world_init(&v, TWO);
	refuse(&v, 0, (struct fake_refusal){NO_CAPACITY, .times = 1000});
	w = world_worker(&v, "a");
	world_up(&v, "a");
	(void)worker_wait(w, WAIT_RUNNING, 0, world_on_told, &t);
	world_run(&v, 5 * MINUTE);
	ck_assert_int_eq(t.calls, 0);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATING);
	ck_assert_int_eq(w->last_error.reason, REASON_CAPACITY);
	ck_assert_str_eq(w->last_error.origin, NO_CAPACITY);
	tries = v.cloud.runs_asked.count;
	ck_assert(tries > 10 && tries < 80);
	check_tokens(&v);
	world_run(&v, 5 * MINUTE + 1000);
	ck_assert_int_eq(t.calls, 1);
	ck_assert_int_eq(t.err.code, ERR_FAILED);
	ck_assert_int_eq(t.err.reason, REASON_CAPACITY);
	ck_assert_ptr_nonnull(
		strstr(t.err.text, "never launched within missing_timeout"));
	world_fini(&v);
}
END_TEST

/* Many that wait for the same are not many that ask: one tries for all. */
START_TEST(test_one_tries_for_all)
{
	struct world v;

	world_init(&v, "  a-[01-40]: { password: x }\n");
	refuse(&v, 0, (struct fake_refusal){NO_CAPACITY, .times = 1000});
	world_up(&v, "a-01");
	world_run(&v, 5000);
	for (int n = 2; n <= 40; n++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "a-%02d", n);
		world_up(&v, name);
	}
	world_run(&v, 3 * MINUTE);
	ck_assert_uint_lt(v.cloud.runs_asked.count, 60);
	refuse(&v, 0, (struct fake_refusal){.times = 0});
	world_run(&v, 2 * MINUTE);
	ck_assert(fake_cloud_living(&v.cloud) == 40);
	world_fini(&v);
}
END_TEST

/* Wrong in one candidate is no reason to leave out the others; wrong in all of them is the end. */
START_TEST(test_configuration)
{
	struct world v;
	struct world_told t = {0};
	struct worker *w;

	world_init(&v,
		"  a-[1-2]: { password: x, " TYPES " }\n"
		"  b: { password: y, instance_type: c7i.xlarge }\n");
	refuse(&v, 0,
		(struct fake_refusal){"InvalidParameterValue", "c7i.xlarge",
			.times = 2});
	world_up(&v, "a-1");
	world_run(&v, 10000);
	ck_assert_str_eq(asked(&v), "c7i.xlarge; c6i.xlarge");
	world_up(&v, "b");
	w = world_worker(&v, "b");
	(void)worker_wait(w, WAIT_RUNNING, 0, world_on_told, &t);
	world_run(&v, 10000);
	ck_assert_str_eq(asked(&v), "c7i.xlarge");
	ck_assert_int_eq(t.calls, 1);
	ck_assert_int_eq(t.err.reason, REASON_CONFIG);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	/* nothing is asked of EC2 again until a reload */
	world_up(&v, "b");
	world_up(&v, "a-2");
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert_str_eq(w->last_error.origin, "InvalidParameterValue");
	ck_assert_int_eq(w->generation, 2);
	world_run(&v, 60 * MINUTE);
	ck_assert_str_eq(asked(&v), "c6i.xlarge");
	world_reload(&v, "  b: { password: y, instance_type: c7i.xlarge }\n");
	world_up(&v, "b");
	world_run(&v, 10000);
	ck_assert_str_eq(asked(&v), "c7i.xlarge");
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	world_fini(&v);
}
END_TEST

/* What a reload has mended meanwhile is no fault of what the file says now. */
START_TEST(test_refused_after_a_reload)
{
	struct world v;
	struct worker *w;

	world_init(&v, "  a: { password: x, keypair_name: bad }\n");
	refuse(&v, 0, (struct fake_refusal){"InvalidKeyPair.NotFound", .times = 1});
	world_up(&v, "a");
	w = world_worker(&v, "a");
	while (w->launch->phase != LAUNCH_SENDING)
		world_turn(&v);
	world_reload(&v, "  a: { password: x, keypair_name: good }\n");
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large; m5.large");
	ck_assert_int_eq(w->generation, 1);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	check_tokens(&v);
	world_fini(&v);
}
END_TEST

/* Of several markets and subnets one that is wrong does not stop the others from being tried. */
START_TEST(test_mixed)
{
	struct world v;
	struct world_told t = {0};
	struct worker *w;

	world_init(&v, TWO);
	refuse(&v, 0,
		(struct fake_refusal){"InvalidParameterValue", "c7i.xlarge",
			.times = 99});
	refuse(&v, 1, (struct fake_refusal){NO_CAPACITY, "c6i.xlarge", .times = 99});
	w = world_worker(&v, "a");
	world_up(&v, "a");
	(void)worker_wait(w, WAIT_RUNNING, 0, world_on_told, &t);
	world_run(&v, 5 * MINUTE);
	ck_assert_int_eq(t.calls, 0); /* the second may still come */
	ck_assert_int_eq(w->last_error.reason, REASON_CAPACITY);
	refuse(&v, 1, (struct fake_refusal){.times = 0});
	world_run(&v, 2 * MINUTE);
	ck_assert_str_eq(w->launch->type, "c6i.xlarge");
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	world_fini(&v);
}
END_TEST

/* Refused for good: nobody launches, until a probe or a reload shows that it is mended. */
START_TEST(test_credentials)
{
	struct world v;
	struct worker *w;

	world_init(&v, "  a-[1-3]: { password: x }\n");
	w = world_worker(&v, "a-2");
	refuse(&v, 0, (struct fake_refusal){"UnauthorizedOperation", .times = 1});
	world_up(&v, "a-1");
	world_run(&v, 10000);
	ck_assert_int_eq(worker_state(world_worker(&v, "a-1")),
		WORKER_NOT_SUBSTANTIATED);
	world_up(&v, "a-2");
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert_int_eq(w->last_error.reason, REASON_AUTH);
	ck_assert_str_eq(asked(&v), "m5.large");
	world_run(&v, 5 * MINUTE);
	world_up(&v, "a-1"); /* the probe; the others wait for what comes of it */
	world_up(&v, "a-2");
	world_up(&v, "a-3");
	world_turn(&v);
	ck_assert_str_eq(worker_phase_name(w), "placing");
	world_run(&v, 30000);
	ck_assert_str_eq(asked(&v), "m5.large; m5.large; m5.large");
	ck_assert(fake_cloud_living(&v.cloud) == 3);
	world_fini(&v);
}
END_TEST

/* A terminate has nothing to do with it. */
START_TEST(test_terminates_go_on)
{
	struct world v;

	world_init(&v, "  a: { password: x }\n  b: { password: y }\n");
	world_ready(&v, "a");
	refuse(&v, 0, (struct fake_refusal){"UnauthorizedOperation", .times = 1});
	world_up(&v, "b");
	world_run(&v, 10000);
	ck_assert_str_eq(health_word(v.pool->health), "down");
	world_down(&v, "a");
	world_run(&v, MINUTE);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	world_fini(&v);
}
END_TEST

/* A quota is about more than the candidate: what shares it is left out. */
START_TEST(test_quota)
{
	struct world v;
	struct worker *w;

	world_init(&v,
		"  a: { password: x, missing_timeout: 10m,"
		" instance_type: [c7i.xlarge, m5.large, g5.xlarge] }\n");
	refuse(&v, 0,
		(struct fake_refusal){"VcpuLimitExceeded", "c7i.xlarge", .times = 99});
	world_up(&v, "a");
	world_run(&v, MINUTE);
	w = world_worker(&v, "a");
	ck_assert_str_eq(asked(&v), "c7i.xlarge; g5.xlarge");
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	world_fini(&v);
}
END_TEST

/* One that never comes up is given up, and the next is of another kind. */
START_TEST(test_stuck)
{
	struct world v;
	struct worker *w;

	world_init(&v,
		"  a: { password: x, missing_timeout: 10m, pending_timeout: 1m, " TYPES
		" }\n");
	world_up(&v, "a");
	while (v.cloud.count == 0)
		world_run(&v, 10);
	v.cloud.instances[0].due_ms = 0; /* never runs */
	world_run(&v, 3 * MINUTE);
	w = world_worker(&v, "a");
	ck_assert_str_eq(asked(&v), "c7i.xlarge; c6i.xlarge");
	ck_assert_int_eq(w->generation, 1);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	ck_assert_ptr_nonnull(
		strstr(latest(w, EVENT_PHASE, "reserved")->reason, "stayed pending"));
	ck_assert_str_eq(v.cloud.violation, "");
	world_fini(&v);
}
END_TEST

/* What EC2 takes back is not started there again for a while. */
START_TEST(test_no_room)
{
	static const struct {
		const char *code;
		const char *next;
	} cases[] = {
		{"Server.SpotInstanceTermination", "c6i.xlarge"},
		{"Server.InsufficientInstanceCapacity", "c6i.xlarge"},
		{"Client.UserInitiatedShutdown", "c7i.xlarge"},
	};
	char code[64], id[24];
	struct world v;

	world_init(&v, TWO);
	world_ready(&v, "a");
	(void)asked(&v);
	(void)snprintf(code, sizeof(code), "%s", cases[_i].code);
	(void)snprintf(id, sizeof(id), "%s", world_living(&v, "a")->id);
	fake_cloud_kill(&v.cloud, world_living(&v, "a"), EC2_STATE_TERMINATED);
	instance_observe(pool_instance(v.pool, id),
		&(struct ec2_instance){.id = id,
			.state = EC2_STATE_TERMINATED,
			.reason_code = code},
		clock_ms());
	world_turn(&v);
	world_up(&v, "a");
	world_run(&v, 10000);
	ck_assert_str_eq(asked(&v), cases[_i].next);
	world_fini(&v);
}
END_TEST

/* Whoever is responsible gets one mail of it, however many are refused, until it passes. */
START_TEST(test_told_once)
{
	static const struct {
		const char *code, *subject, *body;
	} cases[] = {
		{"VcpuLimitExceeded", "ec2workerd test: a quota is used up",
			"VcpuLimitExceeded"},
		{"UnauthorizedOperation",
			"ec2workerd test: EC2 refuses the credentials",
			"UnauthorizedOperation"},
		{NO_CAPACITY, NULL, NULL},
	};
	struct world v;
	struct notice_row *row;

	world_init(&v,
		"  a-[1-3]: { password: x, missing_timeout: 10m, notify_on_missing: ci@localhost }\n");
	refuse(&v, 0, (struct fake_refusal){cases[_i].code, .times = 1000});
	world_up(&v, "a-1");
	world_up(&v, "a-2");
	world_run(&v, 2 * MINUTE);
	world_up(&v, "a-3");
	world_run(&v, 2 * MINUTE);
	row = notices_rows(v.pool->notices);
	if (cases[_i].subject == NULL) {
		ck_assert_ptr_null(row);
	} else {
		ck_assert_ptr_nonnull(row);
		ck_assert_ptr_null(row->next);
		ck_assert_str_eq(row->recipient, "ci@localhost");
		ck_assert_str_eq(row->subject, cases[_i].subject);
		ck_assert_ptr_nonnull(strstr(row->body, cases[_i].body));
	}
	world_fini(&v);
}
END_TEST

/* A restart knows no rests: EC2 is asked for the first choice once more, with a new token. */
START_TEST(test_restart_while_placing)
{
	struct world v;
	struct worker *w;

	world_init(&v, TWO);
	refuse(&v, 0, (struct fake_refusal){NO_CAPACITY, .times = 1000});
	world_up(&v, "a");
	world_run(&v, MINUTE);
	while (world_worker(&v, "a")->phase != WORKER_PLACING)
		world_run(&v, 10);
	(void)asked(&v);
	world_restart(&v);
	w = world_worker(&v, "a");
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATING);
	ck_assert_int_eq(w->generation, 1);
	refuse(&v, 0, (struct fake_refusal){.times = 0});
	world_run(&v, 10000);
	ck_assert_str_eq(asked(&v), "c7i.xlarge");
	ck_assert(fake_cloud_living(&v.cloud) == 1);
	check_tokens(&v);
	world_fini(&v);
}
END_TEST

START_TEST(test_cancelled_while_placing)
{
	struct world v;
	struct worker *w;

	world_init(&v, TWO);
	refuse(&v, 0, (struct fake_refusal){NO_CAPACITY, .times = 1000});
	world_up(&v, "a");
	w = world_worker(&v, "a");
	world_run(&v, MINUTE);
	while (w->phase != WORKER_PLACING)
		world_run(&v, 10);
	(void)asked(&v);
	world_down(&v, "a");
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert_ptr_null(w->place);
	world_run(&v, 5 * MINUTE);
	ck_assert_str_eq(asked(&v), "");
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("place");
	TCase *t = tcase_create("candidates");

	tcase_add_test(t, test_next_type);
	tcase_add_test(t, test_rests_for_all);
	tcase_add_test(t, test_reserved_is_placed_anew);
	tcase_add_test(t, test_all_rest);
	tcase_add_test(t, test_one_tries_for_all);
	tcase_add_test(t, test_configuration);
	tcase_add_test(t, test_refused_after_a_reload);
	tcase_add_test(t, test_mixed);
	tcase_add_test(t, test_credentials);
	tcase_add_test(t, test_terminates_go_on);
	tcase_add_test(t, test_quota);
	tcase_add_loop_test(t, test_told_once, 0, 3);
	tcase_add_test(t, test_stuck);
	tcase_add_loop_test(t, test_no_room, 0, 3);
	tcase_add_test(t, test_restart_while_placing);
	tcase_add_test(t, test_cancelled_while_placing);
	suite_add_tcase(s, t);
	return s;
}
