/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What leaves and what comes back: requests to the letter, replies, certificates, proxies.
 */
#include "base/mem.h"
#include "certificate.h"
#include "scratch.h"
#include "transfer.h"
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
	struct transfer_result r;
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

	peer_start(&transfer.peer, say_request, OK_REPLY);
	port = transfer.peer.port;
	request.url = url = xasprintf("http://127.0.0.1:%d/a?b=c", port);
	transfer_run(&request, &r);
	ck_assert(r.reply.complete);
	ck_assert(!r.reply.never_sent);
	ck_assert_int_eq(r.reply.status, 200);
	ck_assert_str_eq(r.body, "ok");
	ck_assert_str_eq(r.reply.error, "");
	ck_assert_int_gt(r.reply.request_size, 0);
	ck_assert_int_gt(r.reply.pretransfer_us, 0);
	ck_assert_int_ge(r.reply.total_us, r.reply.pretransfer_us);
	peer_stop(&transfer.peer);
	expected = xstrdup(what_leaves_rows[_i].expected);
	{
		char *port_at = strstr(expected, "%d");
		AUTO(free)
		char *whole = xasprintf("%.*s%d%s", (int)(port_at - expected), expected,
			port, port_at + 2);

		ck_assert_str_eq(transfer.peer.said, whole);
	}
	transfer_result_fini(&r);
}
END_TEST

START_TEST(test_empty_header_leaves)
{
	static const struct http_header header = {"X-Empty", ""};
	struct transfer_result r;
	AUTO(free) char *url;
	struct http_request request = {.method = "GET",
		.headers = &header,
		.header_count = 1,
		.plain = true};

	peer_start(&transfer.peer, say_request, OK_REPLY);
	request.url = url = transfer_url("http", transfer.peer.port);
	transfer_run(&request, &r);
	peer_stop(&transfer.peer);
	ck_assert_ptr_nonnull(strstr(transfer.peer.said, "\r\nX-Empty:\r\n"));
	transfer_result_fini(&r);
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
	struct transfer_result r;
	struct http_request request = {
		.method = "POST",
		.body = "",
		.url = what_cannot_leave_rows[_i].url,
		.headers = &what_cannot_leave_rows[_i].header,
		.header_count = 1,
	};

	transfer_run(&request, &r);
	ck_assert(r.reply.never_sent);
	ck_assert(!r.reply.complete);
	ck_assert_int_ne(r.reply.curl_code, 0);
	ck_assert_msg(strstr(r.reply.error, what_cannot_leave_rows[_i].error) != NULL,
		"line %d: %s", what_cannot_leave_rows[_i].line, r.reply.error);
	transfer_result_fini(&r);
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
	struct transfer_result r;
	AUTO(free) char *url;
	struct http_request request = {.method = "GET", .plain = true};

	peer_start(&transfer.peer, transfer_answer_and_close,
		reply_headers_rows[_i].answer);
	request.url = url = transfer_url("http", transfer.peer.port);
	transfer_run(&request, &r);
	ck_assert_msg(r.reply.complete && r.reply.status == 429 &&
			r.reply.date_ms == reply_headers_rows[_i].date_ms &&
			r.reply.retry_after_ms == reply_headers_rows[_i].retry_ms &&
			strcmp(r.reply.content_type, reply_headers_rows[_i].type) ==
				0 &&
			strcmp(r.body, "no") == 0,
		"line %d: date %lld, retry %lld, type %s", reply_headers_rows[_i].line,
		(long long)r.reply.date_ms, (long long)r.reply.retry_after_ms,
		r.reply.content_type);
	transfer_result_fini(&r);
}
END_TEST

#define CHUNKED                                                                        \
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"                        \
	"3\r\nfir\r\n3\r\nst \r\n4\r\nlast\r\n0\r\n\r\n"
/* FAULTS N12: what we did not ask for is handed on as it is. */
#define PACKED                                                                         \
	"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbomb"

static const struct {
	const char *answer;
	long status;
	const char *body;
	int line;
} bodies_rows[] = {
	{CHUNKED, 200, "first last", __LINE__},
	{PACKED, 200, "bomb", __LINE__},
	{"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end", 200, "to the end",
		__LINE__},
	{"HTTP/1.1 204 None\r\n\r\n", 204, "", __LINE__},
};

START_TEST(test_bodies)
{
	struct transfer_result r;
	AUTO(free) char *url;
	struct http_request request = {.method = "POST",
		.body = "a",
		.body_len = 1,
		.plain = true};

	peer_start(&transfer.peer, transfer_answer_and_close, bodies_rows[_i].answer);
	request.url = url = transfer_url("http", transfer.peer.port);
	transfer_run(&request, &r);
	ck_assert_msg(r.reply.complete && r.reply.status == bodies_rows[_i].status &&
			strcmp(r.body, bodies_rows[_i].body) == 0,
		"line %d: %ld %s %s", bodies_rows[_i].line, r.reply.status, r.body,
		r.reply.error);
	transfer_result_fini(&r);
}
END_TEST

/* Sends whoever asks to itself again, and says each time that it was asked. */
static void
send_elsewhere(int listener, const void *arg)
{
	struct sockaddr_in sin;
	socklen_t size = sizeof(sin);
	char text[8192];

	getsockname(listener, (struct sockaddr *)&sin, &size);
	for (;;) {
		int fd = peer_accept(listener);
		AUTO(free)
		char *answer = xasprintf("HTTP/1.1 %s Elsewhere\r\n"
					 "Location: http://127.0.0.1:%d/elsewhere\r\n"
					 "Content-Length: 0\r\n\r\n",
			(const char *)arg, ntohs(sin.sin_port));

		while (peer_read_request(fd, text, sizeof(text)) > 0) {
			peer_say("r");
			peer_write(fd, answer);
		}
		close(fd);
	}
}

/* FAULTS N21: a signed body goes where it was addressed to, and nowhere else. */
START_TEST(test_never_redirected)
{
	static const char *const codes[] = {"300", "301", "302", "303", "307", "308"};
	static const char *const methods[] = {"GET", "POST", "PUT"};

	for (size_t i = 0; i < COUNT_OF(codes) * COUNT_OF(methods); i++) {
		const char *code = codes[i % COUNT_OF(codes)];
		struct http_request request = {.method = methods[i / COUNT_OF(codes)],
			.body = "a",
			.body_len = 1,
			.plain = true,
			.mutating = i % 2 == 0};
		struct transfer_result r;
		AUTO(free) char *url = NULL;

		peer_start(&transfer.peer, send_elsewhere, code);
		request.url = url = transfer_url("http", transfer.peer.port);
		transfer_run(&request, &r);
		peer_stop(&transfer.peer);
		ck_assert_msg(r.reply.complete &&
				r.reply.status == strtol(code, NULL, 10) &&
				!r.reply.never_sent &&
				strcmp(transfer.peer.said, "r") == 0,
			"%s %s: %ld, asked: %s", request.method, code, r.reply.status,
			transfer.peer.said);
		transfer_result_fini(&r);
		peer_fini(&transfer.peer);
	}
}
END_TEST

/* FAULTS N25: a metadata call stays away from the proxy. */
START_TEST(test_no_proxy)
{
	struct transfer_result r;
	AUTO(free) char *url, *proxy = transfer_url("http", peer_closed_port());
	struct http_request request = {.method = "GET",
		.plain = true,
		.no_proxy = true};

	setenv("http_proxy", proxy, 1);
	setenv("ALL_PROXY", proxy, 1);
	peer_start(&transfer.peer, transfer_answer_and_close, OK_REPLY);
	request.url = url = transfer_url("http", transfer.peer.port);
	transfer_run(&request, &r);
	ck_assert(r.reply.complete);
	transfer_result_fini(&r);
	request.no_proxy = false;
	transfer_run(&request, &r);
	ck_assert_int_eq(r.reply.curl_code, 7);
	transfer_result_fini(&r);
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
	const char *dir;
	AUTO(free) char *ca = NULL;
	struct transfer_result r;

	scratch_setup();
	dir = scratch_path();
	certificate_make(dir);
	ca = xasprintf("%s/cert.pem", dir);
	peer_start(&transfer.peer, serve_tls, dir);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(free)
		char *url = xasprintf("https://%s:%d/", rows[i].host,
			transfer.peer.port);
		struct http_request request = {.method = "GET",
			.url = url,
			.ca_file = rows[i].own_ca ? ca : NULL};

		transfer_run(&request, &r);
		/* The server needs a moment to take the port over. */
		for (int try = 0; try < 100 &&
			(r.reply.curl_code == 7 || r.reply.curl_code == 35);
			try++) {
			transfer_result_fini(&r);
			usleep(20000);
			transfer_run(&request, &r);
		}
		ck_assert_msg(r.reply.curl_code == rows[i].code &&
				r.reply.complete == (rows[i].code == 0) &&
				r.reply.never_sent == (rows[i].code != 0),
			"line %d: %d %s", rows[i].line, r.reply.curl_code,
			r.reply.error);
		transfer_result_fini(&r);
	}
	scratch_teardown();
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("http_reply");
	TCase *tc = tcase_create("http_reply");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, transfer_setup, transfer_teardown);
	tcase_add_loop_test(tc, test_what_leaves, 0, COUNT_OF(what_leaves_rows));
	tcase_add_test(tc, test_empty_header_leaves);
	tcase_add_loop_test(tc, test_what_cannot_leave, 0,
		COUNT_OF(what_cannot_leave_rows));
	tcase_add_loop_test(tc, test_reply_headers, 0, COUNT_OF(reply_headers_rows));
	tcase_add_loop_test(tc, test_bodies, 0, COUNT_OF(bodies_rows));
	tcase_add_test(tc, test_never_redirected);
	tcase_add_test(tc, test_no_proxy);
	tcase_add_test(tc, test_tls);
	suite_add_tcase(suite, tc);
	return suite;
}
