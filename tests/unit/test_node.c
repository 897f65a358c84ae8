/* SPDX-License-Identifier: Apache-2.0 */
#include "base/node.h"
#include "base/mem.h"
#include "flow.h"
#include "unit.h"

#include <stdio.h>

static const struct mark mark = {3, 4};

START_TEST(test_scalar)
{
	struct node *n = node_scalar(NODE_NUMBER, "12", mark);

	ck_assert_int_eq(n->kind, NODE_NUMBER);
	ck_assert_str_eq(n->text, "12");
	ck_assert_uint_eq(n->mark.line, 3);
	ck_assert_uint_eq(n->mark.col, 4);
	ck_assert_uint_eq(n->count, 0);
	node_free(n);
	node_free(NULL);
}
END_TEST

START_TEST(test_containers_grow)
{
	struct node *list = node_list(mark), *map = node_map(mark);

	for (int i = 0; i < 1000; i++) {
		char text[16];

		snprintf(text, sizeof(text), "k%d", i);
		node_append(list, node_scalar(NODE_PLAIN, text, mark));
		node_put(map, node_scalar(NODE_PLAIN, text, mark),
			node_scalar(NODE_STRING, text + 1, mark));
	}
	ck_assert_uint_eq(list->count, 1000);
	ck_assert_uint_eq(map->count, 1000);
	ck_assert_str_eq(list->items[999]->text, "k999");
	for (int i = 0; i < 1000; i++) {
		char text[16];

		snprintf(text, sizeof(text), "k%d", i);
		ck_assert_str_eq(node_get(map, text)->text, text + 1);
	}
	ck_assert_ptr_null(node_get(map, "k1000"));
	node_free(list);
	node_free(map);
}
END_TEST

START_TEST(test_get_from_no_map)
{
	AUTO(node) struct node *list = flow_yaml("[a]");

	ck_assert_ptr_null(node_get(NULL, "a"));
	ck_assert_ptr_null(node_get(list, "a"));
	ck_assert_ptr_null(node_get(list->items[0], "a"));
}
END_TEST

static void
check_equal(const struct node *a, const struct node *b)
{
	ck_assert_int_eq(a->kind, b->kind);
	ck_assert_uint_eq(a->mark.line, b->mark.line);
	ck_assert_uint_eq(a->mark.col, b->mark.col);
	ck_assert(str_equal(a->text, b->text));
	ck_assert_uint_eq(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		check_equal(a->items[i], b->items[i]);
		if (a->kind == NODE_MAP)
			check_equal(a->keys[i], b->keys[i]);
	}
}

START_TEST(test_copy)
{
	struct node *a = flow_yaml("{a: [b, \"c\", {d: {}}], e: ~,\n f: []}");
	struct node *b = node_copy(a);

	check_equal(a, b);
	node_free(a); /* and nothing is shared */
	ck_assert_str_eq(node_get(b, "a")->items[1]->text, "c");
	ck_assert_uint_eq(node_get(b, "f")->mark.line, 2);
	ck_assert_uint_eq(node_get(b, "f")->mark.col, 5);
	node_free(b);
}
END_TEST

static const struct {
	enum node_kind kind;
	const char *text;
	const char *name;
	bool is_null;
	int line;
} scalars[] = {
	{NODE_NULL, "null", "null", true, __LINE__},
	{NODE_BOOL, "true", "a boolean", false, __LINE__},
	{NODE_NUMBER, "0", "a number", false, __LINE__},
	{NODE_STRING, "", "a string", false, __LINE__},
	{NODE_STRING, "null", "a string", false, __LINE__},
	{NODE_PLAIN, "", "nothing", true, __LINE__},
	{NODE_PLAIN, "~", "null", true, __LINE__},
	{NODE_PLAIN, "null", "null", true, __LINE__},
	{NODE_PLAIN, "Null", "null", true, __LINE__},
	{NODE_PLAIN, "NULL", "null", true, __LINE__},
	{NODE_PLAIN, "nUll", "a single value", false, __LINE__},
	{NODE_PLAIN, "none", "a single value", false, __LINE__},
};

START_TEST(test_kinds)
{
	AUTO(node)
	struct node *n = node_scalar(scalars[_i].kind, scalars[_i].text, mark);

	ck_assert_msg(node_is_null(n) == scalars[_i].is_null, "line %d",
		scalars[_i].line);
	ck_assert_str_eq(node_kind_name(n), scalars[_i].name);
}
END_TEST

START_TEST(test_container_kinds)
{
	AUTO(node) struct node *list = node_list(mark), *map = NULL;

	map = node_map(mark);
	ck_assert_str_eq(node_kind_name(list), "a list");
	ck_assert_str_eq(node_kind_name(map), "a mapping");
	ck_assert(!node_is_null(list));
	ck_assert(!node_is_null(map));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("node");
	TCase *tc = tcase_create("node");

	tcase_add_test(tc, test_scalar);
	tcase_add_test(tc, test_containers_grow);
	tcase_add_test(tc, test_get_from_no_map);
	tcase_add_test(tc, test_copy);
	tcase_add_loop_test(tc, test_kinds, 0, COUNT_OF(scalars));
	tcase_add_test(tc, test_container_kinds);
	suite_add_tcase(suite, tc);
	return suite;
}
