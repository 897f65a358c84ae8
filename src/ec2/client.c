/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call waits at the gate of its lane, leaves, and is answered; what goes on after an
 * answer waits again. A launch comes with a slot of its own, for its intent must be on
 * disk between the grant and the bytes.
 */
#include "ec2/client.h"

#include "base/buf.h"
#include "base/mem.h"
#include "ec2/call.h"
#include "ec2/endpoint.h"
#include "ec2/gate.h"
#include "ec2/request.h"
#include "ec2/sender.h"
#include "ec2/verdict.h"

#include <string.h>
#include <utlist.h>

#define PAGE_SIZE "1000"
#define TAG_POOL "tag:ec2workerd:pool"

struct ec2_client {
	struct sender *senders[SERVICE_COUNT];
	struct gate *gates[LANE_COUNT];
	struct ec2_call *calls;
	struct ec2_counts counts;
};

static const struct {
	const char *name, *content_type, *target;
} services[SERVICE_COUNT] = {
	[SERVICE_EC2] = {"ec2", "application/x-www-form-urlencoded; charset=utf-8",
		NULL},
	[SERVICE_SSM] = {"ssm", "application/x-amz-json-1.1", "AmazonSSM.GetParameter"},
};

static const bool paced[LANE_COUNT] = {[LANE_LAUNCH] = true};

struct ec2_client *
ec2_client_new(struct loop *loop, struct http *http, const struct ec2_client_conf *conf,
	struct ec2_creds *creds)
{
	const char *const endpoints[SERVICE_COUNT] = {
		[SERVICE_EC2] = conf->endpoint,
		[SERVICE_SSM] = conf->ssm_endpoint,
	};
	struct ec2_client *c = NEW(struct ec2_client);

	for (int i = 0; i < SERVICE_COUNT; i++) {
		AUTO(free)
		char *standard = endpoint_default(services[i].name, conf->region);
		const struct sender_conf sender = {
			.url = endpoints[i] != NULL ? endpoints[i] : standard,
			.region = conf->region,
			.service = services[i].name,
			.content_type = services[i].content_type,
			.target = services[i].target,
			.ca_file = conf->ca_file,
		};

		c->senders[i] = sender_new(loop, http, creds, &sender);
	}
	for (int i = 0; i < LANE_COUNT; i++)
		c->gates[i] = gate_new(loop, paced[i]);
	return c;
}

void
ec2_client_free(struct ec2_client *c)
{
	struct ec2_call *call, *tmp;

	if (c == NULL)
		return;
	DL_FOREACH_SAFE(c->calls, call, tmp)
		ec2_cancel(call);
	for (int i = 0; i < LANE_COUNT; i++)
		gate_free(c->gates[i]);
	for (int i = 0; i < SERVICE_COUNT; i++)
		sender_free(c->senders[i]);
	free(c);
}

struct ec2_slot *
ec2_launch_slot(struct ec2_client *c, void (*granted)(void *arg), void *arg)
{
	return gate_ask(c->gates[LANE_LAUNCH], false, granted, arg);
}

void
ec2_slot_free(struct ec2_slot *slot)
{
	gate_slot_free(slot);
}

void
ec2_cancel(struct ec2_call *call)
{
	if (call == NULL)
		return;
	sender_cancel(call->flight);
	gate_slot_free(call->slot);
	DL_DELETE(call->client->calls, call);
	call_free(call);
}

static enum lane_answer
lane_answer_of(const struct ec2_answer *answer)
{
	if (answer->class == EC2_CLASS_THROTTLE)
		return LANE_THROTTLED;
	if (answer->class == EC2_CLASS_PASSING || !answer->sent)
		return LANE_UNCLEAR;
	return LANE_CLEAN;
}

static void wait_for_slot(struct ec2_call *call);

static void
on_sent(void *arg, const struct sender_result *result)
{
	struct ec2_call *call = arg;
	struct ec2_answer answer;

	call->flight = NULL;
	call_judge(call, result, &answer);
	gate_answer(call->slot, lane_answer_of(&answer), answer.retry_after_ms);
	call->slot = NULL;
	call->client->counts.answers[call->op->action][answer.verdict]++;
	if (answer.class == EC2_CLASS_THROTTLE)
		call->client->counts.throttled++;
	if (call_goes_on(call, &answer)) {
		wait_for_slot(call);
		return;
	}
	DL_DELETE(call->client->calls, call);
	call_finish(call, &answer);
}

static void
leave(void *arg)
{
	struct ec2_call *call = arg;
	const char *body = call_body(call);
	const struct sender_request request = {
		.body = body,
		.len = strlen(body),
		.mutating = call->op->mutating,
		.sends = &call->client->counts.calls[call->op->action],
	};

	call->flight = sender_start(call->client->senders[call->op->service], &request,
		on_sent, call);
}

static void
wait_for_slot(struct ec2_call *call)
{
	call->slot = gate_ask(call->client->gates[call->op->lane], call->op->urgent,
		leave, call);
}

struct ec2_call *
call_start(struct ec2_call *call)
{
	DL_APPEND(call->client->calls, call);
	if (call->slot != NULL)
		leave(call);
	else
		wait_for_slot(call);
	return call;
}

struct ec2_call *
ec2_run_instances(struct ec2_client *c, struct ec2_slot *slot, const char *body,
	size_t len, ec2_instances_done *done, void *arg)
{
	struct ec2_call *call = call_new_take(c, OP_RUN, NULL, xstrndup(body, len),
		arg);

	call->done.instances = done;
	call->slot = slot;
	return call_start(call);
}

/* DescribeInstances by a filter, all pages. */
static struct ec2_call *
scan(struct ec2_client *c, enum op_id op, const char *filter, const char *value,
	ec2_instances_done *done, void *arg)
{
	struct buf body = {0};
	struct ec2_call *call;

	ec2_begin(&body, ec2_action_name(EC2_DESCRIBE_INSTANCES));
	ec2_param(&body, "Filter.1.Name", filter);
	ec2_param(&body, "Filter.1.Value.1", value);
	ec2_param(&body, "MaxResults", PAGE_SIZE);
	call = call_new_take(c, op, NULL, buf_take(&body), arg);
	call->done.instances = done;
	return call_start(call);
}

struct ec2_call *
ec2_list_pool(struct ec2_client *c, const char *pool, ec2_instances_done *done,
	void *arg)
{
	return scan(c, OP_LIST, TAG_POOL, pool, done, arg);
}

struct ec2_call *
ec2_find_token(struct ec2_client *c, const char *token, ec2_instances_done *done,
	void *arg)
{
	return scan(c, OP_FIND, "client-token", token, done, arg);
}

static struct ec2_call *
about_one(struct ec2_client *c, enum op_id op, enum ec2_action action, const char *id,
	ec2_instances_done *done, void *arg)
{
	struct buf body = {0};
	struct ec2_call *call;

	ec2_begin(&body, ec2_action_name(action));
	ec2_param(&body, "InstanceId.1", id);
	call = call_new_take(c, op, id, buf_take(&body), arg);
	call->done.instances = done;
	return call_start(call);
}

struct ec2_call *
ec2_describe_one(struct ec2_client *c, const char *id, ec2_instances_done *done,
	void *arg)
{
	return about_one(c, OP_DESCRIBE, EC2_DESCRIBE_INSTANCES, id, done, arg);
}

struct ec2_call *
ec2_terminate_one(struct ec2_client *c, const char *id, ec2_instances_done *done,
	void *arg)
{
	return about_one(c, OP_TERMINATE, EC2_TERMINATE_INSTANCES, id, done, arg);
}

struct ec2_call *
ec2_console(struct ec2_client *c, const char *id, bool latest, ec2_console_done *done,
	void *arg)
{
	struct ec2_call *call = call_new_take(c, OP_CONSOLE, id, NULL, arg);

	call->done.console = done;
	call_ask_console(call, latest);
	return call_start(call);
}

void
ec2_client_counts(const struct ec2_client *c, struct ec2_counts *ret)
{
	const struct gate *launch = c->gates[LANE_LAUNCH];

	_Static_assert(EC2_ACTION_COUNT <= COUNT_OF(ret->calls),
		"room for every action");
	_Static_assert(EC2_VERDICTS == VERDICT_MISSING + 1, "and every verdict");
	*ret = c->counts;
	ret->window = gate_window(launch);
	ret->in_flight = gate_in_flight(launch);
	ret->queued = gate_queued(launch);
	ret->clock_off_ms = sender_offset_ms(c->senders[SERVICE_EC2]);
}
