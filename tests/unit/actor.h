/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Something that a loop calls and that leaves its letter behind, so that the order of what
 * happened can be read; for the tests of sys/loop.
 */
#ifndef TESTS_ACTOR_H
#define TESTS_ACTOR_H

#include "sys/loop.h"

struct actor {
	char letter;
	struct loop_timer timer;
	struct loop_poke poke;
	struct loop_outbox outbox;
	struct actor *other;
	void (*more)(struct actor *self);
};

/* What happened, as letters in order. */
extern struct buf trail;
extern struct loop *loop;

/* Fixtures: a loop under a clock that stands still, and under the real one. */
void actor_setup_fake(void);
void actor_setup_real(void);
void actor_teardown(void);

/* more: what it does besides, or NULL. */
void actor_init(struct actor *a, char letter, void (*more)(struct actor *));
/* The callback of its timer, poke and outbox, and of whatever a test hangs it on. */
void actor_act(void *arg);
/* And forgets. */
void expect_trail(const char *expected);

/* For more. */
void actor_clear_other(struct actor *self);

#endif
