/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists with a second spelling, a mapping by the first member, and booleans that know when
 * nobody has said anything.
 */
#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/field.h"
#include "base/node.h"
#include "flow.h"
#include "unit.h"

#include <jansson.h>
#include <string.h>

struct inner {
	int sure;
	int64_t size;
};

struct disk {
	char *name;
	struct inner inner;
};

struct machine {
	struct field_list disks;
	int ready;
};

static int
check_name(const char *value, struct err *err)
{
	if (strchr(value, '!') != NULL)
		return err_set(err, ERR_INVALID, "must not shout");
	return 0;
}

static const struct field inner_rows[] = {
	{.name = "Sure",
		.type = FIELD_OPTBOOL,
		.offset = FIELD_AT(struct inner, sure, int)},
	{.name = "Size",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct inner, size, int64_t)},
	{.name = NULL},
};
static const struct fields inner_fields = {"inner", inner_rows, sizeof(struct inner)};
static const struct field disk_rows[] = {
	{.name = "Name",
		.type = FIELD_STRING,
		.flags = FIELD_REQUIRED,
		.offset = FIELD_AT(struct disk, name, char *),
		.check = check_name},
	{.name = "Inner",
		.type = FIELD_OBJECT,
		.offset = FIELD_AT(struct disk, inner, struct inner),
		.sub = &inner_fields},
	{.name = NULL},
};
static const struct fields disk_fields = {"disk", disk_rows, sizeof(struct disk)};
static const struct field old_rows[] = {
	{.name = "sure",
		.type = FIELD_OPTBOOL,
		.flags = FIELD_NULLABLE,
		.offset = FIELD_AT(struct disk, inner.sure, int)},
	{.name = "size",
		.type = FIELD_INT,
		.offset = FIELD_AT(struct disk, inner.size, int64_t),
		.min = 1,
		.max = 9},
	{.name = NULL},
};
static const struct fields old_fields = {"old disk", old_rows, sizeof(struct disk)};
static const struct field machine_rows[] = {
	{.name = "disks",
		.type = FIELD_LIST,
		.flags = FIELD_NONEMPTY,
		.offset = FIELD_AT(struct machine, disks, struct field_list),
		.sub = &disk_fields,
		.keyed = &old_fields},
	{.name = "ready",
		.type = FIELD_OPTBOOL,
		.offset = FIELD_AT(struct machine, ready, int),
		.def = "yes"},
	{.name = NULL},
};
static const struct fields machine_fields = {"machine", machine_rows,
	sizeof(struct machine)};

/* Both spellings end in one struct, so each pair is equal. */
static const struct {
	int line;
	const char *list, *map;
} pairs[] = {
	{__LINE__, "{disks: [{Name: a, Inner: {Sure: no, Size: 3}}]}",
		"{disks: {a: {sure: no, size: 3}}}"},
	{__LINE__, "{disks: [{Name: a}, {Name: b, Inner: {Sure: true}}]}",
		"{disks: {a: {}, b: {sure: yes}}}"},
	{__LINE__, "{disks: [{Name: a}]}", "{disks: {a: ~}}"},
	{__LINE__, "{disks: [{Name: a, Inner: {}}]}", "{disks: {a: {sure: null}}}"},
};

static void
load(const char *text, struct machine *m)
{
	AUTO(diags) struct diags ds = {.name = NULL};
	AUTO(node) struct node *node = flow_yaml(text);
	struct err err = {.text = ""};

	*m = (struct machine){.ready = 0};
	if (field_load(&machine_fields, node, m, NULL, &ds) < 0)
		diag_to_err(&ds, ERR_INVALID, &err);
	ck_assert_msg(ds.errors == 0, "%s: %s", text, err.text);
}

START_TEST(two_spellings_are_one)
{
	struct machine a, b;

	load(pairs[_i].list, &a);
	load(pairs[_i].map, &b);
	ck_assert_msg(field_equal(&machine_fields, &a, &b, NULL), "line %d",
		pairs[_i].line);
	field_fini(&machine_fields, &a);
	field_fini(&machine_fields, &b);
}
END_TEST

START_TEST(what_is_not_said_is_known)
{
	static const struct {
		int line;
		const char *text;
		int sure, ready;
	} cases[] = {
		{__LINE__, "{disks: {a: {sure: on}}}", 1, 1},
		{__LINE__, "{disks: {a: {sure: off}}, ready: false}", 0, 0},
		{__LINE__, "{disks: {a: {}}}", -1, 1},
		{__LINE__, "{disks: {a: {sure: ~}}}", -1, 1},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct disk *disk;
		struct machine m;

		load(cases[i].text, &m);
		disk = m.disks.items;
		ck_assert_msg(disk->inner.sure == cases[i].sure &&
				m.ready == cases[i].ready,
			"line %d: %d %d", cases[i].line, disk->inner.sure, m.ready);
		field_fini(&machine_fields, &m);
	}
}
END_TEST

static const struct {
	int line;
	const char *text, *error;
} wrong[] = {
	{__LINE__, "{disks: {}}", "1:9: disks: must not be empty"},
	{__LINE__, "{disks: []}", "1:9: disks: must not be empty"},
	{__LINE__, "{disks: x}",
		"1:9: disks: expected a list of mappings, or a mapping of names to "
		"mappings, got a single value"},
	{__LINE__, "{disks: {a: x}}",
		"1:13: disks.a: expected a mapping, got a single value"},
	{__LINE__, "{disks: {a: {siz: 3}}}",
		"1:14: disks.a.siz: unknown key; did you mean 'size'?"},
	{__LINE__, "{disks: {a: {Size: 3}}}",
		"1:14: disks.a.Size: unknown key; did you mean 'size'?"},
	{__LINE__, "{disks: {a: {size: 10}}}",
		"1:20: disks.a.size: must be from 1 to 9"},
	{__LINE__, "{disks: {a!: {size: 1}}}", "1:10: disks.a!: must not shout"},
	{__LINE__, "{disks: [{Inner: {}}]}", "1:10: disks[0].Name: required"},
	{__LINE__, "{disks: [{Name: a, Inner: {Sure: 1}}]}",
		"1:34: disks[0].Inner.Sure: expected true or false"},
	{__LINE__, "{disks: [{Name: a, Inner: {Sure: ~}}]}",
		"1:34: disks[0].Inner.Sure: expected true or false, got null"},
};

START_TEST(problems_are_told_in_the_spelling_of_the_file)
{
	AUTO(diags) struct diags ds = {.name = NULL};
	AUTO(node) struct node *node = flow_yaml(wrong[_i].text);
	struct machine m = {.ready = 0};
	struct err err;

	ck_assert_int_eq(field_load(&machine_fields, node, &m, NULL, &ds), -1);
	diag_to_err(&ds, ERR_INVALID, &err);
	ck_assert_msg(strcmp(err.text, wrong[_i].error) == 0, "line %d: %s",
		wrong[_i].line, err.text);
	field_fini(&machine_fields, &m);
}
END_TEST

START_TEST(the_schema_has_both)
{
	AUTO(buf) struct buf out = {.data = NULL};
	json_t *doc, *any, *names;

	field_schema(&machine_fields, &out);
	doc = json_loads(buf_str(&out), JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(doc != NULL, "%s", buf_str(&out));
	any = json_object_get(json_object_get(json_object_get(doc, "properties"),
				      "disks"),
		"anyOf");
	ck_assert_uint_eq(json_array_size(any), 2);
	ck_assert_str_eq(json_string_value(
				 json_object_get(json_array_get(any, 0), "type")),
		"array");
	names = json_object_get(json_array_get(any, 1), "additionalProperties");
	ck_assert_uint_eq(json_array_size(json_object_get(names, "anyOf")), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(any, 1),
				 "minProperties")),
		1);
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "\"size\":{\"type\":\"integer\""));
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "\"default\":true"));
	json_decref(doc);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("field_keyed");
	TCase *tc = tcase_create("field_keyed");

	tcase_add_loop_test(tc, two_spellings_are_one, 0, COUNT_OF(pairs));
	tcase_add_test(tc, what_is_not_said_is_known);
	tcase_add_loop_test(tc, problems_are_told_in_the_spelling_of_the_file, 0,
		COUNT_OF(wrong));
	tcase_add_test(tc, the_schema_has_both);
	suite_add_tcase(suite, tc);
	return suite;
}
