/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question is known by its cloud and its words. Who waits is told from a poke of his
 * own, so that he may ask or cancel others then.
 */
#include "core/lookup.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "core/cloud.h"
#include "ec2/lookup.h"
#include "ec2/verdict.h"

#include <string.h>
#include <utlist.h>

#define DAY_MS (INT64_C(86400) * 1000)
/* A mean of a day moves slowly; subnets and volumes never leave their zones. */
#define PRICE_KEPT_MS (INT64_C(10) * 60 * 1000)
#define ZONE_KEPT_MS DAY_MS
#define PARAMETER_KEPT_MS INT64_C(60000) /* as a listing of images */

struct question {
	struct lookups *all;
	char *key;           /* owned; the cloud's and what is asked */
	char *what;          /* owned; the type or the subnet that counts */
	struct cloud *cloud; /* borrowed; NULL when it has answered */
	struct ec2_call *op; /* NULL when it has answered */
	int64_t kept_ms;     /* of a good answer */
	int64_t until_ms;    /* boottime: nobody may join any more */
	struct err err;      /* ERR_NONE: it is good */
	int verdict;
	char *zone; /* owned */
	struct bid_mean mean;
	char *image; /* owned */
	struct lookup_call *calls;
	struct question *prev, *next;
};

struct lookup_call {
	struct question *q; /* borrowed, outlives us */
	lookup_done *done;
	void *arg;
	struct loop_poke poke;
	struct lookup_call *prev, *next;
};

struct lookups {
	struct loop *loop;
	struct question *list;
};

static void
call_free(struct lookup_call *call)
{
	loop_poke_clear(&call->poke);
	DL_DELETE(call->q->calls, call);
	free(call);
}

static void
question_free(struct question *q)
{
	while (q->calls != NULL)
		/* analyze: unix.Malloc: each leaves the list before it is freed */
		call_free(q->calls);
	if (q->cloud != NULL) {
		q->cloud->ops->cancel(q->cloud->self, q->op);
		q->cloud->questions--;
	}
	DL_DELETE(q->all->list, q);
	free(q->key);
	free(q->what);
	free(q->zone);
	free(q->image);
	free(q);
}

static bool
is_over(const struct question *q)
{
	return q->cloud == NULL && clock_ms() >= q->until_ms;
}

static void
drop_old(struct lookups *all)
{
	struct question *q, *tmp;

	DL_FOREACH_SAFE(all->list, q, tmp)
		if (is_over(q) && q->calls == NULL)
			question_free(q);
}

static void
on_poke(void *arg)
{
	struct lookup_call *call = arg;
	struct question *q = call->q;
	const struct lookup_answer answer = {
		.err = q->err.code == ERR_NONE ? NULL : &q->err,
		.verdict = q->verdict,
		.zone = q->zone,
		.mean = q->mean,
		.image = q->image,
	};
	lookup_done *done = call->done;
	void *whose = call->arg;

	call_free(call);
	done(whose, &answer);
}

/* The answer has come; err NULL: it is good. */
static void
answered(struct question *q, const struct ec2_answer *a, const struct err *err)
{
	struct lookup_call *call;

	q->cloud->questions--;
	q->cloud = NULL;
	q->op = NULL;
	q->verdict = a->verdict;
	if (a->verdict != VERDICT_DONE)
		q->err = a->err;
	else if (err != NULL)
		q->err = *err;
	q->until_ms = q->err.code == ERR_NONE ? clock_ms() + q->kept_ms : 0;
	DL_FOREACH(q->calls, call)
		loop_poke(&call->poke);
}

/* Whoever asks for it already is joined. NULL: nobody has. */
static struct question *
find(struct lookups *all, const char *key)
{
	struct question *q;

	DL_FOREACH(all->list, q)
		if (strcmp(q->key, key) == 0 && !is_over(q))
			return q;
	return NULL;
}

/* Takes the key. */
static struct question *
question_new(struct lookups *all, struct cloud *cloud, char *key, const char *what)
{
	struct question *q = NEW(struct question);

	q->all = all;
	q->key = key;
	q->what = xstrdup(what);
	q->cloud = cloud;
	cloud->questions++;
	DL_APPEND(all->list, q);
	return q;
}

static struct lookup_call *
join(struct question *q, lookup_done *done, void *arg)
{
	struct lookup_call *call = NEW(struct lookup_call);

	call->q = q;
	call->done = done;
	call->arg = arg;
	loop_poke_init(&call->poke, q->all->loop, on_poke, call);
	DL_APPEND(q->calls, call);
	if (q->cloud == NULL)
		loop_poke(&call->poke);
	return call;
}

/* The answer to a question about a zone. */
static void
zone_answered(struct question *q, const struct ec2_answer *a, const char *action)
{
	struct err err;

	err_set(&err, ERR_SERVICE, "%s does not show %s", action, q->what);
	err.reason = REASON_CONFIG;
	answered(q, a, q->zone == NULL ? &err : NULL);
}

static void
on_subnets(void *arg, const struct ec2_answer *a, struct ec2_subnets *list)
{
	struct question *q = arg;

	for (size_t n = 0; n < list->count && q->zone == NULL; n++)
		if (strcmp(list->items[n].id, q->what) == 0)
			q->zone = xstrdup(list->items[n].zone);
	zone_answered(q, a, "DescribeSubnets");
}

static void
on_volumes(void *arg, const struct ec2_answer *a, struct ec2_volumes *list)
{
	struct question *q = arg;

	for (size_t n = 0; n < list->count && q->zone == NULL; n++)
		if (strcmp(list->items[n].id, q->what) == 0)
			q->zone = xstrdup(list->items[n].zone);
	zone_answered(q, a, "DescribeVolumes");
}

/* The question about the zone of a thing; true: it is a new one, to be asked. */
static bool
zone_question(struct lookups *all, struct cloud *cloud, const char *id,
	struct question **ret)
{
	AUTO(free) char *key = xasprintf("%s zone %s", cloud->key, id);

	drop_old(all);
	*ret = find(all, key);
	if (*ret != NULL)
		return false;
	*ret = question_new(all, cloud, TAKE(key), id);
	(*ret)->kept_ms = ZONE_KEPT_MS;
	return true;
}

struct lookup_call *
lookup_subnet(struct lookups *all, struct cloud *cloud, const char *subnet,
	lookup_done *done, void *arg)
{
	struct strings ids = {.items = NULL};
	struct question *q;

	strings_add(&ids, subnet);
	if (zone_question(all, cloud, subnet, &q))
		q->op = cloud->ops->subnets(cloud->self, &ids, on_subnets, q);
	strings_fini(&ids);
	return join(q, done, arg);
}

struct lookup_call *
lookup_volume(struct lookups *all, struct cloud *cloud, const char *volume,
	lookup_done *done, void *arg)
{
	struct strings ids = {.items = NULL};
	struct question *q;

	strings_add(&ids, volume);
	if (zone_question(all, cloud, volume, &q))
		q->op = cloud->ops->volumes(cloud->self, &ids, on_volumes, q);
	strings_fini(&ids);
	return join(q, done, arg);
}

/* Rows, not time: each counts once, as the original has it (BUILDBOT.md P2). */
static void
on_prices(void *arg, const struct ec2_answer *a, struct ec2_prices *list)
{
	struct question *q = arg;
	double sum = 0;

	for (size_t n = 0; n < list->count; n++) {
		if (strcmp(list->items[n].type, q->what) != 0)
			continue;
		sum += strtod(list->items[n].price, NULL);
		q->mean.rows++;
	}
	q->mean.price = q->mean.rows == 0 ? 0 : sum / (double)q->mean.rows;
	answered(q, a, NULL);
}

struct lookup_call *
lookup_price(struct lookups *all, struct cloud *cloud, const struct lookup_price *what,
	lookup_done *done, void *arg)
{
	AUTO(free)
	char *key = xasprintf("%s price %s %s %s", cloud->key, what->type,
		what->zone == NULL ? "-" : what->zone, what->product);
	const struct ec2_price_query query = {
		.type = what->type,
		.zone = what->zone,
		.product = what->product,
		.since_wall_ms = clock_wall_ms() - DAY_MS,
	};
	struct question *q;

	drop_old(all);
	q = find(all, key);
	if (q == NULL) {
		q = question_new(all, cloud, TAKE(key), what->type);
		q->kept_ms = PRICE_KEPT_MS;
		q->op = cloud->ops->prices(cloud->self, &query, on_prices, q);
	}
	return join(q, done, arg);
}

/* Any other value is somebody's mistake; it is not shown, for it may be a secret. */
static void
on_parameter(void *arg, const struct ec2_answer *a, const char *value)
{
	struct question *q = arg;
	struct err err;

	if (value != NULL && strncmp(value, "ami-", strlen("ami-")) == 0)
		q->image = xstrdup(value);
	err_set(&err, ERR_CONFIG, "the parameter %s holds no image's id", q->what);
	err.reason = REASON_CONFIG;
	answered(q, a, q->image == NULL ? &err : NULL);
}

static char *
parameter_key(const struct cloud *cloud, const char *name)
{
	return xasprintf("%s parameter %s", cloud->key, name);
}

struct lookup_call *
lookup_parameter(struct lookups *all, struct cloud *cloud, const char *name,
	lookup_done *done, void *arg)
{
	AUTO(free) char *key = parameter_key(cloud, name);
	struct question *q;

	drop_old(all);
	q = find(all, key);
	if (q == NULL) {
		q = question_new(all, cloud, TAKE(key), name);
		q->kept_ms = PARAMETER_KEPT_MS;
		q->op = cloud->ops->parameter(cloud->self, name, on_parameter, q);
	}
	return join(q, done, arg);
}

void
lookup_forget_parameter(struct lookups *all, const struct cloud *cloud,
	const char *name)
{
	AUTO(free) char *key = parameter_key(cloud, name);
	struct question *q = find(all, key);

	if (q != NULL && q->cloud == NULL)
		q->until_ms = 0;
}

void
lookup_cancel(struct lookup_call *call)
{
	if (call != NULL)
		call_free(call);
}

void
lookups_forget(struct lookups *all)
{
	struct question *q;

	DL_FOREACH(all->list, q)
		q->until_ms = 0;
}

struct lookups *
lookups_new(struct loop *loop)
{
	struct lookups *all = NEW(struct lookups);

	all->loop = loop;
	return all;
}

void
lookups_free(struct lookups *all)
{
	if (all == NULL)
		return;
	while (all->list != NULL)
		/* analyze: unix.Malloc: each leaves the list before it is freed */
		question_free(all->list);
	free(all);
}
