/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One signed POST to one service: waits for keys, signs at the moment of leaving, and
 * when the signature is refused takes the clock's offset or fresh keys, once each
 * (EC2.md 8). Knows no action, no lane and no other retry.
 */
#ifndef EC2_SENDER_H
#define EC2_SENDER_H

#include "ec2/endpoint.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ec2_creds;
struct err;
struct http;
struct http_reply;
struct loop;
struct sender;
struct sender_call;

/* Borrowed for sender_new only. */
struct sender_conf {
	const char *url; /* of the endpoint */
	const char *region, *service;
	const char *content_type;
	const char *target;  /* X-Amz-Target, where the service wants it; or NULL */
	const char *ca_file; /* NULL: AWS_CA_BUNDLE, else the system's */
	int64_t total_ms;    /* for one request and its answer; 0: as http.h says */
};

/* What to trust: the file, else that of AWS_CA_BUNDLE, else NULL. Borrowed. */
const char *sender_ca_file(const char *configured);

struct sender_result {
	const struct http_reply *reply; /* NULL: there were no keys */
	const struct err *err;          /* why there were none */
	int64_t began_ms; /* boottime when the bytes of this reply's request left */
};

/* result: borrowed for the call. */
typedef void sender_done(void *arg, const struct sender_result *result);

struct sender_request {
	const char *body; /* borrowed until it is done or cancelled */
	size_t len;
	bool mutating;
	uint64_t *sends; /* borrowed likewise: grows with each request that left */
};

/* loop and http are borrowed and outlive it; creds is counted. */
struct sender *sender_new(struct loop *loop, struct http *http, struct ec2_creds *creds,
	const struct sender_conf *conf);
/* Cancels everything. */
void sender_free(struct sender *s);
/* What the wall clock lacks, as far as it has been learnt: ms to add. */
int64_t sender_offset_ms(const struct sender *s);

struct sender_call *sender_start(struct sender *s, const struct sender_request *request,
	sender_done *done, void *arg);
/* NULL is fine. */
void sender_cancel(struct sender_call *call);

#endif
