/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static struct mark
at(unsigned line, unsigned col)
{
	return (struct mark){line, col};
}

/* One problem, as it is printed. */
static void
print_one(const char *source, struct mark mark, struct buf *out)
{
	AUTO(diags) struct diags ds = {.name = "f.yaml", .source = source};

	diag_add(&ds, DIAG_ERROR, mark, "k", "%s", "text");
	diag_print(&ds, out);
}

START_TEST(test_format)
{
	AUTO(diags)
	struct diags ds = {
		.name = "ec2workerd.yaml",
		.source = "workers:\n"
			  "  bot1:\n"
			  "    missing_timout: 20m\n"
			  "    build_wait_timeout: 10 minutes\n",
	};
	AUTO(buf) struct buf out = {.data = NULL};

	diag_add(&ds, DIAG_ERROR, at(4, 25), "build_wait_timeout", "expected %s",
		"seconds, or a duration such as 90s, 20m, 2h");
	diag_add(&ds, DIAG_ERROR, at(3, 5), "missing_timout",
		"unknown key; did you mean '%s'?", "missing_timeout");
	diag_add(&ds, DIAG_WARNING, at(0, 0), NULL, "readable by %s", "others");
	ck_assert_uint_eq(ds.count, 3);
	ck_assert_uint_eq(ds.errors, 2);
	diag_print(&ds, &out);
	ck_assert_str_eq(buf_str(&out),
		"ec2workerd.yaml: warning: readable by others\n"
		"ec2workerd.yaml:3:5: error: missing_timout: unknown key; did you mean "
		"'missing_timeout'?\n"
		"        missing_timout: 20m\n"
		"        ^\n"
		"ec2workerd.yaml:4:25: error: build_wait_timeout: expected seconds, or a "
		"duration such as 90s, 20m, 2h\n"
		"        build_wait_timeout: 10 minutes\n"
		"                            ^\n");
}
END_TEST

START_TEST(test_nothing_known)
{
	AUTO(diags) struct diags ds = {.name = NULL};
	AUTO(buf) struct buf out = {.data = NULL};

	diag_print(&ds, &out);
	ck_assert_str_eq(buf_str(&out), "");
	diag_add(&ds, DIAG_ERROR, at(0, 0), "worker", "required");
	diag_add(&ds, DIAG_ERROR, at(7, 3), NULL, "odd");
	diag_print(&ds, &out);
	ck_assert_str_eq(buf_str(&out), "error: worker: required\n7:3: error: odd\n");
}
END_TEST

static const struct {
	const char *source;
	unsigned line, col;
	const char *quote; /* both lines, or "" if there is none */
	int at;
} quotes[] = {
	{"abc", 1, 1, "        abc\n        ^\n", __LINE__},
	{"abc", 1, 3, "        abc\n          ^\n", __LINE__},
	{"abc", 1, 4, "        abc\n           ^\n", __LINE__},
	{"abc", 1, 99, "        abc\n           ^\n", __LINE__},
	{"abc", 1, 0, "        abc\n        ^\n", __LINE__},
	{"abc", 2, 1, "", __LINE__},
	{"abc\n", 2, 1, "        \n        ^\n", __LINE__},
	{"abc\n", 3, 1, "", __LINE__},
	{"\n\nabc\r\nd", 3, 4, "        abc\n           ^\n", __LINE__},
	{"    abc", 1, 6, "        abc\n         ^\n", __LINE__},
	{"    abc", 1, 2, "        abc\n        ^\n", __LINE__},
	{"\tabc", 1, 3, "        abc\n         ^\n", __LINE__},
	{"a:\tb", 1, 4, "        a: b\n           ^\n", __LINE__},
	{"äöü: x", 1, 6, "        äöü: x\n             ^\n", __LINE__},
	{"日本: x", 1, 5, "        日本: x\n            ^\n", __LINE__},
	{"a\x1b[1mb", 1, 6, "        a?[1mb\n             ^\n", __LINE__},
	{"a\xff\xfe: b", 1, 6, "        a\?\?: b\n             ^\n", __LINE__},
};

START_TEST(test_quotes)
{
	AUTO(buf) struct buf out = {.data = NULL};
	const char *quote;

	print_one(quotes[_i].source, at(quotes[_i].line, quotes[_i].col), &out);
	quote = strchr(buf_str(&out), '\n');
	ck_assert_ptr_nonnull(quote);
	ck_assert_msg(strcmp(quote + 1, quotes[_i].quote) == 0, "line %d: got\n%s",
		quotes[_i].at, quote + 1);
}
END_TEST

/* A window of a long line, and the caret still under its character. */
START_TEST(test_long_lines)
{
	static const unsigned cols[] = {1, 60, 61, 62, 500, 960, 1000};

	for (size_t i = 0; i < COUNT_OF(cols); i++) {
		AUTO(buf) struct buf out = {.data = NULL};
		char line[1001];
		const char *quote, *caret;

		memset(line, '.', 1000);
		line[cols[i] - 1] = 'X';
		line[1000] = '\0';
		print_one(line, at(1, cols[i]), &out);
		quote = strchr(buf_str(&out), '\n') + 1;
		caret = strchr(quote, '\n') + 1;
		ck_assert_uint_le((size_t)(caret - quote), 8 + 3 + 100 + 3 + 1);
		ck_assert_int_eq(strchr(quote, 'X') - quote,
			strchr(caret, '^') - caret);
	}
}
END_TEST

START_TEST(test_secrets_are_masked)
{
	AUTO(diags)
	struct diags ds = {
		.source = "bot1: { password: sekrit, instance_type: 5x }\n"
			  "other: fine\n",
	};
	AUTO(buf) struct buf out = {.data = NULL};

	diag_secret(&ds, at(1, 19));
	diag_secret(&ds, at(0, 0));
	diag_add(&ds, DIAG_ERROR, at(1, 9), NULL, "before");
	diag_add(&ds, DIAG_ERROR, at(1, 19), NULL, "at");
	diag_add(&ds, DIAG_ERROR, at(1, 42), NULL, "behind");
	diag_add(&ds, DIAG_ERROR, at(2, 8), NULL, "elsewhere");
	diag_print(&ds, &out);
	ck_assert_str_eq(buf_str(&out),
		"1:9: error: before\n"
		"        bot1: { password: ********\n"
		"                ^\n"
		"1:19: error: at\n"
		"        bot1: { password: ********\n"
		"                          ^\n"
		"1:42: error: behind\n"
		"        bot1: { password: ********\n"
		"                          ^\n"
		"2:8: error: elsewhere\n"
		"        other: fine\n"
		"               ^\n");
}
END_TEST

static const struct {
	const char *source, *quoted;
	int line;
} keyed[] = {
	{"password: \"sekrit", "password: ********", __LINE__},
	{"password:sekrit", "password:********", __LINE__},
	{"  \"password\" :  'sekrit", "\"password\" :  ********", __LINE__},
	{"{a: b, token: x}", "{a: b, token: ********", __LINE__},
	{"my_password: x", "my_password: ********", __LINE__},
	{"password_file: x", "password_file: x", __LINE__},
	{"# password", "# password", __LINE__},
	{"password password: x", "password password: ********", __LINE__},
	{"password:", "password:", __LINE__},
	{"a: password", "a: password", __LINE__},
};

/* Where nothing could be parsed, the names of the keys must do. */
START_TEST(test_secret_keys)
{
	static const char *const keys[] = {"token", "password", NULL};
	AUTO(diags)
	struct diags ds = {.source = keyed[_i].source, .secret_keys = keys};
	AUTO(buf) struct buf out = {.data = NULL}, expected = {.data = NULL};

	diag_add(&ds, DIAG_ERROR, at(1, 1), NULL, "x");
	diag_print(&ds, &out);
	buf_printf(&expected, "1:1: error: x\n        %s\n        ^\n",
		keyed[_i].quoted);
	ck_assert_msg(strcmp(buf_str(&out), buf_str(&expected)) == 0, "line %d: got %s",
		keyed[_i].line, buf_str(&out));
}
END_TEST

START_TEST(test_order_and_repeats)
{
	AUTO(diags) struct diags ds = {.name = "f"};
	AUTO(buf) struct buf out = {.data = NULL};

	/* A range of workers reads the same lines again and again. */
	for (int i = 1; i <= 3; i++) {
		char key[32];

		snprintf(key, sizeof(key), "workers.bot%d.ami", i);
		diag_add(&ds, DIAG_ERROR, at(9, 1), key, "bad");
		snprintf(key, sizeof(key), "workers.bot%d.tag", i);
		diag_add(&ds, DIAG_ERROR, at(9, 1), key, "bad");
	}
	diag_add(&ds, DIAG_WARNING, at(9, 1), "workers.bot1.ami", "bad");
	diag_add(&ds, DIAG_ERROR, at(2, 5), "b", "bad");
	diag_add(&ds, DIAG_ERROR, at(2, 4), "a", "bad");
	diag_add(&ds, DIAG_ERROR, at(10, 1), "c", "bad");
	diag_add(&ds, DIAG_ERROR, at(0, 0), "d", "bad");
	diag_add(&ds, DIAG_ERROR, at(0, 0), "d", "bad");
	diag_print(&ds, &out);
	ck_assert_str_eq(buf_str(&out),
		"f: error: d: bad\n"
		"f: error: d: bad\n"
		"f:2:4: error: a: bad\n"
		"f:2:5: error: b: bad\n"
		"f:9:1: error: workers.bot1.ami: bad\n"
		"f:9:1: error: workers.bot1.tag: bad\n"
		"f:9:1: warning: workers.bot1.ami: bad\n"
		"f:10:1: error: c: bad\n");
	ck_assert_uint_eq(ds.errors, 11);
}
END_TEST

/* A long line is not walked for each of a thousand problems in it. */
START_TEST(test_many)
{
	AUTO(diags) struct diags ds = {.name = "f", .source = "abc\n"};
	AUTO(buf) struct buf out = {.data = NULL};
	size_t told = 0, carets = 0;

	for (unsigned i = 0; i < 250; i++)
		diag_add(&ds, DIAG_ERROR, (struct mark){1, 1}, NULL, "number %u", i);
	diag_print(&ds, &out);
	for (const char *p = buf_str(&out); *p != '\0'; p++) {
		told += strncmp(p, "number", 6) == 0;
		carets += *p == '^';
	}
	ck_assert_uint_eq(told, 250);
	ck_assert_uint_eq(carets, 200);
}
END_TEST

/* A file of nothing but mistakes is told in full, and quoted in part. */
START_TEST(test_many_problems)
{
	AUTO(diags) struct diags ds = {.source = "x\n"};
	AUTO(buf) struct buf out = {.data = NULL};
	int problems = 0, carets = 0;

	for (int i = 0; i < 1000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		diag_add(&ds, DIAG_ERROR, at(1, 1), key, "bad");
	}
	diag_print(&ds, &out);
	for (const char *p = buf_str(&out); *p != '\0'; p++) {
		problems += strncmp(p, "error: ", 7) == 0;
		carets += *p == '^';
	}
	ck_assert_int_eq(problems, 1000);
	ck_assert_int_eq(carets, 200);
}
END_TEST

/* Quadratic work on one huge line would take far too long. */
START_TEST(test_huge_line)
{
	static char line[1 << 17];
	AUTO(diags) struct diags ds = {.source = line};
	AUTO(buf) struct buf out = {.data = NULL};

	memset(line, 'x', sizeof(line) - 1);
	for (unsigned col = 1; col < 60000; col += 2) {
		diag_secret(&ds, at(1, sizeof(line) - col));
		diag_add(&ds, DIAG_ERROR, at(1, sizeof(line) - col), NULL, "bad");
	}
	diag_print(&ds, &out);
	ck_assert_uint_eq(ds.errors, 30000);
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "...xxx"));
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "********\n"));
}
END_TEST

START_TEST(test_to_err)
{
	AUTO(diags) struct diags ds = {.name = NULL};
	struct err err;

	diag_add(&ds, DIAG_WARNING, at(1, 1), "w", "only a warning");
	diag_add(&ds, DIAG_ERROR, at(5, 1), "late", "second");
	diag_add(&ds, DIAG_ERROR, at(3, 2), "early", "first");
	ck_assert_int_eq(diag_to_err(&ds, ERR_CONFIG, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_str_eq(err.text, "3:2: early: first");
	ds.name = "f.yaml";
	diag_add(&ds, DIAG_ERROR, at(0, 0), NULL, "zeroth");
	ck_assert_int_eq(diag_to_err(&ds, ERR_INVALID, &err), -1);
	ck_assert_str_eq(err.text, "f.yaml: zeroth");
}
END_TEST

static const struct {
	const char *word, *expected;
	int line;
} suggestions[] = {
	{"missing_timout", "missing_timeout", __LINE__},
	{"misisng_timeout", "missing_timeout", __LINE__},
	{"missing-timeout", "missing_timeout", __LINE__},
	{"MISSING_TIMEOUT", "missing_timeout", __LINE__},
	{"regoin", "region", __LINE__},
	{"regin", "region", __LINE__},
	{"regionn", "region", __LINE__},
	{"amy", "ami", __LINE__},
	{"mai", "ami", __LINE__},
	{"am", "ami", __LINE__},
	{"xx", NULL, __LINE__},
	{"i", NULL, __LINE__},
	{"", NULL, __LINE__},
	{"timeout", NULL, __LINE__},
	{"listen", NULL, __LINE__},
	{"pasword", "password", __LINE__},
	{"passwd", "password", __LINE__},
	{"password_fil", "password_file", __LINE__},
};

START_TEST(test_suggestions)
{
	static const char *const names[] = {"missing_timeout", "region", "ami",
		"password", "password_file", NULL};
	const char *got = diag_suggest(suggestions[_i].word, names);

	ck_assert_msg(str_equal(got, suggestions[_i].expected), "line %d: %s: got %s",
		suggestions[_i].line, suggestions[_i].word, got != NULL ? got : "none");
}
END_TEST

START_TEST(test_suggestion_of_long_words)
{
	const char *names[] = {NULL, "short", NULL};
	char word[200];

	memset(word, 'a', sizeof(word));
	for (size_t len = 60; len < sizeof(word) - 1; len++) {
		char *name;

		word[len] = '\0';
		name = xstrdup(word);
		name[30] = 'b';
		names[0] = name;
		if (len <= 64)
			ck_assert_ptr_eq(diag_suggest(word, names), name);
		else
			ck_assert_ptr_null(diag_suggest(word, names));
		ck_assert_ptr_null(diag_suggest("a", names)); /* whatever the name */
		free(name);
		word[len] = 'a';
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("diag");
	TCase *tc = tcase_create("diag");

	tcase_add_test(tc, test_format);
	tcase_add_test(tc, test_nothing_known);
	tcase_add_loop_test(tc, test_quotes, 0, COUNT_OF(quotes));
	tcase_add_test(tc, test_long_lines);
	tcase_add_test(tc, test_secrets_are_masked);
	tcase_add_loop_test(tc, test_secret_keys, 0, COUNT_OF(keyed));
	tcase_add_test(tc, test_order_and_repeats);
	tcase_add_test(tc, test_many);
	tcase_add_test(tc, test_many_problems);
	tcase_add_test(tc, test_huge_line);
	tcase_add_test(tc, test_to_err);
	tcase_add_loop_test(tc, test_suggestions, 0, COUNT_OF(suggestions));
	tcase_add_test(tc, test_suggestion_of_long_words);
	suite_add_tcase(suite, tc);
	return suite;
}
