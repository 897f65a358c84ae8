/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server side of HTTP on the loop, over libevent's evhttp: for ec2sim, whose clients
 * mean well. What the daemon shows is sys/page's.
 */
#ifndef SYS_HTTPD_H
#define SYS_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct httpd;
struct httpd_request;
struct loop;

/*
 * A request has arrived whole; the handler answers now or later, exactly once, by
 * httpd_reply, httpd_reply_cut, httpd_drop or httpd_reset. A client that goes away
 * meanwhile changes nothing of that.
 */
typedef void httpd_fn(void *arg, struct httpd_request *request);

/*
 * listen: "127.0.0.1:5000" or "[::1]:5000"; port 0 picks one. A longer body gets 413, and
 * no handler sees it.
 */
struct httpd *httpd_new(struct loop *loop, const char *listen, size_t body_max,
	httpd_fn *fn, void *arg, struct err *err);
/* The port in use. */
uint16_t httpd_port(const struct httpd *h);
/* Closes all connections; requests not yet answered may still be answered, into nothing. */
void httpd_free(struct httpd *h);

const char *httpd_method(const struct httpd_request *r);
/* Path with query as sent ("/?Action=..."); borrowed until the reply. */
const char *httpd_target(const struct httpd_request *r);
/* NULL if absent; names are case-insensitive; borrowed until the reply. */
const char *httpd_header(const struct httpd_request *r, const char *name);
/* The body, not NUL-terminated; borrowed until the reply. */
const char *httpd_body(struct httpd_request *r, size_t *ret_len);

void httpd_add_header(struct httpd_request *r, const char *name, const char *value);
/* Answers and ends the request. */
void httpd_reply(struct httpd_request *r, int status, const char *content_type,
	const char *body, size_t len);
/*
 * Faults: announce full_len bytes but send only len of them and close; len 0 closes
 * without a word.
 */
void httpd_reply_cut(struct httpd_request *r, int status, const char *content_type,
	const char *body, size_t len, size_t full_len);
void httpd_drop(struct httpd_request *r);  /* closes the connection without an answer */
void httpd_reset(struct httpd_request *r); /* the same by a TCP reset */

#endif
