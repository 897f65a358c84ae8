/* SPDX-License-Identifier: Apache-2.0 */
#include "images_rig.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ec2/query.h"
#include "sys/regex.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static struct ec2_call *
ask(void *self, const struct ec2_image_query *q, ec2_images_done *done, void *arg)
{
	struct images_rig *r = self;
	struct images_asked *a = &r->asked[r->count++];

	ck_assert_uint_le(r->count, ASKED_MAX);
	ck_assert(q->ids == NULL || q->ids->count == 0);
	*a = (struct images_asked){.handle = (struct ec2_call *)(void *)a,
		.done = done,
		.arg = arg};
	if (q->name != NULL)
		(void)snprintf(a->name, sizeof(a->name), "%s", q->name);
	for (size_t n = 0; n < q->filters->count; n++)
		(void)snprintf(a->filters + strlen(a->filters),
			sizeof(a->filters) - strlen(a->filters), "%s=%s ",
			q->filters->keys[n], q->filters->values[n]);
	for (size_t n = 0; n < q->owners->count; n++)
		(void)snprintf(a->owners + strlen(a->owners),
			sizeof(a->owners) - strlen(a->owners), "%s ",
			q->owners->items[n]);
	return a->handle;
}

static void
cancel(void *self, struct ec2_call *call)
{
	struct images_rig *r = self;
	struct images_asked *a = (struct images_asked *)(void *)call;

	ck_assert_ptr_nonnull(a->handle);
	a->handle = NULL;
	r->cancelled++;
}

static const struct cloud_ops ops = {.images = ask, .cancel = cancel};

void
images_rig_init(struct images_rig *r)
{
	static char east[] = "http://e us-east-1 k", west[] = "http://e us-west-2 k";
	struct err err;

	*r = (struct images_rig){.count = 0};
	clock_fake(INT64_C(1000000), INT64_C(1790000000000));
	r->loop = loop_new(&err);
	ck_assert_ptr_nonnull(r->loop);
	r->images = images_new(r->loop);
	r->east = (struct cloud){.ops = &ops, .self = r, .key = east};
	r->west = (struct cloud){.ops = &ops, .self = r, .key = west};
}

void
images_rig_fini(struct images_rig *r)
{
	images_free(r->images);
	ck_assert_uint_eq(r->east.questions + r->west.questions, 0);
	loop_free(r->loop);
	clock_real();
}

void
images_turns(struct images_rig *r)
{
	for (int n = 0; n < 4; n++)
		loop_turn(r->loop, false);
}

void
images_give_list(struct images_asked *a, struct ec2_images *list)
{
	const struct ec2_answer done = {.verdict = VERDICT_DONE};
	struct ec2_images shown = *list;

	ck_assert_ptr_nonnull(a->handle);
	a->handle = NULL;
	a->done(a->arg, &done, &shown);
	ec2_images_fini(list);
}

void
images_answer(struct images_asked *a, const char *locations)
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
			.created = -(int64_t)list.count,
		};
		list.count++;
	}
	images_give_list(a, &list);
}

void
images_refuse(struct images_asked *a, enum verdict verdict, enum err_reason reason)
{
	struct ec2_images none = {.items = NULL};
	struct ec2_answer answer = {.verdict = (int)verdict};

	(void)err_set(&answer.err, ERR_SERVICE, "DescribeImages: no");
	answer.err.reason = reason;
	a->handle = NULL;
	a->done(a->arg, &answer, &none);
}

void
images_worker_init(struct conf_worker *w, const char *owner, const char *regex)
{
	*w = (struct conf_worker){.refs = 1};
	if (owner != NULL)
		strings_add(&w->valid_ami_owners, owner);
	if (regex != NULL)
		w->ami_location = regex_compile(regex, NULL, NULL);
}

void
images_worker_fini(struct conf_worker *w)
{
	strings_fini(&w->valid_ami_owners);
	strmap_fini(&w->ami_filters);
	free(w->ami_name);
	regex_unref(w->ami_location);
}

void
images_on_told(void *arg, const struct images_result *result)
{
	struct images_told *t = arg;

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
		struct images_rig *r = t->again;

		t->again = NULL;
		(void)images_choose(r->images, &r->east, t->worker, images_on_told, t);
	}
}

struct images_call *
images_ask(struct images_rig *r, const struct conf_worker *w, struct images_told *t)
{
	int calls = t->calls;
	struct images_call *call = images_choose(r->images, &r->east, w, images_on_told,
		t);

	ck_assert_ptr_nonnull(call);
	ck_assert_int_eq(t->calls, calls); /* never from inside */
	return call;
}
