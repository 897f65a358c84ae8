/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call from its body to its end: what it sends next, what the answer is, and that a
 * listing is all of its pages or nothing.
 */
#include "ec2/call.h"

#include "base/buf.h"
#include "base/failpoint.h"
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

bool
call_scan_goes_on(struct ec2_call *call, struct ec2_answer *answer)
{
	if (answer->verdict == VERDICT_DONE)
		return has_next_page(call, answer);
	return starts_again(call, answer);
}

struct ec2_call *
call_new_take(struct ec2_client *c, enum op_id op, const char *id, char *body,
	void *arg)
{
	struct ec2_call *call = NEW(struct ec2_call);

	call->client = c;
	call->op = &ec2_ops[op];
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

	FP("call.before_parse");
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
