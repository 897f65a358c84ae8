/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durations and words of choice travel as they were written: the daemon reads both.
 */
#include "ctl/params.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "ctl/verb.h"

void
params_init(struct params *p, const struct fields *table)
{
	p->json = json_object();
	p->table = table;
	p->scratch = xcalloc(1, table->size > 0 ? table->size : 1);
	field_defaults(table, p->scratch);
}

void
params_fini(struct params *p)
{
	field_fini(p->table, p->scratch);
	free(p->scratch);
	json_decref(p->json);
}

static json_t *
list_of(const struct strings *strings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < strings->count; i++)
		(void)json_array_append_new(list, json_string(strings->items[i]));
	return list;
}

/* Of a row whose member has been set from text. */
static json_t *
value_of(const struct params *p, const struct field *row, const char *text)
{
	const void *member = (const char *)p->scratch + row->offset;

	switch (row->type) {
	case FIELD_BOOL: return json_boolean(*(const bool *)member);
	case FIELD_OPTBOOL: return json_boolean(*(const int *)member == 1);
	case FIELD_INT: return json_integer(*(const int64_t *)member);
	case FIELD_NUMBER: return json_real(*(const double *)member);
	case FIELD_STRINGS: return list_of(member);
	case FIELD_DURATION:
	case FIELD_STRING:
	case FIELD_SECRET:
	case FIELD_ENUM:
	case FIELD_OBJECT:
	case FIELD_LIST:
	case FIELD_STRMAP:
	case FIELD_ANY: break;
	}
	return json_string(text);
}

int
params_set(void *arg, const struct field *row, const char *text, struct err *err)
{
	struct params *p = arg;
	AUTO(free) char *list = NULL;
	json_t *value;

	if (text == NULL)
		text = "true";
	if (row->type == FIELD_STRINGS)
		text = list = xasprintf("[%s]", text);
	if (field_set(row, p->scratch, text, err) != 0)
		return -1;
	value = value_of(p, row, text);
	if (value == NULL)
		return err_set(err, ERR_INVALID, "not UTF-8");
	(void)json_object_set_new(p->json, row->name, value);
	return 0;
}

static int
check_count(const struct verb *v, const struct strings *words, struct err *err)
{
	size_t most = 0, least;
	AUTO(buf) struct buf usage = {.data = NULL};

	while (v->words[most] != NULL)
		most++;
	least = v->optional ? most - 1 : most;
	if (words->count >= least && (v->many || words->count <= most))
		return 0;
	verb_usage(v, &usage);
	return err_set(err, ERR_INVALID, "%s: too %s words; usage: ec2workerctl %s",
		v->name, words->count < least ? "few" : "many", buf_str(&usage));
}

int
params_words(struct params *p, const struct verb *v, const struct strings *words,
	struct err *err)
{
	if (check_count(v, words, err) != 0)
		return -1;
	if (v->many)
		return 0;
	for (size_t i = 0; i < words->count; i++) {
		const struct field *row = field_find(p->table, v->words[i]);

		if (row != NULL && params_set(p, row, words->items[i], err) != 0)
			return err_wrap(err, "%s", v->words[i]);
	}
	return 0;
}

int
params_preset(struct params *p, const char *name, const char *text, struct err *err)
{
	const struct field *row = field_find(p->table, name);

	if (row == NULL || json_object_get(p->json, name) != NULL)
		return 0;
	return params_set(p, row, text, err);
}
