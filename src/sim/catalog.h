/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a scenario says there is besides instances: the rows of images, key pairs, groups,
 * subnets, types and prices, and the search in them. A kind of which a scenario lists
 * none is there in any well-formed name.
 */
#ifndef SIM_CATALOG_H
#define SIM_CATALOG_H

#include "base/field.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_scenario;

/* The VPC of whatever names no other: each region has it, with one subnet a zone. */
#define SIM_DEFAULT_VPC "vpc-0ec251a0ec251a000"

#define SIM_ZONE_ID_SIZE 40

/* What EC2 says of an image; names in catalog.c. */
enum sim_image_state {
	SIM_IMAGE_AVAILABLE,
	SIM_IMAGE_PENDING,
	SIM_IMAGE_INVALID,
	SIM_IMAGE_DEREGISTERED,
	SIM_IMAGE_TRANSIENT,
	SIM_IMAGE_FAILED,
	SIM_IMAGE_ERROR,
	SIM_IMAGE_DISABLED,
	SIM_IMAGE_STATE_COUNT
};

/* Strings are owned. A region of NULL is every region. */
struct sim_image {
	char *id, *region, *name;
	char *location; /* NULL: owner/name */
	char *owner;
	char *alias; /* "amazon"; or NULL */
	char *architecture, *platform, *description;
	char *created, *deprecated; /* RFC 3339; the second may be NULL */
	int state;                  /* enum sim_image_state */
	bool open;                  /* EC2 calls it public */
	struct strmap tags;
};

struct sim_subnet {
	char *id, *zone, *vpc;
	int64_t addresses; /* how many instances it has room for; FIELD_NULL: any number */
	bool available;
	struct strmap tags;
};

struct sim_key_pair {
	char *name, *region, *fingerprint;
	struct strmap tags;
};

struct sim_group {
	char *id, *name, *vpc, *region, *description;
	struct strmap tags;
};

struct sim_type {
	char *name;
	struct strings architectures; /* none: sim_ec2_architecture */
	struct strings zones;         /* patterns; none: all */
	int64_t vcpus, memory;        /* MiB */
};

/* What may not be done, and by whom: two patterns. */
struct sim_denial {
	char *action, *key;
};

struct sim_price {
	char *type, *zone, *product;
	double price; /* dollars an hour */
	int64_t ago;  /* ms: since when, seen from the reset */
};

extern const struct fields sim_image_fields;
extern const struct fields sim_subnet_fields;
extern const struct fields sim_price_fields;
extern const struct fields sim_key_pair_fields;
extern const struct fields sim_group_fields;
extern const struct fields sim_type_fields;
extern const struct fields sim_denial_fields;

/* Of those the scenario lists; NULL when it is not among them. */
const struct sim_image *sim_catalog_image(const struct sim_scenario *s,
	const char *region, const char *id);
const struct sim_subnet *sim_catalog_subnet(const struct sim_scenario *s,
	const char *region, const char *id);

const struct sim_key_pair *sim_catalog_key_pair(const struct sim_scenario *s,
	const char *region, const char *name);
const struct sim_group *sim_catalog_group(const struct sim_scenario *s,
	const char *region, const char *id);
/* A name is looked up in the default VPC alone. */
const struct sim_group *sim_catalog_group_named(const struct sim_scenario *s,
	const char *region, const char *name);
const struct sim_type *sim_catalog_type(const struct sim_scenario *s, const char *name);
bool sim_type_is_offered(const struct sim_type *type, const char *zone);

/* Whether a thing with this region (NULL: all) is there. */
bool sim_catalog_is_here(const char *its_region, const char *region);
const char *sim_image_state_name(int state);
/* us-east-1 and a letter from a to f. */
bool sim_zone_is_of(const char *zone, const char *region);
/* "use1-az1". Returns text. */
const char *sim_zone_id(const char *zone, char text[static SIM_ZONE_ID_SIZE]);
/* The zone of a subnet that no scenario lists; caller frees. */
char *sim_zone_of_subnet(const char *region, const char *subnet);
/* FNV-1a: what is named and not made gets ids and zones from its name. */
uint64_t sim_hash(const char *text);

#endif
