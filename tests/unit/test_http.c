/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of EC2.md 11.2 are asserted against servers that misbehave, on the libcurl we
 * are built with.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "peer.h"
#include "sys/http.h"
#include "sys/loop.h"
#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static struct loop *loop;
static struct http *http;
static struct peer peer;

/* A reply, kept beyond its callback. */
struct result {
	int count;
	struct http_reply reply;
	char *body;
	struct http_call *to_cancel;
};

static void
on_done(void *arg, const struct http_reply *reply)
{
	struct result *r = arg;

	r->count++;
	r->reply = *reply;
	ck_assert_uint_eq(strlen(reply->body), reply->body_len);
	free(r->body);
	r->body = xstrdup(reply->body);
	r->reply.body = r->body;
	http_cancel(r->to_cancel);
	r->to_cancel = NULL;
}

static void
clear_proxies(void)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY",
		"all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		unsetenv(names[i]);
}

static void
setup(void)
{
	struct err err;

	clear_proxies();
	loop = loop_new(&err);
	ck_assert_ptr_nonnull(loop);
	http = http_new(loop, "ec2workerd/test", &err);
	ck_assert_ptr_nonnull(http);
}

static void
teardown(void)
{
	http_free(http);
	loop_free(loop);
	peer_fini(&peer);
}

static char *
url_of(const char *scheme, int port)
{
	return xasprintf("%s://127.0.0.1:%d/", scheme, port);
}

/* Runs one request to its end. */
static void
run(const struct http_request *request, struct result *r)
{
	memset(r, 0, sizeof(*r));
	http_start(http, request, on_done, r);
	ck_assert_int_eq(r->count, 0);
	ck_assert_uint_eq(http_in_flight(http), 1);
	while (r->count == 0)
		loop_turn(loop, true);
	ck_assert_uint_eq(http_in_flight(http), 0);
	ck_assert_int_eq(r->count, 1);
}

static void
result_fini(struct result *r)
{
	free(r->body);
}

/* The misbehaviours. */

static void
refuse_all(int listener, const void *arg)
{
	(void)arg;
	close(listener);
}

static void
talk_plain(int listener, const void *arg)
{
	char bytes[16];
	int fd = peer_accept(listener);

	(void)arg;
	(void)!recv(fd, bytes, sizeof(bytes), 0);
	peer_write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
	peer_wait_closed(fd);
}

static void
say_nothing(int listener, const void *arg)
{
	(void)arg;
	peer_wait_closed(peer_accept(listener));
}

static void
reset_after_request(int listener, const void *arg)
{
	char text[8192];
	int fd = peer_accept(listener);

	(void)arg;
	peer_read_request(fd, text, sizeof(text));
	peer_reset(fd);
}

/* arg: the answer to each request; the connection is closed after it. */
static void
answer_and_close(int listener, const void *arg)
{
	char text[8192];

	for (;;) {
		int fd = peer_accept(listener);

		if (peer_read_request(fd, text, sizeof(text)) > 0)
			peer_write(fd, arg);
		shutdown(fd, SHUT_WR);
		peer_wait_closed(fd);
	}
}

static void
stream_for_ever(int listener, const void *arg)
{
	char text[8192];
	int fd = peer_accept(listener);

	(void)arg;
	peer_read_request(fd, text, sizeof(text));
	peer_write(fd, "HTTP/1.1 200 OK\r\n\r\n");
	memset(text, 'x', sizeof(text));
	while (send(fd, text, sizeof(text), MSG_NOSIGNAL) > 0)
		;
}

static void
drip(int listener, const void *arg)
{
	char text[8192];
	int fd = peer_accept(listener);

	(void)arg;
	peer_read_request(fd, text, sizeof(text));
	peer_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
	while (send(fd, "x", 1, MSG_NOSIGNAL) > 0)
		usleep(20000);
}

/* A CONNECT is granted, and then something that is no TLS comes. */
static void
connect_then_plain(int listener, const void *arg)
{
	char text[8192];
	int fd = peer_accept(listener);

	(void)arg;
	peer_read_request(fd, text, sizeof(text));
	peer_write(fd, "HTTP/1.1 200 Connection established\r\n\r\n");
	(void)!recv(fd, text, sizeof(text), 0);
	peer_write(fd, "this is no TLS at all");
	peer_wait_closed(fd);
}

#define SHORT_BODY "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"
#define SHORT_CHUNKS                                                                   \
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n"
#define LONG_LENGTH "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\nx"
#define PROXY_407 "HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n"
#define PROXY_503 "HTTP/1.1 503 Not now\r\nContent-Length: 0\r\n\r\n"

/* EC2.md 11.2, in its order, and what FAULTS.md N adds. */
static const struct {
	peer_script *script;
	const void *arg;
	const char *scheme;
	bool by_proxy;
	int code;
	bool has_left;    /* REQUEST_SIZE > 0 */
	bool pretransfer; /* PRETRANSFER_TIME_T > 0 */
	bool never_sent;
	long status;
	int line;
} never_sent_rows[] = {
	{refuse_all, NULL, "http", false, 7, false, false, true, 0, __LINE__},
	{refuse_all, NULL, "https", false, 7, false, false, true, 0, __LINE__},
	{talk_plain, NULL, "https", false, 35, false, false, true, 0, __LINE__},
	{say_nothing, NULL, "https", false, 28, false, false, true, 0, __LINE__},
	{refuse_all, NULL, "https", true, 7, false, false, true, 0, __LINE__},
	{say_nothing, NULL, "http", false, 28, true, true, false, 0, __LINE__},
	{reset_after_request, NULL, "http", false, 56, true, true, false, 0, __LINE__},
	{answer_and_close, "", "http", false, 52, true, true, false, 0, __LINE__},
	{answer_and_close, SHORT_BODY, "http", false, 18, true, true, false, 200,
		__LINE__},
	{answer_and_close, SHORT_CHUNKS, "http", false, 18, true, true, false, 200,
		__LINE__},
	{answer_and_close, PROXY_407, "https", true, 56, true, false, true, 0,
		__LINE__},
	{answer_and_close, PROXY_503, "https", true, 56, true, false, true, 0,
		__LINE__},
	{reset_after_request, NULL, "https", true, 56, true, false, true, 0, __LINE__},
	{say_nothing, NULL, "https", true, 28, true, false, true, 0, __LINE__},
	{connect_then_plain, NULL, "https", true, 35, true, false, true, 0, __LINE__},
	/* Without TLS the request itself goes to the proxy. */
	{reset_after_request, NULL, "http", true, 56, true, true, false, 0, __LINE__},
	{drip, NULL, "http", false, 28, true, true, false, 200, __LINE__},
	{stream_for_ever, NULL, "http", false, 23, true, true, false, 200, __LINE__},
	{answer_and_close, LONG_LENGTH, "http", false, 63, true, true, false, 200,
		__LINE__},
};

/* A GET has the same counters as a mutating POST. */
START_TEST(test_never_sent)
{
	struct result r;
	AUTO(free) char *url, *proxy;
	struct http_request request = {
		.method = _i % 2 ? "GET" : "POST",
		.body = _i % 2 ? NULL : "Action=RunInstances",
		.body_len = _i % 2 ? 0 : 19,
		.mutating = _i % 2 == 0,
		.plain = true,
		.connect_ms = 200,
		.total_ms = 500,
		.reply_max = 100000,
	};
	size_t row = (size_t)_i / 2;

	peer_start(&peer, never_sent_rows[row].script, never_sent_rows[row].arg);
	proxy = url_of("http", peer.port);
	url = url_of(never_sent_rows[row].scheme,
		never_sent_rows[row].by_proxy ? 1 : peer.port);
	request.url = url;
	if (never_sent_rows[row].script == refuse_all)
		waitpid(peer.pid, NULL, 0);
	if (never_sent_rows[row].by_proxy) {
		setenv("http_proxy", proxy, 1);
		setenv("https_proxy", proxy, 1);
	}
	run(&request, &r);
	ck_assert_msg(!r.reply.complete && r.reply.error[0] != '\0' &&
			r.reply.curl_code == never_sent_rows[row].code &&
			(r.reply.request_size > 0) == never_sent_rows[row].has_left &&
			(r.reply.pretransfer_us > 0) ==
				never_sent_rows[row].pretransfer &&
			r.reply.never_sent == never_sent_rows[row].never_sent &&
			r.reply.status == never_sent_rows[row].status &&
			r.reply.body_len == 0,
		"line %d: code %d, size %ld, pretransfer %d, never_sent %d, status %ld: %s",
		never_sent_rows[row].line, r.reply.curl_code, r.reply.request_size,
		(int)r.reply.pretransfer_us, r.reply.never_sent, r.reply.status,
		r.reply.error);
	result_fini(&r);
}
END_TEST

/* A name no resolver is asked for: a label is longer than 63 letters. FAULTS N1. */
START_TEST(test_name_not_found)
{
	struct result r;
	struct http_request request = {
		.method = "GET",
		.plain = true,
		.url = "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		       "aaaaaaa.invalid/",
	};

	run(&request, &r);
	ck_assert_int_eq(r.reply.curl_code, 6);
	ck_assert(r.reply.never_sent);
	ck_assert_int_eq(r.reply.request_size, 0);
	ck_assert_int_eq(r.reply.pretransfer_us, 0);
	result_fini(&r);
}
END_TEST

/* FAULTS N3: a listener whose queue is full swallows the SYN. */
START_TEST(test_syn_swallowed)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t size = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fillers[4];
	struct result r;
	AUTO(free) char *url;
	struct http_request request = {
		.method = "POST",
		.body = "",
		.mutating = true,
		.connect_ms = 200,
		.total_ms = 5000,
	};
	int64_t begin;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&sin, sizeof(sin)), 0);
	ck_assert_int_eq(listen(listener, 0), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&sin, &size), 0);
	for (size_t i = 0; i < COUNT_OF(fillers); i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fillers[i], (struct sockaddr *)&sin, sizeof(sin));
	}
	request.url = url = url_of("https", ntohs(sin.sin_port));
	begin = clock_ms();
	run(&request, &r);
	ck_assert_int_eq(r.reply.curl_code, 28);
	ck_assert_str_eq(r.reply.error, "no connection in time");
	ck_assert(r.reply.never_sent);
	ck_assert_int_eq(r.reply.request_size, 0);
	ck_assert_int_ge(clock_ms() - begin, 200);
	ck_assert_int_lt(clock_ms() - begin, 390);
	for (size_t i = 0; i < COUNT_OF(fillers); i++)
		close(fillers[i]);
	close(listener);
	result_fini(&r);
}
END_TEST

/* Says each connection and request, and answers; arg: close silently at this request. */
static void
count_requests(int listener, const void *arg)
{
	char text[8192];
	int deadly = arg == NULL ? 0 : *(const int *)arg, requests = 0;

	for (;;) {
		int fd = peer_accept(listener);

		peer_say("c");
		while (peer_read_request(fd, text, sizeof(text)) > 0) {
			peer_say("r");
			if (++requests == deadly)
				break;
			peer_write(fd, OK_REPLY);
		}
		close(fd);
	}
}

static const int second = 2;

static const struct {
	bool mutating;
	const int *deadly;
	const char *said;
	int line;
} connections_rows[] = {
	{true, NULL, "crcrcr", __LINE__},
	{false, NULL, "crrr", __LINE__},
	/* libcurl sends it again by itself: never for a mutating call. */
	{false, &second, "crrcrr", __LINE__},
	{true, &second, "crcrcr", __LINE__},
};

START_TEST(test_connections)
{
	struct result r;
	AUTO(free) char *url;
	struct http_request request = {.method = "POST",
		.body = "a=b",
		.body_len = 3,
		.plain = true};
	int complete = 0;

	peer_start(&peer, count_requests, connections_rows[_i].deadly);
	request.url = url = url_of("http", peer.port);
	request.mutating = connections_rows[_i].mutating;
	for (int i = 0; i < 3; i++) {
		run(&request, &r);
		complete += r.reply.complete;
		result_fini(&r);
	}
	peer_stop(&peer);
	ck_assert_msg(strcmp(peer.said, connections_rows[_i].said) == 0, "line %d: %s",
		connections_rows[_i].line, peer.said);
	ck_assert_int_eq(complete,
		connections_rows[_i].mutating && connections_rows[_i].deadly != NULL
			? 2
			: 3);
}
END_TEST

static void
say_request(int listener, const void *arg)
{
	char text[8192];

	for (;;) {
		int fd = peer_accept(listener);

		if (peer_read_request(fd, text, sizeof(text)) > 0) {
			peer_say(text);
			peer_write(fd, arg);
		}
		close(fd);
	}
}

/* To the letter: nothing but what a signer expects, and no Expect in any form (N22). */
static const struct {
	const char *method, *body;
	size_t headers;
	const char *expected; /* %d: the port */
	int line;
} what_leaves_rows[] = {
	{"POST", "Action=DescribeInstances&Version=2016-11-15", 3,
		"POST /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
		"User-Agent: ec2workerd/test\r\nAccept: */*\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
		"X-Amz-Date: 20260131T101500Z\r\n"
		"Authorization: AWS4-HMAC-SHA256 Credential=x\r\n"
		"Content-Length: 43\r\n\r\n"
		"Action=DescribeInstances&Version=2016-11-15",
		__LINE__},
	{"GET", NULL, 0,
		"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
		"User-Agent: ec2workerd/test\r\nAccept: */*\r\n\r\n",
		__LINE__},
	{"PUT", NULL, 1,
		"PUT /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
		"User-Agent: ec2workerd/test\r\nAccept: */*\r\n"
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
		"Content-Length: 0\r\n\r\n",
		__LINE__},
};

START_TEST(test_what_leaves)
{
	static const struct http_header headers[] = {
		{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
		{"X-Amz-Date", "20260131T101500Z"},
		{"Authorization", "AWS4-HMAC-SHA256 Credential=x"},
		{"X-Empty", ""},
	};
	struct result r;
	AUTO(free) char *url, *expected;
	struct http_request request = {
		.method = what_leaves_rows[_i].method,
		.body = what_leaves_rows[_i].body,
		.body_len = what_leaves_rows[_i].body == NULL
			? 0
			: strlen(what_leaves_rows[_i].body),
		.headers = headers,
		.header_count = what_leaves_rows[_i].headers,
		.plain = true,
	};
	int port;

	peer_start(&peer, say_request, OK_REPLY);
	port = peer.port;
	request.url = url = xasprintf("http://127.0.0.1:%d/a?b=c", port);
	run(&request, &r);
	ck_assert(r.reply.complete);
	ck_assert(!r.reply.never_sent);
	ck_assert_int_eq(r.reply.status, 200);
	ck_assert_str_eq(r.body, "ok");
	ck_assert_str_eq(r.reply.error, "");
	ck_assert_int_gt(r.reply.request_size, 0);
	ck_assert_int_gt(r.reply.pretransfer_us, 0);
	ck_assert_int_ge(r.reply.total_us, r.reply.pretransfer_us);
	peer_stop(&peer);
	expected = xstrdup(what_leaves_rows[_i].expected);
	{
		char *port_at = strstr(expected, "%d");
		AUTO(free)
		char *whole = xasprintf("%.*s%d%s", (int)(port_at - expected), expected,
			port, port_at + 2);

		ck_assert_str_eq(peer.said, whole);
	}
	result_fini(&r);
}
END_TEST

START_TEST(test_empty_header_leaves)
{
	static const struct http_header header = {"X-Empty", ""};
	struct result r;
	AUTO(free) char *url;
	struct http_request request = {.method = "GET",
		.headers = &header,
		.header_count = 1,
		.plain = true};

	peer_start(&peer, say_request, OK_REPLY);
	request.url = url = url_of("http", peer.port);
	run(&request, &r);
	peer_stop(&peer);
	ck_assert_ptr_nonnull(strstr(peer.said, "\r\nX-Empty:\r\n"));
	result_fini(&r);
}
END_TEST

static const struct {
	const char *url;
	struct http_header header;
	const char *error;
	int line;
} what_cannot_leave_rows[] = {
	{"http://127.0.0.1:1/", {"A", "b"}, "rotocol", __LINE__},
	{"ftp://127.0.0.1:1/", {"A", "b"}, "rotocol", __LINE__},
	{"https://user:pass@127.0.0.1:1/", {"A", "b"}, "", __LINE__},
	{"https://", {"A", "b"}, "", __LINE__},
	{"https://127.0.0.1:1/", {"A", "b\r\nX: y"}, "line break", __LINE__},
	{"https://127.0.0.1:1/", {"A\nB", "b"}, "line break", __LINE__},
};

START_TEST(test_what_cannot_leave)
{
	struct result r;
	struct http_request request = {
		.method = "POST",
		.body = "",
		.url = what_cannot_leave_rows[_i].url,
		.headers = &what_cannot_leave_rows[_i].header,
		.header_count = 1,
	};

	run(&request, &r);
	ck_assert(r.reply.never_sent);
	ck_assert(!r.reply.complete);
	ck_assert_int_ne(r.reply.curl_code, 0);
	ck_assert_msg(strstr(r.reply.error, what_cannot_leave_rows[_i].error) != NULL,
		"line %d: %s", what_cannot_leave_rows[_i].line, r.reply.error);
	result_fini(&r);
}
END_TEST

#define HEADERS(text) "HTTP/1.1 429 Slow down\r\n" text "Content-Length: 2\r\n\r\nno"
#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define DATE_MS INT64_C(784111777000)

static const struct {
	const char *answer;
	int64_t date_ms, retry_ms;
	const char *type;
	int line;
} reply_headers_rows[] = {
	{HEADERS(""), 0, 0, "", __LINE__},
	{HEADERS(DATE), DATE_MS, 0, "", __LINE__},
	{HEADERS("Date: yesterday\r\n"), 0, 0, "", __LINE__},
	{HEADERS("Retry-After: 3\r\n"), 0, 3000, "", __LINE__},
	{HEADERS("retry-after:120  \r\n"), 0, 120000, "", __LINE__},
	{HEADERS("Retry-After: -3\r\n"), 0, 0, "", __LINE__},
	{HEADERS("Retry-After: soon\r\n"), 0, 0, "", __LINE__},
	{HEADERS("Retry-After: 99999999999999999999999\r\n"), 0, 86400000, "",
		__LINE__},
	{HEADERS(DATE "Retry-After: Sun, 06 Nov 1994 08:49:47 GMT\r\n"), DATE_MS, 10000,
		"", __LINE__},
	{HEADERS("Retry-After: Sun, 06 Nov 1994 08:49:47 GMT\r\n" DATE), DATE_MS, 10000,
		"", __LINE__},
	{HEADERS(DATE "Retry-After: Sun, 06 Nov 1994 08:49:07 GMT\r\n"), DATE_MS, 0, "",
		__LINE__},
	{HEADERS("x-amz-retry-after: 1234\r\n"), 0, 1234, "", __LINE__},
	{HEADERS("X-Amz-Retry-After: 1234\r\nRetry-After: 7\r\n"), 0, 1234, "",
		__LINE__},
	{HEADERS("x-amz-retry-after: x\r\nRetry-After: 7\r\n"), 0, 7000, "", __LINE__},
	{HEADERS("Content-Type: text/xml;charset=UTF-8\r\n"), 0, 0,
		"text/xml;charset=UTF-8", __LINE__},
	/* Not of an interim response. */
	{"HTTP/1.1 100 Continue\r\n" DATE "\r\n" HEADERS(""), 0, 0, "", __LINE__},
};

START_TEST(test_reply_headers)
{
	struct result r;
	AUTO(free) char *url;
	struct http_request request = {.method = "GET", .plain = true};

	peer_start(&peer, answer_and_close, reply_headers_rows[_i].answer);
	request.url = url = url_of("http", peer.port);
	run(&request, &r);
	ck_assert_msg(r.reply.complete && r.reply.status == 429 &&
			r.reply.date_ms == reply_headers_rows[_i].date_ms &&
			r.reply.retry_after_ms == reply_headers_rows[_i].retry_ms &&
			strcmp(r.reply.content_type, reply_headers_rows[_i].type) ==
				0 &&
			strcmp(r.body, "no") == 0,
		"line %d: date %lld, retry %lld, type %s", reply_headers_rows[_i].line,
		(long long)r.reply.date_ms, (long long)r.reply.retry_after_ms,
		r.reply.content_type);
	result_fini(&r);
}
END_TEST

#define CHUNKED                                                                        \
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"                        \
	"3\r\nfir\r\n3\r\nst \r\n4\r\nlast\r\n0\r\n\r\n"
/* FAULTS N12: what we did not ask for is handed on as it is. */
#define PACKED                                                                         \
	"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbomb"
/* FAULTS N21 */
#define MOVED                                                                          \
	"HTTP/1.1 307 Away\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"

static const struct {
	const char *answer;
	long status;
	const char *body;
	int line;
} bodies_rows[] = {
	{CHUNKED, 200, "first last", __LINE__},
	{PACKED, 200, "bomb", __LINE__},
	{MOVED, 307, "", __LINE__},
	{"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end", 200, "to the end",
		__LINE__},
	{"HTTP/1.1 204 None\r\n\r\n", 204, "", __LINE__},
};

START_TEST(test_bodies)
{
	struct result r;
	AUTO(free) char *url;
	struct http_request request = {.method = "POST",
		.body = "a",
		.body_len = 1,
		.plain = true};

	peer_start(&peer, answer_and_close, bodies_rows[_i].answer);
	request.url = url = url_of("http", peer.port);
	run(&request, &r);
	ck_assert_msg(r.reply.complete && r.reply.status == bodies_rows[_i].status &&
			strcmp(r.body, bodies_rows[_i].body) == 0,
		"line %d: %ld %s %s", bodies_rows[_i].line, r.reply.status, r.body,
		r.reply.error);
	result_fini(&r);
}
END_TEST

/* FAULTS N25: a metadata call stays away from the proxy. */
START_TEST(test_no_proxy)
{
	struct result r;
	AUTO(free) char *url, *proxy = url_of("http", peer_closed_port());
	struct http_request request = {.method = "GET",
		.plain = true,
		.no_proxy = true};

	setenv("http_proxy", proxy, 1);
	setenv("ALL_PROXY", proxy, 1);
	peer_start(&peer, answer_and_close, OK_REPLY);
	request.url = url = url_of("http", peer.port);
	run(&request, &r);
	ck_assert(r.reply.complete);
	result_fini(&r);
	request.no_proxy = false;
	run(&request, &r);
	ck_assert_int_eq(r.reply.curl_code, 7);
	result_fini(&r);
}
END_TEST

START_TEST(test_cancel)
{
	struct result a = {0}, b = {0};
	AUTO(free) char *url;
	struct http_request request = {.method = "GET", .plain = true};
	struct http_call *call;

	peer_start(&peer, answer_and_close, OK_REPLY);
	request.url = url = url_of("http", peer.port);
	call = http_start(http, &request, on_done, &a);
	http_cancel(call);
	ck_assert_uint_eq(http_in_flight(http), 0);
	/* In mid-transfer. */
	call = http_start(http, &request, on_done, &a);
	loop_turn(loop, true);
	loop_turn(loop, true);
	http_cancel(call);
	/* What has failed already, and waits for its callback. */
	request.url = "https://";
	call = http_start(http, &request, on_done, &a);
	http_cancel(call);
	http_cancel(NULL);
	/* Itself, which is too late. */
	call = http_start(http, &request, on_done, &b);
	b.to_cancel = call;
	while (b.count == 0)
		loop_turn(loop, true);
	loop_turn(loop, false);
	ck_assert_int_eq(a.count, 0);
	ck_assert_int_eq(b.count, 1);
	ck_assert_uint_eq(http_in_flight(http), 0);
	result_fini(&b);
}
END_TEST

/* Two are finished in one turn; the first to complete cancels the other. */
START_TEST(test_cancel_a_finished_one)
{
	struct result a = {0}, b = {0};
	struct http_request request = {.method = "GET", .url = "https://"};
	struct http_call *first = http_start(http, &request, on_done, &a);

	a.to_cancel = http_start(http, &request, on_done, &b);
	ck_assert_ptr_nonnull(first);
	loop_turn(loop, true);
	loop_turn(loop, false);
	ck_assert_int_eq(a.count, 1);
	ck_assert_int_eq(b.count, 0);
	ck_assert_uint_eq(http_in_flight(http), 0);
	result_fini(&a);
}
END_TEST

START_TEST(test_free_with_calls_in_flight)
{
	enum { CALLS = 200 };
	struct result r = {0};
	AUTO(free) char *url;
	struct http_request request = {.method = "GET", .plain = true};

	peer_start(&peer, say_nothing, NULL);
	request.url = url = url_of("http", peer.port);
	for (int i = 0; i < CALLS; i++)
		http_start(http, &request, on_done, &r);
	request.url = "https://";
	http_start(http, &request, on_done, &r);
	ck_assert_uint_eq(http_in_flight(http), CALLS + 1);
	http_free(http);
	http = NULL;
	loop_turn(loop, false);
	ck_assert_int_eq(r.count, 0);
}
END_TEST

/* More than run at once: all of them are served in the end. */
START_TEST(test_many)
{
	enum { CALLS = 400 };
	struct result *results = xcalloc(CALLS, sizeof(*results));
	AUTO(free) char *url;
	struct http_request request = {.method = "POST",
		.body = "x=y",
		.body_len = 3,
		.plain = true,
		.mutating = true};

	peer_start(&peer, count_requests, NULL);
	request.url = url = url_of("http", peer.port);
	for (int i = 0; i < CALLS; i++)
		http_start(http, &request, on_done, &results[i]);
	while (http_in_flight(http) > 0)
		loop_turn(loop, true);
	for (int i = 0; i < CALLS; i++) {
		ck_assert_int_eq(results[i].count, 1);
		ck_assert_msg(results[i].reply.complete, "%s", results[i].reply.error);
		result_fini(&results[i]);
	}
	peer_stop(&peer);
	ck_assert_uint_eq(strlen(peer.said), 2 * CALLS);
	free(results);
}
END_TEST

static void
stream_to_all(int listener, const void *arg)
{
	for (;;) {
		int fd = peer_accept(listener);

		if (fork() == 0) {
			char text[8192];

			peer_read_request(fd, text, sizeof(text));
			peer_write(fd, "HTTP/1.1 200 OK\r\n\r\n");
			memset(text, 'x', sizeof(text));
			for (int i = 0; i < *(const int *)arg / (int)sizeof(text); i++)
				(void)!send(fd, text, sizeof(text), MSG_NOSIGNAL);
			peer_wait_closed(fd);
			_exit(0);
		}
		close(fd);
	}
}

/* FAULTS N13: 64 MiB over all; each alone would be fine. */
START_TEST(test_replies_in_flight_are_bounded)
{
	static const int each = 24 << 20;
	struct result r[3] = {{0}, {0}, {0}};
	AUTO(free) char *url;
	struct http_request request = {.method = "GET",
		.plain = true,
		.reply_max = 32u << 20};
	int failed = 0;

	peer_start(&peer, stream_to_all, &each);
	request.url = url = url_of("http", peer.port);
	for (int i = 0; i < 3; i++)
		http_start(http, &request, on_done, &r[i]);
	while (r[0].count + r[1].count + r[2].count == 0)
		loop_turn(loop, true);
	for (int i = 0; i < 3; i++) {
		failed += r[i].count;
		if (r[i].count == 0)
			continue;
		ck_assert_str_eq(r[i].reply.error, "too many replies under way");
		ck_assert(!r[i].reply.never_sent);
		result_fini(&r[i]);
	}
	ck_assert_int_ge(failed, 1);
}
END_TEST

/* A certificate of our own making for localhost, and a server that has it. */
static void
serve_tls(int listener, const void *arg)
{
	char port[16];
	struct sockaddr_in sin;
	socklen_t size = sizeof(sin);

	getsockname(listener, (struct sockaddr *)&sin, &size);
	close(listener);
	snprintf(port, sizeof(port), "%d", ntohs(sin.sin_port));
	if (chdir(arg) != 0)
		_exit(1);
	execlp("openssl", "openssl", "s_server", "-quiet", "-accept", port, "-cert",
		"cert.pem", "-key", "key.pem", "-www", (char *)NULL);
	_exit(1);
}

static void
make_certificate(char *dir)
{
	AUTO(free)
	char *command = xasprintf("cd %s && openssl req -x509 -newkey ec -pkeyopt "
				  "ec_paramgen_curve:prime256v1 -nodes -keyout key.pem "
				  "-out cert.pem -days 2 -subj /CN=localhost -addext "
				  "subjectAltName=DNS:localhost 2>openssl.log",
		dir);

	ck_assert_msg(system(command) == 0, "openssl(1) is needed; see %s/openssl.log",
		dir);
}

/* FAULTS N4, and that a private CA is enough. */
START_TEST(test_tls)
{
	static const struct {
		const char *host;
		bool own_ca;
		int code;
		int line;
	} rows[] = {
		{"localhost", true, 0, __LINE__},
		{"localhost", false, 60, __LINE__},
		{"127.0.0.1", true, 60, __LINE__},
	};
	char dir[] = "/tmp/test_http.XXXXXX";
	AUTO(free) char *ca = NULL, *cleanup = NULL;
	struct result r;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	make_certificate(dir);
	ca = xasprintf("%s/cert.pem", dir);
	peer_start(&peer, serve_tls, dir);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(free)
		char *url = xasprintf("https://%s:%d/", rows[i].host, peer.port);
		struct http_request request = {.method = "GET",
			.url = url,
			.ca_file = rows[i].own_ca ? ca : NULL};

		run(&request, &r);
		/* The server needs a moment to take the port over. */
		for (int try = 0; try < 100 &&
			(r.reply.curl_code == 7 || r.reply.curl_code == 35);
			try++) {
			result_fini(&r);
			usleep(20000);
			run(&request, &r);
		}
		ck_assert_msg(r.reply.curl_code == rows[i].code &&
				r.reply.complete == (rows[i].code == 0) &&
				r.reply.never_sent == (rows[i].code != 0),
			"line %d: %d %s", rows[i].line, r.reply.curl_code,
			r.reply.error);
		result_fini(&r);
	}
	cleanup = xasprintf("rm -r %s", dir);
	ck_assert_int_eq(system(cleanup), 0);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("http");
	TCase *tc = tcase_create("http");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_never_sent, 0, 2 * COUNT_OF(never_sent_rows));
	tcase_add_test(tc, test_name_not_found);
	tcase_add_test(tc, test_syn_swallowed);
	tcase_add_loop_test(tc, test_connections, 0, COUNT_OF(connections_rows));
	tcase_add_loop_test(tc, test_what_leaves, 0, COUNT_OF(what_leaves_rows));
	tcase_add_test(tc, test_empty_header_leaves);
	tcase_add_loop_test(tc, test_what_cannot_leave, 0,
		COUNT_OF(what_cannot_leave_rows));
	tcase_add_loop_test(tc, test_reply_headers, 0, COUNT_OF(reply_headers_rows));
	tcase_add_loop_test(tc, test_bodies, 0, COUNT_OF(bodies_rows));
	tcase_add_test(tc, test_no_proxy);
	tcase_add_test(tc, test_cancel);
	tcase_add_test(tc, test_cancel_a_finished_one);
	tcase_add_test(tc, test_free_with_calls_in_flight);
	tcase_add_test(tc, test_many);
	tcase_add_test(tc, test_replies_in_flight_are_bounded);
	tcase_add_test(tc, test_tls);
	suite_add_tcase(suite, tc);
	return suite;
}
