/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/pace.h"
#include "base/clock.h"

/* With one call that lists a thousand workers and the commit, a turn is below 50 ms. */
#define SERVING_MS 10

static void
on_over(void *arg)
{
	struct pace *p = arg;

	p->began_ms = 0;
}

void
pace_init(struct pace *p, struct loop *loop)
{
	p->began_ms = 0;
	loop_poke_init(&p->over, loop, on_over, p);
}

void
pace_fini(struct pace *p)
{
	loop_poke_clear(&p->over);
}

bool
pace_has_time(struct pace *p)
{
	int64_t now_ms = clock_ms();

	if (p->began_ms == 0) {
		p->began_ms = now_ms;
		loop_poke(&p->over);
	}
	return now_ms - p->began_ms < SERVING_MS;
}
