/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages of metrics.listen: /healthz for whoever decides whether to wake somebody,
 * /metrics for graphs, / that names both. They show words of tables and numbers, never a
 * text that somebody else wrote, for there is no role in front of them.
 */
#ifndef CORE_MONITOR_H
#define CORE_MONITOR_H

#include <stdint.h>

struct daemon;
struct err;
struct monitor;

/* The pages at metrics.listen of the configuration in force. d is borrowed. */
struct monitor *monitor_new(struct daemon *d);
/*
 * Listens there from the next monitor_take on; NULL: nowhere. ERR_IO if it cannot, with
 * nothing changed. What is configured already goes on, be it in vain. Another address with
 * the port of ours can only be tried when that is free: then monitor_take begins to.
 */
int monitor_prepare(struct monitor *m, const char *listen, struct err *err);
/* Takes what was prepared, with the configuration that names it in force; or drops it. */
void monitor_take(struct monitor *m);
void monitor_drop(struct monitor *m);
/* 0: it does not listen. */
uint16_t monitor_port(const struct monitor *m);
void monitor_free(struct monitor *m);

#endif
