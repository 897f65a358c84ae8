/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all clouds have in common, whoever made them.
 */
#include "core/cloud.h"

#include "base/mem.h"

void
cloud_counts(const struct cloud *c, struct ec2_counts *ret)
{
	*ret = (struct ec2_counts){.throttled = 0};
	if (c->ops->counts != NULL)
		c->ops->counts(c->self, ret);
}

void
cloud_counts_add(struct ec2_counts *sum, const struct ec2_counts *one)
{
	for (size_t n = 0; n < COUNT_OF(sum->calls); n++) {
		sum->calls[n] += one->calls[n];
		for (size_t v = 0; v < COUNT_OF(sum->answers[n]); v++)
			sum->answers[n][v] += one->answers[n][v];
	}
	sum->throttled += one->throttled;
	sum->window += one->window;
	sum->in_flight += one->in_flight;
	sum->queued += one->queued;
}

bool
cloud_trouble(const struct cloud *c, struct cloud_trouble *ret)
{
	return c->ops->trouble != NULL && c->ops->trouble(c->self, ret);
}

void
cloud_free(struct cloud *c)
{
	if (c == NULL)
		return;
	c->ops->free(c->self);
	free(c->key);
	free(c->region);
	free(c->credentials);
	free(c->set);
	free(c);
}
