/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trials by DryRun. The body of a launch has no names in it, so that rows which would start
 * the same are tried once; which key a refusal is about, a table knows.
 */
#include "core/preflight_try.h"

#include "base/buf.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_places.h"
#include "core/bid.h"
#include "core/cloud.h"
#include "core/permit.h"
#include "core/preflight_priv.h"
#include "ec2/request.h"
#include "ec2/verdict.h"

#include <string.h>

/* What may not be ended is not started either, so this counts as much as the launch. */
void
try_terminate(struct preflight_row *r)
{
	const struct answer *one = preflight_ask(r, ASK_INSTANCE, "");
	const char *id;
	struct answer *a;

	if (one == NULL)
		return;
	if (one->found == FOUND_FORBIDDEN)
		preflight_tell_credentials(r, TELL_FAULT,
			"the daemon may not see its instances in %s: %s",
			r->cloud->region, one->err.text);
	id = one->facts.id != NULL ? one->facts.id : PERMIT_NOBODY;
	a = preflight_ask(r, ASK_TERMINATE, id);
	if (a == NULL)
		return;
	if (a->found == FOUND_FORBIDDEN)
		preflight_tell_credentials(r, TELL_FAULT,
			"instances may not be terminated in %s: %s%s", r->cloud->region,
			a->err.text,
			one->facts.id != NULL
				? ""
				: "; tried on an invented one, for the pool has none, "
				  "which a policy bound to its tag may refuse too");
	else if (a->found == FOUND_UNKNOWN)
		preflight_tell_region(r, TELL_UNANSWERED,
			"a terminate cannot be tried: %s", a->err.text);
}

/* A bid that needs no history; without one the price on demand counts. */
static const char *
bid_of(const struct conf_worker *w, char text[BID_SIZE])
{
	if (bid_needs_mean(w))
		return NULL;
	bid_print(bid_first(w, NULL), text);
	return text;
}

static void
build(const struct preflight_row *r, bool spot, struct buf *out)
{
	const struct conf_worker *w = r->worker;
	char bid[BID_SIZE];
	struct ec2_run run = {
		.image = r->image,
		.type = r->type,
		.key = r->key,
		.zone = r->subnet == NULL ? r->zone : NULL,
		.subnet = r->subnet,
		.spot = spot,
		.max_price = spot ? bid_of(w, bid) : NULL,
		.instance_profile = w->instance_profile_name,
		.device_rows = &conf_device_fields,
		.devices = &w->block_device_map,
		.metadata_rows = &conf_metadata_fields,
		.metadata = &w->metadata_options,
		.pool = preflight_pool(r),
		.tags = &w->tags,
	};

	/* Groups are of a network: where that is not known to be right, neither are they. */
	if (r->groups && (r->subnet != NULL || w->subnet_id.count == 0)) {
		run.security_name = w->security_name;
		run.security_groups = &w->security_group_ids;
	}
	ec2_run_body(&run, out);
}

/* Which key an error code, or a word of its message, is about. */
static const struct {
	const char *code, *word, *key;
} keys[] = {
	{NULL, "nstanceProfile", "instance_profile_name"},
	{NULL, "nstance profile", "instance_profile_name"},
	{NULL, "nstance Profile", "instance_profile_name"},
	{"NoSuchEntity", NULL, "instance_profile_name"},
	{"InvalidKeyPair", NULL, "keypair_name"},
	{"InvalidAMIID", NULL, "ami"},
	{"InvalidGroup", NULL, "security_group_ids"},
	{"InvalidSecurityGroup", NULL, "security_group_ids"},
	{"InvalidSubnet", NULL, "subnet_id"},
	{"InsufficientFreeAddresses", NULL, "subnet_id"},
	{"VPCIdNotSpecified", NULL, "subnet_id"},
	{"VPCResourceNotSpecified", NULL, "subnet_id"},
	{"InvalidBlockDevice", NULL, "block_device_map"},
	{"InvalidSnapshot", NULL, "block_device_map"},
	{"VolumeTypeNotAvailable", NULL, "block_device_map"},
	{"TagPolicyViolation", NULL, "tags"},
	{"SpotMaxPriceTooLow", NULL, "max_spot_price"},
	{"MaxSpotInstanceCountExceeded", NULL, "spot_instance"},
	{"AuthFailure.ServiceLinkedRole", NULL, "spot_instance"},
	{NULL, "vailability zone", "placement"},
	{NULL, "vailability Zone", "placement"},
	{"InvalidInstanceType", NULL, "instance_type"},
	{"Unsupported", NULL, "instance_type"},
	{"InsufficientInstanceCapacity", NULL, "instance_type"},
	{"VcpuLimitExceeded", NULL, "instance_type"},
	{"InstanceLimitExceeded", NULL, "instance_type"},
	{"PendingVerification", NULL, "identifier"},
	{"OptInRequired", NULL, "ami"},
};

static const char *
key_of(const struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if ((keys[i].code == NULL ||
			    strncmp(err->origin, keys[i].code, strlen(keys[i].code)) ==
				    0) &&
			(keys[i].word == NULL ||
				strstr(err->origin_text, keys[i].word) != NULL))
			return keys[i].key;
	return NULL;
}

/* What passes by itself, or can be waited for, is no fault of the file. */
static enum preflight_level
level_of(const struct answer *a)
{
	switch ((enum ec2_class)a->class) {
	case EC2_CLASS_CAPACITY:
	case EC2_CLASS_PRICE:
	case EC2_CLASS_QUOTA:
	case EC2_CLASS_THROTTLE:
	case EC2_CLASS_PASSING: return TELL_WARNING;
	case EC2_CLASS_NONE:
	case EC2_CLASS_CONFIG:
	case EC2_CLASS_AUTH:
	case EC2_CLASS_AUTH_CLOCK:
	case EC2_CLASS_STATE:
	case EC2_CLASS_VOLUME:
	case EC2_CLASS_NOT_VISIBLE:
	case EC2_CLASS_MISMATCH:
	case EC2_CLASS_TERMINATED:
	case EC2_CLASS_TOKEN:
	case EC2_CLASS_PROTECTED:
	case EC2_CLASS_DRY_RUN:
	case EC2_CLASS_PAGE_TOKEN:
	case EC2_CLASS_UNKNOWN_CODE:
	case EC2_CLASS_NEVER_SENT:
	case EC2_CLASS_COUNT: break;
	}
	return TELL_FAULT;
}

/* One answer is of all rows that would start the same: those are told of by the first. */
static bool
is_first(const struct preflight_row *r, struct answer *a)
{
	if (a->told_row == 0)
		a->told_row = r->row + 1;
	return a->told_row == r->row + 1;
}

static void
try_market(struct preflight_row *r, bool spot)
{
	AUTO(buf) struct buf body = {.data = NULL};
	const char *key;
	struct answer *a;

	build(r, spot, &body);
	a = preflight_ask(r, ASK_RUN, buf_str(&body));
	if (a == NULL || !is_first(r, a))
		return;
	key = key_of(&a->err);
	if (a->found == FOUND_FORBIDDEN)
		preflight_tell(r, TELL_FAULT, key != NULL ? key : "identifier",
			CONF_PLACE_KEY, "may not be launched: %s", a->err.text);
	else if (a->found == FOUND_UNKNOWN)
		preflight_tell_region(r, TELL_UNANSWERED,
			"a launch cannot be tried: %s", a->err.text);
	else if (a->found == FOUND_NO)
		preflight_tell(r, level_of(a), key != NULL ? key : "instance_type", 0,
			"EC2 would refuse the launch%s: %s", spot ? " as spot" : "",
			a->err.text);
}

void
try_launch(struct preflight_row *r)
{
	const struct conf_worker *w = r->worker;

	if (r->waiting || r->image == NULL || r->type == NULL)
		return;
	if (w->spot_instance)
		try_market(r, true);
	if (!w->spot_instance || w->on_demand_fallback)
		try_market(r, false);
}
