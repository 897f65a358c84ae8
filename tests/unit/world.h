/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world for tests of the core: a pool on a ledger in memory, the fake cloud, and a
 * clock that is moved by hand. It can crash and come back.
 */
#ifndef WORLD_H
#define WORLD_H

#include "fake_cloud.h"

struct world {
	struct rng rng;
	struct fake_cloud cloud;
	struct conf *conf;
	const char *dir; /* of the ledger; NULL: in memory */
	struct store *store;
	struct loop *loop;
	struct pool *pool;
	bool disk_full;        /* no commit succeeds */
	bool may_fail;         /* a commit may fail; else that ends the test */
	int committed;         /* enum store_result of the last commit */
	char commit_text[512]; /* what it said */
};

/* workers: the YAML below `workers:`, each line indented by two blanks. */
void world_init(struct world *v, const char *workers);
/* The same in a cloud in which what the keys may do can be tried. */
void world_init_tried(struct world *v, const char *workers);
/* The same with the ledger in a directory. */
void world_init_in(struct world *v, const char *dir, const char *workers);
void world_fini(struct world *v);
/* The process ends without a word and a new one starts on the same ledger. */
void world_restart(struct world *v);
/* Its two halves, for what happens to the files in between. */
void world_stop(struct world *v);
void world_again(struct world *v);
/* Another configuration, as a reload brings it. */
void world_reload(struct world *v, const char *workers);
/* Runs turns until the given time has passed. */
void world_run(struct world *v, int64_t ms);
/* One turn without time passing. */
void world_turn(struct world *v);

struct worker *world_worker(struct world *v, const char *name);
void world_up(struct world *v, const char *name);
/* Up, running, attached: state substantiated. */
void world_ready(struct world *v, const char *name);
void world_down(struct world *v, const char *name);
void world_attach(struct world *v, const char *name);
/* For worker_wait: what it was told. */
struct world_told {
	int calls;
	struct err err; /* of the last; ERR_NONE: reached */
};
void world_on_told(void *arg, struct worker *w, const struct err *err);
/* The one instance of a worker that lives in the cloud, or NULL. */
struct fake_instance *world_living(struct world *v, const char *name);

#endif
