/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods worker.* with which people look after a machine: its console, holding it,
 * ending a watch.
 */
#include "base/log.h"
#include "core/aside.h"
#include "core/console.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/worker.h"
#include "rpc/args.h"
#include "rpc/calls.h"
#include "rpc/find.h"
#include "rpc/json.h"

/* A question under way, and who waits for its answer. */
struct question {
	struct command *cmd; /* borrowed; ends with it */
	struct console_call *call;
};

static void
on_console(void *arg, const struct err *err, const char *text, int64_t at)
{
	struct question *q = arg;

	if (err != NULL)
		rpc_answered(rpc_fail(q->cmd, err));
	else
		rpc_answered(rpc_reply_take(q->cmd,
			json_pack("{s:o,s:o}", "output", json_text(text), "at",
				json_time(at))));
	free(q);
}

static void
on_gone(void *arg)
{
	struct question *q = arg;

	console_cancel(q->call);
	free(q);
}

const struct rpc_result *
call_worker_console(struct command *cmd, const void *args)
{
	const struct rpc_console_args *a = args;
	struct console_call *call = NULL;
	struct question *q = NEW(struct question);
	struct err err;
	struct worker *w = rpc_worker(cmd, a->worker, &err);

	if (w != NULL)
		call = console_ask(w, a->latest, on_console, q, &err);
	if (call == NULL) {
		free(q);
		return rpc_fail(cmd, &err);
	}
	q->cmd = cmd;
	q->call = call;
	return rpc_pending(cmd, on_gone, q);
}

const struct rpc_result *
call_worker_hold(struct command *cmd, const void *args)
{
	const struct rpc_worker_args *a = args;
	const struct cause cause = {.by = rpc_by(cmd)};
	struct err err;
	struct worker *w = rpc_worker(cmd, a->worker, &err);

	if (w == NULL || worker_hold(w, &cause, &err) != 0)
		return rpc_fail(cmd, &err);
	return rpc_reply_take(cmd, json_object());
}

const struct rpc_result *
call_worker_release(struct command *cmd, const void *args)
{
	const struct rpc_worker_args *a = args;
	const struct cause cause = {.by = rpc_by(cmd)};
	struct err err;
	struct worker *w = rpc_worker(cmd, a->worker, &err);

	if (w == NULL)
		return rpc_fail(cmd, &err);
	if (w->aside != NULL)
		aside_release(w, &cause);
	else
		worker_release(w, &cause);
	return rpc_reply_take(cmd, json_object());
}

/* NULL and err: no launch of this worker. */
static struct launch *
find_launch(const struct worker *w, const struct rpc_abandon_args *a, struct err *err)
{
	struct launch *l;

	if (a->launch == NULL) {
		err_set(err, ERR_INVALID, "launch: which of %s?", w->name);
		return NULL;
	}
	l = pool_launch(w->pool, a->launch);
	if (l != NULL && l->worker == w)
		return l;
	err_set(err, ERR_INVALID, "launch: %s has no launch '%s'", w->name, a->launch);
	return NULL;
}

const struct rpc_result *
call_worker_abandon(struct command *cmd, const void *args)
{
	const struct rpc_abandon_args *a = args;
	const struct cause cause = {.by = rpc_by(cmd), .reason = "abandoned by order"};
	struct err err;
	struct worker *w = rpc_worker(cmd, a->worker, &err);
	struct launch *l;

	if (w == NULL)
		return rpc_fail(cmd, &err);
	if (w->aside != NULL) {
		aside_abandon(w, &cause);
		return rpc_reply_take(cmd, json_object());
	}
	l = find_launch(w, a, &err);
	if (l == NULL || launch_abandon(l, &cause, &err) != 0)
		return rpc_fail(cmd, &err);
	log_warning(a->worker, "launch %s: %s of %s", a->launch, cause.reason,
		cause.by);
	return rpc_reply_take(cmd, json_object());
}
