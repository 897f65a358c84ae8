/* SPDX-License-Identifier: Apache-2.0 */
/* The launch that made an instance, which EC2 calls its reservation. */
#ifndef SIM_LAUNCH_H
#define SIM_LAUNCH_H

#include "base/field.h"

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

struct buf;
struct sim_instance;

#define SIM_ID_SIZE 32

/* A disk of a launch: each instance gets a volume of its own. */
struct sim_disk {
	char *device;
	char *type;
	int64_t size; /* GiB */
	bool delete_on_termination;
};

/* One RunInstances: what all its instances share. Strings are owned, NULL when not given. */
struct sim_launch {
	char id[SIM_ID_SIZE];         /* r-... */
	char request_id[SIM_ID_SIZE]; /* sir-... of RequestSpotInstances, or "" */
	char *token_key;              /* region/scope/token, NULL without a token */
	char *token;
	char digest[65]; /* of the request's parameters */
	char *region, *zone, *image, *architecture, *type, *key_name, *subnet, *vpc,
		*profile, *max_price;
	char *tenancy, *http_tokens, *http_endpoint, *http_hops, *instance_tags;
	struct strmap groups; /* id to name */
	struct strmap tags, volume_tags, request_tags;
	struct buf
		*user_data; /* decoded; NULL without, and when nobody lives any more */
	bool zonal; /* a zone or subnet was asked for: so is the token's scope */
	bool spot, terminate_on_power_off, protect, monitoring, ebs_optimized;
	struct sim_disk *disks; /* owned array */
	size_t disk_count;
	int64_t launched_wall_ms;
	struct sim_instance **instances; /* owned array of borrowed */
	size_t instance_count;
	size_t alive;      /* not yet terminated */
	UT_hash_handle hh; /* by token_key */
	struct sim_launch *next;
};

void sim_launch_free(struct sim_launch *l);

static inline void
auto_sim_launch(struct sim_launch **l)
{
	sim_launch_free(*l);
}

#endif
