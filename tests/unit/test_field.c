/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/node.h"
#include "flow.h"
#include "thing.h"
#include "unit.h"

#include <string.h>

static int
load(const char *text, bool json, struct thing *t, struct diags *ds)
{
	AUTO(node) struct node *node = json ? flow_json(text) : flow_yaml(text);

	*t = (struct thing){.flag = false};
	return field_load(&thing_fields, node, t, NULL, ds);
}

/* The first error, "" if there is none. */
static void
load_error(const char *text, bool json, struct err *err)
{
	AUTO(diags) struct diags ds = {.name = NULL};
	struct thing t;

	err_clear(err);
	if (load(text, json, &t, &ds) < 0)
		diag_to_err(&ds, ERR_INVALID, err);
	field_fini(&thing_fields, &t);
}

START_TEST(test_defaults)
{
	struct thing t = {.flag = false};

	field_defaults(&thing_fields, &t);
	ck_assert(t.flag);
	ck_assert(t.count == FIELD_NULL);
	ck_assert_int_eq(t.port, 25);
	ck_assert_int_eq(t.maybe_count, 5);
	ck_assert_double_eq(t.ratio, 1.2);
	ck_assert_double_nan(t.maybe_ratio);
	ck_assert_int_eq(t.wait, 600000);
	ck_assert_int_eq(t.grace, 1500);
	ck_assert(t.linger == FIELD_NULL);
	ck_assert_ptr_null(t.title);
	ck_assert_str_eq(t.code, "0660");
	ck_assert_str_eq(t.note, "");
	ck_assert_ptr_null(t.password.text);
	ck_assert_int_eq(t.mode, 1);
	ck_assert_int_eq(t.other_mode, -1);
	ck_assert_ptr_null(t.part.name);
	ck_assert_int_eq(t.part.size, 8);
	ck_assert_uint_eq(t.names.count, 2);
	ck_assert_str_eq(t.names.items[0], "a");
	ck_assert_str_eq(t.names.items[1], "b");
	ck_assert_uint_eq(t.users.count, 1);
	ck_assert_str_eq(t.users.items[0], "root");
	ck_assert_uint_eq(t.parts.count, 0);
	ck_assert_uint_eq(t.tags.count, 0);
	field_fini(&thing_fields, &t);
	ck_assert_ptr_null(t.code);
	ck_assert_int_eq(t.port, 0);
	field_fini(&thing_fields, &t); /* again is fine */
}
END_TEST

static void
check_everything(const struct thing *t)
{
	const struct part *parts = t->parts.items, *volumes = t->volumes.items;

	ck_assert(!t->flag);
	ck_assert_int_eq(t->count, -3);
	ck_assert_int_eq(t->port, 65535);
	ck_assert(t->maybe_count == FIELD_NULL);
	ck_assert_double_eq(t->ratio, 0.25);
	ck_assert_double_eq(t->maybe_ratio, 1500.0);
	ck_assert_int_eq(t->wait, -1000);
	ck_assert_int_eq(t->grace, 1200000);
	ck_assert_int_eq(t->linger, 500);
	ck_assert_str_eq(t->title, "no");
	ck_assert_str_eq(t->code, "012");
	ck_assert_ptr_null(t->note);
	ck_assert_str_eq(t->password.text, "sekrit");
	ck_assert_int_eq(t->mode, 0);
	ck_assert_int_eq(t->other_mode, 1);
	ck_assert_str_eq(t->part.name, "one");
	ck_assert_int_eq(t->part.size, 8);
	ck_assert_uint_eq(t->names.count, 3);
	ck_assert_str_eq(t->names.items[2], "1e3");
	ck_assert_ptr_null(t->names.items[3]);
	ck_assert_uint_eq(t->users.count, 1);
	ck_assert_str_eq(t->users.items[0], "lone");
	ck_assert_uint_eq(t->parts.count, 2);
	ck_assert_str_eq(parts[1].name, "q");
	ck_assert_int_eq(parts[0].size, 8);
	ck_assert_int_eq(parts[1].size, 3);
	ck_assert_uint_eq(t->volumes.count, 1);
	ck_assert_str_eq(volumes[0].name, "v");
	ck_assert_str_eq(strmap_get(&t->tags, "Name"), "x y");
	ck_assert_str_eq(strmap_get(&t->tags, "n"), "5");
	ck_assert_uint_eq(t->tags.count, 2);
}

/* The same values from a file and from JSON, over the defaults. */
START_TEST(test_everything)
{
	static const char *const texts[] = {
		"{flag: off, count: -3, port: 65535, maybe_count: ~, ratio: 0.25,"
		" maybe_ratio: 1.5e3, wait: -1, grace: 20m, linger: 0.5, title: no,"
		" code: 012, note: null, password: sekrit, mode: keep,"
		" other_mode: \"terminate\", part: {name: one}, names: [x, y, 1e3],"
		" users: lone, parts: [{name: p}, {name: q, size: 3}], volumes: {name: v},"
		" tags: {Name: x y, n: 5}, workers: {anything: {at: all}}}",
		"{\"flag\": false, \"count\": -3, \"port\": 65535, \"maybe_count\": null,"
		" \"ratio\": 0.25, \"maybe_ratio\": 15E2, \"wait\": -1, \"grace\": \"20m\","
		" \"linger\": 0.5, \"title\": \"no\", \"code\": \"012\", \"note\": null,"
		" \"password\": \"sekrit\", \"mode\": \"keep\","
		" \"other_mode\": \"terminate\", \"part\": {\"name\": \"one\"},"
		" \"names\": [\"x\", \"y\", \"1e3\"], \"users\": \"lone\","
		" \"parts\": [{\"name\": \"p\"}, {\"name\": \"q\", \"size\": 3}],"
		" \"volumes\": {\"name\": \"v\"},"
		" \"tags\": {\"Name\": \"x y\", \"n\": \"5\"}, \"workers\": 7}",
	};
	struct thing t[2];

	for (int json = 0; json < 2; json++) {
		AUTO(diags) struct diags ds = {.name = NULL};
		AUTO(buf) struct buf problems = {.data = NULL};
		int result = load(texts[json], json == 1, &t[json], &ds);

		diag_print(&ds, &problems);
		ck_assert_str_eq(buf_str(&problems), "");
		ck_assert_int_eq(result, 0);
		check_everything(&t[json]);
	}
	ck_assert(field_equal(&thing_fields, &t[0], &t[1], NULL));
	field_fini(&thing_fields, &t[0]);
	field_fini(&thing_fields, &t[1]);
}
END_TEST

static const struct {
	const char *text;
	const char *error; /* the first one; "" if the text is good */
	int line;
} yaml_cases[] = {
	{"{}", "", __LINE__},
	{"[]", "1:1: expected a mapping, got a list", __LINE__},
	{"~", "1:1: expected a mapping, got null", __LINE__},
	{"{flag: YES}", "", __LINE__},
	{"{flag: maybe}", "1:8: flag: expected true or false", __LINE__},
	{"{flag: \"true\"}", "1:8: flag: expected true or false, got a string",
		__LINE__},
	{"{flag: y}", "1:8: flag: expected true or false", __LINE__},
	{"{flag: }", "1:8: flag: expected true or false, got nothing", __LINE__},
	{"{count: 0}", "", __LINE__},
	{"{count: -0}", "", __LINE__},
	{"{count: 9223372036854775807}", "", __LINE__},
	{"{count: -9223372036854775807}", "", __LINE__},
	{"{count: 9223372036854775808}", "1:9: count: is too large a number", __LINE__},
	{"{count: -9223372036854775808}", "1:9: count: is too large a number",
		__LINE__},
	{"{count: 1.0}", "1:9: count: expected a whole number", __LINE__},
	{"{count: 1e3}", "1:9: count: expected a whole number", __LINE__},
	{"{count: 012}", "1:9: count: expected a whole number", __LINE__},
	{"{count: +1}", "1:9: count: expected a whole number", __LINE__},
	{"{count: 0x10}", "1:9: count: expected a whole number", __LINE__},
	{"{count: -}", "1:9: count: expected a whole number", __LINE__},
	{"{count: 1 2}", "1:9: count: expected a whole number", __LINE__},
	{"{count: \"5\"}", "1:9: count: expected a whole number, got a string",
		__LINE__},
	{"{count: [5]}", "1:9: count: expected a whole number, got a list", __LINE__},
	{"{count: ~}", "1:9: count: expected a whole number, got null", __LINE__},
	{"{port: 0}", "1:8: port: must be from 1 to 65535", __LINE__},
	{"{port: 65536}", "1:8: port: must be from 1 to 65535", __LINE__},
	{"{port: 99999999999999999999}", "1:8: port: must be from 1 to 65535",
		__LINE__},
	{"{port: x}", "1:8: port: expected a whole number, from 1 to 65535", __LINE__},
	{"{maybe_count: x}", "1:15: maybe_count: expected a whole number, or null",
		__LINE__},
	{"{ratio: 10}", "", __LINE__},
	{"{ratio: 10.001}", "1:9: ratio: must be from 0 to 10", __LINE__},
	{"{ratio: -0.1}", "1:9: ratio: must be from 0 to 10", __LINE__},
	{"{ratio: .5}", "1:9: ratio: expected a number, from 0 to 10", __LINE__},
	{"{ratio: 5.}", "1:9: ratio: expected a number, from 0 to 10", __LINE__},
	{"{ratio: nan}", "1:9: ratio: expected a number, from 0 to 10", __LINE__},
	{"{ratio: 0x1p2}", "1:9: ratio: expected a number, from 0 to 10", __LINE__},
	{"{ratio: 1e}", "1:9: ratio: expected a number, from 0 to 10", __LINE__},
	{"{ratio: 1e999}", "1:9: ratio: is too large a number", __LINE__},
	{"{ratio: 1e-999}", "", __LINE__},
	{"{ratio: \"1\"}", "1:9: ratio: expected a number, from 0 to 10, got a string",
		__LINE__},
	{"{linger: 10 minutes}",
		"1:10: linger: expected seconds, or a duration such as 90s, 20m, 2h",
		__LINE__},
	{"{linger: \"20m\"}", "", __LINE__},
	{"{linger: {}}",
		"1:10: linger: expected seconds, or a duration such as 90s, 20m, 2h,"
		" got a mapping",
		__LINE__},
	{"{linger: -1}", "1:10: linger: must not be negative", __LINE__},
	{"{grace: 999999999999999999d}",
		"1:9: grace: expected seconds, or a duration such as 90s, 20m, 2h,"
		" from 1s to 1d",
		__LINE__},
	{"{grace: 0.9}", "1:9: grace: must be from 1s to 1d", __LINE__},
	{"{grace: 25h}", "1:9: grace: must be from 1s to 1d", __LINE__},
	{"{wait: x}",
		"1:8: wait: expected seconds, or a duration such as 90s, 20m, 2h, or null",
		__LINE__},
	{"{title: 5}", "", __LINE__},
	{"{title: yes}", "", __LINE__},
	{"{title: \"\"}", "1:9: title: must not be empty", __LINE__},
	{"{title: }", "1:9: title: expected a string, got nothing", __LINE__},
	{"{title: Null}",
		"1:9: title: expected a string, got null; quote it if the word is meant",
		__LINE__},
	{"{title: \"null\"}", "", __LINE__},
	{"{title: hey!}", "1:9: title: must not shout", __LINE__},
	{"{title: [a]}", "1:9: title: expected a string, got a list", __LINE__},
	{"{code: a}", "1:8: code: must have 2 to 5 bytes", __LINE__},
	{"{code: äöü}", "1:8: code: must have 2 to 5 bytes", __LINE__},
	{"{code: äö}", "", __LINE__},
	{"{code: []}", "1:8: code: expected a string of 2 to 5 bytes, got a list",
		__LINE__},
	{"{password: ~}",
		"1:12: password: expected a string, got null; quote it if the word is meant",
		__LINE__},
	{"{password: [x]}", "1:12: password: expected a string, got a list", __LINE__},
	{"{mode: keeep}",
		"1:8: mode: expected one of keep, terminate; did you mean 'keep'?",
		__LINE__},
	{"{mode: x}", "1:8: mode: expected one of keep, terminate", __LINE__},
	{"{mode: [keep]}", "1:8: mode: expected one of keep, terminate, got a list",
		__LINE__},
	{"{other_mode: ~}", "", __LINE__},
	{"{part: x}", "1:8: part: expected a mapping, got a single value", __LINE__},
	{"{part: {}}", "1:8: part.name: required", __LINE__},
	{"{part: {name: a, size: 0}}", "1:24: part.size: must be at least 1", __LINE__},
	{"{part: {name: a, sise: 0}}",
		"1:18: part.sise: unknown key; did you mean 'size'?", __LINE__},
	{"{part: {name: a, zzz: 0}}",
		"1:18: part.zzz: unknown key; known are name, size", __LINE__},
	{"{names: a}",
		"1:9: names: expected a list of strings of at most 5 bytes, got a single"
		" value",
		__LINE__},
	{"{names: []}", "", __LINE__},
	{"{names: [a, bcdefg]}", "1:13: names[1]: must have at most 5 bytes", __LINE__},
	{"{names: [a, ~]}",
		"1:13: names[1]: expected a string of at most 5 bytes, got null; quote it if"
		" the word is meant",
		__LINE__},
	{"{names: [[a]]}",
		"1:10: names[0]: expected a string of at most 5 bytes, got a list",
		__LINE__},
	{"{users: a!}", "1:9: users: must not shout", __LINE__},
	{"{users: [a, b!]}", "1:13: users[1]: must not shout", __LINE__},
	{"{users: []}", "1:9: users: must not be empty", __LINE__},
	{"{users: [\"\"]}", "1:10: users[0]: must not be empty", __LINE__},
	{"{users: {a: b}}",
		"1:9: users: expected a string or a list of strings, or null, got a mapping",
		__LINE__},
	{"{users: ~}", "", __LINE__},
	{"{parts: {name: a}}", "1:9: parts: expected a list of mappings, got a mapping",
		__LINE__},
	{"{parts: [{name: a}, x]}",
		"1:21: parts[1]: expected a mapping, got a single value", __LINE__},
	{"{parts: [{name: a}, {size: 1}]}", "1:21: parts[1].name: required", __LINE__},
	{"{volumes: x}",
		"1:11: volumes: expected a mapping or a list of mappings, got a single value",
		__LINE__},
	{"{volumes: {size: 1}}", "1:11: volumes.name: required", __LINE__},
	{"{volumes: []}", "1:11: volumes: must not be empty", __LINE__},
	{"{tags: [a]}", "1:8: tags: expected a mapping of strings, got a list",
		__LINE__},
	{"{tags: {a: {}}}", "1:12: tags.a: expected a string, got a mapping", __LINE__},
	{"{tags: {a: b!}}", "1:12: tags.a: must not shout", __LINE__},
	{"{workers: [5]}", "", __LINE__},
	{"{titel: x}", "1:2: titel: unknown key; did you mean 'title'?", __LINE__},
	{"{zzzzzz: x}", "1:2: zzzzzz: unknown key", __LINE__},
};

START_TEST(test_yaml_cases)
{
	struct err err;

	load_error(yaml_cases[_i].text, false, &err);
	ck_assert_msg(strcmp(err.text, yaml_cases[_i].error) == 0,
		"line %d: %s\n got: %s", yaml_cases[_i].line, yaml_cases[_i].text,
		err.text);
}
END_TEST

static const struct {
	const char *text;
	const char *error;
	int line;
} json_cases[] = {
	{"{\"flag\": true}", "", __LINE__},
	{"{\"flag\": 1}", "1:10: flag: expected true or false, got a number", __LINE__},
	{"{\"flag\": \"true\"}", "1:10: flag: expected true or false, got a string",
		__LINE__},
	{"{\"flag\": null}", "1:10: flag: expected true or false, got null", __LINE__},
	{"{\"count\": \"5\"}", "1:11: count: expected a whole number, got a string",
		__LINE__},
	{"{\"count\": 5.5}", "1:11: count: expected a whole number", __LINE__},
	{"{\"count\": true}", "1:11: count: expected a whole number, got a boolean",
		__LINE__},
	{"{\"title\": 5}", "1:11: title: expected a string, got a number", __LINE__},
	{"{\"title\": false}", "1:11: title: expected a string, got a boolean",
		__LINE__},
	{"{\"title\": null}", "1:11: title: expected a string, got null", __LINE__},
	{"{\"names\": [\"a\", 5]}",
		"1:17: names[1]: expected a string of at most 5 bytes, got a number",
		__LINE__},
	{"{\"users\": 5}", "1:11: users: expected a string, got a number", __LINE__},
	{"{\"tags\": {\"n\": 5}}", "1:16: tags.n: expected a string, got a number",
		__LINE__},
	{"{\"linger\": 20}", "", __LINE__},
	{"{\"linger\": \"20m\"}", "", __LINE__},
	{"{\"linger\": \"soon\"}",
		"1:12: linger: expected seconds, or a duration such as 90s, 20m, 2h",
		__LINE__},
	{"{\"linger\": true}",
		"1:12: linger: expected seconds, or a duration such as 90s, 20m, 2h,"
		" got a boolean",
		__LINE__},
	{"{\"linger\": 1e3}",
		"1:12: linger: expected seconds, or a duration such as 90s, 20m, 2h",
		__LINE__},
	{"{\"mode\": 0}", "1:10: mode: expected one of keep, terminate, got a number",
		__LINE__},
	{"{\"part\": null}", "1:10: part: expected a mapping, got null", __LINE__},
};

START_TEST(test_json_cases)
{
	struct err err;

	load_error(json_cases[_i].text, true, &err);
	ck_assert_msg(strcmp(err.text, json_cases[_i].error) == 0,
		"line %d: %s\n got: %s", json_cases[_i].line, json_cases[_i].text,
		err.text);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("field");
	TCase *tc = tcase_create("load");

	tcase_add_test(tc, test_defaults);
	tcase_add_test(tc, test_everything);
	tcase_add_loop_test(tc, test_yaml_cases, 0, COUNT_OF(yaml_cases));
	tcase_add_loop_test(tc, test_json_cases, 0, COUNT_OF(json_cases));
	suite_add_tcase(suite, tc);
	return suite;
}
