/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides which timers fire in a turn, and in which order: a binary heap by due time, and
 * by the order of arming among those due together.
 */
#include "sys/timers.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sys/loop.h"

#include <assert.h>
#include <stdlib.h>

/* A timer that is about to fire has left the heap: its index is its slot and this bit. */
#define INDEX_FIRING 0x80000000u

static bool
timer_is_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void
heap_put(struct timers *ts, unsigned index, struct loop_timer *t)
{
	ts->heap[index] = t;
	t->index = index;
}

static void
heap_rise(struct timers *ts, unsigned index, struct loop_timer *t)
{
	while (index > 1 && timer_is_before(t, ts->heap[index / 2])) {
		heap_put(ts, index, ts->heap[index / 2]);
		index /= 2;
	}
	heap_put(ts, index, t);
}

static void
heap_sink(struct timers *ts, unsigned index, struct loop_timer *t)
{
	for (;;) {
		unsigned child = index * 2;

		if (child < ts->heap_count &&
			timer_is_before(ts->heap[child + 1], ts->heap[child]))
			child++;
		if (child > ts->heap_count || timer_is_before(t, ts->heap[child]))
			break;
		heap_put(ts, index, ts->heap[child]);
		index = child;
	}
	heap_put(ts, index, t);
}

static void
heap_add(struct timers *ts, struct loop_timer *t)
{
	if (ts->heap_count + 1 >= ts->heap_cap) {
		ts->heap_cap = ts->heap_cap == 0 ? 64 : ts->heap_cap * 2;
		ts->heap = xreallocarray(ts->heap, ts->heap_cap, sizeof(*ts->heap));
	}
	ts->heap_count++;
	assert(ts->heap_count < INDEX_FIRING);
	heap_rise(ts, ts->heap_count, t);
}

static void
heap_remove(struct timers *ts, struct loop_timer *t)
{
	unsigned index = t->index;
	struct loop_timer *last = ts->heap[ts->heap_count];

	assert(ts->heap[index] == t);
	ts->heap_count--;
	t->index = 0;
	if (last == t)
		return;
	if (index > 1 && timer_is_before(last, ts->heap[index / 2]))
		heap_rise(ts, index, last);
	else
		heap_sink(ts, index, last);
}

void
loop_timer_init(struct loop_timer *t, struct loop *loop, loop_fn *fn, void *arg)
{
	assert(t->index == 0);
	*t = (struct loop_timer){.loop = loop, .fn = fn, .arg = arg};
}

void
loop_timer_at(struct loop_timer *t, int64_t due_ms)
{
	struct timers *ts = loop_timers(t->loop);

	loop_timer_clear(t);
	t->due_ms = due_ms;
	t->order = ts->next_order++;
	heap_add(ts, t);
}

void
loop_timer_in(struct loop_timer *t, int64_t delay_ms)
{
	int64_t due_ms;

	if (__builtin_add_overflow(clock_ms(), delay_ms, &due_ms))
		due_ms = delay_ms < 0 ? 0 : INT64_MAX;
	loop_timer_at(t, due_ms);
}

void
loop_timer_clear(struct loop_timer *t)
{
	if (t->index == 0)
		return;
	if (t->index & INDEX_FIRING) {
		loop_timers(t->loop)->firing[t->index & ~INDEX_FIRING] = NULL;
		t->index = 0;
	} else {
		heap_remove(loop_timers(t->loop), t);
	}
}

bool
loop_timer_armed(const struct loop_timer *t)
{
	return t->index != 0;
}

int64_t
timers_next_due_ms(const struct timers *ts)
{
	return ts->heap_count == 0 ? INT64_MAX : ts->heap[1]->due_ms;
}

void
timers_fini(struct timers *ts)
{
	free(ts->heap);
	*ts = (struct timers){0};
}

/*
 * Takes out of the heap what fires in this turn: due, and armed before the turn began
 * (before the order `first_new`). Those armed since go back for the next one.
 */
static void
timers_collect(struct timers *ts, uint64_t first_new)
{
	int64_t now_ms = clock_ms();
	struct loop_timer **early = NULL;
	size_t early_count = 0;

	ts->firing_count = 0;
	while (ts->firing_count < TIMERS_A_TURN && timers_next_due_ms(ts) <= now_ms) {
		struct loop_timer *t = ts->heap[1];

		heap_remove(ts, t);
		if (t->order >= first_new) {
			early = xreallocarray(early, early_count + 1, sizeof(*early));
			early[early_count++] = t;
			continue;
		}
		t->index = INDEX_FIRING | ts->firing_count;
		ts->firing[ts->firing_count++] = t;
	}
	for (size_t i = 0; i < early_count; i++)
		heap_add(ts, early[i]);
	free(early);
}

void
timers_run(struct timers *ts, uint64_t first_new)
{
	timers_collect(ts, first_new);
	for (unsigned i = 0; i < ts->firing_count; i++) {
		struct loop_timer *t = ts->firing[i];

		if (t == NULL)
			continue;
		ts->firing[i] = NULL;
		t->index = 0;
		t->fn(t->arg);
	}
}
