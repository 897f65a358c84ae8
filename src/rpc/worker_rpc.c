/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods worker.* that show a worker or report of it: parameters to calls of the core,
 * and its answers to replies.
 */
#include "base/field.h"
#include "core/daemon.h"
#include "core/event.h"
#include "core/owner.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "rpc/args.h"
#include "rpc/calls.h"
#include "rpc/find.h"
#include "rpc/json.h"
#include "rpc/view.h"

#include <fnmatch.h>

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

	*ret = pool_first(rpc_pool(cmd));
	if (cursor == NULL)
		return 0;
	last = pool_find(rpc_pool(cmd), cursor);
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
	struct worker *w = rpc_worker(cmd, a->worker, &err);

	return w != NULL ? rpc_reply_take(cmd, view_worker_whole(w))
			 : rpc_fail(cmd, &err);
}

/* Facts */

typedef int attach_fn(struct worker *w, int64_t generation, const char *instance_id,
	const struct cause *cause, struct err *err);

static const struct rpc_result *
attach_fact(struct command *cmd, const struct rpc_attach_args *a, attach_fn *fn)
{
	const struct cause cause = {.by = rpc_by(cmd)};
	struct err err;
	struct worker *w = rpc_own_worker(cmd, a->worker, &err);

	if (w == NULL || fn(w, a->generation, a->instance_id, &cause, &err) != 0)
		return rpc_fail(cmd, &err);
	owner_claim(rpc_owner(cmd), w, false);
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
	struct worker *w = rpc_own_worker(cmd, a->worker, &err);

	if (w == NULL || fn(w, a->generation, a->build, a->building, &cause, &err) != 0)
		return rpc_fail(cmd, &err);
	owner_claim(rpc_owner(cmd), w, true);
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
	struct worker *w = rpc_worker(cmd, a->worker, &err);
	json_t *reply;

	if (w == NULL || worker_password(w, &password, &err) != 0)
		return rpc_fail(cmd, &err);
	reply = json_pack("{s:o,s:I}", "password", json_text(password.text),
		"generation", (json_int_t)w->generation);
	secret_fini(&password);
	return rpc_reply_take(cmd, reply);
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

	if (rpc_worker(cmd, a->worker, &err) == NULL)
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
