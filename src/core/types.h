/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the structs of the core embed by value: deadlines, causes, and the headers that
 * make timers, pokes, errors and hashes complete types.
 */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

/* lint: includes: the one place that gathers what the core embeds by value */
#include "base/err.h"
#include "base/field.h"
#include "base/rng.h"
#include "sys/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

/* A limit that survives a restart with what remains of it. */
struct deadline {
	int64_t boot_ms; /* boottime, or 0: not set */
	/* the same moment on the wall clock, for the ledger and for people */
	int64_t wall_ms;
	int64_t left_ms; /* frozen: what remained then; 0: not frozen */
};

/*
 * Who did something, and why: for history and replies. Borrowed strings unless in a
 * row.
 */
struct cause {
	const char *by;     /* "uid 1000", "missing_timeout", "EC2", ... */
	const char *reason; /* or NULL */
};

static inline bool
deadline_is_set(const struct deadline *d)
{
	return d->boot_ms != 0;
}

void deadline_set(struct deadline *d, int64_t delay_ms);
void deadline_clear(struct deadline *d);
/* One that is set stands still, as if it were not, until it is thawed. */
void deadline_freeze(struct deadline *d);
/* Goes on with what remained. */
void deadline_thaw(struct deadline *d);
/* Later by so much, or earlier; frozen ones too. */
void deadline_move(struct deadline *d, int64_t by_ms);
/* Read from the ledger: in another boot only the wall clock says what remains. */
void deadline_restore(struct deadline *d, bool same_boot);
/* Set and run out. */
bool deadline_is_over(const struct deadline *d);

#endif
