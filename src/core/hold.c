/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HOLD begins and ends. What it holds back is orphan.c's.
 */
#include "core/hold.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "core/health.h"
#include "core/pause.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker_priv.h"

static const struct trouble held = {.condition = CONDITION_HOLD};

void
pool_was_held(struct pool *p)
{
	struct err err;

	if (p->hold && store_meta(p->store)->hold_is_new) {
		err_set(&err, ERR_UNAVAILABLE, "%s", p->hold_reason);
		health_begin(p->health, &held, &err, NULL);
	} else if (p->hold) {
		health_resume(p->health, &held, p->hold_reason, p->hold_wall);
	}
}

void
pool_hold(struct pool *p, const char *reason)
{
	struct err err;

	if (p->hold)
		return;
	p->hold = true;
	p->hold_wall = clock_wall_ms();
	p->hold_ms = clock_ms();
	p->hold_reason = xstrdup(reason);
	p->meta_dirty = true;
	err_set(&err, ERR_UNAVAILABLE, "%s", reason);
	health_begin(p->health, &held, &err, "orphan collector");
	FP("hold.before_begin");
}

static void
end_adoption(struct pool *p)
{
	struct worker *w;

	for (w = p->workers; w != NULL; w = w->hh.next) {
		if (!w->adopted)
			continue;
		w->adopted = false;
		pool_dirty_worker(w);
		if (w->phase == WORKER_LAUNCHED && !w->attached)
			worker_await_attach(w);
	}
}

void
pool_unhold(struct pool *p, const struct cause *cause)
{
	if (!p->hold)
		return;
	p->hold = false;
	p->hold_wall = p->hold_ms = 0;
	free(p->hold_reason);
	p->hold_reason = NULL;
	p->meta_dirty = true;
	health_end(p->health, &held, cause->by);
	end_adoption(p);
	pool_launches_again(p); /* names that only HOLD kept from going on */
	FP("hold.before_end");
}
