/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of EC2's actions; that of instances, and what each takes (EC2-WIRE.md 4). */
#include "sim/ec2.h"

#include "sim/action.h"
#include "sim/params.h"

#include <string.h>

static const char *const on_or_off[] = {"enabled", "disabled", NULL};
static const char *const tokens[] = {"optional", "required", NULL};
static const char *const shutdown_behavior[] = {"stop", "terminate", NULL};
static const char *const markets[] = {"spot", NULL};
static const char *const spot_types[] = {"one-time", "persistent", NULL};
static const char *const interruption[] = {"hibernate", "stop", "terminate", NULL};
static const char *const volume_types[] = {"standard", "io1", "io2", "gp2", "sc1",
	"st1", "gp3", NULL};
static const char *const tenancies[] = {"default", "dedicated", "host", NULL};
static const char *const taggable[] = {"instance", "volume", "network-interface",
	"spot-instances-request", NULL};

static const struct sim_param_row common[] = {
	{.name = "Action"},
	{.name = "Version"},
	{.name = "DryRun", .type = SIM_PARAM_BOOL},
	{.name = NULL},
};

static const struct sim_param_row run_instances[] = {
	{.name = "MinCount",
		.type = SIM_PARAM_INT,
		.required = true,
		.min = 1,
		.max = 100000},
	{.name = "MaxCount",
		.type = SIM_PARAM_INT,
		.required = true,
		.min = 1,
		.max = 100000},
	{.name = "ClientToken"},
	{.name = "ImageId", .required = true},
	{.name = "InstanceType"},
	{.name = "KeyName", .max = 255},
	{.name = "UserData"},
	{.name = "SubnetId"},
	{.name = "Placement.AvailabilityZone"},
	{.name = "Placement.Tenancy", .type = SIM_PARAM_CHOICE, .choices = tenancies},
	{.name = "Placement.GroupName"},
	{.name = "Placement.HostId"},
	{.name = "PrivateIpAddress"},
	{.name = "SecurityGroupId.N"},
	{.name = "SecurityGroup.N"},
	{.name = "NetworkInterface.N.DeviceIndex", .type = SIM_PARAM_INT},
	{.name = "NetworkInterface.N.SubnetId"},
	{.name = "NetworkInterface.N.SecurityGroupId.N"},
	{.name = "NetworkInterface.N.AssociatePublicIpAddress", .type = SIM_PARAM_BOOL},
	{.name = "NetworkInterface.N.DeleteOnTermination", .type = SIM_PARAM_BOOL},
	{.name = "NetworkInterface.N.NetworkInterfaceId"},
	{.name = "NetworkInterface.N.PrivateIpAddress"},
	{.name = "BlockDeviceMapping.N.DeviceName"},
	{.name = "BlockDeviceMapping.N.VirtualName"},
	{.name = "BlockDeviceMapping.N.NoDevice"},
	{.name = "BlockDeviceMapping.N.Ebs.SnapshotId"},
	{.name = "BlockDeviceMapping.N.Ebs.VolumeSize",
		.type = SIM_PARAM_INT,
		.min = 1,
		.max = 65536},
	{.name = "BlockDeviceMapping.N.Ebs.VolumeType",
		.type = SIM_PARAM_CHOICE,
		.choices = volume_types},
	{.name = "BlockDeviceMapping.N.Ebs.Iops", .type = SIM_PARAM_INT},
	{.name = "BlockDeviceMapping.N.Ebs.Throughput", .type = SIM_PARAM_INT},
	{.name = "BlockDeviceMapping.N.Ebs.Encrypted", .type = SIM_PARAM_BOOL},
	{.name = "BlockDeviceMapping.N.Ebs.KmsKeyId"},
	{.name = "BlockDeviceMapping.N.Ebs.DeleteOnTermination",
		.type = SIM_PARAM_BOOL},
	{.name = "EbsOptimized", .type = SIM_PARAM_BOOL},
	{.name = "TagSpecification.N.ResourceType",
		.type = SIM_PARAM_CHOICE,
		.choices = taggable},
	{.name = "TagSpecification.N.Tag.N.Key"},
	{.name = "TagSpecification.N.Tag.N.Value"},
	{.name = "IamInstanceProfile.Arn"},
	{.name = "IamInstanceProfile.Name"},
	{.name = "InstanceMarketOptions.MarketType",
		.type = SIM_PARAM_CHOICE,
		.choices = markets},
	{.name = "InstanceMarketOptions.SpotOptions.MaxPrice",
		.type = SIM_PARAM_NUMBER},
	{.name = "InstanceMarketOptions.SpotOptions.SpotInstanceType",
		.type = SIM_PARAM_CHOICE,
		.choices = spot_types},
	{.name = "InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior",
		.type = SIM_PARAM_CHOICE,
		.choices = interruption},
	{.name = "InstanceMarketOptions.SpotOptions.ValidUntil"},
	{.name = "MetadataOptions.HttpTokens",
		.type = SIM_PARAM_CHOICE,
		.choices = tokens},
	{.name = "MetadataOptions.HttpPutResponseHopLimit",
		.type = SIM_PARAM_INT,
		.min = 1,
		.max = 64},
	{.name = "MetadataOptions.HttpEndpoint",
		.type = SIM_PARAM_CHOICE,
		.choices = on_or_off},
	{.name = "MetadataOptions.HttpProtocolIpv6",
		.type = SIM_PARAM_CHOICE,
		.choices = on_or_off},
	{.name = "MetadataOptions.InstanceMetadataTags",
		.type = SIM_PARAM_CHOICE,
		.choices = on_or_off},
	{.name = "InstanceInitiatedShutdownBehavior",
		.type = SIM_PARAM_CHOICE,
		.choices = shutdown_behavior},
	{.name = "DisableApiTermination", .type = SIM_PARAM_BOOL},
	{.name = "DisableApiStop", .type = SIM_PARAM_BOOL},
	{.name = "HibernationOptions.Configured", .type = SIM_PARAM_BOOL},
	{.name = "Monitoring.Enabled", .type = SIM_PARAM_BOOL},
	{.name = "CreditSpecification.CpuCredits"},
	{.name = "CpuOptions.CoreCount", .type = SIM_PARAM_INT},
	{.name = "CpuOptions.ThreadsPerCore", .type = SIM_PARAM_INT},
	{.name = "CapacityReservationSpecification.*", .type = SIM_PARAM_ANY},
	{.name = NULL},
};

static const struct sim_param_row describe_instances[] = {
	{.name = "InstanceId.N"},
	{.name = "Filter.N.Name"},
	{.name = "Filter.N.Value.N"},
	{.name = "MaxResults", .type = SIM_PARAM_INT},
	{.name = "NextToken"},
	{.name = "IncludeManagedResources", .type = SIM_PARAM_BOOL},
	{.name = NULL},
};

static const struct sim_param_row describe_instance_status[] = {
	{.name = "InstanceId.N"},
	{.name = "Filter.N.Name"},
	{.name = "Filter.N.Value.N"},
	{.name = "IncludeAllInstances", .type = SIM_PARAM_BOOL},
	{.name = "MaxResults", .type = SIM_PARAM_INT},
	{.name = "NextToken"},
	{.name = NULL},
};

static const struct sim_param_row stop_instances[] = {
	{.name = "InstanceId.N", .required = true},
	{.name = "Force", .type = SIM_PARAM_BOOL},
	{.name = "Hibernate", .type = SIM_PARAM_BOOL},
	{.name = "SkipOsShutdown", .type = SIM_PARAM_BOOL},
	{.name = NULL},
};

static const struct sim_param_row some_instances[] = {
	{.name = "InstanceId.N", .required = true},
	{.name = NULL},
};

static const struct sim_param_row get_console_output[] = {
	{.name = "InstanceId", .required = true},
	{.name = "Latest", .type = SIM_PARAM_BOOL},
	{.name = NULL},
};

static const struct sim_param_row create_tags[] = {
	{.name = "ResourceId.N", .required = true},
	{.name = "Tag.N.Key", .required = true},
	{.name = "Tag.N.Value"},
	{.name = NULL},
};

const struct sim_action sim_ec2_instance_actions[] = {
	{
		.name = "RunInstances",
		.run = sim_ec2_run_instances,
		.params = run_instances,
		.bucket = SIM_BUCKET_RUN,
		.per_instance = SIM_BUCKET_RUN_INSTANCES,
	},
	{
		.name = "DescribeInstances",
		.run = sim_ec2_describe_instances,
		.params = describe_instances,
		.bucket = SIM_BUCKET_DESCRIBE,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "TerminateInstances",
		.run = sim_ec2_terminate_instances,
		.params = stop_instances,
		.bucket = SIM_BUCKET_TERMINATE,
		.per_instance = SIM_BUCKET_TERMINATE_INSTANCES,
	},
	{
		.name = "GetConsoleOutput",
		.run = sim_ec2_get_console_output,
		.params = get_console_output,
		.bucket = SIM_BUCKET_CONSOLE,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "CreateTags",
		.run = sim_ec2_create_tags,
		.params = create_tags,
		.bucket = SIM_BUCKET_TAGS,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "DescribeInstanceStatus",
		.run = sim_ec2_describe_instance_status,
		.params = describe_instance_status,
		.bucket = SIM_BUCKET_DESCRIBE,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{
		.name = "StopInstances",
		.run = sim_ec2_stop_instances,
		.params = stop_instances,
		.bucket = SIM_BUCKET_MUTATING,
		.per_instance = SIM_BUCKET_STOP_INSTANCES,
	},
	{
		.name = "StartInstances",
		.run = sim_ec2_start_instances,
		.params = some_instances,
		.bucket = SIM_BUCKET_START,
		.per_instance = SIM_BUCKET_START_INSTANCES,
	},
	{
		.name = "RebootInstances",
		.run = sim_ec2_reboot_instances,
		.params = some_instances,
		.bucket = SIM_BUCKET_MUTATING,
		.per_instance = SIM_BUCKET_COUNT,
	},
	{.name = NULL},
};

static const struct sim_action *const tables[] = {
	sim_ec2_instance_actions,
	NULL,
};

const struct sim_service sim_ec2 = {
	.name = "ec2",
	.version = "2016-11-15",
	.xmlns = "http://ec2.amazonaws.com/doc/2016-11-15/",
	.common = common,
	.tables = tables,
};

const struct sim_action *
sim_action_find(const struct sim_service *service, const char *name)
{
	for (size_t t = 0; service->tables[t] != NULL; t++)
		for (const struct sim_action *a = service->tables[t]; a->name != NULL;
			a++)
			if (strcmp(a->name, name) == 0)
				return a;
	return NULL;
}

const struct sim_action *
sim_action_at(const struct sim_service *service, size_t n)
{
	for (size_t t = 0; service->tables[t] != NULL; t++)
		for (const struct sim_action *a = service->tables[t]; a->name != NULL;
			a++)
			if (n-- == 0)
				return a;
	return NULL;
}

int
sim_call_dry_run(struct sim_call *call)
{
	if (!call->dry_run)
		return 0;
	return sim_fail(&call->error, SIM_DRY_RUN_OPERATION,
		"Request would have succeeded, but DryRun flag is set.");
}
