/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the mappings of the rows as they were read, defaults merged in: every node knows
 * its place. They hold secrets, so they are wiped.
 */
#include "conf/conf_places.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/strings.h"
#include "conf/conf_problems.h"
#include "conf/conf_row.h"

#include <stdarg.h>
#include <string.h>

struct place_row {
	char *path;       /* owned; "workers.linux-[01-40]" */
	size_t worker;    /* the first it makes */
	struct node *map; /* owned */
	struct mark end;  /* of what the row says itself */
};

struct conf_places {
	struct place_row *rows; /* owned */
	size_t count;
	struct node *aws; /* owned; the section, or NULL */
};

void
conf_places_keep(struct conf_problems *p)
{
	if (p->places == NULL)
		p->places = NEW(struct conf_places);
}

void
places_clear(struct conf_places *places)
{
	for (size_t i = 0; places != NULL && i < places->count; i++) {
		free(places->rows[i].path);
		tree_wipe_free(places->rows[i].map);
	}
	if (places == NULL)
		return;
	free(places->rows);
	tree_wipe_free(places->aws);
	*places = (struct conf_places){.rows = NULL};
}

void
places_add(struct conf_places *places, struct conf_row *row, size_t worker)
{
	struct place_row *kept;

	if (places == NULL || row->names->count == 0)
		return;
	places->rows = xreallocarray(places->rows, places->count + 1,
		sizeof(*places->rows));
	kept = &places->rows[places->count++];
	*kept = (struct place_row){xstrdup(row->path), worker, TAKE(row->map),
		tree_end(row->own)};
}

void
places_add_aws(struct conf_places *places, const struct node *aws)
{
	if (places != NULL && aws != NULL)
		places->aws = node_copy(aws);
}

size_t
conf_places_rows(const struct conf_problems *p)
{
	return p->places->count;
}

size_t
conf_places_worker(const struct conf_problems *p, size_t row)
{
	return p->places->rows[row].worker;
}

bool
conf_places_has(const struct conf_problems *p, size_t row, const char *key)
{
	const struct place_row *r = &p->places->rows[row];
	const struct node *node = map_key(r->map, key);

	return node != NULL && mark_compare(node->mark, r->map->mark) >= 0 &&
		mark_compare(node->mark, r->end) <= 0;
}

/* Of an element, of the value as a whole, of the key; of the mapping without it. */
static struct mark
place_of(const struct node *map, const char *key, int item)
{
	const struct node *value = map_get(map, key);

	if (value == NULL)
		return map->mark;
	if (item < 0)
		return map_key(map, key)->mark;
	if (value->kind == NODE_LIST && (size_t)item < value->count)
		return value->items[item]->mark;
	return value->mark;
}

static void
tell(struct conf_problems *p, int level, struct mark mark, const char *key,
	const char *text)
{
	for (size_t i = 0; i < p->ds.count; i++)
		if (mark_compare(p->ds.items[i].mark, mark) == 0 &&
			strcmp(p->ds.items[i].text, text) == 0)
			return;
	diag_add(&p->ds, (enum diag_level)level, mark, key, "%s", text);
}

void
conf_places_tell(struct conf_problems *p, const struct conf_place *at, int level,
	const char *fmt, ...)
{
	const struct place_row *r = &p->places->rows[at->row];
	AUTO(buf) struct buf text = {.data = NULL};
	AUTO(free) char *path = xasprintf("%s.%s", r->path, at->key);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	tell(p, level, place_of(r->map, at->key, at->item), path, buf_str(&text));
}

void
conf_places_tell_aws(struct conf_problems *p, int level, const char *key,
	const char *fmt, ...)
{
	const struct node *aws = p->places->aws;
	struct mark none = {1, 1};
	AUTO(buf) struct buf text = {.data = NULL};
	AUTO(free) char *path = xasprintf("aws.%s", key);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	tell(p, level, aws != NULL ? place_of(aws, key, CONF_PLACE_KEY) : none, path,
		buf_str(&text));
}
