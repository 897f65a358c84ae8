/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listings: when the next one starts, and what a whole one means for every row of its
 * cloud. A listing that did not arrive whole did not happen.
 */
#include "core/poller.h"

#include "base/clock.h"
#include "conf/conf.h"
#include "core/cloud.h"
#include "core/health.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/lease.h"
#include "core/leftover.h"
#include "core/orphan.h"
#include "core/outage.h"
#include "core/permit.h"
#include "core/pool.h"
#include "core/tally.h"
#include "core/worker_priv.h"
#include "ec2/verdict.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* While something is expected, slower as that ages; in the steady state, at most. */
#define FAST_MS 1000
#define SLOW_AFTER 30 /* the interval is the age divided by this */
#define STEADY_MS 60000
#define LOOKS_MAX 20 /* by id, for each listing that failed */

struct poller {
	struct pool *pool;   /* borrowed */
	struct cloud *cloud; /* owned */
	struct lease *lease;
	struct outage *outage;
	struct leftovers *leftovers;
	struct ec2_call *op;
	int64_t began_ms;  /* boottime of the latest start */
	int64_t listed_ms; /* of the last complete one's start; 0 never */
	int64_t listed_wall;
	int64_t expect_ms; /* since when something is expected */
	struct err why;    /* what kept the last from being complete; empty: nothing */
	unsigned failures; /* in a row */
	int64_t retry_ms;  /* after a failure: not before */
	bool asked;        /* one more is wanted, whatever is there */
	bool serves;       /* the one under way is the one that was wanted */
	bool started;
	struct loop_timer timer;
	struct poller *next;
};

static void arm(struct poller *p);

static bool
is_expected(const struct instance *i)
{
	return i->phase != INSTANCE_READY || i->absent;
}

/* What the next listing is for: nothing, a steady state, or something awaited. */
static int64_t
interval(const struct poller *p)
{
	const struct launch *l;
	int64_t age = clock_ms() - p->expect_ms;
	bool any = false;

	for (l = p->pool->launches; l != NULL; l = l->hh.next) {
		if (l->poller != p || l->phase == LAUNCH_GONE ||
			l->phase == LAUNCH_RESERVED)
			continue;
		any = true;
		if (l->instance == NULL || is_expected(l->instance)) {
			age = age / SLOW_AFTER < FAST_MS ? FAST_MS : age / SLOW_AFTER;
			return age > STEADY_MS ? STEADY_MS : age;
		}
	}
	if (p->asked || p->listed_ms == 0)
		return FAST_MS;
	return any && p->pool->conf->orphans.interval > STEADY_MS
		? STEADY_MS
		: p->pool->conf->orphans.interval;
}

static struct launch *
launch_of(const struct pool *pool, const struct ec2_instance *seen)
{
	struct launch *l = seen->launch == NULL ? NULL
						: pool_launch(pool, seen->launch);

	if (l != NULL)
		return l;
	for (l = pool->launches; seen->token != NULL && l != NULL; l = l->hh.next)
		if (strcmp(l->token, seen->token) == 0)
			return l;
	return NULL;
}

/* Tags can be written by anybody, a token only with a launch. */
static bool
is_copy(const struct launch *l, const struct ec2_instance *seen)
{
	return seen->token != NULL && strcmp(seen->token, l->token) != 0;
}

/* Matched by id, then launch tag, then token; what matches nothing is not ours to touch. */
static void
apply_one(struct poller *p, struct ec2_instance *seen)
{
	struct instance *i = pool_instance(p->pool, seen->id);
	struct launch *l;

	if (i != NULL) {
		instance_observe(i, seen, p->began_ms);
		return;
	}
	l = launch_of(p->pool, seen);
	if ((l == NULL || is_copy(l, seen)) && seen->state < EC2_STATE_SHUTTING_DOWN)
		orphans_seen(p->pool->orphans, p, seen, p->began_ms, l != NULL);
	else if (l != NULL && seen->state != EC2_STATE_TERMINATED && !is_copy(l, seen))
		launch_sighted(l, seen, "listing");
}

static void
apply(struct poller *p, struct ec2_instances *list)
{
	struct instance *i, *next_i;
	struct launch *l, *next_l;

	for (size_t n = 0; n < list->count; n++)
		apply_one(p, &list->items[n]);
	for (i = p->pool->instances; i != NULL; i = next_i) {
		next_i = i->hh.next;
		if (i->launch->poller == p && i->seen_ms != p->began_ms)
			instance_absent(i, p->began_ms);
	}
	for (l = p->pool->launches; l != NULL; l = next_l) {
		next_l = l->hh.next;
		if (l->poller != p)
			continue;
		launch_listed(l, p->began_ms);
		loop_poke(
			&l->worker
				 ->poke); /* a limit that waited for this may act now */
		if (l->instance != NULL)
			loop_poke(&l->instance->poke);
	}
	orphans_listed(p->pool->orphans, p, ORPHAN_INSTANCE, p->began_ms);
	workers_listed(p->pool, p);
}

/*
 * While a zone is impaired EC2 lists nothing at all, but goes on describing the instances
 * of other zones by their ids (EC2.md 3).
 */
static void
look_one_by_one(struct poller *p)
{
	struct instance *i;
	unsigned left = LOOKS_MAX;

	for (i = p->pool->instances; i != NULL && left > 0; i = i->hh.next)
		if (i->launch->poller == p && is_expected(i))
			left -= instance_look(i);
	for (i = p->pool->instances; i != NULL && left > 0; i = i->hh.next)
		if (i->launch->poller == p)
			left -= instance_look(i);
}

static enum condition
condition_of(const struct err *err)
{
	if (err->reason == REASON_AUTH)
		return CONDITION_CREDENTIALS;
	return err->code == ERR_NETWORK ? CONDITION_ENDPOINT : CONDITION_LISTING;
}

/* What a listing is kept by; err NULL: nothing any more. */
static void
tell(struct poller *p, const struct err *err)
{
	health_choose(p->pool->health, p->cloud->key,
		1u << CONDITION_CREDENTIALS | 1u << CONDITION_ENDPOINT |
			1u << CONDITION_LISTING,
		err == NULL ? CONDITION_COUNT : condition_of(err), err);
}

void
poller_look(struct poller *p)
{
	struct ec2_counts counts;
	struct cloud_trouble keys;
	char off[CLOCK_TEXT_SIZE];
	struct err err;
	bool is_off, is_old;

	cloud_counts(p->cloud, &counts);
	is_off = counts.clock_off_ms != 0;
	if (is_off)
		err_set(&err, ERR_UNAVAILABLE, "this machine's clock is %s %s EC2's",
			clock_span(llabs(counts.clock_off_ms), off),
			counts.clock_off_ms > 0 ? "behind" : "ahead of");
	health_choose(p->pool->health, p->cloud->key, 1u << CONDITION_CLOCK,
		CONDITION_CLOCK, is_off ? &err : NULL);
	is_old = cloud_trouble(p->cloud, &keys);
	if (is_old)
		err_set(&err, ERR_UNAVAILABLE, "%s", keys.text);
	health_choose(p->pool->health, p->cloud->key, 1u << CONDITION_RENEWAL,
		CONDITION_RENEWAL, is_old ? &err : NULL);
}

/* What waits for the first listing: it is there, or why it is not. */
static void
go_on(const struct poller *p)
{
	struct worker *w;
	struct launch *l;

	for (w = p->pool->workers; w != NULL; w = w->hh.next)
		if (w->poller == p && w->try_ms == INT64_MAX)
			worker_may_launch_again(w);
	for (l = p->pool->launches; l != NULL; l = l->hh.next)
		if (l->poller == p)
			launch_may_send_again(l);
}

static void
failed(struct poller *p, const struct ec2_answer *a)
{
	tell(p, &a->err);
	p->why = a->err;
	p->why.code = ERR_UNAVAILABLE;
	if (p->listed_ms == 0) {
		if (a->verdict == VERDICT_REFUSED && a->class == EC2_CLASS_AUTH)
			workers_not_listed(p->pool, p, &a->err);
		go_on(p);
	}
	p->retry_ms = clock_ms() + FAST_MS +
		rng_backoff_ms(&p->pool->rng, p->failures, FAST_MS, STEADY_MS / 2);
	p->failures++;
	p->asked |= p->serves;
	if (a->class != EC2_CLASS_PASSING || a->err.origin[0] == '\0')
		return;
	outage_look(p->outage);
	look_one_by_one(p);
}

static void
on_listed(void *arg, const struct ec2_answer *a, struct ec2_instances *list)
{
	struct poller *p = arg;
	bool first = p->listed_ms == 0;

	p->op = NULL;
	if (a->verdict == VERDICT_DONE) {
		p->listed_ms = p->began_ms;
		p->listed_wall = clock_wall_ms();
		tell(p, NULL);
		p->failures = 0;
		err_clear(&p->why);
		p->retry_ms = 0;
		apply(p, list);
		if (first)
			go_on(p);
		lease_renew(p->lease);
		outage_over(p->outage);
		leftovers_scan(p->leftovers, p->began_ms);
	} else {
		failed(p, a);
	}
	poller_look(p);
	arm(p);
}

static void
on_timer(void *arg)
{
	struct poller *p = arg;

	if (p->op != NULL)
		return;
	p->began_ms = clock_ms();
	p->serves = p->asked;
	p->asked = false; /* what is asked from now on, this one need not show */
	p->op = p->cloud->ops->list(p->cloud->self, p->pool->conf->pool, on_listed, p);
}

static void
arm(struct poller *p)
{
	int64_t due;

	if (!p->started || p->op != NULL)
		return;
	due = p->began_ms == 0 ? clock_ms() : p->began_ms + interval(p);
	loop_timer_at(&p->timer, due > p->retry_ms ? due : p->retry_ms);
}

void
poller_expect(struct poller *p)
{
	p->expect_ms = clock_ms();
	p->asked = true;
	arm(p);
}

void
poller_wanted(struct poller *p)
{
	if (p->listed_ms > 0 || p->failures == 0)
		return;
	p->retry_ms = 0;
	poller_expect(p);
}

void
poller_expect_leftovers(struct poller *p)
{
	leftovers_expect(p->leftovers);
	poller_expect(p);
}

struct poller *
poller_new(struct pool *pool, struct cloud *cloud)
{
	struct poller *p = NEW(struct poller);

	p->pool = pool;
	p->cloud = cloud;
	p->lease = lease_new(pool, cloud);
	p->outage = outage_new(pool, cloud);
	p->leftovers = leftovers_new(pool, p);
	loop_timer_init(&p->timer, pool->loop, on_timer, p);
	LL_PREPEND(pool->pollers, p);
	return p;
}

struct cloud *
poller_cloud(const struct poller *p)
{
	return p->cloud;
}

struct poller *
poller_next(const struct poller *p)
{
	return p->next;
}

int64_t
poller_listed_ms(const struct poller *p)
{
	return p->listed_ms;
}

bool
poller_failed(const struct poller *p, struct err *ret)
{
	if (p->why.code == ERR_NONE)
		return false;
	*ret = p->why;
	return true;
}

int64_t
poller_listed_wall(const struct poller *p)
{
	return p->listed_wall;
}

bool
poller_zone_is_out(const struct poller *p, const char *zone)
{
	return outage_has(p->outage, zone);
}

void
poller_start(struct poller *p)
{
	if (!p->started)
		p->expect_ms = clock_ms(); /* whatever was awaited before a restart */
	p->started = true;
	arm(p);
}

void
poller_free(struct poller *p)
{
	struct ec2_counts counts;

	if (p == NULL)
		return;
	if (p->op != NULL)
		p->cloud->ops->cancel(p->cloud->self, p->op);
	lease_free(p->lease);
	outage_free(p->outage);
	leftovers_free(p->leftovers);
	loop_timer_clear(&p->timer);
	health_forget(p->pool->health, p->cloud->key);
	cloud_counts(p->cloud, &counts);
	counts.window = counts.in_flight = counts.queued = 0;
	cloud_counts_add(&p->pool->tally->retired, &counts);
	orphans_forget(p->pool->orphans, p);
	permits_forget(p->pool->permits, p->cloud);
	LL_DELETE(p->pool->pollers, p);
	cloud_free(p->cloud);
	free(p);
}
