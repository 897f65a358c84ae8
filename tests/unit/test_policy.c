/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which statements a configuration needs, of which resources; that nothing else is in the
 * policy. What the statements allow is judged in integration/test_policy.py.
 */
#include "conf_util.h"
#include "unit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "core/policy.h"

#include <jansson.h>
#include <string.h>

#define GROUP "    security_name: g\n"
#define ARN "arn:aws:ec2:us-west-2:*:"

static char *
region_of(const struct conf *conf, const struct conf_worker *worker)
{
	if (worker != NULL && worker->region != NULL)
		return xstrdup(worker->region);
	return xstrdup(conf->aws.region != NULL ? conf->aws.region : "us-west-2");
}

/* The policy, parsed; the caller's. */
static json_t *
policy_of(const char *text, struct strings *notes)
{
	AUTO(free) char *told = NULL;
	AUTO(buf) struct buf out = {.data = NULL};
	struct conf *conf;
	json_error_t error;
	json_t *doc;

	told = conf_told(text, "/nowhere", &conf);
	ck_assert_msg(conf != NULL, "%s", told);
	policy_make(conf, region_of, &out, notes);
	conf_free(conf);
	doc = json_loads(buf_str(&out), JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(doc != NULL, "%s in %s", error.text, buf_str(&out));
	ck_assert_str_eq(json_string_value(json_object_get(doc, "Version")),
		"2012-10-17");
	return doc;
}

static const json_t *
statement(const json_t *doc, const char *sid)
{
	const json_t *list = json_object_get(doc, "Statement");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *s = json_array_get(list, i);

		if (strcmp(json_string_value(json_object_get(s, "Sid")), sid) == 0)
			return s;
	}
	return NULL;
}

static bool
lists(const json_t *s, const char *member, const char *word)
{
	const json_t *list = json_object_get(s, member);

	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), word) == 0)
			return true;
	return false;
}

static const struct {
	int line;
	const char *worker;
	const char *sid, *member, *word; /* word NULL: no such statement */
	bool in;
} cases[] = {
	{__LINE__, GROUP, "Look", "Action", "ec2:DescribeInstances", true},
	{__LINE__, GROUP, "Look", "Resource", "*", true},
	{__LINE__, GROUP, "Look", "Action", "ec2:DescribeImages", false},
	{__LINE__, GROUP, "Look", "Action", "ec2:DescribeSpotPriceHistory", false},
	{__LINE__, GROUP, "CheckAws", "Action", "ec2:DescribeKeyPairs", true},
	{__LINE__, GROUP, "LaunchInstances", "Resource", ARN "instance/*", true},
	{__LINE__, GROUP, "LaunchFrom", "Resource",
		"arn:aws:ec2:us-west-2::image/ami-12345", true},
	{__LINE__, GROUP, "LaunchFrom", "Resource", "arn:aws:ec2:us-west-2::image/*",
		false},
	{__LINE__, GROUP, "LaunchFrom", "Resource", ARN "key-pair/k", true},
	{__LINE__, GROUP, "LaunchFrom", "Resource", ARN "security-group/*", true},
	{__LINE__, GROUP, "LaunchFrom", "Resource", ARN "subnet/*", true},
	{__LINE__, GROUP, "TagWhatIsLaunched", "Resource", ARN "volume/*", true},
	{__LINE__, GROUP, "OwnInstances", "Action", "ec2:TerminateInstances", true},
	{__LINE__, GROUP, "OwnInstances", "Action", "ec2:RunInstances", false},
	{__LINE__, GROUP, "TryTerminate", "Action", "ec2:TerminateInstances", true},
	{__LINE__, GROUP, "TryTerminate", "Resource",
		ARN "instance/i-00000000000000000", true},
	{__LINE__, GROUP, "TryTerminate", "Resource", ARN "instance/*", false},
	{__LINE__, GROUP, "Look", "Action", "ec2:DescribeVolumes", true},
	{__LINE__, GROUP, "Look", "Action", "ec2:DescribeSpotInstanceRequests", false},
	{__LINE__, GROUP, "OwnVolumes", "Resource", ARN "volume/*", true},
	{__LINE__, GROUP, "OwnSpotRequests", NULL, NULL, false},
	{__LINE__, GROUP "    spot_instance: true\n", "OwnSpotRequests", "Resource",
		ARN "spot-instances-request/*", true},
	{__LINE__, GROUP "    spot_instance: true\n", "Look", "Action",
		"ec2:DescribeSpotInstanceRequests", true},
	{__LINE__, GROUP, "PassRole", NULL, NULL, false},
	{__LINE__, GROUP, "UseKeysOfVolumes", NULL, NULL, false},
	{__LINE__,
		"    subnet_id: [subnet-1, subnet-2]\n    security_group_ids: [sg-1]\n",
		"LaunchFrom", "Resource", ARN "subnet/subnet-2", true},
	{__LINE__, "    subnet_id: subnet-1\n    security_group_ids: [sg-1]\n",
		"LaunchFrom", "Resource", ARN "subnet/*", false},
	{__LINE__, "    subnet_id: subnet-1\n    security_group_ids: [sg-1]\n",
		"LaunchFrom", "Resource", ARN "security-group/sg-1", true},
	{__LINE__, "    subnet_id: subnet-1\n", "LaunchFrom", "Resource",
		ARN "security-group/*", true},
	{__LINE__, GROUP "    spot_instance: true\n", "Look", "Action",
		"ec2:DescribeSpotPriceHistory", true},
	{__LINE__, GROUP "    instance_profile_name: ci\n", "PassRole", "Resource",
		"arn:aws:iam::*:role/ci", true},
	{__LINE__, GROUP "    block_device_map: { sdb: { snapshot_id: snap-1 } }\n",
		"LaunchFrom", "Resource", "arn:aws:ec2:us-west-2::snapshot/snap-1",
		true},
	{__LINE__, GROUP "    block_device_map: { sdb: { encrypted: true } }\n",
		"UseKeysOfVolumes", NULL, NULL, false},
	{__LINE__,
		GROUP "    block_device_map:\n      - DeviceName: sdb\n"
		      "        Ebs: { Encrypted: true, KmsKeyId: abc }\n",
		"GrantKeysOfVolumes", "Resource", "arn:aws:kms:us-west-2:*:key/abc",
		true},
	{__LINE__, GROUP "    region: cn-north-1\n", "LaunchFrom", "Resource",
		"arn:aws-cn:ec2:cn-north-1:*:key-pair/k", true},
};

START_TEST(what_is_in_it)
{
	AUTO(free)
	char *text = xasprintf("%s%s%s", CONF_TOP, CONF_WORKER, cases[_i].worker);
	struct strings notes = {.items = NULL};
	json_t *doc = policy_of(text, &notes);
	const json_t *s = statement(doc, cases[_i].sid);

	if (cases[_i].word == NULL)
		ck_assert_msg((s != NULL) == cases[_i].in, "line %d", cases[_i].line);
	else
		ck_assert_msg(s != NULL &&
				lists(s, cases[_i].member, cases[_i].word) ==
					cases[_i].in,
			"line %d", cases[_i].line);
	json_decref(doc);
	strings_fini(&notes);
}
END_TEST

/* Each statement has resources and actions, and those of value bear a condition. */
START_TEST(every_statement_is_bound)
{
	static const char *const free[] = {"LaunchFrom", "UseKeysOfVolumes",
		"TryTerminate"};
	struct strings notes = {.items = NULL};
	json_t *doc = policy_of(CONF_TOP CONF_WORKER GROUP
		"    instance_profile_name: ci\n    spot_instance: true\n"
		"    block_device_map:\n      - DeviceName: sdb\n"
		"        Ebs: { Encrypted: true, KmsKeyId: abc }\n",
		&notes);
	const json_t *list = json_object_get(doc, "Statement");

	ck_assert_uint_gt(json_array_size(list), 8);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *s = json_array_get(list, i);
		const char *sid = json_string_value(json_object_get(s, "Sid"));
		bool bound = json_object_get(s, "Condition") != NULL;

		ck_assert_uint_gt(json_array_size(json_object_get(s, "Action")), 0);
		ck_assert_uint_gt(json_array_size(json_object_get(s, "Resource")), 0);
		ck_assert_msg(bound || strcmp(sid, free[0]) == 0 ||
				strcmp(sid, free[1]) == 0 || strcmp(sid, free[2]) == 0,
			"%s is not bound", sid);
	}
	ck_assert_uint_eq(notes.count, 2); /* the role's name, and that of spot */
	json_decref(doc);
	strings_fini(&notes);
}
END_TEST

/* One image by its name adds nothing where another worker may take any. */
START_TEST(what_is_covered_is_left_out)
{
	struct strings notes = {.items = NULL};
	json_t *doc = policy_of(
		"pool: p\naws: { role_arn: \"arn:aws:iam::111122223333:role/ci\" }\n"
		"worker_defaults:\n" CONF_WORKER GROUP
		"workers:\n  a:\n  b: { ami: ami-2 }\n"
		"  c: { ami: \"resolve:ssm:/ci/image\" }\n",
		&notes);
	const json_t *from = statement(doc, "LaunchFrom");

	ck_assert(lists(from, "Resource", "arn:aws:ec2:us-west-2::image/*"));
	ck_assert(!lists(from, "Resource", "arn:aws:ec2:us-west-2::image/ami-2"));
	ck_assert(lists(from, "Resource", ARN "key-pair/k"));
	ck_assert_uint_eq(notes.count, 1);
	ck_assert_ptr_nonnull(strstr(notes.items[0], "sts:AssumeRole"));
	json_decref(doc);
	strings_fini(&notes);
}
END_TEST

START_TEST(an_empty_pool_may_still_end_what_it_has)
{
	struct strings notes = {.items = NULL};
	json_t *doc = policy_of("pool: p\naws: { region: us-west-2 }\n", &notes);

	ck_assert_ptr_null(statement(doc, "LaunchInstances"));
	ck_assert(lists(statement(doc, "OwnInstances"), "Resource", ARN "instance/*"));
	ck_assert_uint_eq(notes.count, 0);
	json_decref(doc);
	strings_fini(&notes);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("policy");
	TCase *tc = tcase_create("policy");

	tcase_add_loop_test(tc, what_is_in_it, 0, (int)COUNT_OF(cases));
	tcase_add_test(tc, every_statement_is_bound);
	tcase_add_test(tc, what_is_covered_is_left_out);
	tcase_add_test(tc, an_empty_pool_may_still_end_what_it_has);
	suite_add_tcase(s, tc);
	return s;
}
