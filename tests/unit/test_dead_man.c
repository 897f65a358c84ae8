/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard of dead_man: which user data it can stand in front of, where exactly, and that
 * nothing of the user's is changed. What it does is tested by running it, in
 * integration/test_dead_man.py.
 */
#include "unit.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/tmpl.h"
#include "conf/conf_row.h"

#include <string.h>

#define HOUR INT64_C(3600000)
#define FIRST                                                                          \
	"# ec2workerd, dead_man: switches this machine off when its lease is not renewed.\n"
#define LAST ") </dev/null & )\n"

static const struct {
	int line;
	const char *text;
	bool fits;
} heads[] = {
	{__LINE__, NULL, true},
	{__LINE__, "#!/bin/sh", true},
	{__LINE__, "#!/bin/sh\n", true},
	{__LINE__, "#!/bin/sh\r\n", true},
	{__LINE__, "#!/bin/bash -e\nset -x\n", true},
	{__LINE__, "#! /bin/dash\n", true},
	{__LINE__, "#!\t/usr/bin/ksh -u\n", true},
	{__LINE__, "#!/usr/local/bin/zsh\n", true},
	{__LINE__, "#!/bin/ash\n", true},
	{__LINE__, "#!/usr/bin/env bash\n", true},
	{__LINE__, "#!/usr/bin/env  sh -e\n", true},
	{__LINE__, "#!sh\n", true},
	{__LINE__, "", false},
	{__LINE__, "#", false},
	{__LINE__, "#!", false},
	{__LINE__, "#!\n", false},
	{__LINE__, "#!/bin/\n", false},
	{__LINE__, "#!/usr/bin/env\n", false},
	{__LINE__, "#!/usr/bin/env env env\n", false},
	{__LINE__, "#!/usr/bin/env python3\n", false},
	{__LINE__, "#!/usr/bin/python3\n# sh\n", false},
	{__LINE__, "#!/bin/bashful\n", false},
	{__LINE__, "#!/bin/fish\n", false},
	{__LINE__, "#!/bin/csh\n", false},
	{__LINE__, "#!/bin/sh/perl\n", false},
	{__LINE__, "\n#!/bin/sh\n", false},
	{__LINE__, " #!/bin/sh\n", false},
	{__LINE__, "#cloud-config\n", false},
	{__LINE__, "#include\nhttps://example.org/\n", false},
	{__LINE__, "Content-Type: multipart/mixed; boundary=x\n", false},
	{__LINE__, "<powershell>\n", false},
	{__LINE__, "{{ vars.script }}\n", false},
};

START_TEST(fits)
{
	const char *fault = dead_man_fault(heads[_i].text);

	ck_assert_msg((fault == NULL) == heads[_i].fits, "line %d: %s", heads[_i].line,
		fault != NULL ? fault : "fits");
}
END_TEST

static const struct {
	int line;
	const char *text;
	const char *head; /* what stands before the guard */
	const char *rest; /* and behind it */
} places[] = {
	{__LINE__, NULL, "#!/bin/sh\n", ""},
	{__LINE__, "#!/bin/sh", "#!/bin/sh\n", ""},
	{__LINE__, "#!/bin/sh\n", "#!/bin/sh\n", ""},
	{__LINE__, "#!/bin/bash -e\necho {{ worker }}\n", "#!/bin/bash -e\n",
		"echo {{ worker }}\n"},
	{__LINE__, "#!/bin/sh\n\n\nexit 0", "#!/bin/sh\n", "\n\nexit 0"},
	{__LINE__, "#!/bin/sh\n'%d' %s %n\\\n", "#!/bin/sh\n", "'%d' %s %n\\\n"},
};

START_TEST(place)
{
	AUTO(free) char *text = dead_man_add(places[_i].text, HOUR);
	const char *guard = strstr(text, FIRST);
	const char *end = strstr(text, LAST);
	int line = places[_i].line;

	ck_assert_msg(guard != NULL && end != NULL, "line %d", line);
	ck_assert_msg((size_t)(guard - text) == strlen(places[_i].head), "line %d",
		line);
	ck_assert_msg(strncmp(text, places[_i].head, strlen(places[_i].head)) == 0,
		"line %d", line);
	ck_assert_msg(strcmp(end + strlen(LAST), places[_i].rest) == 0, "line %d: %s",
		line, end + strlen(LAST));
}
END_TEST

static const struct {
	int line;
	int64_t life_ms;
	const char *says;
} lives[] = {
	{__LINE__, 3000, "( ( life=3 step=1\n"},
	{__LINE__, 3001, "( ( life=4 step=1\n"},
	{__LINE__, 60000, "( ( life=60 step=3\n"},
	{__LINE__, 20 * 60000, "( ( life=1200 step=60\n"},
	{__LINE__, 6 * HOUR, "( ( life=21600 step=60\n"},
	{__LINE__, 720 * HOUR, "( ( life=2592000 step=60\n"},
};

/* It looks twenty times in a life, once a minute at least, and not more than once a second. */
START_TEST(life)
{
	AUTO(free) char *text = dead_man_add(NULL, lives[_i].life_ms);

	ck_assert_msg(strstr(text, lives[_i].says) != NULL, "line %d", lives[_i].line);
}
END_TEST

/* It goes through the template as it is, and leaves room for the user's own. */
START_TEST(is_no_template)
{
	AUTO(free) char *text = dead_man_add(NULL, HOUR);
	struct err err;
	struct tmpl *tmpl = tmpl_parse(text, &err);

	ck_assert_msg(tmpl != NULL, "%s", err.text);
	ck_assert_ptr_null(strstr(text, "{{"));
	ck_assert_uint_le(strlen(text), 2048);
	tmpl_free(tmpl);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("dead_man");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, fits, 0, COUNT_OF(heads));
	tcase_add_loop_test(all, place, 0, COUNT_OF(places));
	tcase_add_loop_test(all, life, 0, COUNT_OF(lives));
	tcase_add_test(all, is_no_template);
	suite_add_tcase(s, all);
	return s;
}
