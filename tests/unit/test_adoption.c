/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits while the ledger and the cloud do not agree, and that it goes on afterwards: by
 * an order, by a reload, or by itself, and without a noise.
 */
#include "core/hold.h"

#include "base/clock.h"
#include "conf/conf.h"
#include "core/cloud.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/orphan.h"
#include "core/pause.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/verdict.h"

#include "fake_leftovers.h"
#include "unit.h"
#include "world.h"

#include <string.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define FOREIGN "01234567-89ab-4cde-8f01-23456789abcd"
#define BOT1                                                                           \
	"  bot1: { password: x, build_wait_timeout: -1, notify_on_missing: a@example.org }\n"
#define ELSEWHERE "  bot1: { password: x, build_wait_timeout: -1, region: eu-west-1 }\n"
#define DELETE "orphans: { volumes: delete }\n"

static const struct cause admin = {"uid 0", "test"};

/* A worker that has been up once and is down again; what its instance was. */
static const struct fake_instance *
begin(struct world *v, const char *workers)
{
	world_init(v, workers);
	world_ready(v, "bot1");
	world_down(v, "bot1");
	world_run(v, 5 * MINUTE);
	return &v->cloud.instances[v->cloud.count - 1];
}

/* One of another ledger has its name, so HOLD keeps the launch back. */
static void
hold_up(struct world *v)
{
	(void)begin(v, BOT1);
	(void)fake_add_instance(&v->cloud, "bot1", 1, FOREIGN, 1);
	world_run(v, 30 * MINUTE);
	world_up(v, "bot1");
	world_run(v, MINUTE);
	ck_assert(v->pool->hold);
	ck_assert_uint_eq(fake_cloud_living(&v->cloud), 1);
}

START_TEST(test_resume_wakes_the_name)
{
	struct world v;

	hold_up(&v);
	pool_resume(v.pool, &admin);
	world_run(&v, MINUTE);
	ck_assert(!v.pool->hold);
	ck_assert_uint_eq(fake_cloud_living(&v.cloud), 2);
	world_fini(&v);
}
END_TEST

/* L7: bytes may have left, and its name is another's until somebody has looked. */
START_TEST(test_unknown_is_asked_again)
{
	struct world v;
	const struct launch *l;

	(void)begin(&v, BOT1);
	v.cloud.deaf = true;
	world_up(&v, "bot1");
	world_run(&v, 2 * SECOND);
	(void)fake_add_instance(&v.cloud, "bot1", 1, FOREIGN, 1);
	v.cloud.deaf = false;
	v.cloud.effects = NULL;
	world_restart(&v);
	world_run(&v, MINUTE);
	l = v.pool->launches;
	ck_assert_ptr_nonnull(l);
	ck_assert_int_eq(l->phase, LAUNCH_UNKNOWN);
	ck_assert(v.pool->hold && l->try_ms < clock_ms() + MINUTE);
	/* Nobody wants it any more, and still it has to be settled. */
	world_down(&v, "bot1");
	pool_resume(v.pool, &admin);
	world_run(&v, 5 * HOUR);
	ck_assert_ptr_null(v.pool->launches);
	world_up(&v, "bot1");
	world_run(&v, 5 * MINUTE);
	ck_assert_uint_eq(fake_cloud_living(&v.cloud), 2);
	world_fini(&v);
}
END_TEST

/* HOLD over what only an admin can settle stays until one does: one mail. */
START_TEST(test_brake_does_not_flap)
{
	struct world v;
	const struct fake_instance *was = begin(&v, BOT1 DELETE);
	size_t mails;

	for (int n = 0; n < 3; n++)
		(void)fake_add_leftover(&v.cloud, EC2_LEFTOVER_VOLUME, was);
	world_run(&v, HOUR);
	ck_assert(v.pool->hold);
	mails = notices_count(v.pool->notices);
	for (int n = 0; n < 6 * 60; n++) {
		world_run(&v, MINUTE);
		ck_assert(v.pool->hold);
	}
	ck_assert_uint_eq(notices_count(v.pool->notices), mails);
	ck_assert_uint_eq(v.cloud.leftover_ends, 0);
	world_fini(&v);
}
END_TEST

/* Less of them, and it ends by itself. */
START_TEST(test_brake_comes_off)
{
	struct world v;
	const struct fake_instance *was = begin(&v, BOT1 DELETE);

	for (int n = 0; n < 3; n++)
		(void)fake_add_leftover(&v.cloud, EC2_LEFTOVER_VOLUME, was);
	world_run(&v, HOUR);
	ck_assert(v.pool->hold);
	world_reload(&v, BOT1 "orphans: { volumes: delete, action: report }\n");
	world_run(&v, HOUR);
	ck_assert(!v.pool->hold);
	world_fini(&v);
}
END_TEST

static unsigned refusals;

/* The fake refuses what is not there. */
static struct ec2_call *
refuse(void *self, enum ec2_leftover_kind kind, const char *id, ec2_done *done,
	void *arg)
{
	(void)id;
	refusals++;
	return fake_end_leftover(self, kind, "vol-99999999", done, arg);
}

START_TEST(test_refused_end_is_not_hot)
{
	struct world v;
	const struct fake_instance *was = begin(&v, BOT1 DELETE);
	struct cloud *cloud = poller_cloud(v.pool->pollers);
	struct cloud_ops refusing = *cloud->ops;

	(void)fake_add_leftover(&v.cloud, EC2_LEFTOVER_VOLUME, was);
	refusing.end_leftover = refuse;
	cloud->ops = &refusing;
	world_run(&v, 30 * MINUTE);
	refusals = 0;
	world_run(&v, HOUR);
	ck_assert_uint_ge(refusals, 6);
	ck_assert_uint_le(refusals, 13); /* with each listing that is due, no more */
	world_fini(&v);
}
END_TEST

/* A copy of the tags whose token is not told yet is no copy: it may be the launch's own. */
START_TEST(test_without_its_token)
{
	struct world v;
	const struct fake_instance *was = begin(&v, BOT1);
	const struct store_meta *meta = store_meta(v.store);
	char launch[sizeof(was->launch)], token[sizeof(was->token)];
	struct fake_instance *i;

	memcpy(launch, was->launch, sizeof(launch));
	memcpy(token, was->token, sizeof(token));
	i = fake_add_instance(&v.cloud, "bot1", 1, meta->lineage, meta->epoch);
	memcpy(i->launch, launch, sizeof(launch));
	i->token[0] = '\0';
	while (orphans_first(v.pool->orphans) == NULL)
		world_run(&v, SECOND);
	ck_assert_int_ne(orphans_first(v.pool->orphans)->verdict, ORPHAN_COPIED);
	memcpy(i->token, token, sizeof(token));
	world_run(&v, HOUR);
	ck_assert(!fake_is_living(i));
	world_up(&v, "bot1");
	world_run(&v, 5 * MINUTE);
	ck_assert_uint_eq(fake_cloud_living(&v.cloud), 1);
	world_fini(&v);
}
END_TEST

/* Tags of a launch of bot1 that is over, on a machine that says bot2; bot1 is up again. */
START_TEST(test_edited_tags_and_the_ledger)
{
	struct world v;
	const struct fake_instance *was;
	const struct store_meta *meta;
	char launch[sizeof(was->launch)], token[sizeof(was->token)];
	struct fake_instance *i;

	was = begin(&v, BOT1 "  bot2: { password: x, build_wait_timeout: -1 }\n");
	memcpy(launch, was->launch, sizeof(launch));
	memcpy(token, was->token, sizeof(token));
	world_ready(&v, "bot2");
	world_down(&v, "bot2");
	world_run(&v, 5 * MINUTE);
	meta = store_meta(v.store);
	i = fake_add_instance(&v.cloud, "bot2", 1, meta->lineage, meta->epoch);
	memcpy(i->launch, launch, sizeof(launch));
	memcpy(i->token, token, sizeof(token));
	world_ready(&v, "bot1");
	world_run(&v, HOUR); /* each commit of it has to succeed */
	ck_assert(!fake_is_living(i));
	ck_assert_ptr_nonnull(world_living(&v, "bot1"));
	world_restart(&v);
	ck_assert_ptr_null(world_worker(&v, "bot1")->aside);
	ck_assert_ptr_null(world_worker(&v, "bot2")->aside);
	world_fini(&v);
}
END_TEST

/* What no launch of ours can have been is not adopted: the next start could not read it. */
START_TEST(test_a_generation_that_cannot_be)
{
	struct world v;
	const struct store_meta *meta;

	(void)begin(&v, BOT1);
	meta = store_meta(v.store);
	(void)fake_add_instance(&v.cloud, "bot1", GENERATION_MAX + 1, meta->lineage,
		meta->epoch);
	world_run(&v, HOUR);
	ck_assert_int_eq(world_worker(&v, "bot1")->generation, 1);
	world_restart(&v);
	ck_assert_ptr_null(world_worker(&v, "bot1")->aside);
	world_fini(&v);
}
END_TEST

/* What waited for a listing of one cloud means another cloud now, or none. */
static const struct {
	int line;
	const char *fresh;
	uint64_t runs;
} reloads[] = {
	{__LINE__, ELSEWHERE, 1},
	{__LINE__, "  bot2: { password: x }\n", 0},
};

START_TEST(test_reload_wakes_who_waits)
{
	struct world v;
	struct worker *w;

	world_init(&v, BOT1);
	v.cloud.faults.fail_read = 1000;
	world_restart(&v);
	world_up(&v, "bot1");
	world_run(&v, MINUTE);
	w = world_worker(&v, "bot1");
	ck_assert_int_eq(w->phase, WORKER_PLACING);
	v.cloud.faults.fail_read = 0;
	world_reload(&v, reloads[_i].fresh);
	world_run(&v, MINUTE);
	ck_assert_msg(w->phase != WORKER_PLACING, "line %d", reloads[_i].line);
	ck_assert_msg(v.cloud.runs == reloads[_i].runs, "line %d", reloads[_i].line);
	/* One that is removed means no region, not even the usual one. */
	ck_assert_msg(!w->removed || w->poller == NULL, "line %d", reloads[_i].line);
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("adoption");
	TCase *t = tcase_create("adoption");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_resume_wakes_the_name);
	tcase_add_test(t, test_unknown_is_asked_again);
	tcase_add_test(t, test_brake_does_not_flap);
	tcase_add_test(t, test_brake_comes_off);
	tcase_add_test(t, test_refused_end_is_not_hot);
	tcase_add_test(t, test_without_its_token);
	tcase_add_test(t, test_edited_tags_and_the_ledger);
	tcase_add_test(t, test_a_generation_that_cannot_be);
	tcase_add_loop_test(t, test_reload_wakes_who_waits, 0, COUNT_OF(reloads));
	suite_add_tcase(s, t);
	return s;
}
