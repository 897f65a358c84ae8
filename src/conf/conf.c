/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finished configuration: whose it is, what is found in it, and in what two differ.
 * Comparing walks the rows of the tables, so a new key is compared from its first day.
 */
#include "conf/conf.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/tmpl.h"
#include "conf/conf_form.h"
#include "conf/conf_load.h"
#include "conf/conf_row.h"
#include "sys/regex.h"

#include <stdlib.h>
#include <string.h>

void
conf_free(struct conf *conf)
{
	if (conf == NULL)
		return;
	for (size_t i = 0; i < conf->worker_count; i++)
		conf_worker_unref(conf->workers[i]);
	free(conf->workers);
	free(conf->by_name);
	field_fini(&conf_fields, conf);
	free(conf);
}

const char *
conf_ami_parameter(const struct conf_worker *w)
{
	size_t len = strlen(CONF_AMI_RESOLVE);

	if (w->ami == NULL || strncmp(w->ami, CONF_AMI_RESOLVE, len) != 0)
		return NULL;
	return w->ami + len;
}

struct conf_worker *
conf_worker_ref(struct conf_worker *w)
{
	w->refs++;
	return w;
}

void
conf_worker_unref(struct conf_worker *w)
{
	if (w == NULL || --w->refs > 0)
		return;
	if (w->shared != NULL)
		w->user_data = NULL; /* it is the shared one's */
	user_data_unref(w->shared);
	regex_unref(w->ami_location);
	field_fini(&conf_worker_fields, w);
	free(w->name);
	free(w);
}

static int
compare_name(const void *name, const void *entry)
{
	return strcmp(name, (*(const struct conf_worker *const *)entry)->name);
}

const struct conf_worker *
conf_find(const struct conf *conf, const char *name)
{
	struct conf_worker *const *found = bsearch(name, conf->by_name,
		conf->worker_count, sizeof(*conf->by_name), compare_name);

	return found != NULL ? *found : NULL;
}

static bool
member_equal(const struct fields *table, const struct field *row, const void *a,
	const void *b)
{
	const struct field rows[] = {*row, {.name = NULL}};
	const struct fields one = {table->name, rows, table->size};

	return field_equal(&one, a, b, NULL);
}

/* Every variable of a that the template uses is the same in b. */
static bool
used_vars_in(const struct conf_worker *a, const struct conf_worker *b)
{
	for (size_t i = 0; i < a->vars.count; i++) {
		AUTO(free) char *name = xasprintf("vars.%s", a->vars.keys[i]);

		if (tmpl_uses(a->user_data_tmpl, name) &&
			!str_equal(a->vars.values[i],
				strmap_get(&b->vars, a->vars.keys[i])))
			return false;
	}
	return true;
}

bool
conf_worker_launch_equal(const struct conf_worker *a, const struct conf_worker *b)
{
	for (const struct field *row = conf_worker_fields.rows; row->name != NULL;
		row++)
		if ((row->flags & CONF_LAUNCH) != 0 &&
			!member_equal(&conf_worker_fields, row, a, b))
			return false;
	/* The templates are equal by now, and so are the names they use. */
	return a->user_data_tmpl == NULL || used_vars_in(a, b);
}

bool
conf_worker_equal(const struct conf_worker *a, const struct conf_worker *b)
{
	return a->password_generated == b->password_generated &&
		a->max_spot_price_given == b->max_spot_price_given &&
		field_equal(&conf_worker_fields, a, b, NULL);
}

const char *
conf_restart_key(const struct conf *old, const struct conf *fresh)
{
	for (const struct field *row = conf_fields.rows; row->name != NULL; row++)
		if ((row->flags & FIELD_RESTART) != 0 &&
			!member_equal(&conf_fields, row, old, fresh))
			return row->name;
	return NULL;
}

int
conf_report(const char *path, struct buf *out)
{
	struct conf_problems *problems = conf_problems_new();
	struct conf *conf = conf_load(path, problems);
	int result = conf != NULL ? 0 : -1;

	conf_problems_print(problems, out);
	if (conf != NULL)
		buf_printf(out, "%s: pool %s, %zu worker%s, ", path, conf->pool,
			conf->worker_count, conf->worker_count == 1 ? "" : "s");
	else
		buf_printf(out, "%s: ", path);
	conf_problems_sum(problems, out);
	buf_putc(out, '\n');
	conf_free(conf);
	conf_problems_free(problems);
	return result;
}
