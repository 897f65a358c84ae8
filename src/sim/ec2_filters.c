/* SPDX-License-Identifier: Apache-2.0 */
/* The filters of instances (EC2, API_DescribeInstances), a row each. */
#include "sim/ec2.h"

#include "base/clock.h"
#include "sim/filter.h"
#include "sim/volume.h"

#include <stdio.h>
#include <string.h>

static const char *
filled(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

#define GET(name, expression) SIM_FILTER_GET(name, struct sim_instance, i, expression)

GET(architecture, i->launch->architecture)
GET(zone, i->launch->zone)
GET(token, i->launch->token)
GET(public_dns, sim_ec2_public_dns(i, text))
GET(profile, i->launch->profile)
GET(image, i->launch->image)
GET(id, i->id)
GET(lifecycle, i->launch->spot ? "spot" : NULL)
GET(state_code, sim_filter_number(text, sim_state_code(i->state)))
GET(state_name, sim_state_name(i->state))
GET(type, i->launch->type)
GET(public_ip, filled(sim_instance_public_ip(i, text)))
GET(key_name, i->launch->key_name)
GET(index, sim_filter_number(text, (int64_t)i->index))
GET(launch_time, clock_format(i->launch->launched_wall_ms, text))
GET(http_endpoint,
	i->launch->http_endpoint != NULL ? i->launch->http_endpoint : "enabled")
GET(http_tokens, i->launch->http_tokens != NULL ? i->launch->http_tokens : "optional")
GET(monitoring, i->launch->monitoring ? "enabled" : "disabled")
GET(owner, SIM_OWNER_ID)
GET(private_dns, sim_ec2_private_dns(i, text))
GET(private_ip,
	i->state != SIM_TERMINATED ? filled(sim_instance_private_ip(i, text)) : NULL)
GET(reason, filled(sim_ec2_reason(i, text)))
GET(request, i->launch->spot ? sim_ec2_request_id(i, text) : NULL)
GET(reservation, i->launch->id)
GET(root_device, i->launch->disks[0].device)
GET(reason_code, i->reason.code)
GET(reason_message, i->reason.message)
GET(subnet, i->state != SIM_TERMINATED ? i->launch->subnet : NULL)
GET(tenancy, i->launch->tenancy != NULL ? i->launch->tenancy : "default")
GET(vpc, i->state != SIM_TERMINATED ? i->launch->vpc : NULL)
GET(health, i->state == SIM_RUNNING ? "ok" : "not-applicable")

static bool
test_tag(const void *obj, const struct sim_filter *f)
{
	const struct sim_instance *i = obj;

	return !i->tags_gone && sim_filter_takes_tag(f, &i->tags);
}

static bool
test_group_id(const void *obj, const struct sim_filter *f)
{
	const struct sim_launch *l = ((const struct sim_instance *)obj)->launch;

	return sim_filter_takes_any(f, l->groups.keys, l->groups.count);
}

static bool
test_group_name(const void *obj, const struct sim_filter *f)
{
	const struct sim_launch *l = ((const struct sim_instance *)obj)->launch;

	return sim_filter_takes_any(f, l->groups.values, l->groups.count);
}

static bool
test_device(const void *obj, const struct sim_filter *f)
{
	const struct sim_volume *v;

	for (v = ((const struct sim_instance *)obj)->volumes; v != NULL; v = v->next_of)
		if (sim_filter_takes(f, v->device))
			return true;
	return false;
}

static bool
test_volume(const void *obj, const struct sim_filter *f)
{
	const struct sim_volume *v;

	for (v = ((const struct sim_instance *)obj)->volumes; v != NULL; v = v->next_of)
		if (sim_filter_takes(f, v->id))
			return true;
	return false;
}

static const struct sim_filter_row instance_rows[] = {
	{"architecture", get_architecture, NULL},
	{"availability-zone", get_zone, NULL},
	{"block-device-mapping.device-name", NULL, test_device},
	{"block-device-mapping.volume-id", NULL, test_volume},
	{"client-token", get_token, NULL},
	{"dns-name", get_public_dns, NULL},
	{"iam-instance-profile.arn", get_profile, NULL},
	{"image-id", get_image, NULL},
	{"instance-id", get_id, NULL},
	{"instance-lifecycle", get_lifecycle, NULL},
	{"instance-state-code", get_state_code, NULL},
	{"instance-state-name", get_state_name, NULL},
	{"instance-type", get_type, NULL},
	{"instance.group-id", NULL, test_group_id},
	{"instance.group-name", NULL, test_group_name},
	{"ip-address", get_public_ip, NULL},
	{"key-name", get_key_name, NULL},
	{"launch-index", get_index, NULL},
	{"launch-time", get_launch_time, NULL},
	{"metadata-options.http-endpoint", get_http_endpoint, NULL},
	{"metadata-options.http-tokens", get_http_tokens, NULL},
	{"monitoring-state", get_monitoring, NULL},
	{"network-interface.availability-zone", get_zone, NULL},
	{"network-interface.subnet-id", get_subnet, NULL},
	{"network-interface.vpc-id", get_vpc, NULL},
	{"owner-id", get_owner, NULL},
	{"private-dns-name", get_private_dns, NULL},
	{"private-ip-address", get_private_ip, NULL},
	{"reason", get_reason, NULL},
	{"reservation-id", get_reservation, NULL},
	{"root-device-name", get_root_device, NULL},
	{"spot-instance-request-id", get_request, NULL},
	{"state-reason-code", get_reason_code, NULL},
	{"state-reason-message", get_reason_message, NULL},
	{"subnet-id", get_subnet, NULL},
	{"tag-key", NULL, test_tag},
	{"tag-value", NULL, test_tag},
	{"tag:", NULL, test_tag},
	{"tenancy", get_tenancy, NULL},
	{"vpc-id", get_vpc, NULL},
	{NULL, NULL, NULL},
};

static const struct sim_filter_row status_rows[] = {
	{"availability-zone", get_zone, NULL},
	{"instance-state-code", get_state_code, NULL},
	{"instance-state-name", get_state_name, NULL},
	{"instance-status.status", get_health, NULL},
	{"system-status.status", get_health, NULL},
	{NULL, NULL, NULL},
};

const struct sim_filter_row *const sim_ec2_instance_filters = instance_rows;
const struct sim_filter_row *const sim_ec2_status_filters = status_rows;
