/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of instances on the fake clock: states, bills, volumes, tags that fade, lag,
 * stuck states, capacity; and the heap of what is due.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "sim/cloud.h"
#include "sim/volume.h"
#include "sim/due.h"
#include "sim_call.h"

#include <stdlib.h>
#include <string.h>

static struct sim_instance *
last(const struct ec2 *e)
{
	return sim_cloud_at(e->cloud, sim_cloud_count(e->cloud) - 1);
}

static void
do_to(struct ec2 *e, const char *action, const char *id)
{
	AUTO(free) char *form = xasprintf("%s&InstanceId.1=%s", action, id);

	ck_assert_msg(ec2_call(e, form) == 0, "%s: %s", action, e->message);
}

START_TEST(life)
{
	struct ec2 *e = ec2_new();
	const char *id = ec2_run(e, "");

	ck_assert_str_eq(ec2_text(e, "name", 0), "pending");
	ck_assert_str_eq(ec2_state(e, id), "pending");
	ck_assert_int_eq(sim_cloud_next_due_ms(e->cloud), clock_ms() + 2000);
	ec2_advance(e, 1999);
	ck_assert_str_eq(ec2_state(e, id), "pending");
	ec2_advance(e, 1);
	ck_assert_str_eq(ec2_state(e, id), "running");
	ck_assert_int_eq(sim_cloud_next_due_ms(e->cloud), INT64_MAX);
	ec2_advance(e, 10000);
	do_to(e, "TerminateInstances", id);
	ck_assert_str_eq(ec2_state(e, id), "shutting-down");
	ck_assert_str_eq(ec2_text(e, "code", 1), "Client.UserInitiatedShutdown");
	ec2_advance(e, 3000);
	ck_assert_str_eq(ec2_state(e, id), "terminated");
	ec2_advance(e, 3599999);
	ck_assert_str_eq(ec2_state(e, id), "terminated");
	ec2_advance(e, 1);
	ck_assert_str_eq(ec2_state(e, id), "InvalidInstanceID.NotFound");
	ck_assert_uint_eq(sim_cloud_count(e->cloud), 1);
	ec2_free(e);
}
END_TEST

/* Running is what costs: whole runs, at 60 s each, rounded up. */
START_TEST(bills)
{
	struct ec2 *e = ec2_new();
	const char *id = ec2_run(e, "");
	const struct sim_instance *i = last(e);

	ck_assert_int_eq(sim_instance_billed_ms(i, clock_ms()), 0);
	ec2_advance(e, 2000);
	ec2_advance(e, 5500);
	ck_assert_int_eq(sim_instance_billed_ms(i, clock_ms()), 5500);
	ck_assert_int_eq(sim_instance_charged_s(i, clock_ms()), 60);
	do_to(e, "StopInstances", id);
	ec2_advance(e, 100000);
	ck_assert_str_eq(ec2_state(e, id), "stopped");
	ck_assert_int_eq(sim_instance_billed_ms(i, clock_ms()), 5500);
	do_to(e, "StartInstances", id);
	ec2_advance(e, 2000);
	ec2_advance(e, 90001);
	ck_assert_int_eq(sim_instance_billed_ms(i, clock_ms()), 95501);
	ck_assert_int_eq(sim_instance_charged_s(i, clock_ms()), 60 + 91);
	do_to(e, "TerminateInstances", id);
	ec2_advance(e, 100000);
	ck_assert_int_eq(sim_instance_billed_ms(i, clock_ms()), 95501);
	ck_assert_int_eq(sim_instance_charged_s(i, clock_ms()), 60 + 91);
	ck_assert_int_eq(i->terminated_wall_ms - i->ended_wall_ms, 3000);
	ec2_free(e);
}
END_TEST

/* A launch that never ran costs nothing. */
START_TEST(never_ran)
{
	struct ec2 *e = ec2_new();
	const char *id = ec2_run(e, "");

	do_to(e, "TerminateInstances", id);
	ec2_advance(e, 3000);
	ck_assert_str_eq(ec2_state(e, id), "terminated");
	ck_assert_int_eq(sim_instance_charged_s(last(e), clock_ms()), 0);
	ec2_free(e);
}
END_TEST

/* Which actions are good in which state, and where they lead. */
START_TEST(actions_by_state)
{
	static const struct {
		int line;
		enum sim_state from;
		const char *action, *code, *state;
	} cases[] = {
		{__LINE__, SIM_PENDING, "TerminateInstances", "", "shutting-down"},
		{__LINE__, SIM_RUNNING, "TerminateInstances", "", "shutting-down"},
		{__LINE__, SIM_STOPPING, "TerminateInstances", "", "shutting-down"},
		{__LINE__, SIM_STOPPED, "TerminateInstances", "", "shutting-down"},
		{__LINE__, SIM_SHUTTING_DOWN, "TerminateInstances", "",
			"shutting-down"},
		{__LINE__, SIM_TERMINATED, "TerminateInstances", "", "terminated"},
		{__LINE__, SIM_PENDING, "StopInstances", "IncorrectInstanceState",
			"pending"},
		{__LINE__, SIM_RUNNING, "StopInstances", "", "stopping"},
		{__LINE__, SIM_STOPPING, "StopInstances", "", "stopping"},
		{__LINE__, SIM_STOPPED, "StopInstances", "", "stopped"},
		{__LINE__, SIM_TERMINATED, "StopInstances", "IncorrectInstanceState",
			"terminated"},
		{__LINE__, SIM_PENDING, "StartInstances", "", "pending"},
		{__LINE__, SIM_RUNNING, "StartInstances", "", "running"},
		{__LINE__, SIM_STOPPING, "StartInstances", "IncorrectInstanceState",
			"stopping"},
		{__LINE__, SIM_STOPPED, "StartInstances", "", "pending"},
		{__LINE__, SIM_SHUTTING_DOWN, "StartInstances",
			"IncorrectInstanceState", "shutting-down"},
		{__LINE__, SIM_TERMINATED, "StartInstances", "IncorrectInstanceState",
			"terminated"},
		{__LINE__, SIM_RUNNING, "RebootInstances", "", "running"},
		{__LINE__, SIM_STOPPED, "RebootInstances", "IncorrectInstanceState",
			"stopped"},
	};

	for (size_t n = 0; n < COUNT_OF(cases); n++) {
		struct ec2 *e = ec2_new();
		const char *id = ec2_run(e, "");
		AUTO(free)
		char *form = xasprintf("%s&InstanceId.1=%s", cases[n].action, id);

		sim_cloud_force(e->cloud, last(e), cases[n].from);
		ec2_call(e, form);
		ck_assert_msg(strcmp(e->code, cases[n].code) == 0, "line %d: '%s'",
			cases[n].line, e->code);
		ck_assert_msg(strcmp(ec2_state(e, id), cases[n].state) == 0,
			"line %d: %s", cases[n].line, ec2_state(e, id));
		ec2_free(e);
	}
}
END_TEST

START_TEST(power_off)
{
	static const struct {
		int line;
		const char *more, *state;
	} cases[] = {
		{__LINE__, "", "stopping"},
		{__LINE__, "InstanceInitiatedShutdownBehavior=stop", "stopping"},
		{__LINE__, "InstanceInitiatedShutdownBehavior=terminate",
			"shutting-down"},
	};

	for (size_t n = 0; n < COUNT_OF(cases); n++) {
		struct ec2 *e = ec2_new();
		const char *id = ec2_run(e, cases[n].more);

		ec2_advance(e, 2000);
		sim_cloud_power_off(e->cloud, last(e));
		ck_assert_msg(strcmp(ec2_state(e, id), cases[n].state) == 0, "line %d",
			cases[n].line);
		ck_assert_str_eq(ec2_text(e, "message", 0),
			"Client.InstanceInitiatedShutdown: Instance "
			"initiated shutdown");
		ec2_free(e);
	}
}
END_TEST

START_TEST(dead_lose_tags)
{
	struct ec2 *e = ec2_new();
	const char *id = ec2_run(e,
		"TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=k&"
		"TagSpecification.1.Tag.1.Value=v");
	static const char by_tag[] =
		"DescribeInstances&Filter.1.Name=tag:k&Filter.1.Value.1=v";

	do_to(e, "TerminateInstances", id);
	ec2_advance(e, 3000 + 59999);
	ck_assert_int_eq(ec2_call(e, by_tag), 0);
	ck_assert_str_eq(ec2_text(e, "instanceId", 0), id);
	ck_assert_str_eq(ec2_text(e, "key", 0), "k");
	ec2_advance(e, 1);
	ck_assert_int_eq(ec2_call(e, by_tag), 0);
	ck_assert_uint_eq(ec2_count(e, "instanceId"), 0);
	ck_assert_str_eq(ec2_state(e, id), "terminated");
	ck_assert_uint_eq(ec2_count(e, "key"), 0);
	ck_assert_str_eq(strmap_get(&last(e)->tags, "k"), "v");
	ec2_free(e);
}
END_TEST

START_TEST(lag)
{
	struct ec2 *e = ec2_new();
	const char *id;

	e->times->visible = 5000;
	id = ec2_run(e, "");
	ck_assert_str_eq(ec2_text(e, "instanceId", 0), id);
	ck_assert_str_eq(ec2_state(e, id), "InvalidInstanceID.NotFound");
	ck_assert_int_eq(ec2_call(e, "DescribeInstances"), 0);
	ck_assert_uint_eq(ec2_count(e, "instanceId"), 0);
	ec2_advance(e, 5000);
	ck_assert_str_eq(ec2_state(e, id), "running");
	ec2_free(e);
}
END_TEST

START_TEST(stuck)
{
	struct ec2 *e = ec2_new();
	const char *id = ec2_run(e, "");

	sim_cloud_stick(e->cloud, last(e), true);
	ec2_advance(e, 1000000);
	ck_assert_str_eq(ec2_state(e, id), "pending");
	sim_cloud_stick(e->cloud, last(e), false);
	ec2_advance(e, 2000);
	ck_assert_str_eq(ec2_state(e, id), "running");
	sim_cloud_stick(e->cloud, last(e), true);
	do_to(e, "TerminateInstances", id);
	ec2_advance(e, 1000000);
	ck_assert_str_eq(ec2_state(e, id), "shutting-down");
	sim_cloud_force(e->cloud, last(e), SIM_TERMINATED);
	ck_assert_str_eq(ec2_state(e, id), "terminated");
	sim_cloud_force(e->cloud, last(e), SIM_RUNNING);
	ck_assert_str_eq(ec2_state(e, id), "terminated");
	ec2_free(e);
}
END_TEST

START_TEST(volumes)
{
	struct ec2 *e = ec2_new();
	const char *id = ec2_run(e,
		"BlockDeviceMapping.1.DeviceName=/dev/xvda&BlockDeviceMapping.1.Ebs.VolumeSize=20&"
		"BlockDeviceMapping.2.DeviceName=/dev/sdf&"
		"BlockDeviceMapping.2.Ebs.DeleteOnTermination=false&"
		"BlockDeviceMapping.3.DeviceName=/dev/sdg&BlockDeviceMapping.3.NoDevice=");
	const struct sim_volume *root = last(e)->made;
	const struct sim_volume *extra = root->next_made;
	AUTO(free) char *extra_id = xstrdup(extra->id);
	const struct sim_volumes *vs = sim_cloud_volumes(e->cloud);

	ck_assert_ptr_nonnull(extra);
	ck_assert_ptr_null(extra->next_made);
	ck_assert_int_eq(root->size, 20);
	ck_assert_str_eq(extra->device, "/dev/sdf");
	ck_assert_uint_eq(ec2_count(e, "volumeId"), 2);
	do_to(e, "TerminateInstances", id);
	ck_assert_int_eq(root->attachment, SIM_DETACHING);
	ck_assert_int_eq(root->state, SIM_VOLUME_HELD);
	ec2_advance(e, 3000);
	ck_assert_int_eq(root->state, SIM_VOLUME_DELETED);
	ck_assert_int_eq(extra->state, SIM_VOLUME_AVAILABLE);
	ck_assert_ptr_null(extra->instance);
	ck_assert_ptr_nonnull(sim_volumes_find(vs, "us-east-1", extra_id));
	ck_assert_ptr_null(sim_volumes_find(vs, "eu-west-1", extra_id));
	ck_assert_ptr_null(sim_volumes_find(vs, "us-east-1", root->id));
	ec2_free(e);
}
END_TEST

static void
watch(void *arg, struct sim_instance *i, enum sim_state from)
{
	buf_printf(arg, "%s>%s ", sim_state_name(from), sim_state_name(i->state));
}

START_TEST(watcher)
{
	struct ec2 *e = ec2_new();
	AUTO(buf) struct buf seen = {0};

	sim_cloud_watch(e->cloud, watch, &seen);
	ec2_run(e, "");
	ec2_advance(e, 2000);
	sim_cloud_terminate(e->cloud, last(e), NULL);
	sim_cloud_terminate(e->cloud, last(e), NULL);
	ec2_advance(e, 3000);
	ec2_advance(e, 4000000);
	ck_assert_str_eq(buf_str(&seen),
		"pending>pending pending>running running>shutting-down "
		"shutting-down>terminated ");
	ec2_free(e);
}
END_TEST

START_TEST(console_keeps_its_end)
{
	struct ec2 *e = ec2_new();
	struct sim_instance *i;
	char line[101];

	ec2_run(e, "");
	i = last(e);
	memset(line, 'x', sizeof(line));
	for (int n = 0; n < 5000; n++)
		sim_instance_print(i, line, sizeof(line));
	sim_instance_print(i, "the end", 7);
	ck_assert_uint_eq(sim_instance_console_len(i), 65536);
	ck_assert_uint_le(i->console->len, 131072);
	ck_assert_str_eq(i->console->data + i->console->len - 7, "the end");
	ec2_free(e);
}
END_TEST

START_TEST(same_seed_same_ids)
{
	struct ec2 *a = ec2_new();
	struct ec2 *b = ec2_new();

	ck_assert_str_eq(ec2_run(a, ""), ec2_run(b, ""));
	ck_assert_str_ne(ec2_run(a, ""), sim_cloud_at(b->cloud, 0)->id);
	ec2_free(a);
	ec2_free(b);
}
END_TEST

START_TEST(clear)
{
	struct ec2 *e = ec2_new();
	AUTO(free) char *id = xstrdup(ec2_run(e, "ClientToken=t"));

	sim_cloud_clear(e->cloud);
	ck_assert_uint_eq(sim_cloud_count(e->cloud), 0);
	ck_assert_ptr_null(sim_cloud_first(e->cloud));
	ck_assert_str_eq(ec2_state(e, id), "InvalidInstanceID.NotFound");
	ck_assert_int_eq(sim_cloud_next_due_ms(e->cloud), INT64_MAX);
	ec2_run(e, "ClientToken=t");
	ck_assert_uint_eq(sim_cloud_count(e->cloud), 1);
	ec2_free(e);
}
END_TEST

#define ITEMS 500

/* Random puts, moves and removals against a plain search. */
START_TEST(heap_order)
{
	struct sim_heap h = {0};
	size_t places[ITEMS] = {0};
	int64_t due[ITEMS] = {0};
	struct rng rng;

	rng_seed(&rng, 3);
	for (int round = 0; round < 5000; round++) {
		size_t n = (size_t)rng_below(&rng, ITEMS);
		int64_t at = (int64_t)rng_below(&rng, 50) + 1;

		if (rng_below(&rng, 3) == 0) {
			sim_heap_remove(&h, &places[n]);
			due[n] = 0;
		} else {
			sim_heap_put(&h, &places[n], at);
			due[n] = at;
		}
	}
	for (;;) {
		int64_t want = INT64_MAX;
		int64_t at = 0;
		size_t *place = sim_heap_first(&h, &at);

		for (size_t n = 0; n < ITEMS; n++)
			if (due[n] != 0 && due[n] < want)
				want = due[n];
		if (place == NULL)
			break;
		ck_assert_int_eq(at, want);
		ck_assert_int_eq(due[place - places], want);
		sim_heap_remove(&h, place);
		due[place - places] = 0;
	}
	for (size_t n = 0; n < ITEMS; n++)
		ck_assert_int_eq(due[n], 0);
	sim_heap_fini(&h);
}
END_TEST

START_TEST(heap_keeps_order_of_equals)
{
	struct sim_heap h = {0};
	size_t places[100] = {0};
	int64_t at;

	for (size_t n = 0; n < COUNT_OF(places); n++)
		sim_heap_put(&h, &places[n], 5);
	for (size_t n = 0; n < COUNT_OF(places); n++) {
		ck_assert_ptr_eq(sim_heap_first(&h, &at), &places[n]);
		sim_heap_remove(&h, &places[n]);
	}
	ck_assert_ptr_null(sim_heap_first(&h, &at));
	sim_heap_fini(&h);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("sim_cloud");
	TCase *all = tcase_create("all");

	tcase_add_test(all, life);
	tcase_add_test(all, bills);
	tcase_add_test(all, never_ran);
	tcase_add_test(all, actions_by_state);
	tcase_add_test(all, power_off);
	tcase_add_test(all, dead_lose_tags);
	tcase_add_test(all, lag);
	tcase_add_test(all, stuck);
	tcase_add_test(all, volumes);
	tcase_add_test(all, watcher);
	tcase_add_test(all, console_keeps_its_end);
	tcase_add_test(all, same_seed_same_ids);
	tcase_add_test(all, clear);
	tcase_add_test(all, heap_order);
	tcase_add_test(all, heap_keeps_order_of_equals);
	suite_add_tcase(suite, all);
	return suite;
}
