/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations as a table, and what their answers mean: a listing is all of its pages or
 * nothing, an answer about another instance is none, a console may only be had in its
 * older form.
 */
#include "ec2/call.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "ec2/request.h"
#include "ec2/sender.h"
#include "ec2/verdict.h"
#include "sys/http.h"

#include <string.h>

#define PAGES_MAX 1000u

static enum ec2_action
action_of(const struct ec2_call *call)
{
	return (enum ec2_action)call->op->action;
}

/* The instances of an answer become its page. */
static int
take_instances(struct ec2_call *call, int rc, struct ec2_instances *list)
{
	if (rc == 0)
		call->page = (struct items){list->items, list->count, list->next_token};
	return rc;
}

static int
parse_run(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	struct ec2_instances list = {0};

	return take_instances(call, ec2_parse_run(body, len, &list, err), &list);
}

static int
parse_page(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	return items_parse(call->op->shape, body, len, &call->page, err);
}

/* An answer about another instance than the one asked for is none. */
static int
check_one(const struct ec2_call *call, struct err *err)
{
	const struct ec2_instance *instances = call->page.array;

	for (size_t i = 0; i < call->page.count; i++)
		if (strcmp(instances[i].id, call->id) != 0)
			return err_set(err, ERR_PARSE, "it speaks of %s, not of %s",
				instances[i].id, call->id);
	if (call->page.count > 1)
		return err_set(err, ERR_PARSE, "it has %s twice", call->id);
	return 0;
}

static int
parse_one(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	if (parse_page(call, body, len, err) < 0)
		return -1;
	return check_one(call, err);
}

static int
parse_terminate(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	struct ec2_instances list = {0};

	if (take_instances(call, ec2_parse_terminate(body, len, &list, err), &list) < 0)
		return -1;
	if (call->page.count == 0)
		return err_set(err, ERR_PARSE, "it does not speak of %s", call->id);
	return check_one(call, err);
}

static int
parse_console(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	return ec2_parse_console(body, len, &call->output, &call->output_len,
		&call->output_at, err);
}

static int
parse_associate(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	(void)call;
	return ec2_parse_associate(body, len, err);
}

static int
parse_attach(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	return ec2_parse_attach(body, len, call->other, call->id, err);
}

static void
deliver_instances(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	struct ec2_instances typed = {list->array, list->count, list->next_token};

	call->done.instances(call->arg, answer, &typed);
}

static void
deliver_console(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	bool is_done = answer->verdict == VERDICT_DONE;

	(void)list;
	call->done.console(call->arg, answer, is_done ? call->output : "",
		is_done ? call->output_len : 0, is_done ? call->output_at : 0);
}

static void
deliver_images(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	call->done.images(call->arg, answer,
		&(struct ec2_images){list->array, list->count});
}

static void
deliver_prices(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	call->done.prices(call->arg, answer,
		&(struct ec2_prices){list->array, list->count});
}

static void
deliver_subnets(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	call->done.subnets(call->arg, answer,
		&(struct ec2_subnets){list->array, list->count});
}

static void
deliver_volumes(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	call->done.volumes(call->arg, answer,
		&(struct ec2_volumes){list->array, list->count});
}

static void
deliver_addresses(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	call->done.addresses(call->arg, answer,
		&(struct ec2_addresses){list->array, list->count});
}

static void
deliver_plain(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	(void)list;
	call->done.plain(call->arg, answer);
}

static void
give_up_scan(struct ec2_call *call, struct ec2_answer *answer, const char *why)
{
	struct err err;

	err_set(&err, ERR_SERVICE, "%s: %s", ec2_action_name(action_of(call)), why);
	ec2_judge_class(action_of(call), EC2_CLASS_PASSING, &err, answer);
}

static bool
has_next_page(struct ec2_call *call, struct ec2_answer *answer)
{
	AUTO(free) char *last = call->list.next_token;
	struct buf body = {0};

	call->list.next_token = NULL;
	items_append(call->op->shape, &call->list, &call->page);
	call->pages++;
	if (call->list.next_token == NULL)
		return false;
	if (str_equal(call->list.next_token, last))
		give_up_scan(call, answer, "a page leads to itself");
	else if (call->pages == PAGES_MAX)
		give_up_scan(call, answer, "too many pages");
	if (answer->verdict != VERDICT_DONE)
		return false;
	buf_puts(&body, call->body);
	ec2_param(&body, "NextToken", call->list.next_token);
	free(call->paged);
	call->paged = buf_take(&body);
	return true;
}

/* The token of a page may have expired: from the first page again, once. */
static bool
starts_again(struct ec2_call *call, const struct ec2_answer *answer)
{
	if (answer->class != EC2_CLASS_PAGE_TOKEN || call->pages == 0 ||
		call->restarted)
		return false;
	items_fini(call->op->shape, &call->list);
	free(call->paged);
	call->paged = NULL;
	call->pages = 0;
	call->restarted = true;
	return true;
}

static bool
scan_goes_on(struct ec2_call *call, struct ec2_answer *answer)
{
	if (answer->verdict == VERDICT_DONE)
		return has_next_page(call, answer);
	return starts_again(call, answer);
}

/* Types without a live console refuse it, with one code or another. */
static bool
console_goes_on(struct ec2_call *call, struct ec2_answer *answer)
{
	if (!call->latest || answer->verdict != VERDICT_REFUSED || !answer->sent ||
		answer->class == EC2_CLASS_AUTH)
		return false;
	call_ask_console(call, false);
	return true;
}

/* A good answer without the instance says the same as EC2's NotFound. */
static bool
one_goes_on(struct ec2_call *call, struct ec2_answer *answer)
{
	struct err err;

	if (answer->verdict != VERDICT_DONE || call->page.count > 0)
		return false;
	err_set(&err, ERR_SERVICE, "%s: %s is not in the answer",
		ec2_action_name(action_of(call)), call->id);
	ec2_judge_class(action_of(call), EC2_CLASS_NOT_VISIBLE, &err, answer);
	return false;
}

static const struct op ops[OP_COUNT] = {
	[OP_RUN] =
		{
			.action = EC2_RUN_INSTANCES,
			.lane = LANE_LAUNCH,
			.mutating = true,
			.shape = &ec2_instances_shape,
			.parse = parse_run,
			.deliver = deliver_instances,
		},
	[OP_LIST] =
		{
			.action = EC2_DESCRIBE_INSTANCES,
			.lane = LANE_READ,
			.urgent = true,
			.paged = true,
			.shape = &ec2_instances_shape,
			.parse = parse_page,
			.goes_on = scan_goes_on,
			.deliver = deliver_instances,
		},
	[OP_FIND] =
		{
			.action = EC2_DESCRIBE_INSTANCES,
			.lane = LANE_READ,
			.urgent = true,
			.paged = true,
			.shape = &ec2_instances_shape,
			.parse = parse_page,
			.goes_on = scan_goes_on,
			.deliver = deliver_instances,
		},
	[OP_DESCRIBE] =
		{
			.action = EC2_DESCRIBE_INSTANCES,
			.lane = LANE_READ,
			.shape = &ec2_instances_shape,
			.parse = parse_one,
			.goes_on = one_goes_on,
			.deliver = deliver_instances,
		},
	[OP_TERMINATE] =
		{
			.action = EC2_TERMINATE_INSTANCES,
			.lane = LANE_TERMINATE,
			.mutating = true,
			.shape = &ec2_instances_shape,
			.parse = parse_terminate,
			.deliver = deliver_instances,
		},
	[OP_CONSOLE] =
		{
			.action = EC2_GET_CONSOLE_OUTPUT,
			.lane = LANE_CONSOLE,
			.parse = parse_console,
			.goes_on = console_goes_on,
			.deliver = deliver_console,
		},
	[OP_IMAGES] =
		{
			.action = EC2_DESCRIBE_IMAGES,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_images_shape,
			.parse = parse_page,
			.goes_on = scan_goes_on,
			.deliver = deliver_images,
		},
	[OP_PRICES] =
		{
			.action = EC2_DESCRIBE_PRICES,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_prices_shape,
			.parse = parse_page,
			.goes_on = scan_goes_on,
			.deliver = deliver_prices,
		},
	[OP_SUBNETS] =
		{
			.action = EC2_DESCRIBE_SUBNETS,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_subnets_shape,
			.parse = parse_page,
			.goes_on = scan_goes_on,
			.deliver = deliver_subnets,
		},
	[OP_VOLUMES] =
		{
			.action = EC2_DESCRIBE_VOLUMES,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_volumes_shape,
			.parse = parse_page,
			.goes_on = scan_goes_on,
			.deliver = deliver_volumes,
		},
	[OP_ADDRESSES] =
		{
			.action = EC2_DESCRIBE_ADDRESSES,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_addresses_shape,
			.parse = parse_page,
			.goes_on = scan_goes_on,
			.deliver = deliver_addresses,
		},
	[OP_ASSOCIATE] =
		{
			.action = EC2_ASSOCIATE_ADDRESS,
			.lane = LANE_CHANGE,
			.mutating = true,
			.parse = parse_associate,
			.deliver = deliver_plain,
		},
	[OP_ATTACH] =
		{
			.action = EC2_ATTACH_VOLUME,
			.lane = LANE_CHANGE,
			.mutating = true,
			.parse = parse_attach,
			.deliver = deliver_plain,
		},
};

struct ec2_call *
call_new_take(struct ec2_client *c, enum op_id op, const char *id, char *body,
	void *arg)
{
	struct ec2_call *call = NEW(struct ec2_call);

	call->client = c;
	call->op = &ops[op];
	call->id = xstrdup_opt(id);
	call->body = body;
	call->arg = arg;
	return call;
}

void
call_ask_console(struct ec2_call *call, bool latest)
{
	struct buf body = {0};

	ec2_begin(&body, ec2_action_name(action_of(call)));
	ec2_param(&body, "InstanceId", call->id);
	if (latest)
		ec2_param(&body, "Latest", "true");
	free(call->body);
	call->body = buf_take(&body);
	call->latest = latest;
}

const char *
call_body(const struct ec2_call *call)
{
	return call->paged != NULL ? call->paged : call->body;
}

/* What could be done about a clock or keys has been done by the sender. */
static void
make_final(struct ec2_call *call, struct ec2_answer *answer)
{
	const struct err err = answer->err;

	if (answer->class == EC2_CLASS_AUTH_CLOCK)
		ec2_judge_class(action_of(call), EC2_CLASS_AUTH, &err, answer);
}

static void
judge_reply(struct ec2_call *call, const struct http_reply *reply,
	struct ec2_answer *answer)
{
	bool unparsed = false;
	struct err err = {0};

	if (reply->complete && reply->status >= 200 && reply->status <= 299)
		unparsed = call->op->parse(call, reply->body, reply->body_len, &err) <
			0;
	ec2_judge(action_of(call), reply, unparsed ? &err : NULL, answer);
	make_final(call, answer);
	log_debug(NULL, "%s: %s; HTTP status %ld, %lld ms",
		ec2_action_name(action_of(call)),
		answer->verdict == VERDICT_DONE ? "done" : answer->err.text,
		reply->status, (long long)reply->total_us / 1000);
}

/* Without keys nothing has left; a source that is only down may have some later. */
static void
judge_keys(struct ec2_call *call, const struct err *why, struct ec2_answer *answer)
{
	bool may_pass = why->code == ERR_NETWORK;
	struct err err = *why;

	err_wrap(&err, "%s", ec2_action_name(action_of(call)));
	ec2_judge_class(action_of(call),
		may_pass ? EC2_CLASS_NEVER_SENT : EC2_CLASS_AUTH, &err, answer);
}

void
call_judge(struct ec2_call *call, const struct sender_result *result,
	struct ec2_answer *ret_answer)
{
	*ret_answer = (struct ec2_answer){0};
	if (result->reply != NULL)
		judge_reply(call, result->reply, ret_answer);
	else
		judge_keys(call, result->err, ret_answer);
	if (call->pages == 0)
		call->began_ms = result->began_ms;
	ret_answer->began_ms = call->began_ms;
}

bool
call_goes_on(struct ec2_call *call, struct ec2_answer *answer)
{
	return call->op->goes_on != NULL && call->op->goes_on(call, answer);
}

static void
forget(struct ec2_call *call, struct items *list)
{
	if (call->op->shape != NULL)
		items_fini(call->op->shape, list);
}

void
call_finish(struct ec2_call *call, const struct ec2_answer *answer)
{
	struct items *list = call->op->paged ? &call->list : &call->page;

	if (answer->verdict != VERDICT_DONE)
		forget(call, list);
	call->op->deliver(call, answer, list);
	call_free(call);
}

void
call_free(struct ec2_call *call)
{
	free(call->id);
	free(call->other);
	str_wipe_free(call->body);
	free(call->paged);
	forget(call, &call->list);
	forget(call, &call->page);
	free(call->output);
	free(call);
}
