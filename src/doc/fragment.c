/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of fragments.
 */
#include "doc/fragment.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_keys.h"
#include "doc/mdoc.h"
#include "doc/methods.h"
#include "doc/monitor.h"
#include "doc/phases.h"
#include "doc/rows.h"
#include "doc/simulator.h"
#include "doc/usage.h"
#include "sim/scenario.h"

#include <ctype.h>
#include <string.h>

static int
make_fields(const char *arg, struct buf *out)
{
	static const struct fields *const files[] = {&conf_fields,
		&sim_scenario_fields};
	struct table_set set = {.items = NULL};
	const struct fields *table;

	for (size_t i = 0; i < COUNT_OF(files); i++)
		table_set_add(&set, files[i]);
	table = table_set_find(&set, arg);
	if (table != NULL)
		rows_list(table, ROWS_KEYS, out);
	table_set_fini(&set);
	return table != NULL ? 0 : -1;
}

static int
make_synopsis(const char *arg, struct buf *out)
{
	const struct opts *set = usage_find(arg);

	if (set != NULL)
		usage_synopsis(set, out);
	return set != NULL ? 0 : -1;
}

static int
make_options(const char *arg, struct buf *out)
{
	const struct opts *set = usage_find(arg);

	if (set != NULL)
		usage_options(set, out);
	return set != NULL ? 0 : -1;
}

static void
add_foreign(const struct conf_stranger *s, struct buf *out)
{
	AUTO(free)
	char *text = xasprintf("%c%s.", toupper((unsigned char)s->remedy[0]),
		s->remedy + 1);

	buf_puts(out, ".It ");
	mdoc_line(out, "Ic", s->key);
	mdoc_text(out, text);
}

static int
make_foreign(const char *arg, struct buf *out)
{
	AUTO(buf) struct buf items = {.data = NULL};

	for (const struct conf_stranger *s = conf_strangers; s->key != NULL; s++)
		if (strcmp(s->table, arg) == 0)
			add_foreign(s, &items);
	if (items.len == 0)
		return -1;
	buf_printf(out, ".Bl -tag -width Ds\n%s.El\n", buf_str(&items));
	return 0;
}

const struct fragment fragments[] = {
	{"fields", "TABLE", "Keys of a file, or of a table below it, as mdoc.",
		make_fields, NULL},
	{"foreign", "TABLE", "Names that are no keys of a table, and what is, as mdoc.",
		make_foreign, NULL},
	{"synopsis", "PROGRAM", "Its options in a synopsis, as mdoc.", make_synopsis,
		NULL},
	{"options", "PROGRAM", "Its options as a list, as mdoc.", make_options, NULL},
	{"verbs", NULL, "Verbs of ec2workerctl, as mdoc.", NULL, usage_verbs},
	{"methods", NULL, "RPC methods, as mdoc.", NULL, methods_list},
	{"objects", NULL, "Objects in the results of methods, as mdoc.", NULL,
		methods_objects},
	{"errors", NULL, "Errors of methods, as mdoc.", NULL, methods_errors},
	{"events", NULL, "Types of events, as mdoc.", NULL, methods_events},
	{"limits", NULL, "Limits of the socket, as mdoc.", NULL, methods_limits},
	{"conditions", NULL, "What can be wrong with the whole, as mdoc.", NULL,
		monitor_conditions},
	{"metrics", NULL, "Numbers about the whole, as mdoc.", NULL, monitor_metrics},
	{"actions", NULL, "Actions of ec2sim, as mdoc.", NULL, simulator_actions},
	{"doors", NULL, "Paths of ec2sim's door, as mdoc.", NULL, simulator_doors},
	{"phases", NULL, "Phase tables, as Markdown with Mermaid.", NULL,
		phases_mermaid},
	{"dot", NULL, "Phase tables, as a graph for dot(1).", NULL, phases_dot},
	{.name = NULL},
};

static int
make(const struct fragment *f, const char *arg, struct buf *out, struct err *err)
{
	if ((f->arg != NULL) != (arg != NULL))
		return err_set(err, ERR_INVALID, "%s %s", f->name,
			arg != NULL ? "takes no argument" : "needs an argument");
	if (arg == NULL)
		f->whole(out);
	else if (f->part(arg, out) != 0)
		return err_set(err, ERR_INVALID, "%s: there is no %s '%s'", f->name,
			f->arg, arg);
	return 0;
}

int
fragment_make(const char *name, const char *arg, struct buf *out, struct err *err)
{
	for (const struct fragment *f = fragments; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return make(f, arg, out, err);
	return err_set(err, ERR_INVALID, "there is no fragment '%s'", name);
}
