/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client is a plain socket on the same thread: it says what it likes, and the loop is
 * turned until the answer is there.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/httpd.h"
#include "sys/loop.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BODY_MAX 1000

static struct loop *loop;
static struct httpd *httpd;

/* What the handler does, and what it saw. */
static struct {
	enum { ANSWER, LATER, CUT, CUT_ALL, DROP, RESET } mode;
	struct buf seen;
	struct httpd_request *later;
	int count;
} server;

static void
answer(struct httpd_request *r)
{
	size_t len;
	const char *body = httpd_body(r, &len);

	switch (server.mode) {
	case ANSWER:
	case LATER:
		httpd_add_header(r, "x-request", "42");
		httpd_add_header(r, "x-bad", "a\r\nb: c");
		httpd_reply(r, 201, "text/x-echo", body, len);
		break;
	case CUT:
		httpd_add_header(r, "x-request", "43");
		httpd_reply_cut(r, 200, "text/xml", "0123456789", 5, 10);
		break;
	case CUT_ALL: httpd_reply_cut(r, 200, "text/xml", "", 0, 10); break;
	case DROP: httpd_drop(r); break;
	case RESET: httpd_reset(r); break;
	}
}

static void
on_request(void *arg, struct httpd_request *r)
{
	size_t len;
	const char *body = httpd_body(r, &len), *host = httpd_header(r, "hOST");

	ck_assert_ptr_eq(arg, &server);
	ck_assert_ptr_null(httpd_header(r, "no-such"));
	server.count++;
	if (server.count < 100)
		buf_printf(&server.seen, "%s %s %s %.*s;", httpd_method(r),
			httpd_target(r), host == NULL ? "-" : host, (int)len, body);
	if (server.mode == LATER)
		server.later = r;
	else
		answer(r);
}

static void
setup(void)
{
	struct err err;

	loop = loop_new(&err);
	ck_assert_ptr_nonnull(loop);
	memset(&server, 0, sizeof(server));
	httpd = httpd_new(loop, "127.0.0.1:0", BODY_MAX, on_request, &server, &err);
	ck_assert_msg(httpd != NULL, "%s", err.text);
	ck_assert_uint_ne(httpd_port(httpd), 0);
}

static void
teardown(void)
{
	httpd_free(httpd);
	loop_free(loop);
	buf_fini(&server.seen);
}

static int
connect_to_us(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sin.sin_port = htons(httpd_port(httpd));
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void
say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
		(ssize_t)strlen(text));
}

/* Reads until `until` has come, or the end. True at the end of the connection. */
static bool
hear(int fd, struct buf *heard, const char *until)
{
	char bytes[4096];

	while (until == NULL || strstr(buf_str(heard), until) == NULL) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

		if (n > 0)
			buf_add(heard, bytes, (size_t)n);
		else if (n == 0 || errno != EAGAIN)
			return true;
		else
			loop_turn(loop, false);
	}
	return false;
}

static void
turn_until(const int *count, int wanted)
{
	while (*count < wanted)
		loop_turn(loop, true);
}

#define POST_3 "POST /?Action=X HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"

START_TEST(test_request_and_reply)
{
	struct buf heard = {0};
	int fd = connect_to_us();

	/* In two pieces, and kept alive for a second request. */
	say(fd, "POST /?Action=X HTTP/1.1\r\nHo");
	for (int i = 0; i < 3; i++)
		loop_turn(loop, false);
	ck_assert_int_eq(server.count, 0);
	say(fd, "st: a\r\nContent-Length: 3\r\n\r\nabc");
	ck_assert(!hear(fd, &heard, "\r\n\r\nabc"));
	ck_assert_ptr_nonnull(strstr(buf_str(&heard), "HTTP/1.1 201 "));
	ck_assert_ptr_nonnull(
		strstr(buf_str(&heard), "\r\nContent-Type: text/x-echo\r\n"));
	ck_assert_ptr_nonnull(strstr(buf_str(&heard), "\r\nContent-Length: 3\r\n"));
	ck_assert_ptr_nonnull(strstr(buf_str(&heard), "\r\nx-request: 42\r\n"));
	ck_assert_ptr_null(strstr(buf_str(&heard), "b: c"));
	buf_clear(&heard);
	say(fd, "GET /metrics HTTP/1.1\r\n\r\n");
	ck_assert(!hear(fd, &heard, "\r\n\r\n"));
	ck_assert_str_eq(buf_str(&server.seen),
		"POST /?Action=X a abc;GET /metrics - ;");
	close(fd);
	buf_fini(&heard);
}
END_TEST

static const struct {
	const char *request;
	const char *seen;   /* by the handler */
	const char *answer; /* how the reply begins */
	int line;
} requests_rows[] = {
	{"HEAD /h HTTP/1.1\r\n\r\n", "HEAD /h - ;", "HTTP/1.1 201 ", __LINE__},
	{"PUT /t HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "PUT /t - ;", "HTTP/1.1 201 ",
		__LINE__},
	{"DELETE /d HTTP/1.1\r\n\r\n", "DELETE /d - ;", "HTTP/1.1 201 ", __LINE__},
	{"GET / HTTP/1.0\r\n\r\n", "GET / - ;", "HTTP/1.0 201 ", __LINE__},
	{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n"
	 "\r\n",
		"POST / - abc;", "HTTP/1.1 201 ", __LINE__},
	{"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\nx", "", "HTTP/1.1 413 ",
		__LINE__},
	{"TRACE / HTTP/1.1\r\n\r\n", "", "HTTP/1.1 ", __LINE__},
};

START_TEST(test_requests)
{
	struct buf heard = {0};
	int fd = connect_to_us();

	say(fd, requests_rows[_i].request);
	hear(fd, &heard, "\r\n\r\n");
	ck_assert_msg(strncmp(buf_str(&heard), requests_rows[_i].answer,
			      strlen(requests_rows[_i].answer)) == 0 &&
			strcmp(buf_str(&server.seen), requests_rows[_i].seen) == 0,
		"line %d: %s %s", requests_rows[_i].line, buf_str(&server.seen),
		buf_str(&heard));
	close(fd);
	buf_fini(&heard);
}
END_TEST

START_TEST(test_answer_later)
{
	struct buf heard = {0};
	int fd = connect_to_us();

	server.mode = LATER;
	say(fd, POST_3);
	turn_until(&server.count, 1);
	for (int i = 0; i < 5; i++)
		loop_turn(loop, false);
	ck_assert_int_eq(recv(fd, (char[1]){0}, 1, 0), -1);
	ck_assert_str_eq(httpd_target(server.later), "/?Action=X");
	answer(server.later);
	ck_assert(!hear(fd, &heard, "\r\n\r\nabc"));
	close(fd);
	buf_fini(&heard);
}
END_TEST

static void
reset(int fd)
{
	struct linger linger = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

/* The client goes away before its answer, in every way of answering. */
START_TEST(test_client_goes_away)
{
	int fd = connect_to_us();

	server.mode = LATER;
	say(fd, POST_3);
	turn_until(&server.count, 1);
	if (_i % 2 == 0)
		close(fd);
	else
		reset(fd);
	for (int i = 0; i < 5; i++)
		loop_turn(loop, false);
	server.mode = (_i / 2 == 0) ? ANSWER : (_i / 2 == 1) ? CUT : DROP;
	answer(server.later);
	for (int i = 0; i < 5; i++)
		loop_turn(loop, false);
	/* Others are served as ever. */
	server.mode = ANSWER;
	fd = connect_to_us();
	say(fd, POST_3);
	turn_until(&server.count, 2);
	close(fd);
}
END_TEST

/* The server goes away before the answer. */
START_TEST(test_answer_after_the_end)
{
	struct buf heard = {0};
	int fd = connect_to_us();
	size_t len;

	server.mode = LATER;
	say(fd, POST_3);
	turn_until(&server.count, 1);
	if (_i == DROP)
		httpd_drop(server.later);
	httpd_free(httpd);
	httpd = NULL;
	ck_assert(hear(fd, &heard, NULL));
	ck_assert_uint_eq(heard.len, 0);
	if (_i != DROP) {
		ck_assert_ptr_null(httpd_header(server.later, "Host"));
		ck_assert_str_eq(httpd_body(server.later, &len), "");
		ck_assert_str_eq(httpd_method(server.later), "");
		ck_assert_str_eq(httpd_target(server.later), "");
		server.mode = (unsigned)_i;
		answer(server.later);
	}
	loop_turn(loop, false);
	close(fd);
}
END_TEST

START_TEST(test_faults)
{
	static const char head[] =
		"HTTP/1.1 200 Cut\r\nContent-Length: 10\r\n"
		"Content-Type: text/xml\r\nx-request: 43\r\n\r\n01234";
	static const struct {
		unsigned mode;
		const char *heard;
	} rows[] = {{CUT, head}, {CUT_ALL, ""}, {DROP, ""}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf heard = {0};
		int fd = connect_to_us();

		server.mode = rows[i].mode;
		say(fd, POST_3);
		ck_assert(hear(fd, &heard, NULL));
		ck_assert_str_eq(buf_str(&heard), rows[i].heard);
		close(fd);
		buf_fini(&heard);
	}
}
END_TEST

/* The same as a drop, but the client sees ECONNRESET instead of an end of file. */
START_TEST(test_reset)
{
	char byte;
	int fd = connect_to_us();
	ssize_t n = -1;

	server.mode = RESET;
	say(fd, POST_3);
	errno = EAGAIN;
	for (int i = 0; i < 1000 && n < 0 && errno == EAGAIN; i++) {
		loop_turn(loop, false);
		n = recv(fd, &byte, 1, MSG_DONTWAIT);
	}
	ck_assert_int_eq(n, -1);
	ck_assert_int_eq(errno, ECONNRESET);
	close(fd);
}
END_TEST

/* More than a socket takes at once leaves in the end, and only then comes the cut. */
START_TEST(test_large_cut)
{
	enum { SIZE = 20 << 20 };
	struct buf heard = {0};
	AUTO(free) char *body = xcalloc(1, SIZE);
	int fd = connect_to_us();

	memset(body, 'x', SIZE);
	server.mode = LATER;
	say(fd, POST_3);
	turn_until(&server.count, 1);
	httpd_reply_cut(server.later, 200, NULL, body, SIZE, SIZE + 1);
	ck_assert(hear(fd, &heard, NULL));
	ck_assert_uint_gt(heard.len, SIZE);
	ck_assert_uint_lt(heard.len, SIZE + 100);
	close(fd);
	buf_fini(&heard);
}
END_TEST

START_TEST(test_where_to_listen)
{
	static const struct {
		const char *listen;
		bool good;
		int line;
	} rows[] = {
		{"127.0.0.1:0", true, __LINE__},
		{"[::1]:0", true, __LINE__},
		{"127.0.0.1", false, __LINE__},
		{"127.0.0.1:", false, __LINE__},
		{"127.0.0.1:70000", false, __LINE__},
		{"localhost:0", false, __LINE__},
		{"", false, __LINE__},
		{"192.0.2.1:0", false, __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct err err = {0};
		struct httpd *h = httpd_new(loop, rows[i].listen, 10, on_request,
			&server, &err);

		ck_assert_msg((h != NULL) == rows[i].good, "line %d: %s", rows[i].line,
			err.text);
		ck_assert(rows[i].good || strstr(err.text, rows[i].listen) != NULL);
		httpd_free(h);
	}
}
END_TEST

START_TEST(test_port_in_use)
{
	struct err err;
	AUTO(free) char *same = xasprintf("127.0.0.1:%u", (unsigned)httpd_port(httpd));

	ck_assert_ptr_null(httpd_new(loop, same, 10, on_request, &server, &err));
	ck_assert_int_eq(err.code, ERR_IO);
	ck_assert_ptr_nonnull(strstr(err.text, "in use"));
}
END_TEST

/* Many connections, many requests on each, one after the other. */
START_TEST(test_keep_alive)
{
	enum { CLIENTS = 50, REQUESTS = 100 };
	struct buf heard = {0};
	int fds[CLIENTS];

	for (int c = 0; c < CLIENTS; c++)
		fds[c] = connect_to_us();
	for (int i = 0; i < REQUESTS; i++) {
		for (int c = 0; c < CLIENTS; c++)
			say(fds[c], POST_3);
		for (int c = 0; c < CLIENTS; c++) {
			buf_clear(&heard);
			ck_assert(!hear(fds[c], &heard, "\r\n\r\nabc"));
		}
	}
	ck_assert_int_eq(server.count, CLIENTS * REQUESTS);
	for (int c = 0; c < CLIENTS; c++)
		close(fds[c]);
	buf_fini(&heard);
}
END_TEST

static void
on_stop(void *arg)
{
	loop_stop(arg);
}

/* EC2.md 12: without descriptors the listener rests instead of spinning. */
START_TEST(test_no_descriptors_left)
{
	struct rlimit limit;
	struct timespec begin, end;
	int fd = connect_to_us();
	struct loop_timer stop = {0};

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)fd + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	loop_timer_init(&stop, loop, on_stop, loop);
	loop_timer_in(&stop, 300);
	loop_run(loop);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	ck_assert_int_lt((end.tv_sec - begin.tv_sec) * 1000 +
			(end.tv_nsec - begin.tv_nsec) / 1000000,
		100);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	say(fd, POST_3);
	turn_until(&server.count, 1);
	close(fd);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("httpd");
	TCase *tc = tcase_create("httpd");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_request_and_reply);
	tcase_add_loop_test(tc, test_requests, 0, COUNT_OF(requests_rows));
	tcase_add_test(tc, test_answer_later);
	tcase_add_loop_test(tc, test_client_goes_away, 0, 6);
	tcase_add_loop_test(tc, test_answer_after_the_end, 0, DROP + 1);
	tcase_add_test(tc, test_faults);
	tcase_add_test(tc, test_reset);
	tcase_add_test(tc, test_large_cut);
	tcase_add_test(tc, test_where_to_listen);
	tcase_add_test(tc, test_port_in_use);
	tcase_add_test(tc, test_keep_alive);
	tcase_add_test(tc, test_no_descriptors_left);
	suite_add_tcase(suite, tc);
	return suite;
}
