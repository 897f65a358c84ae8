/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong just now. Whoever finds a condition says so, as often as he likes, and says
 * when it has passed; between the two lies one episode: one event when it begins, one mail
 * when it has lasted long enough, one event when it ends. In memory only.
 */
#ifndef CORE_HEALTH_H
#define CORE_HEALTH_H

/* lint: includes: episodes hold a condition and an error by value */
#include "core/condition.h"
#include "core/types.h"

struct health;
struct pool;

/* Two troubles of equal members are one episode. */
struct trouble {
	enum condition condition;
	const char *cloud; /* its key, or NULL: none of them */
	const char *about; /* an instance, a worker, ..., or NULL */
};

struct episode {
	enum condition condition;
	char *cloud, *about; /* owned, or NULL */
	struct err err;      /* as said last */
	int64_t since_wall, since_ms;
	int64_t until_ms; /* boottime: passes by itself; INT64_MAX: does not */
	bool mailed;
	struct episode *next, *prev;
};

struct health *health_new(struct pool *p);
void health_free(struct health *h);

/* It begins, or goes on with another text. by: who found or ordered it; NULL: we. */
void health_begin(struct health *h, const struct trouble *t, const struct err *err,
	const char *by);
/* The same, which is over at until_ms unless it is said again. */
void health_begin_until(struct health *h, const struct trouble *t,
	const struct err *err, int64_t until_ms);
/* It was so before this process already; its mail is written if that was due. */
void health_resume(struct health *h, const struct trouble *t, const char *text,
	int64_t since_wall);
/* It has passed; nothing if it has not begun. by as above. */
void health_end(struct health *h, const struct trouble *t, const char *by);
/*
 * Exactly one of these conditions of the cloud, or none (err NULL): the others pass. One
 * that follows another has lasted since that began, and has its mail by then if it was sent.
 */
void health_choose(struct health *h, const char *cloud, unsigned conditions,
	enum condition found, const struct err *err);
/* All about this cloud has passed: it is asked no more. h NULL is fine. */
void health_forget(struct health *h, const char *cloud);

/* By condition, then oldest first; e NULL: the first. Borrowed until the next change. */
const struct episode *health_next(const struct health *h, const struct episode *e);
const struct episode *health_find(const struct health *h, const struct trouble *t);
/* "ok", "degraded", or "down": workers do not come up. */
const char *health_word(const struct health *h);

#endif
