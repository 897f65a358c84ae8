/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: the text of the tag, how often it is renewed, that one request serves many, and
 * what refusals, missing instances and restarts change.
 */
#include "core/lease.h"
#include "base/clock.h"
#include "base/mem.h"
#include "core/cloud.h"
#include "core/health.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/worker.h"
#include "ec2/verdict.h"
#include "unit.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define MINUTE INT64_C(60000)
#define LIFE (30 * MINUTE)
#define FOUR                                                                           \
	"  a: { password: x, missing_timeout: 300h, build_wait_timeout: -1,"           \
	" dead_man: 30m }\n"                                                           \
	"  b: { password: x, missing_timeout: 300h, build_wait_timeout: -1,"           \
	" dead_man: 30m }\n"                                                           \
	"  c: { password: x, missing_timeout: 300h, build_wait_timeout: -1,"           \
	" dead_man: 60m }\n"                                                           \
	"  d: { password: x, missing_timeout: 300h, build_wait_timeout: -1 }\n"

static struct world v;

static void
setup(void)
{
	world_init(&v, FOUR);
}

static void
teardown(void)
{
	world_fini(&v);
}

static const struct {
	int line;
	const char *text;
	int64_t life_ms;
} texts[] = {
	{__LINE__, "60.1769854500", 60000},
	{__LINE__, "1.0", 1000},
	{__LINE__, "31622400.0", INT64_C(31622400000)},
	{__LINE__, "31622401.0", 0},
	{__LINE__, "9999999999.0", 0},
	{__LINE__, "60", 0},
	{__LINE__, ".60", 0},
	{__LINE__, "-60.0", 0},
	{__LINE__, "6h.0", 0},
	{__LINE__, "", 0},
	{__LINE__, NULL, 0},
};

START_TEST(test_text)
{
	ck_assert_msg(lease_life_ms(texts[_i].text) == texts[_i].life_ms, "line %d",
		texts[_i].line);
}
END_TEST

START_TEST(test_text_is_read_back)
{
	char text[LEASE_TEXT];
	char later[LEASE_TEXT];

	lease_text(6 * 3600 * INT64_C(1000), text);
	ck_assert_int_eq(lease_life_ms(text), 6 * 3600 * INT64_C(1000));
	world_run(&v, 1000);
	lease_text(6 * 3600 * INT64_C(1000), later);
	ck_assert_str_ne(text, later);
}
END_TEST

static unsigned
tags_in(int64_t ms)
{
	unsigned before = v.cloud.tags;

	world_run(&v, ms);
	return v.cloud.tags - before;
}

static const char *
lease_of(const char *worker)
{
	return world_living(&v, worker)->lease;
}

/* From the launch on the tag is there, and only where it was asked for. */
START_TEST(test_launched_with_it)
{
	world_ready(&v, "a");
	world_ready(&v, "d");
	ck_assert_int_eq(lease_life_ms(lease_of("a")), LIFE);
	ck_assert_str_eq(lease_of("d"), "");
}
END_TEST

/* Each is renewed about every ten minutes, and those of one life together. */
START_TEST(test_together)
{
	AUTO(free) char *first = NULL;
	unsigned tags;

	world_ready(&v, "a");
	world_ready(&v, "b");
	world_run(&v, 15 * MINUTE);
	first = xstrdup(lease_of("a"));
	tags = tags_in(60 * MINUTE);
	ck_assert_msg(tags >= 5 && tags <= 7, "%u requests", tags);
	ck_assert_uint_eq(v.cloud.tagged, 2);
	ck_assert_str_ne(lease_of("a"), first);
	ck_assert_str_eq(lease_of("a"), lease_of("b"));
}
END_TEST

/* What lives longer is asked for by itself, for the tag says how long. */
START_TEST(test_other_life)
{
	world_ready(&v, "a");
	world_ready(&v, "c");
	world_run(&v, 40 * MINUTE);
	ck_assert_int_eq(lease_life_ms(lease_of("a")), LIFE);
	ck_assert_int_eq(lease_life_ms(lease_of("c")), 2 * LIFE);
	ck_assert_uint_eq(v.cloud.tagged, 1);
}
END_TEST

/* Without such instances nobody asks, whatever else there is. */
START_TEST(test_nothing_to_renew)
{
	world_ready(&v, "d");
	ck_assert_uint_eq(tags_in(120 * MINUTE), 0);
	world_ready(&v, "a");
	world_run(&v, MINUTE);
	world_down(&v, "a");
	world_run(&v, 10 * MINUTE);
	ck_assert_uint_eq(tags_in(120 * MINUTE), 0);
}
END_TEST

static const struct episode *
trouble(void)
{
	const struct trouble t = {.condition = CONDITION_LEASES,
		.cloud = poller_cloud(v.pool->pollers)->key};

	return health_find(v.pool->health, &t);
}

/* Asked again within a tenth of the life or a minute, and told until it works. */
START_TEST(test_refused)
{
	unsigned tags;

	world_ready(&v, "a");
	world_run(&v, 2 * MINUTE);
	ck_assert_ptr_null(trouble());
	v.cloud.thing_answer = (struct fake_thing_answer){.verdict = VERDICT_REFUSED,
		.class = EC2_CLASS_AUTH,
		.reason = REASON_AUTH,
		.times = 1000};
	tags = tags_in(20 * MINUTE);
	ck_assert_msg(tags >= 8 && tags <= 21, "%u requests", tags);
	ck_assert_ptr_nonnull(trouble());
	ck_assert_int_eq(trouble()->err.reason, REASON_AUTH);
	v.cloud.thing_answer.times = 0;
	world_run(&v, 2 * MINUTE);
	ck_assert_ptr_null(trouble());
	tags = tags_in(30 * MINUTE);
	ck_assert_msg(tags >= 2 && tags <= 4, "%u requests", tags);
}
END_TEST

/* One that is not there any more spoils the request; the others are renewed nonetheless. */
START_TEST(test_missing_one)
{
	AUTO(free) char *before = NULL;

	world_ready(&v, "a");
	world_ready(&v, "b");
	world_run(&v, 2 * MINUTE);
	before = xstrdup(lease_of("b"));
	/* Its end is not listed yet when the leases are due. */
	v.cloud.faults.fail_read = 1000;
	fake_cloud_kill(&v.cloud, world_living(&v, "a"), EC2_STATE_TERMINATED);
	world_run(&v, 12 * MINUTE);
	ck_assert_str_ne(lease_of("b"), before);
	ck_assert_ptr_null(trouble());
}
END_TEST

/* A new process knows nothing but the tags, and renews at once. */
START_TEST(test_restart)
{
	AUTO(free) char *before = NULL;

	world_ready(&v, "a");
	world_run(&v, 2 * MINUTE);
	before = xstrdup(lease_of("a"));
	world_restart(&v);
	world_run(&v, MINUTE);
	ck_assert_str_ne(lease_of("a"), before);
}
END_TEST

/* The key is gone from the configuration; the guard is not, so the lease goes on. */
START_TEST(test_reload)
{
	unsigned tags;

	world_ready(&v, "a");
	world_reload(&v,
		"  a: { password: x, missing_timeout: 300h, build_wait_timeout: -1 }\n");
	world_run(&v, MINUTE);
	tags = tags_in(60 * MINUTE);
	ck_assert_msg(tags >= 5 && tags <= 7, "%u requests", tags);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("lease");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_loop_test(all, test_text, 0, COUNT_OF(texts));
	tcase_add_test(all, test_text_is_read_back);
	tcase_add_test(all, test_launched_with_it);
	tcase_add_test(all, test_together);
	tcase_add_test(all, test_other_life);
	tcase_add_test(all, test_nothing_to_renew);
	tcase_add_test(all, test_refused);
	tcase_add_test(all, test_missing_one);
	tcase_add_test(all, test_restart);
	tcase_add_test(all, test_reload);
	suite_add_tcase(s, all);
	return s;
}
