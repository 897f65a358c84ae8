/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/mem.h"
#include "ec2/plan.h"
#include "ec2/sts.h"
#include "look_rig.h"
#include "peer.h"
#include "sys/loop.h"
#include "unit.h"

#include <string.h>

#define ARN "arn:aws:iam::123456789012:role/ci/builds"
#define ARN_SENT "arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fci%2Fbuilds"
#define ASK "POST /"
#define BODY(action)                                                                   \
	"Action=" action "&Version=2011-06-15&RoleArn=" ARN_SENT "&RoleSessionName="
#define ERROR(code, message)                                                           \
	"<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"   \
	"<Type>Sender</Type><Code>" code "</Code><Message>" message                    \
	"</Message></Error><RequestId>req-1</RequestId></ErrorResponse>"

static char arn[] = ARN, external[] = "a+b", session[] = "ci@host";
static char key_id[] = "AKIA", key_secret[] = "s3cr3t", key_token[] = "t0k3n";

static struct sts_conf
conf_at(const char *url)
{
	return (struct sts_conf){
		.loop = look_rig.loop,
		.http = look_rig.http,
		.endpoint = url,
		.region = "eu-west-1",
	};
}

static struct sts_call *
start(bool web, const struct role *role, struct found *f)
{
	static const struct keyset as = {.id = key_id,
		.secret = {key_secret},
		.token = {key_token}};
	AUTO(free) char *url = talk_url(&look_rig.talk, "");
	const struct sts_conf conf = conf_at(url);

	return web ? sts_web_identity(&conf, role, "jwt.a.b", on_look, f)
		   : sts_assume(&conf, &as, role, on_look, f);
}

static void
ask(bool web, const struct role *role, const struct talk_row *rows, size_t count,
	struct found *f)
{
	talk_script(&look_rig.talk, rows, count);
	start(web, role, f);
	found_wait(f);
	talk_check(&look_rig.talk);
}

/* Signed with the keys that were given, under service and region. */
START_TEST(test_assume)
{
	static const struct talk_row rows[] = {
		{ASK, "X-Amz-Security-Token: t0k3n",
			BODY("AssumeRole") "ci%40host&DurationSeconds=900&ExternalId=a%2Bb",
			GIVES(200, TALK_STS("AssumeRole", "ASIA", UNTIL))},
		{ASK, "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
			BODY("AssumeRole") "ec2workerd",
			GIVES(200, TALK_STS("AssumeRole", "ASIB", UNTIL))},
	};
	const struct role full = {arn, external, session, 900}, bare = {.arn = arn};
	struct found f = {0};

	ask(false, &full, &rows[0], 1, &f);
	ck_assert_str_eq(f.text, "ASIA s-ASIA t-ASIA");
	found_fini(&f);
	ask(false, &bare, &rows[1], 1, &f);
	ck_assert_str_eq(f.text, "ASIB s-ASIB t-ASIB");
	found_fini(&f);
}
END_TEST

START_TEST(test_web_identity_is_not_signed)
{
	static const struct talk_row rows[] = {
		{ASK, "Authorization:",
			BODY("AssumeRoleWithWebIdentity") "ci%40host&WebIdentityToken=jwt.a.b",
			GIVES(200, TALK_STS("AssumeRoleWithWebIdentity", "W", UNTIL))},
	};
	const struct role role = {.arn = arn, .session = session};
	struct found f = {0};

	ask(true, &role, rows, COUNT_OF(rows), &f);
	ck_assert_str_eq(f.text, "W s-W t-W");
	found_fini(&f);
}
END_TEST

static const struct {
	int status;
	const char *body;
	int code;
	const char *text;
	int line;
} refusals[] = {
	{403, ERROR("AccessDenied", "User is not authorized"), ERR_SERVICE,
		"role " ARN ": AssumeRole: AccessDenied: User is not authorized "
		"(request id req-1)",
		__LINE__},
	{400, ERROR("ValidationError", "bad"), ERR_SERVICE, "ValidationError",
		__LINE__},
	{400, ERROR("Throttling", "slow"), ERR_NETWORK, "Throttling: slow", __LINE__},
	{400, ERROR("IDPCommunicationError", "idp"), ERR_NETWORK,
		"IDPCommunicationError", __LINE__},
	{500, ERROR("InternalFailure", "oops"), ERR_NETWORK, "InternalFailure",
		__LINE__},
	{503, "<html>", ERR_NETWORK, "HTTP status 503", __LINE__},
	{404, "nothing", ERR_SERVICE, "HTTP status 404", __LINE__},
	{200, "<html></html>", ERR_NETWORK, "an answer that is none", __LINE__},
	{200, TALK_STS("GetSessionToken", "X", UNTIL), ERR_NETWORK,
		"an answer that is none", __LINE__},
	{200, TALK_STS("AssumeRole", "X", "soon"), ERR_NETWORK, "no usable Expiration",
		__LINE__},
	{302, "", ERR_NETWORK, "HTTP status 302", __LINE__},
};

START_TEST(test_refusals)
{
	const struct talk_row row = {ASK, NULL, NULL,
		GIVES(refusals[_i].status, refusals[_i].body)};
	const struct role role = {.arn = arn};
	struct found f = {0};

	ask(false, &role, &row, 1, &f);
	ck_assert_msg(strstr(f.text, refusals[_i].text) != NULL, "line %d: %s",
		refusals[_i].line, f.text);
	ck_assert_msg(f.code == refusals[_i].code, "line %d: %d", refusals[_i].line,
		f.code);
	ck_assert_int_eq(f.look, LOOK_FAILED);
	found_fini(&f);
}
END_TEST

/* The message goes on with what was signed, and that holds the session token. */
START_TEST(test_no_token_in_what_is_told)
{
	static const struct talk_row row = {ASK, NULL, NULL,
		GIVES(403,
			ERROR("SignatureDoesNotMatch",
				"It does not match. The Canonical String for this "
				"request should have been 'x-amz-security-token:t0k3n'"))};
	const struct role role = {.arn = arn};
	struct found f = {0};

	ask(false, &role, &row, 1, &f);
	ck_assert_ptr_nonnull(strstr(f.text, "SignatureDoesNotMatch: It does not"));
	ck_assert_ptr_null(strstr(f.text, "t0k3n"));
	ck_assert_str_eq(f.origin, "SignatureDoesNotMatch");
	found_fini(&f);
}
END_TEST

START_TEST(test_nobody_there)
{
	AUTO(free) char *url = xasprintf("http://127.0.0.1:%d", peer_closed_port());
	const struct sts_conf conf = conf_at(url);
	const struct role role = {.arn = arn};
	struct found f = {0};

	sts_web_identity(&conf, &role, "jwt", on_look, &f);
	found_wait(&f);
	ck_assert_int_eq(f.code, ERR_NETWORK);
	ck_assert_ptr_nonnull(strstr(f.text, "role " ARN));
	found_fini(&f);
}
END_TEST

START_TEST(test_cancel)
{
	static const struct talk_row row = {ASK, NULL, NULL, .way = TALK_HOLD};
	const struct role role = {.arn = arn};
	struct found f = {0};

	sts_cancel(NULL);
	for (int web = 0; web < 2; web++) {
		struct sts_call *call;

		sts_cancel(start(web, &role, &f));
		talk_script(&look_rig.talk, &row, 1);
		call = start(web, &role, &f);
		while (look_rig.talk.held == NULL)
			loop_turn(look_rig.loop, true);
		sts_cancel(call);
		look_linger();
		ck_assert_uint_eq(f.count, 0);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("sts");
	TCase *tc = tcase_create("sts");

	tcase_add_checked_fixture(tc, look_setup, look_teardown);
	tcase_add_test(tc, test_assume);
	tcase_add_test(tc, test_web_identity_is_not_signed);
	tcase_add_loop_test(tc, test_refusals, 0, (int)COUNT_OF(refusals));
	tcase_add_test(tc, test_no_token_in_what_is_told);
	tcase_add_test(tc, test_nobody_there);
	tcase_add_test(tc, test_cancel);
	suite_add_tcase(suite, tc);
	return suite;
}
