/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A named worker: wanted or not, its generation, attached or not, its deadlines, and who
 * waits for it. What carries the wish is a launch, then its instance.
 */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

#include "core/types.h"

struct aside;
struct conf_worker;
struct pool;
struct instance;
struct launch;
struct owner;
struct place;
struct poller;
struct request;
struct waiter;

/* What is stored. What users see is worker_state(). */
enum worker_phase {
	WORKER_IDLE, /* not wanted */
	WORKER_QUEUED, /* wanted; something older of this name is not out of the way yet */
	WORKER_PLACING, /* wanted; the next launch is being chosen, or waits for its time */
	WORKER_LAUNCHED, /* wanted; a launch or its instance carries the wish */
	WORKER_COUNT
};

/* Buildbot's words, computed from what is wanted and what is there (DESIGN 4). */
enum worker_state {
	WORKER_NOT_SUBSTANTIATED,
	WORKER_SUBSTANTIATING,
	WORKER_SUBSTANTIATED,
	WORKER_INSUBSTANTIATING,
	WORKER_STATE_COUNT
};

struct worker {
	struct pool *pool; /* borrowed, outlives us */
	char *name;        /* owned; the hash key */
	/* A counted reference; kept after removal from the file. */
	struct conf_worker *conf;
	bool removed; /* no longer in the configuration: no new start */
	bool stale;   /* what runs was made from another configuration */
	struct aside *
		aside; /* borrowed from the pool; its rows were not taken up; or NULL */

	enum worker_phase phase;
	int64_t phase_wall; /* since when */
	int64_t generation; /* of the latest substantiation; 0: never */
	char *by, *reason;  /* owned; who asked for this generation, and why; or NULL */
	bool attached;
	int64_t attached_wall; /* of the last change of attached, 0 never */
	int64_t building;      /* builds now running */
	char *build;           /* owned; the build last named, or NULL */
	struct owner *owner; /* borrowed; reported that last over a session; or NULL */
	struct deadline missing, idle; /* until attached; for lack of builds */
	bool failure_told; /* a mail says that starts fail; until one succeeds */
	bool adopted; /* its machine was found by its tags, in a HOLD that is still on */
	bool held;    /* kept for a look: missing and idle are frozen until released */
	struct err last_error; /* ERR_NONE if there was none in this generation */
	bool launched_once;    /* this generation has had an instance or may have */
	int64_t try_ms;        /* boottime: not placed again before */
	int64_t unseen_ms; /* boottime: only a listing begun later tells what runs under its name; or 0 */
	struct place *place; /* owned; NULL: none was looked for */

	/* Owned by the pool: the one that holds the name (open member), or NULL. */
	struct launch *launch;
	struct launch *launches;  /* all that are not gone, by `next_of_worker` */
	enum worker_state state;  /* as last told to the world */
	struct request *requests; /* borrowed; those whose outcome is open */
	struct waiter *waiters;   /* owned */
	struct waiter *waiter_at; /* the next one, while they are answered */
	/* Borrowed from the pool; of the next launch; NULL: not looked up. */
	struct poller *poller;
	struct event_ring *recent; /* owned; its latest events */

	struct loop_timer timer;
	struct loop_poke poke;
	bool dirty;
	struct worker *next_dirty;
	UT_hash_handle hh;
};

/* Both for the pool. conf may be NULL for a worker that only the ledger knows. */
struct worker *worker_new(struct pool *pool, const char *name,
	struct conf_worker *conf);
void worker_free(struct worker *w);
/* Looks at the facts and starts what is missing; idempotent. */
void worker_step(struct worker *w);
/* The pool launches again, or the name has become free: what waited for that goes on. */
void worker_may_launch_again(struct worker *w);
/* Something that rested is free: those that wait for a place look again. */
void workers_place_again(struct pool *p);
/* A launch of it has ended without an instance, or its instance has died or is dying, unasked. */
void worker_launch_failed(struct worker *w, struct launch *l, bool was_ready,
	const struct err *err);
/* What its instance is to have cannot be had: that ends the wish (L15). */
void worker_not_equipped(struct worker *w, struct launch *l, const struct err *err);
/* Attached, and all that it needs is there: no longer waited for. */
void worker_is_up(struct worker *w);
/* Its launch of this generation has a machine or may have one; older ones do not count. */
void worker_launched(struct worker *w, int64_t generation);
/* Something of its launches changed that waiters or the state may depend on. */
void worker_changed(struct worker *w);
/* What EC2 said, for last_error; of an older generation it is nobody's business now. */
void worker_note_error(struct worker *w, int64_t generation, const struct err *err);
/* Emits an event of this worker. type: enum event_type. */
void worker_event(struct worker *w, int type, const struct launch *l, const char *from,
	const char *to, const struct cause *cause);

/*
 * Wants the worker up: joins what is under way, or begins the next generation
 * (w->generation afterwards). ERR_UNAVAILABLE when removed or stopping.
 */
int worker_substantiate(struct worker *w, const struct cause *cause, const char *build,
	struct err *err);
/*
 * Withdraws the wish. generation 0: whichever is current. An older one: nothing is done,
 * *ret_done false; a newer one: ERR_STALE_GENERATION. Asked for again, or of a worker that
 * is down: success, and *ret_done true, so that who waits joins.
 */
int worker_insubstantiate(struct worker *w, int64_t generation,
	const struct cause *cause, bool *ret_done, struct err *err);
/*
 * Facts. generation 0 and instance_id NULL: not given. ERR_STALE_GENERATION,
 * ERR_UNEXPECTED_ATTACH. building < 0: one more, one less.
 */
int worker_attached(struct worker *w, int64_t generation, const char *instance_id,
	const struct cause *cause, struct err *err);
int worker_detached(struct worker *w, int64_t generation, const char *instance_id,
	const struct cause *cause, struct err *err);
int worker_build_started(struct worker *w, int64_t generation, const char *build,
	int64_t building, const struct cause *cause, struct err *err);
int worker_build_finished(struct worker *w, int64_t generation, const char *build,
	int64_t building, const struct cause *cause, struct err *err);
/*
 * Keeps what is up, or coming up, for a look: its limits stand still until it is released
 * or stopped, over a restart too. ERR_UNAVAILABLE if it is down. Fine when held already.
 */
int worker_hold(struct worker *w, const struct cause *cause, struct err *err);
/* Its limits go on with what remained. Fine when not held. */
void worker_release(struct worker *w, const struct cause *cause);
/* The password in use: fixed in any state, generated while a launch has it. ERR_UNAVAILABLE else. */
int worker_password(const struct worker *w, struct secret *ret_password,
	struct err *err);

#endif
