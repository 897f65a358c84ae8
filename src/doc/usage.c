/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An option is told as --help tells it, and its default beside it.
 */
#include "doc/usage.h"

#include "base/buf.h"
#include "base/field.h"
#include "base/mem.h"
#include "base/opts.h"
#include "core/options.h"
#include "ctl/ctl.h"
#include "ctl/verb.h"
#include "doc/mdoc.h"
#include "sim/options.h"

#include <ctype.h>
#include <string.h>

static const struct opts sim_opts = {.table = &sim_option_fields};

static const struct {
	const char *name;
	const struct opts *opts;
} programs[] = {
	{"ec2workerd", &option_opts},
	{"ec2workerctl", &ctl_opts},
	{"ec2sim", &sim_opts},
};

const struct opts *
usage_find(const char *program)
{
	for (size_t i = 0; i < COUNT_OF(programs); i++)
		if (strcmp(programs[i].name, program) == 0)
			return programs[i].opts;
	return NULL;
}

/* " Ar FILE", " Cm on | off". */
static void
add_value_name(const struct field *row, struct buf *out)
{
	AUTO(buf) struct buf name = {.data = NULL};

	opts_value_name(row, &name);
	if (name.len == 0)
		return;
	if (row->type != FIELD_ENUM) {
		buf_printf(out, " Ar %s", name.data);
		return;
	}
	buf_puts(out, " Cm");
	for (size_t i = 0; row->choices[i] != NULL; i++)
		buf_printf(out, "%s %s", i == 0 ? "" : " |", row->choices[i]);
}

/* "Fl c , Fl \-config Ar FILE"; letter_only: its short form if it has one. */
static void
add_option(const struct opts *set, const struct field *row, bool letter_only,
	struct buf *out)
{
	AUTO(free) char *name = opts_name(row);
	char letter = opts_letter(set, row);

	if (letter != 0)
		buf_printf(out, "Fl %c", letter);
	if (letter == 0 || !letter_only)
		buf_printf(out, "%sFl \\-%s", letter != 0 ? " , " : "", name);
	add_value_name(row, out);
}

void
usage_synopsis(const struct opts *set, struct buf *out)
{
	for (const struct field *row = set->table->rows; row->name != NULL; row++) {
		if (!opts_has(set, row))
			continue;
		buf_puts(out, ".Op ");
		add_option(set, row, true, out);
		buf_putc(out, '\n');
	}
}

/* A boolean is off and a counter 0 without a word about it. */
static void
add_default(const struct field *row, const char *def, struct buf *out)
{
	AUTO(buf) struct buf name = {.data = NULL};

	opts_value_name(row, &name);
	if (def == NULL || name.len == 0)
		return;
	buf_puts(out, "Default:\n.Ql ");
	mdoc_arg(out, def);
	buf_puts(out, " .\n");
}

/* preset (or NULL): the option that has preset_value as its default here. */
static void
list_options(const struct opts *set, const char *preset, const char *preset_value,
	struct buf *out)
{
	bool any = false;

	for (const struct field *row = set->table->rows; row->name != NULL; row++) {
		bool own = preset != NULL && strcmp(preset, row->name) == 0;

		if (!opts_has(set, row))
			continue;
		if (!any)
			buf_puts(out, ".Bl -tag -width Ds\n");
		any = true;
		buf_puts(out, ".It ");
		add_option(set, row, false, out);
		buf_putc(out, '\n');
		mdoc_text(out, row->doc);
		add_default(row, own ? preset_value : row->def, out);
	}
	if (any)
		buf_puts(out, ".El\n");
}

void
usage_options(const struct opts *set, struct buf *out)
{
	list_options(set, NULL, NULL, out);
}

/* ".It Cm up Ar WORKER ..." */
static void
add_head(const struct verb *v, struct buf *out)
{
	buf_puts(out, ".It Cm ");
	mdoc_arg(out, v->name);
	for (size_t i = 0; v->words[i] != NULL; i++) {
		bool optional = v->optional && v->words[i + 1] == NULL;

		buf_puts(out, optional ? " Op Ar " : " Ar ");
		for (const char *c = v->words[i]; *c != '\0'; c++)
			buf_putc(out, (char)toupper((unsigned char)*c));
		buf_puts(out, v->many ? " ..." : "");
	}
	buf_putc(out, '\n');
}

static void
add_verb(const struct verb *v, struct buf *out)
{
	AUTO(free) char *example = xasprintf("$ ec2workerctl %s", v->example);

	add_head(v, out);
	mdoc_text(out, verb_doc(v));
	if (v->method < RPC_METHOD_COUNT)
		list_options(&(struct opts){.table = rpc_specs[v->method].params,
				     .words = v->words},
			v->preset, v->preset_value, out);
	if (v->options != NULL)
		list_options(&(struct opts){.table = v->options}, NULL, NULL, out);
	buf_puts(out, ".Pp\n");
	mdoc_line(out, ".Dl", example);
}

void
usage_verbs(struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (const struct verb *v = ctl_verbs; v->name != NULL; v++)
		if (!v->hidden)
			add_verb(v, out);
	buf_puts(out, ".El\n");
}
