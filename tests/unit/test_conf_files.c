/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as a file among files: its mode when it holds secrets, files that hold
 * passwords and user data, --check, the sample.
 */
#include "conf_util.h"
#include "unit.h"

#include "base/buf.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/tmpl.h"
#include "conf/conf.h"
#include "conf/conf_load.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP "    security_name: g\n"
#define BARE                                                                           \
	"    instance_type: m5.large\n"                                                \
	"    ami: ami-12345\n"                                                         \
	"    keypair_name: k\n" GROUP
#define AWS_KEYS "{ identifier: A, secret_identifier: s }\n"

/* What loading the file prints, without its directory; the caller's. */
static char *
load_told(const char *dir, const char *text, mode_t mode, struct conf **ret_conf)
{
	AUTO(free) char *path = xasprintf("%s/c.yaml", dir);
	struct conf_problems *problems = conf_problems_new();
	struct conf *conf;
	struct buf out = {.data = NULL};

	temp_file(dir, "c.yaml", text, mode);
	conf = conf_load(path, problems);
	conf_problems_print(problems, &out);
	conf_problems_free(problems);
	if (ret_conf != NULL)
		*ret_conf = conf;
	else
		conf_free(conf);
	return buf_take(&out);
}

#define KEYS_TOLD(what)                                                                \
	"the file holds AWS keys and can be " what                                     \
	" by group or others; chmod it to 0600, or keep the keys elsewhere and name "  \
	"them by aws.profile\n"
#define PASSWORDS_TOLD                                                                 \
	"the file holds passwords and can be read by group or others; chmod it to "    \
	"0600, or use password: generated or password_file\n"

static const struct {
	int line;
	mode_t mode;
	bool loads;
	const char *text, *told;
} modes[] = {
	{__LINE__, 0600, true, CONF_TOP CONF_WORKER GROUP, NULL},
	{__LINE__, 0400, true, CONF_TOP CONF_WORKER GROUP, NULL},
	{__LINE__, 0640, true, CONF_TOP CONF_WORKER GROUP,
		":4:5: warning: workers.bot1.password: " PASSWORDS_TOLD},
	{__LINE__, 0604, true, CONF_TOP CONF_WORKER GROUP,
		":4:5: warning: workers.bot1.password: " PASSWORDS_TOLD},
	{__LINE__, 0644, true,
		"pool: p\nworkers:\n  a:\n    password: generated\n" BARE, NULL},
	{__LINE__, 0644, true,
		"pool: p\nworker_defaults: { password: x }\nworkers:\n  a:\n" BARE,
		":2:20: warning: worker_defaults.password: " PASSWORDS_TOLD},
	{__LINE__, 0620, true,
		"pool: p\nworkers:\n  a:\n    password: generated\n" BARE,
		": warning: the file can be written by group or others\n"},
	{__LINE__, 0600, true, "aws: " AWS_KEYS CONF_TOP CONF_WORKER GROUP, NULL},
	{__LINE__, 0640, false, "aws: " AWS_KEYS CONF_TOP CONF_WORKER GROUP,
		":1:23: error: aws.secret_identifier: " KEYS_TOLD("read")},
	{__LINE__, 0604, false, "aws: " AWS_KEYS CONF_TOP CONF_WORKER GROUP,
		":1:23: error: aws.secret_identifier: " KEYS_TOLD("read")},
	{__LINE__, 0620, false, "aws: " AWS_KEYS CONF_TOP CONF_WORKER GROUP,
		":1:23: error: aws.secret_identifier: " KEYS_TOLD("written")},
	{__LINE__, 0644, false, "worker_defaults: " AWS_KEYS CONF_TOP CONF_WORKER GROUP,
		":1:35: error: worker_defaults.secret_identifier: " KEYS_TOLD("read")},
	{__LINE__, 0644, false,
		CONF_TOP CONF_WORKER GROUP
		"    identifier: A\n    secret_identifier: s\n",
		":10:5: error: workers.bot1.secret_identifier: " KEYS_TOLD("read")},
	{__LINE__, 0644, false,
		"aws: { session_token: s }\n" CONF_TOP CONF_WORKER GROUP,
		":1:8: error: aws.session_token: " KEYS_TOLD("read")},
};

START_TEST(a_file_with_secrets_has_a_mode)
{
	char *dir = temp_dir();
	struct conf *conf;
	AUTO(free) char *told = load_told(dir, modes[_i].text, modes[_i].mode, &conf);
	int line = modes[_i].line;

	ck_assert_msg((conf != NULL) == modes[_i].loads, "line %d: %s", line, told);
	if (modes[_i].told == NULL)
		ck_assert_msg(told[0] == '\0', "line %d: %s", line, told);
	else
		ck_assert_msg(strstr(told, modes[_i].told) != NULL, "line %d: %s", line,
			told);
	conf_free(conf);
	temp_remove(dir);
}
END_TEST

static const struct {
	int line;
	mode_t mode;
	const char *content;
	const char *password; /* NULL: refused */
	const char *told;     /* NULL: nothing */
} passwords[] = {
	{__LINE__, 0600, "sekrit", "sekrit", NULL},
	{__LINE__, 0600, "sekrit\n", "sekrit", NULL},
	{__LINE__, 0600, "sekrit\r\n", "sekrit", NULL},
	{__LINE__, 0600, " sek rit \n", " sek rit ", NULL},
	{__LINE__, 0600, "generated\n", "generated", NULL},
	{__LINE__, 0644, "sekrit\n", "sekrit",
		"/pw: can be read by group or others; chmod it to 0600\n"},
	{__LINE__, 0660, "sekrit\n", NULL,
		"/pw: can be written by group or others; chmod it to 0600\n"},
	{__LINE__, 0602, "sekrit\n", NULL,
		"/pw: can be written by group or others; chmod it to 0600\n"},
	{__LINE__, 0600, "", NULL, "/pw: is empty\n"},
	{__LINE__, 0600, "\n", NULL, "/pw: is empty\n"},
	{__LINE__, 0600, "a\n\n", NULL, "/pw: holds more than one line\n"},
	{__LINE__, 0600, "a\nb", NULL, "/pw: holds more than one line\n"},
	{__LINE__, 0600, "a\rb", NULL, "/pw: holds more than one line\n"},
};

START_TEST(password_files)
{
	char *dir = temp_dir();
	struct conf *conf;
	AUTO(free) char *told = NULL;
	int line = passwords[_i].line;

	temp_file(dir, "pw", passwords[_i].content, passwords[_i].mode);
	told = load_told(dir,
		"pool: p\nworkers:\n  \"a-[1-2]\":\n    password_file: pw\n" BARE, 0644,
		&conf);
	if (passwords[_i].told == NULL)
		ck_assert_msg(told[0] == '\0', "line %d: %s", line, told);
	else
		ck_assert_msg(strstr(told, passwords[_i].told) != NULL &&
				strstr(told, "c.yaml:4:20: ") != NULL,
			"line %d: %s", line, told);
	ck_assert_msg((conf != NULL) == (passwords[_i].password != NULL), "line %d",
		line);
	for (size_t i = 0; conf != NULL && i < conf->worker_count; i++) {
		ck_assert_str_eq(conf->workers[i]->password.text,
			passwords[_i].password);
		ck_assert(!conf->workers[i]->password_generated);
	}
	conf_free(conf);
	temp_remove(dir);
}
END_TEST

/* FAULTS.md C8: what is no plain small file of one's own. */
START_TEST(password_files_that_are_none)
{
	char *dir = temp_dir();
	AUTO(free) char *link_path = xasprintf("%s/link", dir);
	AUTO(free) char *fifo = xasprintf("%s/fifo", dir);
	AUTO(free) char *text = xmalloc(70000);
	static const struct {
		const char *name, *told;
	} cases[] = {
		{"link", "/link: is a symbolic link\n"},
		{"fifo", "/fifo: is not a regular file\n"},
		{"big", "/big: is larger than 65536 bytes\n"},
		{"none", "/none: No such file or directory\n"},
		{".", "/.: is not a regular file\n"},
	};

	memset(text, 'x', 70000);
	text[69999] = '\0';
	temp_file(dir, "real", "sekrit\n", 0600);
	temp_file(dir, "big", text, 0600);
	ck_assert_int_eq(symlink("real", link_path), 0);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(free)
		char *conf_text = xasprintf(
			"pool: p\nworkers:\n  a:\n    password_file: %s\n" BARE,
			cases[i].name);
		struct conf *conf;
		AUTO(free) char *told = load_told(dir, conf_text, 0600, &conf);

		ck_assert_ptr_null(conf);
		ck_assert_msg(strstr(told, cases[i].told) != NULL, "%s: %s",
			cases[i].name, told);
	}
	temp_remove(dir);
}
END_TEST

START_TEST(user_data_from_a_file)
{
	static const char script[] = "#!/bin/sh\necho {{ worker }}\n";
	char *dir = temp_dir();
	AUTO(free) char *absolute = xasprintf("%s/ud", dir);
	const char *const names[] = {"ud", absolute};

	temp_file(dir, "ud", script, 0644);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO(free)
		char *text = xasprintf(CONF_TOP CONF_WORKER GROUP
			"    user_data_file: %s\n",
			names[i]);
		struct conf *conf;
		AUTO(free) char *told = load_told(dir, text, 0600, &conf);

		ck_assert_str_eq(told, "");
		ck_assert_str_eq(conf->workers[0]->user_data, script);
		ck_assert_str_eq(conf->workers[0]->user_data_file, names[i]);
		ck_assert(tmpl_uses(conf->workers[0]->user_data_tmpl, "worker"));
		conf_free(conf);
	}
	temp_remove(dir);
}
END_TEST

START_TEST(user_data_files_that_are_wrong)
{
	char *dir = temp_dir();
	AUTO(free) char *big = xmalloc(70000);
	AUTO(free) char *nul = xasprintf("%s/nul", dir);
	FILE *f = fopen(nul, "w");
	static const struct {
		const char *name, *told;
	} cases[] = {
		{"bad", "line 2, column 4: unknown name 'nobody'; known are worker, "},
		{"large",
			"up to 20000 bytes when filled in; EC2 takes at most 16384\n"},
		{"huge", "/huge: is larger than 65536 bytes\n"},
		{"nul", "/nul: holds a NUL byte; user data is text\n"},
		{"none", "/none: No such file or directory\n"},
	};

	memset(big, 'x', 70000);
	big[69999] = '\0';
	temp_file(dir, "bad", "{{ worker }}\n{{ nobody }}\n", 0644);
	temp_file(dir, "huge", big, 0644);
	big[20000] = '\0';
	temp_file(dir, "large", big, 0644);
	ck_assert_uint_eq(fwrite("a\0b", 1, 3, f), 3);
	ck_assert_int_eq(fclose(f), 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(free)
		char *text = xasprintf(CONF_TOP CONF_WORKER GROUP
			"    user_data_file: %s\n",
			cases[i].name);
		struct conf *conf;
		AUTO(free) char *told = load_told(dir, text, 0600, &conf);

		ck_assert_ptr_null(conf);
		ck_assert_msg(strstr(told, cases[i].told) != NULL &&
				strstr(told,
					":9:21: error: workers.bot1.user_data_file: ") !=
					NULL,
			"%s: %s", cases[i].name, told);
	}
	temp_remove(dir);
}
END_TEST

static char *
report_told(const char *dir, const char *name, int result)
{
	AUTO(free) char *path = xasprintf("%s/%s", dir, name);
	struct buf out = {.data = NULL};

	ck_assert_int_eq(conf_report(path, &out), result);
	return buf_take(&out);
}

START_TEST(check_reports)
{
	char *dir = temp_dir();
	AUTO(free) char *told = NULL;
	AUTO(free)
	char *expected = xasprintf("%s/good: pool p, 1 worker, 0 errors\n", dir);

	temp_file(dir, "good", CONF_TOP CONF_WORKER GROUP, 0600);
	temp_file(dir, "open", CONF_TOP CONF_WORKER GROUP, 0640);
	temp_file(dir, "bad", "polo: x\n" CONF_TOP CONF_WORKER, 0600);
	told = report_told(dir, "good", 0);
	ck_assert_str_eq(told, expected);
	free(told);
	told = report_told(dir, "open", 0);
	ck_assert_ptr_nonnull(strstr(told, "/open: pool p, 1 worker, 1 warning\n"));
	free(told);
	told = report_told(dir, "bad", -1);
	ck_assert_ptr_nonnull(strstr(told,
		"/bad:1:1: error: polo: unknown key; did you mean "
		"'pool'?\n        polo: x\n        ^\n"));
	ck_assert_ptr_nonnull(strstr(told, "/bad: 2 errors\n"));
	free(told);
	told = report_told(dir, "none", -1);
	free(expected);
	expected = xasprintf(
		"error: %s/none: No such file or directory\n%s/none: 1 error\n", dir,
		dir);
	ck_assert_str_eq(told, expected);
	temp_remove(dir);
}
END_TEST

START_TEST(files_that_are_no_configuration)
{
	char *dir = temp_dir();
	AUTO(free) char *told = report_told(dir, ".", -1);
	AUTO(free) char *path = xasprintf("%s/big", dir);
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(strstr(told, "is not a regular file\n"));
	free(told);
	for (size_t i = 0; i < 1024 * 1024 + 1; i++)
		ck_assert_int_ne(fputc('#', f), EOF);
	ck_assert_int_eq(fclose(f), 0);
	told = report_told(dir, "big", -1);
	ck_assert_ptr_nonnull(strstr(told, "is larger than 1048576 bytes\n"));
	temp_remove(dir);
}
END_TEST

/* Tests run in the root of the tree. */
START_TEST(the_sample_loads)
{
	struct buf out = {.data = NULL};

	ck_assert_msg(conf_report("etc/ec2workerd.yaml", &out) == 0, "%s",
		buf_str(&out));
	ck_assert_str_eq(buf_str(&out),
		"etc/ec2workerd.yaml: pool linux-master, 1 worker, 0 errors\n");
	buf_fini(&out);
}
END_TEST

static void
check_named(const struct fields *table, const char *sample)
{
	for (const struct field *row = table->rows; row->name != NULL; row++) {
		AUTO(free) char *key = xasprintf("%s:", row->name);

		if (strcmp(row->name, "user_data_file") != 0)
			ck_assert_msg(strstr(sample, key) != NULL,
				"%s is not in the sample", row->name);
		if (row->type == FIELD_OBJECT && (row->flags & FIELD_EXTERN) == 0)
			check_named(row->sub, sample);
	}
}

START_TEST(the_sample_names_every_key)
{
	FILE *f = fopen("etc/ec2workerd.yaml", "r");
	char text[16384];
	size_t len;

	ck_assert_ptr_nonnull(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	ck_assert_uint_lt(len, sizeof(text) - 1);
	text[len] = '\0';
	ck_assert_int_eq(fclose(f), 0);
	check_named(&conf_fields, text);
	check_named(&conf_worker_fields, text);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("conf_files");
	TCase *tc = tcase_create("files");

	tcase_add_loop_test(tc, a_file_with_secrets_has_a_mode, 0,
		(int)COUNT_OF(modes));
	tcase_add_loop_test(tc, password_files, 0, (int)COUNT_OF(passwords));
	tcase_add_test(tc, password_files_that_are_none);
	tcase_add_test(tc, user_data_from_a_file);
	tcase_add_test(tc, user_data_files_that_are_wrong);
	tcase_add_test(tc, check_reports);
	tcase_add_test(tc, files_that_are_no_configuration);
	tcase_add_test(tc, the_sample_loads);
	tcase_add_test(tc, the_sample_names_every_key);
	suite_add_tcase(s, tc);
	return s;
}
