/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request as libcurl has it; for http.c alone.
 */
#ifndef SYS_HTTP_SETUP_H
#define SYS_HTTP_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct curl_slist;
struct http_request;

/* A zeroed struct is a valid empty one. It outlives the transfer. */
struct http_setup {
	void *easy; /* borrowed: the handle that is set up */
	struct curl_slist *headers;
	char *body; /* owned: libcurl only borrows it */
	size_t body_len;
	bool proxied;       /* it may go through a proxy */
	int64_t connect_ms; /* limit for name and TCP */
	size_t reply_max;
	int code;          /* CURLcode of the first option that was refused, or 0 */
	const char *error; /* says it better than the code; static, or NULL */
};

/* Options of every transfer, mail too. Returns a CURLcode. */
int http_setup_common(void *easy);
/* All options of a request but those of the reply. Problems are in code and error. */
void http_setup_request(struct http_setup *s, void *easy, const struct http_request *r);
/* After the transfer has left the multi. */
void http_setup_fini(struct http_setup *s);

#endif
