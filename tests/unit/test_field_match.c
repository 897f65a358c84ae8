/* SPDX-License-Identifier: Apache-2.0 */
#include "base/field.h"
#include "base/err.h"
#include "base/node.h"
#include "flow.h"
#include "unit.h"

#include <string.h>

/* The shape of a worker in a reply, more or less: rows without members. */
static const char *const states[] = {"up", "down", NULL};

static const struct field instance_rows[] = {
	{.name = "id", .type = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_NONEMPTY},
	{.name = "launched_at", .type = FIELD_STRING, .flags = FIELD_NULLABLE},
	{.name = NULL},
};
static const struct fields instance_fields = {"instance", instance_rows, 0};

static const struct field reply_rows[] = {
	{.name = "worker", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
	{.name = "state", .type = FIELD_ENUM, .choices = states},
	{.name = "queued", .type = FIELD_BOOL},
	{.name = "generation", .type = FIELD_INT, .min = 0, .max = -1},
	{.name = "cost", .type = FIELD_NUMBER, .flags = FIELD_NULLABLE},
	{.name = "age", .type = FIELD_DURATION},
	{.name = "password", .type = FIELD_SECRET},
	{
		.name = "instance",
		.type = FIELD_OBJECT,
		.flags = FIELD_NULLABLE,
		.sub = &instance_fields,
	},
	{
		.name = "partial",
		.type = FIELD_OBJECT,
		.flags = FIELD_PARTIAL,
		.sub = &instance_fields,
	},
	{.name = "extra", .type = FIELD_OBJECT},
	{.name = "types", .type = FIELD_STRINGS, .flags = FIELD_NONEMPTY},
	{.name = "instances", .type = FIELD_LIST, .sub = &instance_fields},
	{.name = "records", .type = FIELD_LIST},
	{.name = "one_or_more", .type = FIELD_STRINGS, .flags = FIELD_MANY},
	{.name = "tags", .type = FIELD_STRMAP},
	{.name = "by_name", .type = FIELD_STRMAP, .sub = &instance_fields},
	{.name = "facts", .type = FIELD_ANY},
	{.name = NULL},
};
static const struct fields reply_fields = {"reply", reply_rows, 0};

static const struct {
	const char *json, *error;
	int line;
} cases[] = {
	{"{\"worker\": \"a\"}", "", __LINE__},
	{"{}", "worker: required", __LINE__},
	{"[]", "expected a mapping, got a list", __LINE__},
	{"null", "expected a mapping, got null", __LINE__},
	{"{\"worker\": null}", "worker: expected a string, got null", __LINE__},
	{"{\"worker\": 5}", "worker: expected a string, got a number", __LINE__},
	{"{\"worker\": \"a\", \"wroker\": 1}", "wroker: unknown member", __LINE__},
	{"{\"worker\": \"a\", \"state\": \"up\"}", "", __LINE__},
	{"{\"worker\": \"a\", \"state\": \"left\"}", "state: expected one of up, down",
		__LINE__},
	{"{\"worker\": \"a\", \"state\": null}",
		"state: expected one of up, down, got null", __LINE__},
	{"{\"worker\": \"a\", \"queued\": false}", "", __LINE__},
	{"{\"worker\": \"a\", \"queued\": 0}",
		"queued: expected true or false, got a number", __LINE__},
	{"{\"worker\": \"a\", \"generation\": 7}", "", __LINE__},
	{"{\"worker\": \"a\", \"generation\": -7}", "generation: must be at least 0",
		__LINE__},
	{"{\"worker\": \"a\", \"generation\": 7.5}",
		"generation: expected a whole number, at least 0", __LINE__},
	{"{\"worker\": \"a\", \"cost\": 0.25}", "", __LINE__},
	{"{\"worker\": \"a\", \"cost\": null}", "", __LINE__},
	{"{\"worker\": \"a\", \"cost\": \"1\"}",
		"cost: expected a number, or null, got a string", __LINE__},
	{"{\"worker\": \"a\", \"age\": 3.5}", "", __LINE__},
	{"{\"worker\": \"a\", \"password\": \"p\"}", "", __LINE__},
	{"{\"worker\": \"a\", \"instance\": null}", "", __LINE__},
	{"{\"worker\": \"a\", \"instance\": {\"id\": \"i-1\", \"launched_at\": null}}",
		"", __LINE__},
	{"{\"worker\": \"a\", \"instance\": {}}", "instance.id: required", __LINE__},
	{"{\"worker\": \"a\", \"instance\": {\"id\": \"\"}}",
		"instance.id: must not be empty", __LINE__},
	{"{\"worker\": \"a\", \"instance\": []}",
		"instance: expected a mapping, or null, got a list", __LINE__},
	{"{\"worker\": \"a\", \"partial\": {}}", "", __LINE__},
	{"{\"worker\": \"a\", \"partial\": {\"x\": 1}}", "partial.x: unknown member",
		__LINE__},
	{"{\"worker\": \"a\", \"extra\": {\"x\": [1]}}", "", __LINE__},
	{"{\"worker\": \"a\", \"extra\": 1}", "extra: expected a mapping, got a number",
		__LINE__},
	{"{\"worker\": \"a\", \"types\": [\"x\", \"y\"]}", "", __LINE__},
	{"{\"worker\": \"a\", \"types\": []}", "types: must not be empty", __LINE__},
	{"{\"worker\": \"a\", \"types\": \"x\"}",
		"types: expected a list of strings, got a string", __LINE__},
	{"{\"worker\": \"a\", \"types\": [\"x\", 1]}",
		"types[1]: expected a string, got a number", __LINE__},
	{"{\"worker\": \"a\", \"types\": [null]}",
		"types[0]: expected a string, got null", __LINE__},
	{"{\"worker\": \"a\", \"instances\": [{\"id\": \"i\"}, {}]}",
		"instances[1].id: required", __LINE__},
	{"{\"worker\": \"a\", \"instances\": [1]}",
		"instances[0]: expected a mapping, got a number", __LINE__},
	{"{\"worker\": \"a\", \"instances\": {}}",
		"instances: expected a list of mappings, got a mapping", __LINE__},
	{"{\"worker\": \"a\", \"records\": [{\"any\": 1}, {}]}", "", __LINE__},
	{"{\"worker\": \"a\", \"one_or_more\": \"x\"}", "", __LINE__},
	{"{\"worker\": \"a\", \"one_or_more\": [\"x\"]}", "", __LINE__},
	{"{\"worker\": \"a\", \"one_or_more\": 1}",
		"one_or_more: expected a string, got a number", __LINE__},
	{"{\"worker\": \"a\", \"tags\": {\"k\": \"v\"}}", "", __LINE__},
	{"{\"worker\": \"a\", \"tags\": {\"k\": 1}}",
		"tags.k: expected a string, got a number", __LINE__},
	{"{\"worker\": \"a\", \"tags\": []}",
		"tags: expected a mapping of strings, got a list", __LINE__},
	{"{\"worker\": \"a\", \"by_name\": {\"w\": {\"id\": \"i\"}}}", "", __LINE__},
	{"{\"worker\": \"a\", \"by_name\": {\"w\": {}}}", "by_name.w.id: required",
		__LINE__},
	{"{\"worker\": \"a\", \"by_name\": {\"w\": 1}}",
		"by_name.w: expected a mapping, got a number", __LINE__},
	{"{\"worker\": \"a\", \"facts\": null}", "", __LINE__},
	{"{\"worker\": \"a\", \"facts\": [1, {\"a\": true}]}", "", __LINE__},
};

START_TEST(test_cases)
{
	AUTO(node) struct node *node = flow_json(cases[_i].json);
	struct err err = {.code = ERR_NONE};
	const char *error;
	int result = field_match(&reply_fields, node, &err);

	/* The place is right in front of a space; a result over RPC has none. */
	error = err.text + strspn(err.text, "0123456789:");
	error += *error == ' ';
	ck_assert_msg(strcmp(error, cases[_i].error) == 0, "line %d: %s\n got: %s",
		cases[_i].line, cases[_i].json, err.text);
	ck_assert_int_eq(result, cases[_i].error[0] == '\0' ? 0 : -1);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("field_match");
	TCase *tc = tcase_create("field_match");

	tcase_add_loop_test(tc, test_cases, 0, COUNT_OF(cases));
	suite_add_tcase(suite, tc);
	return suite;
}
