/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of these conditions: an operator looks for the instance, and for what it costs.
 */
#include "core/alarm.h"

#include "base/clock.h"
#include "core/cloud.h"
#include "core/health.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/worker.h"

#define DYING_MS (60 * 60 * 1000)

static struct trouble
watch_of(const struct launch *l)
{
	return (struct trouble){CONDITION_WATCH, l->cloud->key, l->id};
}

static struct trouble
trouble_of(const struct instance *i, enum condition condition)
{
	return (struct trouble){condition, i->launch->cloud->key, i->id};
}

void
alarm_launch(struct launch *l, bool watch, const char *why)
{
	const struct trouble t = watch_of(l);
	struct err err;

	if (!watch) {
		health_end(l->pool->health, &t, NULL);
		return;
	}
	err_set(&err, ERR_UNAVAILABLE, "a launch of %s: %s", l->worker->name,
		why == NULL ? "it is not known why" : why);
	health_begin(l->pool->health, &t, &err, NULL);
}

void
alarm_launch_resume(struct launch *l)
{
	const struct trouble t = watch_of(l);
	AUTO(free) char *text = xasprintf("a launch of %s", l->worker->name);

	if (l->phase == LAUNCH_WATCH)
		health_resume(l->pool->health, &t, text, l->phase_wall);
}

/* "instance i-1 of bot1 (m5.large, on-demand, us-east-1a)" */
static char *
described(const struct instance *i)
{
	return xasprintf("instance %s of %s (%s, %s, %s)", i->id,
		i->launch->worker->name, i->type == NULL ? "type unknown" : i->type,
		i->market == NULL ? "market unknown" : i->market,
		i->zone == NULL ? "zone unknown" : i->zone);
}

void
alarm_terminate(struct instance *i, const struct err *why)
{
	const struct trouble t = trouble_of(i, CONDITION_TERMINATE);
	AUTO(free) char *what = described(i);
	struct err err = *why;

	(void)err_wrap(&err, "%s", what);
	health_begin(i->pool->health, &t, &err, NULL);
}

void
alarm_terminated(struct instance *i)
{
	const struct trouble t = trouble_of(i, CONDITION_TERMINATE);

	health_end(i->pool->health, &t, NULL);
}

int64_t
alarm_dying_ms(const struct instance *i)
{
	return i->condemned_ms + DYING_MS;
}

static char *
condemned(const struct instance *i)
{
	AUTO(free) char *what = described(i);
	char age[CLOCK_TEXT_SIZE];

	return xasprintf("%s was condemned %s ago by %s", what,
		clock_span(clock_ms() - i->condemned_ms, age), i->condemned_by);
}

void
alarm_dying(struct instance *i)
{
	const struct trouble t = trouble_of(i, CONDITION_DYING);
	AUTO(free) char *text = condemned(i);
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "%s", text);
	health_begin(i->pool->health, &t, &err, NULL);
}

void
alarm_dying_resume(struct instance *i)
{
	const struct trouble t = trouble_of(i, CONDITION_DYING);
	AUTO(free) char *text = condemned(i);

	if (clock_ms() >= alarm_dying_ms(i))
		health_resume(i->pool->health, &t, text, i->condemned_wall + DYING_MS);
}

void
alarm_gone(struct instance *i)
{
	const struct trouble t = trouble_of(i, CONDITION_DYING);

	alarm_terminated(i);
	health_end(i->pool->health, &t, NULL);
}
