/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of keys that somebody owns, and the two forms in which services hand one out. A
 * reply is taken whole or not at all.
 */
#ifndef EC2_KEYSET_H
#define EC2_KEYSET_H

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct err;

struct keyset {
	char *id;
	struct secret secret;
	struct secret token;  /* text NULL: none */
	int64_t expires_wall; /* wall ms; 0: nobody said */
};

/* How a look at one place ended. */
enum look {
	LOOK_NONE, /* nothing here: the next place may have some; err says what was seen */
	LOOK_FOUND,
	LOOK_FAILED, /* meant to be here, and is not usable: nobody else is asked */
};

/*
 * The answer of a place that is asked. FOUND: keys may be taken (zero what you take), else
 * NULL. err: ERR_NETWORK for what may pass by itself.
 */
typedef void keyset_done(void *arg, enum look look, struct keyset *keys,
	const struct err *err);

/*
 * {"AccessKeyId": ..., "SecretAccessKey": ..., "Token": ..., "Expiration": ...} of IMDS and
 * of containers. -1: ERR_PARSE, or ERR_SERVICE if it says itself that it has none. No text
 * of err holds a part of a value but the service's Code and Message.
 */
int keyset_parse_json(const char *text, size_t len, struct keyset *ret,
	struct err *err);
/* The answer of STS to that action ("AssumeRole"). ERR_PARSE. */
int keyset_parse_sts(const char *action, const char *body, size_t len,
	struct keyset *ret, struct err *err);

void keyset_move(struct keyset *to, struct keyset *from);
void keyset_fini(struct keyset *k);

static inline void
auto_keyset(struct keyset *k)
{
	keyset_fini(k);
}

#endif
