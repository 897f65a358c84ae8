/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "rpc/json.h"
#include "unit.h"

#include <string.h>

/* Text as it comes, and as it is printed again; NULL: refused. */
static const struct {
	const char *text, *again;
	int line;
} texts[] = {
	{"{}", "{}", __LINE__},
	{" { \"a\" : 1 } ", "{\"a\":1}", __LINE__},
	{"1", "1", __LINE__},
	{"\"x\"", "\"x\"", __LINE__},
	{"null", "null", __LINE__},
	{"[1,2.5,true,false,null,\"\\u00e4\"]", "[1,2.5,true,false,null,\"ä\"]",
		__LINE__},
	{"\"\\\"[[[\"", "\"\\\"[[[\"", __LINE__},
	{"9223372036854775807", "9223372036854775807", __LINE__},
	{"-9223372036854775808", "-9223372036854775808", __LINE__},
	{"", NULL, __LINE__},
	{" ", NULL, __LINE__},
	{"{", NULL, __LINE__},
	{"{}{}", NULL, __LINE__},
	{"{} x", NULL, __LINE__},
	{"{'a':1}", NULL, __LINE__},
	{"{\"a\":1,}", NULL, __LINE__},
	{"{\"a\":1,\"a\":2}", NULL, __LINE__},
	{"[01]", NULL, __LINE__},
	{"[NaN]", NULL, __LINE__},
	{"[1e400]", NULL, __LINE__},
	{"[123456789012345678901234567890]", NULL, __LINE__},
	{"[\"\\u0000\"]", NULL, __LINE__},
	{"[\"\\ud800\"]", NULL, __LINE__},
	{"[\"\xff\"]", NULL, __LINE__},
	{"[\"\xed\xa0\x80\"]", NULL, __LINE__},
	{"[\"\t\"]", NULL, __LINE__},
	{"// x\n1", NULL, __LINE__},
};

START_TEST(test_parse)
{
	AUTO(buf) struct buf out = {0};
	struct err err;
	json_t *value = json_parse(texts[_i].text, strlen(texts[_i].text), &err);

	if (texts[_i].again == NULL) {
		ck_assert_msg(value == NULL, "line %d", texts[_i].line);
		ck_assert_int_eq(err.code, ERR_PARSE);
		ck_assert_msg(strncmp(err.text, "not JSON: ", 10) == 0, "%s", err.text);
		return;
	}
	ck_assert_msg(value != NULL, "line %d: %s", texts[_i].line, err.text);
	json_print(value, &out);
	ck_assert_str_eq(buf_str(&out), texts[_i].again);
	json_decref(value);
}
END_TEST

START_TEST(test_nul_inside)
{
	struct err err;

	ck_assert_ptr_null(json_parse("[1]\0[2]", 7, &err));
	ck_assert_ptr_null(json_parse("\0", 1, &err));
}
END_TEST

/* Brackets in pairs around nothing; only their number matters, not whether they close. */
START_TEST(test_depth)
{
	AUTO(buf) struct buf text = {0};
	struct err err;

	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		buf_puts(&text, i % 2 == 0 ? "[" : "{\"a\":");
	buf_puts(&text, "\"[{[{\\\"[{\"");
	for (int i = JSON_DEPTH_MAX - 1; i >= 0; i--)
		buf_puts(&text, i % 2 == 0 ? "]" : "}");
	json_decref(json_parse(text.data, text.len, &err));

	buf_clear(&text);
	for (int i = 0; i < 100000; i++)
		buf_putc(&text, '[');
	ck_assert_ptr_null(json_parse(text.data, JSON_DEPTH_MAX, &err));
	ck_assert_msg(strncmp(err.text, "not JSON: ", 10) == 0, "%s", err.text);
	ck_assert_ptr_null(json_parse(text.data, JSON_DEPTH_MAX + 1, &err));
	ck_assert_str_eq(err.text, "nested deeper than 32 levels");
	ck_assert_ptr_null(json_parse(text.data, text.len, &err));
	ck_assert_str_eq(err.text, "nested deeper than 32 levels");
}
END_TEST

/* Depth is that of the deepest place, not the number of brackets. */
START_TEST(test_wide_is_not_deep)
{
	AUTO(buf) struct buf text = {0};
	struct err err;
	json_t *value;

	buf_putc(&text, '[');
	for (int i = 0; i < 1000; i++)
		buf_puts(&text, "[{}],");
	buf_puts(&text, "0]");
	value = json_parse(text.data, text.len, &err);
	ck_assert_uint_eq(json_array_size(value), 1001);
	json_decref(value);
}
END_TEST

START_TEST(test_nodes)
{
	const char *text =
		"{\"s\":\"1\",\"n\":1,\"r\":1.5,\"b\":true,\"z\":null,\"l\":[2,{}]}";
	json_t *value = json_parse(text, strlen(text), NULL);
	AUTO(node) struct node *n = json_to_node(value);

	json_decref(value);
	ck_assert_int_eq(n->kind, NODE_MAP);
	ck_assert_uint_eq(n->count, 6);
	ck_assert_int_eq(node_get(n, "s")->kind, NODE_STRING);
	ck_assert_str_eq(node_get(n, "s")->text, "1");
	ck_assert_int_eq(node_get(n, "n")->kind, NODE_NUMBER);
	ck_assert_str_eq(node_get(n, "n")->text, "1");
	ck_assert_str_eq(node_get(n, "r")->text, "1.5");
	ck_assert_int_eq(node_get(n, "b")->kind, NODE_BOOL);
	ck_assert_str_eq(node_get(n, "b")->text, "true");
	ck_assert(node_is_null(node_get(n, "z")));
	ck_assert_int_eq(node_get(n, "l")->kind, NODE_LIST);
	ck_assert_str_eq(node_get(n, "l")->items[0]->text, "2");
	ck_assert_int_eq(node_get(n, "l")->items[1]->kind, NODE_MAP);
}
END_TEST

static const struct {
	const char *text, *printed;
} shown[] = {
	{NULL, "null"},
	{"", "\"\""},
	{"plain", "\"plain\""},
	{"grün\n", "\"grün\\n\""},
	{"a\xff\xc3(z", "\"a\xef\xbf\xbd\xef\xbf\xbd(z\""},
	{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
};

START_TEST(test_text)
{
	AUTO(buf) struct buf out = {0};
	json_t *value = json_text(shown[_i].text);

	json_print(value, &out);
	json_decref(value);
	ck_assert_str_eq(buf_str(&out), shown[_i].printed);
}
END_TEST

START_TEST(test_time)
{
	json_t *value = json_time(1769854500123);

	ck_assert_str_eq(json_string_value(value), "2026-01-31T10:15:00.123Z");
	json_decref(value);
	ck_assert(json_is_null(json_time(0)));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("json");
	TCase *tc = tcase_create("json");

	json_use_xalloc();
	tcase_add_loop_test(tc, test_parse, 0, COUNT_OF(texts));
	tcase_add_test(tc, test_nul_inside);
	tcase_add_test(tc, test_depth);
	tcase_add_test(tc, test_wide_is_not_deep);
	tcase_add_test(tc, test_nodes);
	tcase_add_loop_test(tc, test_text, 0, COUNT_OF(shown));
	tcase_add_test(tc, test_time);
	suite_add_tcase(suite, tc);
	return suite;
}
