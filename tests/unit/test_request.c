/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "ec2/request.h"
#include "unit.h"

#include <string.h>

static const struct {
	const char *value, *encoded;
	int line;
} encodings[] = {
	{"", "", __LINE__},
	{"abcXYZ019_.-~", "abcXYZ019_.-~", __LINE__},
	{"a b", "a+b", __LINE__},
	{"a+b", "a%2Bb", __LINE__},
	{"/*'()!", "%2F%2A%27%28%29%21", __LINE__},
	{"a=b&c", "a%3Db%26c", __LINE__},
	{"100%", "100%25", __LINE__},
	{"\xc3\xa4\xff", "%C3%A4%FF", __LINE__},
	{"\r\n\t\x01", "%0D%0A%09%01", __LINE__},
	{"tag:ec2workerd:pool", "tag%3Aec2workerd%3Apool", __LINE__},
};

START_TEST(test_encoding)
{
	for (size_t i = 0; i < COUNT_OF(encodings); i++) {
		AUTO(buf) struct buf body = {0};
		AUTO(free) char *expected = xasprintf("K=%s", encodings[i].encoded);

		ec2_param(&body, "K", encodings[i].value);
		ck_assert_msg(strcmp(buf_str(&body), expected) == 0, "line %d: %s",
			encodings[i].line, buf_str(&body));
	}
}
END_TEST

START_TEST(test_parameters_are_joined)
{
	AUTO(buf) struct buf body = {0};

	ec2_begin(&body, "DescribeInstances");
	ec2_paramf(&body, "a/b", "Filter.%d.Value.%d", 1, 2);
	ck_assert_str_eq(buf_str(&body),
		"Action=DescribeInstances&Version=2016-11-15&Filter.1.Value.2=a%2Fb");
}
END_TEST

/* The words of a form body, one assertion each. */
static bool
has_param(const struct buf *body, const char *param)
{
	size_t len = strlen(param);

	for (const char *at = body->data; at != NULL; at = strchr(at, '&')) {
		at += *at == '&';
		if (strncmp(at, param, len) == 0 && (at[len] == '&' || at[len] == '\0'))
			return true;
	}
	return false;
}

static unsigned
count_text(const struct buf *body, const char *text)
{
	unsigned n = 0;

	for (const char *at = strstr(body->data, text); at != NULL;
		at = strstr(at + 1, text))
		n++;
	return n;
}

static struct ec2_run
example(void)
{
	return (struct ec2_run){
		.token = "11111111-2222-4333-8444-555555555555",
		.image = "ami-12345678",
		.type = "m5.large",
		.key = "latent",
		.pool = "linux-master",
		.worker = "bot1",
		.launch = "launch-1",
		.lineage = "lineage-1",
		.generation = 7,
		.epoch = 1769854500000,
	};
}

START_TEST(test_run_body_of_the_simplest_worker)
{
	struct ec2_run run = example();
	AUTO(buf) struct buf body = {0};

	ec2_run_body(&run, &body);
	ck_assert_str_eq(buf_str(&body),
		"Action=RunInstances&Version=2016-11-15&MinCount=1&MaxCount=1"
		"&ClientToken=11111111-2222-4333-8444-555555555555"
		"&ImageId=ami-12345678&InstanceType=m5.large&KeyName=latent"
		"&InstanceInitiatedShutdownBehavior=terminate"
		"&TagSpecification.1.ResourceType=instance"
		"&TagSpecification.1.Tag.1.Key=ec2workerd%3Apool"
		"&TagSpecification.1.Tag.1.Value=linux-master"
		"&TagSpecification.1.Tag.2.Key=ec2workerd%3Aworker"
		"&TagSpecification.1.Tag.2.Value=bot1"
		"&TagSpecification.1.Tag.3.Key=ec2workerd%3Ageneration"
		"&TagSpecification.1.Tag.3.Value=7"
		"&TagSpecification.1.Tag.4.Key=ec2workerd%3Alaunch"
		"&TagSpecification.1.Tag.4.Value=launch-1"
		"&TagSpecification.1.Tag.5.Key=ec2workerd%3Alineage"
		"&TagSpecification.1.Tag.5.Value=lineage-1"
		"&TagSpecification.1.Tag.6.Key=ec2workerd%3Aepoch"
		"&TagSpecification.1.Tag.6.Value=1769854500000"
		"&TagSpecification.1.Tag.7.Key=Name"
		"&TagSpecification.1.Tag.7.Value=linux-master%2Fbot1"
		"&TagSpecification.2.ResourceType=volume"
		"&TagSpecification.2.Tag.1.Key=ec2workerd%3Apool"
		"&TagSpecification.2.Tag.1.Value=linux-master"
		"&TagSpecification.2.Tag.2.Key=ec2workerd%3Aworker"
		"&TagSpecification.2.Tag.2.Value=bot1"
		"&TagSpecification.2.Tag.3.Key=ec2workerd%3Ageneration"
		"&TagSpecification.2.Tag.3.Value=7"
		"&TagSpecification.2.Tag.4.Key=ec2workerd%3Alaunch"
		"&TagSpecification.2.Tag.4.Value=launch-1"
		"&TagSpecification.2.Tag.5.Key=ec2workerd%3Alineage"
		"&TagSpecification.2.Tag.5.Value=lineage-1"
		"&TagSpecification.2.Tag.6.Key=ec2workerd%3Aepoch"
		"&TagSpecification.2.Tag.6.Value=1769854500000"
		"&TagSpecification.2.Tag.7.Key=Name"
		"&TagSpecification.2.Tag.7.Value=linux-master%2Fbot1");
}
END_TEST

START_TEST(test_run_body_with_everything)
{
	static const char *const expected[] = {
		"Placement.AvailabilityZone=us-west-2b",
		"SubnetId=subnet-1",
		"SecurityGroup.1=latent+workers",
		"SecurityGroupId.1=sg-1",
		"SecurityGroupId.2=sg-2",
		"IamInstanceProfile.Name=builder",
		"TagSpecification.1.Tag.7.Key=Name",
		"TagSpecification.1.Tag.7.Value=mine",
		"TagSpecification.2.Tag.8.Key=cost+centre",
		"TagSpecification.2.Tag.8.Value=",
	};
	struct strings groups = {0};
	struct strmap tags = {0};
	struct ec2_run run = example();
	AUTO(buf) struct buf body = {0};

	strings_add(&groups, "sg-1");
	strings_add(&groups, "sg-2");
	strmap_put(&tags, "Name", "mine");
	strmap_put(&tags, "cost centre", "");
	strmap_put(&tags, "ec2workerd:pool", "another");
	run.zone = "us-west-2b";
	run.subnet = "subnet-1";
	run.security_name = "latent workers";
	run.security_groups = &groups;
	run.instance_profile = "builder";
	run.tags = &tags;
	ec2_run_body(&run, &body);
	for (size_t i = 0; i < COUNT_OF(expected); i++)
		ck_assert_msg(has_param(&body, expected[i]), "%s", expected[i]);
	ck_assert_uint_eq(count_text(&body, "Key=Name"), 2);
	ck_assert_uint_eq(count_text(&body, "Key=ec2workerd%3Apool"), 2);
	ck_assert_uint_eq(count_text(&body, "another"), 0);
	strings_fini(&groups);
	strmap_fini(&tags);
}
END_TEST

/* One-time, gone when EC2 takes it back, at most the bid; and its request is tagged too. */
START_TEST(test_spot)
{
	static const char *const expected[] = {
		"InstanceMarketOptions.MarketType=spot",
		"InstanceMarketOptions.SpotOptions.SpotInstanceType=one-time",
		"InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior=terminate",
		"InstanceMarketOptions.SpotOptions.MaxPrice=0.0759",
		"TagSpecification.3.ResourceType=spot-instances-request",
		"TagSpecification.3.Tag.1.Value=linux-master",
	};
	struct ec2_run run = example();
	AUTO(buf) struct buf body = {0}, free_price = {0}, on_demand = {0};

	run.spot = true;
	run.max_price = "0.0759";
	ec2_run_body(&run, &body);
	for (size_t i = 0; i < COUNT_OF(expected); i++)
		ck_assert_msg(has_param(&body, expected[i]), "%s", expected[i]);
	run.max_price = NULL;
	ec2_run_body(&run, &free_price);
	ck_assert_uint_eq(count_text(&free_price, "MaxPrice"), 0);
	run = example();
	run.max_price = "0.1";
	ec2_run_body(&run, &on_demand);
	ck_assert_uint_eq(count_text(&on_demand, "Market"), 0);
	ck_assert_uint_eq(count_text(&on_demand, "MaxPrice"), 0);
	ck_assert_uint_eq(count_text(&on_demand, "TagSpecification.3"), 0);
}
END_TEST

START_TEST(test_instance_profile_by_arn)
{
	struct ec2_run run = example();
	AUTO(buf) struct buf body = {0};

	run.instance_profile = "arn:aws:iam::123456789012:instance-profile/x";
	ec2_run_body(&run, &body);
	ck_assert(has_param(&body,
		"IamInstanceProfile.Arn=arn%3Aaws%3Aiam%3A%3A123456789012"
		"%3Ainstance-profile%2Fx"));
	ck_assert_uint_eq(count_text(&body, "IamInstanceProfile.Name"), 0);
}
END_TEST

START_TEST(test_user_data_is_encoded_once)
{
	static const struct {
		const char *data;
		size_t len;
		const char *body;
		int line;
	} cases[] = {
		{NULL, 0, "A=b", __LINE__},
		{"", 0, "A=b", __LINE__},
		{"#!/bin/sh\n", 10, "A=b&UserData=IyEvYmluL3NoCg%3D%3D", __LINE__},
		{"\xfb\xff\xfe", 3, "A=b&UserData=%2B%2F%2F%2B", __LINE__},
		{"a\0b", 3, "A=b&UserData=YQBi", __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(buf) struct buf out = {0};
		struct err err;

		ck_assert_int_eq(ec2_run_finish("A=b", cases[i].data, cases[i].len,
					 &out, &err),
			0);
		ck_assert_msg(strcmp(buf_str(&out), cases[i].body) == 0, "line %d: %s",
			cases[i].line, buf_str(&out));
	}
}
END_TEST

START_TEST(test_user_data_limit)
{
	AUTO(free) char *data = xcalloc(1, 16385);
	AUTO(buf) struct buf out = {0};
	struct err err;

	ck_assert_int_eq(ec2_run_finish("A=b", data, 16384, &out, &err), 0);
	ck_assert_uint_gt(out.len, 16384 / 3 * 4);
	buf_clear(&out);
	ck_assert_int_eq(ec2_run_finish("A=b", data, 16385, &out, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_int_eq(err.reason, REASON_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "16385"));
	ck_assert_uint_eq(out.len, 0);
	ck_assert_int_eq(ec2_run_finish("A=b", data, 16385, &out, NULL), -1);
}
END_TEST

START_TEST(test_body_limit)
{
	AUTO(buf) struct buf body = {0}, out = {0};
	struct err err;

	while (body.len < EC2_BODY_MAX)
		buf_putc(&body, 'x');
	ck_assert_int_eq(ec2_run_finish(buf_str(&body), NULL, 0, &out, &err), 0);
	ck_assert_uint_eq(out.len, EC2_BODY_MAX);
	buf_putc(&body, 'x');
	buf_clear(&out);
	ck_assert_int_eq(ec2_run_finish(buf_str(&body), NULL, 0, &out, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("request");
	TCase *tc = tcase_create("request");

	tcase_add_test(tc, test_encoding);
	tcase_add_test(tc, test_parameters_are_joined);
	tcase_add_test(tc, test_run_body_of_the_simplest_worker);
	tcase_add_test(tc, test_run_body_with_everything);
	tcase_add_test(tc, test_instance_profile_by_arn);
	tcase_add_test(tc, test_spot);
	tcase_add_test(tc, test_user_data_is_encoded_once);
	tcase_add_test(tc, test_user_data_limit);
	tcase_add_test(tc, test_body_limit);
	suite_add_tcase(suite, tc);
	return suite;
}
