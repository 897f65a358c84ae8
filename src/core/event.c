/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events wait in `pending` for the commit that writes them, then in `ready` for the outbox
 * that publishes them. Every copy owns its strings.
 */
#include "core/event.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sys/loop.h"

#include <assert.h>
#include <string.h>
#include <utlist.h>

#define EVENT_STRINGS 10

static const struct {
	const char *name;
	const char *doc; /* NULL as long as nothing emits it */
} types[EVENT_TYPE_COUNT] = {
	[EVENT_PHASE] = {"phase",
		"The launch or the instance of a worker entered another phase."},
	[EVENT_STATE] = {"state", "The state of a worker changed."},
	[EVENT_ATTACHED] = {"attached", "A worker has connected to its master."},
	[EVENT_DETACHED] = {"detached", "A worker's connection has ended."},
	[EVENT_BUILD] = {"build", "A build has begun or ended on a worker."},
	[EVENT_MISSING] = {"missing",
		"A worker that was asked for has not attached in time."},
	[EVENT_FAILED] = {"failed", "A worker could not be started."},
	[EVENT_LOST] = {"lost", "The instance of a worker that was up has died."},
	[EVENT_INTERRUPTING] = {"interrupting", NULL},
	[EVENT_HOLD] = {"hold", NULL},
	[EVENT_RELEASE] = {"release", NULL},
	[EVENT_RELOAD] = {"reload", "The configuration was read again."},
	[EVENT_POOL] = {"pool",
		"The pool was paused, resumed, or went into or out of HOLD; or another "
		"condition of it began or ended."},
};

struct subscriber {
	struct events *events;
	subscriber_fn *fn;
	void *arg;
	struct subscriber *next, *prev;
};

struct event_list {
	struct event *items; /* each owns its strings */
	size_t count, cap;
};

struct events {
	struct loop *loop;
	int64_t epoch;
	uint64_t counts[EVENT_TYPE_COUNT];
	int64_t last_seq;
	struct event_list pending; /* not written yet */
	struct event_list ready;   /* written, not published */
	struct subscriber *subscribers;
	struct subscriber *at; /* the next to be told, while publishing */
	struct loop_outbox outbox;
};

struct event_ring {
	struct event *items;
	size_t max, count, head; /* head: where the next one goes */
};

const char *
event_type_name(enum event_type type)
{
	assert(type < EVENT_TYPE_COUNT);
	return types[type].name;
}

const char *
event_type_doc(enum event_type type)
{
	assert(type < EVENT_TYPE_COUNT);
	return types[type].doc;
}

enum event_type
event_type_find(const char *name)
{
	unsigned i;

	for (i = 0; i < EVENT_TYPE_COUNT; i++)
		if (strcmp(types[i].name, name) == 0)
			break;
	return (enum event_type)i;
}

/* The string members, so that copying and freeing need not name them twice. */
static void
event_strings(struct event *e, const char **slots[static EVENT_STRINGS])
{
	slots[0] = &e->worker;
	slots[1] = &e->launch;
	slots[2] = &e->instance;
	slots[3] = &e->from;
	slots[4] = &e->to;
	slots[5] = &e->by;
	slots[6] = &e->reason;
	slots[7] = &e->aws_code;
	slots[8] = &e->aws_message;
	slots[9] = &e->aws_request_id;
}

static void
event_copy(struct event *to, const struct event *from)
{
	const char **slots[EVENT_STRINGS];

	*to = *from;
	event_strings(to, slots);
	for (size_t i = 0; i < EVENT_STRINGS; i++)
		*slots[i] = xstrdup_opt(*slots[i]);
}

static void
event_fini(struct event *e)
{
	const char **slots[EVENT_STRINGS];

	event_strings(e, slots);
	for (size_t i = 0; i < EVENT_STRINGS; i++) {
		union {
			const char *borrowed;
			char *owned;
		} s = {.borrowed = *slots[i]};

		free(s.owned);
		*slots[i] = NULL;
	}
}

static void
list_clear(struct event_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		event_fini(&l->items[i]);
	l->count = 0;
}

static void
list_fini(struct event_list *l)
{
	list_clear(l);
	free(l->items);
	*l = (struct event_list){0};
}

static struct event *
list_add(struct event_list *l)
{
	if (l->count == l->cap) {
		l->cap = l->cap == 0 ? 16 : 2 * l->cap;
		l->items = xreallocarray(l->items, l->cap, sizeof(*l->items));
	}
	return &l->items[l->count++];
}

static void
on_outbox(void *arg)
{
	struct events *e = arg;
	struct event_list now = e->ready;

	e->ready = (struct event_list){0};
	for (size_t i = 0; i < now.count; i++) {
		for (struct subscriber *s = e->subscribers; s != NULL; s = e->at) {
			e->at = s->next;
			s->fn(s->arg, &now.items[i]);
		}
	}
	e->at = NULL;
	list_fini(&now);
}

struct events *
events_new(struct loop *loop, int64_t epoch, int64_t last_seq)
{
	struct events *e = NEW(struct events);

	e->loop = loop;
	e->epoch = epoch;
	e->last_seq = last_seq;
	loop_outbox_init(&e->outbox, loop, on_outbox, e);
	return e;
}

void
events_free(struct events *e)
{
	if (e == NULL)
		return;
	assert(e->subscribers == NULL);
	loop_outbox_clear(&e->outbox);
	list_fini(&e->pending);
	list_fini(&e->ready);
	free(e);
}

void
event_emit(struct events *e, struct event_ring *ring, const struct event *event)
{
	struct event *copy = list_add(&e->pending);

	event_copy(copy, event);
	copy->seq = ++e->last_seq;
	copy->epoch = e->epoch;
	copy->at = clock_wall_ms();
	e->counts[event->type]++;
	if (ring != NULL)
		event_ring_add(ring, copy);
}

uint64_t
events_count(const struct events *e, enum event_type type)
{
	return e->counts[type];
}

const struct event *
events_pending(const struct events *e, size_t *ret_count)
{
	*ret_count = e->pending.count;
	return e->pending.items;
}

void
events_written(struct events *e)
{
	for (size_t i = 0; i < e->pending.count; i++)
		*list_add(&e->ready) = e->pending.items[i];
	e->pending.count = 0;
	if (e->ready.count > 0)
		loop_outbox_put(&e->outbox);
}

int64_t
events_last_seq(const struct events *e)
{
	return e->last_seq;
}

int64_t
events_epoch(const struct events *e)
{
	return e->epoch;
}

struct event_ring *
event_ring_new(size_t max)
{
	struct event_ring *r = NEW(struct event_ring);

	r->max = max;
	r->items = xcalloc(max, sizeof(*r->items));
	return r;
}

void
event_ring_add(struct event_ring *r, const struct event *event)
{
	struct event *slot = &r->items[r->head];

	if (r->count == r->max)
		event_fini(slot);
	else
		r->count++;
	event_copy(slot, event);
	r->head = (r->head + 1) % r->max;
}

size_t
event_ring_count(const struct event_ring *r)
{
	return r->count;
}

const struct event *
event_ring_get(const struct event_ring *r, size_t back)
{
	assert(back < r->count);
	return &r->items[(r->head + r->max - 1 - back) % r->max];
}

void
event_ring_free(struct event_ring *r)
{
	if (r == NULL)
		return;
	while (r->count > 0) {
		r->count--;
		r->head = (r->head + r->max - 1) % r->max;
		event_fini(&r->items[r->head]);
	}
	free(r->items);
	free(r);
}

struct subscriber *
event_subscribe(struct events *e, subscriber_fn *fn, void *arg)
{
	struct subscriber *s = NEW(struct subscriber);

	s->events = e;
	s->fn = fn;
	s->arg = arg;
	DL_APPEND(e->subscribers, s);
	return s;
}

void
event_unsubscribe(struct subscriber *s)
{
	if (s == NULL)
		return;
	if (s->events->at == s)
		s->events->at = s->next;
	DL_DELETE(s->events->subscribers, s);
	free(s);
}
