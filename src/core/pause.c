/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pausing and resuming. Who is held up waits without a timer, so a resume looks at all.
 */
#include "core/pause.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "core/event.h"
#include "core/health.h"
#include "core/hold.h"
#include "core/launch.h"
#include "core/orphan.h"
#include "core/pool.h"
#include "core/worker.h"

int
pool_may_launch(const struct pool *p, struct err *err)
{
	char at[CLOCK_TEXT_SIZE];

	if (p->stopping)
		return err_set(err, ERR_UNAVAILABLE, "the daemon is stopping");
	if (p->degraded)
		return err_set(err, ERR_UNAVAILABLE, "the ledger cannot be written: %s",
			p->degraded_text);
	if (p->paused_wall != 0)
		return err_set(err, ERR_UNAVAILABLE,
			"the pool is paused by %s since %s", p->paused_by,
			clock_format(p->paused_wall, at));
	return 0;
}

void
pool_launches_again(struct pool *p)
{
	struct worker *w;
	struct launch *l;
	struct err err;

	if (pool_may_launch(p, &err) < 0)
		return;
	for (w = p->workers; w != NULL; w = w->hh.next)
		worker_may_launch_again(w);
	for (l = p->launches; l != NULL; l = l->hh.next)
		launch_may_send_again(l);
}

void
pool_tell(struct pool *p, const char *from, const char *to, const struct cause *cause)
{
	const struct event event = {
		.type = EVENT_POOL,
		.from = from,
		.to = to,
		.by = cause->by,
		.reason = cause->reason,
	};

	event_emit(p->events, NULL, &event);
}

static const struct trouble paused = {.condition = CONDITION_PAUSED};

void
pool_was_paused(struct pool *p)
{
	AUTO(free) char *text = NULL;

	if (p->paused_wall == 0)
		return;
	text = xasprintf("by %s", p->paused_by);
	health_resume(p->health, &paused, text, p->paused_wall);
}

void
pool_pause(struct pool *p, const struct cause *cause)
{
	struct err err;

	if (p->paused_wall != 0)
		return;
	p->paused_wall = clock_wall_ms();
	p->paused_by = xstrdup(cause->by);
	p->meta_dirty = true;
	err_set(&err, ERR_UNAVAILABLE, "by %s", cause->by);
	health_begin(p->health, &paused, &err, cause->by);
	FP("pause.before_begin");
}

void
pool_resume(struct pool *p, const struct cause *cause)
{
	if (p->hold) {
		orphans_accept(p->orphans);
		pool_unhold(p, cause);
	}
	if (p->paused_wall == 0)
		return;
	p->paused_wall = 0;
	free(p->paused_by);
	p->paused_by = NULL;
	p->meta_dirty = true;
	health_end(p->health, &paused, cause->by);
	FP("pause.before_end");
	pool_launches_again(p);
}
