/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The truth of the fake cloud, for what answers about it: effects, now or later, and what
 * they leave behind.
 */
#ifndef SIM_FAKE_STATE_H
#define SIM_FAKE_STATE_H

#include "base/field.h"
#include "ec2/verdict.h"
#include "fake_cloud.h"

enum fake_kind {
	CALL_RUN,
	CALL_LIST,
	CALL_TOKEN,
	CALL_DESCRIBE,
	CALL_TERMINATE,
	CALL_CONSOLE,
	CALL_THING, /* of fake_things.c */
	CALL_TRIAL, /* of a terminate */
};

struct ec2_call {
	struct fake_cloud *cloud;
	enum fake_kind kind;
	struct loop_timer timer;
	union {
		ec2_instances_done *instances;
		ec2_console_done *console;
		ec2_images_done *images;
		ec2_prices_done *prices;
		ec2_subnets_done *subnets;
		ec2_volumes_done *volumes;
		ec2_addresses_done *addresses;
		ec2_key_pairs_done *key_pairs;
		ec2_groups_done *groups;
		ec2_types_done *types;
		ec2_offerings_done *offerings;
		ec2_zones_done *zones;
		ec2_parameter_done *parameter;
		ec2_leftovers_done *leftovers;
		ec2_done *plain;
	} done;
	void (*show)(struct ec2_call *c); /* calls back; NULL: with instances */
	void *arg;
	char key[80]; /* id, token, or instance type */
	char zone[32];
	int left_kind;              /* enum ec2_leftover_kind */
	struct strings ids, owners; /* owned */
	struct ec2_answer answer;
	int64_t seen_ms; /* the moment that a listing shows */
};

enum effect_kind {
	EFFECT_RUN,
	EFFECT_TERMINATE,
	EFFECT_ASSOCIATE,
	EFFECT_ATTACH,
	EFFECT_ATTACHED, /* what is attaching is attached */
};

/* An effect that happens whatever becomes of the process. */
struct fake_effect {
	int64_t due_ms;
	enum effect_kind kind;
	char id[24], token[40], launch[40], worker[72], lineage[40];
	char lease[40];
	char thing[32], device[32]; /* volume or allocation that id shall have */
	int64_t generation, epoch;
	struct fake_effect *next, *prev;
};

/* Has been robbed of its tags. */
bool fake_is_bare(const struct fake_instance *i);
bool fake_chance(struct fake_cloud *f, unsigned thousandth);
/* NULL if there is none. */
struct fake_instance *fake_by_token(struct fake_cloud *f, const char *token);
struct fake_instance *fake_by_id(struct fake_cloud *f, const char *id);
/* The effect happens, whatever becomes of the process; 0: now. */
void fake_effect_in(struct fake_cloud *f, const struct fake_effect *what,
	int64_t delay_ms);
/* key NULL: "". */
struct ec2_call *fake_call_new(struct fake_cloud *f, enum fake_kind kind,
	const char *key, ec2_instances_done *done, void *arg);
void fake_call_free(struct ec2_call *c);
void fake_fail(struct ec2_call *c, enum verdict verdict, enum ec2_class class,
	enum err_reason reason);
/* Answers after a while; a lost one shows as a time-out of 30 s. */
struct ec2_call *fake_answer_later(struct ec2_call *c, bool lost);
/* The same, unless reading fails. */
struct ec2_call *fake_read_later(struct ec2_call *c);

#endif
