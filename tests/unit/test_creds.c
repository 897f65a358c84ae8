/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/mem.h"
#include "ec2/creds.h"
#include "ec2/sigv4.h"
#include "sys/file.h"
#include "sys/http.h"
#include "sys/loop.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct loop *loop;
static struct http *http;
static char *home, *credentials, *config;

static void
setup(void)
{
	char dir[] = "/tmp/test-creds-XXXXXX";
	AUTO(free) char *aws = NULL;
	struct err err;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	home = xstrdup(dir);
	aws = xasprintf("%s/.aws", home);
	ck_assert_int_eq(mkdir(aws, 0700), 0);
	credentials = xasprintf("%s/credentials", aws);
	config = xasprintf("%s/config", aws);
	setenv("HOME", home, 1);
	loop = loop_new(&err);
	ck_assert_ptr_nonnull(loop);
	http = http_new(loop, "ec2workerd/test", &err);
	ck_assert_ptr_nonnull(http);
}

static void
teardown(void)
{
	AUTO(free) char *aws = xasprintf("%s/.aws", home);

	http_free(http);
	loop_free(loop);
	unlink(credentials);
	unlink(config);
	rmdir(aws);
	rmdir(home);
	free(home);
	free(credentials);
	free(config);
}

static void
write_file(const char *path, mode_t mode, const char *text)
{
	struct err err = {0};

	ck_assert_msg(file_write(path, mode, text, strlen(text), &err) == 0, "%s",
		err.text);
}

/* What a look gave: "id secret token", or the error's sentence. */
struct seen {
	unsigned count;
	char *text;
	int reason;
};

static void
on_keys(void *arg, const struct sigv4_keys *keys, const struct err *err)
{
	struct seen *seen = arg;

	seen->count++;
	free(seen->text);
	if (keys != NULL)
		seen->text = xasprintf("%s %s %s", keys->id, keys->secret,
			keys->token != NULL ? keys->token : "-");
	else
		seen->text = xstrdup(err->text);
	seen->reason = keys != NULL ? REASON_NONE : (int)err->reason;
}

static void
ask(struct ec2_creds *c, struct seen *seen)
{
	unsigned before = seen->count;

	ck_assert_ptr_nonnull(ec2_creds_get(c, on_keys, seen));
	ck_assert_uint_eq(seen->count, before);
	for (int turn = 0; seen->count == before && turn < 10; turn++)
		loop_turn(loop, false);
	ck_assert_uint_eq(seen->count, before + 1);
}

static void
check(const struct ec2_creds_source *source, const char *name, const char *text,
	int line)
{
	struct ec2_creds *c = ec2_creds_new(loop, http, source);
	struct seen seen = {0};

	ask(c, &seen);
	ck_assert_msg(strcmp(ec2_creds_name(c), name) == 0, "line %d: %s", line,
		ec2_creds_name(c));
	ck_assert_msg(strstr(seen.text, text) != NULL, "line %d: %s", line, seen.text);
	free(seen.text);
	ec2_creds_unref(c);
}

START_TEST(test_explicit_keys)
{
	const struct ec2_creds_source source = {.identifier = "AKIA1", .secret = "s1"};
	struct ec2_creds_source with_token = source;

	setenv("AWS_ACCESS_KEY_ID", "other", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "other", 1);
	check(&source, "keys:AKIA1", "AKIA1 s1 -", __LINE__);
	with_token.session_token = "t1";
	check(&with_token, "keys:AKIA1", "AKIA1 s1 t1", __LINE__);
}
END_TEST

START_TEST(test_half_explicit_keys)
{
	const struct ec2_creds_source source = {.identifier = "AKIA1"};

	check(&source, "keys:AKIA1", "identifier is given without secret_identifier",
		__LINE__);
}
END_TEST

START_TEST(test_environment)
{
	const struct ec2_creds_source source = {0};

	write_file(credentials, 0600,
		"[default]\naws_access_key_id=F\naws_secret_access_key=f\n");
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	check(&source, "environment", "AWS_ACCESS_KEY_ID is given without", __LINE__);
	setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
	check(&source, "environment", "E e -", __LINE__);
	setenv("AWS_SESSION_TOKEN", "t", 1);
	check(&source, "environment", "E e t", __LINE__);
	setenv("AWS_ACCESS_KEY_ID", "", 1);
	check(&source, "profile:default", "F f -", __LINE__);
}
END_TEST

/* A profile that the configuration names is meant, whatever the environment says. */
START_TEST(test_named_profile_goes_before_the_environment)
{
	const struct ec2_creds_source source = {.profile = "ci"};
	const struct ec2_creds_source unnamed = {0};

	write_file(credentials, 0600,
		"[ci]\naws_access_key_id=C\naws_secret_access_key=c\n");
	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
	check(&source, "profile:ci", "C c -", __LINE__);
	setenv("AWS_PROFILE", "ci", 1);
	check(&unnamed, "environment", "E e -", __LINE__);
}
END_TEST

#define KEYS(name, id)                                                                 \
	"[" name "]\naws_access_key_id = " id "\naws_secret_access_key = s" id "\n"

/* Both files, or NULL for none, and what comes of them. */
static const struct {
	const char *credentials, *config, *profile, *seen;
	int line;
} files[] = {
	{KEYS("default", "D"), NULL, NULL, "D sD -", __LINE__},
	{KEYS("default", "D") KEYS("ci", "C"), NULL, "ci", "C sC -", __LINE__},
	{KEYS("default", "D") "aws_session_token = t\n", NULL, NULL, "D sD t",
		__LINE__},
	{KEYS("default", "D") "aws_session_token =\n", NULL, NULL, "D sD -", __LINE__},
	{NULL, KEYS("default", "D"), NULL, "D sD -", __LINE__},
	{NULL, KEYS("profile default", "D"), NULL, "D sD -", __LINE__},
	{NULL, KEYS("profile ci", "C"), "ci", "C sC -", __LINE__},
	{NULL, KEYS("profile \"two words\"", "C"), "two words", "C sC -", __LINE__},
	{NULL, KEYS("profile   ci", "C"), "ci", "C sC -", __LINE__},
	{NULL, KEYS("ci", "C"), "ci", "no such profile", __LINE__},
	{NULL, KEYS("profileci", "C"), "ci", "no such profile", __LINE__},
	{KEYS("profile ci", "C"), NULL, "ci", "no such profile", __LINE__},
	{KEYS("default", "D"), KEYS("default", "X"), NULL, "D sD -", __LINE__},
	{"[default]\nregion = r\n", KEYS("default", "X"), NULL, "X sX -", __LINE__},
	{KEYS("default", "A") KEYS("b", "B") KEYS("default", "Z"), NULL, NULL, "Z sZ -",
		__LINE__},
	{"\xef\xbb\xbf[default]\r\naws_access_key_id=D\r\naws_secret_access_key=s/+=\r\n",
		NULL, NULL, "D s/+= -", __LINE__},
	{"[default]\naws_access_key_id=D\ns3 =\n  aws_secret_access_key = nested\n",
		NULL, NULL, "has aws_access_key_id without aws_secret_access_key",
		__LINE__},
	{NULL, NULL, NULL, "no credentials: ", __LINE__},
	{KEYS("default", "D"), NULL, "ci", "no such profile", __LINE__},
	{"[ci]\n", NULL, "ci", "no keys in that profile", __LINE__},
	{"[default]\naws_access_key_id\n", NULL, NULL, "line 2: neither", __LINE__},
	{KEYS("ci", "C"), "[profile ci]\nsso_session = x\n", "ci",
		"sso_session, but single sign-on", __LINE__},
	{KEYS("ci", "C"), "[profile ci]\nsso_start_url = x\n", "ci",
		"sso_start_url, but single sign-on", __LINE__},
	{NULL, "[default]\nweb_identity_token_file = x\n", NULL,
		"profile 'default' has web_identity_token_file without role_arn",
		__LINE__},
	{NULL, "[default]\ncredential_process = x\n", NULL, "a program that prints",
		__LINE__},
	{KEYS("default", "D"), "[default]\ncredential_process = x\n", NULL, "D sD -",
		__LINE__},
	{NULL, KEYS("default", "X") "credential_process = x\n", NULL,
		"a program that prints", __LINE__},
	{KEYS("default", "D"), "[profile other]\nrole_arn = arn:x\n", NULL, "D sD -",
		__LINE__},
	{KEYS("default", "D"), "[default]\nsource_profile = y\n", NULL, "D sD -",
		__LINE__},
};

START_TEST(test_files)
{
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		const struct ec2_creds_source source = {.profile = files[i].profile};
		AUTO(free)
		char *name = xasprintf("profile:%s",
			files[i].profile != NULL ? files[i].profile : "default");

		unlink(credentials);
		unlink(config);
		if (files[i].credentials != NULL)
			write_file(credentials, 0600, files[i].credentials);
		if (files[i].config != NULL)
			write_file(config, 0600, files[i].config);
		check(&source, name, files[i].seen, files[i].line);
	}
}
END_TEST

START_TEST(test_failures_have_the_reason_auth)
{
	static const struct ec2_creds_source sources[] = {
		{.identifier = "x"},
		{.profile = "nobody"},
		{.shared_credentials_file = "/"},
	};

	for (size_t i = 0; i < COUNT_OF(sources); i++) {
		struct ec2_creds *c = ec2_creds_new(loop, http, &sources[i]);
		struct seen seen = {0};

		ask(c, &seen);
		ck_assert_msg(seen.reason == REASON_AUTH, "%zu: %s", i, seen.text);
		free(seen.text);
		ec2_creds_unref(c);
	}
}
END_TEST

START_TEST(test_files_that_others_read)
{
	const struct ec2_creds_source source = {0};
	AUTO(free)
	char *text = xasprintf("%s: holds AWS keys and can be read or written",
		credentials);

	write_file(credentials, 0640, KEYS("default", "D"));
	check(&source, "profile:default", text, __LINE__);
	write_file(credentials, 0604, KEYS("default", "D"));
	check(&source, "profile:default", text, __LINE__);
	write_file(credentials, 0620, KEYS("default", "D"));
	check(&source, "profile:default", text, __LINE__);
	/* Without keys in it a file may be read by all. */
	write_file(credentials, 0644, "[default]\nregion = r\n");
	write_file(config, 0600, KEYS("default", "X"));
	check(&source, "profile:default", "X sX -", __LINE__);
	write_file(config, 0644, KEYS("default", "X"));
	check(&source, "profile:default", "can be read or written by group or others",
		__LINE__);
}
END_TEST

START_TEST(test_files_that_are_none)
{
	const struct ec2_creds_source source = {0};

	write_file(config, 0600, KEYS("default", "X"));
	ck_assert_int_eq(symlink(config, credentials), 0);
	check(&source, "profile:default", "symbolic link", __LINE__);
	unlink(credentials);
	ck_assert_int_eq(mkfifo(credentials, 0600), 0);
	check(&source, "profile:default", "not a regular file", __LINE__);
}
END_TEST

START_TEST(test_paths)
{
	struct ec2_creds_source source = {.shared_credentials_file = "~/.aws/config"};
	AUTO(free) char *elsewhere = xasprintf("%s/elsewhere", home);

	write_file(config, 0600, KEYS("default", "X"));
	check(&source, "profile:default", "X sX -", __LINE__);
	source.shared_credentials_file = NULL;
	write_file(elsewhere, 0600, KEYS("profile p", "P"));
	setenv("AWS_CONFIG_FILE", elsewhere, 1);
	setenv("AWS_PROFILE", "p", 1);
	check(&source, "profile:p", "P sP -", __LINE__);
	source.config_file = config;
	check(&source, "profile:p", "no such profile", __LINE__);
	source.profile = "default";
	check(&source, "profile:default", "X sX -", __LINE__);
	unlink(elsewhere);
}
END_TEST

START_TEST(test_without_home)
{
	const struct ec2_creds_source source = {.profile = "surely-not-there"};

	unsetenv("HOME");
	check(&source, "profile:surely-not-there", "no credentials", __LINE__);
}
END_TEST

/* Files are read at the first use, and again only when EC2 has refused what they held. */
START_TEST(test_invalidate)
{
	const struct ec2_creds_source source = {0};
	struct ec2_creds *c;
	struct seen seen = {0};
	unsigned first;

	write_file(credentials, 0600, KEYS("default", "A"));
	c = ec2_creds_new(loop, http, &source);
	ask(c, &seen);
	first = ec2_creds_serial(c);
	write_file(credentials, 0600, KEYS("default", "B"));
	ask(c, &seen);
	ck_assert_str_eq(seen.text, "A sA -");
	ck_assert(ec2_creds_invalidate(c, first));
	ask(c, &seen);
	ck_assert_str_eq(seen.text, "B sB -");
	ck_assert_uint_ne(ec2_creds_serial(c), first);

	/* Somebody else whose request was signed with A is refused later: B is new to him. */
	write_file(credentials, 0600, KEYS("default", "C"));
	ck_assert(ec2_creds_invalidate(c, first));
	ask(c, &seen);
	ck_assert_str_eq(seen.text, "B sB -");

	/* What is in use survives a source that fails. */
	unlink(credentials);
	ck_assert(ec2_creds_invalidate(c, ec2_creds_serial(c)));
	ask(c, &seen);
	ck_assert_str_eq(seen.text, "B sB -");
	free(seen.text);
	ec2_creds_unref(c);
}
END_TEST

START_TEST(test_fixed_sources_cannot_change)
{
	const struct ec2_creds_source keys = {.identifier = "A", .secret = "s"};
	const struct ec2_creds_source none = {0};
	const struct ec2_creds_source *const sources[] = {&keys, &none};

	setenv("AWS_ACCESS_KEY_ID", "E", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
	for (size_t i = 0; i < COUNT_OF(sources); i++) {
		struct ec2_creds *c = ec2_creds_new(loop, http, sources[i]);
		struct seen seen = {0};

		ask(c, &seen);
		ck_assert(!ec2_creds_invalidate(c, ec2_creds_serial(c)));
		free(seen.text);
		ec2_creds_unref(c);
	}
}
END_TEST

/* No keys today: the next who asks makes us look again. */
START_TEST(test_failure_is_not_kept)
{
	const struct ec2_creds_source source = {0};
	struct ec2_creds *c = ec2_creds_new(loop, http, &source);
	struct seen seen = {0};

	ask(c, &seen);
	ck_assert_int_eq(seen.reason, REASON_AUTH);
	write_file(credentials, 0600, KEYS("default", "A"));
	ask(c, &seen);
	ck_assert_str_eq(seen.text, "A sA -");
	free(seen.text);
	ec2_creds_unref(c);
}
END_TEST

/* Somebody who does more in the callback than to look at the keys. */
struct meddler {
	struct ec2_creds *creds;
	struct ec2_creds_call *other; /* to be cancelled, or NULL */
	struct seen *again;           /* asks once more for it, or NULL */
	bool unref;
	unsigned count;
};

static void
on_keys_meddle(void *arg, const struct sigv4_keys *keys, const struct err *err)
{
	struct meddler *m = arg;

	(void)keys;
	(void)err;
	m->count++;
	if (m->other != NULL)
		ec2_creds_cancel(m->other);
	if (m->again != NULL)
		ec2_creds_get(m->creds, on_keys, m->again);
	if (m->unref)
		ec2_creds_unref(m->creds);
}

START_TEST(test_cancel_among_those_who_wait)
{
	const struct ec2_creds_source source = {.identifier = "A", .secret = "s"};
	struct ec2_creds *c = ec2_creds_new(loop, http, &source);
	struct seen cancelled = {0}, late = {0}, again = {0};
	struct meddler m = {.creds = c, .again = &again};

	ec2_creds_cancel(NULL);
	ec2_creds_cancel(ec2_creds_get(c, on_keys, &cancelled));
	ec2_creds_get(c, on_keys_meddle, &m);
	m.other = ec2_creds_get(c, on_keys, &cancelled);
	ec2_creds_get(c, on_keys, &late);
	for (int turn = 0; turn < 5; turn++)
		loop_turn(loop, false);
	ck_assert_uint_eq(cancelled.count, 0);
	ck_assert_uint_eq(m.count, 1);
	ck_assert_uint_eq(late.count, 1);
	ck_assert_uint_eq(again.count, 1);
	free(late.text);
	free(again.text);
	ec2_creds_unref(c);
}
END_TEST

START_TEST(test_unref_in_the_callback)
{
	const struct ec2_creds_source source = {.identifier = "A", .secret = "s"};
	struct ec2_creds *c = ec2_creds_new(loop, http, &source);
	struct meddler m = {.creds = c, .unref = true};

	ec2_creds_get(c, on_keys_meddle, &m);
	for (int turn = 0; turn < 5; turn++)
		loop_turn(loop, false);
	ck_assert_uint_eq(m.count, 1);
}
END_TEST

START_TEST(test_unref_while_waiting)
{
	const struct ec2_creds_source source = {.identifier = "A", .secret = "s"};
	struct ec2_creds *c = ec2_creds_ref(ec2_creds_new(loop, http, &source));
	struct seen seen = {0};

	ec2_creds_get(c, on_keys, &seen);
	ec2_creds_unref(c);
	ec2_creds_unref(c);
	loop_turn(loop, false);
	ck_assert_uint_eq(seen.count, 0);
	ec2_creds_unref(NULL);
}
END_TEST

START_TEST(test_is_the_same_source)
{
	static const struct ec2_creds_source a = {.identifier = "A", .secret = "s"};
	static const struct ec2_creds_source others[] = {
		{0},
		{.identifier = "A", .secret = "t"},
		{.identifier = "B", .secret = "s"},
		{.identifier = "A", .secret = "s", .session_token = "t"},
		{.identifier = "A", .secret = "s", .profile = "p"},
		{.identifier = "A", .secret = "s", .config_file = "c"},
		{.identifier = "A", .secret = "s", .shared_credentials_file = "c"},
	};
	struct ec2_creds *c = ec2_creds_new(loop, http, &a);

	ck_assert(ec2_creds_is(c, &a));
	for (size_t i = 0; i < COUNT_OF(others); i++)
		ck_assert_msg(!ec2_creds_is(c, &others[i]), "%zu", i);
	ec2_creds_unref(c);
}
END_TEST

static void
check_region(const struct ec2_creds_source *source, const char *expected, int line)
{
	AUTO(free) char *region = ec2_default_region(source);

	ck_assert_msg(strcmp(region, expected) == 0, "line %d: %s", line, region);
}

START_TEST(test_default_region)
{
	struct ec2_creds_source source = {0};

	check_region(&source, "us-east-1", __LINE__);
	write_file(credentials, 0644, "[default]\nregion = eu-west-3\n");
	check_region(&source, "eu-west-3", __LINE__);
	write_file(config, 0644,
		"[default]\nregion = eu-west-1\n[profile ci]\nregion = eu-west-2\n");
	check_region(&source, "eu-west-1", __LINE__);
	source.profile = "ci";
	check_region(&source, "eu-west-2", __LINE__);
	source.profile = "other";
	check_region(&source, "us-east-1", __LINE__);
	setenv("AWS_DEFAULT_REGION", "ap-south-1", 1);
	check_region(&source, "ap-south-1", __LINE__);
	setenv("AWS_REGION", "ap-south-2", 1);
	check_region(&source, "ap-south-2", __LINE__);
	unsetenv("AWS_REGION");
	unsetenv("AWS_DEFAULT_REGION");
	write_file(config, 0644, "not ini at all\n");
	check_region(&source, "us-east-1", __LINE__);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("creds");
	TCase *tc = tcase_create("creds");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_explicit_keys);
	tcase_add_test(tc, test_half_explicit_keys);
	tcase_add_test(tc, test_environment);
	tcase_add_test(tc, test_named_profile_goes_before_the_environment);
	tcase_add_test(tc, test_files);
	tcase_add_test(tc, test_failures_have_the_reason_auth);
	tcase_add_test(tc, test_files_that_others_read);
	tcase_add_test(tc, test_files_that_are_none);
	tcase_add_test(tc, test_paths);
	tcase_add_test(tc, test_without_home);
	tcase_add_test(tc, test_invalidate);
	tcase_add_test(tc, test_fixed_sources_cannot_change);
	tcase_add_test(tc, test_failure_is_not_kept);
	tcase_add_test(tc, test_cancel_among_those_who_wait);
	tcase_add_test(tc, test_unref_in_the_callback);
	tcase_add_test(tc, test_unref_while_waiting);
	tcase_add_test(tc, test_is_the_same_source);
	tcase_add_test(tc, test_default_region);
	suite_add_tcase(suite, tc);
	return suite;
}
