/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "scratch.h"
#include "sys/boot.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID "0f7a1c52-6f0e-4f5b-9f0c-0a1b2c3d4e5f"
#define OTHER "11111111-2222-4333-8444-555555555555"

static void
put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void
setup(void)
{
	scratch_setup();
	unsetenv("RUNTIME_DIRECTORY");
}

static void
use_directory(const char *more)
{
	AUTO(free) char *value = xasprintf("%s%s", scratch_path(), more);

	setenv("RUNTIME_DIRECTORY", value, 1);
}

/* A name of our own is a UUID. */
static void
check_uuid(const char *name)
{
	ck_assert_uint_eq(strlen(name), BOOT_NAME_SIZE - 1);
	ck_assert_uint_eq(strspn(name, "0123456789abcdef-"), BOOT_NAME_SIZE - 1);
}

START_TEST(test_kernel)
{
	char first[BOOT_NAME_SIZE], second[BOOT_NAME_SIZE];

	boot_name(NULL, first);
	boot_name(NULL, second);
	check_uuid(first);
	if (access("/proc/sys/kernel/random/boot_id", R_OK) == 0)
		ck_assert_str_eq(first, second);
}
END_TEST

START_TEST(test_kernel_goes_first)
{
	char name[BOOT_NAME_SIZE];

	use_directory("");
	put("kernel", ID "\n");
	put("boot", OTHER);
	boot_name("kernel", name);
	ck_assert_str_eq(name, ID);
}
END_TEST

START_TEST(test_own_is_kept)
{
	char first[BOOT_NAME_SIZE], second[BOOT_NAME_SIZE], third[BOOT_NAME_SIZE];
	struct stat st;

	use_directory("");
	boot_name("absent", first);
	boot_name("absent", second);
	check_uuid(first);
	ck_assert_str_eq(first, second);
	ck_assert_int_eq(stat("boot", &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_uint_eq(scratch_count(), 1);

	/* The directory is empty after a boot. */
	ck_assert_int_eq(unlink("boot"), 0);
	boot_name("absent", third);
	ck_assert_str_ne(first, third);
}
END_TEST

START_TEST(test_first_of_several_directories)
{
	char name[BOOT_NAME_SIZE];

	use_directory(":/nowhere");
	put("boot", OTHER);
	boot_name("absent", name);
	ck_assert_str_eq(name, OTHER);
}
END_TEST

/* What cannot be a name is replaced by one. */
static const struct {
	const char *text;
	int line;
} spoilt[] = {
	{"", __LINE__},
	{"short", __LINE__},
	{OTHER "\n", __LINE__},
	{OTHER OTHER, __LINE__},
};

START_TEST(test_spoilt)
{
	char first[BOOT_NAME_SIZE], second[BOOT_NAME_SIZE];

	use_directory("");
	put("boot", spoilt[_i].text);
	boot_name("absent", first);
	check_uuid(first);
	ck_assert_msg(strncmp(first, OTHER, 36) != 0, "line %d", spoilt[_i].line);
	boot_name("absent", second);
	ck_assert_str_eq(first, second);
}
END_TEST

/* Nowhere to keep it: each call is a boot of its own, and nothing else happens. */
static const char *const nowhere[] = {NULL, "", "relative", "/proc/self"};

START_TEST(test_nowhere)
{
	char first[BOOT_NAME_SIZE], second[BOOT_NAME_SIZE];

	if (nowhere[_i] != NULL)
		setenv("RUNTIME_DIRECTORY", nowhere[_i], 1);
	boot_name("absent", first);
	boot_name("absent", second);
	check_uuid(first);
	check_uuid(second);
	ck_assert_str_ne(first, second);
	ck_assert_uint_eq(scratch_count(), 0);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("boot");
	TCase *tc = tcase_create("boot");

	tcase_add_checked_fixture(tc, setup, scratch_teardown);
	tcase_add_test(tc, test_kernel);
	tcase_add_test(tc, test_kernel_goes_first);
	tcase_add_test(tc, test_own_is_kept);
	tcase_add_test(tc, test_first_of_several_directories);
	tcase_add_loop_test(tc, test_spoilt, 0, COUNT_OF(spoilt));
	tcase_add_loop_test(tc, test_nowhere, 0, COUNT_OF(nowhere));
	suite_add_tcase(suite, tc);
	return suite;
}
