/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection of sys/sock writes, to peers that read slowly or not at all, and its end.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "conn_end.h"
#include "sys/sock.h"
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
ask_until_stuck(struct end *e)
{
	for (int i = 0; i < 1000; i++) {
		if (send(e->peer, "ask\n", 4, MSG_NOSIGNAL) < 0)
			break;
		end_turns(1);
	}
	ck_assert_uint_ge(sock_conn_queued(e->conn), end_limits.out_pause);
	ck_assert_uint_le(sock_conn_queued(e->conn), 2 * e->answer);
}

/* FAULTS R6: it asks and asks, and reads nothing. */
START_TEST(test_peer_that_reads_nothing)
{
	struct end e;
	int served;

	end_init(&e, &end_limits);
	e.answer = 5000;
	ask_until_stuck(&e);
	served = e.lines;
	ck_assert_int_lt(served, 200); /* the kernel's buffer, and one */
	clock_fake_advance(29999);
	end_turns(2);
	ck_assert_ptr_nonnull(e.conn);
	/* It reads a little: that is progress, and more lines are served. */
	end_drain(&e, NULL);
	end_turns(4);
	ck_assert_int_gt(e.lines, served);
	ask_until_stuck(&e);
	clock_fake_advance(29999);
	end_turns(2);
	ck_assert_ptr_nonnull(e.conn);
	clock_fake_advance(1);
	end_turns(2);
	ck_assert_ptr_null(e.conn);
	ck_assert_ptr_nonnull(strstr(buf_str(&e.trail), "!U"));
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
	end_init(&e, &end_limits);
	for (int i = 0; i < 1000 && sent < (1u << 20); i++) {
		ssize_t n = send(e.peer, bytes, sizeof(bytes), MSG_NOSIGNAL);

		ck_assert(n > 0 || errno == EAGAIN);
		sent += n > 0 ? (size_t)n : 0;
		end_turns(1);
		if (e.trail.len > 0 && i == 3) {
			sock_conn_write(e.conn, "limit\n", 6);
			sock_conn_finish(e.conn);
		}
	}
	end_expect(&e, ">");
	ck_assert_uint_ge(sent, 1u << 20);
	ck_assert_uint_eq(end_drain(&e, &at_end), 6);
	ck_assert(at_end);
	close(e.peer);
	e.peer = -1;
	end_turns(100);
	end_expect(&e, "!E");
	end_fini(&e);
}
END_TEST

START_TEST(test_finish_waits_only_a_second)
{
	struct end e;

	end_init(&e, &end_limits);
	sock_conn_finish(e.conn);
	sock_conn_finish(e.conn);
	end_turns(2);
	end_expect(&e, "");
	clock_fake_advance(999);
	end_say(&e, "not read\n");
	end_expect(&e, "");
	clock_fake_advance(1);
	end_turns(1);
	end_expect(&e, "!E");
	end_fini(&e);
}
END_TEST

START_TEST(test_finish_waits_for_the_output)
{
	struct end e;
	AUTO(free) char *bytes = xcalloc(1, 4u << 20);
	size_t read = 0;

	end_init(&e, &end_limits);
	sock_conn_write(e.conn, bytes, 4u << 20);
	sock_conn_finish(e.conn);
	end_turns(3);
	for (int i = 0; i < 1000 && e.conn != NULL; i++) {
		clock_fake_advance(100);
		read += end_drain(&e, NULL);
		end_turns(1);
	}
	read += end_drain(&e, NULL);
	ck_assert_uint_eq(read, 4u << 20);
	end_expect(&e, "!E");
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
	end_init(&e, &end_limits);
	while (have < SIZE) {
		size_t part = put < SIZE ? 77777 : 0;
		ssize_t n;

		if (part > SIZE - put)
			part = SIZE - put;
		sock_conn_write(e.conn, sent + put, part);
		put += part;
		end_turns(1);
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

	end_init(&e, &end_limits);
	e.free_at = marks[_i];
	switch (marks[_i]) {
	case ';': end_send(&e, "\n\n\n", 3); break;
	case '>': end_send(&e, "0123456789abcdef\n\n", 18); break;
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
	end_turns(3);
	if (marks[_i] == 'E' || marks[_i] == 'R') {
		expected[0] = '!';
		expected[1] = marks[_i];
	}
	end_expect(&e, expected);
	ck_assert_ptr_null(e.conn);
	end_fini(&e);
}
END_TEST

START_TEST(test_finish_at_eof)
{
	struct end e;

	end_init(&e, &end_limits);
	e.finish_at_eof = true;
	e.echo = true;
	end_send(&e, "a\n", 2);
	shutdown(e.peer, SHUT_WR);
	end_turns(2);
	end_expect(&e, "a;$!E");
	ck_assert_uint_eq(end_drain(&e, NULL), 2);
	end_fini(&e);
}
END_TEST

START_TEST(test_a_broken_conn_takes_no_more)
{
	struct end e;

	sock_conn_free(NULL);
	end_init(&e, &end_limits);
	close(e.peer);
	e.peer = -1;
	sock_conn_write(e.conn, "a", 1);
	sock_conn_write(e.conn, "b", 1);
	end_turns(1);
	end_expect(&e, "!R");
	end_fini(&e);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("sock_output");
	TCase *tc = tcase_create("sock_output");

	tcase_add_checked_fixture(tc, end_setup, end_teardown);
	tcase_add_test(tc, test_peer_that_reads_nothing);
	tcase_add_test(tc, test_last_words_arrive);
	tcase_add_test(tc, test_finish_waits_only_a_second);
	tcase_add_test(tc, test_finish_waits_for_the_output);
	tcase_add_test(tc, test_large_output_is_whole);
	tcase_add_loop_test(tc, test_freed_in_callback, 0, 5);
	tcase_add_test(tc, test_finish_at_eof);
	tcase_add_test(tc, test_a_broken_conn_takes_no_more);
	suite_add_tcase(suite, tc);
	return suite;
}
