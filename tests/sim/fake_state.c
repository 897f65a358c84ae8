/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instances of the fake cloud: tokens are honoured, states advance with the clock, and the
 * invariants are watched where they could break.
 */
#include "fake_state.h"
#include "fake_things.h"

#include "base/clock.h"
#include "sys/crypto.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define PENDING_MS 20000
#define SHUTDOWN_MS 15000

bool
fake_is_living(const struct fake_instance *i)
{
	return i->state == EC2_STATE_PENDING || i->state == EC2_STATE_RUNNING ||
		i->state == EC2_STATE_STOPPING || i->state == EC2_STATE_STOPPED;
}

bool
fake_is_bare(const struct fake_instance *i)
{
	return i->untagged_ms != 0 && clock_ms() >= i->untagged_ms;
}

bool
fake_chance(struct fake_cloud *f, unsigned thousandth)
{
	return rng_below(f->rng, 1000) < thousandth;
}

static void
violated(struct fake_cloud *f, const char *what, const struct fake_instance *i)
{
	if (f->violation[0] == '\0')
		(void)snprintf(f->violation, sizeof(f->violation),
			"%s: %s of worker %s, launch %s", what, i->id, i->worker,
			i->launch);
}

struct fake_instance *
fake_by_token(struct fake_cloud *f, const char *token)
{
	for (size_t n = 0; n < f->count; n++)
		if (strcmp(f->instances[n].token, token) == 0)
			return &f->instances[n];
	return NULL;
}

struct fake_instance *
fake_by_id(struct fake_cloud *f, const char *id)
{
	for (size_t n = 0; n < f->count; n++)
		if (strcmp(f->instances[n].id, id) == 0)
			return &f->instances[n];
	return NULL;
}

/* Invariant I1: at most one live instance per worker name, ever. */
static void
check_twins(struct fake_cloud *f, const struct fake_instance *i)
{
	for (size_t n = 0; n < f->count; n++) {
		struct fake_instance *other = &f->instances[n];

		if (other != i && fake_is_living(other) &&
			other->origin == FAKE_LAUNCHED &&
			strcmp(other->worker, i->worker) == 0)
			violated(f, "twin", i);
	}
}

/* The dead make room: without that a long run would only ever grow. */
static struct fake_instance *
room(struct fake_cloud *f)
{
	if (f->count < FAKE_INSTANCES_MAX)
		return &f->instances[f->count++];
	for (size_t n = 0; n < f->count; n++)
		if (!fake_is_living(&f->instances[n]) && f->instances[n].died_ms != 0 &&
			clock_ms() - f->instances[n].died_ms > 3600 * 1000)
			return &f->instances[n];
	return NULL;
}

static void
apply_run(struct fake_cloud *f, const struct fake_effect *e)
{
	struct fake_instance *i = fake_by_token(f, e->token);

	if (i != NULL)
		return;
	i = room(f);
	if (i == NULL) {
		(void)snprintf(f->violation, sizeof(f->violation),
			"the fake cloud is full");
		return;
	}
	memset(i, 0, sizeof(*i));
	(void)snprintf(i->id, sizeof(i->id), "i-%017" PRIx64, ++f->runs);
	(void)snprintf(i->token, sizeof(i->token), "%s", e->token);
	(void)snprintf(i->launch, sizeof(i->launch), "%s", e->launch);
	(void)snprintf(i->worker, sizeof(i->worker), "%s", e->worker);
	(void)snprintf(i->lineage, sizeof(i->lineage), "%s", e->lineage);
	i->generation = e->generation;
	i->epoch = e->epoch;
	(void)snprintf(i->lease, sizeof(i->lease), "%s", e->lease);
	i->state = EC2_STATE_PENDING;
	i->born_ms = clock_ms();
	i->born_wall = clock_wall_ms();
	i->due_ms = clock_ms() + (int64_t)rng_below(f->rng, PENDING_MS);
	i->visible_ms = fake_chance(f, f->faults.lag)
		? clock_ms() + (int64_t)rng_below(f->rng, 60000)
		: 0;
	check_twins(f, i);
}

struct fake_instance *
fake_add_instance(struct fake_cloud *f, const char *worker, int64_t generation,
	const char *lineage, int64_t epoch)
{
	struct fake_instance *i = room(f);

	if (i == NULL)
		return NULL;
	memset(i, 0, sizeof(*i));
	(void)snprintf(i->id, sizeof(i->id), "i-%017" PRIx64, ++f->runs);
	crypto_uuid(i->token);
	crypto_uuid(i->launch);
	(void)snprintf(i->worker, sizeof(i->worker), "%s", worker);
	(void)snprintf(i->lineage, sizeof(i->lineage), "%s",
		lineage == NULL ? "" : lineage);
	i->generation = generation;
	i->epoch = epoch;
	i->state = EC2_STATE_RUNNING;
	i->born_ms = clock_ms();
	i->born_wall = clock_wall_ms();
	return i;
}

static void
apply_terminate(struct fake_cloud *f, const struct fake_effect *e)
{
	struct fake_instance *i = fake_by_id(f, e->id);

	if (i == NULL || i->state >= EC2_STATE_SHUTTING_DOWN)
		return;
	if (i->origin == FAKE_STRANGER)
		violated(f, "a stranger's machine is ended", i);
	if (i->building && !i->may_die)
		violated(f, "killed with a build on it", i);
	i->state = EC2_STATE_SHUTTING_DOWN;
	i->due_ms = clock_ms() + (int64_t)rng_below(f->rng, SHUTDOWN_MS);
	i->attached = i->building = false;
}

static void
apply(struct fake_cloud *f, struct fake_effect *e)
{
	switch (e->kind) {
	case EFFECT_RUN: apply_run(f, e); break;
	case EFFECT_TERMINATE:
		f->terminates++;
		apply_terminate(f, e);
		break;
	case EFFECT_ASSOCIATE: fake_apply_associate(f, e); break;
	case EFFECT_ATTACH: fake_apply_attach(f, e); break;
	case EFFECT_ATTACHED: fake_apply_attached(f, e); break;
	}
}

void
fake_effect_in(struct fake_cloud *f, const struct fake_effect *what, int64_t delay_ms)
{
	struct fake_effect *e;

	if (delay_ms == 0) {
		struct fake_effect now = *what;

		apply(f, &now);
		return;
	}
	e = NEW(struct fake_effect);
	*e = *what;
	e->due_ms = clock_ms() + delay_ms;
	DL_APPEND(f->effects, e);
}

void
fake_cloud_kill(struct fake_cloud *f, struct fake_instance *i, int state)
{
	(void)f;
	if (!fake_is_living(i))
		return;
	i->state = state;
	i->attached = i->building = false;
	i->may_die = true;
	i->due_ms = state == EC2_STATE_SHUTTING_DOWN ? clock_ms() + 5000 : 0;
	i->died_ms = state == EC2_STATE_TERMINATED ? clock_ms() : 0;
}

static void
advance(struct fake_instance *i)
{
	i->due_ms = 0;
	if (i->state == EC2_STATE_PENDING) {
		i->state = EC2_STATE_RUNNING;
	} else if (i->state == EC2_STATE_SHUTTING_DOWN) {
		i->state = EC2_STATE_TERMINATED;
		i->died_ms = clock_ms();
	}
}

int64_t
fake_cloud_tick(struct fake_cloud *f)
{
	int64_t now = clock_ms(), next = INT64_MAX;
	struct fake_effect *e, *tmp;

	DL_FOREACH_SAFE(f->effects, e, tmp) {
		if (e->due_ms <= now) {
			DL_DELETE(f->effects, e);
			apply(f, e);
			free(e);
		} else if (e->due_ms < next) {
			next = e->due_ms;
		}
	}
	for (size_t n = 0; n < f->count; n++) {
		struct fake_instance *i = &f->instances[n];

		if (i->due_ms != 0 && i->due_ms <= now)
			advance(i);
		else if (i->due_ms != 0 && i->due_ms < next)
			next = i->due_ms;
	}
	fake_things_tick(f);
	return next;
}

size_t
fake_cloud_living(const struct fake_cloud *f)
{
	size_t living = 0;

	for (size_t n = 0; n < f->count; n++)
		living += fake_is_living(&f->instances[n]);
	return living;
}

size_t
fake_cloud_strangers(const struct fake_cloud *f)
{
	size_t count = 0;

	for (size_t n = 0; n < f->count; n++)
		count += f->instances[n].origin == FAKE_STRANGER &&
			fake_is_living(&f->instances[n]);
	return count;
}
