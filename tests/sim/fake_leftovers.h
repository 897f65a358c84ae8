/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes and spot requests of the fake cloud that bear our pool's tag.
 */
#ifndef SIM_FAKE_LEFTOVERS_H
#define SIM_FAKE_LEFTOVERS_H

#include "fake_state.h"

struct ec2_call *fake_list_leftovers(void *self, enum ec2_leftover_kind kind,
	const char *pool, ec2_leftovers_done *done, void *arg);
struct ec2_call *fake_look_at_leftover(void *self, enum ec2_leftover_kind kind,
	const char *id, ec2_leftovers_done *done, void *arg);
struct ec2_call *fake_end_leftover(void *self, enum ec2_leftover_kind kind,
	const char *id, ec2_done *done, void *arg);
/* With the tags that this instance has; valid until the next one. */
struct ec2_leftover *fake_add_leftover(struct fake_cloud *f,
	enum ec2_leftover_kind kind, const struct fake_instance *of);
struct ec2_leftover *fake_leftover(struct fake_cloud *f, const char *id);
void fake_leftovers_fini(struct fake_cloud *f);

#endif
