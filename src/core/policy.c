/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the workers and gathers what they need, by kind and as ARNs; a table says which
 * statements are made of which kinds. A statement nobody needs has no resource and is left
 * out. The account is not known here, so ARNs have a star in its place.
 */
#include "core/policy.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/pretty.h"
#include "conf/conf.h"
#include "core/permit.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ACTIONS_MAX 6
#define KINDS_MAX 8
#define POOL_TAG "ec2workerd:pool"
#define MANAGED_MAX 6144u /* characters without blanks, of a managed policy */

enum kind {
	KIND_NONE, /* ends a list of kinds */
	KIND_ANYTHING,
	KIND_IMAGE,
	KIND_SNAPSHOT,
	KIND_KEY,
	KIND_GROUP,
	KIND_SUBNET,
	KIND_INTERFACE,
	KIND_INSTANCE,
	KIND_OWN_INSTANCE,
	KIND_NO_INSTANCE,
	KIND_OWN_VOLUME,
	KIND_NEW_VOLUME,
	KIND_NEW_REQUEST,
	KIND_VOLUME,
	KIND_ADDRESS,
	KIND_ROLE,
	KIND_CIPHER_KEY,
	KIND_PARAMETER,
	/* Actions, and values of conditions. */
	KIND_LOOK,
	KIND_CHECK,
	KIND_OWN,
	KIND_TYPE,
	KIND_REGION,
	KIND_SERVICE,
	KIND_COUNT
};

/* What the configuration needs, each set sorted. */
struct needs {
	const struct conf *conf;
	const char *region; /* of the worker being looked at */
	const char *partition;
	struct strings sets[KIND_COUNT];
	struct strings *notes; /* borrowed */
};

/* "test": { "key": value }; the value is a text or a set. */
struct condition {
	const char *test, *key, *value;
	enum kind set;
};

struct statement {
	const char *sid;
	enum kind does; /* the set of its actions, or else: */
	const char *actions[ACTIONS_MAX];
	enum kind kinds[KINDS_MAX];
	struct condition conditions[2];
};

/* What is begun bears the tag of the pool, and only what bears it is touched later. */
#define OF_REQUEST                                                                     \
	{                                                                              \
		"StringEquals", "aws:RequestTag/" POOL_TAG, NULL, KIND_NONE            \
	}
#define OF_RESOURCE                                                                    \
	{                                                                              \
		"StringEquals", "ec2:ResourceTag/" POOL_TAG, NULL, KIND_NONE           \
	}

static const struct statement statements[] = {
	{
		.sid = "Look",
		.does = KIND_LOOK,
		.kinds = {KIND_ANYTHING},
		.conditions = {{"StringEquals", "aws:RequestedRegion", NULL,
			KIND_REGION}},
	},
	{
		.sid = "CheckAws", /* no work of the daemon needs it, --check-aws does */
		.does = KIND_CHECK,
		.kinds = {KIND_ANYTHING},
		.conditions = {{"StringEquals", "aws:RequestedRegion", NULL,
			KIND_REGION}},
	},
	{
		.sid = "ReadParameters",
		.actions = {"ssm:GetParameter"},
		.kinds = {KIND_PARAMETER},
	},
	{
		.sid = "LaunchInstances",
		.actions = {"ec2:RunInstances"},
		.kinds = {KIND_INSTANCE},
		.conditions = {OF_REQUEST,
			{"StringEquals", "ec2:InstanceType", NULL, KIND_TYPE}},
	},
	{
		.sid = "LaunchVolumes",
		.actions = {"ec2:RunInstances"},
		.kinds = {KIND_NEW_VOLUME},
		.conditions = {OF_REQUEST},
	},
	{
		.sid = "LaunchSpotRequests",
		.actions = {"ec2:RunInstances"},
		.kinds = {KIND_NEW_REQUEST},
		.conditions = {OF_REQUEST},
	},
	{
		.sid = "LaunchFrom",
		.actions = {"ec2:RunInstances"},
		.kinds = {KIND_IMAGE, KIND_SNAPSHOT, KIND_KEY, KIND_GROUP, KIND_SUBNET,
			KIND_INTERFACE},
	},
	{
		.sid = "TagWhatIsLaunched",
		.actions = {"ec2:CreateTags"},
		.kinds = {KIND_INSTANCE, KIND_NEW_VOLUME, KIND_NEW_REQUEST},
		.conditions = {{"StringEquals", "ec2:CreateAction", "RunInstances",
			KIND_NONE}},
	},
	{
		.sid = "OwnInstances",
		.does = KIND_OWN,
		.kinds = {KIND_OWN_INSTANCE},
		.conditions = {OF_RESOURCE},
	},
	{
		/* What a terminate is tried on while there is nothing with the tag. */
		.sid = "TryTerminate",
		.actions = {"ec2:TerminateInstances"},
		.kinds = {KIND_NO_INSTANCE},
	},
	{
		.sid = "OwnVolumes", /* that nothing has; see orphans.volumes */
		.actions = {"ec2:DeleteVolume"},
		.kinds = {KIND_OWN_VOLUME},
		.conditions = {OF_RESOURCE},
	},
	{
		.sid = "OwnSpotRequests",
		.actions = {"ec2:CancelSpotInstanceRequests"},
		.kinds = {KIND_NEW_REQUEST},
		.conditions = {OF_RESOURCE},
	},
	{
		/* With OwnInstances: what is theirs, to instances of the pool only. */
		.sid = "AttachVolumes",
		.actions = {"ec2:AttachVolume"},
		.kinds = {KIND_VOLUME},
	},
	{
		.sid = "AssociateAddresses",
		.actions = {"ec2:AssociateAddress"},
		.kinds = {KIND_ADDRESS},
	},
	{
		.sid = "PassRole",
		.actions = {"iam:PassRole"},
		.kinds = {KIND_ROLE},
		.conditions = {{"StringEquals", "iam:PassedToService", NULL,
			KIND_SERVICE}},
	},
	{
		.sid = "UseKeysOfVolumes",
		.actions = {"kms:Decrypt", "kms:DescribeKey",
			"kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom",
			"kms:ReEncryptTo"},
		.kinds = {KIND_CIPHER_KEY},
	},
	{
		.sid = "GrantKeysOfVolumes",
		.actions = {"kms:CreateGrant"},
		.kinds = {KIND_CIPHER_KEY},
		.conditions = {{"Bool", "kms:GrantIsForAWSResource", "true",
			KIND_NONE}},
	},
};

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
need(struct needs *n, enum kind kind, const char *what)
{
	if (!strings_contain(&n->sets[kind], what))
		strings_add(&n->sets[kind], what);
}

/* arn:PARTITION:ec2:REGION:ACCOUNT:TYPE/ID; images and snapshots have no account in it. */
static void
need_ec2(struct needs *n, enum kind kind, const char *type, const char *id)
{
	bool shared = kind == KIND_IMAGE || kind == KIND_SNAPSHOT;
	AUTO(free)
	char *arn = xasprintf("arn:%s:ec2:%s:%s:%s/%s", n->partition, n->region,
		shared ? "" : "*", type, id);

	need(n, kind, arn);
}

/* Any of them if the configuration names none. */
static void
need_each(struct needs *n, enum kind kind, const char *type, const struct strings *ids)
{
	for (size_t i = 0; i < ids->count; i++)
		need_ec2(n, kind, type, ids->items[i]);
	if (ids->count == 0)
		need_ec2(n, kind, type, "*");
}

/* What a reader must know besides; once. */
__attribute__((format(printf, 2, 3))) static void
note(const struct needs *n, const char *fmt, ...)
{
	AUTO(buf) struct buf text = {.data = NULL};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (!strings_contain(n->notes, buf_str(&text)))
		strings_add(n->notes, buf_str(&text));
}

static void
need_role(struct needs *n, const char *profile)
{
	const char *slash = strrchr(profile, '/');
	const char *name = slash != NULL ? slash + 1 : profile;
	AUTO(free) char *arn = xasprintf("arn:%s:iam::*:role/%s", n->partition, name);
	bool china = strcmp(n->partition, "aws-cn") == 0;

	need(n, KIND_ROLE, arn);
	need(n, KIND_SERVICE, china ? "ec2.amazonaws.com.cn" : "ec2.amazonaws.com");
	note(n,
		"the role of the instance profile %s is taken to be called %s too; if it "
		"is not, change the statement PassRole",
		profile, name);
}

/* By its ARN or id; an alias is no resource of a policy. */
static void
need_cipher_key(struct needs *n, const char *key)
{
	AUTO(free) char *arn = NULL;

	if (strncmp(key, "arn:", 4) == 0 && strstr(key, ":alias/") == NULL) {
		need(n, KIND_CIPHER_KEY, key);
		return;
	}
	if (strchr(key, ':') == NULL && strncmp(key, "alias/", 6) != 0) {
		arn = xasprintf("arn:%s:kms:%s:*:key/%s", n->partition, n->region, key);
		need(n, KIND_CIPHER_KEY, arn);
		return;
	}
	arn = xasprintf("arn:%s:kms:%s:*:key/*", n->partition, n->region);
	need(n, KIND_CIPHER_KEY, arn);
	note(n,
		"a policy cannot name the key %s by its alias, so all keys of the region "
		"are allowed; put its ARN in their place",
		key);
}

static void
look_at_devices(struct needs *n, const struct field_list *devices)
{
	const struct conf_device *items = devices->items;

	for (size_t i = 0; i < devices->count; i++) {
		const struct conf_ebs *ebs = &items[i].ebs;

		if (ebs->snapshot_id != NULL)
			need_ec2(n, KIND_SNAPSHOT, "snapshot", ebs->snapshot_id);
		if (ebs->kms_key_id != NULL)
			need_cipher_key(n, ebs->kms_key_id);
	}
}

static const char *
partition_of(const char *region)
{
	static const struct {
		const char *prefix, *partition;
	} known[] = {
		{"cn-", "aws-cn"},
		{"us-gov-", "aws-us-gov"},
		{"us-iso-", "aws-iso"},
		{"us-isob-", "aws-iso-b"},
	};

	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (strncmp(region, known[i].prefix, strlen(known[i].prefix)) == 0)
			return known[i].partition;
	return "aws";
}

/* By its name, in front of a version or a label. AWS's own are of no account. */
static void
need_parameter(struct needs *n, const char *name)
{
	const char *account = strncmp(name, "/aws/", 5) == 0 ? "" : "*";
	AUTO(free)
	char *arn = xasprintf("arn:%s:ssm:%s:%s:parameter%s%.*s", n->partition,
		n->region, account, name[0] == '/' ? "" : "/", (int)strcspn(name, ":"),
		name);

	need(n, KIND_PARAMETER, arn);
}

/* What the daemon asks about it at its starts. */
static void
look_at_lookups(struct needs *n, const struct conf_worker *w)
{
	if (w->ami == NULL)
		need(n, KIND_LOOK, "ec2:DescribeImages");
	if (conf_ami_parameter(w) != NULL)
		need_parameter(n, conf_ami_parameter(w));
	if (w->subnet_id.count > 0)
		need(n, KIND_LOOK, "ec2:DescribeSubnets");
	if (w->spot_instance && !isnan(w->price_multiplier))
		need(n, KIND_LOOK, "ec2:DescribeSpotPriceHistory");
}

static void
look_at_market(struct needs *n, const struct conf_worker *w)
{
	if (!w->spot_instance)
		return;
	need_ec2(n, KIND_NEW_REQUEST, "spot-instances-request", "*");
	need(n, KIND_LOOK, "ec2:DescribeSpotInstanceRequests");
	note(n,
		"for spot instances the account needs the service-linked role "
		"AWSServiceRoleForEC2Spot; the first request from the console makes it");
}

/* What comes to an instance once it runs; an address is known there by its allocation. */
static void
look_at_equipment(struct needs *n, const struct conf_worker *w)
{
	const struct conf_volume *volumes = w->volumes.items;

	if (w->elastic_ip != NULL) {
		need(n, KIND_LOOK, "ec2:DescribeAddresses");
		need(n, KIND_OWN, "ec2:AssociateAddress");
		need_ec2(n, KIND_ADDRESS, "elastic-ip", "*");
	}
	for (size_t i = 0; i < w->volumes.count; i++) {
		need(n, KIND_OWN, "ec2:AttachVolume");
		need_ec2(n, KIND_VOLUME, "volume", volumes[i].volume_id);
	}
}

static void
look_at_region(struct needs *n, const char *region)
{
	n->region = region;
	n->partition = partition_of(region);
	need(n, KIND_REGION, region);
	need_ec2(n, KIND_OWN_INSTANCE, "instance", "*");
	need_ec2(n, KIND_NO_INSTANCE, "instance", PERMIT_NOBODY);
	need_ec2(n, KIND_OWN_VOLUME, "volume", "*");
}

static void
look_at(struct needs *n, const struct conf_worker *w)
{
	look_at_lookups(n, w);
	look_at_equipment(n, w);
	need_ec2(n, KIND_IMAGE, "image",
		w->ami != NULL && conf_ami_parameter(w) == NULL ? w->ami : "*");
	need_ec2(n, KIND_KEY, "key-pair", w->keypair_name);
	need_each(n, KIND_GROUP, "security-group", &w->security_group_ids);
	need_each(n, KIND_SUBNET, "subnet", &w->subnet_id);
	need_ec2(n, KIND_INTERFACE, "network-interface", "*");
	need_ec2(n, KIND_INSTANCE, "instance", "*");
	need_ec2(n, KIND_NEW_VOLUME, "volume", "*");
	look_at_market(n, w);
	for (size_t i = 0; i < w->instance_type.count; i++)
		need(n, KIND_TYPE, w->instance_type.items[i]);
	if (w->instance_profile_name != NULL)
		need_role(n, w->instance_profile_name);
	look_at_devices(n, &w->block_device_map);
	if (w->dead_man != FIELD_NULL)
		need(n, KIND_OWN, "ec2:CreateTags");
}

static void
add_string(struct buf *json, const char *s)
{
	if (json->len > 0 && strchr("{[:", json->data[json->len - 1]) == NULL)
		buf_putc(json, ',');
	buf_json(json, s);
}

static void
add_key(struct buf *json, const char *name)
{
	add_string(json, name);
	buf_putc(json, ':');
}

/* Whether all of its kind are in the set: one by its name adds nothing then. */
static bool
is_covered(const struct strings *set, const char *arn)
{
	const char *slash = strrchr(arn, '/');
	AUTO(free) char *all = NULL;

	if (slash == NULL || strcmp(slash, "/*") == 0)
		return false;
	all = xasprintf("%.*s/*", (int)(slash - arn), arn);
	return strings_contain(set, all);
}

static void
add_set(struct buf *json, const struct strings *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (!is_covered(set, set->items[i]))
			add_string(json, set->items[i]);
}

/* The value of a condition: its own, a set, or the pool's name. */
static void
add_value(struct buf *json, const struct needs *n, const struct condition *c)
{
	if (c->set == KIND_NONE) {
		buf_json(json, c->value != NULL ? c->value : n->conf->pool);
		return;
	}
	buf_putc(json, '[');
	add_set(json, &n->sets[c->set]);
	buf_putc(json, ']');
}

/* Those of one statement share their test. */
static void
add_conditions(struct buf *json, const struct needs *n, const struct statement *s)
{
	const struct condition *c = s->conditions;

	if (c->test == NULL)
		return;
	add_key(json, "Condition");
	buf_putc(json, '{');
	add_key(json, c->test);
	buf_putc(json, '{');
	for (; c < s->conditions + COUNT_OF(s->conditions) && c->test != NULL; c++) {
		add_key(json, c->key);
		add_value(json, n, c);
	}
	buf_puts(json, "}}");
}

static bool
is_needed(const struct needs *n, const struct statement *s)
{
	for (size_t i = 0; s->kinds[i] != KIND_NONE; i++)
		if (n->sets[s->kinds[i]].count > 0)
			return true;
	return false;
}

static void
add_statement(struct buf *json, const struct needs *n, const struct statement *s)
{
	if (!is_needed(n, s))
		return;
	buf_puts(json, json->data[json->len - 1] == '[' ? "{" : ",{");
	add_key(json, "Sid");
	buf_json(json, s->sid);
	add_key(json, "Effect");
	buf_json(json, "Allow");
	add_key(json, "Action");
	buf_putc(json, '[');
	add_set(json, &n->sets[s->does]);
	for (size_t i = 0; i < ACTIONS_MAX && s->actions[i] != NULL; i++)
		add_string(json, s->actions[i]);
	buf_putc(json, ']');
	add_key(json, "Resource");
	buf_putc(json, '[');
	for (size_t i = 0; s->kinds[i] != KIND_NONE; i++)
		add_set(json, &n->sets[s->kinds[i]]);
	buf_putc(json, ']');
	add_conditions(json, n, s);
	buf_putc(json, '}');
}

/* What IAM counts. */
static size_t
size_of(const char *json)
{
	size_t size = 0;

	for (; *json != '\0'; json++)
		size += !isspace((unsigned char)*json);
	return size;
}

/* What every pool needs, whatever its workers are. */
static void
begin(struct needs *n)
{
	static const char *const checks[] = {"ec2:DescribeImages",
		"ec2:DescribeInstanceTypeOfferings", "ec2:DescribeInstanceTypes",
		"ec2:DescribeKeyPairs", "ec2:DescribeSecurityGroups",
		"ec2:DescribeSubnets"};

	need(n, KIND_ANYTHING, "*");
	need(n, KIND_LOOK, "ec2:DescribeAvailabilityZones");
	need(n, KIND_LOOK, "ec2:DescribeInstances");
	need(n, KIND_LOOK, "ec2:DescribeVolumes");
	need(n, KIND_OWN, "ec2:TerminateInstances");
	need(n, KIND_OWN, "ec2:GetConsoleOutput");
	for (size_t i = 0; i < COUNT_OF(checks); i++)
		need(n, KIND_CHECK, checks[i]);
}

static void
write_policy(const struct needs *n, struct buf *out)
{
	AUTO(buf) struct buf json = {.data = NULL};

	buf_puts(&json, "{\"Version\":\"2012-10-17\",\"Statement\":[");
	for (size_t i = 0; i < COUNT_OF(statements); i++)
		add_statement(&json, n, &statements[i]);
	buf_puts(&json, "]}");
	pretty_json(buf_str(&json), out);
	if (size_of(buf_str(&json)) > MANAGED_MAX)
		note(n, "the policy has %zu characters; a managed one has at most %u",
			size_of(buf_str(&json)), MANAGED_MAX);
}

void
policy_make(const struct conf *conf, policy_region *region, struct buf *out,
	struct strings *notes)
{
	struct needs n = {.conf = conf, .notes = notes};

	begin(&n);
	if (conf->aws.role_arn != NULL)
		note(&n,
			"the policy is for the role %s; whoever takes it on needs "
			"sts:AssumeRole for that",
			conf->aws.role_arn);
	if (conf->worker_count == 0) {
		AUTO(free) char *name = region(conf, NULL);

		look_at_region(&n, name);
	}
	for (size_t i = 0; i < conf->worker_count; i++) {
		AUTO(free) char *name = region(conf, conf->workers[i]);

		look_at_region(&n, name);
		look_at(&n, conf->workers[i]);
	}
	for (size_t i = 0; i < COUNT_OF(n.sets); i++)
		if (n.sets[i].count > 1)
			qsort(n.sets[i].items, n.sets[i].count, sizeof(char *),
				compare);
	write_policy(&n, out);
	for (size_t i = 0; i < COUNT_OF(n.sets); i++)
		strings_fini(&n.sets[i]);
}
