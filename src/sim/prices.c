/* SPDX-License-Identifier: Apache-2.0 */
/* The history of spot prices: one array, the newest last. */
#include "sim/prices.h"

#include "base/mem.h"
#include "sim/catalog.h"

#include <string.h>

#define IN_VPC " (Amazon VPC)"

struct sim_prices {
	struct sim_quote *quotes; /* owned array, by wall_ms */
	size_t count, cap;
};

struct sim_prices *
sim_prices_new(void)
{
	return NEW(struct sim_prices);
}

static void
forget(struct sim_prices *p)
{
	for (size_t n = 0; n < p->count; n++) {
		free(p->quotes[n].type);
		free(p->quotes[n].zone);
		free(p->quotes[n].product);
	}
	p->count = 0;
}

void
sim_prices_free(struct sim_prices *p)
{
	if (p == NULL)
		return;
	forget(p);
	free(p->quotes);
	free(p);
}

void
sim_prices_put(struct sim_prices *p, const char *type, const char *zone,
	const char *product, double price, int64_t wall_ms)
{
	size_t at = p->count;

	if (p->count == p->cap) {
		p->cap = p->cap == 0 ? 64 : p->cap * 2;
		p->quotes = xreallocarray(p->quotes, p->cap, sizeof(*p->quotes));
	}
	while (at > 0 && p->quotes[at - 1].wall_ms > wall_ms) {
		p->quotes[at] = p->quotes[at - 1];
		at--;
	}
	p->quotes[at] = (struct sim_quote){
		.type = xstrdup(type),
		.zone = xstrdup(zone),
		.product = xstrdup(product),
		.price = price,
		.wall_ms = wall_ms,
	};
	p->count++;
}

void
sim_prices_reset(struct sim_prices *p, const struct field_list *rows, int64_t wall_ms)
{
	const struct sim_price *prices = rows->items;

	forget(p);
	for (size_t n = 0; n < rows->count; n++)
		sim_prices_put(p, prices[n].type, prices[n].zone, prices[n].product,
			prices[n].price, wall_ms - prices[n].ago);
}

size_t
sim_prices_count(const struct sim_prices *p)
{
	return p->count;
}

const struct sim_quote *
sim_prices_at(const struct sim_prices *p, size_t n)
{
	return &p->quotes[n];
}

bool
sim_quote_is_like(const struct sim_quote *a, const struct sim_quote *b)
{
	return strcmp(a->type, b->type) == 0 && strcmp(a->zone, b->zone) == 0 &&
		strcmp(a->product, b->product) == 0;
}

/* The product itself, or with what EC2 adds for a VPC. */
static bool
is_product(const char *quoted, const char *product)
{
	size_t len = strlen(product);

	return strncmp(quoted, product, len) == 0 &&
		(quoted[len] == '\0' || strcmp(quoted + len, IN_VPC) == 0);
}

bool
sim_prices_now(const struct sim_prices *p, const char *type, const char *zone,
	const char *product, double *ret_price)
{
	for (size_t n = p->count; n-- > 0;) {
		const struct sim_quote *q = &p->quotes[n];

		if (strcmp(q->type, type) == 0 && strcmp(q->zone, zone) == 0 &&
			is_product(q->product, product)) {
			*ret_price = q->price;
			return true;
		}
	}
	return false;
}
