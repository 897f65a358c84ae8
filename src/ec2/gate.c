/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever happens is recorded in the lane at once; who may go next is decided in one
 * place, by a poke or by the timer of a lane that rests.
 */
#include "ec2/gate.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sys/loop.h"

#include <utlist.h>

struct ec2_slot {
	struct gate *gate; /* borrowed; it frees its slots before it goes */
	void (*granted)(void *arg);
	void *arg;
	bool urgent;
	bool held; /* granted; else in the queue */
	uint64_t ticket;
	struct ec2_slot *prev, *next;
};

struct gate {
	struct lane lane;
	struct ec2_slot *queue, *held;
	unsigned queued;
	struct loop_timer timer;
	struct loop_poke poke;
};

static void
grant(struct gate *g, struct ec2_slot *slot)
{
	DL_DELETE(g->queue, slot);
	g->queued--;
	DL_APPEND(g->held, slot);
	slot->held = true;
	slot->ticket = lane_leave(&g->lane, clock_ms());
	slot->granted(slot->arg);
}

/* One round serves no more than were there at its beginning: a slot may come back at once. */
static void
serve(void *arg)
{
	struct gate *g = arg;
	int64_t ready_ms = INT64_MAX;

	for (unsigned round = g->queued; g->queue != NULL; round--) {
		ready_ms = lane_ready_ms(&g->lane);
		if (round == 0 || ready_ms > clock_ms())
			break;
		grant(g, g->queue);
	}
	if (g->queue != NULL && ready_ms != INT64_MAX)
		loop_timer_at(&g->timer, ready_ms);
	else
		loop_timer_clear(&g->timer);
}

struct gate *
gate_new(struct loop *loop, bool paced)
{
	struct gate *g = NEW(struct gate);

	lane_init(&g->lane, paced);
	loop_timer_init(&g->timer, loop, serve, g);
	loop_poke_init(&g->poke, loop, serve, g);
	return g;
}

static void
free_slots(struct ec2_slot *list)
{
	struct ec2_slot *slot, *tmp;

	DL_FOREACH_SAFE(list, slot, tmp)
		free(slot);
}

void
gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	loop_timer_clear(&g->timer);
	loop_poke_clear(&g->poke);
	free_slots(g->queue);
	free_slots(g->held);
	free(g);
}

struct ec2_slot *
gate_ask(struct gate *g, bool urgent, void (*granted)(void *arg), void *arg)
{
	struct ec2_slot *slot = NEW(struct ec2_slot), *before = NULL;

	slot->gate = g;
	slot->urgent = urgent;
	slot->granted = granted;
	slot->arg = arg;
	if (urgent)
		DL_FOREACH(g->queue, before)
			if (!before->urgent)
				break;
	if (before != NULL)
		DL_PREPEND_ELEM(g->queue, before, slot);
	else
		DL_APPEND(g->queue, slot);
	g->queued++;
	loop_poke(&g->poke);
	return slot;
}

void
gate_answer(struct ec2_slot *slot, enum lane_answer answer, int64_t retry_after_ms)
{
	struct gate *g = slot->gate;

	if (slot->held) {
		DL_DELETE(g->held, slot);
		lane_answer(&g->lane, slot->ticket, answer, retry_after_ms, clock_ms());
	} else {
		DL_DELETE(g->queue, slot);
		g->queued--;
	}
	free(slot);
	loop_poke(&g->poke);
}

void
gate_slot_free(struct ec2_slot *slot)
{
	if (slot != NULL)
		gate_answer(slot, LANE_UNCLEAR, 0);
}

unsigned
gate_window(const struct gate *g)
{
	return g->lane.window;
}

unsigned
gate_in_flight(const struct gate *g)
{
	return g->lane.in_flight;
}

unsigned
gate_queued(const struct gate *g)
{
	return g->queued;
}
