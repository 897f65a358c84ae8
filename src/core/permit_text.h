/* SPDX-License-Identifier: Apache-2.0 */
/* What EC2's refusals mean for a credential set, and how they are told. */
#ifndef CORE_PERMIT_TEXT_H
#define CORE_PERMIT_TEXT_H

#include <stdbool.h>

struct err;

/* Refused for want of permission, in contrast to any other reason. */
bool permit_is_missing(const struct err *err);
/*
 * What EC2 said, in front of it what follows, behind it what to do about it. ended: the
 * instance that may not be ended, or PERMIT_NOBODY; NULL: launches are refused.
 */
void permit_explain(const char *ended, const struct err *err, struct err *ret);

#endif
