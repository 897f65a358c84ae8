/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "conf/conf.h"
#include "conf_util.h"
#include "core/cloud.h"
#include "core/rest.h"
#include "unit.h"

#include <string.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

static struct rng rng;
static struct cloud here = {.key = (char[]){"here"}};
static struct cloud there = {.key = (char[]){"there"}};
static struct conf *conf;
static struct rests *rests;

/* Two workers of one row, one that is equal but of another row. */
static void
begin(void)
{
	clock_fake(1000000, INT64_C(1790000000000));
	rng_seed(&rng, 5);
	conf = conf_good(
		"pool: p\n"
		"worker_defaults: { password: x, ami: ami-1, keypair_name: k,\n"
		"  security_name: g, instance_type: m5.large }\n"
		"workers:\n"
		"  a-[1-2]: {}\n"
		"  b: {}\n");
	rests = rests_new(&rng, NULL);
}

static void
end(void)
{
	rests_free(rests);
	conf_free(conf);
	clock_real();
}

static struct rest_at
at(const char *type, const char *zone, const char *subnet, bool spot)
{
	return (struct rest_at){&here, conf->workers[0], type, zone, subnet, spot};
}

static bool
refuse(const struct rest_at *where, const char *code, enum err_reason reason)
{
	struct err err;

	err_set(&err, ERR_SERVICE, "RunInstances: %s", code);
	err_origin(&err, code, NULL, NULL);
	err.reason = reason;
	return rests_refused(rests, where, &err);
}

/* What a refusal covers: itself, and what shares the limit that it speaks of. */
static const struct {
	int line;
	const char *code;
	enum err_reason reason;
	struct {
		const char *type, *zone, *subnet;
		bool spot;
	} refused, other;
	bool rests;
} covered[] = {
	{__LINE__, "InsufficientInstanceCapacity", REASON_CAPACITY,
		{"m5.large", "z-a", NULL, false}, {"m5.large", "z-a", NULL, false},
		true},
	{__LINE__, "InsufficientInstanceCapacity", REASON_CAPACITY,
		{"m5.large", "z-a", NULL, false}, {"m5.large", "z-b", NULL, false},
		false},
	{__LINE__, "InsufficientInstanceCapacity", REASON_CAPACITY,
		{"m5.large", "z-a", NULL, false}, {"m5.xlarge", "z-a", NULL, false},
		false},
	{__LINE__, "InsufficientInstanceCapacity", REASON_CAPACITY,
		{"m5.large", "z-a", NULL, false}, {"m5.large", "z-a", NULL, true},
		false},
	{__LINE__, "InsufficientInstanceCapacity", REASON_CAPACITY,
		{"m5.large", "z-a", "subnet-1", true},
		{"m5.large", "z-a", "subnet-2", true}, true},
	/* without a zone all have been tried; a subnet stands for its own */
	{__LINE__, "InsufficientInstanceCapacity", REASON_CAPACITY,
		{"m5.large", NULL, NULL, false}, {"m5.large", "z-a", NULL, false},
		true},
	{__LINE__, "InsufficientInstanceCapacity", REASON_CAPACITY,
		{"m5.large", "z-a", NULL, false}, {"m5.large", NULL, NULL, false},
		false},
	{__LINE__, "InsufficientInstanceCapacity", REASON_CAPACITY,
		{"m5.large", NULL, "subnet-1", false},
		{"m5.large", NULL, "subnet-2", false}, false},
	{__LINE__, "VcpuLimitExceeded", REASON_QUOTA, {"m5.large", "z-a", NULL, false},
		{"c7i.xlarge", "z-b", NULL, false}, true},
	{__LINE__, "VcpuLimitExceeded", REASON_QUOTA, {"m5.large", "z-a", NULL, false},
		{"c7i.xlarge", "z-a", NULL, true}, false},
	{__LINE__, "VcpuLimitExceeded", REASON_QUOTA, {"m5.large", "z-a", NULL, false},
		{"g5.xlarge", "z-a", NULL, false}, false},
	{__LINE__, "VcpuLimitExceeded", REASON_QUOTA, {"g5.xlarge", "z-a", NULL, false},
		{"vt1.3xlarge", "z-a", NULL, false}, true},
	{__LINE__, "VcpuLimitExceeded", REASON_QUOTA,
		{"p4d.24xlarge", NULL, NULL, true}, {"m5.large", NULL, NULL, true},
		false},
	{__LINE__, "VcpuLimitExceeded", REASON_QUOTA,
		{"hpc6a.48xlarge", NULL, NULL, true}, {"h1.2xlarge", NULL, NULL, true},
		false},
	{__LINE__, "InstanceLimitExceeded", REASON_QUOTA,
		{"m5.large", "z-a", NULL, false}, {"m5.large", "z-b", NULL, false},
		true},
	{__LINE__, "InstanceLimitExceeded", REASON_QUOTA,
		{"m5.large", "z-a", NULL, false}, {"c5.large", "z-b", NULL, false},
		false},
	{__LINE__, "InsufficientFreeAddressesInSubnet", REASON_QUOTA,
		{"m5.large", "z-a", "subnet-1", false},
		{"c5.large", "z-a", "subnet-1", true}, true},
	{__LINE__, "InsufficientFreeAddressesInSubnet", REASON_QUOTA,
		{"m5.large", "z-a", "subnet-1", false},
		{"m5.large", "z-a", "subnet-2", false}, false},
	{__LINE__, "VolumeLimitExceeded", REASON_QUOTA,
		{"m5.large", "z-a", NULL, false}, {"c5.large", "z-b", NULL, true},
		true},
	{__LINE__, "InvalidParameterValue", REASON_CONFIG,
		{"m5.large", "z-a", NULL, false}, {"m5.large", "z-b", NULL, false},
		true},
	{__LINE__, "InvalidParameterValue", REASON_CONFIG,
		{"m5.large", "z-a", NULL, false}, {"c5.large", "z-a", NULL, false},
		false},
	/* no matter of a place: permit.c's */
	{__LINE__, "UnauthorizedOperation", REASON_AUTH,
		{"m5.large", "z-a", NULL, false}, {"m5.large", "z-a", NULL, false},
		false},
	{__LINE__, "SpotMaxPriceTooLow", REASON_PRICE, {"m5.large", "z-a", NULL, true},
		{"m5.large", "z-a", NULL, true}, false},
	{__LINE__, "InternalError", REASON_INTERNAL, {"m5.large", "z-a", NULL, true},
		{"m5.large", "z-a", NULL, true}, false},
};

START_TEST(test_what_a_refusal_covers)
{
	struct rest_at refused, other;

	begin();
	refused = at(covered[_i].refused.type, covered[_i].refused.zone,
		covered[_i].refused.subnet, covered[_i].refused.spot);
	other = at(covered[_i].other.type, covered[_i].other.zone,
		covered[_i].other.subnet, covered[_i].other.spot);
	(void)refuse(&refused, covered[_i].code, covered[_i].reason);
	ck_assert_msg((rests_find(rests, &other) != NULL) == covered[_i].rests,
		"line %d", covered[_i].line);
	other.cloud = &there;
	ck_assert_ptr_null(rests_find(rests, &other));
	end();
}
END_TEST

START_TEST(test_capacity_rests_three_minutes)
{
	struct rest_at a;
	const struct rest *rest;

	begin();
	a = at("m5.large", "z", NULL, false);
	(void)refuse(&a, "InsufficientInstanceCapacity", REASON_CAPACITY);
	rest = rests_find(rests, &a);
	ck_assert_int_eq(rest->until_ms, clock_ms() + 3 * MINUTE);
	ck_assert_int_le(rest->again_ms, clock_ms() + SECOND);
	clock_fake_advance(3 * MINUTE - 1);
	ck_assert_ptr_nonnull(rests_find(rests, &a));
	clock_fake_advance(1);
	ck_assert_ptr_null(rests_find(rests, &a));
	ck_assert_ptr_null(rests_next(rests, NULL));
	end();
}
END_TEST

/* The oftener it is refused in a row, the more seldom it is tried. */
START_TEST(test_tries_back_off)
{
	struct rest_at a;
	int64_t longest = 0;

	begin();
	a = at("m5.large", "z", NULL, false);
	for (int n = 0; n < 40; n++) {
		int64_t wait;

		(void)refuse(&a, "InsufficientInstanceCapacity", REASON_CAPACITY);
		wait = rests_find(rests, &a)->again_ms - clock_ms();
		ck_assert(wait <= MINUTE && (n > 5 || wait <= SECOND << n));
		longest = wait > longest ? wait : longest;
	}
	ck_assert_int_gt(longest, 30 * SECOND);
	ck_assert_ptr_null(rests_next(rests, rests_next(rests, NULL)));
	end();
}
END_TEST

/* One tries, the others wait for what comes of that. */
START_TEST(test_one_tries)
{
	struct rest_at a;

	begin();
	a = at("m5.large", "z", NULL, false);
	(void)refuse(&a, "InsufficientInstanceCapacity", REASON_CAPACITY);
	clock_fake_advance(SECOND);
	ck_assert_int_le(rests_find(rests, &a)->again_ms, clock_ms());
	rests_try(rests, &a);
	ck_assert_int_eq(rests_find(rests, &a)->again_ms, clock_ms() + 30 * SECOND);
	ck_assert(!refuse(&a, "InsufficientInstanceCapacity", REASON_CAPACITY));
	ck_assert(rests_good(rests, &a));
	ck_assert_ptr_null(rests_find(rests, &a));
	ck_assert(!rests_good(rests, &a));
	ck_assert(refuse(&a, "InsufficientInstanceCapacity", REASON_CAPACITY));
	end();
}
END_TEST

/* The template is the row of the file and all that it makes, until a reload. */
START_TEST(test_template)
{
	struct rest_at a, same_row, other_row;

	begin();
	a = same_row = other_row = at("m5.large", "z", NULL, false);
	same_row.conf = conf->workers[1];
	other_row.conf = conf->workers[2];
	(void)refuse(&a, "InvalidAMIID.NotFound", REASON_CONFIG);
	clock_fake_advance(24 * 60 * MINUTE);
	ck_assert_int_eq(rests_find(rests, &same_row)->kind, REST_TEMPLATE);
	ck_assert_int_eq(rests_find(rests, &same_row)->again_ms, INT64_MAX);
	ck_assert_str_eq(rests_find(rests, &same_row)->why.origin,
		"InvalidAMIID.NotFound");
	ck_assert_ptr_null(rests_find(rests, &other_row));
	rests_reload(rests);
	ck_assert_ptr_null(rests_find(rests, &same_row));
	end();
}
END_TEST

/* Of several the one that lasts longest counts. */
START_TEST(test_several)
{
	struct rest_at a;

	begin();
	a = at("m5.large", "z", NULL, false);
	(void)refuse(&a, "InsufficientInstanceCapacity", REASON_CAPACITY);
	(void)refuse(&a, "VcpuLimitExceeded", REASON_QUOTA);
	ck_assert_str_eq(rests_find(rests, &a)->why.origin, "VcpuLimitExceeded");
	(void)refuse(&a, "InvalidParameterValue", REASON_CONFIG);
	ck_assert_int_eq(rests_find(rests, &a)->kind, REST_TEMPLATE);
	end();
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("rest");
	TCase *t = tcase_create("rests");

	tcase_add_loop_test(t, test_what_a_refusal_covers, 0, COUNT_OF(covered));
	tcase_add_test(t, test_capacity_rests_three_minutes);
	tcase_add_test(t, test_tries_back_off);
	tcase_add_test(t, test_one_tries);
	tcase_add_test(t, test_template);
	tcase_add_test(t, test_several);
	suite_add_tcase(s, t);
	return s;
}
