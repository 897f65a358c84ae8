/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer can make the server hold or do, and who is let in: each limit at its edge,
 * and that others notice nothing.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "rpc/access.h"
#include "rpc/json.h"
#include "rpc_server.h"
#include "unit.h"

#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALL(method, id)                                                               \
	"{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"id\":" #id "}"

static void
check_served(struct server *s, int fd)
{
	AUTO(json) json_t *reply = client_call(s, fd, CALL("sum", 0));

	ck_assert_int_eq(json_integer_value(json_object_get(reply, "result")), 0);
	ck_assert_ptr_nonnull(json_object_get(reply, "result"));
}

static void
check_code(struct server *s, int fd, const char *line, int code)
{
	AUTO(json) json_t *reply = client_call(s, fd, line);

	ck_assert_msg(reply_code(reply) == code, "%d, not %d", reply_code(reply), code);
}

/* One error line without an id, then the end. */
static void
check_farewell(struct server *s, int fd, int code)
{
	AUTO(free) char *line = client_line(s, fd);
	AUTO(json) json_t *reply = line != NULL ? json_loads(line, 0, NULL) : NULL;

	ck_assert_int_eq(reply_code(reply), code);
	ck_assert(json_is_null(json_object_get(reply, "id")));
	ck_assert(client_at_eof(s, fd));
	close(fd);
}

/* A request of exactly so many bytes. */
static char *
padded(size_t len)
{
	struct buf line = {.data = NULL};

	buf_puts(&line, CALL("get_data", 1));
	while (line.len < len)
		buf_putc(&line, ' ');
	return buf_take(&line);
}

START_TEST(test_line)
{
	AUTO(free) char *good = padded(64 * 1024);
	AUTO(free) char *bad = padded(64 * 1024 + 1);
	struct server s;
	int fd, other;

	server_open(&s, NULL);
	fd = server_connect(&s);
	other = server_connect(&s);
	check_code(&s, fd, good, 0);
	client_send(&s, fd, bad, strlen(bad));
	check_farewell(&s, fd, -32009);
	check_served(&s, other);
	close(other);
	server_close(&s);
}
END_TEST

START_TEST(test_endless_line)
{
	AUTO(free) char *part = padded(64 * 1024);
	struct server s;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	for (int i = 0; i < 16; i++)
		client_send(&s, fd, part, strlen(part));
	check_farewell(&s, fd, -32009);
	server_close(&s);
}
END_TEST

/* Deep, but short of the line's limit. */
START_TEST(test_depth)
{
	AUTO(buf) struct buf line = {.data = NULL};
	struct server s;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	for (int i = 0; i < 30000; i++)
		buf_puts(&line, "[");
	for (int i = 0; i < 30000; i++)
		buf_puts(&line, "]");
	check_code(&s, fd, buf_str(&line), -32700);
	check_served(&s, fd);
	close(fd);
	server_close(&s);
}
END_TEST

static char *
batch_of(int count)
{
	struct buf line = {.data = NULL};

	for (int i = 0; i < count; i++)
		buf_printf(&line, "%s" CALL("sum", 1), i == 0 ? "[" : ",");
	buf_putc(&line, ']');
	return buf_take(&line);
}

START_TEST(test_batch)
{
	AUTO(free) char *most = batch_of(64);
	AUTO(free) char *more = batch_of(65);
	struct server s;
	json_t *reply;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	reply = client_call(&s, fd, most);
	ck_assert_uint_eq(json_array_size(reply), 64);
	json_decref(reply);
	check_code(&s, fd, more, -32600);
	check_served(&s, fd);
	close(fd);
	server_close(&s);
}
END_TEST

START_TEST(test_connections_of_a_uid)
{
	struct rpc_limits limits = rpc_limits;
	struct server s;
	int fds[3];

	limits.conns_a_uid = 3;
	server_open(&s, &limits);
	for (int i = 0; i < 3; i++)
		fds[i] = server_connect(&s);
	check_farewell(&s, server_connect(&s), -32009);
	check_served(&s, fds[2]);
	close(fds[0]);
	server_run(&s);
	fds[0] = server_connect(&s);
	check_served(&s, fds[0]);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	server_close(&s);
}
END_TEST

START_TEST(test_connections)
{
	struct rpc_limits limits = rpc_limits;
	struct server s;
	int fd;

	limits.conns = 1;
	server_open(&s, &limits);
	fd = server_connect(&s);
	for (int i = 0; i < 100; i++)
		check_farewell(&s, server_connect(&s), -32009);
	ck_assert_uint_eq(rpc_conn_count(s.rpc), 1);
	check_served(&s, fd);
	close(fd);
	server_close(&s);
}
END_TEST

/* Counted for each connection, in batches too; an answer makes room. */
START_TEST(test_pending)
{
	struct rpc_limits limits = rpc_limits;
	struct server s;
	int fd, other;

	limits.pending = 2;
	server_open(&s, &limits);
	fd = server_connect(&s);
	other = server_connect(&s);
	ck_assert_ptr_null(client_call(&s, fd, CALL("wait", 1)));
	ck_assert_ptr_null(client_call(&s, fd, "[" CALL("wait", 2) "]"));
	check_code(&s, fd, CALL("wait", 3), -32009);
	check_code(&s, fd, CALL("sum", 4), -32009);
	check_served(&s, other);
	server_finish(&s, NULL);
	free(client_line(&s, fd));
	check_served(&s, fd);
	close(fd);
	close(other);
	server_close(&s);
}
END_TEST

/* Who holds the most goes; the others are served. */
START_TEST(test_output_over_all)
{
	struct rpc_limits limits = rpc_limits;
	struct server s;
	int fds[8], other;

	limits.out_total = 2 << 20;
	limits.conns = 16;
	server_open(&s, &limits);
	other = server_connect(&s);
	for (int i = 0; i < 8; i++) {
		AUTO(free)
		char *line = xasprintf(
			"{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"params\":[%d],\"id\":1}\n",
			1000000 + i);

		fds[i] = server_connect(&s);
		client_send(&s, fds[i], line, strlen(line));
		server_run(&s);
	}
	ck_assert_uint_lt(rpc_conn_count(s.rpc), 9);
	ck_assert_uint_gt(rpc_conn_count(s.rpc), 2);
	check_served(&s, other);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	close(other);
	server_close(&s);
}
END_TEST

/* One line cannot make more than the limit: its later calls are refused. */
START_TEST(test_output_of_a_batch)
{
	AUTO(buf) struct buf line = {.data = NULL};
	AUTO(json) json_t *reply = NULL;
	struct rpc_limits limits = rpc_limits;
	size_t good = 0, refused = 0;
	struct server s;
	json_t *part;
	size_t i;
	int fd;

	limits.out_total = 1 << 20;
	server_open(&s, &limits);
	fd = server_connect(&s);
	for (int n = 0; n < 10; n++)
		buf_printf(&line,
			"%s{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"params\":[200000],\"id\":1}",
			n == 0 ? "[" : ",");
	buf_putc(&line, ']');
	reply = client_call(&s, fd, buf_str(&line));
	json_array_foreach(reply, i, part) {
		good += json_object_get(part, "result") != NULL;
		refused += reply_code(part) == -32009;
	}
	ck_assert_uint_eq(good, 5);
	ck_assert_uint_eq(refused, 5);
	check_served(&s, fd);
	close(fd);
	server_close(&s);
}
END_TEST

/* A reply may be as large as it is: a client that reads gets all of it. */
START_TEST(test_large_reply)
{
	struct server s;
	json_t *reply;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	reply = client_call(&s, fd,
		"{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"params\":[3000000],\"id\":1}");
	ck_assert_uint_eq(json_string_length(json_object_get(reply, "result")),
		3000000);
	json_decref(reply);
	close(fd);
	server_close(&s);
}
END_TEST

START_TEST(test_unread)
{
	const char *line =
		"{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"params\":[3000000],\"id\":1}\n";
	struct server s;
	int fd, other;

	clock_fake(1000, 1000000);
	server_open(&s, NULL);
	fd = server_connect(&s);
	other = server_connect(&s);
	client_send(&s, fd, line, strlen(line));
	server_run(&s);
	clock_fake_advance(29000);
	server_run(&s);
	ck_assert_uint_eq(rpc_conn_count(s.rpc), 2);
	clock_fake_advance(2000);
	server_run(&s);
	ck_assert_uint_eq(rpc_conn_count(s.rpc), 1);
	check_served(&s, other);
	close(fd);
	close(other);
	server_close(&s);
}
END_TEST

START_TEST(test_slow_line)
{
	struct server s;
	int fd, idle, waiting;

	clock_fake(1000, 1000000);
	server_open(&s, NULL);
	fd = server_connect(&s);
	idle = server_connect(&s);
	waiting = server_connect(&s);
	ck_assert_ptr_null(client_call(&s, waiting, CALL("wait", 1)));
	for (int i = 0; i < 9; i++) {
		client_send(&s, fd, "{", 1);
		clock_fake_advance(1000);
		server_run(&s);
	}
	ck_assert_uint_eq(rpc_conn_count(s.rpc), 3);
	clock_fake_advance(2000);
	ck_assert(client_at_eof(&s, fd));

	/* Who has nothing to say may stay, and so may who waits. */
	clock_fake_advance(3600 * 1000);
	check_served(&s, idle);
	server_finish(&s, NULL);
	free(client_line(&s, waiting));
	check_served(&s, waiting);
	close(fd);
	close(idle);
	close(waiting);
	server_close(&s);
}
END_TEST

START_TEST(test_half_closed)
{
	struct server s;
	char *line;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	client_send(&s, fd, CALL("wait", 1) "\n" CALL("sum", 2),
		2 * strlen(CALL("sum", 1)) + 2);
	shutdown(fd, SHUT_WR);
	line = client_line(&s, fd);
	ck_assert_ptr_nonnull(line);
	free(line);
	ck_assert_uint_eq(rpc_conn_count(s.rpc), 1);
	server_finish(&s, NULL);
	line = client_line(&s, fd);
	ck_assert_ptr_nonnull(line);
	free(line);
	ck_assert(client_at_eof(&s, fd));
	ck_assert_uint_eq(rpc_conn_count(s.rpc), 0);
	close(fd);
	server_close(&s);
}
END_TEST

/* Somebody who is neither root nor the server's user. */
static uid_t
somebody(void)
{
	return geteuid() == 0 ? 1 : geteuid();
}

static struct access *
access_for(enum rpc_role role)
{
	char *names[] = {xstrdup(getpwuid(somebody())->pw_name)};
	struct strings one = {.items = names, .count = 1};
	struct conf_access conf = {.admin = {.items = NULL}};
	struct access *access;

	if (role == RPC_ADMIN)
		conf.admin = one;
	else if (role == RPC_OPERATE)
		conf.operate = one;
	else if (role == RPC_OBSERVE)
		conf.observe = one;
	access = access_new(&conf, somebody() + 1);
	access_set_partial(access, false);
	free(names[0]);
	return access;
}

static const struct {
	enum rpc_role role;
	int observe, operate, admin; /* code of the reply */
} roles[] = {
	{RPC_OBSERVE, 0, -32002, -32002},
	{RPC_OPERATE, 0, 0, -32002},
	{RPC_ADMIN, 0, 0, 0},
};

START_TEST(test_roles)
{
	struct server s;
	int fd;

	server_open_for(&s, NULL, access_for(roles[_i].role));
	fd = server_connect_as(&s, somebody());
	check_code(&s, fd, CALL("get_data", 1), roles[_i].observe);
	check_code(&s, fd, CALL("update", 1), roles[_i].operate);
	check_code(&s, fd, CALL("notify_sum", 1), roles[_i].admin);
	check_code(&s, fd, CALL("nobodys", 1), -32002);
	close(fd);
	server_close(&s);
}
END_TEST

/* Notifications are no way around a role. */
START_TEST(test_role_of_notification)
{
	const char *line = "{\"jsonrpc\":\"2.0\",\"method\":\"update\"}";
	struct server s;
	int fd;

	server_open_for(&s, NULL, access_for(RPC_OBSERVE));
	fd = server_connect_as(&s, somebody());
	ck_assert_ptr_null(client_call(&s, fd, line));
	ck_assert_uint_eq(s.served.notified, 0);
	close(fd);
	server_close(&s);
}
END_TEST

START_TEST(test_no_role)
{
	struct server s;

	server_open_for(&s, NULL, access_for(RPC_NOBODY));
	check_farewell(&s, server_connect_as(&s, somebody()), -32002);
	ck_assert_uint_eq(rpc_conn_count(s.rpc), 0);
	server_close(&s);
}
END_TEST

/* A reload counts for connections that are open. */
START_TEST(test_roles_change)
{
	struct server s;
	int fd;

	server_open_for(&s, NULL, access_for(RPC_OPERATE));
	fd = server_connect_as(&s, somebody());
	check_code(&s, fd, CALL("update", 1), 0);
	rpc_set_access(s.rpc, access_for(RPC_OBSERVE));
	check_code(&s, fd, CALL("update", 1), -32002);
	rpc_set_access(s.rpc, access_for(RPC_ADMIN));
	check_code(&s, fd, CALL("notify_sum", 1), 0);
	ck_assert_ptr_null(client_call(&s, fd, CALL("wait", 1)));
	rpc_set_access(s.rpc, access_for(RPC_NOBODY));
	check_farewell(&s, fd, -32002);
	server_run(&s);
	ck_assert_uint_eq(s.served.gone, 1);
	server_close(&s);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("rpc_limits");
	TCase *tc = tcase_create("rpc_limits");

	tcase_add_test(tc, test_line);
	tcase_add_test(tc, test_endless_line);
	tcase_add_test(tc, test_depth);
	tcase_add_test(tc, test_batch);
	tcase_add_test(tc, test_connections_of_a_uid);
	tcase_add_test(tc, test_connections);
	tcase_add_test(tc, test_pending);
	tcase_add_test(tc, test_output_over_all);
	tcase_add_test(tc, test_output_of_a_batch);
	tcase_add_test(tc, test_large_reply);
	tcase_add_test(tc, test_unread);
	tcase_add_test(tc, test_slow_line);
	tcase_add_test(tc, test_half_closed);
	tcase_add_loop_test(tc, test_roles, 0, COUNT_OF(roles));
	tcase_add_test(tc, test_role_of_notification);
	tcase_add_test(tc, test_no_role);
	tcase_add_test(tc, test_roles_change);
	suite_add_tcase(suite, tc);
	return suite;
}
