/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of images, subnets and prices, and the search in those of a scenario. */
#include "sim/catalog.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/scenario.h"
#include "sim/text.h"

#include <stdio.h>
#include <string.h>

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

bool
sim_catalog_is_here(const char *its_region, const char *region)
{
	return its_region == NULL || strcmp(its_region, region) == 0;
}

const struct sim_image *
sim_catalog_image(const struct sim_scenario *s, const char *region, const char *id)
{
	const struct sim_image *images = s->images.items;

	for (size_t n = 0; n < s->images.count; n++)
		if (strcmp(images[n].id, id) == 0 &&
			sim_catalog_is_here(images[n].region, region))
			return &images[n];
	return NULL;
}

const struct sim_subnet *
sim_catalog_subnet(const struct sim_scenario *s, const char *region, const char *id)
{
	const struct sim_subnet *subnets = s->subnets.items;

	for (size_t n = 0; n < s->subnets.count; n++)
		if (strcmp(subnets[n].id, id) == 0 &&
			sim_zone_is_of(subnets[n].zone, region))
			return &subnets[n];
	return NULL;
}

const char *
sim_image_state_name(int state)
{
	return image_states[state];
}

bool
sim_zone_is_of(const char *zone, const char *region)
{
	size_t len = strlen(region);

	return strncmp(zone, region, len) == 0 && zone[len] >= 'a' &&
		zone[len] <= 'f' && zone[len + 1] == '\0';
}

uint64_t
sim_hash(const char *text)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return h;
}

char *
sim_zone_of_subnet(const char *region, const char *subnet)
{
	return xasprintf("%s%c", region, (char)('a' + (int)(sim_hash(subnet) % 3)));
}

/* A geography, the initials of a direction, a number: ap-northeast-3a is in apne3. */
const char *
sim_zone_id(const char *zone, char text[static 32])
{
	char area[8], direction[16], half[2] = "";
	char letter;
	int number;

	/* analyze: cert-err34-c: a number of one digit */
	if (sscanf(zone, "%7[a-z]-%15[a-z]-%1d%c", area, direction, &number, &letter) !=
		4)
		return zone;
	if (strlen(direction) > 5 && strcmp(direction, "central") != 0)
		half[0] = direction[5]; /* north and south have five letters */
	(void)snprintf(text, 32, "%s%c%s%d-az%d", area, direction[0], half, number,
		letter - 'a' + 1);
	return text;
}
