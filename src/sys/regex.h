/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions, by PCRE2, to be read as Python reads them in re.match: Unicode,
 * anchored at the start and not at the end. A match costs a bounded amount of work.
 */
#ifndef SYS_REGEX_H
#define SYS_REGEX_H

#include "base/mem.h"

struct err;
struct regex;

#define REGEX_PATTERN_MAX 4096u   /* bytes */
#define REGEX_MATCH_LIMIT 100000u /* PCRE2's steps for one text: about a millisecond */

/*
 * NULL and err if the pattern is none; ret_offset (may be NULL) gets the byte of it at
 * which that was seen, at most its length. The result is counted and begins with one
 * reference.
 */
struct regex *regex_compile(const char *pattern, size_t *ret_offset, struct err *err);
struct regex *regex_ref(struct regex *re);
/* NULL is fine. */
void regex_unref(struct regex *re);

const char *regex_pattern(const struct regex *re);
/* How many groups the pattern has. */
unsigned regex_groups(const struct regex *re);

/* Where the first group is in the text. */
struct regex_group {
	const char *
		text; /* borrowed from the text; NULL: it took no part, or is not there */
	size_t len;
};

/*
 * 1: the text begins with what the pattern describes; 0: it does not; -1: nobody knows,
 * for a limit was reached (ERR_LIMIT), or the text is no UTF-8 (ERR_PARSE). ret_group is
 * filled on 1; NULL if nobody asks.
 */
int regex_match(const struct regex *re, const char *text, struct regex_group *ret_group,
	struct err *err);

AUTO_DEFINE(regex, struct regex *, regex_unref)

#endif
