/* SPDX-License-Identifier: Apache-2.0 */
/* Questions before a launch: asked once for all, kept for a while, cancelled at any time. */
#include "core/lookup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/cloud.h"
#include "ec2/verdict.h"
#include "fake_cloud.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define MINUTE INT64_C(60000)

struct rig {
	struct rng rng;
	struct fake_cloud *fake;
	struct loop *loop;
	struct cloud *cloud;
	struct lookups *all;
};

struct told {
	int calls;
	bool failed;
	enum err_reason reason;
	int verdict;
	char zone[32], image[32], text[512];
	struct bid_mean mean;
};

static void
rig_init(struct rig *r)
{
	struct err err;

	clock_fake(INT64_C(1000000), INT64_C(1790000000000));
	rng_seed(&r->rng, 3);
	r->fake = NEW(struct fake_cloud);
	fake_cloud_init(r->fake, &r->rng);
	r->loop = loop_new(&err);
	fake_cloud_attach(r->fake, r->loop);
	r->cloud = r->fake->maker.make(r->fake->maker.self, NULL, NULL, NULL);
	r->all = lookups_new(r->loop);
	fake_add_subnet(r->fake, "subnet-1", "us-east-1a");
	fake_add_subnet(r->fake, "subnet-2", "us-east-1b");
	fake_add_volume(r->fake, "vol-1", "us-east-1b");
}

static void
rig_fini(struct rig *r)
{
	lookups_free(r->all);
	ck_assert_uint_eq(r->cloud->questions, 0);
	cloud_free(r->cloud);
	loop_free(r->loop);
	fake_cloud_fini(r->fake);
	free(r->fake);
	clock_real();
}

static void
run(struct rig *r, int64_t ms)
{
	int64_t until = clock_ms() + ms;

	while (clock_ms() < until) {
		clock_fake_advance(100);
		loop_turn(r->loop, false);
	}
}

static void
on_told(void *arg, const struct lookup_answer *a)
{
	struct told *t = arg;

	t->calls++;
	t->failed = a->err != NULL;
	t->reason = a->err == NULL ? REASON_NONE : a->err->reason;
	t->verdict = a->verdict;
	(void)snprintf(t->zone, sizeof(t->zone), "%s", a->zone == NULL ? "" : a->zone);
	(void)snprintf(t->image, sizeof(t->image), "%s",
		a->image == NULL ? "" : a->image);
	(void)snprintf(t->text, sizeof(t->text), "%s",
		a->err == NULL ? "" : a->err->text);
	t->mean = a->mean;
}

START_TEST(test_one_question_for_all)
{
	struct rig r;
	struct told t[20] = {{0}};

	rig_init(&r);
	for (int n = 0; n < 10; n++) {
		(void)lookup_subnet(r.all, r.cloud, "subnet-1", on_told, &t[n]);
		(void)lookup_subnet(r.all, r.cloud, "subnet-2", on_told, &t[n + 10]);
	}
	ck_assert_uint_eq(r.cloud->questions, 2);
	ck_assert_int_eq(t[0].calls, 0);
	run(&r, 3000);
	for (int n = 0; n < 20; n++) {
		ck_assert_int_eq(t[n].calls, 1);
		ck_assert_str_eq(t[n].zone, n < 10 ? "us-east-1a" : "us-east-1b");
	}
	ck_assert_uint_eq(r.fake->subnet_lists, 2);
	ck_assert_uint_eq(r.cloud->questions, 0);
	rig_fini(&r);
}
END_TEST

START_TEST(test_volume)
{
	struct rig r;
	struct told t[2] = {{0}};

	rig_init(&r);
	(void)lookup_volume(r.all, r.cloud, "vol-1", on_told, &t[0]);
	(void)lookup_volume(r.all, r.cloud, "vol-9", on_told, &t[1]);
	run(&r, 3000);
	ck_assert_str_eq(t[0].zone, "us-east-1b");
	ck_assert(t[1].failed && t[1].verdict == VERDICT_REFUSED);
	(void)lookup_volume(r.all, r.cloud, "vol-1", on_told, &t[0]);
	run(&r, 3000);
	ck_assert_int_eq(t[0].calls, 2);
	ck_assert_uint_eq(r.fake->volume_lists, 2);
	rig_fini(&r);
}
END_TEST

/* A kept answer comes later too, in the same turn. */
START_TEST(test_kept)
{
	struct rig r;
	struct told t = {0};
	const struct lookup_price what = {"m5.large", "us-east-1a", "Linux/UNIX"};

	rig_init(&r);
	fake_add_price(r.fake, "m5.large", "us-east-1a", "0.0500");
	(void)lookup_price(r.all, r.cloud, &what, on_told, &t);
	run(&r, 3000);
	fake_add_price(r.fake, "m5.large", "us-east-1a", "0.0700");
	(void)lookup_price(r.all, r.cloud, &what, on_told, &t);
	ck_assert_int_eq(t.calls, 1);
	loop_turn(r.loop, false);
	ck_assert_int_eq(t.calls, 2);
	ck_assert(t.mean.rows == 1 && t.mean.price > 0.0499 && t.mean.price < 0.0501);
	run(&r, 10 * MINUTE);
	(void)lookup_price(r.all, r.cloud, &what, on_told, &t);
	run(&r, 3000);
	ck_assert_int_eq(t.calls, 3);
	ck_assert(t.mean.rows == 2 && t.mean.price > 0.0599 && t.mean.price < 0.0601);
	ck_assert_uint_eq(r.fake->price_lists, 2);
	lookups_forget(r.all);
	(void)lookup_price(r.all, r.cloud, &what, on_told, &t);
	run(&r, 3000);
	ck_assert_uint_eq(r.fake->price_lists, 3);
	rig_fini(&r);
}
END_TEST

/* Another type, zone, product is another question; without a zone all count. */
START_TEST(test_prices_apart)
{
	static const struct {
		struct lookup_price what;
		size_t rows;
		unsigned asked;
	} cases[] = {
		{{"m5.large", "us-east-1a", "Linux/UNIX"}, 1, 1},
		{{"m5.large", "us-east-1b", "Linux/UNIX"}, 2, 2},
		{{"m5.large", NULL, "Linux/UNIX"}, 3, 3},
		{{"m5.large", NULL, "Windows"}, 3, 4},
		{{"c5.large", NULL, "Linux/UNIX"}, 0, 5},
		{{"m5.large", NULL, "Windows"}, 3, 5},
	};
	struct rig r;
	struct told t = {0};

	rig_init(&r);
	fake_add_price(r.fake, "m5.large", "us-east-1a", "0.05");
	fake_add_price(r.fake, "m5.large", "us-east-1b", "0.06");
	fake_add_price(r.fake, "m5.large", "us-east-1b", "0.07");
	for (size_t n = 0; n < COUNT_OF(cases); n++) {
		(void)lookup_price(r.all, r.cloud, &cases[n].what, on_told, &t);
		run(&r, 3000);
		ck_assert_int_eq(t.calls, (int)n + 1);
		ck_assert(!t.failed);
		ck_assert_uint_eq(t.mean.rows, cases[n].rows);
		ck_assert_uint_eq(r.fake->price_lists, cases[n].asked);
	}
	rig_fini(&r);
}
END_TEST

/* What failed is told to all who wait, and asked again by the next. */
START_TEST(test_failures_are_not_kept)
{
	struct rig r;
	struct told t[3] = {{0}};

	rig_init(&r);
	r.fake->faults.fail_read = 1000;
	(void)lookup_subnet(r.all, r.cloud, "subnet-1", on_told, &t[0]);
	(void)lookup_subnet(r.all, r.cloud, "subnet-1", on_told, &t[1]);
	run(&r, 3000);
	ck_assert(t[0].calls == 1 && t[0].failed && t[0].verdict == VERDICT_REPEAT);
	ck_assert(t[1].calls == 1 && t[1].failed);
	r.fake->faults.fail_read = 0;
	(void)lookup_subnet(r.all, r.cloud, "subnet-1", on_told, &t[2]);
	run(&r, 3000);
	ck_assert(t[2].calls == 1 && !t[2].failed);
	ck_assert_uint_eq(r.fake->subnet_lists, 2);
	(void)lookup_subnet(r.all, r.cloud, "subnet-9", on_told, &t[2]);
	run(&r, 3000);
	ck_assert(t[2].failed && t[2].verdict == VERDICT_REFUSED);
	ck_assert_int_eq(t[2].reason, REASON_CONFIG);
	rig_fini(&r);
}
END_TEST

/* Kept for a minute, forgotten on demand; what is no image is nobody's. */
START_TEST(test_parameter)
{
	struct rig r;
	struct told t = {0}, u = {0};

	rig_init(&r);
	r.fake->parameter = "ami-12345678";
	(void)lookup_parameter(r.all, r.cloud, "/p", on_told, &t);
	(void)lookup_parameter(r.all, r.cloud, "/p", on_told, &u);
	lookup_forget_parameter(r.all, r.cloud, "/p"); /* under way: new enough */
	run(&r, 3000);
	ck_assert(t.calls == 1 && u.calls == 1 && !t.failed);
	ck_assert_str_eq(u.image, "ami-12345678");
	(void)lookup_parameter(r.all, r.cloud, "/p", on_told, &t);
	run(&r, 3000);
	ck_assert_uint_eq(r.fake->parameters_read, 1);
	lookup_forget_parameter(r.all, r.cloud, "/q");
	(void)lookup_parameter(r.all, r.cloud, "/p", on_told, &t);
	run(&r, 3000);
	ck_assert_uint_eq(r.fake->parameters_read, 1);
	lookup_forget_parameter(r.all, r.cloud, "/p");
	(void)lookup_parameter(r.all, r.cloud, "/p", on_told, &t);
	run(&r, MINUTE + 3000);
	(void)lookup_parameter(r.all, r.cloud, "/p", on_told, &t);
	run(&r, 3000);
	ck_assert_uint_eq(r.fake->parameters_read, 3);
	ck_assert_int_eq(t.calls, 5);
	r.fake->parameter = "my-image";
	(void)lookup_parameter(r.all, r.cloud, "/q", on_told, &t);
	run(&r, 3000);
	ck_assert(t.failed && t.verdict == VERDICT_DONE && t.reason == REASON_CONFIG);
	ck_assert_str_eq(t.text, "the parameter /q holds no image's id");
	r.fake->parameter = NULL;
	(void)lookup_parameter(r.all, r.cloud, "/q", on_told, &t);
	run(&r, 3000);
	ck_assert(
		t.failed && t.verdict == VERDICT_REFUSED && t.reason == REASON_CONFIG);
	rig_fini(&r);
}
END_TEST

START_TEST(test_cancelled)
{
	struct rig r;
	struct told t[2] = {{0}};
	struct lookup_call *first;

	rig_init(&r);
	first = lookup_subnet(r.all, r.cloud, "subnet-1", on_told, &t[0]);
	(void)lookup_subnet(r.all, r.cloud, "subnet-1", on_told, &t[1]);
	lookup_cancel(first);
	lookup_cancel(NULL);
	run(&r, 3000);
	ck_assert_int_eq(t[0].calls, 0);
	ck_assert_int_eq(t[1].calls, 1);
	first = lookup_subnet(r.all, r.cloud, "subnet-1", on_told, &t[0]);
	lookup_cancel(first); /* answered already, not told yet */
	run(&r, 3000);
	ck_assert_int_eq(t[0].calls, 0);
	(void)lookup_subnet(r.all, r.cloud, "subnet-2", on_told, &t[0]);
	rig_fini(&r); /* under way */
	ck_assert_int_eq(t[0].calls, 0);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("lookup");
	TCase *t = tcase_create("questions");

	tcase_add_test(t, test_one_question_for_all);
	tcase_add_test(t, test_volume);
	tcase_add_test(t, test_kept);
	tcase_add_test(t, test_prices_apart);
	tcase_add_test(t, test_failures_are_not_kept);
	tcase_add_test(t, test_parameter);
	tcase_add_test(t, test_cancelled);
	suite_add_tcase(s, t);
	return s;
}
