/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which launches and instances are a condition of the whole: those that may cost money, or
 * hold a name, for longer than they should.
 */
#ifndef CORE_ALARM_H
#define CORE_ALARM_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct instance;
struct launch;

/* It changes its phase: to watch, and why (NULL: nobody knows), or to another. */
void alarm_launch(struct launch *l, bool watch, const char *why);
/* An earlier process has left it in its phase. */
void alarm_launch_resume(struct launch *l);
/* EC2 refuses to terminate it; does so after all. */
void alarm_terminate(struct instance *i, const struct err *why);
void alarm_terminated(struct instance *i);
/* Boottime from which on a condemned instance has lived for too long. */
int64_t alarm_dying_ms(const struct instance *i);
void alarm_dying(struct instance *i);
/* An earlier process has condemned it. */
void alarm_dying_resume(struct instance *i);
/* Nothing more is wrong with it. */
void alarm_gone(struct instance *i);

#endif
