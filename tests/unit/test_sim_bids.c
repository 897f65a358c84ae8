/* SPDX-License-Identifier: Apache-2.0 */
/* Spot requests of RequestSpotInstances: what holds them, what fills them, what ends them. */
#include "unit.h"

#include "base/clock.h"
#include "base/mem.h"
#include "sim/bids.h"
#include "sim/cloud.h"
#include "sim/prices.h"
#include "sim_call.h"

#include <string.h>

#define SPEC                                                                           \
	"&LaunchSpecification.ImageId=ami-1&LaunchSpecification.InstanceType=m5.large" \
	"&LaunchSpecification.Placement.AvailabilityZone=us-east-1a"
#define ASK "RequestSpotInstances&SpotPrice=0.05" SPEC

/* What the first request is, some time after it was made. */
static const struct {
	int line;
	const char *scenario, *more;
	int64_t after_ms;
	const char *state, *status;
} fates[] = {
	{__LINE__, "{}", "", 0, "active", "fulfilled"},
	{__LINE__, "{\"spot_fulfillment\": 5}", "", 4999, "open", "pending-evaluation"},
	{__LINE__, "{\"spot_fulfillment\": 5}", "", 5000, "active", "fulfilled"},
	{__LINE__, "{\"capacity\": [{\"available\": 0}]}", "", 60000, "open",
		"capacity-not-available"},
	{__LINE__,
		"{\"prices\": [{\"type\": \"m5.large\", \"zone\": \"us-east-1a\","
		" \"price\": 0.06}]}",
		"", 0, "open", "price-too-low"},
	{__LINE__,
		"{\"prices\": [{\"type\": \"m5.large\", \"zone\": \"us-east-1a\","
		" \"price\": 0.05}]}",
		"", 0, "active", "fulfilled"},
	{__LINE__, "{\"impaired_zones\": [\"us-east-1a\"]}", "", 0, "open",
		"capacity-not-available"},
	{__LINE__, "{\"spot_fulfillment\": 5}", "&ValidUntil=2027-01-15T08:00:03Z",
		3000, "closed", "schedule-expired"},
	{__LINE__, "{\"spot_fulfillment\": 5}", "&ValidUntil=2027-01-15T08:00:30Z",
		5000, "active", "fulfilled"},
};

START_TEST(fate)
{
	for (size_t n = 0; n < COUNT_OF(fates); n++) {
		struct ec2 *e = ec2_new();
		AUTO(free) char *form = xasprintf(ASK "%s", fates[n].more);
		bool filled = strcmp(fates[n].status, "fulfilled") == 0;

		ec2_scenario(e, fates[n].scenario);
		ck_assert_msg(ec2_call(e, form) == 0, "line %d: %s", fates[n].line,
			e->message);
		ck_assert_str_eq(ec2_text(e, "state", 0), "open");
		ec2_advance(e, fates[n].after_ms);
		ck_assert_int_eq(ec2_call(e, "DescribeSpotInstanceRequests"), 0);
		ck_assert_msg(strcmp(ec2_text(e, "state", 0), fates[n].state) == 0 &&
				strcmp(ec2_text(e, "code", 0), fates[n].status) == 0,
			"line %d: %s %s", fates[n].line, ec2_text(e, "state", 0),
			ec2_text(e, "code", 0));
		ck_assert_uint_eq(ec2_count(e, "instanceId"), filled);
		ck_assert_uint_eq(sim_cloud_count(e->cloud), filled);
		ec2_free(e);
	}
}
END_TEST

/* Held by the price, then by the room, then by nothing. */
START_TEST(what_holds_it_goes)
{
	struct ec2 *e = ec2_new();
	AUTO(free) char *form = NULL;

	ec2_scenario(e,
		"{\"prices\": [{\"type\": \"m5.large\", \"zone\": \"us-east-1a\","
		" \"price\": 0.06}], \"capacity\": [{\"available\": 1}]}");
	form = xasprintf("TerminateInstances&InstanceId.1=%s",
		ec2_run(e, "InstanceType=c5.large"));
	ck_assert_int_eq(ec2_call(e, ASK), 0);
	ec2_advance(e, 0);
	ck_assert_str_eq(sim_bids_first(e->bids)->held_by, "price-too-low");
	sim_prices_put(e->prices, "m5.large", "us-east-1a", "Linux/UNIX", 0.04,
		clock_wall_ms());
	ec2_advance(e, 0);
	ck_assert_str_eq(sim_bids_first(e->bids)->held_by, "capacity-not-available");
	ck_assert(sim_bid_is_open(sim_bids_first(e->bids)));
	ck_assert_int_eq(ec2_call(e, form), 0);
	ec2_advance(e, 0);
	ck_assert_ptr_nonnull(sim_bids_first(e->bids)->instance);
	ck_assert(!sim_bid_is_open(sim_bids_first(e->bids)));
	ck_assert_int_eq(sim_bids_next_due_ms(e->bids), INT64_MAX);
	ec2_free(e);
}
END_TEST

START_TEST(cancelled)
{
	struct ec2 *e = ec2_new();
	AUTO(free) char *first = NULL;
	AUTO(free) char *second = NULL;
	const struct sim_bid *bid;

	ec2_scenario(e, "{\"spot_fulfillment\": 5}");
	ck_assert_int_eq(
		ec2_call(e, "RequestSpotInstances&InstanceCount=2&SpotPrice=1" SPEC),
		0);
	bid = sim_bids_first(e->bids);
	ck_assert_int_eq(sim_bids_next_due_ms(e->bids), clock_ms() + 5000);
	first = xasprintf("CancelSpotInstanceRequests&SpotInstanceRequestId.1=%s",
		bid->id);
	second = xasprintf("CancelSpotInstanceRequests&SpotInstanceRequestId.1=%s",
		bid->next->id);
	ck_assert_int_eq(ec2_call(e, first), 0);
	ec2_advance(e, 5000);
	ck_assert_ptr_null(bid->instance);
	ck_assert_ptr_nonnull(bid->next->instance);
	ck_assert_int_eq(ec2_call(e, second), 0);
	ck_assert_int_eq(ec2_call(e, "DescribeSpotInstanceRequests"), 0);
	ck_assert_str_eq(ec2_text(e, "code", 0), "canceled-before-fulfillment");
	ck_assert_str_eq(ec2_text(e, "code", 1),
		"request-canceled-and-instance-running");
	ck_assert_int_eq(bid->next->instance->state, SIM_PENDING);
	ck_assert_int_eq(sim_bids_next_due_ms(e->bids), INT64_MAX);
	/* The instance knows its request by the id that was given out. */
	ck_assert_int_eq(ec2_call(e, "DescribeInstances"), 0);
	ck_assert_str_eq(ec2_text(e, "spotInstanceRequestId", 0), bid->next->id);
	sim_bids_clear(e->bids);
	ck_assert_ptr_null(sim_bids_first(e->bids));
	ec2_free(e);
}
END_TEST

static const struct {
	int line;
	const char *form, *code;
} refusals[] = {
	{__LINE__, ASK "&DryRun=true", "DryRunOperation"},
	{__LINE__, "RequestSpotInstances&SpotPrice=1", "MissingParameter"},
	{__LINE__, "RequestSpotInstances&SpotPrice=0" SPEC, "InvalidParameterValue"},
	{__LINE__, ASK "&Type=persistent", "InvalidParameterValue"},
	{__LINE__, ASK "&InstanceCount=0", "InvalidParameterValue"},
	{__LINE__, ASK "&ValidUntil=tomorrow", "InvalidParameterValue"},
	{__LINE__, ASK "&LaunchSpecification.UserData=***", "InvalidParameterValue"},
	{__LINE__, ASK "&LaunchSpecification.Colour=red", "UnknownParameter"},
	{__LINE__, ASK "&LaunchSpecification.ClientToken=t", "UnknownParameter"},
	{__LINE__, ASK "&LaunchSpecification.MetadataOptions.HttpTokens=required",
		"UnknownParameter"},
	{__LINE__, ASK "&LaunchSpecification.SubnetId=net",
		"InvalidSubnetID.Malformed"},
	{__LINE__, ASK "&TagSpecification.1.ResourceType=instance",
		"InvalidParameterValue"},
};

START_TEST(refused)
{
	struct ec2 *e = ec2_new();

	for (size_t n = 0; n < COUNT_OF(refusals); n++) {
		ec2_call(e, refusals[n].form);
		ck_assert_msg(strcmp(e->code, refusals[n].code) == 0,
			"line %d: '%s' %s", refusals[n].line, e->code, e->message);
	}
	ck_assert_ptr_null(sim_bids_first(e->bids));
	ec2_free(e);
}
END_TEST

/* What is only tried is no repetition of what was asked for. */
START_TEST(tried_with_a_token)
{
	struct ec2 *e = ec2_new();

	ck_assert_int_eq(ec2_call(e, ASK "&ClientToken=a"), 0);
	ck_assert_int_ne(ec2_call(e, ASK "&ClientToken=a&DryRun=true"), 0);
	ck_assert_str_eq(e->code, "DryRunOperation");
	ck_assert_ptr_null(sim_bids_first(e->bids)->next);
	ec2_free(e);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("sim_bids");
	TCase *all = tcase_create("all");

	tcase_add_test(all, fate);
	tcase_add_test(all, what_holds_it_goes);
	tcase_add_test(all, cancelled);
	tcase_add_test(all, refused);
	tcase_add_test(all, tried_with_a_token);
	suite_add_tcase(s, all);
	return s;
}
