/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing a candidate, and finding out what a launch there needs. Each step begins at the
 * first candidate again: what it needs to know it has by then, or asks for.
 */
#include "core/place.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "core/cloud.h"
#include "core/images.h"
#include "core/launch.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/rest.h"
#include "core/worker.h"
#include "ec2/verdict.h"

#include <string.h>

/* Between two launches after a refusal that says nothing about the place. */
#define RETRY_BASE_MS 1000
#define RETRY_CAP_MS 60000

struct candidate {
	const char *type, *subnet; /* borrowed from the configuration */
	bool spot;
	char *zone; /* owned; NULL: not known */
};

struct place {
	struct worker *worker;    /* borrowed, outlives us */
	struct conf_worker *conf; /* counted */
	struct cloud *cloud; /* borrowed; the pool keeps it while the worker means it */
	struct candidate *candidates; /* owned */
	size_t count;
	struct candidate *at;       /* the one chosen, or NULL */
	char *image;                /* owned; NULL: not known yet */
	char *image_why;            /* owned; how it was chosen, or NULL */
	struct images_call *images; /* under way, or NULL */
	bool chosen_again;          /* its image, after it was gone */
	struct err trouble; /* of the latest question; ERR_NONE: it was answered */
	bool hopeless;      /* waiting does not mend that */
	unsigned tries;     /* in a row that failed and say nothing about the place */
	int64_t pause_ms;   /* boottime: nothing is launched before */
	struct err last;    /* what was refused last; ERR_NONE: nothing was */
	struct buf why;
};

static struct rests *
rests_of(const struct place *p)
{
	return p->worker->pool->rests;
}

static struct rest_at
rest_at(const struct place *p, const struct candidate *c)
{
	return (struct rest_at){
		.cloud = p->cloud,
		.conf = p->conf,
		.type = c->type,
		.zone = c->zone,
		.subnet = c->subnet,
		.spot = c->spot,
	};
}

static struct rest_at
rest_at_launch(const struct launch *l)
{
	return (struct rest_at){
		.cloud = l->cloud,
		.conf = l->worker->conf,
		.type = l->type,
		.zone = l->zone,
		.subnet = l->subnet,
		.spot = l->market != NULL,
	};
}

static void
back_off(struct place *p)
{
	p->pause_ms = clock_ms() +
		rng_backoff_ms(&p->worker->pool->rng, p->tries++, RETRY_BASE_MS,
			RETRY_CAP_MS);
}

/* What is left when no candidate is free. */
struct left {
	struct candidate
		*next; /* the one to be tried first although it rests, or NULL */
	int64_t again_ms;
	const struct rest
		*rest; /* of that one, else of the last that is refused for good */
};

/* A candidate that rests: when it may be tried, INT64_MAX: never in this generation. */
static int64_t
try_ms(const struct rest *rest)
{
	if (rest->kind == REST_CREDENTIALS && clock_ms() < rest->again_ms)
		return clock_ms() < rest->tried_ms ? rest->tried_ms : INT64_MAX;
	return rest->again_ms;
}

static void
count_resting(struct left *left, struct candidate *c, const struct rest *rest)
{
	int64_t at = try_ms(rest);

	if (at < left->again_ms) {
		left->next = c;
		left->again_ms = at;
		left->rest = rest;
	} else if (left->next == NULL) {
		left->rest = rest;
	}
}

/* What rests is tried when nothing else is there, by one worker at a time. */
static enum place_outcome
choose_resting(struct place *p, const struct left *left, int64_t *ret_again_ms,
	struct err *err)
{
	*err = left->rest != NULL ? left->rest->why : p->last;
	if (left->next == NULL)
		return PLACE_NONE;
	if (clock_ms() < left->again_ms) {
		*ret_again_ms = left->again_ms;
		return PLACE_LATER;
	}
	p->at = left->next;
	return PLACE_FOUND;
}

/* Its availability zone, as far as that is known before the launch. */
static void
find_zone(const struct place *p, struct candidate *c)
{
	if (c->zone == NULL && p->conf->placement != NULL)
		c->zone = xasprintf("%s%s", p->cloud->region, p->conf->placement);
}

static enum place_outcome
choose(struct place *p, int64_t *ret_again_ms, struct err *err)
{
	struct left left = {.again_ms = INT64_MAX};

	for (size_t n = 0; n < p->count; n++) {
		struct candidate *c = &p->candidates[n];
		const struct rest *rest;
		struct rest_at at;

		find_zone(p, c);
		at = rest_at(p, c);
		rest = rests_find(rests_of(p), &at);
		if (rest == NULL) {
			p->at = c;
			return PLACE_FOUND;
		}
		count_resting(&left, c, rest);
	}
	return choose_resting(p, &left, ret_again_ms, err);
}

/* Keeps what went wrong with a question, for the step that follows. */
static void
keep_trouble(struct place *p, int verdict, const struct err *err)
{
	p->trouble = *err;
	p->hopeless = (verdict == VERDICT_DONE || verdict == VERDICT_REFUSED) &&
		(err->reason == REASON_CONFIG || err->reason == REASON_AUTH);
}

/* The latest question was answered badly: it is asked again, or that is the end. */
static enum place_outcome
troubled(struct place *p, int64_t *ret_again_ms, struct err *err)
{
	*err = p->trouble;
	err_clear(&p->trouble);
	if (p->hopeless)
		return PLACE_NONE;
	p->last = *err;
	back_off(p);
	*ret_again_ms = p->pause_ms;
	return PLACE_LATER;
}

static void
on_image(void *arg, const struct images_result *result)
{
	struct place *p = arg;

	p->images = NULL;
	if (result->id != NULL) {
		p->image = xstrdup(result->id);
		p->image_why = xstrdup_opt(result->text);
	} else {
		keep_trouble(p, result->verdict, result->err);
	}
	loop_poke(&p->worker->poke);
}

static enum place_outcome
find_image(struct place *p, int64_t *ret_again_ms, struct err *err)
{
	(void)ret_again_ms;
	(void)err;
	if (p->image != NULL)
		return PLACE_FOUND;
	p->images = images_choose(p->worker->pool->images, p->cloud, p->conf, on_image,
		p);
	return PLACE_ASKING;
}

/* FOUND: the next stage follows. */
typedef enum place_outcome stage(struct place *p, int64_t *ret_again_ms,
	struct err *err);

static stage *const stages[] = {
	choose,
	find_image,
};

/* "c6i.xlarge in us-east-1b, on demand; c7i.xlarge: InsufficientInstanceCapacity" */
static void
explain(struct place *p)
{
	const struct candidate *c = p->at;

	buf_clear(&p->why);
	buf_puts(&p->why, c->type);
	if (c->zone != NULL)
		buf_printf(&p->why, " in %s", c->zone);
	if (c->subnet != NULL)
		buf_printf(&p->why, " in %s", c->subnet);
	buf_puts(&p->why, c->spot ? ", spot" : ", on demand");
	if (p->image_why != NULL)
		buf_printf(&p->why, "; %s", p->image_why);
	for (size_t n = 0; &p->candidates[n] != c; n++) {
		struct rest_at at = rest_at(p, &p->candidates[n]);
		const struct rest *rest = rests_find(rests_of(p), &at);

		if (rest != NULL)
			buf_printf(&p->why, "; not %s%s%s: %s", at.type,
				at.zone != NULL ? " in " : "",
				at.zone != NULL ? at.zone : "",
				rest->why.origin[0] != '\0' ? rest->why.origin
							    : rest->why.text);
	}
}

static void
found(struct place *p, struct placement *ret)
{
	const struct candidate *c = p->at;
	const struct rest_at at = rest_at(p, c);

	rests_try(rests_of(p), &at);
	explain(p);
	*ret = (struct placement){
		.type = c->type,
		.image = p->image,
		.subnet = c->subnet,
		.zone = c->zone,
		.spot = c->spot,
		.why = buf_str(&p->why),
	};
}

enum place_outcome
place_step(struct place *p, struct placement *ret, int64_t *ret_again_ms,
	struct err *err)
{
	if (place_is_asking(p))
		return PLACE_ASKING;
	if (p->trouble.code != ERR_NONE)
		return troubled(p, ret_again_ms, err);
	if (clock_ms() < p->pause_ms) {
		*ret_again_ms = p->pause_ms;
		*err = p->last;
		return PLACE_LATER;
	}
	for (size_t n = 0; n < COUNT_OF(stages); n++) {
		enum place_outcome outcome = stages[n](p, ret_again_ms, err);

		if (outcome != PLACE_FOUND)
			return outcome;
	}
	found(p, ret);
	return PLACE_FOUND;
}

/* An image that has been taken away since it was listed: another is chosen, once. */
static bool
chooses_again(struct place *p, const struct err *err)
{
	if (p->conf->ami != NULL || p->chosen_again ||
		strncmp(err->origin, "InvalidAMIID.", strlen("InvalidAMIID.")) != 0)
		return false;
	p->chosen_again = true;
	images_forget(p->worker->pool->images, p->cloud, p->conf);
	return true;
}

void
place_refused(struct place *p, const struct launch *l, const struct err *err)
{
	const struct rest_at at = rest_at_launch(l);

	p->last = *err;
	if (chooses_again(p, err))
		return;
	rests_refused(rests_of(p), &at, err);
	switch (err->reason) {
	case REASON_CAPACITY:
	case REASON_QUOTA:
	case REASON_CONFIG:
	case REASON_AUTH:
	case REASON_PRICE: p->tries = 0; break;
	case REASON_NONE:
	case REASON_THROTTLED:
	case REASON_NETWORK:
	case REASON_INTERNAL:
	case REASON_INSTANCE_DIED:
	case REASON_COUNT: back_off(p); break;
	}
}

bool
place_is_outdated(const struct launch *l)
{
	const struct rest_at at = rest_at_launch(l);
	const struct rest *rest = rests_find(l->pool->rests, &at);

	return rest != NULL && rest->since_ms > l->reserved_ms;
}

void
place_good(const struct launch *l)
{
	const struct rest_at at = rest_at_launch(l);

	if (rests_good(l->pool->rests, &at))
		workers_place_again(l->pool);
}

bool
place_is_asking(const struct place *p)
{
	return p != NULL && p->images != NULL;
}

void
place_forget(struct place *p)
{
	if (p == NULL)
		return;
	images_cancel(p->images);
	p->images = NULL;
	free(p->image);
	free(p->image_why);
	p->image = p->image_why = NULL;
}

/* In the order of preference; a list that is empty is one way that says nothing. */
static void
add_candidates(struct place *p, bool spot)
{
	const struct strings *types = &p->conf->instance_type;
	const struct strings *subnets = &p->conf->subnet_id;

	for (size_t t = 0; t < types->count; t++)
		for (size_t s = 0; s == 0 || s < subnets->count; s++)
			p->candidates[p->count++] = (struct candidate){
				.type = types->items[t],
				.subnet = subnets->count > 0 ? subnets->items[s] : NULL,
				.spot = spot,
			};
}

struct place *
place_new(struct worker *w)
{
	struct place *p = NEW(struct place);

	p->worker = w;
	p->conf = conf_worker_ref(w->conf);
	p->cloud = poller_cloud(pool_poller(w));
	p->candidates = xcalloc(p->conf->instance_type.count *
			(p->conf->subnet_id.count + 1),
		sizeof(*p->candidates));
	add_candidates(p, false);
	return p;
}

void
place_free(struct place *p)
{
	if (p == NULL)
		return;
	for (size_t n = 0; n < p->count; n++)
		free(p->candidates[n].zone);
	place_forget(p);
	conf_worker_unref(p->conf);
	buf_fini(&p->why);
	free(p->candidates);
	free(p);
}
