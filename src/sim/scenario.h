/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this EC2 is like: delays, answers to dead tokens, capacity, fault rules. A JSON
 * object (--scenario FILE, or POST /_sim/scenario); every key is a row with its text.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "metadata.h"

struct err;
struct sim_capacity;
struct sim_times;

#define SIM_SCENARIO_MAX (64 * 1024 * 1024)

/* What a re-sent token of a terminated instance gets (EC2.md 2). */
enum sim_dead_token { SIM_DEAD_TOKEN_ERROR, SIM_DEAD_TOKEN_INSTANCE };

/* How far behind the copies are that Describe calls are answered from, in ms. */
struct sim_lag {
	int64_t state, tags, address;
};

struct sim_scenario {
	int64_t pending, shutdown; /* FIELD_NULL: as the options say */
	int64_t volume_delay, spot_fulfillment;
	int64_t visible_after, terminated_tags, terminated_visible, page_token_life;
	struct sim_lag lag;
	int64_t replicas; /* copies: from one that is not behind to one that is wholly */
	struct strings impaired_zones;
	int64_t clock_offset; /* of this server's idea of the time */
	int dead_token;       /* enum sim_dead_token */
	int64_t instances_max, addresses_max;
	struct sim_host imds;
	char *console; /* printed when an instance begins to run; NULL: a line of its own */
	/* catalog.h has what these are lists of. */
	struct field_list images, subnets, prices, key_pairs, groups, types, denied;
	struct strings instance_profiles; /* names; none: any */
	struct field_list capacity;       /* of struct sim_capacity */
	struct field_list addresses;      /* of struct sim_address_row */
	struct field_list roles;          /* of struct sim_role */
	struct field_list parameters;     /* of struct sim_parameter */
	struct field_list volumes;        /* of struct sim_volume_row */
	struct field_list faults;         /* of struct sim_fault */
};

extern const struct fields sim_scenario_fields;

/* Fills a scenario from JSON text. name: for messages. -1: err has the first problem, with its place. */
int sim_scenario_parse(const char *text, size_t len, const char *name,
	struct sim_scenario *ret_scenario, struct err *err);
int sim_scenario_load(const char *path, struct sim_scenario *ret_scenario,
	struct err *err);
/* An empty one: all defaults. */
void sim_scenario_defaults(struct sim_scenario *ret_scenario);
void sim_scenario_fini(struct sim_scenario *s);

#endif
