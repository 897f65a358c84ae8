/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a ledger is: its key and its lineage, which are files of their own so that they
 * outlive it, and the one row that says the rest.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/pool.h"
#include "core/starts.h"
#include "core/store_load.h"
#include "core/store_priv.h"
#include "sys/crypto.h"
#include "sys/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEY_SIZE 32
#define LINEAGE_SIZE 37

void
store_make_key(struct store *s)
{
	unsigned char raw[KEY_SIZE];
	char hex[2 * KEY_SIZE + 1];

	crypto_random(raw, sizeof(raw));
	secret_set(&s->key, crypto_hex(raw, sizeof(raw), hex));
	mem_wipe(raw, sizeof(raw));
	mem_wipe(hex, sizeof(hex));
}

static bool
is_hex_key(const char *text)
{
	return strlen(text) == 2 * KEY_SIZE &&
		strspn(text, "0123456789abcdef") == 2 * KEY_SIZE;
}

/* The key file: passwords of running instances are derived from it, so it is made once. */
int
store_open_key(struct store *s, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/key", s->dir);
	struct buf text = {0};
	int result = 0;

	if (access(path, F_OK) < 0 && errno == ENOENT) {
		store_make_key(s);
		FP("ledger.before_key");
		return file_write(path, 0600, s->key.text, strlen(s->key.text), err);
	}
	if (file_read(path, 4096, true, &text, NULL, err) < 0)
		result = err_wrap(err, "key file");
	else if (!is_hex_key(buf_str(&text)))
		result = err_set(err, ERR_CONFIG,
			"%s is not a key file: it should hold %d hex digits", path,
			2 * KEY_SIZE);
	else
		secret_set(&s->key, buf_str(&text));
	buf_wipe_fini(&text);
	return result;
}

static int
check(enum db_result result, struct err *err)
{
	return result == DB_ROW || result == DB_DONE ? 0 : err_wrap(err, "ledger");
}

static void
set_hold_reason(struct store *s, const char *reason)
{
	(void)snprintf(s->meta.hold_reason, sizeof(s->meta.hold_reason), "%s",
		reason == NULL ? "" : reason);
}

static bool
is_lineage(const char *text)
{
	return strlen(text) == LINEAGE_SIZE - 1 &&
		strspn(text, "0123456789abcdef-") == LINEAGE_SIZE - 1;
}

static int
write_lineage(const struct store *s, struct err *err)
{
	AUTO(free) char *path = NULL;

	if (s->dir == NULL)
		return 0;
	FP("ledger.before_lineage");
	path = xasprintf("%s/lineage", s->dir);
	return file_write(path, 0600, s->meta.lineage, LINEAGE_SIZE - 1, err);
}

/*
 * That of an earlier ledger, which is not there any more: what it has launched is ours, but
 * what it knew is lost. False if there was none.
 */
static bool
inherit_lineage(struct store *s)
{
	AUTO(free) char *path = NULL;
	AUTO(buf) struct buf text = {0};
	struct err err;

	if (s->dir == NULL)
		return false;
	path = xasprintf("%s/lineage", s->dir);
	if (file_read(path, 4096, true, &text, NULL, &err) < 0 ||
		!is_lineage(buf_str(&text)))
		return false;
	(void)snprintf(s->meta.lineage, sizeof(s->meta.lineage), "%s", buf_str(&text));
	return true;
}

static void
hold_for_the_lost(struct store *s)
{
	s->meta.hold = true;
	s->meta.hold_wall = s->meta.epoch;
	set_hold_reason(s, "the ledger was lost or damaged, and has been made anew");
}

static int
make_meta(struct store *s, const char *boot, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db,
		"INSERT INTO meta(one, lineage, epoch, boot, hold, hold_at, hold_reason)"
		" VALUES(1, ?, ?, ?, ?, ?, ?)");

	s->meta.epoch = clock_wall_ms();
	s->meta.same_boot = s->meta.hold_is_new = true;
	if (inherit_lineage(s))
		hold_for_the_lost(s);
	else
		crypto_uuid(s->meta.lineage);
	db_bind_text(q, 1, s->meta.lineage);
	db_bind_int(q, 2, s->meta.epoch);
	db_bind_text(q, 3, boot);
	db_bind_int(q, 4, s->meta.hold);
	db_bind_int(q, 5, s->meta.hold_wall);
	db_bind_text(q, 6, s->meta.hold ? s->meta.hold_reason : NULL);
	return check(db_step(q, err), err) < 0 ? -1 : write_lineage(s, err);
}

int
store_read_meta(struct store *s, const char *boot, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db,
		"SELECT lineage, epoch, pool, boot, paused_at, paused_by, hold, hold_at,"
		" hold_reason FROM meta");
	enum db_result result = db_step(q, err);

	if (result == DB_DONE)
		return make_meta(s, boot, err);
	if (result != DB_ROW)
		return check(result, err);
	(void)snprintf(s->meta.lineage, sizeof(s->meta.lineage), "%s", db_text(q, 0));
	s->meta.epoch = db_int(q, 1);
	(void)snprintf(s->meta.pool, sizeof(s->meta.pool), "%s", db_text(q, 2));
	s->meta.same_boot = strcmp(db_text(q, 3), boot) == 0;
	s->meta.paused_wall = db_int(q, 4);
	(void)snprintf(s->meta.paused_by, sizeof(s->meta.paused_by), "%s",
		db_is_null(q, 5) ? "somebody" : db_text(q, 5));
	s->meta.hold = db_int(q, 6) != 0;
	s->meta.hold_wall = db_int(q, 7) != 0 ? db_int(q, 7) : clock_wall_ms();
	set_hold_reason(s, db_is_null(q, 8) ? "it is not recorded why" : db_text(q, 8));
	q = db_stmt(s->db, "UPDATE meta SET boot = ?");
	db_bind_text(q, 1, boot);
	return check(db_step(q, err), err) < 0 ? -1 : write_lineage(s, err);
}

/* Less than was committed once: an old copy, or the log beside it was deleted (P22, P24). */
static int
check_progress(struct store *s, struct err *err)
{
	int64_t seq = s->starts == NULL ? 0 : starts_seq(s->starts);
	struct db_stmt *q;

	if (seq <= s->meta.last_seq)
		return 0;
	if (s->meta.hold) {
		starts_note_seq(s->starts, s->meta.last_seq);
		return 0;
	}
	s->meta.hold = s->meta.hold_is_new = true;
	s->meta.hold_wall = clock_wall_ms();
	set_hold_reason(s,
		"the ledger lacks what was written to it last: it is an old copy, or "
		"ledger.db-wal was deleted");
	q = db_stmt(s->db, "UPDATE meta SET hold = 1, hold_at = ?, hold_reason = ?");
	db_bind_int(q, 1, s->meta.hold_wall);
	db_bind_text(q, 2, s->meta.hold_reason);
	if (check(db_step(q, err), err) < 0)
		return -1;
	starts_note_seq(s->starts, s->meta.last_seq); /* not before HOLD is on disk */
	return 0;
}

int
store_read_last_seq(struct store *s, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db, "SELECT coalesce(max(seq), 0) FROM history");

	if (check(db_step(q, err), err) < 0)
		return -1;
	s->meta.last_seq = db_int(q, 0);
	db_reset(q);
	return check_progress(s, err);
}

bool
store_meta_is_dirty(const struct store *s, const struct pool *p)
{
	return p->meta_dirty || strcmp(s->meta.pool, p->conf->pool) != 0;
}

enum db_result
store_write_meta(struct store *s, const struct pool *p, struct err *err)
{
	struct db_stmt *q;

	if (!store_meta_is_dirty(s, p))
		return DB_DONE;
	q = db_stmt(s->db,
		"UPDATE meta SET pool = ?, paused_at = ?, paused_by = ?, hold = ?, hold_at = ?,"
		" hold_reason = ?");
	db_bind_text(q, 1, p->conf->pool);
	db_bind_int(q, 2, p->paused_wall);
	db_bind_text(q, 3, p->paused_by);
	db_bind_int(q, 4, p->hold);
	db_bind_int(q, 5, p->hold_wall);
	db_bind_text(q, 6, p->hold_reason);
	return db_step(q, err);
}

/* What a start would read now. */
void
store_meta_written(struct store *s, struct pool *p)
{
	(void)snprintf(s->meta.pool, sizeof(s->meta.pool), "%s", p->conf->pool);
	s->meta.paused_wall = p->paused_wall;
	(void)snprintf(s->meta.paused_by, sizeof(s->meta.paused_by), "%s",
		p->paused_by == NULL ? "" : p->paused_by);
	s->meta.hold = p->hold;
	s->meta.hold_wall = p->hold_wall;
	set_hold_reason(s, p->hold_reason);
	s->meta.hold_is_new = false;
	p->meta_dirty = false;
}
