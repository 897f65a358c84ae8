/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger as the pool uses it: what a turn writes, what comes back after a restart, what
 * is purged, and what it says of rows that cannot be.
 */
#include "core/store.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "core/event.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/store_load.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "sys/db.h"
#include "unit.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define TWO                                                                            \
	"  a: { password: x, missing_timeout: 5m, build_wait_timeout: 10m }\n"         \
	"  b: { password: y, missing_timeout: 5m }\n"
#define HOUR INT64_C(3600000)

static const struct cause tester = {"uid 0", "test"};

static void
sql(struct world *v, const char *text)
{
	struct err err;

	ck_assert_msg(db_script(v->store->db, text, &err) == DB_DONE, "%s", err.text);
}

/* The one number of a query; text is a literal. */
static int64_t
number(struct world *v, const char *text)
{
	struct db_stmt *q = db_stmt(v->store->db, text);
	int64_t value;

	ck_assert_int_eq(db_step(q, NULL), DB_ROW);
	value = db_int(q, 0);
	db_reset(q);
	return value;
}

/* A new process finds what the old one has left. */
START_TEST(test_worker_comes_back)
{
	struct world v;
	struct worker *w;
	struct err err;
	int64_t idle;

	world_init(&v, TWO);
	world_ready(&v, "a");
	w = world_worker(&v, "a");
	ck_assert_int_eq(worker_build_started(w, 0, "linux/17", 2, &tester, &err), 0);
	world_turn(&v);
	ck_assert_int_eq(worker_build_finished(w, 0, "linux/17", 0, &tester, &err), 0);
	world_turn(&v);
	idle = w->idle.boot_ms;
	ck_assert(idle != 0);
	world_restart(&v);
	w = world_worker(&v, "a");
	ck_assert_int_eq(w->phase, WORKER_LAUNCHED);
	ck_assert(w->generation == 1);
	ck_assert(w->attached && w->attached_wall != 0);
	ck_assert_str_eq(w->build, "linux/17");
	ck_assert_str_eq(w->by, "uid 0");
	ck_assert_str_eq(w->reason, "test");
	ck_assert(w->idle.boot_ms == idle);
	ck_assert(!deadline_is_set(&w->missing));
	ck_assert(w->launched_once);
	ck_assert_ptr_nonnull(w->launch);
	ck_assert_ptr_nonnull(w->launch->instance);
	ck_assert_int_eq(w->launch->instance->phase, INSTANCE_READY);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATED);
	ck_assert_int_eq(world_worker(&v, "b")->phase, WORKER_IDLE);
	world_fini(&v);
}
END_TEST

/* The latest events come back in their order, and numbers go on where they ended. */
START_TEST(test_recent_events_come_back)
{
	struct world v;
	struct worker *w;
	char newest[64], oldest[64];
	int64_t last;
	size_t count;

	world_init(&v, TWO);
	world_ready(&v, "a");
	w = world_worker(&v, "a");
	count = event_ring_count(w->recent);
	last = events_last_seq(v.pool->events);
	(void)snprintf(newest, sizeof(newest), "%s", event_ring_get(w->recent, 0)->to);
	(void)snprintf(oldest, sizeof(oldest), "%s",
		event_ring_get(w->recent, count - 1)->to);
	world_restart(&v);
	w = world_worker(&v, "a");
	ck_assert_uint_ge(event_ring_count(w->recent), count);
	ck_assert_str_eq(event_ring_get(w->recent, event_ring_count(w->recent) - 1)->to,
		oldest);
	ck_assert_str_eq(event_ring_get(w->recent, 0)->to, newest);
	for (size_t back = 0; back + 1 < event_ring_count(w->recent); back++)
		ck_assert(event_ring_get(w->recent, back)->seq >
			event_ring_get(w->recent, back + 1)->seq);
	ck_assert(events_last_seq(v.pool->events) >= last);
	world_fini(&v);
}
END_TEST

/* A worker that the file has lost meanwhile is still known while something is left of it. */
START_TEST(test_a_worker_that_the_file_has_lost)
{
	struct world v;

	world_init(&v, TWO);
	world_ready(&v, "b");
	world_reload(&v, "  a: { password: x }\n");
	world_restart(&v);
	ck_assert_ptr_nonnull(pool_find(v.pool, "b"));
	ck_assert(pool_find(v.pool, "b")->removed);
	world_down(&v, "b");
	world_run(&v, 60000);
	ck_assert_ptr_null(pool_find(v.pool, "b"));
	ck_assert_uint_eq(fake_cloud_living(&v.cloud), 0);
	world_fini(&v);
}
END_TEST

/* In another boot the monotonic clock began anew: what remains is told by the wall clock. */
START_TEST(test_deadlines_over_a_boot)
{
	struct world v;
	int64_t wall;

	world_init(&v, TWO);
	world_up(&v, "a");
	world_run(&v, 60000);
	wall = world_worker(&v, "a")->missing.wall_ms;
	v.store->meta.same_boot = false;
	clock_fake_advance(30000);
	clock_fake(5000, clock_wall_ms());
	world_restart(&v);
	ck_assert(world_worker(&v, "a")->missing.wall_ms == wall);
	ck_assert(world_worker(&v, "a")->missing.boot_ms ==
		5000 + 5 * 60000 - 60000 - 30000);
	world_fini(&v);
}
END_TEST

/* I1 is a constraint of the database: a second open member is refused and ends the process. */
START_TEST(test_a_name_cannot_be_taken_twice)
{
	struct world v;

	world_init(&v, TWO);
	world_ready(&v, "a");
	sql(&v,
		"INSERT INTO launch(launch, token, worker, generation, phase, phase_at, over, unwanted,"
		" region, credentials, body, digest, generated, holds, sends, first_sent_at,"
		" last_sent_at, watch_boot, watch_at, created_at)"
		" SELECT 'other', 'other-token', 'b', generation, phase, phase_at, over, unwanted,"
		" region, credentials, body, digest, generated, holds, sends, first_sent_at,"
		" last_sent_at, watch_boot, watch_at, created_at"
		" FROM launch;"
		"INSERT INTO member(launch, idx, worker, generation) VALUES('other', 0, 'b', 1)");
	v.may_fail = true;
	world_up(&v, "b");
	ck_assert_int_eq(v.committed, STORE_FATAL);
	ck_assert_ptr_nonnull(strstr(v.commit_text, "UNIQUE"));
	/* Nothing of that turn is on disk, and nothing has left. */
	ck_assert(number(&v, "SELECT count(*) FROM launch WHERE worker = 'b'") == 1);
	ck_assert(v.cloud.runs == 1);
	world_fini(&v);
}
END_TEST

/* A name that is given up in the same turn may be taken in it, in whatever order rows got dirty. */
START_TEST(test_a_name_changes_hands_in_one_turn)
{
	struct world v;

	world_init(&v, TWO);
	for (int n = 0; n < 5; n++) {
		world_ready(&v, "a");
		world_down(&v, "a");
		world_up(&v, "a"); /* queued: placed in the turn that frees the name */
		world_run(&v, 60000);
		ck_assert_int_eq(v.committed, STORE_OK);
		world_down(&v, "a");
		world_run(&v, 60000);
	}
	ck_assert(number(&v, "SELECT count(*) FROM member") == 10);
	ck_assert(number(&v, "SELECT count(*) FROM member WHERE over IS NULL") == 0);
	ck_assert(number(&v, "SELECT max(generation) FROM member") == 10);
	world_fini(&v);
}
END_TEST

/* What has gone stays for a day, then leaves with its members and instances. */
START_TEST(test_purge)
{
	struct world v;

	world_init(&v, TWO);
	world_ready(&v, "a");
	world_down(&v, "a");
	world_run(&v, 60000);
	ck_assert(number(&v, "SELECT count(*) FROM launch WHERE phase = 'gone'") == 1);
	ck_assert(number(&v, "SELECT count(*) FROM instance") == 1);
	clock_fake_advance(23 * HOUR);
	world_ready(&v, "b");
	ck_assert(number(&v, "SELECT count(*) FROM launch WHERE worker = 'a'") == 1);
	clock_fake_advance(2 * HOUR);
	world_down(&v, "b");
	world_run(&v, 1000);
	ck_assert(number(&v, "SELECT count(*) FROM launch WHERE worker = 'a'") == 0);
	ck_assert(number(&v, "SELECT count(*) FROM member") == 1);
	ck_assert(number(&v, "SELECT count(*) FROM instance") == 1);
	ck_assert(number(&v, "SELECT count(*) FROM history WHERE worker = 'a'") > 0);
	world_run(&v, 60000);
	clock_fake_advance(31 * 24 * HOUR);
	world_up(&v, "b");
	ck_assert(number(&v, "SELECT count(*) FROM history WHERE worker = 'a'") == 0);
	ck_assert(number(&v, "SELECT count(*) FROM history WHERE worker = 'b'") > 0);
	world_fini(&v);
}
END_TEST

/* A twin that will not die outlives its launch: no row leaves before its end is proved. */
START_TEST(test_purge_leaves_what_lives)
{
	struct world v;
	struct fake_instance *twin;
	const char *kept;

	world_init(&v, TWO);
	v.cloud.force_twin = true;
	world_up(&v, "a");
	world_run(&v, 90000);
	ck_assert_uint_eq(v.cloud.count, 2);
	kept = world_worker(&v, "a")->launch->instance->id;
	twin = &v.cloud.instances[str_equal(kept, v.cloud.instances[0].id)];
	twin->state = EC2_STATE_SHUTTING_DOWN;
	twin->died_ms = 0;
	twin->due_ms = clock_ms() + 100 * HOUR;
	sql(&v,
		"UPDATE instance SET phase = 'condemned', seen = 'shutting-down', proof = NULL, seal = NULL"
		" WHERE phase = 'gone'");
	world_restart(&v);
	world_down(&v, "a");
	world_run(&v, 90000);
	ck_assert(
		number(&v, "SELECT count(*) FROM instance WHERE phase = 'gone'") == 1);
	clock_fake_advance(30 * HOUR);
	world_ready(&v, "b");
	ck_assert(
		number(&v, "SELECT count(*) FROM instance WHERE phase = 'condemned'") ==
		1);
	twin->due_ms = clock_ms();
	world_run(&v, 6 * 60000);
	ck_assert(
		number(&v, "SELECT count(*) FROM instance WHERE phase = 'condemned'") ==
		0);
	clock_fake_advance(30 * HOUR);
	world_down(&v, "b");
	world_run(&v, 60000);
	ck_assert(number(&v, "SELECT count(*) FROM launch WHERE worker = 'a'") == 0);
	world_fini(&v);
}
END_TEST

struct page {
	size_t count;
	int64_t seqs[64];
	char text[1024];
};

static void
on_record(void *arg, const struct event *event)
{
	struct page *p = arg;

	ck_assert_uint_lt(p->count, COUNT_OF(p->seqs));
	p->seqs[p->count++] = event->seq;
	ck_assert_str_eq(event->worker, "a");
}

/* Pages of any size, one after the other, are the whole history without gap or repeat. */
START_TEST(test_history_paging)
{
	struct world v;
	struct page whole = {0};
	struct err err;

	world_init(&v, TWO);
	world_ready(&v, "a");
	world_ready(&v, "b");
	world_down(&v, "a");
	world_run(&v, 60000);
	ck_assert_int_eq(store_history(v.store, "a", (struct store_page){0, 64},
				 on_record, &whole, &err),
		0);
	ck_assert_uint_gt(whole.count, 8);
	for (size_t size = 1; size <= whole.count + 1; size++) {
		struct page all = {0};
		int64_t before = 0;

		for (;;) {
			struct page page = {0};

			ck_assert_int_eq(store_history(v.store, "a",
						 (struct store_page){before, size},
						 on_record, &page, &err),
				0);
			ck_assert_uint_le(page.count, size);
			memcpy(all.seqs + all.count, page.seqs,
				page.count * sizeof(page.seqs[0]));
			all.count += page.count;
			if (page.count == 0)
				break;
			before = page.seqs[page.count - 1];
		}
		ck_assert_uint_eq(all.count, whole.count);
		ck_assert_mem_eq(all.seqs, whole.seqs,
			whole.count * sizeof(whole.seqs[0]));
	}
	world_fini(&v);
}
END_TEST

static void
on_whole_record(void *arg, const struct event *e)
{
	struct page *p = arg;

	p->count++;
	(void)snprintf(p->text, sizeof(p->text), "%s %s %s %s %s %s %s %s %s %s",
		event_type_name(e->type), e->worker, e->launch, e->instance, e->from,
		e->to, e->by, e->reason, e->aws_code, e->aws_request_id);
}

START_TEST(test_history_keeps_every_word)
{
	struct world v;
	struct page page = {0};
	struct err err;

	world_init(&v, TWO);
	event_emit(v.pool->events, NULL,
		&(struct event){.type = EVENT_LOST,
			.worker = "a",
			.generation = 7,
			.launch = "L",
			.instance = "i-1",
			.from = "ready",
			.to = "condemned",
			.by = "EC2",
			.reason = "died; it's \"over\"",
			.aws_code = "Server.Spot",
			.aws_message = "gone",
			.aws_request_id = "r-1"});
	world_turn(&v);
	ck_assert_int_eq(store_history(v.store, "a", (struct store_page){0, 1},
				 on_whole_record, &page, &err),
		0);
	ck_assert_str_eq(page.text,
		"lost a L i-1 ready condemned EC2 died; it's \"over\" Server.Spot r-1");
	/* A type of a later version is left out, the rest is shown. */
	sql(&v, "UPDATE history SET type = 'melted' WHERE worker = 'a'");
	page.count = 0;
	ck_assert_int_eq(store_history(v.store, "a", (struct store_page){0, 9},
				 on_whole_record, &page, &err),
		0);
	ck_assert_uint_eq(page.count, 0);
	ck_assert_int_eq(store_history(v.store, "nobody", (struct store_page){0, 9},
				 on_whole_record, &page, &err),
		0);
	ck_assert_uint_eq(page.count, 0);
	world_fini(&v);
}
END_TEST

/* A ledger without one of its tables is none: the start ends with a sentence. */
START_TEST(test_a_table_is_missing)
{
	struct world v;
	struct pool *p;
	struct err err;

	world_init(&v, TWO);
	world_ready(&v, "a");
	sql(&v, "DROP TABLE mail");
	p = pool_new(&(struct pool_parts){.loop = v.loop,
			     .store = v.store,
			     .maker = &v.cloud.maker,
			     .conf = v.conf,
			     .seed = 7},
		&err);
	ck_assert_ptr_null(p);
	ck_assert_msg(strstr(err.text, "ledger: ") != NULL, "%s", err.text);
	world_fini(&v);
}
END_TEST

static void
swap(char **a, char **b)
{
	char *keep = *a;

	*a = *b;
	*b = keep;
}

/* The pool's name belongs to the ledger while anything lives. */
START_TEST(test_pool_name)
{
	struct world v;
	char other[] = "other", *name = other;
	struct pool *p;
	struct err err;

	world_init(&v, TWO);
	ck_assert_str_eq(store_meta(v.store)->pool, "test");
	world_ready(&v, "a");
	swap(&v.conf->pool, &name);
	p = pool_new(&(struct pool_parts){.loop = v.loop,
			     .store = v.store,
			     .maker = &v.cloud.maker,
			     .conf = v.conf,
			     .seed = 7},
		&err);
	ck_assert_ptr_null(p);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "pool test"));
	swap(&v.conf->pool, &name);
	world_down(&v, "a");
	world_run(&v, 60000);
	swap(&v.conf->pool, &name);
	world_restart(&v);
	ck_assert_str_eq(store_meta(v.store)->pool, "other");
	swap(&v.conf->pool, &name);
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("store");
	TCase *t = tcase_create("all");

	tcase_add_test(t, test_worker_comes_back);
	tcase_add_test(t, test_recent_events_come_back);
	tcase_add_test(t, test_a_worker_that_the_file_has_lost);
	tcase_add_test(t, test_deadlines_over_a_boot);
	tcase_add_test(t, test_a_name_cannot_be_taken_twice);
	tcase_add_test(t, test_a_name_changes_hands_in_one_turn);
	tcase_add_test(t, test_purge);
	tcase_add_test(t, test_purge_leaves_what_lives);
	tcase_add_test(t, test_history_paging);
	tcase_add_test(t, test_history_keeps_every_word);
	tcase_add_test(t, test_a_table_is_missing);
	tcase_add_test(t, test_pool_name);
	suite_add_tcase(s, t);
	return s;
}
