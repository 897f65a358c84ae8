/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "rpc/access.h"
#include "sys/sock.h"
#include "unit.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define SELF 4711u

/* Users and groups that every Debian and Fedora has: daemon 1 or 2, bin 1 or 2. */
static char daemon_user[] = "daemon", daemon_group[] = "@daemon";
static char bin_user[] = "bin", bin_group[] = "@bin", root_group[] = "@root";
static char *operate[] = {daemon_user, daemon_group};
static char *observe[] = {bin_user, daemon_user, bin_group};
static char *admin[] = {root_group};

static struct conf_access lists = {
	.admin = {.items = admin, .count = COUNT_OF(admin)},
	.operate = {.items = operate, .count = COUNT_OF(operate)},
	.observe = {.items = observe, .count = COUNT_OF(observe)},
};

static gid_t groups_bin[] = {1234, 0xB1B1, 99}; /* the second becomes bin's */

static uid_t
uid_of(const char *name)
{
	const struct passwd *user = getpwnam(name);

	ck_assert_msg(user != NULL, "no user %s", name);
	return user->pw_uid;
}

static gid_t
gid_of(const char *name)
{
	const struct group *group = getgrnam(name);

	ck_assert_msg(group != NULL, "no group %s", name);
	return group->gr_gid;
}

START_TEST(test_roles)
{
	struct access *a = access_new(&lists, SELF);
	const struct {
		struct sock_peer peer;
		enum rpc_role role;
		int line;
	} cases[] = {
		{{.uid = 0, .gid = 7777}, RPC_ADMIN, __LINE__},
		{{.uid = SELF, .gid = 7777}, RPC_ADMIN, __LINE__},
		{{.uid = uid_of("daemon"), .gid = 7777}, RPC_OPERATE, __LINE__},
		{{.uid = uid_of("bin"), .gid = 7777}, RPC_OBSERVE, __LINE__},
		{{.uid = 5000, .gid = gid_of("daemon")}, RPC_OPERATE, __LINE__},
		{{.uid = 5000, .gid = gid_of("bin")}, RPC_OBSERVE, __LINE__},
		{{.uid = 5000, .gid = 7777, .groups = groups_bin, .group_count = 3},
			RPC_OBSERVE, __LINE__},
		{{.uid = 5000, .gid = 7777, .groups = groups_bin, .group_count = 1},
			RPC_NOBODY, __LINE__},
		{{.uid = uid_of("bin"), .gid = gid_of("root")}, RPC_ADMIN, __LINE__},
		{{.uid = 5000, .gid = 7777}, RPC_NOBODY, __LINE__},
		{{.uid = 65534, .gid = 65534}, RPC_NOBODY, __LINE__},
	};

	access_set_partial(a, false);
	groups_bin[1] = gid_of("bin");
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ck_assert_msg(access_role(a, &cases[i].peer) == cases[i].role,
			"line %d: %s", cases[i].line,
			rpc_role_name(access_role(a, &cases[i].peer)));
	access_free(a);
}
END_TEST

START_TEST(test_nobody_by_default)
{
	const struct conf_access empty = {.admin = {.items = NULL}};
	struct access *a = access_new(&empty, SELF);
	struct sock_peer peer = {.uid = 1000, .gid = 0};

	ck_assert_int_eq(access_role(a, &peer), RPC_NOBODY);
	access_free(a);
	access_free(NULL);
}
END_TEST

/* Only the overflow uid is refused, whatever its groups; others keep their roles. */
START_TEST(test_partial_namespace)
{
	struct access *a = access_new(&lists, 65534);
	struct sock_peer overflow = {.uid = 65534, .gid = gid_of("daemon")};
	struct sock_peer other = {.uid = uid_of("daemon"), .gid = 7777};

	access_set_partial(a, true);
	ck_assert_int_eq(access_role(a, &overflow), RPC_NOBODY);
	ck_assert_int_eq(access_role(a, &other), RPC_OPERATE);
	access_set_partial(a, false);
	ck_assert_int_eq(access_role(a, &overflow), RPC_ADMIN);
	access_free(a);
}
END_TEST

static const struct {
	const char *map;
	bool partial;
} maps[] = {
	{"         0          0 4294967295\n", false},
	{"0 0 4294967295", false},
	{"         0       1000          1\n", true},
	{"         0     100000      65536\n", true},
	{"      1000          0 4294967295\n", true},
	{"", true},
	{"what\n", true},
};

START_TEST(test_map)
{
	ck_assert_int_eq(access_map_is_partial(maps[_i].map), maps[_i].partial);
}
END_TEST

/* Each unknown name is one warning, and the rest of its list counts. */
START_TEST(test_unknown_names)
{
	char no_user[] = "no-such-user", no_group[] = "@no-such-group", at[] = "@";
	char *names[] = {no_user, no_group, daemon_user, at};
	const struct conf_access conf = {
		.operate = {.items = names, .count = COUNT_OF(names)}};
	struct sock_peer peer = {.uid = uid_of("daemon"), .gid = 7777};
	char text[1024] = "";
	struct access *a;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	log_set_fd(fds[1]);
	a = access_new(&conf, SELF);
	ck_assert_int_gt(read(fds[0], text, sizeof(text) - 1), 0);
	ck_assert_ptr_nonnull(
		strstr(text, "access.operate: no-such-user: there is no such user"));
	ck_assert_ptr_nonnull(
		strstr(text, "access.operate: @no-such-group: there is no such group"));
	ck_assert_ptr_nonnull(
		strstr(text, "access.operate: @: there is no such group"));
	ck_assert_int_eq(access_role(a, &peer), RPC_OPERATE);
	access_free(a);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("access");
	TCase *tc = tcase_create("access");

	tcase_add_test(tc, test_roles);
	tcase_add_test(tc, test_nobody_by_default);
	tcase_add_test(tc, test_partial_namespace);
	tcase_add_loop_test(tc, test_map, 0, COUNT_OF(maps));
	tcase_add_test(tc, test_unknown_names);
	suite_add_tcase(suite, tc);
	return suite;
}
