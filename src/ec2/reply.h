/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EC2's XML to structs. Strict: elements by local name in any order, unknown ones
 * skipped, and nothing is taken from a body that is not whole or has a malformed id.
 */
#ifndef EC2_REPLY_H
#define EC2_REPLY_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct item_shape;

/* Ordered: a state only ever moves forward (stop and start excepted). */
enum ec2_state {
	EC2_STATE_UNKNOWN, /* the element was missing */
	EC2_STATE_PENDING,
	EC2_STATE_RUNNING,
	EC2_STATE_STOPPING,
	EC2_STATE_STOPPED,
	EC2_STATE_SHUTTING_DOWN,
	EC2_STATE_TERMINATED,
	EC2_STATE_COUNT
};

/*
 * One instance as EC2 shows it; what EC2 left out is NULL, 0 or UNKNOWN. All strings
 * owned.
 */
struct ec2_instance {
	char *id; /* "i-" and lower-case hex, never NULL in a good reply */
	enum ec2_state state;
	char *token;        /* clientToken */
	char *launch;       /* tag ec2workerd:launch */
	char *worker;       /* tag ec2workerd:worker */
	char *pool;         /* tag ec2workerd:pool */
	char *lineage;      /* tag ec2workerd:lineage */
	char *lease;        /* tag ec2workerd:lease; see core/lease.h */
	int64_t epoch;      /* tag ec2workerd:epoch, wall ms; 0 */
	int64_t generation; /* tag ec2workerd:generation; 0 */
	char *type, *zone, *market /* "spot", or NULL for on demand */, *image;
	char *private_ip, *public_ip, *public_dns;
	int64_t launched_at;             /* wall ms; 0 */
	char *reason_code, *reason_text; /* stateReason */
};

struct ec2_instances {
	struct ec2_instance *items; /* owned */
	size_t count;
	char *next_token; /* owned; NULL or never empty */
};

const char *ec2_state_name(enum ec2_state state);
/* EC2_STATE_UNKNOWN if the name is none. */
enum ec2_state ec2_state_find(const char *name);
/* 0 if it is "i-" and 8 to 17 lower-case hex digits, else -1. */
int ec2_instance_id_check(const char *id);

/*
 * RunInstances' or DescribeInstances' body. -1 (ERR_PARSE): not whole, not the expected
 * root, an instance without an id or with a malformed one; for RunInstances also no
 * instance at all. *ret is then untouched.
 */
int ec2_parse_run(const char *body, size_t len, struct ec2_instances *ret,
	struct err *err);
int ec2_parse_describe(const char *body, size_t len, struct ec2_instances *ret,
	struct err *err);
/* How ec2_parse_describe reads: for items_parse. */
extern const struct item_shape ec2_instances_shape;
/* TerminateInstances: id and current state of each. */
int ec2_parse_terminate(const char *body, size_t len, struct ec2_instances *ret,
	struct err *err);
/* The console, decoded; "" when EC2 has none yet. *ret_output is the caller's. */
int ec2_parse_console(const char *body, size_t len, char **ret_output, size_t *ret_len,
	int64_t *ret_at, struct err *err);
/* AssociateAddress: -1 unless it says that it was done. */
int ec2_parse_associate(const char *body, size_t len, struct err *err);
/* CreateTags' body: -1 if it does not say that it was done. */
int ec2_parse_tagged(const char *body, size_t len, struct err *err);
/* AttachVolume: -1 unless it speaks of just these two. */
int ec2_parse_attach(const char *body, size_t len, const char *volume,
	const char *instance, struct err *err);
/* DeleteVolume: -1 if it does not say that it was done. */
int ec2_parse_deleted(const char *body, size_t len, struct err *err);
/* CancelSpotInstanceRequests: -1 unless it speaks of this one first. */
int ec2_parse_cancelled(const char *body, size_t len, const char *request,
	struct err *err);
/*
 * An error body in any of the shapes of EC2-WIRE.md 3.2. -1 if it is none. Fills the
 * origin fields of ret.
 */
int ec2_parse_error(const char *body, size_t len, struct err *ret);

void ec2_instance_fini(struct ec2_instance *i);
void ec2_instances_fini(struct ec2_instances *list);

#endif
