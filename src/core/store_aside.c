/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's rows of what is set aside, what a row may be, and which rows contradict
 * each other.
 */
#include "base/clock.h"
#include "base/log.h"
#include "core/aside.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/starts.h"
#include "core/store_load.h"
#include "core/store_priv.h"
#include "core/worker_priv.h"

#include <inttypes.h>
#include <string.h>

static int
ended(enum db_result result, struct err *err)
{
	return result == DB_DONE ? 0 : err_wrap(err, "ledger");
}

/* Written before the row is looked at again. */
int
store_convict(struct store *s, struct err *err)
{
	const struct starts_row *row = s->starts == NULL ? NULL
							 : starts_suspect(s->starts);
	AUTO(free) char *reason = NULL;
	struct db_stmt *q;

	if (row == NULL)
		return 0;
	reason = xasprintf("%d starts in a row died when they had taken it up",
		STARTS_SUSPECT);
	q = db_stmt(s->db,
		"INSERT INTO aside(kind, id, at, reason, crashed, told) VALUES(?, ?, ?, ?, ?, 0)"
		" ON CONFLICT(kind, id) DO UPDATE SET crashed = excluded.crashed");
	db_bind_text(q, 1, row->kind);
	db_bind_text(q, 2, row->id);
	db_bind_int(q, 3, clock_wall_ms());
	db_bind_text(q, 4, reason);
	db_bind_text(q, 5, VERSION);
	if (db_step(q, err) != DB_DONE)
		return err_wrap(err, "ledger");
	starts_acquit(s->starts);
	return 0;
}

int
store_load_asides(struct store *s, struct pool *p, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db,
		"SELECT kind, id, at, reason, crashed, told FROM aside");
	enum db_result result;

	while ((result = db_step(q, err)) == DB_ROW) {
		struct aside *a = NEW(struct aside);

		a->kind = xstrdup(db_text(q, 0));
		a->id = xstrdup(db_text(q, 1));
		a->at_wall = db_int(q, 2);
		a->reason = xstrdup(db_text(q, 3));
		a->crashed = xstrdup_opt(db_text(q, 4));
		a->told = db_int(q, 5) != 0;
		aside_adopt(p, a);
	}
	return ended(result, err);
}

int
store_check_worker(const struct worker *w, struct err *err)
{
	if (w->generation >= 0 && w->generation <= GENERATION_MAX && w->building >= 0)
		return 0;
	return err_set(err, ERR_PARSE,
		"generation %" PRId64 " or %" PRId64 " builds cannot be", w->generation,
		w->building);
}

/* Of a wanted launch the worker knows. */
int
store_check_launch(const struct launch *l, const struct worker *w, struct err *err)
{
	if (l->generation < 1 || l->generation > GENERATION_MAX)
		return err_set(err, ERR_PARSE, "generation %" PRId64 " cannot be",
			l->generation);
	if (!l->unwanted && l->generation > w->generation)
		return err_set(err, ERR_PARSE,
			"it is of generation %" PRId64 ", and its worker of %" PRId64,
			l->generation, w->generation);
	return 0;
}

static void
set_aside_named(struct pool *p, const char *name, const char *reason)
{
	struct worker *w;

	if (name == NULL)
		return;
	w = pool_find_any(p, name);
	aside_put_worker(w != NULL ? w : worker_new(p, name, NULL), reason);
}

/* What two tables say of one thing, and they must say the same: (name, name, what, reason). */
static const char *const contradictions[] = {
	"SELECT m.worker, l.worker, m.launch,"
	" 'is not the launch that the name is taken by' FROM member m LEFT JOIN launch l"
	" ON l.launch = m.launch WHERE m.over IS NULL AND (l.launch IS NULL"
	" OR l.over IS NOT 0 OR l.phase = 'gone' OR l.worker IS NOT m.worker"
	" OR l.generation IS NOT m.generation)",

	"SELECT l.worker, m.worker, l.launch, 'is under way without having taken the name'"
	" FROM launch l LEFT JOIN member m ON m.launch = l.launch"
	" WHERE l.over IS NOT 1 AND (m.launch IS NULL OR m.over IS NOT NULL"
	" OR l.worker IS NOT m.worker)",

	"SELECT l.worker, m.worker, l.launch, 'was answered, but its instance is not there'"
	" FROM launch l LEFT JOIN member m ON m.launch = l.launch"
	" WHERE l.phase = 'answered' AND NOT EXISTS (SELECT 1 FROM instance i"
	" WHERE i.launch = l.launch AND i.phase <> 'gone')",

	"SELECT m.worker, NULL, i.instance, 'is an instance of no launch' FROM instance i"
	" LEFT JOIN launch l ON l.launch = i.launch LEFT JOIN member m ON m.launch = i.launch"
	" WHERE i.phase <> 'gone' AND l.launch IS NULL",

	"SELECT l.worker, m.worker, i.instance, 'is an instance of a launch that is not answered'"
	" FROM instance i JOIN launch l ON l.launch = i.launch LEFT JOIN member m"
	" ON m.launch = l.launch WHERE i.phase <> 'gone' AND l.phase NOT IN ('answered', 'gone')",
};

int
store_find_contradictions(struct store *s, struct pool *p, struct err *err)
{
	for (size_t n = 0; n < COUNT_OF(contradictions); n++) {
		struct db_stmt *q = db_stmt(s->db, contradictions[n]);
		enum db_result result;

		while ((result = db_step(q, err)) == DB_ROW) {
			const char *id = db_text(q, 2);
			AUTO(free) char *reason = xasprintf("%s %s", id, db_text(q, 3));

			set_aside_named(p, db_text(q, 0), reason);
			set_aside_named(p, db_text(q, 1), reason);
			if (db_is_null(q, 0) && db_is_null(q, 1))
				aside_put(p, "row", id, reason);
		}
		if (ended(result, err) < 0)
			return -1;
	}
	return 0;
}

int64_t
store_last_generation(struct store *s, const char *worker)
{
	struct db_stmt *q = db_stmt(s->db,
		"SELECT max(generation) FROM (SELECT generation FROM worker WHERE worker = ?1"
		" UNION ALL SELECT generation FROM launch WHERE worker = ?1"
		" UNION ALL SELECT generation FROM member WHERE worker = ?1"
		" UNION ALL SELECT generation FROM history WHERE worker = ?1)"
		" WHERE typeof(generation) = 'integer' AND generation BETWEEN 0 AND ?2");
	int64_t last = 0;
	struct err err;

	db_bind_text(q, 1, worker);
	db_bind_int(q, 2, GENERATION_MAX);
	if (db_step(q, &err) == DB_ROW)
		last = db_int(q, 0);
	else
		log_error("ledger", "%s", err.text);
	db_reset(q);
	return last;
}

static enum db_result
write_one(struct store *s, const struct aside *a, struct err *err)
{
	struct db_stmt *q;

	if (a->over) {
		q = db_stmt(s->db, "DELETE FROM aside WHERE kind = ? AND id = ?");
		db_bind_text(q, 1, a->kind);
		db_bind_text(q, 2, a->id);
		return db_step(q, err);
	}
	q = db_stmt(s->db,
		"INSERT INTO aside(kind, id, at, reason, crashed, told) VALUES(?, ?, ?, ?, ?, ?)"
		" ON CONFLICT(kind, id) DO UPDATE SET told = excluded.told");
	db_bind_text(q, 1, a->kind);
	db_bind_text(q, 2, a->id);
	db_bind_int(q, 3, a->at_wall);
	db_bind_text(q, 4, a->reason);
	db_bind_text(q, 5, a->crashed);
	db_bind_int(q, 6, a->told);
	return db_step(q, err);
}

#define OF_WORKER                                                                      \
	" WHERE worker = ?1 OR launch IN (SELECT launch FROM member WHERE worker = ?1)"

/* What an order means for the rows that were set aside; a launch takes its others along. */
static const char *const unseal_sql[] = {
	"UPDATE worker SET seal = NULL WHERE worker = ?1",
	"UPDATE instance SET seal = NULL WHERE launch IN (SELECT launch FROM launch" OF_WORKER
	")",
	("UPDATE launch SET seal = NULL" OF_WORKER),
};
static const char *const abandon_sql[] = {
	"DELETE FROM instance WHERE launch IN (SELECT launch FROM launch" OF_WORKER
	") OR launch IN (SELECT launch FROM member WHERE worker = ?1)",
	("DELETE FROM launch" OF_WORKER),
	"DELETE FROM member WHERE worker = ?1",
	"DELETE FROM worker WHERE worker = ?1",
};

static enum db_result
run(struct store *s, const char *const sql[], size_t count, const char *id,
	struct err *err)
{
	enum db_result result = DB_DONE;

	for (size_t n = 0; n < count && result == DB_DONE; n++) {
		struct db_stmt *q = db_stmt(s->db, sql[n]);

		db_bind_text(q, 1, id);
		result = db_step(q, err);
	}
	return result;
}

enum db_result
store_write_asides(struct store *s, const struct pool *p, struct err *err)
{
	enum db_result result = DB_DONE;

	for (const struct aside *a = p->asides; a != NULL && result == DB_DONE;
		a = a->next) {
		if (!a->dirty)
			continue;
		result = write_one(s, a, err);
		if (result == DB_DONE && a->unseal)
			result = run(s, unseal_sql, COUNT_OF(unseal_sql), a->id, err);
		if (result == DB_DONE && a->abandoned)
			result = run(s, abandon_sql, COUNT_OF(abandon_sql), a->id, err);
	}
	return result;
}

bool
store_asides_dirty(const struct pool *p)
{
	for (const struct aside *a = p->asides; a != NULL; a = a->next)
		if (a->dirty)
			return true;
	return false;
}
