/* SPDX-License-Identifier: Apache-2.0 */
#include "conn_end.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "sys/sock.h"
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct loop *end_loop;

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

const struct sock_limits end_limits = {
	.line_max = 10,
	.out_pause = 1000,
	.line_ms = 10000,
	.unread_ms = 30000,
	.lines_a_turn = 4,
};

void
end_init(struct end *e, const struct sock_limits *with)
{
	int pair[2];

	memset(e, 0, sizeof(*e));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	e->peer = pair[1];
	e->conn = sock_conn_new(end_loop, pair[0], with, &events, e);
	ck_assert_int_eq(sock_conn_fd(e->conn), pair[0]);
}

void
end_fini(struct end *e)
{
	sock_conn_free(e->conn);
	if (e->peer >= 0)
		close(e->peer);
	buf_fini(&e->trail);
}

void
end_turns(int count)
{
	while (count-- > 0)
		loop_turn(end_loop, true);
}

void
end_send(struct end *e, const char *data, size_t len)
{
	ck_assert_int_eq(send(e->peer, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

void
end_say(struct end *e, const char *text)
{
	end_send(e, text, strlen(text));
	end_turns(1);
}

void
end_expect(struct end *e, const char *trail)
{
	ck_assert_str_eq(buf_str(&e->trail), trail);
	buf_clear(&e->trail);
}

/* Reads what is there, until nothing more comes; returns how much. at_end: closed. */
size_t
end_drain(struct end *e, bool *ret_at_end)
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

void
end_setup(void)
{
	struct err err;

	clock_fake(5000000, 1700000000000);
	end_loop = loop_new(&err);
	ck_assert_ptr_nonnull(end_loop);
}

void
end_teardown(void)
{
	loop_free(end_loop);
}
