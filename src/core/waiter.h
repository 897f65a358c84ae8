/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for a worker to come up or to be gone. Waiters belong to their worker, and are
 * answered from its step: within a turn and before its commit, so that a reply leaves
 * behind that.
 */
#ifndef CORE_WAITER_H
#define CORE_WAITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct waiter;
struct worker;

enum wait_for { WAIT_RUNNING, WAIT_ATTACHED, WAIT_STOPPED, WAIT_STOPPED_FAST };

/*
 * err NULL: reached. Called once, from within a turn, never before worker_wait returned;
 * the waiter is no more by then.
 */
typedef void waiter_done(void *arg, struct worker *w, const struct err *err);

/*
 * Waits for the present generation (or, WAIT_STOPPED, for the end of the one and all
 * before). timeout_ms 0: for ever; at its end ERR_TIMEOUT, and the work goes on.
 */
struct waiter *worker_wait(struct worker *w, enum wait_for what, int64_t timeout_ms,
	waiter_done *done, void *arg);
/* How many wait for it. */
size_t worker_waiting(const struct worker *w);
/* Such a waiter waits for the end of this generation and all before instead. */
void waiter_set_generation(struct waiter *waiter, int64_t generation);
/* No callback any more. */
void waiter_cancel(struct waiter *waiter);

/* Whether the present generation is there now: WAIT_RUNNING or WAIT_ATTACHED. */
bool worker_has_reached(const struct worker *w, enum wait_for what);

/* For worker.c. */

/* Answers the waiters whose time has come. */
void waiters_check(struct worker *w);
/* The generation has ended: who waited for it to come up gets err. */
void waiters_fail(struct worker *w, const struct err *err);
/* Teardown: forgets all without a word. */
void waiters_drop(struct worker *w);

#endif
