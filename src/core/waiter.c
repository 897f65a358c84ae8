/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiters: a list that may change in any callback, which cancels others or waits anew.
 */
#include "core/waiter.h"

#include "base/clock.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/worker.h"

#include <assert.h>
#include <utlist.h>

struct waiter {
	struct worker *worker; /* borrowed; frees us */
	enum wait_for what;
	int64_t generation;
	waiter_done *done;
	void *arg;
	bool over; /* err is the answer */
	struct err err;
	struct loop_timer timer;
	struct waiter *next, *prev;
};

static void
waiter_free(struct waiter *waiter)
{
	struct worker *w = waiter->worker;

	if (w->waiter_at == waiter)
		w->waiter_at = waiter->next;
	loop_timer_clear(&waiter->timer);
	DL_DELETE(w->waiters, waiter);
	free(waiter);
}

static void
on_timeout(void *arg)
{
	struct waiter *waiter = arg;

	waiter->over = true;
	err_set(&waiter->err, ERR_TIMEOUT, "%s: not yet; the work goes on",
		waiter->worker->name);
	loop_poke(&waiter->worker->poke);
}

struct waiter *
worker_wait(struct worker *w, enum wait_for what, int64_t timeout_ms, waiter_done *done,
	void *arg)
{
	struct waiter *waiter = NEW(struct waiter);

	waiter->worker = w;
	waiter->what = what;
	waiter->generation = w->generation;
	waiter->done = done;
	waiter->arg = arg;
	loop_timer_init(&waiter->timer, w->pool->loop, on_timeout, waiter);
	if (timeout_ms > 0)
		loop_timer_in(&waiter->timer, timeout_ms);
	DL_APPEND(w->waiters, waiter);
	loop_poke(&w->poke);
	return waiter;
}

size_t
worker_waiting(const struct worker *w)
{
	const struct waiter *waiter;
	size_t count;

	DL_COUNT(w->waiters, waiter, count);
	return count;
}

void
waiter_set_generation(struct waiter *waiter, int64_t generation)
{
	waiter->generation = generation;
}

void
waiter_cancel(struct waiter *waiter)
{
	if (waiter != NULL)
		waiter_free(waiter);
}

static const struct instance *
carrier(const struct worker *w)
{
	const struct launch *l = w->launch;

	return l != NULL && l->generation == w->generation &&
			w->phase == WORKER_LAUNCHED
		? l->instance
		: NULL;
}

/* Nothing is left of this generation or an older one; fast: nothing that still runs. */
static bool
is_stopped(const struct worker *w, int64_t generation, bool fast)
{
	const struct launch *l;

	if (w->phase != WORKER_IDLE && w->generation <= generation)
		return false;
	LL_FOREACH2(w->launches, l, next_of_worker)
	{
		if (l->generation > generation || l->phase == LAUNCH_GONE)
			continue;
		if (!fast || l->instance == NULL || !instance_is_dying(l->instance))
			return false;
	}
	return true;
}

bool
worker_has_reached(const struct worker *w, enum wait_for what)
{
	const struct instance *i = carrier(w);

	if (what == WAIT_RUNNING)
		return i != NULL && instance_is_equipped(i);
	return i != NULL && i->phase == INSTANCE_READY && w->attached;
}

static bool
is_reached(const struct waiter *waiter)
{
	const struct worker *w = waiter->worker;

	switch (waiter->what) {
	case WAIT_RUNNING:
	case WAIT_ATTACHED: return worker_has_reached(w, waiter->what);
	case WAIT_STOPPED: return is_stopped(w, waiter->generation, false);
	case WAIT_STOPPED_FAST: return is_stopped(w, waiter->generation, true);
	}
	return false;
}

static void
answer(struct waiter *waiter)
{
	struct waiter copy = *waiter;

	waiter_free(waiter);
	copy.done(copy.arg, copy.worker, copy.over ? &copy.err : NULL);
}

void
waiters_check(struct worker *w)
{
	struct waiter *waiter;

	for (waiter = w->waiters; waiter != NULL; waiter = w->waiter_at) {
		w->waiter_at = waiter->next;
		if (waiter->over || is_reached(waiter))
			answer(waiter);
	}
}

void
waiters_fail(struct worker *w, const struct err *err)
{
	struct waiter *waiter;

	DL_FOREACH(w->waiters, waiter) {
		if (waiter->over || waiter->what == WAIT_STOPPED ||
			waiter->what == WAIT_STOPPED_FAST)
			continue;
		waiter->over = true;
		waiter->err = *err;
	}
	loop_poke(&w->poke);
}

void
waiters_drop(struct worker *w)
{
	struct waiter *waiter, *next;

	DL_FOREACH_SAFE(w->waiters, waiter, next) {
		waiter_free(waiter);
	}
}
