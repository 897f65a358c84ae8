/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a mail: what went missing, what was tried, what EC2 said, how to look on.
 */
#ifndef CORE_NOTICE_TEXT_H
#define CORE_NOTICE_TEXT_H

#include <stddef.h>

struct episode;
struct err;
struct instance;
struct worker;

/* All results are the caller's. i may be NULL. */
char *notice_missing_subject(const char *pool, const struct worker *w,
	const struct err *err);
char *notice_missing_body(const char *pool, const struct worker *w,
	const struct instance *i, const struct err *err);
char *notice_condition_body(const char *pool, const struct episode *e);
/* body with the console's tail behind it, known secrets masked; len 0: that there is none. */
char *notice_with_console(const char *body, const struct instance *i,
	const char *console, size_t len);

#endif
