/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every key of a worker, one row each: name, type, default, form, text for the manual.
 * CONF_LAUNCH marks those that an instance is made from.
 */
#include "conf/conf.h"
#include "conf/conf_form.h"

#define SECOND INT64_C(1000)
#define MONTH (30 * 86400 * SECOND)

static const struct field worker_rows[] = {
	{
		.name = "password",
		.type = FIELD_SECRET,
		.flags = FIELD_NONEMPTY | CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, password, struct secret),
		.example = "generated",
		.doc = "What the worker shows the build master. The word generated makes a new one "
		       "for every launch. Either this or password_file is required.",
	},
	{
		.name = "password_file",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_worker, password_file, char *),
		.check = form_printable,
		.example = "bot1.password",
		.doc = "File that holds the password, in place of password: one line, no symbolic "
		       "link. A relative path counts from this file's directory.",
	},
	{
		.name = "instance_type",
		.type = FIELD_STRINGS,
		.flags = FIELD_REQUIRED | FIELD_MANY | FIELD_NONEMPTY | CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, instance_type, struct strings),
		.check = form_instance_type,
		.example = "[c7i.xlarge, c6i.xlarge]",
		.doc = "Type of the instance, or several in order of preference: where one is "
		       "not to be had, the next is tried.",
	},
	{
		.name = "ami",
		.type = FIELD_STRING,
		.flags = CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, ami, char *),
		.check = form_ami,
		.example = "ami-0abcdef1234567890",
		.doc = "Image to start; or resolve:ssm:NAME: the one that this parameter of "
		       "Systems Manager names at each start. Without it one is chosen then, by "
		       "valid_ami_owners, valid_ami_location_regex or both.",
	},
	{
		.name = "valid_ami_owners",
		.type = FIELD_STRINGS,
		.flags = FIELD_MANY | FIELD_NONEMPTY | CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, valid_ami_owners,
			struct strings),
		.check = form_account_id,
		.example = "[123456789012]",
		.doc = "Accounts whose images may be started, in place of ami: of those that "
		       "are available, the last one by location, or by what "
		       "valid_ami_location_regex says.",
	},
	{
		.name = "valid_ami_location_regex",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY | CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, valid_ami_location_regex,
			char *),
		.example = "'123456789012/ci-(\\d+)'",
		.doc = "What the location of an image (OWNER/NAME) must begin with, in place "
		       "of ami: a Perl-compatible regular expression. Of those that match, "
		       "the last one is started: by the first group as a number if it is one "
		       "in all of them, else by the first group as text, without a group by "
		       "location.",
	},
	{
		.name = "ami_name",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY | CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, ami_name, char *),
		.max = 255,
		.check = form_printable,
		.example = "ci-*-x86_64",
		.doc = "What the name of an image is, in place of ami; * stands for any text and "
		       "? for any character. Of those that are there the newest is started, "
		       "unless valid_ami_location_regex says otherwise.",
	},
	{
		.name = "ami_filters",
		.type = FIELD_STRMAP,
		.flags = FIELD_NONEMPTY | CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, ami_filters, struct strmap),
		.check = form_printable,
		.example = "{ \"tag:role\": ci-worker, architecture: arm64 }",
		.doc = "Filters of EC2's DescribeImages, by their names, that an image passes, in "
		       "place of ami; as ami_name in all else.",
	},
	{
		.name = "region",
		.type = FIELD_STRING,
		.flags = CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, region, char *),
		.check = form_region,
		.pattern = FORM_REGION_PATTERN,
		.example = "eu-west-1",
		.doc = "Region of this worker, in place of aws.region.",
	},
	{
		.name = "placement",
		.type = FIELD_STRING,
		.flags = CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, placement, char *),
		.check = form_placement,
		.pattern = "^([a-z]{1,2}|-[a-z0-9-]{1,31})$",
		.example = "b",
		.doc = "Availability zone: what follows the region in its name. Without it AWS "
		       "chooses.",
	},
	{
		.name = "user_data",
		.type = FIELD_STRING,
		.flags = CONF_LAUNCH | FIELD_PRIVATE,
		.offset = FIELD_AT(struct conf_worker, user_data, char *),
		.example =
			"\"#!/bin/sh\\nstart-worker {{ worker }} {{ password }}\\n\"",
		.doc = "What the instance is told at its start. A template: {{ worker }}, "
		       "{{ password }}, {{ pool }}, {{ region }}, {{ generation }} and "
		       "{{ vars.NAME }} are filled in. At most 16,384 bytes then.",
	},
	{
		.name = "user_data_file",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_worker, user_data_file, char *),
		.check = form_printable,
		.example = "linux.sh",
		.doc = "File that holds the template, in place of user_data. A relative path counts "
		       "from this file's directory.",
	},
	{
		.name = "vars",
		.type = FIELD_STRMAP,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct conf_worker, vars, struct strmap),
		.names = CONF_VAR_NAMES,
		.check = form_var,
		.example = "{ cache: s3 }",
		.doc = "Values for this worker's user data, merged over the pool's by name.",
	},
	{
		.name = "keypair_name",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY | CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, keypair_name, char *),
		.max = 255,
		.check = form_printable,
		.example = "latent_buildbot_worker",
		.doc = "Name of the key pair for logging in. It is not created.",
	},
	{
		.name = "security_name",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY | CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, security_name, char *),
		.max = 255,
		.check = form_printable,
		.example = "latent_buildbot_worker",
		.doc = "Name of a security group of the default network. Required without "
		       "subnet_id, refused with it. It is not created.",
	},
	{
		.name = "security_group_ids",
		.type = FIELD_STRINGS,
		.flags = FIELD_MANY | CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, security_group_ids,
			struct strings),
		.check = form_security_group_id,
		.example = "[sg-0abcdef1234567890]",
		.doc = "Security groups, by id; for a worker with subnet_id.",
	},
	{
		.name = "subnet_id",
		.type = FIELD_STRINGS,
		.flags = FIELD_MANY | FIELD_NONEMPTY | CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, subnet_id, struct strings),
		.check = form_subnet_id,
		.example = "subnet-0abcdef1234567890",
		.doc = "Subnet to start in, or several in order of preference. Each type of "
		       "instance_type is tried in all of them before the next type.",
	},
	{
		.name = "spot_instance",
		.type = FIELD_BOOL,
		.flags = CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, spot_instance, bool),
		.def = "false",
		.doc = "Start spot instances: one-time requests, terminated when EC2 takes the "
		       "instance back.",
	},
	{
		.name = "max_spot_price",
		.type = FIELD_NUMBER,
		.flags = FIELD_NULLABLE | FIELD_POSITIVE,
		.offset = FIELD_AT(struct conf_worker, max_spot_price, double),
		.def = "1.6",
		.doc = "Highest bid for a spot instance, in dollars an hour; null: none. The "
		       "default bounds only the first of several requests.",
	},
	{
		.name = "price_multiplier",
		.type = FIELD_NUMBER,
		.flags = FIELD_NULLABLE | FIELD_POSITIVE,
		.offset = FIELD_AT(struct conf_worker, price_multiplier, double),
		.def = "1.2",
		.doc = "The first bid is so many times the mean spot price of the last day; "
		       "0.02 dollars where there is no history. null: max_spot_price is bid.",
	},
	{
		.name = "product_description",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_worker, product_description, char *),
		.def = "Linux/UNIX",
		.max = 255,
		.check = form_printable,
		.doc = "Whose spot price history counts, in EC2's words.",
	},
	{
		.name = "retry",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct conf_worker, retry, int64_t),
		.def = "1",
		.min = 1,
		.max = 1000,
		.doc = "Number of spot requests before a type in a zone is given up because its "
		       "price is above the bid.",
	},
	{
		.name = "retry_price_adjustment",
		.type = FIELD_NUMBER,
		.flags = FIELD_POSITIVE,
		.offset = FIELD_AT(struct conf_worker, retry_price_adjustment, double),
		.def = "1",
		.doc = "Each further request bids so many times what the one before did, up to "
		       "max_spot_price if that is given.",
	},
	{
		.name = "on_demand_fallback",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct conf_worker, on_demand_fallback, bool),
		.def = "false",
		.doc = "Where no spot instance is to be had, start one on demand.",
	},
	{
		.name = "instance_profile_name",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY | CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, instance_profile_name, char *),
		.max = 128,
		.check = form_printable,
		.example = "ci-worker",
		.doc = "Name of the instance profile, which gives the instance its role.",
	},
	{
		.name = "elastic_ip",
		.type = FIELD_STRING,
		.flags = CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, elastic_ip, char *),
		.check = form_ipv4,
		.example = "203.0.113.7",
		.doc = "Elastic IP address that the instance gets once it runs; of one worker only. "
		       "It is never taken away from anything else.",
	},
	{
		.name = "volumes",
		.type = FIELD_LIST,
		.flags = FIELD_TUPLES | CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, volumes, struct field_list),
		.sub = &conf_volume_fields,
		.example = "[ [ vol-0abcdef1234567890, /dev/sdh ] ]",
		.doc = "Volumes that are attached once the instance runs, in this order; each of "
		       "one worker only. The worker is up when all are attached.",
	},
	{
		.name = "block_device_map",
		.type = FIELD_LIST,
		.flags = FIELD_NULLABLE | CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, block_device_map,
			struct field_list),
		.sub = &conf_device_fields,
		.keyed = &conf_old_device_fields,
		.example =
			"[ { DeviceName: /dev/xvdb, Ebs: { VolumeSize: 100, VolumeType: gp3 } } ]",
		.doc = "Disks, as a list in the words of the EC2 API, or as the older mapping by "
		       "device.",
	},
	{
		.name = "metadata_options",
		.type = FIELD_OBJECT,
		.flags = FIELD_NULLABLE | CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, metadata_options,
			struct conf_metadata),
		.sub = &conf_metadata_fields,
		.doc = "The metadata service of the instance.",
	},
	{
		.name = "tags",
		.type = FIELD_STRMAP,
		.flags = CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, tags, struct strmap),
		.names =
			"^(?![Aa][Ww][Ss]:|[Ee][Cc]2[Ww][Oo][Rr][Kk][Ee][Rr][Dd]:).{1,128}$",
		.check = form_tag_value,
		.example = "{ team: platform }",
		.doc = "Tags for the instance and its volumes, beside those of ec2workerd. Not "
		       "templates.",
	},
	{
		.name = "identifier",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct conf_worker, identifier, char *),
		.check = form_key_id,
		.example = "AKIAIOSFODNN7EXAMPLE",
		.doc = "Access key id for this worker, in place of what aws says. Needs "
		       "secret_identifier.",
	},
	{
		.name = "secret_identifier",
		.type = FIELD_SECRET,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct conf_worker, secret_identifier,
			struct secret),
		.doc = "Secret access key for this worker.",
	},
	{
		.name = "missing_timeout",
		.type = FIELD_DURATION,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct conf_worker, missing_timeout, int64_t),
		.def = "20m",
		.min = 0,
		.max = MONTH,
		.doc = "A worker that has not attached this long after it was asked for is missing: "
		       "it is mailed about and its instance ends. 0 or null: never.",
	},
	{
		.name = "pending_timeout",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct conf_worker, pending_timeout, int64_t),
		.def = "10m",
		.min = SECOND,
		.max = MONTH,
		.doc = "An instance that is pending longer than this is given up.",
	},
	{
		.name = "dead_man",
		.type = FIELD_DURATION,
		.flags = CONF_LAUNCH,
		.offset = FIELD_AT(struct conf_worker, dead_man, int64_t),
		.min = 3 * SECOND,
		.max = MONTH,
		.example = "6h",
		.doc = "The instance switches itself off, and so ends, when no daemon has renewed its "
		       "lease for so long: when this one is gone for good. A guard in front of the "
		       "user data, which must be a shell script or nothing, reads the tag "
		       "ec2workerd:lease from the metadata service by curl, wget or python3; where "
		       "it never can, nothing happens. The daemon needs ec2:CreateTags, and changes "
		       "the tag three times within that time. Longer than anything that may keep it "
		       "from doing so.",
	},
	{
		.name = "build_wait_timeout",
		.type = FIELD_DURATION,
		.flags = FIELD_NEGATIVE,
		.offset = FIELD_AT(struct conf_worker, build_wait_timeout, int64_t),
		.def = "10m",
		.min = 0,
		.max = MONTH,
		.doc = "How long a worker may idle after its last build before it is stopped. 0: "
		       "not at all; negative: for ever.",
	},
	{
		.name = "notify_on_missing",
		.type = FIELD_STRINGS,
		.flags = FIELD_MANY,
		.offset = FIELD_AT(struct conf_worker, notify_on_missing,
			struct strings),
		.check = form_address,
		.example = "[ci@example.org]",
		.doc = "Who gets a mail when the worker is missing, and when it cannot be "
		       "started for another reason: of that once until a start succeeds.",
	},
	{.name = NULL},
};

const struct fields conf_worker_fields = {"worker", worker_rows,
	sizeof(struct conf_worker)};
