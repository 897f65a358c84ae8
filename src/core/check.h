/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at an instance now, because somebody asks: what EC2 says is observed as if a
 * listing had shown it.
 */
#ifndef CORE_CHECK_H
#define CORE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

struct check_call;
struct err;
struct instance;

/* What a look has shown; borrowed. */
struct check_sight {
	const char *id;
	const struct instance *instance; /* its row; NULL: it is gone, with proof */
	bool found;                      /* false: EC2 does not know the id */
	int64_t at;                      /* wall ms */
};

/* err NULL: sight, else NULL. */
typedef void check_done(void *arg, const struct err *err,
	const struct check_sight *sight);
/* Asks EC2 for this instance; done is called once, later. */
struct check_call *check_ask(const struct instance *i, check_done *done, void *arg);
/* No callback any more. */
void check_cancel(struct check_call *call);

#endif
