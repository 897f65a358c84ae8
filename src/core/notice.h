/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What deserves a mail, and the spool: a row per (mail, recipient) in the ledger, tried
 * until the relay takes it, refuses it for good, or three days have passed.
 */
#ifndef CORE_NOTICE_H
#define CORE_NOTICE_H

#include "core/types.h"

struct conf;
struct http;
struct instance;
struct notices;
struct worker;

/* One mail to one recipient, as in the ledger. Strings owned. */
struct notice_row {
	int64_t id; /* 0: not written yet */
	char *recipient, *subject, *body, *message_id;
	int64_t created_wall, next_wall;
	unsigned tries;
	bool dirty, over; /* over: the row is deleted by the next commit */
	struct notice_row *next, *prev;
};

/* http may be NULL: then mails wait (simulations). */
struct notices *notices_new(struct loop *loop, struct http *http,
	const struct conf *conf);
void notices_set_conf(struct notices *n, const struct conf *conf);
/* For store.c: all rows; a loaded row is given to notices_adopt. */
struct notice_row *notices_rows(struct notices *n);
void notices_adopt(struct notices *n, struct notice_row *row);
void notices_drop_row(struct notices *n, struct notice_row *row);
/*
 * Mails everyone in the worker's notify_on_missing: in the spool with this turn's
 * commit.
 */
void notice_missing(struct notices *n, const struct worker *w, const struct instance *i,
	const struct err *err, const char *console);
/* Sends what is due; after start-up. */
void notices_start(struct notices *n);
void notices_free(struct notices *n);

#endif
