/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What users see of a worker: state and phase, computed from what is wanted and what is
 * there, never stored.
 */
#include "core/worker_view.h"

#include "conf/conf.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/owner.h"
#include "core/pool.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

static const char *const state_names[WORKER_STATE_COUNT] = {
	[WORKER_NOT_SUBSTANTIATED] = "not_substantiated",
	[WORKER_SUBSTANTIATING] = "substantiating",
	[WORKER_SUBSTANTIATED] = "substantiated",
	[WORKER_INSUBSTANTIATING] = "insubstantiating",
};

const char *
worker_state_name(enum worker_state state)
{
	assert(state < WORKER_STATE_COUNT);
	return state_names[state];
}

enum worker_state
worker_state_find(const char *name)
{
	unsigned i;

	for (i = 0; i < WORKER_STATE_COUNT; i++)
		if (strcmp(state_names[i], name) == 0)
			break;
	return (enum worker_state)i;
}

bool
worker_is_wanted(const struct worker *w)
{
	return w->phase != WORKER_IDLE;
}

bool
worker_is_queued(const struct worker *w)
{
	return w->phase == WORKER_QUEUED && w->launch != NULL &&
		w->launch->generation < w->generation;
}

/* The launch to speak of: the one that holds the name, else the latest that is left. */
static const struct launch *
shown_launch(const struct worker *w)
{
	const struct launch *l;

	if (w->launch != NULL)
		return w->launch;
	LL_FOREACH2(w->launches, l, next_of_worker)
	{
		if (l->phase != LAUNCH_GONE)
			return l;
	}
	return NULL;
}

enum worker_state
worker_state(const struct worker *w)
{
	const struct instance *i;

	if (!worker_is_wanted(w))
		return shown_launch(w) == NULL ? WORKER_NOT_SUBSTANTIATED
					       : WORKER_INSUBSTANTIATING;
	if (worker_is_queued(w))
		return WORKER_INSUBSTANTIATING;
	i = w->launch == NULL ? NULL : w->launch->instance;
	if (w->phase == WORKER_LAUNCHED && i != NULL && i->phase == INSTANCE_READY)
		return WORKER_SUBSTANTIATED;
	return WORKER_SUBSTANTIATING;
}

const char *
worker_phase_name(const struct worker *w)
{
	const struct launch *l = shown_launch(w);

	if (w->phase == WORKER_PLACING)
		return "placing";
	if (l == NULL)
		return NULL;
	if (l->instance != NULL)
		return instance_phase_name(l->instance->phase);
	return launch_phase_name(l->phase);
}

const struct instance *
worker_instance(const struct worker *w)
{
	const struct launch *l = w->phase == WORKER_PLACING ? NULL : shown_launch(w);

	return l == NULL ? NULL : l->instance;
}

const struct instance *
worker_instance_of(const struct worker *w, int64_t generation)
{
	const struct launch *l;

	LL_FOREACH2(w->launches, l, next_of_worker)
	{
		if (l->generation == generation && l->instance != NULL)
			return l->instance;
	}
	return NULL;
}

int64_t
worker_since(const struct worker *w)
{
	const struct launch *l = w->phase == WORKER_PLACING ? NULL : shown_launch(w);

	if (l == NULL)
		return w->phase_wall;
	return l->instance != NULL ? l->instance->phase_wall : l->phase_wall;
}

const char *
worker_next_deadline(const struct worker *w, int64_t *ret_wall)
{
	const struct launch *l = shown_launch(w);
	const char *owner_kind = NULL;
	const struct deadline *owner = owner_limit(w, &owner_kind);
	const struct {
		const char *kind;
		const struct deadline *at;
	} all[] = {
		{"missing_timeout", &w->missing},
		{"build_wait_timeout", &w->idle},
		{owner_kind, owner},
		{"pending_timeout",
			l != NULL && l->instance != NULL &&
					l->instance->phase == INSTANCE_PENDING
				? &l->instance->pending
				: NULL},
		{"watch", l != NULL && l->phase == LAUNCH_WATCH ? &l->watch : NULL},
	};
	const char *kind = NULL;

	for (size_t n = 0; n < COUNT_OF(all); n++) {
		if (all[n].at == NULL || !deadline_is_set(all[n].at))
			continue;
		if (kind != NULL && all[n].at->wall_ms >= *ret_wall)
			continue;
		kind = all[n].kind;
		*ret_wall = all[n].at->wall_ms;
	}
	return kind;
}

bool
worker_is_stale(const struct worker *w)
{
	return w->launch != NULL && w->launch->instance != NULL && w->stale;
}

bool
worker_is_hidden(const struct worker *w)
{
	return w->removed && w->aside == NULL && !worker_is_wanted(w) &&
		shown_launch(w) == NULL;
}
