/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "conf/conf.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/worker_priv.h"
#include "doc/fragment.h"
#include "doc/rows.h"
#include "sim/scenario.h"
#include "sys/file.h"
#include "unit.h"

#include <string.h>

/* What ACTIONS stands for in the cases below. */
static char *
actions(void)
{
	struct buf out = {.data = NULL};
	struct err err;

	ck_assert_int_eq(fragment_make("actions", NULL, &out, &err), 0);
	return buf_take(&out);
}

/* "%" stands for the fragment; error NULL: good. */
static const struct {
	const char *text, *expected, *error;
	int line;
} cases[] = {
	{"", "", NULL, __LINE__},
	{"a\nb\n", "a\nb\n", NULL, __LINE__},
	{"a\n\nb", "a\n\nb\n", NULL, __LINE__},
	{"@ACTIONS@\n", "%", NULL, __LINE__},
	{"a\n@ACTIONS@\nb\n", "a\n%b\n", NULL, __LINE__},
	{"@SYSCONFDIR@\n", SYSCONFDIR "\n", NULL, __LINE__},
	{".Pa @RUNSTATEDIR@/x @LOCALSTATEDIR@\n",
		".Pa " RUNSTATEDIR "/x " LOCALSTATEDIR "\n", NULL, __LINE__},
	{"ec2workerd@example.org\n", "ec2workerd@example.org\n", NULL, __LINE__},
	{"ec2workerd@.service @adm@\n", "ec2workerd@.service @adm@\n", NULL, __LINE__},
	{"@\n@@\n@x@\n", "@\n@@\n@x@\n", NULL, __LINE__},
	{"<!-- docgen: actions -->\n<!-- end -->\n",
		"<!-- docgen: actions -->\n%<!-- end -->\n", NULL, __LINE__},
	{"a\n<!-- docgen: actions -->\nold\n@OLD@\n<!-- end -->\nb\n",
		"a\n<!-- docgen: actions -->\n%<!-- end -->\nb\n", NULL, __LINE__},
	{"<!-- any -->\n", "<!-- any -->\n", NULL, __LINE__},
	{"a\n@ACTION@\n", NULL, "2: there is no fragment 'action'", __LINE__},
	{"@FIELDS no@\n", NULL, "1: fields: there is no TABLE 'no'", __LINE__},
	{"in @SYSCONFDR@\n", NULL, "1: there is no '@SYSCONFDR@'", __LINE__},
	{"<!-- docgen: x -->\n<!-- end -->\n", NULL, "1: there is no fragment 'x'",
		__LINE__},
	{"<!-- end -->\n", NULL, "1: nothing ends here", __LINE__},
	{"<!-- docgen: actions -->\n", NULL, "the last part has no <!-- end -->",
		__LINE__},
};

START_TEST(test_cases)
{
	AUTO(buf) struct buf out = {.data = NULL};
	AUTO(buf) struct buf expected = {.data = NULL};
	AUTO(free) char *fragment = actions();
	struct err err;
	int result = fragment_fill(cases[_i].text, &out, &err);

	if (cases[_i].error != NULL) {
		ck_assert_msg(result == -1, "line %d", cases[_i].line);
		ck_assert_str_eq(err.text, cases[_i].error);
		return;
	}
	ck_assert_msg(result == 0, "line %d: %s", cases[_i].line, err.text);
	for (const char *p = cases[_i].expected; *p != '\0'; p++)
		buf_puts(&expected, *p == '%' ? fragment : (char[]){*p, '\0'});
	ck_assert_msg(strcmp(buf_str(&out), buf_str(&expected)) == 0, "line %d: got %s",
		cases[_i].line, buf_str(&out));
}
END_TEST

/* What was filled once stays as it is. */
START_TEST(test_again)
{
	AUTO(buf) struct buf once = {.data = NULL};
	AUTO(buf) struct buf twice = {.data = NULL};
	struct err err;

	ck_assert_int_eq(fragment_fill("<!-- docgen: phases -->\n<!-- end -->\n", &once,
				 &err),
		0);
	ck_assert_int_eq(fragment_fill(buf_str(&once), &twice, &err), 0);
	ck_assert_str_eq(buf_str(&once), buf_str(&twice));
}
END_TEST

static char *
read_page(const char *path)
{
	struct buf text = {.data = NULL};
	struct err err;

	ck_assert_msg(file_read(path, 1 << 20, true, &text, NULL, &err) == 0, "%s",
		err.text);
	return buf_take(&text);
}

static const struct {
	const char *path;
	const struct fields *table; /* which it describes, with all below */
	const char *fragments[6];
} pages[] = {
	{"man/ec2workerd.8.in", NULL, {"SYNOPSIS ec2workerd", "OPTIONS ec2workerd"}},
	{"man/ec2workerctl.1.in", NULL,
		{"SYNOPSIS ec2workerctl", "OPTIONS ec2workerctl", "VERBS"}},
	{"man/ec2workerd.yaml.5.in", &conf_fields, {NULL}},
	{"man/ec2workerd-rpc.7.in", NULL,
		{"METHODS", "OBJECTS", "EVENTS", "ERRORS", "LIMITS"}},
	{"man/ec2sim.1.in", &sim_scenario_fields,
		{"SYNOPSIS ec2sim", "OPTIONS ec2sim", "ACTIONS", "DOORS"}},
};

static void
check_marker(const char *page, const char *what)
{
	AUTO(buf) struct buf marker = {.data = NULL};

	buf_printf(&marker, "\n@%s@\n", what);
	ck_assert_msg(strstr(page, buf_str(&marker)) != NULL, "no @%s@", what);
}

/* No table is left out, and every page can be filled. */
START_TEST(test_pages)
{
	AUTO(free) char *page = read_page(pages[_i].path);
	AUTO(buf) struct buf out = {.data = NULL};
	struct table_set set = {.items = NULL};
	struct err err;

	for (size_t i = 0; pages[_i].fragments[i] != NULL; i++)
		check_marker(page, pages[_i].fragments[i]);
	if (pages[_i].table != NULL)
		table_set_add(&set, pages[_i].table);
	for (size_t i = 0; i < set.count; i++) {
		AUTO(free) char *what = xasprintf("FIELDS %s", set.items[i]->name);

		check_marker(page, what);
	}
	table_set_fini(&set);
	ck_assert_msg(fragment_fill(page, &out, &err) == 0, "%s:%s", pages[_i].path,
		err.text);
	ck_assert_uint_gt(out.len, strlen(page));
}
END_TEST

/* "    from -->", "& to" or "--> to". */
static bool
draws(const char *block, const char *from, const char *to)
{
	AUTO(free) char *head = xasprintf("\n    %s -->", from);
	AUTO(free) char *tail = xasprintf(" %s ", to);
	const char *line = strstr(block, head);
	AUTO(free) char *copy = NULL;

	if (line == NULL)
		return false;
	copy = xasprintf("%.*s ", (int)strcspn(line + 1, "\n"), line + 1);
	return strstr(copy + strlen(head) - 1, tail) != NULL;
}

static char *
block_of(const char *text, const char *machine)
{
	AUTO(free) char *head = xasprintf("%s:\n\n```mermaid\nflowchart LR\n", machine);
	const char *start = strstr(text, head);
	const char *end;

	ck_assert_msg(start != NULL, "no %s", machine);
	end = strstr(start, "\n```\n");
	ck_assert_ptr_nonnull(end);
	return xstrndup(start, (size_t)(end + 1 - start));
}

START_TEST(test_phases)
{
	AUTO(buf) struct buf text = {.data = NULL};
	AUTO(buf) struct buf dot = {.data = NULL};
	AUTO(free) char *worker = NULL, *launch = NULL, *instance = NULL;
	size_t edges = 0;
	struct err err;

	ck_assert_int_eq(fragment_make("phases", NULL, &text, &err), 0);
	ck_assert_int_eq(fragment_make("dot", NULL, &dot, &err), 0);
	worker = block_of(buf_str(&text), "worker");
	launch = block_of(buf_str(&text), "launch");
	instance = block_of(buf_str(&text), "instance");
	for (unsigned a = 0; a < WORKER_COUNT; a++)
		for (unsigned b = 0; b < WORKER_COUNT; b++) {
			bool leads = worker_phase_leads_to(a, b);

			edges += leads;
			ck_assert_int_eq(draws(worker, worker_stored_phase_name(a),
						 worker_stored_phase_name(b)),
				leads);
		}
	for (unsigned a = 0; a < LAUNCH_COUNT; a++)
		for (unsigned b = 0; b < LAUNCH_COUNT; b++) {
			edges += launch_phase_leads_to(a, b);
			ck_assert_int_eq(draws(launch, launch_phase_name(a),
						 launch_phase_name(b)),
				launch_phase_leads_to(a, b));
		}
	for (unsigned a = 0; a < INSTANCE_COUNT; a++)
		for (unsigned b = 0; b < INSTANCE_COUNT; b++) {
			edges += instance_phase_leads_to(a, b);
			ck_assert_int_eq(draws(instance, instance_phase_name(a),
						 instance_phase_name(b)),
				instance_phase_leads_to(a, b));
		}
	ck_assert_uint_gt(edges, 30);
	for (const char *p = dot.data; (p = strstr(p, " -> ")) != NULL; p++)
		edges--;
	ck_assert_uint_eq(edges, 0);
}
END_TEST

START_TEST(test_dot)
{
	AUTO(buf) struct buf dot = {.data = NULL};
	struct err err;
	int depth = 0;

	ck_assert_int_eq(fragment_make("dot", NULL, &dot, &err), 0);
	for (size_t i = 0; i < dot.len; i++)
		depth += (dot.data[i] == '{') - (dot.data[i] == '}');
	ck_assert_int_eq(depth, 0);
	ck_assert_ptr_nonnull(
		strstr(dot.data, "\t\tlaunch_reserved -> launch_sending;\n"));
	ck_assert_ptr_nonnull(
		strstr(dot.data, "\t\tinstance_gone [label=\"gone\"];\n"));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("fill");
	TCase *tc = tcase_create("fill");

	tcase_add_loop_test(tc, test_cases, 0, COUNT_OF(cases));
	tcase_add_test(tc, test_again);
	tcase_add_loop_test(tc, test_pages, 0, COUNT_OF(pages));
	tcase_add_test(tc, test_phases);
	tcase_add_test(tc, test_dot);
	suite_add_tcase(suite, tc);
	return suite;
}
