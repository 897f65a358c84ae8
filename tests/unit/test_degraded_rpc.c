/* SPDX-License-Identifier: Apache-2.0 */
/* The socket while the disk is full: reads are answered, changes refused, and none half done. */
#include "base/field.h"
#include "base/mem.h"
#include "core/launch.h"
#include "core/pool.h"
#include "core/worker.h"
#include "core/worker_view.h"
#include "rpc/json.h"
#include "rpc/spec.h"
#include "rpc_world.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

static const char workers[] = "  a: { password: x, missing_timeout: 5m }\n"
			      "  b: { password: x, missing_timeout: 5m }\n";

#define A "{\"worker\":\"a\"}"
#define CALL(method, params)                                                           \
	"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"" method "\",\"params\":" params "}"

/* The commit of the turn that found the disk full is over. */
static void
fill_disk(struct rpc_world *w)
{
	w->world.disk_full = true;
	world_turn(&w->world);
}

START_TEST(test_reads_are_answered)
{
	static const struct {
		const char *method, *params;
	} reads[] = {
		{"worker.list", "{}"},
		{"worker.show", A},
		{"worker.history", A},
		{"worker.check", A},
		{"worker.password", A},
	};
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	world_ready(&w.world, "a");
	fill_disk(&w);
	json_decref(rpc_world_result(&w, fd, reads[_i].method, reads[_i].params));
	json_decref(client_call(&w.server, fd, "no JSON"));
	ck_assert_int_eq(rpc_world_code(&w, fd, "worker.show", "{\"worker\":\"x\"}",
				 NULL),
		-32001);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

START_TEST(test_changes_are_refused)
{
	static const struct {
		const char *method, *params;
	} writes[] = {
		{"worker.substantiate", "{\"worker\":\"b\"}"},
		{"worker.substantiate", "{\"worker\":\"b\",\"wait\":\"attached\"}"},
		{"worker.insubstantiate", A},
		{"worker.attached", A},
		{"worker.detached", A},
		{"worker.build_started", A},
		{"worker.build_finished", A},
	};
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	world_ready(&w.world, "a");
	fill_disk(&w);
	ck_assert_int_eq(rpc_world_code(&w, fd, writes[_i].method, writes[_i].params,
				 "cannot be written"),
		-32007);
	ck_assert_int_eq(worker_state(world_worker(&w.world, "a")),
		WORKER_SUBSTANTIATED);
	ck_assert(world_worker(&w.world, "a")->building == 0);
	ck_assert(!worker_is_wanted(world_worker(&w.world, "b")));
	w.world.disk_full = false;
	world_run(&w.world, 2000);
	if (strstr(writes[_i].params, "wait") == NULL)
		json_decref(
			rpc_world_result(&w, fd, writes[_i].method, writes[_i].params));
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* What was accepted as the disk became full is answered when it is on it, and not before. */
START_TEST(test_held_until_on_disk)
{
	struct rpc_world w;
	char *line;
	int fd, other;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	w.world.disk_full = true;
	line = xasprintf("%s\n", CALL("worker.substantiate", A));
	client_send(&w.server, fd, line, strlen(line));
	free(line);
	ck_assert_ptr_null(client_line(&w.server, fd));
	world_run(&w.world, 60000);
	ck_assert_ptr_null(client_line(&w.server, fd));
	ck_assert(w.world.cloud.runs == 0);
	other = server_connect(&w.server);
	json_decref(rpc_world_result(&w, other, "worker.list", "{}"));
	close(other);
	w.world.disk_full = false;
	world_run(&w.world, 2000);
	line = client_line(&w.server, fd);
	ck_assert_msg(line != NULL && strstr(line, "\"id\":7") != NULL, "%s", line);
	free(line);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* A batch is one message: it leaves when the last of its replies may. */
START_TEST(test_batch)
{
	static const char reads[] = "[" CALL("worker.list",
		"{}") "," CALL("worker.attached", A) "]";
	struct rpc_world w;
	json_t *reply;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	fill_disk(&w);
	reply = client_call(&w.server, fd, reads);
	ck_assert_uint_eq(json_array_size(reply), 2);
	ck_assert_int_eq(reply_code(json_array_get(reply, 1)), -32007);
	json_decref(reply);
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* By the rows: whatever comes later is refused as well. */
START_TEST(test_every_change_is_refused)
{
	static const char *const values[][2] = {{"worker", "a"}, {"launch", "x"},
		{"owner", "o"}};
	struct rpc_world w;
	int fd;

	rpc_world_init(&w, workers, NULL);
	fd = server_connect(&w.server);
	fill_disk(&w);
	for (size_t i = 0; i < RPC_METHOD_COUNT; i++) {
		json_t *params = json_object();
		AUTO(free) char *text = NULL;

		for (size_t j = 0; j < COUNT_OF(values); j++)
			if (field_find(rpc_specs[i].params, values[j][0]) != NULL)
				(void)json_object_set_new(params, values[j][0],
					json_string(values[j][1]));
		text = json_dumps(params, 0);
		json_decref(params);
		if (rpc_specs[i].writes)
			ck_assert_int_eq(rpc_world_code(&w, fd, rpc_specs[i].name, text,
						 "cannot be written"),
				-32007);
	}
	close(fd);
	rpc_world_fini(&w);
}
END_TEST

/* What only looks is not refused, and who changes something must say so in its row. */
START_TEST(test_rows)
{
	for (size_t i = 0; i < RPC_METHOD_COUNT; i++)
		ck_assert_msg(!rpc_specs[i].writes || rpc_specs[i].role != RPC_OBSERVE,
			"%s", rpc_specs[i].name);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("degraded_rpc");
	TCase *t = tcase_create("degraded_rpc");

	tcase_add_loop_test(t, test_reads_are_answered, 0, 5);
	tcase_add_loop_test(t, test_changes_are_refused, 0, 7);
	tcase_add_test(t, test_every_change_is_refused);
	tcase_add_test(t, test_held_until_on_disk);
	tcase_add_test(t, test_batch);
	tcase_add_test(t, test_rows);
	suite_add_tcase(s, t);
	return s;
}
