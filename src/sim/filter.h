/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filter.N.Name, Filter.N.Value.M: parsed against the rows of a resource and matched.
 * Filters are ANDed, the values of one ORed, with wildcards (EC2, API_Filter).
 */
#ifndef SIM_FILTER_H
#define SIM_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_error;
struct sim_filter;
struct sim_params;
struct strmap;

#define SIM_FILTERS_MAX 50
#define SIM_FILTER_VALUES_MAX 200
#define SIM_FILTER_TEXT 160

/* The one value of obj, NULL if it has none; may be written to text. */
typedef const char *sim_filter_get(const void *obj, char text[static SIM_FILTER_TEXT]);
/* For what has several values: whether any matches (by sim_filter_takes). */
typedef bool sim_filter_test(const void *obj, const struct sim_filter *filter);

struct sim_filter_row {
	const char *name; /* "instance-id"; with a colon at its end, "tag:", a prefix */
	sim_filter_get *get;
	sim_filter_test *test; /* one of the two */
};

/* Defines the getter get_NAME of a row: expression is about var, and may use text. */
#define SIM_FILTER_GET(name, kind, var, expression)                                    \
	static const char *get_##name(const void *obj,                                 \
		char text[static SIM_FILTER_TEXT])                                     \
	{                                                                              \
		const kind *var = obj;                                                 \
		(void)var;                                                             \
		(void)text;                                                            \
		return expression;                                                     \
	}

/* Defines test_tag, for the three rows of tags, of what has a member `tags`. */
#define SIM_FILTER_TEST_TAG(kind)                                                      \
	static bool test_tag(const void *obj, const struct sim_filter *f)              \
	{                                                                              \
		return sim_filter_takes_tag(f, &((const kind *)obj)->tags);            \
	}

struct sim_filter {
	const struct sim_filter_row *row;
	const char *key; /* behind the colon of a prefix, borrowed from the params */
	const char **values; /* owned array of borrowed */
	size_t count;
};

/* A zeroed struct is a valid empty one, and matches all. */
struct sim_filters {
	struct sim_filter *items;
	size_t count;
};

/* rows end with a NULL name. -1: an unknown name, no value, too many. */
int sim_filters_parse(const struct sim_params *params,
	const struct sim_filter_row *rows, struct sim_filters *ret_filters,
	struct sim_error *error);
void sim_filters_fini(struct sim_filters *f);
bool sim_filters_match(const struct sim_filters *f, const void *obj);
/* Whether one of the filter's values matches. */
bool sim_filter_takes(const struct sim_filter *filter, const char *value);
/* The same for any of several; for tags by "tag:", "tag-key" and "tag-value". */
bool sim_filter_takes_any(const struct sim_filter *filter, char *const *values,
	size_t count);
bool sim_filter_takes_tag(const struct sim_filter *filter, const struct strmap *tags);

/* For getters: a number as text, which it returns. */
const char *sim_filter_number(char text[static SIM_FILTER_TEXT], int64_t value);

static inline void
auto_sim_filters(struct sim_filters *f)
{
	sim_filters_fini(f);
}

#endif
