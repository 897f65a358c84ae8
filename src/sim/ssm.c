/* SPDX-License-Identifier: Apache-2.0 */
/* The one action of SSM. AWS's own parameters of AMIs are there unasked. */
#include "sim/ssm.h"

#include "base/buf.h"
#include "base/field.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/ec2.h"
#include "sim/params.h"
#include "sim/scenario.h"
#include "sys/crypto.h"

#include <jansson.h>
#include <string.h>

#define PUBLIC_AMIS "/aws/service/ami-"
#define AMI_DIGITS 17

static const struct field rows[] = {
	{
		.name = "name",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_parameter, name, char *),
		.example = "/ci/worker-image",
		.doc = "Its name.",
	},
	{
		.name = "value",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct sim_parameter, value, char *),
		.example = "ami-0123456789abcdef0",
		.doc = "Its value.",
	},
	{
		.name = "region",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_parameter, region, char *),
		.doc = "Where it is; everywhere without.",
	},
	{.name = NULL},
};

const struct fields sim_parameter_fields = {"parameter", rows,
	sizeof(struct sim_parameter)};

static const struct sim_param_row common[] = {{.name = "Action"}, {.name = NULL}};

static const struct sim_param_row get_parameter[] = {
	{.name = "Name", .required = true, .max = 2048},
	{.name = "WithDecryption", .type = SIM_PARAM_BOOL},
	{.name = NULL},
};

/* The value that the scenario gives it, or NULL. */
static const char *
listed(const struct sim_call *call, const char *name)
{
	const struct sim_parameter *p = call->scenario->parameters.items;

	for (size_t n = 0; n < call->scenario->parameters.count; n++)
		if (strcmp(p[n].name, name) == 0 &&
			(p[n].region == NULL || strcmp(p[n].region, call->region) == 0))
			return p[n].value;
	return NULL;
}

/* One AMI for each name and region, the same at all times. */
static char *
made_up_ami(const struct sim_call *call, const char *name)
{
	AUTO(free) char *text = xasprintf("%s %s", call->region, name);
	char hex[CRYPTO_HEX_SIZE];

	crypto_sha256_hex(text, strlen(text), hex);
	return xasprintf("ami-%.*s", AMI_DIGITS, hex);
}

static void
put_parameter(struct sim_call *call, const char *name, const char *value)
{
	AUTO(free)
	char *arn = xasprintf("arn:aws:ssm:%s:" SIM_OWNER_ID ":parameter%s%s",
		call->region, name[0] == '/' ? "" : "/", name);
	json_t *reply = json_pack("{s:{s:s,s:s,s:s,s:i,s:f,s:s,s:s}}", "Parameter",
		"Name", name, "Type", "String", "Value", value, "Version", 1,
		"LastModifiedDate", 1767225600.0, "ARN", arn, "DataType", "text");
	char *text = json_dumps(reply, JSON_COMPACT);

	buf_puts(call->out, text);
	free(text);
	json_decref(reply);
}

static int
do_get_parameter(struct sim_call *call)
{
	const char *name = sim_params_get(call->params, "Name");
	const char *value = listed(call, name);
	AUTO(free) char *ami = NULL;

	if (value == NULL && strncmp(name, PUBLIC_AMIS, strlen(PUBLIC_AMIS)) == 0)
		value = ami = made_up_ami(call, name);
	if (value == NULL)
		return sim_fail(&call->error, SIM_PARAMETER_NOT_FOUND,
			"Parameter %.200s not found.", name);
	put_parameter(call, name, value);
	return 0;
}

static const struct sim_action actions[] = {
	{
		.name = "GetParameter",
		.run = do_get_parameter,
		.params = get_parameter,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};

static const struct sim_action *const tables[] = {actions, NULL};

const struct sim_service sim_ssm = {
	.name = "ssm",
	.wire = SIM_WIRE_JSON,
	.common = common,
	.tables = tables,
};
