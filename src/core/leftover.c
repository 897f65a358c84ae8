/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nothing of this has rows: both ends may be asked for again until a listing shows that it
 * has happened. That it was asked for is in the history before it leaves.
 */
#include "core/leftover.h"

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/adopt.h"
#include "core/cloud.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/orphan.h"
#include "core/pause.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker.h"
#include "ec2/verdict.h"

#include <string.h>

#define RETRY_MS 60000
#define CANCELLED_TOO_LATE "request-canceled-and-instance-running"

struct scan {
	struct leftovers *all;
	enum ec2_leftover_kind kind;
	struct ec2_call *op;
	int64_t round_ms, due_ms;
	bool told; /* that it fails */
};

struct leftovers {
	struct pool *pool;     /* borrowed */
	struct poller *poller; /* borrowed; it frees us */
	struct scan scans[EC2_LEFTOVER_KIND_COUNT];
};

static enum orphan_kind
kind_of(enum ec2_leftover_kind kind)
{
	return kind == EC2_LEFTOVER_VOLUME ? ORPHAN_VOLUME : ORPHAN_REQUEST;
}

struct leftovers *
leftovers_new(struct pool *pool, struct poller *poller)
{
	struct leftovers *l = NEW(struct leftovers);

	l->pool = pool;
	l->poller = poller;
	for (int n = 0; n < EC2_LEFTOVER_KIND_COUNT; n++)
		l->scans[n] = (struct scan){.all = l,
			.kind = (enum ec2_leftover_kind)n};
	return l;
}

void
leftovers_free(struct leftovers *l)
{
	struct cloud *c;

	if (l == NULL)
		return;
	c = poller_cloud(l->poller);
	for (size_t n = 0; n < COUNT_OF(l->scans); n++)
		if (l->scans[n].op != NULL)
			c->ops->cancel(c->self, l->scans[n].op);
	free(l);
}

void
leftovers_expect(struct leftovers *l)
{
	for (size_t n = 0; n < COUNT_OF(l->scans); n++)
		l->scans[n].due_ms = 0;
}

/* Its launch is under way or has an instance still, or that instance is known by itself. */
static bool
is_owned(const struct pool *p, const struct ec2_leftover *seen)
{
	if (seen->launch != NULL && pool_launch(p, seen->launch) != NULL)
		return true;
	return seen->instance != NULL &&
		(pool_instance(p, seen->instance) != NULL ||
			orphans_find(p->orphans, seen->instance) != NULL);
}

static bool
may_start_something(const struct ec2_leftover *seen)
{
	return strcmp(seen->state, "open") == 0 || strcmp(seen->state, "active") == 0;
}

static bool
was_cancelled_too_late(const struct ec2_leftover *seen)
{
	return seen->instance != NULL && str_equal(seen->status, CANCELLED_TOO_LATE);
}

static bool
is_left(const struct ec2_leftover *seen, enum orphan_kind kind)
{
	if (kind == ORPHAN_VOLUME)
		return seen->instance == NULL && strcmp(seen->state, "available") == 0;
	return may_start_something(seen) || was_cancelled_too_late(seen);
}

static void
apply(const struct scan *s, const struct ec2_leftovers *list)
{
	struct leftovers *l = s->all;
	enum orphan_kind kind = kind_of(s->kind);

	for (size_t n = 0; n < list->count; n++) {
		const struct ec2_leftover *seen = &list->items[n];

		if (is_left(seen, kind) && !is_owned(l->pool, seen))
			orphans_left(l->pool->orphans, l->poller, kind, seen,
				s->round_ms);
	}
	orphans_listed(l->pool->orphans, l->poller, kind, s->round_ms);
}

static void
on_listed(void *arg, const struct ec2_answer *a, struct ec2_leftovers *list)
{
	struct scan *s = arg;

	s->op = NULL;
	if (a->verdict == VERDICT_DONE) {
		s->told = false;
		apply(s, list);
		return;
	}
	s->due_ms = clock_ms() + RETRY_MS;
	if (!s->told)
		log_warning(poller_cloud(s->all->poller)->key,
			"what launches have left behind cannot be listed: %s",
			a->err.text);
	s->told = true;
}

static bool
has_spot(const struct leftovers *l)
{
	const struct worker *w;
	const struct launch *launch;

	for (w = l->pool->workers; w != NULL; w = w->hh.next)
		if (w->poller == l->poller && w->conf != NULL && w->conf->spot_instance)
			return true;
	for (launch = l->pool->launches; launch != NULL; launch = launch->hh.next)
		if (launch->poller == l->poller && launch->market != NULL)
			return true;
	return false;
}

void
leftovers_scan(struct leftovers *l, int64_t round_ms)
{
	struct cloud *c = poller_cloud(l->poller);

	if (c->ops->list_leftovers == NULL)
		return;
	for (size_t n = 0; n < COUNT_OF(l->scans); n++) {
		struct scan *s = &l->scans[n];

		if (s->op != NULL || round_ms < s->due_ms ||
			(s->kind == EC2_LEFTOVER_REQUEST && !has_spot(l)))
			continue;
		s->round_ms = round_ms;
		s->due_ms = round_ms + l->pool->conf->orphans.interval;
		s->op = c->ops->list_leftovers(c->self, s->kind, l->pool->conf->pool,
			on_listed, s);
	}
}

/* The same thing as was listed, and of a launch that is over in the ledger too. */
static bool
is_same(const struct orphan *o, const struct ec2_leftover *seen)
{
	struct pool *p = o->pool;
	struct err err;

	return strcmp(seen->id, o->id) == 0 && str_equal(seen->launch, o->launch) &&
		str_equal(seen->lineage, o->lineage) && is_left(seen, o->kind) &&
		!is_owned(p, seen) &&
		store_owns(p->store, seen->launch, &err) == STORE_KNOWS_NOTHING;
}

static void
on_ended(void *arg, const struct ec2_answer *a)
{
	struct orphan *o = arg;

	o->look = NULL;
	if (a->verdict != VERDICT_DONE) {
		log_warning(o->id, "has not ended yet: %s", a->err.text);
		return; /* tried again with the next listing that is due */
	}
	poller_expect_leftovers(o->poller); /* that shows what has become of it */
}

/* After the commit that has its history. */
static void
on_written(void *arg)
{
	struct orphan *o = arg;
	struct cloud *c = poller_cloud(o->poller);

	o->look = c->ops->end_leftover(c->self,
		o->kind == ORPHAN_VOLUME ? EC2_LEFTOVER_VOLUME : EC2_LEFTOVER_REQUEST,
		o->id, on_ended, o);
}

static struct cause
cause_of(const struct orphan *o)
{
	return (struct cause){o->ordered ? "pool.orphans" : "orphan collector",
		"in no row, though tagged as ours"};
}

static void
end(struct orphan *o)
{
	const struct cause cause = cause_of(o);
	const char *how = o->kind == ORPHAN_VOLUME ? "deleted" : "cancelled";

	pool_tell(o->pool, o->id, how, &cause);
	log_warning(o->worker, "%s: to be %s by %s", o->id, how, cause.by);
	loop_outbox_put(&o->written);
}

/* What a request has started need not bear any tags: it has those of its request. */
static void
lend(char **member, const char *tag)
{
	if (*member == NULL)
		*member = xstrdup_opt(tag);
}

/* A20: the request was cancelled when it had started something. */
static void
on_started(void *arg, const struct ec2_answer *a, struct ec2_instances *list)
{
	struct orphan *o = arg;
	struct pool *p = o->pool;
	struct ec2_instance *seen = list->items;
	const struct cause cause = cause_of(o);
	struct err err;

	o->look = NULL;
	if (a->verdict != VERDICT_DONE || list->count != 1 ||
		!str_equal(seen->id, o->instance) ||
		seen->state >= EC2_STATE_SHUTTING_DOWN ||
		pool_instance(p, seen->id) != NULL)
		return;
	if (!orphan_may_end(o) ||
		store_knows(p->store,
			&(struct store_claim){o->worker, o->launch, seen->token,
				seen->id},
			&err) != STORE_KNOWS_NOTHING)
		return;
	lend(&seen->worker, o->worker);
	lend(&seen->launch, o->launch);
	lend(&seen->lineage, o->lineage);
	seen->generation = seen->generation == 0 ? o->generation : seen->generation;
	seen->epoch = seen->epoch == 0 ? o->epoch : seen->epoch;
	if (!adopt_has_tags(seen) || !str_equal(seen->launch, o->launch))
		return;
	adopt_condemned(p, o->poller, seen, &cause);
}

static void
on_looked(void *arg, const struct ec2_answer *a, struct ec2_leftovers *list)
{
	struct orphan *o = arg;
	struct cloud *c = poller_cloud(o->poller);

	o->look = NULL;
	if (a->verdict != VERDICT_DONE || list->count != 1 ||
		!is_same(o, list->items) || !orphan_may_end(o))
		return; /* the next listing decides anew */
	if (o->kind == ORPHAN_VOLUME || may_start_something(list->items))
		end(o);
	else
		o->look = c->ops->describe(c->self, o->instance, on_started, o);
}

void
leftover_look(struct orphan *o)
{
	struct cloud *c = poller_cloud(o->poller);

	if (o->look != NULL)
		return;
	loop_outbox_clear(&o->written);
	loop_outbox_init(&o->written, o->pool->loop, on_written, o);
	o->look = c->ops->look_at_leftover(c->self,
		o->kind == ORPHAN_VOLUME ? EC2_LEFTOVER_VOLUME : EC2_LEFTOVER_REQUEST,
		o->id, on_looked, o);
}
