/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what EC2 (or the network) answered to what may be concluded: five verdicts, by
 * error code before HTTP status (EC2.md 8). Pure: decides nothing about retries.
 */
#ifndef EC2_VERDICT_H
#define EC2_VERDICT_H

#include <stdbool.h>

struct err;
struct http_reply;

enum verdict {
	VERDICT_DONE, /* it happened, and the whole answer was understood */
	/* never sent, or throttled: nothing happened, the same may be sent again */
	VERDICT_LATER,
	VERDICT_REPEAT,  /* nothing is known: it may have happened */
	VERDICT_REFUSED, /* it certainly did not happen */
	/* EC2 does not see the thing: one observation, not a proof of absence */
	VERDICT_MISSING,
};

enum ec2_action {
	EC2_RUN_INSTANCES,
	EC2_DESCRIBE_INSTANCES,
	EC2_TERMINATE_INSTANCES,
	EC2_GET_CONSOLE_OUTPUT,
	EC2_ACTION_COUNT
};

/* How an error code is to be treated beyond its verdict. */
enum ec2_class {
	EC2_CLASS_NONE, /* success */
	EC2_CLASS_THROTTLE,
	EC2_CLASS_PASSING, /* ambiguous: 5xx, time-outs, bodies that are none */
	EC2_CLASS_CAPACITY,
	EC2_CLASS_PRICE,
	EC2_CLASS_QUOTA,
	EC2_CLASS_CONFIG,
	EC2_CLASS_AUTH,       /* final */
	EC2_CLASS_AUTH_CLOCK, /* maybe the clock, maybe expired credentials */
	EC2_CLASS_STATE,
	EC2_CLASS_VOLUME, /* volume or address */
	EC2_CLASS_NOT_VISIBLE,
	EC2_CLASS_MISMATCH, /* IdempotentParameterMismatch: an instance may exist */
	/* IdempotentInstanceTerminated: it existed and is dead */
	EC2_CLASS_TERMINATED,
	EC2_CLASS_TOKEN, /* InvalidClientToken */
	EC2_CLASS_PROTECTED,
	EC2_CLASS_DRY_RUN,
	EC2_CLASS_UNKNOWN_CODE, /* by HTTP class */
	EC2_CLASS_NEVER_SENT,
	EC2_CLASS_COUNT
};

/* "RunInstances" */
const char *ec2_action_name(enum ec2_action action);

/* The class of an error code; EC2_CLASS_UNKNOWN_CODE when it is in no row. */
enum ec2_class ec2_classify_code(const char *code);

struct ec2_answer;

/*
 * Judges a reply: fills verdict, class, err (sentence, reason, AWS's code, message and
 * request id). parsed says whether a 2xx body was understood whole by its parser.
 */
void ec2_judge(enum ec2_action action, const struct http_reply *reply, bool parsed,
	struct ec2_answer *ret_answer);

#endif
