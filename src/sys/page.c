/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a connection: a request line, headers that nobody reads, an empty line, the
 * answer, the end. Who is not done in time is cut off.
 */
#include "sys/page.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "sys/sock.h"
#include "sys/tcp.h"

#include <string.h>
#include <unistd.h>
#include <utlist.h>

struct client {
	struct pages *pages; /* borrowed; ends us before it goes */
	struct sock_conn *conn;
	struct loop_timer limit;
	char *path; /* owned; NULL until the request line is there */
	bool head;  /* HEAD */
	bool over;  /* answered */
	unsigned lines;
	struct client *prev, *next;
};

struct pages {
	struct loop *loop; /* borrowed */
	struct sock_listener *listener;
	uint16_t port;
	const char *type; /* borrowed, static */
	page_fn *fn;
	void *arg;
	struct client *clients;
	unsigned count;
};

static const struct sock_limits limits = {
	.line_max = PAGE_LINE_MAX,
	.out_pause = 1,
	.line_ms = PAGE_REQUEST_MS,
	.unread_ms = PAGE_REQUEST_MS,
	.lines_a_turn = PAGE_LINES_MAX,
};

static void
client_free(struct client *c)
{
	DL_DELETE(c->pages->clients, c);
	c->pages->count--;
	loop_timer_clear(&c->limit);
	sock_conn_free(c->conn);
	free(c->path);
	free(c);
}

static const char *
phrase_of(int status)
{
	switch (status) {
	case 200: return "OK";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 431: return "Request Header Fields Too Large";
	case 503: return "Service Unavailable";
	}
	return "Bad Request";
}

static void
answer(struct client *c, int status, const char *body, size_t len)
{
	AUTO(buf) struct buf out = {.data = NULL};

	c->over = true;
	loop_timer_clear(&c->limit); /* from here on the bounds are those of output */
	buf_printf(&out,
		"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s"
		"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
		"Connection: close\r\n\r\n",
		status, phrase_of(status), c->pages->type, len,
		status == 405 ? "Allow: GET, HEAD\r\n" : "");
	if (!c->head)
		buf_add(&out, body, len);
	sock_conn_write(c->conn, out.data, out.len);
	sock_conn_finish(c->conn);
}

static void
refuse(struct client *c, int status)
{
	AUTO(free) char *body = xasprintf("%s\n", phrase_of(status));

	answer(c, status, body, strlen(body));
}

static void
serve(struct client *c)
{
	AUTO(buf) struct buf body = {.data = NULL};
	int status = c->pages->fn(c->pages->arg, c->path, &body);

	if (body.len == 0)
		buf_printf(&body, "%s\n", phrase_of(status));
	answer(c, status, body.data, body.len);
}

/* "GET /path?query HTTP/1.1"; the status that refuses it, or 0. */
static int
take_request(struct client *c, const char *line, size_t len)
{
	const char *path = memchr(line, ' ', len);
	const char *end = path == NULL
		? NULL
		: memchr(path + 1, ' ', len - (size_t)(path + 1 - line));
	size_t left = end == NULL ? 0 : len - (size_t)(end - line);

	if (end == NULL || path[1] != '/' || left != sizeof(" HTTP/1.1") - 1 ||
		strncmp(end, " HTTP/1.", 8) != 0)
		return 400;
	c->head = strncmp(line, "HEAD ", 5) == 0;
	if (!c->head && strncmp(line, "GET ", 4) != 0)
		return 405;
	c->path = xstrndup(path + 1, (size_t)(end - path) - 1);
	c->path[strcspn(c->path, "?")] = '\0';
	return 0;
}

static void
on_line(void *arg, const char *line, size_t len)
{
	struct client *c = arg;
	int status = 0;

	if (c->over)
		return;
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (++c->lines > PAGE_LINES_MAX)
		status = 431;
	else if (c->path == NULL)
		status = take_request(c, line, len);
	if (status != 0)
		refuse(c, status);
	else if (len == 0)
		serve(c);
}

static void
on_too_long(void *arg)
{
	struct client *c = arg;

	if (!c->over)
		refuse(c, 431);
}

static void
on_eof(void *arg)
{
	struct client *c = arg;

	if (!c->over)
		client_free(c);
}

static void
on_closed(void *arg, enum sock_closed why)
{
	(void)why;
	client_free(arg);
}

static void
on_limit(void *arg)
{
	client_free(arg);
}

static const struct sock_events events = {
	.on_line = on_line,
	.on_too_long = on_too_long,
	.on_eof = on_eof,
	.on_closed = on_closed,
};

static void
on_accept(void *arg, int fd)
{
	struct pages *p = arg;
	struct client *c;

	if (p->count == PAGE_CONNECTIONS_MAX) {
		close(fd);
		return;
	}
	c = NEW(struct client);
	c->pages = p;
	c->conn = sock_conn_new(p->loop, fd, &limits, &events, c);
	loop_timer_init(&c->limit, p->loop, on_limit, c);
	loop_timer_in(&c->limit, PAGE_REQUEST_MS);
	DL_APPEND(p->clients, c);
	p->count++;
}

struct pages *
pages_new(struct loop *loop, const char *listen, const char *type, page_fn *fn,
	void *arg, struct err *err)
{
	struct pages *p;
	uint16_t port = 0;
	int fd = tcp_listen(listen, &port, err);

	if (fd < 0)
		return NULL;
	p = NEW(struct pages);
	p->loop = loop;
	p->port = port;
	p->type = type;
	p->fn = fn;
	p->arg = arg;
	p->listener = sock_listen_fd(loop, fd, on_accept, p);
	return p;
}

uint16_t
pages_port(const struct pages *p)
{
	return p->port;
}

void
pages_free(struct pages *p)
{
	if (p == NULL)
		return;
	while (p->clients != NULL)
		client_free(p->clients);
	sock_listener_free(p->listener);
	free(p);
}
