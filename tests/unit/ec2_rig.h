/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of a scripted EC2 on the test's own loop, and what its calls gave.
 */
#ifndef EC2_RIG_H
#define EC2_RIG_H

#include "ec2/client.h"

struct http;
struct loop;
struct service;

#define ID "i-0123456789abcdef0"
#define RUN_OK                                                                         \
	"<RunInstancesResponse><instancesSet><item><instanceId>" ID                    \
	"</instanceId></item></instancesSet></RunInstancesResponse>"
#define ITEM(id) "<item><instanceId>" id "</instanceId></item>"
#define PAGE(items, rest)                                                              \
	"<DescribeInstancesResponse><reservationSet><item><instancesSet>" items        \
	"</instancesSet></item></reservationSet>" rest "</DescribeInstancesResponse>"
#define NEXT(token) "<nextToken>" token "</nextToken>"
#define TERMINATE(id)                                                                  \
	"<TerminateInstancesResponse><instancesSet>" ITEM(                             \
		id) "</instancesSet></TerminateInstancesResponse>"
#define ERROR(code)                                                                    \
	"<Response><Errors><Error><Code>" code                                         \
	"</Code><Message>no</Message></Error></Errors><RequestID>r</RequestID></Response>"

/* An answer in a script. */
#define SAYS(code, text)                                                               \
	{                                                                              \
		.status = (code), .body = (text)                                       \
	}
#define SCRIPT(...)                                                                    \
	do {                                                                           \
		static const struct service_answer rows_[] = {__VA_ARGS__};            \
		service_script(rig.service, rows_, COUNT_OF(rows_));                   \
	} while (0)

struct rig {
	struct loop *loop;
	struct http *http;
	struct service *service;
	struct ec2_client *client; /* NULL once a test has freed it */
};

extern struct rig rig;

void rig_setup(void);
void rig_teardown(void);
/* Turns the loop for a while, to see that nothing happens. */
void rig_linger(int64_t ms);
/* Until so many requests have been held. */
void rig_wait_for_held(size_t count);

/* What came of a call. */
struct result {
	unsigned count;
	struct ec2_answer answer;
	char *ids; /* owned; a blank behind each */
	char *output;
	int64_t at;
	bool free_client; /* in the callback */
};

void on_instances(void *arg, const struct ec2_answer *answer,
	struct ec2_instances *list);
void on_console(void *arg, const struct ec2_answer *answer, const char *output,
	size_t len, int64_t at);
void result_wait(const struct result *r);
void result_fini(struct result *r);

/* A launch as the core does it: a slot, then the bytes. */
struct launch {
	struct ec2_slot *slot;
	struct ec2_call *call;
	struct result result;
	bool granted;
	bool keep; /* the slot, for the test to use */
};

void launch_start(struct launch *l);
/* Leaves through the slot that was kept. */
void launch_leave(struct launch *l);

#endif
