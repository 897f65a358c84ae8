/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb watch: the list of workers in its place on a terminal, where ages run too;
 * elsewhere the list again whenever something has happened.
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

#include <string.h>

/* Of the ages on a terminal. */
#define TICK_MS 1000
/* Events come in bursts: one look for all of a burst. */
#define BURST_MS 200

struct watch {
	struct ctl *ctl; /* borrowed */
	const struct verb *verb;
	int64_t began_ms, lost_ms;
	bool changed;
	json_t *workers, *before; /* owned; as listed last, and the time before */
	bool drawn;
	struct progress screen; /* file NULL: a pipe */
};

static void
on_event(void *arg, const char *method, const json_t *event)
{
	struct watch *w = arg;

	(void)method, (void)event;
	if (!w->changed)
		client_stop(w->ctl->client);
	w->changed = true;
}

static void
on_subscribed(void *arg, const json_t *result, const json_t *error)
{
	struct watch *w = arg;

	(void)result;
	if (error != NULL)
		w->ctl->code = ctl_show_error(w->ctl, NULL, error, NULL);
}

/* Events of any state: a worker that leaves the list is news too. */
static int
subscribe(struct watch *w, struct err *err)
{
	const json_t *pattern = json_object_get(w->ctl->params, "pattern");
	json_t *params = json_object();

	if (pattern != NULL)
		(void)json_object_set(params, "workers", (json_t *)(uintptr_t)pattern);
	client_on_notice(w->ctl->client, on_event, w);
	client_call(w->ctl->client, rpc_specs[RPC_EVENTS_SUBSCRIBE].name, params,
		on_subscribed, w);
	json_decref(params);
	w->changed = true;
	return client_run(w->ctl->client, RUN_PATIENCE_MS, err) == 0 &&
			w->ctl->code == CTL_DONE
		? 0
		: -1;
}

static void
draw_on_screen(struct watch *w, char *text)
{
	const char **lines;
	size_t count = 0, i = 0;

	for (const char *p = text; *p != '\0'; p++)
		count += *p == '\n';
	lines = xcalloc(count + 1, sizeof(*lines));
	for (char *rest = text, *line; i < count; i++) {
		line = strsep(&rest, "\n");
		lines[i] = line;
	}
	progress_draw(&w->screen, lines, count);
	free(lines);
}

static void
draw_in_pipe(struct watch *w, const json_t *result)
{
	if (w->drawn && !w->ctl->options.json)
		(void)fputc('\n', w->ctl->out);
	run_show(w->ctl, w->verb, result);
	(void)fflush(w->ctl->out);
	w->drawn = true;
}

static void
draw(struct watch *w)
{
	json_t *result = json_pack("{s:O}", "workers", w->workers);
	AUTO(buf) struct buf text = {.data = NULL};

	if (w->screen.file != NULL) {
		w->verb->render(w->ctl, result, &text);
		draw_on_screen(w, text.data);
	} else if (!json_equal(w->workers, w->before)) {
		draw_in_pipe(w, result);
	}
	json_decref(result);
}

static int
list(struct watch *w, struct err *err)
{
	json_t *params = json_copy(w->ctl->params);
	json_t *workers = json_array();
	int result;

	w->changed = false;
	result = run_list(w->ctl, w->verb, params, workers, err);
	json_decref(params);
	json_decref(w->before);
	w->before = w->workers;
	w->workers = workers;
	return result;
}

/* How long to listen: 0 for ever, -1 not any more. */
static int64_t
time_left(const struct watch *w)
{
	int64_t limit = w->ctl->options.timeout, left;

	if (limit == FIELD_NULL)
		return 0;
	left = w->began_ms + limit - clock_ms();
	return left > 0 ? left : -1;
}

static int64_t
shorter(int64_t left, int64_t than)
{
	return left == 0 || left > than ? than : left;
}

/* Until something has happened, and the burst is over; or only the ages have changed. */
static int
wait_for_news(struct watch *w, struct err *err)
{
	int64_t left = time_left(w);

	if (w->screen.file != NULL)
		left = shorter(left, TICK_MS);
	if (!w->changed && client_listen(w->ctl->client, left, err) != 0)
		return -1;
	return w->changed ? client_listen(w->ctl->client, BURST_MS, err) : 0;
}

/* On one connection. -1: it is lost, or an error was shown; 0: it is over. */
static int
watch(struct watch *w, struct err *err)
{
	if (subscribe(w, err) != 0)
		return -1;
	while (time_left(w) >= 0) {
		if (w->changed && list(w, err) != 0)
			return -1;
		draw(w);
		if (ferror(w->ctl->out))
			return 0; /* nobody reads */
		if (wait_for_news(w, err) != 0)
			return -1;
	}
	return 0;
}

void
run_watch(struct ctl *c, const struct verb *v)
{
	struct watch w = {.ctl = c, .verb = v, .began_ms = clock_ms()};
	struct err err;

	if (ctl_is_terminal(c->out) && !c->options.json)
		w.screen.file = c->out;
	while (watch(&w, &err) != 0) {
		if (c->code != CTL_DONE)
			break;
		if (w.workers == NULL || err.code != ERR_UNAVAILABLE ||
			!run_reconnect(c, w.began_ms, &w.lost_ms, &err)) {
			run_lost(c, &err);
			break;
		}
	}
	json_decref(w.workers);
	json_decref(w.before);
}
