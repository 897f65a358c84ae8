/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the keys of a configuration stand, for problems that only show when AWS is asked:
 * they are told at the place in the file, as those of a load are. A range of workers is
 * one row; what it has from worker_defaults stands there.
 */
#ifndef CONF_PLACES_H
#define CONF_PLACES_H

#include <stdbool.h>
#include <stddef.h>

struct conf_problems;

/* Not an element of a key's list, but the key. */
#define CONF_PLACE_KEY (-1)

/* From now on loads into these problems remember places. */
void conf_places_keep(struct conf_problems *p);
/* How many rows of workers the last load had. */
size_t conf_places_rows(const struct conf_problems *p);
/* The first worker of a row: its index in struct conf. */
size_t conf_places_worker(const struct conf_problems *p, size_t row);

/* Whether the row has the key itself, not from worker_defaults. */
bool conf_places_has(const struct conf_problems *p, size_t row, const char *key);

/* A key of a row, or an element of its list; a lone value is element 0. */
struct conf_place {
	size_t row;
	const char *key;
	int item; /* or CONF_PLACE_KEY */
};

/*
 * Adds a problem. A key that is not there is told at the row. What has been said of a place
 * is not said again. level: enum diag_level.
 */
void conf_places_tell(struct conf_problems *p, const struct conf_place *at, int level,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The same of a key of the section aws, or of the section if the key is not there. */
void conf_places_tell_aws(struct conf_problems *p, int level, const char *key,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
