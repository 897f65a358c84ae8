/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instances with our tags that no launch of this ledger has made: some of them ours, lost by
 * a ledger, which must end; others a stranger's, which never may. Spot requests of the lost,
 * which must end, and their volumes, which never may by themselves.
 */
#ifndef SIM_STRAYS_H
#define SIM_STRAYS_H

#include "fake_cloud.h"

struct pool;
struct store;
struct worker;

/* One of any kind, under the name of w, whose generation is in the ledger. */
void strays_add(struct fake_cloud *f, const struct store *store,
	const struct worker *w);
/* Every one that is ours has ended, or is a worker's. */
bool strays_are_over(const struct fake_cloud *f, const struct pool *pool);

#endif
