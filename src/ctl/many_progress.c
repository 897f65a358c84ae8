/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line for each worker that is still waited for, with its phase: asked for once, then
 * by events; where there are none for us, asked for again and again.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/many.h"
#include "ctl/text.h"

#include <string.h>

#define FIRST_LOOK_MS 100
#define LOOK_MS 500
#define LINES_MAX 20

static char *
job_line(const struct job *job)
{
	struct buf line = {.data = NULL};
	char span[CLOCK_TEXT_SIZE];

	text_add(&line, job->worker);
	buf_puts(&line, ": ");
	text_add(&line, job->phase != NULL ? job->phase : "asked");
	buf_printf(&line, ", %s", clock_span(clock_ms() - job->many->began_ms, span));
	return buf_take(&line);
}

static void
draw(struct many *m)
{
	char *lines[LINES_MAX + 1] = {NULL};
	size_t count = 0;

	for (size_t i = 0; i < m->count && count < LINES_MAX; i++)
		if (!m->jobs[i].done)
			lines[count++] = job_line(&m->jobs[i]);
	if (m->left > count) {
		lines[count] = xasprintf("and %zu more", m->left - count);
		count++;
	}
	progress_draw(&m->progress, (const char *const *)lines, count);
	while (count > 0)
		free(lines[--count]);
}

static void
set_phase(struct job *job, const char *phase)
{
	char *copy = xstrdup_opt(phase);

	free(job->phase);
	job->phase = copy;
}

static void
on_seen(void *arg, const json_t *result, const json_t *error)
{
	struct job *job = arg;
	const char *phase = json_string_value(json_object_get(result, "phase"));

	(void)error; /* the call that waits will say it */
	job->looking = false;
	if (phase == NULL)
		phase = json_string_value(json_object_get(result, "state"));
	set_phase(job, phase);
}

static void
look_at(struct many *m, struct job *job)
{
	json_t *params = json_pack("{s:s}", "worker", job->worker);

	client_call(m->ctl->client, rpc_specs[RPC_WORKER_SHOW].name, params, on_seen,
		job);
	json_decref(params);
	job->looking = true;
}

/* Those that have a line. */
static void
look_at_some(struct many *m)
{
	for (size_t i = 0, shown = 0; i < m->count && shown < LINES_MAX; i++) {
		struct job *job = &m->jobs[i];

		if (job->done)
			continue;
		if (!job->looking && (m->polling || job->phase == NULL))
			look_at(m, job);
		shown++;
	}
}

static void
on_event(void *arg, const char *method, const json_t *event)
{
	struct many *m = arg;
	const char *worker = json_string_value(json_object_get(event, "worker"));
	const char *to = json_string_value(json_object_get(event, "to"));

	if (strcmp(method, "event") != 0 || worker == NULL || to == NULL)
		return;
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->jobs[i].worker, worker) == 0)
			set_phase(&m->jobs[i], to);
}

static void
on_subscribed(void *arg, const json_t *result, const json_t *error)
{
	struct many *m = arg;

	(void)result;
	m->polling = error != NULL;
}

static void
subscribe(struct many *m)
{
	json_t *params = json_pack("{s:[s]}", "types", "phase");

	if (m->count == 1)
		(void)json_object_set_new(params, "workers",
			json_string(m->jobs[0].worker));
	client_on_notice(m->ctl->client, on_event, m);
	client_call(m->ctl->client, rpc_specs[RPC_EVENTS_SUBSCRIBE].name, params,
		on_subscribed, m);
	json_decref(params);
	m->subscribed = true;
}

static void
on_look(void *arg)
{
	struct many *m = arg;

	draw(m);
	if (!m->subscribed)
		subscribe(m);
	look_at_some(m);
	loop_timer_in(&m->look, LOOK_MS);
}

void
many_progress_start(struct many *m)
{
	m->progress.file = m->ctl->err;
	m->subscribed = m->polling = false;
	loop_timer_init(&m->look, client_loop(m->ctl->client), on_look, m);
	if (m->ctl->progress && !m->ctl->options.json)
		loop_timer_in(&m->look, FIRST_LOOK_MS);
}

void
many_progress_stop(struct many *m)
{
	loop_timer_clear(&m->look);
	progress_clear(&m->progress);
}
