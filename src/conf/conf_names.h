/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names one row of `workers` stands for: linux-[01-40] is forty of them.
 */
#ifndef CONF_NAMES_H
#define CONF_NAMES_H

#include <stddef.h>

struct err;
struct name_set;
struct strings;

#define NAME_LENGTH_MAX 64u
#define NAMES_MAX 10000u /* of a whole pool */

/*
 * Appends every name that pattern makes, the rightmost range counting fastest. -1 and err
 * if it is no pattern, a name is none, or there would be more than max of them; ret_names
 * is then untouched.
 */
int names_expand(const char *pattern, size_t max, struct strings *ret_names,
	struct err *err);

/*
 * Remembers that the row in this line makes name, in *set (NULL: empty). Returns 0, or the
 * line that has made it before.
 */
unsigned names_claim(struct name_set **set, const char *name, unsigned line);
void names_forget(struct name_set *set);

#endif
