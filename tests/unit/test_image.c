/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BUILDBOT.md A3 to A8, a table of listings each: which images count, what puts them in
 * order, and that the order in which EC2 shows them does not.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "core/image.h"
#include "ec2/query.h"
#include "sys/regex.h"

#include <stdio.h>
#include <string.h>

#define IMAGES_MAX 6

/* ami-N is the Nth of them. A location of "PENDING x" is that of an image not available. */
struct listing {
	int line;
	const char *regex; /* NULL: owners alone */
	const char *locations[IMAGES_MAX];
	const char *chosen; /* "3 L0 n2": the image, the level, how many considered */
};

static const char none[] = "";

static const struct listing listings[] = {
	/* A3: what is dropped. */
	{__LINE__, "x", {"x1", "PENDING x2", "x0"}, "1 L2 n2"},
	{__LINE__, "x", {"x1", none, "x0"}, "1 L2 n2"},
	{__LINE__, "x", {"x1", "y2", "zx3"}, "1 L2 n1"},
	{__LINE__, "x", {"y", "zx", "PENDING x", none}, "- L2 n0"},
	{__LINE__, "x", {NULL}, "- L2 n0"},
	/* Anchored at the start only. */
	{__LINE__, "o/ci-(\\d+)", {"o/ci-1-old", "my/o/ci-7"}, "1 L0 n1"},
	{__LINE__, "o/ci-(\\d+)$", {"o/ci-1-old", "o/ci-0"}, "2 L0 n1"},
	/* A4, A5: a group of integers sorts by value. */
	{__LINE__, "o/ci-(\\d+)", {"o/ci-9", "o/ci-10", "o/ci-2"}, "2 L0 n3"},
	{__LINE__, ".*-(\\d+)", {"o/ci-10", "o/b-9", "o/zz-8"}, "1 L0 n3"},
	{__LINE__, "o/ci-(.*)", {"o/ci--3", "o/ci--20"}, "1 L0 n2"},
	/* One that is none makes all of them text. */
	{__LINE__, "o/ci-(.*)", {"o/ci-9", "o/ci-10", "o/ci-2"}, "2 L0 n3"},
	{__LINE__, "o/ci-(.*)", {"o/ci-9", "o/ci-10", "o/ci-1b"}, "1 L1 n3"},
	{__LINE__, "o/ci-(.*)", {"o/ci-9", "o/ci-10", "o/ci-b"}, "3 L1 n3"},
	{__LINE__, "o/ci-(.*)", {"o/ci-b", "o/ci-10", "o/ci-9"}, "1 L1 n3"},
	{__LINE__, "o/ci-(.*)", {"o/ci-9", "o/ci-10", "o/ci-"}, "1 L1 n3"},
	/* What is dropped says nothing of the level. */
	{__LINE__, "o/ci-(.*)", {"o/ci-9", "o/ci-10", "PENDING o/ci-b"}, "2 L0 n2"},
	{__LINE__, "o/ci-([^b]*)$", {"o/ci-9", "o/ci-10", "o/ci-b"}, "2 L0 n2"},
	/* Without a group the location decides. */
	{__LINE__, "o/ci-\\d+", {"o/ci-9", "o/ci-10"}, "1 L2 n2"},
	{__LINE__, "(?:o|p)/", {"o/z", "p/a"}, "2 L2 n2"},
	/* Equal keys: the location, then the id. */
	{__LINE__, ".*-(\\d+)", {"o/b-1", "o/a-1"}, "1 L0 n2"},
	{__LINE__, ".*-(\\d+)", {"o/a-1", "o/a-1", "o/a-0"}, "2 L0 n3"},
	{__LINE__, ".*-(\\w+)", {"o/b-x", "o/a-x"}, "1 L1 n2"},
	{__LINE__, ".*-(\\w+)", {"o/a-x", "o/a-x"}, "2 L1 n2"},
	{__LINE__, "o", {"o/a", "o/a"}, "2 L2 n2"},
	/* Only the first group counts. */
	{__LINE__, "o/(\\d+)-(\\d+)", {"o/2-1", "o/1-9"}, "1 L0 n2"},
	{__LINE__, "o/(\\d+)-(\\w+)", {"o/2-a", "o/1-b"}, "1 L0 n2"},
	{__LINE__, "o/((\\d+)-\\d+)", {"o/2-1", "o/10-1"}, "1 L1 n2"},
	{__LINE__, "(?=o/(\\d+))o/(\\w+)", {"o/2x", "o/10y"}, "2 L0 n2"},
	/* By code point, beyond the first plane too, and a prefix comes first. */
	{__LINE__, "o/(.*)", {"o/\xef\xbc\xa1", "o/\xf0\x90\x80\x80"}, "2 L1 n2"},
	{__LINE__, "o/(.*)", {"o/Z", "o/a", "o/\xc3\xa9"}, "3 L1 n3"},
	{__LINE__, "o/(.*)", {"o/ab", "o/a", "o/aa"}, "1 L1 n3"},
	/* A6: what int() takes. Of equal integers the text decides. */
	{__LINE__, "o/(.*)", {"o/1", "o/01"}, "1 L0 n2"},
	{__LINE__, "o/(.*)", {"o/1_0", "o/9"}, "1 L0 n2"},
	{__LINE__, "o/(.*)", {"o/ 10 ", "o/9"}, "1 L0 n2"},
	{__LINE__, "o/(.*)", {"o/+10", "o/9", "o/-11"}, "1 L0 n3"},
	{__LINE__, "o/(.*)", {"o/\xd9\xa1\xd9\xa0", "o/9"}, "1 L0 n2"},
	{__LINE__, "o/(.*)",
		{"o/18446744073709551616", "o/18446744073709551617", "o/2"}, "2 L0 n3"},
	{__LINE__, "o/(.*)",
		{"o/99999999999999999999999999", "o/100000000000000000000000000"},
		"2 L0 n2"},
	{__LINE__, "o/(.*)", {"o/0", "o/-0"}, "1 L0 n2"},
	{__LINE__, "o/(.*)", {"o/0x2", "o/1"}, "2 L1 n2"},
	/* A7: a group that took no part is the empty text. */
	{__LINE__, "o/ci-(\\d+)?", {"o/ci-", "o/ci-7", "o/ci-10"}, "2 L1 n3"},
	{__LINE__, "o/ci-(?:(\\d+)|x)", {"o/ci-x"}, "1 L1 n1"},
	/* A8: owners alone: available, with a location, the last of these. */
	{__LINE__, NULL, {"o/a", "o/c", "o/b"}, "2 L2 n3"},
	{__LINE__, NULL, {"o/a", "PENDING o/c", "o/b", none}, "3 L2 n2"},
	{__LINE__, NULL, {"o/9", "o/10"}, "1 L2 n2"},
	{__LINE__, NULL, {"PENDING o/a"}, "- L2 n0"},
	{__LINE__, NULL, {NULL}, "- L2 n0"},
};

/* Images whose strings live in the caller's ids and in the table. */
static size_t
make_images(const struct listing *l, char ids[][8], struct ec2_image *images)
{
	static char available[] = "available", pending[] = "pending";
	size_t n;

	for (n = 0; n < IMAGES_MAX && l->locations[n] != NULL; n++) {
		const char *at = l->locations[n];
		bool is_pending = strncmp(at, "PENDING ", 8) == 0;

		(void)snprintf(ids[n], 8, "ami-%zu", n + 1);
		images[n] = (struct ec2_image){
			.id = ids[n],
			.location = at == none ? NULL
					       : xstrdup(at + (is_pending ? 8 : 0)),
			.state = is_pending ? pending : available,
		};
	}
	return n;
}

static void
free_images(struct ec2_image *images, size_t count)
{
	for (size_t n = 0; n < count; n++)
		free(images[n].location);
}

static char *
describe(const struct image_choice *c)
{
	return xasprintf("%s L%d n%zu", c->image == NULL ? "-" : c->image->id + 4,
		(int)c->level, c->considered);
}

/* Shows them beginning with the one at start, forwards or backwards. */
static char *
choose(const struct listing *l, size_t start, bool backwards)
{
	AUTO(regex)
	struct regex *re = l->regex == NULL ? NULL
					    : regex_compile(l->regex, NULL, NULL);
	AUTO(image_search) struct image_search *s = image_search_new(re, false);
	char ids[IMAGES_MAX][8];
	struct ec2_image images[IMAGES_MAX];
	size_t count = make_images(l, ids, images);
	struct image_choice choice;
	char *result;

	for (size_t i = 0; i < count; i++) {
		size_t at = (start + (backwards ? count - i : i)) % count;

		ck_assert_int_eq(image_search_look(s, &images[at], NULL), 0);
	}
	image_search_result(s, &choice);
	ck_assert_uint_eq(choice.seen, count);
	ck_assert_uint_eq(choice.considered + choice.unavailable + choice.unlocated +
			choice.unmatched,
		count);
	result = describe(&choice);
	free_images(images, count);
	return result;
}

START_TEST(test_choose)
{
	const struct listing *l = &listings[_i];

	for (size_t start = 0; start < IMAGES_MAX; start++)
		for (int backwards = 0; backwards < 2; backwards++) {
			AUTO(free) char *got = choose(l, start, backwards == 1);

			ck_assert_msg(strcmp(got, l->chosen) == 0,
				"line %d from %zu: %s", l->line, start, got);
		}
}
END_TEST

/* The choice of the first listing that has this regex and these locations, as a sentence. */
static void
look_at(struct image_search *s, const char *const locations[], struct ec2_image *images,
	char ids[][8], struct image_choice *ret)
{
	struct listing l = {.line = 0};
	size_t count;

	for (size_t n = 0; n < IMAGES_MAX; n++)
		l.locations[n] = locations[n];
	count = make_images(&l, ids, images);
	for (size_t n = 0; n < count; n++)
		ck_assert_int_eq(image_search_look(s, &images[n], NULL), 0);
	image_search_result(s, ret);
}

static const struct {
	int line;
	const char *regex;
	const char *locations[IMAGES_MAX];
	const char *text;
} sentences[] = {
	{__LINE__, "o/ci-(\\d+)", {"o/ci-9", "o/ci-10", "x", "PENDING o/ci-11"},
		"image ami-2 (o/ci-10): the last of 2 by number (level 0), of 4 looked at"},
	{__LINE__, "o/ci-(.+)", {"o/ci-9", "o/ci-x"},
		"image ami-2 (o/ci-x): the last of 2 by text (level 1), of 2 looked at"},
	{__LINE__, "o", {"o/b", "o/a"},
		"image ami-1 (o/b): the last of 2 by location (level 2), of 2 looked at"},
	{__LINE__, NULL, {"o/b"},
		"image ami-1 (o/b): the last of 1 by location (level 2), of 1 looked at"},
};

START_TEST(test_text)
{
	AUTO(regex)
	struct regex *re = sentences[_i].regex == NULL
		? NULL
		: regex_compile(sentences[_i].regex, NULL, NULL);
	AUTO(image_search) struct image_search *s = image_search_new(re, false);
	AUTO(buf) struct buf out = {0};
	struct ec2_image images[IMAGES_MAX];
	char ids[IMAGES_MAX][8];
	struct image_choice choice;

	look_at(s, sentences[_i].locations, images, ids, &choice);
	image_choice_text(&choice, &out);
	ck_assert_msg(strcmp(buf_str(&out), sentences[_i].text) == 0, "line %d: %s",
		sentences[_i].line, buf_str(&out));
	free_images(images, choice.seen);
}
END_TEST

/* V14: what was looked at, and which filter dropped how many. */
static const struct {
	int line;
	const char *regex;
	const char *locations[IMAGES_MAX];
	const char *owners[3];
	const char *text;
} nones[] = {
	{__LINE__, "x", {"y", "z", "PENDING x", none}, {"000000000012"},
		"no image fits: 4 looked at (1 not available, 1 without a location, 2 not "
		"matched by valid_ami_location_regex) of the owner 000000000012"},
	{__LINE__, "x", {"y"}, {NULL},
		"no image fits: 1 looked at (1 not matched by valid_ami_location_regex)"},
	{__LINE__, NULL, {"PENDING y", "PENDING z"}, {"111111111111", "222222222222"},
		"no image fits: 2 looked at (2 not available) of the owners 111111111111, "
		"222222222222"},
	{__LINE__, "x", {NULL}, {"111111111111"},
		"no image fits: EC2 shows none of the owner 111111111111"},
	{__LINE__, "x", {NULL}, {NULL}, "no image fits: EC2 shows none"},
};

START_TEST(test_none)
{
	AUTO(regex)
	struct regex *re = nones[_i].regex == NULL
		? NULL
		: regex_compile(nones[_i].regex, NULL, NULL);
	AUTO(image_search) struct image_search *s = image_search_new(re, false);
	struct strings owners = {.items = NULL};
	struct ec2_image images[IMAGES_MAX];
	char ids[IMAGES_MAX][8];
	struct image_choice choice;
	struct err err;

	for (size_t n = 0; nones[_i].owners[n] != NULL; n++)
		strings_add(&owners, nones[_i].owners[n]);
	look_at(s, nones[_i].locations, images, ids, &choice);
	ck_assert_ptr_null(choice.image);
	ck_assert_int_eq(image_choice_none(&choice, &owners, &err), -1);
	ck_assert_msg(strcmp(err.text, nones[_i].text) == 0, "line %d: %s",
		nones[_i].line, err.text);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_int_eq(err.reason, REASON_CONFIG);
	free_images(images, choice.seen);
	strings_fini(&owners);
}
END_TEST

/* Without a pattern the newest may be wanted; of one moment the location decides. */
static const struct {
	int line;
	const char *locations[IMAGES_MAX];
	int64_t created[IMAGES_MAX];
	const char *regex, *chosen;
} newest[] = {
	{__LINE__, {"o/c", "o/b", "o/a"}, {1, 3, 2}, NULL, "2 L3 n3"},
	{__LINE__, {"o/c", "o/b", "PENDING o/a"}, {1, 3, 9}, NULL, "2 L3 n2"},
	{__LINE__, {"o/9", "o/10"}, {5, 5}, NULL, "1 L3 n2"},
	{__LINE__, {"o/a", "o/a"}, {5, 5}, NULL, "2 L3 n2"},
	{__LINE__, {"o/a", "o/b"}, {0, -1}, NULL, "1 L3 n2"},
	{__LINE__, {"o/9", "p/10"}, {1, 2}, "o/(\\d+)", "1 L3 n1"},
	{__LINE__, {NULL}, {0}, NULL, "- L3 n0"},
};

START_TEST(test_newest)
{
	AUTO(regex)
	struct regex *re = newest[_i].regex == NULL
		? NULL
		: regex_compile(newest[_i].regex, NULL, NULL);
	AUTO(image_search) struct image_search *s = image_search_new(re, true);
	AUTO(buf) struct buf text = {0};
	AUTO(free) char *got = NULL;
	struct ec2_image images[IMAGES_MAX];
	char ids[IMAGES_MAX][8];
	struct listing l = {.line = newest[_i].line};
	struct image_choice choice;
	size_t count;

	memcpy(l.locations, newest[_i].locations, sizeof(l.locations));
	count = make_images(&l, ids, images);
	for (size_t n = 0; n < count; n++) {
		images[n].created = newest[_i].created[n];
		ck_assert_int_eq(image_search_look(s, &images[n], NULL), 0);
	}
	image_search_result(s, &choice);
	got = describe(&choice);
	ck_assert_msg(strcmp(got, newest[_i].chosen) == 0, "line %d: %s", l.line, got);
	if (choice.image != NULL) {
		image_choice_text(&choice, &text);
		ck_assert_ptr_nonnull(
			strstr(buf_str(&text), " by date of creation, of "));
	}
	free_images(images, count);
}
END_TEST

/* On this one the pattern below needs more steps than it may have. */
static char endless_id[] = "ami-5", available[] = "available",
	    endless_location[] =
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac";
static const struct ec2_image endless = {.id = endless_id,
	.location = endless_location,
	.state = available};
#define ENDLESS "(a|aa)+$|b"
#define PASSED_OVER                                                                    \
	" passed over: valid_ami_location_regex, on the image ami-5 "                  \
	"(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac): "

/* An image on which the limit is reached is passed over, and that is said. */
START_TEST(test_limit)
{
	AUTO(regex) struct regex *re = regex_compile(ENDLESS, NULL, NULL);
	AUTO(image_search) struct image_search *s = image_search_new(re, false);
	AUTO(buf) struct buf text = {0};
	static char id[] = "ami-6", location[] = "b";
	const struct ec2_image good = {.id = id,
		.location = location,
		.state = available};
	const struct strings nobody = {.items = NULL};
	struct image_choice choice;
	struct err err;

	ck_assert_int_eq(image_search_look(s, &endless, &err), 0);
	image_search_result(s, &choice);
	ck_assert_ptr_null(choice.image);
	ck_assert_int_eq(image_choice_none(&choice, &nobody, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_int_eq(err.reason, REASON_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text, "1 looked at (1" PASSED_OVER));
	ck_assert_ptr_nonnull(strstr(err.text, "match limit exceeded"));
	ck_assert_int_eq(image_search_look(s, &good, &err), 0);
	image_search_result(s, &choice);
	ck_assert_ptr_eq(choice.image, &good);
	image_choice_text(&choice, &text);
	ck_assert_ptr_nonnull(strstr(buf_str(&text), "of 2 looked at; 1" PASSED_OVER));
	image_search_free(NULL);
}
END_TEST

/* Too many of them: it is the pattern. */
START_TEST(test_limit_again_and_again)
{
	AUTO(regex) struct regex *re = regex_compile(ENDLESS, NULL, NULL);
	AUTO(image_search) struct image_search *s = image_search_new(re, false);
	struct err err;

	for (unsigned n = 0; n < IMAGE_UNTRIED_MAX; n++)
		ck_assert_int_eq(image_search_look(s, &endless, &err), 0);
	ck_assert_int_eq(image_search_look(s, &endless, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_int_eq(err.reason, REASON_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.text,
		"for more than 10 images: valid_ami_location_regex, on the image ami-5"));
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("image");
	TCase *tc = tcase_create("image");

	tcase_add_loop_test(tc, test_choose, 0, (int)COUNT_OF(listings));
	tcase_add_loop_test(tc, test_text, 0, (int)COUNT_OF(sentences));
	tcase_add_loop_test(tc, test_newest, 0, (int)COUNT_OF(newest));
	tcase_add_loop_test(tc, test_none, 0, (int)COUNT_OF(nones));
	tcase_add_test(tc, test_limit);
	tcase_add_test(tc, test_limit_again_and_again);
	suite_add_tcase(suite, tc);
	return suite;
}
