/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages over a real socket: what is answered to what, and what a client that is slow,
 * greedy or in a crowd can take.
 */
#include "sys/page.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;
static struct pages *pages;
static char asked[64];

static int
show(void *arg, const char *path, struct buf *body)
{
	(void)arg;
	(void)strncpy(asked, path, sizeof(asked) - 1);
	if (strcmp(path, "/") != 0)
		return 404;
	buf_puts(body, "hello\n");
	return 200;
}

static void
setup(void)
{
	struct err err;

	signal(SIGPIPE, SIG_IGN);
	clock_fake(1000000, 1758464000000);
	loop = loop_new(&err);
	pages = pages_new(loop, "127.0.0.1:0", "text/plain", show, NULL, &err);
	ck_assert_ptr_nonnull(pages);
}

static void
teardown(void)
{
	pages_free(pages);
	loop_free(loop);
}

static void
turns(int n)
{
	while (n-- > 0) {
		loop_turn(loop, false);
		usleep(500);
	}
}

static int
connect_to(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(pages_port(pages)),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	turns(3);
	return fd;
}

static void
send_text(int fd, const char *text)
{
	/* Who was cut off meanwhile cannot send, which is what is tested. */
	(void)!send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* All until the end, in at most so many turns; the caller's. */
static char *
reply_of(int fd)
{
	struct buf out = {.data = NULL};
	char part[4096];

	for (int n = 0; n < 400; n++) {
		ssize_t got = recv(fd, part, sizeof(part), MSG_DONTWAIT);

		if (got == 0 || (got < 0 && errno != EAGAIN))
			break;
		if (got > 0)
			buf_add(&out, part, (size_t)got);
		turns(1);
		clock_fake_advance(5);
	}
	buf_puts(&out, "");
	return buf_take(&out);
}

static bool
is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

static const struct {
	const char *request, *begins, *ends;
	int line;
} requests[] = {
	{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\nhello\n",
		__LINE__},
	{"GET / HTTP/1.0\n\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\nhello\n", __LINE__},
	{"GET /?a=b HTTP/1.1\r\n\r\n", "HTTP/1.1 200 ", "hello\n", __LINE__},
	{"HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 ", "Connection: close\r\n\r\n",
		__LINE__},
	{"GET /no HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ", "Not Found\n", __LINE__},
	{"POST / HTTP/1.1\r\n\r\n", "HTTP/1.1 405 ", "Method Not Allowed\n", __LINE__},
	{"GETS / HTTP/1.1\r\n\r\n", "HTTP/1.1 405 ", "Method Not Allowed\n", __LINE__},
	{"GET / HTTP/2.0\r\n\r\n", "HTTP/1.1 400 ", "Bad Request\n", __LINE__},
	{"GET http://x/ HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "Bad Request\n", __LINE__},
	{"GET /\r\n\r\n", "HTTP/1.1 400 ", "Bad Request\n", __LINE__},
	{"GET / \r\n\r\n", "HTTP/1.1 400 ", "Bad Request\n", __LINE__},
	{"\r\n\r\n", "HTTP/1.1 400 ", "Bad Request\n", __LINE__},
	{"\x16\x03\x01\n", "HTTP/1.1 400 ", "Bad Request\n", __LINE__},
	{"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 ",
		"\r\n\r\nhello\n", __LINE__},
};

START_TEST(test_requests)
{
	int fd = connect_to();
	AUTO(free) char *reply = NULL;
	size_t len;

	send_text(fd, requests[_i].request);
	turns(5);
	(void)shutdown(fd, SHUT_WR);
	reply = reply_of(fd);
	len = strlen(requests[_i].ends);
	ck_assert_msg(strncmp(reply, requests[_i].begins,
			      strlen(requests[_i].begins)) == 0 &&
			strlen(reply) > len &&
			strcmp(reply + strlen(reply) - len, requests[_i].ends) == 0,
		"line %d: %s", requests[_i].line, reply);
	ck_assert(strchr(asked, '?') == NULL);
	close(fd);
}
END_TEST

START_TEST(test_byte_by_byte)
{
	static const char request[] = "GET / HTTP/1.1\r\nA: b\r\n\r\n";
	int fd = connect_to();
	AUTO(free) char *reply = NULL;

	for (size_t n = 0; n < sizeof(request) - 1; n++) {
		ck_assert_int_eq(send(fd, request + n, 1, 0), 1);
		turns(1);
		clock_fake_advance(100);
	}
	reply = reply_of(fd);
	ck_assert_ptr_nonnull(strstr(reply, "Content-Length: 6\r\n"));
	close(fd);
}
END_TEST

/* However busy it looks, a request has ten seconds. */
START_TEST(test_slow_request)
{
	int fd = connect_to();

	send_text(fd, "GET / HTTP/1.1\r\n");
	for (int n = 0; n < 9; n++) {
		send_text(fd, "X: y\r\n");
		turns(3);
		ck_assert(!is_closed(fd));
		clock_fake_advance(1100);
	}
	clock_fake_advance(1100);
	turns(5);
	ck_assert(is_closed(fd));
	close(fd);
}
END_TEST

START_TEST(test_too_much)
{
	AUTO(buf) struct buf line = {.data = NULL};
	AUTO(free) char *reply = NULL;
	int fd = connect_to();

	if (_i == 0) {
		buf_puts(&line, "GET /");
		while (line.len < 2 * PAGE_LINE_MAX)
			buf_puts(&line, "xxxxxxxxxxxxxxxx");
	} else {
		buf_puts(&line, "GET / HTTP/1.1\r\n");
		for (unsigned n = 0; n <= PAGE_LINES_MAX; n++)
			buf_puts(&line, "X: y\r\n");
	}
	send_text(fd, buf_str(&line));
	turns(10);
	reply = reply_of(fd);
	ck_assert_ptr_eq(strstr(reply, "HTTP/1.1 431 "), reply);
	close(fd);
}
END_TEST

/* Of a crowd that says nothing only so many are kept, and not for long. */
START_TEST(test_crowd)
{
	int crowd[PAGE_CONNECTIONS_MAX + 4], late;
	AUTO(free) char *reply = NULL;
	unsigned closed = 0;

	for (size_t n = 0; n < COUNT_OF(crowd); n++)
		crowd[n] = connect_to();
	turns(5);
	for (size_t n = 0; n < COUNT_OF(crowd); n++)
		closed += is_closed(crowd[n]);
	ck_assert_uint_eq(closed, 4);
	clock_fake_advance(PAGE_REQUEST_MS + 1);
	turns(5);
	late = connect_to();
	send_text(late, "GET / HTTP/1.1\r\n\r\n");
	reply = reply_of(late);
	ck_assert_ptr_nonnull(strstr(reply, "hello"));
	for (size_t n = 0; n < COUNT_OF(crowd); n++)
		close(crowd[n]);
	close(late);
}
END_TEST

/* With clients in all states. */
START_TEST(test_free)
{
	int silent = connect_to(), half = connect_to();

	send_text(half, "GET / HT");
	turns(3);
	pages_free(pages);
	pages = NULL;
	ck_assert(is_closed(silent) && is_closed(half));
	close(silent);
	close(half);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("page");
	TCase *t = tcase_create("page");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, test_requests, 0, (int)COUNT_OF(requests));
	tcase_add_test(t, test_byte_by_byte);
	tcase_add_test(t, test_slow_request);
	tcase_add_loop_test(t, test_too_much, 0, 2);
	tcase_add_test(t, test_crowd);
	tcase_add_test(t, test_free);
	suite_add_tcase(s, t);
	return s;
}
