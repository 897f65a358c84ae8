/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlines: kept on boottime, recorded on both clocks, so that a restart can go on with
 * what remains.
 */
#include "core/types.h"

#include "base/clock.h"

void
deadline_set(struct deadline *d, int64_t delay_ms)
{
	d->boot_ms = clock_ms() + delay_ms;
	d->wall_ms = clock_wall_ms() + delay_ms;
	d->left_ms = 0;
	if (d->boot_ms == 0)
		d->boot_ms = 1;
}

void
deadline_clear(struct deadline *d)
{
	*d = (struct deadline){0};
}

void
deadline_freeze(struct deadline *d)
{
	int64_t left = d->boot_ms - clock_ms();

	if (deadline_is_set(d))
		*d = (struct deadline){.left_ms = left > 0 ? left : 1};
}

void
deadline_thaw(struct deadline *d)
{
	if (d->left_ms > 0)
		deadline_set(d, d->left_ms);
}

void
deadline_move(struct deadline *d, int64_t by_ms)
{
	if (deadline_is_set(d)) {
		d->boot_ms += by_ms;
		d->wall_ms += by_ms;
	} else if (d->left_ms > 0) {
		d->left_ms += by_ms;
		if (d->left_ms <= 0)
			d->left_ms = 1;
	}
}

bool
deadline_is_over(const struct deadline *d)
{
	return deadline_is_set(d) && clock_ms() >= d->boot_ms;
}

void
deadline_restore(struct deadline *d, bool same_boot)
{
	int64_t left = d->wall_ms - clock_wall_ms();

	if (!deadline_is_set(d) || same_boot)
		return;
	d->boot_ms = clock_ms() + (left > 0 ? left : 0);
	if (d->boot_ms == 0)
		d->boot_ms = 1;
}
