/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spot prices and what they were: a history for each (type, zone, product), that begins
 * with the scenario's and grows at the control door.
 */
#ifndef SIM_PRICES_H
#define SIM_PRICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct field_list;
struct sim_prices;

/* A price from a moment on; strings are owned by the prices. */
struct sim_quote {
	char *type, *zone, *product;
	double price;
	int64_t wall_ms;
};

struct sim_prices *sim_prices_new(void);
void sim_prices_free(struct sim_prices *p);
/* Forgets all, and takes the rows (struct sim_price) as of now. */
void sim_prices_reset(struct sim_prices *p, const struct field_list *rows,
	int64_t wall_ms);
/* From now on. */
void sim_prices_put(struct sim_prices *p, const char *type, const char *zone,
	const char *product, double price, int64_t wall_ms);
size_t sim_prices_count(const struct sim_prices *p);
/* By time, the oldest first. */
const struct sim_quote *sim_prices_at(const struct sim_prices *p, size_t n);
/* Whether both are of one type, zone and product. */
bool sim_quote_is_like(const struct sim_quote *a, const struct sim_quote *b);
/*
 * What counts for a launch: that of the product, or of the product in a VPC. False when
 * there is none, and any bid will do.
 */
bool sim_prices_now(const struct sim_prices *p, const char *type, const char *zone,
	const char *product, double *ret_price);

#endif
