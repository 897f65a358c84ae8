/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What exists: instances with their states and bills, the launches that made them, the
 * client tokens, and beside them volumes and addresses. Time passes by sim_cloud_advance
 * alone. Nothing is forgotten before a reset: the ledger is made from it.
 */
#ifndef SIM_CLOUD_H
#define SIM_CLOUD_H

#include "instance.h"

struct sim_addresses;
struct sim_cloud;
struct sim_volumes;

/* How long things take, in ms. */
struct sim_times {
	int64_t pending;  /* pending to running */
	int64_t shutdown; /* shutting-down to terminated, stopping to stopped */
	int64_t visible; /* before a new instance is found by anything but its launch */
	int64_t tags;    /* a terminated instance keeps its tags */
	int64_t gone;    /* a terminated instance is found */
	int64_t volume;  /* a volume is made, attached, detached */
};

/* A limit on live instances of what matches all three patterns. */
struct sim_capacity {
	char *type, *zone, *market; /* patterns */
	int64_t available;
	int64_t linger; /* ms that one counts on after its end */
	char *code;     /* the error; NULL: InsufficientInstanceCapacity */
};

#define SIM_INSTANCES_MAX 2000000

/* times is borrowed and may change. seed 0: ids differ in every run. */
struct sim_cloud *sim_cloud_new(const struct sim_times *times, uint64_t seed);
/* Forgets everything. */
void sim_cloud_clear(struct sim_cloud *c);
void sim_cloud_free(struct sim_cloud *c);
/* Told after each change of a state; from is the state before, to it itself for a new instance. */
void sim_cloud_watch(struct sim_cloud *c, sim_instance_fn *fn, void *arg);

/* Does what is due at clock_ms(). */
void sim_cloud_advance(struct sim_cloud *c);
/* When the next thing is due (boottime ms), INT64_MAX if nothing is. */
int64_t sim_cloud_next_due_ms(const struct sim_cloud *c);

/* The launch that used this token in this scope (zone "" for a regional one), or NULL. */
struct sim_launch *sim_cloud_find_token(const struct sim_cloud *c, const char *region,
	const char *zone, const char *token);
/* How many more could live beside those that match; INT64_MAX without a rule. ret_rule may be NULL. */
int64_t sim_cloud_room(const struct sim_cloud *c, const struct sim_launch *launch,
	const struct sim_capacity *rules, size_t count,
	const struct sim_capacity **ret_rule);
/*
 * Takes the launch, remembers its token, and makes count pending instances with the
 * tags and disks of the launch.
 */
void sim_cloud_launch(struct sim_cloud *c, struct sim_launch *launch, size_t count);

/* An instance that can be found there now, or NULL. */
struct sim_instance *sim_cloud_find(const struct sim_cloud *c, const char *region,
	const char *id);
/* In whatever region, visible or not, unless it is forgotten. */
struct sim_instance *sim_cloud_find_anywhere(const struct sim_cloud *c, const char *id);
/* Whether it has become visible and is not yet forgotten. */
bool sim_cloud_shows(const struct sim_cloud *c, const struct sim_instance *i);
/* The same for a copy that lags by a share of the whole. */
bool sim_cloud_shows_to(const struct sim_cloud *c, const struct sim_instance *i,
	double share);
/* The first that was not forgotten when we last looked; ->next leads on in the order of launch. */
struct sim_instance *sim_cloud_first(const struct sim_cloud *c);
/* All, in the order of launch, forgotten or not. */
struct sim_instance *sim_cloud_at(const struct sim_cloud *c, size_t index);
size_t sim_cloud_count(const struct sim_cloud *c);
struct sim_volumes *sim_cloud_volumes(const struct sim_cloud *c);
struct sim_addresses *sim_cloud_addresses(const struct sim_cloud *c);

/* Toward terminated, unless it is on its way. Reason as in EC2-WIRE.md 5; both borrowed for ever. */
void sim_cloud_terminate(struct sim_cloud *c, struct sim_instance *i,
	const struct sim_reason *reason);
/* From running toward stopped. */
void sim_cloud_stop(struct sim_cloud *c, struct sim_instance *i,
	const struct sim_reason *reason);
/* From stopped toward running. */
void sim_cloud_start(struct sim_cloud *c, struct sim_instance *i);
/* The machine switched itself off: stop or terminate, as the launch said. */
void sim_cloud_power_off(struct sim_cloud *c, struct sim_instance *i);
/* By the control door: straight into a state. */
void sim_cloud_force(struct sim_cloud *c, struct sim_instance *i, enum sim_state state);
/* A stuck instance stays in its state until forced or freed, then also of what awaits it later. */
void sim_cloud_stick(struct sim_cloud *c, struct sim_instance *i, bool stuck);
/* The same, from when it comes into that state. */
void sim_cloud_stick_in(struct sim_cloud *c, struct sim_instance *i,
	enum sim_state state);
/* A pending one will not run, but be terminated with this stateReason/code. */
void sim_cloud_fail(struct sim_instance *i, const char *code);
/* A number below count, the same in every run with a seed. */
unsigned sim_cloud_pick(struct sim_cloud *c, unsigned count);

/* A fresh id: prefix and 17 hex digits. */
void sim_cloud_make_id(struct sim_cloud *c, const char *prefix,
	char out[static SIM_ID_SIZE]);

#endif
