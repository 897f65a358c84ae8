/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All workers of one pool, with their launches, instances, clouds and pollers, and the
 * dirty rows of the turn. Everything of the core hangs from here.
 */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include "core/types.h"

struct aside;
struct cloud;
struct cloud_maker;
struct conf;
struct events;
struct http;
struct images;
struct instance;
struct launch;
struct glances;
struct health;
struct lookups;
struct notices;
struct orphans;
struct owner;
struct permits;
struct poller;
struct requests;
struct rests;
struct self;
struct store;
struct strings;
struct tally;
struct worker;

struct pool {
	struct loop *loop;               /* borrowed */
	struct store *store;             /* borrowed */
	const struct cloud_maker *maker; /* borrowed */
	const struct conf *conf; /* borrowed from the daemon; replaced by pool_reload */
	struct events *events;   /* owned */
	struct notices *notices; /* owned */
	struct tally *tally;     /* owned */
	struct health *health;   /* owned */
	struct rng rng;
	struct secret key; /* hex; passwords are derived from it */

	struct worker *workers;     /* hash by name, in the order of the file */
	struct launch *launches;    /* hash by id: all that are not gone */
	struct instance *instances; /* hash by id: all that are not gone */
	struct poller *pollers;     /* one per cloud */
	struct owner *owners;       /* hash by name */
	struct requests *requests;  /* owned */
	struct images *images;      /* owned */
	struct lookups *lookups;    /* owned */
	struct glances *glances;    /* owned */
	struct rests *rests;        /* owned; what EC2 refused lately */
	struct permits *permits;    /* owned; what the keys may do */
	struct orphans *orphans;    /* owned */
	struct self *self;          /* owned */
	char *own_instance; /* owned; the machine we run on, or NULL: none of EC2, or not known */
	struct worker *dirty_workers;
	struct launch *dirty_launches;
	struct instance *dirty_instances;
	struct owner *dirty_owners;
	struct aside *asides; /* owned; rows of the ledger that are not taken up */

	bool started;
	bool risen;          /* the loop has turned: starting cannot fail any more */
	bool retiring;       /* a poller may be left that only launches use */
	bool stopping;       /* no new launches: the daemon is going */
	bool degraded;       /* the ledger cannot be written: no new launches */
	char *degraded_text; /* owned; why */
	int64_t paused_wall; /* since when an admin wants no new launches; 0: not so */
	char *paused_by;     /* owned; NULL unless paused */
	bool hold;           /* what nobody owns is not touched; hold.c's */
	char *hold_reason;   /* owned; NULL unless on HOLD */
	int64_t hold_wall;   /* since when */
	int64_t hold_ms;     /* the same on boottime; 0 if before this process */
	bool meta_dirty;     /* the five above are not in the ledger yet */
	struct loop_poke settled; /* a condemned one has changed: daemon_stop looks */
	loop_fn *on_settled; /* an instance or launch has changed its phase; or NULL */
	void *on_settled_arg;
};

/* What a pool is made from; all borrowed. */
struct pool_parts {
	struct loop *loop;
	struct store *store;
	struct http *http; /* for mails; NULL: they wait (simulations) */
	const struct cloud_maker *maker;
	const struct conf *conf;
	uint64_t seed; /* of all jitter */
};

/*
 * Makes the pool from ledger and configuration, resumes what was under way. ERR_CONFIG if
 * the ledger's pool has another name.
 */
struct pool *pool_new(const struct pool_parts *parts, struct err *err);
/* Starts timers, steps and pollers; after the first commit. */
void pool_start(struct pool *p);
void pool_free(struct pool *p);

/* NULL if there is none; a removed worker of which nothing is left is hidden. */
struct worker *pool_find(const struct pool *p, const char *name);
struct worker *pool_find_any(const struct pool *p, const char *name); /* hidden too */
struct worker *pool_first(const struct pool *p);
struct worker *pool_next(const struct worker *w);
struct instance *pool_instance(const struct pool *p, const char *id);
struct launch *pool_launch(const struct pool *p, const char *id);

/* What a reload changed, by worker name; and sentences about what it may cost. */
struct pool_change {
	struct strings *added, *removed, *changed, *stale, *warnings;
};

/* The difference between the present configuration and fresh; nothing is changed. */
void pool_compare(const struct pool *p, const struct conf *fresh,
	struct pool_change *ret);
/* Swaps the configuration; running workers are undisturbed. The old one may be freed afterwards. */
void pool_reload(struct pool *p, const struct conf *fresh);

/* The poller (and so the cloud) of a worker's next launch, or that a row of the ledger names. */
struct poller *pool_poller(struct worker *w);
struct poller *pool_poller_of_row(struct worker *w, const char *region,
	const char *credentials);

/* A cloud has something to say by itself (poller_look). */
void pool_look_at_clouds(struct pool *p);
/* While the pool rises: this worker is being looked at, for the case that it is fatal; or NULL. */
void pool_take(struct pool *p, const struct worker *w);

/* Rows changed in this turn: written by the commit at its end. */
void pool_dirty_worker(struct worker *w);
void pool_dirty_launch(struct launch *l);
void pool_dirty_instance(struct instance *i);

/*
 * The commit at the end of a turn: all dirty rows and events in one transaction, then what
 * has gone leaves memory. The result is enum store_result.
 */
int pool_commit(struct pool *p, struct err *err);

/* Condemns everything that lives or may live (on_stop: terminate). */
void pool_condemn_all(struct pool *p, const struct cause *cause);
/* How many instances are not yet seen shutting down, and launches not resolved. */
size_t pool_living(const struct pool *p);

#endif
