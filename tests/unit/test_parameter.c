/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSM's GetParameter from the client: how it is asked, and what each answer is taken for.
 */
#include "unit.h"

#include "base/mem.h"
#include "ec2/lookup.h"
#include "ec2/verdict.h"
#include "ec2_rig.h"
#include "ec2_service.h"

#include <string.h>

#define GOOD "{\"Parameter\":{\"Value\":\"ami-1\"}}"
#define SSM_ERROR(code) "{\"__type\":\"com.amazonaws.ssm#" code "\",\"message\":\"no\"}"

static void
on_parameter(void *arg, const struct ec2_answer *answer, const char *value)
{
	struct result *r = arg;

	r->answer = *answer;
	r->count++;
	ck_assert((value != NULL) == (answer->verdict == VERDICT_DONE));
	r->output = xstrdup_opt(value);
}

START_TEST(test_asked)
{
	struct result r = {0};
	const struct service_seen *seen;

	SCRIPT(SAYS(200, GOOD));
	(void)ec2_parameter(rig.client, "/ci/\"image\"", on_parameter, &r);
	ck_assert_uint_eq(r.count, 0);
	result_wait(&r);
	ck_assert_str_eq(r.output, "ami-1");
	ck_assert_uint_eq(rig.service->seen_count, 1);
	seen = &rig.service->seen[0];
	ck_assert_str_eq(seen->body, "{\"Name\":\"/ci/\\\"image\\\"\"}");
	ck_assert_str_eq(seen->target, "AmazonSSM.GetParameter");
	ck_assert_str_eq(seen->type, "application/x-amz-json-1.1");
	ck_assert_ptr_nonnull(
		strstr(seen->authorization, "/us-east-1/ssm/aws4_request"));
	ck_assert_ptr_nonnull(strstr(seen->authorization, ";x-amz-target"));
	result_fini(&r);
}
END_TEST

static const struct {
	int line, status;
	const char *body;
	enum verdict verdict;
	enum err_reason reason;
	const char *text;
} answers[] = {
	{__LINE__, 400, SSM_ERROR("ParameterNotFound"), VERDICT_REFUSED, REASON_CONFIG,
		"GetParameter: ParameterNotFound: no"},
	{__LINE__, 400, SSM_ERROR("ParameterVersionNotFound"), VERDICT_REFUSED,
		REASON_CONFIG, "GetParameter: ParameterVersionNotFound: no"},
	{__LINE__, 400, SSM_ERROR("ValidationException"), VERDICT_REFUSED,
		REASON_CONFIG, "GetParameter: ValidationException: no"},
	{__LINE__, 400, SSM_ERROR("AccessDeniedException"), VERDICT_REFUSED,
		REASON_AUTH, "GetParameter: AccessDeniedException: no"},
	{__LINE__, 400, SSM_ERROR("UnrecognizedClientException"), VERDICT_REFUSED,
		REASON_AUTH, "GetParameter: UnrecognizedClientException: no"},
	{__LINE__, 400, SSM_ERROR("ThrottlingException"), VERDICT_LATER,
		REASON_THROTTLED, "GetParameter: ThrottlingException: no"},
	{__LINE__, 500, SSM_ERROR("InternalServerError"), VERDICT_REPEAT,
		REASON_INTERNAL, "GetParameter: InternalServerError: no"},
	{__LINE__, 503, "<html>busy</html>", VERDICT_REPEAT, REASON_INTERNAL,
		"GetParameter: HTTP status 503 without an error code"},
	{__LINE__, 200, "<html/>", VERDICT_REPEAT, REASON_INTERNAL,
		"GetParameter: an answer that is none: JSON, line 1"},
	{__LINE__, 200, "{\"Parameter\":{}}", VERDICT_REPEAT, REASON_INTERNAL,
		"GetParameter: an answer that is none: no value of a parameter in it"},
};

START_TEST(test_answer)
{
	const struct service_answer script = {.status = answers[_i].status,
		.body = answers[_i].body};
	struct result r = {0};

	service_script(rig.service, &script, 1);
	(void)ec2_parameter(rig.client, "/p", on_parameter, &r);
	result_wait(&r);
	ck_assert_msg(r.answer.verdict == (int)answers[_i].verdict &&
			r.answer.err.reason == answers[_i].reason &&
			strncmp(r.answer.err.text, answers[_i].text,
				strlen(answers[_i].text)) == 0,
		"line %d: %d: %s", answers[_i].line, r.answer.verdict,
		r.answer.err.text);
	result_fini(&r);
}
END_TEST

/* The clock is learnt from SSM's own words too, and tells EC2's requests nothing. */
START_TEST(test_wrong_clock)
{
	struct result r = {0};

	SCRIPT({.status = 400,
		       .body = SSM_ERROR("InvalidSignatureException"),
		       .clock_ms = 3600000},
		SAYS(200, GOOD));
	(void)ec2_parameter(rig.client, "/p", on_parameter, &r);
	result_wait(&r);
	ck_assert_int_eq(r.answer.verdict, VERDICT_DONE);
	ck_assert_uint_eq(rig.service->seen_count, 2);
	ck_assert_str_ne(rig.service->seen[0].date, rig.service->seen[1].date);
	result_fini(&r);
}
END_TEST

START_TEST(test_cancelled)
{
	struct result r = {0};

	SCRIPT(SAYS(200, GOOD));
	ec2_cancel(ec2_parameter(rig.client, "/p", on_parameter, &r));
	(void)ec2_parameter(rig.client, "/p", on_parameter, &r);
	ec2_client_free(rig.client);
	rig.client = NULL;
	rig_linger(50);
	ck_assert_uint_eq(r.count, 0);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("parameter");
	TCase *tc = tcase_create("parameter");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_test(tc, test_asked);
	tcase_add_loop_test(tc, test_answer, 0, (int)COUNT_OF(answers));
	tcase_add_test(tc, test_wrong_clock);
	tcase_add_test(tc, test_cancelled);
	suite_add_tcase(suite, tc);
	return suite;
}
