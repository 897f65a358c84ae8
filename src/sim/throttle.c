/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the buckets, and their levels. */
#include "sim/throttle.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/params.h"

#include <string.h>
#include <uthash.h>

/* The lowest class has no published figure: small, and slow to refill. */
/* clang-format off */
static const struct {
	double capacity;
	double refill; /* a second */
} rows[SIM_BUCKET_COUNT] = {
	[SIM_BUCKET_LOOKUP]              = {100, 20},
	[SIM_BUCKET_DESCRIBE]            = {100, 20},
	[SIM_BUCKET_UNBOUNDED]           = {50, 10},
	[SIM_BUCKET_MUTATING]            = {50, 5},
	[SIM_BUCKET_RUN]                 = {5, 2},
	[SIM_BUCKET_RUN_INSTANCES]       = {1000, 2},
	[SIM_BUCKET_START]               = {5, 2},
	[SIM_BUCKET_START_INSTANCES]     = {1000, 2},
	[SIM_BUCKET_STOP_INSTANCES]      = {1000, 20},
	[SIM_BUCKET_TERMINATE]           = {100, 5},
	[SIM_BUCKET_TERMINATE_INSTANCES] = {1000, 20},
	[SIM_BUCKET_TAGS]                = {100, 10},
	[SIM_BUCKET_VOLUME]              = {100, 5},
	[SIM_BUCKET_CONSOLE]             = {20, 1},
};
/* clang-format on */

struct level {
	char *name; /* region, action, bucket */
	double tokens;
	int64_t at_ms;
	UT_hash_handle hh;
};

struct sim_throttle {
	struct level *levels;
};

struct sim_throttle *
sim_throttle_new(void)
{
	return NEW(struct sim_throttle);
}

void
sim_throttle_clear(struct sim_throttle *t)
{
	struct level *l;
	struct level *next;

	HASH_ITER(hh, t->levels, l, next) {
		HASH_DEL(t->levels, l);
		free(l->name);
		free(l);
	}
}

void
sim_throttle_free(struct sim_throttle *t)
{
	if (t == NULL)
		return;
	sim_throttle_clear(t);
	free(t);
}

/* The bucket's level, as it has become by now. */
static struct level *
level_now(struct sim_throttle *t, const char *region, const char *action,
	enum sim_bucket bucket)
{
	char *name = xasprintf("%s/%s/%d", region, action, (int)bucket);
	int64_t now = clock_ms();
	struct level *l;

	HASH_FIND_STR(t->levels, name, l);
	if (l == NULL) {
		l = NEW(struct level);
		l->name = TAKE(name);
		l->tokens = rows[bucket].capacity;
		l->at_ms = now;
		HASH_ADD_KEYPTR(hh, t->levels, l->name, strlen(l->name), l);
	}
	free(name);
	l->tokens += (double)(now - l->at_ms) * rows[bucket].refill / 1000;
	if (l->tokens > rows[bucket].capacity)
		l->tokens = rows[bucket].capacity;
	l->at_ms = now;
	return l;
}

/* A filter, a page size, or a list of ids or names. */
static bool
is_bounded(const struct sim_params *p)
{
	if (sim_params_under(p, "Filter.1.") || sim_params_get(p, "MaxResults") != NULL)
		return true;
	for (size_t n = 0; n < p->count; n++) {
		size_t len = strlen(p->items[n].name);

		if (len > 2 && strcmp(p->items[n].name + len - 2, ".1") == 0)
			return true;
	}
	return false;
}

static enum sim_bucket
bucket_of(const struct sim_action *action, const struct sim_params *p)
{
	if (action->bucket == SIM_BUCKET_DESCRIBE && !is_bounded(p))
		return SIM_BUCKET_UNBOUNDED;
	return action->bucket;
}

/* How many instances a request is about. */
static double
instances(const struct sim_params *p)
{
	size_t n = 0;

	if (sim_params_get(p, "MaxCount") != NULL)
		return (double)sim_params_int(p, "MaxCount", 1);
	while (sim_params_getf(p, "InstanceId.%zu", n + 1) != NULL)
		n++;
	return (double)n;
}

int
sim_throttle_spend(struct sim_throttle *t, const char *region,
	const struct sim_action *action, const struct sim_params *params,
	struct sim_error *error)
{
	struct level *requests = level_now(t, region, action->name,
		bucket_of(action, params));
	struct level *more = NULL;
	double cost = 0;

	if (action->per_instance != SIM_BUCKET_COUNT) {
		more = level_now(t, region, action->name, action->per_instance);
		cost = instances(params);
	}
	if (requests->tokens < 1 || (more != NULL && more->tokens < cost))
		return sim_fail(error, SIM_REQUEST_LIMIT_EXCEEDED,
			"Request limit exceeded.");
	requests->tokens -= 1;
	if (more != NULL)
		more->tokens -= cost;
	return 0;
}
