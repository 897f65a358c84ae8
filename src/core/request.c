/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of keys: found by uid and key, thrown away by age, and open on their worker
 * as long as their generation goes on.
 */
#include "core/request.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "core/pool.h"
#include "core/waiter.h"
#include "core/worker.h"
#include "core/worker_view.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#define BIT(what) (1u << (unsigned)(what))

static const char *const what_names[REQUEST_WHAT_COUNT] = {
	[REQUEST_UP] = "worker.substantiate",
	[REQUEST_DOWN] = "worker.insubstantiate",
};

const char *
request_what_name(enum request_what what)
{
	assert(what < REQUEST_WHAT_COUNT);
	return what_names[what];
}

enum request_what
request_what_find(const char *name)
{
	unsigned i;

	for (i = 0; i < REQUEST_WHAT_COUNT; i++)
		if (strcmp(what_names[i], name) == 0)
			break;
	return (enum request_what)i;
}

static void
mark_dirty(struct request *r)
{
	if (r->dirty)
		return;
	r->dirty = true;
	r->next_dirty = r->all->dirty;
	r->all->dirty = r;
}

static void
request_free(struct request *r)
{
	free(r->text);
	free(r->origin);
	free(r->origin_text);
	free(r->request_id);
	free(r);
}

static void
finish(struct request *r)
{
	if (!r->over)
		DL_DELETE2(r->worker->requests, r, prev_open, next_open);
	r->over = true;
	mark_dirty(r);
}

/* Forgotten at once; it goes with the next commit. */
static void
drop(struct request *r)
{
	finish(r);
	HASH_DEL(r->all->by_id, r);
	DL_DELETE(r->all->oldest, r);
	r->dead = true;
}

static void
drop_expired(struct requests *all)
{
	while (all->oldest != NULL && clock_ms() >= all->oldest->expires_ms)
		drop(all->oldest);
}

/* The oldest that is over makes room for a new one. */
static int
make_room(struct requests *all, struct err *err)
{
	struct request *r;

	drop_expired(all);
	if (HASH_COUNT(all->by_id) < all->max)
		return 0;
	DL_FOREACH(all->oldest, r) {
		if (r->over) {
			drop(r);
			return 0;
		}
	}
	return err_set(err, ERR_LIMIT, "request: %zu keys are in use by what goes on",
		all->max);
}

static struct request_id
id_of(const struct request_ask *ask)
{
	struct request_id id = {.uid = ask->uid};

	assert(strlen(ask->key) <= REQUEST_KEY_MAX);
	(void)snprintf(id.key, sizeof(id.key), "%s", ask->key);
	return id;
}

static bool
is_same(const struct request *r, const struct request_ask *ask)
{
	return r->what == ask->what && strcmp(r->worker->name, ask->worker) == 0 &&
		r->asked == ask->asked && r->fast == ask->fast;
}

int
requests_look(struct requests *all, const struct request_ask *ask,
	const struct request **ret, struct err *err)
{
	struct request_id id = id_of(ask);
	struct request *r;

	HASH_FIND(hh, all->by_id, &id, sizeof(id), r);
	if (r != NULL && clock_ms() >= r->expires_ms) {
		drop(r);
		r = NULL;
	}
	if (r == NULL && make_room(all, err) < 0)
		return -1;
	if (r != NULL && !is_same(r, ask))
		return err_set(err, ERR_INVALID,
			"request: '%s' stands for another %s of %s", ask->key,
			request_what_name(r->what), r->worker->name);
	*ret = r;
	return 0;
}

static void
keep(struct requests *all, struct request *r)
{
	r->all = all;
	HASH_ADD(hh, all->by_id, id, sizeof(r->id), r);
	DL_APPEND(all->oldest, r);
	if (!r->over)
		DL_APPEND2(r->worker->requests, r, prev_open, next_open);
}

void
requests_add(struct requests *all, const struct request_ask *ask, struct worker *w)
{
	struct request *r = NEW(struct request);

	r->id = id_of(ask);
	r->what = ask->what;
	r->worker = w;
	r->asked = ask->asked;
	r->fast = ask->fast;
	r->generation = w->generation;
	r->at_wall = clock_wall_ms();
	r->expires_ms = clock_ms() + REQUEST_KEPT_MS;
	r->over = ask->what == REQUEST_DOWN;
	keep(all, r);
	mark_dirty(r);
	loop_poke(&w->poke);
	FP("request.before_record");
}

void
requests_check(struct worker *w)
{
	struct request *r;
	unsigned reached = 0;

	if (worker_has_reached(w, WAIT_RUNNING))
		reached |= BIT(WAIT_RUNNING);
	if (worker_has_reached(w, WAIT_ATTACHED))
		reached |= BIT(WAIT_ATTACHED);
	DL_FOREACH2(w->requests, r, next_open)
	{
		if ((reached & ~r->reached) == 0)
			continue;
		r->reached |= reached;
		mark_dirty(r);
	}
}

static void
end(struct request *r, const struct err *err)
{
	finish(r);
	if (request_has_reached(r, WAIT_ATTACHED))
		return;
	r->code = err->code;
	r->reason = err->reason;
	r->text = xstrdup(err->text);
	r->origin = xstrdup(err->origin);
	r->origin_text = xstrdup(err->origin_text);
	r->request_id = xstrdup(err->request_id);
}

void
requests_end(struct worker *w, const struct err *err)
{
	while (w->requests != NULL)
		end(w->requests, err);
}

bool
request_has_reached(const struct request *r, int what)
{
	return (r->reached & BIT(what)) != 0;
}

bool
request_has_failed(const struct request *r, struct err *ret_why)
{
	if (!r->over || r->text == NULL)
		return false;
	err_set(ret_why, r->code, "%s", r->text);
	ret_why->reason = r->reason;
	err_origin(ret_why, r->origin, r->origin_text, r->request_id);
	return true;
}

void
requests_adopt(struct requests *all, struct request *row)
{
	const struct worker *w = row->worker;
	int64_t left = row->at_wall + REQUEST_KEPT_MS - clock_wall_ms();
	struct err err;

	if (left > REQUEST_KEPT_MS)
		left = REQUEST_KEPT_MS; /* the wall clock was set back */
	row->expires_ms = clock_ms() + left;
	keep(all, row);
	if (left <= 0) {
		drop(row);
	} else if (!row->over &&
		(row->generation != w->generation || !worker_is_wanted(w))) {
		err_set(&err, ERR_INTERNAL,
			"%s: how generation %" PRId64 " ended was not recorded",
			w->name, row->generation);
		end(row, &err);
	}
}

void
requests_written(struct requests *all)
{
	struct request *r, *next;

	for (r = all->dirty; r != NULL; r = next) {
		next = r->next_dirty;
		r->dirty = false;
		if (r->dead)
			request_free(r);
	}
	all->dirty = NULL;
}

struct requests *
requests_new(struct pool *p)
{
	struct requests *all = NEW(struct requests);

	all->pool = p;
	all->max = REQUESTS_MAX;
	return all;
}

void
requests_free(struct requests *all)
{
	if (all == NULL)
		return;
	while (all->oldest != NULL)
		drop(all->oldest);
	requests_written(all);
	free(all);
}
