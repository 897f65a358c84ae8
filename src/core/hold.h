/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HOLD: the ledger and the cloud do not fit together, so what no row knows is left alone,
 * until an admin says go on or the listings agree again (EC2.md 14). Kept over a restart.
 */
#ifndef CORE_HOLD_H
#define CORE_HOLD_H

#include "core/types.h"

struct pool;

/* Begins, with one mail. While it is on already, nothing. */
void pool_hold(struct pool *p, const char *reason);
/* The ledger says so: it goes on. */
void pool_was_held(struct pool *p);
/* Ends; adopted workers that have not attached have missing_timeout from now on. */
void pool_unhold(struct pool *p, const struct cause *cause);

#endif
