/* SPDX-License-Identifier: Apache-2.0 */
/* Keys given and issued: what is found, what is forgotten, when one ends, what is derived. */
#include "unit.h"

#include "base/mem.h"
#include "sim/keys.h"
#include "sim/sigv4.h"
#include "sys/crypto.h"

#include <stdio.h>
#include <string.h>

START_TEST(given)
{
	struct sim_keys *keys = sim_keys_new();

	ck_assert(!sim_keys_are_given(keys));
	sim_keys_issue(keys, "arn", 1000);
	ck_assert(!sim_keys_are_given(keys));
	sim_keys_add(keys, "A", "secret", NULL);
	sim_keys_add(keys, "B", "other", "token");
	ck_assert(sim_keys_are_given(keys));
	ck_assert_str_eq(sim_keys_find(keys, "A")->secret.text, "secret");
	ck_assert_ptr_null(sim_keys_find(keys, "A")->token.text);
	ck_assert_ptr_null(sim_keys_find(keys, "A")->arn);
	ck_assert_int_eq(sim_keys_find(keys, "A")->expires_ms, INT64_MAX);
	ck_assert_str_eq(sim_keys_find(keys, "B")->token.text, "token");
	ck_assert_ptr_null(sim_keys_find(keys, "C"));
	sim_keys_free(keys);
	sim_keys_free(NULL);
}
END_TEST

START_TEST(issued)
{
	struct sim_keys *keys = sim_keys_new();
	const struct sim_key *k = sim_keys_issue(keys, "arn:role", 1800000001999);
	char text[SIM_EXPIRY_SIZE];

	ck_assert_uint_eq(strlen(k->id), 20);
	ck_assert_int_eq(strncmp(k->id, "ASIA", 4), 0);
	ck_assert_uint_eq(strspn(k->id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"), 20);
	ck_assert_uint_eq(strlen(k->secret.text), 40);
	ck_assert_uint_ge(strlen(k->token.text), 300);
	ck_assert_str_eq(k->arn, "arn:role");
	/* To the second, as it is written. */
	ck_assert_int_eq(k->expires_ms, 1800000001000);
	ck_assert_str_eq(sim_key_expiry(k, text), "2027-01-15T08:00:01Z");
	sim_keys_free(keys);
}
END_TEST

START_TEST(oldest_forgotten)
{
	struct sim_keys *keys = sim_keys_new();
	AUTO(free) char *first = xstrdup(sim_keys_issue(keys, "arn", 1000)->id);
	AUTO(free) char *second = xstrdup(sim_keys_issue(keys, "arn", 1000)->id);

	for (int n = 2; n < SIM_SESSIONS_MAX; n++)
		sim_keys_issue(keys, "arn", 1000);
	ck_assert_ptr_nonnull(sim_keys_find(keys, first));
	sim_keys_issue(keys, "arn", 1000);
	ck_assert_ptr_null(sim_keys_find(keys, first));
	ck_assert_ptr_nonnull(sim_keys_find(keys, second));
	sim_keys_free(keys);
}
END_TEST

/* One key for each part of the scope, however many are kept. */
START_TEST(derived)
{
	struct sim_identity ids[] = {
		{.date = "20260131", .region = "us-east-1", .service = "ec2"},
		{.date = "20260201", .region = "us-east-1", .service = "ec2"},
		{.date = "20260131", .region = "eu-west-1", .service = "ec2"},
		{.date = "20260131", .region = "us-east-1", .service = "sts"},
	};
	unsigned char first[COUNT_OF(ids)][CRYPTO_SHA256_SIZE];
	struct sim_keys *keys = sim_keys_new();

	for (size_t n = 0; n < COUNT_OF(ids); n++) {
		memcpy(first[n], sim_keys_derive(keys, "s", &ids[n]), sizeof(first[n]));
		for (size_t m = 0; m < n; m++)
			ck_assert_mem_ne(first[n], first[m], sizeof(first[n]));
	}
	for (int n = 0; n < 1000; n++) {
		struct sim_identity id = ids[0];

		(void)snprintf(id.region, sizeof(id.region), "r%d", n);
		(void)sim_keys_derive(keys, "s", &id);
	}
	for (size_t n = 0; n < COUNT_OF(ids); n++)
		ck_assert_mem_eq(sim_keys_derive(keys, "s", &ids[n]), first[n],
			sizeof(first[n]));
	sim_keys_free(keys);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("sim_keys");
	TCase *all = tcase_create("all");

	tcase_add_test(all, given);
	tcase_add_test(all, issued);
	tcase_add_test(all, oldest_forgotten);
	tcase_add_test(all, derived);
	suite_add_tcase(s, all);
	return s;
}
