/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature Version 4 of one kind of request: POST or GET to a path, signed headers
 * content-type;host;x-amz-date, with x-amz-security-token and x-amz-target where there.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
#ifndef EC2_SIGV4_H
#define EC2_SIGV4_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/* Borrowed. */
struct sigv4_keys {
	const char *id;
	const char *secret;
	const char *token; /* session token, or NULL */
};

/*
 * The derived key of one (secret, date, region, service). A zeroed one is empty; wipe it
 * with sigv4_cache_fini.
 */
struct sigv4_cache {
	char scope[128]; /* "20260131/us-east-1/ec2/aws4_request" */
	unsigned char secret_digest[32];
	unsigned char key[32];
};

struct sigv4_request {
	const char *method; /* "POST" */
	const char
		*host; /* as in the Host header, with a port that is not the default */
	const char *path;         /* "/" */
	const char *query;        /* canonical already, or "" */
	const char *content_type; /* NULL: not sent, not signed */
	const char *target;       /* X-Amz-Target (SSM), or NULL; signed when there */
	const char *body;
	size_t body_len;
	const char *region, *service;
	int64_t wall_ms; /* the clock with the learnt offset; years 1970 to 9999 */
};

#define SIGV4_DATE_SIZE 17 /* 20260131T101500Z and NUL */

/*
 * Fills date (the value of X-Amz-Date) and appends the value of the Authorization header.
 * The caller sends exactly the headers that are signed. cache may be NULL.
 */
void sigv4_sign(const struct sigv4_request *r, const struct sigv4_keys *keys,
	struct sigv4_cache *cache, char date[static SIGV4_DATE_SIZE],
	struct buf *authorization);
void sigv4_cache_fini(struct sigv4_cache *cache);

#endif
