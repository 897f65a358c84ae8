/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "base/opts.h"
#include "conf/conf.h"
#include "conf/conf_keys.h"
#include "core/condition.h"
#include "core/event.h"
#include "core/metrics.h"
#include "core/options.h"
#include "ctl/ctl.h"
#include "ctl/verb.h"
#include "doc/fragment.h"
#include "doc/mdoc.h"
#include "doc/rows.h"
#include "rpc/spec.h"
#include "sim/action.h"
#include "sim/control.h"
#include "sim/options.h"
#include "sim/scenario.h"
#include "unit.h"

#include <string.h>

/* The fragment's text; the caller's. */
static char *
make(const char *name, const char *arg)
{
	struct buf out = {.data = NULL};
	struct err err;

	ck_assert_msg(fragment_make(name, arg, &out, &err) == 0, "%s", err.text);
	ck_assert_uint_gt(out.len, 0);
	ck_assert_int_eq(out.data[out.len - 1], '\n');
	return buf_take(&out);
}

static size_t
count_of(const char *text, const char *part)
{
	size_t n = 0;

	while ((text = strstr(text, part)) != NULL)
		n++, text++;
	return n;
}

/* An item or heading: macro and name as they are written. */
static void
check_item(const char *text, const char *macro, const char *name)
{
	AUTO(buf) struct buf item = {.data = NULL};

	mdoc_line(&item, macro, name);
	ck_assert_msg(strstr(text, buf_str(&item)) != NULL, "no '%s' in:\n%s",
		buf_str(&item), text);
}

static void
check_doc(const char *text, const char *doc)
{
	AUTO(buf) struct buf lines = {.data = NULL};

	mdoc_text(&lines, doc);
	ck_assert_msg(strstr(text, buf_str(&lines)) != NULL, "no '%s'", doc);
}

static size_t
row_count(const struct fields *table)
{
	size_t n = 0;

	while (table->rows[n].name != NULL)
		n++;
	return n;
}

/* All items have a text, and lists end. */
static void
check_form(const char *text)
{
	ck_assert_uint_eq(count_of(text, ".Bl "), count_of(text, ".El\n"));
	for (const char *item = text; (item = strstr(item, ".It ")) != NULL; item++) {
		const char *next = strchr(item, '\n') + 1;

		ck_assert_msg(strncmp(next, ".It", 3) != 0 &&
				strncmp(next, ".El", 3) != 0,
			"an item without text: %.40s", item);
	}
	ck_assert_ptr_null(strstr(text, "\n\n"));
	ck_assert_ptr_null(strstr(text, "(null)"));
}

static void
check_table(const struct fields *table)
{
	AUTO(free) char *text = make("fields", table->name);

	check_form(text);
	ck_assert_uint_eq(count_of(text, ".It "), row_count(table));
	for (const struct field *row = table->rows; row->name != NULL; row++) {
		check_item(text, ".It Ic", row->name);
		check_doc(text, row->doc);
		if (row->def != NULL)
			ck_assert_ptr_nonnull(strstr(text, "; default\n"));
	}
}

START_TEST(test_fields)
{
	struct table_set set = {.items = NULL};

	table_set_add(&set, &conf_fields);
	table_set_add(&set, &sim_scenario_fields);
	ck_assert_uint_ge(set.count, 8);
	ck_assert(table_set_has(&set, &conf_worker_fields));
	for (size_t i = 0; i < set.count; i++) {
		ck_assert_ptr_eq(table_set_find(&set, set.items[i]->name),
			set.items[i]);
		check_table(set.items[i]);
	}
	table_set_fini(&set);
}
END_TEST

static const struct field samples[] = {
	{.name = "one",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.example = "x y"},
	{.name = "two", .type = FIELD_DURATION, .def = "20m", .min = 1000, .max = 7000},
	{.name = "three",
		.type = FIELD_STRMAP,
		.flags = FIELD_NULLABLE | FIELD_RESTART},
	{.name = "four", .type = FIELD_OBJECT, .sub = &conf_worker_fields},
	{.name = "five", .type = FIELD_STRMAP, .sub = &conf_worker_fields},
};

static const struct {
	size_t row;
	enum rows_kind kind;
	const char *expected;
	int line;
} facts[] = {
	{0, ROWS_KEYS, "A string; required; for example\n.Ql \"\\&x y\" .\n", __LINE__},
	{0, ROWS_PARAMS, "A string; required.\n", __LINE__},
	{0, ROWS_RESULTS, "A string.\n", __LINE__},
	{1, ROWS_PARAMS,
		"Seconds, or a duration such as 90s, 20m, 2h, from 1s to 7s; default\n"
		".Ql \"\\&20m\" .\n",
		__LINE__},
	{2, ROWS_KEYS, "A mapping of strings, or null; only a restart changes it.\n",
		__LINE__},
	{2, ROWS_RESULTS,
		"A mapping of strings, or null; may be absent; only a restart changes it.\n",
		__LINE__},
	{3, ROWS_KEYS, "A mapping.\nSee\n.Sx worker .\n", __LINE__},
	{4, ROWS_KEYS, "A mapping of names to mappings.\nSee\n.Sx worker .\n",
		__LINE__},
};

START_TEST(test_facts)
{
	AUTO(buf) struct buf out = {.data = NULL};

	rows_facts(&samples[facts[_i].row], facts[_i].kind, &out);
	ck_assert_msg(strcmp(buf_str(&out), facts[_i].expected) == 0, "line %d: got %s",
		facts[_i].line, buf_str(&out));
}
END_TEST

static const struct {
	const char *name;
	const struct fields *table;
	const char *synopsis;
} programs[] = {
	{"ec2workerd", &option_fields, ".Op Fl c Ar FILE\n"},
	{"ec2workerctl", NULL, ".Op Fl s Ar PATH\n"},
	{"ec2sim", &sim_option_fields, ".Op Fl \\-throttle Cm off | aws\n"},
};

START_TEST(test_programs)
{
	const struct fields *table = programs[_i].table;
	AUTO(free) char *synopsis = make("synopsis", programs[_i].name);
	AUTO(free) char *options = make("options", programs[_i].name);

	if (table == NULL)
		table = ctl_opts.table;
	check_form(options);
	ck_assert_uint_eq(count_of(options, ".It "), row_count(table));
	ck_assert_uint_eq(count_of(synopsis, ".Op "), row_count(table));
	ck_assert_ptr_nonnull(strstr(synopsis, programs[_i].synopsis));
	for (const struct field *row = table->rows; row->name != NULL; row++) {
		AUTO(free) char *name = opts_name(row);

		ck_assert_msg(strstr(options, name) != NULL, "%s", name);
		check_doc(options, row->doc);
	}
}
END_TEST

START_TEST(test_verbs)
{
	AUTO(free) char *text = make("verbs", NULL);
	size_t options = 0, verbs = 0;

	check_form(text);
	for (const struct verb *v = ctl_verbs; v->name != NULL; v++) {
		AUTO(buf) struct buf head = {.data = NULL};
		const struct fields *params;

		if (v->hidden)
			continue;
		verbs++;
		buf_puts(&head, ".It Cm ");
		mdoc_arg(&head, v->name);
		ck_assert_msg(strstr(text, buf_str(&head)) != NULL, "%s", v->name);
		check_doc(text, verb_doc(v));
		ck_assert_msg(strncmp(v->example, v->name, strlen(v->name)) == 0, "%s",
			v->name);
		if (v->options != NULL)
			options += row_count(v->options);
		if (v->method >= RPC_METHOD_COUNT)
			continue;
		params = rpc_specs[v->method].params;
		options += row_count(params);
		for (size_t i = 0; i < COUNT_OF(v->words) && v->words[i] != NULL; i++)
			options--;
	}
	ck_assert_uint_eq(count_of(text, "\n.It Fl "), options);
	ck_assert_uint_eq(count_of(text, ".It Cm "), verbs);
	ck_assert_uint_eq(count_of(text, "\n.Dl \"\\&$ ec2workerctl "), verbs);
}
END_TEST

START_TEST(test_verb_default)
{
	AUTO(free) char *text = make("verbs", NULL);
	const char *up = strstr(text, ".It Cm \"\\&up\" Ar WORKER ...\n");
	const char *wait;

	ck_assert_ptr_nonnull(up);
	wait = strstr(up, ".It Fl \\-wait Cm accepted | running | attached\n");
	ck_assert_ptr_nonnull(wait);
	ck_assert_ptr_nonnull(strstr(wait, "Default:\n.Ql \"attached\" .\n"));
	ck_assert_ptr_nonnull(strstr(text, ".It Cm \"list\" Op Ar PATTERN\n"));
}
END_TEST

START_TEST(test_methods)
{
	AUTO(free) char *text = make("methods", NULL);
	size_t rows = 0;

	check_form(text);
	ck_assert_uint_eq(count_of(text, ".Ss "), RPC_METHOD_COUNT);
	ck_assert_uint_eq(count_of(text, "Role:\n"), RPC_METHOD_COUNT);
	for (size_t i = 0; i < RPC_METHOD_COUNT; i++) {
		const struct rpc_spec *spec = &rpc_specs[i];

		check_item(text, ".Ss", spec->name);
		check_doc(text, spec->doc);
		rows += row_count(spec->params);
		for (const struct field *row = spec->params->rows; row->name != NULL;
			row++)
			check_item(text, ".It Fa", row->name);
	}
	ck_assert_uint_ge(count_of(text, ".It Fa "), rows);
}
END_TEST

/* A result is written out with its method, or stands among the objects. */
START_TEST(test_results)
{
	AUTO(free) char *methods = make("methods", NULL);
	AUTO(free) char *objects = make("objects", NULL);
	struct table_set set = {.items = NULL};

	check_form(objects);
	for (size_t i = 0; i < RPC_METHOD_COUNT; i++)
		table_set_add_below(&set, rpc_specs[i].result);
	ck_assert_uint_ge(set.count, 5);
	ck_assert_uint_eq(count_of(objects, ".Ss "), set.count);
	for (size_t i = 0; i < set.count; i++) {
		check_item(objects, ".Ss", set.items[i]->name);
		for (const struct field *row = set.items[i]->rows; row->name != NULL;
			row++)
			check_item(objects, ".It Fa", row->name);
	}
	for (size_t i = 0; i < RPC_METHOD_COUNT; i++) {
		const struct fields *result = rpc_specs[i].result;

		for (const struct field *row = result->rows; row->name != NULL; row++)
			check_item(table_set_has(&set, result) ? objects : methods,
				".It Fa", row->name);
	}
	table_set_fini(&set);
}
END_TEST

START_TEST(test_conditions)
{
	AUTO(free) char *text = make("conditions", NULL);

	check_form(text);
	ck_assert_uint_eq(count_of(text, ".It Cm "), CONDITION_COUNT);
	for (unsigned i = 0; i < CONDITION_COUNT; i++) {
		check_item(text, ".It Cm", conditions[i].name);
		check_doc(text, conditions[i].doc);
		check_doc(text, conditions[i].remedy);
	}
}
END_TEST

START_TEST(test_metrics)
{
	AUTO(free) char *text = make("metrics", NULL);
	size_t rows = 0;

	check_form(text);
	for (const struct metric *m = metrics; m->name != NULL; m++) {
		AUTO(free) char *name = xasprintf(METRIC_PREFIX "%s", m->name);
		AUTO(buf) struct buf item = {.data = NULL};

		buf_puts(&item, ".It Ic ");
		mdoc_arg(&item, name);
		ck_assert_msg(strstr(text, buf_str(&item)) != NULL, "%s", name);
		check_doc(text, m->doc);
		rows++;
	}
	ck_assert_uint_eq(count_of(text, ".It Ic "), rows);
}
END_TEST

START_TEST(test_errors)
{
	AUTO(free) char *text = make("errors", NULL);

	check_form(text);
	for (int i = ERR_NONE + 1; i < ERR_COUNT; i++) {
		AUTO(buf) struct buf item = {.data = NULL};

		buf_printf(&item, ".It Li \\-%d Cm", -rpc_errors[i].code);
		check_item(text, buf_str(&item), rpc_errors[i].kind);
		check_doc(text, rpc_errors[i].doc);
	}
	ck_assert_uint_eq(count_of(text, "\"failed\""), 1);
}
END_TEST

START_TEST(test_events)
{
	AUTO(free) char *text = make("events", NULL);
	size_t documented = 0;

	check_form(text);
	for (int i = 0; i < EVENT_TYPE_COUNT; i++) {
		const char *doc = event_type_doc((enum event_type)i);

		if (doc == NULL)
			continue;
		documented++;
		check_item(text, ".It Cm", event_type_name((enum event_type)i));
		check_doc(text, doc);
	}
	ck_assert_uint_ge(documented, 9);
	ck_assert_uint_eq(count_of(text, ".It "), documented);
}
END_TEST

START_TEST(test_limits)
{
	AUTO(free) char *text = make("limits", NULL);

	check_form(text);
	ck_assert_ptr_nonnull(strstr(text, ".It 64 KiB\na request"));
	ck_assert_ptr_nonnull(strstr(text, ".It 512\nconnections\n"));
	ck_assert_ptr_nonnull(strstr(text, ".It 64 MiB\noutput"));
	ck_assert_ptr_nonnull(strstr(text, ".It 30s\n"));
}
END_TEST

START_TEST(test_foreign)
{
	AUTO(free) char *text = make("foreign", "worker");
	size_t count = 0;

	check_form(text);
	for (const struct conf_stranger *s = conf_strangers; s->key != NULL; s++) {
		if (strcmp(s->table, "worker") != 0)
			continue;
		check_item(text, ".It Ic", s->key);
		count++;
	}
	ck_assert_uint_gt(count, 0);
	ck_assert_uint_eq(count_of(text, ".It "), count);
	check_doc(text, "It stays in master.cfg, with the class of the plugin.");
}
END_TEST

START_TEST(test_simulator)
{
	AUTO(free) char *actions = make("actions", NULL);
	AUTO(free) char *doors = make("doors", NULL);
	const struct sim_action *a;
	size_t services = 0;
	size_t count = 0;

	check_form(actions);
	check_form(doors);
	for (; sim_services[services] != NULL; services++)
		for (size_t n = 0;
			(a = sim_action_at(sim_services[services], n)) != NULL;
			n++, count++)
			ck_assert_msg(strstr(actions, a->name) != NULL, "%s", a->name);
	ck_assert_uint_eq(count_of(actions, ".Ic "), count);
	ck_assert_uint_eq(count_of(actions, " ,\n"), count - services);
	ck_assert_uint_eq(count_of(actions, ".It Cm "), services);
	count = 0;
	for (const struct sim_door *d = sim_doors; d->method != NULL; d++, count++) {
		ck_assert_msg(strstr(doors, d->path) != NULL, "%s", d->path);
		check_doc(doors, d->doc);
	}
	ck_assert_uint_eq(count_of(doors, ".It Cm "), count);
}
END_TEST

static const struct {
	const char *name, *arg, *error;
	int line;
} wrong[] = {
	{"field", NULL, "there is no fragment 'field'", __LINE__},
	{"fields", NULL, "fields needs an argument", __LINE__},
	{"fields", "workers", "fields: there is no TABLE 'workers'", __LINE__},
	{"foreign", "mail", "foreign: there is no TABLE 'mail'", __LINE__},
	{"options", "docgen", "options: there is no PROGRAM 'docgen'", __LINE__},
	{"synopsis", "", "synopsis: there is no PROGRAM ''", __LINE__},
	{"verbs", "up", "verbs takes no argument", __LINE__},
};

START_TEST(test_wrong)
{
	AUTO(buf) struct buf out = {.data = NULL};
	struct err err;

	ck_assert_int_eq(fragment_make(wrong[_i].name, wrong[_i].arg, &out, &err), -1);
	ck_assert_msg(strcmp(err.text, wrong[_i].error) == 0, "line %d: %s",
		wrong[_i].line, err.text);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

/* Each kind of fragment says what it is. */
START_TEST(test_list)
{
	size_t count = 0;

	for (const struct fragment *f = fragments; f->name != NULL; f++, count++) {
		ck_assert((f->arg != NULL) == (f->part != NULL));
		ck_assert((f->part == NULL) == (f->whole != NULL));
		ck_assert_int_eq(f->doc[strlen(f->doc) - 1], '.');
	}
	ck_assert_uint_ge(count, 13);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("fragment");
	TCase *tc = tcase_create("fragment");

	tcase_add_test(tc, test_fields);
	tcase_add_loop_test(tc, test_facts, 0, COUNT_OF(facts));
	tcase_add_loop_test(tc, test_programs, 0, COUNT_OF(programs));
	tcase_add_test(tc, test_verbs);
	tcase_add_test(tc, test_verb_default);
	tcase_add_test(tc, test_methods);
	tcase_add_test(tc, test_results);
	tcase_add_test(tc, test_conditions);
	tcase_add_test(tc, test_metrics);
	tcase_add_test(tc, test_errors);
	tcase_add_test(tc, test_events);
	tcase_add_test(tc, test_limits);
	tcase_add_test(tc, test_foreign);
	tcase_add_test(tc, test_simulator);
	tcase_add_loop_test(tc, test_wrong, 0, COUNT_OF(wrong));
	tcase_add_test(tc, test_list);
	suite_add_tcase(suite, tc);
	return suite;
}
