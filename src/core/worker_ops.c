/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be asked of a worker and told about it: substantiate, insubstantiate, attached,
 * detached, builds, its password. Rules: BUILDBOT.md 10, with the generation as the judge.
 */
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/aside.h"
#include "core/event.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/worker_priv.h"
#include "core/worker_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool
is_ready(const struct worker *w)
{
	const struct instance *i = w->launch == NULL ? NULL : w->launch->instance;

	return w->phase == WORKER_LAUNCHED && i != NULL && i->phase == INSTANCE_READY;
}

int
worker_substantiate(struct worker *w, const struct cause *cause, const char *build,
	struct err *err)
{
	if (w->pool->stopping)
		return err_set(err, ERR_UNAVAILABLE, "%s: the daemon is stopping",
			w->name);
	if (aside_refuse(w, err) < 0)
		return -1;
	if (build != NULL) {
		free(w->build);
		w->build = xstrdup(build);
		pool_dirty_worker(w);
	}
	if (w->phase == WORKER_IDLE) {
		if (w->removed)
			return err_set(err, ERR_UNAVAILABLE,
				"%s is no longer in the configuration", w->name);
		worker_begin(w, cause);
	} else if (is_ready(w) && !w->attached) {
		worker_await_attach(w);
		instance_await(w->launch->instance);
	}
	return 0;
}

static int
check_not_newer(const struct worker *w, int64_t generation, struct err *err)
{
	if (generation <= w->generation)
		return 0;
	return err_set(err, ERR_STALE_GENERATION,
		"%s: generation %" PRId64 " does not exist yet, the latest is %" PRId64,
		w->name, generation, w->generation);
}

int
worker_insubstantiate(struct worker *w, int64_t generation, const struct cause *cause,
	bool *ret_done, struct err *err)
{
	struct err why;

	if (aside_refuse(w, err) < 0)
		return -1;
	if (check_not_newer(w, generation, err) < 0)
		return -1;
	*ret_done = generation == 0 || generation == w->generation;
	if (w->phase == WORKER_IDLE || !*ret_done)
		return 0;
	err_set(&why, ERR_CANCELLED, "%s: the start was cancelled by %s", w->name,
		cause->by);
	worker_end(w, cause, &why);
	return 0;
}

/* A launch of the present generation that may have a machine, or NULL. */
static struct launch *
live_launch(const struct worker *w)
{
	struct launch *l = w->launch;

	if (l == NULL || w->phase != WORKER_LAUNCHED ||
		l->generation != w->generation || l->unwanted)
		return NULL;
	return l->phase == LAUNCH_RESERVED || l->phase == LAUNCH_WATCH ? NULL : l;
}

static int
check_fact(const struct worker *w, int64_t generation, const char *instance_id,
	struct err *err)
{
	const struct launch *l = live_launch(w);

	if (aside_refuse(w, err) < 0)
		return -1;
	if (generation != 0 && generation != w->generation)
		return err_set(err, ERR_STALE_GENERATION,
			"%s: generation %" PRId64
			" is not the running one, which is %" PRId64,
			w->name, generation, w->generation);
	if (instance_id != NULL && l != NULL && l->instance != NULL &&
		strcmp(l->instance->id, instance_id) != 0)
		return err_set(err, ERR_STALE_GENERATION,
			"%s: its instance is %s, not %s", w->name, l->instance->id,
			instance_id);
	return 0;
}

/* Idle from now on, unless builds are reported (BUILDBOT.md M20, M21). */
static void
await_build(struct worker *w)
{
	int64_t wait = w->conf == NULL ? 0 : w->conf->build_wait_timeout;

	worker_limit(w, &w->idle, wait > 0 ? wait : 0);
}

void
worker_is_up(struct worker *w)
{
	deadline_clear(&w->missing);
	pool_dirty_worker(w);
	if (w->building == 0)
		await_build(w);
}

static void
set_attached(struct worker *w, bool attached, const struct cause *cause)
{
	w->attached = attached;
	w->attached_wall = clock_wall_ms();
	pool_dirty_worker(w);
	worker_event(w, attached ? EVENT_ATTACHED : EVENT_DETACHED, w->launch, NULL,
		NULL, cause);
	FP("worker.before_attach");
	worker_changed(w);
}

int
worker_attached(struct worker *w, int64_t generation, const char *instance_id,
	const struct cause *cause, struct err *err)
{
	struct launch *l = live_launch(w);

	if (check_fact(w, generation, instance_id, err) < 0)
		return -1;
	if (l == NULL) {
		if (w->conf != NULL && w->conf->build_wait_timeout < 0)
			return 0; /* accepted in any state; nothing is wanted, nothing changes (M12) */
		return err_set(err, ERR_UNEXPECTED_ATTACH, "%s has no live launch",
			w->name);
	}
	if (w->attached)
		return 0;
	set_attached(w, true, cause);
	if (!l->holds || is_ready(w)) /* else it waits for more than that */
		worker_is_up(w);
	if (l->instance != NULL)
		loop_poke(&l->instance->poke);
	return 0;
}

int
worker_detached(struct worker *w, int64_t generation, const char *instance_id,
	const struct cause *cause, struct err *err)
{
	if (check_fact(w, generation, instance_id, err) < 0)
		return -1;
	if (!w->attached)
		return 0;
	set_attached(w, false, cause);
	if (!is_ready(w))
		worker_await_attach(
			w); /* it was not up yet, so it is still waited for */
	return 0;
}

static void
set_building(struct worker *w, int64_t building, const char *build,
	const struct cause *cause)
{
	char from[24], to[24];

	(void)snprintf(from, sizeof(from), "%" PRId64, w->building);
	w->building = building < 0 ? 0 : building;
	(void)snprintf(to, sizeof(to), "%" PRId64, w->building);
	if (build != NULL) {
		free(w->build);
		w->build = xstrdup(build);
	}
	pool_dirty_worker(w);
	worker_event(w, EVENT_BUILD, w->launch, from, to, cause);
	worker_changed(w);
}

int
worker_build_started(struct worker *w, int64_t generation, const char *build,
	int64_t building, const struct cause *cause, struct err *err)
{
	if (check_fact(w, generation, NULL, err) < 0)
		return -1;
	set_building(w, building < 0 ? w->building + 1 : building, build, cause);
	deadline_clear(&w->idle);
	if (w->attached)
		deadline_clear(&w->missing); /* whatever it lacks, it works */
	return 0;
}

int
worker_build_finished(struct worker *w, int64_t generation, const char *build,
	int64_t building, const struct cause *cause, struct err *err)
{
	struct err why;

	if (check_fact(w, generation, NULL, err) < 0)
		return -1;
	set_building(w, building < 0 ? w->building - 1 : building, build, cause);
	if (w->building > 0 || w->phase == WORKER_IDLE)
		return 0;
	if (w->conf != NULL && w->conf->build_wait_timeout == 0 && w->held) {
		worker_limit(w, &w->idle, 1); /* over as soon as it is released */
	} else if (w->conf != NULL && w->conf->build_wait_timeout == 0) {
		err_set(&why, ERR_CANCELLED,
			"%s: its last build has ended and build_wait_timeout is 0",
			w->name);
		worker_end(w, &(struct cause){"build_wait_timeout", "last build ended"},
			&why);
	} else {
		await_build(w);
	}
	return 0;
}

int
worker_hold(struct worker *w, const struct cause *cause, struct err *err)
{
	if (aside_refuse(w, err) < 0)
		return -1;
	if (!worker_is_wanted(w))
		return err_set(err, ERR_UNAVAILABLE, "%s is down: nothing to hold",
			w->name);
	if (w->held)
		return 0;
	w->held = true;
	deadline_freeze(&w->missing);
	deadline_freeze(&w->idle);
	pool_dirty_worker(w);
	worker_event(w, EVENT_HOLD, w->launch, NULL, NULL, cause);
	loop_poke(&w->poke);
	return 0;
}

void
worker_release(struct worker *w, const struct cause *cause)
{
	if (!w->held)
		return;
	w->held = false;
	deadline_thaw(&w->missing);
	deadline_thaw(&w->idle);
	pool_dirty_worker(w);
	worker_event(w, EVENT_RELEASE, w->launch, NULL, NULL, cause);
	loop_poke(&w->poke);
}

int
worker_password(const struct worker *w, struct secret *ret_password, struct err *err)
{
	const struct launch *l = w->launch;
	bool has_launch = l != NULL && l->generation == w->generation;

	if (has_launch && l->generated) {
		launch_password(l, ret_password); /* whatever the file says since */
		return 0;
	}
	if (w->conf == NULL || w->conf->password_generated)
		return err_set(err, ERR_UNAVAILABLE,
			has_launch
				? "%s: what runs has the password of an older configuration"
				: "%s: its password is made with a launch, and it has none",
			w->name);
	secret_set(ret_password, w->conf->password.text);
	return 0;
}
