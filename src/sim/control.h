/* SPDX-License-Identifier: Apache-2.0 */
/* The door for tests and people: what there is below /_sim/. */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include <jansson.h>

struct err;
struct sim_visit;

/* ret_reply is new, owned by the caller. */
typedef int sim_door_fn(struct sim_visit *d, json_t **ret_reply, struct err *err);

struct sim_door {
	const char *method, *path;
	sim_door_fn *fn;
	const char *doc;
};

extern const struct sim_door sim_doors[]; /* ends with a method of NULL */

#endif
