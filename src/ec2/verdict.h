/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what EC2 (or the network) answered to what may be concluded: five verdicts, by
 * error code before HTTP status (EC2.md 8). Pure: decides nothing about retries.
 */
#ifndef EC2_VERDICT_H
#define EC2_VERDICT_H

#include <stdbool.h>

struct ec2_answer;
struct err;
struct http_reply;

/* What EC2 may ask us to wait; more is cut to this. */
#define EC2_RETRY_AFTER_MAX_MS 60000

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
	EC2_DESCRIBE_IMAGES,
	EC2_DESCRIBE_PRICES,
	EC2_DESCRIBE_SUBNETS,
	EC2_DESCRIBE_VOLUMES,
	EC2_DESCRIBE_ADDRESSES,
	EC2_DESCRIBE_KEY_PAIRS,
	EC2_DESCRIBE_GROUPS,
	EC2_DESCRIBE_TYPES,
	EC2_DESCRIBE_OFFERINGS,
	EC2_DESCRIBE_ZONES,
	EC2_ASSOCIATE_ADDRESS,
	EC2_ATTACH_VOLUME,
	EC2_GET_PARAMETER, /* of SSM */
	EC2_CREATE_TAGS,
	EC2_DELETE_VOLUME,
	EC2_DESCRIBE_REQUESTS, /* of spot */
	EC2_CANCEL_REQUESTS,
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
	EC2_CLASS_AUTH, /* final */
	/* maybe the clock, maybe expired credentials; the client makes it AUTH at last */
	EC2_CLASS_AUTH_CLOCK,
	EC2_CLASS_STATE,
	EC2_CLASS_VOLUME, /* volume or address */
	EC2_CLASS_NOT_VISIBLE,
	EC2_CLASS_MISMATCH, /* IdempotentParameterMismatch: an instance may exist */
	/* IdempotentInstanceTerminated: it existed and is dead */
	EC2_CLASS_TERMINATED,
	EC2_CLASS_TOKEN, /* InvalidClientToken */
	EC2_CLASS_PROTECTED,
	EC2_CLASS_DRY_RUN,      /* it would have worked */
	EC2_CLASS_PAGE_TOKEN,   /* the scan starts again */
	EC2_CLASS_UNKNOWN_CODE, /* by HTTP class */
	EC2_CLASS_NEVER_SENT,
	EC2_CLASS_COUNT
};

/* "done", "later", ... */
const char *ec2_verdict_name(enum verdict verdict);
/* "RunInstances" */
const char *ec2_action_name(enum ec2_action action);

/* The class of an error code; EC2_CLASS_UNKNOWN_CODE when it is in no row. */
enum ec2_class ec2_classify_code(const char *code);

/*
 * Judges a reply: fills verdict, class, err (sentence, reason, AWS's code, message and
 * request id), sent and retry_after_ms, and leaves the rest. unparsed is NULL if a 2xx body
 * was understood whole by its parser, else the parser's error; other replies ignore it.
 */
void ec2_judge(enum ec2_action action, const struct http_reply *reply,
	const struct err *unparsed, struct ec2_answer *answer);
/*
 * The class of a whole reply that is no 2xx, of any service that speaks as EC2 does, and its
 * sentence behind "what: " with the origin's code, message and request id.
 */
enum ec2_class ec2_judge_error(const char *what, const struct http_reply *reply,
	struct err *err);
/* Judges an error that did not come by HTTP: class and its verdict; err is copied. */
void ec2_judge_class(enum ec2_action action, enum ec2_class class,
	const struct err *err, struct ec2_answer *answer);

#endif
