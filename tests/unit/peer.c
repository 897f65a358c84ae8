/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"
#include "base/buf.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the script's process: where peer_say writes. */
static int say_fd = -1;

static int
listen_anywhere(int *ret_port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	socklen_t size = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	ck_assert_int_eq(listen(fd, 1024), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &size), 0);
	*ret_port = ntohs(sin.sin_port);
	return fd;
}

void
peer_start(struct peer *p, peer_script *script, const void *arg)
{
	int listener, report[2];

	memset(p, 0, sizeof(*p));
	listener = listen_anywhere(&p->port);
	ck_assert_int_eq(pipe(report), 0);
	p->report = report[0];
	p->pid = fork();
	ck_assert_int_ge(p->pid, 0);
	if (p->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		say_fd = report[1];
		script(listener, arg);
		_exit(0);
	}
	close(report[1]);
	close(listener);
}

void
peer_stop(struct peer *p)
{
	struct buf said = {0};
	char bytes[4096];
	ssize_t n;

	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	while ((n = read(p->report, bytes, sizeof(bytes))) > 0)
		buf_add(&said, bytes, (size_t)n);
	close(p->report);
	p->pid = 0;
	p->said = buf_take(&said);
}

void
peer_fini(struct peer *p)
{
	if (p->pid > 0)
		peer_stop(p);
	free(p->said);
	p->said = NULL;
}

int
peer_closed_port(void)
{
	int port, fd = listen_anywhere(&port);

	close(fd);
	return port;
}

int
peer_accept(int listener)
{
	int fd;

	do
		fd = accept(listener, NULL, NULL);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		_exit(1);
	return fd;
}

void
peer_say(const char *text)
{
	if (write(say_fd, text, strlen(text)) < 0)
		_exit(1);
}

int
peer_say_fd(void)
{
	return say_fd;
}

/* The length that a header announces, 0 without one. */
static size_t
content_length(const char *head)
{
	const char *line = head;

	while ((line = strstr(line, "\r\n")) != NULL) {
		line += 2;
		if (strncasecmp(line, "Content-Length:", 15) == 0)
			return strtoul(line + 15, NULL, 10);
	}
	return 0;
}

size_t
peer_read_request(int fd, char *text, size_t size)
{
	size_t have = 0, want = size - 1;

	while (have < want) {
		ssize_t n = recv(fd, text + have, want - have, 0);
		const char *end;

		if (n <= 0)
			return 0;
		have += (size_t)n;
		text[have] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (end != NULL)
			want = (size_t)(end + 4 - text) + content_length(text);
	}
	return have;
}

size_t
peer_read_line(int fd, char *text, size_t size)
{
	size_t have = 0;

	while (have + 1 < size && recv(fd, text + have, 1, 0) == 1) {
		if (text[have] == '\n') {
			text[have > 0 && text[have - 1] == '\r' ? have - 1 : have] =
				'\0';
			return have + 1;
		}
		have++;
	}
	text[0] = '\0';
	return 0;
}

void
peer_write(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = send(fd, text, left, MSG_NOSIGNAL);

		if (n < 0)
			return;
		text += n;
		left -= (size_t)n;
	}
}

void
peer_reset(int fd)
{
	struct linger linger = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

void
peer_wait_closed(int fd)
{
	char bytes[4096];

	while (recv(fd, bytes, sizeof(bytes), 0) > 0)
		;
	close(fd);
}
