/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The open ledger, for the files that read and write it, and its rows at start.
 */
#ifndef CORE_STORE_LOAD_H
#define CORE_STORE_LOAD_H

#include "core/store.h"

struct db;

struct store {
	struct db *db; /* owned */
	char *dir;     /* owned; NULL in memory */
	int lock_fd;
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
/* See store_load. */
int store_load_rows(struct store *s, struct pool *p, struct err *err);

#endif
