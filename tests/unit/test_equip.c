/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address and volumes of an instance: each looked at, taken when it is free, waited for
 * while its holder is dying, never taken away; and no worker is offered without them.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "core/equip.h"
#include "core/event.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/waiter.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/verdict.h"
#include "unit.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define IP "203.0.113.7"
#define CACHE "vol-0000000a"
#define DATA "vol-0000000b"
#define STRANGER "i-0123456789abcdef0"
#define MINUTE INT64_C(60000)

#define WORKERS                                                                        \
	"  a: { password: generated, elastic_ip: " IP ",\n"                            \
	"       volumes: [ [ " CACHE ", /dev/sdh ], [ " DATA ", /dev/sdi ] ] }\n"      \
	"  b: { password: x, volumes: [ [ vol-0000000c, /dev/sdh ] ] }\n"              \
	"  plain: { password: x }\n"

static struct world v;

static void
setup(void)
{
	world_init(&v, WORKERS);
	(void)fake_add_address(&v.cloud, IP);
	fake_add_volume(&v.cloud, CACHE, "us-east-1a");
	fake_add_volume(&v.cloud, DATA, "us-east-1a");
	fake_add_volume(&v.cloud, "vol-0000000c", "us-east-1a");
}

static void
teardown(void)
{
	world_fini(&v);
}

static const char *
phase(const char *name)
{
	const char *text = worker_phase_name(world_worker(&v, name));

	return text == NULL ? "down" : text;
}

static const char *
last_error(const char *name)
{
	return world_worker(&v, name)->last_error.text;
}

/* Whether the worker's history has an event with this reason. */
static unsigned
told(const char *name, const char *reason)
{
	const struct event_ring *ring = world_worker(&v, name)->recent;
	unsigned count = 0;

	for (size_t n = 0; n < event_ring_count(ring); n++) {
		const char *text = event_ring_get(ring, n)->reason;

		count += text != NULL && strstr(text, reason) != NULL;
	}
	return count;
}

static bool
has_all(const char *instance)
{
	return str_equal(fake_address(&v.cloud, IP)->instance, instance) &&
		fake_volume(&v.cloud, CACHE)->attachment_count == 1 &&
		fake_volume(&v.cloud, DATA)->attachment_count == 1 &&
		strcmp(fake_volume(&v.cloud, CACHE)->attachments[0].instance,
			instance) == 0 &&
		strcmp(fake_volume(&v.cloud, DATA)->attachments[0].instance,
			instance) == 0;
}

START_TEST(test_everything_in_order)
{
	struct world_told running = {0};

	world_up(&v, "a");
	(void)worker_wait(world_worker(&v, "a"), WAIT_RUNNING, 0, world_on_told,
		&running);
	while (v.cloud.associates == 0) {
		ck_assert_uint_eq(v.cloud.attaches, 0);
		ck_assert_int_eq(running.calls, 0);
		world_run(&v, 100);
	}
	ck_assert_str_eq(phase("a"), "equipping");
	world_run(&v, MINUTE);
	ck_assert_str_eq(phase("a"), "waiting");
	ck_assert(has_all(world_living(&v, "a")->id));
	ck_assert_str_eq(fake_volume(&v.cloud, DATA)->attachments[0].device,
		"/dev/sdi");
	ck_assert_uint_eq(v.cloud.associates, 1);
	ck_assert_uint_eq(v.cloud.attaches, 2);
	ck_assert_int_eq(running.calls, 1);
	ck_assert_int_eq(running.err.code, ERR_NONE);
	ck_assert_uint_eq(told("a", "has address " IP), 1);
	ck_assert_uint_eq(told("a", "has volume " CACHE " as /dev/sdh"), 1);
	ck_assert_int_eq(world_worker(&v, "a")->last_error.code, ERR_NONE);
	world_attach(&v, "a");
	ck_assert_str_eq(phase("a"), "ready");
}
END_TEST

START_TEST(test_nothing_to_equip)
{
	world_ready(&v, "plain");
	ck_assert_uint_eq(v.cloud.volume_lists + v.cloud.address_lists, 0);
	ck_assert(!world_worker(&v, "plain")->launch->holds);
	ck_assert(world_worker(&v, "b")->launch == NULL);
}
END_TEST

/* Its worker may be quicker: it is ready when both are there, and not missing then. */
START_TEST(test_attached_before_equipped)
{
	struct world_told attached = {0};
	struct worker *w = world_worker(&v, "a");

	world_up(&v, "a");
	(void)worker_wait(w, WAIT_ATTACHED, 0, world_on_told, &attached);
	while (strcmp(phase("a"), "equipping") != 0)
		world_run(&v, 100);
	world_attach(&v, "a");
	ck_assert(w->attached);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATING);
	ck_assert(deadline_is_set(&w->missing));
	ck_assert(!deadline_is_set(&w->idle));
	ck_assert_int_eq(attached.calls, 0);
	world_run(&v, MINUTE);
	ck_assert_str_eq(phase("a"), "ready");
	ck_assert_int_eq(attached.calls, 1);
	ck_assert(!deadline_is_set(&w->missing));
	ck_assert(deadline_is_set(&w->idle));
	ck_assert(has_all(world_living(&v, "a")->id));
}
END_TEST

/* Gone with the machine, and the next one gets them when it is terminated. */
START_TEST(test_the_next_waits_for_the_last)
{
	char first[24];

	world_up(&v, "a");
	world_run(&v, MINUTE);
	world_attach(&v, "a");
	(void)snprintf(first, sizeof(first), "%s", world_living(&v, "a")->id);
	world_down(&v, "a");
	world_up(&v, "a");
	world_run(&v, 2000);
	ck_assert_uint_eq(v.cloud.runs, 1); /* the name waits too: it holds things */
	world_run(&v, 2 * MINUTE);
	ck_assert_uint_eq(v.cloud.runs, 2);
	ck_assert_str_eq(phase("a"), "waiting");
	ck_assert_str_ne(world_living(&v, "a")->id, first);
	ck_assert(has_all(world_living(&v, "a")->id));
	ck_assert_str_eq(v.cloud.violation, "");
}
END_TEST

/* Of another worker, as after a reload that moved it: waited for when dying. */
START_TEST(test_held_by_our_own)
{
	struct ec2_volume *c = fake_volume(&v.cloud, "vol-0000000c");
	struct fake_instance *first;

	world_ready(&v, "plain");
	first = world_living(&v, "plain");
	fake_give_volume(c, first->id, "/dev/sdx");
	world_down(&v, "plain");
	while (first->state == EC2_STATE_RUNNING)
		world_run(&v, 100);
	first->due_ms = clock_ms() + MINUTE;
	world_up(&v, "b");
	world_run(&v, MINUTE - 1000);
	ck_assert_str_eq(phase("b"), "equipping");
	ck_assert_uint_eq(told("b", first->id), 1);
	world_run(&v, MINUTE);
	ck_assert_str_eq(phase("b"), "waiting");
	ck_assert_str_eq(c->attachments[0].instance, world_living(&v, "b")->id);
}
END_TEST

START_TEST(test_held_by_a_living_worker)
{
	struct ec2_volume *c = fake_volume(&v.cloud, "vol-0000000c");
	AUTO(free) char *says = NULL;

	world_ready(&v, "plain");
	fake_give_volume(c, world_living(&v, "plain")->id, "/dev/sdx");
	says = xasprintf("volume vol-0000000c as /dev/sdh: it belongs to %s of worker "
			 "plain",
		world_living(&v, "plain")->id);
	world_up(&v, "b");
	world_run(&v, MINUTE);
	ck_assert_str_eq(last_error("b"), says);
	ck_assert_str_eq(c->attachments[0].instance, world_living(&v, "plain")->id);
	ck_assert_ptr_null(world_living(&v, "b"));
}
END_TEST

/* What ends a start, with the reason; the machine ends too, and nothing was stolen. */
static void
check_fails(const char *name, const char *says, int reason)
{
	struct world_told attached = {0};
	struct worker *w = world_worker(&v, name);

	world_up(&v, name);
	(void)worker_wait(w, WAIT_ATTACHED, 0, world_on_told, &attached);
	world_run(&v, 2 * MINUTE);
	ck_assert_int_eq(attached.calls, 1);
	ck_assert_int_eq(attached.err.code, ERR_FAILED);
	ck_assert_msg(strstr(attached.err.text, says) != NULL, "%s", attached.err.text);
	ck_assert_int_eq((int)attached.err.reason, reason);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert_ptr_null(world_living(&v, name));
	ck_assert_uint_eq(v.cloud.runs, 1); /* and no other machine is tried */
	ck_assert_uint_ge(v.cloud.terminates, 1);
}

START_TEST(test_address_of_a_stranger)
{
	fake_give_address(fake_address(&v.cloud, IP), STRANGER);
	/* EC2 shows that instance only to those who ask for it. */
	(void)snprintf(v.cloud.instances[0].id, sizeof(v.cloud.instances[0].id), "%s",
		STRANGER);
	v.cloud.instances[0].state = EC2_STATE_RUNNING;
	v.cloud.instances[0].untagged = true;
	v.cloud.count = 1;
	check_fails("a", "address " IP ": it belongs to " STRANGER ", which is running",
		REASON_CONFIG);
	ck_assert_str_eq(fake_address(&v.cloud, IP)->instance, STRANGER);
	ck_assert_uint_eq(v.cloud.associates, 0);
}
END_TEST

/* Whoever cannot be seen any more will let go of it. */
START_TEST(test_address_of_one_that_is_gone)
{
	fake_give_address(fake_address(&v.cloud, IP), STRANGER);
	world_up(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_str_eq(phase("a"), "equipping");
	ck_assert_str_eq(last_error("a"),
		"address " IP ": waits until " STRANGER " is terminated");
	ck_assert_uint_eq(told("a", "waits until"), 1);
	fake_give_address(fake_address(&v.cloud, IP), NULL);
	world_run(&v, MINUTE);
	ck_assert_str_eq(phase("a"), "waiting");
	ck_assert_str_eq(last_error("a"), "");
}
END_TEST

START_TEST(test_address_of_an_interface)
{
	fake_give_address(fake_address(&v.cloud, IP), STRANGER);
	free(fake_address(&v.cloud, IP)->instance);
	fake_address(&v.cloud, IP)->instance = NULL;
	check_fails("a", "it belongs to the network interface eni-", REASON_CONFIG);
}
END_TEST

START_TEST(test_no_such_address)
{
	free(fake_address(&v.cloud, IP)->public_ip);
	v.cloud.addresses.items[0].public_ip = xstrdup("203.0.113.9");
	check_fails("a", "address " IP, REASON_CONFIG);
}
END_TEST

static void
give_to_nobody(struct ec2_volume *c)
{
	fake_give_volume(c, STRANGER, "/dev/sdx");
	free(c->attachments[0].instance);
	c->attachments[0].instance = NULL;
}

/* It is taken between the look and the launch. */
START_TEST(test_volume_of_a_stranger)
{
	world_up(&v, "b");
	while (v.cloud.count == 0)
		world_run(&v, 10);
	give_to_nobody(fake_volume(&v.cloud, "vol-0000000c"));
	world_run(&v, 3 * MINUTE);
	ck_assert_str_eq(phase("b"), "down");
	ck_assert_ptr_nonnull(
		strstr(last_error("b"), "it belongs to something that is no instance"));
	ck_assert_ptr_null(world_living(&v, "b"));
	ck_assert_uint_eq(v.cloud.runs, 1);
	ck_assert_uint_eq(v.cloud.attaches, 0);
}
END_TEST

static void
set_state(const char *volume, const char *state)
{
	struct ec2_volume *c = fake_volume(&v.cloud, volume);

	free(c->state);
	c->state = xstrdup(state);
}

START_TEST(test_volume_that_comes)
{
	set_state("vol-0000000c", "creating");
	world_up(&v, "b");
	world_run(&v, MINUTE);
	ck_assert_str_eq(last_error("b"),
		"volume vol-0000000c as /dev/sdh: waits until it is available; it is "
		"creating");
	set_state("vol-0000000c", "available");
	world_run(&v, MINUTE);
	ck_assert_str_eq(phase("b"), "waiting");
}
END_TEST

START_TEST(test_volume_of_another_zone)
{
	v.cloud.zone = "us-east-1b";
	check_fails("b", "it is in zone us-east-1a, and the instance in us-east-1b",
		REASON_CONFIG);
	ck_assert_uint_eq(v.cloud.attaches, 0);
}
END_TEST

START_TEST(test_attached_by_hand_as_something_else)
{
	world_up(&v, "b");
	while (world_living(&v, "b") == NULL)
		world_run(&v, 100);
	fake_give_volume(fake_volume(&v.cloud, "vol-0000000c"),
		world_living(&v, "b")->id, "/dev/sdz");
	world_run(&v, MINUTE);
	ck_assert_str_eq(last_error("b"),
		"volume vol-0000000c as /dev/sdh: it is attached as /dev/sdz");
	ck_assert_ptr_null(world_living(&v, "b"));
}
END_TEST

/* How an attach is answered, and whether that ends the start. */
START_TEST(test_refusals)
{
	static const struct {
		struct fake_thing_answer answer;
		const char *says;
	} cases[] = {
		{{VERDICT_REFUSED, EC2_CLASS_VOLUME, REASON_CONFIG, false, 9},
			"volume vol-0000000c as /dev/sdh: injected"},
		{{VERDICT_REFUSED, EC2_CLASS_QUOTA, REASON_QUOTA, false, 9},
			"volume vol-0000000c as /dev/sdh: injected"},
		{{VERDICT_REFUSED, EC2_CLASS_AUTH, REASON_AUTH, false, 9},
			"volume vol-0000000c as /dev/sdh: injected"},
	};

	v.cloud.thing_answer = cases[_i].answer;
	check_fails("b", cases[_i].says, cases[_i].answer.reason);
}
END_TEST

/* What passes is tried again; what may have happened is looked at first. */
START_TEST(test_answers_that_say_nothing)
{
	static const struct fake_thing_answer answers[] = {
		{VERDICT_LATER, EC2_CLASS_THROTTLE, REASON_THROTTLED, false, 3},
		{VERDICT_LATER, EC2_CLASS_NEVER_SENT, REASON_NETWORK, false, 3},
		{VERDICT_REPEAT, EC2_CLASS_PASSING, REASON_NETWORK, false, 3},
		{VERDICT_REPEAT, EC2_CLASS_STATE, REASON_INTERNAL, false, 3},
		{VERDICT_MISSING, EC2_CLASS_NOT_VISIBLE, REASON_NONE, false, 3},
		{VERDICT_REPEAT, EC2_CLASS_PASSING, REASON_NETWORK, true, 1},
	};

	v.cloud.thing_answer = answers[_i];
	world_up(&v, "b");
	world_run(&v, 3 * MINUTE);
	ck_assert_str_eq(phase("b"), "waiting");
	ck_assert_uint_eq(v.cloud.attaches, answers[_i].effect ? 1 : 4);
	ck_assert_str_eq(last_error("b"), "");
	ck_assert_uint_eq(fake_volume(&v.cloud, "vol-0000000c")->attachment_count, 1);
}
END_TEST

/* At any moment: what was done is found, and nothing is done twice. */
START_TEST(test_restarts)
{
	world_up(&v, "a");
	for (int64_t n = 0; n < 200; n++) {
		world_run(&v, 150 + 37 * (n % 7));
		if (n % 3 == _i)
			world_restart(&v);
	}
	world_run(&v, MINUTE);
	ck_assert_str_eq(phase("a"), "waiting");
	ck_assert(has_all(world_living(&v, "a")->id));
	ck_assert_uint_eq(v.cloud.runs, 1);
	ck_assert_str_eq(v.cloud.violation, "");
	world_restart(&v);
	world_attach(&v, "a");
	ck_assert_str_eq(phase("a"), "ready");
}
END_TEST

/* A stop while it waits for something: nothing holds the terminate up. */
START_TEST(test_a_stop_waits_for_nothing)
{
	fake_give_address(fake_address(&v.cloud, IP), STRANGER);
	world_up(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_str_eq(phase("a"), "equipping");
	world_down(&v, "a");
	world_run(&v, 3000);
	ck_assert_uint_eq(v.cloud.terminates, 1);
	world_run(&v, MINUTE);
	ck_assert_str_eq(phase("a"), "down");
	ck_assert_str_eq(fake_address(&v.cloud, IP)->instance, STRANGER);
}
END_TEST

/* missing_timeout bounds it, whether the worker has attached or not. */
START_TEST(test_missing)
{
	struct worker *w = world_worker(&v, "a");
	struct world_told attached = {0};

	fake_give_address(fake_address(&v.cloud, IP), STRANGER);
	world_up(&v, "a");
	(void)worker_wait(w, WAIT_ATTACHED, 0, world_on_told, &attached);
	world_run(&v, MINUTE);
	if (_i == 1)
		world_attach(&v, "a");
	world_run(&v, 25 * MINUTE);
	ck_assert_int_eq(attached.calls, 1);
	ck_assert_int_eq(attached.err.code, ERR_MISSING);
	ck_assert_ptr_nonnull(strstr(attached.err.text, "lacks address " IP));
	ck_assert_ptr_null(world_living(&v, "a"));
}
END_TEST

/* Whoever works is left alone, whatever it lacks; when the build has ended it is not. */
START_TEST(test_a_build_is_not_interrupted)
{
	static const struct cause tester = {"uid 0", "test"};
	struct worker *w = world_worker(&v, "b");
	struct err err;

	set_state("vol-0000000c", "creating");
	world_up(&v, "b");
	while (strcmp(phase("b"), "equipping") != 0)
		world_run(&v, 100);
	world_attach(&v, "b");
	ck_assert_int_eq(worker_build_started(w, 0, "1", 1, &tester, &err), 0);
	world_run(&v, 30 * MINUTE);
	ck_assert_str_eq(phase("b"), "equipping");
	set_state("vol-0000000c", "error");
	world_run(&v, MINUTE);
	ck_assert_str_eq(phase("b"), "equipping");
	ck_assert_uint_eq(v.cloud.terminates, 0);
	ck_assert_int_eq(worker_build_finished(w, 0, NULL, 0, &tester, &err), 0);
	world_run(&v, MINUTE);
	ck_assert_str_eq(phase("b"), "down");
	ck_assert_str_eq(last_error("b"),
		"volume vol-0000000c as /dev/sdh: its state is error");
}
END_TEST

/* What a running launch needs is its own; the file may say something else by now. */
START_TEST(test_a_reload_changes_nothing)
{
	world_up(&v, "a");
	while (world_living(&v, "a") == NULL)
		world_run(&v, 100);
	world_reload(&v, "  a: { password: generated }\n");
	ck_assert(world_worker(&v, "a")->stale);
	world_run(&v, MINUTE);
	ck_assert(has_all(world_living(&v, "a")->id));
	ck_assert_str_eq(phase("a"), "waiting");
}
END_TEST

START_TEST(test_frozen_volumes)
{
	struct launch *l;

	world_up(&v, "a");
	world_run(&v, 5000); /* where its volumes are */
	l = world_worker(&v, "a")->launch;
	ck_assert_str_eq(l->elastic_ip, IP);
	ck_assert_str_eq(l->volumes, CACHE " /dev/sdh\n" DATA " /dev/sdi");
	ck_assert(l->holds);
	world_up(&v, "plain");
	l = world_worker(&v, "plain")->launch;
	ck_assert_ptr_null(l->elastic_ip);
	ck_assert_ptr_null(l->volumes);
	ck_assert(!l->holds);
}
END_TEST

/* The worker is there before EC2 calls the instance running: no address for it yet. */
START_TEST(test_waits_for_running)
{
	world_up(&v, "a");
	while (world_living(&v, "a") == NULL)
		world_run(&v, 10);
	world_living(&v, "a")->due_ms = clock_ms() + 20000;
	world_run(&v, 2500); /* the answer of the launch */
	world_attach(&v, "a");
	ck_assert_str_eq(phase("a"), "equipping");
	world_run(&v, 10000);
	ck_assert_uint_eq(v.cloud.address_lists, 0);
	world_run(&v, MINUTE);
	ck_assert_str_eq(phase("a"), "ready");
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("equip");
	TCase *tc = tcase_create("equip");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_everything_in_order);
	tcase_add_test(tc, test_nothing_to_equip);
	tcase_add_test(tc, test_attached_before_equipped);
	tcase_add_test(tc, test_the_next_waits_for_the_last);
	tcase_add_test(tc, test_held_by_our_own);
	tcase_add_test(tc, test_held_by_a_living_worker);
	tcase_add_test(tc, test_address_of_a_stranger);
	tcase_add_test(tc, test_address_of_one_that_is_gone);
	tcase_add_test(tc, test_address_of_an_interface);
	tcase_add_test(tc, test_no_such_address);
	tcase_add_test(tc, test_volume_of_a_stranger);
	tcase_add_test(tc, test_volume_that_comes);
	tcase_add_test(tc, test_volume_of_another_zone);
	tcase_add_test(tc, test_attached_by_hand_as_something_else);
	tcase_add_loop_test(tc, test_refusals, 0, 3);
	tcase_add_loop_test(tc, test_answers_that_say_nothing, 0, 6);
	tcase_add_loop_test(tc, test_restarts, 0, 3);
	tcase_add_test(tc, test_a_stop_waits_for_nothing);
	tcase_add_loop_test(tc, test_missing, 0, 2);
	tcase_add_test(tc, test_a_build_is_not_interrupted);
	tcase_add_test(tc, test_a_reload_changes_nothing);
	tcase_add_test(tc, test_frozen_volumes);
	tcase_add_test(tc, test_waits_for_running);
	suite_add_tcase(suite, tc);
	return suite;
}
