/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing, halving, pacing. A burst that is refused together is one message, not one per
 * request, so the window is cut once for all that left before the cut.
 */
#include "ec2/lane.h"

#define HISTORY_MS 10000        /* what is older says nothing about the rate of today */
#define DISTANCE_DEFAULT_MS 500 /* RunInstances' documented refill */
#define DISTANCE_MIN_MS 20      /* closer than this is no pacing any more */
#define DISTANCE_MAX_MS 5000
#define DISTANCE_WIDEN 4   /* a refusal adds this part */
#define DISTANCE_NARROW 32 /* a clean answer takes this part away */

void
lane_init(struct lane *l, bool paced)
{
	*l = (struct lane){.paced = paced, .window = LANE_WINDOW_FIRST};
}

int64_t
lane_ready_ms(const struct lane *l)
{
	int64_t ready = l->pause_ms;

	if (l->in_flight >= l->window)
		return INT64_MAX;
	if (l->distance_ms > 0 && l->last_ms + l->distance_ms > ready)
		ready = l->last_ms + l->distance_ms;
	return ready;
}

uint64_t
lane_leave(struct lane *l, int64_t now_ms)
{
	l->in_flight++;
	l->last_ms = now_ms;
	return l->departures++;
}

/* The mean distance of what succeeded lately. */
static int64_t
seen_distance_ms(const struct lane *l, int64_t now_ms)
{
	unsigned known = l->good_count;
	int64_t first_ms = now_ms;
	unsigned count = 0;

	if (known > LANE_HISTORY)
		known = LANE_HISTORY;
	for (unsigned i = 0; i < known; i++) {
		if (l->good_ms[i] <= now_ms - HISTORY_MS)
			continue;
		count++;
		if (l->good_ms[i] < first_ms)
			first_ms = l->good_ms[i];
	}
	if (count < 2)
		return DISTANCE_DEFAULT_MS;
	return (now_ms - first_ms) / count;
}

/* What was seen, but certainly more than what was refused: a burst may have hidden the rate. */
static int64_t
wider(int64_t refused_ms, int64_t seen_ms)
{
	int64_t distance = refused_ms + refused_ms / DISTANCE_WIDEN;

	if (distance < DISTANCE_MIN_MS)
		distance = DISTANCE_MIN_MS;
	if (distance < seen_ms)
		distance = seen_ms;
	return distance < DISTANCE_MAX_MS ? distance : DISTANCE_MAX_MS;
}

static void
narrow(struct lane *l)
{
	l->distance_ms -= l->distance_ms / DISTANCE_NARROW + 1;
	if (l->distance_ms < DISTANCE_MIN_MS)
		l->distance_ms = 0;
}

static void
grow(struct lane *l, int64_t now_ms)
{
	l->good_ms[l->good_count++ % LANE_HISTORY] = now_ms;
	narrow(l);
	if (l->careful && ++l->clean < l->window)
		return;
	l->clean = 0;
	if (l->window < LANE_WINDOW_MAX)
		l->window++;
}

static void
cut(struct lane *l, uint64_t ticket, int64_t now_ms)
{
	if (ticket < l->cut)
		return;
	l->cut = l->departures;
	l->careful = true;
	l->clean = 0;
	l->window = l->window > 1 ? l->window / 2 : 1;
	if (l->paced)
		l->distance_ms = wider(l->distance_ms, seen_distance_ms(l, now_ms));
}

void
lane_answer(struct lane *l, uint64_t ticket, enum lane_answer answer,
	int64_t retry_after_ms, int64_t now_ms)
{
	l->in_flight--;
	switch (answer) {
	case LANE_CLEAN: grow(l, now_ms); break;
	case LANE_THROTTLED: cut(l, ticket, now_ms); break;
	case LANE_UNCLEAR: break;
	}
	if (retry_after_ms > 0 && now_ms + retry_after_ms > l->pause_ms)
		l->pause_ms = now_ms + retry_after_ms;
}
