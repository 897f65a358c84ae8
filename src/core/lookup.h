/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a place has to know of EC2: the zone of a subnet or of a volume, the mean of a day's
 * spot prices, the image that a parameter names. One question serves all who want the same,
 * and its answer is kept for a while; one that failed is not.
 */
#ifndef CORE_LOOKUP_H
#define CORE_LOOKUP_H

#include "core/bid.h"

struct cloud;
struct err;
struct lookup_call;
struct lookups;
struct loop;

/* Borrowed for the call. */
struct lookup_answer {
	const struct err *err; /* NULL: the rest is good */
	int verdict;           /* enum verdict */
	const char *zone;      /* of a subnet or a volume */
	struct bid_mean mean;  /* of prices */
	const char *image;     /* that a parameter names */
};
typedef void lookup_done(void *arg, const struct lookup_answer *answer);

/* Whose spot prices. Borrowed. */
struct lookup_price {
	const char *type;
	const char *zone; /* NULL: all of the region */
	const char *product;
};

struct lookups *lookups_new(struct loop *loop); /* borrowed, outlives it */
/* Cancels everything; before the clouds go. */
void lookups_free(struct lookups *all);
/* done is called once, later. The cloud is kept from being retired while it is asked. */
struct lookup_call *lookup_subnet(struct lookups *all, struct cloud *cloud,
	const char *subnet, lookup_done *done, void *arg);
struct lookup_call *lookup_volume(struct lookups *all, struct cloud *cloud,
	const char *volume, lookup_done *done, void *arg);
struct lookup_call *lookup_price(struct lookups *all, struct cloud *cloud,
	const struct lookup_price *what, lookup_done *done, void *arg);
/* The image that this parameter of SSM names. */
struct lookup_call *lookup_parameter(struct lookups *all, struct cloud *cloud,
	const char *name, lookup_done *done, void *arg);
/* The next one to ask for this parameter asks EC2. */
void lookup_forget_parameter(struct lookups *all, const struct cloud *cloud,
	const char *name);
/* No callback any more. NULL is fine. */
void lookup_cancel(struct lookup_call *call);
/* What is known may have changed: everything is asked anew. */
void lookups_forget(struct lookups *all);

#endif
