/* SPDX-License-Identifier: Apache-2.0 */
/* An EC2 without HTTP, for unit tests: a cloud on the fake clock, and calls to it. */
#ifndef SIM_CALL_H
#define SIM_CALL_H

#include "sim/scenario.h"

struct sim_bids;
struct sim_cloud;
struct sim_prices;
struct sim_times;

struct ec2 {
	struct sim_times *times;
	struct sim_cloud *cloud;
	struct sim_scenario scenario;
	struct sim_prices *prices;
	struct sim_bids *bids;
	char *reply;   /* of the last call: the XML behind the request id */
	char code[80]; /* its error, "" for none */
	char message[512];
	int status;
};

/* pending 2 s, shutdown 3 s, tags 60 s, gone 3600 s; the clock at 1000 s. */
struct ec2 *ec2_new(void);
/* Calls an action in us-east-1 ("RunInstances&MinCount=1..."); 0, or -1 with code set. */
int ec2_call(struct ec2 *e, const char *form);
int ec2_call_in(struct ec2 *e, const char *region, const char *form);
/* Moves the clock. */
void ec2_advance(struct ec2 *e, int64_t ms);
/* The text of the n-th element of that name in the reply (from 0); "" if there is none. */
const char *ec2_text(const struct ec2 *e, const char *element, unsigned n);
unsigned ec2_count(const struct ec2 *e, const char *element);
/* RunInstances of one, with more parameters; its id. */
const char *ec2_run(struct ec2 *e, const char *more);
/* The state of an instance by DescribeInstances. */
const char *ec2_state(struct ec2 *e, const char *id);
/* Another scenario, as JSON; its prices as of now. */
void ec2_scenario(struct ec2 *e, const char *json);
void ec2_free(struct ec2 *e);

#endif
