/* SPDX-License-Identifier: Apache-2.0 */
/* The three forms of replies and errors, and JSON read as parameters. */
#include "unit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/params.h"
#include "sim/wire.h"

#include <string.h>

static const struct {
	int line;
	const struct sim_service *service;
	const char *action, *reply, *type;
} replies[] = {
	{__LINE__, &sim_ec2, "RunInstances",
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<RunInstancesResponse "
		"xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>id-1</requestId>"
		"!</RunInstancesResponse>",
		"text/xml;charset=UTF-8"},
	{__LINE__, &sim_sts, "AssumeRole",
		"<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
		"<AssumeRoleResult>!</AssumeRoleResult><ResponseMetadata>"
		"<RequestId>id-1</RequestId></ResponseMetadata></AssumeRoleResponse>",
		"text/xml"},
	{__LINE__, &sim_ssm, "GetParameter", "!", "application/x-amz-json-1.1"},
};

START_TEST(reply)
{
	const struct sim_service *service = replies[_i].service;
	const struct sim_action *action = sim_action_find(service, replies[_i].action);
	AUTO(buf) struct buf out = {0};

	ck_assert_ptr_nonnull(action);
	sim_wire_open(service, action, "id-1", &out);
	buf_putc(&out, '!');
	sim_wire_close(service, action, "id-1", &out);
	ck_assert_msg(strcmp(buf_str(&out), replies[_i].reply) == 0, "line %d: %s",
		replies[_i].line, buf_str(&out));
	ck_assert_str_eq(sim_wire_type(service), replies[_i].type);
}
END_TEST

static const struct {
	int line;
	const struct sim_service *service; /* NULL: not known yet */
	enum sim_code code;
	const char *word;
	int status;
} errors[] = {
	{__LINE__, NULL, SIM_MISSING_PARAMETER, "MissingParameter", 400},
	{__LINE__, &sim_ec2, SIM_MISSING_PARAMETER, "MissingParameter", 400},
	{__LINE__, &sim_sts, SIM_MISSING_PARAMETER, "ValidationError", 400},
	{__LINE__, &sim_ssm, SIM_MISSING_PARAMETER, "ValidationException", 400},
	{__LINE__, &sim_ec2, SIM_EXPIRED_TOKEN, "ExpiredToken", 400},
	{__LINE__, &sim_sts, SIM_EXPIRED_TOKEN, "ExpiredToken", 403},
	{__LINE__, &sim_ssm, SIM_EXPIRED_TOKEN, "ExpiredTokenException", 400},
	{__LINE__, &sim_ec2, SIM_REQUEST_LIMIT_EXCEEDED, "RequestLimitExceeded", 503},
	{__LINE__, &sim_sts, SIM_REQUEST_LIMIT_EXCEEDED, "Throttling", 400},
	{__LINE__, &sim_ssm, SIM_REQUEST_LIMIT_EXCEEDED, "ThrottlingException", 400},
	{__LINE__, &sim_ssm, SIM_INVALID_CLIENT_TOKEN_ID, "UnrecognizedClientException",
		400},
	{__LINE__, &sim_ssm, SIM_PARAMETER_NOT_FOUND, "ParameterNotFound", 400},
	{__LINE__, &sim_sts, SIM_INTERNAL_ERROR, "InternalError", 500},
};

/* Whatever the form, the code stands in it, and the text comes back as it was. */
START_TEST(error)
{
	AUTO(buf) struct buf out = {0};
	struct sim_error e;

	sim_fail(&e, errors[_i].code, "no <\"x\">");
	sim_wire_error(errors[_i].service, &e, "id-1", &out);
	ck_assert_msg(strcmp(e.code, errors[_i].word) == 0, "line %d: %s",
		errors[_i].line, e.code);
	ck_assert_int_eq(e.status, errors[_i].status);
	ck_assert_ptr_nonnull(strstr(buf_str(&out), errors[_i].word));
	if (errors[_i].service == &sim_ssm)
		ck_assert_ptr_nonnull(strstr(buf_str(&out), "no <\\\"x\\\">"));
	else
		ck_assert_ptr_nonnull(strstr(buf_str(&out), "no &lt;\"x\"&gt;"));
	if (errors[_i].service == &sim_sts)
		ck_assert_ptr_nonnull(strstr(buf_str(&out),
			errors[_i].status < 500 ? "<Type>Sender</Type>"
						: "<Type>Receiver</Type>"));
}
END_TEST

static const struct {
	int line;
	const char *target, *body;
	const char *params; /* NULL: refused */
} bodies[] = {
	{__LINE__, "AmazonSSM.GetParameter", "{\"Name\": \"/a b&c=d\"}",
		"Action=GetParameter Name=/a b&c=d "},
	{__LINE__, "AmazonSSM.GetParameter", "{\"A\": true, \"B\": 12, \"C\": false}",
		"A=true Action=GetParameter B=12 C=false "},
	{__LINE__, "Naked", "{}", "Action=Naked "},
	{__LINE__, "", "{\"\\u00e4\": \"\"}", "Action= \xc3\xa4= "},
	{__LINE__, "AmazonSSM.GetParameter", "", NULL},
	{__LINE__, "AmazonSSM.GetParameter", "[]", NULL},
	{__LINE__, "AmazonSSM.GetParameter", "{\"Name\": [\"x\"]}", NULL},
	{__LINE__, "AmazonSSM.GetParameter", "{\"Name\": null}", NULL},
	{__LINE__, "AmazonSSM.GetParameter", "{\"N\": 1, \"N\": 2}", NULL},
	{__LINE__, "AmazonSSM.GetParameter", "{\"Action\": \"x\"}", NULL},
};

START_TEST(json)
{
	AUTO(sim_params) struct sim_params p = {0};
	AUTO(buf) struct buf text = {0};
	struct sim_error e;
	int ret = sim_wire_read_json(bodies[_i].target, bodies[_i].body,
		strlen(bodies[_i].body), &p, &e);

	ck_assert_msg((ret == 0) == (bodies[_i].params != NULL), "line %d",
		bodies[_i].line);
	for (size_t n = 0; n < p.count; n++)
		buf_printf(&text, "%s=%s ", p.items[n].name, p.items[n].value);
	if (ret == 0)
		ck_assert_msg(strcmp(buf_str(&text), bodies[_i].params) == 0,
			"line %d: %s", bodies[_i].line, buf_str(&text));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("sim_wire");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, reply, 0, COUNT_OF(replies));
	tcase_add_loop_test(all, error, 0, COUNT_OF(errors));
	tcase_add_loop_test(all, json, 0, COUNT_OF(bodies));
	suite_add_tcase(s, all);
	return s;
}
