/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A launch: one client token, one frozen request, from the intent on disk to a definite
 * answer. Rules L1 to L12 of the launch protocol live in its phase table.
 */
#ifndef CORE_LAUNCH_H
#define CORE_LAUNCH_H

#include "core/types.h"

struct cloud;
struct ec2_call;
struct ec2_instance;
struct ec2_slot;
struct instance;
struct placement;
struct pool;
struct poller;
struct worker;

#define LAUNCH_ID_SIZE 37 /* a UUID and NUL */
/* A generation above it is no count of anything. */
#define GENERATION_MAX INT64_C(1000000000000)

enum launch_phase {
	LAUNCH_RESERVED, /* nothing sent, or only what certainly had no effect: nothing exists */
	LAUNCH_SENDING,  /* bytes may have left */
	LAUNCH_UNKNOWN,  /* may exist; its token is asked again */
	LAUNCH_WATCH,    /* given up, may still appear: listings decide */
	LAUNCH_ANSWERED, /* its instance is known and has its own row */
	LAUNCH_GONE,     /* over */
	LAUNCH_COUNT
};

struct launch {
	struct pool *pool;     /* borrowed */
	struct worker *worker; /* borrowed, outlives us */
	char id[LAUNCH_ID_SIZE];
	char token[LAUNCH_ID_SIZE];
	int64_t generation;
	enum launch_phase phase;
	enum launch_phase was; /* before that, in this process */
	int64_t phase_wall;
	bool over; /* the name is free: nothing of this launch can hurt a successor */
	bool unwanted; /* the wish behind it is gone */

	struct cloud *cloud;   /* borrowed from the pool */
	struct poller *poller; /* borrowed from the pool */
	char *region, *credentials, *zone, *subnet, *type, *image, *market,
		*bid;               /* owned; frozen */
	char *elastic_ip, *volumes; /* owned; frozen: equip.h; NULL: none */
	char *body;                 /* owned; canonical, secrets as references */
	char *user_data;            /* owned; frozen template, or NULL */
	char digest[65];            /* SHA-256 of the finished body */
	bool generated;             /* its password is HMAC(key file, launch, worker) */
	bool holds; /* has an address or a volume: the name waits for `terminated` */

	unsigned sends;                /* times bytes may have left */
	int64_t first_wall, last_wall; /* first and last send */
	int64_t last_ms; /* boottime of the last send in this process, or 0 */
	int64_t unwanted_ms; /* boottime since when nobody wants an unresolved launch, or 0 */
	struct deadline watch; /* end of the window */
	int64_t created_wall;
	int64_t reserved_ms; /* boottime of its making in this process, or 0 */
	unsigned tries;      /* backs off; reset by each change of phase */
	int64_t try_ms;      /* boottime: not before */
	struct err error;    /* what ended or troubles it */

	struct instance *instance; /* of the answer; owned by the pool, NULL before */
	unsigned instances;        /* rows that refer to us: one, and any twins */
	struct ec2_slot *slot; /* a place in the launch window, asked for or granted */
	struct ec2_call *op;   /* the send or lookup in flight */
	struct loop_timer timer;
	struct loop_poke poke;
	struct loop_outbox outbox; /* the send, after the commit */
	bool dirty;
	struct launch *next_dirty;
	struct launch *next_of_worker;
	UT_hash_handle hh; /* by id */
};

const char *launch_phase_name(enum launch_phase phase);
/* LAUNCH_COUNT if none. */
enum launch_phase launch_phase_find(const char *name);

/*
 * Freezes a launch for the worker's present generation, there, and reserves it (L1). NULL and
 * err (reason config) if the request cannot be built.
 */
struct launch *launch_reserve(struct worker *w, const struct placement *at,
	struct err *err);
/* The wish is gone: cancelled if nothing can exist, else resolved and condemned. */
void launch_unwant(struct launch *l, const struct cause *cause);
/* A listing shows an instance of this launch (by token or tag). */
void launch_sighted(struct launch *l, struct ec2_instance *seen, const char *where);
/* A complete listing, begun at began_ms (boottime), has been applied. */
void launch_listed(struct launch *l, int64_t began_ms);
/* Joins pool and worker; for launch_reserve and for rows of the ledger. */
void launch_init(struct launch *l, struct pool *pool, struct worker *w);
/* The first step after a restart. */
void launch_resume(struct launch *l);
/* Whether the phase table has this edge. */
bool launch_phase_leads_to(enum launch_phase from, enum launch_phase to);
/* Looks at the facts and starts what is missing; idempotent. Runs from timer, poke and start-up. */
void launch_step(struct launch *l);
/* The pool launches again: one that waited for that goes on. */
void launch_may_send_again(struct launch *l);
/* An admin ends a watch. ERR_INVALID if it is in no watch. */
int launch_abandon(struct launch *l, const struct cause *cause, struct err *err);
/* The name is free from now on. */
void launch_release_name(struct launch *l);
/* Its instance is gone: so is the launch. */
void launch_instance_gone(struct launch *l, const char *reason);
/* The password its user data has or would have; the caller's. */
void launch_password(const struct launch *l, struct secret *ret);
/* Cancels timers and operations; for teardown only (a send that may have left is just forgotten: the ledger knows it). */
void launch_free(struct launch *l);

#endif
