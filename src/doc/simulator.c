/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the table of a service and from that of the doors.
 */
#include "doc/simulator.h"

#include "base/buf.h"
#include "doc/mdoc.h"
#include "sim/action.h"
#include "sim/control.h"

#include <stddef.h>

void
simulator_actions(struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (size_t s = 0; sim_services[s] != NULL; s++) {
		const struct sim_action *action;

		buf_printf(out, ".It Cm %s\n", sim_services[s]->name);
		for (size_t n = 0; (action = sim_action_at(sim_services[s], n)) != NULL;
			n++) {
			buf_puts(out, n > 0 ? " ,\n.Ic " : ".Ic ");
			mdoc_arg(out, action->name);
		}
		buf_putc(out, '\n');
	}
	buf_puts(out, ".El\n");
}

void
simulator_doors(struct buf *out)
{
	buf_puts(out, ".Bl -tag -width Ds\n");
	for (const struct sim_door *door = sim_doors; door->method != NULL; door++) {
		buf_printf(out, ".It Cm %s Pa ", door->method);
		mdoc_arg(out, door->path);
		buf_putc(out, '\n');
		mdoc_text(out, door->doc);
	}
	buf_puts(out, ".El\n");
}
