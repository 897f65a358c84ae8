/* SPDX-License-Identifier: Apache-2.0 */
/* The phase tables as data: what must be true of every row, whatever it is. */
#include "core/instance.h"
#include "core/launch.h"
#include "core/worker_priv.h"
#include "unit.h"

#include <string.h>

struct table {
	const char *what;
	unsigned count;
	unsigned first,
		last; /* where a row begins; where it ends, or `first` for a circle */
	const char *(*name)(unsigned phase);
	unsigned (*find)(const char *name);
	bool (*leads)(unsigned from, unsigned to);
};

static const char *
worker_name(unsigned phase)
{
	return worker_stored_phase_name((enum worker_phase)phase);
}

static unsigned
worker_find(const char *name)
{
	return (unsigned)worker_stored_phase_find(name);
}

static bool
worker_leads(unsigned from, unsigned to)
{
	return worker_phase_leads_to((enum worker_phase)from, (enum worker_phase)to);
}

static const char *
launch_name(unsigned phase)
{
	return launch_phase_name((enum launch_phase)phase);
}

static unsigned
launch_find(const char *name)
{
	return (unsigned)launch_phase_find(name);
}

static bool
launch_leads(unsigned from, unsigned to)
{
	return launch_phase_leads_to((enum launch_phase)from, (enum launch_phase)to);
}

static const char *
instance_name(unsigned phase)
{
	return instance_phase_name((enum instance_phase)phase);
}

static unsigned
instance_find(const char *name)
{
	return (unsigned)instance_phase_find(name);
}

static bool
instance_leads(unsigned from, unsigned to)
{
	return instance_phase_leads_to((enum instance_phase)from,
		(enum instance_phase)to);
}

static const struct table tables[] = {
	{"worker", WORKER_COUNT, WORKER_IDLE, WORKER_IDLE, worker_name, worker_find,
		worker_leads},
	{"launch", LAUNCH_COUNT, LAUNCH_RESERVED, LAUNCH_GONE, launch_name, launch_find,
		launch_leads},
	{"instance", INSTANCE_COUNT, INSTANCE_PENDING, INSTANCE_GONE, instance_name,
		instance_find, instance_leads},
};

/* All that can be reached from a phase, itself only in a circle. */
static unsigned
reach(const struct table *t, unsigned from)
{
	unsigned reached = 0, before;

	for (unsigned to = 0; to < t->count; to++)
		if (t->leads(from, to))
			reached |= 1u << to;
	do {
		before = reached;
		for (unsigned mid = 0; mid < t->count; mid++)
			for (unsigned to = 0; to < t->count; to++)
				if ((reached & (1u << mid)) != 0 && t->leads(mid, to))
					reached |= 1u << to;
	} while (reached != before);
	return reached;
}

START_TEST(test_names)
{
	const struct table *t = &tables[_i];

	for (unsigned a = 0; a < t->count; a++) {
		ck_assert_ptr_nonnull(t->name(a));
		ck_assert_uint_eq(t->find(t->name(a)), a);
		for (unsigned b = 0; b < a; b++)
			ck_assert_str_ne(t->name(a), t->name(b));
	}
	ck_assert_uint_eq(t->find("nonsense"), t->count);
}
END_TEST

START_TEST(test_every_phase_is_reached_and_ends)
{
	const struct table *t = &tables[_i];

	for (unsigned phase = 0; phase < t->count; phase++) {
		ck_assert_msg(phase == t->first ||
				(reach(t, t->first) & (1u << phase)) != 0,
			"%s: %s is never reached", t->what, t->name(phase));
		ck_assert_msg(!t->leads(phase, phase), "%s: %s leads to itself",
			t->what, t->name(phase));
		if (phase != t->last)
			ck_assert_msg((reach(t, phase) & (1u << t->last)) != 0,
				"%s: %s never ends", t->what, t->name(phase));
	}
	if (t->last != t->first)
		ck_assert_uint_eq(reach(t, t->last), 0);
}
END_TEST

/* The dead do not come back: nothing leads from condemned but gone. */
START_TEST(test_condemned_is_final)
{
	ck_assert_uint_eq(reach(&tables[2], INSTANCE_CONDEMNED), 1u << INSTANCE_GONE);
	for (unsigned phase = 0; phase < INSTANCE_CONDEMNED; phase++)
		ck_assert(instance_leads(phase, INSTANCE_CONDEMNED));
}
END_TEST

/* What may have been sent never counts as never sent, but by the answer to that very send. */
START_TEST(test_unknown_is_resolved)
{
	ck_assert(!launch_leads(LAUNCH_UNKNOWN, LAUNCH_RESERVED));
	ck_assert(!launch_leads(LAUNCH_WATCH, LAUNCH_RESERVED));
	ck_assert(!launch_leads(LAUNCH_WATCH, LAUNCH_SENDING));
	ck_assert(!launch_leads(LAUNCH_RESERVED, LAUNCH_ANSWERED));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("phases");
	TCase *t = tcase_create("tables");

	tcase_add_loop_test(t, test_names, 0, 3);
	tcase_add_loop_test(t, test_every_phase_is_reached_and_ends, 0, 3);
	tcase_add_test(t, test_condemned_is_final);
	tcase_add_test(t, test_unknown_is_resolved);
	suite_add_tcase(s, t);
	return s;
}
