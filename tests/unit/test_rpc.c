/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dispatcher: what goes in as a line and what comes out, the specification's own
 * examples among it, with methods that the examples need.
 */
#include "rpc_server.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "rpc/json.h"
#include "sys/loop.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

#define E(code, id) "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":" #code "},\"id\":" id "}"
#define R(result, id) "{\"jsonrpc\":\"2.0\",\"result\":" result ",\"id\":" id "}"

/* reply NULL: none. Of an error only the code is compared. */
static const struct {
	const char *line, *reply;
	int number;
} lines[] = {
	/* https://www.jsonrpc.org/specification, section 7, in its order. */
	{"{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [42, 23], \"id\": 1}",
		R("19", "1"), __LINE__},
	{"{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [23, 42], \"id\": 2}",
		R("-19", "2"), __LINE__},
	{"{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": {\"subtrahend\": 23, "
	 "\"minuend\": 42}, \"id\": 3}",
		R("19", "3"), __LINE__},
	{"{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": {\"minuend\": 42, "
	 "\"subtrahend\": 23}, \"id\": 4}",
		R("19", "4"), __LINE__},
	{"{\"jsonrpc\": \"2.0\", \"method\": \"update\", \"params\": [1,2,3,4,5]}",
		NULL, __LINE__},
	{"{\"jsonrpc\": \"2.0\", \"method\": \"foobar\"}", NULL, __LINE__},
	{"{\"jsonrpc\": \"2.0\", \"method\": \"foobar\", \"id\": \"1\"}",
		E(-32601, "\"1\""), __LINE__},
	{"{\"jsonrpc\": \"2.0\", \"method\": \"foobar, \"params\": \"bar\", \"baz]",
		E(-32700, "null"), __LINE__},
	{"{\"jsonrpc\": \"2.0\", \"method\": 1, \"params\": \"bar\"}",
		E(-32600, "null"), __LINE__},
	{"[{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [1,2,4], \"id\": \"1\"},"
	 "{\"jsonrpc\": \"2.0\", \"method\"]",
		E(-32700, "null"), __LINE__},
	{"[]", E(-32600, "null"), __LINE__},
	{"[1]", "[" E(-32600, "null") "]", __LINE__},
	{"[1,2,3]",
		"[" E(-32600, "null") "," E(-32600, "null") "," E(-32600, "null") "]",
		__LINE__},
	{"[{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [1,2,4], \"id\": \"1\"},"
	 "{\"jsonrpc\": \"2.0\", \"method\": \"notify_hello\", \"params\": [7]},"
	 "{\"jsonrpc\": \"2.0\", \"method\": \"subtract\", \"params\": [42,23], \"id\": \"2\"},"
	 "{\"foo\": \"boo\"},"
	 "{\"jsonrpc\": \"2.0\", \"method\": \"foo.get\", \"params\": {\"name\": \"myself\"}, "
	 "\"id\": \"5\"},"
	 "{\"jsonrpc\": \"2.0\", \"method\": \"get_data\", \"id\": \"9\"}]",
		"[" R("7", "\"1\"") "," R("19", "\"2\"") "," E(-32600,
			"null") "," E(-32601, "\"5\"") "," R("[\"hello\",5]",
			"\"9\"") "]",
		__LINE__},
	{"[{\"jsonrpc\": \"2.0\", \"method\": \"notify_sum\", \"params\": [1,2,4]},"
	 "{\"jsonrpc\": \"2.0\", \"method\": \"notify_hello\", \"params\": [7]}]",
		NULL, __LINE__},

	/* Ids come back as they were. */
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"id\":null}",
		R("[\"hello\",5]", "null"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"id\":\"\"}",
		R("[\"hello\",5]", "\"\""), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"id\":1.5}",
		R("[\"hello\",5]", "1.5"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"id\":-9223372036854775808}",
		R("[\"hello\",5]", "-9223372036854775808"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"id\":{}}", E(-32600, "null"),
		__LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"id\":true}", E(-32600, "null"),
		__LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"id\":[1]}", E(-32600, "null"),
		__LINE__},

	/* What is no request. */
	{"", E(-32700, "null"), __LINE__},
	{"7", E(-32600, "null"), __LINE__},
	{"\"x\"", E(-32600, "null"), __LINE__},
	{"null", E(-32600, "null"), __LINE__},
	{"{}", E(-32600, "null"), __LINE__},
	{"{\"id\":7}", E(-32600, "7"), __LINE__},
	{"{\"method\":\"get_data\",\"id\":7}", E(-32600, "7"), __LINE__},
	{"{\"jsonrpc\":2.0,\"method\":\"get_data\",\"id\":7}", E(-32600, "7"),
		__LINE__},
	{"{\"jsonrpc\":\"1.0\",\"method\":\"get_data\",\"id\":7}", E(-32600, "7"),
		__LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":null,\"id\":7}", E(-32600, "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"params\":7,\"id\":7}",
		E(-32600, "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"params\":null,\"id\":7}",
		E(-32600, "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"parms\":[],\"id\":7}",
		E(-32600, "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"id\":7,\"id\":8}",
		E(-32700, "null"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"id\":1e400}",
		E(-32700, "null"), __LINE__},
	{"[[]]", "[" E(-32600, "null") "]", __LINE__},

	/* Parameters. */
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"params\":{},\"id\":7}",
		R("[\"hello\",5]", "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"params\":[],\"id\":7}",
		R("[\"hello\",5]", "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"get_data\",\"params\":[1],\"id\":7}",
		E(-32602, "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"subtract\",\"id\":7}", E(-32602, "7"),
		__LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"subtract\",\"params\":[1],\"id\":7}",
		E(-32602, "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"subtract\",\"params\":[1,2,3],\"id\":7}",
		E(-32602, "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"subtract\",\"params\":[1,\"2\"],\"id\":7}",
		E(-32602, "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"subtract\",\"params\":[1,2.5],\"id\":7}",
		E(-32602, "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"subtract\",\"params\":[1,null],\"id\":7}",
		E(-32602, "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"subtract\",\"params\":{\"minuend\":1,"
	 "\"subtrahend\":2,\"x\":3},\"id\":7}",
		E(-32602, "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"subtract\",\"params\":{\"minuend\":{},"
	 "\"subtrahend\":[]},\"id\":7}",
		E(-32602, "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"subtract\",\"params\":{\"\":1},\"id\":7}",
		E(-32602, "7"), __LINE__},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"subtract\",\"params\":[1]}", NULL,
		__LINE__},

	/* A row that names no role admits nobody, not even an admin. */
	{"{\"jsonrpc\":\"2.0\",\"method\":\"nobodys\",\"id\":7}", E(-32002, "7"),
		__LINE__},
};

/* Leaves of an error only its code. */
static void
strip(json_t *reply)
{
	json_t *error = json_object_get(reply, "error");
	json_t *part;
	size_t i;

	json_array_foreach(reply, i, part)
		strip(part);
	if (error == NULL)
		return;
	ck_assert(json_is_string(json_object_get(error, "message")));
	ck_assert(json_is_object(json_object_get(error, "data")));
	json_object_del(error, "message");
	json_object_del(error, "data");
}

START_TEST(test_lines)
{
	struct server s;
	json_t *reply, *expected = NULL;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	reply = client_call(&s, fd, lines[_i].line);
	if (lines[_i].reply != NULL) {
		AUTO(free) char *shown = json_dumps(reply, JSON_ENCODE_ANY);

		expected = json_loads(lines[_i].reply, 0, NULL);
		strip(reply);
		ck_assert_msg(json_equal(reply, expected), "line %d: %s",
			lines[_i].number, shown);
	} else {
		ck_assert_msg(reply == NULL, "line %d", lines[_i].number);
	}
	json_decref(reply);
	json_decref(expected);

	/* Whatever that was, the connection serves the next. */
	reply = client_call(&s, fd,
		"{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":0}");
	ck_assert_int_eq(json_integer_value(json_object_get(reply, "result")), 0);
	ck_assert_ptr_nonnull(json_object_get(reply, "result"));
	json_decref(reply);
	close(fd);
	server_close(&s);
}
END_TEST

static const struct {
	const char *method, *params, *message;
} messages[] = {
	{"subtrct", "[]", "there is no method 'subtrct'; did you mean 'subtract'?"},
	{"q", "[]", "there is no method 'q'"},
	{"subtract", "{\"minuend\":1}", "subtrahend: required"},
	{"subtract", "{\"minuend\":1,\"subtrahent\":1}",
		"subtrahent: unknown key; did you mean 'subtrahend'?"},
	{"subtract", "[1,true]", "subtrahend: expected a whole number, got a boolean"},
	{"subtract", "[1,2,3]", "too many parameters: 3 given, at most 2 known"},
	{"nobodys", "[]", "nobodys is for the role nobody, and this user has admin"},
};

START_TEST(test_messages)
{
	AUTO(free)
	char *line = xasprintf(
		"{\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":%s,\"id\":1}",
		messages[_i].method, messages[_i].params);
	struct server s;
	json_t *reply;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	reply = client_call(&s, fd, line);
	ck_assert_str_eq(json_string_value(
				 json_object_get(json_object_get(reply, "error"),
					 "message")),
		messages[_i].message);
	json_decref(reply);
	close(fd);
	server_close(&s);
}
END_TEST

/* All of an error, with what AWS said in clean text, and a method's own members. */
START_TEST(test_error_object)
{
	struct server s;
	json_t *reply, *expected;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	reply = client_call(&s, fd,
		"{\"jsonrpc\":\"2.0\",\"method\":\"fail\",\"params\":{\"worker\":\"bot1\"},"
		"\"id\":1}");
	expected = json_pack(
		"{s:s,s:{s:i,s:s,s:{s:s,s:s,s:s,s:b,s:{s:s,s:s,s:s},s:i}},s:i}",
		"jsonrpc", "2.0", "error", "code", -32004, "message",
		"no m5.large is left", "data", "kind", "failed", "worker", "bot1",
		"reason", "capacity", "retryable", 1, "aws", "code",
		"InsufficientInstanceCapacity", "message",
		"We have none\x01\xef\xbf\xbd.", "request_id", "req-1", "more", 7, "id",
		1);
	ck_assert_ptr_nonnull(expected);
	ck_assert(json_equal(reply, expected));
	json_decref(reply);
	json_decref(expected);
	close(fd);
	server_close(&s);
}
END_TEST

/* Whatever a method fails with has its row's number and word on the wire. */
START_TEST(test_every_error)
{
	struct server s;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
		const struct rpc_error *row = &rpc_errors[code];
		struct err err;
		AUTO(free) char *line = NULL;
		json_t *reply;

		ck_assert_ptr_null(client_call(&s, fd,
			"{\"jsonrpc\":\"2.0\",\"method\":\"wait\",\"id\":1}"));
		err_set(&err, (enum err_code)code, "said so");
		server_finish(&s, &err);
		line = client_line(&s, fd);
		reply = json_loads(line, 0, NULL);
		ck_assert_int_eq(reply_code(reply), row->code);
		ck_assert_str_eq(json_string_value(json_object_get(
					 json_object_get(json_object_get(reply,
								 "error"),
						 "data"),
					 "kind")),
			row->kind);
		json_decref(reply);
	}
	close(fd);
	server_close(&s);
}
END_TEST

START_TEST(test_notifications_are_done)
{
	const char *line =
		"{\"jsonrpc\":\"2.0\",\"method\":\"update\",\"params\":[1]}\n";
	struct server s;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	client_send(&s, fd, line, strlen(line));
	client_send(&s, fd, line, strlen(line));
	ck_assert_uint_eq(s.served.notified, 2);
	ck_assert_ptr_null(client_line(&s, fd));
	close(fd);
	server_close(&s);
}
END_TEST

/* Several lines in one packet, one line in many. */
START_TEST(test_pipelining)
{
	AUTO(buf) struct buf text = {0};
	struct server s;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	for (int i = 0; i < 100; i++)
		buf_printf(&text,
			"{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"params\":[%d],\"id\":%d}\n",
			i, i);
	client_send(&s, fd, text.data, text.len / 2);
	for (size_t i = text.len / 2; i < text.len; i++)
		client_send(&s, fd, text.data + i, 1);
	for (int i = 0; i < 100; i++) {
		AUTO(free) char *line = client_line(&s, fd);
		AUTO(json) json_t *reply = json_loads(line, 0, NULL);

		ck_assert_int_eq(json_integer_value(json_object_get(reply, "id")), i);
		ck_assert_int_eq(json_integer_value(json_object_get(reply, "result")),
			i);
	}
	ck_assert_ptr_null(client_line(&s, fd));
	close(fd);
	server_close(&s);
}
END_TEST

#define WAIT(id) "{\"jsonrpc\":\"2.0\",\"method\":\"wait\",\"id\":" id "}"
#define SUM(id) "{\"jsonrpc\":\"2.0\",\"method\":\"sum\",\"id\":" id "}"

static void
expect_reply(struct server *s, int fd, const char *text)
{
	AUTO(free) char *line = client_line(s, fd);
	AUTO(json) json_t *reply = NULL, *expected = json_loads(text, 0, NULL);

	ck_assert_msg(line != NULL, "no reply, but expected %s", text);
	reply = json_loads(line, 0, NULL);
	strip(reply);
	ck_assert_msg(json_equal(reply, expected), "%s", line);
}

/* A call that waits holds up none behind it, and replies come when they are there. */
START_TEST(test_waiting)
{
	struct server s;
	struct err err;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	json_decref(client_call(&s, fd, WAIT("1") "\n" WAIT("2") "\n" SUM("3")));
	ck_assert_uint_eq(s.served.waiting_count, 2);
	ck_assert_uint_eq(rpc_pending_count(s.rpc), 2);
	err_set(&err, ERR_CANCELLED, "cancelled");
	server_finish(&s, &err);
	expect_reply(&s, fd, E(-32005, "1"));
	server_finish(&s, NULL);
	expect_reply(&s, fd, R("{}", "2"));
	ck_assert_uint_eq(rpc_pending_count(s.rpc), 0);
	ck_assert_uint_eq(s.served.gone, 0);
	close(fd);
	server_close(&s);
}
END_TEST

static int
commit_as(void *arg)
{
	const int *result = arg;

	return *result;
}

#define UPDATE(id)                                                                     \
	"{\"jsonrpc\":\"2.0\",\"method\":\"update\",\"params\":[1,2,3,4,5],\"id\":" id \
	"}"

/* Without a commit no change is confirmed; who only looks is answered all the same. */
START_TEST(test_commit_that_fails)
{
	struct server s;
	int changer, reader, result = -1;

	server_open(&s, NULL);
	changer = server_connect(&s);
	reader = server_connect(&s);
	loop_set_commit(s.loop, commit_as, &result);
	ck_assert_ptr_null(client_call(&s, changer, UPDATE("1")));
	client_send(&s, reader, SUM("2") "\n", strlen(SUM("2")) + 1);
	expect_reply(&s, reader, R("0", "2"));
	client_send(&s, reader, "7\n", 2);
	expect_reply(&s, reader, E(-32600, "null"));
	/* Replies of one connection stay in their order. */
	ck_assert_ptr_null(client_call(&s, changer, SUM("3")));
	result = 0;
	loop_turn(s.loop, false);
	expect_reply(&s, changer, R("true", "1"));
	expect_reply(&s, changer, R("0", "3"));
	close(changer);
	close(reader);
	server_close(&s);
}
END_TEST

/* One array, when the last of its calls is answered. */
START_TEST(test_batch_waits_for_its_last)
{
	struct server s;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	ck_assert_ptr_null(
		client_call(&s, fd, "[" WAIT("1") "," SUM("2") "," WAIT("3") ",7]"));
	server_finish(&s, NULL);
	ck_assert_ptr_null(client_line(&s, fd));
	server_finish(&s, NULL);
	expect_reply(&s, fd,
		"[" R("0", "2") "," E(-32600, "null") "," R("{}", "1") "," R("{}",
			"3") "]");
	close(fd);
	server_close(&s);
}
END_TEST

/* Waits end with their client, in a batch or not; nothing is left behind. */
START_TEST(test_client_leaves)
{
	struct server s;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	json_decref(client_call(&s, fd,
		WAIT("1") "\n[" WAIT("2") "," SUM("3") "," WAIT("4") "]\n" SUM("5")));
	ck_assert_uint_eq(rpc_pending_count(s.rpc), 3);
	close(fd);
	server_run(&s);
	ck_assert_uint_eq(s.served.gone, 3);
	ck_assert_uint_eq(rpc_conn_count(s.rpc), 0);
	ck_assert_uint_eq(rpc_pending_count(s.rpc), 0);
	server_close(&s);
}
END_TEST

START_TEST(test_server_ends_waits)
{
	struct server s;
	int fd;

	server_open(&s, NULL);
	fd = server_connect(&s);
	ck_assert_ptr_null(
		client_call(&s, fd, WAIT("1") "\n[" WAIT("2") "," SUM("3") "]"));
	rpc_free(s.rpc);
	s.rpc = NULL;
	ck_assert_uint_eq(s.served.gone, 2);
	server_close(&s);
	close(fd);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("rpc");
	TCase *tc = tcase_create("rpc");

	tcase_add_loop_test(tc, test_lines, 0, COUNT_OF(lines));
	tcase_add_loop_test(tc, test_messages, 0, COUNT_OF(messages));
	tcase_add_test(tc, test_error_object);
	tcase_add_test(tc, test_every_error);
	tcase_add_test(tc, test_notifications_are_done);
	tcase_add_test(tc, test_pipelining);
	tcase_add_test(tc, test_waiting);
	tcase_add_test(tc, test_commit_that_fails);
	tcase_add_test(tc, test_batch_waits_for_its_last);
	tcase_add_test(tc, test_client_leaves);
	tcase_add_test(tc, test_server_ends_waits);
	suite_add_tcase(suite, tc);
	return suite;
}
