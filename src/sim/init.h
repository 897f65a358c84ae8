/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first process of a machine, as init is of a real one: it starts the user data,
 * adopts and reaps whatever that leaves behind, and takes all of it along when the
 * machine goes off. It is forked, not executed, and never returns to the simulator.
 */
#ifndef SIM_INIT_H
#define SIM_INIT_H

#include <sys/types.h>

/* All borrowed; copied by the fork. */
struct sim_init {
	const char *dir;    /* the machine's own directory, where it starts */
	const char *script; /* the user data as a file there */
	char *const *env;   /* NAME=VALUE, NULL-terminated */
	int out;            /* the console */
	pid_t parent;       /* whose end is ours */
};

/* What the simulator, or the machine's own poweroff, sends to it. */
#define SIM_INIT_SHUTDOWN SIGTERM  /* ask all to end, five seconds later make them */
#define SIM_INIT_CUT SIGINT        /* kill all now */
#define SIM_INIT_POWER_OFF SIGUSR1 /* as SIGTERM, with two seconds */

/* To be called in the child, with all signals blocked since before the fork. */
_Noreturn void sim_init_run(const struct sim_init *init);

#endif
