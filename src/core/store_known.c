/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the ledger has written of things that are in no memory: read once more right before
 * something ends.
 */
#include "core/store_load.h"
#include "core/store_priv.h"
#include "ec2/request.h"

#include <string.h>

#define MINUTE_MS (INT64_C(60) * 1000)
/* Clocks differ, and EC2 takes a signed request for 15 minutes (EC2.md L8). */
#define MADE_BEFORE_MS (15 * MINUTE_MS)
#define MADE_AFTER_MS (30 * MINUTE_MS)

/* A row is a number: 1 it is known, 2 and better. */
static enum store_known
said(enum db_result result, struct db_stmt *q)
{
	enum store_known known;

	switch (result) {
	case DB_DONE: return STORE_KNOWS_NOTHING;
	case DB_ROW:
		known = db_int(q, 0) == 2 ? STORE_KNOWS_BETTER : STORE_KNOWS;
		db_reset(q);
		return known;
	case DB_FULL:
	case DB_BUSY:
	case DB_CONSTRAINT:
	case DB_FATAL: break;
	}
	return STORE_CANNOT_SAY;
}

/* A launch's row lives a day, its history a month: both tell who was made by it. */
enum store_known
store_knows(struct store *s, const struct store_claim *claim, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db,
		"SELECT 1 FROM launch WHERE (launch = ?1 OR token = ?2)"
		" AND (phase <> 'gone' OR ?2 IS NULL)"
		" UNION SELECT 1 FROM instance WHERE instance = ?3 AND phase <> 'gone'"
		" UNION SELECT 2 FROM launch WHERE (launch = ?1 AND token <> ?2)"
		" OR (token = ?2 AND launch <> ?1)"
		" UNION SELECT 2 FROM history WHERE worker = ?4 AND launch = ?1"
		" AND instance <> ?3 AND NOT EXISTS(SELECT 1 FROM launch WHERE launch = ?1)"
		" ORDER BY 1 DESC LIMIT 1");

	db_bind_text(q, 1, claim->launch);
	db_bind_text(q, 2, claim->token);
	db_bind_text(q, 3, claim->instance);
	db_bind_text(q, 4, claim->worker);
	return said(db_step(q, err), q);
}

enum store_known
store_owns(struct store *s, const char *launch, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db,
		"SELECT 1 FROM launch WHERE launch = ?1 AND phase <> 'gone'"
		" UNION SELECT 1 FROM instance WHERE launch = ?1 AND phase <> 'gone'");

	db_bind_text(q, 1, launch);
	return said(db_step(q, err), q);
}

static bool
was_made_then(struct db_stmt *q, int64_t made_wall)
{
	return made_wall >= db_int(q, 1) - MADE_BEFORE_MS &&
		made_wall <= db_int(q, 2) + MADE_AFTER_MS;
}

bool
store_disks_go(struct store *s, const char *launch, int64_t made_wall)
{
	struct db_stmt *q = db_stmt(s->db,
		"SELECT body, first_sent_at, last_sent_at FROM launch"
		" WHERE launch = ?1 AND phase = 'gone' AND first_sent_at > 0");
	struct err err;
	bool go = false;

	db_bind_text(q, 1, launch);
	if (db_step(q, &err) != DB_ROW)
		return false;
	/* What is made up from tags (adopt.c) has no body. */
	go = db_text(q, 0)[0] != '\0' && !ec2_run_keeps_disks(db_text(q, 0)) &&
		was_made_then(q, made_wall);
	db_reset(q);
	return go;
}
