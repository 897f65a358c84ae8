/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/opts.h"
#include "unit.h"

#include <string.h>

struct values {
	char *config;
	bool dry_run;
	int64_t verbose, limit;
	int64_t timeout;
};

static const struct field rows[] = {
	{.name = "config",
		.type = FIELD_STRING,
		.offset = FIELD_AT(struct values, config, char *),
		.def = "default",
		.example = "FILE",
		.doc = "Read this."},
	{.name = "dry_run",
		.type = FIELD_BOOL,
		.offset = FIELD_AT(struct values, dry_run, bool),
		.doc = "Change nothing, but say at length and in many words what would have "
		       "been changed if it had been asked for."},
	{.name = "verbose",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct values, verbose, int64_t),
		.def = "0",
		.doc = "Say more."},
	{.name = NULL},
};
static const struct fields table = {"options", rows, sizeof(struct values)};
static const struct opt_letter letters[] = {{'c', "config"}, {'n', "dry_run"},
	{'v', "verbose"}, {0, NULL}};

static const struct field more_rows[] = {
	{.name = "limit",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct values, limit, int64_t),
		.def = "0",
		.min = 0,
		.max = 10,
		.example = "N",
		.doc = "At most so many."},
	{.name = "timeout",
		.type = FIELD_DURATION,
		.offset = FIELD_AT(struct values, timeout, int64_t),
		.example = "T",
		.doc = "Wait so long."},
	{.name = NULL},
};
static const struct fields more_table = {"more", more_rows, sizeof(struct values)};

/* error NULL: good. words with blanks between. */
static const struct {
	const char *argv[8];
	const char *error;
	const char *config;
	bool dry_run;
	int64_t verbose, limit;
	const char *words;
	int line;
} cases[] = {
	{{NULL}, NULL, "default", false, 0, 0, "", __LINE__},
	{{"--config", "a"}, NULL, "a", false, 0, 0, "", __LINE__},
	{{"--config=a=b"}, NULL, "a=b", false, 0, 0, "", __LINE__},
	{{"--config="}, NULL, "", false, 0, 0, "", __LINE__},
	{{"--config", "--dry-run"}, NULL, "--dry-run", false, 0, 0, "", __LINE__},
	{{"-c", "a", "-c", "b"}, NULL, "b", false, 0, 0, "", __LINE__},
	{{"-ca"}, NULL, "a", false, 0, 0, "", __LINE__},
	{{"-nvvca"}, NULL, "a", true, 2, 0, "", __LINE__},
	{{"-v", "--verbose", "-n"}, NULL, "default", true, 2, 0, "", __LINE__},
	{{"up", "-v", "bot1", "--limit", "3", "bot2"}, NULL, "default", false, 1, 3,
		"up bot1 bot2", __LINE__},
	{{"a", "--", "-v", "--", "--x"}, NULL, "default", false, 0, 0, "a -v -- --x",
		__LINE__},
	{{"-"}, NULL, "default", false, 0, 0, "-", __LINE__},
	{{"--config"}, "--config needs a value: FILE", .line = __LINE__},
	{{"-c"}, "-c needs a value: FILE", .line = __LINE__},
	{{"-vc"}, "-c needs a value: FILE", .line = __LINE__},
	{{"--dry-run=yes"}, "--dry-run takes no value", .line = __LINE__},
	{{"--dry_run"}, "--dry_run: unknown option; did you mean --dry-run?",
		.line = __LINE__},
	{{"--dryrun"}, "--dryrun: unknown option; did you mean --dry-run?",
		.line = __LINE__},
	{{"--conf"}, "--conf: unknown option; did you mean --config?",
		.line = __LINE__},
	{{"--limits=1"}, "--limits: unknown option; did you mean --limit?",
		.line = __LINE__},
	{{"--qqqqqq"}, "--qqqqqq: unknown option", .line = __LINE__},
	{{"-x"}, "-x: unknown option", .line = __LINE__},
	{{"-vx"}, "-x: unknown option", .line = __LINE__},
	{{"--limit", "many"}, "--limit: expected a whole number, from 0 to 10",
		.line = __LINE__},
	{{"--limit=11"}, "--limit: must be from 0 to 10", .line = __LINE__},
};

static char *
joined(const struct strings *words)
{
	struct buf text = {.data = NULL};

	for (size_t i = 0; i < words->count; i++)
		buf_printf(&text, "%s%s", i > 0 ? " " : "", words->items[i]);
	return buf_take(&text);
}

static size_t
copy_argv(const char *const *from, char **to)
{
	size_t n = 0;

	for (; from[n] != NULL; n++)
		to[n] = xstrdup(from[n]);
	to[n] = NULL;
	return n;
}

START_TEST(test_parse)
{
	struct values v = {.config = NULL};
	const struct opts first = {.table = &table,
		.letters = letters,
		.fn = opts_set,
		.arg = &v};
	const struct opts second = {.table = &more_table, .fn = opts_set, .arg = &v};
	struct strings words = {.items = NULL};
	AUTO(free) char *text = NULL;
	char *argv[9];
	size_t argc = copy_argv(cases[_i].argv, argv);
	int index = 0, result;
	struct err err;

	field_defaults(&table, &v);
	field_defaults(&more_table, &v);
	result = opts_parse((const struct opts *[]){&first, &second, NULL}, argv,
		&index, &words, &err);
	if (cases[_i].error == NULL) {
		ck_assert_msg(result == 0, "line %d: %s", cases[_i].line, err.text);
		ck_assert_str_eq(v.config, cases[_i].config);
		ck_assert_int_eq(v.dry_run, cases[_i].dry_run);
		ck_assert_int_eq(v.verbose, cases[_i].verbose);
		ck_assert_int_eq(v.limit, cases[_i].limit);
		text = joined(&words);
		ck_assert_str_eq(text, cases[_i].words);
		ck_assert_uint_eq((size_t)index, argc);
	} else {
		ck_assert_msg(result == -1, "line %d", cases[_i].line);
		ck_assert_str_eq(err.text, cases[_i].error);
		ck_assert_int_eq(err.code, ERR_INVALID);
	}
	strings_fini(&words);
	field_fini(&table, &v);
	for (size_t i = 0; i < argc; i++)
		free(argv[i]);
}
END_TEST

START_TEST(test_no_words)
{
	struct values v = {.config = NULL};
	const struct opts set = {.table = &table,
		.letters = letters,
		.fn = opts_set,
		.arg = &v};
	char verbose[] = "-v", word[] = "word";
	char *argv[] = {verbose, word, NULL};
	int index = 0;
	struct err err;

	ck_assert_int_eq(opts_parse((const struct opts *[]){&set, NULL}, argv, &index,
				 NULL, &err),
		-1);
	ck_assert_str_eq(err.text, "word: not an option");
}
END_TEST

/* The client looks for its verb first, whose options it cannot know before. */
START_TEST(test_first)
{
	struct values v = {.config = NULL};
	const struct opts set = {.table = &table,
		.letters = letters,
		.fn = opts_set,
		.arg = &v};
	char verbose[] = "-v", config[] = "-c", a[] = "a", up[] = "up",
	     limit[] = "--limit";
	char *argv[] = {verbose, config, a, up, limit, verbose, NULL};
	int index = 0;
	struct err err;

	ck_assert_int_eq(opts_parse_first((const struct opts *[]){&set, NULL}, argv,
				 &index, &err),
		0);
	ck_assert_int_eq(index, 3);
	ck_assert_int_eq(v.verbose, 1);
	ck_assert_str_eq(v.config, "a");
	field_fini(&table, &v);
}
END_TEST

START_TEST(test_find)
{
	static const struct {
		const char *arg, *row, *value;
		int line;
	} found[] = {
		{"--config", "config", NULL, __LINE__},
		{"--config=a=b", "config", "a=b", __LINE__},
		{"--config=", "config", "", __LINE__},
		{"--dry-run", "dry_run", NULL, __LINE__},
		{"-c", "config", NULL, __LINE__},
		{"-cfile", "config", "file", __LINE__},
		{"-v", "verbose", NULL, __LINE__},
		{"--conf", NULL, NULL, __LINE__},
		{"-x", NULL, NULL, __LINE__},
		{"-", NULL, NULL, __LINE__},
		{"--", NULL, NULL, __LINE__},
		{"config", NULL, NULL, __LINE__},
	};
	const struct opts set = {.table = &table, .letters = letters};
	const struct opts *sets[] = {&set, NULL};

	for (size_t i = 0; i < COUNT_OF(found); i++) {
		const char *value = NULL;
		const struct field *row = opts_find(sets, found[i].arg, &value);

		ck_assert_msg((row != NULL) == (found[i].row != NULL), "line %d",
			found[i].line);
		if (row == NULL)
			continue;
		ck_assert_str_eq(row->name, found[i].row);
		ck_assert_pstr_eq(value, found[i].value);
		ck_assert_int_eq(opts_takes_value(row),
			strcmp(row->name, "config") == 0);
	}
}
END_TEST

START_TEST(test_help)
{
	const struct opts set = {.table = &table, .letters = letters};
	AUTO(buf) struct buf out = {.data = NULL};

	opts_help(&set, &out);
	ck_assert_str_eq(buf_str(&out),
		"  -c, --config FILE       Read this.\n"
		"  -n, --dry-run           Change nothing, but say at length and in many words\n"
		"                          what would have been changed if it had been asked\n"
		"                          for.\n"
		"  -v, --verbose           Say more.\n");
	buf_clear(&out);
	opts_help_line("a-name-that-takes-all-the-room", "Text.", &out);
	ck_assert_str_eq(buf_str(&out),
		"  a-name-that-takes-all-the-room\n                          Text.\n");
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("opts");
	TCase *tc = tcase_create("opts");

	tcase_add_loop_test(tc, test_parse, 0, COUNT_OF(cases));
	tcase_add_test(tc, test_no_words);
	tcase_add_test(tc, test_first);
	tcase_add_test(tc, test_find);
	tcase_add_test(tc, test_help);
	suite_add_tcase(suite, tc);
	return suite;
}
