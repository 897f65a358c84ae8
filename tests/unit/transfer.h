/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop, a client and a server that follows a script, for the tests of sys/http.
 */
#ifndef TESTS_TRANSFER_H
#define TESTS_TRANSFER_H

#include "sys/http.h"

#include "peer.h"

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

struct transfer {
	struct loop *loop;
	struct http *http;
	struct peer peer;
};

extern struct transfer transfer;

/* A reply, kept beyond its callback. */
struct transfer_result {
	int count;
	struct http_reply reply;
	char *body;
	struct http_call *to_cancel;
};

/* Fixtures: without any proxy of the environment. */
void transfer_setup(void);
void transfer_teardown(void);

/* For http_start, with a struct transfer_result. */
void transfer_on_done(void *arg, const struct http_reply *reply);
/* Runs one request to its end. */
void transfer_run(const struct http_request *request, struct transfer_result *r);
void transfer_result_fini(struct transfer_result *r);
char *transfer_url(const char *scheme, int port);

/* A peer_script; arg: the answer to each request, after which it closes. */
void transfer_answer_and_close(int listener, const void *arg);

#endif
