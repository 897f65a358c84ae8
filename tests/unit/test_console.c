/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a console is shown, and to whom it is told that there is none.
 */
#include "core/console.h"
#include "base/clock.h"
#include "core/cloud.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/poller.h"
#include "core/pool.h"
#include "core/worker.h"
#include "unit.h"
#include "world.h"

#include <string.h>

#define WORKERS                                                                        \
	"  a: { password: sekrit-word }\n"                                             \
	"  g: { password: generated, user_data: 'p={{ password }}' }\n"

/* max 0: all. A NUL is written as @ in text. */
static const struct {
	const char *console, *text;
	size_t max;
	int line;
} texts[] = {
	{"", "", 0, __LINE__},
	{"boot\n", "boot\n", 0, __LINE__},
	{"a\r\nb\tc\r\n", "a\nb\tc\n", 0, __LINE__},
	{"\x1b[31mred\x07\x7f", ".[31mred..", 0, __LINE__},
	{"gr\xc3\xbc\xc3\x9f dich", "gr\xc3\xbc\xc3\x9f dich", 0, __LINE__},
	{"\xff\xc3(\xc2\x9b", "..(.", 0, __LINE__},
	{"a@b", "a.b", 0, __LINE__},
	{"p=sekrit-word;", "p=***********;", 0, __LINE__},
	{"sekrit-wordsekrit-word", "**********************", 0, __LINE__},
	{"@sekrit-word@", ".***********.", 0, __LINE__},
	{"sekrit-wor", "sekrit-wor", 0, __LINE__},
	{"abcdef", "def", 3, __LINE__},
	{"abc", "abc", 3, __LINE__},
	{"ab\xc3\xbc", "", 1, __LINE__},
	{"ab\xc3\xbc", "\xc3\xbc", 2, __LINE__},
	{"ab\xc3\xbc", "\xc3\xbc", 2, __LINE__},
	/* Masked before it is cut: the end of a password stays hidden. */
	{"sekrit-word", "****", 4, __LINE__},
};

START_TEST(test_text)
{
	char console[64];
	size_t len = strlen(texts[_i].console);
	struct world v;
	char *text;

	world_init(&v, WORKERS);
	world_up(&v, "a");
	for (size_t n = 0; n < len; n++)
		console[n] = texts[_i].console[n] == '@' ? '\0' : texts[_i].console[n];
	text = console_text(world_worker(&v, "a")->launch, console, len, texts[_i].max);
	ck_assert_msg(strcmp(text, texts[_i].text) == 0, "line %d: %s", texts[_i].line,
		text);
	free(text);
	world_fini(&v);
}
END_TEST

struct told {
	int calls;
	struct err err;
	char text[128];
	int64_t at;
};

static void
on_console(void *arg, const struct err *err, const char *text, int64_t at)
{
	struct told *t = arg;

	t->calls++;
	t->at = at;
	if (err != NULL)
		t->err = *err;
	else
		(void)stpncpy(t->text, text, sizeof(t->text) - 1);
}

START_TEST(test_ask)
{
	struct world v;
	struct told told = {0};
	struct err err;

	world_init(&v, WORKERS);
	world_ready(&v, "a");
	v.cloud.console = "login: sekrit-word\n";
	ck_assert_ptr_nonnull(
		console_ask(world_worker(&v, "a"), true, on_console, &told, &err));
	ck_assert_int_eq(told.calls, 0);
	world_run(&v, 1000);
	ck_assert_int_eq(told.calls, 1);
	ck_assert_str_eq(told.text, "login: ***********\n");
	ck_assert(told.at > 0 && told.at <= clock_wall_ms());
	world_fini(&v);
}
END_TEST

START_TEST(test_generated_password)
{
	struct secret password = {NULL};
	struct world v;
	struct told told = {0};
	struct err err;

	world_init(&v, WORKERS);
	world_ready(&v, "g");
	launch_password(world_worker(&v, "g")->launch, &password);
	v.cloud.console = password.text;
	(void)console_ask(world_worker(&v, "g"), false, on_console, &told, &err);
	world_run(&v, 1000);
	ck_assert_int_eq(told.calls, 1);
	ck_assert_uint_eq(strspn(told.text, "*"), strlen(password.text));
	secret_fini(&password);
	world_fini(&v);
}
END_TEST

START_TEST(test_no_instance)
{
	struct world v;
	struct told told = {0};
	struct err err;

	world_init(&v, WORKERS);
	ck_assert_ptr_null(
		console_ask(world_worker(&v, "a"), true, on_console, &told, &err));
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	world_fini(&v);
}
END_TEST

START_TEST(test_refused)
{
	struct world v;
	struct told told = {0};
	struct err err;

	world_init(&v, WORKERS);
	world_ready(&v, "a");
	v.cloud.faults.fail_read = 1000;
	(void)console_ask(world_worker(&v, "a"), true, on_console, &told, &err);
	world_run(&v, 1000);
	ck_assert_int_eq(told.calls, 1);
	ck_assert_int_eq(told.err.reason, REASON_NETWORK);
	world_fini(&v);
}
END_TEST

/* The instance goes while EC2 still answers; and who asked may go first. */
START_TEST(test_ends)
{
	struct world v;
	struct told told = {0};
	struct err err;

	world_init(&v, WORKERS);
	world_ready(&v, "a");
	console_cancel(
		console_ask(world_worker(&v, "a"), true, on_console, &told, &err));
	world_run(&v, 1000);
	ck_assert_int_eq(told.calls, 0);
	(void)console_ask(world_worker(&v, "a"), true, on_console, &told, &err);
	fake_cloud_kill(&v.cloud, world_living(&v, "a"), EC2_STATE_TERMINATED);
	world_run(&v, 120000);
	ck_assert_ptr_null(v.pool->instances);
	ck_assert_int_eq(told.calls, 1);
	console_cancel(NULL);
	world_fini(&v);
}
END_TEST

static size_t
pollers(const struct world *v)
{
	size_t count = 0;

	for (struct poller *p = v->pool->pollers; p != NULL; p = poller_next(p))
		count++;
	return count;
}

/* A reload that leaves the cloud to nobody leaves it to the question. */
START_TEST(test_cloud_stays)
{
	static const char moved[] = "  a: { password: x, region: eu-west-1 }\n";
	struct cloud *old;
	struct world v;
	struct told told = {0};
	struct err err;

	world_init(&v, "  a: { password: x }\n");
	world_ready(&v, "a");
	old = poller_cloud(v.pool->pollers);
	(void)console_ask(world_worker(&v, "a"), true, on_console, &told, &err);
	ck_assert_uint_eq(old->questions, 1);
	world_run(&v, 5000);
	ck_assert_uint_eq(old->questions, 0);
	world_down(&v, "a");
	world_run(&v, 120000);
	ck_assert_ptr_null(v.pool->launches);
	old->questions++; /* one that EC2 is slow to answer */
	world_reload(&v, moved);
	ck_assert_uint_eq(pollers(&v), 2);
	old->questions--;
	world_reload(&v, moved);
	ck_assert_uint_eq(pollers(&v), 1);
	world_fini(&v);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("console");
	TCase *tc = tcase_create("console");

	tcase_add_loop_test(tc, test_text, 0, COUNT_OF(texts));
	tcase_add_test(tc, test_ask);
	tcase_add_test(tc, test_generated_password);
	tcase_add_test(tc, test_no_instance);
	tcase_add_test(tc, test_refused);
	tcase_add_test(tc, test_ends);
	tcase_add_test(tc, test_cloud_stays);
	suite_add_tcase(suite, tc);
	return suite;
}
