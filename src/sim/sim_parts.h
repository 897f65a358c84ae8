/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the simulator, for the files that serve requests from them. */
#ifndef SIM_SIM_PARTS_H
#define SIM_SIM_PARTS_H

#include "sim.h"

struct httpd;
struct sim_bids;
struct sim_cloud;
struct sim_exchange;
struct sim_faults;
struct sim_imds;
struct sim_journal;
struct sim_keys;
struct sim_machines;
struct sim_prices;
struct sim_throttle;
struct sim_times;

/* Everything but the borrowed is owned. */
struct sim {
	struct loop *loop;                 /* borrowed */
	const struct sim_options *options; /* borrowed */
	struct httpd *httpd;
	struct sim_scenario scenario;
	struct sim_times *times; /* the scenario's and the options' together */
	struct sim_keys *keys;
	struct sim_imds *imds;
	struct sim_cloud *cloud;
	struct sim_prices *prices;
	struct sim_bids *bids;
	struct sim_faults *faults;
	struct sim_throttle *throttle; /* NULL: off */
	struct sim_journal *journal;
	struct sim_machines *machines;  /* NULL: user data is not run */
	struct sim_exchange *exchanges; /* requests that wait for a delay */
	struct loop_timer *timer;       /* what the cloud has due next */
};

/* Takes the scenario (and zeroes it): its times, and its faults and prices in place of all others. */
void sim_set_scenario(struct sim *sim, struct sim_scenario *scenario);
/* Forgets instances, requests, faults but the scenario's, and fills the buckets. */
void sim_reset(struct sim *sim);
/* What is due in the cloud is done now, and the timer set for the next. */
void sim_advance(struct sim *sim);
/* Wall clock as this server has it. */
int64_t sim_wall_ms(const struct sim *sim);

/* A request for a service, from its signature to its answer. */
void sim_exchange_begin(struct sim *sim, struct httpd_request *request);
/* Drops those that wait. */
void sim_exchanges_free(struct sim *sim);
/* A request below /_sim/. */
void sim_control(struct sim *sim, struct httpd_request *request);

#endif
