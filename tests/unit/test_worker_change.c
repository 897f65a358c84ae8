/* SPDX-License-Identifier: Apache-2.0 */
/* What a restart and a reload do to workers, and which password is theirs. */
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

/* A restart in each phase changes nothing that can be seen, and starts no second machine. */
START_TEST(test_restart_changes_nothing)
{
	static const int64_t moments[] = {0, 10, 1000, 30000};
	struct world v;
	struct worker *w;
	int64_t due;

	world_init(&v, FIXED);
	world_up(&v, "a");
	world_run(&v, moments[_i]);
	due = world_worker(&v, "a")->missing.boot_ms;
	world_restart(&v);
	w = world_worker(&v, "a");
	ck_assert_int_eq(w->generation, 1);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATING);
	ck_assert(w->missing.boot_ms == due);
	world_run(&v, 60000);
	ck_assert_str_eq(worker_phase_name(w), "waiting");
	ck_assert(v.cloud.runs == 1);
	world_attach(&v, "a");
	world_turn(&v);
	world_restart(&v);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_SUBSTANTIATED);
	ck_assert(world_worker(&v, "a")->attached);
	world_run(&v, 1000);
	ck_assert_str_eq(v.cloud.violation, "");
	world_fini(&v);
}
END_TEST

/* A condemned instance is terminated after a restart, whatever else. */
START_TEST(test_restart_while_condemned)
{
	struct world v;

	world_init(&v, FIXED);
	world_ready(&v, "a");
	v.cloud.faults.never_sent = 1000;
	world_down(&v, "a");
	world_run(&v, 3000);
	world_restart(&v);
	v.cloud.faults.never_sent = 0;
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_INSUBSTANTIATING);
	world_run(&v, 60000);
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	ck_assert_int_eq(worker_state(world_worker(&v, "a")), WORKER_NOT_SUBSTANTIATED);
	world_fini(&v);
}
END_TEST

/* C9, M25: removed by a reload: no new start, the instance lives to its stop, then it is hidden. */
START_TEST(test_removed_by_reload)
{
	struct world v;
	struct err err;
	struct worker *w;

	world_init(&v, FIXED MADE);
	world_ready(&v, "g");
	world_reload(&v, FIXED);
	w = world_worker(&v, "g");
	ck_assert(w->removed);
	world_run(&v, 60000);
	ck_assert_int_eq(worker_state(w), WORKER_SUBSTANTIATED);
	world_restart(&v); /* and the daemon still knows it, without configuration */
	world_run(&v, 60000);
	ck_assert_int_eq(worker_state(world_worker(&v, "g")), WORKER_SUBSTANTIATED);
	world_down(&v, "g");
	ck_assert_int_eq(worker_substantiate(world_worker(&v, "g"), &tester, NULL,
				 &err),
		-1);
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	world_run(&v, 60000);
	ck_assert_ptr_null(pool_find(v.pool, "g"));
	ck_assert(fake_cloud_living(&v.cloud) == 0);
	world_fini(&v);
}
END_TEST

/* W4: a running deadline keeps what has elapsed. */
START_TEST(test_reload_changes_timeout)
{
	struct world v;
	struct worker *w;
	int64_t due;

	world_init(&v, FIXED);
	w = world_worker(&v, "a");
	world_up(&v, "a");
	due = w->missing.boot_ms;
	world_run(&v, 60000);
	world_reload(&v,
		"  a: { password: x, missing_timeout: 7m, build_wait_timeout: 2m }\n");
	ck_assert(w->missing.boot_ms == due + 120000);
	ck_assert(!w->stale);
	world_reload(&v, "  a: { password: x, missing_timeout: 7m, ami: ami-99 }\n");
	ck_assert(w->stale);
	world_fini(&v);
}
END_TEST

/* A generated password is the launch's, the same after a restart, and another next time. */
START_TEST(test_passwords)
{
	struct world v;
	struct secret fixed = {NULL}, first = {NULL}, again = {NULL}, next = {NULL};
	struct err err;

	world_init(&v, FIXED MADE);
	ck_assert_int_eq(worker_password(world_worker(&v, "a"), &fixed, &err), 0);
	ck_assert_str_eq(fixed.text, "x");
	ck_assert_int_eq(worker_password(world_worker(&v, "g"), &first, &err), -1);
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	world_ready(&v, "g");
	ck_assert_int_eq(worker_password(world_worker(&v, "g"), &first, &err), 0);
	ck_assert_uint_ge(strlen(first.text), 32);
	world_restart(&v);
	ck_assert_int_eq(worker_password(world_worker(&v, "g"), &again, &err), 0);
	ck_assert_str_eq(first.text, again.text);
	world_down(&v, "g");
	world_run(&v, 60000);
	world_ready(&v, "g");
	ck_assert_int_eq(worker_password(world_worker(&v, "g"), &next, &err), 0);
	ck_assert_str_ne(first.text, next.text);
	secret_fini(&fixed);
	secret_fini(&first);
	secret_fini(&again);
	secret_fini(&next);
	world_fini(&v);
}
END_TEST

/* L4: a changed fixed password makes the request irreproducible: it is watched, not sent again. */
START_TEST(test_changed_password_is_not_sent_again)
{
	struct world v;
	struct worker *w;

	world_init(&v, "  a: { password: x, user_data: '{{ password }}' }\n");
	v.cloud.faults.lose_answer = 1000;
	v.cloud.faults.lag = 1000; /* no listing finds it before the answer is missed */
	w = world_worker(&v, "a");
	world_up(&v, "a");
	for (int n = 0; n < 5; n++)
		world_turn(&v);
	ck_assert(v.cloud.runs == 1);
	v.cloud.instances[0].visible_ms = clock_ms() + 90000;
	world_run(&v, 1000);
	ck_assert_str_eq(worker_phase_name(w), "sending");
	world_reload(&v, "  a: { password: y, user_data: '{{ password }}' }\n");
	v.cloud.faults.lose_answer = 0;
	v.cloud.faults.lag = 0;
	world_run(&v, 60000);
	ck_assert_str_eq(worker_phase_name(w), "watch");
	ck_assert(v.cloud.runs == 1);
	world_run(&v, 90000);
	ck_assert_str_eq(v.cloud.violation, "");
	ck_assert(v.cloud.runs == 2);
	/* The first was found and condemned, the second has the new password. */
	ck_assert(!fake_is_living(&v.cloud.instances[0]));
	world_fini(&v);
}
END_TEST

/* Stale is what was made from another configuration, until its end, and nothing after it. */
START_TEST(test_stale)
{
	struct world v;

	world_init(&v, FIXED);
	world_ready(&v, "a");
	ck_assert(!worker_is_stale(world_worker(&v, "a")));
	world_reload(&v, "  a: { password: x, instance_type: c7i.large }\n");
	ck_assert(worker_is_stale(world_worker(&v, "a")));
	world_restart(&v);
	ck_assert(worker_is_stale(world_worker(&v, "a")));
	world_down(&v, "a");
	world_run(&v, 60000);
	ck_assert(!worker_is_stale(world_worker(&v, "a")));
	world_ready(&v, "a");
	ck_assert(!worker_is_stale(world_worker(&v, "a")));
	world_restart(&v);
	ck_assert(!worker_is_stale(world_worker(&v, "a")));
	world_fini(&v);
}
END_TEST

/* What a running machine does not depend on makes nothing stale. */
START_TEST(test_not_stale)
{
	struct world v;

	world_init(&v, FIXED);
	world_ready(&v, "a");
	world_reload(&v, "  a: { password: x, missing_timeout: 17m }\n");
	ck_assert(!worker_is_stale(world_worker(&v, "a")));
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("worker_change");
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, test_restart_changes_nothing, 0, 4);
	tcase_add_test(t, test_restart_while_condemned);
	tcase_add_test(t, test_removed_by_reload);
	tcase_add_test(t, test_reload_changes_timeout);
	tcase_add_test(t, test_passwords);
	tcase_add_test(t, test_changed_password_is_not_sent_again);
	tcase_add_test(t, test_stale);
	tcase_add_test(t, test_not_stale);
	suite_add_tcase(s, t);
	return s;
}
