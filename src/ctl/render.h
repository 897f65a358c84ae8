/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results as text for people, one function for each shape that a verb asks for.
 */
#ifndef CTL_RENDER_H
#define CTL_RENDER_H

#include "ctl/verb.h"

verb_render render_workers; /* worker.list: a table */
verb_render render_worker;  /* worker.show: members, timeline, configuration */
verb_render render_up;      /* "bot1: generation 3, i-..." */
verb_render render_down;
verb_render render_check;     /* "good: ..." */
verb_render render_password;  /* the bare word */
verb_render render_status;    /* counts, what is wrong, what EC2 was asked */
verb_render render_orphans;   /* whether HOLD is on, and a table */
verb_render render_console;   /* the output, and when it was taken */
verb_render render_log_level; /* the bare word */
verb_render render_history;   /* a table */
verb_render render_event;     /* a line */
verb_render render_reload;    /* what changed */
verb_render render_metrics;   /* a table */
verb_render render_record;    /* "name  value" lines */
verb_render render_any;       /* JSON, indented */

#endif
