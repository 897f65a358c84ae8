/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms of single values: each check with what it takes and what it refuses.
 */
#include "unit.h"

#include "base/err.h"
#include "base/field.h"
#include "conf/conf_form.h"

#include <string.h>

#define HEX32 "0123456789abcdef0123456789abcdef"

static const struct {
	int line;
	field_check *check;
	const char *value;
	const char *text; /* of the refusal; NULL: it is taken */
} cases[] = {
	{__LINE__, form_address, "ci@example.org", NULL},
	{__LINE__, form_address, "root@localhost", NULL},
	{__LINE__, form_address, "Full Name <f@example.net>", NULL},
	{__LINE__, form_address, "5", "expected one mail address"},
	{__LINE__, form_address, "a@", "expected one mail address"},
	{__LINE__, form_address, "@b", "expected one mail address"},
	{__LINE__, form_address, "a@b\r\nBcc: c@d", "expected one mail address"},
	{__LINE__, form_address, "a@b, c@d", "expected one mail address"},
	{__LINE__, form_ami, "ami-12345", NULL},
	{__LINE__, form_ami, "ami-0abcdef1234567890", NULL},
	{__LINE__, form_ami, "ami-" HEX32, NULL},
	{__LINE__, form_ami, "ami-" HEX32 "0", "expected an image id"},
	{__LINE__, form_ami, "", "expected an image id"},
	{__LINE__, form_ami, "ami-", "expected an image id"},
	{__LINE__, form_ami, "ami-XYZ", "expected an image id"},
	{__LINE__, form_ami, "ami_12345", "expected an image id"},
	{__LINE__, form_endpoint, "http://127.0.0.1:5000", NULL},
	{__LINE__, form_endpoint, "https://ec2.example.org/", NULL},
	{__LINE__, form_endpoint, "http://[::1]:5000", NULL},
	{__LINE__, form_endpoint, "http://localhost", NULL},
	{__LINE__, form_endpoint, "localhost:5000", "expected http(s)://host[:port]"},
	{__LINE__, form_endpoint, "ftp://localhost", "expected http(s)://"},
	{__LINE__, form_endpoint, "http://", "expected http(s)://"},
	{__LINE__, form_endpoint, "http://a:b@host", "expected http(s)://"},
	{__LINE__, form_endpoint, "http://host/path", "expected http(s)://"},
	{__LINE__, form_endpoint, "http://host?q", "expected http(s)://"},
	{__LINE__, form_endpoint, "http://host:", "expected http(s)://"},
	{__LINE__, form_endpoint, "http://host:0", "expected http(s)://"},
	{__LINE__, form_endpoint, "http://host:65535", NULL},
	{__LINE__, form_endpoint, "http://host:65536", "expected http(s)://"},
	{__LINE__, form_endpoint, "http://host:123456", "expected http(s)://"},
	{__LINE__, form_endpoint, "http://[::1", "expected http(s)://"},
	{__LINE__, form_endpoint, "http://[]", "expected http(s)://"},
	{__LINE__, form_endpoint, "http://a b", "expected http(s)://"},
	{__LINE__, form_instance_type, "m5.large", NULL},
	{__LINE__, form_instance_type, "c7i.metal-24xl", NULL},
	{__LINE__, form_instance_type, "u-6tb1.112xlarge", NULL},
	{__LINE__, form_instance_type, "m5", "expected an instance type"},
	{__LINE__, form_instance_type, ".large", "expected an instance type"},
	{__LINE__, form_instance_type, "m5.", "expected an instance type"},
	{__LINE__, form_instance_type, "M5.large", "expected an instance type"},
	{__LINE__, form_instance_type, "m5.large ", "expected an instance type"},
	{__LINE__, form_key_id, "AKIAIOSFODNN7EXAMPLE", NULL},
	{__LINE__, form_key_id, "", "expected an access key id"},
	{__LINE__, form_key_id, "AKIA/1", "expected an access key id"},
	{__LINE__, form_octal_mode, "0660", NULL},
	{__LINE__, form_octal_mode, "600", NULL},
	{__LINE__, form_octal_mode, "000", NULL},
	{__LINE__, form_octal_mode, "66", "expected permissions as octal digits"},
	{__LINE__, form_octal_mode, "0680", "expected permissions as octal digits"},
	{__LINE__, form_octal_mode, "0o660", "expected permissions as octal digits"},
	{__LINE__, form_octal_mode, "1660", "expected permissions as octal digits"},
	{__LINE__, form_path, "/a", NULL},
	{__LINE__, form_path, "a/b", "expected a path that begins with /"},
	{__LINE__, form_path, "", "expected a path that begins with /"},
	{__LINE__, form_placement, "b", NULL},
	{__LINE__, form_placement, "-lax-1a", NULL},
	{__LINE__, form_placement, "us-west-2b",
		"give only what follows the region: b"},
	{__LINE__, form_placement, "us-west-2-lax-1a",
		"give only what follows the region: -lax-1a"},
	{__LINE__, form_placement, "us-gov-east-1a",
		"give only what follows the region: a"},
	{__LINE__, form_placement, "B", "expected what follows the region"},
	{__LINE__, form_placement, "", "expected what follows the region"},
	{__LINE__, form_placement, "abc", "expected what follows the region"},
	{__LINE__, form_placement, "us-west-2", "expected what follows the region"},
	{__LINE__, form_pool, "linux-master", NULL},
	{__LINE__, form_pool, "a2345678901234567890123456789012", NULL},
	{__LINE__, form_pool, "a23456789012345678901234567890123", "expected 1 to 32"},
	{__LINE__, form_pool, "", "expected 1 to 32"},
	{__LINE__, form_pool, "Linux", "expected 1 to 32"},
	{__LINE__, form_pool, "a_b", "expected 1 to 32"},
	{__LINE__, form_printable, "anything \303\244", NULL},
	{__LINE__, form_printable, "a\tb", "holds a control character"},
	{__LINE__, form_printable, "a\177", "holds a control character"},
	{__LINE__, form_region, "eu-west-1", NULL},
	{__LINE__, form_region, "us-gov-east-1", NULL},
	{__LINE__, form_region, "cn-north-1", NULL},
	{__LINE__, form_region, "eusc-de-east-1", NULL},
	{__LINE__, form_region, "us-west-12", NULL},
	{__LINE__, form_region, "us-west", "expected a region"},
	{__LINE__, form_region, "us-west-", "expected a region"},
	{__LINE__, form_region, "us-1", "expected a region"},
	{__LINE__, form_region, "us-west-2b", "expected a region"},
	{__LINE__, form_region, "US-WEST-2", "expected a region"},
	{__LINE__, form_region, "us--west-2", "expected a region"},
	{__LINE__, form_region, "-us-west-2", "expected a region"},
	{__LINE__, form_region, "", "expected a region"},
	{__LINE__, form_security_group_id, "sg-0abcdef1234567890", NULL},
	{__LINE__, form_security_group_id, "sg-xyz", "such as sg-0abcdef1234567890"},
	{__LINE__, form_security_group_id, "default",
		"a name belongs in security_name"},
	{__LINE__, form_smtp_url, "smtp://localhost:25", NULL},
	{__LINE__, form_smtp_url, "smtps://mail.example.org", NULL},
	{__LINE__, form_smtp_url, "localhost", "expected smtp(s)://host[:port]"},
	{__LINE__, form_smtp_url, "http://localhost", "expected smtp(s)://host[:port]"},
	{__LINE__, form_socket, "/run/ec2workerd/rpc.sock", NULL},
	{__LINE__, form_socket, "rpc.sock", "expected a path that begins with /"},
	{__LINE__, form_subnet_id, "subnet-0abcdef1234567890", NULL},
	{__LINE__, form_subnet_id, "sn-1", "expected a subnet's id"},
	{__LINE__, form_tag_value, "", NULL},
	{__LINE__, form_unix_name, "buildbot", NULL},
	{__LINE__, form_unix_name, "", "expected the name of a group"},
	{__LINE__, form_unix_name, "-x", "expected the name of a group"},
	{__LINE__, form_unix_name, "a b", "expected the name of a group"},
	{__LINE__, form_user, "buildbot", NULL},
	{__LINE__, form_user, "@adm", NULL},
	{__LINE__, form_user, "svc_ci$", NULL},
	{__LINE__, form_user, "DOMAIN\\user", NULL},
	{__LINE__, form_user, "@", "expected names of users, or of groups as @name"},
	{__LINE__, form_user, "a b", "expected names of users"},
	{__LINE__, form_user, "", "expected names of users"},
	{__LINE__, form_var, "", NULL},
};

START_TEST(forms)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = {.code = ERR_NONE};
		int rc = cases[i].check(cases[i].value, &err);

		if (cases[i].text == NULL)
			ck_assert_msg(rc == 0, "line %d: %s", cases[i].line, err.text);
		else
			ck_assert_msg(rc == -1 && err.code == ERR_INVALID &&
					strstr(err.text, cases[i].text) != NULL,
				"line %d: %d %s", cases[i].line, rc, err.text);
	}
}
END_TEST

/* Values at and just over their greatest length. */
START_TEST(lengths)
{
	static const struct {
		int line;
		field_check *check;
		const char *start;
		size_t most;
		const char *text;
	} limits[] = {
		{__LINE__, form_socket, "/", 107,
			"108 bytes; the path of a Unix socket has at most 107"},
		{__LINE__, form_tag_value, "", 256,
			"257 characters; the value of a tag has at most 256"},
		{__LINE__, form_var, "", 16384,
			"16385 bytes; user data has room for 16384 in all"},
		{__LINE__, form_key_id, "", 128, "expected an access key id"},
	};
	char value[20000];

	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		size_t start = strlen(limits[i].start);
		struct err err;

		memset(value, 'a', sizeof(value));
		memcpy(value, limits[i].start, start);
		value[limits[i].most] = '\0';
		ck_assert_msg(limits[i].check(value, &err) == 0, "line %d",
			limits[i].line);
		value[limits[i].most] = 'a';
		value[limits[i].most + 1] = '\0';
		ck_assert_msg(limits[i].check(value, &err) == -1, "line %d",
			limits[i].line);
		ck_assert_msg(strstr(err.text, limits[i].text) != NULL, "line %d: %s",
			limits[i].line, err.text);
	}
}
END_TEST

START_TEST(length_counts_characters)
{
	ck_assert_uint_eq(form_length(""), 0);
	ck_assert_uint_eq(form_length("abc"), 3);
	ck_assert_uint_eq(form_length("\303\244\342\202\254x"), 3);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("conf_form");
	TCase *tc = tcase_create("forms");

	tcase_add_test(tc, forms);
	tcase_add_test(tc, lengths);
	tcase_add_test(tc, length_counts_characters);
	suite_add_tcase(s, tc);
	return s;
}
