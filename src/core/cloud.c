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
