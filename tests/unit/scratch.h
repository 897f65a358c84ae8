/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of its own for each test case, and the current one while it runs: fixtures
 * for tests that need files.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <stddef.h>

/* Makes it, changes to it, sets the usual umask. */
void scratch_setup(void);
/* Removes it with all that is in it. */
void scratch_teardown(void);
/* Removes what has this name, if anything has, with all that is in it. */
void scratch_remove(const char *name);
/* Its absolute path. */
const char *scratch_path(void);
/* How many entries the current directory has. */
size_t scratch_count(void);

#endif
