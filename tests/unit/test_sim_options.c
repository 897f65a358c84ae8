/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line, the scenario, JSON in, XML out: what is taken, and what is refused
 * with which words.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "sim/cloud.h"
#include "sim/error.h"
#include "sim/wire.h"
#include "sim/fault.h"
#include "sim/json.h"
#include "sim/options.h"
#include "sim/scenario.h"
#include "sim/xmlout.h"

#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 8

/* Splits at spaces and parses. */
static int
parse(const char *line, struct sim_options *o, struct err *err)
{
	AUTO(free) char *copy = xstrdup(line);
	char name[] = "ec2sim";
	char *argv[ARGS_MAX + 2] = {name};
	char *save = NULL;
	int argc = 1;

	for (char *p = strtok_r(copy, " ", &save); p != NULL && argc <= ARGS_MAX;
		p = strtok_r(NULL, " ", &save))
		argv[argc++] = p;
	err_clear(err);
	*o = (struct sim_options){0};
	return sim_options_parse(argc, argv, o, err);
}

START_TEST(defaults)
{
	struct sim_options o;
	struct err err;

	ck_assert_int_eq(parse("", &o, &err), 0);
	ck_assert_str_eq(o.listen, "127.0.0.1:5000");
	ck_assert_ptr_null(o.scenario);
	ck_assert_int_eq(o.pending, 2000);
	ck_assert_int_eq(o.shutdown, 2000);
	ck_assert(!o.run_user_data && !o.help && !o.version);
	ck_assert_ptr_null(o.credentials.text);
	ck_assert_int_eq(o.throttle, SIM_THROTTLE_OFF);
	ck_assert_int_eq(o.seed, 0);
	sim_options_fini(&o);
}
END_TEST

START_TEST(all_options)
{
	struct sim_options o;
	struct err err;

	ck_assert_int_eq(
		parse("--listen=[::1]:0 --scenario s.json --pending 0.5 --shutdown=1m "
		      "--run-user-data --credentials=AK:SE:CRET",
			&o, &err),
		0);
	ck_assert_str_eq(o.listen, "[::1]:0");
	ck_assert_str_eq(o.scenario, "s.json");
	ck_assert_int_eq(o.pending, 500);
	ck_assert_int_eq(o.shutdown, 60000);
	ck_assert(o.run_user_data);
	ck_assert_str_eq(o.credentials.text, "AK:SE:CRET");
	sim_options_fini(&o);
	ck_assert_int_eq(parse("--throttle aws --seed 7 --help --version", &o, &err),
		0);
	ck_assert_int_eq(o.throttle, SIM_THROTTLE_AWS);
	ck_assert_int_eq(o.seed, 7);
	ck_assert(o.help && o.version);
	sim_options_fini(&o);
}
END_TEST

static const struct {
	int line;
	const char *args, *text;
} wrong[] = {
	{__LINE__, "--lisen x", "did you mean --listen?"},
	{__LINE__, "--nonsense", "unknown option"},
	{__LINE__, "listen", "not an option"},
	{__LINE__, "-h", "not an option"},
	{__LINE__, "--pending", "--pending needs a value"},
	{__LINE__, "--pending soon", "--pending"},
	{__LINE__, "--pending -1", "--pending"},
	{__LINE__, "--run-user-data=yes", "takes no value"},
	{__LINE__, "--throttle gcp", "--throttle"},
	{__LINE__, "--seed x", "--seed"},
	{__LINE__, "--credentials justanid", "ID:SECRET"},
	{__LINE__, "--credentials :x", "ID:SECRET"},
	{__LINE__, "--credentials x:", "ID:SECRET"},
};

START_TEST(usage_errors)
{
	for (size_t n = 0; n < COUNT_OF(wrong); n++) {
		struct sim_options o;
		struct err err;

		ck_assert_msg(parse(wrong[n].args, &o, &err) == -1, "line %d",
			wrong[n].line);
		ck_assert_msg(strstr(err.text, wrong[n].text) != NULL, "line %d: %s",
			wrong[n].line, err.text);
	}
}
END_TEST

/* Every option is in the help, with its text. */
START_TEST(help)
{
	AUTO(buf) struct buf text = {0};

	sim_options_help(&text);
	for (const struct field *row = sim_option_fields.rows; row->name != NULL;
		row++) {
		AUTO(free) char *option = xasprintf("  --%s", row->name);

		ck_assert_msg(strstr(buf_str(&text), option) != NULL, "%s", row->name);
		ck_assert_ptr_nonnull(row->doc);
	}
	for (const char *p = buf_str(&text); *p != '\0'; p += strcspn(p, "\n") + 1)
		ck_assert_uint_le(strcspn(p, "\n"), 80);
}
END_TEST

START_TEST(scenario)
{
	static const char text[] =
		"{\"pending\": \"5s\", \"visible_after\": 1.5, \"clock_offset\": \"-20m\","
		" \"dead_token\": \"instance\", \"console\": \"hi\\n\","
		" \"capacity\": [{\"type\": \"m5.*\", \"available\": 3}],"
		" \"faults\": [{\"action\": \"RunInstances\", \"effect\": \"cut\", \"at\": 9}]}";
	const struct sim_capacity *capacity;
	const struct sim_fault *fault;
	struct sim_scenario s;
	struct err err;

	ck_assert_msg(sim_scenario_parse(text, strlen(text), "s", &s, &err) == 0, "%s",
		err.text);
	ck_assert_int_eq(s.pending, 5000);
	ck_assert_int_eq(s.shutdown, FIELD_NULL);
	ck_assert_int_eq(s.visible_after, 1500);
	ck_assert_int_eq(s.terminated_visible, 3600000);
	ck_assert_int_eq(s.clock_offset, -1200000);
	ck_assert_int_eq(s.dead_token, SIM_DEAD_TOKEN_INSTANCE);
	ck_assert_str_eq(s.console, "hi\n");
	ck_assert_uint_eq(s.capacity.count, 1);
	capacity = s.capacity.items;
	ck_assert_str_eq(capacity->type, "m5.*");
	ck_assert_str_eq(capacity->zone, "*");
	ck_assert_int_eq(capacity->available, 3);
	ck_assert_uint_eq(s.faults.count, 1);
	fault = s.faults.items;
	ck_assert_int_eq(fault->effect, SIM_EFFECT_CUT);
	ck_assert_int_eq(fault->at, 9);
	ck_assert_int_eq(fault->nth, FIELD_NULL);
	sim_scenario_fini(&s);
}
END_TEST

static const struct {
	int line;
	const char *text, *says;
} bad_scenarios[] = {
	{__LINE__, "", "s.json"},
	{__LINE__, "[]", "object"},
	{__LINE__, "{\"pendin\": 1}", "pending"},
	{__LINE__, "{\"pending\": \"soon\"}", "pending"},
	{__LINE__, "{\"pending\": -1}", "pending"},
	{__LINE__, "{\"pending\": 1, \"pending\": 2}", "duplicate"},
	{__LINE__, "{\"dead_token\": \"ghost\"}", "dead_token"},
	{__LINE__, "{\"capacity\": [{}]}", "available"},
	{__LINE__, "{\"faults\": [{\"effect\": \"drop\", \"nth\": 1, \"every\": 1}]}",
		"faults[0]"},
};

START_TEST(wrong_scenarios)
{
	for (size_t n = 0; n < COUNT_OF(bad_scenarios); n++) {
		const char *text = bad_scenarios[n].text;
		struct sim_scenario s;
		struct err err;

		ck_assert_msg(sim_scenario_parse(text, strlen(text), "s.json", &s,
				      &err) == -1,
			"line %d", bad_scenarios[n].line);
		ck_assert_msg(strstr(err.text, bad_scenarios[n].says) != NULL,
			"line %d: %s", bad_scenarios[n].line, err.text);
	}
}
END_TEST

START_TEST(json_depth)
{
	AUTO(buf) struct buf text = {0};
	struct node *node;
	struct err err;

	for (int n = 0; n < 32; n++)
		buf_putc(&text, '[');
	for (int n = 0; n < 32; n++)
		buf_putc(&text, ']');
	node = sim_json_parse(buf_str(&text), text.len, &err);
	ck_assert_ptr_nonnull(node);
	node_free(node);
	buf_clear(&text);
	for (int n = 0; n < 34; n++)
		buf_putc(&text, '[');
	for (int n = 0; n < 34; n++)
		buf_putc(&text, ']');
	ck_assert_ptr_null(sim_json_parse(buf_str(&text), text.len, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "32"));
	ck_assert_ptr_null(sim_json_parse("{\"a\": {\"b\": [1, 2.5, nul]}}", 27, &err));
}
END_TEST

START_TEST(json_kinds)
{
	static const char text[] =
		"{\"n\": null, \"b\": true, \"f\": false, \"i\": -12, "
		"\"r\": 0.25, \"s\": \"x\", \"l\": [1]}";
	static const struct {
		const char *key;
		enum node_kind kind;
		const char *text;
	} want[] = {
		{"n", NODE_NULL, NULL},
		{"b", NODE_BOOL, "true"},
		{"f", NODE_BOOL, "false"},
		{"i", NODE_NUMBER, "-12"},
		{"r", NODE_NUMBER, "0.25"},
		{"s", NODE_STRING, "x"},
		{"l", NODE_LIST, NULL},
	};
	struct err err;
	AUTO(node) struct node *map = sim_json_parse(text, strlen(text), &err);

	ck_assert_ptr_nonnull(map);
	for (size_t n = 0; n < COUNT_OF(want); n++) {
		const struct node *item = node_get(map, want[n].key);

		ck_assert_int_eq(item->kind, want[n].kind);
		if (want[n].text != NULL)
			ck_assert_str_eq(item->text, want[n].text);
	}
}
END_TEST

static const struct {
	int line;
	const char *text, *xml;
} texts[] = {
	{__LINE__, NULL, ""},
	{__LINE__, "", "<e/>"},
	{__LINE__, "plain", "<e>plain</e>"},
	{__LINE__, "<a&b>", "<e>&lt;a&amp;b&gt;</e>"},
	{__LINE__, "\"'", "<e>\"'</e>"},
	{__LINE__, "a\r\n\tb", "<e>a&#13;\n\tb</e>"},
	{__LINE__, "a\x01\x1b", "<e>a\xef\xbf\xbd\xef\xbf\xbd</e>"},
	{__LINE__, "\xc3\xa4", "<e>\xc3\xa4</e>"},
};

START_TEST(xml_text)
{
	for (size_t n = 0; n < COUNT_OF(texts); n++) {
		AUTO(buf) struct buf out = {0};

		sim_xml_text(&out, "e", texts[n].text);
		ck_assert_msg(strcmp(buf_str(&out), texts[n].xml) == 0, "line %d: %s",
			texts[n].line, buf_str(&out));
	}
}
END_TEST

START_TEST(xml_types)
{
	AUTO(buf) struct buf out = {0};

	sim_xml_open(&out, "r");
	sim_xml_int(&out, "i", -5);
	sim_xml_bool(&out, "b", true);
	sim_xml_bool(&out, "c", false);
	sim_xml_time(&out, "t", 1769854500000);
	sim_xml_close(&out, "r");
	ck_assert_str_eq(buf_str(&out),
		"<r><i>-5</i><b>true</b><c>false</c>"
		"<t>2026-01-31T10:15:00.000Z</t></r>");
}
END_TEST

START_TEST(errors)
{
	AUTO(buf) struct buf out = {0};
	struct sim_error error;

	ck_assert_int_eq(sim_fail(&error, SIM_INVALID_ACTION, "no <%s>", "x"), -1);
	sim_wire_error(NULL, &error, "id-1", &out);
	ck_assert_str_eq(buf_str(&out),
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<Response><Errors><Error><Code>InvalidAction</Code>"
		"<Message>no &lt;x&gt;</Message></Error></Errors>"
		"<RequestID>id-1</RequestID></Response>");
	ck_assert_int_eq(error.status, 400);
	ck_assert_int_eq(sim_code_status("InsufficientInstanceCapacity"), 500);
	ck_assert_int_eq(sim_code_status("NeverHeardOf"), 400);
	for (int code = 0; code < SIM_CODE_COUNT; code++) {
		ck_assert_ptr_nonnull(sim_code_name((enum sim_code)code));
		ck_assert_int_ge(sim_code_status(sim_code_name((enum sim_code)code)),
			400);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("sim_options");
	TCase *all = tcase_create("all");

	tcase_add_test(all, defaults);
	tcase_add_test(all, all_options);
	tcase_add_test(all, usage_errors);
	tcase_add_test(all, help);
	tcase_add_test(all, scenario);
	tcase_add_test(all, wrong_scenarios);
	tcase_add_test(all, json_depth);
	tcase_add_test(all, json_kinds);
	tcase_add_test(all, xml_text);
	tcase_add_test(all, xml_types);
	tcase_add_test(all, errors);
	suite_add_tcase(suite, all);
	return suite;
}
