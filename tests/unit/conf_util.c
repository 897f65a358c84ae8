/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Helpers of the tests of the configuration.
 */
#include "conf_util.h"
#include "unit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/conf_load.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *
conf_told(const char *text, const char *dir, struct conf **ret_conf)
{
	struct conf_problems *problems = conf_problems_new();
	struct conf *conf = conf_parse(text, strlen(text), "t.yaml", dir, problems);
	struct buf out = {.data = NULL};

	conf_problems_print(problems, &out);
	conf_problems_free(problems);
	if (ret_conf != NULL)
		*ret_conf = conf;
	else
		conf_free(conf);
	return buf_take(&out);
}

struct conf *
conf_good(const char *text)
{
	struct conf *conf;
	AUTO(free) char *told = conf_told(text, "/nowhere", &conf);

	ck_assert_str_eq(told, "");
	ck_assert_ptr_nonnull(conf);
	return conf;
}

void
conf_refused(int line, const char *text, const char *printed)
{
	struct conf *conf;
	AUTO(free) char *told = conf_told(text, "/nowhere", &conf);

	ck_assert_msg(strcmp(told, printed) == 0, "line %d printed:\n%s\nexpected:\n%s",
		line, told, printed);
	ck_assert_msg(conf == NULL, "line %d was loaded", line);
}

char *
temp_dir(void)
{
	char *dir = xstrdup("/tmp/ec2workerd-conf-XXXXXX");

	ck_assert_ptr_nonnull(mkdtemp(dir));
	return dir;
}

void
temp_file(const char *dir, const char *name, const char *text, mode_t mode)
{
	AUTO(free) char *path = xasprintf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t len = strlen(text);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	ck_assert_int_eq(close(fd), 0);
}

void
temp_remove(char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	while ((entry = readdir(d)) != NULL)
		(void)unlinkat(dirfd(d), entry->d_name, 0); /* not . and .. */
	closedir(d);
	ck_assert_int_eq(rmdir(dir), 0);
	free(dir);
}
