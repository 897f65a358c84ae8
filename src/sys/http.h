/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP client transfers on the loop, over libcurl's multi interface. Knows no service,
 * no signature and no retry; tells exactly whether a request may have left.
 */
#ifndef SYS_HTTP_H
#define SYS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;
struct http_call;
struct loop;
struct err;

struct http_header {
	const char *name;
	const char *value;
};

/* All borrowed for the call of http_start only; it copies what it keeps. */
struct http_request {
	const char *method; /* "GET", "POST", "PUT" */
	const char *url;
	const struct http_header *headers;
	size_t header_count;
	const char *body; /* NULL for none */
	size_t body_len;
	const char *ca_file; /* NULL: the system's */
	/* fresh connection, never reused: libcurl must not send it twice */
	bool mutating;
	bool plain;         /* http:// is allowed; else https only */
	bool no_proxy;      /* never through a proxy (metadata services) */
	int64_t connect_ms; /* name and TCP; TLS included twice that. 0: 5000 */
	int64_t total_ms;   /* 0: 30000 */
	size_t reply_max;   /* 0: 8 MiB; a longer reply aborts the transfer */
};

struct http_reply {
	bool complete;   /* a whole response arrived; else error says what happened */
	bool never_sent; /* not a byte of the request left: EC2.md 11.2's rule */
	long status;     /* HTTP status, 0 if none */
	/* borrowed for the callback; NUL-terminated; "" if none or not complete */
	const char *body;
	size_t body_len;
	int64_t date_ms; /* the Date header, wall ms, or 0 */
	/* x-amz-retry-after, else Retry-After; at most a day; 0 if none */
	int64_t retry_after_ms;
	char content_type[64];
	char error[256];        /* libcurl's words when not complete */
	int curl_code;          /* CURLcode, for the log */
	long request_size;      /* CURLINFO_REQUEST_SIZE */
	int64_t pretransfer_us; /* CURLINFO_PRETRANSFER_TIME_T */
	int64_t total_us;
};

typedef void http_done(void *arg, const struct http_reply *reply);

/*
 * Several may share a process; each owns a connection cache and a CA cache. At most 128
 * transfers run at once, the others wait their turn; all reply bodies together hold at
 * most 64 MiB, and the one that would exceed that is aborted.
 */
struct http *http_new(struct loop *loop, const char *user_agent, struct err *err);
/* Never NULL: what cannot be started completes with never_sent set. */
struct http_call *http_start(struct http *http, const struct http_request *request,
	http_done *done, void *arg);
/* Immediate and final: no callback. Within its own callback it does nothing. */
void http_cancel(struct http_call *call);
size_t http_in_flight(const struct http *http);
/*
 * Cancels what is under way. Does not wait for resolver threads. Not within a callback
 * of its calls.
 */
void http_free(struct http *http);

/*
 * The multi handle's seam for sys/mail alone: runs any easy handle under this multi. The
 * handle becomes the call's, which sets what every transfer has (verification, signals,
 * CURLOPT_PRIVATE). After done it stays in the multi, and its connection open, until
 * http_cancel; that is fine within done too.
 */
struct http_call *http_start_easy(struct http *http, void *easy,
	void (*done)(void *arg, int curl_code), void *arg);
struct loop *http_loop(const struct http *http);

#endif
