/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Problems with a place: gathered all at once, printed in the order of the file,
 * each with the line, a caret, the reason and the remedy.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include "node.h"

#include <stddef.h>

struct buf;
struct err;

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag {
	enum diag_level level;
	struct mark mark;
	char *key;  /* owned; "workers.bot1.missing_timeout", or NULL */
	char *text; /* owned; reason and remedy */
};

/* The problems of one source. A zeroed struct is a valid empty one. */
struct diags {
	/* borrowed from the loader's caller: the file's name, or NULL */
	const char *name;
	/* borrowed likewise: the whole text, for the quoted line, or NULL */
	const char *source;
	struct diag *items;
	size_t count;
	size_t errors; /* how many of them are DIAG_ERROR */
	/* places whose rest of the line is masked when quoted; owned */
	struct mark *secrets;
	size_t secret_count;
	/*
	 * Names of keys, NULL-terminated, or NULL; borrowed. In a quoted line what
	 * follows such a name and a colon is masked too: for text that could not be
	 * parsed.
	 */
	const char *const *secret_keys;
};

void diag_add(struct diags *ds, enum diag_level level, struct mark mark,
	const char *key, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* A secret value begins here: it is masked in any quoted line. */
void diag_secret(struct diags *ds, struct mark mark);
/*
 * Sorted by place; "name:line:col: error: key: text", and for the first 200 the line and
 * a caret. What is said twice of one place (a range of workers shares its lines) is
 * printed once.
 */
void diag_print(const struct diags *ds, struct buf *out);
/*
 * The first error by place as a sentence, for callers that show one. There must be one.
 * Returns -1.
 */
int diag_to_err(const struct diags *ds, int code, struct err *err);
void diag_fini(struct diags *ds);

/*
 * The candidate nearest to word by edit distance, or NULL if none is near. Case does
 * not count. names: NULL-terminated.
 */
const char *diag_suggest(const char *word, const char *const *names);

static inline void
auto_diags(struct diags *ds)
{
	diag_fini(ds);
}

#endif
