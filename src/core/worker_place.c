/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker in `placing`: finds a place for its next launch and reserves that; and what
 * follows when a launch was refused.
 */

#include "base/clock.h"
#include "base/failpoint.h"
#include "core/event.h"
#include "core/launch.h"
#include "core/orphan.h"
#include "core/pause.h"
#include "core/place.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/worker_priv.h"

static struct place *
place_of(struct worker *w)
{
	if (w->place == NULL)
		w->place = place_new(w);
	return w->place;
}

void
worker_drop_place(struct worker *w)
{
	place_free(w->place);
	w->place = NULL;
}

/* What was reported of a machine that never was says nothing about the next one. */
static void
forget_attached(struct worker *w)
{
	if (!w->attached)
		return;
	w->attached = false;
	worker_await_attach(w);
}

void
worker_launch_failed(struct worker *w, struct launch *l, bool was_ready,
	const struct err *err)
{
	struct err why = *err;

	if (w->phase != WORKER_LAUNCHED || l->generation != w->generation)
		return;
	why.code = ERR_FAILED;
	if (was_ready) {
		worker_fail(w, EVENT_LOST, l, &why);
	} else if (err->reason == REASON_INSTANCE_DIED) {
		worker_fail(w, EVENT_FAILED, l, &why);
	} else {
		forget_attached(w);
		w->last_error = why;
		pool_dirty_worker(w);
		if (!w->removed)
			place_refused(place_of(w), l, &why);
		loop_poke(&w->poke);
	}
}

static void
wait_until(struct worker *w, int64_t again_ms, const struct err *why)
{
	w->last_error = *why;
	w->try_ms = again_ms;
	pool_dirty_worker(w);
}

void
worker_not_equipped(struct worker *w, struct launch *l, const struct err *err)
{
	struct err why = *err;

	if (w->phase != WORKER_LAUNCHED || l->generation != w->generation)
		return;
	why.code = ERR_FAILED;
	worker_fail(w, EVENT_FAILED, l, &why);
}

/* Until worker_may_launch_again: nothing but that can help. */
static void
wait_for_pool(struct worker *w, const struct err *why)
{
	wait_until(w, INT64_MAX, why);
	place_forget(w->place);
}

void
worker_may_launch_again(struct worker *w)
{
	if (w->last_error.code == ERR_UNAVAILABLE) {
		err_clear(&w->last_error);
		pool_dirty_worker(w);
	}
	if (w->try_ms == INT64_MAX)
		w->try_ms = 0;
	if (w->launch != NULL)
		launch_may_send_again(w->launch);
	loop_poke(&w->poke);
}

static void
no_place(struct worker *w, struct err *why)
{
	why->code = ERR_FAILED;
	worker_fail(w, EVENT_FAILED, NULL, why);
}

static void
reserve(struct worker *w, const struct placement *at)
{
	struct err err;

	if (launch_reserve(w, at, &err) == NULL) {
		no_place(w, &err);
		return;
	}
	place_forget(w->place);
	worker_set_phase(w, WORKER_LAUNCHED);
	FP("launch.before_reserved");
}

static void
find_place(struct worker *w)
{
	struct placement at;
	int64_t again_ms;
	struct err err;

	switch (place_step(place_of(w), &at, &again_ms, &err)) {
	case PLACE_ASKING: break;
	case PLACE_LATER: wait_until(w, again_ms, &err); break;
	case PLACE_FOUND: reserve(w, &at); break;
	case PLACE_NONE: no_place(w, &err); break;
	}
}

/* The ledger has lost rows of it, or was told to forget them; what runs is still listed. */
static bool
waits_for_listing(struct worker *w, struct err *err)
{
	if (w->unseen_ms == 0)
		return false;
	poller_expect(pool_poller(w));
	err_set(err, ERR_UNAVAILABLE,
		"what runs under its name is known only after the next listing");
	return true;
}

void
worker_place(struct worker *w)
{
	struct err err;

	if (clock_ms() < w->try_ms)
		return;
	if (w->removed) { /* before anything that asks which cloud it means: none */
		err_set(&err, ERR_FAILED, "%s is no longer in the configuration",
			w->name);
		err.reason = REASON_CONFIG;
		no_place(w, &err);
	} else if (pool_may_launch(w->pool, &err) < 0 || waits_for_listing(w, &err) ||
		orphans_allow(w->pool->orphans, pool_poller(w), w->name, &err) < 0) {
		wait_for_pool(w, &err);
	} else {
		find_place(w);
	}
}

void
workers_listed(struct pool *p, const struct poller *poller)
{
	struct worker *w;

	for (w = p->workers; w != NULL; w = w->hh.next)
		if (w->poller == poller && w->unseen_ms != 0 &&
			poller_listed_ms(poller) > w->unseen_ms) {
			w->unseen_ms = 0;
			worker_may_launch_again(w);
		}
}

void
workers_not_listed(struct pool *p, const struct poller *poller, const struct err *why)
{
	struct worker *w;
	struct err err;

	if (pool_may_launch(p, &err) < 0)
		return;
	for (w = p->workers; w != NULL; w = w->hh.next) {
		if (w->poller != poller || w->phase != WORKER_PLACING ||
			w->try_ms != INT64_MAX)
			continue;
		err = *why;
		no_place(w, &err);
	}
}

void
workers_place_again(struct pool *p)
{
	struct worker *w;

	for (w = p->workers; w != NULL; w = w->hh.next) {
		if (w->phase != WORKER_PLACING || w->try_ms == INT64_MAX)
			continue;
		w->try_ms = 0;
		loop_poke(&w->poke);
	}
}
