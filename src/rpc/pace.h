/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long one turn of the loop serves calls. What was begun is finished; the rest waits for
 * the next turn, so that no client's many or large questions hold up what others wait for.
 */
#ifndef RPC_PACE_H
#define RPC_PACE_H

#include "sys/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct pace {
	int64_t began_ms; /* boottime when this turn served its first call; 0: none yet */
	struct loop_poke over;
};

/* Of one client that has more to be served, so that many of them get on together. */
#define PACE_SLICE_MS 1

void pace_init(struct pace *p, struct loop *loop);
void pace_fini(struct pace *p);
/* Whether this turn may serve another call. Always true of its first. */
bool pace_has_time(struct pace *p);

#endif
