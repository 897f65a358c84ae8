/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes to a server in this process, and whatever comes back; for fuzz targets.
 */
#ifndef CONVERSE_H
#define CONVERSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;
struct loop;

/* Sends all that is taken, turning the loop, and gathers all that comes back. */
void converse(struct loop *loop, int fd, const char *text, size_t len, struct buf *out);

/* Called for each message, those of a batch one by one. */
typedef void converse_message(void *arg, const json_t *message);
/*
 * All lines of out must be JSON-RPC 2.0: replies, notifications, or batches of replies. How
 * many lines there are; out is empty afterwards.
 */
size_t converse_check(struct buf *out, converse_message *fn, void *arg);

#endif
