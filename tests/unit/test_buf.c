/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "unit.h"

#include <string.h>

START_TEST(test_empty)
{
	struct buf b = {.data = NULL};
	char *s;

	ck_assert_str_eq(buf_str(&b), "");
	buf_clear(&b);
	buf_drop(&b, 0);
	s = buf_take(&b);
	ck_assert_str_eq(s, "");
	free(s);
	buf_fini(&b);
	buf_wipe_fini(&b);
	ck_assert_ptr_null(b.data);
}
END_TEST

START_TEST(test_adding)
{
	AUTO(buf) struct buf b = {.data = NULL};

	buf_puts(&b, "ab");
	buf_putc(&b, 'c');
	buf_add(&b, "d\0e", 3);
	buf_add(&b, "", 0);
	buf_printf(&b, "%d/%s", 12, "x");
	ck_assert_uint_eq(b.len, 10);
	ck_assert_mem_eq(b.data, "abcd\0e12/x", 11); /* with the NUL behind it */
	buf_drop(&b, 5);
	ck_assert_str_eq(buf_str(&b), "e12/x");
	buf_drop(&b, 5);
	ck_assert_str_eq(buf_str(&b), "");
	ck_assert_uint_eq(b.len, 0);
}
END_TEST

START_TEST(test_clear_and_take)
{
	struct buf b = {.data = NULL};
	char *s;

	buf_puts(&b, "abc");
	buf_clear(&b);
	ck_assert_str_eq(buf_str(&b), "");
	ck_assert_uint_eq(b.len, 0);
	ck_assert_uint_gt(b.cap, 0);
	buf_puts(&b, "def");
	s = buf_take(&b);
	ck_assert_str_eq(s, "def");
	ck_assert_ptr_null(b.data);
	ck_assert_uint_eq(b.len, 0);
	free(s);
	buf_puts(&b, "again");
	ck_assert_str_eq(buf_str(&b), "again");
	buf_wipe_fini(&b);
	ck_assert_ptr_null(b.data);
}
END_TEST

/* Every length around the places where memory grows, formatted in one go. */
START_TEST(test_printf_of_any_length)
{
	for (int len = 0; len < 300; len++) {
		AUTO(buf) struct buf b = {.data = NULL};

		buf_putc(&b, '>');
		buf_printf(&b, "%*s|", len, "");
		ck_assert_uint_eq(b.len, (size_t)len + 2);
		ck_assert_uint_eq(strspn(b.data + 1, " "), (size_t)len);
		ck_assert_str_eq(b.data + 1 + len, "|");
	}
}
END_TEST

/* Against a plain array, with random adds and drops. */
START_TEST(test_random)
{
	static char model[100000];
	AUTO(buf) struct buf b = {.data = NULL};
	size_t len = 0;
	struct rng r;

	rng_seed(&r, (uint64_t)_i);
	for (int i = 0; i < 2000; i++) {
		char bytes[200];
		size_t n = rng_below(&r, sizeof(bytes));

		if (rng_below(&r, 3) == 0 || len + n > sizeof(model)) {
			n = rng_below(&r, len + 1);
			memmove(model, model + n, len - n);
			len -= n;
			buf_drop(&b, n);
		} else {
			memset(bytes, (int)rng_below(&r, 256), n);
			memcpy(model + len, bytes, n);
			len += n;
			buf_add(&b, bytes, n);
		}
		ck_assert_uint_eq(b.len, len);
		ck_assert_mem_eq(buf_str(&b), model, len);
		ck_assert_int_eq(buf_str(&b)[len], '\0');
	}
}
END_TEST

static const struct {
	const char *text, *json;
	int line;
} strings[] = {
	{"", "\"\"", __LINE__},
	{"plain /text/ äö 日 😀", "\"plain /text/ äö 日 😀\"", __LINE__},
	{"a\"b\\c", "\"a\\\"b\\\\c\"", __LINE__},
	{"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"", __LINE__},
	{"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"", __LINE__},
	{"\xc2\x9b", "\"\\u009b\"", __LINE__},
	{"a\xff\xc3z", "\"a\\ufffd\\ufffdz\"", __LINE__},
	{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"", __LINE__},
};

START_TEST(test_json)
{
	AUTO(buf) struct buf b = {.data = NULL};

	buf_json(&b, strings[_i].text);
	ck_assert_msg(strcmp(buf_str(&b), strings[_i].json) == 0, "line %d: got %s",
		strings[_i].line, buf_str(&b));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("buf");
	TCase *tc = tcase_create("buf");

	tcase_add_test(tc, test_empty);
	tcase_add_test(tc, test_adding);
	tcase_add_test(tc, test_clear_and_take);
	tcase_add_test(tc, test_printf_of_any_length);
	tcase_add_loop_test(tc, test_random, 0, 5);
	tcase_add_loop_test(tc, test_json, 0, COUNT_OF(strings));
	suite_add_tcase(suite, tc);
	return suite;
}
