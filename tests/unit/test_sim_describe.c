/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DescribeInstances and DescribeInstanceStatus without HTTP: each filter, limits, pages,
 * and the errors of all actions that name instances.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/cloud.h"
#include "sim_call.h"

#include <stdlib.h>
#include <string.h>

#define RUN "RunInstances&MinCount=1&MaxCount=1&ImageId=ami-12345"
#define SPEC "&TagSpecification.1.ResourceType=instance"
#define TAG "&TagSpecification.1.Tag."

/* Who is found among three: a (tags, m5, spot), b (zone, key), c (in another region). */
static const struct {
	int line;
	const char *filter;
	const char *found; /* of "ab" */
} filters[] = {
	{__LINE__, "", "ab"},
	{__LINE__, "Filter.1.Name=tag:name&Filter.1.Value.1=a", "a"},
	{__LINE__, "Filter.1.Name=tag:name&Filter.1.Value.1=a&Filter.1.Value.2=b",
		"ab"},
	{__LINE__, "Filter.1.Name=tag:name&Filter.1.Value.1=A", ""},
	{__LINE__, "Filter.1.Name=tag:name&Filter.1.Value.1=?", "ab"},
	{__LINE__, "Filter.1.Name=tag:name&Filter.1.Value.1=*", "ab"},
	{__LINE__, "Filter.1.Name=tag:other&Filter.1.Value.1=*", ""},
	{__LINE__, "Filter.1.Name=tag-key&Filter.1.Value.1=only-a", "a"},
	{__LINE__, "Filter.1.Name=tag-value&Filter.1.Value.1=b", "b"},
	{__LINE__, "Filter.1.Name=client-token&Filter.1.Value.1=ta", "a"},
	{__LINE__, "Filter.1.Name=instance-type&Filter.1.Value.1=m5.*", "a"},
	{__LINE__, "Filter.1.Name=instance-lifecycle&Filter.1.Value.1=spot", "a"},
	{__LINE__, "Filter.1.Name=availability-zone&Filter.1.Value.1=us-east-1b", "b"},
	{__LINE__, "Filter.1.Name=key-name&Filter.1.Value.1=key", "b"},
	{__LINE__, "Filter.1.Name=image-id&Filter.1.Value.1=ami-12345", "ab"},
	{__LINE__, "Filter.1.Name=instance-state-name&Filter.1.Value.1=pending", "ab"},
	{__LINE__, "Filter.1.Name=instance-state-name&Filter.1.Value.1=running", ""},
	{__LINE__, "Filter.1.Name=instance-state-code&Filter.1.Value.1=0", "ab"},
	{__LINE__, "Filter.1.Name=architecture&Filter.1.Value.1=arm64", "b"},
	{__LINE__, "Filter.1.Name=instance.group-name&Filter.1.Value.1=default", "a"},
	{__LINE__, "Filter.1.Name=instance.group-id&Filter.1.Value.1=sg-1", "b"},
	{__LINE__, "Filter.1.Name=iam-instance-profile.arn&Filter.1.Value.1=*/p", "b"},
	{__LINE__,
		"Filter.1.Name=block-device-mapping.device-name&Filter.1.Value.1=/dev/xvda",
		"ab"},
	{__LINE__,
		"Filter.1.Name=block-device-mapping.volume-id&Filter.1.Value.1=vol-*",
		"ab"},
	{__LINE__, "Filter.1.Name=owner-id&Filter.1.Value.1=123456789012", "ab"},
	{__LINE__, "Filter.1.Name=tenancy&Filter.1.Value.1=default", "ab"},
	{__LINE__, "Filter.1.Name=monitoring-state&Filter.1.Value.1=enabled", "a"},
	{__LINE__,
		"Filter.1.Name=metadata-options.http-tokens&Filter.1.Value.1=required",
		"b"},
	{__LINE__,
		"Filter.1.Name=metadata-options.http-endpoint&Filter.1.Value.1=enabled",
		"ab"},
	{__LINE__, "Filter.1.Name=private-ip-address&Filter.1.Value.1=10.0.0.2", "b"},
	{__LINE__,
		"Filter.1.Name=private-dns-name&Filter.1.Value.1=ip-10-0-0-1.ec2.internal",
		"a"},
	{__LINE__, "Filter.1.Name=ip-address&Filter.1.Value.1=*", ""},
	{__LINE__, "Filter.1.Name=dns-name&Filter.1.Value.1=*", ""},
	{__LINE__, "Filter.1.Name=launch-time&Filter.1.Value.1=2027-01-15T*", "ab"},
	{__LINE__, "Filter.1.Name=reservation-id&Filter.1.Value.1=r-*", "ab"},
	{__LINE__, "Filter.1.Name=root-device-name&Filter.1.Value.1=/dev/sda1", ""},
	{__LINE__, "Filter.1.Name=state-reason-code&Filter.1.Value.1=*", ""},
	{__LINE__, "Filter.1.Name=subnet-id&Filter.1.Value.1=*", ""},
	{__LINE__, "Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-*", "ab"},
	{__LINE__,
		"Filter.1.Name=tag:name&Filter.1.Value.1=*&Filter.2.Name=instance-type&"
		"Filter.2.Value.1=m5.large",
		"a"},
	{__LINE__,
		"Filter.1.Name=tag:name&Filter.1.Value.1=b&Filter.2.Name=instance-type&"
		"Filter.2.Value.1=m5.large",
		""},
};

static void
launch_two(struct ec2 *e)
{
	ec2_run(e,
		"ClientToken=ta&InstanceType=m5.large&InstanceMarketOptions.MarketType=spot&"
		"Monitoring.Enabled=true" SPEC TAG "1.Key=name" TAG "1.Value=a" TAG
		"2.Key=only-a");
	ec2_run(e,
		"ClientToken=tb&InstanceType=c7g.large&KeyName=key&SecurityGroupId.1=sg-1&"
		"Placement.AvailabilityZone=us-east-1b&IamInstanceProfile.Name=p&"
		"MetadataOptions.HttpTokens=required" SPEC TAG "1.Key=name" TAG
		"1.Value=b");
	ck_assert_int_eq(ec2_call_in(e, "us-west-2",
				 RUN SPEC TAG "1.Key=name" TAG "1.Value=a"),
		0);
}

START_TEST(filter_rows)
{
	struct ec2 *e = ec2_new();

	launch_two(e);
	for (size_t n = 0; n < COUNT_OF(filters); n++) {
		AUTO(free)
		char *form = xasprintf("DescribeInstances%s%s",
			filters[n].filter[0] != '\0' ? "&" : "", filters[n].filter);

		ck_assert_msg(ec2_call(e, form) == 0, "line %d: %s", filters[n].line,
			e->message);
		ck_assert_msg(ec2_count(e, "instanceId") == strlen(filters[n].found),
			"line %d", filters[n].line);
		for (unsigned m = 0; filters[n].found[m] != '\0'; m++) {
			size_t index = filters[n].found[m] == 'a' ? 0 : 1;
			const char *id = sim_cloud_at(e->cloud, index)->id;

			ck_assert_msg(strcmp(ec2_text(e, "instanceId", m), id) == 0,
				"line %d", filters[n].line);
		}
	}
	ec2_free(e);
}
END_TEST

static const struct {
	int line;
	const char *form, *code;
} describe_errors[] = {
	{__LINE__, "DescribeInstances&Filter.1.Name=colour&Filter.1.Value.1=red",
		"InvalidParameterValue"},
	{__LINE__, "DescribeInstances&Filter.1.Name=tag:x", "InvalidParameterValue"},
	{__LINE__, "DescribeInstances&Filter.1.Value.1=x", "MissingParameter"},
	{__LINE__, "DescribeInstances&InstanceId.1=bot1",
		"InvalidInstanceID.Malformed"},
	{__LINE__, "DescribeInstances&InstanceId.1=i-0123456789",
		"InvalidInstanceID.Malformed"},
	{__LINE__, "DescribeInstances&InstanceId.1=i-01234567",
		"InvalidInstanceID.NotFound"},
	{__LINE__, "DescribeInstances&MaxResults=4", "InvalidParameterValue"},
	{__LINE__, "DescribeInstances&MaxResults=1001", "InvalidParameterValue"},
	{__LINE__, "DescribeInstances&MaxResults=-1", "InvalidParameterValue"},
	{__LINE__, "DescribeInstances&MaxResults=5&InstanceId.1=i-01234567",
		"InvalidParameterCombination"},
	{__LINE__, "DescribeInstances&MaxResults=5&NextToken=garbage",
		"InvalidPaginationToken"},
	{__LINE__, "DescribeInstances&NextToken=MSAyIDM%3D", "InvalidPaginationToken"},
	{__LINE__, "DescribeInstances&DryRun=true", "DryRunOperation"},
	{__LINE__, "DescribeInstanceStatus&Filter.1.Name=tag:x&Filter.1.Value.1=y",
		"InvalidParameterValue"},
	{__LINE__, "TerminateInstances", "MissingParameter"},
	{__LINE__, "GetConsoleOutput", "MissingParameter"},
	{__LINE__, "GetConsoleOutput&InstanceId=bot1", "InvalidInstanceID.Malformed"},
	{__LINE__, "GetConsoleOutput&InstanceId=i-01234567",
		"InvalidInstanceID.NotFound"},
	{__LINE__, "CreateTags&ResourceId.1=x&Tag.1.Key=k", "InvalidID"},
	{__LINE__, "CreateTags&ResourceId.1=i-01234567&Tag.1.Key=k",
		"InvalidInstanceID.NotFound"},
	{__LINE__, "CreateTags&ResourceId.1=vol-01234567&Tag.1.Key=k",
		"InvalidVolume.NotFound"},
	{__LINE__, "CreateTags&ResourceId.1=i-01234567", "MissingParameter"},
};

START_TEST(errors)
{
	struct ec2 *e = ec2_new();

	for (size_t n = 0; n < COUNT_OF(describe_errors); n++) {
		ck_assert_int_eq(ec2_call(e, describe_errors[n].form), -1);
		ck_assert_msg(strcmp(e->code, describe_errors[n].code) == 0,
			"line %d: '%s' %s", describe_errors[n].line, e->code,
			e->message);
	}
	ec2_free(e);
}
END_TEST

START_TEST(filter_limits)
{
	struct ec2 *e = ec2_new();
	AUTO(buf) struct buf form = {0};

	buf_puts(&form, "DescribeInstances");
	for (int n = 1; n <= 51; n++)
		buf_printf(&form, "&Filter.%d.Name=vpc-id&Filter.%d.Value.1=*", n, n);
	ck_assert_int_eq(ec2_call(e, buf_str(&form)), -1);
	ck_assert_str_eq(e->code, "FilterLimitExceeded");
	buf_clear(&form);
	buf_puts(&form, "DescribeInstances&Filter.1.Name=vpc-id");
	for (int n = 1; n <= 201; n++)
		buf_printf(&form, "&Filter.1.Value.%d=x", n);
	ck_assert_int_eq(ec2_call(e, buf_str(&form)), -1);
	ck_assert_str_eq(e->code, "FilterLimitExceeded");
	ec2_free(e);
}
END_TEST

/* Pages of 5 over 12, while instances come and go. */
START_TEST(pages)
{
	struct ec2 *e = ec2_new();
	AUTO(free) char *next = xstrdup("");
	unsigned found = 0;
	int rounds = 0;

	for (int n = 0; n < 12; n++)
		ec2_run(e, "");
	do {
		AUTO(free)
		char *form = xasprintf("DescribeInstances&MaxResults=5%s%s",
			next[0] != '\0' ? "&NextToken=" : "", next);

		ck_assert_msg(ec2_call(e, form) == 0, "%s", e->message);
		for (unsigned m = 0; m < ec2_count(e, "instanceId"); m++, found++)
			ck_assert_str_eq(ec2_text(e, "instanceId", m),
				sim_cloud_at(e->cloud, found)->id);
		free(next);
		next = xstrdup(ec2_text(e, "nextToken", 0));
		/* '=' in it has to be escaped in a form, and is not above. */
		ck_assert_ptr_null(strchr(next, '+'));
	} while (next[0] != '\0' && ++rounds < 10);
	ck_assert_uint_eq(found, 12);
	ck_assert_int_eq(rounds, 2);
	ec2_free(e);
}
END_TEST

START_TEST(page_tokens_expire)
{
	struct ec2 *e = ec2_new();
	AUTO(free) char *form = NULL;

	for (int n = 0; n < 6; n++)
		ec2_run(e, "");
	ck_assert_int_eq(ec2_call(e, "DescribeInstances&MaxResults=5"), 0);
	form = xasprintf("DescribeInstances&NextToken=%s", ec2_text(e, "nextToken", 0));
	ec2_advance(e, 3600000);
	ck_assert_int_eq(ec2_call(e, form), 0);
	ck_assert_uint_eq(ec2_count(e, "instanceId"), 1);
	ec2_advance(e, 1);
	ck_assert_int_eq(ec2_call(e, form), -1);
	ck_assert_str_eq(e->code, "InvalidPaginationToken");
	ec2_free(e);
}
END_TEST

START_TEST(status)
{
	struct ec2 *e = ec2_new();

	ec2_run(e, "");
	ec2_advance(e, 2000);
	ec2_run(e, "");
	ck_assert_int_eq(ec2_call(e, "DescribeInstanceStatus"), 0);
	ck_assert_uint_eq(ec2_count(e, "instanceId"), 1);
	ck_assert_str_eq(ec2_text(e, "status", 0), "ok");
	ck_assert_int_eq(ec2_call(e, "DescribeInstanceStatus&IncludeAllInstances=true"),
		0);
	ck_assert_uint_eq(ec2_count(e, "instanceId"), 2);
	ck_assert_int_eq(
		ec2_call(e,
			"DescribeInstanceStatus&IncludeAllInstances=true&"
			"Filter.1.Name=instance-state-name&Filter.1.Value.1=pending"),
		0);
	ck_assert_uint_eq(ec2_count(e, "instanceId"), 1);
	ec2_free(e);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("sim_describe");
	TCase *all = tcase_create("all");

	tcase_add_test(all, filter_rows);
	tcase_add_test(all, errors);
	tcase_add_test(all, filter_limits);
	tcase_add_test(all, pages);
	tcase_add_test(all, page_tokens_expire);
	tcase_add_test(all, status);
	suite_add_tcase(suite, all);
	return suite;
}
