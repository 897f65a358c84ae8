/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool: made from ledger and configuration, changed by a reload, written by the
 * commit of each turn.
 */
#include "core/pool.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/aside.h"
#include "core/cloud.h"
#include "core/event.h"
#include "core/glance.h"
#include "core/health.h"
#include "core/hold.h"
#include "core/images.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/lookup.h"
#include "core/notice.h"
#include "core/orphan.h"
#include "core/owner.h"
#include "core/pause.h"
#include "core/permit.h"
#include "core/poller.h"
#include "core/request.h"
#include "core/rest.h"
#include "core/self.h"
#include "core/store.h"
#include "core/tally.h"
#include "core/worker_priv.h"
#include "core/worker_view.h"
#include "ec2/reply.h"

#include <string.h>

static void
on_settled(void *arg)
{
	struct pool *p = arg;

	if (p->on_settled != NULL)
		p->on_settled(p->on_settled_arg);
}

static void
add_workers(struct pool *p, const struct conf *conf)
{
	for (size_t n = 0; n < conf->worker_count; n++) {
		struct worker *w = pool_find_any(p, conf->workers[n]->name);

		if (w == NULL)
			(void)worker_new(p, conf->workers[n]->name, conf->workers[n]);
		else
			worker_set_conf(w, conf->workers[n]);
	}
}

static int
check_name(const struct pool *p, struct err *err)
{
	const struct store_meta *meta = store_meta(p->store);

	if (meta->pool[0] == '\0' || strcmp(meta->pool, p->conf->pool) == 0 ||
		p->launches == NULL)
		return 0;
	return err_set(err, ERR_CONFIG,
		"the ledger is that of pool %s and still has instances; pool may change to %s when they "
		"are gone",
		meta->pool, p->conf->pool);
}

struct pool *
pool_new(const struct pool_parts *parts, struct err *err)
{
	struct pool *p = NEW(struct pool);
	const struct store_meta *meta = store_meta(parts->store);
	struct worker *w;

	p->loop = parts->loop;
	p->store = parts->store;
	p->maker = parts->maker;
	p->conf = parts->conf;
	rng_seed(&p->rng, parts->seed);
	secret_set(&p->key, store_key(parts->store));
	p->events = events_new(parts->loop, meta->epoch, meta->last_seq);
	p->requests = requests_new(p);
	p->images = images_new(parts->loop);
	p->lookups = lookups_new(parts->loop);
	p->glances = glances_new(parts->loop);
	p->tally = NEW(struct tally);
	p->health = health_new(p);
	p->rests = rests_new(&p->rng, p->health);
	p->permits = permits_new(p);
	p->notices = notices_new(parts->loop, parts->http, parts->conf);
	notices_set_health(p->notices, p->health);
	p->paused_wall = meta->paused_wall;
	p->paused_by = meta->paused_wall == 0 ? NULL : xstrdup(meta->paused_by);
	p->hold = meta->hold;
	p->hold_wall = meta->hold_wall;
	p->hold_reason = meta->hold ? xstrdup(meta->hold_reason) : NULL;
	pool_was_paused(p);
	pool_was_held(p);
	p->orphans = orphans_new(p);
	p->self = self_new(p, parts->http);
	loop_poke_init(&p->settled, p->loop, on_settled, p);
	add_workers(p, p->conf);
	if (store_load(p->store, p, err) < 0 || check_name(p, err) < 0) {
		pool_free(p);
		return NULL;
	}
	FP("start.after_load");
	owners_start(p);
	for (w = p->workers; w != NULL; w = w->hh.next)
		w->state = worker_state(w);
	return p;
}

void
pool_start(struct pool *p)
{
	struct worker *w;
	struct launch *l, *next;
	struct instance *i;
	struct poller *poller;

	asides_start(p);
	for (w = p->workers; w != NULL; w = w->hh.next)
		if (w->conf != NULL)
			(void)pool_poller(w);
	for (l = p->launches; l != NULL; l = next) {
		next = l->hh.next;
		pool_take(p, l->worker);
		launch_resume(l);
	}
	for (i = p->instances; i != NULL; i = i->hh.next) {
		pool_take(p, i->launch->worker);
		instance_resume(i);
	}
	pool_take(p, NULL);
	for (w = p->workers; w != NULL; w = w->hh.next)
		if (worker_is_wanted(w))
			loop_poke(&w->poke);
	for (poller = p->pollers; poller != NULL; poller = poller_next(poller))
		poller_start(poller);
	p->started = true;
	p->retiring = true; /* rows may be of clouds that the configuration has lost */
	notices_start(p->notices);
}

void
pool_free(struct pool *p)
{
	struct worker *w, *next_w;

	if (p == NULL)
		return;
	health_free(p->health);
	p->health = NULL;
	for (w = p->workers; w != NULL; w = w->hh.next)
		worker_drop_place(w);
	images_free(p->images);
	lookups_free(p->lookups);
	while (p->instances != NULL)
		instance_free(p->instances);
	glances_free(p->glances);
	while (p->launches != NULL)
		launch_free(p->launches);
	while (p->pollers != NULL)
		poller_free(p->pollers);
	orphans_free(p->orphans);
	permits_free(p->permits);
	self_free(p->self);
	requests_free(p->requests);
	for (w = p->workers; w != NULL; w = next_w) {
		next_w = w->hh.next;
		worker_free(w);
	}
	owners_free(p);
	rests_free(p->rests);
	loop_poke_clear(&p->settled);
	notices_free(p->notices);
	events_free(p->events);
	secret_fini(&p->key);
	free(p->tally);
	asides_free(p);
	free(p->degraded_text);
	free(p->paused_by);
	free(p->hold_reason);
	free(p->own_instance);
	free(p);
}

struct worker *
pool_find_any(const struct pool *p, const char *name)
{
	struct worker *w;

	HASH_FIND_STR(p->workers, name, w);
	return w;
}

struct worker *
pool_find(const struct pool *p, const char *name)
{
	struct worker *w = pool_find_any(p, name);

	return w == NULL || worker_is_hidden(w) ? NULL : w;
}

static struct worker *
first_visible(struct worker *w)
{
	while (w != NULL && worker_is_hidden(w))
		w = w->hh.next;
	return w;
}

struct worker *
pool_first(const struct pool *p)
{
	return first_visible(p->workers);
}

struct worker *
pool_next(const struct worker *w)
{
	return first_visible(w->hh.next);
}

struct instance *
pool_instance(const struct pool *p, const char *id)
{
	struct instance *i;

	HASH_FIND_STR(p->instances, id, i);
	return i;
}

struct launch *
pool_launch(const struct pool *p, const char *id)
{
	struct launch *l;

	HASH_FIND_STR(p->launches, id, l);
	return l;
}

/* Bytes may have left that could not be made again: then the launch is watched for (L4). */
static bool
loses_its_body(const struct worker *w, const struct conf_worker *fresh)
{
	const struct launch *l = w->launch;

	if (l == NULL || l->generated || l->user_data == NULL)
		return false;
	return (l->phase == LAUNCH_SENDING || l->phase == LAUNCH_UNKNOWN) &&
		!str_equal(w->conf->password.text, fresh->password.text);
}

static void
compare_one(const struct pool *p, struct conf_worker *fresh, struct pool_change *ret)
{
	const struct worker *w = pool_find(p, fresh->name);

	if (w == NULL || w->removed) {
		strings_add(ret->added, fresh->name);
		return;
	}
	if (conf_worker_equal(w->conf, fresh))
		return;
	strings_add(ret->changed, fresh->name);
	if (w->launch != NULL && !conf_worker_launch_equal(w->conf, fresh))
		strings_add(ret->stale, fresh->name);
	if (loses_its_body(w, fresh)) {
		AUTO(free)
		char *text =
			xasprintf("%s: its launch is under way with the old password "
				  "and cannot be sent again with the new one",
				fresh->name);

		strings_add(ret->warnings, text);
	}
}

void
pool_compare(const struct pool *p, const struct conf *fresh, struct pool_change *ret)
{
	const struct worker *w;

	for (size_t n = 0; n < fresh->worker_count; n++)
		compare_one(p, fresh->workers[n], ret);
	for (w = pool_first(p); w != NULL; w = pool_next(w))
		if (!w->removed && conf_find(fresh, w->name) == NULL)
			strings_add(ret->removed, w->name);
}

static bool
has_worker(const struct pool *p, const struct poller *poller)
{
	const struct worker *w;

	for (w = p->workers; w != NULL; w = w->hh.next)
		if (w->poller == poller)
			return true;
	return false;
}

static bool
has_launch(const struct pool *p, const struct poller *poller)
{
	const struct launch *l;

	for (l = p->launches; l != NULL; l = l->hh.next)
		if (l->poller == poller)
			return true;
	return false;
}

/* A cloud that no worker means any more is listed until nothing of ours is in it. */
static void
retire_pollers(struct pool *p)
{
	struct poller *poller, *next;

	p->retiring = false;
	for (poller = p->pollers; poller != NULL; poller = next) {
		next = poller_next(poller);
		if (has_worker(p, poller))
			continue;
		if (has_launch(p, poller) || poller_cloud(poller)->questions > 0)
			p->retiring = true;
		else
			poller_free(poller);
	}
}

void
pool_reload(struct pool *p, const struct conf *fresh)
{
	const struct conf *old = p->conf;
	struct worker *w;
	struct poller *poller;

	for (w = p->workers; w != NULL; w = w->hh.next) {
		const struct conf_worker *c = conf_find(fresh, w->name);

		if (c == NULL)
			worker_set_conf(w, NULL);
		else if (w->launch != NULL && w->conf != NULL &&
			!conf_worker_launch_equal(w->conf, c)) {
			w->stale = true;
			pool_dirty_worker(w);
		}
	}
	p->conf = fresh;
	FP("reload.halfway");
	rests_reload(p->rests);
	permits_reload(p->permits);
	lookups_forget(p->lookups);
	owners_set_conf(p, old);
	notices_set_conf(p->notices, fresh);
	add_workers(p, fresh);
	for (w = p->workers; w != NULL; w = w->hh.next) {
		const struct poller *before = w->poller;

		w->poller = NULL;
		if (!w->removed && pool_poller(w) == before)
			continue;
		worker_drop_place(w); /* it asks another cloud, or none */
		worker_may_launch_again(w);
	}
	retire_pollers(p);
	for (poller = p->pollers; poller != NULL; poller = poller_next(poller))
		poller_start(poller);
}

/* Takes the cloud, or frees it where one of its key is there already. */
static struct poller *
poller_for(struct pool *p, struct cloud *cloud)
{
	struct poller *poller;

	for (poller = p->pollers; poller != NULL; poller = poller_next(poller)) {
		if (strcmp(poller_cloud(poller)->key, cloud->key) == 0) {
			cloud_free(cloud);
			return poller;
		}
	}
	poller = poller_new(p, cloud);
	if (p->started)
		poller_start(poller);
	return poller;
}

struct poller *
pool_poller(struct worker *w)
{
	struct pool *p = w->pool;

	if (w->poller == NULL)
		w->poller = poller_for(p,
			p->maker->make(p->maker->self, p->conf, w->conf, NULL));
	return w->poller;
}

/* The set in use when the row was made, if the configuration still has it; else the worker's own. */
struct poller *
pool_poller_of_row(struct worker *w, const char *region, const char *credentials)
{
	struct pool *p = w->pool;
	struct poller *poller;

	for (struct worker *any = p->workers; any != NULL; any = any->hh.next)
		if (!any->removed)
			(void)pool_poller(any);
	for (poller = p->pollers; poller != NULL; poller = poller_next(poller)) {
		const struct cloud *c = poller_cloud(poller);

		if (strcmp(c->region, region) == 0 &&
			strcmp(c->credentials, credentials) == 0)
			return poller;
	}
	return poller_for(p, p->maker->make(p->maker->self, p->conf, w->conf, region));
}

void
pool_look_at_clouds(struct pool *p)
{
	for (struct poller *poller = p->pollers; poller != NULL;
		poller = poller_next(poller))
		poller_look(poller);
}

void
pool_take(struct pool *p, const struct worker *w)
{
	if (!p->risen)
		store_take(p->store, w == NULL ? NULL : "worker",
			w == NULL ? NULL : w->name);
}

/* A row that is set aside stays as it is. */
void
pool_dirty_worker(struct worker *w)
{
	if (w->dirty || w->aside != NULL)
		return;
	w->dirty = true;
	w->next_dirty = w->pool->dirty_workers;
	w->pool->dirty_workers = w;
}

void
pool_dirty_launch(struct launch *l)
{
	if (l->dirty)
		return;
	l->dirty = true;
	l->next_dirty = l->pool->dirty_launches;
	l->pool->dirty_launches = l;
}

void
pool_dirty_instance(struct instance *i)
{
	if (i->dirty)
		return;
	i->dirty = true;
	i->next_dirty = i->pool->dirty_instances;
	i->pool->dirty_instances = i;
}

/* What has gone leaves memory once its end is on disk and nothing is in flight for it. */
static void
reap(struct pool *p)
{
	struct instance *i, *next_i;
	struct launch *l, *next_l;

	for (i = p->dirty_instances; i != NULL; i = next_i) {
		next_i = i->next_dirty;
		i->dirty = false;
		if (i->phase == INSTANCE_GONE)
			instance_free(i);
	}
	p->dirty_instances = NULL;
	for (l = p->dirty_launches; l != NULL; l = next_l) {
		next_l = l->next_dirty;
		l->dirty = false;
		if (l->phase == LAUNCH_GONE && l->op == NULL && l->instances == 0) {
			worker_changed(l->worker);
			launch_free(l);
		}
	}
	if (p->retiring && p->dirty_launches != NULL)
		retire_pollers(p);
	p->dirty_launches = NULL;
}

static void
look_at_log(struct pool *p)
{
	const struct trouble lost = {.condition = CONDITION_LOG};
	unsigned long count = log_dropped();
	struct err err;

	if (count == 0) {
		health_end(p->health, &lost, NULL);
		return;
	}
	err_set(&err, ERR_IO, "%lu lines could not be written", count);
	health_begin(p->health, &lost, &err, NULL);
}

int
pool_commit(struct pool *p, struct err *err)
{
	enum store_result result;
	struct worker *w, *next;

	look_at_log(p);
	result = store_flush(p->store, p, err);
	if (!p->risen && result != STORE_FATAL) {
		p->risen = true;
		store_started(p->store);
	}
	if (result != STORE_OK) {
		p->tally->commits_failed++;
		return (int)result;
	}
	p->tally->commits++;
	for (w = p->dirty_workers; w != NULL; w = next) {
		next = w->next_dirty;
		w->dirty = false;
	}
	p->dirty_workers = NULL;
	asides_written(p);
	owners_written(p);
	requests_written(p->requests);
	reap(p);
	events_written(p->events);
	return (int)STORE_OK;
}

void
pool_condemn_all(struct pool *p, const struct cause *cause)
{
	struct worker *w;
	struct launch *l;
	struct err err;
	bool done;

	for (w = p->workers; w != NULL; w = w->hh.next)
		(void)worker_insubstantiate(w, 0, cause, &done,
			&err); /* of the current one: cannot fail */
	FP("shutdown.before_condemn");
	for (l = p->launches; l != NULL; l = l->hh.next)
		launch_unwant(l, cause);
}

size_t
pool_living(const struct pool *p)
{
	const struct launch *l;
	size_t count = 0;

	for (l = p->launches; l != NULL; l = l->hh.next) {
		if (l->phase == LAUNCH_GONE || l->phase == LAUNCH_RESERVED ||
			l->phase == LAUNCH_WATCH)
			continue;
		if (l->instance == NULL || !instance_is_dying(l->instance))
			count++;
	}
	return count;
}
