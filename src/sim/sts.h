/* SPDX-License-Identifier: Apache-2.0 */
/* The token service: who may become whom, and for how long. */
#ifndef SIM_STS_H
#define SIM_STS_H

#include <stdint.h>

struct fields;
struct sim_scenario;

/* A role as a scenario gives it. Strings are owned. */
struct sim_role {
	char *arn;
	char *external_id;    /* that must be sent; NULL: any or none */
	char *identity_token; /* of a web identity; NULL: any */
	int64_t lifetime;     /* ms; FIELD_NULL: as asked for */
};

extern const struct fields sim_role_fields;

#endif
