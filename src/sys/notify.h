/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd's side: the sd_notify datagram, the watchdog interval and passed sockets
 * (sd_notify(3), sd_listen_fds(3)); without a library.
 */
#ifndef SYS_NOTIFY_H
#define SYS_NOTIFY_H

#include <stdint.h>

/*
 * Sends "READY=1" and the like to NOTIFY_SOCKET (a path, or @ and an abstract name);
 * nothing happens without one. Never waits, never fails the caller.
 */
void notify_send(const char *state);
/* Half of WATCHDOG_USEC in ms if the watchdog is ours, else 0. */
int64_t notify_watchdog_ms(void);
/*
 * The first passed descriptor that is a listening Unix stream socket, or -1; clears the
 * environment variables.
 */
int notify_listen_fd(void);

#endif
