/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operation on its way, for the client alone: what it asks of EC2, how an answer is
 * read and judged, and whether it has more to ask.
 */
#ifndef EC2_CALL_H
#define EC2_CALL_H

#include "ec2/client.h"

struct sender_call;
struct sender_result;

/* Consoles have their own: EC2 gives them the lowest rate. */
enum lane_id { LANE_LAUNCH, LANE_TERMINATE, LANE_READ, LANE_CONSOLE, LANE_COUNT };

enum op_id {
	OP_RUN,
	OP_LIST,
	OP_FIND,
	OP_DESCRIBE,
	OP_TERMINATE,
	OP_CONSOLE,
	OP_COUNT
};

struct op {
	int action; /* enum ec2_action */
	enum lane_id lane;
	bool mutating;
	bool urgent; /* a listing never waits behind single looks */
	bool paged;
	/* Takes what it needs of a 2xx body; -1 if that is not what was asked for. */
	int (*parse)(struct ec2_call *call, const char *body, size_t len,
		struct err *err);
	/* As call_goes_on; NULL: never. */
	bool (*goes_on)(struct ec2_call *call, struct ec2_answer *answer);
};

struct ec2_call {
	struct ec2_client *client; /* borrowed; it ends its calls before it goes */
	const struct op *op;
	ec2_instances_done *done;
	ec2_console_done *console_done;
	void *arg;
	char *id;                  /* the one instance it is about, or NULL */
	char *body;                /* owned; the first page's; may hold a password */
	char *paged;               /* owned; the body of the next page, or NULL */
	struct ec2_instances list; /* of the pages so far */
	struct ec2_instances page; /* of the last answer */
	unsigned pages;
	bool restarted; /* the scan, once */
	bool latest;    /* the console that may not be had */
	char *output;   /* owned */
	size_t output_len;
	int64_t output_at;
	int64_t began_ms;           /* of the first page */
	struct ec2_slot *slot;      /* waiting for it or holding it, or NULL */
	struct sender_call *flight; /* NULL while waiting */
	struct ec2_call *prev, *next;
};

/* body is taken; id may be NULL. */
struct ec2_call *call_new_take(struct ec2_client *c, enum op_id op, const char *id,
	char *body, void *arg);
/* Makes the body that asks for a console, the live one or the older. */
void call_ask_console(struct ec2_call *call, bool latest);
/* The body to send now. Borrowed until it is answered. */
const char *call_body(const struct ec2_call *call);
/* Reads and judges what came of the last request. */
void call_judge(struct ec2_call *call, const struct sender_result *result,
	struct ec2_answer *ret_answer);
/* Whether there is more to ask before the answer is one: then the next body is ready. */
bool call_goes_on(struct ec2_call *call, struct ec2_answer *answer);
/* Calls back, which may free the client, and frees the call. */
void call_finish(struct ec2_call *call, const struct ec2_answer *answer);
void call_free(struct ec2_call *call);

#endif
