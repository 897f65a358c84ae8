/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of clients: what they stand for, what came of it, how long that is known. */
#include "core/request.h"
#include "base/clock.h"
#include "core/instance.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/waiter.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "unit.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define WORKERS                                                                        \
	"  a: { password: x, missing_timeout: 5m, build_wait_timeout: -1 }\n"          \
	"  b: { password: x, missing_timeout: 5m, build_wait_timeout: -1 }\n"
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define DAY REQUEST_KEPT_MS

static const struct cause tester = {"uid 0", "test"};

static struct request_ask
up_of(const char *worker, const char *key)
{
	return (struct request_ask){.uid = 7,
		.key = key,
		.what = REQUEST_UP,
		.worker = worker};
}

/* Looks; NULL: the key is new. */
static const struct request *
look(struct world *v, const struct request_ask *ask)
{
	const struct request *r;
	struct err err;

	ck_assert_msg(requests_look(v->pool->requests, ask, &r, &err) == 0, "%s",
		err.text);
	return r;
}

static const struct request *
look_up(struct world *v, const char *worker, const char *key)
{
	struct request_ask ask = up_of(worker, key);

	return look(v, &ask);
}

/* As a handler does it. The generation of the answer. */
static int64_t
up(struct world *v, const char *worker, const char *key)
{
	struct request_ask ask = up_of(worker, key);
	const struct request *r = look(v, &ask);
	struct worker *w = world_worker(v, worker);
	struct err err;

	if (r == NULL) {
		ck_assert_msg(worker_substantiate(w, &tester, NULL, &err) == 0, "%s",
			err.text);
		requests_add(v->pool->requests, &ask, w);
		r = look(v, &ask);
	}
	world_turn(v);
	return r->generation;
}

/* Whether this is how it stands: what was reached, and ERR_NONE or how it ended. */
static void
check(const struct request *r, bool running, bool attached, enum err_code code)
{
	struct err err = {.code = ERR_NONE};

	ck_assert_ptr_nonnull(r);
	ck_assert(request_has_reached(r, WAIT_RUNNING) == running);
	ck_assert(request_has_reached(r, WAIT_ATTACHED) == attached);
	ck_assert(request_has_failed(r, &err) == (code != ERR_NONE));
	ck_assert_int_eq(err.code, code);
}

static size_t
count(const struct world *v)
{
	return HASH_COUNT(v->pool->requests->by_id);
}

START_TEST(test_the_same_key_is_the_same_operation)
{
	struct world v;

	world_init(&v, WORKERS);
	ck_assert_int_eq(up(&v, "a", "k"), 1);
	ck_assert_int_eq(up(&v, "a", "k"), 1);
	world_down(&v, "a");
	ck_assert_int_eq(up(&v, "a", "k"), 1);
	ck_assert_msg(!worker_is_wanted(world_worker(&v, "a")), "not done again");
	ck_assert_int_eq(up(&v, "a", "l"), 2);
	ck_assert_int_eq(up(&v, "a", "m"), 2);
	ck_assert_int_eq(up(&v, "a", "k"), 1);
	ck_assert_uint_eq(count(&v), 3);
	world_fini(&v);
}
END_TEST

static const struct {
	struct request_ask ask;
	bool taken; /* as the same, or as a new one; else refused */
	bool is_new;
	int line;
} asks[] = {
	{{7, "k", REQUEST_DOWN, "a", 3, false}, true, false, __LINE__},
	{{7, "k", REQUEST_DOWN, "a", 3, true}, false, false, __LINE__},
	{{7, "k", REQUEST_DOWN, "a", 0, false}, false, false, __LINE__},
	{{7, "k", REQUEST_DOWN, "b", 3, false}, false, false, __LINE__},
	{{7, "k", REQUEST_DOWN, "nobody", 3, false}, false, false, __LINE__},
	{{7, "k", REQUEST_UP, "a", 0, false}, false, false, __LINE__},
	{{8, "k", REQUEST_UP, "b", 0, false}, true, true, __LINE__},
	{{7, "K", REQUEST_UP, "b", 0, false}, true, true, __LINE__},
	{{7, "kk", REQUEST_UP, "b", 0, false}, true, true, __LINE__},
};

START_TEST(test_what_a_key_stands_for)
{
	struct world v;
	const struct request *r = NULL;
	struct err err;

	world_init(&v, WORKERS);
	requests_add(v.pool->requests, &asks[0].ask, world_worker(&v, "a"));
	for (int restarted = 0; restarted < 2; restarted++) {
		int result = requests_look(v.pool->requests, &asks[_i].ask, &r, &err);

		ck_assert_msg((result == 0) == asks[_i].taken, "line %d",
			asks[_i].line);
		if (result == 0)
			ck_assert_msg((r == NULL) == asks[_i].is_new, "line %d",
				asks[_i].line);
		else
			ck_assert_int_eq(err.code, ERR_INVALID);
		world_turn(&v);
		world_restart(&v);
	}
	world_fini(&v);
}
END_TEST

START_TEST(test_key_of_full_length)
{
	static const char key[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct world v;

	ck_assert_uint_eq(strlen(key), REQUEST_KEY_MAX);
	world_init(&v, WORKERS);
	ck_assert_int_eq(up(&v, "a", key), 1);
	world_restart(&v);
	ck_assert_ptr_nonnull(look_up(&v, "a", key));
	ck_assert_ptr_null(look_up(&v, "a", key + 1));
	world_fini(&v);
}
END_TEST

/* Where it has come to is known at each point, and after a restart there. */
static void
check_both(struct world *v, bool running, bool attached, enum err_code code)
{
	check(look_up(v, "a", "k"), running, attached, code);
	world_restart(v);
	check(look_up(v, "a", "k"), running, attached, code);
}

START_TEST(test_a_life)
{
	struct world v;

	world_init(&v, WORKERS);
	(void)up(&v, "a", "k");
	check_both(&v, false, false, ERR_NONE);
	world_run(&v, 30 * SECOND);
	check_both(&v, true, false, ERR_NONE);
	world_attach(&v, "a");
	world_run(&v, SECOND);
	check_both(&v, true, true, ERR_NONE);
	world_down(&v, "a");
	check_both(&v, true, true, ERR_NONE);
	world_run(&v, 5 * MINUTE);
	(void)up(&v, "a", "l");
	check_both(&v, true, true, ERR_NONE);
	ck_assert_int_eq(up(&v, "a", "l"), 2);
	world_fini(&v);
}
END_TEST

START_TEST(test_a_life_that_fails)
{
	struct world v;
	struct err err;

	world_init(&v, WORKERS);
	(void)up(&v, "a", "k");
	world_run(&v, 30 * SECOND);
	world_run(&v, 5 * MINUTE);
	check_both(&v, true, false, ERR_MISSING);
	ck_assert(request_has_failed(look_up(&v, "a", "k"), &err));
	ck_assert_msg(strstr(err.text, "not attached within missing_timeout") != NULL,
		"%s", err.text);
	(void)up(&v, "a", "l");
	world_down(&v, "a");
	check(look_up(&v, "a", "l"), false, false, ERR_CANCELLED);
	check_both(&v, true, false, ERR_MISSING);
	world_fini(&v);
}
END_TEST

/* Code, reason and AWS's own words come back as they were. */
START_TEST(test_errors_are_kept_whole)
{
	struct world v;
	struct err why, err = {.code = ERR_NONE};

	world_init(&v, WORKERS);
	(void)up(&v, "a", "k");
	err_set(&why, ERR_FAILED, "no \"room\"\n\xc3\xa4");
	why.reason = REASON_CAPACITY;
	err_origin(&why, "InsufficientInstanceCapacity", "We have none", "r-1");
	requests_end(world_worker(&v, "a"), &why);
	for (int n = 0; n < 2; n++) {
		ck_assert(request_has_failed(look_up(&v, "a", "k"), &err));
		ck_assert_int_eq(err.code, why.code);
		ck_assert_int_eq(err.reason, why.reason);
		ck_assert_str_eq(err.text, why.text);
		ck_assert_str_eq(err.origin, why.origin);
		ck_assert_str_eq(err.origin_text, why.origin_text);
		ck_assert_str_eq(err.request_id, why.request_id);
		world_turn(&v);
		world_restart(&v);
	}
	world_fini(&v);
}
END_TEST

/* A start that joins a detached worker waits for it to attach again. */
START_TEST(test_each_counts_from_its_own_time)
{
	struct world v;
	struct worker *w;
	struct err err;

	world_init(&v, WORKERS);
	w = world_worker(&v, "a");
	(void)up(&v, "a", "k");
	world_run(&v, 30 * SECOND);
	world_attach(&v, "a");
	world_run(&v, SECOND);
	ck_assert(worker_detached(w, 0, NULL, &tester, &err) == 0);
	world_turn(&v);
	ck_assert_int_eq(up(&v, "a", "l"), 1);
	world_turn(&v);
	check(look_up(&v, "a", "k"), true, true, ERR_NONE);
	check(look_up(&v, "a", "l"), true, false, ERR_NONE);
	world_run(&v, 6 * MINUTE);
	check(look_up(&v, "a", "k"), true, true, ERR_NONE);
	check(look_up(&v, "a", "l"), true, false, ERR_MISSING);
	world_fini(&v);
}
END_TEST

/* What is not on disk did not happen, the key included. */
START_TEST(test_a_crash_before_the_commit)
{
	struct world v;
	struct request_ask ask = up_of("a", "k");
	struct worker *w;
	struct err err;

	world_init(&v, WORKERS);
	w = world_worker(&v, "a");
	ck_assert(worker_substantiate(w, &tester, NULL, &err) == 0);
	requests_add(v.pool->requests, &ask, w);
	world_restart(&v);
	ck_assert_int_eq(world_worker(&v, "a")->generation, 0);
	ck_assert_ptr_null(look(&v, &ask));
	ck_assert_int_eq(up(&v, "a", "k"), 1);
	world_fini(&v);
}
END_TEST

START_TEST(test_a_full_disk_loses_nothing)
{
	struct world v;

	world_init(&v, WORKERS);
	v.disk_full = true;
	(void)up(&v, "a", "k");
	ck_assert_ptr_nonnull(v.pool->requests->dirty);
	v.disk_full = false;
	world_turn(&v);
	ck_assert_ptr_null(v.pool->requests->dirty);
	world_restart(&v);
	ck_assert_int_eq(up(&v, "a", "k"), 1);
	world_fini(&v);
}
END_TEST

START_TEST(test_for_a_day)
{
	struct world v;

	world_init(&v, WORKERS);
	(void)up(&v, "a", "k");
	world_run(&v, MINUTE);
	(void)up(&v, "b", "l");
	world_down(&v, "a");
	clock_fake_advance(DAY - 2 * MINUTE);
	ck_assert_ptr_nonnull(look_up(&v, "a", "k"));
	world_restart(&v);
	ck_assert_ptr_nonnull(look_up(&v, "a", "k"));
	clock_fake_advance(MINUTE);
	ck_assert_msg(look_up(&v, "b", "k") == NULL, "it may be used for anything");
	ck_assert_uint_eq(count(&v), 1);
	world_turn(&v);
	clock_fake_advance(2 * MINUTE);
	world_restart(&v);
	ck_assert_uint_eq(count(&v), 0);
	ck_assert_ptr_null(world_worker(&v, "b")->requests);
	world_fini(&v);
}
END_TEST

/* The old row and the new one of a key change places in one commit. */
START_TEST(test_used_again_after_a_day)
{
	struct world v;

	world_init(&v, WORKERS);
	(void)up(&v, "a", "k");
	clock_fake_advance(DAY);
	ck_assert_int_eq(up(&v, "b", "k"), 1);
	world_turn(&v);
	world_restart(&v);
	ck_assert_uint_eq(count(&v), 1);
	ck_assert_str_eq(look_up(&v, "b", "k")->worker->name, "b");
	world_fini(&v);
}
END_TEST

/* A wall clock that was set back must not make a key live longer than a day. */
START_TEST(test_the_wall_clock_is_set_back)
{
	struct world v;

	world_init(&v, WORKERS);
	(void)up(&v, "a", "k");
	clock_fake_wall_jump(-30 * DAY);
	world_restart(&v);
	ck_assert_ptr_nonnull(look_up(&v, "a", "k"));
	clock_fake_advance(DAY);
	ck_assert_ptr_null(look_up(&v, "a", "k"));
	world_fini(&v);
}
END_TEST

START_TEST(test_the_oldest_make_room)
{
	struct world v;
	struct request_ask more = up_of("a", "more");
	const struct request *r;
	struct err err;

	world_init(&v, WORKERS);
	v.pool->requests->max = 3;
	(void)up(&v, "a", "open");
	(void)up(&v, "b", "first");
	(void)up(&v, "b", "second");
	world_down(&v, "b");
	(void)up(&v, "b", "third");
	ck_assert_uint_eq(count(&v), 3);
	ck_assert_ptr_nonnull(look_up(&v, "a", "open"));
	ck_assert_ptr_nonnull(look_up(&v, "b", "second"));
	ck_assert_ptr_nonnull(look_up(&v, "b", "third"));
	(void)up(&v, "b", "fourth"); /* in place of the second */
	ck_assert(requests_look(v.pool->requests, &more, &r, &err) == -1);
	ck_assert_int_eq(err.code, ERR_LIMIT);
	world_turn(&v);
	world_restart(&v);
	ck_assert_uint_eq(count(&v), 3);
	ck_assert_ptr_nonnull(look_up(&v, "b", "fourth"));
	world_fini(&v);
}
END_TEST

START_TEST(test_a_worker_that_is_no_longer_there)
{
	struct world v;
	struct request_ask down = {7, "d", REQUEST_DOWN, "b", 0, false};

	world_init(&v, WORKERS);
	(void)up(&v, "a", "k");
	requests_add(v.pool->requests, &down, world_worker(&v, "b"));
	world_reload(&v, "  c: { password: x }\n");
	world_down(&v, "a");
	world_run(&v, 10 * MINUTE);
	ck_assert_ptr_null(pool_find(v.pool, "a"));
	world_restart(&v);
	check(look_up(&v, "a", "k"), false, false, ERR_CANCELLED);
	ck_assert_ptr_nonnull(look(&v, &down));
	ck_assert_ptr_null(pool_find(v.pool, "b"));
	world_fini(&v);
}
END_TEST

/* The machine of a generation that has ended is still known, twins apart. */
START_TEST(test_past_instance)
{
	struct world v;
	struct instance *past;
	char id[32];

	world_init(&v, WORKERS);
	v.cloud.force_twin = true;
	world_ready(&v, "a");
	(void)snprintf(id, sizeof(id), "%s",
		worker_instance(world_worker(&v, "a"))->id);
	ck_assert_ptr_nonnull(worker_instance_of(world_worker(&v, "a"), 1));
	ck_assert_ptr_null(worker_instance_of(world_worker(&v, "a"), 2));
	world_down(&v, "a");
	world_run(&v, 10 * MINUTE);
	ck_assert_ptr_null(worker_instance_of(world_worker(&v, "a"), 1));
	past = store_past_instance(v.store, "a", 1);
	ck_assert_ptr_nonnull(past);
	ck_assert_str_eq(past->id, id);
	ck_assert_int_eq(past->phase, INSTANCE_GONE);
	store_past_free(past);
	ck_assert_ptr_null(store_past_instance(v.store, "a", 2));
	ck_assert_ptr_null(store_past_instance(v.store, "b", 1));
	world_fini(&v);
}
END_TEST

START_TEST(test_names)
{
	for (int i = 0; i < REQUEST_WHAT_COUNT; i++)
		ck_assert_int_eq(request_what_find(
					 request_what_name((enum request_what)i)),
			i);
	ck_assert_int_eq(request_what_find("worker.show"), REQUEST_WHAT_COUNT);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("requests");
	TCase *tc = tcase_create("requests");

	tcase_add_test(tc, test_the_same_key_is_the_same_operation);
	tcase_add_loop_test(tc, test_what_a_key_stands_for, 0, (int)COUNT_OF(asks));
	tcase_add_test(tc, test_key_of_full_length);
	tcase_add_test(tc, test_a_life);
	tcase_add_test(tc, test_a_life_that_fails);
	tcase_add_test(tc, test_errors_are_kept_whole);
	tcase_add_test(tc, test_each_counts_from_its_own_time);
	tcase_add_test(tc, test_a_crash_before_the_commit);
	tcase_add_test(tc, test_a_full_disk_loses_nothing);
	tcase_add_test(tc, test_for_a_day);
	tcase_add_test(tc, test_used_again_after_a_day);
	tcase_add_test(tc, test_the_wall_clock_is_set_back);
	tcase_add_test(tc, test_the_oldest_make_room);
	tcase_add_test(tc, test_a_worker_that_is_no_longer_there);
	tcase_add_test(tc, test_past_instance);
	tcase_add_test(tc, test_names);
	suite_add_tcase(s, tc);
	return s;
}
