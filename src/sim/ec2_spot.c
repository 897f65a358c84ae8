/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spot requests. RunInstances makes one for each spot instance, fulfilled from the start,
 * whose id comes from the instance's; RequestSpotInstances makes those of bids.h.
 * Cancelling one leaves its instance.
 */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/bids.h"
#include "sim/cloud.h"
#include "sim/listing.h"
#include "sim/page.h"
#include "sim/params.h"
#include "sim/text.h"
#include "sim/xmlout.h"

#include <stdio.h>
#include <string.h>

static const struct sim_page_rule pages = {"SpotInstanceRequestId.1",
	"spotInstanceRequestId", 5, 1000};

/* A request, whichever way it was made; all borrowed. */
struct request {
	char id[SIM_ID_SIZE];
	const struct sim_launch *launch;
	const struct sim_instance *instance; /* or NULL */
	const struct sim_bid *bid;           /* or NULL */
	bool cancelled;
	int64_t made_wall_ms, changed_wall_ms;
};

const char *
sim_ec2_request_id(const struct sim_instance *i, char text[static SIM_ID_SIZE])
{
	if (i->launch->request_id[0] != '\0')
		return i->launch->request_id;
	(void)snprintf(text, SIM_ID_SIZE, "sir-%.8s", i->id + strlen(i->id) - 8);
	return text;
}

static void
of_instance(const struct sim_instance *i, struct request *ret)
{
	*ret = (struct request){
		.launch = i->launch,
		.instance = i,
		.cancelled = i->request_cancelled,
		.made_wall_ms = i->launch->launched_wall_ms,
		.changed_wall_ms = i->ended_wall_ms != 0 ? i->ended_wall_ms
							 : i->launch->launched_wall_ms,
	};
	(void)sim_ec2_request_id(i, ret->id);
}

static void
of_bid(const struct sim_bid *bid, struct request *ret)
{
	*ret = (struct request){
		.launch = bid->launch,
		.instance = bid->instance,
		.bid = bid,
		.cancelled = bid->cancelled,
		.made_wall_ms = bid->made_wall_ms,
		.changed_wall_ms = bid->changed_wall_ms,
	};
	memcpy(ret->id, bid->id, sizeof(ret->id));
}

static const char *
state_of(const struct request *r)
{
	if (r->cancelled)
		return "cancelled";
	if (r->instance == NULL)
		return r->bid->expired ? "closed" : "open";
	return sim_state_is_live(r->instance->state) ? "active" : "closed";
}

/* EC2-WIRE.md 5, status/code. */
static const char *
status_of(const struct request *r)
{
	if (r->instance == NULL && r->cancelled)
		return "canceled-before-fulfillment";
	if (r->instance == NULL)
		return r->bid->expired ? "schedule-expired" : r->bid->held_by;
	if (sim_state_is_live(r->instance->state))
		return r->cancelled ? "request-canceled-and-instance-running"
				    : "fulfilled";
	if (str_equal(r->instance->reason.code, "Server.SpotInstanceTermination"))
		return "instance-terminated-by-price";
	return "instance-terminated-by-user";
}

#define GET(name, expression) SIM_FILTER_GET(name, struct request, r, expression)

GET(id, r->id)
GET(instance, r->instance != NULL ? r->instance->id : NULL)
GET(image, r->launch->image)
GET(instance_type, r->launch->type)
GET(state, state_of(r))
GET(status, status_of(r))
GET(type, "one-time")
GET(zone, r->instance != NULL ? r->launch->zone : NULL)

static bool
test_tag(const void *obj, const struct sim_filter *f)
{
	const struct request *r = obj;

	return sim_filter_takes_tag(f, &r->launch->request_tags);
}

static const struct sim_filter_row filters[] = {
	{"instance-id", get_instance, NULL},
	{"launch.image-id", get_image, NULL},
	{"launch.instance-type", get_instance_type, NULL},
	{"launched-availability-zone", get_zone, NULL},
	{"spot-instance-request-id", get_id, NULL},
	{"state", get_state, NULL},
	{"status-code", get_status, NULL},
	{"tag-key", NULL, test_tag},
	{"tag-value", NULL, test_tag},
	{"tag:", NULL, test_tag},
	{"type", get_type, NULL},
	{NULL, NULL, NULL},
};

static void
put_specification(const struct sim_launch *l, struct buf *out)
{
	sim_xml_open(out, "launchSpecification");
	sim_xml_text(out, "imageId", l->image);
	sim_xml_text(out, "keyName", l->key_name);
	sim_xml_map(out, "groupSet", &l->groups, "groupId", "groupName");
	sim_xml_text(out, "instanceType", l->type);
	sim_xml_open(out, "placement");
	sim_xml_text(out, "availabilityZone", l->zonal ? l->zone : NULL);
	sim_xml_close(out, "placement");
	sim_xml_text(out, "subnetId", l->subnet);
	sim_xml_close(out, "launchSpecification");
}

static void
put(const struct request *r, struct buf *out)
{
	const struct sim_launch *l = r->launch;

	buf_puts(out, "<item>");
	sim_xml_text(out, "spotInstanceRequestId", r->id);
	sim_xml_text(out, "spotPrice", l->max_price);
	sim_xml_text(out, "type", "one-time");
	sim_xml_text(out, "state", state_of(r));
	sim_xml_open(out, "status");
	sim_xml_text(out, "code", status_of(r));
	sim_xml_time(out, "updateTime", r->changed_wall_ms);
	sim_xml_text(out, "message", status_of(r));
	sim_xml_close(out, "status");
	put_specification(l, out);
	if (r->instance != NULL) {
		sim_xml_text(out, "instanceId", r->instance->id);
		sim_xml_text(out, "launchedAvailabilityZone", l->zone);
	}
	sim_xml_time(out, "createTime", r->made_wall_ms);
	sim_xml_text(out, "productDescription", "Linux/UNIX");
	sim_xml_text(out, "instanceInterruptionBehavior", "terminate");
	sim_xml_map(out, "tagSet", &l->request_tags, "key", "value");
	buf_puts(out, "</item>");
}

static void
put_request(const void *obj, const void *before, struct buf *out)
{
	(void)before;
	put(obj, out);
}

void
sim_ec2_bid_xml(const struct sim_bid *bid, struct buf *out)
{
	struct request r;

	of_bid(bid, &r);
	put(&r, out);
}

static bool
has_request(const struct sim_call *call, const struct sim_instance *i)
{
	return i->launch->spot && i->launch->request_id[0] == '\0' &&
		strcmp(i->launch->region, call->region) == 0 &&
		sim_cloud_shows(call->cloud, i);
}

static struct sim_instance *
find_instance(const struct sim_call *call, const char *id)
{
	char text[SIM_ID_SIZE];

	for (struct sim_instance *i = sim_cloud_first(call->cloud); i != NULL;
		i = i->next)
		if (has_request(call, i) &&
			strcmp(sim_ec2_request_id(i, text), id) == 0)
			return i;
	return NULL;
}

static int
check_ids(struct sim_call *call)
{
	const char *id;

	for (size_t n = 1; (id = sim_params_getf(call->params,
				    "SpotInstanceRequestId.%zu", n)) != NULL;
		n++) {
		if (!sim_text_is_id(id, "sir-", 8, 8))
			return sim_fail(&call->error,
				SIM_INVALID_SPOT_INSTANCE_REQUEST_ID_MALFORMED,
				"The spot instance request ID '%.100s' is malformed",
				id);
		if (sim_bids_find(call->bids, call->region, id) == NULL &&
			find_instance(call, id) == NULL)
			return sim_fail(&call->error,
				SIM_INVALID_SPOT_INSTANCE_REQUEST_ID_NOT_FOUND,
				"The spot instance request ID '%s' does not exist", id);
	}
	return 0;
}

/* Those of bids come behind all others. */
static void
list_requests(struct sim_listing *l)
{
	const struct sim_call *call = l->call;
	struct request r;

	for (const struct sim_instance *i = sim_cloud_first(call->cloud); i != NULL;
		i = i->next) {
		if (!has_request(call, i))
			continue;
		of_instance(i, &r);
		if (sim_params_lists(call->params, "SpotInstanceRequestId", r.id) &&
			!sim_listing_offer(l, i->seq, &r))
			return;
	}
	for (const struct sim_bid *bid = sim_bids_first(call->bids); bid != NULL;
		bid = bid->next) {
		if (strcmp(bid->launch->region, call->region) != 0)
			continue;
		of_bid(bid, &r);
		if (sim_params_lists(call->params, "SpotInstanceRequestId", r.id) &&
			!sim_listing_offer(l, SIM_INSTANCES_MAX + bid->seq, &r))
			return;
	}
}

static int
describe_requests(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &pages,
		.set = "spotInstanceRequestSet",
		.put = put_request};

	if (sim_listing_begin(&l, filters) != 0 || check_ids(call) != 0 ||
		sim_call_dry_run(call) != 0)
		return -1;
	list_requests(&l);
	sim_listing_end(&l);
	return 0;
}

static int
cancel_requests(struct sim_call *call)
{
	const char *id;

	if (check_ids(call) != 0 || sim_call_dry_run(call) != 0)
		return -1;
	sim_xml_open(call->out, "spotInstanceRequestSet");
	for (size_t n = 1; (id = sim_params_getf(call->params,
				    "SpotInstanceRequestId.%zu", n)) != NULL;
		n++) {
		struct sim_bid *bid = sim_bids_find(call->bids, call->region, id);
		struct sim_instance *i = find_instance(call, id);

		if (bid != NULL)
			sim_bid_cancel(bid);
		else if (i != NULL)
			i->request_cancelled = true;
		buf_puts(call->out, "<item>");
		sim_xml_text(call->out, "spotInstanceRequestId", id);
		sim_xml_text(call->out, "state", "cancelled");
		buf_puts(call->out, "</item>");
	}
	sim_xml_close(call->out, "spotInstanceRequestSet");
	return 0;
}

static const struct sim_param_row describe_params[] = {
	{.name = "SpotInstanceRequestId.N"},
	{.name = "filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = "pages", .type = SIM_PARAM_ROWS, .rows = sim_ec2_page_params},
	{.name = NULL},
};

static const struct sim_param_row cancel_params[] = {
	{.name = "SpotInstanceRequestId.N", .required = true},
	{.name = NULL},
};

const struct sim_action sim_ec2_spot_actions[] = {
	{
		.name = "DescribeSpotInstanceRequests",
		.run = describe_requests,
		.params = describe_params,
		.bucket = SIM_BUCKET_DESCRIBE,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "CancelSpotInstanceRequests",
		.run = cancel_requests,
		.params = cancel_params,
		.bucket = SIM_BUCKET_MUTATING,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};
