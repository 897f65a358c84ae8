/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods worker.substantiate and worker.insubstantiate: wishes, under a key of the
 * caller's or without, and who waits until they have come true.
 */
#include "base/field.h"
#include "core/daemon.h"
#include "core/instance.h"
#include "core/pool.h"
#include "core/request.h"
#include "core/store.h"
#include "core/waiter.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "rpc/args.h"
#include "rpc/calls.h"
#include "rpc/conn.h"
#include "rpc/find.h"
#include "rpc/json.h"
#include "rpc/view.h"

typedef json_t *wait_reply(const struct command *cmd, const struct worker *w,
	int64_t generation);

/* A call that waits. */
struct wait {
	struct command *cmd;   /* borrowed; ends with the wait */
	struct waiter *waiter; /* owned until it has called */
	int64_t generation;
	wait_reply *reply;
};

/* Of a generation that has ended the ledger may still know it. */
static json_t *
view_instance_of(const struct command *cmd, const struct worker *w, int64_t generation)
{
	const struct daemon *d = rpc_context(cmd);
	const struct instance *i = worker_instance_of(w, generation);
	struct instance *past;
	json_t *view;

	if (i != NULL || (generation == w->generation && worker_is_wanted(w)))
		return view_instance(i);
	past = store_past_instance(d->store, w->name, generation);
	view = view_instance(past);
	store_past_free(past);
	return view;
}

static json_t *
up_reply(const struct command *cmd, const struct worker *w, int64_t generation)
{
	return json_pack("{s:o,s:I,s:o}", "worker", json_text(w->name), "generation",
		(json_int_t)generation, "instance",
		view_instance_of(cmd, w, generation));
}

static json_t *
down_reply(const struct command *cmd, const struct worker *w, int64_t generation)
{
	(void)cmd;
	return json_pack("{s:o,s:I}", "worker", json_text(w->name), "generation",
		(json_int_t)generation);
}

static void
on_waited(void *arg, struct worker *w, const struct err *err)
{
	struct wait *wait = arg;

	if (err != NULL)
		rpc_answered(rpc_fail(wait->cmd, err));
	else
		rpc_answered(rpc_reply_take(wait->cmd,
			wait->reply(wait->cmd, w, wait->generation)));
	free(wait);
}

static void
on_gone(void *arg)
{
	struct wait *wait = arg;

	waiter_cancel(wait->waiter);
	free(wait);
}

static const struct rpc_result *
wait_for(struct command *cmd, struct worker *w, const struct wait *what,
	enum wait_for until, int64_t timeout)
{
	struct wait *wait = NEW(struct wait);

	*wait = *what;
	wait->cmd = cmd;
	wait->waiter = worker_wait(w, until, timeout != FIELD_NULL ? timeout : 0,
		on_waited, wait);
	waiter_set_generation(wait->waiter, wait->generation);
	return rpc_pending(cmd, on_gone, wait);
}

/* What was asked for under the caller's key, if it has one and used it before. */
static int
look_back(const struct command *cmd, struct request_ask *ask,
	const struct request **ret_past, struct err *err)
{
	*ret_past = NULL;
	if (ask->key == NULL)
		return 0;
	ask->uid = conn_uid(rpc_conn(cmd));
	return requests_look(rpc_pool(cmd)->requests, ask, ret_past, err);
}

static void
record(const struct command *cmd, const struct request_ask *ask, struct worker *w)
{
	if (ask->key != NULL)
		requests_add(rpc_pool(cmd)->requests, ask, w);
}

/* past: the record of a request that is repeated, or NULL. */
static const struct rpc_result *
answer_up(struct command *cmd, const struct rpc_up_args *a, struct worker *w,
	const struct request *past)
{
	static const enum wait_for until[] = {
		[RPC_UP_RUNNING] = WAIT_RUNNING,
		[RPC_UP_ATTACHED] = WAIT_ATTACHED,
	};
	struct wait wait = {
		.generation = past != NULL ? past->generation : w->generation,
		.reply = up_reply,
	};
	bool waits = a->wait != RPC_UP_ACCEPTED;
	struct err err;

	if (waits && past != NULL && request_has_reached(past, (int)until[a->wait]))
		waits = false;
	if (waits && past != NULL && request_has_failed(past, &err))
		return rpc_fail(cmd, &err);
	if (waits)
		return wait_for(cmd, w, &wait, until[a->wait], a->timeout);
	return rpc_reply_take(cmd, up_reply(cmd, w, wait.generation));
}

const struct rpc_result *
call_worker_substantiate(struct command *cmd, const void *args)
{
	const struct rpc_up_args *a = args;
	const struct cause cause = {.by = rpc_by(cmd)};
	struct request_ask ask = {.key = a->request,
		.what = REQUEST_UP,
		.worker = a->worker};
	const struct request *past;
	struct worker *w;
	struct err err;

	if (look_back(cmd, &ask, &past, &err) != 0)
		return rpc_fail(cmd, &err);
	if (past != NULL)
		return answer_up(cmd, a, past->worker, past);
	w = rpc_own_worker(cmd, a->worker, &err);
	if (w == NULL || worker_substantiate(w, &cause, a->build, &err) != 0)
		return rpc_fail(cmd, &err);
	record(cmd, &ask, w);
	return answer_up(cmd, a, w, NULL);
}

/* A stop for an older generation than that has nothing to wait for. */
static const struct rpc_result *
answer_down(struct command *cmd, const struct rpc_down_args *a, struct worker *w,
	int64_t generation)
{
	const struct wait wait = {.generation = generation, .reply = down_reply};

	if (a->wait == RPC_DOWN_STOPPED &&
		(a->generation == 0 || a->generation == generation))
		return wait_for(cmd, w, &wait,
			a->fast ? WAIT_STOPPED_FAST : WAIT_STOPPED, a->timeout);
	return rpc_reply_take(cmd, down_reply(cmd, w, generation));
}

const struct rpc_result *
call_worker_insubstantiate(struct command *cmd, const void *args)
{
	const struct rpc_down_args *a = args;
	const struct cause cause = {.by = rpc_by(cmd), .reason = a->reason};
	struct request_ask ask = {
		.key = a->request,
		.what = REQUEST_DOWN,
		.worker = a->worker,
		.asked = a->generation,
		.fast = a->fast,
	};
	const struct request *past;
	struct worker *w;
	struct err err;
	bool done;

	if (look_back(cmd, &ask, &past, &err) != 0)
		return rpc_fail(cmd, &err);
	if (past != NULL)
		return answer_down(cmd, a, past->worker, past->generation);
	w = rpc_own_worker(cmd, a->worker, &err);
	if (w == NULL ||
		worker_insubstantiate(w, a->generation, &cause, &done, &err) != 0)
		return rpc_fail(cmd, &err);
	record(cmd, &ask, w);
	return answer_down(cmd, a, w, w->generation);
}
