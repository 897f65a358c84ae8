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

static int
parse_run(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	return ec2_parse_run(body, len, &call->page, err);
}

static int
parse_page(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	return ec2_parse_describe(body, len, &call->page, err);
}

/* An answer about another instance than the one asked for is none. */
static int
check_one(const struct ec2_call *call, struct err *err)
{
	for (size_t i = 0; i < call->page.count; i++)
		if (strcmp(call->page.items[i].id, call->id) != 0)
			return err_set(err, ERR_PARSE, "it speaks of %s, not of %s",
				call->page.items[i].id, call->id);
	if (call->page.count > 1)
		return err_set(err, ERR_PARSE, "it has %s twice", call->id);
	return 0;
}

static int
parse_one(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	if (ec2_parse_describe(body, len, &call->page, err) < 0)
		return -1;
	return check_one(call, err);
}

static int
parse_terminate(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	if (ec2_parse_terminate(body, len, &call->page, err) < 0)
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

/* Moves the page's instances behind those of the pages before it. */
static void
append_page(struct ec2_call *call)
{
	struct ec2_instances *list = &call->list, *page = &call->page;

	if (page->count > 0) {
		list->items = xreallocarray(list->items, list->count + page->count,
			sizeof(*list->items));
		memcpy(list->items + list->count, page->items,
			page->count * sizeof(*page->items));
		list->count += page->count;
	}
	free(page->items);
	free(list->next_token);
	list->next_token = page->next_token;
	*page = (struct ec2_instances){0};
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
	append_page(call);
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
	ec2_instances_fini(&call->list);
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
			.parse = parse_run,
		},
	[OP_LIST] =
		{
			.action = EC2_DESCRIBE_INSTANCES,
			.lane = LANE_READ,
			.urgent = true,
			.paged = true,
			.parse = parse_page,
			.goes_on = scan_goes_on,
		},
	[OP_FIND] =
		{
			.action = EC2_DESCRIBE_INSTANCES,
			.lane = LANE_READ,
			.urgent = true,
			.paged = true,
			.parse = parse_page,
			.goes_on = scan_goes_on,
		},
	[OP_DESCRIBE] =
		{
			.action = EC2_DESCRIBE_INSTANCES,
			.lane = LANE_READ,
			.parse = parse_one,
			.goes_on = one_goes_on,
		},
	[OP_TERMINATE] =
		{
			.action = EC2_TERMINATE_INSTANCES,
			.lane = LANE_TERMINATE,
			.mutating = true,
			.parse = parse_terminate,
		},
	[OP_CONSOLE] =
		{
			.action = EC2_GET_CONSOLE_OUTPUT,
			.lane = LANE_CONSOLE,
			.parse = parse_console,
			.goes_on = console_goes_on,
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

/* Without keys nothing has left; whether there will be some is not for us to know. */
static void
judge_keys(struct ec2_call *call, const struct err *why, struct ec2_answer *answer)
{
	struct err err = *why;

	err_wrap(&err, "%s", ec2_action_name(action_of(call)));
	ec2_judge_class(action_of(call), EC2_CLASS_AUTH, &err, answer);
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

void
call_finish(struct ec2_call *call, const struct ec2_answer *answer)
{
	struct ec2_instances *list = call->op->paged ? &call->list : &call->page;
	bool is_done = answer->verdict == VERDICT_DONE;

	if (!is_done)
		ec2_instances_fini(list);
	if (call->console_done != NULL)
		call->console_done(call->arg, answer, is_done ? call->output : "",
			is_done ? call->output_len : 0, is_done ? call->output_at : 0);
	else
		call->done(call->arg, answer, list);
	call_free(call);
}

void
call_free(struct ec2_call *call)
{
	free(call->id);
	str_wipe_free(call->body);
	free(call->paged);
	ec2_instances_fini(&call->list);
	ec2_instances_fini(&call->page);
	free(call->output);
	free(call);
}
