/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two questions a cloud, each with a state of its own; a set is refused while one of its
 * clouds' questions is. What is refused is asked again by a timer, for ever; what is
 * unanswered only with the next launch, so that nothing wakes a daemon without troubles.
 */
#include "core/permit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "core/cloud.h"
#include "core/health.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/launch_freeze.h"
#include "core/permit_text.h"
#include "core/pool.h"
#include "core/worker.h"
#include "ec2/verdict.h"

#include <string.h>
#include <utlist.h>

/* How long the first launch waits for answers (EC2.md 5: they block nothing by themselves). */
#define WAIT_MS 10000
/* Between two questions that were not answered. */
#define RETRY_BASE_MS 1000
/* Between two about what is refused: from the first to the sum of both. */
#define PROBE_FIRST_MS (30 * 1000)
#define PROBE_MORE_MS (270 * 1000)
/* Between two launches that are to decide; so long others wait for what becomes of one. */
#define DECIDE_MS (5 * 60 * 1000)
#define TRY_MS (30 * 1000)

enum kind { KIND_RUN, KIND_TERMINATE, KIND_COUNT };

enum state {
	STATE_OPEN, /* not asked, or not answered */
	STATE_GOOD, /* allowed, or at least not forbidden */
	STATE_REFUSED,
	STATE_DOUBTFUL, /* a launch was refused, but DryRun sees nothing wrong */
};

struct question {
	struct permit *permit; /* borrowed, outlives us */
	enum kind kind;
	enum state state;
	struct ec2_call *op; /* NULL: none is under way */
	char *what;  /* owned; a body, or an instance's id; NULL: not asked yet */
	bool real;   /* refused by a real call, not by DryRun */
	bool proven; /* answered about an instance that exists */
	unsigned tries;
	int64_t again_ms;   /* boottime: not asked before */
	int64_t decides_ms; /* boottime: until then a launch is to decide */
	struct err why;     /* of the refusal */
	int64_t since_ms;   /* of the last refusal */
};

/* What is known of a cloud. */
struct permit {
	struct permits *all; /* borrowed */
	struct cloud *cloud; /* borrowed; permits_forget says when it goes */
	struct question questions[KIND_COUNT];
	bool waited;     /* somebody has waited for the first answers */
	int64_t wait_ms; /* boottime: for no longer */
	struct permit *prev, *next;
};

struct permits {
	struct pool *pool; /* borrowed */
	struct permit *list;
	struct loop_timer timer;
};

static ec2_done on_answer;

static struct permit *
find(const struct permits *all, const struct cloud *cloud)
{
	struct permit *p;

	DL_FOREACH(all->list, p)
		if (p->cloud == cloud)
			return p;
	return NULL;
}

static struct permit *
permit_of(struct permits *all, struct cloud *cloud)
{
	struct permit *p = find(all, cloud);

	if (p != NULL)
		return p;
	p = NEW(struct permit);
	p->all = all;
	p->cloud = cloud;
	for (unsigned n = 0; n < KIND_COUNT; n++) {
		p->questions[n].permit = p;
		p->questions[n].kind = (enum kind)n;
	}
	DL_APPEND(all->list, p);
	return p;
}

/* A question of the set that is in this state, or NULL. */
static struct question *
in_state(const struct permits *all, const char *set, enum state state)
{
	struct permit *p;

	DL_FOREACH(all->list, p) {
		if (strcmp(p->cloud->set, set) != 0)
			continue;
		for (unsigned n = 0; n < KIND_COUNT; n++)
			if (p->questions[n].state == state)
				return &p->questions[n];
	}
	return NULL;
}

static struct question *
trouble_of(const struct permits *all, const struct cloud *cloud)
{
	struct question *q = in_state(all, cloud->set, STATE_REFUSED);

	return q != NULL ? q : in_state(all, cloud->set, STATE_DOUBTFUL);
}

static bool
can_ask(const struct question *q)
{
	const struct cloud_ops *ops = q->permit->cloud->ops;

	return q->kind == KIND_RUN ? ops->dry_run != NULL : ops->dry_terminate != NULL;
}

/* The next that runs, all around; never this one itself (NULL: any). */
static const struct instance *
next_running(const struct permit *p, const char *after)
{
	const struct instance *i, *first = NULL;
	bool past = false;

	for (i = p->all->pool->instances; i != NULL; i = i->hh.next) {
		if (str_equal(i->id, after)) {
			past = true;
			continue;
		}
		if (i->launch->cloud != p->cloud || i->seen != EC2_STATE_RUNNING ||
			i->phase == INSTANCE_GONE)
			continue;
		if (past)
			return i;
		if (first == NULL)
			first = i;
	}
	return first;
}

static void
set_what(struct question *q, const char *what)
{
	char *copy = xstrdup(what);

	free(q->what);
	q->what = copy;
}

static void
cancel(struct question *q)
{
	struct cloud *c = q->permit->cloud;

	if (q->op == NULL)
		return;
	c->ops->cancel(c->self, q->op);
	c->questions--;
	q->op = NULL;
}

/* One that may not be ended must not speak for all, so they take turns. */
static void
start(struct question *q)
{
	struct cloud *c = q->permit->cloud;
	const struct instance *i;

	FP("dryrun.before_question");
	if (q->kind == KIND_RUN) {
		q->op = c->ops->dry_run(c->self, q->what, strlen(q->what), on_answer,
			q);
	} else {
		i = next_running(q->permit, q->what);
		if (i != NULL)
			set_what(q, i->id);
		else if (q->what == NULL)
			set_what(q, PERMIT_NOBODY);
		q->op = c->ops->dry_terminate(c->self, q->what, on_answer, q);
	}
	c->questions++;
}

static bool
is_due(const struct question *q)
{
	return q->op == NULL && can_ask(q) && clock_ms() >= q->again_ms &&
		(q->what != NULL || q->kind == KIND_TERMINATE);
}

static void
arm(struct permits *all)
{
	int64_t due = INT64_MAX;
	struct permit *p;

	DL_FOREACH(all->list, p) {
		if (permits_is_asking(all, p->cloud) && p->wait_ms < due)
			due = p->wait_ms;
		for (unsigned n = 0; n < KIND_COUNT; n++) {
			const struct question *q = &p->questions[n];

			if (q->state == STATE_REFUSED && q->op == NULL && can_ask(q) &&
				q->again_ms < due)
				due = q->again_ms;
		}
	}
	if (due == INT64_MAX)
		loop_timer_clear(&all->timer);
	else
		loop_timer_at(&all->timer, due);
}

static void
on_timer(void *arg)
{
	struct permits *all = arg;
	struct permit *p;

	DL_FOREACH(all->list, p)
		for (unsigned n = 0; n < KIND_COUNT; n++)
			if (p->questions[n].state == STATE_REFUSED &&
				is_due(&p->questions[n]))
				start(&p->questions[n]);
	workers_place_again(all->pool);
	arm(all);
}

/* Said once for a set, however much of it is refused. */
static struct trouble
trouble(const struct cloud *cloud)
{
	return (struct trouble){.condition = CONDITION_AUTHORIZATION,
		.about = cloud->set};
}

static void
say_blocked(const struct question *q)
{
	const struct trouble t = trouble(q->permit->cloud);

	health_begin(q->permit->all->pool->health, &t, &q->why, "EC2");
}

static void
say_free(const struct permits *all, const struct cloud *cloud)
{
	const struct trouble t = trouble(cloud);

	if (all->pool->health != NULL && trouble_of(all, cloud) == NULL)
		health_end(all->pool->health, &t, "EC2");
}

static void
refuse(struct question *q, const struct err *err, bool real)
{
	bool last = q->state == STATE_REFUSED || q->state == STATE_DOUBTFUL;
	int64_t now = clock_ms();

	permit_explain(q->kind == KIND_TERMINATE ? q->what : NULL, err, &q->why);
	q->state = STATE_REFUSED;
	q->real = real;
	q->since_ms = now;
	if (!last)
		q->tries = 0;
	q->decides_ms = 0;
	q->again_ms = now + PROBE_FIRST_MS +
		rng_backoff_ms(&q->permit->all->pool->rng, q->tries++, PROBE_FIRST_MS,
			PROBE_MORE_MS);
	say_blocked(q);
}

static void
allow(struct question *q)
{
	bool was = q->state == STATE_REFUSED || q->state == STATE_DOUBTFUL;

	q->state = STATE_GOOD;
	q->tries = 0;
	if (was)
		say_free(q->permit->all, q->permit->cloud);
}

/* DryRun cannot see what is wrong, so one launch is to decide. */
static void
doubt(struct question *q)
{
	q->state = STATE_DOUBTFUL;
	q->again_ms = q->since_ms + DECIDE_MS;
}

/* It says nothing about a permission, or there was none: then that blocks nothing. */
static void
unanswered(struct question *q)
{
	q->again_ms = clock_ms() +
		rng_backoff_ms(&q->permit->all->pool->rng, q->tries++, RETRY_BASE_MS,
			PROBE_MORE_MS);
}

static bool
is_refusal(const struct question *q, const struct ec2_answer *a)
{
	if (a->verdict != VERDICT_REFUSED || a->class != EC2_CLASS_AUTH)
		return false;
	return permit_is_missing(&a->err) || q->state == STATE_REFUSED;
}

static void
passed(struct question *q, const struct ec2_answer *a)
{
	if (q->kind == KIND_TERMINATE && a->verdict != VERDICT_MISSING &&
		strcmp(q->what, PERMIT_NOBODY) != 0)
		q->proven = true;
	if (q->state == STATE_REFUSED && q->real)
		doubt(q);
	else if (q->state != STATE_DOUBTFUL)
		allow(q);
}

static void
on_answer(void *arg, const struct ec2_answer *a)
{
	struct question *q = arg;
	struct permits *all = q->permit->all;

	FP("dryrun.after_answer");
	q->op = NULL;
	q->permit->cloud->questions--;
	if (is_refusal(q, a))
		refuse(q, &a->err, false);
	else if (a->verdict == VERDICT_LATER || a->verdict == VERDICT_REPEAT)
		unanswered(q);
	else
		passed(q, a);
	workers_place_again(all->pool);
	arm(all);
}

bool
permits_is_asking(const struct permits *all, const struct cloud *cloud)
{
	const struct permit *p = find(all, cloud);

	if (p == NULL || clock_ms() >= p->wait_ms)
		return false;
	for (unsigned n = 0; n < KIND_COUNT; n++)
		if (p->questions[n].op != NULL && p->questions[n].state == STATE_OPEN)
			return true;
	return false;
}

enum permit_answer
permits_check(const struct permits *all, const struct cloud *cloud,
	int64_t *ret_again_ms, struct err *err)
{
	const struct question *q = trouble_of(all, cloud);

	if (q == NULL ||
		(q->state == STATE_DOUBTFUL && clock_ms() >= q->again_ms &&
			clock_ms() >= q->decides_ms))
		return PERMIT_GOOD;
	*err = q->why;
	if (q->state == STATE_REFUSED || clock_ms() >= q->decides_ms)
		return PERMIT_REFUSED;
	*ret_again_ms = q->decides_ms;
	return PERMIT_LATER;
}

/* The body that a launch there would have; it has no secrets. */
static void
describe(struct question *q, const struct worker *w, const struct placement *at)
{
	struct buf body = {0};

	launch_trial(w, at, &body);
	free(q->what);
	q->what = buf_take(&body);
}

enum permit_answer
permits_ask(struct permits *all, struct cloud *cloud, const struct worker *w,
	const struct placement *at, int64_t *ret_again_ms, struct err *err)
{
	struct permit *p = permit_of(all, cloud);
	enum permit_answer answer = permits_check(all, cloud, ret_again_ms, err);

	if (answer != PERMIT_GOOD)
		return answer;
	for (unsigned n = 0; n < KIND_COUNT; n++) {
		struct question *q = &p->questions[n];

		if (q->state != STATE_OPEN || q->op != NULL)
			continue;
		if (q->kind == KIND_RUN)
			describe(q, w, at);
		if (is_due(q))
			start(q);
	}
	if (!p->waited)
		p->wait_ms = clock_ms() + WAIT_MS;
	p->waited = true;
	arm(all);
	return permits_is_asking(all, cloud) ? PERMIT_ASKING : PERMIT_GOOD;
}

void
permits_trying(struct permits *all, const struct cloud *cloud)
{
	struct question *q = in_state(all, cloud->set, STATE_DOUBTFUL);

	if (q == NULL)
		return;
	q->decides_ms = clock_ms() + TRY_MS;
	q->again_ms = clock_ms() + DECIDE_MS;
}

void
permits_launch_refused(struct permits *all, const struct launch *l,
	const struct err *err)
{
	struct question *q = &permit_of(all, l->cloud)->questions[KIND_RUN];

	set_what(q, l->body);
	refuse(q, err, true);
	if (!can_ask(q))
		doubt(q);
	else if (q->op == NULL)
		q->again_ms = clock_ms(); /* whether DryRun sees it too */
	workers_place_again(all->pool);
	arm(all);
}

/* Whatever was sent before the refusal says nothing about it. */
void
permits_launched(struct permits *all, const struct launch *l)
{
	struct question *q = in_state(all, l->cloud->set, STATE_DOUBTFUL);

	if (q == NULL || l->last_ms < q->since_ms)
		return;
	allow(q);
	workers_place_again(all->pool);
}

bool
permits_refused_since(const struct permits *all, const struct cloud *cloud,
	int64_t since_ms)
{
	const struct question *q = trouble_of(all, cloud);

	return q != NULL && q->since_ms > since_ms;
}

void
permits_running(struct permits *all, const struct instance *i)
{
	struct permit *p = find(all, i->launch->cloud);
	struct question *q = p == NULL ? NULL : &p->questions[KIND_TERMINATE];

	if (q == NULL || q->proven || q->op != NULL || !can_ask(q))
		return;
	set_what(q, i->id);
	start(q);
}

/*
 * Whether only this one may not be ended is told by another, if there is one: by a question
 * of now, or by those that are asked anyway since one was refused.
 */
static bool
is_up_to_another(struct question *q, const struct instance *i)
{
	if (!can_ask(q) || next_running(q->permit, i->id) == NULL)
		return false;
	if (q->op != NULL && strcmp(q->what, PERMIT_NOBODY) == 0)
		cancel(q);
	if (q->state != STATE_REFUSED && q->op == NULL && clock_ms() >= q->again_ms) {
		q->again_ms = clock_ms() + PROBE_FIRST_MS;
		set_what(q, i->id);
		start(q);
	}
	return true;
}

void
permits_terminated(struct permits *all, const struct instance *i,
	const struct ec2_answer *a)
{
	struct permit *p = permit_of(all, i->launch->cloud);
	struct question *q = &p->questions[KIND_TERMINATE];

	if (a->verdict == VERDICT_DONE) {
		q->proven = true;
		allow(q);
	} else if (a->verdict == VERDICT_REFUSED && permit_is_missing(&a->err)) {
		if (!is_up_to_another(q, i)) {
			cancel(q); /* what it was asked about has not been refused */
			set_what(q, i->id);
			refuse(q, &a->err, false);
		}
	} else {
		return;
	}
	workers_place_again(all->pool);
	arm(all);
}

void
permits_reload(struct permits *all)
{
	struct permit *p;

	DL_FOREACH(all->list, p)
		for (unsigned n = 0; n < KIND_COUNT; n++) {
			struct question *q = &p->questions[n];

			if (q->state != STATE_REFUSED && q->state != STATE_DOUBTFUL)
				continue;
			cancel(q);
			q->state = STATE_OPEN;
			q->tries = 0;
			q->again_ms = 0;
			p->waited = false;
			say_free(all, p->cloud);
		}
	arm(all);
}

static void
permit_free(struct permit *p)
{
	DL_DELETE(p->all->list, p);
	for (unsigned n = 0; n < KIND_COUNT; n++) {
		cancel(&p->questions[n]);
		free(p->questions[n].what);
	}
	free(p);
}

void
permits_forget(struct permits *all, const struct cloud *cloud)
{
	struct permit *p = find(all, cloud);

	if (p == NULL)
		return;
	permit_free(p);
	say_free(all, cloud);
	arm(all);
}

struct permits *
permits_new(struct pool *pool)
{
	struct permits *all = NEW(struct permits);

	all->pool = pool;
	loop_timer_init(&all->timer, pool->loop, on_timer, all);
	return all;
}

void
permits_free(struct permits *all)
{
	struct permit *p, *tmp;

	if (all == NULL)
		return;
	DL_FOREACH_SAFE(all->list, p, tmp)
		/* analyze: unix.Malloc: each leaves the list before it is freed */
		permit_free(p);
	loop_timer_clear(&all->timer);
	free(all);
}
