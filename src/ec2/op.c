/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations as a table: how the answer of each is read, to whom it goes, and which
 * answers lead to another question.
 */
#include "base/mem.h"
#include "ec2/call.h"
#include "ec2/json.h"
#include "ec2/query_leftover.h"
#include "ec2/query_region.h"
#include "ec2/verdict.h"

#include <string.h>

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
parse_parameter(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	return ec2_json_parameter(body, len, &call->output, err);
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

static int
parse_tag(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	(void)call;
	return ec2_parse_tagged(body, len, err);
}

static int
parse_deleted(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	(void)call;
	return ec2_parse_deleted(body, len, err);
}

static int
parse_cancelled(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	return ec2_parse_cancelled(body, len, call->id, err);
}

/* Whoever only tries answers by an error, whatever comes of it. */
static int
parse_dry_run(struct ec2_call *call, const char *body, size_t len, struct err *err)
{
	(void)call;
	(void)body;
	(void)len;
	return err_set(err, ERR_PARSE, "it was only to be tried");
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
deliver_key_pairs(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	call->done.key_pairs(call->arg, answer,
		&(struct ec2_key_pairs){list->array, list->count});
}

static void
deliver_groups(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	call->done.groups(call->arg, answer,
		&(struct ec2_groups){list->array, list->count});
}

static void
deliver_types(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	call->done.types(call->arg, answer,
		&(struct ec2_types){list->array, list->count});
}

static void
deliver_offerings(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	call->done.offerings(call->arg, answer,
		&(struct ec2_offerings){list->array, list->count});
}

static void
deliver_zones(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	call->done.zones(call->arg, answer,
		&(struct ec2_zones){list->array, list->count});
}

static void
deliver_leftovers(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	call->done.leftovers(call->arg, answer,
		&(struct ec2_leftovers){list->array, list->count});
}

static void
deliver_parameter(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	(void)list;
	call->done.parameter(call->arg, answer,
		answer->verdict == VERDICT_DONE ? call->output : NULL);
}

static void
deliver_plain(struct ec2_call *call, const struct ec2_answer *answer,
	struct items *list)
{
	(void)list;
	call->done.plain(call->arg, answer);
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
		ec2_action_name((enum ec2_action)call->op->action), call->id);
	ec2_judge_class((enum ec2_action)call->op->action, EC2_CLASS_NOT_VISIBLE, &err,
		answer);
	return false;
}

static bool
dry_run_goes_on(struct ec2_call *call, struct ec2_answer *answer)
{
	(void)call;
	if (answer->class == EC2_CLASS_DRY_RUN) {
		answer->verdict = VERDICT_DONE;
		err_clear(&answer->err);
	}
	return false;
}

const struct op ec2_ops[OP_COUNT] = {
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
			.goes_on = call_scan_goes_on,
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
			.goes_on = call_scan_goes_on,
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
			.goes_on = call_scan_goes_on,
			.deliver = deliver_images,
		},
	[OP_PRICES] =
		{
			.action = EC2_DESCRIBE_PRICES,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_prices_shape,
			.parse = parse_page,
			.goes_on = call_scan_goes_on,
			.deliver = deliver_prices,
		},
	[OP_SUBNETS] =
		{
			.action = EC2_DESCRIBE_SUBNETS,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_subnets_shape,
			.parse = parse_page,
			.goes_on = call_scan_goes_on,
			.deliver = deliver_subnets,
		},
	[OP_VOLUMES] =
		{
			.action = EC2_DESCRIBE_VOLUMES,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_volumes_shape,
			.parse = parse_page,
			.goes_on = call_scan_goes_on,
			.deliver = deliver_volumes,
		},
	[OP_ADDRESSES] =
		{
			.action = EC2_DESCRIBE_ADDRESSES,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_addresses_shape,
			.parse = parse_page,
			.goes_on = call_scan_goes_on,
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
	[OP_TAG] =
		{
			.action = EC2_CREATE_TAGS,
			.lane = LANE_CHANGE,
			.mutating = true,
			.parse = parse_tag,
			.deliver = deliver_plain,
		},
	[OP_LEFT_VOLUMES] =
		{
			.action = EC2_DESCRIBE_VOLUMES,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_left_volumes_shape,
			.parse = parse_page,
			.goes_on = call_scan_goes_on,
			.deliver = deliver_leftovers,
		},
	[OP_LEFT_REQUESTS] =
		{
			.action = EC2_DESCRIBE_REQUESTS,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_left_requests_shape,
			.parse = parse_page,
			.goes_on = call_scan_goes_on,
			.deliver = deliver_leftovers,
		},
	[OP_DELETE_VOLUME] =
		{
			.action = EC2_DELETE_VOLUME,
			.lane = LANE_CHANGE,
			.mutating = true,
			.parse = parse_deleted,
			.deliver = deliver_plain,
		},
	[OP_CANCEL_REQUEST] =
		{
			.action = EC2_CANCEL_REQUESTS,
			.lane = LANE_CHANGE,
			.mutating = true,
			.parse = parse_cancelled,
			.deliver = deliver_plain,
		},
	[OP_KEY_PAIRS] =
		{
			.action = EC2_DESCRIBE_KEY_PAIRS,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_key_pairs_shape,
			.parse = parse_page,
			.goes_on = call_scan_goes_on,
			.deliver = deliver_key_pairs,
		},
	[OP_GROUPS] =
		{
			.action = EC2_DESCRIBE_GROUPS,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_groups_shape,
			.parse = parse_page,
			.goes_on = call_scan_goes_on,
			.deliver = deliver_groups,
		},
	[OP_TYPES] =
		{
			.action = EC2_DESCRIBE_TYPES,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_types_shape,
			.parse = parse_page,
			.goes_on = call_scan_goes_on,
			.deliver = deliver_types,
		},
	[OP_OFFERINGS] =
		{
			.action = EC2_DESCRIBE_OFFERINGS,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_offerings_shape,
			.parse = parse_page,
			.goes_on = call_scan_goes_on,
			.deliver = deliver_offerings,
		},
	[OP_ZONES] =
		{
			.action = EC2_DESCRIBE_ZONES,
			.lane = LANE_LOOKUP,
			.paged = true,
			.shape = &ec2_zones_shape,
			.parse = parse_page,
			.goes_on = call_scan_goes_on,
			.deliver = deliver_zones,
		},
	[OP_PARAMETER] =
		{
			.action = EC2_GET_PARAMETER,
			.service = SERVICE_SSM,
			.lane = LANE_LOOKUP,
			.parse = parse_parameter,
			.deliver = deliver_parameter,
		},
	[OP_DRY_RUN] =
		{
			.action = EC2_RUN_INSTANCES,
			.lane = LANE_CHANGE,
			.mutating = true,
			.parse = parse_dry_run,
			.goes_on = dry_run_goes_on,
			.deliver = deliver_plain,
		},
	[OP_DRY_TERMINATE] =
		{
			.action = EC2_TERMINATE_INSTANCES,
			.lane = LANE_CHANGE,
			.mutating = true,
			.parse = parse_dry_run,
			.goes_on = dry_run_goes_on,
			.deliver = deliver_plain,
		},
};
