/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to structs: ranges, defaults, variables, user data, what YAML has in store, and
 * what becomes of references.
 */
#include "conf_util.h"
#include "unit.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/tmpl.h"
#include "conf/conf.h"
#include "conf/conf_load.h"
#include "sys/crypto.h"
#include "sys/yaml.h"

#include <string.h>

/* Defaults that leave a row nothing to say. */
#define DEFAULTS                                                                       \
	"pool: p\n"                                                                    \
	"worker_defaults:\n"                                                           \
	"  password: sekrit\n"                                                         \
	"  instance_type: m5.large\n"                                                  \
	"  ami: ami-1\n"                                                               \
	"  keypair_name: k\n"                                                          \
	"  security_name: g\n"

static void
check_told(int line, const char *text, const char *told)
{
	AUTO(free) char *got = conf_told(text, NULL, NULL);

	ck_assert_msg(strstr(got, told) != NULL, "line %d: %s", line, got);
}

START_TEST(ranges_make_workers)
{
	struct conf *conf = conf_good(DEFAULTS "workers:\n"
					       "  zeta:\n"
					       "  \"linux-[01-40]\": { ami: ami-2 }\n"
					       "  alpha: {}\n");

	ck_assert_uint_eq(conf->worker_count, 42);
	ck_assert_str_eq(conf->workers[0]->name, "zeta");
	ck_assert_str_eq(conf->workers[1]->name, "linux-01");
	ck_assert_str_eq(conf->workers[40]->name, "linux-40");
	ck_assert_str_eq(conf->workers[41]->name, "alpha");
	ck_assert_uint_eq(conf->workers[0]->line, 9);
	ck_assert_uint_eq(conf->workers[17]->line, 10);
	ck_assert_str_eq(conf->workers[17]->ami, "ami-2");
	ck_assert_str_eq(conf->workers[41]->ami, "ami-1");
	ck_assert_str_eq(conf->workers[17]->password.text, "sekrit");
	for (size_t i = 0; i < conf->worker_count; i++)
		ck_assert_ptr_eq(conf_find(conf, conf->workers[i]->name),
			conf->workers[i]);
	ck_assert_ptr_null(conf_find(conf, "linux-1"));
	ck_assert_ptr_null(conf_find(conf, "linux-41"));
	ck_assert_ptr_null(conf_find(conf, ""));
	conf_free(conf);
}
END_TEST

START_TEST(names_are_made_once)
{
	static const struct {
		int line;
		const char *workers, *told;
	} cases[] = {
		{__LINE__, "  a-[1-3]:\n  a-2:\n",
			"t.yaml:10:3: error: workers.a-2: makes the worker a-2, as line 9 does "
			"already\n"},
		{__LINE__, "  a2:\n  a[1-3]:\n",
			"t.yaml:10:3: error: workers.a[1-3]: makes the worker a2, as line 9 does "
			"already\n"},
		{__LINE__, "  a[1-11][1-11]:\n",
			"t.yaml:9:3: error: workers.a[1-11][1-11]: makes the worker a111, as line 9 "
			"does already\n"},
		{__LINE__, "  a:\n  a:\n", "t.yaml:10:3: error: workers.a: "},
		{__LINE__, "  a[1-9999]:\n  b:\n  c:\n",
			"t.yaml:11:3: error: workers: more than 10000 workers\n"},
		{__LINE__, "  a[1-9999]:\n  b[1-2]:\n",
			"t.yaml:10:3: error: workers.b[1-2]: makes too many workers; a pool has at "
			"most 10000\n"},
		{__LINE__, "  \"a b\":\n",
			"t.yaml:9:3: error: workers.a b: is no name;"},
		{__LINE__, "  \"\":\n", "t.yaml:9:3: error: workers.: is no name;"},
		{__LINE__, "  a[1-:\n",
			"t.yaml:9:3: error: workers.a[1-: [1- is no range; write it as [1-40] or "
			"[01-40]\n"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(free)
		char *text = xasprintf(DEFAULTS "workers:\n%s", cases[i].workers);

		check_told(cases[i].line, text, cases[i].told);
	}
}
END_TEST

/* A file that is all wrong is not read to its end. */
START_TEST(enough_is_enough)
{
	struct conf_problems *problems = conf_problems_new();
	AUTO(buf) struct buf text = {.data = NULL};

	buf_puts(&text, DEFAULTS "workers:\n");
	for (unsigned i = 0; i < 5000; i++)
		buf_printf(&text, "  w%u: { ami: 5 }\n", i);
	ck_assert_ptr_null(conf_parse(text.data, text.len, "t", NULL, problems));
	ck_assert_uint_eq(conf_problems_diags(problems)->errors, 101);
	ck_assert_str_eq(conf_problems_diags(problems)->items[100].text,
		"too many errors; the workers from here on were not looked at");
	conf_problems_free(problems);
}
END_TEST

START_TEST(ten_thousand_workers)
{
	struct conf *conf = conf_good(DEFAULTS "  user_data: \"{{ worker }}\"\n"
					       "workers:\n  \"w[0-9999]\":\n");

	ck_assert_uint_eq(conf->worker_count, 10000);
	ck_assert_ptr_eq(conf->workers[0]->user_data, conf->workers[9999]->user_data);
	ck_assert_ptr_eq(conf->workers[0]->user_data_tmpl,
		conf->workers[9999]->user_data_tmpl);
	ck_assert_ptr_eq(conf_find(conf, "w5000"), conf->workers[5000]);
	conf_free(conf);
}
END_TEST

/* By key, each value as a whole. */
START_TEST(defaults_are_merged_by_key)
{
	struct conf *conf = conf_good(DEFAULTS "  tags: { a: 1, b: 2 }\n"
					       "  notify_on_missing: [x@y, z@y]\n"
					       "  missing_timeout: 5m\n"
					       "  vars: { one: d }\n"
					       "vars: { one: pool, two: pool }\n"
					       "workers:\n"
					       "  plain:\n"
					       "  own:\n"
					       "    tags: { c: 3 }\n"
					       "    notify_on_missing: o@y\n"
					       "    missing_timeout: null\n"
					       "    vars: { two: w, three: w }\n");
	const struct conf_worker *plain = conf_find(conf, "plain");
	const struct conf_worker *own = conf_find(conf, "own");

	ck_assert_uint_eq(plain->tags.count, 2);
	ck_assert_str_eq(strmap_get(&plain->tags, "b"), "2");
	ck_assert_uint_eq(own->tags.count, 1);
	ck_assert_str_eq(strmap_get(&own->tags, "c"), "3");
	ck_assert_uint_eq(plain->notify_on_missing.count, 2);
	ck_assert_uint_eq(own->notify_on_missing.count, 1);
	ck_assert_str_eq(own->notify_on_missing.items[0], "o@y");
	ck_assert_int_eq(plain->missing_timeout, 300000);
	ck_assert_int_eq(own->missing_timeout, FIELD_NULL);
	ck_assert_str_eq(strmap_get(&plain->vars, "one"), "d");
	ck_assert_str_eq(strmap_get(&plain->vars, "two"), "pool");
	ck_assert_str_eq(strmap_get(&own->vars, "one"), "pool");
	ck_assert_str_eq(strmap_get(&own->vars, "two"), "w");
	ck_assert_str_eq(strmap_get(&own->vars, "three"), "w");
	ck_assert_uint_eq(own->vars.count, 3);
	conf_free(conf);
}
END_TEST

/* The other of two ways in a row does not hide the one in the defaults. */
START_TEST(defaults_take_part_in_the_rules)
{
	check_told(__LINE__, DEFAULTS "workers:\n  a:\n    subnet_id: subnet-1\n",
		"t.yaml:10:5: error: workers.a.subnet_id: not together with security_name (line "
		"7); name the groups in security_group_ids\n");
	check_told(__LINE__, DEFAULTS "workers:\n  a:\n    password_file: x\n",
		"t.yaml:10:5: error: workers.a.password_file: not together with password (line "
		"3)\n");
	check_told(__LINE__,
		DEFAULTS "  identifier: A\nworkers:\n  a: { secret_identifier: x }\n",
		"t.yaml:10:8: error: workers.a.secret_identifier: needs identifier beside it\n");
	check_told(__LINE__,
		DEFAULTS "  identifier: A\nworkers:\n  a: { secret_identifier: x }\n",
		"t.yaml:8:3: error: worker_defaults.identifier: needs secret_identifier beside "
		"it\n");
}
END_TEST

START_TEST(a_region_is_inherited)
{
	struct conf *conf = conf_good(DEFAULTS "aws: { region: us-west-2 }\n"
					       "workers:\n"
					       "  a:\n"
					       "  b: { region: eu-west-1 }\n");

	ck_assert_str_eq(conf->workers[0]->region, "us-west-2");
	ck_assert_str_eq(conf->workers[1]->region, "eu-west-1");
	conf_free(conf);
}
END_TEST

START_TEST(the_whole_file_in_structs)
{
	static const char text[] =
		"pool: p\n"
		"socket: /tmp/s\n"
		"socket_mode: 0600\n"
		"socket_group: g\n"
		"state_dir: /tmp/state\n"
		"on_stop: terminate\n"
		"owner_timeout: 1s\n"
		"owner_build_timeout: 90\n"
		"log_level: debug\n"
		"access: { admin: [a, \"@b\"], operate: c }\n"
		"aws: { identifier: A, secret_identifier: s, session_token: t,\n"
		"  profile: q, shared_credentials_file: cred, config_file: /c,\n"
		"  ca_file: sub/ca, endpoint_url: \"http://127.0.0.1:1\",\n"
		"  role_arn: \"arn:aws:iam::123456789012:role/r\", external_id: ext,\n"
		"  role_session_name: ses, sts_endpoint_url: \"http://127.0.0.1:2\",\n"
		"  imds_endpoint_url: \"http://127.0.0.1:3\" }\n"
		"mail: { smtp_url: \"smtp://h\", from: a@b }\n"
		"workers: { w: { password: generated, instance_type: m5.large,\n"
		"  ami: ami-1, keypair_name: k, subnet_id: subnet-1,\n"
		"  security_group_ids: [sg-1], placement: b,\n"
		"  instance_profile_name: i, identifier: B,\n"
		"  secret_identifier: u, build_wait_timeout: -1,\n"
		"  pending_timeout: 90s } }\n";
	struct conf *conf = conf_good(text);
	const struct conf_worker *w = conf->workers[0];
	char digest[CRYPTO_HEX_SIZE];

	ck_assert_uint_eq(conf->socket_mode, 0600);
	ck_assert_str_eq(conf->socket_group, "g");
	ck_assert_int_eq(conf->on_stop, CONF_STOP_TERMINATE);
	ck_assert_int_eq(conf->owner_timeout, 1000);
	ck_assert_int_eq(conf->owner_build_timeout, 90000);
	ck_assert_int_eq(conf->log_level, 3);
	ck_assert_str_eq(conf->access.admin.items[1], "@b");
	ck_assert_str_eq(conf->access.operate.items[0], "c");
	ck_assert_str_eq(conf->aws.secret_identifier.text, "s");
	ck_assert_str_eq(conf->aws.session_token.text, "t");
	ck_assert_str_eq(conf->aws.shared_credentials_file, "/nowhere/cred");
	ck_assert_str_eq(conf->aws.config_file, "/c");
	ck_assert_str_eq(conf->aws.ca_file, "/nowhere/sub/ca");
	ck_assert_str_eq(conf->aws.role_arn, "arn:aws:iam::123456789012:role/r");
	ck_assert_str_eq(conf->aws.external_id, "ext");
	ck_assert_str_eq(conf->aws.role_session_name, "ses");
	ck_assert_str_eq(conf->aws.endpoint_url, "http://127.0.0.1:1");
	ck_assert_str_eq(conf->aws.sts_endpoint_url, "http://127.0.0.1:2");
	ck_assert_str_eq(conf->aws.imds_endpoint_url, "http://127.0.0.1:3");
	ck_assert_str_eq(conf->mail.from, "a@b");
	ck_assert_str_eq(conf->digest, crypto_sha256_hex(text, strlen(text), digest));
	ck_assert(w->password_generated);
	ck_assert_ptr_null(w->password.text);
	ck_assert_str_eq(w->secret_identifier.text, "u");
	ck_assert_int_lt(w->build_wait_timeout, 0);
	ck_assert_int_eq(w->pending_timeout, 90000);
	conf_free(conf);
}
END_TEST

/* FAULTS.md C2 to C5: what YAML would make of it does not count, or is refused. */
START_TEST(traps_of_yaml)
{
	static const struct {
		int line;
		const char *text, *told; /* told NULL: taken */
	} cases[] = {
		{__LINE__, DEFAULTS "workers:\r\n  a:\r\n", NULL},
		{__LINE__, "\357\273\277" DEFAULTS "workers: { a: }\n", NULL},
		{__LINE__,
			DEFAULTS
			"vars: { a: no, b: 012, c: 1e3, d: 2026-01-01, e: ~x }\n"
			"workers: { a: }\n",
			NULL},
		{__LINE__,
			DEFAULTS
			"workers:\n  no: { password: 012 }\n  012: { password: yes }\n",
			NULL},
		{__LINE__, DEFAULTS "pool: q\nworkers: { a: }\n",
			"8:1: error: pool: this key is there already, in line 1\n"},
		{__LINE__, DEFAULTS "workers: { a: &x {}, b: *x }\n", "error: "},
		{__LINE__, DEFAULTS "workers:\n  a:\n    <<: {}\n", "error: "},
		{__LINE__, DEFAULTS "workers:\n\ta:\n", "error: "},
		{__LINE__, DEFAULTS "workers: !!map { a: }\n", "error: "},
		{__LINE__, DEFAULTS "---\nworkers: { a: }\n", "error: "},
		{__LINE__, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "error: "},
		{__LINE__, "", "error: pool: required\n"},
		{__LINE__, "# nothing\n", "error: pool: required\n"},
		{__LINE__, "\377\376", "error: "},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (cases[i].told != NULL)
			check_told(cases[i].line, cases[i].text, cases[i].told);
		else
			conf_free(conf_good(cases[i].text));
	}
}
END_TEST

START_TEST(a_nul_and_a_mebibyte)
{
	struct conf_problems *problems = conf_problems_new();
	struct buf text = {.data = NULL};

	ck_assert_ptr_null(conf_parse("pool: p\0q\n", 10, "t", NULL, problems));
	ck_assert_uint_gt(conf_problems_diags(problems)->errors, 0);

	buf_puts(&text, DEFAULTS "workers: { a: }\n#");
	while (text.len < YAML_SIZE_MAX)
		buf_putc(&text, 'x');
	conf_free(conf_parse(text.data, text.len, "t", NULL, problems));
	ck_assert_uint_eq(conf_problems_diags(problems)->count, 0);
	buf_putc(&text, 'x');
	ck_assert_ptr_null(conf_parse(text.data, text.len, "t", NULL, problems));
	ck_assert_uint_eq(conf_problems_diags(problems)->errors, 1);
	buf_fini(&text);
	conf_problems_free(problems);
	conf_problems_free(NULL);
}
END_TEST

/* The text of a worker whose user data is filled up to n bytes by a variable. */
static char *
filled(const char *row, const char *user_data, size_t pad)
{
	char *x = xmalloc(pad + 1);
	char *text;

	memset(x, 'x', pad);
	x[pad] = '\0';
	text = xasprintf("aws: { region: us-west-2 }\n" DEFAULTS "vars: { x: %s }\n"
			 "workers:\n  %s:\n    user_data: \"%s\"\n",
		x, row, user_data);
	free(x);
	return text;
}

/* FAULTS.md A37: measured with every name at its longest. */
START_TEST(user_data_is_measured_filled_in)
{
	static const struct {
		int line;
		const char *row, *user_data;
		size_t rest; /* what the other parts take, filled in */
	} cases[] = {
		{__LINE__, "a", "{{ vars.x }}", 0},
		{__LINE__, "a", "12345{{ vars.x }}", 5},
		{__LINE__, "a", "{{ vars.x }}{{ worker }}", 1},
		{__LINE__, "a[98-101]", "{{ vars.x }}{{ worker }}", 4},
		{__LINE__, "a", "{{ vars.x }}{{ password }}", 6},
		{__LINE__, "a", "{{ vars.x }}{{ pool }}", 1},
		{__LINE__, "a", "{{ vars.x }}{{ region }}", 9},
		{__LINE__, "a", "{{ vars.x }}{{ generation }}", 19},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t room = CONF_USER_DATA_MAX - cases[i].rest;
		AUTO(free) char *most = filled(cases[i].row, cases[i].user_data, room);
		AUTO(free) char *told = NULL;
		struct conf *conf;

		told = conf_told(most, NULL, &conf);
		ck_assert_msg(told[0] == '\0' && conf != NULL, "line %d: %.300s",
			cases[i].line, told);
		conf_free(conf);
		if (cases[i].rest > 0) {
			AUTO(free)
			char *over = filled(cases[i].row, cases[i].user_data, room + 1);

			check_told(cases[i].line, over,
				"up to 16385 bytes when filled in; EC2 takes at most 16384\n");
		}
	}
}
END_TEST

/* A generated password counts with its greatest length; so does repetition. */
START_TEST(user_data_that_grows)
{
	struct buf text = {.data = NULL};

	buf_puts(&text,
		DEFAULTS "workers:\n  a:\n    password: generated\n    user_data: \"");
	for (size_t i = 0; i < 256; i++)
		buf_puts(&text, "{{ password }}");
	buf_puts(&text, ".\"\n");
	check_told(__LINE__, buf_str(&text), "up to 16385 bytes when filled in");
	buf_fini(&text);

	/* 1,000 times 16 KiB must not be built to be refused. */
	buf_puts(&text, DEFAULTS "vars:\n  x: ");
	for (size_t i = 0; i < CONF_USER_DATA_MAX; i++)
		buf_putc(&text, 'x');
	buf_puts(&text, "\nworkers:\n  a:\n    user_data: \"");
	for (size_t i = 0; i < 1000; i++)
		buf_puts(&text, "{{ vars.x }}");
	buf_puts(&text, "\"\n");
	check_told(__LINE__, buf_str(&text), "up to 16384000 bytes when filled in");
	buf_fini(&text);
}
END_TEST

START_TEST(a_password_nobody_hands_over)
{
	struct conf *conf;
	AUTO(free)
	char *told = conf_told(DEFAULTS
		"workers: { a: { password: generated, user_data: hello } }\n",
		NULL, &conf);

	ck_assert_ptr_nonnull(conf);
	ck_assert_ptr_nonnull(strstr(told,
		"t.yaml:8:49: warning: workers.a.user_data: does not use "
		"{{ password }}, so the worker cannot know the one "
		"generated for it\n"));
	conf_free(conf);
}
END_TEST

/* A worker outlives the configuration it is from, with all it refers to. */
START_TEST(references)
{
	struct conf *conf = conf_good(DEFAULTS "  user_data: \"{{ worker }}\"\n"
					       "workers:\n  \"w[1-3]\":\n");
	struct conf_worker *w = conf_worker_ref(conf->workers[1]);

	ck_assert_uint_eq(w->refs, 2);
	conf_free(conf);
	ck_assert_uint_eq(w->refs, 1);
	ck_assert_str_eq(w->name, "w2");
	ck_assert_str_eq(w->user_data, "{{ worker }}");
	ck_assert(tmpl_uses(w->user_data_tmpl, "worker"));
	conf_worker_unref(w);
	conf_worker_unref(NULL);
	conf_free(NULL);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("conf_load");
	TCase *tc = tcase_create("load");

	tcase_set_timeout(tc, 60); /* ten thousand workers under sanitizers */
	tcase_add_test(tc, ranges_make_workers);
	tcase_add_test(tc, names_are_made_once);
	tcase_add_test(tc, enough_is_enough);
	tcase_add_test(tc, ten_thousand_workers);
	tcase_add_test(tc, defaults_are_merged_by_key);
	tcase_add_test(tc, defaults_take_part_in_the_rules);
	tcase_add_test(tc, a_region_is_inherited);
	tcase_add_test(tc, the_whole_file_in_structs);
	tcase_add_test(tc, traps_of_yaml);
	tcase_add_test(tc, a_nul_and_a_mebibyte);
	tcase_add_test(tc, user_data_is_measured_filled_in);
	tcase_add_test(tc, user_data_that_grows);
	tcase_add_test(tc, a_password_nobody_hands_over);
	tcase_add_test(tc, references);
	suite_add_tcase(s, tc);
	return s;
}
