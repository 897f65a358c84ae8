/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of a listing: MaxResults and NextToken. What is listed has an order, a number
 * from 1 that never changes; a token names the last number shown and the time at which
 * it was given out.
 */
#ifndef SIM_PAGE_H
#define SIM_PAGE_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct sim_call;

/* How an action pages. */
struct sim_page_rule {
	const char *ids;  /* "InstanceId.1": not together with MaxResults; or NULL */
	const char *name; /* of these ids, in the message */
	int64_t min, max; /* of MaxResults */
};

/* One page. */
struct sim_page {
	uint64_t after; /* number of the last one before it */
	size_t max;     /* how many it may hold; SIZE_MAX: all there are */
	uint64_t last;  /* number of the last one put, if more are behind it; else 0 */
};

/* -1: InvalidParameterCombination, InvalidParameterValue, InvalidPaginationToken. */
int sim_page_read(struct sim_call *call, const struct sim_page_rule *rule,
	struct sim_page *ret_page);
/* <nextToken>, if there is another page. */
void sim_page_put(const struct sim_page *page, struct buf *out);

#endif
