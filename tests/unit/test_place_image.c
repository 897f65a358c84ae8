/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image of a launch where its configuration names none: chosen from a listing or read
 * from a parameter, told in the history, and found again once when it has gone meanwhile.
 */
#include "base/clock.h"
#include "core/event.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "place_util.h"
#include "unit.h"

#include <string.h>

#define OWNER "000000000012"
#define GONE "InvalidAMIID.NotFound"

static const struct way {
	const char *worker; /* keys that lead to an image */
	const char *why;
	bool parameter;
} ways[] = {
	{"valid_ami_owners: 12, valid_ami_location_regex: '\\d+/ci-(\\d+)'",
		"image ami-00000010 (" OWNER
		"/ci-10): the last of 2 by number (level 0), of 2 looked "
		"at",
		false},
	{"ami: 'resolve:ssm:/ci/image'", "image ami-00000010, which /ci/image names",
		true},
};

static void
begin(struct world *v, const struct way *way)
{
	AUTO(free)
	char *workers = xasprintf("  w-[1-9]: { password: x, %s }\n", way->worker);

	world_init(v, workers);
	fake_add_image(&v->cloud, "ami-00000009", OWNER "/ci-9", "available");
	fake_add_image(&v->cloud, "ami-00000010", OWNER "/ci-10", "available");
	v->cloud.parameter = "ami-00000010";
}

static unsigned
questions(const struct world *v)
{
	return v->cloud.image_lists + v->cloud.parameters_read;
}

START_TEST(test_found)
{
	const struct way *way = &ways[_i];
	const struct event *e;
	struct world v;

	begin(&v, way);
	world_up(&v, "w-1");
	world_up(&v, "w-2");
	world_run(&v, MINUTE / 2);
	ck_assert_str_eq(world_worker(&v, "w-1")->launch->image, "ami-00000010");
	ck_assert_str_eq(world_worker(&v, "w-2")->launch->image, "ami-00000010");
	ck_assert_uint_eq(questions(&v), 1);
	e = latest(world_worker(&v, "w-1"), EVENT_PHASE, "reserved");
	ck_assert_msg(strstr(e->reason, way->why) != NULL, "%s", e->reason);
	world_fini(&v);
}
END_TEST

/* A17: what is gone at the launch is chosen once more, with a token of its own. */
START_TEST(test_gone)
{
	const struct way *way = &ways[_i];
	struct world v;

	begin(&v, way);
	refuse(&v, 0, (struct fake_refusal){GONE, .times = 1});
	world_up(&v, "w-1");
	world_run(&v, MINUTE / 2);
	ck_assert_str_eq(worker_phase_name(world_worker(&v, "w-1")), "waiting");
	ck_assert_uint_eq(questions(&v), 2);
	ck_assert_uint_eq(v.cloud.runs_asked.count, 2);
	check_tokens(&v);
	/* Once: then it is the configuration's fault. */
	refuse(&v, 0, (struct fake_refusal){GONE, .times = 2});
	world_up(&v, "w-2");
	world_run(&v, MINUTE / 2);
	ck_assert_uint_eq(v.cloud.runs_asked.count, 4);
	ck_assert_str_eq(world_worker(&v, "w-2")->last_error.origin, GONE);
	ck_assert(!worker_is_wanted(world_worker(&v, "w-2")));
	world_fini(&v);
}
END_TEST

/* What passes is asked again; what is somebody's mistake ends the wish at once. */
START_TEST(test_trouble)
{
	const struct way *way = &ways[_i];
	const struct worker *w;
	struct world v;

	begin(&v, way);
	v.cloud.faults.fail_read = 1000;
	world_up(&v, "w-1");
	world_run(&v, MINUTE / 4);
	w = world_worker(&v, "w-1");
	ck_assert_int_eq(w->phase, WORKER_PLACING);
	ck_assert_int_ne(w->last_error.code, ERR_NONE);
	ck_assert_uint_ge(questions(&v), 2);
	v.cloud.faults.fail_read = 0;
	world_run(&v, 2 * MINUTE);
	ck_assert_str_eq(w->launch->image, "ami-00000010");
	v.cloud.parameter = "nothing";
	ec2_images_fini(&v.cloud.images);
	world_up(&v, "w-2");
	world_run(&v, MINUTE / 4);
	w = world_worker(&v, "w-2");
	ck_assert(!worker_is_wanted(w));
	ck_assert_int_eq(w->last_error.reason, REASON_CONFIG);
	ck_assert_msg(strstr(w->last_error.text, "image") != NULL, "%s",
		w->last_error.text);
	ck_assert_uint_eq(v.cloud.runs_asked.count, 1);
	world_fini(&v);
}
END_TEST

/* Withdrawn, reloaded and restarted in the middle of the question. */
START_TEST(test_in_the_middle)
{
	const struct way *way = &ways[_i];
	AUTO(free)
	char *changed = xasprintf("  w-1: { password: y, %s }\n", way->worker);
	struct world v;

	begin(&v, way);
	world_up(&v, "w-1");
	ck_assert_int_eq(world_worker(&v, "w-1")->phase, WORKER_PLACING);
	world_down(&v, "w-1");
	world_run(&v, MINUTE / 4);
	ck_assert_uint_eq(v.cloud.runs_asked.count, 0);
	world_run(&v, 2 * MINUTE); /* what was learnt nevertheless is old */
	world_up(&v, "w-1");
	world_up(&v, "w-2");
	world_reload(&v, changed);
	world_run(&v, MINUTE / 2);
	ck_assert_str_eq(world_worker(&v, "w-1")->launch->image, "ami-00000010");
	ck_assert_uint_eq(v.cloud.runs_asked.count, 1);
	world_down(&v, "w-1");
	world_run(&v, MINUTE * 2);
	world_up(&v, "w-1");
	world_restart(&v);
	world_run(&v, MINUTE / 2);
	ck_assert_str_eq(world_worker(&v, "w-1")->launch->image, "ami-00000010");
	ck_assert_uint_eq(v.cloud.runs_asked.count, 2);
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("place_image");
	TCase *tc = tcase_create("place_image");
	const int count = (int)COUNT_OF(ways);

	tcase_add_loop_test(tc, test_found, 0, count);
	tcase_add_loop_test(tc, test_gone, 0, count);
	tcase_add_loop_test(tc, test_trouble, 0, count);
	tcase_add_loop_test(tc, test_in_the_middle, 0, count);
	suite_add_tcase(suite, tc);
	return suite;
}
