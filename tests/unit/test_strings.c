/* SPDX-License-Identifier: Apache-2.0 */
#include "base/field.h"
#include "unit.h"

START_TEST(test_strings_grow)
{
	struct strings list = {.items = NULL};

	ck_assert(!strings_contain(&list, "a"));
	strings_fini(&list);
	strings_add(&list, "a");
	strings_add(&list, list.items[0]); /* its own element */
	strings_add(&list, "");
	ck_assert_uint_eq(list.count, 3);
	ck_assert_str_eq(list.items[1], "a");
	ck_assert_ptr_null(list.items[3]); /* the end is marked */
	ck_assert(strings_contain(&list, "a"));
	ck_assert(strings_contain(&list, ""));
	ck_assert(!strings_contain(&list, "b"));
	strings_fini(&list);
	ck_assert_ptr_null(list.items);
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(test_map_replaces)
{
	struct strmap map = {.keys = NULL};

	ck_assert_ptr_null(strmap_get(&map, "a"));
	strmap_put(&map, "a", "1");
	strmap_put(&map, "b", "2");
	strmap_put(&map, "a", "3");
	ck_assert_uint_eq(map.count, 2);
	ck_assert_str_eq(map.keys[0], "a"); /* the place stays */
	ck_assert_str_eq(strmap_get(&map, "a"), "3");
	ck_assert_str_eq(strmap_get(&map, "b"), "2");
	strmap_put(&map, map.keys[1], map.values[0]);
	strmap_put(&map, "a", strmap_get(&map, "a")); /* its own value */
	ck_assert_str_eq(strmap_get(&map, "b"), "3");
	ck_assert_str_eq(strmap_get(&map, "a"), "3");
	strmap_fini(&map);
	ck_assert_uint_eq(map.count, 0);
	ck_assert_ptr_null(map.keys);
	strmap_fini(&map);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("strings");
	TCase *tc = tcase_create("strings");

	tcase_add_test(tc, test_strings_grow);
	tcase_add_test(tc, test_map_replaces);
	suite_add_tcase(suite, tc);
	return suite;
}
