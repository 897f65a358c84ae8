/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server on the test's own loop with which a whole conversation is written down: what is
 * asked next, and what is answered. Any other question fails the test.
 */
#ifndef TESTS_TALK_H
#define TESTS_TALK_H

#include <stddef.h>

struct httpd;
struct httpd_request;
struct loop;

enum talk_way {
	TALK_ANSWER,
	TALK_DROP, /* closes without a word */
	TALK_HOLD, /* says nothing until the end */
};

struct talk_row {
	const char *asks; /* "GET /path" */
	const char *
		header; /* "Name: value" that it brings, "Name:" that it must not; or NULL */
	const char *has; /* parameters that its body has, "A=b&C=d"; or NULL */
	int status;
	const char *body;
	enum talk_way way;
};

struct talk {
	struct httpd *httpd;
	const struct talk_row *rows;
	size_t count, next;
	struct httpd_request *held;
};

void talk_start(struct talk *t, struct loop *loop);
/* From now on. rows live until the next script. */
void talk_script(struct talk *t, const struct talk_row *rows, size_t count);
#define TALK(t, ...)                                                                   \
	do {                                                                           \
		static const struct talk_row rows_[] = {__VA_ARGS__};                  \
		talk_script((t), rows_, COUNT_OF(rows_));                              \
	} while (0)
/* "http://127.0.0.1:PORT" and the rest. The caller's. */
char *talk_url(const struct talk *t, const char *rest);
/* All that was written down has been said. */
void talk_check(const struct talk *t);
void talk_stop(struct talk *t);

/* What STS answers to an action, with keys of that id: "id", "s-id", "t-id", in an hour. */
#define TALK_STS(action, id, until)                                                    \
	"<" action "Response><" action "Result><Credentials><AccessKeyId>" id          \
	"</AccessKeyId><SecretAccessKey>s-" id "</SecretAccessKey><SessionToken>t-" id \
	"</SessionToken><Expiration>" until "</Expiration></Credentials></" action     \
	"Result></" action "Response>"
#define TALK_JSON(id, until)                                                           \
	"{\"Code\":\"Success\",\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"s-" id \
	"\",\"Token\":\"t-" id "\",\"Expiration\":\"" until "\"}"

#endif
