/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of sys/sock. The clock stands still and is moved by hand; a socket pair
 * delivers at once, so one turn after a write the other end has it.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "sys/sock.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One connection, its peer's end, and what was told of it. */
struct end {
	struct sock_conn *conn;
	int peer;
	struct buf trail; /* "line;" ">" too long, "$" eof, "!why" closed */
	int lines;
	char free_at; /* the mark of the callback that frees the conn */
	bool echo;    /* answer each line with itself */
	bool pause;   /* pause within each line */
	bool finish_at_eof;
	size_t answer; /* bytes of answer to each line */
};

static struct loop *loop;

static void
mark(struct end *e, char letter)
{
	buf_putc(&e->trail, letter);
	if (e->free_at == letter) {
		sock_conn_free(e->conn);
		e->conn = NULL;
	}
}

static void
on_line(void *arg, const char *line, size_t len)
{
	struct end *e = arg;
	AUTO(free) char *answer = xcalloc(1, e->answer + 1);

	ck_assert_int_eq(line[len], '\0');
	e->lines++;
	if (e->lines <= 100)
		buf_add(&e->trail, line, len);
	if (e->echo) {
		sock_conn_write(e->conn, line, len);
		sock_conn_write(e->conn, "\n", 1);
	}
	sock_conn_write(e->conn, answer, e->answer);
	if (e->pause)
		sock_conn_pause(e->conn, true);
	mark(e, ';');
}

static void
on_too_long(void *arg)
{
	mark(arg, '>');
}

static void
on_eof(void *arg)
{
	struct end *e = arg;

	if (e->finish_at_eof)
		sock_conn_finish(e->conn);
	mark(e, '$');
}

static void
on_closed(void *arg, enum sock_closed why)
{
	static const char letters[] = {
		[SOCK_EOF] = 'E',
		[SOCK_RESET] = 'R',
		[SOCK_SLOW_LINE] = 'S',
		[SOCK_UNREAD] = 'U',
	};
	struct end *e = arg;

	buf_putc(&e->trail, '!');
	mark(e, letters[why]);
	sock_conn_free(e->conn);
	e->conn = NULL;
}

static const struct sock_events events = {
	.on_line = on_line,
	.on_too_long = on_too_long,
	.on_eof = on_eof,
	.on_closed = on_closed,
};

static const struct sock_limits limits = {
	.line_max = 10,
	.out_pause = 1000,
	.line_ms = 10000,
	.unread_ms = 30000,
	.lines_a_turn = 4,
};

static void
end_init(struct end *e, const struct sock_limits *with)
{
	int pair[2];

	memset(e, 0, sizeof(*e));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	e->peer = pair[1];
	e->conn = sock_conn_new(loop, pair[0], with, &events, e);
	ck_assert_int_eq(sock_conn_fd(e->conn), pair[0]);
}

static void
end_fini(struct end *e)
{
	sock_conn_free(e->conn);
	if (e->peer >= 0)
		close(e->peer);
	buf_fini(&e->trail);
}

static void
turns(int count)
{
	while (count-- > 0)
		loop_turn(loop, true);
}

static void
send_all(struct end *e, const char *data, size_t len)
{
	ck_assert_int_eq(send(e->peer, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void
say(struct end *e, const char *text)
{
	send_all(e, text, strlen(text));
	turns(1);
}

static void
expect(struct end *e, const char *trail)
{
	ck_assert_str_eq(buf_str(&e->trail), trail);
	buf_clear(&e->trail);
}

/* Reads what is there, until nothing more comes; returns how much. at_end: closed. */
static size_t
drain(struct end *e, bool *ret_at_end)
{
	char bytes[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(e->peer, bytes, sizeof(bytes), 0)) > 0)
		total += (size_t)n;
	if (ret_at_end != NULL)
		*ret_at_end = n == 0;
	ck_assert(n == 0 || errno == EAGAIN);
	return total;
}

static void
setup(void)
{
	struct err err;

	clock_fake(5000000, 1700000000000);
	loop = loop_new(&err);
	ck_assert_ptr_nonnull(loop);
}

static void
teardown(void)
{
	loop_free(loop);
}

static const struct {
	const char *chunks[6];
	bool eof; /* the peer is done after them */
	const char *trail;
	int line;
} framing_cases[] = {
	{{"a\n"}, false, "a;", __LINE__},
	{{"a\nbc\n\nd\n"}, false, "a;bc;;d;", __LINE__},
	{{"a", "b", "\n", "c"}, false, "ab;", __LINE__},
	{{"a\nb\nc\nd\ne\nf\ng\nh\ni\n"}, false, "a;b;c;d;e;f;g;h;i;", __LINE__},
	{{"a\r\n"}, false, "a\r;", __LINE__},
	{{""}, true, "$", __LINE__},
	{{"a\n"}, true, "a;$", __LINE__},
	{{"a\nb"}, true, "a;b;$", __LINE__},
	{{"a\nb\nc\nd\ne\nf"}, true, "a;b;c;d;e;f;$", __LINE__},
	/* line_max is 10 */
	{{"0123456789\n"}, false, "0123456789;", __LINE__},
	{{"0123456789", "\nb\n"}, false, "0123456789;b;", __LINE__},
	{{"01234567890"}, false, ">", __LINE__},
	{{"01234567890\nb\n"}, false, ">", __LINE__},
	{{"a\n01234567890\nb\n"}, false, "a;>", __LINE__},
	{{"a\n012345678901234567890", "\nb\n"}, false, "a;>", __LINE__},
	{{"01234567890"}, true, ">", __LINE__},
};

START_TEST(test_framing)
{
	struct end e;

	end_init(&e, &limits);
	for (size_t i = 0; framing_cases[_i].chunks[i] != NULL; i++)
		say(&e, framing_cases[_i].chunks[i]);
	if (framing_cases[_i].eof)
		shutdown(e.peer, SHUT_WR);
	turns(5);
	ck_assert_msg(strcmp(buf_str(&e.trail), framing_cases[_i].trail) == 0,
		"line %d: %s", framing_cases[_i].line, buf_str(&e.trail));
	end_fini(&e);
}
END_TEST

START_TEST(test_nul_inside_a_line)
{
	struct end e;

	end_init(&e, &limits);
	send_all(&e, "a\0b\n", 4);
	turns(1);
	ck_assert_uint_eq(e.trail.len, 4);
	ck_assert_int_eq(memcmp(e.trail.data, "a\0b;", 4), 0);
	end_fini(&e);
}
END_TEST

/* FAULTS R21 */
START_TEST(test_half_closed_peer_is_answered)
{
	struct end e;
	bool at_end;

	end_init(&e, &limits);
	e.echo = true;
	send_all(&e, "ab\ncd", 5);
	shutdown(e.peer, SHUT_WR);
	turns(4);
	expect(&e, "ab;cd;$");
	clock_fake_advance(60000);
	turns(2);
	expect(&e, "");
	sock_conn_write(e.conn, "late\n", 5);
	sock_conn_finish(e.conn);
	sock_conn_write(e.conn, "lost\n", 5);
	expect(&e, "");
	turns(1);
	expect(&e, "!E");
	ck_assert_uint_eq(drain(&e, &at_end), 11);
	ck_assert(at_end);
	end_fini(&e);
}
END_TEST

START_TEST(test_a_peer_that_is_gone)
{
	struct end e;

	/* At once: what it had asked for is served. */
	end_init(&e, &limits);
	say(&e, "a\nb\n");
	close(e.peer);
	e.peer = -1;
	turns(2);
	expect(&e, "a;b;!R");
	end_fini(&e);

	/* First half, then whole: seen a little later. */
	end_init(&e, &limits);
	shutdown(e.peer, SHUT_WR);
	turns(2);
	expect(&e, "$");
	close(e.peer);
	e.peer = -1;
	turns(2);
	expect(&e, "");
	clock_fake_advance(5000);
	turns(2);
	expect(&e, "!R");
	end_fini(&e);

	/* With an answer on its way. */
	end_init(&e, &limits);
	sock_conn_write(e.conn, "x\n", 2);
	close(e.peer);
	e.peer = -1;
	turns(1);
	expect(&e, "!R");
	end_fini(&e);
}
END_TEST

/* FAULTS R5 */
START_TEST(test_slow_line)
{
	struct end e;

	end_init(&e, &limits);
	clock_fake_advance(3600000);
	turns(2);
	say(&e, "a");
	for (int i = 0; i < 9; i++) {
		clock_fake_advance(1000);
		say(&e, i == 3 ? "\nb" : "c");
	}
	expect(&e, "accc;");
	/* The second line is five seconds old now. */
	clock_fake_advance(4999);
	turns(2);
	expect(&e, "");
	clock_fake_advance(1);
	turns(2);
	expect(&e, "!S");
	end_fini(&e);
}
END_TEST

/* A line that we do not want to read cannot be late. */
START_TEST(test_a_paused_line_is_not_slow)
{
	struct end e;

	end_init(&e, &limits);
	say(&e, "a");
	sock_conn_pause(e.conn, true);
	clock_fake_advance(60000);
	say(&e, "b\nc\n");
	expect(&e, "");
	sock_conn_pause(e.conn, false);
	expect(&e, "");
	turns(2);
	expect(&e, "ab;c;");
	end_fini(&e);
}
END_TEST

START_TEST(test_pause_within_a_line)
{
	struct end e;

	end_init(&e, &limits);
	e.pause = true;
	say(&e, "a\nb\nc");
	shutdown(e.peer, SHUT_WR);
	turns(3);
	expect(&e, "a;");
	sock_conn_pause(e.conn, false);
	turns(3);
	expect(&e, "b;");
	sock_conn_pause(e.conn, false);
	turns(3);
	expect(&e, "c;");
	turns(3);
	expect(&e, "");
	sock_conn_pause(e.conn, false);
	turns(3);
	expect(&e, "$");
	end_fini(&e);
}
END_TEST

static void
ask_until_stuck(struct end *e)
{
	for (int i = 0; i < 1000; i++) {
		if (send(e->peer, "ask\n", 4, MSG_NOSIGNAL) < 0)
			break;
		turns(1);
	}
	ck_assert_uint_ge(sock_conn_queued(e->conn), limits.out_pause);
	ck_assert_uint_le(sock_conn_queued(e->conn), 2 * e->answer);
}

/* FAULTS R6: it asks and asks, and reads nothing. */
START_TEST(test_peer_that_reads_nothing)
{
	struct end e;
	int served;

	end_init(&e, &limits);
	e.answer = 5000;
	ask_until_stuck(&e);
	served = e.lines;
	ck_assert_int_lt(served, 200); /* the kernel's buffer, and one */
	clock_fake_advance(29999);
	turns(2);
	ck_assert_ptr_nonnull(e.conn);
	/* It reads a little: that is progress, and more lines are served. */
	drain(&e, NULL);
	turns(4);
	ck_assert_int_gt(e.lines, served);
	ask_until_stuck(&e);
	clock_fake_advance(29999);
	turns(2);
	ck_assert_ptr_nonnull(e.conn);
	clock_fake_advance(1);
	turns(2);
	ck_assert_ptr_null(e.conn);
	ck_assert_ptr_nonnull(strstr(buf_str(&e.trail), "!U"));
	end_fini(&e);
}
END_TEST

START_TEST(test_lines_take_turns)
{
	struct end a, b;

	end_init(&a, &limits);
	end_init(&b, &limits);
	for (int i = 0; i < 100; i++) {
		send_all(&a, "x\n", 2);
		send_all(&b, "y\n", 2);
	}
	for (int i = 1; i <= 25; i++) {
		turns(1);
		ck_assert_int_eq(a.lines, 4 * i);
		ck_assert_int_eq(b.lines, 4 * i);
	}
	end_fini(&a);
	end_fini(&b);
}
END_TEST

/* Events that flow out do not keep an unfinished line young. */
START_TEST(test_output_does_not_help_a_slow_line)
{
	struct end e;

	end_init(&e, &limits);
	say(&e, "a");
	for (int i = 0; i < 10; i++) {
		sock_conn_write(e.conn, "event\n", 6);
		clock_fake_advance(1000);
		turns(2);
		drain(&e, NULL);
	}
	expect(&e, "!S");
	end_fini(&e);
}
END_TEST

/* FAULTS R3: it is still sending when it is told to stop, and reads that all the same. */
START_TEST(test_last_words_arrive)
{
	struct end e;
	char bytes[65536];
	size_t sent = 0;
	bool at_end;

	memset(bytes, 'x', sizeof(bytes));
	end_init(&e, &limits);
	for (int i = 0; i < 1000 && sent < (1u << 20); i++) {
		ssize_t n = send(e.peer, bytes, sizeof(bytes), MSG_NOSIGNAL);

		ck_assert(n > 0 || errno == EAGAIN);
		sent += n > 0 ? (size_t)n : 0;
		turns(1);
		if (e.trail.len > 0 && i == 3) {
			sock_conn_write(e.conn, "limit\n", 6);
			sock_conn_finish(e.conn);
		}
	}
	expect(&e, ">");
	ck_assert_uint_ge(sent, 1u << 20);
	ck_assert_uint_eq(drain(&e, &at_end), 6);
	ck_assert(at_end);
	close(e.peer);
	e.peer = -1;
	turns(100);
	expect(&e, "!E");
	end_fini(&e);
}
END_TEST

START_TEST(test_finish_waits_only_a_second)
{
	struct end e;

	end_init(&e, &limits);
	sock_conn_finish(e.conn);
	sock_conn_finish(e.conn);
	turns(2);
	expect(&e, "");
	clock_fake_advance(999);
	say(&e, "not read\n");
	expect(&e, "");
	clock_fake_advance(1);
	turns(1);
	expect(&e, "!E");
	end_fini(&e);
}
END_TEST

START_TEST(test_finish_waits_for_the_output)
{
	struct end e;
	AUTO(free) char *bytes = xcalloc(1, 4u << 20);
	size_t read = 0;

	end_init(&e, &limits);
	sock_conn_write(e.conn, bytes, 4u << 20);
	sock_conn_finish(e.conn);
	turns(3);
	for (int i = 0; i < 1000 && e.conn != NULL; i++) {
		clock_fake_advance(100);
		read += drain(&e, NULL);
		turns(1);
	}
	read += drain(&e, NULL);
	ck_assert_uint_eq(read, 4u << 20);
	expect(&e, "!E");
	end_fini(&e);
}
END_TEST

START_TEST(test_large_output_is_whole)
{
	enum { SIZE = 8 << 20 };
	struct end e;
	AUTO(free) char *sent = xmalloc(SIZE), *got = xmalloc(SIZE);
	size_t have = 0, put = 0;

	for (size_t i = 0; i < SIZE; i++)
		sent[i] = (char)((i * 2654435761u) >> 13);
	end_init(&e, &limits);
	while (have < SIZE) {
		size_t part = put < SIZE ? 77777 : 0;
		ssize_t n;

		if (part > SIZE - put)
			part = SIZE - put;
		sock_conn_write(e.conn, sent + put, part);
		put += part;
		turns(1);
		n = recv(e.peer, got + have, 50000 + (have % 999), 0);
		if (n > 0)
			have += (size_t)n;
	}
	ck_assert_int_eq(memcmp(sent, got, SIZE), 0);
	ck_assert_uint_eq(sock_conn_queued(e.conn), 0);
	end_fini(&e);
}
END_TEST

/* The owner may free the conn in any callback, with more waiting behind it. */
START_TEST(test_freed_in_callback)
{
	static const char marks[] = ";>$ER";
	struct end e;
	char expected[3] = {marks[_i], '\0', '\0'};

	end_init(&e, &limits);
	e.free_at = marks[_i];
	switch (marks[_i]) {
	case ';': send_all(&e, "\n\n\n", 3); break;
	case '>': send_all(&e, "0123456789abcdef\n\n", 18); break;
	case '$': shutdown(e.peer, SHUT_WR); break;
	case 'E':
		sock_conn_finish(e.conn);
		shutdown(e.peer, SHUT_WR);
		break;
	case 'R':
		close(e.peer);
		e.peer = -1;
		break;
	}
	turns(3);
	if (marks[_i] == 'E' || marks[_i] == 'R') {
		expected[0] = '!';
		expected[1] = marks[_i];
	}
	expect(&e, expected);
	ck_assert_ptr_null(e.conn);
	end_fini(&e);
}
END_TEST

START_TEST(test_finish_at_eof)
{
	struct end e;

	end_init(&e, &limits);
	e.finish_at_eof = true;
	e.echo = true;
	send_all(&e, "a\n", 2);
	shutdown(e.peer, SHUT_WR);
	turns(2);
	expect(&e, "a;$!E");
	ck_assert_uint_eq(drain(&e, NULL), 2);
	end_fini(&e);
}
END_TEST

static int
count_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(d) != NULL)
		count++;
	closedir(d);
	return count;
}

/* FAULTS R16 */
START_TEST(test_sent_descriptors_are_discarded)
{
	struct end e;
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {.iov_base = (char[]){"a\n"}, .iov_len = 2};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);
	int before, zero = 0;

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &zero, sizeof(int));
	end_init(&e, &limits);
	before = count_descriptors();
	ck_assert_int_eq(sendmsg(e.peer, &msg, 0), 2);
	turns(1);
	expect(&e, "a;");
	ck_assert_int_eq(count_descriptors(), before);
	end_fini(&e);
}
END_TEST

START_TEST(test_a_broken_conn_takes_no_more)
{
	struct end e;

	sock_conn_free(NULL);
	end_init(&e, &limits);
	close(e.peer);
	e.peer = -1;
	sock_conn_write(e.conn, "a", 1);
	sock_conn_write(e.conn, "b", 1);
	turns(1);
	expect(&e, "!R");
	end_fini(&e);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("sock_conn");
	TCase *tc = tcase_create("conn");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_framing, 0, COUNT_OF(framing_cases));
	tcase_add_test(tc, test_nul_inside_a_line);
	tcase_add_test(tc, test_half_closed_peer_is_answered);
	tcase_add_test(tc, test_a_peer_that_is_gone);
	tcase_add_test(tc, test_slow_line);
	tcase_add_test(tc, test_a_paused_line_is_not_slow);
	tcase_add_test(tc, test_pause_within_a_line);
	tcase_add_test(tc, test_peer_that_reads_nothing);
	tcase_add_test(tc, test_lines_take_turns);
	tcase_add_test(tc, test_output_does_not_help_a_slow_line);
	tcase_add_test(tc, test_last_words_arrive);
	tcase_add_test(tc, test_finish_waits_only_a_second);
	tcase_add_test(tc, test_finish_waits_for_the_output);
	tcase_add_test(tc, test_large_output_is_whole);
	tcase_add_loop_test(tc, test_freed_in_callback, 0, 5);
	tcase_add_test(tc, test_finish_at_eof);
	tcase_add_test(tc, test_sent_descriptors_are_discarded);
	tcase_add_test(tc, test_a_broken_conn_takes_no_more);
	suite_add_tcase(suite, tc);
	return suite;
}
