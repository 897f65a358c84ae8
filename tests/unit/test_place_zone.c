/* SPDX-License-Identifier: Apache-2.0 */
/* Zones that are out, and subnets that are in another one than placement says. */
#include "core/place.h"
#include "base/clock.h"
#include "base/mem.h"
#include "core/event.h"
#include "core/health.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/waiter.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/verdict.h"
#include "place_util.h"
#include "unit.h"

#include <string.h>

#define SUBNETS "subnet_id: [subnet-1, subnet-2]"
#define LONG "password: x, missing_timeout: 60m"

static void
begin(struct world *v, const char *workers)
{
	world_init(v, workers);
	fake_add_zone(&v->cloud, "us-east-1a");
	fake_add_zone(&v->cloud, "us-east-1b");
	fake_add_subnet(&v->cloud, "subnet-1", "us-east-1a");
	fake_add_subnet(&v->cloud, "subnet-2", "us-east-1b");
	fake_add_volume(&v->cloud, "vol-b", "us-east-1b");
}

/* Long enough for a listing to fail and the zones to be asked for. */
static void
go_out(struct world *v, const char *zone)
{
	v->cloud.out = zone;
	world_run(v, 6 * MINUTE);
}

static bool
is_told(struct world *v, enum condition condition, const char *about)
{
	const struct trouble t = {condition, "fake us-east-1 keys", about};

	return health_find(v->pool->health, &t) != NULL;
}

/* What is launched with us-east-1a out; "": nothing until that is over. */
static const struct {
	int line;
	const char *keys, *asked;
} cases[] = {
	{__LINE__, "placement: a", ""}, {__LINE__, "placement: b", "m5.large"},
	{__LINE__, SUBNETS, "m5.large subnet-2"}, {__LINE__, "subnet_id: subnet-1", ""},
	{__LINE__, "subnet_id: subnet-2", "m5.large subnet-2"},
	{__LINE__, SUBNETS ", placement: a", ""},
	{__LINE__, "volumes: [[vol-b, /dev/sdh]]", "m5.large"},
	{__LINE__, "instance_type: [c5.large, m5.large], placement: a", ""},
	{__LINE__, "instance_type: m5.large", "m5.large"}, /* EC2 chooses */
};

START_TEST(test_out)
{
	AUTO(free) char *worker = xasprintf("  a: { " LONG ", %s }\n", cases[_i].keys);
	struct world v;
	struct worker *w;
	const char *text;

	begin(&v, worker);
	go_out(&v, "us-east-1a");
	ck_assert(is_told(&v, CONDITION_ZONE, "us-east-1a"));
	ck_assert(!is_told(&v, CONDITION_ZONE, "us-east-1b"));
	world_up(&v, "a");
	world_run(&v, 5 * MINUTE);
	w = world_worker(&v, "a");
	text = asked(&v);
	ck_assert_msg(strcmp(text, cases[_i].asked) == 0, "line %d: %s", cases[_i].line,
		text);
	if (cases[_i].asked[0] == '\0') {
		ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATING);
		ck_assert_str_eq(worker_phase_name(w), "placing");
		ck_assert_int_eq(w->last_error.reason, REASON_CAPACITY);
		ck_assert_ptr_nonnull(
			strstr(w->last_error.text, "zone us-east-1a is impaired"));
		v.cloud.out = NULL;
		world_run(&v, 2 * MINUTE);
		ck_assert_str_ne(asked(&v), "");
		ck_assert(!is_told(&v, CONDITION_ZONE, "us-east-1a"));
	}
	world_fini(&v);
}
END_TEST

/* What EC2 says of a zone, and whether it is out by that. */
static const struct {
	int line;
	const char *state;
	bool out;
} states[] = {
	{__LINE__, "impaired", true},
	{__LINE__, "unavailable", true},
	{__LINE__, "available", false},
	{__LINE__, "information", false},
	{__LINE__, "constrained", false},
};

START_TEST(test_states)
{
	const struct trouble t = {CONDITION_ZONE, "fake us-east-1 keys", "us-east-1a"};
	AUTO(free)
	char *text = xasprintf("EC2 says that us-east-1a is %s", states[_i].state);
	const struct episode *e;
	struct world v;

	begin(&v, "  a: { " LONG ", " SUBNETS " }\n");
	v.cloud.out_state = states[_i].state;
	go_out(&v, "us-east-1a");
	e = health_find(v.pool->health, &t);
	ck_assert_msg((e != NULL) == states[_i].out, "line %d", states[_i].line);
	if (e != NULL)
		ck_assert_str_eq(e->err.text, text);
	world_up(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v),
		states[_i].out ? "m5.large subnet-2" : "m5.large subnet-1");
	world_fini(&v);
}
END_TEST

START_TEST(test_why)
{
	struct world v;

	begin(&v, "  a: { " LONG ", " SUBNETS " }\n");
	go_out(&v, "us-east-1a");
	world_up(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_str_eq(latest(world_worker(&v, "a"), EVENT_PHASE, "reserved")->reason,
		"m5.large in us-east-1b in subnet-2, on demand; not in us-east-1a, which "
		"is impaired");
	world_fini(&v);
}
END_TEST

/* What was reserved for it and not sent yet is placed anew; what runs there is left alone. */
START_TEST(test_reserved)
{
	struct world v;
	struct worker *w;

	begin(&v,
		"  a: { " LONG ", " SUBNETS
		" }\n  b: { password: y, placement: a, security_name: s }\n");
	world_ready(&v, "b");
	v.cloud.script[0] = (struct fake_answer){VERDICT_LATER, EC2_CLASS_THROTTLE,
		.times = 1000};
	world_up(&v, "a");
	w = world_worker(&v, "a");
	go_out(&v, "us-east-1a");
	v.cloud.script[0].times = 0;
	(void)asked(&v);
	world_run(&v, 2 * MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large subnet-2");
	ck_assert_str_eq(w->launch->zone, "us-east-1b");
	ck_assert_int_eq(worker_state(world_worker(&v, "b")), WORKER_SUBSTANTIATED);
	ck_assert(fake_cloud_living(&v.cloud) == 2);
	world_fini(&v);
}
END_TEST

/* Whoever may not look at the zones goes on as if there were nothing to see. */
START_TEST(test_may_not_look)
{
	struct world v;

	begin(&v, "  a: { " LONG ", placement: a }\n");
	v.cloud.may_not_ask = true;
	go_out(&v, "us-east-1a");
	ck_assert(!is_told(&v, CONDITION_ZONE, "us-east-1a"));
	ck_assert(is_told(&v, CONDITION_LISTING, NULL));
	world_up(&v, "a");
	world_run(&v, 10000);
	ck_assert_str_eq(asked(&v), "m5.large");
	world_fini(&v);
}
END_TEST

/* A subnet of another zone than placement says is not tried. */
static const struct {
	int line;
	const char *keys, *asked, *error;
} placed[] = {
	{__LINE__, SUBNETS ", placement: a", "m5.large subnet-1", NULL},
	{__LINE__, SUBNETS ", placement: b", "m5.large subnet-2", NULL},
	{__LINE__, SUBNETS ", placement: c", "",
		"placement says zone us-east-1c, and subnet-2 in us-east-1b"},
	{__LINE__, "subnet_id: subnet-1, placement: b", "",
		"placement says zone us-east-1b, and subnet-1 in us-east-1a"},
	{__LINE__, SUBNETS ", placement: b, volumes: [[vol-b, /dev/sdh]]",
		"m5.large subnet-2", NULL},
	{__LINE__, SUBNETS ", placement: a, volumes: [[vol-b, /dev/sdh]]", "",
		"us-east-1b"},
};

START_TEST(test_placed)
{
	AUTO(free) char *worker = xasprintf("  a: { " LONG ", %s }\n", placed[_i].keys);
	struct world v;
	struct worker *w;
	const char *text;

	begin(&v, worker);
	world_up(&v, "a");
	world_run(&v, 10000);
	w = world_worker(&v, "a");
	text = asked(&v);
	ck_assert_msg(strcmp(text, placed[_i].asked) == 0, "line %d: %s",
		placed[_i].line, text);
	if (placed[_i].error != NULL) {
		ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
		ck_assert_int_eq(w->last_error.reason, REASON_CONFIG);
		ck_assert_msg(strstr(w->last_error.text, placed[_i].error) != NULL,
			"line %d: %s", placed[_i].line, w->last_error.text);
	}
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("place_zone");
	TCase *t = tcase_create("zones");

	tcase_add_loop_test(t, test_out, 0, COUNT_OF(cases));
	tcase_add_loop_test(t, test_states, 0, COUNT_OF(states));
	tcase_add_test(t, test_why);
	tcase_add_test(t, test_reserved);
	tcase_add_test(t, test_may_not_look);
	tcase_add_loop_test(t, test_placed, 0, COUNT_OF(placed));
	suite_add_tcase(s, t);
	return s;
}
