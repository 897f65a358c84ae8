/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verifying side of Signature Version 4 (AWS, "Create a signed AWS API request"),
 * over the bytes as they came: nothing is decoded or put in order that the client has
 * not put in order itself, but for the query string, which the algorithm sorts.
 */
#ifndef SIM_SIGV4_H
#define SIM_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_error;
struct sim_keys;

#define SIM_SIGV4_SKEW_MS (15 * 60 * 1000)
#define SIM_SCOPE_MAX 64

/* A request, all borrowed. */
struct sim_http {
	const char *method;
	const char *target; /* path and query as sent */
	const char *body;
	size_t body_len;
	/* A header's value or NULL; names are case-insensitive. */
	const char *(*header)(void *arg, const char *name);
	void *arg;
};

/* Who signed, and for what: the credential scope. */
struct sim_identity {
	char key_id[129];
	char date[9];
	char region[SIM_SCOPE_MAX];
	char service[SIM_SCOPE_MAX];
	char arn[256]; /* of the session whose key it is, or "" */
};

/*
 * Checks the Authorization header at now_ms (wall clock). -1 and the error EC2 sends:
 * MissingAuthenticationToken, IncompleteSignature, RequestExpired, RequestInTheFuture,
 * AuthFailure (STS and SSM: InvalidClientTokenId, SignatureDoesNotMatch). Credentials
 * past their time: RequestExpired of EC2, ExpiredToken of the others.
 */
int sim_sigv4_verify(struct sim_keys *keys, const struct sim_http *http, int64_t now_ms,
	struct sim_identity *ret_identity, struct sim_error *error);

#endif
