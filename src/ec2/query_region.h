/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a region and an account have for a launch to name: key pairs, groups, types and
 * where they are offered, zones. Read as the lists of query.h are.
 */
#ifndef EC2_QUERY_REGION_H
#define EC2_QUERY_REGION_H

#include "base/field.h"

struct item_shape;

struct ec2_key_pair {
	char *name; /* never NULL */
};

struct ec2_key_pairs {
	struct ec2_key_pair *items; /* owned */
	size_t count;
};

struct ec2_group {
	char *id; /* "sg-" and lower-case hex */
	char *name, *vpc;
};

struct ec2_groups {
	struct ec2_group *items; /* owned */
	size_t count;
};

struct ec2_type {
	char *name;                   /* never NULL */
	struct strings architectures; /* "x86_64", "arm64" */
};

struct ec2_types {
	struct ec2_type *items; /* owned */
	size_t count;
};

struct ec2_offering {
	char *type, *zone; /* never NULL */
};

struct ec2_offerings {
	struct ec2_offering *items; /* owned */
	size_t count;
};

struct ec2_zone {
	char *name;  /* never NULL */
	char *state; /* "available", "impaired", ... */
};

struct ec2_zones {
	struct ec2_zone *items; /* owned */
	size_t count;
};

extern const struct item_shape ec2_key_pairs_shape, ec2_groups_shape, ec2_types_shape,
	ec2_offerings_shape, ec2_zones_shape;

void ec2_key_pairs_fini(struct ec2_key_pairs *list);
void ec2_groups_fini(struct ec2_groups *list);
void ec2_types_fini(struct ec2_types *list);
void ec2_offerings_fini(struct ec2_offerings *list);
void ec2_zones_fini(struct ec2_zones *list);

#endif
