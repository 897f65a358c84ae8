/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an admin has seen and let go on by pool.resume, by id: HOLD does not come back for
 * it, and the brake does not count it. In the ledger, so that a restart is a no-op.
 */
#ifndef CORE_ACCEPTED_H
#define CORE_ACCEPTED_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

struct accepted_set;

struct accepted {
	char *id;    /* owned */
	char *cloud; /* owned; the key of the cloud that has it */
	int64_t at_wall;
	int64_t absent_ms; /* boottime of the first listing without it; 0: none */
	UT_hash_handle hh;
};

struct accepted_set *accepted_new(void);
void accepted_free(struct accepted_set *set);

bool accepted_has(const struct accepted_set *set, const char *id);
/* Again: nothing. */
void accepted_add(struct accepted_set *set, const char *id, const char *cloud,
	int64_t at_wall);
/*
 * A whole listing of this cloud, begun at began_ms, has been applied, and is_there says what
 * it has: what has been absent for grace_ms is forgotten.
 */
typedef bool accepted_is_there(void *arg, const char *id);
void accepted_listed(struct accepted_set *set, const char *cloud, int64_t began_ms,
	int64_t grace_ms, accepted_is_there *is_there, void *arg);

/* For the ledger: ->hh.next leads on; all are written where anything has changed. */
const struct accepted *accepted_first(const struct accepted_set *set);
bool accepted_is_dirty(const struct accepted_set *set);
void accepted_written(struct accepted_set *set);

#endif
