/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/mem.h"
#include "ec2/container.h"
#include "look_rig.h"
#include "peer.h"
#include "sys/loop.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

#define RELATIVE "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
#define REFUSED "is neither https:// nor http:// to this machine or its link"

/* Which URLs may be asked; url NULL: refused with text. */
static const struct {
	const char *relative, *full, *url, *text;
	int line;
} urls[] = {
	{"/v2/credentials/x", NULL, "http://169.254.170.2/v2/credentials/x", NULL,
		__LINE__},
	{"/x", "http://127.0.0.1/y", "http://169.254.170.2/x", NULL, __LINE__},
	{"x", NULL, NULL, "does not begin with a slash", __LINE__},
	{"@evil.example.org/", NULL, NULL, "does not begin with a slash", __LINE__},
	{NULL, "http://127.0.0.1:51679/x", "http://127.0.0.1:51679/x", NULL, __LINE__},
	{NULL, "http://127.9.9.9/x", "http://127.9.9.9/x", NULL, __LINE__},
	{NULL, "http://[::1]:8/x", "http://[::1]:8/x", NULL, __LINE__},
	{NULL, "http://[::1]", "http://[::1]", NULL, __LINE__},
	{NULL, "HTTP://169.254.170.2/x", "HTTP://169.254.170.2/x", NULL, __LINE__},
	{NULL, "http://169.254.170.23/v1/credentials",
		"http://169.254.170.23/v1/credentials", NULL, __LINE__},
	{NULL, "http://[fd00:ec2::23]/v1", "http://[fd00:ec2::23]/v1", NULL, __LINE__},
	{NULL, "https://example.org/x", "https://example.org/x", NULL, __LINE__},
	{NULL, "http://169.254.169.254/x", NULL, REFUSED, __LINE__},
	{NULL, "http://169.254.170.24/x", NULL, REFUSED, __LINE__},
	{NULL, "http://10.0.0.1/x", NULL, REFUSED, __LINE__},
	{NULL, "http://128.0.0.1/x", NULL, REFUSED, __LINE__},
	{NULL, "http://localhost/x", NULL, REFUSED, __LINE__},
	{NULL, "http://127.0.0.1.example.org/x", NULL, REFUSED, __LINE__},
	{NULL, "http://127.0.0.1@example.org/x", NULL, REFUSED, __LINE__},
	{NULL, "http://127.0.0.1:1@example.org/x", NULL, REFUSED, __LINE__},
	{NULL, "http://[::1]@example.org/x", NULL, REFUSED, __LINE__},
	{NULL, "http://[::1/x", NULL, REFUSED, __LINE__},
	{NULL, "http://[fd00:ec2::24]/x", NULL, REFUSED, __LINE__},
	{NULL, "http://127.1/x", NULL, REFUSED, __LINE__},
	{NULL, "http://2130706433/x", NULL, REFUSED, __LINE__},
	{NULL, "http:///x", NULL, REFUSED, __LINE__},
	{NULL, "file:///etc/passwd", NULL, REFUSED, __LINE__},
	{NULL, "127.0.0.1/x", NULL, REFUSED, __LINE__},
	{NULL, NULL, NULL, REFUSED, __LINE__},
};

static void
set(const char *name, const char *value)
{
	if (value != NULL)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

START_TEST(test_urls)
{
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		AUTO(free) char *url = NULL;
		struct err err = {0};

		set(RELATIVE, urls[i].relative);
		set(FULL, urls[i].full);
		ck_assert_int_eq(container_is_set(),
			urls[i].relative != NULL || urls[i].full != NULL);
		if (container_url(&url, &err) == 0)
			ck_assert_msg(str_equal(url, urls[i].url), "line %d: %s",
				urls[i].line, url);
		else
			ck_assert_msg(urls[i].url == NULL &&
					strstr(err.text, urls[i].text) != NULL,
				"line %d: %s", urls[i].line, err.text);
	}
}
END_TEST

static void
ask(const struct talk_row *rows, size_t count, struct found *f)
{
	AUTO(free) char *url = talk_url(&look_rig.talk, "/creds?x=1");

	setenv(FULL, url, 1);
	talk_script(&look_rig.talk, rows, count);
	container_start(look_rig.loop, look_rig.http, NULL, on_look, f);
	found_wait(f);
	talk_check(&look_rig.talk);
}

#define ASK "GET /creds?x=1"
#define GOOD GIVES(200, TALK_JSON("A", UNTIL))

/* What proves who asks. */
static const struct {
	const char *token, *file;
	struct talk_row row;
	const char *text;
	int line;
} tokens[] = {
	{NULL, NULL, {ASK, "Authorization:", NULL, GOOD}, "A s-A t-A", __LINE__},
	{"Basic abc", NULL, {ASK, "Authorization: Basic abc", NULL, GOOD}, "A s-A t-A",
		__LINE__},
	{"Basic abc", "file-token\n", {ASK, "Authorization: file-token", NULL, GOOD},
		"A s-A t-A", __LINE__},
	{NULL, "two\nlines", {.asks = NULL}, TOKEN_FILE " holds none", __LINE__},
	{"a", "", {.asks = NULL}, TOKEN_FILE " holds none", __LINE__},
	{"a\r\nX-More: b", NULL, {.asks = NULL}, TOKEN " holds none", __LINE__},
};

START_TEST(test_tokens)
{
	for (size_t i = 0; i < COUNT_OF(tokens); i++) {
		struct found f = {0};

		set(TOKEN, tokens[i].token);
		set(TOKEN_FILE, tokens[i].file != NULL ? "token" : NULL);
		if (tokens[i].file != NULL)
			look_write("token", 0600, tokens[i].file);
		ask(&tokens[i].row, tokens[i].row.asks != NULL, &f);
		ck_assert_msg(strstr(f.text, tokens[i].text) != NULL, "line %d: %s",
			tokens[i].line, f.text);
		ck_assert_ptr_null(strstr(f.text, "lines"));
		found_fini(&f);
	}
}
END_TEST

START_TEST(test_missing_token_file)
{
	struct found f = {0};

	setenv(TOKEN_FILE, "nowhere", 1);
	ask(NULL, 0, &f);
	ck_assert_int_eq(f.look, LOOK_FAILED);
	ck_assert_ptr_nonnull(strstr(f.text, TOKEN_FILE ": nowhere"));
	found_fini(&f);
}
END_TEST

static const struct {
	struct talk_row rows[3];
	int code;
	const char *text;
	int line;
} answers[] = {
	{{{ASK, NULL, NULL, GIVES(503, "")}, {ASK, NULL, NULL, GOOD}}, ERR_NONE,
		"A s-A t-A", __LINE__},
	{{{ASK, NULL, NULL, .way = TALK_DROP}, {ASK, NULL, NULL, GOOD}}, ERR_NONE,
		"A s-A t-A", __LINE__},
	{{{ASK, NULL, NULL, GIVES(500, "")}, {ASK, NULL, NULL, GIVES(500, "")}},
		ERR_NETWORK, "container credentials: HTTP status 500", __LINE__},
	{{{ASK, NULL, NULL, GIVES(429, "")}}, ERR_NETWORK, "HTTP status 429", __LINE__},
	{{{ASK, NULL, NULL, GIVES(403, "secret?")}}, ERR_SERVICE, "HTTP status 403",
		__LINE__},
	{{{ASK, NULL, NULL, GIVES(301, "")}}, ERR_SERVICE, "HTTP status 301", __LINE__},
	{{{ASK, NULL, NULL, GIVES(200, "<html>")}}, ERR_PARSE, "not a JSON object",
		__LINE__},
	{{{ASK, NULL, NULL, GIVES(200, "{\"AccessKeyId\":\"A\"}")}}, ERR_PARSE,
		"no usable SecretAccessKey", __LINE__},
};

START_TEST(test_answers)
{
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		struct found f = {0};
		size_t count = 0;

		while (answers[i].rows[count].asks != NULL)
			count++;
		ask(answers[i].rows, count, &f);
		ck_assert_msg(strstr(f.text, answers[i].text) != NULL, "line %d: %s",
			answers[i].line, f.text);
		ck_assert_msg(f.code == answers[i].code, "line %d: %d", answers[i].line,
			f.code);
		ck_assert_ptr_null(strstr(f.text, "secret?"));
		found_fini(&f);
	}
}
END_TEST

START_TEST(test_never_through_a_proxy)
{
	static const struct talk_row rows[] = {{ASK, NULL, NULL, GOOD}};
	AUTO(free) char *proxy = xasprintf("http://127.0.0.1:%d", peer_closed_port());
	struct found f = {0};

	setenv("http_proxy", proxy, 1);
	setenv("all_proxy", proxy, 1);
	ask(rows, COUNT_OF(rows), &f);
	ck_assert_str_eq(f.text, "A s-A t-A");
	found_fini(&f);
}
END_TEST

START_TEST(test_cancel)
{
	static const struct talk_row rows[] = {{ASK, NULL, NULL, .way = TALK_HOLD}};
	AUTO(free) char *url = talk_url(&look_rig.talk, "/creds?x=1");
	struct container_call *call;
	struct found f = {0};

	container_cancel(NULL);
	setenv(FULL, url, 1);
	talk_script(&look_rig.talk, rows, COUNT_OF(rows));
	call = container_start(look_rig.loop, look_rig.http, NULL, on_look, &f);
	while (look_rig.talk.held == NULL)
		loop_turn(look_rig.loop, true);
	container_cancel(call);
	look_linger();
	ck_assert_uint_eq(f.count, 0);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("container");
	TCase *tc = tcase_create("container");

	tcase_add_checked_fixture(tc, look_setup, look_teardown);
	tcase_add_test(tc, test_urls);
	tcase_add_test(tc, test_tokens);
	tcase_add_test(tc, test_missing_token_file);
	tcase_add_test(tc, test_answers);
	tcase_add_test(tc, test_never_through_a_proxy);
	tcase_add_test(tc, test_cancel);
	suite_add_tcase(suite, tc);
	return suite;
}
