/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unix stream sockets: listening, who is at the other end, and connections that carry
 * one message per line, with bounds on all a peer can make us hold.
 */
#ifndef SYS_SOCK_H
#define SYS_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct loop;
struct sock_conn;
struct sock_listener;

#define SOCK_GROUPS_MAX 65536

/*
 * The peer at the time of connect(); SO_PEERCRED and SO_PEERGROUPS, unix(7). Without its pid,
 * which may be another process by now: nothing may be decided by it.
 */
struct sock_peer {
	uid_t uid;
	gid_t gid;     /* primary; SO_PEERGROUPS need not list it */
	gid_t *groups; /* owned */
	size_t group_count;
};

int sock_peer(int fd, struct sock_peer *ret_peer, struct err *err);
void sock_peer_fini(struct sock_peer *peer);

/* A new connection; fd is the callee's. */
typedef void sock_accept_fn(void *arg, int fd);

/* Where to listen; borrowed for the call. */
struct sock_where {
	const char *path;
	mode_t mode;       /* as in chmod */
	const char *group; /* name or number; NULL for none */
};

/*
 * Binds and listens. The directory must be root's or ours and not writable for others; a
 * stale socket (nobody answers a connect) is replaced by binding beside it and renaming;
 * anything else in its place is an error. At EMFILE it stops accepting for one second and
 * logs once.
 */
struct sock_listener *sock_listen_at(struct loop *loop, const struct sock_where *where,
	sock_accept_fn *fn, void *arg, struct err *err);
/*
 * Takes over a listening socket made by systemd (fd becomes ours; the path stays
 * theirs).
 */
struct sock_listener *sock_listen_fd(struct loop *loop, int fd, sock_accept_fn *fn,
	void *arg);
/*
 * The path we bound does not lead to our socket any more. One stat; never true of a
 * socket that systemd made.
 */
bool sock_listener_is_lost(const struct sock_listener *l);
/* Binds at the same path again; after -1 the listener is as it was. */
int sock_listener_rebind(struct sock_listener *l, struct err *err);
/*
 * Closes, and unlinks the path if we bound it and it is still ours. Fine within the
 * accept callback.
 */
void sock_listener_free(struct sock_listener *l);

/*
 * Connects (blocking; for clients). Returns the descriptor, or -1 and err with
 * ERR_UNAVAILABLE.
 */
int sock_connect(const char *path, struct err *err);

enum sock_closed {
	SOCK_EOF,       /* the peer is done sending and all output has left */
	SOCK_RESET,     /* the connection broke */
	SOCK_SLOW_LINE, /* an unfinished line for longer than line_ms */
	SOCK_UNREAD,    /* output stood unread for longer than unread_ms */
};

struct sock_limits {
	size_t line_max;       /* bytes of one line without its newline */
	size_t out_pause;      /* stop reading requests while this much output waits */
	int64_t line_ms;       /* for an unfinished line; 0: no limit */
	int64_t unread_ms;     /* without any progress of output; 0: no limit */
	unsigned lines_a_turn; /* served before the others get a turn; at least 1 */
};

struct sock_events {
	/*
	 * One line without its newline, NUL-terminated; borrowed for the call. What
	 * stands after the last newline when the peer is done is a line too.
	 */
	void (*on_line)(void *arg, const char *line, size_t len);
	/* Whether another line may be served in this turn. NULL: always. */
	bool (*may_serve)(void *arg);
	/*
	 * A line longer than line_max: nothing more is read; the owner may still write,
	 * then sock_conn_finish.
	 */
	void (*on_too_long)(void *arg);
	/*
	 * The peer will send no more; the owner calls sock_conn_finish when its answers
	 * are out.
	 */
	void (*on_eof)(void *arg);
	/* Output had waited, and the last of it has left. NULL: the owner does not care. */
	void (*on_drained)(void *arg);
	/* The connection is over; the owner frees the conn. */
	void (*on_closed)(void *arg, enum sock_closed why);
};

/*
 * fd becomes the conn's. events is borrowed and outlives it. No callback runs within a
 * call of ours; the conn may be freed within any callback.
 */
struct sock_conn *sock_conn_new(struct loop *loop, int fd,
	const struct sock_limits *limits, const struct sock_events *events, void *arg);
/* Queues output, which leaves by a poke. Copied. Ignored once the conn is over. */
void sock_conn_write(struct sock_conn *c, const char *data, size_t len);
/* Bytes of output that wait in this process. */
size_t sock_conn_queued(const struct sock_conn *c);
/* Reading may be suspended by the owner (too many calls pending). */
void sock_conn_pause(struct sock_conn *c, bool pause);
/*
 * No more lines; closed (SOCK_EOF) when all output has left and the peer has closed
 * too, or after a second: what it still sends is thrown away meanwhile, so that it is
 * not stuck in sending and reads our last words.
 */
void sock_conn_finish(struct sock_conn *c);
int sock_conn_fd(const struct sock_conn *c);
/* Closes at once; no callback. Of queued output leaves what the kernel takes at once. */
void sock_conn_free(struct sock_conn *c);

#endif
