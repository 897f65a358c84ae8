/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line after the other; what a line is depends only on its first bytes and on whether
 * it is indented deeper than the key above it.
 */
#include "ec2/ini.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

/* A part of the text, without end. */
struct span {
	const char *at;
	size_t len;
};

struct reader {
	struct ini ini;
	char *section;     /* owned; the one we are in, or NULL before the first */
	bool below_key;    /* a key stands above, in this section */
	size_t key_indent; /* its indentation */
	unsigned line;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static struct span
trim(const char *at, size_t len)
{
	while (len > 0 && is_blank(at[0])) {
		at++;
		len--;
	}
	while (len > 0 && is_blank(at[len - 1]))
		len--;
	return (struct span){at, len};
}

static char *
lower(struct span s)
{
	char *text = xstrndup(s.at, s.len);

	for (char *c = text; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return text;
}

static void
add_pair(struct reader *r, char *key, char *value)
{
	struct ini *ini = &r->ini;

	ini->pairs = xreallocarray(ini->pairs, ini->count + 1, sizeof(*ini->pairs));
	ini->pairs[ini->count++] = (struct ini_pair){xstrdup(r->section), key, value};
}

static int
refuse(const struct reader *r, struct err *err, const char *why)
{
	return err_set(err, ERR_PARSE, "line %u: %s", r->line, why);
}

static int
read_section(struct reader *r, struct span line, struct err *err)
{
	const char *end = memchr(line.at, ']', line.len);
	struct span name;

	if (end == NULL)
		return refuse(r, err, "a section without its closing bracket");
	name = trim(line.at + 1, (size_t)(end - line.at - 1));
	free(r->section);
	r->section = xstrndup(name.at, name.len);
	r->below_key = false;
	add_pair(r, xstrdup(""), xstrdup(""));
	return 0;
}

static int
read_key(struct reader *r, struct span line, size_t indent, struct err *err)
{
	size_t at = 0;
	struct span key, value;

	while (at < line.len && line.at[at] != '=' && line.at[at] != ':')
		at++;
	if (at == line.len)
		return refuse(r, err, "neither a section nor a key with its value");
	if (r->section == NULL)
		return refuse(r, err, "a key before the first section");
	key = trim(line.at, at);
	value = trim(line.at + at + 1, line.len - at - 1);
	if (key.len == 0)
		return refuse(r, err, "a value without a key");
	add_pair(r, lower(key), xstrndup(value.at, value.len));
	r->below_key = true;
	r->key_indent = indent;
	return 0;
}

static int
read_line(struct reader *r, const char *at, size_t len, struct err *err)
{
	struct span line = trim(at, len);
	size_t indent = (size_t)(line.at - at);

	r->line++;
	if (memchr(at, '\0', len) != NULL)
		return refuse(r, err, "a NUL byte");
	if (line.len == 0 || line.at[0] == '#' || line.at[0] == ';')
		return 0;
	if (r->below_key && indent > r->key_indent)
		return 0;
	if (line.at[0] == '[')
		return read_section(r, line, err);
	return read_key(r, line, indent, err);
}

static int
read_lines(struct reader *r, const char *text, size_t len, struct err *err)
{
	const char *end = text + len;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline != NULL ? newline : end;

		if (read_line(r, text, (size_t)(stop - text), err) < 0)
			return -1;
		text = newline != NULL ? newline + 1 : end;
	}
	return 0;
}

int
ini_parse(const char *text, size_t len, struct ini *ret, struct err *err)
{
	static const char mark[] = {'\xef', '\xbb', '\xbf'};
	struct reader r = {0};
	int rc;

	if (len >= sizeof(mark) && memcmp(text, mark, sizeof(mark)) == 0) {
		text += sizeof(mark);
		len -= sizeof(mark);
	}
	rc = read_lines(&r, text, len, err);
	free(r.section);
	if (rc == 0)
		*ret = r.ini;
	else
		ini_fini(&r.ini);
	return rc;
}

void
ini_fini(struct ini *ini)
{
	for (size_t i = 0; i < ini->count; i++) {
		free(ini->pairs[i].section);
		free(ini->pairs[i].key);
		str_wipe_free(ini->pairs[i].value);
	}
	free(ini->pairs);
	*ini = (struct ini){0};
}
