/* SPDX-License-Identifier: Apache-2.0 */
#include "strays.h"

#include "base/clock.h"
#include "base/field.h"
#include "base/mem.h"
#include "core/instance.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/launch.h"
#include "core/worker.h"
#include "fake_leftovers.h"
#include "sys/crypto.h"

#include <stdio.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS (24 * 60 * MINUTE_MS)
/* Less than orphans.interval: no two listings that count can both show it. */
#define MISTAKE_MS (4 * MINUTE_MS)
#define FOREIGN "01234567-89ab-4cde-8f01-23456789abcd"

/* What a ledger that is lost has launched; perhaps not to be seen for a while. */
static void
add_lost(struct fake_cloud *f, const struct store_meta *meta, const struct worker *w)
{
	struct fake_instance *i = fake_add_instance(f, w->name, w->generation - 1,
		meta->lineage, meta->epoch);

	i->origin = FAKE_LOST;
	if (rng_below(f->rng, 2) == 0)
		i->born_wall -= (int64_t)rng_below(f->rng, DAY_MS);
	if (rng_below(f->rng, 2) == 0)
		i->visible_ms = clock_ms() + (int64_t)rng_below(f->rng, 15 * MINUTE_MS);
}

/* What a later ledger has launched, of which this one is an old copy. */
static void
add_newer(struct fake_cloud *f, const struct store_meta *meta, const struct worker *w)
{
	int64_t generation = w->generation + 1 + (int64_t)rng_below(f->rng, 3);

	fake_add_instance(f, w->name, generation, meta->lineage, meta->epoch)->origin =
		FAKE_LOST;
}

static void
add_foreign(struct fake_cloud *f, const struct store_meta *meta, const struct worker *w)
{
	struct fake_instance *i = fake_add_instance(f, w->name, w->generation, FOREIGN,
		meta->epoch);

	i->origin = FAKE_STRANGER;
	i->born_wall -= (int64_t)rng_below(f->rng, DAY_MS);
}

/* All tags of a machine of ours, put onto somebody's. */
static void
add_copy(struct fake_cloud *f, const struct store_meta *meta, const struct worker *w)
{
	const struct instance *real = w->launch == NULL ? NULL : w->launch->instance;
	struct fake_instance *i;

	if (real == NULL)
		return;
	i = fake_add_instance(f, w->name, w->launch->generation, meta->lineage,
		meta->epoch);
	i->origin = FAKE_STRANGER;
	memcpy(i->launch, w->launch->id, sizeof(w->launch->id));
	i->born_wall -= (int64_t)rng_below(f->rng, DAY_MS);
}

/* Tagged by mistake, which is noticed soon and undone. */
static void
add_mistake(struct fake_cloud *f, const struct store_meta *meta, const struct worker *w)
{
	struct fake_instance *i = fake_add_instance(f, w->name, w->generation - 1,
		meta->lineage, meta->epoch);

	i->origin = FAKE_STRANGER;
	i->born_wall -= DAY_MS;
	i->untagged_ms = clock_ms() + MISTAKE_MS;
}

static void
add_leftover(struct fake_cloud *f, const struct store_meta *meta,
	const struct worker *w, enum ec2_leftover_kind kind)
{
	struct fake_instance was = {.generation = w->generation - 1,
		.epoch = meta->epoch,
		.born_wall = clock_wall_ms()};

	crypto_uuid(was.launch);
	(void)snprintf(was.worker, sizeof(was.worker), "%s", w->name);
	(void)snprintf(was.lineage, sizeof(was.lineage), "%s", meta->lineage);
	(void)fake_add_leftover(f, kind, &was);
}

static void
add_volume(struct fake_cloud *f, const struct store_meta *meta, const struct worker *w)
{
	add_leftover(f, meta, w, EC2_LEFTOVER_VOLUME);
	f->left_volumes++;
}

static void
add_request(struct fake_cloud *f, const struct store_meta *meta, const struct worker *w)
{
	add_leftover(f, meta, w, EC2_LEFTOVER_REQUEST);
}

void
strays_add(struct fake_cloud *f, const struct store *store, const struct worker *w)
{
	static void (*const kinds[])(struct fake_cloud *, const struct store_meta *,
		const struct worker *) = {add_lost, add_lost, add_newer, add_foreign,
		add_copy, add_mistake, add_mistake, add_volume, add_request};

	if (w->generation >= 2)
		kinds[rng_below(f->rng, COUNT_OF(kinds))](f, store_meta(store), w);
}

bool
strays_are_over(const struct fake_cloud *f, const struct pool *pool)
{
	for (size_t n = 0; n < f->count; n++) {
		const struct fake_instance *i = &f->instances[n];

		if (i->origin == FAKE_LOST && fake_is_living(i) &&
			pool_instance(pool, i->id) == NULL)
			return false;
	}
	for (size_t n = 0; n < f->leftovers.count; n++)
		if (strcmp(f->leftovers.items[n].state, "open") == 0)
			return false;
	return true;
}
