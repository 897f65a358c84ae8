/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RunInstances: from parameters to a launch, the client token, capacity. Tags, network
 * and disks of the launch are read in ec2_launch.c.
 */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/cloud.h"
#include "sim/params.h"
#include "sim/scenario.h"
#include "sim/text.h"
#include "sim/xmlout.h"
#include "sys/crypto.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define USER_DATA_MAX 16384
#define DEFAULT_TYPE "m1.small"

static char *
copy_param(const struct sim_call *call, const char *name)
{
	return xstrdup_opt(sim_params_get(call->params, name));
}

static int
parse_image_and_type(struct sim_call *call, struct sim_launch *l)
{
	const char *image = sim_params_get(call->params, "ImageId");
	const char *type = sim_params_get(call->params, "InstanceType");

	/* EC2 wants 8 or 17 digits; shorter ones are what documentation is full of. */
	if (!sim_text_is_id(image, "ami-", 1, 17))
		return sim_fail(&call->error, SIM_INVALID_AMI_ID_MALFORMED,
			"Invalid id: \"%.100s\" (expecting \"ami-...\")", image);
	if (type != NULL && !sim_text_is_type(type))
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Invalid value '%.100s' for InstanceType.", type);
	l->image = xstrdup(image);
	l->type = xstrdup(type != NULL ? type : DEFAULT_TYPE);
	l->key_name = copy_param(call, "KeyName");
	return 0;
}

static int
parse_user_data(struct sim_call *call, struct sim_launch *l)
{
	const char *text = sim_params_get(call->params, "UserData");

	if (text == NULL || text[0] == '\0')
		return 0;
	l->user_data = NEW(struct buf);
	if (crypto_base64_decode(text, strlen(text), l->user_data) != 0)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Invalid BASE64 encoding of user data.");
	if (l->user_data->len > USER_DATA_MAX)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"User data is limited to %d bytes", USER_DATA_MAX);
	return 0;
}

static int
parse_profile(struct sim_call *call, struct sim_launch *l)
{
	const char *arn = sim_params_get(call->params, "IamInstanceProfile.Arn");
	const char *name = sim_params_get(call->params, "IamInstanceProfile.Name");

	if (arn != NULL && name != NULL)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_COMBINATION,
			"The parameter 'iamInstanceProfile.name' may not be used in combination with "
			"'iamInstanceProfile.arn'");
	if (arn != NULL && strncmp(arn, "arn:", 4) != 0)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Value (%.200s) for parameter iamInstanceProfile.arn is invalid. Invalid IAM "
			"Instance Profile ARN",
			arn);
	if (arn != NULL)
		l->profile = xstrdup(arn);
	else if (name != NULL)
		l->profile = xasprintf("arn:aws:iam::" SIM_OWNER_ID
				       ":instance-profile/%s",
			name);
	return 0;
}

static int
parse_market(struct sim_call *call, struct sim_launch *l)
{
	const char *market = sim_params_get(call->params,
		"InstanceMarketOptions.MarketType");

	l->spot = str_equal(market, "spot");
	if (!l->spot &&
		sim_params_under(call->params, "InstanceMarketOptions.SpotOptions."))
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_COMBINATION,
			"SpotOptions can be set only when MarketType is spot");
	l->max_price = copy_param(call, "InstanceMarketOptions.SpotOptions.MaxPrice");
	return 0;
}

static void
parse_options(struct sim_call *call, struct sim_launch *l)
{
	const struct sim_params *p = call->params;

	l->tenancy = copy_param(call, "Placement.Tenancy");
	l->http_tokens = copy_param(call, "MetadataOptions.HttpTokens");
	l->http_endpoint = copy_param(call, "MetadataOptions.HttpEndpoint");
	l->http_hops = copy_param(call, "MetadataOptions.HttpPutResponseHopLimit");
	l->instance_tags = copy_param(call, "MetadataOptions.InstanceMetadataTags");
	l->monitoring = sim_params_true(p, "Monitoring.Enabled");
	l->ebs_optimized = sim_params_true(p, "EbsOptimized");
	l->protect = sim_params_true(p, "DisableApiTermination");
	l->terminate_on_power_off =
		str_equal(sim_params_get(p, "InstanceInitiatedShutdownBehavior"),
			"terminate");
}

static int
parse_token(struct sim_call *call, struct sim_launch *l)
{
	const char *token = sim_params_get(call->params, "ClientToken");

	if (token == NULL || token[0] == '\0')
		return 0;
	for (const char *p = token; *p != '\0'; p++)
		if (!isascii(*p) || p - token >= 64)
			return sim_fail(&call->error, SIM_INVALID_CLIENT_TOKEN,
				"A client token is at most 64 ASCII characters");
	l->token = xstrdup(token);
	return 0;
}

/* The metadata service shows a tag as a path (EC2, "View tags in instance metadata"). */
static int
check_shown_tags(struct sim_call *call, const struct sim_launch *l)
{
	static const char pattern[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_+=,.@:";

	for (size_t n = 0; n < l->tags.count; n++) {
		const char *key = l->tags.keys[n];

		if (str_equal(l->instance_tags, "enabled") &&
			(strspn(key, pattern) != strlen(key) || key[0] == '\0' ||
				strcmp(key, ".") == 0 || strcmp(key, "..") == 0 ||
				strcmp(key, "_index") == 0))
			return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
				"'%.128s' is not a valid tag key. Tag keys must match pattern "
				"([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name "
				"('.', '..', '_index')",
				key);
	}
	return 0;
}

int
sim_ec2_parse_launch(struct sim_call *call, struct sim_launch *l)
{
	l->region = xstrdup(call->region);
	sim_params_digest(call->params, l->digest);
	if (parse_token(call, l) != 0 || parse_image_and_type(call, l) != 0 ||
		sim_ec2_parse_network(call, l) != 0 ||
		sim_ec2_parse_tags(call, l) != 0 || sim_ec2_parse_disks(call, l) != 0 ||
		parse_user_data(call, l) != 0 || parse_profile(call, l) != 0 ||
		parse_market(call, l) != 0)
		return -1;
	parse_options(call, l);
	return check_shown_tags(call, l);
}

/* A launch does other things too, which need permissions of their own. */
static int
permit(struct sim_call *call)
{
	if (sim_params_under(call->params, "TagSpecification.1.Tag.") &&
		sim_call_permit(call, "CreateTags") != 0)
		return -1;
	return sim_params_under(call->params, "IamInstanceProfile.")
		? sim_call_permit(call, "PassRole")
		: 0;
}

/* Whether what it asks for is there and fits together. */
static int
check_launch(struct sim_call *call, struct sim_launch *l)
{
	int64_t min = sim_params_int(call->params, "MinCount", 1);
	int64_t max = sim_params_int(call->params, "MaxCount", 1);
	int64_t left = call->scenario->instances_max -
		(int64_t)sim_cloud_count(call->cloud);

	if (min > max)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Value (%lld) for parameter minCount is invalid. It is above maxCount.",
			(long long)min);
	if (max > left)
		return sim_fail(&call->error, SIM_INSTANCE_LIMIT_EXCEEDED,
			"You have requested more instances than this simulator may still start (%lld)",
			(long long)left);
	return sim_ec2_check_launch(call, l);
}

static void
put_launch(const struct sim_launch *l, struct buf *out)
{
	sim_xml_text(out, "reservationId", l->id);
	sim_xml_text(out, "ownerId", SIM_OWNER_ID);
	buf_puts(out, "<groupSet/><instancesSet>");
	for (size_t n = 0; n < l->instance_count; n++)
		sim_ec2_instance_xml(l->instances[n], out);
	buf_puts(out, "</instancesSet>");
}

/* The token was used before: the same launch again, as it is now, or a refusal. */
static int
repeat(struct sim_call *call, const struct sim_launch *before,
	const struct sim_launch *l)
{
	if (strcmp(before->digest, l->digest) != 0)
		return sim_fail(&call->error, SIM_IDEMPOTENT_PARAMETER_MISMATCH,
			"Arguments on this idempotent request are inconsistent with arguments used in "
			"previous request(s).");
	if (before->alive == 0 && call->scenario->dead_token == SIM_DEAD_TOKEN_ERROR)
		return sim_fail(&call->error, SIM_IDEMPOTENT_INSTANCE_TERMINATED,
			"The specified token was used for an instance that has been terminated: %s",
			before->instances[0]->id);
	put_launch(before, call->out);
	return 0;
}

static int
run_instances(struct sim_call *call)
{
	AUTO(sim_launch) struct sim_launch *l = NEW(struct sim_launch);
	const struct sim_launch *before = NULL;
	size_t count = 0;

	if (permit(call) != 0 || sim_ec2_parse_launch(call, l) != 0)
		return -1;
	if (l->token != NULL && !call->dry_run)
		before = sim_cloud_find_token(call->cloud, l->region,
			l->zonal ? l->zone : "", l->token);
	if (before != NULL)
		return repeat(call, before, l);
	/* A dry run asks for no capacity, and bids for nothing. */
	if (check_launch(call, l) != 0 || sim_call_dry_run(call) != 0 ||
		sim_ec2_place(call, l, &count) != 0)
		return -1;
	before = l;
	sim_cloud_launch(call->cloud, TAKE(l), count);
	put_launch(before, call->out);
	return 0;
}

const struct sim_action sim_ec2_run_actions[] = {
	{
		.name = "RunInstances",
		.run = run_instances,
		.params = sim_ec2_run_params,
		.bucket = SIM_BUCKET_RUN,
		.per_instance = SIM_BUCKET_RUN_INSTANCES,
	},
	{.name = NULL},
};
