/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks tables: fills a struct from a mapping, sets defaults, compares, frees. What a type
 * accepts is the business of field_value.c and field_nest.c.
 */
#include "base/field.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/field_type.h"
#include "base/node.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#define KNOWN_KEYS_MAX 80u /* so many bytes of names are listed in a message */

const struct field_ops *const field_ops[] = {
	[FIELD_BOOL] = &field_bool,
	[FIELD_OPTBOOL] = &field_optbool,
	[FIELD_INT] = &field_int,
	[FIELD_NUMBER] = &field_number,
	[FIELD_DURATION] = &field_duration,
	[FIELD_STRING] = &field_string,
	[FIELD_SECRET] = &field_secret,
	[FIELD_ENUM] = &field_enum,
	[FIELD_OBJECT] = &field_object,
	[FIELD_STRINGS] = &field_strings,
	[FIELD_LIST] = &field_list,
	[FIELD_STRMAP] = &field_strmap,
	[FIELD_ANY] = NULL, /* no struct has a member for it */
};

/* Rows that a struct has no member for. */
static bool
is_foreign(const struct field *row)
{
	return (row->flags & FIELD_EXTERN) != 0 || row->type == FIELD_ANY;
}

static void *
member_of(const struct field *row, void *obj)
{
	return (char *)obj + row->offset;
}

static const void *
const_member_of(const struct field *row, const void *obj)
{
	return (const char *)obj + row->offset;
}

static void
set_absent(const struct field *row, void *member)
{
	if (field_ops[row->type]->absent != NULL)
		field_ops[row->type]->absent(row, member);
}

void
field_problem(struct field_load *l, struct mark mark, const char *fmt, ...)
{
	AUTO(buf) struct buf text = {.data = NULL};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	diag_add(l->ds, DIAG_ERROR, mark, l->path.len > 0 ? buf_str(&l->path) : NULL,
		"%s", buf_str(&text));
}

size_t
field_enter(struct field_load *l, const char *name)
{
	size_t was = l->path.len;

	buf_printf(&l->path, was > 0 ? ".%s" : "%s", name);
	return was;
}

size_t
field_enter_index(struct field_load *l, size_t index)
{
	size_t was = l->path.len;

	buf_printf(&l->path, "[%zu]", index);
	return was;
}

void
field_leave(struct field_load *l, size_t was)
{
	l->path.len = was;
	if (l->path.data != NULL)
		l->path.data[was] = '\0';
}

static bool
has_secrets(const struct fields *table)
{
	for (const struct field *row = table->rows; row->name != NULL; row++)
		if (row->type == FIELD_SECRET)
			return true;
	return false;
}

/* The names of a table, NULL-terminated; the caller frees the array alone. */
static const char **
names_of(const struct fields *table, size_t *ret_len)
{
	const char **names;
	size_t count = 0, len = 0;

	while (table->rows[count].name != NULL)
		count++;
	names = xcalloc(count + 1, sizeof(*names));
	for (size_t i = 0; i < count; i++) {
		names[i] = table->rows[i].name;
		len += strlen(names[i]);
	}
	*ret_len = len;
	return names;
}

static void
list_known(const char *const *names, struct buf *out)
{
	buf_puts(out, names[0] == NULL ? "; there are none here" : "; known are ");
	for (size_t i = 0; names[i] != NULL; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", names[i]);
}

/* What a mistyped `password` holds is a secret too. */
static void
unknown_key(struct field_load *l, const struct fields *table, const struct node *key,
	const struct node *value)
{
	AUTO(buf) struct buf remedy = {.data = NULL};
	size_t len, was = field_enter(l, key->text);
	const char **names = names_of(table, &len);
	const char *near = diag_suggest(key->text, names);
	const struct field *meant = near == NULL ? NULL : field_find(table, near);

	if (meant == NULL ? has_secrets(table) : meant->type == FIELD_SECRET)
		diag_secret(l->ds, value->mark);
	if (near != NULL)
		buf_printf(&remedy, "; did you mean '%s'?", near);
	else if (len <= KNOWN_KEYS_MAX)
		list_known(names, &remedy);
	field_problem(l, key->mark, "unknown key%s", buf_str(&remedy));
	field_leave(l, was);
	free(names);
}

static void
report_missing(struct field_load *l, const struct fields *table, const struct node *map)
{
	for (const struct field *row = table->rows; row->name != NULL; row++) {
		size_t was;

		if ((row->flags & FIELD_REQUIRED) == 0 ||
			node_get(map, row->name) != NULL)
			continue;
		was = field_enter(l, row->name);
		field_problem(l, map->mark, "required");
		field_leave(l, was);
	}
}

/* Null, where it is allowed, takes back a default. */
static void
load_null(struct field_load *l, const struct field *row, const struct node *node,
	void *member)
{
	bool word = node->kind == NODE_PLAIN && node->text[0] != '\0';
	struct err err;

	if ((row->flags & FIELD_NULLABLE) != 0) {
		field_member_fini(row, member);
		set_absent(row, member);
		return;
	}
	if (row->type == FIELD_LIST)
		field_member_fini(row, member);
	(void)field_expected(row, node, &err);
	field_problem(l, node->mark, "%s%s", err.text,
		word && (row->type == FIELD_STRING || row->type == FIELD_SECRET)
			? "; quote it if the word is meant"
			: "");
}

void
field_load_value(struct field_load *l, const struct field *row, const struct node *node,
	void *member)
{
	const struct field_ops *ops = field_ops[row->type];
	struct err err;

	if (row->type == FIELD_SECRET)
		diag_secret(l->ds, node->mark);
	if (node_is_null(node))
		load_null(l, row, node, member);
	else if (ops->load != NULL)
		ops->load(l, row, node, member);
	else if (ops->set(row, node, member, &err) < 0)
		field_problem(l, node->mark, "%s", err.text);
}

void
field_load_table(struct field_load *l, const struct fields *table,
	const struct node *map, void *obj)
{
	if (map->kind != NODE_MAP) {
		field_problem(l, map->mark, "expected a mapping, got %s",
			node_kind_name(map));
		return;
	}
	for (size_t i = 0; i < map->count; i++) {
		const struct field *row = field_find(table, map->keys[i]->text);
		size_t was;

		if (row == NULL) {
			unknown_key(l, table, map->keys[i], map->items[i]);
			continue;
		}
		if (is_foreign(row))
			continue;
		was = field_enter(l, row->name);
		field_load_value(l, row, map->items[i], member_of(row, obj));
		field_leave(l, was);
	}
	report_missing(l, table, map);
}

int
field_load(const struct fields *table, const struct node *map, void *obj,
	const char *path, struct diags *ds)
{
	struct field_load l = {.ds = ds};
	size_t before = ds->errors;

	assert(table->size > 0 || table->rows[0].name == NULL);
	if (path != NULL)
		buf_puts(&l.path, path);
	field_defaults(table, obj);
	field_load_table(&l, table, map, obj);
	buf_fini(&l.path);
	return l.ds->errors == before ? 0 : -1;
}

void
field_defaults(const struct fields *table, void *obj)
{
	for (const struct field *row = table->rows; row->name != NULL; row++) {
		int bad = 0;

		if (is_foreign(row))
			continue;
		set_absent(row, member_of(row, obj));
		if (row->def != NULL)
			bad = field_set(row, obj, row->def, NULL);
		assert(bad == 0);
		(void)bad;
	}
}

struct node *
field_positional(const struct fields *table, const struct node *list, struct err *err)
{
	struct node *map;
	size_t most = 0;

	while (table->rows[most].name != NULL)
		most++;
	if (list->count > most) {
		err_set(err, ERR_INVALID,
			"too many parameters: %zu given, at most %zu known",
			list->count, most);
		return NULL;
	}
	map = node_map(list->mark);
	for (size_t i = 0; i < list->count; i++)
		node_put(map,
			node_scalar(NODE_STRING, table->rows[i].name,
				list->items[i]->mark),
			node_copy(list->items[i]));
	return map;
}

int
field_set(const struct field *row, void *obj, const char *text, struct err *err)
{
	AUTO(diags) struct diags ds = {.name = NULL};
	AUTO(node) struct node *node = field_text_node(row, text);
	struct field_load l = {.ds = &ds};

	field_load_value(&l, row, node, member_of(row, obj));
	buf_fini(&l.path);
	return ds.errors == 0 ? 0 : diag_to_err(&ds, ERR_INVALID, err);
}

void
field_member_fini(const struct field *row, void *member)
{
	const struct field_ops *ops = field_ops[row->type];

	if (ops->fini != NULL)
		ops->fini(row, member);
	if (ops->size > 0)
		memset(member, 0, ops->size);
}

void
field_fini(const struct fields *table, void *obj)
{
	for (const struct field *row = table->rows; row->name != NULL; row++)
		if (!is_foreign(row))
			field_member_fini(row, member_of(row, obj));
}

const struct field *
field_find(const struct fields *table, const char *name)
{
	for (const struct field *row = table->rows; row->name != NULL; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

bool
field_equal(const struct fields *table, const void *a, const void *b,
	const char **ret_name)
{
	for (const struct field *row = table->rows; row->name != NULL; row++) {
		if (is_foreign(row) ||
			field_ops[row->type]->equal(row, const_member_of(row, a),
				const_member_of(row, b)))
			continue;
		if (ret_name != NULL)
			*ret_name = row->name;
		return false;
	}
	return true;
}

void
field_secret_names(const struct fields *table, struct strings *out)
{
	for (const struct field *row = table->rows; row->name != NULL; row++) {
		if (row->type == FIELD_SECRET && !strings_contain(out, row->name))
			strings_add(out, row->name);
		if (row->sub != NULL)
			field_secret_names(row->sub, out);
		if (row->keyed != NULL)
			field_secret_names(row->keyed, out);
	}
}
