/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A few short pages over HTTP, for whoever can connect: GET and HEAD, one request for each
 * connection, and bounds on all that a client can take: connections, time, bytes. Over the
 * lines of sys/sock, for what serves a simulator does not bound its clients.
 */
#ifndef SYS_PAGE_H
#define SYS_PAGE_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct loop;
struct pages;

#define PAGE_CONNECTIONS_MAX 16u
#define PAGE_REQUEST_MS 10000 /* until it is whole */
#define PAGE_LINE_MAX 8192u
#define PAGE_LINES_MAX 100u

/* Fills body; the status (200, 404, 503). path: without a query; borrowed. */
typedef int page_fn(void *arg, const char *path, struct buf *body);

/* listen: as tcp_listen. type: of all bodies. fn is called within a turn; borrowed. */
struct pages *pages_new(struct loop *loop, const char *listen, const char *type,
	page_fn *fn, void *arg, struct err *err);
uint16_t pages_port(const struct pages *p);
/* Closes all connections. Not within fn. NULL is fine. */
void pages_free(struct pages *p);

#endif
