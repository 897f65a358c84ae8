/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and ranges of names.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "conf/conf_names.h"

#include <string.h>

static void
join(const struct strings *names, struct buf *out)
{
	for (size_t i = 0; i < names->count; i++)
		buf_printf(out, "%s%s", i > 0 ? " " : "", names->items[i]);
}

START_TEST(expands)
{
	static const struct {
		int line;
		const char *pattern, *names;
	} cases[] = {
		{__LINE__, "bot1", "bot1"},
		{__LINE__, "B", "B"},
		{__LINE__, "7.a_b-c", "7.a_b-c"},
		{__LINE__, "linux-[01-03]", "linux-01 linux-02 linux-03"},
		{__LINE__, "[8-11]", "8 9 10 11"},
		{__LINE__, "a[08-11]z", "a08z a09z a10z a11z"},
		{__LINE__, "a[0-2]", "a0 a1 a2"},
		{__LINE__, "a[00-01]", "a00 a01"},
		{__LINE__, "a[5-5]", "a5"},
		{__LINE__, "a[99-101]", "a99 a100 a101"},
		{__LINE__, "r[1-2]-s[1-3]", "r1-s1 r1-s2 r1-s3 r2-s1 r2-s2 r2-s3"},
		{__LINE__, "[1-2][1-2][1-2]", "111 112 121 122 211 212 221 222"},
		{__LINE__, "a[999999998-999999999]", "a999999998 a999999999"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct strings names = {.items = NULL};
		AUTO(buf) struct buf got = {.data = NULL};
		struct err err = {.code = ERR_NONE};

		ck_assert_msg(names_expand(cases[i].pattern, NAMES_MAX, &names, &err) ==
				0,
			"line %d: %s", cases[i].line, err.text);
		join(&names, &got);
		ck_assert_msg(strcmp(buf_str(&got), cases[i].names) == 0, "line %d: %s",
			cases[i].line, buf_str(&got));
		strings_fini(&names);
	}
}
END_TEST

START_TEST(refuses)
{
	static const char range[] = "is no range; write it as [1-40] or [01-40]";
	static const char name[] = "is no name; a worker's name has letters, digits";
	static const struct {
		int line;
		const char *pattern, *text;
	} cases[] = {
		{__LINE__, "", name},
		{__LINE__, "-a", name},
		{__LINE__, ".a", name},
		{__LINE__, "a b", name},
		{__LINE__, "a/b", name},
		{__LINE__, "a]", name},
		{__LINE__, "a\nb", name},
		{__LINE__, "b\303\244r", name},
		{__LINE__, "a[", range},
		{__LINE__, "a[]", range},
		{__LINE__, "a[1]", range},
		{__LINE__, "a[1-]", range},
		{__LINE__, "a[-2]", range},
		{__LINE__, "a[1-2", range},
		{__LINE__, "a[1..2]", range},
		{__LINE__, "a[1-2-3]", range},
		{__LINE__, "a[x-z]", range},
		{__LINE__, "a[[1-2]]", range},
		{__LINE__, "a[1-1000000000]", range},
		{__LINE__, "a[ 1-2]", range},
		{__LINE__, "a[3-2]", "[3-2] runs backwards"},
		{__LINE__, "a[01-100]",
			"both ends of a zero-padded range have the same number of digits: "
			"[001-100]"},
		{__LINE__, "a[001-02]",
			"both ends of a zero-padded range have the same number of digits: "
			"[001-002]"},
		{__LINE__, "a[0-9999]b[0-1]",
			"makes too many workers; a pool has at most 10000"},
		{__LINE__, "a[0-999999999]",
			"makes too many workers; a pool has at most 10000"},
		{__LINE__, "[1-2][1-2][1-2][1-2][1-2][1-2][1-2][1-2][1-2]",
			"has more than 8 ranges"},
		{__LINE__,
			"a234567890b234567890c234567890d234567890e234567890f23456789012345",
			name},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct strings names = {.items = NULL};
		struct err err = {.code = ERR_NONE};

		ck_assert_msg(names_expand(cases[i].pattern, NAMES_MAX, &names, &err) ==
				-1,
			"line %d", cases[i].line);
		ck_assert_msg(strstr(err.text, cases[i].text) != NULL, "line %d: %s",
			cases[i].line, err.text);
		ck_assert_uint_eq(names.count, 0);
	}
}
END_TEST

START_TEST(counts_up_to_the_limit)
{
	struct strings names = {.items = NULL};
	struct err err;

	ck_assert_int_eq(names_expand("a[0-9]b[0-999]", NAMES_MAX, &names, &err), 0);
	ck_assert_uint_eq(names.count, 10000);
	ck_assert_str_eq(names.items[9999], "a9b999");
	ck_assert_int_eq(names_expand("c[1-3]", 2, &names, &err), -1);
	ck_assert_uint_eq(names.count, 10000);
	strings_fini(&names);
}
END_TEST

START_TEST(the_longest_name)
{
	struct strings names = {.items = NULL};
	char name[NAME_LENGTH_MAX + 2];
	struct err err;

	memset(name, 'n', sizeof(name));
	name[NAME_LENGTH_MAX] = '\0';
	ck_assert_int_eq(names_expand(name, 1, &names, &err), 0);
	name[NAME_LENGTH_MAX] = 'n';
	name[NAME_LENGTH_MAX + 1] = '\0';
	ck_assert_int_eq(names_expand(name, 1, &names, &err), -1);
	strings_fini(&names);
}
END_TEST

START_TEST(claims_tell_who_was_first)
{
	struct name_set *set = NULL;

	ck_assert_uint_eq(names_claim(&set, "a", 3), 0);
	ck_assert_uint_eq(names_claim(&set, "b", 4), 0);
	ck_assert_uint_eq(names_claim(&set, "a", 9), 3);
	ck_assert_uint_eq(names_claim(&set, "a", 10), 3);
	ck_assert_uint_eq(names_claim(&set, "aa", 11), 0);
	names_forget(set);
	names_forget(NULL);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("conf_names");
	TCase *tc = tcase_create("names");

	tcase_add_test(tc, expands);
	tcase_add_test(tc, refuses);
	tcase_add_test(tc, counts_up_to_the_limit);
	tcase_add_test(tc, the_longest_name);
	tcase_add_test(tc, claims_tell_who_was_first);
	suite_add_tcase(s, tc);
	return s;
}
