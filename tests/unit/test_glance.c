/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question for all who ask at the same time, and each gets the answer to his own.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "core/glance.h"
#include "core/poller.h"
#include "core/pool.h"
#include "ec2/verdict.h"
#include "unit.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define ASKERS 40u

static struct world v;
static struct glances *glances;
static struct cloud *cloud;

struct asker {
	struct glance_call *call;
	unsigned told;
	int verdict;
	char seen[32];         /* id of what was seen, or "" */
	struct asker *cancels; /* when it is told */
};

static struct asker askers[ASKERS];

static char *
id_of(size_t n)
{
	return xasprintf("vol-%08zx", n + 1);
}

static void
setup(void)
{
	world_init(&v, "  a: { password: x }\n");
	for (size_t n = 0; n < ASKERS; n++) {
		AUTO(free) char *id = id_of(n);

		fake_add_volume(&v.cloud, id, "us-east-1a");
	}
	(void)fake_add_address(&v.cloud, "203.0.113.7");
	memset(askers, 0, sizeof(askers));
	cloud = poller_cloud(pool_poller(world_worker(&v, "a")));
	glances = v.pool->glances;
}

static void
teardown(void)
{
	world_fini(&v);
}

static void
note(struct asker *a, const struct ec2_answer *answer, const char *seen)
{
	a->call = NULL;
	a->told++;
	a->verdict = answer->verdict;
	(void)snprintf(a->seen, sizeof(a->seen), "%s", seen);
	if (a->cancels != NULL) {
		glance_cancel(a->cancels->call);
		a->cancels->call = NULL;
	}
}

static void
on_volume(void *arg, const struct ec2_answer *answer, const struct ec2_volume *seen)
{
	note(arg, answer, seen == NULL ? "" : seen->id);
}

static void
on_address(void *arg, const struct ec2_answer *answer, const struct ec2_address *seen)
{
	note(arg, answer, seen == NULL ? "" : seen->public_ip);
}

static void
ask(size_t n, const char *id)
{
	askers[n].call = glance_volume(glances, cloud, id, on_volume, &askers[n]);
	ck_assert_uint_eq(askers[n].told, 0); /* later, never at once */
}

static void
ask_own(size_t n)
{
	AUTO(free) char *id = id_of(n);

	ask(n, id);
}

static void
check_told(size_t n)
{
	AUTO(free) char *id = id_of(n);

	ck_assert_uint_eq(askers[n].told, 1);
	ck_assert_int_eq(askers[n].verdict, VERDICT_DONE);
	ck_assert_str_eq(askers[n].seen, id);
}

START_TEST(test_one_question_for_all)
{
	for (size_t n = 0; n < ASKERS; n++)
		ask_own(n);
	world_run(&v, 5000);
	ck_assert_uint_eq(v.cloud.volume_lists, 1);
	for (size_t n = 0; n < ASKERS; n++)
		check_told(n);
}
END_TEST

/* Who asks while one is under way is in the next. */
START_TEST(test_the_next_question)
{
	ask_own(0);
	world_turn(&v);
	for (size_t n = 1; n < ASKERS; n++) {
		ask_own(n);
		world_turn(&v);
	}
	ck_assert_uint_eq(v.cloud.volume_lists, 1);
	world_run(&v, 10000);
	ck_assert_uint_eq(v.cloud.volume_lists, 2);
	for (size_t n = 0; n < ASKERS; n++)
		check_told(n);
}
END_TEST

/* EC2 refuses a whole question for one thing it does not know: the others are answered. */
START_TEST(test_one_that_is_not_there)
{
	for (size_t n = 0; n < ASKERS; n++) {
		if (n == 17)
			ask(n, "vol-0000ffff");
		else
			ask_own(n);
	}
	world_run(&v, 60000);
	ck_assert_uint_eq(askers[17].told, 1);
	ck_assert_int_eq(askers[17].verdict, VERDICT_REFUSED);
	ck_assert_str_eq(askers[17].seen, "");
	for (size_t n = 0; n < ASKERS; n++)
		if (n != 17)
			check_told(n);
	ck_assert_uint_le(v.cloud.volume_lists, 13);
}
END_TEST

/* What says nothing about one of them is told to all, once. */
START_TEST(test_a_question_that_fails)
{
	v.cloud.faults.fail_read = 1000;
	for (size_t n = 0; n < ASKERS; n++)
		ask_own(n);
	world_run(&v, 10000);
	ck_assert_uint_eq(v.cloud.volume_lists, 1);
	for (size_t n = 0; n < ASKERS; n++) {
		ck_assert_uint_eq(askers[n].told, 1);
		ck_assert_int_eq(askers[n].verdict, VERDICT_REPEAT);
	}
}
END_TEST

START_TEST(test_the_same_thing_twice)
{
	ask(0, "vol-00000001");
	ask(1, "vol-00000001");
	world_run(&v, 5000);
	ck_assert_uint_eq(v.cloud.volume_lists, 1);
	check_told(0);
	ck_assert_uint_eq(askers[1].told, 1);
	ck_assert_str_eq(askers[1].seen, "vol-00000001");
}
END_TEST

START_TEST(test_kinds_are_apart)
{
	ask_own(0);
	askers[1].call = glance_address(glances, cloud, "203.0.113.7", on_address,
		&askers[1]);
	world_run(&v, 5000);
	ck_assert_uint_eq(v.cloud.volume_lists, 1);
	ck_assert_uint_eq(v.cloud.address_lists, 1);
	check_told(0);
	ck_assert_str_eq(askers[1].seen, "203.0.113.7");
}
END_TEST

START_TEST(test_cancel)
{
	for (size_t n = 0; n < 3; n++)
		ask_own(n);
	glance_cancel(askers[0].call); /* before it leaves */
	world_turn(&v);
	glance_cancel(askers[1].call); /* under way */
	world_run(&v, 5000);
	ck_assert_uint_eq(askers[0].told + askers[1].told, 0);
	check_told(2);

	/* Nobody is left: the question is not waited for, and the next one is asked. */
	ask_own(4);
	world_turn(&v);
	ck_assert_uint_eq(v.cloud.volume_lists, 2);
	glance_cancel(askers[4].call);
	ask_own(5);
	world_turn(&v);
	world_run(&v, 5000);
	ck_assert_uint_eq(v.cloud.volume_lists, 3);
	ck_assert_uint_eq(askers[4].told, 0);
	check_told(5);
	glance_cancel(NULL);
}
END_TEST

/* In a callback others may be cancelled, of the same question too. */
START_TEST(test_cancelled_while_being_told)
{
	for (size_t n = 0; n < 4; n++)
		ask_own(n);
	askers[0].cancels = &askers[1];
	askers[2].cancels = &askers[3];
	world_run(&v, 5000);
	check_told(0);
	check_told(2);
	ck_assert_uint_eq(askers[1].told + askers[3].told, 0);
}
END_TEST

START_TEST(test_no_more_than_so_many)
{
	static struct asker many[GLANCE_MOST + 1];

	memset(many, 0, sizeof(many));
	for (size_t n = 0; n < COUNT_OF(many); n++)
		many[n].call = glance_volume(glances, cloud, "vol-00000001", on_volume,
			&many[n]);
	world_run(&v, 10000);
	ck_assert_uint_eq(v.cloud.volume_lists, 2);
	for (size_t n = 0; n < COUNT_OF(many); n++)
		ck_assert_uint_eq(many[n].told, 1);
}
END_TEST

/* What is under way at the end is forgotten. */
START_TEST(test_free)
{
	struct glances *own = glances_new(v.loop);

	for (size_t n = 0; n < 3; n++)
		(void)glance_volume(own, cloud, "vol-00000001", on_volume, &askers[n]);
	world_turn(&v);
	(void)glance_volume(own, cloud, "vol-00000002", on_volume, &askers[3]);
	glances_free(own);
	world_run(&v, 5000);
	ck_assert_uint_eq(askers[0].told + askers[3].told, 0);
	glances_free(NULL);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("glance");
	TCase *tc = tcase_create("glance");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_one_question_for_all);
	tcase_add_test(tc, test_the_next_question);
	tcase_add_test(tc, test_one_that_is_not_there);
	tcase_add_test(tc, test_a_question_that_fails);
	tcase_add_test(tc, test_the_same_thing_twice);
	tcase_add_test(tc, test_kinds_are_apart);
	tcase_add_test(tc, test_cancel);
	tcase_add_test(tc, test_cancelled_while_being_told);
	tcase_add_test(tc, test_no_more_than_so_many);
	tcase_add_test(tc, test_free);
	suite_add_tcase(suite, tc);
	return suite;
}
