/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A heap of what is due when; equal times keep the order in which they were added. An
 * item is known by a size_t inside it, its place here: 0 while it is not in.
 */
#ifndef SIM_DUE_H
#define SIM_DUE_H

#include <stddef.h>
#include <stdint.h>

struct sim_due {
	int64_t at_ms;
	uint64_t order;
	size_t *place; /* borrowed: inside the item */
};

/* A zeroed struct is a valid empty one. */
struct sim_heap {
	struct sim_due *items; /* owned array, from 1 */
	size_t count;
	size_t cap;
	uint64_t orders;
};

/* Adds, or moves what is in already. */
void sim_heap_put(struct sim_heap *h, size_t *place, int64_t at_ms);
void sim_heap_remove(struct sim_heap *h, size_t *place); /* fine when not in */
/* The place of the earliest, or NULL; ret_at_ms as well only when there is one. */
size_t *sim_heap_first(const struct sim_heap *h, int64_t *ret_at_ms);
/* Forgets all, frees the array. */
void sim_heap_fini(struct sim_heap *h);

#endif
