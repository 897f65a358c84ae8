/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of the socket: calls out, replies in, by id. Nothing that the other
 * side sends is trusted to be what it should.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client;
struct err;
struct loop;

/* Exactly one of result and error is given; borrowed. */
typedef void client_reply(void *arg, const json_t *result, const json_t *error);
/* A notification; params is borrowed, and NULL if there are none. */
typedef void client_notice(void *arg, const char *method, const json_t *params);

/* NULL and err (ERR_UNAVAILABLE, ERR_FORBIDDEN) if nobody listens there or we may not. */
struct client *client_open(const char *path, struct err *err);
/* Notifications are thrown away as long as nobody takes them; fn may be NULL again. */
void client_on_notice(struct client *c, client_notice *fn, void *arg);
/* params is referenced. The callback runs within client_run. */
void client_call(struct client *c, const char *method, json_t *params, client_reply *fn,
	void *arg);
/*
 * Until every call is answered. -1: ERR_UNAVAILABLE (connection lost), ERR_LIMIT or
 * ERR_FORBIDDEN (the daemon does not want us), ERR_PARSE (it is none), ERR_TIMEOUT.
 */
int client_run(struct client *c, int64_t timeout_ms, struct err *err);
/* Takes notifications until client_stop or for so long (0: for ever). -1 as client_run. */
int client_listen(struct client *c, int64_t timeout_ms, struct err *err);
/* Ends client_listen, from a callback. */
void client_stop(struct client *c);
/* For timers beside the calls. */
struct loop *client_loop(struct client *c);
void client_free(struct client *c);

#endif
