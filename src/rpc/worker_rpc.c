/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods worker.*: parameters to calls of the core, and its answers to replies.
 */
#include "base/field.h"
#include "core/daemon.h"
#include "core/event.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/owner.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/waiter.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/reply.h"
#include "rpc/args.h"
#include "rpc/calls.h"
#include "rpc/conn.h"
#include "rpc/json.h"
#include "rpc/view.h"

#include <fnmatch.h>

static struct pool *
pool_of(const struct command *cmd)
{
	const struct daemon *d = rpc_context(cmd);

	return d->pool;
}

/* NULL and err if there is none. */
static struct worker *
find(const struct command *cmd, const char *name, struct err *err)
{
	struct worker *w = pool_find(pool_of(cmd), name);

	if (w == NULL)
		err_set(err, ERR_WORKER_UNKNOWN, "there is no worker '%s'", name);
	return w;
}

/* Whose session the call came on, or NULL. */
static struct owner *
owner_of_call(const struct command *cmd)
{
	return conn_part(rpc_conn(cmd), CONN_SESSION);
}

/* A worker that the caller may report, start or stop; NULL and err if not. */
static struct worker *
find_own(const struct command *cmd, const char *name, struct err *err)
{
	struct worker *w = find(cmd, name, err);

	return w != NULL && owner_may(owner_of_call(cmd), w, err) == 0 ? w : NULL;
}

/* worker.list */

static bool
is_listed(const struct worker *w, const struct rpc_list_args *a)
{
	if (a->pattern != NULL && fnmatch(a->pattern, w->name, 0) != 0)
		return false;
	return a->state == 0 || a->state == 1 + (int)worker_state(w);
}

/* Where the page begins; NULL and no error: behind the last. */
static int
list_begin(const struct command *cmd, const char *cursor, struct worker **ret,
	struct err *err)
{
	const struct worker *last;

	*ret = pool_first(pool_of(cmd));
	if (cursor == NULL)
		return 0;
	last = pool_find(pool_of(cmd), cursor);
	if (last == NULL)
		return err_set(err, ERR_INVALID,
			"cursor: worker '%s' is gone since; begin anew", cursor);
	*ret = pool_next(last);
	return 0;
}

const struct rpc_result *
call_worker_list(struct command *cmd, const void *args)
{
	const struct rpc_list_args *a = args;
	json_t *workers, *reply;
	const char *last = NULL;
	struct worker *w;
	struct err err;

	if (list_begin(cmd, a->cursor, &w, &err) != 0)
		return rpc_fail(cmd, &err);
	workers = json_array();
	reply = json_pack("{s:o}", "workers", workers);
	for (; w != NULL; w = pool_next(w)) {
		if (!is_listed(w, a))
			continue;
		if (json_array_size(workers) == (size_t)a->limit) {
			(void)json_object_set_new(reply, "cursor", json_text(last));
			break;
		}
		(void)json_array_append_new(workers, view_worker(w));
		last = w->name;
	}
	return rpc_reply_take(cmd, reply);
}

const struct rpc_result *
call_worker_show(struct command *cmd, const void *args)
{
	const struct rpc_worker_args *a = args;
	struct err err;
	struct worker *w = find(cmd, a->worker, &err);

	return w != NULL ? rpc_reply_take(cmd, view_worker_whole(w))
			 : rpc_fail(cmd, &err);
}

/* Calls that wait: a waiter of the core, and what is said when it is through. */

typedef json_t *wait_reply(const struct worker *w, int64_t generation);

struct wait {
	struct command *cmd;   /* borrowed; ends with the wait */
	struct waiter *waiter; /* owned until it has called */
	int64_t generation;    /* that was current when the wait began */
	wait_reply *reply;
};

static json_t *
up_reply(const struct worker *w, int64_t generation)
{
	return json_pack("{s:o,s:I,s:o}", "worker", json_text(w->name), "generation",
		(json_int_t)generation, "instance", view_instance(worker_instance(w)));
}

static json_t *
down_reply(const struct worker *w, int64_t generation)
{
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
		rpc_answered(
			rpc_reply_take(wait->cmd, wait->reply(w, wait->generation)));
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
wait_until(struct command *cmd, struct worker *w, enum wait_for what, int64_t timeout,
	wait_reply *reply)
{
	struct wait *wait = NEW(struct wait);

	wait->cmd = cmd;
	wait->generation = w->generation;
	wait->reply = reply;
	wait->waiter = worker_wait(w, what, timeout != FIELD_NULL ? timeout : 0,
		on_waited, wait);
	return rpc_pending(cmd, on_gone, wait);
}

const struct rpc_result *
call_worker_substantiate(struct command *cmd, const void *args)
{
	const struct rpc_up_args *a = args;
	const struct cause cause = {.by = rpc_by(cmd)};
	struct err err;
	struct worker *w = find_own(cmd, a->worker, &err);

	if (w == NULL || worker_substantiate(w, &cause, a->build, &err) != 0)
		return rpc_fail(cmd, &err);
	switch ((enum rpc_up_wait)a->wait) {
	case RPC_UP_ACCEPTED: break;
	case RPC_UP_RUNNING:
		return wait_until(cmd, w, WAIT_RUNNING, a->timeout, up_reply);
	case RPC_UP_ATTACHED:
		return wait_until(cmd, w, WAIT_ATTACHED, a->timeout, up_reply);
	}
	return rpc_reply_take(cmd, up_reply(w, w->generation));
}

const struct rpc_result *
call_worker_insubstantiate(struct command *cmd, const void *args)
{
	const struct rpc_down_args *a = args;
	const struct cause cause = {.by = rpc_by(cmd), .reason = a->reason};
	bool done = false;
	struct err err;
	struct worker *w = find_own(cmd, a->worker, &err);

	if (w == NULL ||
		worker_insubstantiate(w, a->generation, &cause, &done, &err) != 0)
		return rpc_fail(cmd, &err);
	if (done && a->wait == RPC_DOWN_STOPPED)
		return wait_until(cmd, w, a->fast ? WAIT_STOPPED_FAST : WAIT_STOPPED,
			a->timeout, down_reply);
	return rpc_reply_take(cmd, down_reply(w, w->generation));
}

/* Facts */

typedef int attach_fn(struct worker *w, int64_t generation, const char *instance_id,
	const struct cause *cause, struct err *err);

static const struct rpc_result *
attach_fact(struct command *cmd, const struct rpc_attach_args *a, attach_fn *fn)
{
	const struct cause cause = {.by = rpc_by(cmd)};
	struct err err;
	struct worker *w = find_own(cmd, a->worker, &err);

	if (w == NULL || fn(w, a->generation, a->instance_id, &cause, &err) != 0)
		return rpc_fail(cmd, &err);
	owner_claim(owner_of_call(cmd), w, false);
	return rpc_reply_take(cmd, json_object());
}

const struct rpc_result *
call_worker_attached(struct command *cmd, const void *args)
{
	return attach_fact(cmd, args, worker_attached);
}

const struct rpc_result *
call_worker_detached(struct command *cmd, const void *args)
{
	return attach_fact(cmd, args, worker_detached);
}

typedef int build_fn(struct worker *w, int64_t generation, const char *build,
	int64_t building, const struct cause *cause, struct err *err);

static const struct rpc_result *
build_fact(struct command *cmd, const struct rpc_build_args *a, build_fn *fn)
{
	const struct cause cause = {.by = rpc_by(cmd)};
	struct err err;
	struct worker *w = find_own(cmd, a->worker, &err);

	if (w == NULL || fn(w, a->generation, a->build, a->building, &cause, &err) != 0)
		return rpc_fail(cmd, &err);
	owner_claim(owner_of_call(cmd), w, true);
	return rpc_reply_take(cmd, json_object());
}

const struct rpc_result *
call_worker_build_started(struct command *cmd, const void *args)
{
	return build_fact(cmd, args, worker_build_started);
}

const struct rpc_result *
call_worker_build_finished(struct command *cmd, const void *args)
{
	return build_fact(cmd, args, worker_build_finished);
}

const struct rpc_result *
call_worker_password(struct command *cmd, const void *args)
{
	const struct rpc_worker_args *a = args;
	struct secret password = {.text = NULL};
	struct err err;
	struct worker *w = find(cmd, a->worker, &err);
	json_t *reply;

	if (w == NULL || worker_password(w, &password, &err) != 0)
		return rpc_fail(cmd, &err);
	reply = json_pack("{s:o,s:I}", "password", json_text(password.text),
		"generation", (json_int_t)w->generation);
	secret_fini(&password);
	return rpc_reply_take(cmd, reply);
}

/* worker.check */

static bool
instance_is_well(const struct instance *i)
{
	return i->phase != INSTANCE_CONDEMNED && i->phase != INSTANCE_GONE &&
		i->seen < EC2_STATE_STOPPING;
}

static json_t *
check_instance(const struct instance *i)
{
	AUTO(free) char *text = NULL;

	if (i->phase == INSTANCE_CONDEMNED)
		text = xasprintf("%s is being terminated: %s", i->id,
			i->condemned_reason != NULL ? i->condemned_reason : "unwanted");
	else if (i->death != NULL)
		text = xasprintf("%s is %s: %s", i->id,
			ec2_state_name((enum ec2_state)i->seen), i->death);
	else
		text = xasprintf("%s is %s", i->id,
			ec2_state_name((enum ec2_state)i->seen));
	return json_text(text);
}

static json_t *
check_message(const struct worker *w, const struct instance *i)
{
	AUTO(free) char *text = NULL;

	if (i != NULL)
		return check_instance(i);
	if (!worker_is_wanted(w))
		return json_text("it is down");
	text = xasprintf("no instance yet: %s", worker_phase_name(w));
	return json_text(text);
}

/* When the cloud that has or would have the instance was last listed; 0: never. */
static int64_t
checked_wall(struct worker *w, const struct instance *i)
{
	if (i != NULL)
		return poller_listed_wall(i->launch->poller);
	return !w->removed ? poller_listed_wall(pool_poller(w)) : 0;
}

const struct rpc_result *
call_worker_check(struct command *cmd, const void *args)
{
	const struct rpc_worker_args *a = args;
	struct err err;
	struct worker *w = find(cmd, a->worker, &err);
	const struct instance *i;
	bool ok;

	if (w == NULL)
		return rpc_fail(cmd, &err);
	i = worker_instance(w);
	ok = worker_is_wanted(w) && (i == NULL || instance_is_well(i));
	return rpc_reply_take(cmd,
		json_pack("{s:b,s:o,s:o}", "ok", ok, "message", check_message(w, i),
			"at", json_time(checked_wall(w, i))));
}

/* worker.history */

static void
add_record(void *arg, const struct event *event)
{
	(void)json_array_append_new(arg, view_event(event));
}

const struct rpc_result *
call_worker_history(struct command *cmd, const void *args)
{
	const struct rpc_history_args *a = args;
	const struct daemon *d = rpc_context(cmd);
	json_t *records;
	struct err err;

	if (find(cmd, a->worker, &err) == NULL)
		return rpc_fail(cmd, &err);
	records = json_array();
	if (store_history(d->store, a->worker,
		    (struct store_page){a->before, (size_t)a->limit}, add_record,
		    records, &err) != 0) {
		json_decref(records);
		return rpc_fail(cmd, &err);
	}
	return rpc_reply_take(cmd, json_pack("{s:o}", "records", records));
}
