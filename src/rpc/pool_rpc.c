/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods pool.*.
 */
#include "base/mem.h"
#include "conf/conf.h"
#include "core/cloud.h"
#include "core/health.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/orphan.h"
#include "core/pause.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/waiter.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/verdict.h"
#include "rpc/args.h"
#include "rpc/calls.h"
#include "rpc/find.h"
#include "rpc/json.h"

static json_t *
view_states(const struct pool *p)
{
	json_int_t counts[WORKER_STATE_COUNT] = {0};
	json_t *view = json_object();

	for (const struct worker *w = pool_first(p); w != NULL; w = pool_next(w))
		counts[worker_state(w)]++;
	for (unsigned n = 0; n < WORKER_STATE_COUNT; n++)
		(void)json_object_set_new(view, worker_state_name((enum worker_state)n),
			json_integer(counts[n]));
	return view;
}

static json_t *
view_queues(const struct pool *p)
{
	json_int_t placing = 0, waiting = 0;

	for (const struct worker *w = pool_first(p); w != NULL; w = pool_next(w)) {
		placing += w->phase == WORKER_PLACING;
		waiting += (json_int_t)worker_waiting(w);
	}
	return json_pack("{s:I,s:I,s:I,s:I,s:I}", "placing", placing, "launches",
		(json_int_t)HASH_COUNT(p->launches), "instances",
		(json_int_t)HASH_COUNT(p->instances), "waiting", waiting, "mails",
		(json_int_t)notices_count(p->notices));
}

static json_t *
view_paused(const struct pool *p)
{
	if (p->paused_wall == 0)
		return json_null();
	return json_pack("{s:o,s:o}", "by", json_text(p->paused_by), "at",
		json_time(p->paused_wall));
}

static json_t *
view_degraded(const struct pool *p)
{
	json_t *view = json_array();

	for (const struct episode *e = health_next(p->health, NULL); e != NULL;
		e = health_next(p->health, e)) {
		const struct condition_row *row = &conditions[e->condition];

		(void)json_array_append_new(view,
			json_pack("{s:s,s:b,s:o,s:o,s:o,s:o,s:s,s:s}", "kind",
				row->name, "down", row->down, "message",
				json_text(e->err.text), "since",
				json_time(e->since_wall), "cloud", json_text(e->cloud),
				"about", json_text(e->about), "meaning", row->doc,
				"remedy", row->remedy));
	}
	return view;
}

static json_t *
view_calls(const struct ec2_counts *counts)
{
	json_t *view = json_array();

	for (unsigned n = 0; n < EC2_ACTION_COUNT; n++)
		(void)json_array_append_new(view,
			json_pack("{s:s,s:I}", "action",
				ec2_action_name((enum ec2_action)n), "count",
				(json_int_t)counts->calls[n]));
	return view;
}

static json_t *
view_cloud(const struct poller *poller)
{
	const struct cloud *c = poller_cloud(poller);
	struct ec2_counts counts;

	cloud_counts(c, &counts);
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:I,s:{s:i,s:i,s:i}}", "cloud",
		json_text(c->key), "region", json_text(c->region), "credentials",
		json_text(c->credentials), "listed_at",
		json_time(poller_listed_wall(poller)), "calls", view_calls(&counts),
		"throttled", (json_int_t)counts.throttled, "run_instances", "window",
		(int)counts.window, "in_flight", (int)counts.in_flight, "queued",
		(int)counts.queued);
}

static json_t *
view_clouds(const struct pool *p)
{
	json_t *view = json_array();

	for (const struct poller *poller = p->pollers; poller != NULL;
		poller = poller_next(poller))
		(void)json_array_append_new(view, view_cloud(poller));
	return view;
}

const struct rpc_result *
call_pool_status(struct command *cmd, const void *args)
{
	const struct pool *p = rpc_pool(cmd);

	(void)args;
	return rpc_reply_take(cmd,
		json_pack("{s:s,s:s,s:o,s:o,s:o,s:b,s:o,s:o}", "pool", p->conf->pool,
			"health", health_word(p->health), "workers", view_states(p),
			"queues", view_queues(p), "paused", view_paused(p), "hold",
			p->hold, "degraded", view_degraded(p), "clouds",
			view_clouds(p)));
}

const struct rpc_result *
call_pool_pause(struct command *cmd, const void *args)
{
	const struct cause cause = {.by = rpc_by(cmd)};

	(void)args;
	pool_pause(rpc_pool(cmd), &cause);
	return rpc_reply_take(cmd, json_object());
}

const struct rpc_result *
call_pool_resume(struct command *cmd, const void *args)
{
	const struct cause cause = {.by = rpc_by(cmd)};

	(void)args;
	pool_resume(rpc_pool(cmd), &cause);
	return rpc_reply_take(cmd, json_object());
}

static json_t *
view_hold(const struct pool *p)
{
	if (!p->hold)
		return json_null();
	return json_pack("{s:o,s:o}", "reason", json_text(p->hold_reason), "since",
		json_time(p->hold_wall));
}

static json_t *
view_orphan(const struct orphan *o)
{
	const char *instance = o->kind == ORPHAN_INSTANCE ? o->id : o->instance;

	return json_pack(
		"{s:s,s:s,s:o,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:s,"
		"s:b}",
		"kind", orphan_kind_name(o->kind), "id", o->id, "instance",
		json_text(instance), "region", poller_cloud(o->poller)->region, "state",
		o->state, "type", json_text(o->type), "zone", json_text(o->zone),
		"size", o->size == 0 ? json_null() : json_integer(o->size), "price",
		json_text(o->price), "worker", json_text(o->worker), "generation",
		o->generation == 0 ? json_null() : json_integer(o->generation),
		"launch", json_text(o->launch), "lineage", json_text(o->lineage),
		"epoch", json_time(o->epoch), "launched_at",
		json_time(o->launched_wall), "seen_at", json_time(o->first_wall),
		"verdict", orphan_verdict_name(o->verdict), "reason",
		orphan_verdict_doc(o->verdict), "terminating", o->ordered);
}

static json_t *
view_orphans(const struct pool *p)
{
	json_t *view = json_array();

	for (const struct orphan *o = orphans_first(p->orphans); o != NULL;
		o = o->hh.next)
		(void)json_array_append_new(view, view_orphan(o));
	return view;
}

const struct rpc_result *
call_pool_orphans(struct command *cmd, const void *args)
{
	const struct rpc_orphans_args *a = args;
	const struct pool *p = rpc_pool(cmd);

	if (a->terminate)
		(void)orphans_terminate(p->orphans, a->kept,
			&(struct cause){.by = rpc_by(cmd)});
	return rpc_reply_take(cmd,
		json_pack("{s:o,s:o}", "hold", view_hold(p), "orphans",
			view_orphans(p)));
}
