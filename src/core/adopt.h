/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows for an instance that the ledger has lost, made from its tags: to end it as any other
 * of ours, or to let its worker go on with it.
 */
#ifndef CORE_ADOPT_H
#define CORE_ADOPT_H

#include "core/types.h"

struct ec2_instance;
struct pool;
struct poller;

/* Whether its tags are such as we write. */
bool adopt_has_tags(const struct ec2_instance *seen);
/* Condemned, as if it had always been known. Its tags are ours. */
void adopt_condemned(struct pool *pool, struct poller *poller,
	const struct ec2_instance *seen, const struct cause *cause);
/*
 * Becomes what its worker runs, if that is configured, idle, and no newer than this; its
 * limits begin when HOLD ends. Whether it did.
 */
bool adopt_running(struct pool *pool, struct poller *poller,
	const struct ec2_instance *seen, const struct cause *cause);

#endif
