/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to instances that are there: end, stop, start, reboot, console, tags. */
#include "sim/ec2.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sim/action.h"
#include "sim/address.h"
#include "sim/cloud.h"
#include "sim/params.h"
#include "sim/text.h"
#include "sim/volume.h"
#include "sim/xmlout.h"
#include "sys/crypto.h"

#include <string.h>

static const struct sim_reason by_user = {"Client.UserInitiatedShutdown",
	"Client.UserInitiatedShutdown: User initiated shutdown", "User initiated"};

/* One instance of a reply: the state it was in, and the one it is in now. */
static void
put_change(struct buf *out, const struct sim_instance *i, enum sim_state before)
{
	buf_puts(out, "<item>");
	sim_xml_text(out, "instanceId", i->id);
	sim_ec2_state_xml(out, "currentState", i->state);
	sim_ec2_state_xml(out, "previousState", before);
	buf_puts(out, "</item>");
}

static bool
zone_has_protected(const struct sim_selection *s, const char *zone)
{
	for (size_t n = 0; n < s->count; n++) {
		const struct sim_instance *i = s->items[n];

		if (i->is_protected && i->state != SIM_TERMINATED &&
			strcmp(i->launch->zone, zone) == 0)
			return true;
	}
	return false;
}

static int
terminate_instances(struct sim_call *call)
{
	AUTO(sim_selection) struct sim_selection s = {0};
	int ret = 0;

	if (sim_ec2_select(call, &s) != 0 || sim_call_dry_run(call) != 0)
		return -1;
	buf_puts(call->out, "<instancesSet>");
	for (size_t n = 0; n < s.count; n++) {
		enum sim_state before = s.items[n]->state;

		/* A protected one saves its whole zone, while the others end. */
		if (zone_has_protected(&s, s.items[n]->launch->zone)) {
			ret = sim_fail(&call->error, SIM_OPERATION_NOT_PERMITTED,
				"The instance '%s' may not be terminated. Modify its "
				"'disableApiTermination' instance attribute and try again.",
				s.items[n]->id);
			continue;
		}
		sim_cloud_terminate(call->cloud, s.items[n], &by_user);
		put_change(call->out, s.items[n], before);
	}
	buf_puts(call->out, "</instancesSet>");
	return ret;
}

static int
wrong_state(struct sim_call *call, const struct sim_instance *i, const char *verb)
{
	return sim_fail(&call->error, SIM_INCORRECT_INSTANCE_STATE,
		"The instance '%s' is not in a state from which it can be %s.", i->id,
		verb);
}

static int
check_stop(struct sim_call *call, const struct sim_instance *i)
{
	if (i->launch->spot)
		return sim_fail(&call->error, SIM_UNSUPPORTED_OPERATION,
			"You can't stop the Spot Instance '%s' because it is associated with a one-time "
			"Spot Instance request. You can only stop Spot Instances associated with "
			"persistent Spot Instance requests.",
			i->id);
	if (i->state == SIM_RUNNING || i->state == SIM_STOPPING ||
		i->state == SIM_STOPPED)
		return 0;
	return wrong_state(call, i, "stopped");
}

static int
check_start(struct sim_call *call, const struct sim_instance *i)
{
	if (i->state == SIM_STOPPED || i->state == SIM_RUNNING ||
		i->state == SIM_PENDING)
		return 0;
	return wrong_state(call, i, "started");
}

static void
do_stop(struct sim_cloud *cloud, struct sim_instance *i)
{
	sim_cloud_stop(cloud, i, &by_user);
}

/* Checks all, then changes all. */
static int
change(struct sim_call *call,
	int (*check)(struct sim_call *, const struct sim_instance *),
	void (*act)(struct sim_cloud *, struct sim_instance *))
{
	AUTO(sim_selection) struct sim_selection s = {0};

	if (sim_ec2_select(call, &s) != 0)
		return -1;
	for (size_t n = 0; n < s.count; n++)
		if (check(call, s.items[n]) != 0)
			return -1;
	if (sim_call_dry_run(call) != 0)
		return -1;
	buf_puts(call->out, "<instancesSet>");
	for (size_t n = 0; n < s.count; n++) {
		enum sim_state before = s.items[n]->state;

		act(call->cloud, s.items[n]);
		put_change(call->out, s.items[n], before);
	}
	buf_puts(call->out, "</instancesSet>");
	return 0;
}

static int
stop_instances(struct sim_call *call)
{
	return change(call, check_stop, do_stop);
}

static int
start_instances(struct sim_call *call)
{
	return change(call, check_start, sim_cloud_start);
}

static int
reboot_instances(struct sim_call *call)
{
	AUTO(sim_selection) struct sim_selection s = {0};

	if (sim_ec2_select(call, &s) != 0)
		return -1;
	for (size_t n = 0; n < s.count; n++)
		if (s.items[n]->state != SIM_RUNNING)
			return wrong_state(call, s.items[n], "rebooted");
	if (sim_call_dry_run(call) != 0)
		return -1;
	/* Its processes go on: a reboot here is one that took no time. */
	sim_xml_bool(call->out, "return", true);
	return 0;
}

static int
get_console_output(struct sim_call *call)
{
	const char *id = sim_params_get(call->params, "InstanceId");
	AUTO(buf) struct buf text = {0};
	const struct sim_instance *i;

	i = sim_ec2_find_instance(call, id);
	if (i == NULL || sim_call_dry_run(call) != 0)
		return -1;
	sim_xml_text(call->out, "instanceId", i->id);
	sim_xml_time(call->out, "timestamp",
		i->console_wall_ms != 0 ? i->console_wall_ms : clock_wall_ms());
	if (i->console != NULL) {
		size_t len = sim_instance_console_len(i);

		crypto_base64(i->console->data + i->console->len - len, len, &text);
		sim_xml_text(call->out, "output", buf_str(&text));
	}
	return 0;
}

/* A thing that can be tagged. */
static struct strmap *
find_tags(struct sim_call *call, const char *id)
{
	struct sim_instance *i;
	struct sim_address *a;
	struct sim_volume *v;

	if (sim_text_is_id(id, "i-", 8, 17)) {
		i = sim_cloud_find(call->cloud, call->region, id);
		if (i != NULL)
			return &i->tags;
		sim_fail(&call->error, SIM_INVALID_INSTANCE_ID_NOT_FOUND,
			"The instance ID '%s' does not exist", id);
		return NULL;
	}
	if (sim_text_is_id(id, "vol-", 8, 17)) {
		v = sim_volumes_find(sim_cloud_volumes(call->cloud), call->region, id);
		if (v != NULL)
			return &v->tags;
		sim_fail(&call->error, SIM_INVALID_VOLUME_NOT_FOUND,
			"The volume '%s' does not exist.", id);
		return NULL;
	}
	if (sim_text_is_id(id, "eipalloc-", 8, 17)) {
		a = sim_addresses_find(sim_cloud_addresses(call->cloud), call->region,
			NULL, id, NULL);
		if (a != NULL)
			return &a->tags;
		sim_fail(&call->error, SIM_INVALID_ALLOCATION_ID_NOT_FOUND,
			"The allocation ID '%s' does not exist", id);
		return NULL;
	}
	sim_fail(&call->error, SIM_INVALID_ID, "The ID '%.100s' is not valid", id);
	return NULL;
}

/* Puts the tags of the request over those of one thing; tags keeps what it had on failure. */
static int
merge_tags(struct sim_call *call, const struct strmap *had, struct strmap *ret_tags)
{
	const char *key;

	for (size_t n = 0; n < had->count; n++)
		strmap_put(ret_tags, had->keys[n], had->values[n]);
	for (size_t n = 1;
		(key = sim_params_getf(call->params, "Tag.%zu.Key", n)) != NULL; n++) {
		const char *value = sim_params_getf(call->params, "Tag.%zu.Value", n);

		if (sim_ec2_put_tag(call, ret_tags, key, value != NULL ? value : "") !=
			0)
			return -1;
	}
	return 0;
}

/* For all things: with commit false only to see whether it would work. */
static int
tag_all(struct sim_call *call, bool commit)
{
	const char *id;

	for (size_t n = 1;
		(id = sim_params_getf(call->params, "ResourceId.%zu", n)) != NULL;
		n++) {
		struct strmap *tags = find_tags(call, id);
		struct strmap merged = {0};

		if (tags == NULL)
			return -1;
		if (merge_tags(call, tags, &merged) != 0) {
			strmap_fini(&merged);
			return -1;
		}
		if (commit) {
			struct strmap old = *tags;

			*tags = merged;
			merged = old;
		}
		strmap_fini(&merged);
	}
	return 0;
}

static int
create_tags(struct sim_call *call)
{
	if (tag_all(call, false) != 0 || sim_call_dry_run(call) != 0)
		return -1;
	if (tag_all(call, true) != 0)
		return -1;
	sim_xml_bool(call->out, "return", true);
	return 0;
}

static const struct sim_param_row ends_params[] = {
	{.name = "InstanceId",
		.type = SIM_PARAM_ROWS,
		.rows = sim_ec2_instances_params},
	{.name = "Force", .type = SIM_PARAM_BOOL},
	{.name = "Hibernate", .type = SIM_PARAM_BOOL},
	{.name = "SkipOsShutdown", .type = SIM_PARAM_BOOL},
	{.name = NULL},
};

static const struct sim_param_row console_params[] = {
	{.name = "InstanceId", .required = true},
	{.name = "Latest", .type = SIM_PARAM_BOOL},
	{.name = NULL},
};

static const struct sim_param_row tags_params[] = {
	{.name = "ResourceId.N", .required = true},
	{.name = "Tag.N.Key", .required = true},
	{.name = "Tag.N.Value"},
	{.name = NULL},
};

const struct sim_action sim_ec2_change_actions[] = {
	{
		.name = "TerminateInstances",
		.run = terminate_instances,
		.params = ends_params,
		.bucket = SIM_BUCKET_TERMINATE,
		.per_instance = SIM_BUCKET_TERMINATE_INSTANCES,
	},
	{
		.name = "StopInstances",
		.run = stop_instances,
		.params = ends_params,
		.bucket = SIM_BUCKET_MUTATING,
		.per_instance = SIM_BUCKET_STOP_INSTANCES,
	},
	{
		.name = "StartInstances",
		.run = start_instances,
		.params = sim_ec2_instances_params,
		.bucket = SIM_BUCKET_START,
		.per_instance = SIM_BUCKET_START_INSTANCES,
	},
	{
		.name = "RebootInstances",
		.run = reboot_instances,
		.params = sim_ec2_instances_params,
		.bucket = SIM_BUCKET_MUTATING,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "GetConsoleOutput",
		.run = get_console_output,
		.params = console_params,
		.bucket = SIM_BUCKET_CONSOLE,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "CreateTags",
		.run = create_tags,
		.params = tags_params,
		.bucket = SIM_BUCKET_TAGS,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};
