/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of the conditions of EC2.md 14 holds for one sighting, by what is known at this
 * moment. Pure: nothing is changed by it.
 */
#include "core/orphan.h"

#include "base/clock.h"
#include "conf/conf.h"
#include "core/hold.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/store.h"
#include "core/worker.h"

#include <string.h>

static const struct {
	const char *name, *doc;
} verdicts[ORPHAN_COUNT] = {
	[ORPHAN_SELF] = {"self", "the machine that this daemon runs on"},
	[ORPHAN_ASIDE] = {"aside", "the rows of its worker are set aside"},
	[ORPHAN_CONFIGURED] = {"configured", "a worker's volumes name it"},
	[ORPHAN_COPIED] = {"copied",
		"its tags name a launch of ours, but it was not made by that launch"},
	[ORPHAN_UNTAGGED] = {"untagged",
		"it has our pool's tag, but not all the others"},
	[ORPHAN_FOREIGN] = {"foreign", "another ledger has launched it"},
	[ORPHAN_NEWER] = {"newer",
		"its epoch or generation is above this ledger's, which is older than it"},
	[ORPHAN_KEPT] = {"kept", "a volume, which may hold data: it ends by order"},
	[ORPHAN_YOUNG] = {"young", "younger than orphans.grace"},
	[ORPHAN_ONCE] = {"once",
		"not yet in two listings that are orphans.interval apart"},
	[ORPHAN_HELD] = {"held", "HOLD is on"},
	[ORPHAN_REPORTED] = {"reported", "orphans.action is report"},
	[ORPHAN_RIPE] = {"ripe", "it is looked at once more and condemned"},
};

const char *
orphan_kind_name(enum orphan_kind kind)
{
	static const char *const names[ORPHAN_KIND_COUNT] = {
		[ORPHAN_INSTANCE] = "instance",
		[ORPHAN_VOLUME] = "volume",
		[ORPHAN_REQUEST] = "spot_request",
	};

	return names[kind];
}

const char *
orphan_verdict_name(enum orphan_verdict verdict)
{
	return verdicts[verdict].name;
}

const char *
orphan_verdict_doc(enum orphan_verdict verdict)
{
	return verdicts[verdict].doc;
}

/* Never negative: a launch time in the future, or none, is that of something new (T5). */
static int64_t
age_of(const struct orphan *o)
{
	int64_t age = clock_wall_ms() - o->launched_wall;

	return o->launched_wall == 0 || age < 0 ? 0 : age;
}

/* A volume that was an instance's is as young as its freedom. */
static bool
is_young(const struct orphan *o)
{
	int64_t grace = o->pool->conf->orphans.grace;

	return age_of(o) < grace ||
		(o->kind == ORPHAN_VOLUME && o->began_ms - o->first_ms < grace);
}

static bool
names_volume(const struct conf_worker *w, const char *id)
{
	const struct conf_volume *volumes = w->volumes.items;

	for (size_t n = 0; n < w->volumes.count; n++)
		if (strcmp(volumes[n].volume_id, id) == 0)
			return true;
	return false;
}

/* Kept from one launch to the next, whatever tags it bears; also what a reload has taken away. */
static bool
is_configured(const struct pool *p, const char *id)
{
	const struct worker *w;
	const struct launch *l;

	for (w = p->workers; w != NULL; w = w->hh.next)
		if (w->conf != NULL && names_volume(w->conf, id))
			return true;
	for (l = p->launches; l != NULL; l = l->hh.next)
		if (l->volumes != NULL && strstr(l->volumes, id) != NULL)
			return true;
	return false;
}

static bool
is_own(const struct orphan *o)
{
	const char *own = o->pool->own_instance;

	return own != NULL && (str_equal(o->id, own) || str_equal(o->instance, own));
}

static bool
is_kept(const struct orphan *o)
{
	return o->kind == ORPHAN_VOLUME &&
		(o->pool->conf->orphans.volumes == CONF_VOLUMES_REPORT ||
			!o->disposable);
}

static bool
is_newer(const struct orphan *o)
{
	const struct pool *p = o->pool;
	const struct worker *w = pool_find_any(p, o->worker);

	return o->epoch > store_meta(p->store)->epoch ||
		(!o->accepted && o->generation > (w == NULL ? 0 : w->generation));
}

static bool
is_aside(const struct orphan *o)
{
	const struct worker *w = o->worker == NULL ? NULL
						   : pool_find_any(o->pool, o->worker);

	return w != NULL && w->aside != NULL;
}

enum orphan_verdict
orphan_judge(const struct orphan *o)
{
	const struct pool *p = o->pool;
	const struct conf_orphans *conf = &p->conf->orphans;

	if (is_own(o))
		return ORPHAN_SELF;
	if (is_aside(o))
		return ORPHAN_ASIDE;
	if (o->kind == ORPHAN_VOLUME && is_configured(p, o->id))
		return ORPHAN_CONFIGURED;
	if (o->copied)
		return ORPHAN_COPIED;
	if (o->lineage == NULL)
		return ORPHAN_UNTAGGED;
	if (strcmp(o->lineage, store_meta(p->store)->lineage) != 0)
		return ORPHAN_FOREIGN;
	if (is_newer(o))
		return ORPHAN_NEWER;
	if (is_kept(o))
		return ORPHAN_KEPT;
	if (is_young(o))
		return ORPHAN_YOUNG;
	if (o->began_ms - o->first_ms < conf->interval)
		return ORPHAN_ONCE;
	if (p->hold)
		return ORPHAN_HELD;
	return conf->action == CONF_ORPHANS_REPORT ? ORPHAN_REPORTED : ORPHAN_RIPE;
}

bool
orphan_is_orderable(const struct orphan *o, bool kept)
{
	enum orphan_verdict verdict = orphan_judge(o);

	return verdict > ORPHAN_FOREIGN && (verdict != ORPHAN_KEPT || kept);
}

bool
orphan_may_end(const struct orphan *o)
{
	if (o->ordered)
		return orphan_is_orderable(o, o->ordered_kept);
	/* A look that HOLD began to adopt something is none, when HOLD has ended since. */
	return o->ending && orphan_judge(o) == ORPHAN_RIPE;
}
