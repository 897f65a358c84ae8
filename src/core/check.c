/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As a question about a console does, this one belongs to its cloud: the row of the
 * instance may end while EC2 still answers, and is looked up again then.
 */
#include "core/check.h"

#include "base/clock.h"
#include "core/cloud.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pool.h"
#include "ec2/verdict.h"

#include <string.h>

struct check_call {
	struct pool *pool;   /* borrowed */
	struct cloud *cloud; /* borrowed from the pool, which keeps it for us */
	struct ec2_call *op; /* NULL: being answered */
	char *id;            /* owned */
	check_done *done;    /* NULL: cancelled */
	void *arg;
};

static void
call_free(struct check_call *call)
{
	call->cloud->questions--;
	free(call->id);
	free(call);
}

static const struct ec2_instance *
find(const struct ec2_instances *list, const char *id)
{
	for (size_t n = 0; n < list->count; n++)
		if (strcmp(list->items[n].id, id) == 0)
			return &list->items[n];
	return NULL;
}

/* That EC2 does not know the id is left to the listings: they count it, over time (L11). */
static void
observe(const struct check_call *call, const struct ec2_instance *seen,
	int64_t began_ms)
{
	struct instance *i = pool_instance(call->pool, call->id);

	if (i != NULL && seen != NULL)
		instance_observe(i, seen, began_ms);
}

static void
tell(const struct check_call *call, const struct ec2_answer *a, bool found)
{
	const struct check_sight sight = {
		.id = call->id,
		.instance = pool_instance(call->pool, call->id),
		.found = found,
		.at = clock_wall_ms(),
	};

	if (a->verdict == VERDICT_DONE || a->verdict == VERDICT_MISSING)
		call->done(call->arg, NULL, &sight);
	else
		call->done(call->arg, &a->err, NULL);
}

/* Who asked may be told of the death in another way first, and leave for that. */
static void
on_described(void *arg, const struct ec2_answer *a, struct ec2_instances *list)
{
	struct check_call *call = arg;
	const struct ec2_instance *seen = a->verdict == VERDICT_DONE
		? find(list, call->id)
		: NULL;

	call->op = NULL;
	observe(call, seen, a->began_ms);
	if (call->done != NULL)
		tell(call, a, seen != NULL);
	call_free(call);
}

struct check_call *
check_ask(const struct instance *i, check_done *done, void *arg)
{
	struct check_call *call = NEW(struct check_call);

	call->pool = i->pool;
	call->cloud = i->launch->cloud;
	call->cloud->questions++;
	call->id = xstrdup(i->id);
	call->done = done;
	call->arg = arg;
	call->op = call->cloud->ops->describe(call->cloud->self, call->id, on_described,
		call);
	return call;
}

void
check_cancel(struct check_call *call)
{
	call->done = NULL;
	if (call->op == NULL)
		return;
	call->cloud->ops->cancel(call->cloud->self, call->op);
	call_free(call);
}
