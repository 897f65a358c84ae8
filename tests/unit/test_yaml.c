/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What trees and which problems a text gives. Trees are written on one line, plain
 * scalars bare and strings in quotes, so that a table can hold them.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "base/node.h"
#include "sys/yaml.h"

#include <stdlib.h>
#include <string.h>

static void
print_tree(const struct node *n, struct buf *out)
{
	if (n->kind == NODE_PLAIN)
		buf_puts(out, n->text);
	else if (n->kind == NODE_STRING)
		buf_printf(out, "\"%s\"", n->text);
	if (n->kind != NODE_LIST && n->kind != NODE_MAP)
		return;
	buf_puts(out, n->kind == NODE_LIST ? "[" : "{");
	for (size_t i = 0; i < n->count; i++) {
		if (i > 0)
			buf_puts(out, ", ");
		if (n->kind == NODE_MAP) {
			print_tree(n->keys[i], out);
			buf_puts(out, ": ");
		}
		print_tree(n->items[i], out);
	}
	buf_puts(out, n->kind == NODE_LIST ? "]" : "}");
}

/* "line:col: key: text" for each. */
static void
print_problems(const struct diags *ds, struct buf *out)
{
	for (size_t i = 0; i < ds->count; i++)
		buf_printf(out, "%u:%u: %s%s%s\n", ds->items[i].mark.line,
			ds->items[i].mark.col,
			ds->items[i].key != NULL ? ds->items[i].key : "",
			ds->items[i].key != NULL ? ": " : "", ds->items[i].text);
}

static const struct {
	int line;
	const char *text, *tree;
} trees[] = {
	{__LINE__, "", "{}"},
	{__LINE__, "\n", "{}"},
	{__LINE__, "# nothing\n", "{}"},
	{__LINE__, "---\n", "{}"},
	{__LINE__, "--- # nothing\n...\n", "{}"},
	{__LINE__, "{}", "{}"},
	{__LINE__, "''", "\"\""},
	{__LINE__, "pool: linux", "{pool: linux}"},
	{__LINE__, "---\npool: linux\n...\n", "{pool: linux}"},
	{__LINE__, "%YAML 1.1\n---\npool: linux\n", "{pool: linux}"},
	{__LINE__, "a: {b: c, d: [e, f]}\ng:\n- h\n- i: j\n",
		"{a: {b: c, d: [e, f]}, g: [h, {i: j}]}"},
	{__LINE__, "\"linux-[01-40]\": {}\n", "{\"linux-[01-40]\": {}}"},
	/* The schema gives the type: nothing is guessed here. */
	{__LINE__, "[no, 012, 1e3, 2026-01-31, ~, null, 0x1F, 1:30]",
		"[no, 012, 1e3, 2026-01-31, ~, null, 0x1F, 1:30]"},
	{__LINE__, "no: yes", "{no: yes}"},
	{__LINE__, "[a, 'a', \"a\"]", "[a, \"a\", \"a\"]"},
	{__LINE__, "a:\nb: ''\n", "{a: , b: \"\"}"},
	{__LINE__, "a: |\n  #!/bin/sh\n  echo\n", "{a: \"#!/bin/sh\necho\n\"}"},
	{__LINE__, "a: >-\n  one\n  two\n", "{a: \"one two\"}"},
	{__LINE__, "a: one\n  two\n", "{a: one two}"},
	{__LINE__, "a: b\r\nc: |\r\n  d\r\n  e\r\n", "{a: b, c: \"d\ne\n\"}"},
	{__LINE__,
		"\xef\xbb\xbf"
		"a: b\n",
		"{a: b}"},
	{__LINE__, "a: gr\xc3\xbc\xc3\x9f\n", "{a: gr\xc3\xbc\xc3\x9f}"},
	{__LINE__, "a: \"\\xfc \\u20ac \\t\"", "{a: \"\xc3\xbc \xe2\x82\xac \t\"}"},
	{__LINE__, "a: b\t# a tab before a remark\n", "{a: b}"},
	{__LINE__, "a:\tb\n", "{a: b}"},
	/* What looks like what we refuse, and is a string. */
	{__LINE__, "'<<': a\nb: '*c'\nd: '&e'\nf: '!g'\n",
		"{\"<<\": a, b: \"*c\", d: \"&e\", f: \"!g\"}"},
	{__LINE__, "a: b*c & d!\n", "{a: b*c & d!}"},
	{__LINE__, "[a: b, c]", "[{a: b}, c]"},
	{__LINE__, "a: 1\nb: {a: 2}\nc: [{a: 3}, {a: 4}]\n",
		"{a: 1, b: {a: 2}, c: [{a: 3}, {a: 4}]}"},
	{__LINE__, "a: 1\nA: 2\n", "{a: 1, A: 2}"},
};

START_TEST(accepted)
{
	for (size_t i = 0; i < COUNT_OF(trees); i++) {
		AUTO(diags) struct diags ds = {0};
		AUTO(buf) struct buf out = {0};
		AUTO(node) struct node *n = NULL;

		n = yaml_parse(trees[i].text, strlen(trees[i].text), &ds);
		print_problems(&ds, &out);
		ck_assert_msg(ds.count == 0, "line %d: %s", trees[i].line,
			buf_str(&out));
		print_tree(n, &out);
		ck_assert_msg(strcmp(buf_str(&out), trees[i].tree) == 0, "line %d: %s",
			trees[i].line, buf_str(&out));
	}
}
END_TEST

static const struct {
	int line;
	const char *text;
	const char *tree; /* NULL: none */
	const char *problems;
} refusals[] = {
	/* Equal keys: at the second and every later one, naming the first. */
	{__LINE__, "a: 1\nb: 2\na: 3\n", "{a: 1, b: 2, a: 3}",
		"3:1: a: this key is there already, in line 1\n"},
	{__LINE__, "a: 1\n'a': 2\n\"a\": 3\n", "{a: 1, \"a\": 2, \"a\": 3}",
		"2:1: a: this key is there already, in line 1\n"
		"3:1: a: this key is there already, in line 1\n"},
	{__LINE__, "x: {a: 1, b: 2, a: 3}\n", "{x: {a: 1, b: 2, a: 3}}",
		"1:17: a: this key is there already, in line 1\n"},
	/* Anchors, aliases, tags, merge keys. */
	{__LINE__, "a: &x 1\nb: *x\nc: 3\n", "{a: 1, c: 3}",
		"1:4: anchors are not supported; write the value where it is needed\n"
		"2:4: aliases are not supported; write the value where it is needed\n"},
	{__LINE__, "a: &x [1]\nb: [*x, *x, 2]\n", "{a: [1], b: [2]}",
		"1:4: anchors are not supported; write the value where it is needed\n"
		"2:5: aliases are not supported; write the value where it is needed\n"
		"2:9: aliases are not supported; write the value where it is needed\n"},
	{__LINE__, "&x a: &y {b: 1}\n", "{a: {b: 1}}",
		"1:1: anchors are not supported; write the value where it is needed\n"
		"1:7: anchors are not supported; write the value where it is needed\n"},
	{__LINE__, "a: 1\n<<: {b: 2}\n", "{a: 1}",
		"2:1: merge keys are not supported; write the keys where they are needed\n"},
	{__LINE__, "*x : 1\nb: 2\n", "{b: 2}",
		"1:1: aliases are not supported; write the value where it is needed\n"},
	{__LINE__, "*x", "{}",
		"1:1: aliases are not supported; write the value where it is needed\n"},
	{__LINE__, "a: !!str 1\nb: !x [2]\nc: !<tag:x> {d: 3}\ne: ! 4\n",
		"{a: 1, b: [2], c: {d: 3}, e: 4}",
		"1:4: tags are not supported; each key knows its type\n"
		"2:4: tags are not supported; each key knows its type\n"
		"3:4: tags are not supported; each key knows its type\n"
		"4:4: tags are not supported; each key knows its type\n"},
	{__LINE__, "%TAG ! tag:x,2026:\n---\na: 1\n", "{a: 1}",
		"1:1: tags are not supported; each key knows its type\n"},
	/* Keys that are no words. */
	{__LINE__, "[a, b]: 1\nc: 2\n", "{c: 2}",
		"1:1: a key must be a word or a string, not a list\n"},
	{__LINE__, "? {a: b}\n: {c: d}\ne: f\n", "{e: f}",
		"1:3: a key must be a word or a string, not a mapping\n"},
	{__LINE__, "{{ worker }}: 1\n", "{}",
		"1:2: a key must be a word or a string, not a mapping\n"
		"1:1: a key must be a word or a string, not a mapping\n"},
	/* One document. */
	{__LINE__, "a: 1\n---\nb: 2\n", NULL,
		"2:1: a second document begins here; only one is read\n"},
	{__LINE__, "---\n---\n", NULL,
		"2:1: a second document begins here; only one is read\n"},
	/* Syntax, in libyaml's words. */
	{__LINE__, "a: b: c\n", NULL,
		"1:5: mapping values are not allowed in this context\n"},
	{__LINE__, "a: [1, 2\nb: 3\n", NULL,
		"2:2: did not find expected ',' or ']' while parsing a flow sequence of line 1\n"},
	{__LINE__, "a: 1\n  b: 2\n", NULL,
		"2:4: mapping values are not allowed in this context\n"},
	{__LINE__, "a: 1\n- b\n", NULL,
		"2:1: did not find expected key while parsing a block mapping of line 1\n"},
	{__LINE__, "a: 'b\n", NULL,
		"2:1: found unexpected end of stream while scanning a quoted scalar of line 1\n"},
	{__LINE__, "a: \"\\q\"\n", NULL,
		"1:5: found unknown escape character while parsing a quoted scalar\n"},
	{__LINE__, "a: @b\n", NULL,
		"1:4: found character that cannot start any token while scanning for the next "
		"token\n"},
	{__LINE__, "a:\n\tb: c\n", NULL,
		"2:1: found character that cannot start any token while scanning for the next "
		"token; indent with spaces, not with tabs\n"},
	{__LINE__, "a: !x", "{a: }",
		"1:4: tags are not supported; each key knows its type\n"},
	{__LINE__, "%YAML 2.0\n---\na: 1\n", NULL,
		"1:1: found incompatible YAML document\n"},
	/* Characters. */
	{__LINE__, "a: \"x\\0y\"\n", "{a: \"x\"}", "1:4: text cannot hold a NUL\n"},
	{__LINE__, "\"x\\0y\": a\n", "{\"x\": a}", "1:1: text cannot hold a NUL\n"},
	{__LINE__, "a: b\nc: \x01\n", NULL,
		"2:4: control characters are not allowed\n"},
	{__LINE__, "\xc3\xbc: b\nc: \xc3\xbc\xff\n", NULL,
		"2:5: invalid leading UTF-8 octet\n"},
	{__LINE__, "a: \xc3", NULL, "1:4: incomplete UTF-8 octet sequence\n"},
	{__LINE__, "a: \xc0\x80\n", NULL, "1:4: invalid length of a UTF-8 sequence\n"},
	{__LINE__, "a: \xed\xa0\x80\n", NULL, "1:4: invalid Unicode character\n"},
	{__LINE__, "a: b\rc: d\n", NULL,
		"1:5: lines end with LF or CR LF, not with another kind of line break\n"},
	{__LINE__, "a: b\nc: \"\xe2\x80\xa8\"\n", NULL,
		"2:5: lines end with LF or CR LF, not with another kind of line break\n"},
	{__LINE__, "a: \xc2\x85\n", NULL,
		"1:4: lines end with LF or CR LF, not with another kind of line break\n"},
};

START_TEST(refused)
{
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		AUTO(diags) struct diags ds = {0};
		AUTO(buf) struct buf problems = {0};
		AUTO(buf) struct buf tree = {0};
		AUTO(node) struct node *n = NULL;

		n = yaml_parse(refusals[i].text, strlen(refusals[i].text), &ds);
		print_problems(&ds, &problems);
		ck_assert_msg(ds.errors > 0, "line %d", refusals[i].line);
		ck_assert_msg(strcmp(buf_str(&problems), refusals[i].problems) == 0,
			"line %d:\n%s", refusals[i].line, buf_str(&problems));
		ck_assert_msg((n == NULL) == (refusals[i].tree == NULL), "line %d",
			refusals[i].line);
		if (n != NULL)
			print_tree(n, &tree);
		ck_assert_msg(n == NULL ||
				strcmp(buf_str(&tree), refusals[i].tree) == 0,
			"line %d: %s", refusals[i].line, buf_str(&tree));
	}
}
END_TEST

/* The one problem of a text; NULL if it has another number of them. */
static const char *
only_problem(const char *text, size_t len, struct diags *ds)
{
	node_free(yaml_parse(text, len, ds));
	return ds->count == 1 ? ds->items[0].text : NULL;
}

START_TEST(nuls)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {{"\0", 1}, {"a: b\0", 5}, {"a: b\n\0c: d\n", 11}, {"a: \0b", 5},
		{"\xff\xfe"
		 "a\0",
			4},
		{"\xfe\xff\0a", 4}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(diags) struct diags ds = {0};

		ck_assert_msg(only_problem(cases[i].text, cases[i].len, &ds) != NULL,
			"%zu", i);
		ck_assert_uint_eq(ds.errors, 1);
	}
}
END_TEST

START_TEST(no_text)
{
	AUTO(diags) struct diags ds = {0};
	AUTO(node) struct node *n = yaml_parse(NULL, 0, &ds);

	ck_assert_int_eq(n->kind, NODE_MAP);
	ck_assert_uint_eq(ds.count, 0);
}
END_TEST

START_TEST(marks)
{
	static const char text[] =
		"# first\npool: x\nworkers:\n  \xc3\xbc\xc3\xbc: {a: 1}\n  b:\n";
	AUTO(diags) struct diags ds = {0};
	AUTO(node) struct node *n = yaml_parse(text, sizeof(text) - 1, &ds);
	const struct node *workers = node_get(n, "workers");
	const struct node *inner = node_get(workers, "\xc3\xbc\xc3\xbc");
	const struct {
		const struct node *node;
		unsigned line, col;
	} cases[] = {
		{n, 2, 1},
		{n->keys[0], 2, 1},
		{n->items[0], 2, 7},
		{workers, 4, 3},
		{inner, 4, 7},
		{inner->keys[0], 4, 8},
		{inner->items[0], 4, 11},
		{workers->keys[1], 5, 3},
		{workers->items[1], 5, 5},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ck_assert_msg(cases[i].node->mark.line == cases[i].line &&
				cases[i].node->mark.col == cases[i].col,
			"%zu: %u:%u", i, cases[i].node->mark.line,
			cases[i].node->mark.col);
	}
}
END_TEST

static void
add_times(struct buf *b, const char *s, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buf_puts(b, s);
}

START_TEST(depth)
{
	static const struct {
		const char *open, *close;
		size_t levels;
		bool good;
	} cases[] = {
		{"[", "]", YAML_DEPTH_MAX, true},
		{"[", "]", YAML_DEPTH_MAX + 1, false},
		{"{a: ", "}", YAML_DEPTH_MAX, true},
		{"{a: ", "}", YAML_DEPTH_MAX + 1, false},
		{"- ", "", YAML_DEPTH_MAX, true},
		{"- ", "", YAML_DEPTH_MAX + 1, false},
		{"? ", "", YAML_DEPTH_MAX + 1, false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(diags) struct diags ds = {0};
		AUTO(buf) struct buf text = {0};
		AUTO(node) struct node *n = NULL;

		add_times(&text, cases[i].open, cases[i].levels);
		add_times(&text, cases[i].close, cases[i].levels);
		n = yaml_parse(text.data, text.len, &ds);
		ck_assert_msg((n != NULL) == cases[i].good, "%zu", i);
		ck_assert_uint_eq(ds.errors, cases[i].good ? 0 : 1);
		if (!cases[i].good)
			ck_assert_str_eq(ds.items[0].text, "more than 16 levels");
	}
}
END_TEST

/* Siblings are no depth. */
START_TEST(depth_is_given_back)
{
	AUTO(diags) struct diags ds = {0};
	AUTO(buf) struct buf text = {0};
	AUTO(node) struct node *n = NULL;

	add_times(&text, "- [{a: [b]}]\n", 100);
	n = yaml_parse(text.data, text.len, &ds);
	ck_assert_ptr_nonnull(n);
	ck_assert_uint_eq(n->count, 100);
}
END_TEST

START_TEST(size)
{
	AUTO(buf) struct buf text = {0};

	buf_puts(&text, "a: b\n#");
	add_times(&text, "x", YAML_SIZE_MAX - text.len);
	for (size_t more = 0; more < 2; more++) {
		AUTO(diags) struct diags ds = {0};
		AUTO(node) struct node *n = yaml_parse(text.data, text.len, &ds);

		ck_assert((n != NULL) == (more == 0));
		ck_assert_uint_eq(ds.errors, more);
		buf_putc(&text, 'x');
	}
}
END_TEST

/*
 * Texts that cost quadratic time if read naively. The bound is far above what they take
 * and far below what they would.
 */
START_TEST(hostile)
{
	static const char *const patterns[] = {"[", "{", "{a: ", "- ", "? ", "[a, ",
		"[]", "- a\n", "&a ", "*a ", "!a ", "'", "\"", "|\n", "# \n", "a: b\n",
		"a", ": ", "\n", "--- ", "...\n", "%", "{}", ", ", "\t", " ",
		"- - - - - - - - - -\n", "? a\n"};
	size_t len = 200000;

	for (size_t i = 0; i < COUNT_OF(patterns); i++) {
		AUTO(buf) struct buf text = {0};
		AUTO(diags) struct diags ds = {0};
		int64_t start = clock_ms();

		add_times(&text, patterns[i], len / strlen(patterns[i]));
		node_free(yaml_parse(text.data, text.len, &ds));
		ck_assert_msg(clock_ms() - start < 2000, "%s: %d ms", patterns[i],
			(int)(clock_ms() - start));
		ck_assert_uint_le(ds.count, YAML_ERRORS_MAX + 1);
	}
}
END_TEST

START_TEST(many_keys)
{
	AUTO(buf) struct buf text = {0};
	AUTO(diags) struct diags ds = {0};
	AUTO(node) struct node *n = NULL;

	for (int i = 0; i < 50000; i++)
		buf_printf(&text, "k%05d: v\n", i);
	buf_puts(&text, "k31415: again\n");
	n = yaml_parse(text.data, text.len, &ds);
	ck_assert_uint_eq(n->count, 50001);
	ck_assert_uint_eq(ds.count, 1);
	ck_assert_uint_eq(ds.items[0].mark.line, 50001);
	ck_assert_str_eq(ds.items[0].text, "this key is there already, in line 31416");
}
END_TEST

START_TEST(too_many_errors)
{
	AUTO(buf) struct buf text = {0};
	AUTO(diags) struct diags ds = {0};

	add_times(&text, "- *x\n", 1000);
	ck_assert_ptr_null(yaml_parse(text.data, text.len, &ds));
	ck_assert_uint_eq(ds.errors, YAML_ERRORS_MAX + 1);
	ck_assert_uint_eq(ds.items[YAML_ERRORS_MAX].mark.line, YAML_ERRORS_MAX);
	ck_assert_str_eq(ds.items[YAML_ERRORS_MAX].text,
		"too many errors; the rest was not read");
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("yaml");
	TCase *tc = tcase_create("yaml");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, accepted);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, nuls);
	tcase_add_test(tc, no_text);
	tcase_add_test(tc, marks);
	tcase_add_test(tc, depth);
	tcase_add_test(tc, depth_is_given_back);
	tcase_add_test(tc, size);
	tcase_add_test(tc, hostile);
	tcase_add_test(tc, many_keys);
	tcase_add_test(tc, too_many_errors);
	suite_add_tcase(suite, tc);
	return suite;
}
