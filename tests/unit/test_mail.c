/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mails to relays that follow a script: every reply that matters, at every place, and every
 * way of falling silent.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "peer.h"
#include "relay.h"
#include "sys/http.h"
#include "sys/loop.h"
#include "sys/mail.h"
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct loop *loop;
static struct http *http;
static struct peer peer;

struct result {
	int count;
	struct mail_call *call;
	enum mail_outcome outcome, each[4];
	char text[256], each_text[4][256];
	size_t recipients;
};

static void
on_done(void *arg, enum mail_outcome outcome, const char *text)
{
	struct result *r = arg;

	r->count++;
	r->outcome = outcome;
	snprintf(r->text, sizeof(r->text), "%s", text);
	for (size_t i = 0; i < r->recipients; i++) {
		const char *why;

		r->each[i] = mail_recipient_outcome(r->call, i, &why);
		snprintf(r->each_text[i], sizeof(r->each_text[i]), "%s", why);
		ck_assert_int_eq(mail_recipient_outcome(r->call, i, NULL), r->each[i]);
	}
	mail_cancel(r->call); /* too late, and harmless */
	r->call = NULL;
}

static void
setup(void)
{
	struct err err;

	signal(SIGPIPE, SIG_IGN);
	loop = loop_new(&err);
	http = http_new(loop, "ec2workerd/test", &err);
	ck_assert_ptr_nonnull(http);
}

static void
teardown(void)
{
	http_free(http);
	loop_free(loop);
	peer_fini(&peer);
}

static void
play_relay(int listener, const void *arg)
{
	relay_play(peer_accept(listener), arg);
}

static const char *const two[] = {"a@example.org", "b@localhost"};

static void
start(struct result *r, const struct mail_relay *relay, size_t recipients)
{
	struct mail_message m = {
		.from = "Pool <ec2workerd@example.org>",
		.to = two,
		.to_count = recipients,
		.subject = "bot1 is missing",
		.body = ".\n..\n",
		.message_id = "1@pool",
	};

	memset(r, 0, sizeof(*r));
	r->recipients = recipients;
	r->call = mail_send(http, relay, &m, on_done, r);
	ck_assert_int_eq(r->count, 0);
}

static void
run(struct result *r, const struct mail_relay *relay, size_t recipients)
{
	start(r, relay, recipients);
	while (r->count == 0)
		loop_turn(loop, true);
	ck_assert_int_eq(r->count, 1);
	ck_assert_uint_eq(http_in_flight(http), 0);
}

#define HELLO "EHLO;"
#define FROM HELLO "MAIL FROM:<ec2workerd@example.org>;"
#define TO_A FROM "RCPT TO:<a@example.org>;"
#define SENT_A TO_A "DATA;Subject: bot1 is missing;"
#define TO_B TO_A "RCPT TO:<b@localhost>;"
#define SENT_B TO_B "DATA;Subject: bot1 is missing;"

enum { YES = MAIL_ACCEPTED, LATER = MAIL_LATER, NO = MAIL_REFUSED };

static const struct {
	struct relay_script script;
	size_t recipients;
	unsigned outcome, each[2];
	const char *text; /* in the words */
	const char *said; /* by us, to the relay; NULL: not looked at */
	int line;
} dialogue_rows[] = {
	{{0}, 1, YES, {YES}, "250 queued", SENT_A "QUIT;", __LINE__},
	{{0}, 2, YES, {YES, YES}, "250 queued", SENT_B "QUIT;", __LINE__},
	{{.greeting = "220-two\r\n220 lines"}, 1, YES, {YES}, "250 queued",
		SENT_A "QUIT;", __LINE__},
	{{.rcpt = {"250-more\r\n250-and\r\n250 done"}}, 1, YES, {YES}, "250 queued",
		SENT_A "QUIT;", __LINE__},
	{{.rcpt = {"251"}}, 1, YES, {YES}, "250 queued", SENT_A "QUIT;", __LINE__},
	/* The answer to QUIT is nobody's concern. */
	{{.quit = ""}, 1, YES, {YES}, "250 queued", SENT_A "QUIT;", __LINE__},
	{{.quit = "!"}, 1, YES, {YES}, "250 queued", SENT_A "QUIT;", __LINE__},
	{{.ehlo = "502 never heard"}, 1, YES, {YES}, "250 queued",
		"EHLO;HELO;MAIL FROM:<ec2workerd@example.org>;RCPT TO:<a@example.org>;DATA;"
		"Subject: bot1 is missing;QUIT;",
		__LINE__},
	/* Greylisting, FAULTS M2; refusals, M3. */
	{{.rcpt = {"451 4.7.1 come back"}}, 1, LATER, {LATER}, "451 4.7.1 come back",
		TO_A "QUIT;", __LINE__},
	{{.rcpt = {"550 5.1.1 who?"}}, 1, NO, {NO}, "550 5.1.1 who?", TO_A "QUIT;",
		__LINE__},
	{{.rcpt = {"550 who?", NULL}}, 2, YES, {NO, YES}, "250 queued", SENT_B "QUIT;",
		__LINE__},
	{{.rcpt = {NULL, "450 later"}}, 2, YES, {YES, LATER}, "250 queued",
		SENT_B "QUIT;", __LINE__},
	{{.rcpt = {"550 who?", "450 later"}}, 2, LATER, {NO, LATER}, "450 later",
		TO_B "QUIT;", __LINE__},
	{{.rcpt = {"550 who?", "551 not here"}}, 2, NO, {NO, NO}, "550 who?",
		TO_B "QUIT;", __LINE__},
	{{.rcpt = {"550 who?", NULL}, .dot = "554 spam"}, 2, NO, {NO, NO}, "who?",
		SENT_B "QUIT;", __LINE__},
	{{.rcpt = {"550 who?", NULL}, .dot = "451 busy"}, 2, LATER, {NO, LATER},
		"451 busy", SENT_B "QUIT;", __LINE__},
	{{.mail = "550 go away"}, 2, NO, {NO, NO}, "550 go away", FROM "QUIT;",
		__LINE__},
	{{.mail = "421 too busy"}, 1, LATER, {LATER}, "421 too busy", FROM "QUIT;",
		__LINE__},
	{{.mail = "530 log in first"}, 1, LATER, {LATER}, "530 log in first",
		FROM "QUIT;", __LINE__},
	{{.data = "554 no valid recipients"}, 1, NO, {NO}, "554 no valid",
		TO_A "DATA;QUIT;", __LINE__},
	{{.data = "451 disk"}, 1, LATER, {LATER}, "451 disk", TO_A "DATA;QUIT;",
		__LINE__},
	{{.data = "250 strange"}, 1, YES, {YES}, "250 strange", NULL, __LINE__},
	{{.dot = "554 spam"}, 1, NO, {NO}, "554 spam", SENT_A "QUIT;", __LINE__},
	{{.dot = "452 full"}, 1, LATER, {LATER}, "452 full", SENT_A "QUIT;", __LINE__},
	/* Not about this mail: the relay may have thought better of it tomorrow. */
	{{.greeting = "554 closed"}, 1, LATER, {LATER}, "554 closed", "", __LINE__},
	{{.greeting = "421 busy"}, 1, LATER, {LATER}, "421 busy", "", __LINE__},
	{{.ehlo = "550 no", .helo = "550 no"}, 1, LATER, {LATER}, "550 no",
		"EHLO;HELO;", __LINE__},
	/* It breaks off: nobody knows, FAULTS M4. */
	{{.greeting = "!"}, 1, LATER, {LATER}, "", "", __LINE__},
	{{.mail = "!"}, 1, LATER, {LATER}, "closed the connection", FROM, __LINE__},
	{{.rcpt = {NULL, "!"}}, 2, LATER, {LATER, LATER}, "closed the connection", TO_B,
		__LINE__},
	{{.rcpt = {"550 who?", "!"}}, 2, LATER, {NO, LATER}, "closed the connection",
		TO_B, __LINE__},
	{{.data = "!"}, 1, LATER, {LATER}, "closed the connection", TO_A "DATA;",
		__LINE__},
	{{.dot = "!"}, 1, LATER, {LATER}, "closed the connection", SENT_A, __LINE__},
	/* It falls silent. */
	{{.greeting = ""}, 1, LATER, {LATER}, "", "", __LINE__},
	{{.ehlo = ""}, 1, LATER, {LATER}, "", HELLO, __LINE__},
	{{.mail = ""}, 1, LATER, {LATER}, "takes too long", FROM, __LINE__},
	{{.rcpt = {""}}, 1, LATER, {LATER}, "takes too long", TO_A, __LINE__},
	{{.data = ""}, 1, LATER, {LATER}, "takes too long", TO_A "DATA;", __LINE__},
	{{.dot = ""}, 1, LATER, {LATER}, "takes too long", SENT_A, __LINE__},
	/* It talks nonsense. */
	{{.mail = "hello"}, 1, LATER, {LATER}, "does not speak SMTP", FROM, __LINE__},
	{{.mail = "25"}, 1, LATER, {LATER}, "does not speak SMTP", FROM, __LINE__},
	{{.greeting = "HTTP/1.1 400 Bad Request"}, 1, LATER, {LATER}, "", "", __LINE__},
	{{.mail = "550 \x1b[31m\xff"}, 1, NO, {NO}, "550 ?[31m?", FROM "QUIT;",
		__LINE__},
};

/* Only for these the limit is waited for; for libcurl a line of HTTP is no greeting yet. */
static bool
is_silent(const struct relay_script *s)
{
	const char *const answers[] = {s->greeting, s->ehlo, s->helo, s->mail, s->data,
		s->dot, s->rcpt[0]};

	for (size_t i = 0; i < COUNT_OF(answers); i++)
		if (answers[i] != NULL && answers[i][0] == '\0')
			return true;
	return s->greeting != NULL && strncmp(s->greeting, "HTTP", 4) == 0;
}

START_TEST(test_dialogue)
{
	struct result r;
	struct mail_relay relay = {
		.total_ms = is_silent(&dialogue_rows[_i].script) ? 500 : 20000};
	AUTO(free) char *url = NULL;

	peer_start(&peer, play_relay, &dialogue_rows[_i].script);
	relay.url = url = xasprintf("smtp://127.0.0.1:%d", peer.port);
	run(&r, &relay, dialogue_rows[_i].recipients);
	usleep(20000); /* so that the relay reads our QUIT */
	peer_stop(&peer);
	ck_assert_msg(r.outcome == dialogue_rows[_i].outcome &&
			strstr(r.text, dialogue_rows[_i].text) != NULL,
		"line %d: %d %s", dialogue_rows[_i].line, r.outcome, r.text);
	for (size_t i = 0; i < r.recipients; i++)
		ck_assert_msg(r.each[i] == dialogue_rows[_i].each[i],
			"line %d: %zu: %s", dialogue_rows[_i].line, i, r.each_text[i]);
	ck_assert_msg(dialogue_rows[_i].said == NULL ||
			strcmp(peer.said, dialogue_rows[_i].said) == 0,
		"line %d: %s", dialogue_rows[_i].line, peer.said);
}
END_TEST

static void
on_tick(void *arg)
{
	struct loop_timer *tick = arg;

	loop_timer_in(tick, 5);
}

/* Whatever the relay does not say, the loop goes on: no turn is longer than a moment. */
START_TEST(test_nothing_waits)
{
	static const struct relay_script scripts[] = {
		{.greeting = ""},
		{.mail = ""},
		{.dot = ""},
		{.quit = ""},
		{.mail = "550 no", .quit = ""},
	};
	struct result r;
	struct loop_timer tick = {0};
	struct mail_relay relay = {.total_ms = 1500};
	AUTO(free) char *url = NULL;
	int64_t begin, last, longest = 0;

	peer_start(&peer, play_relay, &scripts[_i]);
	relay.url = url = xasprintf("smtp://127.0.0.1:%d", peer.port);
	loop_timer_init(&tick, loop, on_tick, &tick);
	loop_timer_in(&tick, 5);
	start(&r, &relay, 1);
	begin = last = clock_ms();
	while (clock_ms() - begin < 1600) {
		loop_turn(loop, true);
		if (clock_ms() - last > longest)
			longest = clock_ms() - last;
		last = clock_ms();
	}
	loop_timer_clear(&tick);
	ck_assert_int_eq(r.count, 1);
	ck_assert_int_lt(longest, 900);
	begin = clock_ms();
	http_free(http);
	http = NULL;
	ck_assert_int_lt(clock_ms() - begin, 900);
}
END_TEST

START_TEST(test_nobody_listens)
{
	struct result r;
	struct mail_relay relay = {.total_ms = 20000};
	AUTO(free) char *url = xasprintf("smtp://127.0.0.1:%d", peer_closed_port());

	relay.url = url;
	run(&r, &relay, 1);
	ck_assert_int_eq(r.outcome, MAIL_LATER);
	ck_assert_ptr_nonnull(strstr(r.text, "onnect"));
	relay.url = "http://127.0.0.1:1/";
	run(&r, &relay, 1);
	ck_assert_int_eq(r.outcome, MAIL_LATER);
	ck_assert_ptr_nonnull(strstr(r.text, "rotocol"));
}
END_TEST

/* A bad address is refused without asking anybody; others are served all the same. */
START_TEST(test_bad_addresses)
{
	static const struct relay_script script = {0};
	static const char *const to[] = {"no address", "a@example.org",
		"x@y\r\nBcc: z"};
	struct result r = {.recipients = 3};
	struct mail_relay relay = {.total_ms = 20000};
	struct mail_message m = {.from = "me@here",
		.to = to,
		.to_count = 3,
		.subject = "s",
		.body = "b",
		.message_id = "i"};
	AUTO(free) char *url = NULL;

	peer_start(&peer, play_relay, &script);
	relay.url = url = xasprintf("smtp://127.0.0.1:%d", peer.port);
	r.call = mail_send(http, &relay, &m, on_done, &r);
	while (r.count == 0)
		loop_turn(loop, true);
	ck_assert_int_eq(r.outcome, MAIL_ACCEPTED);
	ck_assert_int_eq(r.each[0], MAIL_REFUSED);
	ck_assert_str_eq(r.each_text[0], "the recipient is no address");
	ck_assert_int_eq(r.each[1], MAIL_ACCEPTED);
	ck_assert_int_eq(r.each[2], MAIL_REFUSED);

	m.to_count = 1;
	r = (struct result){.recipients = 1};
	r.call = mail_send(http, &relay, &m, on_done, &r);
	ck_assert_int_eq(r.count, 0);
	while (r.count == 0)
		loop_turn(loop, true);
	ck_assert_int_eq(r.outcome, MAIL_REFUSED);
	ck_assert_str_eq(r.text, "the recipient is no address");

	m.from = "nobody";
	m.to = to + 1;
	r = (struct result){.recipients = 1};
	r.call = mail_send(http, &relay, &m, on_done, &r);
	while (r.count == 0)
		loop_turn(loop, true);
	ck_assert_int_eq(r.outcome, MAIL_REFUSED);
	ck_assert_str_eq(r.text, "the sender is no address");
}
END_TEST

/* After any number of turns: no callback, nothing left behind. */
START_TEST(test_cancel)
{
	static const struct relay_script script = {.dot = ""};
	struct result r;
	struct mail_relay relay = {.total_ms = 20000};
	AUTO(free) char *url = NULL;

	peer_start(&peer, play_relay, &script);
	relay.url = url = xasprintf("smtp://127.0.0.1:%d", peer.port);
	start(&r, &relay, 1);
	for (int i = 0; i < _i; i++) {
		loop_turn(loop, false);
		usleep(1000);
	}
	mail_cancel(r.call);
	mail_cancel(NULL);
	ck_assert_uint_eq(http_in_flight(http), 0);
	ck_assert_int_eq(loop_next_due_ms(loop) > clock_ms() + 100000, true);
	loop_turn(loop, false);
	ck_assert_int_eq(r.count, 0);
}
END_TEST

/* An HTTP proxy of the environment has no part in mail. */
START_TEST(test_proxy_is_ignored)
{
	static const struct relay_script script = {0};
	struct result r;
	struct mail_relay relay = {.total_ms = 20000};
	AUTO(free)
	char *url = NULL, *proxy = xasprintf("http://127.0.0.1:%d", peer_closed_port());

	setenv("all_proxy", proxy, 1);
	peer_start(&peer, play_relay, &script);
	relay.url = url = xasprintf("smtp://127.0.0.1:%d", peer.port);
	run(&r, &relay, 1);
	ck_assert_int_eq(r.outcome, MAIL_ACCEPTED);
	unsetenv("all_proxy");
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("mail");
	TCase *tc = tcase_create("mail");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_dialogue, 0, COUNT_OF(dialogue_rows));
	tcase_add_loop_test(tc, test_nothing_waits, 0, 5);
	tcase_add_test(tc, test_nobody_listens);
	tcase_add_test(tc, test_bad_addresses);
	tcase_add_loop_test(tc, test_cancel, 0, 14);
	tcase_add_test(tc, test_proxy_is_ignored);
	suite_add_tcase(suite, tc);
	return suite;
}
