/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes and spot requests that launches have left behind: what ends them, and above all
 * what does not.
 */
#include "core/leftover.h"

#include "base/clock.h"
#include "base/field.h"
#include "conf/conf.h"
#include "core/event.h"
#include "core/hold.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/orphan.h"
#include "core/pause.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker.h"
#include "core/worker_view.h"

#include "fake_leftovers.h"
#include "unit.h"
#include "world.h"

#include <string.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define GRACE (10 * MINUTE)
#define INTERVAL (5 * MINUTE)
#define FOREIGN "01234567-89ab-4cde-8f01-23456789abcd"
#define DELETE "orphans: { volumes: delete }\n"
#define SPOT ", spot_instance: true, placement: a"

static const struct cause admin = {"uid 0", "test"};

static const struct fake_instance *
begin_with(struct world *v, const char *worker, const char *more)
{
	AUTO(free)
	char *text = xasprintf(
		"  bot1: { password: x, build_wait_timeout: -1, notify_on_missing: a@example.org%s }\n%s",
		worker, more);

	world_init(v, text);
	fake_add_price(&v->cloud, "m5.large", "us-east-1a", "0.06");
	world_ready(v, "bot1");
	return &v->cloud.instances[v->cloud.count - 1];
}

/* A worker that has been up and is down again; what its instance was. */
static const struct fake_instance *
begin(struct world *v, const char *worker, const char *more)
{
	const struct fake_instance *was = begin_with(v, worker, more);

	world_down(v, "bot1");
	world_run(v, MINUTE);
	ck_assert_ptr_null(v->pool->launches);
	return was;
}

/* An id that stays when the list grows. */
static char *
left(struct world *v, enum ec2_leftover_kind kind, const struct fake_instance *of)
{
	return xstrdup(fake_add_leftover(&v->cloud, kind, of)->id);
}

static const struct orphan *
find(const struct world *v, const char *id)
{
	const struct orphan *o = orphans_find(v->pool->orphans, id);

	ck_assert_msg(o != NULL, "%s is not seen", id);
	return o;
}

static void
set(char **member, const char *text)
{
	free(*member);
	*member = xstrdup_opt(text);
}

START_TEST(test_a_volume_ends_by_order)
{
	struct world v;
	const struct fake_instance *was = begin(&v, "", "");
	AUTO(free) char *id = left(&v, EC2_LEFTOVER_VOLUME, was);

	world_run(&v, 3 * HOUR);
	ck_assert_int_eq(find(&v, id)->verdict, ORPHAN_KEPT);
	ck_assert_str_eq(find(&v, id)->worker, "bot1");
	ck_assert_int_eq(find(&v, id)->size, 8);
	/* One of the other kind needs to be named. */
	ck_assert_uint_eq(orphans_terminate(v.pool->orphans, false, &admin), 0);
	world_run(&v, MINUTE);
	ck_assert_ptr_nonnull(fake_leftover(&v.cloud, id));
	ck_assert_uint_eq(v.cloud.leftover_ends, 0);
	ck_assert_uint_eq(orphans_terminate(v.pool->orphans, true, &admin), 1);
	world_run(&v, MINUTE);
	ck_assert_ptr_null(fake_leftover(&v.cloud, id));
	ck_assert_ptr_null(orphans_first(v.pool->orphans));
	ck_assert(!v.pool->hold);
	world_fini(&v);
}
END_TEST

START_TEST(test_deleted_in_time_and_not_before)
{
	struct world v;
	const struct fake_instance *was = begin(&v, "", DELETE);
	AUTO(free) char *id = left(&v, EC2_LEFTOVER_VOLUME, was);

	world_run(&v, GRACE - MINUTE);
	ck_assert_int_eq(find(&v, id)->verdict, ORPHAN_YOUNG);
	/* As it is by itself only since a while, whatever its age. */
	fake_leftover(&v.cloud, id)->made_at -= 10 * MINUTE;
	ck_assert_ptr_nonnull(fake_leftover(&v.cloud, id));
	world_run(&v, MINUTE + 2 * INTERVAL);
	ck_assert_ptr_null(fake_leftover(&v.cloud, id));
	ck_assert_uint_eq(v.cloud.leftover_ends, 1);
	world_fini(&v);
}
END_TEST

/* Why a volume is left alone although the configuration says delete. */
static const struct {
	int line;
	const char *worker, *more;
	const char *lineage;   /* or that of its instance */
	int64_t made_after_ms; /* its instance */
	int64_t first_ms;      /* goes by before it is there */
	enum orphan_verdict verdict;
	bool by_order, by_order_kept;
	const char *later; /* or NULL: the configuration of a reload */
} alone[] = {
	{__LINE__, "", "", NULL, 0, 0, ORPHAN_KEPT, false, true, NULL},
	{__LINE__, "", "orphans: { volumes: delete, action: report }\n", NULL, 0, 0,
		ORPHAN_REPORTED, true, true, NULL},
	{__LINE__,
		", block_device_map: { sdb: { size: 8, delete_on_termination: false } }",
		DELETE, NULL, 0, 0, ORPHAN_KEPT, false, true, NULL},
	/* Restored from a backup, with its tags; and of a launch that is forgotten. */
	{__LINE__, "", DELETE, NULL, HOUR, 2 * HOUR, ORPHAN_KEPT, false, true, NULL},
	{__LINE__, "", DELETE, NULL, 0, 26 * HOUR, ORPHAN_KEPT, false, true, NULL},
	{__LINE__, "", DELETE, FOREIGN, 0, 0, ORPHAN_FOREIGN, false, false, NULL},
	{__LINE__, "", DELETE, "", 0, 0, ORPHAN_UNTAGGED, false, false, NULL},
	/* What was left behind is what the worker goes on with. */
	{__LINE__, "", DELETE, NULL, 0, 0, ORPHAN_CONFIGURED, false, false,
		"  bot1: { password: x, volumes: [ [ vol-00000001, sdh ] ] }\n" DELETE},
};

START_TEST(test_left_alone)
{
	struct world v;
	const struct fake_instance *was;
	struct ec2_leftover *l;

	was = begin(&v, alone[_i].worker, alone[_i].more);
	if (alone[_i].later != NULL)
		world_reload(&v, alone[_i].later);
	world_run(&v, alone[_i].first_ms);
	pool_pause(v.pool, &admin); /* a turn that writes also forgets */
	world_turn(&v);
	l = fake_add_leftover(&v.cloud, EC2_LEFTOVER_VOLUME, was);
	l->made_at += alone[_i].made_after_ms;
	if (alone[_i].lineage != NULL)
		set(&l->lineage,
			alone[_i].lineage[0] == '\0' ? NULL : alone[_i].lineage);
	world_run(&v, 2 * HOUR);
	ck_assert_msg(find(&v, "vol-00000001")->verdict == alone[_i].verdict,
		"line %d: %s", alone[_i].line,
		orphan_verdict_name(find(&v, "vol-00000001")->verdict));
	ck_assert_msg(!v.pool->hold, "line %d", alone[_i].line);
	ck_assert_msg(orphans_terminate(v.pool->orphans, false, &admin) ==
			alone[_i].by_order,
		"line %d", alone[_i].line);
	ck_assert_msg(orphans_terminate(v.pool->orphans, true, &admin) ==
			alone[_i].by_order_kept,
		"line %d", alone[_i].line);
	world_run(&v, MINUTE);
	ck_assert_msg((fake_leftover(&v.cloud, "vol-00000001") == NULL) ==
			alone[_i].by_order_kept,
		"line %d", alone[_i].line);
	world_fini(&v);
}
END_TEST

START_TEST(test_of_a_launch_that_lives)
{
	struct world v;
	const struct fake_instance *is = begin_with(&v, SPOT, DELETE);
	AUTO(free) char *volume = left(&v, EC2_LEFTOVER_VOLUME, is);
	AUTO(free) char *request = left(&v, EC2_LEFTOVER_REQUEST, is);

	world_run(&v, HOUR);
	ck_assert_uint_gt(v.cloud.leftover_lists[EC2_LEFTOVER_REQUEST], 5);
	ck_assert_ptr_null(orphans_first(v.pool->orphans));
	world_restart(&v);
	world_run(&v, HOUR);
	ck_assert_ptr_null(orphans_first(v.pool->orphans));
	ck_assert_uint_eq(v.cloud.leftover_ends, 0);
	world_fini(&v);
}
END_TEST

/* It was listed as free, and something has it by the time that it is looked at. */
START_TEST(test_attached_meanwhile)
{
	struct world v;
	const struct fake_instance *was = begin(&v, "", "");
	AUTO(free) char *id = left(&v, EC2_LEFTOVER_VOLUME, was);
	struct ec2_leftover *l = fake_leftover(&v.cloud, id);

	world_run(&v, HOUR);
	set(&l->state, "in-use");
	set(&l->instance, "i-0123456789abcdef0");
	ck_assert_uint_eq(orphans_terminate(v.pool->orphans, true, &admin), 1);
	world_run(&v, MINUTE);
	ck_assert_uint_eq(v.cloud.leftover_ends, 0);
	world_run(&v, INTERVAL);
	ck_assert_ptr_null(orphans_first(v.pool->orphans));
	world_fini(&v);
}
END_TEST

/* Nothing leaves before the history has it. */
START_TEST(test_not_while_the_disk_is_full)
{
	struct world v;
	const struct fake_instance *was = begin(&v, "", "");
	AUTO(free) char *id = left(&v, EC2_LEFTOVER_VOLUME, was);

	world_run(&v, HOUR);
	v.disk_full = true;
	ck_assert_uint_eq(orphans_terminate(v.pool->orphans, true, &admin), 1);
	world_run(&v, 10 * MINUTE);
	ck_assert_uint_eq(v.cloud.leftover_ends, 0);
	v.disk_full = false;
	world_run(&v, INTERVAL + MINUTE);
	ck_assert_ptr_null(fake_leftover(&v.cloud, id));
	world_fini(&v);
}
END_TEST

static bool
on_replayed(void *arg, const struct event *e)
{
	const char **id = arg;

	if (e->type == EVENT_POOL && str_equal(e->from, *id)) {
		ck_assert_str_eq(e->to, "deleted");
		ck_assert_str_eq(e->by, "pool.orphans");
		*id = NULL;
	}
	return true;
}

START_TEST(test_its_end_is_in_the_history)
{
	struct world v;
	const struct fake_instance *was = begin(&v, "", "");
	AUTO(free) char *id = left(&v, EC2_LEFTOVER_VOLUME, was);
	const char *wanted = id;
	struct err err;
	bool more;

	world_run(&v, HOUR);
	(void)orphans_terminate(v.pool->orphans, true, &admin);
	world_run(&v, MINUTE);
	ck_assert_int_eq(store_replay(v.store, (struct store_page){0, 1000},
				 on_replayed, &wanted, &more, &err),
		0);
	ck_assert_ptr_null(wanted);
	world_fini(&v);
}
END_TEST

START_TEST(test_hold_and_brake)
{
	struct world v;
	const struct fake_instance *was = begin(&v, "", DELETE);

	for (int n = 0; n < 3; n++)
		(void)fake_add_leftover(&v.cloud, EC2_LEFTOVER_VOLUME, was);
	world_run(&v, HOUR);
	ck_assert(v.pool->hold);
	ck_assert_ptr_nonnull(strstr(v.pool->hold_reason, "volumes"));
	ck_assert_uint_eq(v.cloud.leftover_ends, 0);
	ck_assert_uint_eq(v.cloud.leftovers.count, 3);
	pool_resume(v.pool, &admin); /* who has looked at them */
	world_run(&v, 2 * INTERVAL);
	ck_assert_uint_eq(v.cloud.leftovers.count, 0);
	ck_assert(!v.pool->hold);
	world_fini(&v);
}
END_TEST

START_TEST(test_held_back_by_hold)
{
	struct world v;
	const struct fake_instance *was = begin(&v, SPOT, DELETE);
	struct fake_instance *foreign = fake_add_instance(&v.cloud, "bot9", 1, FOREIGN,
		1);
	AUTO(free) char *volume = left(&v, EC2_LEFTOVER_VOLUME, was);
	AUTO(free) char *request = left(&v, EC2_LEFTOVER_REQUEST, was);

	world_run(&v, 2 * HOUR);
	ck_assert(v.pool->hold);
	ck_assert_int_eq(find(&v, volume)->verdict, ORPHAN_HELD);
	ck_assert_int_eq(find(&v, request)->verdict, ORPHAN_HELD);
	ck_assert_uint_eq(v.cloud.leftover_ends, 0);
	fake_cloud_kill(&v.cloud, foreign, EC2_STATE_TERMINATED);
	world_run(&v, 4 * INTERVAL);
	ck_assert(!v.pool->hold);
	ck_assert_uint_eq(v.cloud.leftover_ends, 2);
	world_fini(&v);
}
END_TEST

/* A19: it may fill at any time, so the name waits for its end. */
START_TEST(test_an_open_request_is_cancelled)
{
	struct world v;
	const struct fake_instance *was = begin(&v, SPOT, "");
	AUTO(free) char *id = left(&v, EC2_LEFTOVER_REQUEST, was);

	world_run(&v, INTERVAL + MINUTE);
	ck_assert_str_eq(find(&v, id)->price, "0.05");
	world_up(&v, "bot1");
	world_run(&v, MINUTE);
	ck_assert_ptr_nonnull(strstr(world_worker(&v, "bot1")->last_error.text, id));
	ck_assert_uint_eq(v.cloud.leftover_ends, 0);
	world_run(&v, GRACE + INTERVAL);
	ck_assert_str_eq(fake_leftover(&v.cloud, id)->state, "cancelled");
	ck_assert_uint_eq(v.cloud.leftover_ends, 1);
	ck_assert_ptr_null(orphans_first(v.pool->orphans));
	ck_assert_ptr_nonnull(world_living(&v, "bot1"));
	world_fini(&v);
}
END_TEST

/* What a request has started bears no tags: no listing of instances shows it. */
static struct fake_instance *
started(struct world *v, const struct fake_instance *was)
{
	struct fake_instance *i = fake_add_instance(&v->cloud, "", 0, NULL, 0);

	(void)was;
	i->launch[0] = '\0';
	i->untagged_ms = 1;
	return i;
}

/* A20: it fills as it is cancelled. */
START_TEST(test_cancel_and_fill_cross)
{
	struct world v;
	const struct fake_instance *was = begin(&v, SPOT, "");
	AUTO(free) char *id = left(&v, EC2_LEFTOVER_REQUEST, was);
	struct fake_instance *i = started(&v, was);

	set(&fake_leftover(&v.cloud, id)->launch, i->token); /* of a lost ledger */
	v.cloud.fills_late = i->id;
	world_run(&v, GRACE + 3 * INTERVAL);
	ck_assert_str_eq(fake_leftover(&v.cloud, id)->status,
		"request-canceled-and-instance-running");
	ck_assert(!fake_is_living(i));
	set(&fake_leftover(&v.cloud, id)->state, "closed");
	world_run(&v, 2 * INTERVAL);
	ck_assert_ptr_null(orphans_first(v.pool->orphans));
	ck_assert_ptr_null(v.pool->instances);
	world_fini(&v);
}
END_TEST

START_TEST(test_an_active_request_of_nobody)
{
	struct world v;
	const struct fake_instance *was = begin(&v, SPOT, "");
	AUTO(free) char *id = left(&v, EC2_LEFTOVER_REQUEST, was);
	struct ec2_leftover *l = fake_leftover(&v.cloud, id);
	struct fake_instance *i = started(&v, was);

	set(&l->launch, i->token);
	set(&l->state, "active");
	set(&l->status, "fulfilled");
	set(&l->instance, i->id);
	world_run(&v, GRACE - MINUTE);
	ck_assert(fake_is_living(i));
	world_run(&v, 3 * INTERVAL);
	ck_assert_str_eq(l->state, "cancelled");
	ck_assert(!fake_is_living(i));
	world_fini(&v);
}
END_TEST

/* Its instance runs for a launch that the ledger knows to have made another. */
START_TEST(test_a_request_with_copied_tags)
{
	struct world v;
	const struct fake_instance *was = begin(&v, SPOT, "");
	AUTO(free) char *id = left(&v, EC2_LEFTOVER_REQUEST, was);
	struct ec2_leftover *l = fake_leftover(&v.cloud, id);
	struct fake_instance *i = started(&v, was);

	i->origin = FAKE_STRANGER;
	set(&l->state, "cancelled");
	set(&l->status, "request-canceled-and-instance-running");
	set(&l->instance, i->id);
	world_run(&v, HOUR);
	ck_assert(fake_is_living(i));
	ck_assert_str_eq(v.cloud.violation, "");
	world_fini(&v);
}
END_TEST

START_TEST(test_what_is_asked)
{
	struct world v;
	unsigned volumes;

	(void)begin(&v, "", "");
	ck_assert_uint_eq(v.cloud.leftover_lists[EC2_LEFTOVER_VOLUME], 1);
	world_run(&v, HOUR);
	volumes = v.cloud.leftover_lists[EC2_LEFTOVER_VOLUME];
	ck_assert_uint_ge(volumes, 11);
	ck_assert_uint_le(volumes, 14);
	ck_assert_uint_eq(v.cloud.leftover_lists[EC2_LEFTOVER_REQUEST], 0);
	/* A refusal holds nothing up. */
	v.cloud.may_not_ask = true;
	world_run(&v, HOUR);
	v.cloud.may_not_ask = false;
	world_ready(&v, "bot1");
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("leftover");
	TCase *t = tcase_create("leftover");

	tcase_add_test(t, test_a_volume_ends_by_order);
	tcase_add_test(t, test_deleted_in_time_and_not_before);
	tcase_add_loop_test(t, test_left_alone, 0, COUNT_OF(alone));
	tcase_add_test(t, test_of_a_launch_that_lives);
	tcase_add_test(t, test_attached_meanwhile);
	tcase_add_test(t, test_not_while_the_disk_is_full);
	tcase_add_test(t, test_its_end_is_in_the_history);
	tcase_add_test(t, test_hold_and_brake);
	tcase_add_test(t, test_held_back_by_hold);
	tcase_add_test(t, test_an_open_request_is_cancelled);
	tcase_add_test(t, test_cancel_and_fill_cross);
	tcase_add_test(t, test_an_active_request_of_nobody);
	tcase_add_test(t, test_a_request_with_copied_tags);
	tcase_add_test(t, test_what_is_asked);
	suite_add_tcase(s, t);
	return s;
}
