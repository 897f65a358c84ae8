/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Choosing a candidate, and what its refusal means for the next choice. Each step begins at
 * the first candidate again: what it needs to know it has by then, or asks for.
 */
#include "core/place_priv.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "core/bid.h"
#include "core/cloud.h"
#include "core/launch.h"
#include "core/permit.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/rest.h"
#include "core/tally.h"
#include "core/worker.h"

#include <stdio.h>
#include <string.h>

/* Between two launches after a refusal that says nothing about the place. */
#define RETRY_BASE_MS 1000
#define RETRY_CAP_MS 60000
/* Between two bids for the same: from so much to so much more. */
#define BID_PAUSE_MS 500
#define BID_PAUSE_MORE_MS 1000
/* An outage that ends is told; this is for the case that it is not. */
#define OUTAGE_MS 60000

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
		*rest;   /* of that one, else of the last that is refused for good */
	const char *out; /* the zone of the last that is out with it, or NULL */
};

static void
count_resting(struct left *left, struct candidate *c, const struct rest *rest)
{
	if (rest->again_ms < left->again_ms) {
		left->next = c;
		left->again_ms = rest->again_ms;
		left->rest = rest;
	} else if (left->next == NULL) {
		left->rest = rest;
	}
}

static enum place_outcome
give_up(const struct place *p, const struct rest *rest, struct err *err)
{
	*err = p->last.code != ERR_NONE || rest == NULL ? p->last : rest->why;
	if (err->reason == REASON_PRICE)
		err_wrap(err, "%u spot request%s, the last bid %s", p->bids,
			p->bids == 1 ? "" : "s", p->bid);
	return PLACE_NONE;
}

/* What rests is tried when nothing else is there, by one worker at a time. */
static enum place_outcome
choose_resting(struct place *p, const struct left *left, int64_t *ret_again_ms,
	struct err *err)
{
	if (left->next == NULL && left->out != NULL) {
		err_set(err, ERR_FAILED,
			"zone %s is impaired; nothing is launched there until that is over",
			left->out);
		err->reason = REASON_CAPACITY;
		poller_expect(pool_poller(p->worker)); /* its end shows there */
		*ret_again_ms = clock_ms() + OUTAGE_MS;
		return PLACE_LATER;
	}
	if (left->next == NULL)
		return give_up(p, left->rest, err);
	*err = left->rest->why;
	if (clock_ms() < left->again_ms) {
		*ret_again_ms = left->again_ms;
		return PLACE_LATER;
	}
	p->at = left->next;
	return PLACE_FOUND;
}

static bool
is_out(const struct place *p, const struct candidate *c)
{
	return poller_zone_is_out(pool_poller(p->worker), c->zone);
}

static enum place_outcome
choose(struct place *p, int64_t *ret_again_ms, struct err *err)
{
	struct left left = {.again_ms = INT64_MAX};

	for (size_t n = 0; n < p->count; n++) {
		struct candidate *c = &p->candidates[n];
		const struct rest *rest;
		struct rest_at at;

		if (!c->spent && place_find_zone(p, c) == PLACE_ASKING)
			return PLACE_ASKING;
		if (c->spent)
			continue;
		if (is_out(p, c)) {
			left.out = c->zone;
			continue;
		}
		at = place_rest_at(p, c);
		rest = rests_find(p->worker->pool->rests, &at);
		if (rest == NULL) {
			p->at = c;
			return PLACE_FOUND;
		}
		count_resting(&left, c, rest);
	}
	return choose_resting(p, &left, ret_again_ms, err);
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

/* FOUND: the next stage follows. */
typedef enum place_outcome stage(struct place *p, int64_t *ret_again_ms,
	struct err *err);

static stage check_permit;

static stage *const stages[] = {
	check_permit,
	place_find_volumes,
	place_find_holders,
	choose,
	place_find_image,
	place_find_bid,
};

static void
explain_bid(struct place *p)
{
	const struct candidate *c = p->at;
	char mean[BID_SIZE];

	buf_printf(&p->why, ", spot at %s", p->bid);
	if (p->conf->retry > 1)
		buf_printf(&p->why, ", request %u of %u", c->too_low + 1,
			(unsigned)p->conf->retry);
	if (!bid_needs_mean(p->conf))
		return;
	bid_print(c->mean.price, mean);
	if (c->mean.rows == 0)
		buf_puts(&p->why, " (a guess: there is no price history)");
	else
		buf_printf(&p->why, " (the mean of a day is %s)", mean);
}

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
	if (c->spot)
		explain_bid(p);
	else
		buf_puts(&p->why, ", on demand");
	if (p->image_why != NULL)
		buf_printf(&p->why, "; %s", p->image_why);
	for (size_t n = 0; &p->candidates[n] != c; n++) {
		struct rest_at at = place_rest_at(p, &p->candidates[n]);
		const struct rest *rest = rests_find(p->worker->pool->rests, &at);

		if (is_out(p, &p->candidates[n]))
			buf_printf(&p->why, "; not in %s, which is impaired", at.zone);
		else if (rest != NULL)
			buf_printf(&p->why, "; not %s%s%s: %s", at.type,
				at.zone != NULL ? " in " : "",
				at.zone != NULL ? at.zone : "",
				rest->why.origin[0] != '\0' ? rest->why.origin
							    : rest->why.text);
	}
}

static void
describe(struct place *p, struct placement *ret)
{
	const struct candidate *c = p->at;

	if (c->spot)
		bid_print(bid_nth(p->conf, c->first, c->too_low + 1), p->bid);
	explain(p);
	*ret = (struct placement){
		.type = c->type,
		.image = p->image,
		.subnet = c->subnet,
		.zone = c->zone,
		.spot = c->spot,
		.bid = c->spot ? p->bid : NULL,
		.why = buf_str(&p->why),
	};
}

static enum place_outcome
permitted(struct place *p, enum permit_answer answer)
{
	p->waits = answer == PERMIT_ASKING;
	switch (answer) {
	case PERMIT_GOOD: return PLACE_FOUND;
	case PERMIT_ASKING: return PLACE_ASKING;
	case PERMIT_LATER: return PLACE_LATER;
	case PERMIT_REFUSED: break;
	}
	return PLACE_NONE;
}

/* Nothing else is asked with keys that are refused. */
static enum place_outcome
check_permit(struct place *p, int64_t *ret_again_ms, struct err *err)
{
	return permitted(p,
		permits_check(p->worker->pool->permits, p->cloud, ret_again_ms, err));
}

/* What its keys may do is the last thing asked: a trial looks like the launch. */
static enum place_outcome
found(struct place *p, struct placement *ret, int64_t *ret_again_ms, struct err *err)
{
	struct pool *pool = p->worker->pool;
	const struct rest_at at = place_rest_at(p, p->at);
	enum place_outcome outcome;

	describe(p, ret);
	outcome = permitted(p,
		permits_ask(pool->permits, p->cloud, p->worker, ret, ret_again_ms,
			err));
	if (outcome != PLACE_FOUND)
		return outcome;
	permits_trying(pool->permits, p->cloud);
	rests_try(pool->rests, &at);
	return PLACE_FOUND;
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
	return found(p, ret, ret_again_ms, err);
}

/* An image that has been taken away since it was listed: another is chosen, once. */
static bool
chooses_again(struct place *p, const struct err *err)
{
	if (p->chosen_again ||
		strncmp(err->origin, "InvalidAMIID.", strlen("InvalidAMIID.")) != 0)
		return false;
	p->chosen_again = place_forget_image(p);
	return p->chosen_again;
}

/* What was refused was made from a configuration that a reload has replaced. */
static bool
speaks_of_another(const struct place *p, const struct err *err)
{
	return p->worker->stale && err->reason == REASON_CONFIG;
}

/* The same once more, a little later and perhaps dearer, or never again. */
static void
bid_refused(struct place *p, const struct launch *l)
{
	struct rng *rng = &p->worker->pool->rng;

	p->bids++;
	(void)snprintf(p->bid, sizeof(p->bid), "%s", l->bid != NULL ? l->bid : "none");
	for (size_t n = 0; n < p->count; n++) {
		struct candidate *c = &p->candidates[n];

		if (!c->spot || strcmp(c->type, l->type) != 0 ||
			!str_equal(c->subnet, l->subnet))
			continue;
		c->spent = ++c->too_low >= (unsigned)p->conf->retry;
		if (!c->spent)
			p->pause_ms = clock_ms() + BID_PAUSE_MS +
				(int64_t)rng_below(rng, BID_PAUSE_MORE_MS);
	}
}

void
place_refused(struct place *p, const struct launch *l, const struct err *err)
{
	const struct rest_at at = rest_at_launch(l);

	p->last = *err;
	l->pool->tally->launches[err->reason]++;
	if (chooses_again(p, err) || speaks_of_another(p, err))
		return;
	if (err->reason == REASON_AUTH)
		permits_launch_refused(p->worker->pool->permits, l, err);
	else
		(void)rests_refused(p->worker->pool->rests, &at,
			err); /* the first or not */
	switch (err->reason) {
	case REASON_CAPACITY:
	case REASON_QUOTA:
	case REASON_CONFIG:
	case REASON_AUTH: p->tries = 0; break;
	case REASON_PRICE: bid_refused(p, l); break;
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

	return (rest != NULL && rest->since_ms > l->reserved_ms) ||
		permits_refused_since(l->pool->permits, l->cloud, l->reserved_ms) ||
		poller_zone_is_out(l->poller, l->zone);
}

void
place_good(const struct launch *l)
{
	const struct rest_at at = rest_at_launch(l);

	permits_launched(l->pool->permits, l);
	l->pool->tally->launches[REASON_NONE]++;
	if (rests_good(l->pool->rests, &at))
		workers_place_again(l->pool);
}

void
place_bad(const struct launch *l, const char *why)
{
	const struct rest_at at = rest_at_launch(l);
	struct err err;

	err_set(&err, ERR_FAILED, "%s", why);
	err.reason = REASON_CAPACITY;
	(void)rests_refused(l->pool->rests, &at, &err);
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
			(p->conf->subnet_id.count + 1) * 2,
		sizeof(*p->candidates));
	add_candidates(p, p->conf->spot_instance);
	if (p->conf->spot_instance && p->conf->on_demand_fallback)
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
	free(p->zone);
	place_forget(p);
	conf_worker_unref(p->conf);
	buf_fini(&p->why);
	free(p->candidates);
	free(p);
}
