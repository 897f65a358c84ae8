/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides when a connection is read, served, written and given up. Whatever a peer does,
 * it makes us hold one unfinished line and what its owner queued, for a bounded time. All
 * callbacks come from the loop, none from within a call of ours.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "sys/sock.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE 16384u
#define SEND_A_TURN (1u << 20)
#define BUFFER_KEEP (64u << 10) /* an empty buffer that grew larger is given back */
#define LINGER_MS 1000
#define LINGER_BYTES_MAX (16u << 20)
#define GONE_CHECK_MS 5000

struct sock_conn {
	struct loop *loop; /* borrowed, outlives us */
	int fd;            /* -1 once freed */
	struct loop_fd *watch;
	struct sock_limits limits;
	const struct sock_events *events; /* borrowed */
	void *arg;

	struct buf in;  /* at most one unfinished line and one read */
	size_t scanned; /* its first bytes, known to hold no newline */
	struct buf out;
	size_t out_pos; /* its first bytes have left */
	size_t thrown_away;

	bool paused;   /* by the owner */
	bool too_long; /* told; no line follows */
	bool eof;      /* the peer is done sending */
	bool reset;    /* and so is the connection */
	bool eof_told;
	bool finishing; /* the owner is done; what is read is thrown away */
	bool held;      /* lines may stand in `in`, and we may not serve them now */
	bool blocked;   /* the kernel takes no more output for now */
	bool over;      /* on_closed has been or need not be called */

	struct loop_poke flush;
	struct loop_timer again;  /* lines are left for the next turn */
	struct loop_timer line;   /* limit of an unfinished line */
	struct loop_timer unread; /* limit of output without progress */
	struct loop_timer linger; /* limit of the peer's close after ours */
	struct loop_timer gone;   /* next look at a half-closed peer */
};

static void
conn_disarm(struct sock_conn *c)
{
	loop_poke_clear(&c->flush);
	loop_timer_clear(&c->again);
	loop_timer_clear(&c->line);
	loop_timer_clear(&c->unread);
	loop_timer_clear(&c->linger);
	loop_timer_clear(&c->gone);
}

static void
conn_over(struct sock_conn *c, enum sock_closed why)
{
	if (c->over)
		return;
	c->over = true;
	conn_disarm(c);
	loop_fd_want(c->watch, 0);
	c->events->on_closed(c->arg, why);
}

size_t
sock_conn_queued(const struct sock_conn *c)
{
	return c->out.len - c->out_pos;
}

static bool
can_serve(const struct sock_conn *c)
{
	return !c->over && !c->paused && !c->finishing && !c->too_long &&
		!c->eof_told && sock_conn_queued(c) < c->limits.out_pause;
}

/* Sets what we wait for after anything has changed. */
static void
conn_arm(struct sock_conn *c)
{
	bool read = !c->eof && (c->finishing || can_serve(c)) &&
		!loop_timer_armed(&c->again);

	if (c->over)
		return;
	loop_fd_want(c->watch, (read ? LOOP_READ : 0) | (c->blocked ? LOOP_WRITE : 0));
	/* A peer that we do not read cannot finish its line. */
	if (!read || c->finishing || c->in.len == 0)
		loop_timer_clear(&c->line);
	else if (c->limits.line_ms > 0 && !loop_timer_armed(&c->line))
		loop_timer_in(&c->line, c->limits.line_ms);
}

/* Lines are served in a turn of their own. */
static void
serve_later(struct sock_conn *c)
{
	c->held = false;
	loop_timer_at(&c->again, clock_ms());
}

/* What kept us from serving may have passed. */
static void
serve_held(struct sock_conn *c)
{
	if (c->held && can_serve(c))
		serve_later(c);
}

/* Takes the line at *pos, newline cut off, or returns NULL. */
static char *
next_line(struct sock_conn *c, size_t *pos, size_t *ret_len)
{
	size_t left = c->in.len - *pos;
	char *line, *newline;

	if (left <= c->scanned)
		return NULL;
	line = c->in.data + *pos;
	newline = memchr(line + c->scanned, '\n', left - c->scanned);
	c->scanned = left;
	if (newline == NULL)
		return NULL;
	c->scanned = 0;
	*newline = '\0';
	*ret_len = (size_t)(newline - line);
	*pos += *ret_len + 1;
	return line;
}

static void
tell_too_long(struct sock_conn *c)
{
	c->too_long = true;
	buf_fini(&c->in);
	c->scanned = 0;
	c->events->on_too_long(c->arg);
}

/* The owner's time for this turn may be used up, by other connections too. */
static bool
may_serve(const struct sock_conn *c)
{
	return can_serve(c) &&
		(c->events->may_serve == NULL || c->events->may_serve(c->arg));
}

/* Hands out at most lines_a_turn lines; false when the conn was freed meanwhile. */
static bool
serve_lines(struct sock_conn *c)
{
	size_t pos = 0;

	for (unsigned i = 0; i < c->limits.lines_a_turn && may_serve(c); i++) {
		size_t len;
		char *line = next_line(c, &pos, &len);

		if (line == NULL)
			break;
		loop_timer_clear(&c->line);
		if (len > c->limits.line_max) {
			tell_too_long(c);
			return c->fd >= 0;
		}
		c->events->on_line(c->arg, line, len);
		if (c->fd < 0)
			return false;
	}
	buf_drop(&c->in, pos);
	if (c->in.len == 0 && c->in.cap > BUFFER_KEEP)
		buf_fini(&c->in);
	return true;
}

/* Both directions are closed: nobody is there to read an answer. */
static bool
peer_is_gone(const struct sock_conn *c)
{
	struct pollfd p = {.fd = c->fd};

	return c->reset || (poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)));
}

static void
check_gone(struct sock_conn *c)
{
	if (peer_is_gone(c))
		conn_over(c, SOCK_RESET);
	else
		loop_timer_in(&c->gone, GONE_CHECK_MS);
}

/* All lines are served and no more will come. */
static void
serve_eof(struct sock_conn *c)
{
	c->eof_told = true;
	check_gone(c);
	if (!c->over)
		c->events->on_eof(c->arg);
}

/* No whole line is left: what stands there goes on, is too long, or is the last one. */
static void
serve_rest(struct sock_conn *c)
{
	if (c->in.len > c->limits.line_max) {
		tell_too_long(c);
		return;
	}
	if (!c->eof)
		return;
	if (c->in.len > 0 && !c->reset) {
		struct buf line = c->in;

		c->in = (struct buf){0};
		c->scanned = 0;
		c->events->on_line(c->arg, line.data, line.len);
		buf_fini(&line);
		/* Its owner may have paused us; on_eof comes when that is over. */
		c->held = true;
		serve_held(c);
		return;
	}
	serve_eof(c);
}

/* Before those who were served in this turn, so that everyone gets on. */
static void
wait_for_time(struct sock_conn *c)
{
	loop_timer_at(&c->again, 0);
	conn_arm(c);
}

static void
serve(struct sock_conn *c)
{
	if (can_serve(c) && !may_serve(c)) {
		wait_for_time(c);
		return;
	}
	if (!serve_lines(c))
		return;
	if (can_serve(c)) {
		if (memchr(buf_str(&c->in) + c->scanned, '\n', c->in.len - c->scanned))
			serve_later(c);
		else
			serve_rest(c);
	} else {
		c->held = true;
	}
	if (c->fd >= 0)
		conn_arm(c);
}

static void
on_again(void *arg)
{
	serve(arg);
}

/* The owner is done: what still comes is not read, only taken. */
static void
throw_away(struct sock_conn *c, size_t len)
{
	c->thrown_away += len;
	if (len > 0 && c->thrown_away <= LINGER_BYTES_MAX)
		return;
	c->eof = true;
	loop_poke(&c->flush);
}

static void
conn_read(struct sock_conn *c)
{
	char bytes[READ_SIZE];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		c->eof = true;
	if (n < 0)
		c->reset = true;
	if (c->finishing) {
		throw_away(c, n > 0 ? (size_t)n : 0);
		conn_arm(c);
		return;
	}
	if (n > 0)
		buf_add(&c->in, bytes, (size_t)n);
	serve(c);
}

/*
 * 0, or -1 when the connection is broken. A peer that reads as fast as we send gets a part
 * only, for the others wait.
 */
static int
send_some(struct sock_conn *c)
{
	size_t end = c->out_pos + SEND_A_TURN;

	c->blocked = false;
	while (sock_conn_queued(c) > 0) {
		ssize_t n = c->out_pos >= end
			? 0
			: send(c->fd, c->out.data + c->out_pos, sock_conn_queued(c),
				  MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || (n < 0 && errno == EAGAIN)) {
			c->blocked = true;
			return 0;
		}
		if (n < 0)
			return -1;
		c->out_pos += (size_t)n;
		loop_timer_clear(&c->unread);
	}
	return 0;
}

/* Gives back the room of what has left. */
static void
trim_out(struct sock_conn *c)
{
	if (sock_conn_queued(c) == 0) {
		c->out_pos = 0;
		if (c->out.cap > BUFFER_KEEP)
			buf_fini(&c->out);
		else
			buf_clear(&c->out);
	} else if (c->out_pos > BUFFER_KEEP && c->out_pos > c->out.len / 2) {
		buf_drop(&c->out, c->out_pos);
		c->out_pos = 0;
	}
}

/* All output has left and the owner is done. */
static void
conn_linger(struct sock_conn *c)
{
	if (c->eof) {
		conn_over(c, SOCK_EOF);
	} else if (!loop_timer_armed(&c->linger)) {
		(void)shutdown(c->fd,
			SHUT_WR); /* a broken one shows at the next read */
		loop_timer_in(&c->linger, LINGER_MS);
	}
}

static void
flush(struct sock_conn *c)
{
	bool waited = sock_conn_queued(c) > 0;

	if (send_some(c) != 0) {
		conn_over(c, SOCK_RESET);
		return;
	}
	trim_out(c);
	if (sock_conn_queued(c) > 0 && c->limits.unread_ms > 0 &&
		!loop_timer_armed(&c->unread))
		loop_timer_in(&c->unread, c->limits.unread_ms);
	if (sock_conn_queued(c) == 0 && c->finishing)
		conn_linger(c);
	serve_held(c);
	conn_arm(c);
	if (waited && sock_conn_queued(c) == 0 && !c->finishing &&
		c->events->on_drained != NULL)
		c->events->on_drained(c->arg);
}

static void
on_flush(void *arg)
{
	flush(arg);
}

static void
on_ready(void *arg, int fd, unsigned what)
{
	struct sock_conn *c = arg;

	(void)fd;
	if (what & LOOP_WRITE)
		flush(c);
	if ((what & LOOP_READ) && !c->over)
		conn_read(c);
}

static void
on_slow_line(void *arg)
{
	conn_over(arg, SOCK_SLOW_LINE);
}

static void
on_unread(void *arg)
{
	conn_over(arg, SOCK_UNREAD);
}

static void
on_linger_over(void *arg)
{
	conn_over(arg, SOCK_EOF);
}

static void
on_gone_check(void *arg)
{
	check_gone(arg);
}

struct sock_conn *
sock_conn_new(struct loop *loop, int fd, const struct sock_limits *limits,
	const struct sock_events *events, void *arg)
{
	struct sock_conn *c = NEW(struct sock_conn);

	assert(limits->lines_a_turn > 0);
	c->loop = loop;
	c->fd = fd;
	c->limits = *limits;
	c->events = events;
	c->arg = arg;
	c->watch = loop_fd_new(loop, fd, LOOP_READ, on_ready, c);
	loop_poke_init(&c->flush, loop, on_flush, c);
	loop_timer_init(&c->again, loop, on_again, c);
	loop_timer_init(&c->line, loop, on_slow_line, c);
	loop_timer_init(&c->unread, loop, on_unread, c);
	loop_timer_init(&c->linger, loop, on_linger_over, c);
	loop_timer_init(&c->gone, loop, on_gone_check, c);
	return c;
}

void
sock_conn_write(struct sock_conn *c, const char *data, size_t len)
{
	if (c->over || c->finishing || len == 0)
		return;
	buf_add(&c->out, data, len);
	if (!c->blocked)
		loop_poke(&c->flush);
	conn_arm(c);
}

void
sock_conn_pause(struct sock_conn *c, bool pause)
{
	c->paused = pause;
	serve_held(c);
	conn_arm(c);
}

void
sock_conn_finish(struct sock_conn *c)
{
	if (c->over || c->finishing)
		return;
	c->finishing = true;
	loop_timer_clear(&c->again);
	loop_timer_clear(&c->gone);
	if (!c->blocked)
		loop_poke(&c->flush);
	conn_arm(c);
}

int
sock_conn_fd(const struct sock_conn *c)
{
	return c->fd;
}

static void
conn_destroy(void *arg)
{
	struct sock_conn *c = arg;

	buf_fini(&c->in);
	buf_fini(&c->out);
	free(c);
}

void
sock_conn_free(struct sock_conn *c)
{
	if (c == NULL)
		return;
	if (!c->over)
		(void)send_some(c); /* what does not leave now is lost */
	c->over = true;
	conn_disarm(c);
	loop_fd_free(c->watch);
	c->watch = NULL;
	close(c->fd);
	c->fd = -1;
	/* A line of ours may be on its way to the owner, who frees us on account of it. */
	loop_defer_free(c->loop, conn_destroy, c);
}
