/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failpoints: moments at which a test lets the process die, dawdle, or be told of an error.
 * They are there only where configure was given --enable-failpoints; elsewhere nothing of
 * them is left in a program, not even a name. Their names stand in one section of the
 * file, "failpoints", so that a test can list them all.
 *
 * EC2WORKERD_FAILPOINTS says what happens, or names (with a "/" in front) a file that does,
 * which may change at any time: "NAME=WORD[,WORD...]", separated by white space. WORD is
 * kill, exit, err:ENOSPC (or another errno), sleep:SECONDS; behind nth:N only the N-th time
 * that the point is passed while something is said of it.
 */
#ifndef BASE_FAILPOINT_H
#define BASE_FAILPOINT_H

struct failpoint;

#ifdef FAILPOINTS

#include <stdbool.h>

#define FAILPOINT_SIZE 48

struct failpoint {
	char name[FAILPOINT_SIZE];
	unsigned passed; /* so often, with something said of it */
};

/* Does what the environment says. True: an error was asked for, and errno is it. */
bool failpoint_pass(struct failpoint *point);

/* A moment that may be the last; true where the caller is to fail with errno. */
#define FP_FAILS(text)                                                                 \
	__extension__({                                                                \
		static struct failpoint point_                                         \
			__attribute__((section("failpoints"), used)) = {.name = text}; \
		failpoint_pass(&point_);                                               \
	})
/* A moment that may be the last. */
#define FP(text) ((void)FP_FAILS(text))

#else

#define FP_FAILS(text) 0
#define FP(text) ((void)0)

#endif

#endif
