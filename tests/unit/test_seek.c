/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of the places: each row sets some of them up, and says which is taken, what is
 * asked for it, and how such a set is called. And what a look that finds nothing tells.
 */
#include "base/err.h"
#include "base/mem.h"
#include "ec2/creds.h"
#include "ec2/seek.h"
#include "look_rig.h"
#include "peer.h"
#include "sys/loop.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

#define KEYS(id) "aws_access_key_id=" id "\naws_secret_access_key=s-" id "\n"
#define DEFAULT(text) "[default]\n" text
#define ROLE_OF(source) "role_arn=arn:aws:iam::1:role/R\nsource_profile=" source "\n"

#define ASK_TOKEN                                                                      \
	{                                                                              \
		"PUT /latest/api/token", NULL, NULL, GIVES(200, "tok")                 \
	}
#define ROLES "GET /latest/meta-data/iam/security-credentials/"
#define ASK_IMDS                                                                       \
	ASK_TOKEN, {ROLES, NULL, NULL, GIVES(200, "r")},                               \
	{                                                                              \
		ROLES "r", NULL, NULL, GIVES(200, TALK_JSON("IMDS", UNTIL))            \
	}
#define ASK_CONTAINER                                                                  \
	{                                                                              \
		"GET /agent", NULL, NULL, GIVES(200, TALK_JSON("CONT", UNTIL))         \
	}
#define ASK_STS(params, id)                                                            \
	{                                                                              \
		"POST /", NULL, "Action=AssumeRole&" params,                           \
			GIVES(200, TALK_STS("AssumeRole", id, UNTIL))                  \
	}
#define ASK_WEB(params)                                                                \
	{                                                                              \
		"POST /",                                                              \
			"Authorization:", "Action=AssumeRoleWithWebIdentity&" params,  \
			GIVES(200,                                                     \
				TALK_STS("AssumeRoleWithWebIdentity", "WEB", UNTIL))   \
	}
#define R_SENT "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2FR"

/* What is set up, as bits. */
enum {
	ENV = 1,         /* AWS_ACCESS_KEY_ID */
	WEB = 2,         /* AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN */
	CONTAINER = 4,   /* AWS_CONTAINER_CREDENTIALS_FULL_URI */
	IMDS = 8,        /* not disabled */
	EXPLICIT = 16,   /* keys in the configuration */
	CONFIGURED = 32, /* a role in the configuration */
};

static const struct order {
	unsigned setup;
	const char *credentials, *config, *profile;
	struct talk_row rows[6];
	const char *seen; /* of the id and what follows, or a part of the error */
	const char *name;
	int line;
} orders[] = {
	{EXPLICIT | ENV | WEB | CONTAINER | IMDS, DEFAULT(KEYS("F")), NULL, NULL,
		{{.asks = NULL}}, "EXPL s-EXPL -", "keys:EXPL", __LINE__},
	{ENV | WEB | CONTAINER | IMDS, DEFAULT(KEYS("F")), DEFAULT(ROLE_OF("default")),
		NULL, {{.asks = NULL}}, "ENVI s-ENVI -", "environment", __LINE__},
	{WEB | CONTAINER | IMDS, DEFAULT(KEYS("F")), DEFAULT(ROLE_OF("default")), NULL,
		{ASK_STS(R_SENT "&RoleSessionName=sess", "ROLE")}, "ROLE s-ROLE t-ROLE",
		"web-identity:arn:web", __LINE__},
	{CONTAINER | IMDS, DEFAULT(KEYS("F")), DEFAULT(ROLE_OF("default")), NULL,
		{ASK_STS(R_SENT, "ROLE")}, "ROLE s-ROLE t-ROLE", "profile:default",
		__LINE__},
	{WEB | CONTAINER | IMDS, DEFAULT(KEYS("F")), NULL, NULL,
		{ASK_WEB(
			"RoleArn=arn%3Aweb&RoleSessionName=sess&WebIdentityToken=jwt")},
		"WEB s-WEB t-WEB", "web-identity:arn:web", __LINE__},
	{CONTAINER | IMDS, DEFAULT(KEYS("F")), NULL, NULL, {{.asks = NULL}}, "F s-F -",
		"profile:default", __LINE__},
	{CONTAINER | IMDS, NULL, DEFAULT(KEYS("G")), NULL, {{.asks = NULL}}, "G s-G -",
		"profile:default", __LINE__},
	{CONTAINER | IMDS, NULL, DEFAULT("region=x\n"), NULL, {ASK_CONTAINER},
		"CONT s-CONT t-CONT", "container", __LINE__},
	{IMDS, NULL, NULL, NULL, {ASK_IMDS}, "IMDS s-IMDS t-IMDS", "imds", __LINE__},

	/* A profile that is named goes before the environment, and must be there. */
	{ENV | WEB | IMDS, NULL, "[profile ci]\n" KEYS("C"), "ci", {{.asks = NULL}},
		"C s-C -", "profile:ci", __LINE__},
	{ENV | WEB | IMDS, NULL, "[profile ci]\nregion=x\n", "ci", {ASK_IMDS},
		"IMDS s-IMDS t-IMDS", "profile:ci", __LINE__},
	{ENV | WEB | CONTAINER | IMDS, DEFAULT(KEYS("F")), NULL, "ci", {{.asks = NULL}},
		"no credentials: profile 'ci'", "profile:ci", __LINE__},

	/* Roles, one with the keys of the other; the configured one is the last. */
	{ENV, NULL,
		"[profile a]\nrole_arn=arn:A\nsource_profile=b\nexternal_id=x\n"
		"[profile b]\n" ROLE_OF("c") "[profile c]\n" KEYS("C"),
		"a",
		{ASK_STS(R_SENT, "MID"),
			{"POST /", "X-Amz-Security-Token: t-MID",
				"Action=AssumeRole&RoleArn=arn%3AA&ExternalId=x",
				GIVES(200, TALK_STS("AssumeRole", "LAST", UNTIL))}},
		"LAST s-LAST t-LAST", "profile:a", __LINE__},
	{EXPLICIT | CONFIGURED, NULL, NULL, NULL,
		{ASK_STS("RoleArn=arn%3Aconf&ExternalId=ext&RoleSessionName=sess",
			"CONF")},
		"CONF s-CONF t-CONF", "role:arn:conf", __LINE__},
	{IMDS | CONFIGURED, NULL, NULL, NULL,
		{ASK_IMDS,
			{"POST /", "X-Amz-Security-Token: t-IMDS",
				"Action=AssumeRole&RoleArn=arn%3Aconf",
				GIVES(200, TALK_STS("AssumeRole", "CONF", UNTIL))}},
		"CONF s-CONF t-CONF", "role:arn:conf", __LINE__},
	{CONFIGURED, DEFAULT(KEYS("F")), DEFAULT(ROLE_OF("default")), NULL,
		{ASK_STS(R_SENT, "ROLE"),
			{"POST /", "X-Amz-Security-Token: t-ROLE",
				"Action=AssumeRole&RoleArn=arn%3Aconf",
				GIVES(200, TALK_STS("AssumeRole", "CONF", UNTIL))}},
		"CONF s-CONF t-CONF", "role:arn:conf", __LINE__},

	/* credential_source */
	{IMDS, NULL, DEFAULT("role_arn=arn:A\ncredential_source=Ec2InstanceMetadata\n"),
		NULL,
		{ASK_IMDS,
			{"POST /", "X-Amz-Security-Token: t-IMDS", "RoleArn=arn%3AA",
				GIVES(200, TALK_STS("AssumeRole", "A", UNTIL))}},
		"A s-A t-A", "profile:default", __LINE__},
	{CONTAINER, NULL, DEFAULT("role_arn=arn:A\ncredential_source=EcsContainer\n"),
		NULL,
		{ASK_CONTAINER,
			{"POST /", "X-Amz-Security-Token: t-CONT", "RoleArn=arn%3AA",
				GIVES(200, TALK_STS("AssumeRole", "A", UNTIL))}},
		"A s-A t-A", "profile:default", __LINE__},
	{ENV, NULL, "[profile p]\nrole_arn=arn:A\ncredential_source=Environment\n", "p",
		{ASK_STS("RoleArn=arn%3AA", "A")}, "A s-A t-A", "profile:p", __LINE__},
	{IMDS, NULL, "[profile p]\nrole_arn=arn:A\ncredential_source=Environment\n",
		"p", {{.asks = NULL}}, "no AWS_ACCESS_KEY_ID", "profile:p", __LINE__},
	{0, NULL, DEFAULT("role_arn=arn:A\ncredential_source=EcsContainer\n"), NULL,
		{{.asks = NULL}}, "no AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"profile:default", __LINE__},
	{0, NULL, DEFAULT("role_arn=arn:A\ncredential_source=Ec2InstanceMetadata\n"),
		NULL, {{.asks = NULL}}, "turned off by AWS_EC2_METADATA_DISABLED",
		"profile:default", __LINE__},
	{IMDS, NULL, DEFAULT("role_arn=arn:A\ncredential_source=Ec2InstanceMetadata\n"),
		NULL, {ASK_TOKEN, {ROLES, NULL, NULL, GIVES(404, "")}},
		"this machine has no role; before that, configuration: no identifier",
		"profile:default", __LINE__},

	/* What is meant and fails is not passed over. */
	{WEB | CONTAINER | IMDS, DEFAULT("credential_process=x\n"), NULL, NULL,
		{{"POST /", NULL, NULL, GIVES(503, "")}},
		"role arn:web: AssumeRoleWithWebIdentity: HTTP status 503",
		"web-identity:arn:web", __LINE__},
	{CONTAINER | IMDS, NULL, NULL, NULL,
		{{"GET /agent", NULL, NULL, GIVES(403, "")}},
		"container credentials: HTTP status 403; before that", "container",
		__LINE__},
	{CONTAINER | IMDS, DEFAULT("credential_process=x\n"), NULL, NULL,
		{{.asks = NULL}}, "never run", "profile:default", __LINE__},
	{IMDS, NULL, NULL, NULL,
		{{"PUT /latest/api/token", NULL, NULL, GIVES(404, "")}},
		"version 1 is not used", "imds", __LINE__},
	{CONFIGURED, NULL, NULL, NULL, {{.asks = NULL}},
		"no credentials: configuration:", "role:arn:conf", __LINE__},
};

struct outcome {
	unsigned count;
	char *text;
	int code, reason;
	bool can_change, has_asked;
};

static void
on_found(void *arg, const struct seek_result *result)
{
	struct outcome *o = arg;
	const struct keyset *keys = result->keys;

	o->count++;
	if (keys != NULL)
		o->text = xasprintf("%s %s %s", keys->id, keys->secret.text,
			keys->token.text != NULL ? keys->token.text : "-");
	else
		o->text = xstrdup(result->err->text);
	o->code = keys != NULL ? ERR_NONE : (int)result->err->code;
	o->reason = keys != NULL ? REASON_NONE : (int)result->err->reason;
	o->can_change = result->can_change;
	o->has_asked = result->has_asked;
}

static void
set_up(unsigned setup)
{
	AUTO(free) char *agent = talk_url(&look_rig.talk, "/agent");

	if (setup & ENV) {
		setenv("AWS_ACCESS_KEY_ID", "ENVI", 1);
		setenv("AWS_SECRET_ACCESS_KEY", "s-ENVI", 1);
	}
	if (setup & WEB) {
		look_write("jwt", 0600, "jwt\n");
		setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "jwt", 1);
		setenv("AWS_ROLE_ARN", "arn:web", 1);
	}
	if (setup & CONTAINER)
		setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent, 1);
	if (setup & IMDS)
		unsetenv("AWS_EC2_METADATA_DISABLED");
}

static void
run(const struct ec2_creds_source *source, struct outcome *o)
{
	(void)seek_start(look_rig.loop, look_rig.http, source, on_found, o);
	ck_assert_uint_eq(o->count, 0);
	while (o->count == 0)
		loop_turn(look_rig.loop, true);
	ck_assert_uint_eq(o->count, 1);
}

static size_t
count_rows(const struct talk_row *rows, size_t max)
{
	size_t count = 0;

	while (count < max && rows[count].asks != NULL)
		count++;
	return count;
}

START_TEST(test_order)
{
	const struct order *c = &orders[_i];
	size_t asked = count_rows(c->rows, COUNT_OF(c->rows));
	AUTO(free) char *url = talk_url(&look_rig.talk, "");
	AUTO(free) char *name = NULL;
	struct ec2_creds_source source = {
		.profile = c->profile,
		.session_name = "sess",
		.region = "eu-west-1",
		.sts_endpoint = url,
		.imds_endpoint = url,
	};
	struct outcome o = {0};

	if (c->setup & EXPLICIT) {
		source.identifier = "EXPL";
		source.secret = "s-EXPL";
	}
	if (c->setup & CONFIGURED) {
		source.role_arn = "arn:conf";
		source.external_id = "ext";
	}
	if (c->credentials != NULL)
		look_write(".aws/credentials", 0600, c->credentials);
	if (c->config != NULL)
		look_write(".aws/config", 0600, c->config);
	set_up(c->setup);
	talk_script(&look_rig.talk, c->rows, asked);
	name = seek_name(&source);
	ck_assert_msg(strcmp(name, c->name) == 0, "line %d: %s", c->line, name);
	run(&source, &o);
	talk_check(&look_rig.talk);
	ck_assert_msg(strstr(o.text, c->seen) != NULL, "line %d: %s", c->line, o.text);
	ck_assert_msg(o.has_asked == (asked > 0), "line %d", c->line);
	if (o.code != ERR_NONE)
		ck_assert_int_eq(o.reason, REASON_AUTH);
	else if (asked > 0)
		ck_assert(o.can_change);
	free(o.text);
}
END_TEST

/* All of it, in the order in which it was tried. */
START_TEST(test_what_was_tried)
{
	const struct ec2_creds_source source = {.session_name = NULL};
	AUTO(free)
	char *expected = xasprintf(
		"no credentials: configuration: no identifier; environment: no "
		"AWS_ACCESS_KEY_ID; web identity: no AWS_WEB_IDENTITY_TOKEN_FILE; "
		"profile 'default': %s/.aws/credentials: no such file; "
		"%s/.aws/config: no such file; container: no "
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI; instance "
		"metadata: turned off by AWS_EC2_METADATA_DISABLED",
		getenv("HOME"), getenv("HOME"));
	struct outcome o = {0};

	run(&source, &o);
	ck_assert_str_eq(o.text, expected);
	ck_assert_int_eq(o.code, ERR_CONFIG);
	ck_assert(!o.has_asked);
	free(o.text);
}
END_TEST

/* Nobody at the usual address is no news; nobody where we were sent to may pass. */
START_TEST(test_nobody_at_the_metadata_service)
{
	AUTO(free) char *url = xasprintf("http://127.0.0.1:%d", peer_closed_port());
	struct ec2_creds_source source = {.session_name = NULL};
	struct outcome usual = {0}, sent = {0};

	unsetenv("AWS_EC2_METADATA_DISABLED");
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
	run(&source, &usual);
	ck_assert_int_eq(usual.code, ERR_CONFIG);
	ck_assert_int_eq(usual.reason, REASON_AUTH);
	source.imds_endpoint = url;
	run(&source, &sent);
	ck_assert_int_eq(sent.code, ERR_NETWORK);
	ck_assert_int_eq(sent.reason, REASON_AUTH);
	free(usual.text);
	free(sent.text);
}
END_TEST

static const struct {
	const char *token; /* in the file; NULL: there is none */
	const char *arn, *text;
	int line;
} webs[] = {
	{NULL, "arn:web", "web identity: jwt: ", __LINE__},
	{"", "arn:web", "web identity: jwt holds no token", __LINE__},
	{" \n", "arn:web", "web identity: jwt holds no token", __LINE__},
	{"x", NULL,
		"web identity: AWS_WEB_IDENTITY_TOKEN_FILE is given without AWS_ROLE_ARN",
		__LINE__},
};

START_TEST(test_web_identities_that_are_none)
{
	for (size_t i = 0; i < COUNT_OF(webs); i++) {
		const struct ec2_creds_source source = {.session_name = NULL};
		struct outcome o = {0};

		setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "jwt", 1);
		unsetenv("AWS_ROLE_ARN");
		if (webs[i].arn != NULL)
			setenv("AWS_ROLE_ARN", webs[i].arn, 1);
		if (webs[i].token != NULL)
			look_write("jwt", 0600, webs[i].token);
		run(&source, &o);
		ck_assert_msg(strstr(o.text, webs[i].text) != NULL, "line %d: %s",
			webs[i].line, o.text);
		free(o.text);
	}
}
END_TEST

/* A projected token is a symbolic link. Where STS is, the environment may say too. */
START_TEST(test_web_identity_by_environment)
{
	static const struct talk_row row = ASK_WEB(
		"RoleArn=arn%3Aweb&RoleSessionName=mine&WebIdentityToken=jwt");
	AUTO(free) char *url = talk_url(&look_rig.talk, "");
	const struct ec2_creds_source source = {
		.sts_endpoint = _i == 0 ? url : NULL,
		.session_name = "sess",
	};
	struct outcome o = {0};

	set_up(WEB);
	setenv("AWS_ENDPOINT_URL_STS", _i == 0 ? "http://127.0.0.1:1" : url, 1);
	ck_assert_int_eq(symlink("jwt", "link"), 0);
	setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "link", 1);
	setenv("AWS_ROLE_SESSION_NAME", "mine", 1);
	talk_script(&look_rig.talk, &row, 1);
	run(&source, &o);
	ck_assert_str_eq(o.text, "WEB s-WEB t-WEB");
	free(o.text);
}
END_TEST

START_TEST(test_cancel)
{
	static const struct talk_row rows[][4] = {
		{{"PUT /latest/api/token", NULL, NULL, .way = TALK_HOLD}},
		{{"GET /agent", NULL, NULL, .way = TALK_HOLD}},
		{{"POST /", NULL, NULL, .way = TALK_HOLD}},
	};
	static const unsigned setups[] = {IMDS, CONTAINER, WEB};
	AUTO(free) char *url = talk_url(&look_rig.talk, "");
	const struct ec2_creds_source source = {
		.sts_endpoint = url,
		.imds_endpoint = url,
	};

	seek_cancel(NULL);
	for (size_t i = 0; i < COUNT_OF(setups); i++) {
		struct outcome o = {0};
		struct seek *s;

		set_up(setups[i]);
		talk_script(&look_rig.talk, rows[i], 1);
		seek_cancel(seek_start(look_rig.loop, look_rig.http, &source, on_found,
			&o));
		s = seek_start(look_rig.loop, look_rig.http, &source, on_found, &o);
		while (look_rig.talk.held == NULL)
			loop_turn(look_rig.loop, true);
		seek_cancel(s);
		look_linger();
		ck_assert_uint_eq(o.count, 0);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("seek");
	TCase *tc = tcase_create("seek");

	tcase_add_checked_fixture(tc, look_setup, look_teardown);
	tcase_add_loop_test(tc, test_order, 0, (int)COUNT_OF(orders));
	tcase_add_test(tc, test_what_was_tried);
	tcase_add_test(tc, test_nobody_at_the_metadata_service);
	tcase_add_test(tc, test_web_identities_that_are_none);
	tcase_add_loop_test(tc, test_web_identity_by_environment, 0, 2);
	tcase_add_test(tc, test_cancel);
	suite_add_tcase(suite, tc);
	return suite;
}
