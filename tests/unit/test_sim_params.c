/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forms as clients send them: decoding, lookup, and the check against rows, with the
 * error code for each way of being wrong.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sim/error.h"
#include "sim/params.h"
#include "sim/text.h"
#include "sys/crypto.h"

#include <stdlib.h>
#include <string.h>

/* name=value with spaces between, as decoded and sorted. */
static char *
flat(const struct sim_params *p)
{
	struct buf b = {0};

	for (size_t i = 0; i < p->count; i++)
		buf_printf(&b, "%s[%s=%s]", i > 0 ? " " : "", p->items[i].name,
			p->items[i].value);
	return buf_take(&b);
}

static const struct {
	int line;
	const char *form;
	const char *flat; /* NULL: refused */
	const char *code;
} forms[] = {
	{__LINE__, "", "", NULL},
	{__LINE__, "a=1", "[a=1]", NULL},
	{__LINE__, "b=2&a=1", "[a=1] [b=2]", NULL},
	{__LINE__, "a", "[a=]", NULL},
	{__LINE__, "a=", "[a=]", NULL},
	{__LINE__, "a=b=c", "[a=b=c]", NULL},
	{__LINE__, "&&a=1&", "[a=1]", NULL},
	{__LINE__, "a=x+y%20z%2B", "[a=x y z+]", NULL},
	{__LINE__, "a%2eb=%c3%A4", "[a.b=\xc3\xa4]", NULL},
	{__LINE__, "Filter.10.Name=x&Filter.2.Name=y",
		"[Filter.10.Name=x] [Filter.2.Name=y]", NULL},
	{__LINE__, "a=1&a=2", NULL, "MalformedQueryString"},
	{__LINE__, "a=%", NULL, "MalformedQueryString"},
	{__LINE__, "a=%4", NULL, "MalformedQueryString"},
	{__LINE__, "a=%4g", NULL, "MalformedQueryString"},
	{__LINE__, "a=%00", NULL, "MalformedQueryString"},
	{__LINE__, "a=%ff", NULL, "InvalidCharacter"},
	{__LINE__, "%ed%a0%80=1", NULL, "InvalidCharacter"},
};

START_TEST(parse)
{
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct sim_params p = {0};
		struct sim_error error = {0};
		int ret = sim_params_parse(forms[i].form, strlen(forms[i].form), &p,
			&error);
		AUTO(free) char *got = flat(&p);

		ck_assert_msg((ret == 0) == (forms[i].flat != NULL), "line %d",
			forms[i].line);
		if (ret == 0)
			ck_assert_msg(strcmp(got, forms[i].flat) == 0, "line %d: %s",
				forms[i].line, got);
		else
			ck_assert_msg(strcmp(error.code, forms[i].code) == 0,
				"line %d: %s", forms[i].line, error.code);
		sim_params_fini(&p);
	}
}
END_TEST

START_TEST(parse_bounds)
{
	AUTO(buf) struct buf b = {0};
	AUTO(sim_params) struct sim_params p = {0};
	struct sim_error error;

	for (int i = 0; i < 300; i++)
		buf_putc(&b, 'n');
	ck_assert_int_eq(sim_params_parse(buf_str(&b), b.len, &p, &error), -1);
	ck_assert_str_eq(error.code, "MalformedQueryString");
	buf_clear(&b);
	for (int i = 0; i < SIM_PARAMS_MAX; i++)
		buf_puts(&b, "&");
	ck_assert_int_eq(sim_params_parse(buf_str(&b), b.len, &p, &error), -1);
	ck_assert_str_eq(error.code, "MalformedQueryString");
	/* Embedded NULs are no end of the text. */
	ck_assert_int_eq(sim_params_parse("a=1\0&b=2", 8, &p, &error), -1);
	ck_assert_uint_eq(p.count, 0);
}
END_TEST

START_TEST(lookup)
{
	static const char form[] = "A.1=x&A.2=y&B=true&C=false&N=12&Deep.1.In.2.Side=z";
	AUTO(sim_params) struct sim_params p = {0};
	struct sim_error error;

	ck_assert_int_eq(sim_params_parse(form, strlen(form), &p, &error), 0);
	ck_assert_str_eq(sim_params_get(&p, "A.1"), "x");
	ck_assert_str_eq(sim_params_getf(&p, "A.%d", 2), "y");
	ck_assert_ptr_null(sim_params_get(&p, "A"));
	ck_assert_ptr_null(sim_params_get(&p, "A.3"));
	ck_assert_ptr_null(sim_params_get(&p, "Z"));
	ck_assert(sim_params_under(&p, "Deep.1.In."));
	ck_assert(sim_params_under(&p, "A."));
	ck_assert(!sim_params_under(&p, "Deep.2."));
	ck_assert(!sim_params_under(&p, "ZZ"));
	ck_assert(sim_params_true(&p, "B"));
	ck_assert(!sim_params_true(&p, "C"));
	ck_assert(!sim_params_true(&p, "Absent"));
	ck_assert_int_eq(sim_params_int(&p, "N", 7), 12);
	ck_assert_int_eq(sim_params_int(&p, "Absent", 7), 7);
}
END_TEST

static const char *const colours[] = {"red", "blue", NULL};

static const struct sim_param_row shared[] = {
	{.name = "Id.N", .required = true},
	{.name = "Size", .type = SIM_PARAM_INT, .min = 5, .max = 9},
	{.name = NULL},
};

static const struct sim_param_row rows[] = {
	{.name = "shared", .type = SIM_PARAM_ROWS, .rows = shared},
	{.name = "Count", .type = SIM_PARAM_INT, .required = true, .min = 1, .max = 10},
	{.name = "Any", .type = SIM_PARAM_INT},
	{.name = "Price", .type = SIM_PARAM_NUMBER},
	{.name = "Dry", .type = SIM_PARAM_BOOL},
	{.name = "Colour", .type = SIM_PARAM_CHOICE, .choices = colours},
	{.name = "Short", .max = 3},
	{.name = "List.N.Key"},
	{.name = "List.N.Sub.N"},
	{.name = "Open.*", .type = SIM_PARAM_ANY},
	{.name = NULL},
};

static const struct sim_param_row common[] = {{.name = "Action"}, {.name = NULL}};

/* Each has "Id.1=i&Count=1&" in front. */
static const struct {
	int line;
	const char *form;
	const char *code; /* NULL: good */
} checks[] = {
	{__LINE__, "", NULL},
	{__LINE__, "Action=X", NULL},
	{__LINE__, "Id.2=j&Id.3=k", NULL},
	{__LINE__, "Any=-5", NULL},
	{__LINE__, "Price=0.031", NULL},
	{__LINE__, "Dry=true", NULL},
	{__LINE__, "Colour=blue", NULL},
	{__LINE__, "Short=abc", NULL},
	{__LINE__, "Open.Whatever.1.You=like", NULL},
	{__LINE__, "List.1.Key=a&List.2.Sub.1=b&List.2.Sub.2=c", NULL},
	{__LINE__, "List.1.Sub.1=a&List.1.Sub.2=a&List.1.Sub.3=a", NULL},
	{__LINE__, "Size=5", NULL},
	{__LINE__, "Size=4", "InvalidParameterValue"},
	{__LINE__, "shared=1", "UnknownParameter"},
	{__LINE__, "Unknown=1", "UnknownParameter"},
	{__LINE__, "action=X", "UnknownParameter"},
	{__LINE__, "Id=1", "UnknownParameter"},
	{__LINE__, "Id.0=1", "UnknownParameter"},
	{__LINE__, "Id.01=1", "UnknownParameter"},
	{__LINE__, "Id.2.x=1", "UnknownParameter"},
	{__LINE__, "Id.12345678=1", "UnknownParameter"},
	{__LINE__, "Id.N=1", NULL}, /* nobody sends it, and it is of no consequence */
	{__LINE__, "List.1=a", "UnknownParameter"},
	{__LINE__, "Open=1", "UnknownParameter"},
	{__LINE__, "Id.3=k", "MalformedQueryString"},
	{__LINE__, "List.2.Key=a", "MalformedQueryString"},
	{__LINE__, "List.1.Sub.2=a", "MalformedQueryString"},
	{__LINE__, "Any=", "InvalidParameterValue"},
	{__LINE__, "Any=1x", "InvalidParameterValue"},
	{__LINE__, "Any=+%201", "InvalidParameterValue"},
	{__LINE__, "Any=99999999999999999999", "InvalidParameterValue"},
	{__LINE__, "Price=0", "InvalidParameterValue"},
	{__LINE__, "Price=-1", "InvalidParameterValue"},
	{__LINE__, "Price=nan", "InvalidParameterValue"},
	{__LINE__, "Price=1.2.3", "InvalidParameterValue"},
	{__LINE__, "Price=0x1", "InvalidParameterValue"},
	{__LINE__, "Dry=yes", "InvalidParameterValue"},
	{__LINE__, "Colour=green", "InvalidParameterValue"},
	{__LINE__, "Short=abcd", "InvalidParameterValue"},
};

static int
check(const char *form, struct sim_error *error)
{
	AUTO(sim_params) struct sim_params p = {0};

	error->code[0] = '\0';
	ck_assert_int_eq(sim_params_parse(form, strlen(form), &p, error), 0);
	return sim_params_check(&p, rows, common, error);
}

START_TEST(check_rows)
{
	for (size_t i = 0; i < COUNT_OF(checks); i++) {
		AUTO(free) char *form = xasprintf("Id.1=i&Count=1&%s", checks[i].form);
		const char *want = checks[i].code != NULL ? checks[i].code : "";
		struct sim_error error;

		check(form, &error);
		ck_assert_msg(strcmp(error.code, want) == 0, "line %d: '%s' %s",
			checks[i].line, error.code, error.message);
	}
}
END_TEST

START_TEST(check_required)
{
	struct sim_error error;

	ck_assert_int_eq(check("Count=1", &error), -1);
	ck_assert_str_eq(error.code, "MissingParameter");
	ck_assert_str_eq(error.message, "The request must contain the parameter Id");
	ck_assert_int_eq(check("Id.1=x", &error), -1);
	ck_assert_str_eq(error.message, "The request must contain the parameter Count");
	ck_assert_int_eq(check("Id.1=x&Count=0", &error), -1);
	ck_assert_str_eq(error.message, "Value (0) for parameter Count is invalid.");
	ck_assert_int_eq(check("Id.1=x&Count=11", &error), -1);
	ck_assert_int_eq(error.status, 400);
}
END_TEST

static void
digest(const char *form, char hex[static 65])
{
	AUTO(sim_params) struct sim_params p = {0};
	struct sim_error error;

	ck_assert_int_eq(sim_params_parse(form, strlen(form), &p, &error), 0);
	sim_params_digest(&p, hex);
}

static const struct {
	int line;
	const char *a, *b;
	bool same;
} digests[] = {
	{__LINE__, "A=1&B=2", "B=2&A=1", true},
	{__LINE__, "A=x+y", "A=x%20y", true},
	{__LINE__, "A=1", "A=1&Action=Run&Version=1&DryRun=true", true},
	{__LINE__, "A=1", "A=2", false},
	{__LINE__, "A=1", "A=1&B=", false},
	{__LINE__, "AB=C", "A=BC", false},
	{__LINE__, "A=1&B=2", "A=1&B=2&ClientToken=t", false},
};

START_TEST(digest_is_of_what_matters)
{
	for (size_t i = 0; i < COUNT_OF(digests); i++) {
		char a[65];
		char b[65];

		digest(digests[i].a, a);
		digest(digests[i].b, b);
		ck_assert_msg((strcmp(a, b) == 0) == digests[i].same, "line %d",
			digests[i].line);
	}
}
END_TEST

static const struct {
	int line;
	const char *pattern, *text;
	bool matches;
} patterns[] = {
	{__LINE__, "", "", true},
	{__LINE__, "", "a", false},
	{__LINE__, "a", "", false},
	{__LINE__, "abc", "abc", true},
	{__LINE__, "abc", "abd", false},
	{__LINE__, "ABC", "abc", false},
	{__LINE__, "*", "", true},
	{__LINE__, "*", "anything", true},
	{__LINE__, "a*", "abc", true},
	{__LINE__, "*c", "abc", true},
	{__LINE__, "a*c", "abbbc", true},
	{__LINE__, "a*c", "abbbd", false},
	{__LINE__, "a**c", "ac", true},
	{__LINE__, "*a*b*", "xxaxxbxx", true},
	{__LINE__, "*a*b*", "xxbxxaxx", false},
	{__LINE__, "a?c", "abc", true},
	{__LINE__, "a?c", "ac", false},
	{__LINE__, "?", "", false},
	{__LINE__, "a\\*c", "a*c", true},
	{__LINE__, "a\\*c", "abc", false},
	{__LINE__, "a\\?c", "a?c", true},
	{__LINE__, "a\\?c", "abc", false},
	{__LINE__, "*\\?", "what?", true},
	{__LINE__, "*\\?", "what!", false},
	{__LINE__, "a\\\\c", "a\\c", true},
	{__LINE__, "ends\\", "ends\\", true},
};

START_TEST(wildcards)
{
	for (size_t i = 0; i < COUNT_OF(patterns); i++)
		ck_assert_msg(sim_text_matches(patterns[i].pattern, patterns[i].text) ==
				patterns[i].matches,
			"line %d", patterns[i].line);
}
END_TEST

/* What is exponential for a naive matcher is over at once. */
START_TEST(wildcards_are_quick)
{
	char pattern[200];
	char text[200];

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i + 2 < sizeof(pattern); i += 2)
		memcpy(pattern + i, "a*", 2);
	memcpy(pattern + sizeof(pattern) - 2, "b", 2);
	ck_assert(!sim_text_matches(pattern, text));
}
END_TEST

static const struct {
	int line;
	const char *text;
	bool id, type;
} shapes[] = {
	{__LINE__, "i-01234567", true, false},
	{__LINE__, "i-0123456789abcdef0", true, false},
	{__LINE__, "i-", false, false},
	{__LINE__, "i-0123456789abcdef01", false, false},
	{__LINE__, "i-ABCDEF01", false, false},
	{__LINE__, "x-01234567", false, false},
	{__LINE__, "i-0123456 ", false, false},
	{__LINE__, "m5.large", false, true},
	{__LINE__, "u-6tb1.56xlarge", false, true},
	{__LINE__, "m5", false, false},
	{__LINE__, "m5.", false, false},
	{__LINE__, ".large", false, false},
	{__LINE__, "m5.large.x", false, false},
	{__LINE__, "M5.large", false, false},
};

START_TEST(forms_of_names)
{
	for (size_t i = 0; i < COUNT_OF(shapes); i++) {
		ck_assert_msg(sim_text_is_id(shapes[i].text, "i-", 8, 17) ==
				shapes[i].id,
			"line %d", shapes[i].line);
		ck_assert_msg(sim_text_is_type(shapes[i].text) == shapes[i].type,
			"line %d", shapes[i].line);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("sim_params");
	TCase *all = tcase_create("all");

	tcase_add_test(all, parse);
	tcase_add_test(all, parse_bounds);
	tcase_add_test(all, lookup);
	tcase_add_test(all, check_rows);
	tcase_add_test(all, check_required);
	tcase_add_test(all, digest_is_of_what_matters);
	tcase_add_test(all, wildcards);
	tcase_add_test(all, wildcards_are_quick);
	tcase_add_test(all, forms_of_names);
	suite_add_tcase(suite, all);
	return suite;
}
