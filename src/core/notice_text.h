/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of a mail: what went missing, what was tried, what EC2 said, how to look on.
 */
#ifndef CORE_NOTICE_TEXT_H
#define CORE_NOTICE_TEXT_H

#include <stddef.h>

struct err;
struct instance;
struct worker;

/* All results are the caller's. i may be NULL. */
char *notice_missing_subject(const char *pool, const struct worker *w,
	const struct err *err);
char *notice_missing_body(const char *pool, const struct worker *w,
	const struct instance *i, const struct err *err);
char *notice_trouble_body(const char *pool, const char *cloud, const struct err *err);
char *notice_refused_body(const char *pool, const char *cloud, const struct err *err);
char *notice_hold_body(const char *pool, const char *reason);
/* body with the console's tail behind it, known secrets masked; len 0: that there is none. */
char *notice_with_console(const char *body, const struct instance *i,
	const char *console, size_t len);

#endif
