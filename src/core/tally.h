/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted since the daemon's start, where nothing that is kept anyway tells it.
 * Each number has one place that lets it grow; metrics.c says what it is called.
 */
#ifndef CORE_TALLY_H
#define CORE_TALLY_H

#include "ec2/client.h"

struct tally {
	uint64_t launches
		[REASON_COUNT]; /* answered: with an instance (NONE), or why not */
	uint64_t commits, commits_failed;
	struct ec2_counts retired; /* of clouds that are not asked any more */
};

#endif
