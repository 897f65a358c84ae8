/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operation on its way, for the client alone: what it asks of EC2, how an answer is
 * read and judged, and whether it has more to ask.
 */
#ifndef EC2_CALL_H
#define EC2_CALL_H

/* lint: includes: a call embeds what the operations give */
#include "ec2/client.h"
#include "ec2/items.h"
#include "ec2/lookup.h"

struct sender_call;
struct sender_result;

/* EC2 has a bucket for each action; consoles get the lowest rate. */
enum lane_id {
	LANE_LAUNCH,
	LANE_TERMINATE,
	LANE_READ,   /* of instances */
	LANE_LOOKUP, /* of everything else: many pages, or seldom */
	LANE_CHANGE, /* addresses, volumes, tags */
	LANE_CONSOLE,
	LANE_COUNT
};

enum op_id {
	OP_RUN,
	OP_LIST,
	OP_FIND,
	OP_DESCRIBE,
	OP_TERMINATE,
	OP_CONSOLE,
	OP_IMAGES,
	OP_PRICES,
	OP_SUBNETS,
	OP_VOLUMES,
	OP_ADDRESSES,
	OP_KEY_PAIRS,
	OP_GROUPS,
	OP_TYPES,
	OP_OFFERINGS,
	OP_ZONES,
	OP_ASSOCIATE,
	OP_ATTACH,
	OP_TAG,
	OP_LEFT_VOLUMES,
	OP_LEFT_REQUESTS,
	OP_DELETE_VOLUME,
	OP_CANCEL_REQUEST,
	OP_DRY_RUN,
	OP_DRY_TERMINATE,
	OP_PARAMETER,
	OP_COUNT
};

/* Each has its own place, and its own form of a request. */
enum service_id { SERVICE_EC2, SERVICE_SSM, SERVICE_COUNT };

struct op {
	int action; /* enum ec2_action */
	enum service_id service;
	enum lane_id lane;
	bool mutating;
	bool urgent; /* a listing never waits behind single looks */
	bool paged;
	/* Of what it lists; NULL: nothing. */
	const struct item_shape *shape;
	/* Takes what it needs of a 2xx body; -1 if that is not what was asked for. */
	int (*parse)(struct ec2_call *call, const char *body, size_t len,
		struct err *err);
	/* As call_goes_on; NULL: never. */
	bool (*goes_on)(struct ec2_call *call, struct ec2_answer *answer);
	/* Calls back; list is empty unless DONE, and what is left in it is freed. */
	void (*deliver)(struct ec2_call *call, const struct ec2_answer *answer,
		struct items *list);
};

union call_done {
	ec2_instances_done *instances;
	ec2_console_done *console;
	ec2_images_done *images;
	ec2_prices_done *prices;
	ec2_subnets_done *subnets;
	ec2_volumes_done *volumes;
	ec2_addresses_done *addresses;
	ec2_key_pairs_done *key_pairs;
	ec2_groups_done *groups;
	ec2_types_done *types;
	ec2_offerings_done *offerings;
	ec2_zones_done *zones;
	ec2_parameter_done *parameter;
	ec2_leftovers_done *leftovers;
	ec2_done *plain;
};

struct ec2_call {
	struct ec2_client *client; /* borrowed; it ends its calls before it goes */
	const struct op *op;
	union call_done done; /* the one of its operation */
	void *arg;
	char *id;          /* owned; the one thing it is about, or NULL */
	char *other;       /* owned; the volume that is attached to it, or NULL */
	char *body;        /* owned; the first page's; may hold a password */
	char *paged;       /* owned; the body of the next page, or NULL */
	struct items list; /* of the pages so far */
	struct items page; /* of the last answer */
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

/* op.c */
extern const struct op ec2_ops[OP_COUNT];

/* body is taken; id may be NULL. */
struct ec2_call *call_new_take(struct ec2_client *c, enum op_id op, const char *id,
	char *body, void *arg);
/* Queues it, or lets it leave through the slot that it has. Returns call. */
struct ec2_call *call_start(struct ec2_call *call);
/* Makes the body that asks for a console, the live one or the older. */
void call_ask_console(struct ec2_call *call, bool latest);
/* The body to send now. Borrowed until it is answered. */
const char *call_body(const struct ec2_call *call);
/* Reads and judges what came of the last request. */
void call_judge(struct ec2_call *call, const struct sender_result *result,
	struct ec2_answer *ret_answer);
/* Whether there is more to ask before the answer is one: then the next body is ready. */
bool call_goes_on(struct ec2_call *call, struct ec2_answer *answer);
/* Of what has pages: the next one, or once again from the first. */
bool call_scan_goes_on(struct ec2_call *call, struct ec2_answer *answer);
/* Calls back, which may free the client, and frees the call. */
void call_finish(struct ec2_call *call, const struct ec2_answer *answer);
void call_free(struct ec2_call *call);

#endif
