/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NAN is what a configuration holds for null: no multiplier, or no maximum.
 */
#include "core/bid.h"

#include "conf/conf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Without a history, before the maximum; the multiplier has no part in it (P3). */
#define GUESS 0.02
/* What text can hold, and what nobody wants to pay for less than. */
#define BID_MIN 1e-9
#define BID_MAX 1e6

static double
within(double bid, double max)
{
	if (!isnan(max) && bid > max)
		bid = max;
	if (!(bid < BID_MAX))
		return BID_MAX;
	return bid > BID_MIN ? bid : BID_MIN;
}

bool
bid_needs_mean(const struct conf_worker *c)
{
	return !isnan(c->price_multiplier);
}

double
bid_first(const struct conf_worker *c, const struct bid_mean *mean)
{
	double bid;

	if (!bid_needs_mean(c))
		bid = c->max_spot_price;
	else if (mean->rows == 0)
		bid = GUESS;
	else
		bid = mean->price * c->price_multiplier;
	return within(bid, c->max_spot_price);
}

/* The built-in maximum is none for raises: whoever asks for these and names no other means them. */
double
bid_nth(const struct conf_worker *c, double first, unsigned n)
{
	double max = c->max_spot_price_given ? c->max_spot_price : (double)NAN;

	double bid = first;

	for (unsigned k = 1; k < n; k++)
		bid *= c->retry_price_adjustment;
	return n <= 1 ? first : within(bid, max);
}

void
bid_print(double bid, char text[BID_SIZE])
{
	size_t len;

	(void)snprintf(text, BID_SIZE, "%.10f", bid);
	len = strlen(text);
	while (len > 0 && text[len - 1] == '0')
		len--;
	if (len > 0 && text[len - 1] == '.')
		len--;
	text[len] = '\0';
}
