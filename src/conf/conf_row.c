/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a problem of a row points: at the key in the row itself, at the one in
 * worker_defaults, or, when it is missing, at the row's mapping. What lies in the defaults
 * is met again in every row and reported once.
 */
#include "conf/conf_row.h"

#include "base/buf.h"
#include "base/field.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "sys/regex.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

/* The ways to an image: the first, and all others together. */
static const char *const ways[] = {"ami", "valid_ami_owners",
	"valid_ami_location_regex", "ami_name", "ami_filters"};

/* 0: none; 1: by its id; 2: by what it is like. */
static int
way_of(const char *key)
{
	for (size_t i = 0; i < COUNT_OF(ways); i++)
		if (strcmp(ways[i], key) == 0)
			return i == 0 ? 1 : 2;
	return 0;
}

bool
row_leaves(const struct node *own, const char *key)
{
	int way = way_of(key);

	if (map_key(own, key) != NULL)
		return false;
	for (size_t i = 0; way != 0 && i < COUNT_OF(ways); i++)
		if (way_of(ways[i]) != way && map_key(own, ways[i]) != NULL)
			return false;
	return true;
}

/* The mapping a key stands in: the row's own, the defaults, or NULL. */
static const struct node *
home_of(const struct conf_row *row, const char *key)
{
	if (map_key(row->own, key) != NULL)
		return row->own;
	if (!row_leaves(row->own, key))
		return NULL;
	return map_key(row->load->defaults, key) != NULL ? row->load->defaults : NULL;
}

const struct node *
row_get(const struct conf_row *row, const char *key)
{
	return map_get(home_of(row, key), key);
}

unsigned
row_line(const struct conf_row *row, const char *key)
{
	const struct node *home = home_of(row, key);

	return home != NULL ? map_key(home, key)->mark.line : 0;
}

void
row_problem(struct conf_row *row, enum diag_level level, enum row_place place,
	const char *key, const char *fmt, ...)
{
	AUTO(buf) struct buf text = {.data = NULL};
	AUTO(free) char *path = xasprintf("%s.%s", row->path, key);
	const struct node *home = home_of(row, key);
	const struct node *at = row->own;
	va_list ap;

	assert(row->own != NULL);
	if (home != NULL)
		at = place == ROW_KEY ? map_key(home, key) : map_get(home, key);
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	diag_add(&row->found, level, at->mark, path, "%s", buf_str(&text));
}

void
row_problem_inside(struct conf_row *row, const char *key, const struct node *inner,
	const char *text)
{
	AUTO(free) char *path = xasprintf("%s.%s.%s", row->path, key, inner->text);

	diag_add(&row->found, DIAG_ERROR, inner->mark, path, "%s", text);
}

void
row_either(struct conf_row *row, const char *key, const char *other, const char *remedy)
{
	bool swap = map_get(row->own, key) == NULL && map_get(row->own, other) != NULL;
	const char *blamed = swap ? other : key;
	const char *kept = swap ? key : other;

	if (row_get(row, key) != NULL && row_get(row, other) != NULL)
		row_problem(row, DIAG_ERROR, ROW_KEY, blamed,
			"not together with %s (line %u)%s", kept, row_line(row, kept),
			remedy);
}

static bool
is_in_defaults(const struct conf_load *load, struct mark mark)
{
	return load->defaults != NULL &&
		mark_compare(mark, load->defaults->mark) >= 0 &&
		mark_compare(mark, load->defaults_end) <= 0;
}

static bool
is_said(const struct diags *ds, const struct diag *d)
{
	for (size_t i = 0; i < ds->count; i++)
		if (mark_compare(ds->items[i].mark, d->mark) == 0 &&
			strcmp(ds->items[i].text, d->text) == 0)
			return true;
	return false;
}

static void
report(struct conf_load *load, const struct diag *d)
{
	struct diags *to = load->ds;

	if (is_in_defaults(load, d->mark)) {
		to = &load->shared;
		if (is_said(to, d))
			return;
	}
	diag_add(to, d->level, d->mark, d->key, "%s", d->text);
}

void
row_fini(struct conf_row *row)
{
	for (size_t i = 0; i < row->found.count; i++)
		report(row->load, &row->found.items[i]);
	for (size_t i = 0; i < row->found.secret_count; i++)
		diag_secret(row->load->ds, row->found.secrets[i]);
	diag_fini(&row->found);
	tree_wipe_free(row->map);
	user_data_unref(row->data);
	regex_unref(row->ami_location);
	free(row->path);
}
