/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User data: from its key or file to a parsed template whose names are all known and whose
 * filled-in size EC2 takes. One copy serves all workers of a row.
 */
#include "conf/conf_row.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/tmpl.h"
#include "conf/conf.h"
#include "sys/file.h"

#include <assert.h>
#include <string.h>

#define FILE_MAX (64u * 1024u)
#define VAR_PREFIX "vars."
/* As long as the longest that can take its place. */
#define GENERATION_MAX "9223372036854775807"
#define REGION_MAX "xx-xxxxxxxxxxxx-xxxxxxxxxxxx-00"

struct conf_user_data {
	unsigned refs;
	char *text;        /* owned */
	struct tmpl *tmpl; /* owned */
};

struct conf_user_data *
user_data_ref(struct conf_user_data *data)
{
	if (data != NULL)
		data->refs++;
	return data;
}

void
user_data_unref(struct conf_user_data *data)
{
	if (data == NULL || --data->refs > 0)
		return;
	tmpl_free(data->tmpl);
	str_wipe_free(data->text); /* it may hold a password of the user's own */
	free(data);
}

void
user_data_give(struct conf_user_data *data, struct conf_worker *w)
{
	assert(w->shared == NULL);
	free(w->user_data);
	w->shared = user_data_ref(data);
	w->user_data = data != NULL ? data->text : NULL;
	w->user_data_tmpl = data != NULL ? data->tmpl : NULL;
}

/* What the template's names stand for while its size is measured. */
struct filling {
	const char *pool, *worker, *password, *region; /* each as long as it can get */
	const struct strmap *vars;
	size_t size; /* of all values so far */
};

static const char *
value_of(const struct filling *f, const char *name)
{
	if (strcmp(name, "worker") == 0)
		return f->worker;
	if (strcmp(name, "password") == 0)
		return f->password;
	if (strcmp(name, "pool") == 0)
		return f->pool;
	if (strcmp(name, "region") == 0)
		return f->region;
	if (strcmp(name, "generation") == 0)
		return GENERATION_MAX;
	if (strncmp(name, VAR_PREFIX, strlen(VAR_PREFIX)) == 0)
		return strmap_get(f->vars, name + strlen(VAR_PREFIX));
	return NULL;
}

static const char *
lookup(void *arg, const char *name)
{
	struct filling *f = (struct filling *)arg;
	const char *value = value_of(f, name);

	if (value == NULL)
		return NULL;
	f->size += strlen(value);
	/* What is too large already need not be built to know it. */
	return f->size > CONF_USER_DATA_MAX ? "" : value;
}

static const char *
longest_name(const struct conf_row *row)
{
	const char *longest = "";

	for (size_t i = 0; i < row->names->count; i++)
		if (strlen(row->names->items[i]) > strlen(longest))
			longest = row->names->items[i];
	return longest;
}

static const char *
value_key(const struct conf_worker *w)
{
	return w->user_data != NULL ? "user_data" : "user_data_file";
}

static void
check_size(struct conf_row *row, const struct conf_worker *w, struct filling *f,
	const struct tmpl *tmpl)
{
	AUTO(buf) struct buf text = {.data = NULL};
	struct err err;

	f->size = 0;
	if (tmpl_render(tmpl, lookup, f, &text, &err) != 0)
		return; /* tmpl_check has said why */
	if (f->size > CONF_USER_DATA_MAX || text.len > CONF_USER_DATA_MAX)
		row_problem(row, DIAG_ERROR, ROW_VALUE, value_key(w),
			"up to %zu bytes when filled in; EC2 takes at most %u",
			f->size > CONF_USER_DATA_MAX ? f->size : text.len,
			CONF_USER_DATA_MAX);
}

/* whole: the template with what is put in front of it; own: as the user wrote it. */
static void
check_template(struct conf_row *row, const struct conf_worker *w,
	const struct tmpl *own, const struct tmpl *whole)
{
	const struct conf *conf = row->load->conf;
	char generated[CONF_PASSWORD_GENERATED_MAX + 1];
	struct filling f = {
		.pool = conf->pool != NULL ? conf->pool : "",
		.worker = longest_name(row),
		.region = w->region != NULL ? w->region : REGION_MAX,
		.vars = &w->vars,
	};
	struct err err;

	memset(generated, 'x', sizeof(generated) - 1);
	generated[sizeof(generated) - 1] = '\0';
	f.password = w->password.text != NULL ? w->password.text : generated;
	if (row->vars_known && tmpl_check(own, lookup, &f, &err) != 0)
		row_problem(row, DIAG_ERROR, ROW_VALUE, value_key(w),
			"%s; known are worker, password, pool, region, generation, and "
			"vars.NAME for each of vars",
			err.text);
	else if (row->vars_known)
		check_size(row, w, &f, whole);
	if (w->password_generated && !tmpl_uses(own, "password"))
		row_problem(row, DIAG_WARNING, ROW_VALUE, value_key(w),
			"does not use {{ password }}, so the worker cannot know the one "
			"generated for it");
}

/* The template's text, or NULL with the problem told. */
static char *
read_text(struct conf_row *row, const struct conf_worker *w)
{
	AUTO(free) char *path = path_from(row->load->dir, w->user_data_file);
	AUTO(buf) struct buf text = {.data = NULL};
	struct err err;

	if (file_read(path, FILE_MAX, false, &text, NULL, &err) != 0) {
		row_problem(row, DIAG_ERROR, ROW_VALUE, "user_data_file", "%s",
			err.text);
		return NULL;
	}
	if (strlen(buf_str(&text)) != text.len) {
		row_problem(row, DIAG_ERROR, ROW_VALUE, "user_data_file",
			"%s: holds a NUL byte; user data is text", path);
		return NULL;
	}
	return buf_take(&text);
}

static bool
has_text(const struct conf_worker *w)
{
	return w->user_data != NULL || w->user_data_file != NULL;
}

/* Takes text, which is NULL if there is none but the guard. */
static struct conf_user_data *
with_guard(const struct conf_worker *w, char *text)
{
	struct conf_user_data *data = NEW(struct conf_user_data);
	struct err err;

	data->refs = 1;
	data->text = text;
	if (w->dead_man != FIELD_NULL) {
		data->text = dead_man_add(text, w->dead_man);
		str_wipe_free(text);
	}
	data->tmpl = tmpl_parse(data->text, &err);
	assert(data->tmpl != NULL); /* the user's own part has been parsed before */
	return data;
}

void
row_user_data(struct conf_row *row, const struct conf_worker *w)
{
	AUTO(free) char *text = NULL;
	const char *fault;
	struct tmpl *own;
	struct err err;

	if (w->user_data != NULL)
		text = xstrdup(w->user_data);
	else if (w->user_data_file != NULL)
		text = read_text(row, w);
	if (text == NULL && (has_text(w) || w->dead_man == FIELD_NULL))
		return;
	fault = w->dead_man != FIELD_NULL ? dead_man_fault(text) : NULL;
	if (fault != NULL) {
		row_problem(row, DIAG_ERROR, ROW_VALUE, value_key(w), "%s", fault);
		return;
	}
	own = tmpl_parse(text != NULL ? text : "", &err);
	if (own == NULL) {
		row_problem(row, DIAG_ERROR, ROW_VALUE, value_key(w), "%s", err.text);
		return;
	}
	row->data = with_guard(w, TAKE(text));
	if (has_text(w))
		check_template(row, w, own, row->data->tmpl);
	tmpl_free(own);
}
