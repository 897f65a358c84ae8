/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A template is a row of parts: text that stands as it is, and names with their places.
 * Parsing decides all that can be wrong but the names, which only the caller knows.
 */
#include "base/tmpl.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"

#include <string.h>

#define LITERAL_HINT "; a literal {{ is written {{ \"{{\" }}"
#define FROZEN_MARK '\x01'
#define FROZEN_SECRET 'S'
#define FROZEN_ITSELF '1'

struct part {
	bool is_name;
	char *text; /* owned: the name, or what stands there */
	struct mark mark;
};

struct tmpl {
	struct part *parts; /* owned */
	size_t count;
};

struct parser {
	const char *p;
	struct mark mark; /* of p */
	struct tmpl *tmpl;
};

static void
advance(struct parser *ps, size_t bytes)
{
	for (; bytes > 0; bytes--, ps->p++)
		if (*ps->p == '\n')
			ps->mark = (struct mark){ps->mark.line + 1, 1};
		else if (((unsigned char)*ps->p & 0xc0) != 0x80)
			ps->mark.col++;
}

static void
add_part(struct parser *ps, bool is_name, size_t len)
{
	struct tmpl *t = ps->tmpl;

	if (len > 0 || is_name) {
		t->parts = xreallocarray(t->parts, t->count + 1, sizeof(*t->parts));
		t->parts[t->count++] = (struct part){is_name, xstrndup(ps->p, len),
			ps->mark};
	}
	advance(ps, len);
}

static void
skip_blanks(struct parser *ps)
{
	advance(ps, strspn(ps->p, " \t"));
}

static size_t
name_length(const char *p)
{
	static const char first[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	size_t len = strspn(p, first);

	return len > 0 ? len +
			strspn(p + len,
				"abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.-")
		       : 0;
}

static int
fail(struct mark mark, struct err *err, const char *what, const char *hint)
{
	return err_set(err, ERR_PARSE, "line %u, column %u: %s%s", mark.line, mark.col,
		what, hint);
}

/* Text in quotes, which stands as it is. */
static int
parse_quoted(struct parser *ps, struct err *err)
{
	size_t len;

	advance(ps, 1);
	len = strcspn(ps->p, "\"\n");
	if (ps->p[len] != '"')
		return fail(ps->mark, err, "the quote is not closed on its line", "");
	add_part(ps, false, len);
	advance(ps, 1);
	return 0;
}

/* From "{{" to "}}", both included. */
static int
parse_braces(struct parser *ps, struct err *err)
{
	struct mark start = ps->mark;
	size_t len;

	advance(ps, 2);
	skip_blanks(ps);
	len = name_length(ps->p);
	if (len > 0)
		add_part(ps, true, len);
	else if (*ps->p != '"')
		return fail(ps->mark, err, "expected a name behind {{", LITERAL_HINT);
	else if (parse_quoted(ps, err) < 0)
		return -1;
	skip_blanks(ps);
	if (strncmp(ps->p, "}}", 2) != 0)
		return fail(start, err, "{{ is not closed by }} behind one name",
			LITERAL_HINT);
	advance(ps, 2);
	return 0;
}

struct tmpl *
tmpl_parse(const char *text, struct err *err)
{
	struct parser ps = {.p = text, .mark = {1, 1}, .tmpl = NEW(struct tmpl)};

	while (*ps.p != '\0') {
		const char *braces = strstr(ps.p, "{{");

		add_part(&ps, false,
			braces != NULL ? (size_t)(braces - ps.p) : strlen(ps.p));
		if (braces != NULL && parse_braces(&ps, err) < 0) {
			tmpl_free(ps.tmpl);
			return NULL;
		}
	}
	return ps.tmpl;
}

static const char *
look_up(const struct part *part, tmpl_lookup *lookup, void *arg, struct err *err)
{
	const char *value = lookup(arg, part->text);

	if (value == NULL)
		err_set(err, ERR_INVALID, "line %u, column %u: unknown name '%s'",
			part->mark.line, part->mark.col, part->text);
	return value;
}

int
tmpl_check(const struct tmpl *t, tmpl_lookup *lookup, void *arg, struct err *err)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->parts[i].is_name &&
			look_up(&t->parts[i], lookup, arg, err) == NULL)
			return -1;
	return 0;
}

/* Takes back what was added; it may hold a secret. */
static int
take_back(struct buf *out, size_t len)
{
	if (out->data != NULL) {
		mem_wipe(out->data + len, out->len - len);
		out->len = len;
	}
	return -1;
}

int
tmpl_render(const struct tmpl *t, tmpl_lookup *lookup, void *arg, struct buf *out,
	struct err *err)
{
	size_t was = out->len;

	for (size_t i = 0; i < t->count; i++) {
		const struct part *part = &t->parts[i];
		const char *s = part->is_name ? look_up(part, lookup, arg, err)
					      : part->text;

		if (s == NULL)
			return take_back(out, was);
		buf_puts(out, s);
	}
	return 0;
}

bool
tmpl_uses(const struct tmpl *t, const char *name)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->parts[i].is_name && strcmp(t->parts[i].text, name) == 0)
			return true;
	return false;
}

static void
add_mark(struct buf *out, char what)
{
	buf_putc(out, FROZEN_MARK);
	buf_putc(out, what);
}

static void
add_frozen(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++)
		if (*s == FROZEN_MARK)
			add_mark(out, FROZEN_ITSELF);
		else
			buf_putc(out, *s);
}

int
tmpl_freeze(const struct tmpl *t, tmpl_lookup *lookup, void *arg, const char *secret,
	struct buf *out, struct err *err)
{
	size_t was = out->len;

	for (size_t i = 0; i < t->count; i++) {
		const struct part *part = &t->parts[i];
		const char *s = part->text;

		if (part->is_name && strcmp(part->text, secret) == 0) {
			add_mark(out, FROZEN_SECRET);
			continue;
		}
		if (part->is_name)
			s = look_up(part, lookup, arg, err);
		if (s == NULL)
			return take_back(out, was);
		add_frozen(out, s);
	}
	return 0;
}

int
tmpl_thaw(const char *frozen, const char *secret, struct buf *out)
{
	size_t was = out->len;

	for (const char *p = frozen; *p != '\0'; p++) {
		if (*p != FROZEN_MARK)
			buf_putc(out, *p);
		else if (*++p == FROZEN_ITSELF)
			buf_putc(out, FROZEN_MARK);
		else if (*p == FROZEN_SECRET && secret != NULL)
			buf_puts(out, secret);
		else
			return take_back(out, was);
	}
	return 0;
}

void
tmpl_free(struct tmpl *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		free(t->parts[i].text);
	free(t->parts);
	free(t);
}
