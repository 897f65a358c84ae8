/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of EC2.md 11.2 are asserted against servers that misbehave, on the libcurl we
 * are built with.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "transfer.h"
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
	{transfer_answer_and_close, "", "http", false, 52, true, true, false, 0,
		__LINE__},
	{transfer_answer_and_close, SHORT_BODY, "http", false, 18, true, true, false,
		200, __LINE__},
	{transfer_answer_and_close, SHORT_CHUNKS, "http", false, 18, true, true, false,
		200, __LINE__},
	{transfer_answer_and_close, PROXY_407, "https", true, 56, true, false, true, 0,
		__LINE__},
	{transfer_answer_and_close, PROXY_503, "https", true, 56, true, false, true, 0,
		__LINE__},
	{reset_after_request, NULL, "https", true, 56, true, false, true, 0, __LINE__},
	{say_nothing, NULL, "https", true, 28, true, false, true, 0, __LINE__},
	{connect_then_plain, NULL, "https", true, 35, true, false, true, 0, __LINE__},
	/* Without TLS the request itself goes to the proxy. */
	{reset_after_request, NULL, "http", true, 56, true, true, false, 0, __LINE__},
	{drip, NULL, "http", false, 28, true, true, false, 200, __LINE__},
	{stream_for_ever, NULL, "http", false, 23, true, true, false, 200, __LINE__},
	{transfer_answer_and_close, LONG_LENGTH, "http", false, 63, true, true, false,
		200, __LINE__},
};

/* A GET has the same counters as a mutating POST. */
START_TEST(test_never_sent)
{
	struct transfer_result r;
	AUTO(free) char *url, *proxy;
	struct http_request request = {
		.method = _i % 2 ? "GET" : "POST",
		.body = _i % 2 ? NULL : "Action=RunInstances",
		.body_len = _i % 2 ? 0 : 19,
		.mutating = _i % 2 == 0,
		.plain = true,
		.reply_max = 100000,
	};
	size_t row = (size_t)_i / 2;
	bool is_limit = never_sent_rows[row].code == 28;

	/* Only where a limit is the point. */
	request.connect_ms = is_limit ? 300 : 10000;
	request.total_ms = is_limit ? 800 : 20000;
	peer_start(&transfer.peer, never_sent_rows[row].script,
		never_sent_rows[row].arg);
	proxy = transfer_url("http", transfer.peer.port);
	url = transfer_url(never_sent_rows[row].scheme,
		never_sent_rows[row].by_proxy ? 1 : transfer.peer.port);
	request.url = url;
	if (never_sent_rows[row].script == refuse_all)
		waitpid(transfer.peer.pid, NULL, 0);
	if (never_sent_rows[row].by_proxy) {
		setenv("http_proxy", proxy, 1);
		setenv("https_proxy", proxy, 1);
	}
	transfer_run(&request, &r);
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
	transfer_result_fini(&r);
}
END_TEST

/* A name no resolver is asked for: a label is longer than 63 letters. FAULTS N1. */
START_TEST(test_name_not_found)
{
	struct transfer_result r;
	struct http_request request = {
		.method = "GET",
		.plain = true,
		.url = "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		       "aaaaaaa.invalid/",
	};

	transfer_run(&request, &r);
	ck_assert_int_eq(r.reply.curl_code, 6);
	ck_assert(r.reply.never_sent);
	ck_assert_int_eq(r.reply.request_size, 0);
	ck_assert_int_eq(r.reply.pretransfer_us, 0);
	transfer_result_fini(&r);
}
END_TEST

/* FAULTS N3: a listener whose queue is full swallows the SYN. */
START_TEST(test_syn_swallowed)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t size = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fillers[4];
	struct transfer_result r;
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
	request.url = url = transfer_url("https", ntohs(sin.sin_port));
	begin = clock_ms();
	transfer_run(&request, &r);
	ck_assert_int_eq(r.reply.curl_code, 28);
	ck_assert_str_eq(r.reply.error, "no connection in time");
	ck_assert(r.reply.never_sent);
	ck_assert_int_eq(r.reply.request_size, 0);
	ck_assert_int_ge(clock_ms() - begin, 200);
	ck_assert_int_lt(clock_ms() - begin, 2000);
	for (size_t i = 0; i < COUNT_OF(fillers); i++)
		close(fillers[i]);
	close(listener);
	transfer_result_fini(&r);
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
	struct transfer_result r;
	AUTO(free) char *url;
	struct http_request request = {.method = "POST",
		.body = "a=b",
		.body_len = 3,
		.plain = true};
	int complete = 0;

	peer_start(&transfer.peer, count_requests, connections_rows[_i].deadly);
	request.url = url = transfer_url("http", transfer.peer.port);
	request.mutating = connections_rows[_i].mutating;
	for (int i = 0; i < 3; i++) {
		transfer_run(&request, &r);
		complete += r.reply.complete;
		transfer_result_fini(&r);
	}
	peer_stop(&transfer.peer);
	ck_assert_msg(strcmp(transfer.peer.said, connections_rows[_i].said) == 0,
		"line %d: %s", connections_rows[_i].line, transfer.peer.said);
	ck_assert_int_eq(complete,
		connections_rows[_i].mutating && connections_rows[_i].deadly != NULL
			? 2
			: 3);
}
END_TEST

START_TEST(test_cancel)
{
	struct transfer_result a = {0}, b = {0};
	AUTO(free) char *url;
	struct http_request request = {.method = "GET", .plain = true};
	struct http_call *call;

	peer_start(&transfer.peer, transfer_answer_and_close, OK_REPLY);
	request.url = url = transfer_url("http", transfer.peer.port);
	call = http_start(transfer.http, &request, transfer_on_done, &a);
	http_cancel(call);
	ck_assert_uint_eq(http_in_flight(transfer.http), 0);
	/* In mid-transfer. */
	call = http_start(transfer.http, &request, transfer_on_done, &a);
	loop_turn(transfer.loop, true);
	loop_turn(transfer.loop, true);
	http_cancel(call);
	/* What has failed already, and waits for its callback. */
	request.url = "https://";
	call = http_start(transfer.http, &request, transfer_on_done, &a);
	http_cancel(call);
	http_cancel(NULL);
	/* Itself, which is too late. */
	call = http_start(transfer.http, &request, transfer_on_done, &b);
	b.to_cancel = call;
	while (b.count == 0)
		loop_turn(transfer.loop, true);
	loop_turn(transfer.loop, false);
	ck_assert_int_eq(a.count, 0);
	ck_assert_int_eq(b.count, 1);
	ck_assert_uint_eq(http_in_flight(transfer.http), 0);
	transfer_result_fini(&b);
}
END_TEST

/* Two are finished in one turn; the first to complete cancels the other. */
START_TEST(test_cancel_a_finished_one)
{
	struct transfer_result a = {0}, b = {0};
	struct http_request request = {.method = "GET", .url = "https://"};
	struct http_call *first = http_start(transfer.http, &request, transfer_on_done,
		&a);

	a.to_cancel = http_start(transfer.http, &request, transfer_on_done, &b);
	ck_assert_ptr_nonnull(first);
	loop_turn(transfer.loop, true);
	loop_turn(transfer.loop, false);
	ck_assert_int_eq(a.count, 1);
	ck_assert_int_eq(b.count, 0);
	ck_assert_uint_eq(http_in_flight(transfer.http), 0);
	transfer_result_fini(&a);
}
END_TEST

START_TEST(test_free_with_calls_in_flight)
{
	enum { CALLS = 200 };
	struct transfer_result r = {0};
	AUTO(free) char *url;
	struct http_request request = {.method = "GET", .plain = true};

	peer_start(&transfer.peer, say_nothing, NULL);
	request.url = url = transfer_url("http", transfer.peer.port);
	for (int i = 0; i < CALLS; i++)
		http_start(transfer.http, &request, transfer_on_done, &r);
	request.url = "https://";
	http_start(transfer.http, &request, transfer_on_done, &r);
	ck_assert_uint_eq(http_in_flight(transfer.http), CALLS + 1);
	http_free(transfer.http);
	transfer.http = NULL;
	loop_turn(transfer.loop, false);
	ck_assert_int_eq(r.count, 0);
}
END_TEST

/* More than run at once: all of them are served in the end. */
START_TEST(test_many)
{
	enum { CALLS = 400 };
	struct transfer_result *results = xcalloc(CALLS, sizeof(*results));
	AUTO(free) char *url;
	struct http_request request = {.method = "POST",
		.body = "x=y",
		.body_len = 3,
		.plain = true,
		.mutating = true};

	peer_start(&transfer.peer, count_requests, NULL);
	request.url = url = transfer_url("http", transfer.peer.port);
	for (int i = 0; i < CALLS; i++)
		http_start(transfer.http, &request, transfer_on_done, &results[i]);
	while (http_in_flight(transfer.http) > 0)
		loop_turn(transfer.loop, true);
	for (int i = 0; i < CALLS; i++) {
		ck_assert_int_eq(results[i].count, 1);
		ck_assert_msg(results[i].reply.complete, "%s", results[i].reply.error);
		transfer_result_fini(&results[i]);
	}
	peer_stop(&transfer.peer);
	ck_assert_uint_eq(strlen(transfer.peer.said), 2 * CALLS);
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
	struct transfer_result r[3] = {{0}, {0}, {0}};
	AUTO(free) char *url;
	struct http_request request = {.method = "GET",
		.plain = true,
		.reply_max = 32u << 20};
	int failed = 0;

	peer_start(&transfer.peer, stream_to_all, &each);
	request.url = url = transfer_url("http", transfer.peer.port);
	for (int i = 0; i < 3; i++)
		http_start(transfer.http, &request, transfer_on_done, &r[i]);
	while (r[0].count + r[1].count + r[2].count == 0)
		loop_turn(transfer.loop, true);
	for (int i = 0; i < 3; i++) {
		failed += r[i].count;
		if (r[i].count == 0)
			continue;
		ck_assert_str_eq(r[i].reply.error, "too many replies under way");
		ck_assert(!r[i].reply.never_sent);
		transfer_result_fini(&r[i]);
	}
	ck_assert_int_ge(failed, 1);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("http");
	TCase *tc = tcase_create("http");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, transfer_setup, transfer_teardown);
	tcase_add_loop_test(tc, test_never_sent, 0, 2 * COUNT_OF(never_sent_rows));
	tcase_add_test(tc, test_name_not_found);
	tcase_add_test(tc, test_syn_swallowed);
	tcase_add_loop_test(tc, test_connections, 0, COUNT_OF(connections_rows));
	tcase_add_test(tc, test_cancel);
	tcase_add_test(tc, test_cancel_a_finished_one);
	tcase_add_test(tc, test_free_with_calls_in_flight);
	tcase_add_test(tc, test_many);
	tcase_add_test(tc, test_replies_in_flight_are_bounded);
	suite_add_tcase(suite, tc);
	return suite;
}
