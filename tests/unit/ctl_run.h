/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command line of the client against a server that says what the test tells it.
 */
#ifndef CTL_RUN_H
#define CTL_RUN_H

#include <stddef.h>

/* What came of a command line. Strings owned. */
struct outcome {
	int code;
	char *out, *err;
	char *requests; /* what the server was sent */
};

/* In the place of a reply: a request gets no answer. */
extern const char ctl_silence[];
/* The server closes at once, and waits for another connection if anything follows. */
extern const char ctl_hangup[];

/*
 * Runs ec2workerctl -s SOCKET with these arguments (NULL-terminated). replies
 * (NULL-terminated): one line for each request; the ids of requests count from 1. Behind
 * the last the server closes. replies NULL: nobody listens.
 */
void outcome_of(const char *const *args, const char *const *replies,
	struct outcome *ret);
void outcome_fini(struct outcome *o);

#endif
