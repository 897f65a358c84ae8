/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.status, number by number, and rpc.discover, which must say what the rows say.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/field.h"
#include "base/log.h"
#include "core/health.h"
#include "core/hold.h"
#include "core/pool.h"
#include "core/worker.h"
#include "ec2/verdict.h"
#include "rpc/args.h"
#include "rpc/json.h"
#include "rpc/spec.h"
#include "rpc_world.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

static const char workers[] = "  a: { password: x, missing_timeout: 5m }\n"
			      "  b: { password: x, missing_timeout: 5m }\n"
			      "  c: { password: x, missing_timeout: 5m }\n"
			      "  d: { password: x, missing_timeout: 5m }\n";

static json_t *
status(struct rpc_world *w, int fd)
{
	return rpc_world_result(w, fd, "pool.status", "{}");
}

static int64_t
count(const json_t *status, const char *group, const char *name)
{
	return int_of(json_object_get(status, group), name);
}

START_TEST(test_counts)
{
	static const char wait[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"worker.substantiate\","
		"\"params\":{\"worker\":\"b\",\"wait\":\"attached\"}}\n";
	AUTO(json) json_t *s = NULL;
	struct rpc_world w;
	int fd, waiting;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	waiting = server_connect(&w.server);
	world_ready(&w.world, "a");
	world_ready(&w.world, "c");
	client_send(&w.server, waiting, wait, strlen(wait));
	world_run(&w.world, 30000);
	world_down(&w.world, "c");
	s = status(&w, fd);
	ck_assert_str_eq(text_of(s, "pool"), "test");
	ck_assert_int_eq(count(s, "workers", "substantiated"), 1);
	ck_assert_int_eq(count(s, "workers", "substantiating"), 1);
	ck_assert_int_eq(count(s, "workers", "insubstantiating"), 1);
	ck_assert_int_eq(count(s, "workers", "not_substantiated"), 1);
	ck_assert_int_eq(count(s, "queues", "launches"), 3);
	ck_assert_int_eq(count(s, "queues", "instances"), 3);
	ck_assert_int_eq(count(s, "queues", "waiting"), 1);
	ck_assert_int_eq(count(s, "queues", "placing"), 0);
	ck_assert_int_eq(count(s, "queues", "mails"), 0);
	ck_assert(json_is_null(json_object_get(s, "paused")));
	ck_assert(json_is_false(json_object_get(s, "hold")));
	ck_assert_uint_eq(json_array_size(json_object_get(s, "degraded")), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(s, "clouds")), 1);
	close(fd);
	close(waiting);
	rpc_world_fini(&w);
}
END_TEST

START_TEST(test_paused_and_hold)
{
	AUTO(json) json_t *s = NULL;
	struct rpc_world w;
	const json_t *paused;
	int fd;

	rpc_world_init(&w, workers, NULL);
	log_set_fd(-1);
	fd = server_connect(&w.server);
	pool_hold(w.world.pool, "a test");
	json_decref(rpc_world_result(&w, fd, "pool.pause", "{}"));
	world_up(&w.world, "a");
	s = status(&w, fd);
	paused = json_object_get(s, "paused");
	ck_assert_ptr_nonnull(strstr(text_of(paused, "by"), "uid "));
	ck_assert_ptr_nonnull(strchr(text_of(paused, "at"), 'Z'));
	ck_assert(json_is_true(json_object_get(s, "hold")));
	ck_assert_int_eq(count(s, "queues", "placing"), 1);
	json_decref(rpc_world_result(&w, fd, "pool.resume", "{}"));
	json_decref(s);
	s = status(&w, fd);
	ck_assert(json_is_null(json_object_get(s, "paused")));
	ck_assert(json_is_false(json_object_get(s, "hold")));
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

START_TEST(test_no_listing)
{
	AUTO(json) json_t *s = NULL;
	const json_t *list, *trouble;
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	log_set_fd(-1);
	fd = server_connect(&w.server);
	world_ready(&w.world, "a");
	w.world.cloud.faults.fail_read = 1000;
	world_run(&w.world, 5 * 60000);
	s = status(&w, fd);
	list = json_object_get(s, "degraded");
	ck_assert_uint_eq(json_array_size(list), 1);
	trouble = json_array_get(list, 0);
	ck_assert_str_eq(text_of(trouble, "kind"), "listing");
	ck_assert_str_eq(text_of(s, "health"), "degraded");
	ck_assert_str_eq(text_of(trouble, "message"), "injected");
	ck_assert_str_gt(text_of(trouble, "since"), "2026");
	ck_assert_str_eq(text_of(trouble, "cloud"),
		text_of(json_array_get(json_object_get(s, "clouds"), 0), "cloud"));
	w.world.cloud.faults.fail_read = 0;
	world_run(&w.world, 5 * 60000);
	json_decref(s);
	s = status(&w, fd);
	ck_assert_uint_eq(json_array_size(json_object_get(s, "degraded")), 0);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* Who asks while the ledger cannot be written is told so then. */
START_TEST(test_no_ledger)
{
	static const char call[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pool.status\"}\n";
	AUTO(json) json_t *reply = NULL;
	AUTO(free) char *line = NULL;
	static const struct trouble ledger = {.condition = CONDITION_LEDGER};
	const json_t *trouble;
	struct rpc_world w;
	struct err err;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	w.world.disk_full = true;
	err_set(&err, ERR_IO, "no space");
	health_begin(w.world.pool->health, &ledger, &err, NULL);
	server_run(&w.server);
	client_send(&w.server, fd, call, strlen(call));
	line = client_line(&w.server, fd);
	ck_assert_ptr_nonnull(line);
	reply = json_loads(line, 0, NULL);
	trouble = json_array_get(json_object_get(json_object_get(reply, "result"),
					 "degraded"),
		0);
	ck_assert_str_eq(text_of(trouble, "kind"), "ledger");
	ck_assert_str_eq(text_of(trouble, "message"), "no space");
	ck_assert(json_is_null(json_object_get(trouble, "cloud")));
	ck_assert(json_is_true(json_object_get(trouble, "down")));
	ck_assert_str_eq(text_of(json_object_get(reply, "result"), "health"), "down");
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

static json_t *
discover(struct rpc_world *w)
{
	int fd = server_connect(&w->server);
	json_t *document = rpc_world_result(w, fd, "rpc.discover", "{}");

	close(fd);
	return document;
}

/* Methods, parameters in order, roles. */
START_TEST(test_discover)
{
	AUTO(json) json_t *document = NULL;
	const json_t *methods;
	struct rpc_world w;

	rpc_world_init(&w, workers, NULL);
	document = discover(&w);
	methods = json_object_get(document, "methods");
	ck_assert_uint_eq(json_array_size(methods), RPC_METHOD_COUNT);
	for (size_t n = 0; n < RPC_METHOD_COUNT; n++) {
		const json_t *method = json_array_get(methods, n);
		const json_t *params = json_object_get(method, "params");
		const struct field *rows = rpc_specs[n].params->rows;
		size_t k;

		ck_assert_str_eq(text_of(method, "name"), rpc_specs[n].name);
		ck_assert_str_eq(text_of(method, "x-role"),
			rpc_role_name(rpc_specs[n].role));
		for (k = 0; rows[k].name != NULL; k++) {
			const json_t *param = json_array_get(params, k);

			ck_assert_str_eq(text_of(param, "name"), rows[k].name);
			ck_assert_int_eq(json_is_true(
						 json_object_get(param, "required")),
				(rows[k].flags & FIELD_REQUIRED) != 0);
			ck_assert(json_is_object(json_object_get(param, "schema")));
		}
		ck_assert_uint_eq(json_array_size(params), k);
	}
	rpc_world_fini(&w);
}
END_TEST

static const struct {
	enum rpc_method method;
	enum err_code code;
	bool may;
} errors[] = {
	{RPC_WORKER_SHOW, ERR_WORKER_UNKNOWN, true},
	{RPC_WORKER_SHOW, ERR_FORBIDDEN, true},
	{RPC_WORKER_SHOW, ERR_INVALID, true},
	{RPC_WORKER_SHOW, ERR_LIMIT, true},
	{RPC_WORKER_SHOW, ERR_TIMEOUT, false},
	{RPC_WORKER_LIST, ERR_WORKER_UNKNOWN, false},
	{RPC_POOL_STATUS, ERR_WORKER_UNKNOWN, false},
	{RPC_WORKER_SUBSTANTIATE, ERR_FAILED, true},
	{RPC_WORKER_SUBSTANTIATE, ERR_MISSING, true},
	{RPC_WORKER_SUBSTANTIATE, ERR_UNEXPECTED_ATTACH, false},
	{RPC_WORKER_ATTACHED, ERR_UNEXPECTED_ATTACH, true},
	{RPC_WORKER_DETACHED, ERR_UNEXPECTED_ATTACH, false},
	{RPC_WORKER_HOLD, ERR_UNAVAILABLE, true},
	{RPC_WORKER_CONSOLE, ERR_NETWORK, true},
	{RPC_DAEMON_RELOAD, ERR_CONFIG, true},
	{RPC_DAEMON_STOP, ERR_CONFIG, false},
};

START_TEST(test_errors)
{
	AUTO(json) json_t *document = NULL;
	const json_t *list;
	struct rpc_world w;
	bool found = false;

	ck_assert_int_eq(rpc_may_fail(&rpc_specs[errors[_i].method], errors[_i].code),
		errors[_i].may);
	rpc_world_init(&w, workers, NULL);
	document = discover(&w);
	list = json_object_get(json_array_get(json_object_get(document, "methods"),
				       errors[_i].method),
		"errors");
	for (size_t n = 0; n < json_array_size(list); n++) {
		const char *place = text_of(json_array_get(list, n), "$ref");

		found = found ||
			str_equal(strrchr(place, '/') + 1,
				rpc_errors[errors[_i].code].kind);
	}
	ck_assert_int_eq(found, errors[_i].may);
	rpc_world_fini(&w);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("pool_rpc");
	TCase *tc = tcase_create("pool_rpc");

	tcase_add_test(tc, test_counts);
	tcase_add_test(tc, test_paused_and_hold);
	tcase_add_test(tc, test_no_listing);
	tcase_add_test(tc, test_no_ledger);
	tcase_add_test(tc, test_discover);
	tcase_add_loop_test(tc, test_errors, 0, COUNT_OF(errors));
	suite_add_tcase(suite, tc);
	return suite;
}
