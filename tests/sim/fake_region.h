/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fake cloud's region has for a launch to name, and what trying one gives.
 */
#ifndef SIM_FAKE_REGION_H
#define SIM_FAKE_REGION_H

#include "fake_state.h"

struct ec2_call *fake_key_pairs(void *self, const struct strings *names,
	ec2_key_pairs_done *done, void *arg);
struct ec2_call *fake_groups(void *self, const struct strings *names,
	const struct strings *ids, ec2_groups_done *done, void *arg);
struct ec2_call *fake_types(void *self, const struct strings *names,
	ec2_types_done *done, void *arg);
struct ec2_call *fake_offerings(void *self, const struct strings *types,
	ec2_offerings_done *done, void *arg);
struct ec2_call *fake_zones(void *self, ec2_zones_done *done, void *arg);
struct ec2_call *fake_dry_run(void *self, const char *body, size_t len, ec2_done *done,
	void *arg);
struct ec2_call *fake_dry_terminate(void *self, const char *instance, ec2_done *done,
	void *arg);
void fake_region_fini(struct fake_cloud *f);

#endif
