/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathers problems and shows them in the order of the file. Decides what a quoted line may
 * show: nothing behind the place where a secret begins.
 */
#include "base/diag.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <assert.h>
#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define QUOTE_INDENT "        "
#define QUOTE_MAX 100u   /* characters of a long line that are shown */
#define QUOTE_BEFORE 60u /* of these, before the caret */
#define MASK "********"
#define SUGGEST_LENGTH_MAX 64u
#define QUOTES_MAX 200u /* problems with their lines: a long line costs time */

static const char *const level_names[] = {
	[DIAG_ERROR] = "error",
	[DIAG_WARNING] = "warning",
};

/* An array is full exactly when its count is a power of two, or 0. */
static void *
grow(void *array, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return array;
	return xreallocarray(array, count > 0 ? count * 2 : 1, size);
}

void
diag_add(struct diags *ds, enum diag_level level, struct mark mark, const char *key,
	const char *fmt, ...)
{
	struct buf text = {.data = NULL};
	struct diag *d;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	ds->items = grow(ds->items, ds->count, sizeof(*ds->items));
	d = &ds->items[ds->count++];
	d->level = level;
	d->mark = mark;
	d->key = xstrdup_opt(key);
	d->text = buf_take(&text);
	if (level == DIAG_ERROR)
		ds->errors++;
}

void
diag_secret(struct diags *ds, struct mark mark)
{
	if (mark.line == 0)
		return;
	ds->secrets = grow(ds->secrets, ds->secret_count, sizeof(*ds->secrets));
	ds->secrets[ds->secret_count++] = mark;
}

/* A line of the source and the part of it that may be seen; offsets are bytes. */
struct quote {
	const char *line;
	size_t len;
	size_t masked_from; /* len: nothing is masked */
};

/* Walks the source once, as the problems come in the order of its lines. */
struct reader {
	const char *line; /* NULL behind the end */
	unsigned number;
};

static bool
find_line(struct reader *r, unsigned number, struct quote *q)
{
	while (r->line != NULL && r->number < number) {
		r->line = strchr(r->line, '\n');
		r->line = r->line != NULL ? r->line + 1 : NULL;
		r->number++;
	}
	if (r->line == NULL || r->number != number)
		return false;
	q->line = r->line;
	q->len = strcspn(r->line, "\n");
	if (q->len > 0 && q->line[q->len - 1] == '\r')
		q->len--;
	q->masked_from = q->len;
	return true;
}

/* A character, or one byte that is none: both take one column. */
static size_t
step(const char *s, size_t len)
{
	size_t n = utf8_next(s, len, NULL);

	return n > 0 ? n : 1;
}

/* The byte offset of a column, at most the line's length. */
static size_t
offset_of(const struct quote *q, unsigned col)
{
	size_t at = 0;

	for (unsigned i = 1; i < col && at < q->len; i++)
		at += step(q->line + at, q->len - at);
	return at;
}

static void
mask_from(struct quote *q, size_t offset)
{
	if (offset < q->masked_from)
		q->masked_from = offset;
}

/* Masks what stands behind `key:`, "key": and the like. */
static void
mask_value_of(struct quote *q, const char *key)
{
	size_t key_len = strlen(key);

	for (size_t i = 0; i + key_len < q->len; i++) {
		size_t end = i + key_len;

		if (strncmp(q->line + i, key, key_len) != 0)
			continue;
		while (end < q->len && strchr("\"' \t", q->line[end]) != NULL)
			end++;
		if (end >= q->len || q->line[end] != ':')
			continue;
		for (end++; end < q->len && strchr(" \t", q->line[end]) != NULL;)
			end++;
		mask_from(q, end);
		return;
	}
}

static void
mask_secrets(const struct diags *ds, unsigned line, struct quote *q)
{
	unsigned first = UINT_MAX; /* the column of the first secret */

	for (size_t i = 0; i < ds->secret_count; i++)
		if (ds->secrets[i].line == line && ds->secrets[i].col < first)
			first = ds->secrets[i].col;
	if (first != UINT_MAX)
		mask_from(q, offset_of(q, first));
	for (size_t i = 0; ds->secret_keys != NULL && ds->secret_keys[i] != NULL; i++)
		mask_value_of(q, ds->secret_keys[i]);
}

/*
 * Appends bytes [from, to) of the line as characters of one column each. Returns how many
 * stand before `caret`.
 */
static size_t
add_columns(struct buf *out, const struct quote *q, size_t from, size_t to,
	size_t caret)
{
	size_t before = 0;

	for (size_t at = from, n; at < to; at += n) {
		uint32_t character = 0;

		n = step(q->line + at, q->len - at);
		if (at < caret)
			before++;
		if (q->line[at] == '\t')
			buf_putc(out, ' ');
		else if (utf8_next(q->line + at, n, &character) == 0 ||
			utf8_is_control(character))
			buf_putc(out, '?');
		else
			buf_add(out, q->line + at, n);
	}
	return before;
}

/* Moves an offset by whole columns, within [least, most]. */
static size_t
back_by(const struct quote *q, size_t at, size_t columns, size_t least)
{
	for (; columns > 0 && at > least; columns--) {
		at--;
		while (at > least && ((unsigned char)q->line[at] & 0xc0) == 0x80)
			at--;
	}
	return at;
}

static size_t
forward_by(const struct quote *q, size_t at, size_t columns, size_t most)
{
	for (; columns > 0 && at < most; columns--)
		at += step(q->line + at, most - at);
	return at;
}

static void
print_quote(const struct quote *q, size_t caret, struct buf *out)
{
	size_t start = 0, from, to, before;

	while (start < q->masked_from && strchr(" \t", q->line[start]) != NULL)
		start++;
	if (caret > q->masked_from)
		caret = q->masked_from;
	if (caret < start)
		caret = start;
	from = back_by(q, caret, QUOTE_BEFORE, start);
	to = forward_by(q, from, QUOTE_MAX, q->masked_from);
	buf_puts(out, from > start ? QUOTE_INDENT "..." : QUOTE_INDENT);
	before = add_columns(out, q, from, to, caret);
	if (to < q->masked_from)
		buf_puts(out, "...");
	else if (q->masked_from < q->len)
		buf_puts(out, MASK);
	buf_printf(out, "\n" QUOTE_INDENT "%*s^\n",
		(int)(before + (from > start ? 3 : 0)), "");
}

static void
add_head(const struct diags *ds, const struct diag *d, struct buf *out)
{
	if (ds->name != NULL)
		buf_printf(out, "%s:", ds->name);
	if (d->mark.line > 0)
		buf_printf(out, "%u:%u:", d->mark.line, d->mark.col);
	if (ds->name != NULL || d->mark.line > 0)
		buf_putc(out, ' ');
}

/* r: NULL for a problem without its line. */
static void
print_one(const struct diags *ds, const struct diag *d, struct reader *r,
	struct buf *out)
{
	struct quote q;

	add_head(ds, d, out);
	buf_printf(out, "%s: ", level_names[d->level]);
	if (d->key != NULL)
		buf_printf(out, "%s: ", d->key);
	buf_printf(out, "%s\n", d->text);
	if (r == NULL || !find_line(r, d->mark.line, &q))
		return;
	mask_secrets(ds, d->mark.line, &q);
	print_quote(&q, offset_of(&q, d->mark.col), out);
}

static int
compare(const void *a, const void *b)
{
	const struct diag *x = *(const struct diag *const *)a;
	const struct diag *y = *(const struct diag *const *)b;

	if (x->mark.line != y->mark.line)
		return x->mark.line < y->mark.line ? -1 : 1;
	if (x->mark.col != y->mark.col)
		return x->mark.col < y->mark.col ? -1 : 1;
	return x < y ? -1 : x > y; /* both lie in one array: the order of arrival */
}

static const char *
last_part(const char *key)
{
	const char *dot = key != NULL ? strrchr(key, '.') : NULL;

	return dot != NULL ? dot + 1 : key;
}

static bool
is_repeat(const struct diag *a, const struct diag *b)
{
	return a->level == b->level && strcmp(a->text, b->text) == 0 &&
		str_equal(last_part(a->key), last_part(b->key));
}

/* Whether an earlier one of the same place says the same. */
static bool
was_said(const struct diag *const *sorted, size_t i)
{
	if (sorted[i]->mark.line == 0)
		return false;
	for (size_t k = i; k > 0; k--) {
		if (sorted[k - 1]->mark.line != sorted[i]->mark.line ||
			sorted[k - 1]->mark.col != sorted[i]->mark.col)
			return false;
		if (is_repeat(sorted[k - 1], sorted[i]))
			return true;
	}
	return false;
}

void
diag_print(const struct diags *ds, struct buf *out)
{
	const struct diag **sorted = xreallocarray(NULL, ds->count, sizeof(*sorted));
	struct reader r = {.line = ds->source, .number = 1};
	unsigned printed = 0;

	for (size_t i = 0; i < ds->count; i++)
		sorted[i] = &ds->items[i];
	qsort(sorted, ds->count, sizeof(*sorted), compare);
	for (size_t i = 0; i < ds->count; i++)
		if (!was_said(sorted, i))
			print_one(ds, sorted[i], printed++ < QUOTES_MAX ? &r : NULL,
				out);
	free(sorted);
}

int
diag_to_err(const struct diags *ds, int code, struct err *err)
{
	AUTO(buf) struct buf text = {.data = NULL};
	const struct diag *first = NULL;

	for (size_t i = 0; i < ds->count; i++) {
		const struct diag *d = &ds->items[i];

		if (d->level == DIAG_ERROR &&
			(first == NULL || compare(&d, &first) < 0))
			first = d;
	}
	assert(first != NULL);
	add_head(ds, first, &text);
	if (first->key != NULL)
		buf_printf(&text, "%s: ", first->key);
	buf_puts(&text, first->text);
	return err_set(err, (enum err_code)code, "%s", buf_str(&text));
}

void
diag_fini(struct diags *ds)
{
	for (size_t i = 0; i < ds->count; i++) {
		free(ds->items[i].key);
		free(ds->items[i].text);
	}
	free(ds->items);
	free(ds->secrets);
	*ds = (struct diags){.name = NULL};
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool
same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Insertions, deletions, replacements and swaps of neighbours, each counted once. */
static size_t
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][SUGGEST_LENGTH_MAX + 1];
	size_t *older = rows[0], *above = rows[1], *row = rows[2];

	for (size_t k = 0; k <= b_len; k++)
		above[k] = k;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *spare = older;

		row[0] = i;
		for (size_t k = 1; k <= b_len; k++) {
			bool same = same_letter(a[i - 1], b[k - 1]);

			row[k] = least(above[k - 1] + (same ? 0 : 1),
				least(above[k], row[k - 1]) + 1);
			if (i > 1 && k > 1 && same_letter(a[i - 1], b[k - 2]) &&
				same_letter(a[i - 2], b[k - 1]))
				row[k] = least(row[k], older[k - 2] + 1);
		}
		older = above;
		above = row;
		row = spare;
	}
	return above[b_len];
}

const char *
diag_suggest(const char *word, const char *const *names)
{
	size_t len = strlen(word), best = SIZE_MAX;
	const char *nearest = NULL;

	if (len == 0 || len > SUGGEST_LENGTH_MAX)
		return NULL;
	for (; *names != NULL; names++) {
		size_t name_len = strlen(*names), d;

		if (name_len > SUGGEST_LENGTH_MAX)
			continue;
		d = distance(word, len, *names, name_len);
		/* One letter wrong in a short word, one more for each four: else a guess. */
		if (d < best && d < least(len, name_len) &&
			d <= 1 + least(len, name_len) / 4) {
			best = d;
			nearest = *names;
		}
	}
	return nearest;
}
