/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which element fills which member of images, prices, subnets, volumes and addresses, and
 * what an item must have to be one.
 */
#include "ec2/query.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ec2/items.h"
#include "ec2/reply.h"

#include <string.h>

/* An unreadable time is no time. */
static int64_t
time_of(const char *text)
{
	int64_t at;

	return clock_parse(text, &at) < 0 ? 0 : at;
}

static void
refuse_unless(struct item_reader *r, bool fine, const char *why)
{
	if (!fine)
		items_refuse(r, why);
}

static bool
is_id(const char *id, const char *prefix)
{
	return id != NULL && items_name_check(id, prefix) == 0;
}

#define INTO(member) offsetof(struct ec2_image, member)

static void
take_created(struct item_reader *r, void *item, const char *text)
{
	struct ec2_image *i = item;

	(void)r;
	i->created = time_of(text);
}

static const struct item_leaf image_leaves[] = {
	{.path = "imageId", .offset = INTO(id)},
	{.path = "imageLocation", .offset = INTO(location)},
	{.path = "name", .offset = INTO(name)},
	{.path = "imageState", .offset = INTO(state)},
	{.path = "imageOwnerId", .offset = INTO(owner)},
	{.path = "architecture", .offset = INTO(architecture)},
	{.path = "creationDate", .take = take_created},
	{.path = NULL},
};

#undef INTO

/* Old accounts list kernels and ramdisks too: nothing boots from those alone. */
static bool
finish_image(struct item_reader *r, void *item)
{
	const struct ec2_image *i = item;

	if (is_id(i->id, "aki-") || is_id(i->id, "ari-"))
		return false;
	refuse_unless(r, is_id(i->id, "ami-"), "an image has no well-formed id");
	return true;
}

static void
fini_image(void *item)
{
	struct ec2_image *i = item;

	free(i->id);
	free(i->location);
	free(i->name);
	free(i->state);
	free(i->owner);
	free(i->architecture);
}

const struct item_shape ec2_images_shape = {
	.root = "DescribeImagesResponse",
	.item = "DescribeImagesResponse/imagesSet/item",
	.size = sizeof(struct ec2_image),
	.leaves = image_leaves,
	.finish = finish_image,
	.fini = fini_image,
};

#define INTO(member) offsetof(struct ec2_price, member)

static void
take_price_time(struct item_reader *r, void *item, const char *text)
{
	struct ec2_price *p = item;

	(void)r;
	p->at = time_of(text);
}

static const struct item_leaf price_leaves[] = {
	{.path = "instanceType", .offset = INTO(type)},
	{.path = "availabilityZone", .offset = INTO(zone)},
	{.path = "spotPrice", .offset = INTO(price)},
	{.path = "timestamp", .take = take_price_time},
	{.path = NULL},
};

#undef INTO

static bool
is_price(const char *text)
{
	static const char digits[] = "0123456789";
	size_t whole, part = 0;

	if (text == NULL)
		return false;
	whole = strspn(text, digits);
	if (text[whole] == '.')
		part = strspn(text + whole + 1, digits) + 1;
	return whole > 0 && part != 1 && text[whole + part] == '\0';
}

static bool
finish_price(struct item_reader *r, void *item)
{
	const struct ec2_price *p = item;

	refuse_unless(r, p->type != NULL, "a price has no instance type");
	refuse_unless(r, p->zone != NULL, "a price has no zone");
	refuse_unless(r, is_price(p->price), "a price is no number");
	return true;
}

static void
fini_price(void *item)
{
	struct ec2_price *p = item;

	free(p->type);
	free(p->zone);
	free(p->price);
}

const struct item_shape ec2_prices_shape = {
	.root = "DescribeSpotPriceHistoryResponse",
	.item = "DescribeSpotPriceHistoryResponse/spotPriceHistorySet/item",
	.size = sizeof(struct ec2_price),
	.leaves = price_leaves,
	.finish = finish_price,
	.fini = fini_price,
};

#define INTO(member) offsetof(struct ec2_subnet, member)

static const struct item_leaf subnet_leaves[] = {
	{.path = "subnetId", .offset = INTO(id)},
	{.path = "availabilityZone", .offset = INTO(zone)},
	{.path = "vpcId", .offset = INTO(vpc)},
	{.path = "state", .offset = INTO(state)},
	{.path = NULL},
};

#undef INTO

static bool
finish_subnet(struct item_reader *r, void *item)
{
	const struct ec2_subnet *s = item;

	refuse_unless(r, is_id(s->id, "subnet-"), "a subnet has no well-formed id");
	refuse_unless(r, s->zone != NULL, "a subnet has no zone");
	return true;
}

static void
fini_subnet(void *item)
{
	struct ec2_subnet *s = item;

	free(s->id);
	free(s->zone);
	free(s->vpc);
	free(s->state);
}

const struct item_shape ec2_subnets_shape = {
	.root = "DescribeSubnetsResponse",
	.item = "DescribeSubnetsResponse/subnetSet/item",
	.size = sizeof(struct ec2_subnet),
	.leaves = subnet_leaves,
	.finish = finish_subnet,
	.fini = fini_subnet,
};

#define INTO(member) offsetof(struct ec2_volume, member)

static void
take_size(struct item_reader *r, void *item, const char *text)
{
	struct ec2_volume *v = item;
	int64_t size = items_number(text);

	(void)r;
	v->size = size < 0 ? 0 : size;
}

static void
begin_attachment(struct item_reader *r, void *item, const char *text)
{
	struct ec2_volume *v = item;

	(void)text;
	if (v->attachment_count == EC2_ATTACHMENTS_MAX) {
		items_refuse(r, "a volume has too many attachments");
		return;
	}
	v->attachments = xreallocarray(v->attachments, v->attachment_count + 1,
		sizeof(*v->attachments));
	v->attachments[v->attachment_count++] = (struct ec2_attachment){.device = NULL};
}

/* The one being read: its element has begun. */
static struct ec2_attachment *
last_attachment(void *item)
{
	struct ec2_volume *v = item;

	return &v->attachments[v->attachment_count - 1];
}

static void
take_instance(struct item_reader *r, void *item, const char *text)
{
	refuse_unless(r, ec2_instance_id_check(text) == 0,
		"a volume is attached to a malformed instance id");
	items_set(&last_attachment(item)->instance, text);
}

static void
take_device(struct item_reader *r, void *item, const char *text)
{
	(void)r;
	items_set(&last_attachment(item)->device, text);
}

static void
take_attachment_state(struct item_reader *r, void *item, const char *text)
{
	(void)r;
	items_set(&last_attachment(item)->state, text);
}

static const struct item_leaf volume_leaves[] = {
	{.path = "volumeId", .offset = INTO(id)},
	{.path = "availabilityZone", .offset = INTO(zone)},
	{.path = "status", .offset = INTO(state)},
	{.path = "size", .take = take_size},
	{.path = "attachmentSet/item", .begin = begin_attachment},
	{.path = "attachmentSet/item/instanceId", .take = take_instance},
	{.path = "attachmentSet/item/device", .take = take_device},
	{.path = "attachmentSet/item/status", .take = take_attachment_state},
	{.path = NULL},
};

#undef INTO

static bool
finish_volume(struct item_reader *r, void *item)
{
	const struct ec2_volume *v = item;

	refuse_unless(r, is_id(v->id, "vol-"), "a volume has no well-formed id");
	refuse_unless(r, v->zone != NULL, "a volume has no zone");
	refuse_unless(r, v->state != NULL, "a volume has no state");
	return true;
}

static void
fini_volume(void *item)
{
	struct ec2_volume *v = item;

	for (size_t i = 0; i < v->attachment_count; i++) {
		free(v->attachments[i].instance);
		free(v->attachments[i].device);
		free(v->attachments[i].state);
	}
	free(v->attachments);
	free(v->id);
	free(v->zone);
	free(v->state);
}

const struct item_shape ec2_volumes_shape = {
	.root = "DescribeVolumesResponse",
	.item = "DescribeVolumesResponse/volumeSet/item",
	.size = sizeof(struct ec2_volume),
	.leaves = volume_leaves,
	.finish = finish_volume,
	.fini = fini_volume,
};

#define INTO(member) offsetof(struct ec2_address, member)

static const struct item_leaf address_leaves[] = {
	{.path = "publicIp", .offset = INTO(public_ip)},
	{.path = "allocationId", .offset = INTO(allocation)},
	{.path = "associationId", .offset = INTO(association)},
	{.path = "instanceId", .offset = INTO(instance)},
	{.path = "networkInterfaceId", .offset = INTO(interface)},
	{.path = NULL},
};

#undef INTO

static bool
finish_address(struct item_reader *r, void *item)
{
	const struct ec2_address *a = item;

	refuse_unless(r, a->public_ip != NULL, "an address has no public address");
	refuse_unless(r, a->allocation == NULL || is_id(a->allocation, "eipalloc-"),
		"an address has a malformed allocation id");
	refuse_unless(r, a->instance == NULL || ec2_instance_id_check(a->instance) == 0,
		"an address belongs to a malformed instance id");
	return true;
}

static void
fini_address(void *item)
{
	struct ec2_address *a = item;

	free(a->public_ip);
	free(a->allocation);
	free(a->association);
	free(a->instance);
	free(a->interface);
}

const struct item_shape ec2_addresses_shape = {
	.root = "DescribeAddressesResponse",
	.item = "DescribeAddressesResponse/addressesSet/item",
	.size = sizeof(struct ec2_address),
	.leaves = address_leaves,
	.finish = finish_address,
	.fini = fini_address,
};

void
ec2_images_fini(struct ec2_images *list)
{
	items_fini(&ec2_images_shape, &(struct items){list->items, list->count, NULL});
	*list = (struct ec2_images){0};
}

void
ec2_prices_fini(struct ec2_prices *list)
{
	items_fini(&ec2_prices_shape, &(struct items){list->items, list->count, NULL});
	*list = (struct ec2_prices){0};
}

void
ec2_subnets_fini(struct ec2_subnets *list)
{
	items_fini(&ec2_subnets_shape, &(struct items){list->items, list->count, NULL});
	*list = (struct ec2_subnets){0};
}

void
ec2_volumes_fini(struct ec2_volumes *list)
{
	items_fini(&ec2_volumes_shape, &(struct items){list->items, list->count, NULL});
	*list = (struct ec2_volumes){0};
}

void
ec2_addresses_fini(struct ec2_addresses *list)
{
	items_fini(&ec2_addresses_shape,
		&(struct items){list->items, list->count, NULL});
	*list = (struct ec2_addresses){0};
}
