/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a turn of the loop serves: calls that take long, in batches and on many connections,
 * do not hold up others, and come in their order all the same.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "rpc/access.h"
#include "rpc/json.h"
#include "rpc_server.h"
#include "sys/loop.h"
#include "unit.h"

#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALL(method, id)                                                               \
	"{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"id\":" #id "}"
#define NOTIFICATION(method) "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\"}"
/* 10 ms are served, what is begun is finished: 4, 8, 12; of one batch a millisecond. */
#define A_TURN 3u

static struct server server;

static void
setup(void)
{
	clock_fake(1000, 1000000);
	server_open(&server, NULL);
}

static void
teardown(void)
{
	server_close(&server);
	clock_real();
}

/* Without a turn. */
static void
send_text(int fd, const char *text, size_t len)
{
	ck_assert_int_eq(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void
send_batch(int fd, const char *call, size_t count)
{
	struct buf line = {.data = NULL};

	for (size_t i = 0; i < count; i++)
		buf_printf(&line, "%s%s", i == 0 ? "[" : ",", call);
	buf_puts(&line, "]\n");
	send_text(fd, line.data, line.len);
	buf_fini(&line);
}

static void
send_line(int fd, const char *text)
{
	send_text(fd, text, strlen(text));
	send_text(fd, "\n", 1);
}

/* One turn, in which so many slow calls are served at most. */
static void
turn(void)
{
	size_t before = server.served.slow;

	loop_turn(server.loop, false);
	ck_assert_uint_le(server.served.slow - before, A_TURN);
}

/* Turns until so many slow calls have been served. */
static void
turn_until(size_t slow)
{
	for (int i = 0; i < 1000 && server.served.slow < slow; i++)
		turn();
	ck_assert_uint_eq(server.served.slow, slow);
}

START_TEST(test_batch_over_turns)
{
	int fd = server_connect(&server), other = server_connect(&server);
	AUTO(json) json_t *batch = NULL, *after = NULL;
	AUTO(free) char *line = NULL;
	char text[256] = "";

	send_batch(fd, CALL("slow", 1), 10);
	send_line(fd, CALL("get_data", 2));
	turn_until(1);
	/* Somebody else is served meanwhile, the same client in its order. */
	send_line(other, CALL("sum", 3));
	turn();
	turn();
	ck_assert_uint_lt(server.served.slow, 10);
	ck_assert_int_gt(recv(other, text, sizeof(text), MSG_DONTWAIT), 0);
	ck_assert_ptr_nonnull(strstr(text, "\"result\":0"));
	turn_until(10);
	line = client_line(&server, fd);
	batch = json_loads(line, 0, NULL);
	ck_assert_uint_eq(json_array_size(batch), 10);
	for (size_t i = 0; i < 10; i++)
		ck_assert_int_eq(json_integer_value(
					 json_object_get(json_array_get(batch, i),
						 "result")),
			(json_int_t)i + 1);
	free(line);
	line = client_line(&server, fd);
	after = json_loads(line, 0, NULL);
	ck_assert_int_eq(json_integer_value(json_object_get(after, "id")), 2);
	close(fd);
	close(other);
}
END_TEST

/* Notifications, of which nothing comes but that they were served. */
START_TEST(test_batch_without_replies)
{
	int fd = server_connect(&server);

	send_batch(fd, NOTIFICATION("slow"), 8);
	turn_until(8);
	ck_assert_ptr_null(client_line(&server, fd));
	send_line(fd, CALL("sum", 1));
	server_run(&server);
	free(client_line(&server, fd));
	close(fd);
}
END_TEST

/* The batch is the last that it sends: it is answered all the same. */
START_TEST(test_half_closed)
{
	int fd = server_connect(&server);
	AUTO(json) json_t *batch = NULL;
	AUTO(free) char *line = NULL;

	send_batch(fd, CALL("slow", 1), 7);
	shutdown(fd, SHUT_WR);
	turn_until(7);
	line = client_line(&server, fd);
	batch = json_loads(line, 0, NULL);
	ck_assert_uint_eq(json_array_size(batch), 7);
	ck_assert(client_at_eof(&server, fd));
	close(fd);
}
END_TEST

/* What is not begun is not done, and nothing is left. */
START_TEST(test_client_leaves_within_a_batch)
{
	int fd = server_connect(&server);

	send_batch(fd, CALL("slow", 1), 60);
	turn_until(1);
	close(fd);
	for (int i = 0; i < 100; i++)
		turn();
	ck_assert_uint_eq(rpc_conn_count(server.rpc), 0);
}
END_TEST

START_TEST(test_server_ends_within_a_batch)
{
	int fd = server_connect(&server);

	send_batch(fd, CALL("slow", 1), 60);
	turn_until(1);
	close(fd);
}
END_TEST

/* Who has lost his role meanwhile is told so, and the rest of his batch is not served. */
START_TEST(test_role_is_lost_within_a_batch)
{
	/* Somebody who is neither root nor the server's user. */
	uid_t uid = geteuid() == 0 ? 1 : geteuid();
	char *names[] = {getpwuid(uid)->pw_name};
	const struct conf_access nobody = {.admin = {.items = NULL}};
	const struct conf_access some = {.operate = {.items = names, .count = 1}};
	struct access *none;
	int fd;

	server_close(&server);
	server_open_for(&server, NULL, access_new(&some, uid + 1));
	none = access_new(&nobody, uid + 1);
	access_set_partial(none, false);
	fd = server_connect_as(&server, uid);
	send_batch(fd, CALL("slow", 1), 60);
	turn_until(1);
	rpc_set_access(server.rpc, none);
	for (int i = 0; i < 100; i++)
		turn();
	ck_assert_uint_eq(server.served.slow, 1);
	close(fd);
}
END_TEST

/* The time is that of all connections together, and all of them get on. */
START_TEST(test_many_connections)
{
	int fds[20];

	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		fds[i] = server_connect(&server);
		send_line(fds[i], CALL("slow", 1));
		send_line(fds[i], CALL("slow", 2));
	}
	turn_until(2 * COUNT_OF(fds));
	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		free(client_line(&server, fds[i]));
		free(client_line(&server, fds[i]));
		close(fds[i]);
	}
}
END_TEST

/* Eight batches, and a ninth client with a short question: it is his turn very soon. */
START_TEST(test_nobody_starves)
{
	int fds[8], other = server_connect(&server);
	char text[256] = "";

	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		fds[i] = server_connect(&server);
		send_batch(fds[i], CALL("slow", 1), 60);
	}
	for (int i = 0; i < 10; i++)
		turn();
	send_line(other, CALL("sum", 1));
	for (int i = 0; i < 5; i++)
		turn();
	ck_assert_int_gt(recv(other, text, sizeof(text), MSG_DONTWAIT), 0);
	turn_until(8 * 60);
	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		free(client_line(&server, fds[i]));
		close(fds[i]);
	}
	close(other);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("pace");
	TCase *tc = tcase_create("pace");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_batch_over_turns);
	tcase_add_test(tc, test_batch_without_replies);
	tcase_add_test(tc, test_half_closed);
	tcase_add_test(tc, test_client_leaves_within_a_batch);
	tcase_add_test(tc, test_server_ends_within_a_batch);
	tcase_add_test(tc, test_role_is_lost_within_a_batch);
	tcase_add_test(tc, test_many_connections);
	tcase_add_test(tc, test_nobody_starves);
	suite_add_tcase(suite, tc);
	return suite;
}
