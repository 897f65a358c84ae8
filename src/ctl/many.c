/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One verb for many workers: all calls go out at once on the one connection, and each
 * outcome is shown when it is there. On a terminal those that still wait show how far
 * they are.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/progress.h"
#include "ctl/run.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "sys/loop.h"

#include <string.h>

#define FIRST_LOOK_MS 100
#define LOOK_MS 500
#define LINES_MAX 20

struct many;

struct job {
	struct many *many; /* borrowed */
	char *worker;      /* owned */
	bool done, looking;
	char *phase; /* owned; as last seen, or NULL */
};

struct many {
	struct ctl *ctl; /* borrowed */
	const struct verb *verb;
	struct job *jobs; /* owned */
	size_t count, left;
	int64_t began_ms;
	struct loop_timer look;
	struct progress progress;
};

static bool
is_glob(const char *word)
{
	return strpbrk(word, "*?[") != NULL;
}

/* Adds the names that a pattern stands for. */
static void
expand(struct ctl *c, const struct verb *v, const char *pattern, struct strings *names)
{
	json_t *params = json_pack("{s:s}", "pattern", pattern);
	json_t *workers = json_array();
	bool listed = run_list(c, v, params, workers);

	for (size_t i = 0; listed && i < json_array_size(workers); i++) {
		const char *name = json_string_value(
			json_object_get(json_array_get(workers, i), "worker"));

		if (name != NULL && !strings_contain(names, name))
			strings_add(names, name);
	}
	if (listed && json_array_size(workers) == 0)
		c->code = ctl_complain(c, CTL_FAILED, "no worker matches '%s'",
			pattern);
	json_decref(params);
	json_decref(workers);
}

static void
collect(struct ctl *c, const struct verb *v, struct strings *names)
{
	for (size_t i = 0; i < c->words->count && c->code == CTL_DONE; i++) {
		const char *word = c->words->items[i];

		if (is_glob(word))
			expand(c, v, word, names);
		else if (!strings_contain(names, word))
			strings_add(names, word);
	}
}

/* Progress */

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
on_seen(void *arg, const json_t *result, const json_t *error)
{
	struct job *job = arg;
	const char *phase = json_string_value(json_object_get(result, "phase"));

	(void)error; /* the call that waits will say it */
	job->looking = false;
	if (phase == NULL)
		phase = json_string_value(json_object_get(result, "state"));
	free(job->phase);
	job->phase = xstrdup_opt(phase);
}

static void
on_look(void *arg)
{
	struct many *m = arg;

	draw(m);
	for (size_t i = 0, shown = 0; i < m->count && shown < LINES_MAX; i++) {
		struct job *job = &m->jobs[i];
		json_t *params;

		if (job->done || job->looking)
			continue;
		params = json_pack("{s:s}", "worker", job->worker);
		client_call(m->ctl->client, rpc_specs[RPC_WORKER_SHOW].name, params,
			on_seen, job);
		json_decref(params);
		job->looking = true;
		shown++;
	}
	loop_timer_in(&m->look, LOOK_MS);
}

/* The calls themselves */

static void
on_outcome(void *arg, const json_t *result, const json_t *error)
{
	struct job *job = arg;
	struct many *m = job->many;
	enum ctl_exit code = CTL_DONE;

	progress_clear(&m->progress);
	if (error != NULL)
		code = ctl_show_error(m->ctl, job->worker, error);
	else
		run_show(m->ctl, m->verb, result);
	fflush(m->ctl->out);
	m->ctl->code = m->left == m->count ? code : ctl_worse(m->ctl->code, code);
	job->done = true;
	if (--m->left == 0)
		loop_timer_clear(&m->look);
}

static void
start_all(struct many *m, const struct strings *names)
{
	for (size_t i = 0; i < names->count; i++) {
		struct job *job = &m->jobs[i];
		json_t *params = json_copy(m->ctl->params);

		job->many = m;
		job->worker = xstrdup(names->items[i]);
		(void)json_object_set_new(params, "worker", json_string(job->worker));
		client_call(m->ctl->client, rpc_specs[m->verb->method].name, params,
			on_outcome, job);
		json_decref(params);
	}
}

static void
many_fini(struct many *m)
{
	loop_timer_clear(&m->look);
	progress_clear(&m->progress);
	for (size_t i = 0; i < m->count; i++) {
		free(m->jobs[i].worker);
		free(m->jobs[i].phase);
	}
	free(m->jobs);
}

void
run_many(struct ctl *c, const struct verb *v)
{
	struct strings names = {.items = NULL};
	struct many m = {.ctl = c, .verb = v, .began_ms = clock_ms()};
	struct err err;

	collect(c, v, &names);
	if (c->code == CTL_DONE) {
		m.count = m.left = names.count;
		m.jobs = xcalloc(names.count, sizeof(*m.jobs));
		start_all(&m, &names);
		loop_timer_init(&m.look, client_loop(c->client), on_look, &m);
		m.progress.file = c->err;
		if (c->progress && !c->options.json)
			loop_timer_in(&m.look, FIRST_LOOK_MS);
		if (client_run(c->client, run_patience(c, v), &err) != 0) {
			progress_clear(&m.progress);
			run_lost(c, &err);
		}
	}
	many_fini(&m);
	strings_fini(&names);
}
