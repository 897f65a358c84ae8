/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "unit.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>

START_TEST(test_sizes_of_nothing)
{
	void *p[] = {xmalloc(0), xcalloc(0, 8), xcalloc(8, 0), xrealloc(NULL, 0),
		xreallocarray(NULL, 0, 8)};

	for (size_t i = 0; i < COUNT_OF(p); i++) {
		ck_assert_ptr_nonnull(p[i]);
		free(p[i]);
	}
}
END_TEST

START_TEST(test_calloc_zeroes)
{
	unsigned char *p = xcalloc(7, 9);

	for (size_t i = 0; i < 63; i++)
		ck_assert_uint_eq(p[i], 0);
	free(p);
}
END_TEST

START_TEST(test_realloc_keeps)
{
	int *p = xreallocarray(NULL, 4, sizeof(*p));

	for (int i = 0; i < 4; i++)
		p[i] = i;
	p = xreallocarray(p, 400, sizeof(*p));
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(p[i], i);
	free(p);
}
END_TEST

/* AddressSanitizer, if it is there, asks this; then it fails as malloc does. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* These two end by SIGABRT, as the suite expects. The sizes are hidden from compilers. */
START_TEST(test_out_of_memory_aborts)
{
	volatile size_t huge = SIZE_MAX / 2 - 64;

	free(xmalloc(huge));
}
END_TEST

START_TEST(test_overflow_aborts)
{
	volatile size_t count = SIZE_MAX / 4 + 2;

	free(xreallocarray(NULL, count, 4));
}
END_TEST

START_TEST(test_strings)
{
	char *a = xstrdup("ab"), *b = xstrndup("abcd", 2), *c = xstrndup("a", 99);
	char *d = xasprintf("%s-%d", "x", 12), *e = xstrndup("", 0);

	ck_assert_str_eq(a, "ab");
	ck_assert_str_eq(b, "ab");
	ck_assert_str_eq(c, "a");
	ck_assert_str_eq(d, "x-12");
	ck_assert_str_eq(e, "");
	ck_assert_ptr_null(xstrdup_opt(NULL));
	free(a);
	free(b);
	free(c);
	free(d);
	free(e);
	a = xstrdup_opt("z");
	ck_assert_str_eq(a, "z");
	free(a);
}
END_TEST

START_TEST(test_str_equal)
{
	char other[] = "a";

	ck_assert(str_equal(NULL, NULL));
	ck_assert(str_equal("a", other));
	ck_assert(!str_equal("a", "b"));
	ck_assert(!str_equal("a", NULL));
	ck_assert(!str_equal(NULL, ""));
}
END_TEST

struct outer {
	int before;
	long inner;
};

START_TEST(test_macros)
{
	struct outer o = {.before = 3};
	struct outer *p = CONTAINER_OF(&o.inner, struct outer, inner);
	int many[5];

	ck_assert_ptr_eq(p, &o);
	ck_assert_uint_eq(COUNT_OF(many), 5);
	p = NEW(struct outer);
	ck_assert_int_eq(p->before, 0);
	ck_assert_int_eq(p->inner, 0);
	free(p);
}
END_TEST

static int freed;

static void
count_free(int *p)
{
	freed += p != NULL ? *p : 100;
}

AUTO_DEFINE(count, int *, count_free)

START_TEST(test_cleanup)
{
	int three = 3;
	char *kept = NULL;

	{
		AUTO(count) int *p = &three;
		AUTO(free) char *gone = xstrdup("x");
		AUTO(free) char *taken = xstrdup("y");

		ck_assert_int_eq(*p, 3);
		ck_assert_str_eq(gone, "x");
		kept = TAKE(taken);
		ck_assert_ptr_null(taken);
	}
	ck_assert_int_eq(freed, 3);
	ck_assert_str_eq(kept, "y");
	free(kept);
}
END_TEST

START_TEST(test_secrets)
{
	struct secret a = {.text = NULL}, b = {.text = NULL};

	secret_fini(&a); /* nothing yet */
	secret_set(&a, "one");
	ck_assert_str_eq(a.text, "one");
	secret_set(&a, a.text); /* its own text */
	ck_assert_str_eq(a.text, "one");
	secret_set(&b, "two");
	secret_move(&b, &a);
	ck_assert_str_eq(b.text, "one");
	ck_assert_ptr_null(a.text);
	secret_move(&b, &b);
	ck_assert_str_eq(b.text, "one");
	secret_set(&b, NULL);
	ck_assert_ptr_null(b.text);
	secret_fini(&b);
	str_wipe_free(NULL);
	str_wipe_free(xstrdup("gone"));
}
END_TEST

START_TEST(test_wipe)
{
	char text[] = "sekrit";

	mem_wipe(text + 1, 3);
	ck_assert_mem_eq(text, "s\0\0\0it", sizeof(text));
	mem_wipe(NULL, 0);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("mem");
	TCase *tc = tcase_create("mem");

	tcase_add_test(tc, test_sizes_of_nothing);
	tcase_add_test(tc, test_calloc_zeroes);
	tcase_add_test(tc, test_realloc_keeps);
	tcase_add_test_raise_signal(tc, test_out_of_memory_aborts, SIGABRT);
	tcase_add_test_raise_signal(tc, test_overflow_aborts, SIGABRT);
	tcase_add_test(tc, test_strings);
	tcase_add_test(tc, test_str_equal);
	tcase_add_test(tc, test_macros);
	tcase_add_test(tc, test_cleanup);
	tcase_add_test(tc, test_secrets);
	tcase_add_test(tc, test_wipe);
	suite_add_tcase(suite, tc);
	return suite;
}
