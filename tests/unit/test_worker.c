/* SPDX-License-Identifier: Apache-2.0 */
/* The letters and numbers are those of the statements about Buildbot's behaviour. */
#include "core/worker.h"
#include "core/worker_view.h"
#include "base/clock.h"
#include "core/event.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/pool.h"
#include "core/waiter.h"
#include "unit.h"
#include "world.h"

#include <string.h>

#define FIXED                                                                          \
	"  a: { password: x, missing_timeout: 5m, build_wait_timeout: 2m,"             \
	" notify_on_missing: root@localhost }\n"
#define MADE                                                                           \
	"  g: { password: generated, user_data: '{{ password }}', build_wait_timeout: -1 }\n"

static const struct cause tester = {"uid 0", "test"};

static size_t
events_of(const struct worker *w, enum event_type type)
{
	size_t count = 0;

	for (size_t n = 0; n < event_ring_count(w->recent); n++)
		count += event_ring_get(w->recent, n)->type == type;
	return count;
}

START_TEST(test_up_attached_down)
{
	struct world v;
	struct world_told up = {0}, down = {0};
	struct worker *w;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert_ptr_null(worker_phase_name(w));
	world_up(&v, "a");
	ck_assert_int_eq(w->generation, 1);
	(void)worker_wait(w, WAIT_ATTACHED, 0, world_on_told, &up);
	world_run(&v, 30000);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATING);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	ck_assert_int_eq(up.calls, 0);
	world_attach(&v, "a");
	world_turn(&v);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATED);
	ck_assert_int_eq(up.calls, 1);
	ck_assert_int_eq(up.err.code, ERR_NONE);
	world_down(&v, "a");
	(void)worker_wait(w, WAIT_STOPPED, 0, world_on_told, &down);
	ck_assert_int_eq(worker_state(w), WORKER_INSUBSTANTIATING);
	world_run(&v, 60000);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert_int_eq(down.calls, 1);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	ck_assert_ptr_null(v.pool->instances);
	ck_assert_ptr_null(v.pool->launches);
	world_fini(&v);
}
END_TEST

/* The phases that the world hears of are those of the launch, then those of the instance. */
START_TEST(test_phases_told)
{
	static const char *const expected[] = {"reserved", "sending", "pending",
		"running", "waiting", "ready", "condemned", "gone"};
	struct world v;
	struct worker *w;
	const char *last = NULL;
	size_t told = 0;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	world_ready(&v, "a");
	world_down(&v, "a");
	world_run(&v, 60000);
	for (size_t back = event_ring_count(w->recent); back-- > 0;) {
		const struct event *e = event_ring_get(w->recent, back);

		if (e->type != EVENT_PHASE)
			continue;
		ck_assert_uint_lt(told, COUNT_OF(expected));
		ck_assert_str_eq(e->to, expected[told++]);
		ck_assert(str_equal(e->from, last));
		last = e->to;
	}
	ck_assert_uint_eq(told, COUNT_OF(expected));
	world_fini(&v);
}
END_TEST

/* M2: one start serves all; the missing timer is not restarted. */
START_TEST(test_second_substantiate_joins)
{
	struct world v;
	struct world_told first = {0}, second = {0};
	struct worker *w;
	int64_t due;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	world_up(&v, "a");
	due = w->missing.boot_ms;
	(void)worker_wait(w, WAIT_RUNNING, 0, world_on_told, &first);
	world_run(&v, 1000);
	world_up(&v, "a");
	(void)worker_wait(w, WAIT_RUNNING, 0, world_on_told, &second);
	ck_assert_int_eq(w->generation, 1);
	ck_assert(w->missing.boot_ms == due);
	world_run(&v, 30000);
	ck_assert_int_eq(first.calls, 1);
	ck_assert_int_eq(second.calls, 1);
	ck_assert(v.cloud.runs == 1);
	world_fini(&v);
}
END_TEST

/* M6, L11: queued until the old machine is terminated, for its password is fixed. */
START_TEST(test_up_while_stopping_is_queued)
{
	struct world v;
	struct worker *w;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	world_ready(&v, "a");
	world_down(&v, "a");
	world_up(&v, "a");
	ck_assert_int_eq(w->generation, 2);
	ck_assert_int_eq(worker_state(w), WORKER_INSUBSTANTIATING);
	ck_assert(worker_is_queued(w));
	world_run(&v, 60000);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATING);
	ck_assert(!worker_is_queued(w));
	ck_assert(v.cloud.runs == 2);
	ck_assert_str_eq(v.cloud.violation, "");
	world_fini(&v);
}
END_TEST

/* A generated password makes the name free when the old machine is shutting down. */
START_TEST(test_generated_password_frees_the_name_early)
{
	struct world v;
	struct worker *w;
	bool overlapped = false;

	world_init(&v, MADE);
	w = world_worker(&v, "g");
	world_ready(&v, "g");
	world_down(&v, "g");
	world_up(&v, "g");
	for (int n = 0; n < 300; n++) {
		world_run(&v, 100);
		overlapped |= v.cloud.count == 2 &&
			v.cloud.instances[0].state == EC2_STATE_SHUTTING_DOWN;
	}
	ck_assert_msg(overlapped,
		"the second did not start before the first was terminated");
	ck_assert_str_eq(v.cloud.violation, "");
	ck_assert_int_eq(w->generation, 2);
	world_fini(&v);
}
END_TEST

/* M15: an insubstantiate drops the queued start, its waiters are told. */
START_TEST(test_down_drops_the_queued_start)
{
	struct world v;
	struct world_told t = {0};
	struct worker *w;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	world_ready(&v, "a");
	world_down(&v, "a");
	world_up(&v, "a");
	(void)worker_wait(w, WAIT_ATTACHED, 0, world_on_told, &t);
	world_down(&v, "a");
	world_turn(&v);
	ck_assert_int_eq(t.calls, 1);
	ck_assert_int_eq(t.err.code, ERR_CANCELLED);
	world_run(&v, 60000);
	ck_assert(v.cloud.runs == 1);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* M16: never waits for the start; what was sent is resolved and condemned. */
START_TEST(test_down_while_starting_cancels_at_once)
{
	struct world v;
	struct world_told t = {0};
	struct worker *w;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	world_up(&v, "a");
	(void)worker_wait(w, WAIT_ATTACHED, 0, world_on_told, &t);
	for (int n = 0; n < 5; n++)
		world_turn(&v);
	ck_assert(v.cloud.runs == 1);
	world_down(&v, "a");
	world_turn(&v);
	ck_assert_int_eq(t.err.code, ERR_CANCELLED);
	ck_assert_int_eq(worker_state(w), WORKER_INSUBSTANTIATING);
	world_run(&v, 60000);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	world_fini(&v);
}
END_TEST

/* W1: launched, never attached. Waiters get `missing`, the mail is spooled, it ends. */
START_TEST(test_missing)
{
	struct world v;
	struct world_told t = {0};
	struct worker *w;
	struct notice_row *row;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	world_up(&v, "a");
	(void)worker_wait(w, WAIT_ATTACHED, 0, world_on_told, &t);
	world_run(&v, 5 * 60000 - 2000);
	ck_assert_int_eq(t.calls, 0);
	world_run(&v, 4000);
	ck_assert_int_eq(t.calls, 1);
	ck_assert_int_eq(t.err.code, ERR_MISSING);
	ck_assert_uint_eq(events_of(w, EVENT_MISSING), 1);
	world_run(&v, 30000);
	row = notices_rows(v.pool->notices);
	ck_assert_ptr_nonnull(row);
	ck_assert_ptr_null(row->next);
	ck_assert_str_eq(row->recipient, "root@localhost");
	ck_assert_str_eq(row->subject, "ec2workerd test: worker a missing");
	ck_assert_ptr_nonnull(strstr(row->body, "i-"));
	ck_assert_ptr_nonnull(strstr(row->body, "boot"));
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	world_fini(&v);
}
END_TEST

/* Nothing could be launched: `failed` with the last reason, and a mail that says so. */
START_TEST(test_never_launched)
{
	static const struct {
		struct fake_faults faults;
		enum err_reason reason;
		const char *subject;
	} cases[] = {
		{{.never_sent = 1000}, REASON_NETWORK, "does not start: network"},
		{{.throttle = 1000}, REASON_THROTTLED, "does not start: throttled"},
		{{.refuse = 1000}, REASON_CAPACITY, "does not start: capacity"},
	};
	const unsigned n = (unsigned)_i;
	struct world v;
	struct world_told t = {0};
	struct notice_row *row;
	struct worker *w;

	world_init(&v, FIXED);
	v.cloud.faults = cases[n].faults;
	w = world_worker(&v, "a");
	world_up(&v, "a");
	(void)worker_wait(w, WAIT_RUNNING, 0, world_on_told, &t);
	world_run(&v, 60000);
	ck_assert_int_eq(t.calls, 0);
	ck_assert_int_eq(w->last_error.reason, cases[n].reason);
	world_run(&v, 5 * 60000);
	ck_assert_int_eq(t.calls, 1);
	ck_assert_int_eq(t.err.code, ERR_FAILED);
	ck_assert_int_eq(t.err.reason, cases[n].reason);
	ck_assert_uint_eq(events_of(w, EVENT_FAILED), 1);
	row = notices_rows(v.pool->notices);
	ck_assert_ptr_nonnull(row);
	ck_assert_ptr_null(row->next);
	ck_assert_ptr_null(row->console_of);
	ck_assert_ptr_nonnull(strstr(row->subject, cases[n].subject));
	ck_assert_ptr_nonnull(strstr(row->body, "could not be started"));
	ck_assert_ptr_nonnull(strstr(row->body, "never launched within"));
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* A start of a that comes to nothing. */
static void
fail_to_start(struct world *v)
{
	v->cloud.faults.refuse = 1000;
	world_up(v, "a");
	world_run(v, 6 * 60000);
	ck_assert_int_eq(worker_state(world_worker(v, "a")), WORKER_NOT_SUBSTANTIATED);
	v->cloud.faults.refuse = 0;
}

/* N1: however often it is tried, and over a restart; until it is up, and fails anew. */
START_TEST(test_one_mail_of_failures)
{
	struct world v;

	world_init(&v, FIXED);
	fail_to_start(&v);
	fail_to_start(&v);
	world_restart(&v);
	fail_to_start(&v);
	ck_assert_uint_eq(notices_count(v.pool->notices), 1);
	world_ready(&v, "a");
	world_down(&v, "a");
	world_run(&v, 6 * 60000);
	fail_to_start(&v);
	ck_assert_uint_eq(notices_count(v.pool->notices), 2);
	world_fini(&v);
}
END_TEST

/* M27: the death of a starting machine is seen by the listing, and said at once. */
START_TEST(test_dies_while_starting)
{
	struct world v;
	struct world_told t = {0};
	struct worker *w;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	world_up(&v, "a");
	(void)worker_wait(w, WAIT_ATTACHED, 0, world_on_told, &t);
	world_run(&v, 30000);
	fake_cloud_kill(&v.cloud, world_living(&v, "a"), EC2_STATE_TERMINATED);
	world_run(&v, 3000);
	ck_assert_int_eq(t.calls, 1);
	ck_assert_int_eq(t.err.code, ERR_FAILED);
	ck_assert_int_eq(t.err.reason, REASON_INSTANCE_DIED);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

START_TEST(test_lost_when_ready)
{
	static const int states[] = {EC2_STATE_TERMINATED, EC2_STATE_SHUTTING_DOWN,
		EC2_STATE_STOPPED};
	struct world v;
	struct worker *w;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	world_ready(&v, "a");
	fake_cloud_kill(&v.cloud, world_living(&v, "a"), states[_i]);
	world_run(&v, 61000);
	ck_assert_uint_eq(events_of(w, EVENT_LOST), 1);
	ck_assert(!w->attached);
	world_run(&v, 60000);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	world_fini(&v);
}
END_TEST

/* M10, L14: attached without a live launch, for another generation, twice. */
START_TEST(test_attach_is_judged)
{
	struct world v;
	struct worker *w;
	struct err err;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	ck_assert_int_eq(worker_attached(w, 0, NULL, &tester, &err), -1);
	ck_assert_int_eq(err.code, ERR_UNEXPECTED_ATTACH);
	ck_assert_int_eq(worker_attached(w, 3, NULL, &tester, &err), -1);
	ck_assert_int_eq(err.code, ERR_STALE_GENERATION);
	world_ready(&v, "a");
	ck_assert_int_eq(worker_attached(w, 1, NULL, &tester, &err), 0);
	ck_assert_uint_eq(events_of(w, EVENT_ATTACHED), 1);
	ck_assert_int_eq(worker_attached(w, 1, "i-0123456789abcdef0", &tester, &err),
		-1);
	ck_assert_int_eq(err.code, ERR_STALE_GENERATION);
	world_fini(&v);
}
END_TEST

/* M12: with a negative build_wait_timeout accepted in any state, and nothing changes. */
START_TEST(test_attach_with_negative_wait)
{
	struct world v;
	struct err err;

	world_init(&v, MADE);
	ck_assert_int_eq(worker_attached(world_worker(&v, "g"), 0, NULL, &tester, &err),
		0);
	ck_assert(!world_worker(&v, "g")->attached);
	world_fini(&v);
}
END_TEST

/* A machine may attach before a listing shows it running. */
START_TEST(test_attach_before_running)
{
	struct world v;
	struct worker *w;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	world_up(&v, "a");
	for (int n = 0; n < 5; n++)
		world_turn(&v);
	world_attach(&v, "a"); /* in `sending` */
	world_run(&v, 5000);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* M4, M14: a detach leaves it ready; the next wish joins, waits again, and may find it missing. */
START_TEST(test_detached_and_wanted_again)
{
	struct world v;
	struct worker *w;
	struct err err;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	world_ready(&v, "a");
	ck_assert_int_eq(worker_detached(w, 1, NULL, &tester, &err), 0);
	world_turn(&v);
	ck_assert_str_eq(worker_phase_name(w), "ready");
	ck_assert(!deadline_is_set(&w->missing));
	world_up(&v, "a");
	ck_assert_int_eq(w->generation, 1);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	ck_assert(deadline_is_set(&w->missing));
	ck_assert_int_eq(worker_build_started(w, 1, NULL, 1, &tester, &err), 0);
	world_run(&v, 5 * 60000 + 5000);
	ck_assert_uint_eq(events_of(w, EVENT_MISSING), 1);
	world_run(&v, 60000);
	ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* M20, M21: idle from the attach, not while a build runs, from the last build's end. */
START_TEST(test_build_wait_timeout)
{
	struct world v;
	struct worker *w;
	struct err err;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	world_ready(&v, "a");
	ck_assert(deadline_is_set(&w->idle));
	ck_assert_int_eq(worker_build_started(w, 1, "b/1", -1, &tester, &err), 0);
	ck_assert_int_eq(w->building, 1);
	world_run(&v, 10 * 60000);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATED);
	ck_assert_int_eq(worker_build_finished(w, 1, "b/1", -1, &tester, &err), 0);
	world_run(&v, 119000);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATED);
	world_run(&v, 2000);
	ck_assert_int_eq(worker_state(w), WORKER_INSUBSTANTIATING);
	world_fini(&v);
}
END_TEST

START_TEST(test_build_wait_zero_and_negative)
{
	struct world v;
	struct err err;

	world_init(&v, "  z: { password: x, build_wait_timeout: 0 }\n" MADE);
	world_ready(&v, "z");
	ck_assert(!deadline_is_set(&world_worker(&v, "z")->idle));
	ck_assert_int_eq(worker_build_started(world_worker(&v, "z"), 0, NULL, 1,
				 &tester, &err),
		0);
	ck_assert_int_eq(worker_build_finished(world_worker(&v, "z"), 0, NULL, 0,
				 &tester, &err),
		0);
	ck_assert_int_eq(worker_state(world_worker(&v, "z")), WORKER_INSUBSTANTIATING);
	world_ready(&v, "g");
	ck_assert_int_eq(worker_build_started(world_worker(&v, "g"), 0, NULL, 1,
				 &tester, &err),
		0);
	ck_assert_int_eq(worker_build_finished(world_worker(&v, "g"), 0, NULL, 0,
				 &tester, &err),
		0);
	world_run(&v, 24 * 3600 * 1000);
	ck_assert_int_eq(worker_state(world_worker(&v, "g")), WORKER_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* A stop for an older generation is success with nothing done, for a newer one an error. */
START_TEST(test_stop_by_generation)
{
	struct world v;
	struct worker *w;
	struct err err;
	bool done = false;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	ck_assert_int_eq(worker_insubstantiate(w, 0, &tester, &done, &err), 0);
	ck_assert(done); /* it is down as asked */
	world_ready(&v, "a");
	world_down(&v, "a");
	world_run(&v, 60000);
	world_ready(&v, "a");
	ck_assert_int_eq(w->generation, 2);
	ck_assert_int_eq(worker_insubstantiate(w, 1, &tester, &done, &err), 0);
	ck_assert(!done);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATED);
	ck_assert_int_eq(worker_insubstantiate(w, 3, &tester, &done, &err), -1);
	ck_assert_int_eq(err.code, ERR_STALE_GENERATION);
	ck_assert_int_eq(worker_insubstantiate(w, 2, &tester, &done, &err), 0);
	ck_assert(done);
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("worker");
	TCase *t = tcase_create("life");

	tcase_add_test(t, test_up_attached_down);
	tcase_add_test(t, test_phases_told);
	tcase_add_test(t, test_second_substantiate_joins);
	tcase_add_test(t, test_up_while_stopping_is_queued);
	tcase_add_test(t, test_generated_password_frees_the_name_early);
	tcase_add_test(t, test_down_drops_the_queued_start);
	tcase_add_test(t, test_down_while_starting_cancels_at_once);
	tcase_add_test(t, test_missing);
	tcase_add_loop_test(t, test_never_launched, 0, 3);
	tcase_add_test(t, test_one_mail_of_failures);
	tcase_add_test(t, test_dies_while_starting);
	tcase_add_loop_test(t, test_lost_when_ready, 0, 3);
	tcase_add_test(t, test_attach_is_judged);
	tcase_add_test(t, test_attach_with_negative_wait);
	tcase_add_test(t, test_attach_before_running);
	tcase_add_test(t, test_detached_and_wanted_again);
	tcase_add_test(t, test_build_wait_timeout);
	tcase_add_test(t, test_build_wait_zero_and_negative);
	tcase_add_test(t, test_stop_by_generation);
	suite_add_tcase(s, t);
	return s;
}
