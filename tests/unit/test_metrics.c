/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics: names that a scraper takes, one head and at least one value for each, and values
 * that are true of a daemon at work.
 */
#include "core/metrics.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"
#include "conf/conf_load.h"
#include "core/daemon.h"
#include "core/health.h"
#include "core/pool.h"
#include "core/worker.h"
#include "daemon_rig.h"
#include "rpc/schema.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOP "pool: test\n"
#define WORKERS                                                                        \
	"  a: { password: x, build_wait_timeout: -1 }\n"                               \
	"  b: { password: y, build_wait_timeout: -1 }\n"

static const struct metric *
at(int n)
{
	return &metrics[n];
}

static size_t
row_count(void)
{
	size_t count = 0;

	while (metrics[count].name != NULL)
		count++;
	return count;
}

START_TEST(test_rows)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

	for (int n = 0; at(n)->name != NULL; n++) {
		const char *name = at(n)->name;
		size_t len = strlen(name);
		bool total = len > 6 && strcmp(name + len - 6, "_total") == 0;

		ck_assert_msg(strspn(name, set) == len, "%s", name);
		ck_assert_msg(total == (at(n)->type == METRIC_COUNTER), "%s", name);
		ck_assert_msg(at(n)->doc[strlen(at(n)->doc) - 1] == '.', "%s", name);
		ck_assert_ptr_null(strpbrk(at(n)->doc, "\\\n"));
		ck_assert(at(n)->labels[0] != NULL || at(n)->labels[1] == NULL);
		for (int m = 0; m < n; m++)
			ck_assert_str_ne(at(m)->name, name);
	}
}
END_TEST

static char *
text_now(void)
{
	struct buf out = {.data = NULL};

	metrics_text(daemon_rig.daemon, &out);
	return buf_take(&out);
}

/* The value behind `sample `, or -1 where there is no such line. */
static double
value_of(const char *sample)
{
	AUTO(free) char *text = text_now();
	AUTO(free) char *line = xasprintf("\n" METRIC_PREFIX "%s ", sample);
	const char *found = strstr(text, line);

	return found == NULL ? -1 : strtod(found + strlen(line), NULL);
}

/* Each row has its head once, right before its values, and all lines have a form. */
START_TEST(test_text)
{
	AUTO(free) char *text = NULL;
	char *rest, *line;
	size_t heads = 0, samples = 0;

	daemon_rig_start(TOP, WORKERS);
	daemon_rig_ready("a");
	text = text_now();
	ck_assert_int_eq(text[strlen(text) - 1], '\n');
	for (line = strtok_r(text, "\n", &rest); line != NULL;
		line = strtok_r(NULL, "\n", &rest)) {
		const struct metric *m = at((int)heads - 1);

		if (strncmp(line, "# HELP ", 7) == 0) {
			ck_assert(heads == 0 || samples > 0);
			heads++;
			samples = 0;
		} else if (strncmp(line, "# TYPE ", 7) != 0) {
			char *end = strrchr(line, ' ');

			samples++;
			ck_assert(strncmp(line, METRIC_PREFIX, 11) == 0);
			ck_assert_msg(strncmp(line + 11, m->name, strlen(m->name)) == 0,
				"%s", line);
			(void)strtod(end + 1, &end);
			ck_assert_msg(*end == '\0', "%s", line);
		}
	}
	ck_assert_uint_eq(heads, row_count());
}
END_TEST

static const struct {
	const char *sample;
	double down, up; /* before a start of one of two workers, and after it */
	int line;
} values[] = {
	{"build_info{version=\"" VERSION "\"}", 1, 1, __LINE__},
	{"healthy", 1, 1, __LINE__},
	{"conditions{kind=\"hold\"}", 0, 0, __LINE__},
	{"workers{state=\"not_substantiated\"}", 2, 1, __LINE__},
	{"workers{state=\"substantiated\"}", 0, 1, __LINE__},
	{"launches{phase=\"answered\"}", 0, 1, __LINE__},
	{"launch_results_total{result=\"good\"}", 0, 1, __LINE__},
	{"launch_results_total{result=\"capacity\"}", 0, 0, __LINE__},
	{"instances{phase=\"ready\"}", 0, 1, __LINE__},
	{"ec2_requests_total{action=\"AttachVolume\"}", 0, 0, __LINE__},
	{"ec2_answers_total{action=\"RunInstances\",verdict=\"done\"}", -1, 1,
		__LINE__},
	{"ec2_throttled_total", 0, 0, __LINE__},
	{"ec2_launch_lane{what=\"in_flight\"}", 0, 0, __LINE__},
	{"events_total{type=\"attached\"}", 0, 1, __LINE__},
	{"mails_spooled", 0, 0, __LINE__},
	{"terminates_outstanding", 0, 0, __LINE__},
	{"condemned_age_seconds", 0, 0, __LINE__},
	{"ledger_commits_total{result=\"failed\"}", 0, 0, __LINE__},
};

START_TEST(test_values)
{
	double now;

	daemon_rig_start(TOP, WORKERS);
	(void)daemon_rig_run(2000);
	now = value_of(values[_i].sample);
	ck_assert_msg(now == values[_i].down, "line %d: %g", values[_i].line, now);
	daemon_rig_ready("a");
	now = value_of(values[_i].sample);
	ck_assert_msg(now == values[_i].up, "line %d: %g", values[_i].line, now);
}
END_TEST

START_TEST(test_trouble)
{
	static const struct trouble paused = {.condition = CONDITION_PAUSED};
	struct err err;

	daemon_rig_start(TOP, WORKERS);
	err_set(&err, ERR_UNAVAILABLE, "x");
	health_begin(daemon_rig.daemon->pool->health, &paused, &err, NULL);
	ck_assert(value_of("healthy") == 0);
	ck_assert(value_of("conditions{kind=\"paused\"}") == 1);
	ck_assert(value_of("start_time_seconds") ==
		(double)daemon_rig.daemon->started_wall / 1000);
}
END_TEST

/* What has been asked of a cloud that a reload ends stays in the sums. */
START_TEST(test_clouds_that_go)
{
	struct daemon_reload changes = {.added = {.items = NULL}};
	struct conf_problems *problems = conf_problems_new();
	struct err err;
	double asked;

	daemon_rig_start(TOP, WORKERS);
	(void)daemon_rig_run(5000);
	asked = value_of("ec2_requests_total{action=\"DescribeInstances\"}");
	ck_assert(asked >= 1);
	daemon_rig_write(TOP, "  a: { password: x, region: eu-west-1 }\n");
	ck_assert_int_eq(daemon_reload(daemon_rig.daemon, false, &changes, problems,
				 &err),
		0);
	conf_problems_free(problems);
	daemon_reload_fini(&changes);
	ck_assert(
		value_of("ec2_requests_total{action=\"DescribeInstances\"}") >= asked);
}
END_TEST

/* The client does not know the core; its words are the same. */
START_TEST(test_words_of_the_schema)
{
	const struct field *row = rpc_metrics_fields.rows->sub->rows;

	while (strcmp(row->name, "type") != 0)
		row++;
	for (unsigned n = 0; n < METRIC_TYPE_COUNT; n++)
		ck_assert_str_eq(row->choices[n],
			metric_type_name((enum metric_type)n));
	ck_assert_ptr_null(row->choices[METRIC_TYPE_COUNT]);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("metrics");
	TCase *t = tcase_create("metrics");

	tcase_add_checked_fixture(t, daemon_rig_setup, daemon_rig_teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, test_rows);
	tcase_add_test(t, test_text);
	tcase_add_loop_test(t, test_values, 0, (int)COUNT_OF(values));
	tcase_add_test(t, test_trouble);
	tcase_add_test(t, test_clouds_that_go);
	tcase_add_test(t, test_words_of_the_schema);
	suite_add_tcase(s, t);
	return s;
}
