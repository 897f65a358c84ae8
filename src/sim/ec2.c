/* SPDX-License-Identifier: Apache-2.0 */
/* The EC2 service: its tables of actions, and the parameters that many of them take. */
#include "sim/ec2.h"

#include "sim/action.h"
#include "sim/catalog.h"
#include "sim/params.h"
#include "sim/scenario.h"
#include "sim/sigv4.h"
#include "sim/text.h"

#include <string.h>

static const struct sim_param_row common[] = {
	{.name = "Action"},
	{.name = "Version"},
	{.name = "DryRun", .type = SIM_PARAM_BOOL},
	{.name = NULL},
};

const struct sim_param_row sim_ec2_filter_params[] = {
	{.name = "Filter.N.Name"},
	{.name = "Filter.N.Value.N"},
	{.name = NULL},
};

const struct sim_param_row sim_ec2_page_params[] = {
	{.name = "MaxResults", .type = SIM_PARAM_INT},
	{.name = "NextToken"},
	{.name = NULL},
};

const struct sim_param_row sim_ec2_instances_params[] = {
	{.name = "InstanceId.N", .required = true},
	{.name = NULL},
};

static const struct sim_action *const tables[] = {
	sim_ec2_run_actions,
	sim_ec2_describe_actions,
	sim_ec2_change_actions,
	sim_ec2_image_actions,
	sim_ec2_network_actions,
	sim_ec2_price_actions,
	sim_ec2_address_actions,
	sim_ec2_volume_actions,
	sim_ec2_group_actions,
	sim_ec2_key_actions,
	sim_ec2_type_actions,
	sim_ec2_region_actions,
	sim_ec2_spot_actions,
	sim_ec2_request_actions,
	sim_ec2_attribute_actions,
	NULL,
};

const struct sim_service sim_ec2 = {
	.name = "ec2",
	.wire = SIM_WIRE_EC2,
	.version = "2016-11-15",
	.xmlns = "http://ec2.amazonaws.com/doc/2016-11-15/",
	.common = common,
	.tables = tables,
};

const struct sim_action *
sim_action_find(const struct sim_service *service, const char *name)
{
	for (size_t n = 0; service->tables[n] != NULL; n++)
		for (const struct sim_action *a = service->tables[n]; a->name != NULL;
			a++)
			if (strcmp(a->name, name) == 0)
				return a;
	return NULL;
}

const struct sim_action *
sim_action_at(const struct sim_service *service, size_t n)
{
	for (size_t t = 0; service->tables[t] != NULL; t++)
		for (const struct sim_action *a = service->tables[t]; a->name != NULL;
			a++)
			if (n-- == 0)
				return a;
	return NULL;
}

int
sim_call_permit(struct sim_call *call, const char *action)
{
	const struct sim_denial *denied = call->scenario->denied.items;
	const struct sim_identity *who = call->identity;

	for (size_t n = 0; n < call->scenario->denied.count; n++)
		if (sim_text_matches(denied[n].action, action) &&
			(sim_text_matches(denied[n].key, who->key_id) ||
				sim_text_matches(denied[n].key, who->arn)))
			return sim_fail(&call->error, SIM_UNAUTHORIZED_OPERATION,
				"You are not authorized to perform this operation. User: %s%s "
				"is not authorized to perform: %s with an explicit deny",
				who->arn[0] == '\0' ? "arn:aws:iam::" SIM_OWNER_ID
						      ":user/"
						    : "",
				who->arn[0] == '\0' ? who->key_id : who->arn, action);
	return 0;
}

int
sim_call_dry_run(struct sim_call *call)
{
	if (!call->dry_run)
		return 0;
	return sim_fail(&call->error, SIM_DRY_RUN_OPERATION,
		"Request would have succeeded, but DryRun flag is set.");
}
