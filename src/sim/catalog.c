/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of what a scenario can list. */
#include "sim/catalog.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/text.h"

static const char *const image_states[] = {
	[SIM_IMAGE_AVAILABLE] = "available",
	[SIM_IMAGE_PENDING] = "pending",
	[SIM_IMAGE_INVALID] = "invalid",
	[SIM_IMAGE_DEREGISTERED] = "deregistered",
	[SIM_IMAGE_TRANSIENT] = "transient",
	[SIM_IMAGE_FAILED] = "failed",
	[SIM_IMAGE_ERROR] = "error",
	[SIM_IMAGE_DISABLED] = "disabled",
	[SIM_IMAGE_STATE_COUNT] = NULL,
};

static int
check_image_id(const char *value, struct err *err)
{
	return sim_text_is_id(value, "ami-", 1, 17)
		? 0
		: err_set(err, ERR_INVALID, "an image id is ami- and hex digits");
}

static int
check_subnet_id(const char *value, struct err *err)
{
	return sim_text_is_id(value, "subnet-", 1, 17)
		? 0
		: err_set(err, ERR_INVALID, "a subnet id is subnet- and hex digits");
}

static int
check_time(const char *value, struct err *err)
{
	int64_t ms;

	return clock_parse(value, &ms) == 0
		? 0
		: err_set(err, ERR_INVALID, "expected a time as 2026-01-31T10:15:00Z");
}

static const struct field image_rows[] = {
	{
		.name = "id",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct sim_image, id, char *),
		.check = check_image_id,
		.doc = "The image.",
	},
	{
		.name = "region",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_image, region, char *),
		.doc = "Where it is; without it everywhere.",
	},
	{
		.name = "name",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_image, name, char *),
		.def = "image",
		.doc = "Its name.",
	},
	{
		.name = "location",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_image, location, char *),
		.doc = "imageLocation; without it owner/name.",
	},
	{
		.name = "owner",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_image, owner, char *),
		.def = "123456789012",
		.doc = "Account id; the default is our own.",
	},
	{
		.name = "alias",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_image, alias, char *),
		.example = "amazon",
		.doc = "Alias of the owner.",
	},
	{
		.name = "state",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct sim_image, state, int),
		.choices = image_states,
		.def = "available",
		.doc = "Only an available image can be launched.",
	},
	{
		.name = "architecture",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_image, architecture, char *),
		.def = "x86_64",
		.doc = "Must be one of the instance type.",
	},
	{
		.name = "platform",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_image, platform, char *),
		.def = "Linux/UNIX",
		.doc = "platformDetails; also the product whose spot price counts.",
	},
	{
		.name = "description",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_image, description, char *),
		.doc = "Its description.",
	},
	{
		.name = "created",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_image, created, char *),
		.def = "2026-01-01T00:00:00.000Z",
		.check = check_time,
		.doc = "creationDate.",
	},
	{
		.name = "deprecated",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_image, deprecated, char *),
		.check = check_time,
		.doc = "deprecationTime; after it others than the owner must ask for it.",
	},
	{
		.name = "public",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct sim_image, open, bool),
		.def = "false",
		.doc = "Whether all may launch it.",
	},
	{
		.name = "tags",
		.type = FIELD_STRMAP,
		.offset = FIELD_AT(struct sim_image, tags, struct strmap),
		.doc = "Its tags.",
	},
	{.name = NULL},
};

const struct fields sim_image_fields = {"image", image_rows, sizeof(struct sim_image)};

static const struct field subnet_rows[] = {
	{
		.name = "id",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct sim_subnet, id, char *),
		.check = check_subnet_id,
		.doc = "The subnet.",
	},
	{
		.name = "zone",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_subnet, zone, char *),
		.example = "us-east-1a",
		.doc = "Its zone, and so its region.",
	},
	{
		.name = "vpc",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_subnet, vpc, char *),
		.def = SIM_DEFAULT_VPC,
		.doc = "Its VPC.",
	},
	{
		.name = "addresses",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct sim_subnet, addresses, int64_t),
		.min = 0,
		.max = 65536,
		.doc = "How many instances it has addresses for; without it enough.",
	},
	{
		.name = "available",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct sim_subnet, available, bool),
		.def = "true",
		.doc = "Whether its state is available; else it is pending.",
	},
	{
		.name = "tags",
		.type = FIELD_STRMAP,
		.offset = FIELD_AT(struct sim_subnet, tags, struct strmap),
		.doc = "Its tags.",
	},
	{.name = NULL},
};

const struct fields sim_subnet_fields = {"subnet", subnet_rows,
	sizeof(struct sim_subnet)};

static const struct field price_rows[] = {
	{
		.name = "type",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_price, type, char *),
		.example = "m5.large",
		.doc = "Instance type.",
	},
	{
		.name = "zone",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_price, zone, char *),
		.example = "us-east-1a",
		.doc = "Zone.",
	},
	{
		.name = "product",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_price, product, char *),
		.def = "Linux/UNIX",
		.doc = "productDescription.",
	},
	{
		.name = "price",
		.type = FIELD_NUMBER,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct sim_price, price, double),
		.min = 0,
		.max = 1000,
		.doc = "Dollars an hour.",
	},
	{
		.name = "ago",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_price, ago, int64_t),
		.def = "0",
		.max = INT64_C(90) * 86400000,
		.doc = "It has been so for so long. Several rows of one type, zone and product are "
		       "their history.",
	},
	{.name = NULL},
};

const struct fields sim_price_fields = {"price", price_rows, sizeof(struct sim_price)};

static int
check_group_id(const char *value, struct err *err)
{
	return sim_text_is_id(value, "sg-", 1, 17)
		? 0
		: err_set(err, ERR_INVALID, "a group id is sg- and hex digits");
}

static int
check_type(const char *value, struct err *err)
{
	return sim_text_is_type(value)
		? 0
		: err_set(err, ERR_INVALID, "a type is a family, a dot and a size");
}

static const struct field key_pair_rows[] = {
	{
		.name = "name",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_key_pair, name, char *),
		.doc = "The key pair.",
	},
	{
		.name = "region",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_key_pair, region, char *),
		.doc = "Where it is; without it everywhere.",
	},
	{
		.name = "fingerprint",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_key_pair, fingerprint, char *),
		.def = "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff",
		.doc = "keyFingerprint.",
	},
	{
		.name = "tags",
		.type = FIELD_STRMAP,
		.offset = FIELD_AT(struct sim_key_pair, tags, struct strmap),
		.doc = "Its tags.",
	},
	{.name = NULL},
};

const struct fields sim_key_pair_fields = {"key_pair", key_pair_rows,
	sizeof(struct sim_key_pair)};

static const struct field group_rows[] = {
	{
		.name = "id",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct sim_group, id, char *),
		.check = check_group_id,
		.doc = "The security group.",
	},
	{
		.name = "name",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_group, name, char *),
		.def = "group",
		.doc = "Its name, by which only a group of the default VPC is found.",
	},
	{
		.name = "vpc",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_group, vpc, char *),
		.def = SIM_DEFAULT_VPC,
		.doc = "Its VPC, which must be that of the subnet.",
	},
	{
		.name = "region",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_group, region, char *),
		.doc = "Where it is; without it everywhere.",
	},
	{
		.name = "description",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_group, description, char *),
		.def = "a group",
		.doc = "groupDescription.",
	},
	{
		.name = "tags",
		.type = FIELD_STRMAP,
		.offset = FIELD_AT(struct sim_group, tags, struct strmap),
		.doc = "Its tags.",
	},
	{.name = NULL},
};

const struct fields sim_group_fields = {"group", group_rows, sizeof(struct sim_group)};

static const struct field type_rows[] = {
	{
		.name = "name",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct sim_type, name, char *),
		.check = check_type,
		.example = "m5.large",
		.doc = "The instance type.",
	},
	{
		.name = "architectures",
		.type = FIELD_STRINGS,
		.flags = FIELD_MANY,
		.offset = FIELD_AT(struct sim_type, architectures, struct strings),
		.doc = "Those it runs; without any, what the name says.",
	},
	{
		.name = "zones",
		.type = FIELD_STRINGS,
		.flags = FIELD_MANY,
		.offset = FIELD_AT(struct sim_type, zones, struct strings),
		.doc = "Patterns of the zones it is offered in; without any, all.",
	},
	{
		.name = "vcpus",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct sim_type, vcpus, int64_t),
		.def = "2",
		.min = 1,
		.max = 1024,
		.doc = "vCPUs.",
	},
	{
		.name = "memory",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct sim_type, memory, int64_t),
		.def = "8192",
		.min = 1,
		.max = INT32_MAX,
		.doc = "MiB.",
	},
	{.name = NULL},
};

const struct fields sim_type_fields = {"type", type_rows, sizeof(struct sim_type)};

static const struct field denial_rows[] = {
	{
		.name = "action",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_denial, action, char *),
		.example = "TerminateInstances",
		.doc = "Pattern of the actions that are not permitted.",
	},
	{
		.name = "key",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_denial, key, char *),
		.def = "*",
		.doc = "Pattern of the access keys, or of the ARNs of sessions, that may not.",
	},
	{.name = NULL},
};

const struct fields sim_denial_fields = {"denial", denial_rows,
	sizeof(struct sim_denial)};

const char *
sim_image_state_name(int state)
{
	return image_states[state];
}
