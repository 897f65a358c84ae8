/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What EC2 says that a launch and a terminate would come to.
 */
#ifndef CORE_PREFLIGHT_TRY_H
#define CORE_PREFLIGHT_TRY_H

#include <stdbool.h>

struct preflight_row;

/* A launch of what the other checks have found good, once nothing is unanswered. */
void try_launch(struct preflight_row *r);
/* On an instance of the pool, or on an invented one. */
void try_terminate(struct preflight_row *r);

#endif
