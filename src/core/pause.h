/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether anything new is launched: not while the daemon is leaving, the ledger cannot be
 * written, or an admin has paused the pool. What runs, and what may have been launched,
 * goes on in any case.
 */
#ifndef CORE_PAUSE_H
#define CORE_PAUSE_H

#include "core/types.h"

struct pool;

/* 0, or -1 and the reason (ERR_UNAVAILABLE). */
int pool_may_launch(const struct pool *p, struct err *err);
/* What kept it from launching has passed: all that wait for that go on. */
void pool_launches_again(struct pool *p);
/* The event that the pool goes from one condition to another. */
void pool_tell(struct pool *p, const char *from, const char *to,
	const struct cause *cause);
/* In force with this turn's commit, and until pool_resume, restarts included. */
void pool_pause(struct pool *p, const struct cause *cause);
/* The ledger says so: it goes on. */
void pool_was_paused(struct pool *p);
/* Launches again; ends HOLD too. */
void pool_resume(struct pool *p, const struct cause *cause);

#endif
