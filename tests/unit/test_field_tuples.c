/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list whose elements are lists: each value at its place, and what is said of another.
 */
#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/field.h"
#include "base/node.h"
#include "unit.h"
#include "flow.h"

#include <jansson.h>
#include <string.h>

struct pair {
	char *name;
	int64_t size;
};

struct box {
	struct field_list pairs;
};

static const struct field pair_rows[] = {
	{.name = "name",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct pair, name, char *)},
	{.name = "size",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct pair, size, int64_t),
		.min = 1,
		.max = 9},
	{.name = NULL},
};
static const struct fields pair_fields = {"pair", pair_rows, sizeof(struct pair)};
static const struct field box_rows[] = {
	{.name = "pairs",
		.type = FIELD_LIST,
		.flags = FIELD_TUPLES,
		.offset = FIELD_AT(struct box, pairs, struct field_list),
		.sub = &pair_fields},
	{.name = NULL},
};
static const struct fields box_fields = {"box", box_rows, sizeof(struct box)};

START_TEST(each_value_has_its_place)
{
	AUTO(diags) struct diags ds = {.name = NULL};
	AUTO(node) struct node *node = flow_yaml("{pairs: [[a, 3], [b, 4]]}");
	struct box box = {.pairs = {.items = NULL}};
	const struct pair *pairs;

	ck_assert_int_eq(field_load(&box_fields, node, &box, NULL, &ds), 0);
	pairs = box.pairs.items;
	ck_assert_uint_eq(box.pairs.count, 2);
	ck_assert_str_eq(pairs[0].name, "a");
	ck_assert_int_eq(pairs[0].size, 3);
	ck_assert_str_eq(pairs[1].name, "b");
	ck_assert_int_eq(pairs[1].size, 4);
	field_fini(&box_fields, &box);
}
END_TEST

static const struct {
	int line;
	const char *text, *error;
} wrong[] = {
	{__LINE__, "{pairs: x}",
		"1:9: pairs: expected a list of [name, size], got a single value"},
	{__LINE__, "{pairs: {a: 3}}",
		"1:9: pairs: expected a list of [name, size], got a mapping"},
	{__LINE__, "{pairs: [a, 3]}",
		"1:10: pairs[0]: expected [name, size], got a single value"},
	{__LINE__, "{pairs: [[a]]}",
		"1:10: pairs[0]: expected [name, size], got a list of 1"},
	{__LINE__, "{pairs: [[a, 3, 4]]}",
		"1:10: pairs[0]: expected [name, size], got a list of 3"},
	{__LINE__, "{pairs: [{name: a, size: 3}]}",
		"1:10: pairs[0]: expected [name, size], got a mapping"},
	{__LINE__, "{pairs: [[a, 10]]}", "1:14: pairs[0].size: must be from 1 to 9"},
	{__LINE__, "{pairs: [[~, 3]]}",
		"1:11: pairs[0].name: expected a string, got null"},
	{__LINE__, "{pairs: [[[], 3]]}",
		"1:11: pairs[0].name: expected a string, got a list"},
};

START_TEST(problems_name_the_value)
{
	AUTO(diags) struct diags ds = {.name = NULL};
	AUTO(node) struct node *node = flow_yaml(wrong[_i].text);
	struct box box = {.pairs = {.items = NULL}};
	struct err err = {.text = ""};

	ck_assert_int_eq(field_load(&box_fields, node, &box, NULL, &ds), -1);
	diag_to_err(&ds, ERR_INVALID, &err);
	ck_assert_msg(strstr(err.text, wrong[_i].error) == err.text, "line %d: %s",
		wrong[_i].line, err.text);
	field_fini(&box_fields, &box);
}
END_TEST

START_TEST(the_schema_knows_the_places)
{
	AUTO(buf) struct buf out = {.data = NULL};
	json_t *doc, *item;

	field_schema(&box_fields, &out);
	doc = json_loads(buf_str(&out), JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(doc != NULL, "%s", buf_str(&out));
	item = json_object_get(json_object_get(json_object_get(doc, "properties"),
				       "pairs"),
		"items");
	ck_assert_str_eq(json_string_value(json_object_get(item, "type")), "array");
	ck_assert_uint_eq(json_array_size(json_object_get(item, "prefixItems")), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(item, "minItems")), 2);
	ck_assert(json_is_false(json_object_get(item, "items")));
	ck_assert_str_eq(json_string_value(
				 json_object_get(json_array_get(json_object_get(item,
									"prefixItems"),
							 1),
					 "type")),
		"integer");
	json_decref(doc);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("field_tuples");
	TCase *tc = tcase_create("field_tuples");

	tcase_add_test(tc, each_value_has_its_place);
	tcase_add_loop_test(tc, problems_name_the_value, 0, (int)COUNT_OF(wrong));
	tcase_add_test(tc, the_schema_knows_the_places);
	suite_add_tcase(suite, tc);
	return suite;
}
