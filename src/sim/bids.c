/* SPDX-License-Identifier: Apache-2.0 */
/* The list of spot requests, and what becomes of those that are open. */
#include "sim/bids.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/cloud.h"
#include "sim/ec2.h"
#include "sim/params.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

struct sim_bids {
	struct sim_bid *list; /* owned, in the order they were made */
	uint64_t count;
	size_t open;
};

struct sim_bids *
sim_bids_new(void)
{
	return NEW(struct sim_bids);
}

void
sim_bids_clear(struct sim_bids *b)
{
	while (b->list != NULL) {
		struct sim_bid *bid = b->list;

		b->list = bid->next;
		if (bid->instance == NULL)
			sim_launch_free(bid->launch);
		free(bid->token);
		free(bid);
	}
	b->count = 0;
	b->open = 0;
}

void
sim_bids_free(struct sim_bids *b)
{
	if (b == NULL)
		return;
	sim_bids_clear(b);
	free(b);
}

struct sim_bid *
sim_bids_add(struct sim_bids *b, struct sim_cloud *cloud, struct sim_launch *launch)
{
	struct sim_bid *bid = NEW(struct sim_bid);
	char id[SIM_ID_SIZE];

	sim_cloud_make_id(cloud, "", id);
	(void)snprintf(bid->id, sizeof(bid->id), "sir-%.8s", id + strlen(id) - 8);
	memcpy(launch->request_id, bid->id, sizeof(bid->id));
	bid->seq = ++b->count;
	bid->launch = launch;
	bid->held_by = "pending-evaluation";
	bid->due_ms = clock_ms();
	bid->until_wall_ms = INT64_MAX;
	bid->made_wall_ms = bid->changed_wall_ms = clock_wall_ms();
	LL_APPEND(b->list, bid);
	b->open++;
	return bid;
}

struct sim_bid *
sim_bids_first(const struct sim_bids *b)
{
	return b->list;
}

struct sim_bid *
sim_bids_find(const struct sim_bids *b, const char *region, const char *id)
{
	struct sim_bid *bid;

	LL_FOREACH(b->list, bid)
		if (strcmp(bid->id, id) == 0 &&
			strcmp(bid->launch->region, region) == 0)
			return bid;
	return NULL;
}

bool
sim_bid_is_open(const struct sim_bid *bid)
{
	return bid->instance == NULL && !bid->cancelled && !bid->expired;
}

void
sim_bid_cancel(struct sim_bid *bid)
{
	bid->cancelled = true;
	bid->changed_wall_ms = clock_wall_ms();
}

/* The price, the room: what RunInstances would be refused for holds it. */
static void
try_to_fill(struct sim_bid *bid, const struct sim_call *with)
{
	static const struct sim_params
		one; /* MinCount and MaxCount as they are by default */
	struct sim_call call = *with;
	struct sim_launch *l = bid->launch;
	size_t count;

	call.params = &one;
	call.region = l->region;
	if (sim_ec2_place(&call, l, &count) == 0) {
		sim_cloud_launch(call.cloud, l, 1);
		bid->instance = l->instances[0];
		bid->changed_wall_ms = clock_wall_ms();
		return;
	}
	bid->held_by = strcmp(call.error.code,
			       sim_code_name(SIM_SPOT_MAX_PRICE_TOO_LOW)) == 0
		? "price-too-low"
		: "capacity-not-available";
}

void
sim_bids_advance(struct sim_bids *b, const struct sim_call *call)
{
	struct sim_bid *bid;

	if (b->open == 0)
		return;
	b->open = 0;
	LL_FOREACH(b->list, bid) {
		if (!sim_bid_is_open(bid))
			continue;
		if (clock_wall_ms() >= bid->until_wall_ms) {
			bid->expired = true;
			bid->changed_wall_ms = bid->until_wall_ms;
		} else if (clock_ms() >= bid->due_ms) {
			try_to_fill(bid, call);
		}
		b->open += sim_bid_is_open(bid);
	}
}

int64_t
sim_bids_next_due_ms(const struct sim_bids *b)
{
	const struct sim_bid *bid;
	int64_t next = INT64_MAX;

	if (b->open == 0)
		return next;
	LL_FOREACH(b->list, bid)
		if (sim_bid_is_open(bid) && bid->due_ms > clock_ms() &&
			bid->due_ms < next)
			next = bid->due_ms;
	return next;
}
