/* SPDX-License-Identifier: Apache-2.0 */
#include "actor.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "unit.h"

#include <string.h>

struct buf trail;
struct loop *loop;

void
actor_act(void *arg)
{
	struct actor *t = arg;

	buf_putc(&trail, t->letter);
	if (t->more != NULL)
		t->more(t);
}

void
actor_init(struct actor *t, char letter, void (*more)(struct actor *))
{
	memset(t, 0, sizeof(*t));
	t->letter = letter;
	t->more = more;
	loop_timer_init(&t->timer, loop, actor_act, t);
	loop_poke_init(&t->poke, loop, actor_act, t);
	loop_outbox_init(&t->outbox, loop, actor_act, t);
}

void
actor_setup_fake(void)
{
	struct err err;

	clock_fake(1000000, 1700000000000);
	loop = loop_new(&err);
	ck_assert_ptr_nonnull(loop);
}

void
actor_setup_real(void)
{
	struct err err;

	clock_real();
	loop = loop_new(&err);
	ck_assert_ptr_nonnull(loop);
}

void
actor_teardown(void)
{
	loop_free(loop);
	buf_fini(&trail);
	clock_real();
}

void
expect_trail(const char *expected)
{
	ck_assert_str_eq(buf_str(&trail), expected);
	buf_clear(&trail);
}

void
actor_clear_other(struct actor *self)
{
	loop_timer_clear(&self->other->timer);
	loop_poke_clear(&self->other->poke);
	loop_outbox_clear(&self->other->outbox);
}
