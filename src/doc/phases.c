/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the tables, edge by edge: what is drawn is what the asserts of the daemon allow.
 */
#include "doc/phases.h"

#include "base/buf.h"
#include "base/mem.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/worker_priv.h"

static const char *
worker_name(unsigned phase)
{
	return worker_stored_phase_name((enum worker_phase)phase);
}

static bool
worker_edge(unsigned from, unsigned to)
{
	return worker_phase_leads_to((enum worker_phase)from, (enum worker_phase)to);
}

static const char *
launch_name(unsigned phase)
{
	return launch_phase_name((enum launch_phase)phase);
}

static bool
launch_edge(unsigned from, unsigned to)
{
	return launch_phase_leads_to((enum launch_phase)from, (enum launch_phase)to);
}

static const char *
instance_name(unsigned phase)
{
	return instance_phase_name((enum instance_phase)phase);
}

static bool
instance_edge(unsigned from, unsigned to)
{
	return instance_phase_leads_to((enum instance_phase)from,
		(enum instance_phase)to);
}

static const struct machine {
	const char *name;
	unsigned count;
	const char *(*phase)(unsigned phase);
	bool (*edge)(unsigned from, unsigned to);
} machines[] = {
	{"worker", WORKER_COUNT, worker_name, worker_edge},
	{"launch", LAUNCH_COUNT, launch_name, launch_edge},
	{"instance", INSTANCE_COUNT, instance_name, instance_edge},
};

/* "    idle --> queued & placing"; nothing for a phase that is the end. */
static void
add_successors(const struct machine *m, unsigned from, struct buf *out)
{
	unsigned n = 0;

	for (unsigned to = 0; to < m->count; to++) {
		if (!m->edge(from, to))
			continue;
		if (n++ == 0)
			buf_printf(out, "    %s -->", m->phase(from));
		buf_printf(out, "%s %s", n > 1 ? " &" : "", m->phase(to));
	}
	if (n > 0)
		buf_putc(out, '\n');
}

void
phases_mermaid(struct buf *out)
{
	for (size_t i = 0; i < COUNT_OF(machines); i++) {
		const struct machine *m = &machines[i];

		buf_printf(out, "%s%s:\n\n```mermaid\nflowchart LR\n",
			i > 0 ? "\n" : "", m->name);
		for (unsigned from = 0; from < m->count; from++)
			add_successors(m, from, out);
		buf_puts(out, "```\n");
	}
}

/* Three machines have phases of one name, so a node is called by both. */
static void
add_cluster(const struct machine *m, struct buf *out)
{
	buf_printf(out, "\tsubgraph cluster_%s {\n\t\tlabel=\"%s\";\n", m->name,
		m->name);
	for (unsigned n = 0; n < m->count; n++)
		buf_printf(out, "\t\t%s_%s [label=\"%s\"];\n", m->name, m->phase(n),
			m->phase(n));
	for (unsigned from = 0; from < m->count; from++)
		for (unsigned to = 0; to < m->count; to++)
			if (m->edge(from, to))
				buf_printf(out, "\t\t%s_%s -> %s_%s;\n", m->name,
					m->phase(from), m->name, m->phase(to));
	buf_puts(out, "\t}\n");
}

void
phases_dot(struct buf *out)
{
	buf_puts(out, "digraph phases {\n\trankdir=LR;\n\tnode [shape=box];\n");
	for (size_t i = 0; i < COUNT_OF(machines); i++)
		add_cluster(&machines[i], out);
	buf_puts(out, "}\n");
}
