/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/pretty.h"
#include "unit.h"

#include <jansson.h>
#include <string.h>

static const struct {
	int line;
	const char *json, *pretty;
} cases[] = {
	{__LINE__, "{}", "{}\n"},
	{__LINE__, "[]", "[]\n"},
	{__LINE__, "{\"a\":1}", "{\n  \"a\": 1\n}\n"},
	{__LINE__, "[1,2]", "[\n  1,\n  2\n]\n"},
	{__LINE__, "[[],{}]", "[\n  [],\n  {}\n]\n"},
	{__LINE__, "{\"a{,:\":\"}]\\\"[\",\"b\":[true,{\"c\":null}]}",
		"{\n  \"a{,:\": \"}]\\\"[\",\n  \"b\": [\n    true,\n    {\n"
		"      \"c\": null\n    }\n  ]\n}\n"},
	{__LINE__, "[\"\\\\\",\"\"]", "[\n  \"\\\\\",\n  \"\"\n]\n"},
};

START_TEST(test_pretty)
{
	AUTO(buf) struct buf out = {.data = NULL};
	json_t *before, *after;

	pretty_json(cases[_i].json, &out);
	ck_assert_msg(strcmp(buf_str(&out), cases[_i].pretty) == 0, "line %d:\n%s",
		cases[_i].line, buf_str(&out));
	before = json_loads(cases[_i].json, 0, NULL);
	after = json_loads(buf_str(&out), 0, NULL);
	ck_assert_ptr_nonnull(before);
	ck_assert(json_equal(before, after));
	json_decref(before);
	json_decref(after);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("pretty");
	TCase *tc = tcase_create("pretty");

	tcase_add_loop_test(tc, test_pretty, 0, COUNT_OF(cases));
	suite_add_tcase(suite, tc);
	return suite;
}
