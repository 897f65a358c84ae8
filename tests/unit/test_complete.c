/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How command lines may go on, and the scripts that ask.
 */
#include "base/mem.h"
#include "ctl/ctl.h"
#include "ctl/script.h"
#include "ctl/verb.h"
#include "ctl_run.h"
#include "unit.h"

#include <string.h>

#define WORKERS                                                                        \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"workers\":["                      \
	"{\"worker\":\"bot1\",\"state\":\"substantiated\"},{\"worker\":\"bot2\"},"     \
	"{\"worker\":\"x1\",\"state\":\"a b\"},{\"worker\":\"bot$(id)\"},{},"          \
	"{\"worker\":\"-bot\"},{\"worker\":\"bot\\n3\"},7]}}"

/* The words behind "complete --"; what is printed; what the daemon is asked. */
static const struct {
	const char *words[6];
	const char *out;
	const char *requests;
	int line;
} cases[] = {
	/* Verbs. */
	{{"sho"},
		"show\tOne worker: what it does, since when, and how it came to that.\n",
		"", __LINE__},
	{{"completi"},
		"completion\tPrints the script by which bash, zsh or fish completes our "
		"command lines.\n",
		"", __LINE__},
	{{"zz"}, "", "", __LINE__},
	{{"zz", "a"}, "", "", __LINE__},
	{{"zz", "show", "b"}, "", "", __LINE__},

	/* Options, the client's and the verb's. */
	{{"--js"}, "--json\tPrint results as the daemon sends them.\n", "", __LINE__},
	{{"up", "bot1", "--wa"},
		"--wait\tWhen to reply; running is with its address and volumes.\n", "",
		__LINE__},
	{{"list", "--wa"}, "", "", __LINE__},
	{{"--wa"}, "", "", __LINE__},
	{{"up", "--", "--wa"}, "", NULL, __LINE__},

	/* Their values. */
	{{"up", "--wait", ""}, "accepted\nrunning\nattached\n", "", __LINE__},
	{{"up", "--wait", "r"}, "running\n", "", __LINE__},
	{{"up", "--wait=r"}, "--wait=running\n", "", __LINE__},
	{{"up", "--wait", "=", "r"}, "running\n", "", __LINE__},
	{{"up", "--wait", "="}, "accepted\nrunning\nattached\n", "", __LINE__},
	{{"up", "--nothing=r"}, "", "", __LINE__},
	{{"up", "--timeout", ""}, "", "", __LINE__},
	{{"events", "--types", "ph"}, "phase\n", "", __LINE__},
	{{"events", "--types", "phase,miss"}, "phase,missing\n", "", __LINE__},
	{{"events", "--types=phase,miss"}, "--types=phase,missing\n", "", __LINE__},
	{{"events", "--fol"},
		"--follow\tGo on with what happens from now, until --timeout or for ever; a "
		"daemon that is started again is found again.\n",
		"", __LINE__},
	{{"-s", ""}, ":files\n", "", __LINE__},
	{{"up", "--socket=/ru"}, ":files\n", "", __LINE__},

	/* Words. */
	{{"call", "worker.sh"},
		"worker.show\tOne worker: what it does, since when, and how it came to "
		"that.\n",
		"", __LINE__},
	{{"completion", ""}, "bash\nzsh\nfish\n", "", __LINE__},
	{{"completion", "bash", ""}, "", "", __LINE__},
	{{"stop", ""}, "", "", __LINE__},

	/* Workers, of whom only harmless names get through. */
	{{"show", "b"}, "bot1\tsubstantiated\nbot2\n",
		"{\"jsonrpc\":\"2.0\",\"method\":\"worker.list\",\"params\":{\"pattern\":"
		"\"b*\"},\"id\":1}\n",
		__LINE__},
	{{"show", "bot1", "b"}, "", "", __LINE__},
	{{"up", "bot1", "b"}, "bot2\n", NULL, __LINE__},
	{{"up", "--timeout", "2", "b"}, "bot1\tsubstantiated\nbot2\n", NULL, __LINE__},
	{{"watch", "x"}, "x1\n", NULL, __LINE__},
	{{"events", "--workers", "x"}, "x1\n", NULL, __LINE__},
	{{"show", "\xff"}, "", "", __LINE__},
};

START_TEST(test_candidates)
{
	const char *args[10] = {"complete", "--"};
	const char *replies[] = {WORKERS, NULL};
	struct outcome o;

	for (size_t i = 0; cases[_i].words[i] != NULL; i++)
		args[i + 2] = cases[_i].words[i];
	outcome_of(args, replies, &o);
	ck_assert_msg(o.code == CTL_DONE, "line %d", cases[_i].line);
	ck_assert_msg(strcmp(o.out, cases[_i].out) == 0, "line %d: %s", cases[_i].line,
		o.out);
	ck_assert_str_eq(o.err, "");
	ck_assert_msg(cases[_i].requests == NULL ||
			strcmp(o.requests, cases[_i].requests) == 0,
		"line %d: %s", cases[_i].line, o.requests);
	outcome_fini(&o);
}
END_TEST

START_TEST(test_all_verbs)
{
	const char *args[] = {"complete", "--", "", NULL};
	struct outcome o;
	size_t lines = 0, verbs = 0;

	outcome_of(args, NULL, &o);
	for (const char *p = o.out; *p != '\0'; p++)
		lines += *p == '\n';
	for (const struct verb *v = ctl_verbs; v->name != NULL; v++)
		verbs += !v->hidden;
	ck_assert_uint_eq(lines, verbs);
	ck_assert_ptr_null(strstr(o.out, "complete\t"));
	outcome_fini(&o);
}
END_TEST

/* A daemon that is not there is no reason to disturb a prompt. */
START_TEST(test_without_daemon)
{
	const char *args[] = {"complete", "--", "up", "b", NULL};
	struct outcome o;

	outcome_of(args, NULL, &o);
	ck_assert_int_eq(o.code, CTL_DONE);
	ck_assert_str_eq(o.out, "");
	ck_assert_str_eq(o.err, "");
	outcome_fini(&o);
}
END_TEST

START_TEST(test_other_socket)
{
	const char *args[] = {"complete", "--", "-s", "/nowhere", "--socket=/at/all",
		"up", "b", NULL};
	const char *replies[] = {WORKERS, NULL};
	struct outcome o;

	outcome_of(args, NULL, &o);
	ck_assert_str_eq(o.out, "");
	outcome_fini(&o);
	args[2] = args[4] = "--json";
	args[3] = "--";
	outcome_of(args, replies, &o);
	ck_assert_str_eq(o.out, "");
	outcome_fini(&o);
}
END_TEST

START_TEST(test_scripts)
{
	for (const struct script *s = scripts; s->shell != NULL; s++) {
		const char *args[] = {"completion", s->shell, NULL};
		struct outcome o;

		outcome_of(args, NULL, &o);
		ck_assert_int_eq(o.code, CTL_DONE);
		ck_assert_str_eq(o.out, s->text);
		ck_assert_ptr_nonnull(strstr(o.out, " complete -- "));
		outcome_fini(&o);
	}
}
END_TEST

START_TEST(test_unknown_shell)
{
	const char *near[] = {"completion", "bsh", NULL};
	const char *far[] = {"completion", "cmd.exe", NULL};
	struct outcome o;

	outcome_of(near, NULL, &o);
	ck_assert_int_eq(o.code, CTL_USAGE);
	ck_assert_str_eq(o.err,
		"ec2workerctl: there is no script for 'bsh'; did you mean 'bash'?\n");
	outcome_fini(&o);
	outcome_of(far, NULL, &o);
	ck_assert_int_eq(o.code, CTL_USAGE);
	ck_assert_str_eq(o.err,
		"ec2workerctl: there is no script for 'cmd.exe'; there are bash, zsh and "
		"fish\n");
	outcome_fini(&o);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("complete");
	TCase *tc = tcase_create("complete");

	tcase_add_loop_test(tc, test_candidates, 0, COUNT_OF(cases));
	tcase_add_test(tc, test_all_verbs);
	tcase_add_test(tc, test_without_daemon);
	tcase_add_test(tc, test_other_socket);
	tcase_add_test(tc, test_scripts);
	tcase_add_test(tc, test_unknown_shell);
	suite_add_tcase(suite, tc);
	return suite;
}
