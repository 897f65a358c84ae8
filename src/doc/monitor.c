/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the tables of conditions and of metrics.
 */
#include "doc/monitor.h"

#include "base/buf.h"
#include "base/mem.h"
#include "core/condition.h"
#include "core/metrics.h"
#include "doc/mdoc.h"

static void
add_condition(const struct condition_row *row, struct buf *out)
{
	mdoc_line(out, ".It Cm", row->name);
	mdoc_text(out, row->doc);
	if (row->down)
		buf_puts(out, "Workers do not come up.\n");
	mdoc_text(out, row->remedy);
}

void
monitor_conditions(struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (unsigned n = 0; n < CONDITION_COUNT; n++)
		add_condition(&conditions[n], out);
	buf_puts(out, ".El\n");
}

static void
add_metric(const struct metric *m, struct buf *out)
{
	AUTO(free) char *name = xasprintf(METRIC_PREFIX "%s", m->name);

	buf_puts(out, ".It Ic ");
	mdoc_arg(out, name);
	for (size_t n = 0; n < METRIC_LABELS && m->labels[n] != NULL; n++)
		buf_printf(out, "%s Fa %s", n == 0 ? "" : " ,", m->labels[n]);
	buf_putc(out, '\n');
	mdoc_text(out, m->doc);
	buf_printf(out, "A %s.\n", metric_type_name(m->type));
}

void
monitor_metrics(struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (const struct metric *m = metrics; m->name != NULL; m++)
		add_metric(m, out);
	buf_puts(out, ".El\n");
}
