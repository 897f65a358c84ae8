/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop, a conversation and what a look for keys came to: for the tests of each place where
 * keys may be, in a directory of their own that is HOME.
 */
#ifndef TESTS_LOOK_RIG_H
#define TESTS_LOOK_RIG_H

#include "ec2/keyset.h"
#include "talk.h"

#include <sys/types.h>

struct http;
struct loop;

#define UNTIL "2036-01-31T10:15:00Z"
#define GIVES(code, text) .status = (code), .body = (text)

struct look_rig {
	struct loop *loop;
	struct http *http;
	struct talk talk;
};

extern struct look_rig look_rig;

void look_setup(void);
void look_teardown(void);
/* A file in the test's directory. */
void look_write(const char *name, mode_t mode, const char *text);

/* What came of it. */
struct found {
	unsigned count;
	int look;   /* enum look */
	char *text; /* "id secret token", or the error's sentence */
	int code, reason;
	char origin[80];
};

/* A keyset_done; arg is a struct found. */
void on_look(void *arg, enum look look, struct keyset *keys, const struct err *err);
void found_wait(const struct found *f);
void found_fini(struct found *f);
/* Some turns of the loop, to see that nothing happens. */
void look_linger(void);

#endif
