/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What profiles mean, as a table: both files, and the way from the first keys to the last
 * role.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/creds.h"
#include "ec2/plan.h"
#include "look_rig.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

#define KEYS(id) "aws_access_key_id=" id "\naws_secret_access_key=s-" id "\n"
#define ROLE(name) "role_arn=arn:" name "\n"

/* seen: "base; role(external_id session seconds); ...", or a part of the error. */
static const struct plan_case {
	const char *credentials, *config, *profile, *seen;
	enum look look;
	int line;
} cases[] = {
	{"[default]\n" KEYS("D"), NULL, NULL, "keys D", LOOK_FOUND, __LINE__},
	{NULL, "[profile a]\n" ROLE("A") "source_profile=b\n[profile b]\n" KEYS("B"),
		"a", "keys B; arn:A(- sess 0)", LOOK_FOUND, __LINE__},
	{"[b]\n" KEYS("B"), "[profile a]\n" ROLE("A") "source_profile=b\n", "a",
		"keys B; arn:A(- sess 0)", LOOK_FOUND, __LINE__},
	{"[default]\n" KEYS("D"), "[default]\n" ROLE("A") "source_profile=default\n",
		NULL, "keys D; arn:A(- sess 0)", LOOK_FOUND, __LINE__},
	{NULL,
		"[profile a]\n" ROLE("A") "source_profile=b\nexternal_id=x\n"
					  "role_session_name=n\nduration_seconds=3600\n"
					  "[profile b]\n" ROLE(
						  "B") "source_profile=c\n"
						       "[profile c]\n" KEYS("C"),
		"a", "keys C; arn:B(- sess 0); arn:A(x n 3600)", LOOK_FOUND, __LINE__},
	/* A source with keys of its own is asked for these. */
	{NULL,
		"[profile a]\n" ROLE("A") "source_profile=b\n[profile b]\n" ROLE(
			"B") "source_profile=nowhere\n" KEYS("B"),
		"a", "keys B; arn:A(- sess 0)", LOOK_FOUND, __LINE__},
	{NULL, "[profile a]\n" ROLE("A") "credential_source=Ec2InstanceMetadata\n", "a",
		"imds; arn:A(- sess 0)", LOOK_FOUND, __LINE__},
	{NULL, "[profile a]\n" ROLE("A") "credential_source=EcsContainer\n", "a",
		"container; arn:A(- sess 0)", LOOK_FOUND, __LINE__},
	{NULL, "[profile a]\n" ROLE("A") "credential_source=Environment\n", "a",
		"environment; arn:A(- sess 0)", LOOK_FOUND, __LINE__},
	{NULL, "[profile a]\n" ROLE("W") "web_identity_token_file=/t\n", "a",
		"web /t arn:W(- sess 0)", LOOK_FOUND, __LINE__},
	{NULL,
		"[profile a]\n" ROLE("A") "source_profile=w\n"
					  "[profile w]\nweb_identity_token_file=/t\n"
					  "role_session_name=n\n" ROLE("W"),
		"a", "web /t arn:W(- n 0); arn:A(- sess 0)", LOOK_FOUND, __LINE__},
	/* The credentials file goes before the other, key by key. */
	{"[a]\nexternal_id=mine\n",
		"[profile a]\n" ROLE(
			"A") "external_id=x\ncredential_source=Environment\n",
		"a", "environment; arn:A(mine sess 0)", LOOK_FOUND, __LINE__},

	{NULL, "[profile a]\n" ROLE("A"), "a",
		"profile 'a' has role_arn without source_profile or credential_source",
		LOOK_FAILED, __LINE__},
	{NULL, "[profile a]\n" ROLE("A") "source_profile=a\ncredential_source=x\n", "a",
		"has both source_profile and credential_source", LOOK_FAILED, __LINE__},
	{NULL, "[profile a]\n" ROLE("A") "credential_source=Imds\n", "a",
		"credential_source is 'Imds'", LOOK_FAILED, __LINE__},
	{NULL, "[profile a]\n" ROLE("A") "mfa_serial=x\nsource_profile=a\n", "a",
		"has mfa_serial", LOOK_FAILED, __LINE__},
	{NULL, "[profile a]\n" ROLE("A") "source_profile=a\n", "a",
		"source_profile leads back to 'a'", LOOK_FAILED, __LINE__},
	{NULL,
		"[profile a]\n" ROLE("A") "source_profile=b\n[profile b]\n" ROLE(
			"B") "source_profile=a\n",
		"a", "profile 'b': source_profile leads back to 'a'", LOOK_FAILED,
		__LINE__},
	{NULL, "[profile a]\n" ROLE("A") "source_profile=b\n", "a",
		"its source_profile 'b' is nowhere", LOOK_FAILED, __LINE__},
	{NULL, "[profile a]\n" ROLE("A") "source_profile=b\n[profile b]\nregion=x\n",
		"a", "its source_profile 'b' has no keys", LOOK_FAILED, __LINE__},
	{NULL,
		"[profile a]\n" ROLE(
			"A") "source_profile=b\n[profile b]\nsso_session=x\n",
		"a", "profile 'b' has sso_session, but single sign-on", LOOK_FAILED,
		__LINE__},
	{NULL,
		"[profile a]\n" ROLE("A") "source_profile=b\n[profile b]\n"
					  "credential_process=x\n",
		"a", "never run", LOOK_FAILED, __LINE__},
	{NULL,
		"[profile a]\n" ROLE("A") "source_profile=b\n[profile b]\n"
					  "aws_access_key_id=B\n",
		"a", "'b' has aws_access_key_id without", LOOK_FAILED, __LINE__},
	{NULL, "[profile a]\nweb_identity_token_file=/t\n", "a",
		"'a' has web_identity_token_file without role_arn", LOOK_FAILED,
		__LINE__},
	{NULL,
		"[profile a]\n" ROLE("A") "credential_source=Environment\n"
					  "duration_seconds=899\n",
		"a", "duration_seconds is not a number from 900 to 43200", LOOK_FAILED,
		__LINE__},
	{NULL,
		"[profile a]\n" ROLE("A") "credential_source=Environment\n"
					  "duration_seconds=43201\n",
		"a", "duration_seconds", LOOK_FAILED, __LINE__},
	{NULL,
		"[profile a]\n" ROLE("A") "credential_source=Environment\n"
					  "duration_seconds=1h\n",
		"a", "duration_seconds", LOOK_FAILED, __LINE__},
	{NULL,
		"[profile a]\n" ROLE("A") "credential_source=Environment\n"
					  "duration_seconds=-900\n",
		"a", "duration_seconds", LOOK_FAILED, __LINE__},
	{NULL, NULL, "a", "profile 'a'", LOOK_FAILED, __LINE__},
	{"[b]\n", NULL, "a", "no such profile", LOOK_FAILED, __LINE__},
	{NULL, "[profile a]\nregion=x\n", "a", "no keys in that profile", LOOK_NONE,
		__LINE__},
	{NULL, NULL, NULL, "profile 'default'", LOOK_NONE, __LINE__},
	{"[broken\n", NULL, NULL, "line 1", LOOK_FAILED, __LINE__},
};

static void
add_role(struct buf *out, const struct role *r)
{
	buf_printf(out, "%s(%s %s %u)", r->arn,
		r->external_id != NULL ? r->external_id : "-",
		r->session != NULL ? r->session : "-", r->duration_s);
}

static char *
show(const struct plan *p)
{
	static const char *const words[] = {
		[PLAN_KEYS] = "keys ",
		[PLAN_ENVIRONMENT] = "environment",
		[PLAN_CONTAINER] = "container",
		[PLAN_IMDS] = "imds",
		[PLAN_WEB_IDENTITY] = "web ",
	};
	struct buf out = {0};

	buf_puts(&out, words[p->base]);
	if (p->base == PLAN_KEYS)
		buf_puts(&out, p->keys.id);
	if (p->base == PLAN_WEB_IDENTITY) {
		buf_printf(&out, "%s ", p->token_file);
		add_role(&out, &p->web);
	}
	for (size_t i = 0; i < p->role_count; i++) {
		buf_puts(&out, "; ");
		add_role(&out, &p->roles[i]);
	}
	return buf_take(&out);
}

static char *
read_and_show(const struct ec2_creds_source *source, enum look *ret_look)
{
	struct plan plan = {.base = PLAN_KEYS};
	struct err err = {0};
	char *text;
	bool first;

	*ret_look = plan_read(source, &plan, &first, &err);
	if (*ret_look != LOOK_FOUND) {
		ck_assert_int_eq(err.reason, REASON_AUTH);
		return xstrdup(err.text);
	}
	text = show(&plan);
	plan_fini(&plan);
	return text;
}

START_TEST(test_plans)
{
	const struct plan_case *c = &cases[_i];
	const struct ec2_creds_source source = {
		.profile = c->profile,
		.session_name = "sess",
	};
	AUTO(free) char *text = NULL;
	enum look look;

	if (c->credentials != NULL)
		look_write(".aws/credentials", 0600, c->credentials);
	if (c->config != NULL)
		look_write(".aws/config", 0600, c->config);
	text = read_and_show(&source, &look);
	ck_assert_msg(look == c->look, "line %d: %d: %s", c->line, (int)look, text);
	ck_assert_msg(look == LOOK_FOUND ? strcmp(text, c->seen) == 0
					 : strstr(text, c->seen) != NULL,
		"line %d: %s", c->line, text);
}
END_TEST

/* Eight profiles in a row are many; nine are a mistake. */
START_TEST(test_a_long_way)
{
	for (int profiles = 7; profiles <= 9; profiles++) {
		const struct ec2_creds_source source = {.profile = "p0"};
		AUTO(buf) struct buf text = {0};
		AUTO(free) char *seen = NULL;
		enum look look;

		for (int i = 0; i < profiles; i++)
			buf_printf(&text,
				"[profile p%d]\nrole_arn=arn:%d\nsource_profile=p%d\n",
				i, i, i + 1);
		buf_printf(&text, "[profile p%d]\n" KEYS("K"), profiles);
		look_write(".aws/config", 0600, buf_str(&text));
		seen = read_and_show(&source, &look);
		if (profiles <= 8)
			ck_assert_msg(look == LOOK_FOUND, "%d: %s", profiles, seen);
		else
			ck_assert_ptr_nonnull(strstr(seen, "more than 8 profiles"));
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("plan");
	TCase *tc = tcase_create("plan");

	tcase_add_checked_fixture(tc, look_setup, look_teardown);
	tcase_add_loop_test(tc, test_plans, 0, (int)COUNT_OF(cases));
	tcase_add_test(tc, test_a_long_way);
	suite_add_tcase(suite, tc);
	return suite;
}
