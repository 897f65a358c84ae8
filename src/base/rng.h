/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seedable random numbers for jitter and simulations; never for secrets or tokens
 * (those come from sys/crypto).
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_u64(struct rng *r);
/* 0 <= result < bound; bound > 0; without bias. */
uint64_t rng_below(struct rng *r, uint64_t bound);
/* 0.0 <= result < 1.0 */
double rng_unit(struct rng *r);
/*
 * Full jitter: uniform in [0, min(cap_ms, base_ms * 2^tries)].
 * After AWS, "Exponential Backoff And Jitter".
 */
int64_t rng_backoff_ms(struct rng *r, unsigned tries, int64_t base_ms, int64_t cap_ms);

#endif
