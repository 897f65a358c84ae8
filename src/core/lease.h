/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases of instances (`dead_man`): the guard in an instance's user data switches it off
 * when its tag ec2workerd:lease has not changed for so long; here the tag is changed in
 * time. One struct lease per cloud, many instances in one CreateTags. How long is said
 * by the tag itself, "SECONDS.SINCE", so a daemon that knows nothing else goes on.
 */
#ifndef CORE_LEASE_H
#define CORE_LEASE_H

#include <stdint.h>

struct cloud;
struct lease;
struct pool;

#define LEASE_TAG "ec2workerd:lease"
#define LEASE_TEXT 48
#define LEASE_TAGGED_MAX 500u /* instances in one request; EC2 takes 1000 */

/* All borrowed. */
struct lease *lease_new(struct pool *pool, struct cloud *cloud);
/* Renews what is due, and arms itself for the next; after each listing. */
void lease_renew(struct lease *l);
void lease_free(struct lease *l);

/* The value of the tag, from now on. */
void lease_text(int64_t life_ms, char text[static LEASE_TEXT]);
/* How long an instance with this tag lives unrenewed; 0: for ever, or text is NULL. */
int64_t lease_life_ms(const char *text);

#endif
