/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The open ledger, for the files that read and write it, and its rows at start.
 */
#ifndef CORE_STORE_LOAD_H
#define CORE_STORE_LOAD_H

#include "core/store.h"

struct db;
struct launch;
struct starts;
struct worker;

struct store {
	struct db *db; /* owned */
	char *dir;     /* owned; NULL in memory */
	int lock_fd;
	struct starts *starts; /* owned; NULL in memory */
	struct secret key;
	struct store_meta meta;
	bool reserve_missing; /* given up, or there was no room for it */
	int64_t reserve_ms;   /* boottime: not made again before */
	int64_t purge_ms;     /* boottime of the next purge */
	/* SQL made from the column tables; owned, as long-lived as the database's statements. */
	char *worker_upsert, *launch_upsert, *instance_upsert, *owner_upsert,
		*request_upsert;
	char *worker_select, *launch_select, *instance_select, *owner_select,
		*request_select, *past_select;
};

/* A fresh key, for a ledger in memory; or that of the directory, made if there is none. */
void store_make_key(struct store *s);
int store_open_key(struct store *s, struct err *err);
/* The row of the ledger itself, made if there is none; boot: the present one's name. */
int store_read_meta(struct store *s, const char *boot, struct err *err);
int store_read_last_seq(struct store *s, struct err *err);
bool store_meta_is_dirty(const struct store *s, const struct pool *p);
/* The row over which starts have died is set aside, on disk, before it is read again. */
int store_convict(struct store *s, struct err *err);
int store_load_asides(struct store *s, struct pool *p, struct err *err);
/* Values that no version of ours writes, though their columns can hold them. ERR_PARSE. */
int store_check_worker(const struct worker *w, struct err *err);
int store_check_launch(const struct launch *l, const struct worker *w, struct err *err);
/* Sets the workers aside of which one table says what another denies. */
int store_find_contradictions(struct store *s, struct pool *p, struct err *err);
bool store_asides_dirty(const struct pool *p);
/* See store_load. */
int store_load_rows(struct store *s, struct pool *p, struct err *err);

#endif
