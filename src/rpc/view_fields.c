/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any struct that has rows, as JSON: the inverse of field_load.
 */
#include "base/buf.h"
#include "base/field.h"
#include "rpc/json.h"
#include "rpc/view.h"

#include <math.h>

static json_t *
view_duration(int64_t ms)
{
	AUTO(buf) struct buf text = {0};

	if (ms == FIELD_NULL)
		return json_null();
	field_print_duration(ms, &text);
	return json_text(buf_str(&text));
}

static json_t *
view_list(const struct fields *sub, const struct field_list *list)
{
	json_t *view = json_array();

	for (size_t i = 0; i < list->count; i++)
		(void)json_array_append_new(view,
			view_fields(sub, (const char *)list->items + i * sub->size));
	return view;
}

static json_t *
view_strmap(const struct strmap *map)
{
	json_t *view = json_object();

	for (size_t i = 0; i < map->count; i++)
		(void)json_object_set_new(view, map->keys[i],
			json_text(map->values[i]));
	return view;
}

static json_t *
view_int(int64_t value)
{
	return value != FIELD_NULL ? json_integer(value) : json_null();
}

static json_t *
view_optbool(int value)
{
	return value >= 0 ? json_boolean(value) : json_null();
}

/* NULL: not shown. */
static json_t *
view_member(const struct field *row, const void *member)
{
	switch (row->type) {
	case FIELD_BOOL: return json_boolean(*(const bool *)member);
	case FIELD_OPTBOOL: return view_optbool(*(const int *)member);
	case FIELD_INT: return view_int(*(const int64_t *)member);
	case FIELD_NUMBER:
		return isnan(*(const double *)member)
			? json_null()
			: json_real(*(const double *)member);
	case FIELD_DURATION: return view_duration(*(const int64_t *)member);
	case FIELD_STRING: return json_text(*(char *const *)member);
	case FIELD_ENUM:
		return *(const int *)member >= 0
			? json_text(row->choices[*(const int *)member])
			: json_null();
	case FIELD_OBJECT: return view_fields(row->sub, member);
	case FIELD_STRINGS: return view_strings(member);
	case FIELD_LIST: return view_list(row->sub, member);
	case FIELD_STRMAP: return view_strmap(member);
	case FIELD_SECRET:
	case FIELD_ANY: break;
	}
	return NULL;
}

json_t *
view_fields(const struct fields *table, const void *obj)
{
	json_t *view = json_object();

	for (const struct field *row = table->rows; row->name != NULL; row++) {
		json_t *value = NULL;

		if ((row->flags & (FIELD_EXTERN | FIELD_PRIVATE)) == 0)
			value = view_member(row, (const char *)obj + row->offset);
		if (value != NULL)
			(void)json_object_set_new(view, row->name, value);
	}
	return view;
}
