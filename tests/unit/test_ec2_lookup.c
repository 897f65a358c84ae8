/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "ec2/lookup.h"
#include "ec2/query_region.h"
#include "ec2/verdict.h"
#include "ec2_rig.h"
#include "ec2_service.h"
#include "sys/loop.h"
#include "unit.h"

#include <string.h>

#define IMAGES(items, rest)                                                            \
	"<DescribeImagesResponse><imagesSet>" items "</imagesSet>" rest                \
	"</DescribeImagesResponse>"
#define IMAGE(id) "<item><imageId>" id "</imageId></item>"
#define ATTACHED(volume, instance)                                                     \
	"<AttachVolumeResponse><volumeId>" volume "</volumeId><instanceId>" instance   \
	"</instanceId><status>attaching</status></AttachVolumeResponse>"

static char text_one[] = "203.0.113.7", text_two[] = "vol-12345678";
static char *both_items[] = {text_one, text_two, NULL};
static const struct strings both = {both_items, 2};

static void
on_images(void *arg, const struct ec2_answer *answer, struct ec2_images *list)
{
	struct result *r = arg;
	struct buf ids = {0};

	for (size_t i = 0; i < list->count; i++)
		buf_printf(&ids, "%s ", list->items[i].id);
	r->ids = buf_take(&ids);
	r->answer = *answer;
	r->count++;
}

static void
note(void *arg, const struct ec2_answer *answer, size_t count)
{
	struct result *r = arg;

	if (answer->verdict != VERDICT_DONE)
		ck_assert_uint_eq(count, 0);
	r->at = (int64_t)count;
	r->answer = *answer;
	r->count++;
}

static void
on_prices(void *arg, const struct ec2_answer *answer, struct ec2_prices *list)
{
	note(arg, answer, list->count);
}

static void
on_subnets(void *arg, const struct ec2_answer *answer, struct ec2_subnets *list)
{
	note(arg, answer, list->count);
}

static void
on_volumes(void *arg, const struct ec2_answer *answer, struct ec2_volumes *list)
{
	note(arg, answer, list->count);
}

static void
on_addresses(void *arg, const struct ec2_answer *answer, struct ec2_addresses *list)
{
	note(arg, answer, list->count);
}

static void
on_key_pairs(void *arg, const struct ec2_answer *answer, struct ec2_key_pairs *list)
{
	note(arg, answer, list->count);
}

static void
on_groups(void *arg, const struct ec2_answer *answer, struct ec2_groups *list)
{
	note(arg, answer, list->count);
}

static void
on_types(void *arg, const struct ec2_answer *answer, struct ec2_types *list)
{
	note(arg, answer, list->count);
}

static void
on_offerings(void *arg, const struct ec2_answer *answer, struct ec2_offerings *list)
{
	note(arg, answer, list->count);
}

static void
on_zones(void *arg, const struct ec2_answer *answer, struct ec2_zones *list)
{
	note(arg, answer, list->count);
}

static void
on_plain(void *arg, const struct ec2_answer *answer)
{
	note(arg, answer, 0);
}

static void
ask_images(struct result *r)
{
	ec2_list_images(rig.client, &(struct ec2_image_query){.owners = &both},
		on_images, r);
}

static void
ask_images_by_id(struct result *r)
{
	ec2_list_images(rig.client, &(struct ec2_image_query){.ids = &both}, on_images,
		r);
}

static void
ask_prices(struct result *r)
{
	static const struct ec2_price_query q = {"m5.large", "us-east-1b", "Linux/UNIX",
		1769854500999};

	ec2_spot_prices(rig.client, &q, on_prices, r);
}

static void
ask_all_prices(struct result *r)
{
	static const struct ec2_price_query q = {"m5.large", NULL, "Linux/UNIX", 0};

	ec2_spot_prices(rig.client, &q, on_prices, r);
}

static void
ask_subnets(struct result *r)
{
	ec2_subnets(rig.client, &both, on_subnets, r);
}

static void
ask_volumes(struct result *r)
{
	ec2_volumes(rig.client, &both, on_volumes, r);
}

static void
ask_addresses(struct result *r)
{
	ec2_addresses(rig.client, &both, on_addresses, r);
}

static void
associate(struct result *r)
{
	ec2_associate_address(rig.client, "eipalloc-08229861", ID, on_plain, r);
}

static void
tag_two(struct result *r)
{
	ec2_tag_instances(rig.client, &both, "ec2workerd:lease", "60.1", on_plain, r);
}

static void
attach(struct result *r)
{
	ec2_attach_volume(rig.client, "vol-12345678", ID, "/dev/sdh", on_plain, r);
}

static void
ask_key_pairs(struct result *r)
{
	ec2_key_pairs(rig.client, &both, on_key_pairs, r);
}

static void
ask_groups(struct result *r)
{
	ec2_groups(rig.client, &both, NULL, on_groups, r);
}

static void
ask_groups_by_id(struct result *r)
{
	ec2_groups(rig.client, NULL, &both, on_groups, r);
}

static void
ask_types(struct result *r)
{
	ec2_types(rig.client, &both, on_types, r);
}

static void
ask_offerings(struct result *r)
{
	ec2_offerings(rig.client, &both, on_offerings, r);
}

static void
ask_zones(struct result *r)
{
	ec2_zones(rig.client, on_zones, r);
}

static void
try_run(struct result *r)
{
	ec2_dry_run(rig.client, "Action=RunInstances&ClientToken=t&x=1", 37, on_plain,
		r);
}

static void
try_terminate(struct result *r)
{
	ec2_dry_terminate(rig.client, ID, on_plain, r);
}

/* What each asks, byte for byte. */
START_TEST(test_bodies)
{
	static const struct {
		void (*ask)(struct result *r);
		const char *body;
	} cases[] = {
		{ask_images,
			"Action=DescribeImages&Version=2016-11-15&Owner.1=203.0.113.7"
			"&Owner.2=vol-12345678&MaxResults=1000"},
		{ask_images_by_id,
			"Action=DescribeImages&Version=2016-11-15&ImageId.1=203.0.113.7"
			"&ImageId.2=vol-12345678"},
		{ask_prices,
			"Action=DescribeSpotPriceHistory&Version=2016-11-15"
			"&StartTime=2026-01-31T10%3A15%3A00Z&InstanceType.1=m5.large"
			"&ProductDescription.1=Linux%2FUNIX&AvailabilityZone=us-east-1b"
			"&MaxResults=1000"},
		{ask_all_prices,
			"Action=DescribeSpotPriceHistory&Version=2016-11-15"
			"&StartTime=1970-01-01T00%3A00%3A00Z&InstanceType.1=m5.large"
			"&ProductDescription.1=Linux%2FUNIX&MaxResults=1000"},
		{ask_subnets,
			"Action=DescribeSubnets&Version=2016-11-15&SubnetId.1=203.0.113.7"
			"&SubnetId.2=vol-12345678"},
		{ask_volumes,
			"Action=DescribeVolumes&Version=2016-11-15&VolumeId.1=203.0.113.7"
			"&VolumeId.2=vol-12345678"},
		{ask_addresses,
			"Action=DescribeAddresses&Version=2016-11-15&PublicIp.1=203.0.113.7"
			"&PublicIp.2=vol-12345678"},
		{ask_key_pairs,
			"Action=DescribeKeyPairs&Version=2016-11-15&KeyName.1=203.0.113.7"
			"&KeyName.2=vol-12345678"},
		{ask_groups,
			"Action=DescribeSecurityGroups&Version=2016-11-15"
			"&GroupName.1=203.0.113.7&GroupName.2=vol-12345678"},
		{ask_groups_by_id,
			"Action=DescribeSecurityGroups&Version=2016-11-15"
			"&GroupId.1=203.0.113.7&GroupId.2=vol-12345678"},
		{ask_types,
			"Action=DescribeInstanceTypes&Version=2016-11-15"
			"&InstanceType.1=203.0.113.7&InstanceType.2=vol-12345678"},
		{ask_offerings,
			"Action=DescribeInstanceTypeOfferings&Version=2016-11-15"
			"&LocationType=availability-zone&Filter.1.Name=instance-type"
			"&Filter.1.Value.1=203.0.113.7&Filter.1.Value.2=vol-12345678"},
		{ask_zones, "Action=DescribeAvailabilityZones&Version=2016-11-15"},
		{try_run, "Action=RunInstances&x=1&DryRun=true"},
		{try_terminate,
			"Action=TerminateInstances&Version=2016-11-15&InstanceId.1=" ID
			"&DryRun=true"},
		{associate,
			"Action=AssociateAddress&Version=2016-11-15"
			"&AllocationId=eipalloc-08229861&InstanceId=" ID
			"&AllowReassociation=false"},
		{attach,
			"Action=AttachVolume&Version=2016-11-15&VolumeId=vol-12345678"
			"&InstanceId=" ID "&Device=%2Fdev%2Fsdh"},
		{tag_two,
			"Action=CreateTags&Version=2016-11-15&ResourceId.1=203.0.113.7"
			"&ResourceId.2=vol-12345678&Tag.1.Key=ec2workerd%3Alease"
			"&Tag.1.Value=60.1"},
	};

	SCRIPT({.status = 500, .body = ERROR("InternalError")});
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct result r = {0};

		cases[i].ask(&r);
		result_wait(&r);
		ck_assert_str_eq(rig.service->seen[i].body, cases[i].body);
		ck_assert_int_eq(r.answer.verdict, VERDICT_REPEAT);
		result_fini(&r);
	}
	ck_assert_uint_eq(rig.service->seen_count, COUNT_OF(cases));
}
END_TEST

/* All pages, whether a size was asked for or not. */
START_TEST(test_pages)
{
	struct result r = {0};

	SCRIPT(SAYS(200, IMAGES(IMAGE("ami-11111111"), NEXT("two"))),
		SAYS(200, IMAGES("", NEXT("three"))),
		SAYS(200, IMAGES(IMAGE("ami-33333333"), "<nextToken/>")));
	ask_images_by_id(&r);
	result_wait(&r);
	ck_assert_int_eq(r.answer.verdict, VERDICT_DONE);
	ck_assert_str_eq(r.ids, "ami-11111111 ami-33333333 ");
	ck_assert_uint_eq(rig.service->seen_count, 3);
	ck_assert(!service_has(rig.service, 0, "NextToken=two"));
	ck_assert(service_has(rig.service, 1, "NextToken=two"));
	ck_assert(service_has(rig.service, 2, "NextToken=three"));
	ck_assert(service_has(rig.service, 2, "ImageId.2=vol-12345678"));
	result_fini(&r);
}
END_TEST

/* A list is whole or nothing. */
START_TEST(test_page_that_fails)
{
	struct result r = {0};

	SCRIPT(SAYS(200, IMAGES(IMAGE("ami-11111111"), NEXT("two"))),
		SAYS(503, ERROR("RequestLimitExceeded")));
	ask_images(&r);
	result_wait(&r);
	ck_assert_int_eq(r.answer.verdict, VERDICT_LATER);
	ck_assert_int_eq(r.answer.class, EC2_CLASS_THROTTLE);
	ck_assert_str_eq(r.ids, "");
	result_fini(&r);
}
END_TEST

START_TEST(test_expired_page_token)
{
	struct result r = {0};

	SCRIPT(SAYS(200, IMAGES(IMAGE("ami-11111111"), NEXT("two"))),
		SAYS(400, ERROR("InvalidPaginationToken")),
		SAYS(200, IMAGES(IMAGE("ami-22222222"), "")));
	ask_images(&r);
	result_wait(&r);
	ck_assert_int_eq(r.answer.verdict, VERDICT_DONE);
	ck_assert_str_eq(r.ids, "ami-22222222 ");
	result_fini(&r);
}
END_TEST

START_TEST(test_page_that_leads_to_itself)
{
	struct result r = {0};

	SCRIPT(SAYS(200, IMAGES(IMAGE("ami-11111111"), NEXT("two"))));
	ask_images(&r);
	result_wait(&r);
	ck_assert_int_eq(r.answer.verdict, VERDICT_REPEAT);
	ck_assert_str_eq(r.ids, "");
	ck_assert_ptr_nonnull(strstr(r.answer.err.text, "leads to itself"));
	result_fini(&r);
}
END_TEST

START_TEST(test_lists)
{
	static const struct {
		void (*ask)(struct result *r);
		const char *body;
		int line;
	} cases[] = {
		{ask_prices,
			"<DescribeSpotPriceHistoryResponse><spotPriceHistorySet><item>"
			"<instanceType>a</instanceType><spotPrice>1</spotPrice>"
			"<availabilityZone>z</availabilityZone></item>"
			"</spotPriceHistorySet></DescribeSpotPriceHistoryResponse>",
			__LINE__},
		{ask_subnets,
			"<DescribeSubnetsResponse><subnetSet><item>"
			"<subnetId>subnet-12345678</subnetId>"
			"<availabilityZone>z</availabilityZone></item></subnetSet>"
			"</DescribeSubnetsResponse>",
			__LINE__},
		{ask_volumes,
			"<DescribeVolumesResponse><volumeSet><item>"
			"<volumeId>vol-12345678</volumeId><status>available</status>"
			"<availabilityZone>z</availabilityZone></item></volumeSet>"
			"</DescribeVolumesResponse>",
			__LINE__},
		{ask_addresses,
			"<DescribeAddressesResponse><addressesSet><item>"
			"<publicIp>203.0.113.7</publicIp></item></addressesSet>"
			"</DescribeAddressesResponse>",
			__LINE__},
		{ask_key_pairs,
			"<DescribeKeyPairsResponse><keySet><item><keyName>k</keyName>"
			"</item></keySet></DescribeKeyPairsResponse>",
			__LINE__},
		{ask_groups,
			"<DescribeSecurityGroupsResponse><securityGroupInfo><item>"
			"<groupId>sg-12345678</groupId></item></securityGroupInfo>"
			"</DescribeSecurityGroupsResponse>",
			__LINE__},
		{ask_types,
			"<DescribeInstanceTypesResponse><instanceTypeSet><item>"
			"<instanceType>m5.large</instanceType></item></instanceTypeSet>"
			"</DescribeInstanceTypesResponse>",
			__LINE__},
		{ask_offerings,
			"<DescribeInstanceTypeOfferingsResponse>"
			"<instanceTypeOfferingSet><item><instanceType>m5.large"
			"</instanceType><location>a</location></item>"
			"</instanceTypeOfferingSet>"
			"</DescribeInstanceTypeOfferingsResponse>",
			__LINE__},
		{ask_zones,
			"<DescribeAvailabilityZonesResponse><availabilityZoneInfo><item>"
			"<zoneName>a</zoneName></item></availabilityZoneInfo>"
			"</DescribeAvailabilityZonesResponse>",
			__LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct service_answer answer = SAYS(200, cases[i].body);
		struct result r = {0};

		service_script(rig.service, &answer, 1);
		cases[i].ask(&r);
		result_wait(&r);
		ck_assert_msg(r.answer.verdict == VERDICT_DONE && r.at == 1,
			"line %d: %s", cases[i].line, r.answer.err.text);
		result_fini(&r);
	}
}
END_TEST

/* Trying is answered by errors, and the one that says yes is a success. */
START_TEST(test_dry_run)
{
	static const struct {
		struct service_answer answer;
		int verdict, class;
		const char *says;
	} cases[] = {
		{SAYS(412, ERROR("DryRunOperation")), VERDICT_DONE, EC2_CLASS_DRY_RUN,
			""},
		{SAYS(403, ERROR("UnauthorizedOperation")), VERDICT_REFUSED,
			EC2_CLASS_AUTH, "UnauthorizedOperation"},
		{SAYS(400, ERROR("InvalidAMIID.NotFound")), VERDICT_REFUSED,
			EC2_CLASS_CONFIG, "InvalidAMIID.NotFound"},
		{SAYS(503, ERROR("RequestLimitExceeded")), VERDICT_LATER,
			EC2_CLASS_THROTTLE, "RequestLimitExceeded"},
		{SAYS(200, RUN_OK), VERDICT_REPEAT, EC2_CLASS_PASSING,
			"only to be tried"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		void (*const ask[])(struct result * r) = {try_run, try_terminate};

		for (size_t n = 0; n < COUNT_OF(ask); n++) {
			struct result r = {0};

			service_script(rig.service, &cases[i].answer, 1);
			ask[n](&r);
			result_wait(&r);
			ck_assert_msg(r.answer.verdict == cases[i].verdict &&
					r.answer.class == cases[i].class,
				"%s: %d %d", cases[i].says, r.answer.verdict,
				r.answer.class);
			ck_assert_ptr_nonnull(strstr(r.answer.err.text, cases[i].says));
			result_fini(&r);
		}
	}
}
END_TEST

/* When a change was made, and when nothing is known of it. */
START_TEST(test_changes)
{
	static const struct {
		void (*ask)(struct result *r);
		struct service_answer answer;
		int verdict, class;
		int line;
	} cases[] = {
		{associate,
			SAYS(200,
				"<AssociateAddressResponse><requestId>r</requestId>"
				"<associationId>eipassoc-1</associationId>"
				"</AssociateAddressResponse>"),
			VERDICT_DONE, EC2_CLASS_NONE, __LINE__},
		{associate,
			SAYS(200,
				"<AssociateAddressResponse><return>true</return>"
				"</AssociateAddressResponse>"),
			VERDICT_DONE, EC2_CLASS_NONE, __LINE__},
		{associate,
			SAYS(200,
				"<AssociateAddressResponse><return>false</return>"
				"</AssociateAddressResponse>"),
			VERDICT_REPEAT, EC2_CLASS_PASSING, __LINE__},
		{associate, SAYS(200, "<AssociateAddressResponse/>"), VERDICT_REPEAT,
			EC2_CLASS_PASSING, __LINE__},
		{associate,
			SAYS(200,
				"<AssociateAddressResponse><associationId>e"
				"</associationId>"),
			VERDICT_REPEAT, EC2_CLASS_PASSING, __LINE__},
		{associate, SAYS(200, "<html/>"), VERDICT_REPEAT, EC2_CLASS_PASSING,
			__LINE__},
		{associate, SAYS(400, ERROR("Resource.AlreadyAssociated")),
			VERDICT_REPEAT, EC2_CLASS_STATE, __LINE__},
		{associate, SAYS(400, ERROR("InvalidAllocationID.NotFound")),
			VERDICT_REFUSED, EC2_CLASS_VOLUME, __LINE__},
		{associate, SAYS(400, ERROR("InvalidInstanceID.NotFound")),
			VERDICT_MISSING, EC2_CLASS_NOT_VISIBLE, __LINE__},
		{tag_two,
			SAYS(200,
				"<CreateTagsResponse><return>true</return>"
				"</CreateTagsResponse>"),
			VERDICT_DONE, EC2_CLASS_NONE, __LINE__},
		{tag_two, SAYS(400, ERROR("InvalidInstanceID.NotFound")),
			VERDICT_MISSING, EC2_CLASS_NOT_VISIBLE, __LINE__},
		{tag_two, SAYS(403, ERROR("UnauthorizedOperation")), VERDICT_REFUSED,
			EC2_CLASS_AUTH, __LINE__},
		{attach, SAYS(200, ATTACHED("vol-12345678", ID)), VERDICT_DONE,
			EC2_CLASS_NONE, __LINE__},
		{attach, SAYS(200, ATTACHED("vol-87654321", ID)), VERDICT_REPEAT,
			EC2_CLASS_PASSING, __LINE__},
		{attach, SAYS(200, ATTACHED("vol-12345678", "i-12345678")),
			VERDICT_REPEAT, EC2_CLASS_PASSING, __LINE__},
		{attach, SAYS(200, "<AttachVolumeResponse/>"), VERDICT_REPEAT,
			EC2_CLASS_PASSING, __LINE__},
		{attach, SAYS(400, ERROR("VolumeInUse")), VERDICT_REPEAT,
			EC2_CLASS_STATE, __LINE__},
		{attach, SAYS(400, ERROR("InvalidVolume.ZoneMismatch")),
			VERDICT_REFUSED, EC2_CLASS_VOLUME, __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct result r = {0};

		service_script(rig.service, &cases[i].answer, 1);
		cases[i].ask(&r);
		result_wait(&r);
		ck_assert_msg(r.answer.verdict == cases[i].verdict &&
				r.answer.class == cases[i].class,
			"line %d: %d %d %s", cases[i].line, r.answer.verdict,
			r.answer.class, r.answer.err.text);
		result_fini(&r);
	}
}
END_TEST

/* After a cancel, and after the client is gone, nothing is called back. */
START_TEST(test_cancel)
{
	struct result r = {0};

	SCRIPT(SAYS(200, IMAGES(IMAGE("ami-11111111"), "")));
	ec2_cancel(ec2_list_images(rig.client, &(struct ec2_image_query){0}, on_images,
		&r));
	ask_images(&r);
	attach(&r);
	ec2_client_free(rig.client);
	rig.client = NULL;
	rig_linger(10);
	ck_assert_uint_eq(r.count, 0);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("ec2_lookup");
	TCase *tc = tcase_create("lookup");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_set_timeout(tc, 20);
	tcase_add_test(tc, test_bodies);
	tcase_add_test(tc, test_pages);
	tcase_add_test(tc, test_page_that_fails);
	tcase_add_test(tc, test_expired_page_token);
	tcase_add_test(tc, test_page_that_leads_to_itself);
	tcase_add_test(tc, test_lists);
	tcase_add_test(tc, test_dry_run);
	tcase_add_test(tc, test_changes);
	tcase_add_test(tc, test_cancel);
	suite_add_tcase(suite, tc);
	return suite;
}
