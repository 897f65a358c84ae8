/* SPDX-License-Identifier: Apache-2.0 */
/* DescribeInstances and DescribeInstanceStatus, and the selection of instances by ids. */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/catalog.h"
#include "sim/cloud.h"
#include "sim/listing.h"
#include "sim/page.h"
#include "sim/params.h"
#include "sim/scenario.h"
#include "sim/text.h"
#include "sim/view.h"
#include "sim/xmlout.h"

#include <string.h>

static const struct sim_page_rule instances = {"InstanceId.1", "instancesSet", 5, 1000};

static int
is_malformed(struct sim_call *call, const char *id)
{
	if (sim_text_is_id(id, "i-", 8, 8) || sim_text_is_id(id, "i-", 17, 17))
		return 0;
	return sim_fail(&call->error, SIM_INVALID_INSTANCE_ID_MALFORMED,
		"Invalid id: \"%.100s\"", id);
}

struct sim_instance *
sim_ec2_find_instance(struct sim_call *call, const char *id)
{
	struct sim_instance *i = NULL;

	if (is_malformed(call, id) != 0)
		return NULL;
	i = sim_cloud_find(call->cloud, call->region, id);
	if (i == NULL)
		sim_fail(&call->error, SIM_INVALID_INSTANCE_ID_NOT_FOUND,
			"The instance ID '%s' does not exist", id);
	return i;
}

static bool
is_selected(const struct sim_selection *s, const struct sim_instance *i)
{
	for (size_t n = 0; n < s->count; n++)
		if (s->items[n] == i)
			return true;
	return false;
}

static struct sim_instance *
find_seen(const struct sim_call *call, const char *id)
{
	struct sim_instance *i;

	if (call->view == NULL)
		return sim_cloud_find(call->cloud, call->region, id);
	i = sim_cloud_find_anywhere(call->cloud, id);
	return i != NULL && sim_view_shows(call->view, i) &&
			strcmp(i->launch->region, call->region) == 0
		? i
		: NULL;
}

/* Nothing is heard from a zone that is out. */
static int
check_zones(struct sim_call *call, const struct sim_selection *s)
{
	for (size_t n = 0; n < s->count; n++)
		if (sim_zone_is_impaired(call, s->items[n]->launch->zone))
			return sim_ec2_impaired(call, s->items[n]->launch->zone);
	return 0;
}

static int
not_found(struct sim_call *call, const struct buf *missing)
{
	bool many = strchr(buf_str(missing), ',') != NULL;

	return sim_fail(&call->error, SIM_INVALID_INSTANCE_ID_NOT_FOUND,
		many ? "The instance IDs '%.400s' do not exist"
		     : "The instance ID '%.400s' does not exist",
		buf_str(missing));
}

int
sim_ec2_select(struct sim_call *call, struct sim_selection *ret_selection)
{
	AUTO(sim_selection) struct sim_selection s = {0};
	AUTO(buf) struct buf missing = {0};
	const char *id;

	for (size_t n = 1;
		(id = sim_params_getf(call->params, "InstanceId.%zu", n)) != NULL;
		n++) {
		struct sim_instance *i;

		if (is_malformed(call, id) != 0)
			return -1;
		i = find_seen(call, id);
		if (i == NULL)
			buf_printf(&missing, "%s%s", missing.len > 0 ? ", " : "", id);
		if (i == NULL || is_selected(&s, i))
			continue;
		s.items = xreallocarray(s.items, s.count + 1,
			sizeof(struct sim_instance *));
		s.items[s.count++] = i;
	}
	if (missing.len > 0)
		return not_found(call, &missing);
	if (check_zones(call, &s) != 0)
		return -1;
	*ret_selection = s;
	s = (struct sim_selection){0};
	return 0;
}

void
sim_ec2_selection_fini(struct sim_selection *s)
{
	free(s->items);
	*s = (struct sim_selection){0};
}

static int
by_seq(const void *a, const void *b)
{
	const struct sim_instance *x = *(struct sim_instance *const *)a;
	const struct sim_instance *y = *(struct sim_instance *const *)b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

static bool
offer(struct sim_listing *l, struct sim_view *view, const struct sim_instance *i,
	bool only_running)
{
	i = sim_view_of(view, i, l->before);
	if (only_running && i->state != SIM_RUNNING)
		return true;
	return sim_listing_offer(l, i->seq, i);
}

static void
offer_all(struct sim_listing *l, struct sim_view *view, bool only_running)
{
	const struct sim_instance *i;

	for (i = sim_cloud_first(l->call->cloud); i != NULL; i = i->next)
		if (strcmp(i->launch->region, l->call->region) == 0 &&
			sim_view_shows(view, i) && !offer(l, view, i, only_running))
			return;
}

/* A listing that names no instance asks in all zones. */
static int
check_all_zones(struct sim_call *call)
{
	const struct strings *zones = &call->scenario->impaired_zones;

	if (sim_params_get(call->params, "InstanceId.1") != NULL)
		return 0;
	for (size_t n = 0; n < zones->count; n++)
		if (sim_zone_is_of(zones->items[n], call->region))
			return sim_ec2_impaired(call, zones->items[n]);
	return 0;
}

/* The instances that are named, or else all, as one view has them. */
static int
list_seen(struct sim_listing *l, struct sim_view *view,
	const struct sim_filter_row *rows, bool only_running)
{
	AUTO(sim_selection) struct sim_selection ids = {0};

	if (sim_listing_begin(l, rows) != 0 || sim_ec2_select(l->call, &ids) != 0 ||
		sim_call_dry_run(l->call) != 0 || check_all_zones(l->call) != 0)
		return -1;
	if (ids.count == 0)
		offer_all(l, view, only_running);
	else
		qsort(ids.items, ids.count, sizeof(struct sim_instance *), by_seq);
	for (size_t n = 0; n < ids.count; n++)
		if (!offer(l, view, ids.items[n], only_running))
			break;
	return 0;
}

static int
list(struct sim_listing *l, const struct sim_filter_row *rows, bool only_running)
{
	struct sim_view view;
	int ret;

	sim_view_init(&view, l->call);
	l->call->view = &view;
	ret = list_seen(l, &view, rows, only_running);
	l->call->view = NULL;
	l->before = NULL;
	return ret;
}

/* Instances of one launch that follow each other share a reservation. */
static void
put_reservation(const void *obj, const void *before, struct buf *out)
{
	const struct sim_instance *i = obj;
	const struct sim_instance *last = before;

	if (last == NULL || last->launch != i->launch) {
		if (last != NULL)
			buf_puts(out, "</instancesSet></item>");
		buf_puts(out, "<item>");
		sim_xml_text(out, "reservationId", i->launch->id);
		sim_xml_text(out, "ownerId", SIM_OWNER_ID);
		buf_puts(out, "<groupSet/><instancesSet>");
	}
	sim_ec2_instance_xml(i, out);
}

static int
describe_instances(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &instances,
		.set = "reservationSet",
		.put = put_reservation};

	if (list(&l, sim_ec2_instance_filters, false) != 0)
		return -1;
	if (l.count > 0)
		buf_puts(call->out, "</instancesSet></item>");
	sim_listing_end(&l);
	return 0;
}

static void
put_health(struct buf *out, const char *element, const struct sim_instance *i)
{
	bool running = i->state == SIM_RUNNING;

	sim_xml_open(out, element);
	sim_xml_text(out, "status", running ? "ok" : "not-applicable");
	if (running)
		buf_puts(out,
			"<details><item><name>reachability</name><status>passed</status>"
			"</item></details>");
	sim_xml_close(out, element);
}

static void
put_status(const void *obj, const void *before, struct buf *out)
{
	const struct sim_instance *i = obj;

	(void)before;
	buf_puts(out, "<item>");
	sim_xml_text(out, "instanceId", i->id);
	sim_xml_text(out, "availabilityZone", i->launch->zone);
	sim_ec2_state_xml(out, "instanceState", i->state);
	put_health(out, "systemStatus", i);
	put_health(out, "instanceStatus", i);
	buf_puts(out, "</item>");
}

static int
describe_instance_status(struct sim_call *call)
{
	AUTO(sim_listing)
	struct sim_listing l = {.call = call,
		.rule = &instances,
		.set = "instanceStatusSet",
		.put = put_status};

	if (list(&l, sim_ec2_status_filters,
		    !sim_params_true(call->params, "IncludeAllInstances")) != 0)
		return -1;
	sim_listing_end(&l);
	return 0;
}

static const struct sim_param_row instances_params[] = {
	{.name = "InstanceId.N"},
	{.name = "Filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = "Pages", .type = SIM_PARAM_ROWS, .rows = sim_ec2_page_params},
	{.name = "IncludeManagedResources", .type = SIM_PARAM_BOOL},
	{.name = NULL},
};

static const struct sim_param_row status_params[] = {
	{.name = "InstanceId.N"},
	{.name = "Filters", .type = SIM_PARAM_ROWS, .rows = sim_ec2_filter_params},
	{.name = "Pages", .type = SIM_PARAM_ROWS, .rows = sim_ec2_page_params},
	{.name = "IncludeAllInstances", .type = SIM_PARAM_BOOL},
	{.name = NULL},
};

const struct sim_action sim_ec2_describe_actions[] = {
	{
		.name = "DescribeInstances",
		.run = describe_instances,
		.params = instances_params,
		.bucket = SIM_BUCKET_DESCRIBE,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "DescribeInstanceStatus",
		.run = describe_instance_status,
		.params = status_params,
		.bucket = SIM_BUCKET_DESCRIBE,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};
