/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consoles of instances: asking EC2 for one, and making what it says fit to be shown.
 */
#ifndef CORE_CONSOLE_H
#define CORE_CONSOLE_H

#include "core/types.h"

struct console_call;
struct instance;
struct launch;
struct worker;

/*
 * What of a console may be shown: the passwords of its launch become asterisks, for user
 * data may print them; what is no text becomes dots. The caller's. max: bytes to keep, from
 * the end; 0 all.
 */
char *console_text(const struct launch *l, const char *output, size_t len, size_t max);

/* err NULL: text, which is borrowed, as of at (wall ms, 0 unknown). */
typedef void console_done(void *arg, const struct err *err, const char *text,
	int64_t at);
/*
 * Asks EC2 for the console of the worker's instance. NULL and ERR_UNAVAILABLE if it has
 * none. latest: the live one, where the type has it.
 */
struct console_call *console_ask(struct worker *w, bool latest, console_done *done,
	void *arg, struct err *err);
/* No callback any more. */
void console_cancel(struct console_call *call);

#endif
