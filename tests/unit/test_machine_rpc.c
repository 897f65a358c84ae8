/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking after a machine over the socket: console, hold and release, abandon; and pausing
 * the whole pool.
 */
#include "base/log.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/worker.h"
#include "ec2/verdict.h"
#include "rpc/json.h"
#include "rpc_world.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

static const char workers[] = "  a: { password: sekrit-word, missing_timeout: 5m }\n"
			      "  b: { password: x, missing_timeout: 5m }\n";

#define A "{\"worker\":\"a\"}"

static void
good(struct rpc_world *w, int fd, const char *method, const char *params)
{
	json_decref(rpc_world_result(w, fd, method, params));
}

START_TEST(test_console)
{
	struct rpc_world w;
	json_t *reply;
	char *line;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	ck_assert_int_eq(rpc_world_code(&w, fd, "worker.console", A, "no instance"),
		-32007);
	world_ready(&w.world, "a");
	w.world.cloud.console = "login: sekrit-word\n";
	line = xasprintf("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"worker.console\","
			 "\"params\":{\"worker\":\"a\",\"latest\":true}}\n");
	client_send(&w.server, fd, line, strlen(line));
	free(line);
	ck_assert_uint_eq(rpc_pending_count(w.server.rpc), 1);
	world_run(&w.world, 1000);
	line = client_line(&w.server, fd);
	reply = json_loads(line, 0, NULL);
	free(line);
	ck_assert_str_eq(text_of(json_object_get(reply, "result"), "output"),
		"login: ***********\n");
	ck_assert_ptr_nonnull(
		strchr(text_of(json_object_get(reply, "result"), "at"), 'T'));
	json_decref(reply);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* A client that leaves takes its question along. */
START_TEST(test_console_left)
{
	static const char text[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"worker.console\","
		"\"params\":[\"a\"]}\n";
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	world_ready(&w.world, "a");
	client_send(&w.server, fd, text, strlen(text));
	ck_assert_uint_eq(rpc_pending_count(w.server.rpc), 1);
	close(fd);
	world_run(&w.world, 1000);
	ck_assert_uint_eq(rpc_pending_count(w.server.rpc), 0);
	rpc_world_fini(&w);
}
END_TEST

static bool
shown(struct rpc_world *w, int fd, const char *member)
{
	AUTO(json) json_t *show = rpc_world_result(w, fd, "worker.show", A);

	return json_is_true(json_object_get(show, member));
}

START_TEST(test_hold)
{
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	ck_assert_int_eq(rpc_world_code(&w, fd, "worker.hold", A, "nothing to hold"),
		-32007);
	good(&w, fd, "worker.release", A);
	world_ready(&w.world, "a");
	ck_assert(!shown(&w, fd, "held"));
	good(&w, fd, "worker.hold", A);
	ck_assert(shown(&w, fd, "held"));
	good(&w, fd, "worker.hold", A);
	good(&w, fd, "worker.release", A);
	ck_assert(!shown(&w, fd, "held"));
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

START_TEST(test_abandon)
{
	struct rpc_world w;
	const struct launch *l;
	char *params;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	w.world.cloud.script[0] = (struct fake_answer){.verdict = VERDICT_REPEAT,
		.class = EC2_CLASS_MISMATCH,
		.times = 1};
	world_up(&w.world, "a");
	l = world_worker(&w.world, "a")->launch;
	params = xasprintf("{\"worker\":\"a\",\"launch\":\"%s\"}", l->id);
	log_set_fd(-1);
	ck_assert_int_eq(rpc_world_code(&w, fd, "worker.abandon", params,
				 "in no watch"),
		-32602);
	world_run(&w.world, 5000);
	ck_assert_int_eq(l->phase, LAUNCH_WATCH);
	ck_assert_int_eq(rpc_world_code(&w, fd, "worker.abandon",
				 "{\"worker\":\"a\",\"launch\":\"x\"}", "no launch"),
		-32602);
	good(&w, fd, "worker.abandon", params);
	server_run(&w.server);
	ck_assert_int_eq(rpc_world_code(&w, fd, "worker.abandon", params, "no launch"),
		-32602);
	world_run(&w.world, 30000);
	ck_assert(w.world.cloud.runs == 1);
	free(params);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

START_TEST(test_abandon_of_another)
{
	struct rpc_world w;
	char *params;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	world_up(&w.world, "a");
	params = xasprintf("{\"worker\":\"b\",\"launch\":\"%s\"}",
		world_worker(&w.world, "a")->launch->id);
	ck_assert_int_eq(rpc_world_code(&w, fd, "worker.abandon", params, "b has no"),
		-32602);
	free(params);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

START_TEST(test_pause)
{
	AUTO(json) json_t *show = NULL;
	const json_t *error;
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	log_set_fd(-1);
	good(&w, fd, "pool.pause", "{}");
	good(&w, fd, "worker.substantiate", A);
	world_run(&w.world, 10000);
	show = rpc_world_result(&w, fd, "worker.show", A);
	ck_assert_str_eq(text_of(show, "phase"), "placing");
	ck_assert_str_eq(text_of(show, "state"), "substantiating");
	error = json_object_get(show, "last_error");
	ck_assert_str_eq(text_of(error, "kind"), "unavailable");
	ck_assert_ptr_nonnull(strstr(text_of(error, "message"), "paused by uid"));
	good(&w, fd, "pool.resume", "{}");
	world_run(&w.world, 10000);
	ck_assert(w.world.cloud.runs == 1);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

static const char *const of_a_worker[] = {"worker.console", "worker.hold",
	"worker.release", "worker.abandon"};

START_TEST(test_unknown)
{
	static const char x[] = "{\"worker\":\"x\"}",
			  launch[] = "{\"worker\":\"x\",\"launch\":\"y\"}";
	const char *method = of_a_worker[_i];
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	ck_assert_int_eq(rpc_world_code(&w, fd, method,
				 strcmp(method, "worker.abandon") == 0 ? launch : x,
				 "no worker 'x'"),
		-32001);
	ck_assert_int_eq(rpc_world_code(&w, fd, method, "{}", "worker"), -32602);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

START_TEST(test_log_level)
{
	AUTO(json) json_t *before = NULL;
	AUTO(json) json_t *after = NULL;
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	before = rpc_world_result(&w, fd, "daemon.log_level", "{}");
	ck_assert_str_eq(text_of(before, "level"), "error");
	log_set_fd(-1);
	after = rpc_world_result(&w, fd, "daemon.log_level", "{\"level\":\"debug\"}");
	ck_assert_str_eq(text_of(after, "level"), "debug");
	ck_assert_int_eq(log_get_level(), LOG_LEVEL_DEBUG);
	ck_assert_int_eq(rpc_world_code(&w, fd, "daemon.log_level",
				 "{\"level\":\"loud\"}", "level"),
		-32602);
	ck_assert_int_eq(log_get_level(), LOG_LEVEL_DEBUG);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* Same wish, same worker: who asks for a stop that is under way waits for its end too. */
START_TEST(test_second_stop_joins)
{
	static const char down[] =
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"worker.insubstantiate\","
		"\"params\":{\"worker\":\"a\",\"wait\":\"stopped\"}}\n";
	struct rpc_world w;
	char *line;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	world_ready(&w.world, "a");
	w.world.cloud.faults.never_sent = 1000;
	world_down(&w.world, "a");
	client_send(&w.server, fd, down, strlen(down));
	ck_assert_ptr_null(client_line(&w.server, fd));
	ck_assert_uint_eq(rpc_pending_count(w.server.rpc), 1);
	w.world.cloud.faults.never_sent = 0;
	world_run(&w.world, 120000);
	line = client_line(&w.server, fd);
	ck_assert_msg(line != NULL && strstr(line, "\"result\"") != NULL, "%s", line);
	free(line);
	json_decref(rpc_world_result(&w, fd, "worker.insubstantiate",
		"{\"worker\":\"a\",\"wait\":\"stopped\"}"));
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("machine_rpc");
	TCase *tc = tcase_create("machine_rpc");

	tcase_add_test(tc, test_second_stop_joins);
	tcase_add_test(tc, test_console);
	tcase_add_test(tc, test_console_left);
	tcase_add_test(tc, test_hold);
	tcase_add_test(tc, test_abandon);
	tcase_add_test(tc, test_abandon_of_another);
	tcase_add_test(tc, test_pause);
	tcase_add_loop_test(tc, test_unknown, 0, COUNT_OF(of_a_worker));
	tcase_add_test(tc, test_log_level);
	suite_add_tcase(suite, tc);
	return suite;
}
