/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock stands still in these tests: Unix sockets deliver at once, and what waits is
 * moved by hand. Connections as such are test_sock_conn.c's.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/loop.h"
#include "sys/sock.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ACCEPTED_MAX 64

static struct loop *loop;
static char dir[64], path[128];

/* What the accept callback got. */
static struct {
	int fds[ACCEPTED_MAX];
	int count;
	struct sock_listener *to_free;
} accepted;

static void
on_accept(void *arg, int fd)
{
	ck_assert_ptr_eq(arg, &accepted);
	ck_assert_int_lt(accepted.count, ACCEPTED_MAX);
	accepted.fds[accepted.count++] = fd;
	sock_listener_free(accepted.to_free);
	accepted.to_free = NULL;
}

static void
close_accepted(void)
{
	while (accepted.count > 0)
		close(accepted.fds[--accepted.count]);
}

static struct sock_listener *live; /* of put_live_socket, or NULL */

static void
setup(void)
{
	struct err err;

	clock_fake(5000000, 1700000000000);
	loop = loop_new(&err);
	ck_assert_ptr_nonnull(loop);
	snprintf(dir, sizeof(dir), "/tmp/test_sock.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/rpc.sock", dir);
}

static void
remove_dir(const char *name)
{
	DIR *d = opendir(name);
	struct dirent *entry;

	while ((entry = readdir(d)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(d), entry->d_name, 0) != 0)
			ck_assert_int_eq(unlinkat(dirfd(d), entry->d_name,
						 AT_REMOVEDIR),
				0);
	}
	closedir(d);
	ck_assert_int_eq(rmdir(name), 0);
}

static void
teardown(void)
{
	close_accepted();
	sock_listener_free(live);
	loop_free(loop);
	remove_dir(dir);
}

static int
count_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(d) != NULL)
		count++;
	closedir(d);
	return count;
}

static struct sock_listener *
listen_at(const char *where, mode_t mode, const char *group, struct err *err)
{
	struct sock_where place = {.path = where, .mode = mode, .group = group};

	return sock_listen_at(loop, &place, on_accept, &accepted, err);
}

static struct sock_listener *
listen_here(struct err *err)
{
	return listen_at(path, 0660, NULL, err);
}

static int
connect_here(void)
{
	struct err err;
	int fd = sock_connect(path, &err);

	ck_assert_msg(fd >= 0, "%s", err.text);
	return fd;
}

START_TEST(test_listen_and_accept)
{
	struct err err;
	mode_t mask = umask(022);
	struct sock_listener *l = listen_here(&err);
	struct stat st;
	int fd;

	ck_assert_msg(l != NULL, "%s", err.text);
	ck_assert_uint_eq(umask(mask), 022);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	fd = connect_here();
	loop_turn(loop, true);
	ck_assert_int_eq(accepted.count, 1);
	ck_assert_int_eq(fcntl(accepted.fds[0], F_GETFD), FD_CLOEXEC);
	ck_assert(fcntl(accepted.fds[0], F_GETFL) & O_NONBLOCK);
	close(fd);
	ck_assert(!sock_listener_is_lost(l));
	sock_listener_free(l);
	ck_assert_int_eq(lstat(path, &st), -1);
	ck_assert_int_eq(errno, ENOENT);
	sock_listener_free(NULL);
}
END_TEST

START_TEST(test_peer)
{
	struct err err;
	struct sock_peer peer;
	gid_t groups[1024];
	int pair[2], count = getgroups(COUNT_OF(groups), groups);

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(sock_peer(pair[0], &peer, &err), 0);
	ck_assert_uint_eq(peer.uid, geteuid());
	ck_assert_uint_eq(peer.gid, getegid());
	ck_assert_uint_eq(peer.group_count, (size_t)count);
	ck_assert_int_eq(memcmp(peer.groups, groups, (size_t)count * sizeof(gid_t)), 0);
	sock_peer_fini(&peer);
	close(pair[0]);
	close(pair[1]);
	ck_assert_int_eq(sock_peer(-1, &peer, &err), -1);
}
END_TEST

/* More groups than the first guess has room for; only root can take them on. */
START_TEST(test_peer_with_many_groups)
{
	struct err err;
	struct sock_peer peer;
	gid_t groups[300];
	int pair[2];

	if (geteuid() != 0)
		return;
	for (gid_t i = 0; i < COUNT_OF(groups); i++)
		groups[i] = 10000 + i;
	ck_assert_int_eq(setgroups(COUNT_OF(groups), groups), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(sock_peer(pair[0], &peer, &err), 0);
	ck_assert_uint_eq(peer.group_count, COUNT_OF(groups));
	ck_assert_uint_eq(peer.groups[299], 10299);
	sock_peer_fini(&peer);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

/* What may stand in the place before we listen there. */
static struct sockaddr_un
address_here(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	ck_assert_uint_lt(strlen(path), sizeof(sun.sun_path));
	memcpy(sun.sun_path, path, strlen(path));
	return sun;
}

static void
put_nothing(void)
{
}

static void
put_stale_socket(void)
{
	struct sockaddr_un sun = address_here();
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	close(fd);
}

static void
put_live_socket(void)
{
	struct err err;

	live = listen_here(&err);
	ck_assert_ptr_nonnull(live);
}

static void
put_datagram_socket(void)
{
	struct sockaddr_un sun = address_here();
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
}

static void
put_file(void)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
put_symlink_to_socket(void)
{
	char target[sizeof(path) + 8];

	put_stale_socket();
	snprintf(target, sizeof(target), "%s.real", path);
	ck_assert_int_eq(rename(path, target), 0);
	ck_assert_int_eq(symlink(target, path), 0);
}

static void
put_directory(void)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void
open_dir_to_all(void)
{
	ck_assert_int_eq(chmod(dir, 01777), 0);
}

static void
open_dir_to_a_group(void)
{
	if (chown(dir, (uid_t)-1, 12345) != 0)
		ck_assert_int_ne(geteuid(), 0);
	else
		ck_assert_int_eq(chmod(dir, 0770), 0);
}

static void
give_dir_away(void)
{
	if (chown(dir, 12345, (gid_t)-1) != 0)
		ck_assert_int_ne(geteuid(), 0);
}

static void
lose_dir(void)
{
	snprintf(path, sizeof(path), "%s/none/rpc.sock", dir);
}

static void
name_a_directory(void)
{
	snprintf(path, sizeof(path), "%s/", dir);
}

static void
name_too_long(void)
{
	memset(path, 'x', sizeof(path));
	memcpy(path, dir, strlen(dir));
	path[strlen(dir)] = '/';
	path[sizeof(path) - 1] = '\0';
}

static const struct {
	void (*put)(void);
	bool root_only;
	const char *expected; /* in the error; NULL: fine */
	int line;
} place_cases[] = {
	{put_nothing, false, NULL, __LINE__},
	{put_stale_socket, false, NULL, __LINE__},
	{put_live_socket, false, "another process listens", __LINE__},
	{put_datagram_socket, false, "is there", __LINE__},
	{put_file, false, "is no socket", __LINE__},
	{put_symlink_to_socket, false, "is no socket", __LINE__},
	{put_directory, false, "is no socket", __LINE__},
	{open_dir_to_all, false, "can be written by others", __LINE__},
	{open_dir_to_a_group, true, "can be written by others", __LINE__},
	{give_dir_away, true, "must be root's or ours", __LINE__},
	{lose_dir, false, "No such file", __LINE__},
	{name_a_directory, false, "not the name of a socket", __LINE__},
	{name_too_long, false, "too long", __LINE__},
};

START_TEST(test_what_stands_in_the_place)
{
	struct err err = {0};
	struct sock_listener *l;
	int before;

	if (place_cases[_i].root_only && geteuid() != 0)
		return;
	place_cases[_i].put();
	before = count_descriptors();
	l = listen_here(&err);
	if (place_cases[_i].expected == NULL) {
		ck_assert_msg(l != NULL, "line %d: %s", place_cases[_i].line, err.text);
		close(connect_here());
		sock_listener_free(l);
	} else {
		ck_assert_msg(l == NULL, "line %d", place_cases[_i].line);
		ck_assert_int_eq(err.code, ERR_CONFIG);
		ck_assert_msg(strstr(err.text, place_cases[_i].expected) != NULL,
			"line %d: %s", place_cases[_i].line, err.text);
	}
	ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

START_TEST(test_groups)
{
	struct err err;
	struct sock_listener *l;
	struct stat st;
	char own[32];

	ck_assert_ptr_null(listen_at(path, 0660, "no-such-group-here", &err));
	ck_assert_str_eq(err.text, "group no-such-group-here: not known");
	snprintf(own, sizeof(own), "%u", (unsigned)getegid());
	l = listen_at(path, 0600, own, &err);
	ck_assert_msg(l != NULL, "%s", err.text);
	sock_listener_free(l);
	if (geteuid() != 0)
		return;
	l = listen_at(path, 0620, "12345", &err);
	ck_assert_msg(l != NULL, "%s", err.text);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_uint_eq(st.st_gid, 12345);
	ck_assert_uint_eq(st.st_mode & 07777, 0620);
	sock_listener_free(l);
}
END_TEST

/* A directory deeper than a socket address has room for. */
START_TEST(test_long_path)
{
	struct err err;
	char deep[256], sub[128];
	struct sock_listener *l;
	int fd;

	memset(sub, 'd', sizeof(sub));
	sub[sizeof(sub) - 1] = '\0';
	snprintf(deep, sizeof(deep), "%s/%s", dir, sub);
	ck_assert_int_eq(mkdir(deep, 0755), 0);
	snprintf(deep, sizeof(deep), "%s/%s/rpc.sock", dir, sub);
	ck_assert_int_eq(sock_connect(deep, &err), -1);
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	l = listen_at(deep, 0600, NULL, &err);
	ck_assert_msg(l != NULL, "%s", err.text);
	fd = sock_connect(deep, &err);
	ck_assert_msg(fd >= 0, "%s", err.text);
	close(fd);
	sock_listener_free(l);
}
END_TEST

START_TEST(test_connect_fails)
{
	struct err err;

	ck_assert_int_eq(sock_connect(path, &err), -1);
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(err.text, "No such file"));
	put_stale_socket();
	ck_assert_int_eq(sock_connect(path, &err), -1);
	ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(err.text, "refused"));
}
END_TEST

START_TEST(test_lost_and_bound_again)
{
	struct err err;
	struct sock_listener *l = listen_here(&err);
	int old = connect_here(), fd;

	loop_turn(loop, true);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(sock_listener_is_lost(l));
	ck_assert_int_eq(sock_listener_rebind(l, &err), 0);
	ck_assert(!sock_listener_is_lost(l));
	fd = connect_here();
	loop_turn(loop, true);
	ck_assert_int_eq(accepted.count, 2);
	ck_assert_int_eq(write(accepted.fds[0], "x", 1), 1); /* old ones go on */
	/* Somebody else's file in our place is neither bound over nor removed. */
	ck_assert_int_eq(unlink(path), 0);
	put_file();
	ck_assert(sock_listener_is_lost(l));
	ck_assert_int_eq(sock_listener_rebind(l, &err), -1);
	sock_listener_free(l);
	ck_assert_int_eq(access(path, F_OK), 0);
	close(fd);
	close(old);
}
END_TEST

START_TEST(test_listen_fd)
{
	struct err err;
	struct sockaddr_un sun = address_here();
	struct sock_listener *l;
	int given = socket(AF_UNIX, SOCK_STREAM, 0), fd;

	ck_assert_int_eq(bind(given, (struct sockaddr *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(listen(given, 8), 0);
	l = sock_listen_fd(loop, given, on_accept, &accepted);
	ck_assert_int_eq(fcntl(given, F_GETFD), FD_CLOEXEC);
	fd = connect_here();
	loop_turn(loop, true);
	ck_assert_int_eq(accepted.count, 1);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(!sock_listener_is_lost(l));
	put_file();
	sock_listener_free(l);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(fcntl(given, F_GETFD), -1);
	close(fd);
	(void)err;
}
END_TEST

START_TEST(test_freed_while_accepting)
{
	struct err err;
	struct sock_listener *l = listen_here(&err);
	int a = connect_here(), b = connect_here();

	accepted.to_free = l;
	loop_turn(loop, true);
	ck_assert_int_eq(accepted.count, 1);
	loop_turn(loop, true);
	ck_assert_int_eq(accepted.count, 1);
	close(a);
	close(b);
}
END_TEST

/* FAULTS P15. The log goes to a pipe, the clients hold their ends in another process. */
START_TEST(test_no_descriptors_left)
{
	enum { CLIENTS = 20 };
	struct err err;
	struct sock_listener *l = listen_here(&err);
	struct rlimit limit;
	int clients[CLIENTS], log[2], served = 0;
	char lines[4096] = "";

	ck_assert_int_eq(pipe(log), 0);
	log_set_fd(log[1]);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = connect_here();
	getrlimit(RLIMIT_NOFILE, &limit);
	/* Room for three more than are open now. */
	limit.rlim_cur = (rlim_t)dup(0) + 3;
	close((int)limit.rlim_cur - 3);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < 1000; i++)
		loop_turn(loop, true);
	ck_assert_int_eq(accepted.count, 3);
	for (int second = 0; second < 3; second++) {
		ck_assert_int_eq(loop_next_due_ms(loop), clock_ms() + 1000);
		clock_fake_advance(1000);
		for (int i = 0; i < 1000; i++)
			loop_turn(loop, true);
		ck_assert_int_eq(accepted.count, 3);
	}
	/* Descriptors are there again: those who waited are served, four were turned away. */
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	clock_fake_advance(1000);
	loop_turn(loop, true);
	loop_turn(loop, true);
	ck_assert_int_eq(accepted.count, CLIENTS - 4);
	for (int i = 0; i < CLIENTS; i++) {
		char byte;

		served += recv(clients[i], &byte, 1, MSG_DONTWAIT) < 0;
		close(clients[i]);
	}
	ck_assert_int_eq(served, CLIENTS - 4);
	ck_assert_int_gt(read(log[0], lines, sizeof(lines) - 1), 0);
	ck_assert_ptr_nonnull(strstr(lines, "Too many open files"));
	ck_assert_ptr_eq(strchr(lines, '\n'), strrchr(lines, '\n'));
	log_set_fd(2);
	close(log[0]);
	close(log[1]);
	sock_listener_free(l);
}
END_TEST

/* FAULTS R8: ten thousand come and go. */
START_TEST(test_coming_and_going)
{
	struct err err;
	struct sock_listener *l = listen_here(&err);
	int before = count_descriptors();

	for (int i = 0; i < 10000; i++) {
		close(connect_here());
		loop_turn(loop, true);
		ck_assert_int_eq(accepted.count, 1);
		close_accepted();
	}
	ck_assert_int_eq(count_descriptors(), before);
	sock_listener_free(l);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("sock");
	TCase *tc = tcase_create("sock");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_listen_and_accept);
	tcase_add_test(tc, test_peer);
	tcase_add_test(tc, test_peer_with_many_groups);
	tcase_add_loop_test(tc, test_what_stands_in_the_place, 0,
		COUNT_OF(place_cases));
	tcase_add_test(tc, test_groups);
	tcase_add_test(tc, test_long_path);
	tcase_add_test(tc, test_connect_fails);
	tcase_add_test(tc, test_lost_and_bound_again);
	tcase_add_test(tc, test_listen_fd);
	tcase_add_test(tc, test_freed_while_accepting);
	tcase_add_test(tc, test_no_descriptors_left);
	tcase_add_test(tc, test_coming_and_going);
	suite_add_tcase(suite, tc);
	return suite;
}
