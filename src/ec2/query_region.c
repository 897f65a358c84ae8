/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which element fills which member of key pairs, groups, types, offerings and zones.
 */
#include "ec2/query_region.h"

#include "base/mem.h"
#include "ec2/items.h"

/* More architectures of one type than this are refused. */
#define ARCHITECTURES_MAX 16u

#define INTO(member) offsetof(struct ec2_key_pair, member)

static const struct item_leaf key_pair_leaves[] = {
	{.path = "keyName", .offset = INTO(name)},
	{.path = NULL},
};

#undef INTO

static bool
finish_key_pair(struct item_reader *r, void *item)
{
	const struct ec2_key_pair *k = item;

	if (k->name == NULL)
		items_refuse(r, "a key pair has no name");
	return true;
}

static void
fini_key_pair(void *item)
{
	struct ec2_key_pair *k = item;

	free(k->name);
}

const struct item_shape ec2_key_pairs_shape = {
	.root = "DescribeKeyPairsResponse",
	.item = "DescribeKeyPairsResponse/keySet/item",
	.size = sizeof(struct ec2_key_pair),
	.leaves = key_pair_leaves,
	.finish = finish_key_pair,
	.fini = fini_key_pair,
};

#define INTO(member) offsetof(struct ec2_group, member)

static const struct item_leaf group_leaves[] = {
	{.path = "groupId", .offset = INTO(id)},
	{.path = "groupName", .offset = INTO(name)},
	{.path = "vpcId", .offset = INTO(vpc)},
	{.path = NULL},
};

#undef INTO

static bool
finish_group(struct item_reader *r, void *item)
{
	const struct ec2_group *g = item;

	if (g->id == NULL || items_name_check(g->id, "sg-") < 0)
		items_refuse(r, "a group has no well-formed id");
	return true;
}

static void
fini_group(void *item)
{
	struct ec2_group *g = item;

	free(g->id);
	free(g->name);
	free(g->vpc);
}

const struct item_shape ec2_groups_shape = {
	.root = "DescribeSecurityGroupsResponse",
	.item = "DescribeSecurityGroupsResponse/securityGroupInfo/item",
	.size = sizeof(struct ec2_group),
	.leaves = group_leaves,
	.finish = finish_group,
	.fini = fini_group,
};

#define INTO(member) offsetof(struct ec2_type, member)

static void
take_architecture(struct item_reader *r, void *item, const char *text)
{
	struct ec2_type *t = item;

	if (t->architectures.count == ARCHITECTURES_MAX)
		items_refuse(r, "a type has too many architectures");
	else
		strings_add(&t->architectures, text);
}

static const struct item_leaf type_leaves[] = {
	{.path = "instanceType", .offset = INTO(name)},
	{.path = "processorInfo/supportedArchitectures/item",
		.take = take_architecture},
	{.path = NULL},
};

#undef INTO

static bool
finish_type(struct item_reader *r, void *item)
{
	const struct ec2_type *t = item;

	if (t->name == NULL)
		items_refuse(r, "an instance type has no name");
	return true;
}

static void
fini_type(void *item)
{
	struct ec2_type *t = item;

	free(t->name);
	strings_fini(&t->architectures);
}

const struct item_shape ec2_types_shape = {
	.root = "DescribeInstanceTypesResponse",
	.item = "DescribeInstanceTypesResponse/instanceTypeSet/item",
	.size = sizeof(struct ec2_type),
	.leaves = type_leaves,
	.finish = finish_type,
	.fini = fini_type,
};

#define INTO(member) offsetof(struct ec2_offering, member)

static const struct item_leaf offering_leaves[] = {
	{.path = "instanceType", .offset = INTO(type)},
	{.path = "location", .offset = INTO(zone)},
	{.path = NULL},
};

#undef INTO

static bool
finish_offering(struct item_reader *r, void *item)
{
	const struct ec2_offering *o = item;

	if (o->type == NULL || o->zone == NULL)
		items_refuse(r, "an offering lacks its type or its zone");
	return true;
}

static void
fini_offering(void *item)
{
	struct ec2_offering *o = item;

	free(o->type);
	free(o->zone);
}

const struct item_shape ec2_offerings_shape = {
	.root = "DescribeInstanceTypeOfferingsResponse",
	.item = "DescribeInstanceTypeOfferingsResponse/instanceTypeOfferingSet/item",
	.size = sizeof(struct ec2_offering),
	.leaves = offering_leaves,
	.finish = finish_offering,
	.fini = fini_offering,
};

#define INTO(member) offsetof(struct ec2_zone, member)

static const struct item_leaf zone_leaves[] = {
	{.path = "zoneName", .offset = INTO(name)},
	{.path = "zoneState", .offset = INTO(state)},
	{.path = NULL},
};

#undef INTO

static bool
finish_zone(struct item_reader *r, void *item)
{
	const struct ec2_zone *z = item;

	if (z->name == NULL)
		items_refuse(r, "a zone has no name");
	return true;
}

static void
fini_zone(void *item)
{
	struct ec2_zone *z = item;

	free(z->name);
	free(z->state);
}

const struct item_shape ec2_zones_shape = {
	.root = "DescribeAvailabilityZonesResponse",
	.item = "DescribeAvailabilityZonesResponse/availabilityZoneInfo/item",
	.size = sizeof(struct ec2_zone),
	.leaves = zone_leaves,
	.finish = finish_zone,
	.fini = fini_zone,
};

void
ec2_key_pairs_fini(struct ec2_key_pairs *list)
{
	items_fini(&ec2_key_pairs_shape,
		&(struct items){list->items, list->count, NULL});
	*list = (struct ec2_key_pairs){0};
}

void
ec2_groups_fini(struct ec2_groups *list)
{
	items_fini(&ec2_groups_shape, &(struct items){list->items, list->count, NULL});
	*list = (struct ec2_groups){0};
}

void
ec2_types_fini(struct ec2_types *list)
{
	items_fini(&ec2_types_shape, &(struct items){list->items, list->count, NULL});
	*list = (struct ec2_types){0};
}

void
ec2_offerings_fini(struct ec2_offerings *list)
{
	items_fini(&ec2_offerings_shape,
		&(struct items){list->items, list->count, NULL});
	*list = (struct ec2_offerings){0};
}

void
ec2_zones_fini(struct ec2_zones *list)
{
	items_fini(&ec2_zones_shape, &(struct items){list->items, list->count, NULL});
	*list = (struct ec2_zones){0};
}
