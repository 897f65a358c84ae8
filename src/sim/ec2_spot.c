/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spot requests: each spot instance has one, fulfilled from the start, whose id is made
 * from the instance's. Cancelling it leaves the instance.
 */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
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

const char *
sim_ec2_request_id(const struct sim_instance *i, char text[static SIM_ID_SIZE])
{
	(void)snprintf(text, SIM_ID_SIZE, "sir-%.8s", i->id + strlen(i->id) - 8);
	return text;
}

static const char *
state_of(const struct sim_instance *i)
{
	if (i->request_cancelled)
		return "cancelled";
	return sim_state_is_live(i->state) ? "active" : "closed";
}

/* EC2-WIRE.md 5, status/code. */
static const char *
status_of(const struct sim_instance *i)
{
	if (i->request_cancelled && sim_state_is_live(i->state))
		return "request-canceled-and-instance-running";
	if (sim_state_is_live(i->state))
		return "fulfilled";
	if (str_equal(i->reason.code, "Server.SpotInstanceTermination"))
		return "instance-terminated-by-price";
	return "instance-terminated-by-user";
}

#define GET(name, expression) SIM_FILTER_GET(name, struct sim_instance, i, expression)

GET(id, sim_ec2_request_id(i, text))
GET(instance, i->id)
GET(image, i->launch->image)
GET(instance_type, i->launch->type)
GET(state, state_of(i))
GET(status, status_of(i))
GET(type, "one-time")
GET(zone, i->launch->zone)

static bool
test_tag(const void *obj, const struct sim_filter *f)
{
	const struct sim_instance *i = obj;

	return sim_filter_takes_tag(f, &i->launch->request_tags);
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
put_request(const void *obj, const void *before, struct buf *out)
{
	const struct sim_instance *i = obj;
	const struct sim_launch *l = i->launch;
	char id[SIM_ID_SIZE];

	(void)before;
	buf_puts(out, "<item>");
	sim_xml_text(out, "spotInstanceRequestId", sim_ec2_request_id(i, id));
	sim_xml_text(out, "spotPrice", l->max_price);
	sim_xml_text(out, "type", "one-time");
	sim_xml_text(out, "state", state_of(i));
	sim_xml_open(out, "status");
	sim_xml_text(out, "code", status_of(i));
	sim_xml_time(out, "updateTime",
		i->ended_wall_ms != 0 ? i->ended_wall_ms : l->launched_wall_ms);
	sim_xml_close(out, "status");
	sim_xml_open(out, "launchSpecification");
	sim_xml_text(out, "imageId", l->image);
	sim_xml_text(out, "instanceType", l->type);
	sim_xml_close(out, "launchSpecification");
	sim_xml_text(out, "instanceId", i->id);
	sim_xml_time(out, "createTime", l->launched_wall_ms);
	sim_xml_text(out, "launchedAvailabilityZone", l->zone);
	sim_xml_text(out, "instanceInterruptionBehavior", "terminate");
	sim_xml_map(out, "tagSet", &l->request_tags, "key", "value");
	buf_puts(out, "</item>");
}

static bool
has_request(const struct sim_call *call, const struct sim_instance *i)
{
	return i->launch->spot && strcmp(i->launch->region, call->region) == 0 &&
		sim_cloud_shows(call->cloud, i);
}

static struct sim_instance *
find_request(const struct sim_call *call, const char *id)
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
		if (find_request(call, id) == NULL)
			return sim_fail(&call->error,
				SIM_INVALID_SPOT_INSTANCE_REQUEST_ID_NOT_FOUND,
				"The spot instance request ID '%s' does not exist", id);
	}
	return 0;
}

static int
describe_requests(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &pages,
		.set = "spotInstanceRequestSet",
		.put = put_request};
	char text[SIM_ID_SIZE];

	if (sim_listing_begin(&l, filters) != 0 || check_ids(call) != 0 ||
		sim_call_dry_run(call) != 0)
		return -1;
	for (const struct sim_instance *i = sim_cloud_first(call->cloud); i != NULL;
		i = i->next)
		if (has_request(call, i) &&
			sim_params_lists(call->params, "SpotInstanceRequestId",
				sim_ec2_request_id(i, text)) &&
			!sim_listing_offer(&l, i->seq, i))
			break;
	sim_listing_end(&l);
	return 0;
}

static int
cancel_requests(struct sim_call *call)
{
	const char *id;

	if (check_ids(call) != 0 || sim_call_dry_run(call) != 0)
		return -1;
	buf_puts(call->out, "<spotInstanceRequestSet>");
	for (size_t n = 1; (id = sim_params_getf(call->params,
				    "SpotInstanceRequestId.%zu", n)) != NULL;
		n++) {
		struct sim_instance *i = find_request(call, id);

		i->request_cancelled = true;
		buf_puts(call->out, "<item>");
		sim_xml_text(call->out, "spotInstanceRequestId", id);
		sim_xml_text(call->out, "state", "cancelled");
		buf_puts(call->out, "</item>");
	}
	buf_puts(call->out, "</spotInstanceRequestSet>");
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
