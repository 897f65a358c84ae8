/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of placing share: what is refused, and what was asked for.
 */
#ifndef PLACE_UTIL_H
#define PLACE_UTIL_H

#include "world.h"

#define MINUTE INT64_C(60000)
#define NO_CAPACITY "InsufficientInstanceCapacity"
#define TOO_LOW "SpotMaxPriceTooLow"

struct event;

/* The n-th rule of what the cloud refuses. */
void refuse(struct world *v, size_t n, struct fake_refusal what);
/* "type subnet spot price; ..." of all launches that were asked for since the last time. */
const char *asked(struct world *v);
/* Every launch has a token of its own. */
void check_tokens(struct world *v);
/* The latest event of a worker of that kind, to that phase or state (NULL: any), or NULL. */
const struct event *latest(const struct worker *w, int type, const char *to);

#endif
