/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: SQLite rows to structs at start, dirty structs to rows at the end of each
 * turn, in one transaction. Owns the state directory's lock, the schema and the key
 * file.
 */
#ifndef CORE_STORE_H
#define CORE_STORE_H

#include "core/types.h"

struct event;
struct instance;
struct notice_row;
struct pool;
struct store;

struct store_meta {
	char lineage[37]; /* made with the pool's first ledger */
	int64_t epoch;    /* creation time of this ledger, wall ms */
	char pool[33];    /* "" in a new ledger */
	int64_t last_seq;
	int64_t paused_wall; /* 0: not paused */
	char paused_by[64];
	bool hold;
	bool hold_is_new;      /* begun by this start, and not written since */
	int64_t hold_wall;     /* 0: not on HOLD */
	char hold_reason[256]; /* "" then */
	bool same_boot;        /* boottimes in the rows are of the present boot */
};

/* dir NULL: in memory, without lock and with a random key (tests). ERR_CONFIG. */
struct store *store_open(const char *dir, struct err *err);
void store_close(struct store *s);
const struct store_meta *store_meta(const struct store *s);
/* The key file's content as hex; borrowed. */
const char *store_key(const struct store *s);

/* Fills pool->workers' rows, launches and instances. ERR_IO. */
int store_load(struct store *s, struct pool *p, struct err *err);

/*
 * The row that start-up has in hand now, for the case that it dies of it; NULL: none. After
 * store_started nothing is noted any more.
 */
void store_take(struct store *s, const char *kind, const char *id);
/* The loop has turned: this start has not died. */
void store_started(struct store *s);
/*
 * So long a start should wait, for *ret_deaths starts before it have died one after the
 * other; 0 as a rule.
 */
int64_t store_start_delay_ms(const struct store *s, unsigned *ret_deaths);
/* The highest generation of this worker that any row speaks of. */
int64_t store_last_generation(struct store *s, const char *worker);

enum store_known {
	STORE_KNOWS_NOTHING, /* or only that this launch, of this token, is over */
	STORE_KNOWS,
	STORE_KNOWS_BETTER, /* that launch has made another instance, or by another token */
	STORE_CANNOT_SAY, /* err says why */
};
/* What an instance says of itself. */
struct store_claim {
	const char *worker, *launch, *token /* or NULL */, *instance;
};
/* What is written of it, whatever is in memory. */
enum store_known store_knows(struct store *s, const struct store_claim *claim,
	struct err *err);

/* Whether a launch, by its id, is not over, or its instance is not. */
enum store_known store_owns(struct store *s, const char *launch, struct err *err);
/*
 * A volume made at made_wall bears this launch's tags: the row shows that the launch, which is
 * over, was sent then, and that no disk of it was to stay. Where nothing is known, false.
 */
bool store_disks_go(struct store *s, const char *launch, int64_t made_wall);

enum store_result {
	STORE_OK,
	STORE_LATER, /* no space, or locked: nothing written, everything still dirty */
	STORE_FATAL, /* the process must end */
};
/* One transaction of all that is dirty; cleans it when written. */
enum store_result store_flush(struct store *s, struct pool *p, struct err *err);

/*
 * What is still known of the instance of a generation that has ended: a row without launch
 * and pool. NULL if there was none, or it is forgotten. Free it with store_past_free.
 */
struct instance *store_past_instance(struct store *s, const char *worker,
	int64_t generation);
void store_past_free(struct instance *i);

/* A piece of the history: what lies beyond seq, at most limit records. */
struct store_page {
	int64_t seq;
	size_t limit;
};

/* A worker's events older than page.seq (0: the newest), newest first. */
typedef void store_event_fn(void *arg, const struct event *event);
int store_history(struct store *s, const char *worker, struct store_page page,
	store_event_fn *fn, void *arg, struct err *err);
/*
 * All events above page.seq, oldest first, until fn returns false or the limit is read.
 * *ret_more: there may be others. One of a type that only a later version knows has
 * EVENT_TYPE_COUNT.
 */
typedef bool store_replay_fn(void *arg, const struct event *event);
int store_replay(struct store *s, struct store_page page, store_replay_fn *fn,
	void *arg, bool *ret_more, struct err *err);

#endif
