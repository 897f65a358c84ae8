/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actions of STS (EC2-WIRE.md 4.4). As long as the scenario lists no roles, anybody
 * may assume any.
 */
#include "sim/sts.h"

#include "base/buf.h"
#include "base/field.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/ec2.h"
#include "sim/keys.h"
#include "sim/params.h"
#include "sim/scenario.h"
#include "sim/sigv4.h"
#include "sim/xmlout.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ROLE_PREFIX "arn:aws:iam::" SIM_OWNER_ID ":role/"
#define DURATION_DEFAULT_S 3600
#define DURATION_MIN_S 900
#define DURATION_MAX_S 43200
#define CHAINED_MAX_S 3600 /* for a session that becomes another */

static const struct field rows[] = {
	{
		.name = "arn",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED | FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_role, arn, char *),
		.max = 180,
		.example = ROLE_PREFIX "builders",
		.doc = "The role.",
	},
	{
		.name = "external_id",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_role, external_id, char *),
		.doc = "The ExternalId that must be sent.",
	},
	{
		.name = "identity_token",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_role, identity_token, char *),
		.doc = "The one token that AssumeRoleWithWebIdentity takes; any without.",
	},
	{
		.name = "lifetime",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_role, lifetime, int64_t),
		.min = 1000,
		.max = (int64_t)DURATION_MAX_S * 1000,
		.doc = "Its credentials live for so long, whatever DurationSeconds says.",
	},
	{.name = NULL},
};

const struct fields sim_role_fields = {"role", rows, sizeof(struct sim_role)};

static const struct sim_param_row common[] = {
	{.name = "Action"},
	{.name = "Version"},
	{.name = NULL},
};

static const struct sim_param_row none[] = {{.name = NULL}};

static const struct sim_param_row session_params[] = {
	{.name = "RoleArn", .required = true, .max = 2048},
	{.name = "RoleSessionName", .required = true, .max = 64},
	{.name = "DurationSeconds",
		.type = SIM_PARAM_INT,
		.min = DURATION_MIN_S,
		.max = DURATION_MAX_S},
	{.name = "Policy"},
	{.name = "PolicyArns.member.N.arn"},
	{.name = NULL},
};

static const struct sim_param_row assume_role[] = {
	{.name = "Session", .type = SIM_PARAM_ROWS, .rows = session_params},
	{.name = "ExternalId", .max = 1224},
	{.name = "SerialNumber"},
	{.name = "TokenCode"},
	{.name = "SourceIdentity"},
	{.name = "TransitiveTagKeys.member.N"},
	{.name = "Tags.member.N.Key"},
	{.name = "Tags.member.N.Value"},
	{.name = NULL},
};

static const struct sim_param_row assume_role_with_web_identity[] = {
	{.name = "Session", .type = SIM_PARAM_ROWS, .rows = session_params},
	{.name = "WebIdentityToken", .required = true, .max = 20000},
	{.name = "ProviderId"},
	{.name = NULL},
};

/* Who asks: the session, or the user whose key it is. */
static void
caller_arn(const struct sim_call *call, char arn[static 256])
{
	const struct sim_identity *id = call->identity;

	if (id->arn[0] != '\0')
		(void)snprintf(arn, 256, "%s", id->arn);
	else
		(void)snprintf(arn, 256, "arn:aws:iam::" SIM_OWNER_ID ":user/%s",
			id->key_id);
}

static int
get_caller_identity(struct sim_call *call)
{
	const struct sim_identity *id = call->identity;
	char user[300];
	char arn[256];

	caller_arn(call, arn);
	if (id->arn[0] != '\0')
		(void)snprintf(user, sizeof(user), "AROAEC2SIM0000000000:%s",
			strrchr(id->arn, '/') + 1);
	else
		(void)snprintf(user, sizeof(user), "AIDA%.16s", id->key_id);
	sim_xml_text(call->out, "Arn", arn);
	sim_xml_text(call->out, "UserId", user);
	sim_xml_text(call->out, "Account", SIM_OWNER_ID);
	return 0;
}

static bool
is_session_name(const char *name)
{
	if (strlen(name) < 2)
		return false;
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name) && strchr("_=,.@+-", *name) == NULL)
			return false;
	return true;
}

/* arn:aws:iam::ACCOUNT:role/NAME, maybe with a path before the name. */
static bool
is_role_arn(const char *arn)
{
	const char *role;

	if (strncmp(arn, "arn:aws", strlen("arn:aws")) != 0)
		return false;
	role = strstr(arn, ":role/");
	return role != NULL && strstr(arn, ":iam::") != NULL &&
		arn[strlen(arn) - 1] != '/' && strlen(arn) <= 180;
}

static int
check_session(struct sim_call *call)
{
	const char *arn = sim_params_get(call->params, "RoleArn");
	const char *name = sim_params_get(call->params, "RoleSessionName");
	int64_t seconds = sim_params_int(call->params, "DurationSeconds", 0);

	if (!is_role_arn(arn))
		return sim_fail(&call->error, SIM_VALIDATION_ERROR, "%.180s is invalid",
			arn);
	if (!is_session_name(name))
		return sim_fail(&call->error, SIM_VALIDATION_ERROR,
			"1 validation error detected: Value '%.64s' at 'roleSessionName' failed to "
			"satisfy constraint: Member must satisfy regular expression pattern: "
			"[\\w+=,.@-]*",
			name);
	if (seconds > CHAINED_MAX_S && call->identity->arn[0] != '\0')
		return sim_fail(&call->error, SIM_VALIDATION_ERROR,
			"The requested DurationSeconds exceeds the 1 hour session limit for roles "
			"assumed by role chaining");
	return 0;
}

/* The row of the role; NULL: it has none, and needs none. -1: it is not there. */
static int
find_role(const struct sim_call *call, const char *arn, const struct sim_role **ret)
{
	const struct sim_role *roles = call->scenario->roles.items;

	for (size_t n = 0; n < call->scenario->roles.count; n++) {
		if (strcmp(roles[n].arn, arn) == 0) {
			*ret = &roles[n];
			return 0;
		}
	}
	return call->scenario->roles.count > 0 ? -1 : 0;
}

static int
deny(struct sim_call *call, const char *action, const char *arn)
{
	char caller[256];

	caller_arn(call, caller);
	if (strcmp(action, "AssumeRole") != 0)
		return sim_fail(&call->error, SIM_ACCESS_DENIED,
			"Not authorized to perform sts:%s", action);
	return sim_fail(&call->error, SIM_ACCESS_DENIED,
		"User: %.160s is not authorized to perform: sts:AssumeRole on resource: %.180s",
		caller, arn);
}

/* arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION, the role without its path. */
static void
session_arn(const char *role, const char *name, char arn[static 256])
{
	const char *account = strstr(role, ":iam::") + strlen(":iam::");

	(void)snprintf(arn, 256, "arn:aws:sts::%.*s:assumed-role/%s/%s",
		(int)strcspn(account, ":"), account, strrchr(role, '/') + 1, name);
}

static void
put_session(struct sim_call *call, const struct sim_role *role)
{
	const char *name = sim_params_get(call->params, "RoleSessionName");
	int64_t life_ms = role != NULL && role->lifetime != FIELD_NULL
		? role->lifetime
		: sim_params_int(call->params, "DurationSeconds", DURATION_DEFAULT_S) *
			1000;
	const struct sim_key *k;
	char text[SIM_EXPIRY_SIZE];
	char id[100];
	char arn[256];

	session_arn(sim_params_get(call->params, "RoleArn"), name, arn);
	k = sim_keys_issue(call->keys, arn, call->wall_ms + life_ms);
	(void)snprintf(id, sizeof(id), "AROAEC2SIM0000000000:%s", name);
	sim_xml_open(call->out, "AssumedRoleUser");
	sim_xml_text(call->out, "AssumedRoleId", id);
	sim_xml_text(call->out, "Arn", arn);
	sim_xml_close(call->out, "AssumedRoleUser");
	sim_xml_open(call->out, "Credentials");
	sim_xml_text(call->out, "AccessKeyId", k->id);
	sim_xml_text(call->out, "SecretAccessKey", k->secret.text);
	sim_xml_text(call->out, "SessionToken", k->token.text);
	sim_xml_text(call->out, "Expiration", sim_key_expiry(k, text));
	sim_xml_close(call->out, "Credentials");
}

static int
do_assume_role(struct sim_call *call)
{
	const char *arn = sim_params_get(call->params, "RoleArn");
	const char *external = sim_params_get(call->params, "ExternalId");
	const struct sim_role *role = NULL;

	if (check_session(call) != 0)
		return -1;
	if (find_role(call, arn, &role) != 0 ||
		(role != NULL && role->external_id != NULL &&
			!str_equal(role->external_id, external)))
		return deny(call, call->action->name, arn);
	put_session(call, role);
	return 0;
}

static int
do_assume_role_with_web_identity(struct sim_call *call)
{
	const char *arn = sim_params_get(call->params, "RoleArn");
	const char *token = sim_params_get(call->params, "WebIdentityToken");
	const struct sim_role *role = NULL;

	if (check_session(call) != 0)
		return -1;
	if (find_role(call, arn, &role) != 0)
		return deny(call, call->action->name, arn);
	if (token[0] == '\0' ||
		(role != NULL && role->identity_token != NULL &&
			strcmp(role->identity_token, token) != 0))
		return sim_fail(&call->error, SIM_INVALID_IDENTITY_TOKEN,
			"The ID Token provided is not a valid JWT.");
	sim_xml_text(call->out, "SubjectFromWebIdentityToken", "ec2sim");
	sim_xml_text(call->out, "Audience", "sts.amazonaws.com");
	sim_xml_text(call->out, "Provider", "ec2sim");
	put_session(call, role);
	return 0;
}

static const struct sim_action actions[] = {
	{
		.name = "GetCallerIdentity",
		.run = get_caller_identity,
		.params = none,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "AssumeRole",
		.run = do_assume_role,
		.params = assume_role,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "AssumeRoleWithWebIdentity",
		.run = do_assume_role_with_web_identity,
		.params = assume_role_with_web_identity,
		.bucket = SIM_BUCKET_LOOKUP,
		.per_instance = SIM_BUCKET_COUNT,
		.anonymous = true,
	},
	{.name = NULL},
};

static const struct sim_action *const tables[] = {actions, NULL};

const struct sim_service sim_sts = {
	.name = "sts",
	.wire = SIM_WIRE_QUERY,
	.version = "2011-06-15",
	.xmlns = "https://sts.amazonaws.com/doc/2011-06-15/",
	.common = common,
	.tables = tables,
};
