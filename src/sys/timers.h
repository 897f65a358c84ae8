/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop's timers; for loop.c alone. Everybody else uses loop_timer_* of loop.h.
 */
#ifndef SYS_TIMERS_H
#define SYS_TIMERS_H

#include <stdint.h>

struct loop;
struct loop_timer;

#define TIMERS_A_TURN 256u

/* A zeroed struct is a valid empty one. Its timers are borrowed: others embed them. */
struct timers {
	struct loop_timer **heap; /* from 1 */
	unsigned heap_count, heap_cap;
	uint64_t next_order;
	struct loop_timer *firing[TIMERS_A_TURN]; /* NULL: fired or cleared */
	unsigned firing_count;
};

/* Borrowed from the loop. */
struct timers *loop_timers(struct loop *loop);

/* When the earliest is due, INT64_MAX if there is none. */
int64_t timers_next_due_ms(const struct timers *ts);
/*
 * Fires what is due, TIMERS_A_TURN at most. Those armed since the turn began (at order
 * first_new) wait for the next one, even if they are due already.
 */
void timers_run(struct timers *ts, uint64_t first_new);
void timers_fini(struct timers *ts);

#endif
