/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "ec2/items.h"
#include "ec2/query.h"
#include "unit.h"

#include <string.h>

#define NS "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""

/* As EC2 writes it: indented, elements that nobody asked for. */
static const char images_aws[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<DescribeImagesResponse " NS ">\n"
	"    <requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>\n"
	"    <imagesSet>\n"
	"        <item>\n"
	"            <imageId>ami-0123456789abcdef0</imageId>\n"
	"            <imageLocation>123456789012/ci-7</imageLocation>\n"
	"            <imageState>available</imageState>\n"
	"            <imageOwnerId>123456789012</imageOwnerId>\n"
	"            <creationDate>2026-01-31T10:15:00.000Z</creationDate>\n"
	"            <isPublic>false</isPublic>\n"
	"            <architecture>arm64</architecture>\n"
	"            <name>ci-7</name>\n"
	"            <blockDeviceMapping><item><deviceName>/dev/xvda</deviceName>\n"
	"                <ebs><snapshotId>snap-1</snapshotId></ebs></item>\n"
	"            </blockDeviceMapping>\n"
	"            <tagSet><item><key>name</key><value>x</value></item></tagSet>\n"
	"        </item>\n"
	"        <item><imageId>aki-12345678</imageId></item>\n"
	"        <item>\n"
	"            <imageId>ami-12345678</imageId>\n"
	"            <imageState>pending</imageState>\n"
	"            <name/>\n"
	"            <creationDate>yesterday</creationDate>\n"
	"        </item>\n"
	"    </imagesSet>\n"
	"    <nextToken>page-2</nextToken>\n"
	"</DescribeImagesResponse>";

static const char prices_aws[] =
	"<DescribeSpotPriceHistoryResponse " NS "><requestId>r</requestId>"
	"<spotPriceHistorySet>"
	"<item><instanceType>m5.large</instanceType>"
	"<productDescription>Linux/UNIX</productDescription>"
	"<spotPrice>0.060000</spotPrice><timestamp>2026-01-31T10:15:00.000Z</timestamp>"
	"<availabilityZone>us-east-1a</availabilityZone></item>"
	"<item><availabilityZone>us-east-1b</availabilityZone><spotPrice>1</spotPrice>"
	"<instanceType>m5.large</instanceType></item>"
	"</spotPriceHistorySet><nextToken/></DescribeSpotPriceHistoryResponse>";

static const char subnets_aws[] =
	"<DescribeSubnetsResponse " NS "><subnetSet><item>"
	"<subnetId>subnet-0123456789abcdef0</subnetId><state>available</state>"
	"<vpcId>vpc-12345678</vpcId><cidrBlock>10.0.1.0/24</cidrBlock>"
	"<ipv6CidrBlockAssociationSet/><availableIpAddressCount>251</availableIpAddressCount>"
	"<availabilityZone>us-east-1a</availabilityZone></item></subnetSet>"
	"</DescribeSubnetsResponse>";

static const char volumes_aws[] =
	"<DescribeVolumesResponse " NS "><volumeSet><item>"
	"<volumeId>vol-0123456789abcdef0</volumeId><size>80</size><snapshotId/>"
	"<availabilityZone>us-east-1a</availabilityZone><status>in-use</status>"
	"<attachmentSet><item><volumeId>vol-0123456789abcdef0</volumeId>"
	"<instanceId>i-0123456789abcdef0</instanceId><device>/dev/sdh</device>"
	"<status>attached</status><deleteOnTermination>false</deleteOnTermination></item>"
	"<item><device>/dev/sdi</device><instanceId>i-12345678</instanceId>"
	"<status>attaching</status></item></attachmentSet></item>"
	"<item><volumeId>vol-12345678</volumeId><status>available</status>"
	"<availabilityZone>us-east-1b</availabilityZone><attachmentSet/></item>"
	"</volumeSet></DescribeVolumesResponse>";

static const char addresses_aws[] =
	"<DescribeAddressesResponse " NS "><addressesSet><item>"
	"<publicIp>203.0.113.7</publicIp><allocationId>eipalloc-08229861</allocationId>"
	"<domain>vpc</domain><instanceId>i-0123456789abcdef0</instanceId>"
	"<associationId>eipassoc-f0229899</associationId>"
	"<networkInterfaceId>eni-ef229886</networkInterfaceId>"
	"<privateIpAddress>10.0.0.228</privateIpAddress></item>"
	"<item><publicIp>203.0.113.8</publicIp><domain>standard</domain><instanceId/>"
	"</item></addressesSet></DescribeAddressesResponse>";

static struct items
parse(const struct item_shape *shape, const char *body)
{
	struct items list = {0};
	struct err err = {0};

	ck_assert_msg(items_parse(shape, body, strlen(body), &list, &err) == 0, "%s",
		err.text);
	return list;
}

START_TEST(test_images)
{
	struct items list = parse(&ec2_images_shape, images_aws);
	const struct ec2_image *i = list.array;

	ck_assert_uint_eq(list.count, 2); /* a kernel is no image */
	ck_assert_str_eq(list.next_token, "page-2");
	ck_assert_str_eq(i[0].id, "ami-0123456789abcdef0");
	ck_assert_str_eq(i[0].location, "123456789012/ci-7");
	ck_assert_str_eq(i[0].name, "ci-7");
	ck_assert_str_eq(i[0].state, "available");
	ck_assert_str_eq(i[0].owner, "123456789012");
	ck_assert_str_eq(i[0].architecture, "arm64");
	ck_assert_int_eq(i[0].created, 1769854500000);
	ck_assert_str_eq(i[1].id, "ami-12345678");
	ck_assert_str_eq(i[1].state, "pending");
	ck_assert_ptr_null(i[1].location);
	ck_assert_ptr_null(i[1].name);
	ck_assert_int_eq(i[1].created, 0);
	items_fini(&ec2_images_shape, &list);
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(test_prices)
{
	struct items list = parse(&ec2_prices_shape, prices_aws);
	const struct ec2_price *p = list.array;

	ck_assert_uint_eq(list.count, 2);
	ck_assert_ptr_null(list.next_token);
	ck_assert_str_eq(p[0].type, "m5.large");
	ck_assert_str_eq(p[0].zone, "us-east-1a");
	ck_assert_str_eq(p[0].price, "0.060000");
	ck_assert_int_eq(p[0].at, 1769854500000);
	ck_assert_str_eq(p[1].price, "1");
	ck_assert_int_eq(p[1].at, 0);
	items_fini(&ec2_prices_shape, &list);
}
END_TEST

START_TEST(test_subnets)
{
	struct items list = parse(&ec2_subnets_shape, subnets_aws);
	const struct ec2_subnet *s = list.array;

	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(s->id, "subnet-0123456789abcdef0");
	ck_assert_str_eq(s->zone, "us-east-1a");
	ck_assert_str_eq(s->vpc, "vpc-12345678");
	ck_assert_str_eq(s->state, "available");
	items_fini(&ec2_subnets_shape, &list);
}
END_TEST

START_TEST(test_volumes)
{
	struct items list = parse(&ec2_volumes_shape, volumes_aws);
	const struct ec2_volume *v = list.array;

	ck_assert_uint_eq(list.count, 2);
	ck_assert_str_eq(v[0].id, "vol-0123456789abcdef0");
	ck_assert_str_eq(v[0].zone, "us-east-1a");
	ck_assert_str_eq(v[0].state, "in-use");
	ck_assert_int_eq(v[0].size, 80);
	ck_assert_uint_eq(v[0].attachment_count, 2);
	ck_assert_str_eq(v[0].attachments[0].instance, "i-0123456789abcdef0");
	ck_assert_str_eq(v[0].attachments[0].device, "/dev/sdh");
	ck_assert_str_eq(v[0].attachments[0].state, "attached");
	ck_assert_str_eq(v[0].attachments[1].instance, "i-12345678");
	ck_assert_str_eq(v[0].attachments[1].device, "/dev/sdi");
	ck_assert_str_eq(v[0].attachments[1].state, "attaching");
	ck_assert_str_eq(v[1].state, "available");
	ck_assert_uint_eq(v[1].attachment_count, 0);
	ck_assert_int_eq(v[1].size, 0);
	items_fini(&ec2_volumes_shape, &list);
}
END_TEST

START_TEST(test_addresses)
{
	struct items list = parse(&ec2_addresses_shape, addresses_aws);
	const struct ec2_address *a = list.array;

	ck_assert_uint_eq(list.count, 2);
	ck_assert_str_eq(a[0].public_ip, "203.0.113.7");
	ck_assert_str_eq(a[0].allocation, "eipalloc-08229861");
	ck_assert_str_eq(a[0].association, "eipassoc-f0229899");
	ck_assert_str_eq(a[0].instance, "i-0123456789abcdef0");
	ck_assert_str_eq(a[0].interface, "eni-ef229886");
	ck_assert_str_eq(a[1].public_ip, "203.0.113.8");
	ck_assert_ptr_null(a[1].allocation);
	ck_assert_ptr_null(a[1].association);
	ck_assert_ptr_null(a[1].instance);
	items_fini(&ec2_addresses_shape, &list);
}
END_TEST

/* Each shape, what it reads, and its empty answer. */
static const struct {
	const struct item_shape *shape;
	const char *body, *empty;
} shapes[] = {
	{&ec2_images_shape, images_aws, "<DescribeImagesResponse/>"},
	{&ec2_prices_shape, prices_aws,
		"<DescribeSpotPriceHistoryResponse><spotPriceHistorySet/>"
		"</DescribeSpotPriceHistoryResponse>"},
	{&ec2_subnets_shape, subnets_aws, "<DescribeSubnetsResponse/>"},
	{&ec2_volumes_shape, volumes_aws, "<DescribeVolumesResponse/>"},
	{&ec2_addresses_shape, addresses_aws,
		"<DescribeAddressesResponse><addressesSet></addressesSet>"
		"</DescribeAddressesResponse>"},
};

/* Nothing is taken from an answer that was cut off, wherever that was. */
START_TEST(test_cut_short)
{
	for (size_t n = 0; n < COUNT_OF(shapes); n++)
		for (size_t len = 0; len < strlen(shapes[n].body); len++) {
			struct items list = {.count = 77};
			struct err err = {0};

			ck_assert_msg(items_parse(shapes[n].shape, shapes[n].body, len,
					      &list, &err) < 0,
				"shape %zu, %zu bytes", n, len);
			ck_assert_int_eq(err.code, ERR_PARSE);
			ck_assert_uint_eq(list.count, 77);
		}
}
END_TEST

START_TEST(test_empty)
{
	for (size_t n = 0; n < COUNT_OF(shapes); n++) {
		struct items list = parse(shapes[n].shape, shapes[n].empty);

		ck_assert_uint_eq(list.count, 0);
		ck_assert_ptr_null(list.next_token);
		items_fini(shapes[n].shape, &list);
	}
}
END_TEST

/* The answer to one question is none to another. */
START_TEST(test_another_root)
{
	for (size_t n = 0; n < COUNT_OF(shapes); n++)
		for (size_t m = 0; m < COUNT_OF(shapes); m++) {
			struct items list = {0};
			struct err err = {0};

			if (n == m)
				continue;
			ck_assert_int_eq(items_parse(shapes[n].shape, shapes[m].body,
						 strlen(shapes[m].body), &list, &err),
				-1);
			ck_assert_ptr_nonnull(strstr(err.text, "root element"));
		}
}
END_TEST

#define IMAGE(inner)                                                                   \
	"<DescribeImagesResponse><imagesSet><item>" inner                              \
	"</item></imagesSet></DescribeImagesResponse>"
#define PRICE(inner)                                                                   \
	"<DescribeSpotPriceHistoryResponse><spotPriceHistorySet><item>" inner          \
	"</item></spotPriceHistorySet></DescribeSpotPriceHistoryResponse>"
#define PRICED(price)                                                                  \
	PRICE("<instanceType>a</instanceType><availabilityZone>z</availabilityZone>"   \
	      "<spotPrice>" price "</spotPrice>")
#define SUBNET(inner)                                                                  \
	"<DescribeSubnetsResponse><subnetSet><item>" inner                             \
	"</item></subnetSet></DescribeSubnetsResponse>"
#define VOLUME(inner)                                                                  \
	"<DescribeVolumesResponse><volumeSet><item>" inner                             \
	"</item></volumeSet></DescribeVolumesResponse>"
#define WHOLE_VOLUME                                                                   \
	"<volumeId>vol-12345678</volumeId><status>available</status>"                  \
	"<availabilityZone>z</availabilityZone>"
#define ATTACHED(inner)                                                                \
	VOLUME(WHOLE_VOLUME "<attachmentSet><item>" inner "</item></attachmentSet>")
#define ADDRESS(inner)                                                                 \
	"<DescribeAddressesResponse><addressesSet><item>" inner                        \
	"</item></addressesSet></DescribeAddressesResponse>"

START_TEST(test_refused)
{
	static const struct {
		const struct item_shape *shape;
		const char *body, *says;
		int line;
	} cases[] = {
		{&ec2_images_shape, IMAGE(""), "no well-formed id", __LINE__},
		{&ec2_images_shape, IMAGE("<imageId/>"), "no well-formed id", __LINE__},
		{&ec2_images_shape, IMAGE("<imageId>ami-XYZ</imageId>"),
			"no well-formed id", __LINE__},
		{&ec2_images_shape, IMAGE("<imageId>ami-</imageId>"),
			"no well-formed id", __LINE__},
		{&ec2_images_shape,
			IMAGE("<imageId>ami-0123456789abcdef0123456789abcdef0</imageId>"),
			"no well-formed id", __LINE__},
		{&ec2_images_shape, IMAGE("<imageId>ami-1234567g</imageId>"),
			"no well-formed id", __LINE__},
		{&ec2_images_shape, IMAGE("<imageId>ami-12345678&amp;x=1</imageId>"),
			"no well-formed id", __LINE__},
		{&ec2_images_shape,
			IMAGE("<name><imageId>ami-12345678</imageId></name>"),
			"no well-formed id", __LINE__},
		{&ec2_prices_shape, PRICE(""), "no instance type", __LINE__},
		{&ec2_prices_shape, PRICE("<instanceType>a</instanceType>"), "no zone",
			__LINE__},
		{&ec2_prices_shape, PRICED(""), "no number", __LINE__},
		{&ec2_prices_shape, PRICED("-1"), "no number", __LINE__},
		{&ec2_prices_shape, PRICED("1."), "no number", __LINE__},
		{&ec2_prices_shape, PRICED(".5"), "no number", __LINE__},
		{&ec2_prices_shape, PRICED("1e5"), "no number", __LINE__},
		{&ec2_prices_shape, PRICED("0.1.2"), "no number", __LINE__},
		{&ec2_prices_shape, PRICED("nan"), "no number", __LINE__},
		{&ec2_prices_shape, PRICED("0x10"), "no number", __LINE__},
		{&ec2_subnets_shape, SUBNET("<availabilityZone>z</availabilityZone>"),
			"no well-formed id", __LINE__},
		{&ec2_subnets_shape, SUBNET("<subnetId>subnet-12345678</subnetId>"),
			"no zone", __LINE__},
		{&ec2_volumes_shape, VOLUME(""), "no well-formed id", __LINE__},
		{&ec2_volumes_shape, VOLUME("<volumeId>vol-12345678</volumeId>"),
			"no zone", __LINE__},
		{&ec2_volumes_shape,
			VOLUME("<volumeId>vol-12345678</volumeId>"
			       "<availabilityZone>z</availabilityZone>"),
			"no state", __LINE__},
		{&ec2_volumes_shape, ATTACHED("<instanceId>i-1</instanceId>"),
			"malformed instance id", __LINE__},
		{&ec2_addresses_shape, ADDRESS(""), "no public address", __LINE__},
		{&ec2_addresses_shape,
			ADDRESS("<publicIp>203.0.113.7</publicIp>"
				"<allocationId>eipalloc-</allocationId>"),
			"malformed allocation id", __LINE__},
		{&ec2_addresses_shape,
			ADDRESS("<publicIp>203.0.113.7</publicIp>"
				"<instanceId>i-zzzzzzzz</instanceId>"),
			"malformed instance id", __LINE__},
		{&ec2_addresses_shape, "<!DOCTYPE x>" ADDRESS(""), "XML", __LINE__},
		{&ec2_addresses_shape, ADDRESS("\xff"), "XML", __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct items list = {.count = 77};
		struct err err = {0};

		ck_assert_msg(items_parse(cases[i].shape, cases[i].body,
				      strlen(cases[i].body), &list, &err) == -1,
			"line %d", cases[i].line);
		ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "line %d: %s",
			cases[i].line, err.text);
		ck_assert_int_eq(err.code, ERR_PARSE);
		ck_assert_uint_eq(list.count, 77);
	}
}
END_TEST

/* What a configuration may name can be listed: the page of the original has ami-12345. */
START_TEST(test_short_and_long_ids)
{
	static const char *const bodies[] = {
		IMAGE("<imageId>ami-1</imageId>"),
		IMAGE("<imageId>ami-12345</imageId>"),
		IMAGE("<imageId>ami-0123456789abcdef0123456789abcdef</imageId>"),
	};

	for (size_t n = 0; n < COUNT_OF(bodies); n++) {
		struct items list = parse(&ec2_images_shape, bodies[n]);

		ck_assert_uint_eq(list.count, 1);
		items_fini(&ec2_images_shape, &list);
	}
}
END_TEST

/* What has a volume need not be an instance. */
START_TEST(test_attached_to_something_else)
{
	struct items list = parse(&ec2_volumes_shape,
		ATTACHED("<device>/dev/sdh</device><status>attached</status>"));
	const struct ec2_volume *v = list.array;

	ck_assert_uint_eq(v->attachment_count, 1);
	ck_assert_ptr_null(v->attachments[0].instance);
	ck_assert_str_eq(v->attachments[0].device, "/dev/sdh");
	items_fini(&ec2_volumes_shape, &list);
}
END_TEST

static void
add_times(struct buf *body, const char *text, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		buf_puts(body, text);
}

START_TEST(test_bounds)
{
	static const struct {
		unsigned attachments, volumes;
		const char *says; /* NULL: it is read */
		int line;
	} cases[] = {
		{EC2_ATTACHMENTS_MAX, 1, NULL, __LINE__},
		{EC2_ATTACHMENTS_MAX + 1, 1, "too many attachments", __LINE__},
		{0, ITEMS_MAX, NULL, __LINE__},
		{0, ITEMS_MAX + 1, "too many items", __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(buf) struct buf body = {0}, volume = {0};
		struct items list = {0};
		struct err err = {0};
		int rc;

		buf_puts(&volume, "<item>" WHOLE_VOLUME "<attachmentSet>");
		add_times(&volume, "<item/>", cases[i].attachments);
		buf_puts(&volume, "</attachmentSet></item>");
		buf_puts(&body, "<DescribeVolumesResponse><volumeSet>");
		add_times(&body, buf_str(&volume), cases[i].volumes);
		buf_puts(&body, "</volumeSet></DescribeVolumesResponse>");
		rc = items_parse(&ec2_volumes_shape, body.data, body.len, &list, &err);
		ck_assert_msg(rc == (cases[i].says == NULL ? 0 : -1), "line %d: %s",
			cases[i].line, err.text);
		if (cases[i].says != NULL)
			ck_assert_ptr_nonnull(strstr(err.text, cases[i].says));
		else
			ck_assert_uint_eq(list.count, cases[i].volumes);
		items_fini(&ec2_volumes_shape, &list);
	}
}
END_TEST

START_TEST(test_append)
{
	struct items list = {0}, page = parse(&ec2_images_shape, images_aws);
	struct ec2_images images;

	items_append(&ec2_images_shape, &list, &page);
	ck_assert_ptr_null(page.array);
	page = parse(&ec2_images_shape, "<DescribeImagesResponse/>");
	items_append(&ec2_images_shape, &list, &page);
	ck_assert_ptr_null(list.next_token);
	page = parse(&ec2_images_shape, images_aws);
	items_append(&ec2_images_shape, &list, &page);
	ck_assert_uint_eq(list.count, 4);
	ck_assert_str_eq(list.next_token, "page-2");
	free(list.next_token);
	images = (struct ec2_images){list.array, list.count};
	ck_assert_str_eq(images.items[3].id, "ami-12345678");
	ec2_images_fini(&images);
	ck_assert_uint_eq(images.count, 0);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("query");
	TCase *tc = tcase_create("query");

	tcase_add_test(tc, test_images);
	tcase_add_test(tc, test_prices);
	tcase_add_test(tc, test_subnets);
	tcase_add_test(tc, test_volumes);
	tcase_add_test(tc, test_addresses);
	tcase_add_test(tc, test_cut_short);
	tcase_add_test(tc, test_empty);
	tcase_add_test(tc, test_another_root);
	tcase_add_test(tc, test_refused);
	tcase_add_test(tc, test_short_and_long_ids);
	tcase_add_test(tc, test_attached_to_something_else);
	tcase_add_test(tc, test_bounds);
	tcase_add_test(tc, test_append);
	suite_add_tcase(suite, tc);
	return suite;
}
