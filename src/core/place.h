/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where, as what and at what price a worker's next launch starts. A place belongs to one
 * generation of a wanted worker, from its placing until it is up or no longer wanted; it
 * asks EC2 what it has to know first, and keeps what was refused before.
 */
#ifndef CORE_PLACE_H
#define CORE_PLACE_H

#include <stdbool.h>

struct err;
struct place;
struct worker;

/* What a launch is frozen with. Strings are the place's, until its next step. */
struct placement {
	const char *type, *image;
	const char *subnet; /* or NULL */
	const char *zone;   /* or NULL: not known, EC2 chooses */
};

enum place_outcome {
	PLACE_ASKING, /* the worker is poked when there is an answer */
	PLACE_LATER,  /* something is in the way that passes: try again after a while */
	PLACE_FOUND,
	PLACE_NONE, /* waiting cannot mend it */
};

/* For the present generation and configuration; the cloud is that of its poller. */
struct place *place_new(struct worker *w);
/*
 * Looks at what is known and asks for what is missing; idempotent. ret with FOUND, err
 * with LATER and NONE.
 */
enum place_outcome place_step(struct place *p, struct placement *ret, struct err *err);
/* An answer is awaited; for no place, none is. */
bool place_is_asking(const struct place *p);
/* What was found out is too old to launch by: the next step asks anew. NULL is fine. */
void place_forget(struct place *p);
/* Cancels what it asks. */
void place_free(struct place *p);

#endif
