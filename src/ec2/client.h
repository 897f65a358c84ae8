/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EC2's operations for one (endpoint, region, credential set): signing with the learnt
 * clock offset, lanes with congestion windows (EC2.md 4), paging, one re-signing after
 * a clock or credential refusal. It does not retry otherwise: the verdict goes to the
 * caller.
 */
#ifndef EC2_CLIENT_H
#define EC2_CLIENT_H

#include "ec2/reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EC2_VERDICTS 5 /* of enum verdict */

struct ec2_call;
struct ec2_client;
struct ec2_creds;
struct ec2_slot;
struct http;
struct loop;

/* Borrowed for ec2_client_new only. */
struct ec2_client_conf {
	const char *endpoint;     /* NULL: https://ec2.REGION.amazonaws.com */
	const char *ssm_endpoint; /* NULL: https://ssm.REGION.amazonaws.com */
	const char *region;
	const char *ca_file; /* NULL: AWS_CA_BUNDLE, else the system's */
};

struct ec2_answer {
	int verdict;    /* enum verdict */
	int class;      /* enum ec2_class */
	struct err err; /* meaningful unless DONE */
	bool sent;      /* bytes may have left */
	/* boottime when the (first page's) request was handed over */
	int64_t began_ms;
	int64_t retry_after_ms; /* asked for by EC2, at most a minute, or 0 */
};

/*
 * list: borrowed for the call; its elements may be taken (zero what you take). Empty
 * unless DONE.
 */
typedef void ec2_instances_done(void *arg, const struct ec2_answer *answer,
	struct ec2_instances *list);
/* output: decoded console, "" when not DONE; borrowed. */
typedef void ec2_console_done(void *arg, const struct ec2_answer *answer,
	const char *output, size_t len, int64_t at);

/* loop and http are borrowed and outlive it; creds is counted. */
struct ec2_client *ec2_client_new(struct loop *loop, struct http *http,
	const struct ec2_client_conf *conf, struct ec2_creds *creds);
/* Cancels everything. */
void ec2_client_free(struct ec2_client *c);

/*
 * A place in the launch window. granted is called once, later; from then on the place is
 * held until ec2_run_instances uses it up or it is freed. granted must not free the client.
 */
struct ec2_slot *ec2_launch_slot(struct ec2_client *c, void (*granted)(void *arg),
	void *arg);
/* Held or still waited for. NULL is fine. */
void ec2_slot_free(struct ec2_slot *slot);
/* A finished RunInstances body (ec2_run_finish) leaves through a granted slot. */
struct ec2_call *ec2_run_instances(struct ec2_client *c, struct ec2_slot *slot,
	const char *body, size_t len, ec2_instances_done *done, void *arg);
/* All pages of tag:ec2workerd:pool = pool, or nothing. */
struct ec2_call *ec2_list_pool(struct ec2_client *c, const char *pool,
	ec2_instances_done *done, void *arg);
/* The instances of one client token, all pages. */
struct ec2_call *ec2_find_token(struct ec2_client *c, const char *token,
	ec2_instances_done *done, void *arg);
/* One instance by its id: MISSING when EC2 says NotFound. */
struct ec2_call *ec2_describe_one(struct ec2_client *c, const char *id,
	ec2_instances_done *done, void *arg);
/*
 * One id a call, in the terminate lane. DONE is not a proof of anything but the
 * acceptance.
 */
struct ec2_call *ec2_terminate_one(struct ec2_client *c, const char *id,
	ec2_instances_done *done, void *arg);
/* latest: the live console; the older one where the type has none. */
struct ec2_call *ec2_console(struct ec2_client *c, const char *id, bool latest,
	ec2_console_done *done, void *arg);
/* Final, no callback. Never used for a RunInstances that may have left. */
void ec2_cancel(struct ec2_call *call);

/* Counters for pool.status and tests. */
struct ec2_counts {
	uint64_t calls[32];                 /* by enum ec2_action, requests that left */
	uint64_t answers[32][EC2_VERDICTS]; /* and by enum verdict */
	uint64_t throttled;
	unsigned window, in_flight, queued; /* of the launch lane */
	int64_t clock_off_ms; /* what ours lacks, if that is more than five minutes; else 0 */
};
void ec2_client_counts(const struct ec2_client *c, struct ec2_counts *ret);

#endif
