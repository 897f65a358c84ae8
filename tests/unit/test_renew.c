/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set's life on a clock that is moved by hand: when keys are renewed, what becomes of them
 * while their source is down, and who waits for what. Their source is a container's agent.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/creds.h"
#include "ec2/sigv4.h"
#include "look_rig.h"
#include "sys/loop.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define START_MS INT64_C(1769850000000) /* 2026-01-31T09:00:00Z */

#define ASK "GET /agent"
#define KEYS(id, until)                                                                \
	{                                                                              \
		ASK, NULL, NULL, GIVES(200, TALK_JSON(id, until))                      \
	}
#define DOWN                                                                           \
	{                                                                              \
		ASK, NULL, NULL, GIVES(500, "")                                        \
	}

static struct ec2_creds *creds;
static unsigned told; /* by the watch */

static void
on_watch(void *arg)
{
	(*(unsigned *)arg)++;
}

static void
setup(void)
{
	static const struct ec2_creds_source source = {.session_name = NULL};
	AUTO(free) char *url = NULL;

	look_setup();
	url = talk_url(&look_rig.talk, "/agent");
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
	clock_fake(HOUR_MS, START_MS);
	creds = ec2_creds_new(look_rig.loop, look_rig.http, &source);
	told = 0;
	ec2_creds_watch(creds, on_watch, &told);
}

static void
teardown(void)
{
	ec2_creds_unref(creds);
	look_teardown();
}

struct seen {
	unsigned count;
	char id[32];
	char text[512];
	int code;
};

static void
on_keys(void *arg, const struct sigv4_keys *keys, const struct err *err)
{
	struct seen *s = arg;

	s->count++;
	(void)snprintf(s->id, sizeof(s->id), "%s", keys != NULL ? keys->id : "none");
	(void)snprintf(s->text, sizeof(s->text), "%s", keys != NULL ? "" : err->text);
	s->code = keys != NULL ? ERR_NONE : (int)err->code;
}

/* What somebody gets who asks now. */
static void
check_keys(const char *id, int line)
{
	struct seen s = {0};

	(void)ec2_creds_get(creds, on_keys, &s);
	for (int turn = 0; s.count == 0 && turn < 100000; turn++)
		loop_turn(look_rig.loop, false);
	ck_assert_msg(s.count == 1, "line %d: %u answers", line, s.count);
	ck_assert_msg(strcmp(s.id, id) == 0, "line %d: %s %s", line, s.id, s.text);
}

/* Until what was written down has been said, and a bit longer. */
static void
settle(void)
{
	for (int turn = 0; turn < 100000 && look_rig.talk.next < look_rig.talk.count;
		turn++)
		loop_turn(look_rig.loop, false);
	for (int turn = 0; turn < 2000; turn++)
		loop_turn(look_rig.loop, false);
	talk_check(&look_rig.talk);
}

/* An hour's keys: renewed behind the scenes in the last quarter, and not a moment before. */
START_TEST(test_renewed_before_their_end)
{
	TALK(&look_rig.talk, KEYS("A", "2026-01-31T10:00:00Z"));
	check_keys("A", __LINE__);
	settle();
	clock_fake_advance(43 * MINUTE_MS);
	check_keys("A", __LINE__);
	settle();
	clock_fake_advance(2 * MINUTE_MS); /* 15 minutes before */
	TALK(&look_rig.talk, KEYS("B", "2026-01-31T11:00:00Z"));
	check_keys("A", __LINE__); /* nobody waits for it */
	settle();
	check_keys("B", __LINE__);
	settle();
	ck_assert_uint_eq(told, 0);
}
END_TEST

/* Nobody asked in the meantime: from ten minutes before on the answer waits. */
START_TEST(test_waited_for_at_last)
{
	TALK(&look_rig.talk, KEYS("A", "2026-01-31T10:00:00Z"));
	check_keys("A", __LINE__);
	clock_fake_advance(51 * MINUTE_MS);
	TALK(&look_rig.talk, KEYS("B", "2026-01-31T11:00:00Z"));
	check_keys("B", __LINE__);
	settle();
}
END_TEST

START_TEST(test_keys_without_an_end_are_kept)
{
	static const struct talk_row row = {ASK, NULL, NULL,
		GIVES(200,
			"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\","
			"\"Token\":\"t\"}")};

	talk_script(&look_rig.talk, &row, 1);
	check_keys("A", __LINE__);
	clock_fake_advance(1000 * HOUR_MS);
	check_keys("A", __LINE__);
	settle();
}
END_TEST

/* Keys that live for seconds only are renewed in seconds. */
START_TEST(test_short_lives)
{
	TALK(&look_rig.talk, KEYS("A", "2026-01-31T09:00:08Z"));
	check_keys("A", __LINE__);
	clock_fake_advance(5000);
	check_keys("A", __LINE__);
	settle();
	clock_fake_advance(1000);
	TALK(&look_rig.talk, KEYS("B", "2026-01-31T09:00:14Z"));
	check_keys("A", __LINE__);
	settle();
	check_keys("B", __LINE__);
}
END_TEST

static void
check_trouble(const char *text, int line)
{
	struct ec2_creds_trouble trouble;

	if (text == NULL) {
		ck_assert_msg(!ec2_creds_trouble(creds, &trouble), "line %d: %s", line,
			trouble.text);
		return;
	}
	ck_assert_msg(ec2_creds_trouble(creds, &trouble), "line %d", line);
	ck_assert_msg(strstr(trouble.text, text) != NULL, "line %d: %s", line,
		trouble.text);
}

/*
 * The source goes down: the old keys go on, even past their end, it is asked again after 5
 * to 10 minutes at most, and all this is told once, with the time that is left.
 */
START_TEST(test_source_is_down)
{
	TALK(&look_rig.talk, KEYS("A", "2026-01-31T10:00:00Z"));
	check_keys("A", __LINE__);
	check_trouble(NULL, __LINE__);
	clock_fake_advance(45 * MINUTE_MS);
	TALK(&look_rig.talk, DOWN, DOWN);
	check_keys("A", __LINE__);
	settle();
	ck_assert_uint_eq(told, 1);
	check_trouble("the keys in use last another 15 min: no credentials: container "
		      "credentials: HTTP status 500",
		__LINE__);
	clock_fake_advance(4 * MINUTE_MS);
	check_keys("A", __LINE__);
	settle(); /* not asked yet */
	clock_fake_advance(6 * MINUTE_MS);
	TALK(&look_rig.talk, DOWN, DOWN);
	check_keys("A", __LINE__);
	settle();
	check_trouble("last another 5 min", __LINE__);
	clock_fake_advance(10 * MINUTE_MS);
	TALK(&look_rig.talk, DOWN, DOWN);
	check_keys("A", __LINE__); /* it is for EC2 to refuse them */
	settle();
	check_trouble("have expired 5 min ago", __LINE__);
	ck_assert_uint_eq(told, 1);

	clock_fake_advance(10 * MINUTE_MS);
	TALK(&look_rig.talk, KEYS("B", "2026-01-31T11:00:00Z"));
	check_keys("B", __LINE__);
	settle();
	check_trouble(NULL, __LINE__);
	ck_assert_uint_eq(told, 2);
}
END_TEST

/* EC2 has refused them: whoever asks makes us look, a second later again. */
START_TEST(test_refused_while_the_source_is_down)
{
	TALK(&look_rig.talk, KEYS("A", "2026-01-31T10:00:00Z"));
	check_keys("A", __LINE__);
	ck_assert(!ec2_creds_invalidate(creds, ec2_creds_serial(creds)));
	clock_fake_advance(1000);
	ck_assert(ec2_creds_invalidate(creds, ec2_creds_serial(creds)));
	TALK(&look_rig.talk, DOWN, DOWN);
	check_keys("A", __LINE__);
	settle();
	ck_assert(!ec2_creds_invalidate(creds, ec2_creds_serial(creds)));
	check_keys("A", __LINE__);
	settle();
	clock_fake_advance(1000);
	ck_assert(ec2_creds_invalidate(creds, ec2_creds_serial(creds)));
	TALK(&look_rig.talk, KEYS("B", "2026-01-31T10:00:00Z"));
	check_keys("B", __LINE__);
	settle();
	ck_assert_uint_eq(told, 2);
}
END_TEST

/* Expired keys from the source: better ones are kept, otherwise they are tried. */
START_TEST(test_expired_keys_from_the_source)
{
	TALK(&look_rig.talk, KEYS("A", "2026-01-31T10:00:00Z"));
	check_keys("A", __LINE__);
	clock_fake_advance(51 * MINUTE_MS);
	TALK(&look_rig.talk, KEYS("OLD", "2026-01-31T09:30:00Z"));
	check_keys("A", __LINE__);
	settle();
	check_trouble("last another 9 min: the source hands out expired keys",
		__LINE__);
	clock_fake_advance(1000);
	ck_assert(ec2_creds_invalidate(creds, ec2_creds_serial(creds)));
	TALK(&look_rig.talk, KEYS("OLD", "2026-01-31T09:30:00Z"));
	check_keys("OLD", __LINE__); /* ours have been refused: let EC2 judge these */
	settle();
	check_keys("OLD", __LINE__);
	settle(); /* and no more questions for now */
	check_trouble("have expired 21 min", __LINE__);
}
END_TEST

START_TEST(test_expired_keys_from_the_start)
{
	TALK(&look_rig.talk, KEYS("OLD", "2026-01-31T08:00:00Z"));
	check_keys("OLD", __LINE__);
	settle();
	check_keys("OLD", __LINE__);
	clock_fake_advance(4 * MINUTE_MS);
	check_keys("OLD", __LINE__);
	settle();
	ck_assert_uint_eq(told, 1);
	clock_fake_advance(6 * MINUTE_MS);
	TALK(&look_rig.talk, KEYS("A", "2026-01-31T10:00:00Z"));
	check_keys("OLD", __LINE__); /* they may be good: nobody waits */
	settle();
	check_keys("A", __LINE__);
	ck_assert_uint_eq(told, 2);
}
END_TEST

/* Ten who ask at once make one question, and an answer to one may cancel another. */
START_TEST(test_one_look_for_all)
{
	struct seen seen[10] = {{0}};
	struct ec2_creds_call *last = NULL;

	TALK(&look_rig.talk, KEYS("A", "2026-01-31T10:00:00Z"));
	for (size_t i = 0; i < COUNT_OF(seen); i++)
		last = ec2_creds_get(creds, on_keys, &seen[i]);
	while (look_rig.talk.next == 0)
		loop_turn(look_rig.loop, false);
	ec2_creds_cancel(last);
	settle();
	for (size_t i = 0; i < COUNT_OF(seen); i++)
		ck_assert_uint_eq(seen[i].count, i + 1 < COUNT_OF(seen));
}
END_TEST

/* No keys at all: everybody is told why, and a second later somebody may make us look. */
START_TEST(test_no_keys)
{
	struct seen s = {0};

	TALK(&look_rig.talk, DOWN, DOWN);
	(void)ec2_creds_get(creds, on_keys, &s);
	settle();
	ck_assert_str_eq(s.id, "none");
	ck_assert_int_eq(s.code, ERR_NETWORK);
	ck_assert_ptr_nonnull(strstr(s.text, "container credentials: HTTP status 500"));
	check_keys("none", __LINE__);
	settle();
	check_trouble(NULL, __LINE__);
	ck_assert_uint_eq(told, 0);
	clock_fake_advance(1000);
	TALK(&look_rig.talk, KEYS("A", "2026-01-31T10:00:00Z"));
	check_keys("A", __LINE__);
	settle();
}
END_TEST

/* The wall clock is set right: what counts is what it says now. */
START_TEST(test_wall_clock_jumps)
{
	TALK(&look_rig.talk, KEYS("A", "2026-01-31T10:00:00Z"));
	check_keys("A", __LINE__);
	clock_fake_wall_jump(2 * HOUR_MS);
	TALK(&look_rig.talk, KEYS("B", "2026-01-31T12:00:00Z"));
	check_keys("B", __LINE__);
	settle();
	clock_fake_wall_jump(-2 * HOUR_MS);
	check_keys("B", __LINE__);
	settle();
}
END_TEST

START_TEST(test_unref_in_flight)
{
	static const struct talk_row row = {ASK, NULL, NULL, .way = TALK_HOLD};
	struct seen s = {0};

	talk_script(&look_rig.talk, &row, 1);
	(void)ec2_creds_get(creds, on_keys, &s);
	while (look_rig.talk.held == NULL)
		loop_turn(look_rig.loop, false);
	ec2_creds_unref(creds);
	creds = NULL;
	look_linger();
	ck_assert_uint_eq(s.count, 0);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("renew");
	TCase *tc = tcase_create("renew");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_renewed_before_their_end);
	tcase_add_test(tc, test_waited_for_at_last);
	tcase_add_test(tc, test_keys_without_an_end_are_kept);
	tcase_add_test(tc, test_short_lives);
	tcase_add_test(tc, test_source_is_down);
	tcase_add_test(tc, test_refused_while_the_source_is_down);
	tcase_add_test(tc, test_expired_keys_from_the_source);
	tcase_add_test(tc, test_expired_keys_from_the_start);
	tcase_add_test(tc, test_one_look_for_all);
	tcase_add_test(tc, test_no_keys);
	tcase_add_test(tc, test_wall_clock_jumps);
	tcase_add_test(tc, test_unref_in_flight);
	suite_add_tcase(suite, tc);
	return suite;
}
