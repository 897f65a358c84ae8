/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods daemon.*.
 */
#include "base/buf.h"
#include "base/field.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/conf_load.h"
#include "core/daemon.h"
#include "core/metrics.h"
#include "core/pool.h"
#include "core/store.h"
#include "rpc/args.h"
#include "rpc/calls.h"
#include "rpc/json.h"
#include "rpc/spec.h"
#include "rpc/view.h"

const struct rpc_result *
call_daemon_version(struct command *cmd, const void *args)
{
	const struct daemon *d = rpc_context(cmd);

	(void)args;
	return rpc_reply_take(cmd,
		json_pack("{s:s,s:i,s:s,s:I,s:s,s:o}", "version", VERSION, "protocol",
			RPC_PROTOCOL, "pool", d->conf->pool, "epoch",
			(json_int_t)store_meta(d->store)->epoch, "configuration",
			d->conf->digest, "started_at", json_time(d->started_wall)));
}

struct metrics_view {
	json_t *list;
	json_t *samples; /* borrowed; of the last in the list */
	const struct metric *last;
};

static void
add_sample(void *arg, const struct metric *m, const char *const *values, double value)
{
	struct metrics_view *v = arg;
	json_t *labels = json_object();

	if (v->last != m) {
		v->samples = json_array();
		(void)json_array_append_new(v->list,
			json_pack("{s:o,s:s,s:s,s:o}", "name",
				json_sprintf(METRIC_PREFIX "%s", m->name), "type",
				metric_type_name(m->type), "doc", m->doc, "samples",
				v->samples));
	}
	v->last = m;
	for (size_t n = 0; n < METRIC_LABELS && m->labels[n] != NULL; n++)
		(void)json_object_set_new(labels, m->labels[n], json_text(values[n]));
	(void)json_array_append_new(v->samples,
		json_pack("{s:o,s:f}", "labels", labels, "value", value));
}

const struct rpc_result *
call_daemon_metrics(struct command *cmd, const void *args)
{
	struct metrics_view v = {.list = json_array()};

	(void)args;
	metrics_walk(rpc_context(cmd), add_sample, &v);
	return rpc_reply_take(cmd, json_pack("{s:o}", "metrics", v.list));
}

/* All that is wrong with the file, as --check prints it. */
static const struct rpc_result *
fail_reload(struct command *cmd, const struct conf_problems *problems, struct err *err)
{
	AUTO(buf) struct buf text = {0};

	conf_problems_print(problems, &text);
	err->code = ERR_CONFIG;
	err->reason = REASON_CONFIG;
	return rpc_fail_take(cmd, err,
		json_pack("{s:o}", "diagnostics", json_text(buf_str(&text))));
}

const struct rpc_result *
call_daemon_reload(struct command *cmd, const void *args)
{
	const struct rpc_reload_args *a = args;
	struct daemon *d = rpc_context(cmd);
	struct conf_problems *problems = conf_problems_new();
	struct daemon_reload changes = {.added = {.items = NULL}};
	const struct rpc_result *result;
	struct err err;

	if (!a->dry_run && !d->pool->degraded)
		rpc_changes(cmd); /* else it may be what makes room */
	if (daemon_reload(d, a->dry_run, &changes, problems, &err) != 0)
		result = fail_reload(cmd, problems, &err);
	else
		result = rpc_reply_take(cmd,
			json_pack("{s:o,s:o,s:o,s:o,s:o}", "added",
				view_strings(&changes.added), "removed",
				view_strings(&changes.removed), "changed",
				view_strings(&changes.changed), "stale",
				view_strings(&changes.stale), "warnings",
				view_strings(&changes.warnings)));
	daemon_reload_fini(&changes);
	conf_problems_free(problems);
	return result;
}

const struct rpc_result *
call_daemon_log_level(struct command *cmd, const void *args)
{
	const struct rpc_log_level_args *a = args;

	if (a->level >= 0 && a->level != (int)log_get_level()) {
		log_set_level((enum log_level)a->level);
		log_info(NULL, "log_level is %s from now, by %s",
			log_level_names[a->level], rpc_by(cmd));
	}
	return rpc_reply_take(cmd,
		json_pack("{s:s}", "level", log_level_names[log_get_level()]));
}

/* The reply leaves with this turn's outbox, the loop ends after it. */
const struct rpc_result *
call_daemon_stop(struct command *cmd, const void *args)
{
	const struct cause cause = {.by = rpc_by(cmd), .reason = "daemon.stop"};

	(void)args;
	daemon_stop(rpc_context(cmd), &cause);
	return rpc_reply_take(cmd, json_object());
}
