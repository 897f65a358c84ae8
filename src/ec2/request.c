/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a request is spelt: the form encoding and the order of parameters. The canonical
 * RunInstances body is kept in the ledger, so that whatever changes its bytes is noticed
 * there by its digest.
 */
#include "ec2/request.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "sys/crypto.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define API_VERSION "2016-11-15"
#define TAG_PREFIX "ec2workerd:"
#define USER_DATA_MAX 16384u
#define NAME_SIZE 160

static bool
is_unreserved(unsigned char c)
{
	static const char also[] = "_.-~";

	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		(c >= '0' && c <= '9') || (c != '\0' && strchr(also, c) != NULL);
}

static void
add_encoded(struct buf *body, const char *text, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		char escaped[] = {'%', digits[c >> 4], digits[c & 15]};

		if (is_unreserved(c))
			buf_putc(body, (char)c);
		else if (c == ' ')
			buf_putc(body, '+');
		else
			buf_add(body, escaped, sizeof(escaped));
	}
}

void
ec2_param(struct buf *body, const char *name, const char *value)
{
	if (body->len > 0)
		buf_putc(body, '&');
	add_encoded(body, name, strlen(name));
	buf_putc(body, '=');
	add_encoded(body, value, strlen(value));
}

void
ec2_paramf(struct buf *body, const char *value, const char *name_fmt, ...)
{
	char name[NAME_SIZE];
	va_list ap;

	va_start(ap, name_fmt);
	(void)vsnprintf(name, sizeof(name), name_fmt, ap); /* our own names are short */
	va_end(ap);
	ec2_param(body, name, value);
}

void
ec2_begin(struct buf *body, const char *action)
{
	ec2_param(body, "Action", action);
	ec2_param(body, "Version", API_VERSION);
}

/* The text of a scalar member on the wire; NULL if it is absent. Caller frees. */
static char *
member_text(const struct field *row, const void *member)
{
	switch (row->type) {
	case FIELD_BOOL: return xstrdup(*(const bool *)member ? "true" : "false");
	case FIELD_OPTBOOL:
		if (*(const int *)member < 0)
			break;
		return xstrdup(*(const int *)member == 1 ? "true" : "false");
	case FIELD_INT:
		if (*(const int64_t *)member == FIELD_NULL)
			break;
		return xasprintf("%" PRId64, *(const int64_t *)member);
	case FIELD_STRING: return xstrdup_opt(*(char *const *)member);
	case FIELD_ENUM:
		if (*(const int *)member < 0)
			break;
		return xstrdup(row->choices[*(const int *)member]);
	case FIELD_NUMBER:
	case FIELD_DURATION:
	case FIELD_SECRET:
	case FIELD_OBJECT:
	case FIELD_STRINGS:
	case FIELD_LIST:
	case FIELD_STRMAP:
	case FIELD_ANY: break;
	}
	return NULL;
}

void
ec2_param_rows(struct buf *body, const char *prefix, const struct fields *rows,
	const void *obj)
{
	for (const struct field *row = rows->rows; row->name != NULL; row++) {
		const void *member = (const char *)obj + row->offset;
		AUTO(free) char *name = xasprintf("%s.%s", prefix, row->name);
		AUTO(free) char *text = member_text(row, member);

		if (row->type == FIELD_OBJECT)
			ec2_param_rows(body, name, row->sub, member);
		else if (text != NULL)
			ec2_param(body, name, text);
	}
}

static void
param_devices(struct buf *body, const struct fields *rows,
	const struct field_list *devices)
{
	for (size_t i = 0; devices != NULL && i < devices->count; i++) {
		AUTO(free)
		char *prefix = xasprintf("BlockDeviceMapping.%zu", i + 1);

		ec2_param_rows(body, prefix, rows,
			(const char *)devices->items + i * rows->size);
	}
}

static void
param_opt(struct buf *body, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		ec2_param(body, name, value);
}

static void
param_tag(struct buf *body, unsigned spec, unsigned *tag, const char *key,
	const char *value)
{
	(*tag)++;
	ec2_paramf(body, key, "TagSpecification.%u.Tag.%u.Key", spec, *tag);
	ec2_paramf(body, value, "TagSpecification.%u.Tag.%u.Value", spec, *tag);
}

static void
param_tag_opt(struct buf *body, unsigned spec, unsigned *tag, const char *key,
	const char *value)
{
	if (value != NULL && value[0] != '\0')
		param_tag(body, spec, tag, key, value);
}

static void
param_tag_number(struct buf *body, unsigned spec, unsigned *tag, const char *key,
	int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	param_tag(body, spec, tag, key, text);
}

/* The name shown in consoles: never used to find anything. */
static void
param_tag_name(struct buf *body, unsigned spec, unsigned *tag,
	const struct ec2_run *run)
{
	AUTO(buf) struct buf name = {0};

	if (run->pool == NULL || run->worker == NULL)
		return;
	if (run->tags != NULL && strmap_get(run->tags, "Name") != NULL)
		return;
	buf_printf(&name, "%s/%s", run->pool, run->worker);
	param_tag(body, spec, tag, "Name", buf_str(&name));
}

static void
param_tags_of_user(struct buf *body, unsigned spec, unsigned *tag,
	const struct strmap *tags)
{
	for (size_t i = 0; tags != NULL && i < tags->count; i++) {
		/* Refused at load; here too, for a second value would hide the first. */
		if (strncmp(tags->keys[i], TAG_PREFIX, strlen(TAG_PREFIX)) == 0)
			continue;
		param_tag(body, spec, tag, tags->keys[i], tags->values[i]);
	}
}

static void
param_tag_specification(struct buf *body, unsigned spec, const char *resource,
	const struct ec2_run *run)
{
	unsigned tag = 0;

	ec2_paramf(body, resource, "TagSpecification.%u.ResourceType", spec);
	param_tag_opt(body, spec, &tag, TAG_PREFIX "pool", run->pool);
	param_tag_opt(body, spec, &tag, TAG_PREFIX "worker", run->worker);
	param_tag_number(body, spec, &tag, TAG_PREFIX "generation", run->generation);
	param_tag_opt(body, spec, &tag, TAG_PREFIX "launch", run->launch);
	param_tag_opt(body, spec, &tag, TAG_PREFIX "lineage", run->lineage);
	param_tag_number(body, spec, &tag, TAG_PREFIX "epoch", run->epoch);
	if (strcmp(resource, "instance") == 0)
		param_tag_opt(body, spec, &tag, TAG_PREFIX "lease", run->lease);
	param_tag_name(body, spec, &tag, run);
	param_tags_of_user(body, spec, &tag, run->tags);
}

static void
param_instance_profile(struct buf *body, const char *profile)
{
	if (profile == NULL || profile[0] == '\0')
		return;
	ec2_param(body,
		strncmp(profile, "arn:", 4) == 0 ? "IamInstanceProfile.Arn"
						 : "IamInstanceProfile.Name",
		profile);
}

static void
param_market(struct buf *body, const struct ec2_run *run)
{
	if (!run->spot)
		return;
	ec2_param(body, "InstanceMarketOptions.MarketType", "spot");
	ec2_param(body, "InstanceMarketOptions.SpotOptions.SpotInstanceType",
		"one-time");
	ec2_param(body,
		"InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior",
		"terminate");
	param_opt(body, "InstanceMarketOptions.SpotOptions.MaxPrice", run->max_price);
}

static void
param_security_groups(struct buf *body, const struct ec2_run *run)
{
	const struct strings *ids = run->security_groups;

	param_opt(body, "SecurityGroup.1", run->security_name);
	for (size_t i = 0; ids != NULL && i < ids->count; i++)
		ec2_paramf(body, ids->items[i], "SecurityGroupId.%zu", i + 1);
}

void
ec2_run_body(const struct ec2_run *run, struct buf *out)
{
	AUTO(buf) struct buf body = {0};

	ec2_begin(&body, "RunInstances");
	ec2_param(&body, "MinCount", "1");
	ec2_param(&body, "MaxCount", "1");
	param_opt(&body, "ClientToken", run->token);
	param_opt(&body, "ImageId", run->image);
	param_opt(&body, "InstanceType", run->type);
	param_opt(&body, "KeyName", run->key);
	param_opt(&body, "Placement.AvailabilityZone", run->zone);
	param_opt(&body, "SubnetId", run->subnet);
	param_market(&body, run);
	param_security_groups(&body, run);
	param_instance_profile(&body, run->instance_profile);
	/* A machine that powers itself off ends its cost without the daemon. */
	ec2_param(&body, "InstanceInitiatedShutdownBehavior", "terminate");
	if (run->metadata != NULL)
		ec2_param_rows(&body, "MetadataOptions", run->metadata_rows,
			run->metadata);
	param_devices(&body, run->device_rows, run->devices);
	param_tag_specification(&body, 1, "instance", run);
	param_tag_specification(&body, 2, "volume", run);
	if (run->spot)
		param_tag_specification(&body, 3, "spot-instances-request", run);
	buf_add(out, body.data, body.len);
}

bool
ec2_run_keeps_disks(const char *body)
{
	return strstr(body, ".DeleteOnTermination=false") != NULL;
}

static int
too_large(struct err *err, const char *what, size_t len, size_t max)
{
	err_set(err, ERR_CONFIG, "%s is %zu bytes long, EC2 takes at most %zu", what,
		len, max);
	if (err != NULL)
		err->reason = REASON_CONFIG;
	return -1;
}

int
ec2_run_finish(const char *body, const char *user_data, size_t len, struct buf *out,
	struct err *err)
{
	AUTO(buf_wipe) struct buf encoded = {0};
	AUTO(buf_wipe) struct buf whole = {0};

	if (user_data != NULL && len > USER_DATA_MAX)
		return too_large(err, "the user data", len, USER_DATA_MAX);
	buf_puts(&whole, body);
	if (user_data != NULL && len > 0) {
		crypto_base64(user_data, len, &encoded);
		ec2_param(&whole, "UserData", buf_str(&encoded));
	}
	if (whole.len > EC2_BODY_MAX)
		return too_large(err, "the RunInstances request", whole.len,
			EC2_BODY_MAX);
	buf_add(out, whole.data, whole.len);
	return 0;
}
