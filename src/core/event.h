/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: what happened, in order, with seq and epoch; written with the turn's rows,
 * published after the commit, and kept as each worker's history.
 */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct event_ring;
struct events;
struct loop;
struct subscriber;

enum event_type {
	EVENT_PHASE,
	EVENT_STATE,
	EVENT_ATTACHED,
	EVENT_DETACHED,
	EVENT_BUILD,
	EVENT_MISSING,
	EVENT_FAILED,
	EVENT_LOST,
	EVENT_INTERRUPTING,
	EVENT_HOLD,
	EVENT_RELEASE,
	EVENT_RELOAD,
	EVENT_POOL,
	EVENT_TYPE_COUNT
};

/* Strings of an event given to event_emit are borrowed, those of one handed out are its ring's. */
struct event {
	int64_t seq;
	int64_t epoch;
	int64_t at; /* wall ms */
	enum event_type type;
	const char *worker; /* NULL for reload and pool */
	int64_t generation; /* 0: none */
	const char *launch, *instance, *from, *to, *by, *reason;
	const char *aws_code, *aws_message, *aws_request_id;
};

const char *event_type_name(enum event_type type);
/* When there is such an event, as a sentence; NULL: not yet. */
const char *event_type_doc(enum event_type type);
enum event_type event_type_find(const char *name); /* EVENT_TYPE_COUNT if none */

struct events *events_new(struct loop *loop, int64_t epoch, int64_t last_seq);
void events_free(struct events *e);

/*
 * Records: seq, epoch and at are filled in; ring (may be NULL) is the worker's. The commit
 * writes it, subscribers get it after the commit.
 */
void event_emit(struct events *e, struct event_ring *ring, const struct event *event);
/* For store.c: the events of this turn in order, then forgets them when written. */
const struct event *events_pending(const struct events *e, size_t *ret_count);
void events_written(struct events *e);
/* How many of that type this process has had. */
uint64_t events_count(const struct events *e, enum event_type type);
int64_t events_last_seq(const struct events *e);
int64_t events_epoch(const struct events *e);

/* A worker's latest events, bounded. */
struct event_ring *event_ring_new(size_t max);
void event_ring_add(struct event_ring *r, const struct event *event); /* copies */
size_t event_ring_count(const struct event_ring *r);
/* back 0 is the newest. Borrowed until the next add. */
const struct event *event_ring_get(const struct event_ring *r, size_t back);
void event_ring_free(struct event_ring *r);

/* Called after the commit for each event. */
typedef void subscriber_fn(void *arg, const struct event *event);
struct subscriber *event_subscribe(struct events *e, subscriber_fn *fn, void *arg);
void event_unsubscribe(struct subscriber *s);

#endif
