/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reload makes of two configurations: which keys make an instance stale, which make
 * a worker another one, and which may not change.
 */
#include "conf_util.h"
#include "unit.h"

#include "base/buf.h"
#include "base/field.h"
#include "base/mem.h"
#include "conf/conf.h"

#include <string.h>

#define BASE                                                                           \
	"password: p, instance_type: m5.large, ami: ami-1, keypair_name: k, "          \
	"security_name: g, user_data: \"{{ vars.used }}\", vars: { used: u, idle: i }"

enum change { SAME, CHANGED, STALE };

static const struct {
	int line;
	const char *key;
	const char *a, *b; /* the same worker before and after */
	enum change change;
} workers[] = {
	{__LINE__, NULL, BASE, BASE, SAME},
	{__LINE__, "password", "password: a", "password: b", STALE},
	{__LINE__, "password", "password: a", "password: generated", STALE},
	{__LINE__, "password", "password: generated", "password: a", STALE},
	{__LINE__, "password", "password: generated", "password: generated", SAME},
	{__LINE__, "instance_type", "instance_type: m5.large",
		"instance_type: m5.xlarge", STALE},
	{__LINE__, "instance_type", "instance_type: [m5.large, c5.large]",
		"instance_type: [c5.large, m5.large]", STALE},
	{__LINE__, "instance_type", "instance_type: [m5.large]",
		"instance_type: m5.large", SAME},
	{__LINE__, "ami", "ami: ami-1", "ami: ami-2", STALE},
	{__LINE__, "ami", "ami: ami-1", "valid_ami_owners: 1", STALE},
	{__LINE__, "valid_ami_owners", "valid_ami_owners: 1",
		"valid_ami_owners: [\"000000000001\"]", SAME},
	{__LINE__, "valid_ami_owners", "valid_ami_owners: 1", "valid_ami_owners: 2",
		STALE},
	{__LINE__, "ami_name", "valid_ami_owners: 1, ami_name: a",
		"valid_ami_owners: 1, ami_name: b", STALE},
	{__LINE__, "ami_filters", "valid_ami_owners: 1, ami_filters: { a: b }",
		"valid_ami_owners: 1, ami_filters: { a: c }", STALE},
	{__LINE__, "ami_filters", "valid_ami_owners: 1, ami_filters: { a: b, c: d }",
		"valid_ami_owners: 1, ami_filters: { c: d, a: b }", SAME},
	{__LINE__, "valid_ami_location_regex",
		"valid_ami_owners: 1, valid_ami_location_regex: a",
		"valid_ami_owners: 1, valid_ami_location_regex: b", STALE},
	{__LINE__, "region", "", "region: eu-west-1", STALE},
	{__LINE__, "region", "region: eu-west-1", "region: eu-west-2", STALE},
	{__LINE__, "placement", "placement: a", "placement: b", STALE},
	{__LINE__, "user_data", "user_data: a", "user_data: b", STALE},
	{__LINE__, "user_data", "", "user_data: b", STALE},
	{__LINE__, "vars", "user_data: \"{{ vars.x }}\", vars: { x: 1 }",
		"user_data: \"{{ vars.x }}\", vars: { x: 2 }", STALE},
	{__LINE__, "vars", "user_data: \"{{ vars.x }}\", vars: { x: 1 }",
		"user_data: \"{{ vars.x }}\", vars: { x: 1, y: 2 }", CHANGED},
	{__LINE__, "vars", "vars: { x: 1, y: 2 }", "vars: { y: 2, x: 1 }", SAME},
	{__LINE__, "vars", "vars: { x: 1 }", "", CHANGED},
	{__LINE__, "keypair_name", "keypair_name: k", "keypair_name: l", STALE},
	{__LINE__, "security_name", "security_name: g", "security_name: h", STALE},
	{__LINE__, "security_group_ids", "security_group_ids: [sg-1]",
		"security_group_ids: [sg-1, sg-2]", STALE},
	{__LINE__, "subnet_id", "subnet_id: subnet-1", "subnet_id: subnet-2", STALE},
	{__LINE__, "subnet_id", "subnet_id: subnet-1",
		"subnet_id: [subnet-1, subnet-2]", STALE},
	{__LINE__, "spot_instance", "", "spot_instance: true", STALE},
	{__LINE__, "max_spot_price", "max_spot_price: 1.5", "max_spot_price: 1.6",
		CHANGED},
	{__LINE__, "max_spot_price", "", "max_spot_price: 1.6", CHANGED},
	{__LINE__, "max_spot_price", "max_spot_price: null", "max_spot_price: null",
		SAME},
	{__LINE__, "price_multiplier", "", "price_multiplier: 1.3", CHANGED},
	{__LINE__, "product_description", "", "product_description: Windows", CHANGED},
	{__LINE__, "retry", "retry: 1", "", SAME},
	{__LINE__, "retry", "retry: 1", "retry: 2", CHANGED},
	{__LINE__, "retry_price_adjustment", "", "retry_price_adjustment: 1.1",
		CHANGED},
	{__LINE__, "on_demand_fallback", "",
		"spot_instance: false, on_demand_fallback: false", SAME},
	{__LINE__, "on_demand_fallback", "spot_instance: true",
		"spot_instance: true, on_demand_fallback: true", CHANGED},
	{__LINE__, "instance_profile_name", "", "instance_profile_name: i", STALE},
	{__LINE__, "block_device_map", "", "block_device_map: { sdb: { size: 5 } }",
		STALE},
	{__LINE__, "block_device_map", "block_device_map: { sdb: { size: 5 } }",
		"block_device_map: { sdb: { size: 6 } }", STALE},
	{__LINE__, "block_device_map", "block_device_map: { sdb: { size: 5 } }",
		"block_device_map: [ { DeviceName: sdb, Ebs: { VolumeSize: 5, "
		"DeleteOnTermination: true } } ]",
		SAME},
	{__LINE__, "metadata_options", "", "metadata_options: { HttpTokens: optional }",
		STALE},
	{__LINE__, "metadata_options", "", "metadata_options: { HttpTokens: required }",
		SAME},
	{__LINE__, "tags", "tags: { a: b }", "tags: { a: c }", STALE},
	{__LINE__, "elastic_ip", "", "elastic_ip: 203.0.113.7", STALE},
	{__LINE__, "elastic_ip", "elastic_ip: 203.0.113.7", "elastic_ip: '203.0.113.7'",
		SAME},
	{__LINE__, "volumes", "volumes: [ [ vol-1, sdh ] ]",
		"volumes: [ [ vol-1, sdi ] ]", STALE},
	{__LINE__, "volumes", "", "volumes: []", SAME},
	{__LINE__, "identifier", "identifier: A, secret_identifier: s",
		"identifier: B, secret_identifier: s", CHANGED},
	{__LINE__, "secret_identifier", "identifier: A, secret_identifier: s",
		"identifier: A, secret_identifier: t", CHANGED},
	{__LINE__, "missing_timeout", "missing_timeout: 1m", "missing_timeout: 2m",
		CHANGED},
	{__LINE__, "missing_timeout", "missing_timeout: 20m", "", SAME},
	{__LINE__, "pending_timeout", "pending_timeout: 1m", "pending_timeout: 60",
		SAME},
	{__LINE__, "pending_timeout", "pending_timeout: 1m", "pending_timeout: 61",
		CHANGED},
	{__LINE__, "dead_man", "dead_man: 6h", "dead_man: 7h", STALE},
	{__LINE__, "dead_man", "dead_man: 6h", "", STALE},
	{__LINE__, "dead_man", "dead_man: 6h", "dead_man: 360m", SAME},
	{__LINE__, "build_wait_timeout", "build_wait_timeout: 1m",
		"build_wait_timeout: -1", CHANGED},
	{__LINE__, "notify_on_missing", "notify_on_missing: a@b",
		"notify_on_missing: [a@b]", SAME},
	{__LINE__, "notify_on_missing", "notify_on_missing: a@b",
		"notify_on_missing: c@d", CHANGED},
};

/* A worker of these keys, and of what it needs besides. */
static struct conf *
with(const char *keys)
{
	static const struct {
		const char *key, *other, *text;
	} needed[] = {
		{"password:", NULL, "password: p"},
		{"instance_type:", NULL, "instance_type: m5.large"},
		{"ami:", "valid_ami_owners:", "ami: ami-1"},
		{"keypair_name:", NULL, "keypair_name: k"},
		{"security_name:", "subnet_id:", "security_name: g"},
	};
	AUTO(buf) struct buf text = {.data = NULL};
	AUTO(free) char *told = NULL;
	struct conf *conf;

	buf_printf(&text, "pool: p\nworkers: { w: { %s", keys);
	for (size_t i = 0; i < COUNT_OF(needed); i++)
		if (strstr(keys, needed[i].key) == NULL &&
			(needed[i].other == NULL ||
				strstr(keys, needed[i].other) == NULL))
			buf_printf(&text, "%s%s", i > 0 || keys[0] != '\0' ? ", " : "",
				needed[i].text);
	buf_puts(&text, " } }\n");
	told = conf_told(buf_str(&text), NULL, &conf);
	ck_assert_msg(conf != NULL, "%s", told);
	return conf;
}

START_TEST(workers_compare)
{
	struct conf *a = with(workers[_i].a), *b = with(workers[_i].b);
	const struct conf_worker *x = a->workers[0], *y = b->workers[0];
	enum change change = workers[_i].change;
	int line = workers[_i].line;

	ck_assert_msg(conf_worker_equal(x, y) == (change == SAME), "line %d", line);
	ck_assert_msg(conf_worker_equal(y, x) == (change == SAME), "line %d", line);
	ck_assert_msg(conf_worker_launch_equal(x, y) == (change != STALE), "line %d",
		line);
	ck_assert_msg(conf_worker_launch_equal(y, x) == (change != STALE), "line %d",
		line);
	conf_free(a);
	conf_free(b);
}
END_TEST

START_TEST(every_key_is_compared)
{
	for (const struct field *row = conf_worker_fields.rows; row->name != NULL;
		row++) {
		bool found = false, stale = false,
		     launch = (row->flags & CONF_LAUNCH) != 0;

		for (size_t i = 0; i < COUNT_OF(workers); i++) {
			if (!str_equal(workers[i].key, row->name) ||
				workers[i].change == SAME)
				continue;
			found = true;
			stale = stale || workers[i].change == STALE;
		}
		if (strstr(row->name, "_file") != NULL)
			continue; /* below */
		ck_assert_msg(found, "%s", row->name);
		if (strcmp(row->name, "vars") != 0)
			ck_assert_msg(stale == launch, "%s", row->name);
	}
}
END_TEST

static struct conf *
load_with_files(const char *dir, const char *password, const char *user_data,
	const char *name)
{
	AUTO(free)
	char *text = xasprintf(
		"pool: p\nworkers:\n  w:\n    password_file: %s\n    user_data_file: ud\n"
		"    instance_type: m5.large\n    ami: ami-1\n    keypair_name: k\n"
		"    security_name: g\n",
		name);
	struct conf *conf;
	AUTO(free) char *told = NULL;

	temp_file(dir, name, password, 0600);
	temp_file(dir, "ud", user_data, 0600);
	told = conf_told(text, dir, &conf);
	ck_assert_msg(conf != NULL, "%s", told);
	return conf;
}

/* What a file holds counts, not how it is called. */
START_TEST(files_compare_by_content)
{
	static const struct {
		const char *password, *user_data, *name;
		bool equal, launch_equal;
	} cases[] = {
		{"p", "u", "pw", true, true},
		{"p\n", "u", "pw", true, true},
		{"q", "u", "pw", false, false},
		{"p", "v", "pw", false, false},
		{"p", "u", "other", false, true},
	};
	char *dir = temp_dir();
	struct conf *a = load_with_files(dir, "p", "u", "pw");

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf *b = load_with_files(dir, cases[i].password,
			cases[i].user_data, cases[i].name);

		ck_assert_int_eq(conf_worker_equal(a->workers[0], b->workers[0]),
			cases[i].equal);
		ck_assert_int_eq(conf_worker_launch_equal(a->workers[0], b->workers[0]),
			cases[i].launch_equal);
		conf_free(b);
	}
	conf_free(a);
	temp_remove(dir);
}
END_TEST

START_TEST(a_region_of_the_pool_counts_for_its_workers)
{
	struct conf *a = conf_good("aws: { region: us-west-2 }\n" CONF_TOP CONF_WORKER
				   "    security_name: g\n");
	struct conf *b = conf_good("aws: { region: us-west-1 }\n" CONF_TOP CONF_WORKER
				   "    security_name: g\n");

	ck_assert(!conf_worker_launch_equal(a->workers[0], b->workers[0]));
	conf_free(a);
	conf_free(b);
}
END_TEST

START_TEST(what_a_reload_refuses)
{
	static const struct {
		int line;
		const char *a, *b, *key;
	} cases[] = {
		{__LINE__, "pool: p\n", "pool: p\n", NULL},
		{__LINE__, "pool: p\n", "pool: q\n", "pool"},
		{__LINE__, "pool: p\n", "pool: p\nsocket: /tmp/s\n", "socket"},
		{__LINE__, "pool: p\n", "pool: p\nsocket: /run/ec2workerd/rpc.sock\n",
			NULL},
		{__LINE__, "pool: p\n", "pool: p\nsocket_mode: 0600\n", "socket_mode"},
		{__LINE__, "pool: p\n", "pool: p\nsocket_mode: 0660\n", NULL},
		{__LINE__, "pool: p\nsocket_group: a\n", "pool: p\n", "socket_group"},
		{__LINE__, "pool: p\n", "pool: p\nstate_dir: /tmp/x\n", "state_dir"},
		{__LINE__, "pool: p\n", "pool: p\nlog_level: debug\n", NULL},
		{__LINE__, "pool: p\n", "pool: p\non_stop: terminate\n", NULL},
		{__LINE__, "pool: p\n", "pool: p\nowner_timeout: 1h\n", NULL},
		{__LINE__, "pool: p\n", "pool: p\nowner_build_timeout: 1h\n", NULL},
		{__LINE__, "pool: p\n", "pool: p\naccess: { admin: a }\n", NULL},
		{__LINE__, "pool: p\n", "pool: p\naws: { region: us-west-2 }\n", NULL},
		{__LINE__, "pool: p\n", "pool: p\nvars: { a: b }\n", NULL},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf *a, *b;

		free(conf_told(cases[i].a, NULL, &a));
		free(conf_told(cases[i].b, NULL, &b));
		ck_assert_msg(a != NULL && b != NULL, "line %d", cases[i].line);
		ck_assert_msg(str_equal(conf_restart_key(a, b), cases[i].key),
			"line %d", cases[i].line);
		ck_assert_msg(str_equal(conf_restart_key(b, a), cases[i].key),
			"line %d", cases[i].line);
		conf_free(a);
		conf_free(b);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("conf_equal");
	TCase *tc = tcase_create("equal");

	tcase_add_loop_test(tc, workers_compare, 0, (int)COUNT_OF(workers));
	tcase_add_test(tc, every_key_is_compared);
	tcase_add_test(tc, files_compare_by_content);
	tcase_add_test(tc, a_region_of_the_pool_counts_for_its_workers);
	tcase_add_test(tc, what_a_reload_refuses);
	suite_add_tcase(s, tc);
	return s;
}
