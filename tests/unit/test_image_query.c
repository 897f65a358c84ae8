/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What DescribeImages is asked for owners, ids, a name and filters; all pages of it.
 */
#include "unit.h"

#include "base/mem.h"
#include "base/strings.h"
#include "ec2/lookup.h"
#include "ec2/verdict.h"
#include "ec2_rig.h"
#include "ec2_service.h"

#include <string.h>

#define IMAGES(items, rest)                                                            \
	"<DescribeImagesResponse><imagesSet>" items "</imagesSet>" rest                \
	"</DescribeImagesResponse>"
#define IMAGE(id) "<item><imageId>" id "</imageId></item>"
#define HEAD "Action=DescribeImages&Version=2016-11-15"

static void
on_images(void *arg, const struct ec2_answer *answer, struct ec2_images *list)
{
	struct result *r = arg;

	r->answer = *answer;
	r->count++;
	free(r->ids);
	r->ids = xasprintf("%zu", list->count);
}

static const struct {
	int line;
	const char *owners[3], *ids[3];
	const char *name;
	const char *filters[4]; /* names and values */
	const char *body;
} queries[] = {
	{__LINE__, {NULL}, {NULL}, NULL, {NULL}, HEAD "&MaxResults=1000"},
	{__LINE__, {"000000000012", "000000000034"}, {NULL}, NULL, {NULL},
		HEAD "&Owner.1=000000000012&Owner.2=000000000034&MaxResults=1000"},
	{__LINE__, {NULL}, {"ami-12345678"}, NULL, {NULL},
		HEAD "&ImageId.1=ami-12345678"},
	{__LINE__, {"000000000012"}, {NULL}, "ci-*/x", {NULL},
		HEAD "&Owner.1=000000000012&Filter.1.Name=name"
		     "&Filter.1.Value.1=ci-%2A%2Fx&MaxResults=1000"},
	{__LINE__, {NULL}, {NULL}, NULL, {"tag:a b", "c&d"},
		HEAD "&Filter.1.Name=tag%3Aa+b&Filter.1.Value.1=c%26d&MaxResults=1000"},
	{__LINE__, {NULL}, {NULL}, "n", {"architecture", "arm64", "state", "available"},
		HEAD "&Filter.1.Name=name&Filter.1.Value.1=n"
		     "&Filter.2.Name=architecture&Filter.2.Value.1=arm64"
		     "&Filter.3.Name=state&Filter.3.Value.1=available&MaxResults=1000"},
};

static void
add_all(struct strings *list, const char *const *from)
{
	for (; *from != NULL; from++)
		strings_add(list, *from);
}

START_TEST(test_body)
{
	struct strings owners = {.items = NULL}, ids = {.items = NULL};
	struct strmap filters = {.keys = NULL};
	const struct ec2_image_query q = {&owners, &ids, queries[_i].name, &filters};
	struct result r = {0};

	add_all(&owners, queries[_i].owners);
	add_all(&ids, queries[_i].ids);
	for (size_t n = 0; n < 4 && queries[_i].filters[n] != NULL; n += 2)
		strmap_put(&filters, queries[_i].filters[n],
			queries[_i].filters[n + 1]);
	SCRIPT(SAYS(200, IMAGES(IMAGE("ami-12345678"), NEXT("t/1"))),
		SAYS(200, IMAGES(IMAGE("ami-12345679"), "")));
	(void)ec2_list_images(rig.client, &q, on_images, &r);
	result_wait(&r);
	ck_assert_int_eq(r.answer.verdict, VERDICT_DONE);
	ck_assert_str_eq(r.ids, "2");
	ck_assert_msg(strcmp(rig.service->seen[0].body, queries[_i].body) == 0,
		"line %d: %s", queries[_i].line, rig.service->seen[0].body);
	ck_assert(service_has(rig.service, 1, "NextToken=t%2F1"));
	ck_assert_ptr_null(rig.service->seen[0].target);
	result_fini(&r);
	strings_fini(&owners);
	strings_fini(&ids);
	strmap_fini(&filters);
}
END_TEST

/* A name that says nothing asks nothing; half of the pages are none. */
START_TEST(test_half)
{
	const struct ec2_image_query everything = {.owners = NULL};
	struct result r = {0};

	SCRIPT(SAYS(200, IMAGES(IMAGE("ami-12345678"), NEXT("t"))),
		SAYS(503, ERROR("Unavailable")));
	(void)ec2_list_images(rig.client, &everything, on_images, &r);
	result_wait(&r);
	ck_assert_int_eq(r.answer.verdict, VERDICT_REPEAT);
	ck_assert_str_eq(r.ids, "0");
	ck_assert_str_eq(rig.service->seen[0].body, HEAD "&MaxResults=1000");
	result_fini(&r);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("image_query");
	TCase *tc = tcase_create("image_query");

	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_add_loop_test(tc, test_body, 0, (int)COUNT_OF(queries));
	tcase_add_test(tc, test_half);
	suite_add_tcase(suite, tc);
	return suite;
}
