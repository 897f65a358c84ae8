/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct transfer transfer;

void
transfer_answer_and_close(int listener, const void *arg)
{
	char text[8192];

	for (;;) {
		int fd = peer_accept(listener);

		if (peer_read_request(fd, text, sizeof(text)) > 0)
			peer_write(fd, arg);
		shutdown(fd, SHUT_WR);
		peer_wait_closed(fd);
	}
}

void
transfer_on_done(void *arg, const struct http_reply *reply)
{
	struct transfer_result *r = arg;

	r->count++;
	r->reply = *reply;
	ck_assert_uint_eq(strlen(reply->body), reply->body_len);
	free(r->body);
	r->body = xstrdup(reply->body);
	r->reply.body = r->body;
	http_cancel(r->to_cancel);
	r->to_cancel = NULL;
}

static void
clear_proxies(void)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY",
		"all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		unsetenv(names[i]);
}

void
transfer_setup(void)
{
	struct err err;

	clear_proxies();
	transfer.loop = loop_new(&err);
	ck_assert_ptr_nonnull(transfer.loop);
	transfer.http = http_new(transfer.loop, "ec2workerd/test", &err);
	ck_assert_ptr_nonnull(transfer.http);
}

void
transfer_teardown(void)
{
	http_free(transfer.http);
	loop_free(transfer.loop);
	peer_fini(&transfer.peer);
}

char *
transfer_url(const char *scheme, int port)
{
	return xasprintf("%s://127.0.0.1:%d/", scheme, port);
}

/* Runs one request to its end. */
void
transfer_run(const struct http_request *request, struct transfer_result *r)
{
	memset(r, 0, sizeof(*r));
	http_start(transfer.http, request, transfer_on_done, r);
	ck_assert_int_eq(r->count, 0);
	ck_assert_uint_eq(http_in_flight(transfer.http), 1);
	while (r->count == 0)
		loop_turn(transfer.loop, true);
	ck_assert_uint_eq(http_in_flight(transfer.http), 0);
	ck_assert_int_eq(r->count, 1);
}

void
transfer_result_fini(struct transfer_result *r)
{
	free(r->body);
}
