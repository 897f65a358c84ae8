/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger, the counters, the requests and the rules as JSON. */
#include "sim/report.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sim/address.h"
#include "sim/bids.h"
#include "sim/cloud.h"
#include "sim/error.h"
#include "sim/fault.h"
#include "sim/journal.h"
#include "sim/params.h"
#include "sim/prices.h"
#include "sim/volume.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define WORKER_TAG "ec2workerd:worker"

static json_t *
text_or_null(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

static json_t *
time_or_null(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	return wall_ms != 0 ? json_string(clock_format(wall_ms, text)) : json_null();
}

static json_t *
map(const struct strmap *m)
{
	json_t *object = json_object();

	for (size_t n = 0; n < m->count; n++)
		json_object_set_new(object, m->keys[n], json_string(m->values[n]));
	return object;
}

static json_t *
volume(const struct sim_volume *v)
{
	json_t *to = json_pack("{s:s,s:s*,s:I,s:s,s:b,s:s,s:o}", "id", v->id, "device",
		v->device, "size", (json_int_t)v->size, "type", v->type,
		"delete_on_termination", v->delete_on_termination, "state",
		sim_volume_state_name(v->state), "tags", map(&v->tags));

	json_object_set_new(to, "zone", json_string(v->zone));
	json_object_set_new(to, "instance",
		text_or_null(v->instance != NULL ? v->instance->id : NULL));
	json_object_set_new(to, "attachment",
		json_string(sim_attachment_name(v->attachment)));
	json_object_set_new(to, "made_by",
		text_or_null(v->maker != NULL ? v->maker->id : NULL));
	json_object_set_new(to, "made_at", time_or_null(v->made_wall_ms));
	json_object_set_new(to, "ended_at", time_or_null(v->ended_wall_ms));
	json_object_set_new(to, "billed_seconds",
		json_real((double)sim_volume_billed_ms(v, clock_ms()) / 1000));
	return to;
}

/* Those that its launch made, and those that were attached to it since. */
static json_t *
volumes_of(const struct sim_instance *i)
{
	json_t *list = json_array();
	const struct sim_volume *v;

	for (v = i->made; v != NULL; v = v->next_made)
		json_array_append_new(list, volume(v));
	for (v = i->volumes; v != NULL; v = v->next_of)
		if (v->maker != i)
			json_array_append_new(list, volume(v));
	return list;
}

static json_t *
volumes(const struct sim_cloud *cloud)
{
	json_t *list = json_array();
	const struct sim_volume *v;

	for (v = sim_volumes_first(sim_cloud_volumes(cloud)); v != NULL; v = v->hh.next)
		json_array_append_new(list, volume(v));
	return list;
}

static json_t *
addresses(const struct sim_cloud *cloud)
{
	json_t *list = json_array();
	const struct sim_address *a;

	for (a = sim_addresses_first(sim_cloud_addresses(cloud)); a != NULL;
		a = a->next)
		json_array_append_new(list,
			json_pack("{s:s,s:s,s:s,s:o,s:o,s:o,s:o}", "id", a->allocation,
				"public_ip", a->public_ip, "region", a->region,
				"instance",
				text_or_null(
					a->instance != NULL ? a->instance->id : NULL),
				"made_at", time_or_null(a->made_wall_ms), "ended_at",
				time_or_null(a->ended_wall_ms), "tags", map(&a->tags)));
	return list;
}

/* When it came into each state. */
static json_t *
states(const struct sim_instance *i)
{
	json_t *list = json_array();

	for (size_t n = 0; n < i->change_count; n++)
		json_array_append_new(list,
			json_pack("{s:s,s:o}", "state",
				sim_state_name(i->changes[n].state), "at",
				time_or_null(i->changes[n].wall_ms)));
	return list;
}

/* What is billed, stretch by stretch; the last may go on. */
static json_t *
runs(const struct sim_instance *i)
{
	json_t *list = json_array();

	for (size_t n = 0; n < i->change_count; n++) {
		int64_t end = n + 1 < i->change_count ? i->changes[n + 1].wall_ms : 0;

		if (i->changes[n].state == SIM_RUNNING)
			json_array_append_new(list,
				json_pack("{s:o,s:o}", "from",
					time_or_null(i->changes[n].wall_ms), "to",
					time_or_null(end)));
	}
	return list;
}

/* What all instances of its launch share. */
static void
put_launch(const struct sim_launch *l, json_t *to)
{
	json_object_set_new(to, "launch", json_string(l->id));
	json_object_set_new(to, "client_token", text_or_null(l->token));
	json_object_set_new(to, "region", json_string(l->region));
	json_object_set_new(to, "zone", json_string(l->zone));
	json_object_set_new(to, "type", json_string(l->type));
	json_object_set_new(to, "image", json_string(l->image));
	json_object_set_new(to, "market", json_string(l->spot ? "spot" : "on-demand"));
	json_object_set_new(to, "subnet", text_or_null(l->subnet));
	json_object_set_new(to, "launched_at", time_or_null(l->launched_wall_ms));
}

json_t *
sim_report_instance(const struct sim_instance *i)
{
	int64_t now = clock_ms();
	json_t *to = json_object();

	json_object_set_new(to, "id", json_string(i->id));
	json_object_set_new(to, "state", json_string(sim_state_name(i->state)));
	json_object_set_new(to, "worker",
		text_or_null(strmap_get(&i->tags, WORKER_TAG)));
	json_object_set_new(to, "tags", map(&i->tags));
	put_launch(i->launch, to);
	json_object_set_new(to, "index", json_integer((json_int_t)i->index));
	json_object_set_new(to, "ended_at", time_or_null(i->ended_wall_ms));
	json_object_set_new(to, "terminated_at", time_or_null(i->terminated_wall_ms));
	json_object_set_new(to, "billed_seconds",
		json_real((double)sim_instance_billed_ms(i, now) / 1000));
	json_object_set_new(to, "charged_seconds",
		json_integer((json_int_t)sim_instance_charged_s(i, now)));
	json_object_set_new(to, "reason", text_or_null(i->reason.code));
	json_object_set_new(to, "states", states(i));
	json_object_set_new(to, "runs", runs(i));
	json_object_set_new(to, "volumes", volumes_of(i));
	return to;
}

static json_t *
spot_requests(const struct sim_bids *bids)
{
	json_t *list = json_array();
	const struct sim_bid *bid;

	for (bid = sim_bids_first(bids); bid != NULL; bid = bid->next)
		json_array_append_new(list,
			json_pack("{s:s,s:b,s:b,s:s,s:o,s:o}", "id", bid->id, "open",
				sim_bid_is_open(bid), "cancelled", bid->cancelled,
				"held_by", bid->held_by, "instance",
				text_or_null(bid->instance != NULL ? bid->instance->id
								   : NULL),
				"made_at", time_or_null(bid->made_wall_ms)));
	return list;
}

json_t *
sim_report_ledger(const struct sim_cloud *cloud, const struct sim_bids *bids)
{
	json_t *list = json_array();

	for (size_t n = 0; n < sim_cloud_count(cloud); n++)
		json_array_append_new(list,
			sim_report_instance(sim_cloud_at(cloud, n)));
	return json_pack("{s:o,s:o,s:o,s:o}", "instances", list, "volumes",
		volumes(cloud), "addresses", addresses(cloud), "spot_requests",
		spot_requests(bids));
}

json_t *
sim_report_calls(const struct sim_journal *journal)
{
	json_t *object = json_object();
	size_t count;
	const struct sim_count *counts = sim_journal_counts(journal, &count);

	for (size_t n = 0; n < count; n++)
		json_object_set_new(object, counts[n].action,
			json_integer((json_int_t)counts[n].calls));
	return object;
}

static json_t *
params(const struct sim_record *r)
{
	const char *target = sim_record_text(r, 1);
	const char *query = strchr(target, '?');
	AUTO(sim_params) struct sim_params p = {0};
	json_t *object = json_loadb(sim_record_text(r, 3), r->body_len, 0, NULL);
	struct sim_error error;

	if (object != NULL)
		return object;
	object = json_object();
	if (r->body_len > 0)
		(void)sim_params_parse(sim_record_text(r, 3), r->body_len, &p, &error);
	else if (query != NULL)
		(void)sim_params_parse(query + 1, strlen(query + 1), &p, &error);
	/* What could not be parsed has no parameters to show, but an error code. */
	for (size_t n = 0; n < p.count; n++)
		json_object_set_new(object, p.items[n].name,
			json_string(p.items[n].value));
	return object;
}

static json_t *
record(const struct sim_record *r)
{
	return json_pack("{s:I,s:o,s:o,s:s,s:s*,s:s*,s:o,s:s,s:i,s:s,s:b,s:I}", "seq",
		(json_int_t)r->seq, "at", time_or_null(r->wall_ms), "action",
		text_or_null(r->action), "method", sim_record_text(r, 0), "target",
		sim_record_text(r, 1), "authorization", sim_record_text(r, 2), "params",
		params(r), "request_id", r->request_id, "status", r->status, "code",
		r->code, "done", r->done, "fault", (json_int_t)r->fault);
}

json_t *
sim_report_requests(struct sim_journal *journal, uint64_t since, uint64_t limit)
{
	uint64_t first = sim_journal_first(journal);
	uint64_t last = sim_journal_last(journal);
	json_t *list = json_array();

	for (uint64_t seq = since >= first ? since + 1 : first;
		seq <= last && limit > 0; seq++, limit--)
		json_array_append_new(list, record(sim_journal_find(journal, seq)));
	return json_pack("{s:I,s:I,s:o}", "first", (json_int_t)first, "last",
		(json_int_t)last, "requests", list);
}

static void
put_number(json_t *to, const char *name, int64_t value, int64_t absent)
{
	if (value != absent)
		json_object_set_new(to, name, json_integer((json_int_t)value));
}

static void
put_text(json_t *to, const char *name, const char *value)
{
	if (value != NULL)
		json_object_set_new(to, name, json_string(value));
}

static json_t *
rule(const struct sim_rule *r)
{
	const struct sim_fault *f = &r->fault;
	json_t *to = json_pack("{s:I,s:I,s:I,s:s,s:s,s:b}", "id", (json_int_t)r->id,
		"matched", (json_int_t)r->matched, "fired", (json_int_t)r->fired,
		"action", f->action, "effect",
		sim_effect_name((enum sim_effect)f->effect), "after", f->after);

	put_text(to, "worker", f->worker);
	put_text(to, "instance", f->instance);
	if (f->tags.count > 0)
		json_object_set_new(to, "tags", map(&f->tags));
	if (f->params.count > 0)
		json_object_set_new(to, "params", map(&f->params));
	put_number(to, "nth", f->nth, FIELD_NULL);
	put_number(to, "every", f->every, FIELD_NULL);
	put_number(to, "count", f->count, FIELD_NULL);
	if (!isnan(f->probability))
		json_object_set_new(to, "probability", json_real(f->probability));
	put_text(to, "code", f->code);
	put_text(to, "message", f->message);
	put_number(to, "status", f->status, FIELD_NULL);
	if (f->state >= 0)
		put_text(to, "state", sim_state_name((enum sim_state)f->state));
	put_number(to, "at", f->at, 0);
	if (f->delay != 0)
		json_object_set_new(to, "delay", json_real((double)f->delay / 1000));
	if (f->retry_after != 0)
		json_object_set_new(to, "retry_after",
			json_real((double)f->retry_after / 1000));
	return to;
}

json_t *
sim_report_faults(const struct sim_faults *faults)
{
	json_t *list = json_array();
	const struct sim_rule *r;

	for (r = sim_faults_list(faults); r != NULL; r = r->next)
		json_array_append_new(list, rule(r));
	return list;
}

json_t *
sim_report_prices(const struct sim_prices *prices)
{
	json_t *list = json_array();

	for (size_t n = 0; n < sim_prices_count(prices); n++) {
		const struct sim_quote *q = sim_prices_at(prices, n);

		json_array_append_new(list,
			json_pack("{s:s,s:s,s:s,s:f,s:o}", "type", q->type, "zone",
				q->zone, "product", q->product, "price", q->price, "at",
				time_or_null(q->wall_ms)));
	}
	return list;
}
