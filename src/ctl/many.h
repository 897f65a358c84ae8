/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One verb at work for many workers; shared by the two files that do it.
 */
#ifndef CTL_MANY_H
#define CTL_MANY_H

/* lint: includes: both are embedded */
#include "ctl/progress.h"
#include "sys/loop.h"

#include <jansson.h>

struct ctl;
struct many;
struct nearest;
struct verb;

struct job {
	struct many *many; /* borrowed */
	char *worker;      /* owned */
	char *request; /* owned; the key under which a repetition is the same, or NULL */
	bool done;
	bool looking; /* its phase was asked for */
	char *phase;  /* owned; as last seen, or NULL */
	/* There is no such worker: what was said, and which may be meant. Owned. */
	json_t *error;
	struct nearest *nearest;
};

struct many {
	struct ctl *ctl; /* borrowed */
	const struct verb *verb;
	struct job *jobs; /* owned */
	size_t count, left;
	int64_t began_ms;
	int64_t lost_ms; /* when the connection was lost, 0: never */
	struct progress progress;
	struct loop_timer look;
	bool subscribed; /* on this connection */
	bool polling;    /* there are no events for us: phases are asked for */
};

/* Shows how far each job is, as long as the connection lasts; on a terminal only. */
void many_progress_start(struct many *m);
void many_progress_stop(struct many *m);

#endif
