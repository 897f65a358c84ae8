/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane with its queue: who wants to send asks for a slot, is told when there is one, and
 * holds it until the answer is there. Those who ask first go first.
 */
#ifndef EC2_GATE_H
#define EC2_GATE_H

#include "ec2/lane.h"

struct ec2_slot;
struct gate;
struct loop;

struct gate *gate_new(struct loop *loop, bool paced);
/* Nobody is told anything any more; slots that are held are freed too. */
void gate_free(struct gate *g);

/*
 * granted is called once, later, unless the slot was freed before. urgent: before all that
 * are not. In granted the slot may be freed, the gate may not.
 */
struct ec2_slot *gate_ask(struct gate *g, bool urgent, void (*granted)(void *arg),
	void *arg);
/* The answer of what left through it; frees the slot. */
void gate_answer(struct ec2_slot *slot, enum lane_answer answer,
	int64_t retry_after_ms);
/* Gives it back unused, or ends the wait. NULL is fine. */
void gate_slot_free(struct ec2_slot *slot);

unsigned gate_window(const struct gate *g);
unsigned gate_in_flight(const struct gate *g); /* slots that are held */
unsigned gate_queued(const struct gate *g);

#endif
