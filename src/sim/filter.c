/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of a Describe call, for any resource that has rows. */
#include "sim/filter.h"

#include "base/field.h"
#include "base/mem.h"
#include "sim/error.h"
#include "sim/params.h"
#include "sim/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The row of a name; ret_key gets what stands behind the colon. */
static const struct sim_filter_row *
find_row(const struct sim_filter_row *rows, const char *name, const char **ret_key)
{
	for (; rows->name != NULL; rows++) {
		size_t len = strlen(rows->name);

		if (rows->name[len - 1] == ':' && strncmp(rows->name, name, len) == 0) {
			*ret_key = name + len;
			return rows;
		}
		if (strcmp(rows->name, name) == 0)
			return rows;
	}
	return NULL;
}

static int
parse_values(const struct sim_params *params, size_t n, struct sim_filter *f,
	struct sim_error *error)
{
	const char *value;

	while ((value = sim_params_getf(params, "Filter.%zu.Value.%zu", n,
			f->count + 1)) != NULL) {
		if (f->count == SIM_FILTER_VALUES_MAX)
			return sim_fail(error, SIM_FILTER_LIMIT_EXCEEDED,
				"The maximum number of filter values specified on a single call is %d",
				SIM_FILTER_VALUES_MAX);
		f->values = xreallocarray(f->values, f->count + 1, sizeof(*f->values));
		f->values[f->count++] = value;
	}
	if (f->count == 0)
		return sim_fail(error, SIM_INVALID_PARAMETER_VALUE,
			"The filter '%s%s' has no value", f->row->name,
			f->key != NULL ? f->key : "");
	return 0;
}

int
sim_filters_parse(const struct sim_params *params, const struct sim_filter_row *rows,
	struct sim_filters *ret_filters, struct sim_error *error)
{
	AUTO(sim_filters) struct sim_filters f = {0};
	const char *name;

	while ((name = sim_params_getf(params, "Filter.%zu.Name", f.count + 1)) !=
		NULL) {
		struct sim_filter *item;

		if (f.count == SIM_FILTERS_MAX)
			return sim_fail(error, SIM_FILTER_LIMIT_EXCEEDED,
				"The maximum number of filters specified on a single call is %d",
				SIM_FILTERS_MAX);
		f.items = xreallocarray(f.items, f.count + 1, sizeof(*f.items));
		item = &f.items[f.count++];
		*item = (struct sim_filter){0};
		item->row = find_row(rows, name, &item->key);
		if (item->row == NULL)
			return sim_fail(error, SIM_INVALID_PARAMETER_VALUE,
				"The filter '%.200s' is invalid", name);
		if (parse_values(params, f.count, item, error) != 0)
			return -1;
	}
	if (sim_params_getf(params, "Filter.%zu.Value.1", f.count + 1) != NULL)
		return sim_fail(error, SIM_MISSING_PARAMETER,
			"The request must contain the parameter Filter.%zu.Name",
			f.count + 1);
	*ret_filters = f;
	f = (struct sim_filters){0};
	return 0;
}

void
sim_filters_fini(struct sim_filters *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->items[i].values);
	free(f->items);
	*f = (struct sim_filters){0};
}

bool
sim_filter_takes(const struct sim_filter *filter, const char *value)
{
	for (size_t i = 0; i < filter->count; i++)
		if (sim_text_matches(filter->values[i], value))
			return true;
	return false;
}

const char *
sim_filter_number(char text[static SIM_FILTER_TEXT], int64_t value)
{
	(void)snprintf(text, SIM_FILTER_TEXT, "%" PRId64, value);
	return text;
}

bool
sim_filter_takes_any(const struct sim_filter *filter, char *const *values, size_t count)
{
	for (size_t n = 0; n < count; n++)
		if (sim_filter_takes(filter, values[n]))
			return true;
	return false;
}

bool
sim_filter_takes_tag(const struct sim_filter *filter, const struct strmap *tags)
{
	const char *value;

	if (strcmp(filter->row->name, "tag-key") == 0)
		return sim_filter_takes_any(filter, tags->keys, tags->count);
	if (strcmp(filter->row->name, "tag-value") == 0)
		return sim_filter_takes_any(filter, tags->values, tags->count);
	value = strmap_get(tags, filter->key);
	return value != NULL && sim_filter_takes(filter, value);
}

bool
sim_filters_match(const struct sim_filters *f, const void *obj)
{
	for (size_t n = 0; n < f->count; n++) {
		const struct sim_filter *item = &f->items[n];
		char text[SIM_FILTER_TEXT];
		const char *value;

		if (item->row->test != NULL) {
			if (!item->row->test(obj, item))
				return false;
			continue;
		}
		value = item->row->get(obj, text);
		if (value == NULL || !sim_filter_takes(item, value))
			return false;
	}
	return true;
}
