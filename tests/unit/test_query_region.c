/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/mem.h"
#include "ec2/items.h"
#include "ec2/query_region.h"
#include "unit.h"

#include <string.h>

#define NS "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""

static const char key_pairs_aws[] =
	"<DescribeKeyPairsResponse " NS "><requestId>r</requestId><keySet><item>"
	"<keyPairId>key-0123456789abcdef0</keyPairId>"
	"<keyName>latent &amp; others</keyName><keyFingerprint>1f:51</keyFingerprint>"
	"<tagSet/></item></keySet></DescribeKeyPairsResponse>";

static const char groups_aws[] =
	"<DescribeSecurityGroupsResponse " NS "><securityGroupInfo><item>"
	"<ownerId>123456789012</ownerId><groupId>sg-0123456789abcdef0</groupId>"
	"<groupName>latent</groupName><groupDescription>d</groupDescription>"
	"<vpcId>vpc-12345678</vpcId><ipPermissions><item><groups><item>"
	"<groupId>sg-other</groupId></item></groups></item></ipPermissions></item>"
	"<item><groupId>sg-12345678</groupId></item></securityGroupInfo>"
	"<nextToken>n</nextToken></DescribeSecurityGroupsResponse>";

static const char types_aws[] =
	"<DescribeInstanceTypesResponse " NS "><instanceTypeSet><item>"
	"<instanceType>m5.large</instanceType><processorInfo><supportedArchitectures>"
	"<item>x86_64</item><item>i386</item></supportedArchitectures>"
	"<sustainedClockSpeedInGhz>3.1</sustainedClockSpeedInGhz></processorInfo></item>"
	"<item><processorInfo><supportedArchitectures><item>arm64</item>"
	"</supportedArchitectures></processorInfo><instanceType>m6g.large</instanceType>"
	"</item></instanceTypeSet></DescribeInstanceTypesResponse>";

static const char offerings_aws[] =
	"<DescribeInstanceTypeOfferingsResponse " NS "><instanceTypeOfferingSet>"
	"<item><instanceType>m5.large</instanceType>"
	"<locationType>availability-zone</locationType>"
	"<location>us-east-1a</location></item></instanceTypeOfferingSet>"
	"</DescribeInstanceTypeOfferingsResponse>";

static const char zones_aws[] =
	"<DescribeAvailabilityZonesResponse " NS "><availabilityZoneInfo><item>"
	"<zoneName>us-east-1a</zoneName><zoneState>available</zoneState>"
	"<regionName>us-east-1</regionName><messageSet/><zoneId>use1-az2</zoneId></item>"
	"<item><zoneName>us-east-1b</zoneName><zoneState>impaired</zoneState></item>"
	"</availabilityZoneInfo></DescribeAvailabilityZonesResponse>";

static struct items
parse(const struct item_shape *shape, const char *body)
{
	struct items list = {0};
	struct err err = {0};

	ck_assert_msg(items_parse(shape, body, strlen(body), &list, &err) == 0, "%s",
		err.text);
	return list;
}

START_TEST(test_key_pairs)
{
	struct items list = parse(&ec2_key_pairs_shape, key_pairs_aws);
	struct ec2_key_pairs typed = {list.array, list.count};

	ck_assert_uint_eq(typed.count, 1);
	ck_assert_str_eq(typed.items[0].name, "latent & others");
	ec2_key_pairs_fini(&typed);
	ck_assert_uint_eq(typed.count, 0);
}
END_TEST

START_TEST(test_groups)
{
	struct items list = parse(&ec2_groups_shape, groups_aws);
	struct ec2_groups typed = {list.array, list.count};

	ck_assert_uint_eq(typed.count, 2);
	ck_assert_str_eq(typed.items[0].id, "sg-0123456789abcdef0");
	ck_assert_str_eq(typed.items[0].name, "latent");
	ck_assert_str_eq(typed.items[0].vpc, "vpc-12345678");
	ck_assert_str_eq(typed.items[1].id, "sg-12345678");
	ck_assert_ptr_null(typed.items[1].name);
	ck_assert_str_eq(list.next_token, "n");
	free(list.next_token);
	ec2_groups_fini(&typed);
}
END_TEST

START_TEST(test_types)
{
	struct items list = parse(&ec2_types_shape, types_aws);
	struct ec2_types typed = {list.array, list.count};

	ck_assert_uint_eq(typed.count, 2);
	ck_assert_str_eq(typed.items[0].name, "m5.large");
	ck_assert_uint_eq(typed.items[0].architectures.count, 2);
	ck_assert(strings_contain(&typed.items[0].architectures, "x86_64"));
	ck_assert_str_eq(typed.items[1].name, "m6g.large");
	ck_assert_str_eq(typed.items[1].architectures.items[0], "arm64");
	ec2_types_fini(&typed);
}
END_TEST

START_TEST(test_offerings)
{
	struct items list = parse(&ec2_offerings_shape, offerings_aws);
	struct ec2_offerings typed = {list.array, list.count};

	ck_assert_uint_eq(typed.count, 1);
	ck_assert_str_eq(typed.items[0].type, "m5.large");
	ck_assert_str_eq(typed.items[0].zone, "us-east-1a");
	ec2_offerings_fini(&typed);
}
END_TEST

START_TEST(test_zones)
{
	struct items list = parse(&ec2_zones_shape, zones_aws);
	struct ec2_zones typed = {list.array, list.count};

	ck_assert_uint_eq(typed.count, 2);
	ck_assert_str_eq(typed.items[0].name, "us-east-1a");
	ck_assert_str_eq(typed.items[0].state, "available");
	ck_assert_str_eq(typed.items[1].state, "impaired");
	ec2_zones_fini(&typed);
}
END_TEST

#define SEVENTEEN(text)                                                                \
	text text text text text text text text text text text text text text text     \
		text text

/* Each is refused, and so is all that is less than its own whole answer. */
START_TEST(test_refused)
{
	static const struct {
		const struct item_shape *shape;
		const char *whole;
		const char *body, *says;
	} cases[] = {
		{&ec2_key_pairs_shape, key_pairs_aws,
			"<DescribeKeyPairsResponse><keySet><item><keyName/></item>"
			"</keySet></DescribeKeyPairsResponse>",
			"a key pair has no name"},
		{&ec2_groups_shape, groups_aws,
			"<DescribeSecurityGroupsResponse><securityGroupInfo><item>"
			"<groupId>group-1</groupId></item></securityGroupInfo>"
			"</DescribeSecurityGroupsResponse>",
			"no well-formed id"},
		{&ec2_types_shape, types_aws,
			"<DescribeInstanceTypesResponse><instanceTypeSet><item/>"
			"</instanceTypeSet></DescribeInstanceTypesResponse>",
			"has no name"},
		{&ec2_types_shape, types_aws,
			"<DescribeInstanceTypesResponse><instanceTypeSet><item>"
			"<processorInfo><supportedArchitectures>" SEVENTEEN(
				"<item>x</item>") "</supportedArchitectures>"
						  "</processorInfo></item>"
						  "</instanceTypeSet>"
						  "</DescribeInstanceTypesResponse>",
			"too many architectures"},
		{&ec2_offerings_shape, offerings_aws,
			"<DescribeInstanceTypeOfferingsResponse>"
			"<instanceTypeOfferingSet><item><location>a</location></item>"
			"</instanceTypeOfferingSet>"
			"</DescribeInstanceTypeOfferingsResponse>",
			"lacks its type"},
		{&ec2_zones_shape, zones_aws,
			"<DescribeAvailabilityZonesResponse><availabilityZoneInfo>"
			"<item/></availabilityZoneInfo>"
			"</DescribeAvailabilityZonesResponse>",
			"a zone has no name"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct items list = {.count = 77};
		struct err err = {0};

		ck_assert_int_eq(items_parse(cases[i].shape, cases[i].body,
					 strlen(cases[i].body), &list, &err),
			-1);
		ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "%s", err.text);
		for (size_t len = 0; len < strlen(cases[i].whole); len++)
			ck_assert_int_eq(items_parse(cases[i].shape, cases[i].whole,
						 len, &list, &err),
				-1);
		ck_assert_uint_eq(list.count, 77);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("query_region");
	TCase *tc = tcase_create("query_region");

	tcase_add_test(tc, test_key_pairs);
	tcase_add_test(tc, test_groups);
	tcase_add_test(tc, test_types);
	tcase_add_test(tc, test_offerings);
	tcase_add_test(tc, test_zones);
	tcase_add_test(tc, test_refused);
	suite_add_tcase(suite, tc);
	return suite;
}
