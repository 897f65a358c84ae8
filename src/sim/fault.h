/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fault rules: which requests go wrong, when, and how. Rules are asked in their order,
 * and the first that fires decides; a rule counts only the requests that reach it. With
 * one seed and one order of requests the same faults happen again.
 */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include "base/field.h"

struct err;
struct sim_cloud;
struct sim_faults;
struct sim_params;

/* Names and descriptions stand in fault.c. */
enum sim_effect {
	SIM_EFFECT_ERROR,
	SIM_EFFECT_THROTTLE,
	SIM_EFFECT_DROP,
	SIM_EFFECT_RESET,
	SIM_EFFECT_CUT,
	SIM_EFFECT_LENGTH,
	SIM_EFFECT_DELAY,
	SIM_EFFECT_TWICE,
	SIM_EFFECT_HTML,
	SIM_EFFECT_GARBAGE,
	SIM_EFFECT_EMPTY,
	SIM_EFFECT_STICK,
	SIM_EFFECT_FAIL,
	SIM_EFFECT_COUNT
};

/* A rule as it is written; see sim_fault_fields for what each member means. */
struct sim_fault {
	char *action, *worker, *instance;
	struct strmap tags, params;
	int64_t nth, every, count;
	double probability;
	int effect; /* enum sim_effect */
	int state;  /* enum sim_state; -1: pending */
	bool after;
	char *code, *message;
	int64_t status, at, delay, retry_after;
};

extern const struct fields sim_fault_fields;

/* A rule at work. */
struct sim_rule {
	struct sim_fault fault;
	uint64_t id;
	int64_t matched, fired;
	unsigned users; /* the list, and each request that waits for its effect */
	struct sim_rule *next;
};

/* What a rule is held against; all borrowed. */
struct sim_fault_subject {
	const char *action;
	const char *region;
	const struct sim_params *params;
	const struct sim_cloud
		*cloud; /* for the tags of the instances that are named */
};

/* Checks what the rows cannot: at most one of nth, every, probability; members that the effect does not use. */
int sim_fault_check(const struct sim_fault *fault, struct err *err);

/* Copies all members into a zeroed one. */
void sim_fault_copy(struct sim_fault *to, const struct sim_fault *from);

struct sim_faults *sim_faults_new(uint64_t seed);
/* Takes the members of fault (and zeroes it). Returns the rule's id. */
uint64_t sim_faults_add(struct sim_faults *f, struct sim_fault *fault);
/* id 0: all. Returns how many there were. */
size_t sim_faults_remove(struct sim_faults *f, uint64_t id);
/* The first rule; ->next leads on. */
const struct sim_rule *sim_faults_list(const struct sim_faults *f);
/* The rule that fires for this request, or NULL. To be given back. */
struct sim_rule *sim_faults_pick(struct sim_faults *f,
	const struct sim_fault_subject *subject);
void sim_rule_release(struct sim_rule *rule); /* NULL is fine */
void sim_faults_free(struct sim_faults *f);

/* Whether the action is done at all: `after`, or an effect that needs its reply. */
bool sim_fault_acts(const struct sim_fault *fault);
const char *sim_effect_name(enum sim_effect effect);

#endif
