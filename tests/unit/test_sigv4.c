/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AWS's published figures: the ListUsers example of the IAM user guide and requests of the
 * Signature Version 4 test suite.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "ec2/sigv4.h"
#include "sys/crypto.h"
#include "unit.h"

#include <string.h>

#define WALL_MS 1440938160000 /* 2015-08-30T12:36:00Z */
#define TOKEN                                                                          \
	"AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBu" \
	"FqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmU" \
	"pp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY" \
	"9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvK" \
	"Tr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

static const struct sigv4_keys keys = {
	.id = "AKIDEXAMPLE",
	.secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

static const struct sigv4_keys session_keys = {
	.id = "AKIDEXAMPLE",
	.secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
	.token = TOKEN,
};

static const struct {
	const struct sigv4_keys *keys;
	struct sigv4_request request;
	const char *headers, *signature;
	int line;
} published[] = {
	{
		.keys = &keys,
		.request =
			{
				.method = "GET",
				.host = "iam.amazonaws.com",
				.path = "/",
				.query = "Action=ListUsers&Version=2010-05-08",
				.content_type =
					"application/x-www-form-urlencoded; charset=utf-8",
				.region = "us-east-1",
				.service = "iam",
				.wall_ms = WALL_MS,
			},
		.headers = "content-type;host;x-amz-date",
		.signature =
			"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
		.line = __LINE__,
	},
	{
		.keys = &keys,
		.request =
			{
				.method = "GET",
				.host = "example.amazonaws.com",
				.path = "/",
				.query = "",
				.region = "us-east-1",
				.service = "service",
				.wall_ms = WALL_MS,
			},
		.headers = "host;x-amz-date",
		.signature =
			"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
		.line = __LINE__,
	},
	{
		.keys = &keys,
		.request =
			{
				.method = "POST",
				.host = "example.amazonaws.com",
				.path = "/",
				.query = "",
				.content_type = "application/x-www-form-urlencoded",
				.body = "Param1=value1",
				.body_len = 13,
				.region = "us-east-1",
				.service = "service",
				.wall_ms = WALL_MS + 999,
			},
		.headers = "content-type;host;x-amz-date",
		.signature =
			"ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
		.line = __LINE__,
	},
	{
		.keys = &session_keys,
		.request =
			{
				.method = "POST",
				.host = "example.amazonaws.com",
				.path = "/",
				.query = "",
				.region = "us-east-1",
				.service = "service",
				.wall_ms = WALL_MS,
			},
		.headers = "host;x-amz-date;x-amz-security-token",
		.signature =
			"85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
		.line = __LINE__,
	},
};

START_TEST(test_published_signatures)
{
	for (size_t i = 0; i < COUNT_OF(published); i++) {
		AUTO(buf) struct buf authorization = {0};
		AUTO(free) char *expected = NULL;
		char date[SIGV4_DATE_SIZE];

		expected = xasprintf("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/"
				     "us-east-1/%s/aws4_request, SignedHeaders=%s, "
				     "Signature=%s",
			published[i].request.service, published[i].headers,
			published[i].signature);
		sigv4_sign(&published[i].request, published[i].keys, NULL, date,
			&authorization);
		ck_assert_str_eq(date, "20150830T123600Z");
		ck_assert_msg(strcmp(buf_str(&authorization), expected) == 0,
			"line %d: %s", published[i].line, buf_str(&authorization));
	}
}
END_TEST

START_TEST(test_derived_key)
{
	AUTO(buf) struct buf authorization = {0};
	struct sigv4_cache cache = {0};
	char date[SIGV4_DATE_SIZE], hex[CRYPTO_HEX_SIZE];

	sigv4_sign(&published[0].request, &keys, &cache, date, &authorization);
	ck_assert_str_eq(crypto_hex(cache.key, sizeof(cache.key), hex),
		"c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
	ck_assert_str_eq(cache.scope, "20150830/us-east-1/iam/aws4_request");
	sigv4_cache_fini(&cache);
	for (size_t i = 0; i < sizeof(cache.key); i++)
		ck_assert_uint_eq(cache.key[i], 0);
	ck_assert_str_eq(cache.scope, "");
}
END_TEST

static char *
sign(const struct sigv4_request *r, const struct sigv4_keys *k,
	struct sigv4_cache *cache)
{
	struct buf authorization = {0};
	char date[SIGV4_DATE_SIZE];

	sigv4_sign(r, k, cache, date, &authorization);
	return buf_take(&authorization);
}

/* Whatever changes, a used cache gives the same as none. */
START_TEST(test_cache_is_never_stale)
{
	static const struct sigv4_keys other = {.id = "AKIDEXAMPLE",
		.secret = "another"};
	struct sigv4_cache cache = {0};
	struct {
		struct sigv4_request request;
		const struct sigv4_keys *keys;
	} steps[7];

	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		steps[i].request = published[0].request;
		steps[i].keys = &keys;
	}
	steps[1].keys = &other;
	steps[2].request.wall_ms += 86400000;
	steps[3].request.region = "eu-west-1";
	steps[4].request.service = "ec2";
	steps[5].request.region =
		"a-region-whose-name-is-so-long-that-no-cache-holds-it-"
		"and-it-must-be-signed-all-the-same-without-one-"
		"however-long-it-may-yet-become-"
		"one-day";
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		AUTO(free)
		char *cached = sign(&steps[i].request, steps[i].keys, &cache);
		AUTO(free) char *fresh = sign(&steps[i].request, steps[i].keys, NULL);

		ck_assert_msg(strcmp(cached, fresh) == 0, "step %zu", i);
	}
	sigv4_cache_fini(&cache);
}
END_TEST

START_TEST(test_target_is_signed)
{
	struct sigv4_request r = published[0].request;
	AUTO(free) char *without = sign(&r, &keys, NULL);
	AUTO(free) char *with = NULL;

	r.target = "AmazonSSM.GetParameter";
	with = sign(&r, &keys, NULL);
	ck_assert_ptr_nonnull(strstr(with, "x-amz-date;x-amz-target, "));
	ck_assert_str_ne(strstr(with, "Signature="), strstr(without, "Signature="));
}
END_TEST

START_TEST(test_header_values_are_trimmed)
{
	struct sigv4_request r = published[2].request;
	AUTO(free) char *plain = sign(&r, &keys, NULL);
	AUTO(free) char *spaced = NULL;

	r.host = "  example.amazonaws.com\t";
	spaced = sign(&r, &keys, NULL);
	ck_assert_str_eq(spaced, plain);
}
END_TEST

START_TEST(test_dates_at_the_edges)
{
	static const struct {
		int64_t wall_ms;
		const char *date;
		int line;
	} cases[] = {
		{-1, "19700101T000000Z", __LINE__},
		{0, "19700101T000000Z", __LINE__},
		{951782399999, "20000228T235959Z", __LINE__},
		{951782400000, "20000229T000000Z", __LINE__},
		{253402300799999, "99991231T235959Z", __LINE__},
		{INT64_MAX, "99991231T235959Z", __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct sigv4_request r = published[0].request;
		AUTO(buf) struct buf authorization = {0};
		char date[SIGV4_DATE_SIZE];

		r.wall_ms = cases[i].wall_ms;
		sigv4_sign(&r, &keys, NULL, date, &authorization);
		ck_assert_msg(strcmp(date, cases[i].date) == 0, "line %d: %s",
			cases[i].line, date);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("sigv4");
	TCase *tc = tcase_create("sigv4");

	tcase_add_test(tc, test_published_signatures);
	tcase_add_test(tc, test_derived_key);
	tcase_add_test(tc, test_cache_is_never_stale);
	tcase_add_test(tc, test_target_is_signed);
	tcase_add_test(tc, test_header_values_are_trimmed);
	tcase_add_test(tc, test_dates_at_the_edges);
	suite_add_tcase(suite, tc);
	return suite;
}
