/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions: the table, the life of an episode, and what finds each of them in the core.
 */
#include "core/health.h"
#include "base/clock.h"
#include "base/field.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/alarm.h"
#include "core/event.h"
#include "core/hold.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/notice_text.h"
#include "core/pause.h"
#include "core/pool.h"
#include "core/worker.h"
#include "ec2/verdict.h"
#include "rpc/schema.h"
#include "unit.h"
#include "world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE 60000
#define HOUR (60 * MINUTE)
#define WORKERS                                                                        \
	"  a: { password: x, missing_timeout: 4h, notify_on_missing: a@localhost }\n"  \
	"  b: { password: x, missing_timeout: 4h }\n"

static struct world v;
static struct {
	unsigned count;
	char text[16][64]; /* "from -> to by who" */
} told;
static struct subscriber *subscriber;

static void
on_event(void *arg, const struct event *event)
{
	(void)arg;
	if (event->type != EVENT_POOL || told.count == COUNT_OF(told.text))
		return;
	(void)snprintf(told.text[told.count++], sizeof(told.text[0]),
		"%.15s -> %.15s by %.20s", event->from, event->to, event->by);
}

static void
setup(void)
{
	log_set_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
	world_init(&v, WORKERS);
	subscriber = event_subscribe(v.pool->events, on_event, NULL);
	told.count = 0;
}

static void
teardown(void)
{
	if (subscriber != NULL)
		event_unsubscribe(subscriber);
	world_fini(&v);
}

static void
restart(void)
{
	event_unsubscribe(subscriber);
	subscriber = NULL;
	world_restart(&v);
}

static void
begin(const struct trouble *t, const char *text)
{
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "%s", text);
	health_begin(v.pool->health, t, &err, NULL);
}

static size_t
mails(void)
{
	return notices_count(v.pool->notices);
}

static size_t
episodes(void)
{
	size_t count = 0;

	for (const struct episode *e = health_next(v.pool->health, NULL); e != NULL;
		e = health_next(v.pool->health, e))
		count++;
	return count;
}

/* The only one there is, or NULL. */
static const struct episode *
only(enum condition condition)
{
	const struct episode *e = health_next(v.pool->health, NULL);

	return episodes() == 1 && e->condition == condition ? e : NULL;
}

/* Everybody is told what it is and what to do, and in different words. */
START_TEST(test_rows)
{
	const struct condition_row *row = &conditions[_i];

	ck_assert_ptr_nonnull(row->name);
	ck_assert(row->doc[0] >= 'A' && row->doc[0] <= 'Z');
	ck_assert_int_eq(row->doc[strlen(row->doc) - 1], '.');
	ck_assert_uint_gt(strlen(row->remedy), 10);
	ck_assert((row->mail_ms == CONDITION_NO_MAIL) == (row->subject == NULL));
	ck_assert_int_le(row->mail_ms, HOUR);
	for (int n = 0; n < _i; n++)
		ck_assert_str_ne(conditions[n].name, row->name);
}
END_TEST

static const struct field *
row_of(const struct fields *table, const char *name)
{
	const struct field *row = table->rows;

	while (strcmp(row->name, name) != 0)
		row++;
	return row;
}

/* The client does not know the core; its words are the same. */
START_TEST(test_words_of_the_schema)
{
	const struct field *kind = row_of(row_of(&rpc_status_fields, "degraded")->sub,
		"kind");

	for (unsigned n = 0; n < CONDITION_COUNT; n++)
		ck_assert_str_eq(kind->choices[n], conditions[n].name);
	ck_assert_ptr_null(kind->choices[CONDITION_COUNT]);
}
END_TEST

/* However often it is said: one event, one mail; and again for the next time. */
START_TEST(test_one_mail_an_episode)
{
	const struct trouble t = {.condition = CONDITION_QUOTA,
		.cloud = "c",
		.about = "m5"};

	begin(&t, "first");
	world_run(&v, MINUTE);
	begin(&t, "second");
	world_run(&v, 2 * HOUR);
	ck_assert_uint_eq(mails(), 1);
	ck_assert_str_eq(only(CONDITION_QUOTA)->err.text, "second");
	ck_assert_int_eq(clock_ms() - only(CONDITION_QUOTA)->since_ms,
		2 * HOUR + MINUTE);
	health_end(v.pool->health, &t, NULL);
	health_end(v.pool->health, &t, NULL);
	world_run(&v, MINUTE);
	ck_assert_uint_eq(mails(), 1);
	begin(&t, "third");
	world_run(&v, MINUTE);
	ck_assert_uint_eq(mails(), 2);
	ck_assert_uint_eq(told.count, 3);
	ck_assert_str_eq(told.text[0], "running -> quota by ec2workerd");
	ck_assert_str_eq(told.text[1], "quota -> running by ec2workerd");
	ck_assert_str_eq(told.text[2], told.text[0]);
}
END_TEST

/* What is about something else is another episode. */
START_TEST(test_what_is_the_same)
{
	static const struct trouble list[] = {
		{CONDITION_DYING, "c", "i-1"},
		{CONDITION_DYING, "c", "i-2"},
		{CONDITION_DYING, "d", "i-1"},
		{CONDITION_DYING, NULL, NULL},
		{CONDITION_TERMINATE, "c", "i-1"},
		{CONDITION_LEDGER, NULL, NULL},
	};
	const struct episode *e;

	for (size_t n = 0; n < COUNT_OF(list); n++) {
		begin(&list[n], "x");
		begin(&list[n], "y");
		ck_assert_uint_eq(episodes(), n + 1);
	}
	/* By condition, the older first. */
	e = health_next(v.pool->health, NULL);
	ck_assert_int_eq(e->condition, CONDITION_LEDGER);
	e = health_next(v.pool->health, e);
	ck_assert_int_eq(e->condition, CONDITION_TERMINATE);
	e = health_next(v.pool->health, e);
	ck_assert_str_eq(e->about, "i-1");
	ck_assert_str_eq(e->cloud, "c");
	health_forget(v.pool->health, "c");
	ck_assert_uint_eq(episodes(), 3);
	for (size_t n = 0; n < COUNT_OF(list); n++)
		health_end(v.pool->health, &list[n], NULL);
	ck_assert_uint_eq(episodes(), 0);
}
END_TEST

static const struct {
	enum condition condition;
	int64_t lasts_ms;
	size_t mails;
	const char *word;
	int line;
} patience[] = {
	{CONDITION_HOLD, 0, 1, "degraded", __LINE__},
	{CONDITION_LEDGER, 0, 1, "down", __LINE__},
	{CONDITION_ENDPOINT, 4 * MINUTE, 0, "down", __LINE__},
	{CONDITION_ENDPOINT, 6 * MINUTE, 1, "down", __LINE__},
	{CONDITION_LISTING, 4 * MINUTE, 0, "degraded", __LINE__},
	{CONDITION_PAUSED, 59 * MINUTE, 0, "down", __LINE__},
	{CONDITION_PAUSED, 61 * MINUTE, 1, "down", __LINE__},
	{CONDITION_MAIL, 9 * HOUR, 0, "degraded", __LINE__},
};

START_TEST(test_patience)
{
	const struct trouble t = {.condition = patience[_i].condition};

	ck_assert_str_eq(health_word(v.pool->health), "ok");
	begin(&t, "x");
	ck_assert_str_eq(health_word(v.pool->health), patience[_i].word);
	world_run(&v, patience[_i].lasts_ms);
	health_end(v.pool->health, &t, NULL);
	ck_assert_str_eq(health_word(v.pool->health), "ok");
	world_run(&v, HOUR);
	ck_assert_msg(mails() == patience[_i].mails, "line %d: %zu", patience[_i].line,
		mails());
}
END_TEST

START_TEST(test_passes_by_itself)
{
	const struct trouble t = {.condition = CONDITION_QUOTA};
	struct err err;

	err_set(&err, ERR_LIMIT, "x");
	health_begin_until(v.pool->health, &t, &err, clock_ms() + 5 * MINUTE);
	world_run(&v, 4 * MINUTE);
	health_begin_until(v.pool->health, &t, &err, clock_ms() + 5 * MINUTE);
	world_run(&v, 4 * MINUTE);
	ck_assert_uint_eq(episodes(), 1);
	world_run(&v, 2 * MINUTE);
	ck_assert_uint_eq(episodes(), 0);
	ck_assert_uint_eq(told.count, 2);
	ck_assert_uint_eq(mails(), 1);
}
END_TEST

/* One of several, another, none. */
START_TEST(test_choose)
{
	const unsigned set = 1u << CONDITION_ENDPOINT | 1u << CONDITION_LISTING;
	struct err err;

	err_set(&err, ERR_NETWORK, "x");
	health_choose(v.pool->health, "c", set, CONDITION_ENDPOINT, &err);
	ck_assert_ptr_nonnull(only(CONDITION_ENDPOINT));
	health_choose(v.pool->health, "c", set, CONDITION_LISTING, &err);
	ck_assert_ptr_nonnull(only(CONDITION_LISTING));
	health_choose(v.pool->health, "d", set, CONDITION_LISTING, NULL);
	ck_assert_ptr_nonnull(only(CONDITION_LISTING));
	health_choose(v.pool->health, "c", set, CONDITION_COUNT, NULL);
	ck_assert_uint_eq(episodes(), 0);
}
END_TEST

/* Two faces of one trouble by turns: it has lasted since the first, and one mail says so. */
START_TEST(test_choose_by_turns)
{
	const unsigned set = 1u << CONDITION_ENDPOINT | 1u << CONDITION_LISTING;
	int64_t since = clock_ms(), since_wall = clock_wall_ms();
	enum condition found = CONDITION_ENDPOINT;
	struct err err;

	err_set(&err, ERR_NETWORK, "x");
	for (unsigned n = 0; n < 20; n++) {
		found = n % 2 == 0 ? CONDITION_ENDPOINT : CONDITION_LISTING;
		health_choose(v.pool->health, "c", set, found, &err);
		ck_assert_ptr_nonnull(only(found));
		ck_assert_int_eq(only(found)->since_ms, since);
		ck_assert_int_eq(only(found)->since_wall, since_wall);
		ck_assert_uint_eq(mails(), n >= 10 ? 1 : 0);
		clock_fake_advance(MINUTE / 2);
	}
	health_choose(v.pool->health, "c", set, CONDITION_COUNT, NULL);
	health_choose(v.pool->health, "c", set, found, &err);
	ck_assert_int_eq(only(found)->since_ms, clock_ms());
}
END_TEST

/* What is on disk goes on after a restart, and its mail is not written again. */
START_TEST(test_restart)
{
	pool_hold(v.pool, "they do not fit");
	pool_pause(v.pool, &(struct cause){"uid 7", NULL});
	world_run(&v, MINUTE);
	ck_assert_str_eq(told.text[0], "running -> hold by orphan collector");
	ck_assert_str_eq(told.text[1], "running -> paused by uid 7");
	ck_assert_uint_eq(mails(), 1);
	restart();
	ck_assert_uint_eq(episodes(), 2);
	ck_assert_uint_eq(mails(), 1);
	world_run(&v, 50 * MINUTE);
	ck_assert_uint_eq(mails(), 1);
	world_run(&v, 10 * MINUTE);
	ck_assert_uint_eq(mails(), 2); /* paused for an hour now */
	restart();
	world_run(&v, 2 * HOUR);
	ck_assert_uint_eq(mails(), 2);
	pool_resume(v.pool, &(struct cause){"uid 7", NULL});
	ck_assert_uint_eq(episodes(), 0);
}
END_TEST

static void
script(int n, int verdict, int class, unsigned times)
{
	v.cloud.script[n] = (struct fake_answer){verdict, class, true, times};
}

/* L12: what may exist and cannot be asked for. */
START_TEST(test_watch)
{
	world_run(&v, 3000);
	v.cloud.faults.fail_read = 1000;
	script(0, VERDICT_REPEAT, EC2_CLASS_PASSING, 1);
	script(1, VERDICT_REFUSED, EC2_CLASS_CAPACITY, 1);
	world_up(&v, "a");
	world_run(&v, 40000);
	health_choose(v.pool->health, NULL, 0, CONDITION_COUNT, NULL);
	ck_assert_uint_eq(episodes(), 2); /* and no listing */
	ck_assert_ptr_nonnull(
		strstr(health_next(v.pool->health, health_next(v.pool->health, NULL))
				->err.text,
			"a launch of a"));
	ck_assert_uint_eq(mails(), 1);
	restart();
	world_run(&v, 3000);
	ck_assert_uint_eq(episodes(), 2);
	v.cloud.faults.fail_read = 0;
	world_run(&v, 120000);
	ck_assert_uint_eq(episodes(), 0);
	ck_assert_uint_eq(mails(), 1);
}
END_TEST

static struct instance *
condemned(void)
{
	struct instance *i;

	world_ready(&v, "a");
	i = world_worker(&v, "a")->launch->instance;
	v.cloud.faults.never_sent = 1000;
	world_down(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_int_eq(i->phase, INSTANCE_CONDEMNED);
	return i;
}

START_TEST(test_does_not_end)
{
	AUTO(free) char *body = NULL;
	const struct episode *e;
	int64_t since;

	(void)condemned();
	world_run(&v, 58 * MINUTE);
	ck_assert_uint_eq(episodes(), 0);
	world_run(&v, 2 * MINUTE);
	e = only(CONDITION_DYING);
	ck_assert_ptr_nonnull(e);
	body = notice_condition_body("test", e);
	ck_assert_ptr_nonnull(strstr(body, "of a ("));
	ck_assert_ptr_nonnull(strstr(body, "was condemned 1 h ago by uid 0"));
	ck_assert_ptr_nonnull(strstr(body, "support"));
	ck_assert_uint_eq(mails(), 1);
	since = e->since_wall;
	restart();
	world_run(&v, 2 * MINUTE);
	e = only(CONDITION_DYING);
	ck_assert_ptr_nonnull(e);
	ck_assert_int_le(llabs(e->since_wall - since), 1000);
	ck_assert_uint_eq(mails(), 1);
	v.cloud.faults.never_sent = 0;
	world_run(&v, 10 * MINUTE);
	ck_assert_uint_eq(episodes(), 0);
}
END_TEST

START_TEST(test_refused_terminate)
{
	struct instance *i = condemned();
	struct err err;

	err_set(&err, ERR_SERVICE, "TerminateInstances: OperationNotPermitted");
	err_origin(&err, "OperationNotPermitted", "protected", "r-1");
	alarm_terminate(i, &err);
	ck_assert_str_eq(only(CONDITION_TERMINATE)->about, i->id);
	ck_assert_str_eq(only(CONDITION_TERMINATE)->err.origin,
		"OperationNotPermitted");
	v.cloud.faults.never_sent = 0;
	world_run(&v, 10 * MINUTE);
	ck_assert_uint_eq(episodes(), 0);
	ck_assert_uint_eq(mails(), 1);
	ck_assert_str_eq(notices_rows(v.pool->notices)->subject,
		"ec2workerd test: an instance cannot be terminated");
}
END_TEST

/* Lines that nobody reads are lost, and that is over with the next that arrives. */
START_TEST(test_log)
{
	log_set_fd(-1);
	log_error(NULL, "lost");
	world_turn(&v);
	ck_assert_ptr_nonnull(only(CONDITION_LOG));
	log_set_fd(2);
	log_error(NULL, "read");
	world_turn(&v);
	ck_assert_uint_eq(episodes(), 0);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("health");
	TCase *t = tcase_create("health");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, test_rows, 0, CONDITION_COUNT);
	tcase_add_test(t, test_words_of_the_schema);
	tcase_add_test(t, test_one_mail_an_episode);
	tcase_add_test(t, test_what_is_the_same);
	tcase_add_loop_test(t, test_patience, 0, (int)COUNT_OF(patience));
	tcase_add_test(t, test_passes_by_itself);
	tcase_add_test(t, test_choose);
	tcase_add_test(t, test_choose_by_turns);
	tcase_add_test(t, test_restart);
	tcase_add_test(t, test_watch);
	tcase_add_test(t, test_does_not_end);
	tcase_add_test(t, test_refused_terminate);
	tcase_add_test(t, test_log);
	suite_add_tcase(s, t);
	return s;
}
