/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has a volume or an address at this moment. Never more than one question a cloud and
 * kind is under way; who asks meanwhile is in the next one, together with all others.
 */
#ifndef CORE_GLANCE_H
#define CORE_GLANCE_H

#include <stddef.h>

#define GLANCE_MOST 100u /* things in one question */

struct cloud;
struct ec2_address;
struct ec2_answer;
struct ec2_volume;
struct glance_call;
struct glances;
struct loop;

/* seen: borrowed for the call; NULL unless DONE, and where EC2 shows no such thing. */
typedef void glance_volume_done(void *arg, const struct ec2_answer *answer,
	const struct ec2_volume *seen);
typedef void glance_address_done(void *arg, const struct ec2_answer *answer,
	const struct ec2_address *seen);

struct glances *glances_new(struct loop *loop); /* borrowed, outlives it */
/* Cancels everything; before the clouds go. */
void glances_free(struct glances *all);
/* done is called once, later. The cloud is borrowed until then. */
struct glance_call *glance_volume(struct glances *all, struct cloud *cloud,
	const char *id, glance_volume_done *done, void *arg);
struct glance_call *glance_address(struct glances *all, struct cloud *cloud,
	const char *public_ip, glance_address_done *done, void *arg);
/* No callback any more. NULL is fine. */
void glance_cancel(struct glance_call *call);

#endif
