/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One look for keys along all places, in order, and through the roles behind them. Keeps
 * nothing: what is found belongs to whoever asked.
 */
#ifndef EC2_SEEK_H
#define EC2_SEEK_H

#include <stdbool.h>

struct ec2_creds_source;
struct err;
struct http;
struct keyset;
struct loop;
struct seek;

struct seek_result {
	struct keyset *keys; /* may be taken (zero what you take); NULL: none */
	/* What was tried, in order; reason auth. ERR_NETWORK: it may pass by itself. */
	const struct err *err;
	bool can_change; /* another look may find others */
	bool has_asked;  /* somebody was asked over a network */
};

typedef void seek_done(void *arg, const struct seek_result *result);

/* All borrowed until it is done or cancelled. */
struct seek *seek_start(struct loop *loop, struct http *http,
	const struct ec2_creds_source *source, seek_done *done, void *arg);
/* NULL is fine. */
void seek_cancel(struct seek *s);

/*
 * What a look is expected to find, from configuration, environment and files alone: a name
 * for the ledger and the log, without a secret. The caller's.
 */
char *seek_name(const struct ec2_creds_source *source);

#endif
