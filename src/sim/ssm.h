/* SPDX-License-Identifier: Apache-2.0 */
/* The parameter store: of it GetParameter, by which AMIs are looked up. */
#ifndef SIM_SSM_H
#define SIM_SSM_H

struct fields;

/* A parameter as a scenario gives it. Strings are owned. */
struct sim_parameter {
	char *name, *value, *region;
};

extern const struct fields sim_parameter_fields;

#endif
