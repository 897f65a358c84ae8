/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory: a peer can make us hold one line, its pending calls, and output. Output is bounded
 * over all connections; who holds the most goes first, so that one client that does not read
 * never costs another its reply.
 */
#include "rpc/conn.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/mem.h"
#include "rpc/access.h"
#include "rpc/command.h"
#include "rpc/pace.h"
#include "sys/loop.h"
#include "sys/sock.h"

#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#define LINES_A_TURN 4
#define SMALL_REPLY 4096
#define REFUSAL_LOG_MS 10000

struct conns {
	struct loop *loop;               /* borrowed */
	const struct rpc_limits *limits; /* borrowed */
	struct access *access;           /* owned */
	struct sock_limits sock_limits;
	conn_line_fn *on_line;
	void *arg;
	struct conn *list; /* owned */
	size_t count, pending;
	struct loop_poke relieve; /* too much is held: somebody must go */
	struct pace pace;         /* of the calls of all */
	int64_t refusal_ms;       /* boottime: no refusal is logged before */
	unsigned refusals;        /* not logged since */
};

struct conn {
	struct conns *all;      /* borrowed, outlives us */
	struct sock_conn *sock; /* owned */
	struct sock_peer peer;
	enum rpc_role role;
	struct buf ready; /* replies of this turn, for after its commit */
	size_t gathering; /* bytes of batches under way */
	bool waits;       /* something in ready tells of a change */
	struct loop_outbox outbox, anyway;
	struct command *pending; /* owned: answered later */
	size_t pending_count;
	struct {
		void *part; /* owned; or NULL */
		conn_part_end *end;
	} parts[CONN_PART_COUNT];
	conn_drained_fn *drained; /* or NULL */
	void *drained_arg;
	bool held;   /* no line is served for now */
	bool eof;    /* it sends no more: ends with its last reply */
	bool ending; /* ends with what is ready */
	struct conn *next, *prev;
};

static void
end_parts(struct conn *c)
{
	for (int kind = 0; kind < CONN_PART_COUNT; kind++)
		conn_set_part(c, (enum conn_part)kind, NULL, NULL);
}

static void
conn_free(struct conn *c)
{
	struct conns *all = c->all;

	end_parts(c);
	while (c->pending != NULL)
		command_drop(c->pending);
	assert(c->gathering == 0);
	all->count--;
	DL_DELETE(all->list, c);
	loop_outbox_clear(&c->outbox);
	loop_outbox_clear(&c->anyway);
	sock_conn_free(c->sock);
	sock_peer_fini(&c->peer);
	buf_fini(&c->ready);
	free(c);
}

/* Output */

size_t
conn_unsent(const struct conn *c)
{
	return c->ready.len + sock_conn_queued(c->sock);
}

static size_t
conn_holds(const struct conn *c)
{
	return conn_unsent(c) + c->gathering;
}

static size_t
conns_hold(const struct conns *all)
{
	const struct conn *c;
	size_t sum = 0;

	DL_FOREACH(all->list, c)
		sum += conn_holds(c);
	return sum;
}

static struct conn *
largest(const struct conns *all)
{
	struct conn *c, *found = NULL;

	DL_FOREACH(all->list, c)
		if (found == NULL || conn_holds(c) > conn_holds(found))
			found = c;
	return found;
}

static void
drop(struct conn *c)
{
	log_warning(NULL, "uid %u does not read %zu bytes of replies: dropped",
		c->peer.uid, conn_holds(c));
	conn_free(c);
}

bool
conn_make_room(struct conn *c, size_t len)
{
	const struct conns *all = c->all;

	if (len <= SMALL_REPLY)
		return true;
	while (conns_hold(all) + len > all->limits->out_total) {
		struct conn *most = largest(all);

		if (most == NULL || most == c)
			return false;
		drop(most);
	}
	return true;
}

static void
on_relieve(void *arg)
{
	struct conns *all = arg;
	struct conn *most;

	while (conns_hold(all) > all->limits->out_total &&
		(most = largest(all)) != NULL)
		drop(most);
}

/* No connection above an equal share: then the sum is within the limit, and nobody looks. */
static void
watch_output(struct conn *c)
{
	if (conn_holds(c) > c->all->limits->out_total / c->all->limits->conns)
		loop_poke(&c->all->relieve);
}

/* Something is still to come for a peer that only listens. */
static bool
has_more(const struct conn *c)
{
	return c->pending_count > 0 || c->held ||
		c->parts[CONN_SUBSCRIPTION].part != NULL;
}

void
conn_settle(struct conn *c)
{
	bool done = c->ending || (c->eof && !has_more(c));

	if (done && c->ready.len == 0)
		sock_conn_finish(c->sock);
}

static void
pause_or_not(struct conn *c)
{
	sock_conn_pause(c->sock,
		c->ending || c->held || c->ready.len >= c->all->limits->out_pause);
}

static void
send_ready(void *arg)
{
	struct conn *c = arg;

	FP("rpc.before_reply");
	c->waits = false;
	sock_conn_write(c->sock, buf_str(&c->ready), c->ready.len);
	buf_fini(&c->ready);
	pause_or_not(c);
	watch_output(c);
	conn_settle(c);
}

/* A commit that worked has sent it all by now. */
static void
send_ready_anyway(void *arg)
{
	struct conn *c = arg;

	if (!c->waits && c->ready.len > 0)
		send_ready(c);
}

static void
make_ready(struct conn *c, const char *text, size_t len)
{
	buf_add(&c->ready, text, len);
	buf_putc(&c->ready, '\n');
	if (c->ready.len >= c->all->limits->out_pause)
		pause_or_not(c);
	watch_output(c);
}

void
conn_send(struct conn *c, const char *text, size_t len)
{
	c->waits = true;
	loop_outbox_put(&c->outbox);
	make_ready(c, text, len);
}

void
conn_send_read(struct conn *c, const char *text, size_t len)
{
	loop_outbox_put_anyway(&c->anyway);
	make_ready(c, text, len);
}

void
conn_gather(struct conn *c, ptrdiff_t bytes)
{
	c->gathering += (size_t)bytes;
	watch_output(c);
}

void
conn_when_drained(struct conn *c, conn_drained_fn *fn, void *arg)
{
	c->drained = fn;
	c->drained_arg = arg;
}

void
conn_hold(struct conn *c, bool hold)
{
	c->held = hold;
	pause_or_not(c);
}

void
conn_end(struct conn *c)
{
	c->ending = true;
	end_parts(c);
	pause_or_not(c);
	conn_settle(c);
}

/* Pending calls */

void
conn_add_pending(struct conn *c, struct command *cmd)
{
	DL_APPEND(c->pending, cmd);
	c->pending_count++;
	c->all->pending++;
}

void
conn_del_pending(struct conn *c, struct command *cmd)
{
	DL_DELETE(c->pending, cmd);
	c->pending_count--;
	c->all->pending--;
}

/* Parts */

void
conn_set_part(struct conn *c, enum conn_part kind, void *part, conn_part_end *end)
{
	void *old = c->parts[kind].part;
	conn_part_end *end_old = c->parts[kind].end;

	c->parts[kind].part = part;
	c->parts[kind].end = end;
	if (old != NULL)
		end_old(old);
}

void *
conn_part(const struct conn *c, enum conn_part kind)
{
	return c->parts[kind].part;
}

/* What happens on the socket */

bool
conns_may_serve(struct conns *all)
{
	return pace_has_time(&all->pace);
}

static bool
may_serve(void *arg)
{
	const struct conn *c = arg;

	return conns_may_serve(c->all);
}

static void
on_line(void *arg, const char *line, size_t len)
{
	struct conn *c = arg;

	c->all->on_line(c->all->arg, c, line, len);
}

static void
send_error(struct conn *c, const struct err *err)
{
	AUTO(buf) struct buf text = {0};

	command_error_text(err, NULL, NULL, NULL, &text);
	conn_send(c, text.data, text.len);
}

static void
on_too_long(void *arg)
{
	struct conn *c = arg;
	struct err err;

	err_set(&err, ERR_LIMIT, "a line is longer than %zu bytes",
		c->all->limits->line_max);
	log_info(NULL, "uid %u: %s", c->peer.uid, err.text);
	send_error(c, &err);
	conn_end(c);
}

static void
on_eof(void *arg)
{
	struct conn *c = arg;

	c->eof = true;
	conn_settle(c);
}

static void
on_drained(void *arg)
{
	struct conn *c = arg;
	conn_drained_fn *fn = c->drained;

	c->drained = NULL;
	if (fn != NULL)
		fn(c->drained_arg);
}

static void
on_closed(void *arg, enum sock_closed why)
{
	struct conn *c = arg;

	switch (why) {
	case SOCK_EOF:
	case SOCK_RESET: break;
	case SOCK_SLOW_LINE:
		log_info(NULL, "uid %u left a line unfinished: dropped", c->peer.uid);
		break;
	case SOCK_UNREAD:
		log_info(NULL, "uid %u does not read its replies: dropped",
			c->peer.uid);
		break;
	}
	conn_free(c);
}

static const struct sock_events socket_events = {
	.on_line = on_line,
	.may_serve = may_serve,
	.on_too_long = on_too_long,
	.on_eof = on_eof,
	.on_drained = on_drained,
	.on_closed = on_closed,
};

/* Letting in */

/* Logged at a limited rate, for whoever may connect can do so without end. */
static void
log_refusal(struct conns *all, uid_t uid, const struct err *why)
{
	all->refusals++;
	if (clock_ms() < all->refusal_ms)
		return;
	log_warning(NULL,
		"uid %u: %s; connection refused (%u since the last such line)", uid,
		why->text, all->refusals);
	all->refusals = 0;
	all->refusal_ms = clock_ms() + REFUSAL_LOG_MS;
}

static unsigned
conns_of_uid(const struct conns *all, uid_t uid)
{
	const struct conn *c;
	unsigned count = 0;

	DL_FOREACH(all->list, c)
		count += c->peer.uid == uid;
	return count;
}

static int
forbid(struct err *err)
{
	return err_set(err, ERR_FORBIDDEN,
		"no entry of `access` has this user or a group of it");
}

static int
check_peer(const struct conns *all, const struct sock_peer *peer, struct err *err)
{
	const struct rpc_limits *limits = all->limits;

	if (access_role(all->access, peer) == RPC_NOBODY)
		return forbid(err);
	if (all->count >= limits->conns)
		return err_set(err, ERR_LIMIT, "more than %u connections",
			limits->conns);
	if (conns_of_uid(all, peer->uid) >= limits->conns_a_uid)
		return err_set(err, ERR_LIMIT, "more than %u connections of one user",
			limits->conns_a_uid);
	return 0;
}

/* One line into the empty buffer of a new socket, which either takes it or is broken. */
static void
refuse(int fd, const struct err *why)
{
	AUTO(buf) struct buf text = {0};

	command_error_text(why, NULL, NULL, NULL, &text);
	buf_putc(&text, '\n');
	(void)send(fd, text.data, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)close(fd); /* nothing could be done about it */
}

static void
let_in(struct conns *all, int fd, const struct sock_peer *peer)
{
	struct conn *c = NEW(struct conn);

	c->all = all;
	c->peer = *peer;
	c->role = access_role(all->access, peer);
	c->sock = sock_conn_new(all->loop, fd, &all->sock_limits, &socket_events, c);
	loop_outbox_init(&c->outbox, all->loop, send_ready, c);
	loop_outbox_init(&c->anyway, all->loop, send_ready_anyway, c);
	DL_APPEND(all->list, c);
	all->count++;
}

void
conns_accept(struct conns *all, int fd)
{
	struct sock_peer peer = {0};
	struct err err;

	if (sock_peer(fd, &peer, &err) != 0) {
		log_warning(NULL, "%s; connection refused", err.text);
		(void)close(fd); /* nothing could be done about it */
		return;
	}
	if (check_peer(all, &peer, &err) == 0) {
		let_in(all, fd, &peer);
		return;
	}
	log_refusal(all, peer.uid, &err);
	refuse(fd, &err);
	sock_peer_fini(&peer);
}

void
conns_set_access(struct conns *all, struct access *access)
{
	struct conn *c, *next;
	struct err err;

	access_free(all->access);
	all->access = access;
	forbid(&err);
	DL_FOREACH_SAFE(all->list, c, next) {
		c->role = access_role(access, &c->peer);
		if (c->role != RPC_NOBODY || c->ending)
			continue;
		send_error(c, &err);
		conn_end(c);
	}
}

struct conns *
conns_new(struct loop *loop, const struct rpc_limits *limits, struct access *access,
	conn_line_fn *on_line_fn, void *arg)
{
	struct conns *all = NEW(struct conns);

	all->loop = loop;
	all->limits = limits;
	all->access = access;
	all->on_line = on_line_fn;
	all->arg = arg;
	all->sock_limits = (struct sock_limits){
		.line_max = limits->line_max,
		.out_pause = limits->out_pause,
		.line_ms = limits->line_ms,
		.unread_ms = limits->unread_ms,
		.lines_a_turn = LINES_A_TURN,
	};
	loop_poke_init(&all->relieve, loop, on_relieve, all);
	pace_init(&all->pace, loop);
	return all;
}

void
conns_free(struct conns *all)
{
	struct conn *c, *next;

	if (all == NULL)
		return;
	DL_FOREACH_SAFE(all->list, c, next) {
		conn_free(c);
	}
	loop_poke_clear(&all->relieve);
	pace_fini(&all->pace);
	access_free(all->access);
	free(all);
}

size_t
conns_count(const struct conns *all)
{
	return all->count;
}

size_t
conns_pending(const struct conns *all)
{
	return all->pending;
}

uid_t
conn_uid(const struct conn *c)
{
	return c->peer.uid;
}

enum rpc_role
conn_role(const struct conn *c)
{
	return c->role;
}

size_t
conn_pending(const struct conn *c)
{
	return c->pending_count;
}
