/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings: how often in which situation, what one that fails changes, and that what it does
 * not show is asked for by its own id.
 */
#include "core/poller.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "core/cloud.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/pool.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/verdict.h"
#include "unit.h"
#include "world.h"

#include <string.h>

#define TWO                                                                            \
	"  a: { password: x, missing_timeout: 30m, build_wait_timeout: -1,"            \
	" pending_timeout: 20m }\n"                                                    \
	"  b: { password: y, missing_timeout: 30m, build_wait_timeout: -1 }\n"
#define MINUTE INT64_C(60000)

static struct world v;

static void
setup(void)
{
	world_init(&v, TWO);
}

static void
teardown(void)
{
	world_fini(&v);
}

static int64_t
listings_in(int64_t ms)
{
	uint64_t before = v.cloud.listings;

	world_run(&v, ms);
	return (int64_t)(v.cloud.listings - before);
}

/* An answer comes within two seconds, so a listing begins at least so often. */
#define CHECK_BETWEEN(value, least, most)                                              \
	do {                                                                           \
		int64_t is = (value);                                                  \
		ck_assert_msg(is >= (least) && is <= (most), "%d listings", (int)is);  \
	} while (0)

START_TEST(test_one_at_the_start)
{
	int64_t now;

	world_restart(&v);
	now = clock_ms();
	ck_assert(v.cloud.listings == 2);
	ck_assert(poller_listed_ms(v.pool->pollers) == 0);
	ck_assert(poller_listed_wall(v.pool->pollers) == 0);
	world_run(&v, 3000);
	ck_assert(v.cloud.listings == 2);
	ck_assert(poller_listed_ms(v.pool->pollers) == now);
	ck_assert(poller_listed_wall(v.pool->pollers) > INT64_C(1790000000000));
}
END_TEST

/* Nothing up: every five minutes, and nothing else wakes the daemon. */
START_TEST(test_nothing_up)
{
	world_run(&v, 10000);
	CHECK_BETWEEN(listings_in(60 * MINUTE), 12, 12);
}
END_TEST

/* Awaited: about a second at first, slower as it ages, never slower than a minute. */
START_TEST(test_something_is_awaited)
{
	world_run(&v, 10000);
	world_up(&v, "a");
	v.cloud.faults.late_effect = 0;
	while (v.cloud.count == 0)
		world_run(&v, 10);
	v.cloud.instances[0].due_ms = clock_ms() + 100 * MINUTE; /* stays pending */
	CHECK_BETWEEN(listings_in(20000), 6, 20);
	world_run(&v, 5 * MINUTE);
	CHECK_BETWEEN(listings_in(MINUTE), 3, 7);
	world_run(&v, 8 * MINUTE);
	CHECK_BETWEEN(listings_in(MINUTE), 1, 3);
}
END_TEST

START_TEST(test_steady)
{
	world_ready(&v, "a");
	world_run(&v, MINUTE);
	CHECK_BETWEEN(listings_in(20 * MINUTE), 19, 21);
	/* One that comes up makes it quick for all. */
	world_up(&v, "b");
	CHECK_BETWEEN(listings_in(20000), 5, 20);
}
END_TEST

/* After the last has gone: one more that began after that, then rest. */
START_TEST(test_after_the_last)
{
	int64_t gone = 0, listed;
	uint64_t then = 0;

	for (int n = 0; n < 10; n++) {
		world_ready(&v, "a");
		/* Shown by its own id, at another moment each time. */
		world_living(&v, "a")->untagged = n % 2 == 1;
		world_run(&v, 1000 + 777 * n);
		world_down(&v, "a");
		while (v.pool->launches != NULL) {
			then = v.cloud.listings;
			gone = clock_ms();
			world_run(&v, 10);
		}
		world_run(&v, 4 * MINUTE);
		listed = poller_listed_ms(v.pool->pollers);
		ck_assert_msg(listed >= gone, "%d ms before the end",
			(int)(gone - listed));
		CHECK_BETWEEN((int64_t)(v.cloud.listings - then), 1, 2);
	}
	CHECK_BETWEEN(listings_in(60 * MINUTE), 11, 13);
}
END_TEST

/* On a host that is up for long, too, what was awaited before a restart still is. */
START_TEST(test_awaited_before_a_restart)
{
	clock_fake_advance(30 * 24 * 60 * MINUTE);
	world_up(&v, "a");
	world_run(&v, MINUTE / 2);
	ck_assert_str_eq(worker_phase_name(world_worker(&v, "a")), "waiting");
	world_restart(&v);
	CHECK_BETWEEN(listings_in(10000), 5, 11);
}
END_TEST

/* Somebody must know at once, whatever the interval: once is enough. */
START_TEST(test_asked_for)
{
	struct poller *p = v.pool->pollers;
	int64_t before;

	world_ready(&v, "a");
	world_run(&v, 2 * MINUTE);
	world_run(&v, poller_listed_ms(p) + MINUTE + 10000 - clock_ms());
	before = poller_listed_ms(p);
	poller_expect(p);
	world_run(&v, 5000);
	ck_assert(poller_listed_ms(p) > before);
	CHECK_BETWEEN(listings_in(MINUTE - 10000), 0, 1);
}
END_TEST

/* Nobody can be told anything: tried more slowly, and soon again once it works. */
START_TEST(test_failures_back_off)
{
	int64_t listed;

	world_run(&v, 10000);
	world_up(&v, "a");
	world_run(&v, 1000);
	v.cloud.faults.fail_read = 1000;
	world_run(&v, 5000);
	listed = poller_listed_ms(v.pool->pollers);
	world_run(&v, 2 * MINUTE);
	CHECK_BETWEEN(listings_in(10 * MINUTE), 15, 60);
	ck_assert(poller_listed_ms(v.pool->pollers) == listed);
	v.cloud.faults.fail_read = 0;
	world_run(&v, MINUTE);
	ck_assert(poller_listed_ms(v.pool->pollers) > listed);
	ck_assert_str_eq(worker_phase_name(world_worker(&v, "a")), "waiting");
}
END_TEST

/* Once for each time that it lasts. */
START_TEST(test_long_failures_are_mailed)
{
	world_fini(&v);
	world_init(&v,
		"  bot1: { password: x, notify_on_missing: [a@example.org, b@example.org] }\n");
	world_run(&v, 10 * MINUTE);
	v.cloud.faults.fail_read = 1000;
	world_run(&v, 9 * MINUTE);
	ck_assert_uint_eq(notices_count(v.pool->notices), 0);
	world_run(&v, 10 * MINUTE);
	ck_assert_uint_eq(notices_count(v.pool->notices), 2);
	ck_assert_ptr_nonnull(strstr(notices_rows(v.pool->notices)->subject, "EC2"));
	world_run(&v, 60 * MINUTE);
	ck_assert_uint_eq(notices_count(v.pool->notices), 2);
	v.cloud.faults.fail_read = 0;
	world_run(&v, 10 * MINUTE);
	v.cloud.faults.fail_read = 1000;
	world_run(&v, 30 * MINUTE);
	ck_assert_uint_eq(notices_count(v.pool->notices), 4);
}
END_TEST

/* Who wants a worker before anything was listed hears what keeps EC2 from that. */
START_TEST(test_first_listing_is_refused)
{
	struct worker *w;

	v.cloud.may_not_list = true;
	world_restart(&v);
	w = world_worker(&v, "a");
	for (int wish = 0; wish < 3; wish++) {
		world_up(&v, "a");
		ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATING);
		world_run(&v, 4000);
		ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
		ck_assert_int_eq(w->last_error.code, ERR_FAILED);
		ck_assert_int_eq(w->last_error.reason, REASON_AUTH);
		ck_assert_str_eq(w->last_error.origin, "UnauthorizedOperation");
		world_run(&v, 10 * MINUTE);
	}
	v.cloud.may_not_list = false;
	world_up(&v, "a");
	world_run(&v, 30000);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
}
END_TEST

/* What passes is waited for, and said meanwhile. */
START_TEST(test_first_listing_fails)
{
	struct worker *w;

	v.cloud.faults.fail_read = 1000;
	world_restart(&v);
	w = world_worker(&v, "a");
	world_up(&v, "a");
	world_run(&v, 4000);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATING);
	ck_assert_int_eq(w->last_error.reason, REASON_NETWORK);
	ck_assert_ptr_nonnull(strstr(w->last_error.text, "nothing has been listed"));
	v.cloud.faults.fail_read = 0;
	world_run(&v, 2 * MINUTE);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	ck_assert_int_eq(w->last_error.code, ERR_NONE);
}
END_TEST

/* A limit that ran out while nothing could be seen acts after the next listing, not before. */
START_TEST(test_a_limit_waits_for_a_listing)
{
	struct worker *w = world_worker(&v, "a");

	world_up(&v, "a");
	world_run(&v, MINUTE);
	v.cloud.faults.fail_read = 1000;
	world_run(&v, 60 * MINUTE);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATING);
	v.cloud.faults.fail_read = 0;
	world_run(&v, 2 * MINUTE);
	ck_assert_int_eq(w->last_error.code, ERR_MISSING);
}
END_TEST

/* What a listing does not show is described by its id; that it is there is enough. */
START_TEST(test_absent_is_described)
{
	struct instance *i;
	struct fake_instance *truth;

	world_ready(&v, "a");
	world_run(&v, 2 * MINUTE);
	i = world_worker(&v, "a")->launch->instance;
	truth = world_living(&v, "a");
	truth->untagged = true;
	world_run(&v, 10 * MINUTE);
	ck_assert_int_eq(i->phase, INSTANCE_READY);
	ck_assert_uint_eq(i->not_found, 0);
	ck_assert_uint_ge(v.cloud.describes, 5);
	/* So is its end. */
	fake_cloud_kill(&v.cloud, truth, EC2_STATE_TERMINATED);
	world_run(&v, 2 * MINUTE);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_NOT_SUBSTANTIATED);
}
END_TEST

/* Found by launch tag or, where tags are late, by token: the answer that was lost. */
START_TEST(test_matched_by_tag_or_token)
{
	struct launch *l;

	v.cloud.script[0] = (struct fake_answer){VERDICT_REPEAT, EC2_CLASS_PASSING,
		true, 1000};
	world_up(&v, "a");
	while (v.cloud.count == 0)
		world_run(&v, 10);
	if (_i == 1)
		v.cloud.instances[0].launch[0] = '\0';
	l = world_worker(&v, "a")->launch;
	world_run(&v, 60000);
	ck_assert_int_eq(l->phase, LAUNCH_ANSWERED);
	ck_assert_str_eq(l->instance->id, v.cloud.instances[0].id);
	ck_assert(v.cloud.runs == 1);
}
END_TEST

/* Of our pool by its tag, in no row: nothing is done to it here. */
START_TEST(test_what_is_in_no_row)
{
	struct fake_instance *other;

	world_ready(&v, "a");
	other = &v.cloud.instances[v.cloud.count++];
	*other = v.cloud.instances[0];
	memcpy(other->id, "i-00000000000000bad", 20);
	memset(other->token, 'x', 36);
	memset(other->launch, 'y', 36);
	memcpy(other->worker, "stranger", 9);
	world_run(&v, 10 * MINUTE);
	ck_assert_int_eq(other->state, EC2_STATE_RUNNING);
	ck_assert_uint_eq(HASH_COUNT(v.pool->instances), 1);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_SUBSTANTIATED);
}
END_TEST

/* The fake cloud's own maker. */
static struct cloud *(*make_plain)(void *self, const struct conf *conf,
	const struct conf_worker *worker, const char *region);

static struct cloud *
make_apart(void *self, const struct conf *conf, const struct conf_worker *worker,
	const char *region)
{
	struct cloud *c = make_plain(self, conf, worker, region);

	if (worker != NULL && strcmp(worker->name, "b") == 0) {
		free(c->key);
		free(c->credentials);
		c->key = xstrdup("fake us-east-1 other keys");
		c->credentials = xstrdup("other keys");
	}
	return c;
}

/* One listing per set of credentials, and a row goes back to the one that it came from. */
START_TEST(test_one_per_cloud)
{
	struct poller *p;

	make_plain = v.cloud.maker.make;
	v.cloud.maker.make = make_apart;
	world_restart(&v);
	p = v.pool->pollers;
	ck_assert_ptr_nonnull(p);
	ck_assert_ptr_nonnull(poller_next(p));
	ck_assert_ptr_null(poller_next(poller_next(p)));
	world_run(&v, 10000);
	world_ready(&v, "b");
	world_restart(&v);
	ck_assert_str_eq(poller_cloud(world_worker(&v, "b")->launch->poller)
				 ->credentials,
		"other keys");
	world_run(&v, 2 * MINUTE);
	/* Only one of them has something to look after: 20 and 4. */
	CHECK_BETWEEN(listings_in(20 * MINUTE), 23, 26);
	poller_free(NULL);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("poller");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_one_at_the_start);
	tcase_add_test(t, test_nothing_up);
	tcase_add_test(t, test_something_is_awaited);
	tcase_add_test(t, test_steady);
	tcase_add_test(t, test_after_the_last);
	tcase_add_test(t, test_awaited_before_a_restart);
	tcase_add_test(t, test_asked_for);
	tcase_add_test(t, test_failures_back_off);
	tcase_add_test(t, test_long_failures_are_mailed);
	tcase_add_test(t, test_first_listing_is_refused);
	tcase_add_test(t, test_first_listing_fails);
	tcase_add_test(t, test_a_limit_waits_for_a_listing);
	tcase_add_test(t, test_absent_is_described);
	tcase_add_loop_test(t, test_matched_by_tag_or_token, 0, 2);
	tcase_add_test(t, test_what_is_in_no_row);
	tcase_add_test(t, test_one_per_cloud);
	suite_add_tcase(s, t);
	return s;
}
