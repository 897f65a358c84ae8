/* SPDX-License-Identifier: Apache-2.0 */
/* The tagging of instances that live in the fake cloud: of tags it knows the lease. */
#ifndef SIM_FAKE_TAGS_H
#define SIM_FAKE_TAGS_H

#include "core/cloud.h"

struct ec2_call *fake_tag(void *self, const struct strings *instances, const char *key,
	const char *value, ec2_done *done, void *arg);

#endif
