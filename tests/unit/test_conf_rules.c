/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules across keys, with the whole text that is printed; several errors at once;
 * secrets masked.
 */
#include "conf_util.h"
#include "unit.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_load.h"

#include <string.h>

#define GROUP "    security_name: g\n"

static const struct {
	int line;
	const char *text, *printed;
} rules[] = {
	{__LINE__, "pool: p\nworkers:\n  bot1:\n    user_data: x\n",
		"t.yaml:4:5: error: workers.bot1.instance_type: required\n"
		"        user_data: x\n"
		"        ^\n"
		"t.yaml:4:5: error: workers.bot1.keypair_name: required\n"
		"        user_data: x\n"
		"        ^\n"
		"t.yaml:4:5: error: workers.bot1.password: required; a password, the word "
		"generated, or password_file instead\n"
		"        user_data: x\n"
		"        ^\n"
		"t.yaml:4:5: error: workers.bot1.security_name: required without subnet_id\n"
		"        user_data: x\n"
		"        ^\n"
		"t.yaml:4:5: error: workers.bot1.ami: required; an image's id, or "
		"what to choose it by: valid_ami_owners, valid_ami_location_regex, "
		"ami_name, ami_filters\n"
		"        user_data: x\n"
		"        ^\n"},
	{__LINE__, CONF_TOP CONF_WORKER GROUP "    password_file: /x\n",
		"t.yaml:9:5: error: workers.bot1.password_file: not together with password "
		"(line 4)\n"
		"        password_file: /x\n"
		"        ^\n"},
	{__LINE__,
		CONF_TOP CONF_WORKER GROUP "    user_data_file: /x\n    user_data: y\n",
		"t.yaml:9:5: error: workers.bot1.user_data_file: not together with user_data "
		"(line 10)\n"
		"        user_data_file: /x\n"
		"        ^\n"},
	{__LINE__, CONF_TOP CONF_WORKER "    security_group_ids: [sg-1]\n",
		"t.yaml:4:5: error: workers.bot1.security_name: required without subnet_id; "
		"security_group_ids need subnet_id\n"
		"        password: ********\n"
		"        ^\n"},
	{__LINE__, CONF_TOP CONF_WORKER GROUP "    subnet_id: subnet-1\n",
		"t.yaml:8:5: error: workers.bot1.security_name: not together with subnet_id "
		"(line 9); name the groups in security_group_ids\n"
		"        security_name: g\n"
		"        ^\n"},
	{__LINE__,
		"pool: p\nworkers:\n  bot1: { password: x, ami: ami-1, keypair_name: k,\n"
		"    security_name: g, instance_type: [m5.large, c5.large, m5.large] }\n",
		"t.yaml:4:59: error: workers.bot1.instance_type.m5.large: is in the list "
		"already\n"
		"        security_name: g, instance_type: [m5.large, c5.large, m5.large] }\n"
		"                                                              ^\n"},
	{__LINE__,
		CONF_TOP CONF_WORKER GROUP
		"    spot_instance: true\n    price_multiplier: ~\n"
		"    max_spot_price: null\n",
		"t.yaml:11:5: error: workers.bot1.max_spot_price: null, and so is "
		"price_multiplier (line 10): what is to be bid?\n"
		"        max_spot_price: null\n"
		"        ^\n"},
	{__LINE__,
		CONF_TOP CONF_WORKER GROUP
		"    on_demand_fallback: true\n    retry_price_adjustment: 0.9\n"
		"    retry: 0\n",
		"t.yaml:9:5: warning: workers.bot1.on_demand_fallback: without spot_instance "
		"all is on demand anyway\n"
		"        on_demand_fallback: true\n"
		"        ^\n"
		"t.yaml:10:29: warning: workers.bot1.retry_price_adjustment: below 1: each "
		"further request bids less\n"
		"        retry_price_adjustment: 0.9\n"
		"                                ^\n"
		"t.yaml:11:12: error: workers.bot1.retry: must be from 1 to 1000\n"
		"        retry: 0\n"
		"               ^\n"},
	{__LINE__,
		"pool: p\nmail: { smtp_url: \"smtp://localhost\" }\n"
		"aws: { session_token: t }\nworkers: { a: { password: x } }\n",
		"t.yaml:2:7: error: mail.from: required with smtp_url (line 2)\n"
		"        mail: { smtp_url: \"smtp://localhost\" }\n"
		"              ^\n"
		"t.yaml:3:8: error: aws.session_token: needs identifier and "
		"secret_identifier beside it\n"
		"        aws: { session_token: ********\n"
		"               ^\n"
		"t.yaml:4:15: error: workers.a.instance_type: required\n"
		"        workers: { a: { password: ********\n"
		"                      ^\n"
		"t.yaml:4:15: error: workers.a.keypair_name: required\n"
		"        workers: { a: { password: ********\n"
		"                      ^\n"
		"t.yaml:4:15: error: workers.a.security_name: required without subnet_id\n"
		"        workers: { a: { password: ********\n"
		"                      ^\n"
		"t.yaml:4:15: error: workers.a.ami: required; an image's id, or "
		"what to choose it by: valid_ami_owners, valid_ami_location_regex, "
		"ami_name, ami_filters\n"
		"        workers: { a: { password: ********\n"
		"                      ^\n"},
	{__LINE__,
		CONF_TOP CONF_WORKER GROUP
		"    tags: { AWS:x: 1, \"ec2workerd:pool\": 2, \"\": 3 }\n",
		"t.yaml:9:13: error: workers.bot1.tags.AWS:x: tags below aws: belong to AWS\n"
		"        tags: { AWS:x: 1, \"ec2workerd:pool\": 2, \"\": 3 }\n"
		"                ^\n"
		"t.yaml:9:23: error: workers.bot1.tags.ec2workerd:pool: tags below ec2workerd: "
		"are written by the daemon\n"
		"        tags: { AWS:x: 1, \"ec2workerd:pool\": 2, \"\": 3 }\n"
		"                          ^\n"
		"t.yaml:9:45: error: workers.bot1.tags.: a tag needs a name\n"
		"        tags: { AWS:x: 1, \"ec2workerd:pool\": 2, \"\": 3 }\n"
		"                                                ^\n"},
	{__LINE__,
		"vars: { \"a b\": 1 }\n" CONF_TOP CONF_WORKER GROUP
		"    vars: { \"c.d\": 1 }\n",
		"t.yaml:1:9: error: vars.a b: a variable's name has letters, digits, '_' and "
		"'-'\n"
		"        vars: { \"a b\": 1 }\n"
		"                ^\n"
		"t.yaml:10:13: error: workers.bot1.vars.c.d: a variable's name has letters, "
		"digits, '_' and '-'\n"
		"        vars: { \"c.d\": 1 }\n"
		"                ^\n"},
	{__LINE__,
		CONF_TOP CONF_WORKER GROUP
		"    user_data: |\n      a\n      {{ vars.x }}\n",
		"t.yaml:9:16: error: workers.bot1.user_data: line 2, column 4: unknown name "
		"'vars.x'; known are worker, password, pool, region, generation, and vars.NAME "
		"for each of vars\n"
		"        user_data: |\n"
		"                   ^\n"},
	{__LINE__, CONF_TOP CONF_WORKER GROUP "    user_data: \"{{ pasword }}\"\n",
		"t.yaml:9:16: error: workers.bot1.user_data: line 1, column 4: unknown name "
		"'pasword'; known are worker, password, pool, region, generation, and vars.NAME "
		"for each of vars\n"
		"        user_data: \"{{ pasword }}\"\n"
		"                   ^\n"},
	{__LINE__, CONF_TOP CONF_WORKER GROUP "    user_data: \"{{ worker\"\n",
		"t.yaml:9:16: error: workers.bot1.user_data: line 1, column 1: {{ is not "
		"closed by }} behind one name; a literal {{ is written {{ \"{{\" }}\n"
		"        user_data: \"{{ worker\"\n"
		"                   ^\n"},
	{__LINE__, "pool: p\nworkers:\n  bot1: 5\n  bot2: [a]\n",
		"t.yaml:3:9: error: workers.bot1: expected a mapping, got a single value\n"
		"        bot1: 5\n"
		"              ^\n"
		"t.yaml:4:9: error: workers.bot2: expected a mapping, got a list\n"
		"        bot2: [a]\n"
		"              ^\n"},
	{__LINE__, "pool: p\nworkers: [bot1]\n",
		"t.yaml:2:10: error: workers: expected a mapping from names to workers, got a "
		"list\n"
		"        workers: [bot1]\n"
		"                 ^\n"},
	{__LINE__, "- pool\n",
		"t.yaml:1:1: error: expected a mapping, got a list\n"
		"        - pool\n"
		"        ^\n"},
	{__LINE__, "pool: p\norphans: { grace: 4m }\nworkers: [bot1]\n",
		"t.yaml:2:19: warning: orphans.grace: EC2 may need 5m to show all of a new "
		"instance\n"
		"        orphans: { grace: 4m }\n"
		"                          ^\n"
		"t.yaml:3:10: error: workers: expected a mapping from names to workers, got a "
		"list\n"
		"        workers: [bot1]\n"
		"                 ^\n"},
	{__LINE__, "pool: p\nworkers: {}\nworkers: {}\n",
		"t.yaml:3:1: error: workers: this key is there already, in line 2\n"
		"        workers: {}\n"
		"        ^\n"
		"t.yaml:3:10: warning: workers: there are none, so there is nothing to start\n"
		"        workers: {}\n"
		"                 ^\n"},
};

START_TEST(rules_are_printed_whole)
{
	conf_refused(rules[_i].line, rules[_i].text, rules[_i].printed);
}
END_TEST

/* All problems of a file at once, in its order, whoever found them. */
START_TEST(everything_at_once)
{
	conf_refused(__LINE__,
		"pool: P\n"
		"polo: x\n"
		"worker_defaults:\n"
		"  keypair_name: k\n"
		"  missing_timout: 20m\n"
		"  build_wait_timeout: 10 minutes\n"
		"  security_name: g\n"
		"workers:\n"
		"  bot1: { pasword: sekrit, instance_type: m5.large, ami: ami-1 }\n"
		"  \"linux-[01-40]\":\n"
		"    password: generated\n"
		"    subnet_id: subnet-1\n"
		"    max_builds: 2\n"
		"    placement: us-west-2b\n"
		"  linux-07: { password: x, instance_type: m5.large, ami: 5 }\n",
		"t.yaml:1:7: error: pool: expected 1 to 32 lower-case letters, digits and "
		"hyphens, such as linux-master\n"
		"        pool: P\n"
		"              ^\n"
		"t.yaml:2:1: error: polo: unknown key; did you mean 'pool'?\n"
		"        polo: x\n"
		"        ^\n"
		"t.yaml:5:3: error: worker_defaults.missing_timout: unknown key; did you mean "
		"'missing_timeout'?\n"
		"        missing_timout: 20m\n"
		"        ^\n"
		"t.yaml:6:23: error: worker_defaults.build_wait_timeout: expected seconds, or a "
		"duration such as 90s, 20m, 2h, from 0s to 30d, or negative: never\n"
		"        build_wait_timeout: 10 minutes\n"
		"                            ^\n"
		"t.yaml:9:9: error: workers.bot1.password: required; a password, the word "
		"generated, or password_file instead\n"
		"        bot1: { pasword: ********\n"
		"              ^\n"
		"t.yaml:9:11: error: workers.bot1.pasword: unknown key; did you mean "
		"'password'?\n"
		"        bot1: { pasword: ********\n"
		"                ^\n"
		"t.yaml:11:5: error: workers.linux-[01-40].instance_type: required\n"
		"        password: ********\n"
		"        ^\n"
		"t.yaml:11:5: error: workers.linux-[01-40].ami: required; an image's id, or "
		"what to choose it by: valid_ami_owners, valid_ami_location_regex, "
		"ami_name, ami_filters\n"
		"        password: ********\n"
		"        ^\n"
		"t.yaml:12:5: error: workers.linux-[01-40].subnet_id: not together with "
		"security_name (line 7); name the groups in security_group_ids\n"
		"        subnet_id: subnet-1\n"
		"        ^\n"
		"t.yaml:13:5: error: workers.linux-[01-40].max_builds: unknown key; it stays in "
		"master.cfg, with the class of the plugin\n"
		"        max_builds: 2\n"
		"        ^\n"
		"t.yaml:14:16: error: workers.linux-[01-40].placement: give only what follows "
		"the region: b\n"
		"        placement: us-west-2b\n"
		"                   ^\n"
		"t.yaml:15:3: error: workers.linux-07: makes the worker linux-07, as line 10 "
		"does already\n"
		"        linux-07: { password: ********\n"
		"        ^\n"
		"t.yaml:15:58: error: workers.linux-07.ami: expected an image id, such as "
		"ami-0abcdef1234567890, or resolve:ssm: and a "
		"parameter's name\n"
		"        linux-07: { password: ********\n"
		"                              ^\n");
}
END_TEST

/* A slip in the defaults is theirs, however many workers share it. */
START_TEST(what_lies_in_the_defaults_is_told_once)
{
	conf_refused(__LINE__,
		"pool: p\n"
		"worker_defaults:\n"
		"  password: x\n"
		"  keypair_name: \"\"\n"
		"  security_name: g\n"
		"  subnet_id: subnet-1\n"
		"  identifier: A\n"
		"  tags: { aws:a: b }\n"
		"  ami: ami-1\n"
		"  user_data: \"{{ vars.x }}\"\n"
		"workers:\n"
		"  a: { instance_type: m5.large }\n"
		"  b: { instance_type: m5.large }\n"
		"  c-[1-3]: { instance_type: m5.large, vars: { x: y } }\n",
		"t.yaml:4:17: error: worker_defaults.keypair_name: must not be empty\n"
		"        keypair_name: \"\"\n"
		"                      ^\n"
		"t.yaml:5:3: error: workers.a.security_name: not together with subnet_id (line "
		"6); name the groups in security_group_ids\n"
		"        security_name: g\n"
		"        ^\n"
		"t.yaml:7:3: error: worker_defaults.identifier: needs secret_identifier beside "
		"it\n"
		"        identifier: A\n"
		"        ^\n"
		"t.yaml:8:11: error: workers.a.tags.aws:a: tags below aws: belong to AWS\n"
		"        tags: { aws:a: b }\n"
		"                ^\n"
		"t.yaml:10:14: error: workers.a.user_data: line 1, column 4: unknown name "
		"'vars.x'; known are worker, password, pool, region, generation, and vars.NAME "
		"for each of vars\n"
		"        user_data: \"{{ vars.x }}\"\n"
		"                   ^\n");
}
END_TEST

/* The last line of --check counts what was printed. */
START_TEST(the_sum_counts_what_is_printed)
{
	static const struct {
		int line;
		const char *text, *sum;
	} sums[] = {
		{__LINE__, CONF_TOP CONF_WORKER GROUP, "0 errors"},
		{__LINE__, "pool: p\n", "1 warning"},
		{__LINE__, "pool: P\n", "1 error, 1 warning"},
		{__LINE__,
			"pool: p\nworker_defaults: { amy: 1 }\nworkers:\n  a:\n  b:\n  c-[1-9]:\n",
			"16 errors"},
		{__LINE__, "pool: p\nx: [", "1 error"},
	};

	for (size_t i = 0; i < COUNT_OF(sums); i++) {
		struct conf_problems *problems = conf_problems_new();
		AUTO(buf) struct buf sum = {.data = NULL};
		AUTO(buf) struct buf printed = {.data = NULL};
		const char *p;
		size_t seen = 0;

		conf_free(conf_parse(sums[i].text, strlen(sums[i].text), "t", NULL,
			problems));
		conf_problems_sum(problems, &sum);
		ck_assert_msg(strcmp(buf_str(&sum), sums[i].sum) == 0, "line %d: %s",
			sums[i].line, buf_str(&sum));
		conf_problems_print(problems, &printed);
		for (p = buf_str(&printed); (p = strstr(p, "t:")) != NULL; p++)
			seen++;
		ck_assert_uint_eq(seen, conf_problems_diags(problems)->count);
		conf_problems_free(problems);
	}
}
END_TEST

static const struct {
	int line;
	const char *text;
} leaks[] = {
	{__LINE__, CONF_TOP "    password: [TOPSECRET]\n"},
	{__LINE__, CONF_TOP "    password:\n      - TOPSECRET\n"},
	{__LINE__, CONF_TOP "    password: \"TOPSECRET\n"},
	{__LINE__, CONF_TOP "    password: \"TOPSECRET\" x\n"},
	{__LINE__, CONF_TOP "    { password: TOPSECRET, ami: *a }\n"},
	{__LINE__, CONF_TOP "    pasword: TOPSECRET\n"},
	{__LINE__, CONF_TOP "    passwd: TOPSECRET\n"},
	{__LINE__, CONF_TOP "    secret: TOPSECRET\n"},
	{__LINE__, CONF_TOP "    password: TOPSECRET\n    password: TOPSECRET\n"},
	{__LINE__, CONF_TOP "    secret_identifier: TOPSECRET\n"},
	{__LINE__, CONF_TOP "    { secret_identifier: TOPSECRET }\n"},
	{__LINE__, "aws: { secret_identifier: TOPSECRET }\n" CONF_TOP},
	{__LINE__,
		"aws: { identifier: x, session_token: TOPSECRET, region: y }\n" CONF_TOP},
	{__LINE__, "aws: { aws_secret_access_key: TOPSECRET }\n" CONF_TOP},
	{__LINE__, "aws: { AWS_SECRET_ACCESS_KEY: TOPSECRET }\n" CONF_TOP},
	{__LINE__, "worker_defaults: { password: TOPSECRET, x: y }\n" CONF_TOP},
	{__LINE__, CONF_TOP "    password: \"TOPSECRET\\nTOPSECRET\"\n"},
};

START_TEST(secrets_are_never_printed)
{
	AUTO(free) char *told = conf_told(leaks[_i].text, NULL, NULL);

	ck_assert_msg(strstr(told, "error: ") != NULL, "line %d: %s", leaks[_i].line,
		told);
	ck_assert_msg(strstr(told, "TOPSECRET") == NULL, "line %d: %s", leaks[_i].line,
		told);
}
END_TEST

/* A worker with n tags, or one with Name among them. */
static char *
tags_told(unsigned n, const char *last)
{
	struct buf text = {.data = NULL};
	char *told;

	buf_puts(&text, CONF_TOP CONF_WORKER GROUP "    tags:\n");
	for (unsigned i = 0; i + 1 < n; i++)
		buf_printf(&text, "      t%u: x\n", i);
	buf_printf(&text, "      %s: x\n", last);
	told = conf_told(buf_str(&text), NULL, NULL);
	buf_fini(&text);
	return told;
}

START_TEST(tags_leave_room_for_ours)
{
	AUTO(free) char *most = tags_told(43, "last");
	AUTO(free) char *over = tags_told(44, "last");
	AUTO(free) char *named = tags_told(44, "Name");
	AUTO(free) char *named_over = tags_told(45, "Name");
	/* The lease is one more. */
	AUTO(free)
	char *leased = tags_told(43, "x: x\n    dead_man: 6h\n    vars:\n      y");

	ck_assert_str_eq(most, "");
	ck_assert_ptr_nonnull(strstr(leased, "42 beside those of ec2workerd\n"));
	ck_assert_ptr_nonnull(strstr(over,
		"44 tags; EC2 takes 50 on an instance, which leaves "
		"43 beside those of ec2workerd\n"));
	ck_assert_str_eq(named, "");
	ck_assert_ptr_nonnull(strstr(named_over,
		"45 tags; EC2 takes 50 on an instance, which "
		"leaves 44 beside"));
}
END_TEST

START_TEST(names_of_tags_are_bounded)
{
	char name[130];
	AUTO(free) char *most = NULL;
	AUTO(free) char *over = NULL;

	memset(name, 't', sizeof(name));
	name[128] = '\0';
	most = tags_told(1, name);
	name[128] = 't';
	name[129] = '\0';
	over = tags_told(1, name);
	ck_assert_str_eq(most, "");
	ck_assert_ptr_nonnull(
		strstr(over, "the name of a tag has at most 128 characters"));
}
END_TEST

START_TEST(variables_are_bounded)
{
	AUTO(buf) struct buf text = {.data = NULL};
	AUTO(free) char *told = NULL;

	buf_puts(&text, "vars:\n");
	for (unsigned i = 0; i < 257; i++)
		buf_printf(&text, "  v%u: x\n", i);
	buf_puts(&text, CONF_TOP CONF_WORKER GROUP "    vars:\n");
	for (unsigned i = 0; i < 257; i++)
		buf_printf(&text, "      v%u: x\n", i);
	told = conf_told(buf_str(&text), NULL, NULL);
	ck_assert_ptr_nonnull(
		strstr(told, "error: vars: 257 variables; at most 256\n"));
	ck_assert_ptr_nonnull(
		strstr(told, "error: workers.bot1.vars: 257 variables; at most 256\n"));
}
END_TEST

#define BOTS                                                                               \
	"pool: p\n"                                                                        \
	"worker_defaults: { password: x, keypair_name: k, security_name: g, ami: ami-1,\n" \
	"                   instance_type: m5.large }\n"                                   \
	"workers:\n"

/* What belongs to one worker: both places are named, and what a range would share. */
static const struct {
	int line;
	const char *workers, *told; /* NULL: nothing */
} shared[] = {
	{__LINE__,
		"  a: { elastic_ip: 203.0.113.7, volumes: [ [ vol-1, sdh ] ] }\n"
		"  b: { elastic_ip: 203.0.113.8, volumes: [ [ vol-2, sdh ] ] }\n",
		NULL},
	{__LINE__,
		"  a: { elastic_ip: 203.0.113.7 }\n"
		"  b: { elastic_ip: 203.0.113.7 }\n",
		"t.yaml:6:20: error: workers.b.elastic_ip: 203.0.113.7 belongs to the "
		"worker of line 5 already\n"
		"        b: { elastic_ip: 203.0.113.7 }\n"
		"                         ^\n"},
	{__LINE__,
		"  a: { volumes: [ [ vol-1, sdh ] ] }\n"
		"  b: { volumes: [ [ vol-2, sdg ], [ vol-1, sdh ] ] }\n",
		"t.yaml:6:35: error: workers.b.volumes[1]: vol-1 belongs to the worker of "
		"line 5 already\n"
		"        b: { volumes: [ [ vol-2, sdg ], [ vol-1, sdh ] ] }\n"
		"                                        ^\n"},
	{__LINE__, "  a: { volumes: [ [ vol-1, sdg ], [ vol-1, sdh ] ] }\n",
		"t.yaml:5:35: error: workers.a.volumes[1]: vol-1 is here twice\n"
		"        a: { volumes: [ [ vol-1, sdg ], [ vol-1, sdh ] ] }\n"
		"                                        ^\n"},
	{__LINE__, "  a: { volumes: [ [ vol-1, sdg ], [ vol-2, sdg ] ] }\n",
		"t.yaml:5:35: error: workers.a.volumes[1]: sdg is another volume's device "
		"already\n"
		"        a: { volumes: [ [ vol-1, sdg ], [ vol-2, sdg ] ] }\n"
		"                                        ^\n"},
	{__LINE__,
		"  a:\n"
		"    volumes: [ [ vol-1, sdf ], [ vol-2, sdg ] ]\n"
		"    block_device_map: { sdf: { size: 1 } }\n",
		"t.yaml:6:16: error: workers.a.volumes[0]: sdf is a disk of "
		"block_device_map\n"
		"        volumes: [ [ vol-1, sdf ], [ vol-2, sdg ] ]\n"
		"                   ^\n"},
	{__LINE__,
		"  a:\n"
		"    volumes: [ [ vol-1, sdf ] ]\n"
		"    block_device_map: [ { DeviceName: sdf, NoDevice: '' } ]\n",
		NULL},
	{__LINE__, "  a[1-2]: { elastic_ip: 203.0.113.7 }\n",
		"t.yaml:5:13: error: workers.a[1-2].elastic_ip: an address serves one "
		"worker, and this row makes 2\n"
		"        a[1-2]: { elastic_ip: 203.0.113.7 }\n"
		"                  ^\n"},
	{__LINE__, "  a[1-2]: { volumes: [ [ vol-1, sdg ] ] }\n",
		"t.yaml:5:13: error: workers.a[1-2].volumes: a volume serves one worker, "
		"and this row makes 2\n"
		"        a[1-2]: { volumes: [ [ vol-1, sdg ] ] }\n"
		"                  ^\n"},
	{__LINE__, "  \"a[1-1]\": { volumes: [ [ vol-1, sdg ] ] }\n", NULL},
	{__LINE__, "  a: { volumes: [ [ vol-1 ], [ x, sdg ], vol-2 ] }\n",
		"t.yaml:5:19: error: workers.a.volumes[0]: expected [volume_id, device], "
		"got a list of 1\n"
		"        a: { volumes: [ [ vol-1 ], [ x, sdg ], vol-2 ] }\n"
		"                        ^\n"
		"t.yaml:5:32: error: workers.a.volumes[1].volume_id: expected the id of a "
		"volume, such as vol-0abcdef1234567890\n"
		"        a: { volumes: [ [ vol-1 ], [ x, sdg ], vol-2 ] }\n"
		"                                     ^\n"
		"t.yaml:5:42: error: workers.a.volumes[2]: expected [volume_id, device], "
		"got a single value\n"
		"        a: { volumes: [ [ vol-1 ], [ x, sdg ], vol-2 ] }\n"
		"                                               ^\n"},
};

START_TEST(things_belong_to_one_worker)
{
	AUTO(free) char *text = xasprintf(BOTS "%s", shared[_i].workers);
	AUTO(free) char *told = conf_told(text, NULL, NULL);
	const char *expected = shared[_i].told == NULL ? "" : shared[_i].told;

	ck_assert_msg(strcmp(told, expected) == 0, "line %d: %s", shared[_i].line,
		told);
}
END_TEST

/* Two workers that take the address from the defaults share it too. */
START_TEST(a_thing_in_the_defaults_is_shared)
{
	conf_refused(__LINE__,
		"pool: p\n"
		"worker_defaults: { password: x, keypair_name: k, security_name: g,\n"
		"                   ami: ami-1, instance_type: m5.large,\n"
		"                   elastic_ip: 203.0.113.7 }\n"
		"workers:\n"
		"  a:\n"
		"  b:\n",
		"t.yaml:4:32: error: workers.b.elastic_ip: 203.0.113.7 belongs to the "
		"worker of line 6 already\n"
		"        elastic_ip: 203.0.113.7 }\n"
		"                    ^\n");
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("conf_rules");
	TCase *tc = tcase_create("rules");

	tcase_add_loop_test(tc, rules_are_printed_whole, 0, (int)COUNT_OF(rules));
	tcase_add_test(tc, everything_at_once);
	tcase_add_test(tc, what_lies_in_the_defaults_is_told_once);
	tcase_add_test(tc, the_sum_counts_what_is_printed);
	tcase_add_loop_test(tc, secrets_are_never_printed, 0, (int)COUNT_OF(leaks));
	tcase_add_loop_test(tc, things_belong_to_one_worker, 0, (int)COUNT_OF(shared));
	tcase_add_test(tc, a_thing_in_the_defaults_is_shared);
	tcase_add_test(tc, tags_leave_room_for_ours);
	tcase_add_test(tc, names_of_tags_are_bounded);
	tcase_add_test(tc, variables_are_bounded);
	suite_add_tcase(s, tc);
	return s;
}
