/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instance machine: its phase table, the one writer of its phase, and what is done in
 * each. What a listing or a description proves is observe.c's.
 */
#include "core/instance.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/alarm.h"
#include "core/cloud.h"
#include "core/equip.h"
#include "core/event.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/permit.h"
#include "core/place.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/worker.h"
#include "ec2/verdict.h"

#include <assert.h>
#include <string.h>

#define TERMINATE_BASE_MS 2000
#define TERMINATE_CAP_MS 60000
/* After an accepted terminate the listings speak; asked again if they stay silent so long. */
#define TERMINATE_AGAIN_MS 20000
/* A console is worth this much delay of a terminate, and no more. */
#define CONSOLE_MS 5000

#define P(phase) (1u << INSTANCE_##phase)
#define END (P(CONDEMNED) | P(GONE))

typedef void phase_step(struct instance *i);
static phase_step step_pending, step_running, step_equipping, step_waiting,
	step_condemned;

/* clang-format off */
static const struct phase {
	const char *name;  /* in the ledger, the log and the RPC */
	phase_step *step;  /* looks at the facts; idempotent */
	bool up;           /* EC2 runs it, as far as we know */
	unsigned next;     /* legal successors */
} phases[INSTANCE_COUNT] = {
	[INSTANCE_PENDING]   = { "pending",   step_pending,   false, P(RUNNING) | END },
	[INSTANCE_RUNNING]   = { "running",   step_running,   true,  P(EQUIPPING) | P(WAITING) | P(READY) | END },
	[INSTANCE_EQUIPPING] = { "equipping", step_equipping, true,  P(WAITING) | P(READY) | END },
	[INSTANCE_WAITING]   = { "waiting",   step_waiting,   true,  P(READY) | END },
	[INSTANCE_READY]     = { "ready",     NULL,           true,  P(WAITING) | END },
	[INSTANCE_CONDEMNED] = { "condemned", step_condemned, false, P(GONE) },
	[INSTANCE_GONE]      = { "gone",      NULL,           false, 0 },
};
/* clang-format on */

const char *
instance_phase_name(enum instance_phase phase)
{
	assert(phase < INSTANCE_COUNT);
	return phases[phase].name;
}

enum instance_phase
instance_phase_find(const char *name)
{
	unsigned i;

	for (i = 0; i < INSTANCE_COUNT; i++)
		if (strcmp(phases[i].name, name) == 0)
			break;
	return (enum instance_phase)i;
}

bool
instance_phase_leads_to(enum instance_phase from, enum instance_phase to)
{
	return (phases[from].next & (1u << to)) != 0;
}

bool
instance_is_up(const struct instance *i)
{
	return phases[i->phase].up;
}

bool
instance_is_equipped(const struct instance *i)
{
	return instance_is_up(i) &&
		(!i->launch->holds || i->phase == INSTANCE_WAITING ||
			i->phase == INSTANCE_READY);
}

bool
instance_is_dying(const struct instance *i)
{
	return i->phase == INSTANCE_GONE || i->seen >= EC2_STATE_SHUTTING_DOWN;
}

void
instance_set_phase(struct instance *i, enum instance_phase to,
	const struct cause *cause)
{
	const char *from = phases[i->phase].name;

	assert(instance_phase_leads_to(i->phase, to));
	equip_free(i->equip);
	i->equip = NULL;
	i->phase = to;
	i->phase_wall = clock_wall_ms();
	i->tries = 0;
	i->try_ms = 0;
	if (to != INSTANCE_PENDING)
		deadline_clear(&i->pending);
	if (to == INSTANCE_GONE)
		alarm_gone(i);
	pool_dirty_instance(i);
	worker_event(i->launch->worker, EVENT_PHASE, i->launch, from, phases[to].name,
		cause);
	poller_expect(i->launch->poller);
	loop_poke(&i->poke);
	worker_changed(i->launch->worker);
}

/* The worker has attached to the generation that this instance carries. */
static bool
has_worker(const struct instance *i)
{
	const struct worker *w = i->launch->worker;

	return w->attached && w->launch == i->launch && i->launch->instance == i;
}

/* A limit acts only on fresh knowledge: the instance may have come up unseen. */
static bool
is_over_for_certain(const struct instance *i, const struct deadline *d)
{
	if (!deadline_is_over(d))
		return false;
	if (poller_listed_ms(i->launch->poller) >= d->boot_ms)
		return true;
	poller_expect(i->launch->poller);
	return false;
}

/* Another one there may be stuck too: the next is tried elsewhere, if there is a choice. */
static void
stuck(struct instance *i)
{
	AUTO(free) char *why = xasprintf("instance %s stayed pending", i->id);

	place_bad(i->launch, why);
	instance_condemn(i, &(struct cause){"pending_timeout", "still pending"});
}

static void
step_pending(struct instance *i)
{
	if (i->seen == EC2_STATE_RUNNING)
		instance_set_phase(i, INSTANCE_RUNNING, &(struct cause){"EC2", NULL});
	else if (has_worker(i))
		instance_set_phase(i, INSTANCE_RUNNING,
			&(struct cause){"worker", "it has attached"});
	else if (is_over_for_certain(i, &i->pending))
		stuck(i);
}

static void
step_waiting(struct instance *i)
{
	if (!has_worker(i))
		return;
	instance_set_phase(i, INSTANCE_READY, &(struct cause){"worker", "attached"});
	if (i->launch->holds)
		worker_is_up(i->launch->worker);
}

/* It lacks nothing but, perhaps, its worker. */
static void
equipped(struct instance *i)
{
	if (has_worker(i))
		step_waiting(i);
	else
		instance_set_phase(i, INSTANCE_WAITING,
			&(struct cause){"instance", NULL});
}

static void
step_running(struct instance *i)
{
	permits_running(i->pool->permits, i);
	if (i->launch->holds)
		instance_set_phase(i, INSTANCE_EQUIPPING,
			&(struct cause){"instance", NULL});
	else
		equipped(i);
}

/*
 * A half-equipped worker is never offered (L15). Where somebody has given it a build all the
 * same, that is not interrupted.
 */
static void
unequipped(struct instance *i, const struct err *err)
{
	if (has_worker(i) && i->launch->worker->building > 0)
		return;
	instance_condemn(i, &(struct cause){"ec2workerd", err->text});
	if (i->launch->instance == i)
		worker_not_equipped(i->launch->worker, i->launch, err);
}

/* EC2 gives nothing to what it does not call running, though the worker may be there. */
static void
step_equipping(struct instance *i)
{
	struct err err;

	if (i->seen != EC2_STATE_RUNNING)
		return;
	if (i->equip == NULL)
		i->equip = equip_new(i);
	switch (equip_step(i->equip, &err)) {
	case EQUIP_BUSY: break;
	case EQUIP_DONE: equipped(i); break;
	case EQUIP_FAILED: unequipped(i, &err); break;
	}
}

static void
back_off(struct instance *i, int64_t at_least_ms)
{
	int64_t wait = rng_backoff_ms(&i->pool->rng, i->tries++, TERMINATE_BASE_MS,
		TERMINATE_CAP_MS);

	i->try_ms = clock_ms() + (wait > at_least_ms ? wait : at_least_ms);
}

static void
on_terminated(void *arg, const struct ec2_answer *a, struct ec2_instances *list)
{
	struct instance *i = arg;
	const char *name = i->launch->worker->name;

	(void)list; /* acceptance proves nothing; the listings do (L11) */
	i->op = NULL;
	permits_terminated(i->pool->permits, i, a);
	if (a->verdict == VERDICT_DONE) {
		FP("stop.after_accept");
		i->terminate_accepted = true;
		i->tries = 0;
		alarm_terminated(i);
		back_off(i, TERMINATE_AGAIN_MS);
		pool_dirty_instance(i);
		poller_expect(i->launch->poller);
	} else {
		back_off(i, a->retry_after_ms);
		log_warning(name, "%s is not terminated yet: %s", i->id, a->err.text);
		worker_note_error(i->launch->worker, i->launch->generation, &a->err);
		if (a->verdict == VERDICT_REFUSED)
			alarm_terminate(i, &a->err);
	}
	loop_poke(&i->poke);
}

/* "Condemned" is on disk (L10). */
static void
terminate(void *arg)
{
	struct instance *i = arg;
	struct cloud *c = i->launch->cloud;

	FP("stop.after_condemn");
	i->op = c->ops->terminate(c->self, i->id, on_terminated, i);
}

static void
step_condemned(struct instance *i)
{
	if (clock_ms() >= alarm_dying_ms(i))
		alarm_dying(i);
	if (instance_is_dying(i) || i->op != NULL || i->outbox.call.queued ||
		clock_ms() < i->try_ms)
		return;
	if (i->console != NULL && !deadline_is_over(&i->pending))
		return;
	if (i->dirty)
		loop_outbox_put(&i->outbox);
	else /* of an earlier turn: a ledger that cannot be written now is no reason to wait */
		terminate(i);
}

static void
arm(struct instance *i)
{
	int64_t due = INT64_MAX;

	if (deadline_is_set(&i->pending))
		due = i->pending.boot_ms;
	if (i->phase == INSTANCE_CONDEMNED && i->op == NULL && !instance_is_dying(i) &&
		!i->outbox.call.queued && i->try_ms < due && i->console == NULL)
		due = i->try_ms;
	if (equip_due_ms(i->equip) < due)
		due = equip_due_ms(i->equip);
	if (i->phase == INSTANCE_CONDEMNED && alarm_dying_ms(i) < due &&
		alarm_dying_ms(i) > clock_ms())
		due = alarm_dying_ms(i);
	if (due == INT64_MAX)
		loop_timer_clear(&i->timer);
	else if (due > clock_ms())
		loop_timer_at(&i->timer, due);
	else
		loop_timer_in(&i->timer,
			1000); /* over, but for want of a listing not acted upon */
}

void
instance_step(struct instance *i)
{
	const struct phase *p = &phases[i->phase];

	if (p->step != NULL)
		p->step(i);
	if (i->phase == INSTANCE_GONE)
		loop_timer_clear(&i->timer);
	else
		arm(i);
}

void
instance_condemn(struct instance *i, const struct cause *cause)
{
	if (!instance_phase_leads_to(i->phase, INSTANCE_CONDEMNED))
		return;
	i->condemned_by = xstrdup(cause->by);
	i->condemned_reason = xstrdup_opt(cause->reason);
	i->condemned_wall = clock_wall_ms();
	i->condemned_ms = clock_ms();
	instance_set_phase(i, INSTANCE_CONDEMNED, cause);
	if (i->launch->instance == i) {
		i->launch->unwanted = true;
		pool_dirty_launch(i->launch);
	}
	if (i->console != NULL)
		deadline_set(&i->pending, CONSOLE_MS);
	FP("stop.before_condemn");
}

void
instance_await(struct instance *i)
{
	if (i->phase == INSTANCE_READY)
		instance_set_phase(i, INSTANCE_WAITING,
			&(struct cause){"worker", "wanted while detached"});
}

static void
on_console(void *arg, const struct ec2_answer *a, const char *output, size_t len,
	int64_t at)
{
	struct instance *i = arg;

	(void)at;
	i->console = NULL;
	if (i->phase == INSTANCE_CONDEMNED)
		deadline_clear(&i->pending);
	if (a->verdict != VERDICT_DONE)
		log_info(i->launch->worker->name, "no console of %s: %s", i->id,
			a->err.text);
	notices_console(i->pool->notices, i, output, len);
	loop_poke(&i->poke);
}

void
instance_fetch_console(struct instance *i)
{
	struct cloud *c = i->launch->cloud;

	if (i->console == NULL)
		i->console = c->ops->console(c->self, i->id, true, on_console, i);
}

static void
on_poke(void *arg)
{
	struct instance *i = arg;

	pool_take(i->pool, i->launch->worker);
	instance_step(i);
	pool_take(i->pool, NULL);
}

void
instance_init(struct instance *i, struct launch *l)
{
	i->pool = l->pool;
	i->launch = l;
	loop_timer_init(&i->timer, l->pool->loop, on_poke, i);
	loop_poke_init(&i->poke, l->pool->loop, on_poke, i);
	loop_outbox_init(&i->outbox, l->pool->loop, terminate, i);
	l->instances++;
	HASH_ADD_KEYPTR(hh, l->pool->instances, i->id, strlen(i->id), i);
}

struct instance *
instance_of(struct launch *l, const char *id)
{
	struct instance *i = pool_instance(l->pool, id);
	const struct conf_worker *c = l->worker->conf;
	bool first = l->instance == NULL;

	if (i != NULL)
		return i;
	i = NEW(struct instance);
	i->id = xstrdup(id);
	i->phase = INSTANCE_PENDING;
	i->phase_wall = clock_wall_ms();
	instance_init(i, l);
	if (c != NULL && c->pending_timeout > 0)
		deadline_set(&i->pending, c->pending_timeout);
	pool_dirty_instance(i);
	if (first)
		l->instance = i; /* so that the event below names it */
	worker_event(l->worker, EVENT_PHASE, l,
		first ? launch_phase_name(l->was) : NULL, phases[i->phase].name,
		&(struct cause){"EC2", NULL});
	loop_poke(&i->poke);
	return i;
}

void
instance_resume(struct instance *i)
{
	int64_t age = clock_wall_ms() - i->condemned_wall;

	if (i->phase == INSTANCE_CONDEMNED) {
		i->condemned_ms = clock_ms() - (age > 0 ? age : 0);
		alarm_dying_resume(i);
	}
	if (i->phase != INSTANCE_PENDING)
		deadline_clear(
			&i->pending); /* a console's time is not worth resuming */
	loop_poke(&i->poke);
}

static void
cancel(struct instance *i, struct ec2_call *call)
{
	if (call != NULL)
		i->launch->cloud->ops->cancel(i->launch->cloud->self, call);
}

void
instance_free(struct instance *i)
{
	if (i == NULL)
		return;
	equip_free(i->equip);
	cancel(i, i->op);
	cancel(i, i->look);
	cancel(i, i->console);
	loop_timer_clear(&i->timer);
	loop_poke_clear(&i->poke);
	loop_outbox_clear(&i->outbox);
	HASH_DEL(i->pool->instances, i);
	if (i->launch->instance == i)
		i->launch->instance = NULL;
	if (--i->launch->instances == 0)
		pool_dirty_launch(i->launch); /* it may leave memory now */
	free(i->id);
	free(i->type);
	free(i->zone);
	free(i->market);
	free(i->image);
	free(i->private_ip);
	free(i->public_dns);
	free(i->death);
	free(i->condemned_by);
	free(i->condemned_reason);
	free(i->proof);
	free(i);
}
