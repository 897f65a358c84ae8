/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines: the local processes that play instances (--run-user-data). Each has a
 * directory of its own, an init process (init.h) and a pipe that is its console. All of
 * them are gone when sim_machines_free returns, or when the simulator is killed.
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

struct err;
struct loop;
struct sim_instance;
struct sim_machines;

/* The machine went off by itself. */
typedef void sim_machine_fn(void *arg, struct sim_instance *i);

/* Makes the directory with the poweroff, halt and shutdown that end an instance. */
struct sim_machines *sim_machines_new(struct loop *loop, sim_machine_fn *on_off,
	void *arg, struct err *err);
/* Of the simulator, "http://127.0.0.1:5000": its metadata service is below it. Before the first boot. */
void sim_machines_set_url(struct sim_machines *ms, const char *url);
/* Runs the user data of i, which must outlive its machine. -1 when it cannot be. */
int sim_machine_boot(struct sim_machines *ms, struct sim_instance *i, struct err *err);
/* As when the operating system shuts down: SIGTERM, and SIGKILL after five seconds. */
void sim_machine_shut_down(struct sim_machines *ms, struct sim_instance *i);
/* As when the power is cut: SIGKILL. The instance has no machine when this returns. */
void sim_machine_cut(struct sim_machines *ms, struct sim_instance *i);
void sim_machines_free(struct sim_machines *ms);

#endif
