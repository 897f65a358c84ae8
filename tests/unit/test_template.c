/* SPDX-License-Identifier: Apache-2.0 */
/* A row of the file that EC2 refuses rests, with all that is made from it, until a reload. */
#include "core/rest.h"
#include "base/clock.h"
#include "core/event.h"
#include "core/health.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/pool.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "place_util.h"
#include "unit.h"

#include <string.h>

#define WRONG "InvalidKeyPair.NotFound"
#define ROW "  a-[1-3]: { password: x, notify_on_missing: ci@localhost, keypair_name: "
#define OTHER "  b: { password: y }\n"

static size_t
mails_about(struct world *v, const char *subject)
{
	size_t count = 0;

	for (const struct notice_row *row = notices_rows(v->pool->notices); row != NULL;
		row = row->next)
		count += strstr(row->subject, subject) != NULL;
	return count;
}

static const struct episode *
episode(struct world *v)
{
	const struct episode *e = health_next(v->pool->health, NULL);

	while (e != NULL && e->condition != CONDITION_CONFIGURATION)
		e = health_next(v->pool->health, e);
	return e;
}

/* The first is refused; the others fail without EC2 being asked. Other rows are not meant. */
START_TEST(test_rests)
{
	struct world v;
	const struct worker *w;

	world_init(&v, ROW "bad }\n" OTHER);
	refuse(&v, 0, (struct fake_refusal){WRONG, .times = 1});
	world_up(&v, "a-1");
	world_run(&v, 10000);
	ck_assert_str_eq(asked(&v), "m5.large");
	for (int n = 1; n <= 3; n++) {
		const char name[] = {'a', '-', (char)('0' + n), '\0'};

		world_up(&v, name);
		w = world_worker(&v, name);
		ck_assert_int_eq(worker_state(w), WORKER_NOT_SUBSTANTIATED);
		ck_assert_int_eq(w->last_error.reason, REASON_CONFIG);
		ck_assert_str_eq(w->last_error.origin, WRONG);
	}
	world_run(&v, 24 * 60 * MINUTE);
	ck_assert_str_eq(asked(&v), "");
	world_up(&v, "b");
	world_run(&v, 10000);
	ck_assert_str_eq(asked(&v), "m5.large");
	world_fini(&v);
}
END_TEST

/* In the status, by one event and one mail, however many are refused; until it is mended. */
START_TEST(test_is_told)
{
	struct world v;

	world_init(&v, ROW "bad }\n" OTHER);
	refuse(&v, 0, (struct fake_refusal){WRONG, .times = 99});
	ck_assert_ptr_null(episode(&v));
	world_up(&v, "a-1");
	world_up(&v, "a-2");
	world_run(&v, 10000);
	world_up(&v, "a-3");
	world_run(&v, 10000);
	ck_assert_ptr_nonnull(episode(&v));
	ck_assert_ptr_nonnull(strstr(episode(&v)->err.text, WRONG));
	ck_assert_uint_eq(mails_about(&v, "refuses what the file asks for"), 1);
	world_reload(&v, ROW "good }\n" OTHER);
	ck_assert_ptr_null(episode(&v));
	world_fini(&v);
}
END_TEST

/* A reload wakes it; what is still wrong rests again after one question. */
START_TEST(test_reload)
{
	struct world v;

	world_init(&v, ROW "bad }\n" OTHER);
	refuse(&v, 0, (struct fake_refusal){WRONG, .times = 2});
	world_up(&v, "a-1");
	world_run(&v, 10000);
	(void)asked(&v);
	world_reload(&v, ROW "worse }\n" OTHER);
	world_up(&v, "a-1");
	world_run(&v, 10000);
	world_up(&v, "a-2");
	world_run(&v, 10000);
	ck_assert_str_eq(asked(&v), "m5.large");
	ck_assert_int_eq(worker_state(world_worker(&v, "a-2")),
		WORKER_NOT_SUBSTANTIATED);
	world_reload(&v, ROW "good }\n" OTHER);
	world_up(&v, "a-2");
	world_run(&v, MINUTE);
	ck_assert_str_eq(asked(&v), "m5.large");
	ck_assert_str_eq(worker_phase_name(world_worker(&v, "a-2")), "waiting");
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("template");
	TCase *t = tcase_create("templates");

	tcase_add_test(t, test_rests);
	tcase_add_test(t, test_is_told);
	tcase_add_test(t, test_reload);
	suite_add_tcase(s, t);
	return s;
}
