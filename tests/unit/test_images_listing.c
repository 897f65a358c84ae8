/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings of images: which questions are the same, when one is asked anew, and that a
 * region's worth of images is searched in slices and not kept beyond a limit.
 */
#include "images_rig.h"
#include "unit.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ec2/query.h"
#include "ec2/verdict.h"

#include <string.h>

/* Another name, another filter: another question; without a pattern the newest wins. */
START_TEST(test_name_and_filters)
{
	static const struct {
		const char *name, *key, *value, *regex;
		const char *id; /* that is chosen */
		size_t asked;   /* so far */
	} cases[] = {
		{NULL, NULL, NULL, NULL, "ami-2", 1},
		{"ci-*", NULL, NULL, NULL, "ami-1", 2},
		{"ci-*", NULL, NULL, "o/(\\d+)", "ami-2", 2},
		{"ci-?", NULL, NULL, NULL, "ami-1", 3},
		{NULL, "tag:a", "b", NULL, "ami-1", 4},
		{NULL, "tag:a", "c", NULL, "ami-1", 5},
		{"ci-*", "tag:a", "b", NULL, "ami-1", 6},
		{NULL, "tag:a", "b", "o/", "ami-2", 6},
	};
	struct images_told t = {.calls = 0};
	struct images_rig r;

	images_rig_init(&r);
	for (size_t n = 0; n < COUNT_OF(cases); n++) {
		size_t before = r.count;
		struct conf_worker w;

		images_worker_init(&w, OWNER, cases[n].regex);
		w.ami_name = xstrdup_opt(cases[n].name);
		if (cases[n].key != NULL)
			strmap_put(&w.ami_filters, cases[n].key, cases[n].value);
		(void)images_ask(&r, &w, &t);
		if (r.count > before) {
			AUTO(free)
			char *filters = cases[n].key == NULL
				? xstrdup("")
				: xasprintf("%s=%s ", cases[n].key, cases[n].value);

			ck_assert_str_eq(r.asked[before].filters, filters);
			ck_assert_str_eq(r.asked[before].name,
				cases[n].name == NULL ? "" : cases[n].name);
			images_answer(&r.asked[before], "o/1 o/2");
		}
		images_turns(&r);
		ck_assert_uint_eq(r.count, cases[n].asked);
		ck_assert_str_eq(t.id, cases[n].id);
		images_worker_fini(&w);
	}
	images_rig_fini(&r);
}
END_TEST

START_TEST(test_forget)
{
	struct conf_worker w, other;
	struct images_told t = {.calls = 0};
	struct images_rig r;

	images_rig_init(&r);
	images_worker_init(&w, OWNER, NULL);
	images_worker_init(&other, "000000000013", NULL);
	(void)images_ask(&r, &w, &t);
	(void)images_ask(&r, &other, &t);
	images_answer(&r.asked[0], "o/x");
	images_answer(&r.asked[1], "o/y");
	images_forget(r.images, &r.east, &w);
	images_turns(&r);
	ck_assert_int_eq(t.calls, 2);
	(void)images_ask(&r, &w, &t);
	(void)images_ask(&r, &other, &t);
	ck_assert_uint_eq(r.count, 3);
	images_forget(r.images, &r.east, &w); /* under way: it is new enough */
	images_answer(&r.asked[2], "o/x");
	images_turns(&r);
	ck_assert_int_eq(t.calls, 4);
	(void)images_ask(&r, &w, &t);
	ck_assert_uint_eq(r.count, 3);
	images_worker_fini(&w);
	images_worker_fini(&other);
	images_rig_fini(&r);
}
END_TEST

static void
answer_many(struct images_asked *a, size_t count, size_t length)
{
	struct ec2_images list = {.items = xcalloc(count, sizeof(*list.items)),
		.count = count};

	for (size_t n = 0; n < count; n++)
		list.items[n] = (struct ec2_image){
			.id = xasprintf("ami-%zx", n),
			.location = xasprintf("o/%0*zu", (int)length, n),
			.state = xstrdup("available"),
		};
	images_give_list(a, &list);
}

/* A region's worth of images: searched in slices, and not kept beyond the limit. */
START_TEST(test_many)
{
	struct conf_worker w, other;
	struct images_told t = {.calls = 0}, u = {.calls = 0};
	struct images_rig r;

	images_rig_init(&r);
	images_worker_init(&w, NULL, "o/(\\d+)");
	images_worker_init(&other, OWNER, "o/(\\d+)");
	(void)images_ask(&r, &w, &t);
	ck_assert_str_eq(r.asked[0].owners, "");
	answer_many(&r.asked[0], 100000, 100);
	loop_turn(r.loop, false);
	loop_turn(r.loop, false);
	ck_assert_int_eq(t.calls, 0); /* not in one turn */
	for (int n = 0; n < 20; n++)
		loop_turn(r.loop, false);
	ck_assert_str_eq(t.id, "ami-1869f");
	ck_assert_uint_eq(images_listings(r.images), 1);
	(void)images_ask(&r, &other, &u);
	answer_many(&r.asked[1], 100000, 100);
	for (int n = 0; n < 20; n++)
		loop_turn(r.loop, false);
	ck_assert_str_eq(u.id, "ami-1869f");
	ck_assert_uint_eq(images_listings(r.images), 1); /* the newer one */
	(void)images_ask(&r, &other, &u);
	ck_assert_uint_eq(r.count, 2);
	(void)images_ask(&r, &w, &t);
	ck_assert_uint_eq(r.count, 3);
	images_worker_fini(&w);
	images_worker_fini(&other);
	images_rig_fini(&r);
}
END_TEST

/* A search that nobody waits for any more ends, and can begin again. */
START_TEST(test_abandoned)
{
	struct conf_worker w;
	struct images_told t = {.calls = 0};
	struct images_call *call;
	struct images_rig r;

	images_rig_init(&r);
	images_worker_init(&w, OWNER, "o/(\\d+)");
	call = images_ask(&r, &w, &t);
	answer_many(&r.asked[0], 50000, 5);
	loop_turn(r.loop, false);
	images_cancel(call);
	images_turns(&r);
	(void)images_ask(&r, &w, &t);
	for (int n = 0; n < 20; n++)
		loop_turn(r.loop, false);
	ck_assert_int_eq(t.calls, 1);
	ck_assert_str_eq(t.id, "ami-c34f");
	ck_assert_uint_eq(r.count, 1);
	images_worker_fini(&w);
	images_rig_fini(&r);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("images_listing");
	TCase *tc = tcase_create("images_listing");

	tcase_set_timeout(tc, 60); /* a hundred thousand images, under a sanitizer */
	tcase_add_test(tc, test_name_and_filters);
	tcase_add_test(tc, test_forget);
	tcase_add_test(tc, test_many);
	tcase_add_test(tc, test_abandoned);
	suite_add_tcase(suite, tc);
	return suite;
}
