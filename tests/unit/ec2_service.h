/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An EC2 on the test's own loop that answers by script and keeps what it was asked.
 */
#ifndef EC2_SERVICE_H
#define EC2_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct httpd;
struct httpd_request;
struct loop;

#define SERVICE_SEEN_MAX 512u
#define SERVICE_HELD_MAX 256u

enum service_way {
	SERVICE_ANSWER, /* with status and body */
	SERVICE_HOLD,   /* later, by service_release */
	SERVICE_CUT,    /* closes in the middle of the body */
	SERVICE_DROP,   /* closes without a word */
};

struct service_answer {
	int status;
	const char *body;
	const char *retry_after_ms; /* x-amz-retry-after, or NULL */
	int64_t clock_ms;           /* what its clock is ahead of ours */
	enum service_way way;
};

struct service_seen {
	char *body, *date, *token, *authorization, *host, *type,
		*target; /* owned; NULL: not sent */
};

struct service {
	struct httpd *httpd;
	const struct service_answer *script; /* one after the other; the last stays */
	size_t script_len, next;
	struct service_seen seen[SERVICE_SEEN_MAX];
	size_t seen_count;
	struct httpd_request *held[SERVICE_HELD_MAX]; /* NULL once released */
	size_t held_count;
	/* Called at each request before it is answered; NULL: nothing. */
	void (*on_request)(void *arg);
	void *arg;
};

void service_start(struct service *s, struct loop *loop);
void service_script(struct service *s, const struct service_answer *script, size_t len);
/* "http://127.0.0.1:PORT". The caller's. */
char *service_url(const struct service *s);
/* Answers the held request of that number, counted from 0 over all that were held. */
void service_release(struct service *s, size_t held,
	const struct service_answer *answer);
/* Whether the body of the request of that number has this parameter: "Name=value". */
bool service_has(const struct service *s, size_t seen, const char *param);
/* How many of the requests have it. */
size_t service_count(const struct service *s, const char *param);
void service_stop(struct service *s);

#endif
