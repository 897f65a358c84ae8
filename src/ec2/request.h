/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EC2 Query requests: parameters as a form body, encoded as Python's urlencode does it
 * (EC2.md 11.3), and the frozen RunInstances request.
 */
#ifndef EC2_REQUEST_H
#define EC2_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct field_list;
struct fields;
struct strings;
struct strmap;

#define EC2_BODY_MAX 65536u

/* Appends "&name=value" ("name=value" to an empty buf), value form-encoded. */
void ec2_param(struct buf *body, const char *name, const char *value);
void ec2_paramf(struct buf *body, const char *value, const char *name_fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Action and Version. */
void ec2_begin(struct buf *body, const char *action);

/*
 * Every member of obj that is given, as prefix.NAME; rows are named as on the wire. For
 * booleans, numbers, strings, enumerations and objects of these.
 */
void ec2_param_rows(struct buf *body, const char *prefix, const struct fields *rows,
	const void *obj);

/* All borrowed; NULL or empty is left out. */
struct ec2_run {
	const char *token;
	const char *image, *type, *key;
	const char *zone; /* region and letter, or NULL */
	const char *subnet;
	bool spot; /* one-time, terminated when interrupted */
	const char
		*max_price; /* of spot: plain decimals, or NULL: the on-demand price */
	const char *security_name;
	const struct strings *security_groups;
	const char *instance_profile;
	/* What the rows, named as on the wire, say of each device and of the metadata. */
	const struct fields *device_rows, *metadata_rows;
	const struct field_list *devices;
	const void *metadata;
	/*
	 * Ours: pool, worker, generation, launch, lineage, epoch; Name unless the user
	 * sets it.
	 */
	const char *pool, *worker, *launch, *lineage;
	int64_t generation;
	int64_t epoch;             /* wall ms */
	const char *lease;         /* of the instance alone */
	const struct strmap *tags; /* the user's */
};

/*
 * The canonical RunInstances body without its user data: MinCount=MaxCount=1, tags for
 * instance and volumes, shutdown behaviour terminate.
 */
void ec2_run_body(const struct ec2_run *run, struct buf *out);
/* Whether such a body has a disk that is to outlive its instance. */
bool ec2_run_keeps_disks(const char *body);
/*
 * The finished body: the canonical one and the user data (plain bytes; NULL for none),
 * base64 once. ERR_CONFIG if the user data is above 16,384 bytes or the body too large.
 */
int ec2_run_finish(const char *body, const char *user_data, size_t len, struct buf *out,
	struct err *err);

#endif
