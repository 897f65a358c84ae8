/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xoshiro256** (Blackman and Vigna), its state filled by splitmix64: small, fast, and the
 * same on every machine, so that a seed names a whole simulation.
 */
#include "base/rng.h"

#include <assert.h>

static uint64_t
splitmix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t
rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

void
rng_seed(struct rng *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&seed);
}

uint64_t
rng_u64(struct rng *r)
{
	uint64_t *s = r->s;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t
rng_below(struct rng *r, uint64_t bound)
{
	uint64_t surplus, x;

	assert(bound > 0);
	surplus = (UINT64_MAX - bound + 1) % bound; /* 2^64 mod bound */
	do
		x = rng_u64(r);
	while (x < surplus);
	return x % bound;
}

double
rng_unit(struct rng *r)
{
	return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

int64_t
rng_backoff_ms(struct rng *r, unsigned tries, int64_t base_ms, int64_t cap_ms)
{
	int64_t limit = cap_ms;

	if (base_ms <= 0 || cap_ms <= 0)
		return 0;
	if (tries < 63 && base_ms <= INT64_MAX >> tries && base_ms << tries < cap_ms)
		limit = base_ms << tries;
	return (int64_t)rng_below(r, (uint64_t)limit + 1);
}
