/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spot requests that stand by themselves (RequestSpotInstances): each is held until its
 * time has come, the price is within its bid and there is room, and then starts an
 * instance, whoever still waits for it.
 */
#ifndef SIM_BIDS_H
#define SIM_BIDS_H

#include "launch.h"

struct sim_bids;
struct sim_call;
struct sim_cloud;

struct sim_bid {
	char id[SIM_ID_SIZE]; /* sir-... */
	uint64_t seq;         /* from 1 */
	char *token;          /* or NULL */
	struct sim_launch
		*launch; /* owned until there is an instance, then the cloud's */
	const struct sim_instance *instance; /* borrowed; NULL: not yet, or never */
	const char *held_by;                 /* status/code while it is open */
	bool cancelled, expired;
	int64_t due_ms;        /* boottime: not before */
	int64_t until_wall_ms; /* INT64_MAX: for ever */
	int64_t made_wall_ms, changed_wall_ms;
	struct sim_bid *next;
};

struct sim_bids *sim_bids_new(void);
void sim_bids_clear(struct sim_bids *b);
void sim_bids_free(struct sim_bids *b);

/* Takes the launch, and tells it the request's id. */
struct sim_bid *sim_bids_add(struct sim_bids *b, struct sim_cloud *cloud,
	struct sim_launch *launch);
/* In the order they were made; ->next leads on. */
struct sim_bid *sim_bids_first(const struct sim_bids *b);
struct sim_bid *sim_bids_find(const struct sim_bids *b, const char *region,
	const char *id);
bool sim_bid_is_open(const struct sim_bid *bid);
void sim_bid_cancel(struct sim_bid *bid);

/* Fills what can be filled now; call has cloud, scenario and prices. */
void sim_bids_advance(struct sim_bids *b, const struct sim_call *call);
/* When the next comes to its time (boottime ms), INT64_MAX if none waits for that. */
int64_t sim_bids_next_due_ms(const struct sim_bids *b);

#endif
