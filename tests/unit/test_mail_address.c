/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail addresses: what is one, and what is left of it.
 */
#include "unit.h"

#include "base/mem.h"
#include "sys/mail.h"

#include <string.h>

static const struct {
	int line;
	const char *text, *bare; /* bare NULL: no address */
} cases[] = {
	{__LINE__, "full.name@example.net", "full.name@example.net"},
	{__LINE__, "root@localhost", "root@localhost"},
	{__LINE__, "<f@example.net>", "f@example.net"},
	{__LINE__, "Full Name <f@example.net>", "f@example.net"},
	{__LINE__, "\"Name, Full\" <f@example.net>", "f@example.net"},
	{__LINE__, "N\303\244me <f@example.net>", "f@example.net"},
	{__LINE__, "Full Name<f@example.net>  ", "f@example.net"},
	{__LINE__, " f@example.net\t", "f@example.net"},
	{__LINE__, "a+tag=x/y@b-c.d", "a+tag=x/y@b-c.d"},
	{__LINE__, "a@b.", "a@b."},
	{__LINE__, "a@1.2.3.4", "a@1.2.3.4"},
	{__LINE__, "", NULL},
	{__LINE__, "5", NULL},
	{__LINE__, "nobody", NULL},
	{__LINE__, "@", NULL},
	{__LINE__, "a@", NULL},
	{__LINE__, "@b", NULL},
	{__LINE__, "a@@b", NULL},
	{__LINE__, "a@b@c", NULL},
	{__LINE__, "a@b..c", NULL},
	{__LINE__, "a@.b", NULL},
	{__LINE__, "a@b_c", NULL},
	{__LINE__, "a@[1.2.3.4]", NULL},
	{__LINE__, "a b@c", NULL},
	{__LINE__, "a@b c", NULL},
	{__LINE__, "a@b, c@d", NULL},
	{__LINE__, "a@b;c@d", NULL},
	{__LINE__, "a@b (comment)", NULL},
	{__LINE__, "\"a b\"@c", NULL},
	{__LINE__, "<a@b", NULL},
	{__LINE__, "a@b>", NULL},
	{__LINE__, "<>", NULL},
	{__LINE__, "Name <>", NULL},
	{__LINE__, "Name <a@b> x", NULL},
	{__LINE__, "Name <<a@b>>", NULL},
	{__LINE__, "<a@b> <c@d>", NULL},
	{__LINE__, "< a@b>", NULL},
	{__LINE__, "a@b\r\nBcc: c@d", NULL},
	{__LINE__, "a@b\n", NULL},
	{__LINE__, "Name\r\nBcc: x@y <a@b>", NULL},
	{__LINE__, "Na\033me <a@b>", NULL},
	{__LINE__, "\303\244@b", NULL},
	{__LINE__, "a@b\303\244", NULL},
	{__LINE__, "\377 <a@b>", NULL},
};

START_TEST(addresses)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char bare[64] = "untouched";
		int rc = mail_address(cases[i].text, bare, sizeof(bare));

		ck_assert_msg(rc == (cases[i].bare != NULL ? 0 : -1), "line %d",
			cases[i].line);
		ck_assert_msg(strcmp(bare, rc == 0 ? cases[i].bare : "untouched") == 0,
			"line %d: %s", cases[i].line, bare);
	}
}
END_TEST

START_TEST(lengths)
{
	char text[512], bare[512];

	memset(text, 'a', sizeof(text));
	text[64] = '@';
	text[65 + 255] = '\0';
	ck_assert_int_eq(mail_address(text, bare, sizeof(bare)), 0);
	ck_assert_str_eq(bare, text);
	ck_assert_int_eq(mail_address(text, bare, 65 + 255), -1);
	ck_assert_int_eq(mail_address(text, bare, 65 + 256), 0);
	text[65 + 255] = 'a';
	text[65 + 256] = '\0';
	ck_assert_int_eq(mail_address(text, bare, sizeof(bare)), -1);
	text[64] = 'a';
	text[65] = '@';
	text[100] = '\0';
	ck_assert_int_eq(mail_address(text, bare, sizeof(bare)), -1);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("mail_address");
	TCase *tc = tcase_create("addresses");

	tcase_add_test(tc, addresses);
	tcase_add_test(tc, lengths);
	suite_add_tcase(s, tc);
	return s;
}
