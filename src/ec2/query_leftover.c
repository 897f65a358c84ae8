/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which element and which tag fills which member of a volume or a spot request.
 */
#include "ec2/query_leftover.h"

#include "base/clock.h"
#include "base/mem.h"
#include "ec2/items.h"
#include "ec2/reply.h"

#include <string.h>

#define INTO(member) offsetof(struct ec2_leftover, member)

static int64_t
number_of(const char *text)
{
	int64_t n = items_number(text);

	return n < 0 ? 0 : n;
}

static void
take_generation(struct item_reader *r, void *item, const char *text)
{
	(void)r;
	((struct ec2_leftover *)item)->generation = number_of(text);
}

static void
take_epoch(struct item_reader *r, void *item, const char *text)
{
	(void)r;
	((struct ec2_leftover *)item)->epoch = number_of(text);
}

static const struct item_leaf tags[] = {
	{.path = "ec2workerd:worker", .offset = INTO(worker)},
	{.path = "ec2workerd:launch", .offset = INTO(launch)},
	{.path = "ec2workerd:lineage", .offset = INTO(lineage)},
	{.path = "ec2workerd:generation", .take = take_generation},
	{.path = "ec2workerd:epoch", .take = take_epoch},
	{.path = NULL},
};

static void
take_key(struct item_reader *r, void *item, const char *text)
{
	(void)item;
	items_set(&r->key, text);
}

static void
take_value(struct item_reader *r, void *item, const char *text)
{
	(void)item;
	items_set(&r->value, text);
}

static void
take_tag(struct item_reader *r, void *item, const char *text)
{
	(void)text;
	if (r->key != NULL)
		items_take(r, tags, r->key, r->value != NULL ? r->value : "");
	items_set(&r->key, "");
	items_set(&r->value, "");
	(void)item;
}

static void
take_size(struct item_reader *r, void *item, const char *text)
{
	(void)r;
	((struct ec2_leftover *)item)->size = number_of(text);
}

/* An unreadable time is no time. */
static void
take_made(struct item_reader *r, void *item, const char *text)
{
	struct ec2_leftover *l = item;

	(void)r;
	if (clock_parse(text, &l->made_at) < 0)
		l->made_at = 0;
}

static void
take_instance(struct item_reader *r, void *item, const char *text)
{
	if (text[0] != '\0' && ec2_instance_id_check(text) < 0)
		items_refuse(r, "it names a malformed instance id");
	items_set(&((struct ec2_leftover *)item)->instance, text);
}

static const struct item_leaf volume_leaves[] = {
	{.path = "volumeId", .offset = INTO(id)},
	{.path = "status", .offset = INTO(state)},
	{.path = "attachmentSet/item/instanceId", .take = take_instance},
	{.path = "availabilityZone", .offset = INTO(zone)},
	{.path = "volumeType", .offset = INTO(type)},
	{.path = "size", .take = take_size},
	{.path = "createTime", .take = take_made},
	{.path = "tagSet/item/key", .take = take_key},
	{.path = "tagSet/item/value", .take = take_value},
	{.path = "tagSet/item", .take = take_tag},
	{.path = NULL},
};

static const struct item_leaf request_leaves[] = {
	{.path = "spotInstanceRequestId", .offset = INTO(id)},
	{.path = "state", .offset = INTO(state)},
	{.path = "status/code", .offset = INTO(status)},
	{.path = "instanceId", .take = take_instance},
	{.path = "launchedAvailabilityZone", .offset = INTO(zone)},
	{.path = "launchSpecification/instanceType", .offset = INTO(type)},
	{.path = "spotPrice", .offset = INTO(price)},
	{.path = "createTime", .take = take_made},
	{.path = "tagSet/item/key", .take = take_key},
	{.path = "tagSet/item/value", .take = take_value},
	{.path = "tagSet/item", .take = take_tag},
	{.path = NULL},
};

#undef INTO

static bool
finish_volume(struct item_reader *r, void *item)
{
	const struct ec2_leftover *l = item;

	if (l->id == NULL || items_name_check(l->id, "vol-") < 0)
		items_refuse(r, "a volume has no well-formed id");
	if (l->state == NULL)
		items_refuse(r, "a volume has no state");
	return true;
}

static bool
finish_request(struct item_reader *r, void *item)
{
	const struct ec2_leftover *l = item;

	if (l->id == NULL || items_name_check(l->id, "sir-") < 0)
		items_refuse(r, "a spot request has no well-formed id");
	if (l->state == NULL)
		items_refuse(r, "a spot request has no state");
	return true;
}

static void
fini(void *item)
{
	ec2_leftover_fini(item);
}

const struct item_shape ec2_left_volumes_shape = {
	.root = "DescribeVolumesResponse",
	.item = "DescribeVolumesResponse/volumeSet/item",
	.size = sizeof(struct ec2_leftover),
	.leaves = volume_leaves,
	.finish = finish_volume,
	.fini = fini,
};

const struct item_shape ec2_left_requests_shape = {
	.root = "DescribeSpotInstanceRequestsResponse",
	.item = "DescribeSpotInstanceRequestsResponse/spotInstanceRequestSet/item",
	.size = sizeof(struct ec2_leftover),
	.leaves = request_leaves,
	.finish = finish_request,
	.fini = fini,
};

void
ec2_leftover_fini(struct ec2_leftover *l)
{
	char *const owned[] = {l->id, l->state, l->status, l->instance, l->zone,
		l->type, l->price, l->worker, l->launch, l->lineage};

	for (size_t n = 0; n < COUNT_OF(owned); n++)
		free(owned[n]);
	*l = (struct ec2_leftover){0};
}

void
ec2_leftovers_fini(struct ec2_leftovers *list)
{
	for (size_t n = 0; n < list->count; n++)
		ec2_leftover_fini(&list->items[n]);
	free(list->items);
	*list = (struct ec2_leftovers){0};
}
