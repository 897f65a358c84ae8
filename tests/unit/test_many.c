/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs for many workers when the connection is lost: what is asked again, and what is not.
 */
#include "base/mem.h"
#include "ctl/ctl.h"
#include "ctl_run.h"
#include "unit.h"

#include <string.h>

#define RESULT(id, result) "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"result\":" result "}"

/* The key of the nth request, counted from 0; "" if it has none. The caller's. */
static char *
key_of(const char *requests, size_t n)
{
	static const char member[] = "\"request\":\"";
	const char *line = requests, *key;

	for (; n > 0 && line != NULL; n--)
		line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL;
	ck_assert_ptr_nonnull(line);
	key = strstr(line, member);
	if (key == NULL || key > strchr(line, '\n'))
		return xstrdup("");
	key += strlen(member);
	return xstrndup(key, strcspn(key, "\""));
}

static void
check_keys(const char *requests, size_t a, size_t b, bool same)
{
	AUTO(free) char *one = key_of(requests, a);
	AUTO(free) char *other = key_of(requests, b);

	ck_assert_str_ne(one, "");
	ck_assert_int_eq(strcmp(one, other) == 0, same);
}

/* What was not answered before the loss is asked again under its key, and only that. */
START_TEST(test_repeated)
{
	const char *args[] = {"up", "a", "b", NULL};
	const char *replies[] = {
		RESULT(1, "{\"worker\":\"a\",\"generation\":1,\"instance\":null}"),
		ctl_silence, ctl_hangup, ctl_silence, ctl_hangup,
		RESULT(1, "{\"worker\":\"b\",\"generation\":7,\"instance\":null}"),
		NULL};
	struct outcome o;

	outcome_of(args, replies, &o);
	ck_assert_int_eq(o.code, CTL_DONE);
	ck_assert_str_eq(o.out,
		"a: attached, generation 1\nb: attached, generation 7\n");
	ck_assert_str_eq(o.err, "");
	check_keys(o.requests, 0, 1, false);
	check_keys(o.requests, 1, 2, true);
	check_keys(o.requests, 1, 3, true);
	outcome_fini(&o);
}
END_TEST

/* The time is not longer for it. */
START_TEST(test_repeated_with_what_is_left)
{
	const char *args[] = {"down", "a", "--timeout", "59s", "--request", "mine",
		NULL};
	const char *replies[] = {ctl_silence, ctl_hangup,
		RESULT(1, "{\"worker\":\"a\",\"generation\":1}"), NULL};
	struct outcome o;
	const char *second;

	outcome_of(args, replies, &o);
	ck_assert_int_eq(o.code, CTL_DONE);
	check_keys(o.requests, 0, 1, true);
	ck_assert_ptr_nonnull(strstr(o.requests, "\"request\":\"mine\""));
	ck_assert_ptr_nonnull(strstr(o.requests, "\"timeout\":\"59s\""));
	second = strstr(strchr(o.requests, '\n'), "\"timeout\":\"");
	ck_assert_ptr_nonnull(second);
	ck_assert_ptr_null(strstr(second, "59s"));
	outcome_fini(&o);
}
END_TEST

START_TEST(test_not_repeated)
{
	static const struct {
		const char *args[6];
		const char *err;
	} cases[] = {
		/* Without a key nobody knows whether it has happened. */
		{{"hold", "a"}, "ec2workerctl: the daemon has closed the connection\n"},
		/* When the time is up, it is up. */
		{{"up", "a", "--timeout", "0.3s"}, NULL},
	};
	const char *replies[] = {ctl_silence, ctl_hangup, NULL};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct outcome o;

		outcome_of(cases[i].args, replies, &o);
		ck_assert_int_eq(o.code, CTL_NO_DAEMON);
		ck_assert(cases[i].err == NULL || strcmp(o.err, cases[i].err) == 0);
		ck_assert_str_ne(o.err, "");
		outcome_fini(&o);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("many");
	TCase *tc = tcase_create("many");

	tcase_add_test(tc, test_repeated);
	tcase_add_test(tc, test_repeated_with_what_is_left);
	tcase_add_test(tc, test_not_repeated);
	suite_add_tcase(suite, tc);
	return suite;
}
