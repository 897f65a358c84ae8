/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that hang: how long each rests, which URLs are of one host, and that a success ends
 * it.
 */
#include "sys/http_names.h"
#include "base/clock.h"
#include "base/mem.h"
#include "unit.h"

START_TEST(test_rests_grow)
{
	static const int64_t seconds[] = {2, 4, 8, 16, 32, 64, 64, 64};
	struct http_name *names = NULL;

	clock_fake(1000000, INT64_C(1790000000000));
	for (size_t n = 0; n < COUNT_OF(seconds); n++) {
		ck_assert(http_name_may(&names, "http://a.example/"));
		http_name_note(&names, "http://a.example/", true);
		ck_assert(!http_name_may(&names, "http://a.example/x"));
		clock_fake_advance(seconds[n] * 1000 - 1);
		ck_assert(!http_name_may(&names, "http://a.example/"));
		clock_fake_advance(1);
	}
	ck_assert(http_name_may(&names, "http://a.example/"));
	http_names_free(&names);
	ck_assert_ptr_null(names);
	clock_real();
}
END_TEST

static const struct {
	const char *url;
	bool same;
	int line;
} urls[] = {
	{"https://a.example:99/", true, __LINE__},
	{"https://a.example:99", true, __LINE__},
	{"https://a.example:99/path?query", true, __LINE__},
	{"https://a.example:99?query", true, __LINE__},
	{"https://a.example/", false, __LINE__},
	{"https://a.example:9/", false, __LINE__},
	{"https://b.example:99/", false, __LINE__},
	{"", false, __LINE__},
};

START_TEST(test_only_that_host)
{
	struct http_name *names = NULL;

	http_name_note(&names, "https://a.example:99/", true);
	ck_assert_msg(http_name_may(&names, urls[_i].url) != urls[_i].same, "line %d",
		urls[_i].line);
	http_names_free(&names);
}
END_TEST

START_TEST(test_found)
{
	struct http_name *names = NULL;

	http_name_note(&names, "http://a/", false);
	ck_assert_ptr_null(names);
	http_name_note(&names, "http://a/", true);
	http_name_note(&names, "http://b/", true);
	http_name_note(&names, "http://a/", false);
	ck_assert(http_name_may(&names, "http://a/"));
	ck_assert(!http_name_may(&names, "http://b/"));
	http_names_free(&names);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("http_names");
	TCase *t = tcase_create("all");

	tcase_add_test(t, test_rests_grow);
	tcase_add_loop_test(t, test_only_that_host, 0, COUNT_OF(urls));
	tcase_add_test(t, test_found);
	suite_add_tcase(s, t);
	return s;
}
