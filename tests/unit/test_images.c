/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks for an image, and what EC2 is asked for that: once for all of the same owners,
 * not again within a minute, never where an id is given; and that nobody is told twice,
 * early, or after a cancel.
 */
#include "unit.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "core/cloud.h"
#include "core/images.h"
#include "ec2/query.h"
#include "ec2/verdict.h"
#include "sys/regex.h"

#include <stdio.h>
#include <string.h>

#define ASKED_MAX 8
#define OWNER "000000000012"

/* What a cloud was asked; each is answered when the test says so. */
struct asked {
	struct ec2_call *handle; /* NULL: answered, or cancelled */
	char owners[64];
	ec2_images_done *done;
	void *arg;
};

struct rig {
	struct loop *loop;
	struct images *images;
	struct cloud east, west;
	struct asked asked[ASKED_MAX];
	size_t count, cancelled;
};

static struct ec2_call *
ask(void *self, const struct strings *owners, const struct strings *ids,
	ec2_images_done *done, void *arg)
{
	struct rig *r = self;
	struct asked *a = &r->asked[r->count++];

	ck_assert_uint_le(r->count, ASKED_MAX);
	ck_assert(ids == NULL || ids->count == 0);
	*a = (struct asked){(struct ec2_call *)(void *)a, "", done, arg};
	for (size_t n = 0; n < owners->count; n++)
		(void)snprintf(a->owners + strlen(a->owners),
			sizeof(a->owners) - strlen(a->owners), "%s ", owners->items[n]);
	return a->handle;
}

static void
cancel(void *self, struct ec2_call *call)
{
	struct rig *r = self;
	struct asked *a = (struct asked *)(void *)call;

	ck_assert_ptr_nonnull(a->handle);
	a->handle = NULL;
	r->cancelled++;
}

static const struct cloud_ops ops = {.images = ask, .cancel = cancel};

static void
rig_init(struct rig *r)
{
	static char east[] = "http://e us-east-1 k", west[] = "http://e us-west-2 k";
	struct err err;

	*r = (struct rig){.count = 0};
	clock_fake(INT64_C(1000000), INT64_C(1790000000000));
	r->loop = loop_new(&err);
	ck_assert_ptr_nonnull(r->loop);
	r->images = images_new(r->loop);
	r->east = (struct cloud){.ops = &ops, .self = r, .key = east};
	r->west = (struct cloud){.ops = &ops, .self = r, .key = west};
}

static void
rig_fini(struct rig *r)
{
	images_free(r->images);
	ck_assert_uint_eq(r->east.questions + r->west.questions, 0);
	loop_free(r->loop);
	clock_real();
}

static void
turns(struct rig *r)
{
	for (int n = 0; n < 4; n++)
		loop_turn(r->loop, false);
}

/* As the client does: the array stays its own, whatever is taken out of it. */
static void
give(struct asked *a, struct ec2_images *list)
{
	const struct ec2_answer done = {.verdict = VERDICT_DONE};
	struct ec2_images shown = *list;

	ck_assert_ptr_nonnull(a->handle);
	a->handle = NULL;
	a->done(a->arg, &done, &shown);
	ec2_images_fini(list);
}

/* Images of these locations, separated by blanks: ami-1 is the first. */
static void
answer(struct asked *a, const char *locations)
{
	struct ec2_images list = {.items = NULL};
	AUTO(free) char *copy = xstrdup(locations);
	char *rest = NULL;

	for (char *at = strtok_r(copy, " ", &rest); at != NULL;
		at = strtok_r(NULL, " ", &rest)) {
		list.items = xreallocarray(list.items, list.count + 1,
			sizeof(*list.items));
		list.items[list.count] = (struct ec2_image){
			.id = xasprintf("ami-%zu", list.count + 1),
			.location = xstrdup(at),
			.state = xstrdup("available"),
			.name = xstrdup("n"),
		};
		list.count++;
	}
	give(a, &list);
}

static void
refuse(struct asked *a, enum verdict verdict, enum err_reason reason)
{
	struct ec2_images none = {.items = NULL};
	struct ec2_answer answer = {.verdict = (int)verdict};

	(void)err_set(&answer.err, ERR_SERVICE, "DescribeImages: no");
	answer.err.reason = reason;
	a->handle = NULL;
	a->done(a->arg, &answer, &none);
}

/* A worker's keys; fini with worker_fini. */
static void
worker_init(struct conf_worker *w, const char *owner, const char *regex)
{
	*w = (struct conf_worker){.refs = 1};
	if (owner != NULL)
		strings_add(&w->valid_ami_owners, owner);
	if (regex != NULL)
		w->ami_location = regex_compile(regex, NULL, NULL);
}

static void
worker_fini(struct conf_worker *w)
{
	strings_fini(&w->valid_ami_owners);
	regex_unref(w->ami_location);
}

struct told {
	int calls, verdict;
	char id[16], text[160];
	struct err err;
	struct rig *again; /* asks once more when it is told */
	const struct conf_worker *worker;
	struct images_call *cancels;
};

static void
on_image(void *arg, const struct images_result *result)
{
	struct told *t = arg;

	t->calls++;
	t->verdict = result->verdict;
	ck_assert((result->id == NULL) == (result->err != NULL));
	(void)snprintf(t->id, sizeof(t->id), "%s",
		result->id == NULL ? "-" : result->id);
	(void)snprintf(t->text, sizeof(t->text), "%s",
		result->text == NULL ? "-" : result->text);
	if (result->err != NULL)
		t->err = *result->err;
	images_cancel(t->cancels);
	t->cancels = NULL;
	if (t->again != NULL) {
		struct rig *r = t->again;

		t->again = NULL;
		(void)images_choose(r->images, &r->east, t->worker, on_image, t);
	}
}

static struct images_call *
choose(struct rig *r, const struct conf_worker *w, struct told *t)
{
	int calls = t->calls;
	struct images_call *call = images_choose(r->images, &r->east, w, on_image, t);

	ck_assert_ptr_nonnull(call);
	ck_assert_int_eq(t->calls, calls); /* never from inside */
	return call;
}

START_TEST(test_given)
{
	char ami[] = "ami-77";
	const struct conf_worker w = {.ami = ami};
	struct told t = {.calls = 0};
	struct rig r;

	rig_init(&r);
	(void)choose(&r, &w, &t);
	turns(&r);
	ck_assert_int_eq(t.calls, 1);
	ck_assert_str_eq(t.id, "ami-77");
	ck_assert_str_eq(t.text, "-");
	ck_assert_int_eq(t.verdict, VERDICT_DONE);
	ck_assert_uint_eq(r.count, 0);
	images_cancel(choose(&r, &w, &t));
	(void)choose(&r, &w, &t); /* left to images_free */
	rig_fini(&r);
	ck_assert_int_eq(t.calls, 1);
}
END_TEST

START_TEST(test_chosen)
{
	struct conf_worker w;
	struct told t = {.calls = 0};
	struct rig r;

	rig_init(&r);
	worker_init(&w, OWNER, "o/ci-(\\d+)");
	(void)choose(&r, &w, &t);
	turns(&r);
	ck_assert_int_eq(t.calls, 0);
	ck_assert_uint_eq(r.count, 1);
	ck_assert_str_eq(r.asked[0].owners, OWNER " ");
	ck_assert_uint_eq(r.east.questions, 1);
	answer(&r.asked[0], "o/ci-9 o/ci-10 x/y");
	ck_assert_uint_eq(r.east.questions, 0);
	turns(&r);
	ck_assert_int_eq(t.calls, 1);
	ck_assert_str_eq(t.id, "ami-2");
	ck_assert_str_eq(t.text,
		"image ami-2 (o/ci-10): the last of 2 by number (level 0), of 3 looked at");
	worker_fini(&w);
	rig_fini(&r);
}
END_TEST

/* A2: a burst of starts is one question; who comes within a minute asks none. */
START_TEST(test_shared)
{
	struct conf_worker number, text, anyone, other;
	struct told t[6] = {{.calls = 0}};
	struct rig r;

	rig_init(&r);
	worker_init(&number, OWNER, "o/ci-(\\d+)");
	worker_init(&text, OWNER, "o/([^/]*)$");
	worker_init(&anyone, OWNER, NULL);
	worker_init(&other, "000000000013", NULL);
	(void)choose(&r, &number, &t[0]);
	(void)choose(&r, &number, &t[1]);
	(void)choose(&r, &text, &t[2]);
	(void)choose(&r, &anyone, &t[3]);
	(void)choose(&r, &other, &t[4]);
	(void)images_choose(r.images, &r.west, &number, on_image, &t[5]);
	ck_assert_uint_eq(r.count, 3);
	answer(&r.asked[0], "o/ci-9 o/ci-10 z");
	answer(&r.asked[1], "o/other");
	answer(&r.asked[2], "o/ci-1");
	turns(&r);
	ck_assert_str_eq(t[0].id, "ami-2");
	ck_assert_str_eq(t[1].id, "ami-2");
	ck_assert_str_eq(t[2].id, "ami-1");
	ck_assert_str_eq(t[3].id, "ami-3");
	ck_assert_str_eq(t[4].id, "ami-1");
	ck_assert_str_eq(t[5].id, "ami-1");
	clock_fake_advance(IMAGES_KEPT_MS - 1);
	(void)choose(&r, &text, &t[0]);
	turns(&r);
	ck_assert_str_eq(t[0].id, "ami-1");
	ck_assert_uint_eq(r.count, 3);
	ck_assert_uint_eq(images_listings(r.images), 3);
	/* Then a newer image is seen, and what is old is gone. */
	clock_fake_advance(1);
	turns(&r);
	ck_assert_uint_eq(images_listings(r.images), 0);
	(void)choose(&r, &number, &t[0]);
	ck_assert_uint_eq(r.count, 4);
	answer(&r.asked[3], "o/ci-9 o/ci-10 o/ci-11");
	turns(&r);
	ck_assert_str_eq(t[0].id, "ami-3");
	worker_fini(&number);
	worker_fini(&text);
	worker_fini(&anyone);
	worker_fini(&other);
	rig_fini(&r);
}
END_TEST

static const struct {
	int line;
	enum verdict verdict;
	enum err_reason reason;
} failures[] = {
	{__LINE__, VERDICT_LATER, REASON_THROTTLED},
	{__LINE__, VERDICT_REPEAT, REASON_NETWORK},
	{__LINE__, VERDICT_REFUSED, REASON_AUTH},
	{__LINE__, VERDICT_REFUSED, REASON_CONFIG},
};

/* All who wait are told what EC2 said; who comes again asks anew. */
START_TEST(test_failed)
{
	struct conf_worker w;
	struct told a = {.calls = 0}, b = {.calls = 0};
	struct rig r;

	rig_init(&r);
	worker_init(&w, OWNER, NULL);
	(void)choose(&r, &w, &a);
	(void)choose(&r, &w, &b);
	refuse(&r.asked[0], failures[_i].verdict, failures[_i].reason);
	(void)choose(&r, &w, &b);
	ck_assert_uint_eq(r.count, 2);
	turns(&r);
	ck_assert_msg(a.calls == 1 && b.calls == 1 && strcmp(a.id, "-") == 0, "line %d",
		failures[_i].line);
	ck_assert_int_eq(a.verdict, failures[_i].verdict);
	ck_assert_int_eq(a.err.reason, failures[_i].reason);
	ck_assert_str_eq(a.err.text, "DescribeImages: no");
	answer(&r.asked[1], "o/x");
	turns(&r);
	ck_assert_str_eq(b.id, "ami-1");
	ck_assert_uint_eq(images_listings(r.images), 1);
	worker_fini(&w);
	rig_fini(&r);
}
END_TEST

/* V14, and a pattern that reaches its limit: reason config, and the listing stays good. */
START_TEST(test_none)
{
	struct conf_worker none, slow, good;
	struct told t = {.calls = 0};
	struct rig r;

	rig_init(&r);
	worker_init(&none, OWNER, "nothing");
	worker_init(&slow, OWNER, "(a|aa)+$");
	worker_init(&good, OWNER, "a");
	(void)choose(&r, &none, &t);
	answer(&r.asked[0], "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
	turns(&r);
	ck_assert_str_eq(t.err.text,
		"no image fits: 1 looked at (1 not matched by valid_ami_location_regex) of the "
		"owner " OWNER);
	ck_assert_int_eq(t.err.reason, REASON_CONFIG);
	ck_assert_int_eq(t.verdict, VERDICT_DONE);
	(void)choose(&r, &slow, &t);
	turns(&r);
	ck_assert_ptr_nonnull(strstr(t.err.text, "match limit exceeded"));
	ck_assert_int_eq(t.err.reason, REASON_CONFIG);
	(void)choose(&r, &good, &t);
	turns(&r);
	ck_assert_str_eq(t.id, "ami-1");
	ck_assert_int_eq(t.calls, 3);
	ck_assert_uint_eq(r.count, 1);
	worker_fini(&none);
	worker_fini(&slow);
	worker_fini(&good);
	rig_fini(&r);
}
END_TEST

/* The question is withdrawn with the last one who waits for it, at any time. */
START_TEST(test_cancel)
{
	struct conf_worker w, x;
	struct told t = {.calls = 0};
	struct images_call *a, *b;
	struct rig r;

	rig_init(&r);
	worker_init(&w, OWNER, NULL);
	worker_init(&x, OWNER, "x");
	a = choose(&r, &w, &t);
	b = choose(&r, &x, &t);
	images_cancel(a);
	ck_assert_uint_eq(r.cancelled, 0);
	images_cancel(b);
	ck_assert_uint_eq(r.cancelled, 1);
	ck_assert_uint_eq(images_listings(r.images), 0);
	/* Answered, and not told yet. */
	a = choose(&r, &w, &t);
	answer(&r.asked[1], "o/x");
	images_cancel(a);
	turns(&r);
	a = choose(&r, &w, &t);
	images_cancel(a);
	turns(&r);
	ck_assert_int_eq(t.calls, 0);
	ck_assert_uint_eq(r.count, 2);
	images_cancel(NULL);
	/* With the whole. */
	(void)choose(&r, &x, &t);
	clock_fake_advance(IMAGES_KEPT_MS);
	(void)choose(&r, &x, &t);
	worker_fini(&w);
	worker_fini(&x);
	rig_fini(&r);
	ck_assert_int_eq(t.calls, 0);
	ck_assert_uint_eq(r.cancelled, 2);
}
END_TEST

/* Who is told may ask again, and cancel another who is about to be told. */
START_TEST(test_from_inside)
{
	struct conf_worker w;
	struct told a = {.calls = 0}, b = {.calls = 0};
	struct rig r;

	rig_init(&r);
	worker_init(&w, OWNER, NULL);
	a.again = &r;
	a.worker = &w;
	(void)choose(&r, &w, &a);
	a.cancels = choose(&r, &w, &b);
	answer(&r.asked[0], "o/x");
	turns(&r);
	ck_assert_int_eq(a.calls, 2);
	ck_assert_int_eq(b.calls, 0);
	ck_assert_uint_eq(r.count, 1);
	/* The same after a failure: it is a new question. */
	clock_fake_advance(IMAGES_KEPT_MS);
	turns(&r);
	a.again = &r;
	(void)choose(&r, &w, &a);
	refuse(&r.asked[1], VERDICT_REPEAT, REASON_NETWORK);
	turns(&r);
	ck_assert_int_eq(a.calls, 3);
	ck_assert_uint_eq(r.count, 3);
	worker_fini(&w);
	rig_fini(&r);
}
END_TEST

START_TEST(test_forget)
{
	struct conf_worker w, other;
	struct told t = {.calls = 0};
	struct rig r;

	rig_init(&r);
	worker_init(&w, OWNER, NULL);
	worker_init(&other, "000000000013", NULL);
	(void)choose(&r, &w, &t);
	(void)choose(&r, &other, &t);
	answer(&r.asked[0], "o/x");
	answer(&r.asked[1], "o/y");
	images_forget(r.images, &r.east, &w);
	turns(&r);
	ck_assert_int_eq(t.calls, 2);
	(void)choose(&r, &w, &t);
	(void)choose(&r, &other, &t);
	ck_assert_uint_eq(r.count, 3);
	images_forget(r.images, &r.east, &w); /* under way: it is new enough */
	answer(&r.asked[2], "o/x");
	turns(&r);
	ck_assert_int_eq(t.calls, 4);
	(void)choose(&r, &w, &t);
	ck_assert_uint_eq(r.count, 3);
	worker_fini(&w);
	worker_fini(&other);
	rig_fini(&r);
}
END_TEST

static void
answer_many(struct asked *a, size_t count, size_t length)
{
	struct ec2_images list = {.items = xcalloc(count, sizeof(*list.items)),
		.count = count};

	for (size_t n = 0; n < count; n++)
		list.items[n] = (struct ec2_image){
			.id = xasprintf("ami-%zx", n),
			.location = xasprintf("o/%0*zu", (int)length, n),
			.state = xstrdup("available"),
		};
	give(a, &list);
}

/* A region's worth of images: searched in slices, and not kept beyond the limit. */
START_TEST(test_many)
{
	struct conf_worker w, other;
	struct told t = {.calls = 0}, u = {.calls = 0};
	struct rig r;

	rig_init(&r);
	worker_init(&w, NULL, "o/(\\d+)");
	worker_init(&other, OWNER, "o/(\\d+)");
	(void)choose(&r, &w, &t);
	ck_assert_str_eq(r.asked[0].owners, "");
	answer_many(&r.asked[0], 100000, 100);
	loop_turn(r.loop, false);
	loop_turn(r.loop, false);
	ck_assert_int_eq(t.calls, 0); /* not in one turn */
	for (int n = 0; n < 20; n++)
		loop_turn(r.loop, false);
	ck_assert_str_eq(t.id, "ami-1869f");
	ck_assert_uint_eq(images_listings(r.images), 1);
	(void)choose(&r, &other, &u);
	answer_many(&r.asked[1], 100000, 100);
	for (int n = 0; n < 20; n++)
		loop_turn(r.loop, false);
	ck_assert_str_eq(u.id, "ami-1869f");
	ck_assert_uint_eq(images_listings(r.images), 1); /* the newer one */
	(void)choose(&r, &other, &u);
	ck_assert_uint_eq(r.count, 2);
	(void)choose(&r, &w, &t);
	ck_assert_uint_eq(r.count, 3);
	worker_fini(&w);
	worker_fini(&other);
	rig_fini(&r);
}
END_TEST

/* A search that nobody waits for any more ends, and can begin again. */
START_TEST(test_abandoned)
{
	struct conf_worker w;
	struct told t = {.calls = 0};
	struct images_call *call;
	struct rig r;

	rig_init(&r);
	worker_init(&w, OWNER, "o/(\\d+)");
	call = choose(&r, &w, &t);
	answer_many(&r.asked[0], 50000, 5);
	loop_turn(r.loop, false);
	images_cancel(call);
	turns(&r);
	(void)choose(&r, &w, &t);
	for (int n = 0; n < 20; n++)
		loop_turn(r.loop, false);
	ck_assert_int_eq(t.calls, 1);
	ck_assert_str_eq(t.id, "ami-c34f");
	ck_assert_uint_eq(r.count, 1);
	worker_fini(&w);
	rig_fini(&r);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("images");
	TCase *tc = tcase_create("images");

	tcase_add_test(tc, test_given);
	tcase_add_test(tc, test_chosen);
	tcase_add_test(tc, test_shared);
	tcase_add_loop_test(tc, test_failed, 0, (int)COUNT_OF(failures));
	tcase_add_test(tc, test_none);
	tcase_add_test(tc, test_cancel);
	tcase_add_test(tc, test_from_inside);
	tcase_add_test(tc, test_forget);
	tcase_add_test(tc, test_many);
	tcase_add_test(tc, test_abandoned);
	suite_add_tcase(suite, tc);
	return suite;
}
