/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of instances that no row knows: each of the eight conditions of EC2.md 14,
 * HOLD with its beginnings and ends, and adoption.
 */
#include "core/orphan.h"

#include "base/clock.h"
#include "base/field.h"
#include "core/accepted.h"
#include "core/hold.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/pause.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/reply.h"
#include "rpc/schema.h"

#include "unit.h"
#include "world.h"

#include <string.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define GRACE (10 * MINUTE)
#define INTERVAL (5 * MINUTE)
#define FOREIGN "01234567-89ab-4cde-8f01-23456789abcd"

static const char two[] =
	"  bot1: { password: x, build_wait_timeout: -1, notify_on_missing: [a@example.org, b@example.org] }\n"
	"  bot2: { password: x, notify_on_missing: b@example.org }\n";
static const struct cause admin = {"uid 0", "test"};

/* A worker that has been up once and is down again: its generation is 1. */
static void
begin(struct world *v, const char *more)
{
	AUTO(free) char *workers = xasprintf("%s%s", two, more);

	world_init(v, workers);
	world_ready(v, "bot1");
	world_down(v, "bot1");
	world_run(v, 5 * MINUTE);
	ck_assert_int_eq(worker_state(world_worker(v, "bot1")),
		WORKER_NOT_SUBSTANTIATED);
}

static struct fake_instance *
stray(struct world *v, int64_t generation)
{
	const struct store_meta *meta = store_meta(v->store);

	return fake_add_instance(&v->cloud, "bot1", generation, meta->lineage,
		meta->epoch);
}

static const struct orphan *
only(const struct world *v)
{
	const struct orphan *o = orphans_first(v->pool->orphans);

	ck_assert_ptr_nonnull(o);
	ck_assert_ptr_null(o->hh.next);
	return o;
}

START_TEST(test_condemned_in_time_and_not_before)
{
	struct world v;
	struct fake_instance *i;

	begin(&v, "");
	i = stray(&v, 1);
	world_run(&v, GRACE - MINUTE);
	ck_assert(fake_is_living(i));
	ck_assert_int_eq(only(&v)->verdict, ORPHAN_YOUNG);
	world_run(&v, MINUTE + 2 * INTERVAL);
	ck_assert(!fake_is_living(i));
	ck_assert(!v.pool->hold);
	world_run(&v, 10 * MINUTE);
	ck_assert_ptr_null(orphans_first(v.pool->orphans));
	ck_assert_ptr_null(v.pool->instances);
	world_fini(&v);
}
END_TEST

START_TEST(test_not_after_one_listing)
{
	struct world v;
	struct fake_instance *i;

	begin(&v, "");
	i = stray(&v, 1);
	i->born_wall -= 24 * 60 * MINUTE;
	while (orphans_first(v.pool->orphans) == NULL)
		world_run(&v, SECOND);
	ck_assert_int_eq(only(&v)->verdict, ORPHAN_ONCE);
	world_run(&v, INTERVAL - 10 * SECOND);
	ck_assert(fake_is_living(i));
	world_run(&v, MINUTE);
	ck_assert(!fake_is_living(i));
	world_fini(&v);
}
END_TEST

START_TEST(test_not_with_a_launch_time_in_the_future)
{
	struct world v;
	struct fake_instance *i;

	begin(&v, "");
	i = stray(&v, 1);
	i->born_wall += 365 * 24 * 60 * MINUTE;
	world_run(&v, 60 * MINUTE);
	ck_assert(fake_is_living(i));
	ck_assert_int_eq(only(&v)->verdict, ORPHAN_YOUNG);
	world_fini(&v);
}
END_TEST

START_TEST(test_not_without_all_tags)
{
	struct world v;
	struct fake_instance *i;

	begin(&v, "");
	i = fake_add_instance(&v.cloud, "bot1", 1, NULL, 0);
	world_run(&v, 60 * MINUTE);
	ck_assert(fake_is_living(i));
	ck_assert_int_eq(only(&v)->verdict, ORPHAN_UNTAGGED);
	ck_assert(!v.pool->hold);
	world_fini(&v);
}
END_TEST

START_TEST(test_not_where_it_is_only_reported)
{
	struct world v;
	struct fake_instance *i;

	begin(&v, "orphans: { action: report }\n");
	i = stray(&v, 1);
	world_run(&v, 60 * MINUTE);
	ck_assert(fake_is_living(i));
	ck_assert_int_eq(only(&v)->verdict, ORPHAN_REPORTED);
	ck_assert_uint_eq(orphans_terminate(v.pool->orphans, false, &admin), 1);
	world_run(&v, MINUTE);
	ck_assert(!fake_is_living(i));
	world_fini(&v);
}
END_TEST

START_TEST(test_not_the_machine_we_run_on)
{
	struct world v;
	struct fake_instance *i;

	begin(&v, "");
	i = stray(&v, 1);
	v.pool->own_instance = xstrdup(i->id);
	world_run(&v, 60 * MINUTE);
	ck_assert(fake_is_living(i));
	ck_assert_int_eq(only(&v)->verdict, ORPHAN_SELF);
	ck_assert_uint_eq(orphans_terminate(v.pool->orphans, false, &admin), 0);
	world_fini(&v);
}
END_TEST

/* A30: the launch of a worker that runs, in the tags of a machine it did not make. */
START_TEST(test_copied_tags_are_no_twin)
{
	struct world v;
	struct fake_instance *i;
	const struct fake_instance *real;

	begin(&v, "");
	world_ready(&v, "bot1");
	real = world_living(&v, "bot1");
	i = stray(&v, 2);
	memcpy(i->launch, real->launch, sizeof(i->launch));
	world_run(&v, 60 * MINUTE);
	ck_assert(fake_is_living(i));
	ck_assert(fake_is_living(real));
	ck_assert_int_eq(only(&v)->verdict, ORPHAN_COPIED);
	ck_assert_int_eq(worker_state(world_worker(&v, "bot1")), WORKER_SUBSTANTIATED);
	ck_assert_uint_eq(orphans_terminate(v.pool->orphans, false, &admin), 0);
	/* Nor when that machine is gone, and its row; and the name is free. */
	world_down(&v, "bot1");
	world_run(&v, 60 * MINUTE);
	ck_assert_int_eq(only(&v)->verdict, ORPHAN_COPIED);
	world_restart(&v);
	world_run(&v, 26 * 60 * MINUTE);
	ck_assert(fake_is_living(i));
	ck_assert_int_eq(only(&v)->verdict, ORPHAN_COPIED);
	ck_assert(!v.pool->hold);
	i->origin = FAKE_STRANGER;
	world_ready(&v, "bot1");
	world_fini(&v);
}
END_TEST

/* What a launch that is over has made after all is ours without a doubt. */
START_TEST(test_late_arrival_of_a_launch_that_is_over)
{
	struct world v;
	struct fake_instance *i, *was;

	begin(&v, "");
	was = &v.cloud.instances[0];
	i = stray(&v, 1);
	memcpy(i->launch, was->launch, sizeof(i->launch));
	memcpy(i->token, was->token, sizeof(i->token));
	world_run(&v, GRACE + 2 * INTERVAL);
	ck_assert(!fake_is_living(i));
	world_fini(&v);
}
END_TEST

START_TEST(test_foreign_lineage_holds)
{
	struct world v;
	struct fake_instance *foreign, *ours;

	begin(&v, "");
	foreign = fake_add_instance(&v.cloud, "bot9", 1, FOREIGN, 1);
	ours = stray(&v, 1);
	world_run(&v, 60 * MINUTE);
	ck_assert(v.pool->hold);
	ck_assert(fake_is_living(foreign) && fake_is_living(ours));
	/* Two recipients, one mail each, however long it lasts. */
	ck_assert_uint_eq(notices_count(v.pool->notices), 2);
	world_restart(&v);
	ck_assert(v.pool->hold);
	ck_assert_str_eq(v.pool->hold_reason, store_meta(v.store)->hold_reason);
	world_run(&v, 60 * MINUTE);
	ck_assert(fake_is_living(foreign) && fake_is_living(ours));
	ck_assert_uint_eq(orphans_terminate(v.pool->orphans, false, &admin), 1);
	world_run(&v, MINUTE);
	ck_assert(fake_is_living(foreign) && !fake_is_living(ours));
	fake_cloud_kill(&v.cloud, foreign, EC2_STATE_TERMINATED);
	world_run(&v, 2 * INTERVAL);
	ck_assert(!v.pool->hold);
	world_fini(&v);
}
END_TEST

START_TEST(test_resume_lets_the_rest_be_collected)
{
	struct world v;
	struct fake_instance *foreign, *ours;

	begin(&v, "");
	foreign = fake_add_instance(&v.cloud, "bot9", 1, FOREIGN, 1);
	ours = stray(&v, 1);
	world_run(&v, 30 * MINUTE);
	ck_assert(v.pool->hold);
	pool_resume(v.pool, &admin);
	world_run(&v, GRACE + 2 * INTERVAL);
	ck_assert(!v.pool->hold);
	ck_assert(fake_is_living(foreign) && !fake_is_living(ours));
	world_fini(&v);
}
END_TEST

/* What an admin has let go on does not bring HOLD back, whatever restarts (promise 4). */
START_TEST(test_resume_outlasts_a_restart)
{
	struct world v;
	struct fake_instance *foreign;

	begin(&v, "");
	foreign = fake_add_instance(&v.cloud, "bot9", 1, FOREIGN, 1);
	world_run(&v, 30 * MINUTE);
	ck_assert(v.pool->hold);
	pool_resume(v.pool, &admin);
	world_turn(&v);
	for (int n = 0; n < 2; n++) {
		world_restart(&v);
		world_run(&v, 30 * MINUTE);
		ck_assert(!v.pool->hold);
		ck_assert(only(&v)->accepted);
	}
	ck_assert_uint_eq(notices_count(v.pool->notices), 2);
	fake_cloud_kill(&v.cloud, foreign, EC2_STATE_TERMINATED);
	world_run(&v, GRACE + 2 * INTERVAL);
	ck_assert_ptr_null(accepted_first(orphans_accepted(v.pool->orphans)));
	world_restart(&v);
	ck_assert_ptr_null(accepted_first(orphans_accepted(v.pool->orphans)));
	(void)fake_add_instance(&v.cloud, "bot9", 1, FOREIGN, 1);
	world_run(&v, 30 * MINUTE); /* another one is another matter */
	ck_assert(v.pool->hold);
	world_fini(&v);
}
END_TEST

/* One listing that leaves it out is no proof that it has gone. */
START_TEST(test_accepted_until_it_is_long_absent)
{
	struct world v;
	struct fake_instance *foreign;

	begin(&v, "");
	foreign = fake_add_instance(&v.cloud, "bot9", 1, FOREIGN, 1);
	world_run(&v, 30 * MINUTE);
	pool_resume(v.pool, &admin);
	foreign->untagged = true;
	world_run(&v, INTERVAL + MINUTE);
	ck_assert_ptr_null(orphans_first(v.pool->orphans));
	foreign->untagged = false;
	world_run(&v, 30 * MINUTE);
	ck_assert(only(&v)->accepted);
	ck_assert(!v.pool->hold);
	world_fini(&v);
}
END_TEST

/* What was looked at for its adoption is not ended when HOLD ends in the meantime. */
START_TEST(test_resume_during_a_look)
{
	struct world v;
	struct fake_instance *ours;
	const struct orphan *o;

	begin(&v, "");
	(void)fake_add_instance(&v.cloud, "bot9", 1, FOREIGN, 1);
	ours = stray(&v, 1);
	do {
		world_run(&v, 10);
		for (o = orphans_first(v.pool->orphans);
			o != NULL && strcmp(o->id, ours->id) != 0; o = o->hh.next)
			continue;
	} while (o == NULL || o->look == NULL);
	ck_assert(v.pool->hold);
	pool_resume(v.pool, &admin);
	world_run(&v, MINUTE);
	ck_assert(fake_is_living(ours));
	world_run(&v, GRACE + 2 * INTERVAL);
	ck_assert(!fake_is_living(ours));
	world_fini(&v);
}
END_TEST

START_TEST(test_newer_epoch_holds)
{
	struct world v;
	const struct store_meta *meta;
	struct fake_instance *i;

	begin(&v, "");
	meta = store_meta(v.store);
	i = fake_add_instance(&v.cloud, "bot1", 1, meta->lineage, meta->epoch + 1);
	world_run(&v, 60 * MINUTE);
	ck_assert(v.pool->hold);
	ck_assert(fake_is_living(i));
	ck_assert_int_eq(only(&v)->verdict, ORPHAN_NEWER);
	world_fini(&v);
}
END_TEST

/* The ledger is an old copy: what runs belongs to a generation that it does not know. */
START_TEST(test_newer_generation_is_adopted)
{
	struct world v;
	struct fake_instance *i;
	struct worker *w;

	begin(&v, "");
	i = stray(&v, 5);
	world_run(&v, 60 * MINUTE);
	w = world_worker(&v, "bot1");
	ck_assert(fake_is_living(i));
	ck_assert_int_eq(w->generation, 5);
	ck_assert(w->adopted && v.pool->hold); /* nobody has said what it does */
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATING);
	world_restart(&v);
	w = world_worker(&v, "bot1");
	ck_assert(w->adopted && v.pool->hold);
	world_attach(&v, "bot1");
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATED);
	world_run(&v, 2 * INTERVAL);
	ck_assert(!v.pool->hold && !w->adopted);
	ck_assert(fake_is_living(i));
	world_down(&v, "bot1");
	world_run(&v, 5 * MINUTE);
	ck_assert(!fake_is_living(i));
	ck_assert_ptr_null(v.pool->launches);
	world_fini(&v);
}
END_TEST

START_TEST(test_adopted_but_never_attached)
{
	struct world v;
	struct fake_instance *i;

	begin(&v, "");
	i = stray(&v, 5);
	world_run(&v, 120 * MINUTE);
	ck_assert(fake_is_living(i));
	pool_resume(v.pool, &admin);
	world_run(&v, 19 * MINUTE);
	ck_assert(fake_is_living(i));
	world_run(&v, 2 * MINUTE);
	ck_assert(!fake_is_living(i));
	ck_assert_int_eq(world_worker(&v, "bot1")->last_error.code, ERR_MISSING);
	world_fini(&v);
}
END_TEST

START_TEST(test_brake)
{
	struct world v;
	const struct fake_instance *strays[3];

	begin(&v, "");
	for (size_t n = 0; n < COUNT_OF(strays); n++)
		strays[n] = stray(&v, 1);
	world_run(&v, 60 * MINUTE);
	ck_assert_uint_eq(fake_cloud_living(&v.cloud), COUNT_OF(strays));
	ck_assert(v.pool->hold);
	ck_assert_uint_eq(notices_count(v.pool->notices), 2);
	pool_resume(v.pool, &admin); /* who has looked at them */
	world_run(&v, 2 * INTERVAL);
	ck_assert_uint_eq(fake_cloud_living(&v.cloud), 0);
	ck_assert(!v.pool->hold);
	world_fini(&v);
}
END_TEST

START_TEST(test_name_waits_for_it)
{
	struct world v;
	struct fake_instance *i;
	struct worker *w;

	begin(&v, "");
	i = stray(&v, 1);
	while (orphans_first(v.pool->orphans) == NULL)
		world_run(&v, SECOND);
	world_up(&v, "bot1");
	world_run(&v, 5 * MINUTE);
	w = world_worker(&v, "bot1");
	ck_assert_uint_eq(fake_cloud_living(&v.cloud), 1);
	ck_assert_ptr_nonnull(strstr(w->last_error.text, i->id));
	world_run(&v, GRACE + INTERVAL);
	ck_assert(!fake_is_living(i));
	ck_assert_ptr_nonnull(world_living(&v, "bot1"));
	ck_assert_str_eq(v.cloud.violation, "");
	world_fini(&v);
}
END_TEST

/* A start on an old ledger: until the first listing nobody knows what runs (P22). */
START_TEST(test_name_waits_for_the_first_listing)
{
	struct world v;
	struct fake_instance *i;
	uint64_t runs;

	begin(&v, "");
	i = stray(&v, 2);
	runs = v.cloud.runs;
	v.cloud.faults.fail_read = 1000;
	world_restart(&v);
	world_up(&v, "bot1");
	world_run(&v, MINUTE);
	ck_assert_uint_eq(v.cloud.runs, runs);
	ck_assert_str_eq(world_worker(&v, "bot1")->last_error.text,
		"nothing has been listed since the start: injected");
	v.cloud.faults.fail_read = 0;
	world_run(&v, MINUTE);
	ck_assert_uint_eq(v.cloud.runs, runs);
	ck_assert(fake_is_living(i));
	i->state = EC2_STATE_TERMINATED;
	world_run(&v, 6 * MINUTE);
	ck_assert_uint_eq(v.cloud.runs, runs + 1);
	world_fini(&v);
}
END_TEST

START_TEST(test_dead_ones_are_none)
{
	struct world v;
	struct fake_instance *i;

	begin(&v, "");
	i = fake_add_instance(&v.cloud, "bot9", 1, FOREIGN, 1);
	i->state = EC2_STATE_SHUTTING_DOWN;
	world_run(&v, 30 * MINUTE);
	ck_assert(!v.pool->hold);
	ck_assert_ptr_null(orphans_first(v.pool->orphans));
	world_fini(&v);
}
END_TEST

/* The same that the rows of the reply know. */
START_TEST(test_verdicts_have_words)
{
	const struct field *orphans = field_find(&rpc_orphans_fields, "orphans");
	const char *const *words = field_find(orphans->sub, "verdict")->choices;

	for (int n = 0; n < ORPHAN_COUNT; n++) {
		ck_assert_str_eq(orphan_verdict_name((enum orphan_verdict)n), words[n]);
		ck_assert_uint_gt(strlen(orphan_verdict_doc((enum orphan_verdict)n)),
			0);
	}
	ck_assert_ptr_null(words[ORPHAN_COUNT]);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("orphan");
	TCase *t = tcase_create("orphan");

	tcase_add_test(t, test_condemned_in_time_and_not_before);
	tcase_add_test(t, test_not_after_one_listing);
	tcase_add_test(t, test_not_with_a_launch_time_in_the_future);
	tcase_add_test(t, test_not_without_all_tags);
	tcase_add_test(t, test_not_where_it_is_only_reported);
	tcase_add_test(t, test_not_the_machine_we_run_on);
	tcase_add_test(t, test_copied_tags_are_no_twin);
	tcase_add_test(t, test_late_arrival_of_a_launch_that_is_over);
	tcase_add_test(t, test_foreign_lineage_holds);
	tcase_add_test(t, test_resume_lets_the_rest_be_collected);
	tcase_add_test(t, test_resume_outlasts_a_restart);
	tcase_add_test(t, test_accepted_until_it_is_long_absent);
	tcase_add_test(t, test_resume_during_a_look);
	tcase_add_test(t, test_newer_epoch_holds);
	tcase_add_test(t, test_newer_generation_is_adopted);
	tcase_add_test(t, test_adopted_but_never_attached);
	tcase_add_test(t, test_brake);
	tcase_add_test(t, test_name_waits_for_it);
	tcase_add_test(t, test_name_waits_for_the_first_listing);
	tcase_add_test(t, test_dead_ones_are_none);
	tcase_add_test(t, test_verdicts_have_words);
	suite_add_tcase(s, t);
	return s;
}
