/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events from the moment they happen to the last subscriber: numbered, kept until a commit
 * has written them, told after it, whoever leaves or comes meanwhile.
 */
#include "core/event.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define NOW INT64_C(1790000000000)

static struct loop *loop;
static struct events *events;
static bool disk_full;
static char told[512]; /* who was told what, in order */

static int
on_commit(void *arg)
{
	(void)arg;
	if (disk_full)
		return -1;
	events_written(events);
	return 0;
}

static void
setup(void)
{
	struct err err;

	clock_fake(1000, NOW);
	loop = loop_new(&err);
	ck_assert_ptr_nonnull(loop);
	loop_set_commit(loop, on_commit, NULL);
	events = events_new(loop, 77, 41);
}

static void
teardown(void)
{
	events_free(events);
	loop_free(loop);
	clock_real();
}

/* An event that is known by its reason. */
static void
emit(const char *reason)
{
	event_emit(events, NULL,
		&(struct event){.type = EVENT_PHASE, .worker = "a", .reason = reason});
}

static size_t
pending(void)
{
	size_t count;

	(void)events_pending(events, &count);
	return count;
}

struct listener {
	const char *name;
	struct subscriber *self;
	struct listener *leaves; /* unsubscribes this one when told, once */
	struct listener *comes;  /* subscribes this one when told, once */
	const char *emits;       /* once */
};

static void
on_event(void *arg, const struct event *event)
{
	struct listener *l = arg;
	size_t len = strlen(told);

	(void)snprintf(told + len, sizeof(told) - len, "%s%s ", l->name, event->reason);
	if (l->leaves != NULL) {
		event_unsubscribe(l->leaves->self);
		l->leaves->self = NULL;
		l->leaves = NULL;
	}
	if (l->comes != NULL) {
		l->comes->self = event_subscribe(events, on_event, l->comes);
		l->comes = NULL;
	}
	if (l->emits != NULL) {
		emit(l->emits);
		l->emits = NULL;
	}
}

static void
listen_all(struct listener *all, size_t count)
{
	for (size_t n = 0; n < count; n++)
		all[n].self = event_subscribe(events, on_event, &all[n]);
}

static void
leave_all(struct listener *all, size_t count)
{
	for (size_t n = 0; n < count; n++)
		event_unsubscribe(all[n].self);
}

START_TEST(test_every_type_has_a_name)
{
	for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++) {
		const char *name = event_type_name((enum event_type)type);

		ck_assert_ptr_nonnull(name);
		ck_assert_uint_eq(event_type_find(name), type);
	}
	ck_assert_int_eq(event_type_find("phases"), EVENT_TYPE_COUNT);
	ck_assert_int_eq(event_type_find(""), EVENT_TYPE_COUNT);
}
END_TEST

/* Number, epoch and time are the ledger's; every string is copied. */
START_TEST(test_emitted_is_complete_and_copied)
{
	char text[10][16];
	struct event e = {.type = EVENT_FAILED, .generation = 3};
	const char **slots[] = {&e.worker, &e.launch, &e.instance, &e.from, &e.to,
		&e.by, &e.reason, &e.aws_code, &e.aws_message, &e.aws_request_id};
	const struct event *got;
	const char *const *copies[10];
	size_t count;

	for (size_t n = 0; n < COUNT_OF(slots); n++) {
		(void)snprintf(text[n], sizeof(text[n]), "text %zu", n);
		*slots[n] = text[n];
	}
	event_emit(events, NULL, &e);
	memset(text, 'x', sizeof(text));
	got = events_pending(events, &count);
	ck_assert_uint_eq(count, 1);
	ck_assert(got->seq == 42 && got->epoch == 77 && got->at == NOW);
	ck_assert_int_eq(got->type, EVENT_FAILED);
	ck_assert(got->generation == 3);
	memcpy(copies,
		((const char *const *[]){&got->worker, &got->launch, &got->instance,
			&got->from, &got->to, &got->by, &got->reason, &got->aws_code,
			&got->aws_message, &got->aws_request_id}),
		sizeof(copies));
	for (size_t n = 0; n < COUNT_OF(copies); n++) {
		char want[16];

		(void)snprintf(want, sizeof(want), "text %zu", n);
		ck_assert_str_eq(*copies[n], want);
	}
	ck_assert(events_last_seq(events) == 42);
	ck_assert(events_epoch(events) == 77);
}
END_TEST

START_TEST(test_absent_strings_stay_absent)
{
	const struct event *got;
	size_t count;

	event_emit(events, NULL, &(struct event){.type = EVENT_RELOAD});
	got = events_pending(events, &count);
	ck_assert_ptr_null(got->worker);
	ck_assert_ptr_null(got->launch);
	ck_assert_ptr_null(got->reason);
	ck_assert_ptr_null(got->aws_request_id);
}
END_TEST

/* Numbers have no gaps and no repeats, however many wait for one commit. */
START_TEST(test_numbers_rise_by_one)
{
	const struct event *got;
	size_t count;

	for (int n = 0; n < 100; n++)
		emit("");
	got = events_pending(events, &count);
	ck_assert_uint_eq(count, 100);
	for (size_t n = 0; n < count; n++)
		ck_assert(got[n].seq == 42 + (int64_t)n);
}
END_TEST

START_TEST(test_told_after_the_commit_in_order)
{
	struct listener all[] = {{.name = "a"}, {.name = "b"}};

	listen_all(all, 2);
	emit("1");
	emit("2");
	ck_assert_str_eq(told, "");
	ck_assert_uint_eq(pending(), 2);
	loop_turn(loop, false);
	ck_assert_str_eq(told, "a1 b1 a2 b2 ");
	ck_assert_uint_eq(pending(), 0);
	loop_turn(loop, false);
	ck_assert_str_eq(told, "a1 b1 a2 b2 ");
	leave_all(all, 2);
}
END_TEST

/* A commit that fails keeps all, and what comes meanwhile lines up behind it. */
START_TEST(test_nothing_is_told_before_it_is_written)
{
	struct listener all[] = {{.name = "a"}};

	listen_all(all, 1);
	disk_full = true;
	emit("1");
	loop_turn(loop, false);
	emit("2");
	loop_turn(loop, false);
	ck_assert_str_eq(told, "");
	ck_assert_uint_eq(pending(), 2);
	disk_full = false;
	loop_turn(loop, false);
	ck_assert_str_eq(told, "a1 a2 ");
	ck_assert_uint_eq(pending(), 0);
	leave_all(all, 1);
}
END_TEST

/* Told once although the outbox had to wait for a later commit. */
START_TEST(test_written_but_not_told_waits)
{
	struct listener all[] = {{.name = "a"}};

	listen_all(all, 1);
	emit("1");
	events_written(events);
	disk_full = true;
	loop_turn(loop, false);
	ck_assert_str_eq(told, "");
	disk_full = false;
	emit("2");
	loop_turn(loop, false);
	ck_assert_str_eq(told, "a1 a2 ");
	leave_all(all, 1);
}
END_TEST

/* What a subscriber causes is an event of the next turn. */
START_TEST(test_emitting_while_being_told)
{
	struct listener all[] = {{.name = "a", .emits = "2"}, {.name = "b"}};

	listen_all(all, 2);
	emit("1");
	loop_turn(loop, false);
	ck_assert_str_eq(told, "a1 b1 ");
	ck_assert_uint_eq(pending(), 1);
	loop_turn(loop, false);
	ck_assert_str_eq(told, "a1 b1 a2 b2 ");
	leave_all(all, 2);
}
END_TEST

/* The middle one of three makes one of them leave while the first of two events is told. */
static const struct {
	size_t leaver;
	const char *expected;
	int line;
} leaving[] = {
	{0, "a1 b1 c1 b2 c2 ", __LINE__},
	{1, "a1 b1 c1 a2 c2 ", __LINE__},
	{2, "a1 b1 a2 b2 ", __LINE__},
};

START_TEST(test_leaving_while_being_told)
{
	struct listener all[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};

	listen_all(all, 3);
	all[1].leaves = &all[leaving[_i].leaver];
	emit("1");
	emit("2");
	loop_turn(loop, false);
	ck_assert_msg(strcmp(told, leaving[_i].expected) == 0, "line %d: %s",
		leaving[_i].line, told);
	leave_all(all, 3);
}
END_TEST

/* The last one leaves and another comes in the same call: none is told twice or too late. */
START_TEST(test_coming_while_being_told)
{
	struct listener all[] = {{.name = "a"}, {.name = "b"}};
	struct listener late = {.name = "l"};

	listen_all(all, 2);
	all[0].comes = &late;
	all[0].leaves = &all[1];
	emit("1");
	emit("2");
	loop_turn(loop, false);
	ck_assert_ptr_nonnull(strstr(told, "a1 "));
	ck_assert_ptr_null(strstr(told, "b"));
	ck_assert_ptr_nonnull(strstr(told, "a2 l2 "));
	leave_all(all, 2);
	event_unsubscribe(late.self);
}
END_TEST

START_TEST(test_freed_with_untold_events)
{
	emit("pending");
	events_written(events);
	emit("pending still");
	event_unsubscribe(NULL);
	events_free(NULL);
	event_ring_free(NULL);
	/* teardown frees both; the sanitizers look */
}
END_TEST

/* The ring keeps the newest, whatever it has room for and however many came. */
static const struct {
	size_t max, added, count;
	const char *newest, *oldest;
	int line;
} rings[] = {
	{1, 1, 1, "0", "0", __LINE__},
	{1, 5, 1, "4", "4", __LINE__},
	{3, 2, 2, "1", "0", __LINE__},
	{3, 3, 3, "2", "0", __LINE__},
	{3, 4, 3, "3", "1", __LINE__},
	{3, 9, 3, "8", "6", __LINE__},
	{100, 99, 99, "98", "0", __LINE__},
	{100, 250, 100, "249", "150", __LINE__},
};

START_TEST(test_ring)
{
	struct event_ring *r = event_ring_new(rings[_i].max);
	size_t count;

	ck_assert_uint_eq(event_ring_count(r), 0);
	for (size_t n = 0; n < rings[_i].added; n++) {
		char text[24];

		(void)snprintf(text, sizeof(text), "%zu", n);
		event_ring_add(r, &(struct event){.type = EVENT_BUILD, .reason = text});
	}
	count = event_ring_count(r);
	ck_assert_msg(count == rings[_i].count, "line %d: %zu", rings[_i].line, count);
	ck_assert_str_eq(event_ring_get(r, 0)->reason, rings[_i].newest);
	ck_assert_str_eq(event_ring_get(r, count - 1)->reason, rings[_i].oldest);
	for (size_t back = 0; back + 1 < count; back++)
		ck_assert_int_eq(strtol(event_ring_get(r, back)->reason, NULL, 10),
			strtol(event_ring_get(r, back + 1)->reason, NULL, 10) + 1);
	event_ring_free(r);
}
END_TEST

/* An emitted event is in the worker's ring at once, with its number. */
START_TEST(test_emitted_into_a_ring)
{
	struct event_ring *r = event_ring_new(4);

	event_emit(events, r, &(struct event){.type = EVENT_HOLD, .worker = "a"});
	event_emit(events, r, &(struct event){.type = EVENT_RELEASE, .worker = "a"});
	ck_assert_uint_eq(event_ring_count(r), 2);
	ck_assert(event_ring_get(r, 0)->seq == 43);
	ck_assert_int_eq(event_ring_get(r, 0)->type, EVENT_RELEASE);
	ck_assert(event_ring_get(r, 1)->seq == 42);
	ck_assert(event_ring_get(r, 1)->epoch == 77);
	event_ring_free(r);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("event");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_every_type_has_a_name);
	tcase_add_test(t, test_emitted_is_complete_and_copied);
	tcase_add_test(t, test_absent_strings_stay_absent);
	tcase_add_test(t, test_numbers_rise_by_one);
	tcase_add_test(t, test_told_after_the_commit_in_order);
	tcase_add_test(t, test_nothing_is_told_before_it_is_written);
	tcase_add_test(t, test_written_but_not_told_waits);
	tcase_add_test(t, test_emitting_while_being_told);
	tcase_add_loop_test(t, test_leaving_while_being_told, 0, COUNT_OF(leaving));
	tcase_add_test(t, test_coming_while_being_told);
	tcase_add_test(t, test_freed_with_untold_events);
	tcase_add_loop_test(t, test_ring, 0, COUNT_OF(rings));
	tcase_add_test(t, test_emitted_into_a_ring);
	suite_add_tcase(s, t);
	return s;
}
