/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EC2 may leave out of one listing what is there (EC2.md 3): so an absence must last before
 * it is believed, or HOLD would come back for something that an admin has seen.
 */
#include "core/accepted.h"

#include "base/mem.h"

#include <stdlib.h>

struct accepted_set {
	struct accepted *table; /* hash by id */
	bool dirty;
};

struct accepted_set *
accepted_new(void)
{
	return NEW(struct accepted_set);
}

static void
drop(struct accepted_set *set, struct accepted *a)
{
	HASH_DEL(set->table, a);
	free(a->id);
	free(a->cloud);
	free(a);
}

void
accepted_free(struct accepted_set *set)
{
	struct accepted *a, *tmp;

	if (set == NULL)
		return;
	HASH_ITER(hh, set->table, a, tmp)
		drop(set, a);
	free(set);
}

bool
accepted_has(const struct accepted_set *set, const char *id)
{
	struct accepted *a;

	HASH_FIND_STR(set->table, id, a);
	return a != NULL;
}

void
accepted_add(struct accepted_set *set, const char *id, const char *cloud,
	int64_t at_wall)
{
	struct accepted *a;

	if (accepted_has(set, id))
		return;
	a = NEW(struct accepted);
	a->id = xstrdup(id);
	a->cloud = xstrdup(cloud);
	a->at_wall = at_wall;
	HASH_ADD_STR(set->table, id, a);
	set->dirty = true;
}

void
accepted_listed(struct accepted_set *set, const char *cloud, int64_t began_ms,
	int64_t grace_ms, accepted_is_there *is_there, void *arg)
{
	struct accepted *a, *tmp;

	HASH_ITER(hh, set->table, a, tmp) {
		if (!str_equal(a->cloud, cloud))
			continue;
		if (is_there(arg, a->id)) {
			a->absent_ms = 0;
		} else if (a->absent_ms == 0) {
			a->absent_ms = began_ms;
		} else if (began_ms - a->absent_ms >= grace_ms) {
			drop(set, a);
			set->dirty = true;
		}
	}
}

const struct accepted *
accepted_first(const struct accepted_set *set)
{
	return set->table;
}

bool
accepted_is_dirty(const struct accepted_set *set)
{
	return set->dirty;
}

void
accepted_written(struct accepted_set *set)
{
	set->dirty = false;
}
