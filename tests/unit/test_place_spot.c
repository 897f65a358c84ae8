/* SPDX-License-Identifier: Apache-2.0 */
/* Spot: bids, raises, fallback; subnets and their zones. */
#include "core/place.h"
#include "base/clock.h"
#include "base/mem.h"
#include "core/event.h"
#include "core/launch.h"
#include "core/pause.h"
#include "core/pool.h"
#include "core/rest.h"
#include "core/waiter.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "place_util.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define SPOT                                                                           \
	"  a: { password: x, missing_timeout: 10m, placement: a, spot_instance: true"
/* The example of H5. */
#define EXAMPLE                                                                        \
	SPOT ", price_multiplier: 1.15, retry_price_adjustment: 1.1, retry: 3,"        \
	     " max_spot_price: 0.08"

static void
add_prices(struct world *v)
{
	fake_add_price(&v->cloud, "m5.large", "us-east-1a", "0.0500");
	fake_add_price(&v->cloud, "m5.large", "us-east-1a", "0.0700");
	fake_add_price(&v->cloud, "m5.large", "us-east-1b", "0.9000");
	fake_add_price(&v->cloud, "c5.large", "us-east-1a", "0.0400");
}

START_TEST(test_bid)
{
	struct world v;
	struct worker *w;

	world_init(&v, SPOT " }\n");
	add_prices(&v);
	world_up(&v, "a");
	w = world_worker(&v, "a");
	ck_assert_str_eq(worker_phase_name(w), "placing");
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large spot 0.072");
	ck_assert_str_eq(w->launch->market, "spot");
	ck_assert_str_eq(w->launch->bid, "0.072");
	ck_assert_str_eq(w->launch->zone, "us-east-1a");
	ck_assert_str_eq(latest(w, EVENT_PHASE, "reserved")->reason,
		"m5.large in us-east-1a, spot at 0.072 (the mean of a day is 0.06)");
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	world_fini(&v);
}
END_TEST

/* P3: the history of the worker says that the price is a guess. */
START_TEST(test_guess)
{
	struct world v;

	world_init(&v, SPOT " }\n");
	world_up(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large spot 0.02");
	ck_assert_ptr_nonnull(
		strstr(latest(world_worker(&v, "a"), EVENT_PHASE, "reserved")->reason,
			"a guess: there is no price history"));
	world_fini(&v);
}
END_TEST

/* P1: without a multiplier the history is not asked. */
START_TEST(test_maximum_is_bid)
{
	struct world v;

	world_init(&v, SPOT ", price_multiplier: ~, max_spot_price: 0.5 }\n");
	world_up(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large spot 0.5");
	ck_assert_uint_eq(v.cloud.price_lists, 0);
	world_fini(&v);
}
END_TEST

/* H5: three requests, each with its own token, in one generation, with pauses between. */
START_TEST(test_raises)
{
	struct world v;
	struct world_told t = {0};
	struct worker *w;
	int64_t began;

	world_init(&v, EXAMPLE " }\n");
	add_prices(&v);
	refuse(&v, 0, (struct fake_refusal){TOO_LOW, .times = 3});
	w = world_worker(&v, "a");
	world_up(&v, "a");
	(void)worker_wait(w, WAIT_RUNNING, 0, world_on_told, &t);
	began = clock_ms();
	while (t.calls == 0 && clock_ms() < began + 5 * MINUTE)
		world_run(&v, 100);
	ck_assert_str_eq(asked(&v),
		"m5.large spot 0.069; m5.large spot 0.0759; m5.large spot 0.08");
	ck_assert_int_ge(clock_ms() - began, 1000); /* two pauses of at least 500 ms */
	ck_assert_int_lt(clock_ms() - began, 15000);
	check_tokens(&v);
	ck_assert_int_eq(w->generation, 1);
	ck_assert_int_eq(t.err.code, ERR_FAILED);
	ck_assert_int_eq(t.err.reason, REASON_PRICE);
	ck_assert_str_eq(t.err.origin, TOO_LOW);
	ck_assert_ptr_nonnull(strstr(t.err.text, "3 spot requests, the last bid 0.08"));
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	/* the next start begins at the first bid again */
	world_up(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large spot 0.069");
	world_fini(&v);
}
END_TEST

/* A reload that changes nothing changes nothing: the bids go on. */
START_TEST(test_reload_between_bids)
{
	struct world v;
	const struct worker *w;

	world_init(&v, EXAMPLE " }\n");
	add_prices(&v);
	refuse(&v, 0, (struct fake_refusal){TOO_LOW, .times = 2});
	world_up(&v, "a");
	w = world_worker(&v, "a");
	for (int n = 0; n < 2; n++) {
		while (w->phase != WORKER_LAUNCHED)
			world_run(&v, 10);
		while (w->phase != WORKER_PLACING)
			world_run(&v, 10);
		world_reload(&v, EXAMPLE " }\n");
	}
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v),
		"m5.large spot 0.069; m5.large spot 0.0759; m5.large spot 0.08");
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	world_fini(&v);
}
END_TEST

/* Taken out of the file while EC2 is asked: the wish ends, and what is asked is left. */
START_TEST(test_removed_while_asking)
{
	struct world v;
	struct worker *w;

	world_init(&v, SPOT " }\n  b: { password: y }\n");
	add_prices(&v);
	world_up(&v, "a");
	w = world_worker(&v, "a");
	ck_assert(place_is_asking(w->place));
	world_reload(&v, "  b: { password: y }\n");
	world_run(&v, 10);
	ck_assert_int_eq(w->phase, WORKER_IDLE);
	ck_assert_ptr_null(w->place);
	ck_assert_int_eq(w->last_error.code, ERR_FAILED);
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "");
	world_fini(&v);
}
END_TEST

START_TEST(test_raised_is_enough)
{
	struct world v;

	world_init(&v, EXAMPLE " }\n");
	add_prices(&v);
	refuse(&v, 0, (struct fake_refusal){TOO_LOW, .times = 1});
	world_up(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large spot 0.069; m5.large spot 0.0759");
	ck_assert_str_eq(worker_phase_name(world_worker(&v, "a")), "waiting");
	ck_assert_ptr_nonnull(
		strstr(latest(world_worker(&v, "a"), EVENT_PHASE, "reserved")->reason,
			"spot at 0.0759, request 2 of 3"));
	world_fini(&v);
}
END_TEST

/* Only a price that is too low leads to another request of the same. */
START_TEST(test_capacity_is_not_raised)
{
	struct world v;

	world_init(&v, EXAMPLE ", instance_type: [m5.large, c5.large] }\n");
	add_prices(&v);
	refuse(&v, 0, (struct fake_refusal){NO_CAPACITY, "m5.large", .times = 99});
	world_up(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large spot 0.069; c5.large spot 0.046");
	world_fini(&v);
}
END_TEST

/* Each candidate has its own bids; then, if that is wished, on demand in the same order. */
START_TEST(test_fallback)
{
	struct world v;
	struct worker *w;

	world_init(&v,
		EXAMPLE
		", instance_type: [m5.large, c5.large], on_demand_fallback: true }\n");
	add_prices(&v);
	refuse(&v, 0, (struct fake_refusal){TOO_LOW, "m5.large", .times = 99});
	refuse(&v, 1,
		(struct fake_refusal){NO_CAPACITY, "c5.large", .market = "spot",
			.times = 99});
	refuse(&v, 2,
		(struct fake_refusal){NO_CAPACITY, "m5.large", .market = "on-demand",
			.times = 99});
	v.cloud.runs_asked.refusals[0].market = "spot";
	world_up(&v, "a");
	world_run(&v, MINUTE);
	w = world_worker(&v, "a");
	ck_assert_str_eq(asked(&v),
		"m5.large spot 0.069; m5.large spot 0.0759; m5.large spot 0.08; "
		"c5.large spot 0.046; m5.large; c5.large");
	check_tokens(&v);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	ck_assert_ptr_null(w->launch->market);
	ck_assert_ptr_null(w->launch->bid);
	world_fini(&v);
}
END_TEST

/* Forty that start at once ask for the history once. */
START_TEST(test_history_is_asked_once)
{
	struct world v;
	char name[16];

	world_init(&v,
		"  a-[01-40]: { password: x, placement: a, spot_instance: true }\n");
	add_prices(&v);
	for (int n = 1; n <= 40; n++) {
		(void)snprintf(name, sizeof(name), "a-%02d", n);
		world_up(&v, name);
	}
	world_run(&v, MINUTE);
	ck_assert(fake_cloud_living(&v.cloud) == 40);
	ck_assert_uint_eq(v.cloud.price_lists, 1);
	world_fini(&v);
}
END_TEST

/* A question that fails for the moment is shown, and asked again with back-off. */
START_TEST(test_trouble)
{
	struct world v;
	struct world_told t = {0};
	struct worker *w;

	world_init(&v, SPOT " }\n");
	add_prices(&v);
	v.cloud.faults.fail_read = 1000;
	w = world_worker(&v, "a");
	world_up(&v, "a");
	(void)worker_wait(w, WAIT_RUNNING, 0, world_on_told, &t);
	world_run(&v, MINUTE);
	ck_assert_str_eq(worker_phase_name(w), "placing");
	ck_assert_int_eq(w->last_error.reason, REASON_NETWORK);
	ck_assert(v.cloud.price_lists > 3 && v.cloud.price_lists < 30);
	world_run(&v, 10 * MINUTE);
	ck_assert_int_eq(t.calls, 1);
	ck_assert_int_eq(t.err.code, ERR_FAILED);
	ck_assert_int_eq(t.err.reason, REASON_NETWORK);
	v.cloud.faults.fail_read = 0;
	world_up(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large spot 0.072");
	world_fini(&v);
}
END_TEST

/* Cancelled, restarted, reloaded or paused while EC2 is asked: nothing is left of it. */
START_TEST(test_while_asking)
{
	struct world v;
	struct worker *w;

	world_init(&v, SPOT " }\n");
	add_prices(&v);
	w = world_worker(&v, "a");
	world_up(&v, "a");
	ck_assert(place_is_asking(w->place));
	world_down(&v, "a");
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "");
	world_reload(&v, SPOT " }\n");
	world_up(&v, "a");
	ck_assert(place_is_asking(world_worker(&v, "a")->place));
	world_reload(&v, SPOT ", max_spot_price: 0.01 }\n");
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large spot 0.01");
	world_down(&v, "a");
	world_run(&v, MINUTE);
	world_reload(&v, SPOT " }\n");
	world_up(&v, "a");
	ck_assert(place_is_asking(world_worker(&v, "a")->place));
	world_restart(&v);
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large spot 0.072");
	ck_assert(fake_cloud_living(&v.cloud) == 1);
	world_fini(&v);
}
END_TEST

/* Types outermost: each is tried in all subnets before the next. */
START_TEST(test_subnets)
{
	struct world v;
	struct worker *w;

	world_init(&v,
		"  a: { password: x, missing_timeout: 10m, instance_type: [m5.large, c5.large], subnet_id: [subnet-1, subnet-2] }\n");
	fake_add_subnet(&v.cloud, "subnet-1", "us-east-1a");
	fake_add_subnet(&v.cloud, "subnet-2", "us-east-1b");
	refuse(&v, 0, (struct fake_refusal){NO_CAPACITY, "m5.large", .times = 99});
	world_up(&v, "a");
	world_run(&v, MINUTE);
	w = world_worker(&v, "a");
	ck_assert_str_eq(asked(&v),
		"m5.large subnet-1; m5.large subnet-2; c5.large subnet-1");
	ck_assert_str_eq(w->launch->subnet, "subnet-1");
	ck_assert_str_eq(w->launch->zone, "us-east-1a");
	ck_assert_uint_eq(v.cloud.subnet_lists, 2);
	ck_assert_ptr_nonnull(strstr(latest(w, EVENT_PHASE, "reserved")->reason,
		"c5.large in us-east-1a in subnet-1, on demand; not m5.large"));
	world_fini(&v);
}
END_TEST

/* A subnet that does not exist is left out, and so says its configuration if there is no other. */
START_TEST(test_unknown_subnet)
{
	struct world v;
	struct worker *w;

	world_init(&v,
		"  a: { password: x, subnet_id: [subnet-9, subnet-2] }\n"
		"  b: { password: x, subnet_id: subnet-9 }\n");
	fake_add_subnet(&v.cloud, "subnet-2", "us-east-1b");
	world_up(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large subnet-2");
	world_up(&v, "b");
	world_run(&v, MINUTE);
	w = world_worker(&v, "b");
	ck_assert_str_eq(asked(&v), "");
	ck_assert_int_eq(w->last_error.code, ERR_FAILED);
	ck_assert_int_eq(w->last_error.reason, REASON_CONFIG);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* Whoever may launch but not ask launches without knowing, where that can be. */
START_TEST(test_may_not_ask)
{
	static const struct {
		int line;
		const char *keys, *asked; /* "": the start fails */
	} cases[] = {
		{__LINE__, "subnet_id: [subnet-1, subnet-2]", "m5.large subnet-1"},
		{__LINE__, "spot_instance: true", ""},
		{__LINE__, "spot_instance: true, on_demand_fallback: true", "m5.large"},
		{__LINE__,
			"spot_instance: true, price_multiplier: ~, max_spot_price: 0.3",
			"m5.large spot 0.3"},
		{__LINE__, "volumes: [[vol-b, /dev/sdh]]", ""},
	};
	AUTO(free)
	char *worker = xasprintf("  a: { password: x, %s }\n", cases[_i].keys);
	const char *text;
	struct world v;
	struct worker *w;

	world_init(&v, worker);
	v.cloud.may_not_ask = true;
	world_up(&v, "a");
	world_run(&v, 10000);
	w = world_worker(&v, "a");
	text = asked(&v);
	ck_assert_msg(strcmp(text, cases[_i].asked) == 0, "line %d: %s", cases[_i].line,
		text);
	if (cases[_i].asked[0] == '\0') {
		ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
		ck_assert_int_eq(w->last_error.code, ERR_FAILED);
		ck_assert_int_eq(w->last_error.reason, REASON_AUTH);
	} else {
		ck_assert(fake_cloud_living(&v.cloud) == 1);
	}
	/* it is about looking: launches do not rest for it */
	ck_assert_ptr_null(rests_next(v.pool->rests, NULL));
	world_fini(&v);
}
END_TEST

/* A pause stops what is asked for; what was found out is asked again afterwards. */
START_TEST(test_paused_while_asking)
{
	static const struct cause admin = {"uid 0", "test"};
	struct world v;
	struct worker *w;

	world_init(&v, SPOT " }\n");
	add_prices(&v);
	world_up(&v, "a");
	w = world_worker(&v, "a");
	ck_assert(place_is_asking(w->place));
	pool_pause(v.pool, &admin);
	world_run(&v, 5 * MINUTE);
	ck_assert_str_eq(asked(&v), "");
	ck_assert_str_eq(worker_phase_name(w), "placing");
	ck_assert_ptr_nonnull(strstr(w->last_error.text, "paused"));
	ck_assert(!place_is_asking(w->place));
	pool_resume(v.pool, &admin);
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large spot 0.072");
	world_fini(&v);
}
END_TEST

/* A volume stays in its zone: the launch comes to it, and what cannot is left out. */
START_TEST(test_volumes)
{
	static const struct {
		int line;
		const char *keys;
		const char *asked; /* "": nothing */
		const char *zone;  /* that is sent */
		const char *error;
	} cases[] = {
		{__LINE__, "volumes: [[vol-b, /dev/sdh]]", "m5.large", "us-east-1b",
			NULL},
		{__LINE__, "volumes: [[vol-b, /dev/sdh]], placement: b", "m5.large",
			"us-east-1b", NULL},
		{__LINE__, "volumes: [[vol-b, /dev/sdh]], placement: a", "", "",
			"the volumes are in zone us-east-1b, and placement in us-east-1a"},
		{__LINE__,
			"volumes: [[vol-b, /dev/sdh]], subnet_id: [subnet-1, subnet-2]",
			"m5.large subnet-2", "", NULL},
		{__LINE__, "volumes: [[vol-b, /dev/sdh]], subnet_id: subnet-1", "", "",
			"the volumes are in zone us-east-1b, and subnet-1 in us-east-1a"},
		{__LINE__, "volumes: [[vol-b, /dev/sdh], [vol-a, /dev/sdi]]", "", "",
			"vol-b is in us-east-1b, and vol-a in us-east-1a: no instance "
			"can have both"},
		{__LINE__, "volumes: [[vol-9, /dev/sdh]]", "", "", "injected"},
	};
	AUTO(free)
	char *worker = xasprintf("  a: { password: x, %s }\n", cases[_i].keys);
	const char *text;
	struct world v;
	struct worker *w;

	world_init(&v, worker);
	fake_add_subnet(&v.cloud, "subnet-1", "us-east-1a");
	fake_add_subnet(&v.cloud, "subnet-2", "us-east-1b");
	fake_add_volume(&v.cloud, "vol-a", "us-east-1a");
	fake_add_volume(&v.cloud, "vol-b", "us-east-1b");
	world_up(&v, "a");
	world_run(&v, 10000);
	w = world_worker(&v, "a");
	text = asked(&v);
	ck_assert_msg(strcmp(text, cases[_i].asked) == 0, "line %d: %s", cases[_i].line,
		text);
	if (cases[_i].error == NULL) {
		ck_assert_str_eq(fake_run_asked(&v.cloud.runs_asked, 0)->zone,
			cases[_i].zone);
		ck_assert_str_eq(w->launch->zone, "us-east-1b");
	} else {
		ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
		ck_assert_int_eq(w->last_error.reason, REASON_CONFIG);
		ck_assert_msg(strstr(w->last_error.text, cases[_i].error) != NULL,
			"line %d: %s", cases[_i].line, w->last_error.text);
	}
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("place_spot");
	TCase *t = tcase_create("bids"), *z = tcase_create("zones");

	tcase_add_test(t, test_bid);
	tcase_add_test(t, test_guess);
	tcase_add_test(t, test_maximum_is_bid);
	tcase_add_test(t, test_raises);
	tcase_add_test(t, test_reload_between_bids);
	tcase_add_test(t, test_removed_while_asking);
	tcase_add_test(t, test_raised_is_enough);
	tcase_add_test(t, test_capacity_is_not_raised);
	tcase_add_test(t, test_fallback);
	tcase_add_test(t, test_history_is_asked_once);
	tcase_add_test(t, test_trouble);
	tcase_add_test(t, test_while_asking);
	tcase_add_test(z, test_subnets);
	tcase_add_test(z, test_unknown_subnet);
	tcase_add_loop_test(z, test_volumes, 0, 7);
	tcase_add_loop_test(z, test_may_not_ask, 0, 5);
	tcase_add_test(t, test_paused_while_asking);
	suite_add_tcase(s, t);
	suite_add_tcase(s, z);
	return s;
}
