/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HOLD begins and ends. What it holds back is orphan.c's.
 */
#include "core/hold.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "core/notice.h"
#include "core/pause.h"
#include "core/pool.h"
#include "core/worker_priv.h"

void
pool_hold(struct pool *p, const char *reason)
{
	if (p->hold)
		return;
	p->hold = true;
	p->hold_wall = clock_wall_ms();
	p->hold_ms = clock_ms();
	p->hold_reason = xstrdup(reason);
	p->meta_dirty = true;
	pool_tell(p, "running", "hold", &(struct cause){"orphan collector", reason});
	log_error(NULL, "pool: HOLD: %s", reason);
	notice_hold(p->notices, reason);
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
	pool_tell(p, "hold", "running", cause);
	log_warning(NULL, "pool: HOLD ended by %s", cause->by);
	end_adoption(p);
	FP("hold.before_end");
}
