/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call is a row of what it asks, in the queue of a lane or in flight. Whatever happens
 * to one is recorded there and then; what is to leave next is decided in one place, pump.
 */
#include "ec2/client.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "ec2/call.h"
#include "ec2/endpoint.h"
#include "ec2/lane.h"
#include "ec2/request.h"
#include "ec2/sender.h"
#include "ec2/verdict.h"
#include "sys/loop.h"

#include <string.h>
#include <utlist.h>

#define CONTENT_TYPE "application/x-www-form-urlencoded; charset=utf-8"
#define PAGE_SIZE "1000"
#define TAG_POOL "tag:ec2workerd:pool"

struct client_lane {
	struct lane lane;
	struct ec2_call *queue, *flying;
	unsigned queued;
	struct loop_timer timer; /* when the next may leave */
};

struct ec2_client {
	struct sender *sender;
	char *region;
	struct client_lane lanes[LANE_COUNT];
	struct loop_poke poke;
	struct ec2_counts counts;
};

static struct client_lane *
lane_of(struct ec2_call *call)
{
	return &call->client->lanes[call->op->lane];
}

/* In the order of asking, those of `first` before the others. */
static void
enqueue(struct ec2_call *call)
{
	struct client_lane *l = lane_of(call);
	struct ec2_call *before = NULL;

	if (call->op->first)
		DL_FOREACH(l->queue, before)
			if (!before->op->first)
				break;
	if (before != NULL)
		DL_PREPEND_ELEM(l->queue, before, call);
	else
		DL_APPEND(l->queue, call);
	l->queued++;
	loop_poke(&call->client->poke);
}

static void on_sent(void *arg, const struct sender_result *result);

static void
leave(struct ec2_call *call)
{
	struct client_lane *l = lane_of(call);
	const char *body = call_body(call);
	const struct sender_request request = {
		.body = body,
		.len = strlen(body),
		.mutating = call->op->mutating,
		.sends = &call->client->counts.calls[call->op->action],
	};

	DL_DELETE(l->queue, call);
	l->queued--;
	DL_APPEND(l->flying, call);
	call->ticket = lane_leave(&l->lane, clock_ms());
	call->flight = sender_start(call->client->sender, &request, on_sent, call);
}

/* Lets go what may; for what may later there is the timer. */
static void
pump_lane(struct client_lane *l)
{
	int64_t ready_ms = INT64_MAX;

	while (l->queue != NULL) {
		ready_ms = lane_ready_ms(&l->lane);
		if (ready_ms > clock_ms())
			break;
		leave(l->queue);
	}
	if (l->queue != NULL && ready_ms != INT64_MAX)
		loop_timer_at(&l->timer, ready_ms);
	else
		loop_timer_clear(&l->timer);
}

static void
pump(void *arg)
{
	struct ec2_client *c = arg;

	for (int i = 0; i < LANE_COUNT; i++)
		pump_lane(&c->lanes[i]);
}

struct ec2_client *
ec2_client_new(struct loop *loop, struct http *http, const struct ec2_client_conf *conf,
	struct ec2_creds *creds)
{
	struct ec2_client *c = NEW(struct ec2_client);
	AUTO(free)
	char *url = conf->endpoint != NULL ? xstrdup(conf->endpoint)
					   : endpoint_default("ec2", conf->region);
	const struct sender_conf sender = {
		.url = url,
		.region = conf->region,
		.service = "ec2",
		.content_type = CONTENT_TYPE,
		.ca_file = conf->ca_file,
	};

	c->sender = sender_new(loop, http, creds, &sender);
	c->region = xstrdup(conf->region);
	loop_poke_init(&c->poke, loop, pump, c);
	for (int i = 0; i < LANE_COUNT; i++) {
		lane_init(&c->lanes[i].lane, i == LANE_LAUNCH);
		loop_timer_init(&c->lanes[i].timer, loop, pump, c);
	}
	return c;
}

static void
cancel_all(struct ec2_call *list)
{
	struct ec2_call *call, *tmp;

	DL_FOREACH_SAFE(list, call, tmp)
		ec2_cancel(call);
}

void
ec2_client_free(struct ec2_client *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < LANE_COUNT; i++) {
		cancel_all(c->lanes[i].queue);
		cancel_all(c->lanes[i].flying);
		loop_timer_clear(&c->lanes[i].timer);
	}
	loop_poke_clear(&c->poke);
	sender_free(c->sender);
	free(c->region);
	free(c);
}

void
ec2_cancel(struct ec2_call *call)
{
	struct client_lane *l;

	if (call == NULL)
		return;
	l = lane_of(call);
	if (call->flight != NULL) {
		sender_cancel(call->flight);
		lane_answer(&l->lane, call->ticket, LANE_UNCLEAR, 0, clock_ms());
		DL_DELETE(l->flying, call);
	} else {
		DL_DELETE(l->queue, call);
		l->queued--;
	}
	loop_poke(&call->client->poke);
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

static void
on_sent(void *arg, const struct sender_result *result)
{
	struct ec2_call *call = arg;
	struct client_lane *l = lane_of(call);
	struct ec2_answer answer;

	call->flight = NULL;
	DL_DELETE(l->flying, call);
	call_judge(call, result, &answer);
	lane_answer(&l->lane, call->ticket, lane_answer_of(&answer),
		answer.retry_after_ms, clock_ms());
	if (answer.class == EC2_CLASS_THROTTLE)
		call->client->counts.throttled++;
	loop_poke(&call->client->poke);
	if (call_goes_on(call, &answer))
		enqueue(call);
	else
		call_finish(call, &answer);
}

struct ec2_call *
ec2_run_instances(struct ec2_client *c, const char *body, size_t len,
	ec2_instances_done *done, void *arg)
{
	struct ec2_call *call = call_new_take(c, OP_RUN, NULL, xstrndup(body, len),
		arg);

	call->done = done;
	enqueue(call);
	return call;
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
	call->done = done;
	enqueue(call);
	return call;
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
	call->done = done;
	enqueue(call);
	return call;
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

	call->console_done = done;
	call_ask_console(call, latest);
	enqueue(call);
	return call;
}

void
ec2_client_counts(const struct ec2_client *c, struct ec2_counts *ret)
{
	const struct client_lane *launch = &c->lanes[LANE_LAUNCH];

	_Static_assert(EC2_ACTION_COUNT <= COUNT_OF(ret->calls),
		"room for every action");
	*ret = c->counts;
	ret->window = launch->lane.window;
	ret->in_flight = launch->lane.in_flight;
	ret->queued = launch->queued;
}
