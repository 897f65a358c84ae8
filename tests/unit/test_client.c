/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/creds.h"
#include "ec2/verdict.h"
#include "ec2_rig.h"
#include "ec2_service.h"
#include "peer.h"
#include "sys/loop.h"
#include "unit.h"

#include <string.h>

START_TEST(test_run)
{
	struct launch l = {0};
	struct ec2_counts counts;
	int64_t before = clock_ms();

	SCRIPT({.status = 200, .body = RUN_OK});
	launch_start(&l);
	result_wait(&l.result);
	ck_assert_int_eq(l.result.answer.verdict, VERDICT_DONE);
	ck_assert_int_eq(l.result.answer.class, EC2_CLASS_NONE);
	ck_assert(l.result.answer.sent);
	ck_assert_int_ge(l.result.answer.began_ms, before);
	ck_assert_int_le(l.result.answer.began_ms, clock_ms());
	ck_assert_str_eq(l.result.ids, ID " ");
	ck_assert_uint_eq(rig.service->seen_count, 1);
	ck_assert_str_eq(rig.service->seen[0].body, "Action=RunInstances&x=1");
	ck_assert_str_eq(rig.service->seen[0].type,
		"application/x-www-form-urlencoded; charset=utf-8");
	ck_assert_ptr_null(rig.service->seen[0].token);
	ck_assert_ptr_nonnull(strstr(rig.service->seen[0].authorization,
		"/us-east-1/ec2/aws4_request, SignedHeaders=content-type;host;x-amz-date, "));
	ec2_client_counts(rig.client, &counts);
	ck_assert_uint_eq(counts.calls[EC2_RUN_INSTANCES], 1);
	ck_assert_uint_eq(counts.calls[EC2_DESCRIBE_INSTANCES], 0);
	ck_assert_uint_eq(counts.in_flight, 0);
	result_fini(&l.result);
}
END_TEST

/* How the one action that may have made something is judged, over the wire. */
START_TEST(test_run_outcomes)
{
	static const struct {
		struct service_answer answer;
		int verdict, class, reason;
		int line;
	} cases[] = {
		{{.status = 503, .body = ERROR("RequestLimitExceeded")}, VERDICT_LATER,
			EC2_CLASS_THROTTLE, REASON_THROTTLED, __LINE__},
		{{.status = 429}, VERDICT_LATER, EC2_CLASS_THROTTLE, REASON_THROTTLED,
			__LINE__},
		{{.status = 500, .body = ERROR("InsufficientInstanceCapacity")},
			VERDICT_REFUSED, EC2_CLASS_CAPACITY, REASON_CAPACITY, __LINE__},
		{{.status = 500, .body = ERROR("InternalError")}, VERDICT_REPEAT,
			EC2_CLASS_PASSING, REASON_INTERNAL, __LINE__},
		{{.status = 504, .body = "<html>Gateway</html>"}, VERDICT_REPEAT,
			EC2_CLASS_PASSING, REASON_INTERNAL, __LINE__},
		{{.status = 200, .body = ""}, VERDICT_REPEAT, EC2_CLASS_PASSING,
			REASON_INTERNAL, __LINE__},
		{{.status = 200, .body = "<html>Sign in here</html>"}, VERDICT_REPEAT,
			EC2_CLASS_PASSING, REASON_INTERNAL, __LINE__},
		{{.status = 200, .body = "<RunInstancesResponse/>"}, VERDICT_REPEAT,
			EC2_CLASS_PASSING, REASON_INTERNAL, __LINE__},
		{{.status = 200, .body = RUN_OK, .way = SERVICE_CUT}, VERDICT_REPEAT,
			EC2_CLASS_PASSING, REASON_NETWORK, __LINE__},
		{{.way = SERVICE_DROP}, VERDICT_REPEAT, EC2_CLASS_PASSING,
			REASON_NETWORK, __LINE__},
		{{.status = 301, .body = RUN_OK}, VERDICT_REPEAT, EC2_CLASS_PASSING,
			REASON_INTERNAL, __LINE__},
		{{.status = 400, .body = ERROR("IdempotentParameterMismatch")},
			VERDICT_REPEAT, EC2_CLASS_MISMATCH, REASON_INTERNAL, __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct launch l = {0};

		service_script(rig.service, &cases[i].answer, 1);
		launch_start(&l);
		result_wait(&l.result);
		ck_assert_msg(l.result.answer.verdict == cases[i].verdict &&
				l.result.answer.class == cases[i].class &&
				(int)l.result.answer.err.reason == cases[i].reason,
			"line %d: %d %d %d %s", cases[i].line, l.result.answer.verdict,
			l.result.answer.class, l.result.answer.err.reason,
			l.result.answer.err.text);
		ck_assert(l.result.answer.sent);
		result_fini(&l.result);
	}
	ck_assert_uint_eq(rig.service->seen_count, COUNT_OF(cases));
}
END_TEST

START_TEST(test_nobody_listens)
{
	struct launch l = {0};
	struct ec2_counts counts;

	service_stop(rig.service);
	service_start(rig.service, rig.loop); /* at another port */
	launch_start(&l);
	result_wait(&l.result);
	ck_assert_int_eq(l.result.answer.verdict, VERDICT_LATER);
	ck_assert_int_eq(l.result.answer.class, EC2_CLASS_NEVER_SENT);
	ck_assert_int_eq((int)l.result.answer.err.reason, REASON_NETWORK);
	ck_assert(!l.result.answer.sent);
	ec2_client_counts(rig.client, &counts);
	ck_assert_uint_eq(counts.calls[EC2_RUN_INSTANCES], 0);
	result_fini(&l.result);
}
END_TEST

/* Refused, and nothing has left. */
START_TEST(test_without_keys)
{
	static const struct ec2_creds_source source = {.identifier = "AKIA"};
	const struct ec2_client_conf conf = {.region = "us-east-1",
		.endpoint = "http://127.0.0.1:9"};
	struct ec2_creds *creds = ec2_creds_new(rig.loop, rig.http, &source);
	struct result r = {0};

	ec2_client_free(rig.client);
	rig.client = ec2_client_new(rig.loop, rig.http, &conf, creds);
	ec2_creds_unref(creds);
	ec2_describe_one(rig.client, ID, on_instances, &r);
	result_wait(&r);
	ck_assert_int_eq(r.answer.verdict, VERDICT_REFUSED);
	ck_assert_int_eq(r.answer.class, EC2_CLASS_AUTH);
	ck_assert_int_eq((int)r.answer.err.reason, REASON_AUTH);
	ck_assert(!r.answer.sent);
	ck_assert_str_eq(r.answer.err.text,
		"DescribeInstances: no credentials: configuration: identifier is given "
		"without secret_identifier");
	result_fini(&r);
}
END_TEST

/* Whoever has them does not answer: nothing has left, and it may be tried again. */
START_TEST(test_keys_may_come)
{
	static const struct ec2_creds_source source = {.identifier = NULL};
	const struct ec2_client_conf conf = {.region = "us-east-1",
		.endpoint = "http://127.0.0.1:9"};
	AUTO(free)
	char *agent = xasprintf("http://127.0.0.1:%d/keys", peer_closed_port());
	struct ec2_creds *creds;
	struct result r = {0};

	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent, 1);
	setenv("HOME", "/nonexistent", 1);
	creds = ec2_creds_new(rig.loop, rig.http, &source);
	ec2_client_free(rig.client);
	rig.client = ec2_client_new(rig.loop, rig.http, &conf, creds);
	ec2_creds_unref(creds);
	ec2_describe_one(rig.client, ID, on_instances, &r);
	result_wait(&r);
	ck_assert_int_eq(r.answer.verdict, VERDICT_LATER);
	ck_assert_int_eq((int)r.answer.err.reason, REASON_NETWORK);
	ck_assert(!r.answer.sent);
	ck_assert_ptr_nonnull(strstr(r.answer.err.text,
		"DescribeInstances: no credentials: container credentials: "));
	result_fini(&r);
}
END_TEST

/* The signature is wrong, and nothing can be done about it: not for the clock's sake. */
START_TEST(test_refused_keys)
{
	struct launch l = {0};

	SCRIPT({.status = 401, .body = ERROR("AuthFailure")});
	launch_start(&l);
	result_wait(&l.result);
	ck_assert_int_eq(l.result.answer.verdict, VERDICT_REFUSED);
	ck_assert_int_eq(l.result.answer.class, EC2_CLASS_AUTH);
	ck_assert_int_eq((int)l.result.answer.err.reason, REASON_AUTH);
	ck_assert_str_eq(l.result.answer.err.origin, "AuthFailure");
	ck_assert(l.result.answer.sent);
	ck_assert_uint_eq(rig.service->seen_count, 1);
	result_fini(&l.result);
}
END_TEST

START_TEST(test_list_of_one_page)
{
	struct result r = {0};

	SCRIPT({.status = 200,
		.body = PAGE(ITEM("i-11111111") ITEM("i-22222222"), NEXT(""))});
	ec2_list_pool(rig.client, "linux pool", on_instances, &r);
	result_wait(&r);
	ck_assert_int_eq(r.answer.verdict, VERDICT_DONE);
	ck_assert_str_eq(r.ids, "i-11111111 i-22222222 ");
	ck_assert_str_eq(rig.service->seen[0].body,
		"Action=DescribeInstances&Version=2016-11-15"
		"&Filter.1.Name=tag%3Aec2workerd%3Apool&Filter.1.Value.1=linux+pool"
		"&MaxResults=1000");
	result_fini(&r);
}
END_TEST

START_TEST(test_find_token)
{
	struct result r = {0};

	SCRIPT({.status = 200, .body = "<DescribeInstancesResponse/>"});
	ec2_find_token(rig.client, "t-1", on_instances, &r);
	result_wait(&r);
	ck_assert_int_eq(r.answer.verdict, VERDICT_DONE);
	ck_assert_str_eq(r.ids, "");
	ck_assert(service_has(rig.service, 0, "Filter.1.Name=client-token"));
	ck_assert(service_has(rig.service, 0, "Filter.1.Value.1=t-1"));
	result_fini(&r);
}
END_TEST

#define PAGE_1 PAGE(ITEM("i-11111111"), NEXT("two+%2F"))
#define PAGE_2 PAGE(ITEM("i-22222222"), NEXT("three"))
#define PAGE_3 PAGE(ITEM("i-33333333"), "")
#define BAD_TOKEN ERROR("InvalidPaginationToken")

START_TEST(test_paging)
{
	static const struct {
		struct service_answer rows[8];
		size_t count; /* of rows, and of requests */
		int verdict;
		const char *ids;
		int line;
	} cases[] = {
		{{SAYS(200, PAGE_1), SAYS(200, PAGE_2), SAYS(200, PAGE_3)}, 3,
			VERDICT_DONE, "i-11111111 i-22222222 i-33333333 ", __LINE__},
		{{SAYS(200, PAGE_1), SAYS(500, ERROR("InternalError"))}, 2,
			VERDICT_REPEAT, "", __LINE__},
		{{SAYS(200, PAGE_1), SAYS(200, PAGE_2),
			 SAYS(503, ERROR("RequestLimitExceeded"))},
			3, VERDICT_LATER, "", __LINE__},
		{{SAYS(200, PAGE_1), SAYS(200, "<html/>")}, 2, VERDICT_REPEAT, "",
			__LINE__},
		{{SAYS(200, PAGE_1), SAYS(400, BAD_TOKEN), SAYS(200, PAGE_1),
			 SAYS(200, PAGE_2), SAYS(200, PAGE_3)},
			5, VERDICT_DONE, "i-11111111 i-22222222 i-33333333 ", __LINE__},
		{{SAYS(200, PAGE_1), SAYS(400, BAD_TOKEN), SAYS(200, PAGE_1),
			 SAYS(400, BAD_TOKEN)},
			4, VERDICT_REPEAT, "", __LINE__},
		{{SAYS(400, BAD_TOKEN)}, 1, VERDICT_REPEAT, "", __LINE__},
		{{SAYS(200, PAGE_2), SAYS(200, PAGE_2)}, 2, VERDICT_REPEAT, "",
			__LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t before = rig.service->seen_count;
		struct result r = {0};

		service_script(rig.service, cases[i].rows, cases[i].count);
		ec2_list_pool(rig.client, "p", on_instances, &r);
		result_wait(&r);
		ck_assert_msg(r.answer.verdict == cases[i].verdict &&
				strcmp(r.ids, cases[i].ids) == 0 &&
				rig.service->seen_count - before == cases[i].count,
			"line %d: %d %s %zu", cases[i].line, r.answer.verdict, r.ids,
			rig.service->seen_count - before);
		result_fini(&r);
	}
	ck_assert(service_has(rig.service, 1, "NextToken=two%2B%252F"));
	ck_assert(service_has(rig.service, 2, "NextToken=three"));
	ck_assert_uint_eq(service_count(rig.service, "MaxResults=1000"),
		rig.service->seen_count);
}
END_TEST

/* An absence counts from the beginning of the whole scan. */
START_TEST(test_began_is_of_the_first_page)
{
	static const struct service_answer last = {.status = 200, .body = PAGE_3};
	struct result r = {0};
	int64_t second_ms;

	SCRIPT({.status = 200, .body = PAGE_2}, {.way = SERVICE_HOLD});
	ec2_list_pool(rig.client, "p", on_instances, &r);
	rig_wait_for_held(1);
	rig_linger(50);
	second_ms = clock_ms();
	service_release(rig.service, 0, &last);
	result_wait(&r);
	ck_assert_int_eq(r.answer.verdict, VERDICT_DONE);
	ck_assert_int_le(r.answer.began_ms, second_ms - 40);
	result_fini(&r);
}
END_TEST

START_TEST(test_single_looks)
{
	static const struct {
		bool terminate;
		struct service_answer answer;
		int verdict, class;
		const char *ids;
		int line;
	} cases[] = {
		{false, SAYS(200, PAGE(ITEM(ID), "")), VERDICT_DONE, EC2_CLASS_NONE,
			ID " ", __LINE__},
		{false, SAYS(400, ERROR("InvalidInstanceID.NotFound")), VERDICT_MISSING,
			EC2_CLASS_NOT_VISIBLE, "", __LINE__},
		{false, SAYS(200, PAGE("", "")), VERDICT_MISSING, EC2_CLASS_NOT_VISIBLE,
			"", __LINE__},
		{false, SAYS(200, PAGE(ITEM("i-99999999"), "")), VERDICT_REPEAT,
			EC2_CLASS_PASSING, "", __LINE__},
		{false, SAYS(200, PAGE(ITEM(ID) ITEM(ID), "")), VERDICT_REPEAT,
			EC2_CLASS_PASSING, "", __LINE__},
		{true, SAYS(200, TERMINATE(ID)), VERDICT_DONE, EC2_CLASS_NONE, ID " ",
			__LINE__},
		{true, SAYS(400, ERROR("InvalidInstanceID.NotFound")), VERDICT_MISSING,
			EC2_CLASS_NOT_VISIBLE, "", __LINE__},
		{true, SAYS(400, ERROR("OperationNotPermitted")), VERDICT_REFUSED,
			EC2_CLASS_PROTECTED, "", __LINE__},
		{true, SAYS(200, TERMINATE("i-99999999")), VERDICT_REPEAT,
			EC2_CLASS_PASSING, "", __LINE__},
		{true, SAYS(200, "<TerminateInstancesResponse/>"), VERDICT_REPEAT,
			EC2_CLASS_PASSING, "", __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct result r = {0};

		service_script(rig.service, &cases[i].answer, 1);
		if (cases[i].terminate)
			ec2_terminate_one(rig.client, ID, on_instances, &r);
		else
			ec2_describe_one(rig.client, ID, on_instances, &r);
		result_wait(&r);
		ck_assert_msg(r.answer.verdict == cases[i].verdict &&
				r.answer.class == cases[i].class &&
				strcmp(r.ids, cases[i].ids) == 0,
			"line %d: %d %d %s", cases[i].line, r.answer.verdict,
			r.answer.class, r.answer.err.text);
		result_fini(&r);
	}
	ck_assert_str_eq(rig.service->seen[0].body,
		"Action=DescribeInstances&Version=2016-11-15&InstanceId.1=" ID);
	ck_assert_str_eq(rig.service->seen[5].body,
		"Action=TerminateInstances&Version=2016-11-15&InstanceId.1=" ID);
}
END_TEST

#define CONSOLE(rest)                                                                  \
	"<GetConsoleOutputResponse><instanceId>" ID "</instanceId>" rest               \
	"</GetConsoleOutputResponse>"

START_TEST(test_console)
{
	static const struct {
		bool latest;
		struct service_answer rows[2];
		size_t requests;
		int verdict;
		const char *output;
		int line;
	} cases[] = {
		{true,
			{SAYS(200,
				CONSOLE("<timestamp>2026-01-31T10:15:00.000Z</timestamp>"
					"<output>aGk=</output>"))},
			1, VERDICT_DONE, "hi", __LINE__},
		{false, {SAYS(200, CONSOLE("<output/>"))}, 1, VERDICT_DONE, "",
			__LINE__},
		{true,
			{SAYS(400, ERROR("UnsupportedOperation")),
				SAYS(200, CONSOLE("<output>aGk=</output>"))},
			2, VERDICT_DONE, "hi", __LINE__},
		{true,
			{SAYS(400, ERROR("InvalidParameterCombination")),
				SAYS(400, ERROR("Blocked"))},
			2, VERDICT_REFUSED, "", __LINE__},
		{false, {SAYS(400, ERROR("UnsupportedOperation"))}, 1, VERDICT_REFUSED,
			"", __LINE__},
		{true, {SAYS(403, ERROR("UnauthorizedOperation"))}, 1, VERDICT_REFUSED,
			"", __LINE__},
		{true, {SAYS(400, ERROR("InvalidInstanceID.NotFound"))}, 1,
			VERDICT_MISSING, "", __LINE__},
		{true, {SAYS(200, CONSOLE("<output>###</output>"))}, 1, VERDICT_REPEAT,
			"", __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t before = rig.service->seen_count;
		struct result r = {0};

		service_script(rig.service, cases[i].rows, cases[i].requests);
		ec2_console(rig.client, ID, cases[i].latest, on_console, &r);
		result_wait(&r);
		ck_assert_msg(r.answer.verdict == cases[i].verdict &&
				strcmp(r.output, cases[i].output) == 0 &&
				rig.service->seen_count - before == cases[i].requests,
			"line %d: %d %s %s", cases[i].line, r.answer.verdict, r.output,
			r.answer.err.text);
		ck_assert_int_eq(r.at, i == 0 ? 1769854500000 : 0);
		result_fini(&r);
	}
	ck_assert(service_has(rig.service, 2, "Latest=true"));
	ck_assert(!service_has(rig.service, 3, "Latest=true"));
	ck_assert(service_has(rig.service, 3, "InstanceId=" ID));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("client");
	TCase *tc = tcase_create("client");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_run);
	tcase_add_test(tc, test_run_outcomes);
	tcase_add_test(tc, test_nobody_listens);
	tcase_add_test(tc, test_without_keys);
	tcase_add_test(tc, test_keys_may_come);
	tcase_add_test(tc, test_refused_keys);
	tcase_add_test(tc, test_list_of_one_page);
	tcase_add_test(tc, test_find_token);
	tcase_add_test(tc, test_paging);
	tcase_add_test(tc, test_began_is_of_the_first_page);
	tcase_add_test(tc, test_single_looks);
	tcase_add_test(tc, test_console);
	suite_add_tcase(suite, tc);
	return suite;
}
