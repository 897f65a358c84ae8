/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/node.h"
#include "flow.h"
#include "thing.h"
#include "unit.h"

#include <jansson.h>
#include <string.h>

/* The schema as a parsed document: whatever jansson refuses is no JSON. */
static json_t *
schema(const struct fields *table, bool yaml)
{
	AUTO(buf) struct buf out = {.data = NULL};
	json_error_t error;
	json_t *doc;

	if (yaml)
		field_schema_yaml(table, &out);
	else
		field_schema(table, &out);
	doc = json_loads(buf_str(&out), JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(doc != NULL, "%s at %d of\n%s", error.text, error.position,
		buf_str(&out));
	return doc;
}

static void
check_json(const json_t *got, const char *expected, int line)
{
	json_t *want = json_loads(expected, JSON_DECODE_ANY, NULL);
	AUTO(free) char *text = json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT);

	ck_assert_msg(want != NULL, "line %d: not JSON: %s", line, expected);
	ck_assert_msg(json_equal(got, want), "line %d: got %s", line, text);
	json_decref(want);
}

#define PART                                                                           \
	"\"type\":\"object\",\"properties\":{"                                         \
	"\"name\":{\"type\":\"string\",\"description\":\"What it is called.\"},"       \
	"\"size\":{\"type\":\"integer\",\"minimum\":1,\"default\":8}},"                \
	"\"required\":[\"name\"],\"additionalProperties\":false"
#define DURATION "\"type\":[\"number\",\"string\"],\"pattern\":"
#define DIGITS "[0-9]+(\\\\.[0-9]+)?[smhd]?$\""

static const struct {
	const char *name, *json;
	int line;
} rows[] = {
	{"flag", "{\"type\":\"boolean\",\"description\":\"Whether.\",\"default\":true}",
		__LINE__},
	{"count", "{\"type\":\"integer\"}", __LINE__},
	{"port",
		"{\"type\":\"integer\",\"minimum\":1,\"maximum\":65535,\"default\":25,"
		"\"examples\":[587]}",
		__LINE__},
	{"maybe_count",
		"{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}],\"default\":5}",
		__LINE__},
	{"ratio", "{\"type\":\"number\",\"minimum\":0,\"maximum\":10,\"default\":1.2}",
		__LINE__},
	{"maybe_ratio", "{\"anyOf\":[{\"type\":\"number\"},{\"type\":\"null\"}]}",
		__LINE__},
	{"wait",
		"{\"anyOf\":[{" DURATION "\"^-?" DIGITS "},{\"type\":\"null\"}],"
		"\"default\":\"10m\"}",
		__LINE__},
	{"grace",
		"{" DURATION "\"^" DIGITS ",\"minimum\":1.0,\"maximum\":86400.0,"
		"\"default\":\"1.5s\",\"examples\":[\"5m\"]}",
		__LINE__},
	{"linger", "{" DURATION "\"^" DIGITS ",\"minimum\":0.0}", __LINE__},
	{"title", "{\"type\":\"string\",\"minLength\":1}", __LINE__},
	{"code",
		"{\"type\":\"string\",\"minLength\":2,\"maxLength\":5,\"default\":\"0660\"}",
		__LINE__},
	{"note",
		"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}],\"default\":\"\"}",
		__LINE__},
	{"password", "{\"type\":\"string\",\"writeOnly\":true}", __LINE__},
	{"mode", "{\"enum\":[\"keep\",\"terminate\"],\"default\":\"terminate\"}",
		__LINE__},
	{"other_mode",
		"{\"anyOf\":[{\"enum\":[\"keep\",\"terminate\"]},{\"type\":\"null\"}]}",
		__LINE__},
	{"part", "{" PART "}", __LINE__},
	{"names",
		"{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":5},"
		"\"default\":[\"a\",\"b\"]}",
		__LINE__},
	{"users",
		"{\"anyOf\":[{\"type\":\"string\",\"minLength\":1},"
		"{\"type\":\"array\",\"minItems\":1,"
		"\"items\":{\"type\":\"string\",\"minLength\":1}},"
		"{\"type\":\"null\"}],\"default\":\"root\"}",
		__LINE__},
	{"parts", "{\"type\":\"array\",\"items\":{" PART "}}", __LINE__},
	{"volumes",
		"{\"anyOf\":[{" PART "},"
		"{\"type\":\"array\",\"minItems\":1,\"items\":{" PART "}}]}",
		__LINE__},
	{"tags",
		"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"},"
		"\"default\":{}}",
		__LINE__},
	{"workers", "{\"type\":\"object\",\"additionalProperties\":{" PART "}}",
		__LINE__},
};

START_TEST(test_rows)
{
	json_t *doc = schema(&thing_fields, false);
	json_t *properties = json_object_get(doc, "properties");
	json_t *row = json_object_get(properties, rows[_i].name);

	ck_assert_msg(row != NULL, "line %d", rows[_i].line);
	check_json(row, rows[_i].json, rows[_i].line);
	ck_assert_uint_eq(json_object_size(properties), COUNT_OF(rows));
	json_decref(doc);
}
END_TEST

START_TEST(test_root)
{
	json_t *doc = schema(&thing_fields, false);

	check_json(json_object_get(doc, "title"), "\"thing\"", __LINE__);
	check_json(json_object_get(doc, "type"), "\"object\"", __LINE__);
	check_json(json_object_get(doc, "additionalProperties"), "false", __LINE__);
	ck_assert_ptr_null(json_object_get(doc, "required"));
	ck_assert_ptr_null(json_object_get(doc, "$schema"));
	json_decref(doc);
}
END_TEST

static const struct field result_rows[] = {
	{.name = "facts", .type = FIELD_ANY, .flags = FIELD_REQUIRED | FIELD_NULLABLE},
	{.name = "more", .type = FIELD_OBJECT, .flags = FIELD_REQUIRED},
	{
		.name = "partial",
		.type = FIELD_OBJECT,
		.flags = FIELD_PARTIAL,
		.sub = &part_fields,
		.doc = "With \"quotes\"\nand lines [",
	},
	{.name = NULL},
};
static const struct fields result_fields = {"a result", result_rows, 0};

START_TEST(test_schema_only_table)
{
	json_t *doc = schema(&result_fields, false);

	check_json(doc,
		"{\"title\":\"a result\",\"type\":\"object\",\"properties\":{\"facts\":{},"
		"\"more\":{\"type\":\"object\"},\"partial\":{\"type\":\"object\","
		"\"properties\":{\"name\":{\"type\":\"string\",\"description\":"
		"\"What it is called.\"},\"size\":{\"type\":\"integer\",\"minimum\":1,"
		"\"default\":8}},\"additionalProperties\":false,"
		"\"description\":\"With \\\"quotes\\\"\\nand lines [\"}},"
		"\"required\":[\"facts\",\"more\"],\"additionalProperties\":false}",
		__LINE__);
	json_decref(doc);
}
END_TEST

START_TEST(test_yaml)
{
	json_t *doc = schema(&thing_fields, true);
	json_t *properties = json_object_get(doc, "properties");

	check_json(json_object_get(doc, "$schema"),
		"\"https://json-schema.org/draft/2020-12/schema\"", __LINE__);
	check_json(json_object_get(properties, "title"),
		"{\"type\":[\"string\",\"number\",\"boolean\"],\"minLength\":1}",
		__LINE__);
	check_json(json_object_get(properties, "count"), "{\"type\":\"integer\"}",
		__LINE__);
	json_decref(doc);
}
END_TEST

static const char *const odd_choices[] = {"a", "b", NULL};
static const struct field odd_rows[] = {
	{.name = "on", .type = FIELD_BOOL, .def = "On"},
	{.name = "off", .type = FIELD_BOOL, .def = "off"},
	{.name = "null", .type = FIELD_INT, .flags = FIELD_NULLABLE, .def = "~"},
	{.name = "map",
		.type = FIELD_STRMAP,
		.flags = FIELD_NONEMPTY,
		.example = "{a: b}"},
	{.name = "choices", .type = FIELD_STRINGS, .choices = odd_choices},
	{.name = NULL},
};

START_TEST(test_odd_defaults)
{
	static const struct fields table = {"odd", odd_rows, 0};
	json_t *doc = schema(&table, false);

	check_json(json_object_get(doc, "properties"),
		"{\"on\":{\"type\":\"boolean\",\"default\":true},"
		"\"off\":{\"type\":\"boolean\",\"default\":false},"
		"\"null\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}],"
		"\"default\":null},"
		"\"map\":{\"type\":\"object\",\"minProperties\":1,"
		"\"additionalProperties\":{\"type\":\"string\",\"minLength\":1}},"
		"\"choices\":{\"type\":\"array\",\"items\":{\"enum\":[\"a\",\"b\"]}}}",
		__LINE__);
	json_decref(doc);
}
END_TEST

START_TEST(test_empty_table)
{
	static const struct field none[] = {{.name = NULL}};
	static const struct fields table = {"none", none, 0};
	json_t *doc = schema(&table, false);

	check_json(doc,
		"{\"title\":\"none\",\"type\":\"object\",\"properties\":{},"
		"\"additionalProperties\":false}",
		__LINE__);
	json_decref(doc);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("field_schema");
	TCase *tc = tcase_create("field_schema");

	tcase_add_loop_test(tc, test_rows, 0, COUNT_OF(rows));
	tcase_add_test(tc, test_root);
	tcase_add_test(tc, test_schema_only_table);
	tcase_add_test(tc, test_yaml);
	tcase_add_test(tc, test_odd_defaults);
	tcase_add_test(tc, test_empty_table);
	suite_add_tcase(suite, tc);
	return suite;
}
