/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BUILDBOT.md V6 to V8 and the warning of A1: one way to an image, owners as EC2 writes
 * them, a pattern whose fault is shown where it is, compiled once for a row.
 */
#include "conf_util.h"
#include "unit.h"

#include "base/buf.h"
#include "base/field.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "sys/regex.h"

#include <string.h>

#define WORKER                                                                         \
	CONF_TOP "    { password: p, instance_type: m5.large, keypair_name: k, "       \
		 "security_name: g,\n"
#define WAYS                                                                           \
	"an image's id, or what to choose it by: valid_ami_owners, "                   \
	"valid_ami_location_regex, ami_name, ami_filters"

static const struct {
	int line;
	const char *text, *printed;
} refused[] = {
	/* V6: none of the ways, or both. */
	{__LINE__, WORKER "    }\n",
		"t.yaml:4:5: error: workers.bot1.ami: required; " WAYS "\n"
		"        { password: ********\n"
		"        ^\n"},
	{__LINE__, WORKER "    ami: ami-1,\n    valid_ami_owners: 1 }\n",
		"t.yaml:5:5: error: workers.bot1.ami: not together with valid_ami_owners "
		"(line 6)\n"
		"        ami: ami-1,\n"
		"        ^\n"},
	{__LINE__, WORKER "    ami: ami-1,\n    valid_ami_location_regex: a }\n",
		"t.yaml:5:5: error: workers.bot1.ami: not together with "
		"valid_ami_location_regex (line 6)\n"
		"        ami: ami-1,\n"
		"        ^\n"},
	{__LINE__,
		WORKER "    ami: ami-1,\n    valid_ami_location_regex: a,\n"
		       "    valid_ami_owners: 1 }\n",
		"t.yaml:5:5: error: workers.bot1.ami: not together with valid_ami_owners "
		"(line 7)\n"
		"        ami: ami-1,\n"
		"        ^\n"},
	{__LINE__, WORKER "    ami: ami-1,\n    ami_name: a }\n",
		"t.yaml:5:5: error: workers.bot1.ami: not together with ami_name (line 6)\n"
		"        ami: ami-1,\n"
		"        ^\n"},
	{__LINE__, WORKER "    ami: ami-1,\n    ami_filters: { a: b } }\n",
		"t.yaml:5:5: error: workers.bot1.ami: not together with ami_filters "
		"(line 6)\n"
		"        ami: ami-1,\n"
		"        ^\n"},
	{__LINE__, WORKER "    valid_ami_owners: 1,\n    ami_filters: { '': b } }\n",
		"t.yaml:6:20: error: workers.bot1.ami_filters.: a filter needs a name\n"
		"        ami_filters: { '': b } }\n"
		"                       ^\n"},
	/* What is wrong is given nevertheless. */
	{__LINE__, WORKER "    ami: '' }\n",
		"t.yaml:5:10: error: workers.bot1.ami: expected an image id, such as "
		"ami-0abcdef1234567890, or resolve:ssm: and a "
		"parameter's name\n"
		"        ami: '' }\n"
		"             ^\n"},
	{__LINE__, WORKER "    valid_ami_owners: [] }\n",
		"t.yaml:5:23: error: workers.bot1.valid_ami_owners: must not be empty\n"
		"        valid_ami_owners: [] }\n"
		"                          ^\n"},
	/* V7: the element. */
	{__LINE__, WORKER "    valid_ami_owners: [1, self, yes, 0x10, 1_0, 1.0] }\n",
		"t.yaml:5:27: error: workers.bot1.valid_ami_owners[1]: expected an account "
		"id of at most 12 digits, such as 123456789012\n"
		"        valid_ami_owners: [1, self, yes, 0x10, 1_0, 1.0] }\n"
		"                              ^\n"
		"t.yaml:5:33: error: workers.bot1.valid_ami_owners[2]: expected an account "
		"id of at most 12 digits, such as 123456789012\n"
		"        valid_ami_owners: [1, self, yes, 0x10, 1_0, 1.0] }\n"
		"                                    ^\n"
		"t.yaml:5:38: error: workers.bot1.valid_ami_owners[3]: expected an account "
		"id of at most 12 digits, such as 123456789012\n"
		"        valid_ami_owners: [1, self, yes, 0x10, 1_0, 1.0] }\n"
		"                                         ^\n"
		"t.yaml:5:44: error: workers.bot1.valid_ami_owners[4]: expected an account "
		"id of at most 12 digits, such as 123456789012\n"
		"        valid_ami_owners: [1, self, yes, 0x10, 1_0, 1.0] }\n"
		"                                               ^\n"
		"t.yaml:5:49: error: workers.bot1.valid_ami_owners[5]: expected an account "
		"id of at most 12 digits, such as 123456789012\n"
		"        valid_ami_owners: [1, self, yes, 0x10, 1_0, 1.0] }\n"
		"                                                    ^\n"},
};

START_TEST(test_refused)
{
	conf_refused(refused[_i].line, refused[_i].text, refused[_i].printed);
}
END_TEST

/* V8: how a pattern is written, and below it where the caret stands. */
static const struct {
	int line;
	const char *value, *caret, *why;
} faults[] = {
	{__LINE__, "a(b", "   ^", "3 bytes of it: missing closing parenthesis"},
	{__LINE__, "ab)c", "  ^", "2 bytes of it: unmatched closing parenthesis"},
	{__LINE__, "\xc3\xa4\xc3\xb6)c", "  ^", "4 bytes of it: unmatched"},
	{__LINE__, "'ab)c'", "   ^", "2 bytes of it: unmatched"},
	{__LINE__, "'a''b)c'", "     ^", "3 bytes of it: unmatched"},
	{__LINE__, "\"a\\\\d)c\"", "     ^", "3 bytes of it: unmatched"},
	{__LINE__, "\"a\\\")c\"", "    ^", "2 bytes of it: unmatched"},
	{__LINE__, "'a(b'", "    ^", "3 bytes of it: missing"},
	/* What the file spells in another way is shown at its beginning. */
	{__LINE__, "\"\\x41)c\"", "^", "1 bytes of it: unmatched"},
	{__LINE__, "'a\n      )c'", "^", "2 bytes of it: unmatched"},
	{__LINE__, "|\n      ab)c", "^", "2 bytes of it: unmatched"},
	{__LINE__, "a\\u00e4", "   ^", "3 bytes of it: PCRE2 does not support"},
};

START_TEST(test_fault)
{
	AUTO(free)
	char *text = xasprintf(CONF_TOP "    password: p\n    instance_type: m5.large\n"
					"    keypair_name: k\n    security_name: g\n"
					"    valid_ami_owners: 1\n"
					"    valid_ami_location_regex: %s\n",
		faults[_i].value);
	AUTO(free) char *told = conf_told(text, NULL, NULL);
	/* Behind the name of the key, and the blanks that stand before each quoted line. */
	AUTO(free) char *caret = xasprintf("\n%*s%s\n", 8 + 26, "", faults[_i].caret);
	const char *head = "t.yaml:9:";

	ck_assert_msg(strncmp(told, head, strlen(head)) == 0 &&
			strstr(told, faults[_i].why) != NULL &&
			strstr(told, caret) != NULL,
		"line %d: %s", faults[_i].line, told);
}
END_TEST

/* A1: a regex alone is taken, with a warning; in the defaults with one for all. */
static const struct {
	int line;
	const char *text, *printed;
} warned[] = {
	{__LINE__, WORKER "    valid_ami_location_regex: a }\n",
		"t.yaml:5:5: warning: workers.bot1.valid_ami_location_regex: anyone can "
		"publish a matching image; add valid_ami_owners\n"
		"        valid_ami_location_regex: a }\n"
		"        ^\n"},
	{__LINE__,
		"worker_defaults: { valid_ami_location_regex: a, instance_type: m5.large, "
		"keypair_name: k, security_name: g, password: generated, "
		"user_data: '{{ password }}' }\n"
		"pool: p\nworkers: { a: , b: }\n",
		"t.yaml:1:20: warning: workers.a.valid_ami_location_regex: anyone can "
		"publish a matching image; add valid_ami_owners\n"},
	{__LINE__, WORKER "    ami_name: a }\n",
		"t.yaml:5:5: warning: workers.bot1.ami_name: anyone can publish a matching "
		"image; add valid_ami_owners\n"},
	{__LINE__, WORKER "    ami_filters: { architecture: arm64 } }\n",
		"t.yaml:5:5: warning: workers.bot1.ami_filters: anyone can publish a "
		"matching image; add valid_ami_owners\n"},
	{__LINE__, WORKER "    ami_filters: { architecture: arm64, 'tag:a': b } }\n",
		""},
	{__LINE__, WORKER "    ami_filters: { owner-alias: amazon }, ami_name: a }\n",
		""},
	{__LINE__,
		WORKER "    valid_ami_owners: 1, ami_name: a, ami_filters: { b: c },\n"
		       "    valid_ami_location_regex: d }\n",
		""},
	{__LINE__, WORKER "    valid_ami_owners: 1, valid_ami_location_regex: a }\n",
		""},
	{__LINE__, WORKER "    valid_ami_owners: 1 }\n", ""},
};

START_TEST(test_warned)
{
	struct conf *conf;
	AUTO(free) char *told = conf_told(warned[_i].text, NULL, &conf);
	size_t len = strlen(warned[_i].printed);
	const char *first;

	ck_assert_msg(conf != NULL, "line %d: %s", warned[_i].line, told);
	first = strstr(told, "warning");
	ck_assert_msg(strncmp(told, warned[_i].printed, len) == 0 &&
			(len > 0 || told[0] == '\0') &&
			(first == NULL || strstr(first + 1, "warning") == NULL),
		"line %d: %s", warned[_i].line, told);
	conf_free(conf);
}
END_TEST

/* As it is sent to EC2, whether it was a number or a string. */
static const struct {
	int line;
	const char *written, *kept;
} owners[] = {
	{__LINE__, "123456789012", "123456789012"},
	{__LINE__, "012345678901", "012345678901"},
	{__LINE__, "12", "000000000012"},
	{__LINE__, "\"12\"", "000000000012"},
	{__LINE__, "0000012", "000000000012"},
	{__LINE__, "[3, '2', 0001]", "000000000003 000000000002 000000000001"},
	{__LINE__, "[\"099720109477\"]", "099720109477"},
};

static char *
join(const struct strings *list)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < list->count; i++) {
		AUTO(free) char *before = text;

		text = xasprintf("%s%s%s", before, i > 0 ? " " : "", list->items[i]);
	}
	return text;
}

START_TEST(test_owners)
{
	AUTO(free)
	char *text = xasprintf(WORKER "    valid_ami_owners: %s }\n",
		owners[_i].written);
	struct conf *conf = conf_good(text);
	AUTO(free) char *kept = join(&conf->workers[0]->valid_ami_owners);

	ck_assert_msg(strcmp(kept, owners[_i].kept) == 0, "line %d: %s",
		owners[_i].line, kept);
	ck_assert_ptr_null(conf->workers[0]->ami);
	ck_assert_ptr_null(conf->workers[0]->ami_location);
	conf_free(conf);
}
END_TEST

START_TEST(test_shared)
{
	struct conf *conf = conf_good(
		"pool: p\nworkers: { \"w-[1-3]\": { password: p, "
		"instance_type: m5.large, keypair_name: k, security_name: g, "
		"valid_ami_owners: 12, valid_ami_location_regex: 'ci-(\\d+)' } }\n");
	struct conf_worker *last = conf_worker_ref(conf->workers[2]);

	ck_assert_ptr_nonnull(last->ami_location);
	ck_assert_ptr_eq(last->ami_location, conf->workers[0]->ami_location);
	ck_assert_str_eq(last->valid_ami_owners.items[0], "000000000012");
	/* It outlives the configuration with the worker. */
	conf_free(conf);
	ck_assert_str_eq(regex_pattern(last->ami_location), "ci-(\\d+)");
	conf_worker_unref(last);
}
END_TEST

START_TEST(test_too_many_filters)
{
	AUTO(buf) struct buf text = {0};
	AUTO(free) char *told = NULL;
	struct conf *conf;

	buf_puts(&text, WORKER "    valid_ami_owners: 1, ami_filters: {\n");
	for (int n = 0; n < 51; n++)
		buf_printf(&text, "    f%d: x,\n", n);
	buf_puts(&text, "    } }\n");
	told = conf_told(buf_str(&text), NULL, &conf);
	ck_assert_ptr_null(conf);
	ck_assert_ptr_nonnull(strstr(told, "ami_filters: 51 filters; at most 50\n"));
}
END_TEST

/* The row's own way to an image displaces that of the defaults, whichever it is. */
START_TEST(test_own_way)
{
	static const struct {
		int line;
		const char *defaults, *own;
		const char *ami; /* NULL: it is chosen by owners */
	} rows[] = {
		{__LINE__, "valid_ami_owners: 1, ami_name: x", "ami: ami-1", "ami-1"},
		{__LINE__, "ami: ami-1", "valid_ami_owners: 1", NULL},
		{__LINE__, "ami: ami-1", "ami: ami-2", "ami-2"},
		{__LINE__, "valid_ami_owners: 1", "ami_name: x", NULL},
		{__LINE__, "ami: ami-1, region: eu-west-1", "missing_timeout: 1",
			"ami-1"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(free)
		char *text = xasprintf("worker_defaults: { %s }\n" WORKER "    %s }\n",
			rows[i].defaults, rows[i].own);
		struct conf *conf;
		AUTO(free) char *told = conf_told(text, NULL, &conf);
		const struct conf_worker *w;

		ck_assert_msg(conf != NULL && told[0] == '\0', "line %d: %s",
			rows[i].line, told);
		w = conf->workers[0];
		ck_assert_msg(str_equal(w->ami, rows[i].ami), "line %d", rows[i].line);
		ck_assert_uint_eq(w->valid_ami_owners.count, rows[i].ami == NULL);
		ck_assert(rows[i].ami == NULL || w->ami_name == NULL);
		conf_free(conf);
	}
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("conf_image");
	TCase *tc = tcase_create("conf_image");

	tcase_add_loop_test(tc, test_refused, 0, (int)COUNT_OF(refused));
	tcase_add_loop_test(tc, test_fault, 0, (int)COUNT_OF(faults));
	tcase_add_loop_test(tc, test_warned, 0, (int)COUNT_OF(warned));
	tcase_add_loop_test(tc, test_owners, 0, (int)COUNT_OF(owners));
	tcase_add_test(tc, test_too_many_filters);
	tcase_add_test(tc, test_shared);
	tcase_add_test(tc, test_own_way);
	suite_add_tcase(suite, tc);
	return suite;
}
