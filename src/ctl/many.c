/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One verb for many workers: all calls go out at once on the one connection, and each
 * outcome is shown when it is there. Where a call has a key of its own, a connection that
 * was lost is made again and what has no outcome yet is repeated under the same key.
 */
#include "ctl/many.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/nearest.h"
#include "ctl/run.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define KEY_BYTES 16

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
	struct err err;

	if (run_list(c, v, params, workers, &err) != 0)
		run_failed(c, &err);
	else if (json_array_size(workers) == 0)
		c->code = ctl_complain(c, CTL_FAILED, "no worker matches '%s'",
			pattern);
	for (size_t i = 0; i < json_array_size(workers); i++) {
		const char *name = json_string_value(
			json_object_get(json_array_get(workers, i), "worker"));

		if (name != NULL && !strings_contain(names, name))
			strings_add(names, name);
	}
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

/* Outcomes */

static void
finish(struct job *job, enum ctl_exit code)
{
	struct many *m = job->many;

	(void)fflush(m->ctl->out);
	m->ctl->code = m->left == m->count ? code : ctl_worse(m->ctl->code, code);
	job->done = true;
	if (--m->left == 0)
		many_progress_stop(m);
}

static void
on_nearest(void *arg, const char *near)
{
	struct job *job = arg;
	struct many *m = job->many;

	progress_clear(&m->progress);
	finish(job, ctl_show_error(m->ctl, job->worker, job->error, near));
}

static void
on_outcome(void *arg, const json_t *result, const json_t *error)
{
	struct job *job = arg;
	struct many *m = job->many;

	if (error != NULL && !m->ctl->options.json && nearest_helps(error)) {
		job->error = json_incref((json_t *)(uintptr_t)error);
		job->nearest = nearest_ask(m->ctl->client, job->worker, on_nearest,
			job);
		return;
	}
	progress_clear(&m->progress);
	if (error != NULL) {
		finish(job, ctl_show_error(m->ctl, job->worker, error, NULL));
		return;
	}
	run_show(m->ctl, m->verb, result);
	finish(job, CTL_DONE);
}

/* The calls themselves */

/* Random, so that it is no other's. */
static char *
make_key(void)
{
	unsigned char bytes[KEY_BYTES];
	struct buf key = {.data = NULL};

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		abort();
	for (size_t i = 0; i < sizeof(bytes); i++)
		buf_printf(&key, "%02x", bytes[i]);
	return buf_take(&key);
}

static void
init_jobs(struct many *m, const struct strings *names)
{
	const struct fields *params = rpc_specs[m->verb->method].params;
	bool keyed = field_find(params, "request") != NULL &&
		json_object_get(m->ctl->params, "request") == NULL;

	m->count = m->left = names->count;
	m->jobs = xcalloc(names->count, sizeof(*m->jobs));
	for (size_t i = 0; i < names->count; i++) {
		m->jobs[i].many = m;
		m->jobs[i].worker = xstrdup(names->items[i]);
		m->jobs[i].request = keyed ? make_key() : NULL;
	}
}

static void
start(struct job *job, const json_t *timeout)
{
	struct ctl *c = job->many->ctl;
	json_t *params = json_copy(c->params);

	(void)json_object_set_new(params, "worker", json_string(job->worker));
	if (job->request != NULL)
		(void)json_object_set_new(params, "request", json_string(job->request));
	if (timeout != NULL)
		(void)json_object_set(params, "timeout", (json_t *)(uintptr_t)timeout);
	client_call(c->client, rpc_specs[job->many->verb->method].name, params,
		on_outcome, job);
	json_decref(params);
}

/* What is left of the time, as a parameter; NULL: there is no limit. */
static json_t *
time_left(const struct many *m)
{
	int64_t timeout = m->ctl->options.timeout;
	AUTO(buf) struct buf text = {.data = NULL};
	int64_t left;

	if (timeout == FIELD_NULL)
		return NULL;
	left = timeout - (clock_ms() - m->began_ms);
	field_print_duration(left > 1 ? left : 1, &text);
	return json_string(buf_str(&text));
}

/* A job that asked for the nearest name asks all anew. */
static void
forget_connection(struct job *job)
{
	nearest_free(job->nearest);
	json_decref(job->error);
	job->nearest = NULL;
	job->error = NULL;
	job->looking = false;
}

static bool
is_repeatable(const struct many *m)
{
	return m->jobs[0].request != NULL ||
		json_object_get(m->ctl->params, "request") != NULL;
}

/* After a loss: the same once more. False: it is not to be, and err says why. */
static bool
repeat(struct many *m, struct err *err)
{
	json_t *timeout;

	if (err->code != ERR_UNAVAILABLE || !is_repeatable(m) ||
		!run_reconnect(m->ctl, m->began_ms, &m->lost_ms, err))
		return false;
	timeout = time_left(m);
	for (size_t i = 0; i < m->count; i++)
		if (!m->jobs[i].done) {
			forget_connection(&m->jobs[i]);
			start(&m->jobs[i], timeout);
		}
	json_decref(timeout);
	many_progress_start(m);
	return true;
}

static void
many_fini(struct many *m)
{
	many_progress_stop(m);
	for (size_t i = 0; i < m->count; i++) {
		forget_connection(&m->jobs[i]);
		free(m->jobs[i].worker);
		free(m->jobs[i].request);
		free(m->jobs[i].phase);
	}
	free(m->jobs);
}

static int64_t
patience_left(const struct many *m)
{
	int64_t patience = run_patience(m->ctl, m->verb);
	int64_t left = patience - (clock_ms() - m->began_ms);

	if (patience == 0)
		return 0;
	return left > 1 ? left : 1;
}

static void
run_jobs(struct many *m)
{
	struct ctl *c = m->ctl;
	struct err err;

	for (size_t i = 0; i < m->count; i++)
		start(&m->jobs[i], NULL);
	many_progress_start(m);
	while (client_run(c->client, patience_left(m), &err) != 0) {
		many_progress_stop(m);
		if (!repeat(m, &err)) {
			run_lost(c, &err);
			return;
		}
	}
}

void
run_many(struct ctl *c, const struct verb *v)
{
	struct strings names = {.items = NULL};
	struct many m = {.ctl = c, .verb = v, .began_ms = clock_ms()};

	collect(c, v, &names);
	if (c->code == CTL_DONE) {
		init_jobs(&m, &names);
		run_jobs(&m);
	}
	many_fini(&m);
	strings_fini(&names);
}
