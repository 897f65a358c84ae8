/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection reads. What it writes, and its end, are test_sock_output.c's.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "conn_end.h"
#include "sys/sock.h"
#include "unit.h"

#include <dirent.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

	end_init(&e, &end_limits);
	for (size_t i = 0; framing_cases[_i].chunks[i] != NULL; i++)
		end_say(&e, framing_cases[_i].chunks[i]);
	if (framing_cases[_i].eof)
		shutdown(e.peer, SHUT_WR);
	end_turns(5);
	ck_assert_msg(strcmp(buf_str(&e.trail), framing_cases[_i].trail) == 0,
		"line %d: %s", framing_cases[_i].line, buf_str(&e.trail));
	end_fini(&e);
}
END_TEST

START_TEST(test_nul_inside_a_line)
{
	struct end e;

	end_init(&e, &end_limits);
	end_send(&e, "a\0b\n", 4);
	end_turns(1);
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

	end_init(&e, &end_limits);
	e.echo = true;
	end_send(&e, "ab\ncd", 5);
	shutdown(e.peer, SHUT_WR);
	end_turns(4);
	end_expect(&e, "ab;cd;$");
	clock_fake_advance(60000);
	end_turns(2);
	end_expect(&e, "");
	sock_conn_write(e.conn, "late\n", 5);
	sock_conn_finish(e.conn);
	sock_conn_write(e.conn, "lost\n", 5);
	end_expect(&e, "");
	end_turns(1);
	end_expect(&e, "!E");
	ck_assert_uint_eq(end_drain(&e, &at_end), 11);
	ck_assert(at_end);
	end_fini(&e);
}
END_TEST

START_TEST(test_a_peer_that_is_gone)
{
	struct end e;

	/* At once: what it had asked for is served. */
	end_init(&e, &end_limits);
	end_say(&e, "a\nb\n");
	close(e.peer);
	e.peer = -1;
	end_turns(2);
	end_expect(&e, "a;b;!R");
	end_fini(&e);

	/* First half, then whole: seen a little later. */
	end_init(&e, &end_limits);
	shutdown(e.peer, SHUT_WR);
	end_turns(2);
	end_expect(&e, "$");
	close(e.peer);
	e.peer = -1;
	end_turns(2);
	end_expect(&e, "");
	clock_fake_advance(5000);
	end_turns(2);
	end_expect(&e, "!R");
	end_fini(&e);

	/* With an answer on its way. */
	end_init(&e, &end_limits);
	sock_conn_write(e.conn, "x\n", 2);
	close(e.peer);
	e.peer = -1;
	end_turns(1);
	end_expect(&e, "!R");
	end_fini(&e);
}
END_TEST

/* FAULTS R5 */
START_TEST(test_slow_line)
{
	struct end e;

	end_init(&e, &end_limits);
	clock_fake_advance(3600000);
	end_turns(2);
	end_say(&e, "a");
	for (int i = 0; i < 9; i++) {
		clock_fake_advance(1000);
		end_say(&e, i == 3 ? "\nb" : "c");
	}
	end_expect(&e, "accc;");
	/* The second line is five seconds old now. */
	clock_fake_advance(4999);
	end_turns(2);
	end_expect(&e, "");
	clock_fake_advance(1);
	end_turns(2);
	end_expect(&e, "!S");
	end_fini(&e);
}
END_TEST

/* A line that we do not want to read cannot be late. */
START_TEST(test_a_paused_line_is_not_slow)
{
	struct end e;

	end_init(&e, &end_limits);
	end_say(&e, "a");
	sock_conn_pause(e.conn, true);
	clock_fake_advance(60000);
	end_say(&e, "b\nc\n");
	end_expect(&e, "");
	sock_conn_pause(e.conn, false);
	end_expect(&e, "");
	end_turns(2);
	end_expect(&e, "ab;c;");
	end_fini(&e);
}
END_TEST

START_TEST(test_pause_within_a_line)
{
	struct end e;

	end_init(&e, &end_limits);
	e.pause = true;
	end_say(&e, "a\nb\nc");
	shutdown(e.peer, SHUT_WR);
	end_turns(3);
	end_expect(&e, "a;");
	sock_conn_pause(e.conn, false);
	end_turns(3);
	end_expect(&e, "b;");
	sock_conn_pause(e.conn, false);
	end_turns(3);
	end_expect(&e, "c;");
	end_turns(3);
	end_expect(&e, "");
	sock_conn_pause(e.conn, false);
	end_turns(3);
	end_expect(&e, "$");
	end_fini(&e);
}
END_TEST

START_TEST(test_lines_take_turns)
{
	struct end a, b;

	end_init(&a, &end_limits);
	end_init(&b, &end_limits);
	for (int i = 0; i < 100; i++) {
		end_send(&a, "x\n", 2);
		end_send(&b, "y\n", 2);
	}
	for (int i = 1; i <= 25; i++) {
		end_turns(1);
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

	end_init(&e, &end_limits);
	end_say(&e, "a");
	for (int i = 0; i < 10; i++) {
		sock_conn_write(e.conn, "event\n", 6);
		clock_fake_advance(1000);
		end_turns(2);
		end_drain(&e, NULL);
	}
	end_expect(&e, "!S");
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
	end_init(&e, &end_limits);
	before = count_descriptors();
	ck_assert_int_eq(sendmsg(e.peer, &msg, 0), 2);
	end_turns(1);
	end_expect(&e, "a;");
	ck_assert_int_eq(count_descriptors(), before);
	end_fini(&e);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("sock_conn");
	TCase *tc = tcase_create("sock_conn");

	tcase_add_checked_fixture(tc, end_setup, end_teardown);
	tcase_add_loop_test(tc, test_framing, 0, COUNT_OF(framing_cases));
	tcase_add_test(tc, test_nul_inside_a_line);
	tcase_add_test(tc, test_half_closed_peer_is_answered);
	tcase_add_test(tc, test_a_peer_that_is_gone);
	tcase_add_test(tc, test_slow_line);
	tcase_add_test(tc, test_a_paused_line_is_not_slow);
	tcase_add_test(tc, test_pause_within_a_line);
	tcase_add_test(tc, test_lines_take_turns);
	tcase_add_test(tc, test_output_does_not_help_a_slow_line);
	tcase_add_test(tc, test_sent_descriptors_are_discarded);
	suite_add_tcase(suite, tc);
	return suite;
}
