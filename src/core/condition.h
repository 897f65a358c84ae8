/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be wrong with the whole, as data: a word, how bad it is, what it means, what to
 * do. pool.status, /healthz, the event, the mail and the manual are made from these rows.
 */
#ifndef CORE_CONDITION_H
#define CORE_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

/* The worst first: it is the order in which they are told. */
enum condition {
	CONDITION_LEDGER,
	CONDITION_ENDPOINT,
	CONDITION_CREDENTIALS,
	CONDITION_AUTHORIZATION,
	CONDITION_PAUSED,
	CONDITION_HOLD,
	CONDITION_ASIDE,
	CONDITION_LISTING,
	CONDITION_ZONE,
	CONDITION_RENEWAL,
	CONDITION_CONFIGURATION,
	CONDITION_QUOTA,
	CONDITION_WATCH,
	CONDITION_TERMINATE,
	CONDITION_DYING,
	CONDITION_LEASES,
	CONDITION_CLOCK,
	CONDITION_MAIL,
	CONDITION_LOG,
	CONDITION_MONITOR,
	CONDITION_COUNT
};

#define CONDITION_NO_MAIL (-1)

struct condition_row {
	const char *name;
	bool down; /* it keeps workers from coming up; else the daemon does its work */
	int64_t mail_ms;     /* lasts so long before a mail; or CONDITION_NO_MAIL */
	const char *subject; /* of the mail; "ec2workerd POOL: " stands before it */
	const char *doc;     /* what it means, whole sentences */
	const char *remedy;  /* what to do, or what is done */
};

extern const struct condition_row conditions[CONDITION_COUNT];

#endif
