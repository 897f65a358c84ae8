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

	int seen; /* enum ec2_state, only ever forward */
	/* boottime when the listing that last showed it began; 0 never */
	int64_t seen_ms;
	/* owned; last known */
	char *type, *zone, *market, *image, *private_ip, *public_dns;
	int64_t launched_wall;
	char *death;             /* owned; stateReason, "code: text", or NULL */
	struct deadline pending; /* pending_timeout */

	char *condemned_by, *condemned_reason; /* owned; NULL unless condemned */
	int64_t condemned_wall;
	bool terminate_accepted; /* at least once; no proof of anything */
	unsigned not_found;      /* sightings of NotFound since condemned */
	int64_t not_found_wall;  /* of the first */
	/* missing from a complete listing begun after the last NotFound */
	bool absent;
	char *proof; /* owned; how we know that it is gone */

	unsigned tries;
	int64_t try_ms;
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

/*
 * A launch's answer or sighting: the row is made here, in pending, condemned or gone.
 */
struct instance *instance_new(struct launch *l, const struct ec2_instance *seen);
/* What a listing or description shows, begun at began_ms (boottime). */
void instance_observe(struct instance *i, const struct ec2_instance *seen,
	int64_t began_ms);
/* A complete listing begun at began_ms does not have it. */
void instance_absent(struct instance *i, int64_t began_ms);
/*
 * Must end: on disk first, then TerminateInstances (L10). Fine when already condemned.
 */
void instance_condemn(struct instance *i, const struct cause *cause);
/* Its worker attached, detached, or is wanted again while detached. */
void instance_attached(struct instance *i);
void instance_await(struct instance *i);
void instance_step(struct instance *i);
void instance_free(struct instance *i);

#endif
