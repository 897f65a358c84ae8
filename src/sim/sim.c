/* SPDX-License-Identifier: Apache-2.0 */
/* Building the simulator, its clock, and what a change of an instance's state means. */
#include "sim/sim.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/address.h"
#include "sim/bids.h"
#include "sim/cloud.h"
#include "sim/fault.h"
#include "sim/imds.h"
#include "sim/journal.h"
#include "sim/keys.h"
#include "sim/machine.h"
#include "sim/options.h"
#include "sim/prices.h"
#include "sim/sim_parts.h"
#include "sim/throttle.h"
#include "sim/volume.h"
#include "sys/crypto.h"
#include "sys/httpd.h"
#include "sys/loop.h"

#include <stdio.h>
#include <string.h>

#define CONTROL_PATH "/_sim/"

static void
boot(struct sim *sim, struct sim_instance *i)
{
	const char *text = sim->scenario.console;
	struct err err;

	if (text != NULL)
		sim_instance_print(i, text, strlen(text));
	if (sim->machines == NULL || sim_machine_boot(sim->machines, i, &err) == 0)
		return;
	log_error(i->id, "%s", err.text);
	sim_instance_print(i, err.text, strlen(err.text));
}

static void
on_state(void *arg, struct sim_instance *i, enum sim_state from)
{
	struct sim *sim = arg;

	(void)from;
	log_debug(i->id, "%s", sim_state_name(i->state));
	switch (i->state) {
	case SIM_PENDING: break;
	case SIM_RUNNING: boot(sim, i); break;
	case SIM_SHUTTING_DOWN:
	case SIM_STOPPING:
		if (sim->machines != NULL)
			sim_machine_shut_down(sim->machines, i);
		break;
	case SIM_TERMINATED:
	case SIM_STOPPED:
		if (sim->machines != NULL)
			sim_machine_cut(sim->machines, i);
		break;
	case SIM_STATE_COUNT: break;
	}
}

static void
arm(struct sim *sim)
{
	int64_t due_ms = sim_cloud_next_due_ms(sim->cloud);
	int64_t bid_ms = sim_bids_next_due_ms(sim->bids);

	if (bid_ms < due_ms)
		due_ms = bid_ms;
	if (due_ms == INT64_MAX)
		loop_timer_clear(sim->timer);
	else if (!loop_timer_armed(sim->timer) || sim->timer->due_ms != due_ms)
		loop_timer_at(sim->timer, due_ms);
}

void
sim_advance(struct sim *sim)
{
	struct sim_call call = {.cloud = sim->cloud,
		.scenario = &sim->scenario,
		.prices = sim->prices};

	sim_cloud_advance(sim->cloud);
	sim_bids_advance(sim->bids, &call);
	arm(sim);
}

static void
on_timer(void *arg)
{
	sim_advance(arg);
}

static void
on_machine_off(void *arg, struct sim_instance *i)
{
	struct sim *sim = arg;

	sim_cloud_power_off(sim->cloud, i);
	sim_advance(sim);
}

static void
on_request(void *arg, struct httpd_request *request)
{
	struct sim *sim = arg;

	sim_advance(sim);
	if (strncmp(httpd_target(request), CONTROL_PATH, strlen(CONTROL_PATH)) == 0)
		sim_control(sim, request);
	else if (sim_imds_is(httpd_target(request)))
		sim_imds_answer(sim, request);
	else
		sim_exchange_begin(sim, request);
	sim_advance(sim); /* what was done may fill a bid that was held */
}

int64_t
sim_wall_ms(const struct sim *sim)
{
	return clock_wall_ms() + sim->scenario.clock_offset;
}

static void
take_faults(struct sim *sim)
{
	struct sim_fault *faults = sim->scenario.faults.items;

	/* The scenario keeps its own, for the next reset. */
	sim_faults_remove(sim->faults, 0);
	for (size_t n = 0; n < sim->scenario.faults.count; n++) {
		struct sim_fault copy = {0};

		sim_fault_copy(&copy, &faults[n]);
		sim_faults_add(sim->faults, &copy);
	}
}

/* What the scenario says is there; what is there already stays as it is. */
static void
furnish(struct sim *sim)
{
	const struct sim_scenario *s = &sim->scenario;

	sim_addresses_add_rows(sim_cloud_addresses(sim->cloud), sim->cloud,
		s->addresses.items, s->addresses.count);
	sim_volumes_add_rows(sim_cloud_volumes(sim->cloud), s->volumes.items,
		s->volumes.count);
}

static int64_t
given(int64_t ms, int64_t otherwise)
{
	return ms != FIELD_NULL ? ms : otherwise;
}

void
sim_set_scenario(struct sim *sim, struct sim_scenario *scenario)
{
	const struct sim_scenario *s = &sim->scenario;

	sim_scenario_fini(&sim->scenario);
	sim->scenario = *scenario;
	*scenario = (struct sim_scenario){0};
	*sim->times = (struct sim_times){
		.pending = given(s->pending, sim->options->pending),
		.shutdown = given(s->shutdown, sim->options->shutdown),
		.visible = s->visible_after,
		.tags = s->terminated_tags,
		.gone = s->terminated_visible,
		.volume = s->volume_delay,
	};
	take_faults(sim);
	sim_prices_reset(sim->prices, &s->prices, clock_wall_ms());
	furnish(sim);
}

void
sim_reset(struct sim *sim)
{
	for (size_t n = 0; n < sim_cloud_count(sim->cloud); n++) {
		struct sim_instance *i = sim_cloud_at(sim->cloud, n);

		if (i->machine != NULL)
			sim_machine_cut(sim->machines, i);
	}
	sim_bids_clear(sim->bids);
	sim_cloud_clear(sim->cloud);
	sim_journal_clear(sim->journal);
	sim_imds_clear(sim->imds);
	if (sim->throttle != NULL)
		sim_throttle_clear(sim->throttle);
	take_faults(sim);
	sim_prices_reset(sim->prices, &sim->scenario.prices, clock_wall_ms());
	furnish(sim);
}

static void
add_credentials(struct sim *sim)
{
	const char *pair = sim->options->credentials.text;
	const char *colon = pair != NULL ? strchr(pair, ':') : NULL;
	char *id;

	if (colon == NULL)
		return;
	id = xstrndup(pair, (size_t)(colon - pair));
	sim_keys_add(sim->keys, id, colon + 1, NULL);
	free(id);
}

static int
load_scenario(struct sim *sim, struct err *err)
{
	struct sim_scenario scenario;

	sim_scenario_defaults(&scenario);
	if (sim->options->scenario != NULL) {
		sim_scenario_fini(&scenario);
		if (sim_scenario_load(sim->options->scenario, &scenario, err) != 0)
			return -1;
	}
	sim_set_scenario(sim, &scenario);
	return 0;
}

static uint64_t
pick_seed(const struct sim_options *options)
{
	uint64_t seed = (uint64_t)options->seed;

	while (seed == 0)
		crypto_random(&seed, sizeof(seed));
	return seed;
}

/* Where we are, for the user data of instances. */
static void
tell_machines(struct sim *sim)
{
	const char *listen = sim->options->listen;
	AUTO(free) char *url = NULL;

	if (sim->machines == NULL)
		return;
	url = xasprintf("http://%.*s:%u", (int)(strrchr(listen, ':') - listen), listen,
		(unsigned)httpd_port(sim->httpd));
	sim_machines_set_url(sim->machines, url);
}

static int
start(struct sim *sim, struct err *err)
{
	if (load_scenario(sim, err) != 0)
		return -1;
	if (sim->options->run_user_data) {
		sim->machines = sim_machines_new(sim->loop, on_machine_off, sim, err);
		if (sim->machines == NULL)
			return -1;
	}
	sim->httpd = httpd_new(sim->loop, sim->options->listen, SIM_BODY_MAX,
		on_request, sim, err);
	if (sim->httpd == NULL)
		return -1;
	tell_machines(sim);
	return 0;
}

struct sim *
sim_new(struct loop *loop, const struct sim_options *options, struct err *err)
{
	struct sim *sim = NEW(struct sim);
	uint64_t seed = pick_seed(options);

	sim->loop = loop;
	sim->options = options;
	sim->times = NEW(struct sim_times);
	sim->keys = sim_keys_new();
	sim->imds = sim_imds_new();
	add_credentials(sim);
	sim->cloud = sim_cloud_new(sim->times, seed);
	sim_cloud_watch(sim->cloud, on_state, sim);
	sim->prices = sim_prices_new();
	sim->bids = sim_bids_new();
	sim->faults = sim_faults_new(seed);
	sim->journal = sim_journal_new();
	sim->timer = NEW(struct loop_timer);
	loop_timer_init(sim->timer, loop, on_timer, sim);
	if (options->throttle == SIM_THROTTLE_AWS)
		sim->throttle = sim_throttle_new();
	if (start(sim, err) != 0) {
		sim_free(sim);
		return NULL;
	}
	return sim;
}

uint16_t
sim_port(const struct sim *sim)
{
	return httpd_port(sim->httpd);
}

void
sim_free(struct sim *sim)
{
	if (sim == NULL)
		return;
	sim_exchanges_free(sim);
	httpd_free(sim->httpd);
	sim_machines_free(sim->machines);
	loop_timer_clear(sim->timer);
	free(sim->timer);
	sim_journal_free(sim->journal);
	sim_throttle_free(sim->throttle);
	sim_faults_free(sim->faults);
	sim_prices_free(sim->prices);
	sim_bids_free(sim->bids);
	sim_cloud_free(sim->cloud);
	sim_imds_free(sim->imds);
	sim_keys_free(sim->keys);
	sim_scenario_fini(&sim->scenario);
	free(sim->times);
	free(sim);
}
