/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One per cloud: the tag-filtered listing that serves all its workers, applied only
 * when whole, at an interval that follows what is expected; and lookups of lost tokens.
 */
#ifndef CORE_POLLER_H
#define CORE_POLLER_H

#include "core/types.h"

struct cloud;
struct err;
struct poller;
struct pool;

/* Owns cloud from now on. */
struct poller *poller_new(struct pool *p, struct cloud *cloud);
struct cloud *poller_cloud(const struct poller *p);
/* Something is expected or has changed: the next listing comes soon. */
void poller_expect(struct poller *p);
/* The same of what launches leave behind. */
void poller_expect_leftovers(struct poller *p);
/* Boottime at which the last complete listing began; 0: none yet. */
int64_t poller_listed_ms(const struct poller *p);
/* Somebody wants a launch there: where nothing was listed yet, that is tried again at once. */
void poller_wanted(struct poller *p);
/* Why the last listing was none: ERR_UNAVAILABLE. False: it was one, or is still to come. */
bool poller_failed(const struct poller *p, struct err *ret);
/* Wall time of it, for worker.check; 0. */
int64_t poller_listed_wall(const struct poller *p);
/* Tells of what its cloud says by itself: a wrong clock, keys that cannot be renewed. */
void poller_look(struct poller *p);
/* EC2 says that the zone is impaired: nothing new is launched there. NULL is fine. */
bool poller_zone_is_out(const struct poller *p, const char *zone);
void poller_start(struct poller *p);
void poller_free(struct poller *p);
struct poller *poller_next(const struct poller *p);

#endif
