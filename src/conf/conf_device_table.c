/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of block_device_map in both spellings, and of metadata_options. Bounds are those
 * that no volume will ever leave; what EC2 allows of the day is EC2's to say.
 */
#include "conf/conf_device.h"

#include "conf/conf_form.h"

#define SIZE_MAX_GIB 65536 /* 64 TiB */

static const struct field ebs_rows[] = {
	{
		.name = "DeleteOnTermination",
		.type = FIELD_OPTBOOL,
		.offset = FIELD_AT(struct conf_ebs, delete_on_termination, int),
		.doc = "Whether the volume ends with the instance. True unless it is set.",
	},
	{
		.name = "Iops",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct conf_ebs, iops, int64_t),
		.min = 1,
		.max = -1,
		.example = "3000",
		.doc = "I/O operations a second. Required for io1 and io2, possible for gp3.",
	},
	{
		.name = "SnapshotId",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_ebs, snapshot_id, char *),
		.check = form_snapshot_id,
		.example = "snap-0abcdef1234567890",
		.doc = "Snapshot that the volume is made from.",
	},
	{
		.name = "VolumeSize",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct conf_ebs, volume_size, int64_t),
		.min = 1,
		.max = SIZE_MAX_GIB,
		.example = "100",
		.doc = "Size in GiB.",
	},
	{
		.name = "VolumeType",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_ebs, volume_type, char *),
		.check = form_volume_type,
		.example = "gp3",
		.doc = "Kind of the volume: gp3, gp2, io2, io1, st1, sc1, standard.",
	},
	{
		.name = "KmsKeyId",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_ebs, kms_key_id, char *),
		.max = 2048,
		.check = form_printable,
		.example = "alias/ci",
		.doc = "Key to encrypt with: its id, ARN or alias. Needs Encrypted: true.",
	},
	{
		.name = "Throughput",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct conf_ebs, throughput, int64_t),
		.min = 1,
		.max = -1,
		.example = "250",
		.doc = "Throughput in MiB/s; gp3 only.",
	},
	{
		.name = "OutpostArn",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_ebs, outpost_arn, char *),
		.check = form_arn,
		.doc = "Outpost that holds the snapshot.",
	},
	{
		.name = "AvailabilityZone",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_ebs, availability_zone, char *),
		.check = form_printable,
		.doc = "Zone of the volume; where EC2 takes it.",
	},
	{
		.name = "AvailabilityZoneId",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_ebs, availability_zone_id, char *),
		.check = form_printable,
		.doc = "The same by the id of the zone.",
	},
	{
		.name = "Encrypted",
		.type = FIELD_OPTBOOL,
		.offset = FIELD_AT(struct conf_ebs, encrypted, int),
		.doc = "Whether the volume is encrypted. Without it the account's default counts.",
	},
	{
		.name = "VolumeInitializationRate",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct conf_ebs, volume_initialization_rate,
			int64_t),
		.min = 1,
		.max = -1,
		.example = "200",
		.doc = "How fast the snapshot is read, in MiB/s.",
	},
	{
		.name = "EbsCardIndex",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct conf_ebs, ebs_card_index, int64_t),
		.min = 0,
		.max = -1,
		.doc = "EBS card of an instance type that has several.",
	},
	{.name = NULL},
};

static const struct fields ebs_fields = {"Ebs", ebs_rows, sizeof(struct conf_ebs)};

/* The first row names a device of the older spelling too. */
static const struct field device_rows[] = {
	{
		.name = "DeviceName",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_device, device_name, char *),
		.max = 255,
		.check = form_device,
		.example = "/dev/xvdb",
		.doc = "Name of the device; the image's root device may be named too.",
	},
	{
		.name = "VirtualName",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_device, virtual_name, char *),
		.check = form_virtual_name,
		.example = "ephemeral0",
		.doc = "A volume of the instance store.",
	},
	{
		.name = "NoDevice",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_device, no_device, char *),
		.check = form_printable,
		.example = "\"\"",
		.doc = "Takes the image's device of this name away; the value does not count.",
	},
	{
		.name = "Ebs",
		.type = FIELD_OBJECT,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct conf_device, ebs, struct conf_ebs),
		.sub = &ebs_fields,
		.doc = "An EBS volume.",
	},
	{.name = NULL},
};

const struct fields conf_device_fields = {"device", device_rows,
	sizeof(struct conf_device)};

/* Names of Buildbot before 3.0; null is as good as absent, as it was there. */
static const struct field old_rows[] = {
	{
		.name = "volume_type",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct conf_device, ebs.volume_type, char *),
		.check = form_volume_type,
		.example = "io1",
		.doc = "VolumeType.",
	},
	{
		.name = "iops",
		.type = FIELD_INT,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct conf_device, ebs.iops, int64_t),
		.min = 1,
		.max = -1,
		.example = "1000",
		.doc = "Iops.",
	},
	{
		.name = "size",
		.type = FIELD_INT,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct conf_device, ebs.volume_size, int64_t),
		.min = 1,
		.max = SIZE_MAX_GIB,
		.example = "100",
		.doc = "VolumeSize.",
	},
	{
		.name = "snapshot_id",
		.type = FIELD_STRING,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct conf_device, ebs.snapshot_id, char *),
		.check = form_snapshot_id,
		.example = "snap-0abcdef1234567890",
		.doc = "SnapshotId.",
	},
	{
		.name = "encrypted",
		.type = FIELD_OPTBOOL,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct conf_device, ebs.encrypted, int),
		.doc = "Encrypted.",
	},
	{
		.name = "delete_on_termination",
		.type = FIELD_OPTBOOL,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct conf_device, ebs.delete_on_termination, int),
		.doc = "DeleteOnTermination.",
	},
	{.name = NULL},
};

const struct fields conf_old_device_fields = {"old device", old_rows,
	sizeof(struct conf_device)};

static const struct field volume_rows[] = {
	{
		.name = "volume_id",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct conf_volume, volume_id, char *),
		.check = form_volume_id,
		.example = "vol-0abcdef1234567890",
		.doc = "The volume, in the zone of the worker.",
	},
	{
		.name = "device",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_volume, device, char *),
		.max = 255,
		.check = form_device,
		.example = "/dev/sdh",
		.doc = "What the instance is to call it.",
	},
	{.name = NULL},
};

const struct fields conf_volume_fields = {"worker volume", volume_rows,
	sizeof(struct conf_volume)};

static const char *const token_words[] = {"optional", "required", NULL};
static const char *const switch_words[] = {
	[CONF_SWITCH_OFF] = "disabled",
	[CONF_SWITCH_ON] = "enabled",
	NULL,
};

static const struct field metadata_rows[] = {
	{
		.name = "HttpTokens",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct conf_metadata, http_tokens, int),
		.def = "required",
		.choices = token_words,
		.doc = "Whether only IMDSv2, which wants a token, is served.",
	},
	{
		.name = "HttpPutResponseHopLimit",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct conf_metadata, http_put_response_hop_limit,
			int64_t),
		.def = "1",
		.min = 1,
		.max = 64,
		.doc = "How many hops a token may travel; containers on the instance need 2.",
	},
	{
		.name = "HttpEndpoint",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct conf_metadata, http_endpoint, int),
		.def = "enabled",
		.choices = switch_words,
		.doc = "Whether the instance has a metadata service. Without it it cannot read its "
		       "user data.",
	},
	{
		.name = "HttpProtocolIpv6",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct conf_metadata, http_protocol_ipv6, int),
		.choices = switch_words,
		.doc = "Whether it answers over IPv6 too.",
	},
	{
		.name = "InstanceMetadataTags",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct conf_metadata, instance_metadata_tags, int),
		.choices = switch_words,
		.doc = "Whether it tells the tags of the instance.",
	},
	{.name = NULL},
};

const struct fields conf_metadata_fields = {"metadata", metadata_rows,
	sizeof(struct conf_metadata)};
