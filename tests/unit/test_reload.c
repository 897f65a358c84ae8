/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload changes for workers that run, start, or are gone, and what it leaves behind. */
#include "base/clock.h"
#include "base/field.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/verdict.h"
#include "unit.h"
#include "world.h"

#include <string.h>

#define PLAIN "  a: { password: x }\n"
#define OTHER "  a: { password: x, ami: ami-99 }\n"
#define MADE "  a: { password: generated, user_data: '{{ password }}' }\n"
#define ELSEWHERE "  a: { password: x, region: eu-west-1 }\n"

static void
script(struct world *v, enum verdict verdict, enum ec2_class class, unsigned times)
{
	v->cloud.script[0] = (struct fake_answer){(int)verdict, (int)class, false,
		times};
}

static size_t
poller_count(const struct world *v)
{
	const struct poller *p;
	size_t count = 0;

	for (p = v->pool->pollers; p != NULL; p = poller_next(p))
		count++;
	return count;
}

/* M25: removed while its launches are refused: no further one. */
START_TEST(test_removed_gets_no_new_start)
{
	struct world v;
	struct worker *w;

	world_init(&v, PLAIN);
	w = world_worker(&v, "a");
	script(&v, VERDICT_REFUSED, EC2_CLASS_CAPACITY, 2);
	world_up(&v, "a");
	for (int n = 0; n < 100 && w->phase != WORKER_PLACING; n++)
		world_run(&v, 10);
	world_run(&v, 100);
	ck_assert_int_eq(w->phase, WORKER_PLACING);
	ck_assert_int_ne(w->last_error.code, ERR_NONE);
	world_reload(&v, "  b: { password: x }\n");
	world_run(&v, 120000);
	ck_assert(v.cloud.runs == 0);
	ck_assert(!worker_is_wanted(w));
	world_fini(&v);
}
END_TEST

/* What the next launch starts is made from the present configuration. */
START_TEST(test_stale_until_the_next_launch)
{
	struct world v;
	struct worker *w;

	world_init(&v, PLAIN);
	w = world_worker(&v, "a");
	world_ready(&v, "a");
	world_reload(&v, OTHER);
	ck_assert(worker_is_stale(w));
	world_down(&v, "a");
	world_run(&v, 60000);
	world_ready(&v, "a");
	ck_assert(!worker_is_stale(w));
	world_restart(&v);
	ck_assert(!worker_is_stale(world_worker(&v, "a")));
	world_fini(&v);
}
END_TEST

/* W4: a generated password is its launch's, though the file has a fixed one now. */
START_TEST(test_generated_password_stays_the_launchs)
{
	struct world v;
	struct secret before = {NULL}, after = {NULL}, next = {NULL};
	struct err err;

	world_init(&v, MADE);
	world_ready(&v, "a");
	ck_assert_int_eq(worker_password(world_worker(&v, "a"), &before, &err), 0);
	world_reload(&v, PLAIN);
	ck_assert_int_eq(worker_password(world_worker(&v, "a"), &after, &err), 0);
	ck_assert_str_eq(before.text, after.text);
	world_down(&v, "a");
	world_run(&v, 60000);
	ck_assert_int_eq(worker_password(world_worker(&v, "a"), &next, &err), 0);
	ck_assert_str_eq(next.text, "x");
	secret_fini(&before);
	secret_fini(&after);
	secret_fini(&next);
	world_fini(&v);
}
END_TEST

/* A cloud is kept as long as something of ours may be in it, and listed no longer. */
START_TEST(test_clouds_come_and_go)
{
	struct world v;

	world_init(&v, PLAIN);
	for (int n = 0; n < 5; n++) {
		world_reload(&v, ELSEWHERE);
		world_run(&v, 5000);
		ck_assert_uint_eq(poller_count(&v), 1);
		world_reload(&v, PLAIN);
		ck_assert_uint_eq(poller_count(&v), 1);
	}
	world_ready(&v, "a");
	world_reload(&v, ELSEWHERE);
	world_run(&v, 5000);
	ck_assert_uint_eq(poller_count(&v), 2);
	world_down(&v, "a");
	world_run(&v, 60000);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	ck_assert_uint_eq(poller_count(&v), 1);
	ck_assert_str_eq(poller_cloud(v.pool->pollers)->region, "eu-west-1");
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("reload");
	TCase *t = tcase_create("reload");

	tcase_add_test(t, test_removed_gets_no_new_start);
	tcase_add_test(t, test_stale_until_the_next_launch);
	tcase_add_test(t, test_generated_password_stays_the_launchs);
	tcase_add_test(t, test_clouds_come_and_go);
	suite_add_tcase(s, t);
	return s;
}
