/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who goes when, and what becomes of those that are cancelled on the way.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/verdict.h"
#include "ec2_rig.h"
#include "ec2_service.h"
#include "sys/loop.h"
#include "unit.h"

#include <string.h>

START_TEST(test_launch_window)
{
	static const struct service_answer good = {.status = 200, .body = RUN_OK};
	static const struct service_answer throttled = {.status = 503,
		.body = ERROR("RequestLimitExceeded")};
	struct launch launches[12] = {0};
	struct ec2_counts counts;

	SCRIPT({.way = SERVICE_HOLD});
	for (size_t i = 0; i < COUNT_OF(launches); i++)
		launch_start(&launches[i]);
	rig_wait_for_held(5);
	rig_linger(20);
	ck_assert_uint_eq(rig.service->held_count, 5);
	ec2_client_counts(rig.client, &counts);
	ck_assert_uint_eq(counts.window, 5);
	ck_assert_uint_eq(counts.in_flight, 5);
	ck_assert_uint_eq(counts.queued, 7);

	service_release(rig.service, 0, &good);
	rig_wait_for_held(7); /* one is over, and the window has grown by one */
	service_release(rig.service, 1, &throttled);
	while (launches[1].result.count == 0)
		loop_turn(rig.loop, true);
	ec2_client_counts(rig.client, &counts);
	ck_assert_uint_eq(counts.window, 3);
	ck_assert_uint_eq(counts.throttled, 1);
	ck_assert_uint_eq(counts.in_flight, 5);
	rig_linger(20);
	ck_assert_uint_eq(rig.service->held_count, 7);
	for (size_t i = 0; i < COUNT_OF(launches); i++)
		result_fini(&launches[i].result);
}
END_TEST

START_TEST(test_slot_is_held_until_used_or_freed)
{
	struct launch launches[7] = {0};

	SCRIPT({.status = 200, .body = RUN_OK});
	for (size_t i = 0; i < COUNT_OF(launches); i++) {
		launches[i].keep = true;
		launch_start(&launches[i]);
	}
	rig_linger(10);
	ck_assert(launches[4].granted);
	ck_assert(!launches[5].granted);
	ec2_slot_free(launches[0].slot);
	rig_linger(10);
	ck_assert(launches[5].granted);
	ck_assert(!launches[6].granted);
	ec2_slot_free(launches[6].slot);
	ec2_slot_free(launches[5].slot);
	rig_linger(10);
	ck_assert(!launches[6].granted);
	ck_assert_uint_eq(rig.service->seen_count, 0);
	launch_leave(&launches[1]);
	result_wait(&launches[1].result);
	ck_assert_int_eq(launches[1].result.answer.verdict, VERDICT_DONE);
	result_fini(&launches[1].result);
	for (size_t i = 2; i < 5; i++)
		ec2_slot_free(launches[i].slot);
	ec2_slot_free(NULL);
}
END_TEST

/* A lane that was told to wait does, and no other. */
START_TEST(test_retry_after_pauses_its_lane)
{
	struct launch first = {0}, second = {0};
	struct result terminate = {0};
	int64_t began_ms = clock_ms();

	/* Long enough for the other lane on a slow machine. */
	SCRIPT({.status = 503,
		       .body = ERROR("RequestLimitExceeded"),
		       .retry_after_ms = "1500"},
		{.status = 200, .body = TERMINATE(ID)},
		{.status = 200, .body = RUN_OK});
	launch_start(&first);
	result_wait(&first.result);
	ck_assert_int_eq(first.result.answer.retry_after_ms, 1500);
	launch_start(&second);
	ec2_terminate_one(rig.client, ID, on_instances, &terminate);
	result_wait(&terminate);
	ck_assert(!second.granted);
	result_wait(&second.result);
	ck_assert_int_ge(clock_ms() - began_ms, 1500);
	ck_assert_int_eq(second.result.answer.verdict, VERDICT_DONE);
	result_fini(&first.result);
	result_fini(&second.result);
	result_fini(&terminate);
}
END_TEST

START_TEST(test_listing_goes_before_single_looks)
{
	static const struct service_answer good = {.status = 200,
		.body = PAGE(ITEM(ID), "")};
	struct result singles[8] = {0}, consoles[6] = {0}, list = {0};

	SCRIPT({.way = SERVICE_HOLD});
	for (size_t i = 0; i < COUNT_OF(singles); i++)
		ec2_describe_one(rig.client, ID, on_instances, &singles[i]);
	for (size_t i = 0; i < COUNT_OF(consoles); i++)
		ec2_console(rig.client, ID, false, on_console, &consoles[i]);
	rig_wait_for_held(10);
	ec2_list_pool(rig.client, "linux", on_instances, &list);
	rig_linger(10);
	ck_assert_uint_eq(service_count(rig.service,
				  "Filter.1.Name=tag%3Aec2workerd%3Apool"),
		0);
	for (size_t i = 0; !service_has(rig.service, i, "InstanceId.1=" ID); i++)
		ck_assert_uint_lt(i, 10);
	for (size_t i = 0; i < 10; i++) {
		if (!service_has(rig.service, i, "Action=DescribeInstances"))
			continue;
		service_release(rig.service, i, &good);
		break;
	}
	rig_wait_for_held(11);
	ck_assert(
		service_has(rig.service, 10, "Filter.1.Name=tag%3Aec2workerd%3Apool"));
	ec2_client_free(rig.client);
	rig.client = NULL;
	for (size_t i = 0; i < COUNT_OF(singles); i++)
		result_fini(&singles[i]);
}
END_TEST

START_TEST(test_cancel_while_waiting)
{
	struct result kept[5] = {0}, cancelled = {0};
	struct ec2_call *call;

	SCRIPT({.way = SERVICE_HOLD});
	ec2_cancel(NULL);
	ec2_cancel(ec2_terminate_one(rig.client, ID, on_instances, &cancelled));
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		ec2_terminate_one(rig.client, ID, on_instances, &kept[i]);
	call = ec2_terminate_one(rig.client, ID, on_instances, &cancelled);
	rig_wait_for_held(5);
	ec2_cancel(call);
	rig_linger(10);
	ck_assert_uint_eq(rig.service->seen_count, 5);
	ck_assert_uint_eq(cancelled.count, 0);
}
END_TEST

/* Those behind it go on; what the service says to it is heard by nobody. */
START_TEST(test_cancel_in_flight)
{
	static const struct service_answer good = {.status = 200,
		.body = PAGE(ITEM(ID), "")};
	struct result cancelled = {0}, others[5] = {0};
	struct ec2_call *call;

	SCRIPT({.way = SERVICE_HOLD});
	call = ec2_describe_one(rig.client, ID, on_instances, &cancelled);
	for (size_t i = 0; i < COUNT_OF(others); i++)
		ec2_describe_one(rig.client, ID, on_instances, &others[i]);
	rig_wait_for_held(5);
	ec2_cancel(call);
	rig_wait_for_held(6);
	for (size_t i = 0; i < 6; i++)
		service_release(rig.service, i, &good);
	result_wait(&others[4]);
	rig_linger(10);
	ck_assert_uint_eq(cancelled.count, 0);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		ck_assert_uint_eq(others[i].count, 1);
		result_fini(&others[i]);
	}
}
END_TEST

/* Turn by turn: wherever a call stands when it is cancelled, nobody hears of it again. */
START_TEST(test_cancel_at_any_turn)
{
	SCRIPT({.status = 200, .body = PAGE(ITEM(ID), NEXT("again"))});
	for (int turns = 0; turns < 40; turns++) {
		struct result r = {0};
		struct ec2_call *call = ec2_list_pool(rig.client, "p", on_instances,
			&r);

		for (int i = 0; i < turns && r.count == 0; i++)
			loop_turn(rig.loop, false);
		if (r.count == 0) {
			ec2_cancel(call);
			rig_linger(2);
			ck_assert_uint_eq(r.count, 0);
		}
		result_fini(&r);
	}
}
END_TEST

START_TEST(test_free_with_calls_under_way)
{
	struct result results[12] = {0};
	struct launch l = {.keep = true}, waiting = {0};

	SCRIPT({.way = SERVICE_HOLD});
	for (size_t i = 0; i < COUNT_OF(results); i++)
		ec2_describe_one(rig.client, ID, on_instances, &results[i]);
	launch_start(&l);
	rig_wait_for_held(5);
	launch_start(&waiting);
	ec2_client_free(rig.client);
	rig.client = NULL;
	rig_linger(10);
	for (size_t i = 0; i < COUNT_OF(results); i++)
		ck_assert_uint_eq(results[i].count, 0);
	ck_assert(l.granted && !waiting.granted);
}
END_TEST

START_TEST(test_free_in_the_callback)
{
	struct result r = {.free_client = true}, other = {0};

	SCRIPT({.status = 200, .body = PAGE(ITEM(ID), "")});
	ec2_describe_one(rig.client, ID, on_instances, &r);
	ec2_list_pool(rig.client, "p", on_instances, &other);
	while (r.count == 0)
		loop_turn(rig.loop, true);
	rig_linger(10);
	result_fini(&r);
	result_fini(&other);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("client_lanes");
	TCase *tc = tcase_create("client_lanes");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_launch_window);
	tcase_add_test(tc, test_slot_is_held_until_used_or_freed);
	tcase_add_test(tc, test_retry_after_pauses_its_lane);
	tcase_add_test(tc, test_listing_goes_before_single_looks);
	tcase_add_test(tc, test_cancel_while_waiting);
	tcase_add_test(tc, test_cancel_in_flight);
	tcase_add_test(tc, test_cancel_at_any_turn);
	tcase_add_test(tc, test_free_with_calls_under_way);
	tcase_add_test(tc, test_free_in_the_callback);
	suite_add_tcase(suite, tc);
	return suite;
}
