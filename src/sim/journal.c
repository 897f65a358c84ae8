/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of records with two bounds, and the counters. */
#include "sim/journal.h"

#include "base/clock.h"
#include "base/mem.h"

#include <string.h>

#define UNKNOWN_ACTION "?"

struct sim_journal {
	struct sim_record *ring; /* owned; record seq stands at seq % SIM_JOURNAL_MAX */
	uint64_t first, last;
	size_t bytes;
	struct sim_count *counts; /* owned */
	size_t count_count;
};

static size_t
text_len(const struct sim_record *r)
{
	return (size_t)(sim_record_text(r, 3) - r->text) + r->body_len;
}

static struct sim_record *
slot(struct sim_journal *j, uint64_t seq)
{
	return &j->ring[seq % SIM_JOURNAL_MAX];
}

struct sim_journal *
sim_journal_new(void)
{
	struct sim_journal *j = NEW(struct sim_journal);

	j->ring = xcalloc(SIM_JOURNAL_MAX, sizeof(*j->ring));
	j->first = 1;
	return j;
}

static void
drop_oldest(struct sim_journal *j)
{
	struct sim_record *r = slot(j, j->first++);

	j->bytes -= text_len(r);
	free(r->text);
	memset(r, 0, sizeof(*r));
}

void
sim_journal_clear(struct sim_journal *j)
{
	while (j->first <= j->last)
		drop_oldest(j);
	for (size_t n = 0; n < j->count_count; n++)
		free(j->counts[n].action);
	free(j->counts);
	j->counts = NULL;
	j->count_count = 0;
}

void
sim_journal_free(struct sim_journal *j)
{
	if (j == NULL)
		return;
	sim_journal_clear(j);
	free(j->ring);
	free(j);
}

/* Its name as the journal keeps it. */
static const char *
count_call(struct sim_journal *j, const char *action)
{
	for (size_t n = 0; n < j->count_count; n++) {
		if (strcmp(j->counts[n].action, action) == 0) {
			j->counts[n].calls++;
			return j->counts[n].action;
		}
	}
	j->counts = xreallocarray(j->counts, j->count_count + 1, sizeof(*j->counts));
	j->counts[j->count_count] = (struct sim_count){xstrdup(action), 1};
	return j->counts[j->count_count++].action;
}

static char *
join(const char *const head[3], const char *body, size_t body_len)
{
	size_t len[3];
	size_t total = body_len + 1;
	char *text;
	char *to;

	for (unsigned n = 0; n < 3; n++) {
		len[n] = strlen(head[n]) + 1;
		total += len[n];
	}
	text = to = xmalloc(total);
	for (unsigned n = 0; n < 3; n++) {
		memcpy(to, head[n], len[n]);
		to += len[n];
	}
	if (body_len > 0)
		memcpy(to, body, body_len);
	to[body_len] = '\0';
	return text;
}

struct sim_record *
sim_journal_add(struct sim_journal *j, const char *action, const char *const head[3],
	const char *body, size_t body_len)
{
	const char *name = count_call(j, action != NULL ? action : UNKNOWN_ACTION);
	struct sim_record *r;

	if (j->last - j->first + 1 >= SIM_JOURNAL_MAX)
		drop_oldest(j);
	r = slot(j, ++j->last);
	r->seq = j->last;
	r->wall_ms = clock_wall_ms();
	r->action = action != NULL ? name : NULL;
	r->text = join(head, body, body_len);
	r->body_len = body_len;
	j->bytes += text_len(r);
	while (j->bytes > SIM_JOURNAL_BYTES && j->first < j->last)
		drop_oldest(j);
	return r;
}

struct sim_record *
sim_journal_find(struct sim_journal *j, uint64_t seq)
{
	return seq >= j->first && seq <= j->last ? slot(j, seq) : NULL;
}

uint64_t
sim_journal_first(const struct sim_journal *j)
{
	return j->first;
}

uint64_t
sim_journal_last(const struct sim_journal *j)
{
	return j->last;
}

const char *
sim_record_text(const struct sim_record *r, unsigned n)
{
	const char *text = r->text;

	for (; n > 0; n--)
		text += strlen(text) + 1;
	return text;
}

const struct sim_count *
sim_journal_counts(const struct sim_journal *j, size_t *ret_count)
{
	*ret_count = j->count_count;
	return j->counts;
}
