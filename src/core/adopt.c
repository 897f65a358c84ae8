/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launch that is made up here can never be sent: it is answered already, and has no body.
 */
#include "core/adopt.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/cloud.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/worker_priv.h"
#include "sys/crypto.h"

#include <stdio.h>
#include <string.h>

#define WORKER_NAME_MAX 64u

static bool
is_uuid(const char *text)
{
	return strlen(text) == LAUNCH_ID_SIZE - 1 &&
		strspn(text, "0123456789abcdef-") == LAUNCH_ID_SIZE - 1;
}

bool
adopt_has_tags(const struct ec2_instance *seen)
{
	return seen->lineage != NULL && is_uuid(seen->lineage) &&
		seen->launch != NULL && is_uuid(seen->launch) && seen->worker != NULL &&
		seen->worker[0] != '\0' && strlen(seen->worker) <= WORKER_NAME_MAX &&
		seen->generation > 0 && seen->generation <= GENERATION_MAX &&
		seen->epoch > 0;
}

static struct launch *
make_launch(struct worker *w, struct poller *poller, const struct ec2_instance *seen)
{
	struct launch *l = NEW(struct launch);

	(void)snprintf(l->id, sizeof(l->id), "%s", seen->launch);
	crypto_uuid(l->token);
	if (seen->token != NULL && is_uuid(seen->token))
		(void)snprintf(l->token, sizeof(l->token), "%s", seen->token);
	launch_init(l, w->pool, w);
	l->generation = seen->generation;
	l->phase = l->was = LAUNCH_ANSWERED;
	l->phase_wall = clock_wall_ms();
	l->created_wall = seen->launched_at != 0 ? seen->launched_at : l->phase_wall;
	l->poller = poller;
	l->cloud = poller_cloud(poller);
	l->region = xstrdup(l->cloud->region);
	l->credentials = xstrdup(l->cloud->credentials);
	l->zone = xstrdup_opt(seen->zone);
	l->type = xstrdup_opt(seen->type);
	l->image = xstrdup_opt(seen->image);
	l->market = xstrdup_opt(seen->market);
	l->body = xstrdup("");
	l->sends = 1;
	l->first_wall = l->last_wall = l->created_wall;
	l->generated = w->conf != NULL && w->conf->password_generated;
	l->holds = true; /* nobody knows what it holds */
	pool_dirty_launch(l);
	return l;
}

static struct instance *
make_instance(struct launch *l, const struct ec2_instance *seen)
{
	struct instance *i = instance_of(l, seen->id);

	instance_observe(i, seen, clock_ms());
	return i;
}

static struct worker *
worker_named(struct pool *pool, const char *name)
{
	struct worker *w = pool_find_any(pool, name);

	return w != NULL ? w : worker_new(pool, name, NULL);
}

void
adopt_condemned(struct pool *pool, struct poller *poller,
	const struct ec2_instance *seen, const struct cause *cause)
{
	struct worker *w = worker_named(pool, seen->worker);
	struct launch *l = make_launch(w, poller, seen);

	l->over = w->launch != NULL;
	if (!l->over)
		w->launch = l;
	if (w->launch == l && w->phase == WORKER_PLACING)
		worker_set_phase(w, WORKER_QUEUED);
	(void)make_instance(l, seen);
	launch_unwant(l, cause);
	worker_changed(w);
	FP("orphan.before_condemn");
	log_warning(w->name, "%s: condemned by %s: %s", seen->id, cause->by,
		cause->reason);
}

bool
adopt_running(struct pool *pool, struct poller *poller, const struct ec2_instance *seen,
	const struct cause *cause)
{
	struct worker *w = pool_find_any(pool, seen->worker);
	struct launch *l;

	if (w == NULL || w->aside != NULL || w->conf == NULL || w->removed ||
		w->launch != NULL || w->phase != WORKER_IDLE ||
		seen->generation <= w->generation || seen->state > EC2_STATE_RUNNING)
		return false;
	w->generation = seen->generation;
	w->launched_once = true;
	w->adopted = true;
	worker_set_by(w, cause);
	l = make_launch(w, poller, seen);
	w->launch = l;
	worker_set_phase(w, WORKER_PLACING);
	worker_set_phase(w, WORKER_LAUNCHED);
	(void)make_instance(l, seen);
	pool_dirty_worker(w);
	worker_changed(w);
	FP("orphan.before_adopt");
	log_warning(w->name, "%s: adopted, for its tags say that it is ours", seen->id);
	return true;
}
