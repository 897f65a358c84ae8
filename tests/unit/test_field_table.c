/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/node.h"
#include "flow.h"
#include "thing.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct field *
row_of(const char *name)
{
	const struct field *row = field_find(&thing_fields, name);

	ck_assert_ptr_nonnull(row);
	return row;
}

START_TEST(test_find)
{
	ck_assert_str_eq(row_of("tags")->name, "tags");
	ck_assert_ptr_null(field_find(&thing_fields, "tag"));
	ck_assert_ptr_null(field_find(&thing_fields, ""));
}
END_TEST

/* Every problem at once, in the order of the file, with its path. */
START_TEST(test_all_problems)
{
	static const char text[] = "{tags: {a: [b]},\n"
				   "  port: 0,\n"
				   "  part: {size: x},\n"
				   "  volumes: [{name: ok},\n"
				   "    {nmae: v}],\n"
				   "  mod: keep}\n";
	AUTO(diags) struct diags ds = {.name = "t.yaml", .source = text};
	AUTO(node) struct node *node = flow_yaml(text);
	AUTO(buf) struct buf out = {.data = NULL};
	struct thing t = {.flag = false};

	ck_assert_int_eq(field_load(&thing_fields, node, &t, "things.one", &ds), -1);
	diag_print(&ds, &out);
	ck_assert_str_eq(buf_str(&out),
		"t.yaml:1:12: error: things.one.tags.a: expected a string, got a list\n"
		"        {tags: {a: [b]},\n"
		"                   ^\n"
		"t.yaml:2:9: error: things.one.port: must be from 1 to 65535\n"
		"        port: 0,\n"
		"              ^\n"
		"t.yaml:3:9: error: things.one.part.name: required\n"
		"        part: {size: x},\n"
		"              ^\n"
		"t.yaml:3:16: error: things.one.part.size: expected a whole number, at least "
		"1\n"
		"        part: {size: x},\n"
		"                     ^\n"
		"t.yaml:5:5: error: things.one.volumes[1].name: required\n"
		"        {nmae: v}],\n"
		"        ^\n"
		"t.yaml:5:6: error: things.one.volumes[1].nmae: unknown key; did you mean "
		"'name'?\n"
		"        {nmae: v}],\n"
		"         ^\n"
		"t.yaml:6:3: error: things.one.mod: unknown key; did you mean 'mode'?\n"
		"        mod: keep}\n"
		"        ^\n");
	/* What was wrong has kept its default, what was right has been read. */
	ck_assert_int_eq(t.port, 25);
	ck_assert_int_eq(t.part.size, 8);
	ck_assert_uint_eq(t.volumes.count, 2);
	field_fini(&thing_fields, &t);
}
END_TEST

START_TEST(test_errors_before_do_not_count)
{
	AUTO(diags) struct diags ds = {.name = NULL};
	AUTO(node) struct node *node = flow_yaml("{count: 3}");
	struct thing t = {.flag = false};

	diag_add(&ds, DIAG_ERROR, (struct mark){1, 1}, NULL, "from elsewhere");
	ck_assert_int_eq(field_load(&thing_fields, node, &t, NULL, &ds), 0);
	ck_assert_int_eq(t.count, 3);
	field_fini(&thing_fields, &t);
}
END_TEST

START_TEST(test_secrets_are_never_quoted)
{
	static const char *const texts[] = {"{password: [sekrit]}",
		"{port: x, password: sekrit}", "{pasword: sekrit}",
		"{pw: {x: sekrit}}"};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		AUTO(diags) struct diags ds = {.source = texts[i]};
		AUTO(node) struct node *node = flow_yaml(texts[i]);
		AUTO(buf) struct buf out = {.data = NULL};
		struct thing t = {.flag = false};

		ck_assert_int_eq(field_load(&thing_fields, node, &t, NULL, &ds), -1);
		diag_print(&ds, &out);
		ck_assert_msg(strstr(buf_str(&out), "sekrit") == NULL, "%s",
			buf_str(&out));
		ck_assert_ptr_nonnull(strstr(buf_str(&out), "********"));
		field_fini(&thing_fields, &t);
	}
}
END_TEST

START_TEST(test_secret_names)
{
	struct strings names = {.items = NULL};

	field_secret_names(&thing_fields, &names);
	field_secret_names(&thing_fields, &names);
	ck_assert_uint_eq(names.count, 1);
	ck_assert_str_eq(names.items[0], "password");
	strings_fini(&names);
}
END_TEST

/* A table of nothing still refuses what it does not know. */
START_TEST(test_empty_table)
{
	static const struct field none[] = {{.name = NULL}};
	static const struct fields table = {"none", none, 0};
	AUTO(node)
	struct node *empty = flow_json("{}"), *more = flow_json("{\"a\": 1}");
	AUTO(diags) struct diags ds = {.name = NULL};
	struct err err;

	ck_assert_int_eq(field_load(&table, empty, NULL, NULL, &ds), 0);
	ck_assert_int_eq(field_load(&table, more, NULL, NULL, &ds), -1);
	diag_to_err(&ds, ERR_INVALID, &err);
	ck_assert_str_eq(err.text, "1:2: a: unknown key; there are none here");
}
END_TEST

/* A second value of the same key wins, and the first is not leaked. */
START_TEST(test_a_key_twice)
{
	static const char text[] =
		"{title: a, title: b, names: [a], names: [b, c], tags: {a: b}, tags: {},"
		" parts: [{name: a}], parts: [{name: b}], password: x, password: y}";
	AUTO(diags) struct diags ds = {.name = NULL};
	AUTO(node) struct node *node = flow_yaml(text);
	struct thing t = {.flag = false};

	ck_assert_int_eq(field_load(&thing_fields, node, &t, NULL, &ds), 0);
	ck_assert_str_eq(t.title, "b");
	ck_assert_str_eq(t.password.text, "y");
	ck_assert_uint_eq(t.names.count, 2);
	ck_assert_uint_eq(t.tags.count, 0);
	ck_assert_uint_eq(t.parts.count, 1);
	field_fini(&thing_fields, &t);
}
END_TEST

/* What a rule sees of a list is of the value it sees in the file, also where that is bad. */
START_TEST(test_a_list_twice)
{
	static const char *const seconds[] = {"x", "~", "{}", "[{nme: b}, 5]"};

	for (size_t i = 0; i < COUNT_OF(seconds); i++) {
		AUTO(free)
		char *text = xasprintf("{parts: [{name: a}, {name: b}, {name: c}], "
				       "parts: %s}",
			seconds[i]);
		AUTO(diags) struct diags ds = {.name = NULL};
		AUTO(node) struct node *node = flow_yaml(text);
		struct thing t = {.flag = false};

		ck_assert_int_eq(field_load(&thing_fields, node, &t, NULL, &ds), -1);
		ck_assert_msg(t.parts.count == node->items[1]->count, "%s: %zu", text,
			t.parts.count);
		field_fini(&thing_fields, &t);
	}
}
END_TEST

START_TEST(test_positional)
{
	AUTO(node) struct node *list = flow_json("[true, 3, 587]"), *map = NULL;
	AUTO(diags) struct diags ds = {.name = NULL};
	struct thing t = {.flag = false};
	struct err err;

	map = field_positional(&thing_fields, list, &err);
	ck_assert_ptr_nonnull(map);
	ck_assert_int_eq(map->kind, NODE_MAP);
	ck_assert_uint_eq(map->count, 3);
	ck_assert_int_eq(field_load(&thing_fields, map, &t, NULL, &ds), 0);
	ck_assert(t.flag);
	ck_assert_int_eq(t.count, 3);
	ck_assert_int_eq(t.port, 587);
	field_fini(&thing_fields, &t);
}
END_TEST

START_TEST(test_positional_too_long)
{
	AUTO(node) struct node *list = flow_json("[\"a\", 1, 2]");
	AUTO(node) struct node *none = flow_json("[]"), *map = NULL;
	struct err err;

	ck_assert_ptr_null(field_positional(&part_fields, list, &err));
	ck_assert_str_eq(err.text, "too many parameters: 3 given, at most 2 known");
	ck_assert_int_eq(err.code, ERR_INVALID);
	map = field_positional(&part_fields, none, &err);
	ck_assert_ptr_nonnull(map);
	ck_assert_uint_eq(map->count, 0);
}
END_TEST

static const struct {
	const char *name, *text, *error;
	int line;
} sets[] = {
	{"flag", "on", "", __LINE__},
	{"flag", "2", "expected true or false", __LINE__},
	{"count", "-5", "", __LINE__},
	{"count", "null", "expected a whole number, got null", __LINE__},
	{"maybe_count", "null", "", __LINE__},
	{"port", "x", "expected a whole number, from 1 to 65535", __LINE__},
	{"port", "0", "must be from 1 to 65535", __LINE__},
	{"ratio", "2.5", "", __LINE__},
	{"wait", "1.5h", "", __LINE__},
	{"title", "", "must not be empty", __LINE__},
	{"title", "null", "", __LINE__},
	{"title", "[a]", "", __LINE__},
	{"title", "no!", "must not shout", __LINE__},
	{"password", "~", "", __LINE__},
	{"mode", "kep", "expected one of keep, terminate; did you mean 'keep'?",
		__LINE__},
	{"names", "[]", "", __LINE__},
	{"names", "[ a , b ]", "", __LINE__},
	{"names", "a",
		"expected a list of strings of at most 5 bytes, got a single value",
		__LINE__},
	{"names", "[a, toolong]", "[1]: must have at most 5 bytes", __LINE__},
	{"users", "a", "", __LINE__},
	{"users", "[a, b,]", "", __LINE__},
	{"users", "[a, , b]", "[1]: must not be empty", __LINE__},
	{"parts", "[]", "", __LINE__},
	{"parts", "[x]", "[0]: expected a mapping, got a string", __LINE__},
	{"tags", "{}", "", __LINE__},
	{"tags", "a", "expected a mapping of strings, got a single value", __LINE__},
	{"part", "a", "expected a mapping, got a single value", __LINE__},
};

START_TEST(test_set)
{
	struct thing t = {.flag = false};
	struct err err = {.code = ERR_NONE};
	int result;

	field_defaults(&thing_fields, &t);
	result = field_set(row_of(sets[_i].name), &t, sets[_i].text, &err);
	ck_assert_msg(strcmp(err.text, sets[_i].error) == 0, "line %d: got: %s",
		sets[_i].line, err.text);
	ck_assert_int_eq(result, sets[_i].error[0] == '\0' ? 0 : -1);
	field_fini(&thing_fields, &t);
}
END_TEST

START_TEST(test_set_stores)
{
	struct thing t = {.flag = false};

	field_defaults(&thing_fields, &t);
	ck_assert_int_eq(field_set(row_of("title"), &t, "null", NULL), 0);
	ck_assert_str_eq(t.title, "null");
	ck_assert_int_eq(field_set(row_of("title"), &t, "!", NULL), -1);
	ck_assert_str_eq(t.title, "null");
	ck_assert_int_eq(field_set(row_of("maybe_count"), &t, "null", NULL), 0);
	ck_assert(t.maybe_count == FIELD_NULL);
	ck_assert_int_eq(field_set(row_of("maybe_ratio"), &t, "2", NULL), 0);
	ck_assert_int_eq(field_set(row_of("maybe_ratio"), &t, "~", NULL), 0);
	ck_assert(isnan(t.maybe_ratio));
	ck_assert_int_eq(field_set(row_of("users"), &t, "[a, b,]", NULL), 0);
	ck_assert_uint_eq(t.users.count, 2);
	ck_assert_str_eq(t.users.items[1], "b");
	ck_assert_int_eq(field_set(row_of("users"), &t, "null", NULL), 0);
	ck_assert_uint_eq(t.users.count, 0);
	ck_assert_int_eq(field_set(row_of("part"), &t, "{}", NULL), -1);
	field_fini(&thing_fields, &t);
}
END_TEST

static int
refuse(const char *value, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s is not wanted", value);
}

static const struct field checked_rows[] = {
	{.name = "b", .type = FIELD_BOOL, .check = refuse},
	{.name = "i", .type = FIELD_INT, .check = refuse},
	{.name = "n", .type = FIELD_NUMBER, .check = refuse},
	{.name = "d", .type = FIELD_DURATION, .check = refuse},
	{.name = "s", .type = FIELD_STRING, .check = refuse},
	{.name = "p", .type = FIELD_SECRET, .check = refuse},
	{
		.name = "e",
		.type = FIELD_ENUM,
		.check = refuse,
		.choices = (const char *const[]){"on", NULL},
	},
};

/* A row's own check sees the text as written, and has the last word. */
START_TEST(test_checks)
{
	static const char *const texts[] = {"on", "7", "0.50", "2h", "x", "y", "on"};
	union {
		int64_t whole;
		char *string;
		struct secret secret;
	} member = {.whole = 0};
	char expected[64];
	struct err err;

	snprintf(expected, sizeof(expected), "%s is not wanted", texts[_i]);
	ck_assert_int_eq(field_set(&checked_rows[_i], &member, texts[_i], &err), -1);
	ck_assert_str_eq(err.text, expected);
	ck_assert(member.whole == 0);
}
END_TEST

START_TEST(test_empty_map)
{
	struct strmap map = {.keys = NULL};
	struct field row = {.type = FIELD_STRMAP, .flags = FIELD_NONEMPTY};
	struct err err;

	ck_assert_int_eq(field_set(&row, &map, "{}", &err), -1);
	ck_assert_str_eq(err.text, "must not be empty");
}
END_TEST

static const char base_text[] =
	"{count: 1, port: 2, ratio: 3, maybe_ratio: 4, wait: 5, title: t, note: n,"
	" password: p, mode: keep, part: {name: q}, names: [a], users: [u],"
	" parts: [{name: q}], volumes: [{name: v}], tags: {a: b, c: d}}";

static const struct {
	const char *text, *differs;
	int line;
} differences[] = {
	{base_text, NULL, __LINE__},
	{"{flag: off}", "flag", __LINE__},
	{"{count: 2}", "count", __LINE__},
	{"{ratio: 3.5}", "ratio", __LINE__},
	{"{maybe_ratio: ~}", "maybe_ratio", __LINE__},
	{"{maybe_count: ~}", "maybe_count", __LINE__},
	{"{wait: ~}", "wait", __LINE__},
	{"{title: u}", "title", __LINE__},
	{"{note: ~}", "note", __LINE__},
	{"{password: q}", "password", __LINE__},
	{"{mode: terminate}", "mode", __LINE__},
	{"{part: {name: q, size: 9}}", "part", __LINE__},
	{"{names: [b]}", "names", __LINE__},
	{"{names: [a, b]}", "names", __LINE__},
	{"{users: ~}", "users", __LINE__},
	{"{parts: [{name: q, size: 7}]}", "parts", __LINE__},
	{"{parts: []}", "parts", __LINE__},
	{"{tags: {c: d, a: b}}", NULL, __LINE__},
	{"{tags: {a: b}}", "tags", __LINE__},
	{"{tags: {a: b, c: e}}", "tags", __LINE__},
	{"{tags: {a: b, x: d}}", "tags", __LINE__},
	{"{workers: {x: y}}", NULL, __LINE__},
};

/* The base with some keys replaced. */
static void
load_over(const char *text, struct thing *t)
{
	AUTO(diags) struct diags ds = {.name = NULL};
	AUTO(node) struct node *base = flow_yaml(base_text), *over = flow_yaml(text);

	for (size_t i = 0; i < over->count; i++)
		node_put(base, node_copy(over->keys[i]), node_copy(over->items[i]));
	*t = (struct thing){.flag = false};
	ck_assert_int_eq(field_load(&thing_fields, base, t, NULL, &ds), 0);
}

START_TEST(test_equal)
{
	struct thing a, b;
	const char *name = NULL;
	bool same = differences[_i].differs == NULL;

	load_over("{}", &a);
	load_over(differences[_i].text, &b);
	ck_assert_msg(field_equal(&thing_fields, &a, &b, &name) == same, "line %d: %s",
		differences[_i].line, name != NULL ? name : "none");
	ck_assert_msg(str_equal(name, differences[_i].differs), "line %d: %s",
		differences[_i].line, name != NULL ? name : "none");
	ck_assert(field_equal(&thing_fields, &b, &a, NULL) == same);
	ck_assert(field_equal(&thing_fields, &b, &b, NULL));
	field_fini(&thing_fields, &a);
	field_fini(&thing_fields, &b);
}
END_TEST

static const struct {
	const char *name, *text;
} expectations[] = {
	{"flag", "true or false"},
	{"count", "a whole number"},
	{"port", "a whole number, from 1 to 65535"},
	{"maybe_count", "a whole number, or null"},
	{"ratio", "a number, from 0 to 10"},
	{"linger", "seconds, or a duration such as 90s, 20m, 2h"},
	{"grace", "seconds, or a duration such as 90s, 20m, 2h, from 1s to 1d"},
	{"title", "a string"},
	{"code", "a string of 2 to 5 bytes"},
	{"password", "a string"},
	{"mode", "one of keep, terminate"},
	{"part", "a mapping"},
	{"names", "a list of strings of at most 5 bytes"},
	{"users", "a string or a list of strings, or null"},
	{"parts", "a list of mappings"},
	{"volumes", "a mapping or a list of mappings"},
	{"tags", "a mapping of strings"},
};

START_TEST(test_expects)
{
	AUTO(buf) struct buf out = {.data = NULL};

	field_expects(row_of(expectations[_i].name), &out);
	ck_assert_str_eq(buf_str(&out), expectations[_i].text);
}
END_TEST

static const struct {
	int64_t min, max;
	const char *text;
} bounds[] = {
	{0, 0, "a whole number"},
	{0, 5, "a whole number, from 0 to 5"},
	{-5, 0, "a whole number, from -5 to 0"},
	{1, 0, "a whole number, at least 1"},
	{0, -1, "a whole number, at least 0"},
	{1, INT64_MAX, "a whole number, at least 1"},
	{INT64_MIN, 5, "a whole number, at most 5"},
	{INT64_MIN, INT64_MAX, "a whole number"},
};

START_TEST(test_bounds)
{
	struct field row = {.type = FIELD_INT,
		.min = bounds[_i].min,
		.max = bounds[_i].max};
	AUTO(buf) struct buf out = {.data = NULL};

	field_expects(&row, &out);
	ck_assert_str_eq(buf_str(&out), bounds[_i].text);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("field_table");
	TCase *tc = tcase_create("field_table");

	tcase_add_test(tc, test_find);
	tcase_add_test(tc, test_all_problems);
	tcase_add_test(tc, test_errors_before_do_not_count);
	tcase_add_test(tc, test_secrets_are_never_quoted);
	tcase_add_test(tc, test_secret_names);
	tcase_add_test(tc, test_empty_table);
	tcase_add_test(tc, test_a_key_twice);
	tcase_add_test(tc, test_a_list_twice);
	tcase_add_test(tc, test_positional);
	tcase_add_test(tc, test_positional_too_long);
	tcase_add_loop_test(tc, test_set, 0, COUNT_OF(sets));
	tcase_add_test(tc, test_set_stores);
	tcase_add_loop_test(tc, test_checks, 0, COUNT_OF(checked_rows));
	tcase_add_test(tc, test_empty_map);
	tcase_add_loop_test(tc, test_equal, 0, COUNT_OF(differences));
	tcase_add_loop_test(tc, test_expects, 0, COUNT_OF(expectations));
	tcase_add_loop_test(tc, test_bounds, 0, COUNT_OF(bounds));
	suite_add_tcase(suite, tc);
	return suite;
}
