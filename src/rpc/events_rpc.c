/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods events.*: what a connection has subscribed to, and how far it has come. A
 * subscription is a place in the ledger's history. As long as its reader keeps up, events
 * go straight from the core to it; when it does not, or begins in the past, the ledger is
 * read from that place on, a page whenever the last one has left. So a slow reader costs a
 * bounded amount of memory and loses nothing, and replay and live events cannot overlap.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "core/daemon.h"
#include "core/event.h"
#include "core/pool.h"
#include "core/store.h"
#include "rpc/args.h"
#include "rpc/calls.h"
#include "rpc/conn.h"
#include "rpc/view.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>

/* Above so much unsent output of its connection a subscription waits. */
#define UNSENT_MAX (64 * 1024)
/* So many events are looked at in one turn. */
#define PAGE 256

struct subscription {
	struct daemon *daemon; /* borrowed, outlives us */
	struct conn *conn;     /* borrowed; ends us */
	struct subscriber *live;
	char *workers;  /* owned; or NULL: all */
	unsigned types; /* bits by enum event_type */
	int64_t seq;    /* of the last event that was looked at */
	bool behind;    /* the next ones are read from the ledger */
	struct loop_outbox replay;
};

static bool
is_wanted(const struct subscription *s, const struct event *e)
{
	if (e->type == EVENT_TYPE_COUNT || (s->types & (1u << e->type)) == 0)
		return false;
	return s->workers == NULL || e->worker == NULL ||
		fnmatch(s->workers, e->worker, 0) == 0;
}

static void
send(struct subscription *s, const struct event *e)
{
	rpc_notify_take(s->conn, "event", view_event(e));
}

/* seq rises by one, so a jump means that the events between are no longer kept. */
static void
tell_lost(struct subscription *s, int64_t last)
{
	char reason[80];
	struct event e = {
		.seq = last,
		.epoch = events_epoch(s->daemon->pool->events),
		.at = clock_wall_ms(),
		.type = EVENT_POOL,
		.by = "ec2workerd",
		.reason = reason,
	};

	(void)snprintf(reason, sizeof(reason),
		"lost: events %" PRId64 " to %" PRId64 " are no longer kept",
		s->seq + 1, last);
	send(s, &e);
}

static void
look_at(struct subscription *s, const struct event *e)
{
	if (e->seq > s->seq + 1)
		tell_lost(s, e->seq - 1);
	s->seq = e->seq;
	if (is_wanted(s, e))
		send(s, e);
}

static void
on_drained(void *arg)
{
	struct subscription *s = arg;

	loop_outbox_put_anyway(&s->replay);
}

/* Goes on when what waits has left. */
static void
rest(struct subscription *s)
{
	s->behind = true;
	if (conn_unsent(s->conn) > 0)
		conn_when_drained(s->conn, on_drained, s);
	else
		loop_outbox_put_anyway(&s->replay);
}

static void
on_event(void *arg, const struct event *e)
{
	struct subscription *s = arg;

	if (s->behind || e->seq <= s->seq)
		return;
	if (conn_unsent(s->conn) >= UNSENT_MAX)
		rest(s);
	else
		look_at(s, e);
}

static bool
on_record(void *arg, const struct event *e)
{
	struct subscription *s = arg;

	look_at(s, e);
	return conn_unsent(s->conn) < UNSENT_MAX;
}

static void
on_replay(void *arg)
{
	struct subscription *s = arg;
	struct err err;
	bool more;

	if (store_replay(s->daemon->store, (struct store_page){s->seq, PAGE}, on_record,
		    s, &more, &err) != 0) {
		log_error(NULL, "a subscription ends with its connection: %s",
			err.text);
		conn_end(s->conn); /* frees s */
		return;
	}
	s->behind = false;
	if (more)
		rest(s);
}

static void
subscription_end(void *part)
{
	struct subscription *s = part;

	event_unsubscribe(s->live);
	loop_outbox_clear(&s->replay);
	conn_when_drained(s->conn, NULL, NULL);
	free(s->workers);
	free(s);
}

static unsigned
type_bits(const struct strings *types)
{
	unsigned bits = 0;

	for (size_t i = 0; i < types->count; i++)
		bits |= 1u << event_type_find(types->items[i]);
	return types->count > 0 ? bits : ~0u;
}

const struct rpc_result *
call_events_subscribe(struct command *cmd, const void *args)
{
	const struct rpc_subscribe_args *a = args;
	struct daemon *d = rpc_context(cmd);
	struct events *events = d->pool->events;
	/* What is later may never have been: a crash forgets what no commit has written. */
	int64_t committed = store_meta(d->store)->last_seq;
	struct subscription *s = NEW(struct subscription);

	s->daemon = d;
	s->conn = rpc_conn(cmd);
	s->workers = xstrdup_opt(a->workers);
	s->types = type_bits(&a->types);
	s->seq = committed;
	loop_outbox_init(&s->replay, d->loop, on_replay, s);
	conn_set_part(s->conn, CONN_SUBSCRIPTION, s, subscription_end);
	s->live = event_subscribe(events, on_event, s);
	if (a->since != FIELD_NULL && a->since < s->seq) {
		s->seq = a->since;
		s->behind = true;
		loop_outbox_put_anyway(&s->replay);
	}
	return rpc_reply_take(cmd,
		json_pack("{s:I,s:I}", "seq", (json_int_t)committed, "epoch",
			(json_int_t)events_epoch(events)));
}

const struct rpc_result *
call_events_unsubscribe(struct command *cmd, const void *args)
{
	(void)args;
	conn_set_part(rpc_conn(cmd), CONN_SUBSCRIPTION, NULL, NULL);
	return rpc_reply_take(cmd, json_object());
}
