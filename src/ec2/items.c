/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An item begins and ends with its element; between the two each leaf of the table gets
 * the text of its element. Whatever is refused makes the rest of the document count for
 * nothing.
 */
#include "ec2/items.h"

#include "base/err.h"
#include "base/mem.h"
#include "sys/xml.h"

#include <errno.h>
#include <string.h>

void
items_refuse(struct item_reader *r, const char *why)
{
	if (r->refused == NULL)
		r->refused = why;
}

void
items_set(char **member, const char *text)
{
	free(*member);
	*member = text[0] != '\0' ? xstrdup(text) : NULL;
}

int64_t
items_number(const char *text)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || n < 0)
		return -1;
	return n;
}

static int
check_id(const char *id, const char *prefix, size_t least, size_t most)
{
	size_t len = strlen(prefix), digits;

	if (strncmp(id, prefix, len) != 0)
		return -1;
	digits = strspn(id + len, "0123456789abcdef");
	return id[len + digits] == '\0' && digits >= least && digits <= most ? 0 : -1;
}

int
items_id_check(const char *id, const char *prefix)
{
	return check_id(id, prefix, 8, 17);
}

int
items_name_check(const char *id, const char *prefix)
{
	return check_id(id, prefix, 1, 32);
}

static const struct item_leaf *
find_leaf(const struct item_leaf *leaves, const char *path)
{
	for (const struct item_leaf *leaf = leaves; leaf->path != NULL; leaf++)
		if (strcmp(leaf->path, path) == 0)
			return leaf;
	return NULL;
}

void
items_take(struct item_reader *r, const struct item_leaf *leaves, const char *path,
	const char *text)
{
	const struct item_leaf *leaf = find_leaf(leaves, path);

	if (leaf == NULL)
		return;
	if (leaf->take != NULL)
		leaf->take(r, r->item, text);
	else if (leaf->begin == NULL)
		items_set((char **)(void *)((char *)r->item + leaf->offset), text);
}

/* The path below prefix, or NULL if it does not lie there. */
static const char *
path_below(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(path, prefix, len) == 0 && path[len] == '/' ? path + len + 1
								   : NULL;
}

static void *
nth(const struct items *list, size_t n, size_t size)
{
	return (char *)list->array + n * size;
}

static void
begin_item(struct item_reader *r)
{
	struct items *list = &r->list;
	size_t size = r->shape->size;

	if (list->count == ITEMS_MAX) {
		items_refuse(r, "too many items");
		return;
	}
	if ((list->count & (list->count - 1)) == 0) /* a power of two, or none: full */
		list->array = xreallocarray(list->array,
			list->count > 0 ? 2 * list->count : 1, size);
	r->item = nth(list, list->count++, size);
	memset(r->item, 0, size);
	r->code = -1;
}

static void
end_item(struct item_reader *r)
{
	if (!r->shape->finish(r, r->item)) {
		r->shape->fini(r->item);
		r->list.count--;
	}
	r->item = NULL;
	items_set(&r->key, "");
	items_set(&r->value, "");
}

static void
begin_leaf(struct item_reader *r, const char *path)
{
	const struct item_leaf *leaf = find_leaf(r->shape->leaves, path);

	if (leaf != NULL && leaf->begin != NULL)
		leaf->begin(r, r->item, NULL);
}

static void
on_start(void *arg, const char *path)
{
	struct item_reader *r = arg;
	const char *below;

	if (r->refused != NULL)
		return;
	if (strchr(path, '/') == NULL && strcmp(path, r->shape->root) != 0)
		items_refuse(r, "the root element is not the one of this action");
	else if (strcmp(path, r->shape->item) == 0)
		begin_item(r);
	else if (r->item != NULL && (below = path_below(path, r->shape->item)) != NULL)
		begin_leaf(r, below);
}

static void
on_end(void *arg, const char *path, const char *text)
{
	struct item_reader *r = arg;
	const char *below;

	if (r->refused != NULL)
		return;
	below = path_below(path, r->shape->item);
	if (below != NULL)
		items_take(r, r->shape->leaves, below, text);
	else if (strcmp(path, r->shape->item) == 0)
		end_item(r);
	else if ((below = path_below(path, r->shape->root)) != NULL &&
		strcmp(below, "nextToken") == 0)
		items_set(&r->list.next_token, text);
}

static int
read_whole(struct item_reader *r, const char *body, size_t len, struct err *err)
{
	static const struct xml_events events = {on_start, on_end};

	if (xml_parse(body, len, &events, r, err) < 0)
		return -1;
	if (r->list.count == 0 && r->shape->if_empty != NULL)
		items_refuse(r, r->shape->if_empty);
	if (r->refused != NULL)
		return err_set(err, ERR_PARSE, "%s: %s", r->shape->root, r->refused);
	return 0;
}

int
items_parse(const struct item_shape *shape, const char *body, size_t len,
	struct items *ret, struct err *err)
{
	struct item_reader r = {.shape = shape};
	int rc = read_whole(&r, body, len, err);

	if (rc == 0)
		*ret = r.list;
	else
		items_fini(shape, &r.list);
	free(r.key);
	free(r.value);
	return rc;
}

void
items_append(const struct item_shape *shape, struct items *list, struct items *page)
{
	if (page->count > 0) {
		list->array = xreallocarray(list->array, list->count + page->count,
			shape->size);
		memcpy(nth(list, list->count, shape->size), page->array,
			page->count * shape->size);
		list->count += page->count;
	}
	free(page->array);
	free(list->next_token);
	list->next_token = page->next_token;
	*page = (struct items){0};
}

void
items_fini(const struct item_shape *shape, struct items *list)
{
	for (size_t i = 0; i < list->count; i++)
		shape->fini(nth(list, i, shape->size));
	free(list->array);
	free(list->next_token);
	*list = (struct items){0};
}
