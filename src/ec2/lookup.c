/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each lookup and each change of an address or a volume asks of EC2.
 */
#include "ec2/lookup.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/field.h"
#include "base/mem.h"
#include "ec2/call.h"
#include "ec2/request.h"
#include "ec2/verdict.h"

#include <string.h>

/* EC2 refuses a page size together with ids, of some things. */
#define PAGE_SIZE "1000"

static void
begin(struct buf *body, enum ec2_action action)
{
	ec2_begin(body, ec2_action_name(action));
}

/* "NAME.1", "NAME.2", ...: whether there were any. */
static bool
add_list(struct buf *body, const char *name, const struct strings *values)
{
	size_t count = values != NULL ? values->count : 0;

	for (size_t i = 0; i < count; i++)
		ec2_paramf(body, values->items[i], "%s.%zu", name, i + 1);
	return count > 0;
}

static struct ec2_call *
lookup(struct ec2_client *c, enum op_id op, struct buf *body, union call_done done,
	void *arg)
{
	struct ec2_call *call = call_new_take(c, op, NULL, buf_take(body), arg);

	call->done = done;
	return call_start(call);
}

/* A lookup by ids alone. */
static struct buf
ask_ids(enum ec2_action action, const char *name, const struct strings *ids)
{
	struct buf body = {0};

	begin(&body, action);
	add_list(&body, name, ids);
	return body;
}

static void
add_filter(struct buf *body, size_t n, const char *name, const char *value)
{
	ec2_paramf(body, name, "Filter.%zu.Name", n);
	ec2_paramf(body, value, "Filter.%zu.Value.1", n);
}

struct ec2_call *
ec2_list_images(struct ec2_client *c, const struct ec2_image_query *q,
	ec2_images_done *done, void *arg)
{
	struct buf body = {0};
	size_t n = 0;

	begin(&body, EC2_DESCRIBE_IMAGES);
	add_list(&body, "Owner", q->owners);
	if (q->name != NULL)
		add_filter(&body, ++n, "name", q->name);
	for (size_t i = 0; q->filters != NULL && i < q->filters->count; i++)
		add_filter(&body, ++n, q->filters->keys[i], q->filters->values[i]);
	if (!add_list(&body, "ImageId", q->ids))
		ec2_param(&body, "MaxResults", PAGE_SIZE);
	return lookup(c, OP_IMAGES, &body, (union call_done){.images = done}, arg);
}

/* In whole seconds: "2026-01-31T10:15:00Z". */
static void
add_time(struct buf *body, const char *name, int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];
	size_t len = strcspn(clock_format(wall_ms, text), ".");

	text[len] = 'Z';
	text[len + 1] = '\0';
	ec2_param(body, name, text);
}

struct ec2_call *
ec2_spot_prices(struct ec2_client *c, const struct ec2_price_query *q,
	ec2_prices_done *done, void *arg)
{
	struct buf body = {0};

	begin(&body, EC2_DESCRIBE_PRICES);
	add_time(&body, "StartTime", q->since_wall_ms);
	ec2_param(&body, "InstanceType.1", q->type);
	ec2_param(&body, "ProductDescription.1", q->product);
	if (q->zone != NULL)
		ec2_param(&body, "AvailabilityZone", q->zone);
	ec2_param(&body, "MaxResults", PAGE_SIZE);
	return lookup(c, OP_PRICES, &body, (union call_done){.prices = done}, arg);
}

struct ec2_call *
ec2_subnets(struct ec2_client *c, const struct strings *ids, ec2_subnets_done *done,
	void *arg)
{
	struct buf body = ask_ids(EC2_DESCRIBE_SUBNETS, "SubnetId", ids);

	return lookup(c, OP_SUBNETS, &body, (union call_done){.subnets = done}, arg);
}

struct ec2_call *
ec2_volumes(struct ec2_client *c, const struct strings *ids, ec2_volumes_done *done,
	void *arg)
{
	struct buf body = ask_ids(EC2_DESCRIBE_VOLUMES, "VolumeId", ids);

	return lookup(c, OP_VOLUMES, &body, (union call_done){.volumes = done}, arg);
}

struct ec2_call *
ec2_addresses(struct ec2_client *c, const struct strings *public_ips,
	ec2_addresses_done *done, void *arg)
{
	struct buf body = ask_ids(EC2_DESCRIBE_ADDRESSES, "PublicIp", public_ips);

	return lookup(c, OP_ADDRESSES, &body, (union call_done){.addresses = done},
		arg);
}

struct ec2_call *
ec2_key_pairs(struct ec2_client *c, const struct strings *names,
	ec2_key_pairs_done *done, void *arg)
{
	struct buf body = ask_ids(EC2_DESCRIBE_KEY_PAIRS, "KeyName", names);

	return lookup(c, OP_KEY_PAIRS, &body, (union call_done){.key_pairs = done},
		arg);
}

struct ec2_call *
ec2_groups(struct ec2_client *c, const struct strings *names, const struct strings *ids,
	ec2_groups_done *done, void *arg)
{
	struct buf body = ask_ids(EC2_DESCRIBE_GROUPS, "GroupName", names);

	add_list(&body, "GroupId", ids);
	return lookup(c, OP_GROUPS, &body, (union call_done){.groups = done}, arg);
}

struct ec2_call *
ec2_types(struct ec2_client *c, const struct strings *names, ec2_types_done *done,
	void *arg)
{
	struct buf body = ask_ids(EC2_DESCRIBE_TYPES, "InstanceType", names);

	return lookup(c, OP_TYPES, &body, (union call_done){.types = done}, arg);
}

struct ec2_call *
ec2_offerings(struct ec2_client *c, const struct strings *types,
	ec2_offerings_done *done, void *arg)
{
	struct buf body = {0};

	begin(&body, EC2_DESCRIBE_OFFERINGS);
	ec2_param(&body, "LocationType", "availability-zone");
	ec2_param(&body, "Filter.1.Name", "instance-type");
	add_list(&body, "Filter.1.Value", types);
	return lookup(c, OP_OFFERINGS, &body, (union call_done){.offerings = done},
		arg);
}

struct ec2_call *
ec2_zones(struct ec2_client *c, ec2_zones_done *done, void *arg)
{
	struct buf body = ask_ids(EC2_DESCRIBE_ZONES, "ZoneName", NULL);

	return lookup(c, OP_ZONES, &body, (union call_done){.zones = done}, arg);
}

/* How each kind is asked for. */
static const struct {
	enum op_id list, end;
	enum ec2_action describe;
	const char *id; /* of the first one that is named */
	const char *filter, *states[3];
} leftovers[EC2_LEFTOVER_KIND_COUNT] = {
	[EC2_LEFTOVER_VOLUME] = {OP_LEFT_VOLUMES, OP_DELETE_VOLUME,
		EC2_DESCRIBE_VOLUMES, "VolumeId", "status", {"available"}},
	/* One that was cancelled too late has an instance all the same. */
	[EC2_LEFTOVER_REQUEST] = {OP_LEFT_REQUESTS, OP_CANCEL_REQUEST,
		EC2_DESCRIBE_REQUESTS, "SpotInstanceRequestId", "state",
		{"open", "active", "cancelled"}},
};

struct ec2_call *
ec2_list_leftovers(struct ec2_client *c, enum ec2_leftover_kind kind, const char *pool,
	ec2_leftovers_done *done, void *arg)
{
	struct buf body = {0};

	begin(&body, leftovers[kind].describe);
	add_filter(&body, 1, "tag:ec2workerd:pool", pool);
	ec2_param(&body, "Filter.2.Name", leftovers[kind].filter);
	for (size_t n = 0; n < COUNT_OF(leftovers[kind].states); n++)
		if (leftovers[kind].states[n] != NULL)
			ec2_paramf(&body, leftovers[kind].states[n],
				"Filter.2.Value.%zu", n + 1);
	ec2_param(&body, "MaxResults", PAGE_SIZE);
	return lookup(c, leftovers[kind].list, &body,
		(union call_done){.leftovers = done}, arg);
}

struct ec2_call *
ec2_look_at_leftover(struct ec2_client *c, enum ec2_leftover_kind kind, const char *id,
	ec2_leftovers_done *done, void *arg)
{
	struct buf body = {0};

	begin(&body, leftovers[kind].describe);
	ec2_paramf(&body, id, "%s.1", leftovers[kind].id);
	return lookup(c, leftovers[kind].list, &body,
		(union call_done){.leftovers = done}, arg);
}

struct ec2_call *
ec2_end_leftover(struct ec2_client *c, enum ec2_leftover_kind kind, const char *id,
	ec2_done *done, void *arg)
{
	struct buf body = {0};
	struct ec2_call *call;

	if (kind == EC2_LEFTOVER_VOLUME) {
		begin(&body, EC2_DELETE_VOLUME);
		ec2_param(&body, "VolumeId", id);
	} else {
		begin(&body, EC2_CANCEL_REQUESTS);
		ec2_param(&body, "SpotInstanceRequestId.1", id);
	}
	call = call_new_take(c, leftovers[kind].end, id, buf_take(&body), arg);
	call->done.plain = done;
	return call_start(call);
}

struct ec2_call *
ec2_parameter(struct ec2_client *c, const char *name, ec2_parameter_done *done,
	void *arg)
{
	struct buf body = {0};

	buf_puts(&body, "{\"Name\":");
	buf_json(&body, name);
	buf_putc(&body, '}');
	return lookup(c, OP_PARAMETER, &body, (union call_done){.parameter = done},
		arg);
}

/* Nothing is to be remembered of a trial, so it has no token. */
static void
add_but_token(struct buf *to, const char *body, size_t len)
{
	static const char token[] = "ClientToken=";
	const char *end = body + len;

	while (body < end) {
		const char *next = memchr(body, '&', (size_t)(end - body));

		next = next == NULL ? end : next;
		if (strncmp(body, token, strlen(token)) != 0) {
			if (to->len > 0)
				buf_putc(to, '&');
			buf_add(to, body, (size_t)(next - body));
		}
		body = next < end ? next + 1 : end;
	}
}

struct ec2_call *
ec2_dry_run(struct ec2_client *c, const char *body, size_t len, ec2_done *done,
	void *arg)
{
	struct buf tried = {0};

	add_but_token(&tried, body, len);
	ec2_param(&tried, "DryRun", "true");
	return lookup(c, OP_DRY_RUN, &tried, (union call_done){.plain = done}, arg);
}

struct ec2_call *
ec2_dry_terminate(struct ec2_client *c, const char *instance, ec2_done *done, void *arg)
{
	struct buf body = {0};

	begin(&body, EC2_TERMINATE_INSTANCES);
	ec2_param(&body, "InstanceId.1", instance);
	ec2_param(&body, "DryRun", "true");
	return lookup(c, OP_DRY_TERMINATE, &body, (union call_done){.plain = done},
		arg);
}

struct ec2_call *
ec2_associate_address(struct ec2_client *c, const char *allocation,
	const char *instance, ec2_done *done, void *arg)
{
	struct buf body = {0};
	struct ec2_call *call;

	begin(&body, EC2_ASSOCIATE_ADDRESS);
	ec2_param(&body, "AllocationId", allocation);
	ec2_param(&body, "InstanceId", instance);
	ec2_param(&body, "AllowReassociation", "false");
	call = call_new_take(c, OP_ASSOCIATE, instance, buf_take(&body), arg);
	call->done.plain = done;
	return call_start(call);
}

struct ec2_call *
ec2_tag_instances(struct ec2_client *c, const struct strings *ids, const char *key,
	const char *value, ec2_done *done, void *arg)
{
	struct buf body = {0};

	begin(&body, EC2_CREATE_TAGS);
	for (size_t i = 0; i < ids->count; i++)
		ec2_paramf(&body, ids->items[i], "ResourceId.%zu", i + 1);
	ec2_param(&body, "Tag.1.Key", key);
	ec2_param(&body, "Tag.1.Value", value);
	return lookup(c, OP_TAG, &body, (union call_done){.plain = done}, arg);
}

struct ec2_call *
ec2_attach_volume(struct ec2_client *c, const char *volume, const char *instance,
	const char *device, ec2_done *done, void *arg)
{
	struct buf body = {0};
	struct ec2_call *call;

	begin(&body, EC2_ATTACH_VOLUME);
	ec2_param(&body, "VolumeId", volume);
	ec2_param(&body, "InstanceId", instance);
	ec2_param(&body, "Device", device);
	call = call_new_take(c, OP_ATTACH, instance, buf_take(&body), arg);
	call->other = xstrdup(volume);
	call->done.plain = done;
	return call_start(call);
}
