/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/gate.h"
#include "sys/loop.h"
#include "unit.h"

#include <string.h>

static struct loop *loop;
static struct gate *gate;
static struct buf order; /* letters of those who were granted, in that order */

struct asker {
	char letter;
	struct ec2_slot *slot;
	bool free_at_once, ask_again;
};

static struct asker askers[16];

static void
setup(void)
{
	struct err err;

	clock_fake(1000000, 1769854500000);
	loop = loop_new(&err);
	ck_assert_ptr_nonnull(loop);
	gate = gate_new(loop, false);
	for (size_t i = 0; i < COUNT_OF(askers); i++)
		askers[i] = (struct asker){.letter = (char)('a' + i)};
}

static void
teardown(void)
{
	gate_free(gate);
	loop_free(loop);
	buf_fini(&order);
	clock_real();
}

static void
on_granted(void *arg)
{
	struct asker *a = arg;

	buf_putc(&order, a->letter);
	if (a->free_at_once)
		gate_slot_free(a->slot);
	if (a->ask_again)
		a->slot = gate_ask(gate, false, on_granted, a);
}

static void
ask(size_t i, bool urgent)
{
	askers[i].slot = gate_ask(gate, urgent, on_granted, &askers[i]);
}

static void
turns(void)
{
	for (int i = 0; i < 3; i++)
		loop_turn(loop, false);
}

static void
check_order(const char *expected)
{
	turns();
	ck_assert_str_eq(buf_str(&order), expected);
	buf_clear(&order);
}

START_TEST(test_first_come_first_served)
{
	for (size_t i = 0; i < 8; i++)
		ask(i, false);
	ck_assert_str_eq(buf_str(&order), "");
	ck_assert_uint_eq(gate_queued(gate), 8);
	check_order("abcde");
	ck_assert_uint_eq(gate_in_flight(gate), 5);
	ck_assert_uint_eq(gate_queued(gate), 3);
	gate_answer(askers[2].slot, LANE_UNCLEAR, 0);
	check_order("f");
	gate_answer(askers[0].slot, LANE_CLEAN, 0);
	check_order("gh");
	ck_assert_uint_eq(gate_window(gate), 6);
}
END_TEST

START_TEST(test_urgent_goes_before_what_is_not)
{
	for (size_t i = 0; i < 7; i++)
		ask(i, false);
	check_order("abcde");
	ask(7, true);
	ask(8, true);
	for (size_t i = 0; i < 4; i++)
		gate_answer(askers[i].slot, LANE_UNCLEAR, 0);
	check_order("hifg");
}
END_TEST

START_TEST(test_freed_while_waiting)
{
	for (size_t i = 0; i < 7; i++)
		ask(i, false);
	gate_slot_free(askers[1].slot);
	check_order("acdef");
	gate_slot_free(askers[6].slot);
	gate_slot_free(NULL);
	gate_slot_free(askers[0].slot);
	check_order("");
	ck_assert_uint_eq(gate_in_flight(gate), 4);
	ck_assert_uint_eq(gate_queued(gate), 0);
}
END_TEST

START_TEST(test_freed_when_granted)
{
	for (size_t i = 0; i < 10; i++) {
		askers[i].free_at_once = true;
		ask(i, false);
	}
	check_order("abcdefghij");
	ck_assert_uint_eq(gate_in_flight(gate), 0);
}
END_TEST

/* Who comes back at once does not keep the loop from turning. */
START_TEST(test_round_is_bounded)
{
	askers[0].free_at_once = true;
	askers[0].ask_again = true;
	ask(0, false);
	turns();
	ck_assert_uint_lt(order.len, 1000);
	ck_assert_uint_ge(order.len, 1);
}
END_TEST

START_TEST(test_pause_ends_by_itself)
{
	ask(0, false);
	check_order("a");
	gate_answer(askers[0].slot, LANE_THROTTLED, 5000);
	ask(1, false);
	check_order("");
	clock_fake_advance(4999);
	check_order("");
	clock_fake_advance(1);
	check_order("b");
}
END_TEST

START_TEST(test_free_with_all_kinds_of_slots)
{
	for (size_t i = 0; i < 9; i++)
		ask(i, i % 2 == 0);
	turns();
	gate_free(gate);
	gate = NULL;
	buf_clear(&order);
	check_order("");
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("gate");
	TCase *tc = tcase_create("gate");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_first_come_first_served);
	tcase_add_test(tc, test_urgent_goes_before_what_is_not);
	tcase_add_test(tc, test_freed_while_waiting);
	tcase_add_test(tc, test_freed_when_granted);
	tcase_add_test(tc, test_round_is_bounded);
	tcase_add_test(tc, test_pause_ends_by_itself);
	tcase_add_test(tc, test_free_with_all_kinds_of_slots);
	suite_add_tcase(suite, tc);
	return suite;
}
