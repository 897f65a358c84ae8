/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings of images, the searches in each, and who waits for those. A search goes on for
 * a few milliseconds a turn, for a region has a hundred thousand images and a pattern may
 * need its limit for each. What waits is told from a poke of its own, so that it may start
 * or cancel others then.
 */
#include "core/images.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "core/cloud.h"
#include "core/image.h"
#include "ec2/verdict.h"
#include "sys/regex.h"

#include <string.h>
#include <utlist.h>

#define SLICE_MS 5      /* of one search, in one turn */
#define SLICE_MAX 20000 /* images, where no time passes */

struct images {
	struct loop *loop;
	struct listing *listings;    /* the oldest first */
	struct loop_timer timer;     /* when the next one is no longer good */
	struct images_call *settled; /* those that need no listing */
};

/* One question to a cloud, and its answer. Over: nobody may join it any more. */
struct listing {
	struct images *all;
	char *key; /* owned; the cloud's key and what is asked */
	struct strings owners;
	bool newest;         /* its searches go by date, unless a pattern says more */
	struct cloud *cloud; /* borrowed; NULL when it has answered */
	struct ec2_call *op;
	struct ec2_images list;
	size_t bytes;
	int64_t until_ms;
	bool over;
	int verdict;
	struct err err; /* meaningful unless DONE */
	struct search *searches;
	struct listing *prev, *next;
};

/* Of one pattern, in one listing. */
struct search {
	struct listing *listing;
	struct regex *location; /* counted; NULL: any */
	struct image_search *state;
	size_t next_image;
	bool done;
	struct err err; /* ERR_NONE: choice holds */
	struct image_choice choice;
	struct loop_timer timer;
	struct images_call *calls;
	struct search *prev, *next;
};

struct images_call {
	struct images *all;
	struct search *search; /* NULL: settled */
	char *ami;             /* owned; NULL unless it is */
	images_done *done;
	void *arg;
	struct loop_poke poke;
	struct images_call *prev, *next;
};

/* The list it waits in. */
static struct images_call **
list_of(const struct images_call *call)
{
	return call->search == NULL ? &call->all->settled : &call->search->calls;
}

static void
call_free(struct images_call *call)
{
	loop_poke_clear(&call->poke);
	DL_DELETE(*list_of(call), call);
	free(call->ami);
	free(call);
}

static void
search_free(struct search *s)
{
	while (s->calls != NULL)
		/* analyze: unix.Malloc: each leaves the list before it is freed */
		call_free(s->calls);
	DL_DELETE(s->listing->searches, s);
	loop_timer_clear(&s->timer);
	image_search_free(s->state);
	regex_unref(s->location);
	free(s);
}

static void
listing_answered(struct listing *l)
{
	l->cloud->questions--;
	l->cloud = NULL;
	l->op = NULL;
}

static void
listing_free(struct listing *l)
{
	struct cloud *cloud = l->cloud;

	if (cloud != NULL) {
		cloud->ops->cancel(cloud->self, l->op);
		listing_answered(l);
	}
	while (l->searches != NULL)
		/* analyze: unix.Malloc: each leaves the list before it is freed */
		search_free(l->searches);
	DL_DELETE(l->all->listings, l);
	ec2_images_fini(&l->list);
	strings_fini(&l->owners);
	free(l->key);
	free(l);
}

static bool
is_waited_for(const struct listing *l)
{
	const struct search *s;

	DL_FOREACH(l->searches, s)
		if (s->calls != NULL)
			return true;
	return false;
}

static bool
is_good(const struct listing *l)
{
	return !l->over && (l->cloud != NULL || clock_ms() < l->until_ms);
}

/* Of what nobody waits for: what is no longer good goes, and the oldest beyond the limit. */
static void
tidy(struct images *all)
{
	struct listing *l, *next;
	int64_t due = INT64_MAX;
	size_t bytes = 0;

	DL_FOREACH(all->listings, l)
		bytes += l->bytes;
	DL_FOREACH_SAFE(all->listings, l, next) {
		bool unused = !is_waited_for(l);

		if (unused &&
			(!is_good(l) || l->cloud != NULL ||
				bytes > IMAGES_KEPT_BYTES)) {
			bytes -= l->bytes;
			listing_free(l);
		} else if (unused && l->until_ms < due) {
			due = l->until_ms;
		}
	}
	if (due == INT64_MAX)
		loop_timer_clear(&all->timer);
	else
		loop_timer_at(&all->timer, due);
}

static void
on_timer(void *arg)
{
	tidy(arg);
}

struct images *
images_new(struct loop *loop)
{
	struct images *all = NEW(struct images);

	all->loop = loop;
	loop_timer_init(&all->timer, loop, on_timer, all);
	return all;
}

void
images_free(struct images *all)
{
	if (all == NULL)
		return;
	while (all->settled != NULL)
		/* analyze: unix.Malloc: each leaves the list before it is freed */
		call_free(all->settled);
	while (all->listings != NULL)
		/* analyze: unix.Malloc: each leaves the list before it is freed */
		listing_free(all->listings);
	loop_timer_clear(&all->timer);
	free(all);
}

/* Takes the images; what is not searched for is not kept. */
static void
keep(struct listing *l, struct ec2_images *list)
{
	l->list.items = list->count > 0 ? xcalloc(list->count, sizeof(*list->items))
					: NULL;
	l->list.count = list->count;
	for (size_t n = 0; n < list->count; n++) {
		struct ec2_image *image = &l->list.items[n];

		*image = list->items[n];
		list->items[n] = (struct ec2_image){.id = NULL};
		free(TAKE(image->name));
		free(TAKE(image->owner));
		free(TAKE(image->architecture));
		l->bytes += sizeof(*image) + 128 +
			(image->location == NULL ? 0 : strlen(image->location));
	}
}

static void
finish(struct search *s)
{
	struct images_call *call;

	s->done = true;
	DL_FOREACH(s->calls, call)
		loop_poke(&call->poke);
}

static void
search_on(void *arg)
{
	struct search *s = arg;
	const struct ec2_images *list = &s->listing->list;
	int64_t began = clock_ms();

	if (s->calls == NULL) {
		search_free(s);
		return;
	}
	for (size_t n = 0; n < SLICE_MAX && s->next_image < list->count; n++) {
		if (image_search_look(s->state, &list->items[s->next_image++],
			    &s->err) < 0) {
			finish(s);
			return;
		}
		if (clock_ms() - began >= SLICE_MS)
			break;
	}
	if (s->next_image < list->count) {
		loop_timer_in(&s->timer, 0);
		return;
	}
	image_search_result(s->state, &s->choice);
	if (s->choice.image == NULL)
		(void)image_choice_none(&s->choice, &s->listing->owners, &s->err);
	finish(s);
}

static void
on_listed(void *arg, const struct ec2_answer *a, struct ec2_images *list)
{
	struct listing *l = arg;
	struct search *s;

	listing_answered(l);
	l->until_ms = clock_ms() + IMAGES_KEPT_MS;
	l->verdict = a->verdict;
	if (a->verdict == VERDICT_DONE) {
		keep(l, list);
	} else {
		l->err = a->err;
		l->over = true;
	}
	DL_FOREACH(l->searches, s)
		if (l->over)
			finish(s);
		else
			loop_timer_in(&s->timer, 0);
}

/* Texts of the user's own are quoted, so that no two questions look alike. */
static char *
key_of(const struct cloud *cloud, const struct conf_worker *conf)
{
	const struct strings *owners = &conf->valid_ami_owners;
	struct buf key = {0};

	buf_printf(&key, "%s:", cloud->key);
	for (size_t n = 0; n < owners->count; n++)
		buf_printf(&key, " %s", owners->items[n]);
	if (conf->ami_name != NULL)
		buf_json(&key, conf->ami_name);
	for (size_t n = 0; n < conf->ami_filters.count; n++) {
		buf_putc(&key, ',');
		buf_json(&key, conf->ami_filters.keys[n]);
		buf_json(&key, conf->ami_filters.values[n]);
	}
	return buf_take(&key);
}

static struct listing *
listing_find(const struct images *all, const char *key)
{
	struct listing *l;

	DL_FOREACH(all->listings, l)
		if (is_good(l) && strcmp(l->key, key) == 0)
			return l;
	return NULL;
}

static struct listing *
listing_new(struct images *all, struct cloud *cloud, const struct conf_worker *conf)
{
	const struct strings *owners = &conf->valid_ami_owners;
	const struct ec2_image_query query = {
		.owners = owners,
		.name = conf->ami_name,
		.filters = &conf->ami_filters,
	};
	struct listing *l = NEW(struct listing);

	l->all = all;
	l->key = key_of(cloud, conf);
	for (size_t n = 0; n < owners->count; n++)
		strings_add(&l->owners, owners->items[n]);
	l->newest = conf->ami_name != NULL || conf->ami_filters.count > 0;
	l->cloud = cloud;
	cloud->questions++;
	DL_APPEND(all->listings, l);
	l->op = cloud->ops->images(cloud->self, &query, on_listed, l);
	return l;
}

static const char *
pattern_of(const struct regex *location)
{
	return location == NULL ? NULL : regex_pattern(location);
}

static struct search *
search_in(struct listing *l, struct regex *location)
{
	struct search *s;

	DL_FOREACH(l->searches, s)
		if (str_equal(pattern_of(s->location), pattern_of(location)))
			return s;
	s = NEW(struct search);
	s->listing = l;
	s->location = regex_ref(location);
	s->state = image_search_new(location, l->newest && location == NULL);
	loop_timer_init(&s->timer, l->all->loop, search_on, s);
	DL_APPEND(l->searches, s);
	if (l->cloud == NULL)
		loop_timer_in(&s->timer, 0);
	return s;
}

/* How it ended, for as long as the one who asked is told. */
struct ending {
	char *id, *text;
	struct err err;
};

static int
end_search(const struct search *s, struct ending *e)
{
	struct buf text = {0};

	e->err = s->listing->verdict == VERDICT_DONE ? s->err : s->listing->err;
	if (e->err.code != ERR_NONE)
		return s->listing->verdict;
	e->id = xstrdup(s->choice.image->id);
	image_choice_text(&s->choice, &text);
	e->text = buf_take(&text);
	return s->listing->verdict;
}

static void
on_ending(void *arg)
{
	struct images_call *call = arg;
	images_done *done = call->done;
	void *done_arg = call->arg;
	struct ending e = {.id = TAKE(call->ami)};
	struct images_result result = {.verdict = VERDICT_DONE};
	struct images *all = call->all;

	if (call->search != NULL)
		result.verdict = end_search(call->search, &e);
	result.id = e.id;
	result.text = e.text;
	result.err = e.id == NULL ? &e.err : NULL;
	call_free(call);
	tidy(all);
	done(done_arg, &result);
	free(e.id);
	free(e.text);
}

/* The search that a worker without an image of its own waits for. */
static struct search *
search_for(struct images *all, struct cloud *cloud, const struct conf_worker *conf)
{
	AUTO(free) char *key = key_of(cloud, conf);
	struct listing *l = listing_find(all, key);

	if (l == NULL)
		l = listing_new(all, cloud, conf);
	return search_in(l, conf->ami_location);
}

struct images_call *
images_choose(struct images *all, struct cloud *cloud, const struct conf_worker *conf,
	images_done *done, void *arg)
{
	struct images_call *call = NEW(struct images_call);

	call->all = all;
	call->done = done;
	call->arg = arg;
	loop_poke_init(&call->poke, all->loop, on_ending, call);
	if (conf->ami != NULL)
		call->ami = xstrdup(conf->ami);
	else
		call->search = search_for(all, cloud, conf);
	DL_APPEND(*list_of(call), call);
	if (call->search == NULL || call->search->done)
		loop_poke(&call->poke);
	return call;
}

void
images_cancel(struct images_call *call)
{
	struct images *all;

	if (call == NULL)
		return;
	all = call->all;
	call_free(call);
	tidy(all);
}

void
images_forget(struct images *all, const struct cloud *cloud,
	const struct conf_worker *conf)
{
	AUTO(free) char *key = key_of(cloud, conf);
	struct listing *l;

	DL_FOREACH(all->listings, l)
		if (l->cloud == NULL && strcmp(l->key, key) == 0)
			l->over = true;
	tidy(all);
}

size_t
images_listings(const struct images *all)
{
	const struct listing *l;
	size_t count = 0;

	DL_COUNT(all->listings, l, count);
	return count;
}
