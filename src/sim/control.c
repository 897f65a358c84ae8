/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door for tests and people, /_sim/: a table of paths. Bodies and answers are JSON;
 * a refusal is 400, 404 or 405 with {"error": sentence}.
 */
#include "sim/control.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "sim/catalog.h"
#include "sim/cloud.h"
#include "sim/ec2.h"
#include "sim/error.h"
#include "sim/fault.h"
#include "sim/journal.h"
#include "sim/json.h"
#include "sim/params.h"
#include "sim/prices.h"
#include "sim/report.h"
#include "sim/sim_parts.h"
#include "sys/httpd.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* A request at the door. */
struct sim_visit {
	struct sim *sim;
	const char *body;
	size_t len;
	struct sim_params query;
};

static uint64_t
query_number(const struct sim_visit *d, const char *name, uint64_t absent)
{
	const char *text = sim_params_get(&d->query, name);

	return text != NULL ? strtoull(text, NULL, 10) : absent;
}

static int
get_ledger(struct sim_visit *d, json_t **ret_reply, struct err *err)
{
	(void)err;
	*ret_reply = sim_report_ledger(d->sim->cloud, d->sim->bids);
	return 0;
}

static int
get_calls(struct sim_visit *d, json_t **ret_reply, struct err *err)
{
	(void)err;
	*ret_reply = sim_report_calls(d->sim->journal);
	return 0;
}

static int
get_requests(struct sim_visit *d, json_t **ret_reply, struct err *err)
{
	(void)err;
	*ret_reply = sim_report_requests(d->sim->journal, query_number(d, "since", 0),
		query_number(d, "limit", 1000));
	return 0;
}

static int
get_faults(struct sim_visit *d, json_t **ret_reply, struct err *err)
{
	(void)err;
	*ret_reply = sim_report_faults(d->sim->faults);
	return 0;
}

static int
load_fault(const struct node *map, struct sim_fault *fault, struct err *err)
{
	AUTO(diags) struct diags ds = {0};

	memset(fault, 0, sizeof(*fault));
	if (map->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "a fault is an object");
	if (field_load(&sim_fault_fields, map, fault, NULL, &ds) != 0) {
		diag_to_err(&ds, ERR_INVALID, err);
	} else if (sim_fault_check(fault, err) == 0) {
		return 0;
	}
	field_fini(&sim_fault_fields, fault);
	return -1;
}

/* All of a list, or none. */
static int
load_faults(const struct node *list, struct sim_fault *faults, struct err *err)
{
	for (size_t n = 0; n < list->count; n++) {
		if (load_fault(list->items[n], &faults[n], err) == 0)
			continue;
		while (n-- > 0)
			field_fini(&sim_fault_fields, &faults[n]);
		return -1;
	}
	return 0;
}

/* The body; a lone object stands for a list of one. NULL: no JSON. Caller frees. */
static struct node *
parse_list(struct sim_visit *d, struct err *err)
{
	struct node *node = sim_json_parse(d->body, d->len, err);
	struct node *list;

	if (node == NULL || node->kind == NODE_LIST)
		return node;
	list = node_list(node->mark);
	node_append(list, node);
	return list;
}

static int
post_faults(struct sim_visit *d, json_t **ret_reply, struct err *err)
{
	AUTO(node) struct node *node = parse_list(d, err);
	struct sim_fault *faults;
	json_t *ids;
	int ret;

	if (node == NULL)
		return -1;
	faults = xcalloc(node->count + 1, sizeof(*faults));
	ret = load_faults(node, faults, err);
	if (ret == 0) {
		ids = json_array();
		for (size_t n = 0; n < node->count; n++)
			json_array_append_new(ids,
				json_integer((json_int_t)sim_faults_add(d->sim->faults,
					&faults[n])));
		*ret_reply = json_pack("{s:o}", "ids", ids);
	}
	free(faults);
	return ret;
}

static int
delete_faults(struct sim_visit *d, json_t **ret_reply, struct err *err)
{
	uint64_t id = query_number(d, "id", 0);
	size_t removed = sim_faults_remove(d->sim->faults, id);

	if (id != 0 && removed == 0)
		return err_set(err, ERR_INVALID, "no fault %llu",
			(unsigned long long)id);
	*ret_reply = json_pack("{s:I}", "removed", (json_int_t)removed);
	return 0;
}

static int
get_prices(struct sim_visit *d, json_t **ret_reply, struct err *err)
{
	(void)err;
	*ret_reply = sim_report_prices(d->sim->prices);
	return 0;
}

static int
put_price(struct sim *sim, const struct node *map, struct err *err)
{
	AUTO(diags) struct diags ds = {0};
	struct sim_price price = {0};
	int ret = 0;

	if (map->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "a price is an object");
	if (field_load(&sim_price_fields, map, &price, NULL, &ds) != 0)
		ret = diag_to_err(&ds, ERR_INVALID, err);
	else
		sim_prices_put(sim->prices, price.type, price.zone, price.product,
			price.price, clock_wall_ms() - price.ago);
	field_fini(&sim_price_fields, &price);
	return ret;
}

static int
post_prices(struct sim_visit *d, json_t **ret_reply, struct err *err)
{
	AUTO(node) struct node *list = parse_list(d, err);

	if (list == NULL)
		return -1;
	for (size_t n = 0; n < list->count; n++)
		if (put_price(d->sim, list->items[n], err) != 0)
			return -1;
	sim_ec2_outbid(d->sim->cloud, &d->sim->scenario, d->sim->prices);
	return get_prices(d, ret_reply, err);
}

static int
post_reset(struct sim_visit *d, json_t **ret_reply, struct err *err)
{
	(void)err;
	sim_reset(d->sim);
	*ret_reply = json_object();
	return 0;
}

static int
post_scenario(struct sim_visit *d, json_t **ret_reply, struct err *err)
{
	struct sim_scenario scenario;

	if (sim_scenario_parse(d->body, d->len, "scenario", &scenario, err) != 0)
		return -1;
	sim_set_scenario(d->sim, &scenario);
	*ret_reply = json_object();
	return 0;
}

/* What can be done to an instance from outside. */
struct blow {
	char *id, *reason, *message, *console;
	int state; /* enum sim_state, -1: none */
	int stuck; /* 0 or 1, -1: as it is */
};

static const char *const yes_or_no[] = {"no", "yes", NULL};

static const struct field blow_rows[] = {
	{
		.name = "id",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct blow, id, char *),
		.doc = "The instance.",
	},
	{
		.name = "state",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct blow, state, int),
		.choices = sim_state_names,
		.doc = "The state it is in from now.",
	},
	{
		.name = "reason",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct blow, reason, char *),
		.example = "Server.SpotInstanceTermination",
		.doc = "stateReason/code.",
	},
	{
		.name = "message",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct blow, message, char *),
		.doc = "stateReason/message; by default the code.",
	},
	{
		.name = "console",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct blow, console, char *),
		.doc = "What its console shows instead of what it showed.",
	},
	{
		.name = "stuck",
		.type = FIELD_ENUM,
		.offset = FIELD_AT(struct blow, stuck, int),
		.choices = yes_or_no,
		.doc = "Whether it stays in its state for ever.",
	},
	{.name = NULL},
};

static const struct fields blow_fields = {"instance", blow_rows, sizeof(struct blow)};

static int
strike(struct sim *sim, const struct blow *b, json_t **ret_reply, struct err *err)
{
	struct sim_instance *i = sim_cloud_find_anywhere(sim->cloud, b->id);

	if (i == NULL)
		return err_set(err, ERR_INVALID, "no instance %.40s", b->id);
	if (b->state >= 0 && i->state == SIM_TERMINATED && b->state != SIM_TERMINATED)
		return err_set(err, ERR_INVALID, "%s is terminated", b->id);
	if (b->stuck >= 0)
		sim_cloud_stick(sim->cloud, i, b->stuck == 1);
	if (b->reason != NULL)
		sim_instance_set_reason(i, b->reason,
			b->message != NULL ? b->message : b->reason);
	if (b->state >= 0)
		sim_cloud_force(sim->cloud, i, (enum sim_state)b->state);
	if (b->console != NULL) {
		if (i->console != NULL)
			buf_clear(i->console);
		sim_instance_print(i, b->console, strlen(b->console));
	}
	*ret_reply = sim_report_instance(i);
	return 0;
}

static int
post_instance(struct sim_visit *d, json_t **ret_reply, struct err *err)
{
	AUTO(node) struct node *node = sim_json_parse(d->body, d->len, err);
	AUTO(diags) struct diags ds = {0};
	struct blow b = {0};
	int ret;

	if (node == NULL)
		return -1;
	if (node->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "expected an object");
	if (field_load(&blow_fields, node, &b, NULL, &ds) != 0)
		ret = diag_to_err(&ds, ERR_INVALID, err);
	else
		ret = strike(d->sim, &b, ret_reply, err);
	field_fini(&blow_fields, &b);
	return ret;
}

const struct sim_door sim_doors[] = {
	{"GET", "/_sim/ledger", get_ledger,
		"Every instance since the reset, and its bill."},
	{"GET", "/_sim/calls", get_calls,
		"How often each action was called; what was only tried counts apart, as "
		"DryRun:ACTION."},
	{"GET", "/_sim/requests", get_requests,
		"Requests with parameters and outcome; ?since=SEQ, ?limit=N."},
	{"GET", "/_sim/faults", get_faults,
		"The fault rules, and how often each fired."},
	{"POST", "/_sim/faults", post_faults, "Adds a rule, or a list of them."},
	{"DELETE", "/_sim/faults", delete_faults, "Removes all rules, or ?id=N."},
	{"GET", "/_sim/prices", get_prices, "Spot prices and what they were."},
	{"POST", "/_sim/prices", post_prices,
		"Prices from now on, one or a list; whoever bid less is interrupted."},
	{"POST", "/_sim/reset", post_reset, "Forgets all but the scenario."},
	{"POST", "/_sim/scenario", post_scenario, "Takes another scenario."},
	{"POST", "/_sim/instance", post_instance,
		"Forces an instance: state, reason, console, stuck."},
	{.method = NULL},
};

static json_t *
list_doors(void)
{
	json_t *list = json_array();

	for (const struct sim_door *row = sim_doors; row->method != NULL; row++)
		json_array_append_new(list,
			json_pack("{s:s,s:s,s:s}", "method", row->method, "path",
				row->path, "doc", row->doc));
	return json_pack("{s:o}", "paths", list);
}

static void
answer(struct httpd_request *request, int status, json_t *reply)
{
	char *text = json_dumps(reply, JSON_COMPACT);

	httpd_reply(request, status, "application/json", text, strlen(text));
	free(text);
	json_decref(reply);
}

static void
refuse(struct httpd_request *request, int status, const char *text)
{
	answer(request, status, json_pack("{s:s}", "error", text));
}

static void
open_door(struct sim_visit *d, struct httpd_request *request, sim_door_fn *fn)
{
	json_t *reply = NULL;
	struct err err;

	if (fn(d, &reply, &err) == 0)
		answer(request, 200, reply);
	else
		refuse(request, 400, err.text);
}

void
sim_control(struct sim *sim, struct httpd_request *request)
{
	const char *target = httpd_target(request);
	size_t path_len = strcspn(target, "?");
	const char *query = target[path_len] == '?' ? target + path_len + 1 : "";
	struct sim_visit d = {.sim = sim};
	struct sim_error error;
	bool found = false;

	d.body = httpd_body(request, &d.len);
	if (sim_params_parse(query, strlen(query), &d.query, &error) != 0) {
		refuse(request, 400, error.message);
		return;
	}
	for (const struct sim_door *row = sim_doors; row->method != NULL; row++) {
		if (strlen(row->path) != path_len ||
			strncmp(row->path, target, path_len) != 0)
			continue;
		found = true;
		if (strcmp(row->method, httpd_method(request)) == 0) {
			open_door(&d, request, row->fn);
			sim_params_fini(&d.query);
			return;
		}
	}
	sim_params_fini(&d.query);
	if (strncmp(target, "/_sim/", path_len) == 0 && path_len == 6)
		answer(request, 200, list_doors());
	else
		refuse(request, found ? 405 : 404,
			found ? "wrong method" : "no such path; see /_sim/");
}
