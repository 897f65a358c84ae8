/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the metadata service knows, as paths and texts: of an instance, or of the
 * computer that asks for its own, which a scenario describes. The protocol around it is
 * imds.h's.
 */
#ifndef SIM_METADATA_H
#define SIM_METADATA_H

#include "base/field.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct sim_instance;
struct sim_key;

/* The computer that asks, as a scenario gives it. Strings are owned. */
struct sim_host {
	char *role; /* NULL: it has none */
	char *instance, *type, *zone, *image;
	int64_t lifetime; /* ms, of a role's credentials; also for instances */
	bool rotate;      /* new ones come in time */
	bool v1;          /* answers without a token */
	int64_t status;   /* of every answer; FIELD_NULL: as they are */
	struct strmap tags;
};

extern const struct fields sim_host_fields;

/* One or the other: all borrowed. */
struct sim_subject {
	const struct sim_host *host;
	const struct sim_instance *instance; /* NULL: the host */
	int64_t wall_ms;                     /* the server's time */
	/* The credentials of its role now, and since when; only where they are asked for. */
	const struct sim_key *(*credentials)(void *arg, int64_t *ret_since_ms);
	void *arg;
};

/* i-...; the last part of the instance's profile; NULL without a role. */
const char *sim_subject_id(const struct sim_subject *s);
const char *sim_subject_role(const struct sim_subject *s);
/* Whether it insists on a token. */
bool sim_subject_needs_token(const struct sim_subject *s);

/*
 * Appends what is at a path below /latest/, with or without a slash at its end: a text,
 * or the names in a directory, a line each. Returns the path's row
 * ("meta-data/instance-id") for counting; NULL: there is nothing.
 */
const char *sim_metadata_get(const struct sim_subject *s, const char *path,
	struct buf *out);

#endif
