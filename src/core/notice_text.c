/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail texts.
 */
#include "core/notice_text.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "core/console.h"
#include "core/event.h"
#include "core/health.h"
#include "core/instance.h"
#include "core/worker.h"

#include <inttypes.h>
#include <string.h>

#define CONSOLE_TAIL 8192

char *
notice_missing_subject(const char *pool, const struct worker *w, const struct err *err)
{
	const char *reason = err_reason_name(err->reason);

	return xasprintf("ec2workerd %s: worker %s %s%s%s", pool, w->name,
		err->code == ERR_MISSING ? "missing" : "does not start",
		reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
}

static void
put_event(struct buf *out, const struct event *e)
{
	char at[CLOCK_TEXT_SIZE];

	buf_printf(out, "  %s  %s", clock_format(e->at, at), event_type_name(e->type));
	if (e->to != NULL)
		buf_printf(out, " %s -> %s", e->from == NULL ? "nothing" : e->from,
			e->to);
	if (e->by != NULL)
		buf_printf(out, ", by %s", e->by);
	if (e->reason != NULL)
		buf_printf(out, ": %s", e->reason);
	buf_putc(out, '\n');
}

/* The events of this generation, oldest first. */
static void
put_timeline(struct buf *out, const struct worker *w)
{
	for (size_t back = event_ring_count(w->recent); back-- > 0;) {
		const struct event *e = event_ring_get(w->recent, back);

		if (e->generation == w->generation)
			put_event(out, e);
	}
}

static void
put_instance(struct buf *out, const struct instance *i)
{
	char at[CLOCK_TEXT_SIZE];

	buf_printf(out, "Instance:    %s (%s in %s, image %s)\n", i->id,
		i->type == NULL ? "?" : i->type, i->zone == NULL ? "?" : i->zone,
		i->image == NULL ? "?" : i->image);
	if (i->launched_wall != 0)
		buf_printf(out, "Launched:    %s\n",
			clock_format(i->launched_wall, at));
	if (i->public_dns != NULL || i->private_ip != NULL)
		buf_printf(out, "Address:     %s\n",
			i->public_dns != NULL ? i->public_dns : i->private_ip);
	if (i->death != NULL)
		buf_printf(out, "EC2 says:    %s\n", i->death);
}

char *
notice_missing_body(const char *pool, const struct worker *w, const struct instance *i,
	const struct err *err)
{
	struct buf out = {0};

	buf_printf(&out, "The worker %s of the pool %s was asked for and %s.\n\n",
		w->name, pool,
		err->code == ERR_MISSING ? "did not attach in time"
					 : "could not be started");
	buf_printf(&out, "What:        %s\n", err->text);
	buf_printf(&out, "Generation:  %" PRId64 "\n", w->generation);
	if (i != NULL)
		put_instance(&out, i);
	if (err->origin[0] != '\0')
		buf_printf(&out, "EC2's error: %s: %s (request id %s)\n", err->origin,
			err->origin_text, err->request_id);
	buf_puts(&out, "\nTimeline:\n");
	put_timeline(&out, w);
	if (err->code != ERR_MISSING)
		buf_puts(&out,
			"\nThis mail comes once until the worker starts again.\n");
	buf_printf(&out,
		"\nThe instance, if there is one, is being terminated. To look further:\n"
		"  ec2workerctl show %s\n  ec2workerctl history %s\n",
		w->name, w->name);
	return buf_take(&out);
}

char *
notice_condition_body(const char *pool, const struct episode *e)
{
	const struct condition_row *row = &conditions[e->condition];
	char at[CLOCK_TEXT_SIZE];
	struct buf out = {0};

	buf_printf(&out, "The pool %s is %s: %s.\n\n", pool,
		row->down ? "down" : "degraded", row->name);
	buf_printf(&out, "Since:       %s\n", clock_format(e->since_wall, at));
	if (e->cloud != NULL)
		buf_printf(&out, "Where:       %s\n", e->cloud);
	if (e->about != NULL)
		buf_printf(&out, "About:       %s\n", e->about);
	buf_printf(&out, "What:        %s\n", e->err.text);
	if (e->err.origin[0] != '\0')
		buf_printf(&out, "EC2's error: %s: %s (request id %s)\n", e->err.origin,
			e->err.origin_text, e->err.request_id);
	buf_printf(&out, "\n%s\n\n%s\n", row->doc, row->remedy);
	buf_puts(&out,
		"\nThis mail comes once, however long it lasts. To look:\n"
		"  ec2workerctl status\n");
	return buf_take(&out);
}

char *
notice_with_console(const char *body, const struct instance *i, const char *console,
	size_t len)
{
	AUTO(free) char *tail = NULL;

	if (len == 0)
		return xasprintf("%s\nEC2 has no console output of it.\n", body);
	tail = console_text(i->launch, console, len, CONSOLE_TAIL);
	return xasprintf("%s\nThe end of its console:\n\n%s\n", body, tail);
}
