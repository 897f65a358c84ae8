/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the table of conditions.
 */
#include "doc/monitor.h"

#include "base/buf.h"
#include "core/condition.h"
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
