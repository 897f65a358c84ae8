/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which zones of a cloud are out: EC2 is asked when it does not list, for then a zone may be
 * the reason (EC2.md 3). Nothing is launched there until EC2 lists again, or says that the
 * zone is well.
 */
#ifndef CORE_OUTAGE_H
#define CORE_OUTAGE_H

#include <stdbool.h>

struct cloud;
struct outage;
struct pool;

/* Both borrowed, outlive it. */
struct outage *outage_new(struct pool *pool, struct cloud *cloud);
void outage_free(struct outage *o);
/* No listing came, and EC2 said why: the zones are looked at. */
void outage_look(struct outage *o);
/* A whole listing came. */
void outage_over(struct outage *o);
/* zone NULL: not known, so it is not out. */
bool outage_has(const struct outage *o, const char *zone);

#endif
