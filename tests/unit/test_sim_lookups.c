/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a scenario lists: which of it the Describe actions tell, page by page, and what a
 * launch makes of it.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sim/catalog.h"
#include "sim/cloud.h"
#include "sim/ec2.h"
#include "sim/prices.h"
#include "sim_call.h"

#include <stdio.h>
#include <string.h>

#define RUN "RunInstances&MinCount=1&MaxCount=1&ImageId=ami-12345"
#define SPOT                                                                           \
	"&InstanceMarketOptions.MarketType=spot&InstanceMarketOptions.SpotOptions."    \
	"MaxPrice="
#define ZONE "&Placement.AvailabilityZone=us-east-1"
#define FILTER(name, value) "&Filter.1.Name=" name "&Filter.1.Value.1=" value

/* One EC2 with some of everything. */
static const char scenario[] =
	"{\"images\": [{\"id\": \"ami-12345\"},"
	"  {\"id\": \"ami-2\", \"architecture\": \"arm64\", \"name\": \"arm\"},"
	"  {\"id\": \"ami-3\", \"state\": \"failed\", \"owner\": \"999999999999\"},"
	"  {\"id\": \"ami-4\", \"region\": \"eu-west-1\"},"
	"  {\"id\": \"ami-5\", \"platform\": \"Windows\", \"deprecated\":"
	"   \"2026-01-01T00:00:00Z\", \"owner\": \"999999999999\"}],"
	" \"subnets\": [{\"id\": \"subnet-1\", \"zone\": \"us-east-1a\"},"
	"  {\"id\": \"subnet-2\", \"zone\": \"us-east-1b\", \"vpc\": \"vpc-2\","
	"   \"addresses\": 1},"
	"  {\"id\": \"subnet-3\", \"zone\": \"eu-west-1b\"}],"
	" \"groups\": [{\"id\": \"sg-1\", \"name\": \"one\"},"
	"  {\"id\": \"sg-2\", \"name\": \"two\", \"vpc\": \"vpc-2\"}],"
	" \"key_pairs\": [{\"name\": \"key\"}],"
	" \"types\": [{\"name\": \"m5.large\"}, {\"name\": \"m1.small\"},"
	"  {\"name\": \"m5.big\", \"zones\": [\"us-east-1b\"]},"
	"  {\"name\": \"m5.arm\", \"architectures\": [\"arm64\"]}],"
	" \"instance_profiles\": [\"profile\"],"
	" \"denied\": [{\"action\": \"Reboot*\"},"
	"  {\"action\": \"Stop*\", \"key\": \"AKIDOTHER\"}],"
	" \"prices\": [{\"type\": \"m5.large\", \"zone\": \"us-east-1a\", \"price\": 0.05},"
	"  {\"type\": \"m5.large\", \"zone\": \"us-east-1a\", \"price\": 0.5,"
	"   \"product\": \"Windows (Amazon VPC)\"},"
	"  {\"type\": \"m5.large\", \"zone\": \"us-east-1a\", \"price\": 0.01,"
	"   \"ago\": \"2h\"},"
	"  {\"type\": \"m5.large\", \"zone\": \"us-east-1c\", \"price\": 0.02,"
	"   \"ago\": \"3h\"}]}";

static const struct {
	int line;
	const char *form;
	const char *code; /* "" when it starts one */
} launches[] = {
	{__LINE__, RUN, ""},
	{__LINE__, "RunInstances&MinCount=1&MaxCount=1&ImageId=ami-9",
		"InvalidAMIID.NotFound"},
	{__LINE__, "RunInstances&MinCount=1&MaxCount=1&ImageId=ami-4",
		"InvalidAMIID.NotFound"},
	{__LINE__, "RunInstances&MinCount=1&MaxCount=1&ImageId=ami-3",
		"InvalidAMIID.Unavailable"},
	{__LINE__, "RunInstances&MinCount=1&MaxCount=1&ImageId=ami-2",
		"InvalidParameterValue"},
	{__LINE__,
		"RunInstances&MinCount=1&MaxCount=1&ImageId=ami-2&InstanceType=m5.arm",
		""},
	{__LINE__, RUN "&InstanceType=m5.arm", "InvalidParameterValue"},
	{__LINE__, RUN "&InstanceType=c5.large", "InvalidParameterValue"},
	{__LINE__, RUN "&InstanceType=m5.big", ""},
	{__LINE__, RUN "&InstanceType=m5.big" ZONE "a", "Unsupported"},
	{__LINE__, RUN "&InstanceType=m5.big" ZONE "b", ""},
	{__LINE__, RUN "&InstanceType=m5.big&SubnetId=subnet-1", "Unsupported"},
	{__LINE__, RUN "&KeyName=key", ""},
	{__LINE__, RUN "&KeyName=lock", "InvalidKeyPair.NotFound"},
	{__LINE__, RUN "&IamInstanceProfile.Name=profile", ""},
	{__LINE__, RUN "&IamInstanceProfile.Name=other", "InvalidParameterValue"},
	{__LINE__, RUN "&IamInstanceProfile.Arn=arn:aws:iam::1:profile",
		"InvalidParameterValue"},
	{__LINE__, RUN "&SubnetId=subnet-1", ""},
	{__LINE__, RUN "&SubnetId=subnet-1" ZONE "a", ""},
	{__LINE__, RUN "&SubnetId=subnet-1" ZONE "b", "InvalidParameterValue"},
	{__LINE__, RUN "&SubnetId=subnet-3", "InvalidSubnetID.NotFound"},
	{__LINE__, RUN "&SubnetId=subnet-2&SecurityGroupId.1=sg-2", ""},
	{__LINE__,
		"RunInstances&MinCount=2&MaxCount=2&ImageId=ami-12345&SubnetId=subnet-2",
		"InsufficientFreeAddressesInSubnet"},
	{__LINE__, RUN "&SubnetId=subnet-2&SecurityGroupId.1=sg-1", "InvalidParameter"},
	{__LINE__, RUN "&SecurityGroupId.1=sg-2", "InvalidParameter"},
	{__LINE__, RUN "&SecurityGroupId.1=sg-3", "InvalidGroup.NotFound"},
	{__LINE__, RUN "&SecurityGroup.1=one&SecurityGroup.2=default", ""},
	{__LINE__, RUN "&SecurityGroup.1=two", "InvalidGroup.NotFound"},
	{__LINE__, RUN "&InstanceType=m5.large" SPOT "0.0499" ZONE "a",
		"SpotMaxPriceTooLow"},
	{__LINE__, RUN "&InstanceType=m5.large" SPOT "0.05" ZONE "a", ""},
	{__LINE__, RUN "&InstanceType=m5.large" SPOT "0.001" ZONE "d", ""},
	{__LINE__, RUN SPOT "0.001" ZONE "a", ""},
	{__LINE__,
		RUN "&InstanceType=m5.large&InstanceMarketOptions.MarketType=spot" ZONE
		    "a",
		""},
	{__LINE__,
		"RunInstances&MinCount=1&MaxCount=1&ImageId=ami-5&InstanceType=m5.large" SPOT
		"0.4" ZONE "a",
		"SpotMaxPriceTooLow"},
	/* Checks come before the dry run ends it, room and price do not. */
	{__LINE__, RUN "&KeyName=lock&DryRun=true", "InvalidKeyPair.NotFound"},
	{__LINE__, RUN "&InstanceType=m5.large&DryRun=true" SPOT "0.001" ZONE "a",
		"DryRunOperation"},
	{__LINE__, "RebootInstances&InstanceId.1=i-01234567", "UnauthorizedOperation"},
	{__LINE__, "RebootInstances", "MissingParameter"},
	{__LINE__, "StopInstances&InstanceId.1=i-01234567",
		"InvalidInstanceID.NotFound"},
};

START_TEST(launch)
{
	for (size_t n = 0; n < COUNT_OF(launches); n++) {
		struct ec2 *e = ec2_new();
		bool good = launches[n].code[0] == '\0';

		ec2_scenario(e, scenario);
		ec2_call(e, launches[n].form);
		ck_assert_msg(strcmp(e->code, launches[n].code) == 0,
			"line %d: '%s' %s", launches[n].line, e->code, e->message);
		ck_assert_msg(sim_cloud_count(e->cloud) == (good ? 1 : 0), "line %d",
			launches[n].line);
		ec2_free(e);
	}
}
END_TEST

/* Which elements of that name a listing has: their texts with a blank between. */
static const struct {
	int line;
	const char *form, *element, *texts;
} listings[] = {
	{__LINE__, "DescribeImages", "imageId", "ami-12345 ami-2 ami-3"},
	{__LINE__, "DescribeImages&Owner.1=self", "imageId", "ami-12345 ami-2"},
	{__LINE__, "DescribeImages&Owner.1=999999999999&IncludeDeprecated=true",
		"imageId", "ami-3 ami-5"},
	{__LINE__, "DescribeImages&ImageId.1=ami-2&ImageId.2=ami-12345", "imageId",
		"ami-12345 ami-2"},
	{__LINE__, "DescribeImages" FILTER("architecture", "arm64"), "name", "arm"},
	{__LINE__, "DescribeImages" FILTER("state", "failed"), "imageLocation",
		"999999999999/image"},
	{__LINE__, "DescribeSubnets", "subnetId", "subnet-1 subnet-2"},
	{__LINE__, "DescribeSubnets" FILTER("vpc-id", "vpc-2"),
		"availableIpAddressCount", "1"},
	{__LINE__, "DescribeSubnets" FILTER("availability-zone-id", "use1-az1"),
		"subnetId", "subnet-1"},
	{__LINE__, "DescribeSecurityGroups", "groupId", "sg-1 sg-2"},
	{__LINE__, "DescribeSecurityGroups&GroupName.1=one", "groupId", "sg-1"},
	{__LINE__, "DescribeSecurityGroups" FILTER("vpc-id", "vpc-?"), "groupName",
		"two"},
	{__LINE__, "DescribeKeyPairs", "keyName", "key"},
	{__LINE__, "DescribeVpcs", "vpcId", SIM_DEFAULT_VPC " vpc-2"},
	{__LINE__, "DescribeInstanceTypes", "instanceType",
		"m5.large m1.small m5.big m5.arm"},
	{__LINE__,
		"DescribeInstanceTypes" FILTER("processor-info.supported-architecture",
			"arm64"),
		"instanceType", "m5.arm"},
	{__LINE__,
		"DescribeInstanceTypeOfferings&LocationType=availability-zone" FILTER(
			"location", "us-east-1a"),
		"instanceType", "m5.large m1.small m5.arm"},
	{__LINE__, "DescribeInstanceTypeOfferings" FILTER("instance-type", "m5.big"),
		"location", "us-east-1"},
	{__LINE__, "DescribeAvailabilityZones&ZoneName.1=us-east-1c", "zoneId",
		"use1-az3"},
	{__LINE__, "DescribeRegions" FILTER("region-name", "us-w*"), "regionName",
		"us-west-1 us-west-2"},
	{__LINE__, "DescribeSpotPriceHistory" FILTER("product-description", "Linux*"),
		"spotPrice", "0.050000 0.010000 0.020000"},
	{__LINE__,
		"DescribeSpotPriceHistory&StartTime=2027-01-15T08:00:00Z"
		"&ProductDescription.1=Linux/UNIX",
		"spotPrice", "0.050000 0.020000"},
	{__LINE__, "DescribeSpotPriceHistory&EndTime=2027-01-15T07:00:00Z", "spotPrice",
		"0.010000 0.020000"},
	{__LINE__,
		"DescribeSpotPriceHistory&StartTime=2027-01-15T05:30:00Z"
		"&EndTime=2027-01-15T06:30:00.000Z&AvailabilityZone=us-east-1a",
		"spotPrice", "0.010000"},
	{__LINE__, "DescribeSpotPriceHistory&InstanceType.1=c5.large", "spotPrice", ""},
};

static void
texts_of(const struct ec2 *e, const char *element, char texts[static 1000])
{
	size_t len = 0;

	texts[0] = '\0';
	for (unsigned n = 0; n < ec2_count(e, element); n++)
		len += (size_t)snprintf(texts + len, 1000 - len, "%s%s",
			n > 0 ? " " : "", ec2_text(e, element, n));
}

START_TEST(listing)
{
	struct ec2 *e = ec2_new();
	char texts[1000];

	ec2_scenario(e, scenario);
	for (size_t n = 0; n < COUNT_OF(listings); n++) {
		ck_assert_msg(ec2_call(e, listings[n].form) == 0, "line %d: %s %s",
			listings[n].line, e->code, e->message);
		texts_of(e, listings[n].element, texts);
		ck_assert_msg(strcmp(texts, listings[n].texts) == 0, "line %d: %s",
			listings[n].line, texts);
	}
	ec2_free(e);
}
END_TEST

/* What may be wrong with a question. */
static const struct {
	int line;
	const char *form, *code;
} refusals[] = {
	{__LINE__, "DescribeImages&ImageId.1=ami-9", "InvalidAMIID.NotFound"},
	{__LINE__, "DescribeImages&ImageId.1=image", "InvalidAMIID.Malformed"},
	{__LINE__, "DescribeImages&MaxResults=0", "InvalidParameterValue"},
	{__LINE__, "DescribeImages" FILTER("colour", "red"), "InvalidParameterValue"},
	{__LINE__, "DescribeImages&DryRun=true", "DryRunOperation"},
	{__LINE__, "DescribeSubnets&SubnetId.1=subnet-9", "InvalidSubnetID.NotFound"},
	{__LINE__, "DescribeSubnets&SubnetId.1=net", "InvalidSubnetID.Malformed"},
	{__LINE__, "DescribeSubnets&SubnetId.1=subnet-1&MaxResults=5",
		"InvalidParameterCombination"},
	{__LINE__, "DescribeSubnets&MaxResults=4", "InvalidParameterValue"},
	{__LINE__, "DescribeSecurityGroups&GroupId.1=sg-9", "InvalidGroup.NotFound"},
	{__LINE__, "DescribeSecurityGroups&GroupId.1=one", "InvalidGroupId.Malformed"},
	{__LINE__, "DescribeSecurityGroups&GroupName.1=two", "InvalidGroup.NotFound"},
	{__LINE__, "DescribeKeyPairs&KeyName.1=lock", "InvalidKeyPair.NotFound"},
	{__LINE__, "DescribeKeyPairs&KeyPairId.1=key-0", "InvalidKeyPair.NotFound"},
	{__LINE__, "DescribeVpcs&VpcId.1=vpc-9", "InvalidVpcID.NotFound"},
	{__LINE__, "DescribeInstanceTypes&InstanceType.1=x1.large",
		"InvalidInstanceType"},
	{__LINE__, "DescribeInstanceTypes&MaxResults=101", "InvalidParameterValue"},
	{__LINE__, "DescribeInstanceTypeOfferings&LocationType=moon",
		"InvalidParameterValue"},
	{__LINE__, "DescribeAvailabilityZones&ZoneName.1=eu-west-1a",
		"InvalidParameterValue"},
	{__LINE__, "DescribeRegions&RegionName.1=moon-1", "InvalidParameterValue"},
	{__LINE__, "DescribeSpotPriceHistory&StartTime=now", "InvalidParameterValue"},
	{__LINE__, "DescribeSpotPriceHistory&EndTime=2027", "InvalidParameterValue"},
	{__LINE__, "DescribeSpotPriceHistory&NextToken=x", "InvalidPaginationToken"},
	{__LINE__, "DescribeSpotInstanceRequests&SpotInstanceRequestId.1=sir-01234567",
		"InvalidSpotInstanceRequestID.NotFound"},
	{__LINE__, "CancelSpotInstanceRequests&SpotInstanceRequestId.1=spot",
		"InvalidSpotInstanceRequestID.Malformed"},
	{__LINE__, "DescribeInstanceAttribute&InstanceId=i-0&Attribute=userData",
		"InvalidInstanceID.Malformed"},
	{__LINE__, "ModifyInstanceAttribute&InstanceId=i-01234567", "MissingParameter"},
};

START_TEST(refused)
{
	struct ec2 *e = ec2_new();

	ec2_scenario(e, scenario);
	for (size_t n = 0; n < COUNT_OF(refusals); n++) {
		ec2_call(e, refusals[n].form);
		ck_assert_msg(strcmp(e->code, refusals[n].code) == 0,
			"line %d: '%s' %s", refusals[n].line, e->code, e->message);
	}
	ec2_free(e);
}
END_TEST

/* Each action that pages: all of its things come, once each, in pages of `max`. */
static const struct {
	int line;
	const char *action, *element;
	int max;
	unsigned count;
} paged[] = {
	{__LINE__, "DescribeImages", "imageId", 1, 13},
	{__LINE__, "DescribeImages", "imageId", 7, 13},
	{__LINE__, "DescribeSubnets", "subnetId", 5, 13},
	{__LINE__, "DescribeSecurityGroups", "groupId", 5, 13},
	{__LINE__, "DescribeVpcs", "vpcId", 6, 14},
	{__LINE__, "DescribeInstanceTypes", "instanceType", 5, 13},
	{__LINE__, "DescribeInstanceTypeOfferings&LocationType=availability-zone",
		"location", 5, 78},
	{__LINE__, "DescribeSpotPriceHistory", "spotPrice", 5, 13},
	{__LINE__, "DescribeSpotInstanceRequests", "spotInstanceRequestId", 5, 13},
};

/* "name": [item, ...], thirteen times, with its number for each '#'. */
static void
put_list(struct buf *json, const char *name, const char *item)
{
	buf_printf(json, "%s\"%s\": [", json->len > 0 ? ", " : "{", name);
	for (int n = 1; n <= 13; n++) {
		buf_puts(json, n > 1 ? ", " : "");
		for (const char *p = item; *p != '\0'; p++) {
			if (*p == '#')
				buf_printf(json, "%02d", n);
			else
				buf_putc(json, *p);
		}
	}
	buf_putc(json, ']');
}

static void
fill(struct ec2 *e)
{
	AUTO(buf) struct buf json = {0};

	put_list(&json, "images", "{\"id\": \"ami-#\"}");
	put_list(&json, "subnets", "{\"id\": \"subnet-#\", \"zone\": \"us-east-1a\"}");
	put_list(&json, "groups", "{\"id\": \"sg-#\", \"vpc\": \"vpc-#\"}");
	put_list(&json, "types", "{\"name\": \"m#.large\"}");
	put_list(&json, "prices",
		"{\"type\": \"m#.large\", \"zone\": \"us-east-1a\", \"price\": 1}");
	buf_putc(&json, '}');
	ec2_scenario(e, buf_str(&json));
	for (int n = 0; n < 13; n++)
		ck_assert_int_eq(
			ec2_call(e,
				"RunInstances&MinCount=1&MaxCount=1&ImageId=ami-01"
				"&InstanceType=m01.large"
				"&InstanceMarketOptions.MarketType=spot"),
			0);
}

/* How many a page has; the token for the next replaces token, "" behind the last. */
static unsigned
turn_page(struct ec2 *e, size_t row, char token[static 200])
{
	AUTO(free)
	char *form = xasprintf("%s&MaxResults=%d%s%s", paged[row].action,
		paged[row].max, token[0] != '\0' ? "&NextToken=" : "", token);
	size_t len = 0;

	ck_assert_msg(ec2_call(e, form) == 0, "line %d: %s", paged[row].line,
		e->message);
	for (const char *p = ec2_text(e, "nextToken", 0); *p != '\0'; p++)
		len += (size_t)snprintf(token + len, 200 - len,
			*p == '+' || *p == '=' ? "%%%02X" : "%c", *p);
	token[len] = '\0';
	return ec2_count(e, paged[row].element);
}

START_TEST(pages)
{
	struct ec2 *e = ec2_new();

	fill(e);
	for (size_t n = 0; n < COUNT_OF(paged); n++) {
		char token[200] = "";
		unsigned seen = 0;

		do {
			unsigned here = turn_page(e, n, token);

			seen += here;
			ck_assert_msg(here > 0 && here <= (unsigned)paged[n].max &&
					seen <= paged[n].count,
				"line %d: %u", paged[n].line, here);
		} while (token[0] != '\0');
		ck_assert_msg(seen == paged[n].count, "line %d: %u", paged[n].line,
			seen);
	}
	ec2_free(e);
}
END_TEST

START_TEST(a_page_token_ends)
{
	struct ec2 *e = ec2_new();
	char token[200] = "";
	AUTO(free) char *form = NULL;

	fill(e);
	turn_page(e, 0, token);
	form = xasprintf("DescribeImages&MaxResults=1&NextToken=%s", token);
	ec2_advance(e, e->scenario.page_token_life);
	ck_assert_int_eq(ec2_call(e, form), 0);
	ck_assert_str_eq(ec2_text(e, "imageId", 0), "ami-02");
	ec2_advance(e, 1);
	ck_assert_int_eq(ec2_call(e, form), -1);
	ck_assert_str_eq(e->code, "InvalidPaginationToken");
	ec2_free(e);
}
END_TEST

START_TEST(addresses_come_back)
{
	struct ec2 *e = ec2_new();
	AUTO(free) char *form = NULL;

	ec2_scenario(e, scenario);
	form = xasprintf("TerminateInstances&InstanceId.1=%s",
		ec2_run(e, "SubnetId=subnet-2"));
	ck_assert_int_eq(ec2_call(e, RUN "&SubnetId=subnet-2"), -1);
	ck_assert_str_eq(e->code, "InsufficientFreeAddressesInSubnet");
	ck_assert_int_eq(ec2_call(e, "DescribeSubnets&SubnetId.1=subnet-2"), 0);
	ck_assert_str_eq(ec2_text(e, "availableIpAddressCount", 0), "0");
	ck_assert_int_eq(ec2_call(e, form), 0);
	ck_assert_int_eq(ec2_call(e, RUN "&SubnetId=subnet-2"), -1);
	ec2_advance(e, 3000); /* terminated */
	ck_assert_int_eq(ec2_call(e, RUN "&SubnetId=subnet-2"), 0);
	ec2_free(e);
}
END_TEST

/* Who bid less than the price is now goes, and nobody else. */
START_TEST(outbid)
{
	static const struct {
		int line;
		const char *more;
		bool stays;
	} cases[] = {
		{__LINE__, "InstanceType=m5.large" SPOT "0.05" ZONE "a", false},
		{__LINE__, "InstanceType=m5.large" SPOT "0.06" ZONE "a", true},
		{__LINE__, "InstanceType=m5.large" SPOT "0.05" ZONE "b", true},
		{__LINE__, "InstanceType=m1.small" SPOT "0.05" ZONE "a", true},
		{__LINE__, "InstanceType=m5.large" ZONE "a", true},
		{__LINE__,
			"InstanceType=m5.large&InstanceMarketOptions.MarketType=spot" ZONE
			"a",
			true},
	};
	struct ec2 *e = ec2_new();

	ec2_scenario(e, scenario);
	for (size_t n = 0; n < COUNT_OF(cases); n++)
		ec2_run(e, cases[n].more);
	sim_prices_put(e->prices, "m5.large", "us-east-1a", "Linux/UNIX", 0.06,
		clock_wall_ms());
	sim_ec2_outbid(e->cloud, &e->scenario, e->prices);
	for (size_t n = 0; n < COUNT_OF(cases); n++) {
		const struct sim_instance *i = sim_cloud_at(e->cloud, n);

		ck_assert_msg((i->state == SIM_PENDING) == cases[n].stays &&
				(i->state == SIM_SHUTTING_DOWN) == !cases[n].stays,
			"line %d: %s", cases[n].line, sim_state_name(i->state));
	}
	ec2_free(e);
}
END_TEST

static const struct {
	int line;
	const char *zone, *id;
} zones[] = {
	{__LINE__, "us-east-1a", "use1-az1"},
	{__LINE__, "us-west-2c", "usw2-az3"},
	{__LINE__, "eu-central-1b", "euc1-az2"},
	{__LINE__, "eu-north-1a", "eun1-az1"},
	{__LINE__, "ap-northeast-3f", "apne3-az6"},
	{__LINE__, "ap-southeast-2a", "apse2-az1"},
	{__LINE__, "us-gov-west-1a", "us-gov-west-1a"},
	{__LINE__, "moon", "moon"},
};

START_TEST(zone_ids)
{
	char text[SIM_ZONE_ID_SIZE];

	for (size_t n = 0; n < COUNT_OF(zones); n++)
		ck_assert_msg(strcmp(sim_zone_id(zones[n].zone, text), zones[n].id) ==
				0,
			"line %d: %s", zones[n].line, sim_zone_id(zones[n].zone, text));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("sim_lookups");
	TCase *all = tcase_create("all");

	tcase_add_test(all, launch);
	tcase_add_test(all, listing);
	tcase_add_test(all, refused);
	tcase_add_test(all, pages);
	tcase_add_test(all, a_page_token_ends);
	tcase_add_test(all, addresses_come_back);
	tcase_add_test(all, outbid);
	tcase_add_test(all, zone_ids);
	suite_add_tcase(s, all);
	return s;
}
