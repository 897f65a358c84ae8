/* SPDX-License-Identifier: Apache-2.0 */
/* DescribeRegions, DescribeAvailabilityZones and DescribeVpcs: the places there are. */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/catalog.h"
#include "sim/listing.h"
#include "sim/page.h"
#include "sim/params.h"
#include "sim/scenario.h"
#include "sim/view.h"
#include "sim/xmlout.h"

#include <stdio.h>
#include <string.h>

static const struct sim_page_rule no_pages = {NULL, NULL, 1, 1000};
static const struct sim_page_rule vpc_pages = {"VpcId.1", "vpcId", 5, 1000};

/* Any region is served; these are the ones that are told of, and the one that asks. */
static const char *const regions[] = {"ap-northeast-1", "ap-south-1", "ap-southeast-1",
	"ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1",
	"eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1",
	"us-west-2"};

struct zone {
	const char *name; /* borrowed */
	bool impaired;
};

#define GET(name, expression) SIM_FILTER_GET(name, char, place, expression)
#define GET_ZONE(name, expression) SIM_FILTER_GET(name, struct zone, z, expression)

GET(place, place)
GET_ZONE(zone_name, z->name)
GET_ZONE(zone_id, sim_zone_id(z->name, text))
GET_ZONE(zone_state, z->impaired ? "impaired" : "available")
GET(opt_in, "opt-in-not-required")
GET(zone_type, "availability-zone")
GET(available, "available")
GET(owner, SIM_OWNER_ID)
GET(is_default, strcmp(place, SIM_DEFAULT_VPC) == 0 ? "true" : "false")

static const char *
get_endpoint(const void *obj, char text[static SIM_FILTER_TEXT])
{
	(void)snprintf(text, SIM_FILTER_TEXT, "ec2.%.60s.amazonaws.com",
		(const char *)obj);
	return text;
}

static const char *
get_region(const void *obj, char text[static SIM_FILTER_TEXT])
{
	const struct zone *z = obj;

	(void)snprintf(text, SIM_FILTER_TEXT, "%.*s", (int)strlen(z->name) - 1,
		z->name);
	return text;
}

static const struct sim_filter_row region_filters[] = {
	{"endpoint", get_endpoint, NULL},
	{"opt-in-status", get_opt_in, NULL},
	{"region-name", get_place, NULL},
	{NULL, NULL, NULL},
};

static const struct sim_filter_row zone_filters[] = {
	{"opt-in-status", get_opt_in, NULL},
	{"region-name", get_region, NULL},
	{"state", get_zone_state, NULL},
	{"zone-id", get_zone_id, NULL},
	{"zone-name", get_zone_name, NULL},
	{"zone-type", get_zone_type, NULL},
	{NULL, NULL, NULL},
};

static const struct sim_filter_row vpc_filters[] = {
	{"is-default", get_is_default, NULL},
	{"owner-id", get_owner, NULL},
	{"state", get_available, NULL},
	{"vpc-id", get_place, NULL},
	{NULL, NULL, NULL},
};

static void
put_region(const void *obj, const void *before, struct buf *out)
{
	char text[SIM_FILTER_TEXT];

	(void)before;
	buf_puts(out, "<item>");
	sim_xml_text(out, "regionName", obj);
	sim_xml_text(out, "regionEndpoint", get_endpoint(obj, text));
	sim_xml_text(out, "optInStatus", "opt-in-not-required");
	buf_puts(out, "</item>");
}

static void
put_zone(const void *obj, const void *before, struct buf *out)
{
	const struct zone *z = obj;
	char text[SIM_FILTER_TEXT];

	(void)before;
	buf_puts(out, "<item>");
	sim_xml_text(out, "zoneName", z->name);
	sim_xml_text(out, "zoneId", sim_zone_id(z->name, text));
	sim_xml_text(out, "zoneType", "availability-zone");
	sim_xml_text(out, "zoneState", z->impaired ? "impaired" : "available");
	sim_xml_text(out, "regionName", get_region(obj, text));
	sim_xml_text(out, "optInStatus", "opt-in-not-required");
	buf_puts(out, "</item>");
}

static void
put_vpc(const void *obj, const void *before, struct buf *out)
{
	(void)before;
	buf_puts(out, "<item>");
	sim_xml_text(out, "vpcId", obj);
	sim_xml_text(out, "ownerId", SIM_OWNER_ID);
	sim_xml_text(out, "state", "available");
	sim_xml_text(out, "cidrBlock", "10.0.0.0/8");
	sim_xml_bool(out, "isDefault", strcmp(obj, SIM_DEFAULT_VPC) == 0);
	buf_puts(out, "</item>");
}

static bool
is_region(const struct sim_call *call, const char *name)
{
	for (size_t n = 0; n < COUNT_OF(regions); n++)
		if (strcmp(regions[n], name) == 0)
			return true;
	return strcmp(name, call->region) == 0;
}

static int
describe_regions(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &no_pages,
		.set = "regionInfo",
		.put = put_region};
	const char *name;
	bool ours = false;

	for (size_t n = 1;
		(name = sim_params_getf(call->params, "RegionName.%zu", n)) != NULL;
		n++)
		if (!is_region(call, name))
			return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
				"Invalid region: [%.64s]", name);
	if (sim_listing_begin(&l, region_filters) != 0 || sim_call_dry_run(call) != 0)
		return -1;
	for (size_t n = 0; n < COUNT_OF(regions); n++) {
		ours = ours || strcmp(regions[n], call->region) == 0;
		if (sim_params_lists(call->params, "RegionName", regions[n]))
			sim_listing_offer(&l, n + 1, regions[n]);
	}
	if (!ours && sim_params_lists(call->params, "RegionName", call->region))
		sim_listing_offer(&l, COUNT_OF(regions) + 1, call->region);
	sim_listing_end(&l);
	return 0;
}

static int
check_zones(struct sim_call *call)
{
	const char *name;

	for (size_t n = 1;
		(name = sim_params_getf(call->params, "ZoneName.%zu", n)) != NULL; n++)
		if (!sim_zone_is_of(name, call->region))
			return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
				"Invalid availability zone: [%.64s]", name);
	return 0;
}

static int
describe_availability_zones(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &no_pages,
		.set = "availabilityZoneInfo",
		.put = put_zone};

	if (sim_listing_begin(&l, zone_filters) != 0 || check_zones(call) != 0 ||
		sim_call_dry_run(call) != 0)
		return -1;
	for (uint64_t n = 0; n < 6; n++) {
		AUTO(free)
		char *zone = xasprintf("%s%c", call->region, (char)('a' + (int)n));
		struct zone z = {zone, sim_zone_is_impaired(call, zone)};
		char id[SIM_ZONE_ID_SIZE];

		if (sim_params_lists(call->params, "ZoneName", zone) &&
			sim_params_lists(call->params, "ZoneId", sim_zone_id(zone, id)))
			sim_listing_offer(&l, n + 1, &z);
	}
	sim_listing_end(&l);
	return 0;
}

/* The default one, and those of the subnets and groups. Borrowed from the scenario. */
static void
collect_vpcs(const struct sim_call *call, struct strings *ret_vpcs)
{
	const struct sim_subnet *subnets = call->scenario->subnets.items;
	const struct sim_group *groups = call->scenario->groups.items;

	strings_add(ret_vpcs, SIM_DEFAULT_VPC);
	for (size_t n = 0; n < call->scenario->subnets.count; n++)
		if (sim_zone_is_of(subnets[n].zone, call->region) &&
			!strings_contain(ret_vpcs, subnets[n].vpc))
			strings_add(ret_vpcs, subnets[n].vpc);
	for (size_t n = 0; n < call->scenario->groups.count; n++)
		if (sim_catalog_is_here(groups[n].region, call->region) &&
			!strings_contain(ret_vpcs, groups[n].vpc))
			strings_add(ret_vpcs, groups[n].vpc);
}

static int
list_vpcs(struct sim_listing *l, const struct strings *vpcs)
{
	struct sim_call *call = l->call;
	const char *id;

	for (size_t n = 1; (id = sim_params_getf(call->params, "VpcId.%zu", n)) != NULL;
		n++)
		if (!strings_contain(vpcs, id))
			return sim_fail(&call->error, SIM_INVALID_VPC_ID_NOT_FOUND,
				"The vpc ID '%.100s' does not exist", id);
	if (sim_call_dry_run(call) != 0)
		return -1;
	for (size_t n = 0; n < vpcs->count; n++)
		if (sim_params_lists(call->params, "VpcId", vpcs->items[n]) &&
			!sim_listing_offer(l, n + 1, vpcs->items[n]))
			break;
	sim_listing_end(l);
	return 0;
}

static int
describe_vpcs(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &vpc_pages,
		.set = "vpcSet",
		.put = put_vpc};
	struct strings vpcs = {0};
	int ret;

	if (sim_listing_begin(&l, vpc_filters) != 0)
		return -1;
	collect_vpcs(call, &vpcs);
	ret = list_vpcs(&l, &vpcs);
	strings_fini(&vpcs);
	return ret;
}

static const struct sim_param_row regions_params[] = {
	{.name = "RegionName.N"},
	{.name = "AllRegions", .type = SIM_PARAM_BOOL},
	{.name = "filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = NULL},
};

static const struct sim_param_row zones_params[] = {
	{.name = "ZoneName.N"},
	{.name = "ZoneId.N"},
	{.name = "AllAvailabilityZones", .type = SIM_PARAM_BOOL},
	{.name = "filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = NULL},
};

static const struct sim_param_row vpcs_params[] = {
	{.name = "VpcId.N"},
	{.name = "filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = "pages", .type = SIM_PARAM_ROWS, .rows = sim_ec2_page_params},
	{.name = NULL},
};

const struct sim_action sim_ec2_region_actions[] = {
	{
		.name = "DescribeRegions",
		.run = describe_regions,
		.params = regions_params,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "DescribeAvailabilityZones",
		.run = describe_availability_zones,
		.params = zones_params,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "DescribeVpcs",
		.run = describe_vpcs,
		.params = vpcs_params,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};
