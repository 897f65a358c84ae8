/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who got a mail lately: the first leaves at once, what follows within five minutes is
 * gathered into one (DESIGN 4, FAULTS M8). In memory only: a restart may mean one mail more.
 */
#ifndef CORE_NOTICE_DIGEST_H
#define CORE_NOTICE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct notice_row;

struct notice_lately;

struct notice_lately *notice_lately_new(void);
void notice_lately_free(struct notice_lately *l);
/* The relay has taken a mail to that recipient. */
void notice_lately_mailed(struct notice_lately *l, const char *recipient);
/* When (wall ms) another may leave: 0: now. */
int64_t notice_lately_due(const struct notice_lately *l, const char *recipient);

/* Whether the row may become part of another: it waits for nothing and was never tried. */
bool notice_may_fold(const struct notice_row *row);
/*
 * Makes row the digest of itself and all others to its recipient that may fold, which are
 * marked over; how many. Both are dirty then.
 */
size_t notice_fold(struct notice_row *rows, struct notice_row *row, const char *pool);

#endif
