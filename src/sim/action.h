/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service is a table of actions; an action is a row: its name, what it takes, what it
 * costs, and the function that does it.
 */
#ifndef SIM_ACTION_H
#define SIM_ACTION_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct sim_bids;
struct sim_call;
struct sim_cloud;
struct sim_identity;
struct sim_keys;
struct sim_param_row;
struct sim_params;
struct sim_prices;
struct sim_scenario;
struct sim_view;

/* Which of AWS's buckets a request spends from; rows in throttle.c. */
enum sim_bucket {
	SIM_BUCKET_LOOKUP,   /* most Describes, one for each action */
	SIM_BUCKET_DESCRIBE, /* those that cost more without filter, ids and pagination */
	SIM_BUCKET_UNBOUNDED, /* and then are these */
	SIM_BUCKET_MUTATING,
	SIM_BUCKET_RUN,
	SIM_BUCKET_RUN_INSTANCES,
	SIM_BUCKET_START,
	SIM_BUCKET_START_INSTANCES,
	SIM_BUCKET_STOP_INSTANCES,
	SIM_BUCKET_TERMINATE,
	SIM_BUCKET_TERMINATE_INSTANCES,
	SIM_BUCKET_TAGS,
	SIM_BUCKET_VOLUME,
	SIM_BUCKET_CONSOLE,
	SIM_BUCKET_COUNT
};

/*
 * Does it: 0 with the elements of the reply in call->out, or -1 with call->error and
 * nothing changed (unless EC2 itself does half of it).
 */
typedef int sim_action_fn(struct sim_call *call);

struct sim_action {
	const char *name;
	sim_action_fn *run;
	const struct sim_param_row *params; /* ends with a NULL name */
	enum sim_bucket bucket;
	enum sim_bucket per_instance; /* a second bucket, or SIM_BUCKET_COUNT */
	bool anonymous;               /* needs no signature */
};

/* The form of a service's requests, replies and errors; see wire.h. */
enum sim_wire { SIM_WIRE_EC2, SIM_WIRE_QUERY, SIM_WIRE_JSON, SIM_WIRE_COUNT };

struct sim_service {
	const char *name; /* in the credential scope */
	enum sim_wire wire;
	const char *version;                /* NULL: it has none */
	const char *xmlns;                  /* of a reply's root, or NULL */
	const struct sim_param_row *common; /* what every action takes */
	/* Tables that end with a NULL name each; a NULL follows the last. */
	const struct sim_action *const *tables;
};

/* One request on its way through an action; all borrowed but out. */
struct sim_call {
	struct sim_cloud *cloud;
	const struct sim_scenario *scenario;
	struct sim_prices *prices;
	struct sim_bids *bids;
	struct sim_keys *keys;
	const struct sim_identity *identity; /* who asks */
	int64_t wall_ms;                     /* the time as this server has it */
	const struct sim_action *action;
	const struct sim_params *params;
	const char *region;
	const struct sim_view
		*view; /* what a Describe sees of instances; NULL: all there is */
	bool dry_run;
	struct buf *out;
	struct sim_error error;
};

/* All services; the scope of a signature tells which one is meant. Ends with NULL. */
extern const struct sim_service *const sim_services[];

extern const struct sim_service sim_ec2;
extern const struct sim_service sim_sts;
extern const struct sim_service sim_ssm;

/* The tables of EC2's actions, each beside what it calls; end with a NULL name. */
extern const struct sim_action sim_ec2_run_actions[];
extern const struct sim_action sim_ec2_describe_actions[];
extern const struct sim_action sim_ec2_change_actions[];
extern const struct sim_action sim_ec2_image_actions[];
extern const struct sim_action sim_ec2_network_actions[];
extern const struct sim_action sim_ec2_price_actions[];
extern const struct sim_action sim_ec2_address_actions[];
extern const struct sim_action sim_ec2_volume_actions[];
extern const struct sim_action sim_ec2_group_actions[];
extern const struct sim_action sim_ec2_key_actions[];
extern const struct sim_action sim_ec2_type_actions[];
extern const struct sim_action sim_ec2_region_actions[];
extern const struct sim_action sim_ec2_spot_actions[];
extern const struct sim_action sim_ec2_request_actions[];
extern const struct sim_action sim_ec2_attribute_actions[];

const struct sim_action *sim_action_find(const struct sim_service *service,
	const char *name);
/* The n-th of all its tables, or NULL behind the last. */
const struct sim_action *sim_action_at(const struct sim_service *service, size_t n);
/* Whether the scenario lets the caller do the action: -1 and UnauthorizedOperation if not. */
int sim_call_permit(struct sim_call *call, const char *action);
/* For actions, when all is checked and nothing done: -1 and DryRunOperation if asked so. */
int sim_call_dry_run(struct sim_call *call);

#endif
