/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What choosing a candidate and asking about it share.
 */
#ifndef CORE_PLACE_PRIV_H
#define CORE_PLACE_PRIV_H

/* lint: includes: a place embeds a bid, what rests, and the text of why */
#include "base/buf.h"
#include "core/bid.h"
#include "core/place.h"
#include "core/rest.h"

struct candidate {
	const char *type, *subnet; /* borrowed from the configuration */
	bool spot;
	char *zone;      /* owned; NULL: not known */
	bool zone_asked; /* as far as it can be known, it is */
	double first;    /* bid of this generation; 0: not known yet */
	struct bid_mean mean;
	unsigned too_low; /* bids of this generation that were */
	bool spent;       /* nothing more to try in this generation */
};

struct place {
	struct worker *worker;    /* borrowed, outlives us */
	struct conf_worker *conf; /* counted */
	struct cloud *cloud; /* borrowed; the pool keeps it while the worker means it */
	struct candidate *candidates; /* owned */
	size_t count;
	struct candidate *at;       /* the one chosen, or NULL */
	char *image;                /* owned; NULL: not known yet */
	char *image_why;            /* owned; how it was chosen, or NULL */
	char *zone;                 /* owned; of the volumes, or NULL: any will do */
	size_t volumes;             /* whose zones are known */
	size_t looked;              /* of which nobody keeps hold, for this launch */
	struct glance_call *glance; /* at a volume, or NULL */
	struct ec2_call *op;        /* about who holds it, or NULL */
	struct lookup_call *lookup; /* under way, or NULL */
	struct candidate *asked;    /* whom that is about */
	unsigned bids;              /* of this generation that were too low */
	char bid[BID_SIZE];         /* the latest */
	struct images_call *images; /* under way, or NULL */
	bool waits;                 /* for what its keys may do */
	bool chosen_again;          /* its image, after it was gone */
	struct err trouble; /* of the latest question; ERR_NONE: it was answered */
	bool hopeless;      /* waiting does not mend that */
	unsigned tries;     /* in a row that failed and say nothing about the place */
	int64_t pause_ms;   /* boottime: nothing is launched before */
	struct err last;    /* what was refused last; ERR_NONE: nothing was */
	struct buf why;
};

/* The candidate, for what rests. */
struct rest_at place_rest_at(const struct place *p, const struct candidate *c);

/*
 * Each finds out one thing: FOUND when it is known, or not to be known; ASKING. What went
 * wrong is in trouble then, or the candidate is left out.
 */
enum place_outcome place_find_zone(struct place *p, struct candidate *c);
/* Stages, see place.c: of the place, */
enum place_outcome place_find_volumes(struct place *p, int64_t *ret_again_ms,
	struct err *err);

/* place_held.c; the rest is place_ask.c's. */
enum place_outcome place_find_holders(struct place *p, int64_t *ret_again_ms,
	struct err *err);
/* They may change any time: asked anew for the next launch. */
void place_forget_holders(struct place *p);
enum place_outcome place_find_image(struct place *p, int64_t *ret_again_ms,
	struct err *err);
/* It is gone: the next question about it asks EC2. False: it is named by its id. */
bool place_forget_image(struct place *p);
/* and of the chosen candidate. */
enum place_outcome place_find_bid(struct place *p, int64_t *ret_again_ms,
	struct err *err);

#endif
