/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RequestSpotInstances, which AWS calls legacy: the launch is that of RunInstances, with
 * its parameters under another name, and may come late, or when nobody waits any more.
 */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/bids.h"
#include "sim/cloud.h"
#include "sim/params.h"
#include "sim/scenario.h"
#include "sim/xmlout.h"

#include <string.h>

#define SPECIFICATION "LaunchSpecification."

static int
by_name(const void *a, const void *b)
{
	const struct sim_param *x = a;
	const struct sim_param *y = b;

	return strcmp(x->name, y->name);
}

static void
add(struct sim_params *p, const char *name, const char *value)
{
	p->items[p->count++] = (struct sim_param){name, value};
}

/* The parameters as RunInstances would have them; all borrowed but the array. */
static void
as_run(const struct sim_params *p, struct sim_params *ret)
{
	ret->items = xcalloc(p->count + 3, sizeof(*ret->items));
	for (size_t n = 0; n < p->count; n++) {
		const char *name = p->items[n].name;
		const char *value = p->items[n].value;

		if (strncmp(name, SPECIFICATION, strlen(SPECIFICATION)) == 0)
			add(ret, name + strlen(SPECIFICATION), value);
		else if (strncmp(name, "TagSpecification.", 17) == 0)
			add(ret, name, value);
		else if (strcmp(name, "SpotPrice") == 0)
			add(ret, "InstanceMarketOptions.SpotOptions.MaxPrice", value);
	}
	add(ret, "InstanceMarketOptions.MarketType", "spot");
	add(ret, "MinCount", "1");
	add(ret, "MaxCount", "1");
	qsort(ret->items, ret->count, sizeof(*ret->items), by_name);
}

/* What RunInstances takes and a specification does not. */
static int
check_specification(struct sim_call *call)
{
	static const char *const never[] = {"MetadataOptions.", "TagSpecification.",
		"InstanceMarketOptions.", "ClientToken", "MinCount", "MaxCount",
		"InstanceInitiatedShutdownBehavior", "DisableApiTermination"};

	for (size_t n = 0; n < COUNT_OF(never); n++) {
		AUTO(free) char *name = xasprintf(SPECIFICATION "%s", never[n]);

		if (sim_params_under(call->params, name))
			return sim_fail(&call->error, SIM_UNKNOWN_PARAMETER,
				"The parameter %s is not recognized", name);
	}
	return 0;
}

static int
parse(struct sim_call *call, struct sim_launch *l)
{
	AUTO(sim_params) struct sim_params own = {0};
	struct sim_call run = *call;
	int ret;

	as_run(call->params, &own);
	run.params = &own;
	ret = sim_params_check(&own, sim_ec2_run_params, NULL, &run.error) != 0 ||
			sim_ec2_parse_launch(&run, l) != 0 ||
			sim_ec2_check_launch(&run, l) != 0
		? -1
		: 0;
	call->error = run.error;
	return ret;
}

static int
read_until(struct sim_call *call, int64_t *ret_wall_ms)
{
	const char *text = sim_params_get(call->params, "ValidUntil");

	*ret_wall_ms = INT64_MAX;
	if (text != NULL && clock_parse(text, ret_wall_ms) != 0)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Value (%.100s) for parameter validUntil is invalid.", text);
	return 0;
}

/* The requests that a token has made already; how many there are. */
static size_t
repeat(struct sim_call *call, const char *token)
{
	size_t count = 0;

	for (const struct sim_bid *bid = sim_bids_first(call->bids);
		bid != NULL && token != NULL; bid = bid->next) {
		if (!str_equal(bid->token, token) ||
			strcmp(bid->launch->region, call->region) != 0)
			continue;
		sim_ec2_bid_xml(bid, call->out);
		count++;
	}
	return count;
}

/* Takes the launch. */
static void
make(struct sim_call *call, struct sim_launch *l, int64_t until_wall_ms)
{
	struct sim_bid *bid = sim_bids_add(call->bids, call->cloud, l);

	bid->token = xstrdup_opt(sim_params_get(call->params, "ClientToken"));
	bid->due_ms += call->scenario->spot_fulfillment;
	bid->until_wall_ms = until_wall_ms;
	sim_ec2_bid_xml(bid, call->out);
}

static int
make_all(struct sim_call *call, int64_t until_wall_ms)
{
	int64_t count = sim_params_int(call->params, "InstanceCount", 1);

	for (int64_t n = 0; n < count; n++) {
		AUTO(sim_launch) struct sim_launch *l = NEW(struct sim_launch);

		if (parse(call, l) != 0 || (n == 0 && sim_call_dry_run(call) != 0))
			return -1;
		make(call, TAKE(l), until_wall_ms);
	}
	return 0;
}

static int
request_spot_instances(struct sim_call *call)
{
	int64_t until_wall_ms;

	if (sim_params_under(call->params, SPECIFICATION "IamInstanceProfile.") &&
		sim_call_permit(call, "PassRole") != 0)
		return -1;
	if (check_specification(call) != 0 || read_until(call, &until_wall_ms) != 0)
		return -1;
	sim_xml_open(call->out, "spotInstanceRequestSet");
	if ((call->dry_run ||
		    repeat(call, sim_params_get(call->params, "ClientToken")) == 0) &&
		make_all(call, until_wall_ms) != 0)
		return -1;
	sim_xml_close(call->out, "spotInstanceRequestSet");
	return 0;
}

static const char *const types[] = {"one-time", NULL};
static const char *const interruptions[] = {"terminate", NULL};
static const char *const taggable[] = {"spot-instances-request", NULL};

static const struct sim_param_row params[] = {
	{.name = "SpotPrice", .type = SIM_PARAM_NUMBER},
	{.name = "InstanceCount", .type = SIM_PARAM_INT, .min = 1, .max = 1000},
	{.name = "Type", .type = SIM_PARAM_CHOICE, .choices = types},
	{.name = "ClientToken", .max = 64},
	{.name = "ValidUntil"},
	{.name = "InstanceInterruptionBehavior",
		.type = SIM_PARAM_CHOICE,
		.choices = interruptions},
	{.name = "TagSpecification.N.ResourceType",
		.type = SIM_PARAM_CHOICE,
		.choices = taggable},
	{.name = "TagSpecification.N.Tag.N.Key"},
	{.name = "TagSpecification.N.Tag.N.Value"},
	{.name = "LaunchSpecification.ImageId", .required = true},
	{.name = "LaunchSpecification.*", .type = SIM_PARAM_ANY},
	{.name = NULL},
};

const struct sim_action sim_ec2_request_actions[] = {
	{
		.name = "RequestSpotInstances",
		.run = request_spot_instances,
		.params = params,
		.bucket = SIM_BUCKET_MUTATING,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};
