/* SPDX-License-Identifier: Apache-2.0 */
/* What EC2 says of volumes and spot requests, in its own words. */
#include "ec2/query_leftover.h"

#include "base/err.h"
#include "base/mem.h"
#include "ec2/items.h"
#include "ec2/reply.h"
#include "unit.h"

#include <string.h>

#define NS "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""
#define TAG(key, value) "<item><key>" key "</key><value>" value "</value></item>"
/* clang-format off */
#define TAGS                                                                           \
	"<tagSet>" TAG("Name", "ci/bot1") TAG("ec2workerd:pool", "ci")                 \
	TAG("ec2workerd:worker", "bot1") TAG("ec2workerd:launch", "l-1")               \
	"<item><value>7</value><key>ec2workerd:generation</key></item>"                \
	TAG("ec2workerd:lineage", "li") TAG("ec2workerd:epoch", "1790000000000")       \
	"</tagSet>"
/* clang-format on */
#define VOLUMES(items)                                                                 \
	"<DescribeVolumesResponse " NS "><requestId>r</requestId><volumeSet>" items    \
	"</volumeSet></DescribeVolumesResponse>"
#define REQUESTS(items)                                                                \
	"<DescribeSpotInstanceRequestsResponse " NS "><spotInstanceRequestSet>" items  \
	"</spotInstanceRequestSet></DescribeSpotInstanceRequestsResponse>"

static const char volumes_aws[] = VOLUMES(
	"<item><volumeId>vol-049df61146c4d7901</volumeId><size>80</size><snapshotId/>"
	"<availabilityZone>us-east-1a</availabilityZone><status>available</status>"
	"<createTime>2026-09-21T14:13:20.000Z</createTime>"
	"<attachmentSet/>" TAGS "<volumeType>gp3</volumeType></item>"
	"<item><volumeId>vol-12345678</volumeId><size>x</size><status>in-use</status>"
	"<createTime>then</createTime><attachmentSet><item>"
	"<volumeId>vol-12345678</volumeId><instanceId>i-1234567890abcdef0</instanceId>"
	"<status>attached</status></item></attachmentSet></item>");

static const char requests_aws[] = REQUESTS(
	"<item><spotInstanceRequestId>sir-0123abcd</spotInstanceRequestId>"
	"<spotPrice>0.0480</spotPrice><type>one-time</type><state>cancelled</state>"
	"<status><code>request-canceled-and-instance-running</code>"
	"<updateTime>2026-09-21T14:13:20.000Z</updateTime><message>m</message></status>"
	"<launchSpecification><imageId>ami-1</imageId>"
	"<instanceType>m5.large</instanceType></launchSpecification>"
	"<instanceId>i-1234567890abcdef0</instanceId>"
	"<createTime>2026-09-21T14:13:20.000Z</createTime>" TAGS
	"<launchedAvailabilityZone>us-east-1b</launchedAvailabilityZone></item>");

static struct ec2_leftovers
parse(const struct item_shape *shape, const char *body)
{
	struct items list = {0};
	struct err err = {0};

	ck_assert_msg(items_parse(shape, body, strlen(body), &list, &err) == 0, "%s",
		err.text);
	return (struct ec2_leftovers){list.array, list.count};
}

static void
check_tags(const struct ec2_leftover *l)
{
	ck_assert_str_eq(l->worker, "bot1");
	ck_assert_str_eq(l->launch, "l-1");
	ck_assert_str_eq(l->lineage, "li");
	ck_assert_int_eq(l->generation, 7);
	ck_assert_int_eq(l->epoch, 1790000000000);
	ck_assert_int_eq(l->made_at, 1790000000000);
}

START_TEST(test_volumes)
{
	struct ec2_leftovers list = parse(&ec2_left_volumes_shape, volumes_aws);
	const struct ec2_leftover *l = list.items;

	ck_assert_uint_eq(list.count, 2);
	ck_assert_str_eq(l->id, "vol-049df61146c4d7901");
	ck_assert_str_eq(l->state, "available");
	ck_assert_str_eq(l->zone, "us-east-1a");
	ck_assert_str_eq(l->type, "gp3");
	ck_assert_int_eq(l->size, 80);
	ck_assert_ptr_null(l->instance);
	check_tags(l++);
	ck_assert_str_eq(l->instance, "i-1234567890abcdef0");
	ck_assert_int_eq(l->size, 0);
	ck_assert_int_eq(l->made_at, 0);
	ck_assert_ptr_null(l->lineage);
	ec2_leftovers_fini(&list);
	ck_assert_ptr_null(list.items);
}
END_TEST

START_TEST(test_requests)
{
	struct ec2_leftovers list = parse(&ec2_left_requests_shape, requests_aws);
	const struct ec2_leftover *l = list.items;

	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(l->id, "sir-0123abcd");
	ck_assert_str_eq(l->state, "cancelled");
	ck_assert_str_eq(l->status, "request-canceled-and-instance-running");
	ck_assert_str_eq(l->instance, "i-1234567890abcdef0");
	ck_assert_str_eq(l->zone, "us-east-1b");
	ck_assert_str_eq(l->type, "m5.large");
	ck_assert_str_eq(l->price, "0.0480");
	check_tags(l);
	ec2_leftovers_fini(&list);
}
END_TEST

static const struct {
	int line;
	const struct item_shape *shape;
	const char *body;
} refused[] = {
	{__LINE__, &ec2_left_volumes_shape,
		VOLUMES("<item><status>available</status></item>")},
	{__LINE__, &ec2_left_volumes_shape,
		VOLUMES("<item><volumeId>i-12345678</volumeId><status>a</status></item>")},
	{__LINE__, &ec2_left_volumes_shape,
		VOLUMES("<item><volumeId>vol-12345678</volumeId></item>")},
	{__LINE__, &ec2_left_volumes_shape,
		VOLUMES("<item><volumeId>vol-12345678</volumeId><status>a</status>"
			"<attachmentSet><item><instanceId>x</instanceId></item>"
			"</attachmentSet></item>")},
	{__LINE__, &ec2_left_volumes_shape, REQUESTS("")},
	{__LINE__, &ec2_left_requests_shape, VOLUMES("")},
	{__LINE__, &ec2_left_requests_shape,
		REQUESTS("<item><state>open</state></item>")},
	{__LINE__, &ec2_left_requests_shape,
		REQUESTS("<item><spotInstanceRequestId>sir-12345678"
			 "</spotInstanceRequestId></item>")},
	{__LINE__, &ec2_left_requests_shape,
		REQUESTS("<item><spotInstanceRequestId>sir-12345678"
			 "</spotInstanceRequestId><state>active</state>"
			 "<instanceId>vol-12345678</instanceId></item>")},
};

START_TEST(test_refused)
{
	struct items list = {0};
	struct err err = {0};

	ck_assert_msg(items_parse(refused[_i].shape, refused[_i].body,
			      strlen(refused[_i].body), &list, &err) < 0,
		"line %d", refused[_i].line);
	ck_assert_int_eq(err.code, ERR_PARSE);
	ck_assert_ptr_null(list.array);
}
END_TEST

#define DELETED(text) "<DeleteVolumeResponse " NS ">" text "</DeleteVolumeResponse>"
#define CANCELLED(text)                                                                \
	"<CancelSpotInstanceRequestsResponse " NS "><spotInstanceRequestSet>" text     \
	"</spotInstanceRequestSet></CancelSpotInstanceRequestsResponse>"
#define ONE(id)                                                                        \
	"<item><spotInstanceRequestId>" id                                             \
	"</spotInstanceRequestId><state>cancelled</state></item>"

static const struct {
	int line;
	const char *request; /* NULL: a volume's */
	const char *body;
	bool done;
} ends[] = {
	{__LINE__, NULL, DELETED("<return>true</return>"), true},
	{__LINE__, NULL, DELETED("<return>false</return>"), false},
	{__LINE__, NULL, DELETED(""), false},
	{__LINE__, NULL, "<DeleteVolumeResponse><return>true", false},
	{__LINE__, "sir-1", CANCELLED(ONE("sir-1")), true},
	{__LINE__, "sir-1", CANCELLED(ONE("sir-2")), false},
	{__LINE__, "sir-1", CANCELLED(""), false},
	{__LINE__, "sir-1", DELETED("<return>true</return>"), false},
};

START_TEST(test_ends)
{
	const char *body = ends[_i].body, *request = ends[_i].request;
	struct err err = {0};
	int rc = request == NULL
		? ec2_parse_deleted(body, strlen(body), &err)
		: ec2_parse_cancelled(body, strlen(body), request, &err);

	ck_assert_msg((rc == 0) == ends[_i].done, "line %d: %s", ends[_i].line,
		err.text);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("query_leftover");
	TCase *t = tcase_create("query_leftover");

	tcase_add_test(t, test_volumes);
	tcase_add_test(t, test_requests);
	tcase_add_loop_test(t, test_refused, 0, COUNT_OF(refused));
	tcase_add_loop_test(t, test_ends, 0, COUNT_OF(ends));
	suite_add_tcase(s, t);
	return s;
}
