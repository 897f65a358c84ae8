/* SPDX-License-Identifier: Apache-2.0 */
/* The nested parameters of RunInstances: tags, network and place, disks. */
#include "sim/ec2.h"

#include "base/mem.h"
#include "sim/action.h"
#include "sim/catalog.h"
#include "sim/params.h"
#include "sim/text.h"

#include <stdio.h>
#include <string.h>

#define TAGS_MAX 50
#define TAG_KEY_MAX 128 /* characters */
#define TAG_VALUE_MAX 256

static size_t
characters(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

int
sim_ec2_put_tag(struct sim_call *call, struct strmap *tags, const char *key,
	const char *value)
{
	if (key[0] == '\0' || characters(key) > TAG_KEY_MAX)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Tag keys must be 1 to %d characters long: '%.100s'",
			TAG_KEY_MAX, key);
	if (characters(value) > TAG_VALUE_MAX)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Tag value exceeds the maximum length of %d characters",
			TAG_VALUE_MAX);
	if (strncasecmp(key, "aws:", 4) == 0)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Tag keys starting with 'aws:' are reserved for internal use");
	if (strmap_get(tags, key) == NULL && tags->count >= TAGS_MAX)
		return sim_fail(&call->error, SIM_TAG_LIMIT_EXCEEDED,
			"The maximum number of Tags for a resource has been reached.");
	strmap_put(tags, key, value);
	return 0;
}

int
sim_ec2_parse_tag_list(struct sim_call *call, size_t n, struct strmap *tags)
{
	const struct sim_params *p = call->params;
	const char *key;

	for (size_t m = 1; (key = sim_params_getf(p, "TagSpecification.%zu.Tag.%zu.Key",
				    n, m)) != NULL;
		m++) {
		const char *value = sim_params_getf(p,
			"TagSpecification.%zu.Tag.%zu.Value", n, m);

		if (strmap_get(tags, key) != NULL)
			return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
				"Duplicate tag key '%.128s' specified.", key);
		if (sim_ec2_put_tag(call, tags, key, value != NULL ? value : "") != 0)
			return -1;
	}
	return 0;
}

int
sim_ec2_parse_tags(struct sim_call *call, struct sim_launch *launch)
{
	struct strmap others = {0}; /* of resources that nobody asks about */
	const char *type;
	int ret = 0;

	for (size_t n = 1; ret == 0; n++) {
		struct strmap *tags = &others;

		type = sim_params_getf(call->params,
			"TagSpecification.%zu.ResourceType", n);
		if (type == NULL)
			break;
		if (strcmp(type, "instance") == 0)
			tags = &launch->tags;
		else if (strcmp(type, "volume") == 0)
			tags = &launch->volume_tags;
		else if (strcmp(type, "spot-instances-request") == 0)
			tags = &launch->request_tags;
		else
			strmap_fini(&others);
		ret = sim_ec2_parse_tag_list(call, n, tags);
	}
	strmap_fini(&others);
	return ret;
}

static int
parse_place(struct sim_call *call, struct sim_launch *l, const char *subnet)
{
	const char *zone = sim_params_get(call->params, "Placement.AvailabilityZone");
	const struct sim_subnet *row = NULL;

	if (zone != NULL && !sim_zone_is_of(zone, l->region))
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Invalid availability zone: [%.64s]", zone);
	l->zonal = zone != NULL || subnet != NULL;
	if (subnet == NULL) {
		l->vpc = xstrdup(SIM_DEFAULT_VPC);
		l->zone = zone != NULL ? xstrdup(zone) : xasprintf("%sa", l->region);
		return 0;
	}
	if (sim_ec2_check_subnet(call, subnet) != 0)
		return -1;
	row = sim_catalog_subnet(call->scenario, l->region, subnet);
	l->subnet = xstrdup(subnet);
	l->vpc = xstrdup(row != NULL ? row->vpc : SIM_DEFAULT_VPC);
	l->zone = row != NULL ? xstrdup(row->zone)
			      : sim_zone_of_subnet(l->region, subnet);
	/* A subnet that nobody lists is wherever it is wanted. */
	if (zone != NULL && row == NULL) {
		free(l->zone);
		l->zone = xstrdup(zone);
	}
	if (zone != NULL && strcmp(zone, l->zone) != 0)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_VALUE,
			"Value (%s) for parameter availabilityZone is invalid. Subnet '%s' is "
			"in the availability zone %s",
			zone, l->subnet, l->zone);
	return 0;
}

int
sim_ec2_parse_network(struct sim_call *call, struct sim_launch *launch)
{
	const struct sim_params *p = call->params;
	const char *subnet = sim_params_get(p, "SubnetId");
	bool interface = sim_params_under(p, "NetworkInterface.1.");

	if (interface && (subnet != NULL || sim_params_under(p, "SecurityGroup")))
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_COMBINATION,
			"Network interfaces and an instance-level subnet ID or security groups may not be "
			"specified on the same request");
	if (sim_params_get(p, "SecurityGroup.1") != NULL && subnet != NULL)
		return sim_fail(&call->error, SIM_INVALID_PARAMETER_COMBINATION,
			"The parameter groupName cannot be used with the parameter subnet");
	if (interface)
		subnet = sim_params_get(p, "NetworkInterface.1.SubnetId");
	if (parse_place(call, launch, subnet) != 0)
		return -1;
	return sim_ec2_parse_groups(call, launch, interface);
}

static struct sim_disk *
add_disk(struct sim_launch *l, const char *device)
{
	struct sim_disk *d;

	for (size_t n = 0; n < l->disk_count; n++)
		if (strcmp(l->disks[n].device, device) == 0)
			return &l->disks[n];
	l->disks = xreallocarray(l->disks, l->disk_count + 1, sizeof(*l->disks));
	d = &l->disks[l->disk_count++];
	*d = (struct sim_disk){.device = xstrdup(device),
		.size = 8,
		.delete_on_termination = true};
	d->type = xstrdup("gp2");
	return d;
}

static void
fill_disk(const struct sim_params *p, size_t n, struct sim_disk *d)
{
	const char *type = sim_params_getf(p, "BlockDeviceMapping.%zu.Ebs.VolumeType",
		n);
	const char *size = sim_params_getf(p, "BlockDeviceMapping.%zu.Ebs.VolumeSize",
		n);
	const char *del = sim_params_getf(p,
		"BlockDeviceMapping.%zu.Ebs.DeleteOnTermination", n);

	if (type != NULL) {
		free(d->type);
		d->type = xstrdup(type);
	}
	if (size != NULL)
		d->size = strtoll(size, NULL, 10);
	/* What a mapping of the launch does not say is true for all (EC2, EbsBlockDevice). */
	d->delete_on_termination = del == NULL || strcmp(del, "true") == 0;
}

int
sim_ec2_parse_disks(struct sim_call *call, struct sim_launch *launch)
{
	const struct sim_params *p = call->params;

	(void)add_disk(launch, SIM_ROOT_DEVICE); /* the root disk is there unasked */
	for (size_t n = 1;; n++) {
		const char *device = sim_params_getf(p,
			"BlockDeviceMapping.%zu.DeviceName", n);
		char prefix[64];

		(void)snprintf(prefix, sizeof(prefix), "BlockDeviceMapping.%zu.", n);
		if (!sim_params_under(p, prefix))
			return 0;
		if (device == NULL)
			return sim_fail(&call->error, SIM_MISSING_PARAMETER,
				"The request must contain the parameter %sDeviceName",
				prefix);
		(void)snprintf(prefix, sizeof(prefix), "BlockDeviceMapping.%zu.Ebs.",
			n);
		/* NoDevice and VirtualName make no volume. */
		if (sim_params_under(p, prefix))
			fill_disk(p, n, add_disk(launch, device));
	}
}
