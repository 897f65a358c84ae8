/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One list, for little is wrong at a time. It is short of the ledger on purpose: whether a
 * condition still holds is found out anew by each process.
 */
#include "core/health.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/notice.h"
#include "core/pause.h"
#include "core/pool.h"

#include <utlist.h>

struct health {
	struct pool *pool; /* borrowed */
	struct episode *list;
	struct loop_timer timer;
};

static struct episode *
find(const struct health *h, const struct trouble *t)
{
	struct episode *e;

	DL_FOREACH(h->list, e) {
		if (e->condition == t->condition && str_equal(e->cloud, t->cloud) &&
			str_equal(e->about, t->about))
			return e;
	}
	return NULL;
}

static int64_t
mail_due_ms(const struct episode *e)
{
	int64_t wait = conditions[e->condition].mail_ms;

	return e->mailed || wait == CONDITION_NO_MAIL ? INT64_MAX : e->since_ms + wait;
}

static void
arm(struct health *h)
{
	const struct episode *e;
	int64_t due = INT64_MAX;

	DL_FOREACH(h->list, e) {
		if (mail_due_ms(e) < due)
			due = mail_due_ms(e);
		if (e->until_ms < due)
			due = e->until_ms;
	}
	if (due == INT64_MAX)
		loop_timer_clear(&h->timer);
	else
		loop_timer_at(&h->timer, due);
}

static void
tell(struct health *h, const struct episode *e, bool begins, const char *by)
{
	const struct condition_row *row = &conditions[e->condition];
	const struct cause cause = {by != NULL ? by : "ec2workerd",
		begins ? e->err.text : e->about};
	const char *object = e->about != NULL ? e->about : e->cloud;
	char lasted[CLOCK_TEXT_SIZE];

	pool_tell(h->pool, begins ? "running" : row->name,
		begins ? row->name : "running", &cause);
	if (begins && row->down)
		log_error(object, "%s: %s", row->name, e->err.text);
	else if (begins)
		log_warning(object, "%s: %s", row->name, e->err.text);
	else
		log_info(object, "%s is over after %s, by %s", row->name,
			clock_span(clock_ms() - e->since_ms, lasted), cause.by);
}

static void
episode_free(struct health *h, struct episode *e)
{
	DL_DELETE(h->list, e);
	free(e->cloud);
	free(e->about);
	free(e);
}

static void
mail(struct health *h, struct episode *e)
{
	if (mail_due_ms(e) > clock_ms())
		return;
	e->mailed = true;
	notice_condition(h->pool->notices, e);
}

static void
on_timer(void *arg)
{
	struct health *h = arg;
	struct episode *e, *tmp;

	DL_FOREACH_SAFE(h->list, e, tmp) {
		if (e->until_ms <= clock_ms()) {
			tell(h, e, false, NULL);
			episode_free(h, e);
		} else {
			mail(h, e);
		}
	}
	arm(h);
}

/* Behind those of its own kind. */
static int
order(const struct episode *there, const struct episode *fresh)
{
	return there->condition > fresh->condition ? 1 : -1;
}

static struct episode *
add(struct health *h, const struct trouble *t)
{
	struct episode *e = NEW(struct episode);

	e->condition = t->condition;
	e->cloud = xstrdup_opt(t->cloud);
	e->about = xstrdup_opt(t->about);
	e->since_wall = clock_wall_ms();
	e->since_ms = clock_ms();
	e->until_ms = INT64_MAX;
	DL_INSERT_INORDER(h->list, e, order);
	return e;
}

static void
begin(struct health *h, const struct trouble *t, const struct err *err, const char *by,
	int64_t until_ms)
{
	struct episode *e = find(h, t);
	bool fresh = e == NULL;

	if (fresh)
		e = add(h, t);
	e->err = *err;
	e->until_ms = until_ms;
	if (fresh)
		tell(h, e, true, by);
	mail(h, e);
	arm(h);
}

void
health_begin(struct health *h, const struct trouble *t, const struct err *err,
	const char *by)
{
	begin(h, t, err, by, INT64_MAX);
}

void
health_begin_until(struct health *h, const struct trouble *t, const struct err *err,
	int64_t until_ms)
{
	begin(h, t, err, NULL, until_ms);
}

void
health_resume(struct health *h, const struct trouble *t, const char *text,
	int64_t since_wall)
{
	struct episode *e = add(h, t);
	int64_t age = clock_wall_ms() - since_wall;

	(void)err_set(&e->err, ERR_UNAVAILABLE, "%s", text);
	e->since_wall = since_wall;
	e->since_ms -= age > 0 ? age : 0;
	e->mailed = mail_due_ms(e) <= clock_ms(); /* by whoever ran then */
	arm(h);
}

void
health_end(struct health *h, const struct trouble *t, const char *by)
{
	struct episode *e = find(h, t);

	if (e == NULL)
		return;
	tell(h, e, false, by);
	episode_free(h, e);
	arm(h);
}

/* Since when any of them has held, and whether a mail has said so. */
static struct episode
oldest(const struct health *h, const char *cloud, unsigned conditions_set)
{
	struct episode oldest = {.since_ms = INT64_MAX};
	const struct episode *e;

	DL_FOREACH(h->list, e) {
		if ((conditions_set & (1u << e->condition)) == 0 || e->about != NULL ||
			!str_equal(e->cloud, cloud))
			continue;
		oldest.mailed = oldest.mailed || e->mailed;
		if (e->since_ms < oldest.since_ms) {
			oldest.since_ms = e->since_ms;
			oldest.since_wall = e->since_wall;
		}
	}
	return oldest;
}

/* One trouble that shows itself in several ways by turns has its mail in time, and one. */
static void
go_on(struct health *h, const char *cloud, enum condition condition,
	const struct episode *before)
{
	const struct trouble t = {.condition = condition, .cloud = cloud};
	struct episode *e = find(h, &t);

	if (e == NULL)
		return;
	e->since_ms = before->since_ms;
	e->since_wall = before->since_wall;
	e->mailed = e->mailed || before->mailed;
	mail(h, e);
	arm(h);
}

void
health_choose(struct health *h, const char *cloud, unsigned conditions_set,
	enum condition found, const struct err *err)
{
	struct episode before = oldest(h, cloud, conditions_set);

	for (unsigned n = 0; n < CONDITION_COUNT; n++) {
		const struct trouble t = {.condition = (enum condition)n,
			.cloud = cloud};

		if ((conditions_set & (1u << n)) == 0)
			continue;
		if (err != NULL && n == (unsigned)found)
			health_begin(h, &t, err, NULL);
		else
			health_end(h, &t, NULL);
	}
	if (err != NULL && before.since_ms != INT64_MAX)
		go_on(h, cloud, found, &before);
}

void
health_forget(struct health *h, const char *cloud)
{
	struct episode *e, *tmp;

	if (h == NULL)
		return;
	DL_FOREACH_SAFE(h->list, e, tmp) {
		if (!str_equal(e->cloud, cloud))
			continue;
		tell(h, e, false, NULL);
		episode_free(h, e);
	}
	arm(h);
}

const struct episode *
health_next(const struct health *h, const struct episode *e)
{
	return e == NULL ? h->list : e->next;
}

const struct episode *
health_find(const struct health *h, const struct trouble *t)
{
	return find(h, t);
}

const char *
health_word(const struct health *h)
{
	const struct episode *e;

	DL_FOREACH(h->list, e) {
		if (conditions[e->condition].down)
			return "down";
	}
	return h->list == NULL ? "ok" : "degraded";
}

struct health *
health_new(struct pool *p)
{
	struct health *h = NEW(struct health);

	h->pool = p;
	loop_timer_init(&h->timer, p->loop, on_timer, h);
	return h;
}

void
health_free(struct health *h)
{
	struct episode *e, *tmp;

	if (h == NULL)
		return;
	loop_timer_clear(&h->timer);
	DL_FOREACH_SAFE(h->list, e, tmp)
		episode_free(h, e);
	free(h);
}
