/* SPDX-License-Identifier: Apache-2.0 */
/* DescribeInstanceAttribute, and the one attribute that can be modified: protection. */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/params.h"
#include "sim/xmlout.h"
#include "sys/crypto.h"

#include <string.h>

struct attribute {
	const char *name; /* as in the request, and as the element */
	void (*put)(const struct sim_instance *i, struct buf *out);
};

static void
put_value(struct buf *out, const char *value)
{
	sim_xml_text(out, "value", value);
}

static void
put_user_data(const struct sim_instance *i, struct buf *out)
{
	AUTO(buf) struct buf text = {0};

	if (i->launch->user_data == NULL)
		return;
	crypto_base64(buf_str(i->launch->user_data), i->launch->user_data->len, &text);
	put_value(out, buf_str(&text));
}

static void
put_type(const struct sim_instance *i, struct buf *out)
{
	put_value(out, i->launch->type);
}

static void
put_protection(const struct sim_instance *i, struct buf *out)
{
	sim_xml_bool(out, "value", i->is_protected);
}

static void
put_behavior(const struct sim_instance *i, struct buf *out)
{
	put_value(out, i->launch->terminate_on_power_off ? "terminate" : "stop");
}

static void
put_root(const struct sim_instance *i, struct buf *out)
{
	put_value(out, i->launch->disks[0].device);
}

static void
put_ebs(const struct sim_instance *i, struct buf *out)
{
	sim_xml_bool(out, "value", i->launch->ebs_optimized);
}

static const struct attribute attributes[] = {
	{"userData", put_user_data},
	{"instanceType", put_type},
	{"disableApiTermination", put_protection},
	{"instanceInitiatedShutdownBehavior", put_behavior},
	{"rootDeviceName", put_root},
	{"ebsOptimized", put_ebs},
};

static int
describe_attribute(struct sim_call *call)
{
	const char *name = sim_params_get(call->params, "Attribute");
	const struct sim_instance *i = sim_ec2_find_instance(call,
		sim_params_get(call->params, "InstanceId"));

	if (i == NULL)
		return -1;
	for (size_t n = 0; n < COUNT_OF(attributes); n++) {
		if (strcmp(attributes[n].name, name) != 0)
			continue;
		if (sim_call_dry_run(call) != 0)
			return -1;
		sim_xml_text(call->out, "instanceId", i->id);
		sim_xml_open(call->out, name);
		attributes[n].put(i, call->out);
		sim_xml_close(call->out, name);
		return 0;
	}
	return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
		"Value (%.100s) for parameter attribute is invalid. Unknown attribute.",
		name);
}

static int
modify_attribute(struct sim_call *call)
{
	struct sim_instance *i = sim_ec2_find_instance(call,
		sim_params_get(call->params, "InstanceId"));

	if (i == NULL || sim_call_dry_run(call) != 0)
		return -1;
	i->is_protected = sim_params_true(call->params, "DisableApiTermination.Value");
	sim_xml_bool(call->out, "return", true);
	return 0;
}

static const struct sim_param_row describe_params[] = {
	{.name = "InstanceId", .required = true},
	{.name = "Attribute", .required = true},
	{.name = NULL},
};

static const struct sim_param_row modify_params[] = {
	{.name = "InstanceId", .required = true},
	{.name = "DisableApiTermination.Value",
		.type = SIM_PARAM_BOOL,
		.required = true},
	{.name = NULL},
};

const struct sim_action sim_ec2_attribute_actions[] = {
	{
		.name = "DescribeInstanceAttribute",
		.run = describe_attribute,
		.params = describe_params,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "ModifyInstanceAttribute",
		.run = modify_attribute,
		.params = modify_params,
		.bucket = SIM_BUCKET_MUTATING,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};
