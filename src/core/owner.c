/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who owns which facts, and since when an owner is gone. That facts have lapsed is for the
 * worker machine to act upon.
 */
#include "core/owner.h"

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/pool.h"
#include "core/worker.h"
#include "core/worker_view.h"

#include <string.h>

/* After a restart of ours an owner has at least so long to come back. */
#define RETURN_MS 30000

static void
mark_dirty(struct owner *o)
{
	if (o->dirty)
		return;
	o->dirty = true;
	o->next_dirty = o->pool->dirty_owners;
	o->pool->dirty_owners = o;
}

/* Its workers look at their limit again. */
static void
poke_workers(const struct owner *o)
{
	struct worker *w;

	for (w = o->pool->workers; w != NULL; w = w->hh.next)
		if (w->owner == o)
			loop_poke(&w->poke);
}

static void
set_limits(struct owner *o)
{
	const struct conf *c = o->pool->conf;

	deadline_set(&o->idle, c->owner_timeout);
	deadline_set(&o->build, c->owner_build_timeout);
	mark_dirty(o);
}

static void
clear_limits(struct owner *o)
{
	deadline_clear(&o->idle);
	deadline_clear(&o->build);
	mark_dirty(o);
}

struct owner *
owner_of(struct pool *p, const char *name)
{
	struct owner *o;

	HASH_FIND_STR(p->owners, name, o);
	if (o != NULL)
		return o;
	o = NEW(struct owner);
	o->pool = p;
	o->name = xstrdup(name);
	HASH_ADD_KEYPTR(hh, p->owners, o->name, strlen(o->name), o);
	return o;
}

struct owner *
owner_enter(struct pool *p, const char *name)
{
	struct owner *o = owner_of(p, name);

	if (o->sessions++ == 0) {
		clear_limits(o);
		poke_workers(o);
		log_info(NULL, "owner %s has a session, and %u workers", o->name,
			o->workers);
	}
	return o;
}

void
owner_leave(struct owner *o)
{
	if (o == NULL || --o->sessions > 0)
		return;
	mark_dirty(o);
	log_info(NULL, "owner %s is gone, and has %u workers", o->name, o->workers);
	if (o->workers == 0)
		return;
	set_limits(o);
	poke_workers(o);
}

bool
owner_is_live(const struct owner *o)
{
	return o != NULL && o->sessions > 0;
}

int
owner_may(const struct owner *o, const struct worker *w, struct err *err)
{
	if (o == NULL || o == w->owner || !owner_is_live(w->owner))
		return 0;
	return err_set(err, ERR_OWNED, "%s belongs to %s, which has a session", w->name,
		w->owner->name);
}

static void
set_owner(struct worker *w, struct owner *o)
{
	if (w->owner == o)
		return;
	if (w->owner != NULL) {
		w->owner->workers--;
		mark_dirty(w->owner);
	}
	w->owner = o;
	if (o != NULL)
		o->workers++;
	pool_dirty_worker(w);
	loop_poke(&w->poke);
}

void
owner_claim(struct owner *o, struct worker *w, bool build)
{
	if (!worker_is_wanted(w) && w->building == 0)
		set_owner(w, NULL); /* there is no fact left */
	else if (build || w->owner != NULL || w->building == 0)
		set_owner(w, o);
	/* else: builds that nobody owns never lapse, whoever else reports the worker */
}

void
owner_drop(struct worker *w)
{
	if (w->owner == NULL)
		return;
	w->attached = false;
	w->building = 0;
	set_owner(w, NULL);
}

const struct deadline *
owner_limit(const struct worker *w, const char **ret_kind)
{
	const struct owner *o = w->owner;
	bool builds;

	if (o == NULL || owner_is_live(o) || w->held)
		return NULL;
	builds = w->building > 0 && o->build.boot_ms > o->idle.boot_ms;
	*ret_kind = builds ? "owner_build_timeout" : "owner_timeout";
	return builds ? &o->build : &o->idle;
}

void
owner_adopt(struct owner *o, struct worker *w)
{
	w->owner = o;
	o->workers++;
}

static void
at_least(struct deadline *d, int64_t delay_ms)
{
	struct deadline least;

	deadline_set(&least, delay_ms);
	if (d->boot_ms < least.boot_ms)
		*d = least;
}

void
owners_start(struct pool *p)
{
	int64_t limit = p->conf->owner_timeout;
	struct owner *o;

	for (o = p->owners; o != NULL; o = o->hh.next) {
		if (!deadline_is_set(&o->idle))
			set_limits(o);
		at_least(&o->idle, limit < RETURN_MS ? limit : RETURN_MS);
		at_least(&o->build, limit < RETURN_MS ? limit : RETURN_MS);
		mark_dirty(o);
		poke_workers(o);
	}
}

void
owners_set_conf(struct pool *p, const struct conf *old)
{
	int64_t idle = p->conf->owner_timeout - old->owner_timeout,
		build = p->conf->owner_build_timeout - old->owner_build_timeout;
	struct owner *o;

	for (o = p->owners; o != NULL; o = o->hh.next) {
		if (!deadline_is_set(&o->idle))
			continue;
		deadline_move(&o->idle, idle);
		deadline_move(&o->build, build);
		mark_dirty(o);
		poke_workers(o);
	}
}

static void
owner_free(struct owner *o)
{
	HASH_DEL(o->pool->owners, o);
	free(o->name);
	free(o);
}

void
owners_written(struct pool *p)
{
	struct owner *o, *next;

	for (o = p->dirty_owners; o != NULL; o = next) {
		next = o->next_dirty;
		o->dirty = false;
		if (o->sessions == 0 && o->workers == 0)
			owner_free(o);
	}
	p->dirty_owners = NULL;
}

void
owners_free(struct pool *p)
{
	struct owner *o, *next;

	HASH_ITER(hh, p->owners, o, next) {
		owner_free(o);
	}
}
