/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation with a metadata service, and with one that misbehaves.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/imds.h"
#include "look_rig.h"
#include "peer.h"
#include "sys/loop.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define TOKEN "PUT /latest/api/token"
#define ROLES "GET /latest/meta-data/iam/security-credentials/"
#define INSTANCE "GET /latest/meta-data/instance-id"
#define TTL "X-aws-ec2-metadata-token-ttl-seconds: 21600"
#define WITH(token) "X-aws-ec2-metadata-token: " token

static void
ask(const struct talk_row *rows, size_t count, struct found *f)
{
	AUTO(free) char *url = talk_url(&look_rig.talk, "");

	talk_script(&look_rig.talk, rows, count);
	imds_start(look_rig.loop, look_rig.http, url, on_look, f);
	found_wait(f);
	talk_check(&look_rig.talk);
}

START_TEST(test_role)
{
	static const struct talk_row rows[] = {
		{TOKEN, TTL, NULL, GIVES(200, "tok-1==")},
		{ROLES, WITH("tok-1=="), NULL, GIVES(200, "ci-role\n")},
		{ROLES "ci-role", WITH("tok-1=="), NULL,
			GIVES(200, TALK_JSON("ASIA", UNTIL))},
	};
	struct found f = {0};

	ask(rows, COUNT_OF(rows), &f);
	ck_assert_str_eq(f.text, "ASIA s-ASIA t-ASIA");
	found_fini(&f);
}
END_TEST

/* A token that is over is replaced, once, and only the question it spoilt is repeated. */
START_TEST(test_renewed_token)
{
	static const struct talk_row rows[] = {
		{TOKEN, TTL, NULL, GIVES(200, "old")},
		{ROLES, WITH("old"), NULL, GIVES(200, "r")},
		{ROLES "r", WITH("old"), NULL, GIVES(401, "")},
		{TOKEN, TTL, NULL, GIVES(200, "new")},
		{ROLES "r", WITH("new"), NULL, GIVES(200, TALK_JSON("B", UNTIL))},
	};
	static const struct talk_row never[] = {
		{TOKEN, TTL, NULL, GIVES(200, "old")},
		{ROLES, WITH("old"), NULL, GIVES(401, "")},
		{TOKEN, TTL, NULL, GIVES(200, "new")},
		{ROLES, WITH("new"), NULL, GIVES(401, "")},
	};
	struct found f = {0};

	ask(rows, COUNT_OF(rows), &f);
	ck_assert_str_eq(f.text, "B s-B t-B");
	found_fini(&f);
	ask(never, COUNT_OF(never), &f);
	ck_assert_ptr_nonnull(strstr(f.text, "HTTP status 401 to the role's name"));
	ck_assert_int_eq(f.look, LOOK_FAILED);
	found_fini(&f);
}
END_TEST

START_TEST(test_one_repeat_per_question)
{
	static const struct talk_row rows[] = {
		{TOKEN, TTL, NULL, .way = TALK_DROP},
		{TOKEN, TTL, NULL, GIVES(200, "t")},
		{ROLES, WITH("t"), NULL, GIVES(503, "busy")},
		{ROLES, WITH("t"), NULL, GIVES(200, "r")},
		{ROLES "r", WITH("t"), NULL, GIVES(500, "")},
		{ROLES "r", WITH("t"), NULL, GIVES(200, TALK_JSON("A", UNTIL))},
	};
	static const struct talk_row busy[] = {
		{TOKEN, TTL, NULL, GIVES(503, "")},
		{TOKEN, TTL, NULL, GIVES(503, "")},
	};
	struct found f = {0};

	ask(rows, COUNT_OF(rows), &f);
	ck_assert_str_eq(f.text, "A s-A t-A");
	found_fini(&f);
	ask(busy, COUNT_OF(busy), &f);
	ck_assert_int_eq(f.look, LOOK_FAILED);
	ck_assert_int_eq(f.code, ERR_NETWORK);
	found_fini(&f);
}
END_TEST

/* What the service says in place of each answer, and what we make of it. */
#define GOOD_TOKEN                                                                     \
	{                                                                              \
		TOKEN, TTL, NULL, GIVES(200, "t")                                      \
	}
#define GOOD_ROLE                                                                      \
	{                                                                              \
		ROLES, WITH("t"), NULL, GIVES(200, "r")                                \
	}
static const struct refusal {
	struct talk_row rows[4];
	int look, code;
	const char *text;
	int line;
} refusals[] = {
	{{{TOKEN, TTL, NULL, GIVES(404, "")}}, LOOK_FAILED, ERR_CONFIG,
		"it knows no version 2, and version 1 is not used", __LINE__},
	{{{TOKEN, TTL, NULL, GIVES(405, "")}}, LOOK_FAILED, ERR_CONFIG,
		"version 1 is not used", __LINE__},
	{{{TOKEN, TTL, NULL, GIVES(403, "")}}, LOOK_FAILED, ERR_CONFIG,
		"it is turned off", __LINE__},
	{{{TOKEN, TTL, NULL, GIVES(429, "")}}, LOOK_FAILED, ERR_NETWORK,
		"HTTP status 429", __LINE__},
	{{{TOKEN, TTL, NULL, GIVES(302, "")}}, LOOK_FAILED, ERR_SERVICE,
		"HTTP status 302", __LINE__},
	{{{TOKEN, TTL, NULL, GIVES(200, "")}}, LOOK_FAILED, ERR_SERVICE, "is no token",
		__LINE__},
	{{{TOKEN, TTL, NULL, GIVES(200, "<html>")}}, LOOK_FAILED, ERR_SERVICE,
		"is no token", __LINE__},
	{{{TOKEN, TTL, NULL, GIVES(200, "a b")}}, LOOK_FAILED, ERR_SERVICE,
		"is no token", __LINE__},
	{{GOOD_TOKEN, {ROLES, WITH("t"), NULL, GIVES(404, "")}}, LOOK_NONE, ERR_CONFIG,
		"this machine has no role", __LINE__},
	{{GOOD_TOKEN, {ROLES, WITH("t"), NULL, GIVES(200, "")}}, LOOK_FAILED,
		ERR_SERVICE, "no role's name", __LINE__},
	{{GOOD_TOKEN, {ROLES, WITH("t"), NULL, GIVES(200, "../../user-data")}},
		LOOK_FAILED, ERR_SERVICE, "no role's name", __LINE__},
	{{GOOD_TOKEN, {ROLES, WITH("t"), NULL, GIVES(200, "a?b")}}, LOOK_FAILED,
		ERR_SERVICE, "no role's name", __LINE__},
	{{GOOD_TOKEN, GOOD_ROLE, {ROLES "r", WITH("t"), NULL, GIVES(404, "")}},
		LOOK_NONE, ERR_CONFIG, "no role", __LINE__},
	{{GOOD_TOKEN, GOOD_ROLE, {ROLES "r", WITH("t"), NULL, GIVES(200, "{}")}},
		LOOK_FAILED, ERR_PARSE, "role r: no usable AccessKeyId", __LINE__},
	{{GOOD_TOKEN, GOOD_ROLE,
		 {ROLES "r", WITH("t"), NULL,
			 GIVES(200, "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}")}},
		LOOK_FAILED, ERR_SERVICE, "role r: AssumeRoleUnauthorizedAccess",
		__LINE__},
};

START_TEST(test_refusals)
{
	const struct refusal *r = &refusals[_i];
	struct found f = {0};
	size_t count = 0;

	while (count < COUNT_OF(r->rows) && r->rows[count].asks != NULL)
		count++;
	ask(r->rows, count, &f);
	ck_assert_msg(strstr(f.text, r->text) != NULL, "line %d: %s", r->line, f.text);
	ck_assert_msg(strncmp(f.text, "instance metadata at http://127.0.0.1:", 38) ==
			0,
		"%s", f.text);
	ck_assert_msg(f.look == r->look, "line %d: %d", r->line, f.look);
	ck_assert_msg(f.code == r->code, "line %d: %d", r->line, f.code);
	found_fini(&f);
}
END_TEST

START_TEST(test_endless_answers)
{
	AUTO(buf) struct buf body = {0};
	struct talk_row rows[] = {
		GOOD_TOKEN,
		{ROLES, WITH("t"), NULL, .status = 200},
		{ROLES, WITH("t"), NULL, .status = 200},
	};
	struct found f = {0};

	while (body.len <= 65535)
		buf_puts(&body, "role ");
	rows[1].body = rows[2].body = buf_str(&body);
	ask(rows, COUNT_OF(rows), &f);
	ck_assert_int_eq(f.look, LOOK_FAILED);
	ck_assert_ptr_nonnull(strstr(f.text, "no answer to the role's name: "));
	found_fini(&f);
}
END_TEST

START_TEST(test_nobody_there)
{
	AUTO(free) char *url = xasprintf("http://127.0.0.1:%d", peer_closed_port());
	struct found f = {0};

	imds_start(look_rig.loop, look_rig.http, url, on_look, &f);
	found_wait(&f);
	ck_assert_int_eq(f.look, LOOK_NONE);
	ck_assert_int_eq(f.code, ERR_NETWORK);
	ck_assert_ptr_nonnull(strstr(f.text, "no answer to a token"));
	ck_assert_ptr_null(strstr(f.text, "hop limit"));
	found_fini(&f);
}
END_TEST

/* As in a container whose packets are too many hops away: all is well but the answer. */
static void
say_nothing(int listener, const void *arg)
{
	(void)arg;
	for (;;)
		(void)peer_accept(listener);
}

START_TEST(test_silence_has_a_limit)
{
	struct found f = {0};
	struct peer peer;
	AUTO(free) char *url = NULL;

	peer_start(&peer, say_nothing, NULL);
	url = xasprintf("http://127.0.0.1:%d", peer.port);
	imds_start(look_rig.loop, look_rig.http, url, on_look, &f);
	found_wait(&f);
	ck_assert_int_eq(f.look, LOOK_FAILED);
	ck_assert_int_eq(f.code, ERR_NETWORK);
	ck_assert_ptr_nonnull(strstr(f.text, "hop limit of 2 or more"));
	found_fini(&f);
	peer_fini(&peer);
}
END_TEST

START_TEST(test_never_through_a_proxy)
{
	static const struct talk_row rows[] = {
		GOOD_TOKEN,
		GOOD_ROLE,
		{ROLES "r", WITH("t"), NULL, GIVES(200, TALK_JSON("A", UNTIL))},
	};
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
	static const struct talk_row rows[] = {{TOKEN, TTL, NULL, .way = TALK_HOLD}};
	AUTO(free) char *url = talk_url(&look_rig.talk, "");
	struct found f = {0};
	struct imds_call *call;

	imds_cancel(NULL);
	imds_cancel(imds_start(look_rig.loop, look_rig.http, url, on_look, &f));
	talk_script(&look_rig.talk, rows, COUNT_OF(rows));
	call = imds_start(look_rig.loop, look_rig.http, url, on_look, &f);
	while (look_rig.talk.held == NULL)
		loop_turn(look_rig.loop, true);
	imds_cancel(call);
	look_linger();
	ck_assert_uint_eq(f.count, 0);
}
END_TEST

struct said {
	char id[64];
	int count;
};

static void
on_instance(void *arg, const char *id)
{
	struct said *said = arg;

	(void)snprintf(said->id, sizeof(said->id), "%s", id == NULL ? "-" : id);
	said->count++;
}

START_TEST(test_instance)
{
	static const struct {
		struct talk_row rows[3];
		size_t count;
		const char *id;
		int line;
	} cases[] = {
		{{{TOKEN, TTL, NULL, GIVES(200, "t")},
			 {INSTANCE, WITH("t"), NULL,
				 GIVES(200, "i-0123456789abcdef0")}},
			2, "i-0123456789abcdef0", __LINE__},
		{{{TOKEN, TTL, NULL, GIVES(200, "t")},
			 {INSTANCE, WITH("t"), NULL,
				 GIVES(200, "i-0123456789abcdef0\n")}},
			2, "i-0123456789abcdef0", __LINE__},
		{{{TOKEN, TTL, NULL, GIVES(200, "t")},
			 {INSTANCE, WITH("t"), NULL, GIVES(200, "<html>")}},
			2, "-", __LINE__},
		{{{TOKEN, TTL, NULL, GIVES(200, "t")},
			 {INSTANCE, WITH("t"), NULL, GIVES(404, "")}},
			2, "-", __LINE__},
		{{{TOKEN, TTL, NULL, GIVES(403, "")}}, 1, "-", __LINE__},
	};
	const struct talk_row *rows = cases[_i].rows;
	AUTO(free) char *url = talk_url(&look_rig.talk, "");
	struct said said = {.count = 0};

	talk_script(&look_rig.talk, rows, cases[_i].count);
	imds_ask_instance(look_rig.loop, look_rig.http, url, on_instance, &said);
	while (said.count == 0)
		loop_turn(look_rig.loop, true);
	talk_check(&look_rig.talk);
	ck_assert_msg(strcmp(said.id, cases[_i].id) == 0, "line %d: %s", cases[_i].line,
		said.id);
}
END_TEST

static void
check_endpoint(const char *configured, const char *expected, int line)
{
	AUTO(free) char *url = imds_endpoint(configured);

	ck_assert_msg(strcmp(url, expected) == 0, "line %d: %s", line, url);
}

START_TEST(test_endpoints)
{
	check_endpoint(NULL, "http://169.254.169.254", __LINE__);
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6", 1);
	check_endpoint(NULL, "http://[fd00:ec2::254]", __LINE__);
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1/", 1);
	check_endpoint(NULL, "http://127.0.0.1:1", __LINE__);
	check_endpoint("http://127.0.0.1:2//", "http://127.0.0.1:2", __LINE__);
}
END_TEST

START_TEST(test_disabled)
{
	static const struct {
		const char *value;
		bool disabled;
	} cases[] = {{"true", true}, {"TRUE", true}, {"false", false}, {"", false}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		setenv("AWS_EC2_METADATA_DISABLED", cases[i].value, 1);
		ck_assert_int_eq(imds_is_disabled(), cases[i].disabled);
	}
	unsetenv("AWS_EC2_METADATA_DISABLED");
	ck_assert(!imds_is_disabled());
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("imds");
	TCase *tc = tcase_create("imds");

	tcase_add_checked_fixture(tc, look_setup, look_teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_role);
	tcase_add_test(tc, test_renewed_token);
	tcase_add_test(tc, test_one_repeat_per_question);
	tcase_add_loop_test(tc, test_refusals, 0, (int)COUNT_OF(refusals));
	tcase_add_test(tc, test_endless_answers);
	tcase_add_test(tc, test_nobody_there);
	tcase_add_test(tc, test_silence_has_a_limit);
	tcase_add_test(tc, test_never_through_a_proxy);
	tcase_add_test(tc, test_cancel);
	tcase_add_loop_test(tc, test_instance, 0, 5);
	tcase_add_test(tc, test_endpoints);
	tcase_add_test(tc, test_disabled);
	suite_add_tcase(suite, tc);
	return suite;
}
