/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fake cloud has besides instances, and the operations on it: lists that tests
 * fill, volumes and addresses that instances hold until they are terminated.
 */
#ifndef SIM_FAKE_THINGS_H
#define SIM_FAKE_THINGS_H

#include "fake_state.h"

struct ec2_call *fake_images(void *self, const struct ec2_image_query *q,
	ec2_images_done *done, void *arg);
struct ec2_call *fake_prices(void *self, const struct ec2_price_query *q,
	ec2_prices_done *done, void *arg);
struct ec2_call *fake_subnets(void *self, const struct strings *ids,
	ec2_subnets_done *done, void *arg);
struct ec2_call *fake_volumes(void *self, const struct strings *ids,
	ec2_volumes_done *done, void *arg);
struct ec2_call *fake_addresses(void *self, const struct strings *public_ips,
	ec2_addresses_done *done, void *arg);
struct ec2_call *fake_associate(void *self, const char *allocation,
	const char *instance, ec2_done *done, void *arg);
struct ec2_call *fake_attach(void *self, const char *volume, const char *instance,
	const char *device, ec2_done *done, void *arg);
struct ec2_call *fake_parameter(void *self, const char *name, ec2_parameter_done *done,
	void *arg);

struct ec2_call *fake_thing_call(struct fake_cloud *f, const char *key,
	void (*show)(struct ec2_call *c), void *arg);
void fake_copy_strings(struct strings *to, const struct strings *from);
/* An empty list of names names all. */
bool fake_is_named(const struct strings *names, const char *name);
/* EC2 refuses a lookup by ids when it does not know one of them. */
bool fake_is_answered(struct ec2_call *c, size_t found, enum ec2_class class);
void fake_apply_associate(struct fake_cloud *f, const struct fake_effect *e);
void fake_apply_attach(struct fake_cloud *f, const struct fake_effect *e);
void fake_apply_attached(struct fake_cloud *f, const struct fake_effect *e);
/* What the dead held is free. */
void fake_things_tick(struct fake_cloud *f);
void fake_things_fini(struct fake_cloud *f);

#endif
