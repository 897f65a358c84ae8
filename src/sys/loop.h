/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one event loop, over libevent: descriptors, timers on boottime, signals, and the
 * turn. One turn = ready callbacks, pokes run to rest (bounded), the commit, the
 * outbox, deferred frees.
 *
 * The contract of everything asynchronous in this program:
 * 1. A start function returns a handle. Its callback runs exactly once, never before
 *    the start function returned, never after a cancel. Cancel is immediate and final.
 * 2. A completion records and pokes; it starts nothing itself.
 * 3. No nested loops, no sleeping, no name lookups on this thread.
 * 4. What must not happen before the turn's changes are on disk goes to the outbox.
 */
#ifndef SYS_LOOP_H
#define SYS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct event_base;
struct loop;
struct loop_fd;
struct loop_signal;

typedef void loop_fn(void *arg);
/* what: LOOP_READ, LOOP_WRITE or both. */
typedef void loop_fd_fn(void *arg, int fd, unsigned what);
/* The commit of a turn: 0, or -1 if the outbox must be kept for a later turn. */
typedef int loop_commit_fn(void *arg);

#define LOOP_READ 1u
#define LOOP_WRITE 2u

struct loop *loop_new(struct err *err);
/* Runs until loop_stop. */
void loop_run(struct loop *loop);
/* Ends loop_run after the present turn. */
void loop_stop(struct loop *loop);
/* That has been asked for, and loop_run has not ended since. */
bool loop_is_stopping(const struct loop *loop);
/*
 * One turn: waits at most until something is ready (wait) or not at all, then commit
 * and outbox. For tests and for simulations: with the fake clock it never waits, and
 * it is for the caller to advance the clock to loop_next_due_ms().
 */
void loop_turn(struct loop *loop, bool wait);
/* When the earliest timer is due (boottime ms), INT64_MAX if none. */
int64_t loop_next_due_ms(const struct loop *loop);
/* What turns took, from the end of the wait to the end of the turn. */
struct loop_stats {
	uint64_t turns;
	int64_t busy_ms, longest_ms;
};
const struct loop_stats *loop_stats(const struct loop *loop);
/* Whatever uses the loop is freed before it. */
void loop_free(struct loop *loop);

/*
 * Called once at the end of each turn, before the outbox. NULL fn: always good. After a
 * -1 with an outbox that is not empty, a turn comes by itself within a second.
 */
void loop_set_commit(struct loop *loop, loop_commit_fn *fn, void *arg);

/* A timer; embed it, zeroed, then loop_timer_init. */
struct loop_timer {
	struct loop *loop; /* borrowed, outlives us */
	loop_fn *fn;
	void *arg;
	int64_t due_ms; /* boottime; meaningful while armed */
	uint64_t order; /* of arming: those due together fire in this order */
	unsigned index; /* place in the loop's heap, 0 when not armed */
};

void loop_timer_init(struct loop_timer *t, struct loop *loop, loop_fn *fn, void *arg);
/*
 * Arms at an absolute boottime; a past one fires in the next turn. Arming again
 * replaces. At most 256 fire in one turn, so that a resume with thousands starves
 * nobody.
 */
void loop_timer_at(struct loop_timer *t, int64_t due_ms);
void loop_timer_in(struct loop_timer *t, int64_t delay_ms);
/* Fine when not armed or never initialised. */
void loop_timer_clear(struct loop_timer *t);
bool loop_timer_armed(const struct loop_timer *t);

/* A place in one of the loop's two queues; for loop.c alone. */
struct loop_call {
	struct loop *loop; /* borrowed, outlives us */
	loop_fn *fn;
	void *arg;
	struct loop_call *next, *prev;
	bool queued;
};

/* A deferred, coalescing call in this turn; embed it, zeroed, then loop_poke_init. */
struct loop_poke {
	struct loop_call call;
};

void loop_poke_init(struct loop_poke *p, struct loop *loop, loop_fn *fn, void *arg);
/* fn runs once in this turn (or the next, when the bound of 100 rounds is reached). */
void loop_poke(struct loop_poke *p);
/* Fine when not queued or never initialised. */
void loop_poke_clear(struct loop_poke *p);

/*
 * Runs fn once, after the commit of this turn. A zeroed struct, embedded; as
 * loop_poke. What an outbox callback pokes or puts runs in the next turn, which then
 * does not wait.
 */
struct loop_outbox {
	struct loop_call call;
};

void loop_outbox_init(struct loop_outbox *o, struct loop *loop, loop_fn *fn, void *arg);
void loop_outbox_put(struct loop_outbox *o);
/*
 * The same, for what depends on no change of this turn: runs behind the rest of the
 * outbox, and also when the commit fails.
 */
void loop_outbox_put_anyway(struct loop_outbox *o);
void loop_outbox_clear(struct loop_outbox *o);

/*
 * Calls free_fn(ptr) at the end of the turn: for what is freed inside its own callback.
 * Outside of a turn: at the end of the next one, or in loop_free.
 */
void loop_defer_free(struct loop *loop, loop_fn *free_fn, void *ptr);

/*
 * Watches a descriptor, which stays the caller's and open. want: LOOP_READ |
 * LOOP_WRITE, or 0 for later.
 */
struct loop_fd *loop_fd_new(struct loop *loop, int fd, unsigned want, loop_fd_fn *fn,
	void *arg);
void loop_fd_want(struct loop_fd *f, unsigned want);
void loop_fd_free(struct loop_fd *f);

/* One loop of a process may watch signals. Several before a turn may be one call. */
struct loop_signal *loop_signal_new(struct loop *loop, int signum, loop_fn *fn,
	void *arg);
void loop_signal_free(struct loop_signal *s);

/* For sys/httpd and sys/http alone. Borrowed. */
struct event_base *loop_event_base(struct loop *loop);

#endif
