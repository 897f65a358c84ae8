/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ec2/endpoint.h"
#include "unit.h"

#include <string.h>

START_TEST(test_default)
{
	static const struct {
		const char *service, *region, *url;
	} cases[] = {
		{"ec2", "us-east-1", "https://ec2.us-east-1.amazonaws.com"},
		{"ec2", "us-gov-west-1", "https://ec2.us-gov-west-1.amazonaws.com"},
		{"sts", "cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(free)
		char *url = endpoint_default(cases[i].service, cases[i].region);

		ck_assert_str_eq(url, cases[i].url);
	}
}
END_TEST

START_TEST(test_parts)
{
	static const struct {
		const char *given, *url, *host, *path;
		bool plain;
		int line;
	} cases[] = {
		{"https://ec2.us-east-1.amazonaws.com",
			"https://ec2.us-east-1.amazonaws.com/",
			"ec2.us-east-1.amazonaws.com", "/", false, __LINE__},
		{"http://127.0.0.1:5000", "http://127.0.0.1:5000/", "127.0.0.1:5000",
			"/", true, __LINE__},
		{"http://127.0.0.1:5000/", "http://127.0.0.1:5000/", "127.0.0.1:5000",
			"/", true, __LINE__},
		{"HTTP://localhost:80", "HTTP://localhost/", "localhost", "/", true,
			__LINE__},
		{"https://localhost:443/a/b?c#d", "https://localhost/a/b", "localhost",
			"/a/b", false, __LINE__},
		{"https://localhost:80", "https://localhost:80/", "localhost:80", "/",
			false, __LINE__},
		{"http://[::1]:5000", "http://[::1]:5000/", "[::1]:5000", "/", true,
			__LINE__},
		{"http://[::80]", "http://[::80]/", "[::80]", "/", true, __LINE__},
		{"nonsense", "nonsense/", "nonsense", "/", false, __LINE__},
		{"", "/", "", "/", false, __LINE__},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct endpoint e;

		endpoint_init(&e, cases[i].given);
		ck_assert_msg(strcmp(e.url, cases[i].url) == 0 &&
				strcmp(e.host, cases[i].host) == 0 &&
				strcmp(e.path, cases[i].path) == 0 &&
				e.plain == cases[i].plain,
			"line %d: %s %s %s %d", cases[i].line, e.url, e.host, e.path,
			e.plain);
		endpoint_fini(&e);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("endpoint");
	TCase *tc = tcase_create("endpoint");

	tcase_add_test(tc, test_default);
	tcase_add_test(tc, test_parts);
	suite_add_tcase(suite, tc);
	return suite;
}
