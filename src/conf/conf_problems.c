/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the text that the problems of a load quote, for as long as somebody may print them.
 */
#include "conf/conf_problems.h"

#include "base/buf.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_load.h"
#include "conf/conf_row.h"

#include <string.h>

struct conf_problems *
conf_problems_new(void)
{
	return NEW(struct conf_problems);
}

static void
clear(struct conf_problems *p)
{
	diag_fini(&p->ds);
	if (p->text != NULL)
		mem_wipe(p->text, p->len);
	free(p->text);
	free(p->name);
	places_clear(p->places);
	*p = (struct conf_problems){.places = p->places};
}

void
problems_set_source(struct conf_problems *p, const char *name, const char *text,
	size_t len)
{
	clear(p);
	p->name = xstrdup_opt(name);
	p->text = xmalloc(len + 1);
	memcpy(p->text, text, len);
	p->text[len] = '\0';
	p->len = len;
	p->ds.name = p->name;
	p->ds.source = p->text;
	p->ds.secret_keys = keys_secret;
}

const struct diags *
conf_problems_diags(const struct conf_problems *p)
{
	return &p->ds;
}

void
conf_problems_print(const struct conf_problems *p, struct buf *out)
{
	diag_print(&p->ds, out);
}

static void
add_count(size_t count, const char *word, struct buf *out)
{
	buf_printf(out, "%zu %s%s", count, word, count == 1 ? "" : "s");
}

void
conf_problems_sum(const struct conf_problems *p, struct buf *out)
{
	size_t warnings = p->ds.count - p->ds.errors;

	if (p->ds.errors > 0 || warnings == 0)
		add_count(p->ds.errors, "error", out);
	if (p->ds.errors > 0 && warnings > 0)
		buf_puts(out, ", ");
	if (warnings > 0)
		add_count(warnings, "warning", out);
}

void
conf_problems_free(struct conf_problems *p)
{
	if (p == NULL)
		return;
	clear(p);
	free(p->places);
	free(p);
}
