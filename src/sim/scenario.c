/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a scenario, and how one is read. */
#include "sim/scenario.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "sim/address.h"
#include "sim/catalog.h"
#include "sim/cloud.h"
#include "sim/fault.h"
#include "sim/json.h"
#include "sim/ssm.h"
#include "sim/sts.h"
#include "sim/volume.h"
#include "sys/file.h"

#define DAY_MS 86400000

static const char *const dead_tokens[] = {
	[SIM_DEAD_TOKEN_ERROR] = "error",
	[SIM_DEAD_TOKEN_INSTANCE] = "instance",
	NULL,
};

static const struct field capacity_rows[] = {
	{
		.name = "type",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_capacity, type, char *),
		.def = "*",
		.example = "c7i.*",
		.doc = "Pattern of instance types.",
	},
	{
		.name = "zone",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_capacity, zone, char *),
		.def = "*",
		.doc = "Pattern of zones.",
	},
	{
		.name = "market",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_capacity, market, char *),
		.def = "*",
		.example = "spot",
		.doc = "Pattern of markets: on-demand and spot.",
	},
	{
		.name = "available",
		.type = FIELD_INT,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct sim_capacity, available, int64_t),
		.min = 0,
		.max = SIM_INSTANCES_MAX,
		.doc = "How many that match may live at once in a region.",
	},
	{
		.name = "linger",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_capacity, linger, int64_t),
		.def = "0",
		.max = DAY_MS,
		.doc = "How long one still counts after it has begun to end, as a quota does.",
	},
	{
		.name = "code",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_capacity, code, char *),
		.max = 64,
		.example = "VcpuLimitExceeded",
		.doc = "Error code above it; InsufficientInstanceCapacity without.",
	},
	{.name = NULL},
};

static const struct fields capacity_fields = {"capacity", capacity_rows,
	sizeof(struct sim_capacity)};

static const struct field lag_rows[] = {
	{
		.name = "state",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_lag, state, int64_t),
		.def = "0",
		.max = DAY_MS,
		.doc = "A state shows so late.",
	},
	{
		.name = "tags",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_lag, tags, int64_t),
		.def = "0",
		.max = DAY_MS,
		.doc = "The tags of a new instance show so late, and filters miss it.",
	},
	{
		.name = "address",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_lag, address, int64_t),
		.def = "0",
		.max = DAY_MS,
		.doc = "The addresses of a new instance show so late.",
	},
	{.name = NULL},
};

static const struct fields lag_fields = {"lag", lag_rows, sizeof(struct sim_lag)};

static const struct field rows[] = {
	{
		.name = "pending",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_scenario, pending, int64_t),
		.max = DAY_MS,
		.doc = "From pending to running; without it as --pending says.",
	},
	{
		.name = "shutdown",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_scenario, shutdown, int64_t),
		.max = DAY_MS,
		.doc = "From shutting-down to terminated and from stopping to stopped; without it as "
		       "--shutdown says.",
	},
	{
		.name = "volume_delay",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_scenario, volume_delay, int64_t),
		.def = "0.2",
		.max = DAY_MS,
		.doc = "A volume is creating, attaching and detaching for so long; those of a launch "
		       "are attached when it runs.",
	},
	{
		.name = "visible_after",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_scenario, visible_after, int64_t),
		.def = "0",
		.max = DAY_MS,
		.doc = "A new instance is not found for so long, though its launch has answered.",
	},
	{
		.name = "spot_fulfillment",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_scenario, spot_fulfillment, int64_t),
		.def = "0",
		.max = DAY_MS,
		.doc = "RequestSpotInstances has its instance so late, if the price and the capacity "
		       "are there by then; else it is held until they are.",
	},
	{
		.name = "lag",
		.type = FIELD_OBJECT,
		.offset = FIELD_AT(struct sim_scenario, lag, struct sim_lag),
		.sub = &lag_fields,
		.doc = "What DescribeInstances and DescribeInstanceStatus show late: {state, tags, "
		       "address}.",
	},
	{
		.name = "replicas",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct sim_scenario, replicas, int64_t),
		.def = "1",
		.min = 1,
		.max = 100,
		.doc = "Copies that such a call is answered from, one at random: the first is not "
		       "behind, the last as far as `lag` and `visible_after` say, so that what was "
		       "seen can be gone at the next look. A single one is always behind.",
	},
	{
		.name = "impaired_zones",
		.type = FIELD_STRINGS,
		.flags = FIELD_MANY,
		.offset = FIELD_AT(struct sim_scenario, impaired_zones, struct strings),
		.doc = "Zones that are out: nothing is launched, stopped or terminated there, and a "
		       "listing fails unless it names instances of other zones alone.",
	},
	{
		.name = "terminated_tags",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_scenario, terminated_tags, int64_t),
		.def = "5m",
		.max = DAY_MS,
		.doc = "A terminated instance keeps its tags for so long.",
	},
	{
		.name = "terminated_visible",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_scenario, terminated_visible, int64_t),
		.def = "1h",
		.max = DAY_MS,
		.doc = "A terminated instance is shown for so long.",
	},
	{
		.name = "page_token_life",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_scenario, page_token_life, int64_t),
		.def = "1h",
		.max = DAY_MS,
		.doc = "A NextToken is good for so long.",
	},
	{
		.name = "clock_offset",
		.type = FIELD_DURATION,
		.flags = FIELD_NEGATIVE,
		.offset = FIELD_AT(struct sim_scenario, clock_offset, int64_t),
		.def = "0",
		.doc = "The server's clock (its Date header, and the age of signatures) is off by so "
		       "much.",
	},
	{
		.name = "dead_token",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct sim_scenario, dead_token, int),
		.choices = dead_tokens,
		.def = "error",
		.doc = "A client token sent again when all its instances are terminated: the error "
		       "IdempotentInstanceTerminated, or the terminated instance.",
	},
	{
		.name = "instances_max",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct sim_scenario, instances_max, int64_t),
		.def = "1000000",
		.min = 0,
		.max = SIM_INSTANCES_MAX,
		.doc = "Instances in all since the last reset; above it InstanceLimitExceeded.",
	},
	{
		.name = "addresses_max",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct sim_scenario, addresses_max, int64_t),
		.def = "5",
		.min = 0,
		.max = 250,
		.doc = "Elastic addresses in a region; above it AddressLimitExceeded.",
	},
	{
		.name = "console",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct sim_scenario, console, char *),
		.doc = "What an instance prints on its console when it begins to run.",
	},
	{
		.name = "capacity",
		.type = FIELD_LIST,
		.offset = FIELD_AT(struct sim_scenario, capacity, struct field_list),
		.sub = &capacity_fields,
		.doc = "Limits: {type, zone, market} are patterns, `available` may live at once, "
		       "`code` is the error above it, one that ends counts for `linger`. All that match "
		       "a launch count.",
	},
	{
		.name = "addresses",
		.type = FIELD_LIST,
		.offset = FIELD_AT(struct sim_scenario, addresses, struct field_list),
		.sub = &sim_address_fields,
		.doc = "Elastic addresses that are there, beside those that are allocated.",
	},
	{
		.name = "volumes",
		.type = FIELD_LIST,
		.offset = FIELD_AT(struct sim_scenario, volumes, struct field_list),
		.sub = &sim_volume_fields,
		.doc = "Volumes that are there, beside those that are made.",
	},
	{
		.name = "roles",
		.type = FIELD_LIST,
		.offset = FIELD_AT(struct sim_scenario, roles, struct field_list),
		.sub = &sim_role_fields,
		.doc = "The roles that may be assumed, and no others; without any, every role.",
	},
	{
		.name = "imds",
		.type = FIELD_OBJECT,
		.offset = FIELD_AT(struct sim_scenario, imds, struct sim_host),
		.sub = &sim_host_fields,
		.doc = "The metadata service of the computer that asks, at /latest/.",
	},
	{
		.name = "parameters",
		.type = FIELD_LIST,
		.offset = FIELD_AT(struct sim_scenario, parameters, struct field_list),
		.sub = &sim_parameter_fields,
		.doc = "What SSM's GetParameter knows, beside an AMI for each name below "
		       "/aws/service/ami-.",
	},
	{
		.name = "faults",
		.type = FIELD_LIST,
		.offset = FIELD_AT(struct sim_scenario, faults, struct field_list),
		.sub = &sim_fault_fields,
		.doc = "Fault rules, as for POST /_sim/faults.",
	},
	{
		.name = "images",
		.type = FIELD_LIST,
		.offset = FIELD_AT(struct sim_scenario, images, struct field_list),
		.sub = &sim_image_fields,
		.doc = "The images there are, and no others: {id, region, name, location, owner, "
		       "alias, state, architecture, platform, description, created, deprecated, "
		       "public, tags}. Without any, every image that is asked for.",
	},
	{
		.name = "subnets",
		.type = FIELD_LIST,
		.offset = FIELD_AT(struct sim_scenario, subnets, struct field_list),
		.sub = &sim_subnet_fields,
		.doc = "The subnets there are, and no others: {id, zone, vpc, addresses, available, "
		       "tags}.",
	},
	{
		.name = "prices",
		.type = FIELD_LIST,
		.offset = FIELD_AT(struct sim_scenario, prices, struct field_list),
		.sub = &sim_price_fields,
		.doc = "Spot prices and their history: {type, zone, product, price, ago}. A bid "
		       "below the present one is refused; where there is none, any bid will do.",
	},
	{
		.name = "key_pairs",
		.type = FIELD_LIST,
		.offset = FIELD_AT(struct sim_scenario, key_pairs, struct field_list),
		.sub = &sim_key_pair_fields,
		.doc = "The key pairs there are, and no others: {name, region, fingerprint, tags}.",
	},
	{
		.name = "groups",
		.type = FIELD_LIST,
		.offset = FIELD_AT(struct sim_scenario, groups, struct field_list),
		.sub = &sim_group_fields,
		.doc = "The security groups there are, and no others: {id, name, vpc, region, description, tags}.",
	},
	{
		.name = "types",
		.type = FIELD_LIST,
		.offset = FIELD_AT(struct sim_scenario, types, struct field_list),
		.sub = &sim_type_fields,
		.doc = "The instance types there are, and no others: {name, architectures, zones, vcpus, memory}.",
	},
	{
		.name = "instance_profiles",
		.type = FIELD_STRINGS,
		.offset = FIELD_AT(struct sim_scenario, instance_profiles,
			struct strings),
		.doc = "Names of the instance profiles there are, and no others.",
	},
	{
		.name = "denied",
		.type = FIELD_LIST,
		.offset = FIELD_AT(struct sim_scenario, denied, struct field_list),
		.sub = &sim_denial_fields,
		.doc = "What may not be done, with or without DryRun: {action, key} are patterns of actions and access keys.",
	},
	{.name = NULL},
};

const struct fields sim_scenario_fields = {"scenario", rows,
	sizeof(struct sim_scenario)};

static int
check_faults(const struct sim_scenario *s, struct err *err)
{
	const struct sim_fault *faults = s->faults.items;

	for (size_t n = 0; n < s->faults.count; n++)
		if (sim_fault_check(&faults[n], err) != 0)
			return err_wrap(err, "faults[%zu]", n);
	return 0;
}

static int
load(const struct node *map, struct sim_scenario *s, struct err *err)
{
	AUTO(diags) struct diags ds = {0};

	if (map->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "expected an object, not %s",
			node_kind_name(map));
	if (field_load(&sim_scenario_fields, map, s, NULL, &ds) != 0)
		return diag_to_err(&ds, ERR_INVALID, err);
	return check_faults(s, err);
}

int
sim_scenario_parse(const char *text, size_t len, const char *name,
	struct sim_scenario *ret_scenario, struct err *err)
{
	AUTO(node) struct node *map = sim_json_parse(text, len, err);
	struct sim_scenario s = {0};

	if (map == NULL || load(map, &s, err) != 0) {
		sim_scenario_fini(&s);
		return err_wrap(err, "%s", name);
	}
	*ret_scenario = s;
	return 0;
}

int
sim_scenario_load(const char *path, struct sim_scenario *ret_scenario, struct err *err)
{
	AUTO(buf) struct buf text = {0};

	if (file_read(path, SIM_SCENARIO_MAX, false, &text, NULL, err) != 0)
		return -1;
	return sim_scenario_parse(buf_str(&text), text.len, path, ret_scenario, err);
}

void
sim_scenario_defaults(struct sim_scenario *ret_scenario)
{
	*ret_scenario = (struct sim_scenario){0};
	field_defaults(&sim_scenario_fields, ret_scenario);
}

void
sim_scenario_fini(struct sim_scenario *s)
{
	field_fini(&sim_scenario_fields, s);
}
