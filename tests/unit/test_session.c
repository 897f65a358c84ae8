/* SPDX-License-Identifier: Apache-2.0 */
/* session.open over a socket: what belongs to whom, and until when. */
#include "base/field.h"
#include "calls_rig.h"
#include "core/owner.h"
#include "core/pool.h"
#include "core/worker.h"
#include "rpc/json.h"
#include "unit.h"

#include <unistd.h>

#define ONE "{\"owner\":\"one\"}"
#define TWO "{\"owner\":\"two\"}"
#define BOT1 "{\"worker\":\"bot1\"}"

/* Another client; what follows goes over its connection. The old one is returned. */
static int
switch_client(struct rig *r, int fd)
{
	int old = r->fd;

	r->fd = fd < 0 ? server_connect(&r->server) : fd;
	return old;
}

static void
hang_up(struct rig *r, int fd)
{
	close(fd);
	server_run(&r->server);
}

START_TEST(test_open)
{
	struct rig r;
	json_t *reply;

	rig_open(&r);
	rig_bring_up(&r);
	rig_good(&r, RPC_WORKER_BUILD_STARTED, "{\"worker\":\"bot1\",\"building\":2}");
	reply = rig_call(&r, RPC_SESSION_OPEN, ONE);
	check_member(reply, "version", "\"" VERSION "\"");
	check_member(reply, "protocol", "1");
	check_member(reply, "epoch", "1790000000000");
	check_member(reply, "workers.0.worker", "\"bot1\"");
	check_member(reply, "workers.0.attached", "true");
	check_member(reply, "workers.0.building", "2");
	check_member(reply, "workers.6.worker", "\"w-5\"");
	check_member(reply, "workers.7", "");
	json_decref(reply);
	ck_assert_uint_eq(HASH_COUNT(r.daemon.pool->owners), 1);
	rig_close(&r);
}
END_TEST

/* One connection has one session; the same again is as good as the first. */
START_TEST(test_open_again)
{
	struct rig r;

	rig_open(&r);
	rig_good(&r, RPC_SESSION_OPEN, ONE);
	rig_good(&r, RPC_SESSION_OPEN, ONE);
	rig_refused(&r, RPC_SESSION_OPEN, TWO, -32602);
	ck_assert_uint_eq(HASH_COUNT(r.daemon.pool->owners), 1);
	ck_assert_uint_eq(r.daemon.pool->owners->sessions, 1);
	hang_up(&r, switch_client(&r, -1));
	ck_assert_ptr_null(r.daemon.pool->owners);
	rig_close(&r);
}
END_TEST

static const struct {
	const char *params;
	int code;
} wrong[] = {
	{"{}", -32602},
	{"{\"owner\":\"\"}", -32602},
	{"{\"owner\":1}", -32602},
	{"{\"owner\":\"one\",\"since\":1}", -32602},
};

START_TEST(test_wrong_parameters)
{
	struct rig r;

	rig_open(&r);
	rig_refused(&r, RPC_SESSION_OPEN, wrong[_i].params, wrong[_i].code);
	ck_assert_ptr_null(r.daemon.pool->owners);
	rig_close(&r);
}
END_TEST

/* What an owner reports is kept from other owners, not from operators. */
static const struct {
	enum rpc_method method;
	const char *params;
} guarded[] = {
	{RPC_WORKER_SUBSTANTIATE, BOT1},
	{RPC_WORKER_INSUBSTANTIATE, BOT1},
	{RPC_WORKER_ATTACHED, BOT1},
	{RPC_WORKER_DETACHED, BOT1},
	{RPC_WORKER_BUILD_STARTED, BOT1},
	{RPC_WORKER_BUILD_FINISHED, BOT1},
};

START_TEST(test_owned)
{
	struct rig r;
	int one;

	rig_open(&r);
	rig_good(&r, RPC_SESSION_OPEN, ONE);
	rig_bring_up(&r);
	check_show(&r, "owner", "\"one\"");
	one = switch_client(&r, -1);
	rig_good(&r, RPC_SESSION_OPEN, TWO);
	rig_refused(&r, guarded[_i].method, guarded[_i].params, -32010);
	check_show(&r, "owner", "\"one\"");
	check_show(&r, "attached", "true");
	check_show(&r, "building", "0");
	rig_good(&r, RPC_WORKER_PASSWORD, BOT1);
	(void)switch_client(&r, -1);
	rig_good(&r, guarded[_i].method, guarded[_i].params);
	close(one);
	rig_close(&r);
}
END_TEST

START_TEST(test_an_end_frees_the_worker_for_others)
{
	struct rig r;
	int one;

	rig_open(&r);
	rig_good(&r, RPC_SESSION_OPEN, ONE);
	rig_bring_up(&r);
	one = switch_client(&r, -1);
	rig_good(&r, RPC_SESSION_OPEN, TWO);
	rig_refused(&r, RPC_WORKER_ATTACHED, BOT1, -32010);
	hang_up(&r, one);
	rig_good(&r, RPC_WORKER_ATTACHED, BOT1);
	check_show(&r, "owner", "\"two\"");
	rig_close(&r);
}
END_TEST

START_TEST(test_a_stop_frees_the_worker_for_others)
{
	struct rig r;
	int one;

	rig_open(&r);
	rig_good(&r, RPC_SESSION_OPEN, ONE);
	rig_bring_up(&r);
	rig_good(&r, RPC_WORKER_INSUBSTANTIATE, BOT1);
	check_show(&r, "owner", "null");
	one = switch_client(&r, -1);
	rig_good(&r, RPC_SESSION_OPEN, TWO);
	rig_good(&r, RPC_WORKER_SUBSTANTIATE, BOT1);
	close(one);
	rig_close(&r);
}
END_TEST

START_TEST(test_facts_outlive_the_connection)
{
	struct rig r;

	rig_open(&r);
	rig_good(&r, RPC_SESSION_OPEN, ONE);
	rig_bring_up(&r);
	rig_good(&r, RPC_WORKER_BUILD_STARTED, BOT1);
	hang_up(&r, switch_client(&r, -1));
	check_show(&r, "attached", "true");
	check_show(&r, "deadline.kind", "\"owner_build_timeout\"");
	check_show(&r, "deadline.at", "\"2026-09-21T18:14:20.000Z\"");
	rig_good(&r, RPC_SESSION_OPEN, ONE);
	check_show(&r, "deadline", "null");
	rig_good(&r, RPC_WORKER_BUILD_FINISHED, BOT1);
	check_show(&r, "deadline.kind", "\"build_wait_timeout\"");
	rig_close(&r);
}
END_TEST

/* A refused fact claims nothing. */
START_TEST(test_what_is_refused_is_not_owned)
{
	struct rig r;

	rig_open(&r);
	rig_good(&r, RPC_SESSION_OPEN, ONE);
	rig_refused(&r, RPC_WORKER_ATTACHED, BOT1, -32008);
	rig_refused(&r, RPC_WORKER_BUILD_STARTED,
		"{\"worker\":\"bot1\",\"generation\":5}", -32003);
	check_show(&r, "owner", "null");
	rig_good(&r, RPC_WORKER_SUBSTANTIATE, BOT1);
	check_show(&r, "owner", "null");
	rig_close(&r);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("session");
	TCase *tc = tcase_create("session");

	tcase_add_test(tc, test_open);
	tcase_add_test(tc, test_open_again);
	tcase_add_loop_test(tc, test_wrong_parameters, 0, (int)COUNT_OF(wrong));
	tcase_add_loop_test(tc, test_owned, 0, (int)COUNT_OF(guarded));
	tcase_add_test(tc, test_an_end_frees_the_worker_for_others);
	tcase_add_test(tc, test_a_stop_frees_the_worker_for_others);
	tcase_add_test(tc, test_facts_outlive_the_connection);
	tcase_add_test(tc, test_what_is_refused_is_not_owned);
	suite_add_tcase(s, tc);
	return s;
}
