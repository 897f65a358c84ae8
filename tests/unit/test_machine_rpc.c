/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking after a machine over the socket: console, check, hold and release, abandon; and
 * pausing the whole pool.
 */
#include "base/clock.h"
#include "base/log.h"
#include "core/cloud.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/poller.h"
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

static const char fresh[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"worker.check\","
			    "\"params\":{\"worker\":\"a\",\"fresh\":true}}\n";

/* Whatever the last listing has shown; the whole reply. The caller's. */
static json_t *
check_fresh(struct rpc_world *w, int fd)
{
	AUTO(free) char *line = NULL;

	client_send(&w->server, fd, fresh, strlen(fresh));
	ck_assert_uint_eq(rpc_pending_count(w->server.rpc), 1);
	for (int n = 0; n < 3000 && line == NULL; n++) {
		world_run(&w->world, 1);
		line = client_line(&w->server, fd);
	}
	ck_assert_ptr_nonnull(line);
	return json_loads(line, 0, NULL);
}

enum behind { NOTHING, STOPPED, KILLED, FORGOTTEN, SILENT };

static const struct {
	enum behind behind; /* the daemon's back, after a listing */
	bool ok;
	const char *message; /* after the id, or after what is before it */
	enum instance_phase phase;
	int line;
} checks[] = {
	{NOTHING, true, " is running", INSTANCE_READY, __LINE__},
	{STOPPED, false, " is being terminated", INSTANCE_CONDEMNED, __LINE__},
	{KILLED, false, " is terminated", INSTANCE_GONE, __LINE__},
	{FORGOTTEN, false, "that proves nothing yet", INSTANCE_READY, __LINE__},
	{SILENT, false, NULL, INSTANCE_READY, __LINE__},
};

static void
happen(struct rpc_world *w, enum behind behind)
{
	struct fake_instance *i = world_living(&w->world, "a");

	switch (behind) {
	case NOTHING: break;
	case STOPPED: fake_cloud_kill(&w->world.cloud, i, EC2_STATE_STOPPED); break;
	case KILLED: fake_cloud_kill(&w->world.cloud, i, EC2_STATE_TERMINATED); break;
	case FORGOTTEN: i->visible_ms = INT64_MAX; break;
	case SILENT: w->world.cloud.faults.fail_read = 1000; break;
	}
}

static void
check_reply(const json_t *reply, size_t n, int64_t asked_wall)
{
	const json_t *result = json_object_get(reply, "result");
	const json_t *error = json_object_get(reply, "error");
	json_t *before = json_time(asked_wall);

	if (checks[n].message == NULL) {
		ck_assert_int_eq(reply_code(reply), -32004);
		ck_assert_str_eq(text_of(json_object_get(error, "data"), "reason"),
			"network");
	} else {
		ck_assert_msg(json_is_true(json_object_get(result, "ok")) ==
					checks[n].ok &&
				strstr(text_of(result, "message"), checks[n].message),
			"line %d: %s", checks[n].line, text_of(result, "message"));
		ck_assert_int_ge(strcmp(text_of(result, "at"),
					 json_string_value(before)),
			0);
	}
	json_decref(before);
}

/* What EC2 says is known to the pool at once, before any listing. */
START_TEST(test_check_fresh)
{
	AUTO(json) json_t *known = NULL;
	AUTO(json) json_t *reply = NULL;
	const struct instance *i;
	struct rpc_world w;
	const struct poller *poller;
	int64_t asked, listed;
	int fd;

	rpc_world_init(&w, workers, NULL);
	log_set_fd(-1);
	fd = server_connect(&w.server);
	world_ready(&w.world, "a");
	world_run(&w.world, 5000);
	i = world_worker(&w.world, "a")->launch->instance;
	happen(&w, checks[_i].behind);
	poller = i->launch->poller;
	listed = poller_listed_ms(poller);
	asked = clock_wall_ms();
	known = rpc_world_result(&w, fd, "worker.check", A);
	ck_assert(json_is_true(json_object_get(known, "ok")));
	reply = check_fresh(&w, fd);
	ck_assert_int_eq(poller_listed_ms(poller), listed);
	check_reply(reply, (size_t)_i, asked);
	if (checks[_i].phase != INSTANCE_GONE)
		ck_assert_int_eq(i->phase, checks[_i].phase);
	else
		ck_assert_ptr_null(world_living(&w.world, "a"));
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* Without an instance there is nothing to ask for: the answer is there at once. */
START_TEST(test_check_without_instance)
{
	AUTO(json) json_t *reply = NULL;
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	reply = rpc_world_result(&w, fd, "worker.check", "[\"a\",true]");
	ck_assert_str_eq(text_of(reply, "message"), "it is down");
	ck_assert_uint_eq(w.world.cloud.describes, 0);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

START_TEST(test_check_left)
{
	const struct cloud *cloud;
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	world_ready(&w.world, "a");
	cloud = world_worker(&w.world, "a")->launch->cloud;
	client_send(&w.server, fd, fresh, strlen(fresh));
	ck_assert_uint_eq(cloud->questions, 1);
	close(fd);
	world_run(&w.world, 5000);
	ck_assert_uint_eq(rpc_pending_count(w.server.rpc), 0);
	ck_assert_uint_eq(cloud->questions, 0);
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
	tcase_add_loop_test(tc, test_check_fresh, 0, COUNT_OF(checks));
	tcase_add_test(tc, test_check_without_instance);
	tcase_add_test(tc, test_check_left);
	tcase_add_test(tc, test_hold);
	tcase_add_test(tc, test_abandon);
	tcase_add_test(tc, test_abandon_of_another);
	tcase_add_test(tc, test_pause);
	tcase_add_loop_test(tc, test_unknown, 0, COUNT_OF(of_a_worker));
	tcase_add_test(tc, test_log_level);
	suite_add_tcase(suite, tc);
	return suite;
}
