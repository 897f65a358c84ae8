/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where, as what and at what price a worker's next launch starts. A place belongs to one
 * generation of a wanted worker, from its first placing until it is not wanted any more;
 * it asks EC2 what it has to know first, and remembers what was refused.
 *
 * The candidates in order of preference: each type of instance_type, in each subnet of
 * subnet_id; for spot with on_demand_fallback all of them once more, on demand.
 */
#ifndef CORE_PLACE_H
#define CORE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct launch;
struct place;
struct worker;

/* What a launch is frozen with. Strings are the place's, until its next step. */
struct placement {
	const char *type, *image;
	const char *subnet; /* or NULL */
	const char *zone;   /* or NULL: not known, EC2 chooses */
	bool spot;
	const char *bid; /* of spot, in plain decimals */
	const char *why; /* a sentence for the history */
};

enum place_outcome {
	PLACE_ASKING, /* the worker is poked when there is an answer */
	PLACE_LATER,  /* something is in the way that passes */
	PLACE_FOUND,
	PLACE_NONE, /* waiting cannot mend it */
};

/* For the present generation and configuration; the cloud is that of its poller. */
struct place *place_new(struct worker *w);
/*
 * Looks at what is known and asks for what is missing; idempotent. FOUND: ret. LATER: err
 * and when to look again (boottime). NONE: err.
 */
enum place_outcome place_step(struct place *p, struct placement *ret,
	int64_t *ret_again_ms, struct err *err);
/* A launch of this worker was refused: so the next one may be another. */
void place_refused(struct place *p, const struct launch *l, const struct err *err);
/* What it was reserved for is refused to others since, or out: nothing to send it for. */
bool place_is_outdated(const struct launch *l);
/* A launch was answered with an instance. Workers that wait for that place go on. */
void place_good(const struct launch *l);
/*
 * What a launch brought is of no use there for now, and why: it rests as if it had been
 * refused for want of capacity.
 */
void place_bad(const struct launch *l, const char *why);
/* An answer is awaited; for no place, none is. */
bool place_is_asking(const struct place *p);
/* What was found out is too old to launch by: the next step asks anew. NULL is fine. */
void place_forget(struct place *p);
/* Cancels what it asks. */
void place_free(struct place *p);

#endif
