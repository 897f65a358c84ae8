/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which fault rule fires for which request, AWS's buckets, and the journal's bounds.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "sim/action.h"
#include "sim/cloud.h"
#include "sim/fault.h"
#include "sim/journal.h"
#include "sim/json.h"
#include "sim/params.h"
#include "sim/throttle.h"
#include "sim_call.h"

#include <stdlib.h>
#include <string.h>

/* Adds a rule from JSON; -1 when it is refused. */
static int
add(struct sim_faults *f, const char *json)
{
	AUTO(diags) struct diags ds = {0};
	struct sim_fault fault = {0};
	struct err err;
	AUTO(node) struct node *node = sim_json_parse(json, strlen(json), &err);
	int ret;

	ck_assert_msg(node != NULL, "%s: %s", json, err.text);
	ret = field_load(&sim_fault_fields, node, &fault, NULL, &ds);
	if (ret == 0)
		ret = sim_fault_check(&fault, &err);
	if (ret == 0)
		sim_faults_add(f, &fault);
	field_fini(&sim_fault_fields, &fault);
	return ret;
}

/* The id of the rule that fires, 0 for none. */
static uint64_t
pick(struct sim_faults *f, const struct ec2 *e, const char *action, const char *form)
{
	AUTO(sim_params) struct sim_params params = {0};
	struct sim_fault_subject subject = {action, "us-east-1", &params, e->cloud};
	struct sim_error error;
	struct sim_rule *rule;
	uint64_t id = 0;

	ck_assert_int_eq(sim_params_parse(form, strlen(form), &params, &error), 0);
	rule = sim_faults_pick(f, &subject);
	if (rule != NULL)
		id = rule->id;
	sim_rule_release(rule);
	return id;
}

/* Ten requests: '1' where the rule fires. */
static const struct {
	int line;
	const char *rule, *fired;
} rhythms[] = {
	{__LINE__, "{\"effect\": \"drop\"}", "1111111111"},
	{__LINE__, "{\"effect\": \"drop\", \"nth\": 3}", "0010000000"},
	{__LINE__, "{\"effect\": \"drop\", \"every\": 4}", "0001000100"},
	{__LINE__, "{\"effect\": \"drop\", \"every\": 4, \"count\": 1}", "0001000000"},
	{__LINE__, "{\"effect\": \"drop\", \"count\": 2}", "1100000000"},
	{__LINE__, "{\"effect\": \"drop\", \"probability\": 1}", "1111111111"},
	{__LINE__, "{\"effect\": \"drop\", \"probability\": 0}", "0000000000"},
	{__LINE__, "{\"effect\": \"drop\", \"action\": \"Terminate*\"}", "0000000000"},
	{__LINE__, "{\"effect\": \"drop\", \"action\": \"Run*\"}", "1111111111"},
};

START_TEST(when)
{
	struct ec2 *e = ec2_new();

	for (size_t n = 0; n < COUNT_OF(rhythms); n++) {
		struct sim_faults *f = sim_faults_new(1);

		ck_assert_msg(add(f, rhythms[n].rule) == 0, "line %d", rhythms[n].line);
		for (size_t m = 0; rhythms[n].fired[m] != '\0'; m++)
			ck_assert_msg((pick(f, e, "RunInstances", "") != 0) ==
					(rhythms[n].fired[m] == '1'),
				"line %d, request %zu", rhythms[n].line, m + 1);
		sim_faults_free(f);
	}
	ec2_free(e);
}
END_TEST

START_TEST(probability_is_seeded)
{
	struct ec2 *e = ec2_new();
	struct sim_faults *a = sim_faults_new(5);
	struct sim_faults *b = sim_faults_new(5);
	unsigned fired = 0;

	add(a, "{\"effect\": \"drop\", \"probability\": 0.3}");
	add(b, "{\"effect\": \"drop\", \"probability\": 0.3}");
	for (int n = 0; n < 10000; n++) {
		bool fires = pick(a, e, "X", "") != 0;

		ck_assert_int_eq(fires, pick(b, e, "X", "") != 0);
		fired += fires;
	}
	ck_assert_uint_gt(fired, 2800);
	ck_assert_uint_lt(fired, 3200);
	ck_assert_int_eq(sim_faults_list(a)->matched, 10000);
	ck_assert_int_eq(sim_faults_list(a)->fired, fired);
	sim_faults_free(a);
	sim_faults_free(b);
	ec2_free(e);
}
END_TEST

#define SPEC                                                                           \
	"TagSpecification.1.ResourceType=volume&TagSpecification.1.Tag.1.Key=v&"       \
	"TagSpecification.2.ResourceType=instance&TagSpecification.2.Tag.1.Key="       \
	"ec2workerd:worker&TagSpecification.2.Tag.1.Value="

/* There is an instance of bot1, whose id stands for %s. */
static const struct {
	int line;
	const char *rule, *form;
	bool fires;
} subjects[] = {
	{__LINE__, "{\"effect\": \"drop\", \"worker\": \"bot1\"}", SPEC "bot1", true},
	{__LINE__, "{\"effect\": \"drop\", \"worker\": \"bot*\"}", SPEC "bot1", true},
	{__LINE__, "{\"effect\": \"drop\", \"worker\": \"bot2\"}", SPEC "bot1", false},
	{__LINE__, "{\"effect\": \"drop\", \"worker\": \"bot1\"}", "", false},
	{__LINE__, "{\"effect\": \"drop\", \"worker\": \"bot1\"}", "InstanceId.1=%s",
		true},
	{__LINE__, "{\"effect\": \"drop\", \"worker\": \"bot1\"}", "InstanceId=%s",
		true},
	{__LINE__, "{\"effect\": \"drop\", \"worker\": \"bot1\"}",
		"InstanceId.1=i-00000000&InstanceId.2=%s", true},
	{__LINE__, "{\"effect\": \"drop\", \"worker\": \"bot2\"}", "InstanceId.1=%s",
		false},
	{__LINE__, "{\"effect\": \"drop\", \"worker\": \"bot1\"}",
		"InstanceId.1=i-00000000", false},
	{__LINE__, "{\"effect\": \"drop\", \"instance\": \"i-*\"}", "InstanceId.1=%s",
		true},
	{__LINE__, "{\"effect\": \"drop\", \"instance\": \"i-0000*\"}",
		"InstanceId.1=i-00000000", true},
	{__LINE__, "{\"effect\": \"drop\", \"instance\": \"i-0000*\"}",
		"InstanceId.1=%s", false},
	{__LINE__, "{\"effect\": \"drop\", \"instance\": \"*\"}", SPEC "bot1", false},
	{__LINE__, "{\"effect\": \"drop\", \"tags\": {\"ec2workerd:worker\": \"*\"}}",
		SPEC "bot1", true},
	{__LINE__, "{\"effect\": \"drop\", \"params\": {\"DryRun\": \"true\"}}",
		"DryRun=true", true},
	{__LINE__, "{\"effect\": \"drop\", \"params\": {\"DryRun\": \"true\"}}", "",
		false},
	{__LINE__, "{\"effect\": \"drop\", \"params\": {\"A\": \"x*\", \"B\": \"*\"}}",
		"A=xy&B=1", true},
	{__LINE__, "{\"effect\": \"drop\", \"params\": {\"A\": \"x*\", \"B\": \"*\"}}",
		"A=xy", false},
	{__LINE__, "{\"effect\": \"drop\", \"tags\": {\"v\": \"*\"}}", SPEC "bot1",
		false},
	{__LINE__,
		"{\"effect\": \"drop\", \"tags\": {\"ec2workerd:worker\": \"*\", \"x\": \"*\"}}",
		SPEC "bot1", false},
};

START_TEST(about)
{
	struct ec2 *e = ec2_new();
	const char *id = ec2_run(e, SPEC "bot1");

	for (size_t n = 0; n < COUNT_OF(subjects); n++) {
		struct sim_faults *f = sim_faults_new(1);
		const char *percent = strstr(subjects[n].form, "%s");
		AUTO(free)
		char *form = percent == NULL
			? xstrdup(subjects[n].form)
			: xasprintf("%.*s%s", (int)(percent - subjects[n].form),
				  subjects[n].form, id);

		ck_assert_int_eq(add(f, subjects[n].rule), 0);
		ck_assert_msg((pick(f, e, "X", form) != 0) == subjects[n].fires,
			"line %d", subjects[n].line);
		sim_faults_free(f);
	}
	ec2_free(e);
}
END_TEST

/* The first that fires decides; those behind it do not count the request. */
START_TEST(order)
{
	struct ec2 *e = ec2_new();
	struct sim_faults *f = sim_faults_new(1);

	add(f, "{\"effect\": \"drop\", \"nth\": 2}");
	add(f, "{\"effect\": \"reset\", \"nth\": 2}");
	ck_assert_uint_eq(pick(f, e, "X", ""), 0);
	ck_assert_uint_eq(pick(f, e, "X", ""), 1);
	ck_assert_uint_eq(pick(f, e, "X", ""), 2);
	ck_assert_uint_eq(pick(f, e, "X", ""), 0);
	ck_assert_uint_eq(sim_faults_remove(f, 1), 1);
	ck_assert_uint_eq(sim_faults_remove(f, 1), 0);
	ck_assert_uint_eq(sim_faults_list(f)->id, 2);
	ck_assert_uint_eq(sim_faults_remove(f, 0), 1);
	ck_assert_ptr_null(sim_faults_list(f));
	sim_faults_free(f);
	ec2_free(e);
}
END_TEST

static const struct {
	int line;
	const char *rule;
	bool good;
} rules[] = {
	{__LINE__, "{\"effect\": \"error\", \"code\": \"X\", \"status\": 503}", true},
	{__LINE__, "{\"effect\": \"cut\", \"at\": 100}", true},
	{__LINE__, "{\"effect\": \"delay\", \"delay\": \"0.5s\", \"after\": true}",
		true},
	{__LINE__, "{}", false},
	{__LINE__, "{\"effect\": \"explode\"}", false},
	{__LINE__, "{\"effect\": \"drop\", \"nht\": 1}", false},
	{__LINE__, "{\"effect\": \"drop\", \"nth\": 0}", false},
	{__LINE__, "{\"effect\": \"drop\", \"nth\": 1, \"every\": 2}", false},
	{__LINE__, "{\"effect\": \"drop\", \"every\": 1, \"probability\": 0.5}", false},
	{__LINE__, "{\"effect\": \"drop\", \"probability\": 1.5}", false},
	{__LINE__, "{\"effect\": \"delay\"}", false},
	{__LINE__, "{\"effect\": \"error\", \"status\": 99}", false},
};

START_TEST(rows)
{
	for (size_t n = 0; n < COUNT_OF(rules); n++) {
		struct sim_faults *f = sim_faults_new(1);

		ck_assert_msg((add(f, rules[n].rule) == 0) == rules[n].good, "line %d",
			rules[n].line);
		sim_faults_free(f);
	}
}
END_TEST

START_TEST(acts)
{
	for (int effect = 0; effect < SIM_EFFECT_COUNT; effect++) {
		struct sim_fault fault = {.effect = effect};
		bool must = effect == SIM_EFFECT_CUT || effect == SIM_EFFECT_LENGTH ||
			effect == SIM_EFFECT_TWICE || effect == SIM_EFFECT_DELAY ||
			effect == SIM_EFFECT_STICK || effect == SIM_EFFECT_FAIL;

		ck_assert_int_eq(sim_fault_acts(&fault), must);
		fault.after = true;
		ck_assert(sim_fault_acts(&fault));
		ck_assert_ptr_nonnull(sim_effect_name((enum sim_effect)effect));
	}
}
END_TEST

/* How many of a hundred requests at once pass, and how many of another hundred 10 s later. */
static const struct {
	int line;
	const char *action, *form;
	unsigned at_once, later;
} buckets[] = {
	{__LINE__, "RunInstances", "MaxCount=1", 5, 5},
	{__LINE__, "RunInstances", "MaxCount=400", 2, 0},
	{__LINE__, "DescribeInstances", "", 50, 50},
	{__LINE__, "DescribeInstances", "MaxResults=1000", 100, 100},
	{__LINE__, "DescribeInstances", "Filter.1.Name=x", 100, 100},
	{__LINE__, "DescribeInstances", "InstanceId.1=x", 100, 100},
	{__LINE__, "DescribeInstances", "InstanceId=x", 50, 50},
	{__LINE__, "TerminateInstances", "InstanceId.1=x", 100, 50},
	{__LINE__, "StopInstances", "InstanceId.1=x", 50, 50},
	{__LINE__, "StartInstances", "InstanceId.1=x", 5, 5},
	{__LINE__, "CreateTags", "", 100, 100},
	{__LINE__, "GetConsoleOutput", "", 20, 10},
};

static unsigned
spend(struct sim_throttle *t, const char *region, const char *action, const char *form)
{
	const struct sim_action *row = sim_action_find(&sim_ec2, action);
	AUTO(sim_params) struct sim_params params = {0};
	struct sim_error error = {0};
	unsigned passed = 0;

	ck_assert_int_eq(sim_params_parse(form, strlen(form), &params, &error), 0);
	for (int n = 0; n < 100; n++)
		passed += sim_throttle_spend(t, region, row, &params, &error) == 0;
	if (passed < 100) {
		ck_assert_str_eq(error.code, "RequestLimitExceeded");
		ck_assert_int_eq(error.status, 503);
	}
	return passed;
}

START_TEST(throttle)
{
	clock_fake(1000000, 0);
	for (size_t n = 0; n < COUNT_OF(buckets); n++) {
		struct sim_throttle *t = sim_throttle_new();
		unsigned passed = spend(t, "r", buckets[n].action, buckets[n].form);

		ck_assert_msg(passed == buckets[n].at_once, "line %d: %u",
			buckets[n].line, passed);
		passed = spend(t, "r", buckets[n].action, buckets[n].form);
		ck_assert_msg(passed == 0 || buckets[n].at_once == 100, "line %d",
			buckets[n].line);
		sim_throttle_clear(t);
		spend(t, "r", buckets[n].action, buckets[n].form);
		clock_fake_advance(10000);
		passed = spend(t, "r", buckets[n].action, buckets[n].form);
		ck_assert_msg(passed == buckets[n].later, "line %d: %u later",
			buckets[n].line, passed);
		/* Each region has its own. */
		passed = spend(t, "s", buckets[n].action, buckets[n].form);
		ck_assert_msg(passed == buckets[n].at_once, "line %d", buckets[n].line);
		sim_throttle_free(t);
	}
}
END_TEST

static const char *const head[3] = {"POST", "/", "AWS4..."};

START_TEST(journal)
{
	struct sim_journal *j = sim_journal_new();
	struct sim_record *r = sim_journal_add(j, "RunInstances", head, "a=1\0b", 5);
	size_t count;

	ck_assert_uint_eq(r->seq, 1);
	ck_assert_str_eq(sim_record_text(r, 0), "POST");
	ck_assert_str_eq(sim_record_text(r, 2), "AWS4...");
	ck_assert_int_eq(memcmp(sim_record_text(r, 3), "a=1\0b", 6), 0);
	sim_journal_add(j, NULL, head, "", 0);
	sim_journal_add(j, "RunInstances", head, "", 0);
	ck_assert_ptr_eq(sim_journal_find(j, 1), r);
	ck_assert_ptr_null(sim_journal_find(j, 0));
	ck_assert_ptr_null(sim_journal_find(j, 4));
	ck_assert_str_eq(sim_journal_counts(j, &count)[0].action, "RunInstances");
	ck_assert_uint_eq(sim_journal_counts(j, &count)[0].calls, 2);
	ck_assert_str_eq(sim_journal_counts(j, &count)[1].action, "?");
	ck_assert_uint_eq(count, 2);
	sim_journal_clear(j);
	ck_assert_ptr_null(sim_journal_find(j, 3));
	sim_journal_counts(j, &count);
	ck_assert_uint_eq(count, 0);
	/* Numbers go on, so that nobody who follows them is misled. */
	ck_assert_uint_eq(sim_journal_add(j, "X", head, "", 0)->seq, 4);
	sim_journal_free(j);
}
END_TEST

START_TEST(journal_bounds)
{
	struct sim_journal *j = sim_journal_new();
	AUTO(free) char *body = xcalloc(1, 1 << 20);

	for (int n = 0; n < SIM_JOURNAL_MAX + 50; n++)
		sim_journal_add(j, "X", head, "b", 1);
	ck_assert_uint_eq(sim_journal_first(j), 51);
	ck_assert_uint_eq(sim_journal_last(j), SIM_JOURNAL_MAX + 50);
	for (int n = 0; n < 100; n++)
		sim_journal_add(j, "X", head, body, 1 << 20);
	ck_assert_uint_eq(sim_journal_last(j) - sim_journal_first(j) + 1, 31);
	sim_journal_free(j);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("sim_fault");
	TCase *all = tcase_create("all");

	tcase_add_test(all, when);
	tcase_add_test(all, probability_is_seeded);
	tcase_add_test(all, about);
	tcase_add_test(all, order);
	tcase_add_test(all, rows);
	tcase_add_test(all, acts);
	tcase_add_test(all, throttle);
	tcase_add_test(all, journal);
	tcase_add_test(all, journal_bounds);
	suite_add_tcase(suite, all);
	return suite;
}
