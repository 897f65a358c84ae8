/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Problems that show after the load are told at the places of the file: of the row, of the
 * defaults, of an element; and what was said of a place is not said again.
 */
#include "conf_util.h"
#include "unit.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_load.h"
#include "conf/conf_places.h"

#include <string.h>

static const char file[] = "pool: p\n"
			   "aws: { region: us-west-2 }\n"
			   "worker_defaults:\n"
			   "  password: sekrit\n"
			   "  keypair_name: k\n"
			   "  ami: ami-1\n"
			   "  security_name: g\n"
			   "workers:\n"
			   "  a-[1-3]:\n"
			   "    instance_type: [m5.large, c5.large]\n"
			   "  b: { instance_type: m5.large, ami: ami-2 }\n";

struct told {
	int line;
	size_t row;
	const char *key;
	int item;
	const char *place; /* and key */
};

static const struct told cases[] = {
	{__LINE__, 0, "instance_type", CONF_PLACE_KEY,
		"10:5: error: workers.a-[1-3].instance_type"},
	{__LINE__, 0, "instance_type", 0,
		"10:21: error: workers.a-[1-3].instance_type"},
	{__LINE__, 0, "instance_type", 1,
		"10:31: error: workers.a-[1-3].instance_type"},
	{__LINE__, 0, "instance_type", 2,
		"10:20: error: workers.a-[1-3].instance_type"},
	{__LINE__, 0, "keypair_name", 0, "5:17: error: workers.a-[1-3].keypair_name"},
	{__LINE__, 0, "subnet_id", 0, "10:5: error: workers.a-[1-3].subnet_id"},
	{__LINE__, 1, "instance_type", 0, "11:23: error: workers.b.instance_type"},
	{__LINE__, 1, "ami", CONF_PLACE_KEY, "11:33: error: workers.b.ami"},
	{__LINE__, 1, "ami", 0, "11:38: error: workers.b.ami"},
};

static struct conf *
load(struct conf_problems *p)
{
	struct conf *conf;

	conf_places_keep(p);
	conf = conf_parse(file, strlen(file), "t.yaml", "/nowhere", p);
	ck_assert_ptr_nonnull(conf);
	return conf;
}

START_TEST(each_has_its_place)
{
	const struct told *c = &cases[_i];
	struct conf_problems *p = conf_problems_new();
	struct conf *conf = load(p);
	AUTO(buf) struct buf out = {.data = NULL};
	AUTO(free) char *expected = xasprintf("t.yaml:%s: is %s\n", c->place, "odd");

	conf_places_tell(p, &(struct conf_place){c->row, c->key, c->item}, DIAG_ERROR,
		"is %s", "odd");
	conf_problems_print(p, &out);
	ck_assert_msg(strncmp(buf_str(&out), expected, strlen(expected)) == 0,
		"line %d: %s", c->line, buf_str(&out));
	conf_free(conf);
	conf_problems_free(p);
}
END_TEST

START_TEST(rows_know_their_workers)
{
	struct conf_problems *p = conf_problems_new();
	struct conf *conf = load(p);

	ck_assert_uint_eq(conf_places_rows(p), 2);
	ck_assert_str_eq(conf->workers[conf_places_worker(p, 0)]->name, "a-1");
	ck_assert_str_eq(conf->workers[conf_places_worker(p, 1)]->name, "b");
	ck_assert(conf_places_has(p, 1, "ami"));
	ck_assert(!conf_places_has(p, 0, "ami"));
	ck_assert(!conf_places_has(p, 0, "region"));
	ck_assert(conf_places_has(p, 0, "instance_type"));
	conf_free(conf);
	conf_problems_free(p);
}
END_TEST

START_TEST(nothing_is_said_twice)
{
	struct conf_problems *p = conf_problems_new();
	struct conf *conf = load(p);
	const struct diags *ds = conf_problems_diags(p);

	for (size_t row = 0; row < 2; row++)
		conf_places_tell(p, &(struct conf_place){row, "keypair_name", 0},
			DIAG_ERROR, "gone");
	ck_assert_uint_eq(ds->count, 1);
	conf_places_tell(p, &(struct conf_place){1, "keypair_name", 0}, DIAG_WARNING,
		"new");
	conf_places_tell(p, &(struct conf_place){1, "ami", 0}, DIAG_ERROR, "gone");
	ck_assert_uint_eq(ds->count, 3);
	ck_assert_uint_eq(ds->errors, 2);
	conf_free(conf);
	conf_problems_free(p);
}
END_TEST

START_TEST(the_section_aws)
{
	static const char without[] = "pool: p\n";
	struct conf_problems *p = conf_problems_new();
	struct conf *conf = load(p);
	const struct diags *ds = conf_problems_diags(p);

	conf_places_tell_aws(p, DIAG_ERROR, "region", "odd");
	conf_places_tell_aws(p, DIAG_ERROR, "profile", "odd");
	ck_assert_uint_eq(ds->count, 2);
	ck_assert_str_eq(ds->items[0].key, "aws.region");
	ck_assert_uint_eq(ds->items[0].mark.line, 2);
	ck_assert_uint_eq(ds->items[0].mark.col, 8);
	ck_assert_uint_eq(ds->items[1].mark.col, 6);
	conf_free(conf);
	conf = conf_parse(without, strlen(without), "t.yaml", NULL, p);
	ck_assert_uint_eq(conf_places_rows(p), 0);
	conf_places_tell_aws(p, DIAG_ERROR, "region", "odd");
	ck_assert_uint_eq(ds->items[ds->count - 1].mark.line, 1);
	conf_free(conf);
	conf_problems_free(p);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("conf_places");
	TCase *tc = tcase_create("places");

	tcase_add_loop_test(tc, each_has_its_place, 0, (int)COUNT_OF(cases));
	tcase_add_test(tc, rows_know_their_workers);
	tcase_add_test(tc, nothing_is_said_twice);
	tcase_add_test(tc, the_section_aws);
	suite_add_tcase(s, tc);
	return s;
}
