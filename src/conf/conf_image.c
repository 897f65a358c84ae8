/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which images a worker may start, where it names none: their owners, written as EC2 writes
 * them, their name and what filters they pass, and the regular expression for their
 * location, compiled once for a row.
 */
#include "conf/conf_row.h"

#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "sys/regex.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define OWNERS "valid_ami_owners"
#define REGEX "valid_ami_location_regex"
#define NAME "ami_name"
#define FILTERS "ami_filters"
#define FILTERS_MAX 50u
#define ACCOUNT_DIGITS 12

/* What an image may be chosen by; of what is given the first is told. */
static const char *const choices[] = {OWNERS, REGEX, NAME, FILTERS};

static const char *
chosen_by(const struct conf_row *row)
{
	for (size_t i = 0; i < COUNT_OF(choices); i++)
		if (row_get(row, choices[i]) != NULL)
			return choices[i];
	return NULL;
}

/* A filter that only images of certain accounts pass: tags are seen by their owner alone. */
static bool
filters_owner(const struct conf_worker *w)
{
	for (size_t i = 0; i < w->ami_filters.count; i++)
		if (strncmp(w->ami_filters.keys[i], "owner-", 6) == 0 ||
			strncmp(w->ami_filters.keys[i], "tag", 3) == 0)
			return true;
	return false;
}

/* BUILDBOT.md V6: one way to an image, and only one; and the warning of A1. */
static void
check_ways(struct conf_row *row, const struct conf_worker *w)
{
	const char *by = chosen_by(row);

	if (row_get(row, "ami") == NULL && by == NULL)
		row_problem(row, DIAG_ERROR, ROW_KEY, "ami",
			"required; an image's id, or what to choose it by: " OWNERS
			", " REGEX ", " NAME ", " FILTERS);
	if (by == NULL)
		return;
	row_either(row, "ami", by, "");
	if (row_get(row, OWNERS) == NULL && row_get(row, "ami") == NULL &&
		!filters_owner(w))
		row_problem(row, DIAG_WARNING, ROW_KEY, by,
			"anyone can publish a matching image; add " OWNERS);
}

/* Which filters there are is for EC2 to say. */
static void
check_filters(struct conf_row *row)
{
	const struct node *filters = row_get(row, FILTERS);

	if (filters == NULL || filters->kind != NODE_MAP)
		return;
	for (size_t i = 0; i < filters->count; i++)
		if (filters->keys[i]->text[0] == '\0')
			row_problem_inside(row, FILTERS, filters->keys[i],
				"a filter needs a name");
	if (filters->count > FILTERS_MAX)
		row_problem(row, DIAG_ERROR, ROW_KEY, FILTERS,
			"%zu filters; at most %u", filters->count, FILTERS_MAX);
}

static const char *
line_of(const char *source, unsigned line)
{
	while (source != NULL && --line > 0) {
		source = strchr(source, '\n');
		source = source != NULL ? source + 1 : NULL;
	}
	return source;
}

/* The bytes that stand for the next character of a value in the file, 0: who knows. */
static size_t
width(const char *at, char quote, char next)
{
	if (quote == '\'' && at[0] == '\'')
		return at[1] == '\'' && next == '\'' ? 2 : 0;
	if (quote == '"' && at[0] == '\\')
		return at[1] == next && strchr("\\\"/", next) != NULL ? 2 : 0;
	return at[0] == next ? 1 : 0;
}

static bool
is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* A scalar's byte in the file; the scalar's beginning where it is written otherwise. */
static struct mark
place_inside(const char *source, const struct node *value, size_t offset)
{
	const char *at = line_of(source, value->mark.line);
	struct mark mark = value->mark;
	char quote = '\0';

	for (unsigned col = 1; at != NULL && col < mark.col && *at != '\0'; col++)
		do
			at++;
		while (is_continuation(*at));
	if (at == NULL)
		return mark;
	if (value->kind == NODE_STRING && (*at == '\'' || *at == '"')) {
		quote = *at++;
		mark.col++;
	}
	for (size_t i = 0; i < offset; i++) {
		size_t size = width(at, quote, value->text[i]);

		if (size == 0)
			return value->mark;
		mark.col += is_continuation(*at) ? 0 : (unsigned)size;
		at += size;
	}
	return mark;
}

/* A pattern that is none is shown at the character where that was seen. */
static struct regex *
compile(struct conf_row *row, const char *pattern)
{
	const struct node *value = row_get(row, REGEX);
	AUTO(free) char *path = xasprintf("%s.%s", row->path, REGEX);
	size_t offset;
	struct err err;
	struct regex *re = regex_compile(pattern, &offset, &err);

	if (re == NULL)
		diag_add(&row->found, DIAG_ERROR,
			place_inside(row->load->ds->source, value, offset), path,
			"no regular expression, seen behind %zu bytes of it: %s",
			offset, err.text);
	return re;
}

void
row_images(struct conf_row *row, const struct conf_worker *w)
{
	check_ways(row, w);
	check_filters(row);
	if (w->valid_ami_location_regex != NULL)
		row->ami_location = compile(row, w->valid_ami_location_regex);
}

/* An account id as EC2 writes it. */
static char *
padded(const char *owner)
{
	size_t len = strlen(owner);

	assert(len <= ACCOUNT_DIGITS);
	return xasprintf("%.*s%s", (int)(ACCOUNT_DIGITS - len), "000000000000", owner);
}

void
images_give(const struct conf_row *row, struct conf_worker *w)
{
	assert(w->ami_location == NULL);
	w->ami_location = regex_ref(row->ami_location);
	for (size_t i = 0; i < w->valid_ami_owners.count; i++) {
		AUTO(free) char *written = w->valid_ami_owners.items[i];

		w->valid_ami_owners.items[i] = padded(written);
	}
}
