/* SPDX-License-Identifier: Apache-2.0 */
/* The actions of volumes (EC2-WIRE.md 4.5). */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/catalog.h"
#include "sim/cloud.h"
#include "sim/listing.h"
#include "sim/page.h"
#include "sim/params.h"
#include "sim/text.h"
#include "sim/volume.h"
#include "sim/xmlout.h"

#include <string.h>

static const struct sim_page_rule volumes_page = {"VolumeId.1", "volumeIds", 5, 1000};

static const char *const taggable[] = {"volume", NULL};

static const struct sim_param_row create_volume[] = {
	{.name = "AvailabilityZone", .required = true},
	{.name = "Size", .type = SIM_PARAM_INT, .min = 1, .max = 65536},
	{.name = "SnapshotId"},
	{.name = "VolumeType",
		.type = SIM_PARAM_CHOICE,
		.choices = sim_ec2_volume_types},
	{.name = "Iops", .type = SIM_PARAM_INT},
	{.name = "Throughput", .type = SIM_PARAM_INT},
	{.name = "Encrypted", .type = SIM_PARAM_BOOL},
	{.name = "KmsKeyId"},
	{.name = "MultiAttachEnabled", .type = SIM_PARAM_BOOL},
	{.name = "ClientToken", .max = 64},
	{.name = "TagSpecification.N.ResourceType",
		.type = SIM_PARAM_CHOICE,
		.choices = taggable},
	{.name = "TagSpecification.N.Tag.N.Key"},
	{.name = "TagSpecification.N.Tag.N.Value"},
	{.name = NULL},
};

static const struct sim_param_row delete_volume[] = {
	{.name = "VolumeId", .required = true},
	{.name = NULL},
};

static const struct sim_param_row describe_volumes[] = {
	{.name = "VolumeId.N"},
	{.name = "Filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = "Pages", .type = SIM_PARAM_ROWS, .rows = sim_ec2_page_params},
	{.name = NULL},
};

static const struct sim_param_row attach_volume[] = {
	{.name = "VolumeId", .required = true},
	{.name = "InstanceId", .required = true},
	{.name = "Device", .required = true},
	{.name = NULL},
};

static const struct sim_param_row detach_volume[] = {
	{.name = "VolumeId", .required = true},
	{.name = "InstanceId"},
	{.name = "Device"},
	{.name = "Force", .type = SIM_PARAM_BOOL},
	{.name = NULL},
};

static struct sim_volumes *
volumes(const struct sim_call *call)
{
	return sim_cloud_volumes(call->cloud);
}

/* NULL and the error. */
static struct sim_volume *
find_volume(struct sim_call *call, const char *id)
{
	struct sim_volume *v;

	if (!sim_text_is_id(id, "vol-", 1, 17)) {
		sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Value (%.100s) for parameter volume is invalid. Expected: 'vol-...'.",
			id);
		return NULL;
	}
	v = sim_volumes_find(volumes(call), call->region, id);
	if (v == NULL)
		sim_fail(&call->error, SIM_INVALID_VOLUME_NOT_FOUND,
			"The volume '%s' does not exist.", id);
	return v;
}

static void
put_attachment(const struct sim_volume *v, const char *instance, struct buf *out)
{
	sim_xml_text(out, "volumeId", v->id);
	sim_xml_text(out, "instanceId", instance);
	sim_xml_text(out, "device", v->device);
	sim_xml_text(out, "status", sim_attachment_name(v->attachment));
	sim_xml_time(out, "attachTime", v->attached_wall_ms);
	sim_xml_bool(out, "deleteOnTermination", v->delete_on_termination);
}

static void
put_body(const struct sim_volume *v, struct buf *out)
{
	sim_xml_text(out, "volumeId", v->id);
	sim_xml_int(out, "size", v->size);
	sim_xml_text(out, "snapshotId", "");
	sim_xml_text(out, "availabilityZone", v->zone);
	sim_xml_text(out, "status", sim_volume_state_name(v->state));
	sim_xml_time(out, "createTime", v->made_wall_ms);
	sim_xml_text(out, "volumeType", v->type);
	sim_xml_bool(out, "encrypted", false);
	sim_xml_bool(out, "multiAttachEnabled", false);
	buf_puts(out, "<attachmentSet>");
	if (v->instance != NULL) {
		buf_puts(out, "<item>");
		put_attachment(v, v->instance->id, out);
		buf_puts(out, "</item>");
	}
	buf_puts(out, "</attachmentSet>");
	sim_xml_map(out, "tagSet", &v->tags, "key", "value");
}

/* The one that this token has made, or NULL. */
static const struct sim_volume *
find_token(const struct sim_call *call, const char *token)
{
	const struct sim_volume *v;

	for (v = sim_volumes_first(volumes(call)); v != NULL; v = v->hh.next)
		if (token != NULL && v->token != NULL && strcmp(v->token, token) == 0 &&
			strcmp(v->region, call->region) == 0)
			return v;
	return NULL;
}

static int
check_creation(struct sim_call *call, const char *zone)
{
	if (!sim_zone_is_of(zone, call->region))
		return sim_fail(&call->error, SIM_INVALID_ZONE_NOT_FOUND,
			"The zone '%.64s' does not exist.", zone);
	if (sim_params_get(call->params, "Size") == NULL &&
		sim_params_get(call->params, "SnapshotId") == NULL)
		return sim_fail(&call->error, SIM_MISSING_PARAMETER,
			"The request must contain the parameter size/snapshot");
	return 0;
}

/* Takes the tags. */
static const struct sim_volume *
make_volume(struct sim_call *call, const char *zone, struct strmap *tags)
{
	const char *type = sim_params_get(call->params, "VolumeType");
	char digest[65];
	char id[SIM_ID_SIZE];
	struct sim_volume *v;

	sim_cloud_make_id(call->cloud, "vol-", id);
	sim_params_digest(call->params, digest);
	v = sim_volumes_add(volumes(call), id, call->region, zone);
	v->type = xstrdup(type != NULL ? type : "gp2");
	v->size = sim_params_int(call->params, "Size", 8);
	v->token = xstrdup_opt(sim_params_get(call->params, "ClientToken"));
	v->digest = xstrdup(digest);
	v->tags = *tags;
	*tags = (struct strmap){0};
	return v;
}

static int
create(struct sim_call *call)
{
	const char *zone = sim_params_get(call->params, "AvailabilityZone");
	const struct sim_volume *v = find_token(call,
		sim_params_get(call->params, "ClientToken"));
	struct strmap tags = {0};
	char digest[65];

	sim_params_digest(call->params, digest);
	if (v != NULL && strcmp(v->digest, digest) != 0)
		return sim_fail(&call->error, SIM_IDEMPOTENT_PARAMETER_MISMATCH,
			"The client token was used for another volume.");
	if (check_creation(call, zone) != 0)
		return -1;
	if (sim_ec2_parse_tag_list(call, 1, &tags) != 0 ||
		sim_call_dry_run(call) != 0) {
		strmap_fini(&tags);
		return -1;
	}
	if (v == NULL)
		v = make_volume(call, zone, &tags);
	strmap_fini(&tags);
	put_body(v, call->out);
	return 0;
}

static int
remove_volume(struct sim_call *call)
{
	struct sim_volume *v = find_volume(call,
		sim_params_get(call->params, "VolumeId"));

	if (v == NULL)
		return -1;
	if (v->instance != NULL)
		return sim_fail(&call->error, SIM_VOLUME_IN_USE,
			"Volume %s is currently attached to %s", v->id,
			v->instance->id);
	if (sim_call_dry_run(call) != 0)
		return -1;
	sim_volume_delete(volumes(call), v);
	sim_xml_bool(call->out, "return", true);
	return 0;
}

/* /dev/sdf, xvdf, /dev/sda1, /dev/xvdba ... */
static bool
is_device(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
	size_t len;

	if (strncmp(name, "/dev/", 5) == 0)
		name += 5;
	if (strncmp(name, "sd", 2) == 0 || strncmp(name, "hd", 2) == 0)
		name += 2;
	else if (strncmp(name, "xvd", 3) == 0)
		name += 3;
	else
		return false;
	len = strspn(name, letters);
	return len >= 1 && len <= 2 &&
		strspn(name + len, "0123456789") == strlen(name + len);
}

static int
check_device(struct sim_call *call, const struct sim_instance *i, const char *device)
{
	const struct sim_volume *v;

	if (!is_device(device))
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Value (%.64s) for parameter device is invalid. %.64s is not a valid EBS "
			"device name.",
			device, device);
	for (v = i->volumes; v != NULL; v = v->next_of)
		if (strcmp(v->device, device) == 0)
			return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
				"Invalid value '%s' for unixDevice. Attachment point %s is already in use",
				device, device);
	return 0;
}

static int
check_attachment(struct sim_call *call, const struct sim_volume *v,
	const struct sim_instance *i)
{
	if (v->state == SIM_VOLUME_HELD)
		return sim_fail(&call->error, SIM_VOLUME_IN_USE,
			"%s is already attached to an instance", v->id);
	if (v->state != SIM_VOLUME_AVAILABLE)
		return sim_fail(&call->error, SIM_INCORRECT_STATE,
			"Volume '%s' is in the '%s' state. When you attach a volume, it must be in "
			"the 'available' state.",
			v->id, sim_volume_state_name(v->state));
	if (i->state != SIM_RUNNING && i->state != SIM_STOPPED)
		return sim_fail(&call->error, SIM_INCORRECT_STATE,
			"Instance '%s' is not 'running'.", i->id);
	if (strcmp(v->zone, i->launch->zone) != 0)
		return sim_fail(&call->error, SIM_INVALID_VOLUME_ZONE_MISMATCH,
			"The volume '%s' is not in the same availability zone as instance '%s'",
			v->id, i->id);
	return 0;
}

static int
attach(struct sim_call *call)
{
	const char *device = sim_params_get(call->params, "Device");
	struct sim_volume *v = find_volume(call,
		sim_params_get(call->params, "VolumeId"));
	struct sim_instance *i = v == NULL
		? NULL
		: sim_ec2_find_instance(call,
			  sim_params_get(call->params, "InstanceId"));

	if (i == NULL || check_attachment(call, v, i) != 0 ||
		check_device(call, i, device) != 0 || sim_call_dry_run(call) != 0)
		return -1;
	sim_volume_attach(volumes(call), v, i, device);
	put_attachment(v, i->id, call->out);
	return 0;
}

static int
check_detachment(struct sim_call *call, const struct sim_volume *v)
{
	const char *id = sim_params_get(call->params, "InstanceId");
	const char *device = sim_params_get(call->params, "Device");
	const struct sim_instance *i = v->instance;

	if (i == NULL)
		return sim_fail(&call->error, SIM_INCORRECT_STATE,
			"Volume '%s' is in the '%s' state.", v->id,
			sim_volume_state_name(v->state));
	if ((id != NULL && strcmp(id, i->id) != 0) ||
		(device != NULL && strcmp(device, v->device) != 0))
		return sim_fail(&call->error, SIM_INVALID_ATTACHMENT_NOT_FOUND,
			"The volume '%s' is not attached to instance '%.40s' as device '%.40s'.",
			v->id, id != NULL ? id : i->id,
			device != NULL ? device : v->device);
	if (v == i->made && i->state != SIM_STOPPED)
		return sim_fail(&call->error, SIM_OPERATION_NOT_PERMITTED,
			"Unable to detach root volume '%s' from instance '%s'", v->id,
			i->id);
	return 0;
}

static int
detach(struct sim_call *call)
{
	struct sim_volume *v = find_volume(call,
		sim_params_get(call->params, "VolumeId"));

	if (v == NULL || check_detachment(call, v) != 0 || sim_call_dry_run(call) != 0)
		return -1;
	sim_volume_detach(volumes(call), v);
	put_attachment(v, v->instance->id, call->out);
	return 0;
}

/* A getter of a filter row; v is the volume, text its scratch space. */
#define GET(name, expression)                                                          \
	static const char *get_##name(const void *obj,                                 \
		char text[static SIM_FILTER_TEXT])                                     \
	{                                                                              \
		const struct sim_volume *v = obj;                                      \
		(void)text;                                                            \
		return expression;                                                     \
	}

GET(kept, v->instance == NULL ? NULL : v->delete_on_termination ? "true" : "false")
GET(device, v->instance != NULL ? v->device : NULL)
GET(instance, v->instance != NULL ? v->instance->id : NULL)
GET(attachment, v->instance != NULL ? sim_attachment_name(v->attachment) : NULL)
GET(zone, v->zone)
GET(state, sim_volume_state_name(v->state))
GET(id, v->id)
GET(type, v->type)
GET(size, sim_filter_number(text, v->size))

static bool
test_tag(const void *obj, const struct sim_filter *f)
{
	return sim_filter_takes_tag(f, &((const struct sim_volume *)obj)->tags);
}

static const struct sim_filter_row filters[] = {
	{"attachment.delete-on-termination", get_kept, NULL},
	{"attachment.device", get_device, NULL},
	{"attachment.instance-id", get_instance, NULL},
	{"attachment.status", get_attachment, NULL},
	{"availability-zone", get_zone, NULL},
	{"size", get_size, NULL},
	{"status", get_state, NULL},
	{"tag-key", NULL, test_tag},
	{"tag:", NULL, test_tag},
	{"volume-id", get_id, NULL},
	{"volume-type", get_type, NULL},
	{NULL, NULL, NULL},
};

static void
put_volume(const void *obj, const void *before, struct buf *out)
{
	(void)before;
	buf_puts(out, "<item>");
	put_body(obj, out);
	buf_puts(out, "</item>");
}

static int
check_ids(struct sim_call *call)
{
	const char *id;

	for (size_t n = 1;
		(id = sim_params_getf(call->params, "VolumeId.%zu", n)) != NULL; n++)
		if (find_volume(call, id) == NULL)
			return -1;
	return 0;
}

static bool
is_asked_for(const struct sim_call *call, const struct sim_volume *v)
{
	const char *id;

	if (v->state == SIM_VOLUME_DELETED || strcmp(v->region, call->region) != 0)
		return false;
	if (sim_params_get(call->params, "VolumeId.1") == NULL)
		return true;
	for (size_t n = 1;
		(id = sim_params_getf(call->params, "VolumeId.%zu", n)) != NULL; n++)
		if (strcmp(v->id, id) == 0)
			return true;
	return false;
}

static int
describe(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &volumes_page,
		.set = "volumeSet",
		.put = put_volume};
	const struct sim_volume *v;

	if (sim_listing_begin(&l, filters) != 0 || check_ids(call) != 0 ||
		sim_call_dry_run(call) != 0)
		return -1;
	for (v = sim_volumes_first(volumes(call)); v != NULL; v = v->hh.next)
		if (is_asked_for(call, v) && !sim_listing_offer(&l, v->seq, v))
			break;
	sim_listing_end(&l);
	return 0;
}

const struct sim_action sim_ec2_volume_actions[] = {
	{
		.name = "CreateVolume",
		.run = create,
		.params = create_volume,
		.bucket = SIM_BUCKET_VOLUME,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "DeleteVolume",
		.run = remove_volume,
		.params = delete_volume,
		.bucket = SIM_BUCKET_MUTATING,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "DescribeVolumes",
		.run = describe,
		.params = describe_volumes,
		.bucket = SIM_BUCKET_DESCRIBE,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "AttachVolume",
		.run = attach,
		.params = attach_volume,
		.bucket = SIM_BUCKET_MUTATING,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "DetachVolume",
		.run = detach,
		.params = detach_volume,
		.bucket = SIM_BUCKET_MUTATING,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};
