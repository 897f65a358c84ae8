/* SPDX-License-Identifier: Apache-2.0 */
/* Copies that lag: a state as it was, tags and addresses that have not come yet. */
#include "sim/view.h"

#include "base/clock.h"
#include "sim/action.h"
#include "sim/cloud.h"
#include "sim/scenario.h"

void
sim_view_init(struct sim_view *v, const struct sim_call *call)
{
	unsigned copies = (unsigned)call->scenario->replicas;

	v->call = call;
	v->share = copies > 1
		? (double)sim_cloud_pick(call->cloud, copies) / (double)(copies - 1)
		: 1;
}

/* Whether what happened then has not come to this copy yet. */
static bool
is_news(const struct sim_view *v, int64_t then_ms, int64_t lag_ms)
{
	return (double)(clock_ms() - then_ms) < (double)lag_ms * v->share;
}

bool
sim_view_shows(const struct sim_view *v, const struct sim_instance *i)
{
	return sim_cloud_shows_to(v->call->cloud, i, v->share);
}

/* The last state it has heard of; the first is told with the instance itself. */
static enum sim_state
state_of(const struct sim_view *v, const struct sim_instance *i)
{
	size_t n = i->change_count - 1;

	while (n > 0 && is_news(v, i->changes[n].at_ms, v->call->scenario->lag.state))
		n--;
	return i->changes[n].state;
}

const struct sim_instance *
sim_view_of(struct sim_view *v, const struct sim_instance *i, const void *keep)
{
	const struct sim_lag *lag = &v->call->scenario->lag;
	struct sim_instance *seen;

	if (v->share <= 0 || (lag->state == 0 && lag->tags == 0 && lag->address == 0))
		return i;
	seen = keep == &v->seen[0] ? &v->seen[1] : &v->seen[0];
	*seen = *i;
	seen->state = state_of(v, i);
	if (seen->state != i->state)
		seen->reason = (struct sim_reason){0};
	seen->tags_gone = i->tags_gone || is_news(v, i->born_ms, lag->tags);
	seen->no_address = is_news(v, i->born_ms, lag->address);
	return seen;
}

bool
sim_zone_is_impaired(const struct sim_call *call, const char *zone)
{
	return strings_contain(&call->scenario->impaired_zones, zone);
}
