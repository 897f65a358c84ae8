/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents with markers in, documents without, or with what belongs between them, out.
 * Works line by line and knows nothing else of mdoc and Markdown.
 */
#include "doc/fragment.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define MD_BEGIN "<!-- docgen: "
#define MD_BEGIN_END " -->"
#define MD_END "<!-- end -->"

static const struct {
	const char *name, *path;
} paths[] = {
	{"SYSCONFDIR", SYSCONFDIR},
	{"RUNSTATEDIR", RUNSTATEDIR},
	{"LOCALSTATEDIR", LOCALSTATEDIR},
};

struct fill {
	struct buf *out;
	bool inside; /* between the markers of Markdown: what stood there is dropped */
};

/* "FIELDS worker" in any case of its first word. */
static int
add_fragment(const char *what, size_t len, struct buf *out, struct err *err)
{
	AUTO(free) char *name = xstrndup(what, len);
	char *blank = strchr(name, ' ');
	char *arg = blank != NULL ? blank + 1 : NULL;

	if (blank != NULL)
		*blank = '\0';
	for (char *c = name; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return fragment_make(name, arg, out, err);
}

/* The length of "NAME" in "@NAME@...", 0 if s is none. */
static size_t
name_len(const char *s, size_t len)
{
	size_t n = 1;

	while (n < len && isupper((unsigned char)s[n]))
		n++;
	return n > 1 && n < len && s[n] == '@' ? n - 1 : 0;
}

static const char *
find_path(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		if (strlen(paths[i].name) == len &&
			memcmp(paths[i].name, name, len) == 0)
			return paths[i].path;
	return NULL;
}

static int
copy_line(const char *line, size_t len, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < len; i++) {
		size_t n = line[i] == '@' ? name_len(line + i, len - i) : 0;
		const char *path = n > 0 ? find_path(line + i + 1, n) : NULL;

		if (n > 0 && path == NULL)
			return err_set(err, ERR_INVALID, "there is no '%.*s'",
				(int)n + 2, line + i);
		if (n == 0) {
			buf_putc(out, line[i]);
		} else {
			buf_puts(out, path);
			i += n + 1;
		}
	}
	return 0;
}

/* "@NAME ARG@" alone on its line. */
static bool
is_page_marker(const char *line, size_t len)
{
	return len > 2 && line[0] == '@' && line[len - 1] == '@' &&
		isupper((unsigned char)line[1]) &&
		memchr(line + 1, '@', len - 2) == NULL &&
		find_path(line + 1, len - 2) == NULL;
}

static bool
starts(const char *line, size_t len, const char *with)
{
	return len >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static bool
is_markdown_marker(const char *line, size_t len)
{
	const size_t end = strlen(MD_BEGIN_END);

	return starts(line, len, MD_BEGIN) && len > strlen(MD_BEGIN) + end &&
		memcmp(line + len - end, MD_BEGIN_END, end) == 0;
}

/* len: without the newline. */
static int
fill_line(struct fill *f, const char *line, size_t len, struct err *err)
{
	const size_t begin = strlen(MD_BEGIN);
	bool ends = starts(line, len, MD_END);
	int result;

	if (f->inside && !ends)
		return 0;
	if (ends && !f->inside)
		return err_set(err, ERR_INVALID, "nothing ends here");
	f->inside = false;
	if (is_page_marker(line, len))
		return add_fragment(line + 1, len - 2, f->out, err);
	result = copy_line(line, len, f->out, err);
	buf_putc(f->out, '\n');
	if (result != 0 || !is_markdown_marker(line, len))
		return result;
	f->inside = true;
	return add_fragment(line + begin, len - begin - strlen(MD_BEGIN_END), f->out,
		err);
}

int
fragment_fill(const char *text, struct buf *out, struct err *err)
{
	struct fill f = {.out = out};

	for (unsigned number = 1; *text != '\0'; number++) {
		size_t len = strcspn(text, "\n");

		if (fill_line(&f, text, len, err) != 0)
			return err_wrap(err, "%u", number);
		text += len + (text[len] == '\n');
	}
	if (f.inside)
		return err_set(err, ERR_INVALID, "the last part has no " MD_END);
	return 0;
}
