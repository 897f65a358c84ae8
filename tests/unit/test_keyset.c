/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/keyset.h"
#include "unit.h"

#include <string.h>

#define ID "\"AccessKeyId\":\"ASIA1\""
#define SECRET "\"SecretAccessKey\":\"s/+=\""
#define TOKEN "\"Token\":\"t0k==\""
#define UNTIL "\"Expiration\":\"2026-01-31T10:15:00Z\""
#define UNTIL_MS INT64_C(1769854500000)

/* seen: "id secret token expires", or a part of the error. */
static const struct {
	const char *text, *seen;
	int line;
} json[] = {
	{"{" ID "," SECRET "," TOKEN "," UNTIL "}", "ASIA1 s/+= t0k== 1769854500000",
		__LINE__},
	{"{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\"," ID "," SECRET "," TOKEN
	 "," UNTIL ",\"LastUpdated\":\"x\"}\n",
		"ASIA1 s/+= t0k== 1769854500000", __LINE__},
	{"{" ID "," SECRET "," TOKEN "}", "ASIA1 s/+= t0k== 0", __LINE__},
	{"{" ID "," SECRET "," TOKEN ",\"RoleArn\":{\"a\":[1,{}]}}",
		"ASIA1 s/+= t0k== 0", __LINE__},
	{"{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"no trust\"}",
		"AssumeRoleUnauthorizedAccess: no trust", __LINE__},
	{"{\"Code\":\"Failed\"}", "Failed", __LINE__},
	{"{\"Code\":\"Failed\"," ID "," SECRET "," TOKEN "}", "Failed", __LINE__},
	{"{}", "no usable AccessKeyId", __LINE__},
	{"{" SECRET "," TOKEN "}", "no usable AccessKeyId", __LINE__},
	{"{" ID "," TOKEN "}", "no usable SecretAccessKey", __LINE__},
	{"{" ID "," SECRET "}", "no usable session token", __LINE__},
	{"{" ID "," SECRET ",\"Token\":\"\"}", "no usable session token", __LINE__},
	{"{" ID "," SECRET ",\"Token\":7}", "no usable session token", __LINE__},
	{"{" ID "," SECRET ",\"Token\":\"a\\r\\nX: y\"}", "no usable session token",
		__LINE__},
	{"{" SECRET "," TOKEN ",\"AccessKeyId\":\"A/b\"}", "no usable AccessKeyId",
		__LINE__},
	{"{" SECRET "," TOKEN ",\"AccessKeyId\":\"A B\"}", "no usable AccessKeyId",
		__LINE__},
	{"{" ID "," TOKEN ",\"SecretAccessKey\":\"\\u00e4\"}",
		"no usable SecretAccessKey", __LINE__},
	{"{" ID "," SECRET "," TOKEN ",\"Expiration\":\"tomorrow\"}",
		"no usable Expiration", __LINE__},
	{"{" ID "," ID "," SECRET "," TOKEN "}", "not a JSON object", __LINE__},
	{"{" ID "," SECRET "," TOKEN, "not a JSON object", __LINE__},
	{"{" ID "," SECRET "," TOKEN "} x", "not a JSON object", __LINE__},
	{"["
	 "{" ID "," SECRET "," TOKEN "}]",
		"not a JSON object", __LINE__},
	{"\""
	 "secret"
	 "\"",
		"not a JSON object", __LINE__},
	{"", "not a JSON object", __LINE__},
	{"<html>", "not a JSON object", __LINE__},
	{"{" ID ",\"x\":[[[[[[[[1]]]]]]]]}", "too many levels", __LINE__},
};

#define XML(inner)                                                                     \
	"<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"     \
	"<AssumeRoleResult><Credentials>" inner "</Credentials>"                       \
	"<AssumedRoleUser><Arn>a</Arn></AssumedRoleUser></AssumeRoleResult>"           \
	"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"                \
	"</AssumeRoleResponse>"
#define X_ID "<AccessKeyId>ASIA1</AccessKeyId>"
#define X_SECRET "<SecretAccessKey>s/+=</SecretAccessKey>"
#define X_TOKEN "<SessionToken>t0k==</SessionToken>"
#define X_UNTIL "<Expiration>2026-01-31T10:15:00Z</Expiration>"
#define X_ALL X_ID X_SECRET X_TOKEN X_UNTIL

static const struct {
	const char *text, *seen;
	int line;
} xml[] = {
	{XML(X_ALL), "ASIA1 s/+= t0k== 1769854500000", __LINE__},
	{XML("\n  " X_UNTIL X_TOKEN "<New>x</New>" X_SECRET X_ID "\n"),
		"ASIA1 s/+= t0k== 1769854500000", __LINE__},
	{XML(X_SECRET X_TOKEN X_UNTIL), "no usable AccessKeyId", __LINE__},
	{XML(X_ID X_TOKEN X_UNTIL), "no usable SecretAccessKey", __LINE__},
	{XML(X_ID X_SECRET X_UNTIL), "no usable session token", __LINE__},
	{XML(X_ID X_SECRET X_TOKEN), "no Expiration", __LINE__},
	{XML(X_ID X_SECRET X_TOKEN "<Expiration>x</Expiration>"),
		"no usable Expiration", __LINE__},
	{XML(X_ALL X_ID), "two sets of keys", __LINE__},
	{XML("<x>" X_ALL "</x>"), "no Expiration", __LINE__},
	{XML(X_SECRET X_TOKEN X_UNTIL "<AccessKeyId>a b</AccessKeyId>"),
		"no usable AccessKeyId", __LINE__},
	{"<Credentials>" X_ALL "</Credentials>", "not an answer to AssumeRole",
		__LINE__},
	{"<AssumeRoleWithSAMLResponse/>", "not an answer to AssumeRole", __LINE__},
	{"<AssumeRoleResponse>", "XML, line 1", __LINE__},
	{"<!DOCTYPE x>" XML(X_ALL), "a document type", __LINE__},
	{"<html><body>503</body></html>", "not an answer to AssumeRole", __LINE__},
	{"", "XML, line 1", __LINE__},
};

static char *
look_of(int rc, struct keyset *keys, const struct err *err)
{
	char *text;

	if (rc < 0) {
		ck_assert_ptr_null(keys->id);
		return xstrdup(err->text);
	}
	text = xasprintf("%s %s %s %lld", keys->id, keys->secret.text, keys->token.text,
		(long long)keys->expires_wall);
	keyset_fini(keys);
	return text;
}

START_TEST(test_json)
{
	for (size_t i = 0; i < COUNT_OF(json); i++) {
		struct keyset keys = {0};
		struct err err = {0};
		int rc = keyset_parse_json(json[i].text, strlen(json[i].text), &keys,
			&err);
		AUTO(free) char *seen = look_of(rc, &keys, &err);

		ck_assert_msg(strstr(seen, json[i].seen) != NULL, "line %d: %s",
			json[i].line, seen);
		/* What is refused may have been a secret all the same. */
		if (rc < 0)
			ck_assert_msg(strstr(seen, "s/+=") == NULL, "line %d: %s",
				json[i].line, seen);
	}
}
END_TEST

START_TEST(test_json_says_what_is_wrong_there)
{
	static const char text[] =
		"{\"Code\":\"InstanceProfileNotFound\",\"Message\":\"gone\"}";
	struct keyset keys = {0};
	struct err err = {0};

	ck_assert_int_lt(keyset_parse_json(text, strlen(text), &keys, &err), 0);
	ck_assert_int_eq(err.code, ERR_SERVICE);
	ck_assert_str_eq(err.origin, "InstanceProfileNotFound");
	ck_assert_str_eq(err.origin_text, "gone");
}
END_TEST

START_TEST(test_lengths)
{
	static const struct {
		size_t len;
		bool good;
	} cases[] = {{16384, true}, {16385, false}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(buf) struct buf text = {0};
		struct keyset keys = {0};

		buf_puts(&text, "{" ID "," SECRET ",\"Token\":\"");
		for (size_t n = 0; n < cases[i].len; n++)
			buf_putc(&text, 't');
		buf_puts(&text, "\"}");
		ck_assert_int_eq(keyset_parse_json(text.data, text.len, &keys, NULL) ==
				0,
			cases[i].good);
		keyset_fini(&keys);
	}
}
END_TEST

START_TEST(test_sts)
{
	for (size_t i = 0; i < COUNT_OF(xml); i++) {
		struct keyset keys = {0};
		struct err err = {0};
		int rc = keyset_parse_sts("AssumeRole", xml[i].text,
			strlen(xml[i].text), &keys, &err);
		AUTO(free) char *seen = look_of(rc, &keys, &err);

		ck_assert_msg(strstr(seen, xml[i].seen) != NULL, "line %d: %s",
			xml[i].line, seen);
		if (rc < 0)
			ck_assert_int_eq(err.code, ERR_PARSE);
	}
}
END_TEST

START_TEST(test_move)
{
	struct keyset a = {.id = xstrdup("A"), .expires_wall = 1};
	struct keyset b = {.id = xstrdup("B"), .expires_wall = 2};

	secret_set(&b.secret, "s");
	keyset_move(&a, &b);
	ck_assert_str_eq(a.id, "B");
	ck_assert_str_eq(a.secret.text, "s");
	ck_assert_int_eq(a.expires_wall, 2);
	ck_assert_ptr_null(b.id);
	ck_assert_ptr_null(b.secret.text);
	keyset_fini(&a);
	keyset_fini(&a);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("keyset");
	TCase *tc = tcase_create("keyset");

	tcase_add_test(tc, test_json);
	tcase_add_test(tc, test_json_says_what_is_wrong_there);
	tcase_add_test(tc, test_lengths);
	tcase_add_test(tc, test_sts);
	tcase_add_test(tc, test_move);
	suite_add_tcase(suite, tc);
	return suite;
}
