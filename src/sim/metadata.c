/* SPDX-License-Identifier: Apache-2.0 */
/* A row for each path that has a text, and directories made from the rows. */
#include "sim/metadata.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sim/ec2.h"
#include "sim/instance.h"
#include "sim/keys.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define ROLES "meta-data/iam/security-credentials"
#define TAGS "meta-data/tags/instance"

static const struct field rows[] = {
	{
		.name = "role",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_host, role, char *),
		.max = 64,
		.example = "build-master",
		.doc = "The name of its role; without, there are no credentials.",
	},
	{
		.name = "lifetime",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct sim_host, lifetime, int64_t),
		.def = "6h",
		.min = 1000,
		.max = 43200000,
		.doc = "Credentials of a role live for so long, those of instances too.",
	},
	{
		.name = "rotate",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct sim_host, rotate, bool),
		.def = "true",
		.doc = "New credentials come five minutes before the old ones end, or at half their "
		       "life; otherwise the old ones are handed out for ever.",
	},
	{
		.name = "v1",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct sim_host, v1, bool),
		.def = "false",
		.doc = "It answers without a token too.",
	},
	{
		.name = "status",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct sim_host, status, int64_t),
		.min = 200,
		.max = 599,
		.example = "503",
		.doc = "The status of every answer, which is empty then.",
	},
	{
		.name = "instance",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_host, instance, char *),
		.def = "i-0ec251a0ec251a000",
		.max = SIM_ID_SIZE - 1,
		.doc = "Its own instance id.",
	},
	{
		.name = "type",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_host, type, char *),
		.def = "m5.large",
		.doc = "Its instance type.",
	},
	{
		.name = "zone",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_host, zone, char *),
		.def = "us-east-1a",
		.doc = "Its zone; the name without the letter at its end is its region.",
	},
	{
		.name = "image",
		.type = FIELD_STRING,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct sim_host, image, char *),
		.def = "ami-0ec251a0ec251a000",
		.doc = "Its image.",
	},
	{
		.name = "tags",
		.type = FIELD_STRMAP,
		.offset = FIELD_AT(struct sim_host, tags, struct strmap),
		.doc = "Its tags, if it may see them.",
	},
	{.name = NULL},
};

const struct fields sim_host_fields = {"imds", rows, sizeof(struct sim_host)};

const char *
sim_subject_id(const struct sim_subject *s)
{
	return s->instance != NULL ? s->instance->id : s->host->instance;
}

const char *
sim_subject_role(const struct sim_subject *s)
{
	const char *profile;

	if (s->instance == NULL)
		return s->host->role;
	profile = s->instance->launch->profile;
	return profile != NULL && strrchr(profile, '/') != NULL
		? strrchr(profile, '/') + 1
		: NULL;
}

bool
sim_subject_needs_token(const struct sim_subject *s)
{
	return s->instance != NULL
		? str_equal(s->instance->launch->http_tokens, "required")
		: !s->host->v1;
}

static const char *
zone_of(const struct sim_subject *s)
{
	return s->instance != NULL ? s->instance->launch->zone : s->host->zone;
}

static const char *
type_of(const struct sim_subject *s)
{
	return s->instance != NULL ? s->instance->launch->type : s->host->type;
}

static const char *
image_of(const struct sim_subject *s)
{
	return s->instance != NULL ? s->instance->launch->image : s->host->image;
}

/* Tags are shown only where the launch has said so. */
static const struct strmap *
tags_of(const struct sim_subject *s)
{
	static const struct strmap none;

	if (s->instance == NULL)
		return &s->host->tags;
	return str_equal(s->instance->launch->instance_tags, "enabled")
		? &s->instance->tags
		: &none;
}

/* A text of a subject: false if it has none. */
typedef bool text_fn(const struct sim_subject *s, struct buf *out);

static bool
put(struct buf *out, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return false;
	buf_puts(out, text);
	return true;
}

static bool
put_image(const struct sim_subject *s, struct buf *out)
{
	return put(out, image_of(s));
}

static bool
put_index(const struct sim_subject *s, struct buf *out)
{
	buf_printf(out, "%zu", s->instance != NULL ? s->instance->index : 0);
	return true;
}

static bool
put_id(const struct sim_subject *s, struct buf *out)
{
	return put(out, sim_subject_id(s));
}

static bool
put_life_cycle(const struct sim_subject *s, struct buf *out)
{
	bool spot = s->instance != NULL && s->instance->launch->spot;

	return put(out, spot ? "spot" : "on-demand");
}

static bool
put_type(const struct sim_subject *s, struct buf *out)
{
	return put(out, type_of(s));
}

static bool
put_zone(const struct sim_subject *s, struct buf *out)
{
	return put(out, zone_of(s));
}

static bool
put_region(const struct sim_subject *s, struct buf *out)
{
	buf_add(out, zone_of(s), strlen(zone_of(s)) - 1);
	return true;
}

static bool
put_private_ip(const struct sim_subject *s, struct buf *out)
{
	char ip[SIM_ID_SIZE];

	return put(out,
		s->instance != NULL ? sim_instance_private_ip(s->instance, ip)
				    : "10.255.255.254");
}

static bool
put_private_dns(const struct sim_subject *s, struct buf *out)
{
	char text[160];

	return put(out,
		s->instance != NULL ? sim_ec2_private_dns(s->instance, text)
				    : "ip-10-255-255-254.ec2.internal");
}

static bool
put_public_ip(const struct sim_subject *s, struct buf *out)
{
	char ip[SIM_ID_SIZE];

	return s->instance != NULL && put(out, sim_instance_public_ip(s->instance, ip));
}

static bool
put_public_dns(const struct sim_subject *s, struct buf *out)
{
	char text[160];

	return s->instance != NULL && put(out, sim_ec2_public_dns(s->instance, text));
}

static bool
put_reservation(const struct sim_subject *s, struct buf *out)
{
	return s->instance != NULL && put(out, s->instance->launch->id);
}

static bool
put_domain(const struct sim_subject *s, struct buf *out)
{
	(void)s;
	return put(out, "amazonaws.com");
}

static bool
put_partition(const struct sim_subject *s, struct buf *out)
{
	(void)s;
	return put(out, "aws");
}

/* No interruption is announced here. */
static bool
put_nothing(const struct sim_subject *s, struct buf *out)
{
	(void)s;
	(void)out;
	return false;
}

static void
put_json(struct buf *out, json_t *object)
{
	char *text = json_dumps(object, JSON_INDENT(2));

	buf_puts(out, text);
	free(text);
	json_decref(object);
}

/* To the second, as sim_key_expiry. */
static const char *
format_time(int64_t wall_ms, char text[static CLOCK_TEXT_SIZE])
{
	clock_format(wall_ms, text);
	memcpy(text + strlen("2026-01-31T10:15:00"), "Z", sizeof("Z"));
	return text;
}

static bool
put_profile(const struct sim_subject *s, struct buf *out)
{
	const char *role = sim_subject_role(s);
	AUTO(free) char *arn = NULL;
	char now[CLOCK_TEXT_SIZE];

	if (role == NULL)
		return false;
	arn = xasprintf("arn:aws:iam::" SIM_OWNER_ID ":instance-profile/%s", role);
	put_json(out,
		json_pack("{s:s,s:s,s:s,s:s}", "Code", "Success", "LastUpdated",
			format_time(s->wall_ms, now), "InstanceProfileArn", arn,
			"InstanceProfileId", "AIPAEC2SIM00000000000"));
	return true;
}

static bool
put_document(const struct sim_subject *s, struct buf *out)
{
	AUTO(buf) struct buf region = {0};
	AUTO(buf) struct buf ip = {0};
	char pending[CLOCK_TEXT_SIZE];

	(void)put_region(s, &region);
	(void)put_private_ip(s, &ip);
	format_time(s->instance != NULL ? s->instance->launch->launched_wall_ms
					: s->wall_ms,
		pending);
	put_json(out,
		json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "accountId",
			SIM_OWNER_ID, "architecture", sim_ec2_architecture(type_of(s)),
			"availabilityZone", zone_of(s), "imageId", image_of(s),
			"instanceId", sim_subject_id(s), "instanceType", type_of(s),
			"pendingTime", pending, "privateIp", buf_str(&ip), "region",
			buf_str(&region), "version", "2017-09-30"));
	return true;
}

static bool
put_user_data(const struct sim_subject *s, struct buf *out)
{
	const struct buf *data = s->instance != NULL ? s->instance->launch->user_data
						     : NULL;

	if (data == NULL)
		return false;
	buf_add(out, data->data, data->len);
	return true;
}

/* What is below these two is made up as it is asked for. */
static bool
has_role(const struct sim_subject *s, struct buf *out)
{
	(void)out;
	return sim_subject_role(s) != NULL;
}

static bool
has_tags(const struct sim_subject *s, struct buf *out)
{
	(void)out;
	return tags_of(s)->count > 0;
}

/* In the order of their names, so that a directory's are together. */
static const struct {
	const char *path;
	text_fn *put;
} leaves[] = {
	{"dynamic/instance-identity/document", put_document},
	{"meta-data/ami-id", put_image},
	{"meta-data/ami-launch-index", put_index},
	{"meta-data/hostname", put_private_dns},
	{"meta-data/iam/info", put_profile},
	{"meta-data/iam/security-credentials/*", has_role},
	{"meta-data/instance-id", put_id},
	{"meta-data/instance-life-cycle", put_life_cycle},
	{"meta-data/instance-type", put_type},
	{"meta-data/local-hostname", put_private_dns},
	{"meta-data/local-ipv4", put_private_ip},
	{"meta-data/placement/availability-zone", put_zone},
	{"meta-data/placement/region", put_region},
	{"meta-data/public-hostname", put_public_dns},
	{"meta-data/public-ipv4", put_public_ip},
	{"meta-data/reservation-id", put_reservation},
	{"meta-data/services/domain", put_domain},
	{"meta-data/services/partition", put_partition},
	{"meta-data/spot/instance-action", put_nothing},
	{"meta-data/spot/termination-time", put_nothing},
	{"meta-data/tags/instance/*", has_tags},
	{"user-data", put_user_data},
};

static bool
put_credentials(const struct sim_subject *s, struct buf *out)
{
	int64_t since_ms;
	const struct sim_key *k = s->credentials(s->arg, &since_ms);
	char since[CLOCK_TEXT_SIZE];
	char until[SIM_EXPIRY_SIZE];

	put_json(out,
		json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "Code", "Success",
			"LastUpdated", format_time(since_ms, since), "Type", "AWS-HMAC",
			"AccessKeyId", k->id, "SecretAccessKey", k->secret.text,
			"Token", k->token.text, "Expiration",
			sim_key_expiry(k, until)));
	return true;
}

/* What is behind a directory's name in a path; NULL: it is not below it. */
static const char *
below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	if (strncmp(path, directory, len) != 0 ||
		(path[len] != '\0' && path[len] != '/'))
		return NULL;
	return path[len] == '/' ? path + len + 1 : path + len;
}

static const char *
get_role(const struct sim_subject *s, const char *name, struct buf *out)
{
	const char *role = sim_subject_role(s);

	if (role == NULL)
		return NULL;
	if (name[0] == '\0') {
		buf_puts(out, role);
		return ROLES;
	}
	if (strcmp(name, role) != 0)
		return NULL;
	return put_credentials(s, out) ? ROLES "/ROLE" : NULL;
}

static const char *
get_tag(const struct sim_subject *s, const char *name, struct buf *out)
{
	const struct strmap *tags = tags_of(s);
	const char *value;

	if (tags->count == 0)
		return NULL;
	if (name[0] == '\0') {
		for (size_t n = 0; n < tags->count; n++)
			buf_printf(out, "%s%s", n > 0 ? "\n" : "", tags->keys[n]);
		return TAGS;
	}
	value = strmap_get(tags, name);
	if (value == NULL)
		return NULL;
	buf_puts(out, value);
	return TAGS "/KEY";
}

/* The next part of the name of something in a directory, with a / if more is in it. */
static void
add_entry(struct buf *out, const char *rest, char last[static 64])
{
	size_t len = strcspn(rest, "/");
	char name[64];

	(void)snprintf(name, sizeof(name), "%.*s%s", (int)len, rest,
		rest[len] == '/' ? "/" : "");
	if (strcmp(name, last) == 0)
		return;
	buf_printf(out, "%s%s", out->len > 0 ? "\n" : "", name);
	(void)snprintf(last, 64, "%s", name);
}

static bool
list(const struct sim_subject *s, const char *directory, struct buf *out)
{
	AUTO(buf) struct buf text = {0};
	char last[64] = "";

	for (size_t n = 0; n < COUNT_OF(leaves); n++) {
		const char *rest = directory[0] == '\0'
			? leaves[n].path
			: below(leaves[n].path, directory);

		buf_clear(&text);
		if (rest != NULL && rest[0] != '\0' && leaves[n].put(s, &text))
			add_entry(out, rest, last);
	}
	return out->len > 0;
}

const char *
sim_metadata_get(const struct sim_subject *s, const char *path, struct buf *out)
{
	AUTO(free) char *plain = xstrdup(path);
	size_t len = strlen(plain);

	if (len > 0 && plain[len - 1] == '/')
		plain[len - 1] = '\0';
	if (below(plain, ROLES) != NULL)
		return get_role(s, below(plain, ROLES), out);
	if (below(plain, TAGS) != NULL)
		return get_tag(s, below(plain, TAGS), out);
	for (size_t n = 0; n < COUNT_OF(leaves); n++)
		if (strcmp(leaves[n].path, plain) == 0)
			return leaves[n].put(s, out) ? leaves[n].path : NULL;
	return list(s, plain, out) ? "directory" : NULL;
}
