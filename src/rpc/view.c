/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that others wrote, AWS's texts above all, goes through json_text.
 */
#include "rpc/view.h"
#include "base/err.h"
#include "base/field.h"
#include "conf/conf.h"
#include "core/event.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/owner.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/reply.h"
#include "rpc/json.h"
#include "rpc/spec.h"

static const char *
or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

json_t *
view_error(const struct err *err)
{
	const struct rpc_error *row = &rpc_errors[err->code];
	enum err_reason reason = err->reason != REASON_NONE ? err->reason : row->reason;

	if (err->code == ERR_NONE)
		return json_null();
	return json_pack("{s:s,s:o,s:o,s:o}", "kind", row->kind, "reason",
		json_text(err_reason_name(reason)), "message", json_text(err->text),
		"aws", json_aws(err->origin, err->origin_text, err->request_id));
}

json_t *
view_instance(const struct instance *i)
{
	if (i == NULL)
		return json_null();
	return json_pack("{s:o,s:s,s:o,s:o,s:s,s:o,s:o,s:o,s:o}", "id",
		json_text(i->id), "state", ec2_state_name((enum ec2_state)i->seen),
		"type", json_text(i->type), "zone", json_text(i->zone), "market",
		i->market != NULL ? i->market : "on-demand", "image",
		json_text(i->image), "private_ip", json_text(i->private_ip),
		"public_dns", json_text(or_null(i->public_dns)), "launched_at",
		json_time(i->launched_wall));
}

static json_t *
view_deadline(const struct worker *w)
{
	int64_t at;
	const char *kind = worker_next_deadline(w, &at);

	if (kind == NULL)
		return json_null();
	return json_pack("{s:s,s:o}", "kind", kind, "at", json_time(at));
}

json_t *
view_worker(const struct worker *w)
{
	return json_pack("{s:o,s:s,s:o,s:b,s:b,s:I,s:I,s:o,s:o,s:o,s:o}", "worker",
		json_text(w->name), "state", worker_state_name(worker_state(w)),
		"phase", json_text(worker_phase_name(w)), "queued", worker_is_queued(w),
		"attached", w->attached, "building", (json_int_t)w->building,
		"generation", (json_int_t)w->generation, "since",
		json_time(worker_since(w)), "instance",
		view_instance(worker_instance(w)), "deadline", view_deadline(w),
		"last_error", view_error(&w->last_error));
}

static void
put_text(json_t *object, const char *name, const char *text)
{
	if (text != NULL)
		(void)json_object_set_new(object, name, json_text(text));
}

json_t *
view_event(const struct event *e)
{
	json_t *view = json_pack("{s:I,s:I,s:o,s:s,s:o,s:o,s:o,s:o}", "seq",
		(json_int_t)e->seq, "epoch", (json_int_t)e->epoch, "at",
		json_time(e->at), "type", event_type_name(e->type), "worker",
		json_text(e->worker), "generation",
		e->generation != 0 ? json_integer(e->generation) : json_null(), "by",
		json_text(e->by), "reason", json_text(e->reason));

	put_text(view, "launch", e->launch);
	put_text(view, "instance", e->instance);
	put_text(view, "from", e->from);
	put_text(view, "to", e->to);
	if (or_null(e->aws_code) != NULL)
		(void)json_object_set_new(view, "aws",
			json_aws(e->aws_code, e->aws_message, e->aws_request_id));
	return view;
}

static json_t *
view_placement(const struct launch *l)
{
	if (l == NULL)
		return json_null();
	return json_pack("{s:o,s:o,s:o,s:s,s:o,s:o}", "type", json_text(l->type),
		"subnet", json_text(l->subnet), "zone", json_text(l->zone), "market",
		l->market != NULL ? l->market : "on-demand", "bid", json_text(l->bid),
		"image", json_text(l->image));
}

/* The events of the present generation, oldest first. */
static json_t *
view_timeline(const struct worker *w)
{
	json_t *list = json_array();

	for (size_t back = event_ring_count(w->recent); back-- > 0;) {
		const struct event *e = event_ring_get(w->recent, back);

		if (e->generation == w->generation)
			(void)json_array_append_new(list, view_event(e));
	}
	return list;
}

json_t *
view_worker_whole(const struct worker *w)
{
	json_t *view = view_worker(w);

	(void)json_object_set_new(view, "stale", json_boolean(worker_is_stale(w)));
	(void)json_object_set_new(view, "held", json_boolean(w->held));
	(void)json_object_set_new(view, "owner",
		json_text(w->owner != NULL ? w->owner->name : NULL));
	(void)json_object_set_new(view, "placement", view_placement(w->launch));
	(void)json_object_set_new(view, "timeline", view_timeline(w));
	(void)json_object_set_new(view, "configuration",
		w->conf != NULL ? view_fields(&conf_worker_fields, w->conf)
				: json_null());
	return view;
}

json_t *
view_strings(const struct strings *list)
{
	json_t *view = json_array();

	for (size_t i = 0; i < list->count; i++)
		(void)json_array_append_new(view, json_text(list->items[i]));
	return view;
}
