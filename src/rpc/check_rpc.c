/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.check: whether a worker's machine is well, from the last listing, or from EC2
 * itself if somebody wants to know it of this moment.
 */
#include "core/check.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "ec2/reply.h"
#include "rpc/args.h"
#include "rpc/calls.h"
#include "rpc/find.h"
#include "rpc/json.h"

/* A question under way, and who waits for its answer. */
struct question {
	struct command *cmd; /* borrowed; ends with it */
	struct check_call *call;
};

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

/* message is taken. */
static const struct rpc_result *
reply(struct command *cmd, bool ok, json_t *message, int64_t at)
{
	return rpc_reply_take(cmd,
		json_pack("{s:b,s:o,s:o}", "ok", ok, "message", message, "at",
			json_time(at)));
}

/* From the last listing. */
static const struct rpc_result *
reply_known(struct command *cmd, struct worker *w, const struct instance *i)
{
	bool ok = worker_is_wanted(w) && (i == NULL || instance_is_well(i));

	return reply(cmd, ok, check_message(w, i), checked_wall(w, i));
}

static json_t *
sight_message(const struct check_sight *s)
{
	AUTO(free) char *text = NULL;

	if (s->found && s->instance != NULL)
		return check_instance(s->instance);
	if (s->instance == NULL)
		text = xasprintf("%s is gone", s->id);
	else
		text = xasprintf("EC2 does not know %s; that proves nothing yet",
			s->id);
	return json_text(text);
}

static bool
sight_is_good(const struct check_sight *s)
{
	return s->found && s->instance != NULL && instance_is_well(s->instance) &&
		worker_is_wanted(s->instance->launch->worker);
}

static void
on_seen(void *arg, const struct err *err, const struct check_sight *s)
{
	struct question *q = arg;

	if (err != NULL)
		rpc_answered(rpc_fail(q->cmd, err));
	else
		rpc_answered(reply(q->cmd, sight_is_good(s), sight_message(s), s->at));
	free(q);
}

static void
on_gone(void *arg)
{
	struct question *q = arg;

	check_cancel(q->call);
	free(q);
}

static const struct rpc_result *
ask(struct command *cmd, const struct instance *i)
{
	struct question *q = NEW(struct question);

	q->cmd = cmd;
	q->call = check_ask(i, on_seen, q);
	return rpc_pending(cmd, on_gone, q);
}

const struct rpc_result *
call_worker_check(struct command *cmd, const void *args)
{
	const struct rpc_check_args *a = args;
	struct err err;
	struct worker *w = rpc_worker(cmd, a->worker, &err);
	const struct instance *i;

	if (w == NULL)
		return rpc_fail(cmd, &err);
	i = worker_instance(w);
	return a->fresh && i != NULL ? ask(cmd, i) : reply_known(cmd, w, i);
}
