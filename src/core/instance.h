/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One EC2 instance of ours, from the id in an answer to the proof that it is gone.
 * Rules L10, L11, L14, L15 live in its phase table.
 */
#ifndef CORE_INSTANCE_H
#define CORE_INSTANCE_H

#include "core/types.h"

struct ec2_call;
struct ec2_instance;
struct equip;
struct launch;
struct pool;

enum instance_phase {
	INSTANCE_PENDING,   /* EC2 starts it */
	INSTANCE_RUNNING,   /* EC2 runs it */
	INSTANCE_EQUIPPING, /* address and volumes */
	INSTANCE_WAITING,   /* for its worker to attach */
	INSTANCE_READY,     /* attached and equipped */
	INSTANCE_CONDEMNED, /* must end; terminated again and again until proved gone */
	INSTANCE_GONE,      /* over, with proof */
	INSTANCE_COUNT
};

struct instance {
	struct pool *pool;     /* borrowed */
	struct launch *launch; /* borrowed; outlives us */
	char *id;              /* owned; "i-..." */
	unsigned idx;          /* ami-launch-index */
	enum instance_phase phase;
	int64_t phase_wall;

	int seen;        /* enum ec2_state, only ever forward */
	int64_t seen_ms; /* boottime when the listing that last showed it began; 0 never */
	char *type, *zone, *market, *image, *private_ip,
		*public_dns; /* owned; last known */
	int64_t launched_wall;
	char *death; /* owned; stateReason, "code: text", or NULL */
	struct deadline
		pending; /* pending_timeout; condemned: how long the console may take */

	char *condemned_by, *condemned_reason; /* owned; NULL unless condemned */
	int64_t condemned_wall;
	int64_t condemned_ms;    /* the same on boottime */
	bool terminate_accepted; /* at least once; no proof of anything */
	unsigned not_found;      /* sightings of NotFound since condemned */
	int64_t not_found_wall;  /* of the first */
	int64_t not_found_ms;    /* boottime of the first in this process; 0 never */
	bool absent; /* missing from a complete listing begun after the last NotFound */
	char *proof; /* owned; how we know that it is gone */

	int64_t lease_ms;     /* how long it lives unrenewed, by its tag; 0: for ever */
	int64_t lease_due_ms; /* boottime of the next renewal; core/lease.c's */
	bool lease_alone;     /* renewed by itself */

	unsigned tries;
	int64_t try_ms;
	struct equip *equip;      /* owned; while equipping, else NULL */
	struct ec2_call *op;      /* terminate in flight */
	struct ec2_call *look;    /* describe by id in flight */
	struct ec2_call *console; /* console in flight */
	int64_t look_ms;          /* boottime: not described again before */
	struct loop_timer timer;
	struct loop_poke poke;
	struct loop_outbox outbox;
	bool dirty;
	struct instance *next_dirty;
	UT_hash_handle hh; /* by id */
};

const char *instance_phase_name(enum instance_phase phase);
enum instance_phase instance_phase_find(const char *name); /* INSTANCE_COUNT if none */

/* The row of this id; made here, in pending, when a launch is answered or sighted. */
struct instance *instance_of(struct launch *l, const char *id);
/* Whether the phase table has this edge. */
bool instance_phase_leads_to(enum instance_phase from, enum instance_phase to);
/* The first step after a restart. */
void instance_resume(struct instance *i);
/* Asks for the console; told to the notices. A terminate waits for it, but not for long. */
void instance_fetch_console(struct instance *i);
/* What a listing or description shows, begun at began_ms (boottime). */
void instance_observe(struct instance *i, const struct ec2_instance *seen,
	int64_t began_ms);
/* A complete listing begun at began_ms does not have it. */
void instance_absent(struct instance *i, int64_t began_ms);
/* Asks EC2 by its id, unless that was done a moment ago. Whether it does. */
bool instance_look(struct instance *i);
/* Must end: on disk first, then TerminateInstances (L10). Fine when already condemned. */
void instance_condemn(struct instance *i, const struct cause *cause);
/* Its worker is wanted again while detached: ready -> waiting (L14). */
void instance_await(struct instance *i);
/* Runs, as far as we know: running to ready. */
bool instance_is_up(const struct instance *i);
/* Runs, and has what its launch is to have. */
bool instance_is_equipped(const struct instance *i);
/* Can hurt no successor: dying for certain. */
bool instance_is_dying(const struct instance *i);
void instance_step(struct instance *i);
/* The one writer of the phase, for instance.c and observe.c. */
void instance_set_phase(struct instance *i, enum instance_phase to,
	const struct cause *cause);
/* Joins pool and launch; id is set. For instance_of and for rows of the ledger. */
void instance_init(struct instance *i, struct launch *l);
void instance_free(struct instance *i);

#endif
