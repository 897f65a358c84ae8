/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand in a mail: printable text, the end of a console, and no password. */
#include "core/notice_text.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/instance.h"
#include "core/launch.h"
#include "core/notice.h"
#include "core/pool.h"
#include "core/worker.h"
#include "unit.h"
#include "world.h"

#include <string.h>

#define WORKERS                                                                            \
	"  a: { password: geheim, missing_timeout: 5m, notify_on_missing: a@localhost }\n" \
	"  g: { password: generated, user_data: '{{ password }}' }\n"

static struct world v;
static struct instance *i;

static void
setup(void)
{
	world_init(&v, WORKERS);
	world_ready(&v, "a");
	i = world_worker(&v, "a")->launch->instance;
}

static void
teardown(void)
{
	world_fini(&v);
}

/* The console as the mail shows it, without the words around it; caller frees. */
static char *
shown(const char *console, size_t len)
{
	static const char before[] = "BODY\nThe end of its console:\n\n";
	AUTO(free) char *text = notice_with_console("BODY", i, console, len);

	ck_assert_mem_eq(text, before, sizeof(before) - 1);
	ck_assert_uint_ge(strlen(text), sizeof(before));
	return xstrndup(text + sizeof(before) - 1, strlen(text) - sizeof(before));
}

static const struct {
	const char *console, *expected;
	int line;
} consoles[] = {
	{"boot\n", "boot\n", __LINE__},
	{"a\tb\r\nc\r\n", "a\tb\nc\n", __LINE__},
	{"\x1b[31mred\x07\xff\xc3\xa4", ".[31mred..\xc3\xa4", __LINE__},
	{"login: geheim", "login: ******", __LINE__},
	{"geheimgeheim geheim", "************ ******", __LINE__},
	{"gehei geheI m", "gehei geheI m", __LINE__},
	/* What hides in a carriage return is no longer hidden without it. */
	{"geh\reim", "******", __LINE__},
};

START_TEST(test_console)
{
	AUTO(free)
	char *text = shown(consoles[_i].console, strlen(consoles[_i].console));

	ck_assert_msg(strcmp(text, consoles[_i].expected) == 0, "line %d: %s",
		consoles[_i].line, text);
}
END_TEST

START_TEST(test_no_console)
{
	AUTO(free) char *text = notice_with_console("BODY", i, "", 0);

	ck_assert_str_eq(text, "BODY\nEC2 has no console output of it.\n");
}
END_TEST

START_TEST(test_nul_bytes)
{
	AUTO(free) char *text = shown("a\0geheim\0b", 10);

	ck_assert_str_eq(text, "a.******.b");
}
END_TEST

/* Its end counts; wherever the cut falls, no part of a password is left over. */
START_TEST(test_end_of_a_long_console)
{
	for (size_t behind = 8180; behind <= 8200; behind++) {
		AUTO(buf) struct buf console = {0};
		AUTO(free) char *text = NULL;

		for (size_t k = 0; k < 100; k++)
			buf_putc(&console, 'x');
		buf_puts(&console, "geheim");
		for (size_t k = 0; k < behind; k++)
			buf_putc(&console, 'y');
		text = shown(buf_str(&console), console.len);
		ck_assert_uint_eq(strlen(text), 8192);
		ck_assert_uint_eq(strspn(text, "x*y"), 8192);
	}
}
END_TEST

/* A generated password is known by its launch. */
START_TEST(test_generated_password)
{
	struct secret password = {NULL};
	struct buf console = {0};
	AUTO(free) char *text = NULL;
	struct err err;

	world_ready(&v, "g");
	i = world_worker(&v, "g")->launch->instance;
	ck_assert_int_eq(worker_password(world_worker(&v, "g"), &password, &err), 0);
	buf_printf(&console, "buildbot-worker create %s .", password.text);
	text = shown(buf_str(&console), console.len);
	ck_assert_ptr_null(strstr(text, password.text));
	ck_assert_ptr_nonnull(strstr(text, "create *****"));
	secret_fini(&password);
	buf_fini(&console);
}
END_TEST

/* The mail in the spool takes it up, once, and leaves at once. */
START_TEST(test_console_of_a_spooled_mail)
{
	struct notices *n = v.pool->notices;
	struct notice_row *row;
	int64_t wait;
	struct err err;

	err_set(&err, ERR_MISSING, "missing");
	notice_missing(n, world_worker(&v, "a"), i, &err);
	row = notices_rows(n);
	wait = row->next_wall - row->created_wall;
	ck_assert_int_gt(wait, 0);
	ck_assert_int_le(wait, 10000);
	ck_assert_str_eq(row->console_of, i->id);
	notices_console(n, i, "geheim\n", 7);
	ck_assert_ptr_null(row->console_of);
	ck_assert_ptr_nonnull(strstr(row->body, "\n******\n"));
	ck_assert(row->next_wall == row->created_wall);
	notices_console(n, i, "again", 5);
	ck_assert_ptr_null(strstr(row->body, "again"));
}
END_TEST

/* Of another instance, or for a mail that has left: nothing happens. */
START_TEST(test_console_of_another)
{
	struct notices *n = v.pool->notices;
	struct instance other = *i;
	char id[] = "i-another";
	struct err err;

	err_set(&err, ERR_MISSING, "missing");
	other.id = id;
	notices_console(n, i, "early", 5);
	notice_missing(n, world_worker(&v, "a"), i, &err);
	notices_console(n, &other, "foreign", 7);
	ck_assert_ptr_null(strstr(notices_rows(n)->body, "foreign"));
	ck_assert_str_eq(notices_rows(n)->console_of, i->id);
	notices_rows(n)->over = true;
	notices_console(n, i, "late", 4);
	ck_assert_ptr_null(strstr(notices_rows(n)->body, "late"));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *s = suite_create("notice_text");
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, test_console, 0, COUNT_OF(consoles));
	tcase_add_test(t, test_no_console);
	tcase_add_test(t, test_nul_bytes);
	tcase_add_test(t, test_end_of_a_long_console);
	tcase_add_test(t, test_generated_password);
	tcase_add_test(t, test_console_of_a_spooled_mail);
	tcase_add_test(t, test_console_of_another);
	suite_add_tcase(s, t);
	return s;
}
