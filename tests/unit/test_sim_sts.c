/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STS and SSM without HTTP: who may become what, for how long, under which name; what a
 * parameter is. What clients make of it is tested in integration/test_ec2sim_sts.py.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/keys.h"
#include "sim/params.h"
#include "sim/scenario.h"
#include "sim/sigv4.h"
#include "sim/ssm.h"
#include "sim/sts.h"

#include <stdio.h>
#include <string.h>

#define WALL_MS INT64_C(1800000000000) /* 2027-01-15T08:00:00Z */
#define ROLE "arn:aws:iam::123456789012:role/"
#define ASSUME "AssumeRole&RoleSessionName=me&RoleArn=" ROLE
#define WEB "AssumeRoleWithWebIdentity&RoleSessionName=me&RoleArn=" ROLE
#define SESSION "arn:aws:sts::123456789012:assumed-role/one/me"

static char plain[] = ROLE "plain";
static char strict[] = ROLE "path/strict";
static char brief[] = ROLE "brief";
static char web[] = ROLE "web";
static char external[] = "outside";
static char token[] = "a.b.c";

static struct sim_role roles[] = {
	{plain, NULL, NULL, FIELD_NULL},
	{strict, external, NULL, FIELD_NULL},
	{brief, NULL, NULL, 2000},
	{web, NULL, token, FIELD_NULL},
};

static char name[] = "/ci/image", ami[] = "ami-12345", elsewhere[] = "eu-west-1";
static char other[] = "there";

static struct sim_parameter parameters[] = {
	{name, ami, NULL},
	{other, ami, elsewhere},
};

struct rig {
	struct sim_scenario scenario;
	struct sim_keys *keys;
	struct sim_identity who;
	struct buf reply;
	struct sim_error error; /* code "" when it went well */
};

static struct rig rig;

static void
setup(void)
{
	rig = (struct rig){.keys = sim_keys_new(), .who = {.key_id = "AKIDTEST"}};
	rig.scenario.roles = (struct field_list){roles, COUNT_OF(roles)};
	rig.scenario.parameters = (struct field_list){parameters, COUNT_OF(parameters)};
}

static void
teardown(void)
{
	sim_keys_free(rig.keys);
	buf_fini(&rig.reply);
}

/* 0, or -1 with the error. */
static int
call(const struct sim_service *service, const char *form)
{
	AUTO(free) char *text = xasprintf("Action=%s", form);
	AUTO(sim_params) struct sim_params params = {0};
	struct sim_call c = {.scenario = &rig.scenario,
		.params = &params,
		.keys = rig.keys,
		.identity = &rig.who,
		.wall_ms = WALL_MS,
		.region = "us-east-1",
		.out = &rig.reply};

	buf_clear(&rig.reply);
	ck_assert_int_eq(sim_params_parse(text, strlen(text), &params, &c.error), 0);
	c.action = sim_action_find(service, sim_params_get(&params, "Action"));
	ck_assert_ptr_nonnull(c.action);
	if (sim_params_check(&params, c.action->params, service->common, &c.error) !=
			0 ||
		c.action->run(&c) != 0) {
		rig.error = c.error;
		return -1;
	}
	rig.error.code[0] = '\0';
	return 0;
}

static const struct {
	int line;
	const char *form;
	const char *code; /* "": it works */
	const char *says; /* in the reply or the error */
} calls[] = {
	{__LINE__, ASSUME "plain", "",
		"<Arn>arn:aws:sts::123456789012:assumed-role/plain/me</Arn>"},
	{__LINE__, ASSUME "plain", "", "<Expiration>2027-01-15T09:00:00Z</Expiration>"},
	{__LINE__, ASSUME "plain&DurationSeconds=900", "",
		"<Expiration>2027-01-15T08:15:00Z</Expiration>"},
	{__LINE__, ASSUME "plain&DurationSeconds=43200", "",
		"<Expiration>2027-01-15T20:00:00Z</Expiration>"},
	{__LINE__, ASSUME "brief&DurationSeconds=900", "",
		"<Expiration>2027-01-15T08:00:02Z</Expiration>"},
	{__LINE__, ASSUME "plain&ExternalId=any", "", "<AccessKeyId>ASIA"},
	{__LINE__, ASSUME "path/strict&ExternalId=outside", "",
		"assumed-role/strict/me</Arn>"},
	{__LINE__, ASSUME "path/strict", "AccessDenied", "sts:AssumeRole on resource"},
	{__LINE__, ASSUME "path/strict&ExternalId=inside", "AccessDenied", "user/AKID"},
	{__LINE__, ASSUME "nobody", "AccessDenied", ROLE "nobody"},
	{__LINE__, ASSUME "plain&DurationSeconds=899", "InvalidParameterValue", "899"},
	{__LINE__, ASSUME "plain&DurationSeconds=43201", "InvalidParameterValue", ""},
	{__LINE__, "AssumeRole&RoleArn=" ROLE "plain", "MissingParameter",
		"RoleSessionName"},
	{__LINE__, "AssumeRole&RoleSessionName=me", "MissingParameter", "RoleArn"},
	{__LINE__, "AssumeRole&RoleSessionName=a&RoleArn=" ROLE "plain",
		"ValidationError", "roleSessionName"},
	{__LINE__, "AssumeRole&RoleSessionName=a+b&RoleArn=" ROLE "plain",
		"ValidationError", "roleSessionName"},
	{__LINE__, "AssumeRole&RoleSessionName=me&RoleArn=plain", "ValidationError",
		"plain is invalid"},
	{__LINE__, "AssumeRole&RoleSessionName=me&RoleArn=arn:aws:iam::1:user/x",
		"ValidationError", "is invalid"},
	{__LINE__, "AssumeRole&RoleSessionName=me&RoleArn=" ROLE, "ValidationError",
		"is invalid"},
	{__LINE__, ASSUME "plain&Colour=red", "UnknownParameter", "Colour"},
	{__LINE__, WEB "web&WebIdentityToken=a.b.c", "", "assumed-role/web/me</Arn>"},
	{__LINE__, WEB "plain&WebIdentityToken=x", "", "<SessionToken>"},
	{__LINE__, WEB "web&WebIdentityToken=a.b", "InvalidIdentityToken", "JWT"},
	{__LINE__, WEB "plain&WebIdentityToken=", "InvalidIdentityToken", "JWT"},
	{__LINE__, WEB "nobody&WebIdentityToken=a.b.c", "AccessDenied", ""},
	{__LINE__, WEB "web", "MissingParameter", "WebIdentityToken"},
	{__LINE__, "GetCallerIdentity", "",
		"<Arn>arn:aws:iam::123456789012:user/AKIDTEST</Arn>"},
	{__LINE__, "GetCallerIdentity&DryRun=true", "UnknownParameter", "DryRun"},
};

static void
check_outcome(int line, int ret, const char *code, const char *says)
{
	const char *text = ret == 0 ? buf_str(&rig.reply) : rig.error.message;

	ck_assert_msg(strcmp(rig.error.code, code) == 0, "line %d: %s: %s", line,
		rig.error.code, text);
	ck_assert_msg(strstr(text, says) != NULL, "line %d: %s", line, text);
}

START_TEST(sts)
{
	int ret = call(&sim_sts, calls[_i].form);

	check_outcome(calls[_i].line, ret, calls[_i].code, calls[_i].says);
}
END_TEST

/* Who is a session already says so, and becomes another for an hour at most. */
START_TEST(chain)
{
	(void)snprintf(rig.who.arn, sizeof(rig.who.arn), "%s", SESSION);
	ck_assert_int_eq(call(&sim_sts, "GetCallerIdentity"), 0);
	ck_assert_ptr_nonnull(strstr(buf_str(&rig.reply), "<Arn>" SESSION "</Arn>"));
	ck_assert_ptr_nonnull(strstr(buf_str(&rig.reply), ":me</UserId>"));
	ck_assert_int_eq(call(&sim_sts, ASSUME "plain&DurationSeconds=3600"), 0);
	ck_assert_int_ne(call(&sim_sts, ASSUME "plain&DurationSeconds=3601"), 0);
	ck_assert_str_eq(rig.error.code, "ValidationError");
}
END_TEST

/* What is handed out is a key like any other, until its time is over. */
START_TEST(keys_are_issued)
{
	const struct sim_key *k;
	AUTO(free) char *id = NULL;
	const char *at;

	ck_assert_int_eq(call(&sim_sts, ASSUME "brief"), 0);
	at = strstr(buf_str(&rig.reply), "<AccessKeyId>") + strlen("<AccessKeyId>");
	id = xstrndup(at, strcspn(at, "<"));
	k = sim_keys_find(rig.keys, id);
	ck_assert_ptr_nonnull(k);
	ck_assert_int_eq(k->expires_ms, WALL_MS + 2000);
	ck_assert_ptr_nonnull(strstr(buf_str(&rig.reply), k->secret.text));
	ck_assert_ptr_nonnull(strstr(buf_str(&rig.reply), k->token.text));
	ck_assert_str_eq(k->arn, "arn:aws:sts::123456789012:assumed-role/brief/me");
}
END_TEST

/* Without a list of roles there is every role. */
START_TEST(no_roles_listed)
{
	rig.scenario.roles = (struct field_list){0};
	ck_assert_int_eq(call(&sim_sts, ASSUME "whoever"), 0);
	ck_assert_int_eq(call(&sim_sts, WEB "whoever&WebIdentityToken=x"), 0);
}
END_TEST

static const struct {
	int line;
	const char *form;
	const char *code, *says;
} gets[] = {
	{__LINE__, "GetParameter&Name=/ci/image", "", "\"Value\":\"ami-12345\""},
	{__LINE__, "GetParameter&Name=/ci/image", "", ":parameter/ci/image\""},
	{__LINE__, "GetParameter&Name=/ci/image&WithDecryption=true", "",
		"\"Version\":1"},
	{__LINE__, "GetParameter&Name=/aws/service/ami-linux/x", "",
		"\"Value\":\"ami-"},
	{__LINE__, "GetParameter&Name=/aws/service/ecs", "ParameterNotFound",
		"/aws/service/ecs"},
	{__LINE__, "GetParameter&Name=there", "ParameterNotFound", "there"},
	{__LINE__, "GetParameter&Name=ci/image", "ParameterNotFound", ""},
	{__LINE__, "GetParameter", "MissingParameter", "Name"},
	{__LINE__, "GetParameter&Name=x&WithDecryption=1", "InvalidParameterValue", ""},
	{__LINE__, "GetParameter&Name=x&Version=1", "UnknownParameter", "Version"},
};

START_TEST(ssm)
{
	int ret = call(&sim_ssm, gets[_i].form);

	check_outcome(gets[_i].line, ret, gets[_i].code, gets[_i].says);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("sim_sts");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_loop_test(all, sts, 0, COUNT_OF(calls));
	tcase_add_test(all, chain);
	tcase_add_test(all, keys_are_issued);
	tcase_add_test(all, no_roles_listed);
	tcase_add_loop_test(all, ssm, 0, COUNT_OF(gets));
	suite_add_tcase(s, all);
	return s;
}
