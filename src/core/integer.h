/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integers as Python's int() reads them from text, of any length.
 */
#ifndef CORE_INTEGER_H
#define CORE_INTEGER_H

#include "base/buf.h"

/* A zeroed one is 0. */
struct integer {
	bool negative; /* never of 0 */
	struct buf
		digits; /* owned; 0 to 9 in ASCII, without leading zeros; none of 0 */
};

/*
 * Blanks around, a sign, decimal digits of any script, single underscores between them.
 * False if UTF-8 text[0..len) is anything else; ret is then unchanged.
 */
bool integer_parse(const char *text, size_t len, struct integer *ret);
/* Below, equal to or above 0, as a is less than, equal to or greater than b. */
int integer_compare(const struct integer *a, const struct integer *b);
void integer_fini(struct integer *n);

static inline void
auto_integer(struct integer *n)
{
	integer_fini(n);
}

#endif
