/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what a launch names is there and fits together, and where it goes: a zone with
 * addresses, at a price within the bid, with capacity. EC2 picks the zone where nothing
 * asks for one.
 */
#include "sim/ec2.h"

#include "base/mem.h"
#include "sim/action.h"
#include "sim/catalog.h"
#include "sim/cloud.h"
#include "sim/params.h"
#include "sim/prices.h"
#include "sim/scenario.h"
#include "sim/text.h"
#include "sim/view.h"

#include <stdio.h>
#include <string.h>

#define PRODUCT "Linux/UNIX"

static bool
runs(const struct sim_type *type, const char *name, const char *architecture)
{
	if (type == NULL || type->architectures.count == 0)
		return strcmp(sim_ec2_architecture(name), architecture) == 0;
	return strings_contain(&type->architectures, architecture);
}

static const char *
architecture_of(const struct sim_type *type, const char *name)
{
	return type != NULL && type->architectures.count > 0
		? type->architectures.items[0]
		: sim_ec2_architecture(name);
}

static int
check_image(struct sim_call *call, struct sim_launch *l, const struct sim_type *type)
{
	const struct sim_image *i = sim_catalog_image(call->scenario, l->region,
		l->image);

	l->architecture = xstrdup(
		i != NULL ? i->architecture : architecture_of(type, l->type));
	if (call->scenario->images.count == 0)
		return 0;
	if (i == NULL)
		return sim_fail(&call->error, SIM_INVALID_AMI_ID_NOT_FOUND,
			"The image id '[%s]' does not exist", l->image);
	if (i->state != SIM_IMAGE_AVAILABLE)
		return sim_fail(&call->error, SIM_INVALID_AMI_ID_UNAVAILABLE,
			"The image ID '%s' is %s, and cannot be launched", l->image,
			sim_image_state_name(i->state));
	if (!runs(type, l->type, i->architecture))
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"The architecture '%s' of the specified instance type does not match the "
			"architecture '%s' of the specified AMI.",
			architecture_of(type, l->type), i->architecture);
	return 0;
}

/* By its name, or by what stands last in its ARN. */
static int
check_profile(struct sim_call *call, const struct sim_launch *l)
{
	const struct strings *profiles = &call->scenario->instance_profiles;
	const char *slash = l->profile != NULL ? strrchr(l->profile, '/') : NULL;
	bool by_arn = sim_params_get(call->params, "IamInstanceProfile.Arn") != NULL;

	if (l->profile == NULL || profiles->count == 0 ||
		(slash != NULL && strings_contain(profiles, slash + 1)))
		return 0;
	return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
		"Value (%.200s) for parameter iamInstanceProfile.%s is invalid. Invalid IAM "
		"Instance Profile %s",
		by_arn || slash == NULL ? l->profile : slash + 1,
		by_arn ? "arn" : "name", by_arn ? "ARN" : "name");
}

int
sim_ec2_check_launch(struct sim_call *call, struct sim_launch *l)
{
	const struct sim_type *type = sim_catalog_type(call->scenario, l->type);

	if (type == NULL && call->scenario->types.count > 0)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Invalid value '%.100s' for InstanceType.", l->type);
	if (check_image(call, l, type) != 0 ||
		(l->key_name != NULL && sim_ec2_check_key_pair(call, l->key_name) != 0))
		return -1;
	return check_profile(call, l);
}

int
sim_ec2_check_subnet(struct sim_call *call, const char *id)
{
	if (!sim_text_is_id(id, "subnet-", 1, 17))
		return sim_fail(&call->error, SIM_INVALID_SUBNET_ID_MALFORMED,
			"Invalid id: \"%.100s\" (expecting \"subnet-...\")", id);
	if (call->scenario->subnets.count > 0 &&
		sim_catalog_subnet(call->scenario, call->region, id) == NULL)
		return sim_fail(&call->error, SIM_INVALID_SUBNET_ID_NOT_FOUND,
			"The subnet ID '%s' does not exist", id);
	return 0;
}

/* True with the price, if the launch is spot with a bid below it. */
static bool
is_outbid(const struct sim_scenario *scenario, const struct sim_prices *prices,
	const struct sim_launch *l, double *ret_price)
{
	const struct sim_image *i = sim_catalog_image(scenario, l->region, l->image);

	/* Without a bid it is the on-demand price, which is never below. */
	return l->spot && l->max_price != NULL &&
		sim_prices_now(prices, l->type, l->zone,
			i != NULL ? i->platform : PRODUCT, ret_price) &&
		strtod(l->max_price, NULL) < *ret_price;
}

void
sim_ec2_outbid(struct sim_cloud *cloud, const struct sim_scenario *scenario,
	const struct sim_prices *prices)
{
	static const struct sim_reason by_price = {"Server.SpotInstanceTermination",
		"Server.SpotInstanceTermination: Spot instance termination",
		"Server.SpotInstanceTermination"};
	double price;

	for (struct sim_instance *i = sim_cloud_first(cloud); i != NULL; i = i->next)
		if (is_outbid(scenario, prices, i->launch, &price))
			sim_cloud_terminate(cloud, i, &by_price);
}

static int
check_price(struct sim_call *call, const struct sim_launch *l)
{
	double price;

	if (!is_outbid(call->scenario, call->prices, l, &price))
		return 0;
	return sim_fail(&call->error, SIM_SPOT_MAX_PRICE_TOO_LOW,
		"Your Spot request price of %s is lower than the minimum required Spot request "
		"fulfillment price of %.6f.",
		l->max_price, price);
}

/* How many between the counts asked for; a batch that fits in part is not refused. */
static int
check_room(struct sim_call *call, const struct sim_launch *l, int64_t room,
	const struct sim_capacity *rule, size_t *ret_count)
{
	int64_t min = sim_params_int(call->params, "MinCount", 1);
	int64_t max = sim_params_int(call->params, "MaxCount", 1);

	if (room >= min) {
		*ret_count = (size_t)(room < max ? room : max);
		return 0;
	}
	if (rule == NULL)
		return sim_fail(&call->error, SIM_INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET,
			"The specified subnet does not have enough free addresses to satisfy the "
			"request: %s",
			l->subnet);
	sim_fail(&call->error, SIM_INSUFFICIENT_INSTANCE_CAPACITY,
		"We currently do not have sufficient %s capacity in the Availability Zone you "
		"requested (%s).",
		l->type, l->zone);
	if (rule->code != NULL) {
		(void)snprintf(call->error.code, sizeof(call->error.code), "%s",
			rule->code);
		call->error.status = sim_code_status(rule->code);
	}
	return -1;
}

int
sim_ec2_impaired(struct sim_call *call, const char *zone)
{
	return sim_fail(&call->error, SIM_UNAVAILABLE,
		"The service is unavailable in %s. Please try again shortly.", zone);
}

static int
check_offered(struct sim_call *call, const struct sim_launch *l)
{
	const struct sim_type *type = sim_catalog_type(call->scenario, l->type);

	if (type == NULL || sim_type_is_offered(type, l->zone))
		return 0;
	return sim_fail(&call->error, SIM_UNSUPPORTED,
		"Your requested instance type (%s) is not supported in your requested "
		"Availability Zone (%s).",
		l->type, l->zone);
}

/* Whether it can be in the zone that the launch has now. */
static int
try_zone(struct sim_call *call, const struct sim_launch *l, size_t *ret_count)
{
	const struct field_list *rules = &call->scenario->capacity;
	const struct sim_capacity *rule = NULL;
	const struct sim_subnet *subnet = l->subnet != NULL
		? sim_catalog_subnet(call->scenario, l->region, l->subnet)
		: NULL;
	int64_t room;

	if (sim_zone_is_impaired(call, l->zone))
		return sim_ec2_impaired(call, l->zone);
	if (check_offered(call, l) != 0 || check_price(call, l) != 0)
		return -1;
	room = sim_cloud_room(call->cloud, l, rules->items, rules->count, &rule);
	if (subnet != NULL && subnet->addresses != FIELD_NULL) {
		int64_t left = sim_ec2_free_addresses(call, subnet);

		if (left < room) {
			room = left;
			rule = NULL;
		}
	}
	return check_room(call, l, room, rule, ret_count);
}

int
sim_ec2_place(struct sim_call *call, struct sim_launch *l, size_t *ret_count)
{
	struct sim_error first;

	if (try_zone(call, l, ret_count) == 0)
		return 0;
	if (l->zonal)
		return -1;
	first = call->error;
	for (char *letter = l->zone + strlen(l->zone) - 1; *letter < 'f';) {
		(*letter)++;
		if (try_zone(call, l, ret_count) == 0)
			return 0;
		/* That it is not offered somewhere is the least of all reasons. */
		if (strcmp(first.code, sim_code_name(SIM_UNSUPPORTED)) == 0)
			first = call->error;
	}
	l->zone[strlen(l->zone) - 1] = 'a'; /* where the next look begins */
	call->error = first;
	return -1;
}
