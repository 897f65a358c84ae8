/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "unit.h"

#include <errno.h>
#include <string.h>

START_TEST(test_set_clears_the_rest)
{
	struct err err = {.code = ERR_IO, .reason = REASON_PRICE};

	err_origin(&err, "Throttling", "slow down", "req-1");
	ck_assert_int_eq(err_set(&err, ERR_INVALID, "%s is %d", "x", 7), -1);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_int_eq(err.reason, REASON_NONE);
	ck_assert_str_eq(err.text, "x is 7");
	ck_assert_str_eq(err.origin, "");
	ck_assert_str_eq(err.origin_text, "");
	ck_assert_str_eq(err.request_id, "");
}
END_TEST

START_TEST(test_null_is_fine)
{
	ck_assert_int_eq(err_set(NULL, ERR_IO, "x"), -1);
	ck_assert_int_eq(err_set_errno(NULL, ERR_IO, ENOENT, "x"), -1);
	ck_assert_int_eq(err_wrap(NULL, "x"), -1);
	err_origin(NULL, "a", "b", "c");
	err_clear(NULL);
}
END_TEST

START_TEST(test_errno)
{
	struct err err;

	ck_assert_int_eq(err_set_errno(&err, ERR_IO, ENOENT, "open %s", "/a"), -1);
	ck_assert_str_eq(err.text, "open /a: No such file or directory");
	ck_assert_int_eq(err.code, ERR_IO);
}
END_TEST

START_TEST(test_wrap_keeps_code_and_origin)
{
	struct err err;

	err_set(&err, ERR_SERVICE, "InsufficientInstanceCapacity");
	err.reason = REASON_CAPACITY;
	err_origin(&err, "InsufficientInstanceCapacity", "no m5.large", "req-9");
	ck_assert_int_eq(err_wrap(&err, "%s", "RunInstances"), -1);
	ck_assert_int_eq(err_wrap(&err, "worker %s", "bot1"), -1);
	ck_assert_str_eq(err.text,
		"worker bot1: RunInstances: InsufficientInstanceCapacity");
	ck_assert_int_eq(err.code, ERR_SERVICE);
	ck_assert_int_eq(err.reason, REASON_CAPACITY);
	ck_assert_str_eq(err.origin, "InsufficientInstanceCapacity");
	ck_assert_str_eq(err.origin_text, "no m5.large");
	ck_assert_str_eq(err.request_id, "req-9");
}
END_TEST

START_TEST(test_wrap_of_nothing)
{
	struct err err;

	err_clear(&err);
	err_wrap(&err, "alone");
	ck_assert_str_eq(err.text, "alone");
}
END_TEST

/* The sentence may be made from the struct's own members. */
START_TEST(test_arguments_inside_the_struct)
{
	struct err err;

	err_set(&err, ERR_IO, "first");
	err_set(&err, ERR_INVALID, "then %s", err.text);
	ck_assert_str_eq(err.text, "then first");
	err_wrap(&err, "[%s]", err.text);
	ck_assert_str_eq(err.text, "[then first]: then first");
	err_origin(&err, "code", "message", "id");
	err_origin(&err, err.origin, err.origin_text + 2, err.request_id);
	ck_assert_str_eq(err.origin, "code");
	ck_assert_str_eq(err.origin_text, "ssage");
}
END_TEST

/* Cut at every length, in the middle of a three-byte character or not. */
START_TEST(test_cut_keeps_characters_whole)
{
	char text[sizeof(((struct err *)NULL)->text) + 64];

	for (size_t pad = 0; pad < 6; pad++) {
		struct err err;

		memset(text, 'a', pad);
		for (size_t i = pad; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 4);
		err_set(&err, ERR_PARSE, "%s", text);
		ck_assert(utf8_valid(err.text, strlen(err.text)));
		ck_assert_uint_ge(strlen(err.text), sizeof(err.text) - 4);
		ck_assert_int_eq(strncmp(err.text, text, strlen(err.text)), 0);
		err_wrap(&err, "€");
		ck_assert(utf8_valid(err.text, strlen(err.text)));
		err_origin(&err, text, text, text);
		ck_assert(utf8_valid(err.origin, strlen(err.origin)));
		ck_assert_uint_ge(strlen(err.origin), sizeof(err.origin) - 4);
		ck_assert(utf8_valid(err.origin_text, strlen(err.origin_text)));
		ck_assert(utf8_valid(err.request_id, strlen(err.request_id)));
	}
}
END_TEST

START_TEST(test_reasons)
{
	ck_assert_ptr_null(err_reason_name(REASON_NONE));
	for (int i = REASON_NONE + 1; i < REASON_COUNT; i++) {
		const char *name = err_reason_name((enum err_reason)i);

		ck_assert_ptr_nonnull(name);
		ck_assert_int_eq(err_reason_find(name), i);
	}
	ck_assert_int_eq(err_reason_find("instance_died"), REASON_INSTANCE_DIED);
	ck_assert_int_eq(err_reason_find("Capacity"), REASON_NONE);
	ck_assert_int_eq(err_reason_find(""), REASON_NONE);
	ck_assert_int_eq(err_reason_find(NULL), REASON_NONE);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("err");
	TCase *tc = tcase_create("err");

	tcase_add_test(tc, test_set_clears_the_rest);
	tcase_add_test(tc, test_null_is_fine);
	tcase_add_test(tc, test_errno);
	tcase_add_test(tc, test_wrap_keeps_code_and_origin);
	tcase_add_test(tc, test_wrap_of_nothing);
	tcase_add_test(tc, test_arguments_inside_the_struct);
	tcase_add_test(tc, test_cut_keeps_characters_whole);
	tcase_add_test(tc, test_reasons);
	suite_add_tcase(suite, tc);
	return suite;
}
