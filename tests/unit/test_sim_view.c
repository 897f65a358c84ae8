/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Describe calls see: copies that lag in state, tags and addresses, and that go
 * backwards where there are several; zones that are out; instances that stick or fail.
 */
#include "unit.h"

#include "base/mem.h"
#include "sim/cloud.h"
#include "sim_call.h"

#include <string.h>

#define TAG                                                                            \
	"TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=k"      \
	"&TagSpecification.1.Tag.1.Value=v"
#define BY_TAG "DescribeInstances&Filter.1.Name=tag:k&Filter.1.Value.1=v"
#define ZONE "Placement.AvailabilityZone=us-east-1"

/* It is pending for 2 s, and at 10 s it is terminated, which takes 3 s. */
static const struct {
	int line;
	const char *scenario;
	int64_t at_ms;
	const char *state; /* "" when it does not show */
} looks[] = {
	{__LINE__, "{}", 0, "pending"},
	{__LINE__, "{}", 2000, "running"},
	{__LINE__, "{}", 10000, "shutting-down"},
	{__LINE__, "{}", 13000, "terminated"},
	{__LINE__, "{\"lag\": {\"state\": 5}}", 0, "pending"},
	{__LINE__, "{\"lag\": {\"state\": 5}}", 6999, "pending"},
	{__LINE__, "{\"lag\": {\"state\": 5}}", 7000, "running"},
	{__LINE__, "{\"lag\": {\"state\": 5}}", 14999, "running"},
	{__LINE__, "{\"lag\": {\"state\": 5}}", 15000, "shutting-down"},
	{__LINE__, "{\"lag\": {\"state\": 5}}", 18000, "terminated"},
	{__LINE__, "{\"visible_after\": 4}", 3999, ""},
	{__LINE__, "{\"visible_after\": 4}", 4000, "running"},
};

START_TEST(lag_of_state)
{
	for (size_t n = 0; n < COUNT_OF(looks); n++) {
		struct ec2 *e = ec2_new();
		AUTO(free) char *form = NULL;

		ec2_scenario(e, looks[n].scenario);
		e->times->visible = e->scenario.visible_after;
		form = xasprintf("TerminateInstances&InstanceId.1=%s", ec2_run(e, TAG));
		if (looks[n].at_ms >= 10000) {
			ec2_advance(e, 2000);
			ec2_advance(e, 8000);
			ck_assert_int_eq(ec2_call(e, form), 0);
			ec2_advance(e, looks[n].at_ms - 10000);
		} else {
			ec2_advance(e, looks[n].at_ms);
		}
		ck_assert_int_eq(ec2_call(e, "DescribeInstances"), 0);
		ck_assert_msg(strcmp(ec2_text(e, "name", 0), looks[n].state) == 0,
			"line %d: %s", looks[n].line, ec2_text(e, "name", 0));
		ec2_free(e);
	}
}
END_TEST

START_TEST(lag_of_tags_and_addresses)
{
	struct ec2 *e = ec2_new();

	ec2_scenario(e, "{\"lag\": {\"tags\": 3, \"address\": 4}}");
	ec2_run(e, TAG);
	ck_assert_int_eq(ec2_call(e, BY_TAG), 0);
	ck_assert_uint_eq(ec2_count(e, "instanceId"), 0);
	ck_assert_int_eq(ec2_call(e, "DescribeInstances"), 0);
	ck_assert_uint_eq(ec2_count(e, "tagSet"), 0);
	ec2_advance(e, 3000);
	ck_assert_int_eq(ec2_call(e, BY_TAG), 0);
	ck_assert_str_eq(ec2_text(e, "name", 0), "running");
	ck_assert_uint_eq(ec2_count(e, "privateIpAddress"), 0);
	ck_assert_uint_eq(ec2_count(e, "ipAddress"), 0);
	ck_assert_uint_eq(ec2_count(e, "dnsName"), 0);
	ec2_advance(e, 1000);
	ck_assert_int_eq(ec2_call(e, BY_TAG), 0);
	ck_assert_str_eq(ec2_text(e, "privateIpAddress", 0), "10.0.0.1");
	ck_assert_str_eq(ec2_text(e, "ipAddress", 0), "198.18.0.1");
	ec2_free(e);
}
END_TEST

/* Three copies: 0, 2 and 4 s behind. At 3 s after the end all answers are there, at 5 s one. */
START_TEST(copies_go_backwards)
{
	struct ec2 *e = ec2_new();
	const char *id;
	unsigned seen[2][SIM_STATE_COUNT] = {{0}};
	AUTO(free) char *form = NULL;

	ec2_scenario(e, "{\"replicas\": 3, \"lag\": {\"state\": 4}}");
	id = ec2_run(e, TAG);
	form = xasprintf("TerminateInstances&InstanceId.1=%s", id);
	ec2_advance(e, 10000);
	ck_assert_int_eq(ec2_call(e, form), 0);
	for (int round = 0; round < 2; round++) {
		ec2_advance(e, 3000);
		for (int n = 0; n < 60; n++) {
			enum sim_state state = SIM_STATE_COUNT;

			ck_assert_int_eq(sim_state_find(ec2_state(e, id), &state), 0);
			seen[round][state]++;
		}
	}
	ck_assert_uint_gt(seen[0][SIM_TERMINATED], 0);
	ck_assert_uint_gt(seen[0][SIM_SHUTTING_DOWN], 0);
	ck_assert_uint_gt(seen[0][SIM_RUNNING], 0);
	ck_assert_uint_eq(seen[0][SIM_PENDING], 0);
	ck_assert_uint_gt(seen[1][SIM_TERMINATED], 0);
	ck_assert_uint_gt(seen[1][SIM_SHUTTING_DOWN], 0);
	ck_assert_uint_eq(seen[1][SIM_RUNNING], 0);
	ec2_free(e);
}
END_TEST

/* Reservations stay whole when what was left out stands between their instances. */
START_TEST(a_view_keeps_what_was_before)
{
	struct ec2 *e = ec2_new();

	ec2_scenario(e, "{\"lag\": {\"state\": 1}}");
	ck_assert_int_eq(ec2_call(e,
				 "RunInstances&MinCount=3&MaxCount=3&ImageId=ami-1"),
		0);
	ck_assert_int_eq(
		ec2_call(e,
			"DescribeInstances&Filter.1.Name=launch-index&Filter.1.Value.1=0"
			"&Filter.1.Value.2=2"),
		0);
	ck_assert_uint_eq(ec2_count(e, "reservationId"), 1);
	ck_assert_uint_eq(ec2_count(e, "instanceId"), 2);
	ck_assert_str_eq(ec2_text(e, "amiLaunchIndex", 1), "2");
	ec2_free(e);
}
END_TEST

/* %s is an instance in zone a, which is out, or in zone b, which is not. */
static const struct {
	int line;
	const char *action;
	bool good_of_a, good_of_b;
} outages[] = {
	{__LINE__, "DescribeInstances", false, false}, /* names none */
	{__LINE__, "DescribeInstanceStatus", false, false},
	{__LINE__, "DescribeInstances&Filter.1.Name=tag:k&Filter.1.Value.1=v", false,
		false},
	{__LINE__, "DescribeInstances&InstanceId.1=", false, true},
	{__LINE__, "DescribeInstanceStatus&InstanceId.1=", false, true},
	{__LINE__, "RebootInstances&InstanceId.1=", false, true},
	{__LINE__, "StopInstances&InstanceId.1=", false, true},
	{__LINE__, "TerminateInstances&InstanceId.1=", false, true},
};

START_TEST(zone_outage)
{
	struct ec2 *e = ec2_new();
	const char *a = ec2_run(e, ZONE "a");
	const char *b = ec2_run(e, ZONE "b");

	ec2_advance(e, 2000);
	ec2_scenario(e, "{\"impaired_zones\": \"us-east-1a\"}");
	for (size_t n = 0; n < 2 * COUNT_OF(outages); n++) {
		size_t row = n / 2;
		const char *action = outages[row].action;
		bool named = action[strlen(action) - 1] == '=';
		bool good = n % 2 == 0 ? outages[row].good_of_a
				       : outages[row].good_of_b;
		AUTO(free)
		char *form = xasprintf("%s%s", action, named ? n % 2 == 0 ? a : b : "");

		ec2_call(e, form);
		ck_assert_msg(strcmp(e->code, good ? "" : "Unavailable") == 0,
			"line %d: %s", outages[row].line, e->code);
		ck_assert_int_eq(e->status, good ? 200 : 503);
	}
	/* Other regions have zones of their own. */
	ck_assert_int_eq(ec2_call_in(e, "eu-west-1", "DescribeInstances"), 0);
	ck_assert_int_eq(
		ec2_call(e,
			"RunInstances&MinCount=1&MaxCount=1&ImageId=ami-1&" ZONE "a"),
		-1);
	ck_assert_str_eq(e->code, "Unavailable");
	ck_assert_int_eq(ec2_call(e,
				 "RunInstances&MinCount=1&MaxCount=1&ImageId=ami-1"),
		0);
	ck_assert_str_eq(ec2_text(e, "availabilityZone", 0), "us-east-1b");
	ck_assert_int_eq(ec2_call(e, "DescribeAvailabilityZones"), 0);
	ck_assert_str_eq(ec2_text(e, "zoneState", 0), "impaired");
	ck_assert_str_eq(ec2_text(e, "zoneState", 1), "available");
	ck_assert_int_eq(sim_cloud_at(e->cloud, 0)->state, SIM_RUNNING);
	ec2_free(e);
}
END_TEST

START_TEST(stuck_and_failed)
{
	struct ec2 *e = ec2_new();
	const char *pending = ec2_run(e, TAG);
	const char *ending = ec2_run(e, TAG);
	const char *failing = ec2_run(e, TAG);
	AUTO(free)
	char *form = xasprintf("TerminateInstances&InstanceId.1=%s&InstanceId.2=%s",
		pending, ending);

	sim_cloud_stick_in(e->cloud, sim_cloud_at(e->cloud, 0), SIM_PENDING);
	sim_cloud_stick_in(e->cloud, sim_cloud_at(e->cloud, 1), SIM_SHUTTING_DOWN);
	sim_cloud_fail(sim_cloud_at(e->cloud, 2), "Client.VolumeLimitExceeded");
	ec2_advance(e, 1999);
	ck_assert_str_eq(ec2_state(e, failing), "pending");
	ck_assert_uint_eq(ec2_count(e, "stateReason"), 0);
	ec2_advance(e, 1);
	ck_assert_str_eq(ec2_state(e, failing), "terminated");
	ck_assert_str_eq(ec2_text(e, "code", 1), "Client.VolumeLimitExceeded");
	ck_assert_str_eq(ec2_state(e, pending), "pending");
	ck_assert_str_eq(ec2_state(e, ending), "running");
	ck_assert_int_eq(ec2_call(e, form), 0);
	ec2_advance(e, 3600000);
	/* What sticks in one state leaves it when it is told to, and goes on from there. */
	ck_assert_int_eq(sim_cloud_at(e->cloud, 0)->state, SIM_TERMINATED);
	ck_assert_str_eq(ec2_state(e, ending), "shutting-down");
	ck_assert_uint_eq(sim_cloud_at(e->cloud, 2)->change_count, 2);
	ck_assert_int_eq(sim_cloud_at(e->cloud, 2)->billed_ms, 0);
	ec2_free(e);
}
END_TEST

START_TEST(changes_are_kept)
{
	struct ec2 *e = ec2_new();
	struct sim_instance *i;
	AUTO(free) char *stop = NULL;
	AUTO(free) char *start = NULL;

	stop = xasprintf("StopInstances&InstanceId.1=%s", ec2_run(e, TAG));
	start = xasprintf("StartInstances&InstanceId.1=%s",
		sim_cloud_at(e->cloud, 0)->id);
	i = sim_cloud_at(e->cloud, 0);
	for (int n = 0; n < 5; n++) {
		ec2_advance(e, 2000);
		ck_assert_int_eq(ec2_call(e, stop), 0);
		ec2_advance(e, 3000);
		ck_assert_int_eq(ec2_call(e, start), 0);
	}
	/* pending, running, stopping, stopped, five times; pending. */
	ck_assert_uint_eq(i->change_count, 21);
	for (size_t n = 1; n < i->change_count; n++) {
		ck_assert(i->changes[n].at_ms >= i->changes[n - 1].at_ms);
		ck_assert_int_eq(i->changes[n].wall_ms - i->changes[0].wall_ms,
			i->changes[n].at_ms - i->changes[0].at_ms);
	}
	ck_assert_int_eq(i->changes[17].state, SIM_RUNNING);
	ck_assert_int_eq(i->changes[17].at_ms - i->changes[0].at_ms, 22000);
	ec2_free(e);
}
END_TEST

/* A quota counts who has ended a moment ago, capacity does not. */
START_TEST(a_quota_lingers)
{
	static const char form[] =
		"RunInstances&MinCount=1&MaxCount=1&ImageId=ami-1&" ZONE "a";
	struct ec2 *e = ec2_new();
	AUTO(free) char *end = NULL;

	ec2_scenario(e,
		"{\"capacity\": [{\"available\": 1}, {\"available\": 1, \"linger\": 10,"
		" \"code\": \"VcpuLimitExceeded\"}]}");
	end = xasprintf("TerminateInstances&InstanceId.1=%s", ec2_run(e, ZONE "a"));
	ck_assert_int_eq(ec2_call(e, form), -1);
	ck_assert_str_eq(e->code, "InsufficientInstanceCapacity");
	ck_assert_int_eq(ec2_call(e, end), 0);
	ck_assert_int_eq(ec2_call(e, form), -1);
	ck_assert_str_eq(e->code, "VcpuLimitExceeded");
	ec2_advance(e, 9999);
	ck_assert_int_eq(ec2_call(e, form), -1);
	ec2_advance(e, 1);
	ck_assert_int_eq(ec2_call(e, form), 0);
	ec2_free(e);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("sim_view");
	TCase *all = tcase_create("all");

	tcase_add_test(all, lag_of_state);
	tcase_add_test(all, lag_of_tags_and_addresses);
	tcase_add_test(all, copies_go_backwards);
	tcase_add_test(all, a_view_keeps_what_was_before);
	tcase_add_test(all, zone_outage);
	tcase_add_test(all, stuck_and_failed);
	tcase_add_test(all, changes_are_kept);
	tcase_add_test(all, a_quota_lingers);
	suite_add_tcase(s, all);
	return s;
}
