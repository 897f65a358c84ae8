/* SPDX-License-Identifier: Apache-2.0 */
/* AWS's token buckets, by region and action (EC2.md 4). */
#ifndef SIM_THROTTLE_H
#define SIM_THROTTLE_H

#include <stdint.h>

struct sim_action;
struct sim_error;
struct sim_params;
struct sim_throttle;

struct sim_throttle *sim_throttle_new(void);
/* All buckets full again. */
void sim_throttle_clear(struct sim_throttle *t);
void sim_throttle_free(struct sim_throttle *t);
/* Spends what the request costs at clock_ms(); -1 and RequestLimitExceeded if a bucket has too little. */
int sim_throttle_spend(struct sim_throttle *t, const char *region,
	const struct sim_action *action, const struct sim_params *params,
	struct sim_error *error);

#endif
