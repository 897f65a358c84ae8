/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owners: masters that report facts (attached, building) about workers over sessions. While
 * one has a session its workers are its own; when the last has ended, its facts outlive it
 * by owner_timeout, and by owner_build_timeout where it last reported a build.
 */
#ifndef CORE_OWNER_H
#define CORE_OWNER_H

#include "core/types.h"

struct conf;
struct pool;
struct worker;

struct owner {
	struct pool *pool; /* borrowed, outlives us */
	char *name;        /* owned; the hash key */
	unsigned sessions; /* open ones; not stored: a restart ends them all */
	unsigned workers;  /* whose facts it reported last */
	/* Set while it is gone and has workers: its facts count no longer. */
	struct deadline idle, build;
	bool dirty;
	struct owner *next_dirty;
	UT_hash_handle hh;
};

/* Begins a session. A second one of the same owner stands beside the first. */
struct owner *owner_enter(struct pool *p, const char *name);
/* A session has ended. o may be NULL. */
void owner_leave(struct owner *o);
bool owner_is_live(const struct owner *o);

/*
 * Whether o (NULL: nobody, an operator) may report facts of w, start it or stop it. ERR_OWNED
 * while another owner is live.
 */
int owner_may(const struct owner *o, const struct worker *w, struct err *err);
/* o (NULL: nobody) has just reported a fact of w; build: about its builds. */
void owner_claim(struct owner *o, struct worker *w, bool build);
/* Forgets what an owner (if any) has reported of w. */
void owner_drop(struct worker *w);

/* When the facts of w lapse, and what that limit is called; NULL: not, or not while held. */
const struct deadline *owner_limit(const struct worker *w, const char **ret_kind);

/* For the ledger: the owner of that name, made if there is none. */
struct owner *owner_of(struct pool *p, const char *name);
/* A worker's stored owner. */
void owner_adopt(struct owner *o, struct worker *w);
/* After loading: no session has outlived the restart. */
void owners_start(struct pool *p);
/* The limits have changed from those of old; running ones keep what has elapsed. */
void owners_set_conf(struct pool *p, const struct conf *old);
/* Their rows are written: those that nothing refers to leave memory. */
void owners_written(struct pool *p);
void owners_free(struct pool *p);

#endif
