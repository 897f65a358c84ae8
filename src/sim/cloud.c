/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Launches, states and time. set_state is the only writer of a state: it does the bill,
 * arms what comes next and tells the watcher.
 */
#include "sim/cloud.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"
#include "sim/address.h"
#include "sim/due.h"
#include "sim/text.h"
#include "sim/volume.h"
#include "sys/crypto.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

struct sim_cloud {
	const struct sim_times *times; /* borrowed */
	struct rng rng;
	sim_instance_fn *watcher; /* or NULL */
	void *watcher_arg;
	struct sim_launch *launches; /* owned, by ->next */
	struct sim_launch *tokens;   /* hash of those with a token */
	struct sim_instance **all;   /* owned: every one since the last reset */
	size_t count, cap;
	struct sim_instance *by_id; /* hash of those not forgotten */
	struct sim_instance *known; /* the same in order of launch */
	struct sim_volumes *volumes;
	struct sim_addresses *addresses;
	struct sim_heap heap;
	int64_t late_ms; /* how long ago what is being done was due */
};

enum delay { DELAY_NONE, DELAY_PENDING, DELAY_SHUTDOWN };

/* Where a state leads by itself, and what a bill makes of it. */
/* clang-format off */
static const struct {
	enum delay delay;
	enum sim_state then;
	bool billed;
} rows[SIM_STATE_COUNT] = {
	[SIM_PENDING]       = {DELAY_PENDING,  SIM_RUNNING,    false},
	[SIM_RUNNING]       = {DELAY_NONE,     SIM_RUNNING,    true},
	[SIM_SHUTTING_DOWN] = {DELAY_SHUTDOWN, SIM_TERMINATED, false},
	[SIM_TERMINATED]    = {DELAY_NONE,     SIM_TERMINATED, false},
	[SIM_STOPPING]      = {DELAY_SHUTDOWN, SIM_STOPPED,    false},
	[SIM_STOPPED]       = {DELAY_NONE,     SIM_STOPPED,    false},
};
/* clang-format on */

static const struct sim_reason no_reason;
static const struct sim_reason powered_off = {"Client.InstanceInitiatedShutdown",
	"Client.InstanceInitiatedShutdown: Instance initiated shutdown",
	"User initiated shutdown"};

struct sim_cloud *
sim_cloud_new(const struct sim_times *times, uint64_t seed)
{
	struct sim_cloud *c = NEW(struct sim_cloud);

	c->times = times;
	while (seed == 0)
		crypto_random(&seed, sizeof(seed));
	rng_seed(&c->rng, seed);
	c->volumes = sim_volumes_new(&times->volume);
	c->addresses = sim_addresses_new();
	return c;
}

void
sim_cloud_clear(struct sim_cloud *c)
{
	HASH_CLEAR(hh, c->by_id);
	HASH_CLEAR(hh, c->tokens);
	sim_heap_fini(&c->heap);
	for (size_t i = 0; i < c->count; i++)
		sim_instance_free(c->all[i]);
	while (c->launches != NULL) {
		struct sim_launch *l = c->launches;

		LL_DELETE(c->launches, l);
		sim_launch_free(l);
	}
	free(c->all);
	c->all = NULL;
	c->known = NULL;
	sim_volumes_clear(c->volumes);
	sim_addresses_clear(c->addresses);
	c->count = c->cap = 0;
}

void
sim_cloud_free(struct sim_cloud *c)
{
	if (c == NULL)
		return;
	sim_cloud_clear(c);
	sim_volumes_free(c->volumes);
	sim_addresses_free(c->addresses);
	free(c);
}

void
sim_cloud_watch(struct sim_cloud *c, sim_instance_fn *fn, void *arg)
{
	c->watcher = fn;
	c->watcher_arg = arg;
}

void
sim_cloud_make_id(struct sim_cloud *c, const char *prefix, char out[static SIM_ID_SIZE])
{
	(void)snprintf(out, SIM_ID_SIZE, "%s0%016" PRIx64, prefix, rng_u64(&c->rng));
}

/* The time it is for what is being done: a late look changes no bill. */
static int64_t
now_ms(const struct sim_cloud *c)
{
	return clock_ms() - c->late_ms;
}

static int64_t
wall_ms(const struct sim_cloud *c)
{
	return clock_wall_ms() - c->late_ms;
}

/* Arms the one thing that is due next for this instance. */
static void
arm(struct sim_cloud *c, struct sim_instance *i)
{
	int64_t now = now_ms(c);

	sim_heap_remove(&c->heap, &i->due);
	if (i->state == SIM_TERMINATED && !i->tags_gone)
		sim_heap_put(&c->heap, &i->due, now + c->times->tags);
	else if (i->state == SIM_TERMINATED && !i->forgotten)
		sim_heap_put(&c->heap, &i->due, now + c->times->gone - c->times->tags);
	else if (rows[i->state].delay == DELAY_PENDING && !i->stuck)
		sim_heap_put(&c->heap, &i->due, now + c->times->pending);
	else if (rows[i->state].delay == DELAY_SHUTDOWN && !i->stuck)
		sim_heap_put(&c->heap, &i->due, now + c->times->shutdown);
}

static void
do_bill(const struct sim_cloud *c, struct sim_instance *i, enum sim_state to)
{
	int64_t now = now_ms(c);

	if (rows[i->state].billed) {
		i->charged_s = sim_instance_charged_s(i, now);
		i->billed_ms = sim_instance_billed_ms(i, now);
	}
	if (rows[to].billed)
		i->running_ms = now;
}

static void
let_go(struct sim_cloud *c, struct sim_instance *i)
{
	if (i->address != NULL)
		sim_address_free_up(c->addresses, i->address);
	if (--i->launch->alive == 0 && i->launch->user_data != NULL) {
		buf_wipe_fini(i->launch->user_data);
		free(i->launch->user_data);
		i->launch->user_data = NULL;
	}
}

static void
set_state(struct sim_cloud *c, struct sim_instance *i, enum sim_state to,
	const struct sim_reason *reason)
{
	enum sim_state from = i->state;

	if (from == to || from == SIM_TERMINATED)
		return;
	do_bill(c, i, to);
	i->state = to;
	if (i->sticks_in != SIM_STATE_COUNT)
		i->stuck = i->sticks_in == to;
	sim_instance_note(i, now_ms(c), wall_ms(c));
	if (reason != NULL)
		i->reason = *reason;
	if (!sim_state_is_live(to) && i->ended_wall_ms == 0)
		i->ended_wall_ms = wall_ms(c);
	if (to == SIM_TERMINATED) {
		i->terminated_wall_ms = wall_ms(c);
		let_go(c, i);
	}
	sim_volumes_on_state(c->volumes, i, c->late_ms);
	arm(c, i);
	if (c->watcher != NULL)
		c->watcher(c->watcher_arg, i, from);
}

static void
forget(struct sim_cloud *c, struct sim_instance *i)
{
	i->forgotten = true;
	HASH_DEL(c->by_id, i);
	DL_DELETE(c->known, i);
}

static void
on_due(struct sim_cloud *c, struct sim_instance *i)
{
	if (i->state == SIM_PENDING && i->fails_with != NULL) {
		sim_instance_set_reason(i, i->fails_with, i->fails_with);
		set_state(c, i, SIM_TERMINATED, NULL);
	} else if (i->state != SIM_TERMINATED) {
		set_state(c, i, rows[i->state].then, NULL);
	} else if (!i->tags_gone) {
		i->tags_gone = true;
		arm(c, i);
	} else {
		forget(c, i);
	}
}

void
sim_cloud_advance(struct sim_cloud *c)
{
	int64_t now = clock_ms();
	int64_t at_ms;
	size_t *place;

	while ((place = sim_heap_first(&c->heap, &at_ms)) != NULL && at_ms <= now) {
		sim_heap_remove(&c->heap, place);
		c->late_ms = now - at_ms;
		on_due(c, CONTAINER_OF(place, struct sim_instance, due));
		c->late_ms = 0;
	}
	sim_volumes_advance(c->volumes, now);
}

int64_t
sim_cloud_next_due_ms(const struct sim_cloud *c)
{
	int64_t at_ms = INT64_MAX;

	(void)sim_heap_first(&c->heap, &at_ms); /* untouched when there is none */
	return at_ms;
}

struct sim_launch *
sim_cloud_find_token(const struct sim_cloud *c, const char *region, const char *zone,
	const char *token)
{
	char *key = xasprintf("%s/%s/%s", region, zone, token);
	struct sim_launch *l;

	HASH_FIND_STR(c->tokens, key, l);
	free(key);
	return l;
}

static bool
counts(const struct sim_cloud *c, const struct sim_instance *i,
	const struct sim_capacity *rule)
{
	return sim_state_is_live(i->state) ||
		(rule->linger > 0 && wall_ms(c) - i->ended_wall_ms < rule->linger);
}

static int64_t
count_live(const struct sim_cloud *c, const char *region,
	const struct sim_capacity *rule)
{
	const struct sim_instance *i;
	int64_t live = 0;

	DL_FOREACH(c->known, i) {
		const struct sim_launch *l = i->launch;

		live += counts(c, i, rule) && strcmp(l->region, region) == 0 &&
			sim_text_matches(rule->type, l->type) &&
			sim_text_matches(rule->zone, l->zone) &&
			sim_text_matches(rule->market, l->spot ? "spot" : "on-demand");
	}
	return live;
}

int64_t
sim_cloud_room(const struct sim_cloud *c, const struct sim_launch *launch,
	const struct sim_capacity *rules, size_t count,
	const struct sim_capacity **ret_rule)
{
	const char *market = launch->spot ? "spot" : "on-demand";
	int64_t room = INT64_MAX;

	for (size_t n = 0; n < count; n++) {
		const struct sim_capacity *r = &rules[n];
		int64_t here;

		if (!sim_text_matches(r->type, launch->type) ||
			!sim_text_matches(r->zone, launch->zone) ||
			!sim_text_matches(r->market, market))
			continue;
		here = r->available - count_live(c, launch->region, r);
		if (here >= room)
			continue;
		room = here < 0 ? 0 : here;
		*ret_rule = r;
	}
	return room;
}

static struct sim_instance *
add_instance(struct sim_cloud *c, struct sim_launch *l, size_t index)
{
	struct sim_instance *i = NEW(struct sim_instance);

	if (c->count == c->cap) {
		c->cap = c->cap == 0 ? 64 : c->cap * 2;
		c->all = xreallocarray(c->all, c->cap, sizeof(struct sim_instance *));
	}
	c->all[c->count++] = i;
	sim_cloud_make_id(c, "i-", i->id);
	i->seq = c->count;
	i->launch = l;
	i->index = index;
	i->is_protected = l->protect;
	i->born_ms = clock_ms();
	i->sticks_in = SIM_STATE_COUNT;
	sim_instance_note(i, now_ms(c), wall_ms(c));
	for (size_t t = 0; t < l->tags.count; t++)
		strmap_put(&i->tags, l->tags.keys[t], l->tags.values[t]);
	sim_volumes_equip(c->volumes, i, c);
	HASH_ADD_STR(c->by_id, id, i);
	DL_APPEND(c->known, i);
	return i;
}

static void
remember_token(struct sim_cloud *c, struct sim_launch *l)
{
	if (l->token == NULL)
		return;
	l->token_key = xasprintf("%s/%s/%s", l->region, l->zonal ? l->zone : "",
		l->token);
	HASH_ADD_KEYPTR(hh, c->tokens, l->token_key, strlen(l->token_key), l);
}

void
sim_cloud_launch(struct sim_cloud *c, struct sim_launch *launch, size_t count)
{
	sim_cloud_make_id(c, "r-", launch->id);
	launch->launched_wall_ms = wall_ms(c);
	launch->instances = xcalloc(count, sizeof(struct sim_instance *));
	launch->instance_count = launch->alive = count;
	remember_token(c, launch);
	LL_PREPEND(c->launches, launch);
	for (size_t n = 0; n < count; n++) {
		struct sim_instance *i = add_instance(c, launch, n);

		launch->instances[n] = i;
		arm(c, i);
		if (c->watcher != NULL)
			c->watcher(c->watcher_arg, i, i->state);
	}
}

bool
sim_cloud_shows_to(const struct sim_cloud *c, const struct sim_instance *i,
	double share)
{
	return !i->forgotten &&
		(c->times->visible == 0 ||
			(double)(clock_ms() - i->born_ms) >=
				(double)c->times->visible * share);
}

bool
sim_cloud_shows(const struct sim_cloud *c, const struct sim_instance *i)
{
	return sim_cloud_shows_to(c, i, 1);
}

struct sim_instance *
sim_cloud_find_anywhere(const struct sim_cloud *c, const char *id)
{
	struct sim_instance *i;

	HASH_FIND_STR(c->by_id, id, i);
	return i;
}

struct sim_instance *
sim_cloud_find(const struct sim_cloud *c, const char *region, const char *id)
{
	struct sim_instance *i = sim_cloud_find_anywhere(c, id);

	return i != NULL && sim_cloud_shows(c, i) &&
			strcmp(i->launch->region, region) == 0
		? i
		: NULL;
}

struct sim_instance *
sim_cloud_first(const struct sim_cloud *c)
{
	return c->known;
}

struct sim_instance *
sim_cloud_at(const struct sim_cloud *c, size_t index)
{
	return c->all[index];
}

size_t
sim_cloud_count(const struct sim_cloud *c)
{
	return c->count;
}

struct sim_volumes *
sim_cloud_volumes(const struct sim_cloud *c)
{
	return c->volumes;
}

struct sim_addresses *
sim_cloud_addresses(const struct sim_cloud *c)
{
	return c->addresses;
}

void
sim_cloud_terminate(struct sim_cloud *c, struct sim_instance *i,
	const struct sim_reason *reason)
{
	if (i->state != SIM_SHUTTING_DOWN && i->state != SIM_TERMINATED)
		set_state(c, i, SIM_SHUTTING_DOWN, reason);
}

void
sim_cloud_stop(struct sim_cloud *c, struct sim_instance *i,
	const struct sim_reason *reason)
{
	if (i->state == SIM_RUNNING)
		set_state(c, i, SIM_STOPPING, reason);
}

void
sim_cloud_start(struct sim_cloud *c, struct sim_instance *i)
{
	if (i->state == SIM_STOPPED)
		set_state(c, i, SIM_PENDING, &no_reason);
}

void
sim_cloud_power_off(struct sim_cloud *c, struct sim_instance *i)
{
	if (i->launch->terminate_on_power_off)
		sim_cloud_terminate(c, i, &powered_off);
	else
		sim_cloud_stop(c, i, &powered_off);
}

void
sim_cloud_force(struct sim_cloud *c, struct sim_instance *i, enum sim_state state)
{
	set_state(c, i, state, NULL);
}

void
sim_cloud_stick_in(struct sim_cloud *c, struct sim_instance *i, enum sim_state state)
{
	i->sticks_in = state;
	if (i->state == state)
		sim_cloud_stick(c, i, true);
}

void
sim_cloud_fail(struct sim_instance *i, const char *code)
{
	free(i->fails_with);
	i->fails_with = xstrdup(code);
}

unsigned
sim_cloud_pick(struct sim_cloud *c, unsigned count)
{
	return count > 1 ? (unsigned)(rng_u64(&c->rng) % count) : 0;
}

void
sim_cloud_stick(struct sim_cloud *c, struct sim_instance *i, bool stuck)
{
	if (!stuck)
		i->sticks_in = SIM_STATE_COUNT;
	if (i->stuck == stuck)
		return;
	i->stuck = stuck;
	arm(c, i);
}
