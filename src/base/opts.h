/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line by rows: an option is a row of a field table, `dry_run` is `--dry-run`,
 * and `example` names its value. A boolean takes none, and neither does a whole number
 * without an example: it counts.
 */
#ifndef BASE_OPTS_H
#define BASE_OPTS_H

#include <stdbool.h>

struct buf;
struct err;
struct field;
struct fields;
struct strings;

/* -c for `config`. A list ends with a letter of 0. */
struct opt_letter {
	char letter;
	const char *name;
};

/* What is done with an option; text is NULL for one that takes no value. */
typedef int opts_fn(void *arg, const struct field *row, const char *text,
	struct err *err);

/* A table of options, and what becomes of them. */
struct opts {
	const struct fields *table;
	const struct opt_letter *letters; /* or NULL */
	const char *const *words;         /* rows that are no options; or NULL */
	opts_fn *fn;
	void *arg;
};

/* An opts_fn: arg is the table's struct. */
int opts_set(void *arg, const struct field *row, const char *text, struct err *err);

/*
 * Reads argv from *index on, by the rows of several sets (NULL-terminated), to its end.
 * Words that are no options go to words, as does all behind "--"; where words is NULL they
 * are wrong. -1 and ERR_INVALID for wrong usage.
 */
int opts_parse(const struct opts *const *sets, char *const *argv, int *index,
	struct strings *words, struct err *err);
/* As opts_parse, but stops at the first word; *index is its place. */
int opts_parse_first(const struct opts *const *sets, char *const *argv, int *index,
	struct err *err);

/*
 * The row that "--name", "--name=value", "-n" or "-nvalue" asks for, or NULL. ret_value is
 * what stands in arg behind the name: borrowed, NULL if nothing does.
 */
const struct field *opts_find(const struct opts *const *sets, const char *arg,
	const char **ret_value);
bool opts_takes_value(const struct field *row);
/* Whether the row is an option of this set, not a word. */
bool opts_has(const struct opts *set, const struct field *row);
/* Its letter, or 0. */
char opts_letter(const struct opts *set, const struct field *row);
/* "dry-run"; the caller's. */
char *opts_name(const struct field *row);
/* "FILE", or "on|off" where there is a choice; nothing if it takes no value. */
void opts_value_name(const struct field *row, struct buf *out);

/* A line or more for each option. */
void opts_help(const struct opts *set, struct buf *out);
/* "  name    text", wrapped and indented: for help. */
void opts_help_line(const char *name, const char *text, struct buf *out);

#endif
