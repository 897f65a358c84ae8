/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which leases are due, the one request under way, and what its answer means. A third
 * of a lease's life is its period, so that two renewals may fail.
 */
#include "core/lease.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "core/cloud.h"
#include "core/health.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pool.h"
#include "ec2/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERIODS 3          /* renewals in a life */
#define TOGETHER 10        /* what is due within this part of its life goes along */
#define RETRY_MAX_MS 60000 /* after a failure, or a tenth of the life */
#define LIFE_MAX_S (366 * 86400)

struct lease {
	struct pool *pool;   /* borrowed */
	struct cloud *cloud; /* borrowed */
	struct ec2_call *op;
	struct strings ids; /* of the request under way */
	int64_t began_ms;
	struct loop_timer timer;
};

void
lease_text(int64_t life_ms, char text[static LEASE_TEXT])
{
	(void)snprintf(text, LEASE_TEXT, "%" PRId64 ".%" PRId64, life_ms / 1000,
		clock_wall_ms() / 1000);
}

int64_t
lease_life_ms(const char *text)
{
	size_t digits = text == NULL ? 0 : strspn(text, "0123456789");
	int64_t seconds;

	if (digits == 0 || digits > 9 || text[digits] != '.')
		return 0;
	seconds = strtoll(text, NULL, 10);
	return seconds > LIFE_MAX_S ? 0 : seconds * 1000;
}

/* Whether it is ours to renew: it runs, and nobody has sent it away. */
static bool
is_held(const struct lease *l, const struct instance *i)
{
	return i->launch->cloud == l->cloud && i->lease_ms > 0 &&
		i->phase >= INSTANCE_RUNNING && i->phase <= INSTANCE_READY;
}

/* When the first is due, INT64_MAX: none is held. */
static int64_t
first_due_ms(const struct lease *l)
{
	int64_t due = INT64_MAX;

	for (const struct instance *i = l->pool->instances; i != NULL; i = i->hh.next)
		if (is_held(l, i) && i->lease_due_ms < due)
			due = i->lease_due_ms;
	return due;
}

/* Due now, or soon enough to go along. */
static bool
is_near(const struct lease *l, const struct instance *i)
{
	return is_held(l, i) && i->lease_due_ms <= clock_ms() + i->lease_ms / TOGETHER;
}

/*
 * Those that live as long as the first, for one value serves all. One that has spoilt a
 * request goes by itself: EC2 tags all that it is asked to, or none. Returns their life.
 */
static int64_t
gather(struct lease *l)
{
	int64_t life = 0;

	for (const struct instance *i = l->pool->instances;
		i != NULL && l->ids.count < LEASE_TAGGED_MAX; i = i->hh.next) {
		if (!is_near(l, i) || (life != 0 && i->lease_ms != life) ||
			(life != 0 && i->lease_alone))
			continue;
		life = i->lease_ms;
		strings_add(&l->ids, i->id);
		if (i->lease_alone)
			break;
	}
	return life;
}

static int64_t
retry_ms(const struct instance *i)
{
	int64_t part = i->lease_ms / TOGETHER;

	return part < RETRY_MAX_MS ? part : RETRY_MAX_MS;
}

static void
settle(const struct lease *l, struct instance *i, const struct ec2_answer *a)
{
	bool missing = a->verdict == VERDICT_MISSING;

	if (a->verdict == VERDICT_DONE)
		i->lease_alone = false;
	if (missing && l->ids.count > 1) {
		i->lease_alone = true; /* who it is will show */
		i->lease_due_ms = clock_ms();
	} else if (a->verdict == VERDICT_DONE || missing) {
		i->lease_due_ms = l->began_ms + i->lease_ms / PERIODS;
	} else {
		i->lease_due_ms = clock_ms() + retry_ms(i);
	}
}

static void
note_trouble(struct lease *l, const struct ec2_answer *a)
{
	bool fine = a->verdict == VERDICT_DONE || a->verdict == VERDICT_MISSING;

	health_choose(l->pool->health, l->cloud->key, 1u << CONDITION_LEASES,
		CONDITION_LEASES, fine ? NULL : &a->err);
}

static void
on_tagged(void *arg, const struct ec2_answer *a)
{
	struct lease *l = arg;

	FP("lease.after_renewal");
	l->op = NULL;
	for (size_t n = 0; n < l->ids.count; n++) {
		struct instance *i = pool_instance(l->pool, l->ids.items[n]);

		if (i != NULL)
			settle(l, i, a);
	}
	note_trouble(l, a);
	strings_fini(&l->ids);
	lease_renew(l);
}

static void
ask(struct lease *l)
{
	char text[LEASE_TEXT];

	lease_text(gather(l), text);
	FP("lease.before_renewal");
	l->began_ms = clock_ms();
	l->op = l->cloud->ops->tag(l->cloud->self, &l->ids, LEASE_TAG, text, on_tagged,
		l);
}

void
lease_renew(struct lease *l)
{
	int64_t due = first_due_ms(l);

	if (l->op != NULL || l->cloud->ops->tag == NULL)
		return;
	if (due == INT64_MAX)
		loop_timer_clear(&l->timer);
	else if (due <= clock_ms())
		ask(l);
	else
		loop_timer_at(&l->timer, due);
}

static void
on_timer(void *arg)
{
	lease_renew(arg);
}

struct lease *
lease_new(struct pool *pool, struct cloud *cloud)
{
	struct lease *l = NEW(struct lease);

	l->pool = pool;
	l->cloud = cloud;
	loop_timer_init(&l->timer, pool->loop, on_timer, l);
	return l;
}

void
lease_free(struct lease *l)
{
	if (l == NULL)
		return;
	if (l->op != NULL)
		l->cloud->ops->cancel(l->cloud->self, l->op);
	loop_timer_clear(&l->timer);
	strings_fini(&l->ids);
	free(l);
}
