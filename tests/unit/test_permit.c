/* SPDX-License-Identifier: Apache-2.0 */
/* What keys may do is asked on their first use; what they may not do, and what follows. */
#include "core/permit.h"
#include "base/clock.h"
#include "core/event.h"
#include "core/health.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/pool.h"
#include "core/waiter.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/verdict.h"
#include "unit.h"
#include "place_util.h"

#include <string.h>

#define DENIED "UnauthorizedOperation"
#define MAILED "missing_timeout: 10m, notify_on_missing: ci@localhost"
#define ONE "  a: { password: x, " MAILED " }\n"

static bool
is_refused(struct world *v)
{
	const struct episode *e;

	for (e = health_next(v->pool->health, NULL); e != NULL;
		e = health_next(v->pool->health, e))
		if (e->condition == CONDITION_AUTHORIZATION)
			return true;
	return false;
}

static size_t
mails(struct world *v)
{
	return notices_count(v->pool->notices);
}

static bool
contains(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* Once for a cloud, both at a time, and the body is that of the launch but for its token. */
START_TEST(test_first_use)
{
	struct world v;

	world_init_tried(&v, "  a-[1-3]: { password: x, instance_profile_name: p }\n");
	ck_assert_uint_eq(v.cloud.dry_run.asked + v.cloud.dry_terminate.asked, 0);
	world_up(&v, "a-1");
	ck_assert_uint_eq(v.cloud.dry_run.asked, 1);
	ck_assert_uint_eq(v.cloud.dry_terminate.asked, 1);
	ck_assert_str_eq(v.cloud.dry_terminate.what, PERMIT_NOBODY);
	ck_assert(contains(v.cloud.dry_run.what, "InstanceType=m5.large"));
	ck_assert(contains(v.cloud.dry_run.what, "IamInstanceProfile.Name=p"));
	ck_assert(contains(v.cloud.dry_run.what, "ec2workerd%3Apool"));
	ck_assert(!contains(v.cloud.dry_run.what, "ClientToken"));
	ck_assert_str_eq(asked(&v), "");
	ck_assert_str_eq(worker_phase_name(world_worker(&v, "a-1")), "placing");
	ck_assert_int_eq(world_worker(&v, "a-1")->last_error.code, ERR_NONE);
	world_run(&v, 5000);
	ck_assert_str_eq(asked(&v), "m5.large");
	world_up(&v, "a-2"); /* at once */
	world_up(&v, "a-3");
	world_turn(&v);
	ck_assert_str_eq(asked(&v), "m5.large; m5.large");
	world_run(&v, 30 * MINUTE);
	ck_assert_uint_eq(v.cloud.dry_run.asked, 1);
	ck_assert(!is_refused(&v));
	world_fini(&v);
}
END_TEST

/* What blocks and what does not: only a permission that is missing. */
static const struct {
	int line;
	const char *run, *terminate;
	bool blocks;
} answers[] = {
	{__LINE__, NULL, NULL, false}, {__LINE__, DENIED, NULL, true},
	{__LINE__, NULL, DENIED, true}, {__LINE__, DENIED, DENIED, true},
	{__LINE__, NULL, "AccessDenied", true},
	{__LINE__, NULL, "InvalidInstanceID.NotFound", false},
	{__LINE__, NULL, "InvalidInstanceID.Malformed", false},
	{__LINE__, "InvalidAMIID.NotFound", NULL, false},
	{__LINE__, "InsufficientInstanceCapacity", NULL, false},
	{__LINE__, "RequestLimitExceeded", "RequestLimitExceeded", false},
	{__LINE__, "InternalError", "Unavailable", false},
	{__LINE__, "NeverHeardOfIt", "NeverHeardOfIt", false},
	{__LINE__, "InvalidClientTokenId", NULL, false}, /* the launch will tell */
};

START_TEST(test_answers)
{
	struct world v;
	struct world_told t = {0};

	world_init_tried(&v, ONE);
	v.cloud.dry_run.code = answers[_i].run;
	v.cloud.dry_terminate.code = answers[_i].terminate;
	world_up(&v, "a");
	(void)worker_wait(world_worker(&v, "a"), WAIT_RUNNING, 0, world_on_told, &t);
	world_run(&v, 30000);
	ck_assert_msg((v.cloud.runs_asked.count == 0) == answers[_i].blocks, "line %d",
		answers[_i].line);
	ck_assert_int_eq(is_refused(&v), answers[_i].blocks);
	ck_assert_int_eq(t.calls, 1);
	ck_assert_int_eq(t.err.code, answers[_i].blocks ? ERR_FAILED : ERR_NONE);
	if (answers[_i].blocks)
		ck_assert_int_eq(t.err.reason, REASON_AUTH);
	world_fini(&v);
}
END_TEST

/* Said in the reply, the status, an event and one mail; it ends by itself, and says so. */
START_TEST(test_may_not_terminate)
{
	struct world v;
	const struct episode *e;
	const struct notice_row *row;
	const struct worker *w;

	world_init_tried(&v, ONE "  b: { password: y }\n");
	v.cloud.dry_terminate.code = DENIED;
	world_up(&v, "a");
	world_run(&v, 10000);
	w = world_worker(&v, "a");
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert_str_eq(w->last_error.origin, DENIED);
	ck_assert(contains(w->last_error.text, "must allow ec2:TerminateInstances"));
	ck_assert(contains(w->last_error.text, PERMIT_NOBODY));
	e = health_next(v.pool->health, NULL);
	ck_assert_ptr_nonnull(e);
	ck_assert_int_eq(e->condition, CONDITION_AUTHORIZATION);
	ck_assert_str_eq(e->about, "keys");
	ck_assert_str_eq(e->err.text, w->last_error.text);
	ck_assert_ptr_null(health_next(v.pool->health, e));
	ck_assert_uint_eq(mails(&v), 1);
	row = notices_rows(v.pool->notices);
	ck_assert_str_eq(row->subject, "ec2workerd test: EC2 refuses the credentials");
	ck_assert(contains(row->body, "ec2:TerminateInstances"));
	world_up(&v, "b"); /* at once, without asking anybody */
	ck_assert_int_eq(worker_state(world_worker(&v, "b")), WORKER_NOT_SUBSTANTIATED);
	ck_assert_uint_eq(v.cloud.dry_run.asked, 1);
	world_run(&v, 60 * MINUTE);
	ck_assert_uint_ge(v.cloud.dry_terminate.asked, 60 / 5);
	ck_assert_uint_le(v.cloud.dry_terminate.asked, 60);
	ck_assert_uint_eq(mails(&v), 1);
	ck_assert_str_eq(asked(&v), "");
	v.cloud.dry_terminate.code = NULL;
	world_run(&v, 5 * MINUTE + 3000);
	ck_assert(!is_refused(&v));
	world_up(&v, "b");
	world_run(&v, 5000);
	ck_assert_str_eq(asked(&v), "m5.large");
	world_fini(&v);
}
END_TEST

/* The same keys in all regions; other keys are not meant. */
START_TEST(test_a_set_is_more_than_a_cloud)
{
	struct world v;
	struct worker *far;

	world_init_tried(&v,
		"  near: { password: x }\n"
		"  far: { password: y, region: eu-west-1 }\n"
		"  other: { password: z, region: eu-west-1, identifier: AKIDOTHER,\n"
		"           secret_identifier: s }\n");
	far = world_worker(&v, "far");
	world_up(&v, "far");
	world_run(&v, 5000);
	ck_assert_str_eq(asked(&v), "m5.large");
	ck_assert_uint_eq(v.cloud.dry_run.asked, 1);
	world_down(&v, "far");
	world_run(&v, 2 * MINUTE);
	v.cloud.dry_run.code = DENIED;
	world_up(&v, "near");
	world_run(&v, 5000);
	ck_assert_uint_eq(v.cloud.dry_run.asked, 2);
	world_up(&v, "far");
	world_turn(&v);
	ck_assert_int_eq(worker_state(far), WORKER_NOT_SUBSTANTIATED);
	ck_assert_int_eq(far->last_error.reason, REASON_AUTH);
	v.cloud.dry_run.code = NULL;
	world_up(&v, "other");
	world_run(&v, 5000);
	ck_assert_str_eq(asked(&v), "m5.large");
	world_run(&v, 5 * MINUTE);
	world_up(&v, "far");
	world_run(&v, 5000);
	ck_assert_str_eq(asked(&v), "m5.large");
	world_fini(&v);
}
END_TEST

/* Who hears nothing waits ten seconds, and not again; a late refusal counts all the same. */
START_TEST(test_silence)
{
	struct world v;

	world_init_tried(&v, "  a: { password: x }\n  b: { password: y }\n");
	v.cloud.dry_run.silent = v.cloud.dry_terminate.silent = true;
	world_up(&v, "a");
	world_run(&v, 9900);
	ck_assert_str_eq(asked(&v), "");
	ck_assert_str_eq(worker_phase_name(world_worker(&v, "a")), "placing");
	world_run(&v, 200);
	ck_assert_str_eq(asked(&v), "m5.large");
	world_up(&v, "b");
	world_turn(&v);
	ck_assert_str_eq(asked(&v), "m5.large");
	ck_assert_uint_eq(v.cloud.dry_run.asked, 1);
	world_fini(&v);
}
END_TEST

/* Without an answer nothing is known, so the next launch asks again, and does not wait. */
START_TEST(test_asked_again)
{
	struct world v;

	world_init_tried(&v, "  a: { password: x }\n  b: { password: y }\n");
	v.cloud.dry_terminate.code = "InternalError";
	world_up(&v, "a");
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large");
	ck_assert_uint_eq(v.cloud.dry_run.asked, 1);
	v.cloud.dry_terminate.code = DENIED;
	world_up(&v, "b");
	world_turn(&v);
	ck_assert_str_eq(asked(&v), "m5.large");
	ck_assert_uint_eq(v.cloud.dry_run.asked, 1);
	world_run(&v, 5000);
	ck_assert(is_refused(&v));
	world_fini(&v);
}
END_TEST

/* An invented instance may be allowed where those of the pool are not. */
START_TEST(test_first_instance)
{
	struct world v;
	const char *id;

	world_init_tried(&v, "  a-[1-2]: { password: x }\n");
	world_up(&v, "a-1");
	while (v.cloud.count == 0)
		world_run(&v, 100);
	v.cloud.dry_terminate.code = DENIED;
	world_run(&v, 30000);
	id = v.cloud.instances[0].id;
	ck_assert_str_eq(v.cloud.dry_terminate.what, id);
	ck_assert_uint_ge(v.cloud.dry_terminate.asked, 2);
	ck_assert(is_refused(&v));
	/* the one that runs is not disturbed */
	world_attach(&v, "a-1");
	world_run(&v, 10);
	ck_assert_int_eq(worker_state(world_worker(&v, "a-1")), WORKER_SUBSTANTIATED);
	world_up(&v, "a-2");
	ck_assert_int_eq(worker_state(world_worker(&v, "a-2")),
		WORKER_NOT_SUBSTANTIATED);
	ck_assert(!contains(world_worker(&v, "a-2")->last_error.text, PERMIT_NOBODY));
	v.cloud.dry_terminate.code = NULL;
	world_run(&v, 6 * MINUTE);
	ck_assert(!is_refused(&v));
	world_fini(&v);
}
END_TEST

/* Proven once: no second instance is asked about. */
START_TEST(test_proven)
{
	struct world v;

	world_init_tried(&v, "  a-[1-3]: { password: x }\n");
	world_ready(&v, "a-1");
	ck_assert_uint_eq(v.cloud.dry_terminate.asked, 2);
	world_ready(&v, "a-2");
	world_ready(&v, "a-3");
	ck_assert_uint_eq(v.cloud.dry_terminate.asked, 2);
	world_fini(&v);
}
END_TEST

/* After a restart there is a real one at once. */
START_TEST(test_restart)
{
	struct world v;

	world_init_tried(&v, "  a-[1-2]: { password: x }\n");
	world_ready(&v, "a-1");
	world_restart(&v);
	world_run(&v, 5000);
	ck_assert_uint_eq(v.cloud.dry_terminate.asked, 2);
	world_up(&v, "a-2");
	ck_assert_uint_eq(v.cloud.dry_terminate.asked, 3);
	ck_assert_str_eq(v.cloud.dry_terminate.what, v.cloud.instances[0].id);
	world_fini(&v);
}
END_TEST

static const struct ec2_answer denied = {.verdict = VERDICT_REFUSED,
	.class = EC2_CLASS_AUTH,
	.err = {.code = ERR_SERVICE, .reason = REASON_AUTH, .origin = DENIED}};

static void
deny(struct world *v, const char *worker)
{
	permits_terminated(v->pool->permits, world_worker(v, worker)->launch->instance,
		&denied);
	world_turn(v);
}

/* Terminates do not ask for leave, and one that is refused stops the launches. */
START_TEST(test_a_terminate_is_refused)
{
	struct world v;

	world_init_tried(&v, "  a-[1-2]: { password: x }\n");
	world_ready(&v, "a-1");
	v.cloud.dry_terminate.code = DENIED;
	deny(&v, "a-1");
	ck_assert(is_refused(&v));
	world_down(&v, "a-1");
	world_run(&v, MINUTE);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	ck_assert(!is_refused(&v)); /* for one was accepted */
	world_fini(&v);
}
END_TEST

/* One that lost its tags may not be ended; the others may, so launches go on. */
START_TEST(test_one_of_many_may_not_be_ended)
{
	struct world v;
	const char *other;
	unsigned asked_before;

	world_init_tried(&v, "  a-[1-3]: { password: x, " MAILED " }\n");
	world_ready(&v, "a-1");
	world_ready(&v, "a-2");
	other = world_worker(&v, "a-2")->launch->instance->id;
	asked_before = v.cloud.dry_terminate.asked;
	for (unsigned n = 1; n <= 3; n++) {
		deny(&v, "a-1");
		ck_assert_uint_eq(v.cloud.dry_terminate.asked, asked_before + n);
		ck_assert_str_eq(v.cloud.dry_terminate.what, other);
		world_run(&v, 10000);
		deny(&v, "a-1"); /* not so soon again */
		ck_assert_uint_eq(v.cloud.dry_terminate.asked, asked_before + n);
		ck_assert(!is_refused(&v));
		world_run(&v, 20000);
	}
	ck_assert_uint_eq(mails(&v), 0);
	v.cloud.dry_terminate.code = DENIED;
	deny(&v, "a-1");
	ck_assert(!is_refused(&v));
	world_run(&v, 5000);
	ck_assert(is_refused(&v)); /* of the other as well */
	v.cloud.dry_terminate.code = NULL;
	for (unsigned n = 0; n < 12; n++) { /* which puts nothing off */
		deny(&v, "a-1");
		world_run(&v, MINUTE / 2);
	}
	ck_assert(!is_refused(&v));
	ck_assert_uint_eq(mails(&v), 1);
	world_fini(&v);
}
END_TEST

/* Whoever is asked next is another each time. */
START_TEST(test_they_take_turns)
{
	struct world v;
	struct strings seen = {0};

	world_init_tried(&v, "  a-[1-3]: { password: x }\n");
	world_ready(&v, "a-1");
	world_ready(&v, "a-2");
	world_ready(&v, "a-3");
	v.cloud.dry_terminate.code = DENIED;
	deny(&v, "a-1");
	for (unsigned n = 0; n < 18; n++) { /* before they are idle for too long */
		if (!strings_contain(&seen, v.cloud.dry_terminate.what))
			strings_add(&seen, v.cloud.dry_terminate.what);
		world_run(&v, MINUTE / 2);
	}
	ck_assert(is_refused(&v));
	ck_assert_uint_eq(seen.count, 3);
	strings_fini(&seen);
	world_fini(&v);
}
END_TEST

/* What is under way about an instance that does not exist is not taken for one that does. */
START_TEST(test_refused_while_nobody_is_asked_about)
{
	struct world v;
	const char *id;

	world_init_tried(&v, "  a: { password: x }\n");
	v.cloud.dry_terminate.silent = true;
	world_up(&v, "a");
	world_run(&v, 30000);
	ck_assert_str_eq(v.cloud.dry_terminate.what, PERMIT_NOBODY);
	ck_assert_uint_eq(v.cloud.dry_terminate.asked, 1);
	id = world_worker(&v, "a")->launch->instance->id;
	v.cloud.dry_terminate.silent = false;
	v.cloud.dry_terminate.code = DENIED;
	deny(&v, "a");
	world_run(&v, 2 * MINUTE);
	ck_assert(is_refused(&v));
	ck_assert_str_eq(v.cloud.dry_terminate.what, id);
	ck_assert_uint_ge(v.cloud.dry_terminate.asked, 2);
	v.cloud.dry_terminate.code = NULL;
	world_run(&v, 5 * MINUTE);
	ck_assert(!is_refused(&v));
	world_fini(&v);
}
END_TEST

/* A launch says more than a trial where EC2 has other reasons: then launches decide. */
START_TEST(test_doubt)
{
	struct world v;

	world_init_tried(&v, "  a-[1-3]: { password: x, " MAILED " }\n");
	refuse(&v, 0, (struct fake_refusal){"PendingVerification", .times = 2});
	world_up(&v, "a-1");
	world_run(&v, 10000);
	ck_assert_str_eq(asked(&v), "m5.large");
	ck_assert_int_eq(worker_state(world_worker(&v, "a-1")),
		WORKER_NOT_SUBSTANTIATED);
	world_run(&v, 4 * MINUTE);
	ck_assert(is_refused(&v));
	world_up(&v, "a-1");
	ck_assert_int_eq(worker_state(world_worker(&v, "a-1")),
		WORKER_NOT_SUBSTANTIATED);
	world_run(&v, MINUTE);
	world_up(&v, "a-1"); /* decides; the other waits for that */
	world_up(&v, "a-2");
	world_turn(&v);
	ck_assert_str_eq(worker_phase_name(world_worker(&v, "a-2")), "placing");
	world_run(&v, 10000);
	ck_assert_str_eq(asked(&v), "m5.large");
	ck_assert_int_eq(worker_state(world_worker(&v, "a-2")),
		WORKER_NOT_SUBSTANTIATED);
	ck_assert_uint_eq(mails(&v), 1);
	world_run(&v, 5 * MINUTE);
	world_up(&v, "a-1");
	world_up(&v, "a-2");
	world_run(&v, 30000);
	ck_assert_str_eq(asked(&v), "m5.large; m5.large");
	ck_assert(!is_refused(&v));
	world_fini(&v);
}
END_TEST

/* A refusal that a trial sees ends as soon as a trial sees none. */
START_TEST(test_refused_and_tried)
{
	struct world v;

	world_init_tried(&v, "  a: { password: x }\n");
	refuse(&v, 0, (struct fake_refusal){DENIED, .times = 1});
	world_up(&v, "a");
	while (v.cloud.runs_asked.count == 0)
		world_run(&v, 10);
	v.cloud.dry_run.code = DENIED;
	world_run(&v, 10000);
	ck_assert(is_refused(&v));
	ck_assert_uint_eq(v.cloud.dry_run.asked, 2);
	v.cloud.dry_run.code = NULL;
	world_run(&v, 5 * MINUTE);
	ck_assert(!is_refused(&v));
	world_fini(&v);
}
END_TEST

/* One that is reserved and not sent yet is not sent any more. */
START_TEST(test_reserved)
{
	struct world v;
	struct worker *w;

	world_init_tried(&v,
		"  a: { password: x }\n  b: { password: y, region: eu-west-1 }\n");
	v.cloud.script[0] = (struct fake_answer){VERDICT_LATER, EC2_CLASS_THROTTLE,
		.times = 1000};
	w = world_worker(&v, "a");
	world_up(&v, "a");
	while (w->launch == NULL || w->launch->phase != LAUNCH_RESERVED ||
		w->launch->try_ms < clock_ms() + 5000)
		world_run(&v, 100);
	v.cloud.script[0].times = 0;
	v.cloud.dry_run.code = DENIED;
	world_up(&v, "b");
	world_run(&v, MINUTE);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert_int_eq(w->last_error.reason, REASON_AUTH);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	world_fini(&v);
}
END_TEST

/* A reload may have changed what was refused: the next launch asks anew. */
START_TEST(test_reload)
{
	struct world v;

	world_init_tried(&v, "  a: { password: x, instance_profile_name: p }\n");
	v.cloud.dry_run.code = DENIED;
	world_up(&v, "a");
	world_run(&v, 5000);
	ck_assert(is_refused(&v));
	world_reload(&v, "  a: { password: x }\n");
	ck_assert(!is_refused(&v));
	v.cloud.dry_run.code = NULL;
	world_up(&v, "a");
	ck_assert(!contains(v.cloud.dry_run.what, "IamInstanceProfile"));
	world_run(&v, 5000);
	ck_assert_str_eq(asked(&v), "m5.large");
	world_fini(&v);
}
END_TEST

/* A cloud may go while it is asked, and a pool too. */
START_TEST(test_goes_while_asked)
{
	struct world v;

	world_init_tried(&v, "  a: { password: x, region: eu-west-1 }\n");
	world_up(&v, "a");
	ck_assert_uint_eq(v.cloud.dry_run.asked, 1);
	world_down(&v, "a");
	world_reload(&v, "  a: { password: x }\n");
	world_run(&v, 10000);
	world_up(&v, "a");
	ck_assert_uint_eq(v.cloud.dry_run.asked, 2);
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("permit");
	TCase *t = tcase_create("permits");

	tcase_add_test(t, test_first_use);
	tcase_add_loop_test(t, test_answers, 0, COUNT_OF(answers));
	tcase_add_test(t, test_may_not_terminate);
	tcase_add_test(t, test_a_set_is_more_than_a_cloud);
	tcase_add_test(t, test_silence);
	tcase_add_test(t, test_asked_again);
	tcase_add_test(t, test_first_instance);
	tcase_add_test(t, test_proven);
	tcase_add_test(t, test_restart);
	tcase_add_test(t, test_a_terminate_is_refused);
	tcase_add_test(t, test_one_of_many_may_not_be_ended);
	tcase_add_test(t, test_they_take_turns);
	tcase_add_test(t, test_refused_while_nobody_is_asked_about);
	tcase_add_test(t, test_doubt);
	tcase_add_test(t, test_refused_and_tried);
	tcase_add_test(t, test_reserved);
	tcase_add_test(t, test_reload);
	tcase_add_test(t, test_goes_while_asked);
	suite_add_tcase(s, t);
	return s;
}
