/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides what the environment that systemd gave us means: where to say how we are, how
 * often, and which descriptor is our socket.
 */
#include "sys/notify.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_PASSED_FD 3
#define PASSED_MAX 64

/* The number in a variable, or -1 if there is none. */
static int64_t
env_number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long long value;

	if (text == NULL || *text < '0' || *text > '9')
		return -1;
	errno = 0;
	value = strtoll(text, &end, 10);
	return errno != 0 || *end != '\0' ? -1 : value;
}

/* A path, or a name in the abstract namespace that is written with a '@'. */
static int
parse_address(const char *text, struct sockaddr_un *ret_sun, socklen_t *ret_size)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t len = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || len < 2 ||
		len >= sizeof(sun.sun_path))
		return -1;
	memcpy(sun.sun_path, text, len);
	if (text[0] == '@')
		sun.sun_path[0] = '\0';
	*ret_sun = sun;
	/* An abstract name has no NUL at its end. */
	*ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
		(text[0] == '@' ? 0 : 1));
	return 0;
}

void
notify_send(const char *state)
{
	const char *address = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sun;
	socklen_t size;
	int fd;

	if (address == NULL || *address == '\0')
		return;
	if (parse_address(address, &sun, &size) != 0) {
		log_debug("notify", "NOTIFY_SOCKET is no address: %s", address);
		return;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* Never waits: a manager that does not read has no use for what we say. */
	if (fd < 0 ||
		sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
			(const struct sockaddr *)&sun, size) < 0)
		log_debug("notify", "%s: %s", address, strerror(errno));
	if (fd >= 0)
		close(fd);
}

int64_t
notify_watchdog_ms(void)
{
	int64_t usec = env_number("WATCHDOG_USEC"), pid = env_number("WATCHDOG_PID");

	if (usec <= 0 || (getenv("WATCHDOG_PID") != NULL && pid != getpid()))
		return 0;
	return usec < 2000 ? 1 : usec / 2000;
}

static bool
is_listening_stream(int fd)
{
	int type = 0, domain = 0, listening = 0;
	socklen_t size = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
		type == SOCK_STREAM &&
		getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
		domain == AF_UNIX &&
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 &&
		listening != 0;
}

/* The first that fits; all of them stay with us, none goes on to programs we start. */
static int
find_listener(int64_t count)
{
	int found = -1;

	for (int fd = FIRST_PASSED_FD; fd < FIRST_PASSED_FD + count; fd++) {
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
			continue;
		if (found < 0 && is_listening_stream(fd))
			found = fd;
	}
	return found;
}

int
notify_listen_fd(void)
{
	static const char *const names[] = {"LISTEN_PID", "LISTEN_FDS",
		"LISTEN_FDNAMES"};
	int64_t count = env_number("LISTEN_FDS");
	int fd = -1;

	if (env_number("LISTEN_PID") == getpid() && count > 0 && count <= PASSED_MAX)
		fd = find_listener(count);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		unsetenv(names[i]);
	return fd;
}
