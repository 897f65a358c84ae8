/* SPDX-License-Identifier: Apache-2.0 */
/* Calls straight into the action rows, as exchange.c does once all is checked. */
#include "sim_call.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/bids.h"
#include "sim/cloud.h"
#include "sim/params.h"
#include "sim/prices.h"
#include "sim/sigv4.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define START_MS 1000000
#define WALL_MS 1800000000000 /* 2027-01-15T08:00:00Z */

struct ec2 *
ec2_new(void)
{
	struct ec2 *e = NEW(struct ec2);

	clock_fake(START_MS, WALL_MS);
	e->times = NEW(struct sim_times);
	*e->times = (struct sim_times){.pending = 2000,
		.shutdown = 3000,
		.tags = 60000,
		.gone = 3600000};
	e->cloud = sim_cloud_new(e->times, 7);
	sim_scenario_defaults(&e->scenario);
	e->prices = sim_prices_new();
	e->bids = sim_bids_new();
	return e;
}

static void
advance(struct ec2 *e)
{
	struct sim_call call = {.cloud = e->cloud,
		.scenario = &e->scenario,
		.prices = e->prices};

	sim_cloud_advance(e->cloud);
	sim_bids_advance(e->bids, &call);
}

static const struct sim_identity identity = {.key_id = "AKIDTEST"};

int
ec2_call_in(struct ec2 *e, const char *region, const char *form)
{
	AUTO(free) char *text = xasprintf("Action=%s", form);
	AUTO(sim_params) struct sim_params params = {0};
	struct sim_call call = {.cloud = e->cloud,
		.scenario = &e->scenario,
		.prices = e->prices,
		.bids = e->bids,
		.params = &params,
		.region = region,
		.identity = &identity};
	struct buf out = {0};
	int ret;

	ck_assert_int_eq(sim_params_parse(text, strlen(text), &params, &call.error), 0);
	call.action = sim_action_find(&sim_ec2, sim_params_get(&params, "Action"));
	call.dry_run = sim_params_true(&params, "DryRun");
	call.out = &out;
	ck_assert_ptr_nonnull(call.action);
	advance(e);
	ret = sim_params_check(&params, call.action->params, sim_ec2.common,
		&call.error);
	if (ret == 0)
		ret = sim_call_permit(&call, call.action->name);
	if (ret == 0)
		ret = call.action->run(&call);
	free(e->reply);
	e->reply = buf_take(&out);
	snprintf(e->code, sizeof(e->code), "%s", ret == 0 ? "" : call.error.code);
	snprintf(e->message, sizeof(e->message), "%s",
		ret == 0 ? "" : call.error.message);
	e->status = ret == 0 ? 200 : call.error.status;
	return ret;
}

int
ec2_call(struct ec2 *e, const char *form)
{
	return ec2_call_in(e, "us-east-1", form);
}

void
ec2_advance(struct ec2 *e, int64_t ms)
{
	clock_fake_advance(ms);
	advance(e);
}

unsigned
ec2_count(const struct ec2 *e, const char *element)
{
	AUTO(free) char *tag = xasprintf("<%s>", element);
	unsigned n = 0;

	for (const char *p = strstr(e->reply, tag); p != NULL; p = strstr(p + 1, tag))
		n++;
	return n;
}

const char *
ec2_text(const struct ec2 *e, const char *element, unsigned n)
{
	static char text[400];
	AUTO(free) char *tag = xasprintf("<%s>", element);
	const char *p = strstr(e->reply, tag);

	while (p != NULL && n-- > 0)
		p = strstr(p + 1, tag);
	if (p == NULL)
		return "";
	p += strlen(tag);
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(p, "<"), p);
	return text;
}

const char *
ec2_run(struct ec2 *e, const char *more)
{
	AUTO(free)
	char *form =
		xasprintf("RunInstances&MinCount=1&MaxCount=1&ImageId=ami-12345%s%s",
			more[0] != '\0' ? "&" : "", more);

	ck_assert_msg(ec2_call(e, form) == 0, "%s: %s", e->code, e->message);
	return sim_cloud_at(e->cloud, sim_cloud_count(e->cloud) - 1)->id;
}

const char *
ec2_state(struct ec2 *e, const char *id)
{
	AUTO(free) char *form = xasprintf("DescribeInstances&InstanceId.1=%s", id);

	if (ec2_call(e, form) != 0)
		return e->code;
	return ec2_text(e, "name", 0);
}

void
ec2_scenario(struct ec2 *e, const char *json)
{
	struct err err;

	sim_scenario_fini(&e->scenario);
	if (sim_scenario_parse(json, strlen(json), "test", &e->scenario, &err) != 0)
		ck_abort_msg("%s", err.text);
	sim_prices_reset(e->prices, &e->scenario.prices, clock_wall_ms());
}

void
ec2_free(struct ec2 *e)
{
	sim_bids_free(e->bids);
	sim_prices_free(e->prices);
	sim_cloud_free(e->cloud);
	sim_scenario_fini(&e->scenario);
	free(e->times);
	free(e->reply);
	free(e);
	clock_real();
}
