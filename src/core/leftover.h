/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What launches leave behind besides instances, one for each poller: unattached volumes and
 * spot requests with our pool's tag, listed once in orphans.interval and given to the
 * collector (orphan.h). A volume may hold somebody's data, so it ends only by order, or where
 * orphans.volumes says so and nothing of its launch was to stay.
 */
#ifndef CORE_LEFTOVER_H
#define CORE_LEFTOVER_H

#include <stdint.h>

struct leftovers;
struct orphan;
struct pool;
struct poller;

struct leftovers *leftovers_new(struct pool *pool, struct poller *poller);
void leftovers_free(struct leftovers *l);
/* A whole listing of instances, begun at round_ms (boottime), is applied: these follow if due. */
void leftovers_scan(struct leftovers *l, int64_t round_ms);
/* With the next listing, whenever the last was. */
void leftovers_expect(struct leftovers *l);

/* The last look at a volume or request, and then its end. */
void leftover_look(struct orphan *o);

#endif
