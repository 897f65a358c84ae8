/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks for an image, and what EC2 is asked for that: once for all of the same owners,
 * not again within a minute, never where an id is given; and that nobody is told twice,
 * early, or after a cancel.
 */
#include "images_rig.h"
#include "unit.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ec2/query.h"
#include "ec2/verdict.h"

#include <string.h>

START_TEST(test_given)
{
	char ami[] = "ami-77";
	const struct conf_worker w = {.ami = ami};
	struct images_told t = {.calls = 0};
	struct images_rig r;

	images_rig_init(&r);
	(void)images_ask(&r, &w, &t);
	images_turns(&r);
	ck_assert_int_eq(t.calls, 1);
	ck_assert_str_eq(t.id, "ami-77");
	ck_assert_str_eq(t.text, "-");
	ck_assert_int_eq(t.verdict, VERDICT_DONE);
	ck_assert_uint_eq(r.count, 0);
	images_cancel(images_ask(&r, &w, &t));
	(void)images_ask(&r, &w, &t); /* left to images_free */
	images_rig_fini(&r);
	ck_assert_int_eq(t.calls, 1);
}
END_TEST

START_TEST(test_chosen)
{
	struct conf_worker w;
	struct images_told t = {.calls = 0};
	struct images_rig r;

	images_rig_init(&r);
	images_worker_init(&w, OWNER, "o/ci-(\\d+)");
	(void)images_ask(&r, &w, &t);
	images_turns(&r);
	ck_assert_int_eq(t.calls, 0);
	ck_assert_uint_eq(r.count, 1);
	ck_assert_str_eq(r.asked[0].owners, OWNER " ");
	ck_assert_uint_eq(r.east.questions, 1);
	images_answer(&r.asked[0], "o/ci-9 o/ci-10 x/y");
	ck_assert_uint_eq(r.east.questions, 0);
	images_turns(&r);
	ck_assert_int_eq(t.calls, 1);
	ck_assert_str_eq(t.id, "ami-2");
	ck_assert_str_eq(t.text,
		"image ami-2 (o/ci-10): the last of 2 by number (level 0), of 3 looked at");
	images_worker_fini(&w);
	images_rig_fini(&r);
}
END_TEST

/* A2: a burst of starts is one question; who comes within a minute asks none. */
START_TEST(test_shared)
{
	struct conf_worker number, text, anyone, other;
	struct images_told t[6] = {{.calls = 0}};
	struct images_rig r;

	images_rig_init(&r);
	images_worker_init(&number, OWNER, "o/ci-(\\d+)");
	images_worker_init(&text, OWNER, "o/([^/]*)$");
	images_worker_init(&anyone, OWNER, NULL);
	images_worker_init(&other, "000000000013", NULL);
	(void)images_ask(&r, &number, &t[0]);
	(void)images_ask(&r, &number, &t[1]);
	(void)images_ask(&r, &text, &t[2]);
	(void)images_ask(&r, &anyone, &t[3]);
	(void)images_ask(&r, &other, &t[4]);
	(void)images_choose(r.images, &r.west, &number, images_on_told, &t[5]);
	ck_assert_uint_eq(r.count, 3);
	images_answer(&r.asked[0], "o/ci-9 o/ci-10 z");
	images_answer(&r.asked[1], "o/other");
	images_answer(&r.asked[2], "o/ci-1");
	images_turns(&r);
	ck_assert_str_eq(t[0].id, "ami-2");
	ck_assert_str_eq(t[1].id, "ami-2");
	ck_assert_str_eq(t[2].id, "ami-1");
	ck_assert_str_eq(t[3].id, "ami-3");
	ck_assert_str_eq(t[4].id, "ami-1");
	ck_assert_str_eq(t[5].id, "ami-1");
	clock_fake_advance(IMAGES_KEPT_MS - 1);
	(void)images_ask(&r, &text, &t[0]);
	images_turns(&r);
	ck_assert_str_eq(t[0].id, "ami-1");
	ck_assert_uint_eq(r.count, 3);
	ck_assert_uint_eq(images_listings(r.images), 3);
	/* Then a newer image is seen, and what is old is gone. */
	clock_fake_advance(1);
	images_turns(&r);
	ck_assert_uint_eq(images_listings(r.images), 0);
	(void)images_ask(&r, &number, &t[0]);
	ck_assert_uint_eq(r.count, 4);
	images_answer(&r.asked[3], "o/ci-9 o/ci-10 o/ci-11");
	images_turns(&r);
	ck_assert_str_eq(t[0].id, "ami-3");
	images_worker_fini(&number);
	images_worker_fini(&text);
	images_worker_fini(&anyone);
	images_worker_fini(&other);
	images_rig_fini(&r);
}
END_TEST

static const struct {
	int line;
	enum verdict verdict;
	enum err_reason reason;
} failures[] = {
	{__LINE__, VERDICT_LATER, REASON_THROTTLED},
	{__LINE__, VERDICT_REPEAT, REASON_NETWORK},
	{__LINE__, VERDICT_REFUSED, REASON_AUTH},
	{__LINE__, VERDICT_REFUSED, REASON_CONFIG},
};

/* All who wait are told what EC2 said; who comes again asks anew. */
START_TEST(test_failed)
{
	struct conf_worker w;
	struct images_told a = {.calls = 0}, b = {.calls = 0};
	struct images_rig r;

	images_rig_init(&r);
	images_worker_init(&w, OWNER, NULL);
	(void)images_ask(&r, &w, &a);
	(void)images_ask(&r, &w, &b);
	images_refuse(&r.asked[0], failures[_i].verdict, failures[_i].reason);
	(void)images_ask(&r, &w, &b);
	ck_assert_uint_eq(r.count, 2);
	images_turns(&r);
	ck_assert_msg(a.calls == 1 && b.calls == 1 && strcmp(a.id, "-") == 0, "line %d",
		failures[_i].line);
	ck_assert_int_eq(a.verdict, failures[_i].verdict);
	ck_assert_int_eq(a.err.reason, failures[_i].reason);
	ck_assert_str_eq(a.err.text, "DescribeImages: no");
	images_answer(&r.asked[1], "o/x");
	images_turns(&r);
	ck_assert_str_eq(b.id, "ami-1");
	ck_assert_uint_eq(images_listings(r.images), 1);
	images_worker_fini(&w);
	images_rig_fini(&r);
}
END_TEST

/* V14, and a pattern that reaches its limit: reason config, and the listing stays good. */
START_TEST(test_none)
{
	struct conf_worker none, slow, good;
	struct images_told t = {.calls = 0};
	struct images_rig r;

	images_rig_init(&r);
	images_worker_init(&none, OWNER, "nothing");
	images_worker_init(&slow, OWNER, "(a|aa)+$");
	images_worker_init(&good, OWNER, "a");
	(void)images_ask(&r, &none, &t);
	images_answer(&r.asked[0],
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
	images_turns(&r);
	ck_assert_str_eq(t.err.text,
		"no image fits: 1 looked at (1 not matched by valid_ami_location_regex) of the "
		"owner " OWNER);
	ck_assert_int_eq(t.err.reason, REASON_CONFIG);
	ck_assert_int_eq(t.verdict, VERDICT_DONE);
	(void)images_ask(&r, &slow, &t);
	images_turns(&r);
	ck_assert_ptr_nonnull(strstr(t.err.text, "match limit exceeded"));
	ck_assert_int_eq(t.err.reason, REASON_CONFIG);
	(void)images_ask(&r, &good, &t);
	images_turns(&r);
	ck_assert_str_eq(t.id, "ami-1");
	ck_assert_int_eq(t.calls, 3);
	ck_assert_uint_eq(r.count, 1);
	images_worker_fini(&none);
	images_worker_fini(&slow);
	images_worker_fini(&good);
	images_rig_fini(&r);
}
END_TEST

/* The question is withdrawn with the last one who waits for it, at any time. */
START_TEST(test_cancel)
{
	struct conf_worker w, x;
	struct images_told t = {.calls = 0};
	struct images_call *a, *b;
	struct images_rig r;

	images_rig_init(&r);
	images_worker_init(&w, OWNER, NULL);
	images_worker_init(&x, OWNER, "x");
	a = images_ask(&r, &w, &t);
	b = images_ask(&r, &x, &t);
	images_cancel(a);
	ck_assert_uint_eq(r.cancelled, 0);
	images_cancel(b);
	ck_assert_uint_eq(r.cancelled, 1);
	ck_assert_uint_eq(images_listings(r.images), 0);
	/* Answered, and not told yet. */
	a = images_ask(&r, &w, &t);
	images_answer(&r.asked[1], "o/x");
	images_cancel(a);
	images_turns(&r);
	a = images_ask(&r, &w, &t);
	images_cancel(a);
	images_turns(&r);
	ck_assert_int_eq(t.calls, 0);
	ck_assert_uint_eq(r.count, 2);
	images_cancel(NULL);
	/* With the whole. */
	(void)images_ask(&r, &x, &t);
	clock_fake_advance(IMAGES_KEPT_MS);
	(void)images_ask(&r, &x, &t);
	images_worker_fini(&w);
	images_worker_fini(&x);
	images_rig_fini(&r);
	ck_assert_int_eq(t.calls, 0);
	ck_assert_uint_eq(r.cancelled, 2);
}
END_TEST

/* Who is told may ask again, and cancel another who is about to be told. */
START_TEST(test_from_inside)
{
	struct conf_worker w;
	struct images_told a = {.calls = 0}, b = {.calls = 0};
	struct images_rig r;

	images_rig_init(&r);
	images_worker_init(&w, OWNER, NULL);
	a.again = &r;
	a.worker = &w;
	(void)images_ask(&r, &w, &a);
	a.cancels = images_ask(&r, &w, &b);
	images_answer(&r.asked[0], "o/x");
	images_turns(&r);
	ck_assert_int_eq(a.calls, 2);
	ck_assert_int_eq(b.calls, 0);
	ck_assert_uint_eq(r.count, 1);
	/* The same after a failure: it is a new question. */
	clock_fake_advance(IMAGES_KEPT_MS);
	images_turns(&r);
	a.again = &r;
	(void)images_ask(&r, &w, &a);
	images_refuse(&r.asked[1], VERDICT_REPEAT, REASON_NETWORK);
	images_turns(&r);
	ck_assert_int_eq(a.calls, 3);
	ck_assert_uint_eq(r.count, 3);
	images_worker_fini(&w);
	images_rig_fini(&r);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("images");
	TCase *tc = tcase_create("images");

	tcase_add_test(tc, test_given);
	tcase_add_test(tc, test_chosen);
	tcase_add_test(tc, test_shared);
	tcase_add_loop_test(tc, test_failed, 0, (int)COUNT_OF(failures));
	tcase_add_test(tc, test_none);
	tcase_add_test(tc, test_cancel);
	tcase_add_test(tc, test_from_inside);
	suite_add_tcase(suite, tc);
	return suite;
}
