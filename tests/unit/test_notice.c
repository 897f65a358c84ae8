/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mail spool: what is written, when it leaves, how long it is tried, and what a relay's
 * answers make of it. The relay is real enough, days pass by hand.
 */
#include "core/notice.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "core/event.h"
#include "core/health.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/worker.h"
#include "peer.h"
#include "relay.h"
#include "sys/http.h"
#include "unit.h"
#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define WORKERS                                                                        \
	"  a: { password: geheim, missing_timeout: 5m,"                                \
	" notify_on_missing: [a@localhost, 'Bea <bea@example.org>'] }\n"               \
	"  quiet: { password: x }\n"

static struct world v;
static struct http *http;
static struct notices *n;
static struct peer relay;
static char url[64], *written_url;

static void
setup(void)
{
	struct err err;

	signal(SIGPIPE, SIG_IGN);
	world_init(&v, WORKERS);
	http = http_new(v.loop, "ec2workerd/test", &err);
	ck_assert_ptr_nonnull(http);
	n = notices_new(v.loop, http, v.conf);
	written_url = v.conf->mail.smtp_url;
}

static void
teardown(void)
{
	v.conf->mail.smtp_url = written_url;
	notices_free(n);
	http_free(http);
	world_fini(&v);
	peer_fini(&relay);
}

/* The same for every connection. */
static void
play(int listener, const void *arg)
{
	for (;;) {
		int fd = peer_accept(listener);

		relay_play(fd, arg);
		(void)close(fd);
	}
}

static void
relay_start(const struct relay_script *script)
{
	peer_start(&relay, play, script);
	(void)snprintf(url, sizeof(url), "smtp://127.0.0.1:%d", relay.port);
	v.conf->mail.smtp_url = url;
	notices_start(n);
}

static size_t
rows(void)
{
	size_t count = 0;

	for (struct notice_row *r = notices_rows(n); r != NULL; r = r->next)
		count += !r->over;
	return count;
}

static struct err
missing_error(void)
{
	struct err err;

	err_set(&err, ERR_MISSING, "launched, but not attached within missing_timeout");
	err.reason = REASON_CAPACITY;
	err_origin(&err, "InsufficientInstanceCapacity", "we have none", "req-1");
	return err;
}

static void
spool_for(const char *name, const struct instance *i)
{
	struct err err = missing_error();

	notice_missing(n, world_worker(&v, name), i, &err);
}

/* A row as another process has left it. */
static struct notice_row *
adopt(int64_t id, int64_t age, unsigned tries)
{
	struct notice_row *r = NEW(struct notice_row);

	r->id = id;
	r->recipient = xstrdup("a@localhost");
	r->subject = xasprintf("mail %d", (int)id);
	r->body = xstrdup("body\n");
	r->message_id = xasprintf("%d@test", (int)id);
	r->created_wall = clock_wall_ms() - age;
	r->next_wall = clock_wall_ms();
	r->tries = tries;
	notices_adopt(n, r);
	return r;
}

/* Turns until something has become dirty: the relay has answered. */
static void
await_answer(void)
{
	while (!notices_dirty(n)) /* or the time of a test is over */
		loop_turn(v.loop, false);
}

/* Time in which nothing happens. */
static void
pass_quietly(int64_t ms)
{
	clock_fake_advance(ms);
	for (int turns = 0; turns < 20; turns++) {
		loop_turn(v.loop, false);
		usleep(500);
	}
	ck_assert(!notices_dirty(n));
	ck_assert_uint_eq(http_in_flight(http), 0);
}

START_TEST(test_what_is_written)
{
	const struct notice_row *first, *second;

	spool_for("a", NULL);
	ck_assert_uint_eq(rows(), 2);
	ck_assert(notices_dirty(n));
	first = notices_rows(n);
	second = first->next;
	ck_assert_str_eq(first->recipient, "a@localhost");
	ck_assert_str_eq(second->recipient, "bea@example.org");
	ck_assert_str_eq(first->subject, "ec2workerd test: worker a missing: capacity");
	ck_assert_str_ne(first->message_id, second->message_id);
	ck_assert(second->id == first->id + 1);
	ck_assert(first->next_wall == clock_wall_ms());
	ck_assert_uint_eq(first->tries, 0);
	ck_assert_ptr_nonnull(strstr(first->body, "not attached within"));
	ck_assert_ptr_nonnull(strstr(first->body,
		"InsufficientInstanceCapacity: we have none (request id req-1)"));
	ck_assert_ptr_nonnull(strstr(first->body, "ec2workerctl history a"));
	ck_assert_str_eq(first->body, second->body);
}
END_TEST

/* The mail tells the life of this generation, and the machine's facts as far as known. */
START_TEST(test_the_story)
{
	struct instance *i;
	const char *body;

	world_ready(&v, "a");
	i = world_worker(&v, "a")->launch->instance;
	spool_for("a", i);
	body = notices_rows(n)->body;
	ck_assert_ptr_nonnull(strstr(body, i->id));
	ck_assert_ptr_nonnull(strstr(body, "? in ?, image ?"));
	ck_assert_ptr_nonnull(strstr(body, "Address:     10.0.0.1"));
	ck_assert_ptr_nonnull(strstr(body, "reserved -> sending"));
	ck_assert_ptr_nonnull(strstr(body, "pending -> running"));
	ck_assert_ptr_null(strstr(body, "EC2 says"));
	ck_assert_ptr_nonnull(strstr(body, "Launched:    20"));
	notices_written(n);
	world_down(&v, "a");
	world_run(&v, 90000);
	world_ready(&v, "a");
	i = world_worker(&v, "a")->launch->instance;
	i->type = xstrdup("m5.large");
	i->zone = xstrdup("us-east-1a");
	i->image = xstrdup("ami-1");
	i->death = xstrdup("Server.SpotInstanceTermination");
	i->launched_wall = clock_wall_ms();
	spool_for("a", i);
	body = notices_rows(n)->next->next->body;
	ck_assert_ptr_nonnull(strstr(body, "(m5.large in us-east-1a, image ami-1)"));
	ck_assert_ptr_nonnull(strstr(body, "EC2 says:    Server.Spot"));
	ck_assert_ptr_nonnull(strstr(body, "Launched:    2026-"));
	ck_assert_ptr_nonnull(strstr(body, "Generation:  2"));
	ck_assert_ptr_null(strstr(body, "ready -> condemned"));
}
END_TEST

START_TEST(test_nobody_to_tell)
{
	spool_for("quiet", NULL);
	ck_assert_uint_eq(rows(), 0);
	v.conf->mail.smtp_url = NULL;
	spool_for("a", NULL);
	ck_assert_uint_eq(rows(), 0);
	ck_assert(!notices_dirty(n));
}
END_TEST

/* Nothing leaves before the row is on disk; then one after the other. */
START_TEST(test_leaves_after_the_commit)
{
	static const char dialogue[] =
		"EHLO;MAIL FROM:<ec2workerd@example.org>;RCPT TO:<a@localhost>;DATA;"
		"Subject: ec2workerd test: worker a missing: capacity;QUIT;"
		"EHLO;MAIL FROM:<ec2workerd@example.org>;RCPT TO:<bea@example.org>;DATA;"
		"Subject: ec2workerd test: worker a missing: capacity;";
	static const struct relay_script good = {0};

	relay_start(&good);
	spool_for("a", NULL);
	clock_fake_advance(DAY);
	for (int turns = 0; turns < 10; turns++)
		loop_turn(v.loop, false);
	ck_assert_uint_eq(http_in_flight(http), 0);
	notices_written(n);
	ck_assert(!notices_dirty(n));
	await_answer();
	ck_assert_uint_eq(rows(), 1);
	ck_assert(notices_rows(n)->over);
	notices_written(n);
	ck_assert_ptr_null(notices_rows(n)->next);
	await_answer();
	notices_written(n);
	ck_assert_ptr_null(notices_rows(n));
	peer_stop(&relay);
	/* The last QUIT may come too late to be heard. */
	ck_assert_msg(strncmp(relay.said, dialogue, sizeof(dialogue) - 1) == 0, "%s",
		relay.said);
}
END_TEST

/* Tried again after a minute, then two, up to an hour; with the same Message-ID. */
START_TEST(test_backs_off)
{
	static const struct relay_script later = {.rcpt = {"451 later"}};
	static const int64_t waits[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
	struct notice_row *r = adopt(7, 0, 0);
	AUTO(free) char *id = xstrdup(r->message_id);

	relay_start(&later);
	for (size_t k = 0; k < COUNT_OF(waits); k++) {
		await_answer();
		ck_assert_uint_eq(r->tries, k + 1);
		ck_assert_int_eq(r->next_wall - clock_wall_ms(), waits[k] * MINUTE);
		ck_assert_str_eq(r->message_id, id);
		notices_written(n);
		pass_quietly(waits[k] * MINUTE - 1);
		clock_fake_advance(1);
	}
}
END_TEST

/* What becomes of a row, by its age and the answer. */
static const struct {
	struct relay_script script;
	int64_t age;
	unsigned tries;
	bool over;
	int line;
} answers[] = {
	{{0}, 0, 0, true, __LINE__},
	{{0}, 10 * DAY, 90, true, __LINE__},
	{{.rcpt = {"550 who?"}}, 0, 0, true, __LINE__},
	{{.dot = "554 spam"}, 0, 0, true, __LINE__},
	{{.rcpt = {"450 grey"}}, 0, 0, false, __LINE__},
	{{.rcpt = {"450 grey"}}, 3 * DAY - 1, 40, false, __LINE__},
	{{.rcpt = {"450 grey"}}, 3 * DAY, 40, true, __LINE__},
	{{.greeting = "421 busy"}, 4 * DAY, UINT32_MAX, true, __LINE__},
	{{.mail = "!"}, 0, UINT32_MAX - 1, false, __LINE__},
};

START_TEST(test_answers)
{
	struct notice_row *r = adopt(1, answers[_i].age, answers[_i].tries);

	relay_start(&answers[_i].script);
	await_answer();
	ck_assert_msg(r->over == answers[_i].over, "line %d", answers[_i].line);
	if (!r->over)
		ck_assert_int_le(r->next_wall - clock_wall_ms(), HOUR);
	notices_written(n);
	ck_assert_uint_eq(rows(), answers[_i].over ? 0 : 1);
}
END_TEST

START_TEST(test_no_relay_there)
{
	struct notice_row *r = adopt(1, 0, 0);

	(void)snprintf(url, sizeof(url), "smtp://127.0.0.1:%d", peer_closed_port());
	v.conf->mail.smtp_url = url;
	notices_start(n);
	await_answer();
	ck_assert(!r->over);
	ck_assert_uint_eq(r->tries, 1);
}
END_TEST

/* A wall clock that was years ahead when the row was written delays it by an hour at most. */
START_TEST(test_clock_was_wrong)
{
	static const struct relay_script good = {0};
	struct notice_row *r = adopt(1, 0, 0);

	r->created_wall += 1000 * DAY;
	r->next_wall += 1000 * DAY;
	relay_start(&good);
	pass_quietly(HOUR - 1);
	clock_fake_advance(1);
	await_answer();
	ck_assert(r->over);
}
END_TEST

/* The relay has left the configuration: what still waits for it is dropped. */
START_TEST(test_relay_removed)
{
	struct notice_row *r = adopt(1, 0, 0);

	v.conf->mail.smtp_url = NULL;
	notices_set_conf(n, v.conf);
	notices_start(n);
	loop_turn(v.loop, false);
	ck_assert(r->over && r->dirty);
	notices_written(n);
	ck_assert_ptr_null(notices_rows(n));
}
END_TEST

/* Freed while the relay takes its time. */
START_TEST(test_freed_while_sending)
{
	static const struct relay_script silent = {.greeting = ""};

	(void)adopt(1, 0, 0);
	relay_start(&silent);
	for (int turns = 0; http_in_flight(http) == 0 && turns < 1000; turns++)
		loop_turn(v.loop, false);
	notices_free(n);
	n = notices_new(v.loop, http, v.conf);
	for (int turns = 0; turns < 20; turns++)
		loop_turn(v.loop, false);
	ck_assert_uint_eq(http_in_flight(http), 0);
}
END_TEST

/* The spool is bounded, and it is the oldest that go. */
START_TEST(test_spool_is_bounded)
{
	for (int64_t id = 1; id <= 999; id++)
		(void)adopt(id, 0, 0);
	ck_assert_uint_eq(rows(), 999);
	spool_for("a", NULL);
	ck_assert_uint_eq(rows(), 1000);
	ck_assert(notices_rows(n)->over && notices_rows(n)->id == 1);
	/* What is on its way out takes nobody's place. */
	spool_for("a", NULL);
	ck_assert_uint_eq(rows(), 1000);
	notices_written(n);
	ck_assert(notices_rows(n)->id == 4);
	notices_written(n);
	ck_assert_uint_eq(rows(), 1000);
}
END_TEST

/* At once, but no faster one after the other than any other mails. */
START_TEST(test_leaves_without_a_ledger)
{
	static const struct relay_script good = {0};
	struct episode e = {.condition = CONDITION_HOLD};

	relay_start(&good);
	err_set(&e.err, ERR_IO, "no space");
	notice_condition(n, &e);
	e.condition = CONDITION_LEDGER;
	notice_condition(n, &e);
	while (rows() > 2)
		loop_turn(v.loop, false);
	notice_condition(n, &e);
	loop_turn(v.loop, false);
	ck_assert_uint_eq(http_in_flight(http), 0);
	clock_fake_advance(5 * MINUTE);
	loop_turn(v.loop, false);
	ck_assert_uint_eq(http_in_flight(http), 1);
	peer_stop(&relay);
	ck_assert_ptr_nonnull(strstr(relay.said, "the ledger cannot be written"));
	ck_assert_ptr_null(strstr(relay.said, "HOLD"));
}
END_TEST

static bool
is_told(const char *about)
{
	const struct trouble t = {.condition = CONDITION_MAIL, .about = about};

	return health_find(v.pool->health, &t) != NULL;
}

START_TEST(test_relay_in_trouble)
{
	static const struct relay_script later = {.rcpt = {"451 later"}};
	struct notice_row *r = adopt(7, 0, 0);

	notices_set_health(n, v.pool->health);
	relay_start(&later);
	for (int tries = 1; tries <= 3; tries++) {
		await_answer();
		ck_assert(!is_told("relay"));
		notices_written(n);
		clock_fake_advance(r->next_wall - clock_wall_ms());
	}
	r->created_wall = clock_wall_ms() - 10 * MINUTE;
	await_answer();
	ck_assert(is_told("relay"));
	notices_written(n);
}
END_TEST

START_TEST(test_full_spool_is_told)
{
	notices_set_health(n, v.pool->health);
	for (int64_t id = 1; id <= 999; id++)
		(void)adopt(id, 0, 0);
	spool_for("a", NULL);
	ck_assert(is_told("spool"));
	world_run(&v, 2 * HOUR);
	ck_assert(!is_told("spool"));
	ck_assert_uint_eq(notices_counts(n)->dropped, 1);
	ck_assert_uint_eq(notices_counts(n)->spooled, 2);
}
END_TEST

/* A mail that has left, but whose row is still to be deleted, takes nobody's place. */
START_TEST(test_what_has_left_makes_room)
{
	static const struct relay_script good = {0};

	for (int64_t id = 1; id <= 1000; id++)
		(void)adopt(id, 0, 0);
	relay_start(&good);
	await_answer();
	ck_assert_uint_eq(rows(), 999);
	v.conf->workers[0]->notify_on_missing.count = 1;
	spool_for("a", NULL);
	ck_assert_uint_eq(rows(), 1000);
	v.conf->workers[0]->notify_on_missing.count = 2;
}
END_TEST

/* Ids go on where the ledger's end. */
START_TEST(test_ids_go_on)
{
	(void)adopt(41, 0, 0);
	spool_for("a", NULL);
	ck_assert(notices_rows(n)->next->id == 42);
}
END_TEST

/* The pool's own spool, over a restart: the same rows, and no second mail. */
START_TEST(test_restart_keeps_the_spool)
{
	struct notice_row *r;
	AUTO(free) char *body = NULL;
	AUTO(free) char *id = NULL;

	world_up(&v, "a");
	world_run(&v, 6 * MINUTE);
	r = notices_rows(v.pool->notices);
	ck_assert_ptr_nonnull(r);
	ck_assert_ptr_nonnull(strstr(r->body, "boot\n")); /* its console came */
	body = xstrdup(r->body);
	id = xstrdup(r->message_id);
	r->tries = 3;
	r->next_wall += 12345;
	r->dirty = true;
	world_turn(&v);
	world_restart(&v);
	world_run(&v, 10 * MINUTE);
	r = notices_rows(v.pool->notices);
	ck_assert_str_eq(r->recipient, "a@localhost");
	ck_assert_str_eq(r->body, body);
	ck_assert_str_eq(r->message_id, id);
	ck_assert_uint_eq(r->tries, 3);
	ck_assert_str_eq(r->next->recipient, "bea@example.org");
	ck_assert_ptr_null(r->next->next);
}
END_TEST

/* M8: the first leaves at once, the others together when five minutes have passed. */
START_TEST(test_digest)
{
	static const struct relay_script good = {0};
	struct notice_row *digest;

	adopt(1, 0, 0);
	relay_start(&good);
	await_answer();
	ck_assert_uint_eq(rows(), 0);
	notices_written(n);
	for (int64_t id = 2; id <= 4; id++)
		adopt(id, 0, 0);
	spool_for("a", NULL); /* to somebody else as well */
	notices_written(n);
	await_answer(); /* that one */
	notices_written(n);
	ck_assert_uint_eq(rows(), 4);
	pass_quietly(4 * MINUTE);
	clock_fake_advance(MINUTE);
	await_answer();
	ck_assert_uint_eq(rows(), 1);
	ck_assert_uint_eq(notices_count(n), 1);
	for (digest = notices_rows(n); digest->over;)
		digest = digest->next;
	ck_assert_str_eq(digest->subject, "ec2workerd test: 4 notices");
	ck_assert_ptr_nonnull(strstr(digest->body, "  mail 2\n  mail 3\n  mail 4\n"));
	ck_assert_ptr_nonnull(strstr(digest->body, "worker a missing"));
	ck_assert_str_eq(digest->message_id, "2@test");
	notices_written(n);
	await_answer();
	ck_assert_uint_eq(rows(), 0);
	notices_written(n);
}
END_TEST

/* What the relay may have taken already stays what it was. */
START_TEST(test_tried_ones_are_not_folded)
{
	static const struct relay_script good = {0};

	adopt(1, 0, 0);
	relay_start(&good);
	await_answer();
	notices_written(n);
	adopt(2, 0, 0);
	adopt(3, MINUTE, 1);
	notices_written(n);
	await_answer();
	notices_written(n);
	ck_assert_uint_eq(rows(), 1);
	ck_assert_str_eq(notices_rows(n)->subject, "mail 2");
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("notice");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_what_is_written);
	tcase_add_test(t, test_the_story);
	tcase_add_test(t, test_nobody_to_tell);
	tcase_add_test(t, test_leaves_after_the_commit);
	tcase_add_test(t, test_backs_off);
	tcase_add_loop_test(t, test_answers, 0, COUNT_OF(answers));
	tcase_add_test(t, test_no_relay_there);
	tcase_add_test(t, test_clock_was_wrong);
	tcase_add_test(t, test_relay_removed);
	tcase_add_test(t, test_freed_while_sending);
	tcase_add_test(t, test_spool_is_bounded);
	tcase_add_test(t, test_leaves_without_a_ledger);
	tcase_add_test(t, test_relay_in_trouble);
	tcase_add_test(t, test_full_spool_is_told);
	tcase_add_test(t, test_what_has_left_makes_room);
	tcase_add_test(t, test_digest);
	tcase_add_test(t, test_tried_ones_are_not_folded);
	tcase_add_test(t, test_ids_go_on);
	tcase_add_test(t, test_restart_keeps_the_spool);
	suite_add_tcase(s, t);
	return s;
}
