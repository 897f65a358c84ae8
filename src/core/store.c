/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: opens and identifies it, writes a turn, reads a worker's past. What is read
 * at start is store_load.c's.
 */
#include "core/store.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/accepted.h"
#include "core/event.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/orphan.h"
#include "core/pool.h"
#include "core/request.h"
#include "core/starts.h"
#include "core/store_load.h"
#include "core/store_priv.h"
#include "core/worker.h"
#include "sys/boot.h"
#include "sys/crypto.h"
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RESERVE_SIZE (256 * 1024)
#define RESERVE_AGAIN_MS 60000
#define HOUR_MS (INT64_C(3600) * 1000)
#define PURGE_EVERY_MS HOUR_MS
#define GONE_KEPT_MS (24 * HOUR_MS)
#define HISTORY_KEPT_MS (30 * 24 * HOUR_MS)

static struct store *
store_new(const char *dir)
{
	struct store *s = NEW(struct store);

	s->lock_fd = -1;
	s->dir = xstrdup_opt(dir);
	s->worker_upsert = columns_upsert("worker", worker_columns);
	s->launch_upsert = columns_upsert("launch", launch_columns);
	s->instance_upsert = columns_upsert("instance", instance_columns);
	s->owner_upsert = columns_upsert("owner", owner_columns);
	s->request_upsert = columns_upsert_by("request", "uid, key", request_columns);
	s->request_select = columns_select("request", request_columns, "ORDER BY at");
	s->past_select = columns_select("instance", instance_columns,
		"WHERE launch IN (SELECT launch FROM launch WHERE worker = ?1 AND generation = ?2)"
		" ORDER BY (SELECT created_at FROM launch WHERE launch.launch = instance.launch) DESC,"
		" condemned_at = 0 DESC, condemned_at DESC LIMIT 1");
	s->owner_select = columns_select("owner", owner_columns, "");
	s->worker_select = columns_select("worker", worker_columns, "");
	s->launch_select = columns_select("launch", launch_columns,
		"WHERE phase <> 'gone' OR launch IN"
		" (SELECT launch FROM instance WHERE phase <> 'gone') ORDER BY created_at");
	s->instance_select = columns_select("instance", instance_columns,
		"WHERE phase <> 'gone'");
	return s;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	db_close(s->db);
	starts_close(s->starts);
	if (s->lock_fd >= 0)
		(void)close(s->lock_fd); /* only a lock: nothing was written to it */
	secret_fini(&s->key);
	free(s->dir);
	free(s->worker_upsert);
	free(s->launch_upsert);
	free(s->instance_upsert);
	free(s->owner_upsert);
	free(s->request_upsert);
	free(s->worker_select);
	free(s->launch_select);
	free(s->instance_select);
	free(s->owner_select);
	free(s->request_select);
	free(s->past_select);
	free(s);
}

/* Room that is given back when the disk is full, so that ends can still be recorded. */
static bool
make_reserve(const struct store *s)
{
	AUTO(free) char *path = NULL;
	bool made;
	int fd;

	if (s->dir == NULL)
		return true;
	path = xasprintf("%s/reserve", s->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	made = posix_fallocate(fd, 0, RESERVE_SIZE) == 0;
	if (!made)
		(void)unlink(path); /* a part of it would only be in the way */
	(void)close(fd);
	return made;
}

/* Whether that has made room. */
static bool
drop_reserve(struct store *s)
{
	AUTO(free) char *path = s->dir == NULL ? NULL : xasprintf("%s/reserve", s->dir);

	if (path == NULL || unlink(path) < 0)
		return false;
	FP("ledger.no_reserve");
	s->reserve_missing = true;
	s->reserve_ms = clock_ms() + RESERVE_AGAIN_MS;
	return true;
}

/* Not at once: the room that it left is needed now. */
static void
restore_reserve(struct store *s)
{
	if (!s->reserve_missing || clock_ms() < s->reserve_ms)
		return;
	s->reserve_missing = !make_reserve(s);
	s->reserve_ms = clock_ms() + RESERVE_AGAIN_MS;
}

/* Kept for whoever can read it; what is in the cloud says the rest (FAULTS P19, P21). */
static int
set_aside(const char *path, const struct err *why, struct err *err)
{
	static const char *const parts[] = {"", "-wal", "-shm"};
	char at[CLOCK_TEXT_SIZE];

	clock_format(clock_wall_ms(), at);
	for (size_t n = 0; n < COUNT_OF(parts); n++) {
		AUTO(free) char *from = xasprintf("%s%s", path, parts[n]);
		AUTO(free) char *to = xasprintf("%s.damaged-%s%s", path, at, parts[n]);

		if (rename(from, to) < 0 && errno != ENOENT)
			return err_set_errno(err, ERR_CONFIG, errno,
				"%s cannot be set aside", from);
		FP("ledger.set_aside");
	}
	log_error(NULL, "%s; set aside as %s.damaged-%s, a new one is made", why->text,
		path, at);
	return 0;
}

static int
open_db(struct store *s, const char *path, struct err *err)
{
	struct err why;

	s->db = db_open(path, store_migrations, store_migration_count, &why);
	if (s->db == NULL && s->dir != NULL &&
		(strcmp(why.origin, "CORRUPT") == 0 ||
			strcmp(why.origin, "UNREADABLE") == 0)) {
		if (set_aside(path, &why, err) < 0)
			return -1;
		s->db = db_open(path, store_migrations, store_migration_count, &why);
	}
	if (s->db == NULL && err != NULL)
		*err = why;
	return s->db == NULL ? -1 : 0;
}

static int
open_files(struct store *s, struct err *err)
{
	AUTO(free)
	char *path = s->dir == NULL ? xstrdup(":memory:")
				    : xasprintf("%s/ledger.db", s->dir);

	if (s->dir == NULL) {
		store_make_key(s);
		return open_db(s, path, err);
	}
	s->lock_fd = db_lock_dir(s->dir, err);
	if (s->lock_fd < 0)
		return -1;
	s->starts = starts_open(s->dir);
	if (store_open_key(s, err) < 0 || open_db(s, path, err) < 0)
		return -1;
	return store_convict(s, err);
}

/* A full or failing disk, a lock: another start may find it otherwise. */
static bool
may_pass(const struct err *err)
{
	return (err->code == ERR_IO && err->origin[0] == '\0') ||
		strcmp(err->origin, "IOERR") == 0 || strcmp(err->origin, "FULL") == 0 ||
		strcmp(err->origin, "BUSY") == 0;
}

struct store *
store_open(const char *dir, struct err *err)
{
	struct store *s = store_new(dir);
	char boot[BOOT_NAME_SIZE];

	boot_name(NULL, boot);
	if (open_files(s, err) < 0 || store_read_meta(s, boot, err) < 0 ||
		store_read_last_seq(s, err) < 0) {
		if (err != NULL && !may_pass(err))
			err->code = ERR_CONFIG;
		store_close(s);
		return NULL;
	}
	s->reserve_missing = !make_reserve(s);
	return s;
}

const struct store_meta *
store_meta(const struct store *s)
{
	return &s->meta;
}

const char *
store_key(const struct store *s)
{
	return s->key.text;
}

void
store_take(struct store *s, const char *kind, const char *id)
{
	if (s->starts != NULL)
		starts_take(s->starts, kind, id);
}

void
store_started(struct store *s)
{
	if (s->starts != NULL)
		starts_over(s->starts);
}

int64_t
store_start_delay_ms(const struct store *s, unsigned *ret_deaths)
{
	*ret_deaths = s->starts == NULL ? 0 : starts_deaths(s->starts);
	return s->starts == NULL ? 0 : starts_delay_ms(s->starts);
}

int
store_load(struct store *s, struct pool *p, struct err *err)
{
	return store_load_rows(s, p, err);
}

static enum db_result
write_row(struct store *s, const char *sql, const struct column *columns,
	const void *row, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db, sql);

	columns_bind(q, columns, row);
	return db_step(q, err);
}

static enum db_result
write_member(struct store *s, const struct launch *l, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db,
		"INSERT INTO member(launch, idx, worker, generation, over) VALUES(?, 0, ?, ?, ?)"
		" ON CONFLICT(launch, idx) DO UPDATE SET over = excluded.over,"
		" worker = excluded.worker, generation = excluded.generation");

	db_bind_text(q, 1, l->id);
	db_bind_text(q, 2, l->worker->name);
	db_bind_int(q, 3, l->generation);
	if (l->over)
		db_bind_int(q, 4, l->phase_wall);
	else
		db_bind_null(q, 4);
	return db_step(q, err);
}

/* Names are given up before they are taken again, for the index allows one at a time (I1). */
static enum db_result
write_launches(struct store *s, const struct pool *p, bool over, struct err *err)
{
	const struct launch *l;
	enum db_result result = DB_DONE;

	for (l = p->dirty_launches; l != NULL && result == DB_DONE; l = l->next_dirty) {
		if (l->over != over)
			continue;
		result = write_row(s, s->launch_upsert, launch_columns, l, err);
		if (result == DB_DONE)
			result = write_member(s, l, err);
	}
	return result;
}

static enum db_result
write_instances(struct store *s, const struct pool *p, struct err *err)
{
	const struct instance *i;
	enum db_result result = DB_DONE;

	for (i = p->dirty_instances; i != NULL && result == DB_DONE; i = i->next_dirty)
		result = write_row(s, s->instance_upsert, instance_columns, i, err);
	return result;
}

static enum db_result
write_workers(struct store *s, const struct pool *p, struct err *err)
{
	const struct worker *w;
	enum db_result result = DB_DONE;

	for (w = p->dirty_workers; w != NULL && result == DB_DONE; w = w->next_dirty)
		result = write_row(s, s->worker_upsert, worker_columns, w, err);
	return result;
}

static enum db_result
write_event(struct store *s, const struct event *e, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db,
		"INSERT INTO history(seq, epoch, at, type, worker, generation, launch, instance, from_state,"
		" to_state, by, reason, aws_code, aws_message, aws_request_id)"
		" VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	const char *texts[] = {e->launch, e->instance, e->from, e->to, e->by, e->reason,
		e->aws_code, e->aws_message, e->aws_request_id};

	db_bind_int(q, 1, e->seq);
	db_bind_int(q, 2, e->epoch);
	db_bind_int(q, 3, e->at);
	db_bind_text(q, 4, event_type_name(e->type));
	db_bind_text(q, 5, e->worker);
	db_bind_int(q, 6, e->generation);
	for (size_t n = 0; n < COUNT_OF(texts); n++)
		db_bind_text(q, 7 + (int)n, texts[n]);
	return db_step(q, err);
}

static enum db_result
write_events(struct store *s, const struct pool *p, struct err *err)
{
	enum db_result result = DB_DONE;
	size_t count;
	const struct event *events = events_pending(p->events, &count);

	for (size_t n = 0; n < count && result == DB_DONE; n++)
		result = write_event(s, &events[n], err);
	return result;
}

static enum db_result
write_mail(struct store *s, struct notice_row *row, struct err *err)
{
	struct db_stmt *q;

	if (row->over) {
		q = db_stmt(s->db, "DELETE FROM mail WHERE id = ?");
		db_bind_int(q, 1, row->id);
		return db_step(q, err);
	}
	q = db_stmt(s->db,
		"INSERT INTO mail(id, recipient, subject, body, message_id, created_at, next_at, tries)"
		" VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET body = excluded.body,"
		" next_at = excluded.next_at, tries = excluded.tries");
	db_bind_int(q, 1, row->id);
	db_bind_text(q, 2, row->recipient);
	db_bind_text(q, 3, row->subject);
	db_bind_text(q, 4, row->body);
	db_bind_text(q, 5, row->message_id);
	db_bind_int(q, 6, row->created_wall);
	db_bind_int(q, 7, row->next_wall);
	db_bind_int(q, 8, row->tries);
	return db_step(q, err);
}

static enum db_result
write_mails(struct store *s, const struct pool *p, struct err *err)
{
	struct notice_row *row;
	enum db_result result = DB_DONE;

	for (row = notices_rows(p->notices); row != NULL && result == DB_DONE;
		row = row->next)
		if (row->dirty)
			result = write_mail(s, row, err);
	return result;
}

static enum db_result
purge(struct store *s, struct err *err)
{
	int64_t now = clock_wall_ms();
	struct db_stmt *q;
	enum db_result result;

	q = db_stmt(s->db,
		"DELETE FROM launch WHERE phase = 'gone' AND phase_at < ?"
		" AND launch NOT IN (SELECT launch FROM instance WHERE phase <> 'gone')");
	db_bind_int(q, 1, now - GONE_KEPT_MS);
	result = db_step(q, err);
	if (result != DB_DONE)
		return result;
	/* The newest stays whatever its age: seq goes on from it. */
	q = db_stmt(s->db,
		"DELETE FROM history WHERE at < ?"
		" AND seq < (SELECT max(seq) FROM history)");
	db_bind_int(q, 1, now - HISTORY_KEPT_MS);
	return db_step(q, err);
}

static bool
is_dirty(const struct store *s, const struct pool *p)
{
	size_t events;

	(void)events_pending(p->events, &events);
	return p->dirty_workers != NULL || p->dirty_launches != NULL ||
		p->dirty_instances != NULL || p->dirty_owners != NULL ||
		p->requests->dirty != NULL || events > 0 || notices_dirty(p->notices) ||
		accepted_is_dirty(orphans_accepted(p->orphans)) ||
		store_meta_is_dirty(s, p) || store_asides_dirty(p);
}

static enum db_result
write_all(struct store *s, const struct pool *p, struct err *err)
{
	enum db_result result = store_write_meta(s, p, err);

	if (result == DB_DONE)
		result = store_write_asides(s, p, err);
	if (result == DB_DONE)
		result = write_workers(s, p, err);
	if (result == DB_DONE)
		result = write_launches(s, p, true, err);
	if (result == DB_DONE)
		result = write_launches(s, p, false, err);
	if (result == DB_DONE)
		result = write_instances(s, p, err);
	if (result == DB_DONE)
		result = store_write_owners(s, p, err);
	if (result == DB_DONE)
		result = store_write_requests(s, p, err);
	if (result == DB_DONE)
		result = store_write_accepted(s, p, err);
	if (result == DB_DONE)
		result = write_events(s, p, err);
	if (result == DB_DONE)
		result = write_mails(s, p, err);
	if (result == DB_DONE && clock_ms() >= s->purge_ms)
		result = purge(s, err);
	return result;
}

static enum db_result
transact(struct store *s, const struct pool *p, struct err *err)
{
	enum db_result result = db_begin(s->db, err);

	if (result != DB_DONE)
		return result;
	result = write_all(s, p, err);
	if (result == DB_DONE)
		result = db_commit(s->db, err);
	if (result != DB_DONE)
		db_rollback(s->db);
	return result;
}

static void
written(struct store *s, struct pool *p)
{
	store_meta_written(s, p);
	s->meta.last_seq = events_last_seq(p->events);
	if (s->starts != NULL)
		starts_note_seq(s->starts, s->meta.last_seq);
	notices_written(p->notices);
	accepted_written(orphans_accepted(p->orphans));
	if (clock_ms() >= s->purge_ms)
		s->purge_ms = clock_ms() + PURGE_EVERY_MS;
	restore_reserve(s);
}

enum store_result
store_flush(struct store *s, struct pool *p, struct err *err)
{
	enum db_result result;

	if (!is_dirty(s, p))
		return STORE_OK;
	result = transact(s, p, err);
	if (result == DB_FULL && drop_reserve(s)) {
		log_error("ledger", "no space on the disk: the reserve is given up");
		result = transact(s, p, err);
	}
	switch (result) {
	case DB_DONE:
	case DB_ROW:
		FP("ledger.after_commit");
		written(s, p);
		return STORE_OK;
	case DB_FULL:
	case DB_BUSY: return STORE_LATER;
	case DB_CONSTRAINT:
	case DB_FATAL: break;
	}
	return STORE_FATAL;
}
