/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files in a directory of their own. read() and write() are ours here, so that a file can
 * change in the middle of being read, and a disk can be full.
 */
#include "scratch.h"
#include "unit.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the next calls of read() and write() do besides; each test runs in a process of its own. */
static struct {
	const char *append_to; /* before each read, a byte is appended here */
	int appends;           /* so many times */
	size_t read_max;       /* bytes a read gives at most; 0: no limit */
	int eintr;             /* so many calls fail with EINTR first */
	int write_errno;       /* writes fail so, after write_room bytes */
	size_t write_room;
} fault;

static void
append_byte(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(syscall(SYS_write, fd, "+", 1), 1);
	(void)close(fd);
}

ssize_t
read(int fd, void *data, size_t size)
{
	if (fault.eintr > 0) {
		fault.eintr--;
		errno = EINTR;
		return -1;
	}
	if (fault.appends > 0) {
		fault.appends--;
		append_byte(fault.append_to);
	}
	if (fault.read_max > 0 && size > fault.read_max)
		size = fault.read_max;
	return syscall(SYS_read, fd, data, size);
}

ssize_t
write(int fd, const void *data, size_t size)
{
	if (fault.write_errno == 0)
		return syscall(SYS_write, fd, data, size);
	if (fault.eintr > 0) {
		fault.eintr--;
		errno = EINTR;
		return -1;
	}
	if (fault.write_room == 0) {
		errno = fault.write_errno;
		return -1;
	}
	if (size > fault.write_room)
		size = fault.write_room;
	fault.write_room -= size;
	return syscall(SYS_write, fd, data, size);
}

static void
make(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void
assert_content(const char *path, const char *text)
{
	AUTO(buf) struct buf out = {0};
	struct err err;

	ck_assert_msg(file_read(path, 100000, true, &out, NULL, &err) == 0, "%s",
		err.text);
	ck_assert_str_eq(buf_str(&out), text);
}

START_TEST(reads)
{
	AUTO(buf) struct buf out = {0};
	struct file_info info;
	struct err err;

	make("f", "hello\n", 0640);
	buf_puts(&out, ">");
	ck_assert_int_eq(file_read("f", 6, true, &out, &info, &err), 0);
	ck_assert_str_eq(out.data, ">hello\n");
	ck_assert(info.others_read && !info.others_write);
	ck_assert_uint_eq(info.uid, geteuid());
}
END_TEST

static const struct {
	int line;
	mode_t mode;
	bool others_read, others_write;
} modes[] = {
	{__LINE__, 0600, false, false},
	{__LINE__, 0400, false, false},
	{__LINE__, 0700, false, false},
	{__LINE__, 0611, false, false},
	{__LINE__, 0640, true, false},
	{__LINE__, 0604, true, false},
	{__LINE__, 0620, false, true},
	{__LINE__, 0602, false, true},
	{__LINE__, 0666, true, true},
};

START_TEST(who_else_may)
{
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		AUTO(buf) struct buf out = {0};
		struct file_info info;

		make("f", "x", modes[i].mode);
		ck_assert_int_eq(file_read("f", 1, true, &out, &info, NULL), 0);
		ck_assert_msg(info.others_read == modes[i].others_read &&
				info.others_write == modes[i].others_write,
			"line %d", modes[i].line);
		ck_assert_int_eq(unlink("f"), 0);
	}
}
END_TEST

START_TEST(empty)
{
	make("f", "", 0600);
	assert_content("f", "");
}
END_TEST

START_TEST(nuls_are_bytes)
{
	AUTO(buf) struct buf out = {0};

	ck_assert_int_eq(file_write("f", 0600, "a\0b", 3, NULL), 0);
	ck_assert_int_eq(file_read("f", 3, true, &out, NULL, NULL), 0);
	ck_assert_uint_eq(out.len, 3);
	ck_assert_mem_eq(out.data, "a\0b", 4);
}
END_TEST

static void
make_all_kinds(void)
{
	make("file", "12345", 0600);
	ck_assert_int_eq(symlink("file", "link"), 0);
	ck_assert_int_eq(symlink("nowhere", "dangling"), 0);
	ck_assert_int_eq(symlink("loop", "loop"), 0);
	ck_assert_int_eq(mkdir("dir", 0700), 0);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert_int_eq(truncate("file", 5), 0);
	make("huge", "", 0600);
	ck_assert_int_eq(truncate("huge", 1 << 30), 0);
}

static const struct {
	int line;
	const char *path;
	size_t max;
	bool nofollow;
	const char *text; /* of the error; NULL: none */
} kinds[] = {
	{__LINE__, "file", 5, true, NULL},
	{__LINE__, "link", 5, false, NULL},
	{__LINE__, "file", 4, true, "file: is larger than 4 bytes"},
	{__LINE__, "huge", 65536, true, "huge: is larger than 65536 bytes"},
	{__LINE__, "link", 5, true, "link: is a symbolic link"},
	{__LINE__, "dangling", 5, true, "dangling: is a symbolic link"},
	{__LINE__, "dangling", 5, false, "dangling: No such file or directory"},
	{__LINE__, "loop", 5, false, "loop: Too many levels of symbolic links"},
	{__LINE__, "dir", 5, true, "dir: is not a regular file"},
	{__LINE__, "fifo", 5, true, "fifo: is not a regular file"},
	{__LINE__, "/dev/null", 5, true, "/dev/null: is not a regular file"},
	{__LINE__, "nothing", 5, true, "nothing: No such file or directory"},
	{__LINE__, "file/x", 5, true, "file/x: Not a directory"},
};

START_TEST(all_kinds)
{
	make_all_kinds();
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		AUTO(buf) struct buf out = {0};
		struct file_info info = {.uid = 12345};
		struct err err = {0};
		int rc = file_read(kinds[i].path, kinds[i].max, kinds[i].nofollow, &out,
			&info, &err);

		ck_assert_msg(rc == (kinds[i].text == NULL ? 0 : -1), "line %d: %s",
			kinds[i].line, err.text);
		if (kinds[i].text == NULL)
			continue;
		ck_assert_int_eq(err.code, ERR_CONFIG);
		ck_assert_str_eq(err.text, kinds[i].text);
		ck_assert_uint_eq(out.len, 0);
		ck_assert_uint_eq(info.uid, 12345);
	}
}
END_TEST

START_TEST(not_ours_to_read)
{
	AUTO(buf) struct buf out = {0};
	struct err err;

	make("f", "x", 0);
	if (geteuid() == 0) /* who may read everything */
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(file_read("f", 100, true, &out, NULL, &err), -1);
	ck_assert_str_eq(err.text, "f: Permission denied");
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(short_reads_and_signals)
{
	make("f", "0123456789", 0600);
	fault.read_max = 3;
	fault.eintr = 2;
	assert_content("f", "0123456789");
	ck_assert_int_eq(fault.eintr, 0);
}
END_TEST

START_TEST(changed_once)
{
	make("f", "hello", 0600);
	fault.append_to = "f";
	fault.appends = 1;
	assert_content("f", "hello+");
}
END_TEST

START_TEST(changes_all_the_time)
{
	AUTO(buf) struct buf out = {0};
	struct err err;

	make("f", "hello", 0600);
	fault.append_to = "f";
	fault.appends = 1000;
	ck_assert_int_eq(file_read("f", 100, true, &out, NULL, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_str_eq(err.text, "f: changes while it is read");
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(grows_beyond_the_limit)
{
	AUTO(buf) struct buf out = {0};
	struct err err;

	make("f", "hello", 0600);
	fault.append_to = "f";
	fault.appends = 1;
	ck_assert_int_eq(file_read("f", 5, true, &out, NULL, &err), -1);
	ck_assert_str_eq(err.text, "f: is larger than 5 bytes");
}
END_TEST

START_TEST(no_descriptor_is_left)
{
	AUTO(buf) struct buf out = {0};
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC), after;

	(void)close(before);
	make_all_kinds();
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		(void)file_read(kinds[i].path, 5, kinds[i].nofollow, &out, NULL, NULL);
	ck_assert_int_eq(file_write("f", 0600, "x", 1, NULL), 0);
	ck_assert_int_eq(file_write("dir", 0600, "x", 1, NULL), -1);
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)close(after);
	ck_assert_int_eq(before, after);
}
END_TEST

static mode_t
mode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return st.st_mode;
}

START_TEST(writes)
{
	AUTO(free) char *absolute = xasprintf("%s/g", scratch_path());

	ck_assert_int_eq(file_write("f", 0640, "one", 3, NULL), 0);
	assert_content("f", "one");
	ck_assert_uint_eq(mode_of("f") & 07777, 0640);
	ck_assert_int_eq(file_write("f", 0600, "", 0, NULL), 0);
	assert_content("f", "");
	ck_assert_uint_eq(mode_of("f") & 07777, 0600);
	ck_assert_int_eq(file_write(absolute, 0666, "two", 3, NULL), 0);
	assert_content("g", "two");
	ck_assert_uint_eq(mode_of("g") & 07777, 0666); /* whatever the umask */
	ck_assert_uint_eq(scratch_count(), 2);
}
END_TEST

START_TEST(replaces_a_link)
{
	make("target", "old", 0600);
	ck_assert_int_eq(symlink("target", "f"), 0);
	ck_assert_int_eq(file_write("f", 0600, "new", 3, NULL), 0);
	assert_content("f", "new");
	assert_content("target", "old");
	ck_assert(S_ISREG(mode_of("f")));
}
END_TEST

START_TEST(full_disk)
{
	struct err err;

	make("f", "old", 0600);
	fault.write_errno = ENOSPC;
	fault.write_room = 2;
	ck_assert_int_eq(file_write("f", 0600, "new", 3, &err), -1);
	ck_assert_int_eq(err.code, ERR_IO);
	ck_assert_str_eq(err.text, "f: cannot be written: No space left on device");
	assert_content("f", "old");
	ck_assert_uint_eq(scratch_count(), 1);
}
END_TEST

START_TEST(short_writes_and_signals)
{
	fault.write_errno = EIO; /* which does not come */
	fault.write_room = 3;
	fault.eintr = 1;
	ck_assert_int_eq(file_write("f", 0600, "new", 3, NULL), 0);
	fault.write_errno = 0;
	assert_content("f", "new");
}
END_TEST

START_TEST(cannot_be_written)
{
	struct err err;

	ck_assert_int_eq(file_write("nowhere/f", 0600, "x", 1, &err), -1);
	ck_assert_int_eq(err.code, ERR_IO);
	ck_assert_str_eq(err.text,
		"nowhere/f: cannot be written: No such file or directory");
	ck_assert_int_eq(mkdir("dir", 0700), 0);
	ck_assert_int_eq(file_write("dir", 0600, "x", 1, &err), -1);
	ck_assert_str_eq(err.text, "dir: cannot be written: Is a directory");
	ck_assert_uint_eq(scratch_count(), 1);
}
END_TEST

/* Whoever reads while it is written again and again sees one of the texts, whole. */
START_TEST(atomic)
{
	static char texts[2][50000];
	pid_t writer;
	int status;

	memset(texts[0], 'a', sizeof(texts[0]) - 1);
	memset(texts[1], 'b', sizeof(texts[1]) - 1);
	ck_assert_int_eq(file_write("f", 0600, texts[0], strlen(texts[0]), NULL), 0);
	writer = fork();
	if (writer == 0) {
		for (int i = 0; i < 300; i++)
			if (file_write("f", 0600, texts[i % 2], strlen(texts[0]),
				    NULL) < 0)
				_exit(1);
		_exit(0);
	}
	while (waitpid(writer, &status, WNOHANG) == 0) {
		AUTO(buf) struct buf out = {0};

		ck_assert_int_eq(file_read("f", 100000, true, &out, NULL, NULL), 0);
		ck_assert(strcmp(out.data, texts[0]) == 0 ||
			strcmp(out.data, texts[1]) == 0);
	}
	ck_assert_int_eq(status, 0);
}
END_TEST

Suite *
test_suite(void)
{
	Suite *suite = suite_create("file");
	TCase *tc = tcase_create("file");

	tcase_add_checked_fixture(tc, scratch_setup, scratch_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, reads);
	tcase_add_test(tc, who_else_may);
	tcase_add_test(tc, empty);
	tcase_add_test(tc, nuls_are_bytes);
	tcase_add_test(tc, all_kinds);
	tcase_add_test(tc, not_ours_to_read);
	tcase_add_test(tc, short_reads_and_signals);
	tcase_add_test(tc, changed_once);
	tcase_add_test(tc, changes_all_the_time);
	tcase_add_test(tc, grows_beyond_the_limit);
	tcase_add_test(tc, no_descriptor_is_left);
	tcase_add_test(tc, writes);
	tcase_add_test(tc, replaces_a_link);
	tcase_add_test(tc, full_disk);
	tcase_add_test(tc, short_writes_and_signals);
	tcase_add_test(tc, cannot_be_written);
	tcase_add_test(tc, atomic);
	suite_add_tcase(suite, tc);
	return suite;
}
