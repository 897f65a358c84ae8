/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which instance this daemon runs on, so that it never ends its own machine (FAULTS A39).
 * The firmware's tables say it, else the metadata service; elsewhere than on EC2 nobody is
 * asked.
 */
#ifndef CORE_SELF_H
#define CORE_SELF_H

struct http;
struct pool;
struct self;

/* Fills pool->own_instance, now or later. http may be NULL: then only the firmware is asked. */
struct self *self_new(struct pool *pool, struct http *http);
void self_free(struct self *s);

#endif
