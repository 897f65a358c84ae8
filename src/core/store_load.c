/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows to structs at start: workers, what is left of their launches and instances, their
 * latest events, the mail spool.
 */
#include "core/store_load.h"

#include "base/log.h"
#include "core/aside.h"
#include "core/event.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/owner.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/store_priv.h"
#include "core/worker_priv.h"

#include <string.h>

#define RECENT_EVENTS 100

static int
ended(enum db_result result, struct err *err)
{
	return result == DB_DONE ? 0 : err_wrap(err, "ledger");
}

/* A worker that the configuration has lost but the ledger knows is kept, without configuration. */
static struct worker *
worker_named(struct pool *p, const char *name)
{
	struct worker *w = pool_find_any(p, name);

	return w != NULL ? w : worker_new(p, name, NULL);
}

/* In hand from now on, as long as starts are counted; NULL: none of it is taken up. */
static struct worker *
take_worker(struct store *s, struct pool *p, const char *name)
{
	struct worker *w = worker_named(p, name);

	store_take(s, "worker", w->name);
	if (w->aside == NULL && aside_is_poison(p, "worker", w->name))
		aside_put_worker(w, "");
	return w->aside == NULL ? w : NULL;
}

static void
load_worker(struct store *s, struct pool *p, struct db_stmt *q)
{
	struct worker *w = take_worker(s, p, db_text(q, 0));
	const char *owner = db_text(q, columns_index(worker_columns, "owner"));
	char *name;
	struct err err;
	int result;

	if (w == NULL)
		return;
	/* The hash points at the name: it stays the same bytes, so it is put back. */
	name = w->name;
	w->name = NULL;
	result = columns_read(q, worker_columns, w, &err);
	free(w->name);
	w->name = name;
	if (owner != NULL)
		owner_adopt(owner_of(p, owner), w);
	if (result < 0 || store_check_worker(w, &err) < 0) {
		err_wrap(&err, "its row");
		aside_put_worker(w, err.text);
		return;
	}
	deadline_restore(&w->missing, s->meta.same_boot);
	deadline_restore(&w->idle, s->meta.same_boot);
}

static int
load_workers(struct store *s, struct pool *p, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db, s->worker_select);
	enum db_result result;

	while ((result = db_step(q, err)) == DB_ROW)
		load_worker(s, p, q);
	return ended(result, err);
}

static void
load_launch(struct store *s, struct pool *p, struct db_stmt *q)
{
	struct worker *w = take_worker(s, p,
		db_text(q, columns_index(launch_columns, "worker")));
	struct launch *l;
	struct err err;
	int result;

	if (w == NULL)
		return;
	l = NEW(struct launch);
	result = columns_read(q, launch_columns, l, &err);
	launch_init(l, p, w);
	if (result < 0 || store_check_launch(l, w, &err) < 0) {
		err_wrap(&err, "launch %s", db_text(q, 0));
		aside_put_worker(w, err.text);
		return;
	}
	deadline_restore(&l->watch, s->meta.same_boot);
	l->poller = pool_poller_of_row(w, l->region, l->credentials);
	l->cloud = poller_cloud(l->poller);
	if (!l->over)
		w->launch = l;
}

static int
load_launches(struct store *s, struct pool *p, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db, s->launch_select);
	enum db_result result;

	while ((result = db_step(q, err)) == DB_ROW)
		load_launch(s, p, q);
	return ended(result, err);
}

/* One without a launch is of a worker that is set aside, or a contradiction. */
static void
load_instance(struct store *s, struct pool *p, struct db_stmt *q)
{
	const char *launch = db_text(q, columns_index(instance_columns, "launch"));
	struct launch *l = launch == NULL ? NULL : pool_launch(p, launch);
	struct instance *i;
	struct err err;
	int result;

	if (l == NULL || take_worker(s, p, l->worker->name) == NULL)
		return;
	i = NEW(struct instance);
	result = columns_read(q, instance_columns, i, &err);
	instance_init(i, l);
	if (result < 0) {
		err_wrap(&err, "instance %s", i->id);
		aside_put_worker(l->worker, err.text);
		return;
	}
	deadline_restore(&i->pending, s->meta.same_boot);
	if (l->instance == NULL || i->phase != INSTANCE_CONDEMNED)
		l->instance =
			i; /* twins are condemned; the one kept is not, or is as good */
}

static int
load_instances(struct store *s, struct pool *p, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db, s->instance_select);
	enum db_result result;

	while ((result = db_step(q, err)) == DB_ROW)
		load_instance(s, p, q);
	return ended(result, err);
}

struct recent {
	struct event_ring *back; /* newest first */
};

static void
on_event(void *arg, const struct event *event)
{
	struct recent *r = arg;

	event_ring_add(r->back, event);
}

static int
load_recent(struct store *s, struct worker *w, struct err *err)
{
	struct recent r = {.back = event_ring_new(RECENT_EVENTS)};
	int result = store_history(s, w->name, (struct store_page){0, RECENT_EVENTS},
		on_event, &r, err);

	/* The ring's "newest" is the oldest here, for they came newest first. */
	for (size_t n = 0; n < event_ring_count(r.back); n++)
		event_ring_add(w->recent, event_ring_get(r.back, n));
	event_ring_free(r.back);
	return result;
}

static int
load_mails(struct store *s, struct pool *p, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db,
		"SELECT id, recipient, subject, body, message_id, created_at, next_at, tries FROM mail"
		" ORDER BY id");
	enum db_result result;

	while ((result = db_step(q, err)) == DB_ROW) {
		struct notice_row *row;

		store_take(s, "mail", db_text(q, 0));
		if (aside_is_poison(p, "mail", db_text(q, 0))) {
			notices_skip(p->notices, db_int(q, 0));
			continue;
		}
		row = NEW(struct notice_row);
		row->id = db_int(q, 0);
		row->recipient = xstrdup(db_text(q, 1));
		row->subject = xstrdup(db_text(q, 2));
		row->body = xstrdup(db_text(q, 3));
		row->message_id = xstrdup(db_text(q, 4));
		row->created_wall = db_int(q, 5);
		row->next_wall = db_int(q, 6);
		row->tries = (unsigned)db_int(q, 7);
		notices_adopt(p->notices, row);
	}
	return ended(result, err);
}

int
store_load_rows(struct store *s, struct pool *p, struct err *err)
{
	struct worker *w;

	if (store_load_asides(s, p, err) < 0 || load_workers(s, p, err) < 0 ||
		load_launches(s, p, err) < 0 || load_instances(s, p, err) < 0 ||
		store_find_contradictions(s, p, err) < 0 ||
		store_load_owners(s, p, err) < 0 ||
		store_load_requests(s, p, err) < 0 ||
		store_load_accepted(s, p, err) < 0 || load_mails(s, p, err) < 0)
		return -1;
	for (w = p->workers; w != NULL; w = w->hh.next) {
		store_take(s, "worker", w->name);
		if (w->aside == NULL && load_recent(s, w, err) < 0)
			return -1;
	}
	store_take(s, NULL, NULL);
	return 0;
}
