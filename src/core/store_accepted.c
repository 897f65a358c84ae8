/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's rows of what an admin has let go on. They are few and change seldom, so all
 * are written where one has changed.
 */
#include "core/accepted.h"
#include "core/orphan.h"
#include "core/pool.h"
#include "core/store_load.h"
#include "core/store_priv.h"

static enum db_result
write_one(struct store *s, const struct accepted *a, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db,
		"INSERT INTO accepted(id, cloud, at) VALUES(?, ?, ?)");

	db_bind_text(q, 1, a->id);
	db_bind_text(q, 2, a->cloud);
	db_bind_int(q, 3, a->at_wall);
	return db_step(q, err);
}

enum db_result
store_write_accepted(struct store *s, const struct pool *p, struct err *err)
{
	const struct accepted_set *set = orphans_accepted(p->orphans);
	const struct accepted *a;
	enum db_result result;

	if (!accepted_is_dirty(set))
		return DB_DONE;
	result = db_step(db_stmt(s->db, "DELETE FROM accepted"), err);
	for (a = accepted_first(set); a != NULL && result == DB_DONE; a = a->hh.next)
		result = write_one(s, a, err);
	return result;
}

int
store_load_accepted(struct store *s, struct pool *p, struct err *err)
{
	struct accepted_set *set = orphans_accepted(p->orphans);
	struct db_stmt *q = db_stmt(s->db, "SELECT id, cloud, at FROM accepted");
	enum db_result result;

	while ((result = db_step(q, err)) == DB_ROW)
		accepted_add(set, db_text(q, 0), db_text(q, 1), db_int(q, 2));
	accepted_written(set);
	return result == DB_DONE ? 0 : err_wrap(err, "ledger");
}
