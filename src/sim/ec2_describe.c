/* SPDX-License-Identifier: Apache-2.0 */
/* DescribeInstances and DescribeInstanceStatus: selection by ids or filters, pages. */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/cloud.h"
#include "sim/filter.h"
#include "sim/page.h"
#include "sim/params.h"
#include "sim/text.h"
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

static bool
is_selected(const struct sim_selection *s, const struct sim_instance *i)
{
	for (size_t n = 0; n < s->count; n++)
		if (s->items[n] == i)
			return true;
	return false;
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
		i = sim_cloud_find(call->cloud, call->region, id);
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

/* Writes one instance; before is the one written before it, or NULL. */
typedef void put_fn(const struct sim_instance *i, const struct sim_instance *before,
	struct buf *out);

/* Walks ids or all instances, filters, and puts what belongs to the page. */
struct walk {
	struct sim_call *call;
	struct sim_filters filters;
	struct sim_selection ids;
	struct sim_page page;
	bool only_running;
	put_fn *put;
	const struct sim_instance *before;
	size_t count;
};

/* False when the page is full. */
static bool
visit(struct walk *w, const struct sim_instance *i)
{
	if (i->seq <= w->page.after || (w->only_running && i->state != SIM_RUNNING) ||
		!sim_filters_match(&w->filters, i))
		return true;
	if (w->count == w->page.max) {
		w->page.last = w->before->seq;
		return false;
	}
	w->put(i, w->before, w->call->out);
	w->before = i;
	w->count++;
	return true;
}

static void
walk_all(struct walk *w)
{
	const struct sim_cloud *cloud = w->call->cloud;
	const struct sim_instance *i;

	for (i = sim_cloud_first(cloud); i != NULL; i = i->next)
		if (strcmp(i->launch->region, w->call->region) == 0 &&
			sim_cloud_shows(cloud, i) && !visit(w, i))
			return;
}

static int
by_seq(const void *a, const void *b)
{
	const struct sim_instance *x = *(struct sim_instance *const *)a;
	const struct sim_instance *y = *(struct sim_instance *const *)b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

static void
walk_ids(struct walk *w)
{
	qsort(w->ids.items, w->ids.count, sizeof(struct sim_instance *), by_seq);
	for (size_t n = 0; n < w->ids.count; n++)
		if (!visit(w, w->ids.items[n]))
			return;
}

static int
walk(struct walk *w, const struct sim_filter_row *rows)
{
	if (sim_page_read(w->call, &instances, &w->page) != 0 ||
		sim_filters_parse(w->call->params, rows, &w->filters,
			&w->call->error) != 0 ||
		sim_ec2_select(w->call, &w->ids) != 0 || sim_call_dry_run(w->call) != 0)
		return -1;
	if (w->ids.count > 0)
		walk_ids(w);
	else
		walk_all(w);
	return 0;
}

static void
walk_fini(struct walk *w)
{
	sim_filters_fini(&w->filters);
	sim_ec2_selection_fini(&w->ids);
}

static void
put_reservation(const struct sim_instance *i, const struct sim_instance *before,
	struct buf *out)
{
	if (before == NULL || before->launch != i->launch) {
		if (before != NULL)
			buf_puts(out, "</instancesSet></item>");
		buf_puts(out, "<item>");
		sim_xml_text(out, "reservationId", i->launch->id);
		sim_xml_text(out, "ownerId", SIM_OWNER_ID);
		buf_puts(out, "<groupSet/><instancesSet>");
	}
	sim_ec2_instance_xml(i, out);
}

int
sim_ec2_describe_instances(struct sim_call *call)
{
	struct walk w = {.call = call, .put = put_reservation};
	int ret;

	buf_puts(call->out, "<reservationSet>");
	ret = walk(&w, sim_ec2_instance_filters);
	if (w.count > 0)
		buf_puts(call->out, "</instancesSet></item>");
	buf_puts(call->out, "</reservationSet>");
	sim_page_put(&w.page, call->out);
	walk_fini(&w);
	return ret;
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
put_status(const struct sim_instance *i, const struct sim_instance *before,
	struct buf *out)
{
	(void)before;
	buf_puts(out, "<item>");
	sim_xml_text(out, "instanceId", i->id);
	sim_xml_text(out, "availabilityZone", i->launch->zone);
	sim_ec2_state_xml(out, "instanceState", i->state);
	put_health(out, "systemStatus", i);
	put_health(out, "instanceStatus", i);
	buf_puts(out, "</item>");
}

int
sim_ec2_describe_instance_status(struct sim_call *call)
{
	struct walk w = {.call = call, .put = put_status};
	int ret;

	w.only_running = !sim_params_true(call->params, "IncludeAllInstances");
	buf_puts(call->out, "<instanceStatusSet>");
	ret = walk(&w, sim_ec2_status_filters);
	buf_puts(call->out, "</instanceStatusSet>");
	sim_page_put(&w.page, call->out);
	walk_fini(&w);
	return ret;
}
