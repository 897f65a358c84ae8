/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures against AWS's published examples (the IAM example of the documentation and
 * the vectors of the old test suite), and each way of being refused.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sim/error.h"
#include "sim/keys.h"
#include "sim/sigv4.h"
#include "sys/crypto.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ID "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define AT "2015-08-30T12:36:00Z"
#define DATE "X-Amz-Date: 20150830T123600Z\n"
#define HOST "Host: example.amazonaws.com\n"
#define SCOPE ID "/20150830/us-east-1/service/aws4_request"

struct request {
	const char *headers; /* "Name: value\n", each */
	char value[512];
};

static const char *
header(void *arg, const char *name)
{
	struct request *r = arg;
	size_t name_len = strlen(name);

	for (const char *p = r->headers; *p != '\0'; p += strcspn(p, "\n") + 1) {
		size_t len = strcspn(p, "\n");

		if (strncasecmp(p, name, name_len) != 0 || p[name_len] != ':')
			continue;
		ck_assert_uint_lt(len, sizeof(r->value));
		memcpy(r->value, p + name_len + 2, len - name_len - 2);
		r->value[len - name_len - 2] = '\0';
		return r->value;
	}
	return NULL;
}

static int
verify(struct sim_keys *keys, const char *method, const char *target,
	const char *headers, const char *body, const char *at, struct sim_error *error)
{
	struct request r = {.headers = headers};
	struct sim_http http = {method, target, body, strlen(body), header, &r};
	struct sim_identity identity;
	int64_t now_ms;

	*error = (struct sim_error){0};
	ck_assert_int_eq(clock_parse(at, &now_ms), 0);
	return sim_sigv4_verify(keys, &http, now_ms, &identity, error);
}

static struct sim_keys *
example_keys(void)
{
	struct sim_keys *keys = sim_keys_new();

	sim_keys_add(keys, ID, SECRET, NULL);
	return keys;
}

static const struct {
	int line;
	const char *method, *target, *headers, *signed_headers, *scope, *body,
		*signature;
} vectors[] = {
	/* get-vanilla */
	{__LINE__, "GET", "/", HOST DATE, "host;x-amz-date", SCOPE, "",
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	/* post-vanilla */
	{__LINE__, "POST", "/", HOST DATE, "host;x-amz-date", SCOPE, "",
		"5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
	/* get-vanilla-query-order-key-case */
	{__LINE__, "GET", "/?Param2=value2&Param1=value1", HOST DATE, "host;x-amz-date",
		SCOPE, "",
		"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	/* post-x-www-form-urlencoded */
	{__LINE__, "POST", "/",
		"Content-Type: application/x-www-form-urlencoded\n" HOST DATE,
		"content-type;host;x-amz-date", SCOPE, "Param1=value1",
		"ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	/* the documentation's ListUsers */
	{__LINE__, "GET", "/?Action=ListUsers&Version=2010-05-08",
		"Host: iam.amazonaws.com\nContent-Type: application/x-www-form-urlencoded; "
		"charset=utf-8\n" DATE,
		"content-type;host;x-amz-date",
		ID "/20150830/us-east-1/iam/aws4_request", "",
		"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
};

/* Headers with an Authorization in front. */
static char *
authorized(const char *scope, const char *signed_headers, const char *signature,
	const char *headers)
{
	return xasprintf(
		"Authorization: AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=%s, "
		"Signature=%s\n%s",
		scope, signed_headers, signature, headers);
}

START_TEST(published)
{
	struct sim_keys *keys = example_keys();

	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		AUTO(free)
		char *headers = authorized(vectors[i].scope, vectors[i].signed_headers,
			vectors[i].signature, vectors[i].headers);
		struct sim_error error;
		int ret = verify(keys, vectors[i].method, vectors[i].target, headers,
			vectors[i].body, AT, &error);

		ck_assert_msg(ret == 0, "line %d: %s %s", vectors[i].line, error.code,
			error.message);
	}
	sim_keys_free(keys);
}
END_TEST

/* One change anywhere, and the signature is not good any more. */
START_TEST(changed)
{
	static const struct {
		int line;
		const char *method, *target, *body, *headers;
	} changes[] = {
		{__LINE__, "GET", "/", "Param1=value1", HOST DATE},
		{__LINE__, "POST", "/x", "Param1=value1", HOST DATE},
		{__LINE__, "POST", "/?a=1", "Param1=value1", HOST DATE},
		{__LINE__, "POST", "/", "Param1=value2", HOST DATE},
		{__LINE__, "POST", "/", "Param1=value1", "Host: evil.example\n" DATE},
		{__LINE__, "POST", "/", "Param1=value1",
			HOST "X-Amz-Date: 20150830T123601Z\n"},
	};
	struct sim_keys *keys = example_keys();

	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		AUTO(free)
		char *rest =
			xasprintf("Content-Type: application/x-www-form-urlencoded\n%s",
				changes[i].headers);
		AUTO(free)
		char *headers = authorized(SCOPE, "content-type;host;x-amz-date",
			vectors[3].signature, rest);
		struct sim_error error;

		ck_assert_msg(verify(keys, changes[i].method, changes[i].target,
				      headers, changes[i].body, AT, &error) == -1,
			"line %d", changes[i].line);
		ck_assert_msg(strcmp(error.code, "SignatureDoesNotMatch") == 0,
			"line %d: %s", changes[i].line, error.code);
	}
	sim_keys_free(keys);
}
END_TEST

#define SIG "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
#define AUTHORIZATION(text) "Authorization: " text "\n"
#define GOOD                                                                           \
	"AWS4-HMAC-SHA256 Credential=" SCOPE                                           \
	", SignedHeaders=host;x-amz-date, Signature=" SIG

static const struct {
	int line;
	const char *headers, *at, *code;
	int status;
} refusals[] = {
	{__LINE__, HOST DATE AUTHORIZATION(GOOD), AT, "", 0},
	{__LINE__, HOST DATE, AT, "MissingAuthenticationToken", 403},
	{__LINE__, HOST DATE AUTHORIZATION("Basic eDp5"), AT, "IncompleteSignature",
		400},
	{__LINE__, HOST DATE AUTHORIZATION("AWS4-HMAC-SHA256"), AT,
		"IncompleteSignature", 400},
	{__LINE__,
		HOST DATE AUTHORIZATION(
			"AWS4-HMAC-SHA256 SignedHeaders=host, Signature=" SIG),
		AT, "IncompleteSignature", 400},
	{__LINE__,
		HOST DATE AUTHORIZATION(
			"AWS4-HMAC-SHA256 Credential=" ID "/20150830/x/ec2, "
			"SignedHeaders=host, Signature=" SIG),
		AT, "IncompleteSignature", 400},
	{__LINE__,
		HOST DATE AUTHORIZATION(
			"AWS4-HMAC-SHA256 Credential=" SCOPE ", Signature=" SIG),
		AT, "IncompleteSignature", 400},
	{__LINE__,
		HOST DATE AUTHORIZATION(
			"AWS4-HMAC-SHA256 Credential=" SCOPE
			", SignedHeaders=host;x-amz-date, Signature=12"),
		AT, "IncompleteSignature", 400},
	{__LINE__,
		HOST DATE AUTHORIZATION("AWS4-HMAC-SHA256 Credential=" SCOPE
					", SignedHeaders=host, Signature=" SIG),
		AT, "SignatureDoesNotMatch", 403},
	{__LINE__, HOST DATE "X-Amz-Security-Token: t\n" AUTHORIZATION(GOOD), AT,
		"SignatureDoesNotMatch", 403},
	{__LINE__,
		HOST DATE AUTHORIZATION(
			"AWS4-HMAC-SHA256 Credential=" SCOPE
			", SignedHeaders=absent;host;x-amz-date, Signature=" SIG),
		AT, "IncompleteSignature", 400},
	{__LINE__, HOST AUTHORIZATION(GOOD), AT, "IncompleteSignature", 400},
	{__LINE__, HOST "X-Amz-Date: 2015-08-30\n" AUTHORIZATION(GOOD), AT,
		"IncompleteSignature", 400},
	{__LINE__, HOST "X-Amz-Date: 20150831T003600Z\n" AUTHORIZATION(GOOD),
		"2015-08-31T00:36:00Z", "SignatureDoesNotMatch", 403},
	{__LINE__, HOST DATE AUTHORIZATION(GOOD), "2015-08-30T12:51:00Z", "", 0},
	{__LINE__, HOST DATE AUTHORIZATION(GOOD), "2015-08-30T12:51:01Z",
		"RequestExpired", 400},
	{__LINE__, HOST DATE AUTHORIZATION(GOOD), "2015-08-30T12:21:00Z", "", 0},
	{__LINE__, HOST DATE AUTHORIZATION(GOOD), "2015-08-30T12:20:59Z",
		"RequestInTheFuture", 400},
};

START_TEST(refused)
{
	struct sim_keys *keys = example_keys();

	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct sim_error error;

		verify(keys, "GET", "/", refusals[i].headers, "", refusals[i].at,
			&error);
		ck_assert_msg(strcmp(error.code, refusals[i].code) == 0,
			"line %d: '%s' %s", refusals[i].line, error.code,
			error.message);
		ck_assert_msg(error.status == refusals[i].status, "line %d: %d",
			refusals[i].line, error.status);
	}
	sim_keys_free(keys);
}
END_TEST

/* An own, independent signature of "GET /" for a service and secret. */
static char *
sign(const char *id, const char *secret, const char *service, const char *token)
{
	static const char empty[] =
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	AUTO(free)
	char *canonical = xasprintf("GET\n/\n\nhost:h\nx-amz-date:20150830T123600Z\n"
				    "%s%s%s\nhost;x-amz-date%s\n%s",
		token != NULL ? "x-amz-security-token:" : "",
		token != NULL ? token : "", token != NULL ? "\n" : "",
		token != NULL ? ";x-amz-security-token" : "", empty);
	AUTO(free) char *start = xasprintf("AWS4%s", secret);
	char hex[CRYPTO_HEX_SIZE];
	AUTO(free)
	char *to_sign = xasprintf(
		"AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/r/%s/aws4_request\n%s",
		service, crypto_sha256_hex(canonical, strlen(canonical), hex));
	const char *parts[] = {"20150830", "r", service, "aws4_request", to_sign};
	unsigned char key[2][CRYPTO_SHA256_SIZE];

	crypto_hmac_sha256(start, strlen(start), parts[0], strlen(parts[0]), key[0]);
	for (size_t i = 1; i < COUNT_OF(parts); i++)
		crypto_hmac_sha256(key[(i - 1) % 2], CRYPTO_SHA256_SIZE, parts[i],
			strlen(parts[i]), key[i % 2]);
	crypto_hex(key[0], CRYPTO_SHA256_SIZE, hex);
	return xasprintf(
		"Host: h\n" DATE
		"%s%s%sAuthorization: AWS4-HMAC-SHA256 Credential=%s/20150830/r/%s/"
		"aws4_request, SignedHeaders=host;x-amz-date%s, Signature=%s\n",
		token != NULL ? "X-Amz-Security-Token: " : "",
		token != NULL ? token : "", token != NULL ? "\n" : "", id, service,
		token != NULL ? ";x-amz-security-token" : "", hex);
}

#define NONE NULL

static const struct {
	int line;
	bool any; /* no keys are configured */
	const char *id, *secret, *service, *token, *code;
} key_cases[] = {
	{__LINE__, true, "whoever", "test", "ec2", NONE, ""},
	{__LINE__, true, "whoever", "whoever", "ec2", NONE, ""},
	{__LINE__, true, "whoever", "test", "ec2", "session", ""},
	{__LINE__, true, "whoever", "wrong", "ec2", NONE, "AuthFailure"},
	{__LINE__, true, "whoever", "wrong", "sts", NONE, "SignatureDoesNotMatch"},
	{__LINE__, false, ID, SECRET, "ec2", NONE, ""},
	{__LINE__, false, ID, SECRET, "ec2", "session", ""},
	{__LINE__, false, ID, "test", "ec2", NONE, "AuthFailure"},
	{__LINE__, false, ID, ID, "ec2", NONE, "AuthFailure"},
	{__LINE__, false, "whoever", "test", "ec2", NONE, "AuthFailure"},
	{__LINE__, false, "whoever", "test", "sts", NONE, "InvalidClientTokenId"},
	{__LINE__, false, "ASIA", "temporary", "ec2", "session", ""},
	{__LINE__, false, "ASIA", "temporary", "ec2", "another", "AuthFailure"},
	{__LINE__, false, "ASIA", "temporary", "ec2", NONE, "AuthFailure"},
};

START_TEST(keys_and_secrets)
{
	for (size_t i = 0; i < COUNT_OF(key_cases); i++) {
		struct sim_keys *keys = key_cases[i].any ? sim_keys_new()
							 : example_keys();
		AUTO(free)
		char *headers = sign(key_cases[i].id, key_cases[i].secret,
			key_cases[i].service, key_cases[i].token);
		struct sim_error error;

		if (!key_cases[i].any)
			sim_keys_add(keys, "ASIA", "temporary", "session");
		verify(keys, "GET", "/", headers, "", AT, &error);
		ck_assert_msg(strcmp(error.code, key_cases[i].code) == 0,
			"line %d: '%s' %s", key_cases[i].line, error.code,
			error.message);
		sim_keys_free(keys);
	}
}
END_TEST

/* More scopes than derived keys are kept. */
START_TEST(many_scopes)
{
	struct sim_keys *keys = sim_keys_new();

	for (int i = 0; i < 1000; i++) {
		AUTO(free) char *service = xasprintf("s%d", i);
		AUTO(free) char *headers = sign("id", "test", service, NULL);
		struct sim_error error;

		ck_assert_int_eq(verify(keys, "GET", "/", headers, "", AT, &error), 0);
	}
	sim_keys_free(keys);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("sim_sigv4");
	TCase *all = tcase_create("all");

	tcase_add_test(all, published);
	tcase_add_test(all, changed);
	tcase_add_test(all, refused);
	tcase_add_test(all, keys_and_secrets);
	tcase_add_test(all, many_scopes);
	suite_add_tcase(suite, all);
	return suite;
}
