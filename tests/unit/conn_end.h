/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection, the peer's end of it, and what was told of it; for the tests of
 * sys/sock. The clock stands still and is moved by hand; a socket pair delivers at once,
 * so one turn after a write the other end has it.
 */
#ifndef TESTS_CONN_END_H
#define TESTS_CONN_END_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct sock_limits;

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

extern struct loop *end_loop;
extern const struct sock_limits end_limits;

/* Fixtures. */
void end_setup(void);
void end_teardown(void);

void end_init(struct end *e, const struct sock_limits *with);
void end_fini(struct end *e);
void end_turns(int count);
/* From the peer. */
void end_send(struct end *e, const char *data, size_t len);
/* And a turn. */
void end_say(struct end *e, const char *text);
/* What was told since; and forgets it. */
void end_expect(struct end *e, const char *trail);
/*
 * Reads what is there for the peer, until nothing more comes; returns how much.
 * ret_at_end (may be NULL): whether it was closed.
 */
size_t end_drain(struct end *e, bool *ret_at_end);

#endif
