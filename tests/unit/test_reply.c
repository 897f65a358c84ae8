/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "ec2/items.h"
#include "ec2/reply.h"
#include "unit.h"

#include <ctype.h>
#include <string.h>

#define NS "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""

/* As EC2 writes it: indented, the request id first, elements that nobody asked for. */
static const char run_aws[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<RunInstancesResponse " NS ">\n"
	"    <requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId>\n"
	"    <reservationId>r-0123456789abcdef0</reservationId>\n"
	"    <ownerId>123456789012</ownerId>\n"
	"    <groupSet/>\n"
	"    <instancesSet>\n"
	"        <item>\n"
	"            <instanceId>i-0123456789abcdef0</instanceId>\n"
	"            <imageId>ami-12345678</imageId>\n"
	"            <instanceState>\n"
	"                <code>0</code>\n"
	"                <name>pending</name>\n"
	"            </instanceState>\n"
	"            <privateDnsName>ip-10-0-0-1.ec2.internal</privateDnsName>\n"
	"            <dnsName/>\n"
	"            <reason/>\n"
	"            <keyName>latent</keyName>\n"
	"            <amiLaunchIndex>0</amiLaunchIndex>\n"
	"            <productCodes/>\n"
	"            <instanceType>m5.large</instanceType>\n"
	"            <launchTime>2026-01-31T10:15:00.000Z</launchTime>\n"
	"            <placement>\n"
	"                <availabilityZone>us-east-1b</availabilityZone>\n"
	"                <tenancy>default</tenancy>\n"
	"            </placement>\n"
	"            <privateIpAddress>10.0.0.1</privateIpAddress>\n"
	"            <networkInterfaceSet>\n"
	"                <item>\n"
	"                    <privateIpAddress>10.9.9.9</privateIpAddress>\n"
	"                    <association><publicIp>203.0.113.9</publicIp></association>\n"
	"                </item>\n"
	"            </networkInterfaceSet>\n"
	"            <clientToken>token-1</clientToken>\n"
	"            <tagSet>\n"
	"                <item>\n"
	"                    <key>ec2workerd:pool</key>\n"
	"                    <value>linux-master</value>\n"
	"                </item>\n"
	"                <item>\n"
	"                    <value>bot1</value>\n"
	"                    <key>ec2workerd:worker</key>\n"
	"                </item>\n"
	"                <item><key>ec2workerd:generation</key><value>7</value></item>\n"
	"                <item><key>ec2workerd:launch</key><value>l-1</value></item>\n"
	"                <item><key>ec2workerd:lineage</key><value>li-1</value></item>\n"
	"                <item><key>ec2workerd:epoch</key><value>1769854500000</value></item>\n"
	"                <item><key>Name</key><value>a &amp; b</value></item>\n"
	"            </tagSet>\n"
	"            <instanceLifecycle>spot</instanceLifecycle>\n"
	"        </item>\n"
	"    </instancesSet>\n"
	"</RunInstancesResponse>";

/* One line, the request id last, another namespace: as moto writes it. */
static const char describe_moto[] =
	"<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15\">"
	"<reservationSet>"
	"<item><reservationId>r-1</reservationId><instancesSet><item>"
	"<instanceId>i-11111111</instanceId><instanceState><code>16</code>"
	"<name>running</name></instanceState><dnsName>ec2-1.compute.example</dnsName>"
	"<ipAddress>203.0.113.7</ipAddress><tagSet></tagSet></item></instancesSet></item>"
	"<item><reservationId>r-2</reservationId><instancesSet><item>"
	"<instanceId>i-22222222</instanceId><instanceState><name>terminated</name>"
	"<code>48</code></instanceState>"
	"<stateReason><message>Client.UserInitiatedShutdown: User initiated shutdown"
	"</message><code>Client.UserInitiatedShutdown</code></stateReason></item>"
	"<item><instanceId>i-33333333</instanceId></item></instancesSet></item>"
	"</reservationSet><nextToken>page-2</nextToken>"
	"<requestId>request-id</requestId></DescribeInstancesResponse>";

static const char terminate_aws[] =
	"<TerminateInstancesResponse " NS ">\n"
	"  <requestId>r</requestId>\n"
	"  <instancesSet>\n"
	"    <item>\n"
	"      <instanceId>i-0123456789abcdef0</instanceId>\n"
	"      <currentState><code>32</code><name>shutting-down</name></currentState>\n"
	"      <previousState><code>16</code><name>running</name></previousState>\n"
	"    </item>\n"
	"  </instancesSet>\n"
	"</TerminateInstancesResponse>";

static const char console_aws[] =
	"<GetConsoleOutputResponse " NS "><requestId>r</requestId>"
	"<instanceId>i-0123456789abcdef0</instanceId>"
	"<timestamp>2026-01-31T10:15:00.000Z</timestamp>"
	"<output>TGludXggdmVyc2lv\r\nbiAyLjYAeA==</output></GetConsoleOutputResponse>";

typedef int parse_fn(const char *, size_t, struct ec2_instances *, struct err *);

static struct ec2_instances
parse(parse_fn *fn, const char *body)
{
	struct ec2_instances list = {0};
	struct err err = {0};

	ck_assert_msg(fn(body, strlen(body), &list, &err) == 0, "%s", err.text);
	return list;
}

START_TEST(test_run)
{
	struct ec2_instances list = parse(ec2_parse_run, run_aws);
	const struct ec2_instance *i = list.items;

	ck_assert_uint_eq(list.count, 1);
	ck_assert_ptr_null(list.next_token);
	ck_assert_str_eq(i->id, "i-0123456789abcdef0");
	ck_assert_int_eq(i->state, EC2_STATE_PENDING);
	ck_assert_str_eq(i->token, "token-1");
	ck_assert_str_eq(i->pool, "linux-master");
	ck_assert_str_eq(i->worker, "bot1");
	ck_assert_str_eq(i->launch, "l-1");
	ck_assert_str_eq(i->lineage, "li-1");
	ck_assert_int_eq(i->generation, 7);
	ck_assert_int_eq(i->epoch, 1769854500000);
	ck_assert_str_eq(i->type, "m5.large");
	ck_assert_str_eq(i->zone, "us-east-1b");
	ck_assert_str_eq(i->market, "spot");
	ck_assert_str_eq(i->image, "ami-12345678");
	ck_assert_str_eq(i->private_ip, "10.0.0.1");
	ck_assert_ptr_null(i->public_ip);
	ck_assert_ptr_null(i->public_dns);
	ck_assert_int_eq(i->launched_at, 1769854500000);
	ck_assert_ptr_null(i->reason_code);
	ec2_instances_fini(&list);
	ck_assert_uint_eq(list.count, 0);
}
END_TEST

START_TEST(test_describe)
{
	struct ec2_instances list = parse(ec2_parse_describe, describe_moto);

	ck_assert_uint_eq(list.count, 3);
	ck_assert_str_eq(list.next_token, "page-2");
	ck_assert_str_eq(list.items[0].id, "i-11111111");
	ck_assert_int_eq(list.items[0].state, EC2_STATE_RUNNING);
	ck_assert_str_eq(list.items[0].public_ip, "203.0.113.7");
	ck_assert_str_eq(list.items[0].public_dns, "ec2-1.compute.example");
	ck_assert_ptr_null(list.items[0].token);
	ck_assert_str_eq(list.items[1].id, "i-22222222");
	ck_assert_int_eq(list.items[1].state, EC2_STATE_TERMINATED);
	ck_assert_str_eq(list.items[1].reason_code, "Client.UserInitiatedShutdown");
	ck_assert_ptr_nonnull(strstr(list.items[1].reason_text, "User initiated"));
	ck_assert_str_eq(list.items[2].id, "i-33333333");
	ck_assert_int_eq(list.items[2].state, EC2_STATE_UNKNOWN);
	ec2_instances_fini(&list);
}
END_TEST

START_TEST(test_terminate)
{
	struct ec2_instances list = parse(ec2_parse_terminate, terminate_aws);

	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.items[0].id, "i-0123456789abcdef0");
	ck_assert_int_eq(list.items[0].state, EC2_STATE_SHUTTING_DOWN);
	ec2_instances_fini(&list);
}
END_TEST

#define DESCRIBE(inner)                                                                \
	"<DescribeInstancesResponse " NS "><reservationSet><item><instancesSet>" inner \
	"</instancesSet></item></reservationSet></DescribeInstancesResponse>"
#define ITEM(inner)                                                                    \
	DESCRIBE("<item><instanceId>i-11111111</instanceId>" inner "</item>")
#define STATE(inner) ITEM("<instanceState>" inner "</instanceState>")

START_TEST(test_states)
{
	static const struct {
		const char *body;
		enum ec2_state state;
		int line;
	} cases[] = {
		{STATE("<name>stopping</name><code>0</code>"), EC2_STATE_STOPPING,
			__LINE__},
		{STATE("<code>80</code>"), EC2_STATE_STOPPED, __LINE__},
		{STATE("<code>65328</code>"), EC2_STATE_TERMINATED, __LINE__},
		{STATE("<code>272</code>"), EC2_STATE_RUNNING, __LINE__},
		{STATE("<code>0</code>"), EC2_STATE_PENDING, __LINE__},
		{STATE("<code>64</code><name>new-word</name>"), EC2_STATE_STOPPING,
			__LINE__},
		{STATE("<code>17</code>"), EC2_STATE_UNKNOWN, __LINE__},
		{STATE("<code>-256</code>"), EC2_STATE_UNKNOWN, __LINE__},
		{STATE("<code>x</code><name/>"), EC2_STATE_UNKNOWN, __LINE__},
		{STATE("<name>unknown</name>"), EC2_STATE_UNKNOWN, __LINE__},
		{ITEM(""), EC2_STATE_UNKNOWN, __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct ec2_instances list = parse(ec2_parse_describe, cases[i].body);

		ck_assert_msg(list.items[0].state == cases[i].state, "line %d: %s",
			cases[i].line, ec2_state_name(list.items[0].state));
		ec2_instances_fini(&list);
	}
}
END_TEST

START_TEST(test_state_names)
{
	for (int i = EC2_STATE_UNKNOWN + 1; i < EC2_STATE_COUNT; i++)
		ck_assert_int_eq((int)ec2_state_find(ec2_state_name((enum ec2_state)i)),
			i);
	ck_assert_int_eq((int)ec2_state_find("Running"), EC2_STATE_UNKNOWN);
}
END_TEST

START_TEST(test_ids)
{
	static const struct {
		const char *id;
		int rc;
		int line;
	} cases[] = {
		{"i-12345678", 0, __LINE__},
		{"i-0123456789abcdef0", 0, __LINE__},
		{"i-1234567", -1, __LINE__},
		{"i-0123456789abcdef01", -1, __LINE__},
		{"i-1234567A", -1, __LINE__},
		{"i-1234567g", -1, __LINE__},
		{"j-12345678", -1, __LINE__},
		{"i_12345678", -1, __LINE__},
		{"i-12345678 ", -1, __LINE__},
		{" i-12345678", -1, __LINE__},
		{"i-12345678\n", -1, __LINE__},
		{"i-", -1, __LINE__},
		{"", -1, __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(free)
		char *body =
			xasprintf(DESCRIBE("<item><instanceId>%s</instanceId></item>"),
				cases[i].id);
		struct ec2_instances list = {0};

		ck_assert_msg(ec2_instance_id_check(cases[i].id) == cases[i].rc,
			"line %d", cases[i].line);
		ck_assert_msg(ec2_parse_describe(body, strlen(body), &list, NULL) ==
				cases[i].rc,
			"line %d", cases[i].line);
		ec2_instances_fini(&list);
	}
}
END_TEST

/* Nothing is taken from any of these. */
START_TEST(test_refused)
{
	static const struct {
		parse_fn *fn;
		const char *body, *says;
		int line;
	} cases[] = {
		{ec2_parse_describe, "", "XML", __LINE__},
		{ec2_parse_describe, "<html><body>Sign in</body></html>", "root",
			__LINE__},
		{ec2_parse_describe, run_aws, "root", __LINE__},
		{ec2_parse_run, describe_moto, "root", __LINE__},
		{ec2_parse_terminate, run_aws, "root", __LINE__},
		{ec2_parse_run, "<RunInstancesResponse/>", "no instance", __LINE__},
		{ec2_parse_run,
			"<RunInstancesResponse><instancesSet/></RunInstancesResponse>",
			"no instance", __LINE__},
		{ec2_parse_describe, DESCRIBE("<item/>"), "no id", __LINE__},
		{ec2_parse_describe,
			DESCRIBE(
				"<item><instanceId>i-11111111</instanceId></item>"
				"<item><instanceState><code>16</code></instanceState></item>"),
			"no id", __LINE__},
		{ec2_parse_describe, DESCRIBE("<item><instanceId/></item>"),
			"malformed", __LINE__},
		{ec2_parse_describe,
			DESCRIBE(
				"<item><instanceId>i-1111<x/>1111</instanceId></item>"),
			"malformed", __LINE__},
		{ec2_parse_describe, ITEM("<instanceId>i-22222222</instanceId>"),
			"two ids", __LINE__},
		{ec2_parse_describe, ITEM("") "<more/>", "XML", __LINE__},
		{ec2_parse_describe, "<!DOCTYPE x>" ITEM(""), "XML", __LINE__},
		{ec2_parse_describe, ITEM("<dnsName>\xff</dnsName>"), "XML", __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct ec2_instances list = {.count = 77};
		struct err err = {0};

		ck_assert_msg(cases[i].fn(cases[i].body, strlen(cases[i].body), &list,
				      &err) == -1,
			"line %d", cases[i].line);
		ck_assert_msg(strstr(err.text, cases[i].says) != NULL, "line %d: %s",
			cases[i].line, err.text);
		ck_assert_int_eq(err.code, ERR_PARSE);
		ck_assert_uint_eq(list.count, 77);
	}
}
END_TEST

START_TEST(test_lived_with)
{
	static const struct {
		const char *body;
		size_t count;
		int line;
	} cases[] = {
		{"<DescribeInstancesResponse/>", 0, __LINE__},
		{"<DescribeInstancesResponse><reservationSet/><nextToken/>"
		 "</DescribeInstancesResponse>",
			0, __LINE__},
		{DESCRIBE(""), 0, __LINE__},
		{ITEM("<tagSet><item><key>ec2workerd:pool</key></item></tagSet>"), 1,
			__LINE__},
		{ITEM("<tagSet><item><value>x</value></item></tagSet>"), 1, __LINE__},
		{ITEM("<launchTime>yesterday</launchTime>"), 1, __LINE__},
		{ITEM("<new><instanceId>i-zzz</instanceId></new>"), 1, __LINE__},
		{ITEM("<privateIpAddress><![CDATA[10.0.0.1]]></privateIpAddress>"), 1,
			__LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct ec2_instances list = parse(ec2_parse_describe, cases[i].body);

		ck_assert_msg(list.count == cases[i].count, "line %d", cases[i].line);
		ck_assert_ptr_null(list.next_token);
		if (list.count > 0) {
			ck_assert_int_eq(list.items[0].launched_at, 0);
			ck_assert_ptr_null(list.items[0].pool);
		}
		ec2_instances_fini(&list);
	}
}
END_TEST

START_TEST(test_tags_that_are_no_numbers)
{
	static const char *const values[] = {"", "x", "-1", "7x",
		"99999999999999999999"};

	for (size_t i = 0; i < COUNT_OF(values); i++) {
		AUTO(free)
		char *body = xasprintf(
			ITEM("<tagSet><item><key>ec2workerd:generation</key><value>%s</value>"
			     "</item><item><key>ec2workerd:epoch</key><value>%s</value></item>"
			     "</tagSet>"),
			values[i], values[i]);
		struct ec2_instances list = parse(ec2_parse_describe, body);

		ck_assert_int_eq(list.items[0].generation, 0);
		ck_assert_int_eq(list.items[0].epoch, 0);
		ec2_instances_fini(&list);
	}
}
END_TEST

START_TEST(test_too_many_instances)
{
	AUTO(buf) struct buf body = {0};
	struct ec2_instances list = {0};
	struct err err;

	buf_puts(&body,
		"<DescribeInstancesResponse><reservationSet><item><instancesSet>");
	for (unsigned i = 0; i <= ITEMS_MAX; i++)
		buf_printf(&body, "<item><instanceId>i-%08x</instanceId></item>", i);
	buf_puts(&body,
		"</instancesSet></item></reservationSet></DescribeInstancesResponse>");
	ck_assert_int_eq(ec2_parse_describe(body.data, body.len, &list, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "too many"));
}
END_TEST

/* A prefix of an answer is never an answer. */
START_TEST(test_truncated_at_every_byte)
{
	static const struct {
		parse_fn *fn;
		const char *body;
	} cases[] = {{ec2_parse_run, run_aws}, {ec2_parse_describe, describe_moto},
		{ec2_parse_terminate, terminate_aws}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t len = strlen(cases[i].body);

		for (size_t cut = 0; cut < len; cut++) {
			struct ec2_instances list = {0};

			ck_assert_msg(cases[i].fn(cases[i].body, cut, &list, NULL) ==
					-1,
				"case %zu, %zu of %zu bytes", i, cut, len);
			ck_assert_uint_eq(list.count, 0);
		}
	}
}
END_TEST

START_TEST(test_console)
{
	char *output = NULL;
	size_t len = 0;
	int64_t at = 0;
	struct err err;

	ck_assert_int_eq(ec2_parse_console(console_aws, strlen(console_aws), &output,
				 &len, &at, &err),
		0);
	ck_assert_uint_eq(len, 19);
	ck_assert_mem_eq(output, "Linux version 2.6\0x", 20);
	ck_assert_int_eq(at, 1769854500000);
	free(output);
	for (size_t cut = 0; cut < strlen(console_aws); cut++)
		ck_assert_int_eq(ec2_parse_console(console_aws, cut, &output, &len, &at,
					 &err),
			-1);
}
END_TEST

#define CONSOLE(inner) "<GetConsoleOutputResponse>" inner "</GetConsoleOutputResponse>"
#define CONSOLE_ID "<instanceId>i-11111111</instanceId>"

START_TEST(test_consoles)
{
	static const struct {
		const char *body, *output;
		int line;
	} cases[] = {
		{CONSOLE(CONSOLE_ID), "", __LINE__},
		{CONSOLE(CONSOLE_ID "<output/>"), "", __LINE__},
		{CONSOLE("<output>aGk=</output>" CONSOLE_ID), "hi", __LINE__},
		{CONSOLE(CONSOLE_ID "<output>\n aGk=\n </output>"), "hi", __LINE__},
		{CONSOLE(CONSOLE_ID "<output>aGk</output>"), NULL, __LINE__},
		{CONSOLE(CONSOLE_ID "<output>!!!!</output>"), NULL, __LINE__},
		{CONSOLE("<output>aGk=</output>"), NULL, __LINE__},
		{CONSOLE("<instanceId>x</instanceId>"), NULL, __LINE__},
		{"<html/>", NULL, __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *output = NULL;
		size_t len = 0;
		int64_t at = -1;
		int rc = ec2_parse_console(cases[i].body, strlen(cases[i].body),
			&output, &len, &at, NULL);

		ck_assert_msg(rc == (cases[i].output != NULL ? 0 : -1), "line %d",
			cases[i].line);
		if (rc < 0)
			continue;
		ck_assert_str_eq(output, cases[i].output);
		ck_assert_uint_eq(len, strlen(cases[i].output));
		ck_assert_int_eq(at, 0);
		free(output);
	}
}
END_TEST

START_TEST(test_error_shapes)
{
	static const struct {
		const char *body, *code, *message, *request;
		int line;
	} cases[] = {
		{"<Response><Errors><Error><Code>A</Code><Message>m</Message></Error></Errors>"
		 "<RequestID>r</RequestID></Response>",
			"A", "m", "r", __LINE__},
		{"<?xml version=\"1.0\"?>\n<Response " NS
		 ">\n <RequestID>r</RequestID>\n"
		 " <Errors>\n  <Error>\n   <Message>m</Message>\n   <Code>A</Code>\n  </Error>\n"
		 " </Errors>\n</Response>\n",
			"A", "m", "r", __LINE__},
		{"<ErrorResponse><Errors><Error><Code>AuthFailure</Code><Message>m</Message>"
		 "<Type>Sender</Type></Error></Errors><RequestID>r</RequestID></ErrorResponse>",
			"AuthFailure", "m", "r", __LINE__},
		{"<ErrorResponse><Error><Type>Sender</Type><Code>A</Code><Message>m</Message>"
		 "</Error><RequestId>r</RequestId></ErrorResponse>",
			"A", "m", "r", __LINE__},
		{"<Response><Errors><Error><Code>A</Code></Error><Error><Code>B</Code></Error>"
		 "</Errors></Response>",
			"A", "", "", __LINE__},
		{"<Response><Errors><Error><Message>m</Message></Error></Errors></Response>",
			NULL, NULL, NULL, __LINE__},
		{"<Response><Errors><Error><Code/></Error></Errors></Response>", NULL,
			NULL, NULL, __LINE__},
		{"<Response><Code>A</Code></Response>", NULL, NULL, NULL, __LINE__},
		{"<html><head/></html>", NULL, NULL, NULL, __LINE__},
		{"", NULL, NULL, NULL, __LINE__},
		/* SSM's. */
		{"{\"__type\":\"ParameterNotFound\",\"message\":\"m\"}",
			"ParameterNotFound", "m", "", __LINE__},
		{"{\"message\":\"m\"}", NULL, NULL, NULL, __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = {.text = "kept"};
		int rc = ec2_parse_error(cases[i].body, strlen(cases[i].body), &err);

		ck_assert_msg(rc == (cases[i].code != NULL ? 0 : -1), "line %d",
			cases[i].line);
		ck_assert_str_eq(err.text, "kept");
		ck_assert_str_eq(err.origin,
			cases[i].code != NULL ? cases[i].code : "");
		if (rc < 0)
			continue;
		ck_assert_str_eq(err.origin_text, cases[i].message);
		ck_assert_str_eq(err.request_id, cases[i].request);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("reply");
	TCase *tc = tcase_create("reply");

	tcase_set_timeout(tc, 60); /* sanitizers */
	tcase_add_test(tc, test_run);
	tcase_add_test(tc, test_describe);
	tcase_add_test(tc, test_terminate);
	tcase_add_test(tc, test_states);
	tcase_add_test(tc, test_state_names);
	tcase_add_test(tc, test_ids);
	tcase_add_test(tc, test_refused);
	tcase_add_test(tc, test_lived_with);
	tcase_add_test(tc, test_tags_that_are_no_numbers);
	tcase_add_test(tc, test_too_many_instances);
	tcase_add_test(tc, test_truncated_at_every_byte);
	tcase_add_test(tc, test_console);
	tcase_add_test(tc, test_consoles);
	tcase_add_test(tc, test_error_shapes);
	suite_add_tcase(suite, tc);
	return suite;
}
