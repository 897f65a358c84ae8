/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two questions to STS: a role with the keys of somebody, and a role for a token that
 * somebody else has signed.
 */
#ifndef EC2_STS_H
#define EC2_STS_H

#include "ec2/keyset.h"

struct http;
struct loop;
struct role;
struct sts_call;

/* Borrowed for a start only; loop and http as long as the call lasts. */
struct sts_conf {
	struct loop *loop;
	struct http *http;
	const char *endpoint; /* NULL: https://sts.REGION.amazonaws.com */
	const char *region;
	const char *ca_file; /* NULL: AWS_CA_BUNDLE, else the system's */
};

/* done: FOUND or FAILED. */
struct sts_call *sts_assume(const struct sts_conf *conf, const struct keyset *as,
	const struct role *role, keyset_done *done, void *arg);
/* The same, unsigned: token proves who asks. */
struct sts_call *sts_web_identity(const struct sts_conf *conf, const struct role *role,
	const char *token, keyset_done *done, void *arg);
void sts_cancel(struct sts_call *call);

#endif
