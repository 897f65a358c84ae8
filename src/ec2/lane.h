/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many requests of one kind may be under way, and how fast they may leave: a
 * congestion window as TCP has one (EC2.md 4), and pauses. Holds numbers only; the queue,
 * the timer and the clock are the caller's.
 */
#ifndef EC2_LANE_H
#define EC2_LANE_H

#include <stdbool.h>
#include <stdint.h>

#define LANE_WINDOW_FIRST 5u /* the documented burst of RunInstances */
#define LANE_WINDOW_MAX 64u
#define LANE_HISTORY 16u

struct lane {
	bool paced;      /* throttled departures also keep a distance */
	unsigned window; /* so many may be in flight */
	unsigned in_flight;
	bool careful;   /* throttled once: the window grows by one per window */
	unsigned clean; /* clean answers since it grew */
	uint64_t departures;
	uint64_t cut;     /* throttle answers to earlier departures do not cut again */
	int64_t pause_ms; /* boottime: nothing leaves before */
	int64_t distance_ms;           /* between departures; 0: none */
	int64_t last_ms;               /* boottime of the last departure */
	int64_t good_ms[LANE_HISTORY]; /* boottimes of the last clean answers, a ring */
	unsigned good_count;           /* ever */
};

enum lane_answer {
	LANE_CLEAN,     /* the service answered, whatever it said */
	LANE_THROTTLED, /* it wants fewer */
	LANE_UNCLEAR,   /* nothing is learnt: failed, cancelled */
};

void lane_init(struct lane *l, bool paced);
/*
 * When the next may leave: a boottime, past or present for at once; INT64_MAX for after
 * the next answer.
 */
int64_t lane_ready_ms(const struct lane *l);
/* One leaves. Returns its ticket. */
uint64_t lane_leave(struct lane *l, int64_t now_ms);
/* One came back. retry_after_ms: how long the lane shall rest, or 0. */
void lane_answer(struct lane *l, uint64_t ticket, enum lane_answer answer,
	int64_t retry_after_ms, int64_t now_ms);

#endif
