/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A digest is a row like any other: folded first, written with the turn, sent after the
 * commit, so that it keeps its one Message-ID whatever happens.
 */
#include "core/notice_digest.h"

#include "base/buf.h"
#include "base/clock.h"
#include "core/notice.h"

#include <string.h>
#include <strings.h>
#include <utlist.h>

#define TOGETHER_MS (INT64_C(5) * 60 * 1000)
#define BODY_MAX (256u * 1024u) /* of those that are there in full */

struct mailed {
	char *recipient;
	int64_t at_ms, at_wall;
	struct mailed *next;
};

struct notice_lately {
	struct mailed *list;
};

struct notice_lately *
notice_lately_new(void)
{
	return NEW(struct notice_lately);
}

static void
forget(struct notice_lately *l, struct mailed *m)
{
	LL_DELETE(l->list, m);
	free(m->recipient);
	free(m);
}

void
notice_lately_free(struct notice_lately *l)
{
	if (l == NULL)
		return;
	while (l->list != NULL)
		forget(l, l->list);
	free(l);
}

void
notice_lately_mailed(struct notice_lately *l, const char *recipient)
{
	struct mailed *m, *tmp;
	int64_t now = clock_ms();

	LL_FOREACH_SAFE(l->list, m, tmp) {
		if (now - m->at_ms >= TOGETHER_MS ||
			strcasecmp(m->recipient, recipient) == 0)
			forget(l, m);
	}
	m = NEW(struct mailed);
	m->recipient = xstrdup(recipient);
	m->at_ms = now;
	m->at_wall = clock_wall_ms();
	LL_PREPEND(l->list, m);
}

int64_t
notice_lately_due(const struct notice_lately *l, const char *recipient)
{
	const struct mailed *m;

	LL_FOREACH(l->list, m) {
		if (strcasecmp(m->recipient, recipient) == 0 &&
			clock_ms() - m->at_ms < TOGETHER_MS)
			return m->at_wall + TOGETHER_MS;
	}
	return 0;
}

bool
notice_may_fold(const struct notice_row *row)
{
	return !row->over && !row->dirty && row->tries == 0 && row->console_of == NULL;
}

static bool
folds_into(const struct notice_row *other, const struct notice_row *row)
{
	return other != row && notice_may_fold(other) &&
		strcasecmp(other->recipient, row->recipient) == 0;
}

static void
put_one(struct buf *body, const struct notice_row *row)
{
	buf_printf(body, "\n---- %s\n\n", row->subject);
	if (body->len + strlen(row->body) <= BODY_MAX)
		buf_puts(body, row->body);
	else
		buf_puts(body,
			"(left out, for this mail is long; ec2workerctl history "
			"has it)\n");
}

size_t
notice_fold(struct notice_row *rows, struct notice_row *row, const char *pool)
{
	struct buf list = {0}, body = {0};
	struct notice_row *other;
	size_t count = 1;

	buf_printf(&list, "  %s\n", row->subject);
	put_one(&body, row);
	DL_FOREACH(rows, other) {
		if (!folds_into(other, row))
			continue;
		count++;
		buf_printf(&list, "  %s\n", other->subject);
		put_one(&body, other);
		other->over = other->dirty = true;
	}
	if (count > 1) {
		free(row->subject);
		free(row->body);
		row->subject = xasprintf("ec2workerd %s: %zu notices", pool, count);
		row->body = xasprintf("%zu things happened in the pool %s:\n\n%s%s",
			count, pool, buf_str(&list), buf_str(&body));
		row->dirty = true;
	}
	buf_fini(&list);
	buf_fini(&body);
	return count;
}
