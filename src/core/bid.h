/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is bid for a spot instance: arithmetic over a worker's configuration and the mean
 * price of a day. Rules: BUILDBOT.md P1 to P4 and H5.
 */
#ifndef CORE_BID_H
#define CORE_BID_H

#include <stdbool.h>
#include <stddef.h>

struct conf_worker;

#define BID_SIZE 32 /* of its text, with NUL */

/* The mean of a day's prices; of no rows at all: there is no history. */
struct bid_mean {
	double price;
	size_t rows;
};

/* Whether the first bid depends on the history. */
bool bid_needs_mean(const struct conf_worker *c);
/* In dollars an hour; above 0. mean is not looked at where it is not needed. */
double bid_first(const struct conf_worker *c, const struct bid_mean *mean);
/* The bid of the n-th request (from 1) whose first one was `first`. */
double bid_nth(const struct conf_worker *c, double first, unsigned n);
/* Plain decimals, never an exponent, no zeros at the end: "0.0759". */
void bid_print(double bid, char text[BID_SIZE]);

#endif
