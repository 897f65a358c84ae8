/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launch machine: its phase table, the one writer of its phase, and what an answer
 * means in each phase. Building the frozen request is launch_freeze.c's.
 */
#include "core/launch.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "core/alarm.h"
#include "core/cloud.h"
#include "core/event.h"
#include "core/instance.h"
#include "core/launch_freeze.h"
#include "core/orphan.h"
#include "core/pause.h"
#include "core/place.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/worker.h"
#include "ec2/verdict.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

/* EC2 takes a signed request until 15 min after its date; clocks and listings lag (L8). */
#define WATCH_WINDOW_MS (30 * 60 * 1000)
/* An unresolved launch nobody wants is asked again for so long, then watched (L7). */
#define UNWANTED_MS (5 * 60 * 1000)
#define BACKOFF_BASE_MS 1000
#define BACKOFF_CAP_MS 30000
#define WATCH_ROUND_MS 30000

typedef void op_start(struct launch *l);
/* Pure: what the answer means here; the next phase out. */
typedef enum launch_phase op_done(const struct launch *l, const struct ec2_answer *a,
	const struct ec2_instances *list);

static op_start start_send, start_watch;
static op_done sent_first, sent_again, looked_up;

#define P(phase) (1u << LAUNCH_##phase)

/* clang-format off */
static const struct phase {
	const char *name;           /* in the ledger, the log and the RPC */
	op_start *start;            /* the one operation of this phase, or NULL */
	op_done *done;              /* verdict in, next phase out */
	enum launch_phase on_unwanted; /* itself: resolved first, for it may have happened */
	unsigned next;              /* legal successors */
} phases[LAUNCH_COUNT] = {
	[LAUNCH_RESERVED] = { "reserved", start_send,  NULL,       LAUNCH_GONE,     P(SENDING) | P(GONE) },
	[LAUNCH_SENDING]  = { "sending",  NULL,        sent_first, LAUNCH_SENDING,  P(RESERVED) | P(UNKNOWN) | P(WATCH) | P(ANSWERED) | P(GONE) },
	[LAUNCH_UNKNOWN]  = { "unknown",  start_send,  sent_again, LAUNCH_UNKNOWN,  P(WATCH) | P(ANSWERED) | P(GONE) },
	[LAUNCH_WATCH]    = { "watch",    start_watch, looked_up,  LAUNCH_WATCH,    P(ANSWERED) | P(GONE) },
	[LAUNCH_ANSWERED] = { "answered", NULL,        NULL,       LAUNCH_ANSWERED, P(GONE) },
	[LAUNCH_GONE]     = { "gone",     NULL,        NULL,       LAUNCH_GONE,     0 },
};
/* clang-format on */

const char *
launch_phase_name(enum launch_phase phase)
{
	assert(phase < LAUNCH_COUNT);
	return phases[phase].name;
}

enum launch_phase
launch_phase_find(const char *name)
{
	unsigned i;

	for (i = 0; i < LAUNCH_COUNT; i++)
		if (strcmp(phases[i].name, name) == 0)
			break;
	return (enum launch_phase)i;
}

bool
launch_phase_leads_to(enum launch_phase from, enum launch_phase to)
{
	return (phases[from].next & (1u << to)) != 0;
}

static void
arm(struct launch *l)
{
	if (l->phase == LAUNCH_GONE || phases[l->phase].start == NULL ||
		l->op != NULL || l->slot != NULL)
		loop_timer_clear(&l->timer);
	else
		loop_timer_at(&l->timer, l->try_ms);
}

static void
drop_slot(struct launch *l)
{
	if (l->slot != NULL)
		l->cloud->ops->slot_free(l->cloud->self, l->slot);
	l->slot = NULL;
	loop_outbox_clear(&l->outbox);
}

/* A lookup may be cancelled; a send is only disowned: its answer still finds this row. */
static void
leave_phase(struct launch *l)
{
	drop_slot(l);
	if (l->phase == LAUNCH_WATCH && l->op != NULL) {
		l->cloud->ops->cancel(l->cloud->self, l->op);
		l->op = NULL;
	}
}

static void
set_phase(struct launch *l, enum launch_phase to, const struct cause *cause)
{
	const char *from = phases[l->phase].name;

	assert(launch_phase_leads_to(l->phase, to));
	leave_phase(l);
	alarm_launch(l, to == LAUNCH_WATCH, cause->reason);
	l->was = l->phase;
	l->phase = to;
	l->phase_wall = clock_wall_ms();
	if (to != LAUNCH_RESERVED && to != LAUNCH_SENDING)
		l->tries = 0; /* being told "later" does not reset the back-off */
	l->try_ms = 0;
	if (to == LAUNCH_WATCH) /* from the last send, where that is known */
		deadline_set(&l->watch,
			WATCH_WINDOW_MS -
				(l->last_ms == 0 ? 0 : clock_ms() - l->last_ms));
	pool_dirty_launch(l);
	/* From its answer on, the world hears of the instance and not of the launch. */
	if (to != LAUNCH_ANSWERED && l->was != LAUNCH_ANSWERED)
		worker_event(l->worker, EVENT_PHASE, l, from, phases[to].name, cause);
	poller_expect(l->poller);
	loop_poke(&l->poke);
	worker_changed(l->worker);
}

static void
back_off(struct launch *l, int64_t at_least_ms)
{
	int64_t wait = rng_backoff_ms(&l->pool->rng, l->tries++, BACKOFF_BASE_MS,
		BACKOFF_CAP_MS);

	l->try_ms = clock_ms() + (wait > at_least_ms ? wait : at_least_ms);
	arm(l);
}

/* The answer holds exactly one instance and no token but our own (L6). */
static bool
is_ours_alone(const struct launch *l, const struct ec2_instances *list)
{
	const char *token = list->count == 1 ? list->items[0].token : NULL;

	return list->count == 1 && (token == NULL || strcmp(token, l->token) == 0);
}

static enum launch_phase
sent_first(const struct launch *l, const struct ec2_answer *a,
	const struct ec2_instances *list)
{
	if (a->class == EC2_CLASS_MISMATCH)
		return LAUNCH_WATCH;
	if (a->class == EC2_CLASS_TERMINATED)
		return LAUNCH_GONE;
	switch ((enum verdict)a->verdict) {
	case VERDICT_DONE:
		return is_ours_alone(l, list) ? LAUNCH_ANSWERED : LAUNCH_UNKNOWN;
	case VERDICT_LATER: return LAUNCH_RESERVED;
	case VERDICT_REFUSED: return LAUNCH_GONE;
	case VERDICT_REPEAT:
	case VERDICT_MISSING: break;
	}
	return LAUNCH_UNKNOWN;
}

/* A refusal of the second send proves nothing about the first (L5). */
static enum launch_phase
sent_again(const struct launch *l, const struct ec2_answer *a,
	const struct ec2_instances *list)
{
	if (a->class == EC2_CLASS_TERMINATED)
		return LAUNCH_GONE;
	switch ((enum verdict)a->verdict) {
	case VERDICT_DONE:
		return is_ours_alone(l, list) ? LAUNCH_ANSWERED : LAUNCH_UNKNOWN;
	case VERDICT_REFUSED: return LAUNCH_WATCH;
	case VERDICT_LATER:
	case VERDICT_REPEAT:
	case VERDICT_MISSING: break;
	}
	return LAUNCH_UNKNOWN;
}

static enum launch_phase
looked_up(const struct launch *l, const struct ec2_answer *a,
	const struct ec2_instances *list)
{
	if (a->verdict == VERDICT_DONE && list->count > 0)
		return LAUNCH_ANSWERED;
	return l->phase;
}

/* Every further instance of the token is a twin: condemned, whatever is wanted (L13). */
static void
take_instances(struct launch *l, const struct ec2_instances *list)
{
	for (size_t n = 0; n < list->count; n++) {
		struct instance *i = instance_of(l, list->items[n].id);

		if (l->instance == NULL)
			l->instance = i;
		else if (l->instance != i)
			instance_condemn(i,
				&(struct cause){"launch",
					"a twin: one token, two instances"});
		if (l->unwanted)
			instance_condemn(i,
				&(struct cause){"launch", "no longer wanted"});
		instance_observe(i, &list->items[n], clock_ms());
	}
}

static void
give_up(struct launch *l, const struct err *err)
{
	l->error = *err;
	launch_release_name(l);
	worker_launch_failed(l->worker, l, false, err);
}

static void
answered(struct launch *l, const struct ec2_instances *list, const char *by)
{
	bool watched = l->phase == LAUNCH_WATCH;

	if (watched)
		l->unwanted = true;
	set_phase(l, LAUNCH_ANSWERED, &(struct cause){by, NULL});
	place_good(l);
	worker_launched(l->worker, l->generation);
	take_instances(l, list);
}

static void
note_error(struct launch *l, const struct ec2_answer *a)
{
	if (a->verdict == VERDICT_DONE && a->err.code == ERR_NONE)
		return;
	l->error = a->err;
	worker_note_error(l->worker, l->generation, &a->err);
	if (a->class == EC2_CLASS_MISMATCH || a->class == EC2_CLASS_TOKEN)
		log_error(l->worker->name, "launch %s: %s", l->id, a->err.text);
	else
		log_info(l->worker->name, "launch %s: %s", l->id, a->err.text);
}

/* The only completion of a send or lookup: records, moves on, starts nothing. */
static void
launch_done(struct launch *l, const struct ec2_answer *a,
	const struct ec2_instances *list)
{
	enum launch_phase to;
	struct cause cause = {"EC2", a->err.code == ERR_NONE ? NULL : a->err.text};

	note_error(l, a);
	to = phases[l->phase].done(l, a, list);
	if (to == l->phase) {
		back_off(l,
			l->phase == LAUNCH_WATCH ? WATCH_ROUND_MS : a->retry_after_ms);
	} else if (to == LAUNCH_ANSWERED) {
		answered(l, list, "EC2");
	} else if (to == LAUNCH_GONE) {
		struct err err = a->err;

		if (a->class == EC2_CLASS_TERMINATED)
			err.reason = REASON_INSTANCE_DIED;
		set_phase(l, LAUNCH_GONE, &cause);
		give_up(l, &err);
	} else {
		set_phase(l, to, &cause);
		if (to == LAUNCH_RESERVED)
			l->sends--;
		else
			worker_launched(l->worker, l->generation);
		back_off(l, a->retry_after_ms);
	}
	poller_expect(l->poller);
}

static void
on_done(void *arg, const struct ec2_answer *a, struct ec2_instances *list)
{
	struct launch *l = arg;

	FP("launch.after_parse");
	l->op = NULL;
	if (phases[l->phase].done != NULL)
		launch_done(l, a, list);
	else if (a->verdict == VERDICT_DONE && l->phase == LAUNCH_ANSWERED)
		take_instances(l, list);
	if (l->phase == LAUNCH_GONE)
		pool_dirty_launch(l); /* only this answer kept it in memory */
	loop_poke(&l->poke);
}

/* The commit that says "sending" has returned: now the bytes may leave (L2). */
static void
on_outbox(void *arg)
{
	struct launch *l = arg;
	struct ec2_slot *slot = l->slot;
	struct buf body = {0};
	struct err err;

	FP("launch.after_intent");
	l->slot = NULL;
	if (launch_thaw(l, &body, &err) <
		0) { /* checked before; the key cannot change in between */
		l->slot = slot;
		buf_wipe_fini(&body);
		set_phase(l, LAUNCH_WATCH, &(struct cause){"launch", err.text});
		return;
	}
	l->op = l->cloud->ops->run(l->cloud->self, slot, buf_str(&body), body.len,
		on_done, l);
	FP("launch.after_send");
	buf_wipe_fini(&body);
}

/* What may have left is asked about in any case, once its name is known to be free. */
static bool
may_send(struct launch *l)
{
	struct err err;

	if ((l->phase == LAUNCH_UNKNOWN || pool_may_launch(l->pool, &err) == 0) &&
		orphans_allow(l->pool->orphans, l->poller, l->worker->name, &err) == 0)
		return true;
	l->worker->last_error = err;
	pool_dirty_worker(l->worker);
	return false;
}

/* The same body or none: what cannot be rebuilt is not sent again (L4). */
static bool
is_reproducible(struct launch *l)
{
	AUTO(buf) struct buf body = {0};
	struct err err;

	if (launch_thaw(l, &body, &err) == 0) {
		mem_wipe(body.data, body.len);
		return true;
	}
	l->error = err;
	if (l->phase == LAUNCH_UNKNOWN) {
		log_error(l->worker->name, "launch %s cannot be sent again: %s", l->id,
			err.text);
		set_phase(l, LAUNCH_WATCH, &(struct cause){"launch", err.text});
	} else {
		set_phase(l, LAUNCH_GONE, &(struct cause){"launch", err.text});
		launch_release_name(l);
		worker_changed(l->worker);
	}
	return false;
}

/* Others have been refused there since it was reserved: it is placed anew. */
static bool
is_outdated(struct launch *l)
{
	if (l->phase != LAUNCH_RESERVED || !place_is_outdated(l))
		return false;
	set_phase(l, LAUNCH_GONE,
		&(struct cause){"launch", "refused to others meanwhile"});
	launch_release_name(l);
	return true;
}

/* The window has room: say on disk that bytes may leave, at every send. */
static void
on_slot(void *arg)
{
	struct launch *l = arg;

	if (!may_send(l) || (l->unwanted && l->phase == LAUNCH_RESERVED) ||
		is_outdated(l) || !is_reproducible(l)) {
		drop_slot(l);
		loop_poke(&l->poke);
		return;
	}
	l->last_wall = clock_wall_ms();
	l->last_ms = clock_ms();
	if (l->sends++ == 0)
		l->first_wall = l->last_wall;
	if (l->phase == LAUNCH_RESERVED) {
		struct ec2_slot *slot = l->slot;

		l->slot = NULL;
		set_phase(l, LAUNCH_SENDING, &(struct cause){"launch", NULL});
		l->slot = slot;
	}
	pool_dirty_launch(l);
	loop_outbox_put(&l->outbox);
	FP("launch.before_intent");
}

static void
start_send(struct launch *l)
{
	if (may_send(l))
		l->slot = l->cloud->ops->slot(l->cloud->self, on_slot, l);
	else /* until launch_may_send_again; what may have left is asked again (L7) */
		l->try_ms = l->phase == LAUNCH_UNKNOWN ? clock_ms() + WATCH_ROUND_MS
						       : INT64_MAX;
}

void
launch_may_send_again(struct launch *l)
{
	if (l->try_ms == INT64_MAX || l->phase == LAUNCH_UNKNOWN)
		l->try_ms = 0;
	loop_poke(&l->poke);
}

static void
start_watch(struct launch *l)
{
	l->op = l->cloud->ops->find_token(l->cloud->self, l->token, on_done, l);
}

void
launch_step(struct launch *l)
{
	const struct phase *p = &phases[l->phase];

	pool_take(l->pool, l->worker);
	if (l->unwanted && p->on_unwanted != l->phase) {
		set_phase(l, p->on_unwanted,
			&(struct cause){"launch", "no longer wanted"});
		launch_release_name(l);
	} else if (l->phase == LAUNCH_UNKNOWN && l->unwanted && l->op == NULL &&
		clock_ms() - l->unwanted_ms >= UNWANTED_MS) {
		set_phase(l, LAUNCH_WATCH,
			&(struct cause){"launch", "not wanted and not answered"});
	} else if (p->start != NULL && l->op == NULL && l->slot == NULL &&
		clock_ms() >= l->try_ms) {
		p->start(l);
	}
	arm(l);
	pool_take(l->pool, NULL);
}

void
launch_unwant(struct launch *l, const struct cause *cause)
{
	if (l->unwanted)
		return;
	l->unwanted = true;
	l->unwanted_ms = clock_ms();
	pool_dirty_launch(l);
	if (l->instance != NULL)
		instance_condemn(l->instance, cause);
	loop_poke(&l->poke);
}

void
launch_sighted(struct launch *l, struct ec2_instance *seen, const char *where)
{
	struct ec2_instances one = {.items = seen, .count = 1};

	if (l->phase == LAUNCH_ANSWERED) {
		take_instances(l, &one);
	} else if (launch_phase_leads_to(l->phase, LAUNCH_ANSWERED)) {
		log_info(l->worker->name, "launch %s: instance %s seen in %s", l->id,
			seen->id, where);
		answered(l, &one, where);
	}
}

void
launch_listed(struct launch *l, int64_t began_ms)
{
	struct err err;

	if (l->phase != LAUNCH_WATCH || !deadline_is_over(&l->watch) ||
		began_ms < l->watch.boot_ms || clock_wall_ms() < l->watch.wall_ms)
		return;
	err_set(&err, ERR_FAILED, "launch %s: never seen, its window is over", l->id);
	err.reason = REASON_NETWORK;
	set_phase(l, LAUNCH_GONE,
		&(struct cause){"listing", "not seen until after the window"});
	give_up(l, &err);
}

int
launch_abandon(struct launch *l, const struct cause *cause, struct err *err)
{
	struct err why;

	if (l->phase != LAUNCH_WATCH)
		return err_set(err, ERR_INVALID, "launch %s is in no watch but %s",
			l->id, phases[l->phase].name);
	err_set(&why, ERR_FAILED, "launch %s: watch ended by order", l->id);
	why.reason = REASON_INTERNAL;
	set_phase(l, LAUNCH_GONE, cause);
	give_up(l, &why);
	return 0;
}

void
launch_release_name(struct launch *l)
{
	if (l->over)
		return;
	l->over = true;
	if (l->worker->launch == l)
		l->worker->launch = NULL;
	pool_dirty_launch(l);
	worker_changed(l->worker);
}

void
launch_instance_gone(struct launch *l, const char *reason)
{
	if (l->phase != LAUNCH_ANSWERED)
		return;
	set_phase(l, LAUNCH_GONE, &(struct cause){"EC2", reason});
	launch_release_name(l);
}

static void
on_poke(void *arg)
{
	launch_step(arg);
}

void
launch_init(struct launch *l, struct pool *pool, struct worker *w)
{
	l->pool = pool;
	l->worker = w;
	loop_timer_init(&l->timer, pool->loop, on_poke, l);
	loop_poke_init(&l->poke, pool->loop, on_poke, l);
	loop_outbox_init(&l->outbox, pool->loop, on_outbox, l);
	HASH_ADD_STR(pool->launches, id, l);
	LL_PREPEND2(w->launches, l, next_of_worker);
}

/* After a restart: what may have left is unknown, whatever it was doing. */
void
launch_resume(struct launch *l)
{
	if (l->phase == LAUNCH_SENDING)
		set_phase(l, LAUNCH_UNKNOWN,
			&(struct cause){"start", "the daemon ended while sending"});
	if (l->phase == LAUNCH_UNKNOWN)
		worker_launched(l->worker, l->generation);
	alarm_launch_resume(l);
	if (l->unwanted)
		l->unwanted_ms = clock_ms();
	loop_poke(&l->poke);
}

void
launch_free(struct launch *l)
{
	if (l == NULL)
		return;
	drop_slot(l);
	if (l->op != NULL)
		l->cloud->ops->cancel(l->cloud->self, l->op);
	loop_timer_clear(&l->timer);
	loop_poke_clear(&l->poke);
	loop_outbox_clear(&l->outbox);
	HASH_DEL(l->pool->launches, l);
	LL_DELETE2(l->worker->launches, l, next_of_worker);
	if (l->worker->launch == l)
		l->worker->launch = NULL;
	free(l->region);
	free(l->credentials);
	free(l->zone);
	free(l->subnet);
	free(l->type);
	free(l->image);
	free(l->market);
	free(l->bid);
	free(l->elastic_ip);
	free(l->volumes);
	free(l->body);
	free(l->user_data);
	free(l);
}
