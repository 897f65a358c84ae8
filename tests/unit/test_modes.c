/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ec2workerd does instead of running: which option is which, what goes where, and the
 * exit codes.
 */
#include "conf_util.h"
#include "unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/modes.h"
#include "core/options.h"

#include <string.h>

#define GOOD CONF_TOP CONF_WORKER "    security_name: g\n    user_data: x\n"
#define BAD "pool: BAD\nworkers: {}\n"

static const struct {
	int line;
	const char *option;
	const char *file;
	int code;
	const char *out, *err; /* what is in it; NULL: nothing is */
} cases[] = {
	{__LINE__, "--help", GOOD, EXIT_GOOD, "Usage: ec2workerd", NULL},
	{__LINE__, "--version", GOOD, EXIT_GOOD, "ec2workerd " VERSION "\n", NULL},
	{__LINE__, "--print-schema", GOOD, EXIT_GOOD, "\"$schema\": ", NULL},
	{__LINE__, "--print-schema", BAD, EXIT_GOOD, "\"$schema\": ", NULL},
	{__LINE__, "--check", GOOD, EXIT_GOOD, "good: pool p, 1 workers\n", NULL},
	{__LINE__, "--check", BAD, EXIT_CONFIG, NULL, "error: pool: expected"},
	{__LINE__, "--print-policy", GOOD, EXIT_GOOD, "\"Version\": \"2012-10-17\"",
		NULL},
	{__LINE__, "--print-policy", BAD, EXIT_CONFIG, NULL, "error: pool: expected"},
	{__LINE__, "--check-aws", BAD, EXIT_CONFIG, NULL, "error: pool: expected"},
};

static void
check_text(const struct buf *text, const char *part, int line)
{
	if (part == NULL)
		ck_assert_msg(text->len == 0, "line %d: %s", line, text->data);
	else
		ck_assert_msg(text->len > 0 && strstr(text->data, part) != NULL,
			"line %d: %s", line, text->len > 0 ? text->data : "nothing");
}

START_TEST(each_option)
{
	char *dir = temp_dir();
	AUTO(free) char *path = xasprintf("%s/t.yaml", dir);
	AUTO(free) char *option = xstrdup(cases[_i].option);
	AUTO(buf) struct buf out = {.data = NULL}, err = {.data = NULL};
	char name[] = "ec2workerd";
	char *argv[] = {name, option, NULL};
	struct options o;
	struct err why;
	mode_fn *mode;

	temp_file(dir, "t.yaml", cases[_i].file, 0600);
	ck_assert_int_eq(options_parse(&o, argv, &why), 0);
	mode = mode_of(&o);
	ck_assert(mode != NULL);
	ck_assert_int_eq(mode(path, &out, &err), cases[_i].code);
	check_text(&out, cases[_i].out, cases[_i].line);
	check_text(&err, cases[_i].err, cases[_i].line);
	options_fini(&o);
	temp_remove(dir);
}
END_TEST

START_TEST(without_any_it_runs)
{
	char name[] = "ec2workerd", verbose[] = "-v";
	char *argv[] = {name, verbose, NULL};
	struct options o;
	struct err err;

	ck_assert_int_eq(options_parse(&o, argv, &err), 0);
	ck_assert(mode_of(&o) == NULL);
	options_fini(&o);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("modes");
	TCase *tc = tcase_create("modes");

	tcase_add_loop_test(tc, each_option, 0, (int)COUNT_OF(cases));
	tcase_add_test(tc, without_any_it_runs);
	suite_add_tcase(s, tc);
	return s;
}
