/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The truth of the fake cloud, for what answers about it: effects, now or later, and what
 * they leave behind.
 */
#ifndef SIM_FAKE_STATE_H
#define SIM_FAKE_STATE_H

#include "fake_cloud.h"

/* An effect that happens whatever becomes of the process. */
struct fake_effect {
	int64_t due_ms;
	bool terminate;
	char id[24], token[40], launch[40], worker[72];
	int64_t generation;
	struct fake_effect *next, *prev;
};

bool fake_chance(struct fake_cloud *f, unsigned thousandth);
/* NULL if there is none. */
struct fake_instance *fake_by_token(struct fake_cloud *f, const char *token);
struct fake_instance *fake_by_id(struct fake_cloud *f, const char *id);
/* The effect happens, whatever becomes of the process; 0: now. */
void fake_effect_in(struct fake_cloud *f, const struct fake_effect *what,
	int64_t delay_ms);

#endif
