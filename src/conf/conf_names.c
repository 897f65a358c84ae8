/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker names and their ranges. A pattern is cut into pieces, each a literal text or a
 * range; the names are what an odometer over the ranges shows.
 */
#include "conf/conf_names.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"

#include <string.h>
#include <uthash.h>

#define RANGES_MAX 8u
#define RANGE_DIGITS_MAX 9u

/* A literal text, and the range behind it (the last piece has none). */
struct piece {
	const char *text; /* borrowed from the pattern */
	size_t len;
	unsigned first, last; /* of the range, both included */
	unsigned now;
	unsigned width; /* zero-padded to this; 0: as short as it is */
};

struct pattern {
	struct piece pieces[RANGES_MAX + 1];
	size_t ranges; /* pieces[ranges] is the text behind the last range */
	size_t names;
};

static bool
is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9');
}

static bool
is_name(const char *name)
{
	if (!is_letter_or_digit(name[0]) || strlen(name) > NAME_LENGTH_MAX)
		return false;
	for (; *name != '\0'; name++)
		if (!is_letter_or_digit(*name) && strchr("._-", *name) == NULL)
			return false;
	return true;
}

/* Reads digits; returns how many, 0 if there are none or too many. */
static size_t
read_number(const char *text, unsigned *ret)
{
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > RANGE_DIGITS_MAX)
		return 0;
	*ret = 0;
	for (size_t i = 0; i < len; i++)
		*ret = *ret * 10 + (unsigned)(text[i] - '0');
	return len;
}

static int
range_wrong(const char *text, struct err *err)
{
	size_t len = strcspn(text, "]");

	return err_set(err, ERR_INVALID,
		"[%.*s%s is no range; write it as [1-40] or [01-40]",
		(int)(len > 40 ? 40 : len), text, text[len] == ']' ? "]" : "");
}

/* text stands behind the bracket; ret_len counts up to and with the closing one. */
static int
read_range(const char *text, struct piece *piece, size_t *ret_len, struct err *err)
{
	size_t low = read_number(text, &piece->first);
	size_t high = low > 0 && text[low] == '-'
		? read_number(text + low + 1, &piece->last)
		: 0;

	if (high == 0 || text[low + 1 + high] != ']')
		return range_wrong(text, err);
	if (piece->first > piece->last)
		return err_set(err, ERR_INVALID, "[%u-%u] runs backwards", piece->first,
			piece->last);
	if (low > 1 && text[0] == '0') {
		if (low != high)
			return err_set(err, ERR_INVALID,
				"both ends of a zero-padded range have the same number of digits: "
				"[%0*u-%0*u]",
				(int)(low > high ? low : high), piece->first,
				(int)(low > high ? low : high), piece->last);
		piece->width = (unsigned)low;
	}
	*ret_len = low + 1 + high + 1;
	return 0;
}

static int
count_names(struct pattern *p, const struct piece *piece, size_t max, struct err *err)
{
	size_t size = (size_t)piece->last - piece->first + 1;

	if (size > max || p->names > max / size)
		return err_set(err, ERR_INVALID,
			"makes too many workers; a pool has at most %u", NAMES_MAX);
	p->names *= size;
	return 0;
}

static int
read_pattern(const char *text, size_t max, struct pattern *p, struct err *err)
{
	for (;;) {
		struct piece *piece = &p->pieces[p->ranges];
		size_t len = 0;

		piece->text = text;
		piece->len = strcspn(text, "[");
		text += piece->len;
		if (*text == '\0')
			return 0;
		if (p->ranges == RANGES_MAX)
			return err_set(err, ERR_INVALID, "has more than %u ranges",
				RANGES_MAX);
		if (read_range(text + 1, piece, &len, err) != 0 ||
			count_names(p, piece, max, err) != 0)
			return -1;
		piece->now = piece->first;
		text += 1 + len;
		p->ranges++;
	}
}

static void
show(const struct pattern *p, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i <= p->ranges; i++) {
		const struct piece *piece = &p->pieces[i];

		buf_add(out, piece->text, piece->len);
		if (i < p->ranges)
			buf_printf(out, "%0*u", (int)piece->width, piece->now);
	}
}

static void
turn(struct pattern *p)
{
	for (size_t i = p->ranges; i-- > 0;) {
		struct piece *piece = &p->pieces[i];

		if (piece->now < piece->last) {
			piece->now++;
			return;
		}
		piece->now = piece->first;
	}
}

int
names_expand(const char *pattern, size_t max, struct strings *ret_names,
	struct err *err)
{
	struct pattern p = {.names = 1};
	AUTO(buf) struct buf name = {0};
	struct strings names = {0};

	if (read_pattern(pattern, max, &p, err) != 0)
		return -1;
	for (size_t i = 0; i < p.names; i++, turn(&p)) {
		show(&p, &name);
		if (!is_name(buf_str(&name))) {
			strings_fini(&names);
			return err_set(err, ERR_INVALID,
				"is no name; a worker's name has letters, digits, '.', '_' and '-', "
				"begins with a letter or digit and has at most %u characters",
				NAME_LENGTH_MAX);
		}
		strings_add(&names, buf_str(&name));
	}
	for (size_t i = 0; i < names.count; i++)
		strings_add(ret_names, names.items[i]);
	strings_fini(&names);
	return 0;
}

struct name_set {
	char *name; /* owned */
	unsigned line;
	UT_hash_handle hh;
};

unsigned
names_claim(struct name_set **set, const char *name, unsigned line)
{
	struct name_set *entry;

	HASH_FIND_STR(*set, name, entry);
	if (entry != NULL)
		return entry->line;
	entry = NEW(struct name_set);
	entry->name = xstrdup(name);
	entry->line = line;
	HASH_ADD_KEYPTR(hh, *set, entry->name, strlen(entry->name), entry);
	return 0;
}

void
names_forget(struct name_set *set)
{
	struct name_set *entry, *next;

	HASH_ITER(hh, set, entry, next) {
		HASH_DEL(set, entry);
		free(entry->name);
		free(entry);
	}
}
