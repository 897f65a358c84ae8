/* SPDX-License-Identifier: Apache-2.0 */
/* Who has a volume before the launch of a worker that is to have it. */
#include "core/place.h"
#include "base/mem.h"
#include "core/event.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/verdict.h"
#include "place_util.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define VOLUME "vol-0000000c"
#define STRANGER "i-0123456789abcdef0"

static struct world v;

static void
setup(void)
{
	world_init(&v,
		"  b: { password: x, missing_timeout: 20m, volumes: [ [ " VOLUME
		", /dev/sdh ] ] }\n");
	fake_add_volume(&v.cloud, VOLUME, "us-east-1a");
}

static void
teardown(void)
{
	world_fini(&v);
}

/* What cannot be had is not launched for. */
static void
check_not_launched(const char *says)
{
	struct worker *w = world_worker(&v, "b");

	world_up(&v, "b");
	world_run(&v, MINUTE);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert_msg(strstr(w->last_error.text, says) != NULL, "%s",
		w->last_error.text);
	ck_assert_int_eq(w->last_error.reason, REASON_CONFIG);
	ck_assert_str_eq(asked(&v), "");
}

static void
live(const char *id)
{
	(void)snprintf(v.cloud.instances[0].id, sizeof(v.cloud.instances[0].id), "%s",
		id);
	v.cloud.instances[0].state = EC2_STATE_RUNNING;
	v.cloud.instances[0].untagged = true;
	v.cloud.count = 1;
}

START_TEST(test_held_by_nobody)
{
	struct ec2_volume *c = fake_volume(&v.cloud, VOLUME);

	fake_give_volume(c, STRANGER, "/dev/sdx");
	free(c->attachments[0].instance);
	c->attachments[0].instance = NULL;
	check_not_launched(
		"volume " VOLUME " as /dev/sdh: it belongs to something that "
		"is no instance");
}
END_TEST

START_TEST(test_held_by_a_stranger)
{
	fake_give_volume(fake_volume(&v.cloud, VOLUME), STRANGER, "/dev/sdx");
	live(STRANGER);
	check_not_launched("volume " VOLUME " as /dev/sdh: it belongs to " STRANGER
			   ", which is running");
}
END_TEST

/* Whoever cannot be seen any more will let go of it: the instance waits. */
START_TEST(test_held_by_one_that_is_gone)
{
	const struct worker *w = world_worker(&v, "b");

	fake_give_volume(fake_volume(&v.cloud, VOLUME), STRANGER, "/dev/sdx");
	world_up(&v, "b");
	world_run(&v, MINUTE);
	ck_assert_str_eq(worker_phase_name(w), "equipping");
	fake_give_volume(fake_volume(&v.cloud, VOLUME), NULL, NULL);
	world_run(&v, MINUTE);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
}
END_TEST

START_TEST(test_broken)
{
	struct ec2_volume *c = fake_volume(&v.cloud, VOLUME);

	free(c->state);
	c->state = xstrdup("error");
	check_not_launched("volume " VOLUME " as /dev/sdh: its state is error");
}
END_TEST

/* The look is taken anew for each launch, and one that is not answered stops nothing. */
START_TEST(test_looked_at_anew)
{
	unsigned before;

	world_ready(&v, "b");
	before = v.cloud.volume_lists;
	world_down(&v, "b");
	world_run(&v, 5 * MINUTE);
	v.cloud.may_not_ask = true;
	world_up(&v, "b");
	world_run(&v, 5000);
	ck_assert_str_eq(asked(&v), "m5.large; m5.large");
	ck_assert_uint_gt(v.cloud.volume_lists, before);
}
END_TEST

/* A cancelled start leaves no question behind. */
START_TEST(test_cancelled)
{
	fake_give_volume(fake_volume(&v.cloud, VOLUME), STRANGER, "/dev/sdx");
	live(STRANGER);
	for (int ms = 0; ms < 3000; ms += 100) {
		world_up(&v, "b");
		world_run(&v, ms);
		world_down(&v, "b");
		world_run(&v, 10);
	}
	ck_assert_str_eq(asked(&v), "");
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("place_held");
	TCase *t = tcase_create("volumes");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_held_by_nobody);
	tcase_add_test(t, test_held_by_a_stranger);
	tcase_add_test(t, test_held_by_one_that_is_gone);
	tcase_add_test(t, test_broken);
	tcase_add_test(t, test_looked_at_anew);
	tcase_add_test(t, test_cancelled);
	suite_add_tcase(s, t);
	return s;
}
