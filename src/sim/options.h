/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of ec2sim: an option is a row, and help is printed from the rows. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include "base/field.h"

struct buf;
struct err;

enum sim_throttling { SIM_THROTTLE_OFF, SIM_THROTTLE_AWS };

struct sim_options {
	char *listen, *scenario;
	int64_t pending, shutdown; /* ms */
	bool run_user_data;
	struct secret credentials; /* ID:SECRET */
	int throttle;              /* enum sim_throttling */
	int64_t seed;              /* 0: another one in each run */
	bool help, version;
};

extern const struct fields sim_option_fields;

/* --name VALUE or --name=VALUE. -1 and ERR_INVALID on wrong usage. */
int sim_options_parse(int argc, char *const *argv, struct sim_options *ret_options,
	struct err *err);
void sim_options_help(struct buf *out);
void sim_options_fini(struct sim_options *o);

#endif
