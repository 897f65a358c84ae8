/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reply of a Describe call: which of the things offered pass its filters, and which
 * of those stand on the page that was asked for.
 */
#ifndef SIM_LISTING_H
#define SIM_LISTING_H

#include "filter.h"

#include <stdint.h>

struct buf;
struct sim_call;
struct sim_page;
struct sim_page_rule;

/* Writes one thing; before is the one written before it, or NULL. */
typedef void sim_listing_put(const void *obj, const void *before, struct buf *out);

/* The first ones are the caller's to fill, the rest zeroed. */
struct sim_listing {
	struct sim_call *call;            /* borrowed */
	const struct sim_page_rule *rule; /* borrowed */
	const char *set;                  /* the element around all: "imagesSet" */
	sim_listing_put *put;
	struct sim_filters filters;
	struct sim_page *page; /* owned */
	uint64_t key;          /* of the last one written */
	const void *before;    /* borrowed, for the next put */
	size_t count;
};

/* Reads filters (rows end with a NULL name) and page, and opens the set. -1 and call->error. */
int sim_listing_begin(struct sim_listing *l, const struct sim_filter_row *rows);
/* Keys are numbers as page.h has them. False when no more fits, and nothing need be offered. */
bool sim_listing_offer(struct sim_listing *l, uint64_t key, const void *obj);
/* Closes the set, and gives out the token of the next page. */
void sim_listing_end(struct sim_listing *l);
void sim_listing_fini(struct sim_listing *l);

static inline void
auto_sim_listing(struct sim_listing *l)
{
	sim_listing_fini(l);
}

#endif
