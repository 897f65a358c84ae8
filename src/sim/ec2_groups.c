/* SPDX-License-Identifier: Apache-2.0 */
/* DescribeSecurityGroups, and the groups of a launch. */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/catalog.h"
#include "sim/listing.h"
#include "sim/page.h"
#include "sim/params.h"
#include "sim/scenario.h"
#include "sim/text.h"
#include "sim/xmlout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_GROUP "default"

static const struct sim_page_rule pages = {"GroupId.1", "groupId", 5, 1000};

#define GET(name, expression) SIM_FILTER_GET(name, struct sim_group, g, expression)

GET(description, g->description)
GET(id, g->id)
GET(name, g->name)
GET(owner, SIM_OWNER_ID)
GET(vpc, g->vpc)

SIM_FILTER_TEST_TAG(struct sim_group)

static const struct sim_filter_row filters[] = {
	{"description", get_description, NULL},
	{"group-id", get_id, NULL},
	{"group-name", get_name, NULL},
	{"owner-id", get_owner, NULL},
	{"tag-key", NULL, test_tag},
	{"tag-value", NULL, test_tag},
	{"tag:", NULL, test_tag},
	{"vpc-id", get_vpc, NULL},
	{NULL, NULL, NULL},
};

static void
put_group(const void *obj, const void *before, struct buf *out)
{
	const struct sim_group *g = obj;

	(void)before;
	buf_puts(out, "<item>");
	sim_xml_text(out, "ownerId", SIM_OWNER_ID);
	sim_xml_text(out, "groupId", g->id);
	sim_xml_text(out, "groupName", g->name);
	sim_xml_text(out, "groupDescription", g->description);
	sim_xml_text(out, "vpcId", g->vpc);
	buf_puts(out, "<ipPermissions/><ipPermissionsEgress/>");
	sim_xml_map(out, "tagSet", &g->tags, "key", "value");
	buf_puts(out, "</item>");
}

static char *
id_of_name(const char *name)
{
	return xasprintf("sg-0%016" PRIx64, sim_hash(name));
}

static int
not_found(struct sim_call *call, const char *group)
{
	return sim_fail(&call->error, SIM_INVALID_GROUP_NOT_FOUND,
		"The security group '%.255s' does not exist", group);
}

static int
check_id(struct sim_call *call, const char *id)
{
	if (!sim_text_is_id(id, "sg-", 1, 17))
		return sim_fail(&call->error, SIM_INVALID_GROUP_ID_MALFORMED,
			"Invalid id: \"%.100s\" (expecting \"sg-...\")", id);
	if (call->scenario->groups.count > 0 &&
		sim_catalog_group(call->scenario, call->region, id) == NULL)
		return not_found(call, id);
	return 0;
}

static int
check_name(struct sim_call *call, const char *name)
{
	if (call->scenario->groups.count > 0 && strcmp(name, DEFAULT_GROUP) != 0 &&
		sim_catalog_group_named(call->scenario, call->region, name) == NULL)
		return not_found(call, name);
	return 0;
}

/* For all of a list of parameters. */
static int
check_all(struct sim_call *call, const char *list,
	int (*check)(struct sim_call *, const char *))
{
	const char *value;

	for (size_t n = 1;
		(value = sim_params_getf(call->params, "%s.%zu", list, n)) != NULL; n++)
		if (check(call, value) != 0)
			return -1;
	return 0;
}

static void
list_groups(struct sim_listing *l)
{
	const struct sim_group *groups = l->call->scenario->groups.items;
	const struct sim_params *p = l->call->params;

	for (size_t n = 0; n < l->call->scenario->groups.count; n++)
		if (sim_catalog_is_here(groups[n].region, l->call->region) &&
			sim_params_lists(p, "GroupId", groups[n].id) &&
			sim_params_lists(p, "GroupName", groups[n].name) &&
			!sim_listing_offer(l, n + 1, &groups[n]))
			return;
}

static bool
invent_group(struct sim_listing *l, uint64_t key, const char *id, const char *name)
{
	struct sim_group g = {0};
	bool more;

	field_defaults(&sim_group_fields, &g);
	free(g.name);
	g.id = id != NULL ? xstrdup(id) : id_of_name(name);
	g.name = xstrdup(name != NULL ? name : id);
	more = sim_listing_offer(l, key, &g);
	field_fini(&sim_group_fields, &g);
	return more;
}

/* Without a scenario each id and each name is a group, and one is there unasked. */
static void
invent_groups(struct sim_listing *l)
{
	const struct sim_params *p = l->call->params;
	const char *text;
	uint64_t key = 0;

	for (size_t n = 1; (text = sim_params_getf(p, "GroupId.%zu", n)) != NULL; n++)
		if (!invent_group(l, ++key, text, NULL))
			return;
	for (size_t n = 1; (text = sim_params_getf(p, "GroupName.%zu", n)) != NULL; n++)
		if (!invent_group(l, ++key, NULL, text))
			return;
	if (key == 0)
		invent_group(l, 1, NULL, DEFAULT_GROUP);
}

static int
describe_security_groups(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &pages,
		.set = "securityGroupInfo",
		.put = put_group};

	if (sim_listing_begin(&l, filters) != 0 ||
		check_all(call, "GroupId", check_id) != 0 ||
		check_all(call, "GroupName", check_name) != 0 ||
		sim_call_dry_run(call) != 0)
		return -1;
	if (call->scenario->groups.count > 0)
		list_groups(&l);
	else
		invent_groups(&l);
	sim_listing_end(&l);
	return 0;
}

/* The group's VPC must be the launch's. */
static int
put_group_id(struct sim_call *call, struct sim_launch *l, const char *id)
{
	const struct sim_group *g = sim_catalog_group(call->scenario, l->region, id);

	if (check_id(call, id) != 0)
		return -1;
	if (g != NULL && strcmp(g->vpc, l->vpc) != 0)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER,
			"Security group %s and subnet %s belong to different networks.",
			id, l->subnet != NULL ? l->subnet : "of the default VPC");
	strmap_put(&l->groups, id, g != NULL ? g->name : id);
	return 0;
}

static int
put_group_name(struct sim_call *call, struct sim_launch *l, const char *name)
{
	const struct sim_group *g = sim_catalog_group_named(call->scenario, l->region,
		name);
	AUTO(free) char *id = NULL;

	if (check_name(call, name) != 0)
		return -1;
	id = g != NULL ? xstrdup(g->id) : id_of_name(name);
	strmap_put(&l->groups, id, name);
	return 0;
}

int
sim_ec2_parse_groups(struct sim_call *call, struct sim_launch *l, bool interface)
{
	const char *prefix = interface ? "NetworkInterface.1." : "";
	const struct sim_params *p = call->params;
	const char *text;

	for (size_t n = 1;
		(text = sim_params_getf(p, "%sSecurityGroupId.%zu", prefix, n)) != NULL;
		n++)
		if (put_group_id(call, l, text) != 0)
			return -1;
	for (size_t n = 1; (text = sim_params_getf(p, "SecurityGroup.%zu", n)) != NULL;
		n++)
		if (put_group_name(call, l, text) != 0)
			return -1;
	return l->groups.count > 0 ? 0 : put_group_name(call, l, DEFAULT_GROUP);
}

static const struct sim_param_row groups_params[] = {
	{.name = "GroupId.N"},
	{.name = "GroupName.N"},
	{.name = "filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = "pages", .type = SIM_PARAM_ROWS, .rows = sim_ec2_page_params},
	{.name = NULL},
};

const struct sim_action sim_ec2_group_actions[] = {
	{
		.name = "DescribeSecurityGroups",
		.run = describe_security_groups,
		.params = groups_params,
		.bucket = SIM_BUCKET_DESCRIBE,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};
