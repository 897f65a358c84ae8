/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No resolver: an address is one, or an error.
 */
#include "sys/tcp.h"

#include "base/err.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int
parse_port(const char *text, uint16_t *ret)
{
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > 5 || text[len] != '\0' || strtoul(text, NULL, 10) > 65535)
		return -1;
	*ret = (uint16_t)strtoul(text, NULL, 10);
	return 0;
}

/* host: without its brackets. The length of the address, 0 if it is none. */
static socklen_t
parse_host(const char *host, bool brackets, uint16_t port, union address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (brackets) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(port);
		return inet_pton(AF_INET6, host, &ret->v6.sin6_addr) == 1
			? sizeof(ret->v6)
			: 0;
	}
	ret->v4.sin_family = AF_INET;
	ret->v4.sin_port = htons(port);
	return inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1 ? sizeof(ret->v4) : 0;
}

static int
parse(const char *where, union address *ret, socklen_t *ret_len, struct err *err)
{
	const char *colon = strrchr(where, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - where);
	bool brackets = len > 2 && where[0] == '[' && where[len - 1] == ']';
	AUTO(free)
	char *host = brackets ? xstrndup(where + 1, len - 2) : xstrndup(where, len);
	uint16_t port;

	*ret_len = 0;
	if (colon != NULL && parse_port(colon + 1, &port) == 0)
		*ret_len = parse_host(host, brackets, port, ret);
	if (*ret_len == 0)
		return err_set(err, ERR_CONFIG,
			"%s: expected an address and a port, such as 127.0.0.1:5000",
			where);
	return 0;
}

int
tcp_check(const char *where, struct err *err)
{
	union address address;
	socklen_t len;

	return parse(where, &address, &len, err);
}

int
tcp_listen(const char *where, uint16_t *ret_port, struct err *err)
{
	union address address;
	socklen_t len, size = sizeof(address);
	int on = 1, fd;

	if (parse(where, &address, &len, err) != 0)
		return -1;
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		0);
	if (fd < 0)
		return err_set_errno(err, ERR_IO, errno, "%s: socket", where);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &address.any, len) != 0 || listen(fd, SOMAXCONN) != 0 ||
		getsockname(fd, &address.any, &size) != 0) {
		err_set_errno(err, ERR_IO, errno, "%s: cannot listen", where);
		close(fd);
		return -1;
	}
	/* The port stands at the same place in both families. */
	*ret_port = ntohs(address.v4.sin_port);
	return fd;
}
