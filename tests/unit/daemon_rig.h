/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole daemon without its socket, in a directory of its own, beside ec2sim: each on its
 * loop, both on a clock that is moved by hand.
 */
#ifndef TESTS_DAEMON_RIG_H
#define TESTS_DAEMON_RIG_H

#include "sim/options.h"

struct daemon;
struct loop;
struct sim;
struct worker;

struct daemon_rig {
	struct sim_options options;
	struct loop *sim_loop;
	struct sim *sim;
	struct daemon *daemon; /* NULL once it is freed */
};

extern struct daemon_rig daemon_rig;

/* Fixtures. The daemon has not started yet. */
void daemon_rig_setup(void);
void daemon_rig_teardown(void);
/* Writes the configuration: usual keys, these at the top, and these workers. */
void daemon_rig_write(const char *top, const char *workers);
/* Makes the daemon from the file; -1 with err if it cannot be. */
int daemon_rig_new(struct err *err);
/* The file, the daemon, and its start; nothing may go wrong. */
void daemon_rig_start(const char *top, const char *workers);
/* Turns both loops while so much time passes, or until the daemon is to end: true. */
bool daemon_rig_run(int64_t ms);
/* As a crash and a new process: what is in memory is gone. */
void daemon_rig_restart(void);
void daemon_rig_up(const char *name);
/* Up and attached. */
void daemon_rig_ready(const char *name);
struct worker *daemon_rig_worker(const char *name);
/* Instances in the simulator that are pending or running. */
size_t daemon_rig_living(void);

#endif
