/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which worker may be meant by a name that the daemon does not know.
 */
#ifndef CTL_NEAREST_H
#define CTL_NEAREST_H

#include <jansson.h>
#include <stdbool.h>

struct client;
struct nearest;

/* near is borrowed, NULL when no name is near enough. */
typedef void nearest_fn(void *arg, const char *near);

/* Whether an error says that there is no such worker. */
bool nearest_helps(const json_t *error);
/* Asks the daemon for all names. fn may be NULL. */
struct nearest *nearest_ask(struct client *client, const char *name, nearest_fn *fn,
	void *arg);
/* What was found so far, or NULL. */
const char *nearest_found(const struct nearest *n);
/* Only when the client will not run again, or fn was called. */
void nearest_free(struct nearest *n);

#endif
