/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests: what clients have asked for under keys of their own, and what came of it. For a
 * day the same key of the same uid is the same operation: it is not done again, and its
 * outcome is the recorded one, after its end and after a restart too.
 */
#ifndef CORE_REQUEST_H
#define CORE_REQUEST_H

#include "core/types.h"

struct pool;
struct requests;
struct worker;

#define REQUEST_KEY_MAX 64 /* bytes */
#define REQUESTS_MAX 100000
#define REQUEST_KEPT_MS (INT64_C(24) * 3600 * 1000)

enum request_what { REQUEST_UP, REQUEST_DOWN, REQUEST_WHAT_COUNT };

/* What is asked for. All of it is what a key stands for. */
struct request_ask {
	int64_t uid;
	const char *key;
	enum request_what what;
	const char *worker;
	int64_t asked; /* the generation that shall go down; 0: whichever is current */
	bool fast;     /* of the same */
};

/* No holes: its bytes are the hash key. */
struct request_id {
	int64_t uid;
	char key[REQUEST_KEY_MAX + 8]; /* the rest is NUL */
};

struct request {
	struct requests *all; /* borrowed; owns us */
	struct request_id id;
	enum request_what what;
	struct worker *worker; /* borrowed from the pool */
	int64_t asked;
	bool fast;
	int64_t generation; /* that it began, joined or ended */
	int64_t at_wall;
	int64_t expires_ms; /* boottime */
	/* What has become of it: the bits of enum wait_for that were reached since. */
	unsigned reached;
	bool over; /* nothing more comes */
	/* How it ended, unless all was reached; text is NULL then. Strings owned. */
	enum err_code code;
	enum err_reason reason;
	char *text, *origin, *origin_text, *request_id;

	bool dirty;
	bool dead; /* its row is to go, then it itself */
	struct request *next_dirty;
	struct request *prev, *next;           /* by age */
	struct request *prev_open, *next_open; /* of the worker, until it is over */
	UT_hash_handle hh;
};

struct requests {
	struct pool *pool;     /* borrowed, outlives us */
	struct request *by_id; /* hash */
	struct request *oldest;
	struct request *dirty;
	size_t max;
};

struct requests *requests_new(struct pool *p);
void requests_free(struct requests *all);

/*
 * What was asked for under this key, or NULL: it is new, and there is room. ERR_INVALID: it
 * was used for something else. ERR_LIMIT: too many are under way.
 */
int requests_look(struct requests *all, const struct request_ask *ask,
	const struct request **ret, struct err *err);
/* A new one was accepted: w's present generation is what it began, joined or ended. */
void requests_add(struct requests *all, const struct request_ask *ask,
	struct worker *w);
/* Records what the worker's present generation has reached. */
void requests_check(struct worker *w);
/* It has ended, as err says. */
void requests_end(struct worker *w, const struct err *err);

/* what: enum wait_for. */
bool request_has_reached(const struct request *r, int what);
/* Over without having reached all; ret_why says how. */
bool request_has_failed(const struct request *r, struct err *ret_why);

/* "worker.substantiate", ...; REQUEST_WHAT_COUNT if there is none of that name. */
const char *request_what_name(enum request_what what);
enum request_what request_what_find(const char *name);
/* A row of the ledger, oldest first; becomes theirs. Its worker has been loaded. */
void requests_adopt(struct requests *all, struct request *row);
/* The dirty ones are on disk. */
void requests_written(struct requests *all);

#endif
