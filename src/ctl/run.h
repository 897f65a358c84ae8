/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the verbs do their work: one call, page by page, or many at once.
 */
#ifndef CTL_RUN_H
#define CTL_RUN_H

#include "ctl/verb.h"

#include <stdbool.h>
#include <stdint.h>

struct err;

verb_run run_once;       /* one call, one result */
verb_run run_check;      /* as run_once; a worker that is not well is a failure */
verb_run run_pages;      /* worker.list until there is no cursor */
verb_run run_many;       /* a call for each worker, at the same time */
verb_run run_call;       /* the method and its parameters are words */
verb_run run_events;     /* line by line */
verb_run run_watch;      /* the list, again whenever something happens */
verb_run run_completion; /* the script of a shell */
verb_run run_complete;   /* what such a script asks for */

/* Before a call without a waiting parameter is given up. */
#define RUN_PATIENCE_MS 30000
/* What the daemon gets more than its own time limit. */
#define RUN_GRACE_MS 5000

/* The result as the verb shows it, or as JSON. */
void run_show(const struct ctl *c, const struct verb *v, const json_t *result);
/* How long to wait for the answers: 0 for ever. */
int64_t run_patience(const struct ctl *c, const struct verb *v);
/*
 * Appends all workers that params of worker.list select. -1: the connection was lost, and
 * err says so; or an error was shown and stands in c->code.
 */
int run_list(struct ctl *c, const struct verb *v, json_t *params, json_t *workers,
	struct err *err);
/*
 * A new connection after one was lost. It is tried until --timeout has passed since
 * began_ms; without one for RUN_PATIENCE_MS after the first of several losses in a row
 * (*lost_ms, 0 before it). False and err: there is none.
 */
bool run_reconnect(struct ctl *c, int64_t began_ms, int64_t *lost_ms, struct err *err);
/* The end of a connection that was expected to bring answers. */
void run_lost(struct ctl *c, const struct err *err);
/* The same, unless an error was shown. */
void run_failed(struct ctl *c, const struct err *err);

#endif
