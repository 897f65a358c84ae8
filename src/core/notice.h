/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What deserves a mail, and the spool: a row per (mail, recipient) in the ledger, tried
 * until the relay takes it, refuses it for good, or three days have passed.
 */
#ifndef CORE_NOTICE_H
#define CORE_NOTICE_H

#include "core/types.h"

struct conf;
struct episode;
struct health;
struct http;
struct instance;
struct notices;
struct worker;

/* One mail to one recipient, as in the ledger. Strings owned. */
struct notice_row {
	int64_t id; /* counts up from the highest in the ledger */
	char *recipient, *subject, *body, *message_id;
	int64_t created_wall, next_wall;
	unsigned tries;
	bool put_off;     /* for what else there may be to say to its recipient */
	bool dirty, over; /* over: the row is deleted by the next commit */
	bool at_once;     /* does not wait for the commit that writes it */
	char *console_of; /* owned; waits for this instance's console until next_wall, or NULL */
	struct notice_row *next, *prev;
};

/* http may be NULL: then mails wait (simulations). */
struct notices *notices_new(struct loop *loop, struct http *http,
	const struct conf *conf);
void notices_set_conf(struct notices *n, const struct conf *conf);
/* Where is told that mails do not leave; borrowed, outlives its use. Without: nowhere. */
void notices_set_health(struct notices *n, struct health *health);
/* For store.c: all rows; a loaded row is given to notices_adopt. */
struct notice_row *notices_rows(struct notices *n);
/* Since the process began. */
struct notice_counts {
	uint64_t spooled, accepted, put_off, dropped;
};
const struct notice_counts *notices_counts(const struct notices *n);
size_t notices_count(const struct notices *n);
void notices_adopt(struct notices *n, struct notice_row *row);
/* A row that is not taken up has this number, so no other will. */
void notices_skip(struct notices *n, int64_t id);
bool notices_dirty(const struct notices *n);
/* The commit has written them: what was over is forgotten, what is due may leave. */
void notices_written(struct notices *n);
/* Mails everyone in the worker's notify_on_missing, in the spool with this turn's commit:
   err is ERR_MISSING, and the mail waits for the console of i; or why the start failed. */
void notice_missing(struct notices *n, const struct worker *w, const struct instance *i,
	const struct err *err);
/*
 * Mails everyone who is in any worker's notify_on_missing what is wrong. That the ledger
 * cannot be written is told without it: then a crash may mean one mail more.
 */
void notice_condition(struct notices *n, const struct episode *e);
/* The console of an instance has come, or will not (len 0): mails that waited for it may leave. */
void notices_console(struct notices *n, const struct instance *i, const char *text,
	size_t len);
/* Sends what is due; after start-up. */
void notices_start(struct notices *n);
void notices_free(struct notices *n);

#endif
