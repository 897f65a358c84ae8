/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides what evhttp is used for: requests that have arrived whole, answers now or later,
 * and the faults of a bad server, for which the connection is taken away from evhttp.
 */
#include "sys/httpd.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "sys/tcp.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#define HEADERS_MAX 65536
#define IDLE_SECONDS 60

/* Until the listener is tried again after EMFILE, and "never". */
static const struct timeval rest_time = {.tv_sec = 1};
static const struct timeval far_away = {.tv_sec = INT32_MAX};

struct httpd {
	struct loop *loop; /* borrowed, outlives us */
	struct evhttp *http;
	struct evconnlistener *listener; /* borrowed from http */
	struct event
		*rest; /* always pending: in a second after EMFILE, else far away */
	uint16_t port;
	httpd_fn *fn;
	void *arg;
	struct httpd_request *requests; /* not yet answered */
};

struct httpd_request {
	struct httpd *httpd; /* NULL once that is gone */
	struct evhttp_request
		*ev; /* borrowed from evhttp; NULL once the client is gone */
	struct loop_poke drop;
	bool dropped;
	struct httpd_request *prev, *next;
};

static void
request_free(struct httpd_request *r)
{
	if (r->httpd != NULL)
		DL_DELETE(r->httpd->requests, r);
	if (r->ev != NULL)
		evhttp_connection_set_closecb(evhttp_request_get_connection(r->ev),
			NULL, NULL);
	loop_poke_clear(&r->drop);
	free(r);
}

/* evhttp frees its request with the connection; ours lives until its answer. */
static void
on_connection_closed(struct evhttp_connection *connection, void *arg)
{
	struct httpd_request *r = arg;

	(void)connection;
	r->ev = NULL;
}

/* Out of evhttp's own callback, in which the connection may not be freed. */
static void
on_drop(void *arg)
{
	struct httpd_request *r = arg;
	struct evhttp_connection *connection = NULL;

	if (r->ev != NULL)
		connection = evhttp_request_get_connection(r->ev);
	request_free(r);
	if (connection != NULL)
		evhttp_connection_free(connection);
}

static void
on_request(struct evhttp_request *ev, void *arg)
{
	struct httpd *h = arg;
	struct httpd_request *r = NEW(struct httpd_request);

	r->httpd = h;
	r->ev = ev;
	DL_APPEND(h->requests, r);
	loop_poke_init(&r->drop, h->loop, on_drop, r);
	evhttp_connection_set_closecb(evhttp_request_get_connection(ev),
		on_connection_closed, r);
	h->fn(h->arg, r);
}

static void
on_rest_over(evutil_socket_t fd, short what, void *arg)
{
	struct httpd *h = arg;

	(void)fd;
	(void)what;
	(void)event_add(h->rest, &far_away);
	(void)evconnlistener_enable(h->listener);
}

/* What an error of accept() leads to. */
struct owner {
	const struct evhttp *http;
	struct httpd *found;
};

static int
find_owner(const struct event_base *base, const struct event *event, void *arg)
{
	struct owner *owner = arg;

	(void)base;
	if (event_get_callback(event) == on_rest_over) {
		struct httpd *h = event_get_callback_arg(event);

		if (h->http == owner->http)
			owner->found = h;
	}
	return owner->found != NULL;
}

/*
 * A listener that cannot accept would make the loop spin (measured, EC2.md 12). evhttp puts
 * itself in the place of arg, and from there no way leads to us but by our event.
 */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct owner owner = {.http = arg};

	event_base_foreach_event(evconnlistener_get_base(listener), find_owner, &owner);
	assert(owner.found != NULL);
	(void)evconnlistener_disable(listener);
	(void)event_add(owner.found->rest, &rest_time);
}

struct httpd *
httpd_new(struct loop *loop, const char *listen, size_t body_max, httpd_fn *fn,
	void *arg, struct err *err)
{
	struct evhttp_bound_socket *bound;
	struct httpd *h;
	uint16_t port = 0;
	int fd = tcp_listen(listen, &port, err);

	if (fd < 0)
		return NULL;
	h = NEW(struct httpd);
	h->loop = loop;
	h->port = port;
	h->fn = fn;
	h->arg = arg;
	h->rest = evtimer_new(loop_event_base(loop), on_rest_over, h);
	(void)event_add(h->rest, &far_away);
	h->http = evhttp_new(loop_event_base(loop));
	evhttp_set_allowed_methods(h->http,
		EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
			EVHTTP_REQ_DELETE);
	evhttp_set_max_headers_size(h->http, HEADERS_MAX);
	evhttp_set_max_body_size(h->http, (ev_ssize_t)body_max);
	evhttp_set_default_content_type(h->http, NULL);
	evhttp_set_timeout(h->http, IDLE_SECONDS);
	evhttp_set_gencb(h->http, on_request, h);
	bound = evhttp_accept_socket_with_handle(h->http, fd);
	h->listener = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(h->listener, on_accept_error);
	return h;
}

uint16_t
httpd_port(const struct httpd *h)
{
	return h->port;
}

void
httpd_free(struct httpd *h)
{
	struct httpd_request *r, *next;

	if (h == NULL)
		return;
	event_free(h->rest);
	evhttp_free(h->http);
	DL_FOREACH_SAFE(h->requests, r, next) {
		assert(r->ev == NULL);
		if (r->dropped)
			request_free(r);
		else
			r->httpd = NULL;
	}
	free(h);
}

const char *
httpd_method(const struct httpd_request *r)
{
	if (r->ev == NULL)
		return "";
	switch ((int)evhttp_request_get_command(r->ev)) {
	case EVHTTP_REQ_GET: return "GET";
	case EVHTTP_REQ_HEAD: return "HEAD";
	case EVHTTP_REQ_POST: return "POST";
	case EVHTTP_REQ_PUT: return "PUT";
	case EVHTTP_REQ_DELETE: return "DELETE";
	}
	return "";
}

const char *
httpd_target(const struct httpd_request *r)
{
	return r->ev == NULL ? "" : evhttp_request_get_uri(r->ev);
}

const char *
httpd_header(const struct httpd_request *r, const char *name)
{
	if (r->ev == NULL)
		return NULL;
	return evhttp_find_header(evhttp_request_get_input_headers(r->ev), name);
}

const char *
httpd_body(struct httpd_request *r, size_t *ret_len)
{
	struct evbuffer *input = r->ev == NULL ? NULL
					       : evhttp_request_get_input_buffer(r->ev);
	size_t len = input == NULL ? 0 : evbuffer_get_length(input);

	*ret_len = len;
	return len == 0 ? "" : (const char *)evbuffer_pullup(input, -1);
}

void
httpd_add_header(struct httpd_request *r, const char *name, const char *value)
{
	/* Refused if it has a line break in it; then it is left out. */
	if (r->ev != NULL)
		(void)evhttp_add_header(evhttp_request_get_output_headers(r->ev), name,
			value);
}

void
httpd_reply(struct httpd_request *r, int status, const char *content_type,
	const char *body, size_t len)
{
	struct evhttp_request *ev = r->ev;

	if (content_type != NULL)
		httpd_add_header(r, "Content-Type", content_type);
	request_free(r);
	if (ev == NULL)
		return;
	evbuffer_add(evhttp_request_get_output_buffer(ev), body, len);
	/* NULL: evhttp knows the reason phrases. */
	evhttp_send_reply(ev, status, NULL, NULL);
}

static void
on_cut_written(struct bufferevent *bev, void *arg)
{
	(void)bev;
	evhttp_connection_free(arg);
}

static void
on_cut_failed(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	evhttp_connection_free(arg);
}

/* From here on the connection is ours: a head by hand, part of the body, the end. */
void
httpd_reply_cut(struct httpd_request *r, int status, const char *content_type,
	const char *body, size_t len, size_t full_len)
{
	struct evhttp_connection *connection;
	struct bufferevent *bev;
	struct evbuffer *output;
	struct evkeyval *header;

	if (r->ev == NULL || len == 0) {
		httpd_drop(r);
		return;
	}
	connection = evhttp_request_get_connection(r->ev);
	bev = evhttp_connection_get_bufferevent(connection);
	output = bufferevent_get_output(bev);
	evbuffer_add_printf(output, "HTTP/1.1 %d Cut\r\nContent-Length: %zu\r\n",
		status, full_len);
	if (content_type != NULL)
		evbuffer_add_printf(output, "Content-Type: %s\r\n", content_type);
	for (header = evhttp_request_get_output_headers(r->ev)->tqh_first;
		header != NULL; header = header->next.tqe_next)
		evbuffer_add_printf(output, "%s: %s\r\n", header->key, header->value);
	evbuffer_add_printf(output, "\r\n");
	evbuffer_add(output, body, len);
	bufferevent_setcb(bev, NULL, on_cut_written, on_cut_failed, connection);
	bufferevent_enable(bev, EV_WRITE);
	request_free(r);
}

void
httpd_drop(struct httpd_request *r)
{
	r->dropped = true;
	loop_poke(&r->drop);
}

void
httpd_reset(struct httpd_request *r)
{
	/* evhttp would shut down before it closes; Linux dissolves a connection so. */
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	struct bufferevent *bev;

	if (r->ev != NULL) {
		bev = evhttp_connection_get_bufferevent(
			evhttp_request_get_connection(r->ev));
		(void)connect(bufferevent_getfd(bev), &nobody, sizeof(nobody));
	}
	httpd_drop(r);
}
