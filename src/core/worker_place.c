/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker in `placing`: finds a place for its next launch and reserves that; and what
 * follows when a launch was refused.
 */
#include "core/worker_priv.h"

#include "base/clock.h"
#include "core/event.h"
#include "core/launch.h"
#include "core/pause.h"
#include "core/place.h"
#include "core/pool.h"

/* Between two launches after a refusal that time may mend; quotas change in minutes. */
#define RETRY_BASE_MS 1000
#define RETRY_CAP_MS 60000
#define QUOTA_BASE_MS 30000
#define QUOTA_CAP_MS 300000

/* Why an error ends the wish at once: what waiting cannot mend (DESIGN 4). */
static const struct retry_rule {
	bool retry;
	int64_t base_ms, cap_ms;
} retry_rules[REASON_COUNT] = {
	[REASON_NONE] = {true, RETRY_BASE_MS, RETRY_CAP_MS},
	[REASON_CAPACITY] = {true, RETRY_BASE_MS, RETRY_CAP_MS},
	[REASON_QUOTA] = {true, QUOTA_BASE_MS, QUOTA_CAP_MS},
	[REASON_PRICE] = {false, 0, 0},
	[REASON_CONFIG] = {false, 0, 0},
	[REASON_AUTH] = {false, 0, 0},
	[REASON_THROTTLED] = {true, RETRY_BASE_MS, RETRY_CAP_MS},
	[REASON_NETWORK] = {true, RETRY_BASE_MS, RETRY_CAP_MS},
	[REASON_INSTANCE_DIED] = {false, 0, 0},
	[REASON_INTERNAL] = {true, RETRY_BASE_MS, RETRY_CAP_MS},
};

/* What was reported of a machine that never was says nothing about the next one. */
static void
forget_attached(struct worker *w)
{
	if (!w->attached)
		return;
	w->attached = false;
	worker_await_attach(w);
}

static void
try_later(struct worker *w, const struct err *why)
{
	const struct retry_rule *rule = &retry_rules[why->reason];

	w->last_error = *why;
	w->try_ms = clock_ms() +
		rng_backoff_ms(&w->pool->rng, w->tries++, rule->base_ms, rule->cap_ms);
	pool_dirty_worker(w);
	loop_poke(&w->poke);
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
	} else if (!retry_rules[err->reason].retry) {
		worker_fail(w, EVENT_FAILED, l, &why);
	} else {
		forget_attached(w);
		try_later(w, &why);
	}
}

/* Until worker_may_launch_again: nothing but that can help. */
static void
wait_for_pool(struct worker *w, const struct err *why)
{
	w->last_error = *why;
	w->try_ms = INT64_MAX;
	place_forget(w->place);
	pool_dirty_worker(w);
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
}

static void
find_place(struct worker *w)
{
	struct placement at;
	struct err err;

	if (w->place == NULL)
		w->place = place_new(w);
	switch (place_step(w->place, &at, &err)) {
	case PLACE_ASKING: break;
	case PLACE_LATER: try_later(w, &err); break;
	case PLACE_FOUND: reserve(w, &at); break;
	case PLACE_NONE: no_place(w, &err); break;
	}
}

void
worker_place(struct worker *w)
{
	struct err err;

	if (clock_ms() < w->try_ms)
		return;
	if (pool_may_launch(w->pool, &err) < 0) {
		wait_for_pool(w, &err);
	} else if (w->removed) {
		err_set(&err, ERR_FAILED, "%s is no longer in the configuration",
			w->name);
		err.reason = REASON_CONFIG;
		no_place(w, &err);
	} else {
		find_place(w);
	}
}
