/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tmpl.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "unit.h"

#include <string.h>

static const char *
lookup(void *arg, const char *name)
{
	static const struct {
		const char *name, *value;
	} values[] = {
		{"worker", "bot1"},
		{"password", "s\x01krit"},
		{"vars.master", "build.example.org:9989"},
		{"_a-b.c9", "odd"},
		{"empty", ""},
	};

	if (arg != NULL)
		++*(int *)arg;
	for (size_t i = 0; i < COUNT_OF(values); i++)
		if (strcmp(values[i].name, name) == 0)
			return values[i].value;
	return NULL;
}

static const struct {
	const char *text, *rendered;
	int line;
} good[] = {
	{"", "", __LINE__},
	{"plain { text } with }} and single { braces\n",
		"plain { text } with }} and single { braces\n", __LINE__},
	{"{{ worker }}", "bot1", __LINE__},
	{"{{worker}}", "bot1", __LINE__},
	{"{{\tworker  }}!", "bot1!", __LINE__},
	{"a{{ worker }}{{ worker }}b", "abot1bot1b", __LINE__},
	{"{{ vars.master }}", "build.example.org:9989", __LINE__},
	{"{{ _a-b.c9 }}", "odd", __LINE__},
	{"[{{ empty }}]", "[]", __LINE__},
	{"docker ps --format '{{ \"{{\" }}.Names}}'", "docker ps --format '{{.Names}}'",
		__LINE__},
	{"{{ \"{{ worker }}\" }}", "{{ worker }}", __LINE__},
	{"{{ \"\" }}", "", __LINE__},
	{"{ {{ worker }} }", "{ bot1 }", __LINE__},
	{"äö{{ worker }}ü", "äöbot1ü", __LINE__},
};

START_TEST(test_good)
{
	AUTO(buf) struct buf out = {.data = NULL};
	struct err err;
	struct tmpl *t = tmpl_parse(good[_i].text, &err);

	ck_assert_msg(t != NULL, "line %d: %s", good[_i].line, err.text);
	ck_assert_int_eq(tmpl_check(t, lookup, NULL, &err), 0);
	buf_puts(&out, "> ");
	ck_assert_int_eq(tmpl_render(t, lookup, NULL, &out, &err), 0);
	ck_assert_msg(strcmp(buf_str(&out) + 2, good[_i].rendered) == 0,
		"line %d: got %s", good[_i].line, buf_str(&out));
	tmpl_free(t);
}
END_TEST

#define HINT "; a literal {{ is written {{ \"{{\" }}"

static const struct {
	const char *text, *error;
	int line;
} bad[] = {
	{"{{", "line 1, column 3: expected a name behind {{" HINT, __LINE__},
	{"{{ }}", "line 1, column 4: expected a name behind {{" HINT, __LINE__},
	{"{{.Names}}", "line 1, column 3: expected a name behind {{" HINT, __LINE__},
	{"{{ 9a }}", "line 1, column 4: expected a name behind {{" HINT, __LINE__},
	{"{{{ worker }}}", "line 1, column 3: expected a name behind {{" HINT,
		__LINE__},
	{"{{\nworker }}", "line 1, column 3: expected a name behind {{" HINT, __LINE__},
	{"{{ worker", "line 1, column 1: {{ is not closed by }} behind one name" HINT,
		__LINE__},
	{"one\ntwo ä {{ worker }",
		"line 2, column 7: {{ is not closed by }} behind one name" HINT,
		__LINE__},
	{"{{ worker | upper }}",
		"line 1, column 1: {{ is not closed by }} behind one name" HINT,
		__LINE__},
	{"{{ worker\n}}",
		"line 1, column 1: {{ is not closed by }} behind one name" HINT,
		__LINE__},
	{"{{ \"x }}", "line 1, column 5: the quote is not closed on its line",
		__LINE__},
	{"{{ \"x\n\" }}", "line 1, column 5: the quote is not closed on its line",
		__LINE__},
	{"{{ \"x\" y }}",
		"line 1, column 1: {{ is not closed by }} behind one name" HINT,
		__LINE__},
};

START_TEST(test_bad)
{
	struct err err;

	ck_assert_ptr_null(tmpl_parse(bad[_i].text, &err));
	ck_assert_msg(strcmp(err.text, bad[_i].error) == 0, "line %d: got %s",
		bad[_i].line, err.text);
	ck_assert_int_eq(err.code, ERR_PARSE);
	ck_assert_ptr_null(tmpl_parse(bad[_i].text, NULL));
}
END_TEST

START_TEST(test_unknown_name)
{
	AUTO(buf) struct buf out = {.data = NULL};
	struct err err;
	struct tmpl *t = tmpl_parse("a {{ worker }}\nb {{ wroker }}", &err);

	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(tmpl_check(t, lookup, NULL, &err), -1);
	ck_assert_str_eq(err.text, "line 2, column 6: unknown name 'wroker'");
	ck_assert_int_eq(err.code, ERR_INVALID);
	buf_puts(&out, "kept");
	ck_assert_int_eq(tmpl_render(t, lookup, NULL, &out, &err), -1);
	ck_assert_str_eq(buf_str(&out), "kept");
	ck_assert_uint_eq(out.len, 4);
	ck_assert_int_eq(tmpl_freeze(t, lookup, NULL, "password", &out, &err), -1);
	ck_assert_str_eq(err.text, "line 2, column 6: unknown name 'wroker'");
	ck_assert_str_eq(buf_str(&out), "kept");
	tmpl_free(t);
	tmpl_free(NULL);
}
END_TEST

START_TEST(test_uses)
{
	struct tmpl *t = tmpl_parse("worker {{ vars.master }} {{ \"password\" }}",
		NULL);

	ck_assert_ptr_nonnull(t);
	ck_assert(tmpl_uses(t, "vars.master"));
	ck_assert(!tmpl_uses(t, "vars"));
	ck_assert(!tmpl_uses(t, "worker"));
	ck_assert(!tmpl_uses(t, "password"));
	tmpl_free(t);
}
END_TEST

START_TEST(test_freeze_and_thaw)
{
	AUTO(buf) struct buf frozen = {.data = NULL}, thawed = {.data = NULL};
	struct err err;
	int calls = 0;
	struct tmpl *t = tmpl_parse("a\x01z {{ password }} {{ worker }}", &err);

	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(tmpl_freeze(t, lookup, &calls, "password", &frozen, &err), 0);
	ck_assert_str_eq(buf_str(&frozen),
		"a\x01"
		"1z \x01S bot1");
	ck_assert_int_eq(calls, 1); /* the secret was not asked for */
	ck_assert_int_eq(tmpl_thaw(buf_str(&frozen), "p\x01w", &thawed), 0);
	ck_assert_str_eq(buf_str(&thawed), "a\x01z p\x01w bot1");
	buf_clear(&thawed);
	ck_assert_int_eq(tmpl_thaw(buf_str(&frozen), NULL, &thawed), -1);
	ck_assert_str_eq(buf_str(&thawed), "");
	tmpl_free(t);
}
END_TEST

/* A value with our own mark inside comes back as it was. */
START_TEST(test_freeze_of_values)
{
	AUTO(buf) struct buf frozen = {.data = NULL}, thawed = {.data = NULL};
	struct tmpl *t = tmpl_parse("{{ password }}", NULL);

	ck_assert_ptr_nonnull(t);
	ck_assert_int_eq(tmpl_freeze(t, lookup, NULL, "other", &frozen, NULL), 0);
	ck_assert_int_eq(tmpl_thaw(buf_str(&frozen), NULL, &thawed), 0);
	ck_assert_str_eq(buf_str(&thawed), "s\x01krit");
	tmpl_free(t);
}
END_TEST

START_TEST(test_thaw_refuses)
{
	static const char *const broken[] = {"\x01", "a\x01", "\x01x", "\x01\x01"};

	for (size_t i = 0; i < COUNT_OF(broken); i++) {
		AUTO(buf) struct buf out = {.data = NULL};

		buf_puts(&out, "kept");
		ck_assert_int_eq(tmpl_thaw(broken[i], "s", &out), -1);
		ck_assert_str_eq(buf_str(&out), "kept");
	}
}
END_TEST

/* Whatever parses: freezing and thawing with the secret is rendering. */
START_TEST(test_freeze_is_render)
{
	static const char *const pieces[] = {"{{ worker }}", "{{ password }}", "\x01",
		"S", "1", "{{ \"{{\" }}", "}}", "{", "ä", "\n", "{{", "{{ empty }}"};
	struct rng r;
	int parsed = 0;

	rng_seed(&r, (uint64_t)_i);
	for (int round = 0; round < 500; round++) {
		AUTO(buf)
		struct buf text = {.data = NULL}, frozen = {.data = NULL},
			   thawed = {.data = NULL}, rendered = {.data = NULL};
		struct tmpl *t;

		for (uint64_t n = rng_below(&r, 8); n > 0; n--)
			buf_puts(&text, pieces[rng_below(&r, COUNT_OF(pieces))]);
		t = tmpl_parse(buf_str(&text), NULL);
		/* "{{", "S" and "}}" make a name that nobody knows. */
		if (t == NULL || tmpl_check(t, lookup, NULL, NULL) < 0) {
			tmpl_free(t);
			continue;
		}
		parsed++;
		ck_assert_int_eq(tmpl_render(t, lookup, NULL, &rendered, NULL), 0);
		ck_assert_int_eq(tmpl_freeze(t, lookup, NULL, "password", &frozen,
					 NULL),
			0);
		ck_assert_int_eq(tmpl_thaw(buf_str(&frozen), "s\x01krit", &thawed), 0);
		ck_assert_str_eq(buf_str(&thawed), buf_str(&rendered));
		tmpl_free(t);
	}
	ck_assert_int_gt(parsed, 100);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("tmpl");
	TCase *tc = tcase_create("tmpl");

	tcase_add_loop_test(tc, test_good, 0, COUNT_OF(good));
	tcase_add_loop_test(tc, test_bad, 0, COUNT_OF(bad));
	tcase_add_test(tc, test_unknown_name);
	tcase_add_test(tc, test_uses);
	tcase_add_test(tc, test_freeze_and_thaw);
	tcase_add_test(tc, test_freeze_of_values);
	tcase_add_test(tc, test_thaw_refuses);
	tcase_add_loop_test(tc, test_freeze_is_render, 0, 4);
	suite_add_tcase(suite, tc);
	return suite;
}
