/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the ledger that are not taken up: damaged ones, and those over which one start
 * after the other has died. They stay where they are, and so does what they are of; a
 * worker of which any row is set aside keeps its name and is left alone as a whole.
 */
#ifndef CORE_ASIDE_H
#define CORE_ASIDE_H

#include "core/types.h"

struct pool;
struct worker;

struct aside {
	char *kind, *id; /* owned; as starts.h has them */
	char *reason;    /* owned; a sentence */
	int64_t at_wall;
	/* Owned; the version that died over it and is not to try again; NULL: damaged. */
	char *crashed;
	bool told;      /* by event and mail */
	bool seen;      /* by this start: it is still so */
	bool over;      /* its row is deleted by the next commit */
	bool unseal;    /* by order: its rows count as they stand */
	bool abandoned; /* by order: so are the rows that were set aside */
	bool dirty;
	struct aside *next;
};

/* One that the ledger remembers; takes it. */
void aside_adopt(struct pool *p, struct aside *a);
/* NULL: none of that name, or it is over. */
struct aside *aside_find(const struct pool *p, const char *kind, const char *id);
/* Whether this row is not even to be looked at. */
bool aside_is_poison(const struct pool *p, const char *kind, const char *id);
/* This row is damaged. */
void aside_put(struct pool *p, const char *kind, const char *id, const char *reason);
/* The same for all rows of a worker, of which nothing is left in memory but its name. */
void aside_put_worker(struct worker *w, const char *reason);
/* All rows are read: what is whole again is forgotten, what is not is said aloud. */
void asides_start(struct pool *p);
/* ERR_UNAVAILABLE and why, if this worker is set aside. */
int aside_refuse(const struct worker *w, struct err *err);

/* By order: the next start takes its rows up as they stand. */
void aside_release(struct worker *w, const struct cause *cause);
/* By order: its rows are given up, its name is free, and what they were of is an orphan. */
void aside_abandon(struct worker *w, const struct cause *cause);

/* The commit has written them. */
void asides_written(struct pool *p);
void asides_free(struct pool *p);

#endif
