/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging what no row knows. Sightings are in memory only: a restart begins to count anew.
 */
#include "core/orphan.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/accepted.h"
#include "core/adopt.h"
#include "core/cloud.h"
#include "core/hold.h"
#include "core/launch.h"
#include "core/leftover.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker_view.h"
#include "ec2/verdict.h"

#include <stdio.h>
#include <string.h>

#define BRAKE_DIVISOR 10 /* of the pool, in one pass */

struct orphans {
	struct pool *pool;    /* borrowed */
	struct orphan *table; /* hash by id */
	struct accepted_set *accepted;
};

struct orphans *
orphans_new(struct pool *pool)
{
	struct orphans *all = NEW(struct orphans);

	all->pool = pool;
	all->accepted = accepted_new();
	return all;
}

static void
clear_seen(struct orphan *o)
{
	free(o->state);
	free(o->type);
	free(o->zone);
	free(o->worker);
	free(o->launch);
	free(o->token);
	free(o->lineage);
	free(o->instance);
	free(o->price);
}

static void
forget(struct orphan *o)
{
	struct cloud *c = poller_cloud(o->poller);
	struct worker *w = o->worker == NULL ? NULL : pool_find_any(o->pool, o->worker);

	if (o->look != NULL)
		c->ops->cancel(c->self, o->look);
	loop_outbox_clear(&o->written);
	HASH_DEL(o->all->table, o);
	if (w != NULL)
		worker_may_launch_again(w); /* its name may have waited for this */
	clear_seen(o);
	free(o->id);
	free(o);
}

void
orphans_free(struct orphans *all)
{
	struct orphan *o, *tmp;

	if (all == NULL)
		return;
	HASH_ITER(hh, all->table, o, tmp)
		forget(o);
	accepted_free(all->accepted);
	free(all);
}

struct accepted_set *
orphans_accepted(const struct orphans *all)
{
	return all->accepted;
}

const struct orphan *
orphans_first(const struct orphans *all)
{
	return all->table;
}

void
orphans_forget(struct orphans *all, const struct poller *poller)
{
	struct orphan *o, *tmp;

	HASH_ITER(hh, all->table, o, tmp)
		if (o->poller == poller)
			forget(o);
}

struct orphan *
orphans_find(const struct orphans *all, const char *id)
{
	struct orphan *o;

	HASH_FIND_STR(all->table, id, o);
	return o;
}

static struct orphan *
sighting_of(struct orphans *all, struct poller *poller, const char *id,
	int64_t began_ms)
{
	struct orphan *o = orphans_find(all, id);

	if (o != NULL)
		return o;
	o = NEW(struct orphan);
	o->all = all;
	o->pool = all->pool;
	o->poller = poller;
	o->id = xstrdup(id);
	o->first_ms = began_ms;
	o->first_wall = clock_wall_ms();
	o->verdict = ORPHAN_ONCE;
	o->accepted = accepted_has(all->accepted, id);
	HASH_ADD_STR(all->table, id, o);
	log_warning(poller_cloud(poller)->key, "%s has our pool's tag and is in no row",
		id);
	return o;
}

static struct store_claim
claim_of(const struct orphan *o)
{
	return (struct store_claim){o->worker, o->launch, o->token, o->id};
}

/* Of a launch that is over. */
static bool
is_copy(const struct orphan *o)
{
	const struct store_claim claim = claim_of(o);
	struct err err;

	return o->lineage != NULL &&
		store_knows(o->pool->store, &claim, &err) == STORE_KNOWS_BETTER;
}

void
orphans_seen(struct orphans *all, struct poller *poller,
	const struct ec2_instance *seen, int64_t began_ms, bool copied)
{
	struct orphan *o = sighting_of(all, poller, seen->id, began_ms);

	clear_seen(o);
	o->state = xstrdup(ec2_state_name(seen->state));
	o->type = xstrdup_opt(seen->type);
	o->zone = xstrdup_opt(seen->zone);
	o->worker = xstrdup_opt(seen->worker);
	o->launch = xstrdup_opt(seen->launch);
	o->token = xstrdup_opt(seen->token);
	o->lineage = xstrdup_opt(seen->lineage);
	o->generation = seen->generation;
	o->epoch = seen->epoch;
	o->launched_wall = seen->launched_at;
	o->began_ms = began_ms;
	o->copied |= copied; /* once told apart, for ever */
	if (!adopt_has_tags(seen)) {
		free(o->lineage);
		o->lineage = NULL;
	}
	if (o->first_ms == began_ms && is_copy(o))
		o->copied = true;
}

/* Only what EC2 shows: the ledger is asked when it is judged. */
void
orphans_left(struct orphans *all, struct poller *poller, enum orphan_kind kind,
	const struct ec2_leftover *seen, int64_t began_ms)
{
	struct orphan *o = sighting_of(all, poller, seen->id, began_ms);
	const struct ec2_instance tags = {.worker = seen->worker,
		.launch = seen->launch,
		.lineage = seen->lineage,
		.generation = seen->generation,
		.epoch = seen->epoch};

	clear_seen(o);
	o->kind = kind;
	o->state = xstrdup(seen->state);
	o->type = xstrdup_opt(seen->type);
	o->zone = xstrdup_opt(seen->zone);
	o->worker = xstrdup_opt(seen->worker);
	o->launch = xstrdup_opt(seen->launch);
	o->token = NULL;
	o->lineage = adopt_has_tags(&tags) ? xstrdup(seen->lineage) : NULL;
	o->instance = xstrdup_opt(seen->instance);
	o->price = xstrdup_opt(seen->price);
	o->size = seen->size;
	o->generation = seen->generation;
	o->epoch = seen->epoch;
	o->launched_wall = seen->made_at;
	o->began_ms = began_ms;
	if (kind == ORPHAN_VOLUME && o->first_ms == began_ms && o->lineage != NULL)
		o->disposable = store_disks_go(all->pool->store, o->launch,
			o->launched_wall);
}

/* The second look, right before: at the ledger, and at the instance by its own id. */
static void
on_looked(void *arg, const struct ec2_answer *a, struct ec2_instances *list)
{
	struct orphan *o = arg;
	struct pool *p = o->pool;
	const struct ec2_instance *seen = list->items;
	const struct cause cause = {o->ordered ? "pool.orphans" : "orphan collector",
		"in no row, though tagged as ours"};

	o->look = NULL;
	if (a->verdict != VERDICT_DONE || list->count != 1 ||
		strcmp(seen->id, o->id) != 0 ||
		seen->state >= EC2_STATE_SHUTTING_DOWN || !adopt_has_tags(seen) ||
		!str_equal(seen->launch, o->launch) ||
		!str_equal(seen->lineage, o->lineage) ||
		pool_instance(p, o->id) != NULL || pool_launch(p, seen->launch) != NULL)
		return; /* the next listing decides anew */
	if (p->hold && !o->ordered) {
		if (adopt_running(p, o->poller, seen, &cause))
			forget(o);
		return;
	}
	if (!orphan_may_end(o))
		return;
	adopt_condemned(p, o->poller, seen, &cause);
	forget(o);
}

static void
look(struct orphan *o, bool ending)
{
	struct pool *p = o->pool;
	struct cloud *c = poller_cloud(o->poller);
	const struct store_claim claim = claim_of(o);
	struct err err;

	if (o->look != NULL)
		return;
	o->ending = ending;
	if (o->kind != ORPHAN_INSTANCE) {
		leftover_look(o);
		return;
	}
	switch (store_knows(p->store, &claim, &err)) {
	case STORE_KNOWS_BETTER:
		o->copied = true;
		o->verdict = orphan_judge(o);
		break;
	case STORE_KNOWS_NOTHING:
		FP("orphan.before_look");
		o->look = c->ops->describe(c->self, o->id, on_looked, o);
		break;
	case STORE_KNOWS:
		log_warning(c->key, "%s: the ledger has a row of it that is not in use",
			o->id);
		break;
	case STORE_CANNOT_SAY:
		log_warning(c->key, "%s: left alone: %s", o->id, err.text);
		break;
	}
}

/* "bot1 i-0123 in us-east-1: another ledger has launched it" */
static void
hold_for(const struct orphan *o)
{
	AUTO(free)
	char *why = xasprintf("%s%s%s in %s: %s", o->worker == NULL ? "" : o->worker,
		o->worker == NULL ? "" : " ", o->id, poller_cloud(o->poller)->region,
		orphan_verdict_doc(o->verdict));

	pool_hold(o->pool, why);
}

/* Those that an admin has seen and let go on do not count. */
static bool
is_braked(const struct orphans *all, const struct poller *poller, enum orphan_kind kind)
{
	size_t most = all->pool->conf->worker_count / BRAKE_DIVISOR, count = 0;
	const struct orphan *o;

	for (o = all->table; o != NULL; o = o->hh.next)
		/* analyze: unix.Malloc: each leaves the list before it is freed */
		count += o->poller == poller && o->kind == kind &&
			(o->verdict == ORPHAN_RIPE || o->verdict == ORPHAN_HELD) &&
			!o->accepted;
	return count > (most > 0 ? most : 1);
}

static void
pass(struct orphans *all, const struct poller *poller, enum orphan_kind kind)
{
	struct pool *p = all->pool;
	struct orphan *o;

	if (is_braked(all, poller, kind)) {
		AUTO(free)
		char *why = xasprintf(
			"more %ss look like orphans than may end in one pass; see "
			"pool.orphans",
			orphan_kind_name(kind));

		pool_hold(p, why);
		return;
	}
	for (o = all->table; o != NULL; o = o->hh.next)
		if (o->poller == poller && o->kind == kind && o->verdict == ORPHAN_RIPE)
			look(o, true);
}

static bool
has_unattached_adopted(const struct pool *p)
{
	const struct worker *w;

	for (w = p->workers; w != NULL; w = w->hh.next)
		if (w->adopted && worker_is_wanted(w) && !w->attached)
			return true;
	return false;
}

/* HOLD that ended over these would begin again with their next listing. */
static bool
has_braked(const struct orphans *all, const struct poller *poller)
{
	return all->pool->conf->orphans.action != CONF_ORPHANS_REPORT &&
		(is_braked(all, poller, ORPHAN_VOLUME) ||
			is_braked(all, poller, ORPHAN_REQUEST));
}

/* All clouds were listed since it began, and nothing is seen that no row knows. */
static bool
agrees(const struct orphans *all)
{
	const struct pool *p = all->pool;
	const struct poller *poller;
	const struct orphan *o;

	for (poller = p->pollers; poller != NULL; poller = poller_next(poller))
		if (poller_listed_ms(poller) <= p->hold_ms || has_braked(all, poller))
			return false;
	for (o = all->table; o != NULL; o = o->hh.next)
		if (o->kind == ORPHAN_INSTANCE && o->verdict > ORPHAN_COPIED &&
			!o->accepted)
			return false;
	return !has_unattached_adopted(p);
}

/* What this ledger has made, or one before it. */
static bool
may_fit(const struct orphan *o)
{
	return o->kind == ORPHAN_INSTANCE && o->verdict >= ORPHAN_NEWER &&
		o->epoch <= store_meta(o->pool->store)->epoch;
}

static void
adopt_what_fits(struct orphans *all, const struct poller *poller)
{
	struct orphan *o;

	for (o = all->table; o != NULL; o = o->hh.next)
		/* analyze: unix.Malloc: each leaves the list before it is freed */
		if (o->poller == poller && may_fit(o))
			look(o, false);
}

static bool
is_seen(void *arg, const char *id)
{
	return orphans_find(arg, id) != NULL;
}

/* What contradicts the ledger: then nothing that it does not know may end. */
static bool
contradicts(const struct orphan *o)
{
	return o->kind == ORPHAN_INSTANCE && !o->accepted &&
		(o->verdict == ORPHAN_FOREIGN || o->verdict == ORPHAN_NEWER);
}

void
orphans_listed(struct orphans *all, struct poller *poller, enum orphan_kind kind,
	int64_t began_ms)
{
	struct pool *p = all->pool;
	struct orphan *o, *tmp;

	HASH_ITER(hh, all->table, o, tmp) {
		if (o->poller != poller || o->kind != kind)
			continue;
		if (o->began_ms != began_ms) {
			forget(o);
			continue;
		}
		o->verdict = orphan_judge(o);
		if (contradicts(o))
			hold_for(o);
	}
	if (kind == ORPHAN_INSTANCE)
		accepted_listed(all->accepted, poller_cloud(poller)->key, began_ms,
			p->conf->orphans.grace, is_seen, all);
	if (!p->hold)
		pass(all, poller, kind);
	else if (kind == ORPHAN_INSTANCE)
		adopt_what_fits(all, poller);
	if (p->hold && agrees(all))
		pool_unhold(p, &(struct cause){"listing", "ledger and cloud agree"});
}

/* Or NULL. */
static const char *
living(const struct orphans *all, const char *worker)
{
	const struct pool *p = all->pool;
	const struct orphan *o;

	for (o = all->table; o != NULL; o = o->hh.next) {
		if (o->kind == ORPHAN_VOLUME || !str_equal(o->worker, worker) ||
			o->verdict <= ORPHAN_UNTAGGED)
			continue;
		if (o->verdict != ORPHAN_FOREIGN || p->hold)
			return o->id;
	}
	return NULL;
}

int
orphans_allow(const struct orphans *all, const struct poller *poller,
	const char *worker, struct err *err)
{
	const char *id = living(all, worker);

	if (id != NULL)
		return err_set(err, ERR_UNAVAILABLE,
			"instance %s has its name and is in no row; see pool.orphans",
			id);
	if (poller_listed_ms(poller) > 0)
		return 0;
	if (poller_failed(poller, err))
		return err_wrap(err, "nothing has been listed since the start");
	return err_set(err, ERR_UNAVAILABLE, "nothing has been listed since the start");
}

/* The ledger was behind: its next generation comes after this one. */
static void
catch_up(const struct orphan *o)
{
	struct worker *w = pool_find_any(o->pool, o->worker);

	if (w == NULL || w->phase != WORKER_IDLE || w->generation >= o->generation)
		return;
	w->generation = o->generation;
	pool_dirty_worker(w);
}

void
orphans_accept(struct orphans *all)
{
	struct orphan *o;

	for (o = all->table; o != NULL; o = o->hh.next) {
		o->accepted = true;
		accepted_add(all->accepted, o->id, poller_cloud(o->poller)->key,
			clock_wall_ms());
		o->verdict = orphan_judge(o);
		if (o->verdict > ORPHAN_NEWER)
			catch_up(o);
	}
}

size_t
orphans_terminate(struct orphans *all, bool kept, const struct cause *cause)
{
	struct orphan *o;
	size_t count = 0;

	for (o = all->table; o != NULL; o = o->hh.next) {
		if (!orphan_is_orderable(o, kept))
			continue;
		o->ordered = true;
		o->ordered_kept |= kept;
		look(o, true);
		count++;
		log_warning(o->worker, "%s: to be ended by order of %s", o->id,
			cause->by);
	}
	return count;
}
