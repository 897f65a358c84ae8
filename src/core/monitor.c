/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages as rows. That nobody can look is no reason not to run: a place that cannot be had at
 * the start is a condition, and tried again.
 */
#include "core/monitor.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "core/daemon.h"
#include "core/health.h"
#include "core/metrics.h"
#include "core/pool.h"
#include "sys/page.h"

#include <string.h>

#define AGAIN_MS 10000

struct monitor {
	struct daemon *daemon; /* borrowed */
	struct pages *pages;   /* owned, or NULL */
	struct pages *fresh;   /* owned; prepared, or NULL */
	bool same;             /* prepared: as it is, or as it is tried */
	bool later;            /* prepared: when the place is free */
	struct loop_timer again;
};

static const struct trouble deaf = {.condition = CONDITION_MONITOR};

static int
show_health(const struct daemon *d, struct buf *body)
{
	const struct health *h = d->pool->health;
	const char *word = health_word(h);
	char since[CLOCK_TEXT_SIZE];

	buf_printf(body, "%s\n", word);
	for (const struct episode *e = health_next(h, NULL); e != NULL;
		e = health_next(h, e))
		buf_printf(body, "%s: %s since %s: %s\n", conditions[e->condition].name,
			conditions[e->condition].down ? "down" : "degraded",
			clock_format(e->since_wall, since),
			conditions[e->condition].doc);
	return strcmp(word, "down") == 0 ? 503 : 200;
}

static int
show_metrics(const struct daemon *d, struct buf *body)
{
	metrics_text(d, body);
	return 200;
}

static int show_index(const struct daemon *d, struct buf *body);

static const struct {
	const char *path;
	int (*show)(const struct daemon *d, struct buf *body);
	const char *doc;
} rows[] = {
	{"/", show_index, "what there is"},
	{"/healthz", show_health, "200, or 503 while workers do not come up; and why"},
	{"/metrics", show_metrics, "numbers, as Prometheus reads them"},
};

static int
show_index(const struct daemon *d, struct buf *body)
{
	buf_printf(body, "ec2workerd " VERSION ", pool %s\n\n", d->conf->pool);
	for (size_t n = 0; n < COUNT_OF(rows); n++)
		buf_printf(body, "%-10s %s\n", rows[n].path, rows[n].doc);
	return 200;
}

static int
on_page(void *arg, const char *path, struct buf *body)
{
	const struct monitor *m = arg;

	for (size_t n = 0; n < COUNT_OF(rows); n++)
		if (strcmp(rows[n].path, path) == 0)
			return rows[n].show(m->daemon, body);
	return 404;
}

static struct pages *
open_at(struct monitor *m, const char *listen, struct err *err)
{
	struct pages *pages = pages_new(m->daemon->loop, listen,
		"text/plain; version=0.0.4; charset=utf-8", on_page, m, err);

	if (pages == NULL)
		err_wrap(err, "metrics.listen");
	return pages;
}

/* Ours stand in the way of another address with their port. */
static bool
is_in_the_way(const struct monitor *m, const char *listen)
{
	const char *now = m->daemon->conf->metrics.listen;

	return m->pages != NULL && strcmp(strrchr(now, ':'), strrchr(listen, ':')) == 0;
}

int
monitor_prepare(struct monitor *m, const char *listen, struct err *err)
{
	m->same = str_equal(listen, m->daemon->conf->metrics.listen);
	m->later = !m->same && listen != NULL && is_in_the_way(m, listen);
	if (m->same || m->later || listen == NULL)
		return 0;
	m->fresh = open_at(m, listen, err);
	return m->fresh == NULL ? -1 : 0;
}

/* Takes pages, which may be NULL: nowhere. */
static void
put(struct monitor *m, struct pages *pages)
{
	loop_timer_clear(&m->again);
	health_end(m->daemon->pool->health, &deaf, NULL);
	pages_free(m->pages);
	m->pages = pages;
	if (pages != NULL)
		log_info(NULL, "metrics and health are served at %s",
			m->daemon->conf->metrics.listen);
}

static void
try(void *arg)
{
	struct monitor *m = arg;
	struct err err;
	struct pages *pages = open_at(m, m->daemon->conf->metrics.listen, &err);

	if (pages != NULL) {
		put(m, pages);
		return;
	}
	health_begin(m->daemon->pool->health, &deaf, &err, NULL);
	loop_timer_in(&m->again, AGAIN_MS);
}

void
monitor_take(struct monitor *m)
{
	if (m->same)
		return;
	put(m, m->fresh);
	m->fresh = NULL;
	if (m->later)
		try(m);
}

void
monitor_drop(struct monitor *m)
{
	pages_free(m->fresh);
	m->fresh = NULL;
}

struct monitor *
monitor_new(struct daemon *d)
{
	struct monitor *m = NEW(struct monitor);

	m->daemon = d;
	loop_timer_init(&m->again, d->loop, try, m);
	if (d->conf->metrics.listen != NULL)
		try(m);
	return m;
}

uint16_t
monitor_port(const struct monitor *m)
{
	return m->pages == NULL ? 0 : pages_port(m->pages);
}

void
monitor_free(struct monitor *m)
{
	if (m == NULL)
		return;
	loop_timer_clear(&m->again);
	monitor_drop(m);
	pages_free(m->pages);
	free(m);
}
