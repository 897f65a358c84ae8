/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker machine: its phase table, the one writer of its phase, and the rules that
 * begin and end a wish. What callers ask of it is worker_ops.c's, what they see
 * worker_view.c's, who waits waiter.c's.
 */
#include "core/worker.h"
#include "base/failpoint.h"
#include "core/worker_view.h"

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/equip.h"
#include "core/event.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/owner.h"
#include "core/place.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/request.h"
#include "core/waiter.h"
#include "core/worker_priv.h"

#include <assert.h>
#include <string.h>

#define RECENT_EVENTS 100
/* Two listings of the steady state. */
#define LATELY_MS 120000

typedef void phase_step(struct worker *w);
static phase_step step_queued, step_launched;

#define P(phase) (1u << WORKER_##phase)

/* clang-format off */
static const struct phase {
	const char *name;  /* in the ledger */
	phase_step *step;  /* looks at the facts; idempotent */
	unsigned next;     /* legal successors */
} phases[WORKER_COUNT] = {
	[WORKER_IDLE]     = { "idle",     NULL,          P(QUEUED) | P(PLACING) },
	[WORKER_QUEUED]   = { "queued",   step_queued,   P(PLACING) | P(IDLE) },
	[WORKER_PLACING]  = { "placing",  worker_place,  P(LAUNCHED) | P(QUEUED) | P(IDLE) },
	[WORKER_LAUNCHED] = { "launched", step_launched, P(QUEUED) | P(PLACING) | P(IDLE) },
};
/* clang-format on */

const char *
worker_stored_phase_name(enum worker_phase phase)
{
	assert(phase < WORKER_COUNT);
	return phases[phase].name;
}

enum worker_phase
worker_stored_phase_find(const char *name)
{
	unsigned i;

	for (i = 0; i < WORKER_COUNT; i++)
		if (strcmp(phases[i].name, name) == 0)
			break;
	return (enum worker_phase)i;
}

bool
worker_phase_leads_to(enum worker_phase from, enum worker_phase to)
{
	return (phases[from].next & (1u << to)) != 0;
}

void
worker_event(struct worker *w, int type, const struct launch *l, const char *from,
	const char *to, const struct cause *cause)
{
	const struct instance *i = l == NULL ? worker_instance(w) : l->instance;
	const struct err *e = &w->last_error;
	bool failed = type == EVENT_FAILED || type == EVENT_MISSING ||
		type == EVENT_LOST;
	struct event event = {
		.type = (enum event_type)type,
		.worker = w->name,
		.generation = l == NULL ? w->generation : l->generation,
		.launch = l == NULL ? NULL : l->id,
		.instance = i == NULL ? NULL : i->id,
		.from = from,
		.to = to,
		.by = cause->by,
		.reason = cause->reason,
		.aws_code = failed && e->origin[0] != '\0' ? e->origin : NULL,
		.aws_message = failed && e->origin_text[0] != '\0' ? e->origin_text
								   : NULL,
		.aws_request_id = failed && e->request_id[0] != '\0' ? e->request_id
								     : NULL,
	};

	event_emit(w->pool->events, w->recent, &event);
	log_info(w->name, "%s%s%s%s%s%s%s", event_type_name(event.type),
		to == NULL ? "" : ": ", from == NULL ? "" : from,
		from == NULL ? "" : " -> ", to == NULL ? "" : to,
		cause->reason == NULL ? "" : ": ",
		cause->reason == NULL ? "" : cause->reason);
}

void
worker_set_phase(struct worker *w, enum worker_phase to)
{
	assert(worker_phase_leads_to(w->phase, to));
	w->phase = to;
	w->phase_wall = clock_wall_ms();
	pool_dirty_worker(w);
	loop_poke(&w->poke);
}

void
worker_note_error(struct worker *w, int64_t generation, const struct err *err)
{
	if (generation != w->generation)
		return;
	w->last_error = *err;
	pool_dirty_worker(w);
}

void
worker_launched(struct worker *w, int64_t generation)
{
	if (generation != w->generation || w->launched_once)
		return;
	w->launched_once = true;
	pool_dirty_worker(w);
}

void
worker_changed(struct worker *w)
{
	loop_poke(&w->poke);
	if (w->pool->on_settled != NULL)
		loop_poke(&w->pool->settled);
}

void
worker_set_by(struct worker *w, const struct cause *cause)
{
	free(w->by);
	free(w->reason);
	w->by = xstrdup_opt(cause->by);
	w->reason = xstrdup_opt(cause->reason);
}

void
worker_begin(struct worker *w, const struct cause *cause)
{
	w->generation++;
	worker_set_by(w, cause);
	err_clear(&w->last_error);
	w->launched_once = false;
	w->attached = false;
	if (!owner_is_live(w->owner))
		owner_drop(w);
	w->try_ms = 0;
	worker_await_attach(w);
	worker_set_phase(w, w->launch == NULL ? WORKER_PLACING : WORKER_QUEUED);
	poller_wanted(pool_poller(w));
}

void
worker_limit(struct worker *w, struct deadline *d, int64_t delay_ms)
{
	if (delay_ms > 0)
		deadline_set(d, delay_ms);
	else
		deadline_clear(d);
	if (w->held)
		deadline_freeze(d);
	pool_dirty_worker(w);
	loop_poke(&w->poke);
}

void
worker_await_attach(struct worker *w)
{
	worker_limit(w, &w->missing, w->conf == NULL ? 0 : w->conf->missing_timeout);
	deadline_clear(&w->idle);
	pool_dirty_worker(w);
	loop_poke(&w->poke);
}

void
worker_end(struct worker *w, const struct cause *cause, const struct err *err)
{
	struct launch *l = w->launch;

	if (w->phase == WORKER_IDLE)
		return;
	worker_release(w, cause);
	deadline_clear(&w->missing);
	deadline_clear(&w->idle);
	w->attached = false;
	w->building = 0;
	owner_drop(w);
	worker_drop_place(w);
	worker_set_phase(w, WORKER_IDLE);
	if (l != NULL && l->generation == w->generation)
		launch_unwant(l, cause);
	waiters_fail(w, err);
	requests_end(w, err);
}

/* A quota that is used up and credentials that are refused are told to all, by place.c. */
static void
tell_failure(struct worker *w, const struct launch *l, const struct err *err)
{
	if (w->failure_told || err->reason == REASON_QUOTA ||
		err->reason == REASON_AUTH)
		return;
	w->failure_told = true;
	notice_missing(w->pool->notices, w, l == NULL ? NULL : l->instance, err);
}

void
worker_fail(struct worker *w, int event, const struct launch *l, const struct err *err)
{
	w->last_error = *err;
	worker_event(w, event, l, NULL, NULL, &(struct cause){"ec2workerd", err->text});
	if (event == EVENT_FAILED)
		tell_failure(w, l, err);
	worker_end(w,
		&(struct cause){event_type_name((enum event_type)event), err->text},
		err);
}

static void
step_queued(struct worker *w)
{
	if (w->launch == NULL)
		worker_set_phase(w, WORKER_PLACING);
}

/* The launch is over, or will never bring this generation up: another one follows. */
static void
step_launched(struct worker *w)
{
	const struct launch *l = w->launch;

	if (l == NULL)
		worker_set_phase(w, WORKER_PLACING);
	else if (l->unwanted || l->phase == LAUNCH_WATCH)
		worker_set_phase(w, WORKER_QUEUED);
}

/* Something of this generation may have been launched: then only a fresh listing lets a limit act. */
static bool
knows_enough(const struct worker *w, const struct deadline *d)
{
	const struct launch *l = w->launch;

	if (l == NULL || l->generation != w->generation || l->phase == LAUNCH_RESERVED)
		return true;
	if (poller_listed_ms(l->poller) >= d->boot_ms)
		return true;
	poller_expect(l->poller);
	return false;
}

/* After a time in which nobody looked, a limit waits for somebody to look. */
static bool
is_known_lately(const struct worker *w, const struct deadline *d)
{
	const struct launch *l = w->launch;

	if (l != NULL && poller_listed_ms(l->poller) != 0 &&
		poller_listed_ms(l->poller) >= d->boot_ms - LATELY_MS)
		return true;
	return knows_enough(w, d);
}

static bool
was_launched(const struct worker *w)
{
	return w->launched_once ||
		(w->launch != NULL && w->launch->generation == w->generation &&
			w->launch->phase == LAUNCH_SENDING);
}

static void
say_missing(const struct instance *i, struct err *err)
{
	char what[EQUIP_TEXT_SIZE];

	if (i != NULL && i->equip != NULL) {
		equip_describe(i->equip, what, sizeof(what));
		err_set(err, ERR_MISSING,
			"launched, but not equipped within missing_timeout: instance %s "
			"lacks %s",
			i->id, what);
	} else {
		err_set(err, ERR_MISSING,
			"launched, but not attached within missing_timeout%s%s",
			i == NULL ? "" : ": instance ", i == NULL ? "" : i->id);
	}
}

static void
missing(struct worker *w)
{
	struct launch *l = w->launch;
	struct instance *i = l != NULL && l->generation == w->generation ? l->instance
									 : NULL;
	struct err err = w->last_error, last = w->last_error;

	if (!was_launched(w)) {
		if (last.code == ERR_NONE)
			err_set(&err, ERR_FAILED,
				"never launched within missing_timeout");
		else
			err_wrap(&err, "never launched within missing_timeout");
		err.code = ERR_FAILED;
		worker_fail(w, EVENT_FAILED, NULL, &err);
		return;
	}
	say_missing(i, &err);
	err.reason = last.reason;
	err_origin(&err, last.origin, last.origin_text, last.request_id);
	notice_missing(w->pool->notices, w, i, &err);
	if (i != NULL)
		instance_fetch_console(i);
	worker_fail(w, EVENT_MISSING, l, &err);
	FP("worker.before_missing");
}

/* Who reported it is gone for too long: what was reported counts no more. */
static void
lapse(struct worker *w, const char *limit)
{
	AUTO(free) char *why = xasprintf("its owner %s is gone", w->owner->name);
	struct err err;

	err_set(&err, ERR_CANCELLED, "%s: %s for %s", w->name, why, limit);
	worker_end(w, &(struct cause){limit, why}, &err);
	owner_drop(w);
	FP("worker.before_lapse");
}

static void
step_deadlines(struct worker *w)
{
	const char *limit;
	const struct deadline *owner = owner_limit(w, &limit);
	struct err err;

	if (deadline_is_over(&w->missing) && knows_enough(w, &w->missing)) {
		missing(w);
	} else if (deadline_is_over(&w->idle) && is_known_lately(w, &w->idle)) {
		err_set(&err, ERR_CANCELLED, "no build within build_wait_timeout");
		worker_end(w, &(struct cause){"build_wait_timeout", "no build"}, &err);
		FP("worker.before_idle_end");
	} else if (owner != NULL && deadline_is_over(owner) && knows_enough(w, owner)) {
		lapse(w, limit);
	}
}

static int64_t
earlier(int64_t due, const struct deadline *d)
{
	return d != NULL && deadline_is_set(d) && d->boot_ms < due ? d->boot_ms : due;
}

static void
arm(struct worker *w)
{
	int64_t due = INT64_MAX, now = clock_ms();
	const char *limit;

	due = earlier(due, &w->missing);
	due = earlier(due, &w->idle);
	due = earlier(due, owner_limit(w, &limit));
	if (due <= now)
		due = now + 1000; /* over, but for want of a listing not acted upon */
	if (w->phase == WORKER_PLACING && w->try_ms < due && !place_is_asking(w->place))
		due = w->try_ms > now ? w->try_ms : now;
	if (due == INT64_MAX)
		loop_timer_clear(&w->timer);
	else
		loop_timer_at(&w->timer, due);
}

static void
tell_state(struct worker *w)
{
	enum worker_state now = worker_state(w);

	if (now == w->state)
		return;
	if (now == WORKER_SUBSTANTIATED &&
		(w->last_error.code != ERR_NONE || w->failure_told)) {
		err_clear(&w->last_error); /* what troubled the start is history */
		w->failure_told = false;
		pool_dirty_worker(w);
	}
	worker_event(w, EVENT_STATE, NULL, worker_state_name(w->state),
		worker_state_name(now),
		&(struct cause){w->by,
			w->last_error.code == ERR_NONE ? w->reason
						       : w->last_error.text});
	w->state = now;
}

void
worker_step(struct worker *w)
{
	if (w->aside != NULL)
		return;
	step_deadlines(w);
	if (phases[w->phase].step != NULL)
		phases[w->phase].step(w);
	tell_state(w);
	requests_check(w);
	waiters_check(w);
	arm(w);
}

static void
on_poke(void *arg)
{
	struct worker *w = arg;

	pool_take(w->pool, w);
	worker_step(w);
	pool_take(w->pool, NULL);
}

struct worker *
worker_new(struct pool *pool, const char *name, struct conf_worker *conf)
{
	struct worker *w = NEW(struct worker);

	w->pool = pool;
	w->name = xstrdup(name);
	w->conf = conf == NULL ? NULL : conf_worker_ref(conf);
	w->removed = conf == NULL;
	w->recent = event_ring_new(RECENT_EVENTS);
	loop_timer_init(&w->timer, pool->loop, on_poke, w);
	loop_poke_init(&w->poke, pool->loop, on_poke, w);
	HASH_ADD_KEYPTR(hh, pool->workers, w->name, strlen(w->name), w);
	return w;
}

void
worker_set_conf(struct worker *w, struct conf_worker *conf)
{
	int64_t before = w->conf == NULL ? 0 : w->conf->missing_timeout;

	w->removed = conf == NULL;
	if (conf == NULL || w->conf == NULL || !conf_worker_equal(w->conf, conf))
		worker_drop_place(w); /* another configuration may have others */
	if (w->try_ms != INT64_MAX)
		w->try_ms = 0;
	loop_poke(&w->poke);
	if (conf == NULL)
		return; /* the old one serves what still runs */
	(void)conf_worker_ref(conf);
	conf_worker_unref(w->conf);
	w->conf = conf;
	if (before == conf->missing_timeout)
		return;
	/* A running deadline keeps what has elapsed (BUILDBOT.md W4). */
	if (conf->missing_timeout > 0 && before > 0)
		deadline_move(&w->missing, conf->missing_timeout - before);
	else
		deadline_clear(&w->missing);
	pool_dirty_worker(w);
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	waiters_drop(w);
	worker_drop_place(w);
	loop_timer_clear(&w->timer);
	loop_poke_clear(&w->poke);
	HASH_DEL(w->pool->workers, w);
	conf_worker_unref(w->conf);
	event_ring_free(w->recent);
	free(w->build);
	free(w->by);
	free(w->reason);
	free(w->name);
	free(w);
}
