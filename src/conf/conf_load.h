/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a file to a configuration, or to all that is wrong with it.
 */
#ifndef CONF_LOAD_H
#define CONF_LOAD_H

#include <stddef.h>

struct buf;
struct conf;
struct conf_problems;
struct diags;

/*
 * What loading found: errors and warnings with their places. Owns the text they quote.
 */
struct conf_problems *conf_problems_new(void);
const struct diags *conf_problems_diags(const struct conf_problems *p);
void conf_problems_print(const struct conf_problems *p, struct buf *out);
void conf_problems_free(struct conf_problems *p);
/* "2 errors, 1 warning": the closing line of --check and of a refused reload. */
void conf_problems_sum(const struct conf_problems *p, struct buf *out);

/*
 * Reads, checks and fills; asks nothing of any network. NULL if there is an error; all
 * of them, and the warnings of a good file, are in problems.
 */
struct conf *conf_load(const char *path, struct conf_problems *problems);
/* As conf_load from memory; name for messages; relative paths count from dir. */
struct conf *conf_parse(const char *text, size_t len, const char *name, const char *dir,
	struct conf_problems *problems);
/*
 * --check: appends all problems and a closing line. 0 if the daemon could start with
 * this file, -1 if not.
 */
int conf_report(const char *path, struct buf *out);

#endif
