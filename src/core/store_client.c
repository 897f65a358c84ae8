/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's rows of what clients leave behind: owners that are gone, requests and what
 * is known of their outcome.
 */
#include "base/log.h"
#include "core/aside.h"
#include "core/instance.h"
#include "core/owner.h"
#include "core/pool.h"
#include "core/request.h"
#include "core/store_load.h"
#include "core/store_priv.h"
#include "core/worker.h"

static int
ended(enum db_result result, struct err *err)
{
	return result == DB_DONE ? 0 : err_wrap(err, "ledger");
}

static enum db_result
write_owner(struct store *s, const struct owner *o, struct err *err)
{
	struct db_stmt *q;

	if (o->workers > 0 && deadline_is_set(&o->idle)) {
		q = db_stmt(s->db, s->owner_upsert);
		columns_bind(q, owner_columns, o);
	} else {
		q = db_stmt(s->db, "DELETE FROM owner WHERE owner = ?");
		db_bind_text(q, 1, o->name);
	}
	return db_step(q, err);
}

enum db_result
store_write_owners(struct store *s, const struct pool *p, struct err *err)
{
	const struct owner *o;
	enum db_result result = DB_DONE;

	for (o = p->dirty_owners; o != NULL && result == DB_DONE; o = o->next_dirty)
		result = write_owner(s, o, err);
	return result;
}

/* Workers have named theirs before; here is since when those are gone. */
int
store_load_owners(struct store *s, struct pool *p, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db, s->owner_select);
	enum db_result result;

	while ((result = db_step(q, err)) == DB_ROW) {
		struct owner *o = owner_of(p, db_text(q, 0));
		struct owner row = {0};
		struct err why;
		int read;

		store_take(s, "owner", o->name);
		if (aside_is_poison(p, "owner", o->name))
			continue; /* gone since this start, as those without a row are */
		read = columns_read(q, owner_columns, &row, &why);
		free(row.name);
		if (read < 0) {
			aside_put(p, "owner", o->name, why.text);
			continue;
		}
		o->idle = row.idle;
		o->build = row.build;
		deadline_restore(&o->idle, s->meta.same_boot);
		deadline_restore(&o->build, s->meta.same_boot);
	}
	return ended(result, err);
}

static enum db_result
write_request(struct store *s, const struct request *r, struct err *err)
{
	struct db_stmt *q;

	if (r->dead) {
		q = db_stmt(s->db, "DELETE FROM request WHERE uid = ? AND key = ?");
		db_bind_int(q, 1, r->id.uid);
		db_bind_text(q, 2, r->id.key);
	} else {
		q = db_stmt(s->db, s->request_upsert);
		columns_bind(q, request_columns, r);
	}
	return db_step(q, err);
}

/* The dead ones first: their key may be in use again. */
enum db_result
store_write_requests(struct store *s, const struct pool *p, struct err *err)
{
	const struct request *r;
	enum db_result result = DB_DONE;

	for (r = p->requests->dirty; r != NULL && result == DB_DONE; r = r->next_dirty)
		if (r->dead)
			result = write_request(s, r, err);
	for (r = p->requests->dirty; r != NULL && result == DB_DONE; r = r->next_dirty)
		if (!r->dead)
			result = write_request(s, r, err);
	return result;
}

/* Of one that is not taken up only its key is lost: asked again it is a new request. */
static void
load_request(struct store *s, struct pool *p, struct db_stmt *q)
{
	const char *name = db_text(q, columns_index(request_columns, "worker"));
	AUTO(free) char *id = xasprintf("%s/%s", db_text(q, 0), db_text(q, 1));
	struct request *r;
	struct err err;

	store_take(s, "request", id);
	if (aside_is_poison(p, "request", id))
		return;
	r = NEW(struct request);
	r->worker = pool_find_any(p, name);
	if (r->worker == NULL) /* never started, and no longer in the configuration */
		r->worker = worker_new(p, name, NULL);
	if (columns_read(q, request_columns, r, &err) == 0) {
		requests_adopt(p->requests, r);
		return;
	}
	columns_fini(request_columns, r);
	free(r);
	aside_put(p, "request", id, err.text);
}

int
store_load_requests(struct store *s, struct pool *p, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db, s->request_select);
	enum db_result result;

	while ((result = db_step(q, err)) == DB_ROW)
		load_request(s, p, q);
	return ended(result, err);
}

struct instance *
store_past_instance(struct store *s, const char *worker, int64_t generation)
{
	struct db_stmt *q = db_stmt(s->db, s->past_select);
	struct instance *i = NULL;
	struct err err;
	enum db_result result;

	db_bind_text(q, 1, worker);
	db_bind_int(q, 2, generation);
	result = db_step(q, &err);
	if (result == DB_ROW) {
		i = NEW(struct instance);
		result = columns_read(q, instance_columns, i, &err) == 0 ? DB_DONE
									 : DB_FATAL;
		db_reset(q);
	}
	if (result == DB_DONE)
		return i;
	log_error("ledger", "%s", err.text);
	store_past_free(i);
	return NULL;
}

void
store_past_free(struct instance *i)
{
	if (i == NULL)
		return;
	columns_fini(instance_columns, i);
	free(i);
}
