/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one Describe sees of the instances: it is answered from a copy that may be behind,
 * in each field by as much as the scenario says.
 */
#ifndef SIM_VIEW_H
#define SIM_VIEW_H

#include "instance.h"

struct sim_call;

struct sim_view {
	const struct sim_call *call; /* borrowed */
	double share;                /* of the lags: 0 is up to date */
	struct sim_instance seen[2];
};

/* Picks the copy. */
void sim_view_init(struct sim_view *v, const struct sim_call *call);
/* Whether it has heard of the instance. */
bool sim_view_shows(const struct sim_view *v, const struct sim_instance *i);
/* The instance as it sees it, good until the next call that does not keep it. */
const struct sim_instance *sim_view_of(struct sim_view *v, const struct sim_instance *i,
	const void *keep);
/* Whether the zone is one that is out. */
bool sim_zone_is_impaired(const struct sim_call *call, const char *zone);

#endif
