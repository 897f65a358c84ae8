/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/client.h"
#include "ec2/verdict.h"
#include "sys/http.h"
#include "unit.h"

#include <string.h>

/* EC2.md 8, row by row: the codes of a row, a blank between them. */
static const struct {
	int class, verdict, reason;
	const char *codes;
	int line;
} table[] = {
	{EC2_CLASS_THROTTLE, VERDICT_LATER, REASON_THROTTLED,
		"RequestLimitExceeded Throttling ThrottlingException ThrottledException "
		"RequestThrottled RequestThrottledException TooManyRequestsException SlowDown "
		"BandwidthLimitExceeded EC2ThrottledException PriorRequestNotComplete "
		"ProvisionedThroughputExceeded ProvisionedThroughputExceededException",
		__LINE__},
	{EC2_CLASS_PASSING, VERDICT_REPEAT, REASON_INTERNAL,
		"RequestTimeout RequestTimeoutException InternalError InternalFailure "
		"ServerInternal ServiceUnavailable Unavailable",
		__LINE__},
	{EC2_CLASS_CAPACITY, VERDICT_REFUSED, REASON_CAPACITY,
		"InsufficientInstanceCapacity InsufficientHostCapacity "
		"InsufficientVolumeCapacity InsufficientAddressCapacity "
		"InsufficientCapacity InsufficientReservedInstanceCapacity "
		"InsufficientCapacityOnHost UnfulfillableCapacity ReservationCapacityExceeded "
		"MaxSpotInstanceCountExceeded MaxFleetCountExceeded Unsupported",
		__LINE__},
	{EC2_CLASS_PRICE, VERDICT_REFUSED, REASON_PRICE, "SpotMaxPriceTooLow",
		__LINE__},
	{EC2_CLASS_QUOTA, VERDICT_REFUSED, REASON_QUOTA,
		"InstanceLimitExceeded VcpuLimitExceeded InsufficientFreeAddressesInSubnet "
		"VolumeLimitExceeded AttachmentLimitExceeded AddressLimitExceeded "
		"MaxIOPSLimitExceeded MaxSpotFleetRequestCountExceeded "
		"NetworkInterfaceLimitExceeded",
		__LINE__},
	{EC2_CLASS_CONFIG, VERDICT_REFUSED, REASON_CONFIG,
		"InvalidAMIID.NotFound InvalidAMIID.Malformed InvalidAMIID.Unavailable "
		"InvalidKeyPair.NotFound InvalidSubnetID.NotFound InvalidGroup.NotFound "
		"InvalidParameter InvalidParameterValue InvalidParameterCombination "
		"MissingParameter UnknownParameter InvalidInstanceType "
		"InvalidBlockDeviceMapping InvalidUserData.Malformed VPCIdNotSpecified "
		"OptInRequired TagPolicyViolation UnsupportedOperation InvalidAction",
		__LINE__},
	{EC2_CLASS_AUTH, VERDICT_REFUSED, REASON_AUTH,
		"UnauthorizedOperation AccessDenied InvalidClientTokenId "
		"UnrecognizedClientException MissingAuthenticationToken IncompleteSignature "
		"Blocked AccountDisabled PendingVerification",
		__LINE__},
	{EC2_CLASS_AUTH_CLOCK, VERDICT_REPEAT, REASON_AUTH,
		"AuthFailure SignatureDoesNotMatch InvalidSignatureException RequestExpired "
		"RequestInTheFuture RequestTimeTooSkewed ExpiredToken ExpiredTokenException",
		__LINE__},
	{EC2_CLASS_STATE, VERDICT_REPEAT, REASON_INTERNAL,
		"IncorrectState IncorrectInstanceState IncorrectSpotRequestState "
		"ConcurrentTagAccess Resource.AlreadyAssociated VolumeInUse",
		__LINE__},
	{EC2_CLASS_VOLUME, VERDICT_REFUSED, REASON_CONFIG,
		"InvalidVolume.ZoneMismatch InvalidVolume.NotFound "
		"InvalidAllocationID.NotFound InvalidAddress.NotFound",
		__LINE__},
	{EC2_CLASS_NOT_VISIBLE, VERDICT_MISSING, REASON_NONE,
		"InvalidInstanceID.NotFound InvalidSpotInstanceRequestID.NotFound",
		__LINE__},
	{EC2_CLASS_MISMATCH, VERDICT_REPEAT, REASON_INTERNAL,
		"IdempotentParameterMismatch", __LINE__},
	{EC2_CLASS_TERMINATED, VERDICT_REFUSED, REASON_INSTANCE_DIED,
		"IdempotentInstanceTerminated", __LINE__},
	{EC2_CLASS_TOKEN, VERDICT_REFUSED, REASON_INTERNAL, "InvalidClientToken",
		__LINE__},
	{EC2_CLASS_PROTECTED, VERDICT_REFUSED, REASON_NONE, "OperationNotPermitted",
		__LINE__},
	{EC2_CLASS_DRY_RUN, VERDICT_REFUSED, REASON_NONE, "DryRunOperation", __LINE__},
	{EC2_CLASS_PAGE_TOKEN, VERDICT_REPEAT, REASON_INTERNAL,
		"InvalidPaginationToken", __LINE__},
};

static struct http_reply
reply_of(long status, const char *body)
{
	return (struct http_reply){
		.complete = true,
		.status = status,
		.body = body,
		.body_len = strlen(body),
	};
}

static char *
error_body(const char *code)
{
	return xasprintf(
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<Response><Errors><Error><Code>%s</Code><Message>words &amp; more"
		"</Message></Error></Errors><RequestID>req-1</RequestID></Response>",
		code);
}

/* "Not found" is an answer only to what names an instance. */
static const bool names_instance[EC2_ACTION_COUNT] = {
	[EC2_DESCRIBE_INSTANCES] = true,
	[EC2_TERMINATE_INSTANCES] = true,
	[EC2_GET_CONSOLE_OUTPUT] = true,
	[EC2_ASSOCIATE_ADDRESS] = true,
	[EC2_ATTACH_VOLUME] = true,
	[EC2_CREATE_TAGS] = true,
};

/* The code is read before the status: the same whether it comes as 400 or as 500. */
static void
check_code(const char *code, enum ec2_action action, long status, size_t row)
{
	AUTO(free) char *body = error_body(code);
	AUTO(free) char *sentence = NULL;
	struct http_reply reply = reply_of(status, body);
	struct ec2_answer a = {0};
	int verdict = table[row].verdict;

	if (verdict == VERDICT_MISSING && !names_instance[action])
		verdict = VERDICT_REPEAT;
	sentence = xasprintf("%s: %s: words & more (request id req-1)",
		ec2_action_name(action), code);
	ec2_judge(action, &reply, NULL, &a);
	ck_assert_msg(a.class == table[row].class && a.verdict == verdict &&
			(int)a.err.reason == table[row].reason,
		"line %d: %s %s %ld: class %d verdict %d reason %d", table[row].line,
		ec2_action_name(action), code, status, a.class, a.verdict,
		a.err.reason);
	ck_assert_str_eq(a.err.text, sentence);
	ck_assert_str_eq(a.err.origin, code);
	ck_assert_str_eq(a.err.origin_text, "words & more");
	ck_assert_str_eq(a.err.request_id, "req-1");
	ck_assert_int_eq(a.err.code, ERR_SERVICE);
	ck_assert(a.sent);
}

START_TEST(test_every_code_on_every_action)
{
	static const long statuses[] = {400, 401, 403, 404, 412, 500, 503, 509};

	for (size_t row = 0; row < COUNT_OF(table); row++) {
		AUTO(free) char *codes = xstrdup(table[row].codes);
		char *rest;

		for (char *code = strtok_r(codes, " ", &rest); code != NULL;
			code = strtok_r(NULL, " ", &rest)) {
			ck_assert_int_eq((int)ec2_classify_code(code),
				table[row].class);
			for (int action = 0; action < EC2_ACTION_COUNT; action++)
				for (size_t s = 0; s < COUNT_OF(statuses); s++)
					check_code(code, (enum ec2_action)action,
						statuses[s], row);
		}
	}
}
END_TEST

START_TEST(test_near_codes_are_unknown)
{
	static const char *const codes[] = {"", "Throttlin", "Throttling2",
		"InvalidAMIID", "InvalidInstanceID.Malformed", "internalerror",
		"Unsupporte", "*"};

	for (size_t i = 0; i < COUNT_OF(codes); i++)
		ck_assert_msg(ec2_classify_code(codes[i]) == EC2_CLASS_UNKNOWN_CODE,
			"%s", codes[i]);
}
END_TEST

/* What decides where no known code does. NULL code: no error body at all. */
static const struct {
	long status;
	const char *code;
	int class, verdict, reason;
	int line;
} statuses[] = {
	{429, NULL, EC2_CLASS_THROTTLE, VERDICT_LATER, REASON_THROTTLED, __LINE__},
	{429, "Whatever", EC2_CLASS_THROTTLE, VERDICT_LATER, REASON_THROTTLED,
		__LINE__},
	{429, "InvalidAMIID.NotFound", EC2_CLASS_CONFIG, VERDICT_REFUSED, REASON_CONFIG,
		__LINE__},
	{400, NULL, EC2_CLASS_UNKNOWN_CODE, VERDICT_REFUSED, REASON_INTERNAL, __LINE__},
	{404, NULL, EC2_CLASS_UNKNOWN_CODE, VERDICT_REFUSED, REASON_INTERNAL, __LINE__},
	{408, NULL, EC2_CLASS_PASSING, VERDICT_REPEAT, REASON_INTERNAL, __LINE__},
	{400, "Whatever", EC2_CLASS_UNKNOWN_CODE, VERDICT_REFUSED, REASON_INTERNAL,
		__LINE__},
	{500, "Whatever", EC2_CLASS_UNKNOWN_CODE, VERDICT_REPEAT, REASON_INTERNAL,
		__LINE__},
	{599, "Whatever", EC2_CLASS_UNKNOWN_CODE, VERDICT_REPEAT, REASON_INTERNAL,
		__LINE__},
	{500, NULL, EC2_CLASS_PASSING, VERDICT_REPEAT, REASON_INTERNAL, __LINE__},
	{502, NULL, EC2_CLASS_PASSING, VERDICT_REPEAT, REASON_INTERNAL, __LINE__},
	{503, NULL, EC2_CLASS_PASSING, VERDICT_REPEAT, REASON_INTERNAL, __LINE__},
	{504, NULL, EC2_CLASS_PASSING, VERDICT_REPEAT, REASON_INTERNAL, __LINE__},
	{301, NULL, EC2_CLASS_PASSING, VERDICT_REPEAT, REASON_INTERNAL, __LINE__},
	{307, "Whatever", EC2_CLASS_UNKNOWN_CODE, VERDICT_REPEAT, REASON_INTERNAL,
		__LINE__},
	{100, NULL, EC2_CLASS_PASSING, VERDICT_REPEAT, REASON_INTERNAL, __LINE__},
};

START_TEST(test_status_decides_without_a_code)
{
	static const char *const none[] = {"", "<html><body>Bad Gateway</body></html>",
		"not xml",
		"<Response><Errors><Error><Code></Code></Error></Errors></Response>",
		"<Response><Errors><Error><Code>InternalError</Code></Error></Errors>"};

	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		AUTO(free) char *body = NULL;
		size_t bodies = statuses[i].code != NULL ? 1 : COUNT_OF(none);

		if (statuses[i].code != NULL)
			body = error_body(statuses[i].code);
		for (size_t b = 0; b < bodies; b++) {
			struct http_reply reply = reply_of(statuses[i].status,
				body != NULL ? body : none[b]);
			struct ec2_answer a = {0};

			ec2_judge(EC2_RUN_INSTANCES, &reply, NULL, &a);
			ck_assert_msg(a.class == statuses[i].class &&
					a.verdict == statuses[i].verdict &&
					(int)a.err.reason == statuses[i].reason,
				"line %d, body %zu: class %d verdict %d reason %d",
				statuses[i].line, b, a.class, a.verdict, a.err.reason);
		}
	}
}
END_TEST

START_TEST(test_sentence_without_a_code)
{
	struct http_reply reply = reply_of(503, "<html/>");
	struct ec2_answer a = {0};

	ec2_judge(EC2_TERMINATE_INSTANCES, &reply, NULL, &a);
	ck_assert_str_eq(a.err.text,
		"TerminateInstances: HTTP status 503 without an error code");
	ck_assert_str_eq(a.err.origin, "");
}
END_TEST

START_TEST(test_success)
{
	struct http_reply reply = reply_of(200, "<x/>");
	struct ec2_answer a = {.err = {.code = ERR_IO, .reason = REASON_AUTH}};

	ec2_judge(EC2_RUN_INSTANCES, &reply, NULL, &a);
	ck_assert_int_eq(a.verdict, VERDICT_DONE);
	ck_assert_int_eq(a.class, EC2_CLASS_NONE);
	ck_assert_int_eq(a.err.code, ERR_NONE);
	ck_assert_int_eq(a.err.reason, REASON_NONE);
	ck_assert(a.sent);
}
END_TEST

START_TEST(test_success_that_is_none)
{
	struct http_reply reply = reply_of(200, "<html>");
	struct ec2_answer a = {0};
	struct err unparsed;

	err_set(&unparsed, ERR_PARSE, "XML, line 1: no element found");
	ec2_judge(EC2_RUN_INSTANCES, &reply, &unparsed, &a);
	ck_assert_int_eq(a.verdict, VERDICT_REPEAT);
	ck_assert_int_eq(a.class, EC2_CLASS_PASSING);
	ck_assert_int_eq((int)a.err.reason, REASON_INTERNAL);
	ck_assert_str_eq(a.err.text,
		"RunInstances: an answer that is none: XML, line 1: no element found");
}
END_TEST

START_TEST(test_transport)
{
	struct http_reply reply = {.body = "", .error = "Connection refused"};
	struct ec2_answer a = {0};

	reply.never_sent = true;
	ec2_judge(EC2_RUN_INSTANCES, &reply, NULL, &a);
	ck_assert_int_eq(a.verdict, VERDICT_LATER);
	ck_assert_int_eq(a.class, EC2_CLASS_NEVER_SENT);
	ck_assert_int_eq((int)a.err.reason, REASON_NETWORK);
	ck_assert_int_eq(a.err.code, ERR_NETWORK);
	ck_assert(!a.sent);
	ck_assert_str_eq(a.err.text, "RunInstances: not sent: Connection refused");

	/* A status that was read does not make a short answer whole. */
	reply.never_sent = false;
	reply.status = 200;
	ec2_judge(EC2_RUN_INSTANCES, &reply, NULL, &a);
	ck_assert_int_eq(a.verdict, VERDICT_REPEAT);
	ck_assert_int_eq(a.class, EC2_CLASS_PASSING);
	ck_assert_int_eq((int)a.err.reason, REASON_NETWORK);
	ck_assert(a.sent);
}
END_TEST

START_TEST(test_retry_after_is_capped)
{
	static const struct {
		int64_t asked, taken;
	} cases[] = {{0, 0}, {1500, 1500}, {60000, 60000}, {60001, 60000},
		{INT64_MAX, 60000}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct http_reply reply = reply_of(503, "");
		struct ec2_answer a = {0};

		reply.retry_after_ms = cases[i].asked;
		ec2_judge(EC2_DESCRIBE_INSTANCES, &reply, NULL, &a);
		ck_assert_int_eq(a.retry_after_ms, cases[i].taken);
	}
}
END_TEST

START_TEST(test_encoded_message_is_left_out)
{
	struct http_reply reply = reply_of(403,
		"<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are "
		"not authorized. Encoded authorization failure message: aGVsbG8</Message>"
		"</Error></Errors><RequestID>r</RequestID></Response>");
	struct ec2_answer a = {0};

	ec2_judge(EC2_RUN_INSTANCES, &reply, NULL, &a);
	ck_assert_str_eq(a.err.origin_text, "You are not authorized.");
	ck_assert_ptr_null(strstr(a.err.text, "aGVsbG8"));
	ck_assert_int_eq(a.class, EC2_CLASS_AUTH);
}
END_TEST

START_TEST(test_long_messages_keep_the_request_id)
{
	AUTO(buf) struct buf body = {0};
	struct http_reply reply;
	struct ec2_answer a = {0};

	buf_puts(&body, "<Response><Errors><Error><Code>InternalError</Code><Message>");
	for (int i = 0; i < 1000; i++)
		buf_puts(&body, "word ");
	buf_puts(&body,
		"</Message></Error></Errors><RequestID>req-7</RequestID></Response>");
	reply = reply_of(500, buf_str(&body));
	ec2_judge(EC2_GET_CONSOLE_OUTPUT, &reply, NULL, &a);
	ck_assert_ptr_nonnull(strstr(a.err.text, "(request id req-7)"));
	ck_assert_str_eq(a.err.request_id, "req-7");
}
END_TEST

START_TEST(test_errors_that_are_not_http)
{
	struct ec2_answer a = {.sent = false, .began_ms = 5};
	struct err err;

	err_set(&err, ERR_CONFIG, "no credentials");
	ec2_judge_class(EC2_RUN_INSTANCES, EC2_CLASS_AUTH, &err, &a);
	ck_assert_int_eq(a.verdict, VERDICT_REFUSED);
	ck_assert_int_eq(a.class, EC2_CLASS_AUTH);
	ck_assert_int_eq((int)a.err.reason, REASON_AUTH);
	ck_assert_str_eq(a.err.text, "no credentials");
	ck_assert(!a.sent);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("verdict");
	TCase *tc = tcase_create("verdict");

	tcase_add_test(tc, test_every_code_on_every_action);
	tcase_add_test(tc, test_near_codes_are_unknown);
	tcase_add_test(tc, test_status_decides_without_a_code);
	tcase_add_test(tc, test_sentence_without_a_code);
	tcase_add_test(tc, test_success);
	tcase_add_test(tc, test_success_that_is_none);
	tcase_add_test(tc, test_transport);
	tcase_add_test(tc, test_retry_after_is_capped);
	tcase_add_test(tc, test_encoded_message_is_left_out);
	tcase_add_test(tc, test_long_messages_keep_the_request_id);
	tcase_add_test(tc, test_errors_that_are_not_http);
	suite_add_tcase(suite, tc);
	return suite;
}
