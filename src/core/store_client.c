/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's rows of what clients leave behind: owners that are gone.
 */
#include "core/owner.h"
#include "core/pool.h"
#include "core/store_load.h"
#include "core/store_priv.h"

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
		int read = columns_read(q, owner_columns, &row, err);

		free(row.name);
		if (read < 0)
			return err_wrap(err, "owner %s", o->name);
		o->idle = row.idle;
		o->build = row.build;
		deadline_restore(&o->idle, s->meta.same_boot);
		deadline_restore(&o->build, s->meta.same_boot);
	}
	return ended(result, err);
}
