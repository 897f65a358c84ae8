/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a launch leaves behind besides its instance, as plain structs: volumes, and the spot
 * requests that EC2 keeps for spot instances. Read as the lists of query.h are.
 */
#ifndef EC2_QUERY_LEFTOVER_H
#define EC2_QUERY_LEFTOVER_H

#include <stddef.h>
#include <stdint.h>

struct item_shape;

enum ec2_leftover_kind {
	EC2_LEFTOVER_VOLUME,
	EC2_LEFTOVER_REQUEST,
	EC2_LEFTOVER_KIND_COUNT
};

struct ec2_leftover {
	char *id;    /* "vol-" or "sir-" and lower-case hex, never NULL */
	char *state; /* "available", "in-use"; "open", "active", "cancelled"; never NULL */
	char *status;   /* status/code of a request; NULL */
	char *instance; /* that has the volume, or that the request has started; NULL */
	char *zone;     /* NULL: a request that has started nothing */
	char *type;     /* of the volume, or of the instance that is asked for */
	char *price;    /* at most, of a request; NULL */
	int64_t size;   /* GiB of a volume; 0 */
	int64_t made_at; /* wall ms; 0 */
	/* Our tags, as those of an instance. */
	char *worker, *launch, *lineage;
	int64_t generation, epoch;
};

struct ec2_leftovers {
	struct ec2_leftover *items; /* owned */
	size_t count;
};

/* How the answers of the Describe actions are read: for items_parse. */
extern const struct item_shape ec2_left_volumes_shape, ec2_left_requests_shape;

void ec2_leftover_fini(struct ec2_leftover *l);
void ec2_leftovers_fini(struct ec2_leftovers *list);

#endif
