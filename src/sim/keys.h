/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access keys: those that are given for good, and those that STS and the metadata
 * service hand out for a while. Derived signing keys are kept for as long as their
 * day's scope is in use.
 */
#ifndef SIM_KEYS_H
#define SIM_KEYS_H

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_identity;
struct sim_keys;

#define SIM_EXPIRY_SIZE 32
#define SIM_SESSIONS_MAX 4096 /* beyond it the oldest are forgotten */

struct sim_key {
	char *id;
	struct secret secret;
	struct secret token; /* that must come with it; or NULL */
	char *arn;           /* who it speaks for, or NULL */
	int64_t expires_ms;  /* wall clock; INT64_MAX: never */
	struct sim_key *prev, *next;
};

/*
 * The keys that are good. As long as none is given, every id is, with the secret "test"
 * or with the id itself as its secret.
 */
struct sim_keys *sim_keys_new(void);
/* For good; token may be NULL: then one that is sent is only signed. */
void sim_keys_add(struct sim_keys *keys, const char *id, const char *secret,
	const char *token);
/* New ones for who is known as arn, until the second before. Borrowed until the next are issued. */
const struct sim_key *sim_keys_issue(struct sim_keys *keys, const char *arn,
	int64_t expires_ms);
void sim_keys_free(struct sim_keys *keys);

/* Whether any was given by sim_keys_add. */
bool sim_keys_are_given(const struct sim_keys *keys);
/* NULL if it is neither given nor issued; also one that has expired. */
const struct sim_key *sim_keys_find(const struct sim_keys *keys, const char *id);
/* When it ends, as services say it: to the second. Returns text. */
const char *sim_key_expiry(const struct sim_key *k, char text[static SIM_EXPIRY_SIZE]);
/* The signing key of the identity's scope, CRYPTO_SHA256_SIZE bytes; borrowed. */
const unsigned char *sim_keys_derive(struct sim_keys *keys, const char *secret,
	const struct sim_identity *id);

#endif
