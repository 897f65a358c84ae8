/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What EC2 shows of an instance, and what that proves: states only move forward, a field
 * that is missing keeps its last value, and gone needs proof (L11).
 */
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "core/cloud.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/lease.h"
#include "core/place.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/worker.h"
#include "ec2/verdict.h"

#include <string.h>

/* NotFound is believed after so many sightings over so long, if listings agree (L11). */
#define NOT_FOUND_TIMES 3
#define NOT_FOUND_MS (15 * 60 * 1000)
#define LOOK_BASE_MS 2000
#define LOOK_CAP_MS 30000

static bool
keep(char **member, const char *seen)
{
	if (seen == NULL || str_equal(*member, seen))
		return false;
	free(*member);
	*member = xstrdup(seen);
	return true;
}

static void
note_fields(struct instance *i, const struct ec2_instance *seen)
{
	bool changed = false;

	changed |= keep(&i->type, seen->type);
	changed |= keep(&i->zone, seen->zone);
	changed |= keep(&i->market, seen->market);
	changed |= keep(&i->image, seen->image);
	changed |= keep(&i->private_ip, seen->private_ip);
	changed |= keep(&i->public_dns, seen->public_dns);
	if (seen->launched_at != 0 && seen->launched_at != i->launched_wall) {
		i->launched_wall = seen->launched_at;
		changed = true;
	}
	if ((int)seen->state > i->seen) {
		i->seen = (int)seen->state;
		changed = true;
	}
	if (seen->lease != NULL)
		i->lease_ms = lease_life_ms(seen->lease);
	if (changed)
		pool_dirty_instance(i);
}

/* EC2 has no room, or takes it back: nothing is started there for a while. */
static const char *const no_room[] = {"Server.InsufficientInstanceCapacity",
	"Server.SpotInstanceTermination", "Server.SpotInstanceShutdown"};

static bool
is_no_room(const char *code)
{
	for (size_t n = 0; n < COUNT_OF(no_room); n++)
		if (strcmp(no_room[n], code) == 0)
			return true;
	return false;
}

static void
note_death(struct instance *i, const struct ec2_instance *seen)
{
	AUTO(free) char *death = NULL;

	if (seen->reason_code == NULL || seen->state < EC2_STATE_STOPPING)
		return;
	if (seen->reason_text == NULL)
		death = xstrdup(seen->reason_code);
	else if (strncmp(seen->reason_text, seen->reason_code,
			 strlen(seen->reason_code)) == 0)
		death = xstrdup(seen->reason_text); /* as AWS writes it */
	else
		death = xasprintf("%s: %s", seen->reason_code, seen->reason_text);
	if (!keep(&i->death, death))
		return;
	pool_dirty_instance(i);
	if (is_no_room(seen->reason_code))
		place_bad(i->launch, i->death);
}

static void
tell_worker(struct instance *i, const char *what, bool was_ready)
{
	struct err err;

	err_set(&err, ERR_FAILED, "instance %s %s%s%s", i->id, what,
		i->death == NULL ? "" : ": ", i->death == NULL ? "" : i->death);
	err.reason = REASON_INSTANCE_DIED;
	if (i->launch->instance == i)
		worker_launch_failed(i->launch->worker, i->launch, was_ready, &err);
}

/* A launch is over, and its name free, with the last of its instances: a twin counts. */
static bool
is_last(const struct instance *i)
{
	const struct instance *other;

	if (i->launch->instances == 1)
		return true;
	for (other = i->pool->instances; other != NULL; other = other->hh.next)
		if (other->launch == i->launch && other->phase != INSTANCE_GONE)
			return false;
	return true;
}

static void
gone(struct instance *i, const char *proof)
{
	enum instance_phase was = i->phase;

	if (was == INSTANCE_GONE)
		return;
	free(i->proof);
	i->proof = xstrdup(proof);
	instance_set_phase(i, INSTANCE_GONE, &(struct cause){"EC2", proof});
	if (is_last(i))
		launch_instance_gone(i->launch, proof);
	if (was != INSTANCE_CONDEMNED)
		tell_worker(i, "has died", was == INSTANCE_READY);
	FP("stop.before_proof");
}

/* Unasked: stopped or shut down from elsewhere, or by itself. As good as dead, still to be ended. */
static void
dying(struct instance *i)
{
	enum instance_phase was = i->phase;

	if (was != INSTANCE_CONDEMNED) {
		instance_condemn(i, &(struct cause){"EC2", i->death});
		tell_worker(i,
			i->seen >= EC2_STATE_SHUTTING_DOWN ? "is shutting down"
							   : "was stopped",
			was == INSTANCE_READY);
	}
	if (i->seen >= EC2_STATE_SHUTTING_DOWN && i->launch->generated &&
		!i->launch->holds && i->launch->instances == 1)
		launch_release_name(i->launch);
}

void
instance_observe(struct instance *i, const struct ec2_instance *seen, int64_t began_ms)
{
	if (i->phase == INSTANCE_GONE)
		return;
	note_fields(i, seen);
	note_death(i, seen);
	i->seen_ms = began_ms;
	i->absent = false;
	i->not_found = 0;
	i->not_found_ms = 0;
	i->tries = i->phase == INSTANCE_CONDEMNED ? i->tries : 0;
	if (i->seen == EC2_STATE_TERMINATED)
		gone(i, "EC2 shows it terminated");
	else if (i->seen >= EC2_STATE_STOPPING)
		dying(i);
	worker_changed(i->launch->worker);
	loop_poke(&i->poke);
}

static void
not_found(struct instance *i)
{
	i->not_found++;
	if (i->not_found_ms ==
		0) { /* a wall clock proves nothing: each start begins anew */
		i->not_found = 1;
		i->not_found_wall = clock_wall_ms();
		i->not_found_ms = clock_ms();
	}
	pool_dirty_instance(i);
	if (i->seen >= EC2_STATE_SHUTTING_DOWN)
		gone(i, "NotFound after it was shutting down");
	else if (i->not_found >= NOT_FOUND_TIMES && i->absent &&
		clock_ms() - i->not_found_ms >= NOT_FOUND_MS)
		gone(i, "NotFound again and again, and in no listing");
}

static void
on_looked(void *arg, const struct ec2_answer *a, struct ec2_instances *list)
{
	struct instance *i = arg;

	i->look = NULL;
	i->look_ms = clock_ms() + LOOK_BASE_MS +
		rng_backoff_ms(&i->pool->rng, i->not_found, LOOK_BASE_MS, LOOK_CAP_MS);
	if (a->verdict == VERDICT_DONE && list->count == 1 &&
		strcmp(list->items[0].id, i->id) == 0)
		instance_observe(i, &list->items[0], a->began_ms);
	else if (a->verdict == VERDICT_MISSING)
		not_found(i);
	else
		log_debug(i->launch->worker->name, "%s: %s", i->id, a->err.text);
}

bool
instance_look(struct instance *i)
{
	struct cloud *c = i->launch->cloud;

	if (i->phase == INSTANCE_GONE || i->look != NULL || clock_ms() < i->look_ms)
		return false;
	i->look = c->ops->describe(c->self, i->id, on_looked, i);
	return true;
}

/* The dead lose their tags, and a fresh one may not have them yet: ask by the id itself. */
void
instance_absent(struct instance *i, int64_t began_ms)
{
	if (i->phase == INSTANCE_GONE || began_ms < i->seen_ms)
		return;
	i->absent = true;
	(void)instance_look(i);
}
