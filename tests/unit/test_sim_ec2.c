/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EC2's actions without HTTP: RunInstances and its client tokens, capacity, all or nothing
 * of TerminateInstances, consoles, tags, DryRun.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sim/cloud.h"
#include "sim/volume.h"
#include "sim_call.h"
#include "sys/crypto.h"

#include <stdlib.h>
#include <string.h>

#define RUN "RunInstances&MinCount=1&MaxCount=1&ImageId=ami-12345"
#define SPEC "&TagSpecification.1.ResourceType=instance"
#define TAG "&TagSpecification.1.Tag."
#define LONG_64 "0123456789012345678901234567890123456789012345678901234567890123"

/* Requests that are right or wrong on their own. */
static const struct {
	int line;
	const char *form;
	const char *code;
} launches[] = {
	{__LINE__, RUN, ""},
	{__LINE__, RUN "&InstanceType=m5.large&KeyName=k&EbsOptimized=true", ""},
	{__LINE__, RUN "&SecurityGroup.1=default&SecurityGroupId.1=sg-12345", ""},
	{__LINE__, RUN "&SubnetId=subnet-12345&SecurityGroupId.1=sg-1", ""},
	{__LINE__, RUN "&Placement.AvailabilityZone=us-east-1c", ""},
	{__LINE__, RUN "&UserData=IyEvYmluL3NoCg==", ""},
	{__LINE__, RUN "&UserData=", ""},
	{__LINE__, RUN "&IamInstanceProfile.Name=builder", ""},
	{__LINE__, RUN "&IamInstanceProfile.Arn=arn:aws:iam::1:instance-profile/x", ""},
	{__LINE__, RUN "&MetadataOptions.HttpTokens=required", ""},
	{__LINE__,
		RUN "&InstanceMarketOptions.MarketType=spot&InstanceMarketOptions."
		    "SpotOptions.MaxPrice=0.03&InstanceMarketOptions.SpotOptions."
		    "SpotInstanceType=one-time",
		""},
	{__LINE__, RUN "&ClientToken=" LONG_64, ""},
	{__LINE__, RUN SPEC TAG "1.Key=k" TAG "1.Value=v" TAG "2.Key=other", ""},
	{__LINE__,
		RUN
		"&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SubnetId=subnet-1&"
		"NetworkInterface.1.SecurityGroupId.1=sg-2&"
		"NetworkInterface.1.AssociatePublicIpAddress=true",
		""},
	{__LINE__,
		RUN
		"&CapacityReservationSpecification.CapacityReservationPreference=none",
		""},
	{__LINE__, "RunInstances&MaxCount=1&ImageId=ami-1", "MissingParameter"},
	{__LINE__, "RunInstances&MinCount=1&ImageId=ami-1", "MissingParameter"},
	{__LINE__, "RunInstances&MinCount=1&MaxCount=1", "MissingParameter"},
	{__LINE__, "RunInstances&MinCount=0&MaxCount=1&ImageId=ami-1",
		"InvalidParameterValue"},
	{__LINE__, "RunInstances&MinCount=2&MaxCount=1&ImageId=ami-1",
		"InvalidParameterValue"},
	{__LINE__, "RunInstances&MinCount=1&MaxCount=1&ImageId=windows",
		"InvalidAMIID.Malformed"},
	{__LINE__, "RunInstances&MinCount=1&MaxCount=1&ImageId=resolve:ssm:/x",
		"InvalidAMIID.Malformed"},
	{__LINE__, RUN "&InstanceType=large", "InvalidParameterValue"},
	{__LINE__, RUN "&Placement.AvailabilityZone=us-east-1",
		"InvalidParameterValue"},
	{__LINE__, RUN "&Placement.AvailabilityZone=us-east-1z",
		"InvalidParameterValue"},
	{__LINE__, RUN "&Placement.AvailabilityZone=eu-west-1a",
		"InvalidParameterValue"},
	{__LINE__, RUN "&SubnetId=net", "InvalidSubnetID.Malformed"},
	{__LINE__, RUN "&SecurityGroupId.1=default", "InvalidGroupId.Malformed"},
	{__LINE__, RUN "&SubnetId=subnet-1&SecurityGroup.1=default",
		"InvalidParameterCombination"},
	{__LINE__, RUN "&SubnetId=subnet-1&NetworkInterface.1.DeviceIndex=0",
		"InvalidParameterCombination"},
	{__LINE__, RUN "&SecurityGroupId.1=sg-1&NetworkInterface.1.DeviceIndex=0",
		"InvalidParameterCombination"},
	{__LINE__, RUN "&UserData=!!!", "InvalidParameterValue"},
	{__LINE__, RUN "&IamInstanceProfile.Name=a&IamInstanceProfile.Arn=arn:b",
		"InvalidParameterCombination"},
	{__LINE__, RUN "&IamInstanceProfile.Arn=builder", "InvalidParameterValue"},
	{__LINE__, RUN "&MetadataOptions.HttpTokens=maybe", "InvalidParameterValue"},
	{__LINE__, RUN "&InstanceMarketOptions.SpotOptions.MaxPrice=1",
		"InvalidParameterCombination"},
	{__LINE__,
		RUN "&InstanceMarketOptions.MarketType=spot&InstanceMarketOptions."
		    "SpotOptions.MaxPrice=free",
		"InvalidParameterValue"},
	{__LINE__, RUN "&ClientToken=" LONG_64 "x", "InvalidClientToken"},
	{__LINE__, RUN "&ClientToken=%c3%a4", "InvalidClientToken"},
	{__LINE__, RUN SPEC TAG "1.Key=k" TAG "2.Key=k", "InvalidParameterValue"},
	{__LINE__, RUN SPEC TAG "1.Key=aws:x", "InvalidParameterValue"},
	{__LINE__, RUN SPEC TAG "1.Key=", "InvalidParameterValue"},
	{__LINE__, RUN "&TagSpecification.1.ResourceType=moon",
		"InvalidParameterValue"},
	{__LINE__, RUN "&BlockDeviceMapping.1.Ebs.VolumeSize=8", "MissingParameter"},
	{__LINE__,
		RUN
		"&BlockDeviceMapping.1.DeviceName=a&BlockDeviceMapping.1.Ebs.VolumeType="
		"gp9",
		"InvalidParameterValue"},
	{__LINE__, RUN "&InstanceInitiatedShutdownBehavior=hibernate",
		"InvalidParameterValue"},
	{__LINE__, RUN "&Colour=red", "UnknownParameter"},
	{__LINE__, RUN "&DryRun=true", "DryRunOperation"},
	{__LINE__, "RunInstances&MinCount=1&MaxCount=1&ImageId=x&DryRun=true",
		"InvalidAMIID.Malformed"},
};

START_TEST(launch_parameters)
{
	for (size_t n = 0; n < COUNT_OF(launches); n++) {
		struct ec2 *e = ec2_new();
		bool good = launches[n].code[0] == '\0';

		ec2_call(e, launches[n].form);
		ck_assert_msg(strcmp(e->code, launches[n].code) == 0,
			"line %d: '%s' %s", launches[n].line, e->code, e->message);
		ck_assert_msg(sim_cloud_count(e->cloud) == (good ? 1 : 0), "line %d",
			launches[n].line);
		ec2_free(e);
	}
}
END_TEST

START_TEST(user_data_limit)
{
	struct ec2 *e = ec2_new();
	AUTO(buf) struct buf data = {0};
	AUTO(buf) struct buf form = {0};

	for (int n = 0; n < 16384; n++)
		buf_putc(&data, 'x');
	buf_puts(&form, RUN "&UserData=");
	crypto_base64(data.data, data.len, &form);
	while (buf_str(&form)[form.len - 1] == '=')
		form.len--;
	buf_puts(&form, "%3D%3D");
	ck_assert_msg(ec2_call(e, buf_str(&form)) == 0, "%s", e->message);
	buf_putc(&data, 'x');
	buf_clear(&form);
	buf_puts(&form, RUN "&UserData=");
	crypto_base64(data.data, data.len, &form);
	ck_assert_int_eq(ec2_call(e, buf_str(&form)), -1);
	ck_assert_str_eq(e->message, "User data is limited to 16384 bytes");
	ec2_free(e);
}
END_TEST

/* The second request of each pair, after the first has made an instance. */
static const struct {
	int line;
	const char *first, *second;
	const char *region; /* of the second */
	const char *code;
	size_t instances; /* after both */
} tokens[] = {
	{__LINE__, "", "", "us-east-1", "", 2}, /* no token, no memory */
	{__LINE__, "&ClientToken=t", "&ClientToken=t", "us-east-1", "", 1},
	{__LINE__, "&ClientToken=t", "&ClientToken=T", "us-east-1", "", 2},
	{__LINE__, "&ClientToken=t", "&ClientToken=t", "us-west-2", "", 2},
	{__LINE__, "&ClientToken=t", "&ClientToken=t&InstanceType=m5.large",
		"us-east-1", "IdempotentParameterMismatch", 1},
	{__LINE__, "&ClientToken=t&KeyName=a", "&KeyName=a&ClientToken=t", "us-east-1",
		"", 1},
	/* A zone makes the token's scope the zone. */
	{__LINE__, "&ClientToken=t&Placement.AvailabilityZone=us-east-1a",
		"&ClientToken=t&Placement.AvailabilityZone=us-east-1a", "us-east-1", "",
		1},
	{__LINE__, "&ClientToken=t&Placement.AvailabilityZone=us-east-1a",
		"&ClientToken=t&Placement.AvailabilityZone=us-east-1b", "us-east-1", "",
		2},
	{__LINE__, "&ClientToken=t",
		"&ClientToken=t&Placement.AvailabilityZone=us-east-1a", "us-east-1", "",
		2},
	/* These two subnets lie in different zones, the last two in one. */
	{__LINE__, "&ClientToken=t&SubnetId=subnet-1",
		"&ClientToken=t&SubnetId=subnet-2", "us-east-1", "", 2},
	{__LINE__, "&ClientToken=t&SubnetId=subnet-1",
		"&ClientToken=t&SubnetId=subnet-4", "us-east-1",
		"IdempotentParameterMismatch", 1},
	{__LINE__, "&ClientToken=t", "&ClientToken=t&DryRun=true", "us-east-1",
		"DryRunOperation", 1},
};

START_TEST(client_tokens)
{
	for (size_t n = 0; n < COUNT_OF(tokens); n++) {
		struct ec2 *e = ec2_new();
		AUTO(free) char *first = xasprintf(RUN "%s", tokens[n].first);
		AUTO(free) char *second = xasprintf(RUN "%s", tokens[n].second);
		const char *id;

		ck_assert_msg(ec2_call(e, first) == 0, "line %d", tokens[n].line);
		id = sim_cloud_at(e->cloud, 0)->id;
		ec2_advance(e, 5000);
		ec2_call_in(e, tokens[n].region, second);
		ck_assert_msg(strcmp(e->code, tokens[n].code) == 0, "line %d: '%s'",
			tokens[n].line, e->code);
		ck_assert_msg(sim_cloud_count(e->cloud) == tokens[n].instances,
			"line %d: %zu", tokens[n].line, sim_cloud_count(e->cloud));
		if (tokens[n].instances == 1 && tokens[n].code[0] == '\0') {
			ck_assert_str_eq(ec2_text(e, "instanceId", 0), id);
			ck_assert_str_eq(ec2_text(e, "name", 0), "running");
		}
		ec2_free(e);
	}
}
END_TEST

/* Both answers that AWS gives, or gave. */
START_TEST(token_of_the_dead)
{
	struct ec2 *e = ec2_new();
	AUTO(free) char *id = xstrdup(ec2_run(e, "ClientToken=t"));
	AUTO(free) char *end = xasprintf("TerminateInstances&InstanceId.1=%s", id);

	ck_assert_int_eq(ec2_call(e, end), 0);
	ck_assert_int_eq(ec2_call(e, RUN "&ClientToken=t"), 0);
	ck_assert_str_eq(ec2_text(e, "name", 0), "shutting-down");
	ec2_advance(e, 3000);
	ck_assert_int_eq(ec2_call(e, RUN "&ClientToken=t"), -1);
	ck_assert_str_eq(e->code, "IdempotentInstanceTerminated");
	e->scenario.dead_token = SIM_DEAD_TOKEN_INSTANCE;
	ck_assert_int_eq(ec2_call(e, RUN "&ClientToken=t"), 0);
	ck_assert_str_eq(ec2_text(e, "instanceId", 0), id);
	ck_assert_str_eq(ec2_text(e, "name", 0), "terminated");
	/* Long forgotten, the token is still used up. */
	ec2_advance(e, 86400000);
	ck_assert_int_eq(ec2_call(e, RUN "&ClientToken=t"), 0);
	ck_assert_uint_eq(sim_cloud_count(e->cloud), 1);
	ec2_free(e);
}
END_TEST

START_TEST(batch)
{
	struct ec2 *e = ec2_new();

	ck_assert_int_eq(ec2_call(e,
				 "RunInstances&MinCount=3&MaxCount=3&ImageId=ami-1&"
				 "ClientToken=t"),
		0);
	ck_assert_uint_eq(ec2_count(e, "instanceId"), 3);
	ck_assert_str_eq(ec2_text(e, "amiLaunchIndex", 2), "2");
	ck_assert_int_eq(ec2_call(e, "DescribeInstances"), 0);
	ck_assert_uint_eq(ec2_count(e, "reservationId"), 1);
	ck_assert_uint_eq(ec2_count(e, "instanceId"), 3);
	ck_assert_int_eq(ec2_call(e,
				 "DescribeInstances&Filter.1.Name=launch-index&"
				 "Filter.1.Value.1=1"),
		0);
	ck_assert_uint_eq(ec2_count(e, "instanceId"), 1);
	ec2_free(e);
}
END_TEST

START_TEST(capacity)
{
	static char any[] = "*", type[] = "m5.*", zone[] = "us-east-1a",
		    spot[] = "spot";
	static char quota[] = "VcpuLimitExceeded";
	struct sim_capacity rules[] = {
		{any, any, any, 3, 0, quota},
		{type, zone, any, 2, 0, NULL},
		{any, any, spot, 0, 0, NULL},
	};
	static const struct {
		int line;
		const char *form, *code;
		unsigned started;
	} cases[] = {
		{__LINE__,
			"RunInstances&MinCount=3&MaxCount=3&ImageId=ami-1&InstanceType=m5.large&Placement.AvailabilityZone=us-east-1a",
			"InsufficientInstanceCapacity", 0},
		{__LINE__,
			"RunInstances&MinCount=1&MaxCount=3&ImageId=ami-1&InstanceType=m5.large&Placement.AvailabilityZone=us-east-1a",
			"", 2},
		{__LINE__,
			RUN
			"&InstanceType=m5.large&Placement.AvailabilityZone=us-east-1a",
			"InsufficientInstanceCapacity", 0},
		{__LINE__,
			RUN
			"&InstanceType=c5.large&InstanceMarketOptions.MarketType=spot",
			"InsufficientInstanceCapacity", 0},
		{__LINE__, RUN "&InstanceType=c5.large", "", 1},
		{__LINE__, RUN "&InstanceType=c5.large", "VcpuLimitExceeded", 0},
	};
	struct ec2 *e = ec2_new();

	e->scenario.capacity = (struct field_list){rules, COUNT_OF(rules)};
	for (size_t n = 0; n < COUNT_OF(cases); n++) {
		ec2_call(e, cases[n].form);
		ck_assert_msg(strcmp(e->code, cases[n].code) == 0, "line %d: '%s'",
			cases[n].line, e->code);
		ck_assert_int_eq(e->status == 500,
			strcmp(e->code, "InsufficientInstanceCapacity") == 0);
		ck_assert_msg(cases[n].started == 0 ||
				ec2_count(e, "instanceId") == cases[n].started,
			"line %d", cases[n].line);
	}
	/* VcpuLimitExceeded; the others are EC2's own 500. */
	ck_assert_int_eq(e->status, 400);
	e->scenario.capacity = (struct field_list){0};
	ec2_free(e);
}
END_TEST

START_TEST(terminate_is_all_or_nothing)
{
	struct ec2 *e = ec2_new();
	AUTO(free) char *a = xstrdup(ec2_run(e, ""));
	AUTO(free) char *b = xstrdup(ec2_run(e, ""));
	AUTO(free)
	char *bad =
		xasprintf("TerminateInstances&InstanceId.1=%s&InstanceId.2=i-00000000",
			a);
	AUTO(free)
	char *dry = xasprintf("TerminateInstances&InstanceId.1=%s&DryRun=true", a);
	AUTO(free)
	char *both = xasprintf(
		"TerminateInstances&InstanceId.1=%s&InstanceId.2=%s&InstanceId.3=%s", a,
		b, a);

	ck_assert_int_eq(ec2_call(e, bad), -1);
	ck_assert_str_eq(e->code, "InvalidInstanceID.NotFound");
	ck_assert_str_eq(e->message, "The instance ID 'i-00000000' does not exist");
	ck_assert_int_eq(ec2_call(e, dry), -1);
	ck_assert_str_eq(e->code, "DryRunOperation");
	ck_assert_int_eq(e->status, 412);
	ck_assert_str_eq(ec2_state(e, a), "pending");
	ck_assert_int_eq(ec2_call(e, both), 0);
	ck_assert_uint_eq(ec2_count(e, "instanceId"), 2);
	ck_assert_str_eq(ec2_text(e, "name", 0), "shutting-down");
	ck_assert_str_eq(ec2_text(e, "name", 1), "pending");
	ck_assert_int_eq(ec2_call_in(e, "us-west-2", both), -1);
	ec2_free(e);
}
END_TEST

/* A protected instance saves those of its zone. */
START_TEST(protection)
{
	struct ec2 *e = ec2_new();
	AUTO(free) char *a = xstrdup(ec2_run(e, "DisableApiTermination=true"));
	AUTO(free) char *b = xstrdup(ec2_run(e, ""));
	AUTO(free)
	char *c = xstrdup(ec2_run(e, "Placement.AvailabilityZone=us-east-1b"));
	AUTO(free)
	char *form = xasprintf(
		"TerminateInstances&InstanceId.1=%s&InstanceId.2=%s&InstanceId.3=%s", a,
		b, c);

	ck_assert_int_eq(ec2_call(e, form), -1);
	ck_assert_str_eq(e->code, "OperationNotPermitted");
	ck_assert_str_eq(ec2_state(e, a), "pending");
	ck_assert_str_eq(ec2_state(e, b), "pending");
	ck_assert_str_eq(ec2_state(e, c), "shutting-down");
	ec2_free(e);
}
END_TEST

START_TEST(spot_does_not_stop)
{
	struct ec2 *e = ec2_new();
	const char *id = ec2_run(e, "InstanceMarketOptions.MarketType=spot");
	AUTO(free) char *form = xasprintf("StopInstances&InstanceId.1=%s", id);

	ec2_advance(e, 2000);
	ck_assert_int_eq(ec2_call(e, form), -1);
	ck_assert_str_eq(e->code, "UnsupportedOperation");
	ec2_free(e);
}
END_TEST

START_TEST(console)
{
	struct ec2 *e = ec2_new();
	const char *id = ec2_run(e, "");
	AUTO(free)
	char *form = xasprintf("GetConsoleOutput&InstanceId=%s&Latest=true", id);

	ck_assert_int_eq(ec2_call(e, form), 0);
	ck_assert_uint_eq(ec2_count(e, "output"), 0);
	sim_instance_print(sim_cloud_at(e->cloud, 0), "hello\n", 6);
	ck_assert_int_eq(ec2_call(e, form), 0);
	ck_assert_str_eq(ec2_text(e, "output", 0), "aGVsbG8K");
	ck_assert_str_eq(ec2_text(e, "timestamp", 0), "2027-01-15T08:00:00.000Z");
	ec2_free(e);
}
END_TEST

START_TEST(create_tags)
{
	struct ec2 *e = ec2_new();
	AUTO(free)
	char *id = xstrdup(ec2_run(e,
		"TagSpecification.1.ResourceType=instance" TAG "1.Key=k" TAG
		"1.Value=old"));
	const struct sim_instance *i = sim_cloud_at(e->cloud, 0);
	AUTO(free)
	char *good = xasprintf("CreateTags&ResourceId.1=%s&ResourceId.2=%s&"
			       "Tag.1.Key=k&Tag.1.Value=new&Tag.2.Key=%%3C%%26%%3E",
		id, i->made->id);
	AUTO(free)
	char *bad = xasprintf(
		"CreateTags&ResourceId.1=%s&ResourceId.2=i-00000000&Tag.1.Key=k&Tag.1.Value=x",
		id);
	AUTO(buf) struct buf many = {0};

	ck_assert_int_eq(ec2_call(e, bad), -1);
	ck_assert_str_eq(strmap_get(&i->tags, "k"), "old");
	ck_assert_int_eq(ec2_call(e, good), 0);
	ck_assert_str_eq(ec2_text(e, "return", 0), "true");
	ck_assert_str_eq(strmap_get(&i->tags, "k"), "new");
	ck_assert_str_eq(strmap_get(&i->tags, "<&>"), "");
	ck_assert_str_eq(strmap_get(&i->made->tags, "k"), "new");
	ec2_state(e, id);
	ck_assert_str_eq(ec2_text(e, "key", 1), "&lt;&amp;&gt;");
	buf_printf(&many, "CreateTags&ResourceId.1=%s", id);
	for (int n = 1; n <= 49; n++)
		buf_printf(&many, "&Tag.%d.Key=t%d", n, n);
	ck_assert_int_eq(ec2_call(e, buf_str(&many)), -1);
	ck_assert_str_eq(e->code, "TagLimitExceeded");
	ck_assert_uint_eq(i->tags.count, 2);
	ec2_free(e);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("sim_ec2");
	TCase *all = tcase_create("all");

	tcase_add_test(all, launch_parameters);
	tcase_add_test(all, user_data_limit);
	tcase_add_test(all, client_tokens);
	tcase_add_test(all, token_of_the_dead);
	tcase_add_test(all, batch);
	tcase_add_test(all, capacity);
	tcase_add_test(all, terminate_is_all_or_nothing);
	tcase_add_test(all, protection);
	tcase_add_test(all, spot_does_not_stop);
	tcase_add_test(all, console);
	tcase_add_test(all, create_tags);
	suite_add_tcase(suite, all);
	return suite;
}
