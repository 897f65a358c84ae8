/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap whose items know their place. */
#include "sim/due.h"

#include "base/mem.h"

#include <stdbool.h>

static bool
before(const struct sim_due *a, const struct sim_due *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void
put_at(struct sim_heap *h, const struct sim_due *d, size_t index)
{
	h->items[index] = *d;
	*d->place = index;
}

static void
sift_up(struct sim_heap *h, const struct sim_due *d, size_t index)
{
	while (index > 1 && before(d, &h->items[index / 2])) {
		put_at(h, &h->items[index / 2], index);
		index /= 2;
	}
	put_at(h, d, index);
}

static void
sift_down(struct sim_heap *h, const struct sim_due *d, size_t index)
{
	for (;;) {
		size_t child = index * 2;

		if (child > h->count)
			break;
		if (child < h->count && before(&h->items[child + 1], &h->items[child]))
			child++;
		if (!before(&h->items[child], d))
			break;
		put_at(h, &h->items[child], index);
		index = child;
	}
	put_at(h, d, index);
}

void
sim_heap_put(struct sim_heap *h, size_t *place, int64_t at_ms)
{
	struct sim_due d = {.at_ms = at_ms, .place = place};

	sim_heap_remove(h, place);
	if (h->count + 2 > h->cap) {
		h->cap = h->cap == 0 ? 64 : h->cap * 2;
		h->items = xreallocarray(h->items, h->cap, sizeof(*h->items));
	}
	d.order = h->orders++;
	sift_up(h, &d, ++h->count);
}

void
sim_heap_remove(struct sim_heap *h, size_t *place)
{
	size_t hole = *place;
	struct sim_due last;

	if (hole == 0)
		return;
	*place = 0;
	last = h->items[h->count--];
	if (last.place == place)
		return;
	if (hole > 1 && before(&last, &h->items[hole / 2]))
		sift_up(h, &last, hole);
	else
		sift_down(h, &last, hole);
}

size_t *
sim_heap_first(const struct sim_heap *h, int64_t *ret_at_ms)
{
	if (h->count == 0)
		return NULL;
	*ret_at_ms = h->items[1].at_ms;
	return h->items[1].place;
}

void
sim_heap_fini(struct sim_heap *h)
{
	for (size_t i = 1; i <= h->count; i++)
		*h->items[i].place = 0;
	free(h->items);
	*h = (struct sim_heap){0};
}
