/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role and the id of the machine we run on, from its metadata service (EC2.md 10): version 2 only,
 * never through a proxy.
 */
#ifndef EC2_IMDS_H
#define EC2_IMDS_H

#include "ec2/keyset.h"

struct http;
struct imds_call;
struct loop;

/* Where it is: the configured URL, else the environment's, else the standard address. */
char *imds_endpoint(const char *configured);
/* AWS_EC2_METADATA_DISABLED */
bool imds_is_disabled(void);

/*
 * done: NONE if there is nobody (ERR_NETWORK) or no role; FAILED if somebody is there and
 * gives none.
 */
struct imds_call *imds_start(struct loop *loop, struct http *http, const char *endpoint,
	keyset_done *done, void *arg);
void imds_cancel(struct imds_call *call);

/* id: "i-..." of this machine, borrowed for the call; NULL if nobody says. */
typedef void imds_instance_done(void *arg, const char *id);
struct imds_call *imds_ask_instance(struct loop *loop, struct http *http,
	const char *endpoint, imds_instance_done *done, void *arg);

#endif
