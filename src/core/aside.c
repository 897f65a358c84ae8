/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is set aside, in memory; store_aside.c writes it.
 */
#include "core/aside.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/health.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/owner.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker_priv.h"

#include <string.h>
#include <utlist.h>

#define WORKER "worker"

static void
aside_free(struct aside *a)
{
	free(a->kind);
	free(a->id);
	free(a->reason);
	free(a->crashed);
	free(a);
}

void
aside_adopt(struct pool *p, struct aside *a)
{
	LL_APPEND(p->asides, a);
}

struct aside *
aside_find(const struct pool *p, const char *kind, const char *id)
{
	struct aside *a;

	LL_FOREACH(p->asides, a)
		if (!a->over && strcmp(a->kind, kind) == 0 && strcmp(a->id, id) == 0)
			return a;
	return NULL;
}

/* Another version may know better. */
static bool
is_for_this_version(const struct aside *a)
{
	return a->crashed != NULL && strcmp(a->crashed, VERSION) == 0;
}

bool
aside_is_poison(const struct pool *p, const char *kind, const char *id)
{
	struct aside *a = aside_find(p, kind, id);

	if (a == NULL || !is_for_this_version(a))
		return false;
	a->seen = true;
	return true;
}

static struct aside *
note(struct pool *p, const char *kind, const char *id, const char *reason)
{
	struct aside *a = aside_find(p, kind, id);

	if (a == NULL) {
		a = NEW(struct aside);
		a->kind = xstrdup(kind);
		a->id = xstrdup(id);
		a->reason = xstrdup(reason);
		a->at_wall = clock_wall_ms();
		a->dirty = true;
		aside_adopt(p, a);
	}
	a->seen = true;
	return a;
}

void
aside_put(struct pool *p, const char *kind, const char *id, const char *reason)
{
	(void)note(p, kind, id, reason);
}

static void
drop_launches(struct worker *w)
{
	struct pool *p = w->pool;
	struct instance *i, *next;

	for (i = p->instances; i != NULL; i = next) {
		next = i->hh.next;
		if (i->launch->worker == w)
			instance_free(i);
	}
	while (w->launches != NULL)
		launch_free(w->launches);
	p->dirty_launches = NULL; /* nothing has changed at this hour */
}

static void
forget_row(struct worker *w)
{
	owner_drop(w);
	free(w->by);
	free(w->reason);
	free(w->build);
	w->by = w->reason = w->build = NULL;
	w->phase = WORKER_IDLE;
	w->phase_wall = 0;
	w->generation = w->building = w->attached_wall = 0;
	w->attached = w->held = w->adopted = w->stale = false;
	w->launched_once = w->failure_told = false;
	deadline_clear(&w->missing);
	deadline_clear(&w->idle);
	err_clear(&w->last_error);
	w->dirty = false;
}

void
aside_put_worker(struct worker *w, const char *reason)
{
	if (w->aside != NULL)
		return;
	drop_launches(w);
	forget_row(w);
	w->aside = note(w->pool, WORKER, w->name, reason);
	err_set(&w->last_error, ERR_UNAVAILABLE, "set aside: %s", w->aside->reason);
	w->last_error.reason = REASON_INTERNAL;
}

int
aside_refuse(const struct worker *w, struct err *err)
{
	if (w->aside == NULL)
		return 0;
	err_set(err, ERR_UNAVAILABLE,
		w->aside->over
			? "%s is set aside until the next start: %s"
			: "%s is set aside, and what may run of it is left alone: %s",
		w->name, w->aside->reason);
	err->reason = REASON_INTERNAL;
	return -1;
}

static char *
name_of(const struct aside *a)
{
	return xasprintf("%s %s", a->kind, a->id);
}

static void
tell(struct pool *p, struct aside *a)
{
	AUTO(free) char *name = name_of(a);
	const struct trouble t = {.condition = CONDITION_ASIDE, .about = name};
	struct err err;

	log_error("ledger", "set aside: %s: %s", name, a->reason);
	err_set(&err, ERR_UNAVAILABLE, "%s", a->reason);
	if (a->told)
		health_resume(p->health, &t, a->reason, a->at_wall);
	else
		health_begin(p->health, &t, &err, NULL);
	a->told = a->dirty = true;
}

void
asides_start(struct pool *p)
{
	struct aside *a;

	LL_FOREACH(p->asides, a) {
		if (a->seen) {
			tell(p, a);
			continue;
		}
		log_warning("ledger", "no longer set aside: %s %s", a->kind, a->id);
		a->over = a->dirty = true;
	}
}

static void
end(struct worker *w, const char *how, const struct cause *cause)
{
	AUTO(free) char *name = name_of(w->aside);
	const struct trouble t = {.condition = CONDITION_ASIDE, .about = name};

	w->aside->over = w->aside->dirty = true;
	health_end(w->pool->health, &t, cause->by);
	log_warning(w->name, "%s by %s: %s", how, cause->by, w->aside->reason);
}

void
aside_release(struct worker *w, const struct cause *cause)
{
	struct aside *a = w->aside;

	if (a->over)
		return;
	a->unseal = true;
	end(w, "released", cause);
}

void
aside_abandon(struct worker *w, const struct cause *cause)
{
	w->generation = store_last_generation(w->pool->store, w->name);
	w->aside->abandoned = true;
	end(w, "abandoned", cause);
	w->aside = NULL;
	err_clear(&w->last_error);
	w->phase_wall = clock_wall_ms();
	w->unseen_ms = clock_ms();
	pool_dirty_worker(w);
	worker_changed(w);
}

/* One that a worker still has is kept until the process ends: its rows are not taken up. */
void
asides_written(struct pool *p)
{
	struct aside *a, *next;

	for (a = p->asides; a != NULL; a = next) {
		next = a->next;
		a->dirty = false;
		if (!a->over || a->unseal)
			continue;
		LL_DELETE(p->asides, a);
		aside_free(a);
	}
}

void
asides_free(struct pool *p)
{
	while (p->asides != NULL) {
		struct aside *a = p->asides;

		LL_DELETE(p->asides, a);
		aside_free(a);
	}
}
