/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left alone because EC2 refused it: a candidate for want of capacity or quota,
 * for all workers of its cloud and for some minutes; a candidate whose configuration is
 * wrong, for all workers made from it and until a reload. Kept in memory only: after a
 * restart EC2 is asked once more.
 */
#ifndef CORE_REST_H
#define CORE_REST_H

#include "core/types.h"

struct cloud;
struct conf_worker;
struct health;
struct rests;

/* What is tried: a candidate of a worker, or of its launch. Borrowed. */
struct rest_at {
	const struct cloud *cloud;
	struct conf_worker *conf; /* whose configuration */
	const char *type;
	const char *zone, *subnet; /* or NULL */
	bool spot;
};

enum rest_kind {
	REST_CANDIDATE, /* no capacity, or a quota is used up: passes */
	REST_TEMPLATE,  /* its configuration is wrong */
	REST_KIND_COUNT
};

struct rest {
	enum rest_kind kind;
	char *cloud; /* owned; its key */
	/* Owned. What it is about; NULL: any. class: of types that share a vCPU quota. */
	char *type, *class, *zone, *subnet;
	const char *market;           /* static, or NULL: any */
	struct conf_worker *conf;     /* counted; of REST_TEMPLATE */
	struct err why;               /* what EC2 said last */
	int64_t since_ms, since_wall; /* when it said so last; when first */
	int64_t until_ms;             /* boottime */
	int64_t again_ms; /* boottime: one may try it, if there is nothing else */
	unsigned tries;
	struct rest *next, *prev;
};

/* Both are borrowed; health (or NULL) hears of what stops launches. */
struct rests *rests_new(struct rng *rng, struct health *health);
void rests_free(struct rests *r);
/*
 * A launch there was refused; only some reasons are of a kind that rests. True: it is the
 * first refusal of this kind there, as far as is known.
 */
bool rests_refused(struct rests *r, const struct rest_at *at, const struct err *why);
/*
 * What keeps from trying there: of several the one that lasts longest; NULL: nothing.
 * Borrowed until the next change.
 */
const struct rest *rests_find(const struct rests *r, const struct rest_at *at);
/* Somebody tries it although it rests: others wait for what comes of that. */
void rests_try(struct rests *r, const struct rest_at *at);
/* A launch there was answered with an instance. True: something that rested is free. */
bool rests_good(struct rests *r, const struct rest_at *at);
/* Templates are free. */
void rests_reload(struct rests *r);
/* All that rest now, for pool.status. Borrowed; NULL at the end. rest NULL: the first. */
const struct rest *rests_next(const struct rests *r, const struct rest *rest);

#endif
