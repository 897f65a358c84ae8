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

/* See store_load. */
int store_load_rows(struct store *s, struct pool *p, struct err *err);

#endif
