/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator as a whole: it listens, time passes in its cloud, its instances run. Its
 * parts are open to the files that serve requests: exchange.c for the services,
 * control.c for /_sim/.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "scenario.h"

#include <stdbool.h>
#include <stdint.h>

struct err;
struct httpd_request;
struct loop;
struct sim;
struct sim_instance;
struct sim_options;

#define SIM_BODY_MAX (1024 * 1024)

/* Starts to listen. options is borrowed and outlives it. */
struct sim *sim_new(struct loop *loop, const struct sim_options *options,
	struct err *err);
uint16_t sim_port(const struct sim *sim);
/* Closes all connections, ends all instances' processes. */
void sim_free(struct sim *sim);

#endif
