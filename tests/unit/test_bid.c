/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of bids: P1, P3, P4 and H5, with exact figures. */
#include "core/bid.h"
#include "base/buf.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf_util.h"
#include "unit.h"

#include <math.h>
#include <string.h>

static const struct {
	int line;
	const char *keys; /* of the worker, beside spot_instance */
	double mean;
	size_t rows;
	const char *bids; /* of so many requests */
} cases[] = {
	/* the example of H5 */
	{__LINE__,
		"price_multiplier: 1.15, retry_price_adjustment: 1.1, retry: 3, "
		"max_spot_price: 0.08",
		0.06, 4, "0.069 0.0759 0.08"},
	/* P1: the mean times the multiplier, at most the maximum */
	{__LINE__, "", 0.05, 1, "0.06"},
	{__LINE__, "max_spot_price: 0.055", 0.05, 1, "0.055"},
	{__LINE__, "max_spot_price: ~", 10, 1, "12"},
	{__LINE__, "price_multiplier: ~", 0.05, 1, "1.6"},
	{__LINE__, "price_multiplier: ~, max_spot_price: 0.3", 0.05, 1, "0.3"},
	{__LINE__, "", 10, 1, "1.6"},
	/* P3: no history; the multiplier has no part in it, the maximum has */
	{__LINE__, "price_multiplier: 5", 0, 0, "0.02"},
	{__LINE__, "max_spot_price: 0.01", 0, 0, "0.01"},
	/* P4: plain decimals */
	{__LINE__, "price_multiplier: 1", 0.000012, 1, "0.000012"},
	{__LINE__, "price_multiplier: 1", 0.0000000001, 1, "0.000000001"},
	/* H5: a maximum that is written caps every bid, the built-in one only the first */
	{__LINE__, "retry: 3, retry_price_adjustment: 2, max_spot_price: 1.6", 1, 1,
		"1.2 1.6 1.6"},
	{__LINE__, "retry: 3, retry_price_adjustment: 2", 1, 1, "1.2 2.4 4.8"},
	{__LINE__, "retry: 3, retry_price_adjustment: 2", 10, 1, "1.6 3.2 6.4"},
	{__LINE__, "retry: 3, retry_price_adjustment: 2, max_spot_price: ~", 10, 1,
		"12 24 48"},
	{__LINE__, "retry: 3", 0.1, 1, "0.12 0.12 0.12"},
	{__LINE__, "retry: 3, retry_price_adjustment: 0.5", 1, 1, "1.2 0.6 0.3"},
	{__LINE__, "retry: 3, retry_price_adjustment: 1e300", 1, 1,
		"1.2 1000000 1000000"},
	{__LINE__, "retry: 2, retry_price_adjustment: 1e-300", 1, 1, "1.2 0.000000001"},
};

static struct conf *
with(const char *keys)
{
	AUTO(free)
	char *text = xasprintf("pool: p\nworkers:\n  a: { password: x, ami: ami-1, "
			       "keypair_name: k, security_name: g, instance_type: "
			       "m5.large, spot_instance: true%s%s }\n",
		keys[0] != '\0' ? ", " : "", keys);
	struct conf *conf;

	free(conf_told(text, NULL, &conf)); /* warnings may be */
	ck_assert(conf != NULL);
	return conf;
}

START_TEST(test_bids)
{
	struct conf *conf = with(cases[_i].keys);
	const struct conf_worker *c = conf->workers[0];
	const struct bid_mean mean = {cases[_i].mean, cases[_i].rows};
	double first = bid_first(c, &mean);
	AUTO(buf) struct buf all = {0};
	char text[BID_SIZE];

	for (unsigned n = 1; n <= (unsigned)c->retry; n++) {
		bid_print(bid_nth(c, first, n), text);
		buf_printf(&all, "%s%s", n > 1 ? " " : "", text);
	}
	ck_assert_msg(strcmp(buf_str(&all), cases[_i].bids) == 0, "line %d: %s",
		cases[_i].line, buf_str(&all));
	conf_free(conf);
}
END_TEST

START_TEST(test_history_is_not_always_asked)
{
	struct conf *conf = with(""), *no = with("price_multiplier: null");

	ck_assert(bid_needs_mean(conf->workers[0]));
	ck_assert(!bid_needs_mean(no->workers[0]));
	conf_free(conf);
	conf_free(no);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("bid");
	TCase *t = tcase_create("bids");

	tcase_add_loop_test(t, test_bids, 0, COUNT_OF(cases));
	tcase_add_test(t, test_history_is_not_always_asked);
	suite_add_tcase(s, t);
	return s;
}
