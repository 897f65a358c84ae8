/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the worker machine share with each other and with the ledger.
 */
#ifndef CORE_WORKER_PRIV_H
#define CORE_WORKER_PRIV_H

#include "core/worker.h"

/* The stored phase's name; WORKER_COUNT if there is none of that name. */
const char *worker_stored_phase_name(enum worker_phase phase);
enum worker_phase worker_stored_phase_find(const char *name);
bool worker_phase_leads_to(enum worker_phase from, enum worker_phase to);

/* The one writer of the phase. */
void worker_set_phase(struct worker *w, enum worker_phase to);
/* Ends the wish with an event of that type; waiters for it get err. l: what failed, or NULL. */
void worker_fail(struct worker *w, int event, const struct launch *l,
	const struct err *err);
/* What is asked for its next launch is asked no more; a later step begins anew. */
void worker_drop_place(struct worker *w);
/* The configuration has changed; NULL: it has lost this worker. */
void worker_set_conf(struct worker *w, struct conf_worker *conf);
/* This cloud was listed: those that waited for that go on. */
void workers_listed(struct pool *p, const struct poller *poller);
/* It cannot be listed, and no waiting mends that: those that waited for the first time fail. */
void workers_not_listed(struct pool *p, const struct poller *poller,
	const struct err *why);
/* The step of `placing`: towards a launch of its own. */
void worker_place(struct worker *w);

/* Who asked for this generation, and why. */
void worker_set_by(struct worker *w, const struct cause *cause);
/* Begins the next generation; the worker is idle. */
void worker_begin(struct worker *w, const struct cause *cause);
/* Sets one of its limits, which stands still while the worker is held; 0 clears it. */
void worker_limit(struct worker *w, struct deadline *d, int64_t delay_ms);
/* Arms missing_timeout from now; who is waited for is not idle. */
void worker_await_attach(struct worker *w);
/* Ends the wish: waiters for it get err, what carries it is no longer wanted. */
void worker_end(struct worker *w, const struct cause *cause, const struct err *err);

#endif
