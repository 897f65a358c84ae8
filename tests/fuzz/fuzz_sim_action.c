/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ec2sim's actions behind their parser: a scenario in the first line, then a request in
 * each, or "wait MS". A refusal has a code and starts nothing; a reply is well-formed and
 * starts no more than was asked for; whatever is there, time goes on.
 *
 * Parser: src/sim/scenario.c src/sim/filter.c src/sim/page.c src/sim/ec2_launch.c
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/bids.h"
#include "sim/cloud.h"
#include "sim/params.h"
#include "sim/prices.h"
#include "sim/scenario.h"
#include "sim/sigv4.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS 1769854500000 /* 2026-01-31T10:15:00Z */
#define DEPTH_MAX 32
#define COUNT_MAX 50 /* instances at once, for the fuzzer's speed */

struct world {
	struct sim_times times;
	struct sim_scenario scenario;
	struct sim_cloud *cloud;
	struct sim_prices *prices;
	struct sim_bids *bids;
};

static const struct sim_identity identity = {.key_id = "AKIDTEST"};

/* Each element is closed, in its order; no byte of a text looks like one. */
static void
check_form(const char *xml)
{
	const char *open[DEPTH_MAX];
	size_t depth = 0;

	for (const char *p = strchr(xml, '<'); p != NULL; p = strchr(p + 1, '<')) {
		const char *end = strchr(p, '>');
		size_t len;

		assert(end != NULL);
		len = (size_t)(end - p) - 1;
		assert(len > 0 && memchr(p + 1, '<', len) == NULL);
		if (p[1] == '/') {
			assert(depth > 0);
			depth--;
			assert(strncmp(open[depth], p + 2, len - 1) == 0);
		} else if (end[-1] != '/') {
			assert(depth < DEPTH_MAX);
			open[depth++] = p + 1;
		}
	}
	assert(depth == 0);
}

static void
go_on(struct world *w, int64_t ms)
{
	struct sim_call call = {.cloud = w->cloud,
		.scenario = &w->scenario,
		.prices = w->prices};

	clock_fake_advance(ms);
	sim_cloud_advance(w->cloud);
	sim_bids_advance(w->bids, &call);
}

static void
act(struct world *w, struct sim_call *call)
{
	size_t before = sim_cloud_count(w->cloud);
	int64_t count = sim_params_int(call->params, "MaxCount", 0);

	if (count > COUNT_MAX || sim_params_int(call->params, "InstanceCount", 0) > 5)
		return;
	if (sim_call_permit(call, call->action->name) != 0 ||
		call->action->run(call) != 0) {
		assert(call->error.code[0] != '\0' && call->error.status >= 400);
		assert(sim_cloud_count(w->cloud) == before);
		return;
	}
	check_form(buf_str(call->out));
	assert(!call->dry_run);
	assert(sim_cloud_count(w->cloud) - before <= (size_t)count);
}

static void
request(struct world *w, const char *form)
{
	AUTO(sim_params) struct sim_params params = {0};
	AUTO(buf) struct buf out = {0};
	struct sim_call call = {.cloud = w->cloud,
		.scenario = &w->scenario,
		.prices = w->prices,
		.bids = w->bids,
		.identity = &identity,
		.wall_ms = clock_wall_ms(),
		.params = &params,
		.region = "us-east-1",
		.out = &out};
	const char *name;

	if (sim_params_parse(form, strlen(form), &params, &call.error) != 0)
		return;
	name = sim_params_get(&params, "Action");
	call.action = name != NULL ? sim_action_find(&sim_ec2, name) : NULL;
	call.dry_run = sim_params_true(&params, "DryRun");
	if (call.action != NULL &&
		sim_params_check(&params, call.action->params, sim_ec2.common,
			&call.error) == 0)
		act(w, &call);
}

/* What a scenario lists of volumes and addresses is made by the simulator itself. */
static void
furnish(struct world *w, const char *line)
{
	struct err err;

	if (sim_scenario_parse(line, strlen(line), "first line", &w->scenario, &err) !=
		0)
		sim_scenario_defaults(&w->scenario);
	w->times = (struct sim_times){.pending = 1000,
		.shutdown = 1000,
		.visible = w->scenario.visible_after,
		.tags = 60000,
		.gone = 120000};
	w->cloud = sim_cloud_new(&w->times, 1);
	w->prices = sim_prices_new();
	w->bids = sim_bids_new();
	sim_prices_reset(w->prices, &w->scenario.prices, clock_wall_ms());
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *text = xstrndup((const char *)data, size);
	struct world w = {0};
	char *rest = text;

	clock_fake(1000, NOW_MS);
	furnish(&w, strsep(&rest, "\n"));
	while (rest != NULL) {
		const char *line = strsep(&rest, "\n");

		if (strncmp(line, "wait ", 5) == 0)
			go_on(&w, labs(strtol(line + 5, NULL, 10)) % 200000);
		else
			request(&w, line);
		go_on(&w, 0);
	}
	sim_bids_free(w.bids);
	sim_cloud_free(w.cloud);
	sim_prices_free(w.prices);
	sim_scenario_fini(&w.scenario);
	clock_real();
	return 0;
}
