/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the past: a worker's, newest first, and everybody's in the order in which it
 * happened. Only what is committed is seen.
 */
#include "core/store.h"

#include "base/mem.h"
#include "core/event.h"
#include "core/store_load.h"
#include "sys/db.h"

#define EVENT_COLUMNS                                                                  \
	"seq, epoch, at, type, worker, generation, launch, instance, from_state,"      \
	" to_state, by, reason, aws_code, aws_message, aws_request_id"

/* The row of EVENT_COLUMNS; its strings are the statement's. */
static struct event
read_event(struct db_stmt *q)
{
	return (struct event){
		.seq = db_int(q, 0),
		.epoch = db_int(q, 1),
		.at = db_int(q, 2),
		.type = event_type_find(db_text(q, 3)),
		.worker = db_text(q, 4),
		.generation = db_int(q, 5),
		.launch = db_text(q, 6),
		.instance = db_text(q, 7),
		.from = db_text(q, 8),
		.to = db_text(q, 9),
		.by = db_text(q, 10),
		.reason = db_text(q, 11),
		.aws_code = db_text(q, 12),
		.aws_message = db_text(q, 13),
		.aws_request_id = db_text(q, 14),
	};
}

static int
ended(enum db_result result, struct err *err)
{
	return result == DB_DONE ? 0 : err_wrap(err, "ledger");
}

int
store_history(struct store *s, const char *worker, struct store_page page,
	store_event_fn *fn, void *arg, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db,
		"SELECT " EVENT_COLUMNS " FROM history"
		" WHERE worker = ? AND seq < ? ORDER BY seq DESC LIMIT ?");
	enum db_result result;

	db_bind_text(q, 1, worker);
	db_bind_int(q, 2, page.seq == 0 ? INT64_MAX : page.seq);
	db_bind_int(q, 3, (int64_t)page.limit);
	while ((result = db_step(q, err)) == DB_ROW) {
		struct event e = read_event(q);

		if (e.type != EVENT_TYPE_COUNT)
			fn(arg, &e);
	}
	return ended(result, err);
}

int
store_replay(struct store *s, struct store_page page, store_replay_fn *fn, void *arg,
	bool *ret_more, struct err *err)
{
	struct db_stmt *q = db_stmt(s->db,
		"SELECT " EVENT_COLUMNS " FROM history"
		" WHERE seq > ? ORDER BY seq LIMIT ?");
	enum db_result result;
	size_t count = 0;

	db_bind_int(q, 1, page.seq);
	db_bind_int(q, 2, (int64_t)page.limit);
	while ((result = db_step(q, err)) == DB_ROW) {
		struct event e = read_event(q);

		count++;
		if (!fn(arg, &e)) {
			db_reset(q);
			*ret_more = true;
			return 0;
		}
	}
	*ret_more = count == page.limit;
	return ended(result, err);
}
