/* SPDX-License-Identifier: Apache-2.0 */
/* Wishes under a key, over a socket: each reply again, as often as it is asked for. */
#include "base/mem.h"
#include "calls_rig.h"
#include "core/pool.h"
#include "core/worker.h"
#include "rpc/json.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

#define UP RPC_WORKER_SUBSTANTIATE
#define DOWN RPC_WORKER_INSUBSTANTIATE
#define BOT1 "{\"worker\":\"bot1\"}"
#define KEY(key, more) "{\"worker\":\"bot1\",\"request\":\"" key "\"" more "}"

/* The result of a call, or the error's code, message and data, printed; the caller's. */
static char *
said(struct rig *r, enum rpc_method method, const char *params)
{
	AUTO(json) json_t *reply = rig_call(r, method, params);
	json_t *value = json_object_get(reply, "result");

	if (value == NULL)
		value = json_object_get(reply, "error");
	return json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}

static void
check_said(struct rig *r, enum rpc_method method, const char *params, const char *what)
{
	AUTO(free) char *text = said(r, method, params);

	ck_assert_msg(strcmp(text, what) == 0, "%s: %s, not %s", params, text, what);
}

START_TEST(test_up_again)
{
	struct rig r;
	AUTO(free) char *running = NULL;

	rig_open(&r);
	rig_good(&r, UP, KEY("k", ""));
	rig_pass(&r, 60000);
	running = said(&r, UP, KEY("k", ",\"wait\":\"running\""));
	ck_assert_ptr_nonnull(strstr(running, "\"generation\":1"));
	ck_assert_ptr_nonnull(strstr(running, "\"state\":\"running\""));
	rig_good(&r, RPC_WORKER_ATTACHED, BOT1);
	check_said(&r, UP, KEY("k", ",\"wait\":\"attached\""), running);
	check_said(&r, UP, KEY("k", ",\"wait\":\"attached\",\"timeout\":1"), running);
	check_said(&r, UP, KEY("k", ",\"build\":\"b/2\""), running);
	check_said(&r, UP, "[\"bot1\",\"running\",60,\"b/3\",\"k\"]", running);
	check_show(&r, "generation", "1");
	rig_close(&r);
}
END_TEST

/* The first call may still wait when the second one comes. */
START_TEST(test_up_joins_itself)
{
	struct rig r;
	json_t *first, *second;

	rig_open(&r);
	rig_ask(&r, UP, KEY("k", ",\"wait\":\"running\""));
	rig_ask(&r, UP, KEY("k", ",\"wait\":\"running\""));
	ck_assert_ptr_null(rig_answer(&r, UP));
	ck_assert_uint_eq(rpc_pending_count(r.server.rpc), 2);
	rig_pass(&r, 60000);
	first = rig_answer(&r, UP);
	second = rig_answer(&r, UP);
	check_member(first, "generation", "1");
	ck_assert(json_equal(first, second));
	json_decref(first);
	json_decref(second);
	rig_close(&r);
}
END_TEST

/* After the end, and when another generation runs, it is still the first one's reply. */
START_TEST(test_up_after_its_end)
{
	struct rig r;
	json_t *reply;

	rig_open(&r);
	rig_good(&r, UP, KEY("k", ""));
	rig_pass(&r, 60000);
	rig_good(&r, RPC_WORKER_ATTACHED, BOT1);
	rig_good(&r, DOWN, BOT1);
	rig_pass(&r, 180000);
	check_show(&r, "state", "\"not_substantiated\"");
	for (int n = 0; n < 2; n++) {
		reply = rig_call(&r, UP, KEY("k", ",\"wait\":\"attached\""));
		check_member(reply, "generation", "1");
		check_member(reply, "instance.state", "\"terminated\"");
		json_decref(reply);
		rig_good(&r, UP, KEY("l", ""));
		check_show(&r, "generation", "2");
	}
	rig_close(&r);
}
END_TEST

/* How the wait ended the first time is how it ends again; acceptance was a success. */
static const struct {
	const char *stop; /* parameters, or NULL: it is missing */
	int64_t ms;
	int code;
	bool runs;
} failures[] = {
	{BOT1, 100, -32005, false},
	{BOT1, 60000, -32005, true},
	{NULL, 310000, -32006, true},
};

START_TEST(test_up_that_failed)
{
	static const char attached[] = KEY("k", ",\"wait\":\"attached\"");
	struct rig r;
	AUTO(free) char *first = NULL;
	json_t *reply;

	rig_open(&r);
	rig_good(&r, UP, KEY("k", ""));
	rig_pass(&r, failures[_i].ms);
	if (failures[_i].stop != NULL)
		rig_good(&r, DOWN, failures[_i].stop);
	rig_refused(&r, UP, attached, failures[_i].code);
	first = said(&r, UP, attached);
	if (failures[_i].runs)
		rig_good(&r, UP, KEY("k", ",\"wait\":\"running\""));
	else
		rig_refused(&r, UP, KEY("k", ",\"wait\":\"running\""),
			failures[_i].code);
	reply = rig_call(&r, UP, KEY("k", ""));
	check_member(reply, "generation", "1");
	json_decref(reply);
	rig_pass(&r, 180000);
	rig_good(&r, UP, BOT1);
	check_said(&r, UP, attached, first);
	check_show(&r, "generation", "2");
	rig_close(&r);
}
END_TEST

/* The waiters and who asks later are told the same. */
START_TEST(test_same_words_for_all)
{
	struct rig r;
	json_t *waited, *later;

	rig_open(&r);
	rig_ask(&r, UP, KEY("k", ",\"wait\":\"attached\""));
	ck_assert_ptr_null(rig_answer(&r, UP));
	rig_pass(&r, 310000);
	waited = rig_answer(&r, UP);
	later = rig_call(&r, UP, KEY("k", ",\"wait\":\"attached\""));
	ck_assert_int_eq(reply_code(waited), -32006);
	ck_assert(json_equal(waited, later));
	json_decref(waited);
	json_decref(later);
	rig_close(&r);
}
END_TEST

static const struct {
	enum rpc_method method;
	const char *params;
} others[] = {
	{UP, "{\"worker\":\"made\",\"request\":\"k\"}"},
	{UP, "{\"worker\":\"nobody\",\"request\":\"k\"}"},
	{DOWN, "{\"worker\":\"bot1\",\"request\":\"k\"}"},
	{UP, "{\"worker\":\"bot1\",\"request\":\"d\"}"},
	{DOWN, "{\"worker\":\"bot1\",\"request\":\"d\"}"},
	{DOWN, "{\"worker\":\"bot1\",\"request\":\"d\",\"generation\":1}"},
	{DOWN, "{\"worker\":\"made\",\"request\":\"d\",\"fast\":true}"},
};

START_TEST(test_used_for_something_else)
{
	struct rig r;

	rig_open(&r);
	rig_good(&r, UP, KEY("k", ""));
	rig_good(&r, DOWN, KEY("d", ",\"fast\":true"));
	rig_good(&r, UP, BOT1);
	rig_refused(&r, others[_i].method, others[_i].params, -32602);
	check_show(&r, "generation", "2");
	check_show(&r, "queued", "true");
	ck_assert_int_eq(pool_find(r.daemon.pool, "made")->generation, 0);
	rig_close(&r);
}
END_TEST

START_TEST(test_key_has_a_length)
{
	struct rig r;

	rig_open(&r);
	rig_refused(&r, UP, KEY("", ""), -32602);
	rig_refused(&r, UP,
		KEY("0123456789012345678901234567890123456789012345678901234567890123"
		    "4",
			""),
		-32602);
	rig_good(&r, UP,
		KEY("0123456789012345678901234567890123456789012345678901234567890123",
			""));
	rig_close(&r);
}
END_TEST

/* A stop that is repeated does not hit what was started since. */
START_TEST(test_down_again)
{
	struct rig r;

	rig_open(&r);
	rig_bring_up(&r);
	rig_good(&r, DOWN, KEY("d", ""));
	rig_pass(&r, 180000);
	rig_good(&r, UP, BOT1);
	rig_pass(&r, 60000);
	check_said(&r, DOWN, KEY("d", ""), "{\"generation\":1,\"worker\":\"bot1\"}");
	check_said(&r, DOWN, KEY("d", ",\"wait\":\"stopped\",\"reason\":\"again\""),
		"{\"generation\":1,\"worker\":\"bot1\"}");
	check_show(&r, "state", "\"substantiating\"");
	check_show(&r, "generation", "2");
	rig_close(&r);
}
END_TEST

START_TEST(test_down_waits_again)
{
	struct rig r;
	json_t *reply;

	rig_open(&r);
	rig_bring_up(&r);
	rig_good(&r, DOWN, KEY("d", ""));
	rig_good(&r, UP, BOT1);
	check_show(&r, "queued", "true");
	rig_ask(&r, DOWN, KEY("d", ",\"wait\":\"stopped\""));
	ck_assert_ptr_null(rig_answer(&r, DOWN));
	rig_pass(&r, 180000);
	reply = rig_answer(&r, DOWN);
	check_member(reply, "generation", "1");
	json_decref(reply);
	check_show(&r, "generation", "2");
	check_show(&r, "state", "\"substantiating\"");
	rig_close(&r);
}
END_TEST

/* It named the current generation then, and names the same now. */
START_TEST(test_down_for_an_older_generation)
{
	struct rig r;

	rig_open(&r);
	rig_good(&r, UP, BOT1);
	rig_good(&r, DOWN, BOT1);
	rig_good(&r, UP, BOT1);
	check_said(&r, DOWN, KEY("d", ",\"generation\":1"),
		"{\"generation\":2,\"worker\":\"bot1\"}");
	rig_good(&r, DOWN, BOT1);
	rig_good(&r, UP, BOT1);
	check_said(&r, DOWN, KEY("d", ",\"generation\":1,\"wait\":\"stopped\""),
		"{\"generation\":2,\"worker\":\"bot1\"}");
	check_show(&r, "generation", "3");
	rig_close(&r);
}
END_TEST

/* Nothing was done, so nothing is recorded, and the key is free. */
START_TEST(test_what_is_refused_is_not_recorded)
{
	struct rig r;

	rig_open(&r);
	rig_refused(&r, UP, "{\"worker\":\"nobody\",\"request\":\"k\"}", -32001);
	rig_refused(&r, DOWN, KEY("k", ",\"generation\":1"), -32003);
	r.daemon.pool->stopping = true;
	rig_refused(&r, UP, KEY("k", ""), -32007);
	r.daemon.pool->stopping = false;
	rig_good(&r, UP, KEY("k", ""));
	check_show(&r, "generation", "1");
	rig_close(&r);
}
END_TEST

/* The answer to what was accepted does not depend on who owns the worker since. */
START_TEST(test_owned_since)
{
	struct rig r;
	int one, two;

	rig_open(&r);
	rig_good(&r, RPC_SESSION_OPEN, "{\"owner\":\"one\"}");
	rig_good(&r, UP, KEY("k", ""));
	rig_pass(&r, 60000);
	one = r.fd;
	two = r.fd = server_connect(&r.server);
	rig_good(&r, RPC_SESSION_OPEN, "{\"owner\":\"two\"}");
	rig_good(&r, RPC_WORKER_ATTACHED, BOT1);
	r.fd = one;
	rig_refused(&r, UP, BOT1, -32010);
	rig_good(&r, UP, KEY("k", ",\"wait\":\"attached\""));
	close(two);
	rig_close(&r);
}
END_TEST

/* Replies name the machine of their own generation only. */
START_TEST(test_instance_of_another_generation)
{
	struct rig r;
	json_t *reply;

	rig_open(&r);
	rig_bring_up(&r);
	rig_good(&r, DOWN, BOT1);
	reply = rig_call(&r, UP, BOT1);
	check_member(reply, "generation", "2");
	check_member(reply, "instance", "null");
	json_decref(reply);
	check_show(&r, "queued", "true");
	rig_close(&r);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("wish");
	TCase *tc = tcase_create("wish");

	tcase_add_test(tc, test_up_again);
	tcase_add_test(tc, test_up_joins_itself);
	tcase_add_test(tc, test_up_after_its_end);
	tcase_add_loop_test(tc, test_up_that_failed, 0, (int)COUNT_OF(failures));
	tcase_add_test(tc, test_same_words_for_all);
	tcase_add_loop_test(tc, test_used_for_something_else, 0, (int)COUNT_OF(others));
	tcase_add_test(tc, test_key_has_a_length);
	tcase_add_test(tc, test_down_again);
	tcase_add_test(tc, test_down_waits_again);
	tcase_add_test(tc, test_down_for_an_older_generation);
	tcase_add_test(tc, test_what_is_refused_is_not_recorded);
	tcase_add_test(tc, test_owned_since);
	tcase_add_test(tc, test_instance_of_another_generation);
	suite_add_tcase(s, tc);
	return s;
}
