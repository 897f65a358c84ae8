/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/ini.h"
#include "unit.h"

#include <string.h>

/* What was read, one pair after the other: "[section] key=value;". */
static const struct {
	const char *text, *pairs;
	int line;
} good[] = {
	{"", "", __LINE__},
	{"\n\n  \n", "", __LINE__},
	{"[a]\nk = v\n", "[a] =;[a] k=v;", __LINE__},
	{"[a]\r\nk = v\r\n", "[a] =;[a] k=v;", __LINE__},
	{"[a]\nk=v", "[a] =;[a] k=v;", __LINE__},
	{"\xef\xbb\xbf[a]\nk=v\n", "[a] =;[a] k=v;", __LINE__},
	{"# x = y\n; [z]\n[a]\n  # indented\nk = v # not a comment\n",
		"[a] =;[a] k=v # not a comment;", __LINE__},
	{"[a]\nKey_ID : v\n", "[a] =;[a] key_id=v;", __LINE__},
	{"[a]\nk = a=b:c\n", "[a] =;[a] k=a=b:c;", __LINE__},
	{"[a]\nk: a=b\n", "[a] =;[a] k=a=b;", __LINE__},
	{"[a]\nk =\n", "[a] =;[a] k=;", __LINE__},
	{"[a]\nk = 1\n[b]\nk = 2\n[a]\nk = 3\nl = 4\n",
		"[a] =;[a] k=1;[b] =;[b] k=2;[a] =;[a] k=3;[a] l=4;", __LINE__},
	{"[a]\ns3 =\n  max = 20\n\n  other = 1\nk = v\n", "[a] =;[a] s3=;[a] k=v;",
		__LINE__},
	{"[a]\n  k = v\n  l = w\n    nested = x\n  m = y\n",
		"[a] =;[a] k=v;[a] l=w;[a] m=y;", __LINE__},
	{"[a]\ns3 =\n\tmax = 20\n  [b]\n[c]\nk = v\n", "[a] =;[a] s3=;[c] =;[c] k=v;",
		__LINE__},
	{"  [ profile x ]  ; why not\nk = v\n", "[profile x] =;[profile x] k=v;",
		__LINE__},
	{"[profile \"two words\"]\nk = v\n",
		"[profile \"two words\"] =;[profile \"two words\"] k=v;", __LINE__},
	{"[]\nk = v\n", "[] =;[] k=v;", __LINE__},
};

START_TEST(test_good)
{
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		AUTO(buf) struct buf seen = {0};
		struct ini ini = {0};
		struct err err = {0};

		ck_assert_msg(ini_parse(good[i].text, strlen(good[i].text), &ini,
				      &err) == 0,
			"line %d: %s", good[i].line, err.text);
		for (size_t p = 0; p < ini.count; p++)
			buf_printf(&seen, "[%s] %s=%s;", ini.pairs[p].section,
				ini.pairs[p].key, ini.pairs[p].value);
		ck_assert_msg(strcmp(buf_str(&seen), good[i].pairs) == 0, "line %d: %s",
			good[i].line, buf_str(&seen));
		ini_fini(&ini);
		ck_assert_uint_eq(ini.count, 0);
	}
}
END_TEST

/* The secret on the line must not be in the message. */
static const struct {
	const char *text;
	size_t len;
	const char *says;
	int line;
} bad[] = {
	{"[a\nk = v\n", 8, "line 1: a section without", __LINE__},
	{"[a]\n\nsecret\n", 12, "line 3: neither a section nor a key", __LINE__},
	{"k = secret\n", 11, "line 1: a key before the first section", __LINE__},
	{"[a]\n= secret\n", 13, "line 2: a value without a key", __LINE__},
	{"[a]\nk = s\0ecret\n", 16, "line 2: a NUL byte", __LINE__},
	{"[a]\nk = v\nsecret", 16, "line 3: neither", __LINE__},
};

START_TEST(test_bad)
{
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct ini ini = {.count = 9};
		struct err err = {0};

		ck_assert_msg(ini_parse(bad[i].text, bad[i].len, &ini, &err) == -1,
			"line %d", bad[i].line);
		ck_assert_msg(strstr(err.text, bad[i].says) != NULL, "line %d: %s",
			bad[i].line, err.text);
		ck_assert_ptr_null(strstr(err.text, "ecret"));
		ck_assert_int_eq(err.code, ERR_PARSE);
		ck_assert_uint_eq(ini.count, 9);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("ini");
	TCase *tc = tcase_create("ini");

	tcase_add_test(tc, test_good);
	tcase_add_test(tc, test_bad);
	suite_add_tcase(suite, tc);
	return suite;
}
