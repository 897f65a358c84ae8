/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb events: what the ledger keeps, then what happens, a line each. What was seen
 * last is remembered, so that nothing is lost or told twice when the daemon is started
 * again meanwhile.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/render.h"
#include "ctl/run.h"

#include <fnmatch.h>
#include <string.h>

struct stream {
	struct ctl *ctl; /* borrowed */
	int64_t began_ms, lost_ms;
	bool subscribed; /* the answer is there */
	int64_t seq;     /* of the event seen last */
	int64_t epoch;   /* of the ledger; 0: not known yet */
	int64_t last;    /* seq of the newest event at the time of the answer */
};

static bool
is_listed(const json_t *list, const char *word)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *item = json_string_value(json_array_get(list, i));

		if (item != NULL && strcmp(item, word) == 0)
			return true;
	}
	return json_array_size(list) == 0;
}

/* By the verb's options. Events without a worker concern all of them. */
static bool
is_wanted(const struct ctl *c, const json_t *event)
{
	const char *glob = json_string_value(json_object_get(c->params, "workers"));
	const char *worker = json_string_value(json_object_get(event, "worker"));
	const char *type = json_string_value(json_object_get(event, "type"));

	if (type == NULL || !is_listed(json_object_get(c->params, "types"), type))
		return false;
	return glob == NULL || worker == NULL || fnmatch(glob, worker, 0) == 0;
}

static void
show(const struct ctl *c, const json_t *event)
{
	AUTO(buf) struct buf line = {.data = NULL};

	if (c->options.json) {
		ctl_print_json(c, event);
	} else {
		render_event(c, event, &line);
		(void)fputs(buf_str(&line), c->out);
	}
	(void)fflush(c->out);
}

/* Nobody reads, or all is there that was asked for. */
static bool
is_over(const struct stream *s)
{
	return ferror(s->ctl->out) || (!s->ctl->options.follow && s->seq >= s->last);
}

static void
on_event(void *arg, const char *method, const json_t *event)
{
	struct stream *s = arg;

	if (strcmp(method, "event") != 0 || !s->subscribed || is_over(s))
		return;
	if (is_wanted(s->ctl, event))
		show(s->ctl, event);
	s->seq = json_integer_value(json_object_get(event, "seq"));
	if (is_over(s))
		client_stop(s->ctl->client);
}

static void
on_subscribed(void *arg, const json_t *result, const json_t *error)
{
	struct stream *s = arg;
	int64_t epoch = json_integer_value(json_object_get(result, "epoch"));

	if (error != NULL) {
		s->ctl->code = ctl_show_error(s->ctl, NULL, error, NULL);
		return;
	}
	if (s->epoch != 0 && epoch != s->epoch)
		(void)ctl_complain(s->ctl, CTL_DONE,
			"a new ledger: events before it may be missing");
	s->subscribed = true;
	s->epoch = epoch;
	s->last = json_integer_value(json_object_get(result, "seq"));
}

/*
 * Where the stream is to end, the daemon must not choose: the last event has to come,
 * wanted or not.
 */
static json_t *
make_params(const struct stream *s)
{
	json_t *params = s->ctl->options.follow ? json_copy(s->ctl->params)
						: json_object();
	bool from_start = !s->ctl->options.follow || s->epoch != 0;

	if (from_start || json_object_get(s->ctl->params, "since") != NULL)
		(void)json_object_set_new(params, "since", json_integer(s->seq));
	return params;
}

/* False: no events will come, and c->code or err says why. */
static bool
subscribe(struct stream *s, struct err *err)
{
	json_t *params = make_params(s);

	s->subscribed = false;
	client_on_notice(s->ctl->client, on_event, s);
	client_call(s->ctl->client, rpc_specs[RPC_EVENTS_SUBSCRIBE].name, params,
		on_subscribed, s);
	json_decref(params);
	return client_run(s->ctl->client, RUN_PATIENCE_MS, err) == 0 &&
		s->ctl->code == CTL_DONE;
}

/* How long to listen: 0 for ever, -1 not any more. */
static int64_t
time_left(const struct stream *s)
{
	int64_t limit = s->ctl->options.timeout, left;

	if (limit == FIELD_NULL && s->ctl->options.follow)
		return 0;
	if (limit == FIELD_NULL)
		limit = RUN_PATIENCE_MS;
	left = s->began_ms + limit - clock_ms();
	return left > 0 ? left : -1;
}

/* Until the stream is over, the time is up or the connection lost, which is -1. */
static int
listen_on(struct stream *s, struct err *err)
{
	int64_t left = time_left(s);

	while (!is_over(s) && left >= 0) {
		if (client_listen(s->ctl->client, left, err) != 0)
			return -1;
		left = time_left(s);
	}
	if (!is_over(s) && !s->ctl->options.follow)
		return err_set(err, ERR_TIMEOUT, "not all events came in time");
	return 0;
}

static bool
is_worth_another(struct stream *s, struct err *err)
{
	return s->ctl->options.follow && s->epoch != 0 && s->ctl->code == CTL_DONE &&
		err->code == ERR_UNAVAILABLE &&
		run_reconnect(s->ctl, s->began_ms, &s->lost_ms, err);
}

void
run_events(struct ctl *c, const struct verb *v)
{
	struct stream s = {.ctl = c, .began_ms = clock_ms()};
	struct err err = {.code = ERR_NONE};

	(void)v;
	s.seq = json_integer_value(json_object_get(c->params, "since"));
	while (!subscribe(&s, &err) || listen_on(&s, &err) != 0) {
		if (!is_worth_another(&s, &err)) {
			if (c->code == CTL_DONE)
				run_lost(c, &err);
			return;
		}
	}
}
