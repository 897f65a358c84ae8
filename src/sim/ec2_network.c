/* SPDX-License-Identifier: Apache-2.0 */
/* DescribeSubnets. */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/catalog.h"
#include "sim/cloud.h"
#include "sim/listing.h"
#include "sim/page.h"
#include "sim/params.h"
#include "sim/scenario.h"
#include "sim/text.h"
#include "sim/xmlout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MANY_ADDRESSES 4091 /* of a /20 */

static const struct sim_page_rule pages = {"SubnetId.1", "subnetId", 5, 1000};

#define GET(name, expression) SIM_FILTER_GET(name, struct sim_subnet, s, expression)

GET(zone, s->zone)
GET(zone_id, sim_zone_id(s->zone, text))
GET(id, s->id)
GET(owner, SIM_OWNER_ID)
GET(state, s->available ? "available" : "pending")
GET(vpc, s->vpc)

SIM_FILTER_TEST_TAG(struct sim_subnet)

static const struct sim_filter_row filters[] = {
	{"availability-zone", get_zone, NULL},
	{"availability-zone-id", get_zone_id, NULL},
	{"owner-id", get_owner, NULL},
	{"state", get_state, NULL},
	{"subnet-id", get_id, NULL},
	{"tag-key", NULL, test_tag},
	{"tag-value", NULL, test_tag},
	{"tag:", NULL, test_tag},
	{"vpc-id", get_vpc, NULL},
	{NULL, NULL, NULL},
};

static void
put_subnet(const void *obj, const void *before, struct buf *out)
{
	const struct sim_subnet *s = obj;
	char text[SIM_FILTER_TEXT];

	(void)before;
	buf_puts(out, "<item>");
	sim_xml_text(out, "subnetId", s->id);
	sim_xml_text(out, "state", s->available ? "available" : "pending");
	sim_xml_text(out, "vpcId", s->vpc);
	sim_xml_text(out, "ownerId", SIM_OWNER_ID);
	sim_xml_int(out, "availableIpAddressCount",
		s->addresses != FIELD_NULL ? s->addresses : MANY_ADDRESSES);
	sim_xml_text(out, "availabilityZone", s->zone);
	sim_xml_text(out, "availabilityZoneId", sim_zone_id(s->zone, text));
	sim_xml_bool(out, "defaultForAz", false);
	sim_xml_bool(out, "mapPublicIpOnLaunch", true);
	sim_xml_map(out, "tagSet", &s->tags, "key", "value");
	buf_puts(out, "</item>");
}

int64_t
sim_ec2_free_addresses(const struct sim_call *call, const struct sim_subnet *s)
{
	int64_t left = s->addresses;

	for (const struct sim_instance *i = sim_cloud_first(call->cloud);
		i != NULL && left > 0; i = i->next)
		left -= i->state != SIM_TERMINATED &&
			str_equal(i->launch->subnet, s->id);
	return left;
}

/* Offers a subnet with the addresses that are left in it now. */
static bool
offer(struct sim_listing *l, uint64_t key, const struct sim_subnet *s)
{
	struct sim_subnet now = *s;

	if (s->addresses != FIELD_NULL)
		now.addresses = sim_ec2_free_addresses(l->call, s);
	return sim_listing_offer(l, key, &now);
}

static void
list_subnets(struct sim_listing *l)
{
	const struct sim_subnet *subnets = l->call->scenario->subnets.items;
	const struct sim_params *p = l->call->params;

	for (size_t n = 0; n < l->call->scenario->subnets.count; n++)
		if (sim_zone_is_of(subnets[n].zone, l->call->region) &&
			sim_params_lists(p, "SubnetId", subnets[n].id) &&
			!offer(l, n + 1, &subnets[n]))
			return;
}

/* Without a scenario each id names a subnet. */
static void
invent_subnets(struct sim_listing *l)
{
	const char *id;
	bool more = true;

	for (size_t n = 1; more &&
		(id = sim_params_getf(l->call->params, "SubnetId.%zu", n)) != NULL;
		n++) {
		struct sim_subnet s = {0};

		field_defaults(&sim_subnet_fields, &s);
		s.id = xstrdup(id);
		s.zone = sim_zone_of_subnet(l->call->region, id);
		more = offer(l, n, &s);
		field_fini(&sim_subnet_fields, &s);
	}
}

static int
check_ids(struct sim_call *call)
{
	const char *id;

	for (size_t n = 1;
		(id = sim_params_getf(call->params, "SubnetId.%zu", n)) != NULL; n++)
		if (sim_ec2_check_subnet(call, id) != 0)
			return -1;
	return 0;
}

static int
describe_subnets(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &pages,
		.set = "subnetSet",
		.put = put_subnet};

	if (sim_listing_begin(&l, filters) != 0 || check_ids(call) != 0 ||
		sim_call_dry_run(call) != 0)
		return -1;
	if (call->scenario->subnets.count > 0)
		list_subnets(&l);
	else
		invent_subnets(&l);
	sim_listing_end(&l);
	return 0;
}

static const struct sim_param_row subnets_params[] = {
	{.name = "SubnetId.N"},
	{.name = "filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = "pages", .type = SIM_PARAM_ROWS, .rows = sim_ec2_page_params},
	{.name = NULL},
};

const struct sim_action sim_ec2_network_actions[] = {
	{
		.name = "DescribeSubnets",
		.run = describe_subnets,
		.params = subnets_params,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};
