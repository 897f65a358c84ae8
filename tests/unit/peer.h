/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server at the other end of a TCP connection that follows a script, badly if it must.
 * It runs in a process of its own; what it says it has seen is read at its end.
 */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include <stddef.h>
#include <sys/types.h>

struct peer {
	pid_t pid;
	int port;
	int report; /* the reading end of what it says */
	char *said; /* owned; from peer_stop on */
};

/* Runs in the other process; its end closes all. arg as given to peer_start. */
typedef void peer_script(int listener, const void *arg);

/* Listens at a port of 127.0.0.1 and runs the script. */
void peer_start(struct peer *p, peer_script *script, const void *arg);
/* Ends it. What it said is in p->said until peer_fini. */
void peer_stop(struct peer *p);
void peer_fini(struct peer *p);

/* A port where nobody listens. */
int peer_closed_port(void);

/* For scripts. */
int peer_accept(int listener);
/* Appends to what the test reads afterwards. */
void peer_say(const char *text);
/* Where peer_say writes, for a script that becomes another program. */
int peer_say_fd(void);
/* Reads one HTTP request whole into text; 0 at the end of the connection. */
size_t peer_read_request(int fd, char *text, size_t size);
/* Reads one line; without its end; 0 at the end of the connection. */
size_t peer_read_line(int fd, char *text, size_t size);
void peer_write(int fd, const char *text);
/* Closes so that the other end gets a reset. */
void peer_reset(int fd);
/* Waits until the other end closes. */
void peer_wait_closed(int fd);

#endif
