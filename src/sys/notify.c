/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol of sd_notify(3) and sd_listen_fds(3): one datagram, a few variables. What
 * systemd does not get is lost: nothing of ours depends on it.
 */
#include "sys/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_FDS_START 3

/* A path, or "@name" in the abstract namespace. 0: none that fits. */
static socklen_t
address_of(const char *name, struct sockaddr_un *address)
{
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len < 2 ||
		len >= sizeof(address->sun_path))
		return 0;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, name, len);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void
notify_send(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	socklen_t size = name != NULL ? address_of(name, &address) : 0;
	int fd;

	if (size == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
		(struct sockaddr *)&address,
		size); /* nobody to tell that it was lost */
	close(fd);
}

/* A variable that is a whole number and nothing else; -1 if not. */
static int64_t
env_number(const char *name)
{
	const char *text = getenv(name);
	intmax_t value;
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return -1;
	errno = 0;
	value = strtoimax(text, &end, 10);
	return *end == '\0' && errno == 0 ? value : -1;
}

/* A variable that names another process, our parent say, is not for us. */
static bool
is_for_us(const char *name)
{
	return getenv(name) == NULL || env_number(name) == getpid();
}

int64_t
notify_watchdog_ms(void)
{
	int64_t us = env_number("WATCHDOG_USEC");

	if (us <= 0 || !is_for_us("WATCHDOG_PID"))
		return 0;
	return us / 2000 > 0 ? us / 2000 : 1;
}

int
notify_listen_fd(void)
{
	int64_t count = env_number("LISTEN_FDS");
	bool ours = env_number("LISTEN_PID") == getpid();

	(void)unsetenv("LISTEN_FDS"); /* fails for no valid name */
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDNAMES");
	return ours && count == 1 ? LISTEN_FDS_START : -1;
}
