/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that are damaged, contradict each other or are fatal: the worker is set aside, its
 * machine runs on, no twin of it starts, the rest is served, and an admin decides.
 */
#include "core/aside.h"

#include "base/clock.h"
#include "base/strings.h"
#include "core/event.h"
#include "core/notice.h"
#include "core/orphan.h"
#include "core/pool.h"
#include "core/starts.h"
#include "core/store.h"
#include "core/store_load.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/reply.h"
#include "scratch.h"
#include "sys/db.h"
#include "unit.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)

static const char two[] =
	"  a: { password: x, build_wait_timeout: -1, notify_on_missing: [a@example.org] }\n"
	"  b: { password: y, build_wait_timeout: -1 }\n";
static const struct cause admin = {"uid 0", "test"};

static void
sql(struct world *v, const char *text)
{
	struct err err;

	ck_assert_msg(db_script(v->store->db, text, &err) == DB_DONE, "%s: %s", text,
		err.text);
}

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

static size_t
living_of(struct world *v, const char *name)
{
	size_t count = 0;

	for (size_t n = 0; n < v->cloud.count; n++)
		count += strcmp(v->cloud.instances[n].worker, name) == 0 &&
			fake_is_living(&v->cloud.instances[n]);
	return count;
}

static bool
is_aside(struct world *v, const char *name)
{
	return world_worker(v, name)->aside != NULL;
}

/* Both names are asked for, as a master would, whatever they are. */
static void
ask_for_all(struct world *v)
{
	struct worker *w;
	struct err err;

	for (w = pool_first(v->pool); w != NULL; w = pool_next(w))
		if (w->conf != NULL)
			(void)worker_substantiate(w, &admin, NULL, &err);
	world_turn(v);
}

static void
check_refused(struct world *v, const char *name, const char *says)
{
	struct worker *w = world_worker(v, name);
	struct err err;
	bool done;

	ck_assert_int_lt(worker_substantiate(w, &admin, NULL, &err), 0);
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
	ck_assert_int_lt(worker_insubstantiate(w, 0, &admin, &done, &err), 0);
	ck_assert_int_lt(worker_attached(w, 0, NULL, &admin, &err), 0);
	ck_assert_int_lt(worker_detached(w, 0, NULL, &admin, &err), 0);
	ck_assert_int_lt(worker_build_started(w, 0, NULL, 1, &admin, &err), 0);
	ck_assert_int_lt(worker_hold(w, &admin, &err), 0);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert_ptr_nonnull(strstr(w->last_error.text, says));
}

static const struct {
	const char *sql, *says;
	int line;
} odd[] = {
	{"UPDATE worker SET phase = 'lost' WHERE worker = 'a'",
		"its row: column phase: 'lost'", __LINE__},
	{"UPDATE worker SET error_reason = 77 WHERE worker = 'a'",
		"its row: column error_reason: 77", __LINE__},
	{"UPDATE worker SET phase = 'idle' WHERE worker = 'a'",
		"its row: it is not as it was written", __LINE__},
	{"UPDATE worker SET generation = -1, seal = NULL WHERE worker = 'a'",
		"its row: generation -1", __LINE__},
	{"DELETE FROM worker WHERE worker = 'a'",
		"it is of generation 1, and its worker of 0", __LINE__},
	{"UPDATE launch SET phase = 'lost'", "column phase: 'lost'", __LINE__},
	{"UPDATE launch SET generation = 0, seal = NULL", "generation 0 cannot be",
		__LINE__},
	{"UPDATE launch SET phase = 'gone', seal = NULL",
		"is not the launch that the name is taken by", __LINE__},
	{"UPDATE launch SET over = 1, seal = NULL",
		"is not the launch that the name is taken by", __LINE__},
	{"UPDATE launch SET phase = 'unknown', seal = NULL",
		"is an instance of a launch that is not answered", __LINE__},
	{"UPDATE launch SET worker = 'c', seal = NULL",
		"is not the launch that the name is taken by", __LINE__},
	{"UPDATE member SET worker = 'c'",
		"is not the launch that the name is taken by", __LINE__},
	{"UPDATE member SET over = 1", "is under way without having taken the name",
		__LINE__},
	{"DELETE FROM member", "is under way without having taken the name", __LINE__},
	{"UPDATE instance SET phase = 'lost'", "column phase: 'lost'", __LINE__},
	{"UPDATE instance SET seen = 'lost'", "column seen: 'lost'", __LINE__},
	{"UPDATE instance SET phase = 'gone', seal = NULL",
		"was answered, but its instance is not there", __LINE__},
	{"DELETE FROM instance", "was answered, but its instance is not there",
		__LINE__},
	{"PRAGMA foreign_keys = OFF; DELETE FROM launch;",
		"is not the launch that the name is taken by", __LINE__},
};

START_TEST(test_odd_rows)
{
	struct world v;
	const struct aside *a;

	world_init_in(&v, "state", two);
	world_ready(&v, "a");
	sql(&v, odd[_i].sql);
	world_restart(&v);
	ck_assert_msg(is_aside(&v, "a"), "line %d: taken up", odd[_i].line);
	a = world_worker(&v, "a")->aside;
	ck_assert_msg(strstr(a->reason, odd[_i].says) != NULL, "line %d: %s",
		odd[_i].line, a->reason);
	check_refused(&v, "a", odd[_i].says);
	world_ready(&v, "b");
	world_run(&v, 2 * HOUR);
	ck_assert_uint_eq(living_of(&v, "a"), 1);
	ck_assert_uint_eq(living_of(&v, "b"), 1);
	ck_assert(!v.pool->hold);
	world_restart(&v); /* and it stays like that */
	ck_assert(is_aside(&v, "a"));
	ck_assert_int_eq(worker_state(world_worker(&v, "b")), WORKER_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* What a disk, a person or a bug may leave in a column. */
static const char *const rubbish[] = {"'rubbish'", "'gone'", "'a'", "-1", "0", "1",
	"4611686018427387904", "x'00ff41'", "NULL"};
static const struct {
	const char *name, *key, *columns;
} tables[] = {
	{"worker", "worker", "PRAGMA table_info(worker)"},
	{"launch", "launch", "PRAGMA table_info(launch)"},
	{"member", "launch", "PRAGMA table_info(member)"},
	{"instance", "instance", "PRAGMA table_info(instance)"},
};

/* What the schema itself refuses cannot happen in this way. */
static void
damage(struct world *v, size_t table, const char *column, const char *value)
{
	const char *key = tables[table].key;
	AUTO(free)
	char *text = xasprintf("PRAGMA foreign_keys = OFF;"
			       "UPDATE OR IGNORE %s SET %s = %s WHERE %s ="
			       " (SELECT min(%s) FROM %s); PRAGMA foreign_keys = ON;",
		tables[table].name, column, value, key, key, tables[table].name);
	struct err err;

	if (db_script(v->store->db, text, &err) != DB_DONE)
		ck_assert_ptr_nonnull(strstr(err.text, "NOT NULL"));
}

static void
check_column(size_t table, const char *column, const char *value)
{
	AUTO(free)
	char *what = xasprintf("%s.%s = %s", tables[table].name, column, value);
	struct world v;
	const char *id;

	world_init(&v, two);
	world_ready(&v, "a");
	id = world_living(&v, "a")->id;
	damage(&v, table, column, value);
	world_restart(&v);
	ask_for_all(&v);
	world_run(&v, MINUTE);
	ck_assert_msg(living_of(&v, "b") == 1, "%s", what);
	world_run(&v, HOUR);
	ck_assert_msg(living_of(&v, "a") == 1, "%s: %zu live", what,
		living_of(&v, "a"));
	ck_assert_msg(strcmp(world_living(&v, "a")->id, id) == 0, "%s", what);
	world_fini(&v);
}

/* Every column of every table that says what runs, full of anything. */
START_TEST(test_every_column)
{
	struct world v;
	struct strings columns = {0};
	struct db_stmt *q;

	world_init(&v, two);
	q = db_stmt(v.store->db, tables[_i].columns);
	while (db_step(q, NULL) == DB_ROW)
		strings_add(&columns, db_text(q, 1));
	world_fini(&v);
	ck_assert_uint_ge(columns.count, 5);
	for (size_t n = 0; n < columns.count; n++)
		for (size_t k = 0; k < COUNT_OF(rubbish); k++)
			check_column((size_t)_i, columns.items[n], rubbish[k]);
	strings_fini(&columns);
}
END_TEST

/* Three deaths over its row, as starts.h counts them. */
static void
die_over(const char *name)
{
	FILE *f = fopen("state/starts", "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fprintf(f, "%-159s\n%-159s\n%-159s\n%-159s\n", "3 2", name,
				 name, "0"),
		640);
	ck_assert_int_eq(fclose(f), 0);
}

/* world_restart ends in good order, so the deaths are written between its two halves. */
static void
restart_over(struct world *v, const char *row)
{
	world_stop(v);
	die_over(row);
	world_again(v);
}

START_TEST(test_a_fatal_row)
{
	struct world v;

	world_init_in(&v, "state", two);
	world_ready(&v, "a");
	world_ready(&v, "b");
	restart_over(&v, "worker a");
	ck_assert(is_aside(&v, "a"));
	check_refused(&v, "a", "3 starts in a row died");
	/* Nor is its history taken up: that may be what they died of. */
	ck_assert_uint_le(event_ring_count(world_worker(&v, "a")->recent), 1);
	ck_assert_int_eq(worker_state(world_worker(&v, "b")), WORKER_SUBSTANTIATED);
	ck_assert_uint_gt(event_ring_count(world_worker(&v, "b")->recent), 1);
	world_run(&v, 2 * HOUR);
	ck_assert_uint_eq(living_of(&v, "a"), 1);
	world_restart(&v);
	ck_assert(is_aside(&v, "a"));
	/* Another version may not die of it. */
	sql(&v, "UPDATE aside SET crashed = '0.0.1'");
	world_restart(&v);
	ck_assert(!is_aside(&v, "a"));
	ck_assert_int_eq(number(&v, "SELECT count(*) FROM aside"), 0);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* Of what is no worker's the row is left out, and all else is served. */
START_TEST(test_a_fatal_mail)
{
	struct world v;

	world_init_in(&v, "state", two);
	sql(&v,
		"INSERT INTO mail VALUES(7, 'a@example.org', 's', 'b', 'm', 1, 1, 0),"
		" (8, 'a@example.org', 's', 'b', 'm', 1, 1, 0)");
	restart_over(&v, "mail 8");
	for (const struct notice_row *r = notices_rows(v.pool->notices); r != NULL;
		r = r->next)
		ck_assert_int_ne(r->id, 8);
	ck_assert_ptr_nonnull(aside_find(v.pool, "mail", "8"));
	/* The mail that tells of it has a number of its own. */
	ck_assert_int_eq(number(&v, "SELECT count(*) FROM mail"), 3);
	ck_assert_int_eq(
		number(&v, "SELECT count(*) FROM mail WHERE id = 8 AND subject = 's'"),
		1);
	world_fini(&v);
}
END_TEST

START_TEST(test_released)
{
	struct world v;
	struct worker *w;

	world_init_in(&v, "state", two);
	world_ready(&v, "a");
	restart_over(&v, "worker a");
	w = world_worker(&v, "a");
	aside_release(w, &admin);
	aside_release(w, &admin);
	world_turn(&v);
	check_refused(&v, "a", "3 starts"); /* in this life nothing is taken up */
	world_restart(&v);
	ck_assert(!is_aside(&v, "a"));
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_SUBSTANTIATED);
	ck_assert_uint_eq(living_of(&v, "a"), 1);
	world_fini(&v);
}
END_TEST

/* Somebody has mended the row, and says so. */
START_TEST(test_released_after_mending)
{
	struct world v;

	world_init_in(&v, "state", two);
	world_ready(&v, "a");
	sql(&v, "UPDATE launch SET phase = 'lost'");
	world_restart(&v);
	sql(&v, "UPDATE launch SET phase = 'answered', type = 'c9.huge'");
	world_restart(&v);
	ck_assert(is_aside(&v, "a")); /* its seal is that of other values */
	aside_release(world_worker(&v, "a"), &admin);
	world_turn(&v);
	world_restart(&v);
	ck_assert(!is_aside(&v, "a"));
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* The name is free, and what ran under it ends as an orphan before another one starts. */
START_TEST(test_abandoned)
{
	struct world v;
	struct worker *w;
	struct fake_instance *old;

	world_init_in(&v, "state", two);
	world_ready(&v, "a");
	old = world_living(&v, "a");
	sql(&v, odd[_i].sql);
	world_restart(&v);
	w = world_worker(&v, "a");
	aside_abandon(w, &admin);
	ck_assert_ptr_null(w->aside);
	ck_assert_int_eq(w->generation, 1);
	for (int n = 0; n < 60; n++) { /* as a master would */
		ask_for_all(&v);
		world_run(&v, MINUTE);
	}
	ck_assert_msg(!fake_is_living(old), "line %d", odd[_i].line);
	ck_assert_uint_eq(living_of(&v, "a"), 1);
	ck_assert_str_eq(v.cloud.violation, "");
	ck_assert_int_eq(number(&v, "SELECT count(*) FROM aside WHERE id = 'a'"), 0);
	world_restart(&v);
	ck_assert(!is_aside(&v, "a"));
	world_fini(&v);
}
END_TEST

/* Said once, by one event and one mail for each address, over any number of starts. */
START_TEST(test_told_once)
{
	struct world v;
	struct aside *a;

	world_init_in(&v, "state", two);
	world_ready(&v, "a");
	sql(&v, "UPDATE launch SET phase = 'lost'");
	for (int n = 0; n < 3; n++)
		world_restart(&v);
	ck_assert_int_eq(number(&v,
				 "SELECT count(*) FROM history WHERE type = 'pool'"
				 " AND to_state = 'aside' AND reason LIKE 'launch %'"),
		1);
	a = aside_find(v.pool, "worker", "a");
	ck_assert(a->told);
	sql(&v, "UPDATE launch SET phase = 'answered'"); /* as it was: the seal fits */
	world_restart(&v);
	ck_assert(!is_aside(&v, "a"));
	ck_assert_ptr_null(v.pool->asides);
	world_fini(&v);
}
END_TEST

/* The listing shows its machine, which is nobody's orphan meanwhile, by no order either. */
START_TEST(test_is_no_orphan)
{
	struct world v;
	const struct orphan *o;

	world_init_in(&v, "state", two);
	world_ready(&v, "a");
	sql(&v, "UPDATE launch SET phase = 'lost'");
	world_restart(&v);
	world_run(&v, 30 * MINUTE);
	o = orphans_first(v.pool->orphans);
	ck_assert_ptr_nonnull(o);
	ck_assert_int_eq(o->verdict, ORPHAN_ASIDE);
	ck_assert_uint_eq(orphans_terminate(v.pool->orphans, true, &admin), 0);
	world_run(&v, 30 * MINUTE);
	ck_assert_uint_eq(living_of(&v, "a"), 1);
	ck_assert(!v.pool->hold);
	world_fini(&v);
}
END_TEST

/* A reload that loses it does not lose sight of it. */
START_TEST(test_removed_from_the_file)
{
	struct world v;

	world_init_in(&v, "state", two);
	world_ready(&v, "a");
	sql(&v, "UPDATE launch SET phase = 'lost'");
	world_restart(&v);
	world_reload(&v, "  b: { password: y }\n");
	ck_assert(is_aside(&v, "a"));
	world_run(&v, HOUR);
	ck_assert_uint_eq(living_of(&v, "a"), 1);
	ck_assert_int_eq(number(&v, "SELECT count(*) FROM launch WHERE phase = 'lost'"),
		1);
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("aside");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, scratch_setup, scratch_teardown);
	tcase_set_timeout(t, 100);
	tcase_add_loop_test(t, test_odd_rows, 0, COUNT_OF(odd));
	tcase_add_loop_test(t, test_every_column, 0, COUNT_OF(tables));
	tcase_add_test(t, test_a_fatal_row);
	tcase_add_test(t, test_a_fatal_mail);
	tcase_add_test(t, test_released);
	tcase_add_test(t, test_released_after_mending);
	tcase_add_loop_test(t, test_abandoned, 0, COUNT_OF(odd));
	tcase_add_test(t, test_told_once);
	tcase_add_test(t, test_is_no_orphan);
	tcase_add_test(t, test_removed_from_the_file);
	suite_add_tcase(s, t);
	return s;
}
