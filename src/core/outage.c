/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question at a time, asked again with each listing that fails. Who may not ask knows
 * of no outage.
 */
#include "core/outage.h"

#include "base/log.h"
#include "core/cloud.h"
#include "core/health.h"
#include "core/place.h"
#include "core/pool.h"
#include "core/worker.h"
#include "ec2/query_region.h"
#include "ec2/verdict.h"

#include <string.h>

struct outage {
	struct pool *pool;    /* borrowed */
	struct cloud *cloud;  /* borrowed */
	struct ec2_call *op;  /* NULL: none is under way */
	struct strings zones; /* that are out */
};

/* There are others: what is said to be constrained, or worth a notice, still launches. */
static bool
is_out(const char *state)
{
	return str_equal(state, "impaired") || str_equal(state, "unavailable");
}

/* state: what EC2 says of it; NULL: it is well. */
static void
tell(struct outage *o, const char *zone, const char *state)
{
	const struct trouble t = {.condition = CONDITION_ZONE,
		.cloud = o->cloud->key,
		.about = zone};
	struct err err;

	if (state == NULL) {
		health_end(o->pool->health, &t, "EC2");
		return;
	}
	err_set(&err, ERR_UNAVAILABLE, "EC2 says that %s is %s", zone, state);
	health_begin(o->pool->health, &t, &err, "EC2");
}

/* Takes the zones. */
static void
set(struct outage *o, struct strings *zones)
{
	struct strings before = o->zones;

	o->zones = *zones;
	*zones = (struct strings){.items = NULL};
	for (size_t n = 0; n < before.count; n++)
		if (!strings_contain(&o->zones, before.items[n]))
			tell(o, before.items[n], NULL);
	if (before.count > 0)
		workers_place_again(o->pool);
	strings_fini(&before);
}

static void
on_zones(void *arg, const struct ec2_answer *a, struct ec2_zones *list)
{
	struct outage *o = arg;
	struct strings out = {.items = NULL};

	o->op = NULL;
	if (a->verdict != VERDICT_DONE) {
		log_debug(o->cloud->key, "zones: %s", a->err.text);
		return;
	}
	for (size_t n = 0; n < list->count; n++)
		if (is_out(list->items[n].state)) {
			strings_add(&out, list->items[n].name);
			tell(o, list->items[n].name, list->items[n].state);
		}
	set(o, &out);
}

void
outage_look(struct outage *o)
{
	if (o->op == NULL)
		o->op = o->cloud->ops->zones(o->cloud->self, on_zones, o);
}

void
outage_over(struct outage *o)
{
	struct strings none = {.items = NULL};

	if (o->op != NULL)
		o->cloud->ops->cancel(o->cloud->self, o->op);
	o->op = NULL;
	set(o, &none);
}

bool
outage_has(const struct outage *o, const char *zone)
{
	return zone != NULL && strings_contain(&o->zones, zone);
}

struct outage *
outage_new(struct pool *pool, struct cloud *cloud)
{
	struct outage *o = NEW(struct outage);

	o->pool = pool;
	o->cloud = cloud;
	return o;
}

void
outage_free(struct outage *o)
{
	if (o == NULL)
		return;
	if (o->op != NULL)
		o->cloud->ops->cancel(o->cloud->self, o->op);
	strings_fini(&o->zones);
	free(o);
}
