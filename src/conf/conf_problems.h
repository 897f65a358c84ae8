/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of struct conf_problems: the problems of one load, and the text they quote.
 */
#ifndef CONF_PROBLEMS_H
#define CONF_PROBLEMS_H

#include "base/diag.h"

#include <stddef.h>

struct conf_places;

struct conf_problems {
	struct diags ds;
	char *name; /* owned; NULL without a file */
	char *text; /* owned; the whole file */
	size_t len;
	struct conf_places *places; /* owned; NULL: not kept */
};

/* Forgets what was there and begins with a new text. Copies. */
void problems_set_source(struct conf_problems *p, const char *name, const char *text,
	size_t len);

#endif
