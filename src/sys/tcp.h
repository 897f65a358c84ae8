/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP sockets that listen, by an address and a port without names.
 */
#ifndef SYS_TCP_H
#define SYS_TCP_H

#include <stdint.h>

struct err;

/*
 * "127.0.0.1:5000" or "[::1]:5000"; port 0 picks one. The descriptor, or -1 with ERR_CONFIG
 * if it is no such text, ERR_IO if it cannot be had.
 */
int tcp_listen(const char *where, uint16_t *ret_port, struct err *err);
/* 0 if it is such a text, else as above. */
int tcp_check(const char *where, struct err *err);

#endif
