/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What EC2 shows of an instance and what it proves: states go forward, fields stay, and gone
 * is what rule L11 says, whatever a clock does.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/reply.h"
#include "unit.h"
#include "world.h"

#include <string.h>

#define MINUTE INT64_C(60000)
#define WORKERS                                                                         \
	"  a: { password: x, missing_timeout: 2h, build_wait_timeout: -1 }\n"           \
	"  g: { password: generated, user_data: '{{ password }}', missing_timeout: 2h," \
	" build_wait_timeout: -1 }\n"

static struct world v;
static struct instance *i;
static struct fake_instance *truth;

static void
setup(void)
{
	world_init(&v, WORKERS);
	world_ready(&v, "a");
	world_run(&v, MINUTE);
	i = world_worker(&v, "a")->launch->instance;
	truth = world_living(&v, "a");
}

static void
teardown(void)
{
	world_fini(&v);
}

/* Neither listings nor its id show it from now on. */
static void
vanish(void)
{
	truth->visible_ms = INT64_MAX;
}

static bool
is_gone(const char *name)
{
	return worker_state(world_worker(&v, name)) == WORKER_NOT_SUBSTANTIATED;
}

static void
observe(enum ec2_state state, const char *ip)
{
	char *address = xstrdup_opt(ip);
	struct ec2_instance seen = {.state = state, .private_ip = address};

	instance_observe(i, &seen, clock_ms());
	free(address);
}

START_TEST(test_fields_stay)
{
	struct ec2_instance seen = {.state = EC2_STATE_RUNNING, .launched_at = 77};
	char type[] = "m5.large", zone[] = "us-east-1a", dns[] = "a.example";

	seen.type = type;
	seen.zone = zone;
	seen.public_dns = dns;
	instance_observe(i, &seen, clock_ms());
	world_turn(&v);
	ck_assert(!i->dirty);
	observe(EC2_STATE_RUNNING, NULL);
	ck_assert(!i->dirty); /* nothing new, nothing to write */
	ck_assert_str_eq(i->type, "m5.large");
	ck_assert_str_eq(i->zone, "us-east-1a");
	ck_assert_str_eq(i->public_dns, "a.example");
	ck_assert_str_eq(i->private_ip, "10.0.0.1");
	ck_assert(i->launched_wall == 77);
	observe(EC2_STATE_RUNNING, "10.9.9.9");
	ck_assert(i->dirty);
	ck_assert_str_eq(i->private_ip, "10.9.9.9");
}
END_TEST

/* A copy that is older than what is known takes nothing back. */
START_TEST(test_states_go_forward)
{
	observe(EC2_STATE_PENDING, NULL);
	ck_assert_int_eq(i->seen, EC2_STATE_RUNNING);
	ck_assert_int_eq(i->phase, INSTANCE_READY);
	observe(EC2_STATE_SHUTTING_DOWN, NULL);
	ck_assert_int_eq(i->phase, INSTANCE_CONDEMNED);
	observe(EC2_STATE_RUNNING, NULL);
	ck_assert_int_eq(i->seen, EC2_STATE_SHUTTING_DOWN);
	ck_assert(instance_is_dying(i));
	observe(EC2_STATE_UNKNOWN, NULL);
	ck_assert_int_eq(i->seen, EC2_STATE_SHUTTING_DOWN);
	observe(EC2_STATE_TERMINATED, NULL);
	ck_assert_int_eq(i->phase, INSTANCE_GONE);
	ck_assert_str_eq(i->proof, "EC2 shows it terminated");
	observe(EC2_STATE_RUNNING, NULL);
	ck_assert_int_eq(i->phase, INSTANCE_GONE);
}
END_TEST

/* Why it died is kept, once it dies. */
static const struct {
	enum ec2_state state;
	const char *code, *text, *death;
	int line;
} deaths[] = {
	{EC2_STATE_RUNNING, "pending", NULL, NULL, __LINE__},
	{EC2_STATE_STOPPED, "Client.UserInitiatedShutdown", NULL,
		"Client.UserInitiatedShutdown", __LINE__},
	{EC2_STATE_SHUTTING_DOWN, "Server.SpotInstanceTermination", "Spot",
		"Server.SpotInstanceTermination: Spot", __LINE__},
	{EC2_STATE_TERMINATED, NULL, "text alone", NULL, __LINE__},
};

START_TEST(test_why_it_died)
{
	AUTO(free) char *code = xstrdup_opt(deaths[_i].code);
	AUTO(free) char *text = xstrdup_opt(deaths[_i].text);
	struct ec2_instance seen = {.state = deaths[_i].state,
		.reason_code = code,
		.reason_text = text};

	instance_observe(i, &seen, clock_ms());
	ck_assert_msg(str_equal(i->death, deaths[_i].death), "line %d: %s",
		deaths[_i].line, i->death == NULL ? "NULL" : i->death);
}
END_TEST

/* Unasked: its worker is lost, and what is left of the machine is ended. */
static const enum ec2_state unasked[] = {EC2_STATE_STOPPING, EC2_STATE_STOPPED,
	EC2_STATE_SHUTTING_DOWN, EC2_STATE_TERMINATED};

START_TEST(test_dies_unasked)
{
	struct worker *w = world_worker(&v, "a");

	fake_cloud_kill(&v.cloud, truth, (int)unasked[_i]);
	world_run(&v, 5 * MINUTE);
	ck_assert(!worker_is_wanted(w));
	ck_assert_int_eq(w->last_error.code, ERR_FAILED);
	ck_assert_int_eq(w->last_error.reason, REASON_INSTANCE_DIED);
	ck_assert_uint_eq(fake_cloud_living(&v.cloud), 0);
	ck_assert(is_gone("a"));
}
END_TEST

/* Its name is free at once only where the old machine knows no password that counts. */
START_TEST(test_name_of_the_dying)
{
	struct worker *w = world_worker(&v, "g");

	world_ready(&v, "g");
	fake_cloud_kill(&v.cloud, world_living(&v, "g"), EC2_STATE_SHUTTING_DOWN);
	fake_cloud_kill(&v.cloud, truth, EC2_STATE_SHUTTING_DOWN);
	for (size_t n = 0; n < v.cloud.count; n++)
		v.cloud.instances[n].due_ms = clock_ms() + 100 * MINUTE;
	world_run(&v, 3 * MINUTE);
	ck_assert_ptr_null(w->launch);
	ck_assert_ptr_nonnull(world_worker(&v, "a")->launch);
	world_up(&v, "g");
	world_up(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_ptr_nonnull(world_living(&v, "g"));
	ck_assert_ptr_null(world_living(&v, "a"));
	ck_assert(worker_is_queued(world_worker(&v, "a")));
}
END_TEST

/* A running machine that nobody can find for a while is not given up. */
START_TEST(test_not_found_for_a_while)
{
	vanish();
	world_run(&v, 14 * MINUTE);
	ck_assert_int_eq(i->phase, INSTANCE_READY);
	ck_assert_uint_ge(i->not_found, 3);
	truth->visible_ms = 0;
	world_run(&v, 3 * MINUTE);
	ck_assert_int_eq(i->phase, INSTANCE_READY);
	ck_assert_uint_eq(i->not_found, 0);
	/* It counts from the beginning the next time. */
	vanish();
	world_run(&v, 14 * MINUTE);
	ck_assert_int_eq(i->phase, INSTANCE_READY);
}
END_TEST

START_TEST(test_not_found_for_long)
{
	vanish();
	world_run(&v, 18 * MINUTE);
	ck_assert(is_gone("a"));
	ck_assert_int_eq(world_worker(&v, "a")->last_error.reason,
		REASON_INSTANCE_DIED);
}
END_TEST

/* Fifteen minutes are fifteen minutes: a wall clock that is set proves nothing. */
START_TEST(test_not_found_and_the_clock_is_set)
{
	vanish();
	world_run(&v, 3 * MINUTE);
	clock_fake_wall_jump(24 * 60 * MINUTE);
	world_run(&v, 5 * MINUTE);
	ck_assert_int_eq(i->phase, INSTANCE_READY);
	clock_fake_wall_jump(-48 * 60 * MINUTE);
	world_run(&v, 10 * MINUTE);
	ck_assert(is_gone("a"));
}
END_TEST

/* A restart makes it longer, never shorter. */
START_TEST(test_not_found_over_a_restart)
{
	vanish();
	world_run(&v, 10 * MINUTE);
	world_restart(&v);
	world_run(&v, 4 * MINUTE);
	ck_assert(!is_gone("a"));
	world_run(&v, 20 * MINUTE);
	ck_assert(is_gone("a"));
}
END_TEST

/* No listing, no proof. */
START_TEST(test_not_found_without_listings)
{
	vanish();
	v.cloud.faults.fail_read = 1000;
	world_run(&v, 120 * MINUTE);
	ck_assert_int_eq(i->phase, INSTANCE_READY);
	ck_assert_uint_eq(i->not_found, 0);
}
END_TEST

/* Condemned, and shutting down when last seen: then NotFound is the end. */
START_TEST(test_not_found_after_shutting_down)
{
	world_down(&v, "a");
	while (truth->state != EC2_STATE_SHUTTING_DOWN)
		world_run(&v, 10);
	truth->due_ms = INT64_MAX; /* it is long about it */
	while (!instance_is_dying(i))
		world_run(&v, 100);
	vanish();
	world_run(&v, MINUTE);
	ck_assert(is_gone("a"));
}
END_TEST

/* Condemned while nothing shows it: terminated again and again, and gone after its time. */
START_TEST(test_condemned_and_not_found)
{
	vanish();
	world_down(&v, "a");
	world_run(&v, 10 * MINUTE);
	ck_assert(!is_gone("a"));
	ck_assert_int_eq(i->phase, INSTANCE_CONDEMNED);
	ck_assert_uint_ge(v.cloud.terminates, 5);
	world_run(&v, 10 * MINUTE);
	ck_assert(is_gone("a"));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("observe");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_fields_stay);
	tcase_add_test(t, test_states_go_forward);
	tcase_add_loop_test(t, test_why_it_died, 0, COUNT_OF(deaths));
	tcase_add_loop_test(t, test_dies_unasked, 0, COUNT_OF(unasked));
	tcase_add_test(t, test_name_of_the_dying);
	tcase_add_test(t, test_not_found_for_a_while);
	tcase_add_test(t, test_not_found_for_long);
	tcase_add_test(t, test_not_found_and_the_clock_is_set);
	tcase_add_test(t, test_not_found_over_a_restart);
	tcase_add_test(t, test_not_found_without_listings);
	tcase_add_test(t, test_not_found_after_shutting_down);
	tcase_add_test(t, test_condemned_and_not_found);
	suite_add_tcase(s, t);
	return s;
}
