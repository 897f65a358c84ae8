/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What SSM answers: the value of a parameter, or its error by the bare code.
 */
#include "unit.h"

#include "base/err.h"
#include "base/mem.h"
#include "ec2/json.h"

#include <string.h>

static const struct {
	int line;
	const char *body, *value; /* NULL: none, for the reason: */
	const char *why;
} parameters[] = {
	{__LINE__,
		"{\"Parameter\":{\"Name\":\"/p\",\"Type\":\"String\",\"Value\":\"ami-1\","
		"\"Version\":1,\"LastModifiedDate\":1767225600.0}}",
		"ami-1", NULL},
	{__LINE__, " {\n\"Parameter\": {\"Value\": \"\\u00e4\"}}\n", "\xc3\xa4", NULL},
	{__LINE__, "{\"Parameter\":{\"Value\":\"\"}}", NULL, "no value"},
	{__LINE__, "{\"Parameter\":{\"Value\":7}}", NULL, "no value"},
	{__LINE__, "{\"Parameter\":{}}", NULL, "no value"},
	{__LINE__, "{\"Parameter\":\"ami-1\"}", NULL, "no value"},
	{__LINE__, "{\"Value\":\"ami-1\"}", NULL, "no value"},
	{__LINE__, "[\"ami-1\"]", NULL, "no value"},
	{__LINE__, "\"ami-1\"", NULL, "JSON, line 1"},
	{__LINE__, "{\"Parameter\":{\"Value\":\"ami-1\"}", NULL, "JSON, line 1"},
	{__LINE__, "{\"Parameter\":{\"Value\":\"ami-1\"}} x", NULL, "JSON, line 1"},
	{__LINE__, "<html/>", NULL, "JSON, line 1"},
	{__LINE__, "", NULL, "JSON, line 1"},
};

START_TEST(test_parameter)
{
	char *value = NULL;
	struct err err = {.code = ERR_NONE};
	int rc = ec2_json_parameter(parameters[_i].body, strlen(parameters[_i].body),
		&value, &err);

	ck_assert_msg(rc == (parameters[_i].value != NULL ? 0 : -1), "line %d: %s",
		parameters[_i].line, err.text);
	ck_assert_msg(str_equal(value, parameters[_i].value), "line %d",
		parameters[_i].line);
	if (rc < 0) {
		ck_assert_int_eq(err.code, ERR_PARSE);
		ck_assert_msg(strstr(err.text, parameters[_i].why) != NULL,
			"line %d: %s", parameters[_i].line, err.text);
	}
	free(value);
}
END_TEST

static const struct {
	int line;
	const char *body, *code, *message; /* code NULL: no error in it */
} errors[] = {
	{__LINE__, "{\"__type\":\"ParameterNotFound\"}", "ParameterNotFound", ""},
	{__LINE__,
		"{\"__type\":\"com.amazonaws.ssm#ParameterNotFound\",\"message\":\"m\"}",
		"ParameterNotFound", "m"},
	{__LINE__,
		"{\"__type\":\"AccessDeniedException:http://internal/\",\"Message\":\"M\"}",
		"AccessDeniedException", "M"},
	{__LINE__, "{\"__type\":\"a#\"}", NULL, NULL},
	{__LINE__, "{\"__type\":\"\"}", NULL, NULL},
	{__LINE__, "{\"__type\":5}", NULL, NULL},
	{__LINE__, "{\"message\":\"m\"}", NULL, NULL},
	{__LINE__, "{\"__type\":\"A\"", NULL, NULL},
	{__LINE__, "{}", NULL, NULL},
};

START_TEST(test_error)
{
	struct err err = {.text = "kept"};
	int rc = ec2_json_error(errors[_i].body, strlen(errors[_i].body), &err);

	ck_assert_msg(rc == (errors[_i].code != NULL ? 0 : -1), "line %d",
		errors[_i].line);
	ck_assert_str_eq(err.text, "kept");
	if (rc == 0) {
		ck_assert_str_eq(err.origin, errors[_i].code);
		ck_assert_str_eq(err.origin_text, errors[_i].message);
	} else {
		ck_assert_str_eq(err.origin, "");
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("ec2_json");
	TCase *tc = tcase_create("ec2_json");

	tcase_add_loop_test(tc, test_parameter, 0, (int)COUNT_OF(parameters));
	tcase_add_loop_test(tc, test_error, 0, (int)COUNT_OF(errors));
	suite_add_tcase(suite, tc);
	return suite;
}
